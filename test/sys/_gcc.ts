/** Asks gcc and the C headers, for tests: what the numbers and the layouts are is theirs to say. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const hasGcc = spawnSync("gcc", ["--version"]).status === 0;

/** For `test(name, needsGcc, …)`. */
export const needsGcc = { skip: hasGcc ? false : "gcc is not installed" };

/** Compiles a program and gives the lines that it prints. */
export function runC(program: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), "windsock-gcc-"));
  try {
    const source = join(folder, "ask.c");
    const binary = join(folder, "ask");
    writeFileSync(source, program);
    execFileSync(
      "gcc",
      ["-std=gnu11", "-O0", "-w", "-Wno-packed-bitfield-compat", "-D_GNU_SOURCE", "-o", binary, source],
      {
        stdio: ["ignore", "inherit", "inherit"],
      },
    );
    const output = execFileSync(binary, { encoding: "utf8", maxBuffer: 1 << 26 }).trimEnd();
    return output === "" ? [] : output.split("\n");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What the preprocessor makes of some C text. `flags` as `-dM`. */
export function preprocess(text: string, ...flags: string[]): string {
  return execFileSync("gcc", ["-E", "-P", "-D_GNU_SOURCE", ...flags, "-"], {
    input: text,
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
}

/** The headers of a list that are installed, as `#include` lines. */
export function includes(headers: readonly string[]): string {
  return headers.map((header) => `#if __has_include(<${header}>)\n#include <${header}>\n#endif`).join("\n");
}
