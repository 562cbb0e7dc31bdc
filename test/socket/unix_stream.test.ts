/** UnixStream: connecting by every kind of address, what goes wrong, bytes both ways, and the adapters. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { text } from "node:stream/consumers";
import { inspect } from "node:util";
import {
  EndOfStreamError,
  OwnedFd,
  SO,
  TimeoutError,
  UnixAddr,
  UnixDatagram,
  UnixListener,
  UnixSeqpacketListener,
  UnixStream,
  WOULD_BLOCK,
} from "../../src/index.ts";
import { pattern, stateOf, sysError, test, textOf, turns, utf8 } from "./_helpers.ts";
import { addresses, directory, openSockets, socketsSince } from "./_unix_helpers.ts";

/** A connected pair over an address, with both ends' views. */
async function link(address: string | UnixAddr): Promise<[UnixStream, UnixStream, UnixListener]> {
  const listener = UnixListener.bind(address);
  const [client, server] = await Promise.all([UnixStream.connect(listener.localAddr), listener.accept()]);
  return [client, server, listener];
}

using all = directory();
for (const [kind, address] of Object.entries(addresses(all))) {
  test(`over ${kind}: both ends know where they are, and bytes go both ways`, async () => {
    using dir = directory();
    const where = addresses(dir)[kind]?.() ?? address();
    const [client, server, listener] = await link(where);
    const at = listener.localAddr;
    if (where !== UnixAddr.UNNAMED)
      assert.ok(at.equals(typeof where === "string" ? UnixAddr.parse(where) : where));
    else assert.match(at.toString(), /^@[0-9a-f]{5}$/);
    assert.ok(client.peerAddr.equals(at) && server.localAddr.equals(at));
    assert.equal(client.localAddr, UnixAddr.UNNAMED);
    assert.equal(server.peerAddr, UnixAddr.UNNAMED);
    assert.equal(inspect(client), `UnixStream((unnamed) → ${at})`);
    await client.writeAll(utf8("question"));
    const buffer = new Uint8Array(20);
    assert.equal(textOf(buffer.subarray(0, await server.read(buffer))), "question");
    await server.writeAll(utf8("answer"));
    server.shutdown("write");
    assert.equal(await client.readText(), "answer");
    assert.deepEqual([client.bytesRead, client.bytesWritten], [6, 8]);
    for (const one of [client, server, listener]) one.close();
    assert.ok(client.peerAddr.equals(at), "it stays known");
  });
}

test("a pair is connected, unnamed, and this process's own", async () => {
  const [one, other] = UnixStream.pair();
  using _ = one;
  await one.writeAll(utf8("hello"));
  other.shutdown("write");
  assert.equal(await one.readText(), "");
  const buffer = new Uint8Array(5);
  await other.readExact(buffer);
  assert.equal(textOf(buffer), "hello");
  assert.deepEqual([one.localAddr.kind, one.peerAddr.kind], ["unnamed", "unnamed"]);
  const { pid, uid, gid } = other.peerCredentials;
  assert.deepEqual([pid, uid, gid], [process.pid, process.getuid?.(), process.getgid?.()]);
  assert.equal(inspect(one), "UnixStream((unnamed) → (unnamed))");
  other.close();
  assert.throws(() => other.peerCredentials, sysError("EBADF", "getsockopt"));
});

/** What connect says of a path, which `make` prepares. */
const FAILURES: Readonly<
  Record<string, [make: (path: string) => (() => void) | undefined, code: string, message: RegExp]>
> = {
  "nothing there": [() => undefined, "ENOENT", /there is no such file/],
  "a file that is no socket": [
    (path) => writeFileSync(path, "") as undefined,
    "ECONNREFUSED",
    /: the file is no socket$/,
  ],
  "a socket file that is left over": [
    (path) => UnixListener.bind(path, { unlinkOnClose: false }).close() as undefined,
    "ECONNREFUSED",
    /left over from a socket that was closed/,
  ],
  "a datagram socket": [
    (path) => {
      const socket = UnixDatagram.bind(path);
      return () => socket.close();
    },
    "EPROTOTYPE",
    /of another kind/,
  ],
  "a seqpacket socket": [
    (path) => {
      const socket = UnixSeqpacketListener.bind(path);
      return () => socket.close();
    },
    "EPROTOTYPE",
    /of another kind/,
  ],
};
for (const [what, [make, code, message]] of Object.entries(FAILURES)) {
  test(`connecting to ${what}: ${code}, what it means, and no fd left`, async () => {
    using dir = directory();
    const path = dir.at("socket");
    const undo = make(path);
    const before = openSockets();
    await assert.rejects(UnixStream.connect(path), (error: Error & { address?: string }) => {
      sysError(code, "connect")(error);
      assert.match(error.message, message);
      assert.equal(error.address, path);
      return true;
    });
    assert.equal(socketsSince(before), 0);
    undo?.();
  });
}

