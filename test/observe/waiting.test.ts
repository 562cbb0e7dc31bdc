/** Why a sender waits, in situations that are made for it. */
import assert from "node:assert/strict";
import { SO, SocketAddr, TCP, TcpListener, TcpStream, WOULD_BLOCK } from "../../src/index.ts";
import { type EndSample, Observer, WAIT_REASONS, WAIT_TEXTS } from "../../src/observe/index.ts";
import { noNft, rules } from "../probe/_chain.ts";
import { fill, isolated, pair, test, until } from "../socket/_helpers.ts";
import { Host } from "../socket/_wires.ts";

/** The end of a stream, as its own program sees it. */
async function endOf(observer: Observer, stream: TcpStream): Promise<EndSample> {
  const local = String(stream.localAddr);
  const end = (await observer.sample()).ends.find((end) => end.local === local);
  assert.ok(end !== undefined, `${local} is not there`);
  return end;
}

const reasonOf = async (observer: Observer, stream: TcpStream): Promise<string> =>
  (await endOf(observer, stream)).waiting;

test("every reason has a sentence", () => {
  assert.deepEqual(Object.keys(WAIT_TEXTS), [...WAIT_REASONS]);
});

test("nothing was written, or all is acknowledged: nothing to send", async () => {
  using ends = await pair();
  using observer = Observer.open([ends.client, ends.server]);
  assert.equal(await reasonOf(observer, ends.client), "nothing-to-send");
  await ends.client.writeAll(new Uint8Array(100_000));
  await ends.server.readExact(new Uint8Array(100_000));
  await until(async () => (await reasonOf(observer, ends.client)) === "nothing-to-send");
  const { ackedBytes, inFlightBytes, notSentBytes } = await endOf(observer, ends.client);
  assert.deepEqual([ackedBytes, inFlightBytes, notSentBytes], [100_000, 0, 0]);
  assert.equal(await reasonOf(observer, ends.server), "nothing-to-send");
});

for (const view of ["ours", "by port"] as const) {
  test(`nobody reads: the receiver's window, and for how long (${view})`, async () => {
    using ends = await pair();
    const { client, server } = ends;
    using observer = Observer.open(view === "ours" ? client : { port: server.localAddr.port });
    assert.equal(await reasonOf(observer, client), "nothing-to-send");
    const began = performance.now();
    const written = await fill(client);
    const first = await endOf(observer, client);
    assert.equal(first.waiting, "receiver-window");
    assert.ok((first.windowSeenBytes ?? 0) < (first.mssBytes ?? 0) && (first.notSentBytes ?? 0) > 0);
    const limited = (end: EndSample): number => (end.receiverLimitedUs ?? 0) / 1000;
    const begun = performance.now();
    await until(() => performance.now() - begun > 300);
    const later = await endOf(observer, client);
    const took = performance.now() - began;
    assert.equal(later.waiting, "receiver-window");
    assert.ok(later.waitingMs >= 300 && later.waitingMs <= took + 20, `${later.waitingMs} of ${took}`);
    // The kernel counts in ticks of up to 10 ms, and not on a machine that stands still.
    const counted = limited(later) - limited(first);
    const grown = later.waitingMs - first.waitingMs;
    assert.ok(counted > grown / 2 && counted < grown * 2, `${counted} and ${grown}`);
    // It was limited since before the first of these samples, which is known from the kernel's count.
    assert.ok(first.waitingMs <= limited(first) + 20, `${first.waitingMs} of ${limited(first)}`);
    const buffer = new Uint8Array(1 << 20);
    for (let read = 0; read < written; ) read += await server.read(buffer);
    await until(async () => (await reasonOf(observer, client)) === "nothing-to-send");
    assert.ok((await endOf(observer, client)).waitingMs < 10_000);
  });
}

test("a corked segment is a small one, with nothing in flight, and no closed window", async () => {
  using ends = await pair({ connect: { options: [TCP.CORK.to(true)] } });
  using ours = Observer.open(ends.client);
  using others = Observer.open({ port: ends.server.localAddr.port });
  await ends.client.writeAll(new Uint8Array(100));
  for (const observer of [ours, others]) {
    const { waiting, notSentBytes, inFlightBytes } = await endOf(observer, ends.client);
    assert.deepEqual([waiting, notSentBytes, inFlightBytes], ["small-segment", 100, 0]);
  }
  ends.client.setOption(TCP.CORK, false);
  await until(async () => (await reasonOf(ours, ends.client)) === "nothing-to-send");
});

test("a side that is shut down is closed, the other one may go on", async () => {
  using ends = await pair();
  const { client, server } = ends;
  using observer = Observer.open([client, server]);
  client.shutdown("write");
  await until(async () => (await endOf(observer, client)).state === "fin-wait-2");
  assert.equal(await reasonOf(observer, client), "closed");
  const other = await endOf(observer, server);
  assert.deepEqual([other.state, other.waiting, other.receivedBytes], ["close-wait", "nothing-to-send", 0]);
  assert.equal(other.receiveQueueBytes, 0, "a FIN is no byte");
  await fill(server);
  assert.equal(await reasonOf(observer, server), "receiver-window");
  server.shutdown("write");
  const last = await endOf(observer, server);
  assert.deepEqual(
    [last.state, last.waiting],
    ["last-ack", "receiver-window"],
    "it has something to send still",
  );
});

