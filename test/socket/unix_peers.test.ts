/** Local sockets with other programs at the other end, python3, socat and nc, and with a peer that is killed. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { text } from "node:stream/consumers";
import {
  OwnedFd,
  SO,
  UnixAddr,
  UnixDatagram,
  UnixListener,
  type UnixSeqpacket,
  UnixSeqpacketListener,
  UnixStream,
} from "../../src/index.ts";
import { Program } from "../cli/_cli.ts";
import { noPython, pattern, sysError, test, textOf, until, utf8 } from "./_helpers.ts";
import { directory, noNc, noSocat, python } from "./_unix_helpers.ts";

const LONG = pattern(3_000_000);
const hash = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Sends LONG, half-closes, reads what comes back. */
async function throughEcho(stream: UnixStream): Promise<void> {
  const sending = stream.writeAll(LONG).then(() => stream.shutdown("write"));
  assert.equal(hash(await stream.readToEnd()), hash(LONG));
  await sending;
  stream.close();
}

test("socat echoes a stream at a path and at an abstract name", { skip: noSocat }, async () => {
  using dir = directory();
  const name = `windsock-socat-${process.pid}`;
  for (const [address, target] of [
    [`UNIX-LISTEN:${dir.at("s")}`, dir.at("s")],
    [`ABSTRACT-LISTEN:${name}`, `@${name}`],
  ] as const) {
    using peer = new Program("socat", ["-d", "-d", address, "EXEC:cat"]);
    await peer.saysOnStderr(/listening on/);
    await throughEcho(await UnixStream.connect(target));
    assert.equal((await peer.ended).code, 0);
  }
});

test("socat connects to a listener at a path and at an abstract name", { skip: noSocat }, async () => {
  using dir = directory();
  for (const address of [dir.at("s"), `@windsock-socat-${process.pid}`]) {
    using listener = UnixListener.bind(address);
    const target = address.startsWith("@")
      ? `ABSTRACT-CONNECT:${address.slice(1)}`
      : `UNIX-CONNECT:${address}`;
    using peer = new Program("socat", ["-t", "60", "STDIO", target], { input: LONG });
    using stream = await listener.accept();
    const got = await stream.readToEnd();
    assert.equal(hash(got), hash(LONG));
    await stream.writeAll(utf8("thank you"));
    stream.close();
    assert.equal((await peer.ended).stdout.toString(), "thank you");
  }
});

test("socat talks in records and datagrams", { skip: noSocat }, async () => {
  using dir = directory();
  {
    using listener = UnixSeqpacketListener.bind(dir.at("q"));
    using peer = new Program("socat", ["-t", "60", "STDIO", `UNIX-CONNECT:${dir.at("q")},type=5`], {
      input: "record",
    });
    using stream = await listener.accept();
    assert.equal(textOf((await stream.recv())?.data as Uint8Array), "record");
    assert.equal(await stream.recv(), undefined, "socat has shut down its side");
    await stream.send(utf8("answer"));
    stream.close();
    assert.equal((await peer.ended).stdout.toString(), "answer");
  }
  using socket = UnixDatagram.bind(dir.at("d"));
  using peer = new Program(
    "socat",
    ["-t", "0", "STDIO", `UNIX-SENDTO:${dir.at("d")},bind=${dir.at("socat")}`],
    { input: "datagram" },
  );
  const { data, peer: from } = await socket.recvFrom();
  assert.equal(`${textOf(data)} ${from}`, `datagram ${dir.at("socat")}`);
  await peer.ended;
});

test("nc -U connects to a listener, and listens for a stream", { skip: noNc }, async () => {
  using dir = directory();
  {
    using listener = UnixListener.bind(dir.at("s"));
    using peer = new Program("nc", ["-U", "-N", dir.at("s")], { input: LONG });
    using stream = await listener.accept();
    assert.equal(hash(await stream.readToEnd()), hash(LONG));
    await stream.writeAll(utf8("thank you"));
    stream.close();
    assert.equal((await peer.ended).stdout.toString(), "thank you");
  }
  using server = new Program("nc", ["-U", "-l", dir.at("nc")], { input: "open" });
  await until(() => existsSync(dir.at("nc")));
  const stream = await connectWhenListening(dir.at("nc"));
  await stream.writeAll(utf8("question"));
  assert.equal((await server.printed(8)).toString(), "question");
  server.stdin.write("answer");
  const buffer = new Uint8Array(20);
  assert.equal(textOf(buffer.subarray(0, await stream.read(buffer))), "answer");
  stream.close();
  await server.ended;
});

