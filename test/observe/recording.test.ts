/** Recordings: what is written is read, in time; files that are cut, hostile, of another version; disks that are full. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import {
  Observer,
  QUANTITIES,
  RecordingError,
  readRecording,
  replayRecording,
  type Sample,
  SampleRecorder,
  SCHEMA_VERSION,
} from "../../src/observe/index.ts";
import { isolated, pair, random, socketFds, test } from "../socket/_helpers.ts";

const folder = mkdtempSync(join(tmpdir(), "windsock-recording-"));
after(() => rmSync(folder, { recursive: true }));
let files = 0;
const newFile = (content?: string | Uint8Array): string => {
  const path = join(folder, `${files++}.jsonl`);
  if (content !== undefined) writeFileSync(path, content);
  return path;
};

async function read(path: string): Promise<Sample[]> {
  const samples: Sample[] = [];
  for await (const sample of readRecording(path)) samples.push(sample);
  return samples;
}

const HEADER = JSON.stringify({
  format: "windsock samples",
  version: SCHEMA_VERSION,
  startedAt: 1,
  units: {},
});
const END = {
  id: "1",
  local: "127.0.0.1:1",
  peer: "127.0.0.1:2",
  state: "established",
  waiting: "pacing",
  waitingMs: 0,
};
const SAMPLE = { at: 1, elapsedMs: 1, missed: 0, ends: [END], ended: [] };
const GONE = { id: "1", local: "127.0.0.1:1", peer: "127.0.0.1:2", because: "gone" };
const json = JSON.stringify;
const fileOf = (...lines: unknown[]): string =>
  newFile([HEADER, ...lines.map((line) => (typeof line === "string" ? line : json(line))), ""].join("\n"));

test("what was sampled comes back as it was, with all its keys", async () => {
  using ends = await pair();
  using observer = Observer.open([ends.client, { port: ends.server.localAddr.port }], { holders: true });
  const path = newFile();
  const samples: Sample[] = [];
  {
    await using recorder = await SampleRecorder.create(path, { rateHz: 10 });
    for (let i = 0; i < 20; i++) {
      await ends.client.writeAll(new Uint8Array(1000 * i + 1));
      if (i === 15) ends.server.close();
      const sample = await observer.sample();
      samples.push(sample);
      if (i % 2 === 0) await recorder.write(sample);
      else void recorder.write(sample);
      if (i === 15) break;
    }
  }
  assert.deepEqual(await read(path), samples);
  const header = JSON.parse(readFileSync(path, "utf8").split("\n")[0] ?? "");
  assert.equal(header.rateHz, 10);
  assert.deepEqual(Object.keys(header.units), Object.keys(QUANTITIES));
  assert.equal(header.units.rttUs, "µs");
});

test("replayed in its own time, or faster; and ended in between", async () => {
  const times = [0, 50, 60, 200].map((elapsedMs) => ({ ...SAMPLE, elapsedMs }));
  const path = fileOf(...times);
  for (const speed of [1, 10]) {
    const begun = performance.now();
    const at: number[] = [];
    for await (const _ of replayRecording(path, speed)) at.push(performance.now() - begun);
    assert.equal(at.length, 4);
    for (const [index, { elapsedMs }] of times.entries()) {
      assert.ok((at[index] as number) >= elapsedMs / speed - 2, `${at}`);
    }
  }
  for (const speed of [0, -1, Number.NaN])
    await assert.rejects(replayRecording(path, speed).next(), RangeError);
  const late = fileOf(SAMPLE, { ...SAMPLE, elapsedMs: 1e300 });
  const cancel = new AbortController();
  const samples = replayRecording(late, 1, { signal: cancel.signal });
  assert.equal((await samples.next()).done, false);
  const next = samples.next();
  const reason = new Error("enough");
  setImmediate(() => cancel.abort(reason));
  await assert.rejects(next, reason);
  const open = socketFds().length;
  for await (const _ of replayRecording(path, 1000)) break;
  assert.equal(socketFds().length, open);
});

const NO_RECORDINGS: readonly [name: string, content: string | Uint8Array, line: number, says: RegExp][] = [
  ["nothing", "", 1, /an empty file/],
  ["no JSON", "hello\n", 1, /expected JSON, got "hello"/],
  ["another JSON", '{"a":1}\n', 1, /expected a recording/],
  ["null", "null\n", 1, /expected a recording/],
  ["a header that is cut", HEADER.slice(0, 20), 1, /expected JSON/],
  [
    "a later version",
    HEADER.replace(`"version":${SCHEMA_VERSION}`, '"version":2'),
    1,
    /expected version 1, got 2/,
  ],
  ["no version", '{"format":"windsock samples"}', 1, /expected version 1, got undefined/],
  ["a version that is a text", '{"format":"windsock samples","version":"1"}', 1, /got "1"/],
  ["bytes", Uint8Array.from({ length: 5000 }, (_, i) => (i * 7919) & 0xff), 1, /expected JSON/],
];

for (const [name, content, line, says] of NO_RECORDINGS) {
  test(`no recording: ${name}`, async () => {
    await assert.rejects(read(newFile(content)), (error) => {
      assert.ok(error instanceof RecordingError);
      assert.deepEqual([error.code, error.line], ["BAD_RECORDING", line]);
      assert.match(error.message, says);
      return true;
    });
  });
}

const end = (fields: object): object => ({ ...SAMPLE, ends: [{ ...END, ...fields }] });
const REFUSED: readonly [name: string, line: unknown, says: RegExp][] = [
  ["no JSON", "{", /expected JSON/],
  ["an empty line", "", /expected JSON/],
  ["null", null, /the line: expected an object, got null/],
  ["an array", [], /expected an object, got \[\]/],
  ["no time", { ...SAMPLE, at: undefined }, /at: expected a number from 0 on, got nothing/],
  ["a time that is a text", { ...SAMPLE, elapsedMs: "1" }, /elapsedMs: expected a number from 0 on, got "1"/],
  ["a negative time", { ...SAMPLE, elapsedMs: -1 }, /elapsedMs/],
  ["a time without end", json(SAMPLE).replace('"elapsedMs":1', '"elapsedMs":1e999'), /elapsedMs/],
  ["a time that goes back", { ...SAMPLE, elapsedMs: 0.5 }, /elapsedMs: 0.5 after 1/],
  [
    "a moment that no calendar has",
    { ...SAMPLE, at: 9e15 },
    /at: expected milliseconds since 1970, up to 8640000000000000, got 9000000000000000/,
  ],
  ["no ends", { ...SAMPLE, ends: {} }, /ends: expected an array/],
  ["an end that is null", { ...SAMPLE, ends: [null] }, /ends: expected an object/],
  ["an id that is a number", end({ id: 1 }), /id: expected a text/],
  ["an address with control characters", end({ local: "127.0.0.1:1\u001b[2J" }), /local: expected a text/],
  ["an address of a megabyte", end({ peer: "1".repeat(2 ** 20) }), /peer: expected a text/],
  ["a state that is an object", end({ state: {} }), /state/],
  ["a reason that is none", end({ waiting: "because" }), /waiting: expected a reason, got "because"/],
  ["a reason of Object.prototype", end({ waiting: "constructor" }), /waiting/],
  ["a quantity that is a text", end({ rttUs: "5" }), /rttUs: expected a number from 0 on, got "5"/],
  ["a quantity that is null", end({ rttUs: null }), /rttUs/],
  ["a quantity that is an array", end({ windowSeenBytes: [1] }), /windowSeenBytes/],
  ["a quantity below 0", end({ notSentBytes: -5 }), /notSentBytes/],
  ["a partner that is none", end({ pairedWith: 7 }), /pairedWith/],
  ["holders that are none", end({ holders: "root" }), /holders: expected an array/],
  ["a holder without a name", end({ holders: [{ pid: 1 }] }), /command: expected a text, got nothing/],
  ["an end of another kind", { ...SAMPLE, ended: [{ ...GONE, because: "tired" }] }, /because/],
  ["ended that is missing", { ...SAMPLE, ended: undefined }, /ended: expected an array/],
];

for (const [name, line, says] of REFUSED) {
  test(`refused, with the number of the line: ${name}`, async () => {
    const samples = readRecording(fileOf(SAMPLE, line, SAMPLE));
    assert.equal((await samples.next()).done, false);
    await assert.rejects(samples.next(), (error) => {
      assert.ok(error instanceof RecordingError && error.line === 3, `${error}`);
      assert.match(error.message, says);
      return true;
    });
  });
}

test("what a sample does not have is left out; later states and missing quantities are taken", async () => {
  const line = `{"__proto__":{"ends":[]},"surprise":1,${json(end({ state: 17, toString: 5, constructor: "x", rttUs: 7 })).slice(1)}`;
  const [sample] = await read(fileOf(line));
  const [one] = sample?.ends ?? [];
  assert.deepEqual([one?.state, one?.rttUs, one?.ours], [17, 7, undefined]);
  assert.deepEqual(Object.keys(sample ?? {}), ["at", "elapsedMs", "missed", "ends", "ended"]);
  const keys = Object.keys(one ?? {});
  for (const name of ["toString", "constructor", "surprise"]) assert.ok(!keys.includes(name), name);
  for (const name of Object.keys(QUANTITIES)) assert.ok(keys.includes(name), name);
  assert.equal(Object.getPrototypeOf(sample), Object.prototype);
});

test("a file that is cut anywhere: the samples before are there, and nothing is made up", async () => {
  const lines = [1, 2, 3].map((elapsedMs) => json({ ...SAMPLE, elapsedMs }));
  const whole = `${[HEADER, ...lines].join("\n")}\n`;
  for (let length = HEADER.length; length <= whole.length; length++) {
    const cut = whole.slice(0, length);
    const complete = lines.filter((line) => cut.includes(line)).length;
    assert.equal((await read(newFile(cut))).length, complete, `${length}`);
  }
});

test("bytes that are changed anywhere: samples, or a RecordingError", async () => {
  const whole = Buffer.from(
    `${[HEADER, json(SAMPLE), json(end({ holders: [{ pid: 1, command: "ä" }] }))].join("\n")}\n`,
  );
  const pick = random(4);
  for (let round = 0; round < 400; round++) {
    const changed = Uint8Array.from(whole);
    for (let i = 0; i <= pick(4); i++) changed[pick(changed.length)] = pick(256);
    try {
      for (const { ends } of await read(newFile(changed))) {
        for (const { rttUs, waitingMs } of ends) assert.ok(rttUs === undefined && waitingMs >= 0);
      }
    } catch (error) {
      assert.ok(error instanceof RecordingError, String(error));
    }
  }
});

test("a sample of megabytes; and a line without end", async () => {
  const ends = Array.from({ length: 20_000 }, (_, i) => ({ ...END, id: `${i}`, rttUs: i }));
  const [sample] = await read(fileOf({ ...SAMPLE, ends }));
  assert.equal(sample?.ends.length, 20_000);
  const path = newFile();
  const out = createWriteStream(path);
  out.write(`${HEADER}\n`);
  const chunk = "x".repeat(2 ** 20);
  for (let i = 0; i < 130; i++) if (!out.write(chunk)) await once(out, "drain");
  await new Promise<void>((resolve) => out.end(resolve));
  await assert.rejects(read(path), /line 2: expected at most \d+ characters, got more/);
  rmSync(path);
});

test("a disk that is full, and a folder that is not there", async () => {
  await assert.rejects(SampleRecorder.create("/dev/full"), { code: "ENOSPC" });
  await assert.rejects(SampleRecorder.create(join(folder, "missing", "x")), { code: "ENOENT" });
  await assert.rejects(read(join(folder, "missing")), { code: "ENOENT" });
});

isolated(
  import.meta.url,
  "a disk that becomes full: the one who writes is told, and what is in the file can be read",
  { shell: "trap '' XFSZ; ulimit -f 8;" },
  async () => {
    const path = join(tmpdir(), `windsock-full-${process.pid}.jsonl`);
    const recorder = await SampleRecorder.create(path);
    let written = 0;
    const failed = { code: "EFBIG" };
    await assert.rejects(async () => {
      for (; ; written++) await recorder.write({ ...SAMPLE, elapsedMs: written } as Sample);
    }, failed);
    assert.ok(written > 10, `${written}`);
    await assert.rejects(
      recorder.write(SAMPLE as unknown as Sample),
      failed,
      "nothing comes behind half a line",
    );
    await recorder.close();
    const samples = await read(path);
    assert.deepEqual(
      samples.map(({ elapsedMs }) => elapsedMs),
      Array.from({ length: written }, (_, i) => i),
    );
    rmSync(path);
  },
);
