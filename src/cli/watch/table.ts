/** The table of `windsock watch`: a line for each connection. */
import { type Connection, connectionsOf, type Sample } from "../../observe/index.ts";
import { type Brush, bytesText, cell, clip, microsText, millisText, rateText } from "./draw.ts";
import { type Directions, type Flow, holdersText, rateOf, WAIT_LABELS } from "./flow.ts";

/** What a column shows. */
interface Column {
  readonly title: string;
  readonly width: number;
  readonly align: "left" | "right";
  /** The narrowest terminal that has it. */
  readonly from: number;
  text(flow: Flow, place: Place, brush: Brush): string;
}

interface Place {
  readonly samples: readonly Sample[];
  readonly index: number;
  readonly directions: Directions;
}

const COLUMNS: readonly Column[] = [
  column("SEND-Q", 8, 54, ({ sender }) => bytesText(sum(sender?.notSentBytes, sender?.inFlightBytes))),
  column("FLIGHT", 9, 90, ({ sender }) => bytesText(sender?.inFlightBytes)),
  column("WINDOW", 9, 100, ({ sender }) => bytesText(sender?.windowSeenBytes)),
  column("CWND", 6, 110, ({ sender }) => `${sender?.congestionWindowSegments ?? "-"}`),
  column("RECV-Q", 8, 54, ({ receiver }) => bytesText(receiver?.receiveQueueBytes)),
  column("RTT", 7, 76, ({ sender, receiver }) => microsText(sender?.rttUs ?? receiver?.rttUs)),
  column("RETR", 5, 120, ({ sender }) => `${sender?.retransmittedSegments ?? "-"}`),
  column("RATE", 10, 66, ({ sender, receiver }, { samples, index }) =>
    rateText(
      sender === undefined
        ? rateOf(samples, index, receiver?.id, "receivedBytes")
        : rateOf(samples, index, sender.id, "ackedBytes"),
    ),
  ),
  { ...column("WAITS FOR", 17, 0, waitText), align: "left" },
  { ...column("PROCESS", 24, 150, ({ sender, receiver }) => holdersText(sender ?? receiver)), align: "left" },
];

function column(title: string, width: number, from: number, text: Column["text"]): Column {
  return { title, width, align: "right", from, text };
}

function sum(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : one + other;
}

function waitText({ sender }: Flow, _place: Place, brush: Brush): string {
  if (sender === undefined) return brush.paint("grey", "(elsewhere)");
  const [label, colour] = WAIT_LABELS[sender.waiting];
  const time = ["nothing-to-send", "closed"].includes(sender.waiting)
    ? ""
    : ` ${millisText(sender.waitingMs)}`;
  return brush.paint(colour, label + time);
}

/** The connections of a sample: those that carry most first, in the order of their addresses else. */
export function rowsOf(samples: readonly Sample[], index: number): readonly Connection[] {
  const sample = samples[index];
  if (sample === undefined) return [];
  const busy = ({ near, far }: Connection): number =>
    [near, far].some(
      (end) => end !== undefined && end.waiting !== "nothing-to-send" && end.waiting !== "closed",
    )
      ? 0
      : 1;
  return connectionsOf(sample)
    .map((connection) => ({ connection, order: busy(connection) }))
    .sort((a, b) => a.order - b.order || compare(a.connection.id, b.connection.id))
    .map(({ connection }) => connection);
}

/** In the order in which they were made. */
function compare(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}

/** The title and one line for each connection that fits. */
export function tableLines(
  place: Place,
  rows: readonly Connection[],
  selected: number,
  columns: number,
  height: number,
  brush: Brush,
): string[] {
  const shown = COLUMNS.filter(({ from }) => columns >= from);
  const taken = shown.reduce((all, { width }) => all + width + 1, 2);
  const addresses = Math.max(16, columns - taken);
  const title = [
    cell("CONNECTION", addresses),
    ...shown.map(({ title, width, align }) => cell(title, width, align)),
  ].join(" ");
  const room = Math.max(1, height - 1);
  const first = Math.max(0, Math.min(selected - Math.floor(room / 2), rows.length - room));
  const lines = rows.slice(first, first + room).map((connection, at) => {
    const flow = place.directions.flowOf(connection, false);
    const cells = shown.map(({ text, width, align }) => cell(text(flow, place, brush), width, align));
    const line = [cell(addressText(flow, addresses, brush), addresses), ...cells].join(" ");
    const here = first + at === selected;
    return here ? `${brush.paint("bold", ">")} ${line}` : `  ${line}`;
  });
  return [brush.paint("grey", `  ${title}`), ...lines].map((line) => clip(line, columns));
}

/** From where to where; of two addresses of one host the second is only told by its port where room is short. */
function addressText({ from, to }: Flow, columns: number, brush: Brush): string {
  const arrow = brush.unicode ? "→" : ">";
  const whole = `${from} ${arrow} ${to}`;
  if (whole.length <= columns) return whole;
  const [host, other] = [from, to].map((address) => address.slice(0, address.lastIndexOf(":")));
  return host === other ? `${from} ${arrow} ${to.slice(to.lastIndexOf(":"))}` : whole;
}
