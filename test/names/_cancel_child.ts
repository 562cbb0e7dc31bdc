/** A child of cancel.test.ts: one scenario each, in a namespace whose name server hears every question and answers none. */
import { createSocket } from "node:dgram";
import { Worker } from "node:worker_threads";
import { SocketAddr } from "../../src/ip/index.ts";
import { getaddrinfo, getnameinfo, resolve } from "../../src/names/index.ts";
import { exitNow, resolverCallsRunning } from "../../src/sys/index.ts";

const report = (line: unknown): void => console.log(JSON.stringify(line));
const nameOf = (error: unknown): string => (error instanceof Error ? error.name : String(error));

/** Settles as the promise does, as text; with how many calls are on the pool at that time. */
const ended = (pending: Promise<unknown>): Promise<readonly [how: string, running: number]> =>
  pending.then(
    () => ["resolved", resolverCallsRunning()] as const,
    (error) => [(error as { code?: string }).code ?? nameOf(error), resolverCallsRunning()] as const,
  );

/** Waits until no call is on the pool. */
async function idle(): Promise<void> {
  while (resolverCallsRunning() > 0) await new Promise((resolve) => setTimeout(resolve, 5));
}

const SCENARIOS: Readonly<Record<string, () => Promise<unknown>>> = {
  /** Both ways to cancel, and both calls; the C call is still running when they reject. */
  async cancel() {
    const controller = new AbortController();
    const pending = ended(resolve("a.test", 80, { signal: controller.signal }));
    controller.abort("changed my mind");
    report(["signal", await pending]);
    report(["timeout", await ended(getaddrinfo("b.test", 80, {}, { timeoutMs: 1 }))]);
    await idle();
    const address = SocketAddr.parse("192.0.2.77:80");
    report(["getnameinfo", await ended(getnameinfo(address, { nameRequired: true }, { timeoutMs: 1 }))]);
    await idle();
    report(["uncancelled", await ended(resolve("c.test", 80))]);
  },

  /** More than the pool takes: those that wait in our queue are taken back, and never reach C. */
  async queue() {
    let heard = 0;
    server.on("message", () => heard++);
    const controller = new AbortController();
    const stuck = [0, 1].map((i) => ended(resolve(`stuck${i}.test`, 80)));
    const queued = Array.from({ length: 20 }, (_, i) =>
      ended(resolve(`queued${i}.test`, 80, { signal: controller.signal })),
    );
    const local = ended(resolve("localhost", 80, {}));
    report(["running", resolverCallsRunning()]);
    controller.abort("all of them");
    report(["queued", [...new Set((await Promise.all(queued)).map(String))]]);
    report(["stuck", (await Promise.all(stuck)).map(([how]) => how)]);
    report(["local", (await local)[0]]);
    await idle();
    report(["asked", [...new Set(names)].sort().filter((name) => !name.startsWith("stuck"))]);
    report(["heard", heard > 0]);
  },

  /** 300 at once: no throw, never more than half of the pool, all end. */
  async many() {
    let most = 0;
    const watch = (): number => {
      most = Math.max(most, resolverCallsRunning());
      return most;
    };
    const all = Array.from({ length: 300 }, (_, i) =>
      ended(resolve(i % 2 === 0 ? "localhost" : "many.test", i)).then((result) => {
        watch();
        return result;
      }),
    );
    watch();
    const results = await Promise.all(all);
    report(["ends", [...new Set(results.map(([how]) => how))]]);
    report(["most", most]);
    report(["left", resolverCallsRunning()]);
  },

  /** 300 that nobody answers, on a pool of the size that the environment says, and all cancelled. */
  async cancelMany() {
    const controller = new AbortController();
    const all = Array.from({ length: 300 }, (_, i) =>
      ended(getaddrinfo(`x${i}.test`, 80, {}, { signal: controller.signal })),
    );
    report(["running", resolverCallsRunning()]);
    process.on("warning", (warning) => report(["warning", warning.name]));
    controller.abort("all");
    report(["ends", [...new Set((await Promise.all(all)).map(([how]) => how))]]);
    await idle();
    report(["after", await ended(resolve("localhost", 80)).then(([how]) => how)]);
  },

  /** The end of a process without process.exit: it waits for the C call, though nobody waits for its result. */
  async end() {
    process.once("beforeExit", () => report(["beforeExit", resolverCallsRunning()]));
    report(["cancelled", await ended(resolve("a.test", 80, { timeoutMs: 1 }))]);
  },

  /** exitNow does not wait. The name server is given half a minute by resolv.conf. */
  async exitNow() {
    report(["cancelled", await ended(resolve("a.test", 80, { timeoutMs: 1 }))]);
    report(["running", resolverCallsRunning()]);
    exitNow(7);
  },

  /** A worker that is terminated while C is still asking. */
  async worker() {
    const code = `
      import(${JSON.stringify(import.meta.resolve("tsx/esm/api"))}).then(async ({ register }) => {
        register();
        const { resolve } = await import(${JSON.stringify(new URL("../../src/names/index.ts", import.meta.url))});
        const pending = [1, 2, 3].map((i) => resolve("worker" + i + ".test", 80).catch(() => undefined));
        require("node:worker_threads").parentPort.postMessage("asking");
        await Promise.all(pending);
      });`;
    const worker = new Worker(code, { eval: true });
    await new Promise((resolve) => worker.once("message", resolve));
    await worker.terminate();
    report(["terminated", true]);
    report(["here", await ended(resolve("localhost", 80)).then(([how]) => how)]);
  },
};

/** What the name server has been asked for. */
const names: string[] = [];
const server = createSocket("udp4");
server.on("message", (bytes) => {
  const labels: string[] = [];
  for (let at = 12; bytes[at] !== 0 && bytes[at] !== undefined; at += (bytes[at] as number) + 1) {
    labels.push(bytes.toString("latin1", at + 1, at + 1 + (bytes[at] as number)));
  }
  names.push(labels.join("."));
});
await new Promise<void>((resolve, reject) => {
  server.once("error", reject);
  server.bind(53, "127.0.0.1", resolve);
});
server.unref();
await (SCENARIOS[process.argv[2] ?? ""] as () => Promise<unknown>)();
