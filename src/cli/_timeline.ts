/** The time line of --explain: the name lookup and every attempt to connect, as bars. */
import type { ConnectAttempt } from "../socket/index.ts";

const WIDTH = 40;
const MARKS = { started: "…", connected: "✓", failed: "✗", cancelled: "–" } as const;

/** The lookup of the name, in milliseconds since the connect was called. */
export interface Lookup {
  readonly startMs: number;
  readonly endMs: number;
  readonly outcome: string;
}

/** @returns one line for the lookup, if there was one, and one for each attempt */
export function timeline(
  host: string,
  lookup: Lookup | undefined,
  attempts: readonly ConnectAttempt[],
): string[] {
  const endMs = Math.max(
    lookup?.endMs ?? 0,
    ...attempts.map((attempt) => attempt.endMs ?? attempt.startMs),
    0.001,
  );
  const rows = [
    ...(lookup === undefined ? [] : [{ what: `resolve ${host}`, ...lookup, mark: "·" }]),
    ...attempts.map((attempt) => ({
      what: `connect ${attempt.address}`,
      startMs: attempt.startMs,
      endMs: attempt.endMs ?? endMs,
      outcome: attempt.error?.code ?? attempt.state,
      mark: MARKS[attempt.state],
    })),
  ];
  const width = Math.max(...rows.map((row) => row.what.length));
  const ms = (value: number): string => value.toFixed(1).padStart(8);
  return rows.map((row) => {
    const from = Math.min(Math.floor((row.startMs / endMs) * WIDTH), WIDTH - 1);
    const to = Math.max(Math.ceil((row.endMs / endMs) * WIDTH), from + 1);
    const bar = `${" ".repeat(from)}${"━".repeat(to - from)}`.padEnd(WIDTH);
    return `${row.what.padEnd(width)} │${bar}│${ms(row.startMs)} –${ms(row.endMs)} ms  ${row.mark} ${row.outcome}`;
  });
}
