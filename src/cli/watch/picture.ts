/** The picture of `windsock watch`: one direction of a connection, from the program that writes to the one that reads. */
import {
  type Connection,
  connectionsOf,
  type EndSample,
  type Sample,
  WAIT_TEXTS,
} from "../../observe/index.ts";
import {
  type Brush,
  bar,
  bytesText,
  cell,
  clip,
  MEDIUM,
  microsText,
  millisText,
  rateText,
  SOLID,
  sparkline,
  wrap,
} from "./draw.ts";
import { type Directions, type Flow, holdersText, rateOf, WAIT_LABELS } from "./flow.ts";

export interface PicturePlace {
  readonly samples: readonly Sample[];
  readonly index: number;
  readonly connection: Connection;
  readonly directions: Directions;
  /** Whether the direction is shown that has carried less. */
  readonly other: boolean;
}

const LABEL = 15;

/** The lines of a connection's picture, most important first where not all fit. */
export function pictureLines(place: PicturePlace, columns: number, height: number, brush: Brush): string[] {
  const flow = place.directions.flowOf(place.connection, place.other);
  const picture = [
    ...titleLines(flow, brush),
    ...senderLines(flow, place, columns, brush),
    ...receiverLines(flow, place, columns, brush),
    ...waitLines(flow.sender, columns, brush),
  ];
  const plots = plotLines(flow, place, columns, brush);
  return [...picture, ...plots].slice(0, height).map((line) => clip(line, columns));
}

function titleLines({ from, to, sender, receiver }: Flow, brush: Brush): string[] {
  const arrow = brush.unicode ? "→" : "->";
  const states = [sender, receiver].map((end) => (end === undefined ? "elsewhere" : `${end.state}`));
  const who = [sender, receiver].map(holdersText);
  return [
    `${brush.paint("bold", `${from} ${arrow} ${to}`)}   ${states.join(` ${arrow} `)}`,
    who.join("") === "" ? "" : brush.paint("grey", who.map((text) => text || "?").join(` ${arrow} `)),
  ];
}

function line(label: string, text: string): string {
  return `${cell(label, LABEL)}${text}`;
}

/** The arrow from one box to the next, with what stands beside it. */
function step(text: string, brush: Brush): string {
  return line("", `${brush.paint("grey", brush.unicode ? "│" : "|")} ${text}`);
}

function senderLines(
  { sender, receiver }: Flow,
  place: PicturePlace,
  columns: number,
  brush: Brush,
): string[] {
  const width = Math.max(12, columns - LABEL);
  if (sender === undefined) {
    return [line("program", brush.paint("grey", "elsewhere, or not watched")), ""];
  }
  const { samples, index } = place;
  const { notSentBytes = 0, inFlightBytes = 0, windowSeenBytes, mssBytes } = sender;
  const total = sender.sendMemoryTotalBytes ?? notSentBytes + inFlightBytes;
  const written = `writes  ${bytesText(sender.writtenBytes)} so far, ${rateText(rateOf(samples, index, sender.id, "writtenBytes"))}`;
  const window = windowSeenBytes ?? receiver?.windowAdvertisedBytes;
  const used = Math.min(inFlightBytes, window ?? 0);
  return [
    line("program", written),
    step("write()", brush),
    line(
      "send buffer",
      bar(
        [
          { value: inFlightBytes, colour: "cyan", glyph: SOLID },
          { value: notSentBytes, colour: "yellow", glyph: MEDIUM },
        ],
        total,
        width,
        brush,
      ),
    ),
    line(
      "",
      `${brush.paint("cyan", `${bytesText(sender.inFlightBytes)} in flight`)}, ${brush.paint("yellow", `${bytesText(sender.notSentBytes)} not sent`)}; memory ${bytesText(sender.sendMemoryBytes)} of ${bytesText(sender.sendMemoryTotalBytes)}`,
    ),
    step(
      `${sender.inFlightSegments ?? "-"} of ${sender.congestionWindowSegments ?? "-"} segments of ${bytesText(mssBytes)} in flight; rtt ${microsText(sender.rttUs)} ${brush.unicode ? "±" : "+/-"} ${microsText(sender.rttVarianceUs)}`,
      brush,
    ),
    line(
      "window",
      bar(
        [
          { value: used, colour: "cyan", glyph: SOLID },
          { value: Math.max(0, (window ?? 0) - used), colour: "green", glyph: MEDIUM },
        ],
        Math.max(window ?? 0, greatestWindow(samples, index, sender.id)),
        width,
        brush,
      ),
    ),
    line(
      "",
      `${bytesText(windowSeenBytes)} seen, ${brush.paint("green", `${bytesText(Math.max(0, (window ?? 0) - used))} left`)}; acked ${bytesText(sender.ackedBytes)} in ${sender.sentSegments ?? "-"} segments, retransmitted ${sender.retransmittedSegments ?? "-"}`,
    ),
  ];
}

