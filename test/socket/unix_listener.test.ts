/** UnixListener: accepting, and the socket file: permissions, stale ones, those in use, removal on close. */
import assert from "node:assert/strict";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { inspect } from "node:util";
import { Worker } from "node:worker_threads";
import {
  UnixAddr,
  UnixDatagram,
  UnixListener,
  type UnixListenOptions,
  UnixSeqpacketListener,
  UnixStream,
  WOULD_BLOCK,
} from "../../src/index.ts";
import * as sys from "../../src/sys/index.ts";
import { isolated, sysError, test, textOf, utf8 } from "./_helpers.ts";
import { directory, noPython, noSetpriv, openSockets, python, socketsSince } from "./_unix_helpers.ts";

const modeOf = (path: string): number => lstatSync(path).mode & 0o7777;

test("accepts connections in order, also those that came before it was asked, until it is closed", async () => {
  using dir = directory();
  using listener = UnixListener.bind(dir.at("s"));
  assert.equal(inspect(listener), `UnixListener(${dir.at("s")})`);
  const clients = await Promise.all([1, 2, 3].map(() => UnixStream.connect(dir.at("s"))));
  for (const [i, client] of clients.entries()) await client.writeAll(utf8(`${i}`));
  let i = 0;
  for await (const peer of listener) {
    const buffer = new Uint8Array(4);
    assert.equal(textOf(buffer.subarray(0, await peer.read(buffer))), `${i}`);
    peer.close();
    if (++i === 3) listener.close();
  }
  for (const client of clients) client.close();
  await assert.rejects(UnixStream.connect(dir.at("s")), sysError("ENOENT"));
});

test("a client that has bound itself is known by its address", async () => {
  using dir = directory();
  using listener = UnixListener.bind(dir.at("s"));
  const fd = sys.check(sys.socket(sys.AF_UNIX, sys.SOCK_STREAM | sys.SOCK_CLOEXEC, 0), "socket");
  sys.check(sys.bind(fd, sys.encodeSockaddrUn(UnixAddr.path(dir.at("client")))), "bind");
  sys.check(sys.connect(fd, sys.encodeSockaddrUn(UnixAddr.path(dir.at("s")))), "connect");
  using client = UnixStream.fromFd(fd);
  using server = await listener.accept();
  assert.equal(`${server.peerAddr}`, dir.at("client"));
  assert.equal(`${client.localAddr}`, dir.at("client"));
});

/** What bind says of a path, which `make` prepares, and whether unlinkStale helps. */
const IN_THE_WAY: Readonly<
  Record<
    string,
    {
      make(path: string): { close(): void } | undefined | Promise<{ close(): void }>;
      stale: boolean;
      message: RegExp;
    }
  >
> = {
  "a stale stream socket": {
    make: (path) => void UnixListener.bind(path, { unlinkOnClose: false }).close() as undefined,
    stale: true,
    message: /with unlinkStale it is replaced/,
  },
  "a stale datagram socket": {
    make: (path) => void UnixDatagram.bind(path, { unlinkOnClose: false }).close() as undefined,
    stale: true,
    message: /with unlinkStale it is replaced/,
  },
  "a stream socket that listens": {
    make: (path) => UnixListener.bind(path),
    stale: false,
    message: /unlinkStale|another socket is bound/,
  },
  "a stream socket that is bound and does not listen yet": {
    make: (path) => {
      const fd = sys.check(sys.socket(sys.AF_UNIX, sys.SOCK_STREAM | sys.SOCK_CLOEXEC, 0), "socket");
      sys.check(sys.bind(fd, sys.encodeSockaddrUn(UnixAddr.path(path))), "bind");
      return { close: () => void sys.close(fd) };
    },
    stale: false,
    message: /unlinkStale|another socket is bound/,
  },
  "a listener whose backlog is full": {
    make: async (path) => {
      const listener = UnixListener.bind(path, { backlog: 0 });
      closing.push(await UnixStream.connect(path));
      return listener;
    },
    stale: false,
    message: /unlinkStale|another socket is bound/,
  },
  "a datagram socket": {
    make: (path) => UnixDatagram.bind(path),
    stale: false,
    message: /unlinkStale|another socket is bound/,
  },
  "a datagram socket that is connected to another": {
    make: (path) => {
      const socket = UnixDatagram.bind(path);
      const peer = UnixDatagram.bind();
      socket.connect(peer.localAddr);
      closing.push(peer);
      return socket;
    },
    stale: false,
    message: /unlinkStale|another socket is bound/,
  },
  "a seqpacket socket": {
    make: (path) => UnixSeqpacketListener.bind(path),
    stale: false,
    message: /unlinkStale|another socket is bound/,
  },
  "a regular file": {
    make: (path) => writeFileSync(path, "precious") as undefined,
    stale: false,
    message: /: the file is no socket$/,
  },
  "a directory": {
    make: (path) => void mkdirSync(path) as undefined,
    stale: false,
    message: /: the file is no socket$/,
  },
  "a symbolic link to a stale socket": {
    make: (path) => {
      UnixListener.bind(`${path}.real`, { unlinkOnClose: false }).close();
      symlinkSync(`${path}.real`, path);
      return undefined;
    },
    stale: false,
    message: /: the file is no socket$/,
  },
  "a symbolic link to nothing": {
    make: (path) => symlinkSync(`${path}.none`, path) as undefined,
    stale: false,
    message: /: the file is no socket$/,
  },
};
const closing: { close(): void }[] = [];

