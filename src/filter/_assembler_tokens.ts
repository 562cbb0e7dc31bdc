/** Cuts the text of a program into words, numbers and signs. */
import { FilterError, quote } from "./filter_error.ts";

/** Far more than 4096 instructions with comments need. */
const MAX_TEXT = 1 << 20;

export interface AssemblerToken {
  readonly kind: "word" | "number" | "sign" | "end";
  /** In lower case: the language knows no other. */
  readonly text: string;
  readonly written: string;
  readonly position: number;
  readonly length: number;
  /** Of a number: unsigned, 32 bits; NaN where it does not fit. */
  readonly value: number;
}

const BLANK = /\s+|;[^\n]*|\/\*[\s\S]*?\*\//y;
/** A line that begins with "#" and goes on with what is no operand. */
const COMMENT_LINE = /#[^\n]*/y;
const WORD = /[A-Za-z_][A-Za-z0-9_]*/y;
const NUMBER = /[-+]?(?:0[xX][0-9A-Fa-f]+|0[bB][01]+|[0-9]+)/y;
const SIGN = /[:,[\]()+\-*&#%]/y;

/** @throws {FilterError} */
export function tokenizeAssembly(text: string): AssemblerToken[] {
  if (text.length > MAX_TEXT)
    throw new FilterError(`the program has ${text.length} characters, more than ${MAX_TEXT}`);
  const tokens: AssemblerToken[] = [];
  let at = 0;
  const match = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0] ?? "";
  };
  for (;;) {
    const blank = match(BLANK).length;
    at += blank;
    if (blank > 0) continue;
    if ((at === 0 || text[at - 1] === "\n") && text[at] === "#") {
      at += match(COMMENT_LINE).length;
      continue;
    }
    if (at >= text.length) break;
    const token = readToken(text, at, match);
    tokens.push(token);
    at += token.length;
  }
  tokens.push({ kind: "end", text: "", written: "the end", position: text.length, length: 1, value: 0 });
  return tokens;
}

function readToken(text: string, position: number, match: (pattern: RegExp) => string): AssemblerToken {
  for (const [kind, pattern] of [
    ["word", WORD],
    ["number", NUMBER],
    ["sign", SIGN],
  ] as const) {
    const written = match(pattern);
    if (written === "") continue;
    const value = kind === "number" ? numberValue(written) : 0;
    return { kind, text: written.toLowerCase(), written, position, length: written.length, value };
  }
  const sign = String.fromCodePoint(text.codePointAt(position) as number);
  throw new FilterError(`${quote(sign)} means nothing here`, { input: text, position, length: sign.length });
}

/** Hexadecimal after 0x, binary after 0b, octal after 0; what is below zero as its two's complement. */
function numberValue(written: string): number {
  const digits = written.replace(/^[-+]/, "");
  const octal = /^0[0-9]/.test(digits);
  if (octal && /[89]/.test(digits)) return Number.NaN;
  const size = octal ? Number.parseInt(digits, 8) : Number(digits);
  if (written.startsWith("-")) return size <= 0x8000_0000 ? -size >>> 0 : Number.NaN;
  return size <= 0xffff_ffff ? size : Number.NaN;
}
