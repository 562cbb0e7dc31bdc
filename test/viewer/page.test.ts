/** The page in a browser: what it draws is what was sampled, whatever becomes of the connection and the server. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Browser } from "playwright-core";
import { WebServer, type WebServerOptions } from "../../src/cli/web/server.ts";
import { Observer, QUANTITIES, type Sample, WAIT_TEXTS } from "../../src/observe/index.ts";
import { SO, TcpListener, TcpStream } from "../../src/socket/index.ts";
import type { Column } from "../../src/viewer/index.ts";
import { pair, sampleOf, single } from "../cli/_samples.ts";
import { Reader, untilCome } from "../cli/_web.ts";
import { builtPage, dataOf, launch, NO_BROWSER, open, untilText } from "./_browser.ts";

const skip = NO_BROWSER ?? false;
let browser: Browser;
let html = "";

before(async () => {
  if (skip) return;
  html = builtPage();
  browser = await launch();
});
after(() => browser?.close());

const serve = (options: Partial<WebServerOptions> = {}): Promise<WebServer> =>
  WebServer.open({ page: html, mode: "live", ...options });

test("it is small, and has all of it within", { skip }, () => {
  assert.ok(Buffer.byteLength(html) < 150_000, `${Buffer.byteLength(html)} bytes`);
  assert.match(html, /Contains uPlot\.[\s\S]*MIT/);
  assert.equal(html.match(/<script/g)?.length, 1);
  assert.equal(html.match(/<style/g)?.length, 1);
  assert.doesNotMatch(html, /<link[^>]+href="(?!data:)|\bsrc="|@import|url\((?!"?data:|#)/);
});

test("it loads without a complaint, asks nobody else, and shows a connection", { skip }, async () => {
  await using server = await serve();
  await using opened = await open(browser, server.url);
  const { page, complaints, requests } = opened;
  server.push(sampleOf(100, pair()));
  await untilText(page, "chooser-name", /127\.0\.0\.1:40000 → 127\.0\.0\.1:2000/);
  await untilText(page, "reason-text", /Waits for the receiver/);
  assert.equal(await page.title(), "windsock");
  for (const url of requests) assert.ok(url.startsWith(server.url) || url.startsWith("data:"), url);
  assert.deepEqual(complaints, []);
  await server.close();
});

/** Two ends on loopback with small buffers. */
async function connected(): Promise<{ sender: TcpStream; receiver: TcpStream }> {
  using listener = TcpListener.bind("127.0.0.1:0", { options: [SO.RCVBUF.to(65536)] });
  const [sender, receiver] = await Promise.all([
    TcpStream.connect(listener.localAddr, { options: [SO.SNDBUF.to(65536)] }),
    listener.accept(),
  ]);
  return { sender, receiver };
}

