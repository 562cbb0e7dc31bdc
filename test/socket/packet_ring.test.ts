/** PacketRing in namespaces of its own: against an ordinary socket, when it is full, and when it ends while in use. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import {
  type CapturedPacket,
  PACKET,
  type PacketBlock,
  PacketSocket,
  type RingPacket,
  WOULD_BLOCK,
  withVlanTag,
} from "../../src/index.ts";
import { isolated, socketFds, stateOf, sysError, turns, until } from "./_helpers.ts";
import { EXPERIMENT, frame, link, numbered, numberOf, onlyType } from "./_packet.ts";

const NETNS = { netns: "ip link set lo up" };
const ONLY = onlyType(EXPERIMENT);
/** Small, for tests: 4 blocks of 4096 bytes. */
const SMALL = { blockBytes: 4096, blockCount: 4, frameBytes: 2048, retireTimeoutMs: 10 };

const ringOf = (socket: PacketSocket): NonNullable<PacketSocket["ring"]> => {
  assert.ok(socket.ring);
  return socket.ring;
};

/** Copies of the next `count` packets. */
async function take(socket: PacketSocket, count: number): Promise<(CapturedPacket & { type: unknown })[]> {
  const got: (CapturedPacket & { type: unknown })[] = [];
  while (got.length < count) {
    using block = await ringOf(socket).next();
    for (const packet of block) got.push({ ...packet.copy(), type: packet.packetType });
  }
  return got;
}

/** The mappings of this process whose lines match. */
const maps = (pattern: RegExp): number =>
  readFileSync("/proc/self/maps", "utf8")
    .split("\n")
    .filter((line) => pattern.test(line)).length;

isolated(import.meta.url, "a ring tells of each packet what an ordinary socket tells", NETNS, async () => {
  const { openNear, openFar, nearMac, farMac, ...wire } = link();
  using near = openNear();
  using ring = openFar({ ring: SMALL });
  using plain = openFar({ ancillary: ["packet"], promiscuous: true });
  const filters = { 33024: onlyType(EXPERIMENT), 0: ONLY };
  for (const socket of [ring, plain]) socket.attachFilter(filters[0]);
  const frames = [
    wire.frame(0),
    wire.frame(1, { length: 1500 }),
    wire.frame(2, { to: "ff:ff:ff:ff:ff:ff" }),
    wire.frame(3, { to: "01:00:5e:00:00:fb" }),
    wire.frame(4, { to: "02:99:99:99:99:99", length: 333 }),
    withVlanTag(wire.frame(5), { id: 77, priority: 3, dropEligible: true, protocol: 0x8100 }),
    withVlanTag(wire.frame(6), { id: 78, priority: 0, dropEligible: false, protocol: 0x88a8 }),
  ];
  let last = BigInt(Date.now()) * 1_000_000n;
  for (const one of frames) await near.send(one);
  const packets = await take(ring, frames.length);
  assert.equal(packets.length, frames.length);
  for (const [i, packet] of packets.entries()) {
    const { data, peer, lengthBytes, ancillary } = await plain.recvMsg();
    assert.deepEqual(packet, {
      data,
      lengthBytes,
      timestampNs: packet.timestampNs, // each socket takes its own, where the device has not
      peer,
      vlan: ancillary.packet?.vlan,
      checksum: ancillary.packet?.checksum,
      type: peer.packetType,
    });
    assert.equal(numberOf(packet.data), i);
    assert.deepEqual(packet.peer.mac, nearMac);
    assert.ok(packet.timestampNs >= last && packet.timestampNs <= BigInt(Date.now() + 1) * 1_000_000n);
    last = packet.timestampNs;
  }
  assert.deepEqual(packets[5]?.vlan, { id: 77, priority: 3, dropEligible: true, protocol: 0x8100 });
  assert.equal(packets[6]?.vlan?.protocol, 0x88a8);
  ring.attachFilter(onlyType(EXPERIMENT, 20));
  await near.send(wire.frame(7, { length: 200 }));
  using block = await ringOf(ring).next();
  const [cut] = [...block] as [RingPacket];
  assert.deepEqual(cut.data, wire.frame(7, { length: 200 }).subarray(0, 20));
  assert.deepEqual(
    [cut.lengthBytes, cut.capturedBytes, cut.truncated, cut.networkOffset],
    [214, 20, true, 14],
  );
  assert.equal(BigInt(cut.seconds) * 1_000_000_000n + BigInt(cut.nanoseconds), cut.timestampNs);
  assert.deepEqual(ring.statistics(), { packets: 8, drops: 0, freezeCount: 0 });
  void farMac;
});

