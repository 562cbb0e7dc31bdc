/** `npm run test:nodes [-- MAJOR…]`: runs the whole test suite on Node 20, 22, 24 and 26, one after the other. */
import { spawnSync } from "node:child_process";
import { dirname } from "node:path";
import { MAJORS, nodeBinaries } from "./_node_versions.ts";

const wanted = process.argv.slice(2).map(Number);
const majors = wanted.length > 0 ? wanted : [...MAJORS];
const root = new URL("..", import.meta.url).pathname;
const failed: number[] = [];

for (const [major, binary] of nodeBinaries(majors)) {
  console.log(
    `\n=== Node ${major} (${spawnSync(binary, ["--version"], { encoding: "utf8" }).stdout.trim()}) ===`,
  );
  // Child processes of the tests that say "node" get this version too.
  const env = { ...process.env, PATH: `${dirname(binary)}:${process.env.PATH}` };
  const { status } = spawnSync(binary, ["--import", "tsx", "scripts/test.ts"], {
    cwd: root,
    env,
    stdio: "inherit",
  });
  if (status !== 0) failed.push(major);
}
console.log(
  failed.length === 0 ? `\nall pass on Node ${majors.join(", ")}` : `\nfailed on Node ${failed.join(", ")}`,
);
process.exit(failed.length === 0 ? 0 : 1);
