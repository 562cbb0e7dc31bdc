/** UdpSocket, blocking: datagrams with their bounds, peers, errors that are reported, multicast. */
import assert from "node:assert/strict";
import {
  DatagramTooLargeError,
  IP,
  IPV6,
  SO,
  SocketAddr,
  SysError,
  UDP,
  UdpSocket,
  WOULD_BLOCK,
} from "../../src/blocking/index.ts";
import { UdpSocket as AsyncUdpSocket } from "../../src/index.ts";
import * as sys from "../../src/sys/index.ts";
import { fdCount } from "../_fds.ts";
import { noIpv6, noPython } from "../socket/_helpers.ts";
import { LOOPBACKS } from "../socket/_udp.ts";
import { pattern, textOf, utf8 } from "./_bytes.ts";
import { type Cases, cases, isolated, Peer, python } from "./_cases.ts";
import { sysError } from "./_pair.ts";

const bound = (): UdpSocket => UdpSocket.bind("127.0.0.1:0");
const LIMIT = { timeoutMs: 10_000 };

const ofEachFamily = (name: string, body: (at: string, largest: number) => void): Cases =>
  Object.fromEntries(
    LOOPBACKS.map(({ family, at, largest, skip }) => [
      `${family}: ${name}`,
      { skip, body: () => body(at, largest) },
    ]),
  );

