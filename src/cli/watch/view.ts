/** What `windsock watch` shows and how keys change it: a table, one connection, or the keys; now, or a moment before. */
import { type Connection, History, type Sample } from "../../observe/index.ts";
import { asciiOf, type Brush, clip, timeText, wrap } from "./draw.ts";
import { Directions } from "./flow.ts";
import { connectionAt, pictureLines } from "./picture.ts";
import { rowsOf, tableLines } from "./table.ts";

const KEYS = `
  up, down, k, j      select a connection
  Enter               show it in full; Esc or Backspace: back to the table
  d                   the other direction
  space               pause; again: go on
  left, right, , .    a sample back or on (pauses); PageUp, PageDown: twenty
  Home, End           the oldest sample; now
  ?                   these keys
  q, Ctrl-C           end

  In the bars: █ in flight, or not read; ▒ not sent, or room in the window; · free.
  "waits" is what the sender was seen to wait for in each sample, and since when.`.split("\n");

export interface ViewOptions {
  readonly brush: Brush;
  /** What is said below the title, at this moment. */
  readonly caption?: (() => string) | undefined;
  /** The command, for the first line; `"watch"` unless told. */
  readonly command?: string | undefined;
  /** Shows the first connection that there is in full, and when it has ended the next one. */
  readonly focus?: boolean | undefined;
}

const PAGE = 20;

export class WatchView {
  readonly #history = new History();
  readonly #brush: Brush;
  readonly #caption: (() => string) | undefined;
  readonly #command: string;
  /** Whether a new connection takes the place of the one that has ended. */
  readonly #follows: boolean;
  #mode: "table" | "picture" | "keys";
  /** What the keys are shown instead of. */
  #behind: "table" | "picture" = "table";
  readonly #directions = new Directions();
  /** The rows of the sample that was shown last: to find and sort thousands for each key takes too long. */
  #rows: { readonly sample: Sample | undefined; readonly rows: readonly Connection[] } | undefined;
  #selected: string | undefined;
  #other = false;
  /** The moment that is shown, while it is not now. */
  #pausedAt: number | undefined;
  #ended = false;

  constructor({ brush, caption, command = "watch", focus = false }: ViewOptions) {
    this.#command = command;
    this.#brush = brush;
    this.#caption = caption;
    this.#follows = focus;
    this.#mode = focus ? "picture" : "table";
  }

  add(sample: Sample): void {
    this.#history.add(sample);
  }

  /** No more samples will come: what there is can still be looked at. */
  end(): void {
    this.#ended = true;
  }