isolated(
  import.meta.url,
  "a ring of a datagram socket has the packets without link header",
  NETNS,
  async () => {
    const { openNear, openFar, nearMac, ...wire } = link();
    using near = openNear();
    using far = openFar({ type: "datagram", protocol: EXPERIMENT, ring: SMALL });
    await near.send(wire.frame(9));
    const [packet] = await take(far, 1);
    assert.deepEqual(packet?.data, numbered(9));
    assert.deepEqual(packet?.peer.mac, nearMac);
    await far.sendTo(numbered(10), nearMac); // sending is as ever
    await until(() => {
      const got = near.tryRecvFrom();
      return got !== WOULD_BLOCK && got.peer.protocol === EXPERIMENT && numberOf(got.data) === 10;
    });
  },
);

isolated(
  import.meta.url,
  "block by block, in order, without a gap: full ones and those of the timeout",
  NETNS,
  async () => {
    const { openNear, openFar, ...wire } = link();
    using near = openNear();
    using far = openFar({ filter: ONLY, ring: SMALL });
    const ring = ringOf(far);
    assert.deepEqual([ring.blockBytes, ring.blockCount, ring.closed], [4096, 4, false]);
    const total = 3000;
    let sent = 0;
    let received = 0;
    let [full, timed, sequence] = [0, 0, 0];
    while (received < total) {
      for (let i = 0; i < 40 && sent < total; i++) await near.send(wire.frame(sent++));
      do {
        const block = await ring.next();
        assert.equal(block.sequence, ++sequence);
        assert.ok(block.size > 0);
        if (block.timedOut) timed++;
        else full++;
        let count = 0;
        for (const packet of block) {
          assert.equal(numberOf(packet.data), received++);
          count++;
        }
        assert.equal(count, block.size);
        block.release();
        block.release();
        assert.equal(block.released, true);
      } while (received < sent);
    }
    assert.ok(full > 0 && timed > 0, `${full} full, ${timed} by the timeout`);
    assert.equal(ring.tryNext(), WOULD_BLOCK);
    assert.deepEqual(far.statistics(), { packets: total, drops: 0, freezeCount: 0 });
  },
);

isolated(import.meta.url, "while every block is in use, packets are dropped and counted", NETNS, async () => {
  const { openNear, openFar, ...wire } = link();
  using near = openNear();
  using far = openFar({ filter: ONLY, ring: SMALL });
  const ring = ringOf(far);
  for (let i = 0; i < 400; i++) await near.send(wire.frame(i));
  const held: PacketBlock[] = [];
  for (let i = 0; i < 4; i++) held.push(await ring.next());
  await assert.rejects(ring.next(), /TypeError: ring: expected a block to be released first/);
  assert.throws(() => ring.tryNext(), /TypeError: ring: expected a block to be released first/);
  const kept = held.reduce((sum, block) => sum + block.size, 0);
  const statistics = far.statistics();
  assert.deepEqual([statistics.packets, statistics.drops], [400, 400 - kept]);
  assert.ok(statistics.drops > 0 && (statistics.freezeCount ?? 0) > 0);
  const numbers = held.flatMap((block) => Array.from(block, (packet) => numberOf(packet.data)));
  assert.deepEqual(
    numbers,
    Array.from({ length: kept }, (_, i) => i),
    "what is there is the beginning, untouched",
  );
  for (const block of held) block.release();
  await near.send(wire.frame(1000));
  await near.send(wire.frame(1001));
  const later = await take(far, 1);
  assert.ok(numberOf(later[0]?.data as Uint8Array) >= 1000);
  assert.equal(far.statistics().drops, statistics.drops);
});

isolated(import.meta.url, "a wait is cancelled, and timed out, without a block", NETNS, async () => {
  const { openNear, openFar, ...wire } = link();
  using near = openNear();
  using far = openFar({ filter: ONLY, ring: SMALL });
  const ring = ringOf(far);
  const abort = new AbortController();
  const waiting = ring.next({ signal: abort.signal });
  assert.equal(await stateOf(waiting), "pending");
  abort.abort(new Error("enough"));
  await assert.rejects(waiting, /enough/);
  await assert.rejects(ring.next({ timeoutMs: 1 }), { name: "TimeoutError" });
  await near.send(wire.frame(5));
  assert.equal((await take(far, 1)).length, 1);
});

