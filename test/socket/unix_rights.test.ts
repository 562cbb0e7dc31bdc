/** Passing files and credentials over local sockets: every fd that arrives has an owner or is closed. */
import assert from "node:assert/strict";
import { once } from "node:events";
import {
  closeSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { Worker } from "node:worker_threads";
import {
  type Ancillary,
  type AncillaryRequest,
  OwnedFd,
  SO,
  TcpStream,
  TimeoutError,
  UnixAddr,
  UnixDatagram,
  UnixListener,
  UnixSeqpacket,
  UnixStream,
  type WaitOptions,
  WOULD_BLOCK,
} from "../../src/index.ts";
import * as sys from "../../src/sys/index.ts";
import { isolated, noPython, pair, stateOf, sysError, test, textOf, turns, until, utf8 } from "./_helpers.ts";
import { directory, markedFile, noSetpriv, openSockets, python, socketsSince } from "./_unix_helpers.ts";

interface Message {
  readonly data: Uint8Array;
  readonly ancillary: Ancillary;
  readonly ancillaryTruncated: boolean;
}

/** What the three kinds of socket have in common here. */
interface End {
  sendMsg(bytes: Uint8Array, options?: WaitOptions & { ancillary?: AncillaryRequest }): Promise<number>;
  recvMsg(
    options?: WaitOptions & { ancillaryBytes?: number; buffer?: Uint8Array; peek?: boolean },
  ): Promise<Message | undefined>;
  setOption: UnixStream["setOption"];
  close(): void;
}

const KINDS: Readonly<Record<string, () => [End, End]>> = {
  UnixStream: () => UnixStream.pair(),
  UnixDatagram: () => UnixDatagram.pair(),
  UnixSeqpacket: () => UnixSeqpacket.pair(),
};

const x = utf8("x");

async function received(end: End, options?: Parameters<End["recvMsg"]>[0]): Promise<Message> {
  const message = await end.recvMsg(options);
  assert.ok(message !== undefined);
  return message;
}

/** Closes the files of a message, and gives how many there were. */
function closeFiles({ ancillary }: Message): number {
  for (const fd of ancillary.fds ?? []) fd.close();
  return ancillary.fds?.length ?? 0;
}

/** `struct stat`'s identity of an open file. */
const idOf = (fd: number): string => `${fstatSync(fd).dev}:${fstatSync(fd).ino}`;

for (const [kind, make] of Object.entries(KINDS)) {
  test(`${kind}: a passed file is the same open file, by number, OwnedFd and FileHandle, in order`, async () => {
    using dir = directory();
    writeFileSync(dir.at("f"), "0123456789");
    const number = openSync(dir.at("f"), "r");
    const owned = OwnedFd.of(openSync(dir.path, "r"));
    const handle = await open("/dev/null");
    const [one, other] = make();
    assert.equal(await one.sendMsg(utf8("take"), { ancillary: { fds: [number, owned, handle, number] } }), 4);
    const message = await received(other);
    assert.equal(textOf(message.data), "take");
    const { fds = [] } = message.ancillary;
    assert.deepEqual(
      fds.map(({ fd }) => idOf(fd)),
      [number, owned.fd, handle.fd, number].map(idOf),
    );
    assert.equal(new Set([...fds.map(({ fd }) => fd), number, owned.fd, handle.fd]).size, 7);
    for (const { fd } of fds) assert.equal(sys.fcntl(fd, sys.F_GETFD), sys.FD_CLOEXEC);
    const [first, , , last] = fds as [OwnedFd, OwnedFd, OwnedFd, OwnedFd];
    const buffer = Buffer.alloc(4);
    readSync(first.fd, buffer, 0, 4, null);
    assert.equal(buffer.toString(), "0123");
    readSync(number, buffer, 0, 4, null);
    assert.equal(buffer.toString(), "4567", "the position is shared: it is one open file");
    closeSync(number);
    assert.equal(readSync(last.fd, buffer, 0, 4, null), 2);
    assert.equal(closeFiles(message), 4);
    owned.close();
    await handle.close();
    one.close();
    other.close();
  });

  test(`${kind}: 1 to 253 files per message; 0 and 254 are refused before any system call`, async () => {
    const [one, other] = make();
    using mark = markedFile();
    for (const count of [1, 2, 252, 253]) {
      await one.sendMsg(x, { ancillary: { fds: Array.from({ length: count }, () => mark.fd) } });
      const message = await received(other);
      assert.equal(mark.copies(), count);
      assert.equal(message.ancillaryTruncated, false);
      assert.equal(closeFiles(message), count);
    }
    for (const count of [0, 254, 1000]) {
      const fds = Array.from({ length: count }, () => 0);
      await assert.rejects(one.sendMsg(x, { ancillary: { fds } }), {
        name: "TypeError",
        message: new RegExp(`expected 1 to 253 open files, got ${count}`),
      });
    }
    assert.equal(mark.copies(), 0);
    one.close();
    other.close();
  });

  test(`${kind}: files that are not open, and what is no file, are refused`, async () => {
    const [one, other] = make();
    const closed = OwnedFd.of(openSync("/dev/null", "r"));
    const number = closed.fd;
    closed.close();
    await assert.rejects(one.sendMsg(x, { ancillary: { fds: [closed] } }), sysError("EBADF"));
    await assert.rejects(one.sendMsg(x, { ancillary: { fds: [number] } }), sysError("EBADF", "sendmsg"));
    for (const wrong of [-1, 1.5, "0", null, {}]) {
      await assert.rejects(one.sendMsg(x, { ancillary: { fds: [wrong as number] } }), {
        name: "TypeError",
        message: /fds\[0\]/,
      });
    }
    await assert.rejects(one.sendMsg(x, { ancillary: { fds: 3 as never } }), { name: "TypeError" });
    await assert.rejects(one.sendMsg(x, { ancillary: { ttl: 3 } }), {
      name: "TypeError",
      message: /not for local/,
    });
    await assert.rejects(other.recvMsg({ timeoutMs: 0 }), TimeoutError, "nothing was sent");
    one.close();
    other.close();
  });

  test(`${kind}: whatever room there is for ancillary data, each file that was installed is owned`, async () => {
    const [one, other] = make();
    using mark = markedFile();
    const fds = Array.from({ length: 5 }, () => mark.fd);
    for (const credentials of [false, true]) {
      other.setOption(SO.PASSCRED, credentials);
      for (let room = 0; room <= 90; room++) {
        await one.sendMsg(x, { ancillary: { fds } });
        const message = await received(other, { ancillaryBytes: room });
        assert.equal(textOf(message.data), "x");
        const count = message.ancillary.fds?.length ?? 0;
        assert.equal(
          mark.copies(),
          count,
          `of ${room} bytes: every one that this process has is in the message`,
        );
        const fit = Math.floor((room - (credentials ? 32 : 0) - 16) / 4); // CMSG_SPACE of ucred, and a cmsghdr
        assert.equal(count, Math.max(0, Math.min(fds.length, fit)), `room ${room}`);
        assert.equal(message.ancillaryTruncated, count < fds.length);
        if (credentials && room >= 28) assert.equal(message.ancillary.credentials?.pid, process.pid);
        if (credentials && room < 28) assert.equal(message.ancillary.credentials, undefined);
        closeFiles(message);
        assert.equal(mark.copies(), 0);
      }
    }
    one.close();
    other.close();
  });

  test(`${kind}: 10 000 messages with files leave none open`, async () => {
    const [one, other] = make();
    using mark = markedFile();
    let files = 0;
    for (let i = 0; i < 10_000; i++) {
      const fds = Array.from({ length: 1 + (i % 4) }, () => mark.fd);
      const [message] = await Promise.all([received(other), one.sendMsg(x, { ancillary: { fds } })]);
      files += closeFiles(message);
    }
    assert.equal(files, 25_000);
    assert.equal(mark.copies(), 0);
    one.close();
    other.close();
  });

  test(`${kind}: a cancelled recvMsg has taken no file; the next one gets it`, async () => {
    const [one, other] = make();
    using mark = markedFile();
    const stop = new AbortController();
    const cancelled = other.recvMsg({ signal: stop.signal });
    assert.equal(await stateOf(cancelled), "pending");
    await one.sendMsg(x, { ancillary: { fds: [mark] } });
    stop.abort(new Error("enough")); // the event is on its way
    await assert.rejects(cancelled, /enough/);
    await turns(3);
    assert.equal(mark.copies(), 0);
    assert.equal(closeFiles(await received(other)), 1);
    one.close();
    other.close();
  });

  test(`${kind}: files of messages that nobody takes are closed with the socket`, async () => {
    const before = openSockets();
    const [one, other] = make();
    const [read, write] = UnixStream.pair();
    const fd = write.intoFd();
    for (let i = 0; i < 3; i++) await one.sendMsg(x, { ancillary: { fds: [fd] } });
    fd.close();
    assert.equal(read.tryRead(new Uint8Array(1)), WOULD_BLOCK, "it is open while it is on its way");
    one.close();
    other.close();
    assert.equal(await read.read(new Uint8Array(1)), 0, "its last copy is gone");
    read.close();
    assert.equal(socketsSince(before), 0);
  });

  test(`${kind}: SO.PASSCRED tells who sent each message; one's own may be named, others' only by root`, async () => {
    const [one, other] = make();
    const own = { pid: process.pid, uid: process.getuid?.() as number, gid: process.getgid?.() as number };
    await one.sendMsg(x);
    assert.equal((await received(other)).ancillary.credentials, undefined, "not asked for");
    other.setOption(SO.PASSCRED, true);
    await one.sendMsg(x);
    assert.deepEqual((await received(other)).ancillary.credentials, own);
    await one.sendMsg(x, { ancillary: { credentials: own, fds: [0] } });
    const both = await received(other);
    assert.deepEqual(both.ancillary.credentials, own);
    assert.equal(closeFiles(both), 1);
    for (const wrong of [
      null,
      3,
      {},
      { pid: 1, uid: 0 },
      { pid: -1, uid: 0, gid: 0 },
      { pid: 1, uid: 2 ** 32, gid: 0 },
    ]) {
      await assert.rejects(one.sendMsg(x, { ancillary: { credentials: wrong as typeof own } }), {
        name: "TypeError",
      });
    }
    if (own.uid === 0) {
      const other65534 = { pid: process.pid, uid: 65534, gid: 65534 };
      await one.sendMsg(x, { ancillary: { credentials: other65534 } });
      assert.deepEqual((await received(other)).ancillary.credentials, other65534);
    }
    one.close();
    other.close();
  });
}

test("SO.PASSCRED of a listener holds for the connections that it accepts, from their first byte", async () => {
  using listener = UnixListener.bind(UnixAddr.UNNAMED, { options: [SO.PASSCRED.to(true)] });
  using client = await UnixStream.connect(listener.localAddr);
  await client.writeAll(x);
  using server = await listener.accept();
  assert.equal(server.getOption(SO.PASSCRED), true);
  assert.equal((await server.recvMsg()).ancillary.credentials?.pid, process.pid);
});

test("a peeked message gives files of its own each time", async () => {
  for (const make of [KINDS.UnixDatagram, KINDS.UnixSeqpacket] as (() => [End, End])[]) {
    const [one, other] = make();
    using mark = markedFile();
    await one.sendMsg(x, { ancillary: { fds: [mark, mark] } });
    for (let i = 0; i < 3; i++) {
      const message = await received(other, { peek: true });
      assert.equal(mark.copies(), 2);
      assert.equal(closeFiles(message), 2);
    }
    assert.equal(closeFiles(await received(other)), 2);
    assert.equal(mark.copies(), 0);
    one.close();
    other.close();
  }
});

test("receiving without recvMsg closes the files that come", async () => {
  using mark = markedFile();
  const fds = [mark, mark, mark];
  {
    const [one, other] = UnixStream.pair();
    const send = (): Promise<number> => one.sendMsg(utf8("abcd"), { ancillary: { fds } });
    await send();
    assert.equal(await other.read(new Uint8Array(2)), 2);
    assert.equal(await other.read(new Uint8Array(10)), 2);
    await send();
    assert.equal(await other.peek(new Uint8Array(2)), 2);
    await send();
    await other.readExact(new Uint8Array(8));
    await send();
    await send();
    one.close();
    assert.equal(await other.readText(), "abcdabcd");
    other.close();
  }
  for (const [one, other] of [UnixDatagram.pair(), UnixSeqpacket.pair()]) {
    for (const receive of [
      () => other?.recv(),
      () => other?.recv(new Uint8Array(1)),
      async () => other?.tryRecv(),
    ]) {
      await one?.sendMsg(utf8("abcd"), { ancillary: { fds } });
      await receive();
    }
    one?.close();
    other?.close();
  }
  assert.equal(mark.copies(), 0);
});

test("bytes of a stream with files are never merged with those behind them", async () => {
  const [one, other] = UnixStream.pair();
  await one.writeAll(utf8("before"));
  await one.sendMsg(utf8("AB"), { ancillary: { fds: [0] } });
  await one.sendMsg(utf8("CD"), { ancillary: { fds: [1, 2] } });
  await one.writeAll(utf8("behind"));
  one.close();
  const got: [string, number][] = [];
  for (;;) {
    const message = await other.recvMsg();
    if (message.end) break;
    got.push([textOf(message.data), closeFiles(message)]);
  }
  // man 7 unix: what was sent before may come along, what was sent behind does not.
  assert.deepEqual(got, [
    ["beforeAB", 1],
    ["CD", 2],
    ["behind", 0],
  ]);
  other.close();
});

test("ancillary data without a byte to go with is refused on a stream, and goes with an empty datagram or record", async () => {
  const [one, other] = UnixStream.pair();
  const own = { pid: process.pid, uid: process.getuid?.() as number, gid: process.getgid?.() as number };
  for (const ancillary of [{ fds: [0] }, { credentials: own }]) {
    await assert.rejects(one.sendMsg(new Uint8Array(), { ancillary }), {
      name: "TypeError",
      message: /expected at least 1, which the ancillary data goes with/,
    });
  }
  assert.equal(await one.sendMsg(new Uint8Array()), 0);
  one.close();
  other.close();
  for (const make of [KINDS.UnixDatagram, KINDS.UnixSeqpacket] as (() => [End, End])[]) {
    const [one, other] = make();
    await one.sendMsg(new Uint8Array(), { ancillary: { fds: [0] } });
    const message = await received(other);
    assert.equal(message.data.length, 0);
    assert.equal(closeFiles(message), 1);
    one.close();
    other.close();
  }
});

test("a file that is closed while its message waits is not sent, nor another one that has its number by then", async () => {
  using server = UnixDatagram.bind();
  const datagram = UnixDatagram.unbound();
  while (datagram.trySendTo(x, server.localAddr) !== WOULD_BLOCK);
  const [stream, reader] = UnixStream.pair();
  while (stream.tryWrite(new Uint8Array(10_000)) !== WOULD_BLOCK);
  const [records, receiver] = UnixSeqpacket.pair();
  while (records.trySend(x) !== WOULD_BLOCK);
  const secret = OwnedFd.of(openSync("/dev/null", "r"));
  const ancillary = { fds: [secret] };
  const waiting = [
    datagram.sendMsg(x, { peer: server.localAddr, ancillary }),
    stream.sendMsg(x, { ancillary }),
    records.sendMsg(x, { ancillary }),
  ];
  assert.equal(await stateOf(Promise.race(waiting)), "pending");
  const number = secret.fd;
  secret.close();
  const another = openSync("/etc/passwd", "r");
  assert.equal(another, number);
  const rejected = Promise.all(waiting.map((sending) => assert.rejects(sending, sysError("EBADF"))));
  while (server.tryRecvFrom() !== WOULD_BLOCK);
  const buffer = new Uint8Array(1_000_000);
  while (reader.tryRead(buffer) !== WOULD_BLOCK);
  while (receiver.tryRecv() !== WOULD_BLOCK);
  await rejected;
  assert.equal(server.tryRecvFrom(), WOULD_BLOCK);
  assert.equal(reader.tryRead(buffer), WOULD_BLOCK);
  assert.equal(receiver.tryRecv(), WOULD_BLOCK);
  closeSync(another);
  for (const socket of [datagram, stream, reader, records, receiver]) socket.close();
});

/** How many pidfds this process has open; their links read anon_inode:[pidfd] or pidfd:[inode]. */
const pidfds = (): number =>
  readdirSync("/proc/self/fdinfo").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).includes("pidfd");
    } catch {
      return false;
    }
  }).length;

