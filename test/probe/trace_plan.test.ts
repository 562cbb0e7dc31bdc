/** The parts of a trace that ask nobody: which probe goes when, how long it waits, and what ICMP errors mean. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SocketAddr } from "../../src/index.ts";
import { checkTraceOptions, type TraceOptions } from "../../src/probe/_trace_options.ts";
import { type Pending, TracePlan } from "../../src/probe/_trace_plan.ts";
import { portOf } from "../../src/probe/_trace_udp.ts";
import { errorMeaning } from "../../src/probe/_trace_words.ts";
import type { TraceAnswer, TraceReply } from "../../src/probe/index.ts";

const SILENCE = { reply: undefined, mtu: undefined } as const;

function answer(reply: TraceReply, rttMs?: number): TraceAnswer {
  const nothing = { ttl: undefined, annotation: undefined, icmp: undefined, nextHopMtu: undefined };
  const from = SocketAddr.parse("192.0.2.1:0");
  return {
    reply,
    from,
    rttMs,
    reached: reply !== "timeExceeded",
    extensions: [],
    mtu: undefined,
    ...nothing,
  };
}

/** A plan whose probes are sent at 1000 ms, all that may go. */
function planned(options: TraceOptions): { plan: TracePlan; send: () => Pending[] } {
  const plan = new TracePlan(checkTraceOptions(options));
  let id = 0;
  const send = (): Pending[] => {
    const sent: Pending[] = [];
    for (let probe = plan.next(); probe !== undefined; probe = plan.next()) {
      plan.sent(probe, id++, 1000);
      sent.push(probe);
    }
    return sent;
  };
  return { plan, send };
}

test("so many probes as the window has go at once, in order, hop by hop", () => {
  const { plan, send } = planned({ queries: 2, window: 5, firstTtl: 4, maxTtl: 7 });
  const first = send();
  assert.deepEqual(
    first.map(({ ttl }) => ttl),
    [4, 4, 5, 5, 6],
  );
  plan.settle(first[3] as Pending, answer("timeExceeded"));
  plan.settle(first[0] as Pending, SILENCE);
  assert.equal(plan.takeHop(), undefined, "the first hop is not complete");
  const second = send();
  assert.deepEqual(
    second.map(({ ttl }) => ttl),
    [6, 7],
  );
  plan.settle(first[1] as Pending, answer("timeExceeded"));
  assert.equal(plan.takeHop()?.ttl, 4);
  assert.equal(plan.takeHop(), undefined);
  assert.deepEqual(
    send().map(({ ttl }) => ttl),
    [7],
  );
  assert.deepEqual(send(), [], "the last hop");
  assert.ok(!plan.done);
});

test("the path ends at the nearest hop that says so; what is beyond is not waited for", () => {
  const { plan, send } = planned({ queries: 1, window: 6 });
  const probes = send() as Pending[];
  const [one, two, three, four, five, six] = probes as [Pending, Pending, Pending, Pending, Pending, Pending];
  assert.deepEqual(plan.settle(five, answer("echoReply")), [six]);
  assert.deepEqual(plan.settle(three, answer("unreachable")), [four]);
  assert.equal(plan.find(four.id), undefined);
  assert.deepEqual(send(), []);
  plan.settle(one, SILENCE);
  plan.settle(two, answer("timeExceeded"));
  assert.deepEqual(
    [plan.takeHop(), plan.takeHop(), plan.takeHop(), plan.takeHop()].map((hop) => hop?.ttl),
    [1, 2, 3, undefined],
  );
  assert.ok(plan.done);
});

test("a probe waits as long as its own hop, or else the next one that has answered, gives reason to", () => {
  const rows: readonly [options: TraceOptions, due: readonly number[]][] = [
    // hop 1: silent, hop 2 has an answer in 60 ms, hop 3 one in 400 ms, hop 4 is silent
    [{}, [1600, 1180, 2200, 6000]],
    [{ patience: { here: 0, near: 10 } }, [1600, 5000, 6000, 6000]],
    [{ patience: { here: 1, near: 0 } }, [6000, 1100, 1400, 6000]],
    [{ patience: { here: 0, near: 0 } }, [6000, 6000, 6000, 6000]],
    [{ timeoutMs: 300 }, [1300, 1180, 1300, 1300]],
  ];
  for (const [options, due] of rows) {
    const { plan, send } = planned({ queries: 2, window: 8, ...options });
    const probes = send();
    plan.settle(probes[2] as Pending, answer("timeExceeded", 60));
    plan.settle(probes[4] as Pending, answer("timeExceeded", 400));
    assert.equal(plan.dueMs(), Math.min(...due));
    const waiting = [1, 3, 5, 7].map((index) => probes[index] as Pending);
    for (const [i, probe] of waiting.entries()) {
      const at = due[i] as number;
      assert.ok(!plan.overdue(at - 1).includes(probe), `${JSON.stringify(options)} ${i}: before ${at}`);
      assert.ok(plan.overdue(at).includes(probe), `${JSON.stringify(options)} ${i}: at ${at}`);
    }
  }
});

test("UDP ports start again at 1", () => {
  assert.deepEqual(
    [0, 1, 2, 65534, 65535].map((id) => portOf(65534, id)),
    [65534, 65535, 1, 65533, 65534],
  );
});

test("what ICMP errors mean, in traceroute's marks", () => {
  const marks = (family: "ipv4" | "ipv6", type: number, count: number): (string | undefined)[] =>
    Array.from({ length: count }, (_, code) => errorMeaning(family, type, code, 1300).annotation);
  assert.deepEqual(marks("ipv4", 3, 17), [
    ...[
      "!N",
      "!H",
      "!P",
      undefined,
      "!F-1300",
      "!S",
      "!N",
      "!H",
      "!N",
      "!X",
      "!X",
      "!N",
      "!H",
      "!X",
      "!V",
      "!C",
    ],
    "!<16>",
  ]);
  assert.deepEqual(marks("ipv6", 1, 8), ["!N", "!X", "!H", "!H", undefined, "!<5>", "!<6>", "!<7>"]);
  const rows: readonly [Parameters<typeof errorMeaning>, reply: TraceReply, mark: string | undefined][] = [
    [["ipv4", 11, 0, 0], "timeExceeded", undefined],
    [["ipv4", 11, 1, 0], "error", "!<11-1>"],
    [["ipv4", 12, 0, 0], "error", "!<12-0>"],
    [["ipv4", 3, 3, 0], "portUnreachable", undefined],
    [["ipv4", 3, 4, 1300], "tooBig", "!F-1300"],
    [["ipv6", 3, 0, 0], "timeExceeded", undefined],
    [["ipv6", 3, 1, 0], "error", "!<3-1>"],
    [["ipv6", 2, 0, 1280], "tooBig", "!F-1280"],
    [["ipv6", 4, 1, 6], "unreachable", "!P"],
    [["ipv6", 4, 0, 6], "error", "!<4-0>"],
    [["ipv6", 1, 4, 0], "portUnreachable", undefined],
  ];
  for (const [args, reply, annotation] of rows)
    assert.deepEqual(errorMeaning(...args), { reply, annotation }, `${args}`);
});
