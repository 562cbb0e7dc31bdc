/** Closed local sockets: every call fails from our own check, what waits is rejected, nobody else's fd is touched. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { inspect } from "node:util";
import {
  SO,
  UnixAddr,
  UnixDatagram,
  UnixListener,
  UnixSeqpacket,
  UnixSeqpacketListener,
  UnixStream,
  WOULD_BLOCK,
} from "../../src/index.ts";
import { isolated, stateOf, sysError, test, turn, turns, until, utf8 } from "./_helpers.ts";
import { directory, openSockets, socketsSince } from "./_unix_helpers.ts";

const buffer = (): Uint8Array => new Uint8Array(4);
type Calls<T> = Readonly<Record<string, [syscall: string, call: (socket: T) => unknown]>>;

const OF_ALL: Calls<UnixStream | UnixListener | UnixDatagram | UnixSeqpacket | UnixSeqpacketListener> = {
  getOption: ["getsockopt", (it) => it.getOption(SO.TYPE)],
  setOption: ["setsockopt", (it) => it.setOption(SO.PASSCRED, true)],
  localAddr: ["getsockname", (it) => it.localAddr],
  attachFilter: ["setsockopt", (it) => it.attachFilter(Uint8Array.of(6, 0, 0, 0, 0, 0, 4, 0))],
  detachFilter: ["setsockopt", (it) => it.detachFilter()],
  intoFd: ["release", (it) => it.intoFd()],
};
const STREAM: Calls<UnixStream> = {
  ...OF_ALL,
  read: ["recv", (it) => it.read(buffer())],
  tryRead: ["recv", (it) => it.tryRead(buffer())],
  peek: ["recv", (it) => it.peek(buffer())],
  readExact: ["recv", (it) => it.readExact(buffer())],
  readToEnd: ["recv", (it) => it.readToEnd()],
  readText: ["recv", (it) => it.readText()],
  asyncIterator: ["recv", (it) => it[Symbol.asyncIterator]().next()],
  recvMsg: ["recvmsg", (it) => it.recvMsg()],
  readable: ["poll", (it) => it.readable()],
  writable: ["poll", (it) => it.writable()],
  write: ["send", (it) => it.write(buffer())],
  tryWrite: ["send", (it) => it.tryWrite(buffer())],
  writeAll: ["send", (it) => it.writeAll(buffer())],
  sendMsg: ["sendmsg", (it) => it.sendMsg(buffer())],
  sendFile: ["sendfile", (it) => it.sendFile(0)],
  spliceTo: ["splice", (it) => it.spliceTo(it)],
  shutdown: ["shutdown", (it) => it.shutdown("both")],
  buffers: ["ioctl", (it) => it.buffers()],
  peerCredentials: ["getsockopt", (it) => it.peerCredentials],
};
const LISTENER: Calls<UnixListener | UnixSeqpacketListener> = {
  ...OF_ALL,
  accept: ["accept", (it) => it.accept()],
  tryAccept: ["accept", (it) => it.tryAccept()],
};
const DATAGRAM: Calls<UnixDatagram> = {
  ...OF_ALL,
  connect: ["connect", (it) => it.connect("@windsock-none")],
  disconnect: ["connect", (it) => it.disconnect()],
  peerAddr: ["getpeername", (it) => it.peerAddr],
  send: ["send", (it) => it.send(buffer())],
  trySend: ["send", (it) => it.trySend(buffer())],
  sendTo: ["send", (it) => it.sendTo(buffer(), "@windsock-none")],
  trySendTo: ["send", (it) => it.trySendTo(buffer(), "@windsock-none")],
  sendMsg: ["sendmsg", (it) => it.sendMsg(buffer())],
  recv: ["recvfrom", (it) => it.recv()],
  tryRecv: ["recvfrom", (it) => it.tryRecv()],
  recvFrom: ["recvfrom", (it) => it.recvFrom()],
  tryRecvFrom: ["recvfrom", (it) => it.tryRecvFrom()],
  recvMsg: ["recvmsg", (it) => it.recvMsg()],
  readable: ["poll", (it) => it.readable()],
  writable: ["poll", (it) => it.writable()],
};
const SEQPACKET: Calls<UnixSeqpacket> = {
  ...OF_ALL,
  send: ["send", (it) => it.send(buffer())],
  trySend: ["send", (it) => it.trySend(buffer())],
  sendMsg: ["sendmsg", (it) => it.sendMsg(buffer())],
  recv: ["recvmsg", (it) => it.recv()],
  tryRecv: ["recvmsg", (it) => it.tryRecv()],
  recvMsg: ["recvmsg", (it) => it.recvMsg()],
  asyncIterator: ["recvmsg", (it) => it[Symbol.asyncIterator]().next()],
  readable: ["poll", (it) => it.readable()],
  writable: ["poll", (it) => it.writable()],
  shutdown: ["shutdown", (it) => it.shutdown("both")],
  peerCredentials: ["getsockopt", (it) => it.peerCredentials],
};

/** Members that are of use on a closed socket too, those with tests of their own, and those of the project's own use. */
const ELSEWHERE: Readonly<Record<string, readonly string[]>> = {
  all: ["constructor", "close", "closed", "ref", "unref", "dispose", "asyncDispose", "custom"],
  own: [
    "describe",
    "localBytes",
    "accepted",
    "readChunk",
    "countWritten",
    "countRead",
    "takeGivenBack",
    "givenBackBytes",
  ],
  ownOfDatagrams: [
    "setPeer",
    "encodePeer",
    "encodeRequest",
    "checkSingle",
    "checkOutgoing",
    "runSend",
    "sendWaits",
    "sendNow",
    "mayBeReported",
    "messageFlags",
    "scratchBytes",
    "receiveNow",
    "sendError",
  ],
  known: ["peerAddr", "bytesRead", "bytesWritten", "connected", "toDuplex", "toWeb"],
};

