/** What ICMP and this host report of UDP datagrams: to whom it is told, and to whom it is not; and what fits the path. */
import assert from "node:assert/strict";
import {
  DatagramTooLargeError,
  IP,
  IPV6,
  ReceiveBatch,
  SendBatch,
  SocketAddr,
  type SocketError,
  SysError,
  UdpSocket,
  WOULD_BLOCK,
} from "../../src/index.ts";
import * as sys from "../../src/sys/index.ts";
import { isolated, noIpv6, stateOf, sysError, test, textOf, turns, until, utf8 } from "./_helpers.ts";
import {
  assertEmpty,
  deadPort,
  fdOf,
  LOOPBACKS,
  numbered,
  numberOf,
  pattern,
  receive,
  untilError,
} from "./_udp.ts";
import { routed, twoHosts } from "./_wires.ts";

const UP = "ip link set lo up";
const MODES = ["dont", "want", "do", "probe", "interface", "omit"] as const; // IP_PMTUDISC_…

/** Everything that the error queue has now. */
function drain(socket: UdpSocket): SocketError[] {
  const all: SocketError[] = [];
  for (let one = socket.tryRecvError(); one !== WOULD_BLOCK; one = socket.tryRecvError()) all.push(one);
  return all;
}

for (const { family, at, skip } of LOOPBACKS) {
  const origin = family === "IPv4" ? "icmp" : "icmpv6";
  const [type, code] = family === "IPv4" ? [3, 3] : [1, 4]; // port unreachable, RFC 792, RFC 4443 §3.1

  test(`${family}: a connected socket is told that its peer refuses, by the next call of either kind`, {
    skip,
  }, async () => {
    using dead = deadPort(at);
    using socket = await UdpSocket.connect(dead.address);
    const receives: [string, () => Promise<unknown>][] = [
      ["recvfrom", () => socket.recv()],
      ["recvfrom", () => socket.recvFrom(new Uint8Array(9))],
      ["recvmsg", () => socket.recvMsg()],
      ["recvmmsg", () => socket.recvMany(new ReceiveBatch())],
      ["recvfrom", async () => socket.tryRecv()],
      ["recvmmsg", async () => socket.tryRecvMany(new ReceiveBatch())],
    ];
    for (const [syscall, call] of receives) {
      await socket.send(utf8("x"));
      await untilError(socket);
      await socket.readable();
      await assert.rejects(call, (error) => {
        sysError("ECONNREFUSED", syscall)(error);
        assert.equal((error as SysError).address, dead.address.toString());
        return true;
      });
      assert.equal(socket.tryRecv(), WOULD_BLOCK, "told once");
    }
    const sends: [string, () => unknown][] = [
      ["send", () => socket.send(utf8("y"))],
      ["sendmsg", () => socket.sendMsg(utf8("y"))],
      ["send", async () => socket.trySend(utf8("y"))],
    ];
    for (const [syscall, call] of sends) {
      await socket.send(utf8("x"));
      await untilError(socket);
      await assert.rejects(
        async () => call(),
        (error) => {
          sysError("ECONNREFUSED", syscall)(error);
          assert.match(
            (error as Error).message,
            /no socket had that port when an earlier datagram came there/,
          );
          return true;
        },
      );
      assert.equal(socket.trySend(utf8("z")), 1, "told once");
      await untilError(socket);
      assert.throws(() => socket.tryRecv(), sysError("ECONNREFUSED"));
    }
    // Who waits is told as well.
    const waiting = socket.recv();
    await socket.send(utf8("x"));
    await assert.rejects(waiting, sysError("ECONNREFUSED", "recvfrom"));
  });

  test(`${family}: one error is told to one of those who wait, and the others go on`, { skip }, async () => {
    using dead = deadPort(at);
    using socket = await UdpSocket.connect(dead.address);
    const first = socket.recv();
    const second = socket.recv();
    await socket.send(utf8("x"));
    await assert.rejects(first, sysError("ECONNREFUSED"));
    assert.equal(await stateOf(second), "pending");
    await socket.send(utf8("x"));
    await assert.rejects(second, sysError("ECONNREFUSED"));
  });

  test(`${family}: an unconnected socket hears nothing of it, with and without icmpErrors`, {
    skip,
  }, async () => {
    using dead = deadPort(at);
    using live = UdpSocket.bind(at);
    for (const icmpErrors of [false, true]) {
      using socket = UdpSocket.bind(at, { icmpErrors });
      const waiting = socket.recvFrom();
      for (let i = 0; i < 20; i++) {
        await socket.sendTo(utf8("x"), dead.address);
        if (icmpErrors) await untilError(socket);
        await socket.sendTo(numbered(i), live.localAddr);
        assert.equal(socket.tryRecvMany(new ReceiveBatch()), WOULD_BLOCK, "somebody else waits");
      }
      assert.deepEqual((await receive(live, 20)).map(numberOf), [...Array(20).keys()]);
      assert.equal(await stateOf(waiting), "pending");
      await live.sendTo(utf8("answer"), socket.localAddr);
      assert.equal(textOf((await waiting).data), "answer");
      await socket.sendTo(utf8("x"), dead.address);
      if (icmpErrors) await untilError(socket);
      for (const call of [() => socket.tryRecvFrom(), () => socket.tryRecvMany(new ReceiveBatch())]) {
        assert.equal(call(), WOULD_BLOCK);
      }
      await assert.rejects(socket.readable({ timeoutMs: 0 }), { name: "TimeoutError" });
      await socket.writable({ timeoutMs: 5000 });
    }
  });

  test(`${family}: the error queue tells who refused what`, { skip }, async () => {
    using first = deadPort(at);
    using second = deadPort(at);
    using socket = UdpSocket.bind(at, { icmpErrors: true });
    assert.equal(socket.tryRecvError(), WOULD_BLOCK);
    const waiting = [socket.recvError(), socket.recvError({ timeoutMs: 5000 })];
    assert.equal(socket.tryRecvError(), WOULD_BLOCK);
    await socket.sendTo(utf8("to the first"), first.address);
    await socket.sendTo(new Uint8Array(), second.address);
    const told = await Promise.all(waiting);
    assert.deepEqual(
      told.map((it) => [it.peer?.toString(), textOf(it.data)]),
      [
        [first.address.toString(), "to the first"],
        [second.address.toString(), ""],
      ],
    );
    for (const it of told) {
      sysError("ECONNREFUSED", "send")(it.error);
      assert.equal(it.error.address, it.peer?.toString());
      assert.deepEqual([it.origin, it.type, it.code, it.mtu], [origin, type, code, undefined]);
      assert.equal(it.offender?.toString(), first.address.ip.toString());
    }
    assert.equal(socket.tryRecvError(), WOULD_BLOCK);
  });

  test(`${family}: without icmpErrors the error queue stays empty`, { skip }, async () => {
    using dead = deadPort(at);
    using socket = await UdpSocket.connect(dead.address);
    await socket.send(utf8("x"));
    await assert.rejects(socket.recv(), sysError("ECONNREFUSED"));
    assert.equal(socket.tryRecvError(), WOULD_BLOCK);
    await assert.rejects(socket.recvError({ timeoutMs: 0 }), { name: "TimeoutError" });
  });

  test(`${family}: a connected socket with icmpErrors is told both ways, and recvError knows the peer`, {
    skip,
  }, async () => {
    using dead = deadPort(at);
    using socket = await UdpSocket.connect(dead.address, { icmpErrors: true });
    const waiting = socket.recv();
    const queued = socket.recvError();
    await socket.send(utf8("x"));
    await assert.rejects(waiting, sysError("ECONNREFUSED"));
    assert.ok((await queued).peer?.equals(dead.address));
  });

  test(`${family}: errors that are queued, or pending, of an earlier peer fail no call to the next one`, {
    skip,
  }, async () => {
    using dead = deadPort(at);
    using live = UdpSocket.bind(at);
    for (const icmpErrors of [false, true]) {
      using socket = UdpSocket.bind(at, { icmpErrors });
      const refused = async (): Promise<void> => {
        socket.connect(dead.address);
        for (let i = 0; i < 3; i++) {
          await socket.send(utf8("x")).catch(() => socket.send(utf8("x"))); // the first may be told of the last
          await untilError(socket);
        }
      };
      await refused();
      socket.connect(live.localAddr);
      assert.equal(socket.trySend(utf8("first")), 5);
      for (let left = icmpErrors ? 1 : 0; left > 0; left--) {
        assert.ok(socket.tryRecvError() !== WOULD_BLOCK); // which makes the kernel report the next one in the queue
        assert.equal(socket.tryRecv(), WOULD_BLOCK);
        assert.ok(socket.tryRecvError() !== WOULD_BLOCK);
        assert.equal(socket.trySend(utf8("again")), 5);
      }
      await live.sendTo(utf8("answer"), socket.localAddr);
      assert.equal(textOf((await socket.recv()).data), "answer");
      drain(socket);

      await refused();
      socket.disconnect();
      assert.equal(socket.trySendTo(utf8("third"), live.localAddr), 5);
      assert.equal(socket.tryRecvFrom(), WOULD_BLOCK);
      drain(socket);

      // A connected socket that sends elsewhere: the error is not for who sends now.
      socket.connect(dead.address);
      await socket.send(utf8("x"));
      await untilError(socket);
      assert.equal(socket.trySendTo(utf8("aside"), live.localAddr), 5);
      const batch = new SendBatch();
      await socket.send(utf8("x"));
      await untilError(socket);
      for (let i = 0; i < 5; i++) batch.push(utf8("batch"), live.localAddr);
      assert.equal(await socket.sendMany(batch), 5);
      const texts = (await receive(live, icmpErrors ? 9 : 8)).map(textOf);
      const wanted = ["first", ...(icmpErrors ? ["again"] : []), "third", "aside", ...Array(5).fill("batch")];
      assert.deepEqual(texts, wanted);
    }
  });

  test(`${family}: a batch to living and dead peers in turn reaches all the living, and reports all the dead`, {
    skip,
  }, async () => {
    using dead = deadPort(at);
    using live = UdpSocket.bind(at);
    using socket = UdpSocket.bind(at, { icmpErrors: true });
    const waiting = socket.recvFrom();
    const reported: SocketError[] = [];
    for (const segmented of [false, true]) {
      const batch = new SendBatch({ datagrams: 120, segmented });
      for (let i = 0; i < 120; i++) batch.push(numbered(i, 100), i % 3 === 0 ? live.localAddr : dead.address);
      assert.equal(await socket.sendMany(batch), 120);
      assert.deepEqual([batch.size, batch.sent], [0, 0]);
      const all = Array.from({ length: 120 }, (_, i) => i);
      assert.deepEqual(
        (await receive(live, 40)).map(numberOf),
        all.filter((i) => i % 3 === 0),
      );
      // Two that go as one message are reported as one.
      const wanted = all.filter((i) => (segmented ? i % 3 === 1 : i % 3 !== 0));
      await until(() => {
        reported.push(...drain(socket));
        return reported.length >= wanted.length;
      });
      assert.deepEqual(
        reported.splice(0).map((it) => numberOf(it.data)),
        wanted,
      );
    }
    assert.equal(await stateOf(waiting), "pending");
    await live.sendTo(utf8("end"), socket.localAddr);
    await waiting;
  });

  test(`${family}: an error in the middle of what recvMany takes fails nothing on an unconnected socket`, {
    skip,
  }, async () => {
    using dead = deadPort(at);
    using live = UdpSocket.bind(at);
    using socket = UdpSocket.bind(at, { icmpErrors: true });
    const batch = new ReceiveBatch({ datagrams: 3 });
    const seen: number[] = [];
    for (let i = 0; i < 10; i++) {
      await live.sendTo(numbered(i), socket.localAddr);
      await socket.sendTo(utf8("x"), dead.address);
    }
    await untilError(socket);
    while (seen.length < 10) {
      assert.ok((await socket.recvMany(batch, { timeoutMs: 5000 })) > 0);
      for (const { data } of batch) seen.push(numberOf(data));
      assert.ok(socket.tryRecvError() !== WOULD_BLOCK); // and here is the next one pending
    }
    assert.deepEqual(seen, [...Array(10).keys()]);
  });

  test(`${family}: a sendMany of a connected socket goes on past errors that it meets, and leaves the last for the next`, {
    skip,
  }, async () => {
    using dead = deadPort(at);
    using socket = await UdpSocket.connect(dead.address);
    const batch = new SendBatch({ datagrams: 50 });
    for (let i = 0; i < 50; i++) batch.push(numbered(i));
    assert.equal(await socket.sendMany(batch), 50);
    await assert.rejects(socket.recv({ timeoutMs: 5000 }), sysError("ECONNREFUSED", "recvfrom"));
    // One that is pending from before is told, and nothing has gone then.
    await socket.send(utf8("x"));
    await untilError(socket);
    for (let i = 0; i < 5; i++) batch.push(numbered(i));
    await assert.rejects(socket.sendMany(batch), sysError("ECONNREFUSED", "sendmmsg"));
    assert.deepEqual([batch.sent, batch.size], [0, 5]);
    assert.equal(await socket.sendMany(batch), 5);
  });

  test(`${family}: a datagram too large for UDP leaves nothing in the error queue, or once`, {
    skip,
  }, async () => {
    using live = UdpSocket.bind(at);
    const mode = family === "IPv4" ? IP.MTU_DISCOVER : IPV6.MTU_DISCOVER;
    for (const value of ["want", "do"] as const) {
      using socket = UdpSocket.bind(at, { icmpErrors: true, options: [mode.to(value)] });
      const bytes = new Uint8Array(65536);
      await assert.rejects(socket.sendTo(bytes, live.localAddr), DatagramTooLargeError);
      assert.ok(drain(socket).length <= 1, "reported once at most");
    }
  });
}