cases(import.meta.url, {
  ...ofEachFamily("disconnect gives back the address that was bound, and keeps the port", (at) => {
    using server = UdpSocket.bind(at);
    const any = at.replace(/^.*:/, server.localAddr.family === "ipv4" ? "0.0.0.0:" : "[::]:");
    for (const client of [UdpSocket.bind(any), UdpSocket.bind(at), UdpSocket.connect(server.localAddr)]) {
      const { port } = client.localAddr;
      const before = client.connected ? undefined : client.localAddr.toString();
      client.connect(server.localAddr);
      assert.equal(client.localAddr.ip.toString(), server.localAddr.ip.toString());
      for (let i = 0; i < 2; i++) {
        client.disconnect();
        assert.equal(client.localAddr.port, port);
        if (before !== undefined) assert.equal(client.localAddr.toString(), before);
      }
      server.sendTo(utf8("x"), SocketAddr.of(server.localAddr.ip, port));
      assert.equal(textOf(client.recvFrom(LIMIT).data), "x");
      client.close();
      assert.throws(() => client.disconnect(), sysError("EBADF", "connect"));
    }
  }),

  ...ofEachFamily("a socket without a port is asked again, until a datagram has given it one", (at) => {
    using server = UdpSocket.bind(at);
    const family = server.localAddr.family === "ipv4" ? sys.AF_INET : sys.AF_INET6;
    using client = UdpSocket.fromFd(sys.socket(family, sys.SOCK_DGRAM, 0));
    assert.equal(client.localAddr.port, 0);
    client.sendTo(utf8("x"), server.localAddr);
    const { peer } = server.recvFrom(LIMIT);
    assert.ok(peer.port > 0);
    assert.equal(client.localAddr.port, peer.port);
  }),

  ...ofEachFamily(
    "a datagram too large for UDP leaves nothing in the error queue, or once",
    (at, largest) => {
      using live = UdpSocket.bind(at);
      const [mode, report] =
        live.localAddr.family === "ipv4" ? [IP.MTU_DISCOVER, IP.RECVERR] : [IPV6.MTU_DISCOVER, IPV6.RECVERR];
      for (const value of ["want", "do"] as const) {
        const bytes = new Uint8Array(largest + 1);
        const calls: ((socket: UdpSocket) => unknown)[] = [
          (socket) => socket.sendTo(bytes, live.localAddr),
          (socket) => socket.sendTo(bytes, live.localAddr, LIMIT),
          (socket) => socket.trySendTo(bytes, live.localAddr),
          (socket) => socket.sendMsg(bytes, { peer: live.localAddr }),
        ];
        for (const call of calls) {
          const socket = UdpSocket.bind(at, { options: [mode.to(value), report.to(true)] });
          assert.throws(() => call(socket), DatagramTooLargeError);
          using reader = AsyncUdpSocket.fromFd(socket.intoFd()); // only these sockets read the error queue
          let reported = 0;
          while (reader.tryRecvError() !== WOULD_BLOCK) reported++;
          assert.ok(reported <= 1, `reported ${reported} times`);
        }
      }
    },
  ),

  "what a wildcard is connected as, peerAddr tells"() {
    using server = bound();
    using client = UdpSocket.connect(`0.0.0.0:${server.localAddr.port}`);
    assert.ok(client.peerAddr.equals(server.localAddr), `${client.peerAddr}`);
    client.send(utf8("x"));
    server.sendTo(utf8("y"), server.recvFrom(LIMIT).peer);
    assert.ok(client.recv(LIMIT).peer.equals(client.peerAddr));
  },

  "a datagram comes whole, with who sent it; into a buffer, or a new array"() {
    using one = bound();
    using other = bound();
    assert.equal(one.sendTo(utf8("hello"), other.localAddr), 5);
    const got = other.recvFrom(LIMIT);
    assert.deepEqual([textOf(got.data), got.truncated, got.lengthBytes], ["hello", false, 5]);
    assert.ok(got.peer.equals(one.localAddr));
    other.sendTo(utf8("back"), got.peer.toString());
    const buffer = new Uint8Array(9);
    const answer = one.recvFrom(buffer, LIMIT);
    assert.equal(answer.data.buffer, buffer.buffer);
    assert.equal(textOf(answer.data), "back");
    const large = pattern(65_507);
    one.sendTo(large, other.localAddr);
    assert.deepEqual(other.recvFrom(LIMIT).data, large);
  },

  "a datagram of no bytes is one, and no end of anything"() {
    using one = bound();
    using other = bound();
    for (let i = 0; i < 2; i++) assert.equal(one.sendTo(new Uint8Array(), other.localAddr), 0);
    const { data, lengthBytes, truncated } = other.recvFrom(LIMIT);
    assert.deepEqual([data.length, lengthBytes, truncated], [0, 0, false]);
    assert.equal(other.recvFrom(new Uint8Array(4), LIMIT).lengthBytes, 0);
    assert.equal(other.tryRecvFrom(), WOULD_BLOCK);
  },

  "a datagram longer than the buffer is cut, and says so; a buffer of no bytes takes one too"() {
    using one = bound();
    using other = bound();
    for (let i = 0; i < 3; i++) one.sendTo(pattern(100), other.localAddr);
    const cut = other.recvFrom(new Uint8Array(30), LIMIT);
    assert.deepEqual([cut.data, cut.truncated, cut.lengthBytes], [pattern(30), true, 100]);
    const none = other.recvFrom(new Uint8Array(), LIMIT);
    assert.deepEqual([none.data.length, none.truncated, none.lengthBytes], [0, true, 100]);
    assert.equal(other.recvFrom(LIMIT).truncated, false);
  },

  "peek leaves the datagram; the try calls never wait"() {
    using one = bound();
    using other = bound();
    assert.equal(other.tryRecvFrom(), WOULD_BLOCK);
    assert.equal(one.trySendTo(utf8("x"), other.localAddr), 1);
    for (let i = 0; i < 2; i++) assert.equal(textOf(other.recvFrom({ peek: true, ...LIMIT }).data), "x");
    other.readable(LIMIT);
    one.writable(LIMIT);
    const got = other.tryRecvFrom(new Uint8Array(4));
    assert.ok(got !== WOULD_BLOCK && textOf(got.data) === "x");
    one.connect(other.localAddr);
    assert.equal(one.trySend(utf8("y")), 1);
    assert.ok(other.tryRecv() !== WOULD_BLOCK);
  },

  "connect: send goes there, others are not heard, disconnect undoes it; by name, too"() {
    using server = bound();
    using stranger = bound();
    using client = UdpSocket.connect(`localhost:${server.localAddr.port}`, { family: "ipv4" });
    assert.ok(client.connected && client.peerAddr.equals(server.localAddr));
    stranger.sendTo(utf8("not for you"), client.localAddr);
    assert.equal(client.send(utf8("question")), 8);
    const question = server.recv(LIMIT);
    server.sendTo(utf8("answer"), question.peer);
    assert.equal(textOf(client.recv(LIMIT).data), "answer");
    assert.equal(client.tryRecv(), WOULD_BLOCK);
    client.disconnect();
    assert.ok(!client.connected);
    assert.throws(() => client.peerAddr, sysError("ENOTCONN", "getpeername"));
    assert.throws(
      () => client.send(utf8("?")),
      (error) => {
        sysError("EDESTADDRREQ", "send")(error);
        assert.match((error as Error).message, /use sendTo, or connect/);
        return true;
      },
    );
  },

  "a refused datagram is an error of the connected socket, and not of an unconnected one"() {
    const closed = bound();
    const { localAddr } = closed;
    closed.close();
    using connected = UdpSocket.connect(localAddr);
    connected.send(utf8("anybody?"));
    assert.throws(() => connected.recv(LIMIT), sysError("ECONNREFUSED", "recvfrom"));
    using other = bound();
    using free = UdpSocket.bind("127.0.0.1:0", { options: [IP.RECVERR.to(true)] }); // it hears of it, too
    free.sendTo(utf8("anybody?"), localAddr);
    free.sendTo(utf8("you"), other.localAddr);
    assert.equal(textOf(other.recvFrom(LIMIT).data), "you");
    free.sendTo(utf8("anybody?"), localAddr);
    other.sendTo(utf8("yes"), free.localAddr);
    assert.equal(textOf(free.recvFrom(LIMIT).data), "yes");
  },

  "too long, to nowhere, to a broadcast address: errors that say what to do"() {
    using socket = bound();
    assert.throws(
      () => socket.sendTo(new Uint8Array(65_508), "127.0.0.1:9"),
      (error) => error instanceof DatagramTooLargeError && error.maxBytes === 65_507,
    );
    assert.throws(() => socket.sendTo(utf8("x"), "127.0.0.1:0"), sysError("EINVAL", "sendto"));
    assert.throws(
      () => socket.sendTo(utf8("x"), "255.255.255.255:9"),
      (error) => error instanceof SysError && ["EACCES", "ENETUNREACH"].includes(error.code),
    );
  },

  "wrong arguments are refused before any system call"() {
    using socket = bound();
    const before = fdCount();
    const wrong = [
      5,
      "text",
      null,
      [1],
      new ArrayBuffer(1),
      new DataView(new ArrayBuffer(1)),
    ] as unknown as Uint8Array[];
    const bytes = { name: "TypeError", message: /^bytes: expected a Uint8Array/ };
    const buffer = { name: "TypeError", message: /^buffer: expected a Uint8Array/ };
    for (const value of wrong) {
      assert.throws(() => socket.send(value), bytes);
      assert.throws(() => socket.sendTo(value, "127.0.0.1:9"), bytes);
      assert.throws(() => socket.sendMsg([value]), bytes);
      assert.throws(() => socket.recvFrom(value), buffer);
      assert.throws(() => socket.tryRecvFrom(value), buffer);
      assert.throws(() => socket.recvMsg({ buffer: value }), buffer);
    }
    assert.throws(() => socket.sendTo(new Uint8Array(1), "localhost:9"), { name: "AddressError" });
    assert.throws(() => socket.sendTo(new Uint8Array(1), 9 as never), {
      name: "TypeError",
      message: /^peer: /,
    });
    const { signal } = new AbortController();
    for (const options of [{ signal }, { timeoutMs: -1 }, { timeoutMs: "1" }]) {
      const name = { name: /TypeError|RangeError/, message: /^(signal|timeoutMs): / };
      assert.throws(() => socket.recvFrom(options as never), name);
      assert.throws(() => socket.recv(new Uint8Array(1), options as never), name);
      assert.throws(() => socket.recvMsg(options as never), name);
      assert.throws(() => socket.sendTo(new Uint8Array(1), "127.0.0.1:9", options as never), name);
      assert.throws(() => socket.send(new Uint8Array(1), options as never), name);
      assert.throws(() => socket.readable(options as never), name);
      assert.throws(() => UdpSocket.connect("127.0.0.1:9", options as never), name);
    }
    assert.throws(() => UdpSocket.bind("localhost:0"), { name: "AddressError" });
    assert.throws(() => UdpSocket.bind(undefined as never), { name: "TypeError" });
    assert.throws(() => UdpSocket.bind(65_536), { name: "RangeError" });
    assert.throws(() => UdpSocket.bind("127.0.0.1:0", { reuseAddr: 1 as never }), { name: "TypeError" });
    assert.equal(fdCount(), before);
  },

  "sendMsg and recvMsg: parts put together, and what the options ask for beside"() {
    using one = bound();
    using other = UdpSocket.bind("127.0.0.1:0", { ancillary: ["destination", "ttl"] });
    assert.equal(one.sendMsg([utf8("he"), utf8("llo")], { peer: other.localAddr, ancillary: { ttl: 7 } }), 5);
    const got = other.recvMsg(LIMIT);
    assert.equal(textOf(got.data), "hello");
    assert.ok(got.peer.equals(one.localAddr));
    assert.deepEqual([got.ancillary.ttl, got.ancillary.destination?.ip.toString()], [7, "127.0.0.1"]);
    assert.equal(got.ancillaryTruncated, false);
    assert.throws(
      () => one.sendMsg(utf8("x"), { peer: other.localAddr, ancillary: { fds: [0] } }),
      TypeError,
    );
  },

  "merged datagrams are not taken for one"() {
    using one = bound();
    using other = UdpSocket.bind("127.0.0.1:0", { merged: true });
    assert.throws(() => other.recvFrom(LIMIT), { name: "TypeError", message: /UDP_GRO/ });
    one.sendMsg(pattern(300), { peer: other.localAddr, ancillary: { segmentBytes: 100 } });
    let bytes = 0;
    while (bytes < 300) {
      const { data, ancillary } = other.recvMsg(LIMIT);
      assert.equal(ancillary.segmentBytes ?? data.length, 100);
      bytes += data.length;
    }
    other.setOption(UDP.GRO, false);
    one.sendTo(utf8("single"), other.localAddr);
    assert.equal(textOf(other.recvFrom(LIMIT).data), "single");
  },

  IPv6: {
    skip: noIpv6,
    body() {
      using one = UdpSocket.bind("[::1]:0");
      using both = UdpSocket.bind(0);
      one.sendTo(utf8("six"), `[::1]:${both.localAddr.port}`);
      using four = bound();
      assert.equal(textOf(both.recvFrom(LIMIT).data), "six");
      four.sendTo(utf8("four"), `127.0.0.1:${both.localAddr.port}`);
      assert.match(both.recvFrom(LIMIT).peer.toString(), /^\[::ffff:127\.0\.0\.1\]:/);
    },
  },

  "a Python peer answers, after longer than a slice": {
    skip: noPython,
    async body() {
      using socket = bound();
      const script = `
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(b"hello", ("127.0.0.1", int(sys.argv[1])))
data, peer = s.recvfrom(100)
time.sleep(0.45)
s.sendto(data[::-1], peer)
sys.exit(0)`;
      const program = python(script, socket.localAddr.port);
      const hello = socket.recvFrom();
      socket.sendTo(utf8("question"), hello.peer);
      assert.equal(textOf(socket.recvFrom().data), "noitseuq");
      assert.equal(await program.ended, 0);
    },
  },

  "10 000 datagrams from the sockets that do not block, in order, each answered"() {
    using socket = bound();
    const peer = new Peer<number>(
      `const socket = A.UdpSocket.bind("127.0.0.1:0");
       let right = 0;
       for (let i = 0; i < 10_000; i++) {
         await socket.sendTo(pattern(64, i), data);
         const { data: answer } = await socket.recvFrom();
         if (Buffer.compare(answer, pattern(65, i)) === 0) right++;
       }
       socket.close();
       return right;`,
      socket.localAddr.toString(),
    );
    const buffer = new Uint8Array(100);
    for (let i = 0; i < 10_000; i++) {
      const { data, peer } = socket.recvFrom(buffer);
      assert.deepEqual(data, pattern(64, i));
      socket.sendTo(pattern(65, i), peer);
    }
    return peer.result.then((right) => assert.equal(right, 10_000));
  },

  "an iteration gives datagram after datagram, until it is left or the socket is closed"() {
    using one = bound();
    const other = bound();
    for (const text of ["a", "b", "c"]) one.sendTo(utf8(text), other.localAddr);
    const texts: string[] = [];
    for (const { data } of other) {
      texts.push(textOf(data));
      if (texts.length === 2) break;
    }
    for (const { data } of other) {
      texts.push(textOf(data));
      other.close();
    }
    assert.deepEqual(texts, ["a", "b", "c"]);
  },

  "an fd given away is a UDP socket of whoever takes it, connected as it was"() {
    using server = bound();
    const client = UdpSocket.connect(server.localAddr);
    const { localAddr } = client;
    using taken = UdpSocket.fromFd(client.intoFd());
    assert.ok(taken.localAddr.equals(localAddr) && taken.peerAddr.equals(server.localAddr));
    taken.send(utf8("still me"));
    assert.ok(server.recvFrom(LIMIT).peer.equals(localAddr));
    assert.equal(taken.getOption(SO.BROADCAST), false);
  },
});

