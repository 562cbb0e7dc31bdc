/** The face of a net.Socket: addresses, options, timeout, and what keeps the process alive, beside net.Socket itself. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { SO, TCP, TcpDuplex, TcpListener, TcpStream } from "../../src/index.ts";
import * as sys from "../../src/sys/index.ts";
import { closed, KINDS, type Kind, linked, NET, TO_DUPLEX } from "./_alike.ts";
import { isolated, noIpv6, pair, socketFds, test, turn, turns, until, utf8 } from "./_helpers.ts";

const MIB = 1024 * 1024;

/** What a socket says of its two ends. */
const ends = (socket: Socket) => ({
  remote: [socket.remoteAddress, socket.remotePort, socket.remoteFamily],
  local: [socket.localAddress, socket.localPort, socket.localFamily],
  address: socket.address(),
});

for (const [host, family] of [
  ["127.0.0.1", "IPv4"],
  ["::1", "IPv6"],
] as const) {
  test(`both ends have the addresses that node:net sees: ${family}`, {
    skip: family === "IPv6" && noIpv6,
  }, async () => {
    const server = createServer().listen(0, host);
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    for (const ours of [
      (await TcpStream.connect({ host, port })).toDuplex(),
      new TcpDuplex().connect(port, host),
    ]) {
      const [theirs] = (await once(server, "connection")) as [Socket];
      if (ours.connecting) await once(ours, "connect");
      const [here, there] = [ends(ours), ends(theirs)];
      assert.deepEqual([here.remote, here.local], [there.local, there.remote]);
      assert.deepEqual(here.remote, [host, port, family]);
      assert.deepEqual(here.address, { address: host, family, port: ours.localPort });
      ours.destroy();
      assert.deepEqual(here.remote, ends(ours).remote, "the peer's stays known");
      assert.deepEqual(ends(ours).local, [undefined, undefined, undefined]);
      assert.deepEqual(ours.address(), {});
      theirs.destroy();
    }
    server.close();
  });
}

test("a dual-stack listener sees IPv4 peers as node:net does", { skip: noIpv6 }, async () => {
  using listener = TcpListener.bind("[::]:0");
  const [client, server] = await Promise.all([
    TcpStream.connect(`127.0.0.1:${listener.localAddr.port}`),
    listener.accept(),
  ]);
  const theirs = createServer().listen(0, "::");
  await once(theirs, "listening");
  const other = await TcpStream.connect(`127.0.0.1:${(theirs.address() as AddressInfo).port}`);
  const [socket] = (await once(theirs, "connection")) as [Socket];
  const duplex = server.toDuplex();
  assert.equal(duplex.remoteAddress, "::ffff:127.0.0.1");
  assert.deepEqual(
    [duplex.remoteAddress, duplex.remoteFamily, duplex.localAddress, duplex.localFamily],
    [socket.remoteAddress, socket.remoteFamily, socket.localAddress, socket.localFamily],
  );
  for (const one of [client, other, duplex, socket]) "destroy" in one ? one.destroy() : one.close();
  theirs.close();
});

const OPTIONS = {
  NODELAY: [sys.IPPROTO_TCP, sys.TCP_NODELAY],
  KEEPALIVE: [sys.SOL_SOCKET, sys.SO_KEEPALIVE],
  KEEPIDLE: [sys.IPPROTO_TCP, sys.TCP_KEEPIDLE],
  KEEPINTVL: [sys.IPPROTO_TCP, sys.TCP_KEEPINTVL],
  KEEPCNT: [sys.IPPROTO_TCP, sys.TCP_KEEPCNT],
} as const;

