/** The C preprocessor as far as declarations need it: macros without parameters, conditions, `#pragma pack`. */
import { type CInteger, constantExpression, integer } from "./_c_expression.ts";
import { called, type Token, tokensOf } from "./_c_lexer.ts";
import { CSyntaxError } from "./c_error.ts";

/** A token for the parser, with the pragmas that hold where it stands. */
export interface ParsedToken extends Token {
  /** `#pragma pack(n)`; 0 if none. */
  readonly pack: 0 | 1 | 2 | 4 | 8 | 16;
  /** `#pragma scalar_storage_order`. */
  readonly order: "big" | "little" | "native";
}

type Pragmas = Pick<ParsedToken, "pack" | "order">;

/** What macros may grow to: each can name another twice. */
const MOST_EXPANDED = 200_000;
const DEEPEST_MACRO = 50;
const DEEPEST_CONDITION = 100;

/** One `#if` and what became of it. */
interface Condition {
  /** Its branch is read now. */
  active: boolean;
  /** One branch was. */
  done: boolean;
  otherwise: boolean;
  readonly outer: boolean;
  readonly at: Token;
}

/**
 * Runs the preprocessor. `#include` and `#error` in branches that are read do nothing and fail; macros with parameters are
 * known, but not applied.
 * @param predefined macros that are there before, with their text
 * @throws {CSyntaxError} for a directive that is not understood
 */
