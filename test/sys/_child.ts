/** Runs a script in a Node process of its own, for what ends a process, limits it, or changes what it is. */
import { spawn } from "node:child_process";

/** How a child ended, and what it said. */
export interface ChildResult {
  /** `undefined` where a signal ended it; it is killed after 30 s, which only a hang takes. */
  readonly status: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** For `import` within a child: the URL of a module of the project. */
export const moduleUrl = (path: string): string =>
  JSON.stringify(new URL(`../../${path}`, import.meta.url).href);

/** What most children begin with. */
export const IMPORT_SYS = `
import * as C from ${moduleUrl("src/sys/index.ts")};
import { unixPair } from ${moduleUrl("test/sys/_sockets.ts")};
`;

/**
 * @param code an ES module, in JavaScript
 * @param prefix words put before the command, such as `["sh", "-c", 'ulimit -n 64; exec "$@"', "sh"]`
 */
export function runNode(
  code: string,
  prefix: readonly string[] = [],
  nodeOptions: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<ChildResult> {
  const node = ["--import", "tsx", ...nodeOptions, "--input-type=module", "-e", code];
  const [command, ...words] = [...prefix, process.execPath, ...node] as [string, ...string[]];
  return new Promise((resolve, reject) => {
    const child = spawn(command, words, {
      cwd: new URL("../..", import.meta.url).pathname,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
      timeout: 30_000,
      killSignal: "SIGKILL",
    });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text) => {
      stderr += text;
    });
    child.once("error", reject);
    child.once("close", (status) => resolve({ status: status ?? undefined, stdout: stdout.trim(), stderr }));
  });
}
