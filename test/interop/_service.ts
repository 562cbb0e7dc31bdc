/** A server program that a test starts for itself, in a folder of its own, and ends by its process id. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Long after every server is ready. */
const LIMIT_MS = 60_000;

export interface ServiceOptions {
  /** Who runs it; this process's user by default. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  readonly cwd?: string;
  /** How it is ended. */
  readonly signal?: NodeJS.Signals;
}

/** A folder that is removed with {@link Symbol.dispose}. */
export function temporaryFolder(name: string): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), `windsock-${name}-`));
  return {
    path,
    [Symbol.dispose]() {
      rmSync(path, { recursive: true, force: true });
    },
  };
}

/** Starts a server, and comes back when it has printed what tells that it is ready. */
export async function service(
  command: string,
  args: readonly string[],
  ready: RegExp,
  options: ServiceOptions = {},
): Promise<AsyncDisposable> {
  const child: ChildProcess = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    ...options.user,
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const atExit = (): void => {
    child.kill("SIGKILL");
  };
  process.once("exit", atExit);
  let said = "";
  const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
  try {
    await new Promise<void>((resolve, reject) => {
      const hear = (text: string): void => {
        said += text;
        if (ready.test(said)) resolve();
      };
      child.stdout?.setEncoding("utf8").on("data", hear);
      child.stderr?.setEncoding("utf8").on("data", hear);
      child.once("error", reject);
      child.once("close", () => reject(new Error(`${command} ended before it was ready:\n${said}`)));
    });
  } finally {
    clearTimeout(timer);
  }
  return {
    async [Symbol.asyncDispose]() {
      child.kill(options.signal ?? "SIGTERM");
      await ended;
      process.off("exit", atExit);
    },
  };
}
