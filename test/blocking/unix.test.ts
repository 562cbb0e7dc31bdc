/** UnixStream, UnixListener and UnixDatagram, blocking. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  SO,
  UnixAddr,
  UnixDatagram,
  UnixListener,
  UnixStream,
  WOULD_BLOCK,
} from "../../src/blocking/index.ts";
import { fdCount } from "../_fds.ts";
import { noPython } from "../socket/_helpers.ts";
import { pattern, textOf, utf8 } from "./_bytes.ts";
import { cases, Peer, python } from "./_cases.ts";
import { sysError } from "./_pair.ts";

const LIMIT = { timeoutMs: 10_000 };

/** Runs `body` with a folder that is gone afterwards. */
function inFolder(body: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "windsock-blocking-"));
  try {
    body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

cases(import.meta.url, {
  "a path: made with its mode, connected to, removed on close"() {
    inFolder((folder) => {
      const path = join(folder, "socket");
      const listener = UnixListener.bind(path, { mode: 0o600 });
      assert.equal(statSync(path).mode & 0o777, 0o600);
      using client = UnixStream.connect(path);
      using server = listener.accept();
      assert.equal(client.peerAddr.path, path);
      assert.equal(server.localAddr.path, path);
      assert.equal(server.peerAddr.kind, "unnamed");
      assert.deepEqual(server.peerCredentials, {
        pid: process.pid,
        uid: process.getuid?.(),
        gid: process.getgid?.(),
      });
      client.writeAll(utf8("local"));
      client.shutdown("write");
      assert.equal(server.readText(), "local");
      listener.close();
      assert.ok(!existsSync(path));
      listener.close();
    });
  },

  "an abstract name, one that the kernel chooses, and a pair"() {
    using listener = UnixListener.bind(UnixAddr.UNNAMED);
    assert.equal(listener.localAddr.kind, "abstract");
    using client = UnixStream.connect(listener.localAddr.toString());
    using server = listener.accept();
    server.writeAll(utf8("x"));
    assert.equal(client.read(new Uint8Array(2)), 1);
    const [one, other] = UnixStream.pair();
    one.writeAll(utf8("pair"));
    assert.deepEqual(one.buffers().send.unsent, 0);
    assert.ok(one.buffers().send.queued > 0);
    one.close();
    assert.equal(other.readText(), "pair");
    other.close();
  },

  "what cannot be reached, or bound: errno and advice, and no fd stays open"() {
    inFolder((folder) => {
      const before = fdCount();
      const path = join(folder, "socket");
      assert.throws(() => UnixStream.connect(path), sysError("ENOENT", "connect"));
      writeFileSync(path, "");
      assert.throws(
        () => UnixStream.connect(path),
        (error) => {
          sysError("ECONNREFUSED", "connect")(error);
          assert.match((error as Error).message, /no socket/);
          return true;
        },
      );
      assert.throws(() => UnixListener.bind(path), sysError("EADDRINUSE", "bind"));
      assert.throws(() => UnixStream.connect("x".repeat(200)), RangeError);
      assert.throws(() => UnixStream.connect(5 as never), TypeError);
      assert.throws(() => UnixStream.connect(UnixAddr.UNNAMED), RangeError);
      assert.throws(() => UnixListener.bind(join(folder, "a"), { backlog: -1 }), RangeError);
      assert.throws(() => UnixStream.connect("@x", { signal: AbortSignal.abort() } as never), TypeError);
      rmSync(path);
      UnixListener.bind(path, { unlinkOnClose: false }).close();
      assert.throws(() => UnixStream.connect(path), sysError("ECONNREFUSED", "connect"));
      UnixListener.bind(path, { unlinkStale: true }).close();
      assert.equal(fdCount(), before);
    });
  },

  "64 MiB each way between two threads, whole and in order"() {
    using listener = UnixListener.bind(UnixAddr.UNNAMED);
    const total = 64 * 1024 * 1024;
    const peer = new Peer<string>(
      `const link = B.UnixStream.connect(data.name);
       const got = new Uint8Array(data.total);
       link.readExact(got);
       link.writeAll(got);
       link.close();
       return require("node:crypto").createHash("sha256").update(got).digest("hex");`,
      { name: listener.localAddr.toString(), total },
    );
    using link = listener.accept(LIMIT);
    const bytes = pattern(total, 9);
    link.writeAll(bytes);
    const hash = createHash("sha256");
    for (const chunk of link) hash.update(chunk);
    const expected = createHash("sha256").update(bytes).digest("hex");
    assert.equal(hash.digest("hex"), expected);
    assert.deepEqual([link.bytesRead, link.bytesWritten], [total, total]);
    return peer.result.then((theirs) => assert.equal(theirs, expected));
  },

  "a connect to a full backlog blocks until there is room"() {
    using listener = UnixListener.bind(UnixAddr.UNNAMED, { backlog: 0 });
    using filler = UnixStream.connect(listener.localAddr);
    const peer = new Peer<string>(
      `ready();
       const link = B.UnixStream.connect(data);
       const text = link.readText();
       link.close();
       return text;`,
      listener.localAddr.toString(),
    ).waitReady();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300); // longer than a slice
    listener.accept(LIMIT).close();
    using second = listener.accept(LIMIT);
    second.writeAll(utf8("at last"));
    second.shutdown("write");
    assert.equal(filler.read(new Uint8Array(1)), 0);
    return peer.result.then((text) => assert.equal(text, "at last"));
  },

  "files go over a stream and with a datagram; read closes those that it does not hand out"() {
    const [one, other] = UnixStream.pair();
    const [left, right] = UnixDatagram.pair();
    const file = openSync(new URL(import.meta.url), "r");
    const before = fdCount();
    assert.equal(one.sendMsg(utf8("take this"), { ancillary: { fds: [file] } }), 9);
    const got = other.recvMsg(LIMIT);
    assert.deepEqual([textOf(got.data), got.end, got.ancillary.fds?.length], ["take this", false, 1]);
    const [received] = got.ancillary.fds ?? [];
    assert.ok(received !== undefined);
    const head = Buffer.alloc(3);
    readSync(received.fd, head, 0, 3, 0);
    assert.equal(head.toString(), "/**");
    received.close();
    one.sendMsg(utf8("and this"), { ancillary: { fds: [file] } });
    assert.equal(other.read(new Uint8Array(20)), 8);
    left.sendMsg(utf8("d"), { ancillary: { fds: [file, file] } });
    const message = right.recvMsg({ buffer: new Uint8Array(4), ...LIMIT });
    assert.equal(message.ancillary.fds?.length, 2);
    for (const each of message.ancillary.fds ?? []) each.close();
    assert.throws(() => one.sendMsg(new Uint8Array(), { ancillary: { fds: [file] } }), TypeError);
    assert.throws(() => other.recvMsg({ buffer: new Uint8Array() }), RangeError);
    assert.equal(fdCount(), before);
    one.close();
    assert.equal(other.recvMsg(LIMIT).end, true);
    for (const each of [other, left, right]) each.close();
    closeSync(file);
  },

  "datagrams: bound, unbound, connected; zero bytes, cut ones, and ones larger than any of IP"() {
    inFolder((folder) => {
      const path = join(folder, "inbox");
      using inbox = UnixDatagram.bind(path);
      using sender = UnixDatagram.unbound();
      assert.equal(sender.localAddr.kind, "unnamed");
      sender.sendTo(utf8("one"), path);
      const first = inbox.recvFrom(LIMIT);
      assert.deepEqual([textOf(first.data), first.peer.kind], ["one", "unnamed"]);
      sender.connect(path);
      sender.send(new Uint8Array());
      assert.equal(inbox.recvFrom(LIMIT).lengthBytes, 0);
      sender.send(pattern(50));
      const cut = inbox.recvFrom(new Uint8Array(20), LIMIT);
      assert.deepEqual([cut.data, cut.truncated, cut.lengthBytes], [pattern(20), true, 50]);
      sender.setOption(SO.SNDBUF, 400_000);
      const large = pattern(200_000);
      sender.send(large);
      assert.deepEqual(inbox.recvFrom({ peek: true, ...LIMIT }).data, large);
      assert.deepEqual(inbox.recvFrom(LIMIT).data, large);
      sender.send(large);
      assert.deepEqual(inbox.recvMsg(LIMIT).data, large);
      assert.equal(inbox.tryRecvFrom(), WOULD_BLOCK);
      assert.throws(
        () => sender.send(new Uint8Array(4 * 1024 * 1024)),
        (error) => {
          sysError("EMSGSIZE", "send")(error);
          assert.match((error as Error).message, /SO\.SNDBUF/);
          return true;
        },
      );
      sender.disconnect();
      assert.throws(() => sender.send(utf8("?")), sysError("ENOTCONN", "send"));
      using named = UnixDatagram.bind();
      named.sendTo(utf8("answer me"), path);
      inbox.sendTo(utf8("answer"), inbox.recvFrom(LIMIT).peer);
      assert.equal(textOf(named.recvFrom(LIMIT).data), "answer");
      inbox.close();
      assert.ok(!existsSync(path));
      assert.throws(() => sender.sendTo(utf8("gone"), path), sysError("ENOENT", "sendto"));
    });
  },

  "a datagram larger than any of IP that comes while the call waits is not cut"() {
    using inbox = UnixDatagram.bind();
    const peer = new Peer(
      `const socket = B.UnixDatagram.unbound();
       socket.setOption(B.SO.SNDBUF, 400_000);
       Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 250);
       socket.sendTo(pattern(150_000), data);
       socket.close();`,
      inbox.localAddr.toString(),
    );
    assert.deepEqual(inbox.recvFrom().data, pattern(150_000));
    return peer.result.then(() => undefined);
  },

  "sending to a queue that is full blocks until there is room, connected or not; nothing is lost"() {
    const count = 300;
    using inbox = UnixDatagram.bind();
    const code = `
      const socket = B.UnixDatagram.unbound();
      if (data.connected) socket.connect(data.name);
      for (let i = 0; i < data.count; i++) {
        const bytes = Uint8Array.of(i & 255, i >> 8);
        if (data.connected) socket.send(bytes);
        else socket.sendTo(bytes, data.name);
      }
      socket.close();`;
    const results: Promise<unknown>[] = [];
    for (const connected of [true, false]) {
      const peer = new Peer(code, { name: inbox.localAddr.toString(), connected, count });
      results.push(peer.result);
      inbox.readable(LIMIT);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300); // the queue is full, for longer than a slice
      for (let i = 0; i < count; i++) {
        assert.deepEqual(inbox.recvFrom(LIMIT).data, Uint8Array.of(i & 255, i >> 8));
      }
    }
    return Promise.all(results).then(() => undefined);
  },

  "a Python peer over a path, both ways": {
    skip: noPython,
    async body() {
      const folder = mkdtempSync(join(tmpdir(), "windsock-blocking-"));
      try {
        const path = join(folder, "socket");
        using listener = UnixListener.bind(path);
        const script = `
link = socket.socket(socket.AF_UNIX)
link.connect(sys.argv[1])
link.sendall(b"a" * 100000)
link.shutdown(socket.SHUT_WR)
heard = b"".join(iter(lambda: link.recv(4096), b""))
sys.exit(0 if heard == b"A" * 100000 else 1)`;
        const program = python(script, path);
        using link = listener.accept(LIMIT);
        const text = link.readText();
        link.writeAll(utf8(text.toUpperCase()));
        link.shutdown("write");
        assert.equal(await program.ended, 0);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  },

  "fds given away and taken over: each kind by its own class only"() {
    const [one, other] = UnixStream.pair();
    const fd = one.intoFd();
    assert.throws(() => UnixDatagram.fromFd(fd), TypeError);
    assert.throws(() => UnixListener.fromFd(fd), TypeError);
    using again = UnixStream.fromFd(fd);
    again.writeAll(utf8("x"));
    assert.equal(other.read(new Uint8Array(2)), 1);
    other.close();
    const [left, right] = UnixDatagram.pair();
    using taken = UnixDatagram.fromFd(left.intoFd());
    assert.ok(taken.connected);
    taken.send(utf8("y"));
    assert.equal(right.recv(LIMIT).lengthBytes, 1);
    right.close();
    using listener = UnixListener.fromFd(UnixListener.bind(UnixAddr.UNNAMED).intoFd());
    using client = UnixStream.connect(listener.localAddr);
    using server = listener.accept(LIMIT);
    client.writeAll(utf8("z"));
    assert.equal(server.read(new Uint8Array(2)), 1);
    assert.throws(() => server.read(new Uint8Array(2), { timeoutMs: 20 }), { name: "TimeoutError" });
  },
});
