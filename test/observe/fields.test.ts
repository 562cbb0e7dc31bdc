/** Each quantity is of its own field: a kernel whose every field says something else, and what stands for "not known". */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DiagSocket } from "../../src/netlink/diag/index.ts";
import { type EndSample, Observer, type Quantities } from "../../src/observe/index.ts";
import { attribute, DONE, FakeKernel, int32, join, MULTI, message } from "../netlink/_fake_kernel.ts";
import { pair } from "../socket/_helpers.ts";

const SOCK_DIAG_BY_FAMILY = 20;
const [INET_DIAG_INFO, INET_DIAG_SKMEMINFO] = [2, 7];

/** Byte offsets in struct tcp_info. include/uapi/linux/tcp.h, v6.12 */
const U32 = [
  ...Array.from({ length: 24 }, (_, i) => 8 + 4 * i), // rto … total_retrans
  ...[136, 140, 144, 148, 152, 156], // segs_out … data_segs_out
  ...[192, 196, 216, 220, 224, 228, 232, 236], // delivered … rehash
];
const U64 = [104, 112, 120, 128, 160, 168, 176, 184, 200, 208]; // pacing_rate … bytes_retrans
const [CA_STATE, RETRANSMITS, MSS, NOT_SENT, SND_WND] = [1, 2, 16, 144, 228];
const [LOST, RETRANS, SACKED, UNACKED] = [32, 36, 28, 24];
const [SSTHRESH, PACING, MIN_RTT, RTT, RCV_RTT, DELIVERY] = [76, 104, 148, 68, 92, 160];

/** A struct tcp_info whose every field says 1000 times its own offset, but for these. */
function tcpInfo(fields: Readonly<Record<number, bigint>> = {}): Uint8Array {
  const bytes = new Uint8Array(240);
  const view = new DataView(bytes.buffer);
  bytes[0] = 1;
  for (const at of U32) view.setUint32(at, Number(fields[at] ?? BigInt(at * 1000)), true);
  for (const at of U64) view.setBigUint64(at, fields[at] ?? BigInt(at * 1000), true);
  return bytes;
}

/** The end of which a kernel tells this, with 500 000 bytes in its receive queue, and 900 000 in its send queue. */
async function told(info: Uint8Array): Promise<EndSample> {
  const head = new Uint8Array(72); // struct inet_diag_msg, 127.0.0.1:40000 → 127.0.0.1:2000
  const view = new DataView(head.buffer);
  head.set([2, 1]);
  view.setUint16(4, 40000);
  view.setUint16(6, 2000);
  for (const at of [8, 24]) head.set([127, 0, 0, 1], at);
  view.setUint32(44, 7, true);
  view.setUint32(56, 500_000, true);
  view.setUint32(60, 900_000, true);
  const memory = new Uint8Array(Uint32Array.from({ length: 9 }, (_, i) => i + 1).buffer);
  const socket = join(head, attribute(INET_DIAG_INFO, info), attribute(INET_DIAG_SKMEMINFO, memory));
  using kernel = new FakeKernel();
  using observer = Observer.over(DiagSocket.over(kernel.socket), "all");
  const sampling = observer.sample();
  for (const list of [[socket], []]) {
    const { sequence } = await kernel.hear();
    const messages = list.map((one) => message(SOCK_DIAG_BY_FAMILY, MULTI, sequence, one));
    kernel.say(...messages, message(DONE, MULTI, sequence, int32(0)));
  }
  return (await sampling).ends[0] as EndSample;
}

test("each quantity is of its own field", async () => {
  const end = await told(tcpInfo({ [UNACKED]: 100n, [SACKED]: 30n, [LOST]: 20n, [RETRANS]: 7n }));
  const expected: Required<Quantities> = {
    writtenBytes: 900_000,
    notSentBytes: 144_000,
    inFlightBytes: 900_000 - 144_000,
    ackedBytes: 0, // sent - retransmitted - in flight is below 0 here
    sentSegments: 156_000,
    sendMemoryBytes: 6,
    sendMemoryTotalBytes: 4,
    windowSeenBytes: 228_000,
    congestionWindowSegments: 80_000,
    congestionWindowBytes: 80_000 * 16_000,
    slowStartThresholdSegments: 76_000,
    inFlightSegments: 100 - 30 - 20 + 7,
    mssBytes: 16_000,
    rttUs: 68_000,
    rttVarianceUs: 72_000,
    minRttUs: 148_000,
    retransmissionTimeoutUs: 8000,
    retransmittedSegments: 100_000,
    retransmittedBytes: 208_000,
    lostSegments: 20,
    deliveryBytesPerSecond: 160_000,
    pacingBytesPerSecond: 104_000,
    busyUs: 168_000,
    receiverLimitedUs: 176_000,
    sendBufferLimitedUs: 184_000,
    receivedBytes: 128_000,
    readBytes: 0, // the queue is longer than what was received, which is nonsense, and nothing is negative
    receiveQueueBytes: 500_000,
    receiveMemoryBytes: 1,
    receiveMemoryTotalBytes: 2,
    windowAdvertisedBytes: 232_000,
    receivedSegments: 152_000,
    outOfOrderPackets: 224_000,
    receiveRttUs: 92_000,
    droppedPackets: 9,
  };
  for (const [name, value] of Object.entries(expected)) {
    assert.equal(end[name as keyof Quantities], value, name);
  }
});

