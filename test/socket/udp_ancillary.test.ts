/** Ancillary data of UDP both ways: every kind, cut off, malformed; answers from the address that was asked; drops. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import {
  type Ancillary,
  type AncillaryKind,
  type AncillaryRequest,
  IP,
  IPV6,
  Ipv4Addr,
  Ipv6Addr,
  ReceiveBatch,
  type ReceivedMessage,
  SO,
  SocketAddr,
  SysError,
  UDP,
  UdpSocket,
  WOULD_BLOCK,
} from "../../src/index.ts";
import { decodeAncillary } from "../../src/socket/ancillary.ts";
import * as sys from "../../src/sys/index.ts";
import { isolated, noIpv6, random, sysError, test, textOf, until, utf8 } from "./_helpers.ts";
import { assertEmpty, fdOf, LOOPBACKS, pattern, receive, udpPair } from "./_udp.ts";
import { routed, twoHosts } from "./_wires.ts";

const UP = "ip link set lo up";
const ALL: AncillaryKind[] = ["destination", "ttl", "tos", "timestamp", "drops"];
const no = (value: unknown): never => value as never;

/** Sends with a request, and takes what has come. */
async function across(
  from: UdpSocket,
  to: UdpSocket,
  ancillary: AncillaryRequest,
  peer: SocketAddr | string = to.localAddr,
): Promise<ReceivedMessage<SocketAddr>> {
  await from.sendMsg(utf8("x"), { peer, ancillary });
  return to.recvMsg({ timeoutMs: 5000 });
}

