/** UdpSocket: datagrams one by one, their bounds, peers, broadcast, options, and what is refused before any call. */
import assert from "node:assert/strict";
import {
  IP,
  IPV6,
  ResolveError,
  type Resolver,
  SendBatch,
  SO,
  SocketAddr,
  SysError,
  UDP,
  UdpSocket,
  WOULD_BLOCK,
} from "../../src/index.ts";
import { fdCount } from "../_fds.ts";
import { isolated, noIpv6, sysError, test, textOf, utf8 } from "./_helpers.ts";
import { assertEmpty, deadPort, LOOPBACKS, pattern, receive, udpPair } from "./_udp.ts";
import { Host, twoHosts, wire } from "./_wires.ts";

for (const { family, at, largest, skip } of LOOPBACKS) {
  test(`${family}: sendTo and recvFrom, unconnected, both ways`, { skip }, async () => {
    using pair = udpPair(at);
    const { a, b } = pair;
    assert.equal(await a.sendTo(utf8("question"), b.localAddr), 8);
    const question = await b.recvFrom();
    assert.equal(textOf(question.data), "question");
    assert.ok(question.peer.equals(a.localAddr), `${question.peer}`);
    assert.deepEqual([question.truncated, question.lengthBytes], [false, 8]);
    assert.equal(await b.sendTo(utf8("answer"), question.peer.toString()), 6);
    assert.equal(textOf((await a.recvFrom()).data), "answer");
    assert.equal(a.connected, false);
    assert.throws(() => a.peerAddr, sysError("ENOTCONN", "getpeername"));
    await assert.rejects(a.send(utf8("x")), (error) => {
      sysError("EDESTADDRREQ", "send")(error);
      assert.match((error as Error).message, /not connected: use sendTo, or connect first/);
      return true;
    });
  });

  test(`${family}: send and recv, connected: nobody else gets through`, { skip }, async () => {
    using server = UdpSocket.bind(at);
    using stranger = UdpSocket.bind(at);
    using client = await UdpSocket.connect(server.localAddr);
    assert.ok(client.connected);
    assert.ok(client.peerAddr.equals(server.localAddr));
    assert.equal(await client.send(utf8("question")), 8);
    const { peer } = await server.recvFrom();
    assert.ok(peer.equals(client.localAddr));
    await stranger.sendTo(utf8("forged"), client.localAddr);
    await server.sendTo(utf8("answer"), peer);
    const answer = await client.recv();
    assert.equal(textOf(answer.data), "answer");
    assert.ok(answer.peer.equals(server.localAddr));
    assert.equal(client.tryRecv(), WOULD_BLOCK);
    // A connected socket may still send elsewhere.
    assert.equal(await client.sendTo(utf8("aside"), stranger.localAddr), 5);
    assert.equal(textOf((await stranger.recvFrom()).data), "aside");
  });

  test(`${family}: connect anew and disconnect`, { skip }, async () => {
    using first = UdpSocket.bind(at);
    using second = UdpSocket.bind(at);
    using socket = UdpSocket.bind(at);
    for (const peer of [first, second, first]) {
      socket.connect(peer.localAddr.toString());
      assert.ok(socket.peerAddr.equals(peer.localAddr));
      await socket.send(utf8("hello"));
      assert.ok((await peer.recvFrom()).peer.equals(socket.localAddr));
    }
    await second.sendTo(utf8("not yours"), socket.localAddr);
    await first.sendTo(utf8("yours"), socket.localAddr);
    assert.equal(textOf((await socket.recv()).data), "yours");
    socket.disconnect();
    assert.equal(socket.connected, false);
    assert.throws(() => socket.peerAddr, sysError("ENOTCONN"));
    await second.sendTo(utf8("yours now"), socket.localAddr);
    const { data, peer } = await socket.recvFrom();
    assert.equal(textOf(data), "yours now");
    assert.ok(peer.equals(second.localAddr));
    await assert.rejects(socket.send(utf8("x")), sysError("EDESTADDRREQ"));
  });

  test(`${family}: every length arrives as it was sent, the shortest and the longest too`, {
    skip,
  }, async () => {
    using pair = udpPair(at);
    const { a, b } = pair;
    const lengths = [0, 1, 2, 511, 1471, 1472, 1473, 9000, 65506, 65507, largest];
    for (const [seed, length] of lengths.entries()) {
      const bytes = pattern(length, seed);
      assert.equal(await a.sendTo(bytes, b.localAddr), length);
      const datagram = await b.recvFrom();
      assert.deepEqual(datagram.data, bytes);
      assert.deepEqual([datagram.truncated, datagram.lengthBytes], [false, length]);
    }
    await assert.rejects(a.sendTo(new Uint8Array(largest + 1), b.localAddr), sysError("EMSGSIZE", "sendto"));
    await assertEmpty(b, a);
  });

  test(`${family}: an empty datagram is a datagram, by every call`, { skip }, async () => {
    using pair = udpPair(at);
    const { a, b } = pair;
    const empty = new Uint8Array();
    a.connect(b.localAddr);
    const sends: [string, () => unknown][] = [
      ["send", () => a.send(empty)],
      ["sendTo", () => a.sendTo(empty, b.localAddr)],
      ["trySend", () => a.trySend(empty)],
      ["trySendTo", () => a.trySendTo(empty, b.localAddr)],
      ["sendMsg", () => a.sendMsg(empty)],
      ["sendMsg of no parts", () => a.sendMsg([])],
      ["sendMsg of empty parts", () => a.sendMsg([empty, empty])],
    ];
    const receives: [string, () => Promise<{ data: Uint8Array; truncated: boolean; lengthBytes: number }>][] =
      [
        ["recvFrom", () => b.recvFrom()],
        ["recv into a buffer", () => b.recv(new Uint8Array(5))],
        ["recv into no room", () => b.recv(empty)],
        ["recvMsg", () => b.recvMsg()],
        ["recvMsg into no room", () => b.recvMsg({ buffer: empty })],
      ];
    for (const [send, sending] of sends) {
      for (const [receiving, take] of receives) {
        assert.equal(await sending(), 0, send);
        const { data, truncated, lengthBytes } = await take();
        assert.deepEqual([data.length, truncated, lengthBytes], [0, false, 0], `${send}, ${receiving}`);
      }
    }
    const batch = new SendBatch();
    for (const bytes of [empty, utf8("x"), empty]) batch.push(bytes);
    assert.equal(await a.sendMany(batch), 3);
    assert.deepEqual(
      (await receive(b, 3)).map((it) => it.length),
      [0, 1, 0],
    );
  });

  test(`${family}: truncation is told by every call, with the whole length`, { skip }, async () => {
    using pair = udpPair(at);
    const { a, b } = pair;
    const bytes = pattern(1000);
    for (const room of [0, 1, 999, 1000, 1001, 4096]) {
      const count = Math.min(room, 1000);
      const calls = [
        async (buffer: Uint8Array) => b.recvFrom(buffer),
        async (buffer: Uint8Array) => b.recv(buffer, { timeoutMs: 5000 }),
        async (buffer: Uint8Array) => b.recvMsg({ buffer }),
        async (buffer: Uint8Array) => {
          await b.readable();
          return b.tryRecvFrom(buffer) as Exclude<ReturnType<typeof b.tryRecvFrom>, typeof WOULD_BLOCK>;
        },
      ];
      for (const call of calls) {
        await a.sendTo(bytes, b.localAddr);
        const around = new Uint8Array(room + 32).fill(0xee);
        const datagram = await call(around.subarray(16, 16 + room));
        assert.deepEqual([datagram.truncated, datagram.lengthBytes], [room < 1000, 1000]);
        assert.deepEqual(datagram.data, bytes.subarray(0, count));
        assert.equal(datagram.data.buffer, around.buffer, "a view of the caller's memory");
        assert.ok(
          around.subarray(0, 16).every((it) => it === 0xee),
          "nothing before it is touched",
        );
        assert.ok(
          around.subarray(16 + count).every((it) => it === 0xee),
          "nothing behind it is touched",
        );
        assert.ok(datagram.peer.equals(a.localAddr));
      }
    }
    await assertEmpty(b, a);
  });
}

