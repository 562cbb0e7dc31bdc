/** Arguments as the bytes that the program was given. */
import { readFileSync } from "node:fs";

/**
 * The bytes of a command-line argument. Node reads arguments as UTF-8 and puts U+FFFD where they are not: then the
 * bytes are those that the kernel has kept.
 * @see man 5 proc, /proc/pid/cmdline
 */
export function argumentBytes(text: string): Uint8Array {
  if (!text.includes("\ufffd")) return new TextEncoder().encode(text);
  const fromEnd = process.argv.length - process.argv.lastIndexOf(text);
  const raw = readFileSync("/proc/self/cmdline");
  const entries: Uint8Array[] = [];
  for (let start = 0, end = raw.indexOf(0); end >= 0; start = end + 1, end = raw.indexOf(0, start)) {
    entries.push(raw.subarray(start, end));
  }
  return entries.at(-fromEnd) ?? new TextEncoder().encode(text);
}