test("an abstract name that nobody has is refused", async () => {
  await assert.rejects(UnixStream.connect("@windsock-nobody"), (error: Error) => {
    sysError("ECONNREFUSED", "connect")(error);
    assert.match(error.message, /^connect @windsock-nobody: .*no socket has that name/);
    return true;
  });
});

test("what is no address to connect to is refused before any system call", async () => {
  const before = openSockets();
  for (const [wrong, name] of [
    ["x".repeat(108), "RangeError"],
    ["", "RangeError"],
    [UnixAddr.UNNAMED, "RangeError"],
    [3, "TypeError"],
    [undefined, "TypeError"],
  ] as const) {
    await assert.rejects(UnixStream.connect(wrong as string), { name });
    if (name === "TypeError") assert.throws(() => UnixListener.bind(wrong as unknown as string), { name });
  }
  assert.equal(socketsSince(before), 0);
});

test("a full backlog: connect waits for room, gives up in time or when told, and keeps the order of nobody", async () => {
  using dir = directory();
  using listener = UnixListener.bind(dir.at("s"), { backlog: 0 });
  using _ = await UnixStream.connect(dir.at("s")); // the kernel has room for one more than the backlog
  const before = openSockets();
  await assert.rejects(UnixStream.connect(dir.at("s"), { timeoutMs: 30 }), TimeoutError);
  await assert.rejects(UnixStream.connect(dir.at("s"), { timeoutMs: 0 }), TimeoutError);
  const stop = new AbortController();
  const cancelled = UnixStream.connect(dir.at("s"), { signal: stop.signal });
  assert.equal(await stateOf(cancelled), "pending");
  stop.abort(new Error("enough"));
  await assert.rejects(cancelled, /enough/);
  await assert.rejects(UnixStream.connect(dir.at("s"), { signal: stop.signal }), /enough/);
  assert.equal(socketsSince(before), 0, "what gave up has closed its socket");
  const waiting = [1, 2, 3].map(() => UnixStream.connect(dir.at("s"), { timeoutMs: 10_000 }));
  assert.equal(await stateOf(Promise.race(waiting)), "pending");
  for (let i = 0; i < 4; i++) (await listener.accept()).close();
  for (const stream of await Promise.all(waiting)) stream.close();
});

test("who waits for room in the backlog learns that the listener is gone", async () => {
  using dir = directory();
  const listener = UnixListener.bind(dir.at("s"), { backlog: 0, unlinkOnClose: false });
  using _ = await UnixStream.connect(dir.at("s"));
  const waiting = UnixStream.connect(dir.at("s"));
  assert.equal(await stateOf(waiting), "pending");
  listener.close();
  await assert.rejects(waiting, sysError("ECONNREFUSED", "connect"));
});

test("options are set before connecting", async () => {
  using listener = UnixListener.bind(UnixAddr.UNNAMED);
  using client = await UnixStream.connect(listener.localAddr, { options: [SO.SNDBUF.to(20_000)] });
  assert.equal(client.getOption(SO.SNDBUF), 40_000);
  assert.equal(client.getOption(SO.PASSCRED), false);
});

test("64 MiB go through in pieces of every size, and come out as they went in", async () => {
  const [one, other] = UnixStream.pair();
  const [sent, received] = [createHash("sha256"), createHash("sha256")];
  const block = pattern(3_000_017);
  const total = 64 * 1024 * 1024;
  const sending = (async () => {
    for (let done = 0, i = 0; done < total; i++) {
      const part = block.subarray(i % 7, Math.min(block.length - (i % 1013), (i % 7) + total - done));
      sent.update(part);
      await one.writeAll(part);
      done += part.length;
    }
    one.close();
  })();
  const buffer = new Uint8Array(200_003);
  for (let i = 1; ; i++) {
    const count = await other.read(buffer.subarray(0, 1 + ((i * 65_537) % buffer.length)));
    if (count === 0) break;
    received.update(buffer.subarray(0, count));
  }
  await sending;
  assert.equal(other.bytesRead, total);
  assert.equal(received.digest("hex"), sent.digest("hex"));
  other.close();
});

