/** The values of `windsock layout --values`: exact JSON, and their bytes on machines of either order, as gcc stores them. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  anonymous,
  array,
  be,
  bits,
  byteArray,
  cString,
  f32,
  f64,
  i16,
  i64,
  le,
  parseDeclarations,
  pointer,
  type StructDefinition,
  struct,
  toHex,
  u8,
  u16,
  u32,
  u64,
  u128,
  union,
} from "../../src/bytes/index.ts";
import { bytesOfValues, hexTable, parseExact } from "../../src/cli/layout/values.ts";
import { random } from "../socket/_helpers.ts";
import { needsGcc, runC } from "../sys/_gcc.ts";
import { randomTexts } from "./_random_c.ts";

describe("JSON with exact whole numbers", () => {
  const CASES: readonly [string, unknown][] = [
    ["1", 1],
    ["-0", -0],
    ["9007199254740991", 9007199254740991],
    ["9007199254740993", 9007199254740993n],
    ["-9223372036854775808", -9223372036854775808n],
    ["340282366920938463463374607431768211455", 2n ** 128n - 1n],
    ["1e3", 1000],
    ["1.5", 1.5],
    ["1e400", Number.POSITIVE_INFINITY],
    ['"18446744073709551615"', "18446744073709551615"],
    ['"a \\" 18446744073709551615 \\\\"', 'a " 18446744073709551615 \\'],
    ['"\\u00001"', "\u00001"],
    ["[true, false, null, [], {}]", [true, false, null, [], {}]],
    [
      ' { "a" : [ 18446744073709551615 , "s1" ] , "n1" : { "" : 2 } } ',
      { a: [2n ** 64n - 1n, "s1"], n1: { "": 2 } },
    ],
    ['{"a": 1, "a": 9007199254740993}', { a: 9007199254740993n }],
  ];
  for (const [text, expected] of CASES) test(text, () => assert.deepEqual(parseExact(text), expected));

  test("__proto__ is a key like any other", () => {
    assert.deepEqual(Object.keys(parseExact('{"__proto__": 1}') as object), ["__proto__"]);
  });

  for (const text of ["", "{", "{a: 1}", "01", "1n", "0x10", "[1,]", "{'a': 1}", "1 2", "NaN"]) {
    test(`refused: ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseExact(text), /^Error: --values: /);
    });
  }
});

const ORDER = '__attribute__((scalar_storage_order("big-endian"))) ';

test(
  "200 random structs have the bytes that gcc stores, in little-endian order and in big-endian order",
  needsGcc,
  () => {
    const texts = randomTexts(random(Number(process.env.STRUCT_SEED ?? 20_260_302)), 200);
    const asked = (attribute: string): string[] =>
      runC(`
#include <stdint.h>
#include <stdio.h>
#include <string.h>
${texts
  .map(
    ({ name, declaration, statements }) => `
${declaration(attribute)}
static void t_${name}(void) {
  static struct ${name} v;
  memset(&v, 0, sizeof v);
  ${statements.join("\n  ")}
  for (size_t i = 0; i < sizeof v; i++) printf("%02x", ((const unsigned char *)&v)[i]);
  puts("");
}`,
  )
  .join("\n")}
int main(void) { ${texts.map(({ name }) => `t_${name}();`).join(" ")} return 0; }
`);
    const [little, big] = [asked(""), asked(ORDER)];
    const { structs } = parseDeclarations(texts.map((one) => one.declaration("")).join("\n"));
    assert.notDeepEqual(little, big);
    for (const [i, { name, values, declaration }] of texts.entries()) {
      const type = structs.get(name);
      assert.ok(type);
      const bytes = bytesOfValues(type, values, ["little", "big"]);
      assert.equal(toHex(bytes.little as Uint8Array), little[i], declaration(""));
      assert.equal(toHex(bytes.big as Uint8Array), big[i], declaration(""));
    }
  },
);

describe("the bytes of values from JSON", () => {
  /** [fields, values, little-endian, big-endian] */
  const CASES: readonly [string, StructDefinition, string, string, string][] = [
    ["a number", { a: u32 }, '{"a": 258}', "02010000", "00000102"],
    ["none: zero", { a: u8, b: u16 }, "{}", "00000000", "00000000"],
    ["a negative one", { a: i16 }, '{"a": -2}', "feff", "fffe"],
    ["64 bits, exact", { a: u64 }, '{"a": 18446744073709551614}', "feffffffffffffff", "fffffffffffffffe"],
    ["64 bits, signed", { a: i64 }, '{"a": -9223372036854775807}', "0100000000000080", "8000000000000001"],
    [
      "128 bits",
      { a: u128 },
      `{"a": ${2n ** 120n + 3n}}`,
      `03${"00".repeat(14)}01`,
      `01${"00".repeat(14)}03`,
    ],
    ["a fixed order", { a: be(u16), b: le(u16) }, '{"a": 1, "b": 1}', "00010100", "00010100"],
    ["an array of a fixed order", { a: array(be(u16), 2) }, '{"a": [1, 2]}', "00010002", "00010002"],
    ["floats", { a: f32, b: be(f32) }, '{"a": 1, "b": 1}', "0000803f3f800000", "3f8000003f800000"],
    ["a double", { a: f64 }, '{"a": 1.5}', "000000000000f83f", "3ff8000000000000"],
    ["a pointer", { a: pointer }, '{"a": 1}', "0100000000000000", "0000000000000001"],
    ["bytes as a list", { a: byteArray(3) }, '{"a": [1, 2, 255]}', "0102ff", "0102ff"],
    ["text", { a: cString(4) }, '{"a": "é"}', "c3a90000", "c3a90000"],
    ["an array", { a: array(u16, 2) }, '{"a": [1, 2]}', "01000200", "00010002"],
    ["a struct", { a: struct("p", { x: u8, y: u16 }) }, '{"a": {"y": 1}}', "00000100", "00000001"],
    [
      "an array of structs",
      { a: array(struct("p", { y: u16 }), 2) },
      '{"a": [{}, {"y": 1}]}',
      "00000100",
      "00000001",
    ],
    ["bit fields", { a: bits(u8, 4), b: bits(u8, 4) }, '{"a": 1, "b": 2}', "21", "12"],
    ["bit fields over bytes", { a: bits(u16, 3), b: bits(u16, 10) }, '{"a": 5, "b": 513}', "0d10", "b008"],
    [
      "one member of a union",
      { u: union("u", { a: u32, b: u16 }) },
      '{"u": {"b": 1}}',
      "01000000",
      "00010000",
    ],
    ["the other", { u: union("u", { a: u32, b: u16 }) }, '{"u": {"a": 1}}', "01000000", "00000001"],
    [
      "of an anonymous union",
      { _: anonymous(union("", { a: u32, b: u16 })) },
      '{"b": 1}',
      "01000000",
      "00010000",
    ],
  ];
  for (const [name, definition, json, little, big] of CASES) {
    test(name, () => {
      const bytes = bytesOfValues(struct("s", definition), parseExact(json), ["little", "big"]);
      assert.deepEqual([toHex(bytes.little as Uint8Array), toHex(bytes.big as Uint8Array)], [little, big]);
    });
  }

  test("only the orders that are asked for", () => {
    assert.deepEqual(Object.keys(bytesOfValues(struct("s", { a: u8 }), {}, ["big"])), ["big"]);
  });

  test("the bits of a struct that is big-endian everywhere", () => {
    const type = struct("s", { a: bits(u8, 4), b: bits(u16, 12), c: u16 }, { byteOrder: "big" });
    const { little, big } = bytesOfValues(type, { a: 4, b: 5, c: 6 }, ["little", "big"]);
    assert.deepEqual([toHex(little as Uint8Array), toHex(big as Uint8Array)], ["40050006", "40050006"]);
  });

  const WRONG: readonly [string, string, RegExp][] = [
    ["not an object", "1", /^TypeError: s: expected an object/],
    ["a list", "[]", /^Error: s: expected an object of fields, got a list$/],
    ["null", "null", /^TypeError: s: expected an object/],
    ["an unknown field", '{"z": 1}', /^TypeError: s: no field "z"; the fields of s are a, b, p, t, f$/],
    ["too great", '{"a": 256}', /^RangeError: s\.a: expected an integer 0 … 255, got 256$/],
    ["far too great", '{"a": 18446744073709551616}', /^\w+Error: s\.a: .*18446744073709551616/],
    ["text for a number", '{"a": "1"}', /^TypeError: s\.a: /],
    ["a fraction", '{"a": 1.5}', /^RangeError: s\.a: /],
    ["in an array", '{"b": [1, -1]}', /^RangeError: s\.b\[1\]: /],
    ["a short array", '{"b": [1]}', /^RangeError: s\.b: expected an array of 2, got an array of 1$/],
    ["in a struct in an array", '{"p": [{"x": 300}]}', /^RangeError: s\.p\[0\]\.x: /],
    ["not a byte", '{"t": [1, 256]}', /^Error: s\.t\[1\]: expected a byte 0 … 255, got 256$/],
    ["too few bytes", '{"t": [1]}', /^RangeError: s\.t: expected 2 bytes, got 1 bytes$/],
    ["too wide for a bit field", '{"f": 4}', /^RangeError: s\.f: expected an integer 0 … 3, got 4$/],
    ["an object for a number", '{"a": {}}', /^TypeError: s\.a: /],
  ];
  const point = struct("point", { x: u8 });
  const type = struct("s", { a: u8, b: array(u16, 2), p: array(point, 1), t: byteArray(2), f: bits(u8, 2) });
  for (const [name, json, says] of WRONG) {
    test(`refused: ${name}`, () => {
      assert.throws(
        () => bytesOfValues(type, parseExact(json), ["little"]),
        (error) => says.test(String(error)),
      );
    });
  }

  test("refused: more bytes than would be read by anybody", () => {
    const type = struct("s", { a: byteArray(2 ** 40) });
    assert.throws(() => bytesOfValues(type, {}, ["little"]), /1099511627776/);
  });
});

test("hexadecimal lines are short, and say what they leave out", () => {
  const bytes = Uint8Array.from({ length: 300 }, (_, i) => i);
  const lines = hexTable([
    { form: "natural", bytes: { little: bytes } },
    { form: "packed", bytes: { little: bytes.subarray(0, 17), big: bytes.subarray(0, 2) } },
  ]);
  assert.equal(lines[0], "natural, little-endian:  00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f");
  assert.deepEqual(lines.slice(15), [
    "                         f0 f1 f2 f3 f4 f5 f6 f7 f8 f9 fa fb fc fd fe ff",
    "                         … 44 more bytes; --json has them all",
    "packed, little-endian:   00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f",
    "                         10",
    "packed, big-endian:      00 01",
  ]);
});
