/** What ICMP, routers, firewalls and queues say of what raw and ping sockets send. */
import assert from "node:assert/strict";
import {
  ICMP,
  IP,
  IPV6,
  PingSocket,
  RawSocket,
  type SocketError,
  type SysError,
  WOULD_BLOCK,
} from "../../src/index.ts";
import { isolated, noIpv6, sysError, turns, until, utf8 } from "./_helpers.ts";
import {
  addAddress,
  EXPERIMENT,
  echo,
  FAMILIES,
  internetChecksum,
  ipv4Packet,
  ipv6Packet,
  needs,
  PINGABLE,
  readU16,
} from "./_raw.ts";
import { type Host, routed, twoHosts } from "./_wires.ts";

const FAR = { ipv4: "198.51.100.2", ipv6: "2001:db8:1::2" } as const;
const ROUTER = { ipv4: "192.0.2.254", ipv6: "2001:db8::fe" } as const;
const NOWHERE = { ipv4: "203.0.113.5", ipv6: "2001:db8:2::5" } as const;
const UP = "ip link set lo up";

/**
 * Every kind of socket that can send an echo request, each with an address of its own: routers limit what they send to one.
 */
function senders(family: "ipv4" | "ipv6", near: Host): [name: string, open: () => PingSocket | RawSocket][] {
  const addresses = family === "ipv4" ? ["192.0.2.8", "192.0.2.9"] : ["2001:db8::8", "2001:db8::9"];
  for (const address of addresses) addAddress(near, address, "near0");
  const options = { icmpErrors: true, ancillary: ["ttl", "timestamp"] } as const;
  const [icmp, reply] = family === "ipv4" ? (["icmp", 0] as const) : (["icmpv6", 129] as const);
  return [
    ["ping", () => PingSocket.open({ ...options, localAddr: addresses[0] })],
    ["raw", () => RawSocket.open(icmp, { ...options, localAddr: addresses[1], icmpTypes: [reply] })],
  ];
}

