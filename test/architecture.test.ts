/** Holds the import directions of docs/design.md: who may import whom, faces only, no circles, one FFI fence. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";

const SRC = new URL("../src", import.meta.url).pathname;

/** An entry "folder: [others]" reads: a file of this folder may import the faces of these others, and nothing else. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  bytes: [],
  ip: ["bytes"],
  wire: ["bytes", "ip"],
  filter: ["bytes", "ip"],
  sys: ["bytes", "ip"],
  names: ["sys", "ip"],
  socket: ["names", "sys", "ip", "bytes"],
  dns: ["names", "socket", "ip"],
  posix: ["names", "sys", "ip", "bytes"],
  blocking: ["names", "socket", "sys", "ip", "bytes"],
  netlink: ["socket", "sys", "ip", "bytes"],
  probe: ["names", "wire", "socket", "sys", "ip", "bytes"],
  observe: ["netlink", "socket", "sys", "ip"],
  cli: ["observe", "netlink", "probe", "filter", "wire", "dns", "socket", "names", "sys", "ip", "bytes"],
  viewer: ["bytes", "ip", "wire"],
  ".": ["dns", "names", "socket", "ip"], // src/index.ts
};

/** Whose types a folder may know besides, without anything of them that runs. */
const MAY_KNOW: Record<string, readonly string[]> = {
  viewer: ["observe"],
  cli: ["viewer"],
};

/** Folders that load in a browser: no FFI, no Node built-in. */
const PURE = ["bytes", "ip", "wire", "filter", "viewer"];

/** Runtime packages, each with the only place that may import it. */
const PACKAGES: Record<string, RegExp> = {
  koffi: /^sys\/ffi\.ts$/,
  commander: /^cli\//,
  "dns-packet": /^dns\//,
  uplot: /^viewer\//,
};

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typesOnly: boolean;
}

const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));

const imports: Import[] = files.flatMap((from) => {
  const text = readFileSync(join(SRC, from), "utf8");
  const found = text.matchAll(
    /^(?:import|export)\b[^"';]*?from\s*"([^"]+)"|^import\s*"([^"]+)"|\bimport\("([^"]+)"\)/gm,
  );
  return [...found].map((match) => ({
    from,
    to: (match[1] ?? match[2] ?? match[3]) as string,
    typesOnly: /^(?:import|export)\s+type\s/.test(match[0]),
  }));
});

const folderOf = (file: string): string => (dirname(file) === "." ? "." : (file.split("/")[0] as string));

test("every folder of src/ has a rule, and every rule has a folder", () => {
  assert.deepEqual([...new Set(files.map(folderOf))].sort(), Object.keys(MAY_IMPORT).sort());
});

test("imports go only in the allowed directions, and through faces", () => {
  const wrong: string[] = [];
  for (const { from, to, typesOnly } of imports) {
    if (!to.startsWith(".")) continue;
    const target = relative(SRC, join(SRC, dirname(from), to));
    const [here, there] = [folderOf(from), folderOf(target)];
    if (here === there) continue;
    const allowed = MAY_IMPORT[here]?.includes(there) || (typesOnly && MAY_KNOW[here]?.includes(there));
    if (!allowed) wrong.push(`${from} -> ${target}: ${here}/ may not import ${there}/`);
    else if (!target.endsWith("/index.ts")) wrong.push(`${from} -> ${target}: go through ${there}/index.ts`);
  }
  assert.deepEqual(wrong, []);
});

test("the allowed directions have no circle", () => {
  const done = new Set<string>();
  const visit = (folder: string, path: string[]): void => {
    assert.ok(!path.includes(folder), `circle: ${[...path, folder].join(" -> ")}`);
    if (done.has(folder)) return;
    for (const next of MAY_IMPORT[folder] ?? []) visit(next, [...path, folder]);
    done.add(folder);
  };
  for (const folder of Object.keys(MAY_IMPORT)) visit(folder, []);
});

test("no files import each other in a circle", () => {
  const edges = new Map<string, string[]>(files.map((file) => [file, []]));
  for (const { from, to } of imports) {
    if (to.startsWith(".")) edges.get(from)?.push(relative(SRC, join(SRC, dirname(from), to)));
  }
  const done = new Set<string>();
  const visit = (file: string, path: string[]): void => {
    assert.ok(!path.includes(file), `circle: ${[...path.slice(path.indexOf(file)), file].join(" -> ")}`);
    if (done.has(file)) return;
    for (const next of edges.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
});

test("packages are imported only where they are fenced, and pure folders use no built-in", () => {
  const wrong: string[] = [];
  for (const { from, to } of imports) {
    if (to.startsWith(".")) continue;
    if (to.startsWith("node:")) {
      if (PURE.includes(folderOf(from))) wrong.push(`${from} imports ${to}, but ${folderOf(from)}/ is pure`);
    } else if (!PACKAGES[to]?.test(from)) wrong.push(`${from} imports ${to}`);
  }
  assert.deepEqual(wrong, []);
});

test("every file opens with one line that says what it is, and every face only re-exports", () => {
  for (const file of files) {
    const text = readFileSync(join(SRC, file), "utf8");
    assert.match(text, /^(#!.*\n)?\/\*\*(?: |\n \* )\S/, `${file} has no opening comment`);
    if (!file.endsWith("index.ts")) continue;
    assert.match(text, /@module/, `${file} has no @module comment`);
    const rest = text
      .replace(/\/\*[\s\S]*?\*\//g, "")
      .replace(/export\s+(?:type\s+)?\{[\s\S]*?\}\s+from\s+"[^"]+";/g, "");
    assert.equal(rest.trim(), "", `${file} does more than re-export`);
  }
});
