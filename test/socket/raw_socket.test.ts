/** RawSocket: echo by hand, what is received and from whom, addresses without ports, what comes beside a message, multicast. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { inspect } from "node:util";
import {
  type AddressError,
  ICMP,
  ICMPV6,
  IP,
  IPV6,
  Ipv4Addr,
  RawSocket,
  SO,
  SocketAddr,
  SysError,
  UdpSocket,
  WOULD_BLOCK,
} from "../../src/index.ts";
import * as sys from "../../src/sys/index.ts";
import { isolated, noPython, stateOf, sysError, utf8 } from "./_helpers.ts";
import {
  addAddress,
  EXPERIMENT,
  echo,
  FAMILIES,
  internetChecksum,
  ipv4Packet,
  ipv6Packet,
  readU16,
  sequenceFilter,
} from "./_raw.ts";
import { twoHosts } from "./_wires.ts";

const UP = "ip link set lo up";
const no = (value: unknown): never => value as never;

for (const { family, lo, icmp, request, reply, skip } of FAMILIES) {
  isolated(
    import.meta.url,
    `${family}: an echo request by hand is answered`,
    { netns: UP, skip },
    async () => {
      using socket = RawSocket.open(icmp, {
        icmpTypes: [reply],
        ancillary: ["ttl", "timestamp", "destination"],
      });
      assert.deepEqual([socket.family, socket.headerIncluded], [family, false]);
      assert.equal(socket.protocol, family === "ipv4" ? 1 : 58);
      const before = BigInt(Date.now()) * 1_000_000n;
      const sent = echo(family, 0x1234, 7, utf8("are you there?"));
      assert.equal(await socket.sendTo(sent, lo), sent.length);
      const { data, peer, ancillary, truncated, lengthBytes } = await socket.recvMsg({ timeoutMs: 5000 });
      const answer = socket.payloadOf(data);
      assert.equal(
        data.length - answer.length,
        family === "ipv4" ? 20 : 0,
        "only IPv4 comes with its header",
      );
      assert.deepEqual([answer[0], answer[1]], [reply, 0]);
      assert.deepEqual(answer.subarray(4), sent.subarray(4));
      assert.equal(peer.toString(), SocketAddr.of(lo, 0).toString());
      assert.deepEqual([truncated, lengthBytes], [false, data.length]);
      assert.equal(ancillary.ttl, 64);
      assert.equal(ancillary.destination?.ip.toString(), lo);
      assert.ok(
        (ancillary.timestampNs ?? 0n) - before < 5_000_000_000n &&
          (ancillary.timestampNs ?? 0n) > before - 1_000_000_000n,
      );
      if (family === "ipv4") {
        assert.equal(internetChecksum(data.subarray(0, 20)), 0, "the IP header is whole");
        assert.equal(internetChecksum(answer), 0);
        assert.equal(readU16(data, 2), data.length);
      }
      // Into a buffer that is too short: how long it was, the kernel tells.
      await socket.sendTo(sent, lo);
      const cut = await socket.recvFrom(new Uint8Array(10), { timeoutMs: 5000 });
      assert.deepEqual([cut.truncated, cut.lengthBytes, cut.data.length], [true, lengthBytes, 10]);
      assert.equal(socket.payloadOf(cut.data).length, family === "ipv4" ? 0 : 10);
    },
  );

  isolated(
    import.meta.url,
    `${family}: icmpTypes lets through what it names, and nothing else`,
    { netns: UP, skip },
    async () => {
      using all = RawSocket.open(icmp);
      using replies = RawSocket.open(icmp, { icmpTypes: [reply] });
      using requests = RawSocket.open(icmp, { icmpTypes: [request] });
      using neither = RawSocket.open(icmp, { icmpTypes: [] });
      const table = family === "ipv4" ? ICMP : ICMPV6;
      assert.equal(all.getOption(table.FILTER), undefined);
      assert.deepEqual(replies.getOption(table.FILTER), [reply]);
      await all.sendTo(echo(family, 1, 1), lo);
      const types: (number | undefined)[] = [];
      for (let i = 0; i < 2; i++)
        types.push(all.payloadOf((await all.recvFrom({ timeoutMs: 5000 })).data)[0]);
      assert.deepEqual(types.sort(), [request, reply].sort());
      assert.equal(replies.payloadOf((await replies.recvFrom()).data)[0], reply);
      assert.equal(requests.payloadOf((await requests.recvFrom()).data)[0], request);
      for (const socket of [all, replies, requests, neither]) assert.equal(socket.tryRecvFrom(), WOULD_BLOCK);
      // It can be changed, and lifted.
      neither.setOption(table.FILTER, [request]);
      replies.setOption(table.FILTER, undefined);
      await all.sendTo(echo(family, 1, 2), lo);
      assert.equal(neither.payloadOf((await neither.recvFrom({ timeoutMs: 5000 })).data)[0], request);
      await replies.recvFrom({ timeoutMs: 5000 });
      await replies.recvFrom({ timeoutMs: 5000 });
      assert.equal(neither.tryRecvFrom(), WOULD_BLOCK);
    },
  );

  isolated(
    import.meta.url,
    `${family}: a BPF filter sees what is received, and a locked one stays`,
    { netns: UP, skip },
    async () => {
      const filter = sequenceFilter(family === "ipv4", 5);
      using sender = RawSocket.open(icmp);
      using socket = RawSocket.open(icmp, { icmpTypes: [reply], filter, options: [SO.LOCK_FILTER.to(true)] });
      using object = RawSocket.open(icmp, { icmpTypes: [reply], filter: { toBytes: () => filter } });
      for (const sequence of [4, 5, 6]) await sender.sendTo(echo(family, 1, sequence), lo);
      for (const one of [socket, object]) {
        const { data } = await one.recvFrom({ timeoutMs: 5000 });
        assert.equal(readU16(one.payloadOf(data), 6), 5);
        assert.equal(one.tryRecvFrom(), WOULD_BLOCK);
      }
      assert.throws(() => socket.attachFilter(filter), sysError("EPERM", "setsockopt"));
      object.detachFilter();
      await sender.sendTo(echo(family, 1, 9), lo);
      assert.equal(readU16(object.payloadOf((await object.recvFrom({ timeoutMs: 5000 })).data), 6), 9);
      assert.throws(() => RawSocket.open(icmp, { filter: new Uint8Array(7) }), RangeError);
      assert.throws(() => RawSocket.open(icmp, { filter: new Uint8Array(8).fill(0xff) }), sysError("EINVAL"));
    },
  );

  isolated(
    import.meta.url,
    `${family}: a connected socket hears its peer alone, and may connect anew`,
    { netns: UP, skip },
    async () => {
      const { far } = twoHosts();
      const [one, other] = family === "ipv4" ? ["192.0.2.2", "192.0.2.3"] : ["2001:db8::2", "2001:db8::3"];
      addAddress(far, other, "far0");
      using socket = RawSocket.open(EXPERIMENT, { family });
      using all = RawSocket.open(EXPERIMENT, { family });
      assert.equal(socket.connected, false);
      assert.throws(() => socket.peerAddr, sysError("ENOTCONN"));
      await assert.rejects(socket.send(utf8("x")), sysError("EDESTADDRREQ", "send"));
      socket.connect(one);
      assert.equal(socket.peerAddr.toString(), SocketAddr.of(one, 0).toString());
      assert.equal(socket.localAddr.ip.toString(), family === "ipv4" ? "192.0.2.1" : "2001:db8::1");
      assert.equal(socket.localAddr.port, 0);
      const speak = async (from: string, text: string): Promise<void> => {
        using speaker = far.in(() => RawSocket.open(EXPERIMENT, { family, localAddr: from }));
        assert.equal(speaker.localAddr.ip.toString(), from);
        await speaker.sendTo(utf8(text), family === "ipv4" ? "192.0.2.1" : "2001:db8::1");
        const { data, peer } = await all.recvFrom({ timeoutMs: 5000 });
        assert.equal(new TextDecoder().decode(all.payloadOf(data)), text);
        assert.equal(peer.ip.toString(), from);
      };
      await speak(other, "nobody asked");
      await speak(one, "hello");
      const heard = await socket.recv({ timeoutMs: 5000 });
      assert.equal(new TextDecoder().decode(socket.payloadOf(heard.data)), "hello");
      assert.equal(socket.tryRecv(), WOULD_BLOCK);
      socket.connect(Ipv4Addr.tryParse(other) ?? other);
      await speak(one, "too late");
      await speak(other, "and now?");
      assert.equal(new TextDecoder().decode(socket.payloadOf((await socket.recv()).data)), "and now?");

      using listener = far.in(() => RawSocket.open(EXPERIMENT, { family, localAddr: other }));
      assert.equal(await socket.send(utf8("to the second")), 13);
      const { data } = await listener.recvFrom({ timeoutMs: 5000 });
      assert.equal(new TextDecoder().decode(listener.payloadOf(data)), "to the second");
      // The peer stays with the fd.
      using again = RawSocket.fromFd(socket.intoFd());
      assert.deepEqual([again.protocol, again.family, again.connected], [EXPERIMENT, family, true]);
      assert.equal(again.peerAddr.toString(), SocketAddr.of(other, 0).toString());
      assert.equal(again.localAddr.port, 0);
      assert.equal(await again.send(utf8("x")), 1);
    },
  );

  isolated(
    import.meta.url,
    `${family}: localAddr and device narrow what is received`,
    { netns: UP, skip },
    async () => {
      const { near: host, far } = twoHosts();
      const [near, second, peer] =
        family === "ipv4"
          ? ["192.0.2.1", "192.0.2.9", "192.0.2.2"]
          : ["2001:db8::1", "2001:db8::9", "2001:db8::2"];
      addAddress(host, second, "near0");
      using any = RawSocket.open(EXPERIMENT, { family });
      using bound = RawSocket.open(EXPERIMENT, { localAddr: second });
      using wired = RawSocket.open(EXPERIMENT, { family, device: "near0" });
      using looped = RawSocket.open(EXPERIMENT, { family, device: "lo" });
      assert.equal(bound.family, family);
      using speaker = far.in(() => RawSocket.open(EXPERIMENT, { family }));
      await speaker.sendTo(utf8("1"), near);
      await speaker.sendTo(utf8("2"), second);
      await any.sendTo(utf8("3"), lo);
      const texts = async (socket: RawSocket, count: number): Promise<string> => {
        let all = "";
        for (let i = 0; i < count; i++) {
          const { data } = await socket.recvFrom({ timeoutMs: 5000 });
          all += new TextDecoder().decode(socket.payloadOf(data));
        }
        assert.equal(socket.tryRecvFrom(), WOULD_BLOCK);
        return all;
      };
      assert.equal(await texts(any, 3), "123");
      assert.equal(await texts(bound, 1), "2");
      assert.equal(await texts(wired, 2), "12");
      assert.equal(await texts(looped, 1), "3");
      // What is sent goes out by the address and the device.
      using listener = far.in(() => RawSocket.open(EXPERIMENT, { family }));
      await looped.sendTo(utf8("x"), peer).catch((error) => assert.ok(error instanceof SysError)); // IPv4 sends to nowhere
      await bound.sendTo(utf8("x"), peer);
      assert.equal((await listener.recvFrom({ timeoutMs: 5000 })).peer.ip.toString(), second);
      assert.throws(
        () => RawSocket.open(EXPERIMENT, { device: "nosuchif0" }),
        sysError("ENODEV", "setsockopt"),
      );
      assert.throws(
        () => RawSocket.open(EXPERIMENT, { localAddr: family === "ipv4" ? "198.51.100.1" : "2001:db8:9::1" }),
        (error) =>
          sysError("EADDRNOTAVAIL", "bind")(error) && /no network interface/.test((error as Error).message),
      );
    },
  );

  isolated(
    import.meta.url,
    `${family}: ancillary data goes out and comes in, and reply answers from the address that was asked`,
    { netns: UP, skip },
    async () => {
      const { near, far } = twoHosts();
      const second = family === "ipv4" ? "192.0.2.9" : "2001:db8::9";
      const peer = family === "ipv4" ? "192.0.2.2" : "2001:db8::2";
      addAddress(near, second, "near0");
      using here = RawSocket.open(EXPERIMENT, {
        family,
        ancillary: ["destination", "ttl", "tos", "timestamp", "drops"],
      });
      using there = far.in(() => RawSocket.open(EXPERIMENT, { family, ancillary: ["ttl", "tos"] }));
      await here.sendMsg([utf8("two"), utf8(" parts")], {
        peer,
        ancillary: { ttl: 9, tos: 0x28, source: second },
      });
      const heard = await there.recvMsg({ timeoutMs: 5000 });
      assert.deepEqual(heard.ancillary, { ttl: 9, tos: 0x28 });
      assert.equal(heard.peer.ip.toString(), second);
      assert.equal(new TextDecoder().decode(there.payloadOf(heard.data)), "two parts");
      await there.sendTo(utf8("question"), second);
      const question = await here.recvMsg({ timeoutMs: 5000 });
      assert.equal(question.ancillary.destination?.ip.toString(), second);
      assert.equal(question.ancillary.ttl, 64);
      assert.ok(typeof question.ancillary.timestampNs === "bigint");
      await here.reply(question, utf8("answer"));
      assert.equal((await there.recvFrom({ timeoutMs: 5000 })).peer.ip.toString(), second);
      await assert.rejects(here.sendMsg(utf8("x"), { peer, ancillary: { segmentBytes: 5 } }), {
        name: "TypeError",
        message: /segmentBytes/,
      });
    },
  );

  isolated(
    import.meta.url,
    `${family}: multicast reaches those who joined`,
    { netns: UP, skip },
    async () => {
      const { far } = twoHosts();
      const group = family === "ipv4" ? "239.1.2.3" : "ff05::1:3";
      using member = far.in(() => RawSocket.open(EXPERIMENT, { family }));
      // Over IPv6 one that is not bound, or has not turned MULTICAST_ALL off, hears what the host has joined.
      const option = family === "ipv4" ? IP.MULTICAST_ALL : IPV6.MULTICAST_ALL;
      const localAddr = family === "ipv4" ? "192.0.2.2" : "2001:db8::2";
      using other = far.in(() => RawSocket.open(EXPERIMENT, { localAddr, options: [option.to(false)] }));
      const index = far.in(() => sys.if_nametoindex("far0"));
      member.joinMulticast(group, { interface: index });
      using sender = RawSocket.open(EXPERIMENT, { family });
      if (family === "ipv4") sender.setOption(IP.MULTICAST_IF, "near0");
      else sender.setOption(IPV6.MULTICAST_IF, "near0");
      await sender.sendTo(utf8("all of you"), group);
      const { data } = await member.recvFrom({ timeoutMs: 5000 });
      assert.equal(new TextDecoder().decode(member.payloadOf(data)), "all of you");
      assert.equal(other.tryRecvFrom(), WOULD_BLOCK);
      member.leaveMulticast(group, { interface: index });
      assert.throws(() => member.leaveMulticast(group, { interface: index }), sysError("EADDRNOTAVAIL"));
    },
  );

  isolated(
    import.meta.url,
    `${family}: every protocol from 1 to 255 has raw sockets`,
    { netns: UP, skip },
    async () => {
      for (let protocol = 1; protocol <= 255; protocol++) {
        using socket = RawSocket.open(protocol, { family });
        assert.equal(socket.getOption(SO.PROTOCOL), protocol);
        assert.equal(socket.headerIncluded, protocol === 255);
        assert.equal(socket.localAddr.port, 0);
      }
      assert.throws(
        () => RawSocket.open(0, { family }),
        (error) =>
          sysError("EPROTONOSUPPORT", "socket")(error) &&
          /no raw sockets of this protocol/.test(String(error)),
      );
    },
  );

  isolated(
    import.meta.url,
    `${family}: a socket of protocol "raw" sends anything, and hears nothing but protocol 255`,
    { netns: UP, skip },
    async () => {
      using raw = RawSocket.open("raw", { family });
      using icmpSocket = RawSocket.open(icmp, { icmpTypes: [reply] });
      using udp = UdpSocket.bind(family === "ipv4" ? "127.0.0.1:0" : "[::1]:0");
      const waiting = raw.recvFrom();
      await icmpSocket.sendTo(echo(family, 3, 3), lo);
      await icmpSocket.recvFrom({ timeoutMs: 5000 });
      await udp.sendTo(utf8("x"), udp.localAddr);
      await udp.recvFrom();
      using experiment = RawSocket.open(EXPERIMENT, { family });
      const packet =
        family === "ipv4"
          ? ipv4Packet({ destination: lo }, utf8("y"))
          : ipv6Packet({ source: lo, destination: lo }, utf8("y"));
      await raw.sendTo(packet, lo);
      assert.deepEqual(
        experiment.payloadOf((await experiment.recvFrom({ timeoutMs: 5000 })).data),
        utf8("y"),
      );
      assert.equal(await stateOf(waiting), "pending");
      packet[family === "ipv4" ? 9 : 6] = 255;
      await raw.sendTo(packet, lo);
      assert.deepEqual(raw.payloadOf((await waiting).data), utf8("y"));
    },
  );
}

/** `BPF_RET | BPF_K` of 0 */
const NOTHING = Uint8Array.of(6, 0, 0, 0, 0, 0, 0, 0);

