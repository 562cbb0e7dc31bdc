/** UDP: cancelling, closing, who keeps the process alive, who has the fd, many sockets at once, threads. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import {
  IP,
  type OwnedFd,
  ReceiveBatch,
  SendBatch,
  SO,
  TcpListener,
  TimeoutError,
  UdpSocket,
  type WaitOptions,
  WOULD_BLOCK,
} from "../../src/index.ts";
import * as sys from "../../src/sys/index.ts";
import { fdCount } from "../_fds.ts";
import {
  isolated,
  noPython,
  random,
  stateOf,
  sysError,
  test,
  textOf,
  turn,
  turns,
  until,
  utf8,
} from "./_helpers.ts";
import { assertEmpty, deadPort, LOOPBACKS, numbered, numberOf, pattern, receive, udpPair } from "./_udp.ts";

/** Every call that waits for something to come. */
const WAITING: [
  name: string,
  syscall: string,
  call: (s: UdpSocket, options?: WaitOptions) => Promise<unknown>,
][] = [
  ["recvFrom", "recvfrom", (s, options) => s.recvFrom(options)],
  ["recvFrom into a buffer", "recvfrom", (s, options) => s.recvFrom(new Uint8Array(99), options)],
  ["recv", "recvfrom", (s, options) => s.recv(options)],
  ["recvMsg", "recvmsg", (s, options) => s.recvMsg(options)],
  ["recvMany", "recvmmsg", (s, options) => s.recvMany(new ReceiveBatch(), options)],
  ["readable", "poll", (s, options) => s.readable(options)],
  ["recvError", "recvmsg", (s, options) => s.recvError(options)],
];

for (const [name, syscall, call] of WAITING) {
  test(`${name}: a timeout, a signal that comes, and one that has come, take nothing`, async () => {
    using pair = udpPair();
    const { a, b } = pair;
    for (const timeoutMs of [0, 1, 5]) {
      await assert.rejects(call(b, { timeoutMs }), (error) => {
        assert.ok(error instanceof TimeoutError, String(error));
        assert.deepEqual([error.syscall, error.timeoutMs, error.code], [syscall, timeoutMs, "TIMEOUT"]);
        return true;
      });
    }
    const stop = new AbortController();
    const waiting = call(b, { signal: stop.signal, timeoutMs: 60_000 });
    assert.equal(await stateOf(waiting), "pending");
    const reason = { any: "value" };
    stop.abort(reason);
    await assert.rejects(waiting, (error) => error === reason);
    await assert.rejects(call(b, { signal: stop.signal }), (error) => error === reason);
    await assert.rejects(call(b, { signal: AbortSignal.abort() }), { name: "AbortError" });
    await a.sendTo(utf8("kept"), b.localAddr);
    assert.equal(textOf((await b.recvFrom()).data), "kept");
    await assertEmpty(b, a);
  });

  test(`${name}: close and intoFd end the wait`, async () => {
    const socket = UdpSocket.bind("127.0.0.1:0");
    const waiting = [call(socket), call(socket, { timeoutMs: 60_000 })];
    await turn();
    socket.close();
    for (const one of waiting) {
      await assert.rejects(one, (error) => {
        sysError("ECANCELED", syscall)(error);
        assert.match((error as Error).message, /this UdpSocket was closed meanwhile/);
        return true;
      });
    }
    const given = UdpSocket.bind("127.0.0.1:0");
    const other = call(given);
    using fd = given.intoFd();
    assert.equal(fd.closed, false);
    await assert.rejects(other, sysError("ECANCELED", syscall));
  });
}

