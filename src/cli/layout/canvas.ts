/** A grid of characters on which boxes are drawn: where lines meet, the right corner comes out. */

export type Style = "plain" | "line" | "padding" | "name" | "offset" | "little" | "big" | "strong";

/** One line of text in parts. */
export type Line = readonly (readonly [text: string, style: Style])[];

/** Ways out of a cell by which a line leaves it; their sum is an index of CORNERS. */
const UP = 1;
const RIGHT = 2;
const DOWN = 4;
const LEFT = 8;
const CORNERS = " ╵╶└╷│┌├╴┘─┴┐┤┬┼";

/** SGR parameters, ECMA-48 §8.3.117. */
const SGR: Record<Style, string> = {
  plain: "",
  line: "2",
  padding: "2",
  name: "1;36",
  offset: "2",
  little: "33",
  big: "35",
  strong: "1",
};

export class Canvas {
  readonly #text: string[][];
  readonly #style: Style[][];
  readonly #ways: Uint8Array[];
  readonly #width: number;

  constructor(width: number, height: number) {
    this.#width = width;
    this.#text = Array.from({ length: height }, () => Array<string>(width).fill(" "));
    this.#style = Array.from({ length: height }, () => Array<Style>(width).fill("plain"));
    this.#ways = Array.from({ length: height }, () => new Uint8Array(width));
  }

  #open(x: number, y: number, ways: number): void {
    const row = this.#ways[y];
    if (row && x < row.length) row[x] = (row[x] ?? 0) | ways;
  }

  /** The outline of a box with these corners. */
  box(left: number, top: number, right: number, bottom: number): void {
    for (const y of [top, bottom]) {
      for (let x = left; x < right; x++) {
        this.#open(x, y, RIGHT);
        this.#open(x + 1, y, LEFT);
      }
    }
    for (const x of [left, right]) {
      for (let y = top; y < bottom; y++) {
        this.#open(x, y, DOWN);
        this.#open(x, y + 1, UP);
      }
    }
  }

  /** Writes over what stands there. */
  put(x: number, y: number, text: string, style: Style): void {
    const [row, styles] = [this.#text[y], this.#style[y]];
    if (!row || !styles) return;
    let at = x;
    for (const char of text) {
      if (at >= 0 && at < this.#width) {
        row[at] = char;
        styles[at] = style;
      }
      at++;
    }
  }

  /** The text as lines, the boxes under it. */
  lines(): Line[] {
    return this.#text.map((row, y) => {
      const parts: [string, Style][] = [];
      for (const [x, char] of row.entries()) {
        const ways = this.#ways[y]?.[x] ?? 0;
        const drawn = char === " " && ways > 0;
        const shown = drawn ? (CORNERS[ways] as string) : char;
        const style = drawn ? "line" : (this.#style[y]?.[x] ?? "plain");
        const last = parts.at(-1);
        if (last && last[1] === style) last[0] += shown;
        else parts.push([shown, style]);
      }
      return parts;
    });
  }
}

export function widthOf(line: Line): number {
  return line.reduce((sum, [text]) => sum + [...text].length, 0);
}

/** Puts drawings next to each other, `gap` columns apart, their top lines level. */
export function beside(drawings: readonly (readonly Line[])[], gap: number): Line[] {
  const widths = drawings.map((lines) => Math.max(0, ...lines.map(widthOf)));
  const height = Math.max(0, ...drawings.map((lines) => lines.length));
  return Array.from({ length: height }, (_, y) =>
    drawings.flatMap((lines, i): Line => {
      const line = lines[y] ?? [];
      const space = (widths[i] ?? 0) - widthOf(line) + gap;
      return i < drawings.length - 1 ? [...line, [" ".repeat(space), "plain"]] : line;
    }),
  );
}

/** Lines as text, without spaces at their ends. */
export function paint(lines: readonly Line[], colour: boolean): string {
  return lines
    .map((line) => {
      const kept = line.map(([text, style]) => ({ text, style }));
      for (let last = kept.at(-1); last; last = kept.at(-1)) {
        last.text = last.text.trimEnd();
        if (last.text !== "") break;
        kept.pop();
      }
      return `${kept
        .map(({ text, style }) => (colour && SGR[style] ? `\x1b[${SGR[style]}m${text}\x1b[0m` : text))
        .join("")}\n`;
    })
    .join("");
}
