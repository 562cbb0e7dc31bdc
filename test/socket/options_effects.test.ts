/** Socket options whose value, read back, does not show what they do. */
import assert from "node:assert/strict";
import { IP, IPV6, SO, SocketAddr, TcpListener, TcpStream } from "../../src/index.ts";
import * as sys from "../../src/sys/index.ts";
import { isolated, noIpv6, pair, test, textOf, utf8 } from "./_helpers.ts";
import { type BareSocket, bare, kernelSkip, unixPair } from "./_option_sockets.ts";

const { EAGAIN, EMSGSIZE } = sys.errno;

/** One recv, as text. */
function recv(socket: BareSocket, count: number, flags = 0): string {
  const buffer = new Uint8Array(count);
  return textOf(buffer.subarray(0, sys.check(sys.recv(socket.fd, buffer, flags), "recv")));
}

test("SO_RCVLOWAT holds back readable until so many bytes are there", async () => {
  using link = await pair();
  link.client.setOption(SO.RCVLOWAT, 10);
  const readable = link.client.readable({ timeoutMs: 10_000 });
  await link.server.writeAll(utf8("12345"));
  await link.server.writeAll(utf8("67890"));
  await readable;
  assert.equal(link.client.tryRead(new Uint8Array(20)), 10);
});

test("SO_PEEK_OFF moves on with each peek and back with each read", () => {
  using both = unixPair();
  const [near, far] = both.ends;
  near.setOption(SO.PEEK_OFF, 4);
  assert.equal(sys.send(far.fd, utf8("aabbccddeeff"), 0), 12);
  // The example of man 7 socket.
  assert.equal(recv(near, 2, sys.MSG_PEEK), "cc");
  assert.equal(recv(near, 2, sys.MSG_PEEK), "dd");
  assert.equal(near.getOption(SO.PEEK_OFF), 8);
  assert.equal(recv(near, 2), "aa");
  assert.equal(near.getOption(SO.PEEK_OFF), 6);
  assert.equal(recv(near, 2, sys.MSG_PEEK), "ee");
  near.setOption(SO.PEEK_OFF, undefined);
  assert.equal(recv(near, 2, sys.MSG_PEEK), "bb");
});

test("SO_INQ tells how much is left", { skip: kernelSkip(SO.INQ.since) }, () => {
  using both = unixPair();
  const [near, far] = both.ends;
  const room = new Uint8Array(4);
  const vector = new sys.MessageVector(1, 64);
  const left = (): number[] => {
    vector.setData(0, sys.addressOf(room), room.length);
    vector.expect(0);
    assert.equal(vector.recvmsg(near.fd, 0), 4);
    return sys
      .decodeControl(vector.control(0))
      .map(({ type, data }) => (type === sys.SO_INQ ? (data[0] ?? -1) : -1));
  };
  assert.equal(sys.send(far.fd, utf8("0123456789"), 0), 10);
  near.setOption(SO.INQ, true);
  assert.deepEqual(left(), [6]);
  near.setOption(SO.INQ, false);
  assert.deepEqual(left(), []);
});

test("SO_RCVTIMEO and SO_SNDTIMEO end the calls of a blocking socket", () => {
  using both = unixPair();
  const [near, far] = both.ends;
  near.setOption(SO.RCVTIMEO, 1);
  assert.ok(near.getOption(SO.RCVTIMEO) >= 1, "rounded up to a tick");
  assert.equal(sys.recv(near.fd, new Uint8Array(1), 0), -EAGAIN);
  far.setOption(SO.SNDTIMEO, 1);
  const chunk = new Uint8Array(65536);
  let result = 0;
  for (let i = 0; i < 1000 && result >= 0; i++) result = sys.send(far.fd, chunk, sys.MSG_NOSIGNAL);
  assert.equal(result, -EAGAIN);
});

test("IP_LOCAL_PORT_RANGE is where connect takes its port from", {
  skip: kernelSkip(IP.LOCAL_PORT_RANGE.since),
}, async () => {
  using listener = TcpListener.bind("127.0.0.1:0");
  const range = { low: 45_000, high: 45_099 }; // within the system's 32768 … 60999
  for (let i = 0; i < 3; i++) {
    using stream = await TcpStream.connect(listener.localAddr, { options: [IP.LOCAL_PORT_RANGE.to(range)] });
    const { port } = stream.localAddr;
    assert.ok(port >= range.low && port <= range.high, `${port}`);
    stream.setOption(SO.LINGER, 0); // leaves no port in TIME_WAIT
  }
});

isolated(
  import.meta.url,
  "IP_MULTICAST_IF by name or index chooses the interface, though only an address is read back",
  { netns: "ip link set lo up" },
  async () => {
    const { ENETUNREACH } = sys.errno;
    const group = sys.encodeSockaddr(SocketAddr.parse("239.255.77.1:9")); // RFC 2365 §6.1; no route goes there
    for (const value of ["lo", 1, "127.0.0.1"]) {
      using socket = bare(sys.AF_INET, sys.SOCK_DGRAM);
      assert.equal(sys.sendto(socket.fd, utf8("text"), 0, group), -ENETUNREACH);
      socket.setOption(IP.MULTICAST_IF, value);
      assert.equal(sys.sendto(socket.fd, utf8("text"), 0, group), 4);
      assert.equal(`${socket.getOption(IP.MULTICAST_IF)}`, value === "127.0.0.1" ? value : "0.0.0.0");
    }
  },
);

test("IPV6_MTU is the longest packet in one piece; IPV6_MTU_DISCOVER and IPV6_DONTFRAG say what happens to longer ones", {
  skip: noIpv6,
}, () => {
  using to = bare(sys.AF_INET6, sys.SOCK_DGRAM);
  using socket = bare(sys.AF_INET6, sys.SOCK_DGRAM);
  sys.check(sys.bind(to.fd, sys.encodeSockaddr(SocketAddr.parse("[::1]:0"))), "bind");
  sys.check(sys.connect(socket.fd, sys.getsockname(to.fd) as Uint8Array), "connect");
  const longest = 1280 - 40 - 8; // headers of IPv6 and UDP
  const send = (count: number): number => sys.send(socket.fd, new Uint8Array(count), 0);
  socket.setOption(IPV6.MTU_DISCOVER, "do");
  assert.equal(send(longest + 1), longest + 1);
  socket.setOption(IPV6.MTU, 1280);
  assert.equal(send(longest), longest);
  assert.equal(send(longest + 1), -EMSGSIZE);
  socket.setOption(IPV6.MTU_DISCOVER, "want");
  assert.equal(send(longest + 1), longest + 1); // in fragments
  socket.setOption(IPV6.DONTFRAG, true);
  assert.equal(send(longest + 1), -EMSGSIZE);
});
