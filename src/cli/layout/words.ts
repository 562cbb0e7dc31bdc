/** What is said below the figures of a struct: its size, what packing saves and costs, and how to read the drawing. */
import type { Figure } from "./model.ts";

export type ByteOrder = "little" | "big";

/** The bytes of the values that were given, by byte order; none where none were given. */
export type BytesOf = { readonly [Order in ByteOrder]?: Uint8Array };

export const plural = (count: number, one: string): string => `${count} ${one}${count === 1 ? "" : "s"}`;

/** The lines below one figure. */
export function summaryOf(figure: Figure): string[] {
  const { size, align, paddingBytes, unusedBits } = figure;
  const padding = paddingBytes === 0 ? "no padding" : `${plural(paddingBytes, "byte")} of padding`;
  const unused = unusedBits === 0 ? "" : `, ${plural(unusedBits, "bit")} unused`;
  return [`${plural(size, "byte")}, aligned to ${align}`, `${padding}${unused}`];
}

/** How the drawing is to be read. */
export function legendOf(
  drawn: readonly { readonly figure: Figure; readonly bytes: BytesOf }[],
  orders: readonly ByteOrder[],
): string[] {
  const panels = drawn.flatMap(({ figure }) => figure.panels);
  const [little, big] = [orders.includes("little"), orders.includes("big")];
  const lines: string[] = [];
  if (panels.some(({ blocks }) => blocks.some(({ piece }) => piece.kind === "padding"))) {
    lines.push("Shaded: padding, of no field.");
  }
  if (panels.some((panel) => panel.lines.some((line) => line.kind === "gap"))) {
    lines.push("⋮ stands for bytes that are not drawn.");
  }
  if (drawn.some(({ bytes }) => bytes.little ?? bytes.big)) {
    if (little) lines.push("LE: the bytes on little-endian machines, such as x86-64 and arm64.");
    if (big) lines.push("BE: the bytes on big-endian machines, as in network byte order.");
  }
  const fields = panels.flatMap(({ blocks }) =>
    blocks.filter(({ piece }) => piece.kind === "field" && piece.bits),
  );
  const turned = fields.filter(({ piece }) => piece.highestFirst).length;
  if (fields.length > turned) {
    const low = "the low bit (0x01) on little-endian machines";
    const high = "the high bit (0x80) on big-endian machines";
    const which = little && big ? `${low}, ${high}` : little ? low : high;
    lines.push(`Bit 0 stands at the left of its byte: it is ${which}.`);
  }
  if (turned > 0) {
    lines.push("Of a struct that is big-endian on every machine, bit 0 is the high bit (0x80).");
  }
  for (const { label, at } of drawn[0]?.figure.empty ?? []) lines.push(`${label} takes no room, at ${at}.`);
  return lines;
}

/** Breaks a line between words. */
export function wrapped(words: string, room: number): string[] {
  const lines: string[] = [];
  for (const word of words.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= room)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** Where everything is, to be compared. */
function placesOf({ panels }: Figure): string {
  return panels.flatMap(({ blocks }) => blocks.map(({ piece }) => `${piece.label} ${piece.from}`)).join();
}

/** How many fields are named that lose their alignment. */
const NAMED = 3;

/** What the second form saves and costs, compared with the first. */
export function costOf(figures: readonly Figure[]): string[] {
  const [natural, packed] = figures;
  if (!natural || !packed) return [];
  const form = `${packed.form[0]?.toUpperCase()}${packed.form.slice(1)}`;
  const saved = natural.size - packed.size;
  if (saved === 0 && natural.align === packed.align && placesOf(natural) === placesOf(packed)) {
    return [`${form}: the same.`];
  }
  const share = Math.round((saved / natural.size) * 100);
  const gain =
    saved === 0
      ? `${form} saves no bytes.`
      : `${form} saves ${plural(saved, "byte")} of ${natural.size} (${share} %).`;
  const before = new Set(natural.unaligned.map(({ label }) => label));
  const lost = packed.unaligned.filter(({ label }) => !before.has(label));
  if (lost.length === 0) {
    const { align } = packed;
    return align === natural.align
      ? [gain]
      : [gain, `It costs alignment: that of the whole, ${natural.align}, is ${align}.`];
  }
  const named = lost
    .slice(0, NAMED)
    .map(({ label, at, align }, i) =>
      i === 0 ? `${label} (aligned to ${align}) is at ${at}` : `${label} (${align}) at ${at}`,
    );
  const more = lost.length > NAMED ? ` and ${lost.length - NAMED} more` : "";
  return [gain, `It costs alignment: ${named.join(", ")}${more}.`];
}
