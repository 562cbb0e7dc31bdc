/** Blocking calls in tests: the cases of a file run in one process of their own, which is killed where one hangs. */
import { type ChildProcess, spawn } from "node:child_process";
import { writeSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { isolated as isolatedCase } from "../socket/_helpers.ts";

export type Body = () => void | Promise<void>;

/** A case, or why it cannot run here. */
export type Cases = Readonly<Record<string, Body | { readonly skip: string | false; readonly body: Body }>>;

const HERE = process.env.WINDSOCK_BLOCKING;
/** Longer than every case takes: only so that a hang fails instead of hanging. */
const LIMIT_MS = 40_000;

/** What the child says of a case. */
interface Report {
  readonly name: string;
  readonly error?: string;
}

/**
 * Runs the cases in order, in one child process, and reports each as a test. In a blocked process nothing could tell
 * that it is late, so the parent does: a child that is silent for too long is killed, and the case under way fails.
 * @param url `import.meta.url`
 */
export function cases(url: string, all: Cases): void {
  if (HERE !== undefined) {
    if (HERE === url) setImmediate(() => runAll(all));
    return;
  }
  if (process.env.WINDSOCK_CASE !== undefined) return; // the process of an isolated case
  const wanted = Object.entries(all).filter(([, one]) => typeof one === "function" || one.skip === false);
  const reports = new Map<string, PromiseWithResolvers<Report>>();
  for (const [name] of wanted) reports.set(name, withResolvers());
  if (wanted.length > 0) start(url, reports);
  for (const [name, one] of Object.entries(all)) {
    const skip = typeof one === "function" ? false : one.skip;
    test(name, { skip }, async () => {
      const { error } = await (reports.get(name) as PromiseWithResolvers<Report>).promise;
      if (error !== undefined) throw new Error(error);
    });
  }
}

/** A case in a process, and mostly a network namespace, of its own, in a file that has {@link cases} too. */
export const isolated: typeof isolatedCase = HERE === undefined ? isolatedCase : () => {};

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
}

function withResolvers<T>(): PromiseWithResolvers<T> {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

function start(url: string, reports: ReadonlyMap<string, PromiseWithResolvers<Report>>): void {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child: ChildProcess = spawn(
    process.execPath,
    ["--expose-gc", "--import", "tsx", fileURLToPath(url)],
    {
      cwd: fileURLToPath(new URL("../..", import.meta.url)),
      env: { ...env, WINDSOCK_BLOCKING: url },
      stdio: ["ignore", "inherit", "inherit", "pipe"],
    },
  );
  const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
  let text = "";
  child.stdio[3]?.on("data", (chunk: Buffer) => {
    timer.refresh();
    text += chunk.toString();
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) {
      const report = JSON.parse(line) as Report;
      reports.get(report.name)?.resolve(report);
    }
  });
  child.once("close", (code, signal) => {
    clearTimeout(timer);
    const how = signal === "SIGKILL" ? `was silent for ${LIMIT_MS} ms` : `ended with ${signal ?? code}`;
    for (const [name, { resolve }] of reports) {
      resolve({ name, error: `the process ${how} before this case was over` });
    }
  });
}

async function runAll(all: Cases): Promise<void> {
  for (const [name, one] of Object.entries(all)) {
    if (typeof one !== "function" && one.skip !== false) continue;
    const body = typeof one === "function" ? one : one.body;
    let error: string | undefined;
    try {
      await body();
    } catch (reason) {
      error = reason instanceof Error ? `${reason.stack}` : String(reason);
    }
    writeSync(3, `${JSON.stringify({ name, error })}\n`);
  }
}

/** A worker thread with both kinds of sockets: `A` is windsock, `B` is windsock/blocking, `data` what it was given. */
export class Peer<R = unknown> {
  readonly worker: Worker;
  /** What the code returns, once the thread has ended; rejects with what it throws. */
  readonly result: Promise<R>;
  readonly #ready = new Int32Array(new SharedArrayBuffer(4));

  /** @param code the body of an async function; it may call `ready()` */
  constructor(code: string, data: unknown = undefined) {
    const script = `
      const { parentPort, workerData } = require("node:worker_threads");
      const ready = () => { Atomics.store(workerData.ready, 0, 1); Atomics.notify(workerData.ready, 0); };
      (async () => {
        (await import(workerData.tsx)).register(); // "--import tsx" does nothing in a worker
        const A = await import(workerData.async);
        const B = await import(workerData.blocking);
        const { pattern } = await import(workerData.bytes);
        const data = workerData.data;
        return (async () => { ${code} })();
      })().then((value) => parentPort.postMessage({ ended: { value } }), (error) => {
        const text = String(error?.stack ?? error);
        require("node:fs").writeSync(2, "in the worker: " + text + "\\n"); // its creator may be blocked
        parentPort.postMessage({ ended: { error: text } });
      });`;
    const url = (path: string): string => new URL(`../../${path}`, import.meta.url).href;
    this.worker = new Worker(script, {
      eval: true,
      execArgv: [],
      workerData: {
        data,
        ready: this.#ready,
        tsx: import.meta.resolve("tsx/esm/api"),
        async: url("src/index.ts"),
        blocking: url("src/blocking/index.ts"),
        bytes: url("test/blocking/_bytes.ts"),
      },
    });
    this.result = new Promise((resolve, reject) => {
      let message: { value: R } | { error: string } = { error: "it ended without a result" };
      this.worker.on("message", (value) => {
        if (typeof value === "object" && value !== null && "ended" in value) message = value.ended;
      });
      this.worker.once("error", reject);
      this.worker.once("exit", () => {
        if ("error" in message) reject(new Error(`in the worker: ${message.error}`));
        else resolve(message.value);
      });
    });
    this.result.catch(() => {}); // met where it is awaited
  }

  /** Waits until the worker has called `ready()`, or has ended with an error. */
  async readySoon(): Promise<this> {
    let ended = false;
    this.result.catch(() => {
      ended = true;
    });
    while (Atomics.load(this.#ready, 0) === 0) {
      if (ended) await this.result;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return this;
  }

  /** Blocks until the worker has called `ready()`. */
  waitReady(): this {
    Atomics.wait(this.#ready, 0, 0, LIMIT_MS);
    return this;
  }
}

/** A Python program, which runs beside the blocked process. */
export interface Python {
  /** Its exit code, once the event loop may turn again. */
  readonly ended: Promise<number | null>;
}

/** Runs Python with the modules that the scripts need. */
export function python(script: string, ...args: (string | number)[]): Python {
  const child = spawn("python3", ["-c", `import socket, sys, os, time\n${script}`, ...args.map(String)], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", resolve);
  });
  return { ended };
}
