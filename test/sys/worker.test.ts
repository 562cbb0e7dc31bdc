/** Workers: each thread has a reactor of its own, and gives its fds back to the process when it ends. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, readlinkSync } from "node:fs";
import { describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import { AF_UNIX } from "../../src/sys/constants.ts";
import * as C from "../../src/sys/index.ts";
import { moduleUrl, runNode } from "./_child.ts";

/** Every worker's first lines: the modules, and a Source that passes bytes on. */
const PRELUDE = `
const TSX = ${JSON.stringify(import.meta.resolve("tsx/esm/api"))};
const { parentPort, workerData } = require("node:worker_threads");
const load = async () => {
  (await import(TSX)).register(); // "--import tsx" does nothing in a worker
  const C = await import(${moduleUrl("src/sys/index.ts")});
  const { unixPair, unixPairs } = await import(${moduleUrl("test/sys/_sockets.ts")});
  const read = (source) => source.run("read", "recv", source, () => {
    const byte = new Uint8Array(1);
    const count = C.recv(source.fd, byte, 0);
    return count === -C.errno.EAGAIN ? C.WOULD_BLOCK : byte[0];
  });
  const write = (source, byte) => C.check(C.send(source.fd, Uint8Array.of(byte), C.MSG_NOSIGNAL), "send");
  return { C, unixPair, unixPairs, read, write };
};
`;

function startWorker(code: string, data?: unknown): Worker {
  return new Worker(
    `${PRELUDE}\nload().then(async ({ C, unixPair, unixPairs, read, write }) => {\n${code}\n});`,
    {
      eval: true,
      execArgv: ["--import", "tsx"],
      workerData: data,
    },
  );
}

/** The next message of a worker; its error, if it has one. */
async function message(worker: Worker): Promise<unknown> {
  return (await once(worker, "message"))[0];
}

/** How many sockets and epoll instances this process has open; workers' are among them. */
function openKinds(): Record<string, number> {
  const kinds: Record<string, number> = { socket: 0, eventpoll: 0 };
  for (const fd of readdirSync("/proc/self/fd")) {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      if (target.startsWith("socket:")) kinds.socket = (kinds.socket ?? 0) + 1;
      if (target === "anon_inode:[eventpoll]") kinds.eventpoll = (kinds.eventpoll ?? 0) + 1;
    } catch {
      // readdir's own fd
    }
  }
  return kinds;
}

/** 50 pairs that pass bytes to and fro, all at once. */
const PING_PONG = `
const sources = unixPairs(50).map((pair) => pair.map((fd) => new C.Source(fd, "TestSocket")));
const sums = await Promise.all(sources.map(async ([a, b], i) => {
  let sum = 0;
  for (let round = 0; round < 40; round++) {
    write(a, (i + round + workerData) % 256);
    write(b, await read(b));
    sum += await read(a);
  }
  return sum;
}));
for (const source of sources.flat()) source.close();
parentPort.postMessage(sums);
`;

const expectedSums = (start: number): number[] =>
  Array.from({ length: 50 }, (_, i) =>
    Array.from({ length: 40 }, (_, round) => (i + round + start) % 256).reduce(
      (sum, value) => sum + value,
      0,
    ),
  );

test("three workers and the main thread run reactors of their own at the same time", async () => {
  const workers = [1, 2, 3].map((start) => startWorker(PING_PONG, start));
  const exits = workers.map((worker) => once(worker, "exit"));
  const results = await Promise.all(workers.map(message));
  assert.deepEqual(results, [1, 2, 3].map(expectedSums));
  assert.deepEqual(await Promise.all(exits), [[0], [0], [0]], "each ends by itself");
});

test("a call that waits keeps a worker alive, and an idle socket does not", async () => {
  const worker = startWorker(`
    const sources = unixPair().map((fd) => new C.Source(fd, "TestSocket"));
    parentPort.once("message", () => write(sources[1], 5));
    parentPort.unref();
    const pending = read(sources[0]);
    parentPort.postMessage("waiting");
    parentPort.postMessage(await pending);
  `);
  const exit = once(worker, "exit");
  assert.equal(await message(worker), "waiting");
  const next = message(worker);
  worker.postMessage("go");
  assert.equal(await next, 5);
  assert.deepEqual(await exit, [0]);
});

const WAITING = `
globalThis.sources = unixPairs(20).flat().map((fd) => new C.Source(fd, "TestSocket"));
globalThis.reads = globalThis.sources.map(read);
parentPort.on("message", () => undefined);
parentPort.postMessage("waiting");
`;

const ENDS: readonly (readonly [name: string, code: string, end: (worker: Worker) => unknown])[] = [
  ["terminate() while calls wait", WAITING, (worker) => worker.terminate()],
  [
    "terminate() in a loop that never ends",
    `${WAITING} setImmediate(() => { for (;;); });`,
    (worker) => worker.terminate(),
  ],
  [
    "process.exit()",
    `${WAITING} parentPort.once("message", () => process.exit(0));`,
    (worker) => worker.postMessage(0),
  ],
  [
    "its own end with sockets left open",
    `globalThis.sources = unixPairs(20).flat().map((fd) => new C.Source(fd, "TestSocket"));
     read(globalThis.sources[0]); write(globalThis.sources[1], 1);
     parentPort.once("message", () => undefined);
     parentPort.postMessage("waiting");`,
    (worker) => worker.postMessage(0),
  ],
];

