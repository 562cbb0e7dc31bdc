/** UdpSocket against other people's datagram sockets, in both roles: Python, node:dgram, socat, nc and ncat. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { ReceiveBatch, SendBatch, SysError, UdpSocket } from "../../src/index.ts";
import { noIpv6, Program } from "../cli/_cli.ts";

const missing = (command: string, ...args: string[]): string | false =>
  spawnSync(command, args).error === undefined ? false : `${command} is not installed`;

/** An address of loopback that no other process of these tests uses, so that every port of it is free. */
const OWN = `127.9.${(process.pid >> 8) & 0xff}.${process.pid & 0xff}`;

/** Bytes of every value, that differ from one datagram to the next. */
function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 131 + seed * 17 + (i >> 8)) & 0xff);
}

const ALL_SIZES = [1, 0, 2, 511, 512, 1472, 1473, 8192, 65507];
/** What fits the buffers of every netcat, and has an end that their pipes keep. */
const SIZES = [1, 2, 511, 512, 1472, 4096];

/** Sends each datagram and waits for the same to come back. The first goes again while nobody is there. */
async function assertEchoes(socket: UdpSocket, sizes: readonly number[]): Promise<void> {
  const first = pattern(7, 99);
  for (let tries = 0; ; tries++) {
    try {
      await socket.send(first);
      assert.deepEqual((await socket.recv({ timeoutMs: 10_000 })).data, first);
      break;
    } catch (error) {
      if (!(error instanceof SysError) || error.code !== "ECONNREFUSED" || tries === 1000) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10)); // it is not there yet
    }
  }
  for (const [seed, size] of sizes.entries()) {
    const bytes = pattern(size, seed);
    assert.equal(await socket.send(bytes), size);
    const { data, truncated } = await socket.recv({ timeoutMs: 10_000 });
    assert.deepEqual(data, bytes, `${size} bytes`);
    assert.equal(truncated, false);
  }
}

/** Gives back whatever comes, one by one or by batches, until the signal. */
async function echo(socket: UdpSocket, signal: AbortSignal, batched: boolean): Promise<void> {
  const [received, answers] = [new ReceiveBatch({ maxBytes: 65535 }), new SendBatch({ bytes: 64 * 65535 })];
  try {
    for (;;) {
      if (batched) {
        await socket.recvMany(received, { signal });
        for (const { data, peer } of received) answers.push(data, peer);
        await socket.sendMany(answers);
      } else {
        const { data, peer } = await socket.recvFrom({ signal });
        await socket.sendTo(data, peer);
      }
    }
  } catch (error) {
    if (error !== signal.reason) throw error;
  }
}

const python = (code: string): [string, string[]] => ["python3", ["-u", "-c", code]];
const nodeJs = (code: string): [string, string[]] => [process.execPath, ["-e", code]];

/** Programs that say their port, then echo. */
const ECHO_SERVERS = [
  {
    name: "Python's socket",
    skip: missing("python3", "--version"),
    start: (host: string) =>
      python(`
import socket
s = socket.socket(socket.AF_INET6 if ":" in "${host}" else socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("${host}", 0))
print(s.getsockname()[1])
while True:
    data, peer = s.recvfrom(70000)
    s.sendto(data, peer)`),
  },
  {
    name: "node:dgram",
    skip: false as const,
    start: (host: string) =>
      nodeJs(`
const s = require("node:dgram").createSocket("${host.includes(":") ? "udp6" : "udp4"}");
s.on("message", (data, peer) => s.send(data, peer.port, peer.address));
s.bind(0, "${host}", () => console.log(s.address().port));`),
  },
];

for (const { name, skip, start } of ECHO_SERVERS) {
  describe(name, { skip }, () => {
    for (const host of ["127.0.0.1", "::1"]) {
      const where = host.includes(":") ? `[${host}]` : host;
      const noFamily = host.includes(":") ? noIpv6 : false;
      test(`gives back what we send, over ${host}`, { skip: noFamily }, async () => {
        using server = new Program(...start(host));
        const port = Number((await server.printed(2)).toString());
        using socket = await UdpSocket.connect(`${where}:${port}`);
        await assertEchoes(socket, ALL_SIZES);
        // Unconnected, and many at once.
        using free = UdpSocket.bind(`${where}:0`);
        const batch = new SendBatch({ segmented: true });
        for (let i = 0; i < 30; i++) batch.push(pattern(200, i), `${where}:${port}`);
        assert.equal(await free.sendMany(batch), 30);
        const received = new ReceiveBatch();
        let seed = 0;
        while (seed < 30) {
          await free.recvMany(received, { timeoutMs: 10_000 });
          for (const { data, peer } of received) {
            assert.deepEqual(data, pattern(200, seed++));
            assert.equal(peer.port, port);
          }
        }
      });
    }
  });
}