test("cancelled receives among others: nobody's datagram is lost, and the order stays", async () => {
  const below = random(21);
  using pair = udpPair();
  const { a, b } = pair;
  const batch = new ReceiveBatch({ datagrams: 1 });
  const seen: number[] = [];
  let sent = 0;
  for (let round = 0; round < 300; round++) {
    const stop = new AbortController();
    const calls: Promise<number | undefined>[] = [];
    let batched = false;
    for (let i = 0; i < 4; i++) {
      const options = below(2) ? { signal: stop.signal } : { timeoutMs: below(3) };
      const kind = below(3);
      const call =
        kind === 0 && !batched
          ? b.recvMany(batch, options).then(() => numberOf(batch.data(0)))
          : kind === 1
            ? b.recvMsg(options).then((it) => numberOf(it.data))
            : b.recvFrom(options).then((it) => numberOf(it.data));
      batched ||= kind === 0;
      calls.push(call.catch(() => undefined));
    }
    const count = below(4);
    for (let i = 0; i < count; i++) a.trySendTo(numbered(sent++), b.localAddr);
    if (below(2)) await turns(below(3));
    stop.abort();
    seen.push(...(await Promise.all(calls)).filter((number) => number !== undefined)); // in the order of the calls
  }
  for (let one = b.tryRecvFrom(); one !== WOULD_BLOCK; one = b.tryRecvFrom()) seen.push(numberOf(one.data));
  assert.deepEqual(seen, [...Array(sent).keys()]);
});

/** What each member does on a closed socket: the system call that its EBADF names, or what it gives. */
const CLOSED: Record<string, [call: (s: UdpSocket) => unknown, syscall: string | undefined]> = {
  bind: [() => undefined, undefined],
  blockSource: [(s) => s.blockSource("239.1.1.1", { source: "1.2.3.4" }), "setsockopt"],
  close: [(s) => s.close(), undefined],
  closed: [(s) => assert.equal(s.closed, true), undefined],
  connect: [(s) => s.connect("127.0.0.1:5"), "connect"],
  connected: [(s) => s.connected, undefined],
  attachFilter: [(s) => s.attachFilter(Uint8Array.of(6, 0, 0, 0, 0, 0, 4, 0)), "setsockopt"],
  detachFilter: [(s) => s.detachFilter(), "setsockopt"],
  disconnect: [(s) => s.disconnect(), "connect"],
  getOption: [(s) => s.getOption(SO.RCVBUF), "getsockopt"],
  intoFd: [(s) => s.intoFd(), "release"],
  joinMulticast: [(s) => s.joinMulticast("239.1.1.1"), "setsockopt"],
  leaveMulticast: [(s) => s.leaveMulticast("239.1.1.1"), "setsockopt"],
  localAddr: [(s) => s.localAddr, "getsockname"],
  peerAddr: [(s) => s.peerAddr, "getpeername"],
  readable: [(s) => s.readable(), "poll"],
  recv: [(s) => s.recv(), "recvfrom"],
  recvError: [(s) => s.recvError(), "recvmsg"],
  recvFrom: [(s) => s.recvFrom(), "recvfrom"],
  recvMany: [(s) => s.recvMany(new ReceiveBatch()), "recvmmsg"],
  recvMsg: [(s) => s.recvMsg(), "recvmsg"],
  ref: [(s) => assert.equal(s.ref(), s), undefined],
  reply: [
    (s) =>
      s.reply(
        {
          peer: new Map([["peer", UdpSocket.bind("127.0.0.1:0")]]).get("peer")?.localAddr as never,
          ancillary: { destination: { ip: "127.0.0.1" as never, localIp: undefined, interfaceIndex: 0 } },
        },
        utf8("x"),
      ),
    undefined,
  ],
  send: [(s) => s.send(utf8("x")), "send"],
  sendMany: [(s) => s.sendMany(new SendBatch()), "sendmmsg"],
  sendMsg: [(s) => s.sendMsg(utf8("x"), { peer: "127.0.0.1:5" }), "sendmsg"],
  sendTo: [(s) => s.sendTo(utf8("x"), "127.0.0.1:5"), "send"],
  setOption: [(s) => s.setOption(SO.RCVBUF, 5000), "setsockopt"],
  tryRecv: [(s) => s.tryRecv(), "recvfrom"],
  tryRecvError: [(s) => s.tryRecvError(), "recvmsg"],
  tryRecvFrom: [(s) => s.tryRecvFrom(), "recvfrom"],
  tryRecvMany: [(s) => s.tryRecvMany(new ReceiveBatch()), "recvmmsg"],
  trySend: [(s) => s.trySend(utf8("x")), "send"],
  trySendTo: [(s) => s.trySendTo(utf8("x"), "127.0.0.1:5"), "send"],
  unblockSource: [(s) => s.unblockSource("239.1.1.1", { source: "1.2.3.4" }), "setsockopt"],
  unref: [(s) => assert.equal(s.unref(), s), undefined],
  writable: [(s) => s.writable(), "poll"],
};
/** Between this class and its bases. */
const INTERNAL = [
  "constructor",
  "checkOutgoing",
  "checkSingle",
  "describe",
  "destination",
  "encodePeer",
  "encodeRequest",
  "kernelHeaders",
  "localBytes",
  "mayBeReported",
  "onSendBlocked",
  "receiveNow",
  "runSend",
  "messageFlags",
  "scratchBytes",
  "sendError",
  "sendNow",
  "sendWaits",
  "setPeer",
];

