/** Medians, spread and ratios as one table; the README's copy of it. @module */
import { readFileSync, writeFileSync } from "node:fs";
import type { Answer, Metric, Subject } from "./_harness.ts";

const START = "<!-- bench:start -->";
const END = "<!-- bench:end -->";
const HEAD = ["median (quartiles)", "Windsock", "Node", "C", "Windsock ÷ Node", "Windsock ÷ C"];
const NOTHING = "–";

interface Spread {
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

/** Quartiles and median, interpolated between neighbours. */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => {
    const place = (sorted.length - 1) * share;
    const below = sorted[Math.floor(place)]!;
    return below + (sorted[Math.ceil(place)]! - below) * (place - Math.floor(place));
  };
  return { low: at(0.25), median: at(0.5), high: at(0.75) };
}

function cell(values: readonly number[] | undefined, digits: number): string {
  if (values === undefined) return NOTHING;
  const { low, median, high } = spread(values);
  const text = (value: number) =>
    value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${text(median)} (${text(low)}–${text(high)})`;
}

/** The ratio is taken within each round, where both were measured side by side. */
function ratios(answer: Answer, key: string, over: Subject): number[] | undefined {
  const ours = answer.samples.windsock?.[key];
  const theirs = answer.samples[over]?.[key];
  // A peer's 0 (no growth that could be seen) has no ratio.
  if (ours === undefined || theirs === undefined || theirs.includes(0)) return undefined;
  return ours.map((value, round) => value / theirs[round]!);
}

function row(answer: Answer, { key, label, digits, moreIsBetter }: Metric): string[] {
  return [
    moreIsBetter ? `${label} (more is better)` : label,
    cell(answer.samples.windsock?.[key], digits),
    cell(answer.samples.node?.[key], digits),
    cell(answer.samples.c?.[key], digits),
    cell(ratios(answer, key, "node"), 2),
    cell(ratios(answer, key, "c"), 2),
  ];
}

/** A Markdown table that can also be read as it is. */
export function table(answers: readonly Answer[]): string {
  const rows = answers.flatMap((answer) => [
    [`**${answer.question.title}**`, ...HEAD.slice(1).map(() => "")],
    ...answer.question.metrics.map((metric) => row(answer, metric)),
  ]);
  const widths = HEAD.map((_, column) =>
    Math.max(3, ...[HEAD, ...rows].map((cells) => cells[column]!.length)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((text, i) => (i === 0 ? text.padEnd(widths[i]!) : text.padStart(widths[i]!))).join(" | ")} |`;
  const rule = widths.map((width, i) => (i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  return [line(HEAD), line(rule), ...rows.map(line)].join("\n");
}

/** Where the table goes. @throws {Error} when the README has no place for it */
export function findPlace(readme: string): {
  readonly text: string;
  readonly from: number;
  readonly to: number;
} {
  const text = readFileSync(readme, "utf8");
  const from = text.indexOf(START) + START.length;
  const to = text.indexOf(END);
  if (!text.includes(START) || to < from) {
    throw new Error(`${readme} has no lines "${START}" and "${END}" for the table to stand between`);
  }
  return { text, from, to };
}

export function writeReadme(readme: string, content: string): void {
  const { text, from, to } = findPlace(readme);
  writeFileSync(readme, `${text.slice(0, from)}\n${content}\n${text.slice(to)}`);
}
