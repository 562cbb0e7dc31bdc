/** UnixDatagram: every kind of address, peers that come and go, full receivers, long datagrams, cancelling. */
import assert from "node:assert/strict";
import { existsSync, lstatSync, writeFileSync } from "node:fs";
import { inspect } from "node:util";
import {
  SO,
  TimeoutError,
  UnixAddr,
  UnixDatagram,
  UnixListener,
  UnixStream,
  WOULD_BLOCK,
} from "../../src/index.ts";
import { isolated, pattern, stateOf, sysError, test, textOf, turns, until, utf8 } from "./_helpers.ts";
import { addresses, directory, openSockets, socketsSince } from "./_unix_helpers.ts";

const numbered = (i: number): Uint8Array => utf8(`datagram ${i}`);

using all = directory();
for (const kind of Object.keys(addresses(all))) {
  test(`at ${kind}: found by its address, and answers to that of the sender`, async () => {
    using dir = directory();
    const make = (): UnixDatagram => UnixDatagram.bind((addresses(dir)[kind] as () => string)());
    using server = make();
    using client = make();
    assert.ok(!server.connected && !client.connected);
    assert.equal(await client.sendTo(utf8("question"), server.localAddr), 8);
    const { data, peer, truncated, lengthBytes } = await server.recvFrom();
    assert.deepEqual([textOf(data), truncated, lengthBytes], ["question", false, 8]);
    assert.ok(peer.equals(client.localAddr));
    assert.equal(await server.sendTo(utf8("answer"), peer), 6);
    const answer = await client.recvFrom();
    assert.equal(textOf(answer.data), "answer");
    assert.ok(answer.peer.equals(server.localAddr));
    assert.equal(inspect(server), `UnixDatagram(${server.localAddr})`);
  });
}

test("bind without an address lets the kernel choose a name; an unbound socket has none, and nobody can answer", async () => {
  using server = UnixDatagram.bind();
  assert.match(`${server.localAddr}`, /^@[0-9a-f]{5}$/);
  using client = UnixDatagram.unbound();
  assert.equal(client.localAddr, UnixAddr.UNNAMED);
  await client.sendTo(utf8("x"), server.localAddr);
  const { peer } = await server.recvFrom();
  assert.equal(peer.kind, "unnamed");
  await assert.rejects(server.sendTo(utf8("x"), peer), { name: "RangeError", message: /unnamed/ });
});

test("the kernel names an unbound socket that sends with SO.PASSCRED set, and localAddr tells", async () => {
  using server = UnixDatagram.bind();
  using client = UnixDatagram.unbound({ options: [SO.PASSCRED.to(true)] });
  assert.equal(client.localAddr.kind, "unnamed");
  await client.sendTo(utf8("x"), server.localAddr);
  assert.ok((await server.recvFrom()).peer.equals(client.localAddr));
});

test("a pair is connected and unnamed; datagrams keep their bounds and order, those of no bytes too", async () => {
  const [one, other] = UnixDatagram.pair();
  assert.ok(one.connected && other.connected);
  assert.equal(one.peerAddr.kind, "unnamed");
  const sent = ["a", "", "bc", "", "def"];
  for (const text of sent) assert.equal(await one.send(utf8(text)), text.length);
  const got: string[] = [];
  for (let i = 0; i < sent.length; i++) {
    const { data, peer, lengthBytes } = await other.recv();
    assert.deepEqual([lengthBytes, peer.kind], [data.length, "unnamed"]);
    got.push(textOf(data));
  }
  assert.deepEqual(got, sent);
  assert.equal(other.tryRecv(), WOULD_BLOCK);
  one.close();
  other.close();
});