test("every member on a closed socket: EBADF from our own check, and never a system call on a reused fd", async () => {
  const members = new Set<string>();
  for (
    let proto = UdpSocket.prototype as object;
    proto !== Object.prototype;
    proto = Object.getPrototypeOf(proto)
  ) {
    for (const name of Object.getOwnPropertyNames(proto)) members.add(name);
  }
  const untold = [...members].filter((name) => !(name in CLOSED) && !INTERNAL.includes(name));
  assert.deepEqual(untold, [], "members without a row");
  const socket = UdpSocket.bind("127.0.0.1:0");
  socket.close();
  socket.close();
  using reused = UdpSocket.bind("127.0.0.1:0"); // most likely under the same number
  using sender = UdpSocket.bind("127.0.0.1:0");
  for (const [name, [call, syscall]] of Object.entries(CLOSED)) {
    if (syscall === undefined) {
      if (name !== "reply") await call(socket);
      continue;
    }
    await assert.rejects(
      async () => call(socket),
      (error) => {
        sysError("EBADF", syscall)(error);
        assert.match((error as Error).message, /this UdpSocket is closed/, name);
        return true;
      },
      name,
    );
  }
  await sender.sendTo(utf8("for the new one"), reused.localAddr);
  assert.equal(textOf((await reused.recvFrom()).data), "for the new one");
  for await (const _ of socket) assert.fail("closed");
});

test("reply on a closed socket", async () => {
  using pair = udpPair();
  const socket = UdpSocket.bind("127.0.0.1:0", { ancillary: ["destination"] });
  await pair.a.sendTo(utf8("x"), socket.localAddr);
  const message = await socket.recvMsg();
  socket.close();
  await assert.rejects(socket.reply(message, utf8("y")), sysError("EBADF", "sendmsg"));
  assert.equal(socket.localAddr.port > 0, true, "known from before");
});

test("`using` closes, and a close in the middle of a batch of events harms nobody else", async () => {
  const before = fdCount();
  {
    using one = UdpSocket.bind("127.0.0.1:0");
    await using two = UdpSocket.bind("127.0.0.1:0");
    assert.equal(fdCount(), before + 2);
    await one.sendTo(utf8("x"), two.localAddr);
  }
  assert.equal(fdCount(), before);
  // All become ready in one turn; the first that runs closes all the others.
  const sockets = Array.from({ length: 50 }, () => UdpSocket.bind("127.0.0.1:0"));
  using sender = UdpSocket.bind("127.0.0.1:0");
  let winner = -1;
  const waiting = sockets.map((socket, i) =>
    socket.recvFrom().then(() => {
      if (winner >= 0) return;
      winner = i;
      for (const other of sockets) if (other !== socket) other.close();
    }),
  );
  for (const socket of sockets) sender.trySendTo(utf8("x"), socket.localAddr);
  await Promise.allSettled(waiting);
  assert.ok(winner >= 0);
  for (const socket of sockets) socket.close();
  assert.equal(fdCount(), before + 1);
});

