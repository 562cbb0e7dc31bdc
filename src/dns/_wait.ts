/** One time limit over several waiting calls. */
import { TimeoutError, type WaitOptions } from "../socket/index.ts";

/** Says to each call of a series how long it may still wait. */
export class Deadline {
  readonly #signal: AbortSignal;
  readonly #endsAt: number;

  constructor(signal: AbortSignal, timeoutMs: number) {
    this.#signal = signal;
    this.#endsAt = performance.now() + timeoutMs;
  }

  /** The options of the next call. Where the time is over it still takes what is there. */
  get left(): WaitOptions {
    return { signal: this.#signal, timeoutMs: Math.max(0, this.#endsAt - performance.now()) };
  }

  /** Ends a series that never waits: a flood of what is not wanted must not outlast the limit. */
  check(syscall: string): void {
    this.#signal.throwIfAborted();
    if (performance.now() > this.#endsAt) throw new TimeoutError(syscall, 0);
  }
}
