/** From readings to samples, with readings that are made up: how long a reason lasts, stale counters, pairs, ends. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SocketAddr } from "../../src/index.ts";
import { type Followed, FollowedEnds } from "../../src/observe/_followed.ts";
import type { Reading } from "../../src/observe/_reading.ts";
import { Tracker } from "../../src/observe/_tracker.ts";
import type { EndSample } from "../../src/observe/index.ts";
import type { SkMemInfo, TcpInfo } from "../../src/sys/index.ts";

const NEAR = SocketAddr.parse("127.0.0.1:40000");
const FAR = SocketAddr.parse("127.0.0.1:2000");

const MEMORY: SkMemInfo = {
  rmem_alloc: 0,
  rcvbuf: 65536,
  wmem_alloc: 0,
  sndbuf: 9000,
  fwd_alloc: 0,
  wmem_queued: 0,
  optmem: 0,
  backlog: 0,
  drops: 0,
};

const INFO: TcpInfo = {
  tcpi_ca_state: 0,
  tcpi_retransmits: 0,
  tcpi_snd_mss: 1000,
  tcpi_snd_cwnd: 10,
  tcpi_snd_wnd: 20_000,
  tcpi_unacked: 0,
  tcpi_sacked: 0,
  tcpi_lost: 0,
  tcpi_retrans: 0,
  tcpi_notsent_bytes: 0,
  tcpi_bytes_sent: 10_000n,
  tcpi_bytes_retrans: 0n,
  tcpi_bytes_acked: 1n,
  tcpi_bytes_received: 0n,
  tcpi_rwnd_limited: 0n,
  tcpi_sndbuf_limited: 0n,
};

interface Given {
  readonly state?: Reading["state"];
  /** Written, and not acknowledged. */
  readonly queue?: number;
  readonly notSent?: number;
  readonly persisting?: boolean;
  readonly taken?: number;
  readonly info?: Partial<TcpInfo> | undefined;
}

const without = (info: TcpInfo, ...names: (keyof TcpInfo)[]): TcpInfo =>
  Object.fromEntries(Object.entries(info).filter(([name]) => !names.includes(name as keyof TcpInfo)));

class Bench {
  readonly ends = new FollowedEnds();
  readonly tracker = new Tracker(this.ends);
  #now = 1000;

  follow(cookie: bigint, local = NEAR, peer = FAR, namespace = ""): Followed {
    return this.ends.get(cookie) ?? this.ends.add(cookie, local, peer, { namespace });
  }

  reading(of: Followed, given: Given = {}): Reading {
    const { state = "established", queue = 0, notSent = 0, persisting = false, taken = 0 } = given;
    const unacked = Math.ceil((queue - notSent) / 1000);
    return {
      of,
      state,
      sendQueue: queue,
      receiveQueue: 0,
      finReceived: false,
      persisting,
      inode: 1n,
      info:
        "info" in given && given.info === undefined
          ? undefined
          : { ...INFO, tcpi_notsent_bytes: notSent, tcpi_unacked: unacked, ...given.info },
      memory: { ...MEMORY, wmem_queued: taken },
      writtenBytes: undefined,
      readBytes: undefined,
    };
  }

