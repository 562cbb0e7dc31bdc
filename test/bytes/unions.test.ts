/** Unions and anonymous members: layout, decoding of all members, encoding of one, types, and what is refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  aligned,
  anonymous,
  array,
  be,
  bits,
  byteArray,
  cString,
  i16,
  packed,
  type StructInput,
  type StructValue,
  struct,
  toHex,
  u8,
  u16,
  u32,
  u64,
  union,
  unnamedBits,
} from "../../src/bytes/index.ts";

const word = union("word", { whole: be(u32), half: u16, bytes: byteArray(4) });

test("a union is as large as its largest member, and as aligned as the strictest", () => {
  const shapes = [
    union("u", { a: u8, b: u32 }),
    union("u", { a: array(u8, 9), b: u64 }),
    union("u", { a: array(u8, 9), b: u64 }, { packed: true }),
    union("u", { a: array(u8, 9), b: u64 }, { packed: 2 }),
    union("u", { a: u8 }, { align: 8 }),
    union("u", { a: u8, b: bits(u32, 20) }),
    union("u", { a: u8, b: unnamedBits(u32, 20) }),
    union("u", { a: u8, b: unnamedBits(u32, 20) }, { abi: "arm64" }),
    union("u", { a: aligned(u8, 4) }),
    union("u", {}),
  ];
  assert.deepEqual(
    shapes.map(({ size, align }) => [size, align]),
    [
      [4, 4],
      [16, 8],
      [9, 1],
      [10, 2],
      [8, 8],
      [4, 4],
      [3, 1],
      [4, 4],
      [4, 4],
      [0, 1],
    ],
  );
  assert.equal(word.kind, "union");
  assert.deepEqual(
    word.fields.map(({ name, offset, size }) => [name, offset, size]),
    [
      ["whole", 0, 4],
      ["half", 0, 2],
      ["bytes", 0, 4],
    ],
  );
  assert.deepEqual(word.padding, []);
});

test("decoding gives every member, encoding takes one or none", () => {
  const bytes = word.encode({ whole: 0x7f000001 });
  assert.equal(toHex(bytes), "7f000001");
  assert.deepEqual(word.decode(bytes), { whole: 0x7f000001, half: 0x7f, bytes: Uint8Array.of(127, 0, 0, 1) });
  assert.equal(toHex(word.encode({ half: 0x1234 })), "34120000");
  assert.equal(toHex(word.encode({})), "00000000");
  assert.deepEqual(word.decodePrefix(bytes.subarray(0, 3)), { half: 0x7f });
});

const event = struct("event", {
  kind: u8,
  _: anonymous(
    union("", {
      code: u32,
      text: cString(8),
      __: anonymous(struct("", { x: i16, y: i16 }, { byteOrder: "big" })),
    }),
  ),
  tail: u8,
});

test("the fields of anonymous members are those of the outer struct", () => {
  assert.deepEqual(
    event.fields.map(({ name, offset }) => [name, offset]),
    [
      ["kind", 0],
      ["code", 4],
      ["text", 4],
      ["x", 4],
      ["y", 6],
      ["tail", 12],
    ],
  );
  assert.deepEqual(event.padding, [
    { offset: 1, size: 3 },
    { offset: 13, size: 3 },
  ]);
  assert.equal(event.offsetOf("y"), 6);
  const bytes = event.encode({ kind: 1, x: 1, y: -1, tail: 9 });
  assert.equal(toHex(bytes), "010000000001ffff0000000009000000");
  assert.deepEqual(event.decode(bytes), {
    kind: 1,
    code: 0xffff0100,
    text: "",
    x: 1,
    y: -1,
    tail: 9,
  });
  assert.deepEqual(event.decodePrefix(bytes.subarray(0, 8)), { kind: 1, code: 0xffff0100, x: 1, y: -1 });
});

test("padding is what no member covers, in whatever order they lie", () => {
  const s = struct("s", {
    _: anonymous(union("", { a: anonymous(struct("", { p: u8, q: u64 })), b: u32, c: array(u8, 6) })),
  });
  assert.deepEqual(s.padding, [{ offset: 6, size: 2 }]);
});

test("a union of structs that begin alike can be read through any of them", () => {
  const sa = struct("sa", { family: u16, data: byteArray(6) });
  const sin = struct("sin", { family: u16, port: be(u16), addr: byteArray(4) });
  const any = union("any", { sa, sin });
  const value = any.decode(any.encode({ sin: { family: 2, port: 80, addr: Uint8Array.of(1, 2, 3, 4) } }));
  assert.equal(value.sa.family, 2);
  assert.deepEqual(value.sa.data, Uint8Array.of(0, 80, 1, 2, 3, 4));
});

test("types: values have all members, input one at most", () => {
  const value: StructValue<typeof word> = word.decode(new Uint8Array(4));
  const whole: number = value.whole;
  const bytes: Uint8Array = value.bytes;
  assert.deepEqual([whole, bytes], [0, new Uint8Array(4)]);
  const one: StructInput<typeof word> = { half: 1 };
  assert.equal(word.encode(one).length, 4);
  // @ts-expect-error: two members of a union
  assert.throws(() => word.encode({ half: 1, whole: 2 }), TypeError);
  // @ts-expect-error: no such member
  assert.throws(() => word.encode({ third: 1 }), TypeError);
  // @ts-expect-error: a text is not a number
  assert.throws(() => word.encode({ half: "1" }), TypeError);
  const input: StructInput<typeof event> = { kind: 1, x: 1, y: 2 };
  assert.equal(event.encode(input).length, 16);
  const { x, code, text }: StructValue<typeof event> = event.decode(event.encode({ code: 1 }));
  const typed: [number, number, string] = [x, code, text];
  assert.deepEqual(typed, [256, 1, "\x01"]);
  // @ts-expect-error: x and code lie in the same place
  assert.throws(() => event.encode({ x: 1, code: 2 }), TypeError);
  // @ts-expect-error: the anonymous member has no name
  assert.throws(() => event.encode({ _: { x: 1 } }), TypeError);
});

type Loose = { encode(values: object): Uint8Array };
const rejected: [string, () => unknown, string, string][] = [
  [
    "two members of a union",
    () => (word as Loose).encode({ whole: 1, half: 2 }),
    "TypeError",
    "word: expected one member of a union, got whole and half",
  ],
  [
    "two members of an anonymous union",
    () => (event as Loose).encode({ kind: 1, code: 1, text: "a" }),
    "TypeError",
    "event: expected one member of a union, got code and text",
  ],
  [
    "a field of a struct in it and another member",
    () => (event as Loose).encode({ y: 1, text: "a" }),
    "TypeError",
    "event: expected one member of a union, got y and text",
  ],
  [
    "two members deep within",
    () => (struct("s", { list: array(word, 2) }) as Loose).encode({ list: [{}, { whole: 1, half: 2 }] }),
    "TypeError",
    "s.list[1]: expected one member of a union, got whole and half",
  ],
  [
    "what was decoded, all members of it",
    () => (word as Loose).encode(word.decode(new Uint8Array(4))),
    "TypeError",
    "word: expected one member of a union, got whole and half",
  ],
  [
    "a value that does not fit, by its outer name",
    () => event.encode({ x: 40000 }),
    "RangeError",
    "event.x: expected an integer -32768 … 32767, got 40000",
  ],
  [
    "a name that is there twice",
    () => struct("s", { a: u8, _: anonymous(struct("", { a: u8 })) }),
    "TypeError",
    's: two fields are called "a"',
  ],
  [
    "an anonymous member that has no fields",
    () => struct("s", { a: anonymous(u8) }),
    "TypeError",
    "s.a: anonymous: expected a struct or union, got an object (Object)",
  ],
];
for (const [name, call, error, message] of rejected) {
  test(`rejects ${name}`, () => assert.throws(call, { name: error, message }));
}

test("a packed struct takes the padding before an anonymous member, not that in it", () => {
  const inner = struct("", { a: u8, b: u32 });
  const s = struct("s", { x: u8, _: anonymous(inner) }, { packed: true });
  assert.deepEqual([s.size, s.offsetOf("a"), s.offsetOf("b")], [9, 1, 5]);
  const one = struct("s", { x: u8, _: packed(anonymous(inner)), y: u32 });
  assert.deepEqual([one.size, one.offsetOf("b"), one.offsetOf("y")], [16, 5, 12]);
  const far = struct("s", { x: u8, _: aligned(anonymous(inner), 16) });
  assert.deepEqual([far.size, far.align, far.offsetOf("a")], [32, 16, 16]);
});
