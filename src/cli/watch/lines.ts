/** `windsock watch` where there is no terminal: a line for each connection that moves, and for what ends. */
import { connectionsOf, type EndSample, type Sample } from "../../observe/index.ts";
import { bytesText, microsText, millisText, timeText } from "./draw.ts";
import { Directions, holdersText, WAIT_LABELS } from "./flow.ts";

/** Makes the lines of one sample after the other. */
export class WatchLines {
  readonly #shown = new Map<string, string>();
  readonly #directions = new Directions();

  /** Connections of which nothing has changed since their last line have none, unless they wait. */
  next({ at, ends, ended }: Sample): string[] {
    const time = timeText(at);
    const lines: string[] = [];
    for (const connection of connectionsOf({ ends })) {
      const { from, to, sender, receiver } = this.#directions.flowOf(connection, false);
      const facts = [...sendFacts(sender), ...receiveFacts(receiver)].join("  ");
      const holders = [sender, receiver].map(holdersText).filter((text) => text !== "");
      const text = [`${from} > ${to}`, facts, ...holders].join("  ");
      const known = `${text} ${sender?.waiting} ${longer(sender)}`;
      if (this.#shown.get(connection.id) === known) continue;
      this.#shown.set(connection.id, known);
      const waits = sender === undefined ? "" : `  waits for ${waitText(sender)}`;
      lines.push(`${time}  ${text}${waits}`);
    }
    for (const { id, local, peer, because } of ended) {
      this.#directions.delete(id);
      if (!this.#shown.delete(id)) continue; // the other end of a connection, or never shown
      lines.push(`${time}  ${local} > ${peer}  ${because}`);
    }
    return lines;
  }
}

/** What goes on waiting is told again after 1, 2, 4, 8 seconds, and so on. */
function longer(sender: EndSample | undefined): number {
  if (sender === undefined || ["nothing-to-send", "closed"].includes(sender.waiting)) return 0;
  return Math.floor(Math.log2(Math.max(500, sender.waitingMs) / 500));
}

/** What a sender waits for, and for how long. */
export function waitText({ waiting, waitingMs }: EndSample): string {
  return waiting === "nothing-to-send" ? "nothing" : `${WAIT_LABELS[waiting][0]} ${millisText(waitingMs)}`;
}

function sendFacts(end: EndSample | undefined): string[] {
  if (end === undefined) return [];
  return [
    `${end.state}`,
    `written ${bytesText(end.writtenBytes)}`,
    `not sent ${bytesText(end.notSentBytes)}`,
    `in flight ${bytesText(end.inFlightBytes)}`,
    `window ${bytesText(end.windowSeenBytes)}`,
    `cwnd ${end.congestionWindowSegments ?? "-"}`,
    `rtt ${microsText(end.rttUs)}`,
    `retransmitted ${end.retransmittedSegments ?? "-"}`,
  ];
}

function receiveFacts(end: EndSample | undefined): string[] {
  if (end === undefined) return [];
  return [
    `queue ${bytesText(end.receiveQueueBytes)}`,
    `memory ${bytesText(end.receiveMemoryBytes)}/${bytesText(end.receiveMemoryTotalBytes)}`,
    `read ${bytesText(end.readBytes)}`,
  ];
}
