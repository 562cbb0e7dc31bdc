/** The numbers that DataView knows, as codes: one switch that the engine compiles well serves every struct. */

/** Anything that is read and written by its type's own functions. */
export const NO_CODE = 0;
export const CODE = {
  u8: 1,
  i8: 2,
  u16: 3,
  i16: 4,
  u32: 5,
  i32: 6,
  u64: 7,
  i64: 8,
  f32: 9,
  f64: 10,
} as const;

/** How a type is read without calling it. */
export interface Primitive {
  readonly code: number;
  readonly little: boolean;
}

const primitives = new WeakMap<object, Primitive>();
const NONE: Primitive = { code: NO_CODE, little: true };

/** Remembers that `type` is nothing but this number, and passes it on. */
export function asPrimitive<Type extends object>(type: Type, code: number, little: boolean): Type {
  if (code !== NO_CODE) primitives.set(type, { code, little });
  return type;
}

export function primitiveOf(type: object): Primitive {
  return primitives.get(type) ?? NONE;
}

/** @param code not NO_CODE */
export function readPrimitive(code: number, view: DataView, at: number, little: boolean): number | bigint {
  switch (code) {
    case 1:
      return view.getUint8(at);
    case 2:
      return view.getInt8(at);
    case 3:
      return view.getUint16(at, little);
    case 4:
      return view.getInt16(at, little);
    case 5:
      return view.getUint32(at, little);
    case 6:
      return view.getInt32(at, little);
    case 7:
      return view.getBigUint64(at, little);
    case 8:
      return view.getBigInt64(at, little);
    case 9:
      return view.getFloat32(at, little);
    default:
      return view.getFloat64(at, little);
  }
}

const U64_MAX = 0xffff_ffff_ffff_ffffn;
const I64_MAX = 0x7fff_ffff_ffff_ffffn;

/**
 * Writes a value that fits as it is, and says whether it did. What it leaves to the type's own `write` is whatever must
 * be converted or refused.
 * @param code not NO_CODE
 */
export function writePrimitive(
  code: number,
  view: DataView,
  at: number,
  value: unknown,
  little: boolean,
): boolean {
  if (typeof value === "number") {
    if (code <= 6 && !Number.isInteger(value)) return false;
    switch (code) {
      case 1:
        if (value < 0 || value > 0xff) return false;
        view.setUint8(at, value);
        return true;
      case 2:
        if (value < -0x80 || value > 0x7f) return false;
        view.setInt8(at, value);
        return true;
      case 3:
        if (value < 0 || value > 0xffff) return false;
        view.setUint16(at, value, little);
        return true;
      case 4:
        if (value < -0x8000 || value > 0x7fff) return false;
        view.setInt16(at, value, little);
        return true;
      case 5:
        if (value < 0 || value > 0xffff_ffff) return false;
        view.setUint32(at, value, little);
        return true;
      case 6:
        if (value < -0x8000_0000 || value > 0x7fff_ffff) return false;
        view.setInt32(at, value, little);
        return true;
      case 10:
        view.setFloat64(at, value, little);
        return true;
      default: // a 64-bit integer, which must become a bigint; a float, whose range must be checked
        return false;
    }
  }
  if (typeof value !== "bigint") return false;
  if (code === 7) {
    if (value < 0n || value > U64_MAX) return false;
    view.setBigUint64(at, value, little);
    return true;
  }
  if (code !== 8 || value > I64_MAX || value < -I64_MAX - 1n) return false;
  view.setBigInt64(at, value, little);
  return true;
}
