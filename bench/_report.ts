/** Medians, spread and ratios as tables; the README's copy of them. @module */
import { readFileSync, writeFileSync } from "node:fs";
import type { Answer, AnySubject, Metric } from "./_harness.ts";

const START = "<!-- bench:start -->";
const END = "<!-- bench:end -->";
const NAMES: Readonly<Record<AnySubject, string>> = {
  windsock: "Windsock",
  node: "Node",
  c: "C",
  npm: "npm `pcap`",
  struct: "Python `struct`",
  scapy: "scapy",
  tcpdump: "tcpdump",
  ip: "`ip`",
  ss: "`ss`",
  pyroute2: "pyroute2",
};
/** Questions that ask no others share a table. */
const COMMON: readonly AnySubject[] = ["windsock", "node", "c"];
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
function ratios(answer: Answer, key: string, over: AnySubject): number[] | undefined {
  const ours = answer.samples.windsock?.[key];
  const theirs = answer.samples[over]?.[key];
  // A peer's 0 (no growth that could be seen) has no ratio.
  if (ours === undefined || theirs === undefined || theirs.includes(0)) return undefined;
  return ours.map((value, round) => value / theirs[round]!);
}

function row(
  answer: Answer,
  { key, label, digits, moreIsBetter }: Metric<AnySubject>,
  columns: readonly AnySubject[],
): string[] {
  return [
    moreIsBetter ? `${label} (more is better)` : label,
    ...columns.map((subject) => cell(answer.samples[subject]?.[key], digits)),
    ...columns.slice(1).map((subject) => cell(ratios(answer, key, subject), 2)),
  ];
}

function columnsOf({ question: { subjects } }: Answer): readonly AnySubject[] {
  return subjects.every((subject) => COMMON.includes(subject)) ? COMMON : subjects;
}

/** Markdown tables that can also be read as they are: one for each set of subjects. */
export function table(answers: readonly Answer[]): string {
  const sets = [...new Set(answers.map((answer) => columnsOf(answer).join()))];
  return sets
    .map((set) => oneTable(answers.filter((answer) => columnsOf(answer).join() === set)))
    .join("\n\n");
}

function oneTable(answers: readonly Answer[]): string {
  const columns = columnsOf(answers[0] as Answer);
  const head = [
    "median (quartiles)",
    ...columns.map((subject) => NAMES[subject]),
    ...columns.slice(1).map((subject) => `Windsock ÷ ${NAMES[subject]}`),
  ];
  const rows = answers.flatMap((answer) => [
    [`**${answer.question.title}**`, ...head.slice(1).map(() => "")],
    ...answer.question.metrics.map((metric) => row(answer, metric, columns)),
  ]);
  const widths = head.map((_, column) =>
    Math.max(3, ...[head, ...rows].map((cells) => cells[column]!.length)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((text, i) => (i === 0 ? text.padEnd(widths[i]!) : text.padStart(widths[i]!))).join(" | ")} |`;
  const rule = widths.map((width, i) => (i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  return [line(head), line(rule), ...rows.map(line)].join("\n");
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
