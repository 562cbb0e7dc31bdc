/** Few connections at a high rate: they are found again by their addresses, and still new ones come, and old ones go. */
import assert from "node:assert/strict";
import { SO, SocketAddr, TcpListener, TcpStream } from "../../src/index.ts";
import { connectionsOf, Observer, type ObserveTarget, type Sample } from "../../src/observe/index.ts";
import * as sys from "../../src/sys/index.ts";
import { Program } from "../cli/_cli.ts";
import { test } from "../socket/_helpers.ts";

/** Goes on until a sample is as wanted. */
async function until(samples: AsyncIterator<Sample>, wanted: (sample: Sample) => boolean): Promise<Sample> {
  for (let tries = 0; tries < 2500; tries++) {
    const { value, done } = await samples.next();
    assert.ok(done !== true, "the samples have ended");
    if (wanted(value)) return value;
  }
  assert.fail(`none of 2500 samples is as wanted: ${wanted}`);
}

const TARGETS: readonly [name: string, of: (port: number) => ObserveTarget][] = [
  ["a port", (port) => ({ port })],
  ["a filter", (port) => ({ filter: `sport = :${port} or dport = :${port}` })],
  ["a process", () => ({ pid: process.pid })],
];

for (const [name, of] of TARGETS) {
  test(`${name}: what comes while it goes on is found, what goes is told once`, async () => {
    using listener = TcpListener.bind("127.0.0.1:0");
    const { port } = listener.localAddr;
    const connect = async (): Promise<readonly [TcpStream, TcpStream]> => {
      const client = await TcpStream.connect(listener.localAddr);
      return [client, await listener.accept()];
    };
    const count = (sample: Sample): number =>
      connectionsOf(sample).filter(
        ({ near, far }) => far !== undefined && [near, far].some(({ local }) => local.endsWith(`:${port}`)),
      ).length;
    const [first, firstAccepted] = await connect();
    using observer = Observer.open(of(port), { rateHz: 250 });
    const samples = observer[Symbol.asyncIterator]();
    await until(samples, (sample) => count(sample) === 1);
    const [second, secondAccepted] = await connect();
    const both = await until(samples, (sample) => count(sample) === 2);
    const id = both.ends.find(({ local }) => local === String(second.localAddr))?.id;
    assert.ok(id !== undefined);
    await second.writeAll(new Uint8Array(700));
    await until(
      samples,
      ({ ends }) => ends.find(({ pairedWith }) => pairedWith === id)?.receiveQueueBytes === 700,
    );
    second.setOption(SO.LINGER, 0);
    second.close();
    secondAccepted.close();
    const over = await until(samples, ({ ended }) => ended.some((end) => end.id === id));
    assert.equal(over.ended.find((end) => end.id === id)?.because, "gone");
    assert.equal(count(over), 1);
    for (let more = 0; more < 30; more++) {
      const next = await until(samples, () => true);
      assert.ok(!next.ended.some((end) => end.id === id), "told twice");
      assert.equal(count(next), 1);
    }
    first.close();
    firstAccepted.close();
  });
}

test("a stream that was reset, and another socket with its addresses: the stream is told, not the other", async () => {
  using listener = TcpListener.bind("127.0.0.1:0");
  using first = await TcpStream.connect(listener.localAddr);
  const { localAddr } = first;
  using observer = Observer.open(first);
  const id = String(first.getOption(SO.COOKIE));
  const accepted = await listener.accept();
  accepted.setOption(SO.LINGER, 0);
  accepted.close();
  assert.deepEqual(
    (await observer.sample()).ends.map(({ id, state }) => [id, state]),
    [[id, "closed"]],
  );
  using second = await TcpStream.connect(listener.localAddr, { localAddr });
  using secondAccepted = await listener.accept();
  await second.writeAll(new Uint8Array(300));
  const { ends, ended } = await observer.sample();
  assert.deepEqual(
    ends.map(({ id, state, writtenBytes }) => [id, state, writtenBytes]),
    [[id, "closed", 0]],
    "nor is the other's far end",
  );
  assert.deepEqual(ended, []);
  assert.equal(secondAccepted.localAddr.port, listener.localAddr.port);
});

/** Connects from an address, resets the connection when it is told to, and stays. */
const RESETS = `
import { SO, SocketAddr, TcpStream } from "./src/index.ts";
const [to, from] = process.argv.slice(1);
const stream = await TcpStream.connect(to, { localAddr: SocketAddr.parse(from) });
stream.setOption(SO.LINGER, 0);
process.stdin.once("data", () => {
  stream.close();
  console.log("reset");
});
`;