test("a dual-stack socket is told of both families", { skip: noIpv6 }, async () => {
  using four = deadPort("127.0.0.1:0");
  using six = deadPort("[::1]:0");
  using socket = UdpSocket.bind(0, { icmpErrors: true });
  for (const to of [four.address, SocketAddr.parse(`[::ffff:127.0.0.1]:${four.address.port}`), six.address]) {
    await socket.sendTo(utf8("x"), to);
    const { error, peer, origin } = await socket.recvError({ timeoutMs: 5000 });
    sysError("ECONNREFUSED")(error);
    const mapped = to.ip.version === 4 ? `[::ffff:${to.ip}]:${to.port}` : to.toString();
    assert.equal(peer?.toString(), mapped);
    assert.equal(origin, to === six.address ? "icmpv6" : "icmp");
    assert.equal(socket.tryRecvFrom(), WOULD_BLOCK);
  }
});

test("errors of this host itself fail the call that they belong to, with advice", async () => {
  using socket = UdpSocket.bind("127.0.0.1:0");
  const rows: [to: string, code: string, advice: RegExp][] = [
    ["127.0.0.1:0", "EINVAL", /port 0 is no destination/],
    ["[::1]:9", "EAFNOSUPPORT", /different families/],
  ];
  for (const [to, code, advice] of rows) {
    const batch = new SendBatch();
    batch.push(utf8("x"), to);
    for (const call of [
      () => socket.sendTo(utf8("x"), to),
      () => socket.sendMsg(utf8("x"), { peer: to }),
      () => socket.sendMany(batch),
    ]) {
      await assert.rejects(call, (error) => {
        sysError(code)(error);
        assert.equal((error as SysError).address, to);
        assert.match((error as Error).message, advice);
        return true;
      });
    }
  }
});

