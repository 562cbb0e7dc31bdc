/** The system call that locks open files against other processes: flock. */
import { libc, negativeErrno } from "./ffi.ts";
import { checkFd } from "./io_calls.ts";

const c_flock = libc<(fd: number, operation: number) => number>("int flock(int, int)");

/**
 * `int flock(int fd, int operation)`. The lock is gone when the file is closed.
 * @returns 0 or `-errno`; `-EWOULDBLOCK` with LOCK_NB where somebody else has it
 * @see man 2 flock
 */
export function flock(fd: number, operation: number): number {
  checkFd(fd);
  return c_flock(fd, operation) < 0 ? negativeErrno() : 0;
}
