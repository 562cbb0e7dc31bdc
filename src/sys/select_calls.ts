/** select(2): which of many fds are ready, as sets of bits. */
import { libc, negativeErrno } from "./ffi.ts";
import { timeval } from "./structs.ts";

type Set = Uint8Array | null;
const c_select = libc<
  (count: number, read: Set, write: Set, except: Set, timeout: Uint8Array | null) => number
>("int select(int, void *, void *, void *, void *)");

/** How many fds an `fd_set` has bits for: 0 … 1023. */
export const FD_SETSIZE = 1024;

/**
 * `int select(int nfds, fd_set *readfds, fd_set *writefds, fd_set *exceptfds, struct timeval *timeout)`. It blocks the
 * thread.
 * @param nfds the highest fd plus one
 * @param timeout a `struct timeval`, which Linux sets to the time that was left; `null` waits for ever
 * @returns how many bits are left in the sets, 0 where the time is over, or `-errno`
 * @throws {RangeError} where a set or the timeout is shorter than its struct, or `nfds` is beyond {@link FD_SETSIZE}
 * @see man 2 select
 */
export function select(
  nfds: number,
  readfds: Set,
  writefds: Set,
  exceptfds: Set,
  timeout: Uint8Array | null,
): number {
  if ((nfds | 0) !== nfds || nfds > FD_SETSIZE) {
    throw new RangeError(`nfds: expected an integer up to ${FD_SETSIZE}, got ${String(nfds)}`);
  }
  for (const set of [readfds, writefds, exceptfds]) {
    if (set !== null && set.length < FD_SETSIZE / 8) {
      throw new RangeError(`fd_set: expected ${FD_SETSIZE / 8} bytes, got ${set.length}`);
    }
  }
  if (timeout !== null && timeout.length < timeval.size) {
    throw new RangeError(`timeout: expected ${timeval.size} bytes, got ${timeout.length}`);
  }
  const count = c_select(nfds, readfds, writefds, exceptfds, timeout);
  return count < 0 ? negativeErrno() : count;
}
