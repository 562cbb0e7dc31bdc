/** SendBatch and ReceiveBatch: sendmmsg, recvmmsg, UDP_SEGMENT and UDP_GRO: bounds, order, failures in the middle, cancelling. */
import assert from "node:assert/strict";
import {
  type Ancillary,
  DatagramTooLargeError,
  IP,
  ReceiveBatch,
  SendBatch,
  SO,
  type SocketAddr,
  SysError,
  type TimeoutError,
  UDP,
  UdpSocket,
  WOULD_BLOCK,
} from "../../src/index.ts";
import * as sys from "../../src/sys/index.ts";
import { isolated, random, stateOf, sysError, test, textOf, turn, until, utf8 } from "./_helpers.ts";
import {
  assertEmpty,
  fdOf,
  LOOPBACKS,
  noRoom,
  numbered,
  numberOf,
  pattern,
  ROOMY,
  receive,
  udpPair,
} from "./_udp.ts";
import { routed, twoHosts } from "./_wires.ts";

const UP = "ip link set lo up";

/** Makes the kernel refuse UDP_SEGMENT from now on, or allow it again: there is no checksum to be put off. */
function refuseSegments(socket: UdpSocket, refuse: boolean): void {
  const value = Uint8Array.of(refuse ? 1 : 0, 0, 0, 0);
  sys.check(sys.setsockopt(fdOf(socket), sys.SOL_SOCKET, sys.SO_NO_CHECK, value), "setsockopt");
}

/** Takes `count` datagrams by batches. */
async function receiveMany(socket: UdpSocket, batch: ReceiveBatch, count: number): Promise<Uint8Array[]> {
  const all: Uint8Array[] = [];
  while (all.length < count) {
    const got = await socket.recvMany(batch, { timeoutMs: 5000 });
    assert.equal(got, batch.size);
    for (const { data } of batch) all.push(data.slice());
  }
  return all;
}