test("setNoDelay and setKeepAlive set in the kernel what net.Socket's do", async () => {
  const steps: readonly [name: string, act: (socket: Socket) => Socket][] = [
    ["setNoDelay()", (socket) => socket.setNoDelay()],
    ["setNoDelay(false)", (socket) => socket.setNoDelay(false)],
    ["setKeepAlive()", (socket) => socket.setKeepAlive()],
    ["setKeepAlive(true)", (socket) => socket.setKeepAlive(true)],
    ["setKeepAlive(true, 1999)", (socket) => socket.setKeepAlive(true, 1999)],
    ["setKeepAlive(false)", (socket) => socket.setKeepAlive(false)],
  ];
  const seen: Record<string, Record<string, number>>[] = [];
  for (const kind of KINDS) {
    const before = socketFds();
    const { socket, peer } = await linked(kind);
    const mine = socketFds().filter((fd) => !before.includes(fd));
    const fd = mine.find((fd) => {
      const local = sys.getsockname(fd);
      return typeof local !== "number" && sys.decodeSockaddr(local)?.port === socket.localPort;
    });
    assert.ok(fd !== undefined);
    const states: Record<string, Record<string, number>> = {};
    for (const [name, act] of steps) {
      assert.equal(act(socket), socket);
      states[name] = Object.fromEntries(
        Object.entries(OPTIONS).map(([option, [level, optname]]) => [
          option,
          sys.getsockoptInt(fd, level, optname),
        ]),
      );
    }
    seen.push(states);
    socket.destroy();
    assert.equal(socket.setNoDelay().setKeepAlive(true, 1000), socket, "nothing happens to a closed one");
    peer.close();
  }
  const [net, ...ours] = seen;
  assert.equal(net?.["setNoDelay()"]?.NODELAY, 1);
  assert.equal(net?.["setKeepAlive(true, 1999)"]?.KEEPIDLE, 1);
  for (const one of ours) assert.deepEqual(one, net);
});

test("TCP_NODELAY is set unless it is not wanted", async () => {
  for (const noDelay of [undefined, true, false]) {
    using link = await pair();
    link.client.toDuplex({ noDelay });
    assert.equal(link.client.getOption(TCP.NODELAY), noDelay !== false);
    link.server.setOption(TCP.NODELAY, true);
    link.server.toDuplex({ noDelay: false });
    assert.equal(link.server.getOption(TCP.NODELAY), true, "left as it is");
  }
});

test("what is set before there is a connection is set when there is one", async () => {
  using listener = TcpListener.bind("127.0.0.1:0");
  const socket = new TcpDuplex().setNoDelay(true).setKeepAlive(true, 5000);
  const before = socketFds();
  socket.connect(listener.localAddr.port, "127.0.0.1");
  await once(socket, "connect");
  const peer = await listener.accept();
  const states = socketFds()
    .filter((fd) => !before.includes(fd))
    .map((fd) =>
      [sys.TCP_NODELAY, sys.TCP_KEEPIDLE].map((name) => sys.getsockoptInt(fd, sys.IPPROTO_TCP, name)),
    );
  assert.ok(
    states.some(([noDelay, idle]) => noDelay === 1 && idle === 5),
    String(states),
  );
  socket.destroy();
  peer.close();
});

test("values that no kernel takes are refused", async () => {
  using link = await pair();
  const { client, server } = link;
  const duplex = client.toDuplex();
  assert.throws(() => duplex.setKeepAlive(true, 32_768_000), RangeError);
  assert.throws(() => duplex.setTimeout(-1), RangeError);
  assert.throws(() => duplex.setTimeout("1" as unknown as number), TypeError);
  assert.equal(server.getOption(TCP.NODELAY), false);
  duplex.destroy();
  server.close();
});