isolated(
  import.meta.url,
  "no route, a forbidden one, an unreachable one, of either family: the call fails, each time",
  { netns: UP },
  async () => {
    const { near } = twoHosts();
    near.sh(`
      ip route add prohibit 198.51.100.0/24; ip route add unreachable 198.51.101.0/24
      ip -6 route add prohibit 2001:db8:5::/48; ip -6 route add unreachable 2001:db8:6::/48`);
    for (const icmpErrors of [false, true]) {
      using socket = UdpSocket.bind(0, { icmpErrors });
      for (const [to, code] of [
        ["203.0.113.1:9", "ENETUNREACH"],
        ["198.51.100.1:9", "EACCES"],
        ["198.51.101.1:9", "EHOSTUNREACH"],
        ["[2001:db8:4::1]:9", "ENETUNREACH"],
        ["[2001:db8:5::1]:9", "EACCES"],
        ["[2001:db8:6::1]:9", "EHOSTUNREACH"],
      ] as const) {
        for (let i = 0; i < 3; i++) {
          await assert.rejects(socket.sendTo(utf8("x"), to), (error) => {
            sysError(code, "sendto")(error);
            if (to.startsWith("[")) assert.doesNotMatch((error as Error).message, /broadcast/);
            return true;
          });
        }
        assert.equal(socket.tryRecvFrom(), WOULD_BLOCK);
      }
      await socket.sendTo(utf8("x"), "192.0.2.2:9");
    }
  },
);

