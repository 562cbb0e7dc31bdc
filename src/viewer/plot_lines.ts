/** What the plots show: each line from the columns of a track. */
import type { QuantityName } from "../observe/index.ts";
import type { Track } from "./track.ts";

export type PlotUnit = "bytes" | "µs" | "segments";

export interface Line {
  readonly label: string;
  /** As in `data-…`. */
  readonly name: string;
  /** The name of a custom property of the style. */
  readonly colour: string;
  readonly dashed?: boolean | undefined;
  /** NaN where it is not known. */
  readonly value: (track: Track, ends: Ends, index: number) => number;
}

export interface Ends {
  readonly senderId: string | undefined;
  readonly receiverId: string | undefined;
}

export interface PlotLook {
  readonly id: string;
  readonly title: string;
  readonly unit: PlotUnit;
  readonly lines: readonly Line[];
  /** Two lines between which it is filled. */
  readonly between?: readonly [string, string] | undefined;
  readonly wide?: boolean | undefined;
  readonly stepped?: boolean | undefined;
}

const send =
  (name: QuantityName) =>
  (track: Track, { senderId }: Ends, index: number): number =>
    track.value(senderId, name, index);
const receive =
  (name: QuantityName) =>
  (track: Track, { receiverId }: Ends, index: number): number =>
    track.value(receiverId, name, index);

function sentBytes(track: Track, { senderId }: Ends, index: number): number {
  return track.value(senderId, "ackedBytes", index) + track.value(senderId, "inFlightBytes", index);
}

function windowEdge(track: Track, { senderId }: Ends, index: number): number {
  return track.value(senderId, "ackedBytes", index) + track.value(senderId, "windowSeenBytes", index);
}

/** What the sender knows of the window; the receiver's word where the sender is elsewhere. */
function window(track: Track, ends: Ends, index: number): number {
  const seen = track.value(ends.senderId, "windowSeenBytes", index);
  return Number.isNaN(seen) ? track.value(ends.receiverId, "windowAdvertisedBytes", index) : seen;
}

const rttAround =
  (sign: 1 | -1) =>
  (track: Track, { senderId }: Ends, index: number): number =>
    Math.max(0, track.value(senderId, "rttUs", index) + sign * track.value(senderId, "rttVarianceUs", index));

/** Sequence numbers count bytes from the connection's beginning, so that what was written and what was read stand in the same space. */
export const SEQUENCE: PlotLook = {
  id: "sequence",
  title: "Sequence space",
  unit: "bytes",
  wide: true,
  lines: [
    { label: "window edge", name: "windowEdge", colour: "--window", dashed: true, value: windowEdge },
    { label: "written", name: "written", colour: "--not-sent", value: send("writtenBytes") },
    { label: "sent", name: "sent", colour: "--in-flight", value: sentBytes },
    { label: "acknowledged", name: "acked", colour: "--acked", value: send("ackedBytes") },
    { label: "read", name: "read", colour: "--not-read", value: receive("readBytes") },
  ],
};

export const PLOTS: readonly PlotLook[] = [
  SEQUENCE,
  {
    id: "queues",
    title: "Queues",
    unit: "bytes",
    lines: [
      {
        label: "send queue",
        name: "sendQueue",
        colour: "--not-sent",
        value: (track, { senderId }, index) =>
          track.value(senderId, "notSentBytes", index) + track.value(senderId, "inFlightBytes", index),
      },
      {
        label: "memory",
        name: "sendMemory",
        colour: "--not-sent",
        dashed: true,
        value: send("sendMemoryBytes"),
      },
      {
        label: "receive queue",
        name: "receiveQueue",
        colour: "--not-read",
        value: receive("receiveQueueBytes"),
      },
      {
        label: "memory",
        name: "receiveMemory",
        colour: "--not-read",
        dashed: true,
        value: receive("receiveMemoryBytes"),
      },
    ],
  },
  {
    id: "windows",
    title: "Windows",
    unit: "bytes",
    lines: [
      { label: "receiver's window", name: "window", colour: "--window", value: window },
      {
        label: "congestion window",
        name: "congestionWindow",
        colour: "--reason-congestion",
        value: send("congestionWindowBytes"),
      },
      { label: "in flight", name: "inFlight", colour: "--in-flight", value: send("inFlightBytes") },
    ],
  },
  {
    id: "rtt",
    title: "Round-trip time",
    unit: "µs",
    between: ["above", "below"],
    lines: [
      { label: "", name: "above", colour: "--in-flight", value: rttAround(1) },
      { label: "", name: "below", colour: "--in-flight", value: rttAround(-1) },
      { label: "smoothed", name: "rtt", colour: "--in-flight", value: send("rttUs") },
      { label: "least", name: "minRtt", colour: "--acked", dashed: true, value: send("minRttUs") },
    ],
  },
  {
    id: "retransmissions",
    title: "Retransmissions",
    unit: "segments",
    stepped: true,
    lines: [
      {
        label: "retransmitted so far",
        name: "retransmitted",
        colour: "--reason-loss",
        value: send("retransmittedSegments"),
      },
      { label: "taken for lost now", name: "lost", colour: "--reason-window", value: send("lostSegments") },
    ],
  },
];

export interface Lines {
  readonly xs: readonly number[];
  readonly ys: readonly (readonly (number | null)[])[];
}

/** No screen has more columns to draw in. */
const MOST_POINTS = 2400;

/**
 * The lines of a plot between two moments, and the samples beside them, so that they go on to the edges.
 * @param base what is subtracted from all of them: the same for all samples, or that of each
 */
export function linesOf(
  track: Track,
  look: PlotLook,
  ends: Ends,
  from: number,
  to: number,
  base?: (index: number) => number,
): Lines {
  const first = Math.max(0, track.indexAt(from));
  const last = Math.min(track.length - 1, track.indexAt(to) + 1);
  const every = Math.max(1, Math.ceil((last - first + 1) / MOST_POINTS));
  const places: number[] = [];
  for (let index = first; index <= last; index++)
    if (index % every === 0 || index === last) places.push(index);
  return {
    xs: places.map((index) => track.x(index)),
    ys: look.lines.map(({ value }) =>
      places.map((index) => {
        const y = value(track, ends, index) - (base?.(index) ?? 0);
        return Number.isNaN(y) ? null : y;
      }),
    ),
  };
}
