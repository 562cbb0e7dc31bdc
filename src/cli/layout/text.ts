/** Figures of structs as text. */
import { beside, Canvas, type Line, type Style } from "./canvas.ts";
import { fit, Tags } from "./labels.ts";
import { type Block, digitAt, type Figure, type GapRow, type Panel, type Row } from "./model.ts";
import { type ByteOrder, type BytesOf, costOf, legendOf, summaryOf, wrapped } from "./words.ts";

/** Columns for a byte where nothing is smaller than that, its left line included. */
const LEAST = 8;
/** Columns for a byte that has its bits drawn. */
const BITWISE = 16;
/** Between two figures. */
const BETWEEN = 3;

export interface TextOptions {
  /** Columns that the reader has. */
  readonly width: number;
  /** In which orders the bytes of values are shown. */
  readonly orders: readonly ByteOrder[];
  /** Lines that stand below the figures as they are. */
  readonly hex: readonly string[];
}

/** What the figures of one drawing share. */
interface Scale {
  /** Columns for a byte. */
  readonly cell: number;
  /** Columns for the row offsets. */
  readonly left: number;
  readonly bits: boolean;
  readonly tags: Tags;
  readonly orders: readonly ByteOrder[];
}

const MARKS: Record<ByteOrder, string> = { little: "LE", big: "BE" };

function center(text: string, width: number): number {
  return Math.floor((width - [...text].length) / 2);
}

/** Draws one panel; `bytes` are shown under the names. */
function drawPanel(panel: Panel, scale: Scale, bytes: BytesOf): Line[] {
  const { cell, left, orders } = scale;
  if (panel.lines.length === 0) return [];
  const shown = orders.filter((order) => bytes[order]);
  const tops: number[] = [];
  let height = scale.bits ? 2 : 1;
  for (const line of panel.lines) {
    tops.push(height);
    height += line.kind === "gap" ? 2 : 2 + shown.length;
  }
  const edge = left + 1;
  const canvas = new Canvas(edge + 4 * cell + 1, height + 1);
  const x = (bit: number): number => edge + (bit * cell) / 8;
  ruler(canvas, scale, edge);

  for (const [i, line] of panel.lines.entries()) {
    const top = tops[i] as number;
    if (line.kind === "gap") gapRow(canvas, line, top, scale);
    else rowMargin(canvas, line, top, scale, shown);
  }
  for (const block of panel.blocks) {
    const top = tops[block.line] as number;
    const bottom = tops[block.line + block.lines] ?? height;
    const box = { left: x(block.left), right: x(block.right), top, bottom };
    canvas.box(box.left, box.top, box.right, box.bottom);
    fill(canvas, block, box, x);
    name(canvas, block, box, scale, shown.length);
  }
  for (const [i, line] of panel.lines.entries()) {
    if (line.kind !== "row") continue;
    const blocks = panel.blocks.filter((one) => one.line <= i && i < one.line + one.lines);
    for (const [k, order] of shown.entries()) {
      const y = (tops[i] as number) + 2 + k;
      values(canvas, line, blocks, bytes[order] as Uint8Array, { y, order, x, cell });
    }
  }
  const heading: Line[] =
    panel.heading === undefined ? [] : [[], dry(`${" ".repeat(edge)}${panel.heading}`, "strong")];
  return [...heading, ...canvas.lines()];
}

function ruler(canvas: Canvas, scale: Scale, edge: number): void {
  for (let byte = 0; byte < 4; byte++) {
    const at = edge + byte * scale.cell;
    canvas.put(at + 1 + center(`+${byte}`, scale.cell - 1), 0, `+${byte}`, "offset");
    if (scale.bits) canvas.put(at + 1, 1, "0 1 2 3 4 5 6 7", "offset");
  }
}

function rowMargin(canvas: Canvas, row: Row, top: number, scale: Scale, shown: readonly ByteOrder[]): void {
  canvas.put(0, top + 1, String(row.offset).padStart(scale.left), "offset");
  for (const [k, order] of shown.entries()) {
    canvas.put(0, top + 2 + k, MARKS[order].padStart(scale.left), order);
  }
}

/** What is said of rows that are left out. */
export function gapText(gap: GapRow): string {
  const bytes = gap.to - gap.from;
  return gap.label === "" ? `${bytes} bytes` : `${gap.label}, ${bytes} bytes`;
}

function gapRow(canvas: Canvas, gap: GapRow, top: number, scale: Scale): void {
  const room = 4 * scale.cell - 1;
  const text = gapText(gap);
  const said = text.length <= room - 4 ? text : `${gap.to - gap.from} bytes`;
  canvas.put(0, top + 1, "⋮".padStart(scale.left), "offset");
  for (const byte of [0, 4]) canvas.put(scale.left + 1 + byte * scale.cell, top + 1, "⋮", "line");
  canvas.put(scale.left + 2 + center(said, room), top + 1, said, "name");
}

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Shades padding, and marks where bytes end within a field. */
function fill(canvas: Canvas, block: Block, box: Box, x: (bit: number) => number): void {
  for (let y = box.top + 1; y < box.bottom; y++) {
    if (block.piece.kind === "padding") {
      canvas.put(box.left + 1, y, "░".repeat(box.right - box.left - 1), "padding");
      continue;
    }
    for (let bit = 8 * (Math.floor(block.left / 8) + 1); bit < block.right; bit += 8) {
      canvas.put(x(bit), y, "┊", "line");
    }
  }
}

