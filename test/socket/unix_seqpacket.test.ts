/** UnixSeqpacket: records and their bounds, the end of the connection, listeners, long records, cancelling. */
import assert from "node:assert/strict";
import { existsSync, lstatSync } from "node:fs";
import { inspect } from "node:util";
import {
  SO,
  TimeoutError,
  UnixAddr,
  UnixListener,
  UnixSeqpacket,
  UnixSeqpacketListener,
  UnixStream,
  WOULD_BLOCK,
} from "../../src/index.ts";
import * as sys from "../../src/sys/index.ts";
import { pattern, stateOf, sysError, test, textOf, turn, turns, utf8 } from "./_helpers.ts";
import { addresses, directory, openSockets, socketsSince } from "./_unix_helpers.ts";

/** Sends records, and gives what the other side receives to the end. */
async function received(records: readonly string[], end: (socket: UnixSeqpacket) => void): Promise<string[]> {
  const [one, other] = UnixSeqpacket.pair();
  for (const record of records) await one.send(utf8(record));
  end(one);
  const got: string[] = [];
  for await (const { data, truncated, lengthBytes } of other) {
    assert.deepEqual([truncated, lengthBytes], [false, data.length]);
    got.push(textOf(data));
  }
  assert.equal(await other.recv(), undefined, "the end stays the end");
  assert.equal(await other.recvMsg(), undefined);
  assert.equal(other.tryRecv(), undefined);
  one.close();
  other.close();
  return got;
}

using all = directory();
for (const kind of Object.keys(addresses(all))) {
  test(`over ${kind}: both ends know where they are, and records go both ways`, async () => {
    using dir = directory();
    using listener = UnixSeqpacketListener.bind((addresses(dir)[kind] as () => string)());
    const at = listener.localAddr;
    using client = await UnixSeqpacket.connect(at);
    using server = await listener.accept();
    assert.ok(client.peerAddr.equals(at) && server.localAddr.equals(at));
    assert.equal(`${client.localAddr} ${server.peerAddr}`, "(unnamed) (unnamed)");
    assert.equal(inspect(server), `UnixSeqpacket(${at} → (unnamed))`);
    assert.equal(inspect(listener), `UnixSeqpacketListener(${at})`);
    assert.equal(await client.send(utf8("question")), 8);
    assert.equal(await client.send(utf8("another")), 7);
    assert.equal(textOf((await server.recv())?.data as Uint8Array), "question");
    assert.equal(textOf((await server.recv())?.data as Uint8Array), "another");
    assert.equal(server.trySend(utf8("answer")), 6);
    assert.equal(textOf((await client.recv())?.data as Uint8Array), "answer");
    assert.equal(client.peerCredentials.pid, process.pid);
    assert.equal(client.tryRecv(), WOULD_BLOCK);
  });
}

const RECORDS: readonly (readonly string[])[] = [
  [],
  [""],
  ["", ""],
  ["a"],
  ["a", "", "bc", "", "", "def"],
  ["", "a", ""],
];
for (const records of RECORDS) {
  test(`records ${JSON.stringify(records)} come as they were sent, and the end is told from those of no bytes`, async () => {
    assert.deepEqual(await received(records, (one) => one.shutdown("write")), records);
    assert.deepEqual(await received(records, (one) => one.close()), records);
  });
}

test("the end comes to who waits for it; shutting down the reading side ends it too", async () => {
  const [one, other] = UnixSeqpacket.pair();
  const waiting = other.recv();
  assert.equal(await stateOf(waiting), "pending");
  one.shutdown("write");
  assert.equal(await waiting, undefined);
  const own = one.recvMsg();
  assert.equal(await stateOf(own), "pending");
  one.shutdown("read");
  assert.equal(await own, undefined);
  await assert.rejects(one.send(utf8("x")), (error: Error) => {
    sysError("EPIPE", "send")(error);
    assert.match(error.message, /closed the connection, or this side has shut down/);
    return true;
  });
  assert.throws(() => one.shutdown("all" as never), { name: "TypeError" });
  one.close();
  other.close();
});

test("without SO_TIMESTAMPNS an empty record is still told from the end while the peer has not ended", async () => {
  const [one, other] = UnixSeqpacket.pair();
  other.setOption(SO.TIMESTAMPNS, false);
  await one.send(new Uint8Array());
  assert.equal((await other.recv())?.lengthBytes, 0);
  await one.send(new Uint8Array());
  assert.equal((await other.recvMsg())?.ancillary.timestampNs, undefined);
  one.close();
  assert.equal(await other.recv(), undefined);
  other.close();
});

test("a peer that closes with records unread resets the connection", async () => {
  const [one, other] = UnixSeqpacket.pair();
  await one.send(utf8("unread"));
  other.close();
  await assert.rejects(one.recv(), (error: Error) => {
    sysError("ECONNRESET", "recvmsg")(error);
    assert.match(error.message, /without reading all that this side had sent/);
    return true;
  });
  assert.equal(await one.recv(), undefined);
  await assert.rejects(one.send(utf8("x")), sysError("EPIPE", "send"));
  await assert.rejects(one.sendMsg(utf8("x")), sysError("EPIPE", "sendmsg"));
  one.close();
});

