/**
 * An echo server of several processes that share a port (SO_REUSEPORT): the kernel spreads the connections over them.
 * `echo-server-workers.ts [ADDRESS:PORT] [WORKERS]`
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { TcpListener, type TcpStream } from "windsock";

const [address = "127.0.0.1:7777", workers = availableParallelism()] = process.argv.slice(2);

/** One process: one event loop, any number of connections. */
async function work(): Promise<void> {
  using listener = TcpListener.bind(address, { reusePort: true });
  process.send?.(listener.localAddr.toString());
  process.once("disconnect", () => process.exit()); // the first process has gone
  for await (const peer of listener) echo(peer).catch((error) => console.error(error.message));
}

async function echo(peer: TcpStream): Promise<void> {
  using _ = peer;
  const buffer = new Uint8Array(16 * 1024);
  for (let count = await peer.read(buffer); count > 0; count = await peer.read(buffer)) {
    await peer.writeAll(buffer.subarray(0, count));
  }
}

/** The first worker's port is that of all: 0 lets the kernel choose it. */
async function start(): Promise<void> {
  let shared = address;
  for (let i = 1; i <= Number(workers); i++) {
    const worker = fork(import.meta.filename, [shared]);
    [shared] = await once(worker, "message");
    console.log(`worker ${i} on ${shared}`);
  }
}

await (process.send === undefined ? start() : work());