const LO = "ip link set lo mtu 1500 up";

/** Acknowledgements of the server do not come through any more. */
function dropAcks(port: number): void {
  rules(Host.home(), "input", `tcp sport ${port} drop`);
}
const dropNothing = (): void => void Host.home().sh("nft flush ruleset");

async function connected(...options: Parameters<typeof SO.SNDBUF.to>[0][]): Promise<{
  client: TcpStream;
  server: TcpStream;
  observer: Observer;
}> {
  const settings = options.map((bytes) => SO.SNDBUF.to(bytes));
  const { client, server } = await pair({ connect: { options: settings } });
  const observer = Observer.open([client, { port: server.localAddr.port }]);
  // What the handshake left to be acknowledged is on its way by now.
  await until(async () => (await observer.sample()).ends.length === 2);
  return { client, server, observer };
}

isolated(
  import.meta.url,
  "all is sent and nothing is acknowledged: the application; then it is sent again: a loss is repaired",
  { netns: LO, skip: noNft },
  async () => {
    const { client, server, observer } = await connected();
    dropAcks(server.localAddr.port);
    await client.writeAll(new Uint8Array(5000));
    const first = await endOf(observer, client);
    assert.deepEqual([first.waiting, first.inFlightBytes, first.notSentBytes], ["application", 5000, 0]);
    await until(async () => (await reasonOf(observer, client)) === "loss-recovery");
    const lost = await endOf(observer, client);
    assert.ok((lost.retransmittedSegments ?? 0) > 0 && (lost.retransmittedBytes ?? 0) > 0);
    assert.deepEqual([lost.writtenBytes, lost.ackedBytes], [5000, 0]);
    dropNothing();
    await until(async () => (await reasonOf(observer, client)) === "nothing-to-send");
    assert.equal((await endOf(observer, server)).receivedBytes, 5000);
    for (const stream of [client, server, observer]) stream.close();
  },
);

isolated(
  import.meta.url,
  "the first ten segments are in flight: the congestion window",
  { netns: LO, skip: noNft },
  async () => {
    const { client, server, observer } = await connected();
    dropAcks(server.localAddr.port);
    await client.writeAll(new Uint8Array(60_000));
    const end = await endOf(observer, client);
    assert.equal(end.waiting, "congestion-window");
    assert.deepEqual([end.inFlightSegments, end.congestionWindowSegments], [10, 10]);
    assert.equal(end.inFlightBytes, 10 * (end.mssBytes ?? 0));
    assert.equal(end.notSentBytes, 60_000 - (end.inFlightBytes ?? 0));
    dropNothing();
    for (const stream of [client, server, observer]) stream.close();
  },
);

isolated(
  import.meta.url,
  "a small buffer is all in flight: the send buffer",
  { netns: LO, skip: noNft },
  async () => {
    const { client, server, observer } = await connected(4608);
    dropAcks(server.localAddr.port);
    client.setOption(TCP.NODELAY, true);
    while (client.tryWrite(new Uint8Array(1000)) !== WOULD_BLOCK);
    const end = await endOf(observer, client);
    assert.deepEqual([end.waiting, end.notSentBytes], ["send-buffer", 0]);
    assert.ok(client.bytesWritten < 9000, "less than the congestion window lets through");
    assert.deepEqual([end.writtenBytes, end.inFlightBytes], [client.bytesWritten, client.bytesWritten]);
    assert.ok((end.sendMemoryBytes ?? 0) >= (end.sendMemoryTotalBytes ?? 1));
    dropNothing();
    for (const stream of [client, server, observer]) stream.close();
  },
);

isolated(
  import.meta.url,
  "a FIN that is not acknowledged is not a byte, at either end",
  { netns: LO, skip: noNft },
  async () => {
    const { client, server, observer } = await connected();
    using others = Observer.open({ port: server.localAddr.port });
    const told = async (stream: TcpStream): Promise<unknown[]> =>
      [await endOf(observer, stream), await endOf(others, stream)].map(
        ({ state, waiting, writtenBytes, ackedBytes, inFlightBytes, notSentBytes }) =>
          `${state} ${waiting} ${writtenBytes} ${ackedBytes} ${inFlightBytes} ${notSentBytes}`,
      );
    dropAcks(server.localAddr.port);
    await client.writeAll(new Uint8Array(3000));
    client.shutdown("write");
    const sent = "fin-wait-1 closed 3000 0 3000 0";
    await until(async () => (await endOf(observer, server)).state === "close-wait");
    assert.deepEqual(await told(client), [sent, sent]);
    // Its side is ended, too, but what it sends does not arrive.
    await server.writeAll(new Uint8Array(500));
    server.shutdown("write");
    const last = "last-ack closed 500 0 500 0";
    assert.deepEqual(await told(server), [last, last]);
    assert.equal((await endOf(others, server)).receivedBytes, 3000);
    dropNothing();
    for (const stream of [client, server, observer]) stream.close();
  },
);

