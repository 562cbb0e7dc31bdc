/** RawSocket and PingSocket: cancelling, timeouts, closing, giving away; no fd stays open; the order of waiting calls. */
import assert from "node:assert/strict";
import { PingSocket, RawSocket, SO, WOULD_BLOCK } from "../../src/index.ts";
import type { WaitOptions } from "../../src/socket/index.ts";
import { fdCount } from "../_fds.ts";
import { isolated, noIpv6, random, stateOf, sysError, turn, turns, until, utf8 } from "./_helpers.ts";
import { EXPERIMENT, echo, PINGABLE, readU16 } from "./_raw.ts";

type Either = RawSocket | PingSocket;

const NOTHING = Uint8Array.of(6, 0, 0, 0, 0, 0, 0, 0);

/** Sockets that hear nothing but what they are sent. */
const KINDS: readonly (readonly [name: string, open: () => Either])[] = [
  ["RawSocket", () => RawSocket.open("icmp", { icmpTypes: [0] })],
  ["RawSocket over IPv6", () => RawSocket.open("icmpv6", { icmpTypes: [129] })],
  ["PingSocket", () => PingSocket.open()],
  ["PingSocket over IPv6", () => PingSocket.open({ family: "ipv6" })],
];

const loopbackOf = (socket: Either): string => (socket.family === "ipv4" ? "127.0.0.1" : "::1");
const request = (socket: Either, sequence: number): Uint8Array => echo(socket.family, 1, sequence);
const sequenceOf = (socket: Either, data: Uint8Array): number =>
  readU16(socket instanceof RawSocket ? socket.payloadOf(data) : data, 6);

/** The calls that wait. */
const WAITING: readonly (readonly [
  name: string,
  syscall: string,
  call: (socket: Either, options?: WaitOptions) => Promise<unknown>,
])[] = [
  ["recvFrom", "recvfrom", (socket, options) => socket.recvFrom(options)],
  ["recv", "recvfrom", (socket, options) => socket.recv(options)],
  ["recvMsg", "recvmsg", (socket, options) => socket.recvMsg(options)],
  ["recvError", "recvmsg", (socket, options) => socket.recvError(options)],
  ["readable", "poll", (socket, options) => socket.readable(options)],
];

for (const [kind, open] of KINDS) {
  isolated(
    import.meta.url,
    `${kind}: timeouts, signals and close end what waits, and take nothing`,
    { netns: PINGABLE, skip: noIpv6 },
    async () => {
      using socket = open();
      const label = kind.split(" ")[0] as string;
      for (const [, syscall, call] of WAITING) {
        for (const timeoutMs of [0, 5]) {
          await assert.rejects(call(socket, { timeoutMs }), { name: "TimeoutError", syscall });
        }
        const stop = new AbortController();
        const waiting = call(socket, { signal: stop.signal, timeoutMs: 60_000 });
        assert.equal(await stateOf(waiting), "pending");
        const reason = { any: "value" };
        stop.abort(reason);
        await assert.rejects(waiting, (error) => error === reason);
        await assert.rejects(call(socket, { signal: AbortSignal.abort() }), { name: "AbortError" });
        const closing = open();
        const two = [call(closing), call(closing, { timeoutMs: 60_000 })];
        await turn();
        closing.close();
        for (const one of two) {
          await assert.rejects(one, (error) => {
            sysError("ECANCELED", syscall)(error);
            assert.match((error as Error).message, new RegExp(`this ${label} was closed meanwhile`));
            return true;
          });
        }
        const given = open();
        const other = call(given);
        using fd = given.intoFd();
        assert.equal(fd.closed, false);
        await assert.rejects(other, sysError("ECANCELED", syscall));
      }
      await socket.sendTo(request(socket, 9), loopbackOf(socket));
      assert.equal(sequenceOf(socket, (await socket.recvFrom({ timeoutMs: 5000 })).data), 9);
      assert.equal(socket.tryRecvFrom(), WOULD_BLOCK);
      // for await ends with close.
      const iterated = open();
      const seen: number[] = [];
      const loop = (async () => {
        for await (const { data } of iterated) seen.push(sequenceOf(iterated, data));
      })();
      await iterated.sendTo(request(iterated, 3), loopbackOf(iterated));
      await until(() => seen.length > 0);
      iterated.close();
      await loop;
      assert.deepEqual(seen, [3]);
    },
  );

  isolated(
    import.meta.url,
    `${kind}: cancelled receives among others lose no message, and keep the order`,
    { netns: PINGABLE, skip: noIpv6 },
    async () => {
      using socket = open();
      const below = random(17);
      const seen: number[] = [];
      let sent = 0;
      for (let round = 0; round < 200; round++) {
        const stop = new AbortController();
        const calls = Array.from({ length: 4 }, () => {
          const options = below(2) ? { signal: stop.signal } : { timeoutMs: below(3) };
          const call = below(2) ? socket.recvMsg(options) : socket.recvFrom(options);
          return call.then(({ data }) => sequenceOf(socket, data)).catch(() => undefined);
        });
        for (let i = below(4); i > 0; i--) socket.trySendTo(request(socket, sent++), loopbackOf(socket));
        if (below(2)) await turns(below(3));
        stop.abort();
        seen.push(...(await Promise.all(calls)).filter((it) => it !== undefined));
      }
      for (let one = socket.tryRecvFrom(); one !== WOULD_BLOCK; one = socket.tryRecvFrom()) {
        seen.push(sequenceOf(socket, one.data));
      }
      assert.deepEqual(seen, [...Array(sent).keys()]);
    },
  );
}

