/** Every snippet of docs/fitting-in.md compiles as it stands, in a strict project that uses the packages it names. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../cli/_cli.ts";
import { temporaryFolder } from "./_service.ts";

test("the snippets of docs/fitting-in.md compile", () => {
  const text = readFileSync(join(ROOT, "docs/fitting-in.md"), "utf8");
  const snippets = [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code ?? "");
  assert.ok(snippets.length >= 9);
  using folder = temporaryFolder("snippets");
  mkdirSync(join(folder.path, "src"));
  symlinkSync(join(ROOT, "node_modules"), join(folder.path, "node_modules"));
  const files = snippets.map((code, i) => {
    const file = `src/snippet-${i}.mts`;
    writeFileSync(join(folder.path, file), code);
    return file;
  });
  const settings = {
    extends: join(ROOT, "tsconfig.json"),
    compilerOptions: {
      typeRoots: [join(ROOT, "node_modules/@types")],
      paths: { windsock: [join(ROOT, "src/index.ts")] },
    },
    include: [],
    files,
  };
  writeFileSync(join(folder.path, "tsconfig.json"), JSON.stringify(settings));
  const tsc = join(ROOT, "node_modules/.bin/tsc");
  const { stdout, status } = spawnSync(tsc, ["--noEmit", "--pretty", "false", "-p", folder.path], {
    encoding: "utf8",
  });
  assert.equal(stdout, "");
  assert.equal(status, 0);
});
