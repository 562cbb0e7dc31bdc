/** Field types made from others: numbers of a fixed byte order, bytes and NUL-padded text. */
import { checkNumber, describe, unfit } from "./_check.ts";
import type { FieldType } from "./_field_type.ts";

/** A type whose numbers have a byte order: `Ordered` is what it is with that fixed. */
export interface OrderedType<Ordered> {
  readonly name: string;
  ordered(littleEndian: boolean): Ordered;
}

function inOrder<Ordered>(caller: string, type: OrderedType<Ordered>, littleEndian: boolean): Ordered {
  if (typeof type?.ordered === "function") return type.ordered(littleEndian);
  throw new TypeError(
    `${caller}: expected an integer, a float, an enumeration or an array of such, got ${type?.name ?? describe(type)}`,
  );
}

/**
 * A number in big-endian (network) order, as the kernel's `__be16`, or an array of such: values are as of `type`, the
 * name is `be(u16)`. A struct is given its order where it is declared, with `byteOrder`.
 * @throws {TypeError} for a type that has no byte order to be fixed
 */
export function be<Ordered>(type: OrderedType<Ordered>): Ordered {
  return inOrder("be", type, false);
}

/**
 * A number in little-endian order, as the kernel's `__le16`, or an array of such: see {@link be}.
 * @throws {TypeError} for a type that has no byte order to be fixed
 */
export function le<Ordered>(type: OrderedType<Ordered>): Ordered {
  return inOrder("le", type, true);
}

function checkLength(where: string, length: number): number {
  return checkNumber(`${where}: length`, length, 0, Number.MAX_SAFE_INTEGER);
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
    live: (view, at) => bytesOf(view, at, length),
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