for (const { family, at, largest, skip } of LOOPBACKS) {
  test(`${family}: batches keep bounds, order and peers`, { skip: skip || noRoom }, async () => {
    using a = UdpSocket.bind(at);
    using b = UdpSocket.bind(at, { options: ROOMY });
    using c = UdpSocket.bind(at, { options: ROOMY });
    const sending = new SendBatch({ datagrams: 200, bytes: 400_000 });
    const receiving = new ReceiveBatch({ datagrams: 7, maxBytes: 9000 });
    const below = random(5);
    for (let round = 0; round < 5; round++) {
      const wanted = new Map<UdpSocket, Uint8Array[]>([
        [b, []],
        [c, []],
      ]);
      for (let i = 0; i < 200; i++) {
        const bytes = pattern(below(4) === 0 ? below(9000) : below(100), i);
        const to = below(2) ? b : c;
        if (!sending.push(bytes, below(2) ? to.localAddr : to.localAddr.toString())) break;
        wanted.get(to)?.push(bytes);
      }
      const count = sending.size;
      assert.equal(await a.sendMany(sending), count);
      assert.deepEqual([sending.size, sending.sent], [0, 0]);
      for (const [socket, datagrams] of wanted) {
        const got = await receiveMany(socket, receiving, datagrams.length);
        assert.deepEqual(got, datagrams);
        for (let i = 0; i < receiving.size; i++) {
          assert.ok(receiving.peer(i).equals(a.localAddr));
          assert.deepEqual(
            [receiving.truncated(i), receiving.lengthBytes(i)],
            [false, receiving.data(i).length],
          );
        }
        assert.equal(socket.tryRecvMany(receiving), WOULD_BLOCK);
      }
    }
  });

  test(`${family}: segmented batches of any sizes and peers arrive as they were pushed`, {
    skip: skip || noRoom,
  }, async () => {
    const below = random(11);
    using sender = UdpSocket.bind(at);
    using merging = UdpSocket.bind(at, { merged: true, options: ROOMY });
    using plain = UdpSocket.bind(at, { options: ROOMY });
    using third = UdpSocket.bind(at, { options: ROOMY });
    const receivers = [merging, plain, third];
    const batches = {
      merged: new ReceiveBatch({ merged: true }),
      plain: new ReceiveBatch({ maxBytes: 65535 }),
    };
    const sending = new SendBatch({ datagrams: 300, bytes: 600_000, segmented: true });
    for (let round = 0; round < 40; round++) {
      const wanted = new Map<UdpSocket, Uint8Array[]>(receivers.map((it) => [it, []]));
      const size = 1 + below(round % 4 === 0 ? 20_000 : 1400);
      let to = merging;
      for (let i = 0; i < 300; i++) {
        if (below(20) === 0) to = receivers[below(3)] as UdpSocket;
        const shape = below(30);
        const length =
          shape === 0 ? 0 : shape === 1 ? below(size + 1) : shape === 2 ? size + below(50) : size;
        const bytes = pattern(length, i);
        if (!sending.push(bytes, below(5) ? to.localAddr : to.localAddr.toString())) break;
        wanted.get(to)?.push(bytes);
      }
      const count = sending.size;
      assert.equal(await sender.sendMany(sending), count);
      for (const [socket, datagrams] of wanted) {
        const batch = socket === merging ? batches.merged : batches.plain;
        assert.deepEqual(await receiveMany(socket, batch, datagrams.length), datagrams, `round ${round}`);
        assert.equal(socket.tryRecvMany(batch), WOULD_BLOCK);
      }
    }
  });

  test(`${family}: UDP_GRO takes apart what was merged, for segments of every size, the last one shorter`, {
    skip: skip || noRoom,
  }, async () => {
    using sender = UdpSocket.bind(at);
    using merging = UdpSocket.bind(at, { merged: true, options: ROOMY });
    sender.connect(merging.localAddr);
    const sending = new SendBatch({ datagrams: 64, segmented: true });
    const receiving = new ReceiveBatch({ datagrams: 4, merged: true });
    let together = 0;
    for (let size = 1; size <= 1472; size++) {
      const full = Math.min(1 + (size % 44), 63);
      const wanted = Array.from({ length: full }, (_, i) => pattern(size, i));
      const last = size % 3 === 0 ? 0 : 1 + (size % size || 0) + Math.floor((size - 1) / 2);
      if (last > 0) wanted.push(pattern(last, 77));
      for (const bytes of wanted) assert.ok(sending.push(bytes));
      assert.equal(await sender.sendMany(sending), wanted.length);
      const got: Uint8Array[] = [];
      while (got.length < wanted.length) {
        const count = await merging.recvMany(receiving, { timeoutMs: 5000 });
        if (count > 1) together++;
        for (let i = 0; i < count; i++) {
          got.push(receiving.data(i).slice());
          assert.equal(receiving.truncated(i), false);
          assert.equal(receiving.lengthBytes(i), receiving.data(i).length);
          assert.ok(receiving.peer(i).equals(sender.localAddr));
        }
      }
      assert.deepEqual(got, wanted, `segments of ${size}`);
    }
    assert.ok(together > 1000, `only ${together} messages came merged`);
    assert.equal(merging.tryRecvMany(receiving), WOULD_BLOCK);
  });

  test(`${family}: what else comes beside a merged message never hides where its datagrams end`, {
    skip,
  }, async () => {
    using sender = UdpSocket.bind(at);
    for (const ancillaryBytes of [0, 8, 40, 1024]) {
      using merging = UdpSocket.bind(at, {
        merged: true,
        ancillary: ["timestamp", "drops", "destination", "ttl", "tos"],
      });
      const timestamping = new Uint8Array(4);
      new DataView(timestamping.buffer).setUint32(0, (1 << 3) | (1 << 4), true); // RX_SOFTWARE, SOFTWARE
      sys.setsockopt(fdOf(merging), sys.SOL_SOCKET, sys.SO_TIMESTAMPING, timestamping);
      const sending = new SendBatch({ segmented: true });
      for (let i = 0; i < 30; i++) sending.push(pattern(100, i), merging.localAddr);
      await sender.sendMany(sending);
      const receiving = new ReceiveBatch({ merged: true, ancillaryBytes });
      const got = await receiveMany(merging, receiving, 30);
      assert.deepEqual(
        got,
        Array.from({ length: 30 }, (_, i) => pattern(100, i)),
      );
      if (ancillaryBytes < 1024) continue;
      const ancillary = receiving.ancillary(29);
      assert.equal(receiving.ancillaryTruncated(29), false);
      assert.ok(ancillary.destination?.ip.equals(merging.localAddr.ip));
      assert.deepEqual([ancillary.segmentBytes, ancillary.ttl, ancillary.tos], [100, 64, 0]);
      assert.ok((ancillary.timestampNs ?? 0n) > 0n);
    }
  });

  test(`${family}: the largest datagram in a batch, and one byte more`, { skip }, async () => {
    using pair = udpPair(at);
    const { a, b } = pair;
    const batch = new SendBatch({ datagrams: 3, bytes: 200_000, segmented: true });
    for (const length of [largest, largest, 1]) assert.ok(batch.push(pattern(length), b.localAddr));
    const receiving = new ReceiveBatch({ maxBytes: 65535, datagrams: 1 });
    const sending = a.sendMany(batch);
    assert.deepEqual(await receiveMany(b, receiving, 3), [pattern(largest), pattern(largest), pattern(1)]);
    assert.equal(await sending, 3);
    if (family === "IPv6") {
      assert.throws(() => batch.push(new Uint8Array(largest + 1)), { name: "RangeError", message: /65527/ });
      return;
    }
    batch.push(pattern(5), b.localAddr);
    batch.push(pattern(largest + 1), b.localAddr);
    batch.push(pattern(6), b.localAddr);
    await assert.rejects(a.sendMany(batch), (error) => {
      assert.ok(error instanceof DatagramTooLargeError);
      assert.deepEqual([error.maxBytes, error.syscall], [largest, "sendmmsg"]);
      return true;
    });
    assert.deepEqual([batch.sent, batch.size], [1, 3]);
    batch.skip();
    assert.equal(await a.sendMany(batch), 1);
    assert.deepEqual(
      (await receive(b, 2)).map((it) => it.length),
      [5, 6],
    );
  });
}

test("a bad peer in the middle: those before have gone, `sent` tells, and skip goes on", async () => {
  using pair = udpPair();
  const { a, b } = pair;
  const bad: [peer: string | undefined, code: string][] = [
    ["127.0.0.1:0", "EINVAL"],
    ["[::1]:9", "EAFNOSUPPORT"],
    ["255.255.255.255:9", "EACCES"],
    [undefined, "EDESTADDRREQ"],
  ];
  for (const segmented of [false, true]) {
    for (const [peer, code] of bad) {
      for (const count of [1, 2]) {
        const batch = new SendBatch({ segmented });
        for (let i = 0; i < 10; i++) batch.push(numbered(i), b.localAddr);
        for (let i = 0; i < count; i++) batch.push(numbered(100), peer);
        for (let i = 10; i < 20; i++) batch.push(numbered(i), b.localAddr);
        for (let i = 0; i < 2; i++) {
          await assert.rejects(a.sendMany(batch), (error) => {
            sysError(code, "sendmmsg")(error);
            if (peer !== undefined) assert.equal((error as SysError).address, peer);
            return true;
          });
          assert.deepEqual([batch.sent, batch.size], [10, 20 + count], "and so again");
        }
        for (let i = 0; i < count; i++) batch.skip();
        assert.equal(batch.sent, 10 + count);
        assert.equal(await a.sendMany(batch), 10);
        assert.deepEqual((await receive(b, 20)).map(numberOf), [...Array(20).keys()]);
        assert.equal(b.tryRecvFrom(), WOULD_BLOCK);
      }
    }
  }
  // All are bad: skipping reaches the end, and no further.
  const batch = new SendBatch();
  for (let i = 0; i < 3; i++) batch.push(numbered(i), "127.0.0.1:0");
  for (let i = 0; i < 3; i++) {
    await assert.rejects(a.sendMany(batch), sysError("EINVAL"));
    batch.skip();
  }
  batch.skip();
  assert.equal(batch.sent, 3);
  assert.equal(await a.sendMany(batch), 0);
  assert.equal(batch.size, 0);
  assert.equal(await a.sendMany(batch), 0, "an empty one");
  assert.equal(await a.sendMany([]), 0);
});