for (const [what, { make, stale, message }] of Object.entries(IN_THE_WAY)) {
  test(`${what} in the way: EADDRINUSE${stale ? ", unless it may be replaced" : ", also with unlinkStale"}`, async () => {
    using dir = directory();
    const path = dir.at("s");
    const other = await make(path);
    const before = lstatSync(path, { bigint: true });
    const others = readdirSync(dir.path);
    const fds = openSockets();
    for (const unlinkStale of stale ? [false, undefined] : [false, true]) {
      for (const bind of [UnixListener, UnixSeqpacketListener, UnixDatagram]) {
        assert.throws(
          () => bind.bind(path, { unlinkStale }),
          (error: Error & { address?: string }) => {
            sysError("EADDRINUSE", "bind")(error);
            assert.match(error.message, message);
            assert.equal(error.address, path);
            return true;
          },
        );
      }
    }
    assert.deepEqual(lstatSync(path, { bigint: true }).ino, before.ino);
    assert.equal(socketsSince(fds), 0);
    if (stale) {
      using listener = UnixListener.bind(path, { unlinkStale: true });
      using client = await UnixStream.connect(path);
      using server = await listener.accept();
      assert.equal(`${client.peerAddr} ${server.localAddr}`, `${path} ${path}`);
    }
    if (!stale) assert.deepEqual(readdirSync(dir.path), others, "nothing is left lying around");
    if (other instanceof UnixListener) {
      const accepted = other.tryAccept();
      assert.equal(accepted instanceof UnixStream, what.includes("full"), "it was not disturbed");
      if (accepted instanceof UnixStream) accepted.close();
    }
    other?.close();
    for (const one of closing.splice(0)) one.close();
  });
}

test("a listener that was probed does not see a connection, and a datagram socket no datagram", async () => {
  using dir = directory();
  using listener = UnixListener.bind(dir.at("s"));
  using socket = UnixDatagram.bind(dir.at("d"));
  assert.throws(() => UnixListener.bind(dir.at("s"), { unlinkStale: true }), sysError("EADDRINUSE"));
  assert.throws(() => UnixListener.bind(dir.at("d"), { unlinkStale: true }), sysError("EADDRINUSE"));
  assert.equal(listener.tryAccept(), WOULD_BLOCK);
  assert.equal(socket.tryRecvFrom(), WOULD_BLOCK);
});

test("a stale file that may not be removed is an error that says so", { skip: noSetpriv }, async () => {
  using dir = directory();
  chmodSync(dir.path, 0o755);
  UnixListener.bind(dir.at("s"), { unlinkOnClose: false, mode: 0o777 }).close();
  const { bindAs } = await otherUser();
  const said = await bindAs(dir.at("s"), { unlinkStale: true });
  assert.match(said, /^EACCES unlink .*Permission denied/);
  assert.ok(existsSync(dir.at("s")));
});

test("a file that another user may not write to counts as in use", { skip: noSetpriv }, async () => {
  using dir = directory();
  chmodSync(dir.path, 0o777);
  UnixListener.bind(dir.at("s"), { unlinkOnClose: false, mode: 0o600 }).close();
  const { bindAs } = await otherUser();
  assert.match(await bindAs(dir.at("s"), { unlinkStale: true }), /^EADDRINUSE .*or this user may not ask it/);
  assert.ok(existsSync(dir.at("s")));
});

