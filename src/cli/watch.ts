/** `windsock watch`: buffers, windows, round-trip times and waits of live connections. */
import { type Command, InvalidArgumentError } from "commander";
import { EXIT, note, print, run, UsageError, wholeNumber } from "./_command.ts";
import { readableBy } from "./watch/draw.ts";
import { WatchLines } from "./watch/lines.ts";
import { openSource, type SampleSource, type SourceOptions } from "./watch/source.ts";
import { showOnTerminal } from "./watch/terminal.ts";
import { type WebOptions, webPortOf } from "./web/options.ts";

const EXAMPLES = `
TARGET is a port, the two addresses of a connection, or words of ss's filters; all connections unless told. On a terminal it
is a table, of which Enter shows one connection in full ("?": all keys). Elsewhere each line is a connection that moves, or that goes
on waiting. --pid shows the ends of that process alone, a port both ends where they are on this machine.
--json: one sample a line, with "ends" and the quantities of docs/observe.md. --web: a page on 127.0.0.1, whose address is printed;
whoever has that address sees it. It is served until Ctrl-C, also once --count or --replay have come to their end.

Examples:
  windsock watch
  windsock watch 5432
  windsock watch 127.0.0.1:40000 127.0.0.1:2000 --rate 100
  windsock watch dst 192.0.2.0/24 --record flow.jsonl
  windsock watch --replay flow.jsonl --speed 10
  windsock watch --web 5432`;

interface Options extends SourceOptions, WebOptions {
  readonly json?: true;
  readonly plain?: true;
}

function above0(text: string): number {
  const number = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(number > 0)) throw new InvalidArgumentError("Expected a number above 0.");
  return number;
}

export function addWatch(program: Command): void {
  program
    .command("watch")
    .description("buffers, windows, round-trip times and waits of live connections")
    .argument("[target...]", "a port, two addresses, or words of a filter")
    .option("-p, --pid <pid>", "what this process has open", wholeNumber(1, 2 ** 31 - 1))
    .option("-r, --rate <hertz>", "samples a second; 10 unless told", above0)
    .option("-n, --count <n>", "end after so many samples", wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .option("--plain", "lines, also on a terminal")
    .option("--json", "one sample a line")
    .option("--record <file>", "write the samples to a file too, in place of what it has")
    .option("--replay <file>", "show what was recorded")
    .option("--speed <factor>", "of a replay; 1 unless told", above0)
    .option("--web", "a page in the browser, at the address that is printed")
    .option("--port <port>", "of --web; any that is free unless told", wholeNumber(1, 65535))
    .addHelpText("after", EXAMPLES)
    .action((words: string[], options: Options) => run("watch", () => watch(words, options)));
}

async function watch(words: readonly string[], options: Options): Promise<number> {
  if (options.json && options.plain) throw new UsageError("--json and --plain exclude each other");
  const port = webPortOf(options);
  const source = openSource(words, options);
  if (port !== undefined) {
    await showOnWeb(source, port, options.replay === undefined ? "live" : "replay");
    return EXIT.done;
  }
  // A dumb terminal has neither a screen to go to nor places to write to.
  const onTerminal = process.stdout.isTTY && process.env.TERM !== "dumb" && !options.json && !options.plain;
  // What was recorded stays to be looked at.
  const endsWithSamples = options.replay === undefined;
  if (onTerminal) await showOnTerminal(source, { endsWithSamples });
  else await printLines(source, options.json === true);
  return EXIT.done;
}

async function showOnWeb(source: SampleSource, port: number, mode: "live" | "replay"): Promise<void> {
  try {
    const endText = `The ${mode === "live" ? "sampling" : "recording"} is at its end. What it has can be looked at.`;
    const { WebShow } = await import("./web/show.ts"); // with it comes node:http, which nothing else needs
    const show = await WebShow.open({
      port,
      mode,
      endText,
      byeText: "windsock watch was ended. This page keeps what it has.",
    });
    await show.run(source);
  } finally {
    source.close();
  }
}

async function printLines(source: SampleSource, json: boolean): Promise<void> {
  const lines = new WatchLines();
  const readable = readableBy(process.env);
  let told = json;
  for await (const sample of source.samples) {
    if (!told && sample.ends.length === 0) note("windsock watch: no such connection yet");
    told = true;
    const text = json ? [JSON.stringify(sample)] : lines.next(sample).map(readable);
    if (text.length > 0) await print(`${text.join("\n")}\n`);
  }
}
