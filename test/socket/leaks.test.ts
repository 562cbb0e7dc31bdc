/** Leaks: fds after thousands of connects of every outcome, and the fds of worker threads that end or are ended. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import {
  ConnectError,
  type SocketAddr,
  SysError,
  TcpListener,
  TcpStream,
  TimeoutError,
} from "../../src/index.ts";
import { fdCount } from "../_fds.ts";
import {
  closedPort,
  fullListener,
  isolated,
  pair,
  random,
  sysError,
  test,
  turn,
  turns,
  until,
  utf8,
} from "./_helpers.ts";

test("10 000 connects that succeed, fail, time out or are cancelled leave no fd open", async () => {
  const below = random(10_000);
  using listener = TcpListener.bind("127.0.0.1:0");
  using closed = closedPort();
  using full = await fullListener();
  const serving = (async () => {
    for await (const stream of listener) stream.close();
  })();
  const outcomes = new Map<string, number>();
  const several = (): SocketAddr[] =>
    Array.from({ length: 1 + below(3) }, () => (below(2) ? closed.address : listener.localAddr));
  const one = async (): Promise<void> => {
    const stop = new AbortController();
    const kind = below(8);
    const target =
      kind < 3
        ? listener.localAddr
        : kind === 3
          ? closed.address
          : kind === 4
            ? full.address
            : "some.example:80";
    const addresses = [...(below(4) ? [] : [full.address]), ...several()];
    const hangs = kind === 4 || addresses[0] === full.address;
    const connecting = TcpStream.connect(target, {
      resolver: { resolve: async () => addresses },
      attemptDelayMs: below(3),
      signal: stop.signal,
      ...(hangs || below(4) === 0 ? { timeoutMs: 1 + below(20) } : {}),
    });
    if (below(3) === 0) void turns(below(3)).then(() => stop.abort(new Error("enough")));
    let outcome: string;
    try {
      const stream = await connecting;
      if (below(2) === 0) await stream.write(utf8("x"), { signal: stop.signal }).catch(() => undefined);
      stream.close();
      if (below(50) === 0) await assert.rejects(stream.write(utf8("x")), sysError("EBADF"));
      outcome = "connected";
    } catch (error) {
      if (error === stop.signal.reason) outcome = "cancelled";
      else if (error instanceof TimeoutError) outcome = "timed out";
      else if (error instanceof ConnectError) outcome = "all failed";
      else if (error instanceof SysError && error.code === "ECONNREFUSED") outcome = "refused";
      else throw error;
    }
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  };
  for (let i = 0; i < 50; i++) await one(); // whatever is opened once is open now
  await turns(10);
  const before = fdCount();
  for (let round = 0; round < 100; round++) await Promise.all(Array.from({ length: 100 }, one));
  await until(() => fdCount() <= before); // what the listener still has to close
  assert.equal(fdCount(), before);
  const all = ["connected", "cancelled", "timed out", "all failed", "refused"];
  for (const outcome of all) {
    assert.ok((outcomes.get(outcome) ?? 0) > 100, JSON.stringify([...outcomes]));
  }
  listener.close();
  await serving;
});

/** Opens sockets in a worker, tells how many, and then does as the main thread says. */
const WORKER = `
const { parentPort, workerData } = require("node:worker_threads");
(async () => {
  const { tsImport } = await import(workerData.tsx);
  const { TcpListener, TcpStream } = await tsImport(workerData.windsock, workerData.windsock);
  const listener = TcpListener.bind("127.0.0.1:0");
  const streams = [];
  for (let i = 0; i < 10; i++) {
    const client = await TcpStream.connect(listener.localAddr);
    const server = await listener.accept();
    await server.writeAll(new TextEncoder().encode("from " + i));
    server.shutdown("write");
    if (await client.readText() !== "from " + i) throw new Error("wrong text");
    streams.push(client, server);
  }
  const idle = [await TcpStream.connect(listener.localAddr), await listener.accept()];
  idle[0].read(new Uint8Array(8)).catch(() => undefined);
  await new Promise((resolve) => setImmediate(resolve));
  if (workerData.mode === "ready") idle[1].tryWrite(new Uint8Array(1)); // readiness that is never looked at
  parentPort.postMessage(streams.length + idle.length + 1);
  if (workerData.mode === "end") {
    for (const stream of [...streams, ...idle]) stream.close();
    listener.close();
  } else if (workerData.mode === "ready") for (;;);
  else if (workerData.mode === "exit") process.exit(0);
  else await listener.accept();
})();
`;

type Mode = "end" | "exit" | "terminate" | "ready";

/** Runs the worker to its end. Gives how many sockets it said that it had. */
async function runWorker(mode: Mode): Promise<number> {
  const workerData = {
    mode,
    tsx: import.meta.resolve("tsx/esm/api"),
    windsock: new URL("../../src/index.ts", import.meta.url).href,
  };
  const worker = new Worker(WORKER, { eval: true, workerData, name: fileURLToPath(import.meta.url) });
  const exited = once(worker, "exit");
  const [count] = (await once(worker, "message")) as [number];
  if (mode === "terminate" || mode === "ready") await worker.terminate();
  const [code] = await exited;
  if (mode === "end" || mode === "exit") assert.equal(code, 0);
  return count;
}

const ENDINGS: Readonly<Record<string, readonly Mode[]>> = {
  "end by themselves, with their sockets closed or open": ["end", "exit"],
  "are terminated while calls wait": ["terminate", "terminate"],
  "are terminated with readiness that they never looked at": ["ready", "ready", "ready"],
};
for (const [how, modes] of Object.entries(ENDINGS)) {
  isolated(
    import.meta.url,
    `worker threads that ${how} leave no fd, and the process lives on`,
    {},
    async () => {
      using link = await pair(); // the main thread has sockets of its own
      const waiting = link.client.read(new Uint8Array(4));
      await turn();
      await runWorker("end"); // whatever is opened once is open now
      const before = fdCount();
      for (const mode of modes) assert.equal(await runWorker(mode), 23);
      await until(() => fdCount() <= before);
      assert.equal(fdCount(), before);
      await link.server.write(utf8("ok"));
      assert.equal(await waiting, 2, "the main thread's sockets are its own");
    },
  );
}

isolated(import.meta.url, "four workers and the main thread use sockets at once", {}, async () => {
  const workers = Array.from({ length: 4 }, () => runWorker("end"));
  for (let i = 0; i < 100; i++) {
    using link = await pair();
    await link.server.write(utf8("main"));
    await link.client.readExact(new Uint8Array(4));
  }
  assert.deepEqual(await Promise.all(workers), [23, 23, 23, 23]);
});
