/** A buffer of the picture: a bar of parts that fills from the right, as data leaves there first, and what its parts are. */
import { make, setAttribute, setData, setText } from "./dom.ts";
import { bytesText } from "./format.ts";

export interface Part {
  /** As in `data-…`, and of the style. */
  readonly name: string;
  readonly label: string;
}

export interface BarLook {
  readonly title: string;
  /** From the left to the right. */
  readonly parts: readonly Part[];
  /** Something that is drawn within the bar, left of the parts from `before` on. */
  readonly bracket?: { readonly name: string; readonly label: string; readonly before: string } | undefined;
}

/** Below this share a part that is not nothing would not be seen. */
const LEAST_SHARE = 0.006;

export class Bar {
  readonly #look: BarLook;
  readonly #root: HTMLElement;
  readonly #total = make("span", { class: "total" });
  readonly #track = make("div", { class: "bar-track", role: "img" });
  readonly #missing = make("p", { class: "missing quiet" });
  readonly #parts = new Map<string, { readonly piece: HTMLElement; readonly value: HTMLElement }>();
  #bracket: HTMLElement | undefined;
  #bracketValue: HTMLElement | undefined;

  constructor(root: HTMLElement, look: BarLook) {
    this.#root = root;
    this.#look = look;
    const legend = make("ul", { class: "legend" });
    const items: HTMLElement[] = [];
    const item = (name: string, label: string): HTMLElement => {
      const value = make("b");
      items.push(make("li", {}, make("i", { class: `swatch ${name}` }), `${label} `, value));
      return value;
    };
    // The data first, room last.
    for (const { name, label } of [...look.parts].reverse()) {
      const piece = make("div", { class: `part ${name}` });
      this.#track.prepend(piece);
      this.#parts.set(name, { piece, value: item(name, label) });
    }
    if (look.bracket !== undefined) {
      const { name, label } = look.bracket;
      this.#bracket = make("div", { class: `bracket ${name}` });
      this.#track.append(this.#bracket);
      this.#bracketValue = item(name, label);
    }
    legend.append(...items);
    root.append(
      make("p", { class: "name" }, `${look.title} `, this.#total),
      this.#track,
      legend,
      this.#missing,
    );
  }

  /** @param values bytes of the parts, and of the bracket, by name */
  draw(values: Readonly<Record<string, number>> | undefined, totalBytes: number, missing: string): void {
    setAttribute(this.#root, "data-known", values !== undefined);
    setText(this.#missing, values === undefined ? missing : "");
    if (values === undefined) {
      this.#clear();
      return;
    }
    setText(this.#total, bytesText(totalBytes));
    setData(this.#track, { totalBytes });
    const said: string[] = [];
    let right = 0;
    let bracketFrom = 0;
    for (const { name, label } of [...this.#look.parts].reverse()) {
      const bytes = values[name] ?? 0;
      const share = totalBytes === 0 ? 0 : bytes / totalBytes;
      const part = this.#parts.get(name);
      if (part === undefined) continue;
      const width = bytes > 0 ? Math.max(LEAST_SHARE, share) : 0;
      part.piece.style.right = `${right * 100}%`;
      part.piece.style.width = `${Math.min(width, 1 - right) * 100}%`;
      right = Math.min(1, right + share);
      if (name === this.#look.bracket?.before) bracketFrom = right;
      setData(part.piece, { bytes });
      setText(part.value, bytesText(bytes));
      said.unshift(`${label} ${bytesText(bytes)}`);
    }
    this.#drawBracket(values, totalBytes, bracketFrom, said);
    setAttribute(
      this.#track,
      "aria-label",
      `${this.#look.title}, ${bytesText(totalBytes)}: ${said.join(", ")}`,
    );
  }

  /** What was known a moment ago is not shown for what is. */
  #clear(): void {
    setText(this.#total, "");
    setData(this.#track, { totalBytes: undefined });
    setAttribute(this.#track, "aria-label", `${this.#look.title}: not known`);
    const pieces = [...this.#parts.values()];
    if (this.#bracket !== undefined && this.#bracketValue !== undefined)
      pieces.push({ piece: this.#bracket, value: this.#bracketValue });
    for (const { piece, value } of pieces) {
      piece.style.width = "0";
      setData(piece, { bytes: undefined });
      setText(value, "–");
    }
  }

  #drawBracket(
    values: Readonly<Record<string, number>>,
    totalBytes: number,
    from: number,
    said: string[],
  ): void {
    const { bracket } = this.#look;
    if (bracket === undefined || this.#bracket === undefined || this.#bracketValue === undefined) return;
    const bytes = values[bracket.name] ?? 0;
    const share = totalBytes === 0 ? 0 : bytes / totalBytes;
    this.#bracket.style.right = `${from * 100}%`;
    this.#bracket.style.width = `${Math.min(share, 1 - from) * 100}%`;
    setAttribute(this.#bracket, "data-empty", bytes === 0);
    setData(this.#bracket, { bytes });
    setText(this.#bracketValue, bytesText(bytes));
    said.push(`${bracket.label} ${bytesText(bytes)}`);
  }
}