isolated(
  import.meta.url,
  "with a ring, the calls for single packets say so; a ring can be made later",
  NETNS,
  async () => {
    const { openNear, openFar, ...wire } = link();
    using near = openNear();
    using far = openFar({ filter: ONLY });
    assert.equal(far.ring, undefined);
    await near.send(wire.frame(1));
    await far.recvFrom();
    const ring = far.openRing(SMALL);
    assert.equal(far.ring, ring);
    assert.throws(() => far.openRing(SMALL), TypeError);
    await assert.rejects(far.recvFrom(), /TypeError: recvFrom: expected a socket without a ring/);
    await assert.rejects(far.recvMsg(), TypeError);
    assert.throws(() => far.tryRecvFrom(), TypeError);
    await near.send(wire.frame(2));
    const [packet] = await take(far, 1);
    assert.equal(numberOf(packet?.data as Uint8Array), 2);
    assert.equal(far.getOption(PACKET.VERSION), "v3");
  },
);

isolated(import.meta.url, "given away, the socket has its ordinary queue again", NETNS, async () => {
  const { openNear, openFar, ...wire } = link();
  using near = openNear();
  const far = openFar({ filter: ONLY, ring: SMALL });
  assert.equal(maps(/socket:/), 1);
  await near.send(wire.frame(1));
  const [block] = [await ringOf(far).next()];
  using next = PacketSocket.fromFd(far.intoFd());
  assert.equal(maps(/socket:/), 0);
  assert.equal(block.released, true);
  assert.throws(() => [...block], TypeError);
  await near.send(wire.frame(2));
  assert.equal(numberOf((await next.recvFrom()).data), 2);
  const again = next.openRing(SMALL);
  await near.send(wire.frame(3));
  using later = await again.next();
  assert.equal(later.size, 1);
});

isolated(
  import.meta.url,
  "what is released or closed says so; a view that is left over does no harm",
  NETNS,
  async () => {
    const { openNear, openFar, ...wire } = link();
    using near = openNear();
    const far = openFar({ filter: ONLY, ring: SMALL });
    const ring = ringOf(far);
    for (let i = 0; i < 3; i++) await near.send(wire.frame(i));
    const block = await ring.next();
    const [first] = [...block] as [RingPacket];
    const copy = first.copy();
    block.release();
    const reads: (() => unknown)[] = [
      () => first.data,
      () => first.lengthBytes,
      () => first.capturedBytes,
      () => first.truncated,
      () => first.timestampNs,
      () => first.seconds,
      () => first.nanoseconds,
      () => first.peer,
      () => first.packetType,
      () => first.networkOffset,
      () => first.vlan,
      () => first.checksum,
      () => first.losing,
      () => first.status,
      () => first.copy(),
      () => [...block],
    ];
    for (const read of reads) assert.throws(read, /TypeError: packet: its block was released/, String(read));
    assert.deepEqual(copy.data, wire.frame(0));

    await near.send(wire.frame(7));
    const second = await ring.next();
    const [packet] = [...second] as [RingPacket];
    const iterator = second[Symbol.iterator]();
    const view = packet.data;
    assert.deepEqual(view, wire.frame(7));
    const waiting = ring.next();
    far.close(); // while a block is in use, and another is waited for
    await assert.rejects(waiting, sysError("ECANCELED"));
    assert.equal(ring.closed, true);
    assert.equal(second.released, true);
    assert.throws(() => packet.data, TypeError);
    assert.throws(() => iterator.next(), TypeError);
    second.release();
    assert.deepEqual(view, new Uint8Array(60), "zeros, and no memory of others");
    view.fill(9);
    assert.equal(maps(/socket:/), 0, "the kernel has let go of the socket");
    await assert.rejects(ring.next(), sysError("EBADF"));
    assert.throws(() => ring.tryNext(), sysError("EBADF"));
    assert.throws(() => far.openRing(), TypeError);
  },
);

isolated(
  import.meta.url,
  "for await gives each block back, and ends when the socket is closed",
  NETNS,
  async () => {
    const { openNear, openFar, ...wire } = link();
    using near = openNear();
    using far = openFar({ filter: ONLY, ring: SMALL });
    const ring = ringOf(far);
    let before: PacketBlock | undefined;
    let count = 0;
    await near.send(wire.frame(0));
    for await (const block of ring) {
      assert.ok(before === undefined || before.released);
      before = block;
      for (const packet of block) {
        assert.equal(numberOf(packet.data), count++);
        if (count === 3) far.close();
        if (far.closed) break;
      }
      if (count < 20 && !far.closed) await near.send(wire.frame(count));
    }
    assert.equal(count, 3);
    for await (const _ of ring) assert.fail("it is closed");
  },
);

