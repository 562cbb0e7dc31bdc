/** One direction of a connection: who sends, who receives, and how fast. */
import type { Connection, EndSample, Sample, WaitReason } from "../../observe/index.ts";
import type { Colour } from "./draw.ts";

export interface Flow {
  readonly from: string;
  readonly to: string;
  /** The end that sends, where it is on this machine. */
  readonly sender: EndSample | undefined;
  readonly receiver: EndSample | undefined;
}

/** The flow of a connection: the one that has carried more, or the other one. */
export function flowOf(connection: Connection, other: boolean): Flow {
  const [sent, got] = carried(connection);
  return directed(connection, sent >= got !== other);
}

/** What a connection has carried from its near end, and to it. */
function carried({ near, far }: Connection): readonly [sent: number, got: number] {
  return [near.writtenBytes ?? 0, far?.writtenBytes ?? near.receivedBytes ?? 0];
}

function directed({ near, far }: Connection, outwards: boolean): Flow {
  return outwards
    ? { from: near.local, to: near.peer, sender: near, receiver: far }
    : { from: near.peer, to: near.local, sender: far, receiver: near };
}

/** So many connections at most have their direction remembered. */
const DIRECTIONS_MAX = 50_000;

/** The flows of connections over time. Where both directions are busy they carry more in turn: what is shown must not turn with them. */
export class Directions {
  readonly #outwards = new Map<string, boolean>();

  /** The flow that has carried more, or the other one: it turns round once the other direction has carried twice as much. */
  flowOf(connection: Connection, other: boolean): Flow {
    const { id } = connection;
    const [sent, got] = carried(connection);
    const before = this.#outwards.get(id);
    const outwards = before === undefined ? sent >= got : before ? sent * 2 >= got : sent > got * 2;
    if (before === undefined && this.#outwards.size >= DIRECTIONS_MAX) this.#outwards.clear();
    if (outwards !== before) this.#outwards.set(id, outwards);
    return directed(connection, outwards !== other);
  }

  delete(id: string): void {
    this.#outwards.delete(id);
  }
}

/** Rates are measured over so long, or as long as is known. */
const RATE_OVER_MS = 1000;

/** The sample that a rate at `index` is measured from. */
function earlier(samples: readonly Sample[], index: number): Sample | undefined {
  const now = samples[index];
  if (now === undefined) return undefined;
  let at = index - 1;
  while (at > 0 && now.elapsedMs - (samples[at] as Sample).elapsedMs < RATE_OVER_MS) at--;
  return samples[at];
}

/** How fast a count of an end grows at a sample, in its unit a second; `undefined` where it is not known for long enough. */
export function rateOf(
  samples: readonly Sample[],
  index: number,
  id: string | undefined,
  count: "writtenBytes" | "ackedBytes" | "readBytes" | "receivedBytes",
): number | undefined {
  const now = samples[index];
  const before = earlier(samples, index);
  if (now === undefined || before === undefined) return undefined;
  const find = ({ ends }: Sample): number | undefined => ends.find((end) => end.id === id)?.[count];
  const [to, from] = [find(now), find(before)];
  const seconds = (now.elapsedMs - before.elapsedMs) / 1000;
  return to === undefined || from === undefined || seconds <= 0 ? undefined : (to - from) / seconds;
}

/** What a sender waits for, in a word or two for a narrow column, and in which colour. */
export const WAIT_LABELS: Readonly<Record<WaitReason, readonly [string, Colour]>> = {
  "nothing-to-send": ["idle", "grey"],
  application: ["program", "blue"],
  "receiver-window": ["rcv window", "red"],
  "congestion-window": ["cwnd", "yellow"],
  "loss-recovery": ["recovery", "yellow"],
  "send-buffer": ["snd buffer", "magenta"],
  "small-segment": ["Nagle", "cyan"],
  pacing: ["sending", "green"],
  connecting: ["connecting", "cyan"],
  closed: ["closed", "grey"],
};

/** A name that somebody else chose, without what a terminal would obey. */
export function safeText(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "�");
}

/** `"node[1234]"`, of all that have it. */
export function holdersText(end: EndSample | undefined): string {
  return (end?.holders ?? []).map(({ pid, command }) => `${safeText(command)}[${pid}]`).join(" ");
}