test("a reader that pauses: every number that is drawn is the sampler's of that moment", {
  skip,
}, async () => {
  await using server = await serve();
  const { sender, receiver } = await connected();
  using observer = Observer.open(sender, { rateHz: 20 });
  const sampled = new Map<number, Sample>();
  const pumped = (async () => {
    for await (const sample of observer) {
      sampled.set(sample.elapsedMs, sample);
      server.push(sample);
    }
  })();
  const stop = new AbortController();
  using _ends = {
    [Symbol.dispose]: () => {
      stop.abort();
      sender.close();
      receiver.close();
    },
  };
  const data = new Uint8Array(4096);
  const writing = (async () => {
    for (;;) {
      await sender.writeAll(data, { signal: stop.signal });
      await delay(5, undefined, { signal: stop.signal });
    }
  })().catch(() => {});
  await using opened = await open(browser, server.url);
  const { page, complaints } = opened;
  const id = await page
    .waitForFunction(() => document.getElementById("picture")?.dataset.connection || undefined)
    .then((handle) => handle.jsonValue());
  using second = await Reader.open(server.url, `?follow=${id}`);
  let compared = 0;
  const reasons = new Set<string>();
  const moments = new Set<number>();
  const compare = async (): Promise<void> => {
    const drawn = await page.evaluate(() => {
      const set = (name: string): Record<string, string | undefined> => ({
        ...document.getElementById(name)?.dataset,
      });
      const bytes = (part: string): number =>
        Number(document.querySelector<HTMLElement>(part)?.dataset.bytes ?? Number.NaN);
      const width = (part: string): number => {
        const element = document.querySelector<HTMLElement>(part);
        return Number.parseFloat(element?.style.width ?? "");
      };
      return {
        elapsedMs: Number(set("picture").elapsedMs),
        sender: set("sender"),
        receiver: set("receiver"),
        reason: document.getElementById("reason-text")?.textContent,
        inFlight: bytes("#send-buffer .part.in-flight"),
        notSent: bytes("#send-buffer .part.not-sent"),
        notRead: bytes("#receive-buffer .part.not-read"),
        notReadShare: width("#receive-buffer .part.not-read"),
        receiveTotal: Number(
          document.querySelector<HTMLElement>("#receive-buffer .bar-track")?.dataset.totalBytes,
        ),
        window: bytes("#receive-buffer .bracket.window"),
        windowSeen: Number(set("allowance").windowBytes),
        written: Number(set("written").bytes),
        read: Number(set("read").bytes),
      };
    });
    if (moments.has(drawn.elapsedMs) || Number.isNaN(drawn.elapsedMs)) return;
    moments.add(drawn.elapsedMs);
    const told = await second.until(({ batches }) =>
      batches.find(({ elapsedMs }) => elapsedMs.includes(drawn.elapsedMs)),
    );
    const index = told.elapsedMs.indexOf(drawn.elapsedMs);
    const sample = sampled.get(drawn.elapsedMs);
    for (const side of ["sender", "receiver"] as const) {
      const columns: Readonly<Record<string, Column>> =
        told.ends.find((end) => end.id === drawn[side].id)?.columns ?? {};
      const end = sample?.ends.find((one) => one.id === drawn[side].id);
      for (const name of [...Object.keys(QUANTITIES), "waiting", "waitingMs", "state"]) {
        const column = columns[name] ?? null;
        const other = Array.isArray(column) ? column[index] : column;
        assert.equal(
          drawn[side][name],
          other === null ? undefined : String(other),
          `${side} ${name}, second client`,
        );
        const own = end?.[name as keyof typeof end];
        assert.equal(
          drawn[side][name],
          own === undefined ? undefined : String(own),
          `${side} ${name}, sampler`,
        );
      }
    }
    const { ends = [] } = sample ?? {};
    const from = ends.find((end) => end.id === drawn.sender.id);
    const to = ends.find((end) => end.id === drawn.receiver.id);
    assert.deepEqual(
      [drawn.inFlight, drawn.notSent, drawn.written, drawn.windowSeen],
      [from?.inFlightBytes, from?.notSentBytes, from?.writtenBytes, from?.windowSeenBytes],
    );
    assert.deepEqual(
      [drawn.notRead, drawn.read, drawn.window],
      [to?.receiveQueueBytes, to?.readBytes, to?.windowAdvertisedBytes],
    );
    if (drawn.notRead / drawn.receiveTotal > 0.01) {
      const share = (100 * drawn.notRead) / drawn.receiveTotal;
      assert.ok(Math.abs(drawn.notReadShare - share) < 0.1, "the bar is as long as it should be");
    }
    assert.equal(drawn.reason, from && WAIT_TEXTS[from.waiting]);
    reasons.add(from?.waiting ?? "");
    compared++;
  };
  const buffer = new Uint8Array(65536);
  const until = async (done: () => boolean, each: () => void): Promise<void> => {
    for (const limit = performance.now() + 60_000; !done(); await delay(10)) {
      assert.ok(performance.now() < limit, `${compared} compared, ${[...reasons].join()}`);
      each();
      await compare();
    }
  };
  await until(
    () => compared >= 10,
    () => receiver.tryRead(buffer),
  );
  await until(
    () => reasons.has("receiver-window") && compared >= 30,
    () => {},
  );
  const paused = compared;
  await until(
    () => compared >= paused + 10,
    () => receiver.tryRead(buffer),
  );
  assert.ok(reasons.size >= 2, [...reasons].join());
  stop.abort();
  await writing;
  sender.close();
  receiver.close();
  await untilText(page, "notice-text", /end|ended|gone|no longer/);
  observer.close();
  await pumped;
  assert.deepEqual(complaints, []);
  await server.close();
});

