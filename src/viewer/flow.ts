/** One direction of a connection at one moment: who sends, who receives, and how fast. */
import type { QuantityName } from "../observe/index.ts";
import type { EndAt, Track } from "./track.ts";

export interface Flow {
  readonly index: number;
  readonly from: string;
  readonly to: string;
  readonly senderId: string | undefined;
  readonly receiverId: string | undefined;
  /** Undefined where it is on another machine, or not there at this moment. */
  readonly sender: EndAt | undefined;
  readonly receiver: EndAt | undefined;
}

/**
 * Whether the near end is the one that sends; of one that has gone, while it was last there. Where both are busy they carry more in turn,
 * and what is shown must not turn with them.
 * @param before what it was; it turns round once the other direction has carried twice as much
 */
export function isOutwards(track: Track, index: number, before?: boolean): boolean {
  const { near, far } = track.pair;
  let at = index;
  while (at > 0 && Number.isNaN(track.value(near, "writtenBytes", at))) at--;
  const sent = track.value(near, "writtenBytes", at);
  const answered = track.value(far, "writtenBytes", at);
  const got = Number.isNaN(answered) ? track.value(near, "receivedBytes", at) : answered;
  if (before === undefined) return !(got > sent);
  return before ? !(got > sent * 2) : sent > got * 2;
}

export function flowAt(track: Track, index: number, outwards: boolean): Flow {
  const { near, far } = track.pair;
  const { local = "", peer = "" } = track.addresses(near) ?? {};
  const [senderId, receiverId] = outwards ? [near, far] : [far, near];
  return {
    index,
    from: outwards ? local : peer,
    to: outwards ? peer : local,
    senderId,
    receiverId,
    sender: track.end(senderId, index),
    receiver: track.end(receiverId, index),
  };
}

/** Rates are measured over so long, or as long as is known. */
const RATE_OVER_SECONDS = 1;

/** How fast a count of an end grows, in its unit a second; undefined where it is not known for long enough. */
export function rateAt(
  track: Track,
  id: string | undefined,
  name: QuantityName,
  index: number,
): number | undefined {
  if (index < 1) return undefined;
  const before = Math.min(index - 1, track.indexAt(track.x(index) - RATE_OVER_SECONDS));
  const grown = track.value(id, name, index) - track.value(id, name, before);
  const seconds = track.x(index) - track.x(before);
  return Number.isNaN(grown) || seconds <= 0 ? undefined : Math.max(0, grown / seconds);
}

/** How much a count has grown since the sample before; 0 where it is not known. */
export function grownAt(track: Track, id: string | undefined, name: QuantityName, index: number): number {
  const grown = track.value(id, name, index) - track.value(id, name, index - 1);
  return Number.isNaN(grown) ? 0 : Math.max(0, grown);
}

/** The greatest value among the last so many samples, so that a bar has a scale that does not jump. */
export function greatestAt(
  track: Track,
  id: string | undefined,
  name: QuantityName,
  index: number,
  samples = 300,
): number {
  let greatest = 0;
  for (let at = Math.max(0, index - samples); at <= index; at++) {
    const value = track.value(id, name, at);
    if (value > greatest) greatest = value;
  }
  return greatest;
}
