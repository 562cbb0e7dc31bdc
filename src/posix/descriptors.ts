/** close, dup, dup2, pipe, pipe2, fcntl, ioctl: what can be done with any fd. */
import * as C from "../sys/index.ts";
import { bytes, fillable, fillableArray, int, isBytes, type pointer, show, whole } from "./_check.ts";
import * as P from "./constants.ts";
import { answer, fail } from "./errno.ts";

const { EBADF } = C.errno;

/**
 * `int close(int fd)`. The fd is gone, whatever comes back; the next one that is made may have its number.
 * @returns 0 or -1
 * @see man 2 close
 */
export function close(fd: number): number {
  return int("fd", fd) < 0 ? fail(EBADF) : answer(C.close(fd | 0));
}

/**
 * `int dup(int oldfd)`
 * @returns the new fd or -1
 * @see man 2 dup
 */
export function dup(oldfd: number): number {
  return int("oldfd", oldfd) < 0 ? fail(EBADF) : answer(C.dup(oldfd | 0));
}

/**
 * `int dup2(int oldfd, int newfd)`
 * @returns `newfd` or -1
 * @see man 2 dup2
 */
export function dup2(oldfd: number, newfd: number): number {
  const [from, to] = [int("oldfd", oldfd), int("newfd", newfd)];
  return from < 0 || to < 0 ? fail(EBADF) : answer(C.dup2(from, to));
}

/**
 * `int pipe(int pipefd[2])`
 * @param pipefd its first element becomes the end that is read, its second the end that is written
 * @returns 0 or -1
 * @see man 2 pipe
 */
export function pipe(pipefd: number[]): number {
  return pipe2(pipefd, 0);
}

/**
 * `int pipe2(int pipefd[2], int flags)`
 * @param flags O_NONBLOCK, O_CLOEXEC
 * @returns 0 or -1
 * @see man 2 pipe2
 */
export function pipe2(pipefd: number[], flags: number): number {
  fillableArray("pipefd", pipefd, 0, 1);
  const pair = C.pipe2(int("flags", flags));
  if (typeof pair === "number") return answer(pair);
  [pipefd[0], pipefd[1]] = pair;
  return 0;
}

/** The operations whose argument is a number, or which have none. That of the others is an address of memory. */
const NUMERIC: readonly number[] = [
  P.F_DUPFD,
  C.F_DUPFD_CLOEXEC,
  C.F_GETFD,
  C.F_SETFD,
  C.F_GETFL,
  C.F_SETFL,
  P.F_GETPIPE_SZ,
  P.F_SETPIPE_SZ,
];

/**
 * `int fcntl(int fd, int op, int arg)`
 * @param arg for F_DUPFD, F_DUPFD_CLOEXEC, F_SETFD, F_SETFL and F_SETPIPE_SZ; other operations than these and the
 * F_GET… of them are made with a null pointer
 * @returns what the operation gives, or -1
 * @throws {TypeError} also for an argument to another operation
 * @see man 2 fcntl
 */
export function fcntl(fd: number, op: number, arg?: number): number {
  const [on, operation] = [int("fd", fd), int("op", op)];
  const value = arg === undefined ? 0 : int("arg", arg);
  if (arg !== undefined && !NUMERIC.includes(operation)) {
    throw new TypeError(`arg: expected none, since operation ${operation} is not known to take a number`);
  }
  return on < 0 ? fail(EBADF) : answer(C.fcntl(on, operation, value));
}

/** `sizeof(struct ifreq)`, net/if.h. */
const IFREQ = 40;

/** How many bytes the argument of a request has, of those that have no address of memory in it. */
const REQUESTS: ReadonlyMap<number, number> = new Map([
  ...[P.FIONREAD, P.FIONBIO, P.FIOASYNC, C.SIOCOUTQ, C.SIOCOUTQNSD, P.SIOCATMARK].map(
    (op) => [op, 4] as const,
  ),
  ...[P.SIOCGIFNAME, C.SIOCGIFINDEX, P.SIOCGIFFLAGS, P.SIOCSIFFLAGS, P.SIOCGIFADDR, P.SIOCGIFDSTADDR].map(
    (op) => [op, IFREQ] as const,
  ),
  ...[P.SIOCGIFBRDADDR, P.SIOCGIFNETMASK, P.SIOCGIFMTU, P.SIOCSIFMTU, P.SIOCGIFHWADDR].map(
    (op) => [op, IFREQ] as const,
  ),
]);

// The kernel is told no length: it fills this, which has room for all that a request can be (_IOC_SIZEBITS is 14).
const argument = new Uint8Array(1 << 14);

/**
 * `int ioctl(int fd, unsigned long op, void *argp)`
 * @param argp `{ value }` for an int, bytes for a struct such as `struct ifreq`, or nothing
 * @returns what the request gives, most often 0, or -1
 * @throws {TypeError} also for bytes with a request that is not known to do without addresses of memory
 * @see man 2 ioctl, man 7 socket, man 7 netdevice
 */
export function ioctl(fd: number, op: number, argp?: pointer<number> | Uint8Array | null): number {
  const [on, request] = [int("fd", fd), whole("op", op, 0, 2 ** 32 - 1)];
  const cell = argp === undefined || argp === null || isBytes(argp) ? undefined : intCell(argp);
  const to = isBytes(argp) ? structBytes(argp, request) : new Uint8Array(cell?.buffer ?? new ArrayBuffer(0));
  if (on < 0) return fail(EBADF);
  argument.fill(0);
  argument.set(to);
  const result = C.ioctl(on, request, argument);
  if (result >= 0) {
    to.set(argument.subarray(0, to.length));
    if (cell !== undefined) (argp as pointer<number>).value = cell[0] as number;
  }
  return answer(result);
}

function intCell(argp: pointer<number>): Int32Array {
  if (typeof argp !== "object") {
    throw new TypeError(`argp: expected { value }, a Uint8Array or nothing, got ${show(argp)}`);
  }
  return Int32Array.of(int("argp", fillable("argp", argp, ["value"]).value));
}

function structBytes(argp: Uint8Array, request: number): Uint8Array {
  const size = REQUESTS.get(request);
  if (size === undefined) {
    throw new TypeError(
      `op: expected a request that is known to have no addresses of memory in its bytes, got 0x${request.toString(16)}`,
    );
  }
  const given = bytes("argp", argp);
  if (given.length < size) throw new RangeError(`argp: expected at least ${size} bytes, got ${given.length}`);
  return bytes("argp", argp, size);
}