test("SO.PASSPIDFD gives a pidfd that is owned", async (t) => {
  const [one, other] = UnixDatagram.pair();
  try {
    other.setOption(SO.PASSPIDFD, true);
  } catch (error) {
    return t.skip(`this kernel has no SO_PASSPIDFD: ${String(error)}`);
  }
  using mark = markedFile();
  for (let room = 0; room <= 64; room++) {
    await one.sendMsg(x, { ancillary: { fds: [mark] } });
    const message = await other.recvMsg({ ancillaryBytes: room });
    const { pidfd } = message.ancillary;
    assert.equal(mark.copies(), message.ancillary.fds?.length ?? 0, `room ${room}`);
    assert.equal(pidfds(), pidfd === undefined ? 0 : 1, `room ${room}`);
    if (room >= 48) {
      assert.ok(pidfd !== undefined);
      assert.match(
        readFileSync(`/proc/self/fdinfo/${pidfd.fd}`, "utf8"),
        new RegExp(`^Pid:\\s${process.pid}$`, "m"),
      );
    }
    pidfd?.close();
    closeFiles(message);
  }
  assert.deepEqual([mark.copies(), pidfds()], [0, 0]);
  one.close();
  other.close();
});

isolated(
  import.meta.url,
  "a process that is out of files gets what it has room for, owned, and is told",
  { shell: "ulimit -n 400;" }, // enough for Node to load the modules, which it does all at once
  async () => {
    const hoard = Array.from({ length: 280 }, () => openSync("/dev/null", "r"));
    for (const make of Object.values(KINDS)) {
      const [one, other] = make();
      await one.recvMsg({ timeoutMs: 0 }).catch(() => undefined); // opens what stays open
      using mark = markedFile();
      await one.sendMsg(utf8("keep"), { ancillary: { fds: Array.from({ length: 110 }, () => mark.fd) } });
      const message = await received(other);
      assert.equal(textOf(message.data), "keep");
      assert.equal(message.ancillaryTruncated, true);
      const count = message.ancillary.fds?.length ?? 0;
      assert.ok(count > 0 && count < 110, `${count}`);
      closeFiles(message);
      assert.equal(mark.copies(), 0);
      one.close();
      other.close();
    }
    for (const fd of hoard) closeSync(fd);
  },
);

