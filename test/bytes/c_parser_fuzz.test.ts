/** The C parser on hostile text: whatever comes, a result or a CSyntaxError, soon. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CSyntaxError, parseDeclarations } from "../../src/bytes/index.ts";
import { C_SAMPLES } from "./_c_samples.ts";
import { randomFrom } from "./_random_structs.ts";

const ROUNDS = Number(process.env.FUZZ_ROUNDS ?? 5_000);
const SEED = Number(process.env.FUZZ_SEED ?? 1);

/** Parses, and uses what came: it must have a size, and decode and encode. */
function survive(text: string): boolean {
  const shown = text.slice(0, 2000);
  try {
    const { structs, unions } = parseDeclarations(text);
    for (const s of [...structs.values(), ...unions.values()]) {
      assert.ok(Number.isSafeInteger(s.size) && s.size % s.align === 0, shown);
      if (s.size > 1 << 16) continue;
      const value = s.decode(new Uint8Array(s.size));
      if (s.kind === "struct") assert.equal(Object.keys(value).length, s.fields.length, shown);
      assert.equal(s.encode({}).length, s.size, shown);
    }
    return true;
  } catch (error) {
    assert.ok(error instanceof CSyntaxError, `${String(error)}\n${shown}`);
    assert.ok(error.line >= 1 && error.column >= 1, shown);
    const line = text.split("\n")[error.line - 1];
    assert.ok(line !== undefined && error.column <= line.length + 1, `${error.message}\n${shown}`);
    return false;
  }
}

const PIECES = (
  "struct union enum typedef int char unsigned long u8 __be16 uint32_t bool float void x y z s0 s1 { } { } ; ; ; ( ) [ ] [3] " +
  "[0] [] : 3 :0 , * = 1 2 0x10 0x7fffffffffffffff 18446744073709551615 - ~ << >> / % ? && || sizeof(int) sizeof( _Alignas(8) " +
  "__attribute__((packed)) __attribute__((aligned(16))) __attribute__(( const volatile extern _Static_assert 'a' \"s\" /* */ // # " +
  "\n#define\\sN\\s3\n \n#if\\s1\n \n#else\n \n#endif\n \n#pragma\\spack(push,2)\n \n#pragma\\spack(pop)\n N offsetof _Bool ... struct\\sx\\s{ int\\sa; };"
)
  .split(" ")
  .map((piece) => piece.replaceAll("\\s", " "));

test(`${ROUNDS} mutated declarations give a result or a CSyntaxError`, () => {
  const below = randomFrom(SEED);
  const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T;
  const samples = C_SAMPLES.map(({ text }) => text);
  let parsed = 0;
  for (let i = 0; i < ROUNDS; i++) {
    let text = pick(samples);
    for (let edits = 1 + below(4); edits > 0; edits--) {
      const [a, b] = [below(text.length + 1), below(text.length + 1)];
      const kind = below(6);
      if (kind === 0) text = text.slice(0, a) + text.slice(a + 1 + below(5));
      else if (kind === 1) text = `${text.slice(0, a)} ${pick(PIECES)} ${text.slice(a)}`;
      else if (kind === 2) text = text.slice(0, a) + String.fromCharCode(below(256)) + text.slice(a + 1);
      else if (kind === 3)
        text = text.slice(0, a) + text.slice(Math.min(a, b), Math.max(a, b)) + text.slice(a);
      else if (kind === 4) text = text.slice(0, a);
      else text = text.slice(0, a) + pick(samples).slice(b) + text.slice(a);
    }
    if (survive(text.slice(0, 20_000))) parsed++;
  }
  // Else the mutations are so wild that nothing behind the first error is tried.
  assert.ok(parsed > ROUNDS / 50, `only ${parsed} were taken`);
});

test(`${ROUNDS} heaps of tokens give a result or a CSyntaxError`, () => {
  const below = randomFrom(SEED + 1);
  for (let i = 0; i < ROUNDS; i++) {
    const pieces = Array.from({ length: 1 + below(30) }, () => PIECES[below(PIECES.length)]);
    survive(pieces.join(" "));
  }
});

const repeat = (text: string, count: number): string => text.repeat(count);
const chain = (count: number, link: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => link(i)).join("");