test("connect: send goes there, others are not heard, connecting elsewhere and disconnect undo it", async () => {
  using dir = directory();
  using one = UnixDatagram.bind(dir.at("1"));
  using two = UnixDatagram.bind(dir.at("2"));
  using three = UnixDatagram.bind(dir.at("3"));
  one.connect(dir.at("2"));
  assert.equal(`${one.peerAddr} ${one.connected}`, `${dir.at("2")} true`);
  assert.equal(inspect(one), `UnixDatagram(${dir.at("1")} → ${dir.at("2")})`);
  await one.send(utf8("to 2"));
  assert.equal(`${(await two.recvFrom()).peer}`, dir.at("1"));
  await assert.rejects(three.sendTo(utf8("x"), dir.at("1")), (error: Error) => {
    sysError("EPERM", "sendto")(error);
    assert.match(error.message, /connected to another one and takes datagrams from no one else/);
    return true;
  });
  await two.sendTo(utf8("unread"), dir.at("1"));
  one.connect(three.localAddr);
  assert.equal(one.tryRecv(), WOULD_BLOCK, "what the earlier peer had sent is gone");
  await one.send(utf8("to 3"));
  assert.equal(textOf((await three.recvFrom()).data), "to 3");
  one.disconnect();
  assert.equal(one.connected, false);
  assert.throws(() => one.peerAddr, sysError("ENOTCONN", "getpeername"));
  await assert.rejects(one.send(utf8("x")), (error: Error) => {
    sysError("ENOTCONN", "send")(error);
    assert.match(error.message, /use sendTo, or connect first/);
    return true;
  });
  await two.sendTo(utf8("heard again"), dir.at("1"));
  assert.equal(textOf((await one.recvFrom()).data), "heard again");
  assert.throws(() => one.connect(UnixAddr.UNNAMED), { name: "RangeError" });
  assert.throws(() => one.connect(3 as never), { name: "TypeError" });
  await one.sendTo(utf8("past the peer"), dir.at("2"));
  assert.equal(textOf((await two.recvFrom()).data), "past the peer");
});

test("a peer that is gone: ECONNREFUSED, and the socket is not connected any more", async () => {
  using dir = directory();
  using one = UnixDatagram.bind(dir.at("1"));
  const two = UnixDatagram.bind(dir.at("2"), { unlinkOnClose: false });
  one.connect(dir.at("2"));
  two.close();
  await assert.rejects(one.send(utf8("x")), (error: Error & { address?: string }) => {
    sysError("ECONNREFUSED", "send")(error);
    assert.equal(error.address, dir.at("2"));
    assert.match(error.message, /left over from a socket that was closed/);
    return true;
  });
  assert.equal(one.connected, false);
  await assert.rejects(one.send(utf8("x")), sysError("ENOTCONN", "send"));
  await assert.rejects(one.sendTo(utf8("x"), dir.at("2")), sysError("ECONNREFUSED", "sendto"));
  await assert.rejects(one.sendTo(utf8("x"), dir.at("none")), sysError("ENOENT", "sendto"));
  await assert.rejects(one.sendMsg(utf8("x"), { peer: dir.at("none") }), sysError("ENOENT", "sendmsg"));
  using again = UnixDatagram.bind(dir.at("2"), { unlinkStale: true });
  one.connect(dir.at("2"));
  await one.send(utf8("back"));
  assert.equal(textOf((await again.recvFrom()).data), "back");
});

test("a pair's survivor is refused when it sends, and what it was sent before can still be received", async () => {
  const [one, other] = UnixDatagram.pair();
  await other.send(utf8("last words"));
  other.close();
  assert.equal(textOf((await one.recv()).data), "last words");
  await assert.rejects(one.send(utf8("x")), sysError("ECONNREFUSED", "send"));
  await assert.rejects(one.recv({ timeoutMs: 5 }), TimeoutError);
  one.close();
});

test("a peer that connects elsewhere with datagrams unread: ECONNRESET, once, and only on calls that concern it", async () => {
  using dir = directory();
  using other = UnixDatagram.bind(dir.at("other"));
  const turnAway = (): [UnixDatagram, UnixDatagram] => {
    const one = UnixDatagram.bind();
    const two = UnixDatagram.bind();
    one.connect(two.localAddr);
    two.connect(one.localAddr);
    one.trySend(utf8("lost"));
    two.connect(dir.at("other"));
    return [one, two];
  };
  for (const call of [(one: UnixDatagram) => one.recv(), (one: UnixDatagram) => one.send(utf8("x"))]) {
    const [one, two] = turnAway();
    await assert.rejects(call(one), sysError("ECONNRESET"));
    await assert.rejects(one.recv({ timeoutMs: 0 }), TimeoutError);
    one.close();
    two.close();
  }
  const [one, two] = turnAway();
  await one.sendTo(utf8("unconcerned"), dir.at("other"));
  assert.equal(textOf((await other.recvFrom()).data), "unconcerned");
  one.close();
  two.close();
});

