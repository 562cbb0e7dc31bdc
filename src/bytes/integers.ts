/** The integer types of C's <stdint.h>, 8 to 128 bits: ranges, and bytes in either order, as Rust's integers have them. */
import { checkBigInt, checkBytes, checkNumber } from "./_check.ts";
import type { FieldType } from "./_field_type.ts";
import { asPrimitive, CODE, NO_CODE, readPrimitive, writePrimitive } from "./_primitive.ts";
import { nativeEndian } from "./byte_order.ts";

/**
 * An integer type. Up to 32 bits its values are `number`; from 64 bits on they are `bigint`, and where one is expected
 * a number is taken too, as long as it is a safe integer.
 *
 * In a struct it is a field in this machine's byte order; `be()` and `le()` fix the order.
 */
export interface IntegerType<Value extends number | bigint, Input = Value> extends FieldType<Value, Input> {
  readonly signed: boolean;
  /** The least value. */
  readonly min: Value;
  /** The greatest value. */
  readonly max: Value;
  /**
   * The value as `size` new bytes, most significant first.
   * @throws {TypeError} if the value is not a number (or bigint, from 64 bits on)
   * @throws {RangeError} if it is fractional, NaN, an unsafe number or out of `min` … `max`
   */
  toBeBytes(value: Input): Uint8Array;
  /** As {@link IntegerType.toBeBytes}, least significant first. */
  toLeBytes(value: Input): Uint8Array;
  /** As {@link IntegerType.toBeBytes}, in this machine's order. */
  toNeBytes(value: Input): Uint8Array;
  /**
   * The value of `size` bytes, most significant first.
   * @throws {RangeError} unless there are exactly `size` bytes
   * @throws {TypeError} if `bytes` is not a Uint8Array
   */
  fromBeBytes(bytes: Uint8Array): Value;
  /** As {@link IntegerType.fromBeBytes}, least significant first. */
  fromLeBytes(bytes: Uint8Array): Value;
  /** As {@link IntegerType.fromBeBytes}, in this machine's order. */
  fromNeBytes(bytes: Uint8Array): Value;
  /** Reads at byte `at` of `view`, in this machine's order unless told. */
  read(view: DataView, at: number, littleEndian?: boolean): Value;
  /**
   * Writes at byte `at` of `view`, in this machine's order unless told.
   * @param where what an error calls this place; the name of the type unless told
   * @throws {TypeError | RangeError} as {@link IntegerType.toBeBytes}
   */
  write(view: DataView, at: number, value: Input, where?: string, littleEndian?: boolean): void;
  /** The integer with its order fixed, as `be()` and `le()` give it. One byte has no order: of 8 bits, the type itself. */
  ordered(littleEndian: boolean): FieldType<Value, Input>;
}

/** An integer type of 8, 16 or 32 bits. */
export type NumberType = IntegerType<number>;

/** An integer type of 64 or 128 bits. */
export type BigIntType = IntegerType<bigint, bigint | number>;

const NATIVE_LITTLE = nativeEndian === "little";

/** What differs from one width to the next. */
interface Access<Value> {
  /** NO_CODE if DataView has no such integer. */
  readonly code: number;
  get(view: DataView, at: number, littleEndian: boolean): Value;
  set(view: DataView, at: number, value: Value, littleEndian: boolean): void;
}

interface Range<Value> {
  readonly name: string;
  readonly size: number;
  readonly signed: boolean;
  readonly min: Value;
  readonly max: Value;
}

