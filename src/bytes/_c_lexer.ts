/** C text as tokens: words, numbers, strings and signs, each with its place. Comments and spaces are gone. */
import { CSyntaxError } from "./c_error.ts";

/** One token; `newline` only separates the lines of the preprocessor. */
export interface Token {
  readonly kind: "word" | "number" | "string" | "char" | "sign" | "newline" | "end";
  readonly text: string;
  /** Where in the text it begins; of what a macro became, where the macro stands. */
  readonly at: number;
}

const LONG_SIGNS = new Set([
  "<<=",
  ">>=",
  "...",
  "<<",
  ">>",
  "<=",
  ">=",
  "==",
  "!=",
  "&&",
  "||",
  "->",
  "++",
  "--",
  "##",
]);
const SHORT_SIGNS = new Set("{}[]();,:*=+-/%&|^~!<>?.#");

const isSpace = (code: number): boolean =>
  code === 32 || code === 9 || code === 13 || code === 11 || code === 12;
const isDigit = (code: number): boolean => code >= 48 && code <= 57;
const isWord = (code: number): boolean =>
  (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95 || isDigit(code);

const NEWLINE = 10;
const BACKSLASH = 92;

/** A token as an error calls it. */
export function called(token: Token): string {
  if (token.kind === "end") return "the end of the text";
  if (token.kind === "newline") return "the end of the line";
  return JSON.stringify(token.text.length > 40 ? `${token.text.slice(0, 40)}…` : token.text);
}

/**
 * Splits C text into tokens, in time that grows with its length.
 * @throws {CSyntaxError} for a comment or string that does not end, and for signs that C does not have
 */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const push = (kind: Token["kind"], end: number): void => {
    tokens.push({ kind, text: text.slice(at, end), at });
    at = end;
  };
  while (at < text.length) {
    const code = text.charCodeAt(at);
    const next = text.charCodeAt(at + 1);
    if (code === NEWLINE) push("newline", at + 1);
    else if (isSpace(code)) at++;
    else if (code === BACKSLASH && next === NEWLINE) at += 2;
    else if (code === BACKSLASH && next === 13 && text.charCodeAt(at + 2) === NEWLINE) at += 3;
    else if (text.startsWith("//", at)) at = lineEnd(text, at);
    else if (text.startsWith("/*", at)) {
      const end = text.indexOf("*/", at + 2);
      if (end < 0)
        throw new CSyntaxError(text, at, "expected */ after this comment, got the end of the text");
      at = end + 2;
    } else if (isDigit(code) || (code === 46 && isDigit(next))) push("number", numberEnd(text, at));
    else if (isWord(code)) push("word", wordEnd(text, at));
    else if (code === 34) push("string", quoteEnd(text, at, code));
    else if (code === 39) push("char", quoteEnd(text, at, code));
    else {
      const long = [3, 2].map((one) => text.slice(at, at + one)).find((one) => LONG_SIGNS.has(one));
      const length = long?.length ?? 1;
      if (length === 1 && !SHORT_SIGNS.has(text[at] as string)) {
        const shown = String.fromCodePoint(text.codePointAt(at) ?? 0);
        throw new CSyntaxError(text, at, `expected a C token, got ${JSON.stringify(shown)}`);
      }
      push("sign", at + length);
    }
  }
  tokens.push({ kind: "newline", text: "", at }, { kind: "end", text: "", at });
  return tokens;
}

function lineEnd(text: string, from: number): number {
  let end = text.indexOf("\n", from);
  // A backslash at the end of the line continues the comment.
  while (end > 0 && text.charCodeAt(text[end - 1] === "\r" ? end - 2 : end - 1) === BACKSLASH) {
    end = text.indexOf("\n", end + 1);
  }
  return end < 0 ? text.length : end;
}

function wordEnd(text: string, from: number): number {
  let end = from;
  while (isWord(text.charCodeAt(end))) end++;
  return end;
}

/** C's "preprocessing number": what looks like one up to its end, `0x1Fu` and `1.5e+3` too. */
function numberEnd(text: string, from: number): number {
  let end = from;
  for (;;) {
    const code = text.charCodeAt(end);
    if (
      /[eEpP]/.test(text[end] ?? "") &&
      /[+-]/.test(text[end + 1] ?? "") &&
      !/^0[xX]/.test(text.slice(from, from + 2))
    )
      end += 2;
    else if (isWord(code) || code === 46) end++;
    else return end;
  }
}

function quoteEnd(text: string, from: number, quote: number): number {
  for (let at = from + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) return at + 1;
    if (code === NEWLINE) break;
    if (code === BACKSLASH) at++;
  }
  const sign = String.fromCharCode(quote);
  throw new CSyntaxError(
    text,
    from,
    `expected ${sign} at the end of this ${quote === 34 ? "string" : "character"}`,
  );
}
