/** poll and select: waiting for whichever of several fds is ready. */
import * as C from "../sys/index.ts";
import { bytes, fillable, int, show, whole } from "./_check.ts";
import { FD_SETSIZE } from "./constants.ts";
import { answer } from "./errno.ts";

/** `struct pollfd`, man 2 poll. */
export interface pollfd {
  /** A negative one is passed over. */
  fd: number;
  /** POLLIN, POLLOUT, POLLPRI … */
  events: number;
  /** After the call: which of these there are, and POLLERR, POLLHUP, POLLNVAL. */
  revents?: number;
}

/**
 * `int poll(struct pollfd *fds, nfds_t nfds, int timeout)`
 * @param nfds by default all of `fds`
 * @param timeout in milliseconds; -1, or none, waits for ever
 * @returns how many have something in `revents`, 0 where the time is over, or -1
 * @see man 2 poll
 */
export function poll(fds: pollfd[], nfds?: number, timeout = -1): number {
  if (!Array.isArray(fds)) throw new TypeError(`fds: expected an array, got ${show(fds)}`);
  const count = nfds === undefined ? fds.length : whole("nfds", nfds, 0, fds.length);
  const waitMs = int("timeout", timeout);
  const { size } = C.pollfd;
  const array = new Uint8Array(count * size);
  const view = new DataView(array.buffer);
  const [FD, EVENTS, REVENTS] = [
    C.pollfd.offsetOf("fd"),
    C.pollfd.offsetOf("events"),
    C.pollfd.offsetOf("revents"),
  ];
  const wanted = Array.from(fds.slice(0, count)); // so that holes count
  wanted.forEach((entry, i) => {
    const one = fillable(`fds[${i}]`, entry, ["revents"]);
    view.setInt32(i * size + FD, int(`fds[${i}].fd`, one.fd), true);
    view.setUint16(i * size + EVENTS, whole(`fds[${i}].events`, one.events, -0x8000, 0xffff), true);
  });
  const result = C.poll(array, waitMs);
  if (result < 0) return answer(result);
  wanted.forEach((one, i) => {
    one.revents = view.getInt16(i * size + REVENTS, true);
  });
  return result;
}

/** `fd_set`, man 2 select: a set of fds from 0 to 1023. */
export interface fd_set {
  /** A bit for each. */
  readonly fds_bits: Uint8Array;
}

/** `fd_set set;`, but empty. */
export function fd_set(): fd_set {
  return { fds_bits: new Uint8Array(FD_SETSIZE / 8) };
}

function bitsOf(name: string, set: fd_set): Uint8Array {
  if (typeof set !== "object" || set === null) {
    throw new TypeError(`${name}: expected an fd_set(), got ${show(set)}`);
  }
  return bytes(`${name}.fds_bits`, set.fds_bits, FD_SETSIZE / 8);
}

const bitOf = (fd: number): number => whole("fd", fd, 0, FD_SETSIZE - 1);

/** `void FD_ZERO(fd_set *set)`: takes all out. */
export function FD_ZERO(set: fd_set): void {
  bitsOf("set", set).fill(0);
}

/** `void FD_SET(int fd, fd_set *set)`. @throws {RangeError} for an fd from FD_SETSIZE on, which C would write out of bounds for */
export function FD_SET(fd: number, set: fd_set): void {
  const [bit, bits] = [bitOf(fd), bitsOf("set", set)];
  bits[bit >> 3] = (bits[bit >> 3] as number) | (1 << (bit & 7));
}

/** `void FD_CLR(int fd, fd_set *set)`. @throws as {@link FD_SET} */
export function FD_CLR(fd: number, set: fd_set): void {
  const [bit, bits] = [bitOf(fd), bitsOf("set", set)];
  bits[bit >> 3] = (bits[bit >> 3] as number) & ~(1 << (bit & 7));
}

/** `int FD_ISSET(int fd, fd_set *set)`. @throws as {@link FD_SET} */
export function FD_ISSET(fd: number, set: fd_set): boolean {
  const [bit, bits] = [bitOf(fd), bitsOf("set", set)];
  return ((bits[bit >> 3] as number) & (1 << (bit & 7))) !== 0;
}

function encodeTime(timeout: { tv_sec: number; tv_usec: number }): Uint8Array {
  const { tv_sec, tv_usec } = fillable("timeout", timeout, ["tv_sec", "tv_usec"]);
  return C.timeval.encode({ tv_sec, tv_usec });
}

/**
 * `int select(int nfds, fd_set *readfds, fd_set *writefds, fd_set *exceptfds, struct timeval *timeout)`
 * @param nfds the highest fd in the sets plus one, at most FD_SETSIZE
 * @param readfds keeps those of its fds that can be read; so `writefds` and `exceptfds`. `null` for none
 * @param timeout Linux sets it to the time that was left; `null`, or none, waits for ever
 * @returns how many are left in the sets, 0 where the time is over, or -1
 * @see man 2 select
 */
export function select(
  nfds: number,
  readfds: fd_set | null,
  writefds: fd_set | null,
  exceptfds: fd_set | null,
  timeout: { tv_sec: number; tv_usec: number } | null = null,
): number {
  const highest = whole("nfds", nfds, -(2 ** 31), FD_SETSIZE);
  const read = readfds && bitsOf("readfds", readfds);
  const write = writefds && bitsOf("writefds", writefds);
  const except = exceptfds && bitsOf("exceptfds", exceptfds);
  const time = timeout && encodeTime(timeout);
  const result = C.select(highest, read, write, except, time);
  if (timeout !== null && time !== null) {
    const left = C.timeval.decode(time);
    Object.assign(timeout, { tv_sec: Number(left.tv_sec), tv_usec: Number(left.tv_usec) });
  }
  return answer(result);
}