test("1 000 sockets: each hears its neighbour, whether it waited before or not", async () => {
  const before = fdCount();
  const sockets = Array.from({ length: 1000 }, () => UdpSocket.bind("127.0.0.1:0"));
  const waiting = sockets.map((socket, i) => (i % 2 ? socket.recvFrom() : undefined));
  for (const [i, socket] of sockets.entries()) {
    socket.trySendTo(numbered(i), sockets[(i + 1) % 1000]?.localAddr ?? "");
  }
  for (const [i, socket] of sockets.entries()) {
    const { data, peer } = await (waiting[i] ?? socket.recvFrom({ timeoutMs: 5000 }));
    assert.equal(numberOf(data), (i + 999) % 1000);
    assert.ok(peer.equals(sockets[(i + 999) % 1000]?.localAddr as typeof peer));
  }
  for (const socket of sockets) socket.close();
  assert.equal(fdCount(), before);
});

test("sockets that fail to open, to connect or to be adopted leave no fd open", async () => {
  using taken = UdpSocket.bind("127.0.0.1:0");
  using dead = deadPort();
  const before = fdCount();
  for (let i = 0; i < 200; i++) {
    assert.throws(() => UdpSocket.bind(taken.localAddr), sysError("EADDRINUSE", "bind"));
    assert.throws(() => UdpSocket.bind("192.0.2.1:0"), sysError("EADDRNOTAVAIL", "bind"));
    assert.throws(() => UdpSocket.bind("127.0.0.1:0", { options: [{ ...IP.TTL.to(5), optname: 9999 }] }));
    await assert.rejects(UdpSocket.connect("255.255.255.255:9"), sysError("EACCES"));
    await assert.rejects(
      UdpSocket.connect("127.0.0.1:9", { signal: AbortSignal.abort(new Error("no")) }),
      /no/,
    );
    const socket = await UdpSocket.connect(dead.address);
    await socket.send(utf8("x"));
    await assert.rejects(socket.recv(), sysError("ECONNREFUSED"));
    socket.close();
    const oversized = UdpSocket.bind("127.0.0.1:0");
    await assert.rejects(oversized.sendTo(new Uint8Array(65508), taken.localAddr), sysError("EMSGSIZE"));
    oversized.close();
  }
  assert.equal(fdCount(), before);
});

test("a flood neither starves timers nor immediates, received one by one, by batch, by iteration, or sent", async () => {
  using sender = UdpSocket.bind("127.0.0.1:0");
  const flood = async (
    work: (socket: UdpSocket, count: number) => Promise<void>,
    least: number,
    fill = true,
  ): Promise<void> => {
    using socket = UdpSocket.bind("127.0.0.1:0", { options: [SO.RCVBUF.to(4 << 20)] });
    let count = 0;
    if (fill) {
      const batch = new SendBatch({ datagrams: 1000 });
      for (let i = 0; i < 1000; i++) batch.push(numbered(i), socket.localAddr);
      count = await sender.sendMany(batch);
      const { drops = 0 } = socket.getOption(SO.MEMINFO);
      count -= drops; // where rmem_max allows no more
    }
    let immediates = 0;
    let timers = 0;
    let running = true;
    const tick = (): void => {
      immediates++;
      if (running) setImmediate(tick);
    };
    const timed = (): void => {
      timers++;
      if (running) setTimeout(timed, 0);
    };
    setImmediate(tick);
    setTimeout(timed, 0);
    await work(socket, count);
    running = false;
    assert.ok(immediates >= least, `${immediates} turns`);
    assert.ok(timers >= 1, "no timer ran");
  };
  await flood(async (socket, count) => {
    for (let i = 0; i < count; i++) assert.equal(numberOf((await socket.recvFrom()).data), i);
  }, 5);
  await flood(async (socket, count) => {
    for (let i = 0; i < count; i++) await socket.recvMsg();
  }, 5);
  await flood(async (socket, count) => {
    let i = 0;
    for await (const { data } of socket) {
      assert.equal(numberOf(data), i);
      if (++i === count) break;
    }
  }, 5);
  await flood(async (socket, count) => {
    const batch = new ReceiveBatch({ datagrams: 1 });
    for (let i = 0; i < count; i++) await socket.recvMany(batch);
  }, 5);
  await flood(
    async (socket) => {
      for (let i = 0; i < 1000; i++) await socket.sendTo(numbered(i), socket.localAddr);
    },
    5,
    false,
  );
});

