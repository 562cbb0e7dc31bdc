/** How the network's tables look as text: the colours of ip(8), and characters that a terminal must not see. */
import type { ShowOptions } from "./netlink_options.ts";

/** What has a colour. */
export type Colour = "ifname" | "mac" | "inet" | "inet6" | "up" | "down";

/** The SGR codes of ip(8): these, and on a dark background the bold ones. */
const SGR: Readonly<Record<Colour, number>> = { ifname: 36, mac: 33, inet: 35, inet6: 34, up: 32, down: 31 };

export interface Style {
  paint(colour: Colour | undefined, text: string): string;
  readonly details: boolean;
  readonly stats: number;
}

export function styleOf(options: ShowOptions): Style {
  const coloured = wantsColour(options.color);
  const bold = onDark(process.env.COLORFGBG) ? "1;" : "";
  return {
    paint: (colour, text) =>
      coloured && colour !== undefined && text !== "" ? `\x1b[${bold}${SGR[colour]}m${text}\x1b[0m` : text,
    details: options.details === true,
    stats: options.stats ?? 0,
  };
}

/** @see https://no-color.org */
function wantsColour(color: ShowOptions["color"]): boolean {
  if (color === undefined || color === "never") return false;
  if (color === "auto") {
    return process.stdout.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== "dumb";
  }
  return true;
}

/** What terminals say of their colours: `foreground;background`; 0 to 6 and 8 are dark. */
function onDark(colours: string | undefined): boolean {
  const background = colours?.split(";").at(-1);
  return background !== undefined && /^[0-68]$/.test(background);
}

/** Text that is one line and moves no cursor: control characters, and those that turn the direction, are escaped. */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, (char) => {
    const code = char.charCodeAt(0);
    return code < 0x100
      ? `\\x${code.toString(16).padStart(2, "0")}`
      : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

/** A value with all its texts made {@link visible}. */
export function visibleIn<T>(value: T): T {
  if (typeof value === "string") return visible(value) as T;
  if (Array.isArray(value)) return value.map(visibleIn) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, it]) => [name, visibleIn(it)])) as T;
}

/** Words with one space between them; those that are not there are left out. */
export function line(...words: readonly (string | undefined)[]): string {
  return words.filter((word) => word !== undefined && word !== "").join(" ");
}