function membersOf(prototype: object): string[] {
  const names: string[] = [];
  for (let at = prototype; at !== Object.prototype; at = Object.getPrototypeOf(at) as object) {
    for (const key of Reflect.ownKeys(at)) {
      names.push(typeof key === "string" ? key : (key.description ?? "").replace(/.*\./, ""));
    }
  }
  return [...new Set(names)];
}

const pairOf = (
  make: () => [UnixStream, UnixStream] | [UnixDatagram, UnixDatagram] | [UnixSeqpacket, UnixSeqpacket],
) => {
  const [one, other] = make();
  other.close();
  return one;
};

interface Kind {
  readonly prototype: object;
  readonly calls: Calls<never>;
  readonly make: () => UnixStream | UnixListener | UnixDatagram | UnixSeqpacket | UnixSeqpacketListener;
}
const KINDS: Readonly<Record<string, Kind>> = {
  UnixStream: { prototype: UnixStream.prototype, calls: STREAM, make: () => pairOf(() => UnixStream.pair()) },
  UnixListener: {
    prototype: UnixListener.prototype,
    calls: LISTENER,
    make: () => UnixListener.bind(UnixAddr.UNNAMED),
  },
  UnixDatagram: { prototype: UnixDatagram.prototype, calls: DATAGRAM, make: () => UnixDatagram.bind() },
  UnixSeqpacket: {
    prototype: UnixSeqpacket.prototype,
    calls: SEQPACKET,
    make: () => pairOf(() => UnixSeqpacket.pair()),
  },
  UnixSeqpacketListener: {
    prototype: UnixSeqpacketListener.prototype,
    calls: LISTENER,
    make: () => UnixSeqpacketListener.bind(UnixAddr.UNNAMED),
  },
};

