/** Bytes as hexadecimal text: one line, back again, and the dump that `hexdump -C` prints. */
import { checkBytes, checkNumber, describe } from "./_check.ts";

const PAIRS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/**
 * Two lower-case digits per byte.
 * @param separator stands between bytes: `":"` writes a MAC address; nothing unless told
 * @throws {TypeError} if `bytes` is not a Uint8Array
 */
export function toHex(bytes: Uint8Array, separator = ""): string {
  return Array.from(checkBytes("toHex", bytes), (byte) => PAIRS[byte]).join(separator);
}

/** The value of a hex digit's UTF-16 code, or -1. */
function digitOf(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30; // 0-9
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : -1; // a-f, A-F
}

/**
 * Reads bytes back from hex digits of either case. Whitespace and colons between bytes are ignored; within a byte they
 * are refused, so that `0:1` is not read as the one byte `01`.
 * @returns new bytes; none for a text without digits
 * @throws {RangeError} at anything else (a `0x` too), or if the last byte has one digit; it names the position, from 0
 * @throws {TypeError} if `text` is not a string
 */
export function fromHex(text: string): Uint8Array {
  if (typeof text !== "string") throw new TypeError(`fromHex: expected a string, got ${describe(text)}`);
  const bytes = new Uint8Array(text.length >> 1);
  let length = 0;
  let upper = -1; // the first digit of the byte that is being read
  for (let at = 0; at < text.length; at++) {
    const digit = digitOf(text.charCodeAt(at));
    if (digit < 0) {
      const found = String.fromCodePoint(text.codePointAt(at) ?? 0);
      const separates = found === ":" || /^\s$/.test(found);
      if (separates && upper < 0) continue;
      const expected = upper < 0 ? "a hex digit" : "the second hex digit of a byte";
      throw new RangeError(`fromHex: expected ${expected} at position ${at}, got ${JSON.stringify(found)}`);
    }
    if (upper < 0) upper = digit;
    else {
      bytes[length++] = (upper << 4) | digit;
      upper = -1;
    }
  }
  if (upper >= 0) {
    throw new RangeError(
      `fromHex: expected the second hex digit of a byte at position ${text.length}, got the end`,
    );
  }
  return bytes.slice(0, length);
}

export interface HexDumpOptions {
  /** The address that the first byte has, 0 unless told. */
  readonly offset?: number;
}

const PER_LINE = 16;

/**
 * What `hexdump -C` prints: address, sixteen bytes in two groups, the same as ASCII (`.` for what is not printable), and
 * at the end the address after the last byte. Full lines that repeat the line before are one `*`.
 * @returns lines parted by `\n`, without one at the end; the empty text for no bytes
 * @throws {TypeError | RangeError} if `bytes` is not a Uint8Array or `offset` is not an integer from 0
 * @see man 1 hexdump
 */
export function hexDump(bytes: Uint8Array, options: HexDumpOptions = {}): string {
  checkBytes("hexDump", bytes);
  const offset = checkNumber(
    "hexDump: offset",
    options.offset ?? 0,
    0,
    Number.MAX_SAFE_INTEGER - bytes.length,
  );
  if (bytes.length === 0) return "";
  const address = (at: number): string => (offset + at).toString(16).padStart(8, "0");
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += PER_LINE) {
    if (repeats(bytes, at)) {
      if (lines.at(-1) !== "*") lines.push("*");
      continue;
    }
    const line = bytes.subarray(at, at + PER_LINE);
    const digits = `${toHex(line.subarray(0, 8), " ")}  ${toHex(line.subarray(8), " ")}`;
    const ascii = Array.from(line, (byte) =>
      byte >= 0x20 && byte <= 0x7e ? String.fromCharCode(byte) : ".",
    );
    lines.push(`${address(at)}  ${digits.padEnd(48)}  |${ascii.join("")}|`);
  }
  lines.push(address(bytes.length));
  return lines.join("\n");
}

/** Whether a full line starts at `at` that equals the line before; past the end nothing is equal. */
function repeats(bytes: Uint8Array, at: number): boolean {
  if (at === 0) return false;
  for (let i = at; i < at + PER_LINE; i++) {
    if (bytes[i] !== bytes[i - PER_LINE]) return false;
  }
  return true;
}