isolated(
  import.meta.url,
  "an idle socket does not keep the process alive, nor does a call that is made unreferenced",
  {},
  async () => {
    const idle = UdpSocket.bind("127.0.0.1:0");
    await idle.recvFrom({ timeoutMs: 0 }).catch(() => undefined);
    const unreferenced = UdpSocket.bind("127.0.0.1:0").unref();
    void unreferenced.recvFrom();
    void unreferenced.recvError();
    void unreferenced.recvMany(new ReceiveBatch());
  },
);

for (const [name, , call] of WAITING.filter(([it]) => it !== "recvError")) {
  isolated(import.meta.url, `${name} keeps the process alive while it waits`, {}, async () => {
    using socket = UdpSocket.bind("127.0.0.1:0").unref().ref();
    const child = spawn(
      process.execPath,
      [
        "-e",
        `setTimeout(() => require("dgram").createSocket("udp4").send("x", ${socket.localAddr.port}, "127.0.0.1", function () { this.close(); }), 50)`,
      ],
      { stdio: "ignore", detached: true },
    );
    child.unref();
    await call(socket);
  });
}

declare const gc: () => void;

isolated(
  import.meta.url,
  "a forgotten socket is closed, and one warning tells of the first; one that waits is not forgotten",
  { nodeFlags: ["--expose-gc"] },
  async () => {
    const warnings: (Error & { code?: string })[] = [];
    process.on("warning", (warning) => warnings.push(warning));
    using keep = UdpSocket.bind("127.0.0.1:0");
    await keep.recvFrom({ timeoutMs: 0 }).catch(() => undefined);
    const before = fdCount();
    const waiting = (() => {
      const socket = UdpSocket.bind("127.0.0.1:0");
      const { localAddr } = socket;
      return { got: socket.recvMany(new ReceiveBatch()), localAddr };
    })();
    await (async () => {
      for (let i = 0; i < 20; i++) {
        const socket = UdpSocket.bind("127.0.0.1:0");
        await socket.sendTo(utf8("x"), socket.localAddr);
        await socket.recvFrom();
        await socket.recvFrom({ timeoutMs: 0 }).catch(() => undefined); // registered with epoll
      }
    })();
    await until(() => {
      gc();
      return fdCount() === before + 1;
    });
    for (let i = 0; i < 5; i++) {
      gc();
      await turn();
    }
    assert.equal(warnings.length, 1);
    assert.equal(warnings[0]?.code, "WINDSOCK_FORGOTTEN_SOCKET");
    assert.match(warnings[0]?.message ?? "", /UdpSocket.*garbage-collected/);
    await keep.sendTo(utf8("x"), waiting.localAddr);
    assert.equal(await waiting.got, 1);
  },
);