test("a process whose connection was reset, and ours with the same addresses: ours is not shown as its own", async () => {
  using listener = TcpListener.bind("127.0.0.1:0");
  using reserved = TcpListener.bind("127.0.0.1:0");
  const { localAddr } = reserved;
  reserved.close();
  const node = ["--import", "tsx", "--input-type=module", "-e", RESETS];
  const ends = [String(listener.localAddr), String(localAddr)];
  using program = new Program(process.execPath, [...node, ...ends], { input: "open" });
  using accepted = await listener.accept();
  using observer = Observer.open({ pid: program.child.pid as number }, { rateHz: 250 });
  const samples = observer[Symbol.asyncIterator]();
  const [own] = (await until(samples, ({ ends }) => ends.length === 1)).ends;
  assert.equal(own?.local, String(accepted.peerAddr));
  program.stdin.write("\n");
  await program.printedMatch(/reset/);
  using second = await TcpStream.connect(listener.localAddr, { localAddr });
  using secondAccepted = await listener.accept();
  const over = await until(samples, ({ ends, ended }) => {
    for (const { id } of ends) assert.equal(id, own?.id);
    return ended.length > 0;
  });
  assert.deepEqual(
    over.ended.map(({ id, because }) => [id, because]),
    [[own?.id, "gone"]],
  );
  for (let more = 0; more < 60; more++) assert.deepEqual((await until(samples, () => true)).ends, []);
  assert.equal(String(secondAccepted.peerAddr), String(second.localAddr));
  program.stdin.end();
  assert.equal((await program.ended).code, 0);
});

/** A socket that is connected, below the classes. */
function connected(to: SocketAddr, protocol = 0): number {
  const fd = sys.check(sys.socket(sys.AF_INET, sys.SOCK_STREAM | sys.SOCK_CLOEXEC, protocol), "socket");
  sys.check(sys.connect(fd, sys.encodeSockaddr(to)), "connect");
  return fd;
}

test("an urgent byte that the stream has passed over is in its queue no more", async () => {
  using listener = TcpListener.bind("127.0.0.1:0");
  const fd = connected(listener.localAddr);
  using stream = await listener.accept();
  using observer = Observer.open(stream);
  const queued = async (): Promise<unknown> =>
    (await observer.sample()).ends.find(({ ours }) => ours)?.receiveQueueBytes;
  for (const [bytes, flags] of [
    [3, 0],
    [1, sys.MSG_OOB],
    [4, 0],
  ] as const) {
    sys.check(sys.send(fd, new Uint8Array(bytes), flags), "send");
  }
  await stream.readExact(new Uint8Array(6));
  assert.equal(await queued(), 1);
  await stream.readExact(new Uint8Array(1));
  assert.equal(await queued(), 0);
  sys.close(fd);
});

const IPPROTO_MPTCP = 262;
const noMptcp = ((): string | false => {
  const fd = sys.socket(sys.AF_INET, sys.SOCK_STREAM | sys.SOCK_CLOEXEC, IPPROTO_MPTCP);
  if (fd < 0) return "needs a kernel with MPTCP";
  sys.close(fd);
  return false;
})();

test("a subflow of MPTCP does not know what of its data was read", { skip: noMptcp }, async () => {
  const listener = sys.check(
    sys.socket(sys.AF_INET, sys.SOCK_STREAM | sys.SOCK_CLOEXEC, IPPROTO_MPTCP),
    "socket",
  );
  sys.check(sys.bind(listener, sys.encodeSockaddr(SocketAddr.parse("127.0.0.1:0"))), "bind");
  sys.check(sys.listen(listener, 1), "listen");
  const name = sys.getsockname(listener);
  const address = typeof name === "number" ? undefined : sys.decodeSockaddr(name);
  assert.ok(address instanceof SocketAddr);
  const client = connected(address, IPPROTO_MPTCP);
  const server = sys.check(sys.accept4(listener, sys.SOCK_CLOEXEC), "accept4");
  using observer = Observer.open({ port: address.port });
  sys.check(sys.send(client, new Uint8Array(5000), 0), "send");
  assert.equal(sys.recv(server, new Uint8Array(1000), 0), 1000);
  const { ends } = await observer.sample();
  const end = ends.find(({ local }) => local === String(address));
  assert.deepEqual(
    [end?.receivedBytes, end?.receiveQueueBytes, end?.readBytes, end?.receiveMemoryBytes],
    [5000, undefined, undefined, undefined],
  );
  for (const fd of [client, server, listener]) sys.close(fd);
});