for (const kind of KINDS) {
  test(`setTimeout tells of an idle connection, once for each silence, and leaves it open: ${kind.name}`, async () => {
    const { socket, peer } = await linked(kind);
    assert.equal(socket.timeout, undefined);
    let called = 0;
    assert.equal(
      socket.resume().setTimeout(20, () => called++),
      socket,
    );
    assert.equal(socket.timeout, 20);
    let told = 0;
    socket.on("timeout", () => told++);
    await once(socket, "timeout");
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.deepEqual([called, told, socket.destroyed], [1, 1, false]);
    await peer.writeAll(utf8("not dead yet"));
    await once(socket, "timeout");
    assert.deepEqual([called, told], [1, 2]);
    socket.setTimeout(0);
    assert.equal(socket.timeout, 0);
    await peer.writeAll(utf8("x"));
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.equal(told, 2);
    socket.setTimeout(20);
    socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.equal(told, 2, "a closed one is not idle");
    peer.close();
  });

  for (const direction of ["come", "go"] as const) {
    test(`bytes that ${direction} put the timeout off: ${kind.name}`, async () => {
      const { socket, peer } = await linked(kind);
      const limit = 150;
      socket.resume().setTimeout(limit);
      let told = 0;
      socket.on("timeout", () => told++);
      let [longest, last] = [0, performance.now()];
      const moved = (): void => {
        const now = performance.now();
        longest = Math.max(longest, now - last);
        last = now;
      };
      for (let i = 0; i < 30; i++) {
        if (direction === "come") await peer.writeAll(utf8("tick"));
        else await new Promise((resolve) => socket.write("tick", resolve));
        await until(() => direction === "go" || socket.bytesRead === peer.bytesWritten);
        moved();
        await new Promise((resolve) => setTimeout(resolve, 15));
      }
      moved();
      assert.ok(
        told === 0 || longest >= limit,
        `${told} timeouts though no pause was longer than ${longest} ms`,
      );
      socket.destroy();
      peer.close();
    });
  }

  test(`a large write that the peer takes bit by bit is no silence, and one that it does not take is: ${kind.name}`, async () => {
    const { socket, peer } = await linked(kind);
    socket.write(new Uint8Array(48 * MIB));
    const limit = 400;
    socket.setTimeout(limit);
    let told = 0;
    socket.on("timeout", () => told++);
    const buffer = new Uint8Array(2 * MIB);
    let [longest, last] = [0, performance.now()];
    for (let i = 0; i < 14; i++) {
      await peer.readExact(buffer);
      await new Promise((resolve) => setTimeout(resolve, 50));
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }
    // The kernel wakes a writer when a third of its buffer, of 4 MiB at most, is free: after one or two of these reads.
    assert.ok(told === 0 || 2 * longest >= limit, `${told} timeouts, longest pause ${longest} ms`);
    await until(() => told > 0); // whether the kernel has taken all of it by now or not
    socket.destroy();
    peer.close();
  });

  test(`the states of an open connection: ${kind.name}`, async () => {
    const { socket, peer } = await linked(kind, { allowHalfOpen: true });
    const state = () => [socket.connecting, socket.pending, socket.readyState];
    assert.deepEqual(state(), [false, false, "open"]);
    assert.equal(socket.bufferSize, 0);
    socket.end();
    assert.deepEqual(state(), [false, false, "readOnly"]);
    peer.close();
    socket.resume();
    await closed(socket);
    assert.deepEqual(state(), [false, true, "closed"]);
  });

  test(`bytesRead and bytesWritten: ${kind.name}`, async () => {
    const { socket, peer } = await linked(kind);
    socket.write("grüß");
    socket.write("dich");
    assert.equal(socket.bytesWritten, 10, "what waits counts");
    await peer.readExact(new Uint8Array(10));
    assert.equal(socket.bytesWritten, 10);
    await peer.writeAll(new Uint8Array(7));
    await once(socket.resume(), "data");
    assert.equal(socket.bytesRead, 7);
    socket.destroy();
    assert.deepEqual([socket.bytesRead, socket.bytesWritten], [7, 10]);
    peer.close();
  });
}

test("bytesRead and bytesWritten go on from what the connection had moved before", async () => {
  using link = await pair();
  const { client, server } = link;
  await client.writeAll(new Uint8Array(3));
  await server.writeAll(new Uint8Array(5));
  await client.readExact(new Uint8Array(5));
  const duplex = client.toDuplex();
  duplex.write("x");
  assert.deepEqual([duplex.bytesRead, duplex.bytesWritten], [5, 4]);
  duplex.destroy();
  server.close();
});

test("connect() on what is connected says so", async () => {
  using link = await pair();
  const { client, server } = link;
  const duplex = client.toDuplex();
  const told: string[] = [];
  duplex.on("connect", () => told.push("connect")).on("ready", () => told.push("ready"));
  assert.equal(
    duplex.connect(5432, "elsewhere", () => told.push("listener")),
    duplex,
  );
  assert.deepEqual(told, []);
  await once(duplex, "ready");
  assert.deepEqual(told.sort(), ["connect", "listener", "ready"]);
  duplex.destroy();
  duplex.connect();
  await turn();
  assert.equal(told.length, 3);
  server.close();
});