test("after a failure more may be pushed, or all forgotten", async () => {
  using pair = udpPair();
  const { a, b } = pair;
  const batch = new SendBatch({ datagrams: 3 });
  batch.push(numbered(0), b.localAddr);
  batch.push(numbered(1), "127.0.0.1:0");
  await assert.rejects(a.sendMany(batch), sysError("EINVAL"));
  assert.equal(batch.push(numbered(2), b.localAddr), true);
  assert.equal(batch.push(numbered(3), b.localAddr), false, "full");
  batch.skip();
  assert.equal(await a.sendMany(batch), 1);
  batch.push(numbered(4), "127.0.0.1:0");
  await assert.rejects(a.sendMany(batch), sysError("EINVAL"));
  batch.clear();
  assert.deepEqual([batch.size, batch.sent], [0, 0]);
  batch.push(numbered(5), b.localAddr);
  assert.equal(await a.sendMany(batch), 1);
  assert.deepEqual((await receive(b, 3)).map(numberOf), [0, 2, 5]);
});

test("an array is a batch that is made for one call", async () => {
  using pair = udpPair();
  const { a, b } = pair;
  const peer = b.localAddr;
  const datagrams = Array.from({ length: 100 }, (_, i) => ({ data: pattern(i, i), peer }));
  assert.equal(await a.sendMany(datagrams), 100);
  assert.deepEqual(
    await receive(b, 100),
    datagrams.map((it) => it.data),
  );
  a.connect(peer);
  assert.equal(await a.sendMany([{ data: utf8("x") }, { data: utf8("y"), peer: undefined }]), 2);
  assert.deepEqual((await receive(b, 2)).map(textOf), ["x", "y"]);
});

test("what is pushed is copied: the caller's bytes may change", async () => {
  using pair = udpPair();
  const { a, b } = pair;
  const bytes = utf8("before");
  const batch = new SendBatch();
  batch.push(bytes, b.localAddr);
  bytes.fill(0);
  await a.sendMany(batch);
  assert.equal(textOf((await b.recvFrom()).data), "before");
});

test("batches are full at their count, and at their bytes to the last", async () => {
  using pair = udpPair();
  const { a, b } = pair;
  for (const segmented of [false, true]) {
    const one = new SendBatch({ datagrams: 1, bytes: 10, segmented });
    assert.equal(one.capacity, 1);
    for (let i = 0; i < 3; i++) {
      assert.equal(one.push(pattern(10, i), b.localAddr), true);
      assert.equal(one.push(pattern(0), b.localAddr), false);
      assert.equal(await a.sendMany(one), 1);
      assert.deepEqual((await b.recvFrom()).data, pattern(10, i));
    }
    const full = new SendBatch({ datagrams: 10, bytes: 100, segmented });
    for (let i = 0; i < 9; i++) assert.ok(full.push(pattern(11, i), b.localAddr));
    assert.equal(full.push(pattern(2), b.localAddr), false);
    assert.equal(full.push(pattern(1), b.localAddr), true);
    assert.throws(() => full.push(pattern(101)), {
      name: "RangeError",
      message: /at most 100 bytes, got 101/,
    });
    assert.equal(await a.sendMany(full), 10);
    assert.deepEqual(
      (await receive(b, 10)).map((it) => it.length),
      [...Array(9).fill(11), 1],
    );
  }
});

test("batches refuse sizes that are none", () => {
  const no = (value: unknown): never => value as never;
  const rows: [make: () => unknown, name: string, message: RegExp][] = [
    [() => new SendBatch({ datagrams: 0 }), "RangeError", /datagrams/],
    [() => new SendBatch({ datagrams: 65537 }), "RangeError", /datagrams.*65537/],
    [() => new SendBatch({ datagrams: 1.5 }), "RangeError", /datagrams/],
    [() => new SendBatch({ datagrams: Number.NaN }), "RangeError", /datagrams/],
    [() => new SendBatch({ bytes: 0 }), "RangeError", /bytes/],
    [() => new SendBatch({ bytes: 2 ** 31 }), "RangeError", /bytes/],
    [() => new SendBatch({ segmented: no(1) }), "TypeError", /segmented/],
    [() => new ReceiveBatch({ datagrams: 0 }), "RangeError", /datagrams/],
    [() => new ReceiveBatch({ datagrams: 4097 }), "RangeError", /datagrams/],
    [() => new ReceiveBatch({ maxBytes: 0 }), "RangeError", /maxBytes/],
    [() => new ReceiveBatch({ maxBytes: 2 ** 20 + 1 }), "RangeError", /maxBytes/],
    [() => new ReceiveBatch({ datagrams: 4096, maxBytes: 2 ** 20 }), "RangeError", /maxBytes.*in all/],
    [() => new ReceiveBatch({ ancillaryBytes: -1 }), "RangeError", /ancillaryBytes/],
    [() => new ReceiveBatch({ ancillaryBytes: 65537 }), "RangeError", /ancillaryBytes/],
    [() => new ReceiveBatch({ merged: true, maxBytes: 2000 }), "RangeError", /maxBytes/],
    [() => new ReceiveBatch({ merged: no("yes") }), "TypeError", /merged/],
    [() => new SendBatch().push(no("text")), "TypeError", /bytes/],
    [() => new SendBatch().push(utf8("x"), no(5)), "TypeError", /peer/],
    [() => new SendBatch().push(utf8("x"), "nobody"), "AddressError", /nobody/],
  ];
  for (const [make, name, message] of rows) assert.throws(make, { name, message }, String(make));
  const batch = new SendBatch();
  assert.throws(() => batch.push(utf8("x"), "nobody"));
  assert.equal(batch.size, 0, "what was refused is not in it");
});

