/** The error of a filter text or program that is not one. */

/** How much of a text is shown on each side of the place that a message is about. */
const SHOWN_CHARS = 60;

/** What a {@link FilterError} says besides its message. */
export interface FilterErrorOptions {
  readonly input?: string;
  readonly position?: number;
  readonly length?: number;
  readonly expected?: string;
  readonly suggestion?: string;
}

/** A filter expression, a program's text or a list of instructions that cannot be a filter, and where it goes wrong. */
export class FilterError extends Error {
  override readonly name = "FilterError";
  readonly code = "BAD_FILTER";
  /** The text that was to be read; undefined where instructions were given. */
  readonly input: string | undefined;
  /** Where in `input`, counted in UTF-16 code units from 0; or the number of the instruction that is wrong. */
  readonly position: number | undefined;
  /** How many code units of `input` it is about. */
  readonly length: number;
  /** What was expected there, in words. */
  readonly expected: string | undefined;
  /** What may have been meant. */
  readonly suggestion: string | undefined;

  constructor(message: string, options: FilterErrorOptions = {}) {
    const { input, position, length = 0, expected, suggestion } = options;
    const where = input === undefined || position === undefined ? "" : `, ${place(input, position)}`;
    const wanted = expected === undefined ? "" : `; expected ${expected}`;
    const meant = suggestion === undefined ? "" : `; did you mean ${JSON.stringify(suggestion)}?`;
    super(`${message}${where}${wanted}${meant}`);
    this.input = input;
    this.position = position;
    this.length = length;
    this.expected = expected;
    this.suggestion = suggestion;
  }

  /** The line of `input` that is wrong and a line of carets below it, for a terminal; empty where there is no place. */
  get excerpt(): string {
    if (this.input === undefined || this.position === undefined) return "";
    const start = this.input.lastIndexOf("\n", this.position - 1) + 1;
    const newline = this.input.indexOf("\n", this.position);
    const end = newline < 0 ? this.input.length : newline;
    const from = Math.max(start, this.position - SHOWN_CHARS);
    const to = Math.min(end, this.position + SHOWN_CHARS);
    const [head, tail] = [from > start ? "…" : "", to < end ? "…" : ""];
    const line = `${head}${this.input.slice(from, to)}${tail}`.replace(/[^\P{C}\t]/gu, "\ufffd");
    const indent = line.slice(0, head.length + this.position - from).replace(/[^\t]/g, " ");
    return `${line}\n${indent}${"^".repeat(Math.max(1, Math.min(this.length, to - this.position)))}`;
  }
}

function place(input: string, position: number): string {
  const before = input.slice(0, position).split("\n");
  const column = (before.at(-1) as string).length + 1;
  return before.length > 1 || input.includes("\n")
    ? `line ${before.length}, column ${column}`
    : `at column ${column}`;
}

/** Puts a text in quotes for a message, shortened where it is long. */
export function quote(text: string): string {
  return text.length <= SHOWN_CHARS ? JSON.stringify(text) : `${JSON.stringify(text.slice(0, SHOWN_CHARS))}…`;
}

/** Names a value for a message. */
export function show(value: unknown): string {
  if (typeof value === "string") return quote(value);
  if (typeof value === "object" && value !== null) return value.constructor?.name ?? "an object";
  return typeof value === "function" ? "a function" : String(value);
}

/** The word of a list that is nearest to a text, if one is near enough to have been meant. */
export function nearest(text: string, words: Iterable<string>): string | undefined {
  if (text.length < 2 || text.length > 20) return undefined;
  let found: string | undefined;
  let least = text.length <= 4 ? 2 : 3; // one slip in a short word, two in a longer one
  for (const word of words) {
    if (Math.abs(word.length - text.length) >= least) continue;
    const distance = editDistance(text.toLowerCase(), word);
    if (distance < least) [found, least] = [word, distance];
  }
  return found;
}

/** Damerau's distance: letters put in, left out, replaced, or swapped with their neighbour. */
function editDistance(a: string, b: string): number {
  let [older, old]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(at(old, j) + 1, at(row, j - 1) + 1, at(old, j - 1) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, at(older, j - 2) + 1);
      }
      row.push(cost);
    }
    [older, old] = [old, row];
  }
  return at(old, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] as number;
}
