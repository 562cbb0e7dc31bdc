/** What the server of the page tells: samples, the table, the past; and what a reader that is slow costs. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as delay, setImmediate as turn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { WebServer } from "../../src/cli/web/server.ts";
import { type EndSample, QUANTITIES } from "../../src/observe/index.ts";
import type { Ending } from "../../src/viewer/index.ts";
import { pair, sampleOf, single } from "./_samples.ts";
import { deaf, Reader, serve, untilCome } from "./_web.ts";

const ENDS = pair();

/** Quantities that are others in each sample, and long, so that a page that does not read is soon stuck. */
function changing(count: number): Partial<EndSample> {
  return Object.fromEntries(Object.keys(QUANTITIES).map((name) => [name, 1e15 + count]));
}

/** Until the kernel takes no more for a page that does not read. */
async function untilStuck(server: WebServer, push: () => void): Promise<void> {
  for (const until = performance.now() + 60_000; ; ) {
    for (let index = 0; index < 100; index++) push();
    await delay(50); // which a page that reads needs least of
    if (server.blocked > 0) {
      await delay(200);
      if (server.blocked > 0) return;
    }
    assert.ok(performance.now() < until, `${server.pages} pages, of which none is stuck`);
  }
}

test("the past, then each sample, with both ends of what is followed and nothing of the others", async () => {
  await using server = await serve();
  for (const ms of [100, 200, 300]) server.push(sampleOf(ms, [...pair({ writtenBytes: ms }), single("7")]));
  using reader = await Reader.open(server.url, "?follow=11");
  const first = await reader.until(({ batches }) => batches[0]);
  assert.equal(first.whole, true);
  assert.deepEqual(first.elapsedMs, [100, 200, 300]);
  assert.deepEqual(first.ends.map(({ id }) => id).sort(), ["11", "12"]);
  const sender = first.ends.find(({ id }) => id === "11");
  assert.deepEqual(sender?.columns.writtenBytes, [100, 200, 300]);
  assert.equal(sender?.columns.windowSeenBytes, 1000, "told once where it is the same in all");
  assert.equal(sender?.columns.waiting, "receiver-window");
  assert.ok(!("pacingBytesPerSecond" in (sender?.columns ?? {})), "what is not known is not told");
  server.push(sampleOf(400, pair({ writtenBytes: 400 })));
  await reader.until(({ moments }) => (moments.includes(400) ? true : undefined));
  assert.deepEqual(reader.moments, [100, 200, 300, 400]);
  await server.close();
});

test("an end whose other one is gone is still followed, and what has ended is told", async () => {
  await using server = await serve();
  server.push(sampleOf(100, ENDS));
  using reader = await Reader.open(server.url, "?follow=11");
  await reader.hello;
  const [near, far] = ENDS as [EndSample, EndSample];
  const { pairedWith: _, ...alone } = far;
  const ended = [{ id: near.id, local: near.local, peer: near.peer, because: "gone" as const }];
  server.push(sampleOf(200, [alone], ended));
  const batch = await reader.until(({ batches }) => batches.find(({ elapsedMs }) => elapsedMs.includes(200)));
  assert.deepEqual(
    batch.ends.map(({ id }) => id),
    ["12"],
  );
  assert.deepEqual(batch.ended, ended);
  await server.close();
});

test("the table: all rows, then what changed, then what went and why", async () => {
  await using server = await serve();
  server.push(sampleOf(100, [...ENDS, single("7"), single("8")]));
  using reader = await Reader.open(server.url);
  const whole = await reader.until(({ tables }) => tables[0]);
  assert.deepEqual([whole.whole, whole.rows.map(([id]) => id)], [true, ["11", "7", "8"]]);
  const [, ...others] = [single("7", { writtenBytes: 6000 }), single("7", { writtenBytes: 6000 })];
  const gone = { id: "8", local: "", peer: "", because: "replaced" as const };
  let ms = 500;
  server.push(sampleOf(ms, [...ENDS, ...others], [gone]));
  // The table is told four times a second, with a sample.
  const change = await untilCome(
    reader.until(({ tables }) => tables[1]),
    () => server.push(sampleOf(++ms, [...ENDS, ...others])),
  );
  assert.deepEqual(
    [change.whole, change.rows.map(([id]) => id), change.gone],
    [false, ["7"], [["8", "replaced"]]],
  );
  using late = await Reader.open(server.url);
  const again = await late.until(({ tables }) => tables[0]);
  assert.deepEqual(
    again.rows.map(([id]) => id),
    ["11", "7"],
  );
  assert.deepEqual(
    again.before?.map(([[id], because]) => [id, because]),
    [["8", "replaced"]],
  );
  await server.close();
});

