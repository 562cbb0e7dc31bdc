/** `windsock demo`: flow control to look at, on a connection of its own. */
import type { Command } from "commander";
import { Observer } from "../observe/index.ts";
import { EXIT, note, print, run, UsageError, wholeNumber } from "./_command.ts";
import { DemoLines } from "./demo/lines.ts";
import { SCENES, type Scene } from "./demo/scenes.ts";
import { Stage } from "./demo/stage.ts";
import { readableBy } from "./watch/draw.ts";
import type { SampleSource } from "./watch/source.ts";
import { showOnTerminal } from "./watch/terminal.ts";
import { type WebOptions, webPortOf } from "./web/options.ts";

const EXAMPLES = `
A sender and a receiver on loopback, in scenes that end by themselves:
${SCENES.map(({ name, title }) => `  ${name.padEnd(8)} ${title}`).join("\n")}

Examples:
  windsock demo
  windsock demo paused
  windsock demo --web`;

interface Options extends WebOptions {
  readonly fast?: true;
}

const RATE_HZ = 20;
/** With --fast. */
const FAST = 0.2;
/** So often at most a line, where there is no terminal. */
const LINE_MS = 500;

const NEXT = [
  ["windsock watch", "the connections of this machine, shown in the same way"],
  ["windsock watch --web", "the same in the browser"],
  ["docs/flow-control.md", "what was seen here, and why"],
] as const;

export function addDemo(program: Command): void {
  program
    .command("demo")
    .description("flow control to look at: a reader that pauses, is slow, takes small pieces")
    .argument("[scenes...]", `${SCENES.map(({ name }) => name).join(", ")}; all of them unless told`)
    .option("--fast", "five times as fast")
    .option("--web", "a page in the browser, at the address that is printed; begins when that is opened")
    .option("--port <port>", "of --web; any that is free unless told", wholeNumber(1, 65535))
    .addHelpText("after", EXAMPLES)
    .action((scenes: string[], options: Options) => run("demo", () => demo(scenes, options)));
}

async function demo(names: readonly string[], options: Options): Promise<number> {
  const scenes = names.length === 0 ? SCENES : names.map(sceneOf);
  const port = webPortOf(options);
  using observer = Observer.open([], { rateHz: RATE_HZ });
  const ending = new AbortController();
  const stage = new Stage(observer, ending.signal, options.fast ? FAST : 1);
  const caption = (): string => stage.caption;
  const web =
    port === undefined
      ? undefined
      : await (await import("./web/show.ts")).WebShow.open({
          port,
          mode: "demo",
          caption,
          overText: `That was all; this page keeps what it has. Next: ${NEXT.map(([what, is]) => `${what} (${is})`).join(", ")}.`,
          byeText: "The demonstration was ended. This page keeps what it has.",
        });
  if (web !== undefined && !(await web.untilPage())) {
    await web.close();
    return EXIT.done;
  }
  const played = (async () => {
    try {
      for (const [index, scene] of scenes.entries()) {
        stage.title = `${index + 1}/${scenes.length} ${scene.title}`;
        await scene.play(stage);
      }
      return true;
    } catch (error) {
      if (!ending.signal.aborted) throw error;
      return false;
    } finally {
      observer.close();
    }
  })();
  played.catch(() => {}); // it is heard below, once the show is over
  const close = (): void => {
    ending.abort();
    observer.close();
  };
  const source: SampleSource = { samples: stage.samples(), close };
  if (web !== undefined) await web.run(source);
  else if (process.stdout.isTTY && process.env.TERM !== "dumb")
    await showOnTerminal(source, { caption, command: "demo", focus: true, endsWithSamples: true });
  else await tell(source, caption, stage.scaled(LINE_MS));
  if (await played) {
    const last = ["That was all. Next:", ...NEXT.map(([what, is]) => `  ${what.padEnd(20)}  ${is}`)].join(
      "\n",
    );
    if (web === undefined) await print(`\n${last}\n`);
    else if (process.stderr.isTTY) note(last);
  }
  return EXIT.done;
}

function sceneOf(name: string): Scene {
  const scene = SCENES.find((one) => one.name === name);
  if (scene !== undefined) return scene;
  throw new UsageError(`scene: expected one of ${SCENES.map((one) => one.name).join(", ")}, got ${name}`);
}

async function tell({ samples }: SampleSource, caption: () => string, everyMs: number): Promise<void> {
  const lines = new DemoLines(everyMs);
  const readable = readableBy(process.env);
  for await (const sample of samples) {
    const text = lines.next(sample, caption()).map(readable);
    if (text.length > 0) await print(`${text.join("\n")}\n`);
  }
}