test("an index that is none is refused, whatever it is", async () => {
  using pair = udpPair();
  const { a, b } = pair;
  const batch = new ReceiveBatch({ ancillaryBytes: 64 });
  const indexes: unknown[] = [
    0,
    -1,
    2,
    3,
    1.5,
    0.5,
    Number.NaN,
    Infinity,
    2 ** 32,
    -0.5,
    "0",
    "1",
    null,
    undefined,
    [0],
  ];
  const calls: ((i: number) => unknown)[] = [
    (i) => batch.data(i),
    (i) => batch.peer(i),
    (i) => batch.truncated(i),
    (i) => batch.lengthBytes(i),
    (i) => batch.ancillary(i),
    (i) => batch.ancillaryTruncated(i),
  ];
  const refused = (wrong: readonly unknown[]): void => {
    for (const call of calls) {
      for (const i of wrong)
        assert.throws(() => call(i as number), { name: "RangeError", message: /index/ }, String(i));
    }
  };
  refused(indexes);
  await a.sendMany([numbered(0), numbered(1)].map((data) => ({ data, peer: b.localAddr })));
  while (batch.size < 2) {
    await b.recvFrom({ peek: true });
    await turn();
    if ((await b.recvMany(batch)) === 1) await a.sendTo(numbered(0), b.localAddr);
  }
  refused(indexes.slice(1));
  for (const call of calls) for (const i of [0, 1]) call(i);
  assert.equal(b.tryRecvMany(batch), WOULD_BLOCK);
  assert.equal(batch.size, 0, "what was in it is gone");
  refused(indexes);
});

test("truncation in a batch: told per datagram, with its length, and its neighbours are whole", async () => {
  using pair = udpPair();
  const { a, b } = pair;
  const lengths = [10, 101, 100, 0, 5000, 99];
  for (const datagrams of [1, 2, 16]) {
    const batch = new ReceiveBatch({ datagrams, maxBytes: 100 });
    await a.sendMany(lengths.map((length, i) => ({ data: pattern(length, i), peer: b.localAddr })));
    const seen: [number, boolean, number][] = [];
    while (seen.length < lengths.length) {
      await b.recvMany(batch, { timeoutMs: 5000 });
      for (const [i, { data, truncated }] of [...batch].entries()) {
        const n = seen.length;
        assert.deepEqual(data, pattern(lengths[n] as number, n).subarray(0, 100));
        assert.equal(truncated, batch.truncated(i));
        seen.push([data.length, truncated, batch.lengthBytes(i)]);
      }
    }
    assert.deepEqual(
      seen,
      lengths.map((it) => [Math.min(it, 100), it > 100, it]),
    );
  }
});

test("ancillary data of a batch: each datagram has its own", async () => {
  using sender = UdpSocket.bind("0.0.0.0:0");
  using b = UdpSocket.bind("0.0.0.0:0", { ancillary: ["destination", "ttl", "tos", "timestamp"] });
  const { port } = b.localAddr;
  const before = BigInt(Date.now() - 60_000) * 1_000_000n;
  for (let i = 0; i < 20; i++) {
    await sender.sendMsg(numbered(i), {
      peer: `127.0.0.${i + 1}:${port}`,
      ancillary: { ttl: i + 1, tos: i * 4 },
    });
  }
  const batch = new ReceiveBatch({ datagrams: 6, ancillaryBytes: 256 });
  const seen: Ancillary[] = [];
  while (seen.length < 20) {
    await b.recvMany(batch, { timeoutMs: 5000 });
    for (let i = 0; i < batch.size; i++) {
      assert.equal(numberOf(batch.data(i)), seen.length);
      assert.equal(batch.ancillaryTruncated(i), false);
      seen.push(batch.ancillary(i));
    }
  }
  for (const [i, it] of seen.entries()) {
    assert.equal(it.destination?.ip.toString(), `127.0.0.${i + 1}`);
    assert.deepEqual([it.ttl, it.tos], [i + 1, i * 4]);
    assert.ok((it.timestampNs ?? 0n) > before);
  }
  // Too little room is told; none is none.
  for (const ancillaryBytes of [0, 16, 30]) {
    const small = new ReceiveBatch({ ancillaryBytes });
    await sender.sendTo(utf8("x"), `127.0.0.1:${port}`);
    await b.recvMany(small, { timeoutMs: 5000 });
    assert.equal(small.ancillaryTruncated(0), true, `${ancillaryBytes}`);
    assert.equal(small.ancillary(0).destination, undefined);
    assert.equal(textOf(small.data(0)), "x");
  }
});

