/** System calls that make fds from other fds: dup, dup2. */
import { libc, negativeErrno } from "./ffi.ts";
import { checkFd } from "./io_calls.ts";

const c_dup = libc<(fd: number) => number>("int dup(int)");
const c_dup2 = libc<(fd: number, wanted: number) => number>("int dup2(int, int)");

/**
 * `int dup(int fd)`
 * @returns the new fd, the lowest that was free, or `-errno`
 * @see man 2 dup
 */
export function dup(fd: number): number {
  checkFd(fd);
  const copy = c_dup(fd);
  return copy < 0 ? negativeErrno() : copy;
}

/**
 * `int dup2(int fd, int wanted)`: what `wanted` was is closed.
 * @returns `wanted`, or `-errno`
 * @see man 2 dup2
 */
export function dup2(fd: number, wanted: number): number {
  checkFd(fd);
  checkFd(wanted);
  return c_dup2(fd, wanted) < 0 ? negativeErrno() : wanted;
}