/** The file is there a moment before the peer listens. */
async function connectWhenListening(path: string): Promise<UnixStream> {
  for (;;) {
    try {
      return await UnixStream.connect(path);
    } catch (error) {
      sysError("ECONNREFUSED")(error);
    }
  }
}

test("node:net connects to a listener, and listens for a stream", async () => {
  using dir = directory();
  using listener = UnixListener.bind(dir.at("s"));
  const client = connect(dir.at("s"));
  client.end("from node");
  using server = await listener.accept();
  assert.equal(await server.readText(), "from node");
  await server.writeAll(utf8("to node"));
  server.close();
  assert.equal(await text(client), "to node");
  const echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
  await new Promise<void>((resolve) => echo.listen(dir.at("node"), resolve));
  await throughEcho(await UnixStream.connect(dir.at("node")));
  echo.close();
});

/** Sends files and receives them, with the socket module's own send_fds and recv_fds; prints what it got. */
const PYTHON_FDS = `
kind = {"stream": socket.SOCK_STREAM, "seqpacket": socket.SOCK_SEQPACKET}[sys.argv[2]]
s = socket.socket(socket.AF_UNIX, kind)
s.connect(sys.argv[1])
data, fds, flags, _ = socket.recv_fds(s, 100, 300)
print(data.decode(), len(fds), os.read(fds[0], 100).decode(), flush=True)
for fd in fds: os.close(fd)
out = [os.open(path, os.O_RDONLY) for path in sys.argv[3:]]
socket.send_fds(s, [b"take ", b"these"], out)
s.shutdown(socket.SHUT_WR)
while s.recv(100): pass
`;
for (const kind of ["stream", "seqpacket"] as const) {
  test(`python3 receives and sends files over a ${kind} socket`, { skip: noPython }, async () => {
    using dir = directory();
    writeFileSync(dir.at("a"), "text of a");
    writeFileSync(dir.at("b"), "text of b");
    using listener = (kind === "stream" ? UnixListener : UnixSeqpacketListener).bind(dir.at("s"));
    using peer = python(PYTHON_FDS, dir.at("s"), kind, dir.at("a"), dir.at("b"));
    using socket = (await listener.accept()) as UnixStream | UnixSeqpacket;
    using file = OwnedFd.of(openSync(dir.at("a"), "r"));
    const fds = [file, ...Array.from({ length: 252 }, () => 0)];
    await socket.sendMsg(utf8("hello"), { ancillary: { fds } });
    const message = await socket.recvMsg();
    assert.equal(textOf(message?.data as Uint8Array), "take these");
    const got = (message?.ancillary.fds ?? []).map((fd) => {
      using one = fd;
      return readFileSync(one.fd, "utf8");
    });
    assert.deepEqual(got, ["text of a", "text of b"]);
    const end = await socket.recvMsg();
    assert.ok(end === undefined || ("end" in end && end.end));
    socket.close();
    const { code, stdout, stderr } = await peer.ended;
    assert.deepEqual([code, stdout.toString(), stderr], [0, "hello 253 text of a\n", ""]);
  });
}

test("python3 exchanges datagrams, with files and credentials, from addresses that are no text", {
  skip: noPython,
}, async () => {
  using server = UnixDatagram.bind(UnixAddr.abstract(Uint8Array.of(0, 0xff, process.pid & 0xff, 0)), {
    options: [SO.PASSCRED.to(true)],
  });
  const name = Buffer.from(server.localAddr.name as Uint8Array).toString("hex");
  using peer = python(
    `
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(b"\\0\\xfe\\0py" + os.getpid().to_bytes(4, "little"))
s.connect(b"\\0" + bytes.fromhex(sys.argv[1]))
print(os.getpid(), flush=True)
s.sendmsg([b"plain"])
s.sendmsg([b"file"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0]))])
for _ in range(2): s.send(s.recv(100_000))
`,
    name,
  );
  const pid = Number((await peer.printed(2)).toString());
  const first = await server.recvMsg();
  assert.equal(textOf(first.data), "plain");
  assert.deepEqual(first.ancillary.credentials, { pid, uid: process.getuid?.(), gid: process.getgid?.() });
  const own = Buffer.alloc(4);
  own.writeUInt32LE(pid);
  assert.ok(first.peer.equals(UnixAddr.abstract(Buffer.concat([Buffer.from("\xfe\0py", "latin1"), own]))));
  const second = await server.recvMsg();
  assert.equal(second.ancillary.fds?.length, 1);
  second.ancillary.fds?.[0]?.close();
  const long = LONG.subarray(0, 100_000);
  await server.sendTo(long, second.peer);
  assert.equal(hash((await server.recv()).data), hash(long));
  server.connect(second.peer);
  await server.send(new Uint8Array());
  assert.equal((await server.recv()).lengthBytes, 0);
  assert.equal((await peer.ended).code, 0);
});