for (const { family, at, skip } of LOOPBACKS) {
  const ipv6 = family === "IPv6";
  const [level, ttlType, tosType] = ipv6
    ? [sys.IPPROTO_IPV6, sys.IPV6_HOPLIMIT, sys.IPV6_TCLASS]
    : [sys.IPPROTO_IP, sys.IP_TTL, sys.IP_TOS];

  test(`${family}: what is asked for comes beside each datagram, and nothing else`, { skip }, async () => {
    using sender = UdpSocket.bind(at);
    using all = UdpSocket.bind(at, { ancillary: ALL });
    const before = BigInt(Math.floor(Date.now())) * 1_000_000n;
    const { ancillary, ancillaryTruncated } = await across(sender, all, {});
    const after = (BigInt(Math.ceil(Date.now())) + 1n) * 1_000_000n;
    assert.equal(ancillaryTruncated, false);
    assert.deepEqual(Object.keys(ancillary).sort(), ["destination", "timestampNs", "tos", "ttl"]);
    assert.equal(ancillary.destination?.ip.toString(), all.localAddr.ip.toString());
    assert.equal(ancillary.destination?.interfaceIndex, 1);
    assert.equal(ancillary.destination?.localIp?.toString(), ipv6 ? undefined : "127.0.0.1");
    assert.deepEqual([ancillary.ttl, ancillary.tos], [64, 0]);
    assert.ok(before <= (ancillary.timestampNs ?? 0n) && (ancillary.timestampNs ?? 0n) <= after);
    const only: [AncillaryKind, (keyof Ancillary)[]][] = [
      ["destination", ["destination"]],
      ["ttl", ["ttl"]],
      ["tos", ["tos"]],
      ["timestamp", ["timestampNs"]],
      ["drops", []],
    ];
    for (const [kind, keys] of only) {
      using one = UdpSocket.bind(at, { ancillary: [kind] });
      assert.deepEqual(Object.keys((await across(sender, one, {})).ancillary), keys);
    }
    using none = UdpSocket.bind(at);
    assert.deepEqual((await across(sender, none, {})).ancillary, {});
  });

  test(`${family}: hops and the traffic class of one datagram, every value, ECN among them`, {
    skip,
  }, async () => {
    using sender = UdpSocket.bind(at);
    using receiver = UdpSocket.bind(at, { ancillary: ["ttl", "tos"] });
    for (let ttl = 1; ttl <= 255; ttl++) {
      const tos = (ttl * 7) & 0xff;
      const { ancillary } = await across(sender, receiver, { ttl, tos });
      assert.deepEqual(ancillary, { ttl, tos });
    }
    for (const ecn of [0, 1, 2, 3]) {
      for (const dscp of [0, 46 << 2]) {
        assert.equal((await across(sender, receiver, { tos: dscp | ecn })).ancillary.tos, dscp | ecn);
        // By the option of the socket, for every datagram; a request goes before it.
        sender.setOption(ipv6 ? IPV6.TCLASS : IP.TOS, dscp | ecn);
        assert.equal((await across(sender, receiver, {})).ancillary.tos, dscp | ecn);
        assert.equal((await across(sender, receiver, { tos: 4 })).ancillary.tos, 4);
      }
    }
  });

  test(`${family}: the interface by name and by index, and the source address`, { skip }, async () => {
    using sender = UdpSocket.bind(ipv6 ? "[::]:0" : "0.0.0.0:0");
    using receiver = UdpSocket.bind(at, { ancillary: ["destination"] });
    const sources = ipv6
      ? ["::1", Ipv6Addr.parse("::1")]
      : ["127.0.0.9", Ipv4Addr.parse("127.3.2.1"), "127.0.0.1"];
    for (const source of [undefined, ...sources]) {
      for (const name of [undefined, "lo", 1, 0]) {
        const { peer } = await across(sender, receiver, { source, interface: name });
        if (source !== undefined) assert.equal(peer.ip.toString(), String(source));
      }
    }
    const foreign = ipv6 ? "2001:db8::77" : "192.0.2.77";
    await assert.rejects(across(sender, receiver, { source: foreign }), (error) => {
      assert.ok(error instanceof SysError, String(error));
      assert.ok(["EINVAL", "ENETUNREACH", "EADDRNOTAVAIL"].includes(error.code), error.code);
      return true;
    });
    await assert.rejects(across(sender, receiver, { interface: 99_999 }), SysError);
    await assertEmpty(receiver, sender);
  });

  test(`${family}: segmentBytes cuts a message into datagrams; merged, it comes back as it was`, {
    skip,
  }, async () => {
    using sender = UdpSocket.bind(at);
    using plain = UdpSocket.bind(at);
    using merging = UdpSocket.bind(at, { merged: true });
    const bytes = pattern(1000);
    for (const [segmentBytes, count] of [
      [1000, 1],
      [999, 2],
      [300, 4],
      [100, 10],
      [16, 63],
    ] as const) {
      await sender.sendMsg(bytes, { peer: plain.localAddr, ancillary: { segmentBytes } });
      const got = await receive(plain, count);
      assert.deepEqual(Buffer.concat(got), Buffer.from(bytes));
      assert.deepEqual(
        got.map((it) => it.length),
        Array.from({ length: count }, (_, i) => Math.min(segmentBytes, 1000 - i * segmentBytes)),
      );
      await sender.sendMsg(bytes, { peer: merging.localAddr, ancillary: { segmentBytes } });
      const message = await merging.recvMsg({ timeoutMs: 5000 });
      assert.deepEqual(message.data, bytes);
      assert.equal(message.ancillary.segmentBytes, count === 1 ? undefined : segmentBytes);
    }
  });

  test(`${family}: control messages as they are, sent and received`, { skip }, async () => {
    using sender = UdpSocket.bind(at);
    using receiver = UdpSocket.bind(at, { ancillary: ["ttl", "tos"] });
    const four = (value: number): Uint8Array => Uint8Array.of(value, 0, 0, 0);
    const others = [
      { level, type: ttlType, data: four(33) },
      { level, type: tosType, data: four(66) },
    ];
    assert.deepEqual((await across(sender, receiver, { others })).ancillary, { ttl: 33, tos: 66 });
    // What has no name here comes as it is: the original destination, a sockaddr.
    const [name, wanted] = ipv6 ? [sys.IPV6_RECVORIGDSTADDR, 28] : [sys.IP_RECVORIGDSTADDR, 16];
    sys.check(sys.setsockopt(fdOf(receiver), level, name, four(1)), "setsockopt");
    const { ancillary } = await across(sender, receiver, {});
    assert.equal(ancillary.others?.length, 1);
    const [other] = ancillary.others ?? [];
    assert.deepEqual([other?.level, other?.type, other?.data.length], [level, name, wanted]);
    const address = sys.decodeSockaddr(other?.data as Uint8Array);
    assert.equal(address?.toString(), receiver.localAddr.toString());
    await across(sender, receiver, { ttl: 9 });
    assert.equal(sys.decodeSockaddr(other?.data as Uint8Array)?.port, receiver.localAddr.port, "a copy");
    // Nonsense is the kernel's to refuse.
    await assert.rejects(
      across(sender, receiver, { others: [{ level, type: ttlType, data: new Uint8Array(1) }] }),
      sysError("EINVAL", "sendmsg"),
    );
  });

  test(`${family}: timestamps of SO_TIMESTAMPING`, { skip }, async () => {
    using sender = UdpSocket.bind(at);
    using receiver = UdpSocket.bind(at);
    const flags = new Uint8Array(4);
    new DataView(flags.buffer).setUint32(0, (1 << 3) | (1 << 4), true); // RX_SOFTWARE | SOFTWARE
    sys.check(sys.setsockopt(fdOf(receiver), sys.SOL_SOCKET, sys.SO_TIMESTAMPING, flags), "setsockopt");
    const before = BigInt(Date.now()) * 1_000_000n;
    const stamps = async (): Promise<bigint | undefined> => {
      const { ancillary } = await across(sender, receiver, {});
      assert.deepEqual(Object.keys(ancillary), ancillary.timestamps === undefined ? [] : ["timestamps"]);
      assert.equal(ancillary.timestamps?.hardwareNs, undefined);
      return ancillary.timestamps?.softwareNs;
    };
    await until(async () => ((await stamps()) ?? 0n) > 0n); // the kernel begins to stamp a moment after it is asked
    assert.ok(((await stamps()) ?? 0n) >= before);
  });

  test(`${family}: with too little room the data is whole, what fits is right, and the rest is told to be cut`, {
    skip,
  }, async () => {
    using sender = UdpSocket.bind(at);
    using receiver = UdpSocket.bind(at, { ancillary: ALL });
    await across(sender, receiver, {});
    let enough = -1;
    const counts: number[] = [];
    for (let ancillaryBytes = 0; ancillaryBytes <= 200; ancillaryBytes++) {
      await sender.sendMsg(pattern(50, ancillaryBytes), {
        peer: receiver.localAddr,
        ancillary: { ttl: 77, tos: 5 },
      });
      const { data, ancillary, ancillaryTruncated, truncated } = await receiver.recvMsg({ ancillaryBytes });
      assert.deepEqual(data, pattern(50, ancillaryBytes));
      assert.equal(truncated, false);
      if (ancillary.ttl !== undefined) assert.equal(ancillary.ttl, 77);
      if (ancillary.tos !== undefined) assert.equal(ancillary.tos, 5);
      if (ancillary.destination !== undefined) {
        assert.equal(ancillary.destination.ip.toString(), receiver.localAddr.ip.toString());
      }
      const { others: _, ...typed } = ancillary;
      counts.push(Object.keys(typed).length);
      if (!ancillaryTruncated && enough < 0) enough = ancillaryBytes;
      assert.equal(ancillaryTruncated, enough < 0, `${ancillaryBytes}`);
      if (!ancillaryTruncated)
        assert.deepEqual(Object.keys(ancillary).sort(), ["destination", "timestampNs", "tos", "ttl"]);
    }
    assert.ok(enough > 80 && enough < 150, `${enough}`);
    assert.deepEqual(
      counts,
      counts.toSorted((a, b) => a - b),
      "more room never gives less",
    );
  });

  test(`${family}: drops are counted as the kernel counts them`, { skip }, async () => {
    using sender = UdpSocket.bind(at);
    using receiver = UdpSocket.bind(at, { ancillary: ["drops"], options: [SO.RCVBUF.to(4096)] });
    const kernel = (): number => {
      const port = receiver.localAddr.port.toString(16).toUpperCase().padStart(4, "0");
      const lines = readFileSync(`/proc/net/${ipv6 ? "udp6" : "udp"}`, "utf8").split("\n");
      const line = lines.find((it) => it.trim().split(/\s+/)[1]?.endsWith(`:${port}`));
      return Number(line?.trim().split(/\s+/).at(-1));
    };
    assert.equal(kernel(), 0);
    let [sent, got, told] = [0, 0, 0];
    for (let round = 0; round < 5; round++) {
      const count = 100 * (round + 1);
      await sender.sendMany(
        Array.from({ length: count }, () => ({ data: pattern(64), peer: receiver.localAddr })),
      );
      sent += count;
      const batch = new ReceiveBatch({ ancillaryBytes: 64 });
      for (;;) {
        const some = receiver.tryRecvMany(batch);
        if (some === WOULD_BLOCK) break;
        got += some;
      }
      const drops = kernel();
      assert.equal(got + drops, sent, "nothing is lost but what the kernel says it dropped");
      assert.ok(drops > told);
      told = drops;
      await sender.sendTo(utf8("mark"), receiver.localAddr); // each datagram tells what was dropped before it came
      const { ancillary, data } = await receiver.recvMsg({ timeoutMs: 5000 });
      assert.equal(textOf(data), "mark");
      assert.equal(ancillary.drops, drops);
      assert.equal(receiver.getOption(SO.MEMINFO).drops, drops);
      sent++;
      got++;
    }
  });
}

