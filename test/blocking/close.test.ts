/** Closed blocking sockets: every call fails from our own check; and the members that are here are named as over there. */
import assert from "node:assert/strict";
import {
  SO,
  TCP,
  TcpListener,
  TcpStream,
  UdpSocket,
  UnixDatagram,
  UnixListener,
  UnixStream,
} from "../../src/blocking/index.ts";
import * as windsock from "../../src/index.ts";
import { fdCount } from "../_fds.ts";
import { utf8 } from "./_bytes.ts";
import { cases } from "./_cases.ts";
import { sysError, tcpPair } from "./_pair.ts";

const buffer = (): Uint8Array => new Uint8Array(4);

type Calls<S> = Readonly<Record<string, readonly [syscall: string, call: (socket: S) => unknown]>>;

/** What every socket has. */
const SOCKET: Calls<TcpStream | TcpListener | UdpSocket | UnixStream | UnixListener | UnixDatagram> = {
  intoFd: ["release", (socket) => socket.intoFd()],
  getOption: ["getsockopt", (socket) => socket.getOption(SO.TYPE)],
  setOption: ["setsockopt", (socket) => socket.setOption(SO.KEEPALIVE, true)],
};

const STREAM: Calls<TcpStream | UnixStream> = {
  ...SOCKET,
  read: ["recv", (stream) => stream.read(buffer())],
  tryRead: ["recv", (stream) => stream.tryRead(buffer())],
  peek: ["recv", (stream) => stream.peek(buffer())],
  readExact: ["recv", (stream) => stream.readExact(buffer())],
  readToEnd: ["recv", (stream) => stream.readToEnd()],
  readText: ["recv", (stream) => stream.readText()],
  iterator: ["recv", (stream) => stream[Symbol.iterator]().next()],
  readable: ["poll", (stream) => stream.readable()],
  writable: ["poll", (stream) => stream.writable()],
  write: ["send", (stream) => stream.write(buffer())],
  tryWrite: ["send", (stream) => stream.tryWrite(buffer())],
  writeAll: ["send", (stream) => stream.writeAll(buffer())],
  shutdown: ["shutdown", (stream) => stream.shutdown("both")],
  buffers: ["ioctl", (stream) => stream.buffers()],
};

const TCP_STREAM: Calls<TcpStream> = { ...STREAM, info: ["getsockopt", (stream) => stream.info()] };

const UNIX_STREAM: Calls<UnixStream> = {
  ...STREAM,
  sendMsg: ["sendmsg", (stream) => stream.sendMsg(buffer())],
  recvMsg: ["recvmsg", (stream) => stream.recvMsg()],
  peerCredentials: ["getsockopt", (stream) => stream.peerCredentials],
};

const LISTENER: Calls<TcpListener | UnixListener> = {
  ...SOCKET,
  accept: ["accept", (listener) => listener.accept()],
  tryAccept: ["accept", (listener) => listener.tryAccept()],
  localAddr: ["getsockname", (listener) => listener.localAddr],
};

const DATAGRAM = <S extends UdpSocket | UnixDatagram>(peer: never): Calls<S> => ({
  ...SOCKET,
  localAddr: ["getsockname", (socket) => socket.localAddr],
  peerAddr: ["getpeername", (socket) => socket.peerAddr],
  connect: ["connect", (socket) => socket.connect(peer)],
  disconnect: ["connect", (socket) => socket.disconnect()],
  send: ["send", (socket) => socket.send(buffer())],
  sendTo: ["send", (socket) => socket.sendTo(buffer(), peer)],
  trySend: ["send", (socket) => socket.trySend(buffer())],
  trySendTo: ["send", (socket) => socket.trySendTo(buffer(), peer)],
  sendMsg: ["sendmsg", (socket) => socket.sendMsg(buffer())],
  recv: ["recvfrom", (socket) => socket.recv()],
  recvFrom: ["recvfrom", (socket) => socket.recvFrom(buffer())],
  tryRecv: ["recvfrom", (socket) => socket.tryRecv()],
  tryRecvFrom: ["recvfrom", (socket) => socket.tryRecvFrom(buffer())],
  recvMsg: ["recvmsg", (socket) => socket.recvMsg()],
  readable: ["poll", (socket) => socket.readable()],
  writable: ["poll", (socket) => socket.writable()],
});

const UDP: Calls<UdpSocket> = {
  ...DATAGRAM<UdpSocket>("127.0.0.1:9" as never),
  joinMulticast: ["setsockopt", (socket) => socket.joinMulticast("239.1.2.3")],
  leaveMulticast: ["setsockopt", (socket) => socket.leaveMulticast("239.1.2.3")],
  blockSource: ["setsockopt", (socket) => socket.blockSource("239.1.2.3", { source: "127.0.0.1" })],
  unblockSource: ["setsockopt", (socket) => socket.unblockSource("239.1.2.3", { source: "127.0.0.1" })],
};

