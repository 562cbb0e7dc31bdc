/** Types of UDP: what must not compile does not, line by line, and the right lines beside it do. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "./_helpers.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

test("calls with the wrong types do not compile; the right lines do", (t) => {
  const fixture = readFileSync(new URL("fixtures/udp.ts.txt", import.meta.url), "utf8");
  const folder = mkdtempSync(join(tmpdir(), "windsock-types-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const settings = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: { typeRoots: [join(root, "node_modules/@types")] },
    include: [],
    files: ["udp.mts"],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(settings));
  writeFileSync(join(folder, "udp.mts"), fixture.replace("WINDSOCK", join(root, "src/index.ts")));

  const tsc = join(root, "node_modules/.bin/tsc");
  const { stdout, stderr } = spawnSync(tsc, ["--noEmit", "--pretty", "false", "-p", folder], {
    encoding: "utf8",
  });
  const errors = [...stdout.matchAll(/^(.*)\((\d+),\d+\): error (TS\d+): .*$/gm)];
  for (const [line, file] of errors) assert.match(file ?? "", /udp\.mts$/, line);
  const found = [...new Set(errors.map((it) => Number(it[2])))].sort((a, b) => a - b);
  const wanted = fixture.split("\n").flatMap((line, i) => (/\/\/ wrong/.test(line) ? i + 1 : []));
  assert.ok(wanted.length > 45);
  assert.deepEqual(found, wanted, `${stdout}${stderr}`);
  // An import that does not resolve, or a name that is not there, would be an error of another kind.
  const expected = "2322 2339 2345 2353 2445 2540 2551 2554 2559 2561 2673 2739 2740 2741 2769".split(" ");
  for (const [line, , , code] of errors) assert.ok(expected.includes((code ?? "").slice(2)), line);
});
