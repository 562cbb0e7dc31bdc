/** WireError as the codecs throw it, and the check of lengths with which each of them begins. */
import { WireError } from "../bytes/index.ts";

export { WireError, type WireErrorCode } from "../bytes/index.ts";

/** @throws {WireError} `TRUNCATED` where there are fewer than `needed` bytes from `start` to `end` */
export function checkLength(protocol: string, start: number, end: number, needed: number): void {
  if (end - start < needed) throw truncated(protocol, start, end, needed);
}

export function truncated(protocol: string, start: number, end: number, needed: number): WireError {
  const have = Math.max(0, end - start);
  return new WireError("TRUNCATED", protocol, end, `expected at least ${needed} bytes, got ${have}`);
}
