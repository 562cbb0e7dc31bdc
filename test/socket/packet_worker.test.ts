/** Rings in worker threads: what ends with the worker, whatever it does at that moment, and no crash of the process. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { moduleUrl } from "../sys/_child.ts";
import { isolated, socketFds } from "./_helpers.ts";

/** Sends to itself on loopback and reads the ring, without end; says when it has seen some packets. */
const WORKER = `
const { parentPort } = require("node:worker_threads");
(async () => {
  (await import(${JSON.stringify(import.meta.resolve("tsx/esm/api"))})).register();
  const { PacketSocket, UdpSocket } = await import(${moduleUrl("src/index.ts")});
  const ring = { blockBytes: 16384, blockCount: 8, retireTimeoutMs: 1 };
  for (let i = 0; i < 5; i++) PacketSocket.open({ device: "lo", ring }).close(); // their memory is not collected yet
  const socket = PacketSocket.open({ device: "lo", promiscuous: true, ring });
  const udp = UdpSocket.bind("127.0.0.1:0");
  setInterval(() => {
    for (let i = 0; i < 50; i++) udp.trySendTo(new Uint8Array(1000), udp.localAddr);
  }, 1);
  let seen = 0;
  for await (const block of socket.ring) {
    for (const packet of block) seen += packet.data.length > 0 ? 1 : 0;
    if (seen > 200 && seen < 1e9) {
      seen = 1e9;
      parentPort.postMessage("running");
      if (ENDS) process.exit(0);
    }
  }
})();
`;

/** What this process has of packet sockets: mappings, fds, and the kernel's list, which is of this namespace. */
function left(): { maps: number; fds: number; sockets: number } {
  const lines = (path: string): string[] => readFileSync(path, "utf8").trim().split("\n");
  return {
    maps: lines("/proc/self/maps").filter((line) => line.includes("socket:")).length,
    fds: socketFds().length,
    sockets: lines("/proc/net/packet").length - 1,
  };
}

for (const [how, ends] of [
  ["terminated", false],
  ["that ends itself", true],
] as const) {
  isolated(
    import.meta.url,
    `a worker ${how} leaves nothing of its ring behind`,
    { netns: "ip link set lo up" },
    async () => {
      const { fds } = left(); // tsx has some
      for (let i = 0; i < 3; i++) {
        const worker = new Worker(WORKER.replace("ENDS", String(ends)), { eval: true, execArgv: [] });
        const exit = once(worker, "exit");
        await once(worker, "message");
        if (!ends) {
          assert.deepEqual(left(), { maps: 1, fds: fds + 2, sockets: 1 });
          await worker.terminate();
        }
        await exit;
        assert.deepEqual(left(), { maps: 0, fds, sockets: 0 });
      }
    },
  );
}

isolated(
  import.meta.url,
  "process.exit while a worker reads its ring is no crash",
  { netns: "ip link set lo up" },
  async () => {
    const worker = new Worker(WORKER.replace("ENDS", "false"), { eval: true, execArgv: [] });
    await once(worker, "message");
    setImmediate(() => process.exit(0));
  },
);
