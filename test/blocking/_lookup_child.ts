/** A child of lookup.test.ts: one scenario each, in a namespace whose name server takes every question and answers none. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { resolve, TcpStream, UdpSocket } from "../../src/blocking/index.ts";
import { exitNow } from "../../src/sys/index.ts";
import { fdCount } from "../_fds.ts";

const report = (line: unknown): void => console.log(JSON.stringify(line));

/** What a call throws, in short. */
function failure(call: () => unknown): string {
  try {
    call();
    return "nothing";
  } catch (error) {
    const { name, code, message } = error as Error & { code?: string };
    return `${name} ${code}: ${message}`;
  }
}

const server = UdpSocket.bind("127.0.0.1:53");

const SCENARIOS: Readonly<Record<string, () => unknown>> = {
  /** Its answer would come after 1 s, as EAI_AGAIN; the process lives on meanwhile, and cleans up later. */
  timeout() {
    resolve("localhost");
    const before = fdCount();
    report(["connect", failure(() => TcpStream.connect("a.test:80", { timeoutMs: 150 }))]);
    report(["resolve", failure(() => resolve("b.test", 80, { timeoutMs: 0 }))]);
    report(["asked", server.recv({ timeoutMs: 10_000 }).lengthBytes > 12]);
    report(["local", resolve("localhost", 80, { family: "ipv4" }).map(String)]);
    report(["waited", failure(() => resolve("c.test", 80)).slice(0, 22)]);
    resolve("localhost");
    report(["open", fdCount() - before]);
  },

  /** The name server would be waited for for 30 s, longer than this child lives. */
  async terminate() {
    const code = `
      const { workerData } = require("node:worker_threads");
      (async () => {
        (await import(workerData.tsx)).register();
        (await import(workerData.blocking)).resolve("d.test", 80);
      })();`;
    const blocking = new URL("../../src/blocking/index.ts", import.meta.url).href;
    const workerData = { tsx: import.meta.resolve("tsx/esm/api"), blocking };
    const worker = new Worker(code, { eval: true, workerData });
    const exit = once(worker, "exit");
    report(["asked", server.recv({ timeoutMs: 10_000 }).lengthBytes > 12]);
    await worker.terminate();
    report(["ended", await exit]);
    exitNow(0); // Node itself would wait for libuv's pool
  },
};

await SCENARIOS[process.argv[2] ?? ""]?.();
server.close();
