/** TcpDuplex: a socket that connects when it is told to, beside net.Socket. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type NetConnectOpts, Socket } from "node:net";
import { ConnectError, type Resolver, SocketAddr, TcpDuplex, TcpListener } from "../../src/index.ts";
import {
  closedPort,
  fullListener,
  isolated,
  pattern,
  socketFds,
  test,
  turn,
  turns,
  utf8,
} from "./_helpers.ts";

const MAKERS: readonly [name: string, make: () => Socket][] = [
  ["net.Socket", () => new Socket()],
  ["TcpDuplex", () => new TcpDuplex()],
];

for (const [name, make] of MAKERS) {
  test(`before, while and after it connects: ${name}`, async () => {
    using listener = TcpListener.bind("127.0.0.1:0");
    const socket = make();
    const state = () => [socket.connecting, socket.pending, socket.readyState];
    assert.deepEqual([socket.connecting, socket.pending], [false, true]);
    assert.deepEqual([socket.remoteAddress, socket.localPort, socket.address()], [undefined, undefined, {}]);
    const told: string[] = [];
    for (const event of ["connect", "ready", "close"]) socket.on(event, () => told.push(event));
    assert.equal(
      socket.connect(listener.localAddr.port, "127.0.0.1", () => told.push("listener")),
      socket,
    );
    assert.deepEqual(state(), [true, true, "opening"]);
    await once(socket, "ready");
    assert.deepEqual(state(), [false, false, "open"]);
    assert.deepEqual(told.sort(), ["connect", "listener", "ready"]);
    assert.equal(socket.remotePort, listener.localAddr.port);
    (await listener.accept()).close();
    await once(socket.resume(), "close");
    assert.deepEqual(state(), [false, true, "closed"]);
  });

  test(`what is written, ended and read before there is a connection happens when there is one: ${name}`, async () => {
    using listener = TcpListener.bind("127.0.0.1:0");
    const socket = make();
    const text = pattern(300_000);
    let heard = "";
    socket.on("data", (chunk) => {
      heard += chunk;
    });
    socket.connect({ port: listener.localAddr.port, host: "127.0.0.1" });
    assert.equal(socket.write(text.subarray(0, 200_000)), false);
    assert.equal(socket.bytesWritten, 200_000);
    socket.end(text.subarray(200_000));
    const peer = await listener.accept();
    assert.deepEqual(await peer.readToEnd(), text);
    await peer.writeAll(utf8("thanks"));
    peer.close();
    await once(socket, "close");
    assert.equal(heard, "thanks");
  });

  test(`a port where nobody listens: 'error' with ECONNREFUSED, then 'close', and the write fails: ${name}`, async () => {
    using nobody = closedPort();
    const socket = make();
    const told: string[] = [];
    socket.on("error", (error: NodeJS.ErrnoException) => told.push(`error ${error.code}`));
    socket.on("close", (hadError) => told.push(`close ${hadError}`));
    socket.connect(nobody.address.port, "127.0.0.1");
    const failed = new Promise<unknown>((resolve) => socket.write("x", resolve));
    await new Promise((resolve) => socket.once("close", resolve));
    assert.deepEqual(told, ["error ECONNREFUSED", "close true"]);
    assert.ok((await failed) instanceof Error);
    assert.equal(socket.connecting, false);
  });

  test(`destroyed while it connects: closed at once, with the error it was given: ${name}`, async () => {
    using full = await fullListener();
    const before = socketFds().length;
    const socket = make();
    const told: string[] = [];
    socket.on("connect", () => told.push("connect"));
    socket.on("error", (error) => told.push(`error ${error.message}`));
    socket.on("close", (hadError) => told.push(`close ${hadError}`));
    socket.connect(full.address.port, "127.0.0.1");
    await turns(3);
    socket.destroy(new Error("timeout expired"));
    await new Promise((resolve) => socket.once("close", resolve));
    await turns(3);
    assert.deepEqual(told, ["error timeout expired", "close true"]);
    assert.equal(socketFds().length, before);
  });

  test(`setTimeout counts while it connects: ${name}`, async () => {
    using full = await fullListener();
    const socket = make();
    socket.connect(full.address.port, "127.0.0.1");
    socket.setTimeout(30);
    await once(socket, "timeout");
    assert.equal(socket.connecting, true);
    socket.destroy();
  });

  isolated(
    import.meta.url,
    `what keeps the process alive is the attempt, and not a socket without one: ${name}`,
    {},
    async () => {
      make(); // never told to connect
      using listener = TcpListener.bind("127.0.0.1:0");
      const socket = make();
      socket.connect(listener.localAddr.port, "127.0.0.1");
      await once(socket, "connect");
      socket.destroy();
    },
  );
}

test("a name with several addresses: all are tried, and told", async () => {
  using listener = TcpListener.bind("127.0.0.1:0");
  const { port } = listener.localAddr;
  const resolver: Resolver = {
    resolve: async () => ["127.0.0.9", "127.0.0.1"].map((ip) => SocketAddr.of(ip, port)),
  };
  const socket = new TcpDuplex({ resolver }).connect(port, "somewhere.test");
  await once(socket, "connect");
  assert.deepEqual(socket.autoSelectFamilyAttemptedAddresses, [`127.0.0.9:${port}`, `127.0.0.1:${port}`]);
  assert.equal(socket.remoteAddress, "127.0.0.1");
  socket.destroy();
  listener.close();
  const refused = new TcpDuplex({ resolver }).connect(port, "somewhere.test");
  const [error] = await once(refused, "error");
  assert.ok(error instanceof ConnectError);
  assert.equal(error.code, "ECONNREFUSED");
});

test("its options are those of connect and of toDuplex", async () => {
  using listener = TcpListener.bind("127.0.0.1:0");
  const controller = new AbortController();
  const socket = new TcpDuplex({
    allowHalfOpen: true,
    highWaterMark: 1234,
    localAddr: SocketAddr.parse("127.0.0.5:0"),
    signal: controller.signal,
  }).connect(listener.localAddr.port, "127.0.0.1");
  await once(socket, "connect");
  controller.abort(); // too late: it was for connecting
  await turns(2);
  assert.deepEqual(
    [socket.allowHalfOpen, socket.writableHighWaterMark, socket.localAddress, socket.destroyed],
    [true, 1234, "127.0.0.5", false],
  );
  socket.destroy();

  using full = await fullListener();
  const slow = new TcpDuplex({ timeoutMs: 30 }).connect(full.address.port, "127.0.0.1");
  assert.equal((await once(slow, "error"))[0].code, "TIMEOUT");
  const given = new AbortController();
  const cancelled = new TcpDuplex({ signal: given.signal }).connect(full.address.port, "127.0.0.1");
  given.abort(new Error("changed my mind"));
  assert.equal((await once(cancelled, "error"))[0].message, "changed my mind");
});

test("what connect() refuses", async () => {
  const told = (target: unknown): (() => unknown) => {
    return () => new TcpDuplex().connect(target as NetConnectOpts);
  };
  for (const wrong of [undefined, true, "/tmp/.s.PGSQL.5432", { path: "/run/x" }, {}])
    assert.throws(told(wrong), TypeError);
  using nobody = closedPort();
  const socket = new TcpDuplex().connect(nobody.address.port, "127.0.0.1");
  assert.throws(() => socket.connect(1), /has not connected yet/);
  await once(socket, "error");
  assert.throws(() => socket.connect(1), /has not connected yet/);
  const [error] = await once(new TcpDuplex().connect(70_000, "127.0.0.1"), "error");
  assert.ok(error instanceof RangeError);
  await turn();
});
