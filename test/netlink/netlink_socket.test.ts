/** NetlinkSocket against a fake kernel: order, dumps, errors, cancellation, and what no kernel would say. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { WireError } from "../../src/bytes/index.ts";
import {
  DumpInterruptedError,
  type ExtendedAck,
  type Message,
  NetlinkError,
  NetlinkEvents,
  type NetlinkSocket,
} from "../../src/netlink/index.ts";
import { SysError, TimeoutError } from "../../src/sys/index.ts";
import {
  ACK_TLVS,
  attribute,
  CAPPED,
  DONE,
  DUMP_FILTERED,
  DUMP_INTR,
  ERROR,
  FakeKernel,
  int32,
  join,
  MULTI,
  message,
  NOOP,
} from "./_fake_kernel.ts";

const GET = 20;
const payload = new Uint8Array(4);
const NAME = "RTM_GETTEST";

const number = ({ bytes, start }: Message): number =>
  new DataView(bytes.buffer, bytes.byteOffset).getInt32(start, true);
const ask = async (socket: NetlinkSocket, value: number): Promise<number[]> => {
  const answers: number[] = [];
  const request = { type: GET, payload: int32(value), name: NAME };
  await socket.request(request, (it) => void answers.push(number(it)));
  return answers;
};
const dump = (socket: NetlinkSocket, options?: Parameters<NetlinkSocket["dump"]>[2]): Promise<number[]> =>
  socket.dump({ type: GET, payload, name: NAME }, number, options);
const asked = (bytes: Uint8Array): number => new DataView(bytes.buffer).getInt32(16, true);

test("requests in flight are answered in any order", async () => {
  using kernel = new FakeKernel();
  const all = Promise.all([1, 2, 3, 4, 5].map((value) => ask(kernel.socket, value)));
  const heard = [];
  for (let count = 0; count < 5; count++) heard.push(await kernel.hear());
  assert.equal(new Set(heard.map((one) => one.sequence)).size, 5);
  assert.ok(
    heard.every(({ flags }) => flags === 5),
    "NLM_F_REQUEST | NLM_F_ACK",
  );
  for (const at of [3, 0, 4, 1, 2]) {
    const one = heard[at];
    assert.ok(one);
    kernel.say(message(GET, 0, one.sequence, int32(asked(one.bytes) * 10)));
  }
  for (const one of heard.reverse()) kernel.acknowledge(one);
  assert.deepEqual(await all, [[10], [20], [30], [40], [50]]);
});

test("several messages in one buffer, for several requests", async () => {
  using kernel = new FakeKernel();
  const both = Promise.all([ask(kernel.socket, 1), ask(kernel.socket, 2)]);
  const [a, b] = [await kernel.hear(), await kernel.hear()];
  const acknowledged = ({ sequence }: { sequence: number }): Uint8Array =>
    message(ERROR, CAPPED, sequence, new Uint8Array(20));
  kernel.say(message(GET, 0, b.sequence, int32(2)), message(NOOP, 0, a.sequence, payload), acknowledged(a));
  kernel.say(message(GET, 0, b.sequence, int32(3)), acknowledged(b));
  assert.deepEqual(await both, [[], [2, 3]]);
});

test("a request that is made when the last one has just ended is answered too", async () => {
  using kernel = new FakeKernel();
  const loop = (async () => {
    for (let at = 0; at < 50; at++) kernel.acknowledge(await kernel.hear());
  })();
  for (let at = 0; at < 50; at++) await ask(kernel.socket, at);
  await loop;
});

test("a dump comes in many parts", async () => {
  using kernel = new FakeKernel();
  const got = dump(kernel.socket);
  const heard = await kernel.hear();
  assert.equal(heard.flags, 0x301, "NLM_F_REQUEST | NLM_F_DUMP");
  const parts = Array.from({ length: 100 }, (_, at) => [3 * at, 3 * at + 1, 3 * at + 2]);
  kernel.dump(heard, parts);
  assert.deepEqual(await got, parts.flat());
});

test("an empty dump, and one whose end has no errno", async () => {
  using kernel = new FakeKernel();
  const first = dump(kernel.socket);
  kernel.dump(await kernel.hear(), []);
  assert.deepEqual(await first, []);
  const second = dump(kernel.socket);
  const { sequence } = await kernel.hear();
  kernel.say(message(GET, MULTI, sequence, int32(7)), message(DONE, MULTI, sequence, new Uint8Array()));
  assert.deepEqual(await second, [7]);
});

test("dumps wait for each other; requests do not wait for them", async () => {
  using kernel = new FakeKernel();
  const dumps = Promise.all([dump(kernel.socket), dump(kernel.socket)]);
  const first = await kernel.hear();
  const between = ask(kernel.socket, 5);
  const request = await kernel.hear();
  assert.equal(asked(request.bytes), 5, "the second dump is not asked for yet");
  kernel.acknowledge(request);
  assert.deepEqual(await between, []);
  kernel.dump(first, [[1]]);
  kernel.dump(await kernel.hear(), [[2]]);
  assert.deepEqual(await dumps, [[1], [2]]);
});

test("a dump whose table changed is made again", async () => {
  using kernel = new FakeKernel();
  const got = dump(kernel.socket);
  kernel.dump(await kernel.hear(), [[1, 2], [3]], DUMP_INTR);
  const { sequence } = await kernel.hear();
  // The flag on the end alone counts as well.
  kernel.say(message(GET, MULTI, sequence, int32(4)));
  kernel.say(message(DONE, MULTI | DUMP_INTR, sequence, int32(0)));
  kernel.dump(await kernel.hear(), [[5, 6]]);
  assert.deepEqual(await got, [5, 6]);
});

test("a table that never stands still is reported after so many tries", async () => {
  using kernel = new FakeKernel();
  for (const [retries, tries] of [
    [undefined, 9],
    [2, 3],
    [0, 1],
  ] as const) {
    const got = dump(kernel.socket, { retries });
    got.catch(() => {});
    for (let count = 0; count < tries; count++) kernel.dump(await kernel.hear(), [[count]], DUMP_INTR);
    await assert.rejects(got, (error) => {
      assert.ok(error instanceof DumpInterruptedError);
      assert.equal(error.code, "DUMP_INTERRUPTED");
      assert.match(error.message, new RegExp(`RTM_GETTEST: .*each of ${tries} dumps`));
      return true;
    });
  }
  const after = dump(kernel.socket);
  kernel.dump(await kernel.hear(), [[8]]);
  assert.deepEqual(await after, [8]);
  for (const retries of [-1, Number.NaN]) await assert.rejects(dump(kernel.socket, { retries }), RangeError);
});

test("an errno without more", async () => {
  using kernel = new FakeKernel();
  const refused = ask(kernel.socket, 1);
  kernel.acknowledge(await kernel.hear(), 19);
  await assert.rejects(refused, (error) => {
    assert.ok(error instanceof NetlinkError && error instanceof SysError);
    assert.deepEqual([error.code, error.errno, error.syscall, error.extendedAck], ["ENODEV", 19, NAME, {}]);
    return true;
  });
  const permission = ask(kernel.socket, 1);
  kernel.acknowledge(await kernel.hear(), 1);
  await assert.rejects(permission, /RTM_GETTEST: Operation not permitted \(EPERM\): .*CAP_NET_ADMIN/);
});

test("an errno with a sentence, an attribute, a policy, and what is missing", async () => {
  using kernel = new FakeKernel();
  const text = (value: string): Uint8Array => new TextEncoder().encode(`${value}\0`);
  const inner = join(attribute(1, int32(1)), attribute(7, int32(2)));
  const nested = join(new Uint8Array(8), attribute(3, int32(0)), attribute(0x8012, inner));
  for (const headerLength of [undefined, 8]) {
    const request = { type: GET, payload: nested, name: NAME, headerLength };
    const refused = kernel.socket.request(request);
    // 16 of the message's header, 8 of the family's, 8 of the first attribute, 4 of the nest, 8 of its first.
    const offset = 16 + 8 + 8 + 4 + 8;
    const policy = join(attribute(1, int32(4)), attribute(5, new Uint8Array(BigInt64Array.of(9n).buffer)));
    const told = join(
      attribute(1, text("No such thing.")),
      attribute(2, int32(offset)),
      attribute(0x8004, policy),
      attribute(5, int32(44)),
      attribute(6, int32(24)),
      attribute(99, int32(1)),
    );
    kernel.acknowledge(await kernel.hear(), 22, told);
    await assert.rejects(refused, (error) => {
      assert.ok(error instanceof NetlinkError);
      assert.equal(error.message, "RTM_GETTEST: Invalid argument (EINVAL): No such thing");
      assert.deepEqual(error.extendedAck, {
        message: "No such thing.",
        offset,
        attributePath: [0x12, 7],
        policy: { TYPE: 4, MAX_VALUE_U: 9n },
        missingType: 44,
        missingNest: 24,
      });
      return true;
    });
  }
});

test("extended acknowledgements that are broken leave the errno standing", async () => {
  using kernel = new FakeKernel();
  const broken = [
    Uint8Array.of(200, 0, 1, 0),
    Uint8Array.of(1, 0, 1, 0),
    attribute(2, int32(-1)),
    attribute(2, int32(3)),
    attribute(2, Uint8Array.of(1)),
    attribute(4, Uint8Array.of(255, 255, 255, 255)),
    attribute(1, new Uint8Array()),
  ];
  for (const told of broken) {
    const refused = ask(kernel.socket, 1);
    kernel.acknowledge(await kernel.hear(), 95, told);
    await assert.rejects(refused, { code: "EOPNOTSUPP" });
  }
  // It says that the request is echoed and TLVs follow, and ends before that.
  const cut = ask(kernel.socket, 1);
  kernel.say(message(ERROR, CAPPED | ACK_TLVS, (await kernel.hear()).sequence, int32(-95)));
  await assert.rejects(cut, { code: "EOPNOTSUPP" });
});

test("a dump may fail at its start, and at its end with a sentence", async () => {
  using kernel = new FakeKernel();
  const start = dump(kernel.socket);
  kernel.acknowledge(await kernel.hear(), 95);
  await assert.rejects(start, { code: "EOPNOTSUPP" });
  const end = dump(kernel.socket);
  const { sequence } = await kernel.hear();
  const why = attribute(1, new TextEncoder().encode("half way\0"));
  kernel.say(message(GET, MULTI, sequence, int32(1)));
  kernel.say(message(DONE, MULTI | ACK_TLVS, sequence, join(int32(-12), why)));
  await assert.rejects(end, /RTM_GETTEST: .*\(ENOMEM\): half way/);
});

test("a cancelled dump is read to its end, and the next one works", async () => {
  using kernel = new FakeKernel();
  const cancel = new AbortController();
  const first = dump(kernel.socket, { signal: cancel.signal });
  const heard = await kernel.hear();
  kernel.say(message(GET, MULTI, heard.sequence, int32(1)));
  cancel.abort(new Error("enough"));
  await assert.rejects(first, /enough/);
  const second = dump(kernel.socket);
  const request = ask(kernel.socket, 6);
  assert.equal(asked((await kernel.hear()).bytes), 6, "the next dump waits");
  kernel.dump(heard, [[2], [3]]);
  const next = await kernel.hear();
  kernel.dump(next, [[9]]);
  assert.deepEqual(await second, [9]);
  kernel.socket.close();
  await assert.rejects(request, { code: "ECANCELED" });
});

test("cancelled before, while it waits for its turn, and after", async () => {
  using kernel = new FakeKernel();
  const signal = AbortSignal.abort(new Error("before"));
  await assert.rejects(dump(kernel.socket, { signal }), /before/);
  const cancel = new AbortController();
  const first = dump(kernel.socket);
  const waiting = dump(kernel.socket, { signal: cancel.signal });
  const third = dump(kernel.socket, { signal: new AbortController().signal });
  const heard = await kernel.hear();
  cancel.abort(new Error("in the queue"));
  await assert.rejects(waiting, /in the queue/);
  kernel.dump(heard, [[1]]);
  assert.deepEqual(await first, [1]);
  kernel.dump(await kernel.hear(), [[3]]);
  assert.deepEqual(await third, [3], "the cancelled one was never asked for");
});

test("a timeout, and an answer that nobody waits for any more", async () => {
  using kernel = new FakeKernel();
  const late = kernel.socket.request({ type: GET, payload, name: NAME }, () => assert.fail(), {
    timeoutMs: 1,
  });
  await assert.rejects(late, (error) => error instanceof TimeoutError && error.syscall === NAME);
  const heard = await kernel.hear();
  kernel.say(message(GET, 0, heard.sequence, int32(1)));
  kernel.acknowledge(heard, 22);
  kernel.say(message(GET, 0, 12345, int32(1)));
  kernel.say(message(GET, 0, 0, int32(1)));
  const next = ask(kernel.socket, 2);
  kernel.acknowledge(await kernel.hear());
  assert.deepEqual(await next, []);
});

test("what arrived while the loop was busy is seen before a timeout", async () => {
  using kernel = new FakeKernel();
  const request = kernel.socket.request({ type: GET, payload, name: NAME }, () => {}, { timeoutMs: 30 });
  const heard = await kernel.hear();
  await new Promise((resolve) => setImmediate(resolve));
  kernel.acknowledge(heard);
  const end = performance.now() + 60;
  while (performance.now() < end);
  await request;
});

test("what the hearer throws ends its request, and no other", async () => {
  using kernel = new FakeKernel();
  const wrong = (): never => {
    throw new Error("wrong");
  };
  const request = kernel.socket.request({ type: GET, payload }, wrong);
  const broken = kernel.socket.dump({ type: GET, payload }, wrong);
  const next = dump(kernel.socket);
  next.catch(() => {});
  const [one, two] = [await kernel.hear(), await kernel.hear()];
  kernel.say(message(GET, 0, one.sequence, int32(1)), message(GET, MULTI, two.sequence, int32(1)));
  await assert.rejects(request, /wrong/);
  // The kernel is not done with that dump: the next has to wait for its end.
  kernel.dump(two, [[1]]);
  await assert.rejects(broken, /wrong/);
  kernel.dump(await kernel.hear(), [[2]]);
  assert.deepEqual(await next, [2]);
});

test("a hearer may use another socket, and close its own", async () => {
  using kernel = new FakeKernel();
  using other = new FakeKernel();
  const inner: Promise<number[]>[] = [];
  const heard: number[] = [];
  const request = kernel.socket.request({ type: GET, payload }, (it) => {
    if (inner.length === 0) inner.push(ask(other.socket, 77));
    heard.push(number(it));
    if (heard.length === 2) kernel.socket.close();
  });
  const { sequence } = await kernel.hear();
  // An answer for the other socket is there already when it asks: it is read while this buffer is in use.
  other.say(message(GET, 0, 1, int32(500)), message(ERROR, CAPPED, 1, new Uint8Array(20)));
  const both = [1, 2].map((value) => message(GET, 0, sequence, int32(value)));
  kernel.say(...both);
  await assert.rejects(request, { code: "ECANCELED" });
  assert.deepEqual(heard, [1, 2]);
  assert.deepEqual(await inner[0], [500]);
});

test("messages that cannot be told apart fail what is in flight, and nothing later", async () => {
  using kernel = new FakeKernel();
  const header = (length: number): Uint8Array => join(int32(length), new Uint8Array(12));
  for (const bad of [
    header(15),
    header(0),
    header(17),
    header(-1),
    new Uint8Array(3),
    header(16).subarray(0, 15),
  ]) {
    const request = ask(kernel.socket, 1);
    const second = ask(kernel.socket, 2);
    await kernel.hear();
    await kernel.hear();
    kernel.say(bad);
    for (const one of [request, second]) await assert.rejects(one, WireError);
  }
  const short = ask(kernel.socket, 1);
  kernel.say(message(ERROR, 0, (await kernel.hear()).sequence, Uint8Array.of(1, 2, 3)));
  await assert.rejects(short, WireError);
  const good = ask(kernel.socket, 3);
  kernel.acknowledge(await kernel.hear());
  assert.deepEqual(await good, []);
});

test("close rejects what is in flight, and what is asked for later", async () => {
  using kernel = new FakeKernel();
  const all = [ask(kernel.socket, 1), dump(kernel.socket), dump(kernel.socket)];
  await kernel.hear();
  kernel.socket.close();
  kernel.socket.close();
  assert.equal(kernel.socket.closed, true);
  const codes = await Promise.all(all.map((one) => one.catch((error: SysError) => error.code)));
  assert.deepEqual(codes, ["ECANCELED", "ECANCELED", "ECANCELED"]);
  await assert.rejects(ask(kernel.socket, 1), { code: "EBADF" });
});

test("what is no request is refused by the name of what is wrong, before anything is sent", async () => {
  using kernel = new FakeKernel();
  const good = { type: 18, payload: new Uint8Array(16) };
  for (const [wrong, name] of [
    [null, "request"],
    [{ ...good, type: "18" }, "type"],
    [{ ...good, flags: 1.5 }, "flags"],
    [{ ...good, flags: 1n }, "flags"],
    [{ ...good, payload: "x" }, "payload"],
    [{ ...good, payload: [1] }, "payload"],
  ] as const) {
    const refused = { message: new RegExp(`^${name}: expected`) };
    await assert.rejects(kernel.socket.request(wrong as never), refused);
    await assert.rejects(
      kernel.socket.dump(wrong as never, () => 1),
      refused,
    );
  }
  await assert.rejects(kernel.socket.dump(good, "x" as never), /^TypeError: take: expected a function/);
  for (const groups of [[0], [1.5], ["1"], [1n]]) {
    assert.throws(() => NetlinkEvents.open("route", { groups: groups as never }), /^RangeError: groups: /);
  }
  assert.throws(() => NetlinkEvents.open("route", { groups: 1 as never }), /^TypeError: groups: /);
  const namespaceOf = 1 as never;
  assert.throws(() => NetlinkEvents.open("route", { groups: [1], namespaceOf }), /^TypeError: namespaceOf: /);
});

test("what the kernel says to what it grants is a warning", async () => {
  const warnings: [request: string, told: ExtendedAck][] = [];
  using kernel = new FakeKernel({ onWarning: (told, request) => void warnings.push([request, told]) });
  const sentence = attribute(1, new TextEncoder().encode("Not a good idea.\0"));
  const granted = ask(kernel.socket, 1);
  kernel.acknowledge(await kernel.hear(), 0, join(sentence, attribute(3, Uint8Array.of(7, 8))));
  assert.deepEqual(await granted, []);
  const listed = dump(kernel.socket);
  const { sequence } = await kernel.hear();
  kernel.say(message(GET, MULTI, sequence, int32(5)));
  kernel.say(message(DONE, MULTI | ACK_TLVS, sequence, join(int32(0), sentence)));
  assert.deepEqual(await listed, [5]);
  const silent = ask(kernel.socket, 2);
  kernel.acknowledge(await kernel.hear());
  await silent;
  const message_ = "Not a good idea.";
  assert.deepEqual(warnings, [
    [NAME, { message: message_, cookie: Uint8Array.of(7, 8) }],
    [NAME, { message: message_ }],
  ]);
  // Nobody asked to hear of it.
  using other = new FakeKernel();
  const unheard = ask(other.socket, 1);
  other.acknowledge(await other.hear(), 0, sentence);
  assert.deepEqual(await unheard, []);
});

test("what the hearer of warnings throws ends the request, though it is done", async () => {
  const wrong = new Error("wrong");
  using kernel = new FakeKernel({
    onWarning: () => {
      throw wrong;
    },
  });
  const request = ask(kernel.socket, 1);
  const next = ask(kernel.socket, 2);
  kernel.acknowledge(await kernel.hear(), 0, attribute(1, new TextEncoder().encode("careful\0")));
  kernel.acknowledge(await kernel.hear());
  await assert.rejects(request, wrong);
  assert.deepEqual(await next, []);
});

test("a dump that the kernel says it has filtered; flags are there to be looked at", async () => {
  using kernel = new FakeKernel();
  const flags: number[] = [];
  const got = kernel.socket.dump({ type: GET, payload, name: NAME }, (it) => {
    flags.push(it.flags);
    return number(it);
  });
  kernel.dump(await kernel.hear(), [[1], [2, 3]], DUMP_FILTERED);
  assert.deepEqual(await got, [1, 2, 3]);
  assert.ok(flags.length === 3 && flags.every((one) => one === (MULTI | DUMP_FILTERED)));
});

test("hundreds of requests in flight, some of them cancelled, answered in any order", async () => {
  using kernel = new FakeKernel();
  const count = 200;
  const cancels = Array.from({ length: count }, () => new AbortController());
  const slow = dump(kernel.socket);
  const listing = await kernel.hear();
  const ends = cancels.map(({ signal }, value) => {
    const answers: number[] = [];
    const request = { type: GET, payload: int32(value), name: NAME };
    const done = kernel.socket.request(request, (it) => void answers.push(number(it)), { signal });
    return done.then(
      () => answers,
      (reason: Error) => reason.message,
    );
  });
  const heard = [];
  for (let at = 0; at < count; at++) heard.push(await kernel.hear());
  for (const [at, cancel] of cancels.entries()) if (at % 5 === 0) cancel.abort(new Error(`cancelled ${at}`));
  for (let step = 0; step < count; step++) {
    const one = heard[(step * 77) % count];
    assert.ok(one);
    const value = asked(one.bytes);
    const answer = message(GET, 0, one.sequence, int32(value));
    // In one buffer with its end, or in two.
    if (value % 2 === 0) kernel.say(answer, message(ERROR, CAPPED, one.sequence, new Uint8Array(20)));
    else {
      kernel.say(answer);
      kernel.acknowledge(one, value % 3 === 0 ? 22 : 0);
    }
    if (step % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  kernel.dump(listing, [[1], [2]]);
  const expected = cancels.map((_, value) => {
    if (value % 5 === 0) return `cancelled ${value}`;
    return value % 2 === 1 && value % 3 === 0 ? `${NAME}: Invalid argument (EINVAL)` : [value];
  });
  assert.deepEqual(await Promise.all(ends), expected);
  assert.deepEqual(await slow, [1, 2]);
});

test("cancelled by what it hears, between two tries of a dump, and while it is refused", async () => {
  using kernel = new FakeKernel();
  const cancel = new AbortController();
  const enough = new Error("enough");
  const heard: number[] = [];
  const own = kernel.socket.dump(
    { type: GET, payload, name: NAME },
    (it) => {
      heard.push(number(it));
      if (heard.length === 2) cancel.abort(enough);
      return number(it);
    },
    { signal: cancel.signal },
  );
  const next = dump(kernel.socket);
  kernel.dump(await kernel.hear(), [[1, 2], [3]]);
  await assert.rejects(own, enough);
  assert.deepEqual(heard, [1, 2], "it is not told more than it wants");
  kernel.dump(await kernel.hear(), [[4]]);
  assert.deepEqual(await next, [4]);

  const between = new AbortController();
  const interrupted = dump(kernel.socket, { signal: between.signal });
  kernel.dump(await kernel.hear(), [[1]], DUMP_INTR);
  const again = await kernel.hear();
  between.abort(enough);
  await assert.rejects(interrupted, enough);
  const after = dump(kernel.socket);
  kernel.dump(again, [[5]], DUMP_INTR);
  kernel.dump(await kernel.hear(), [[6]]);
  assert.deepEqual(await after, [6], "the second try is read to its end, and there is no third");

  const late = new AbortController();
  const refused = kernel.socket.request({ type: GET, payload, name: NAME }, undefined, {
    signal: late.signal,
  });
  kernel.acknowledge(await kernel.hear(), 19);
  await assert.rejects(refused, { code: "ENODEV" });
  late.abort(enough);
});