isolated(
  import.meta.url,
  "what came before the socket was narrowed is not received: opened in the middle of a flood",
  { netns: UP, skip: noPython },
  async () => {
    const flood = spawn("python3", [
      "-c",
      `import socket
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, ${EXPERIMENT})
while True: s.sendto(b"flood", ("127.0.0.1", 0))`,
    ]);
    try {
      using any = RawSocket.open(EXPERIMENT);
      await any.recvFrom({ timeoutMs: 5000 });
      let [heard, strays] = [0, 0];
      for (let i = 0; i < 2000; i++) {
        using plain = RawSocket.open(EXPERIMENT);
        if (plain.tryRecvFrom() !== WOULD_BLOCK) heard++;
        for (const narrowed of [{ localAddr: "127.0.0.2" }, { filter: NOTHING }]) {
          using narrow = RawSocket.open(EXPERIMENT, narrowed);
          if (narrow.tryRecvFrom() !== WOULD_BLOCK) strays++;
          assert.equal(
            narrow.tryRecvFrom(),
            WOULD_BLOCK,
            "the one that was just being delivered, and no more",
          );
        }
      }
      assert.ok(heard > 0, "the flood was fast enough to get in between");
      assert.ok(strays <= 3, `${strays} beside ${heard}`);
    } finally {
      flood.kill("SIGKILL");
      await once(flood, "close");
    }
  },
);

