/** Every program of examples/ is run, with a real peer; one without a case here fails. */
import assert from "node:assert/strict";
import { createSocket as createDgram, type RemoteInfo } from "node:dgram";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { freePort, Program, ROOT } from "./cli/_cli.ts";
import { pattern } from "./socket/_helpers.ts";

/** As the README runs them: from the sources, against the built package. */
const example = (name: string, ...args: string[]): Program =>
  new Program(process.execPath, ["--import", "tsx", join("examples", name), ...args]);

/** The same, with standard input left open. */
const exampleWithInput = (name: string, ...args: string[]): Program =>
  new Program(process.execPath, ["--import", "tsx", join("examples", name), ...args], { input: "open" });

/** A UDP peer of Node's own, which hears and answers when it is told to. */
function createSocket(): Disposable & {
  readonly port: Promise<number>;
  heard(count: number): Promise<void>;
  answer(text: string): void;
} {
  const socket = createDgram("udp4");
  const peers: RemoteInfo[] = [];
  socket.on("message", (_data, peer) => peers.push(peer));
  socket.bind(0, "127.0.0.1");
  return {
    port: once(socket, "listening").then(() => socket.address().port),
    async heard(count) {
      while (peers.length < count) await once(socket, "message");
    },
    answer(text) {
      const { port, address } = peers.at(-1) as RemoteInfo;
      socket.send(text, port, address);
    },
    [Symbol.dispose]() {
      socket.close();
    },
  };
}

