/** docs/observe.md and flow-control.md do what they say: snippets print what stands below them, tables are those of the code. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { QUANTITIES, WAIT_REASONS, WAIT_TEXTS } from "../../src/observe/index.ts";
import { assertSnippets } from "../_snippets.ts";

const text = readFileSync(new URL("../../docs/observe.md", import.meta.url), "utf8");

function between(mark: string): string {
  const [start, end] = [`<!-- ${mark}:start -->\n`, `<!-- ${mark}:end -->`];
  return text.slice(text.indexOf(start) + start.length, text.indexOf(end));
}

const rowsOf = (direction: "send" | "receive"): string =>
  Object.entries(QUANTITIES)
    .filter(([, quantity]) => quantity.direction === direction)
    .map(([name, { label, unit, source }]) => `| \`${name}\` | ${label} | ${unit} | ${source} |\n`)
    .join("");

test("the snippets print what the text below them says", () => {
  assertSnippets("observe.md", 3);
  assertSnippets("flow-control.md", 2);
});

test("the table of quantities is that of QUANTITIES", () => {
  const head = (what: string): string => `| ${what} | | Unit | Source |\n|---|---|---|---|\n`;
  const table = `${head("What an end sends")}${rowsOf("send")}\n${head("What it receives")}${rowsOf("receive")}`;
  assert.equal(between("quantities"), table);
});

test("the table of reasons is that of WAIT_TEXTS", () => {
  const rows = WAIT_REASONS.map((reason) => `| \`${reason}\` | ${WAIT_TEXTS[reason]} |\n`).join("");
  assert.equal(between("waits"), `| \`waiting\` | |\n|---|---|\n${rows}`);
});
