/** System calls on any fd: read, write, recv, send, close, fcntl, ioctl, poll. */
import { libc, negativeErrno } from "./ffi.ts";
import { pollfd } from "./structs.ts";

// The kernel moves at most 0x7ffff000 bytes at once (man 2 read), so an int holds every count; koffi returns an
// `intptr_t` 70 ns slower.
const c_recv = libc<(fd: number, buf: Uint8Array, len: number, flags: number) => number>(
  "int recv(int, void *, size_t, int)",
);
const c_send = libc<(fd: number, buf: Uint8Array, len: number, flags: number) => number>(
  "int send(int, const void *, size_t, int)",
);
const c_read = libc<(fd: number, buf: Uint8Array, len: number) => number>("int read(int, void *, size_t)");
const c_write = libc<(fd: number, buf: Uint8Array, len: number) => number>(
  "int write(int, const void *, size_t)",
);
const c_fcntl = libc<(fd: number, cmd: number, argument: number) => number>("int fcntl(int, int, intptr_t)");
const c_close = libc<(fd: number) => number>("int close(int)");
const c_ioctl = libc<(fd: number, op: number, arg: Uint8Array) => number>(
  "int ioctl(int, unsigned long, void *)",
);

/**
 * FFI would turn NaN into fd 0 and cut 2 ** 32 + 3 to fd 3: nothing but a whole fd gets through.
 * @throws {TypeError} for anything but an integer from 0 to 2^31 - 1
 */
export function checkFd(fd: number): void {
  if ((fd | 0) !== fd || fd < 0)
    throw new TypeError(`fd: expected an integer from 0 to 2147483647, got ${String(fd)}`);
}

/**
 * `ssize_t recv(int fd, void *buf, size_t len, int flags)`
 * @returns bytes read, 0 at end of stream, or `-errno`; `-EAGAIN` is the ordinary answer of an idle socket
 * @see man 2 recv
 */
export function recv(fd: number, buf: Uint8Array, flags: number): number {
  checkFd(fd);
  const count = c_recv(fd, buf, buf.length, flags);
  return count < 0 ? negativeErrno() : count;
}

/**
 * `ssize_t send(int fd, const void *buf, size_t len, int flags)`
 * @returns bytes that the kernel took, which may be fewer than `buf.length`, or `-errno`
 * @see man 2 send
 */
export function send(fd: number, buf: Uint8Array, flags: number): number {
  checkFd(fd);
  const count = c_send(fd, buf, buf.length, flags);
  return count < 0 ? negativeErrno() : count;
}

/**
 * `ssize_t read(int fd, void *buf, size_t len)`
 * @returns bytes read, 0 at the end, or `-errno`
 * @see man 2 read
 */
export function read(fd: number, buf: Uint8Array): number {
  checkFd(fd);
  const count = c_read(fd, buf, buf.length);
  return count < 0 ? negativeErrno() : count;
}

/**
 * `ssize_t write(int fd, const void *buf, size_t len)`
 * @returns bytes written, which may be fewer than `buf.length`, or `-errno`
 * @see man 2 write
 */
export function write(fd: number, buf: Uint8Array): number {
  checkFd(fd);
  const count = c_write(fd, buf, buf.length);
  return count < 0 ? negativeErrno() : count;
}

/**
 * `int fcntl(int fd, int op, int argument)`
 * @returns what the operation gives, or `-errno`
 * @see man 2 fcntl
 */
export function fcntl(fd: number, op: number, argument = 0): number {
  checkFd(fd);
  const result = c_fcntl(fd, op, argument);
  return result < 0 ? negativeErrno() : result;
}

/**
 * `int close(int fd)`. On Linux the fd is gone whatever comes back, `-EINTR` included: never call it twice.
 * @returns 0 or `-errno`
 * @see man 2 close
 */
export function close(fd: number): number {
  checkFd(fd);
  return c_close(fd) < 0 ? negativeErrno() : 0;
}

/**
 * `int ioctl(int fd, unsigned long op, void *argument)`
 * @returns what the operation gives, or `-errno`
 * @see man 2 ioctl
 */
export function ioctl(fd: number, op: number, argument: Uint8Array): number {
  checkFd(fd);
  const result = c_ioctl(fd, op, argument);
  return result < 0 ? negativeErrno() : result;
}

const intCell = new Int32Array(1);
const intBytes = new Uint8Array(intCell.buffer);

/**
 * {@link ioctl} for the operations that fill in one int, such as SIOCINQ.
 * @returns the int, or `-errno`
 * @see man 7 tcp, man 7 udp
 */
export function ioctlInt(fd: number, op: number): number {
  const result = ioctl(fd, op, intBytes);
  return result < 0 ? result : (intCell[0] as number);
}

const c_poll = libc<(fds: Uint8Array, count: number, timeoutMs: number) => number>(
  "int poll(void *, unsigned long, int)",
);
const pollBytes = new Uint8Array(pollfd.size);
const pollView = new DataView(pollBytes.buffer);
const [FD, EVENTS, REVENTS] = [pollfd.offsetOf("fd"), pollfd.offsetOf("events"), pollfd.offsetOf("revents")];

/**
 * `int poll(struct pollfd *fds, nfds_t nfds, int timeout)`
 * @param fds the array as the kernel has it, see {@link pollfd}; its `revents` are filled
 * @param timeoutMs blocks the thread so long; -1 for ever
 * @returns how many have something to tell, 0 where the time is over, or `-errno`
 * @see man 2 poll
 */
export function poll(fds: Uint8Array, timeoutMs: number): number {
  const count = c_poll(fds, Math.floor(fds.length / pollfd.size), timeoutMs);
  return count < 0 ? negativeErrno() : count;
}

/** {@link pollOne} without waiting. */
export function pollNow(fd: number, events: number): number {
  return pollOne(fd, events, 0);
}

/**
 * {@link poll} for one fd.
 * @param events POLLIN, POLLOUT
 * @param timeoutMs blocks the thread so long; -1 for ever
 * @returns what is ready of `events`, and POLLERR and POLLHUP always; 0 where nothing is; or `-errno`
 */
export function pollOne(fd: number, events: number, timeoutMs: number): number {
  checkFd(fd);
  pollView.setInt32(FD, fd, true);
  pollView.setInt16(EVENTS, events, true);
  pollView.setInt16(REVENTS, 0, true);
  const count = c_poll(pollBytes, 1, timeoutMs);
  return count < 0 ? negativeErrno() : pollView.getInt16(REVENTS, true);
}