/** Runs bind in a process of the user nobody, and gives the error's code and message. */
async function otherUser(): Promise<{ bindAs(path: string, options: UnixListenOptions): Promise<string> }> {
  const { Program } = await import("../cli/_cli.ts");
  const url = new URL("../../src/index.ts", import.meta.url).href;
  return {
    async bindAs(path, options) {
      // What is loaded may lie where only root can read: the user changes when it is.
      const code = `const { UnixListener } = await import(${JSON.stringify(url)});
        process.setgroups([]); process.setgid(65534); process.setuid(65534);
        try { UnixListener.bind(${JSON.stringify(path)}, ${JSON.stringify(options)}).close(); console.log("bound"); }
        catch (error) { console.log(error.code, error.message); }`;
      using program = new Program(process.execPath, ["--import", "tsx", "--input-type=module", "-e", code]);
      const { stdout, stderr } = await program.ended;
      assert.equal(stderr, "");
      return stdout.toString();
    },
  };
}

test("close removes the file; close again does nothing, also where another socket has the path by then", async () => {
  using dir = directory();
  const path = dir.at("s");
  for (const kind of [UnixListener, UnixSeqpacketListener, UnixDatagram]) {
    const listener = kind.bind(path);
    assert.ok(lstatSync(path).isSocket());
    listener.close();
    assert.ok(!existsSync(path));
    using next = kind.bind(path);
    listener.close();
    listener[Symbol.dispose]();
    await listener[Symbol.asyncDispose]();
    assert.ok(existsSync(path), "it is the next one's");
    assert.ok(!next.closed);
  }
  assert.ok(!existsSync(path), "using closes too");
});

test("close leaves the file where it is not to be removed, or is no longer the one that bind made", async () => {
  using dir = directory();
  const path = dir.at("s");
  UnixListener.bind(path, { unlinkOnClose: false }).close();
  assert.ok(existsSync(path));
  unlinkSync(path);

  const replaced = UnixListener.bind(path);
  unlinkSync(path); // as servers do that remove whatever is there
  using other = UnixListener.bind(path);
  replaced.close();
  using _ = await UnixStream.connect(path);
  (await other.accept()).close();

  const moved = UnixListener.bind(dir.at("m"));
  renameSync(dir.at("m"), dir.at("n"));
  writeFileSync(dir.at("m"), "precious");
  moved.close();
  assert.equal(readFileSync(dir.at("m"), "utf8"), "precious");
  assert.ok(existsSync(dir.at("n")));

  const gone = UnixListener.bind(dir.at("g"));
  unlinkSync(dir.at("g"));
  gone.close();

  mkdirSync(dir.at("d"));
  const directoryGone = UnixListener.bind(dir.at("d/s"));
  rmSync(dir.at("d"), { recursive: true });
  directoryGone.close();
});

test("a listener that was given away, or taken over, leaves the file", async () => {
  using dir = directory();
  const path = dir.at("s");
  const fd = UnixListener.bind(path).intoFd();
  assert.ok(existsSync(path));
  const again = UnixListener.fromFd(fd);
  using client = await UnixStream.connect(path);
  using server = await again.accept();
  assert.equal(`${server.localAddr}`, `${client.peerAddr}`);
  again.close();
  assert.ok(existsSync(path));
});

isolated(
  import.meta.url,
  "the file of a relative path is removed though the working directory changes",
  {},
  async () => {
    using dir = directory();
    process.chdir(dir.path);
    const listener = UnixListener.bind("s");
    assert.equal(`${listener.localAddr}`, "s");
    mkdirSync("sub");
    process.chdir("sub");
    writeFileSync("s", "another one");
    listener.close();
    assert.ok(!existsSync(dir.at("s")) && existsSync(dir.at("sub/s")));
    UnixListener.bind("../t", { unlinkOnClose: false }).close();
    using stale = UnixListener.bind("../t", { unlinkStale: true });
    assert.ok(!stale.closed);
    process.chdir("/");
  },
);

