/** Samples for the page: of what it follows, by columns, which are a tenth of the samples themselves. */
import { type EndSample, QUANTITIES, type Sample } from "../../observe/index.ts";
import type { Batch, Column, EndColumns, Scalar } from "../../viewer/index.ts";

const NAMES = ["state", "waiting", "waitingMs", ...Object.keys(QUANTITIES)] as readonly (keyof EndSample)[];

/** Among the ends that a page follows are the other ends of those that it has asked for. */
const MAX_FOLLOWED = 16;

/** Which ends a page follows. */
export class Follow {
  readonly #ids = new Set<string>();

  constructor(ids: readonly string[]) {
    for (const id of ids.slice(0, MAX_FOLLOWED)) this.#ids.add(id);
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** Those of a sample; the other end of one that is followed is followed from then on, also when that one has gone. */
  endsOf({ ends }: Sample): EndSample[] {
    if (this.#ids.size === 0) return [];
    return ends.filter(({ id, pairedWith }) => {
      if (this.#ids.has(id)) return true;
      if (pairedWith === undefined || !this.#ids.has(pairedWith)) return false;
      if (this.#ids.size < MAX_FOLLOWED) this.#ids.add(id);
      return true;
    });
  }
}

export function batchOf(
  samples: readonly Sample[],
  follow: Follow,
  { whole, skipped }: { readonly whole: boolean; readonly skipped: number },
): Batch {
  const ends = new Map<string, { newest: EndSample; columns: Map<string, Scalar[]> }>();
  for (const [index, sample] of samples.entries()) {
    for (const end of follow.endsOf(sample)) {
      let known = ends.get(end.id);
      if (known === undefined) {
        const columns = new Map(NAMES.map((name) => [name, new Array<Scalar>(samples.length).fill(null)]));
        known = { newest: end, columns };
        ends.set(end.id, known);
      }
      known.newest = end;
      for (const name of NAMES) {
        const value = end[name];
        if (value !== undefined) (known.columns.get(name) as Scalar[])[index] = value as Scalar;
      }
    }
  }
  return {
    whole,
    elapsedMs: samples.map(({ elapsedMs }) => elapsedMs),
    at: samples.map(({ at }) => at),
    missed: columnOf(samples.map(({ missed }) => missed)),
    skipped,
    ends: [...ends.values()].map(({ newest, columns }) => endColumns(newest, columns)),
    ended: samples.flatMap(({ ended }) => ended.filter(({ id }) => follow.has(id))),
  };
}

function endColumns(newest: EndSample, columns: ReadonlyMap<string, readonly Scalar[]>): EndColumns {
  const { id, local, peer, pairedWith, holders } = newest;
  const told: [string, Column][] = [];
  for (const [name, values] of columns) {
    const column = columnOf(values);
    if (column !== null) told.push([name, column]);
  }
  return { id, local, peer, pairedWith, holders, columns: Object.fromEntries(told) };
}

/** One value where all are the same. */
function columnOf(values: readonly Scalar[]): Column {
  const [first = null] = values;
  return values.every((value) => value === first) ? first : values;
}

/** So many of the samples, the newest all of them and the others the sparser the older they are. */
export function thinned(samples: readonly Sample[], most: number): readonly Sample[] {
  let kept = samples;
  while (kept.length > most) {
    const half = Math.ceil(kept.length / 2);
    kept = kept.filter((_, index) => index >= half || index % 2 === 0);
  }
  return kept;
}