const hostile: [string, string][] = [
  ["structs that nest without end", repeat("struct { ", 100_000)],
  ["unions that nest and end", `${repeat("struct { ", 500)}int a; ${repeat("} x;", 500)}`],
  ["parentheses", `struct s { int a[${repeat("(", 100_000)}1${repeat(")", 100_000)}]; };`],
  ["signs", `struct s { int a[${repeat("-", 100_000)}1]; };`],
  ["conditionals", `struct s { int a[${repeat("1?1:", 100_000)}1]; };`],
  ["a long sum", `struct s { int a[${repeat("1+", 100_000)}1]; };`],
  ["sizeof of sizeof", `struct s { int a[${repeat("sizeof ", 100_000)}1]; };`],
  [
    "sizeof of types of arrays",
    `struct s { int a[${repeat("sizeof(int[", 10_000)}1${repeat("])", 10_000)}]; };`,
  ],
  ["casts", `struct s { int a[${repeat("(int)", 100_000)}1]; };`],
  ["declarators", `struct s { int ${repeat("(*", 100_000)}a${repeat(")", 100_000)}; };`],
  ["pointers", `struct s { int ${repeat("*", 100_000)}a; };`],
  ["dimensions", `struct s { int a${repeat("[1]", 100_000)}; };`],
  ["dimensions that multiply", `struct s { int a${repeat("[2]", 60)}; };`],
  ["empty structs that multiply", `struct e {}; struct s { struct e a${repeat("[1000]", 20)}; };`],
  [
    "structs that double",
    `struct s0 { int a; };${chain(100, (i) => `struct s${i + 1} { struct s${i} a, b; };`)}`,
  ],
  [
    "structs of structs of structs",
    `struct s0 { int a; };${chain(10_000, (i) => `struct s${i + 1} { struct s${i} a; };`)}`,
  ],
  ["a huge array", "struct s { int a[0x7fffffffffffffff]; };"],
  ["a huge array of bytes", "struct s { uint8_t a[1073741825]; };"],
  ["many large arrays", `struct s { ${chain(2000, (i) => `uint8_t a${i}[1<<30];`)} };`],
  ["a number of a million digits", `struct s { int a[${repeat("9", 1_000_000)}]; };`],
  ["a name of a million letters", `struct ${repeat("x", 1_000_000)} { int a }`],
  [
    "macros that double",
    `${chain(100, (i) => `#define M${i + 1} M${i} M${i}\n`)}#define M0 int\nstruct s { M100 a; };`,
  ],
  ["macros that name one another", "#define A B\n#define B A\nstruct s { A x; };"],
  ["macros in a long chain", `${chain(10_000, (i) => `#define M${i} M${i + 1}\n`)}struct s { M0 a; };`],
  ["conditions", repeat("#if 1\n", 100_000)],
  ["a comment that does not end", `struct s { /*${repeat("*", 1_000_000)}`],
  ["many comments that do not end", repeat("/* ", 300_000)],
  ["a string that does not end", `struct s { int a; } __attribute__((x("${repeat("a", 1_000_000)}`],
  ["a line that goes on", `// ${repeat("\\\n", 300_000)}`],
  ["many members", `struct s { ${chain(20_000, (i) => `int a${i};`)} };`],
  ["many anonymous members", `struct s { ${chain(5000, (i) => `union { int a${i}; char b${i}; };`)} };`],
  ["attributes", `struct s { int a ${repeat("__attribute__((packed)) ", 50_000)}; };`],
  ["attributes within attributes", `struct s { int a __attribute__((${repeat("x(", 100_000)}`],
  ["pragmas that push", repeat("#pragma pack(push, 1)\n", 100_000)],
  ["qualifiers", `struct s { ${repeat("const ", 100_000)}int a; };`],
  ["plain words", `struct s { ${repeat("long ", 100_000)}a; };`],
  ["constants", `enum e { ${chain(50_000, (i) => `A${i},`)} };`],
  ["NUL and lone surrogates", "struct \0 { int \ud800; };"],
];
for (const [name, text] of hostile) {
  // The time is no measure of speed: without the limits, these take minutes, gigabytes or the stack.
  test(`hostile: ${name}`, { timeout: 20_000 }, () => void survive(text));
}
