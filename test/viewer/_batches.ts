/** Batches that were made up, as the server makes them of samples. */
import { batchOf, Follow } from "../../src/cli/web/batch.ts";
import { type EndSample, WAIT_REASONS } from "../../src/observe/index.ts";
import { Track } from "../../src/viewer/track.ts";
import { pair, sampleOf } from "../cli/_samples.ts";

export interface Moment {
  readonly ms: number;
  /** Milliseconds since 1970; as far behind a fixed day as `ms` unless told. */
  readonly at?: number;
  readonly sender?: Partial<EndSample>;
  readonly receiver?: Partial<EndSample>;
  /** Instead of a sender and a receiver. */
  readonly ends?: readonly EndSample[];
}

/** What the server tells of the connection 11, of which the other end is 12. */
export function batch(moments: readonly Moment[], whole = false): ReturnType<typeof batchOf> {
  const samples = moments.map(({ ms, at, sender, receiver, ends }) => {
    const sample = sampleOf(ms, ends ?? pair(sender, receiver));
    return at === undefined ? sample : { ...sample, at };
  });
  return batchOf(samples, new Follow(["11", "12"]), { whole, skipped: 0 });
}

export function trackOf(moments: readonly Moment[], maxPoints?: number): Track {
  const track = new Track("11", WAIT_REASONS, maxPoints);
  track.begin("boot", WAIT_REASONS);
  track.add(batch(moments, true));
  return track;
}

export function times(track: Track): number[] {
  return Array.from({ length: track.length }, (_, index) => track.x(index));
}