test("one batch in two calls at once is a TypeError, and harms neither", async () => {
  using pair = udpPair();
  const { a, b } = pair;
  const batch = new ReceiveBatch();
  const waiting = b.recvMany(batch);
  await assert.rejects(b.recvMany(batch), { name: "TypeError", message: /no other call is filling/ });
  await assert.rejects(a.recvMany(batch), { name: "TypeError" });
  assert.throws(() => a.tryRecvMany(batch), { name: "TypeError" });
  await a.sendTo(utf8("x"), b.localAddr);
  assert.equal(await waiting, 1);
  assert.equal(textOf(batch.data(0)), "x");
  assert.equal(b.tryRecvMany(batch), WOULD_BLOCK);

  const sending = new SendBatch();
  sending.push(utf8("y"), b.localAddr);
  const first = a.sendMany(sending);
  const during: [string, () => unknown][] = [
    ["push", () => sending.push(utf8("z"))],
    ["clear", () => sending.clear()],
    ["skip", () => sending.skip()],
  ];
  for (const [name, call] of during) assert.throws(call, { name: "TypeError", message: /being sent/ }, name);
  await assert.rejects(b.sendMany(sending), { name: "TypeError", message: /being sent/ });
  assert.equal(await first, 1);
  for (const [, call] of during) call();
  await assertEmpty(b, b).catch(() => undefined);
});

test("two batches and single calls on one socket take turns, in the order of the calls", async () => {
  using pair = udpPair();
  const { a, b } = pair;
  const batches = [new ReceiveBatch({ datagrams: 1 }), new ReceiveBatch({ datagrams: 1 })] as const;
  const waiting = [b.recvMany(batches[0]), b.recvFrom(), b.recvMany(batches[1]), b.recvMsg()] as const;
  for (let i = 0; i < 4; i++) await a.sendTo(numbered(i), b.localAddr);
  const [, second, , fourth] = await Promise.all(waiting);
  assert.deepEqual(
    [batches[0].data(0), second.data, batches[1].data(0), fourth.data].map((it) => numberOf(it)),
    [0, 1, 2, 3],
  );
});

test("a cancelled recvMany has taken nothing, and its batch is free again", async () => {
  using pair = udpPair();
  const { a, b } = pair;
  const batch = new ReceiveBatch();
  for (let i = 0; i < 50; i++) {
    const stop = new AbortController();
    const waiting = b.recvMany(batch, { signal: stop.signal });
    if (i % 2 === 0) {
      stop.abort(new Error("enough"));
      await a.sendTo(numbered(i), b.localAddr);
    } else {
      a.trySendTo(numbered(i), b.localAddr);
      stop.abort(new Error("enough"));
    }
    await assert.rejects(waiting, { message: "enough" });
    await assert.rejects(b.recvMany(batch, { signal: stop.signal }), { message: "enough" });
    assert.equal(await b.recvMany(batch, { timeoutMs: 5000 }), 1);
    assert.equal(numberOf(batch.data(0)), i);
    await assert.rejects(b.recvMany(batch, { timeoutMs: 0 }), { name: "TimeoutError" });
  }
});

test("a batch whose memory was given away is refused, and the datagrams stay", async () => {
  using pair = udpPair();
  const { a, b } = pair;
  for (const merged of [false, true]) {
    const batch = new ReceiveBatch({ merged });
    await a.sendTo(utf8("first"), b.localAddr);
    await b.recvMany(batch);
    const view = batch.data(0);
    const waiting = b.recvMany(batch);
    const taken = structuredClone(view.buffer, { transfer: [view.buffer as ArrayBuffer] });
    const before = new Uint8Array(taken as ArrayBuffer).slice();
    await a.sendTo(utf8("second"), b.localAddr);
    await assert.rejects(waiting, { name: "TypeError", message: /batch.*transferred/ });
    assert.throws(() => b.tryRecvMany(batch), { name: "TypeError", message: /batch/ });
    assert.throws(
      () => batch.data(0),
      (error) => error instanceof TypeError || error instanceof RangeError,
    );
    assert.deepEqual(new Uint8Array(taken as ArrayBuffer), before, "nothing was written to it");
    assert.equal(textOf((await b.recvFrom()).data), "second");
  }
});

test("data handed out stays where it is until the next receive, and is the batch's own memory", async () => {
  using pair = udpPair();
  const { a, b } = pair;
  const batch = new ReceiveBatch({ datagrams: 4, maxBytes: 64 });
  await a.sendMany([1, 2, 3].map((n) => ({ data: pattern(64, n), peer: b.localAddr })));
  while (batch.size < 3) await b.recvMany(batch);
  const views = [0, 1, 2].map((i) => batch.data(i));
  const again = [0, 1, 2].map((i) => batch.data(i));
  for (const [i, view] of views.entries()) {
    assert.equal(view, again[i]);
    view[0] = 0xff; // the caller may write
    assert.deepEqual([view[0], view[1]], [0xff, pattern(64, i + 1)[1]]);
    assert.equal(view.length, 64);
  }
});

test("the kernel refuses segments: they go one by one, at the first time and after it has worked", {
  skip: noRoom,
}, async () => {
  using a = UdpSocket.bind("127.0.0.1:0");
  using b = UdpSocket.bind("127.0.0.1:0", { options: ROOMY });
  const batch = new SendBatch({ datagrams: 200, segmented: true });
  const send = async (): Promise<void> => {
    const wanted = Array.from({ length: 200 }, (_, i) => pattern(i % 50 === 49 ? 20 : 60, i));
    for (const bytes of wanted) assert.ok(batch.push(bytes, b.localAddr));
    assert.equal(await a.sendMany(batch), 200);
    assert.deepEqual(await receive(b, 200), wanted);
  };
  refuseSegments(a, true);
  await send();
  refuseSegments(a, false);
  await send();
  refuseSegments(a, true);
  await send();
  // That it is refused at all:
  await assert.rejects(
    a.sendMsg(pattern(100), { peer: b.localAddr, ancillary: { segmentBytes: 50 } }),
    (error) => error instanceof SysError && ["EINVAL", "EIO"].includes(error.code),
  );
  // A socket that cannot segment meets a bad peer in the middle.
  for (let i = 0; i < 10; i++) batch.push(numbered(i), b.localAddr);
  for (let i = 0; i < 3; i++) batch.push(numbered(0), "127.0.0.1:0");
  for (let i = 10; i < 20; i++) batch.push(numbered(i), b.localAddr);
  for (let i = 0; i < 3; i++) {
    await assert.rejects(a.sendMany(batch), sysError("EINVAL"));
    assert.equal(batch.sent, 10 + i);
    batch.skip();
  }
  assert.equal(await a.sendMany(batch), 10);
  assert.deepEqual((await receive(b, 20)).map(numberOf), [...Array(20).keys()]);
  refuseSegments(a, false);
  await send();
});

