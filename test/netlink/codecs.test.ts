/** Attributes and messages: there and back, what is unknown, what is refused, and random bytes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { u8 as field8, u16 as field16, fromHex, struct, toHex, WireError } from "../../src/bytes/index.ts";
import { Ipv4Addr, Ipv6Addr } from "../../src/ip/index.ts";
import {
  type Attribute,
  arrayOf,
  attributeTable,
  be16,
  be32,
  binary,
  eachMessage,
  encodeAttribute,
  encodeMessage,
  flag,
  ip,
  listOf,
  type Message,
  numbered,
  readAttributes,
  repeated,
  s8,
  s32,
  s64,
  structure,
  text,
  u8,
  u16,
  u32,
  u64,
} from "../../src/netlink/index.ts";

const PAIR = struct("pair", { left: field8, right: field16 });
const INNER = attributeTable("INNER_", { DEPTH: [1, u32], NAME: [2, text] });
const TABLE = attributeTable(
  "TEST_",
  {
    U8: [1, u8],
    U16: [2, u16],
    U32: [3, u32],
    U64: [4, u64],
    S8: [5, s8],
    S32: [6, s32],
    S64: [7, s64],
    BE16: [8, be16],
    BE32: [9, be32],
    FLAG: [10, flag],
    TEXT: [11, text],
    BINARY: [12, binary],
    IP: [13, ip],
    NEST: [14, INNER],
    ARRAY: [15, arrayOf(INNER)],
    NUMBERS: [16, arrayOf(u32)],
    LIST: [17, listOf(field16)],
    STRUCT: [18, structure(PAIR)],
    NAMES: [20, repeated(53, text)],
    NUMBERED: [21, numbered(INNER)],
  },
  19,
);

const rows: [what: string, values: Parameters<typeof TABLE.encode>[0], hex: string][] = [
  ["u8", { U8: 255 }, "05000100ff000000"],
  ["u16", { U16: 0x1234 }, "0600020034120000"],
  ["u32", { U32: 0xdeadbeef }, "08000300efbeadde"],
  ["u64", { U64: 0x0102030405060708n }, "0c0004000807060504030201"],
  ["u64, its end", { U64: 0xffffffffffffffffn }, "0c000400ffffffffffffffff"],
  ["s8", { S8: -128 }, "0500050080000000"],
  ["s32", { S32: -2 }, "08000600feffffff"],
  ["s64", { S64: -2n }, "0c000700feffffffffffffff"],
  ["be16", { BE16: 0x1234 }, "0600080012340000"],
  ["be32", { BE32: 0x89abcdef }, "0800090089abcdef"],
  ["flag", { FLAG: true }, "04000a00"],
  ["text", { TEXT: "eth0" }, "09000b006574683000000000"],
  ["text, empty", { TEXT: "" }, "05000b0000000000"],
  ["text, not ASCII", { TEXT: "ä" }, "07000b00c3a40000"],
  ["binary", { BINARY: Uint8Array.of(1, 2, 3) }, "07000c0001020300"],
  ["binary, empty", { BINARY: new Uint8Array() }, "04000c00"],
  ["IPv4", { IP: Ipv4Addr.parse("192.0.2.1") }, "08000d00c0000201"],
  ["IPv6", { IP: Ipv6Addr.parse("2001:db8::1") }, "14000d0020010db8000000000000000000000001"],
  ["nest", { NEST: { DEPTH: 1, NAME: "a" } }, "14000e80080001000100000006000200610000 00"],
  ["nest, empty", { NEST: {} }, "04000e80"],
  ["array of nests", { ARRAY: [{ DEPTH: 1 }, {}] }, "14000f800c00018008000100010000000400028 0"],
  ["array of numbers", { NUMBERS: [5, 6] }, "1400108008000100050000000800020006000000"],
  ["list", { LIST: [1, 2, 3] }, "0a001100010002000300 0000"],
  ["struct", { STRUCT: { left: 1, right: 2 } }, "0800120001000200"],
  ["several of a name", { NAMES: ["a", "b"] }, "140014800600350061000000060035006200 0000"],
  [
    "numbered by what they are about",
    {
      NUMBERED: new Map([
        [7, { DEPTH: 1 }],
        [300, {}],
      ]),
    },
    "140015800c000780080001000100000004002c81",
  ],
  ["two", { U8: 1, U32: 2 }, "05000100010000000800030002000000"],
];

for (const [what, values, spaced] of rows) {
  test(`there and back: ${what}`, () => {
    const hex = spaced.replaceAll(" ", "");
    assert.equal(toHex(TABLE.encode(values)), hex);
    assert.deepEqual(TABLE.decode(fromHex(hex)), values);
    const within = new Uint8Array(hex.length / 2 + 9).fill(0xee); // in the midst of others' bytes
    within.set(fromHex(hex), 5);
    assert.deepEqual(TABLE.decode(within, 5, 5 + hex.length / 2), values);
  });
}

test("undefined leaves an attribute out; 64 bits take safe integers; texts need no NUL", () => {
  assert.equal(TABLE.encode({ U8: undefined, TEXT: undefined }).length, 0);
  assert.deepEqual(TABLE.decode(TABLE.encode({ U64: 5, S64: -5 })), { U64: 5n, S64: -5n });
  assert.deepEqual(TABLE.decode(fromHex("08000b0065746830")), { TEXT: "eth0" });
  assert.deepEqual(TABLE.decode(fromHex("0a000b00610062630000 0000".replace(" ", ""))), { TEXT: "a" });
});

test("a padding attribute before 64 bits is nothing; of an attribute that is there twice the last counts", () => {
  assert.deepEqual(TABLE.decode(fromHex("040013000c0004000100000000000000")), { U64: 1n });
  assert.deepEqual(TABLE.decode(fromHex("05000100010000000500010002000000")), { U8: 2 });
});

test("a nest that is not marked as one is one; the flags do not change the type", () => {
  assert.deepEqual(TABLE.decode(fromHex("0c000e000800010001000000")), { NEST: { DEPTH: 1 } });
  assert.deepEqual(TABLE.decode(fromHex("0600084012340000")), { BE16: 0x1234 });
});

test("unknown attributes, and known ones with other data, survive", () => {
  for (const [hex, what] of [
    ["0700ff0f01020300", "an unknown type"],
    ["0700ff8f01020300", "an unknown nest"],
    ["0700ffcf01020300", "both flags"],
    ["0600010001020000", "an u8 of two bytes"],
    ["0c000300010203040506070 8".replace(" ", ""), "an u32 of eight bytes"],
    ["09000d0001020304 05000000".replace(" ", ""), "an address of five bytes"],
    ["07001100010203 00".replace(" ", ""), "a list of one and a half"],
    ["08000e80ffff0100", "a nest whose attribute is longer than it"],
    ["14001480060035006100000005003600 01000000".replace(" ", ""), "another among several of a name"],
    ["0c00108008000100ffff0200".replace("0800", "0700"), "an array whose element is no u32"],
    ["0c00158008000780ffff0100", "a numbered nest that is none"],
  ] as const) {
    const values = TABLE.decode(fromHex(hex));
    assert.equal(values.unknown?.length, 1, what);
    assert.deepEqual(Object.keys(values), ["unknown"], what);
    assert.equal(toHex(TABLE.encode(values)), hex, what);
  }
  const inner = TABLE.decode(fromHex("18000e800800010001000000 0c0063000102030405060708".replace(" ", "")));
  assert.deepEqual(inner.NEST?.unknown, [{ type: 0x63, data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) }]);
  assert.deepEqual(TABLE.decode(TABLE.encode(inner)), inner);
});

test("what is unknown is a copy", () => {
  const bytes = fromHex("0800630001020304");
  const [one] = TABLE.decode(bytes).unknown as Attribute[];
  bytes.fill(9);
  assert.deepEqual(one?.data, Uint8Array.of(1, 2, 3, 4));
});

test("a struct that a later kernel has made longer, or an earlier shorter", () => {
  assert.deepEqual(TABLE.decode(fromHex("0a00120001000200ffff0000")), { STRUCT: { left: 1, right: 2 } });
  assert.deepEqual(TABLE.decode(fromHex("0500120001000000")), { STRUCT: { left: 1 } });
});

test("values that do not fit are refused, with where", () => {
  const bad: [values: object, error: RegExp, type: ErrorConstructor][] = [
    [{ U8: 256 }, /TEST_U8: expected an integer 0 … 255, got 256/, RangeError],
    [{ U8: -1 }, /TEST_U8/, RangeError],
    [{ U8: 1.5 }, /TEST_U8/, RangeError],
    [{ U8: "1" }, /TEST_U8: expected an integer/, TypeError],
    [{ U32: 2 ** 32 }, /TEST_U32/, RangeError],
    [{ S8: 128 }, /TEST_S8: expected an integer -128 … 127/, RangeError],
    [{ U64: -1 }, /TEST_U64/, RangeError],
    [{ U64: 2 ** 53 }, /TEST_U64/, RangeError],
    [{ U64: 1n << 64n }, /TEST_U64/, RangeError],
    [{ FLAG: false }, /TEST_FLAG: expected true/, TypeError],
    [{ TEXT: 1 }, /TEST_TEXT: expected a string/, TypeError],
    [{ TEXT: "a\0b" }, /TEST_TEXT: .*NUL/, RangeError],
    [{ BINARY: [1] }, /TEST_BINARY: expected a Uint8Array/, TypeError],
    [{ IP: "1.2.3.4" }, /TEST_IP: expected an Ipv4Addr or Ipv6Addr/, TypeError],
    [{ NEST: { DEPTH: -1 } }, /TEST_NEST\.DEPTH/, RangeError],
    [{ NUMBERS: [1, -1] }, /TEST_NUMBERS\[1\]/, RangeError],
    [{ NUMBERS: 5 }, /TEST_NUMBERS: expected an array/, TypeError],
    [{ NUMBERED: {} }, /TEST_NUMBERED: expected a Map/, TypeError],
    [{ NUMBERED: new Map([[5, { DEPTH: -1 }]]) }, /TEST_NUMBERED\[5\]\.DEPTH/, RangeError],
    [{ LIST: [70000] }, /TEST_LIST\[0\]/, RangeError],
    [{ NONE: 1 }, /TEST_: no attribute NONE; the attributes are U8, U16/, TypeError],
    [{ NEST: { NONE: 1 } }, /TEST_NEST: no attribute NONE/, TypeError],
    [{ NEST: 5 }, /TEST_NEST: expected an object/, TypeError],
    [{ toString: 1 }, /TEST_: no attribute toString/, TypeError],
    [{ BINARY: new Uint8Array(65532) }, /at most 65531 bytes, got 65532/, RangeError],
  ];
  for (const [values, error, type] of bad) {
    assert.throws(
      () => TABLE.encode(values as never),
      (thrown) => thrown instanceof type && error.test(thrown.message),
      String(error),
    );
  }
  for (const type of [-1, 0x4000, 1.5]) {
    assert.throws(() => encodeAttribute({ type, data: new Uint8Array() }), RangeError);
  }
  assert.equal(encodeAttribute({ type: 0x3fff, data: new Uint8Array(65531) }).length, 65536);
});

test("lengths that cannot be are refused", () => {
  for (const hex of ["00000100", "03000100", "05000100", "ffff0100", "0400010003000100"]) {
    for (const read of [readAttributes, TABLE.decode]) {
      assert.throws(
        () => read(fromHex(hex)),
        (error) => error instanceof WireError && error.code === "BAD_LENGTH",
      );
    }
  }
  assert.deepEqual(
    readAttributes(fromHex("04000100000000")),
    [{ type: 1, data: new Uint8Array() }],
    "padding",
  );
});

const listed = (bytes: Uint8Array, length = bytes.length): Omit<Message, "bytes">[] => {
  const all: Omit<Message, "bytes">[] = [];
  eachMessage(bytes, length, ({ bytes: _, ...rest }) => all.push(rest));
  return all;
};

test("messages there and back, and cut at every length", () => {
  const header = { type: 0xfffe, flags: 0x8001, sequence: 0xffff_ffff, portId: 0x8000_0001 };
  const one = encodeMessage(header, Uint8Array.of(1, 2, 3, 4, 5));
  assert.equal(toHex(one), "15000000feff0180ffffffff010000800102030405000000");
  const two = new Uint8Array(48);
  two.set(one);
  two.set(one, 24);
  assert.deepEqual(listed(two), [
    { ...header, start: 16, end: 21 },
    { ...header, start: 40, end: 45 },
  ]);
  for (let length = 0; length <= two.length; length++) {
    if (length === 0 || length === 24 || length === 48 || length >= 45) listed(two, length);
    else if (length >= 21 && length < 24)
      assert.equal(listed(two, length).length, 1, "padding may be missing");
    else assert.throws(() => listed(two, length), WireError, `${length}`);
  }
  for (const bad of [{ type: 65536 }, { flags: -1 }, { sequence: 2 ** 32 }, { portId: 0.5 }]) {
    assert.throws(() => encodeMessage({ ...header, ...bad }, new Uint8Array()), RangeError);
  }
});

/** xorshift32: the same bytes in every run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

test("random bytes, and good ones with wrong bits, give values that stay, or WireError", () => {
  const next = random(0x5eed);
  const good = rows.map(([, values]) => TABLE.encode(values));
  let [decoded, refused] = [0, 0];
  for (let round = 0; round < 300_000; round++) {
    const bytes = (good[next() % good.length] as Uint8Array).slice();
    if (round % 3 === 0) for (let at = 0; at < bytes.length; at++) bytes[at] = next() >>> (at % 8);
    else bytes[next() % bytes.length] = next();
    const end = round % 5 === 0 ? next() % (bytes.length + 1) : bytes.length;
    try {
      const values = TABLE.decode(bytes, 0, end);
      decoded++;
      const again = TABLE.encode(values);
      // What comes out is what goes in: decoding it once more changes nothing.
      if (round % 10 === 1) assert.deepEqual(TABLE.encode(TABLE.decode(again)), again);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      refused++;
    }
  }
  assert.ok(decoded > 50_000 && refused > 20_000, `${decoded} decoded, ${refused} refused`);
});

test("random messages are visited within their bytes, or refused", () => {
  const next = random(0xfeed);
  const bytes = new Uint8Array(96);
  for (let round = 0; round < 300_000; round++) {
    for (let at = 0; at < bytes.length; at += 4) bytes[at] = next() % 100;
    bytes[1] = next() % 50 === 0 ? next() : 0;
    const length = next() % 97;
    try {
      eachMessage(bytes, length, ({ start, end }) => {
        assert.ok(start <= end && end <= length);
        readAttributes(bytes, start, end);
      });
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
  }
});