function integerType<Value extends number | bigint, Input>(
  range: Range<Value>,
  access: Access<Value>,
  check: (where: string, value: Input) => Value,
): IntegerType<Value, Input> {
  const { name, size } = range;
  const toBytes = (value: Input, littleEndian: boolean): Uint8Array => {
    const bytes = new Uint8Array(size);
    access.set(new DataView(bytes.buffer), 0, check(name, value), littleEndian);
    return bytes;
  };
  const fromBytes = (bytes: Uint8Array, littleEndian: boolean): Value => {
    checkBytes(name, bytes);
    if (bytes.length !== size) throw new RangeError(`${name}: expected ${size} bytes, got ${bytes.length}`);
    return access.get(new DataView(bytes.buffer, bytes.byteOffset, size), 0, littleEndian);
  };
  const fixed = (littleEndian: boolean): FieldType<Value, Input> =>
    asPrimitive(
      Object.freeze<FieldType<Value, Input>>({
        name: `${littleEndian ? "le" : "be"}(${name})`,
        size,
        align: size,
        read: (view, at) => access.get(view, at, littleEndian),
        write: (view, at, value, where) => access.set(view, at, check(where, value), littleEndian),
      }),
      access.code,
      littleEndian,
    );
  const type: IntegerType<Value, Input> = Object.freeze<IntegerType<Value, Input>>({
    ...range,
    align: size,
    toBeBytes: (value) => toBytes(value, false),
    toLeBytes: (value) => toBytes(value, true),
    toNeBytes: (value) => toBytes(value, NATIVE_LITTLE),
    fromBeBytes: (bytes) => fromBytes(bytes, false),
    fromLeBytes: (bytes) => fromBytes(bytes, true),
    fromNeBytes: (bytes) => fromBytes(bytes, NATIVE_LITTLE),
    read: (view, at, littleEndian = NATIVE_LITTLE) => access.get(view, at, littleEndian),
    write: (view, at, value, where = name, littleEndian = NATIVE_LITTLE) =>
      access.set(view, at, check(where, value), littleEndian),
    ordered: (littleEndian) => (size === 1 ? type : fixed(littleEndian)),
  });
  return asPrimitive(type, access.code, NATIVE_LITTLE);
}

function numberType(name: string, size: 1 | 2 | 4, signed: boolean, code: number): NumberType {
  const span = 2 ** (8 * size);
  const min = signed ? -span / 2 : 0;
  const max = min + span - 1;
  const access: Access<number> = {
    code,
    get: (view, at, little) => readPrimitive(code, view, at, little) as number,
    set: (view, at, value, little) => writePrimitive(code, view, at, value, little),
  };
  return integerType({ name, size, signed, min, max }, access, (where, value: number) =>
    checkNumber(where, value, min, max),
  );
}

function bigIntType(name: string, size: 8 | 16, signed: boolean, access: Access<bigint>): BigIntType {
  const span = 1n << BigInt(8 * size);
  const min = signed ? -span / 2n : 0n;
  const max = min + span - 1n;
  return integerType({ name, size, signed, min, max }, access, (where, value: bigint | number) =>
    checkBigInt(where, value, min, max),
  );
}

function access64(code: number): Access<bigint> {
  return {
    code,
    get: (view, at, little) => readPrimitive(code, view, at, little) as bigint,
    set: (view, at, value, little) => writePrimitive(code, view, at, value, little),
  };
}

/** DataView stops at 64 bits: 128 are two halves, of which the upper one carries the sign. */
function access128(signed: boolean): Access<bigint> {
  return {
    code: NO_CODE,
    get(view, at, little) {
      const upperAt = little ? at + 8 : at;
      const upper = signed ? view.getBigInt64(upperAt, little) : view.getBigUint64(upperAt, little);
      return (upper << 64n) | view.getBigUint64(little ? at : at + 8, little);
    },
    set(view, at, value, little) {
      view.setBigUint64(little ? at + 8 : at, BigInt.asUintN(64, value >> 64n), little);
      view.setBigUint64(little ? at : at + 8, BigInt.asUintN(64, value), little);
    },
  };
}

/** `uint8_t`: 0 … 255. */
export const u8: NumberType = numberType("u8", 1, false, CODE.u8);

/** `uint16_t`: 0 … 65535. */
export const u16: NumberType = numberType("u16", 2, false, CODE.u16);

/** `uint32_t`: 0 … 4294967295. */
export const u32: NumberType = numberType("u32", 4, false, CODE.u32);

/** `uint64_t`: 0 … 2^64 - 1, bigint. Also `size_t` and, as a number, a pointer: LP64. */
export const u64: BigIntType = bigIntType("u64", 8, false, access64(CODE.u64));

/** gcc's `unsigned __int128`: 0 … 2^128 - 1, bigint, aligned to 16 bytes. */
export const u128: BigIntType = bigIntType("u128", 16, false, access128(false));

/** `int8_t`: -128 … 127. */
export const i8: NumberType = numberType("i8", 1, true, CODE.i8);

/** `int16_t`: -32768 … 32767. */
export const i16: NumberType = numberType("i16", 2, true, CODE.i16);

/** `int32_t`, C's `int`: -2147483648 … 2147483647. */
export const i32: NumberType = numberType("i32", 4, true, CODE.i32);

/** `int64_t`, C's `long`: -2^63 … 2^63 - 1, bigint. */
export const i64: BigIntType = bigIntType("i64", 8, true, access64(CODE.i64));

/** gcc's `__int128`: -2^127 … 2^127 - 1, bigint, aligned to 16 bytes. */
export const i128: BigIntType = bigIntType("i128", 16, true, access128(true));
