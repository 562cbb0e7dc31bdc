/** Observer: targets, pace, cancelling and closing, what ends and what comes in its place, other namespaces, many connections. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { SO, SocketAddr, TcpListener, TcpStream } from "../../src/index.ts";
import {
  type EndSample,
  Observer,
  type ObserverOptions,
  type ObserveTarget,
  type Sample,
} from "../../src/observe/index.ts";
import * as C from "../../src/sys/index.ts";
import { Program } from "../cli/_cli.ts";
import { fill, isolated, noIpv6, pair, stateOf, test, until } from "../socket/_helpers.ts";
import { Host, twoHosts } from "../socket/_wires.ts";

const localsOf = ({ ends }: Pick<Sample, "ends">): string[] => ends.map(({ local }) => local).sort();
/** The two ends of a connection: others may have had its port before, and be in TIME-WAIT. */
const endsOf = ({ ends }: Sample, stream: TcpStream): EndSample[] =>
  ends.filter(({ local, peer }) => both(stream).includes(local) && both(stream).includes(peer));
const both = (stream: TcpStream): string[] => [String(stream.localAddr), String(stream.peerAddr)].sort();

test("targets and rates that are none", () => {
  const open = (target: unknown, options?: unknown): Observer =>
    Observer.open(target as ObserveTarget, options as ObserverOptions);
  for (const rateHz of [0, -1, Number.NaN, 1001, Number.POSITIVE_INFINITY, "10"]) {
    assert.throws(() => open("all", { rateHz }), /rateHz: expected a number above 0, at most 1000/);
  }
  for (const port of [0, 65536, 1.5, "80"]) assert.throws(() => open({ port }), /port: expected an integer/);
  for (const pid of [0, -1, 1.5, "1"]) assert.throws(() => open({ pid }), /pid: expected an integer above 0/);
  for (const target of ["everything", null, 80, {}, { local: "127.0.0.1:1" }]) {
    assert.throws(() => open(target), /target: expected "all", a TcpStream/);
  }
  assert.throws(() => open({ local: "127.0.0.1", peer: "127.0.0.1:1" }), { name: "AddressError" });
  assert.throws(
    () => open({ local: 1, peer: 2 }),
    /local: expected a SocketAddr or a text such as .*, got 1/,
  );
  assert.throws(
    () => open({ local: "[::1]:1", peer: "127.0.0.1:2" }),
    /peer: expected .* of the family of \[::1\]:1/,
  );
  assert.throws(() => open({ port: 80, pid: 1 }), /target: expected .* or local and peer, got port, pid$/);
  assert.throws(() => open({ port: "80" }), /got "80"/);
  assert.throws(() => open({ filter: "sport = = 5" }), { name: "SocketFilterError" });
  assert.throws(() => open(["all", { port: 0 }]), RangeError);
});

test("one connection by each kind of target", async () => {
  using ends = await pair();
  using other = await pair();
  const { localAddr: local, peerAddr: peer } = ends.client;
  const targets: ObserveTarget[] = [
    ends.client,
    { port: peer.port },
    { port: local.port },
    { local, peer },
    { local: String(peer), peer: String(local) },
    { filter: `sport = :${peer.port} or dport = :${peer.port}` },
    { filter: `state established sport = :${peer.port} or dport = :${peer.port}` },
    { filter: { or: [{ sport: { is: "=", port: peer.port } }, { dport: { is: "=", port: peer.port } }] } },
  ];
  for (const target of targets) {
    using observer = Observer.open(target);
    const sample = await observer.sample();
    const [one, two, ...more] = endsOf(sample, ends.client);
    assert.deepEqual([one?.local, two?.local, ...more].sort(), both(ends.client), JSON.stringify(target));
    // Whoever else is let through has the port.
    const { port = peer.port } = target as { port?: number };
    const hasPort = ({ local, peer }: EndSample): boolean => `${local} ${peer} `.includes(`:${port} `);
    assert.ok(sample.ends.every(hasPort), JSON.stringify(localsOf(sample)));
    assert.deepEqual([one?.pairedWith, two?.pairedWith], [two?.id, one?.id]);
    assert.deepEqual(
      [one?.ours, two?.ours],
      target === ends.client ? [true, undefined] : [undefined, undefined],
    );
    assert.deepEqual([one?.holders, two?.holders], [undefined, undefined]);
  }
  for (const target of ["all", { pid: process.pid }, { filter: "state connected" }] as ObserveTarget[]) {
    using observer = Observer.open(target);
    const locals = localsOf(await observer.sample());
    for (const local of [...both(ends.client), ...both(other.client)]) assert.ok(locals.includes(local));
  }
  using observer = Observer.open([ends.client, { port: peer.port }, "all", ends.server]);
  const { ends: all } = await observer.sample();
  const ours = all.filter(({ ours }) => ours).map(({ local }) => local);
  assert.deepEqual(ours.sort(), both(ends.client), "each is there once, with its own counts");
  assert.equal(new Set(all.map(({ id }) => id)).size, all.length);
  using listening = Observer.open({ filter: "state listening" });
  assert.deepEqual((await listening.sample()).ends, [], "what listens is no connection");
});