/** A connection to a process of its own, which does what `script` says with its `peer`: nothing of it is alive here. */
async function elsewhere(kind: Kind, script: string): Promise<Socket> {
  const program = `const server = require("net").createServer((peer) => { ${script} });
    server.listen(0, "127.0.0.1", () => console.log(server.address().port));
    process.stdin.on("end", () => process.exit()).resume();`; // when this process is gone, however it went
  const server = spawn(process.execPath, ["-e", program], { stdio: ["pipe", "pipe", "inherit"] });
  const [port] = await once(server.stdout, "data");
  server.unref();
  server.stdout.destroy();
  return kind.connect(Number(port), {});
}

for (const kind of [NET, TO_DUPLEX]) {
  isolated(import.meta.url, `a socket that reads keeps the process alive: ${kind.name}`, {}, async () => {
    const socket = await elsewhere(kind, `setTimeout(() => peer.write("late"), 300)`);
    const [chunk] = await once(socket, "data");
    assert.equal(String(chunk), "late");
    socket.destroy();
  });

  isolated(
    import.meta.url,
    `one that was unreferenced while it reads does not: ${kind.name}`,
    {},
    async () => {
      const socket = await elsewhere(kind, "");
      socket.resume();
      await turn();
      assert.equal(socket.unref(), socket);
    },
  );

  isolated(import.meta.url, `one that was referenced again does: ${kind.name}`, {}, async () => {
    const socket = await elsewhere(kind, `setTimeout(() => peer.write("late"), 300)`);
    socket.unref().resume();
    await turn();
    socket.ref();
    await once(socket, "data");
    socket.destroy();
  });

  isolated(import.meta.url, `one that nobody reads does not: ${kind.name}`, {}, async () => {
    const socket = await elsewhere(kind, `peer.write(Buffer.alloc(${MIB}))`);
    socket.once("data", () => socket.pause());
    await once(socket, "pause");
    await turns(20);
  });

  isolated(import.meta.url, `its timeout does not: ${kind.name}`, {}, async () => {
    const socket = await elsewhere(kind, "");
    socket.setTimeout(1e9).resume();
    await turn();
    socket.unref();
  });

  isolated(
    import.meta.url,
    `a write that is under way does, though it was unreferenced: ${kind.name}`,
    {},
    async () => {
      const socket = await elsewhere(kind, "peer.pause(); setTimeout(() => peer.resume(), 300)");
      socket.unref();
      await new Promise((resolve) => socket.write(Buffer.alloc(16 * MIB), resolve));
      socket.destroy();
    },
  );
}

const collected = async (make: (stream: TcpStream) => Socket): Promise<void> => {
  const warnings: string[] = [];
  process.on("warning", (warning) => warnings.push(warning.message));
  const before = socketFds().length;
  using listener = TcpListener.bind("127.0.0.1:0");
  const { port } = listener.localAddr;
  await (async () => {
    const stream = await TcpStream.connect(`127.0.0.1:${port}`);
    make(stream);
  })();
  using peer = await listener.accept();
  void peer;
  await until(async () => {
    globalThis.gc?.();
    await turn();
    return socketFds().length === before + 2; // the listener and the peer
  });
  assert.match(warnings.join(), /garbage-collected while open/);
};

isolated(
  import.meta.url,
  "a Duplex that was forgotten unread is closed by the garbage collector, with a warning",
  { nodeFlags: ["--expose-gc"] },
  () => collected((stream) => stream.toDuplex()),
);

isolated(
  import.meta.url,
  "a Duplex that was forgotten with its timeout cleared and its data unread is closed too",
  { nodeFlags: ["--expose-gc"] },
  () => collected((stream) => stream.toDuplex().setTimeout(1000).setTimeout(0).pause()),
);

test("SO_LINGER of resetAndDestroy is not left on a connection that was not destroyed", async () => {
  using link = await pair();
  const { client, server } = link;
  const duplex = client.toDuplex();
  assert.equal(client.getOption(SO.LINGER), undefined);
  duplex.resetAndDestroy();
  await assert.rejects(server.read(new Uint8Array(1)), { code: "ECONNRESET" });
  server.close();
});

test("a Duplex passes for a net.Socket where one is asked for", async () => {
  const { socket, peer } = await linked(TO_DUPLEX); // typed as net.Socket: this file would not compile otherwise
  socket.destroy();
  peer.close();
});