test("acknowledged: what was sent, without what was sent again and what is in flight; at most what was acknowledged", async () => {
  const acked = async (sent: number, again: number, most: number): Promise<unknown[]> => {
    const end = await told(tcpInfo({ 200: BigInt(sent), 208: BigInt(again), 120: BigInt(most) }));
    return [end.ackedBytes, end.writtenBytes];
  };
  const inFlight = 900_000 - 144_000;
  assert.deepEqual(await acked(inFlight + 5000, 3000, 10_000), [2000, 902_000]);
  assert.deepEqual(await acked(inFlight + 50_000, 3000, 10_000), [10_000, 910_000]);
  const much = 2 ** 40;
  assert.deepEqual(await acked(much, 0, much), [much - inFlight, much + 144_000]);
});

/** 900 000 bytes that are not acknowledged, in segments of 1000, of which the congestion window allows more. */
for (const [waiting, notSent, window] of [
  ["receiver-window", 900_000, 999],
  ["pacing", 900_000, 1000],
  ["receiver-window", 895_000, 5999],
  ["pacing", 895_000, 6000],
  ["receiver-window", 400, 899_999],
  ["small-segment", 400, 900_000],
  ["small-segment", 999, 2 ** 30],
  ["pacing", 1000, 2 ** 30],
] as const) {
  test(`${notSent} not sent, and a window of ${window}: ${waiting}`, async () => {
    const fields = { [MSS]: 1000n, [UNACKED]: 5n, [SACKED]: 0n, [LOST]: 0n, [RETRANS]: 0n };
    const info = tcpInfo({ ...fields, [NOT_SENT]: BigInt(notSent), [SND_WND]: BigInt(window) });
    assert.equal((await told(info)).waiting, waiting);
  });
}

for (const [what, at, value, waiting] of [
  ["disorder", CA_STATE, 1, "pacing"],
  ["a smaller congestion window", CA_STATE, 2, "pacing"],
  ["recovery", CA_STATE, 3, "loss-recovery"],
  ["loss", CA_STATE, 4, "loss-recovery"],
  ["a timeout", RETRANSMITS, 1, "loss-recovery"],
] as const) {
  test(`${what}: ${waiting}`, async () => {
    const fields = { [MSS]: 1000n, [UNACKED]: 5n, [SACKED]: 0n, [LOST]: 0n, [RETRANS]: 0n };
    const info = tcpInfo({ ...fields, [SND_WND]: 2n ** 30n });
    info[at] = value;
    assert.equal((await told(info)).waiting, waiting);
  });
}

for (const [what, at, value, name] of [
  ["no loss yet", SSTHRESH, 0x7fff_ffffn, "slowStartThresholdSegments"],
  ["no limit", PACING, 2n ** 64n - 1n, "pacingBytesPerSecond"],
  ["no packet timed yet", MIN_RTT, 0xffff_ffffn, "minRttUs"],
  ["no packet timed yet", RTT, 0n, "rttUs"],
  ["no packet timed yet", RTT, 0n, "rttVarianceUs"],
  ["no window of data received yet", RCV_RTT, 0n, "receiveRttUs"],
  ["nothing delivered yet", DELIVERY, 0n, "deliveryBytesPerSecond"],
] as const) {
  test(`${what}: ${name} is not known, and one beside that value is`, async () => {
    assert.equal((await told(tcpInfo({ [at]: value })))[name], undefined);
    assert.notEqual((await told(tcpInfo({ [at]: value === 0n ? 1n : value - 1n })))[name], undefined);
  });
}

test("who is always slow is told each moment that was left out, and none that was not", async () => {
  using ends = await pair();
  const rateHz = 25;
  using observer = Observer.open(ends.client, { rateHz });
  let [first, last, moments, samples] = [0, 0, 0, 0];
  for await (const { elapsedMs, missed } of observer) {
    if (samples++ === 0) first = elapsedMs;
    else moments += 1 + missed;
    last = elapsedMs;
    if (samples === 11) break;
    await new Promise((resolve) => setTimeout(resolve, 2.5 * (1000 / rateHz)));
  }
  const periods = ((last - first) * rateHz) / 1000;
  assert.ok(Math.abs(moments - periods) <= 3, `${moments} moments in ${periods} periods`);
});