test("more and fewer targets, while it goes on", async () => {
  using one = await pair();
  using two = await pair();
  using observer = Observer.open([]);
  assert.deepEqual((await observer.sample()).ends, []);
  observer.add(one.client).add(two.client).add(one.client);
  assert.equal((await observer.sample()).ends.length, 4);
  const target = { local: two.server.localAddr, peer: two.server.peerAddr };
  observer.add(target);
  await observer.sample();
  assert.equal(observer.delete(two.client), true);
  assert.equal(observer.delete(two.client), false);
  const { ends, ended } = await observer.sample();
  assert.deepEqual([ends.length, ended], [4, []], "another target still has it");
  observer.delete(target);
  const last = await observer.sample();
  assert.deepEqual([localsOf(last), last.ended], [both(one.client), []]);
  // What is deleted while a sample is being taken is not told in it.
  const taken = observer.sample();
  observer.delete(one.client);
  assert.deepEqual((await taken).ends, []);
  assert.deepEqual((await observer.sample()).ended, []);
});

test("a stream that is closed is followed on, as long as the kernel has it", async () => {
  using ends = await pair();
  const { client, server } = ends;
  using observer = Observer.open(client);
  const find = ({ ends }: Sample) => ends.find(({ local }) => local === String(client.localAddr));
  await client.writeAll(new Uint8Array(1000));
  const first = find(await observer.sample());
  client.close();
  let second = find(await observer.sample());
  assert.deepEqual([second?.id, second?.ours, second?.waiting], [first?.id, undefined, "closed"]);
  await until(async () => {
    second = find(await observer.sample());
    return second?.state === "fin-wait-2";
  });
  assert.throws(() => Observer.open(client), { code: "EBADF" });
  server.close(); // with bytes that nobody has read: a reset
  let last: Sample | undefined;
  await until(async () => {
    last = await observer.sample();
    return last.ends.length === 0;
  });
  assert.deepEqual(new Set(last?.ended.map(({ because }) => because)), new Set(["gone"]));
});

test("a connection that was reset is closed, and what came before has no FIN in it", async () => {
  using ends = await pair();
  const { client, server } = ends;
  using observer = Observer.open([client]);
  await server.writeAll(new Uint8Array(500));
  await until(async () => (await observer.sample()).ends.some(({ receivedBytes }) => receivedBytes === 500));
  server.setOption(SO.LINGER, 0);
  server.close();
  const { ends: left } = await observer.sample();
  assert.deepEqual(
    left.map(({ state, waiting, receivedBytes, receiveQueueBytes }) => [
      state,
      waiting,
      receivedBytes,
      receiveQueueBytes,
    ]),
    [["closed", "closed", 500, 500]],
  );
});