test("datagrams that wait for each other keep their order, and each call its own data", async () => {
  using pair = udpPair();
  const { a, b } = pair;
  const waiting = Array.from({ length: 20 }, () => b.recvFrom());
  assert.equal(b.tryRecvFrom(), WOULD_BLOCK);
  for (let i = 0; i < 20; i++) await a.sendTo(pattern(50 + i, i), b.localAddr);
  assert.equal(b.tryRecvFrom(), WOULD_BLOCK, "others were first");
  const datagrams = await Promise.all(waiting);
  for (const [i, { data }] of datagrams.entries()) assert.deepEqual(data, pattern(50 + i, i));
});

test("tryRecvFrom and trySendTo never wait", async () => {
  using pair = udpPair();
  const { a, b } = pair;
  assert.equal(b.tryRecvFrom(), WOULD_BLOCK);
  assert.equal(b.tryRecv(new Uint8Array(5)), WOULD_BLOCK);
  assert.equal(a.trySendTo(utf8("now"), b.localAddr), 3);
  await b.readable();
  const datagram = b.tryRecvFrom();
  assert.ok(datagram !== WOULD_BLOCK);
  assert.equal(textOf(datagram.data), "now");
  assert.equal(b.tryRecvFrom(), WOULD_BLOCK);
  a.connect(b.localAddr);
  assert.equal(a.trySend(utf8("again")), 5);
  assert.equal(textOf((await b.recvFrom()).data), "again");
});

