/** Cuts a filter expression into words, numbers, addresses and signs, the longest piece first, as libpcap's scanner does. */

import { KEYWORDS, NUMBER_WORDS, UNSUPPORTED_WORDS } from "./_words.ts";
import { FilterError, quote } from "./filter_error.ts";

/** The longest expression that is read: far more than a program of 4096 instructions can hold. */
export const MAX_TEXT = 65_536;

export type TokenKind = "word" | "sign" | "number" | "name" | "ipv4" | "ipv6" | "mac" | "end";

export interface Token {
  readonly kind: TokenKind;
  /** As it is compared: signs of one meaning have one text, names are without their backslash. */
  readonly text: string;
  readonly position: number;
  readonly length: number;
  /** Of a number. */
  readonly value: number;
}

const SIGNS: Readonly<Record<string, string>> = { "==": "=", "&&": "and", "||": "or" };
/** Words that are signs. */
const SIGN_WORDS: Readonly<Record<string, string>> = { and: "and", or: "or", not: "!" };

const HEX = "[0-9A-Fa-f]";
const BYTE = `${HEX}{1,2}`;
const NUMBER = "(?:0[xX][0-9A-Fa-f]+|[0-9]+)";
const sticky = (pattern: string): RegExp => new RegExp(pattern, "y");

const SIGN = /<<|>>|<=|>=|!=|==|&&|\|\||[-+*/%:[\]!<>()&|^=]/y;
const MACS = [
  ...[":", "-", "\\."].map((sign) => sticky(`${BYTE}(?:${sign}${BYTE}){5}`)),
  sticky(`${HEX}{4}(?:\\.${HEX}{4}){2}`),
  sticky(`${HEX}{12}`),
];
const NUMERAL = sticky(NUMBER);
const DOTTED = sticky(`${NUMBER}(?:\\.${NUMBER}){1,3}`);
/** Longer than any address. */
const IPV6 = /[0-9A-Fa-f]{0,4}:[0-9A-Fa-fxX.:]{0,60}/y;
const NAME = /[A-Za-z0-9](?:[-_.A-Za-z0-9]*[.A-Za-z0-9])?/y;
const COLONS = sticky(`${BYTE}:+(?:${BYTE}:+)+${HEX}*`);
const ESCAPED = /\\[^ !()\n\t]+/y;

/**
 * @returns the tokens; the last one is the end
 * @throws {FilterError}
 */
export function tokenize(text: string): Token[] {
  if (text.length > MAX_TEXT) {
    throw new FilterError(`the expression has ${text.length} characters, more than ${MAX_TEXT}`);
  }
  const tokens: Token[] = [];
  for (let at = 0; at < text.length; ) {
    if (/[ \r\n\t]/.test(text[at] as string)) {
      at++;
      continue;
    }
    const token = readToken(text, at);
    tokens.push(token);
    at += token.length;
  }
  tokens.push({ kind: "end", text: "the end", position: text.length, length: 1, value: 0 });
  return tokens;
}

function readToken(text: string, at: number): Token {
  const length = (pattern: RegExp): number => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0].length ?? 0;
  };
  const make = (kind: TokenKind, size: number, shown: string, value = 0): Token => {
    return { kind, text: shown, position: at, length: size, value };
  };
  const fail = (message: string, size: number, expected?: string): never => {
    throw new FilterError(message, {
      input: text,
      position: at,
      length: size,
      ...(expected && { expected }),
    });
  };

  const sizes = {
    sign: length(SIGN),
    mac: Math.max(...MACS.map(length)),
    number: length(NUMERAL),
    ipv4: length(DOTTED),
    ipv6: ipv6Length(text, at),
    name: length(NAME),
  };
  const longest = Math.max(...Object.values(sizes));
  const piece = text.slice(at, at + longest);
  if (length(COLONS) > longest) {
    const size = length(COLONS);
    return fail(`${quote(text.slice(at, at + size))} is neither a MAC address nor an IPv6 address`, size);
  }
  if (longest === 0) {
    const escaped = length(ESCAPED);
    if (escaped > 0) return make("name", escaped, text.slice(at + 1, at + escaped));
    const sign = String.fromCodePoint(text.codePointAt(at) as number);
    return fail(`${quote(sign)} means nothing here`, sign.length);
  }
  // Where two kinds are equally long, the order of these lines decides.
  if (sizes.name === longest && KEYWORDS.has(piece)) {
    const reason = UNSUPPORTED_WORDS.get(piece);
    if (reason !== undefined) fail(`${quote(piece)} is not supported (${reason})`, longest);
    const sign = SIGN_WORDS[piece];
    return sign ? make("sign", longest, sign) : make("word", longest, piece === "length" ? "len" : piece);
  }
  if (sizes.sign === longest) return make("sign", longest, SIGNS[piece] ?? piece);
  if (sizes.mac === longest) return make("mac", longest, piece);
  if (sizes.number === longest) {
    const value = numberValue(piece);
    if (typeof value === "string") return fail(`${quote(piece)} ${value}`, longest);
    return make("number", longest, piece, value);
  }
  if (sizes.ipv4 === longest) return make("ipv4", longest, piece);
  if (sizes.ipv6 === longest) return make("ipv6", longest, piece);
  const value = NUMBER_WORDS.get(piece);
  return value === undefined ? make("name", longest, piece) : make("number", longest, piece, value);
}

/** As C reads it: hexadecimal after 0x, octal after 0. */
function numberValue(text: string): number | string {
  const hex = /^0[xX]/.test(text);
  const octal = !hex && text.length > 1 && text.startsWith("0");
  if (octal && /[89]/.test(text)) return "begins with 0, so it is octal, and has a digit that is not";
  const digits = octal ? text.replace(/^0+(?=.)/, "") : text;
  if (digits.length > 40) return "does not fit into 32 bits";
  const value = octal ? Number.parseInt(digits, 8) : Number(digits);
  return value > 0xffff_ffff ? "does not fit into 32 bits" : value;
}

/** The length of the longest text at `at` that has the form of an IPv6 address. */
function ipv6Length(text: string, at: number): number {
  IPV6.lastIndex = at;
  const run = (IPV6.exec(text)?.[0] ?? "").replace(/(?<=::):.*/, "");
  for (let size = run.length; size >= 2; size--) {
    if (hasIpv6Form(run.slice(0, size))) return size;
  }
  return 0;
}

const DOTTED_QUAD = new RegExp(`^${NUMBER}(?:\\.${NUMBER}){3}$`);
const GROUP = new RegExp(`^${HEX}{1,4}$`);

function hasIpv6Form(text: string): boolean {
  const halves = text.split("::");
  if (halves.length > 2) return false;
  const groups = halves.map((half) => (half === "" ? [] : half.split(":")));
  const tail = groups.at(-1) as string[];
  let count = groups.reduce((sum, half) => sum + half.length, 0);
  if (tail.length > 0 && DOTTED_QUAD.test(tail.at(-1) as string)) {
    tail.pop();
    count++;
  }
  if (!groups.flat().every((group) => GROUP.test(group))) return false;
  return halves.length === 2 ? count <= 7 : count === 8;
}
