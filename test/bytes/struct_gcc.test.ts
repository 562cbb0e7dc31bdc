/** Struct layouts against gcc: random structs and those of the system's headers, one C program for each. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { arch, tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fromHex, type StructField, type StructInput, toHex } from "../../src/bytes/index.ts";
import { randomStructs } from "./_random_structs.ts";
import { systemStructs } from "./_system_structs.ts";

const COUNT = 400;
/** Another seed tries other structs: `STRUCT_SEED=7 npm test bytes/struct_gcc`. */
const SEED = Number(process.env.STRUCT_SEED ?? 1);

const hasGcc = spawnSync("gcc", ["--version"]).status === 0;
const skip = hasGcc ? false : "gcc is not installed";

/** Compiles a program and gives the lines that it prints. */
function run(program: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), "struct-gcc-"));
  try {
    const source = join(folder, "layout.c");
    const binary = join(folder, "layout");
    writeFileSync(source, program);
    execFileSync("gcc", ["-std=gnu11", "-O0", "-w", "-Wno-packed-bitfield-compat", "-o", binary, source], {
      stdio: ["ignore", "inherit", "inherit"],
    });
    return execFileSync(binary, { encoding: "utf8", maxBuffer: 1 << 26 })
      .trimEnd()
      .split("\n");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The struct's bytes in which exactly the bits of a bit field are ones. */
function maskOf(size: number, { offset, bits }: StructField): string {
  const mask = new Uint8Array(size);
  for (let bit = offset * 8 + (bits?.offset ?? 0), left = bits?.width ?? 0; left > 0; bit++, left--) {
    const at = Math.floor(bit / 8);
    mask[at] = (mask[at] ?? 0) | (1 << (bit % 8));
  }
  return toHex(mask);
}

test(`${COUNT} random structs lie in memory as gcc lays them out`, { skip }, () => {
  const structs = randomStructs(SEED, COUNT, arch() === "arm64" ? "arm64" : "x86-64");
  const lines = run(`
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
static void dump(const void *p, size_t n) {
  putchar(' ');
  for (size_t i = 0; i < n; i++) printf("%02x", ((const unsigned char *)p)[i]);
  putchar('.');
}
${structs
  .map(
    ({ struct: s, declaration, assignments }) => `
${declaration}
static void t_${s.name}(void) {
  static struct ${s.name} v;
  printf("%zu %zu", sizeof v, _Alignof(struct ${s.name}));
${s.fields
  .map((field) =>
    field.bits
      ? `  memset(&v, 0, sizeof v); v.${field.name} = ~0ULL; dump(&v, sizeof v);`
      : `  printf(" %zu:%zu", offsetof(struct ${s.name}, ${field.name}), sizeof v.${field.name});`,
  )
  .join("\n")}
  memset(&v, 0, sizeof v);
  ${assignments.join("\n  ")}
  dump(&v, sizeof v);
  putchar('\\n');
}`,
  )
  .join("\n")}
int main(void) {
${structs.map(({ struct: s }) => `  t_${s.name}();`).join("\n")}
  return 0;
}
`);
  assert.equal(lines.length, COUNT);
  for (const [i, { struct: s, declaration, values }] of structs.entries()) {
    const places = s.fields.map((field) =>
      field.bits ? `${maskOf(s.size, field)}.` : `${field.offset}:${field.size}`,
    );
    const ours = [s.size, s.align, ...places, `${toHex(s.encode(values as StructInput<typeof s>))}.`].join(
      " ",
    );
    assert.equal(ours, lines[i], declaration);
    const theirs = fromHex(lines[i]?.split(" ").at(-1)?.slice(0, -1) ?? "");
    assert.deepEqual(s.decode(theirs), values, declaration);
  }
});

test("structs of the system's headers have the same sizes and offsets in C", { skip }, () => {
  const all = Object.entries(systemStructs).filter(([name]) => name !== "epoll_event" || arch() === "x64");
  const questions = all.flatMap(([name, s]) => [
    `printf("${name} %zu %zu\\n", sizeof(struct ${name}), _Alignof(struct ${name}));`,
    ...s.fields
      .filter(({ bits, name: field }) => !bits && !field.startsWith("__"))
      .map(({ name: field }) => `printf("${name}.${field} %zu\\n", offsetof(struct ${name}, ${field}));`),
  ]);
  const answers = all.flatMap(([name, s]) => [
    `${name} ${s.size} ${s.align}`,
    ...s.fields
      .filter(({ bits, name: field }) => !bits && !field.startsWith("__"))
      .map(({ name: field, offset }) => `${name}.${field} ${offset}`),
  ]);
  const headers = ["netinet/in", "netinet/ip", "netinet/tcp", "sys/un", "sys/epoll", "sys/time", "net/if"];
  const lines = run(`
#define _GNU_SOURCE
#include <stddef.h>
#include <stdio.h>
${headers.map((header) => `#include <${header}.h>`).join("\n")}
#include <netpacket/packet.h>
int main(void) {
  ${questions.join("\n  ")}
  return 0;
}
`);
  assert.deepEqual(lines, answers);
});