test("peek leaves the datagram in the queue, truncated or not", async () => {
  using pair = udpPair();
  const { a, b } = pair;
  await a.sendTo(pattern(100), b.localAddr);
  const short = await b.recvFrom(new Uint8Array(10), { peek: true });
  assert.deepEqual([short.truncated, short.lengthBytes, short.data.length], [true, 100, 10]);
  const message = await b.recvMsg({ peek: true });
  assert.deepEqual([message.truncated, message.data], [false, pattern(100)]);
  assert.deepEqual((await b.recvFrom({ peek: true })).data, pattern(100));
  assert.deepEqual((await b.recvFrom()).data, pattern(100));
  await assertEmpty(b, a);
});

test("sendMsg puts parts together", async () => {
  using pair = udpPair();
  const { a, b } = pair;
  const whole = pattern(3000);
  const parts = [whole.subarray(0, 1), whole.subarray(1, 1), whole.subarray(1, 2000), whole.subarray(2000)];
  assert.equal(await a.sendMsg(parts, { peer: b.localAddr }), 3000);
  const { data, ancillary, ancillaryTruncated } = await b.recvMsg();
  assert.deepEqual(data, whole);
  assert.deepEqual([ancillary, ancillaryTruncated], [{}, false]);
});

test("datagrams in new arrays stay as they are when others come", async () => {
  using pair = udpPair();
  const { a, b } = pair;
  const kept: Uint8Array[] = [];
  for (let i = 0; i < 50; i++) {
    await a.sendTo(pattern(700, i), b.localAddr);
    kept.push((i % 2 === 0 ? await b.recvFrom() : await b.recvMsg()).data);
  }
  for (const [i, data] of kept.entries()) assert.deepEqual(data, pattern(700, i));
});

test("async iteration gives datagram after datagram until the socket is closed", async () => {
  using pair = udpPair();
  const { a, b } = pair;
  const seen: number[] = [];
  const iterating = (async () => {
    for await (const { data, peer } of b) {
      assert.ok(peer.equals(a.localAddr));
      seen.push(data.length);
      if (seen.length === 5) setImmediate(() => b.close());
    }
  })();
  for (let i = 0; i < 5; i++) await a.sendTo(pattern(i), b.localAddr);
  await iterating;
  assert.deepEqual(seen, [0, 1, 2, 3, 4]);
  for await (const _ of b) assert.fail("closed");
});

