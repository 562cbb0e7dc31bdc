/** `windsock layout`: what it refuses, in one line; and of C that is none, where. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assertOneLine, windsock } from "./_cli.ts";
import { MY_DATA } from "./_drawings.ts";

describe("refused", () => {
  const ROWS: readonly [args: string[], says: RegExp][] = [
    [[], /declaration.*--file.*-/],
    [["-f", "a.h", MY_DATA], /--file/],
    [["-", "-f", "a.h"], /--file/],
    [["--name", "Other", MY_DATA], /"Other".*MyData/],
    [["--name", "number", "typedef int number; struct s { number a; };"], /number/],
    [["int x;"], /struct or union/],
    [[""], /struct or union/],
    [["--natural", "--packed", MY_DATA], /--natural.*--packed/],
    [["--natural", "--pack", "2", MY_DATA], /--natural.*--pack/],
    [["--json", "--svg", "-", MY_DATA], /--json.*--svg/],
    [["--pack", "3", MY_DATA], /1, 2, 4, 8 or 16/],
    [["--pack", "0", MY_DATA], /1, 2, 4, 8 or 16/],
    [["--abi", "sparc", MY_DATA], /x86-64/],
    [["--byte-order", "middle", MY_DATA], /little/],
    [["--width", "0", MY_DATA], /columns/],
    [["--width", "wide", MY_DATA], /columns/],
    [["--values", "{", MY_DATA], /--values: .*JSON/],
    [["--values", "7", MY_DATA], /MyData: .*object/],
    [["--values", '{"p9": 1}', MY_DATA], /"p9".*p1, p2, p3, p4/],
    [["--values", '{"p1": 128}', MY_DATA], /MyData\.p1: .*-128 … 127.*128/],
    [["--values", '{"p3": 9007199254740993}', MY_DATA], /MyData\.p3: .*9007199254740993/],
    [["--values", '{"p1": "1"}', MY_DATA], /MyData\.p1/],
  ];
  for (const [args, says] of ROWS) {
    test(args.join(" ") || "nothing", async () => {
      const result = await windsock(["layout", ...args]);
      assertOneLine(result, 2, says);
    });
  }

  test("a file that is not there, and one that cannot be written: exit code 1", async () => {
    assertOneLine(await windsock(["layout", "-f", "/nowhere/a.h"]), 1, /\/nowhere\/a\.h/);
    assertOneLine(await windsock(["layout", "--svg", "/nowhere/a.svg", MY_DATA]), 1, /\/nowhere\/a\.svg/);
  });

  const BAD_C: readonly [text: string, says: RegExp, excerpt: string[]][] = [
    [
      "struct s { int a }",
      /^windsock layout: line 1, column 18: /,
      ["  struct s { int a }", `  ${" ".repeat(17)}^`],
    ],
    [
      "struct s {\n  int a;\n  foo b;\n};",
      /^windsock layout: line 3, column 3: .*foo/,
      ["    foo b;", "    ^"],
    ],
    ["struct s { int a : 33; };", /^windsock layout: line 1, column \d+: .*32/, []],
    ["struct s { struct t x; };", /^windsock layout: line 1, column \d+: .*struct t/, []],
    ["struct s { char a; char a; };", /^windsock layout: line 1, column \d+: .*"a"/, []],
    ["struct s {", /^windsock layout: line 1, column 11: /, []],
    ["\u001b[2J struct", /^windsock layout: line 1, column 1: /, ["  \ufffd[2J struct", "  ^"]],
  ];
  for (const [text, says, excerpt] of BAD_C) {
    test(`C that is none: ${JSON.stringify(text)}`, async () => {
      const { code, stdout, stderr, lines } = await windsock(["layout", text]);
      assert.deepEqual([code, stdout.toString()], [2, ""]);
      assert.match(stderr, says);
      assert.equal(lines.length, 3);
      if (excerpt.length > 0) assert.deepEqual(lines.slice(1), excerpt);
    });
  }
});