test("a record that is longer than the buffer is cut, and says how long it was", async () => {
  const [one, other] = UnixSeqpacket.pair();
  const bytes = pattern(1000);
  const buffer = new Uint8Array(100);
  for (const receive of [
    () => other.recv(buffer),
    () => other.recvMsg({ buffer }),
    async () => other.tryRecv(buffer) as { data: Uint8Array; truncated: boolean; lengthBytes: number },
  ]) {
    buffer.fill(0);
    await one.send(bytes);
    await one.send(utf8("next"));
    const cut = await receive();
    assert.ok(cut !== undefined);
    assert.deepEqual([cut.data.length, cut.truncated, cut.lengthBytes], [100, true, 1000]);
    assert.equal(cut.data.buffer, buffer.buffer);
    assert.deepEqual(buffer, bytes.subarray(0, 100));
    assert.equal(textOf((await other.recv())?.data as Uint8Array), "next");
  }
  await one.send(utf8("abc"));
  const nothing = await other.recv(new Uint8Array());
  assert.deepEqual([nothing?.truncated, nothing?.lengthBytes], [true, 3]);
  one.close();
  other.close();
});

test("records longer than 64 KiB come whole, also where several wait; too long ones are refused", async () => {
  const [one, other] = UnixSeqpacket.pair();
  one.setOption(SO.SNDBUF, 4_000_000);
  const lengths = [65_535, 65_536, 65_537, 300_000, 1, 1_100_000, 2];
  for (const length of lengths) await one.send(pattern(length));
  for (const length of lengths) {
    const packet = await other.recv();
    assert.deepEqual([packet?.lengthBytes, packet?.truncated], [length, false]);
    assert.ok(Buffer.from(packet?.data as Uint8Array).equals(pattern(length)));
  }
  one.setOption(SO.SNDBUF, 10_000);
  await assert.rejects(
    one.send(new Uint8Array(100_000)),
    /EMSGSIZE.*100000 bytes at once, more than the send buffer/,
  );
  one.close();
  other.close();
});

test("peek leaves the record where it is; the end can be peeked at too", async () => {
  const [one, other] = UnixSeqpacket.pair();
  await one.send(utf8("abc"));
  await one.send(new Uint8Array());
  one.close();
  assert.equal((await other.recv({ peek: true }))?.lengthBytes, 3);
  assert.equal((await other.recvMsg({ peek: true }))?.lengthBytes, 3);
  assert.equal((await other.recv(undefined, { peek: true }))?.lengthBytes, 3);
  assert.equal((await other.recv())?.lengthBytes, 3);
  assert.equal((await other.recv({ peek: true }))?.lengthBytes, 0);
  assert.equal((await other.recv())?.lengthBytes, 0);
  assert.equal(await other.recv({ peek: true }), undefined);
  assert.equal(await other.recv(), undefined);
  other.close();
});

test("a full send buffer holds up the sender until there is room, in order", async () => {
  const [one, other] = UnixSeqpacket.pair();
  let count = 0;
  while (one.trySend(utf8(`${count}`)) !== WOULD_BLOCK) count++;
  const waiting = [one.send(utf8(`${count}`)), one.sendMsg(utf8(`${count + 1}`))];
  await turn();
  assert.equal(one.trySend(utf8("x")), WOULD_BLOCK, "the earlier ones come first");
  await assert.rejects(one.send(utf8("late"), { timeoutMs: 5 }), TimeoutError);
  const writable = one.writable();
  for (let i = 0; i < count + 2; i++) assert.equal(textOf((await other.recv())?.data as Uint8Array), `${i}`);
  await Promise.all(waiting);
  await writable;
  assert.equal(other.tryRecv(), WOULD_BLOCK);
  const readable = other.readable();
  assert.equal(await stateOf(readable), "pending");
  one.close();
  await readable;
  other.close();
});

test("cancelled receives take nothing, and the next one in line gets the record", async () => {
  const [one, other] = UnixSeqpacket.pair();
  const stop = new AbortController();
  const [first, second] = [other.recv({ signal: stop.signal }), other.recvMsg({ timeoutMs: 60_000 })];
  assert.equal(await stateOf(first), "pending");
  stop.abort(new Error("enough"));
  await assert.rejects(first, /enough/);
  await assert.rejects(other.recv({ signal: stop.signal }), /enough/);
  await one.send(utf8("for the second"));
  assert.equal(textOf((await second)?.data as Uint8Array), "for the second");
  one.close();
  other.close();
});