test("a device that never segments (EIO) is asked once: from then on all go one by one", {
  skip: noRoom,
}, async (t) => {
  using a = UdpSocket.bind("127.0.0.1:0");
  using b = UdpSocket.bind("127.0.0.1:0", { options: ROOMY });
  // No device here refuses: this one does, message by message, as the kernel's own call does.
  const real = SendBatch.prototype.sendmmsg;
  t.after(() => {
    SendBatch.prototype.sendmmsg = real;
  });
  let refused = 0;
  SendBatch.prototype.sendmmsg = function (this: SendBatch, fd: number): number {
    if (this.next.datagrams === 1) return real.call(this, fd, 1);
    refused++;
    return -sys.errno.EIO;
  };
  const batch = new SendBatch({ segmented: true });
  for (let round = 0; round < 3; round++) {
    const wanted = Array.from({ length: 60 }, (_, i) => pattern(i % 20 === 19 ? 30 : 50, i));
    for (const bytes of wanted) batch.push(bytes, b.localAddr);
    assert.equal(await a.sendMany(batch), 60);
    assert.deepEqual(await receive(b, 60), wanted);
  }
  assert.equal(refused, 1);
});

isolated(
  import.meta.url,
  "segments over a wire: longer than the MTU, without checksum offload, without segmentation: all arrive",
  { skip: noRoom, netns: UP },
  async () => {
    const { near, far } = twoHosts(1400);
    using a = UdpSocket.bind("192.0.2.1:0");
    using b = far.in(() => UdpSocket.bind("192.0.2.2:0", { options: ROOMY }));
    using merging = far.in(() => UdpSocket.bind("192.0.2.2:0", { merged: true, options: ROOMY }));
    const batch = new SendBatch({ datagrams: 60, bytes: 200_000, segmented: true });
    const receiving = new ReceiveBatch({ merged: true });
    const send = async (size: number): Promise<void> => {
      for (const to of [b, merging]) {
        const wanted = Array.from({ length: 60 }, (_, i) => pattern(i % 20 === 19 ? 7 : size, i));
        for (const bytes of wanted) assert.ok(batch.push(bytes, to.localAddr));
        assert.equal(await a.sendMany(batch), 60);
        const got = to === b ? await receive(b, 60) : await receiveMany(merging, receiving, 60);
        assert.deepEqual(got, wanted, `segments of ${size}`);
      }
    };
    const sizes = [1, 100, 1372, 1373, 3000];
    for (const size of sizes) await send(size);
    setTransmitChecksum("near0", false);
    for (const size of sizes) await send(size);
    setTransmitChecksum("near0", true);
    for (const size of sizes) await send(size);
    near.sh("ip link set near0 gso_max_segs 1 || true");
    for (const size of sizes) await send(size);
    // Fragments are forbidden: the long ones are refused, each by itself, and the short ones have gone.
    a.setOption(IP.MTU_DISCOVER, "do");
    for (const [i, size] of [50, 50, 2000, 2000, 60, 60].entries())
      batch.push(numbered(i, size), b.localAddr);
    for (const sent of [2, 3]) {
      await assert.rejects(a.sendMany(batch), (error) => {
        assert.ok(error instanceof DatagramTooLargeError, String(error));
        assert.equal(error.maxBytes, 1372);
        return true;
      });
      assert.equal(batch.sent, sent);
      batch.skip();
    }
    assert.equal(await a.sendMany(batch), 2);
    assert.deepEqual((await receive(b, 4)).map(numberOf), [0, 1, 4, 5]);
  },
);

isolated(
  import.meta.url,
  "segments to a path with a smaller MTU: in fragments where that is allowed, else refused each by itself once it is known",
  { skip: noRoom, netns: UP },
  async () => {
    const { far } = routed();
    using b = far.in(() => UdpSocket.bind("198.51.100.2:0", { options: ROOMY }));
    using a = UdpSocket.bind("192.0.2.1:0", { icmpErrors: true });
    const batch = new SendBatch({ segmented: true });
    const wanted = Array.from({ length: 20 }, (_, i) => pattern(1400, i));
    const push = (): void => {
      for (const bytes of wanted) batch.push(bytes, b.localAddr);
    };
    push();
    assert.equal(await a.sendMany(batch), 20); // a message of segments goes without the DF bit
    assert.deepEqual(await receive(b, 20), wanted);
    a.setOption(IP.MTU_DISCOVER, "do");
    push();
    assert.equal(await a.sendMany(batch), 20); // and is lost, since nobody has known
    assert.equal((await a.recvError({ timeoutMs: 5000 })).mtu, 1300);
    push();
    for (let sent = 0; sent < 20; sent++) {
      await assert.rejects(a.sendMany(batch), (error) => {
        assert.ok(error instanceof DatagramTooLargeError, String(error));
        assert.equal(error.maxBytes, 1272);
        return true;
      });
      assert.equal(batch.sent, sent);
      batch.skip();
    }
    a.setOption(IP.MTU_DISCOVER, "want");
    push();
    assert.equal(await a.sendMany(batch), 20);
    assert.deepEqual(await receive(b, 20), wanted);
  },
);