test("a dual-stack socket gives and takes ancillary data of both families", { skip: noIpv6 }, async () => {
  using both = UdpSocket.bind(0, { ancillary: ALL });
  using four = UdpSocket.bind("0.0.0.0:0", { ancillary: ALL });
  using six = UdpSocket.bind("[::]:0", { ancillary: ALL, ipv6Only: true });
  const { port } = both.localAddr;
  const fromFour = await across(four, both, { ttl: 11, tos: 22, source: "127.0.0.3" }, `127.0.0.2:${port}`);
  assert.equal(fromFour.peer.ip.toString(), "::ffff:127.0.0.3");
  assert.deepEqual([fromFour.ancillary.ttl, fromFour.ancillary.tos], [11, 22]);
  const { destination } = fromFour.ancillary;
  assert.deepEqual(
    [destination?.ip.toString(), destination?.localIp?.toString(), destination?.interfaceIndex],
    ["127.0.0.2", "127.0.0.2", 1],
  );
  assert.equal(fromFour.ancillary.others, undefined);
  const fromSix = await across(six, both, { ttl: 33, tos: 44 }, `[::1]:${port}`);
  assert.deepEqual([fromSix.ancillary.ttl, fromSix.ancillary.tos], [33, 44]);
  assert.equal(fromSix.ancillary.destination?.ip.toString(), "::1");

  for (const peer of [`127.0.0.4:${four.localAddr.port}`, `[::ffff:127.0.0.4]:${four.localAddr.port}`]) {
    for (const source of ["127.0.0.5", "::ffff:127.0.0.5"]) {
      const answer = await across(both, four, { ttl: 55, tos: 66, source, interface: "lo" }, peer);
      assert.equal(answer.peer.ip.toString(), "127.0.0.5");
      assert.deepEqual([answer.ancillary.ttl, answer.ancillary.tos], [55, 66]);
      assert.equal(answer.ancillary.destination?.ip.toString(), "127.0.0.4");
    }
  }
  const answer = await across(
    both,
    six,
    { ttl: 77, tos: 88, source: "::1", interface: 1 },
    `[::1]:${six.localAddr.port}`,
  );
  assert.equal(answer.peer.ip.toString(), "::1");
  assert.deepEqual([answer.ancillary.ttl, answer.ancillary.tos], [77, 88]);
});

