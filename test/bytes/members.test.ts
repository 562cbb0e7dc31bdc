/** What structs are made of besides integers: floats, bool, enums, pointers, members with attributes, a struct's byte order. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  aligned,
  array,
  be,
  bits,
  bool,
  byteArray,
  cString,
  enumeration,
  f32,
  f64,
  type IntegerType,
  i16,
  i64,
  le,
  type OrderedType,
  packed,
  pointer,
  type StructOptions,
  type StructValue,
  struct,
  toHex,
  u8,
  u16,
  u32,
  u64,
  unnamedBits,
} from "../../src/bytes/index.ts";

test("floats are those of IEEE 754", () => {
  const s = struct("s", { a: f32, b: f64, c: be(f32), d: le(f64) });
  assert.deepEqual([s.size, s.align, s.offsetOf("c")], [32, 8, 16]);
  const bytes = s.encode({ a: 1.5, b: -2, c: 1.5, d: Number.POSITIVE_INFINITY });
  assert.equal(toHex(bytes), "0000c03f0000000000000000000000c03fc0000000000000000000000000f07f");
  assert.deepEqual(s.decode(bytes), { a: 1.5, b: -2, c: 1.5, d: Number.POSITIVE_INFINITY });
  assert.ok(Number.isNaN(s.decode(s.encode({ a: Number.NaN })).a));
  assert.equal(s.decode(s.encode({ a: 0.1 })).a, Math.fround(0.1));
});

test("any double comes back", () => {
  const s = struct("s", { a: f64, b: be(f64) });
  fc.assert(fc.property(fc.double(), (a) => assert.deepEqual(s.decode(s.encode({ a, b: a })), { a, b: a })));
});

const color = enumeration("color", { RED: 0, GREEN: 1, ALSO_GREEN: 1, BLUE: 70000 });
const sign = enumeration("sign", { MINUS: -1, PLUS: 1 });
const wide = enumeration("wide", { A: 1n << 40n });
const tiny = enumeration("tiny", { A: 1, B: 255 }, u8);

test("an enum is an integer whose values have names", () => {
  assert.deepEqual(
    [color, sign, wide, tiny].map(({ size, align, signed, base }) => [size, align, signed, base.name]),
    [
      [4, 4, false, "u32"],
      [4, 4, true, "i32"],
      [8, 8, false, "u64"],
      [1, 1, false, "u8"],
    ],
  );
  const s = struct("s", {
    color,
    sign,
    wide,
    tiny,
    big: be(color),
    few: bits(color, 2),
    some: bits(sign, 3),
  });
  const bytes = s.encode({
    color: "BLUE",
    sign: "MINUS",
    wide: "A",
    tiny: 7,
    big: 1,
    few: "GREEN",
    some: -4,
  });
  const value: StructValue<typeof s> = s.decode(bytes);
  const typed: [number, bigint] = [value.color, value.wide];
  assert.deepEqual(typed, [70000, 1n << 40n]);
  assert.deepEqual(value, {
    color: 70000,
    sign: -1,
    wide: 1n << 40n,
    tiny: 7,
    big: 1,
    few: 1,
    some: -4,
  });
  assert.equal(bytes[s.offsetOf("big") + 3], 1);
  assert.deepEqual([color.nameOf(1), color.nameOf(2), color.values.BLUE], ["GREEN", undefined, 70000]);
  // @ts-expect-error: no such name
  assert.throws(() => s.encode({ color: "PINK" }), {
    name: "RangeError",
    message: 's.color: expected an integer, or a name of color (RED, GREEN, ALSO_GREEN, BLUE), got "PINK"',
  });
  assert.throws(() => s.encode({ few: "BLUE" }), { message: "s.few: expected an integer 0 … 3, got 70000" });
  assert.throws(() => enumeration("e", { A: 2 ** 40 }), {
    message: /^e\.A: expected an integer 0 … 4294967295/,
  });
});

test("a bool is one byte, or one bit", () => {
  const s = struct("s", { a: bool, b: bits(bool, 1), c: bits(u8, 7) });
  assert.deepEqual(s.decode(Uint8Array.of(2, 0xff)), { a: true, b: true, c: 127 });
  assert.equal(toHex(s.encode({ a: true, b: true })), "0101");
  const value: boolean = s.decode(Uint8Array.of(0, 0)).b;
  assert.equal(value, false);
  // @ts-expect-error: a number is no boolean
  assert.throws(() => s.encode({ a: 1 }), {
    name: "TypeError",
    message: "s.a: expected true or false, got 1",
  });
  assert.throws(() => s.encode({ b: 1 as unknown as boolean }), {
    message: "s.b: expected true or false, got 1",
  });
  assert.throws(() => bits(bool, 2), {
    message: "bits: width of bool bits: expected an integer 1 … 1, got 2",
  });
});

const placed: [
  string,
  { size: number; align: number; offsetOf(field: "z"): number },
  number,
  number,
  number,
][] = [
  ["aligned raises", struct("s", { a: u8, z: aligned(u16, 8) }), 16, 8, 8],
  ["aligned does not lower", struct("s", { a: u8, z: aligned(u64, 2) }), 16, 8, 8],
  ["packed lowers", struct("s", { a: u8, z: packed(u64), b: u32 }), 16, 4, 1],
  ["packed and aligned", struct("s", { a: u8, z: aligned(packed(u64), 2) }), 10, 2, 2],
  ["aligned and packed", struct("s", { a: u8, z: packed(aligned(u64, 2)) }), 10, 2, 2],
  ["the greater of two", struct("s", { a: u8, z: aligned(aligned(u8, 4), 2) }), 8, 4, 4],
  ["in a packed struct it holds", struct("s", { a: u8, z: aligned(u64, 4) }, { packed: true }), 12, 4, 4],
  ["#pragma pack limits it", struct("s", { a: u8, z: aligned(u64, 4) }, { packed: 2 }), 10, 2, 2],
  ["an aligned bit field", struct("s", { a: bits(u8, 1), z: aligned(bits(u8, 1), 4) }), 8, 4, 4],
  ["a packed bit field", struct("s", { a: bits(u8, 5), z: packed(bits(u32, 30)) }), 5, 1, 0],
  ["a zero-length array aligns", struct("s", { a: u8, z: array(u32, 0) }), 4, 4, 4],
];
for (const [name, s, size, align, offset] of placed) {
  test(name, () => assert.deepEqual([s.size, s.align, s.offsetOf("z")], [size, align, offset]));
}

test("the byte order of a struct is that of its numbers and their arrays", () => {
  const s = struct(
    "s",
    {
      a: u16,
      b: array(array(u16, 2), 2),
      c: le(u16),
      d: f32,
      e: i64,
      f: byteArray(2),
      g: cString(2),
      h: color,
      i: pointer,
      in: struct("in", { x: u16 }),
      j: bool,
    },
    { byteOrder: "big", packed: true },
  );
  const value = {
    a: 1,
    b: [
      [1, 2],
      [3, 4],
    ],
    c: 1,
    d: 1.5,
    e: -2n,
    f: Uint8Array.of(1, 2),
    g: "a",
    h: 1,
    i: 1n,
    in: { x: 1 },
    j: true,
  };
  const bytes = s.encode(value);
  assert.equal(
    toHex(bytes),
    "0001" +
      "0001000200030004" +
      "0100" +
      "3fc00000" +
      "fffffffffffffffe" +
      "0102" +
      "6100" +
      "00000001" +
      "0100000000000000" +
      "0100" +
      "01",
  );
  assert.deepEqual(s.decode(bytes), value);
  assert.deepEqual(
    s.fields.map(({ type }) => type.name),
    [
      "be(u16)",
      "be(u16)[2][2]",
      "le(u16)",
      "be(f32)",
      "be(i64)",
      "u8[2]",
      "char[2]",
      "be(color)",
      "pointer",
      "in",
      "bool",
    ],
  );
  assert.equal(s.byteOrder, "big");
  assert.equal(struct("s", { a: u16 }).byteOrder, "native");
});

test("bit fields of a big-endian struct begin at the highest bit", () => {
  const ip = struct(
    "ip",
    {
      version: bits(u32, 4),
      ihl: bits(u32, 4),
      tos: u8,
      length: u16,
      flags: bits(u16, 3),
      offset: bits(u16, 13),
    },
    { byteOrder: "big" },
  );
  const value = { version: 4, ihl: 5, tos: 0, length: 20, flags: 2, offset: 0x123 };
  assert.equal(toHex(ip.encode(value)), "4500001441230000");
  assert.deepEqual(ip.decode(ip.encode(value)), value);
  assert.deepEqual(ip.fields[5], {
    name: "offset",
    type: u16,
    offset: 4,
    size: 2,
    bits: { offset: 3, width: 13, highestFirst: true },
  });
  const wide = struct(
    "w",
    { a: bits(u64, 3), b: bits(i64, 60), c: bits(u8, 7) },
    { byteOrder: "big", packed: true },
  );
  const wideValue = { a: 5n, b: -(2n ** 59n), c: 127 };
  assert.equal(toHex(wide.encode(wideValue)), "b000000000000001fc");
  assert.deepEqual(wide.decode(wide.encode(wideValue)), wideValue);
});

test("writing one bit field leaves all other bits, in either order", () => {
  const options: StructOptions[] = [{ byteOrder: "big" }, { byteOrder: "little" }].flatMap((one) => [
    one as StructOptions,
    { ...one, packed: true } as StructOptions,
  ]);
  for (const option of options) {
    const s = struct(
      "s",
      { a: bits(u8, 3), b: bits(i16, 11), c: bits(u64, 33), _: unnamedBits(u8, 2), d: bits(u32, 5) },
      option,
    );
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: s.size, maxLength: s.size }),
        fc.bigInt(0n, 2n ** 33n - 1n),
        (bytes, c) => {
          const before = s.decode(bytes);
          const view = s.view(bytes);
          view.c = c;
          assert.deepEqual(s.decode(bytes), { ...before, c });
          view.c = before.c;
          view.b = before.b;
        },
      ),
    );
  }
});

test("be and le take numbers, enums and arrays of them, and nothing else", () => {
  assert.deepEqual(
    [
      be(u16),
      le(array(u16, 2)),
      be(f64),
      le(color),
      be(array(array(i64, 1), 2)),
      be(u8),
      le(array(tiny, 2)),
    ].map(({ name }) => name),
    ["be(u16)", "le(u16)[2]", "be(f64)", "le(color)", "be(i64)[2][1]", "u8", "tiny[2]"],
  );
  const s = struct("s", { list: be(array(u16, 2)) });
  const value: StructValue<typeof s> = s.decode(s.encode({ list: [1, 2] }));
  const list: readonly number[] = value.list;
  assert.deepEqual(list, [1, 2]);
  assert.equal(toHex(s.encode({ list })), "00010002");
  // @ts-expect-error: bytes have no order
  assert.throws(() => be(byteArray(2)), {
    name: "TypeError",
    message: /^be: expected an integer.*got u8\[2\]$/,
  });
  // @ts-expect-error: a struct has its own, which is given where it is declared
  assert.throws(() => le(s), { name: "TypeError", message: /^le: .* got s$/ });
  // @ts-expect-error: a pointer keeps the machine's
  assert.throws(() => be(pointer), TypeError);
  assert.throws(() => be(array(s, 2)), TypeError);
  assert.throws(() => be(undefined as unknown as OrderedType<IntegerType<number>>), TypeError);
});

const rejected: [string, () => unknown, string, string][] = [
  [
    "1e39 as a float",
    () => struct("s", { a: f32 }).encode({ a: 1e39 }),
    "RangeError",
    "s.a: expected a number that a float can hold, got 1e+39",
  ],
  [
    "a text as a double",
    () => struct("s", { a: f64 }).encode({ a: "1" as unknown as number }),
    "TypeError",
    's.a: expected a number, got "1"',
  ],
  [
    "a bigint as a float",
    () => struct("s", { a: f32 }).encode({ a: 1n as unknown as number }),
    "TypeError",
    "s.a: expected a number that a float can hold, got 1n",
  ],
  [
    "a negative pointer",
    () => struct("s", { a: pointer }).encode({ a: -1 }),
    "RangeError",
    "s.a: expected an integer 0 … 18446744073709551615 (a bigint, or a safe integer), got -1",
  ],
  ["an alignment of 3", () => aligned(u8, 3), "RangeError", "aligned: align: expected a power of two, got 3"],
  [
    "nothing to be aligned",
    () => aligned(undefined as unknown as typeof u8, 4),
    "TypeError",
    "aligned: expected a type, a bit field or an anonymous member, got undefined",
  ],
  [
    "another byte order",
    () => struct("s", {}, { byteOrder: "middle" as "big" }),
    "RangeError",
    's: byteOrder: expected "big", "little" or "native", got "middle"',
  ],
];
for (const [name, call, error, message] of rejected) {
  test(`rejects ${name}`, () => assert.throws(call, { name: error, message }));
}