for (const [kind, { prototype, calls, make }] of Object.entries(KINDS)) {
  test(`every call of a ${kind} is in the tables here`, () => {
    const elsewhere = [...Object.values(ELSEWHERE).flat(), "asyncIterator"];
    const missing = membersOf(prototype).filter((name) => !(name in calls) && !elsewhere.includes(name));
    assert.deepEqual(missing, []);
  });

  test(`a closed ${kind}: every call is EBADF from our own check, and who has the fd now is not touched`, async () => {
    for (const [name, [syscall, call]] of Object.entries(calls)) {
      const old = make();
      old.close();
      assert.equal(inspect(old), `${kind}(closed)`);
      const [one, other] = UnixStream.pair(); // the kernel gives the lowest free numbers again
      await one.writeAll(utf8("data"));
      await assert.rejects(
        async () => (call as (it: unknown) => unknown)(old),
        (error: Error) => {
          sysError("EBADF", syscall)(error);
          assert.match(error.message, new RegExp(`this ${kind} is closed`), name);
          return true;
        },
        name,
      );
      await turns(2);
      assert.equal(other.buffers().receive.queued, 4);
      assert.equal(one.getOption(SO.PASSCRED), false);
      one.close();
      other.close();
    }
  });

  test(`${kind}: closing again does nothing, and does not close whoever has the number now`, async () => {
    const socket = make();
    socket.close();
    using next = UnixDatagram.unbound();
    socket.close();
    socket[Symbol.dispose]();
    await socket[Symbol.asyncDispose]();
    assert.equal(next.localAddr.kind, "unnamed");
  });
}

test("calls that wait reject with ECANCELED on close, all of them, in both directions", async () => {
  const [stream, reader] = UnixStream.pair();
  while (stream.tryWrite(new Uint8Array(10_000)) !== WOULD_BLOCK);
  const [records, receiver] = UnixSeqpacket.pair();
  while (records.trySend(buffer()) !== WOULD_BLOCK);
  const [datagrams, sink] = UnixDatagram.pair();
  while (datagrams.trySend(buffer()) !== WOULD_BLOCK);
  const server = UnixDatagram.bind();
  const client = UnixDatagram.unbound();
  while (client.trySendTo(buffer(), server.localAddr) !== WOULD_BLOCK);
  const listeners = [UnixListener.bind(UnixAddr.UNNAMED), UnixSeqpacketListener.bind(UnixAddr.UNNAMED)];
  const waiting: [string, Promise<unknown>][] = [
    ["recv", stream.read(buffer())],
    ["recvmsg", stream.recvMsg()],
    ["send", stream.writeAll(buffer())],
    ["sendmsg", stream.sendMsg(buffer(), { ancillary: { fds: [0] } })],
    ["poll", stream.writable()],
    ["recvmsg", records.recv()],
    ["recvmsg", records.recvMsg()],
    ["poll", records.readable()],
    ["send", records.send(buffer())],
    ["sendmsg", records.sendMsg(buffer())],
    ["recvfrom", datagrams.recv()],
    ["recvmsg", datagrams.recvMsg()],
    ["send", datagrams.send(buffer())],
    ["sendmsg", datagrams.sendMsg(buffer())],
    ["send", client.sendTo(buffer(), server.localAddr)],
    ["sendmsg", client.sendMsg(buffer(), { peer: server.localAddr, timeoutMs: 60_000 })],
    ...listeners.map((it): [string, Promise<unknown>] => ["accept", it.accept()]),
  ];
  assert.equal(await stateOf(Promise.race(waiting.map(([, promise]) => promise))), "pending");
  for (const it of [stream, records, datagrams, client, ...listeners]) it.close();
  for (const [syscall, promise] of waiting) await assert.rejects(promise, sysError("ECANCELED", syscall));
  for (const it of [reader, receiver, sink, server]) it.close();
});

test("a call made in the same turn as close finds nobody else's data", async () => {
  const [one, other] = UnixSeqpacket.pair();
  const waiting = one.recv();
  waiting.catch(() => undefined);
  await turn();
  await other.send(utf8("abcd")); // the event is on its way
  one.close();
  const [next, peer] = UnixSeqpacket.pair();
  await peer.send(utf8("wxyz"));
  await assert.rejects(waiting, sysError("ECANCELED"));
  await turns(3);
  assert.equal((await next.recv())?.lengthBytes, 4);
  for (const it of [other, next, peer]) it.close();
});

