/** The figure of a struct as data: rows of 32 bits and the boxes in them. The text and the SVG both draw this. */
import {
  type AnyStruct,
  join,
  type Piece,
  type Pieces,
  piecesOfChoice,
  piecesOfStruct,
  ROW,
  type UnionAt,
  unionItself,
} from "./pieces.ts";
import { roundDown } from "./places.ts";
import { type Unaligned, unalignedIn, usage } from "./usage.ts";

/** Four bytes of memory, or what of them is the struct's: the bytes `from` … `to` - 1. */
export interface Row {
  readonly kind: "row";
  /** The byte at the left edge. */
  readonly offset: number;
  readonly from: number;
  readonly to: number;
}

/** Rows that are left out. */
export interface GapRow {
  readonly kind: "gap";
  readonly from: number;
  readonly to: number;
  readonly label: string;
}

/** A box: a piece, or what of it lies in these rows. */
export interface Block {
  readonly piece: Piece;
  /** Its first row, as an index of `lines`, and how many it spans: more than one only over full rows. */
  readonly line: number;
  readonly lines: number;
  /** In bits from the left edge of the row, 0 … 32. */
  readonly left: number;
  readonly right: number;
  /** Whether the piece has begun before, and goes on after. */
  readonly before: boolean;
  readonly after: boolean;
  /** Whether this is the box of its piece that has most room, so that it must say what it is. */
  readonly main: boolean;
}

/** One drawing: the struct, or one member of a union in it. */
export interface Panel {
  /** "either u.a", "or u.b"; nothing for the struct itself. */
  readonly heading?: string;
  readonly lines: readonly (Row | GapRow)[];
  readonly blocks: readonly Block[];
}

/** The struct in one form. */
export interface Figure {
  /** "natural", "packed". */
  readonly form: string;
  readonly name: string;
  readonly size: number;
  readonly align: number;
  /** Whole bytes that no field uses. */
  readonly paddingBytes: number;
  /** Bits that no field uses, in bytes that others use. */
  readonly unusedBits: number;
  /** Whether there are bit fields: then every bit has its place in the drawing. */
  readonly bits: boolean;
  readonly panels: readonly Panel[];
  /** Members without a size. */
  readonly empty: readonly { readonly label: string; readonly at: number }[];
  /** The fields that are not at a multiple of what their type is aligned to; of an array, its name. */
  readonly unaligned: readonly Unaligned[];
}

/** Gaps that touch or overlap are one. */
function mergeGaps(gaps: Pieces["gaps"]): Pieces["gaps"] {
  const merged: Pieces["gaps"][number][] = [];
  for (const gap of gaps) {
    const last = merged.at(-1);
    if (last && gap.from <= last.to) {
      const label =
        last.to >= gap.to || last.label === gap.label ? last.label : `${last.label}, ${gap.label}`;
      merged[merged.length - 1] = { from: last.from, to: Math.max(last.to, gap.to), label };
    } else merged.push(gap);
  }
  return merged;
}

/** The rows of the bytes `from` … `to` - 1. */
function linesOf(from: number, to: number, gaps: Pieces["gaps"]): (Row | GapRow)[] {
  const lines: (Row | GapRow)[] = [];
  const left = mergeGaps(gaps);
  let next = 0;
  for (let offset = roundDown(from, ROW); offset < to; ) {
    const gap = left[next];
    if (gap && gap.from <= offset) {
      lines.push({ kind: "gap", ...gap });
      offset = gap.to;
      next++;
    } else {
      lines.push({ kind: "row", offset, from: Math.max(from, offset), to: Math.min(to, offset + ROW) });
      offset += ROW;
    }
  }
  return lines;
}

const ROW_BITS = ROW * 8;

type Box = { -readonly [Key in keyof Block]: Block[Key] };

