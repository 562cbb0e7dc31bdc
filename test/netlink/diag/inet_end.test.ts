/** Ending sockets from outside, and hearing of their end. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { SocketAddr } from "../../../src/ip/index.ts";
import { DiagSocket, type InetSocket } from "../../../src/netlink/diag/index.ts";
import { OVERRUN } from "../../../src/netlink/index.ts";
import { SO, TcpListener, TcpStream, UdpSocket } from "../../../src/socket/index.ts";
import * as C from "../../../src/sys/index.ts";
import { isolated, noNamespaces, noRoot, pair, sysError, test, turns, until } from "../../socket/_helpers.ts";
import { asNobody, notRoot, procNet } from "./_families.ts";

const NETNS = "ip link set lo up";

/** Why no socket can be ended here: a connection of its own is tried. */
async function whyNotDestroy(): Promise<string | false> {
  if (process.env.WINDSOCK_CASE !== undefined) return false;
  if (noNamespaces) return noNamespaces;
  using diag = DiagSocket.open();
  using both = await pair();
  const found = await diag.find({ local: both.client.localAddr, peer: both.client.peerAddr });
  try {
    await diag.destroy(found as InetSocket);
    return false;
  } catch (error) {
    assert.match(String(error), /EOPNOTSUPP.*CONFIG_INET_DIAG_DESTROY/);
    return "this kernel is built without CONFIG_INET_DIAG_DESTROY";
  }
}
const noDestroy = await whyNotDestroy();

isolated(
  import.meta.url,
  "a connection, a listener and UDP are ended",
  { netns: NETNS, skip: noDestroy },
  async () => {
    using diag = DiagSocket.open();
    using both = await pair();
    const ends = { local: both.client.localAddr, peer: both.client.peerAddr };
    const found = await diag.find(ends);
    assert.ok(found !== undefined);
    const reading = both.client.read(new Uint8Array(1));
    await diag.destroy(found);
    await assert.rejects(reading, sysError("ECONNABORTED"));
    await assert.rejects(both.server.read(new Uint8Array(1)), sysError("ECONNRESET"));
    assert.equal(await diag.find(ends), undefined);

    // Not again, and not another with the same ends.
    const gone = { code: "ENOENT", syscall: "SOCK_DESTROY", message: /no such socket any more/ };
    await assert.rejects(diag.destroy(found), gone);
    using listener = TcpListener.bind("127.0.0.1:0");
    const waiting = listener.accept();
    const heard = await diag.find({ local: listener.localAddr });
    assert.ok(heard !== undefined);
    await diag.destroy(heard);
    await assert.rejects(waiting);
    using again = TcpListener.bind(listener.localAddr);
    await assert.rejects(diag.destroy(heard), gone);
    assert.equal((await diag.find({ local: again.localAddr }))?.cookie, again.getOption(SO.COOKIE));

    using socket = UdpSocket.bind("127.0.0.1:0");
    using other = UdpSocket.bind("127.0.0.1:0");
    socket.connect(other.localAddr);
    const udp = await diag.find({ protocol: "udp", local: socket.localAddr, peer: other.localAddr });
    assert.equal(udp?.cookie, socket.getOption(SO.COOKIE));
    const receiving = socket.recv(new Uint8Array(1));
    await diag.destroy(udp as InetSocket);
    await assert.rejects(receiving, sysError("ECONNABORTED"));
  },
);

isolated(
  import.meta.url,
  "TIME-WAIT is cut short, or said to be untouchable",
  { netns: NETNS, skip: noDestroy },
  async () => {
    using diag = DiagSocket.open();
    using both = await pair();
    const { localAddr: local, peerAddr: peer } = both.client;
    both.client.close();
    both.server.close();
    await until(async () => (await diag.find({ local, peer }))?.state === "time-wait");
    const left = (await diag.find({ local, peer })) as InetSocket;
    assert.deepEqual(
      [left.inode, left.timer?.kind, left.info, left.memory],
      [0n, "timewait", undefined, undefined],
    );
    assert.ok((left.timer?.expiresMs ?? 0) > 0);
    try {
      await diag.destroy(left);
      assert.equal(await diag.find({ local, peer }), undefined);
    } catch (error) {
      assert.match(String(error), /EOPNOTSUPP.*in this state/); // before Linux 6.11
    }
  },
);

