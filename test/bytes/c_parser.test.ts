/** C declarations: what is taken and becomes what, what is refused and where, and what gcc says to the same text. */
import assert from "node:assert/strict";
import { arch } from "node:os";
import { test } from "node:test";
import {
  type CParseOptions,
  CSyntaxError,
  cTypeOf,
  type ParsedStruct,
  type ParsedUnion,
  parseDeclarations,
  parseStruct,
  struct,
  toHex,
} from "../../src/bytes/index.ts";
import { C_SAMPLES } from "./_c_samples.ts";
import { Gcc } from "./_gcc.ts";

type Parsed = ParsedStruct | ParsedUnion;

function fieldsOf(s: Parsed): string {
  return s.fields
    .map(({ name, offset, bits }) => `${name}@${offset}${bits ? `.${bits.offset}:${bits.width}` : ""}`)
    .join(" ");
}

for (const { name, text, size, align, fields } of C_SAMPLES) {
  test(`takes ${name}`, () => {
    const s = parseStruct(text);
    assert.deepEqual([s.size, s.align, fieldsOf(s)], [size, align, fields]);
  });
}

const gcc = new Gcc("");
const skip = gcc.missing || (arch() === "x64" ? false : "the sizes are those of x86-64");

/** What the texts use without declaring it. */
const HEADERS = `
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <netinet/in.h>
#include <endian.h>
#include <linux/types.h>
typedef uint8_t u8; typedef uint16_t u16; typedef uint32_t u32;
#define __LITTLE_ENDIAN_BITFIELD
#define __user
#undef __packed
#define __packed __attribute__((packed))
#undef __aligned
#define __aligned(n) __attribute__((aligned(n)))
`;