test("a connected socket needs no peer for its requests", { skip: noIpv6 }, async () => {
  for (const { at } of LOOPBACKS) {
    using receiver = UdpSocket.bind(at, { ancillary: ["ttl", "tos"] });
    using sender = await UdpSocket.connect(receiver.localAddr);
    await sender.sendMsg(utf8("x"), { ancillary: { ttl: 5, tos: 8 } });
    assert.deepEqual((await receiver.recvMsg({ timeoutMs: 5000 })).ancillary, { ttl: 5, tos: 8 });
  }
  using four = UdpSocket.bind("127.0.0.1:0", { ancillary: ["ttl"] });
  using both = UdpSocket.bind(0);
  both.connect(`[::ffff:127.0.0.1]:${four.localAddr.port}`);
  await both.sendMsg(utf8("x"), { ancillary: { ttl: 6 } });
  assert.equal((await four.recvMsg({ timeoutMs: 5000 })).ancillary.ttl, 6);
});

/** Requests that are refused, and what the message names. */
const MALFORMED: [request: unknown, names: RegExp, to?: "IPv6"][] = [
  [null, /ancillary/],
  ["ttl", /ancillary/],
  [5, /ancillary/],
  [{ TTL: 5 }, /TTL/],
  [{ hopLimit: 5 }, /hopLimit/],
  [{ __proto__: null, toString: 5 }, /toString/],
  [{ constructor: undefined }, /constructor/],
  [{ ttl: 0 }, /ttl.*1 to 255.*0/],
  [{ ttl: -1 }, /ttl.*-1/],
  [{ ttl: 256 }, /ttl.*256/],
  [{ ttl: 1.5 }, /ttl.*1\.5/],
  [{ ttl: Number.NaN }, /ttl.*NaN/],
  [{ ttl: Infinity }, /ttl.*Infinity/],
  [{ ttl: "64" }, /ttl.*"64"/],
  [{ ttl: 64n }, /ttl.*64/],
  [{ ttl: null }, /ttl.*null/],
  [{ ttl: true }, /ttl.*true/],
  [{ ttl: [64] }, /ttl/],
  [{ tos: -1 }, /tos.*0 to 255.*-1/],
  [{ tos: 256 }, /tos.*256/],
  [{ tos: 0.5 }, /tos/],
  [{ tos: "0" }, /tos.*"0"/],
  [{ tos: null }, /tos/],
  [{ tos: {} }, /tos/],
  [{ segmentBytes: 0 }, /segmentBytes.*0/],
  [{ segmentBytes: 65536 }, /segmentBytes.*65536/],
  [{ segmentBytes: -5 }, /segmentBytes/],
  [{ segmentBytes: "100" }, /segmentBytes/],
  [{ segmentBytes: null }, /segmentBytes/],
  [{ source: "" }, /source/],
  [{ source: "localhost" }, /source.*"localhost"/],
  [{ source: "127.0.0.1:5" }, /source/],
  [{ source: "127.1" }, /source/],
  [{ source: 2130706433 }, /source/],
  [{ source: null }, /source.*null/],
  [{ source: Uint8Array.of(127, 0, 0, 1) }, /source/],
  [{ source: "::1" }, /source.*IPv4.*::1/],
  [{ source: "127.0.0.1" }, /source.*IPv6.*127/, "IPv6"],
  [{ source: "fe80::1%lo" }, /source/, "IPv6"],
  [{ interface: "" }, /interface/],
  [{ interface: "no-such-if" }, /interface.*no-such-if/],
  [{ interface: "a-name-that-is-far-too-long" }, /interface/],
  [{ interface: "lo\0" }, /interface/],
  [{ interface: -1 }, /interface.*-1/],
  [{ interface: 1.5 }, /interface/],
  [{ interface: 2 ** 31 }, /interface/],
  [{ interface: null }, /interface/],
  [{ interface: ["lo"] }, /interface/],
  [{ fds: [0] }, /fds.*IP/],
  [{ fds: [] }, /fds/],
  [{ credentials: { pid: 1, uid: 0, gid: 0 } }, /credentials.*IP/],
  [{ others: {} }, /others/],
  [{ others: [null] }, /others\[0\]/],
  [{ others: [{ level: 0, type: 2 }] }, /others\[0\]\.data/],
  [{ others: [{ level: 0, type: 2, data: [1] }] }, /others\[0\]\.data/],
  [{ others: [{ level: 0, type: 2, data: new ArrayBuffer(4) }] }, /others\[0\]\.data/],
  [{ others: [{ type: 2, data: new Uint8Array(4) }] }, /others\[0\]\.level/],
  [{ others: [{ level: "0", type: 2, data: new Uint8Array(4) }] }, /others\[0\]\.level/],
  [{ others: [{ level: 0, type: 2 ** 31, data: new Uint8Array(4) }] }, /others\[0\]\.type/],
  [{ others: [{ level: 0, type: Number.NaN, data: new Uint8Array(4) }] }, /others\[0\]\.type/],
  [{ others: [{ level: 0, type: 2, data: new Uint8Array(4) }, {}] }, /others\[1\]/],
  [{ others: [{ level: 0, type: 2, data: new Uint8Array(5000) }] }, /ancillary.*4096/],
  [{ ttl: 5, tos: 5, source: "127.0.0.1", others: "x" }, /others/],
];

