/** Blocking sockets in workers: the main thread goes on, and a worker ends though a call waits, with its fds closed. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { test } from "node:test";
import { TcpListener, TcpStream } from "../../src/index.ts";
import { moduleUrl, runNode } from "../sys/_child.ts";
import { utf8 } from "./_bytes.ts";
import { cases, Peer } from "./_cases.ts";

/** The sockets that this process has open, those of its workers among them. */
function sockets(): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return target.startsWith("socket:") ? [target] : [];
    } catch {
      return []; // the folder's own
    }
  });
}

/** What a worker does when it is ended: it opens sockets, says `ready()`, and blocks for ever. */
const BLOCKED: Readonly<Record<string, string>> = {
  "TcpListener.accept": `const listener = B.TcpListener.bind("127.0.0.1:0"); ready(); listener.accept();`,
  "TcpStream.read": `const [one] = tcpPair(); ready(); one.read(new Uint8Array(1));`,
  "TcpStream.read, accepted": `const [, one] = tcpPair(); ready(); one.read(new Uint8Array(1));`,
  "TcpStream.read, taken over": `
    const [one] = tcpPair();
    const again = B.TcpStream.fromFd(one.intoFd());
    ready();
    again.read(new Uint8Array(1));`,
  "UnixStream.read, accepted": `
    const listener = B.UnixListener.bind(B.UnixAddr.UNNAMED);
    const client = B.UnixStream.connect(listener.localAddr);
    const server = listener.accept();
    ready();
    server.read(new Uint8Array(1));`,
  "TcpStream.readExact": `const [one] = tcpPair(); ready(); one.readExact(new Uint8Array(1));`,
  "TcpStream.readToEnd": `const [one] = tcpPair(); ready(); one.readToEnd();`,
  "TcpStream.read with a timeout": `const [one] = tcpPair(); ready(); one.read(new Uint8Array(1), { timeoutMs: 1e9 });`,
  "TcpStream.readable": `const [one] = tcpPair(); ready(); one.readable();`,
  "TcpStream.write": `const [one] = tcpPair(); ready(); for (;;) one.write(new Uint8Array(1024 * 1024));`,
  "TcpStream.writeAll": `const [one] = tcpPair(); ready(); one.writeAll(new Uint8Array(64 * 1024 * 1024));`,
  "TcpStream.connect": `
    const full = B.TcpListener.bind("127.0.0.1:0", { backlog: 0 });
    const filler = B.TcpStream.connect(full.localAddr);
    const { localAddr } = full;
    const resolver = { resolve: () => [localAddr, localAddr] };
    ready();
    B.TcpStream.connect("a.example:80", { resolver, attemptDelayMs: 0 });`,
  "UdpSocket.recvFrom": `const socket = B.UdpSocket.bind("127.0.0.1:0"); ready(); socket.recvFrom();`,
  "UnixListener.accept": `const listener = B.UnixListener.bind(B.UnixAddr.UNNAMED); ready(); listener.accept();`,
  "UnixStream.connect": `
    const full = B.UnixListener.bind(B.UnixAddr.UNNAMED, { backlog: 0 });
    const filler = B.UnixStream.connect(full.localAddr);
    ready();
    B.UnixStream.connect(full.localAddr);`,
  "UnixStream.recvMsg": `const [one] = B.UnixStream.pair(); ready(); one.recvMsg();`,
  "UnixStream.writeAll": `const [one, other] = B.UnixStream.pair(); ready(); one.writeAll(new Uint8Array(64 * 1024 * 1024));`,
  "UnixDatagram.sendTo": `
    const inbox = B.UnixDatagram.bind();
    const socket = B.UnixDatagram.unbound();
    ready();
    for (;;) socket.sendTo(new Uint8Array(1), inbox.localAddr);`,
  "a loop of short calls": `
    const socket = B.UdpSocket.bind("127.0.0.1:0");
    ready();
    for (;;) {
      try {
        socket.recv({ timeoutMs: 1 });
      } catch {}
    }`,
};

const PAIR = `
  const tcpPair = () => {
    const listener = B.TcpListener.bind("127.0.0.1:0");
    return [B.TcpStream.connect(listener.localAddr), listener.accept(), listener];
  };`;