test("connecting and sending to other kinds of file and socket says what is wrong", async () => {
  using dir = directory();
  using listener = UnixListener.bind(dir.at("stream"));
  writeFileSync(dir.at("file"), "");
  using one = UnixDatagram.unbound();
  assert.throws(() => one.connect(listener.localAddr), /EPROTOTYPE.*of another kind/);
  assert.throws(() => one.connect(dir.at("file")), /ECONNREFUSED.*the file is no socket/);
  await assert.rejects(one.sendTo(utf8("x"), dir.at("stream")), /EPROTOTYPE.*of another kind/);
  await assert.rejects(one.sendTo(utf8("x"), "@windsock-nobody"), /ECONNREFUSED.*no socket has that name/);
  assert.equal(one.connected, false);
});

test("datagrams longer than 64 KiB come whole, or as much as there is room for, with their length", async () => {
  const [one, other] = UnixDatagram.pair();
  one.setOption(SO.SNDBUF, 2_000_000);
  for (const length of [65_535, 65_536, 65_537, 200_000, 1_000_000]) {
    const bytes = pattern(length);
    for (const receive of [() => other.recv(), () => other.recvMsg()]) {
      const sending = one.send(bytes);
      const { data, truncated, lengthBytes } = await receive();
      await sending;
      assert.deepEqual([data.length, truncated, lengthBytes], [length, false, length]);
      assert.ok(Buffer.from(data).equals(bytes));
    }
    const buffer = new Uint8Array(100);
    await one.send(bytes);
    const cut = await other.recv(buffer);
    assert.deepEqual([cut.data.length, cut.truncated, cut.lengthBytes], [100, true, length]);
    assert.ok(Buffer.from(buffer).equals(bytes.subarray(0, 100)));
  }
  await one.send(pattern(300_000));
  const peeked = await other.recv({ peek: true });
  assert.equal(peeked.data.length, 300_000);
  assert.deepEqual((await other.recv()).data, peeked.data);
  one.close();
  other.close();
});

test("a datagram that is longer than the send buffer allows says so", async () => {
  const [one, other] = UnixDatagram.pair();
  one.setOption(SO.SNDBUF, 10_000);
  await assert.rejects(one.send(new Uint8Array(100_000)), (error: Error) => {
    sysError("EMSGSIZE", "send")(error);
    assert.match(
      error.message,
      /100000 bytes at once, more than the send buffer \(SO\.SNDBUF, 20000\) allows/,
    );
    return true;
  });
  await assert.rejects(one.sendMsg(new Uint8Array(100_000)), sysError("EMSGSIZE", "sendmsg"));
  one.close();
  other.close();
});

/** Sends until the receiver takes no more. */
function fillUp(send: () => number | symbol): number {
  let count = 0;
  while (typeof send() === "number") count++;
  return count;
}

test("a full receiver holds up the sender until there is room, in order, without loss, however they know each other", async () => {
  using server = UnixDatagram.bind();
  using unconnected = UnixDatagram.unbound();
  using connected = UnixDatagram.unbound();
  connected.connect(server.localAddr);
  const ways: ((bytes: Uint8Array) => Promise<number>)[] = [
    (bytes) => unconnected.sendTo(bytes, server.localAddr),
    (bytes) => unconnected.sendMsg(bytes, { peer: server.localAddr }),
    (bytes) => connected.send(bytes),
    (bytes) => connected.sendTo(bytes, server.localAddr),
  ];
  for (const send of ways) {
    const sending = Array.from({ length: 300 }, (_, i) => send(numbered(i)));
    assert.equal(await stateOf(Promise.all(sending)), "pending");
    for (let i = 0; i < 300; i++) assert.equal(textOf((await server.recvFrom()).data), `datagram ${i}`);
    await Promise.all(sending);
  }
});