isolated(
  import.meta.url,
  "a router's reports, of either family: unreachable, too long, out of hops; to a connected socket and by the error queue",
  { netns: UP },
  async () => {
    const { far } = routed();
    const rows = [
      { to: "203.0.113.9:9", bytes: 5, code: "EHOSTUNREACH", type: 3, icmpCode: 1, router: "192.0.2.254" },
      { to: "198.51.100.2:9", bytes: 1400, code: "EMSGSIZE", type: 3, icmpCode: 4, router: "192.0.2.254" },
      {
        to: "198.51.100.2:9",
        bytes: 5,
        code: "EHOSTUNREACH",
        type: 11,
        icmpCode: 0,
        router: "192.0.2.254",
        ttl: 1,
      },
      {
        to: "[2001:db8:2::9]:9",
        bytes: 5,
        code: "ENETUNREACH",
        type: 1,
        icmpCode: 0,
        router: "2001:db8::fe",
      },
      {
        to: "[2001:db8:1::2]:9",
        bytes: 1400,
        code: "EMSGSIZE",
        type: 2,
        icmpCode: 0,
        router: "2001:db8::fe",
      },
      {
        to: "[2001:db8:1::2]:9",
        bytes: 5,
        code: "EHOSTUNREACH",
        type: 3,
        icmpCode: 0,
        router: "2001:db8::fe",
        ttl: 1,
      },
    ];
    const clear = (): void => void far.sh("true");
    for (const { to, bytes, code, type, icmpCode, router, ttl } of rows) {
      const ipv6 = to.startsWith("[");
      const ancillary = ttl === undefined ? undefined : { ttl };
      using socket = UdpSocket.bind(ipv6 ? "[::]:0" : "0.0.0.0:0", { icmpErrors: true });
      clear();
      await socket.sendMsg(pattern(bytes), { peer: to, ancillary });
      const told = await socket.recvError({ timeoutMs: 5000 });
      sysError(code, "send")(told.error);
      assert.deepEqual(
        [
          told.error.address,
          told.peer?.toString(),
          told.origin,
          told.type,
          told.code,
          told.offender?.toString(),
        ],
        [to, to, ipv6 ? "icmpv6" : "icmp", type, icmpCode, router],
      );
      assert.equal(told.mtu, code === "EMSGSIZE" ? 1300 : undefined);
      assert.ok(told.data.length >= Math.min(bytes, 5) && told.data.length <= bytes);
      assert.deepEqual(told.data, pattern(bytes).subarray(0, told.data.length));
      assert.equal(socket.tryRecvFrom(), WOULD_BLOCK);
      if (code === "EMSGSIZE") continue; // known by now, so that the next ones are cut into fragments here

      using connected = await UdpSocket.connect(to, { icmpErrors: true });
      const waiting = connected.recv({ timeoutMs: 5000 });
      await connected.sendMsg(pattern(bytes), { ancillary });
      await assert.rejects(waiting, sysError(code, "recvfrom"));
    }
  },
);

