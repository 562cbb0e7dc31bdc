/** Bytes that were never sent: real messages with wrong bits, lengths and ends, random nests, all in the midst of other bytes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { WireError } from "../../src/bytes/index.ts";

/** xorshift32: the same numbers in every run. */
export function xorshift(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** A codec under fuzz: what reads the bytes from `start` to `end`, and gives everything that can be got of them. */
export interface Target {
  readonly name: string;
  /** Whole payloads that it reads without an error. */
  readonly samples: readonly Uint8Array[];
  /** Where attributes begin in them. */
  readonly header: number;
  decode(bytes: Uint8Array, start: number, end: number): unknown;
  /** Where the codec claims it: attributes from what was decoded. `decode` and this, applied once more, change nothing. */
  readonly table?: {
    decode(bytes: Uint8Array, start: number, end: number): object;
    encode(values: never): Uint8Array;
  };
}

/** A codec as a row of a table of tests. */
export type Row = readonly [
  what: string,
  rounds: number,
  header: number,
  decode: Target["decode"],
  table?: Target["table"],
];

/** One test for each row: whole samples are read, cut ones at worst refused, and what was never sent likewise. */
export function fuzzRows(all: Readonly<Record<string, readonly Uint8Array[]>>, rows: readonly Row[]): void {
  for (const [what, rounds, header, decode, table] of rows) {
    test(`${what}: ${rounds} messages that were never sent`, (t) => {
      const samples = all[what] ?? [];
      if (samples.length === 0) return t.skip("this machine has none");
      for (const sample of samples) {
        decode(sample, 0, sample.length);
        for (let end = 0; end < sample.length; end++) {
          try {
            told(decode(sample, 0, end));
          } catch (error) {
            if (!(error instanceof WireError)) throw error;
          }
        }
      }
      if (table !== undefined) for (const sample of samples) survives(sample.subarray(header), table);
      const target = { name: what, samples, header, decode, ...(table && { table }) };
      const { decoded, refused } = fuzz(target, rounds, header * 7919 + what.length);
      assert.ok(decoded > rounds / 10 && refused > rounds / 100, `${decoded} decoded, ${refused} refused`);
    });
  }
}

/** What the table has, and one attribute that it cannot have, come out of it as they went in. */
function survives(attributes: Uint8Array, table: NonNullable<Target["table"]>): void {
  const foreign = Uint8Array.of(9, 0, 0xff, 0x3f, 1, 2, 3, 4, 5, 0, 0, 0);
  const bytes = new Uint8Array(((attributes.length + 3) & ~3) + foreign.length);
  bytes.set(attributes);
  bytes.set(foreign, bytes.length - foreign.length);
  const values = table.decode(bytes, 0, bytes.length);
  const encoded = table.encode(values as never);
  assert.equal(told(table.decode(encoded, 0, encoded.length)), told(values));
  assert.deepEqual(encoded.subarray(-foreign.length), foreign);
}

export interface Outcome {
  decoded: number;
  refused: number;
}

const MARGIN = 4096;
const ROOM = 65_536;

/** A value as text, whatever it has in it. */
export function told(value: unknown): string {
  return JSON.stringify(value, (_, it) =>
    typeof it === "bigint" ? `${it}n` : it instanceof Map ? [...it] : it instanceof Set ? [...it] : it,
  );
}

/**
 * Runs `rounds` of them. Every error but WireError fails; and so does a result that depends on bytes before or behind the message,
 * which are looked at in every 32nd round by decoding a copy that has none.
 */
export function fuzz(target: Target, rounds: number, seed: number): Outcome {
  const { samples, header, decode } = target;
  assert.ok(samples.length > 0, `${target.name}: no samples`);
  const next = xorshift(seed);
  const arena = new Uint8Array(2 * MARGIN + ROOM);
  const outcome = { decoded: 0, refused: 0 };
  const attempt = (bytes: Uint8Array, start: number, end: number): unknown => {
    try {
      const value = decode(bytes, start, end);
      outcome.decoded++;
      return value;
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      outcome.refused++;
      return `${(error as Error).name}`;
    }
  };
  poison(arena, next);
  // Most of the time would be spent on where the errors were made.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  for (let round = 0; round < rounds; round++) {
    const sample = samples[next() % samples.length] as Uint8Array;
    // The beginning need not be a multiple of four.
    const start = MARGIN + (next() % 8);
    let length = sample.length;
    arena.set(sample, start);
    length = mutate(arena, start, length, header, next, samples);
    const end = start + length;
    try {
      const value = attempt(arena, start, end);
      if (round % 32 === 0) {
        const alone = attempt(arena.slice(start, end), 0, length);
        if (told(value) !== told(alone))
          assert.deepEqual(value, alone, "it depends on bytes that are not its own");
      }
      if (round % 32 === 5 && target.table !== undefined) again(target.table, arena, start + header, end);
    } catch (error) {
      Error.stackTraceLimit = stackTraceLimit;
      const hex = Buffer.from(arena.subarray(start, end)).toString("hex");
      throw new Error(`${target.name}, round ${round}, seed ${seed}: ${hex}`, { cause: error });
    }
  }
  Error.stackTraceLimit = stackTraceLimit;
  return outcome;
}