test("malformed requests are TypeErrors that name the part, before any system call", async (t) => {
  assert.ok(MALFORMED.length >= 40);
  const closed = UdpSocket.bind("127.0.0.1:0");
  closed.close(); // a call that reached the kernel, or our own check of the fd, would be EBADF
  using four = udpPair();
  for (const [request, message, to] of MALFORMED) {
    const show = (_: string, it: unknown): unknown => (typeof it === "bigint" ? `${it}n` : it);
    const name = String(JSON.stringify(request, show)).slice(0, 60);
    await t.test(name, async () => {
      const peer = to === "IPv6" ? "[::1]:9" : four.b.localAddr;
      for (const socket of [closed, four.a]) {
        const sending = socket.sendMsg(utf8("never"), { peer, ancillary: no(request) });
        await assert.rejects(sending, (error) => {
          assert.ok(error instanceof TypeError, String(error));
          assert.match(error.message, message);
          return true;
        });
      }
    });
  }
  assert.equal(four.b.tryRecvFrom(), WOULD_BLOCK);
  await assertEmpty(four.b, four.a);
});

test("no control data that the kernel could give makes decoding fail", () => {
  const below = random(3);
  const interesting = [
    [sys.IPPROTO_IP, sys.IP_PKTINFO],
    [sys.IPPROTO_IP, sys.IP_TTL],
    [sys.IPPROTO_IP, sys.IP_TOS],
    [sys.IPPROTO_IPV6, sys.IPV6_PKTINFO],
    [sys.IPPROTO_IPV6, sys.IPV6_HOPLIMIT],
    [sys.SOL_SOCKET, sys.SO_TIMESTAMPNS],
    [sys.SOL_SOCKET, sys.SO_TIMESTAMPING],
    [sys.SOL_SOCKET, sys.SO_RXQ_OVFL],
    [sys.SOL_SOCKET, sys.SCM_CREDENTIALS],
    [sys.IPPROTO_UDP, sys.UDP_GRO],
    [77, -5],
  ] as const;
  for (let i = 0; i < 5000; i++) {
    const messages = Array.from({ length: below(5) }, () => {
      const [level, type] = interesting[below(interesting.length)] as readonly [number, number];
      return { level, type, data: Uint8Array.from({ length: below(60) }, () => below(256)) };
    });
    const whole = sys.encodeControl(messages);
    const cut = whole.subarray(0, below(whole.length + 1));
    decodeAncillary(cut);
  }
});

