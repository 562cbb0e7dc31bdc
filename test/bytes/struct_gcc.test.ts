/** Struct and union layouts against gcc: random ones, declared by us and read from C, and those of the system's headers. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { arch, tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type CParseOptions, parseDeclarations, type StructField, toHex } from "../../src/bytes/index.ts";
import { Gcc, PRELUDE } from "./_gcc.ts";
import { type AnyStruct, type RandomStruct, randomStructs } from "./_random_structs.ts";
import { systemStructs } from "./_system_structs.ts";

const COUNT = 2000;
/** Another seed tries other structs: `STRUCT_SEED=7 npm test bytes/struct_gcc`. */
const SEED = Number(process.env.STRUCT_SEED ?? 1);

const ABI = arch() === "arm64" ? "arm64" : "x86-64";
const compilers: readonly (readonly [NonNullable<CParseOptions["abi"]>, Gcc])[] = [
  [ABI, new Gcc("")],
  ABI === "arm64" ? ["x86-64", new Gcc("x86_64-linux-gnu-")] : ["arm64", new Gcc("aarch64-linux-gnu-")],
];

/** The struct's bytes in which exactly the bits of a bit field are ones. */
function maskOf(size: number, { offset, bits }: StructField): string {
  const mask = new Uint8Array(size);
  for (let bit = offset * 8 + (bits?.offset ?? 0), left = bits?.width ?? 0; left > 0; bit++, left--) {
    const at = Math.floor(bit / 8);
    mask[at] = (mask[at] ?? 0) | (bits?.highestFirst ? 0x80 >> (bit % 8) : 1 << (bit % 8));
  }
  return toHex(mask);
}

/** What gcc says of a struct: first a table of numbers, then the struct with its values, and with each bit field set. */
function shown({ struct: s, declaration, assignments }: RandomStruct): { text: string; sizes: number[] } {
  const type = `${s.kind} ${s.name}`;
  const plain = s.fields.filter(({ bits }) => !bits);
  const masks = s.fields.filter(({ bits }) => bits);
  const numbers = [`sizeof(${type})`, `_Alignof(${type})`].concat(
    plain.flatMap(({ name }) => [`offsetof(${type}, ${name})`, `sizeof(((${type} *)0)->${name})`]),
  );
  const initial = assignments.map(([place, value]) => `${place} = ${value}`).join(", ");
  // gcc gives an object of size 0 a byte in one version and none in another.
  const objects = s.size === 0 ? [] : [initial, ...masks.map(({ name }) => `.${name} = ~0ULL`)];
  return {
    text: `${declaration}
SHOWN uint32_t n_${s.name}[] = { ${numbers.join(", ")} };
${objects.map((init, i) => `SHOWN ${type} v${i}_${s.name} = { ${init} };`).join("\n")}
`,
    sizes: [numbers.length * 4, ...objects.map(() => s.size)],
  };
}

/** The same of ours. */
function ours(s: AnyStruct, values: unknown): string[] {
  const numbers = [s.size, s.align].concat(
    s.fields.filter(({ bits }) => !bits).flatMap(({ offset, size }) => [offset, size]),
  );
  const masks = s.fields.filter(({ bits }) => bits).map((field) => maskOf(s.size, field));
  const encoded = toHex((s.encode as (values: unknown) => Uint8Array)(values));
  return [numbers.join(" "), ...(s.size === 0 ? [] : [encoded, ...masks])];
}

/** Of unions, decoding gives more than what was encoded. */
function assertIncludes(got: unknown, want: unknown, message: string): void {
  if (typeof want !== "object" || want === null || want instanceof Uint8Array) {
    assert.deepEqual(got, want, message);
    return;
  }
  for (const [key, value] of Object.entries(want)) {
    assertIncludes((got as Record<string, unknown>)[key], value, message);
  }
}

for (const [abi, gcc] of compilers) {
  test(`${COUNT} random structs lie in memory as gcc lays them out on ${abi}`, { skip: gcc.missing }, () => {
    const structs = randomStructs(SEED, COUNT, abi);
    const parsed = parseDeclarations(structs.map(({ declaration }) => declaration).join("\n"), { abi });
    const questions = structs.map(shown);
    const objects = gcc.objects(
      PRELUDE + questions.map(({ text }) => text).join(""),
      questions.flatMap(({ sizes }) => sizes),
    );
    let next = 0;
    for (const [i, { struct: s, declaration, values }] of structs.entries()) {
      const count = questions[i]?.sizes.length ?? 0;
      const [numbers, ...bytes] = objects.slice(next, next + count) as [Uint8Array, ...Uint8Array[]];
      next += count;
      const theirs = [new Uint32Array(numbers.slice().buffer).join(" "), ...bytes.map((one) => toHex(one))];
      assert.deepEqual(ours(s, values), theirs, declaration);
      if (bytes[0]) assertIncludes(s.decode(bytes[0]), values, declaration);
      const fromText = (s.kind === "struct" ? parsed.structs : parsed.unions).get(s.name);
      assert.ok(fromText, declaration);
      assert.deepEqual(ours(fromText, values), theirs, `read from C: ${declaration}`);
      assert.deepEqual(
        fromText.fields.map(({ name }) => name),
        s.fields.map(({ name }) => name),
      );
    }
    assert.equal(next, objects.length);
  });
}

const skip = compilers[0]?.[1].missing ?? false;

/** Compiles a program and gives the lines that it prints. */
function run(program: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), "struct-gcc-"));
  try {
    const source = join(folder, "layout.c");
    const binary = join(folder, "layout");
    writeFileSync(source, program);
    execFileSync("gcc", ["-std=gnu11", "-O0", "-w", "-o", binary, source], {
      stdio: ["ignore", "inherit", "inherit"],
    });
    return execFileSync(binary, { encoding: "utf8" }).trimEnd().split("\n");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

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
