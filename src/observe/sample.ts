/** A sample: what an observer saw at one moment. */
import type { EndSample } from "./end_sample.ts";

/** A connection that was there in the sample before. */
export interface EndedEnd {
  readonly id: string;
  readonly local: string;
  readonly peer: string;
  /** `"gone"`, or `"replaced"`: another socket has the same addresses now. */
  readonly because: "gone" | "replaced";
}

/** All connections at one moment. All of it is JSON. */
export interface Sample {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Milliseconds since the observer was opened, by a clock that nobody sets. */
  readonly elapsedMs: number;
  /** How many moments before this one were left out, since their sample would have come too late. */
  readonly missed: number;
  /** The ends of connections, in the kernel's order. */
  readonly ends: readonly EndSample[];
  /** Which are no longer there. */
  readonly ended: readonly EndedEnd[];
}
