/** What the server of `windsock watch --web` tells its page, as server-sent events. All of it is JSON. */
import type { EndedEnd, Holder, Quantity, QuantityName, WaitReason } from "../observe/index.ts";

/** Event `hello`, the first of every stream. */
export interface Hello {
  /** Of the server: another one has samples of another observer, whose clock began anew. */
  readonly boot: string;
  readonly mode: "live" | "replay" | "demo";
  /** Whether what follows continues after the last event that the page had. */
  readonly resumed: boolean;
  readonly quantities: Readonly<Record<QuantityName, Quantity>>;
  /** In the order of their codes. */
  readonly reasons: readonly WaitReason[];
  readonly texts: Readonly<Record<WaitReason, string>>;
}

export type Scalar = number | string | boolean | null;

/** A value for each sample of a batch, or one that is the same in all of them. `null` is not known, or not there. */
export type Column = Scalar | readonly Scalar[];

/** One end in the samples of a batch. */
export interface EndColumns {
  readonly id: string;
  readonly local: string;
  readonly peer: string;
  /** As of the newest sample. */
  readonly pairedWith?: string | undefined;
  readonly holders?: readonly Holder[] | undefined;
  /** `state`, `waiting`, `waitingMs`, and the quantities by name. Where `state` is null it was not there. */
  readonly columns: Readonly<Record<string, Column>>;
}

/** Event `samples`: what the page follows, sample by sample. */
export interface Batch {
  /** Whether these are the first that the page is to know of what it follows: what it had is replaced. */
  readonly whole: boolean;
  readonly elapsedMs: readonly number[];
  /** Milliseconds since 1970. */
  readonly at: readonly number[];
  readonly missed: Column;
  /** How many samples before these were left out, since the page took them too slowly. */
  readonly skipped: number;
  readonly ends: readonly EndColumns[];
  /** Those of the followed ends that are no longer there. */
  readonly ended: readonly EndedEnd[];
}

/** A connection in the table. */
export type Row = readonly [
  id: string,
  local: string,
  peer: string,
  /** `""` where the far end is not on this machine, or not observed. */
  farId: string,
  state: string,
  farState: string,
  waiting: string,
  farWaiting: string,
  writtenBytes: number,
  receivedBytes: number,
  /** Written and not acknowledged. */
  sendQueueBytes: number,
  /** Received and not read, at the end that gets what the near one sends. */
  receiveQueueBytes: number,
  rttUs: number,
  retransmittedSegments: number,
  holders: string,
];

/** Event `table`: all connections, or what has changed among them. */
export interface TableUpdate {
  readonly elapsedMs: number;
  readonly whole: boolean;
  readonly rows: readonly Row[];
  /** Which are no longer there, and why; `"unobserved"` where nobody looks at them any more. */
  readonly gone: readonly (readonly [id: string, because: EndedEnd["because"] | "unobserved"])[];
  /** Only in a whole one: the last that have ended. */
  readonly before?: readonly (readonly [row: Row, because: EndedEnd["because"] | "unobserved"])[] | undefined;
}

/** Event `caption`: what to look at, from this moment on. */
export interface Caption {
  readonly elapsedMs: number;
  readonly text: string;
}

/** Event `end`, no more samples will come, or `bye`, the server ends too. */
export interface Ending {
  readonly text: string;
}