isolated(
  import.meta.url,
  "blocking: fromFd tells UDP from the other datagrams of IP, and leaves them open",
  { netns: 'ip link set lo up; echo "0 2147483647" > /proc/sys/net/ipv4/ping_group_range' },
  async () => {
    for (const [name, fd] of [
      ["ICMP", sys.socket(sys.AF_INET, sys.SOCK_DGRAM, sys.IPPROTO_ICMP)],
      ["ICMPv6", sys.socket(sys.AF_INET6, sys.SOCK_DGRAM, sys.IPPROTO_ICMPV6)],
      ["TCP", sys.socket(sys.AF_INET, sys.SOCK_STREAM, 0)],
    ] as const) {
      if (fd === -sys.errno.EAFNOSUPPORT) continue; // this host has no IPv6
      assert.ok(fd >= 0, name);
      const refused = { name: "TypeError", message: /fd: expected a UDP socket/ };
      assert.throws(() => UdpSocket.fromFd(fd), refused, name);
      assert.ok(sys.fcntl(fd, sys.F_GETFD) >= 0, `${name} is still open`);
      sys.close(fd);
    }
    assert.throws(() => UdpSocket.fromFd(9999), sysError("EBADF"));
    for (const wrong of [-1, 1.5, "3", undefined] as number[]) {
      assert.throws(() => UdpSocket.fromFd(wrong), {
        name: "TypeError",
        message: /^fd: expected an OwnedFd/,
      });
    }
  },
);