test("arguments that make no sense are refused, and so is a buffer that was detached", async () => {
  const [one, other] = UnixSeqpacket.pair();
  await assert.rejects(one.send("x" as never), { name: "TypeError" });
  await assert.rejects(one.sendMsg([1] as never), { name: "TypeError" });
  assert.throws(() => one.trySend(3 as never), { name: "TypeError" });
  await assert.rejects(one.recv("x" as never), { name: "TypeError" });
  assert.throws(() => one.tryRecv("x" as never), { name: "TypeError" });
  await assert.rejects(one.recvMsg({ buffer: [] as never }), { name: "TypeError" });
  await assert.rejects(one.recvMsg({ ancillaryBytes: 5000 }), { name: "RangeError" });
  const buffer = new Uint8Array(8);
  const waiting = other.recv(buffer);
  assert.equal(await stateOf(waiting), "pending");
  structuredClone(buffer, { transfer: [buffer.buffer] });
  await one.send(utf8("data"));
  await assert.rejects(waiting, { name: "TypeError", message: /detached or resized/ });
  assert.equal(textOf((await other.recv())?.data as Uint8Array), "data");
  one.close();
  other.close();
});

test("connect says what is wrong, and waits for room in the backlog", async () => {
  using dir = directory();
  const before = openSockets();
  await assert.rejects(UnixSeqpacket.connect(dir.at("none")), sysError("ENOENT", "connect"));
  await assert.rejects(UnixSeqpacket.connect("@windsock-nobody"), sysError("ECONNREFUSED", "connect"));
  {
    using stream = UnixListener.bind(dir.at("stream"));
    await assert.rejects(UnixSeqpacket.connect(stream.localAddr), /EPROTOTYPE.*of another kind/);
  }
  {
    using listener = UnixSeqpacketListener.bind(dir.at("s"), { backlog: 0, mode: 0o600 });
    assert.equal(lstatSync(dir.at("s")).mode & 0o777, 0o600);
    await assert.rejects(UnixStream.connect(dir.at("s")), /EPROTOTYPE/);
    using _ = await UnixSeqpacket.connect(dir.at("s"));
    await assert.rejects(UnixSeqpacket.connect(dir.at("s"), { timeoutMs: 20 }), TimeoutError);
    const waiting = UnixSeqpacket.connect(dir.at("s"));
    assert.equal(await stateOf(waiting), "pending");
    (await listener.accept()).close();
    (await waiting).close();
  }
  assert.ok(!existsSync(dir.at("s")));
  assert.equal(socketsSince(before), 0);
});

test("an adopted socket is given back as it was: SO_TIMESTAMPNS is on only while it is ours", async () => {
  const pair = sys.socketpair(sys.AF_UNIX, sys.SOCK_SEQPACKET | sys.SOCK_CLOEXEC, 0) as [number, number];
  const stamped = (fd: number): number => sys.getsockoptInt(fd, sys.SOL_SOCKET, sys.SO_TIMESTAMPNS);
  for (const own of [0, 1]) {
    sys.setsockopt(pair[0], sys.SOL_SOCKET, sys.SO_TIMESTAMPNS, Uint8Array.of(own, 0, 0, 0));
    const socket = UnixSeqpacket.fromFd(pair[0]);
    assert.equal(stamped(pair[0]), 1);
    pair[0] = socket.intoFd().release();
    assert.equal(stamped(pair[0]), own);
  }
  using one = UnixSeqpacket.fromFd(pair[0]);
  using other = UnixSeqpacket.fromFd(pair[1]);
  await one.send(new Uint8Array());
  one.close();
  assert.equal((await other.recv())?.lengthBytes, 0);
  assert.equal(await other.recv(), undefined);
  assert.throws(() => one.intoFd(), sysError("EBADF", "release"));
});

test("fromFd refuses what is another kind of socket", async () => {
  using dir = directory();
  const [end, other] = UnixStream.pair();
  using _ = other;
  using stream = end.intoFd();
  assert.throws(() => UnixSeqpacket.fromFd(stream), {
    name: "TypeError",
    message: /a local seqpacket socket/,
  });
  assert.throws(() => UnixSeqpacketListener.fromFd(stream), {
    name: "TypeError",
    message: /does not listen/,
  });
  using listener = UnixListener.bind(dir.at("s")).intoFd();
  assert.throws(() => UnixSeqpacketListener.fromFd(listener), { name: "TypeError" });
  using records = UnixSeqpacketListener.bind(UnixAddr.UNNAMED).intoFd();
  assert.throws(() => UnixSeqpacket.fromFd(records), sysError("ENOTCONN", "getpeername"));
  using again = UnixSeqpacketListener.fromFd(records);
  using client = await UnixSeqpacket.connect(again.localAddr);
  using server = await again.accept();
  await server.send(utf8("x"));
  assert.equal((await client.recv())?.lengthBytes, 1);
  assert.ok(!stream.closed && !listener.closed && records.closed);
});

test("leaving a for await leaves the socket open; a waiting one ends with ECANCELED on close", async () => {
  const [one, other] = UnixSeqpacket.pair();
  await one.send(utf8("1"));
  for await (const _ of other) break;
  assert.ok(!other.closed);
  const loop = (async () => {
    for await (const _ of other) assert.fail("nothing was sent");
  })();
  await turns(2);
  other.close();
  await assert.rejects(loop, sysError("ECANCELED", "recvmsg"));
  one.close();
});
