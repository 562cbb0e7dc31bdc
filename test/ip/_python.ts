/** Asks python3, whose `ipaddress` and `socket` modules are a second opinion on what an address is. */
import { spawnSync } from "node:child_process";

const hasPython = spawnSync("python3", ["--version"]).status === 0;

/** For `test(name, needsPython, …)`. */
export const needsPython = { skip: hasPython ? false : "python3 is not installed" };

/** Runs a script once, with `input` as JSON in its variable `data`; what it puts into `result` comes back. */
export function runPython(script: string, input: unknown): unknown {
  const lines = ["import json, sys", "data = json.loads(sys.stdin.buffer.read())", script];
  const program = [...lines, "sys.stdout.write(json.dumps(result))"].join("\n");
  const options = { input: JSON.stringify(input), encoding: "utf8", maxBuffer: 2 ** 28 } as const;
  const { status, stdout, stderr } = spawnSync("python3", ["-c", program], options);
  if (status !== 0) throw new Error(`python3 failed: ${stderr}`);
  return JSON.parse(stdout);
}
