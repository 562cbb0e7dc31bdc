/** `windsock demo` where there is no terminal: what is said, and below it as many lines as one can read. */
import { connectionsOf, type Sample } from "../../observe/index.ts";
import { bytesText, cell, wrap } from "../watch/draw.ts";
import { Directions } from "../watch/flow.ts";
import { waitText } from "../watch/lines.ts";

const WIDTH = 80;

export class DemoLines {
  readonly #everyMs: number;
  #said = "";
  #told = "";
  #toldMs = Number.NEGATIVE_INFINITY;
  /** What the sender was seen to wait for since something was said. */
  readonly #reasons = new Set<string>();
  readonly #directions = new Directions();

  /** @param everyMs a line so often at most, unless the sender waits for something new */
  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  next(sample: Sample, caption: string): string[] {
    const lines: string[] = [];
    if (caption !== this.#said) {
      lines.push(...captionLines(caption));
      this.#said = caption;
      this.#told = "";
      this.#toldMs = Number.NEGATIVE_INFINITY;
      this.#reasons.clear();
    }
    const { elapsedMs } = sample;
    const time = cell(`${(elapsedMs / 1000).toFixed(1)} s`, 7, "right");
    const [connection] = connectionsOf(sample);
    const { sender, receiver } = connection ? this.#directions.flowOf(connection, false) : {};
    if (sender !== undefined) {
      const { waiting } = sender;
      const isNew = !this.#reasons.has(waiting);
      if (isNew || elapsedMs - this.#toldMs >= this.#everyMs) {
        this.#reasons.add(waiting);
        const facts = [
          fact("written", sender.writtenBytes),
          fact("not sent", sender.notSentBytes),
          fact("in flight", sender.inFlightBytes),
          fact("window", sender.windowSeenBytes),
          fact("not read", receiver?.receiveQueueBytes),
          fact("read", receiver?.readBytes),
        ];
        const text = `${facts.join("  ")}  waits for ${waitText(sender)}`;
        // While nothing happens nothing is told.
        if (text !== this.#told) {
          this.#toldMs = elapsedMs;
          lines.push(`${time}  ${text}`);
        }
        this.#told = text;
      }
    }
    if (sample.ended.length > 0 && connection === undefined) lines.push(`${time}  The connection is closed.`);
    return lines;
  }
}

/** Of the same width, so that lines below each other are a table. */
function fact(name: string, bytes: number | undefined): string {
  return cell(`${name} ${bytesText(bytes)}`, name.length + 9);
}

/** The title, and what is said in lines. */
function captionLines(caption: string): string[] {
  const end = caption.indexOf(". ");
  return ["", caption.slice(0, end), ...wrap(caption.slice(end + 2), WIDTH)];
}