  /** A sample 100 ms after the one before. */
  next(...readings: readonly Reading[]): ReturnType<Tracker["next"]> {
    this.#now += 100;
    return this.tracker.next([readings], this.#now);
  }

  /** Of one end. */
  one(given: Given): EndSample {
    return this.next(this.reading(this.follow(1n), given)).ends[0] as EndSample;
  }
}

const REASONS: readonly [name: string, given: Given, expected: string][] = [
  ["nothing is there", {}, "nothing-to-send"],
  ["all is in flight", { queue: 5000 }, "application"],
  [
    "the window has room for less than the next segment",
    { queue: 9500, notSent: 1500, info: { tcpi_snd_wnd: 8999 } },
    "receiver-window",
  ],
  [
    "the window has just room for it, and so has the congestion window",
    { queue: 9500, notSent: 1000, info: { tcpi_snd_wnd: 9500 } },
    "pacing",
  ],
  [
    "a window of nothing, probed",
    { queue: 5000, notSent: 5000, persisting: true, info: { tcpi_snd_wnd: 0 } },
    "receiver-window",
  ],
  [
    "probed, but the window is open: something else holds",
    { queue: 500, notSent: 500, persisting: true },
    "small-segment",
  ],
  ["as many segments as allowed", { queue: 15_000, notSent: 5000 }, "congestion-window"],
  ["less than a segment behind another", { queue: 1500, notSent: 500 }, "small-segment"],
  ["neither window has room", { queue: 21_000, notSent: 500 }, "congestion-window"],
  ["data, and room for it", { queue: 5000, notSent: 5000 }, "pacing"],
  ["recovery", { queue: 5000, info: { tcpi_ca_state: 3 } }, "loss-recovery"],
  [
    "after a timeout",
    { queue: 15_000, notSent: 5000, info: { tcpi_ca_state: 4, tcpi_lost: 9, tcpi_retrans: 1 } },
    "loss-recovery",
  ],
  ["recovery is over, its state is left", { info: { tcpi_ca_state: 3 } }, "nothing-to-send"],
  ["the send buffer is full", { queue: 5000, taken: 9000 }, "send-buffer"],
  [
    "it is full, and more of it may not be sent",
    { queue: 9000, notSent: 1, taken: 9000, info: { tcpi_snd_wnd: 8999 } },
    "receiver-window",
  ],
  ["a SYN", { state: "syn-sent", queue: 1 }, "connecting"],
  ["half open", { state: "syn-recv", info: undefined }, "connecting"],
  ["all is sent, and a FIN", { state: "fin-wait-1", queue: 3001 }, "closed"],
  [
    "a FIN behind what may not be sent",
    { state: "fin-wait-1", queue: 9001, notSent: 5001, info: { tcpi_snd_wnd: 4000 } },
    "receiver-window",
  ],
  [
    "a FIN alone that may not be sent",
    { state: "last-ack", queue: 1, notSent: 1, info: { tcpi_snd_wnd: 0 } },
    "closed",
  ],
  ["the peer has ended", { state: "close-wait", queue: 5000 }, "application"],
  ["over", { state: "time-wait", info: undefined }, "closed"],
  ["a state of a later kernel", { state: 99 }, "closed"],
];

for (const [name, given, expected] of REASONS) {
  test(`${name}: ${expected}`, () => assert.equal(new Bench().one(given).waiting, expected));
}

const FINS: readonly [
  state: Reading["state"],
  queue: number,
  notSent: number,
  inFlight: number,
  left: number,
][] = [
  ["established", 3000, 1000, 2000, 1000],
  ["fin-wait-1", 3001, 0, 3000, 0],
  ["fin-wait-1", 3001, 1001, 2000, 1000],
  ["fin-wait-1", 1, 0, 0, 0],
  ["fin-wait-1", 1, 1, 0, 0],
  ["closing", 501, 0, 500, 0],
  ["last-ack", 501, 501, 0, 500],
  ["fin-wait-2", 0, 0, 0, 0],
  ["syn-sent", 1, 0, 0, 0],
  ["syn-recv", 1, 0, 0, 0],
];

test("a SYN or a FIN in the queue is not a byte, sent or not", () => {
  for (const [state, queue, notSent, inFlightBytes, notSentBytes] of FINS) {
    const end = new Bench().one({ state, queue, notSent, info: { tcpi_bytes_acked: 20_000n } });
    const told = [end.inFlightBytes, end.notSentBytes, end.ackedBytes, end.writtenBytes];
    const acked = 10_000 - inFlightBytes;
    assert.deepEqual(
      told,
      [inFlightBytes, notSentBytes, acked, 10_000 + notSentBytes],
      `${state} ${queue} ${notSent}`,
    );
  }
});

test("a kernel that tells no window: the timer that probes it stands for it", () => {
  const bench = new Bench();
  const reading = bench.reading(bench.follow(1n), { queue: 5000, notSent: 5000, persisting: true });
  const info = without(reading.info as TcpInfo, "tcpi_snd_wnd");
  assert.equal(bench.next({ ...reading, info }).ends[0]?.waiting, "receiver-window");
  assert.equal(bench.next({ ...reading, info, persisting: false }).ends[0]?.waiting, "pacing");
});

test("how long: 0 at first, then what was seen, and from where the kernel has counted", () => {
  const bench = new Bench();
  const full = (limitedUs: number): Given => ({
    queue: 5000,
    notSent: 5000,
    info: { tcpi_snd_wnd: 0, tcpi_rwnd_limited: BigInt(limitedUs) },
  });
  assert.equal(bench.one(full(0)).waitingMs, 0, "nobody has seen it before");
  assert.equal(bench.one(full(0)).waitingMs, 100);
  assert.equal(bench.one({}).waitingMs, 0);
  // 70 ms of the last 100 the window was closed.
  assert.equal(bench.one(full(70_000)).waitingMs, 70);
  assert.equal(bench.one(full(170_000)).waitingMs, 170);
  bench.one({});
  // More than the time since the last sample it cannot have been.
  assert.equal(bench.one(full(10_000_000)).waitingMs, 100);
});

test("a send buffer between full and two thirds: waited for while the kernel counts, or nothing was written since it was full", () => {
  const at = (taken: number, limitedUs: number, written = 5000): Given => ({
    queue: 5000,
    taken,
    info: { tcpi_sndbuf_limited: BigInt(limitedUs), tcpi_bytes_sent: BigInt(written) },
  });
  const bench = new Bench();
  const reason = (given: Given): string => bench.one(given).waiting;
  assert.equal(reason(at(7000, 500_000)), "application", "a count of the past says nothing");
  assert.equal(reason(at(7000, 500_000)), "application");
  assert.equal(reason(at(7000, 550_000)), "send-buffer", "it grows");
  assert.equal(reason(at(7000, 550_000)), "application", "it stands still");
  assert.equal(reason(at(9000, 550_000)), "send-buffer", "full");
  assert.equal(reason(at(7000, 550_000)), "send-buffer", "and nothing was written since");
  assert.equal(reason(at(6500, 550_000)), "send-buffer");
  assert.equal(reason(at(6500, 550_000, 6000)), "application", "the program had its turn");
  assert.equal(reason(at(9000, 550_000, 6000)), "send-buffer");
  assert.equal(reason(at(6000, 999_000, 6000)), "application", "two thirds: it is woken");
  assert.equal(reason(at(6500, 999_000, 6000)), "application");
});

test("pairs: within a namespace, both or none, IPv4 within IPv6 too", () => {
  const bench = new Bench();
  const near = bench.follow(1n);
  const far = bench.follow(2n, FAR, NEAR);
  const pairs = (...ends: Followed[]): (string | undefined)[] =>
    bench.next(...ends.map((end) => bench.reading(end))).ends.map(({ pairedWith }) => pairedWith);
  assert.deepEqual(pairs(near), [undefined]);
  assert.deepEqual(pairs(near, far), ["2", "1"]);
  assert.deepEqual(pairs(near), [undefined]);
  const mapped = bench.follow(
    3n,
    SocketAddr.parse("[::ffff:127.0.0.1]:2000"),
    SocketAddr.parse("[::ffff:127.0.0.1]:40000"),
  );
  assert.deepEqual(pairs(near, mapped), ["3", "1"]);
  const elsewhere = bench.follow(4n, FAR, NEAR, "77 ");
  assert.deepEqual(pairs(near, elsewhere), [undefined, undefined]);
  const itself = bench.follow(5n, NEAR, NEAR);
  assert.deepEqual(pairs(itself), [undefined], "a socket that is connected to itself");
});

test("what ends is gone or replaced, once; what is forgotten is not told", () => {
  const bench = new Bench();
  const told = (...ends: Followed[]): string[] =>
    bench.next(...ends.map((end) => bench.reading(end))).ended.map(({ id, because }) => `${id} ${because}`);
  const [first, other] = [bench.follow(1n), bench.follow(2n, FAR, NEAR)];
  assert.deepEqual(told(first, other), []);
  assert.deepEqual(told(first), ["2 gone"]);
  assert.deepEqual(told(first), []);
  const second = bench.follow(3n);
  assert.deepEqual(told(second), ["1 replaced"]);
  bench.tracker.forget(new Set([second]));
  assert.deepEqual(told(), []);
  // The same socket may be followed again, as from the start.
  assert.deepEqual(told(bench.follow(3n)), []);
  assert.deepEqual(told(), ["3 gone"]);
});

test("one end twice in a sample is one; its own counts stand above the kernel's", () => {
  const bench = new Bench();
  const end = bench.follow(1n);
  const foreign = bench.reading(end, { queue: 500 });
  const own = { ...foreign, writtenBytes: 77, readBytes: 66 };
  for (const lists of [
    [[foreign], [own]],
    [[own], [foreign, foreign]],
  ]) {
    const { ends } = bench.tracker.next(lists, 5);
    assert.deepEqual(
      ends.map(({ ours, writtenBytes, readBytes }) => [ours, writtenBytes, readBytes]),
      [[true, 77, 66]],
    );
  }
});

test("what is known of ends that are gone is let go, samples that failed included", () => {
  const bench = new Bench();
  for (let i = 0; i < 10_000; i++) {
    const end = bench.follow(BigInt(i));
    if (i % 2 === 0) bench.next(bench.reading(end));
  }
  bench.next();
  const left = Array.from({ length: 10_000 }, (_, i) => bench.ends.get(BigInt(i))).filter(
    (end) => end !== undefined,
  );
  assert.ok(left.length <= 1001, `${left.length}`);
});
