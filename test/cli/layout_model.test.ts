/** The figures of `windsock layout` against a plain walk over the struct: every byte and every bit is drawn as what it is. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type AnyFieldType,
  anonymous,
  array,
  bits,
  byteArray,
  cString,
  type StructDefinition,
  struct,
  u8,
  u16,
  u32,
  u64,
  union,
  unnamedBits,
} from "../../src/bytes/index.ts";
import { paint } from "../../src/cli/layout/canvas.ts";
import { type Figure, figureOf, type Panel } from "../../src/cli/layout/model.ts";
import type { Piece } from "../../src/cli/layout/pieces.ts";
import { drawSvg } from "../../src/cli/layout/svg.ts";
import { drawText } from "../../src/cli/layout/text.ts";
import { randomStructs } from "../bytes/_random_structs.ts";

/** Another seed tries other structs: `STRUCT_SEED=7 npm test cli/layout_model`. */
const SEED = Number(process.env.STRUCT_SEED ?? 20_260_301);

type Aggregate = Parameters<typeof figureOf>[0];

interface Place {
  readonly from: number;
  readonly to: number;
}

/** Every scalar and bit field in a struct by its label, and every union, with the bits where it is: a plain walk. */
function placesOf(type: Aggregate): { leaves: Map<string, Place>; unions: Map<string, Place> } {
  const [leaves, unions] = [new Map<string, Place>(), new Map<string, Place>()];
  const walk = (one: AnyFieldType & Partial<Aggregate>, at: number, label: string): void => {
    const place = { from: at * 8, to: (at + one.size) * 8 };
    if (one.kind === "union") unions.set(label, place);
    if (one.fields) {
      for (const field of one.fields) {
        const path = label === "" ? field.name : `${label}.${field.name}`;
        if (field.bits) {
          const from = (at + field.offset) * 8 + field.bits.offset;
          leaves.set(path, { from, to: from + field.bits.width });
        } else walk(field.type, at + field.offset, path);
      }
    } else if ("element" in one) {
      const { element, length } = one as unknown as { element: AnyFieldType; length: number };
      for (let i = 0; i < length; i++) walk(element, at + i * element.size, `${label}[${i}]`);
    } else if (one.size > 0) leaves.set(label, place);
  };
  walk(type, 0, "");
  return { leaves, unions };
}

/** Of each bit of a panel, the piece that is drawn there; undefined where a gap says that it is not drawn. */
function drawnOf(panel: Panel): Map<number, Piece> {
  const drawn = new Map<number, Piece>();
  for (const { piece, line, lines, left, right } of panel.blocks) {
    for (const row of panel.lines.slice(line, line + lines)) {
      assert.ok(row.kind === "row");
      for (let bit = left; bit < right; bit++) {
        const at = row.offset * 8 + bit;
        assert.ok(!drawn.has(at), `bit ${at} is drawn twice`);
        drawn.set(at, piece);
      }
    }
  }
  return drawn;
}

/** Checks the boxes of one panel: every bit of its rows is drawn, as what is there. */
function checkPanel(panel: Panel, type: Aggregate, about: string): void {
  const { leaves, unions } = placesOf(type);
  const drawn = drawnOf(panel);
  let next = panel.lines[0]?.from ?? 0;
  for (const line of panel.lines) {
    assert.equal(line.from, next, `${about}: a line begins where the one before ends`);
    for (let bit = line.from * 8; bit < line.to * 8; bit++) {
      assert.equal(drawn.has(bit), line.kind === "row", `${about}: bit ${bit}`);
    }
    next = line.to;
  }
  for (const piece of new Set(drawn.values())) {
    const { kind, label, from, to } = piece;
    const overlaps = (one: Place): boolean => one.from < to && one.to > from;
    if (kind === "field") {
      assert.deepEqual({ from, to }, leaves.get(label), `${about}: ${label}`);
    } else if (kind === "union" && label !== "") {
      assert.deepEqual({ from, to }, unions.get(label), `${about}: ${label}`);
    } else if (kind === "union") {
      const inside = [...leaves.values()].filter((one) => one.from >= from && one.to <= to);
      assert.ok(inside.length > 1, `${about}: what shares a place at ${from}`);
    } else if (panel.heading === undefined) {
      assert.ok(![...leaves.values()].some(overlaps), `${about}: padding at ${from}`);
    }
  }
  for (const { piece, line, lines, left, right, before, after } of panel.blocks) {
    const [first, last] = [panel.lines[line], panel.lines[line + lines - 1]];
    assert.ok(first?.kind === "row" && last?.kind === "row");
    assert.equal(before, piece.from < first.offset * 8 + left, `${about}: ${piece.label} begins before`);
    assert.equal(after, piece.to > last.offset * 8 + right, `${about}: ${piece.label} goes on`);
  }
  const mains = panel.blocks.filter((block) => block.main).map((block) => block.piece);
  assert.equal(new Set(mains).size, mains.length, `${about}: one box says what it is`);
  assert.deepEqual(new Set(drawn.values()), new Set(mains), about);
}

