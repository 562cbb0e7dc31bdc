/** docs/filters.md does what it says: its snippets print what stands below them. And the example. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { compileFilter } from "../../src/filter/index.ts";
import { assertSnippets } from "../_snippets.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const text = readFileSync(join(ROOT, "docs/filters.md"), "utf8");
const node = (...args: string[]): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(process.execPath, ["--import", "tsx", ...args], { cwd: ROOT, encoding: "utf8" });

test("the snippets print what the text below them says", () => assertSnippets("filters.md", 3));

test("the expressions of the table are expressions", () => {
  const table = text.slice(text.indexOf("| Question |"), text.indexOf("Numbers are decimal"));
  const codes = [...table.matchAll(/^\| (.*?) \| /gm)].flatMap(([, cell = ""]) => [
    ...cell.matchAll(/`([^`]+)`/g),
  ]);
  const expressions = codes
    .map(([, code = ""]) => code.replaceAll("\\|", "|"))
    .filter((code) => !code.endsWith("…"));
  assert.ok(expressions.length > 40, String(expressions.length));
  for (const expression of expressions) assert.ok(compileFilter(expression), expression);
});

test("what the guide says about short packets, precedence and refusals", () => {
  const frame = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i === 12 ? 8 : 0));
  const takes = (expression: string, length: number): boolean =>
    compileFilter(expression).run(frame(length)) > 0;
  assert.deepEqual([takes("not port 80", 13), takes("not port 80", 14)], [false, false]);
  assert.deepEqual([takes("ether[100] = 1 or ip", 60), takes("ip or ether[100] = 1", 60)], [false, true]);
  assert.equal(String(compileFilter("ip[8] % 3 + 1 = 2")), String(compileFilter("ip[8] % 4 = 2")));
  assert.equal(String(compileFilter("arp or ip and udp")), String(compileFilter("(arp or ip) and udp")));
  for (const refused of ["host 1.2.3", "host 5", "tcp src 80", "host 010.0.0.1", "portrange 80-90x"]) {
    assert.throws(() => compileFilter(refused), { name: "FilterError" }, refused);
  }
});

test("examples/filter-program.ts prints a program, or where the expression is wrong", () => {
  const good = node("examples/filter-program.ts", "udp", "port", "53");
  assert.deepEqual([good.status, good.stdout], [0, `${compileFilter("udp port 53")}\n`], good.stderr);
  const bad = node("examples/filter-program.ts", "udp prot 53");
  assert.deepEqual([bad.status, bad.stdout], [1, ""]);
  assert.match(bad.stderr, /^udp prot 53\n {4}\^{4}\n.*did you mean "port"\?\n$/);
});