isolated(
  import.meta.url,
  "a datagram that is too long for a router fails a connected socket once, and the hint does not blame the next one",
  { netns: UP },
  async () => {
    const { far } = routed();
    for (const at of ["198.51.100.2:0", "[2001:db8:1::2]:0"]) {
      const ipv6 = at.startsWith("[");
      using live = far.in(() => UdpSocket.bind(at));
      const options = [ipv6 ? IPV6.MTU_DISCOVER.to("do") : IP.MTU_DISCOVER.to("do")];
      using socket = await UdpSocket.connect(live.localAddr, { options });
      assert.equal(await socket.send(pattern(1400)), 1400); // so far nobody knows
      await untilError(socket);
      await assert.rejects(socket.send(pattern(10)), (error) => {
        sysError("EMSGSIZE", "send")(error);
        assert.ok(!(error instanceof DatagramTooLargeError), String(error));
        assert.match((error as Error).message, /it would fit: an earlier datagram/);
        return true;
      });
      assert.equal(socket.getOption(ipv6 ? IPV6.MTU : IP.MTU), 1300);
      const fits = 1300 - (ipv6 ? 48 : 28);
      await assert.rejects(socket.send(pattern(fits + 1)), (error) => {
        assert.ok(error instanceof DatagramTooLargeError, String(error));
        assert.equal(error.maxBytes, fits);
        return true;
      });
      assert.equal(await socket.send(pattern(fits, 5)), fits);
      assert.deepEqual((await live.recvFrom({ timeoutMs: 5000 })).data, pattern(fits, 5));
      // PROBE does not care what routers say, only what the device takes.
      socket.setOption(ipv6 ? IPV6.MTU_DISCOVER : IP.MTU_DISCOVER, "probe");
      await assert.rejects(socket.send(pattern(2000)), (error) => {
        assert.ok(error instanceof DatagramTooLargeError, String(error));
        assert.equal(error.maxBytes, fits + 200);
        return true;
      });
    }
  },
);

