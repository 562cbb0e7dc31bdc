/** A track: one connection over time, in bounded memory: the older, the sparser. */
import type { EndedEnd, Holder, QuantityName, WaitReason } from "../observe/index.ts";
import { Columns } from "./columns.ts";
import type { Batch, Column, EndColumns, Scalar } from "./protocol.ts";

/** An hour at two a second; of an hour at ten the newest minutes are kept in full. */
export const MAX_POINTS = 8192;
/** The two ends, and those that had their addresses before or after them. */
const MAX_ENDS = 16;

/** One end at one moment. */
export interface EndAt {
  readonly id: string;
  readonly local: string;
  readonly peer: string;
  readonly state: string;
  readonly waiting: WaitReason;
  readonly waitingMs: number;
  readonly holders: readonly Holder[];
  /** Undefined where it is not known. */
  get(name: QuantityName): number | undefined;
}

interface End {
  readonly id: string;
  readonly local: string;
  readonly peer: string;
  pairedWith: string | undefined;
  holders: readonly Holder[];
  ended: EndedEnd["because"] | undefined;
  readonly columns: Columns;
}

export class Track {
  /** Of its near end. */
  readonly id: string;
  /** The moments: `x` in seconds, without a gap where another server took over; `elapsedMs`, `at` and `boot` as they were told. */
  readonly #moments = new Columns();
  readonly #ends = new Map<string, End>();
  readonly #states: string[] = [];
  readonly #boots: string[] = [];
  readonly #maxPoints: number;
  #reasons: readonly WaitReason[];
  #offset = 0;
  #begun = false;
  /** Whether any of its ends was there at the last moment. */
  #there = false;
  /** What was lost on the way: samples that the observer missed, and those that this page was too slow for. */
  missed = 0;
  skipped = 0;

  constructor(id: string, reasons: readonly WaitReason[], maxPoints = MAX_POINTS) {
    this.id = id;
    this.#reasons = reasons;
    this.#maxPoints = maxPoints;
  }

  get length(): number {
    return this.#moments.length;
  }

  get sizeBytes(): number {
    return [...this.#ends.values()].reduce(
      (sum, { columns }) => sum + columns.sizeBytes,
      this.#moments.sizeBytes,
    );
  }

