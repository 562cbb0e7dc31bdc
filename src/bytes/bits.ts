/** Bit fields: declaring them, and reading and writing them at any bit of a struct, from either end of its bytes. */
import { checkBigInt, checkNumber } from "./_check.ts";
import type { FieldType } from "./_field_type.ts";

/** A type that a bit field may have: an integer of 8 to 64 bits, an enumeration, or `bool`. */
export interface BitType<Value, Input = Value> extends FieldType<Value, Input> {
  readonly signed: boolean;
  /** The greatest width, where it is not that of all bits: 1 for `bool`. */
  readonly maxBits?: number;
  /** The integer to be stored. Without it the value is one. */
  toInteger?(value: Input, where: string): number | bigint;
  fromInteger?(value: number | bigint): Value;
}

/** A bit field: `type name : width`. */
export interface BitField<Value = number | bigint | boolean, Input = Value> {
  /** The declared type, which decides about alignment, sign and the kind of value. */
  readonly type: BitType<Value, Input>;
  /** In bits. */
  readonly width: number;
  readonly named: true;
}

/** A bit field without a name, `type : width`: it takes room (or, with width 0, ends the unit) and has no value. */
export interface UnnamedBits {
  readonly type: BitType<number | bigint | boolean, never>;
  readonly width: number;
  readonly named: false;
}

function checkWidth(
  name: string,
  type: { name: string; size: number; maxBits?: number },
  width: number,
  least: number,
): void {
  if (type.size > 8) throw new RangeError(`${name}: expected a type of 8 to 64 bits, got ${type.name}`);
  checkNumber(`${name}: width of ${type.name} bits`, width, least, type.maxBits ?? type.size * 8);
}

/**
 * A bit field of `width` bits, from 1 to those of `type`. The values of a 64-bit type are bigint, whatever the width.
 * A signed type's field is signed, as gcc has it.
 * @param type an integer, an enumeration, or `bool` (of width 1)
 * @throws {TypeError | RangeError} for another width, or a 128-bit type
 */
export function bits<Value, Input>(type: BitType<Value, Input>, width: number): BitField<Value, Input> {
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
  read(view: DataView, at: number): unknown;
  write(view: DataView, at: number, value: unknown, where: string): void;
}

type AnyBits = BitField<unknown, unknown>;

/**
 * @param shift bits before the field in its first byte, 0 … 7: below it, or above it where the highest bit comes first
 * @param highestFirst the order of big-endian structs: bits are given out from the highest of the first byte down
 */
export function bitAccess(field: AnyBits, shift: number, highestFirst = false): BitAccess {
  const count = Math.ceil((shift + field.width) / 8);
  const below = highestFirst ? count * 8 - shift - field.width : shift;
  // Where the lowest byte of the field is, and which way the next one lies.
  const [first, step] = highestFirst ? [count - 1, -1] : [0, 1];
  const place: Place = { below, count, first, step };
  const { toInteger, fromInteger } = field.type;
  const access = field.type.size > 4 ? wideAccess(field, place) : narrowAccess(field, place);
  if (!toInteger || !fromInteger) return access;
  return {
    read: (view, at) => fromInteger(access.read(view, at) as number | bigint),
    write: (view, at, value, where) => access.write(view, at, toInteger(value, where), where),
  };
}

interface Place {
  /** Bits of the field's lowest byte that are not its own. */
  readonly below: number;
  /** Bytes that it lies in. */
  readonly count: number;
  readonly first: number;
  readonly step: number;
}

/** At most 32 bits over at most five bytes: exact in a double, so no bigint is made. */
function narrowAccess({ type, width }: AnyBits, { below, count, first, step }: Place): BitAccess {
  const unit = 2 ** below;
  const span = 2 ** width;
  const min = type.signed ? -span / 2 : 0;
  const max = min + span - 1;
  const load = (view: DataView, at: number): number => {
    let raw = 0;
    for (let i = count - 1; i >= 0; i--) raw = raw * 256 + view.getUint8(at + first + i * step);
    return raw;
  };
  const extract = (raw: number): number => Math.floor(raw / unit) % span;
  return {
    read(view, at) {
      const value = count === 1 ? (view.getUint8(at) >>> below) & (span - 1) : extract(load(view, at));
      return value > max ? value - span : value;
    },
    write(view, at, value, where) {
      const checked = checkNumber(where, value, min, max);
      const before = load(view, at);
      let raw = before + ((checked < 0 ? checked + span : checked) - extract(before)) * unit;
      for (let i = 0; i < count; i++) {
        view.setUint8(at + first + i * step, raw % 256);
        raw = Math.floor(raw / 256);
      }
    },
  };
}

/** At most 64 bits over at most nine bytes. */
function wideAccess({ type, width }: AnyBits, { below, count, first, step }: Place): BitAccess {
  const { signed } = type;
  const unit = BigInt(below);
  const span = 1n << BigInt(width);
  const min = signed ? -span / 2n : 0n;
  const max = min + span - 1n;
  const mask = (span - 1n) << unit;
  const load = (view: DataView, at: number): bigint => {
    let raw = 0n;
    for (let i = count - 1; i >= 0; i--) raw = (raw << 8n) | BigInt(view.getUint8(at + first + i * step));
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
        view.setUint8(at + first + i * step, Number(raw & 0xffn));
        raw >>= 8n;
      }
    },
  };
}