test("the same addresses, another socket: replaced", async () => {
  using listener = TcpListener.bind("127.0.0.1:0");
  const accepted: TcpStream[] = [];
  const connect = async (options = {}): Promise<TcpStream> => {
    const stream = await TcpStream.connect(listener.localAddr, options);
    accepted.push(await listener.accept());
    return stream;
  };
  const first = await connect();
  const localAddr = first.localAddr;
  using observer = Observer.open({ local: localAddr, peer: listener.localAddr });
  const before = await observer.sample();
  assert.equal(before.ends.length, 2);
  first.setOption(SO.LINGER, 0);
  first.close();
  using second = await connect({ localAddr });
  const { ends, ended } = await observer.sample();
  assert.deepEqual(localsOf({ ends }), both(second));
  assert.deepEqual(
    ended.map(({ because }) => because),
    ["replaced", "replaced"],
  );
  assert.deepEqual(ended.map(({ id }) => id).sort(), before.ends.map(({ id }) => id).sort());
  assert.ok(ends.every(({ id }) => before.ends.every((end) => end.id !== id)));
  for (const stream of accepted) stream.close();
});

test("IPv4 within an IPv6 socket is joined with its other end", { skip: noIpv6 }, async () => {
  using ends = await pair({ at: "[::]:0", to: "127.0.0.1" });
  for (const target of [ends.client, ends.server, { port: ends.client.localAddr.port }]) {
    using observer = Observer.open(target);
    const sample = await observer.sample();
    const joined = endsOf(sample, ends.client).concat(endsOf(sample, ends.server));
    assert.ok(new Set(joined).size === 2);
    assert.ok(
      joined.every(({ pairedWith }) => pairedWith !== undefined),
      JSON.stringify(localsOf(sample)),
    );
  }
});

const SCRIPT = `
  import { TcpStream } from ${JSON.stringify(new URL("../../src/index.ts", import.meta.url).pathname)};
  const stream = await TcpStream.connect(process.argv[1]);
  await stream.writeAll(new Uint8Array(10));
  setInterval(() => stream.closed, 1000); // what nothing has any more would be closed
`;

test("a process that ends: it is told who holds a socket, and what the kernel keeps of it", async () => {
  using listener = TcpListener.bind("127.0.0.1:0");
  const node = ["--import", "tsx", "--input-type=module", "-e", SCRIPT, String(listener.localAddr)];
  using program = new Program(process.execPath, node);
  using server = await listener.accept();
  await server.readExact(new Uint8Array(10));
  const pid = program.child.pid as number;
  using observer = Observer.open({ pid }, { holders: true });
  using wide = Observer.open({ port: listener.localAddr.port }, { holders: true });
  const [own] = (await observer.sample()).ends;
  assert.equal(own?.local, String(server.peerAddr));
  let sample: Sample | undefined;
  const holders = (): (number[] | undefined)[] | undefined =>
    (sample === undefined ? undefined : endsOf(sample, server))
      ?.toSorted((a, b) => Number(a.local === own?.local) - Number(b.local === own?.local))
      .map(({ holders }) => holders?.map(({ pid }) => pid));
  await until(async () => {
    sample = await wide.sample();
    return endsOf(sample, server).every(({ holders }) => holders !== undefined);
  });
  assert.deepEqual(holders(), [[process.pid], [pid]]);
  program.child.kill("SIGKILL");
  await program.ended;
  await until(async () => {
    sample = await observer.sample();
    return sample.ends[0]?.state === "fin-wait-2";
  });
  const [left] = sample?.ends ?? [];
  assert.deepEqual([left?.id, left?.holders], [own?.id, []], "it is the kernel's now");
  server.close();
  await until(async () => {
    sample = await observer.sample();
    return sample.ends.every(({ state }) => state === "time-wait");
  });
  assert.ok(
    sample?.ends.every(
      ({ inFlightBytes, receiveQueueBytes }) =>
        inFlightBytes === undefined && receiveQueueBytes === undefined,
    ),
  );
  using nobody = Observer.open({ pid });
  assert.deepEqual((await nobody.sample()).ends, []);
});