/** What is drawn against: a window of 0 is an empty bar, not a full one. */
function greatestWindow(samples: readonly Sample[], index: number, id: string): number {
  const windows = recent(samples, index, 100).map((sample) => endIn(sample, id)?.windowSeenBytes ?? 0);
  return Math.max(1, ...windows);
}

function receiverLines(
  { sender, receiver }: Flow,
  place: PicturePlace,
  columns: number,
  brush: Brush,
): string[] {
  const width = Math.max(12, columns - LABEL);
  if (receiver === undefined) {
    const says =
      sender?.windowSeenBytes === undefined
        ? ""
        : `; its window has room for ${bytesText(sender.windowSeenBytes)}`;
    return [step("", brush), line("receiver", brush.paint("grey", `elsewhere, or not watched${says}`))];
  }
  const { samples, index } = place;
  const { receiveQueueBytes = 0, receiveMemoryBytes = 0, receiveMemoryTotalBytes = 0 } = receiver;
  // What the kernel's structures take beyond the data is room that the window does not have.
  const overhead = Math.max(0, receiveMemoryBytes - receiveQueueBytes);
  return [
    step(
      `${receiver.windowAdvertisedBytes === undefined ? "" : `acknowledgements, which advertise ${bytesText(receiver.windowAdvertisedBytes)}`}`,
      brush,
    ),
    line(
      "receive buffer",
      bar(
        [
          { value: receiveQueueBytes, colour: "blue", glyph: SOLID },
          { value: overhead, colour: "grey", glyph: MEDIUM },
        ],
        Math.max(receiveMemoryTotalBytes, 1),
        width,
        brush,
      ),
    ),
    line(
      "",
      `${brush.paint("blue", `${bytesText(receiver.receiveQueueBytes)} not read`)}; memory ${bytesText(receiver.receiveMemoryBytes)} of ${bytesText(receiver.receiveMemoryTotalBytes)}`,
    ),
    step("read()", brush),
    line(
      "program",
      `has read ${bytesText(receiver.readBytes)}, ${rateText(rateOf(samples, index, receiver.id, "readBytes"))}`,
    ),
  ];
}

function waitLines(sender: EndSample | undefined, columns: number, brush: Brush): string[] {
  if (sender === undefined) return [];
  const [, colour] = WAIT_LABELS[sender.waiting];
  const text = `${WAIT_TEXTS[sender.waiting]} (seen for ${millisText(sender.waitingMs)})`;
  return ["", ...wrap(text, columns).map((line) => brush.paint(colour, line))];
}

function recent(samples: readonly Sample[], index: number, count: number): readonly Sample[] {
  return samples.slice(Math.max(0, index + 1 - count), index + 1);
}

function endIn(sample: Sample, id: string | undefined): EndSample | undefined {
  return sample.ends.find((end) => end.id === id);
}

function plotLines({ sender, receiver }: Flow, place: PicturePlace, columns: number, brush: Brush): string[] {
  const width = Math.max(10, columns - LABEL - 12);
  const shown = recent(place.samples, place.index, width + 1);
  const plot = (
    label: string,
    end: EndSample | undefined,
    value: (end: EndSample) => number | undefined,
    text: (value: number | undefined) => string,
  ): string[] => {
    if (end === undefined) return [];
    const values = shown.map((sample) => {
      const there = endIn(sample, end.id);
      return there === undefined ? undefined : value(there);
    });
    return [line(label, `${sparkline(values, width, brush)} ${text(values.at(-1))}`)];
  };
  return [
    "",
    ...plot("window", sender, (end) => end.windowSeenBytes, bytesText),
    ...plot("send queue", sender, (end) => (end.notSentBytes ?? 0) + (end.inFlightBytes ?? 0), bytesText),
    ...plot("receive queue", receiver, (end) => end.receiveQueueBytes, bytesText),
    ...plot("rtt", sender, (end) => end.rttUs, microsText),
    ...plot(
      "retransmitted",
      sender,
      (end) => end.retransmittedSegments,
      (value) => `${value ?? "-"}`,
    ),
  ];
}

/** The connection with this near end, at a sample. */
export function connectionAt(sample: Sample | undefined, id: string): Connection | undefined {
  return sample && connectionsOf(sample).find((connection) => connection.id === id);
}
