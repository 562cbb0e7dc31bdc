/** Types of the blocking sockets: what must not compile does not, line by line, and the right lines beside it do. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Wrong types, too many or too few arguments, a member that is not there. An import that does not resolve is another. */
const CODES = ["TS2322", "TS2339", "TS2345", "TS2353", "TS2554", "TS2559", "TS2561", "TS2740", "TS2769"];

test("wrong values of the blocking calls do not compile; the right lines do", (t) => {
  const fixture = readFileSync(new URL("fixtures/blocking.ts.txt", import.meta.url), "utf8");
  const folder = mkdtempSync(join(tmpdir(), "windsock-types-"));
  t.after(() => rmSync(folder, { recursive: true }));
  // The project's own settings, on this one file alone.
  const settings = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: { typeRoots: [join(root, "node_modules/@types")] },
    include: [],
    files: ["blocking.mts"],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(settings));
  const source = fixture.replace("WINDSOCK", join(root, "src/blocking/index.ts"));
  writeFileSync(join(folder, "blocking.mts"), source);
  const tsc = join(root, "node_modules/.bin/tsc");
  const { stdout, stderr } = spawnSync(tsc, ["--noEmit", "--pretty", "false", "-p", folder], {
    encoding: "utf8",
  });
  const errors = [...stdout.matchAll(/^(.*)\((\d+),\d+\): error (TS\d+): .*$/gm)];
  for (const [line, file, , code] of errors) {
    assert.match(file ?? "", /blocking\.mts$/, line);
    assert.ok(CODES.includes(code ?? ""), line);
  }
  const found = [...new Set(errors.map((it) => Number(it[2])))].sort((a, b) => a - b);
  const wanted = fixture.split("\n").flatMap((line, i) => (/\/\/ wrong/.test(line) ? i + 1 : []));
  assert.ok(wanted.length > 25);
  assert.deepEqual(found, wanted, `${stdout}${stderr}`);
});