for (const umask of [0o022, 0o077, 0o777, 0]) {
  isolated(
    import.meta.url,
    `the file has the permissions asked for, umask ${umask.toString(8)}`,
    {},
    async () => {
      using dir = directory();
      process.umask(umask);
      for (const [i, mode] of [0o600, 0o666, 0o660, 0o777, 0, 0o200].entries()) {
        for (const kind of [UnixListener, UnixSeqpacketListener, UnixDatagram]) {
          using socket = kind.bind(dir.at(`s${i}`), { mode });
          assert.equal(modeOf(dir.at(`s${i}`)), mode);
          assert.ok(!socket.closed);
        }
      }
      using _ = UnixListener.bind(dir.at("default"));
      assert.equal(modeOf(dir.at("default")), 0o777 & ~umask);
      process.umask(0o022);
    },
  );
}

test("the file never has more permissions than asked for, not even for a moment", async () => {
  using dir = directory();
  // A thread looks as often as it can while this one binds; every look that finds a file tells its mode.
  const seen = new Int32Array(new SharedArrayBuffer(8));
  const watcher = new Worker(
    `const { workerData: { path, seen } } = require("node:worker_threads");
     const { lstatSync } = require("node:fs");
     while (Atomics.load(seen, 1) === 0) {
       const stat = lstatSync(path, { throwIfNoEntry: false });
       if (stat !== undefined) Atomics.or(seen, 0, stat.mode & 0o777 | 0x1000);
     }`,
    { eval: true, workerData: { path: dir.at("s"), seen } },
  );
  await once(watcher, "online");
  const old = process.umask(0);
  try {
    for (let i = 0; i < 2000; i++) UnixListener.bind(dir.at("s"), { mode: 0o600 }).close();
  } finally {
    process.umask(old);
    Atomics.store(seen, 1, 1);
  }
  await once(watcher, "exit");
  assert.equal(Atomics.load(seen, 0) & 0o177, 0, "nobody else had a bit");
});

test("options that make no sense are refused before any system call", () => {
  using dir = directory();
  const path = dir.at("s");
  const rows: [UnixListenOptions, string, RegExp][] = [
    [{ mode: 0o1000 }, "RangeError", /mode: expected permissions from 0 to 0o777/],
    [{ mode: -1 }, "RangeError", /mode/],
    [{ mode: 1.5 }, "RangeError", /mode/],
    [{ mode: "600" as never }, "RangeError", /mode/],
    [{ unlinkStale: 1 as never }, "TypeError", /unlinkStale: expected true or false/],
    [{ unlinkOnClose: "no" as never }, "TypeError", /unlinkOnClose: expected true or false/],
    [{ backlog: -1 }, "RangeError", /backlog/],
  ];
  const before = openSockets();
  for (const [options, name, message] of rows) {
    assert.throws(() => UnixListener.bind(path, options), { name, message });
  }
  assert.throws(() => UnixListener.bind("@windsock-mode", { mode: 0o600 }), {
    name: "TypeError",
    message: /permissions/,
  });
  assert.equal(socketsSince(before), 0);
  assert.ok(!existsSync(path));
});

test("what bind needs and does not find is said", { skip: noSetpriv }, async () => {
  using dir = directory();
  assert.throws(
    () => UnixListener.bind(dir.at("none/s")),
    (error: Error) => {
      sysError("ENOENT", "bind")(error);
      assert.match(error.message, /the directory for the socket file does not exist/);
      return true;
    },
  );
  using taken = UnixListener.bind("@windsock-taken");
  assert.throws(
    () => UnixListener.bind(taken.localAddr),
    /EADDRINUSE.*another socket has that name \(see ss -xa\)/,
  );
  chmodSync(dir.path, 0o755);
  const { bindAs } = await otherUser();
  assert.match(await bindAs(dir.at("s"), {}), /^EACCES .*needs write permission on its directory/);
});

