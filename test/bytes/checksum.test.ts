/** The Internet checksum against RFC 1071's example and a slow second implementation. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { internetChecksum, onesComplementSum } from "../../src/bytes/index.ts";

/** Word by word, carry by carry. */
function slowSum(bytes: Uint8Array, initial = 0): number {
  let sum = BigInt(initial);
  for (let at = 0; at < bytes.length; at += 2) {
    sum += BigInt(((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0));
  }
  while (sum > 0xffffn) sum = (sum & 0xffffn) + (sum >> 16n);
  return Number(sum);
}

test("RFC 1071 §3", () => {
  const bytes = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7);
  assert.equal(onesComplementSum(bytes), 0xddf2);
  assert.equal(internetChecksum(bytes), 0x220d);
});

test("nothing sums to 0, and its checksum is all ones", () => {
  assert.equal(onesComplementSum(new Uint8Array()), 0);
  assert.equal(internetChecksum(new Uint8Array()), 0xffff);
});

test("any bytes, at any place of a buffer, sum as they do word by word", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 700 }),
      fc.nat(9),
      fc.integer({ min: 0, max: 0xffff_ffff }),
      (bytes, before, initial) => {
        const buffer = new Uint8Array(before + bytes.length + 3);
        buffer.set(bytes, before);
        const part = buffer.subarray(before, before + bytes.length);
        assert.equal(onesComplementSum(part, initial), slowSum(bytes, initial));
      },
    ),
  );
});

for (const length of [127, 128, 129, 130, 131, 1500, 65_535, 4_000_003]) {
  test(`${length} bytes of all ones, where every carry happens`, () => {
    const bytes = new Uint8Array(length).fill(0xff);
    assert.equal(onesComplementSum(bytes), slowSum(bytes));
  });
}

test("parts of even length add up, and bytes with their checksum in them sum to 0", () => {
  const bytes = Uint8Array.from({ length: 1500 }, (_, at) => at * 37);
  const first = onesComplementSum(bytes.subarray(0, 512));
  assert.equal(onesComplementSum(bytes.subarray(512), first), onesComplementSum(bytes));
  new DataView(bytes.buffer).setUint16(10, 0);
  new DataView(bytes.buffer).setUint16(10, internetChecksum(bytes));
  assert.equal(internetChecksum(bytes), 0);
});

test("arguments are checked", () => {
  assert.throws(() => onesComplementSum([1, 2] as never), TypeError);
  assert.throws(() => internetChecksum(new Uint8Array(2), -1), RangeError);
  assert.throws(() => internetChecksum(new Uint8Array(2), 0.5), RangeError);
});