/** Cuts pieces where rows end, and joins what fills rows whole again. */
function blocksOf(lines: readonly (Row | GapRow)[], pieces: readonly Piece[]): Block[] {
  const blocks: Box[] = [];
  const widest = new Map<Piece, Box>();
  let at = 0;
  for (const [line, row] of lines.entries()) {
    if (row.kind === "gap") continue;
    const [from, to] = [row.from * 8, row.to * 8];
    while ((pieces[at]?.to ?? Number.POSITIVE_INFINITY) <= from) at++;
    for (let i = at; i < pieces.length; i++) {
      const piece = pieces[i] as Piece;
      if (piece.from >= to) break;
      const left = Math.max(piece.from, from) - row.offset * 8;
      const right = Math.min(piece.to, to) - row.offset * 8;
      const after = piece.to > to;
      const last = blocks.at(-1);
      const joins = last?.piece === piece && last.line + last.lines === line;
      if (joins && left === 0 && right === ROW_BITS && last.left === 0 && last.right === ROW_BITS) {
        last.lines++;
        last.after = after;
        continue;
      }
      const before = piece.from < from;
      const box = { piece, line, lines: 1, left, right, before, after, main: false };
      blocks.push(box);
    }
  }
  const room = (box: Box): number => (box.right - box.left) * box.lines;
  for (const box of blocks) {
    const best = widest.get(box.piece);
    if (!best || room(box) > room(best)) widest.set(box.piece, box);
  }
  for (const box of widest.values()) box.main = true;
  return blocks;
}

function panelOf(pieces: Pieces, from: number, to: number, heading?: string): Panel {
  const lines = linesOf(from, to, pieces.gaps);
  const blocks = blocksOf(lines, pieces.pieces);
  return heading === undefined ? { lines, blocks } : { heading, lines, blocks };
}

/** What is said of a choice: its fields by name. */
function named(union: UnionAt, fields: UnionAt["choices"][number]): string {
  const names = fields.map((field) => join(union.path, field.name));
  return names.length > 3 ? `${names[0]} … ${names.at(-1)}` : names.join(", ");
}

/** Draws each choice of a union by itself, and so on for the unions in them. */
function choices(unions: readonly UnionAt[], empty: { label: string; at: number }[]): Panel[] {
  return unions.flatMap((union) =>
    union.choices.flatMap((fields, index) => {
      const pieces = piecesOfChoice(union, fields);
      empty.push(...pieces.empty);
      const heading = `${index === 0 ? "either" : "or"} ${named(union, fields)}`;
      return [panelOf(pieces, union.at, union.at + union.size, heading), ...choices(pieces.unions, empty)];
    }),
  );
}

/** The figure of a struct or a union. `form` says which layout it is. */
export function figureOf(type: AnyStruct, form: string): Figure {
  const { name, size, align } = type;
  const empty: { label: string; at: number }[] = [];
  const panels: Panel[] = [];
  if (type.kind === "union") {
    panels.push(...choices([unionItself(type)], empty));
  } else {
    const pieces = piecesOfStruct(type);
    empty.push(...pieces.empty);
    panels.push(panelOf(pieces, 0, size), ...choices(pieces.unions, empty));
  }
  const { usedBits, paddingBytes } = usage(type);
  const unusedBits = size * 8 - usedBits - paddingBytes * 8;
  const bits = panels.some((panel) => panel.blocks.some((block) => block.piece.bits));
  const unaligned = unalignedIn(type);
  return { form, name, size, align, paddingBytes, unusedBits, bits, panels, empty, unaligned };
}

/** Of a byte in a row, what is shown at bit `bit` of the row, 0 … 31, where bits are drawn one by one. */
export function digitAt(byte: number, bit: number, order: "little" | "big", blocks: readonly Block[]): 0 | 1 {
  const block = blocks.find(({ left, right }) => left <= bit && bit < right);
  const highestFirst = order === "big" || block?.piece.highestFirst === true;
  const mask = highestFirst ? 0x80 >> (bit & 7) : 1 << (bit & 7);
  return (byte & mask) === 0 ? 0 : 1;
}
