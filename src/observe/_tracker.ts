/** From readings to samples: what needs the sample before, and the other end. */
import { type Draft, draftOf } from "./_draft.ts";
import type { Followed, FollowedEnds } from "./_followed.ts";
import type { Reading } from "./_reading.ts";
import { sendBufferOf, waitReason } from "./_wait_reason.ts";
import type { EndSample, Holder } from "./end_sample.ts";
import type { EndedEnd, Sample } from "./sample.ts";
import type { WaitReason } from "./waiting.ts";

const OURSELVES: readonly Holder[] = [{ pid: process.pid, command: process.title }];

export class Tracker {
  readonly #ends: FollowedEnds;
  /** Those of the last sample. */
  #last: Followed[] = [];
  #lastMs = 0;
  #samples = 0;

  constructor(ends: FollowedEnds) {
    this.#ends = ends;
  }

  /**
   * @param now of the monotonic clock, in milliseconds
   * @param holdersOf tells who has an inode
   */
  next(
    lists: readonly (readonly Reading[])[],
    now: number,
    holdersOf?: (inode: bigint) => readonly Holder[] | undefined,
  ): Pick<Sample, "ends" | "ended"> {
    const readings = this.#each(lists);
    const ends: EndSample[] = [];
    for (const reading of readings) {
      const { of: followed } = reading;
      const ours = reading.writtenBytes !== undefined;
      const holders = holdersOf === undefined ? undefined : ours ? OURSELVES : holdersOf(reading.inode);
      const end = draftOf(reading, this.#otherOf(followed)?.id, holders);
      this.#follow(followed, end, reading, now);
      ends.push(end);
    }
    const ended: EndedEnd[] = [];
    for (const followed of this.#last) {
      if (followed.sample === this.#samples) continue;
      const { id, local, peer } = followed;
      ended.push({ id, local, peer, because: this.#ends.remove(followed) ? "replaced" : "gone" });
    }
    this.#last = readings.map(({ of: followed }) => followed);
    this.#lastMs = now;
    this.#ends.tidy(this.#last);
    return { ends, ended };
  }

  /** One reading of each end. Our own counts stand above what the kernel says of everybody. */
  #each(lists: readonly (readonly Reading[])[]): Reading[] {
    const sample = ++this.#samples;
    const readings: Reading[] = [];
    for (const list of lists) {
      for (const reading of list) {
        const { of: followed } = reading;
        if (followed.sample === sample) {
          if (reading.writtenBytes === undefined) continue;
          const index = readings.findIndex((one) => one.of === followed);
          readings[index] = reading;
          continue;
        }
        if (followed.end === undefined) this.#ends.show(followed);
        followed.sample = sample;
        readings.push(reading);
      }
    }
    return readings;
  }

  #otherOf(followed: Followed): Followed | undefined {
    const known = followed.other;
    if (known?.sample === this.#samples) return known;
    const other = this.#ends.otherOf(followed);
    followed.other = other?.sample === this.#samples && other !== followed ? other : undefined;
    return followed.other;
  }

  /** Adds what the sample before tells, and keeps it for the next one. */
  #follow(followed: Followed, end: Draft, reading: Reading, now: number): void {
    const before = followed.end;
    const buffer = sendBufferOf(end);
    followed.full =
      buffer === "full" ||
      (buffer === "mostly" && followed.full && before?.writtenBytes === end.writtenBytes);
    // The kernel counts the time in which a program waits for room. A count that stands still is no sign of anything.
    const grows = buffer === "mostly" && microsSince(before, end, "sendBufferLimitedUs") > 0;
    end.waiting = waitReason(end, reading, followed.full || grows);
    if (before === undefined) followed.sinceMs = now;
    else if (before.waiting !== end.waiting) followed.sinceMs = this.#beginOf(end.waiting, before, end, now);
    end.waitingMs = now - followed.sinceMs;
    followed.end = end;
  }

  /** They are followed no longer: that they are missing from the next sample says nothing of them. */
  forget(ends: ReadonlySet<Followed>): void {
    for (const followed of ends) this.#ends.remove(followed);
    this.#last = this.#last.filter((followed) => !ends.has(followed));
  }

  /** When a reason began that was not there in the last sample: the kernel counts how long two of them last. */
  #beginOf(reason: WaitReason, before: EndSample, now: EndSample, nowMs: number): number {
    const micros =
      reason === "receiver-window"
        ? microsSince(before, now, "receiverLimitedUs")
        : reason === "send-buffer"
          ? microsSince(before, now, "sendBufferLimitedUs")
          : 0;
    return Math.max(this.#lastMs, nowMs - micros / 1000);
  }
}

/** How much a count has grown; 0 where it is not known. */
function microsSince(
  before: EndSample | undefined,
  now: EndSample,
  name: "receiverLimitedUs" | "sendBufferLimitedUs",
): number {
  const [from, to] = [before?.[name], now[name]];
  return from === undefined || to === undefined ? 0 : Math.max(0, to - from);
}