isolated(import.meta.url, "a device that goes down ends the wait, not the ring", NETNS, async () => {
  const { openNear, openFar, far, ...wire } = link();
  using near = openNear();
  using socket = openFar({ filter: ONLY, ring: SMALL });
  const waiting = ringOf(socket).next();
  assert.equal(await stateOf(waiting), "pending");
  far.sh("ip link set far0 down");
  await assert.rejects(
    waiting,
    (error) => sysError("ENETDOWN", "poll")(error) && /gone down/.test(String(error)),
  );
  far.sh("ip link set far0 up");
  let block: PacketBlock | undefined;
  await until(() => {
    near.trySend(wire.frame(9)); // until the carrier is there
    const got = ringOf(socket).tryNext();
    if (got !== WOULD_BLOCK) block = got;
    return block !== undefined;
  });
  block?.release();
});

isolated(
  import.meta.url,
  "a forgotten ring: closed with its socket once nobody has it, and its memory given back",
  {
    ...NETNS,
    nodeFlags: ["--expose-gc"],
    check: ({ stderr }) => assert.match(stderr, /a PacketSocket \(fd \d+\) was garbage-collected while open/),
  },
  async () => {
    const { openNear, openFar, ...wire } = link();
    using near = openNear();
    const ring = { ...SMALL, blockBytes: 123 * 4096 };
    const regions = (): number => maps(/socket:/);
    const fds = socketFds().length;
    let block: PacketBlock | undefined;
    let view: Uint8Array | undefined;
    await (async () => {
      const kept = openFar({ filter: ONLY, ring });
      await near.send(wire.frame(5));
      block = await ringOf(kept).next();
    })();
    for (let i = 0; i < 10; i++) openFar({ ring });
    const collect = async (): Promise<void> => {
      globalThis.gc?.();
      await turns(3);
    };
    await until(async () => {
      await collect();
      return regions() === 1;
    });
    await collect();
    assert.equal(socketFds().length, fds + 1, "a block keeps its socket");
    assert.deepEqual([...(block as PacketBlock)][0]?.data, wire.frame(5));
    view = [...(block as PacketBlock)][0]?.data as Uint8Array;
    block = undefined;
    await until(async () => {
      await collect();
      return regions() === 0;
    });
    assert.equal(socketFds().length, fds);
    assert.deepEqual(view, new Uint8Array(60));
    const size = ring.blockBytes * ring.blockCount;
    const areas = (): number =>
      readFileSync("/proc/self/maps", "utf8")
        .split("\n")
        .map((line) => /^([0-9a-f]+)-([0-9a-f]+) rw-p 0+ 00:00 0\s*$/.exec(line))
        .filter(
          (it) =>
            it !== null &&
            Number.parseInt(it[2] as string, 16) - Number.parseInt(it[1] as string, 16) >= size,
        ).length;
    const before = areas();
    view = undefined;
    await until(async () => {
      await collect();
      return areas() < before || before === 0;
    });
  },
);

isolated(
  import.meta.url,
  "frames of this size, one by one: the ring's memory is used round and round",
  NETNS,
  async () => {
    const { openNear, openFar, nearMac, farMac } = link(9000);
    using near = openNear();
    using far = openFar({ filter: ONLY, ring: { ...SMALL, retireTimeoutMs: 1 } });
    for (let i = 0; i < 30; i++) {
      const sent = frame(farMac, nearMac, EXPERIMENT, numbered(i, 3000 + i));
      await near.send(sent);
      const [packet] = await take(far, 1);
      assert.deepEqual(packet?.data, sent);
    }
    await near.send(frame(farMac, nearMac, EXPERIMENT, numbered(99, 8000))); // longer than a block
    await near.send(frame(farMac, nearMac, EXPERIMENT, numbered(100)));
    using block = await ringOf(far).next();
    const [cut] = [...block] as [RingPacket];
    assert.equal(cut.lengthBytes, 8014);
    assert.ok(
      cut.truncated && cut.capturedBytes > 3500 && cut.capturedBytes < 4096,
      `${cut.capturedBytes} bytes`,
    );
  },
);
