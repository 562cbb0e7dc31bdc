/** The table of the page: all connections in a few facts, of which only those that have changed are told again. */
import { type Connection, connectionsOf, type EndedEnd, type Sample } from "../../observe/index.ts";
import type { Row, TableUpdate } from "../../viewer/index.ts";
import { holdersText } from "../watch/flow.ts";

type Because = EndedEnd["because"] | "unobserved";

/** So many that have ended are still told to a page that comes later. */
const KEPT_ENDED = 50;

export class WebTable {
  #rows = new Map<string, Row>();
  #before: (readonly [Row, Because])[] = [];
  /** Why those have ended that are missing from the next update. */
  readonly #because = new Map<string, Because>();
  #elapsedMs = 0;
  /** Which update a page had last tells whether the next one is enough for it. */
  version = 0;

  /** To be told of every sample, since what has ended stands only in one. */
  note({ ended }: Sample): void {
    for (const { id, because } of ended) {
      if (this.#rows.has(id)) this.#because.set(id, because);
    }
  }

  /** What has changed since the last update. */
  update(sample: Sample): TableUpdate {
    const rows = new Map<string, Row>();
    const changed: Row[] = [];
    for (const connection of connectionsOf(sample)) {
      const row = rowOf(connection);
      const before = this.#rows.get(row[0]);
      rows.set(row[0], row);
      if (before === undefined || row.some((value, index) => value !== before[index])) changed.push(row);
    }
    const gone: (readonly [string, Because])[] = [];
    for (const [id, row] of this.#rows) {
      if (rows.has(id)) continue;
      const because = this.#because.get(id) ?? "unobserved";
      gone.push([id, because]);
      this.#before.push([row, because]);
    }
    this.#before = this.#before.slice(-KEPT_ENDED);
    this.#because.clear();
    this.#rows = rows;
    this.#elapsedMs = sample.elapsedMs;
    this.version++;
    return { elapsedMs: sample.elapsedMs, whole: false, rows: changed, gone };
  }

  whole(): TableUpdate {
    const rows = [...this.#rows.values()];
    return { elapsedMs: this.#elapsedMs, whole: true, rows, gone: [], before: this.#before };
  }
}

function rowOf({ id, near, far }: Connection): Row {
  // Of its two directions the one that has carried more is told.
  const outwards = (near.writtenBytes ?? 0) >= (far?.writtenBytes ?? near.receivedBytes ?? 0);
  const [sender, receiver] = outwards ? [near, far] : [far, near];
  return [
    id,
    near.local,
    near.peer,
    far?.id ?? "",
    String(near.state),
    far === undefined ? "" : String(far.state),
    near.waiting,
    far?.waiting ?? "",
    near.writtenBytes ?? 0,
    near.receivedBytes ?? 0,
    (sender?.notSentBytes ?? 0) + (sender?.inFlightBytes ?? 0),
    receiver?.receiveQueueBytes ?? 0,
    (sender ?? near).rttUs ?? 0,
    (sender ?? near).retransmittedSegments ?? 0,
    [near, far]
      .map(holdersText)
      .filter((text) => text !== "")
      .join(" "),
  ];
}
