/** Bit fields: where they lie, what they refuse, and that writing one leaves its neighbours alone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bitAccess } from "../../src/bytes/bits.ts";
import {
  bits,
  i8,
  i32,
  i64,
  struct,
  toHex,
  u8,
  u16,
  u32,
  u64,
  u128,
  unnamedBits,
} from "../../src/bytes/index.ts";

/** RFC 791's first byte, as <netinet/ip.h> declares it on little-endian machines. */
const first = struct("first", { ihl: bits(u32, 4), version: bits(u32, 4), tos: u8, total: u16 });

test("the first bit field is the lowest bits", () => {
  assert.equal(first.size, 4);
  assert.deepEqual(first.fields[1], {
    name: "version",
    type: u32,
    offset: 0,
    size: 1,
    bits: { offset: 4, width: 4 },
  });
  assert.equal(toHex(first.encode({ version: 4, ihl: 5, tos: 0x10, total: 0x0102 })), "45100201");
  assert.deepEqual(first.decode(Uint8Array.of(0x45, 0, 0, 0)), { ihl: 5, version: 4, tos: 0, total: 0 });
});

test("signed fields are sign-extended, and 64-bit ones are bigint whatever their width", () => {
  const s = struct("s", { a: bits(i8, 3), b: bits(i32, 5), c: bits(u64, 4), d: bits(i64, 64) });
  const values = { a: -4, b: -1, c: 15n, d: -(2n ** 63n) };
  assert.deepEqual(s.decode(s.encode(values)), values);
});

const layouts: [
  string,
  { size: number; align: number; offsetOf(field: "z"): number },
  number,
  number,
  number,
][] = [
  [
    "a field that would straddle its type starts anew",
    struct("s", { a: bits(u8, 5), z: bits(u8, 4) }),
    2,
    1,
    1,
  ],
  ["packed, it straddles", struct("s", { a: bits(u8, 5), z: bits(u8, 4) }, { packed: true }), 2, 1, 0],
  [
    "#pragma pack(4) lets it straddle too",
    struct("s", { a: bits(u8, 5), z: bits(u8, 4) }, { packed: 4 }),
    2,
    1,
    0,
  ],
  ["a wider type shares the bytes of a narrower", struct("s", { a: u8, z: bits(u32, 24) }), 4, 4, 1],
  [
    "width 0 ends the unit",
    struct("s", { a: bits(u32, 3), _: unnamedBits(u32, 0), z: bits(u32, 3) }),
    8,
    4,
    4,
  ],
  [
    "width 0 ends the unit in a packed struct too",
    struct("s", { a: bits(u32, 3), _: unnamedBits(u16, 0), z: u8 }, { packed: true }),
    3,
    1,
    2,
  ],
  ["unnamed bits take room", struct("s", { a: bits(u8, 3), _: unnamedBits(u8, 5), z: bits(u8, 1) }), 2, 1, 1],
  // The one difference of the two ABIs: AAPCS64, "Bit-fields"; gcc's TARGET_ALIGN_ANON_BITFIELD.
  [
    "x86-64: width 0 does not align the struct",
    struct("s", { a: u8, _: unnamedBits(u32, 0), z: u8 }),
    5,
    1,
    4,
  ],
  [
    "arm64: width 0 aligns the struct",
    struct("s", { a: u8, _: unnamedBits(u32, 0), z: u8 }, { abi: "arm64" }),
    8,
    4,
    4,
  ],
  [
    "x86-64: unnamed bits do not align the struct",
    struct("s", { a: u8, _: unnamedBits(u32, 8), z: u8 }),
    3,
    1,
    2,
  ],
  [
    "arm64: unnamed bits align the struct",
    struct("s", { a: u8, _: unnamedBits(u32, 8), z: u8 }, { abi: "arm64" }),
    4,
    4,
    2,
  ],
  [
    "arm64, packed: width 0 aligns it still",
    struct("s", { a: u8, _: unnamedBits(u32, 0), z: u8 }, { abi: "arm64", packed: true }),
    8,
    4,
    4,
  ],
  [
    "arm64, packed: unnamed bits do not align",
    struct("s", { a: u8, _: unnamedBits(u32, 8), z: u8 }, { abi: "arm64", packed: true }),
    3,
    1,
    2,
  ],
];
for (const [name, s, size, align, offset] of layouts) {
  test(name, () => assert.deepEqual([s.size, s.align, s.offsetOf("z")], [size, align, offset]));
}