test("a reader that comes back is told what it has missed, one of another server all of it", async () => {
  await using server = await serve();
  server.push(sampleOf(100, ENDS));
  server.push(sampleOf(200, ENDS));
  using first = await Reader.open(server.url, "?follow=11");
  await first.until(({ batches }) => batches[0]);
  const id = first.events.find(({ name }) => name === "samples")?.id ?? "";
  first[Symbol.dispose]();
  server.push(sampleOf(300, ENDS));
  using back = await Reader.open(server.url, "?follow=11", { "Last-Event-ID": id });
  assert.equal((await back.hello).resumed, true);
  assert.deepEqual((await back.until(({ batches }) => batches[0])).elapsedMs, [300]);
  for (const other of [
    "",
    "x:100",
    `${(await back.hello).boot}:`,
    "nonsense",
    `${(await back.hello).boot}:NaN`,
  ]) {
    using stranger = await Reader.open(server.url, "?follow=11", { "Last-Event-ID": other });
    assert.equal((await stranger.hello).resumed, false, other);
    assert.deepEqual((await stranger.until(({ batches }) => batches[0])).elapsedMs, [100, 200, 300]);
  }
  const { token, port } = server;
  await server.close();
  await using second = await serve({ token, port });
  assert.equal(second.url, server.url);
  using over = await Reader.open(second.url, "?follow=11", { "Last-Event-ID": id });
  assert.equal((await over.hello).resumed, false, "its clock is another one");
  await second.close();
});

test("captions, the end of the samples, and the end of the server", async () => {
  let caption = "";
  await using server = await serve({ caption: () => caption, mode: "demo" });
  caption = "Look here.";
  server.push(sampleOf(100, ENDS));
  using reader = await Reader.open(server.url);
  assert.deepEqual(await reader.until((one) => one.of("caption")[0]), { elapsedMs: 100, text: "Look here." });
  caption = "And there.";
  server.push(sampleOf(200, ENDS));
  server.push(sampleOf(300, ENDS));
  server.end("Over.");
  assert.deepEqual(await reader.until((one) => one.of<Ending>("end")[0]), { text: "Over." });
  assert.equal(reader.of("caption").length, 2);
  assert.deepEqual(reader.moments, [100, 200, 300], "nothing that was sampled is lost by the end");
  using late = await Reader.open(server.url);
  assert.deepEqual(await late.until((one) => one.of<Ending>("end")[0]), { text: "Over." });
  const closed = server.close("Bye.");
  assert.deepEqual(await reader.until((one) => one.of<Ending>("bye")[0]), { text: "Bye." });
  await closed;
  await reader.ended;
});

test("what a page may follow is bounded, and what is no id is left out", async () => {
  await using server = await serve();
  server.push(
    sampleOf(
      100,
      [...Array(40)].map((_, index) => single(`${index + 100}`)),
    ),
  );
  const asked = [...Array(40)].map((_, index) => index + 100).join();
  for (const [query, count] of [
    [`?follow=${asked}`, 16],
    ["?follow=__proto__,constructor", 0],
    ["?follow=", 0],
    ["?follow=100&follow=101", 1],
    ["?other=100", 0],
  ] as const) {
    using reader = await Reader.open(server.url, query);
    assert.equal((await reader.until(({ batches }) => batches[0])).ends.length, count, query);
  }
  await server.close();
});

test("a long past is told in few thousand samples, the newest of them whole", async () => {
  await using server = await serve();
  for (let index = 1; index <= 20_000; index++) {
    server.push(sampleOf(index * 100, pair({ writtenBytes: index })));
    if (index % 1000 === 0) await turn();
  }
  using reader = await Reader.open(server.url, "?follow=11");
  const { elapsedMs } = await reader.until(({ batches }) => batches[0]);
  assert.ok(elapsedMs.length > 1000 && elapsedMs.length <= 4000, `${elapsedMs.length} samples`);
  assert.deepEqual(
    elapsedMs.slice(-200),
    [...Array(200)].map((_, index) => (19_801 + index) * 100),
  );
  assert.ok((elapsedMs[0] ?? 0) < 100_000);
  await server.close();
});

test("a reader that takes nothing costs nothing more, and disturbs neither the others nor who pushes", async () => {
  await using server = await serve();
  const many = [...Array(50)].map((_, index) => single(`${index + 1}`));
  const ids = [...Array(16)].map((_, index) => index + 1).join();
  const path = `${new URL(server.url).pathname}events?follow=${ids}`;
  const slow = await deaf(server.port, path);
  using quick = await Reader.open(server.url, "?follow=1");
  await quick.hello;
  while (server.pages < 2) await turn();
  let pushed = 0;
  const push = (): void => {
    const fields = changing(pushed);
    const ends = many.map((end) => ({ ...end, ...fields }));
    server.push(sampleOf(++pushed, ends));
  };
  // Until the kernel takes no more for the slow one, and its samples wait.
  await untilStuck(server, push);
  const taken = async (): Promise<void> => {
    const last = pushed;
    await quick.until(({ moments }) => (moments.at(-1) === last ? true : undefined));
  };
  await taken();
  const buffered = server.bufferedBytes;
  assert.ok(buffered > 0);
  for (let index = 0; index < 600; index++) {
    push(); // which returns, though nobody ever reads what it would tell
    if (index % 20 === 0) await taken();
    assert.ok(server.pending <= 500, `${server.pending} samples wait`);
  }
  await taken();
  const last = pushed;
  assert.ok(server.bufferedBytes <= buffered, "not a byte more waits for it");
  const told = quick.moments.length + quick.batches.reduce((sum, { skipped }) => sum + skipped, 0);
  assert.equal(
    told,
    last - (quick.moments[0] ?? 0) + 1,
    "the other one was told all of them, or how many not",
  );
  slow.resume();
  slow.destroy();
  await once(slow, "close");
  while (server.pages > 1) await turn();
  assert.ok(server.pending <= 500);
  await server.close();
});