/** Runs a script as the user nobody, in a process whose modules are loaded before it loses root's rights. */
async function asNobody(code: string, limit = ""): Promise<string> {
  const { Program } = await import("../cli/_cli.ts");
  const url = JSON.stringify(new URL("../../src/index.ts", import.meta.url).href);
  const script = `const { UnixStream, UnixDatagram } = await import(${url});
    process.setgroups([]); process.setgid(65534); process.setuid(65534);
    const x = new TextEncoder().encode("x");\n${code}`;
  const node = [process.execPath, "--import", "tsx", "--input-type=module", "-e", script];
  using program = new Program("bash", ["-c", `${limit}\nexec "$0" "$@"`, ...node]);
  const { stdout, stderr } = await program.ended;
  assert.equal(stderr, "");
  return stdout.toString();
}

test("other people's credentials are refused without privileges", { skip: noSetpriv }, async () => {
  const said = await asNobody(`
    for (const [one, other] of [UnixStream.pair(), UnixDatagram.pair()]) {
      await one.sendMsg(x, { ancillary: { credentials: { pid: process.pid, uid: 0, gid: 0 } } })
        .catch((error) => console.log(error.code, error.message));
      one.close();
      other.close();
    }`);
  assert.match(said, /^(EPERM sendmsg.*CAP_SETUID.*\n){2}$/);
});

