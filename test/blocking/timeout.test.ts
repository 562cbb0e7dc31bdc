/** Timeouts of blocking calls: not before their time, nothing lost, and what a call had taken is given back. */
import assert from "node:assert/strict";
import {
  SO,
  TcpListener,
  TimeoutError,
  UdpSocket,
  UnixDatagram,
  UnixListener,
  UnixStream,
  WOULD_BLOCK,
} from "../../src/blocking/index.ts";
import { pattern, textOf, utf8 } from "./_bytes.ts";
import { cases, Peer } from "./_cases.ts";
import { tcpPair, timeout } from "./_pair.ts";

/** None, below and above the slice in which the kernel waits. */
const TIMES = [0, 30, 230];

/** The call throws a TimeoutError with these words, and takes no less time than it says. */
function takes(syscall: string, timeoutMs: number, call: (options: { timeoutMs: number }) => unknown): void {
  const start = performance.now();
  assert.throws(() => call({ timeoutMs }), timeout(syscall, timeoutMs));
  const ms = performance.now() - start;
  assert.ok(ms >= timeoutMs, `${syscall}: ${ms} of ${timeoutMs} ms`);
}

/** Writes until the kernel takes no more. */
function fill(stream: UnixStream): number {
  const chunk = new Uint8Array(64 * 1024);
  let taken = 0;
  for (;;) {
    try {
      taken += stream.write(chunk, { timeoutMs: 50 });
    } catch (error) {
      assert.ok(error instanceof TimeoutError);
      return taken;
    }
  }
}