test("peerCredentials are those of the process that connected, and of the one that listens", {
  skip: noPython,
}, async () => {
  using dir = directory();
  using listener = UnixListener.bind(dir.at("s"));
  using client = python(
    `s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); print(os.getpid()); sys.stdin.read()`,
    dir.at("s"),
  );
  using stream = await listener.accept();
  assert.equal(stream.peerCredentials.pid, Number(await client.printed(2)));
  using server = python(
    `l = socket.socket(socket.AF_UNIX); l.bind(sys.argv[1]); l.listen(); print(os.getpid()); sys.stdin.read()`,
    dir.at("python"),
  );
  const pid = Number(await server.printed(2));
  using own = await UnixStream.connect(dir.at("python"));
  assert.equal(own.peerCredentials.pid, pid);
});

for (const unread of [false, true]) {
  test(`a peer that is killed ${unread ? "with bytes unread resets" : "ends"} the connection`, {
    skip: noPython,
  }, async () => {
    using dir = directory();
    using listener = UnixListener.bind(dir.at("s"));
    using records = UnixSeqpacketListener.bind(dir.at("q"));
    using peer = python(
      `
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
q = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); q.connect(sys.argv[2])
s.sendall(b"last words"); q.send(b"last record"); q.send(b"")
print("ready"); sys.stdin.read()`,
      dir.at("s"),
      dir.at("q"),
    );
    using stream = await listener.accept();
    using packets = await records.accept();
    await peer.printed(1);
    const buffer = new Uint8Array(10);
    await stream.readExact(buffer);
    assert.equal(textOf(buffer), "last words");
    if (unread) await Promise.all([stream.writeAll(utf8("unread")), packets.send(utf8("unread"))]);
    const [waiting, all] = [stream.read(buffer), stream.writable()];
    await all;
    peer.child.kill("SIGKILL");
    if (unread) {
      await assert.rejects(waiting, sysError("ECONNRESET", "recv"));
      await assert.rejects(packets.recv(), sysError("ECONNRESET", "recvmsg"));
    } else assert.equal(await waiting, 0);
    assert.equal(textOf((await packets.recv())?.data as Uint8Array), "last record");
    assert.equal((await packets.recv())?.lengthBytes, 0);
    assert.equal(await packets.recv(), undefined);
    await assert.rejects(stream.writeAll(utf8("x")), sysError("EPIPE", "send"));
    await assert.rejects(packets.send(utf8("x")), sysError("EPIPE", "send"));
  });
}

test("a server that is killed leaves its file, which the next one replaces", { skip: noPython }, async () => {
  using dir = directory();
  using old = python(
    `l = socket.socket(socket.AF_UNIX); l.bind(sys.argv[1]); l.listen(); print("ready"); sys.stdin.read()`,
    dir.at("s"),
  );
  await old.printed(1);
  assert.throws(() => UnixListener.bind(dir.at("s"), { unlinkStale: true }), sysError("EADDRINUSE"));
  old.child.kill("SIGKILL");
  await old.ended;
  await assert.rejects(UnixStream.connect(dir.at("s")), sysError("ECONNREFUSED", "connect"));
  using listener = UnixListener.bind(dir.at("s"), { unlinkStale: true });
  using client = await UnixStream.connect(dir.at("s"));
  using server = await listener.accept();
  assert.equal(client.peerCredentials.pid, process.pid);
  assert.equal(server.peerCredentials.pid, process.pid);
});

test("datagrams to a receiver that is killed while they wait are refused", { skip: noPython }, async () => {
  using dir = directory();
  using peer = python(
    `s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1]); print("ready"); sys.stdin.read()`,
    dir.at("s"),
  );
  await peer.printed(1);
  using unconnected = UnixDatagram.unbound();
  using connected = UnixDatagram.unbound();
  connected.connect(dir.at("s"));
  while (typeof unconnected.trySendTo(utf8("x"), dir.at("s")) === "number");
  const waiting = [unconnected.sendTo(utf8("x"), dir.at("s")), connected.send(utf8("x"))];
  peer.child.kill("SIGKILL");
  await Promise.all([
    assert.rejects(waiting[0] as Promise<number>, sysError("ECONNREFUSED", "sendto")),
    assert.rejects(waiting[1] as Promise<number>, sysError("ECONNREFUSED", "send")),
  ]);
  assert.equal(connected.connected, false);
});
