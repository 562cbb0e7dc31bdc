/** TcpStream, blocking: what read, write and their helpers give, byte by byte. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  EncodingError,
  EndOfStreamError,
  SO,
  TCP,
  TcpListener,
  TcpStream,
  TooLargeError,
  WOULD_BLOCK,
} from "../../src/blocking/index.ts";
import * as sys from "../../src/sys/index.ts";
import { noIpv6, noPython } from "../socket/_helpers.ts";
import { pattern, textOf, utf8 } from "./_bytes.ts";
import { cases, Peer, python } from "./_cases.ts";
import { sysError, tcpPair } from "./_pair.ts";

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const MiB = 1024 * 1024;

cases(import.meta.url, {
  "a read gives what is there, in parts, and 0 at the end, again and again"() {
    using link = tcpPair();
    const { client, server } = link;
    server.writeAll(utf8("0123456789"));
    const buffer = new Uint8Array(4);
    assert.equal(client.read(buffer), 4);
    assert.equal(textOf(buffer), "0123");
    const rest = new Uint8Array(100);
    assert.equal(client.read(rest), 6);
    assert.equal(textOf(rest.subarray(0, 6)), "456789");
    server.close();
    for (let i = 0; i < 2; i++) assert.equal(client.read(buffer), 0);
    assert.equal(client.tryRead(buffer), 0);
    assert.equal(client.peek(buffer), 0);
    assert.deepEqual([client.bytesRead, server.bytesWritten], [10, 10]);
  },

  "a read fills the view it was given and nothing beside it, also in shared memory"() {
    using link = tcpPair();
    for (const memory of [new Uint8Array(12), new Uint8Array(new SharedArrayBuffer(12))]) {
      memory.fill(0xee);
      link.server.writeAll(utf8("abcdefgh"));
      assert.equal(link.client.read(memory.subarray(4, 8)), 4);
      assert.equal(Buffer.from(memory).toString("latin1"), "\xee\xee\xee\xeeabcd\xee\xee\xee\xee");
      link.client.writeAll(memory.subarray(5, 7));
      const echoed = new Uint8Array(9);
      assert.equal(link.server.read(echoed), 2);
      assert.equal(textOf(echoed.subarray(0, 2)), "bc");
      link.client.readExact(new Uint8Array(4));
    }
  },

  "an empty buffer is a RangeError where 0 would be the end; readExact and write have nothing to do"() {
    using link = tcpPair();
    const none = new Uint8Array();
    for (const call of ["read", "tryRead", "peek"] as const) {
      assert.throws(() => link.client[call](none), { name: "RangeError", message: /at least 1 byte/ });
    }
    link.client.readExact(none);
    assert.equal(link.client.write(none), 0);
    link.client.writeAll(none);
    assert.equal(link.server.tryRead(new Uint8Array(1)), WOULD_BLOCK);
  },

  "anything but a Uint8Array is a TypeError that names the argument, and nothing is sent"() {
    using link = tcpPair();
    const wrong = [
      "text",
      5,
      null,
      undefined,
      [1],
      new ArrayBuffer(4),
      new DataView(new ArrayBuffer(4)),
      new Uint16Array(4),
    ];
    for (const call of ["read", "tryRead", "peek", "readExact", "write", "tryWrite", "writeAll"] as const) {
      for (const value of wrong) {
        const expected = { name: "TypeError", message: /^buffer: expected a Uint8Array, got / };
        assert.throws(
          () => link.client[call](value as unknown as Uint8Array),
          expected,
          `${call} ${String(value)}`,
        );
      }
    }
    assert.throws(() => link.client.shutdown("writing" as "write"), {
      name: "TypeError",
      message: /"writing|writing/,
    });
    assert.equal(link.server.tryRead(new Uint8Array(1)), WOULD_BLOCK);
  },

  "wrong wait options are refused by every call, before anything is done"() {
    using link = tcpPair();
    const { client } = link;
    link.server.writeAll(utf8("stays"));
    const byte = new Uint8Array(1);
    const calls: Record<string, (options: { timeoutMs?: number }) => unknown> = {
      read: (options) => client.read(byte, options),
      peek: (options) => client.peek(byte, options),
      readExact: (options) => client.readExact(byte, options),
      readToEnd: (options) => client.readToEnd(options),
      readText: (options) => client.readText(options),
      readable: (options) => client.readable(options),
      write: (options) => client.write(byte, options),
      writeAll: (options) => client.writeAll(byte, options),
      writable: (options) => client.writable(options),
    };
    for (const [name, call] of Object.entries(calls)) {
      assert.throws(() => call({ timeoutMs: -1 }), { name: "RangeError", message: /^timeoutMs: / }, name);
      assert.throws(
        () => call({ timeoutMs: Number.NaN }),
        { name: "RangeError", message: /^timeoutMs: / },
        name,
      );
      assert.throws(
        () => call({ timeoutMs: "5" } as never),
        { name: "TypeError", message: /^timeoutMs: / },
        name,
      );
      const { signal } = new AbortController();
      const expected = {
        name: "TypeError",
        message: /^signal: a blocking call cannot be cancelled.*timeoutMs/,
      };
      assert.throws(() => call({ signal } as never), expected, name);
    }
    assert.throws(() => client.readToEnd({ maxBytes: -1 }), { name: "RangeError", message: /^maxBytes: / });
    assert.throws(() => client.readToEnd({ maxBytes: "1" } as never), {
      name: "TypeError",
      message: /^maxBytes: /,
    });
    assert.equal(client.bytesWritten + client.bytesRead, 0);
    assert.equal(client.read(new Uint8Array(9)), 5);
  },

  "a write blocks until there is room, and gives what the kernel took"() {
    using listener = TcpListener.bind("127.0.0.1:0");
    const total = 32 * MiB;
    const peer = new Peer<string>(
      `const link = B.TcpStream.connect("127.0.0.1:" + data.port);
       const got = new Uint8Array(data.total);
       link.readExact(got);
       if (link.read(got.subarray(0, 1)) !== 0) throw new Error("more than was sent");
       link.close();
       return require("node:crypto").createHash("sha256").update(got).digest("hex");`,
      { port: listener.localAddr.port, total },
    );
    using link = listener.accept({ timeoutMs: 10_000 });
    link.setOption(SO.SNDBUF, 64 * 1024);
    const bytes = pattern(total);
    let sent = 0;
    while (sent < total) {
      const count = link.write(bytes.subarray(sent));
      assert.ok(count > 0 && count <= total - sent);
      sent += count;
    }
    assert.equal(link.bytesWritten, total);
    link.shutdown("write");
    return peer.result.then((hash) => assert.equal(hash, sha256(bytes)));
  },

  "64 MiB each way at once between two threads that block, whole and in order"() {
    const total = 64 * MiB;
    // Each thread can only read or write: two connections, one for each direction, with both threads on both.
    using listener = TcpListener.bind("127.0.0.1:0");
    const code = `
      const { createHash } = require("node:crypto");
      const link = B.TcpStream.connect("127.0.0.1:" + data.port);
      if (data.writes) {
        link.writeAll(pattern(data.total, 7));
        link.close();
        return "";
      }
      const got = link.readToEnd();
      link.close();
      return createHash("sha256").update(got).digest("hex");`;
    const writer = new Peer<string>(code, { port: listener.localAddr.port, total, writes: true });
    using incoming = listener.accept({ timeoutMs: 10_000 });
    const reader = new Peer<string>(code, { port: listener.localAddr.port, total, writes: false });
    using outgoing = listener.accept({ timeoutMs: 10_000 });
    // What comes in goes out on the other connection, so that both are busy at once.
    const hash = createHash("sha256");
    for (const chunk of incoming) {
      hash.update(chunk);
      outgoing.writeAll(chunk);
    }
    outgoing.shutdown("write");
    assert.equal(incoming.bytesRead, total);
    assert.equal(outgoing.bytesWritten, total);
    const expected = sha256(pattern(total, 7));
    assert.equal(hash.digest("hex"), expected);
    return Promise.all([writer.result, reader.result]).then(([, theirs]) => assert.equal(theirs, expected));
  },

  "the other end may be the sockets that do not block: 16 MiB each way"() {
    using listener = TcpListener.bind("127.0.0.1:0");
    const total = 16 * MiB;
    const peer = new Peer<string>(
      `const { createHash } = require("node:crypto");
       const link = await A.TcpStream.connect("127.0.0.1:" + data.port);
       const got = new Uint8Array(data.total);
       await Promise.all([link.readExact(got), link.writeAll(pattern(data.total, 3))]);
       link.close();
       return createHash("sha256").update(got).digest("hex");`,
      { port: listener.localAddr.port, total },
    );
    using link = listener.accept({ timeoutMs: 10_000 });
    const bytes = pattern(total, 5);
    link.writeAll(bytes);
    const got = new Uint8Array(total);
    link.readExact(got);
    assert.equal(sha256(got), sha256(pattern(total, 3)));
    return peer.result.then((hash) => assert.equal(hash, sha256(bytes)));
  },

  "a Python peer: connect to it, accept it, half-close both ways": {
    skip: noPython,
    async body() {
      using listener = TcpListener.bind("127.0.0.1:0");
      const script = `
control = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
server = socket.create_server(("127.0.0.1", 0))
control.sendall(b"%d\\n" % server.getsockname()[1])
link, _ = server.accept()
heard = b"".join(iter(lambda: link.recv(4096), b""))
link.sendall(heard[::-1])
link.close()
rest = b"".join(iter(lambda: control.recv(4096), b""))
sys.exit(0 if heard == b"question" and rest == b"bye" else 1)`;
      const program = python(script, listener.localAddr.port);
      using control = listener.accept({ timeoutMs: 10_000 });
      const line = new Uint8Array(16);
      const port = Number(textOf(line.subarray(0, control.read(line))));
      using link = TcpStream.connect({ host: "127.0.0.1", port });
      link.writeAll(utf8("question"));
      link.shutdown("write");
      assert.equal(link.readText(), "noitseuq");
      control.writeAll(utf8("bye"));
      control.shutdown("write");
      assert.equal(control.read(line), 0);
      assert.equal(await program.ended, 0);
    },
  },

  "tryRead and tryWrite never wait"() {
    using link = tcpPair();
    const { client, server } = link;
    const buffer = new Uint8Array(64 * 1024);
    assert.equal(client.tryRead(buffer), WOULD_BLOCK);
    let taken = 0;
    for (;;) {
      const count = client.tryWrite(buffer);
      if (count === WOULD_BLOCK) break;
      taken += count;
    }
    assert.ok(taken > 0);
    assert.equal(client.bytesWritten, taken);
    let got = 0;
    while (got < taken) {
      const count = server.tryRead(buffer);
      if (count !== WOULD_BLOCK) got += count;
      else server.readable({ timeoutMs: 10_000 });
    }
    assert.equal(server.tryRead(buffer), WOULD_BLOCK);
    client.writable({ timeoutMs: 10_000 });
    assert.equal(client.tryWrite(new Uint8Array(1)), 1);
  },

  "peek leaves the data where it is"() {
    using link = tcpPair();
    link.server.writeAll(utf8("abc"));
    const buffer = new Uint8Array(8);
    for (let i = 0; i < 2; i++) assert.equal(link.client.peek(buffer), 3);
    assert.equal(link.client.bytesRead, 0);
    assert.equal(link.client.read(buffer), 3);
    assert.equal(textOf(buffer.subarray(0, 3)), "abc");
  },

  "readable ends with data and with the end; writable ends with room"() {
    using link = tcpPair();
    link.client.writable();
    link.server.writeAll(utf8("x"));
    link.client.readable();
    assert.equal(link.client.read(new Uint8Array(4)), 1);
    link.server.close();
    link.client.readable();
    assert.equal(link.client.read(new Uint8Array(4)), 0);
  },

  "each half closes on its own, in both directions"() {
    using link = tcpPair();
    const { client, server } = link;
    client.writeAll(utf8("question"));
    client.shutdown("write");
    assert.equal(server.readText(), "question");
    assert.throws(() => client.write(utf8("more")), sysError("EPIPE", "send"));
    server.writeAll(utf8("answer"));
    server.shutdown("write");
    assert.equal(client.readText(), "answer");
  },

  "readExact fills, however the bytes come; what is beyond stays"() {
    using listener = TcpListener.bind("127.0.0.1:0");
    const peer = new Peer(
      `const link = B.TcpStream.connect("127.0.0.1:" + data);
       link.setOption(B.TCP.NODELAY, true);
       const bytes = pattern(3001);
       for (let at = 0; at < 3001; at += 100) link.writeAll(bytes.subarray(at, at + 100));
       link.read(new Uint8Array(1));
       link.close();`,
      listener.localAddr.port,
    );
    using link = listener.accept({ timeoutMs: 10_000 });
    const got = new Uint8Array(3000);
    link.readExact(got);
    assert.deepEqual(got, pattern(3000));
    const beyond = new Uint8Array(9);
    assert.equal(link.read(beyond), 1);
    assert.equal(beyond[0], pattern(3001)[3000]);
    link.writeAll(beyond);
    return peer.result.then(() => undefined);
  },

  "readExact at an early end: EndOfStreamError with the count, the bytes in the buffer"() {
    using link = tcpPair();
    link.server.writeAll(utf8("abc"));
    link.server.shutdown("write");
    const buffer = new Uint8Array(5);
    assert.throws(
      () => link.client.readExact(buffer),
      (error) => error instanceof EndOfStreamError && error.bytesRead === 3,
    );
    assert.equal(textOf(buffer.subarray(0, 3)), "abc");
    assert.equal(link.client.bytesRead, 3);
    assert.equal(link.client.read(buffer), 0);
  },

  "readToEnd with maxBytes: exactly so many pass, one more is TooLargeError, and nothing is lost"() {
    for (const size of [0, 1, 16 * 1024, 100_000]) {
      using link = tcpPair();
      const bytes = pattern(size);
      link.server.writeAll(bytes);
      link.server.shutdown("write");
      if (size > 0) {
        assert.throws(() => link.client.readToEnd({ maxBytes: size - 1 }), TooLargeError);
        assert.equal(link.client.bytesRead, 0);
        assert.throws(() => link.client.readToEnd({ maxBytes: size - 1 }), TooLargeError);
        const first = new Uint8Array(1);
        assert.equal(link.client.peek(first), 1);
        assert.equal(first[0], bytes[0]);
        assert.ok(link.client.buffers().receive.queued > 0);
      }
      assert.deepEqual(link.client.readToEnd({ maxBytes: size }), bytes);
      assert.equal(link.client.bytesRead, size);
    }
  },

  "readText: ill-formed UTF-8 is an EncodingError with the offset and all the bytes"() {
    using link = tcpPair();
    const bytes = Uint8Array.of(0x61, 0xc3, 0xbc, 0xff, 0x62);
    link.server.writeAll(bytes);
    link.server.shutdown("write");
    assert.throws(
      () => link.client.readText(),
      (error) => {
        assert.ok(error instanceof EncodingError);
        assert.deepEqual([error.offset, error.bytes], [3, bytes]);
        return true;
      },
    );
  },

  "the stream iterates in chunks to the end; a chunk is the caller's own"() {
    using link = tcpPair();
    const bytes = pattern(150_000);
    link.server.writeAll(bytes);
    link.server.shutdown("write");
    const chunks = [...link.client];
    assert.ok(chunks.length > 1);
    assert.deepEqual(new Uint8Array(Buffer.concat(chunks)), bytes);
  },

  "addresses are what the other side says; peerAddr, and localAddr once asked for, stay after close"() {
    using link = tcpPair();
    const { client, server } = link;
    assert.ok(client.localAddr.equals(server.peerAddr));
    assert.ok(client.peerAddr.equals(server.localAddr));
    const text = `TcpStream(${client.localAddr} → ${client.peerAddr})`;
    const inspect = Symbol.for("nodejs.util.inspect.custom");
    assert.equal((client as unknown as Record<symbol, () => string>)[inspect]?.(), text);
    client.close();
    assert.ok(client.closed);
    assert.ok(client.localAddr.equals(server.peerAddr));
    assert.ok(client.peerAddr.equals(server.localAddr));
  },

  IPv6: {
    skip: noIpv6,
    body() {
      using link = tcpPair("[::1]:0");
      assert.equal(link.client.peerAddr.toString(), `[::1]:${link.server.localAddr.port}`);
      link.client.writeAll(utf8("six"));
      link.client.close();
      assert.equal(link.server.readText(), "six");
    },
  },

  "options are read and set by the same rows; info() and buffers() say what the kernel says"() {
    using link = tcpPair();
    const { client, server } = link;
    assert.equal(client.getOption(TCP.NODELAY), false);
    client.setOption(TCP.NODELAY, true);
    assert.equal(client.getOption(TCP.NODELAY), true);
    assert.throws(() => client.setOption(TCP.NODELAY, 1 as never), TypeError);
    server.writeAll(pattern(1000));
    client.readable();
    assert.equal(client.buffers().receive.queued, 1000);
    assert.equal(client.buffers().send.queued, 0);
    assert.equal(client.info().tcpi_state, 1); // TCP_ESTABLISHED, include/net/tcp_states.h
    assert.equal(client.info().tcpi_bytes_received, 1000n);
  },

  "SO_RCVTIMEO and SO_SNDTIMEO are refused, since the calls need them; other options of the level are not"() {
    using link = tcpPair();
    const row = (name: string, optname: number) => ({
      name,
      level: 1,
      optname,
      encode: () => new Uint8Array(16),
      to: () => ({ name, level: 1, optname, bytes: new Uint8Array(16) }),
    });
    const { localAddr } = link.client;
    for (const [name, optname] of [
      ["SO_RCVTIMEO", 20],
      ["SO_SNDTIMEO", 21],
    ] as const) {
      const expected = { name: "TypeError", message: new RegExp(`^${name}: .*timeoutMs`) };
      assert.throws(() => link.client.setOption(row(name, optname), 0), expected);
      const options = [row(name, optname).to()];
      assert.throws(() => TcpListener.bind("127.0.0.1:0", { options }), expected);
      assert.throws(() => TcpStream.connect(localAddr, { options }), expected);
    }
    link.client.setOption(SO.KEEPALIVE, true);
    assert.equal(link.client.getOption(SO.KEEPALIVE), true);
  },

  "a reset of the peer: ECONNRESET once for a read, then the writes fail, and nobody dies of SIGPIPE"() {
    using link = tcpPair();
    const { client, server } = link;
    server.setOption(SO.LINGER, 0);
    server.close();
    assert.throws(() => client.read(new Uint8Array(1)), sysError("ECONNRESET", "recv"));
    assert.equal(client.read(new Uint8Array(1)), 0);
    assert.throws(() => client.writeAll(utf8("x")), sysError("EPIPE", "send"));
    assert.throws(() => client.shutdown("write"), sysError("ENOTCONN", "shutdown"));
  },

  "a reset while a write waits ends it: ECONNRESET or EPIPE, with the peer's address"() {
    using listener = TcpListener.bind("127.0.0.1:0");
    const peer = new Peer(
      `const link = B.TcpStream.connect("127.0.0.1:" + data);
       link.setOption(B.SO.LINGER, 0);
       link.readExact(new Uint8Array(1024 * 1024));
       link.close();`,
      listener.localAddr.port,
    );
    using link = listener.accept({ timeoutMs: 10_000 });
    const bytes = new Uint8Array(64 * MiB);
    assert.throws(
      () => link.writeAll(bytes),
      (error: Error & { code?: string; address?: string }) => {
        assert.ok(error.code === "ECONNRESET" || error.code === "EPIPE", String(error));
        assert.equal(error.address, link.peerAddr.toString());
        return true;
      },
    );
    assert.ok(link.bytesWritten >= MiB && link.bytesWritten < bytes.length);
    return peer.result.then(() => undefined);
  },

  "a reset with readExact and readToEnd under way: the error; what had come can still be read"() {
    for (const call of ["readExact", "readToEnd"] as const) {
      using listener = TcpListener.bind("127.0.0.1:0");
      const peer = new Peer(
        `const link = B.TcpStream.connect("127.0.0.1:" + data);
         link.writeAll(new TextEncoder().encode("abc"));
         link.readExact(new Uint8Array(1));
         link.setOption(B.SO.LINGER, 0);
         link.close();`,
        listener.localAddr.port,
      );
      using link = listener.accept({ timeoutMs: 10_000 });
      link.readable();
      const buffer = new Uint8Array(8);
      assert.throws(
        () => {
          link.write(utf8("!")); // the peer resets once it has this
          if (call === "readExact") link.readExact(buffer);
          else link.readToEnd();
        },
        sysError("ECONNRESET", "recv"),
      );
      assert.equal(link.bytesRead, 0);
      assert.equal(link.read(buffer), 3);
      assert.equal(textOf(buffer.subarray(0, 3)), "abc");
      peer.worker.unref();
    }
  },

  "an fd that is given away has its timeouts back, and works for who takes it"() {
    using link = tcpPair();
    const timeouts = (stream: TcpStream): bigint[] =>
      [20, 21].flatMap((optname) => {
        const decode = (bytes: Uint8Array): bigint[] => [...new BigInt64Array(bytes.slice().buffer)];
        return stream.getOption({ name: "SO_…TIMEO", level: 1, optname, size: 16, decode });
      });
    assert.deepEqual(timeouts(link.client), [0n, 200_000n, 0n, 200_000n]);
    assert.deepEqual(
      timeouts(link.server),
      [0n, 200_000n, 0n, 200_000n],
      "an accepted socket has the listener's",
    );
    const owned = link.client.intoFd();
    assert.equal(sys.fcntl(owned.fd, sys.F_GETFL) & sys.O_NONBLOCK, 0, "as it was, it blocks");
    assert.ok(link.client.closed);
    assert.throws(() => link.client.read(new Uint8Array(1)), sysError("EBADF"));
    const number = owned.release();
    const program = new Peer<string>(
      `const link = await A.TcpStream.fromFd(data);
       const decode = (bytes) => [...new BigInt64Array(bytes.slice().buffer)].join();
       const [receive, send] = [20, 21].map((optname) => link.getOption({ name: "", level: 1, optname, size: 16, decode }));
       const text = await link.readText();
       await link.writeAll(new TextEncoder().encode(text.toUpperCase()));
       link.close();
       return receive + " " + send;`,
      number,
    );
    link.server.writeAll(utf8("taken over"));
    link.server.shutdown("write");
    assert.equal(link.server.readText(), "TAKEN OVER");
    return program.result.then((answer) => assert.equal(answer, "0,0 0,0"));
  },

  "fromFd takes over any connected TCP socket, non-blocking ones too, and refuses others"() {
    using link = tcpPair();
    const given = link.client.intoFd();
    sys.fcntl(given.fd, sys.F_SETFL, sys.O_NONBLOCK);
    const before = TcpStream.fromFd(given).intoFd();
    assert.equal(sys.fcntl(before.fd, sys.F_GETFL) & sys.O_NONBLOCK, 0);
    const taken = TcpStream.fromFd(before);
    taken.writeAll(utf8("hello"));
    const buffer = new Uint8Array(9);
    assert.equal(link.server.read(buffer), 5);
    taken.close();
    using listener = TcpListener.bind("127.0.0.1:0");
    assert.throws(() => TcpStream.fromFd(-1), { name: "TypeError", message: /^fd: / });
    assert.throws(() => TcpStream.fromFd("3" as never), { name: "TypeError", message: /^fd: / });
    assert.throws(() => TcpStream.fromFd(1_000_000), sysError("EBADF"));
    const owned = listener.intoFd();
    assert.throws(() => TcpStream.fromFd(owned), sysError("ENOTCONN"));
    assert.equal(owned.closed, false, "it stays the caller's");
    using again = TcpListener.fromFd(owned);
    assert.ok(again.localAddr.port > 0);
    assert.ok(owned.closed);
    assert.throws(() => TcpListener.fromFd(link.server.intoFd()), {
      name: "TypeError",
      message: /does not listen/,
    });
  },
});