test("connecting needs write permission on the file", { skip: noSetpriv }, async () => {
  using dir = directory();
  chmodSync(dir.path, 0o755);
  using listener = UnixListener.bind(dir.at("s"), { mode: 0o644 });
  const connectAs = async (): Promise<string> => {
    using peer = python(
      `
os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    socket.socket(socket.AF_UNIX).connect(sys.argv[1]); print("connected")
except OSError as error: print(error.strerror)`,
      dir.at("s"),
    );
    return (await peer.ended).stdout.toString();
  };
  assert.equal(await connectAs(), "Permission denied\n");
  chmodSync(dir.at("s"), 0o622);
  assert.equal(await connectAs(), "connected\n");
  using server = await listener.accept();
  assert.deepEqual(server.peerCredentials, { ...server.peerCredentials, uid: 65534, gid: 65534 });
  // And this library's own words for it.
  const { Program } = await import("../cli/_cli.ts");
  chmodSync(dir.at("s"), 0o644);
  const url = new URL("../../src/index.ts", import.meta.url).href;
  const code = `const { UnixStream } = await import(${JSON.stringify(url)});
    process.setgroups([]); process.setgid(65534); process.setuid(65534);
    await UnixStream.connect(${JSON.stringify(dir.at("s"))}).catch((error) => console.log(error.code, error.message));`;
  using program = new Program(process.execPath, ["--import", "tsx", "--input-type=module", "-e", code]);
  assert.match((await program.ended).stdout.toString(), /^EACCES .*write permission on the socket file/);
});

/** Threads that all replace one stale file at once, round after round, and say which of them has bound. */
const RACER = `
const { parentPort, workerData: { path, gate, tsx, windsock, rounds, threads } } = require("node:worker_threads");
(async () => {
  const { tsImport } = await import(tsx);
  const { UnixListener, UnixStream } = await tsImport(windsock, windsock);
  const barrier = (i) => {
    const turn = Atomics.add(gate, i, 1) + 1;
    if (turn === threads) Atomics.notify(gate, i);
    for (let now = turn; now < threads; now = Atomics.load(gate, i)) Atomics.wait(gate, i, now, 50);
  };
  const won = [];
  for (let round = 0; round < rounds; round++) {
    barrier(round * 3); // the stale file is there
    let listener;
    try {
      listener = UnixListener.bind(path, { unlinkStale: true, unlinkOnClose: false });
    } catch (error) {
      if (error.code !== "EADDRINUSE") won.push(String(error));
    }
    barrier(round * 3 + 1); // all have tried
    if (listener !== undefined) {
      // The file must be the winner's: a connection to it arrives here.
      const client = await UnixStream.connect(path);
      const server = listener.tryAccept();
      won.push(typeof server === "symbol" ? "orphaned" : round);
      if (typeof server !== "symbol") server.close();
      client.close();
      listener.close(); // leaves a stale file for the next round
    }
    barrier(round * 3 + 2);
  }
  parentPort.postMessage(won);
})();
`;

test("of many who replace a stale file at once one wins, and has the path", async () => {
  using dir = directory();
  const path = dir.at("s");
  const [rounds, threads] = [200, 4];
  UnixListener.bind(path, { unlinkOnClose: false }).close();
  const gate = new Int32Array(new SharedArrayBuffer(rounds * 3 * 4));
  const workerData = {
    path,
    gate,
    rounds,
    threads,
    tsx: import.meta.resolve("tsx/esm/api"),
    windsock: new URL("../../src/index.ts", import.meta.url).href,
  };
  const workers = Array.from({ length: threads }, () => new Worker(RACER, { eval: true, workerData }));
  let messages: unknown[][];
  try {
    messages = await Promise.all(workers.map(async (worker) => (await once(worker, "message"))[0]));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  const winners = messages.flat().sort((a, b) => Number(a) - Number(b));
  assert.deepEqual(
    winners,
    Array.from({ length: rounds }, (_, i) => i),
  );
  assert.deepEqual(readdirSync(dir.path), ["s"], "nothing was left aside");
});

test("a stale file is replaced though another program keeps a lock on the directory", {
  skip: noPython,
}, async () => {
  using dir = directory();
  UnixListener.bind(dir.at("s"), { unlinkOnClose: false }).close();
  using keeper = python(
    `
import fcntl
fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX)
print("locked")
sys.stdin.read()`,
    dir.path,
  );
  await keeper.printed(1);
  using listener = UnixListener.bind(dir.at("s"), { unlinkStale: true });
  using _ = await UnixStream.connect(dir.at("s"));
  (await listener.accept()).close();
});

test("a stale file with a second name keeps that name", () => {
  using dir = directory();
  UnixListener.bind(dir.at("s"), { unlinkOnClose: false }).close();
  linkSync(dir.at("s"), dir.at("other"));
  UnixListener.bind(dir.at("s"), { unlinkStale: true }).close();
  assert.deepEqual(readdirSync(dir.path), ["other"]);
});
