/** How a waiting call is told to stop: the options, their checks, and the error of a timeout. */
import { addAbortListener } from "node:events";

/** Every waiting call takes these. */
export interface WaitOptions {
  /** Cancels the call: it rejects with the signal's reason, and no data has been taken or lost. */
  readonly signal?: AbortSignal | undefined;
  /** Rejects with {@link TimeoutError} after so many milliseconds; 0 tries once; none, or more than 24 days, waits for ever. */
  readonly timeoutMs?: number | undefined;
}

/** A call did not end within its `timeoutMs`. What it waited for may still happen; the socket stays usable. */
export class TimeoutError extends Error {
  override readonly name = "TimeoutError";
  readonly code = "TIMEOUT";
  /** What was waited for, such as `"connect"`. */
  readonly syscall: string;
  readonly timeoutMs: number;
  readonly address: string | undefined;

  constructor(syscall: string, timeoutMs: number, address?: string) {
    super(`${syscall}${address === undefined ? "" : ` ${address}`}: not done within ${timeoutMs} ms`);
    this.syscall = syscall;
    this.timeoutMs = timeoutMs;
    this.address = address;
  }
}

// A longer delay than this, 24 days, makes setTimeout fire at once.
const MAX_DELAY_MS = 2 ** 31 - 1;

/** setTimeout, for which a delay that is too long for it, such as `Infinity`, never ends. */
export function after(delayMs: number, call: () => void): NodeJS.Timeout | undefined {
  return delayMs > MAX_DELAY_MS ? undefined : setTimeout(call, delayMs);
}

/**
 * @throws {TypeError} for what is not a number
 * @throws {RangeError} for a negative number or NaN
 */
export function checkDelay(name: string, delayMs: number): void {
  if (typeof delayMs !== "number") {
    throw new TypeError(`${name}: expected a number of milliseconds, got ${typeof delayMs}`);
  }
  if (!(delayMs >= 0)) throw new RangeError(`${name}: expected 0 or more, or Infinity, got ${delayMs}`);
}

/**
 * Checks the options before anything is begun.
 * @throws {TypeError} for a signal that is none, or a timeout that is not a number
 * @throws {RangeError} for a negative timeout or NaN
 * @throws the signal's reason, where it is aborted already
 */
export function checkWait(options: WaitOptions | undefined): void {
  if (options === undefined) return;
  const { signal, timeoutMs } = options;
  if (timeoutMs !== undefined) checkDelay("timeoutMs", timeoutMs);
  if (signal !== undefined) {
    if (!(signal instanceof AbortSignal)) throw new TypeError("signal: expected an AbortSignal");
    signal.throwIfAborted();
  }
}

/**
 * Calls `cancel` with the reason once the signal is aborted or the time is over.
 * @param keepsAlive whether the timer does
 * @returns a function that ends the watch, to be called once when the operation has ended; `undefined` without options
 */
export function watchWait(
  options: WaitOptions | undefined,
  syscall: string,
  address: () => string | undefined,
  cancel: (reason: unknown) => void,
  keepsAlive = true,
): (() => void) | undefined {
  if (options === undefined) return undefined;
  const { signal, timeoutMs } = options;
  const timer =
    timeoutMs === undefined
      ? undefined
      : after(timeoutMs, () => cancel(new TimeoutError(syscall, timeoutMs, address())));
  if (!keepsAlive) timer?.unref();
  if (signal === undefined) return timer === undefined ? undefined : () => clearTimeout(timer);
  const forget = onAbort(signal, () => cancel(signal.reason));
  return () => {
    clearTimeout(timer);
    forget();
  };
}

/** What waits for one signal: a single listener serves all, so that a server's own signal may serve any number. */
interface Group {
  readonly calls: Set<() => void>;
  readonly listener: Disposable;
}

const groups = new WeakMap<AbortSignal, Group>();

/** Calls `call` when the signal is aborted, whatever other listeners do. @returns a function that takes it back */
function onAbort(signal: AbortSignal, call: () => void): () => void {
  const group = groups.get(signal) ?? makeGroup(signal);
  group.calls.add(call);
  return () => {
    if (!group.calls.delete(call) || group.calls.size > 0 || groups.get(signal) !== group) return;
    groups.delete(signal);
    group.listener[Symbol.dispose]();
  };
}

function makeGroup(signal: AbortSignal): Group {
  const calls = new Set<() => void>();
  const listener = addAbortListener(signal, () => {
    groups.delete(signal);
    for (const call of calls) call();
  });
  const group = { calls, listener };
  groups.set(signal, group);
  return group;
}
