/** `windsock watch` and `windsock demo` as they are used: lines, JSON, recordings, and a terminal. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Sample } from "../../src/observe/index.ts";
import { assertOneLine, CLI, freePort, missing, start, windsock } from "./_cli.ts";
import { pair, sampleOf } from "./_samples.ts";
import { unread } from "./_unread.ts";

const folder = mkdtempSync(join(tmpdir(), "windsock-watch-"));
const file = (name: string): string => join(folder, name);
after(() => rmSync(folder, { recursive: true }));

let port = 0;
let client: Socket;
let close = (): void => {};

before(async () => {
  ({ port, client, close } = await unread());
});

after(() => {
  close();
});

const parse = (line: string): Sample => JSON.parse(line) as Sample;

test("--json: one sample a line, with both ends joined, who has them, and what nobody reads", async () => {
  const { code, stdout, stderr } = await windsock(["watch", `${port}`, "--json", "-n", "4", "-r", "20"]);
  assert.deepEqual([code, stderr], [0, ""]);
  const samples = stdout.toString().trimEnd().split("\n").map(parse);
  assert.equal(samples.length, 4);
  for (const { ends, ended } of samples) {
    const [sender] = ends.filter((end) => end.peer === `127.0.0.1:${port}`);
    const [receiver] = ends.filter((end) => end.local === `127.0.0.1:${port}`);
    assert.deepEqual([ends.length, ended.length], [2, 0]);
    assert.deepEqual([sender?.pairedWith, receiver?.pairedWith], [receiver?.id, sender?.id]);
    assert.deepEqual(
      [sender?.writtenBytes, sender?.ackedBytes, receiver?.receiveQueueBytes],
      [200, 200, 200],
    );
  }
  const [, , , last] = samples;
  for (const end of last?.ends ?? [])
    assert.deepEqual(
      end.holders?.map(({ pid }) => pid),
      [process.pid],
    );
});

test("lines: what the table shows, once for a connection that does not move", async () => {
  const { code, stdout } = await windsock(["watch", `:${port}`, "-n", "3", "-r", "50"]);
  const lines = stdout.toString().trimEnd().split("\n");
  assert.equal(code, 0);
  assert.match(lines[0] ?? "", new RegExp(`> 127\\.0\\.0\\.1:${port} .*written 200 B .*queue 200 B`));
  assert.ok(lines.length <= 2, "a second line only for who has it, which is known later");
});

test("a port that nobody has: nothing is shown, and that is said", async () => {
  const nobody = String(await freePort());
  const { code, stdout, stderr } = await windsock(["watch", nobody, "-n", "2", "-r", "50"]);
  assert.deepEqual([code, stdout.toString(), stderr], [0, "", "windsock watch: no such connection yet\n"]);
});

test("targets: two addresses, a process, words of a filter", async () => {
  const near = `127.0.0.1:${client.localPort}`;
  const wanted = [
    [near, `127.0.0.1:${port}`],
    ["--pid", `${process.pid}`],
    ["dport", "=", `:${port}`],
  ];
  for (const words of wanted) {
    const { code, stdout, stderr } = await windsock(["watch", ...words, "--json", "-n", "1"]);
    assert.deepEqual([code, stderr], [0, ""], words.join(" "));
    const { ends } = parse(stdout.toString());
    assert.ok(
      ends.some(({ local }) => local === near),
      words.join(" "),
    );
  }
});

test("what was recorded is replayed", async () => {
  const path = file("flow.jsonl");
  const recorded = await windsock(["watch", `${port}`, "--json", "-n", "5", "-r", "50", "--record", path]);
  assert.equal(recorded.code, 0, recorded.stderr);
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  assert.equal(JSON.parse(lines[0] ?? "").format, "windsock samples");
  const replayed = await windsock(["watch", "--replay", path, "--json", "--speed", "1000"]);
  assert.deepEqual([replayed.code, replayed.stdout.toString()], [0, recorded.stdout.toString()]);
  const some = await windsock(["watch", "--replay", path, "--json", "--speed", "1000", "-n", "2"]);
  assert.equal(some.stdout.toString().trimEnd().split("\n").length, 2);
});

const WRONG: readonly (readonly [args: string[], code: number, says: RegExp])[] = [
  [["70000"], 2, /port: expected 1 … 65535, got 70000/],
  [["nonsense", "words"], 2, /nonsense/],
  [["--pid", "1", "80"], 2, /--pid and a target exclude each other/],
  [["--json", "--plain"], 2, /--json and --plain exclude each other/],
  [["--replay", "/nonexistent/file"], 1, /ENOENT/],
  [["--replay", "x", "80"], 2, /--replay goes without/],
  [["--speed", "2"], 2, /--speed is for --replay/],
  [["--rate", "2000"], 2, /rateHz: expected a number above 0, at most 1000, got 2000/],
  [["80", "--record", "/nonexistent/file"], 1, /ENOENT/],
  [["80", "--record", "/dev/full"], 1, /ENOSPC/],
  [["--pid", "2147483647"], 1, /no process 2147483647/],
  [["state", "listening"], 2, /expected a state of a connection, got listening/],
  [["127.0.0.1:0", "127.0.0.1:80"], 2, /127\.0\.0\.1:0/],
];

for (const [args, code, says] of WRONG) {
  test(`watch ${args.join(" ")} is refused in one line`, async () => {
    assertOneLine(await windsock(["watch", ...args]), code, says);
  });
}

test("a file that is no recording is refused, with its line", async () => {
  writeFileSync(file("none"), "hello\n");
  assertOneLine(await windsock(["watch", "--replay", file("none")]), 1, /line 1: expected /);
  const header = JSON.stringify({ format: "windsock samples", version: 99 });
  writeFileSync(file("later"), `${header}\n`);
  assertOneLine(
    await windsock(["watch", "--replay", file("later")]),
    1,
    /line 1: expected version 1, got 99/,
  );
});

test("a reader of the lines that goes away ends it", async () => {
  using program = start(["watch", `${port}`, "--json", "-r", "100"], { ownStdout: true });
  await once(program.stdout, "data");
  program.stdout.destroy();
  assert.equal((await program.ended).code, 1);
});

test("demo: every scene is played, and ends by itself", async () => {
  const { code, stdout, stderr } = await windsock(["demo", "--fast"]);
  assert.deepEqual([code, stderr], [0, ""]);
  const text = stdout.toString();
  for (const title of [
    "1/4 The reader pauses",
    "2/4 The reader is slow",
    "3/4 One large write",
    "4/4 Small writes",
  ]) {
    assert.ok(text.includes(title), title);
  }
  assert.match(text, /window 0 B .*waits for rcv window/, "the window closes");
  assert.match(text, /waits for Nagle/, "a small segment is held back");
  const [, nagle, without] =
    /took ([\d.]+) ms with Nagle's algorithm, and ([\d.]+) ms without/.exec(text) ?? [];
  assert.ok(Number(nagle) > Number(without), `${nagle} ms and ${without} ms`);
});

test("demo NOSUCH: the scenes are named", async () => {
  assertOneLine(
    await windsock(["demo", "nosuch"]),
    2,
    /expected one of paused, slow, pieces, small, got nosuch/,
  );
});

/** A terminal of its own, on a server of its own. */
class Terminal implements Disposable {
  readonly #name = `windsock-${process.pid}-${Math.random().toString(36).slice(2)}`;