test("the pace: a sample each period, and who is slow is told what he missed", async () => {
  using ends = await pair();
  using observer = Observer.open(ends.client, { rateHz: 50 });
  const samples: Sample[] = [];
  for await (const sample of observer) {
    samples.push(sample);
    if (samples.length === 5) {
      const begun = performance.now();
      await until(() => performance.now() - begun > 110);
    }
    if (samples.length === 10) break;
  }
  for (const [index, { elapsedMs, at }] of samples.entries()) {
    const before = samples[index - 1];
    if (before === undefined) continue;
    assert.ok(elapsedMs > before.elapsedMs && at >= before.at);
  }
  assert.ok((samples[5]?.missed ?? 0) >= 4, `${samples[5]?.missed}`);
  // Every period has its sample, or is counted.
  const periods = samples.slice(1).reduce((sum, { missed }) => sum + 1 + missed, 0);
  const elapsed = (samples[9]?.elapsedMs ?? 0) - (samples[0]?.elapsedMs ?? 0);
  assert.ok(Math.abs(periods - elapsed / 20) <= 2, `${periods} periods in ${elapsed} ms`);
});

test("closed while it waits for its moment, or while it samples: it ends", async () => {
  using ends = await pair();
  for (const rateHz of [1e-9, 0.001, 1000]) {
    const observer = Observer.open(ends.client, { rateHz });
    const samples = observer[Symbol.asyncIterator]();
    assert.equal((await samples.next()).done, false);
    const next = samples.next();
    if (rateHz < 1) assert.equal(await stateOf(next), "pending");
    observer.close();
    assert.equal((await next).done, true);
    assert.equal((await samples.next()).done, true);
    assert.equal(observer.closed, true);
    await assert.rejects(observer.sample(), { code: "ECANCELED" });
    observer.close();
  }
  const observer = Observer.open([ends.client, "all"]);
  const sampling = observer.sample();
  observer.close();
  await assert.rejects(sampling, { code: "ECANCELED" });
  for await (const _ of observer) assert.fail("it is closed");
});

test("a sample that is cancelled leaves the next one whole", async () => {
  using ends = await pair();
  using observer = Observer.open([ends.client, "all"]);
  const reason = new Error("enough");
  for (let round = 0; round < 20; round++) {
    const cancel = new AbortController();
    const sampling = observer.sample({ signal: cancel.signal });
    if (round % 2 === 0) queueMicrotask(() => cancel.abort(reason));
    else cancel.abort(reason);
    await assert.rejects(sampling, reason);
    const many = await Promise.all([observer.sample(), observer.sample()]);
    for (const { ends: found, ended } of many) {
      for (const local of both(ends.client)) assert.ok(found.some((end) => end.local === local));
      assert.ok(ended.every(({ local }) => !both(ends.client).includes(local)));
    }
  }
  await assert.rejects(observer.sample({ signal: AbortSignal.abort(reason) }), reason);
  await assert.rejects(observer.sample({ timeoutMs: -1 }), RangeError);
});

test("what is iterated twice is sampled for each", async () => {
  using ends = await pair();
  using observer = Observer.open(ends.client, { rateHz: 1000 });
  const take = async (): Promise<number> => {
    let count = 0;
    for await (const { ends } of observer) if (ends.length === 2 && ++count === 5) break;
    return count;
  };
  assert.deepEqual(await Promise.all([take(), take()]), [5, 5]);
});

