/** Hexadecimal text: rows to accept and to reject, and the dump against the real hexdump. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { fromHex, hexDump, toHex } from "../../src/bytes/index.ts";

test("toHex writes two digits per byte, with a separator if told", () => {
  const mac = Uint8Array.of(0x02, 0x42, 0xac, 0x11, 0x00, 0x0f);
  assert.equal(toHex(mac), "0242ac11000f");
  assert.equal(toHex(mac, ":"), "02:42:ac:11:00:0f");
  assert.equal(toHex(Uint8Array.of()), "");
  assert.throws(() => toHex([1, 2] as unknown as Uint8Array), {
    name: "TypeError",
    message: "toHex: expected a Uint8Array, got an array of 2",
  });
});

const accepted: [string, string, number[]][] = [
  ["nothing", "", []],
  ["only whitespace", " \n\t ", []],
  ["lower case", "00ff7a", [0x00, 0xff, 0x7a]],
  ["upper and mixed case", "DEadBEef", [0xde, 0xad, 0xbe, 0xef]],
  ["colons", "02:42:ac", [0x02, 0x42, 0xac]],
  ["groups of four and lines", "4500 0034\r\n1c46", [0x45, 0x00, 0x00, 0x34, 0x1c, 0x46]],
];
for (const [name, text, bytes] of accepted) {
  test(`fromHex reads ${name}`, () => assert.deepEqual(fromHex(text), Uint8Array.from(bytes)));
}

const rejected: [string, string, string][] = [
  ["a letter", "0g", 'expected the second hex digit of a byte at position 1, got "g"'],
  ["0x", "0x12", 'expected the second hex digit of a byte at position 1, got "x"'],
  ["a dash", "12-34", 'expected a hex digit at position 2, got "-"'],
  ["half a byte at the end", "123", "expected the second hex digit of a byte at position 3, got the end"],
  ["a separator within a byte", "0:1", 'expected the second hex digit of a byte at position 1, got ":"'],
  ["a digit of another script", "١٢", 'expected a hex digit at position 0, got "١"'],
  ["a character outside the BMP", "12😀", 'expected a hex digit at position 2, got "😀"'],
  ["the character after 9", "1:;2", 'expected the second hex digit of a byte at position 1, got ":"'],
  ["the character before a", "`0", 'expected a hex digit at position 0, got "`"'],
  [
    "a control character that case folding makes a digit",
    "\u0010\u0011",
    'expected a hex digit at position 0, got "\\u0010"',
  ],
];
for (const [name, text, message] of rejected) {
  test(`fromHex rejects ${name}`, () =>
    assert.throws(() => fromHex(text), { name: "RangeError", message: `fromHex: ${message}` }));
}

test("fromHex rejects what is not a string", () => {
  assert.throws(() => fromHex(12 as unknown as string), {
    name: "TypeError",
    message: "fromHex: expected a string, got 12",
  });
});

test("fromHex undoes toHex, and both agree with Buffer", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.constantFrom("", " ", ":", "\n"),
      (bytes, separator) => {
        assert.equal(toHex(bytes), Buffer.from(bytes).toString("hex"));
        assert.deepEqual(fromHex(toHex(bytes, separator)), bytes);
        assert.deepEqual(fromHex(toHex(bytes, separator).toUpperCase()), bytes);
      },
    ),
  );
});

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

const dumps: [string, string, number, string[]][] = [
  ["nothing", "", 0, []],
  [
    "a short line",
    "hi\n",
    0,
    ["00000000  68 69 0a                                          |hi.|", "00000003"],
  ],
  [
    "a full line, from another address",
    "0123456789abcdef",
    0x1000,
    ["00001000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|", "00001010"],
  ],
  [
    "repeated lines",
    "x".repeat(50),
    0,
    [
      "00000000  78 78 78 78 78 78 78 78  78 78 78 78 78 78 78 78  |xxxxxxxxxxxxxxxx|",
      "*",
      "00000030  78 78                                             |xx|",
      "00000032",
    ],
  ],
];
for (const [name, text, offset, lines] of dumps) {
  test(`hexDump of ${name}`, () => assert.equal(hexDump(ascii(text), { offset }), lines.join("\n")));
}

test("hexDump shows bytes that are not printable ASCII as dots", () => {
  assert.match(hexDump(Uint8Array.of(0x1f, 0x20, 0x7e, 0x7f, 0x80, 0xe9, 0xff)), /\|\. ~\.{4}\|/);
});

test("hexDump refuses an address that is not one", () => {
  for (const offset of [-1, 0.5, Number.NaN, 2 ** 53]) {
    assert.throws(() => hexDump(Uint8Array.of(1), { offset }), {
      name: "RangeError",
      message: /^hexDump: offset: /,
    });
  }
});

const hasHexdump = spawnSync("hexdump", ["-C"], { input: "" }).status === 0;
test("hexDump prints what hexdump -C prints", {
  skip: hasHexdump ? false : "hexdump (bsdextrautils) is not installed",
}, () => {
  // Few different bytes, so that lines repeat.
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    fc
      .array(fc.constantFrom(0, 1), { maxLength: 6 })
      .chain((lines) =>
        fc
          .nat(15)
          .map((rest) =>
            Uint8Array.from([
              ...lines.flatMap((byte) => Array<number>(16).fill(byte)),
              ...Array<number>(rest).fill(0),
            ]),
          ),
      ),
  );
  fc.assert(
    fc.property(bytes, (input) => {
      const real = spawnSync("hexdump", ["-C"], { input, encoding: "utf8" }).stdout;
      assert.equal(hexDump(input), real.replace(/\n$/, ""));
    }),
    { numRuns: 60 },
  );
});