test("a full receiver: sending gives up in time, when told, and when it is closed; nothing was sent then", async () => {
  using server = UnixDatagram.bind();
  const to = server.localAddr;
  const client = UnixDatagram.unbound();
  const count = fillUp(() => client.trySendTo(utf8("fill"), to));
  assert.ok(count > 0);
  assert.equal(client.trySendTo(utf8("x"), to), WOULD_BLOCK);
  await assert.rejects(client.sendTo(utf8("late"), to, { timeoutMs: 20 }), TimeoutError);
  await assert.rejects(client.sendTo(utf8("late"), to, { timeoutMs: 0 }), TimeoutError);
  const stop = new AbortController();
  const told = client.sendMsg(utf8("told"), { peer: to, signal: stop.signal });
  const closed = client.sendTo(utf8("closed"), to);
  assert.equal(await stateOf(Promise.race([told, closed])), "pending");
  assert.equal(client.trySendTo(utf8("x"), to), WOULD_BLOCK, "the earlier ones come first");
  stop.abort(new Error("enough"));
  await assert.rejects(told, /enough/);
  client.close();
  await assert.rejects(closed, sysError("ECANCELED", "send"));
  for (let i = 0; i < count; i++) assert.equal(textOf((await server.recvFrom()).data), "fill");
  assert.equal(server.tryRecvFrom(), WOULD_BLOCK);
});

test("a full receiver does not hold up what goes to others", async () => {
  using stuck = UnixDatagram.bind();
  using lively = UnixDatagram.bind();
  using client = UnixDatagram.bind();
  fillUp(() => client.trySendTo(utf8("fill"), stuck.localAddr));
  const waiting = client.sendTo(utf8("waits"), stuck.localAddr);
  const behind = client.sendTo(utf8("waits behind it"), stuck.localAddr);
  for (let i = 0; i < 100; i++) {
    await client.sendTo(numbered(i), lively.localAddr);
    assert.equal(textOf((await lively.recvFrom()).data), `datagram ${i}`);
  }
  assert.equal(client.trySendTo(utf8("now"), lively.localAddr), 3);
  client.connect(lively.localAddr);
  await client.send(utf8("connected"));
  assert.equal(await stateOf(Promise.race([waiting, behind])), "pending");
  const got: string[] = [];
  while (got.at(-1) !== "waits behind it") got.push(textOf((await stuck.recvFrom()).data));
  assert.equal(got.at(-2), "waits");
  await Promise.all([waiting, behind]);
  assert.equal(client.trySendTo(utf8("free again"), stuck.localAddr), 10);
});

test("what waits for a receiver that goes away is refused", async () => {
  using dir = directory();
  const server = UnixDatagram.bind(dir.at("s"), { unlinkOnClose: false });
  using client = UnixDatagram.unbound();
  fillUp(() => client.trySendTo(utf8("fill"), dir.at("s")));
  const waiting = client.sendTo(utf8("x"), dir.at("s"));
  assert.equal(await stateOf(waiting), "pending");
  server.close();
  await assert.rejects(waiting, sysError("ECONNREFUSED", "sendto"));
});

test("cancelled receives take nothing, and the next one in line gets the datagram", async () => {
  const [one, other] = UnixDatagram.pair();
  const stop = new AbortController();
  const [first, second] = [other.recv({ signal: stop.signal }), other.recvMsg()];
  assert.equal(await stateOf(first), "pending");
  stop.abort(new Error("enough"));
  await assert.rejects(first, /enough/);
  await one.send(utf8("for the second"));
  assert.equal(textOf((await second).data), "for the second");
  one.close();
  other.close();
});

