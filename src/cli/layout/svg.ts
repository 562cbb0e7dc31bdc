/** Figures of structs as SVG: one file that needs nothing else, for light and dark, with the figure in words for screen readers. */
import { Tags } from "./labels.ts";
import type { Figure, Panel } from "./model.ts";
import { drawPanel, EDGE, escaped, MONO_ADVANCE, moved, type Part, type Scale, text } from "./svg_panel.ts";
import { STYLE } from "./svg_style.ts";
import { type ByteOrder, type BytesOf, costOf, legendOf, summaryOf, wrapped } from "./words.ts";

/** All lengths are in pixels. */
const MARGIN = 24;
/** Between two figures. */
const BETWEEN = 36;
/** The width of a byte, and the height of the part of a row in which names stand; both also for bits one by one. */
const SIZES = { bytes: { byte: 80, name: 40 }, bits: { byte: 136, name: 56 } } as const;
/** A line of prose, and the room that one of its characters takes. */
const PROSE = 19;
const PROSE_ADVANCE = 6.6;

function drawFigure(figure: Figure, scale: Scale, bytes: BytesOf): Part {
  const svg: string[] = [text(EDGE, 14, figure.form, 'class="t s"')];
  let y = 24;
  let width = 0;
  const draw = (panels: readonly Panel[]): void => {
    for (const panel of panels) {
      const part = drawPanel(panel, scale, bytes);
      svg.push(...moved(part.svg, 0, y));
      y += part.height;
      width = Math.max(width, part.width);
    }
  };
  draw(figure.panels.filter((panel) => panel.heading === undefined));
  for (const words of summaryOf(figure)) {
    y += PROSE;
    svg.push(text(EDGE, y + 1, words, 'class="t"'));
  }
  draw(figure.panels.filter((panel) => panel.heading !== undefined));
  return { svg, width, height: y + 4 };
}

/** The figure in words. */
function described(figures: readonly Figure[]): string {
  return figures
    .map((figure) => {
      const seen = new Set<string>();
      const parts = figure.panels[0]?.blocks.flatMap(({ piece }) => {
        const { kind, label, from, to, bits } = piece;
        const key = `${label} ${from}`;
        if (seen.has(key)) return [];
        seen.add(key);
        const [first, last] = bits ? [from, to - 1] : [from / 8, to / 8 - 1];
        const unit = bits ? "bit" : "byte";
        const place = first === last ? `${unit} ${first}` : `${unit}s ${first} to ${last}`;
        return [`${kind === "padding" ? "padding" : label} ${place}`];
      });
      return `${figure.form}: ${summaryOf(figure).join(", ")}. ${(parts ?? []).join(", ")}.`;
    })
    .join(" ");
}

/** The drawing as an SVG file. `hex` is text that stands below the figures as it is. */
export function drawSvg(
  title: string,
  figures: readonly { readonly figure: Figure; readonly bytes: BytesOf }[],
  options: { readonly orders: readonly ByteOrder[]; readonly hex: readonly string[] },
): string {
  const all = figures.map(({ figure }) => figure);
  const bits = all.some((figure) => figure.bits);
  const tags = new Tags(all);
  const scale: Scale = { ...SIZES[bits ? "bits" : "bytes"], bits, tags, orders: options.orders };
  const drawings = figures.map(({ figure, bytes }) => drawFigure(figure, scale, bytes));
  const svg: string[] = [];
  let y = MARGIN + 14;
  svg.push(text(MARGIN, y, title, 'class="t s" font-size="17"'));
  y += 18;
  let [x, bottom, width] = [MARGIN, y, 0];
  for (const [i, { svg: part, width: wide, height }] of drawings.entries()) {
    if (bits && i > 0) [x, y] = [MARGIN, bottom + BETWEEN / 2]; // drawn bit by bit they are wide: one below the other
    svg.push(...moved(part, x, y));
    width = Math.max(width, x + wide + MARGIN);
    bottom = Math.max(bottom, y + height);
    x += wide + BETWEEN;
  }
  const hexWidth = Math.max(0, ...options.hex.map((one) => one.length)) * MONO_ADVANCE + 2 * MARGIN;
  width = Math.ceil(Math.max(width, hexWidth));
  y = bottom + 12;
  const below = (words: string, attributes: string): void => {
    y += PROSE;
    svg.push(text(MARGIN, y, words, attributes));
  };
  for (const line of options.hex) below(line, 'class="m x" xml:space="preserve"');
  if (options.hex.length > 0) y += 8;
  const key = tags.entries().map(([letter, name]) => `${letter} = ${name}`);
  const room = (width - 2 * MARGIN) / PROSE_ADVANCE;
  const prose = (sentences: readonly string[], attributes: string): void => {
    for (const line of sentences.flatMap((words) => wrapped(words, room))) below(line, attributes);
  };
  if (key.length > 0) prose([key.join(", ")], 'class="t"');
  prose(costOf(all), 'class="t"');
  prose(legendOf(figures, options.orders), 'class="t o"');
  const height = Math.ceil(y + MARGIN);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title desc">`,
    `<title id="title">${escaped(title)}</title>`,
    `<desc id="desc">${escaped(described(all))}</desc>`,
    STYLE,
    `<rect class="b" width="${width}" height="${height}" rx="8"/>`,
    ...svg,
    "</svg>",
    "",
  ].join("\n");
}