const CASES: Readonly<Record<string, () => Promise<void>>> = {
  async "simple-client.ts"() {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    using client = example(
      "simple-client.ts",
      `127.0.0.1:${(server.address() as AddressInfo).port}`,
      "grüß dich",
    );
    const [socket] = await once(server, "connection");
    const [heard] = await once(socket, "data");
    assert.equal(heard.toString(), "grüß dich");
    socket.write("und ich dich");
    const { code, stdout, stderr } = await client.ended;
    server.close();
    socket.destroy();
    assert.deepEqual([code, stdout.toString(), stderr], [0, "und ich dich\n", ""]);
  },

  async "echo-server.ts"() {
    using server = example("echo-server.ts", "127.0.0.1:0");
    const first = (await server.printed("echo on 127.0.0.1:1\n".length)).toString();
    const port = Number(/^echo on 127\.0\.0\.1:(\d+)\n$/.exec(first)?.[1]);
    const talk = async (seed: number): Promise<void> => {
      const question = pattern(300_000 + seed, seed);
      const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
      const chunks: Buffer[] = [];
      socket.on("data", (chunk) => chunks.push(chunk));
      socket.end(question);
      await once(socket, "end");
      assert.deepEqual(new Uint8Array(Buffer.concat(chunks)), question);
    };
    await Promise.all([1, 2, 3, 4, 5].map(talk));
    // A peer that resets its connection is not the server's end.
    const rude = connect({ port, host: "127.0.0.1" });
    rude.write("x");
    await once(rude, "data");
    rude.resetAndDestroy();
    await server.saysOnStderr(/ECONNRESET.*\n/);
    await talk(6);
  },

  async "echo-server-workers.ts"() {
    using server = example("echo-server-workers.ts", "127.0.0.1:0", "2");
    const lines = await server.printedMatch(/^worker 2 on .*\n/m);
    const port = Number(/:(\d+)\n/.exec(lines)?.[1]);
    for (let i = 0; i < 20; i++) {
      const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
      const question = pattern(1000 + i, i);
      const chunks: Buffer[] = [];
      socket.on("data", (chunk) => chunks.push(chunk));
      socket.end(question);
      await once(socket, "end");
      assert.deepEqual(new Uint8Array(Buffer.concat(chunks)), question);
    }
  },

  async "send-much.ts"() {
    const { code, stdout, stderr } = await example("send-much.ts").ended;
    assert.deepEqual([code, stderr], [0, ""]);
    const text = stdout.toString();
    const all = (line: RegExp): number[] => [...text.matchAll(line)].map((match) => Number(match[1]));
    const taken = all(/has taken +(\d+)/g);
    const queued = all(/send buffer +(\d+)/g);
    const received = all(/receive buffer +(\d+)/g);
    const read = all(/has read +(\d+)/g);
    assert.equal(taken.length, 3);
    for (const [i, bytes] of taken.entries()) {
      // Every byte is in one place; what is on its way counts at both ends.
      const sum = (queued[i] as number) + (received[i] as number) + (read[i] as number);
      assert.ok(sum >= bytes, text);
    }
    assert.equal(read[0], 0);
    assert.ok((taken[2] as number) > (taken[1] as number), text);
  },

  async "struct-layout.ts"() {
    const { code, stdout, stderr } = await example("struct-layout.ts").ended;
    assert.deepEqual([code, stderr], [0, ""]);
    const text = stdout.toString();
    assert.match(text, /^MyData, natural: 8 bytes, aligned to 4\n(.*\n){3} {2}1 byte\(s\) of padding at 1$/m);
    assert.match(text, /^MyData, packed: 7 bytes, aligned to 1\n(.*\n){2} {2}i32 p3: 4 byte\(s\) at 3$/m);
    assert.match(text, /^0+ {2}01 00 02 00 03 00 00 00 /m);
  },

  async "tcp-header.ts"() {
    const { code, stdout, stderr } = await example("tcp-header.ts", "5000", "443").ended;
    assert.deepEqual([code, stderr], [0, ""]);
    const text = stdout.toString();
    // RFC 9293 §3.1: five words, then SYN and ACK as the second and the fifth bit from the right.
    assert.match(text, /^0+ {2}13 88 01 bb 00 00 03 e8 {2}00 00 07 d0 50 12 10 00 .*\n0+10 {2}ab cd 00 00 /);
    assert.match(text, /^TCP 5000 > 443, Flags \[S\.\], seq 1000, ack 2000, win 4096, length 0$/m);
    assert.match(text, /^ {2}Flags: 0x012 \(SYN, ACK\)$/m);
    assert.match(text, /^The struct makes the same bytes\.$/m);
    assert.match(text, /dataOffset: 5,.* urg: 0,\s+ack: 1,\s+psh: 0,\s+rst: 0,\s+syn: 1,\s+fin: 0,/s);
  },

  async "udp-server.ts"() {
    using server = example("udp-server.ts", "127.0.0.1:0");
    const first = await server.printedMatch(/\n/);
    const port = /:(\d+)\n/.exec(first)?.[1];
    for (const text of ["grüß dich", "again"]) {
      const { code, stdout } = await example("udp-client.ts", `127.0.0.1:${port}`, text).ended;
      assert.deepEqual([code, stdout.toString()], [0, `${text.toUpperCase()}\n`]);
    }
  },

  async "udp-client.ts"() {
    using silent = createSocket();
    const port = await silent.port;
    using client = example("udp-client.ts", `127.0.0.1:${port}`, "hello");
    await silent.heard(2); // it asks again
    silent.answer("at last");
    const { code, stdout, stderr } = await client.ended;
    assert.deepEqual([code, stdout.toString()], [0, "at last\n"]);
    assert.match(stderr, /asking again \(1\)/);
  },

  async "multicast-chat.ts"() {
    const at = `239.255.77.77:${await freePort()}`;
    using anna = exampleWithInput("multicast-chat.ts", "anna", at, "lo");
    using ben = exampleWithInput("multicast-chat.ts", "ben", at, "lo");
    await Promise.all([anna.printedMatch(/in .*\n/), ben.printedMatch(/in .*\n/)]);
    anna.stdin.write("hello, everybody\n");
    await Promise.all([anna, ben].map((one) => one.printedMatch(/^anna: hello, everybody\n/m)));
    anna.stdin.end();
    ben.stdin.end();
    assert.deepEqual([(await anna.ended).code, (await ben.ended).code], [0, 0]);
  },

  async "broadcast-discovery.ts"() {
    const at = "127.255.255.255"; // the broadcast address of the loopback network
    const port = await freePort();
    using anna = example("broadcast-discovery.ts", "serve", "anna", `0.0.0.0:${port}`);
    using ben = example("broadcast-discovery.ts", "serve", "ben", `0.0.0.0:${port}`);
    await Promise.all([anna, ben].map((one) => one.printedMatch(/ on .*\n/)));
    const { code, stdout } = await example("broadcast-discovery.ts", "find", `${at}:${port}`).ended;
    assert.equal(code, 0);
    assert.deepEqual(
      stdout
        .toString()
        .replace(/ at .*/g, "")
        .trim()
        .split("\n")
        .sort(),
      ["anna", "ben"],
    );
  },
};

/** Run by the tests of what they show. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "blocking-echo.ts": "blocking",
  "filter-program.ts": "filter",
  "http-over-windsock.ts": "interop",
  "pass-connection.ts": "socket",
  "packet-watch.ts": "socket",
  "ping-hosts.ts": "probe",
  "raw-ping.ts": "socket",
  "trace-route.ts": "probe",
  "watch-addresses.ts": "netlink",
  "which-route.ts": "netlink",
  "who-is-connected.ts": "netlink",
  "why-it-waits.ts": "observe",
};

for (const [name, folder] of Object.entries(ELSEWHERE)) {
  test(`examples/${name} is run by a test in test/${folder}/`, () => {
    const files = readdirSync(join(ROOT, "test", folder)).filter((file) => file.endsWith(".test.ts"));
    const runs = files.some((file) => readFileSync(join(ROOT, "test", folder, file), "utf8").includes(name));
    assert.ok(runs, `no test in test/${folder}/ names ${name}`);
  });
}

for (const name of readdirSync(join(ROOT, "examples")).filter(
  (file) => /\.[cm]?[jt]s$/.test(file) && !(file in ELSEWHERE),
)) {
  test(`examples/${name}`, async () => {
    const run = CASES[name];
    assert.ok(run, `examples/${name} has no case in ${import.meta.filename ?? "test/examples.test.ts"}`);
    await run();
  });
}
