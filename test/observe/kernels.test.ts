/** Kernels that know less, or say what none would: what they lack is undefined, nothing is made up, nothing throws. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DiagSocket } from "../../src/netlink/diag/index.ts";
import {
  type EndSample,
  Observer,
  QUANTITIES,
  type QuantityName,
  WAIT_REASONS,
} from "../../src/observe/index.ts";
import { attribute, DONE, FakeKernel, int32, join, MULTI, message } from "../netlink/_fake_kernel.ts";
import { random } from "../socket/_helpers.ts";

const SOCK_DIAG_BY_FAMILY = 20;
const [INET_DIAG_INFO, INET_DIAG_SKMEMINFO] = [2, 7];
const NAMES = Object.keys(QUANTITIES) as QuantityName[];

/** struct inet_diag_msg: 127.0.0.1:40000 → 127.0.0.1:2000 */
function inetDiagMsg(state: number, cookie: number, receiveQueue: number, sendQueue: number): Uint8Array {
  const bytes = new Uint8Array(72);
  const view = new DataView(bytes.buffer);
  bytes.set([2, state]);
  view.setUint16(4, 40000);
  view.setUint16(6, 2000);
  bytes.set([127, 0, 0, 1], 8);
  bytes.set([127, 0, 0, 1], 24);
  view.setUint32(44, cookie, true);
  view.setUint32(56, receiveQueue, true);
  view.setUint32(60, sendQueue, true);
  view.setUint32(68, 4711, true);
  return bytes;
}

/** A struct tcp_info whose every field says something, cut to a length. */
function tcpInfo(length: number): Uint8Array {
  const bytes = new Uint8Array(280);
  const view = new DataView(bytes.buffer);
  bytes[0] = 1;
  const u32: Record<number, number> = {
    8: 204_000,
    16: 1448,
    24: 3,
    64: 65_000,
    68: 100,
    72: 50,
    76: 0x7fffffff,
    80: 10,
    92: 90,
    100: 2,
    136: 50,
    140: 60,
    144: 2000,
    148: 80,
    152: 20,
    156: 30,
    224: 1,
    228: 65_536,
    232: 64_000,
  };
  const u64: Record<number, bigint> = {
    104: 1_000_000n,
    112: 2n ** 64n - 1n,
    120: 10_001n,
    128: 5000n,
    160: 900_000n,
    168: 70_000n,
    176: 60_000n,
    184: 50_000n,
    200: 17_000n,
    208: 3000n,
  };
  for (const [at, value] of Object.entries(u32)) view.setUint32(Number(at), value, true);
  for (const [at, value] of Object.entries(u64)) view.setBigUint64(Number(at), value, true);
  return bytes.subarray(0, length);
}

/** One end, as a kernel tells it with these attributes. */
async function told(...attributes: Uint8Array[]): Promise<EndSample> {
  return (await sampled([join(inetDiagMsg(1, 7, 500, 6000), ...attributes)]))[0] as EndSample;
}

/** A sample of what a kernel tells of IPv4. */
async function sampled(sockets: readonly Uint8Array[]): Promise<readonly EndSample[]> {
  using kernel = new FakeKernel();
  using observer = Observer.over(DiagSocket.over(kernel.socket), "all");
  const sampling = observer.sample();
  for (const list of [sockets, []]) {
    const { sequence } = await kernel.hear();
    const told = list.map((one) => message(SOCK_DIAG_BY_FAMILY, MULTI, sequence, one));
    kernel.say(...told, message(DONE, MULTI, sequence, int32(0)));
  }
  return (await sampling).ends;
}

const memory = (length: number): Uint8Array =>
  new Uint8Array(Uint32Array.from({ length }, (_, i) => i + 1).buffer);