test("readable and writable wait for a datagram and for room", async () => {
  using server = UnixDatagram.bind();
  using client = UnixDatagram.unbound();
  client.connect(server.localAddr);
  const readable = server.readable();
  assert.equal(await stateOf(readable), "pending");
  await client.send(utf8("x"));
  await readable;
  await client.writable();
  fillUp(() => client.trySend(utf8("fill")));
  const writable = client.writable();
  assert.equal(await stateOf(writable), "pending");
  while (server.tryRecvFrom() !== WOULD_BLOCK);
  await writable;
});

test("for await gives datagram after datagram until it is closed", async () => {
  const [one, other] = UnixDatagram.pair();
  for (let i = 0; i < 3; i++) await one.send(numbered(i));
  const got: string[] = [];
  for await (const { data } of other) {
    got.push(textOf(data));
    if (got.length === 3) setImmediate(() => other.close());
  }
  assert.deepEqual(got, ["datagram 0", "datagram 1", "datagram 2"]);
  one.close();
});

test("the socket file: permissions, staleness, removal", async () => {
  using dir = directory();
  const socket = UnixDatagram.bind(dir.at("s"), { mode: 0o620, options: [SO.RCVBUF.to(50_000)] });
  assert.equal(lstatSync(dir.at("s")).mode & 0o777, 0o620);
  assert.equal(socket.getOption(SO.RCVBUF), 100_000);
  socket.close();
  assert.ok(!existsSync(dir.at("s")));
  const before = openSockets();
  assert.throws(() => UnixDatagram.bind(dir.at("none/s")), sysError("ENOENT", "bind"));
  assert.throws(() => UnixDatagram.bind(dir.at("s"), { mode: 0o2000 }), { name: "RangeError" });
  assert.equal(socketsSince(before), 0);
});

test("fromFd takes a datagram socket with the peer that it has", async () => {
  const [one, other] = UnixDatagram.pair();
  using again = UnixDatagram.fromFd(one.intoFd());
  assert.ok(again.connected);
  await again.send(utf8("x"));
  assert.equal((await other.recv()).data.length, 1);
  using unbound = UnixDatagram.fromFd(UnixDatagram.unbound().intoFd().release());
  assert.equal(unbound.connected, false);
  other.close();
});

for (const [what, start] of Object.entries({
  "a send that waits for a full receiver": async (): Promise<unknown> => {
    const server = UnixDatagram.bind();
    kept.push(server);
    const client = UnixDatagram.unbound();
    fillUp(() => client.trySendTo(utf8("fill"), server.localAddr));
    const sending = client.sendTo(utf8("x"), server.localAddr);
    setTimeout(() => server.tryRecvFrom(), 20).unref(); // nothing else keeps the process alive
    return sending;
  },
  "a connect that waits for room in the backlog": async (): Promise<unknown> => {
    const listener = UnixListener.bind(UnixAddr.UNNAMED, { backlog: 0 });
    kept.push(listener, await UnixStream.connect(listener.localAddr));
    const connecting = UnixStream.connect(listener.localAddr);
    setTimeout(() => listener.tryAccept(), 20).unref();
    return connecting;
  },
})) {
  isolated(import.meta.url, `${what} keeps the process alive`, {}, async () => {
    await start();
  });
}
const kept: unknown[] = [];

isolated(import.meta.url, "an unreferenced socket's waiting send lets the process end", {}, async () => {
  const server = UnixDatagram.bind();
  const client = UnixDatagram.unbound().unref();
  kept.push(server, client);
  fillUp(() => client.trySendTo(utf8("fill"), server.localAddr));
  client.sendTo(utf8("x"), server.localAddr).catch(() => undefined);
  await turns(3);
});

test("no pause outlives what waits: ten thousand sends to a slow receiver leave no timer behind", async () => {
  using server = UnixDatagram.bind();
  using client = UnixDatagram.unbound();
  const timers = (): number => process.getActiveResourcesInfo().filter((it) => it === "Timeout").length;
  const before = timers();
  const sending = Promise.all(
    Array.from({ length: 10_000 }, () => client.sendTo(utf8("x"), server.localAddr)),
  );
  for (let i = 0; i < 10_000; i++) await server.recvFrom();
  await sending;
  await until(() => timers() <= before);
});