/** A class, how a closed one is made, and its calls. */
type Row = readonly [
  name: string,
  type: { readonly prototype: object },
  make: () => { close(): void },
  calls: Calls<never>,
];

const ROWS: readonly Row[] = [
  ["TcpStream", TcpStream, () => tcpPair().client, TCP_STREAM],
  ["TcpListener", TcpListener, () => TcpListener.bind("127.0.0.1:0"), LISTENER],
  ["UdpSocket", UdpSocket, () => UdpSocket.bind("127.0.0.1:0"), UDP],
  ["UnixStream", UnixStream, () => UnixStream.pair()[0], UNIX_STREAM],
  ["UnixListener", UnixListener, () => UnixListener.bind("@"), LISTENER],
  ["UnixDatagram", UnixDatagram, () => UnixDatagram.unbound(), DATAGRAM<UnixDatagram>("@x" as never)],
];

/** The classes of the same names that do not block. */
const OTHERS = {
  TcpStream: windsock.TcpStream,
  TcpListener: windsock.TcpListener,
  UdpSocket: windsock.UdpSocket,
  UnixStream: windsock.UnixStream,
  UnixListener: windsock.UnixListener,
  UnixDatagram: windsock.UnixDatagram,
} as const;

/** Members that are of use on a closed socket too. */
const ALWAYS = [
  "constructor",
  "close",
  "closed",
  "dispose",
  "custom",
  "bytesRead",
  "bytesWritten",
  "connected",
];
const ON_SOME = ["peerAddr", "localAddr", "incoming", "iterator"];

/** The members of a class and those it inherits, without its own protected ones; symbols by their last word. */
function membersOf(type: { readonly prototype: object }, known: readonly string[]): string[] {
  const names = new Set<string>();
  for (let at = type.prototype; at !== Object.prototype; at = Object.getPrototypeOf(at) as object) {
    for (const key of Reflect.ownKeys(at)) {
      names.add(typeof key === "string" ? key : (key.description ?? "").replace(/.*\./, ""));
    }
  }
  return [...names].filter((name) => !known.includes(name));
}

/** For the project's own use: protected in the types. */
const INTERNAL = [
  "accepted",
  "adviceOn",
  "bufferState",
  "checked",
  "checkSingle",
  "describe",
  "encodePeer",
  "encodeRequest",
  "forgetLocalAddr",
  "mayBeReported",
  "receiveBy",
  "sendBy",
  "sendError",
  "sendUntil",
  "setPeer",
  "takeGivenBack",
  "timedOut",
];

cases(import.meta.url, {
  ...Object.fromEntries(
    ROWS.map(([name, , make, calls]) => [
      `${name}: every call on a closed socket is EBADF from our own check; who has the fd now is not touched`,
      () => {
        const closed = make();
        closed.close();
        closed.close();
        using link = tcpPair(); // the kernel gives the lowest free numbers again
        link.client.writeAll(utf8("data"));
        link.server.writeAll(utf8("data"));
        for (const [member, [syscall, call]] of Object.entries(calls)) {
          assert.throws(
            () => call(closed as never),
            (error) => {
              sysError("EBADF", syscall)(error);
              assert.match((error as Error).message, new RegExp(`this ${name} is closed`), member);
              return true;
            },
            member,
          );
        }
        for (const stream of [link.client, link.server]) {
          assert.equal(stream.getOption(SO.KEEPALIVE), false);
          assert.equal(stream.buffers().receive.queued, 4);
        }
      },
    ]),
  ),

  "every member is in these tables"() {
    for (const [name, type, , calls] of ROWS) {
      const known = [...Object.keys(calls), ...ALWAYS, ...ON_SOME, ...INTERNAL];
      assert.deepEqual(membersOf(type, known), [], name);
    }
  },

  "every class and member has the name that it has in windsock, but for the iterators"() {
    for (const [name, type] of ROWS) {
      const other = OTHERS[name as keyof typeof OTHERS];
      const theirs = membersOf(other, []);
      assert.deepEqual(membersOf(type, [...theirs, ...INTERNAL, "incoming", "iterator"]), [], name);
      const statics = Object.getOwnPropertyNames(type).filter((one) => !(one in other));
      assert.deepEqual(statics, [], name);
    }
  },

  "using closes at the end of the scope, also where it throws"() {
    const before = fdCount();
    assert.throws(() => {
      using listener = TcpListener.bind("127.0.0.1:0");
      using client = TcpStream.connect(listener.localAddr);
      client.setOption(TCP.NODELAY, true);
      throw new Error("mine");
    }, /mine/);
    assert.equal(fdCount(), before);
  },

  "a second close does not close whoever has the number now"() {
    const first = UdpSocket.bind("127.0.0.1:0");
    first.close();
    using second = UdpSocket.bind("127.0.0.1:0");
    first.close();
    assert.ok(second.localAddr.port > 0);
    second.sendTo(utf8("x"), second.localAddr);
    assert.equal(second.recvFrom({ timeoutMs: 10_000 }).lengthBytes, 1);
  },
});
