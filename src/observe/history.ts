/** History: samples of hours in bounded memory, the older the sparser. */
import type { Sample } from "./sample.ts";

export interface HistoryOptions {
  /** How many ends of connections it may hold over all samples, each of about half a kilobyte; 100 000 unless told. */
  readonly maxEnds?: number | undefined;
}

const DEFAULT_MAX_ENDS = 100_000;
/** So many samples are kept however large they are. */
const LEAST_SAMPLES = 2;

/**
 * Keeps samples in the order of their time. When there are too many, every second one of the older half is dropped: the newest
 * stand at the full rate, and each step back in time is coarser. What ended in a sample that is dropped is told by the next one.
 */
export class History {
  readonly #maxEnds: number;
  #samples: Sample[] = [];
  #ends = 0;

  /** @throws {RangeError} for a `maxEnds` below 1 */
  constructor({ maxEnds = DEFAULT_MAX_ENDS }: HistoryOptions = {}) {
    if (!(Number.isInteger(maxEnds) && maxEnds >= 1)) {
      throw new RangeError(`maxEnds: expected an integer above 0, got ${String(maxEnds)}`);
    }
    this.#maxEnds = maxEnds;
  }

  /** The oldest first. */
  get samples(): readonly Sample[] {
    return this.#samples;
  }

  get latest(): Sample | undefined {
    return this.#samples.at(-1);
  }

  add(sample: Sample): void {
    this.#samples.push(sample);
    this.#ends += weightOf(sample);
    while (this.#ends > this.#maxEnds && this.#samples.length > LEAST_SAMPLES) this.#thin();
  }

  #thin(): void {
    const samples = this.#samples;
    const half = Math.max(2, Math.ceil(samples.length / 2));
    const kept: Sample[] = [];
    for (const [index, sample] of samples.entries()) {
      if (index >= half || index % 2 === 0) kept.push(sample);
      else samples[index + 1] = joined(kept.at(-1), sample, samples[index + 1] as Sample);
    }
    this.#samples = kept;
    this.#ends = kept.reduce((sum, sample) => sum + weightOf(sample), 0);
  }
}

/** What is left of two samples, if the first of them is dropped. What came and ended in between needs no end: nothing piles up. */
function joined(before: Sample | undefined, dropped: Sample, next: Sample): Sample {
  if (dropped.ended.length === 0 && next.ended.length === 0) return next;
  const seen = new Set(before?.ends.map(({ id }) => id));
  return { ...next, ended: [...dropped.ended, ...next.ended].filter(({ id }) => seen.has(id)) };
}

/** A sample without connections takes room too. */
function weightOf({ ends, ended }: Sample): number {
  return 1 + ends.length + ended.length;
}
