/** The table of connections: kept from its updates, searched and sorted. */
import type { Row, TableUpdate } from "./protocol.ts";

/** A row with names. */
export interface ConnectionRow {
  readonly id: string;
  readonly farId: string;
  readonly local: string;
  readonly peer: string;
  readonly state: string;
  readonly farState: string;
  readonly waiting: string;
  readonly farWaiting: string;
  readonly writtenBytes: number;
  readonly receivedBytes: number;
  readonly sendQueueBytes: number;
  readonly receiveQueueBytes: number;
  readonly rttUs: number;
  readonly retransmittedSegments: number;
  readonly holders: string;
  /** Bytes a second, in both directions. */
  readonly rate: number;
  /** When it was seen to change, in the observer's milliseconds. */
  readonly changedMs: number;
  /** Why it is no longer there; undefined while it is. */
  readonly ended: string | undefined;
}

export const SORTS = [
  "activity",
  "address",
  "state",
  "waiting",
  "queues",
  "rtt",
  "retransmitted",
  "holders",
] as const;
export type Sort = (typeof SORTS)[number];

const MAX_ENDED = 50;

export class Rows {
  readonly #rows = new Map<string, ConnectionRow>();
  readonly #ended = new Map<string, ConnectionRow>();
  #elapsedMs = 0;
  #beforeMs = 0;

  get size(): number {
    return this.#rows.size;
  }

  get endedSize(): number {
    return this.#ended.size;
  }

  get(id: string): ConnectionRow | undefined {
    return this.#rows.get(id) ?? this.#ended.get(id);
  }

  /** The one that came last. */
  get newest(): ConnectionRow | undefined {
    return [...this.#rows.values()].at(-1);
  }

  update({ elapsedMs, whole, rows, gone, before = [] }: TableUpdate): void {
    if (whole) {
      const told = new Set(rows.map(([id]) => id));
      for (const [id, row] of this.#rows) if (!told.has(id)) this.#end(row, "unobserved");
      for (const id of [...this.#rows.keys()]) if (!told.has(id)) this.#rows.delete(id);
      for (const [row, because] of before) this.#end(named(row, 0, elapsedMs), because);
    }
    // A server that was started again has a clock that begins anew.
    this.#beforeMs = elapsedMs < this.#elapsedMs ? 0 : this.#elapsedMs;
    this.#elapsedMs = elapsedMs;
    for (const row of rows) {
      this.#rows.set(row[0], named(row, this.#rateOf(row), elapsedMs));
      this.#ended.delete(row[0]);
    }
    for (const [id, because] of gone) {
      const row = this.#rows.get(id);
      if (row === undefined) continue;
      this.#rows.delete(id);
      this.#end(row, because);
    }
  }

  #rateOf(row: Row): number {
    const before = this.#rows.get(row[0]);
    const ms = this.#elapsedMs - this.#beforeMs;
    if (before === undefined || ms <= 0) return 0;
    const bytes = row[8] - before.writtenBytes + (row[9] - before.receivedBytes);
    return Math.max(0, (bytes * 1000) / ms);
  }

  #end(row: ConnectionRow, because: string): void {
    this.#ended.delete(row.id);
    this.#ended.set(row.id, { ...row, rate: 0, ended: because });
    const [oldest] = this.#ended.keys();
    if (this.#ended.size > MAX_ENDED && oldest !== undefined) this.#ended.delete(oldest);
  }

  /** Those that have all the words of a search in them, in an order; the ended ones stand last, the latest of them first. */
  list(search: string, sort: Sort, descending: boolean): ConnectionRow[] {
    const words = search
      .toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== "");
    const fits = (row: ConnectionRow): boolean => {
      if (words.length === 0) return true;
      const text =
        `${row.local} ${row.peer} ${row.state} ${row.waiting} ${row.farWaiting} ${row.holders}`.toLowerCase();
      return words.every((word) => text.includes(word));
    };
    const rows: ConnectionRow[] = [];
    for (const row of this.#rows.values()) {
      // What is not told again has not changed.
      const current = row.changedMs === this.#elapsedMs || row.rate === 0 ? row : { ...row, rate: 0 };
      if (fits(current)) rows.push(current);
    }
    const order = ORDERS[sort];
    rows.sort((a, b) => (descending ? order(b, a) : order(a, b)) || (a.local < b.local ? -1 : 1));
    return [...rows, ...[...this.#ended.values()].reverse().filter(fits)];
  }
}

const text =
  (key: "local" | "state" | "waiting" | "holders") =>
  (a: ConnectionRow, b: ConnectionRow): number =>
    a[key] < b[key] ? -1 : a[key] > b[key] ? 1 : 0;

const ORDERS: Readonly<Record<Sort, (a: ConnectionRow, b: ConnectionRow) => number>> = {
  activity: (a, b) => a.rate - b.rate || a.changedMs - b.changedMs || queues(a) - queues(b),
  address: text("local"),
  state: text("state"),
  waiting: text("waiting"),
  queues: (a, b) => queues(a) - queues(b),
  rtt: (a, b) => a.rttUs - b.rttUs,
  retransmitted: (a, b) => a.retransmittedSegments - b.retransmittedSegments,
  holders: text("holders"),
};

const queues = (row: ConnectionRow): number => row.sendQueueBytes + row.receiveQueueBytes;

function named(row: Row, rate: number, changedMs: number): ConnectionRow {
  const [id, local, peer, farId, state, farState, waiting, farWaiting, writtenBytes, receivedBytes] = row;
  const [, , , , , , , , , , sendQueueBytes, receiveQueueBytes, rttUs, retransmittedSegments, holders] = row;
  return {
    id,
    farId,
    local,
    peer,
    state,
    farState,
    waiting,
    farWaiting,
    writtenBytes,
    receivedBytes,
    sendQueueBytes,
    receiveQueueBytes,
    rttUs,
    retransmittedSegments,
    holders,
    rate,
    changedMs,
    ended: undefined,
  };
}