cases(import.meta.url, {
  "every call that waits on a TCP stream"() {
    using link = tcpPair();
    const { client, server } = link;
    const buffer = new Uint8Array(8);
    const most = new Uint8Array(64 * 1024 * 1024);
    for (const timeoutMs of TIMES) {
      takes("recv", timeoutMs, (options) => server.read(buffer, options));
      takes("recv", timeoutMs, (options) => server.peek(buffer, options));
      takes("recv", timeoutMs, (options) => server.readExact(buffer, options));
      takes("recv", timeoutMs, (options) => server.readToEnd(options));
      takes("recv", timeoutMs, (options) => server.readText(options));
      takes("poll", timeoutMs, (options) => server.readable(options));
      takes("send", timeoutMs, (options) => server.writeAll(most, options));
    }
    assert.equal(server.bytesRead, 0);
    server.shutdown("write");
    assert.equal(client.readToEnd().length, server.bytesWritten);
    client.writeAll(utf8("still"));
    assert.equal(server.read(buffer), 5);
  },

  "every call that waits on a local stream, and on listeners"() {
    const [one, other] = UnixStream.pair();
    const buffer = new Uint8Array(8);
    const sent = fill(one);
    using tcp = TcpListener.bind("127.0.0.1:0");
    using local = UnixListener.bind("@", { backlog: 0 });
    using waiting = UnixStream.connect(local.localAddr);
    for (const timeoutMs of TIMES) {
      takes("recv", timeoutMs, (options) => one.read(buffer, options));
      takes("recvmsg", timeoutMs, (options) => one.recvMsg(options));
      takes("send", timeoutMs, (options) => one.write(buffer, options));
      takes("send", timeoutMs, (options) => one.writeAll(buffer, options));
      takes("poll", timeoutMs, (options) => one.writable(options));
      takes("sendmsg", timeoutMs, (options) => one.sendMsg(buffer, options));
      takes("accept", timeoutMs, (options) => tcp.accept(options));
      takes("connect", timeoutMs, (options) => UnixStream.connect(local.localAddr, options));
    }
    assert.equal(one.bytesWritten, sent);
    one.close();
    assert.equal(other.readToEnd().length, sent);
    other.close();
    waiting.writeAll(utf8("x"));
    using accepted = local.accept({ timeoutMs: 0 });
    assert.equal(accepted.read(buffer), 1);
    takes("accept", 0, (options) => local.accept(options));
  },

  "every call that waits on datagram sockets"() {
    using udp = UdpSocket.bind("127.0.0.1:0");
    using local = UnixDatagram.bind();
    using sender = UnixDatagram.unbound();
    const byte = new Uint8Array(1);
    let queued = 0;
    while (sender.trySendTo(byte, local.localAddr) !== WOULD_BLOCK) queued++;
    assert.ok(queued > 0);
    for (const timeoutMs of TIMES) {
      takes("recvfrom", timeoutMs, (options) => udp.recvFrom(options));
      takes("recvfrom", timeoutMs, (options) => udp.recv(byte, options));
      takes("recvmsg", timeoutMs, (options) => udp.recvMsg(options));
      takes("poll", timeoutMs, (options) => udp.readable(options));
      takes("sendto", timeoutMs, (options) => sender.sendTo(byte, local.localAddr, options));
      takes("recvfrom", timeoutMs, (options) => sender.recvFrom(options));
      takes("sendmsg", timeoutMs, (options) => sender.sendMsg(byte, { ...options, peer: local.localAddr }));
    }
    sender.connect(local.localAddr);
    for (const timeoutMs of TIMES) takes("send", timeoutMs, (options) => sender.send(byte, options));
    for (let i = 0; i < queued; i++) local.recv({ timeoutMs: 0 });
    assert.equal(local.tryRecv(), WOULD_BLOCK);
    sender.send(byte, { timeoutMs: 0 });
    assert.equal(local.recv().lengthBytes, 1);
  },

  "a timeout of 0 takes what is there, and waits for nothing"() {
    using link = tcpPair();
    link.server.writeAll(utf8("here"));
    link.client.readable();
    const buffer = new Uint8Array(8);
    assert.equal(link.client.read(buffer, { timeoutMs: 0 }), 4);
    assert.equal(link.client.write(buffer, { timeoutMs: 0 }), 8);
    link.server.close(); // with 8 bytes unread: a reset
    using next = tcpPair();
    next.server.close();
    assert.equal(next.client.read(buffer, { timeoutMs: 0 }), 0);
  },

  "Infinity, undefined and a time beyond that of timers wait until there is something"() {
    using listener = TcpListener.bind("127.0.0.1:0");
    const peer = new Peer(
      `const link = B.TcpStream.connect("127.0.0.1:" + data);
       for (let i = 0; i < 3; i++) {
         link.readExact(new Uint8Array(1));
         Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 250); // longer than a slice
         link.writeAll(new Uint8Array(1));
       }
       link.close();`,
      listener.localAddr.port,
    );
    using link = listener.accept({ timeoutMs: 10_000 });
    const byte = new Uint8Array(1);
    for (const timeoutMs of [Number.POSITIVE_INFINITY, undefined, 2 ** 40]) {
      link.writeAll(byte);
      assert.equal(link.read(byte, { timeoutMs }), 1);
    }
    return peer.result.then(() => undefined);
  },

  "what readExact, readToEnd and readText had taken is given back, in order, once and again"() {
    using link = tcpPair();
    const { client, server } = link;
    const bytes = pattern(30_000);
    const exact = new Uint8Array(40_000);
    let sent = 0;
    const more = (): void => {
      server.writeAll(bytes.subarray(sent, sent + 10_000));
      sent += 10_000;
    };
    more();
    takes("recv", 40, (options) => client.readExact(exact, options));
    assert.deepEqual(exact.subarray(0, 10_000), bytes.subarray(0, 10_000), "they are in the buffer, too");
    assert.equal(client.bytesRead, 0);
    more();
    takes("recv", 230, (options) => client.readToEnd(options));
    more();
    takes("recv", 0, (options) => client.readText(options));
    assert.equal(client.bytesRead, 0);
    assert.ok(client.buffers().receive.queued > 0);
    const few = new Uint8Array(7);
    assert.equal(client.peek(few), 7);
    assert.deepEqual(few, bytes.subarray(0, 7));
    assert.equal(client.tryRead(few), 7);
    assert.deepEqual(few, bytes.subarray(0, 7));
    client.readable({ timeoutMs: 0 });
    server.shutdown("write");
    assert.deepEqual(client.readToEnd(), bytes.subarray(7));
    assert.equal(client.bytesRead, 30_000);
  },

  "a writeAll whose time is over: bytesWritten tells exactly how far it came, and the rest can follow"() {
    using link = tcpPair();
    const { client, server } = link;
    client.setOption(SO.SNDBUF, 32 * 1024);
    const bytes = pattern(24 * 1024 * 1024);
    takes("send", 300, (options) => client.writeAll(bytes, options));
    const first = client.bytesWritten;
    assert.ok(first > 0 && first < bytes.length);
    const got = new Uint8Array(first);
    server.readExact(got, { timeoutMs: 10_000 });
    assert.equal(server.tryRead(new Uint8Array(1)), WOULD_BLOCK);
    assert.deepEqual(got, bytes.subarray(0, first));
    client.writeAll(bytes.subarray(first, first + 1000));
    client.shutdown("write");
    assert.deepEqual(server.readToEnd(), bytes.subarray(first, first + 1000));
  },

  "data that comes while a call with a timeout waits ends it: before and after a slice, and in its last part"() {
    using listener = TcpListener.bind("127.0.0.1:0");
    const delays = [20, 230, 420];
    const peer = new Peer(
      `const link = B.TcpStream.connect("127.0.0.1:" + data.port);
       for (const delay of data.delays) {
         link.readExact(new Uint8Array(1));
         Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, delay);
         link.writeAll(new TextEncoder().encode("after " + delay));
       }
       link.close();`,
      { port: listener.localAddr.port, delays },
    );
    using link = listener.accept({ timeoutMs: 10_000 });
    const buffer = new Uint8Array(16);
    for (const delay of delays) {
      link.writeAll(buffer.subarray(0, 1));
      const count = link.read(buffer, { timeoutMs: 10_000 });
      assert.equal(textOf(buffer.subarray(0, count)), `after ${delay}`);
    }
    return peer.result.then(() => undefined);
  },
});
