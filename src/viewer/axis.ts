/** Steps of an axis, so that its numbers are round in their unit. */
import { bytesText, countText, microsText } from "./format.ts";
import type { PlotUnit } from "./plot_lines.ts";

const DECADES = [1, 2, 5].flatMap((step) => Array.from({ length: 13 }, (_, power) => step * 10 ** power));

/** 1, 2, 4, … in bytes; then 1, 2, 4 … 512 KiB, and so on. */
const BYTE_STEPS = Array.from({ length: 50 }, (_, power) => 2 ** power);

export function stepsOf(unit: PlotUnit): number[] {
  return unit === "bytes" ? BYTE_STEPS : [...DECADES].sort((a, b) => a - b);
}

export function textOf(unit: PlotUnit, value: number | undefined): string {
  return unit === "bytes" ? bytesText(value) : unit === "µs" ? microsText(value) : countText(value);
}

/** Of an axis: without digits that say nothing. */
export function tickText(unit: PlotUnit, value: number): string {
  if (value === 0) return "0";
  return textOf(unit, value)
    .replace(/(\.\d*?)0+(?= )/, "$1")
    .replace(/\.(?= )/, "");
}

const SECONDS = [
  0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200,
];

export function secondSteps(): number[] {
  return SECONDS;
}
