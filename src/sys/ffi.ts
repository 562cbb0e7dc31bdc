/** The FFI fence: the only file that imports koffi. C functions, errno, C memory, and one uv_poll handle. */
import "./_platform.ts";
import { readFileSync } from "node:fs";
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

/**
 * Where bytes lie in memory, for a pointer inside a C struct. It keeps nothing alive: whoever writes it down holds the
 * bytes, undetached, until the call is made.
 */
export function addressOf(bytes: Uint8Array): number {
  return bytes.length === 0 ? 0 : Number(koffi.address(bytes)); // user space ends below 2^53
}

/** The address of a C function of the running program, to be handed to C as a callback. */
export function symbolAddress(name: string): bigint {
  return program.symbol(name, "void *") as unknown as bigint;
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

/**
 * The same for any C function of one argument, an address.
 * @returns takes it back
 */
export function callWithThread(symbol: bigint, argument: bigint): () => void {
  if (isMainThread) return () => {};
  const address = Number(argument); // user space ends below 2^53
  addCleanupHook(nodeEnv, symbol, address);
  return () => removeCleanupHook(nodeEnv, symbol, address);
}

if (!isMainThread) pinAddon();

/**
 * When a worker ends that alone has loaded koffi, Node unloads koffi's code while a callback of it, that of closing
 * the poll handle, is still to run. RTLD_NODELETE keeps it for the life of the process.
 */
function pinAddon(): void {
  const [RTLD_LAZY, RTLD_NODELETE] = [1, 0x1000]; // dlfcn.h, the same for glibc and musl
  const path = /\S+koffi\.node$/m.exec(readFileSync("/proc/self/maps", "latin1"))?.[0];
  const dlopen = libc<(path: string, flags: number) => bigint>("void *dlopen(const char *, int)");
  if (path !== undefined) dlopen(path, RTLD_LAZY | RTLD_NODELETE);
}

/** A handle on the thread's event loop that watches one fd for input. */
export interface PollHandle {
  /** Lets the handle keep the loop alive (the default), or not. */
  ref(): void;
  unref(): void;
}

const napi_get_uv_event_loop = libc<(env: bigint, loop: Uint8Array) => number>(
  "int napi_get_uv_event_loop(void *, void *)",
);
// Without a name: names are koffi's, and a second copy of this module on the thread would want the same one.
const walkCallback = koffi.proto("void", ["void *", "void *"]);
const uv_walk = program.func("uv_walk", "void", ["void *", koffi.pointer(walkCallback), "void *"]);
const uv_handle_get_type = libc<(handle: bigint) => number>("int uv_handle_get_type(void *)");
const uv_fileno = libc<(handle: bigint, fd: Uint8Array) => number>("int uv_fileno(void *, void *)");
const uv_poll_start = libc<(handle: bigint, events: number, callback: bigint) => number>(
  "int uv_poll_start(void *, int, void *)",
);
const UV_POLL = 8; // enum uv_handle_type, uv.h
const UV_READABLE = 1; // enum uv_poll_event, uv.h

/**
 * Makes the thread's event loop turn whenever `fd` has input (uv_poll, level-triggered). No JavaScript is called: what
 * is to be done belongs into the check phase of that turn, `setImmediate`.
 *
 * koffi makes the handle, and closes it with the thread; its callback is replaced by a C function that does nothing.
 * koffi's own would call into JavaScript, and where the thread is ending, by `process.exit` or `worker.terminate`,
 * Node-API makes that fatal for the whole process. The caller keeps the handle in a strong reference: a collected one
 * is closed while it is active.
 */
export function turnOnInput(fd: number): PollHandle {
  const poll = koffi.node.poll(fd, { readable: true }, () => {});
  const loop = new BigUint64Array(1);
  napi_get_uv_event_loop(nodeEnv, new Uint8Array(loop.buffer));
  const handles: bigint[] = [];
  uv_walk(loop[0], (handle: bigint) => handles.push(handle), null);
  const fdCell = new Int32Array(1);
  const ours = handles.find((handle) => {
    if (uv_handle_get_type(handle) !== UV_POLL) return false;
    return uv_fileno(handle, new Uint8Array(fdCell.buffer)) === 0 && fdCell[0] === fd;
  });
  const doNothing = program.symbol("uv_is_active", "void *") as unknown as bigint;
  if (ours === undefined || uv_poll_start(ours, UV_READABLE, doNothing) !== 0) {
    throw new Error(
      "windsock: this Node.js has another event loop than its own libuv; sockets cannot wait here",
    );
  }
  return poll;
}