/** SIOCETHTOOL with ETHTOOL_STXCSUM, as `ethtool -K DEV tx on|off` does; include/uapi/linux/ethtool.h. */
function setTransmitChecksum(device: string, on: boolean): void {
  const [SIOCETHTOOL, ETHTOOL_STXCSUM, ETHTOOL_GTXCSUM] = [0x8946, 0x17, 0x16];
  const call = (command: number, value: number): number => {
    const data = new Uint32Array([command, value]);
    const request = new Uint8Array(40); // struct ifreq
    request.set(utf8(device));
    new DataView(request.buffer).setBigUint64(16, BigInt(sys.addressOf(new Uint8Array(data.buffer))), true);
    const fd = sys.check(sys.socket(sys.AF_INET, sys.SOCK_DGRAM | sys.SOCK_CLOEXEC, 0), "socket");
    sys.check(sys.ioctl(fd, SIOCETHTOOL, request), "ioctl", { address: device });
    sys.close(fd);
    return data[1] as number;
  };
  call(ETHTOOL_STXCSUM, on ? 1 : 0);
  assert.equal(call(ETHTOOL_GTXCSUM, 0), on ? 1 : 0);
}

/** What a wire takes per second, and the rest waits in the send buffer. */
const slow = (rate: string): string => `tc qdisc replace dev near0 root tbf rate ${rate} burst 4k limit 10m`;

isolated(
  import.meta.url,
  "a full send buffer: sendMany waits, and what is cancelled in the middle goes on where it was, with nothing lost or twice",
  { skip: noRoom, netns: UP },
  async () => {
    const { near, far } = twoHosts();
    near.sh(slow("4mbit"));
    const options = [SO.SNDBUF.to(20_000)];
    using b = far.in(() => UdpSocket.bind("192.0.2.2:0", { options: ROOMY }));
    for (const segmented of [false, true]) {
      using a = UdpSocket.bind("192.0.2.1:0", { options });
      const batch = new SendBatch({ datagrams: 300, bytes: 400_000, segmented });
      for (let i = 0; i < 300; i++) assert.ok(batch.push(numbered(i, 1000), b.localAddr));
      let cancelled = 0;
      let sum = 0;
      for (let done = false; !done; ) {
        const before = batch.sent;
        const stop = new AbortController();
        const sending = a.sendMany(batch, cancelled % 2 ? { signal: stop.signal } : { timeoutMs: 5 });
        assert.throws(() => batch.push(utf8("x")), TypeError);
        if (cancelled % 2) setTimeout(() => stop.abort(new Error("stop")), 5);
        const [outcome] = await Promise.allSettled([sending]);
        if (outcome.status === "fulfilled") {
          sum += outcome.value;
          done = true;
        } else {
          cancelled++;
          assert.match(String(outcome.reason), cancelled % 2 ? /TimeoutError/ : /stop/);
          assert.ok(batch.sent >= before && batch.sent < 300);
          sum += batch.sent - before;
        }
      }
      assert.equal(sum, 300);
      assert.ok(cancelled > 3, `cancelled ${cancelled} times`);
      const got = await receive(b, 300);
      assert.deepEqual(
        got,
        Array.from({ length: 300 }, (_, i) => numbered(i, 1000)),
      );
      assert.equal(b.tryRecvFrom(), WOULD_BLOCK);
    }
  },
);

isolated(
  import.meta.url,
  "a full send buffer: send, sendMsg and writable wait for room; close and the signal end the wait",
  { skip: noRoom, netns: UP },
  async () => {
    const { near, far } = twoHosts();
    near.sh(slow("64kbit"));
    using b = far.in(() => UdpSocket.bind("192.0.2.2:0", { options: ROOMY }));
    const a = UdpSocket.bind("192.0.2.1:0", { options: [SO.SNDBUF.to(20_000)] });
    let sent = 0;
    const fill = (): void => {
      while (a.trySendTo(numbered(sent, 1000), b.localAddr) !== WOULD_BLOCK) sent++;
    };
    fill();
    assert.ok(sent > 3);
    const calls: [string, (options: { timeoutMs?: number; signal?: AbortSignal }) => Promise<unknown>][] = [
      ["send", (options) => a.sendTo(utf8("never"), b.localAddr, options)],
      ["sendmsg", (options) => a.sendMsg(utf8("never"), { peer: b.localAddr, ...options })],
      ["sendmmsg", (options) => a.sendMany([{ data: utf8("never"), peer: b.localAddr }], options)],
      ["poll", (options) => a.writable(options)],
    ];
    let extra = 0;
    /** Why a call failed that found no room; one that found some, since the wire was just free, has sent one more. */
    const failure = async (call: () => Promise<unknown>): Promise<unknown> => {
      for (;;) {
        fill();
        const [outcome] = await Promise.allSettled([call()]);
        if (outcome.status === "rejected") return outcome.reason;
        if (outcome.value !== undefined) extra++;
      }
    };
    for (const [syscall, call] of calls) {
      const late = (await failure(() => call({ timeoutMs: 0 }))) as TimeoutError;
      assert.deepEqual([late.name, late.syscall], ["TimeoutError", syscall]);
      const stopped = await failure(() => {
        const stop = new AbortController();
        const waiting = call({ signal: stop.signal });
        stop.abort(new Error("stop"));
        return waiting;
      });
      assert.equal((stopped as Error).message, "stop");
    }
    fill();
    near.sh(slow("8mbit"));
    await a.writable({ timeoutMs: 5000 });
    assert.equal(a.trySendTo(numbered(sent, 1000), b.localAddr), 1000);
    sent++;
    fill();
    const order = await Promise.all([
      a.sendTo(numbered(sent, 1000), b.localAddr),
      a.sendMsg(numbered(sent + 1, 1000), { peer: b.localAddr }),
      a.sendMany([{ data: numbered(sent + 2, 1000), peer: b.localAddr }]),
    ]);
    assert.deepEqual(order, [1000, 1000, 1]);
    sent += 3;
    const got = (await receive(b, sent + extra)).filter((it) => it.length === 1000);
    assert.deepEqual(got.map(numberOf), [...Array(sent).keys()]);
    near.sh(slow("64kbit"));
    fill();
    const waiting = calls.map(([, call]) => call({}));
    a.close();
    const outcomes = await Promise.allSettled(waiting);
    assert.ok(outcomes.some((it) => it.status === "rejected"));
    for (const [i, it] of outcomes.entries()) {
      if (it.status === "rejected") sysError("ECANCELED", calls[i]?.[0])(it.reason);
    }
  },
);

