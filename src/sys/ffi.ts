/** The FFI fence: the only file that imports koffi. C functions, errno, C memory, and one uv_poll handle. */
import "./_platform.ts";
import { isMainThread } from "node:worker_threads";
import koffi from "koffi";

// The program's own symbols: Node links libc dynamically, so this is glibc or musl, whichever Node runs on.
const program = koffi.load(null);

/**
 * Declares a C function by its prototype. Nothing checks the arguments at the call: the caller does.
 * Pointers to be filled or read are declared `void *` and given as `Uint8Array`s, whose offsets are honoured.
 */
export function libc<F extends (...args: never[]) => unknown>(prototype: string): F {
  return program.func(prototype) as unknown as F;
}

/** A C function that also runs on libuv's thread pool. */
export interface AsyncFunction {
  async(
    ...args: [...(string | number | bigint | Uint8Array | null)[], (error: unknown, result: number) => void]
  ): void;
}

/** The same as {@link libc}, for a function that is run on libuv's pool. At most 256 may wait there; more throws. */
export function libcAsync(prototype: string): AsyncFunction {
  return program.func(prototype) as unknown as AsyncFunction;
}

// errno is per thread, and so is this module: every worker has its own instance, loaded on its own thread.
const errnoLocation = libc<() => bigint>("void *__errno_location()");
const errnoCell = new Int32Array(koffi.view(errnoLocation(), 4));

/** `-errno` of the call just made. Read it in the very next expression: any other call clobbers it. */
export function negativeErrno(): number {
  return -(errnoCell[0] as number);
}

/** `errno` of a call that was made on a pool thread: to be read inside its callback only. */
export function asyncErrno(): number {
  return koffi.errno();
}

/** C memory as bytes, aliased and not copied: dead once C frees it. */
export function memoryView(address: bigint, lengthBytes: number): Uint8Array {
  return new Uint8Array(koffi.view(address, lengthBytes));
}

const strlen = libc<(address: bigint) => number>("size_t strlen(void *)");

/** The NUL-terminated text at a C address, as UTF-8; what is not UTF-8 becomes U+FFFD. */
export function memoryText(address: bigint): string {
  return new TextDecoder().decode(memoryView(address, strlen(address)));
}

type CleanupHook = (env: bigint, hook: bigint, argument: number) => number;
const addCleanupHook = libc<CleanupHook>("int napi_add_env_cleanup_hook(void *, void *, intptr_t)");
const removeCleanupHook = libc<CleanupHook>("int napi_remove_env_cleanup_hook(void *, void *, intptr_t)");
const nodeEnv = koffi.node.env as unknown as bigint;
const closeAddress = program.symbol("close", "void *") as unknown as bigint;

/**
 * Has C's close(2) called on `fd` when this worker ends, even by `worker.terminate()`, where no JavaScript runs any
 * more: the fds of a worker are the process's, and would stay open. Does nothing on the main thread.
 */
export function closeWithThread(fd: number): void {
  if (!isMainThread) addCleanupHook(nodeEnv, closeAddress, fd);
}

/** Takes back {@link closeWithThread}, for an fd that is closed or given away. */
export function keepAfterThread(fd: number): void {
  if (!isMainThread) removeCleanupHook(nodeEnv, closeAddress, fd);
}

/** A handle on the thread's event loop that watches one fd for input. */
export interface PollHandle {
  ref(): void;
  unref(): void;
  /** Stops watching and closes the handle; the fd stays open. */
  close(): void;
}

/**
 * Calls `callback` on this thread's event loop whenever `fd` has input (uv_poll_start, level-triggered).
 * The callback must not throw, since koffi loses what it throws. The caller keeps the handle in a strong
 * reference: a collected handle is closed while it is active.
 */
export function watchReadable(fd: number, callback: () => void): PollHandle {
  return koffi.node.poll(fd, { readable: true }, callback);
}
