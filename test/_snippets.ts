/** Runs the TypeScript of a guide, which is strict, and compares what it prints with the text that stands below it. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = new URL("..", import.meta.url).pathname;

/** As in a project of somebody else. */
const STRICT = {
  ...{ target: "ES2022", module: "NodeNext", lib: ["ES2023", "ESNext.Disposable", "DOM", "DOM.Iterable"] },
  ...{ types: ["node"], strict: true, noEmit: true },
};

/**
 * Every "```ts" that has a "```text" right below it prints that text.
 * @param count how many there are
 * @param before what each is started by, as `unshare -n`
 */
export function assertSnippets(guide: string, count: number, before: readonly string[] = []): void {
  const text = readFileSync(join(ROOT, "docs", guide), "utf8");
  const block = "((?:(?!```)[\\s\\S])*?)^```$";
  const snippets = [...text.matchAll(new RegExp(`^\`\`\`ts\\n${block}\\n\\n?\`\`\`text\\n${block}`, "gm"))];
  assert.equal(snippets.length, count, `${guide} has other snippets than were expected`);
  const files: string[] = [];
  const folder = mkdtempSync(join(tmpdir(), "snippets-"));
  try {
    for (const [index, [, code = "", output]] of snippets.entries()) {
      const file = join(folder, `${index}.mts`);
      writeFileSync(
        file,
        code.replace(/"windsock((?:\/\w+)*)"/g, (_, part: string) =>
          JSON.stringify(join(ROOT, `src${part}/index.ts`)),
        ),
      );
      const typed = join(folder, `typed${index}.mts`);
      writeFileSync(typed, code);
      files.push(typed);
      const [program = "", ...args] = [...before, process.execPath, "--import", "tsx", file];
      const { status, stdout, stderr } = spawnSync(program, args, { cwd: ROOT, encoding: "utf8" });
      assert.deepEqual([stdout, status], [output, 0], stderr);
    }
    const compilerOptions = {
      ...STRICT,
      typeRoots: [join(ROOT, "node_modules/@types")],
      paths: { windsock: [`${ROOT}dist/index.d.ts`], "windsock/*": [`${ROOT}dist/*/index.d.ts`] },
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
    const tsc = spawnSync(join(ROOT, "node_modules/.bin/tsc"), ["-p", folder], { encoding: "utf8" });
    assert.deepEqual([tsc.stdout, tsc.status], ["", 0]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