isolated(
  import.meta.url,
  "a peer is named by text, IpAddr or SocketAddr, with a zone and without a port",
  { netns: UP },
  async () => {
    const { near, far } = twoHosts();
    addAddress(near, "fe80::1", "near0");
    addAddress(far, "fe80::2", "far0");
    using four = RawSocket.open(EXPERIMENT);
    using six = RawSocket.open(EXPERIMENT, { family: "ipv6" });
    using fourFar = far.in(() => RawSocket.open(EXPERIMENT));
    using sixFar = far.in(() => RawSocket.open(EXPERIMENT, { family: "ipv6" }));
    const index = sys.if_nametoindex("near0");
    const rows: [RawSocket, RawSocket, ...Parameters<RawSocket["connect"]>][] = [
      [four, fourFar, "192.0.2.2"],
      [four, fourFar, "192.0.2.2:0"],
      [four, fourFar, SocketAddr.parse("192.0.2.2:0").ip],
      [four, fourFar, SocketAddr.parse("192.0.2.2:0")],
      [six, sixFar, "2001:db8::2"],
      [six, sixFar, "[2001:db8::2]:0"],
      [six, sixFar, "fe80::2%near0"],
      [six, sixFar, `fe80::2%${index}`],
      [six, sixFar, "[fe80::2%near0]:0"],
      [six, sixFar, SocketAddr.of("fe80::2%near0", 0)],
    ];
    for (const [from, to, peer] of rows) {
      for (const send of [
        () => from.sendTo(utf8("x"), peer),
        async () => from.trySendTo(utf8("x"), peer),
        () => from.sendMsg(utf8("x"), { peer }),
      ]) {
        assert.equal(await send(), 1);
        await to.recvFrom({ timeoutMs: 5000 });
      }
      from.connect(peer);
      assert.equal(await from.send(utf8("x")), 1);
      await to.recvFrom({ timeoutMs: 5000 });
    }
    using local = RawSocket.open("udp", { family: "ipv6" });
    assert.equal(inspect(local), "RawSocket(udp ::)");
    local.connect("fe80::2%near0");
    assert.equal(inspect(local), `RawSocket(udp fe80::1%${index} → fe80::2%${index})`);
    local.close();
    assert.equal(inspect(local), "RawSocket(closed)");
    const wrong: [unknown, string | typeof AddressError, RegExp][] = [
      ["192.0.2.2:80", "TypeError", /peer: expected an address without a port, got 192.0.2.2:80/],
      [SocketAddr.parse("[::1]:1"), "TypeError", /without a port/],
      ["host.example", "AddressError", /host\.example/],
      ["", "AddressError", /./],
      ["192.0.2", "AddressError", /192\.0\.2/],
      [5, "TypeError", /peer: expected an address/],
      [undefined, "TypeError", /peer: expected an address/],
    ];
    for (const [peer, name, message] of wrong) {
      const expected = { name: name as string, message };
      await assert.rejects(six.sendTo(utf8("x"), no(peer)), expected);
      assert.throws(() => six.trySendTo(utf8("x"), no(peer)), expected);
      assert.throws(() => six.connect(no(peer)), expected);
      if (peer !== undefined) await assert.rejects(six.sendMsg(utf8("x"), { peer: no(peer) }), expected);
    }
    await assert.rejects(six.sendTo(utf8("x"), "fe80::2%nosuchif0"), sysError("ENODEV", "if_nametoindex"));
    for (const [socket, peer] of [
      [four, "2001:db8::2"],
      [six, "192.0.2.2"],
    ] as const) {
      await assert.rejects(socket.sendTo(utf8("x"), peer), (error) => {
        assert.ok(error instanceof SysError);
        assert.match(error.message, /the socket and the address are of different families/);
        assert.equal(error.address, peer);
        return true;
      });
    }
  },
);