test("a connection that ends is said to have ended, and can still be looked at", { skip }, async () => {
  await using server = await serve();
  const ends = pair();
  server.push(sampleOf(100, [...ends, single("7")]));
  await using opened = await open(browser, `${server.url}#11`);
  const { page } = opened;
  await untilText(page, "reason-text", /Waits for the receiver/);
  const ended = ends.map(({ id, local, peer }) => ({ id, local, peer, because: "replaced" as const }));
  let ms = 600;
  server.push(sampleOf(ms, [single("7")], ended));
  await untilCome(untilText(page, "notice-text", /has ended; another one has its addresses/), () =>
    server.push(sampleOf(++ms, [single("7")])),
  );
  await untilText(page, "reason-text", /not there at this moment/);
  const bars = await page.evaluate(() =>
    ["send-buffer", "receive-buffer", "allowance"].map((id) => ({
      label: document.querySelector(`#${id} .bar-track`)?.getAttribute("aria-label") ?? "",
      drawn: [...document.querySelectorAll<HTMLElement>(`#${id} .part`)].filter(
        ({ style }) => style.width !== "0px",
      ).length,
    })),
  );
  for (const { label, drawn } of bars) assert.ok(label.endsWith(": not known") && drawn === 0, label);
  await page.keyboard.press("ArrowLeft");
  await untilText(page, "reason-text", /Waits for the receiver/);
  await page.keyboard.press("c");
  await page.waitForSelector('tr[data-id="11"][data-ended="replaced"]');
  await server.close();
});

test("a connection whose near end receives keeps its direction when it ends", { skip }, async () => {
  await using server = await serve();
  const ends = pair({ writtenBytes: 0, readBytes: 9000 }, { writtenBytes: 9000, waiting: "application" });
  server.push(sampleOf(100, ends));
  await using opened = await open(browser, `${server.url}#11`);
  const { page } = opened;
  await untilText(page, "sender-address", /^127\.0\.0\.1:2000$/);
  const ended = ends.map(({ id, local, peer }) => ({ id, local, peer, because: "gone" as const }));
  server.push(sampleOf(200, [], ended));
  await untilText(page, "reason-text", /not there at this moment/);
  assert.equal(await page.textContent("#sender-address"), "127.0.0.1:2000");
  await server.close();
});

test("one that both programs have closed is said to be closed, and which end is left", { skip }, async () => {
  for (const closed of ["11", "12"]) {
    await using server = await serve();
    server.push(sampleOf(100, pair()));
    await using opened = await open(browser, `${server.url}#11`);
    const { page } = opened;
    await untilText(page, "reason-text", /Waits for the receiver/);
    const ends = pair();
    const ended = ends.filter(({ id }) => id !== closed).map((end) => ({ ...end, because: "gone" as const }));
    const left = ends
      .filter(({ id }) => id === closed)
      .map(({ pairedWith: _, ...end }) => ({
        ...end,
        state: "time-wait" as const,
        waiting: "closed" as const,
      }));
    server.push(sampleOf(200, left, ended));
    await untilText(page, "notice-text", /have closed this connection\. One end is kept in TIME_WAIT/);
    const missing = closed === "11" ? "receive-buffer" : "send-buffer";
    await untilText(page, missing, /Not there at this moment/);
    await server.close();
  }
});

test("while there is no connection the page says what to do, until there is one", { skip }, async () => {
  await using server = await serve();
  await using opened = await open(browser, server.url);
  const { page, complaints } = opened;
  await untilText(page, "reason-text", /^No connection yet\.$/);
  await untilText(page, "hint", /shown by itself.*windsock watch --web without a target/);
  assert.equal(await page.isVisible("#hint"), true);
  server.push(sampleOf(100, []));
  await page.waitForFunction(() => document.getElementById("status")?.dataset.state === "live");
  assert.equal(await page.isVisible("#hint"), true);
  await untilCome(untilText(page, "reason-text", /Waits for the receiver/), () =>
    server.push(sampleOf(200, pair())),
  );
  assert.equal(await page.isVisible("#hint"), false);
  assert.deepEqual(complaints, []);
  await server.close();
});

