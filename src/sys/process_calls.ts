/** Ending the process without waiting for its threads. */
import { libc } from "./ffi.ts";

const c_exit = libc<(status: number) => void>("void _exit(int)");

/**
 * `void _exit(int status)`: ends the process at once. Node's own exit waits for the threads of libuv's pool, and so
 * for a name server that does not answer. Nothing is flushed: call it when all output has been written.
 * @see man 2 _exit
 */
export function exitNow(status: number): void {
  c_exit(status);
}
