/** Ten thousand connections at once, and a hundred thousand one after the other. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { TcpListener, type TcpStream } from "../../src/index.ts";
import { Program, ROOT } from "../cli/_cli.ts";

const MANY = 10_000;
const MIB = 1024 * 1024;
/** Node raises its own limit to the hard one. */
const files = spawnSync("bash", ["-c", "ulimit -Hn"], { encoding: "utf8" }).stdout.trim();
const tooFew =
  files !== "unlimited" &&
  Number(files) < MANY + 500 &&
  `the hard limit of open files is ${files} (ulimit -Hn)`;

const script = (name: string): string => join(ROOT, "test/interop", name);

test(`${MANY} connections are open at once, and each is answered with what it said`, {
  skip: tooFew,
}, async () => {
  using listener = TcpListener.bind("127.0.0.1:0");
  const peers: TcpStream[] = [];
  const served: Promise<void>[] = [];
  const echo = async (peer: TcpStream): Promise<void> => {
    const buffer = new Uint8Array(16);
    for (let count = await peer.read(buffer); count > 0; count = await peer.read(buffer))
      await peer.writeAll(buffer.subarray(0, count));
    peer.close();
  };
  const accepting = (async () => {
    for await (const peer of listener) {
      peers.push(peer);
      served.push(echo(peer));
    }
  })();

  const port = String(listener.localAddr.port);
  const args = ["--import", "tsx", script("_load_client.ts"), port, String(MANY)];
  using client = new Program(process.execPath, args, { input: "open", limitMs: 120_000 });
  const [, open, fds] = /open (\d+) fds (\d+)/.exec((await client.printed(1)).toString()) ?? [];
  assert.equal(Number(open), MANY);
  assert.ok(Number(fds) >= MANY, `${fds} fds`);
  while (peers.length < MANY) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(readdirSync("/proc/self/fd").length >= MANY);
  const froms = new Set(peers.map((peer) => peer.peerAddr.toString()));
  assert.equal(froms.size, MANY, "each from an address and port of its own");

  client.stdin.end("go\n");
  const { code, stdout, stderr } = await client.ended;
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout.toString(), new RegExp(`answered ${MANY} wrong 0\n`));
  await Promise.all(served);
  listener.close();
  await accepting;
  assert.ok(peers.every((peer) => peer.bytesRead === 4 && peer.bytesWritten === 4));
  assert.ok(readdirSync("/proc/self/fd").length < 200, "all are closed again");
});

test("the 100 000th connection finds no more fds and no more memory in use than the 10 000th", async () => {
  // V8 of Node 22 and 24 would let its young generation grow by 120 MB on the way, and then no more: measured to 300 000.
  const flags = ["--expose-gc", "--max-semi-space-size=1"];
  const args = [...flags, "--import", "tsx", script("_churn.ts"), "10000", "100000"];
  using churn = new Program(process.execPath, args, { limitMs: 180_000 });
  const { code, stdout, stderr } = await churn.ended;
  assert.deepEqual([code, stderr], [0, ""]);
  const told = stdout.toString();
  const samples = told
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { fds: number; rss: number; heap: number; external: number });
  assert.equal(samples.length, 10);
  const [before, after] = [samples.at(0), samples.at(-1)] as [(typeof samples)[0], (typeof samples)[0]];
  assert.equal(after.fds, before.fds, told);
  // 90 000 connections that left 100 bytes each would be 9 MB of heap.
  assert.ok(after.heap - before.heap < 2 * MIB, told);
  assert.ok(after.external - before.external < 2 * MIB, told);
  // A leak outside of the heap makes every step larger. Threads of V8's that compile make a single one larger, once.
  const steps = samples.slice(1).map(({ rss }, i) => rss - (samples[i] as (typeof samples)[0]).rss);
  const median = steps.sort((a, b) => a - b)[Math.floor(steps.length / 2)] as number;
  assert.ok(median * steps.length < 16 * MIB, told);
});