/** What each member does on a closed socket: the system call that its EBADF names. */
const CLOSED: Readonly<Record<string, [call: (socket: Either) => unknown, syscall: string]>> = {
  attachFilter: [(s) => s.attachFilter(NOTHING), "setsockopt"],
  blockSource: [(s) => s.blockSource("239.1.1.1", { source: "1.2.3.4" }), "setsockopt"],
  connect: [(s) => s.connect("127.0.0.1"), "connect"],
  detachFilter: [(s) => s.detachFilter(), "setsockopt"],
  getOption: [(s) => s.getOption(SO.RCVBUF), "getsockopt"],
  intoFd: [(s) => s.intoFd(), "release"],
  joinMulticast: [(s) => s.joinMulticast("239.1.1.1"), "setsockopt"],
  leaveMulticast: [(s) => s.leaveMulticast("239.1.1.1"), "setsockopt"],
  peerAddr: [(s) => s.peerAddr, "getpeername"],
  readable: [(s) => s.readable(), "poll"],
  recv: [(s) => s.recv(), "recvfrom"],
  recvError: [(s) => s.recvError(), "recvmsg"],
  recvFrom: [(s) => s.recvFrom(), "recvfrom"],
  recvMsg: [(s) => s.recvMsg(), "recvmsg"],
  send: [(s) => s.send(utf8("x")), "send"],
  sendMsg: [(s) => s.sendMsg(utf8("x"), { peer: "127.0.0.1" }), "sendmsg"],
  sendTo: [(s) => s.sendTo(utf8("x"), "127.0.0.1"), "send"],
  setOption: [(s) => s.setOption(SO.RCVBUF, 5000), "setsockopt"],
  tryRecv: [(s) => s.tryRecv(), "recvfrom"],
  tryRecvError: [(s) => s.tryRecvError(), "recvmsg"],
  tryRecvFrom: [(s) => s.tryRecvFrom(), "recvfrom"],
  trySend: [(s) => s.trySend(utf8("x")), "send"],
  trySendTo: [(s) => s.trySendTo(utf8("x"), "127.0.0.1"), "send"],
  unblockSource: [(s) => s.unblockSource("239.1.1.1", { source: "1.2.3.4" }), "setsockopt"],
  writable: [(s) => s.writable(), "poll"],
};
const CLOSED_PING: typeof CLOSED = {
  disconnect: [(s) => (s as PingSocket).disconnect(), "connect"],
  identifier: [(s) => (s as PingSocket).identifier, "getsockname"],
  localAddr: [(s) => s.localAddr, "getsockname"],
};
/** What is of use on a closed socket too, and what is between a class and its bases. */
const OTHERS = [
  ...["bind", "close", "closed", "connected", "constructor", "ref", "unref", "reply"],
  ...[
    "checkOutgoing",
    "checkSingle",
    "describe",
    "destination",
    "encodePeer",
    "encodeRequest",
    "kernelHeaders",
  ],
  ...[
    "localBytes",
    "mayBeReported",
    "messageFlags",
    "receiveNow",
    "runSend",
    "scratchBytes",
    "sendError",
    "sendNow",
    "sendWaits",
    "setPeer",
  ],
];
const OTHERS_RAW = [...OTHERS, "headerIncluded", "localAddr", "payloadOf"];
const OTHERS_PING = [...OTHERS, "echoRequest"];

