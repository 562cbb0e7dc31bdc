/** TracePlan: which probe goes next, what became of each, how long each waits, and where the path ends. */
import type { TraceSettings } from "./_trace_options.ts";
import type { TraceAnswer, TraceHop, TraceProbe } from "./trace_hop.ts";

/** A probe on its way. */
export interface Pending {
  /** Which probe it is, from 0: first by its hop, then by its place in it. */
  readonly index: number;
  readonly ttl: number;
  /** The number that it was sent with last. */
  id: number;
  sentMs: number;
  /** See {@link TraceAnswer.mtu}. */
  mtu: number | undefined;
}

/** However near a hop is, an answer has so long. */
const LEAST_WAIT_MS = 100;

export class TracePlan {
  readonly #settings: TraceSettings;
  readonly #results: (TraceProbe | undefined)[] = [];
  /** By the number that they were sent with. */
  readonly #pending = new Map<number, Pending>();
  /** How long the first answer of each hop took. */
  readonly #rtts = new Map<number, number>();
  #next = 0;
  /** The number of probes, so far as is known. */
  #end: number;
  /** How many hops were taken. */
  #taken = 0;

  constructor(settings: TraceSettings) {
    this.#settings = settings;
    this.#end = (settings.maxTtl - settings.firstTtl + 1) * settings.queries;
  }

  #ttlOf(index: number): number {
    return this.#settings.firstTtl + Math.floor(index / this.#settings.queries);
  }

  /** The probe that may go now. */
  next(): Pending | undefined {
    if (this.#next >= this.#end || this.#pending.size >= this.#settings.window) return undefined;
    return { index: this.#next, ttl: this.#ttlOf(this.#next), id: -1, sentMs: 0, mtu: undefined };
  }

  /** A probe has gone, for the first time or once more. */
  sent(probe: Pending, id: number, sentMs: number): void {
    if (probe.index === this.#next) this.#next++;
    probe.id = id;
    probe.sentMs = sentMs;
    this.#pending.set(id, probe);
  }

  find(id: number): Pending | undefined {
    return this.#pending.get(id);
  }

  /** A probe is no longer waited for under this number. */
  drop(probe: Pending): void {
    this.#pending.delete(probe.id);
  }

  /** @returns the probes that are of no interest any more, since they are for hops behind the path's end */
  settle(probe: Pending, result: TraceProbe): readonly Pending[] {
    this.drop(probe);
    this.#results[probe.index] = result;
    if (result.reply === undefined) return [];
    const row = Math.floor(probe.index / this.#settings.queries);
    if (result.rttMs !== undefined && !this.#rtts.has(row)) this.#rtts.set(row, result.rttMs);
    if (result.reply === "timeExceeded") return [];
    this.#end = Math.min(this.#end, (row + 1) * this.#settings.queries);
    const beyond = [...this.#pending.values()].filter(({ index }) => index >= this.#end);
    for (const one of beyond) this.drop(one);
    return beyond;
  }

  /** How long a probe waits at most. */
  #waitMs({ index }: Pending): number {
    const { timeoutMs, queries, patience } = this.#settings;
    const row = Math.floor(index / queries);
    const shortened = (rttMs: number, factor: number): number =>
      Math.min(timeoutMs, Math.max(LEAST_WAIT_MS, rttMs * factor));
    const here = this.#rtts.get(row);
    if (here !== undefined && patience.here > 0) return shortened(here, patience.here);
    if (patience.near === 0) return timeoutMs;
    const near = [...this.#rtts.keys()].filter((other) => other > row).sort((a, b) => a - b)[0];
    return near === undefined ? timeoutMs : shortened(this.#rtts.get(near) as number, patience.near);
  }

  /** When the next probe has waited for long enough, as performance.now() counts. */
  dueMs(): number {
    let due = Number.POSITIVE_INFINITY;
    for (const probe of this.#pending.values()) due = Math.min(due, probe.sentMs + this.#waitMs(probe));
    return due;
  }

  /** The probes that have waited for long enough. */
  overdue(now: number): Pending[] {
    return [...this.#pending.values()].filter((probe) => probe.sentMs + this.#waitMs(probe) <= now);
  }

  /** The next hop of which everything is known, in order. */
  takeHop(): TraceHop | undefined {
    const { queries, firstTtl } = this.#settings;
    const start = this.#taken * queries;
    if (start >= this.#end) return undefined;
    const probes: TraceProbe[] = [];
    for (let index = start; index < start + queries; index++) {
      const result = this.#results[index];
      if (result === undefined) return undefined;
      probes.push(result);
    }
    return { ttl: firstTtl + this.#taken++, probes };
  }

  /** Whether all hops were taken. */
  get done(): boolean {
    return this.#taken * this.#settings.queries >= this.#end;
  }
}

/** How a trace has ended that consists of these hops. */
export function endOf(hops: readonly TraceHop[]): "reached" | "unreachable" | "maxTtl" {
  const answers = hops.flatMap(({ probes }) =>
    probes.filter((probe): probe is TraceAnswer => probe.reply !== undefined),
  );
  if (answers.some(({ reached }) => reached)) return "reached";
  return answers.some(({ reply }) => reply !== "timeExceeded") ? "unreachable" : "maxTtl";
}