/** What each version of the structure has: all that the shorter ones have, and these. include/uapi/linux/tcp.h */
const VERSIONS: readonly [length: number, since: string, more: Partial<Record<QuantityName, number>>][] = [
  [
    104,
    "2.6",
    {
      receiveQueueBytes: 500,
      congestionWindowSegments: 10,
      congestionWindowBytes: 14_480,
      inFlightSegments: 3,
      mssBytes: 1448,
      rttUs: 100,
      rttVarianceUs: 50,
      retransmissionTimeoutUs: 204_000,
      retransmittedSegments: 2,
      lostSegments: 0,
      receiveRttUs: 90,
    },
  ],
  [136, "4.1", { pacingBytesPerSecond: 1_000_000, receivedBytes: 5000, readBytes: 4500 }],
  [148, "4.6", { notSentBytes: 2000, inFlightBytes: 4000 }],
  [160, "4.6", { minRttUs: 80, receivedSegments: 20, sentSegments: 30 }],
  [
    192,
    "4.10",
    {
      deliveryBytesPerSecond: 900_000,
      busyUs: 70_000,
      receiverLimitedUs: 60_000,
      sendBufferLimitedUs: 50_000,
    },
  ],
  [224, "4.19", { writtenBytes: 16_000, ackedBytes: 10_000, retransmittedBytes: 3000 }],
  [232, "5.4", { outOfOrderPackets: 1, windowSeenBytes: 65_536 }],
  [240, "6.2", { windowAdvertisedBytes: 64_000 }],
  [280, "6.18", {}],
];

const known: Partial<Record<QuantityName, number>> = {};
for (const [length, since, more] of VERSIONS) {
  const expected = Object.assign(known, more) && { ...known };
  test(`${length} bytes of TCP_INFO, as of Linux ${since}`, async () => {
    const end = await told(attribute(INET_DIAG_INFO, tcpInfo(length)));
    assert.deepEqual(JSON.parse(JSON.stringify(end, NAMES)), expected);
    const { waiting } = end;
    // The oldest do not tell what was not sent.
    assert.equal(waiting, length < 148 ? "application" : "pacing");
  });
}

test("each length between, and what does not fit it", async () => {
  for (let length = 0; length <= 280; length += 3) {
    const end = await told(attribute(INET_DIAG_INFO, tcpInfo(length)));
    for (const name of NAMES) {
      const value = end[name];
      assert.ok(value === undefined || (Number.isFinite(value) && value >= 0), `${length}: ${name} ${value}`);
    }
    assert.ok(WAIT_REASONS.includes(end.waiting));
  }
});

test("memory with and without drops (Linux 4.6), and none", async () => {
  const info = attribute(INET_DIAG_INFO, tcpInfo(280));
  const of = async (...attributes: Uint8Array[]): Promise<unknown[]> => {
    const end = await told(info, ...attributes);
    const {
      receiveMemoryBytes,
      receiveMemoryTotalBytes,
      sendMemoryBytes,
      sendMemoryTotalBytes,
      droppedPackets,
    } = end;
    return [
      receiveMemoryBytes,
      receiveMemoryTotalBytes,
      sendMemoryBytes,
      sendMemoryTotalBytes,
      droppedPackets,
    ];
  };
  assert.deepEqual(await of(attribute(INET_DIAG_SKMEMINFO, memory(9))), [1, 2, 6, 4, 9]);
  assert.deepEqual(await of(attribute(INET_DIAG_SKMEMINFO, memory(8))), [1, 2, 6, 4, undefined]);
  assert.deepEqual(await of(), Array(5).fill(undefined));
});

test("without TCP_INFO there are no quantities, and none is NaN or negative whatever is told", async () => {
  const [bare] = await sampled([inetDiagMsg(6, 7, 0, 0)]);
  assert.deepEqual([bare?.state, bare?.waiting], ["time-wait", "closed"]);
  assert.ok(NAMES.every((name) => bare?.[name] === undefined));
  const pick = random(11);
  const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => pick(256));
  for (let round = 0; round < 300; round++) {
    const socket = inetDiagMsg(pick(20), 1 + pick(3), pick(2 ** 31), pick(2 ** 31));
    const ends = await sampled([
      join(
        socket,
        attribute(INET_DIAG_INFO, bytes(pick(300))),
        attribute(INET_DIAG_SKMEMINFO, bytes(pick(40))),
      ),
    ]);
    for (const end of ends) {
      for (const name of NAMES) {
        const value = end[name];
        assert.ok(value === undefined || (Number.isFinite(value) && value >= 0), `${name} ${value}`);
      }
      assert.ok(WAIT_REASONS.includes(end.waiting) && end.waitingMs >= 0);
    }
  }
});

test("a socket that a dump tells twice is there once", async () => {
  const one = join(inetDiagMsg(1, 7, 0, 0), attribute(INET_DIAG_INFO, tcpInfo(280)));
  assert.equal((await sampled([one, one])).length, 1);
});
