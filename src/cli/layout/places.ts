/** Fields that lie in each other's place: those of anonymous unions, which are fields of the struct around them. */
import type { StructField } from "../../bytes/index.ts";

export const roundUp = (value: number, step: number): number => Math.ceil(value / step) * step;
export const roundDown = (value: number, step: number): number => Math.floor(value / step) * step;

/** The bits of a field, from the start of what it is in. */
export function bitsOf({ offset, size, bits }: StructField): { from: number; to: number } {
  const from = offset * 8 + (bits?.offset ?? 0);
  return { from, to: from + (bits?.width ?? size * 8) };
}

/** Bits that several fields share; whole bytes. */
export interface Place {
  readonly from: number;
  readonly to: number;
  /** In the order in which they are declared. */
  readonly fields: readonly StructField[];
}

/** The places that fields share. Other fields that have bits of the same bytes are drawn in. */
export function sharedPlaces(fields: readonly StructField[]): Place[] {
  let runs = fields
    .filter((field) => field.size > 0)
    .map((field) => ({ ...bitsOf(field), fields: [field] }))
    .sort((a, b) => a.from - b.from);
  for (;;) {
    const merged: typeof runs = [];
    for (const run of runs) {
      const last = merged.at(-1);
      if (last && run.from < last.to) {
        last.from = roundDown(Math.min(last.from, run.from), 8);
        last.to = roundUp(Math.max(last.to, run.to), 8);
        last.fields.push(...run.fields);
      } else merged.push(run);
    }
    const done = merged.length === runs.length;
    runs = merged;
    if (done) break;
  }
  const order = new Map(fields.map((field, index) => [field, index]));
  const place = (field: StructField): number => order.get(field) ?? 0;
  return runs
    .filter((run) => run.fields.length > 1)
    .map((run) => ({ ...run, fields: run.fields.sort((a, b) => place(a) - place(b)) }));
}

/** Parts fields that share a place into choices, within each of which none overlaps another. */
export function choicesOf(fields: readonly StructField[]): StructField[][] {
  const choices: StructField[][] = [];
  let end = Number.POSITIVE_INFINITY; // of the choice that is being gathered
  for (const field of fields) {
    if (field.size === 0) continue;
    const { from, to } = bitsOf(field);
    if (from < end) choices.push([]);
    choices.at(-1)?.push(field);
    end = to;
  }
  return choices;
}
