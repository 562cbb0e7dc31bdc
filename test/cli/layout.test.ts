/** `windsock layout`: the drawings, as text with and without colour, and as SVG. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { needsPython } from "../ip/_python.ts";
import { CLI, missing, ROOT, windsock } from "./_cli.ts";
import { DRAWINGS, MY_DATA } from "./_drawings.ts";

describe("drawings", () => {
  for (const [name, declaration, args, drawing] of DRAWINGS) {
    test(name, async () => {
      const { code, stdout, stderr } = await windsock(["layout", ...args, declaration]);
      assert.deepEqual([code, stderr], [0, ""]);
      assert.equal(stdout.toString(), drawing.slice(1));
    });
  }

  test("a struct that is declared packed is drawn as others are: natural, and packed", async () => {
    const attribute = MY_DATA.replace("struct", "struct __attribute__((packed))");
    const pragma = `#pragma pack(2)\n${MY_DATA}`;
    const drawn = async (...args: string[]): Promise<string> =>
      (await windsock(["layout", ...args])).stdout.toString();
    assert.equal(await drawn(attribute), await drawn(MY_DATA));
    assert.equal(await drawn(pragma), await drawn("--pack", "2", MY_DATA));
    assert.equal(await drawn("--natural", pragma), await drawn("--natural", MY_DATA));
  });
});

describe("colour", () => {
  const onTerminal = (env: string): string =>
    execFileSync(
      "script",
      ["-qec", `${env} "${process.execPath}" "${CLI}" layout --width 80 '${MY_DATA}'`, "/dev/null"],
      {
        encoding: "utf8",
        env: { ...process.env, NO_COLOR: "", TERM: "xterm" },
      },
    ).replaceAll("\r\n", "\n");
  const plain = DRAWINGS.map(([, , , drawing]) => drawing.slice(1))[0] as string;
  const ESC = String.fromCharCode(27);
  const skip = { skip: missing("script") };

  test("on a terminal, around what is drawn without", skip, () => {
    const coloured = onTerminal("");
    assert.ok(coloured.includes(`${ESC}[1;36m`));
    assert.equal(coloured.replaceAll(new RegExp(`${ESC}\\[[\\d;]*m`, "g"), "").replace(/ +$/gm, ""), plain);
  });
  for (const env of ["NO_COLOR=1", "TERM=dumb"]) {
    test(`not with ${env}`, skip, () => assert.equal(onTerminal(`env ${env}`), plain));
  }
});

describe("--svg", () => {
  /** Runs the command with --svg into a file, and gives what is in it. */
  async function svg(args: string[]): Promise<string> {
    const folder = mkdtempSync(join(tmpdir(), "windsock-layout-"));
    const file = join(folder, "a.svg");
    try {
      const { code, stdout, stderr } = await windsock(["layout", "--svg", file, ...args]);
      assert.deepEqual([code, stdout.toString(), stderr], [0, "", ""]);
      return readFileSync(file, "utf8");
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  // How the figure in the docs is made.
  const FIGURE = ["--values", '{"p1": 1, "p2": 515, "p3": 67438087, "p4": 8}', MY_DATA];

  test("docs/pictures/layout-mydata.svg is what the command writes", async () => {
    assert.equal(await svg(FIGURE), readFileSync(join(ROOT, "docs/pictures/layout-mydata.svg"), "utf8"));
  });

  test("--svg - is standard output", async () => {
    const { code, stdout } = await windsock(["layout", "--svg", "-", ...FIGURE]);
    assert.deepEqual([code, stdout.toString()], [0, await svg(FIGURE)]);
  });

  for (const [name, declaration, args] of DRAWINGS) {
    test(`is XML, with all that is written in the drawing: ${name}`, needsPython, async () => {
      const figure = await svg([...args, declaration]);
      const [title, desc, ...texts] = JSON.parse(
        execFileSync(
          "python3",
          [
            "-c",
            `import sys, json, xml.etree.ElementTree as tree
root = tree.fromstring(sys.stdin.buffer.read())
space = "{http://www.w3.org/2000/svg}"
assert root.tag == space + "svg"
print(json.dumps([root.find(space + "title").text, root.find(space + "desc").text]
                 + [one.text for one in root.iter(space + "text")]))`,
          ],
          { input: figure, encoding: "utf8" },
        ),
      ) as string[];
      assert.match(title as string, /^struct \w+ on x86-64$/);
      assert.match(desc as string, /bytes?, aligned to/);
      const { stdout } = await windsock(["layout", ...args, declaration]);
      const drawn = new Set(stdout.toString().match(/[A-Za-z_]\w*(?:\[\d+\])?(?:\.\w+)?/g));
      const written = texts.join(" ");
      const left = [...drawn].filter((word) => !written.includes(word));
      assert.deepEqual(
        left.filter((word) => word.length > 1),
        [],
      ); // a letter may stand for a name in one of them only
      assert.doesNotMatch(figure, /https?:(?!\/\/www\.w3\.org\/2000\/svg")|@import|url\((?!#hatch)/);
    });
  }

  test("with --json: the facts are printed, and the figure is written", async () => {
    const folder = mkdtempSync(join(tmpdir(), "windsock-layout-"));
    try {
      const { stdout } = await windsock(["layout", "--json", "--svg", join(folder, "a.svg"), MY_DATA]);
      assert.equal(JSON.parse(stdout.toString()).size, 12);
      assert.match(readFileSync(join(folder, "a.svg"), "utf8"), /natural.*packed/s);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