test("reply needs to know where the question was sent to", async () => {
  using pair = udpPair();
  const { a, b } = pair;
  const message = await across(a, b, {});
  await assert.rejects(b.reply(message, utf8("x")), { name: "TypeError", message: /destination/ });
});

isolated(
  import.meta.url,
  "reply answers from the address that was asked, on a wildcard socket with many addresses, of either family",
  { skip: noIpv6, netns: UP },
  async () => {
    const { near, far } = twoHosts();
    near.sh(`
      for i in 10 11 12; do
        ip addr add 192.0.2.$i/24 dev near0
        ip addr add 2001:db8::$i/64 dev near0 nodad
      done
      ip addr add fe80::77/64 dev near0 nodad`);
    far.sh("ip addr add fe80::88/64 dev far0 nodad");
    const four = ["192.0.2.1", "192.0.2.10", "192.0.2.11", "192.0.2.12"];
    const six = ["2001:db8::1", "2001:db8::10", "2001:db8::11", "2001:db8::12"];
    using both = UdpSocket.bind(0, { ancillary: ["destination"] });
    using only = UdpSocket.bind("0.0.0.0:0", { ancillary: ["destination"] });
    const ask = async (server: UdpSocket, address: string): Promise<void> => {
      const to = SocketAddr.of(address, server.localAddr.port);
      // A connected socket takes answers of the asked address alone.
      using client = far.in(() => UdpSocket.bind(address.includes(":") ? "[::]:0" : "0.0.0.0:0"));
      far.in(() => client.connect(to));
      await client.send(utf8(`question to ${address}`));
      const question = await server.recvMsg({ timeoutMs: 5000 });
      assert.equal(textOf(question.data), `question to ${address}`);
      assert.equal(question.ancillary.destination?.ip.toString(), address);
      assert.equal(await server.reply(question, utf8("answer")), 6);
      const answer = await client.recv({ timeoutMs: 5000 });
      assert.equal(answer.peer.ip.toString(), address);
    };
    for (const address of four) for (const server of [both, only]) await ask(server, address);
    for (const address of six) await ask(both, address);

    // Without reply the kernel answers by its own choice: that the test above can fail.
    using deaf = far.in(() => UdpSocket.bind("0.0.0.0:0"));
    await deaf.sendTo(utf8("x"), `192.0.2.11:${only.localAddr.port}`);
    await only.sendTo(utf8("y"), (await only.recvMsg({ timeoutMs: 5000 })).peer);
    assert.equal((await deaf.recvFrom({ timeoutMs: 5000 })).peer.ip.toString(), "192.0.2.1");

    // Link-local: the answer needs the interface too.
    using local = far.in(() => UdpSocket.bind("[fe80::88%far0]:0"));
    await far.in(() => local.sendTo(utf8("x"), `[fe80::77%far0]:${both.localAddr.port}`));
    const question = await both.recvMsg({ timeoutMs: 5000 });
    await both.reply(question, utf8("y"));
    const answer = await local.recvFrom({ timeoutMs: 5000 });
    assert.equal(answer.peer.ip.toString(), "fe80::77");
  },
);

