/** How a blocking call waits: in slices, so that the thread can be ended, and until its time is over. */
import * as C from "../sys/index.ts";

/** Every waiting call takes these. */
export interface WaitOptions {
  /** Throws {@link TimeoutError} after so many milliseconds; 0 tries once; none, or `Infinity`, waits for ever. */
  readonly timeoutMs?: number | undefined;
  /** Not here: nothing could abort the signal while the thread is blocked. A TypeError says so. */
  readonly signal?: undefined;
}

/**
 * A call that waits comes back to JavaScript so often, in milliseconds, and goes on: `worker.terminate()`, and
 * `process.exit()` on the main thread, take effect there. The kernel does it, by SO_RCVTIMEO and SO_SNDTIMEO.
 */
export const SLICE_MS = 200;

/** The deadline of a call that has none. */
export const NEVER: number = Number.POSITIVE_INFINITY;

const AGAIN = -C.errno.EAGAIN;
const INTR = -C.errno.EINTR;

/** SO_RCVTIMEO and SO_SNDTIMEO of a socket, as the kernel's bytes. */
export type Timeouts = readonly [receive: Uint8Array, send: Uint8Array];

const SLICE = C.timeval.encode({ tv_sec: 0, tv_usec: SLICE_MS * 1000 });
const FOR_EVER = C.timeval.encode({ tv_sec: 0, tv_usec: 0 });

/** Those of a new socket: for ever. */
export const NO_TIMEOUTS: Timeouts = [FOR_EVER, FOR_EVER];

/** What the socket has now. */
export function timeoutsOf(fd: number): Timeouts {
  const [receive, send] = [new Uint8Array(C.timeval.size), new Uint8Array(C.timeval.size)];
  C.check(C.getsockopt(fd, C.SOL_SOCKET, C.SO_RCVTIMEO, receive), "getsockopt");
  C.check(C.getsockopt(fd, C.SOL_SOCKET, C.SO_SNDTIMEO, send), "getsockopt");
  return [receive, send];
}

/** Sets both, as for a socket that is given away. */
export function setTimeouts(fd: number, [receive, send]: Timeouts): void {
  C.check(C.setsockopt(fd, C.SOL_SOCKET, C.SO_RCVTIMEO, receive), "setsockopt");
  C.check(C.setsockopt(fd, C.SOL_SOCKET, C.SO_SNDTIMEO, send), "setsockopt");
}

/** Has every blocking call on this socket end with `EAGAIN` after a slice. */
export function sliceCalls(fd: number): void {
  setTimeouts(fd, [SLICE, SLICE]);
}

/** @throws {TypeError} for the two options that the sockets of this module need themselves */
export function checkOption(option: { readonly name: string; level: number; optname: number }): void {
  if (option.level !== C.SOL_SOCKET) return;
  if (option.optname !== C.SO_RCVTIMEO && option.optname !== C.SO_SNDTIMEO) return;
  throw new TypeError(
    `${option.name}: a blocking socket keeps this option for itself; every call that waits takes { timeoutMs } instead`,
  );
}

/**
 * Checks the options before anything is begun.
 * @returns when the call has to end, by performance.now(); {@link NEVER} without a timeout
 * @throws {TypeError} for a signal, or a timeout that is not a number
 * @throws {RangeError} for a negative timeout or NaN
 */
export function deadlineOf(options: WaitOptions | undefined): number {
  if (options === undefined) return NEVER;
  if (options.signal !== undefined) {
    throw new TypeError(
      "signal: a blocking call cannot be cancelled, since no other code of this thread runs while it waits; " +
        'use timeoutMs, or the sockets of "windsock", whose calls take a signal',
    );
  }
  const { timeoutMs } = options;
  if (timeoutMs === undefined) return NEVER;
  C.checkDelay("timeoutMs", timeoutMs);
  return performance.now() + timeoutMs;
}

/** Sleeps until one of `events` is there, or the deadline, but for a slice at the most. */
export function pollSlice(fd: number, events: number, leftMs: number): number {
  return C.pollOne(fd, events, Math.ceil(Math.min(leftMs, SLICE_MS)));
}

/**
 * Goes on with a call that has come back with `EAGAIN` or `EINTR`, without a deadline. It polls in between: a call that
 * does not block, because another owner of the socket has set O_NONBLOCK, would spin.
 */
export function insist(fd: number, events: number, result: number, call: () => number): number {
  let count = result;
  while (count === AGAIN || count === INTR) {
    if (count === AGAIN) C.pollOne(fd, events, SLICE_MS);
    count = call();
  }
  return count;
}

/**
 * Receives until the deadline. As long as more than a slice is left the call itself waits, which is one system call;
 * then poll(2) waits, which is exact, and the call does not.
 * @param call a receiving call with these flags
 * @returns what the call gives; `-EAGAIN` where the time is over
 */
export function receiveUntil(fd: number, deadline: number, call: (flags: number) => number): number {
  for (;;) {
    const leftMs = deadline - performance.now();
    if (leftMs < SLICE_MS && leftMs > 0) C.pollOne(fd, C.POLLIN, Math.ceil(leftMs));
    const count = call(leftMs < SLICE_MS ? C.MSG_DONTWAIT : 0);
    if (count === INTR) continue;
    if (count !== AGAIN || leftMs <= 0) return count;
  }
}

/**
 * Makes a call that does not wait, and where it would have to, waits by poll(2), until the deadline. For sends, most of
 * which need not wait; and for whatever opens files, which nobody would close if the worker ended while the call itself
 * waits: this way it ends in poll(2).
 * @returns what the call gives; `-EAGAIN` where the time is over
 */
export function tryUntil(
  fd: number,
  events: number,
  deadline: number,
  call: (flags: number) => number,
): number {
  for (;;) {
    const count = call(C.MSG_DONTWAIT);
    if (count === INTR) continue;
    if (count !== AGAIN) return count;
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) return AGAIN;
    pollSlice(fd, events, leftMs);
  }
}

/**
 * Polls until the deadline.
 * @returns what is there of `events`, and POLLERR and POLLHUP always; 0 where the time is over
 */
export function pollUntil(fd: number, events: number, deadline: number): number {
  for (;;) {
    const leftMs = deadline - performance.now();
    const there = leftMs > 0 ? pollSlice(fd, events, leftMs) : C.pollNow(fd, events);
    if (there === INTR) continue;
    if (C.check(there, "poll") !== 0 || leftMs <= 0) return there;
  }
}

/**
 * Until the deadline, a call on a local socket that poll(2) tells nothing of: connecting where the backlog is full, and
 * sending to a queue that is full, of a peer that the socket is not connected to. The kernel waits, by SO_SNDTIMEO.
 * @returns what the call gives; `-EAGAIN` where the time is over
 */
export function sendBySlices(fd: number, deadline: number, call: () => number): number {
  let shortened = false;
  try {
    for (;;) {
      const leftMs = deadline - performance.now();
      if (leftMs < SLICE_MS) {
        const tv_usec = Math.max(1, Math.ceil(leftMs * 1000)); // 0 would be for ever
        const value = C.timeval.encode({ tv_sec: 0, tv_usec });
        C.check(C.setsockopt(fd, C.SOL_SOCKET, C.SO_SNDTIMEO, value), "setsockopt");
        shortened = true;
      }
      const count = call();
      if (count === INTR) continue;
      if (count !== AGAIN || leftMs <= 0) return count;
    }
  } finally {
    if (shortened) C.check(C.setsockopt(fd, C.SOL_SOCKET, C.SO_SNDTIMEO, SLICE), "setsockopt");
  }
}