for (const { family, exceeded, unreachable, origin, skip } of FAMILIES) {
  isolated(
    import.meta.url,
    `${family}: a router's "time exceeded" and "unreachable" come through recvError, with who said it and what was sent`,
    { netns: PINGABLE, skip: skip || noIpv6 },
    async () => {
      const { near } = routed();
      for (const [name, open] of senders(family, near)) {
        using socket = open();
        assert.equal(socket.tryRecvError(), WOULD_BLOCK);
        const waiting = socket.recvFrom();
        const [code, noRoute] =
          family === "ipv4" ? ([1, "EHOSTUNREACH"] as const) : ([0, "ENETUNREACH"] as const);
        const rows: [to: string, ttl: number, type: number, code: number, payload: string, errno: string][] =
          [
            [NOWHERE[family], 64, unreachable, code, "nobody there", noRoute],
            [FAR[family], 1, exceeded, 0, "one hop is not enough", "EHOSTUNREACH"],
          ];
        for (const [to, ttl, type, code, payload, errno] of rows) {
          const sent = echo(family, 99, 5, utf8(payload));
          const told = socket.recvError({ timeoutMs: 5000 });
          const before = BigInt(Date.now()) * 1_000_000n - 1_000_000_000n;
          await socket.sendMsg(sent, { peer: to, ancillary: { ttl } });
          const error = await told;
          sysError(errno, "send")(error.error);
          assert.equal(error.error.address, to, name);
          assert.equal(error.peer?.ip.toString(), to);
          assert.deepEqual(
            [error.origin, error.type, error.code, error.mtu],
            [origin, type, code, undefined],
          );
          assert.equal(error.offender?.toString(), ROUTER[family]);
          assert.deepEqual(
            error.data.subarray(8),
            sent.subarray(8),
            "what was sent, from the ICMP header on",
          );
          assert.equal(error.data[0], sent[0]);
          if (socket instanceof PingSocket) assert.equal(readU16(error.data, 4), socket.identifier);
          assert.equal(readU16(error.data, 6), 5);
          assert.equal(error.ancillary.ttl, 64, "of the router's message");
          assert.ok((error.ancillary.timestampNs ?? 0n) > before);
          assert.equal(error.ancillary.others, undefined);
        }
        assert.equal(socket.tryRecvError(), WOULD_BLOCK);
        // Nobody who receives is told of it, and the way is open.
        await socket.sendTo(echo(family, 99, 6), FAR[family]);
        const { data, peer } = await waiting;
        assert.equal(peer.ip.toString(), FAR[family]);
        const answer = socket instanceof RawSocket ? socket.payloadOf(data) : data;
        assert.equal(readU16(answer, 6), 6);
      }
    },
  );

  isolated(
    import.meta.url,
    `${family}: many probes at once, each with its own hop limit, are told apart by their sequence numbers`,
    { netns: PINGABLE, skip: skip || noIpv6 },
    async () => {
      const { near, router } = routed();
      router.sh(
        "cd /proc/sys/net/ipv4; echo 100000 > icmp_msgs_per_sec || true; echo 10000 > icmp_msgs_burst || true",
      ); // of the machine, in older kernels
      for (const [, open] of senders(family, near)) {
        using socket = open();
        const probes = Array.from({ length: 20 }, (_, i) => i);
        const answered = new Map<number, string>();
        await Promise.all(
          probes.map((i) =>
            socket.sendMsg(echo(family, 7, i), { peer: FAR[family], ancillary: { ttl: 1 + (i % 2) } }),
          ),
        );
        await until(() => {
          for (let it = socket.tryRecvError(); it !== WOULD_BLOCK; it = socket.tryRecvError()) {
            answered.set(readU16(it.data, 6), it.offender?.toString() ?? "");
          }
          for (let it = socket.tryRecvFrom(); it !== WOULD_BLOCK; it = socket.tryRecvFrom()) {
            const data = socket instanceof RawSocket ? socket.payloadOf(it.data) : it.data;
            if (it.peer.ip.toString() === FAR[family]) answered.set(readU16(data, 6), it.peer.ip.toString());
          }
          return answered.size === probes.length;
        });
        for (const i of probes) assert.equal(answered.get(i), i % 2 ? FAR[family] : ROUTER[family]);
      }
    },
  );

  isolated(
    import.meta.url,
    `${family}: the ICMP messages themselves come by a raw socket, with the packet that they are about`,
    { netns: PINGABLE, skip: skip || noIpv6 },
    async () => {
      routed();
      const icmp = family === "ipv4" ? "icmp" : "icmpv6";
      using listener = RawSocket.open(icmp, { icmpTypes: [exceeded] });
      using sender = RawSocket.open(EXPERIMENT, {
        family,
        options: [family === "ipv4" ? IP.TTL.to(1) : IPV6.UNICAST_HOPS.to(1)],
      });
      await sender.sendTo(utf8("whatever it is"), FAR[family]);
      const { data, peer } = await listener.recvFrom({ timeoutMs: 5000 });
      assert.equal(peer.ip.toString(), ROUTER[family]);
      const message = listener.payloadOf(data);
      assert.deepEqual([message[0], message[1]], [exceeded, 0]);
      const quoted = message.subarray(8);
      assert.equal(quoted[family === "ipv4" ? 9 : 6], EXPERIMENT);
      assert.deepEqual(quoted.subarray(family === "ipv4" ? 20 : 40).subarray(0, 14), utf8("whatever it is"));
      assert.equal(listener.tryRecvFrom(), WOULD_BLOCK);
    },
  );

  isolated(
    import.meta.url,
    `${family}: other protocols and packets with their headers are told of too; a connected socket fails, an unconnected one does not`,
    { netns: PINGABLE, skip: skip || noIpv6 },
    async () => {
      routed();
      const options = { family, icmpErrors: true } as const;
      using plain = RawSocket.open(EXPERIMENT, options);
      await plain.sendTo(utf8("no such protocol"), FAR[family]);
      const refused = await plain.recvError({ timeoutMs: 5000 });
      // Protocol unreachable, RFC 1122 §3.2.2.1, or an unrecognized next header, RFC 4443 §3.4.
      const [code, type, errorCode] = family === "ipv4" ? ["ENOPROTOOPT", 3, 2] : ["EPROTO", 4, 1];
      sysError(code as string)(refused.error);
      assert.deepEqual([refused.type, refused.code], [type, errorCode]);
      assert.equal(refused.offender?.toString(), FAR[family]);
      assert.deepEqual(refused.data.subarray(0, 16), utf8("no such protocol"));
      assert.equal(plain.tryRecvFrom(), WOULD_BLOCK);

      using made = RawSocket.open(EXPERIMENT, { ...options, headerIncluded: true });
      const near = family === "ipv4" ? "192.0.2.1" : "2001:db8::1";
      const packet =
        family === "ipv4"
          ? ipv4Packet({ source: near, destination: FAR.ipv4, ttl: 1, id: 7 }, utf8("made by hand"))
          : ipv6Packet({ source: near, destination: FAR.ipv6, hopLimit: 1 }, utf8("made by hand"));
      await made.sendTo(packet, FAR[family]);
      const exceededError = await made.recvError({ timeoutMs: 5000 });
      assert.deepEqual([exceededError.type, exceededError.offender?.toString()], [exceeded, ROUTER[family]]);
      const wanted = packet.slice();
      if (family === "ipv4") {
        wanted.set([0, packet.length], 2);
        wanted.set([0, 0], 10);
        const sum = internetChecksum(wanted.subarray(0, 20));
        wanted.set([sum >> 8, sum & 255], 10);
      }
      assert.deepEqual(
        exceededError.data.subarray(0, wanted.length),
        wanted,
        "all of the packet, header and all",
      );

      // Connected, without icmpErrors: only what is final is told, once.
      using connected = RawSocket.open(EXPERIMENT, { family });
      connected.connect(FAR[family]);
      await connected.send(utf8("8 bytes, at the least"));
      await assert.rejects(connected.recv({ timeoutMs: 5000 }), (error) => {
        sysError(code as string, "recvfrom")(error);
        assert.equal((error as SysError).address, FAR[family]);
        return true;
      });
      assert.equal(connected.tryRecv(), WOULD_BLOCK);
      assert.equal(connected.tryRecvError(), WOULD_BLOCK);
      // Unconnected, without icmpErrors: nothing.
      using deaf = RawSocket.open(EXPERIMENT, { family });
      const waiting = deaf.recvFrom();
      await deaf.sendTo(utf8("8 bytes, at the least"), FAR[family]);
      await plain.sendTo(utf8("8 bytes, at the least"), FAR[family]);
      await plain.recvError({ timeoutMs: 5000 }); // and so the other's has been there
      await turns(3);
      assert.equal(deaf.tryRecvError(), WOULD_BLOCK);
      assert.equal(await deaf.sendTo(utf8("8 bytes, at the least"), FAR[family]), 21);
      deaf.close();
      await assert.rejects(waiting, sysError("ECANCELED"));
    },
  );

  isolated(
    import.meta.url,
    `${family}: a path that is too narrow is told with its MTU, and the next send with what fits`,
    { netns: PINGABLE, skip: skip || noIpv6 },
    async () => {
      routed();
      const option = (family === "ipv4" ? IP : IPV6).MTU_DISCOVER.to("do");
      const header = family === "ipv4" ? 20 : 40;
      for (const make of [
        () => PingSocket.open({ family, icmpErrors: true, options: [option] }),
        () =>
          RawSocket.open(family === "ipv4" ? "icmp" : "icmpv6", {
            family,
            icmpErrors: true,
            options: [option],
          }),
      ]) {
        using socket = make();
        const message = echo(family, 1, 1, new Uint8Array(1400));
        let told: SocketError | undefined;
        try {
          await socket.sendTo(message, FAR[family]);
          told = await socket.recvError({ timeoutMs: 5000 });
          assert.equal(told.offender?.toString(), ROUTER[family]);
        } catch (error) {
          sysError("EMSGSIZE")(error); // the kernel knows it from the socket before
          assert.equal((error as { maxBytes?: number }).maxBytes, 1300 - header);
          told = await socket.recvError({ timeoutMs: 5000 });
        }
        sysError("EMSGSIZE")(told.error);
        assert.equal(told.mtu, 1300);
        await assert.rejects(socket.sendTo(message, FAR[family]), (error) => {
          sysError("EMSGSIZE")(error);
          assert.equal((error as { maxBytes?: number }).maxBytes, 1300 - header);
          return true;
        });
        assert.equal(await socket.sendTo(message.subarray(0, 1300 - header), FAR[family]), 1300 - header);
      }
    },
  );

  isolated(
    import.meta.url,
    `${family}: no route, a firewall rule and a broadcast address are told with what to do`,
    { netns: PINGABLE, skip: skip || noIpv6 || needs("nft", "--version") },
    async () => {
      const { near } = twoHosts();
      const peer = family === "ipv4" ? "192.0.2.2" : "2001:db8::2";
      near.sh(`nft add table inet t
        nft add chain inet t out '{ type filter hook output priority 0; }'
        nft add rule inet t out meta l4proto { ${EXPERIMENT}, icmp, icmpv6 } ${family === "ipv4" ? "ip" : "ip6"} daddr ${peer} drop`);
      const rows: [to: string, code: string, hint: RegExp][] = [
        [peer, "EPERM", /a firewall rule of this host \(nftables, iptables\) forbids it/],
        [family === "ipv4" ? "198.51.100.1" : "2001:db8:9::1", "ENETUNREACH", /no route to that network/],
      ];
      if (family === "ipv4") rows.push(["192.0.2.255", "EACCES", /SO\.BROADCAST/]);
      const made = RawSocket.open(EXPERIMENT, { family, headerIncluded: true });
      for (const socket of [PingSocket.open({ family }), RawSocket.open(EXPERIMENT, { family }), made]) {
        for (const [to, code, hint] of rows) {
          // net/ipv6/ping.c does not look at what becomes of what it has given away.
          if (code === "EPERM" && family === "ipv6" && socket instanceof PingSocket) continue;
          const message =
            socket !== made
              ? echo(family, 1, 1)
              : family === "ipv4"
                ? ipv4Packet({ destination: to }, utf8("x"))
                : ipv6Packet({ source: "2001:db8::1", destination: to }, utf8("x"));
          await assert.rejects(socket.sendTo(message, to), (error) => {
            sysError(code)(error);
            assert.match((error as Error).message, hint);
            assert.equal((error as SysError).address, to);
            return true;
          });
        }
        socket.close();
      }
      if (family === "ipv4") {
        using allowed = RawSocket.open(EXPERIMENT, { broadcast: true });
        assert.equal(await allowed.sendTo(utf8("x"), "192.0.2.255"), 1);
        using ping = PingSocket.open({ broadcast: true });
        await ping.sendTo(ping.echoRequest(1), "192.0.2.255");
      }
    },
  );
}

