/** Other Node versions, from the npm registry, in a folder of their own outside of the project. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The Node versions that are supported besides the one that runs this. */
export const MAJORS = [20, 22, 24, 26] as const;

/** @returns the path of each version's binary, installed where it is not there yet */
export function nodeBinaries(majors: readonly number[] = MAJORS): Map<number, string> {
  const folder = join(tmpdir(), "windsock-nodes");
  const binary = (major: number): string => join(folder, "node_modules", `node-${major}`, "bin", "node");
  const missing = majors.filter((major) => !existsSync(binary(major)));
  if (missing.length > 0) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), "{}");
    const wanted = majors.map((major) => `node-${major}@npm:node@${major}`);
    execFileSync("npm", ["install", "--no-save", "--no-audit", "--no-fund", ...wanted], {
      cwd: folder,
      stdio: "inherit",
    });
  }
  return new Map(majors.map((major) => [major, binary(major)]));
}