  /** A stream begins: of the same server as before, or of another one, whose clock begins anew. */
  begin(boot: string, reasons: readonly WaitReason[]): void {
    this.#reasons = reasons;
    this.#begun = this.#boots.at(-1) === boot;
    if (!this.#begun) this.#boots.push(boot);
  }

  add(batch: Batch): void {
    const boot = this.#boots.length - 1;
    if (batch.whole && this.#begun) this.#forgetBoot(boot);
    this.skipped += batch.skipped;
    const from = this.length;
    const taken: number[] = [];
    for (const [index, elapsedMs] of batch.elapsedMs.entries()) {
      this.missed += Number(cell(batch.missed, index) ?? 0);
      const there = batch.ends.some(({ columns }) => cell(columns.state ?? null, index) !== null);
      // One moment without it says that it has gone: more of them would move all that was seen of it out of sight.
      if (!there && !this.#there) continue;
      const at = batch.at[index] ?? 0;
      if (!this.#begun) this.#beginClock(elapsedMs, at);
      const last = this.length - 1;
      // A sample that was told again, as after a broken connection.
      if (this.#moments.get("boot", last) === boot && elapsedMs <= this.elapsedMs(last)) continue;
      this.#there = there;
      this.#moments.grow(last + 2);
      this.#moments.set("x", last + 1, elapsedMs / 1000 + this.#offset);
      this.#moments.set("elapsedMs", last + 1, elapsedMs);
      this.#moments.set("at", last + 1, at);
      this.#moments.set("boot", last + 1, boot);
      taken.push(index);
    }
    for (const end of batch.ends) this.#addEnd(end, taken, from);
    for (const end of this.#ends.values()) end.columns.grow(this.length);
    for (const { id, because } of batch.ended) {
      const end = this.#ends.get(id);
      if (end !== undefined) end.ended = because;
    }
    while (this.length > this.#maxPoints) this.#thin();
  }

  /** Its moments follow those of the server before, as far apart as they were. */
  #beginClock(elapsedMs: number, at: number): void {
    this.#begun = true;
    const last = this.length - 1;
    if (last < 0) this.#offset = 0;
    else {
      const gap = Math.max(0.001, (at - this.#moments.get("at", last)) / 1000);
      this.#offset = this.x(last) + gap - elapsedMs / 1000;
    }
  }

  #forgetBoot(boot: number): void {
    let length = this.length;
    while (length > 0 && this.#moments.get("boot", length - 1) === boot) length--;
    this.#there = false;
    this.#moments.cut(length);
    for (const { columns } of this.#ends.values()) columns.cut(length);
    this.missed = 0;
    this.skipped = 0;
  }

  #addEnd(told: EndColumns, taken: readonly number[], from: number): void {
    const { id, local, peer, pairedWith, holders } = told;
    let end = this.#ends.get(id);
    if (end === undefined) {
      if (this.#ends.size >= MAX_ENDS) return;
      end = { id, local, peer, pairedWith, holders: [], ended: undefined, columns: new Columns() };
      this.#ends.set(id, end);
    }
    // The other end may have gone before: who it was is not forgotten.
    end.pairedWith = pairedWith ?? end.pairedWith;
    end.holders = holders ?? end.holders;
    end.columns.grow(this.length);
    const states = told.columns.state ?? null;
    for (const [name, column] of Object.entries(told.columns)) {
      const values = end.columns.column(name);
      for (let step = 0; step < taken.length; step++) {
        const index = taken[step] as number;
        if (cell(states, index) === null) continue;
        const value = cell(column, index);
        if (value !== null)
          values[from + step] =
            typeof value === "number" && name !== "state" ? value : this.#numberOf(name, value);
      }
    }
  }

  #numberOf(name: string, value: Scalar): number {
    if (name === "waiting") return this.#reasons.indexOf(value as WaitReason);
    if (name !== "state") return Number(value);
    const text = String(value);
    const known = this.#states.indexOf(text);
    return known >= 0 ? known : this.#states.push(text) - 1;
  }

  /** Every second one of the older half goes. */
  #thin(): void {
    const half = Math.ceil(this.length / 2);
    const places: number[] = [];
    for (let index = 0; index < this.length; index++)
      if (index >= half || index % 2 === 0) places.push(index);
    const kept = Uint32Array.from(places);
    this.#moments.keep(kept);
    for (const { columns } of this.#ends.values()) columns.keep(kept);
  }

  x(index: number): number {
    return this.#moments.get("x", index);
  }

  elapsedMs(index: number): number {
    return this.#moments.get("elapsedMs", index);
  }

  at(index: number): number {
    return this.#moments.get("at", index);
  }

  /** The last sample at this moment or before it, or else the first one; -1 where there is none. */
  indexAt(x: number): number {
    let [low, high] = [0, this.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.x(middle) <= x) low = middle + 1;
      else high = middle;
    }
    return this.length === 0 ? -1 : Math.max(0, low - 1);
  }

  /** The ids of its ends: the near one, and the one that was or is its other end. */
  get pair(): { readonly near: string; readonly far: string | undefined } {
    const far = [...this.#ends.values()].find(
      ({ id, pairedWith }) => id !== this.id && pairedWith === this.id,
    );
    return { near: this.id, far: far?.id ?? this.#ends.get(this.id)?.pairedWith };
  }

  /** Whether it is no longer there, and why; undefined while it is, and while nothing was said. */
  endedBecause(id: string): EndedEnd["because"] | undefined {
    return this.#ends.get(id)?.ended;
  }

  /** The names of an end, also where it was not there. */
  addresses(id: string): { readonly local: string; readonly peer: string } | undefined {
    return this.#ends.get(id);
  }

  value(id: string | undefined, name: QuantityName | "waitingMs", index: number): number {
    return id === undefined ? Number.NaN : (this.#ends.get(id)?.columns.get(name, index) ?? Number.NaN);
  }

  /** What the sender waited for; undefined where it was not there. */
  waiting(id: string | undefined, index: number): WaitReason | undefined {
    if (id === undefined) return undefined;
    return this.#reasons[this.#ends.get(id)?.columns.get("waiting", index) ?? Number.NaN];
  }

  end(id: string | undefined, index: number): EndAt | undefined {
    const end = id === undefined ? undefined : this.#ends.get(id);
    if (end === undefined) return undefined;
    const state = this.#states[end.columns.get("state", index)];
    const waiting = this.waiting(id, index);
    if (state === undefined || waiting === undefined) return undefined;
    const get = (name: QuantityName): number | undefined => {
      const value = end.columns.get(name, index);
      return Number.isNaN(value) ? undefined : value;
    };
    const waitingMs = end.columns.get("waitingMs", index);
    return {
      id: end.id,
      local: end.local,
      peer: end.peer,
      state,
      waiting,
      waitingMs,
      holders: end.holders,
      get,
    };
  }
}

function cell(column: Column, index: number): Scalar {
  return isList(column) ? (column[index] ?? null) : column;
}

function isList(column: Column): column is readonly Scalar[] {
  return Array.isArray(column);
}
