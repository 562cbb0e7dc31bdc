/** PingSocket: echo without privilege, identifiers, what the kernel writes and what it refuses. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { inspect } from "node:util";
import { PingSocket, RawSocket, SO, SocketAddr, UdpSocket, WOULD_BLOCK } from "../../src/index.ts";
import * as sys from "../../src/sys/index.ts";
import { isolated, noIpv6, pattern, stateOf, sysError, utf8 } from "./_helpers.ts";
import { addAddress, echo, FAMILIES, internetChecksum, PINGABLE, readU16, sequenceFilter } from "./_raw.ts";
import { twoHosts } from "./_wires.ts";

const no = (value: unknown): never => value as never;

for (const { family, lo, icmp, request, reply, skip } of FAMILIES) {
  isolated(
    import.meta.url,
    `${family}: an echo request is answered, with the identifier and the checksum that the kernel wrote`,
    { netns: PINGABLE, skip },
    async () => {
      using socket = PingSocket.open({ family, ancillary: ["ttl", "tos", "timestamp", "destination"] });
      using witness = RawSocket.open(icmp, { icmpTypes: [request] });
      assert.equal(socket.family, family);
      assert.ok(socket.identifier > 0);
      assert.equal(socket.localAddr.port, socket.identifier);
      const payload = pattern(99);
      const message = socket.echoRequest(0xabcd, payload);
      assert.deepEqual([...message.subarray(0, 8)], [request, 0, 0, 0, 0, 0, 0xab, 0xcd]);
      assert.equal(await socket.sendMsg(message, { peer: lo, ancillary: { ttl: 33, tos: 8 } }), 107);
      const { data, peer, ancillary } = await socket.recvMsg({ timeoutMs: 5000 });
      assert.deepEqual(
        [data[0], data[1], readU16(data, 4), readU16(data, 6)],
        [reply, 0, socket.identifier, 0xabcd],
      );
      assert.deepEqual(data.subarray(8), payload);
      assert.deepEqual(peer, SocketAddr.of(lo, 0));
      assert.equal(ancillary.destination?.ip.toString(), lo);
      assert.deepEqual([ancillary.ttl, typeof ancillary.timestampNs], [64, "bigint"]);
      const seen = await witness.recvMsg({ timeoutMs: 5000 });
      const sent = witness.payloadOf(seen.data);
      assert.deepEqual([sent[0], readU16(sent, 4)], [request, socket.identifier]);
      if (family === "ipv4") {
        assert.equal(internetChecksum(sent), 0);
        assert.deepEqual([seen.data[1], seen.data[8]], [8, 33], "TOS and TTL");
      }
      assert.equal(message[2], 0, "what is sent is not changed");
      // The kernel writes its own identifier, whatever the message has.
      assert.equal(socket.trySendTo(echo(family, 0x7777, 2), lo), 8);
      assert.equal(readU16((await socket.recvFrom({ timeoutMs: 5000 })).data, 4), socket.identifier);
      for (const bytes of [socket.echoRequest(0), socket.echoRequest(65535, new Uint8Array(60_000))]) {
        await socket.sendTo(bytes, lo);
        assert.equal((await socket.recvFrom({ timeoutMs: 5000 })).lengthBytes, bytes.length);
      }
    },
  );

  isolated(
    import.meta.url,
    `${family}: each socket hears its own identifier's replies; one that is taken is EADDRINUSE`,
    { netns: PINGABLE, skip },
    async () => {
      using one = PingSocket.open({ family, identifier: 4711 });
      using other = PingSocket.open({ family });
      assert.equal(one.identifier, 4711);
      assert.notEqual(other.identifier, 4711);
      const waiting = other.recvFrom();
      await one.sendTo(one.echoRequest(1), lo);
      assert.equal(readU16((await one.recvFrom({ timeoutMs: 5000 })).data, 4), 4711);
      assert.equal(await stateOf(waiting), "pending");
      assert.throws(
        () => PingSocket.open({ family, identifier: 4711 }),
        (error) => {
          sysError("EADDRINUSE", "bind")(error);
          assert.match((error as Error).message, /another ping socket has this identifier/);
          return true;
        },
      );
      assert.equal(inspect(one), `PingSocket(${family === "ipv4" ? "0.0.0.0" : "::"} identifier 4711)`);
      other.close();
      await assert.rejects(waiting, sysError("ECANCELED"));
    },
  );

  isolated(
    import.meta.url,
    `${family}: connect, connect anew, disconnect: the identifier stays, also with the fd`,
    { netns: PINGABLE, skip },
    async () => {
      const { far } = twoHosts();
      const [peer, second] = family === "ipv4" ? ["192.0.2.2", "192.0.2.3"] : ["2001:db8::2", "2001:db8::3"];
      addAddress(far, second, "far0");
      for (const identifier of [undefined, 99]) {
        const socket = PingSocket.open({ family, identifier });
        const { identifier: own } = socket;
        const ask = async (to: string, send: () => Promise<number>): Promise<void> => {
          await send();
          const { data, peer } = await socket.recv({ timeoutMs: 5000 });
          assert.deepEqual([peer.ip.toString(), readU16(data, 4)], [to, own]);
        };
        await assert.rejects(socket.send(socket.echoRequest(1)), sysError("EDESTADDRREQ"));
        for (const to of [peer, second]) {
          socket.connect(to);
          assert.equal(socket.peerAddr.toString(), SocketAddr.of(to, 0).toString());
          assert.equal(socket.identifier, own);
          await ask(to, () => socket.send(socket.echoRequest(1)));
        }
        // A ping socket takes its replies from anybody, connected or not.
        await ask(peer, () => socket.sendTo(socket.echoRequest(2), peer));
        using again = PingSocket.fromFd(PingSocket.fromFd(socket.intoFd()).intoFd());
        assert.deepEqual(
          [again.identifier, again.connected, again.peerAddr.ip.toString()],
          [own, true, second],
        );
        again.disconnect();
        assert.equal(again.connected, false);
        assert.equal(again.identifier, own);
        await again.sendTo(again.echoRequest(3), lo);
        assert.equal(readU16((await again.recvFrom({ timeoutMs: 5000 })).data, 4), own);
      }
    },
  );

  isolated(
    import.meta.url,
    `${family}: what is no echo request is EINVAL, and says so`,
    { netns: PINGABLE, skip },
    async () => {
      using socket = PingSocket.open({ family });
      const [first = 0] = socket.echoRequest(1);
      const rows: [Uint8Array, RegExp][] = [
        [new Uint8Array(0), /an ICMP message of at least 8 bytes, got 0/],
        [socket.echoRequest(1).subarray(0, 7), /at least 8 bytes, got 7/],
        [
          Uint8Array.of(reply, 0, 0, 0, 0, 0, 0, 0),
          new RegExp(`type ${first} and code 0, got type ${reply} and code 0`),
        ],
        [Uint8Array.of(first, 1, 0, 0, 0, 0, 0, 0), new RegExp(`got type ${first} and code 1`)],
      ];
      for (const [bytes, message] of rows) {
        await assert.rejects(socket.sendTo(bytes, lo), (error) => {
          sysError("EINVAL", "sendto")(error);
          assert.match((error as Error).message, message);
          return true;
        });
      }
      for (const sequence of [-1, 65536, 0.5, Number.NaN, no("1")]) {
        assert.throws(() => socket.echoRequest(sequence), RangeError);
      }
      assert.throws(() => socket.echoRequest(1, no("text")), TypeError);
      await assert.rejects(socket.sendTo(new Uint8Array(66_000), lo), { name: "SysError", code: "EMSGSIZE" });
    },
  );

  isolated(
    import.meta.url,
    `${family}: an address, a device and a filter narrow it`,
    { netns: PINGABLE, skip },
    async () => {
      const { near, far } = twoHosts();
      const [second, peer] = family === "ipv4" ? ["192.0.2.9", "192.0.2.2"] : ["2001:db8::9", "2001:db8::2"];
      addAddress(near, second, "near0");
      using bound = PingSocket.open({ localAddr: second });
      assert.deepEqual([bound.family, bound.localAddr.ip.toString()], [family, second]);
      using witness = far.in(() => RawSocket.open(icmp, { icmpTypes: [request] }));
      await bound.sendTo(bound.echoRequest(1), peer);
      assert.equal((await witness.recvFrom({ timeoutMs: 5000 })).peer.ip.toString(), second);
      await bound.recvFrom({ timeoutMs: 5000 });
      using filtered = PingSocket.open({ family, filter: sequenceFilter(false, 2), device: "near0" });
      assert.equal(filtered.getOption(SO.BINDTODEVICE), "near0");
      for (const sequence of [1, 2]) await filtered.sendTo(filtered.echoRequest(sequence), peer);
      assert.equal(readU16((await filtered.recvFrom({ timeoutMs: 5000 })).data, 6), 2);
      assert.equal(filtered.tryRecvFrom(), WOULD_BLOCK);
      assert.throws(
        () => PingSocket.open({ localAddr: family === "ipv4" ? "198.51.100.1" : "2001:db8:9::1" }),
        sysError("EADDRNOTAVAIL", "bind"),
      );
    },
  );
}

isolated(
  import.meta.url,
  "outside net.ipv4.ping_group_range it is EACCES for root too, and the message says what is missing; inside nobody needs more",
  { netns: "ip link set lo up", skip: noIpv6 },
  async () => {
    for (const family of ["ipv4", "ipv6"] as const) {
      assert.throws(
        () => PingSocket.open({ family }),
        (error) => {
          sysError("EACCES", "socket")(error);
          assert.equal(
            (error as Error).message,
            "socket: Permission denied (EACCES): a ping socket needs a group of this process in net.ipv4.ping_group_range (now 1 0); " +
              "without one a RawSocket, which needs the capability CAP_NET_RAW, does the same",
          );
          return true;
        },
      );
    }
    writeFileSync("/proc/sys/net/ipv4/ping_group_range", "65534 65534");
    assert.throws(() => PingSocket.open(), /\(now 65534 65534\)/);
    process.setgroups?.([]);
    process.setgid?.(65534);
    process.setuid?.(65534);
    for (const [family, lo] of [
      ["ipv4", "127.0.0.1"],
      ["ipv6", "::1"],
    ] as const) {
      using socket = PingSocket.open({ family, icmpErrors: true });
      await socket.sendTo(socket.echoRequest(1, utf8("hello")), lo);
      assert.deepEqual((await socket.recvFrom({ timeoutMs: 5000 })).data.subarray(8), utf8("hello"));
    }
  },
);

isolated(
  import.meta.url,
  "options that do not fit are refused; fromFd takes ping sockets only",
  { netns: PINGABLE },
  async () => {
    const rows: [options: unknown, name: string, message: RegExp][] = [
      [{ identifier: 0 }, "RangeError", /identifier: expected a whole number from 1 to 65535, got 0/],
      [{ identifier: 65536 }, "RangeError", /got 65536/],
      [{ identifier: 1.5 }, "RangeError", /got 1\.5/],
      [{ identifier: "1" }, "TypeError", /identifier: expected a number, got string/],
      [{ family: "ipv5" }, "TypeError", /family/],
      [{ family: "ipv4", localAddr: "::1" }, "TypeError", /localAddr: expected an IPv4 address, got ::1/],
      [{ localAddr: "127.0.0.1:9" }, "TypeError", /localAddr: expected an address without a port/],
    ];
    for (const [options, name, message] of rows) {
      assert.throws(() => PingSocket.open(no(options)), { name, message });
    }
    const raw = sys.check(sys.socket(sys.AF_INET, sys.SOCK_RAW, sys.IPPROTO_ICMP), "socket");
    const udp = UdpSocket.bind("127.0.0.1:0").intoFd();
    const tcp = sys.check(sys.socket(sys.AF_INET, sys.SOCK_STREAM, 0), "socket");
    for (const fd of [raw, udp, tcp]) {
      assert.throws(() => PingSocket.fromFd(fd), { name: "TypeError", message: /expected a ping socket/ });
    }
    const ping = sys.check(sys.socket(sys.AF_INET6, sys.SOCK_DGRAM, sys.IPPROTO_ICMPV6), "socket");
    for (const fd of [udp, tcp, ping]) {
      assert.throws(() => RawSocket.fromFd(fd), {
        name: "TypeError",
        message: /expected a raw socket of IP/,
      });
    }
    assert.throws(() => PingSocket.fromFd(9999), sysError("EBADF"));
    assert.throws(() => RawSocket.fromFd(9999), sysError("EBADF"));
    assert.throws(() => RawSocket.fromFd(no("3")), TypeError);
    // One of C's, blocking and without an identifier: the first message gives it one.
    using socket = PingSocket.fromFd(ping);
    assert.ok((sys.fcntl(ping, sys.F_GETFL) & sys.O_NONBLOCK) !== 0);
    assert.equal(socket.identifier, 0);
    await socket.sendTo(socket.echoRequest(1), "::1");
    assert.ok(socket.identifier > 0);
    await socket.recvFrom({ timeoutMs: 5000 });
    using adopted = RawSocket.fromFd(raw);
    assert.deepEqual([adopted.protocol, adopted.family, adopted.connected], [1, "ipv4", false]);
    udp.close();
    sys.close(tcp);
  },
);
