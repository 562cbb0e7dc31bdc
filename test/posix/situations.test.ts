/** Each situation through windsock/posix and through a C program: result for result, and errno for errno. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { errnoName } from "../../src/sys/index.ts";
import { needsGcc } from "../sys/_gcc.ts";
import { cProgram } from "./_situation.ts";
import { SITUATIONS } from "./situations/index.ts";

/** Long after all has ended that is going to end. */
const LIMIT_MS = 180_000;

const root = new URL("../..", import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), "windsock-posix-"));
after(() => rmSync(folder, { recursive: true }));

/** What each situation has printed, by its name; what a situation that hung has printed is missing. */
type Printed = ReadonlyMap<string, readonly string[]>;

/** Runs a program in a folder of its own until it ends, or is killed for hanging. */
function run(name: string, command: string, args: readonly string[]): Promise<string> {
  const cwd = join(folder, name);
  mkdirSync(cwd);
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env,
      stdio: ["ignore", "pipe", "inherit"],
      timeout: LIMIT_MS,
      killSignal: "SIGKILL",
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
    child.once("error", reject);
    child.once("close", () => resolve(output));
  });
}

async function inC(): Promise<Printed> {
  const [source, binary] = [join(folder, "situations.c"), join(folder, "situations")];
  writeFileSync(source, cProgram(SITUATIONS));
  execFileSync("gcc", ["-std=gnu11", "-O0", "-w", "-o", binary, source], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  const sections = (await run("c", binary, [])).split(/^== /m).slice(1);
  return new Map(
    sections.map((section) => {
      const [name, ...lines] = section.trimEnd().split("\n");
      return [name as string, lines];
    }),
  );
}

async function inTypeScript(): Promise<Printed> {
  const tsx = import.meta.resolve("tsx");
  const output = await run("ts", process.execPath, [
    "--import",
    tsx,
    join(root, "test/posix/_run_situations.ts"),
  ]);
  const rows = output
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { name: string; lines: string[] });
  return new Map(rows.map(({ name, lines }) => [name, lines.flatMap((line) => line.split("\n"))]));
}

/** One after the other: some situations bind to the same address. */
let both: Promise<readonly [Printed, Printed]> | undefined;
const runBoth = async (): Promise<readonly [Printed, Printed]> => [await inC(), await inTypeScript()];

/** Errno by its name, for who reads the difference. */
const readable = (lines: readonly string[] | undefined): string[] | string =>
  lines?.map((line) =>
    line.replace(/errno (\d+)$/, (_, number) => errnoName(Number(number)) ?? `errno ${number}`),
  ) ?? "did not end";

test("every situation has a name of its own", () => {
  assert.ok(SITUATIONS.length >= 90, `${SITUATIONS.length} situations`);
  assert.equal(new Set(SITUATIONS.map(({ name }) => name)).size, SITUATIONS.length);
});

for (const { name } of SITUATIONS) {
  test(`as in C: ${name}`, needsGcc, async () => {
    both ??= runBoth();
    const [c, ts] = await both;
    const expected = readable(c.get(name));
    assert.ok(
      expected.length > 0 && !/setup failed|ended with status|did not end/.test(String(expected)),
      `C: ${expected}`,
    );
    assert.deepEqual(readable(ts.get(name)), expected);
  });
}
