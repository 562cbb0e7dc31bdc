/** Counts and round-trip times of a session, as ping(8) gives them. */

/** Round-trip times, in milliseconds. Duplicates count too. */
export interface RttStatistics {
  readonly min: number;
  readonly avg: number;
  readonly max: number;
  /** The standard deviation of all. */
  readonly mdev: number;
  /** The exponentially weighted moving average, in which the last one counts for an eighth. */
  readonly ewma: number;
}

export interface PingStatistics {
  /** Requests sent, those among them that this host refused to send. */
  readonly transmitted: number;
  /** Requests that were replied to. */
  readonly received: number;
  /** Replies to requests that had been replied to already. */
  readonly duplicates: number;
  /** Replies whose ICMP checksum was wrong; not among those received. */
  readonly corrupted: number;
  /** Errors of routers, hosts and this host. */
  readonly errors: number;
  /** The part of the requests that were not replied to: 0 to 1; 0 where none was sent. */
  readonly loss: number;
  /** From the start to the last request. */
  readonly timeMs: number;
  /** Undefined where there was no reply. */
  readonly rttMs: RttStatistics | undefined;
  /** How many requests were on their way at once at most. */
  readonly pipe: number;
}

/** Counts. */
export class Tally {
  transmitted = 0;
  received = 0;
  duplicates = 0;
  corrupted = 0;
  errors = 0;
  pipe = 0;
  timeMs = 0;
  #times = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = 0;
  #avg = 0;
  #squares = 0; // of the distances from the mean: Welford's method
  #ewma = 0;

  /** @internal Takes a round-trip time in. */
  time(rttMs: number): void {
    this.#times++;
    this.#min = Math.min(this.#min, rttMs);
    this.#max = Math.max(this.#max, rttMs);
    const before = rttMs - this.#avg;
    this.#avg += before / this.#times;
    this.#squares += before * (rttMs - this.#avg);
    this.#ewma += this.#times === 1 ? rttMs : (rttMs - this.#ewma) / 8;
  }

  /** Undefined without any. */
  get maxRttMs(): number | undefined {
    return this.#times === 0 ? undefined : this.#max;
  }

  statistics(): PingStatistics {
    const { transmitted, received, duplicates, corrupted, errors, pipe, timeMs } = this;
    const loss = transmitted === 0 ? 0 : (transmitted - received) / transmitted;
    const mdev = Math.sqrt(this.#squares / this.#times);
    const rttMs =
      this.#times === 0
        ? undefined
        : { min: this.#min, avg: this.#avg, max: this.#max, mdev, ewma: this.#ewma };
    return { transmitted, received, duplicates, corrupted, errors, loss, timeMs, rttMs, pipe };
  }
}