test("async iteration of a connected socket ends with the error of its peer, and may begin again", async () => {
  using dead = deadPort();
  using socket = await UdpSocket.connect(dead.address);
  await socket.send(utf8("x"));
  await assert.rejects(
    (async () => {
      for await (const _ of socket) assert.fail("nobody is there");
    })(),
    sysError("ECONNREFUSED", "recvfrom"),
  );
  assert.equal(socket.closed, false);
});

test("bind takes text, a SocketAddr or a port; a port alone is of both families", {
  skip: noIpv6,
}, async () => {
  using text = UdpSocket.bind("127.0.0.1:0");
  using value = UdpSocket.bind(SocketAddr.parse("[::1]:0"));
  using both = UdpSocket.bind(0);
  assert.equal(both.localAddr.ip.toString(), "::");
  assert.equal(both.getOption(IPV6.V6ONLY), false);
  for (const sender of [text, value]) {
    const to = sender === text ? "127.0.0.1" : "[::1]";
    await sender.sendTo(utf8("x"), `${to}:${both.localAddr.port}`);
    const { peer } = await both.recvFrom();
    const ip = peer.ip.version === 6 ? (peer.ip.toIpv4Mapped() ?? peer.ip) : peer.ip;
    assert.ok(ip.equals(sender.localAddr.ip), `${peer}`);
    await both.sendTo(utf8("y"), peer);
    assert.equal(textOf((await sender.recvFrom()).data), "y");
    await both.sendTo(utf8("z"), sender.localAddr); // an IPv4 address, not a mapped one, will do as well
    assert.equal(textOf((await sender.recvFrom()).data), "z");
    using connected = UdpSocket.bind(0);
    connected.connect(sender.localAddr);
    await connected.send(utf8("w"));
    assert.equal(textOf((await sender.recvFrom()).data), "w");
  }
});

test("what a wildcard is connected as, peerAddr tells", async () => {
  using server = UdpSocket.bind("127.0.0.1:0");
  using client = await UdpSocket.connect(`0.0.0.0:${server.localAddr.port}`);
  assert.ok(client.peerAddr.equals(server.localAddr), `${client.peerAddr}`);
  await client.send(utf8("x"));
  const { peer } = await server.recvFrom();
  await server.sendTo(utf8("y"), peer);
  assert.ok((await client.recv()).peer.equals(client.peerAddr));
});

test("connect takes the first address that can be reached at all", async () => {
  using server = UdpSocket.bind("127.0.0.1:0");
  const asked: unknown[] = [];
  const resolver: Resolver = {
    resolve: async (host, service, options) => {
      asked.push([host, service, options?.type]);
      return [SocketAddr.parse("255.255.255.255:9"), server.localAddr];
    },
  };
  const before = fdCount();
  using client = await UdpSocket.connect("some.example:domain", { resolver });
  assert.deepEqual(asked, [["some.example", "domain", "datagram"]]);
  assert.ok(client.peerAddr.equals(server.localAddr));
  assert.equal(fdCount(), before + 1, "the one that failed is closed");
  const none: Resolver = { resolve: async () => [] };
  await assert.rejects(UdpSocket.connect("none.example:1", { resolver: none }), ResolveError);
  await assert.rejects(UdpSocket.connect("255.255.255.255:9"), (error) => {
    sysError("EACCES", "connect")(error);
    assert.match((error as Error).message, /SO_BROADCAST/);
    return true;
  });
  await assert.rejects(UdpSocket.connect("127.0.0.1"), { name: "AddressError" });
  using bound = await UdpSocket.connect(server.localAddr, {
    localAddr: SocketAddr.parse("127.0.0.7:0"),
    family: "ipv4",
  });
  assert.equal(bound.localAddr.ip.toString(), "127.0.0.7");
  assert.equal(fdCount(), before + 2);
});

test("console.log says which socket it is", async () => {
  const { inspect } = await import("node:util");
  using server = UdpSocket.bind("127.0.0.1:0");
  const client = await UdpSocket.connect(server.localAddr);
  assert.equal(inspect(server), `UdpSocket(${server.localAddr})`);
  assert.equal(inspect(client), `UdpSocket(${client.localAddr} → ${server.localAddr})`);
  client.close();
  assert.equal(inspect(client), "UdpSocket(closed)");
});