/** Programs that send every size to us, and check what comes back. */
const ECHO_CLIENTS = [
  {
    name: "Python's socket",
    skip: missing("python3", "--version"),
    start: (host: string, port: number) =>
      python(`
import socket
s = socket.socket(socket.AF_INET6 if ":" in "${host}" else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(10)
s.connect(("${host}", ${port}))
for seed, size in enumerate(${JSON.stringify(ALL_SIZES)}):
    data = bytes((i * 131 + seed * 17 + (i >> 8)) & 255 for i in range(size))
    s.send(data)
    assert s.recv(70000) == data, size
for i in range(20): s.send(b"%d" % i)
assert [s.recv(99) for i in range(20)] == [b"%d" % i for i in range(20)]
print("all")`),
  },
  {
    name: "node:dgram",
    skip: false as const,
    start: (host: string, port: number) =>
      nodeJs(`
const s = require("node:dgram").createSocket("${host.includes(":") ? "udp6" : "udp4"}");
const sizes = ${JSON.stringify(ALL_SIZES)};
const data = (seed) => Buffer.from(Array.from({ length: sizes[seed] }, (_, i) => (i * 131 + seed * 17 + (i >> 8)) & 255));
let seed = 0;
s.connect(${port}, "${host}", () => s.send(data(0)));
s.on("message", (got) => {
  require("node:assert").deepEqual(got, data(seed));
  if (++seed === sizes.length) { console.log("all"); s.close(); } else s.send(data(seed));
});`),
  },
];

for (const { name, skip, start } of ECHO_CLIENTS) {
  for (const host of ["127.0.0.1", "::1"]) {
    for (const batched of [false, true]) {
      const how = batched ? "by batches" : "one by one";
      const noFamily = host.includes(":") ? noIpv6 : false;
      test(`${name} sends, and we give back ${how}, over ${host}`, { skip: skip || noFamily }, async () => {
        using socket = UdpSocket.bind(host.includes(":") ? "[::]:0" : `${host}:0`);
        const stop = new AbortController();
        const echoing = echo(socket, stop.signal, batched);
        using client = new Program(...start(host, socket.localAddr.port));
        const { code, stdout, stderr } = await client.ended;
        assert.deepEqual([code, stdout.toString(), stderr], [0, "all\n", ""]);
        stop.abort(new Error("done"));
        await echoing;
      });
    }
  }
}

/** Programs that pass on between a socket and their standard input and output: [as who is spoken to, as who speaks]. */
const RELAYS = [
  {
    name: "socat",
    skip: missing("socat", "-V"),
    listen: (host: string, port: number) => ["socat", ["-b65536", `UDP4-LISTEN:${port},bind=${host}`, "-"]],
    speak: (host: string, port: number) => ["socat", ["-b65536", "-", `UDP4:${host}:${port}`]],
  },
  {
    name: "nc",
    skip: missing("nc", "-h"),
    listen: (host: string, port: number) => ["nc", ["-u", "-l", host, String(port)]],
    speak: (host: string, port: number) => ["nc", ["-u", host, String(port)]],
  },
  {
    name: "ncat",
    skip: missing("ncat", "--version"),
    listen: (host: string, port: number) => ["ncat", ["-u", "-l", host, String(port)]],
    speak: (host: string, port: number) => ["ncat", ["-u", host, String(port)]],
  },
] as const;

