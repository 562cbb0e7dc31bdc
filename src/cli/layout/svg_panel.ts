/** One drawing of an SVG figure: the rows of a struct, or of a member of a union. */
import { fit, type Tags } from "./labels.ts";
import { type Block, digitAt, type GapRow, type Panel, type Row } from "./model.ts";
import { HUES } from "./svg_style.ts";
import { gapText } from "./text.ts";
import { type ByteOrder, type BytesOf, plural } from "./words.ts";

/** The row offsets, at the left of a drawing. All lengths are in pixels. */
export const EDGE = 40;
const VALUE = 20;
const GAP = 34;
const TICK = 5;

/** Fonts that are legible, with the room that a character of them takes. */
const FONTS = [
  { size: 14, advance: 8.5 },
  { size: 11, advance: 6.7 },
] as const;
export const MONO_ADVANCE = 7.3;

export interface Part {
  readonly svg: readonly string[];
  readonly width: number;
  readonly height: number;
}

/** What the drawings of one figure share. */
export interface Scale {
  /** The width of a byte. */
  readonly byte: number;
  /** The part of a row in which the names stand. */
  readonly name: number;
  readonly bits: boolean;
  readonly tags: Tags;
  readonly orders: readonly ByteOrder[];
}

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
export const escaped = (text: string): string => text.replace(/[&<>"]/g, (char) => ENTITIES[char] as string);

/** A number as SVG has it, short. */
const n = (value: number): string => String(Math.round(value * 100) / 100);

export function text(x: number, y: number, words: string, attributes: string): string {
  return `<text x="${n(x)}" y="${n(y)}" ${attributes}>${escaped(words)}</text>`;
}

function line(x1: number, y1: number, x2: number, y2: number, name: string): string {
  return `<path class="${name}" d="M${n(x1)} ${n(y1)}L${n(x2)} ${n(y2)}"/>`;
}

export function moved(part: readonly string[], x: number, y: number): string[] {
  return [`<g transform="translate(${n(x)} ${n(y)})">`, ...part, "</g>"];
}

/** One panel, its left upper corner at 0, 0. */
export function drawPanel(panel: Panel, scale: Scale, bytes: BytesOf): Part {
  if (panel.lines.length === 0) return { svg: [], width: EDGE + 4 * scale.byte, height: 0 };
  const shown = scale.orders.filter((order) => bytes[order]);
  const rowHeight = scale.name + shown.length * VALUE;
  const svg: string[] = [];
  let y = 0;
  if (panel.heading !== undefined) {
    y += 40;
    svg.push(text(EDGE, y - 4, panel.heading, 'class="t s"'));
  }
  y += ruler(svg, scale, y);
  const tops = panel.lines.map((row) => {
    const top = y;
    y += row.kind === "gap" ? GAP : rowHeight;
    return top;
  });
  for (const block of panel.blocks) {
    const top = tops[block.line] as number;
    box(svg, block, { scale, top, height: rowHeight * block.lines, rowHeight });
  }
  for (const [i, row] of panel.lines.entries()) {
    const top = tops[i] as number;
    if (row.kind === "gap") {
      gap(svg, row, top, scale);
      continue;
    }
    svg.push(text(EDGE - 8, top + scale.name / 2 + 4, String(row.offset), 'class="m o e"'));
    const blocks = panel.blocks.filter((one) => one.line <= i && i < one.line + one.lines);
    for (const [k, order] of shown.entries()) {
      const base = top + scale.name + k * VALUE + 11;
      svg.push(text(EDGE - 8, base, order === "little" ? "LE" : "BE", `class="m x e ${order}"`));
      svg.push(...values(row, blocks, bytes[order] as Uint8Array, { base, order, scale }));
    }
  }
  return { svg, width: EDGE + 4 * scale.byte, height: y };
}

/** Numbers of bytes, and of bits where bits are drawn. @returns its height */
function ruler(svg: string[], scale: Scale, y: number): number {
  for (let byte = 0; byte < 4; byte++) {
    const at = EDGE + byte * scale.byte;
    svg.push(text(at + scale.byte / 2, y + 14, `+${byte}`, 'class="m o c"'));
    if (!scale.bits) continue;
    for (let bit = 0; bit < 8; bit++) {
      svg.push(text(at + ((bit + 0.5) * scale.byte) / 8, y + 30, String(bit), 'class="m x o c"'));
    }
  }
  return scale.bits ? 36 : 20;
}

function box(
  svg: string[],
  block: Block,
  at: { scale: Scale; top: number; height: number; rowHeight: number },
): void {
  const { scale, top, height } = at;
  const x = EDGE + (block.left * scale.byte) / 8;
  const width = ((block.right - block.left) * scale.byte) / 8;
  const { kind, member } = block.piece;
  const fill = kind === "padding" ? "p" : `f${member % HUES}`;
  const place = `x="${n(x)}" y="${n(top)}" width="${n(width)}" height="${n(height)}"`;
  svg.push(`<rect class="${fill}" ${place}/>`);
  if (kind === "padding") {
    svg.push(`<rect class="h" ${place}/>`);
    return;
  }
  ticks(svg, block, at);
  const middle = x + width / 2;
  // With values the names stay in the part of a row that is theirs.
  const rows =
    scale.name === at.rowHeight
      ? height / 2
      : Math.floor((block.lines - 1) / 2) * at.rowHeight + scale.name / 2;
  const base = top + rows;
  for (const { size, advance } of FONTS) {
    const labels = fit(block, Math.floor((width - 4) / advance));
    if (labels.is !== "name") continue;
    svg.push(text(middle, base + size * 0.35, labels.text, `class="m c" font-size="${size}"`));
    return;
  }
  const small = FONTS[1];
  const upright = fit(block, Math.floor((scale.name - 4) / small.advance));
  if (upright.is === "name" && width >= small.size) {
    const turn = `transform="rotate(-90 ${n(middle)} ${n(base)})"`;
    svg.push(
      text(middle, base + small.size * 0.35, upright.text, `class="m c" font-size="${small.size}" ${turn}`),
    );
    return;
  }
  const tag = scale.tags.shown(fit(block, 0), block);
  svg.push(text(middle, base + 5, tag, 'class="m c s" font-size="14"'));
}

/** Marks where bytes end within a box: at its edges, and where two rows of it meet. */
function ticks(
  svg: string[],
  block: Block,
  at: { scale: Scale; top: number; height: number; rowHeight: number },
): void {
  const { scale, top, height, rowHeight } = at;
  const x = (bit: number): number => EDGE + (bit * scale.byte) / 8;
  const path: string[] = [];
  for (let bit = 8 * (Math.floor(block.left / 8) + 1); bit < block.right; bit += 8) {
    path.push(`M${n(x(bit))} ${n(top)}v${TICK}M${n(x(bit))} ${n(top + height)}v-${TICK}`);
    for (let y = top + rowHeight; y < top + height; y += rowHeight) {
      path.push(`M${n(x(bit))} ${n(y - TICK)}v${2 * TICK}M${n(x(bit) - TICK)} ${n(y)}h${2 * TICK}`);
    }
  }
  for (let y = top + rowHeight; y < top + height; y += rowHeight) {
    path.push(`M${n(x(block.left))} ${n(y)}h${TICK}M${n(x(block.right))} ${n(y)}h-${TICK}`);
  }
  if (path.length > 0) svg.push(`<path class="k" d="${path.join("")}"/>`);
}

function gap(svg: string[], row: GapRow, top: number, scale: Scale): void {
  const right = EDGE + 4 * scale.byte;
  svg.push(text(EDGE - 8, top + GAP / 2 + 4, "⋮", 'class="m o e"'));
  for (const x of [EDGE, right]) svg.push(line(x, top, x, top + GAP, "d"));
  const said = gapText(row);
  const fits = said.length * MONO_ADVANCE < 4 * scale.byte - 8;
  const words = fits ? said : plural(row.to - row.from, "byte");
  svg.push(text((EDGE + right) / 2, top + GAP / 2 + 4, words, 'class="m x c"'));
}

function values(
  row: Row,
  blocks: readonly Block[],
  bytes: Uint8Array,
  at: { base: number; order: ByteOrder; scale: Scale },
): string[] {
  const { base, order, scale } = at;
  const svg: string[] = [];
  for (let place = row.from; place < row.to; place++) {
    const byte = bytes[place] ?? 0;
    const first = (place - row.offset) * 8;
    const x = EDGE + (first * scale.byte) / 8;
    const bitwise = blocks.some(({ piece, left, right }) => piece.bits && left < first + 8 && right > first);
    if (!bitwise) {
      const hex = byte.toString(16).padStart(2, "0");
      svg.push(text(x + scale.byte / 2, base, hex, `class="m v c ${order}"`));
      continue;
    }
    for (let bit = 0; bit < 8; bit++) {
      const set = digitAt(byte, first + bit, order, blocks);
      svg.push(text(x + ((bit + 0.5) * scale.byte) / 8, base, String(set), `class="m v c ${order}"`));
    }
  }
  return svg;
}
