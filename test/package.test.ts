/** What is published: its types stand on their own, under the settings that a user has. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

const ROOT = new URL("..", import.meta.url).pathname;

test("the declarations compile under plain --strict, with libraries checked", () => {
  const args = "--noEmit --strict --skipLibCheck false --target es2022 --module nodenext --types node".split(
    " ",
  );
  const lib = ["--lib", "es2023,esnext.disposable,dom", "--ignoreConfig"];
  const files = [
    "dist/index.d.ts",
    "dist/blocking/index.d.ts",
    "dist/ip/index.d.ts",
    "dist/bytes/index.d.ts",
    "dist/wire/index.d.ts",
    "dist/filter/index.d.ts",
    "dist/probe/index.d.ts",
    "dist/netlink/index.d.ts",
    "dist/netlink/generic/index.d.ts",
    "dist/netlink/route/index.d.ts",
    "dist/netlink/diag/index.d.ts",
    "dist/observe/index.d.ts",
  ];
  const { status, stdout } = spawnSync(`${ROOT}node_modules/.bin/tsc`, [...args, ...lib, ...files], {
    cwd: ROOT,
    encoding: "utf8",
  });
  assert.equal(stdout, "");
  assert.equal(status, 0);
});