  /** @param script what the shell does, where `$WINDSOCK` is the command */
  constructor(args: readonly string[], columns: number, rows: number, script = "$WINDSOCK") {
    const words = [process.execPath, CLI, ...args].map((word) => `'${word}'`).join(" ");
    const run = script.replaceAll("$WINDSOCK", `env LANG=C.UTF-8 ${words}`);
    const command = `${run}; echo "exit code $?"; exec cat`;
    this.#tmux("new-session", "-d", "-x", `${columns}`, "-y", `${rows}`, command);
  }

  #tmux(...args: string[]): string {
    return execFileSync("tmux", ["-f", "/dev/null", "-L", this.#name, ...args], { encoding: "utf8" });
  }

  type(...keys: string[]): void {
    this.#tmux("send-keys", ...keys);
  }

  /** The process of the command that is running in it. */
  pid(command: string): number {
    const shell = this.#tmux("display-message", "-p", "#{pane_pid}").trim();
    const lines = execFileSync("ps", ["-eo", "pid=,ppid=,args="], { encoding: "utf8" }).split("\n");
    const words = lines.map((line) => line.trim().split(/ +/));
    const found = words.find(([, parent, ...args]) => parent === shell && args.includes(command));
    assert.ok(found !== undefined, `${command} is not running`);
    return Number(found[0]);
  }

  /** Waits until the screen matches, and gives it. */
  async shows(pattern: RegExp): Promise<string> {
    let screen = "";
    for (let tries = 0; tries < 600; tries++) {
      screen = this.#tmux("capture-pane", "-p");
      if (pattern.test(screen)) return screen;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.fail(`the terminal never showed ${pattern}:\n${screen}`);
  }

  /** Whether the other screen is shown, and the cursor. */
  get screen(): string {
    return this.#tmux("display-message", "-p", "screen #{alternate_on} cursor #{cursor_flag}").trim();
  }

  resize(columns: number, rows: number): void {
    this.#tmux("resize-window", "-x", `${columns}`, "-y", `${rows}`);
  }

  [Symbol.dispose](): void {
    this.#tmux("kill-server");
  }
}

const noTmux = missing("tmux");

test("on a terminal: a table, one connection in full, pause and steps, and the end", {
  skip: noTmux,
}, async () => {
  using terminal = new Terminal(["watch", `${port}`, "--rate", "20"], 80, 30);
  await terminal.shows(/^> 127\.0\.0\.1:\d+ .*200 B/m);
  terminal.type("Enter");
  const picture = await terminal.shows(/receive buffer \[█/);
  assert.match(picture, /200 B not read/);
  assert.match(picture, /Nothing to send/);
  terminal.type("Space");
  await terminal.shows(/ paused /);
  terminal.type("Left");
  terminal.type("?");
  await terminal.shows(/Home, End/);
  terminal.type("q");
  await terminal.shows(/exit code 0/);
});

for (const [how, stop] of [
  ["Ctrl-Z", (terminal: Terminal) => terminal.type("C-z")],
  ["SIGTSTP", (terminal: Terminal) => process.kill(terminal.pid("watch"), "SIGTSTP")],
] as const) {
  test(`${how} gives the terminal back, and fg takes it again`, { skip: noTmux }, async () => {
    const script = 'set -m; stty -g; $WINDSOCK; stty -g; echo "it stopped"; read line; fg';
    using terminal = new Terminal(["watch", `${port}`, "--rate", "100"], 100, 30, script);
    await terminal.shows(/^> 127\.0\.0\.1:\d+ .*200 B/m);
    assert.equal(terminal.screen, "screen 1 cursor 0");
    stop(terminal);
    const screen = await terminal.shows(/it stopped/);
    assert.equal(terminal.screen, "screen 0 cursor 1");
    assert.doesNotMatch(screen, /CONNECTION/, "nothing was drawn on the shell's screen");
    const [before, after] = screen.split("\n").filter((line) => /^[\da-f:]{40,}$/.test(line));
    assert.equal(after, before, "what stty tells");
    terminal.type("Enter");
    await terminal.shows(/^> 127\.0\.0\.1:\d+ .*200 B/m);
    assert.equal(terminal.screen, "screen 1 cursor 0");
    terminal.type("q");
    assert.doesNotMatch(await terminal.shows(/exit code 0/), /CONNECTION/);
    assert.equal(terminal.screen, "screen 0 cursor 1");
  });
}

test("nobody could let it go on: Ctrl-Z does not stop it", { skip: noTmux }, async () => {
  using terminal = new Terminal(["watch", `${port}`], 80, 24, "exec $WINDSOCK");
  await terminal.shows(/^> 127\.0\.0\.1:\d+ .*200 B/m);
  terminal.type("C-z", "?");
  await terminal.shows(/Home, End/);
});

for (const signal of ["SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT"] as const) {
  test(`${signal} leaves the terminal as it was`, { skip: noTmux }, async () => {
    using terminal = new Terminal(["watch", `${port}`], 80, 24);
    await terminal.shows(/^> 127\.0\.0\.1:\d+ .*200 B/m);
    process.kill(terminal.pid("watch"), signal);
    assert.doesNotMatch(await terminal.shows(/exit code 0/), /CONNECTION/);
    assert.equal(terminal.screen, "screen 0 cursor 1");
  });
}

test("a terminal that becomes larger and smaller has nothing left of before", { skip: noTmux }, async () => {
  using terminal = new Terminal(["watch", `${port}`], 120, 30);
  await terminal.shows(/^> 127\.0\.0\.1:\d+ .*200 B/m);
  terminal.type("Enter", "Space");
  await terminal.shows(/ paused /);
  terminal.resize(60, 12);
  const small = await terminal.shows(/^ +0 B in flight.*…$/m);
  terminal.resize(120, 30);
  const large = await terminal.shows(/retransmitted +.* \d+$/m);
  for (const screen of [small, large]) assert.equal(screen.match(/windsock watch/g)?.length, 1, screen);
  assert.equal(large.match(/send buffer/g)?.length, 1, large);
});

test("--count ends it on a terminal too", { skip: noTmux }, async () => {
  using terminal = new Terminal(["watch", `${port}`, "-n", "2"], 80, 24);
  await terminal.shows(/exit code 0/);
  assert.equal(terminal.screen, "screen 0 cursor 1");
});

test("a dumb terminal gets lines", { skip: noTmux }, async () => {
  using terminal = new Terminal(["watch", `${port}`, "-n", "2"], 200, 24, "TERM=dumb $WINDSOCK");
  const screen = await terminal.shows(/exit code 0/);
  assert.match(screen, /queue 200 B/);
  assert.equal(terminal.screen, "screen 0 cursor 1");
});

test("a replay on a terminal stays to be looked at", { skip: noTmux }, async () => {
  const path = file("made.jsonl");
  const samples = Array.from({ length: 30 }, (_, at) => sampleOf(at * 100, pair({ writtenBytes: at })));
  const header = { format: "windsock samples", version: 1 };
  writeFileSync(path, [header, ...samples].map((line) => `${JSON.stringify(line)}\n`).join(""));
  using terminal = new Terminal(["watch", "--replay", path, "--speed", "100"], 80, 24);
  await terminal.shows(/ ended /);
  terminal.type("Enter");
  await terminal.shows(/writes {2}29 B/);
  terminal.type("PageUp");
  await terminal.shows(/writes {2}9 B/);
  terminal.type("C-c");
  await terminal.shows(/exit code 0/);
});

test("Ctrl-C during the demo leaves the terminal as it was", { skip: noTmux }, async () => {
  using terminal = new Terminal(["demo", "paused"], 80, 24);
  const screen = await terminal.shows(/The reader pauses/);
  assert.match(screen, /windsock demo/);
  terminal.type("C-c");
  await terminal.shows(/^exit code 0/m);
});