test("options: what is named by itself has the last word, and what is off stays off", async () => {
  using plain = UdpSocket.bind("127.0.0.1:0");
  for (const option of [SO.REUSEADDR, SO.REUSEPORT, SO.BROADCAST, IP.RECVERR, UDP.GRO]) {
    assert.equal(plain.getOption(option), false, option.name);
  }
  using named = UdpSocket.bind("127.0.0.1:0", {
    options: [SO.BROADCAST.to(true), SO.REUSEADDR.to(true), SO.RCVBUF.to(50_000), IP.TTL.to(7)],
  });
  assert.equal(named.getOption(SO.BROADCAST), true);
  assert.equal(named.getOption(SO.REUSEADDR), true);
  assert.equal(named.getOption(SO.RCVBUF), 100_000);
  assert.equal(named.getOption(IP.TTL), 7);
  using both = UdpSocket.bind("127.0.0.1:0", {
    reuseAddr: true,
    reusePort: true,
    broadcast: true,
    icmpErrors: true,
    options: [SO.BROADCAST.to(false)],
  });
  assert.deepEqual(
    [SO.REUSEADDR, SO.REUSEPORT, IP.RECVERR, SO.BROADCAST].map((it) => both.getOption(it)),
    [true, true, true, false],
  );
  using again = UdpSocket.bind(both.localAddr, { reuseAddr: true, reusePort: true });
  assert.ok(again.localAddr.equals(both.localAddr));
  assert.throws(() => UdpSocket.bind(both.localAddr), sysError("EADDRINUSE", "bind"));
});

test("UDP_GRO by an option guards the calls for single datagrams as `merged` does", async () => {
  const message = /UDP_GRO/;
  for (const options of [{ merged: true }, { options: [UDP.GRO.to(true)] }]) {
    using socket = UdpSocket.bind("127.0.0.1:0", options);
    await assert.rejects(socket.recvFrom(), { name: "TypeError", message });
    await assert.rejects(socket.recv(), { name: "TypeError", message });
    assert.throws(() => socket.tryRecvFrom(), { name: "TypeError", message });
    socket.setOption(UDP.GRO, false);
    assert.equal(socket.tryRecvFrom(), WOULD_BLOCK);
    socket.setOption(UDP.GRO, true);
    assert.throws(() => socket.tryRecv(), { name: "TypeError", message });
  }
  using off = UdpSocket.bind("127.0.0.1:0", { merged: true, options: [UDP.GRO.to(false)] });
  assert.equal(off.tryRecvFrom(), WOULD_BLOCK);
});

