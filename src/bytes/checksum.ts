/** The Internet checksum, RFC 1071: the sum that IPv4, ICMP, UDP and TCP carry. */
import { checkBytes, checkNumber } from "./_check.ts";
import { nativeEndian } from "./byte_order.ts";

const SWAPS = nativeEndian === "little";
/** Below this many bytes a loop is faster than a typed array made for them. */
const SHORT = 128;

/** Adds the carries of a one's complement sum back in, until 16 bits are left. */
function fold(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded % 0x1_0000) + Math.floor(folded / 0x1_0000);
  return folded;
}

function sumBytes(bytes: Uint8Array, start: number, end: number): number {
  let sum = 0;
  let at = start;
  for (; at + 1 < end; at += 2) sum += ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  return at < end ? sum + ((bytes[at] as number) << 8) : sum;
}

/** Sums 32-bit words in this machine's order: the carries go round, and a sum of swapped bytes is the swapped sum (RFC 1071 §2). */
function sumWords(bytes: Uint8Array, start: number, words: number): number {
  const view = new Uint32Array(bytes.buffer, bytes.byteOffset + start, words);
  const pairs = words & ~3;
  let sum = 0;
  let at = 0;
  // Of 2^20 words the sum is below 2^52, where doubles are exact; nothing that has a checksum is longer than 2^32 bytes.
  for (; at < pairs; at += 4) {
    sum +=
      (view[at] as number) + (view[at + 1] as number) + (view[at + 2] as number) + (view[at + 3] as number);
    if (sum > 2 ** 52) sum = fold(sum);
  }
  for (; at < words; at++) sum += view[at] as number;
  const folded = fold(sum);
  return SWAPS ? ((folded & 0xff) << 8) | (folded >>> 8) : folded;
}

/**
 * The one's complement sum of the 16-bit words of some bytes, an odd last byte being followed by a zero: what a
 * checksum is the complement of. Sums of parts add up, as long as each part but the last is of an even length.
 * @param initial the sum of what stands before, such as a pseudo header
 * @returns 0 … 65535
 * @throws {TypeError | RangeError} if `bytes` is not a Uint8Array, or `initial` not an integer from 0 to 2^48
 * @see RFC 1071 §1
 */
export function onesComplementSum(bytes: Uint8Array, initial = 0): number {
  checkBytes("onesComplementSum", bytes);
  checkNumber("onesComplementSum: initial", initial, 0, 2 ** 48);
  const { length } = bytes;
  // A word of a typed array starts at a multiple of four; an odd start would turn the pairs around.
  const lead = -bytes.byteOffset & 3;
  if (length < SHORT || (lead & 1) === 1) return fold(initial + sumBytes(bytes, 0, length));
  const words = (length - lead) >>> 2;
  const end = lead + words * 4;
  const sum = sumBytes(bytes, 0, lead) + sumWords(bytes, lead, words) + sumBytes(bytes, end, length);
  return fold(initial + sum);
}

/**
 * The Internet checksum of some bytes, in which the checksum field itself is zero. Over bytes that hold their checksum it
 * is 0 where they are intact.
 * @param initial a {@link onesComplementSum} of what stands before, such as a pseudo header
 * @returns 0 … 65535, to be stored in network order
 * @throws as {@link onesComplementSum}
 * @see RFC 1071 §1
 */
export function internetChecksum(bytes: Uint8Array, initial = 0): number {
  return 0xffff - onesComplementSum(bytes, initial);
}
