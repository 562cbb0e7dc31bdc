/** Ending the process without waiting for its threads, and moving a thread to another namespace. */
import { libc, negativeErrno } from "./ffi.ts";
import { checkFd } from "./io_calls.ts";

const c_exit = libc<(status: number) => void>("void _exit(int)");
const c_setns = libc<(fd: number, type: number) => number>("int setns(int, int)");

/**
 * `void _exit(int status)`: ends the process at once. Node's own exit waits for the threads of libuv's pool, and so
 * for a name server that does not answer. Nothing is flushed: call it when all output has been written.
 * @see man 2 _exit
 */
export function exitNow(status: number): void {
  c_exit(status);
}

/**
 * `int setns(int fd, int nstype)`: moves this thread, and none of the others, to the namespace that `fd` is open on.
 * @returns 0 or `-errno`
 * @see man 2 setns
 */
export function setns(fd: number, nstype: number): number {
  checkFd(fd);
  return c_setns(fd, nstype) < 0 ? negativeErrno() : 0;
}
