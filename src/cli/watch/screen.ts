/** A terminal that is drawn on: the other screen, keys one at a time, and everything put back at the end. */
import { writeSync } from "node:fs";
import type { ReadStream, WriteStream } from "node:tty";
import { widthOf } from "./draw.ts";

const CLEAR = "\x1b[H\x1b[2J";
/** What knows no other screen is cleared. */
const ENTER = `\x1b[?1049h\x1b[?25l${CLEAR}`;
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

/** What may be the beginning of what a key sends: it comes in pieces where the line is slow. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what keys send
const BEGUN = /\x1b(?:[[O][\d;]*)?$/;
/** The rest of it comes within this time, or it is the Escape key. */
const REST_MS = 50;

/** Tells the keys in what comes in pieces. */
export class KeyReader {
  readonly #onKey: (key: string) => void;
  #begun = "";
  #timer: NodeJS.Timeout | undefined;

  constructor(onKey: (key: string) => void) {
    this.#onKey = onKey;
  }

  hear(text: string): void {
    clearTimeout(this.#timer);
    const all = this.#begun + text;
    const whole = all.slice(0, BEGUN.exec(all)?.index);
    this.#begun = all.slice(whole.length);
    if (this.#begun !== "") this.#timer = setTimeout(() => this.#rest(), REST_MS);
    for (const key of keysOf(whole)) this.#onKey(key);
  }

  #rest(): void {
    const rest = this.#begun;
    this.#begun = "";
    for (const key of keysOf(rest)) this.#onKey(key);
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}

/** A process that is to stop has stopped within this time. */
const STOPPED_MS = 50;

/** The screen while something is shown on it. */
export class Screen implements Disposable {
  readonly #input: ReadStream | undefined;
  readonly #output: WriteStream;
  readonly #onResize: () => void;
  readonly #onStop = (): void => this.#suspend();
  readonly #stops: (() => void)[] = [];
  #shown: readonly string[] = [];
  /** What came while the terminal was still busy with the picture before. */
  #next: readonly string[] | undefined;
  #busy = false;
  /** Whether it is the shell's again: for now, or for good. */
  #away = false;
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
    this.#onResize = onResize;
    this.#input = input.isTTY ? (input as ReadStream) : undefined;
    this.#enter();
    const resized = (): void => {
      if (this.#away) return;
      // The lines of before are wrapped or cut by now.
      this.#output.write(CLEAR);
      this.#shown = [];
      onResize();
    };
    const resumed = (): void => this.#resume();
    const stop = this.#onStop;
    const keys = new KeyReader((key) => (key === "ctrl-z" ? stop() : onKey(key)));
    const hear = (data: Buffer): void => keys.hear(data.toString("utf8"));
    // A mistake in the program is told on the screen that its user sees then.
    const exit = (): void => {
      try {
        if (!this.#away) writeSync(1, LEAVE);
      } catch {
        // The terminal is gone, too.
      }
    };
    output.on("resize", resized);
    process.on("SIGCONT", resumed).on("SIGTSTP", stop).on("exit", exit);
    this.#input?.on("data", hear);
    this.#stops.push(
      () => output.off("resize", resized),
      () => process.off("SIGCONT", resumed).off("SIGTSTP", stop).off("exit", exit),
      () => this.#input?.off("data", hear),
      () => keys.close(),
    );
  }

  get columns(): number {
    return this.#output.columns || 80;
  }

  get rows(): number {
    return this.#output.rows || 24;
  }

  #enter(): void {
    this.#input?.setRawMode(true);
    this.#input?.resume();
    this.#output.write(ENTER);
    this.#shown = [];
    this.#away = false;
  }

  #leave(): void {
    this.#away = true;
    this.#output.write(LEAVE);
    this.#input?.setRawMode(false);
    this.#input?.pause();
  }

  /** As Ctrl-Z does where the terminal obeys it, and SIGTSTP where nobody catches it. */
  #suspend(): void {
    if (this.#away) return;
    this.#leave();
    process.off("SIGTSTP", this.#onStop);
    process.kill(process.pid, "SIGTSTP");
    // Here again: it goes on, or nobody is there who could let it go on, and the kernel has not stopped it.
    setTimeout(() => {
      if (this.#left) return;
      process.on("SIGTSTP", this.#onStop);
      if (this.#away) this.#resume();
    }, STOPPED_MS);
  }

  #resume(): void {
    this.#enter();
    this.#onResize();
  }

  /** Draws what has changed. A terminal that is slower than what is drawn skips some, but not the last. */
  draw(lines: readonly string[]): void {
    if (this.#away || this.#left) return;
    if (this.#busy) {
      this.#next = lines;
      return;
    }
    let text = "";
    const count = Math.max(lines.length, this.#shown.length);
    for (let row = 0; row < count; row++) {
      const line = lines[row] ?? "";
      if (line === this.#shown[row]) continue;
      // At the end of a full line the cursor stands on its last character.
      const rest = widthOf(line) < this.columns ? "\x1b[K" : "";
      text += `\x1b[${row + 1};1H${line}\x1b[0m${rest}`;
    }
    this.#shown = lines;
    if (text === "") return;
    this.#busy = !this.#output.write(text);
    if (this.#busy) {
      this.#output.once("drain", () => {
        this.#busy = false;
        const next = this.#next;
        this.#next = undefined;
        if (next !== undefined) this.draw(next);
      });
    }
  }

  [Symbol.dispose](): void {
    for (const stop of this.#stops) stop();
    this.#left = true;
    this.#leave();
  }
}
