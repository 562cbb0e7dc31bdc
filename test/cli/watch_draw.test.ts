/** What `windsock watch` draws with: numbers, bars and lines that fit their columns. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  asciiOf,
  bar,
  brushFor,
  bytesText,
  cell,
  clip,
  MEDIUM,
  microsText,
  millisText,
  rateText,
  SOLID,
  sparkline,
  timeText,
  widthOf,
} from "../../src/cli/watch/draw.ts";
import { safeText } from "../../src/cli/watch/flow.ts";
import { KeyReader, keysOf } from "../../src/cli/watch/screen.ts";

const PLAIN = brushFor({ NO_COLOR: "1", LANG: "C.UTF-8" });
const ASCII = brushFor({ NO_COLOR: "1", LANG: "C" });
const COLOURED = brushFor({ LANG: "C.UTF-8" });

test("sizes and times have three digits or so, and their unit", () => {
  const sizes = [undefined, 0, 999, 1000, 65_536, 1024 ** 2 * 99.96, 1024 ** 3 * 5, 2 ** 53];
  assert.deepEqual(sizes.map(bytesText), [
    "-",
    "0 B",
    "999 B",
    "0.98 KiB",
    "64.0 KiB",
    "100.0 MiB",
    "5.00 GiB",
    "8.00 PiB",
  ]);
  assert.deepEqual([0, 999.4, 1250, 40_000, 3_000_000].map(microsText), [
    "0 µs",
    "999 µs",
    "1.25 ms",
    "40.0 ms",
    "3.0 s",
  ]);
  assert.deepEqual([0, 99.9, 100, 99_900, 120_000].map(millisText), [
    "0.00 ms",
    "99.9 ms",
    "100 ms",
    "99.9 s",
    "2 min",
  ]);
  assert.deepEqual([undefined, 1024 ** 2].map(rateText), ["-", "1.00 MiB/s"]);
});

test("a bar is as wide as asked for; what is not nothing is seen", () => {
  const parts = (a: number, b: number) =>
    [
      { value: a, colour: "cyan", glyph: SOLID },
      { value: b, colour: "green", glyph: MEDIUM },
    ] as const;
  assert.equal(bar(parts(50, 25), 100, 10, PLAIN), "[████▒▒··]");
  assert.equal(bar(parts(50, 25), 100, 10, ASCII), "[####==..]");
  assert.equal(bar(parts(1, 1), 1e9, 10, PLAIN), "[█▒······]");
  assert.equal(bar(parts(0, 0), 0, 10, PLAIN), "[········]");
  assert.equal(bar(parts(300, 300), 100, 10, PLAIN), "[████▒▒▒▒]");
  for (const [a, b, total] of [
    [1, 2, 3],
    [99, 1, 100],
    [5, 0, 5],
    [1e12, 1, 7],
  ] as const) {
    for (let columns = 3; columns < 50; columns++)
      assert.equal(widthOf(bar(parts(a, b), total, columns, COLOURED)), columns, `${a} ${b} ${total}`);
  }
});

test("a sparkline ends with the newest value", () => {
  assert.equal(sparkline([0, undefined, 10], 5, PLAIN), "  ▁ █");
  assert.equal(sparkline([0, 10], 4, ASCII), "  _#");
  assert.equal(sparkline([9, 9, 9, 1], 2, PLAIN), "█▁");
});

test("lines are cut by columns: colours take none, East Asian characters two", () => {
  assert.equal(clip("abcdef", 6), "abcdef");
  assert.equal(clip("abcdef", 5), "abcd…");
  assert.equal(clip("你好世界", 5), "你好…");
  assert.equal(clip(`\x1b[31mabc\x1b[0mdef`, 6), `\x1b[31mabc\x1b[0mdef`);
  assert.equal(clip(`\x1b[31mabcdef\x1b[0m`, 3), `\x1b[31mab…\x1b[0m`);
  assert.equal(widthOf(cell("你好", 5)), 5);
  assert.equal(cell("7", 3, "right"), "  7");
});

test("NO_COLOR, TERM=dumb and a locale without UTF-8 are honoured", () => {
  assert.equal(COLOURED.paint("red", "x"), "\x1b[31mx\x1b[0m");
  assert.equal(PLAIN.paint("red", "x"), "x");
  assert.equal(brushFor({ TERM: "dumb" }).paint("red", "x"), "x");
  assert.deepEqual(
    [
      { LANG: "de_DE.UTF-8" },
      { LANG: "C" },
      { LC_ALL: "C", LANG: "C.UTF-8" },
      { LC_CTYPE: "en_US.utf8" },
      {},
    ].map((environment) => brushFor(environment).unicode),
    [true, false, false, true, false],
  );
});

test("where there is no UTF-8 a line is ASCII, in as many columns", () => {
  assert.equal(asciiOf("40 µs … café 你好"), "40 us ~ caf? ????");
  for (const line of ["40 µs", "你好…", "a\x1b[31mb"]) assert.equal(widthOf(asciiOf(line)), widthOf(line));
});

test("a moment is shown as its time of day, in whatever year; what no calendar has is no mistake", () => {
  assert.deepEqual([0, Date.UTC(2026, 0, 1, 12, 34, 56, 789), 8.64e15, 9e15].map(timeText), [
    "00:00:00.000",
    "12:34:56.789",
    "00:00:00.000",
    "-",
  ]);
});

test("names of processes are shown without what a terminal would obey", () => {
  assert.equal(safeText("a\x1b[2Jb\n\u202ec\u2028"), "a�[2Jb��c�");
});

test("keys are told apart, also where several come at once", () => {
  assert.deepEqual(keysOf("\x1b[A\x1b[Bq \r\x1b[5~\x1bOC"), [
    "up",
    "down",
    "q",
    "space",
    "enter",
    "pageup",
    "right",
  ]);
  assert.deepEqual(keysOf("\x1b"), ["escape"]);
  assert.deepEqual(keysOf("\x1b[1;5A"), ["\x1b[1;5A"]);
  assert.deepEqual(keysOf("é你"), ["é", "你"]);
});

test("a key that comes in pieces is one; Escape alone is one once nothing follows", async () => {
  const keys: string[] = [];
  let heard: () => void = () => {};
  const reader = new KeyReader((key) => {
    keys.push(key);
    heard();
  });
  for (const piece of ["a\x1b", "[", "A", "\x1b[5", "~q\x1b", "OB"]) reader.hear(piece);
  assert.deepEqual(keys, ["a", "up", "pageup", "q", "down"]);
  const next = new Promise<void>((resolve) => {
    heard = resolve;
  });
  reader.hear("\x1b");
  assert.equal(keys.length, 5, "it may be the beginning of another");
  await next;
  assert.equal(keys.at(-1), "escape");
  reader.close();
});