isolated(
  import.meta.url,
  "a full queue of the interface is ENOBUFS where errors are asked for, and silence where not",
  { netns: UP, skip: needs("tc", "-V") },
  async () => {
    const { near } = twoHosts();
    near.sh("tc qdisc add dev near0 root tbf rate 8kbit burst 2000 limit 2000");
    const fill = async (socket: RawSocket): Promise<number> => {
      let sent = 0;
      try {
        for (; sent < 20; sent++) await socket.sendTo(new Uint8Array(1000), "192.0.2.2");
      } catch (error) {
        sysError("ENOBUFS", "sendto")(error);
        assert.match(
          (error as Error).message,
          /the queue of the interface is full, and the packet was dropped/,
        );
      }
      return sent;
    };
    using silent = RawSocket.open(EXPERIMENT);
    assert.equal(await fill(silent), 20);
    using told = RawSocket.open(EXPERIMENT, { icmpErrors: true });
    assert.ok((await fill(told)) < 20);
  },
);

isolated(
  import.meta.url,
  "errors of what another socket of the protocol has sent are told to a raw socket too; a ping socket hears its own",
  { netns: PINGABLE },
  async () => {
    routed();
    using raw = RawSocket.open("icmp", { icmpErrors: true, icmpTypes: [] });
    using one = PingSocket.open({ icmpErrors: true });
    using other = PingSocket.open({ icmpErrors: true });
    assert.deepEqual(raw.getOption(ICMP.FILTER), []);
    await one.sendTo(one.echoRequest(1), NOWHERE.ipv4);
    assert.equal((await one.recvError({ timeoutMs: 5000 })).peer?.ip.toString(), NOWHERE.ipv4);
    const told = await raw.recvError({ timeoutMs: 5000 });
    assert.equal(readU16(told.data, 4), one.identifier);
    assert.equal(other.tryRecvError(), WOULD_BLOCK);
    assert.equal(one.tryRecvError(), WOULD_BLOCK);
  },
);

isolated(
  import.meta.url,
  "a report that quotes fewer than 8 bytes of the message is nobody's",
  { netns: PINGABLE, skip: noIpv6 },
  async () => {
    routed();
    for (const { family } of FAMILIES) {
      using socket = RawSocket.open(EXPERIMENT, { family, icmpErrors: true });
      await socket.sendTo(utf8("seven b"), FAR[family]);
      await socket.sendTo(utf8("eight by"), FAR[family]);
      assert.deepEqual((await socket.recvError({ timeoutMs: 5000 })).data, utf8("eight by"));
      assert.equal(socket.tryRecvError(), WOULD_BLOCK);
    }
  },
);
