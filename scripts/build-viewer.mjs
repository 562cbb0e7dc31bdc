// Puts the page of `windsock watch --web` into one file: markup, style, script, and uPlot with its licence.
// With an argument, into that file.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { build } from "esbuild";

const root = new URL("../", import.meta.url).pathname;
const source = `${root}src/viewer`;
const target = process.argv[2] ?? `${root}dist/viewer/page.html`;
const MAX_BYTES = 150_000;

async function bundled(entry) {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
    target: ["chrome110", "firefox115", "safari16.4"],
    charset: "utf8",
    legalComments: "none",
    logLevel: "warning",
  });
  return outputFiles[0].text.trim();
}

const [script, style] = await Promise.all([bundled(`${source}/main.ts`), bundled(`${source}/style.css`)]);
const licence = readFileSync(`${root}node_modules/uplot/LICENSE`, "utf8").trim();
for (const [name, text] of Object.entries({ script, style, licence })) {
  // It would end the element that it stands in.
  if (/<\/(script|style)|<!--/i.test(text))
    throw new Error(`${name}: expected text that can stand in an element`);
}
const page = readFileSync(`${source}/page.html`, "utf8")
  .replace("/*STYLE*/", () => style)
  .replace("/*SCRIPT*/", () => `/* Contains uPlot. ${licence} */\n${script}`);
if (Buffer.byteLength(page) > MAX_BYTES)
  throw new Error(`page.html: expected at most ${MAX_BYTES} bytes, got ${Buffer.byteLength(page)}`);

// Of the rest of the folder, nothing runs outside of the page.
if (process.argv[2] === undefined) rmSync(dirname(target), { recursive: true, force: true });
mkdirSync(dirname(target), { recursive: true });
writeFileSync(target, page);
