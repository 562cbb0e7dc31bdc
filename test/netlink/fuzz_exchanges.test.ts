/** What a kernel would never say: acknowledgements with wrong bits and lengths, and dumps that are cut at every place. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { WireError } from "../../src/bytes/index.ts";
import { type Exchange, Exchanges } from "../../src/netlink/_exchange.ts";
import { type ExtendedAck, type Message, NetlinkError } from "../../src/netlink/index.ts";
import { SysError } from "../../src/sys/index.ts";
import { ACK_TLVS, attribute, CAPPED, DONE, ERROR, int32, join, MULTI, message } from "./_fake_kernel.ts";
import { xorshift } from "./_fuzz.ts";

const GET = 20;
const text = (value: string): Uint8Array => new TextEncoder().encode(`${value}\0`);
/** A family's header of eight bytes, and a nest with one attribute. */
const REQUEST = message(GET, 5, 1, join(new Uint8Array(8), attribute(0x8003, attribute(1, int32(7)))));
const TOLD = join(
  attribute(1, text("No such thing.")),
  attribute(2, int32(28)),
  attribute(3, Uint8Array.of(1, 2, 3, 4)),
  attribute(0x8004, join(attribute(1, int32(4)), attribute(5, new Uint8Array(8)))),
  attribute(5, int32(44)),
  attribute(6, int32(24)),
);
const CAPPED_HEADER = REQUEST.subarray(0, 16);

/** Buffers as a kernel sends them, each with answers to the request 1. */
const BUFFERS: readonly Uint8Array[] = [
  message(ERROR, CAPPED, 1, join(int32(0), CAPPED_HEADER)),
  message(ERROR, CAPPED | ACK_TLVS, 1, join(int32(0), CAPPED_HEADER, TOLD)),
  message(ERROR, CAPPED | ACK_TLVS, 1, join(int32(-22), CAPPED_HEADER, TOLD)),
  message(ERROR, ACK_TLVS, 1, join(int32(-1), REQUEST, TOLD)),
  message(ERROR, 0, 1, join(int32(-95), REQUEST)),
  message(DONE, MULTI, 1, int32(0)),
  message(DONE, MULTI | ACK_TLVS, 1, join(int32(-12), TOLD)),
  join(message(GET, MULTI, 1, int32(1)), message(GET, MULTI, 1, int32(2)), message(DONE, MULTI, 1, int32(0))),
  join(message(GET, 0, 1, int32(1)), message(ERROR, CAPPED, 1, join(int32(0), CAPPED_HEADER))),
];

interface End {
  readonly taken: number[];
  resolved: boolean;
  reason: unknown;
  warning: ExtendedAck | undefined;
}

/** One request in flight, that hears a buffer. */
function hear(
  bytes: Uint8Array,
  length: number,
  dump: boolean,
  portId = 0,
): End & { readonly thrown: unknown } {
  const end: End = { taken: [], resolved: false, reason: undefined, warning: undefined };
  const exchanges = new Exchanges(portId);
  const exchange: Exchange = {
    name: "RTM_GETTEST",
    subject: undefined,
    bytes: REQUEST,
    headerLength: 8,
    privilege: "network",
    warn: (told) => {
      end.warning = told;
    },
    dump,
    take: ({ start, end: stop }: Message) => {
      assert.ok(start <= stop && stop <= length, "within the buffer");
      end.taken.push(stop - start);
    },
    interrupted: false,
    failure: undefined,
    resolve: () => {
      assert.ok(!end.resolved && end.reason === undefined, "it ends once");
      end.resolved = true;
    },
    reject: (reason) => {
      assert.ok(!end.resolved && end.reason === undefined, "it ends once");
      end.reason = reason;
    },
  };
  exchanges.add(1, exchange);
  try {
    exchanges.receive(bytes, length);
    return { ...end, thrown: undefined };
  } catch (thrown) {
    return { ...end, thrown };
  }
}