test("too many files on their way: ETOOMANYREFS, which says what it means", { skip: noSetpriv }, async () => {
  const said = await asNobody(
    `const [one, other] = UnixStream.pair();
     let sent = 0;
     try { for (;;) { await one.sendMsg(x, { ancillary: { fds: [0, 0, 0, 0, 0] } }); sent += 5; } }
     catch (error) { console.log(error.code, error.message); }
     let got = 0;
     while (got < sent) {
       const { ancillary } = await other.recvMsg();
       for (const fd of ancillary.fds) { got++; fd.close(); }
     }
     await one.sendMsg(x, { ancillary: { fds: [0] } });
     console.log("goes on");
     one.close();
     other.close();`,
    "ulimit -n 200",
  );
  assert.match(said, /^ETOOMANYREFS sendmsg: .*on their way in local sockets.*\ngoes on\n$/);
});

test("a passed TCP connection is of use in another process", { skip: noPython }, async () => {
  using dir = directory();
  using peer = python(
    `
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1]); listener.listen(); print("ready")
unix, _ = listener.accept()
data, fds, flags, _ = socket.recv_fds(unix, 100, 4)
tcp = socket.socket(fileno=fds[0])
got = tcp.recv(100)
tcp.sendall(b"python heard " + got + b" with " + data)
tcp.close()
print("done")`,
    dir.at("s"),
  );
  await peer.printed(1);
  using link = await pair();
  using unix = await UnixStream.connect(dir.at("s"));
  await link.client.writeAll(utf8("a question"));
  const connection = link.server.intoFd();
  await unix.sendMsg(utf8("a job"), { ancillary: { fds: [connection] } });
  connection.close();
  assert.equal(await link.client.readText(), "python heard a question with a job");
  assert.equal((await peer.ended).code, 0);
});