/** Checks one figure of a struct whole, and gives it. */
function checkFigure(type: Aggregate, about: string): Figure {
  const figure = figureOf(type, "natural");
  for (const panel of figure.panels) checkPanel(panel, type, about);
  const { leaves, unions } = placesOf(type);
  for (const [label, { from, to }] of leaves) {
    const of = figure.panels.filter(({ blocks }) => blocks.some(({ piece }) => piece.label === label));
    const cut = figure.panels.some(({ lines }) =>
      lines.some((line) => line.kind === "gap" && line.from * 8 <= from && line.to * 8 >= to),
    );
    assert.ok(of.length === 1 || (of.length === 0 && cut), `${about}: ${label} is drawn ${of.length} times`);
  }
  if (type.kind === "struct" && figure.panels.length === 1) {
    assert.equal(unions.size, 0, about);
    const first = figure.panels[0] as Panel;
    assert.deepEqual([first.lines[0]?.from, first.lines.at(-1)?.to], [0, type.size], about);
    const used = [...leaves.values()].reduce((sum, { from, to }) => sum + to - from, 0);
    assert.equal(figure.paddingBytes * 8 + figure.unusedBits, type.size * 8 - used, `${about}: padding`);
  }
  return figure;
}

/** The text has a line between two boxes exactly where the model has one. */
function checkText(figure: Figure, about: string): void {
  const text = paint(
    drawText("t", [{ figure, bytes: {} }], { width: 80, orders: ["little"], hex: [] }),
    false,
  );
  const lines = text.split("\n").slice(3); // after the title and the form
  const panel = figure.panels[0] as Panel;
  if (panel.heading !== undefined) return; // a union, which has a drawing for each of its members
  const left = Math.max(3, String(figure.size).length) + 1;
  const ruler = lines[0] as string;
  const byte = ruler.indexOf("+1") - ruler.indexOf("+0");
  let y = figure.bits ? 3 : 2;
  for (const [i, row] of panel.lines.entries()) {
    const drawn = lines[y] as string;
    if (row.kind === "row") {
      assert.match(drawn, new RegExp(`^ *${row.offset} `), about);
      const walls = [...drawn].flatMap((char, x) => (char === "│" ? [x] : []));
      const blocks = panel.blocks.filter((block) => block.line <= i && i < block.line + block.lines);
      const expected = new Set(blocks.flatMap((block) => [block.left, block.right]));
      assert.deepEqual(
        walls,
        [...expected].sort((a, b) => a - b).map((bit) => left + (bit * byte) / 8),
        `${about}: row ${row.offset}\n${text}`,
      );
    } else assert.match(drawn, /^ *⋮ ⋮.*⋮$/, about);
    y += 2;
  }
}

/** Every box of the model is one rectangle of the SVG, in its place. */
function checkSvg(figure: Figure, about: string): void {
  const svg = drawSvg("t", [{ figure, bytes: {} }], { orders: ["little"], hex: [] });
  const rects = [
    ...svg.matchAll(/<rect class="(f\d|p)" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/g),
  ].map(([, fill, ...place]) => ({ fill, place: place.map(Number) as [number, number, number, number] }));
  const blocks = figure.panels.flatMap((panel) => panel.blocks);
  assert.equal(rects.length, blocks.length, about);
  const perBit = (figure.bits ? 136 : 80) / 8;
  for (const [i, { fill, place }] of rects.entries()) {
    const { piece, left, right, lines } = blocks[i] as Panel["blocks"][number];
    assert.equal(fill === "p", piece.kind === "padding", about);
    assert.deepEqual([(place[0] - 40) / perBit, (place[0] - 40 + place[2]) / perBit], [left, right], about);
    assert.equal(place[3], lines * (figure.bits ? 56 : 40), about);
  }
}

test("300 random structs: model, text and SVG have every bit in its place", () => {
  let gaps = 0;
  for (const { struct: type, declaration } of randomStructs(SEED, 300, "x86-64")) {
    if (type.size === 0) continue;
    const figure = checkFigure(type, declaration);
    checkText(figure, declaration);
    checkSvg(figure, declaration);
    gaps += figure.panels[0]?.lines.filter((line) => line.kind === "gap").length ?? 0;
  }
  assert.ok(gaps > 0, "some are cut");
});

