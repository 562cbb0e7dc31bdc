/** What `windsock watch` draws with: numbers for people, bars, sparklines, and lines that fit a width. */

/** The glyphs and colours that a terminal can show. */
export interface Brush {
  readonly unicode: boolean;
  paint(colour: Colour, text: string): string;
}

export type Colour = "red" | "green" | "yellow" | "blue" | "magenta" | "cyan" | "grey" | "bold" | "reverse";

const SGR: Readonly<Record<Colour, number>> = {
  red: 31,
  green: 32,
  yellow: 33,
  blue: 34,
  magenta: 35,
  cyan: 36,
  grey: 90,
  bold: 1,
  reverse: 7,
};

/** @see https://no-color.org */
export function brushFor(environment: NodeJS.ProcessEnv): Brush {
  const { NO_COLOR, TERM, LC_ALL, LC_CTYPE, LANG } = environment;
  const coloured = !NO_COLOR && TERM !== "dumb";
  return {
    unicode: /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || ""),
    paint: (colour, text) =>
      coloured && text !== "" ? `\x1b[${SGR[colour]}m${text}\x1b[${colour === "reverse" ? 27 : 0}m` : text,
  };
}

const SIZES = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** `"64.0 KiB"`; `"-"` for what is not known. */
export function bytesText(bytes: number | undefined): string {
  if (bytes === undefined) return "-";
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < SIZES.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${SIZES[unit]}`;
}

/** `"1.20 MiB/s"` */
export function rateText(bytesPerSecond: number | undefined): string {
  return bytesPerSecond === undefined ? "-" : `${bytesText(Math.round(bytesPerSecond))}/s`;
}

/** `"40 µs"`, `"1.25 ms"`, `"3.0 s"` */
export function microsText(us: number | undefined): string {
  if (us === undefined) return "-";
  if (us < 1000) return `${Math.round(us)} µs`;
  return millisText(us / 1000);
}

/** `"1.25 ms"`, `"3.0 s"`, `"2 min"` */
export function millisText(ms: number): string {
  if (ms < 1000) return `${ms < 10 ? ms.toFixed(2) : ms < 100 ? ms.toFixed(1) : Math.round(ms)} ms`;
  if (ms < 100_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.round(ms / 60_000)} min`;
}

/** The time of day, `"12:34:56.789"` in UTC; `"-"` for a moment that no calendar has. */
export function timeText(at: number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? "-" : date.toISOString().slice(-13, -1);
}

const IN_ASCII: Readonly<Record<string, string>> = { µ: "u", "…": "~" };

/** The same line, in as many columns, for a terminal that shows nothing else than ASCII. */
export function asciiOf(line: string): string {
  return line.replace(/[^\0-\x7f]/gu, (character) => IN_ASCII[character] ?? "?".repeat(columnsOf(character)));
}

/** What makes a line such that a terminal of this environment can show it. */
export function readableBy(environment: NodeJS.ProcessEnv): (line: string) => string {
  return brushFor(environment).unicode ? (line) => line : asciiOf;
}

/** How many columns a character takes: wide ones of East Asian scripts and emoji take two, marks none. */
function columnsOf(character: string): number {
  const code = character.codePointAt(0) as number;
  if (/\p{Mn}|\p{Me}|\p{Cf}/u.test(character)) return 0;
  const wide =
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd);
  return wide ? 2 : 1;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what colours are made of
const PIECES = /(\x1b\[[\d;]*m)|(.)/gsu;

/** How many columns a line takes, colours apart. */
export function widthOf(line: string): number {
  let width = 0;
  for (const [, colour, character] of line.matchAll(PIECES)) {
    if (colour === undefined) width += columnsOf(character as string);
  }
  return width;
}

/** A line of at most so many columns: one that is longer ends in an ellipsis. Colours are kept, and ended. */
export function clip(line: string, columns: number): string {
  if (widthOf(line) <= columns) return line;
  let [out, width, coloured] = ["", 0, false];
  for (const [piece, colour, character] of line.matchAll(PIECES)) {
    if (colour !== undefined) {
      out += piece;
      coloured = true;
      continue;
    }
    const more = columnsOf(character as string);
    if (width + more > columns - 1) break;
    out += piece;
    width += more;
  }
  return `${out}${columns > 0 ? "…" : ""}${coloured ? "\x1b[0m" : ""}`;
}

/** A text in exactly so many columns. */
export function cell(text: string, columns: number, align: "left" | "right" = "left"): string {
  const clipped = clip(text, columns);
  const space = " ".repeat(Math.max(0, columns - widthOf(clipped)));
  return align === "left" ? clipped + space : space + clipped;
}

/** One part of what a bar shows. */
export interface Part {
  readonly value: number;
  readonly colour: Colour;
  /** With unicode, and without. */
  readonly glyph: readonly [string, string];
}

export const SOLID = ["█", "#"] as const;
export const MEDIUM = ["▒", "="] as const;
const EMPTY = ["·", "."] as const;

/** `[████▒▒▒·····]`: parts of a whole, each that is not nothing with one column at least. */
export function bar(parts: readonly Part[], total: number, columns: number, brush: Brush): string {
  const room = Math.max(1, columns - 2);
  const whole = Math.max(
    total,
    parts.reduce((sum, { value }) => sum + value, 0),
    1,
  );
  let left = room;
  let line = "";
  for (const { value, colour, glyph } of parts) {
    const share = Math.min(left, value > 0 ? Math.max(1, Math.round((value / whole) * room)) : 0);
    line += brush.paint(colour, (brush.unicode ? glyph[0] : glyph[1]).repeat(share));
    left -= share;
  }
  return `[${line}${brush.paint("grey", (brush.unicode ? EMPTY[0] : EMPTY[1]).repeat(left))}]`;
}

const BLOCKS = [..."▁▂▃▄▅▆▇█"];
const ASCII_BLOCKS = [..."_.-:=+*#"];

/** The newest values at the right, from 0 to the greatest of them; what is not known is a gap. */
export function sparkline(values: readonly (number | undefined)[], columns: number, brush: Brush): string {
  const shown = values.slice(-columns);
  const greatest = Math.max(1, ...shown.map((value) => value ?? 0));
  const blocks = brush.unicode ? BLOCKS : ASCII_BLOCKS;
  const line = shown.map((value) =>
    value === undefined ? " " : (blocks[Math.min(7, Math.floor((value / greatest) * 7.999))] as string),
  );
  return line.join("").padStart(columns);
}

/** A text in lines of at most so many columns, between words. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].map((one) => clip(one, columns));
}