test("after it has taken what was sent, a slow reader goes on with the newest, and is told how many it missed", async () => {
  await using server = await serve();
  using reader = await Reader.open(
    server.url,
    `?follow=${[...Array(16)].map((_, index) => index + 1).join()}`,
  );
  await reader.hello;
  reader.response.pause();
  const ends = [...Array(16)].map((_, index) => single(`${index + 1}`));
  let pushed = 0;
  await untilStuck(server, () => {
    const fields = changing(++pushed);
    server.push(
      sampleOf(
        pushed,
        ends.map((end) => ({ ...end, ...fields })),
      ),
    );
  });
  for (let index = 0; index < 1000; index++) server.push(sampleOf(++pushed, ends));
  reader.response.resume();
  await reader.until(({ moments }) => (moments.at(-1) === pushed ? true : undefined));
  const skipped = reader.batches.reduce((sum, batch) => sum + batch.skipped, 0);
  assert.ok(skipped > 0);
  assert.equal(reader.moments.length + skipped, pushed);
  await server.close();
});

test("a server that ends does not wait for who takes nothing", async () => {
  await using server = await serve();
  const slow = await deaf(server.port, `${new URL(server.url).pathname}events?follow=11`);
  while (server.pages < 1) await turn();
  let pushed = 0;
  await untilStuck(server, () => {
    const fields = changing(++pushed);
    server.push(sampleOf(pushed, pair(fields, fields)));
  });
  await server.close("Bye.");
  slow.destroy();
});

test("a table that did not fit at once is told when there is room, also when nothing is sampled any more", async () => {
  await using server = await serve();
  const ids = [...Array(16)].map((_, index) => `${index + 1}`);
  using reader = await Reader.open(server.url, `?follow=${ids.join()}`);
  await reader.hello;
  reader.response.pause();
  let pushed = 0;
  await untilStuck(server, () => {
    pushed++;
    const fields = changing(pushed);
    server.push(
      sampleOf(
        pushed,
        ids.map((id) => single(id, fields)),
      ),
    );
  });
  server.push(sampleOf(1e6, [single("77777")]));
  server.end("Over.");
  reader.response.resume();
  await reader.until(({ tables }) => (tables.at(-1)?.rows.some(([id]) => id === "77777") ? true : undefined));
});

test("whichever end the kernel lists first, a page is told the same connection", async () => {
  for (const ends of [ENDS, [...ENDS].reverse()]) {
    await using server = await serve();
    server.push(sampleOf(100, [single("7"), ...ends]));
    using reader = await Reader.open(server.url, "?follow=11");
    const { rows } = await reader.until(({ tables }) => tables[0]);
    const row = rows.find(([id]) => id === "11");
    assert.deepEqual([rows.length, row?.[1], row?.[3]], [2, "127.0.0.1:40000", "12"]);
    const { ends: told } = await reader.until(({ batches }) => batches[0]);
    assert.deepEqual(told.map(({ id }) => id).sort(), ["11", "12"]);
    await server.close();
  }
});

test("hours of samples take no more memory than the first one", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  await using server = await serve();
  const slow = await deaf(server.port, `${new URL(server.url).pathname}events?follow=11`);
  while (server.pages < 1) await turn();
  let pushed = 0;
  const hour = async (): Promise<number> => {
    for (let index = 0; index < 36_000; index++) {
      pushed++;
      const fields = { writtenBytes: pushed, ackedBytes: pushed, receiveQueueBytes: pushed % 1000 };
      server.push(sampleOf(pushed * 100, pair(fields, fields)));
      if (index % 100 === 0) await turn();
    }
    collect();
    return process.memoryUsage().heapUsed / 1e6;
  };
  const sizes = [await hour(), await hour(), await hour(), await hour()];
  const [first = 0] = sizes;
  // An hour of samples is some 35 MB.
  assert.ok(Math.max(...sizes) < first + 15, `${sizes.map(Math.round).join(", ")} MB`);
  slow.destroy();
  await server.close();
});
