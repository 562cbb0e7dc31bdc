/** Fixed byte order, arrays, byte arrays and NUL-padded text as fields of a struct. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  array,
  be,
  byteArray,
  cString,
  i32,
  le,
  struct,
  toHex,
  u8,
  u16,
  u32,
  u64,
  u128,
} from "../../src/bytes/index.ts";

const names: [string, { name: string; size: number; align: number }, string, number, number][] = [
  ["be", be(u16), "be(u16)", 2, 2],
  ["le", le(u64), "le(u64)", 8, 8],
  ["array", array(u32, 3), "u32[3]", 12, 4],
  ["array of arrays, outer length first as C writes it", array(array(u8, 2), 3), "u8[3][2]", 6, 1],
  ["array of big-endian integers", array(be(u16), 8), "be(u16)[8]", 16, 2],
  ["flexible array", array(u128, 0), "u128[0]", 0, 16],
  ["byteArray", byteArray(6), "u8[6]", 6, 1],
  ["byteArray with the alignment of an in_addr", byteArray(4, 4), "u8[4]", 4, 4],
  ["cString", cString(16), "char[16]", 16, 1],
];
for (const [what, type, name, size, align] of names) {
  test(`${what} knows its name, size and alignment`, () =>
    assert.deepEqual([type.name, type.size, type.align], [name, size, align]));
}

test("fixed orders write what they say", () => {
  const t = struct("t", { a: be(u16), b: le(u16), c: be(i32), d: le(u64), e: be(u128) });
  const values = { a: 0x0102, b: 0x0102, c: -2, d: 0x0102n, e: 0x0102n };
  const bytes = t.encode(values);
  assert.equal(toHex(bytes), "01020201fffffffe0201000000000000" + "00000000000000000000000000000102");
  assert.deepEqual(t.decode(bytes), values);
});

const t = struct("t", {
  list: array(u16, 3),
  raw: byteArray(4),
  text: cString(4),
  grid: array(array(u8, 2), 2),
});
type Input = Parameters<typeof t.encode>[0];

test("arrays, bytes and text come back as they went in", () => {
  const values = {
    list: [1, 2, 65535],
    raw: Uint8Array.of(1, 2, 3, 4),
    text: "é0",
    grid: [
      [1, 2],
      [3, 4],
    ],
  };
  assert.deepEqual(t.decode(t.encode(values)), values);
});

test("what decode gives is a copy", () => {
  const bytes = t.encode({ raw: Uint8Array.of(1, 2, 3, 4) });
  const decoded = t.decode(bytes);
  bytes.fill(9);
  assert.deepEqual(decoded.raw, Uint8Array.of(1, 2, 3, 4));
  assert.equal(decoded.raw.constructor, Uint8Array);
  assert.equal(t.decode(Buffer.from(bytes)).raw.constructor, Uint8Array);
});

const texts: [string, string, string][] = [
  ["empty", "", "00000000"],
  ["short", "lo", "6c6f0000"],
  ["filling it, without a NUL", "eth0", "65746830"],
  ["UTF-8 of two bytes each", "éé", "c3a9c3a9"],
  ["a surrogate pair", "😀", "f09f9880"],
  ["a byte order mark", "\ufeffa", "efbbbf61"],
];
for (const [name, text, hex] of texts) {
  test(`cString: ${name}`, () => {
    const s = struct("s", { text: cString(4) });
    assert.equal(toHex(s.encode({ text })), hex);
    assert.deepEqual(s.decode(s.encode({ text })), { text });
  });
}

test("cString reads up to the first NUL, and shows what is not UTF-8 as U+FFFD", () => {
  const s = struct("s", { text: cString(4) });
  assert.deepEqual(s.decode(Uint8Array.of(0x61, 0, 0x62, 0x63)), { text: "a" });
  assert.deepEqual(s.decode(Uint8Array.of(0, 0xff, 0xff, 0xff)), { text: "" });
  assert.deepEqual(s.decode(Uint8Array.of(0x61, 0xff, 0x62, 0)), { text: "a\ufffdb" });
});

const rejected: [string, Record<string, unknown>, string, string][] = [
  ["a short array", { list: [1, 2] }, "RangeError", "t.list: expected an array of 3, got an array of 2"],
  ["a long array", { list: [1, 2, 3, 4] }, "RangeError", "t.list: expected an array of 3, got an array of 4"],
  ["no array", { list: 7 }, "TypeError", "t.list: expected an array of 3, got 7"],
  [
    "bytes for an array",
    { list: Uint8Array.of(1, 2, 3) },
    "TypeError",
    "t.list: expected an array of 3, got 3 bytes",
  ],
  [
    "an element out of range",
    { list: [1, 2, 65536] },
    "RangeError",
    "t.list[2]: expected an integer 0 … 65535, got 65536",
  ],
  [
    "an element that is missing",
    { list: Array(3) },
    "TypeError",
    "t.list[0]: expected an integer 0 … 65535, got undefined",
  ],
  [
    "an element deep within",
    {
      grid: [
        [1, 2],
        [3, -1],
      ],
    },
    "RangeError",
    "t.grid[1][1]: expected an integer 0 … 255, got -1",
  ],
  ["too few bytes", { raw: Uint8Array.of(1) }, "RangeError", "t.raw: expected 4 bytes, got 1 bytes"],
  ["too many bytes", { raw: new Uint8Array(5) }, "RangeError", "t.raw: expected 4 bytes, got 5 bytes"],
  ["an array for bytes", { raw: [1, 2, 3, 4] }, "TypeError", "t.raw: expected 4 bytes, got an array of 4"],
  [
    "a text that is too long",
    { text: "eth00" },
    "RangeError",
    't.text: expected at most 4 bytes of UTF-8, got 5: "eth00"',
  ],
  [
    "a text too long in bytes only",
    { text: "ééé" },
    "RangeError",
    't.text: expected at most 4 bytes of UTF-8, got 6: "ééé"',
  ],
  ["a text with NUL", { text: "a\0b" }, "RangeError", 't.text: expected a text without NUL, got "a\\u0000b"'],
  [
    "a lone surrogate",
    { text: "\ud800" },
    "RangeError",
    't.text: expected a text without lone surrogates, got "\\ud800"',
  ],
  ["no text", { text: 5 }, "TypeError", "t.text: expected a string, got 5"],
];
for (const [name, values, error, message] of rejected) {
  test(`rejects ${name}`, () => assert.throws(() => t.encode(values as Input), { name: error, message }));
}

const lengths = [-1, 1.5, Number.NaN, 2 ** 60, "4"] as number[];
for (const make of [(n: number) => array(u8, n), byteArray, cString]) {
  test(`${make.name || "array"} refuses a length that is not one`, () => {
    for (const length of lengths)
      assert.throws(() => make(length), { message: /: length: expected an integer 0 … / });
  });
}

test("byteArray refuses an alignment that does not divide its length or is no power of two", () => {
  for (const [length, align] of [
    [6, 4],
    [6, 3],
    [4, 0],
    [4, -1],
    [4, 1.5],
    [4, Number.NaN],
  ] as const) {
    assert.throws(() => byteArray(length, align), {
      name: "RangeError",
      message: /^byteArray: align: expected /,
    });
  }
});

test("any text that cString takes comes back", () => {
  const s = struct("s", { text: cString(32) });
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 40 }), (text) => {
      const fits = Buffer.byteLength(text) <= 32 && !text.includes("\0");
      if (!fits) assert.throws(() => s.encode({ text }), { name: "RangeError" });
      else assert.equal(s.decode(s.encode({ text })).text, text);
    }),
  );
});