test("a connection that comes back from another process becomes a TcpStream again", {
  skip: noPython,
}, async () => {
  using peer = python(`
listener = socket.socket(); listener.bind(("127.0.0.1", 0)); listener.listen()
print(listener.getsockname()[1])
tcp, _ = listener.accept()
address = sys.stdin.readline().strip()
unix = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
unix.connect("\\0" + address)
socket.send_fds(unix, [b"here"], [tcp.fileno(), listener.fileno()])
tcp.close()
sys.stdin.read()`);
  const port = Number((await peer.printed(2)).toString());
  using client = await TcpStream.connect(`127.0.0.1:${port}`);
  using inbox = UnixDatagram.bind();
  peer.stdin.write(`${inbox.localAddr.toString().slice(1)}\n`);
  const { data, ancillary } = await inbox.recvMsg();
  assert.equal(textOf(data), "here");
  const [tcp, listener] = ancillary.fds as [OwnedFd, OwnedFd];
  using server = TcpStream.fromFd(tcp);
  assert.ok(tcp.closed);
  assert.ok(server.peerAddr.equals(client.localAddr));
  await client.writeAll(utf8("to and"));
  const buffer = new Uint8Array(20);
  assert.equal(textOf(buffer.subarray(0, await server.read(buffer))), "to and");
  await server.writeAll(utf8("fro"));
  server.close();
  assert.equal(await client.readText(), "fro");
  assert.throws(() => TcpStream.fromFd(listener), sysError("ENOTCONN"));
  listener.close();
  peer.stdin.end();
});