isolated(
  import.meta.url,
  "streams of another namespace: by their fd, and never taken for others with the same addresses",
  { netns: "ip link set lo up" },
  async () => {
    const other = Host.create();
    using here = await pair();
    const port = here.server.localAddr.port;
    // The same two addresses over there.
    using listener = other.in(() => TcpListener.bind(`127.0.0.1:${port}`));
    const there = TcpStream.fromFd(
      other.in(() => {
        const fd = C.check(C.socket(C.AF_INET, C.SOCK_STREAM | C.SOCK_CLOEXEC, 0), "socket");
        C.check(C.bind(fd, C.encodeSockaddr(here.client.localAddr)), "bind");
        C.check(C.connect(fd, C.encodeSockaddr(listener.localAddr)), "connect");
        return fd;
      }),
    );
    const accepted = await listener.accept();
    assert.deepEqual(both(there), both(here.client));
    using observer = Observer.open([here.client, there, accepted]);
    await there.writeAll(new Uint8Array(123));
    await here.client.writeAll(new Uint8Array(45));
    const { ends } = await observer.sample();
    assert.equal(ends.length, 4);
    const idOf = (stream: TcpStream): string => String(stream.getOption(SO.COOKIE));
    const told = ends.map(({ id, pairedWith, receiveQueueBytes }) => [id, pairedWith, receiveQueueBytes]);
    assert.deepEqual(
      told.sort(),
      [
        [idOf(here.client), idOf(here.server), 0],
        [idOf(here.server), idOf(here.client), 45],
        [idOf(there), idOf(accepted), 0],
        [idOf(accepted), idOf(there), 123],
      ].sort(),
    );
    const samples = new Map(ends.map((end) => [end.id, end]));
    assert.equal(samples.get(idOf(there))?.writtenBytes, 123);
    there.close();
    accepted.close();
    const after = await observer.sample();
    assert.deepEqual(after.ends.map(({ id }) => id).sort(), [idOf(here.client), idOf(here.server)].sort());
    assert.deepEqual(
      after.ended.map(({ because }) => because),
      ["gone", "gone"],
    );
    using inside = other.in(() => Observer.open("all"));
    assert.ok(
      (await inside.sample()).ends.length <= 2,
      "an observer is of the namespace that it was opened in",
    );
  },
);

const COUNT = 10_000;
const ACCEPT = `
  import { TcpListener } from ${JSON.stringify(new URL("../../src/index.ts", import.meta.url).pathname)};
  const listener = TcpListener.bind("127.0.0.1:0", { backlog: 4096 });
  console.log(String(listener.localAddr));
  const streams = [];
  for await (const stream of listener) streams.push(stream);`;
const files = Number(spawnSync("sh", ["-c", "ulimit -Hn"], { encoding: "utf8" }).stdout);

isolated(
  import.meta.url,
  "ten thousand connections at once, joined in pairs; and all of them reset",
  {
    netns: "ip link set lo up",
    skip: files < COUNT + 200 && `needs ${COUNT + 200} open files, ulimit -Hn is ${files}`,
    limitMs: 60_000,
  },
  async () => {
    using accepting = new Program(process.execPath, ["--import", "tsx", "--input-type=module", "-e", ACCEPT]);
    const address = (await accepting.printedMatch(/\n/)).trim();
    const streams: TcpStream[] = [];
    for (let i = 0; i < COUNT; i += 100) {
      const batch = Array.from({ length: 100 }, () => TcpStream.connect(address));
      streams.push(...(await Promise.all(batch)));
    }
    using observer = Observer.open({ port: SocketAddr.parse(address).port });
    const { ends } = await observer.sample();
    assert.equal(ends.length, 2 * COUNT);
    const byId = new Map(ends.map((end) => [end.id, end]));
    assert.equal(byId.size, 2 * COUNT);
    for (const { id, pairedWith = "", local, peer } of ends) {
      const other = byId.get(pairedWith);
      if (other?.pairedWith !== id || other.local !== peer || other.peer !== local)
        assert.fail(`${local} ${peer}`);
    }
    for (const stream of streams) stream.setOption(SO.LINGER, 0);
    for (const stream of streams) stream.close();
    const { ends: left, ended } = await observer.sample();
    assert.deepEqual([left.length, ended.length], [0, 2 * COUNT]);
    accepting.child.kill();
  },
);

isolated(
  import.meta.url,
  "a connection of two hosts is one end here, and one there",
  { netns: "true" },
  async () => {
    const { far } = twoHosts();
    using listener = far.in(() => TcpListener.bind("192.0.2.2:0"));
    const [client, server] = await Promise.all([TcpStream.connect(listener.localAddr), listener.accept()]);
    using near = Observer.open("all");
    using there = far.in(() => Observer.open({ local: server.localAddr, peer: server.peerAddr }));
    await fill(client);
    const [[end], [other]] = [(await near.sample()).ends, (await there.sample()).ends];
    assert.deepEqual([end?.local, other?.local], [String(client.localAddr), String(server.localAddr)]);
    assert.deepEqual([end?.pairedWith, other?.pairedWith], [undefined, undefined]);
    assert.equal(end?.ackedBytes, other?.receivedBytes);
    client.close();
    server.close();
  },
);