test("an fd that is given away and taken over keeps its peer, its port and what is queued", async () => {
  for (const { at, skip } of LOOPBACKS) {
    if (skip !== false) continue;
    using server = UdpSocket.bind(at);
    const first = await UdpSocket.connect(server.localAddr);
    const local = first.localAddr;
    await first.send(utf8("from the first"));
    await server.sendTo(utf8("queued"), local);
    const owned: OwnedFd = first.intoFd();
    assert.equal(first.closed, true);
    await assert.rejects(first.send(utf8("x")), sysError("EBADF"));
    first.close(); // which does not close what was given away
    const number = owned.fd;
    using second = UdpSocket.fromFd(owned);
    assert.equal(owned.closed, true);
    assert.ok(second.connected);
    assert.ok(second.peerAddr.equals(server.localAddr));
    assert.ok(second.localAddr.equals(local));
    assert.equal(textOf((await second.recv()).data), "queued");
    await second.send(utf8("from the second"));
    assert.deepEqual((await receive(server, 2)).map(textOf), ["from the first", "from the second"]);
    assert.throws(() => UdpSocket.fromFd(owned), sysError("EBADF"));
    const third = UdpSocket.fromFd(second.intoFd().release());
    assert.equal(sys.fcntl(number, sys.F_GETFD), sys.FD_CLOEXEC);
    third.close();
    assert.throws(() => sys.check(sys.fcntl(number, sys.F_GETFD), "fcntl"), sysError("EBADF"));
  }
});

test("fromFd takes a plain blocking socket of C, unbound as it is", async () => {
  using receiver = UdpSocket.bind("127.0.0.1:0");
  const fd = sys.check(sys.socket(sys.AF_INET, sys.SOCK_DGRAM, 0), "socket");
  using socket = UdpSocket.fromFd(fd);
  assert.ok((sys.fcntl(fd, sys.F_GETFL) & sys.O_NONBLOCK) !== 0);
  assert.equal(socket.connected, false);
  assert.equal(socket.localAddr.toString(), "0.0.0.0:0");
  assert.equal(socket.tryRecvFrom(), WOULD_BLOCK);
  await socket.sendTo(utf8("x"), receiver.localAddr);
  const { peer } = await receiver.recvFrom();
  assert.equal(peer.port, socket.localAddr.port);
  await receiver.sendTo(utf8("y"), peer);
  assert.equal(textOf((await socket.recvFrom()).data), "y");
  const merged = sys.check(sys.socket(sys.AF_INET6, sys.SOCK_DGRAM, 0), "socket");
  sys.setsockopt(merged, sys.IPPROTO_UDP, sys.UDP_GRO, Uint8Array.of(1, 0, 0, 0));
  using merging = UdpSocket.fromFd(merged);
  assert.throws(() => merging.tryRecvFrom(), { name: "TypeError", message: /UDP_GRO/ });
});

/** Gives up where one of them is taken for a UDP socket, or is closed for being none. */
function refusesAll(kinds: readonly (readonly [name: string, fd: number])[]): void {
  for (const [name, fd] of kinds) {
    sys.check(fd, "socket", { address: name });
    assert.throws(
      () => UdpSocket.fromFd(fd),
      { name: "TypeError", message: /fd: expected a UDP socket/ },
      name,
    );
    assert.ok(sys.fcntl(fd, sys.F_GETFD) >= 0, `${name} is still open`);
    sys.close(fd);
  }
}

isolated(
  import.meta.url,
  "fromFd tells UDP from the other datagrams of IP",
  { netns: 'ip link set lo up; echo "0 2147483647" > /proc/sys/net/ipv4/ping_group_range' },
  async () => {
    refusesAll([
      ["ICMP", sys.socket(sys.AF_INET, sys.SOCK_DGRAM, sys.IPPROTO_ICMP)],
      ["ICMPv6", sys.socket(sys.AF_INET6, sys.SOCK_DGRAM, sys.IPPROTO_ICMPV6)],
      ["raw UDP", sys.socket(sys.AF_INET, sys.SOCK_RAW, sys.IPPROTO_UDP)],
    ]);
  },
);