test("a server that is started again under the same address goes on in the same page", { skip }, async () => {
  await using first = await serve();
  const { port, token, url } = first;
  await using opened = await open(browser, url);
  const { page } = opened;
  for (const ms of [1000, 2000]) first.push(sampleOf(ms, pair({ writtenBytes: ms })));
  await page.waitForFunction(() => document.getElementById("picture")?.dataset.samples === "2");
  await first.close(); // without a word, as where it was killed
  await page.waitForFunction(() => document.getElementById("status")?.dataset.state === "lost");
  await using second = await serve({ port, token });
  // Its observer began anew: 100 ms there is later than 2000 ms before.
  second.push({ ...sampleOf(100, pair({ writtenBytes: 3000 })), at: Date.UTC(2026, 0, 1) + 5000 });
  await page.waitForFunction(() => document.getElementById("picture")?.dataset.samples === "3");
  assert.equal((await dataOf(page, "sender")).writtenBytes, "3000");
  assert.equal((await dataOf(page, "status")).state, "live");
  await page.keyboard.press("ArrowLeft");
  await page.waitForFunction(() => document.getElementById("sender")?.dataset.writtenBytes === "2000");
  await second.close();
});

test("a server that ends says so in the page; one that was killed is said to be gone", { skip }, async () => {
  await using server = await serve();
  await using opened = await open(browser, server.url);
  const { page, complaints } = opened;
  server.push(sampleOf(1000, pair()));
  await page.waitForFunction(() => document.getElementById("picture")?.dataset.samples === "1");
  await server.close("It was ended.");
  await untilText(page, "notice-text", /It was ended\./);
  assert.equal((await dataOf(page, "status")).state, "ended");
  assert.deepEqual(complaints, [], "it does not go on asking");
  assert.equal((await dataOf(page, "sender")).writtenBytes, "5000", "and keeps what it has");

  await using other = await serve({ port: server.port, token: server.token });
  await page.click("#retry");
  await page.waitForFunction(() => document.getElementById("status")?.dataset.state === "live");
  await other.close();
  await untilText(page, "notice-text", /has ended, or does not answer/);
});

test("captions are those of the moment that is shown, and the demo's next connection is followed", {
  skip,
}, async () => {
  let caption = "First.";
  await using server = await serve({ mode: "demo", caption: () => caption });
  await using opened = await open(browser, server.url);
  const { page } = opened;
  server.push(sampleOf(1000, pair()));
  await untilText(page, "caption", /^First\.$/);
  await page.waitForFunction(() => document.getElementById("picture")?.dataset.connection === "11");
  caption = "Second.";
  server.push(sampleOf(2000, pair()));
  await untilText(page, "caption", /^Second\.$/);
  await page.keyboard.press("ArrowLeft");
  await untilText(page, "caption", /^First\.$/);
  await page.keyboard.press("End");
  let ms = 3000;
  await untilCome(
    page.waitForFunction(() => document.getElementById("picture")?.dataset.connection === "21"),
    () => server.push(sampleOf(++ms, [single("21")])),
  );
  await server.close();
});

test("an hour at ten samples a second: memory is bounded, and the newest are there", {
  skip,
  timeout: 240_000,
}, async () => {
  await using server = await serve({ mode: "replay" });
  await using opened = await open(browser, server.url);
  const { page, cdp, complaints } = opened;
  const heap = async (): Promise<number> => {
    await cdp.send("HeapProfiler.collectGarbage");
    // The numbers stand in arrays beside the heap.
    const { usedSize, backingStorageSize } = await cdp.send("Runtime.getHeapUsage");
    return usedSize + backingStorageSize;
  };
  const sizes: number[] = [];
  const names = Object.keys(QUANTITIES);
  for (let index = 1; index <= 36_000; index++) {
    // All quantities, and another value of each in every sample: what is kept of them shows.
    const fields = Object.fromEntries(names.map((name, place) => [name, index * 100 + place]));
    server.push(sampleOf(index * 100, pair(fields, fields)));
    // As fast as the page takes them.
    while (index % 100 === 0 && server.pending > 200) await delay(1);
    if (index % 9000 !== 0) continue;
    await page.waitForFunction(
      (ms) => document.getElementById("picture")?.dataset.elapsedMs === String(ms),
      index * 100,
    );
    sizes.push(await heap());
  }
  const samples = Number((await dataOf(page, "picture")).samples);
  assert.ok(samples > 4000 && samples <= 8192, `${samples} samples kept`);
  await page.keyboard.press("0"); // all of it drawn
  await page.waitForFunction(() => Number(document.getElementById("plots")?.dataset.from) < 60);
  sizes.push(await heap());
  const megabytes = sizes.map((size) => Math.round(size / 1e5) / 10);
  assert.ok(Math.max(...sizes) < 40e6, `${megabytes.join(", ")} MB`);
  // Half an hour of these samples is some 10 MB, also where only the numbers are kept.
  assert.ok((sizes[3] ?? 0) < (sizes[1] ?? 0) + 3e6, `grows: ${megabytes.join(", ")} MB`);
  assert.deepEqual(complaints, []);
  await server.close();
});

