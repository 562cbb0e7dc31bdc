/** Byte order: what this machine has, and the conversions between host and network order (man 3 byteorder, endian). */
import { checkBigInt, checkNumber } from "./_check.ts";

/** The byte order of this machine, asked of a typed array. `"little"` on x86-64 and on arm64 as Linux runs it. */
export const nativeEndian: "little" | "big" =
  new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? "little" : "big";

const swaps = nativeEndian === "little"; // network order is big-endian: RFC 1700 "Data Notations"
const scratch = new DataView(new ArrayBuffer(8));

function convert16(name: string, value: number): number {
  const checked = checkNumber(name, value, 0, 0xffff);
  return swaps ? ((checked & 0xff) << 8) | (checked >>> 8) : checked;
}

function convert32(name: string, value: number): number {
  const checked = checkNumber(name, value, 0, 0xffff_ffff);
  if (!swaps) return checked;
  scratch.setUint32(0, checked, true);
  return scratch.getUint32(0, false);
}

function convert64(name: string, value: bigint | number): bigint {
  const checked = checkBigInt(name, value, 0n, 0xffff_ffff_ffff_ffffn);
  if (!swaps) return checked;
  scratch.setBigUint64(0, checked, true);
  return scratch.getBigUint64(0, false);
}

/**
 * `uint16_t htons(uint16_t hostshort)`: the number which, stored in this machine's order, has the bytes of
 * `value` in network order.
 * @returns an unsigned 16-bit integer
 * @throws {TypeError | RangeError} unless `value` is an integer 0 … 65535
 * @see man 3 htons
 */
export function htons(value: number): number {
  return convert16("htons", value);
}

/**
 * `uint16_t ntohs(uint16_t netshort)`: undoes {@link htons}.
 * @returns an unsigned 16-bit integer
 * @throws {TypeError | RangeError} unless `value` is an integer 0 … 65535
 * @see man 3 ntohs
 */
export function ntohs(value: number): number {
  return convert16("ntohs", value);
}

/**
 * `uint32_t htonl(uint32_t hostlong)`: the number which, stored in this machine's order, has the bytes of
 * `value` in network order.
 * @returns an unsigned 32-bit integer, never negative
 * @throws {TypeError | RangeError} unless `value` is an integer 0 … 4294967295
 * @see man 3 htonl
 */
export function htonl(value: number): number {
  return convert32("htonl", value);
}

/**
 * `uint32_t ntohl(uint32_t netlong)`: undoes {@link htonl}.
 * @returns an unsigned 32-bit integer, never negative
 * @throws {TypeError | RangeError} unless `value` is an integer 0 … 4294967295
 * @see man 3 ntohl
 */
export function ntohl(value: number): number {
  return convert32("ntohl", value);
}

/**
 * `uint64_t htobe64(uint64_t host_64bits)`: the 64-bit {@link htonl}, under glibc's name.
 * @returns an unsigned 64-bit integer
 * @throws {TypeError | RangeError} unless `value` is an integer 0 … 2^64 - 1; a number must be a safe integer
 * @see man 3 htobe64
 */
export function htobe64(value: bigint | number): bigint {
  return convert64("htobe64", value);
}

/**
 * `uint64_t be64toh(uint64_t big_endian_64bits)`: undoes {@link htobe64}.
 * @returns an unsigned 64-bit integer
 * @throws {TypeError | RangeError} unless `value` is an integer 0 … 2^64 - 1; a number must be a safe integer
 * @see man 3 be64toh
 */
export function be64toh(value: bigint | number): bigint {
  return convert64("be64toh", value);
}