isolated(
  import.meta.url,
  "EMSGSIZE tells what fits, exactly: in every mode, of either family, connected or not, by every call",
  { netns: UP },
  async () => {
    const { far } = twoHosts(1400);
    const sends: [string, (socket: UdpSocket, bytes: Uint8Array, to: SocketAddr) => Promise<unknown>][] = [
      ["sendTo", (socket, bytes, to) => socket.sendTo(bytes, to)],
      [
        "sendMsg",
        (socket, bytes, to) => socket.sendMsg([bytes.subarray(0, 9), bytes.subarray(9)], { peer: to }),
      ],
      ["sendMany", (socket, bytes, to) => socket.sendMany([{ data: bytes, peer: to }])],
      [
        "send",
        async (socket, bytes, to) => {
          socket.connect(to);
          try {
            return await socket.send(bytes);
          } finally {
            socket.disconnect();
          }
        },
      ],
    ];
    const kinds = [
      { bound: "0.0.0.0:0", to: "192.0.2.2", header: 28, most: 65507, option: IP.MTU_DISCOVER },
      { bound: "[::]:0", to: "2001:db8::2", header: 48, most: 65527, option: IPV6.MTU_DISCOVER },
      { bound: "[::]:0", to: "::ffff:192.0.2.2", header: 28, most: 65507, option: IP.MTU_DISCOVER },
    ];
    for (const { bound, to, header, most, option } of kinds) {
      const listen = to.includes("2001") ? "[2001:db8::2]:0" : "192.0.2.2:0";
      using receiver = far.in(() => UdpSocket.bind(listen));
      const peer = SocketAddr.of(to, receiver.localAddr.port);
      for (const [seed, mode] of MODES.entries()) {
        const cut = ["dont", "want", "omit"].includes(mode); // into fragments
        const fits = cut ? most : 1400 - header;
        using socket = UdpSocket.bind(bound, { icmpErrors: true, options: [option.to(mode)] });
        for (const [name, send] of sends) {
          const where = `${name} to ${to}, ${mode}`;
          for (const length of [fits + 1, fits + 1000, 65530]) {
            if (name === "sendMany" && length > 65527) continue; // which no batch takes
            await assert.rejects(send(socket, pattern(length), peer), (error) => {
              assert.ok(error instanceof DatagramTooLargeError, `${where}: ${error}`);
              assert.equal(error.code, "EMSGSIZE");
              assert.equal(error.maxBytes, fits, where);
              assert.equal(error.address, peer.toString());
              assert.ok(error.message.includes(`${length} bytes, and at most ${fits} fit`), error.message);
              return true;
            });
            const local = drain(socket);
            assert.ok(local.length <= 1, `${where}: reported ${local.length} times`);
            for (const it of local) {
              assert.equal(it.origin, "local");
              // Over IPv4 the kernel does not say the port of a local error, unless the socket is connected.
              assert.equal(it.peer?.ip.toString(), peer.ip.toString());
              assert.ok([0, peer.port].includes(it.peer?.port ?? -1));
              if (!cut) assert.equal(it.mtu, 1400);
            }
          }
          await send(socket, pattern(fits, seed), peer);
          const { data } = await receiver.recvFrom({ timeoutMs: 5000 });
          assert.deepEqual(data, pattern(fits, seed), where);
        }
      }
    }
    // IPV6_DONTFRAG alone does the same.
    using receiver = far.in(() => UdpSocket.bind("[2001:db8::2]:0"));
    using socket = UdpSocket.bind("[::]:0");
    sys.check(
      sys.setsockopt(fdOf(socket), sys.IPPROTO_IPV6, sys.IPV6_DONTFRAG, Uint8Array.of(1, 0, 0, 0)),
      "setsockopt",
    );
    await assert.rejects(socket.sendTo(pattern(1353), receiver.localAddr), (error) => {
      assert.ok(error instanceof DatagramTooLargeError);
      assert.equal(error.maxBytes, 1352);
      return true;
    });
    await socket.sendTo(pattern(1352), receiver.localAddr);
    assert.equal((await receiver.recvFrom({ timeoutMs: 5000 })).data.length, 1352);
    // A message of segments: one is too long, not the whole.
    using four = UdpSocket.bind("0.0.0.0:0");
    await assert.rejects(
      four.sendMsg(pattern(4000), { peer: "192.0.2.2:9", ancillary: { segmentBytes: 1373 } }),
      (error) => {
        assert.ok(error instanceof SysError && !(error instanceof DatagramTooLargeError), String(error));
        assert.ok(["EMSGSIZE", "EINVAL"].includes(error.code));
        return true;
      },
    );
  },
);

