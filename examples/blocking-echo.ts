/** An echo server that blocks, in a worker: one peer after the other, while the main thread stays free. `blocking-echo.ts [ADDRESS:PORT]` */
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { SysError, TcpListener, type TcpStream, TimeoutError } from "windsock/blocking";

/** Who says nothing for so long gives way to the next one. */
const PATIENCE = { timeoutMs: 30_000 };

function echo(peer: TcpStream): void {
  using _ = peer;
  const buffer = new Uint8Array(16 * 1024);
  try {
    for (let count = peer.read(buffer, PATIENCE); count > 0; count = peer.read(buffer, PATIENCE)) {
      peer.writeAll(buffer.subarray(0, count), PATIENCE);
    }
  } catch (error) {
    if (!(error instanceof SysError || error instanceof TimeoutError)) throw error;
    console.error(`${peer.peerAddr}: ${error.message}`); // the peer's business, not the server's end
  }
}

/** In the worker: nothing but blocking calls. Its event loop never turns again. */
function serve(address: string): void {
  using listener = TcpListener.bind(address);
  parentPort?.postMessage(listener.localAddr.toString());
  for (const peer of listener) echo(peer);
}

/** On the main thread: timers, signals and promises work as ever. */
function main(): void {
  // Node 20 has no TypeScript in workers but by tsx; a program that is built says `new Worker(new URL(import.meta.url))`.
  const here = JSON.stringify(import.meta.url);
  const script = `import("tsx/esm/api").then(({ tsImport }) => tsImport(${here}, ${here}))`;
  const worker = new Worker(script, { eval: true, workerData: process.argv[2] ?? "127.0.0.1:7777" });
  worker.once("message", (address) => console.log(`echo on ${address}`));
  process.once("SIGTERM", async () => {
    await worker.terminate(); // though it is blocked in accept or read
    console.log("ended");
  });
}

if (isMainThread) main();
else serve(workerData);