describe("long structs are cut, and never wrong", () => {
  const point = struct("point", { x: u8, y: u32 });
  const CASES: Record<string, StructDefinition> = {
    "a long array": { a: array(u32, 1000) },
    "a long array that starts within a row": { head: u8, a: array(u8, 1000), tail: u8 },
    "a long array of structs": { head: u8, a: array(point, 50) },
    "a long array of long structs": {
      a: array(struct("long", { p: point, text: cString(333), q: point }), 9),
    },
    "arrays of arrays": { a: array(array(array(u16, 7), 9), 11), b: u8 },
    "arrays of arrays of one": { a: array(array(array(array(u8, 1), 1), 1), 300) },
    "two by two by two …": {
      a: Array.from({ length: 10 }).reduce<AnyFieldType>((type) => array(type, 2), u8),
    },
    "long bytes": { a: u8, bytes: byteArray(100), b: u64 },
    "two long ones next to each other": { a: byteArray(71), b: byteArray(75), c: array(u16, 77) },
    "65 bytes": { a: byteArray(65) },
    "64 bytes": { a: byteArray(64) },
    "no bytes": { a: u8, none: array(u32, 0) },
    "bits and a long array": {
      a: bits(u8, 3),
      b: unnamedBits(u8, 2),
      c: bits(u8, 3),
      d: array(u8, 99),
      e: bits(u32, 31),
    },
  };
  for (const [name, definition] of Object.entries(CASES)) {
    for (const packed of [false, true]) {
      test(`${name}${packed ? ", packed" : ""}`, () => {
        const figure = checkFigure(struct("s", definition, { packed }), name);
        checkText(figure, name);
        checkSvg(figure, name);
        const lines = figure.panels[0]?.lines ?? [];
        assert.ok(lines.length < 60, `${lines.length} lines`);
      });
    }
  }

  test("padding of 2^20 bytes", () => {
    const figure = checkFigure(struct("s", { a: u8 }, { align: 2 ** 20 }), "aligned");
    assert.ok((figure.panels[0]?.lines.length ?? 0) < 12);
    assert.equal(figure.paddingBytes, 2 ** 20 - 1);
  });

  test("an array of 2^40 bytes is drawn at once", () => {
    const figure = figureOf(struct("s", { a: array(array(u32, 2 ** 20), 2 ** 18) }), "natural");
    const last = figure.panels[0]?.blocks.at(-1);
    assert.deepEqual([last?.piece.label, last?.piece.to], ["a[262143][1048575]", 2 ** 43]);
  });
});

describe("what shares a place is drawn by itself", () => {
  /** Each panel as its heading and its boxes. */
  const panels = (type: Aggregate): string[][] =>
    figureOf(type, "natural").panels.map(({ heading, blocks }) => [
      heading ?? "",
      ...blocks.map(({ piece }) => `${piece.label || piece.kind} ${piece.from}-${piece.to}`),
    ]);

  test("a union in a struct, and a union in that", () => {
    const inner = union("inner", { x: u8, y: u16 });
    const outer = union("outer", { a: u32, b: struct("b", { c: u8, d: inner }) });
    assert.deepEqual(panels(struct("s", { head: u16, u: outer, tail: u8 })), [
      ["", "head 0-16", "padding 16-32", "u 32-64", "tail 64-72", "padding 72-96"],
      ["either u.a", "u.a 32-64"],
      ["or u.b", "u.b.c 32-40", "padding 40-48", "u.b.d 48-64"],
      ["either u.b.d.x", "u.b.d.x 48-56", "padding 56-64"],
      ["or u.b.d.y", "u.b.d.y 48-64"],
    ]);
  });

  test("a union by itself has no drawing of its own", () => {
    assert.deepEqual(panels(union("u", { a: u8, b: array(u16, 2), c: bits(u8, 3) })), [
      ["either a", "a 0-8", "padding 8-32"],
      ["or b", "b[0] 0-16", "b[1] 16-32"],
      ["or c", "c 0-3", "padding 3-32"],
    ]);
  });

  test("the fields of an anonymous union", () => {
    const both = anonymous(union("", { word: u32, _: anonymous(struct("", { low: u16, high: u16 })) }));
    assert.deepEqual(panels(struct("s", { head: u8, _: both, tail: u32 })), [
      ["", "head 0-8", "padding 8-32", "union 32-64", "tail 64-96"],
      ["either word", "word 32-64"],
      ["or low, high", "low 32-48", "high 48-64"],
    ]);
  });

  test("bits of an anonymous union share their whole byte", () => {
    const flags = anonymous(struct("", { a: bits(u8, 3), b: bits(u8, 5) }));
    assert.deepEqual(
      panels(struct("s", { _: anonymous(union("", { flags, low: bits(u8, 2) })), tail: u8 })),
      [
        ["", "union 0-8", "tail 8-16"],
        ["either a, b", "a 0-3", "b 3-8"],
        ["or low", "low 0-2", "padding 2-8"],
      ],
    );
  });

  test("bits that share a part of a byte draw in what has the rest of it", () => {
    const [one, other] = [
      anonymous(struct("", { a: bits(u8, 3), b: bits(u8, 5) })),
      anonymous(struct("", { _: unnamedBits(u8, 3), c: bits(u8, 2) })),
    ];
    assert.deepEqual(panels(struct("s", { _: anonymous(union("", { one, other })), tail: u8 })), [
      ["", "union 0-8", "tail 8-16"],
      ["either a, b", "a 0-3", "b 3-8"],
      ["or c", "padding 0-3", "c 3-5", "padding 5-8"],
    ]);
  });

  test("the padding of an anonymous union is counted once", () => {
    const type = struct("s", { a: u8, _: anonymous(union("", { b: u16, c: u8 })), d: u64 });
    const figure = figureOf(type, "natural");
    assert.deepEqual([figure.paddingBytes, figure.unusedBits], [5, 0]);
  });
});