function judge({ reason, thrown, warning }: ReturnType<typeof hear>): void {
  assert.ok(thrown === undefined || thrown instanceof WireError, String(thrown));
  assert.ok(
    reason === undefined || reason instanceof NetlinkError || reason instanceof WireError,
    String(reason),
  );
  for (const told of [reason instanceof NetlinkError ? reason.extendedAck : undefined, warning]) {
    for (const type of told?.attributePath ?? []) assert.ok(type >= 0 && type <= 0x3fff);
  }
  if (reason instanceof SysError) assert.match(reason.message, /^RTM_GETTEST: /);
}

test("300000 answers with wrong bits and lengths: they end a request, are an error, or are for nobody", () => {
  const next = xorshift(0xacce55);
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const room = new Uint8Array(4096);
  const counts = { resolved: 0, refused: 0, malformed: 0, open: 0, warned: 0 };
  try {
    for (let round = 0; round < 300_000; round++) {
      const sample = BUFFERS[next() % BUFFERS.length] as Uint8Array;
      room.set(sample);
      for (let count = next() % 4; count > 0; count--) {
        // The sequence is left alone, mostly: what is for nobody tells little.
        const at = next() % sample.length;
        if (at < 8 || at >= 12 || (next() & 7) === 0) room[at] = next();
      }
      const length = round % 4 === 0 ? next() % (sample.length + 1) : sample.length;
      const end = hear(room, length, (next() & 1) === 0);
      judge(end);
      if (end.thrown !== undefined) counts.malformed++;
      else if (end.resolved) counts.resolved++;
      else if (end.reason !== undefined) counts.refused++;
      else counts.open++;
      if (end.warning !== undefined) counts.warned++;
    }
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  for (const [what, count] of Object.entries(counts)) assert.ok(count > 1000, `${what}: ${count}`);
});

test("a dump that is cut at every place gives its whole messages, and WireError where it stops in one", () => {
  const parts = [4, 0, 9, 100, 3, 1].map((length) => message(GET, MULTI, 1, new Uint8Array(length)));
  const whole = join(...parts, message(DONE, MULTI, 1, int32(0)));
  const ends: number[] = [];
  for (const part of parts) ends.push((ends.at(-1) ?? 0) + part.length);
  for (let length = 0; length <= whole.length; length++) {
    const { taken, resolved, thrown } = hear(whole, length, true);
    // The last bytes of a message may be missing where they only fill up.
    const complete = parts.filter((part, at) => {
      const from = (ends[at] as number) - part.length;
      return from + new DataView(part.buffer).getUint32(0, true) <= length;
    });
    assert.equal(taken.length, complete.length, `${length}`);
    assert.equal(resolved, length === whole.length);
    const between =
      length === 0 || ends.some((end, at) => length <= end && length >= end - padding(parts[at]));
    assert.equal(thrown === undefined, between || length === whole.length, `${length}`);
  }
});

function padding(part: Uint8Array | undefined): number {
  return part === undefined ? 0 : part.length - new DataView(part.buffer).getUint32(0, true);
}

test("the request is said to stand in the answer, and is longer than it: the errno counts", () => {
  for (const length of [0, 15, 16, 17, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, 0xffff_ffff]) {
    const echo = REQUEST.slice();
    new DataView(echo.buffer).setUint32(0, length, true);
    const bytes = message(ERROR, ACK_TLVS, 1, join(int32(-22), echo));
    const end = hear(bytes, bytes.length, false);
    assert.ok(end.reason instanceof NetlinkError && end.reason.extendedAck.message === undefined);
  }
});

test("what is for another port is not heard; 0 is for whoever asked", () => {
  const answer = (portId: number): Uint8Array =>
    join(
      message(GET, 0, 1, int32(1), portId),
      message(ERROR, CAPPED, 1, join(int32(0), CAPPED_HEADER), portId),
    );
  for (const [own, other, heard] of [
    [77, 78, false],
    [77, 77, true],
    [77, 0, true],
    [0, 78, true],
  ] as const) {
    const bytes = answer(other);
    const { taken, resolved } = hear(bytes, bytes.length, false, own);
    assert.deepEqual([taken.length, resolved], heard ? [1, true] : [0, false], `${own} ${other}`);
  }
});