test("a very large batch lets the event loop have its turn, and may be cancelled", async () => {
  using a = UdpSocket.bind("127.0.0.1:0");
  using b = UdpSocket.bind("127.0.0.1:0", { options: [SO.RCVBUF.to(4096)] }); // which drops most of them
  for (const segmented of [false, true]) {
    const batch = new SendBatch({ datagrams: 65_536, bytes: 65_536 * 8, segmented });
    for (let i = 0; i < 65_536; i++) batch.push(numbered(i, 8), b.localAddr);
    let ran = 0;
    const immediate = (): void => {
      ran++;
      if (ran < 1000) next = setImmediate(immediate);
    };
    let next = setImmediate(immediate);
    const sending = a.sendMany(batch);
    assert.equal(await stateOf(sending), "pending");
    assert.equal(await sending, 65_536);
    clearImmediate(next);
    assert.ok(ran > 10, `${ran} turns`);
    for (let i = 0; i < 65_536; i++) batch.push(numbered(i, 8), b.localAddr);
    const stop = new AbortController();
    const cancelled = a.sendMany(batch, { signal: stop.signal });
    setImmediate(() => stop.abort(new Error("stop")));
    await assert.rejects(cancelled, { message: "stop" });
    assert.ok(batch.sent > 0 && batch.sent < 65_536);
    const rest = 65_536 - batch.sent;
    assert.equal(await a.sendMany(batch), rest);
  }
});

test("the first datagrams of 64 segments and 65507 bytes go in as few messages as the kernel takes", {
  skip: noRoom,
}, async () => {
  using a = UdpSocket.bind("127.0.0.1:0");
  using merging = UdpSocket.bind("127.0.0.1:0", { merged: true, options: ROOMY });
  a.connect(merging.localAddr);
  const receiving = new ReceiveBatch({ datagrams: 1, merged: true });
  for (const [size, count, first] of [
    [100, 200, 64],
    [1472, 100, 44],
    [1000, 66, 64],
    [30_000, 3, 2],
    [32_754, 3, 1],
  ] as const) {
    const batch = new SendBatch({ datagrams: count, bytes: size * count, segmented: true });
    for (let i = 0; i < count; i++) batch.push(pattern(size, i));
    assert.equal(await a.sendMany(batch), count);
    assert.equal(await merging.recvMany(receiving), first, `${size}`);
    let got = first as number;
    while (got < count) got += await merging.recvMany(receiving);
    assert.equal(got, count);
  }
});

test("UDP_SEGMENT set on the socket is the socket's own business: recvMsg tells of what was merged", async () => {
  using a = UdpSocket.bind("127.0.0.1:0", { options: [UDP.SEGMENT.to(100)] });
  using merging = UdpSocket.bind("127.0.0.1:0", { merged: true });
  using plain = UdpSocket.bind("127.0.0.1:0");
  await a.sendTo(pattern(250), merging.localAddr);
  const { data, ancillary } = await merging.recvMsg();
  assert.deepEqual([data, ancillary.segmentBytes], [pattern(250), 100]);
  await a.sendTo(pattern(250), plain.localAddr);
  assert.deepEqual(
    (await receive(plain, 3)).map((it) => it.length),
    [100, 100, 50],
  );
  await assert.rejects(merging.recvMany(new ReceiveBatch()), { name: "TypeError", message: /merged: true/ });
  const batch = new ReceiveBatch({ merged: true });
  await a.sendTo(pattern(250), plain.localAddr);
  assert.equal((await receiveMany(plain, batch, 3)).length, 3); // one for merged messages takes plain ones too
  await until(() => true);
});

test("peers of a batch are remembered no longer than they are right: one port for many sockets, many ports for one", {
  skip: noRoom,
}, async () => {
  using b = UdpSocket.bind("0.0.0.0:0", { options: ROOMY });
  const senders: UdpSocket[] = [];
  try {
    for (let i = 0; i < 200; i++) senders.push(UdpSocket.bind(`127.0.${i >> 4}.${(i % 16) + 1}:0`));
    const batch = new ReceiveBatch({ datagrams: 16 });
    const seen: SocketAddr[] = [];
    for (const [i, sender] of senders.entries())
      sender.trySendTo(numbered(i), `127.0.0.1:${b.localAddr.port}`);
    while (seen.length < 200) {
      await b.recvMany(batch, { timeoutMs: 5000 });
      for (const { data, peer } of batch) {
        assert.ok(peer.equals(senders[numberOf(data)]?.localAddr as SocketAddr), `${peer}`);
        seen.push(peer);
      }
    }
    assert.equal(new Set(seen.map(String)).size, 200);
  } finally {
    for (const sender of senders) sender.close();
  }
});