/** Decoding what was encoded from what was decoded changes nothing. */
function again(table: NonNullable<Target["table"]>, bytes: Uint8Array, start: number, end: number): void {
  let values: object;
  try {
    values = table.decode(bytes, start, Math.max(start, end));
  } catch (error) {
    if (error instanceof WireError) return;
    throw error;
  }
  const encoded = table.encode(values as never);
  const twice = table.encode(table.decode(encoded, 0, encoded.length) as never);
  assert.deepEqual(twice, encoded);
}

/** What stands around messages looks like attributes, so that whoever reads too far finds something. */
function poison(arena: Uint8Array, next: () => number): void {
  for (let at = 0; at + 8 <= arena.length; at += 8)
    arena.set([8, 0, next() & 63, 0, 0xaa, 0xbb, 0xcc, 0xdd], at);
}

/** Changes the message in its place. @returns its length */
function mutate(
  bytes: Uint8Array,
  start: number,
  whole: number,
  header: number,
  next: () => number,
  samples: readonly Uint8Array[],
): number {
  let length = whole;
  const kind = next() % 16;
  if (kind < 6) {
    for (let count = 1 + (next() & 3); count > 0; count--) bytes[start + (next() % (length || 1))] = next();
  } else if (kind < 10) {
    // A length that lies: wherever one may stand, in steps of four.
    const at = start + header + 4 * (next() % Math.max(1, (length - header) >> 2));
    const lie = LIES[next() % LIES.length] as number;
    const value = lie < 0 ? next() : lie;
    bytes[at] = value;
    bytes[at + 1] = value >>> 8;
  } else if (kind < 12) length = next() % (length + 1);
  else if (kind === 12) {
    // A part of another message over this one, or behind it.
    const other = samples[next() % samples.length] as Uint8Array;
    const from = next() % (other.length || 1);
    const at = next() % (length + 1);
    const part = other.subarray(from, from + (next() % 256));
    bytes.set(part, start + at);
    length = Math.max(length, at + part.length);
  } else if (kind === 13) length = header + nests(bytes, start + header, 512, next);
  else if (kind === 14) {
    for (let at = start + header; at < start + length; at++) bytes[at] = next() >>> (at & 7);
  } else if ((next() & 1023) === 0) {
    length = header + extremes(bytes, start + header, next);
  } else {
    bytes[start + (next() % (length || 1))] = next();
    length = next() % (length + 1);
  }
  return length;
}

/** Below 0 any. */
const LIES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 20, 36, 255, 256, 0x7fff, 0x8000, 0xfffe, 0xffff, -1, -1];

/** Attributes of random types within each other. @returns how many bytes */
function nests(bytes: Uint8Array, start: number, room: number, next: () => number, depth = 0): number {
  let at = start;
  for (let count = next() % 6; count > 0 && at + 4 <= start + room; count--) {
    const left = start + room - at - 4;
    const inner =
      depth < 8 && next() % 3 === 0
        ? nests(bytes, at + 4, left, next, depth + 1)
        : Math.min(left, [0, 1, 2, 4, 4, 6, 8, 16, 20][next() % 9] as number);
    const type = next() & 63;
    bytes.set([inner + 4, (inner + 4) >> 8, type, next() & 1 ? 0x80 : 0], at);
    at += (inner + 4 + 3) & ~3;
  }
  return Math.min(at - start, room);
}

/** Thousands of attributes, or a nest as deep as it goes. @returns how many bytes */
function extremes(bytes: Uint8Array, start: number, next: () => number): number {
  const size = 4 * (next() % 8000);
  const type = next() & 31;
  const deep = (next() & 1) === 0;
  for (let at = 0; at < size; at += 4) {
    const length = deep ? size - at : 4;
    bytes.set([length, length >> 8, type, deep ? 0x80 : 0], start + at);
  }
  return size;
}
