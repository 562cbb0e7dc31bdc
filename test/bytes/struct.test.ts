/** Structs: layouts known from the system's headers, encoding, decoding, cut input, and what is refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  array,
  be,
  byteArray,
  cString,
  type StructInput,
  type StructOptions,
  type StructValue,
  struct,
  toHex,
  u8,
  u16,
  u32,
  u64,
} from "../../src/bytes/index.ts";
import { systemStructs } from "./_system_structs.ts";

const { sockaddr_in, epoll_event } = systemStructs;

const sizes: [keyof typeof systemStructs, number, number][] = [
  ["sockaddr_in", 16, 4],
  ["sockaddr_in6", 28, 4],
  ["sockaddr_un", 110, 2],
  ["sockaddr_storage", 128, 8],
  ["epoll_event", 12, 1],
  ["tcphdr", 20, 4],
  ["iphdr", 20, 4],
  ["timeval", 16, 8],
  ["msghdr", 56, 8],
];
for (const [name, size, align] of sizes) {
  test(`struct ${name} has ${size} bytes, aligned to ${align}`, () => {
    assert.deepEqual([systemStructs[name].size, systemStructs[name].align], [size, align]);
  });
}

test("sockaddr_in lies in memory as the kernel wants it", () => {
  const bytes = sockaddr_in.encode({ sin_family: 2, sin_port: 80, sin_addr: Uint8Array.of(127, 0, 0, 1) });
  assert.equal(toHex(bytes), `${toHex(u16.toNeBytes(2))}00507f0000010000000000000000`);
  const value: StructValue<typeof sockaddr_in> = sockaddr_in.decode(bytes);
  assert.deepEqual(value, {
    sin_family: 2,
    sin_port: 80,
    sin_addr: Uint8Array.of(127, 0, 0, 1),
    sin_zero: new Uint8Array(8),
  });
});

test("fields, padding and offsets are told", () => {
  const t = struct("t", { a: u8, b: u32, c: u16 });
  assert.deepEqual([t.name, t.size, t.align, t.packed], ["t", 12, 4, false]);
  assert.deepEqual(t.fields, [
    { name: "a", type: u8, offset: 0, size: 1 },
    { name: "b", type: u32, offset: 4, size: 4 },
    { name: "c", type: u16, offset: 8, size: 2 },
  ]);
  assert.deepEqual(t.padding, [
    { offset: 1, size: 3 },
    { offset: 10, size: 2 },
  ]);
  assert.equal(t.offsetOf("b"), 4);
  // @ts-expect-error: "d" is not a field
  assert.throws(() => t.offsetOf("d"), {
    name: "TypeError",
    message: 't: no field "d"; the fields of t are a, b, c',
  });
});

const packings: [string, StructOptions, number, number, number][] = [
  ["natural", {}, 24, 8, 8],
  ["packed", { packed: true }, 11, 1, 1],
  ["packed: false", { packed: false }, 24, 8, 8],
  ["#pragma pack(2)", { packed: 2 }, 12, 2, 2],
  ["#pragma pack(4)", { packed: 4 }, 16, 4, 4],
  ["#pragma pack(16) limits nothing here", { packed: 16 }, 24, 8, 8],
  ["aligned(16)", { align: 16 }, 32, 16, 8],
  ["aligned(2) lowers nothing", { align: 2 }, 24, 8, 8],
  ["packed and aligned(4)", { packed: true, align: 4 }, 12, 4, 1],
];
for (const [name, options, size, align, offset] of packings) {
  test(`{ u8; u64; u16 } ${name}`, () => {
    const t = struct("t", { a: u8, b: u64, c: u16 }, options);
    assert.deepEqual([t.size, t.align, t.offsetOf("b")], [size, align, offset]);
    assert.equal(t.packed, options.packed ?? false);
  });
}

test("structs nest, and arrays of structs keep their stride", () => {
  const point = struct("point", { x: u8, y: u32 });
  const path = struct("path", { count: u8, points: array(point, 2), last: point });
  assert.deepEqual([path.size, path.align, path.offsetOf("points"), path.offsetOf("last")], [28, 4, 4, 20]);
  const value = {
    count: 2,
    points: [
      { x: 1, y: 2 },
      { x: 3, y: 4 },
    ],
    last: { x: 5, y: 6 },
  };
  assert.deepEqual(path.decode(path.encode(value)), value);
  assert.equal(path.fields[2]?.type, point);
  const flat = struct("flat", { count: u8, last: point }, { packed: true });
  assert.deepEqual([flat.size, flat.offsetOf("last")], [9, 1]); // the nested one keeps its own padding
});

test("an empty struct is gcc's: size 0, alignment 1", () => {
  const empty = struct("empty", {});
  assert.deepEqual(
    [empty.size, empty.align, empty.encode({}), empty.decode(Uint8Array.of())],
    [0, 1, new Uint8Array(), {}],
  );
});

test("fields left out are zero, and so is padding, whatever was in the target", () => {
  const t = struct("t", { a: u8, b: u32 });
  assert.deepEqual(t.encode({}), new Uint8Array(8));
  const target = new Uint8Array(12).fill(0xff);
  t.encodeInto({ a: 1 }, target, 2);
  assert.equal(toHex(target), `ffff${"0100000000000000"}ffff`);
});

test("encodeInto writes nothing if a value does not fit", () => {
  const t = struct("t", { a: u8, b: u32 });
  const target = new Uint8Array(8).fill(0xff);
  assert.throws(() => t.encodeInto({ a: 1, b: -1 }, target), { message: /^t\.b: / });
  assert.deepEqual(target, new Uint8Array(8).fill(0xff));
});

test("decode reads from an offset, in a view of a larger buffer, and ignores later bytes", () => {
  const t = struct("t", { a: be(u16) });
  const bytes = Uint8Array.of(9, 9, 9, 1, 2, 9).subarray(1);
  assert.deepEqual(t.decode(bytes, 2), { a: 0x0102 });
  assert.deepEqual(t.decode(bytes.subarray(2)), { a: 0x0102 });
});

test("values are typed by the definition", () => {
  const t = struct("t", { small: u8, wide: u64, name: cString(4), list: array(u16, 1) });
  type Input = StructInput<typeof t>;
  const input: Input = { wide: 5, small: 1 }; // a safe integer may stand for a bigint
  const value: StructValue<typeof t> = t.decode(t.encode(input));
  const wide: bigint = value.wide;
  const list: readonly number[] = value.list;
  assert.deepEqual([wide, list, value.name, value.small], [5n, [0], "", 1]);
  // @ts-expect-error: a text is not a number
  assert.throws(() => t.encode({ small: "1" }), { name: "TypeError" });
  // @ts-expect-error: values are read-only
  value.small = 2;
});

const outer = struct("outer", { inner: struct("in", { x: array(struct("leaf", { y: u16 }), 2) }) });
type SockaddrInput = StructInput<typeof sockaddr_in>;
const rejected: [string, () => unknown, string, string][] = [
  [
    "a value out of range",
    () => sockaddr_in.encode({ sin_port: 70000 }),
    "RangeError",
    "sockaddr_in.sin_port: expected an integer 0 … 65535, got 70000",
  ],
  [
    "undefined as a value",
    () => sockaddr_in.encode({ sin_port: undefined } as unknown as SockaddrInput),
    "TypeError",
    "sockaddr_in.sin_port: expected an integer 0 … 65535, got undefined",
  ],
  [
    "an unknown field",
    () => sockaddr_in.encode({ sin_prot: 80 } as unknown as SockaddrInput),
    "TypeError",
    'sockaddr_in: no field "sin_prot"; the fields of sockaddr_in are sin_family, sin_port, sin_addr, sin_zero',
  ],
  [
    "a field of Object.prototype",
    () => sockaddr_in.encode({ toString: 1 } as unknown as SockaddrInput),
    "TypeError",
    'sockaddr_in: no field "toString"; the fields of sockaddr_in are sin_family, sin_port, sin_addr, sin_zero',
  ],
  [
    "no object",
    () => sockaddr_in.encode(5 as unknown as SockaddrInput),
    "TypeError",
    "sockaddr_in: expected an object of fields, got 5",
  ],
  [
    "null",
    () => sockaddr_in.encode(null as unknown as SockaddrInput),
    "TypeError",
    "sockaddr_in: expected an object of fields, got null",
  ],
  [
    "a value deep within",
    () => outer.encode({ inner: { x: [{ y: 1 }, { y: -1 }] } }),
    "RangeError",
    "outer.inner.x[1].y: expected an integer 0 … 65535, got -1",
  ],
  [
    "an unknown field deep within",
    () => outer.encode({ inner: { z: 1 } as object }),
    "TypeError",
    'outer.inner: no field "z"; the fields of in are x',
  ],
  [
    "too few bytes",
    () => epoll_event.decode(new Uint8Array(11)),
    "RangeError",
    "epoll_event: expected 12 bytes, got 11",
  ],
  [
    "too few bytes after an offset",
    () => epoll_event.decode(new Uint8Array(12), 4),
    "RangeError",
    "epoll_event: expected 12 bytes from offset 4, got 8",
  ],
  [
    "an offset past the end",
    () => epoll_event.decode(new Uint8Array(2), 40),
    "RangeError",
    "epoll_event: expected 12 bytes from offset 40, got 0",
  ],
  [
    "a negative offset",
    () => epoll_event.decode(new Uint8Array(20), -1),
    "RangeError",
    "epoll_event: offset: expected an integer 0 … 9007199254740991, got -1",
  ],
  [
    "NaN as offset",
    () => epoll_event.encodeInto({}, new Uint8Array(20), Number.NaN),
    "RangeError",
    "epoll_event: offset: expected an integer 0 … 9007199254740991, got NaN",
  ],
  [
    "a target that is too short",
    () => epoll_event.encodeInto({}, new Uint8Array(20), 9),
    "RangeError",
    "epoll_event: expected 12 bytes from offset 9, got 11",
  ],
  [
    "an array for bytes",
    () => epoll_event.decode([1] as unknown as Uint8Array),
    "TypeError",
    "epoll_event: expected a Uint8Array, got an array of 1",
  ],
  [
    "a field name that is a number",
    () => struct("t", { 1: u8 }),
    "TypeError",
    't: expected a C identifier as field name, got "1"',
  ],
  [
    "a field name __proto__",
    () => struct("t", { ["__proto__"]: u8 }),
    "TypeError",
    't: expected a C identifier as field name, got "__proto__"',
  ],
  [
    "an alignment that is no power of two",
    () => struct("t", { a: u8 }, { align: 3 }),
    "RangeError",
    "t: align: expected a power of two, got 3",
  ],
  [
    "an alignment of 0",
    () => struct("t", { a: u8 }, { align: 0 }),
    "RangeError",
    "t: align: expected an integer 1 … 268435456, got 0",
  ],
  [
    "a packing of 3",
    () => struct("t", { a: u8 }, { packed: 3 as 4 }),
    "RangeError",
    "t: packed: expected true, false, 1, 2, 4, 8 or 16, got 3",
  ],
  [
    "another ABI",
    () => struct("t", { a: u8 }, { abi: "mips" as "arm64" }),
    "RangeError",
    't: abi: expected "x86-64" or "arm64", got "mips"',
  ],
];
for (const [name, call, error, message] of rejected) {
  test(`rejects ${name}`, () => assert.throws(call, { name: error, message }));
}

test("decodePrefix gives the fields that lie wholly within the bytes, at every length", () => {
  const inner = struct("inner", { p: u16, q: u16 });
  const t = struct("t", { a: u8, b: u32, c: inner, d: array(u8, 2), e: byteArray(1) });
  const whole = { a: 1, b: 2, c: { p: 3, q: 4 }, d: [5, 6], e: Uint8Array.of(7) };
  const bytes = t.encode(whole);
  for (let length = 0; length <= bytes.length; length++) {
    const got: Partial<StructValue<typeof t>> = t.decodePrefix(bytes.subarray(0, length));
    const want = Object.fromEntries(
      Object.entries(whole).filter(([name]) => {
        const field = t.fields.find((one) => one.name === name);
        return field && field.offset + field.size <= length;
      }),
    );
    assert.deepEqual(got, want);
  }
  assert.deepEqual(t.decodePrefix(Uint8Array.of(...bytes, 1, 2, 3)), whole);
  assert.deepEqual(t.decodePrefix(bytes.subarray(0, 8)), { a: 1, b: 2 });
});

test("decoding random bytes never throws, and encoding what came gives the field bytes back", () => {
  for (const s of [
    systemStructs.tcphdr,
    systemStructs.iphdr,
    systemStructs.sockaddr_in6,
    systemStructs.msghdr,
  ]) {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: s.size, maxLength: s.size }), (bytes) => {
        for (const { offset, size } of s.padding) bytes.fill(0, offset, offset + size);
        const again = (s.encode as (values: unknown) => Uint8Array)(s.decode(bytes));
        assert.deepEqual(again, bytes);
      }),
    );
  }
});