isolated(
  import.meta.url,
  "reply to a question that was broadcast, or sent to a group, comes from an address of this host",
  { skip: noIpv6, netns: UP },
  async () => {
    const { near, far } = twoHosts();
    near.sh("ip addr add 192.0.2.10/24 dev near0");
    using both = UdpSocket.bind("[::]:5000", { ancillary: ["destination"] });
    using only = UdpSocket.bind("0.0.0.0:5001", { ancillary: ["destination"] });
    for (const server of [both, only]) server.joinMulticast("239.1.2.3", { interface: "near0" });
    both.joinMulticast("ff05::1:3", { interface: "near0" });
    using client = far.in(() => UdpSocket.bind("0.0.0.0:0", { broadcast: true }));
    far.sh("ip route add 224.0.0.0/4 dev far0");
    for (const [port, server] of [
      [5000, both],
      [5001, only],
    ] as const) {
      for (const address of ["192.0.2.255", "239.1.2.3"]) {
        await client.sendTo(utf8("who?"), `${address}:${port}`);
        const question = await server.recvMsg({ timeoutMs: 5000 });
        const { destination } = question.ancillary;
        assert.equal(destination?.ip.toString(), address);
        assert.equal(destination?.localIp?.toString(), "192.0.2.1");
        await server.reply(question, utf8("me"));
        const answer = await client.recvFrom({ timeoutMs: 5000 });
        assert.equal(answer.peer.toString(), `192.0.2.1:${port}`);
      }
    }
    using six = far.in(() => UdpSocket.bind("[2001:db8::2]:0"));
    const index = Number(
      far
        .sh("cat /proc/net/if_inet6")
        .split("\n")
        .find((it) => it.endsWith("far0"))
        ?.split(" ")[1],
    );
    await six.sendMsg(utf8("who?"), { peer: "[ff05::1:3]:5000", ancillary: { interface: index } });
    const question = await both.recvMsg({ timeoutMs: 5000 });
    assert.equal(question.ancillary.destination?.ip.toString(), "ff05::1:3");
    await both.reply(question, utf8("me"));
    assert.equal((await six.recvFrom({ timeoutMs: 5000 })).peer.toString(), "[2001:db8::1]:5000");
  },
);

isolated(
  import.meta.url,
  "hops are counted down on the way, and ECN and DSCP pass a router unchanged",
  { skip: noIpv6, netns: UP },
  async () => {
    const { far } = routed();
    using receiver = far.in(() => UdpSocket.bind(0, { ancillary: ["ttl", "tos"] }));
    using sender = UdpSocket.bind(0);
    for (const address of ["198.51.100.2", "[2001:db8:1::2]"]) {
      for (const ecn of [0, 1, 2, 3]) {
        const request = { ttl: 9 + ecn, tos: (46 << 2) | ecn };
        const { ancillary } = await across(
          sender,
          receiver,
          request,
          `${address}:${receiver.localAddr.port}`,
        );
        assert.deepEqual(ancillary, { ttl: 8 + ecn, tos: (46 << 2) | ecn });
      }
    }
  },
);

test("SO.RXQ_OVFL and UDP.GRO by option tell the same as by kind", async () => {
  using sender = UdpSocket.bind("127.0.0.1:0");
  using receiver = UdpSocket.bind("127.0.0.1:0", {
    options: [IP.PKTINFO.to(true), IP.RECVTTL.to(true), UDP.GRO.to(true)],
  });
  const { ancillary } = await across(sender, receiver, { ttl: 3 });
  assert.deepEqual(Object.keys(ancillary).sort(), ["destination", "ttl"]);
  await sender.sendMsg(pattern(30), { peer: receiver.localAddr, ancillary: { segmentBytes: 10, ttl: 3 } });
  assert.equal((await receiver.recvMsg({ timeoutMs: 5000 })).ancillary.segmentBytes, 10);
});