isolated(
  import.meta.url,
  "options that do not fit are refused before any system call",
  { netns: UP },
  async () => {
    // A process without the capability would see EPERM, were a socket made first.
    process.setgroups?.([]);
    process.setgid?.(65534);
    process.setuid?.(65534);
    const rows: [protocol: unknown, options: unknown, name: string, message: RegExp][] = [
      [undefined, {}, "TypeError", /protocol: expected "icmp", .*"raw", or a number, got undefined/],
      ["ICMP", {}, "TypeError", /got "ICMP"/],
      ["toString", {}, "TypeError", /got "toString"/],
      [-1, {}, "RangeError", /protocol: expected a whole number from 0 to 255, got -1/],
      [256, {}, "RangeError", /got 256/],
      [1.5, {}, "RangeError", /got 1\.5/],
      [Number.NaN, {}, "RangeError", /got NaN/],
      ["icmp", { family: "inet" }, "TypeError", /family: expected "ipv4" or "ipv6", got inet/],
      [
        "icmp",
        { family: "ipv6", localAddr: "192.0.2.1" },
        "TypeError",
        /localAddr: expected an IPv6 address, got 192\.0\.2\.1/,
      ],
      ["icmp", { localAddr: "192.0.2.1:5" }, "TypeError", /localAddr: expected an address without a port/],
      ["icmp", { localAddr: "localhost" }, "AddressError", /localhost/],
      ["tcp", { icmpTypes: [0] }, "TypeError", /icmpTypes: expected a socket of ICMP/],
      ["icmp", { family: "ipv6", icmpTypes: [0] }, "TypeError", /icmpTypes: expected a socket of ICMPv6/],
      ["icmp", { icmpTypes: [32] }, "RangeError", /ICMP_FILTER: .*0 to 31.*always let through/],
      ["icmpv6", { icmpTypes: [256] }, "RangeError", /ICMPV6_FILTER: .*0 to 255/],
      ["icmp", { icmpTypes: 8 }, "TypeError", /an array of ICMP types/],
      ["udp", { checksumOffset: 6 }, "TypeError", /checksumOffset: expected an IPv6 socket/],
      ["icmpv6", { checksumOffset: 4 }, "RangeError", /ICMPv6 has its checksum at 2/],
      ["udp", { family: "ipv6", checksumOffset: -1 }, "RangeError", /IPV6_CHECKSUM/],
      ["icmp", { headerIncluded: 1 }, "TypeError", /IP_HDRINCL: expected true or false, got 1/],
      ["icmp", { device: 5 }, "TypeError", /SO_BINDTODEVICE/],
      ["icmp", { ancillary: "ttl" }, "TypeError", /ancillary: expected an array/],
      ["icmp", { ancillary: ["ttls"] }, "TypeError", /got ttls/],
      ["icmp", { filter: "icmp" }, "TypeError", /filter: expected/],
      ["icmp", { filter: new Uint8Array(0) }, "RangeError", /filter: expected/],
    ];
    for (const [protocol, options, name, message] of rows) {
      assert.throws(
        () => RawSocket.open(no(protocol), no(options)),
        { name, message },
        `${protocol} ${JSON.stringify(options)}`,
      );
    }
  },
);

isolated(
  import.meta.url,
  "without CAP_NET_RAW a raw socket is EPERM, and the message names it",
  { netns: UP },
  async () => {
    process.setgroups?.([]);
    process.setgid?.(65534);
    process.setuid?.(65534);
    for (const [protocol, family] of [
      ["icmp", "ipv4"],
      ["icmpv6", "ipv6"],
      ["raw", "ipv4"],
      [EXPERIMENT, "ipv6"],
    ] as const) {
      assert.throws(
        () => RawSocket.open(protocol, { family }),
        (error) => {
          sysError("EPERM", "socket")(error);
          assert.equal(
            (error as Error).message,
            "socket: Operation not permitted (EPERM): a raw socket needs the capability CAP_NET_RAW (run as root)",
          );
          return true;
        },
      );
    }
  },
);