isolated(
  import.meta.url,
  "a small segment waits for the acknowledgement of another (Nagle), unless TCP_NODELAY is set",
  { netns: LO, skip: noNft },
  async () => {
    for (const noDelay of [false, true]) {
      const { client, server, observer } = await connected();
      client.setOption(TCP.NODELAY, noDelay);
      dropAcks(server.localAddr.port);
      await client.writeAll(new Uint8Array(100));
      await client.writeAll(new Uint8Array(50));
      const { waiting, inFlightBytes, notSentBytes } = await endOf(observer, client);
      const expected = noDelay ? ["application", 150, 0] : ["small-segment", 100, 50];
      assert.deepEqual([waiting, inFlightBytes, notSentBytes], expected);
      dropNothing();
      for (const stream of [client, server, observer]) stream.close();
    }
  },
);

isolated(import.meta.url, "a rate is set: pacing", { netns: LO }, async () => {
  using ends = await pair({ connect: { options: [SO.MAX_PACING_RATE.to(200_000)] } });
  const { client, server } = ends;
  using observer = Observer.open(client);
  const total = 150_000;
  const writing = client.writeAll(new Uint8Array(total));
  const reasons = new Map<string, number>();
  const buffer = new Uint8Array(1 << 16);
  for (let read = 0; read < total; ) {
    read += await server.read(buffer);
    const { notSentBytes = 0, mssBytes = 0, waiting, pacingBytesPerSecond } = await endOf(observer, client);
    assert.ok((pacingBytesPerSecond ?? 0) <= 200_000);
    if (notSentBytes >= mssBytes) reasons.set(waiting, (reasons.get(waiting) ?? 0) + 1);
  }
  await writing;
  const [[most] = []] = [...reasons].sort(([, a], [, b]) => b - a);
  assert.equal(most, "pacing", JSON.stringify([...reasons]));
});

isolated(
  import.meta.url,
  "connecting, at both ends; a SYN is not a byte",
  { netns: LO, skip: noNft },
  async () => {
    using listener = TcpListener.bind("127.0.0.1:0");
    const { port } = listener.localAddr;
    using observer = Observer.open({ port });
    const host = Host.home();
    rules(host, "input", `tcp dport ${port} drop`);
    const cancel = new AbortController();
    const connect = (): Promise<unknown> =>
      TcpStream.connect(listener.localAddr, { signal: cancel.signal }).catch(() => {});
    const first = connect();
    let ends: readonly EndSample[] = [];
    await until(async () => {
      ends = (await observer.sample()).ends;
      return ends.length > 0;
    });
    const [only, ...more] = ends;
    assert.deepEqual(more, []);
    assert.deepEqual(
      [only?.state, only?.waiting, only?.inFlightBytes, only?.writtenBytes, only?.ackedBytes],
      ["syn-sent", "connecting", 0, 0, 0],
    );
    assert.equal(only?.windowSeenBytes, undefined, "nobody has told one yet");
    rules(host, "input", `tcp dport ${port} tcp flags != syn drop`);
    const second = connect();
    await until(async () => {
      ends = (await observer.sample()).ends;
      return ends.some(({ state }) => state === "syn-recv");
    });
    const half = ends.find(({ state }) => state === "syn-recv");
    assert.deepEqual([half?.waiting, half?.local], ["connecting", String(listener.localAddr)]);
    assert.equal(half?.writtenBytes, undefined, "the kernel has no account of it");
    assert.ok(SocketAddr.parse(half?.peer ?? "").port > 0);
    cancel.abort();
    await Promise.all([first, second]);
    dropNothing();
  },
);

isolated(
  import.meta.url,
  "what this host's own filter refuses is not counted as sent",
  { netns: LO, skip: noNft },
  async () => {
    const { client, server, observer } = await connected();
    using others = Observer.open({ port: server.localAddr.port });
    // The kernel counts a segment that it could not send in tcpi_bytes_sent each time.
    rules(Host.home(), "output", "meta l4proto tcp meta length > 1000 numgen inc mod 3 == 1 drop");
    const total = 300_000;
    const buffer = new Uint8Array(1 << 16);
    const reading = (async () => {
      for (let read = 0; read < total; ) read += await server.read(buffer);
    })();
    await client.writeAll(new Uint8Array(total));
    await reading;
    await until(async () => (await reasonOf(others, client)) === "nothing-to-send");
    const { tcpi_bytes_sent, tcpi_bytes_retrans } = client.info();
    assert.ok(Number(tcpi_bytes_sent) - Number(tcpi_bytes_retrans) > total, "it counts as it does");
    const { writtenBytes = 0, ackedBytes = 0 } = await endOf(others, client);
    // With the SYN, which nothing tells from a byte here.
    assert.ok(writtenBytes - total <= 1 && ackedBytes === writtenBytes, `${writtenBytes}`);
    for (const stream of [client, server, observer]) stream.close();
  },
);