/** Waits until no thread but this one has run for some milliseconds. */
async function othersSleep(): Promise<void> {
  const spent = (): string =>
    readdirSync("/proc/self/task")
      .filter((task) => task !== `${process.pid}`)
      .map((task) => readFileSync(`/proc/self/task/${task}/schedstat`, "utf8").split(" ")[0])
      .join();
  for (let before = ""; before !== spent(); ) {
    before = spent();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const terminated = Object.fromEntries(
  Object.entries(BLOCKED).map(([name, code]) => [
    `terminate() ends a worker that is blocked in ${name}, and its sockets are closed`,
    async () => {
      const before = sockets();
      const peer = new Peer(PAIR + code);
      await peer.readySoon();
      assert.ok(sockets().length > before.length);
      // A socket that is only being made when its thread ends is nobody's: see docs/blocking.md.
      if (name.endsWith(".connect")) await othersSleep();
      const exit = once(peer.worker, "exit");
      assert.equal(await peer.worker.terminate(), 1);
      await exit;
      assert.deepEqual(sockets(), before);
    },
  ]),
);

cases(import.meta.url, {
  ...terminated,

  async "a worker that serves with blocking calls, while the main thread's loop goes on"() {
    const before = sockets();
    const peer = new Peer<number>(
      `const listener = B.TcpListener.bind("127.0.0.1:0");
       parentPort.postMessage(listener.localAddr.port);
       const buffer = new Uint8Array(100);
       let served = 0;
       for (const peer of listener) {
         for (let count = peer.read(buffer); count > 0; count = peer.read(buffer)) peer.writeAll(buffer.subarray(0, count));
         peer.close();
         if (++served === 20) break;
       }
       listener.close();
       return served;`,
    );
    const exit = once(peer.worker, "exit");
    const [port] = (await once(peer.worker, "message")) as [number];
    let ticks = 0;
    const ticking = setInterval(() => ticks++, 1);
    for (let i = 0; i < 20; i++) {
      await using client = await TcpStream.connect({ host: "127.0.0.1", port });
      await client.writeAll(utf8(`message ${i}`));
      client.shutdown("write");
      assert.equal(await client.readText(), `message ${i}`);
      while (i === 10 && ticks === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await exit;
    clearInterval(ticking);
    assert.deepEqual(sockets(), before);
  },

  async "a connection that the main thread has accepted is served by a worker, which is given its fd"() {
    using listener = TcpListener.bind("127.0.0.1:0");
    await using client = await TcpStream.connect(listener.localAddr);
    const accepted = await listener.accept();
    const peer = new Peer<string>(
      `const link = B.TcpStream.fromFd(data);
       ready();
       const buffer = new Uint8Array(5);
       link.readExact(buffer); // of which nothing has come yet: the fd blocks here
       link.writeAll(buffer.reverse());
       link.close();
       return "served";`,
      accepted.intoFd().release(),
    );
    await peer.readySoon();
    await client.writeAll(utf8("abcde"));
    assert.equal(await client.readText(), "edcba");
    assert.equal(await peer.result, "served");
  },

  async "process.exit() in the worker itself closes what it has open"() {
    const before = sockets();
    const peer = new Peer(`${PAIR} const pair = tcpPair(); ready(); process.exit(3);`);
    const [code] = await once(peer.worker, "exit");
    assert.equal(code, 3);
    assert.deepEqual(sockets(), before);
  },
});

const SCRIPT = `
import * as B from ${moduleUrl("src/blocking/index.ts")};
import { Peer } from ${moduleUrl("test/blocking/_cases.ts")};
`;

if (process.env.WINDSOCK_BLOCKING === undefined) {
  test("process.exit() on the main thread ends the process though workers are blocked", async () => {
    const { status, stdout, stderr } = await runNode(`${SCRIPT}
    const codes = ${JSON.stringify([BLOCKED["TcpListener.accept"], BLOCKED["UdpSocket.recvFrom"], BLOCKED["UnixStream.writeAll"]])};
    const peers = codes.map((code) => new Peer(code));
    for (const peer of peers) await peer.readySoon();
    console.log("blocked");
    process.exit(5);`);
    assert.deepEqual([status, stdout], [5, "blocked"], stderr);
  });

  test("a socket that is forgotten while open is closed, with one warning, once the loop turns", async () => {
    const { status, stdout, stderr } = await runNode(
      `${SCRIPT}
    import { fdCount } from ${moduleUrl("test/_fds.ts")};
    const warnings = [];
    process.on("warning", (warning) => warnings.push(warning.code));
    const before = fdCount();
    (() => {
      for (let i = 0; i < 10; i++) {
        B.UdpSocket.bind("127.0.0.1:0");
        B.TcpListener.bind("127.0.0.1:0");
        B.UnixStream.pair();
        B.UnixDatagram.unbound();
      }
    })();
    if (fdCount() !== before + 50) throw new Error("they are not open");
    while (fdCount() > before) {
      gc();
      await new Promise((resolve) => setImmediate(resolve));
    }
    console.log(warnings.join());`,
      [],
      ["--expose-gc"],
    );
    assert.deepEqual([status, stdout], [0, "WINDSOCK_FORGOTTEN_SOCKET"], stderr);
  });
}
