/**
 * The process of load.test.ts that connects to itself again and again: `_churn.ts STEP LAST`. It prints fds and memory
 * after every STEP connections. Needs --expose-gc.
 */
import { readdirSync } from "node:fs";
import { SO, TcpListener, TcpStream } from "../../src/index.ts";

const [step, last] = process.argv.slice(2).map(Number) as [number, number];
using listener = TcpListener.bind("127.0.0.1:0");
const target = listener.localAddr;
// Closing resets the connection, so that its port does not stay in TIME_WAIT.
const options = { options: [SO.LINGER.to(0)] };

function sample(): { fds: number; rss: number; heap: number; external: number } {
  for (let i = 0; i < 3; i++) globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { fds: readdirSync("/proc/self/fd").length, rss, heap: heapUsed, external };
}

for (let i = 1; i <= last; i++) {
  const [client, server] = await Promise.all([TcpStream.connect(target, options), listener.accept()]);
  client.close();
  server.close();
  if (i % step === 0) {
    await new Promise((resolve) => setImmediate(resolve));
    console.log(JSON.stringify(sample()));
  }
}