test("nobody ends what is not his to end", { skip: notRoot }, async () => {
  using both = await pair();
  using _nobody = asNobody();
  using diag = DiagSocket.open();
  const found = await diag.find({ local: both.client.localAddr, peer: both.client.peerAddr });
  const refused = { code: "EPERM", syscall: "SOCK_DESTROY", message: /CAP_NET_ADMIN/ };
  await assert.rejects(diag.destroy(found as InetSocket), refused);
  await both.client.writeAll(Uint8Array.of(1));
});

test("what is heard of ends is let go of at once, also before the first and while it waits", async () => {
  const open = (): number => readdirSync("/proc/self/fd").length;
  using diag = DiagSocket.open();
  const before = open();
  const events = diag.destroyed();
  assert.equal(open(), before + 1);
  await events.return(undefined as never);
  assert.equal(open(), before);

  const signal = new AbortController().signal;
  const waits = diag.destroyed({ protocol: "udp", signal });
  const rejected = (async () => {
    for (;;) await waits.next();
  })();
  const ended = waits.return(undefined as never);
  await assert.rejects(rejected, { code: "ECANCELED" });
  await ended;
  assert.equal(open(), before);

  assert.throws(() => diag.destroyed({ timeoutMs: -1 }), RangeError);
  assert.throws(() => diag.destroyed({ signal: "x" as never }), TypeError);
  const none = diag.destroyed({ signal: AbortSignal.abort() });
  await assert.rejects(none.next(), { name: "AbortError" });
  assert.equal(open(), before);
  for (const wrong of [null, {}, 1]) {
    await assert.rejects(diag.destroy(wrong as never), /^TypeError: socket: expected an InetSocket/);
  }
});

isolated(import.meta.url, "sockets are told of as they end", { netns: NETNS, skip: noRoot }, async () => {
  using diag = DiagSocket.open();
  const events = diag.destroyed();
  const tcpOnly = diag.destroyed({ protocol: "tcp" });
  const udp = UdpSocket.bind("127.0.0.1:0");
  const udpPort = udp.localAddr.port;
  udp.close();
  const first = (await events.next()).value;
  assert.ok(first !== OVERRUN);
  assert.deepEqual([first.protocol, first.family, first.localPort], ["udp", "ipv4", udpPort]);

  const listener = TcpListener.bind("[::1]:0");
  const client = await TcpStream.connect(listener.localAddr);
  const server = await listener.accept();
  await client.writeAll(new Uint8Array(1234));
  await server.read(new Uint8Array(2000));
  const { port } = client.localAddr;
  client.close();
  server.close();
  for (const stream of [tcpOnly, events]) {
    let told = (await stream.next()).value;
    while (told === OVERRUN || told.localPort !== port) told = (await stream.next()).value;
    assert.deepEqual([told.protocol, told.family, told.peerPort], ["tcp", "ipv6", listener.localAddr.port]);
    assert.equal(told.info?.tcpi_bytes_sent, 1234n);
  }
  listener.close();

  // One that waits ends with its signal; one that is left closes its socket.
  const stop = new AbortController();
  const waiting = diag.destroyed({ signal: stop.signal, protocol: "udp" });
  const next = waiting.next();
  await turns(2);
  stop.abort(new Error("enough"));
  await assert.rejects(next, /enough/);
  await events.return(undefined as never);
  await tcpOnly.return(undefined as never);
  assert.throws(() => diag.destroyed({ protocol: "raw" as never }), TypeError);
});

isolated(import.meta.url, "an overrun stands among the events", { netns: NETNS, skip: noRoot }, async () => {
  using diag = DiagSocket.open();
  const events = diag.destroyed({ protocol: "udp", receiveBufferBytes: 4096 });
  const count = 300;
  const at = C.encodeSockaddr(SocketAddr.parse("127.0.0.1:0"));
  for (let i = 0; i < count; i++) {
    const fd = C.check(C.socket(C.AF_INET, C.SOCK_DGRAM | C.SOCK_CLOEXEC, 0), "socket");
    C.check(C.bind(fd, at), "bind");
    C.close(fd);
  }
  // The kernel tells of them by and by.
  const lost = (): boolean =>
    procNet("netlink").some(([, , , groups, , , , , drops]) => groups !== "00000000" && drops !== "0");
  for (const start = performance.now(); !lost(); ) {
    assert.ok(performance.now() - start < 10_000, "the receive buffer is never full");
  }
  let seen = 0;
  for await (const event of events) {
    if (event === OVERRUN) break;
    seen++;
  }
  assert.ok(seen < count, `${seen} of ${count} events, and no overrun`);
});
