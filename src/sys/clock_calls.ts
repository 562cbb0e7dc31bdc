/** The kernel's clock, in the units of its timestamps. */
import { libc } from "./ffi.ts";

const c_clock_gettime = libc<(clock: number, time: Uint8Array) => number>("int clock_gettime(int, void *)");

const CLOCK_REALTIME = 0;
const time = new Uint8Array(new ArrayBuffer(16)); // struct timespec
const view = new DataView(time.buffer);

/**
 * `int clock_gettime(CLOCK_REALTIME, struct timespec *tp)`: what the clock shows that SO_TIMESTAMPNS stamps packets by.
 * @returns nanoseconds since 1970
 * @see man 3 clock_gettime
 */
export function realtimeNs(): bigint {
  c_clock_gettime(CLOCK_REALTIME, time); // has no reason to fail
  return view.getBigInt64(0, true) * 1_000_000_000n + view.getBigInt64(8, true);
}