const WORKER = `
const { parentPort, workerData } = require("node:worker_threads");
(async () => {
  const { tsImport } = await import(workerData.tsx);
  const { UnixStream } = await tsImport(workerData.windsock, workerData.windsock);
  const stream = UnixStream.fromFd(workerData.fd);
  const kept = [];
  for (;;) {
    const { ancillary, end } = await stream.recvMsg();
    if (end) break;
    kept.push(...ancillary.fds);
    parentPort.postMessage(kept.length);
  }
  for (const fd of kept) fd.close();
  stream.close();
})();
`;

for (const ending of ["ends", "is terminated"]) {
  test(`files that a worker thread was passed are closed when it ${ending}`, async () => {
    const workerData = {
      tsx: import.meta.resolve("tsx/esm/api"),
      windsock: new URL("../../src/index.ts", import.meta.url).href,
    };
    using mark = markedFile();
    const run = async (): Promise<void> => {
      const [one, other] = UnixStream.pair();
      const fd = other.intoFd().release(); // the worker's from now on
      const worker = new Worker(WORKER, { eval: true, workerData: { ...workerData, fd } });
      const exited = once(worker, "exit");
      for (let count = 2; count <= 10; count += 2) {
        const told = once(worker, "message");
        await one.sendMsg(x, { ancillary: { fds: [mark, mark] } });
        assert.deepEqual(await told, [count]);
      }
      if (ending === "ends") one.close();
      else await worker.terminate();
      await exited;
      one.close();
    };
    await run();
    await until(() => mark.copies() === 0);
  });
}