isolated(
  import.meta.url,
  "a burst of reports that come back over a wire fails no send to somebody else, nor a receive",
  { netns: UP },
  async () => {
    const { far } = twoHosts();
    far.sh(`
      cd /proc/sys/net/ipv4; echo 0 > icmp_ratelimit
      echo 1000000 > icmp_msgs_per_sec || true; echo 100000 > icmp_msgs_burst || true # of the machine, in older kernels`);
    using live = far.in(() => UdpSocket.bind("192.0.2.2:0"));
    using dead = far.in(() => deadPort("192.0.2.2:0"));
    using socket = UdpSocket.bind("192.0.2.1:0", { icmpErrors: true });
    let iterated = 0;
    const iterating = (async () => {
      for await (const _ of socket) iterated++;
    })();
    const burst = new SendBatch({ datagrams: 64 });
    let reported = 0;
    for (let i = 0; i < 300; i++) {
      for (let k = 0; k < 64; k++) burst.push(numbered(k), dead.address);
      await socket.sendMany(burst);
      for (let k = 0; k < 5; k++) await socket.sendTo(numbered(i * 5 + k), live.localAddr);
      await receive(live, 5);
      await live.sendTo(utf8("x"), socket.localAddr);
      reported += drain(socket).length;
    }
    await turns(5);
    reported += drain(socket).length;
    assert.ok(reported > 0, "errors did come");
    await until(() => iterated === 300);
    socket.close();
    await iterating;
  },
);

test("a connected socket that does not drain its error queue is told once by recv, and may go on", async () => {
  using live = UdpSocket.bind("127.0.0.1:0");
  const dead = deadPort();
  using socket = await UdpSocket.connect(dead.address, { icmpErrors: true });
  await socket.send(utf8("x"));
  await assert.rejects(socket.recv({ timeoutMs: 5000 }), sysError("ECONNREFUSED"));
  assert.equal(socket.tryRecv(), WOULD_BLOCK);
  await socket.readable({ timeoutMs: 5000 }); // since recvError has something to give
  assert.ok(socket.tryRecvError() !== WOULD_BLOCK);
  await assert.rejects(socket.readable({ timeoutMs: 0 }), { name: "TimeoutError" });
  dead[Symbol.dispose]();
  using again = UdpSocket.bind(dead.address);
  await socket.send(utf8("hello"));
  assert.equal(textOf((await again.recvFrom()).data), "hello");
  await assertEmpty(live, again);
});