function name(canvas: Canvas, block: Block, box: Box, scale: Scale, values: number): void {
  const room = box.right - box.left - 1;
  const text = scale.tags.shown(fit(block, room), block);
  if (text === "") return;
  const padded = [...text].length + 2 <= room ? ` ${text} ` : text;
  // The middle line of the box, or the line for names above it.
  const middle = Math.floor((box.top + box.bottom) / 2);
  const perRow = 2 + values;
  const within = (middle - box.top) % perRow;
  const y = values === 0 ? middle : middle - within + (within === 0 ? 1 - perRow : 1);
  canvas.put(box.left + 1 + center(padded, room), Math.max(y, box.top + 1), padded, "name");
}

/** The bytes of a row: in hexadecimal, or bit by bit where bit fields are. */
function values(
  canvas: Canvas,
  row: Row,
  blocks: readonly Block[],
  bytes: Uint8Array,
  at: { y: number; order: ByteOrder; x: (bit: number) => number; cell: number },
): void {
  for (let place = row.from; place < row.to; place++) {
    const byte = bytes[place] ?? 0;
    const first = (place - row.offset) * 8;
    const bitwise = blocks.some(({ piece, left, right }) => piece.bits && left < first + 8 && right > first);
    const style: Style = at.order;
    if (!bitwise) {
      const hex = byte.toString(16).padStart(2, "0");
      canvas.put(at.x(first) + 1 + center(hex, at.cell - 1), at.y, hex, style);
      continue;
    }
    for (let bit = 0; bit < 8; bit++) {
      const set = digitAt(byte, first + bit, at.order, blocks);
      canvas.put(at.x(first + bit) + 1, at.y, String(set), style);
    }
  }
}

const dry = (line: string, style: Style = "plain"): Line => [[line, style]];

function drawFigure(figure: Figure, scale: Scale, bytes: BytesOf): Line[] {
  const margin = " ".repeat(scale.left + 1);
  const drawn = figure.panels.map((panel) => ({ panel, lines: drawPanel(panel, scale, bytes) }));
  return [
    dry(`${margin}${figure.form}`, "strong"),
    ...drawn.flatMap(({ panel, lines }) => (panel.heading === undefined ? lines : [])),
    ...summaryOf(figure).map((line) => dry(`${margin}${line}`)),
    ...drawn.flatMap(({ panel, lines }) => (panel.heading === undefined ? [] : lines)),
  ];
}

/** How wide a byte is drawn: as narrow as shows the most names. */
function cellFor(figures: readonly Figure[], left: number, width: number): number {
  const blocks = figures.flatMap((figure) => figure.panels.flatMap((panel) => panel.blocks));
  if (figures.some((figure) => figure.bits)) return BITWISE;
  let best = LEAST;
  let fewest = Number.POSITIVE_INFINITY;
  for (let cell = LEAST; cell <= BITWISE && (cell === LEAST || left + 2 + 4 * cell <= width); cell++) {
    const tagged = blocks.filter((block) => {
      return fit(block, ((block.right - block.left) * cell) / 8 - 1).is !== "name";
    }).length;
    if (tagged < fewest) [best, fewest] = [cell, tagged];
  }
  return best;
}

/** Draws the forms of one struct: side by side where there is room. */
export function drawText(
  title: string,
  figures: readonly { readonly figure: Figure; readonly bytes: BytesOf }[],
  options: TextOptions,
): Line[] {
  const all = figures.map(({ figure }) => figure);
  const left = Math.max(3, ...all.map((figure) => String(figure.size).length));
  const cell = cellFor(all, left, options.width);
  const tags = new Tags(all);
  const scale: Scale = { cell, left, bits: all.some((figure) => figure.bits), tags, orders: options.orders };
  const drawings = figures.map(({ figure, bytes }) => drawFigure(figure, scale, bytes));
  const width = left + 2 + 4 * cell;
  const fits = width * drawings.length + BETWEEN * (drawings.length - 1) <= options.width;
  const body = fits
    ? beside(drawings, BETWEEN)
    : drawings.flatMap((drawing, i): Line[] => (i === 0 ? drawing : [[], ...drawing]));
  return [
    dry(title, "strong"),
    [],
    ...body,
    [],
    ...options.hex.map((line) => dry(line)),
    ...(options.hex.length > 0 ? [[]] : []),
    ...tags.key(options.width),
    ...[...costOf(all), ...legendOf(figures, scale.orders)]
      .flatMap((words) => wrapped(words, options.width))
      .map((line) => dry(line)),
  ];
}
