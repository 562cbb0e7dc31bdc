/** Happy Eyeballs, blocking: handshakes with several addresses, staggered, in one poll(2). RFC 8305. */
import type { SocketAddr } from "../ip/index.ts";
import { type ConnectAttempt, ConnectError } from "../socket/index.ts";
import * as C from "../sys/index.ts";
import { SLICE_MS } from "./_wait.ts";

export interface RaceOptions {
  readonly target: string;
  /** At least one, in the order in which they are tried. */
  readonly addresses: readonly SocketAddr[];
  /** RFC 8305 §5, "Connection Attempt Delay". */
  readonly attemptDelayMs: number;
  /** Both by performance.now(). */
  readonly startedAt: number;
  readonly deadline: number;
  readonly onAttempt: ((attempt: ConnectAttempt) => void) | undefined;
  /** Opens a non-blocking socket and begins its handshake. @throws {SysError} */
  readonly begin: (address: SocketAddr) => C.Source;
  /** The last word on a handshake that succeeded. @throws {SysError} where it failed after all */
  readonly confirm: (fd: number, address: SocketAddr) => void;
}

/**
 * The next attempt starts when the last one has failed, or after the delay; attempts under way go on, so that a slow
 * handshake still wins. Losers are closed before this comes back, or throws.
 * @returns the connection that has won; `undefined` where the time is over
 * @throws {ConnectError} where all have failed
 * @throws whatever `onAttempt` throws
 */
export function race(options: RaceOptions): C.Source | undefined {
  const { addresses, deadline } = options;
  const attempts: ConnectAttempt[] = [];
  /** The attempts under way, by index. */
  const underWay = new Map<number, C.Source>();
  const now = (): number => performance.now() - options.startedAt;
  const report = (index: number, attempt: Partial<ConnectAttempt>): void => {
    const whole = { ...attempts[index], ...attempt } as ConnectAttempt;
    attempts[index] = whole;
    options.onAttempt?.(whole);
  };
  const fail = (index: number, error: unknown): void => {
    if (!(error instanceof C.SysError)) throw error;
    report(index, { state: "failed", endMs: now(), error });
  };

  let nextStart = 0;
  const startNext = (): void => {
    const index = attempts.length;
    const address = addresses[index] as SocketAddr;
    report(index, { address, index, state: "started", startMs: now() });
    nextStart = performance.now() + options.attemptDelayMs;
    try {
      underWay.set(index, options.begin(address));
    } catch (error) {
      nextStart = 0;
      fail(index, error);
    }
  };

  /** Whether the handshake has succeeded; a failed one is closed and reported. */
  const settle = (index: number, source: C.Source): boolean => {
    const { fd } = source;
    const address = addresses[index] as SocketAddr;
    try {
      const error = C.check(C.getsockoptInt(fd, C.SOL_SOCKET, C.SO_ERROR), "getsockopt");
      if (error !== 0) throw new C.SysError(error, "connect", { address: address.toString() });
      options.confirm(fd, address);
      return true;
    } catch (error) {
      underWay.delete(index);
      source.close();
      nextStart = 0;
      fail(index, error);
      return false;
    }
  };

  try {
    for (;;) {
      const more = attempts.length < addresses.length;
      if (more && (underWay.size === 0 || performance.now() >= nextStart)) {
        startNext();
        continue;
      }
      if (underWay.size === 0) throw new ConnectError(options.target, attempts);
      const until = more ? Math.min(deadline, nextStart) : deadline;
      const leftMs = Math.max(0, until - performance.now());
      for (const index of pollAll(underWay, Math.ceil(Math.min(leftMs, SLICE_MS)))) {
        const source = underWay.get(index) as C.Source;
        if (!settle(index, source)) continue;
        underWay.delete(index);
        try {
          report(index, { state: "connected", endMs: now() });
        } catch (error) {
          source.close();
          throw error;
        }
        return source;
      }
      if (performance.now() >= deadline && pollAll(underWay, 0).length === 0) return undefined;
    }
  } finally {
    for (const source of underWay.values()) source.close();
    for (const index of underWay.keys()) report(index, { state: "cancelled", endMs: now() });
  }
}

const FD = C.pollfd.offsetOf("fd");
const EVENTS = C.pollfd.offsetOf("events");
const REVENTS = C.pollfd.offsetOf("revents");

/** The indices of those that have something to tell, in order. */
function pollAll(underWay: ReadonlyMap<number, C.Source>, timeoutMs: number): number[] {
  const size = C.pollfd.size;
  const bytes = new Uint8Array(underWay.size * size);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const source of underWay.values()) {
    view.setInt32(at + FD, source.fd, true);
    view.setInt16(at + EVENTS, C.POLLOUT, true);
    at += size;
  }
  const count = C.poll(bytes, timeoutMs);
  if (count !== -C.errno.EINTR) C.check(count, "poll");
  return [...underWay.keys()].filter((_, i) => view.getInt16(i * size + REVENTS, true) !== 0);
}
