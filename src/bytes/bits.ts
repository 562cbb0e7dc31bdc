/** Bit fields: declaring them, and reading and writing them at any bit of a struct as little-endian machines have them. */
import { checkBigInt, checkNumber } from "./_check.ts";
import type { IntegerType } from "./integers.ts";

/** A bit field: `type name : width`. */
export interface BitField<Value extends number | bigint = number | bigint, Input = Value> {
  /** The declared type, which decides about alignment, sign and the kind of value. */
  readonly type: IntegerType<Value, Input>;
  /** In bits. */
  readonly width: number;
  readonly named: true;
}

/** A bit field without a name, `type : width`: it takes room (or, with width 0, ends the unit) and has no value. */
export interface UnnamedBits {
  readonly type: IntegerType<number> | IntegerType<bigint, bigint | number>;
  readonly width: number;
  readonly named: false;
}

function checkWidth(name: string, type: { name: string; size: number }, width: number, least: number): void {
  if (type.size > 8) throw new RangeError(`${name}: expected a type of 8 to 64 bits, got ${type.name}`);
  checkNumber(`${name}: width of ${type.name} bits`, width, least, type.size * 8);
}

/**
 * A bit field of `width` bits, from 1 to those of `type`. The values of a 64-bit type are bigint, whatever the width.
 * A signed type's field is signed, as gcc has it.
 * @throws {TypeError | RangeError} for another width, or a 128-bit type
 */
export function bits<Value extends number | bigint, Input>(
  type: IntegerType<Value, Input>,
  width: number,
): BitField<Value, Input> {
  checkWidth("bits", type, width, 1);
  return Object.freeze<BitField<Value, Input>>({ type, width, named: true });
}

/**
 * A bit field without a name, which C writes `type : width`. With width 0 what follows starts at the next boundary of
 * `type`. The key under which it stands in a struct's definition only keeps its place.
 * @throws {TypeError | RangeError} if `width` is not 0 … the bits of `type`, or for a 128-bit type
 */
export function unnamedBits(type: UnnamedBits["type"], width: number): UnnamedBits {
  checkWidth("unnamedBits", type, width, 0);
  return Object.freeze<UnnamedBits>({ type, width, named: false });
}

/** Reads and writes one placed bit field. Other bits of the same bytes stay as they are. */
export interface BitAccess {
  read(view: DataView, at: number): number | bigint;
  write(view: DataView, at: number, value: unknown, where: string): void;
}

/**
 * @param shift bits below the field in its first byte, 0 … 7
 */
export function bitAccess(field: BitField<number | bigint, unknown>, shift: number): BitAccess {
  const count = Math.ceil((shift + field.width) / 8);
  return field.type.size > 4 ? wideAccess(field, shift, count) : narrowAccess(field, shift, count);
}

/** At most 32 bits over at most five bytes: exact in a double, so no bigint is made. */
function narrowAccess(field: BitField<number | bigint, unknown>, shift: number, count: number): BitAccess {
  const { width } = field;
  const unit = 2 ** shift;
  const span = 2 ** width;
  const min = field.type.signed ? -span / 2 : 0;
  const max = min + span - 1;
  const load = (view: DataView, at: number): number => {
    let raw = 0;
    for (let i = count - 1; i >= 0; i--) raw = raw * 256 + view.getUint8(at + i);
    return raw;
  };
  const extract = (raw: number): number => Math.floor(raw / unit) % span;
  return {
    read(view, at) {
      const value = extract(load(view, at));
      return value > max ? value - span : value;
    },
    write(view, at, value, where) {
      const checked = checkNumber(where, value, min, max);
      const before = load(view, at);
      let raw = before + ((checked < 0 ? checked + span : checked) - extract(before)) * unit;
      for (let i = 0; i < count; i++) {
        view.setUint8(at + i, raw % 256);
        raw = Math.floor(raw / 256);
      }
    },
  };
}

/** At most 64 bits over at most nine bytes. */
function wideAccess(field: BitField<number | bigint, unknown>, shift: number, count: number): BitAccess {
  const { width } = field;
  const { signed } = field.type;
  const unit = BigInt(shift);
  const span = 1n << BigInt(width);
  const min = signed ? -span / 2n : 0n;
  const max = min + span - 1n;
  const mask = (span - 1n) << unit;
  const load = (view: DataView, at: number): bigint => {
    let raw = 0n;
    for (let i = count - 1; i >= 0; i--) raw = (raw << 8n) | BigInt(view.getUint8(at + i));
    return raw;
  };
  return {
    read(view, at) {
      const value = (load(view, at) & mask) >> unit;
      return signed ? BigInt.asIntN(width, value) : value;
    },
    write(view, at, value, where) {
      const checked = BigInt.asUintN(width, checkBigInt(where, value, min, max));
      let raw = (load(view, at) & ~mask) | (checked << unit);
      for (let i = 0; i < count; i++) {
        view.setUint8(at + i, Number(raw & 0xffn));
        raw >>= 8n;
      }
    },
  };
}