const GROUP = "239.1.2.3";

isolated(
  import.meta.url,
  "blocking: multicast: joined, left, from one source only",
  { netns: "ip link set lo up; ip link set lo multicast on; ip route add 239.0.0.0/8 dev lo" },
  async () => {
    using receiver = UdpSocket.bind("0.0.0.0:0");
    using sender = UdpSocket.bind("127.0.0.1:0");
    const target = SocketAddr.parse(`${GROUP}:${receiver.localAddr.port}`);
    receiver.joinMulticast(GROUP, { interface: "lo" });
    sender.sendTo(utf8("to the group"), target);
    assert.equal(textOf(receiver.recvFrom(LIMIT).data), "to the group");
    assert.throws(() => receiver.joinMulticast(GROUP, { interface: "lo" }), sysError("EADDRINUSE"));
    receiver.blockSource(GROUP, { interface: "lo", source: "127.0.0.1" });
    receiver.unblockSource(GROUP, { interface: "lo", source: "127.0.0.1" });
    receiver.leaveMulticast(GROUP, { interface: "lo" });
    assert.throws(() => receiver.leaveMulticast(GROUP, { interface: "lo" }), sysError("EADDRNOTAVAIL"));
    assert.throws(() => receiver.joinMulticast("192.0.2.1"), TypeError);
  },
);
