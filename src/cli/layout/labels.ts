/** What is written into the boxes of a figure: the name, or a letter for a name that has no room. */
import type { Line } from "./canvas.ts";
import type { Block, Figure } from "./model.ts";

/** What a box may say. */
export interface Labels {
  /** The name, with marks where it goes on; empty where there is nothing to say. */
  readonly text: string;
  /** Whether the name had room. Else a letter must stand for it (`"letter"`), or a mark that it goes on does. */
  readonly is: "name" | "mark" | "letter";
}

/** The name that a piece has in the figure. */
export function nameOf(block: Block): string {
  const { kind, label } = block.piece;
  if (kind === "union") return label === "" ? "union" : `union ${label}`;
  return label;
}

/** What a box says that has room for so many characters. */
export function fit(block: Block, room: number): Labels {
  const { piece, before, after, main } = block;
  if (piece.kind === "padding") return { text: "", is: "name" };
  const names = piece.kind === "union" ? [nameOf(block), piece.label] : [piece.label];
  for (const name of names) {
    const text = `${before ? "…" : ""}${name}${after ? "…" : ""}`;
    if (name !== "" && text.length <= room) return { text, is: "name" };
  }
  return main ? { text: nameOf(block), is: "letter" } : { text: room > 0 ? "…" : "", is: "mark" };
}

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** Letters that stand for names. A name has the same one in every form of the struct. */
export class Tags {
  readonly #letters = new Map<string, string>();
  readonly #free: string[];

  constructor(figures: readonly Figure[]) {
    // A field that is called `A` by itself is not taken for a letter.
    const taken = new Set(
      figures.flatMap(({ panels }) => panels.flatMap(({ blocks }) => blocks.map(({ piece }) => piece.label))),
    );
    this.#free = [...LETTERS].filter((letter) => !taken.has(letter));
  }

  /** What is written into the box. */
  shown(labels: Labels, block: Block): string {
    if (labels.is !== "letter") return labels.text;
    const name = nameOf(block);
    const known = this.#letters.get(name);
    if (known !== undefined) return known;
    // Should the letters run out they begin anew: the key says of each in which order they came.
    const letter = this.#free[this.#letters.size % this.#free.length] as string;
    this.#letters.set(name, letter);
    return letter;
  }

  /** Which letter stands for what. */
  entries(): [letter: string, name: string][] {
    return [...this.#letters].map(([name, letter]) => [letter, name]);
  }

  /** The same as lines. */
  key(width: number): Line[] {
    const lines: [string, "name" | "plain"][][] = [];
    let used = width;
    for (const [letter, name] of this.entries()) {
      const length = name.length + 6;
      if (used + length > width) {
        lines.push([]);
        used = 0;
      }
      lines.at(-1)?.push([letter, "name"], [` = ${name}  `, "plain"]);
      used += length;
    }
    return lines;
  }
}