for (const [name, code, end] of ENDS) {
  test(`a worker's fds are closed after ${name}`, async () => {
    const before = openKinds();
    const worker = startWorker(code);
    const exit = once(worker, "exit");
    await message(worker);
    assert.ok((openKinds().socket ?? 0) >= (before.socket ?? 0) + 40);
    await end(worker);
    await exit;
    assert.deepEqual(openKinds(), before);
  });
}

test("an fd that a worker has closed itself is not closed again at its end, when it is another's", async () => {
  const worker = startWorker(`
    const [fd, peer] = unixPair();
    const source = new C.Source(fd, "TestSocket");
    const pending = read(source).catch((error) => error.code);
    source.close();
    parentPort.on("message", () => undefined);
    parentPort.postMessage([fd, peer, await pending]);
  `);
  const exit = once(worker, "exit");
  const [number, peer, code] = (await message(worker)) as [number, number, string];
  assert.equal(code, "ECANCELED");
  // The fds of a process are those of all its threads: the number is free for this one now.
  const lower: number[] = [];
  let fd = C.socket(AF_UNIX, C.SOCK_STREAM | C.SOCK_CLOEXEC, 0);
  for (; fd < number; fd = C.socket(AF_UNIX, C.SOCK_STREAM | C.SOCK_CLOEXEC, 0)) lower.push(fd);
  assert.equal(fd, number);
  await worker.terminate();
  await exit;
  assert.ok(C.getsockname(fd) instanceof Uint8Array, "it is still open");
  for (const each of [...lower, fd, peer]) C.close(each);
});

test("errno is each thread's own", async () => {
  const code = `
    const wrong = [];
    for (let i = 0; i < 20000; i++) {
      const got = C.recv(2 ** 31 - 1, new Uint8Array(1), 0);
      if (got !== -C.errno.EBADF) wrong.push(got);
    }
    parentPort.postMessage(wrong);`;
  const worker = startWorker(code);
  const exit = once(worker, "exit");
  let done = false;
  const wrong = message(worker).then((value) => {
    done = true;
    return value;
  });
  const fd = C.socket(C.AF_INET, C.SOCK_STREAM | C.SOCK_CLOEXEC, 0);
  while (!done) {
    for (let i = 0; i < 1000; i++) assert.equal(C.getpeername(fd), -C.errno.ENOTCONN);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.deepEqual(await wrong, []);
  await exit;
  C.close(fd);
});

test("many short workers, one after the other, leave nothing behind", async () => {
  const before = openKinds();
  for (let i = 0; i < 5; i++) {
    const worker = startWorker(WAITING);
    await message(worker);
    await worker.terminate();
  }
  assert.deepEqual(openKinds(), before);
});

// The end of a worker while its sockets have events that it has not seen: in a process of its own, which has windsock
// in the worker alone, or on the main thread too.

const BUSY_ENDS: readonly (readonly [name: string, code: string])[] = [
  ["ends by itself", "parentPort.postMessage(0);"],
  ["calls process.exit()", "parentPort.postMessage(0); process.exit(0);"],
  ["is terminated in a loop", 'parentPort.postMessage("terminate"); for (;;);'],
  ["is terminated while it waits", 'sources.map(read); parentPort.postMessage("terminate");'],
  [
    "is terminated in the middle of its work",
    `const work = async (source) => { for (;;) { write(source, 1); await read(source); } };
     for (const source of sources) work(source);
     parentPort.postMessage("terminate");`,
  ],
];

describe("the end of a worker", { concurrency: 2 }, () => {
  for (const [where, imports] of [
    ["with windsock on both threads", `import ${moduleUrl("src/sys/index.ts")};`],
    ["with windsock in the worker alone", ""],
  ] as const) {
    test(`however a worker ends with events due, the process lives on, ${where}`, async () => {
      const scripts = BUSY_ENDS.map(([name, code]) => [
        name,
        `${PRELUDE}load().then(async ({ C, unixPairs, read, write }) => {
        const sources = unixPairs(20).flat().map((fd) => new C.Source(fd, "TestSocket"));
        globalThis.sources = sources;
        const reads = sources.map(read);
        for (const source of sources) write(source, 1);
        await Promise.all(reads);
        for (const source of sources) write(source, 2);
        ${code}
      });`,
      ]);
      const { status, stdout, stderr } = await runNode(`${imports}
      import { Worker } from "node:worker_threads";
      for (const [name, script] of ${JSON.stringify(scripts)}) {
        const worker = new Worker(script, { eval: true, execArgv: [] });
        worker.once("message", (text) => { if (text === "terminate") worker.terminate(); });
        await new Promise((resolve) => worker.once("exit", resolve));
        console.log("it lived on after a worker that", name);
      }`);
      const expected = BUSY_ENDS.map(([name]) => `it lived on after a worker that ${name}`);
      assert.deepEqual([stdout.split("\n"), status], [expected, 0], stderr);
    });
  }
});
