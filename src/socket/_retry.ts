/** Trying again with growing pauses, where the kernel does not tell when there is room. */
import type { Half, Source } from "../sys/index.ts";

const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 100;

/** Wakes what waits in one half of a socket later, and later still as long as nothing comes of it. */
export class Retry {
  readonly #source: Source;
  readonly #half: Half;
  #pauseMs = FIRST_PAUSE_MS;
  #timer: NodeJS.Timeout | undefined;
  #blocked = false;

  constructor(source: Source, half: Half) {
    this.#source = source;
    this.#half = half;
  }

  /** Called by an attempt that has to be made again. It is the waiting call that keeps the process alive. */
  later(): void {
    this.#blocked = true;
    this.#timer ??= setTimeout(() => this.#wake(), this.#pauseMs).unref();
  }

  #wake(): void {
    const half = this.#half;
    const first = half.first;
    this.#blocked = false;
    if (first !== undefined) this.#source.wake(half);
    this.#timer = undefined;
    const stuck = this.#blocked && half.first === first;
    this.#pauseMs = stuck ? Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS) : FIRST_PAUSE_MS;
    if (this.#blocked && half.first !== undefined) this.later();
  }
}