test("more is read behind bytes that files came with, though the kernel stops there and no event follows", async () => {
  const [one, other] = UnixStream.pair();
  const buffer = new Uint8Array(100);
  assert.equal(other.tryRead(buffer), WOULD_BLOCK);
  const first = other.read(buffer); // registered, and told of what comes now by one event
  await turns(2);
  await one.sendMsg(utf8("ab"), { ancillary: { fds: [0] } });
  await one.writeAll(utf8("cd"));
  assert.equal(await first, 2);
  const second = other.read(buffer);
  assert.equal(await stateOf(second), "fulfilled");
  assert.equal(await second, 2);
  one.close();
  other.close();
});

test("buffers tell what waits on both sides", async () => {
  const [one, other] = UnixStream.pair();
  await one.writeAll(new Uint8Array(1000));
  const { send } = one.buffers();
  assert.ok(send.queued >= 1000 && send.inFlight === send.queued && send.unsent === 0 && send.size > 0);
  assert.equal(other.buffers().receive.queued, 1000);
  await assert.rejects(other.readExact(new Uint8Array(2000), { timeoutMs: 0 }), TimeoutError);
  assert.equal(other.buffers().receive.queued, 1000, "what was given back counts");
  await other.readExact(new Uint8Array(1000));
  assert.deepEqual([one.buffers().send.queued, other.buffers().receive.queued], [0, 0]);
  one.close();
  other.close();
});

test("a peer that closes with unread bytes resets the connection; one that has read all ends it", async () => {
  const buffer = new Uint8Array(10);
  const [one, other] = UnixStream.pair();
  await one.writeAll(utf8("unread"));
  other.close();
  await assert.rejects(one.read(buffer), sysError("ECONNRESET", "recv"));
  assert.equal(await one.read(buffer), 0);
  await assert.rejects(one.write(buffer), sysError("EPIPE", "send"));
  one.close();
  const [three, four] = UnixStream.pair();
  four.close();
  assert.equal(await three.read(buffer), 0);
  await assert.rejects(three.readExact(buffer), EndOfStreamError);
  await assert.rejects(three.sendMsg(buffer), (error: Error) => {
    sysError("EPIPE", "sendmsg")(error);
    assert.match(error.message, /the peer has closed the connection/);
    return true;
  });
  three.close();
});

test("recvMsg says what a reset means, and gives the end of the stream as such", async () => {
  const [one, other] = UnixStream.pair();
  await one.writeAll(utf8("unread"));
  other.close();
  await assert.rejects(one.recvMsg(), (error: Error) => {
    sysError("ECONNRESET", "recvmsg")(error);
    assert.match(error.message, /without reading all that this side had sent/);
    return true;
  });
  for (let i = 0; i < 2; i++) {
    const { data, end, ancillary, ancillaryTruncated } = await one.recvMsg();
    assert.deepEqual([data.length, end, ancillary, ancillaryTruncated], [0, true, {}, false]);
  }
  one.close();
});

test("recvMsg reads into the caller's buffer what a cancelled call gave back, and nothing beside it", async () => {
  const [one, other] = UnixStream.pair();
  await one.writeAll(utf8("abcdef"));
  await assert.rejects(other.readExact(new Uint8Array(10), { timeoutMs: 0 }), TimeoutError);
  assert.equal(other.bytesRead, 0);
  await one.sendMsg(utf8("ghi"), { ancillary: { fds: [0] } });
  const buffer = new Uint8Array(4);
  const parts: [string, number, number][] = [];
  for (let i = 0; i < 3; i++) {
    const { data, ancillary, end } = await other.recvMsg({ buffer });
    assert.equal(data.buffer, buffer.buffer);
    assert.equal(end, false);
    parts.push([textOf(data), ancillary.fds?.length ?? 0, other.bytesRead]);
    for (const fd of ancillary.fds ?? []) fd.close();
  }
  assert.deepEqual(parts, [
    ["abcd", 0, 4],
    ["ef", 0, 6],
    ["ghi", 1, 9],
  ]);
  await assert.rejects(other.recvMsg({ buffer: new Uint8Array(0) }), { name: "RangeError" });
  await assert.rejects(other.recvMsg({ buffer: "x" as never }), { name: "TypeError" });
  for (const ancillaryBytes of [-1, 4097, 1.5, Number.NaN]) {
    await assert.rejects(other.recvMsg({ ancillaryBytes }), {
      name: "RangeError",
      message: /ancillaryBytes/,
    });
  }
  one.close();
  other.close();
});