isolated(
  import.meta.url,
  "every member on a closed socket: EBADF from our own check, and never a system call on a reused fd",
  { netns: PINGABLE },
  async () => {
    for (const [open, rows, others] of [
      [() => RawSocket.open("icmp"), CLOSED, OTHERS_RAW],
      [() => RawSocket.open("raw"), CLOSED, OTHERS_RAW],
      [() => PingSocket.open(), { ...CLOSED, ...CLOSED_PING }, OTHERS_PING],
    ] as [() => Either, typeof CLOSED, string[]][]) {
      const socket = open();
      const members = new Set<string>();
      for (
        let at: object = Object.getPrototypeOf(socket);
        at !== Object.prototype;
        at = Object.getPrototypeOf(at)
      ) {
        for (const name of Object.getOwnPropertyNames(at)) members.add(name);
      }
      const untold = [...members].filter((name) => !(name in rows) && !others.includes(name));
      assert.deepEqual(untold, [], "members without a row");
      socket.close();
      socket.close();
      using reused = open(); // most likely under the same number
      for (const [name, [call, syscall]] of Object.entries(rows)) {
        const made = socket instanceof RawSocket && socket.headerIncluded;
        await assert.rejects(
          async () => call(socket),
          (error) => {
            assert.match((error as Error).message, /socket is closed|this (Raw|Ping)Socket is closed/i, name);
            return sysError("EBADF", made && name === "sendMsg" ? "send" : syscall)(error);
          },
        );
      }
      assert.equal(reused.tryRecvFrom(), WOULD_BLOCK);
      assert.notEqual(reused.getOption(SO.RCVBUF), 10_000);
    }
  },
);

isolated(
  import.meta.url,
  "thousands of sockets that open, fail to open, fail to send or are given away leave no fd",
  { netns: PINGABLE, skip: noIpv6 },
  async () => {
    using taken = PingSocket.open({ identifier: 5 });
    await taken.recvFrom({ timeoutMs: 0 }).catch(() => undefined);
    await turn();
    const before = fdCount();
    for (let i = 0; i < 500; i++) {
      for (const [, open] of KINDS) {
        using socket = open();
        await socket.sendTo(request(socket, i), loopbackOf(socket));
        if (i % 5 === 0) await socket.recvFrom({ timeoutMs: 5000 });
      }
      RawSocket.fromFd(RawSocket.open(EXPERIMENT).intoFd()).close();
      PingSocket.fromFd(PingSocket.open().intoFd()).close();
      assert.throws(() => RawSocket.open(0), sysError("EPROTONOSUPPORT"));
      assert.throws(() => RawSocket.open("icmp", { localAddr: "192.0.2.1" }), sysError("EADDRNOTAVAIL"));
      assert.throws(() => RawSocket.open("icmp", { device: "nosuchif0" }), sysError("ENODEV"));
      assert.throws(
        () => RawSocket.open("icmp", { filter: new Uint8Array(8).fill(0xff) }),
        sysError("EINVAL"),
      );
      assert.throws(() => PingSocket.open({ identifier: 5 }), sysError("EADDRINUSE"));
      assert.throws(() => PingSocket.open({ filter: new Uint8Array(8).fill(0xff) }), sysError("EINVAL"));
      using made = RawSocket.open("raw");
      await assert.rejects(made.sendTo(new Uint8Array(70_000).fill(0x45), "127.0.0.1"), sysError("EMSGSIZE"));
    }
    assert.equal(fdCount(), before);
  },
);
