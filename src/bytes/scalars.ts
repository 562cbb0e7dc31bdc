/** C's scalars that are no integers: `float`, `double`, `_Bool`, and pointers as numbers. */
import { checkBigInt, unfit } from "./_check.ts";
import type { FieldType } from "./_field_type.ts";
import { asPrimitive, CODE, readPrimitive } from "./_primitive.ts";
import { nativeEndian } from "./byte_order.ts";

const NATIVE_LITTLE = nativeEndian === "little";

/** A floating-point type; in a struct it has this machine's byte order unless `be()`, `le()` or the struct say otherwise. */
export interface FloatType extends FieldType<number> {
  ordered(littleEndian: boolean): FieldType<number>;
}

function checkFloat32(where: string, value: unknown): number {
  if (typeof value === "number" && (Number.isFinite(Math.fround(value)) || !Number.isFinite(value)))
    return value;
  throw unfit(where, "a number that a float can hold", value, typeof value !== "number");
}

function checkFloat64(where: string, value: unknown): number {
  if (typeof value === "number") return value;
  throw unfit(where, "a number", value, true);
}

function floatType(
  name: string,
  size: 4 | 8,
  code: number,
  check: (where: string, value: unknown) => number,
): FloatType {
  const make = (label: string, little: boolean): FloatType =>
    asPrimitive(
      Object.freeze<FloatType>({
        name: label,
        size,
        align: size,
        read: (view, at) => readPrimitive(code, view, at, little) as number,
        write(view, at, value, where) {
          const checked = check(where, value);
          if (size === 4) view.setFloat32(at, checked, little);
          else view.setFloat64(at, checked, little);
        },
        ordered: (littleEndian) => make(`${littleEndian ? "le" : "be"}(${name})`, littleEndian),
      }),
      code,
      little,
    );
  return make(name, NATIVE_LITTLE);
}

/** `float`, IEEE 754 binary32: any number, rounded to the nearest; a finite one that would become infinite is refused. */
export const f32: FloatType = floatType("f32", 4, CODE.f32, checkFloat32);

/** `double`, IEEE 754 binary64: any number. */
export const f64: FloatType = floatType("f64", 8, CODE.f64, checkFloat64);

/** The type of {@link bool}; a bit field may have it, of width 1. */
export interface BoolType extends FieldType<boolean> {
  readonly signed: false;
  /** The greatest width of a bit field. */
  readonly maxBits: 1;
  toInteger(value: boolean, where: string): number;
  fromInteger(value: number | bigint): boolean;
}

function boolToInteger(value: boolean, where: string): number {
  if (typeof value !== "boolean") throw unfit(where, "true or false", value, true);
  return value ? 1 : 0;
}

/** `_Bool`: one byte, written as 0 or 1; any other byte but 0 reads as `true`. */
export const bool: BoolType = Object.freeze<BoolType>({
  name: "bool",
  size: 1,
  align: 1,
  signed: false,
  maxBits: 1,
  read: (view, at) => view.getUint8(at) !== 0,
  write: (view, at, value, where) => view.setUint8(at, boolToInteger(value, where)),
  toInteger: boolToInteger,
  fromInteger: (value) => value !== 0,
});

/**
 * A pointer as a number, 64 bits, bigint: LP64. Unlike a `u64` it keeps this machine's byte order in a struct of another
 * one, as gcc's `scalar_storage_order` leaves pointers alone.
 */
export const pointer: FieldType<bigint, bigint | number> = asPrimitive(
  Object.freeze<FieldType<bigint, bigint | number>>({
    name: "pointer",
    size: 8,
    align: 8,
    read: (view, at) => view.getBigUint64(at, NATIVE_LITTLE),
    write: (view, at, value, where) =>
      view.setBigUint64(at, checkBigInt(where, value, 0n, 0xffff_ffff_ffff_ffffn), NATIVE_LITTLE),
  }),
  CODE.u64,
  NATIVE_LITTLE,
);
