/** The integer types: ranges, bytes in every order against a slow second implementation, and what they refuse. */
import assert from "node:assert/strict";
import { endianness } from "node:os";
import { test } from "node:test";
import fc from "fast-check";
import { type IntegerType, i8, i16, i32, i64, i128, u8, u16, u32, u64, u128 } from "../../src/bytes/index.ts";

const numbers = [u8, u16, u32, i8, i16, i32];
const bigints = [u64, u128, i64, i128];
/** All of them, seen alike: the tests here convert to and from bigint themselves. */
const all = [...numbers, ...bigints] as unknown as IntegerType<number | bigint>[];

const asValue = (type: IntegerType<number | bigint>, value: bigint): number | bigint =>
  type.size > 4 ? value : Number(value);

/** Two's complement by division, most significant byte first. */
function slowBytes(value: bigint, size: number): number[] {
  let rest = value < 0n ? value + 256n ** BigInt(size) : value;
  const bytes: number[] = [];
  for (let i = 0; i < size; i++) {
    bytes.unshift(Number(rest % 256n));
    rest /= 256n;
  }
  return bytes;
}

for (const type of all) {
  const width = BigInt(Number(type.name.slice(1)));
  const least = type.name.startsWith("i") ? -(2n ** (width - 1n)) : 0n;
  const greatest = least + 2n ** width - 1n;

  test(`${type.name} has C's size and range`, () => {
    assert.equal(type.size, Number(width) / 8);
    assert.equal(type.align, type.size);
    assert.equal(type.signed, least < 0n);
    assert.equal(type.min, asValue(type, least));
    assert.equal(type.max, asValue(type, greatest));
  });

  test(`${type.name} to and from bytes equals the slow way, at the edges and between`, () => {
    const check = (value: bigint): void => {
      const big = slowBytes(value, type.size);
      const little = big.toReversed();
      const given = asValue(type, value);
      assert.deepEqual([...type.toBeBytes(given)], big);
      assert.deepEqual([...type.toLeBytes(given)], little);
      assert.deepEqual([...type.toNeBytes(given)], endianness() === "LE" ? little : big);
      assert.equal(type.fromBeBytes(Uint8Array.from(big)), given);
      assert.equal(type.fromLeBytes(Uint8Array.from(little)), given);
      assert.equal(type.fromNeBytes(type.toNeBytes(given)), given);
    };
    for (const edge of [least, least + 1n, -1n, 0n, 1n, greatest - 1n, greatest]) {
      if (edge >= least) check(edge);
    }
    fc.assert(fc.property(fc.bigInt(least, greatest), check));
  });

  test(`${type.name} refuses what is out of range, fractional or of a wrong type`, () => {
    for (const value of [least - 1n, greatest + 1n]) {
      assert.throws(() => type.toBeBytes(asValue(type, value)), {
        name: "RangeError",
        message: new RegExp(`^${type.name}: expected an integer ${least} … ${greatest}.*, got ${value}n?$`),
      });
    }
    for (const value of [0.5, Number.NaN, Number.POSITIVE_INFINITY, -Number.MAX_VALUE]) {
      assert.throws(() => type.toLeBytes(value), { name: "RangeError", message: / got / });
    }
    for (const value of ["1", undefined, null, true, {}, [1], () => 1, Symbol("one")]) {
      assert.throws(() => type.toNeBytes(value as unknown as number), {
        name: "TypeError",
        message: new RegExp(`^${type.name}: `),
      });
    }
  });

  test(`${type.name} from bytes wants exactly ${type.size}`, () => {
    for (const length of [0, type.size - 1, type.size + 1]) {
      const error = {
        name: "RangeError",
        message: `${type.name}: expected ${type.size} bytes, got ${length}`,
      };
      assert.throws(() => type.fromBeBytes(new Uint8Array(length)), error);
      assert.throws(() => type.fromLeBytes(new Uint8Array(length)), error);
      assert.throws(() => type.fromNeBytes(new Uint8Array(length)), error);
    }
    assert.throws(() => type.fromBeBytes([1] as unknown as Uint8Array), { name: "TypeError" });
  });

  test(`${type.name} reads bytes that start within a larger buffer`, () => {
    const bytes = new Uint8Array(type.size + 3).fill(0xff);
    bytes.set(type.toBeBytes(asValue(type, 5n)), 3);
    assert.equal(type.fromBeBytes(bytes.subarray(3)), asValue(type, 5n));
  });
}

test("8 to 32 bits refuse a bigint, and 64 and 128 take a safe number", () => {
  for (const type of numbers) {
    assert.throws(() => type.toBeBytes(1n as unknown as number), { name: "TypeError", message: / got 1n$/ });
  }
  for (const type of bigints) {
    assert.equal(type.fromBeBytes(type.toBeBytes(Number.MAX_SAFE_INTEGER)), 2n ** 53n - 1n);
    assert.throws(() => type.toBeBytes(2 ** 53), { name: "RangeError", message: / got 9007199254740992$/ });
  }
});

test("read and write stand at any offset, in this machine's order unless told", () => {
  const view = new DataView(new ArrayBuffer(8));
  u16.write(view, 1, 0x1234);
  assert.equal(u16.read(view, 1), 0x1234);
  assert.deepEqual([view.getUint8(1), view.getUint8(2)], [...u16.toNeBytes(0x1234)]);
  u16.write(view, 5, 0x1234, "here", false);
  assert.deepEqual([view.getUint8(5), view.getUint8(6)], [0x12, 0x34]);
  assert.equal(u16.read(view, 5, false), 0x1234);
  assert.throws(() => u16.write(view, 0, -1, "here.x"), { message: /^here\.x: / });
});