test("gcc gives the samples the same sizes and offsets", { skip }, () => {
  for (const { name, text } of C_SAMPLES) {
    if (name.includes("C23")) continue; // which gcc 12 does not know
    const s = parseStruct(text);
    const type = /^typedef struct \{/.test(text) ? s.name : `${s.kind} ${s.name}`;
    const plain = s.fields.filter(({ bits }) => !bits);
    const numbers = [`sizeof(${type})`, `_Alignof(${type})`].concat(
      plain.map((field) => `offsetof(${type}, ${field.name})`),
    );
    const table = `\nSHOWN uint32_t numbers[] = { ${numbers.join(", ")} };\n`;
    const [found] = gcc.objects(HEADERS + text + table, [numbers.length * 4]);
    const theirs = [...new Uint32Array((found as Uint8Array).slice().buffer)];
    assert.deepEqual([s.size, s.align, ...plain.map(({ offset }) => offset)], theirs, name);
  }
});

test("what the text declares is there by name", () => {
  const found = parseDeclarations(`
    enum { ONE = 1 };
    typedef enum { A, B = -1 } sign_t;
    enum color { RED, GREEN };
    struct point { int x, y; struct { char c; } inner; };
    typedef struct { struct point at; } dot_t;
    union any { struct point point; dot_t dot; };
    typedef unsigned int word, *word_p;
    typedef void nothing(void);
    struct only_named;
  `);
  assert.deepEqual([...found.structs.keys()], ["point", "dot_t"]);
  assert.deepEqual([...found.unions.keys()], ["any"]);
  assert.deepEqual([...found.enums.keys()], ["sign_t", "color"]);
  assert.deepEqual([...found.typedefs.keys()], ["sign_t", "dot_t", "word", "word_p"]);
  assert.deepEqual(
    [...found.constants],
    [
      ["ONE", 1n],
      ["A", 0n],
      ["B", -1n],
      ["RED", 0n],
      ["GREEN", 1n],
    ],
  );
  assert.equal(found.last?.name, "any");
  assert.equal(found.last?.kind, "union");
  assert.deepEqual(found.enums.get("color")?.values, { RED: 0, GREEN: 1 });
  assert.equal(found.enums.get("sign_t")?.base.name, "i32");
  assert.equal(found.typedefs.get("word_p")?.name, "pointer");
});

const types: [string, string][] = [
  ["char a", "i8"],
  ["char a[4]", "char[4]"],
  ["char a[2][4]", "char[2][4]"],
  ["unsigned char a[4]", "u8[4]"],
  ["signed char a[4]", "i8[4]"],
  ["uint8_t a[2][3]", "u8[2][3]"],
  ["long a", "i64"],
  ["__be16 a", "be(u16)"],
  ["__be32 a[2]", "be(u32)[2]"],
  ["__le64 a", "le(u64)"],
  ["in_port_t a", "be(u16)"],
  ["struct in_addr a", "in_addr"],
  ["size_t a", "u64"],
  ["socklen_t a", "u32"],
  ["pid_t a", "i32"],
  ["_Bool a", "bool"],
  ["void *a", "pointer"],
  ["int (*a)(int (*)(void), ...)", "pointer"],
  ["int (*a[3])(void)", "pointer[3]"],
  ["int *a[3]", "pointer[3]"],
  ["int (*a)[3]", "pointer"],
  ["enum e { A } a", "e"],
  ["float a", "f32"],
  ["long double a", "u8[16]"],
  ["unsigned __int128 a", "u128"],
];
for (const [member, name] of types) {
  test(`${member} is ${name}`, () =>
    assert.equal(parseStruct(`struct s { ${member}; };`).fields[0]?.type.name, name));
}

const values: [string, string, object, string][] = [
  ["text", "struct s { char a[4]; };", { a: "né" }, "6ec3a900"],
  [
    "an enum by name",
    "enum e { A, B = 7 }; struct s { enum e e; enum e f : 4; };",
    { e: "B", f: "B" },
    "0700000007000000",
  ],
  ["a big-endian port", "struct s { __be16 port; };", { port: 80 }, "0050"],
  ["a bool", "struct s { bool a; bool b : 1; };", { a: true, b: true }, "0101"],
  ["a pointer", "struct s { char *p; };", { p: 0x7fff_0000_1234n }, "34120000ff7f0000"],
  ["one of an anonymous union", "struct s { union { int a; char b[4]; }; };", { b: "hi" }, "68690000"],
  [
    "IPv4's first bytes, big-endian",
    'struct s { uint32_t version : 4, ihl : 4, tos : 8, length : 16; } __attribute__((scalar_storage_order("big-endian")));',
    { version: 4, ihl: 5, length: 20 },
    "45000014",
  ],
  [
    "big-endian by a pragma, until it ends",
    "#pragma scalar_storage_order big-endian\nstruct in { short a; };\n#pragma scalar_storage_order default\nstruct s { struct in in; short b; };",
    { in: { a: 1 }, b: 1 },
    "00010100",
  ],
];
for (const [name, text, value, hex] of values) {
  test(`encodes ${name}`, () => {
    const s = parseStruct(text);
    assert.equal(toHex((s.encode as (value: object) => Uint8Array)(value)), hex);
  });
}

const options: [string, string, CParseOptions, number, string][] = [
  ["packed", "struct s { char a; int b; };", { packed: true }, 5, "a@0 b@1"],
  [
    "packed holds within, too",
    "struct s { struct { char a; int b; } in; char c; };",
    { packed: true },
    6,
    "in@0 c@5",
  ],
  ["packed: 2", "struct s { char a; int b; };", { packed: 2 }, 6, "a@0 b@2"],
  [
    "packed: 2 ends where the text says so",
    "#pragma pack(4)\nstruct s { char a; int b; };",
    { packed: 2 },
    8,
    "a@0 b@4",
  ],
  ["x86-64", "struct s { char a; int : 0; char b; };", {}, 5, "a@0 b@4"],
  ["arm64", "struct s { char a; int : 0; char b; };", { abi: "arm64" }, 8, "a@0 b@4"],
];
for (const [name, text, given, size, fields] of options) {
  test(`option ${name}`, () => {
    const s = parseStruct(text, given);
    assert.deepEqual([s.size, fieldsOf(s)], [size, fields]);
  });
}

test("option byteOrder, chars, and the sign of char", () => {
  const text = "struct s { short a; char b[2]; char c; };";
  const big = parseStruct(text, { byteOrder: "big", chars: "bytes" });
  assert.deepEqual(big.decode(Uint8Array.of(1, 2, 3, 4, 0xff, 0)), {
    a: 0x102,
    b: Uint8Array.of(3, 4),
    c: -1,
  });
  assert.equal(parseStruct(text, { abi: "arm64" }).decode(new Uint8Array(6).fill(0xff)).c, 255);
  assert.throws(() => parseStruct(text, { abi: "mips" as "arm64" }), {
    name: "RangeError",
    message: 'abi: expected x86-64, arm64, got "mips"',
  });
  assert.throws(() => parseStruct(5 as unknown as string), { name: "TypeError" });
});

const rejected: [string, string, number, number, string][] = [
  [
    "signs at the end of the text",
    "int x = ||",
    1,
    11,
    'expected ";" after the declaration, got the end of the text',
  ],
  ["nothing", "", 1, 1, "expected a struct or union, got the end of the text"],
  ["no struct", "typedef int x;", 1, 15, "expected a struct or union, got the end of the text"],
  ["an unknown type", "struct s {\n  itn a;\n};", 2, 3, 'expected a type, got "itn"'],
  ["a missing semicolon", "struct s { int a }", 1, 18, 'expected ";" after the member, got "}"'],
  [
    "a missing semicolon at the end",
    "struct s { int a; }",
    1,
    20,
    "expected a name, got the end of the text",
  ],
  [
    "a missing brace",
    "struct s { int a;",
    1,
    18,
    'expected "}" at the end of this struct, got the end of the text',
  ],
  ["a missing name", "struct s { int; };", 1, 15, 'expected the name of a member, got ";"'],
  [
    "a missing bracket",
    "struct s { int a[3; };",
    1,
    19,
    'expected "]" after the length of the array, got ";"',
  ],
  ["a keyword as a name", "struct s { int for; };", 1, 16, 'expected a name, got the keyword "for"'],
  ["two types", "struct s { int double a; };", 1, 12, "int double is no type of C"],
  ["two types, one a typedef", "struct s { u8 int a; };", 1, 15, 'expected a name, got "int"'],
  ["long long long", "struct s { long long long a; };", 1, 12, "long long long is no type of C"],
  ["a member twice", "struct s { int a; char a; };", 1, 24, 'two members are called "a"'],
  [
    "a member twice, once anonymous",
    "struct s { int a; union { char a; }; };",
    1,
    36,
    'two members are called "a"',
  ],
  ["a struct twice", "struct s { int a; };\nstruct s { int a; };", 2, 8, "struct s is declared already"],
  [
    "a struct as a union",
    "struct s { int a; }; union s { int b; };",
    1,
    28,
    "s is declared already, as a struct",
  ],
  [
    "a struct within itself",
    "struct s { struct s a; };",
    1,
    21,
    "struct s is not declared, so a has no size",
  ],
  [
    "a struct that is not declared",
    "struct s { struct t a[2]; };",
    1,
    22,
    "an array cannot have elements of struct t, which is not declared",
  ],
  ["void", "struct s { void a; };", 1, 17, "a member cannot be of type void"],
  ["a function", "struct s { int a(void); };", 1, 16, "a member cannot be of type function"],
  ["a negative length", "struct s { int a[1 - 2]; };", 1, 17, "expected an array length from 0, got -1"],
  [
    "an array that is too large",
    "struct s { int a[1 << 30]; };",
    1,
    17,
    "the array is too large: at most 2^30 bytes and 2^22 values are taken",
  ],
  [
    "an open inner length",
    "struct s { int a[2][]; };",
    1,
    17,
    "only the outermost length of an array can be left out",
  ],
  [
    "an open length before the end",
    "struct s { int a[]; int b; };",
    1,
    16,
    "an array without a length must be the last member",
  ],
  [
    "a length that is no constant",
    "struct s { int a[n]; };",
    1,
    18,
    'expected an integer constant expression, got "n"',
  ],
  ["a float as length", "struct s { int a[1.5]; };", 1, 18, 'expected an integer, got "1.5"'],
  ["an octal 8", "struct s { int a[08]; };", 1, 18, 'expected an integer, got "08"'],
  [
    "65 bits",
    "struct s { int a[0x1ffffffffffffffff]; };",
    1,
    18,
    "expected an integer of at most 64 bits, got 0x1ffffffffffffffff",
  ],
  ["a division by zero", "struct s { int a[1 / 0]; };", 1, 20, "the expression divides by zero"],
  ["a shift too far", "struct s { int a[1 << 32]; };", 1, 20, "expected a shift by 0 … 31 bits, got 32"],
  [
    "a bit field that is too wide",
    "struct s { int a : 33; };",
    1,
    18,
    "expected a width of 1 … 32 bits, got 33",
  ],
  ["a bool of two bits", "struct s { bool a : 2; };", 1, 19, "expected a width of 1 … 1 bits, got 2"],
  [
    "a named bit field of width 0",
    "struct s { int a : 0; };",
    1,
    18,
    "expected a width of 1 … 32 bits, got 0",
  ],
  ["a bit field of a float", "struct s { float a : 3; };", 1, 20, "a bit field must have an integer type"],
  [
    "an alignment that is no power of two",
    "struct s { int a; } __attribute__((aligned(3)));",
    1,
    36,
    "expected a power of two up to 2^28 as alignment, got 3",
  ],
  [
    "_Alignas that lowers",
    "struct s { _Alignas(2) int a; };",
    1,
    28,
    "_Alignas(2) is less than the alignment of a, 4",
  ],
  [
    "_Alignas at a bit field",
    "struct s { _Alignas(8) int a : 3; };",
    1,
    28,
    "_Alignas cannot stand at a bit field",
  ],
  [
    "an attribute that would change the layout",
    "struct s { int a __attribute__((mode(DI))); };",
    1,
    33,
    "the attribute mode is not supported",
  ],
  [
    "an attribute cut short",
    "struct s { int a __attribute__((packed; };",
    1,
    39,
    'expected "," or ")" after an attribute, got ";"',
  ],
  [
    "elements that lie unaligned",
    "typedef int t __attribute__((aligned(8))); struct s { t a[2]; };",
    1,
    58,
    "the size of an array's element (4) is no multiple of its alignment (8)",
  ],
  ["a constant twice", "enum { A, A };", 1, 11, '"A" is declared already'],
  ["an empty enum", "enum e {};", 1, 10, "expected at least one constant in an enum"],
  [
    "an assertion that does not hold",
    'struct s { int a; }; _Static_assert(sizeof(struct s) == 8, "eight");',
    1,
    22,
    'the assertion does not hold: "eight"',
  ],
  [
    "a macro with parameters",
    "#define F(x) x\nstruct s { F(int) a; };",
    2,
    12,
    "macros with parameters are not supported: F",
  ],
  ["#else without #if", "#else", 1, 2, "#else without #if"],
  ["#if without #endif", "struct s { int a; };\n#if 1\n", 2, 2, "expected #endif, got the end of the text"],
  ["pop without push", "#pragma pack(pop)", 1, 9, "#pragma pack(pop) without a push before it"],
  ["pack(3)", "#pragma pack(3)", 1, 14, "expected 1, 2, 4, 8 or 16 as packing"],
  [
    "a comment without an end",
    "struct s { /* int a; };",
    1,
    12,
    "expected */ after this comment, got the end of the text",
  ],
  [
    "a string without an end",
    'struct s { int a; } __attribute__((x("y)));',
    1,
    38,
    'expected " at the end of this string',
  ],
  ["a sign that C does not have", "struct s { int a; }; @", 1, 22, 'expected a C token, got "@"'],
  ["typeof", "struct s { typeof(int) a; };", 1, 12, "typeof is not supported"],
];
for (const [name, text, line, column, reason] of rejected) {
  test(`refuses ${name}`, () => {
    assert.throws(
      () => parseStruct(text),
      (error: unknown) => {
        assert.ok(error instanceof CSyntaxError && error instanceof SyntaxError);
        assert.equal(error.message, `line ${line}, column ${column}: ${reason}`);
        assert.deepEqual([error.line, error.column, error.reason], [line, column, reason]);
        return true;
      },
    );
  });
}

test("gcc refuses what is refused, but for what is refused here only", { skip }, () => {
  const here =
    /^(nothing|no struct)$|too large|would change|macro with|typeof|a missing name|C23|system without|pop without|pack\(3\)/;
  for (const { name, text } of C_SAMPLES) {
    if (!here.test(name)) assert.ok(gcc.takes(HEADERS + text), name);
  }
  for (const [name, text] of rejected) {
    if (!here.test(name)) assert.ok(!gcc.takes(HEADERS + text), name);
  }
});

test("an error shows the line and points at the place", () => {
  const caught = (text: string): CSyntaxError => {
    try {
      parseStruct(text);
    } catch (error) {
      if (error instanceof CSyntaxError) return error;
    }
    throw new Error("it was taken");
  };
  assert.equal(caught("struct s {\r\n\tint a\t: 40;\r\n};").excerpt, "\tint a\t: 40;\n\t     \t^");
  const long = caught(`struct s { ${"int a; ".repeat(2)}${" ".repeat(500)}int a; };`).excerpt.split("\n");
  assert.ok((long[0] ?? "").length <= 100 && long[0]?.includes("int a; };".slice(4, 5)));
  assert.equal(long[0]?.[(long[1] ?? "").length - 1], "a");
});

test('packed: "never" lays out as if the text did not say packed', () => {
  const plain = "struct i { char a; int b; }; struct s { char c; struct i d; };";
  const packed =
    "#pragma pack(1)\nstruct i { char a; int b __attribute__((packed)); } __attribute__((packed)); struct s { char c; struct i d; };";
  assert.deepEqual(
    [parseStruct(packed).size, parseStruct(packed, { packed: "never" }).size, parseStruct(plain).size],
    [6, 12, 12],
  );
});

test("cTypeOf gives the types as they were written", () => {
  const type = parseStruct(
    "struct p { int x; }; struct s { const unsigned long int a; char *b[3], c[4]; int (*f)(int), (*g)[2]; struct p q[2]; " +
      "struct { short z; } n; struct { __be16 port; }; uint8_t u : 3; enum e { A } e; long last[]; };",
  );
  const told = Object.fromEntries(type.fields.map(({ name }) => [name, cTypeOf(type, name)]));
  assert.deepEqual(told, {
    a: "unsigned long int",
    b: "char *[3]",
    c: "char[4]",
    f: "int (*)()",
    g: "int (*)[2]",
    q: "struct p[2]",
    n: undefined,
    port: "__be16",
    u: "uint8_t",
    e: "enum e",
    last: "long[]",
  });
  assert.equal(cTypeOf(type, "nothing"), undefined);
  assert.equal(cTypeOf(struct("s", {}), "a"), undefined);
});