/** Each size from us to the program, and another from the program to us, in turn. */
async function assertRelays(socket: UdpSocket, program: Program, printed: number): Promise<void> {
  let whole = printed;
  for (const [seed, size] of SIZES.entries()) {
    const forth = pattern(size, seed);
    await socket.send(forth);
    whole += size;
    const all = await program.printed(whole);
    assert.deepEqual(new Uint8Array(all.subarray(whole - size, whole)), forth, `${size} bytes to it`);
    const back = pattern(size, seed + 100);
    program.stdin.write(back);
    const { data } = await socket.recv({ timeoutMs: 10_000 });
    assert.deepEqual(data, back, `${size} bytes from it`);
  }
}

let nextPort = 4000;

for (const { name, skip, listen, speak } of RELAYS) {
  test(`${name} listens, and we send and receive`, { skip }, async () => {
    const port = nextPort++;
    const [command, args] = listen(OWN, port) as [string, string[]];
    using program = new Program(command, args, { input: "open" });
    using socket = await UdpSocket.connect(`${OWN}:${port}`);
    for (let tries = 0; ; tries++) {
      await socket.send(pattern(3, 1)).catch(() => undefined); // refused while it is not there yet
      const refused = await socket
        .recv({ timeoutMs: 20 })
        .catch((error: unknown) => error instanceof SysError);
      if (refused !== true) break;
      assert.ok(tries < 1000);
    }
    const first = await program.printed(3);
    await assertRelays(socket, program, first.length);
  });

  test(`${name} sends first, and we answer`, { skip }, async () => {
    using socket = UdpSocket.bind(`${OWN}:0`);
    const [command, args] = speak(OWN, socket.localAddr.port) as [string, string[]];
    using program = new Program(command, args, { input: "open" });
    program.stdin.write("hello");
    const { data, peer } = await socket.recvFrom({ timeoutMs: 10_000 });
    assert.equal(Buffer.from(data).toString(), "hello");
    socket.connect(peer);
    await assertRelays(socket, program, 0);
  });
}

test("socat gives back what we send", { skip: missing("socat", "-V") }, async () => {
  const port = nextPort++;
  using _server = new Program("socat", ["-b65536", `UDP4-LISTEN:${port},bind=${OWN}`, "PIPE"], {
    input: "open",
  });
  using socket = await UdpSocket.connect(`${OWN}:${port}`);
  await assertEchoes(socket, [...SIZES, 8192, 65507]);
});

test("ncat gives back what we send", { skip: missing("ncat", "--version") }, async () => {
  const port = nextPort++;
  using _server = new Program("ncat", ["-u", "-l", OWN, String(port), "--exec", "/bin/cat"], {
    input: "open",
  });
  using socket = await UdpSocket.connect(`${OWN}:${port}`);
  await assertEchoes(socket, SIZES);
});

const PYTHON_GSO = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
s.setsockopt(17, 104, 1)  # UDP_GRO
print(s.getsockname()[1])
data, control, flags, peer = s.recvmsg(70000, 200)
size = [int.from_bytes(d, "little") for l, t, d in control if (l, t) == (17, 104)]
print(len(data), size)
s.setsockopt(17, 103, 321)  # UDP_SEGMENT
s.sendto(data, peer)
`;

test("segments: Python's UDP_GRO takes our batch as one, and we take apart its UDP_SEGMENT", {
  skip: missing("python3", "--version"),
}, async () => {
  using server = new Program("python3", ["-u", "-c", PYTHON_GSO]);
  const port = Number((await server.printed(2)).toString());
  using socket = UdpSocket.bind("127.0.0.1:0", { merged: true });
  socket.connect(`127.0.0.1:${port}`);
  const batch = new SendBatch({ segmented: true });
  const whole = pattern(4100, 3);
  for (let offset = 0; offset < 4100; offset += 500) batch.push(whole.subarray(offset, offset + 500));
  assert.equal(await socket.sendMany(batch), 9);
  const received = new ReceiveBatch({ merged: true });
  const parts: Uint8Array[] = [];
  while (parts.length < 13) {
    await socket.recvMany(received, { timeoutMs: 10_000 });
    for (const { data } of received) parts.push(data.slice());
  }
  assert.deepEqual(
    parts.map((it) => it.length),
    [...Array(12).fill(321), 4100 - 12 * 321],
  );
  assert.deepEqual(new Uint8Array(Buffer.concat(parts)), whole);
  const { stdout, stderr } = await server.ended;
  assert.deepEqual([stdout.toString().split("\n").slice(1), stderr], [["4100 [500]", ""], ""]);
});
