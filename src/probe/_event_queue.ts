/** Events that wait for who iterates over them, and who waits for events. */

interface Waiter<T> {
  readonly resolve: (result: IteratorResult<T, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

const DONE = { done: true, value: undefined } as const;

/** A queue with an end. */
export class EventQueue<T> {
  #events: T[] = [];
  #head = 0;
  readonly #waiting: Waiter<T>[] = [];
  #ended = false;
  #error: { readonly reason: unknown } | undefined;

  /** How many events nobody has taken yet. */
  get length(): number {
    return this.#events.length - this.#head;
  }

  push(event: T): void {
    if (this.#ended) return;
    const waiter = this.#waiting.shift();
    if (waiter !== undefined) waiter.resolve({ done: false, value: event });
    else this.#events.push(event);
  }

  /** What is there can still be taken; then comes the end. */
  end(): void {
    this.#ended = true;
    for (const { resolve } of this.#waiting.splice(0)) resolve(DONE);
  }

  /** Forgets what is there; the next one to take gets the error, and then comes the end. */
  fail(reason: unknown): void {
    if (this.#ended) return;
    this.clear();
    this.#ended = true;
    const [first, ...others] = this.#waiting.splice(0);
    if (first === undefined) this.#error = { reason };
    else first.reject(reason);
    for (const { resolve } of others) resolve(DONE);
  }

  clear(): void {
    this.#events = [];
    this.#head = 0;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#head < this.#events.length) {
      const value = this.#events[this.#head++] as T;
      if (this.#head === this.#events.length) this.clear();
      else if (this.#head >= 1024 && this.#head * 2 > this.#events.length) {
        this.#events = this.#events.slice(this.#head); // what was taken is not held
        this.#head = 0;
      }
      return Promise.resolve({ done: false, value });
    }
    const error = this.#error;
    this.#error = undefined;
    if (error !== undefined) return Promise.reject(error.reason);
    if (this.#ended) return Promise.resolve(DONE);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }
}