  get #samples(): readonly Sample[] {
    return this.#history.samples;
  }

  /** The sample that is shown: of those that are left, the first that is not before the moment of the pause. */
  get #index(): number {
    const last = this.#samples.length - 1;
    if (this.#pausedAt === undefined) return last;
    const moment = this.#pausedAt;
    const index = this.#samples.findIndex(({ elapsedMs }) => elapsedMs >= moment);
    return index < 0 ? last : index;
  }

  /** Those of the sample that is shown, in their order. */
  get #connections(): readonly Connection[] {
    const [samples, index] = [this.#samples, this.#index];
    const sample = samples[index];
    if (this.#rows === undefined || this.#rows.sample !== sample) {
      this.#rows = { sample, rows: rowsOf(samples, index) };
    }
    return this.#rows.rows;
  }

  /** @returns whether that was a key to end with */
  key(name: string): boolean {
    switch (name) {
      case "q":
      case "ctrl-c":
        return true;
      case "up":
      case "k":
        this.#select(-1);
        break;
      case "down":
      case "j":
        this.#select(1);
        break;
      case "enter":
        this.#selected ??= this.#connections[0]?.id;
        this.#mode = "picture";
        break;
      case "escape":
      case "backspace":
        this.#mode = "table";
        break;
      case "d":
        this.#other = !this.#other;
        break;
      case "?":
        if (this.#mode === "keys") this.#mode = this.#behind;
        else {
          this.#behind = this.#mode;
          this.#mode = "keys";
        }
        break;
      case "space":
        this.#pausedAt = this.#pausedAt === undefined ? this.#samples.at(-1)?.elapsedMs : undefined;
        break;
      case "left":
      case ",":
        this.#step(-1);
        break;
      case "right":
      case ".":
        this.#step(1);
        break;
      case "pageup":
        this.#step(-PAGE);
        break;
      case "pagedown":
        this.#step(PAGE);
        break;
      case "home":
        this.#pausedAt = this.#samples[0]?.elapsedMs;
        break;
      case "end":
        this.#pausedAt = undefined;
        break;
    }
    return false;
  }

  #step(by: number): void {
    const index = Math.max(0, Math.min(this.#samples.length - 1, this.#index + by));
    this.#pausedAt = this.#samples[index]?.elapsedMs;
  }

  #select(by: number): void {
    const rows = this.#connections;
    const at = rows.findIndex(({ id }) => id === this.#selected);
    this.#selected = rows[Math.max(0, Math.min(rows.length - 1, Math.max(0, at) + by))]?.id;
  }

  /** As many lines as there is room for, each within the columns. */
  lines(columns: number, rows: number): string[] {
    const brush = this.#brush;
    const head = [this.#status(columns)];
    const caption = this.#caption?.();
    if (caption) head.push(...wrap(caption, columns).map((line) => brush.paint("bold", line)));
    head.push("");
    const room = Math.max(1, rows - head.length);
    const lines = [...head, ...this.#body(columns, room)].slice(0, rows);
    return brush.unicode ? lines : lines.map(asciiOf);
  }

  #body(columns: number, room: number): string[] {
    if (this.#mode === "keys") return KEYS.slice(0, room).map((line) => clip(line, columns));
    const [samples, index] = [this.#samples, this.#index];
    const connections = this.#connections;
    if (connections.length === 0 && this.#mode === "table")
      return [clip(samples.length === 0 ? "No sample yet." : "No connections.", columns)];
    if (this.#mode === "table") {
      if (connections.every(({ id }) => id !== this.#selected)) this.#selected = connections[0]?.id;
      const selected = connections.findIndex(({ id }) => id === this.#selected);
      return tableLines(
        { samples, index, directions: this.#directions },
        connections,
        selected,
        columns,
        room,
        this.#brush,
      );
    }
    const follows = this.#follows && this.#pausedAt === undefined;
    const others = connections.length > 0 && connections.every(({ id }) => id !== this.#selected);
    if (follows && others) this.#selected = undefined;
    this.#selected ??= connections[0]?.id;
    const connection = connections.find(({ id }) => id === this.#selected);
    if (connection === undefined) return this.#gone(columns);
    const place = { samples, index, connection, directions: this.#directions, other: this.#other };
    return pictureLines(place, columns, room, this.#brush);
  }

  #gone(columns: number): string[] {
    const last =
      this.#selected && this.#samples.findLast((sample) => connectionAt(sample, this.#selected ?? ""));
    const text = last
      ? "The connection is no longer there. Step back (left) to see it; Esc: all connections."
      : "No connections yet.";
    return [clip(text, columns)];
  }

  #status(columns: number): string {
    const sample = this.#samples[this.#index];
    const time = sample === undefined ? "" : timeText(sample.at);
    const count = this.#connections.length;
    const missed = sample?.missed ? `missed ${sample.missed}` : "";
    const paused = this.#pausedAt === undefined ? "" : this.#brush.paint("reverse", " paused ");
    const ended = this.#ended ? "ended" : "";
    const parts = [
      `windsock ${this.#command}`,
      time,
      count === 1 ? "1 connection" : `${count} connections`,
      missed,
      paused,
      ended,
      "? keys",
    ].filter((part) => part !== "");
    return clip(parts.join("  "), columns);
  }
}