export function preprocess(
  text: string,
  predefined: Readonly<Record<string, string>>,
  initial: Pragmas,
): ParsedToken[] {
  const out: ParsedToken[] = [];
  const macros = new Map<string, readonly Token[] | "parameters">();
  for (const [name, value] of Object.entries(predefined)) {
    macros.set(
      name,
      tokensOf(value).filter(({ kind }) => kind !== "newline" && kind !== "end"),
    );
  }
  const conditions: Condition[] = [];
  const packs: { readonly pack: Pragmas["pack"]; readonly name: string | undefined }[] = [];
  let { pack, order } = initial;
  let expanded = 0;

  const fail = (token: Token, reason: string): never => {
    throw new CSyntaxError(text, token.at, reason);
  };

  /** Replaces macros in one token; `within` are those that it stands in, which C does not expand again. */
  const expand = (
    token: Token,
    place: Token,
    within: readonly string[],
    into: (token: Token) => void,
  ): void => {
    const body = token.kind === "word" && !within.includes(token.text) ? macros.get(token.text) : undefined;
    if (body === undefined) {
      into(token === place ? token : { ...token, at: place.at });
      return;
    }
    if (body === "parameters") fail(place, `macros with parameters are not supported: ${token.text}`);
    if (within.length >= DEEPEST_MACRO) fail(place, `macros nest deeper than ${DEEPEST_MACRO} levels`);
    const inner = [...within, token.text];
    for (const one of body as readonly Token[]) {
      if (++expanded > MOST_EXPANDED) fail(place, `macros grow to more than ${MOST_EXPANDED} tokens`);
      expand(one, place, inner, into);
    }
  };
  const expandAll = (line: readonly Token[]): Token[] => {
    const all: Token[] = [];
    for (const token of line) expand(token, token, [], (one) => all.push(one));
    return all;
  };

  /** `#if` and `#elif`: names that are no macros count as 0. */
  const holds = (directive: Token, line: readonly Token[]): boolean => {
    const plain: Token[] = [];
    for (let i = 0; i < line.length; i++) {
      const token = line[i] as Token;
      if (token.text !== "defined") {
        expand(token, token, [], (one) => plain.push(one));
        continue;
      }
      const braced = line[i + 1]?.text === "(";
      const name = line[braced ? i + 2 : i + 1];
      if (name?.kind !== "word" || (braced && line[i + 3]?.text !== ")")) {
        fail(token, "expected a name after defined");
      }
      plain.push({ ...token, kind: "number", text: macros.has((name as Token).text) ? "1" : "0" });
      i += braced ? 3 : 1;
    }
    return evaluate(directive, plain).value !== 0n;
  };

  const evaluate = (directive: Token, line: readonly Token[]): CInteger => {
    let at = 0;
    const last = line.at(-1) ?? directive;
    const end: Token = { kind: "newline", text: "", at: last.at + last.text.length };
    const peek = (): Token => line[at] ?? end;
    const value = constantExpression({
      nesting: { depth: 0 },
      peek,
      next: () => line[at++] ?? end,
      fail,
      expected: (what) => fail(peek(), `expected ${what}, got ${called(peek())}`),
      special() {
        if (peek().kind !== "word") return undefined;
        at++;
        return integer(0n, 64);
      },
    });
    if (at < line.length) fail(peek(), `expected the end of the line, got ${called(peek())}`);
    return value;
  };

  const packValue = (token: Token | undefined): Pragmas["pack"] => {
    const value = Number(token?.kind === "number" ? token.text : Number.NaN);
    if (![0, 1, 2, 4, 8, 16].includes(value)) fail(token as Token, "expected 1, 2, 4, 8 or 16 as packing");
    return value as Pragmas["pack"];
  };

  const pragmaPack = (name: Token, line: readonly Token[]): void => {
    const words = line.filter((token) => token.text !== ",");
    if (words[0]?.text !== "(" || words.at(-1)?.text !== ")") fail(name, 'expected "(…)" after #pragma pack');
    const [first, ...rest] = expandAll(words.slice(1, -1));
    if (first === undefined) pack = initial.pack;
    else if (first.text === "push") {
      const label = rest[0]?.kind === "word" ? rest.shift()?.text : undefined;
      packs.push({ pack, name: label });
      if (rest[0]) pack = packValue(rest[0]);
    } else if (first.text === "pop") {
      const label = rest[0]?.kind === "word" ? rest[0].text : undefined;
      const at = label === undefined ? packs.length - 1 : packs.findLastIndex((one) => one.name === label);
      const popped = packs[at];
      if (!popped) fail(name, "#pragma pack(pop) without a push before it");
      pack = (popped as { pack: Pragmas["pack"] }).pack;
      packs.length = at;
    } else pack = packValue(first) || initial.pack;
  };

  const pragma = (line: readonly Token[]): void => {
    const [name, ...rest] = line;
    if (name?.text === "pack") pragmaPack(name, rest);
    else if (name?.text === "scalar_storage_order") {
      const word = rest.map((token) => token.text).join("");
      if (word === "default") order = initial.order;
      else if (word === "big-endian" || word === "little-endian")
        order = word === "big-endian" ? "big" : "little";
      else fail(name, "expected big-endian, little-endian or default after scalar_storage_order");
    }
  };

  const define = (directive: Token, line: readonly Token[]): void => {
    const [name, ...body] = line;
    if (name?.kind !== "word") fail(name ?? directive, "expected a name after #define");
    const word = name as Token;
    // Parameters follow the name without a space.
    const parameters = body[0]?.text === "(" && body[0].at === word.at + word.text.length;
    macros.set(word.text, parameters ? "parameters" : body);
  };

  const conditional = (directive: Token, line: readonly Token[], active: boolean): boolean => {
    const word = directive.text;
    if (word === "if" || word === "ifdef" || word === "ifndef") {
      if (conditions.length >= DEEPEST_CONDITION)
        fail(directive, `#if nests deeper than ${DEEPEST_CONDITION} levels`);
      const named = macros.has(line[0]?.text ?? "");
      const yes = active && (word === "if" ? holds(directive, line) : named === (word === "ifdef"));
      conditions.push({ active: yes, done: yes, otherwise: false, outer: active, at: directive });
      return true;
    }
    if (word !== "elif" && word !== "else" && word !== "endif") return false;
    const innermost = conditions.at(-1);
    if (!innermost) return fail(directive, `#${word} without #if`);
    if (word === "endif") conditions.pop();
    else {
      if (innermost.otherwise) fail(directive, `#${word} after #else`);
      innermost.otherwise = word === "else";
      innermost.active = innermost.outer && !innermost.done && (word === "else" || holds(directive, line));
      innermost.done ||= innermost.active;
    }
    return true;
  };

  const directiveLine = (line: readonly Token[], active: boolean): void => {
    const [directive, ...rest] = line;
    if (!directive || conditional(directive, rest, active) || !active) return;
    const word = directive.text;
    if (word === "define") define(directive, rest);
    else if (word === "undef") macros.delete(rest[0]?.text ?? "");
    else if (word === "pragma") pragma(rest);
    else if (word === "error") fail(directive, "#error is reached");
    else if (
      !["include", "include_next", "warning", "line", "ident"].includes(word) &&
      directive.kind === "word"
    ) {
      fail(directive, `expected a directive such as #define, #if or #pragma, got #${word.slice(0, 40)}`);
    }
  };

  const tokens = tokensOf(text);
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at] as Token;
    const active = conditions.at(-1)?.active ?? true;
    const before = tokens[at - 1];
    if (token.text === "#" && token.kind === "sign" && (!before || before.kind === "newline")) {
      const start = at + 1;
      while (tokens[at]?.kind !== "newline") at++;
      directiveLine(tokens.slice(start, at), active);
    } else if (token.kind !== "newline" && (active || token.kind === "end")) {
      expand(token, token, [], (one) => out.push({ ...one, pack, order }));
    }
  }
  const open = conditions.at(-1);
  if (open) fail(open.at, "expected #endif, got the end of the text");
  return out;
}
