/** `windsock watch --web` and `windsock demo --web` as they are used: an address on standard output, and an end. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { get, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Caption, Ending } from "../../src/viewer/index.ts";
import { assertOneLine, freePort, type Program, start, windsock } from "./_cli.ts";
import { pair, sampleOf } from "./_samples.ts";
import { unread } from "./_unread.ts";
import { Reader } from "./_web.ts";

const folder = mkdtempSync(join(tmpdir(), "windsock-web-"));
const file = (name: string): string => join(folder, name);
let port = 0;
let close = (): void => {};

before(async () => {
  ({ port, close } = await unread());
});

after(() => {
  close();
  rmSync(folder, { recursive: true });
});

async function addressOf(program: Program): Promise<string> {
  const printed = await program.printedMatch(/\n/);
  const [, url] = /^(http:\/\/127\.0\.0\.1:\d+\/[\w-]{22}\/)\n$/.exec(printed) ?? [];
  assert.ok(url, printed);
  return url;
}

async function ask(url: string): Promise<string> {
  const [response] = (await once(get(url, { agent: false }), "response")) as [IncomingMessage];
  assert.equal(response.statusCode, 200);
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) text += chunk;
  return text;
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  test(`watch --web: one line with the address, the page, its samples, and an end by ${signal}`, async () => {
    using program = start(["watch", `${port}`, "--web", "--rate", "50", "--record", file("web.jsonl")]);
    const url = await addressOf(program);
    assert.match(await ask(url), /^<!doctype html>[\s\S]*windsock/);
    using reader = await Reader.open(url);
    assert.equal((await reader.hello).mode, "live");
    const { rows } = await reader.until(({ tables }) => tables.find((table) => table.rows.length > 0));
    const [row] = rows;
    assert.ok([row?.[1], row?.[2]].includes(`127.0.0.1:${port}`), "either end may be the near one");
    using follower = await Reader.open(url, `?follow=${row?.[0]}`);
    const batch = await follower.until(({ batches }) => batches.find(({ ends }) => ends.length === 2));
    const written = batch.ends.map(({ columns }) => columns.writtenBytes);
    assert.deepEqual(written.flat().filter((bytes) => bytes === 200).length > 0, true);
    program.child.kill(signal);
    assert.match((await reader.until((one) => one.of<Ending>("bye")[0])).text, /was ended/);
    const { code, stderr, stdout } = await program.ended;
    assert.deepEqual([code, stderr, stdout.toString()], [0, "", `${url}\n`]);
    assert.match(readFileSync(file("web.jsonl"), "utf8"), /^\{"format":"windsock samples"[^\n]*\n\{"at"/);
  });
}

test("watch --web --replay: what was recorded, which can be looked at when it is at its end", async () => {
  const { format, ...rest } = { format: "windsock samples", version: 1, startedAt: 0, units: {} };
  const samples = [100, 200, 300].map((ms) => sampleOf(ms, pair({ writtenBytes: ms })));
  const lines = [{ format, ...rest }, ...samples].map((line) => JSON.stringify(line));
  writeFileSync(file("replay.jsonl"), `${lines.join("\n")}\n`);
  using program = start(["watch", "--web", "--replay", file("replay.jsonl"), "--speed", "1000"]);
  const url = await addressOf(program);
  using first = await Reader.open(url);
  assert.match((await first.until((one) => one.of<Ending>("end")[0])).text, /recording is at its end/);
  using late = await Reader.open(url, "?follow=11");
  assert.equal((await late.hello).mode, "replay");
  const { elapsedMs, ends } = await late.until(({ batches }) => batches[0]);
  assert.deepEqual(
    [elapsedMs, ends[0]?.columns.writtenBytes],
    [
      [100, 200, 300],
      [100, 200, 300],
    ],
  );
  program.child.kill("SIGINT");
  assert.equal((await program.ended).code, 0);
});

test("demo --web: waits for a page, then plays with its captions, and ends by itself", async () => {
  using program = start(["demo", "paused", "--fast", "--web"]);
  const url = await addressOf(program);
  using reader = await Reader.open(url);
  const captions = await reader.until((one) => {
    const all = one.of<Caption>("caption");
    return all.some(({ text }) => text.includes("reads again")) ? all : undefined;
  });
  assert.match(
    captions[0]?.text ?? "",
    /^1\/1 The reader pauses\. Both programs keep up/,
    "never the title alone",
  );
  assert.ok(reader.tables.some(({ rows }) => rows.length === 1));
  assert.match(
    (await reader.until((one) => one.of<Ending>("bye")[0])).text,
    /That was all.*windsock watch --web/,
  );
  const gone = reader.tables.flatMap((table) => table.gone.map(([, because]) => because));
  assert.deepEqual(gone, ["gone"], "its connection has ended, and is not just out of sight");
  const { code, stderr, stdout } = await program.ended;
  assert.deepEqual([code, stderr, stdout.toString()], [0, "", `${url}\n`]);
});

test("demo --web ends by a signal, while nobody has opened its page and in the midst of a scene", async () => {
  for (const opens of [false, true]) {
    using program = start(["demo", "--web"]);
    const url = await addressOf(program);
    using reader = opens ? await Reader.open(url) : undefined;
    await reader?.until(({ tables }) => tables.find(({ rows }) => rows.length > 0));
    program.child.kill("SIGINT");
    const bye = await reader?.until((one) => one.of<Ending>("bye")[0]);
    if (opens) assert.match(bye?.text ?? "", /demonstration was ended/);
    const { code, stderr } = await program.ended;
    assert.deepEqual([code, stderr], [0, ""]);
  }
});

test("--port: where it was told to be; one that is taken is one line and exit code 1", async () => {
  const free = await freePort();
  using program = start(["watch", "--web", "--port", `${free}`]);
  assert.equal(new URL(await addressOf(program)).port, `${free}`);
  assertOneLine(await windsock(["watch", "--web", "--port", `${free}`]), 1, /EADDRINUSE/);
  assertOneLine(await windsock(["demo", "--web", "--port", `${free}`]), 1, /EADDRINUSE/);
});

test("wrong use is one line and exit code 2", async () => {
  for (const args of [
    ["watch", "--port", "2000"],
    ["watch", "--web", "--json"],
    ["watch", "--web", "--plain"],
    ["demo", "--port", "2000"],
  ]) {
    assertOneLine(await windsock(args), 2, /--(port|web)/);
  }
});
