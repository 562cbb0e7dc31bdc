/** A terminal that is drawn on: the other screen, keys one at a time, and everything put back at the end. */
import type { ReadStream, WriteStream } from "node:tty";

const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";

/** What terminals send for keys, by the names that are used here. */
const SEQUENCES: Readonly<Record<string, string>> = {
  "\x1b[A": "up",
  "\x1bOA": "up",
  "\x1b[B": "down",
  "\x1bOB": "down",
  "\x1b[C": "right",
  "\x1bOC": "right",
  "\x1b[D": "left",
  "\x1bOD": "left",
  "\x1b[5~": "pageup",
  "\x1b[6~": "pagedown",
  "\x1b[H": "home",
  "\x1bOH": "home",
  "\x1b[1~": "home",
  "\x1b[F": "end",
  "\x1bOF": "end",
  "\x1b[4~": "end",
  "\x1b": "escape",
  "\r": "enter",
  "\n": "enter",
  " ": "space",
  "\x7f": "backspace",
  "\b": "backspace",
  "\x03": "ctrl-c",
  "\x1a": "ctrl-z",
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what keys send
const KEY = /\x1b[[O][\d;]*[A-Za-z~]|./gsu;

/** The keys in what a terminal sent. */
export function keysOf(text: string): string[] {
  return Array.from(text.matchAll(KEY), ([piece]) => SEQUENCES[piece] ?? piece);
}

/** The screen while something is shown on it. */
export class Screen implements Disposable {
  readonly #input: ReadStream | undefined;
  readonly #output: WriteStream;
  readonly #stops: (() => void)[] = [];
  #shown: readonly string[] = [];
  #busy = false;
  #left = false;

  /**
   * @param onKey hears each key
   * @param onResize is called when the terminal has another size, or is shown again
   */
  constructor(
    input: NodeJS.ReadStream,
    output: WriteStream,
    onKey: (key: string) => void,
    onResize: () => void,
  ) {
    this.#output = output;
    this.#input = input.isTTY ? (input as ReadStream) : undefined;
    this.#enter();
    const redraw = (): void => {
      this.#shown = [];
      onResize();
    };
    const resumed = (): void => {
      this.#enter();
      redraw();
    };
    const hear = (data: Buffer): void => {
      for (const key of keysOf(data.toString("utf8"))) {
        if (key === "ctrl-z") this.#suspend();
        else onKey(key);
      }
    };
    output.on("resize", redraw);
    process.on("SIGCONT", resumed);
    this.#input?.on("data", hear);
    this.#stops.push(
      () => output.off("resize", redraw),
      () => process.off("SIGCONT", resumed),
      () => this.#input?.off("data", hear),
    );
  }

  get columns(): number {
    return Math.max(20, this.#output.columns || 80);
  }

  get rows(): number {
    return Math.max(5, this.#output.rows || 24);
  }

  #enter(): void {
    this.#input?.setRawMode(true);
    this.#input?.resume();
    this.#output.write(ENTER);
    this.#shown = [];
  }

  #leave(): void {
    this.#output.write(LEAVE);
    this.#input?.setRawMode(false);
    this.#input?.pause();
  }

  /** As Ctrl-Z does where the terminal obeys it. */
  #suspend(): void {
    this.#leave();
    process.kill(process.pid, "SIGTSTP");
  }

  /** Draws what has changed. A terminal that is slower than what is drawn skips some. */
  draw(lines: readonly string[]): void {
    if (this.#busy || this.#left) return;
    let text = "";
    const count = Math.max(lines.length, this.#shown.length);
    for (let row = 0; row < count; row++) {
      const line = lines[row] ?? "";
      if (line !== this.#shown[row]) text += `\x1b[${row + 1};1H${line}\x1b[0m\x1b[K`;
    }
    this.#shown = lines;
    if (text === "") return;
    this.#busy = !this.#output.write(text);
    if (this.#busy) {
      this.#output.once("drain", () => {
        this.#busy = false;
      });
    }
  }

  [Symbol.dispose](): void {
    for (const stop of this.#stops) stop();
    this.#left = true;
    this.#leave();
  }
}
