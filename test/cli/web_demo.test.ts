/** `windsock demo`: each scene says what to look at from its first sample on, and a connection's end for what it is, in every form. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { DemoLines } from "../../src/cli/demo/lines.ts";
import { Stage } from "../../src/cli/demo/stage.ts";
import { WebTable } from "../../src/cli/web/table.ts";
import { Observer, type Sample } from "../../src/observe/index.ts";
import { CLI, missing, windsock } from "./_cli.ts";
import { pair, sampleOf } from "./_samples.ts";

const BUFFERS = { receiveBufferBytes: 65_536, sendBufferBytes: 65_536 };

test("a scene's connection has ended once, whatever the kernel keeps of it", async () => {
  using observer = Observer.open([], { rateHz: 100 });
  const stage = new Stage(observer, new AbortController().signal, 0.05);
  const samples: Sample[] = [];
  const played = (async () => {
    for (const title of ["First", "Second"]) {
      stage.title = title;
      stage.say("Look.");
      await stage.withConnection(BUFFERS, async ({ sender, receiver }) => {
        await sender.writeAll(new Uint8Array(1000));
        await receiver.readExact(new Uint8Array(1000));
        while (samples.at(-1)?.ends.length !== 2) await stage.sleep(100);
      });
    }
    observer.close();
  })();
  const table = new WebTable();
  const gone: unknown[] = [];
  for await (const sample of stage.samples()) {
    samples.push(sample);
    table.note(sample);
    gone.push(...table.update(sample).gone.map(([, because]) => because));
  }
  await played;
  const ended = samples.flatMap((sample) => sample.ended);
  assert.deepEqual([ended.length, new Set(ended.map(({ id }) => id)).size], [4, 4], "each end of both, once");
  assert.deepEqual(new Set(ended.map(({ because }) => because)), new Set(["gone"]));
  assert.deepEqual(gone, ["gone", "gone"], "nor does the page lose sight of one");
  const states = new Set(samples.flatMap(({ ends }) => ends.map(({ state }) => state)));
  assert.deepEqual([...states], ["established"]);
});

test("a scene that is broken off closes its connection, and nobody waits for its end", async () => {
  using observer = Observer.open([], { rateHz: 100 });
  const ending = new AbortController();
  const stage = new Stage(observer, ending.signal, 1);
  const broken = stage.withConnection(BUFFERS, async () => {
    ending.abort(new Error("broken off"));
    await stage.sleep(60_000);
  });
  await assert.rejects(broken, { name: "AbortError" });
  const unheard = stage.withConnection(BUFFERS, () => Promise.resolve());
  await assert.rejects(unheard, { message: "broken off" }, "also before it began");
});

test("lines: a title with its words, then what is new, no more often than one can read", () => {
  const lines = new DemoLines(500);
  const say =
    "1/2 A scene. Look at this, which is so long that it does not fit into a line of eighty columns.";
  const first = lines.next(sampleOf(0, pair({ writtenBytes: 1 })), say);
  assert.deepEqual(first.slice(0, 2), ["", "1/2 A scene"]);
  assert.ok(first.length === 5 && first.slice(2, 4).join(" ") === say.slice(13), first.join("\n"));
  assert.match(first[4] ?? "", /^ {2}0\.0 s {2}written 1 B .*waits for rcv window/);
  const told = (ms: number, fields: Parameters<typeof pair>[0]): number =>
    lines.next(sampleOf(ms, pair(fields)), say).length;
  assert.equal(told(100, { writtenBytes: 2 }), 0, "too soon");
  assert.equal(told(200, { writtenBytes: 2, waiting: "small-segment" }), 1, "but for a reason that is new");
  assert.equal(told(300, { writtenBytes: 2, waiting: "receiver-window" }), 0);
  assert.equal(told(800, { writtenBytes: 3 }), 1);
  assert.equal(told(1800, { writtenBytes: 3 }), 0, "nothing has changed");
  const ended = pair().map(({ id, local, peer }) => ({ id, local, peer, because: "gone" as const }));
  assert.deepEqual(lines.next(sampleOf(2000, [], ended), say), ["  2.0 s  The connection is closed."]);
  assert.deepEqual(lines.next(sampleOf(2100, []), "2/2 Next. Go on.").slice(1), ["2/2 Next", "Go on."]);
});

test("lines: every scene from its first words to its end, and what comes next", async () => {
  const { code, stdout, stderr } = await windsock(["demo", "--fast", "paused", "small"]);
  assert.deepEqual([code, stderr], [0, ""]);
  const lines = stdout.toString().split("\n");
  const titles = lines.flatMap((line, index) => (/^\d\/\d /.test(line) ? [index] : []));
  for (const index of titles) assert.match(lines[index + 1] ?? "", /^[A-Z].{20}/, "words below each title");
  assert.match(lines[2] ?? "", /^Both programs keep up\. Look at/);
  assert.equal(lines.filter((line) => /s {2}The connection is closed\.$/.test(line)).length, 3);
  assert.doesNotMatch(stdout.toString(), /no longer observed|time-wait/);
  assert.match(
    stdout.toString(),
    /That was all\. Next:\n {2}windsock watch .*\n {2}windsock watch --web .*\n {2}docs\//,
  );
});

/** All that a program writes to a terminal of this size. */
async function written(words: readonly string[], columns: number, rows: number): Promise<string> {
  const program = [process.execPath, CLI, ...words].map((word) => `'${word}'`).join(" ");
  const command = `stty cols ${columns} rows ${rows}; LANG=C.UTF-8 TERM=xterm ${program}; echo "exit code $?"`;
  const child = spawn("script", ["-qec", command, "/dev/null"], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  for await (const piece of child.stdout.setEncoding("utf8")) text += piece;
  return text;
}

for (const [columns, rows] of [
  [80, 24],
  [120, 40],
] as const) {
  test(`on a terminal of ${columns} columns: its words, the picture, its end, and what comes next`, {
    skip: missing("script"),
  }, async () => {
    const text = await written(["demo", "paused", "--fast"], columns, rows);
    const [entered, left] = [text.indexOf("\x1b[?1049h"), text.indexOf("\x1b[?25h\x1b[?1049l")];
    assert.ok(entered >= 0 && left > entered, "the other screen, and back");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is written to a terminal
    const drawn = [...text.slice(entered, left).matchAll(/\x1b\[(\d+);1H(.*?)\x1b\[0m(?=\x1b)/gs)].map(
      ([, row, line = ""]) => ({ row: Number(row), line: line.replace(SGR, "") }),
    );
    for (const { row, line } of drawn) assert.ok(row <= rows && line.length <= columns, `${row}: ${line}`);
    const [first] = drawn.filter(({ line }) => line.startsWith("1/1 "));
    assert.match(first?.line ?? "", /^1\/1 The reader pauses\. Both programs keep up\./);
    for (const pattern of [
      /^receive buffer \[█{10}/,
      /^Waits for the receiver/,
      /The reader reads again/,
      /^The connection is no longer there/,
    ]) {
      assert.ok(
        drawn.some(({ line }) => pattern.test(line)),
        String(pattern),
      );
    }
    const after = text.slice(left).replace(/\r/g, "");
    assert.match(
      after,
      /\nThat was all\. Next:\n {2}windsock watch .*\n {2}windsock watch --web .*\n {2}docs\/.*\nexit code 0\n/,
    );
    for (const line of after.split("\n").slice(1)) assert.ok(line.length < columns, line);
  });
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is written to a terminal
const SGR = /\x1b\[[\d;]*m/g;
