/** The same TCP sockets again and again: what a scan and a lookup give is what a dump and a search give. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { SocketAddr, TcpListener, TcpStream } from "../../../src/index.ts";
import { DiagSocket, type InetSocket } from "../../../src/netlink/diag/index.ts";
import { FakeKernel } from "../_fake_kernel.ts";

const WITH = ["info", "memory"] as const;

interface Pair {
  readonly port: number;
  readonly near: TcpStream;
  readonly far: TcpStream;
}

async function pair(t: TestContext, address: string): Promise<Pair> {
  const listener = TcpListener.bind(address);
  const near = await TcpStream.connect(listener.localAddr);
  const far = await listener.accept();
  t.after(() => {
    for (const one of [near, far, listener]) one.close();
  });
  return { port: listener.localAddr.port, near, far };
}

const told = (socket: InetSocket): string =>
  `${socket.family} ${socket.state} ${socket.localAddr} ${socket.peerAddr} ${socket.cookieKey} ${socket.inode} ${socket.counts?.tcpi_bytes_acked} ${socket.memory?.sndbuf}`;

const dumped = (socket: InetSocket): string =>
  `${socket.family} ${socket.state} ${socket.localAddr} ${socket.peerAddr} ${socket.cookie} ${socket.inode} ${socket.info?.tcpi_bytes_acked} ${socket.memory?.sndbuf}`;

test("a scan gives what a dump gives, of both families, and again", async (t) => {
  using diag = DiagSocket.open();
  const four = await pair(t, "127.0.0.1:0");
  const six = await pair(t, "[::1]:0");
  const filter = `sport = :${four.port} or dport = :${four.port} or sport = :${six.port} or dport = :${six.port}`;
  const wishes = { states: ["established"], filter, with: WITH } as const;
  const expected = (await diag.tcp(wishes)).map(dumped).sort();
  assert.equal(expected.length, 4);
  const scan = diag.scan(wishes, 4);
  for (const _ of [1, 2]) assert.deepEqual((await scan.run(told, {})).sort(), expected);
  assert.deepEqual([...((await scan.few?.run(told, {})) ?? [])].sort(), expected);
  const ipv6 = diag.scan({ ...wishes, family: "ipv6" }, 4);
  assert.equal((await ipv6.run(told, {})).length, 2);
});

test("what is not wanted is not looked for again, and more than a few are not", async (t) => {
  using diag = DiagSocket.open();
  const { port, near } = await pair(t, "127.0.0.1:0");
  const filter = `sport = :${port} or dport = :${port}`;
  const wishes = { states: ["established"], filter, with: WITH } as const;
  const scan = diag.scan(wishes, 1);
  const cookieOf = ({ cookie }: InetSocket): bigint => cookie;
  assert.equal((await scan.run(cookieOf, {})).length, 2);
  assert.equal(scan.few === undefined, true);
  const only = (socket: InetSocket): bigint | undefined =>
    socket.peerPort === port ? socket.cookie : undefined;
  const taken = await scan.run(only, {});
  assert.equal(taken.length, 1);
  assert.deepEqual(await scan.few?.run(cookieOf, {}), taken);
  const none = diag.scan({ ...wishes, filter: `sport = :${port} and dport = :${port}` }, 1);
  assert.deepEqual(await none.run(cookieOf, {}), []);
  assert.deepEqual(await none.few?.run(cookieOf, {}), []);
  near.close();
});

test("a lookup finds both ends, none where none is, and no listener", async (t) => {
  using diag = DiagSocket.open();
  const { near, port } = await pair(t, "127.0.0.1:0");
  const [local, peer] = [near.localAddr, near.peerAddr];
  const nobody = SocketAddr.of(local.ip, local.port === 1 ? 2 : 1);
  const lookup = diag.lookup(
    [
      { local, peer },
      { local: peer, peer: local },
      { local: peer, peer: nobody }, // there the kernel gives the listener
      { local: nobody, peer: local },
    ],
    WITH,
  );
  const ports = ({ localPort }: InetSocket): number => localPort;
  const expected = [local.port, port, undefined, undefined];
  const now = lookup.run(ports, {});
  assert.ok(Array.isArray(now), "nothing waits");
  assert.deepEqual(now, expected);
  const busy = diag.tcp({ states: ["established"] });
  assert.deepEqual(await lookup.run(ports, {}), expected, "while a dump is in flight");
  await busy;
  assert.throws(
    () => diag.lookup([{ local, peer: SocketAddr.parse("[::1]:1") }], WITH),
    (error: unknown) => error instanceof TypeError,
  );
  diag.close();
  assert.throws(() => lookup.run(ports, {}), { code: "EBADF" });
});

test("what answers later is waited for, as where a test plays the kernel", async () => {
  using kernel = new FakeKernel();
  const diag = DiagSocket.over(kernel.socket);
  const [local, peer] = [SocketAddr.parse("127.0.0.1:1"), SocketAddr.parse("127.0.0.1:2")];
  const found = diag.lookup([{ local, peer }], WITH).run(() => 1, {});
  kernel.acknowledge(await kernel.hear(), 2);
  assert.deepEqual(await found, [undefined]);
});
