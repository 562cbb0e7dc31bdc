/** Types: what must not compile does not, line by line, and the right lines beside it do. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "./_helpers.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

test("an option with a value of the wrong type does not compile; the right lines do", (t) => {
  const fixture = readFileSync(new URL("fixtures/options.ts.txt", import.meta.url), "utf8");
  const folder = mkdtempSync(join(tmpdir(), "windsock-types-"));
  t.after(() => rmSync(folder, { recursive: true }));
  // The project's own settings, on this one file alone.
  const settings = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: { typeRoots: [join(root, "node_modules/@types")] },
    include: [],
    files: ["options.mts"],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(settings));
  writeFileSync(join(folder, "options.mts"), fixture.replace("WINDSOCK", join(root, "src/index.ts")));

  const tsc = join(root, "node_modules/.bin/tsc");
  const { stdout, stderr } = spawnSync(tsc, ["--noEmit", "--pretty", "false", "-p", folder], {
    encoding: "utf8",
  });
  const errors = [...stdout.matchAll(/^(.*)\((\d+),\d+\): error (TS\d+): .*$/gm)];
  for (const [line, file] of errors) assert.match(file ?? "", /options\.mts$/, line);
  const found = [...new Set(errors.map((it) => Number(it[2])))].sort((a, b) => a - b);
  const wanted = fixture.split("\n").flatMap((line, i) => (/\/\/ wrong/.test(line) ? i + 1 : []));
  assert.ok(wanted.length > 20);
  assert.deepEqual(found, wanted, `${stdout}${stderr}`);
  // An import that does not resolve would make everything any, or an error of another kind.
  const codes = new Set(errors.map((it) => it[3]));
  for (const code of codes)
    assert.ok(
      [
        "TS2322",
        "TS2345",
        "TS2353",
        "TS2561",
        "TS2365",
        "TS2540",
        "TS2739",
        "TS2740",
        "TS2741",
        "TS2769",
        "TS2820",
      ].includes(code ?? ""),
      `${code}\n${stdout}`,
    );
});