test("fromFd refuses what is no UDP socket, and leaves it open", async () => {
  const listener = TcpListener.bind("127.0.0.1:0");
  refusesAll([
    ["TCP", sys.socket(sys.AF_INET, sys.SOCK_STREAM, 0)],
    ["Unix datagrams", sys.socket(sys.AF_UNIX, sys.SOCK_DGRAM, 0)],
  ]);
  const owned = listener.intoFd();
  assert.throws(() => UdpSocket.fromFd(owned), { name: "TypeError" });
  assert.equal(owned.closed, false);
  owned.close();
  assert.throws(
    () => UdpSocket.fromFd(0),
    (error) => error instanceof Error,
  ); // whatever the test was started with
  assert.throws(() => UdpSocket.fromFd(9999), sysError("EBADF"));
});

test("a child process goes on with a socket that it has inherited", { skip: noPython }, async () => {
  const socket = UdpSocket.bind("127.0.0.1:0");
  using client = await UdpSocket.connect(socket.localAddr);
  using fd = socket.intoFd();
  const child = spawn(
    "python3",
    [
      "-c",
      "import socket; s = socket.socket(fileno=3); s.setblocking(True)\nd, a = s.recvfrom(99); s.sendto(d.upper(), a)",
    ],
    { stdio: ["ignore", "inherit", "inherit", fd.fd] },
  );
  await client.send(utf8("shout"));
  assert.equal(textOf((await client.recv({ timeoutMs: 10_000 })).data), "SHOUT");
  const [code] = await once(child, "close");
  assert.equal(code, 0);
});

const WORKER = `
const { parentPort, workerData } = require("node:worker_threads");
(async () => {
(await import(workerData.tsx)).register();
const { UdpSocket, ReceiveBatch, SendBatch } = await import(workerData.windsock);
const sockets = Array.from({ length: 10 }, () => UdpSocket.bind("127.0.0.1:0"));
parentPort.postMessage(sockets.map((it) => it.localAddr.toString()));
for (const socket of sockets) {
  (async () => {
    const [batch, answers] = [new ReceiveBatch(), new SendBatch()];
    for (;;) {
      await socket.recvMany(batch);
      for (const { data, peer } of batch) answers.push(data, peer);
      await socket.sendMany(answers);
    }
  })();
}
})();
`;

test("worker threads have sockets of their own, and leave no fd behind when they are ended", async () => {
  const workerData = {
    tsx: import.meta.resolve("tsx/esm/api"),
    windsock: new URL("../../src/index.ts", import.meta.url).href,
  };
  using client = UdpSocket.bind("127.0.0.1:0");
  let before = -1;
  for (let round = 0; round < 3; round++) {
    const workers = Array.from({ length: 2 }, () => new Worker(WORKER, { eval: true, workerData }));
    try {
      const addresses = (await Promise.all(workers.map((it) => once(it, "message")))).flat(2) as string[];
      for (const [i, address] of addresses.entries()) {
        for (let k = 0; k < 20; k++) {
          await client.sendTo(numbered(i * 100 + k), address);
          const { data, peer } = await client.recvFrom({ timeoutMs: 10_000 });
          assert.equal(numberOf(data), i * 100 + k);
          assert.equal(peer.toString(), address);
        }
      }
    } finally {
      await Promise.all(workers.map((it) => it.terminate()));
    }
    if (before < 0) before = fdCount();
    else await until(() => fdCount() <= before);
  }
});

test("buffers in shared memory take datagrams, and give them", async () => {
  using pair = udpPair();
  const { a, b } = pair;
  const shared = new Uint8Array(new SharedArrayBuffer(100));
  shared.set(pattern(50));
  await a.sendTo(shared.subarray(0, 50), b.localAddr);
  const into = new Uint8Array(new SharedArrayBuffer(100));
  const { data } = await b.recvFrom(into);
  assert.deepEqual(Uint8Array.from(data), pattern(50));
  await a.sendMsg([shared.subarray(0, 10), shared.subarray(10, 50)], { peer: b.localAddr });
  assert.deepEqual(Uint8Array.from((await b.recvMsg({ buffer: into })).data), pattern(50));
});