test("wrong arguments are refused by name, before any system call", async (t) => {
  using pair = udpPair();
  const { a, b } = pair;
  a.connect(b.localAddr);
  const no = (value: unknown): never => value as never;
  const bytes = utf8("x");
  const rows: [name: string, call: () => unknown, expected: { name: string; message: RegExp }][] = [
    ["send text", () => a.send(no("text")), { name: "TypeError", message: /bytes.*string/ }],
    ["send nothing", () => a.send(no(undefined)), { name: "TypeError", message: /bytes/ }],
    ["send an ArrayBuffer", () => a.send(no(new ArrayBuffer(4))), { name: "TypeError", message: /bytes/ }],
    [
      "send a DataView",
      () => a.send(no(new DataView(new ArrayBuffer(4)))),
      { name: "TypeError", message: /bytes/ },
    ],
    ["trySend an array", () => a.trySend(no([1, 2])), { name: "TypeError", message: /bytes/ }],
    ["sendTo nobody", () => a.sendTo(bytes, no(undefined)), { name: "TypeError", message: /peer/ }],
    ["sendTo a number", () => a.sendTo(bytes, no(5)), { name: "TypeError", message: /peer/ }],
    ["sendTo a name", () => a.sendTo(bytes, "localhost:5"), { name: "AddressError", message: /localhost/ }],
    ["sendTo without port", () => a.sendTo(bytes, "127.0.0.1"), { name: "AddressError", message: /127/ }],
    [
      "trySendTo port 70000",
      () => a.trySendTo(bytes, "127.0.0.1:70000"),
      { name: "AddressError", message: /70000/ },
    ],
    [
      "sendTo an unknown zone",
      () => a.sendTo(bytes, "[fe80::1%nope9]:5"),
      { name: "SysError", message: /nope9/ },
    ],
    ["recvFrom(5)", () => b.recvFrom(no(5)), { name: "TypeError", message: /buffer/ }],
    ["recvFrom(null)", () => b.recvFrom(no(null)), { name: "TypeError", message: /buffer/ }],
    [
      "recv a DataView",
      () => b.recv(no(new DataView(new ArrayBuffer(4)))),
      { name: "TypeError", message: /buffer/ },
    ],
    ["recv an Int8Array", () => b.recv(no(new Int8Array(4))), { name: "TypeError", message: /buffer/ }],
    ["tryRecvFrom an object", () => b.tryRecvFrom(no({})), { name: "TypeError", message: /buffer/ }],
    ["recvMsg buffer", () => b.recvMsg({ buffer: no("x") }), { name: "TypeError", message: /buffer/ }],
    [
      "recvMsg room -1",
      () => b.recvMsg({ ancillaryBytes: -1 }),
      { name: "RangeError", message: /ancillaryBytes/ },
    ],
    [
      "recvMsg room 4097",
      () => b.recvMsg({ ancillaryBytes: 4097 }),
      { name: "RangeError", message: /ancillaryBytes/ },
    ],
    [
      "recvMsg room NaN",
      () => b.recvMsg({ ancillaryBytes: Number.NaN }),
      { name: "RangeError", message: /ancillary/ },
    ],
    [
      "recvMsg room 1.5",
      () => b.recvMsg({ ancillaryBytes: 1.5 }),
      { name: "RangeError", message: /ancillary/ },
    ],
    ["sendMsg a part", () => a.sendMsg(no([bytes, "x"])), { name: "TypeError", message: /bytes/ }],
    ["sendMsg peer", () => a.sendMsg(bytes, { peer: no(7) }), { name: "TypeError", message: /peer/ }],
    ["timeoutMs -1", () => b.recvFrom({ timeoutMs: -1 }), { name: "RangeError", message: /timeoutMs/ }],
    ["timeoutMs text", () => b.recv({ timeoutMs: no("1") }), { name: "TypeError", message: /timeoutMs/ }],
    ["signal", () => a.send(bytes, { signal: no({}) }), { name: "TypeError", message: /signal/ }],
    ["sendMany text", () => a.sendMany(no("x")), { name: "TypeError", message: /batch/ }],
    ["sendMany nothing", () => a.sendMany(no(undefined)), { name: "TypeError", message: /batch/ }],
    ["sendMany of bytes", () => a.sendMany(no([bytes])), { name: "TypeError", message: /batch\[0\]\.data/ }],
    ["sendMany of null", () => a.sendMany(no([null])), { name: "TypeError", message: /batch\[0\]\.data/ }],
    ["recvMany nothing", () => b.recvMany(no(undefined)), { name: "TypeError", message: /batch/ }],
    ["recvMany an object", () => b.recvMany(no({})), { name: "TypeError", message: /batch/ }],
    [
      "tryRecvMany a SendBatch",
      () => b.tryRecvMany(no(new SendBatch())),
      { name: "TypeError", message: /batch/ },
    ],
    ["connect a number", () => a.connect(no(5)), { name: "TypeError", message: /peer/ }],
    ["bind nothing", () => UdpSocket.bind(no(undefined)), { name: "TypeError", message: /address/ }],
    ["bind a name", () => UdpSocket.bind("localhost:0"), { name: "AddressError", message: /localhost/ }],
    ["bind port -1", () => UdpSocket.bind(-1), { name: "RangeError", message: /-1/ }],
    [
      "bind broadcast: 1",
      () => UdpSocket.bind(0, { broadcast: no(1) }),
      { name: "TypeError", message: /BROADCAST/ },
    ],
    ["bind merged: 1", () => UdpSocket.bind(0, { merged: no(1) }), { name: "TypeError", message: /GRO/ }],
    [
      "bind ancillary text",
      () => UdpSocket.bind(0, { ancillary: no("ttl") }),
      { name: "TypeError", message: /ancill/ },
    ],
    [
      "bind an unknown kind",
      () => UdpSocket.bind(0, { ancillary: [no("TTL")] }),
      { name: "TypeError", message: /TTL/ },
    ],
    ["fromFd text", () => UdpSocket.fromFd(no("3")), { name: "TypeError", message: /fd/ }],
    ["fromFd -1", () => UdpSocket.fromFd(-1), { name: "TypeError", message: /fd/ }],
    ["fromFd nothing", () => UdpSocket.fromFd(no(undefined)), { name: "TypeError", message: /fd/ }],
  ];
  const fds = fdCount();
  for (const [name, call, expected] of rows) {
    await t.test(name, async () => {
      await assert.rejects(async () => call(), expected);
    });
  }
  assert.equal(fdCount(), fds);
  a.disconnect();
  await assertEmpty(b, a);
});

