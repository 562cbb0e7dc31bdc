/** Field types made from others: integers of a fixed byte order, arrays, bytes and NUL-padded text. */
import { checkNumber, describe, unfit } from "./_check.ts";
import type { FieldType } from "./_field_type.ts";
import type { IntegerType } from "./integers.ts";

function ordered<Value extends number | bigint, Input>(
  type: IntegerType<Value, Input>,
  name: string,
  littleEndian: boolean,
): FieldType<Value, Input> {
  return Object.freeze<FieldType<Value, Input>>({
    name,
    size: type.size,
    align: type.align,
    read: (view, at) => type.read(view, at, littleEndian),
    write: (view, at, value, where) => type.write(view, at, value, where, littleEndian),
  });
}

/** An integer in big-endian (network) order, as the kernel's `__be16`: values are as of `type`, the name is `be(u16)`. */
export function be<Value extends number | bigint, Input>(
  type: IntegerType<Value, Input>,
): FieldType<Value, Input> {
  return ordered(type, `be(${type.name})`, false);
}

/** An integer in little-endian order, as the kernel's `__le16`: values are as of `type`, the name is `le(u16)`. */
export function le<Value extends number | bigint, Input>(
  type: IntegerType<Value, Input>,
): FieldType<Value, Input> {
  return ordered(type, `le(${type.name})`, true);
}

/** `element[length]` of C, as a JavaScript array. */
export interface ArrayType<Value, Input = Value> extends FieldType<readonly Value[], readonly Input[]> {
  readonly element: FieldType<Value, Input>;
  readonly length: number;
}

function checkLength(where: string, length: number): number {
  return checkNumber(`${where}: length`, length, 0, Number.MAX_SAFE_INTEGER);
}

/** C writes the outer length first: three of `u8[2]` are `u8[3][2]`. */
function arrayName(element: string, length: number): string {
  const at = element.indexOf("[");
  return at < 0 ? `${element}[${length}]` : `${element.slice(0, at)}[${length}]${element.slice(at)}`;
}

/**
 * `element[length]`: a new array of exactly `length` values, and of exactly as many to be written.
 * @param length from 0, which is C's flexible array member: it aligns and takes no room
 * @throws {TypeError | RangeError} if `length` is not an integer from 0
 */
export function array<Value, Input>(
  element: FieldType<Value, Input>,
  length: number,
): ArrayType<Value, Input> {
  checkLength("array", length);
  const stride = element.size;
  return Object.freeze<ArrayType<Value, Input>>({
    name: arrayName(element.name, length),
    size: stride * length,
    align: element.align,
    element,
    length,
    read(view, at) {
      const values: Value[] = [];
      for (let i = 0; i < length; i++) values.push(element.read(view, at + i * stride));
      return values;
    },
    write(view, at, values, where) {
      if (!Array.isArray(values) || values.length !== length) {
        throw unfit(where, `an array of ${length}`, values, !Array.isArray(values));
      }
      for (let i = 0; i < length; i++) {
        element.write(view, at + i * stride, values[i] as Input, `${where}[${i}]`);
      }
    },
  });
}

/**
 * `u8[length]` as a Uint8Array: what `read` gives is a copy, and what is written has exactly `length` bytes.
 * @param align in bytes, 1 unless told: an `in_addr` is four bytes that C aligns as the `u32` they are declared as
 * @throws {TypeError | RangeError} if `length` is not an integer from 0, or `align` not a power of two that divides it
 */
export function byteArray(length: number, align = 1): FieldType<Uint8Array> {
  checkLength("byteArray", length);
  checkNumber("byteArray: align", align, 1, 2 ** 28);
  if (!Number.isInteger(Math.log2(align)) || length % align !== 0) {
    throw new RangeError(`byteArray: align: expected a power of two that divides ${length}, got ${align}`);
  }
  return Object.freeze<FieldType<Uint8Array>>({
    name: `u8[${length}]`,
    size: length,
    align,
    read: (view, at) => bytesOf(view, at, length).slice(),
    write(view, at, value, where) {
      const isBytes = value instanceof Uint8Array;
      if (!isBytes || value.length !== length) throw unfit(where, `${length} bytes`, value, !isBytes);
      bytesOf(view, at, length).set(value);
    },
  });
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * `char[length]`: text as UTF-8, with NUL after it as far as there is room. Like C's `char s[2] = "ab"`, a text that
 * fills the array has none after it: where the reader of the struct wants the NUL, keep a byte free.
 *
 * Reading stops at the first NUL. Bytes that are not UTF-8 come out as U+FFFD; a {@link byteArray} keeps them.
 * Writing refuses a text that is too long, holds a NUL or has a lone surrogate.
 * @throws {TypeError | RangeError} if `length` is not an integer from 0
 */
export function cString(length: number): FieldType<string> {
  checkLength("cString", length);
  return Object.freeze<FieldType<string>>({
    name: `char[${length}]`,
    size: length,
    align: 1,
    read(view, at) {
      const bytes = bytesOf(view, at, length);
      const end = bytes.indexOf(0);
      return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
    },
    write(view, at, text, where) {
      if (typeof text !== "string") throw unfit(where, "a string", text, true);
      if (text.includes("\0")) throw unfit(where, "a text without NUL", text, false);
      if (/\p{Surrogate}/u.test(text)) throw unfit(where, "a text without lone surrogates", text, false);
      const bytes = encoder.encode(text);
      if (bytes.length > length) {
        throw new RangeError(
          `${where}: expected at most ${length} bytes of UTF-8, got ${bytes.length}: ${describe(text)}`,
        );
      }
      bytesOf(view, at, length).set(bytes);
    },
  });
}

/** The bytes themselves, not a copy. */
function bytesOf(view: DataView, at: number, length: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + at, length);
}
