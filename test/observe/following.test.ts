/** Few connections at a high rate: they are found again by their addresses, and still new ones come, and old ones go. */
import assert from "node:assert/strict";
import { SO, TcpListener, TcpStream } from "../../src/index.ts";
import { connectionsOf, Observer, type ObserveTarget, type Sample } from "../../src/observe/index.ts";
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
  const own = ends.filter(({ ours }) => ours);
  assert.deepEqual(
    own.map(({ id, state, writtenBytes }) => [id, state, writtenBytes]),
    [[id, "closed", 0]],
  );
  assert.deepEqual(ended, []);
  assert.equal(secondAccepted.localAddr.port, listener.localAddr.port);
});
