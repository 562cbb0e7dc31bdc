/** PacketSocket in namespaces of its own: what is sent and received, what is told beside it, and what is refused. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { compileFilter } from "../../src/filter/index.ts";
import {
  LinkAddr,
  MacAddr,
  PACKET,
  PacketSocket,
  ReceiveBatch,
  SendBatch,
  SO,
  SysError,
  UdpSocket,
  WOULD_BLOCK,
  withVlanTag,
} from "../../src/index.ts";
import { isolated, noRoot, socketFds, stateOf, sysError, test, turns, until } from "./_helpers.ts";
import { EXPERIMENT, frame, link, numbered, numberOf, OTHER_EXPERIMENT, onlyType } from "./_packet.ts";

const NETNS = { netns: "ip link set lo up" };
const ONLY = onlyType(EXPERIMENT);

isolated(import.meta.url, "a frame arrives as it was sent, with who sent it and to whom", NETNS, async () => {
  const { openNear, openFar, nearMac, farMac, nearIndex, farIndex, ...wire } = link();
  using near = openNear({ filter: ONLY });
  using beside = openNear({ filter: ONLY });
  using far = openFar({ filter: ONLY });
  assert.equal(near.localAddr.index, nearIndex);
  assert.equal(near.localAddr.protocol, 3);
  assert.equal(near.localAddr.hardwareType, 1);
  assert.deepEqual(near.localAddr.mac, nearMac);
  const destinations: [to: string, type: string][] = [
    [farMac.toString(), "host"],
    ["ff:ff:ff:ff:ff:ff", "broadcast"],
    ["01:00:5e:00:00:fb", "multicast"],
    ["02:99:99:99:99:99", "otherhost"],
  ];
  for (const [i, [to, packetType]] of destinations.entries()) {
    const sent = wire.frame(i, { to, length: 46 + i });
    assert.equal(await near.send(sent), sent.length);
    const there = await far.recvFrom();
    assert.deepEqual(there.data, sent);
    assert.equal(there.lengthBytes, sent.length);
    assert.equal(there.truncated, false);
    assert.deepEqual(
      there.peer,
      LinkAddr.of({
        index: farIndex,
        protocol: EXPERIMENT,
        hardwareType: 1,
        packetType: packetType as "host",
        address: nearMac,
      }),
    );
    const here = await beside.recvFrom();
    assert.deepEqual(here.data, sent);
    assert.equal(here.peer.packetType, "outgoing");
    assert.equal(here.peer.index, nearIndex);
  }
  assert.equal(far.tryRecvFrom(), WOULD_BLOCK);
  assert.equal(near.tryRecvFrom(), WOULD_BLOCK, "a socket does not hear itself");
});

isolated(
  import.meta.url,
  "send, sendTo, sendMsg and their try… by device, LinkAddr and MAC address",
  NETNS,
  async () => {
    const { openNear, openFar, farMac, nearIndex, ...wire } = link();
    using near = openNear({ protocol: EXPERIMENT });
    using anywhere = wire.near.in(() => PacketSocket.open({ protocol: 0 }));
    using far = openFar({ filter: ONLY });
    const target = LinkAddr.of({ index: nearIndex });
    const sends: (() => unknown)[] = [
      () => near.send(wire.frame(0)),
      () => near.sendTo(wire.frame(1), target),
      () => near.sendTo(wire.frame(2), LinkAddr.of({})),
      () => near.sendTo(wire.frame(3), farMac),
      () => near.sendTo(wire.frame(4), farMac.toString()),
      () => near.sendMsg([wire.frame(5).subarray(0, 20), wire.frame(5).subarray(20)], { peer: target }),
      () => near.trySend(wire.frame(6)),
      () => near.trySendTo(wire.frame(7), target),
      () => anywhere.sendTo(wire.frame(8), target),
    ];
    for (const [i, send] of sends.entries()) {
      assert.equal(await send(), 60);
      const { data } = await far.recvFrom();
      assert.deepEqual(data, wire.frame(i));
    }
    assert.equal(
      near.tryRecvFrom(),
      WOULD_BLOCK,
      "what goes out comes to those who take every protocol only",
    );
  },
);

isolated(
  import.meta.url,
  "type datagram: without the link header, which the kernel makes from the address",
  NETNS,
  async () => {
    const { openNear, openFar, nearMac, farMac, nearIndex } = link();
    using near = openNear({ type: "datagram", protocol: EXPERIMENT });
    using far = openFar({ type: "datagram", protocol: EXPERIMENT });
    using raw = openFar({ filter: ONLY });
    const payload = numbered(7, 60);
    const targets = [
      farMac,
      farMac.toString(),
      LinkAddr.of({ index: nearIndex, protocol: EXPERIMENT, address: farMac }),
      LinkAddr.of({ protocol: EXPERIMENT, address: farMac }),
    ];
    for (const target of targets) {
      assert.equal(await near.sendTo(payload, target), payload.length);
      const { data, peer } = await far.recvFrom();
      assert.deepEqual(data, payload);
      assert.deepEqual(peer.mac, nearMac);
      assert.equal(peer.protocol, EXPERIMENT);
      assert.deepEqual((await raw.recvFrom()).data, frame(farMac, nearMac, EXPERIMENT, payload));
    }
    using all = openNear({ type: "datagram" });
    await assert.rejects(all.sendTo(payload, farMac), /TypeError: peer: expected a LinkAddr with a protocol/);
    await assert.rejects(
      near.send(payload),
      (error) => sysError("EINVAL", "send")(error) && /no address to send to/.test(String(error)),
    );
  },
);

isolated(
  import.meta.url,
  "what is longer than the buffer, and what the filter cuts, shows",
  NETNS,
  async () => {
    const { openNear, openFar, ...wire } = link();
    using near = openNear();
    using far = openFar({ filter: ONLY, ancillary: ["packet"] });
    await near.send(wire.frame(1, { length: 500 }));
    const short = await far.recvFrom(new Uint8Array(100));
    assert.deepEqual([short.data.length, short.truncated, short.lengthBytes], [100, true, 514]);
    assert.deepEqual(short.data, wire.frame(1, { length: 500 }).subarray(0, 100));
    far.attachFilter(onlyType(EXPERIMENT, 60));
    await near.send(wire.frame(2, { length: 500 }));
    const cut = await far.recvMsg();
    assert.deepEqual([cut.data.length, cut.truncated, cut.lengthBytes], [60, false, 60]);
    assert.deepEqual([cut.ancillary.packet?.capturedBytes, cut.ancillary.packet?.lengthBytes], [60, 514]);
    far.detachFilter();
    await near.send(wire.frame(3, { type: OTHER_EXPERIMENT }));
    await until(() => {
      const got = far.tryRecvFrom();
      return got !== WOULD_BLOCK && got.peer.protocol === OTHER_EXPERIMENT;
    });
  },
);

isolated(import.meta.url, "timestamps, checksums and drops beside a packet", NETNS, async () => {
  const { openNear, openFar, near, far, farMac, nearMac } = link();
  const before = BigInt(Date.now()) * 1_000_000n;
  using there = openFar({ protocol: "ipv4", ancillary: ["timestamp", "packet", "drops"] });
  using here = openNear({ ancillary: ["packet"], filter: onlyType(0x0800) });
  using receiver = far.in(() => UdpSocket.bind("192.0.2.2:0"));
  using sender = near.in(() => UdpSocket.bind("192.0.2.1:0"));
  await sender.sendTo(new Uint8Array(100), receiver.localAddr);
  const { data, ancillary, peer } = await there.recvMsg();
  assert.equal(data.length, 14 + 20 + 8 + 100);
  assert.deepEqual(peer.mac, nearMac);
  const now = BigInt(Date.now() + 1) * 1_000_000n;
  assert.ok((ancillary.timestampNs ?? 0n) >= before && (ancillary.timestampNs ?? 0n) <= now);
  assert.equal(ancillary.packet?.lengthBytes, data.length);
  assert.equal(ancillary.packet?.capturedBytes, data.length);
  assert.equal(ancillary.packet?.vlan, undefined);
  assert.equal(ancillary.packet?.losing, false);
  assert.equal(ancillary.drops, undefined);
  // A wire between namespaces never fills them in; where the card's part is switched off, the kernel does it before.
  assert.equal(ancillary.packet?.checksum, "unfinished");
  assert.equal((await here.recvMsg()).ancillary.packet?.checksum, "unfinished");
  const wrong = data.slice(40, 42);
  await here.send(frame(farMac, nearMac, 0x0800, data.subarray(14)));
  const raw = await there.recvMsg();
  assert.deepEqual(raw.data.slice(40, 42), wrong, "what we send goes as it is");
  assert.equal(raw.ancillary.packet?.checksum, "unknown");
});

isolated(import.meta.url, "a VLAN tag is told beside the frame, and can be put back", NETNS, async () => {
  const { openNear, openFar, nearMac, farMac } = link();
  using near = openNear();
  using beside = openNear({ filter: onlyType(0x8100) });
  using far = openFar({ ancillary: ["packet"] });
  for (const [protocol, id, priority, dropEligible] of [
    [0x8100, 42, 5, true],
    [0x8100, 4095, 0, false],
    [0x8100, 0, 7, false],
    [0x88a8, 100, 1, false],
  ] as const) {
    const inner = frame(farMac, nearMac, EXPERIMENT, numbered(id));
    const tag = { id, priority, dropEligible, protocol };
    const tagged = withVlanTag(inner, tag);
    assert.deepEqual(
      tagged.subarray(12, 18),
      Uint8Array.of(
        protocol >> 8,
        protocol & 255,
        (priority << 5) | (dropEligible ? 16 : 0) | (id >> 8),
        id & 255,
        EXPERIMENT >> 8,
        EXPERIMENT & 255,
      ),
    );
    await near.send(tagged);
    let got = await far.recvMsg();
    while (got.ancillary.packet?.vlan === undefined) got = await far.recvMsg(); // what the hosts say to each other
    assert.deepEqual(got.data, inner);
    assert.deepEqual(got.ancillary.packet.vlan, tag);
    assert.deepEqual(withVlanTag(got.data, got.ancillary.packet.vlan), tagged);
    if (protocol === 0x8100)
      assert.deepEqual((await beside.recvMsg()).data, tagged, "on its way out it is in the frame");
  }
  assert.throws(
    () => withVlanTag(new Uint8Array(11), { id: 1, priority: 0, dropEligible: false, protocol: 0x8100 }),
    RangeError,
  );
});

isolated(
  import.meta.url,
  "without room packets are dropped and counted, and the counts add up",
  NETNS,
  async () => {
    const { openNear, openFar, ...wire } = link();
    using near = openNear();
    using far = openFar({ filter: ONLY, ancillary: ["drops"], options: [SO.RCVBUF.to(4096)] });
    let sent = 0;
    const send = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) await near.send(wire.frame(sent++));
    };
    await send(500);
    let received = 0;
    let told = 0;
    const drain = async (): Promise<void> => {
      for (;;) {
        const pending = far.recvMsg({ timeoutMs: 0 }).catch(() => undefined);
        const got = await pending;
        if (got === undefined) return;
        received++;
        told = got.ancillary.drops ?? told;
      }
    };
    await drain();
    const first = far.statistics();
    assert.ok(first.drops > 0 && received > 0, `${first.drops} dropped, ${received} received`);
    assert.deepEqual([first.packets, received + first.drops, first.freezeCount], [500, 500, undefined]);
    await send(1);
    await drain();
    assert.ok(told > 0, "SO_RXQ_OVFL tells of them, too");
    await send(300);
    await drain();
    const direct = far.getOption(PACKET.STATISTICS); // which takes them away from the kernel, and not from the totals
    assert.equal(direct.packets, 301);
    const last = far.statistics();
    assert.deepEqual([last.packets, received + last.drops], [801, 801]);
  },
);

isolated(
  import.meta.url,
  "promiscuous and allMulticast hold as long as the socket, or the membership",
  NETNS,
  async () => {
    const { openNear, openFar, far, ...wire } = link();
    const counts = (): [number, number] => {
      const [it] = JSON.parse(far.sh("ip -d -j link show far0")) as [
        { promiscuity: number; allmulti: number },
      ];
      return [it.promiscuity, it.allmulti];
    };
    assert.deepEqual(counts(), [0, 0]);
    const socket = openFar({ promiscuous: true, allMulticast: true, filter: ONLY });
    assert.deepEqual(counts(), [1, 1]);
    using near = openNear();
    await near.send(wire.frame(1, { to: "02:99:99:99:99:99" }));
    assert.equal((await socket.recvFrom()).peer.packetType, "otherhost");
    using other = openFar();
    far.in(() => other.addMembership("promiscuous"));
    assert.deepEqual(counts(), [2, 1]);
    socket.close();
    assert.deepEqual(counts(), [1, 0]);
    other.dropMembership("promiscuous");
    assert.deepEqual(counts(), [0, 0]);
    const groups = (): string => far.sh("ip maddr show dev far0");
    other.addMembership("multicast", { address: "01:00:5e:01:02:03" });
    assert.match(groups(), /link\s+01:00:5e:01:02:03/);
    other.dropMembership("multicast", { address: MacAddr.parse("01:00:5e:01:02:03") });
    assert.doesNotMatch(groups(), /01:00:5e:01:02:03/);
    other.addMembership("unicast", { address: Uint8Array.of(2, 0, 0, 0, 0, 9) });
    other.dropMembership("unicast", { address: "02:00:00:00:00:09" });
  },
);

isolated(import.meta.url, "a filter of windsock/filter, from the words of tcpdump", NETNS, async () => {
  const { openNear, openFar, ...wire } = link();
  using near = openNear();
  using far = openFar({ filter: compileFilter("ether proto 0x88b5 and ether[14:4] >= 3 and less 100") });
  await near.send(wire.frame(2));
  await near.send(wire.frame(3, { length: 100 }));
  await near.send(wire.frame(4, { type: OTHER_EXPERIMENT }));
  await near.send(wire.frame(5));
  assert.equal(numberOf((await far.recvFrom()).data), 5);
  assert.equal(far.tryRecvFrom(), WOULD_BLOCK);
});

isolated(import.meta.url, "ignoreOutgoing leaves out what this host sends", NETNS, async () => {
  const { openNear, openFar, nearMac, farMac, ...wire } = link();
  using sender = openNear();
  using near = openNear({ filter: ONLY, ignoreOutgoing: true });
  using far = openFar({ filter: ONLY });
  await sender.send(wire.frame(1));
  await far.send(frame(nearMac, farMac, EXPERIMENT, numbered(2)));
  assert.equal(numberOf((await near.recvFrom()).data), 2);
  assert.equal(near.getOption(PACKET.IGNORE_OUTGOING), true);
  assert.equal(near.statistics().packets, 1);
});

isolated(import.meta.url, "many packets by one call, both ways", NETNS, async () => {
  const { openNear, openFar, nearMac, farIndex, nearIndex, ...wire } = link();
  using near = openNear();
  using far = openFar({ filter: ONLY, ancillary: ["timestamp", "packet"] });
  const outgoing = new SendBatch({ datagrams: 64 });
  const byAddress = LinkAddr.of({ index: nearIndex });
  for (let i = 0; i < 50; i++) {
    assert.ok(outgoing.push(wire.frame(i, { length: 46 + i }), i % 2 ? byAddress : undefined));
  }
  assert.equal(await near.sendMany(outgoing), 50);
  assert.equal(outgoing.size, 0);
  const incoming = new ReceiveBatch<LinkAddr>({ datagrams: 64, maxBytes: 80, ancillaryBytes: 128 });
  let seen = 0;
  let last = 0n;
  while (seen < 50) {
    const count = await far.recvMany(incoming);
    for (let i = 0; i < count; i++, seen++) {
      const whole = wire.frame(seen, { length: 46 + seen });
      assert.deepEqual(incoming.data(i), whole.subarray(0, 80));
      assert.equal(incoming.truncated(i), whole.length > 80);
      assert.equal(incoming.lengthBytes(i), whole.length);
      assert.deepEqual(incoming.peer(i).mac, nearMac);
      assert.equal(incoming.peer(i).index, farIndex);
      const { timestampNs = 0n, packet } = incoming.ancillary(i);
      assert.ok(timestampNs >= last);
      last = timestampNs;
      assert.equal(packet?.lengthBytes, whole.length);
    }
  }
  assert.equal(far.tryRecvMany(incoming), WOULD_BLOCK);
  outgoing.push(wire.frame(0));
  outgoing.push(new Uint8Array(3)); // shorter than a link header
  outgoing.push(wire.frame(2));
  await assert.rejects(near.sendMany(outgoing), sysError("EINVAL", "sendmmsg"));
  assert.equal(outgoing.sent, 1);
  outgoing.skip();
  assert.equal(await near.sendMany(outgoing), 1);
  assert.deepEqual([numberOf((await far.recvFrom()).data), numberOf((await far.recvFrom()).data)], [0, 2]);
  await assert.rejects(near.sendMany(new SendBatch({ segmented: true })), TypeError);
  await assert.rejects(far.recvMany(new ReceiveBatch({ merged: true }) as never), TypeError);
});

isolated(import.meta.url, "a packet of the loopback interface is received whole", NETNS, async () => {
  using socket = PacketSocket.open({ device: "lo", protocol: "ipv4" });
  using udp = UdpSocket.bind("127.0.0.1:0");
  await udp.sendTo(new Uint8Array(65_507).fill(7), udp.localAddr);
  const { data, truncated, lengthBytes } = await socket.recvFrom();
  assert.deepEqual([data.length, truncated, lengthBytes], [14 + 65_535, false, 14 + 65_535]);
});

isolated(import.meta.url, "no packet slips in before the filter", NETNS, async () => {
  const { openNear, openFar, ...wire } = link();
  using near = openNear();
  const unwanted = Buffer.from(wire.frame(1, { type: OTHER_EXPERIMENT })).toString("hex");
  const flood = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", FLOOD], {
    cwd: new URL("../..", import.meta.url).pathname,
    env: { ...process.env, FRAME: unwanted },
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(flood.stdout, "data");
  try {
    let late = 0;
    // On until something has slipped in where it can: until then this proves nothing.
    for (let i = 0; i < 25 || (late === 0 && i < 5000); i++) {
      using far = openFar({ filter: ONLY });
      using naive = openFar(); // and the filter only then
      naive.attachFilter(ONLY);
      await near.send(wire.frame(i % 256));
      const first = await far.recvFrom();
      assert.equal(numberOf(first.data), i % 256);
      assert.equal(first.peer.protocol, EXPERIMENT);
      assert.equal(far.statistics().packets, 1);
      if (naive.statistics().packets > 1) late++;
    }
    assert.ok(late > 0, "nothing slipped in where it could have: the test proves nothing");
  } finally {
    flood.kill("SIGKILL");
  }
});

const FLOOD = `
import { PacketSocket } from "./src/index.ts";
const socket = PacketSocket.open({ device: "near0", protocol: 0 });
const frame = Buffer.from(process.env.FRAME, "hex");
for (let n = 0; ; n++) {
  socket.trySend(frame);
  if (n === 1000) process.stdout.write("running\\n");
  if (n % 1000 === 0) await new Promise(setImmediate);
}
`;

isolated(import.meta.url, "devices that are not there, are down, or go down", NETNS, async () => {
  const { openNear, openFar, far, ...wire } = link();
  assert.throws(
    () => PacketSocket.open({ device: "nosuch0" }),
    (error) =>
      sysError("ENODEV", "if_nametoindex")(error) && /no network interface named nosuch0/.test(String(error)),
  );
  assert.throws(() => PacketSocket.open({ device: 9999 }), sysError("ENODEV", "bind"));
  far.sh("ip link add down0 type veth peer name down1");
  assert.throws(
    () => far.in(() => PacketSocket.open({ device: "down0" })),
    (error) => sysError("ENETDOWN", "bind")(error) && /bind down0: .*the device is down/.test(String(error)),
  );
  using near = openNear();
  using there = openFar({ filter: ONLY });
  const waiting = there.recvFrom();
  assert.equal(await stateOf(waiting), "pending");
  far.sh("ip link set far0 down");
  await assert.rejects(waiting, sysError("ENETDOWN", "recvfrom"));
  far.sh("ip link set far0 up");
  await until(() => {
    near.trySend(wire.frame(9)); // until the carrier is there
    const got = there.tryRecvFrom();
    return got !== WOULD_BLOCK && numberOf(got.data) === 9;
  });
});

isolated(import.meta.url, "what cannot be sent says why", NETNS, async () => {
  const { openNear, ...wire } = link();
  using near = openNear();
  const rows: [() => Promise<number>, string, RegExp][] = [
    [() => near.send(wire.frame(1, { length: 1501 })), "EMSGSIZE", /longer than the device's MTU/],
    [() => near.send(new Uint8Array(13)), "EINVAL", /shorter than the link header/],
    [
      () => near.sendTo(wire.frame(1), LinkAddr.of({ index: 9999 })),
      "ENXIO",
      /\*%9999: .*there is no such device/,
    ],
  ];
  for (const [call, code, message] of rows)
    await assert.rejects(call(), (error) => sysError(code)(error) && message.test(String(error)));
  using anywhere = PacketSocket.open({ protocol: 0 });
  await assert.rejects(anywhere.send(wire.frame(1)), sysError("ENXIO"));
  await assert.rejects(near.sendTo(wire.frame(1), "no mac"), { name: "AddressError" });
  await assert.rejects(near.sendTo(wire.frame(1), 5 as never), TypeError);
  await assert.rejects(
    near.sendMsg(wire.frame(1), { ancillary: { ttl: 5 } }),
    /ancillary.ttl: not for packet sockets/,
  );
  assert.throws(() => near.peerAddr, sysError("ENOTCONN"));
  near.attachFilter(ONLY);
  assert.equal(await near.send(wire.frame(1)), 60, "after all of that it still sends");
});

isolated(import.meta.url, "a wrong argument is refused before there is a socket", NETNS, async () => {
  const wrong: [options: object, error: string, message: RegExp][] = [
    [{ type: "cooked" }, "TypeError", /type: expected "raw" or "datagram", got "cooked"/],
    [{ type: "toString" }, "TypeError", /type: expected/],
    [{ protocol: "ip" }, "TypeError", /protocol: expected "all".*got "ip"/],
    [{ protocol: 65536 }, "RangeError", /got 65536/],
    [{ protocol: 1.5 }, "RangeError", /got 1.5/],
    [{ device: "" }, "RangeError", /name of an interface/],
    [{ device: {} }, "TypeError", /device: expected/],
    [{ promiscuous: 1 }, "TypeError", /promiscuous: expected true or false, got 1/],
    [{ promiscuous: true }, "TypeError", /device: expected one for promiscuous/],
    [{ ancillary: ["ttl"] }, "TypeError", /"timestamp", "packet" or "drops", got ttl/],
    [{ filter: new Uint8Array(7) }, "RangeError", /instructions of 8 bytes/],
    [{ fanout: 5 }, "TypeError", /fanout: expected/],
    [{ fanout: { mode: "cbpf" } }, "TypeError", /fanout.program/],
    [{ fanout: { flags: ["none"] } }, "TypeError", /fanout.flags/],
    [{ ring: { blockBytes: 5000 } }, "RangeError", /multiple of 4096, got 5000/],
    [{ ring: { blockCount: 0 } }, "RangeError", /ring.blockCount/],
    [{ ring: { frameBytes: 100 } }, "RangeError", /ring.frameBytes/],
    [{ ring: { retireTimeoutMs: 0 } }, "RangeError", /ring.retireTimeoutMs/],
    [{ ring: { blockBytes: 2 ** 30, blockCount: 3 } }, "RangeError", /at most 2147483648 bytes/],
    [{ ring: 1 }, "TypeError", /ring: expected/],
  ];
  const before = socketFds();
  for (const [options, name, message] of wrong) {
    assert.throws(() => PacketSocket.open(options), { name, message }, JSON.stringify(options));
  }
  assert.deepEqual(socketFds(), before);
});

isolated(
  import.meta.url,
  "SO.LOCK_FILTER among the options locks the filter that was given",
  NETNS,
  async () => {
    using socket = PacketSocket.open({ device: "lo", filter: ONLY, options: [SO.LOCK_FILTER.to(true)] });
    assert.throws(
      () => socket.detachFilter(),
      (error) => sysError("EPERM", "setsockopt")(error) && /locked/.test(String(error)),
    );
  },
);

isolated(import.meta.url, "fromFd and intoFd pass on an open socket", NETNS, async () => {
  const { openNear, openFar, farIndex, ...wire } = link();
  using near = openNear();
  const first = openFar({ filter: ONLY });
  const waiting = first.recvFrom();
  waiting.catch(() => undefined);
  using second = PacketSocket.fromFd(first.intoFd());
  await assert.rejects(waiting, sysError("ECANCELED"));
  assert.equal(second.localAddr.index, farIndex);
  await near.send(wire.frame(5));
  assert.equal(numberOf((await second.recvFrom()).data), 5);
  using datagram = PacketSocket.fromFd(openFar({ type: "datagram" }).intoFd().release());
  assert.equal(datagram.getOption(SO.TYPE), "datagram");
  using udp = UdpSocket.bind("127.0.0.1:0");
  using fd = udp.intoFd();
  assert.throws(() => PacketSocket.fromFd(fd), /TypeError: fd: expected a packet socket/);
  assert.equal(fd.closed, false);
});

isolated(import.meta.url, "cancelled, a receive has taken no packet", NETNS, async () => {
  const { openNear, openFar, ...wire } = link();
  using near = openNear();
  using far = openFar({ filter: ONLY });
  const abort = new AbortController();
  const waits = [
    far.recvFrom({ signal: abort.signal }),
    far.recvMsg({ signal: abort.signal }),
    far.recvMany(new ReceiveBatch<LinkAddr>(), { signal: abort.signal }),
  ];
  abort.abort(new Error("enough"));
  for (const wait of waits) await assert.rejects(wait, /enough/);
  await assert.rejects(far.recvFrom({ timeoutMs: 1 }), { name: "TimeoutError" });
  await near.send(wire.frame(3));
  assert.equal(numberOf((await far.recvFrom()).data), 3);
});

isolated(
  import.meta.url,
  "without CAP_NET_RAW: EPERM, and the message names it",
  { skip: noRoot },
  async () => {
    process.setgroups?.([]);
    process.setgid?.(65534);
    process.setuid?.(65534);
    assert.throws(
      () => PacketSocket.open(),
      (error) =>
        error instanceof SysError &&
        error.code === "EPERM" &&
        error.syscall === "socket" &&
        /CAP_NET_RAW/.test(error.message),
    );
  },
);

test("every word of a LinkAddr's packet type goes to the kernel's number and back", async () => {
  for (const packetType of [
    "host",
    "broadcast",
    "multicast",
    "otherhost",
    "outgoing",
    "loopback",
    "user",
    "kernel",
    99,
  ] as const) {
    assert.equal(LinkAddr.of({ packetType }).packetType, packetType);
  }
  await turns(1);
});