test("sendMsg gives how many bytes went where the buffer is full, waits when it is, and counts them", async () => {
  const [one, other] = UnixStream.pair();
  const large = pattern(8 * 1024 * 1024);
  const count = await one.sendMsg(large, { ancillary: { fds: [0] } });
  assert.ok(count > 0 && count < large.length, String(count));
  assert.equal(one.bytesWritten, count);
  const full = one.sendMsg(large, { timeoutMs: 10 });
  await assert.rejects(full, TimeoutError);
  assert.equal(one.bytesWritten, count, "nothing of it has gone");
  const rest = one.writeAll(large.subarray(count));
  let got = 0;
  let files = 0;
  for (let first = true; got < large.length; first = false) {
    const { data, ancillary } = await other.recvMsg();
    files += ancillary.fds?.length ?? 0;
    for (const fd of ancillary.fds ?? []) fd.close();
    if (first) assert.equal(files, 1, "they come with the first byte");
    assert.ok(
      Buffer.from(data.buffer, data.byteOffset, data.length).equals(large.subarray(got, got + data.length)),
    );
    got += data.length;
  }
  await rest;
  assert.equal(files, 1);
  one.close();
  other.close();
});

test("buffers that are detached while a call waits are refused, and nothing is lost", async () => {
  const [one, other] = UnixStream.pair();
  const buffer = new Uint8Array(8);
  const waiting = one.recvMsg({ buffer });
  assert.equal(await stateOf(waiting), "pending");
  structuredClone(buffer, { transfer: [buffer.buffer] });
  await other.writeAll(utf8("data"));
  await assert.rejects(waiting, { name: "TypeError", message: /detached or resized/ });
  assert.equal(textOf((await one.recvMsg()).data), "data");
  while (one.tryWrite(new Uint8Array(100_000)) !== WOULD_BLOCK);
  const bytes = new Uint8Array(8);
  const sending = one.sendMsg(bytes);
  assert.equal(await stateOf(sending), "pending");
  structuredClone(bytes, { transfer: [bytes.buffer] });
  other.close();
  await assert.rejects(sending, { name: "TypeError", message: /detached or resized/ });
  one.close();
});

test("HTTP runs on it, and its Duplex has no addresses", async () => {
  using dir = directory();
  using listener = UnixListener.bind(dir.at("http"));
  const server = createServer(async (incoming, answer) => {
    assert.equal(incoming.socket.remoteAddress, undefined);
    answer.end(`${incoming.method} ${incoming.url} ${await text(incoming)}`);
  });
  const serving = (async () => {
    for await (const stream of listener) server.emit("connection", stream.toDuplex());
  })();
  for (let i = 0; i < 3; i++) {
    const stream = await UnixStream.connect(dir.at("http"));
    const duplex = stream.toDuplex();
    assert.deepEqual(
      [duplex.remoteAddress, duplex.remotePort, duplex.localAddress],
      [undefined, undefined, undefined],
    );
    const asking = request({ method: "POST", path: `/${i}`, createConnection: () => duplex as never });
    asking.end("body ".repeat(20_000));
    const [answer] = await once(asking, "response");
    assert.equal(await text(answer), `POST /${i} ${"body ".repeat(20_000)}`);
  }
  // Node's own client finds it at the path too.
  const asking = request({ socketPath: dir.at("http"), path: "/node" });
  asking.end();
  const [answer] = await once(asking, "response");
  assert.equal(await text(answer), "GET /node ");
  listener.close();
  server.close();
  server.closeAllConnections();
  await serving;
});

test("web streams run on it", async () => {
  const [one, other] = UnixStream.pair();
  const [left, right] = [one.toWeb(), other.toWeb()];
  const block = pattern(500_000);
  const sending = new Blob([block as BlobPart]).stream().pipeTo(left.writable);
  const got = new Uint8Array(await new Response(right.readable).arrayBuffer());
  await sending;
  assert.deepEqual(got, block);
  await right.writable.close();
  assert.equal(await new Response(left.readable).text(), "");
  assert.ok(one.closed && other.closed);
});

test("fromFd takes a connected socket, with the peer that it has", async () => {
  using dir = directory();
  const [client, server, listener] = await link(dir.at("s"));
  using again = UnixStream.fromFd(client.intoFd().release());
  assert.equal(again.peerAddr.toString(), dir.at("s"));
  await again.writeAll(utf8("x"));
  assert.equal(await server.read(new Uint8Array(4)), 1);
  server.close();
  using orphan = UnixStream.fromFd(again.intoFd());
  assert.equal(await orphan.read(new Uint8Array(4)), 0);
  using listening = listener.intoFd();
  assert.throws(() => UnixStream.fromFd(listening), sysError("ENOTCONN", "getpeername"));
  assert.ok(listening instanceof OwnedFd && !listening.closed);
});
