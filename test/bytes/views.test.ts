/** Live views: fields that read and write the bytes, views within views, types, errors that name the place, and memory. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import {
  type ArrayView,
  anonymous,
  array,
  be,
  bits,
  bool,
  byteArray,
  cString,
  enumeration,
  f32,
  i8,
  i16,
  i32,
  i128,
  pointer,
  type StructView,
  struct,
  toHex,
  u8,
  u16,
  u32,
  u64,
  union,
  viewBytes,
} from "../../src/bytes/index.ts";
import { randomStructs } from "./_random_structs.ts";

const MyData = struct("MyData", { p1: i8, p2: i16, p3: i32 });

test("fields read and write the bytes", () => {
  const bytes = new Uint8Array(12);
  const view = MyData.view(bytes, 2);
  view.p1 = -1;
  view.p2 = 0x1234;
  view.p3 += 5;
  assert.equal(toHex(bytes), "0000ff003412050000000000");
  bytes[4] = 0x35;
  assert.equal(view.p2, 0x1235);
  assert.deepEqual(MyData.decode(bytes, 2), { p1: -1, p2: 0x1235, p3: 5 });
});

const point = struct("point", { x: u8, y: be(u32) });
const color = enumeration("color", { RED: 1 });
const S = struct("S", {
  small: u8,
  wide: u64,
  huge: i128,
  real: f32,
  flag: bool,
  color,
  text: cString(8),
  raw: byteArray(3),
  at: point,
  path: array(point, 2),
  grid: array(array(u16, 2), 2),
  names: array(cString(2), 2),
  addresses: array(byteArray(2), 2),
  word: union("word", { whole: u32, bytes: byteArray(4) }),
  _: anonymous(union("", { code: u16, low: u8, part: anonymous(struct("", { a: u8, b: u8 })) })),
  low3: bits(u8, 3),
  high5: bits(u8, 5),
  where: pointer,
  none: array(u32, 0),
});

test("every kind of field", () => {
  const bytes = new Uint8Array(S.size);
  const v: StructView<typeof S> = S.view(bytes);
  v.small = 1;
  v.wide = 2n ** 63n;
  v.huge = -1n;
  v.real = 0.5;
  v.flag = true;
  v.color = 1;
  v.text = "größe";
  v.raw.set([1, 2, 3]);
  v.at.x = 7;
  v.path.at(1).y = 8;
  v.grid.at(1).set(0, 9);
  v.names.set(1, "ab");
  v.addresses.at(0)[1] = 10;
  v.word.whole = 0x01020304;
  v.code = 0x0506;
  v.low3 = 7;
  v.high5 = 16;
  v.where = 11n;
  const { none, ...values } = S.decode(bytes);
  assert.deepEqual(values, {
    small: 1,
    wide: 2n ** 63n,
    huge: -1n,
    real: 0.5,
    flag: true,
    color: 1,
    text: "größe",
    raw: Uint8Array.of(1, 2, 3),
    at: { x: 7, y: 0 },
    path: [
      { x: 0, y: 0 },
      { x: 0, y: 8 },
    ],
    grid: [
      [0, 0],
      [9, 0],
    ],
    names: ["", "ab"],
    addresses: [Uint8Array.of(0, 10), new Uint8Array(2)],
    word: { whole: 0x01020304, bytes: Uint8Array.of(4, 3, 2, 1) },
    code: 0x0506,
    low: 6,
    a: 6,
    b: 5,
    low3: 7,
    high5: 16,
    where: 11n,
  });
  assert.deepEqual(none, []);
  assert.deepEqual(
    [v.text, v.at.x, v.names.at(1), v.a, v.word.bytes[0], v.none.length],
    ["größe", 7, "ab", 6, 4, 0],
  );
});

test("a text that becomes shorter leaves nothing of the longer one", () => {
  const v = S.view(new Uint8Array(S.size).fill(0x61));
  assert.equal(v.text, "aaaaaaaa");
  v.text = "b";
  assert.equal(v.text, "b");
  assert.equal(toHex(viewBytes(v).subarray(S.offsetOf("text"), S.offsetOf("raw"))), "6200000000000000");
  assert.equal(v.small, 0x61);
});

test("assigning a struct, a union or an array replaces it whole, and copies views", () => {
  const v = S.view(new Uint8Array(S.size).fill(0xff));
  v.at = { x: 1, y: 2 };
  assert.equal(toHex(viewBytes(v.at)), "0100000000000002"); // its padding is zero now
  v.path.set(0, v.at);
  v.at.x = 5;
  assert.deepEqual(v.path.toArray()[0], { x: 1, y: 2 });
  v.path.set(1, { x: 3 });
  assert.deepEqual(v.path.toArray()[1], { x: 3, y: 0 });
  v.path.assign([{ y: 1 }, {}]);
  assert.deepEqual(v.path.toArray(), [
    { x: 0, y: 1 },
    { x: 0, y: 0 },
  ]);
  const other = S.view(new Uint8Array(S.size));
  other.path = v.path;
  other.word = v.word;
  other.grid.assign([
    [1, 2],
    [3, 4],
  ]);
  other.grid.set(0, other.grid.at(1));
  assert.deepEqual(other.grid.toArray(), [
    [3, 4],
    [3, 4],
  ]);
  assert.deepEqual(other.path.toArray(), v.path.toArray());
  assert.equal(other.word.whole, 0xffffffff);
  assert.deepEqual(S.encode(other as never), viewBytes(other));
  assert.deepEqual(struct("T", { s: S }).encode({ s: other as never }), viewBytes(other));
});

test("moving an element onto one that it overlaps with takes its old bytes", () => {
  const list = struct("list", { all: array(point, 3) });
  const v = list.view(list.encode({ all: [{ x: 1 }, { x: 2 }, { x: 3 }] }));
  v.all.set(1, v.all.at(0));
  const same = v.all;
  v.all = same;
  assert.deepEqual(
    v.all.toArray().map(({ x }) => x),
    [1, 1, 3],
  );
});

test("an array of unions is copied by its bytes, since of the values only one member could be written", () => {
  const list = struct("list", { all: array(union("word", { whole: u32, bytes: byteArray(4) }), 2) });
  const [from, to] = [list.view(new Uint8Array(8).fill(7)), list.view(new Uint8Array(8))];
  to.all = from.all;
  assert.equal(to.all.at(1).whole, 0x07070707);
  assert.deepEqual(list.encode({ all: from.all as never }), viewBytes(from));
});

test("arrays are iterable, and know their length", () => {
  const v = S.view(new Uint8Array(S.size));
  const path: ArrayView<
    { readonly x: number; readonly y: number },
    object,
    StructView<typeof point>
  > = v.path;
  for (const one of path) one.x = 3;
  assert.deepEqual([v.path.length, [...v.path].map(({ x }) => x), [...v.grid.at(0)]], [2, [3, 3], [0, 0]]);
});

test("a view lies on a part of a larger buffer, and viewBytes gives that part", () => {
  const all = new Uint8Array(40);
  const part = all.subarray(8, 30);
  const v = MyData.view(part, 4);
  v.p3 = -1;
  assert.equal(all.indexOf(0xff), 16);
  const bytes = viewBytes(v);
  assert.deepEqual([bytes.buffer === all.buffer, bytes.byteOffset, bytes.length], [true, 12, 8]);
  assert.throws(() => viewBytes({}), { name: "TypeError" });
});

test("types follow the definition", () => {
  const v = S.view(new Uint8Array(S.size));
  const wide: bigint = v.wide;
  const text: string = v.text;
  const raw: Uint8Array = v.raw;
  const y: number = v.path.at(0).y;
  const cell: number = v.grid.at(0).at(1);
  const part: number = v.b;
  assert.deepEqual([wide, text, raw, y, cell, part], [0n, "", new Uint8Array(3), 0, 0, 0]);
  // @ts-expect-error: a text is not a number
  assert.throws(() => (v.small = "1"), TypeError);
  // @ts-expect-error: an array has no such index by [ ]
  assert.equal(v.path[0], undefined);
  // @ts-expect-error: no such field
  assert.equal(v.other, undefined);
});

test("what the console shows is the values; nothing but accessors is there", () => {
  const v = MyData.view(Uint8Array.of(1, 0, 2, 0, 3, 0, 0, 0));
  assert.equal(inspect(v), "{ p1: 1, p2: 2, p3: 3 }");
  assert.deepEqual(Object.keys(v), []);
  assert.equal(v.constructor.name, "MyData");
  const names: string[] = [];
  for (const name in v) names.push(name);
  assert.deepEqual(names, ["p1", "p2", "p3"]);
  assert.equal(MyData.view(new Uint8Array(8)).constructor, v.constructor);
});

test("fields may be called like what objects have", () => {
  const s = struct("s", { constructor: u8, toString: u8, view: u8, length: u8, hasOwnProperty: u8 });
  const bytes = new Uint8Array(5);
  const v = s.view(bytes);
  v.constructor = 1;
  v.toString = 2;
  v.hasOwnProperty = 3;
  assert.equal(toHex(bytes), "0102000003");
  assert.deepEqual(s.decode(bytes), { constructor: 1, toString: 2, view: 0, length: 0, hasOwnProperty: 3 });
});

const v = S.view(new Uint8Array(S.size));
const data = MyData.view(new Uint8Array(8));
const any = (value: unknown): never => value as never;
const rejected: [string, () => unknown, string, string][] = [
  [
    "a value out of range",
    () => (data.p2 = 70000),
    "RangeError",
    "MyData.p2: expected an integer -32768 … 32767, got 70000",
  ],
  [
    "a fraction",
    () => (data.p3 = 0.5),
    "RangeError",
    "MyData.p3: expected an integer -2147483648 … 2147483647, got 0.5",
  ],
  ["a text", () => (data.p1 = any("1")), "TypeError", 'MyData.p1: expected an integer -128 … 127, got "1"'],
  [
    "undefined",
    () => (data.p1 = any(undefined)),
    "TypeError",
    "MyData.p1: expected an integer -128 … 127, got undefined",
  ],
  [
    "a 64-bit value out of range",
    () => (v.wide = -1n),
    "RangeError",
    "S.wide: expected an integer 0 … 18446744073709551615 (a bigint, or a safe integer), got -1n",
  ],
  ["a bit field out of range", () => (v.low3 = 8), "RangeError", "S.low3: expected an integer 0 … 7, got 8"],
  [
    "a field deep within",
    () => (v.path.at(1).y = -1),
    "RangeError",
    "S.path[1].y: expected an integer 0 … 4294967295, got -1",
  ],
  [
    "an element",
    () => v.grid.at(1).set(0, 65536),
    "RangeError",
    "S.grid[1][0]: expected an integer 0 … 65535, got 65536",
  ],
  ["an index past the end", () => v.path.at(2), "RangeError", "S.path: expected an index 0 … 1, got 2"],
  ["a negative index", () => v.grid.at(0).at(-1), "RangeError", "S.grid[0]: expected an index 0 … 1, got -1"],
  [
    "an index that is a text",
    () => v.path.at(any("0")),
    "TypeError",
    'S.path: expected an index 0 … 1, got "0"',
  ],
  [
    "any index of an empty array",
    () => v.none.set(0, 1),
    "RangeError",
    "S.none: expected no index, since it is empty, got 0",
  ],
  [
    "too many elements",
    () => v.path.assign([{}, {}, {}]),
    "RangeError",
    "S.path: expected an array of 2, got an array of 3",
  ],
  [
    "a struct with a field that does not fit",
    () => (v.at = { x: 1, y: -1 }),
    "RangeError",
    "S.at.y: expected an integer 0 … 4294967295, got -1",
  ],
  [
    "a text that is too long",
    () => (v.text = "123456789"),
    "RangeError",
    'S.text: expected at most 8 bytes of UTF-8, got 9: "123456789"',
  ],
  [
    "bytes of another length",
    () => (v.raw = new Uint8Array(4)),
    "RangeError",
    "S.raw: expected 3 bytes, got 4 bytes",
  ],
  [
    "a member of a union",
    () => (v.word.whole = -1),
    "RangeError",
    "S.word.whole: expected an integer 0 … 4294967295, got -1",
  ],
  [
    "a member of an anonymous union",
    () => (v.code = -1),
    "RangeError",
    "S.code: expected an integer 0 … 65535, got -1",
  ],
  [
    "too few bytes",
    () => MyData.view(new Uint8Array(8), 1),
    "RangeError",
    "MyData: expected 8 bytes from offset 1, got 7",
  ],
  ["no bytes", () => MyData.view(any([])), "TypeError", "MyData: expected a Uint8Array, got an array of 0"],
];
for (const [name, call, error, message] of rejected) {
  test(`refuses ${name}, and writes nothing`, () => {
    const before = toHex(viewBytes(v)) + toHex(viewBytes(data));
    assert.throws(call, { name: error, message });
    assert.equal(toHex(viewBytes(v)) + toHex(viewBytes(data)), before);
  });
}

test("64-bit fields take safe integers at run time, as encode does", () => {
  (v as { wide: unknown }).wide = 5;
  assert.equal(v.wide, 5n);
});

test("views and encode write the same, and views and decode read the same, on random structs", () => {
  for (const { struct: s, values } of randomStructs(3, 500, "x86-64")) {
    const encoded = (s.encode as (values: unknown) => Uint8Array)(values);
    const view = s.view(new Uint8Array(s.size)) as Record<string, unknown>;
    for (const [name, value] of Object.entries(values)) view[name] = value;
    assert.deepEqual(viewBytes(view), encoded, s.name);
    const decoded = s.decode(encoded);
    for (const { name } of s.fields) assert.deepEqual(plain(view[name]), decoded[name], `${s.name}.${name}`);
  }
});

/** What a view shows, as decode gives it. */
function plain(value: unknown): unknown {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  const shown = (value as Record<symbol, (() => unknown) | undefined>)[
    Symbol.for("nodejs.util.inspect.custom")
  ];
  return shown ? shown.call(value) : value;
}