test("for await over listeners and datagrams ends quietly on close", async () => {
  for (const it of [
    UnixListener.bind(UnixAddr.UNNAMED),
    UnixSeqpacketListener.bind(UnixAddr.UNNAMED),
    UnixDatagram.bind(),
  ]) {
    const loop = (async () => {
      for await (const _ of it as AsyncIterable<unknown>) assert.fail("nobody came");
    })();
    assert.equal(await stateOf(loop), "pending");
    it.close();
    await loop;
  }
});

test("using and await using close at the end of the scope, also where it throws, and remove the files", async () => {
  using dir = directory();
  const before = openSockets();
  await assert.rejects(async () => {
    using listener = UnixListener.bind(dir.at("s"));
    await using datagram = UnixDatagram.bind(dir.at("d"));
    await using client = await UnixStream.connect(dir.at("s"));
    using server = await listener.accept();
    assert.ok(!datagram.closed && !client.closed && !server.closed && existsSync(dir.at("d")));
    throw new Error("out of here");
  }, /out of here/);
  assert.equal(socketsSince(before), 0);
  assert.ok(!existsSync(dir.at("s")) && !existsSync(dir.at("d")));
});

declare const gc: () => void;

isolated(
  import.meta.url,
  "local sockets that are garbage-collected open are closed; one warning tells of the first",
  { nodeFlags: ["--expose-gc"] },
  async () => {
    const warnings: (Error & { code?: string })[] = [];
    process.on("warning", (warning) => warnings.push(warning));
    using keep = UnixDatagram.bind();
    await keep.recv({ timeoutMs: 0 }).catch(() => undefined); // opens what stays open
    const before = openSockets();
    await (async () => {
      for (let i = 0; i < 5; i++) {
        const [one, other] = UnixStream.pair();
        await one.sendMsg(buffer(), { ancillary: { fds: [0] } });
        (await other.recvMsg()).ancillary.fds?.[0]?.close();
        UnixSeqpacket.pair();
        UnixListener.bind(UnixAddr.UNNAMED);
        const client = UnixDatagram.unbound();
        await client.sendTo(buffer(), keep.localAddr, { timeoutMs: 5 }).catch(() => undefined);
      }
    })();
    assert.equal(socketsSince(before), 30);
    await until(() => {
      gc();
      return socketsSince(before) === 0;
    });
    await turn();
    assert.equal(warnings.length, 1, String(warnings));
    assert.equal(warnings[0]?.code, "WINDSOCK_FORGOTTEN_SOCKET");
  },
);

isolated(
  import.meta.url,
  "a socket that only a waiting call still knows is not collected",
  { nodeFlags: ["--expose-gc"] },
  async () => {
    process.on("warning", (warning) => assert.fail(warning));
    using listener = UnixListener.bind(UnixAddr.UNNAMED, { backlog: 0 });
    const address = listener.localAddr;
    const first = UnixStream.connect(address).then((stream) => stream.readText());
    const second = UnixStream.connect(address).then((stream) => stream.recvMsg());
    using receiver = UnixDatagram.bind();
    const { localAddr } = receiver;
    using filler = UnixDatagram.unbound();
    let count = 30;
    while (typeof filler.trySendTo(buffer(), localAddr) === "number") count++;
    const waiting = Array.from({ length: 30 }, () => UnixDatagram.unbound().sendTo(buffer(), localAddr));
    for (let i = 0; i < 10; i++) {
      gc();
      await turns(3);
    }
    using one = await listener.accept();
    using two = await listener.accept();
    await two.writeAll(utf8("two"));
    one.close();
    assert.equal(await first, "");
    assert.equal((await second).data.length, 3);
    process.removeAllListeners("warning"); // from here on they are done, and forgotten
    while (count-- > 0) await receiver.recv();
    await Promise.all(waiting);
  },
);
