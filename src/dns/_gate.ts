/** Holds back bursts of queries, which a server's receive buffer would lose. */

/** Lets so many in at once; who stays longer than `holdMs` does not count any more. */
export class Gate {
  readonly #most: number;
  readonly #holdMs: number;
  readonly #waiting: (() => void)[] = [];
  #inside = 0;

  constructor(most: number, holdMs: number) {
    this.#most = most;
    this.#holdMs = holdMs;
  }

  /**
   * Waits for its turn, in the order of the calls.
   * @returns what is to be called at the end
   * @throws the signal's reason
   */
  async enter(signal: AbortSignal): Promise<() => void> {
    if (this.#inside >= this.#most) await this.#turn(signal);
    else this.#inside++;
    let left = false;
    const leave = (): void => {
      if (left) return;
      left = true;
      clearTimeout(timer);
      const next = this.#waiting.shift();
      if (next === undefined) this.#inside--;
      else next(); // takes the place
    };
    const timer = setTimeout(leave, this.#holdMs);
    return leave;
  }

  #turn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(go), 1);
        reject(signal.reason);
      };
      const go = (): void => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiting.push(go);
    });
  }
}