test("a buffer that is detached or resized while the call waits is refused, and the datagram stays", async () => {
  using pair = udpPair();
  const { a, b } = pair;
  const transfer = (buffer: ArrayBufferLike): unknown =>
    structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
  for (const call of [
    (buffer: Uint8Array) => b.recvFrom(buffer),
    (buffer: Uint8Array) => b.recvMsg({ buffer }),
  ]) {
    const buffer = new Uint8Array(100);
    const waiting = call(buffer);
    transfer(buffer.buffer);
    await a.sendTo(utf8("kept"), b.localAddr);
    await assert.rejects(waiting, { name: "TypeError", message: /buffer.*detached/ });
    assert.equal(textOf((await b.recvFrom()).data), "kept");
  }
  type Resizable = ArrayBuffer & { resize(length: number): void };
  const memory = Reflect.construct(ArrayBuffer, [100, { maxByteLength: 200 }]) as Resizable;
  const view = new Uint8Array(memory);
  const waiting = b.recvFrom(view);
  memory.resize(10);
  await a.sendTo(utf8("kept"), b.localAddr);
  await assert.rejects(waiting, { name: "TypeError", message: /buffer/ });
  assert.equal(textOf((await b.recvFrom()).data), "kept");
});

isolated(
  import.meta.url,
  "[::] takes IPv4 whatever net.ipv6.bindv6only says; ipv6Only does not",
  { skip: noIpv6, netns: "ip link set lo up; echo 1 > /proc/sys/net/ipv6/bindv6only" },
  async () => {
    using sender = UdpSocket.bind("127.0.0.1:0");
    using both = UdpSocket.bind("[::]:0");
    await sender.sendTo(utf8("x"), `127.0.0.1:${both.localAddr.port}`);
    assert.equal((await both.recvFrom({ timeoutMs: 5000 })).peer.ip.toString(), "::ffff:127.0.0.1");
    using only = UdpSocket.bind("[::]:0", { ipv6Only: true });
    using four = UdpSocket.bind(`0.0.0.0:${only.localAddr.port}`); // the port is free there
    await sender.sendTo(utf8("y"), `127.0.0.1:${only.localAddr.port}`);
    assert.equal(textOf((await four.recvFrom({ timeoutMs: 5000 })).data), "y");
    await assert.rejects(only.sendTo(utf8("x"), sender.localAddr), SysError);
  },
);

isolated(
  import.meta.url,
  "a port alone is IPv4's where the host has no IPv6",
  { netns: "ip link set lo up; echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6" },
  async () => {
    using socket = UdpSocket.bind(0);
    using sender = UdpSocket.bind("127.0.0.1:0");
    await sender.sendTo(utf8("x"), `127.0.0.1:${socket.localAddr.port}`);
    assert.equal((await socket.recvFrom({ timeoutMs: 5000 })).data.length, 1);
  },
);

