/** Samples on a terminal, until a key or their end. */
import { setTimeout as delay } from "node:timers/promises";
import type { WriteStream } from "node:tty";
import { brushFor } from "./draw.ts";
import { Screen } from "./screen.ts";
import type { SampleSource } from "./source.ts";
import { WatchView } from "./view.ts";

export interface TerminalOptions {
  readonly caption?: (() => string) | undefined;
  readonly command?: string | undefined;
  readonly focus?: boolean | undefined;
  /** Whether the end of the samples is the end of it; else what there is can be looked at until a key ends it. */
  readonly endsWithSamples?: boolean | undefined;
}

/** Nobody sees more pictures a second. */
const FRAME_MS = 50;

/** Resolved once it was ended; whatever signal ends the process, the terminal is put back. */
export async function showOnTerminal(source: SampleSource, options: TerminalOptions = {}): Promise<void> {
  const view = new WatchView({ brush: brushFor(process.env), ...options });
  let ended: () => void = () => {};
  const end = new Promise<void>((resolve) => {
    ended = resolve;
  });
  const draw = (): void => screen.draw(view.lines(screen.columns, screen.rows));
  let drawing: NodeJS.Immediate | undefined;
  const onKey = (key: string): void => {
    if (view.key(key)) ended();
    // Keys that come at once, as from one that is held down, are drawn at once.
    else
      drawing ??= setImmediate(() => {
        drawing = undefined;
        draw();
      });
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;
  for (const signal of signals) process.on(signal, ended);
  using screen = new Screen(process.stdin, process.stdout as WriteStream, onKey, draw);
  try {
    draw();
    const shown = show(source, view, draw);
    const mayEnd = shown.then(() => {
      view.end();
      draw();
      return options.endsWithSamples === true || !process.stdin.isTTY ? undefined : end;
    });
    await Promise.race([end, mayEnd]);
  } finally {
    clearImmediate(drawing);
    source.close();
    for (const signal of signals) process.off(signal, ended);
  }
}

async function show(source: SampleSource, view: WatchView, draw: () => void): Promise<void> {
  let drawn = Number.NEGATIVE_INFINITY;
  for await (const sample of source.samples) {
    view.add(sample);
    if (performance.now() - drawn < FRAME_MS) continue;
    draw();
    drawn = performance.now();
    await delay(0); // keys have their turn, also where samples come as fast as they are read
  }
}