test("10,000 connections: found, sorted, moved through; only those in sight are there", {
  skip,
  timeout: 120_000,
}, async () => {
  await using server = await serve();
  const ends = [...Array(10_000)].map((_, index) =>
    single(`${index + 1}`, {
      local: `10.0.${index >> 8}.${index & 255}:5000`,
      writtenBytes: index,
      waiting: "nothing-to-send",
    }),
  );
  await using opened = await open(browser, server.url);
  const { page } = opened;
  await untilText(page, "status-text", /live/);
  server.push(sampleOf(100, ends));
  await untilText(page, "table-count", /10,000 connections/);
  const rows = (): Promise<number> => page.locator("#table-body tr[data-id]").count();
  assert.ok((await rows()) < 60, `${await rows()} rows`);
  await page.keyboard.press("/");
  await page.keyboard.type("10.0.39.15:");
  await untilText(page, "table-count", /^1 found/);
  await page.keyboard.press("Enter");
  await untilText(page, "chooser-name", /10\.0\.39\.15:5000/);
  await page.keyboard.press("/");
  await page.keyboard.press("Escape");
  await page.click("#table-head button:has-text('connection')");
  await page.focus("#table");
  await page.keyboard.press("End");
  await page.waitForFunction(() => document.querySelector("tr.at")?.textContent?.includes("10.0.9.9:"));
  assert.ok((await rows()) < 60);
  // All of them move: the page draws each moment, and hears its keys.
  for (let step = 1; step <= 3; step++) {
    server.push(
      sampleOf(
        100 + step * 1000,
        ends.map((end, index) => ({ ...end, writtenBytes: index * step })),
      ),
    );
    await page.waitForFunction(
      (ms) => document.getElementById("picture")?.dataset.elapsedMs === String(ms),
      100 + step * 1000,
    );
    await page.keyboard.press(step % 2 === 1 ? "Home" : "End");
    await page.waitForFunction(
      (name) => document.querySelector("tr.at")?.textContent?.includes(name),
      step % 2 === 1 ? "10.0.0.0:" : "10.0.9.9:",
    );
    assert.ok((await rows()) < 60);
  }
  await server.close();
});

test("another origin's page gets nothing", { skip }, async () => {
  await using server = await serve();
  server.push(sampleOf(100, pair()));
  const other = createServer((_, response) => response.end("<!doctype html><title>other</title>")).listen(
    0,
    "127.0.0.1",
  );
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`]) {
    await using opened = await open(browser, `http://${host}/`);
    const got = await opened.page.evaluate(async (url) => {
      const asked = (mode: RequestMode): Promise<string> =>
        fetch(`${url}events`, { mode }).then(
          async (response) => `${response.type} ${response.status} ${await response.text()}`,
          () => "refused",
        );
      const streamed = new Promise<string>((resolve) => {
        const source = new EventSource(`${url}events`);
        source.onopen = () => resolve("opened");
        source.onerror = () => resolve("refused");
      });
      const framed = new Promise<string>((resolve) => {
        const frame = document.createElement("iframe");
        frame.src = url;
        frame.onload = () => {
          try {
            resolve(frame.contentDocument?.body.textContent || "refused");
          } catch {
            resolve("refused");
          }
        };
        document.body.append(frame);
      });
      const loaded = new Promise<string>((resolve) => {
        const script = document.createElement("script");
        script.src = `${url}events`;
        script.onload = () => resolve("loaded");
        script.onerror = () => resolve("refused");
        document.body.append(script);
      });
      return [await asked("cors"), await asked("no-cors"), await streamed, await framed, await loaded];
    }, server.url);
    assert.deepEqual(got, ["refused", "opaque 0 ", "refused", "refused", "refused"], host);
    assert.equal(opened.page.frames().length, 2);
    const frame = opened.page.frames()[1];
    assert.notEqual(await frame?.evaluate(() => document.title).catch(() => ""), "windsock");
  }
  assert.equal(server.pages, 0);
  other.close();
  await server.close();
});
