/** Byte order conversions, against os.endianness() and against writing the bytes out one by one. */
import assert from "node:assert/strict";
import { endianness } from "node:os";
import { test } from "node:test";
import fc from "fast-check";
import { be64toh, htobe64, htonl, htons, nativeEndian, ntohl, ntohs } from "../../src/bytes/index.ts";

test("nativeEndian is what Node says of this machine", () => {
  assert.equal(nativeEndian, endianness() === "LE" ? "little" : "big");
});

/** Network order by division, then read back in this machine's order by multiplication. */
function slow(value: bigint, size: number): bigint {
  const network: bigint[] = [];
  for (let i = size - 1; i >= 0; i--) network.push((value / 256n ** BigInt(i)) % 256n);
  const memory = endianness() === "LE" ? network.reverse() : network;
  return memory.reduce((sum, byte) => sum * 256n + byte, 0n);
}

const accepted: [string, () => number | bigint, number | bigint][] = [
  ["htons of port 80", () => htons(80), Number(slow(80n, 2))],
  ["htons of 0", () => htons(0), 0],
  ["ntohs of 0xffff", () => ntohs(0xffff), 0xffff],
  ["htonl stays unsigned", () => htonl(0x000000ff), Number(slow(0xffn, 4))],
  ["ntohl of the greatest", () => ntohl(0xffffffff), 0xffffffff],
  ["htobe64 of a number", () => htobe64(1), slow(1n, 8)],
  ["be64toh of the greatest", () => be64toh(2n ** 64n - 1n), 2n ** 64n - 1n],
];
for (const [name, got, want] of accepted) test(name, () => assert.equal(got(), want));

const asNumber = (value: unknown): number => value as number;
const rejected: [string, () => unknown, object][] = [
  [
    "htons of 65536",
    () => htons(65536),
    { name: "RangeError", message: "htons: expected an integer 0 … 65535, got 65536" },
  ],
  [
    "htons of -1",
    () => htons(-1),
    { name: "RangeError", message: "htons: expected an integer 0 … 65535, got -1" },
  ],
  ["htons of 1.5", () => htons(1.5), { name: "RangeError", message: /got 1\.5$/ }],
  ["ntohs of NaN", () => ntohs(Number.NaN), { name: "RangeError", message: /^ntohs: .* got NaN$/ }],
  [
    "htons of a text",
    () => htons(asNumber("80")),
    { name: "TypeError", message: 'htons: expected an integer 0 … 65535, got "80"' },
  ],
  ["htons of undefined", () => htons(asNumber(undefined)), { name: "TypeError", message: /got undefined$/ }],
  ["htons of a bigint", () => htons(asNumber(80n)), { name: "TypeError", message: /got 80n$/ }],
  ["htonl of 2^32", () => htonl(2 ** 32), { name: "RangeError", message: /^htonl: .* got 4294967296$/ }],
  ["ntohl of -1", () => ntohl(-1), { name: "RangeError", message: /^ntohl: / }],
  ["htobe64 of 2^64", () => htobe64(2n ** 64n), { name: "RangeError", message: /^htobe64: / }],
  ["htobe64 of an unsafe number", () => htobe64(2 ** 53), { name: "RangeError", message: /safe integer/ }],
  ["be64toh of -1n", () => be64toh(-1n), { name: "RangeError", message: /^be64toh: .* got -1n$/ }],
  ["be64toh of null", () => be64toh(asNumber(null)), { name: "TypeError", message: /got null$/ }],
];
for (const [name, call, error] of rejected) test(`rejects ${name}`, () => assert.throws(call, error));

test("the conversions equal the slow one, and undo each other", () => {
  fc.assert(
    fc.property(fc.nat(0xffff), fc.nat(0xffffffff), fc.bigInt(0n, 2n ** 64n - 1n), (short, long, wide) => {
      assert.equal(htons(short), Number(slow(BigInt(short), 2)));
      assert.equal(htonl(long), Number(slow(BigInt(long), 4)));
      assert.equal(htobe64(wide), slow(wide, 8));
      assert.equal(ntohs(htons(short)), short);
      assert.equal(ntohl(htonl(long)), long);
      assert.equal(be64toh(htobe64(wide)), wide);
    }),
  );
});
