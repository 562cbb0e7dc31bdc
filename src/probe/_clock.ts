/** When something was received: the kernel's timestamps on the clock that durations are measured by. */
import { realtimeNs } from "../sys/index.ts";

/** A moment, on both clocks. */
export interface Moment {
  /** As performance.now() counts, in milliseconds. */
  readonly atMs: number;
  /** Since 1970, in milliseconds with the fraction. */
  readonly unixMs: number;
}

/** Milliseconds of nanoseconds since 1970; a double holds these to a quarter of a microsecond. */
export const unixMsOf = (ns: bigint): number => Number(ns / 1_000_000n) + Number(ns % 1_000_000n) / 1e6;

/**
 * When the kernel has received what is read now. Only the age of a timestamp is taken from the clock of day, so that it
 * may be set at any time but between these two moments; then what is read now came now.
 * @param sinceMs the earliest that it can have come, as performance.now() counts
 */
export function receivedAt(timestampNs: bigint | undefined, sinceMs = Number.NEGATIVE_INFINITY): Moment {
  const nowNs = realtimeNs();
  const nowMs = performance.now();
  const ageMs = timestampNs === undefined ? 0 : Number(nowNs - timestampNs) / 1e6;
  const atMs = nowMs - ageMs;
  if (timestampNs === undefined || ageMs < 0 || atMs < sinceMs)
    return { atMs: nowMs, unixMs: unixMsOf(nowNs) };
  return { atMs, unixMs: unixMsOf(timestampNs) };
}