test("unnamed bits have no value and no field", () => {
  const s = struct("s", { a: bits(u8, 1), gap: unnamedBits(u8, 3), b: bits(u8, 1) });
  assert.deepEqual(s.decode(Uint8Array.of(0xff)), { a: 1, b: 1 });
  assert.deepEqual(
    s.fields.map((field) => field.name),
    ["a", "b"],
  );
  // @ts-expect-error: a bit field without a name cannot be given
  assert.throws(() => s.encode({ gap: 1 }), { name: "TypeError", message: /^s: no field "gap"/ });
});

const rejected: [string, () => unknown, string, string][] = [
  [
    "a value of too many bits",
    () => first.encode({ ihl: 16 }),
    "RangeError",
    "first.ihl: expected an integer 0 … 15, got 16",
  ],
  [
    "a negative value",
    () => first.encode({ ihl: -1 }),
    "RangeError",
    "first.ihl: expected an integer 0 … 15, got -1",
  ],
  [
    "a wrong type",
    () => first.encode({ ihl: "5" as unknown as number }),
    "TypeError",
    'first.ihl: expected an integer 0 … 15, got "5"',
  ],
  [
    "a signed value out of range",
    () => struct("s", { a: bits(i8, 3) }).encode({ a: 4 }),
    "RangeError",
    "s.a: expected an integer -4 … 3, got 4",
  ],
  [
    "a 64-bit value out of range",
    () => struct("s", { a: bits(i64, 40) }).encode({ a: 2n ** 39n }),
    "RangeError",
    "s.a: expected an integer -549755813888 … 549755813887 (a bigint, or a safe integer), got 549755813888n",
  ],
  [
    "width 0 with a name, as C does",
    () => bits(u8, 0),
    "RangeError",
    "bits: width of u8 bits: expected an integer 1 … 8, got 0",
  ],
  [
    "more bits than the type has",
    () => bits(u16, 17),
    "RangeError",
    "bits: width of u16 bits: expected an integer 1 … 16, got 17",
  ],
  [
    "half a bit",
    () => unnamedBits(u16, 0.5),
    "RangeError",
    "unnamedBits: width of u16 bits: expected an integer 0 … 16, got 0.5",
  ],
  ["a 128-bit type", () => bits(u128, 3), "RangeError", "bits: expected a type of 8 to 64 bits, got u128"],
];
for (const [name, call, error, message] of rejected) {
  test(`rejects ${name}`, () => assert.throws(call, { name: error, message }));
}

test("writing a field sets its bits and leaves all others, at every shift and width", () => {
  const types = [bits(u32, 1).type, bits(i32, 1).type, u64, i64] as const;
  fc.assert(
    fc.property(
      fc.constantFrom(...types),
      fc.nat(7),
      fc.integer({ min: 1, max: 64 }),
      fc.uint8Array({ minLength: 9, maxLength: 9 }),
      fc.bigInt(0n, 2n ** 64n - 1n),
      (type, shift, anyWidth, bytes, random) => {
        const width = Math.min(anyWidth, type.size * 8);
        const mask = (1n << BigInt(width)) - 1n;
        const raw = random & mask;
        const value = type.signed ? BigInt.asIntN(width, raw) : raw;
        const access = bitAccess({ type: type as never, width, named: true }, shift);
        const wholeOf = (from: Uint8Array): bigint => BigInt(`0x${toHex(from.toReversed())}`);
        const before = wholeOf(bytes);
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
        const given = type.size > 4 ? value : Number(value);
        access.write(view, 0, given, "here");
        assert.equal(access.read(view, 0), given);
        assert.equal(wholeOf(bytes), (before & ~(mask << BigInt(shift))) | (raw << BigInt(shift)));
      },
    ),
  );
});