isolated(
  import.meta.url,
  "broadcast: to all on the wire, to those of the network; without the option the error says so",
  { netns: "ip link set lo up" },
  async () => {
    const { near, far } = twoHosts();
    near.sh("ip route add default via 192.0.2.2");
    const third = Host.create();
    wire(
      { host: Host.home(), name: "near1", addresses: ["198.51.100.1/24"] },
      { host: third, name: "third0", addresses: ["198.51.100.2/24"] },
    );
    using sender = UdpSocket.bind("0.0.0.0:0", { broadcast: true });
    using one = far.in(() => UdpSocket.bind("0.0.0.0:4000", { reuseAddr: true, broadcast: true }));
    using two = far.in(() => UdpSocket.bind("0.0.0.0:4000", { reuseAddr: true, broadcast: true }));
    using other = third.in(() => UdpSocket.bind("0.0.0.0:4000"));
    await sender.sendTo(utf8("network"), "192.0.2.255:4000");
    for (const socket of [one, two]) {
      assert.equal(textOf((await socket.recvFrom({ timeoutMs: 5000 })).data), "network");
    }
    await sender.sendTo(utf8("other network"), "198.51.100.255:4000");
    assert.equal(textOf((await other.recvFrom({ timeoutMs: 5000 })).data), "other network");
    // The limited broadcast goes out by one interface: that of the route, or the one named beside it.
    for (const [name, receiver] of [
      ["near0", one],
      ["near1", other],
    ] as const) {
      await sender.sendMsg(utf8(name), { peer: "255.255.255.255:4000", ancillary: { interface: name } });
      assert.equal(textOf((await receiver.recvFrom({ timeoutMs: 5000 })).data), name);
    }
    using mute = UdpSocket.bind("0.0.0.0:0");
    for (const to of ["192.0.2.255:4000", "255.255.255.255:4000", "198.51.100.255:4000"]) {
      const batch = new SendBatch();
      batch.push(utf8("x"), to);
      for (const [syscall, sending] of [
        ["sendto", () => mute.sendTo(utf8("x"), to)],
        ["sendmsg", () => mute.sendMsg(utf8("x"), { peer: to })],
        ["sendmmsg", () => mute.sendMany(batch)],
        ["sendto", async () => mute.trySendTo(utf8("x"), to)],
      ] as const) {
        await assert.rejects(sending, (error) => {
          sysError("EACCES", syscall)(error);
          assert.equal((error as SysError).address, to);
          assert.match((error as Error).message, /SO\.BROADCAST \(SO_BROADCAST\)/);
          return true;
        });
      }
      assert.throws(() => mute.connect(to), sysError("EACCES", "connect"));
    }
    mute.setOption(SO.BROADCAST, true);
    await mute.sendTo(utf8("allowed"), "192.0.2.255:4000");
    assert.deepEqual((await receive(two, 2)).map(textOf), ["near0", "allowed"]);
  },
);

for (const { family, at, skip } of LOOPBACKS) {
  test(`${family}: connect shows the address of the way there; disconnect gives back what it was, and keeps the port`, {
    skip,
  }, async () => {
    using server = UdpSocket.bind(at);
    const any = at.replace(/^.*:/, server.localAddr.family === "ipv4" ? "0.0.0.0:" : "[::]:");
    for (const client of [
      UdpSocket.bind(any),
      UdpSocket.bind(at),
      await UdpSocket.connect(server.localAddr),
    ]) {
      const { port } = client.localAddr;
      const bound = client.connected ? undefined : client.localAddr.toString();
      client.connect(server.localAddr);
      assert.equal(client.localAddr.ip.toString(), server.localAddr.ip.toString());
      for (let i = 0; i < 2; i++) {
        client.disconnect();
        assert.equal(client.localAddr.port, port);
        if (bound !== undefined) assert.equal(client.localAddr.toString(), bound);
      }
      await server.sendTo(utf8("x"), SocketAddr.of(server.localAddr.ip, port));
      assert.equal(textOf((await client.recvFrom({ timeoutMs: 5000 })).data), "x");
      client.close();
      assert.throws(() => client.disconnect(), sysError("EBADF", "connect"));
    }
  });
}
