/** The part of the parser that walks along the tokens and reads arithmetic on the packet's bytes. */
import type { Arithmetic, Operator, Relation } from "./_syntax.ts";
import type { Token } from "./_tokens.ts";
import { PROTOCOL_WORDS, SUGGESTED_WORDS } from "./_words.ts";
import { FilterError, nearest, quote } from "./filter_error.ts";

/** How deep parentheses, `not` and operators may be nested: more than people write, less than a stack holds. */
const MAX_DEPTH = 200;

/**
 * How strongly operators bind. libpcap's grammar gives `%` and `^` no precedence at all: what follows them, and what
 * they follow, is read first, so that `a % b + c` is `a % (b + c)` and `a * b % c` is `a * (b % c)`.
 */
const PRECEDENCE: Readonly<Record<Operator, number | undefined>> = {
  "|": 1,
  "&": 2,
  "<<": 3,
  ">>": 3,
  "+": 4,
  "-": 4,
  "*": 5,
  "/": 5,
  "%": undefined,
  "^": undefined,
};
const UNARY = 6;
/** Outside any operator. */
const OUTERMOST = 0;

const RELATIONS: ReadonlySet<string> = new Set<Relation>([">", ">=", "=", "<=", "<", "!="]);

/** What an error may say besides its message. */
interface FailOptions {
  readonly expected?: string;
  /** Whether the token may be a keyword that is misspelt. */
  readonly suggest?: boolean;
}

export class ArithmeticParser {
  readonly text: string;
  private readonly tokens: readonly Token[];
  private index = 0;
  private depth = 0;

  constructor(text: string, tokens: readonly Token[]) {
    this.text = text;
    this.tokens = tokens;
  }

  protected get token(): Token {
    return this.tokens[this.index] as Token;
  }

  /** @returns the token that was the current one */
  protected next(): Token {
    const { token } = this;
    if (token.kind !== "end") this.index++;
    return token;
  }

  protected isSign(text: string): boolean {
    return this.token.kind === "sign" && this.token.text === text;
  }

  protected nextIsSign(text: string): boolean {
    const token = this.tokens[this.index + 1];
    return token !== undefined && token.kind === "sign" && token.text === text;
  }

  protected takeSign(text: string): boolean {
    if (!this.isSign(text)) return false;
    this.next();
    return true;
  }

  protected takeWord(text: string): boolean {
    if (this.token.kind !== "word" || this.token.text !== text) return false;
    this.next();
    return true;
  }

  protected quoted({ kind, text, position, length }: Token): string {
    return kind === "end" ? text : quote(this.text.slice(position, position + length));
  }

  protected fail(message: string, token: Token, { expected, suggest }: FailOptions = {}): never {
    const meant = suggest && token.kind === "name" ? nearest(token.text, SUGGESTED_WORDS) : undefined;
    throw new FilterError(message, {
      input: this.text,
      position: token.position,
      length: token.length,
      ...(expected && { expected }),
      ...(meant && { suggestion: meant }),
    });
  }

  protected unexpected(expected: string): never {
    const { token } = this;
    const message =
      token.kind === "end" ? "the expression ends too early" : `${this.quoted(token)} does not belong here`;
    return this.fail(message, token, { expected, suggest: true });
  }

  /** @throws {FilterError} where it goes too deep */
  protected nested<T>(token: Token, read: () => T): T {
    if (this.depth >= MAX_DEPTH) this.fail(`more than ${MAX_DEPTH} levels within each other`, token);
    this.depth++;
    const result = read();
    this.depth--;
    return result;
  }

  protected number(what: string): number {
    return this.token.kind === "number" ? this.next().value : this.unexpected(what);
  }

  /** A number, in parentheses or not, if one follows. */
  protected optionalNumber(): number | undefined {
    const { index, token } = this;
    if (token.kind === "number") return this.next().value;
    if (!this.takeSign("(")) return undefined;
    const value = this.nested(token, () => this.optionalNumber());
    if (value !== undefined && this.takeSign(")")) return value;
    this.index = index;
    return undefined;
  }

  protected relation(): Relation | undefined {
    const { kind, text } = this.token;
    if (kind !== "sign" || !RELATIONS.has(text)) return undefined;
    this.next();
    return text as Relation;
  }

  protected arithmetic(): Arithmetic {
    return this.arithmeticFrom(this.primary());
  }

  /** The operators after `left`, as long as they bind more strongly than the one before it. */
  protected arithmeticFrom(start: Arithmetic, outer: number | undefined = OUTERMOST): Arithmetic {
    let left = start;
    for (let count = 0; ; count++) {
      const { token } = this;
      if (token.kind !== "sign" || !(token.text in PRECEDENCE)) return left;
      const operator = token.text as Operator;
      const precedence = PRECEDENCE[operator];
      if (outer !== undefined && precedence !== undefined && precedence <= outer) return left;
      if (count >= MAX_DEPTH) this.fail(`more than ${MAX_DEPTH} operators in a row`, token);
      this.next();
      const right = this.nested(token, () => this.arithmeticFrom(this.primary(), precedence));
      left = { type: "binary", operator, left, right, token };
    }
  }

  protected primary(): Arithmetic {
    const { token } = this;
    if (token.kind === "number") return { type: "number", value: this.next().value, token };
    if (this.takeWord("len")) return { type: "length", token };
    if (this.takeSign("-")) {
      return {
        type: "negate",
        of: this.nested(token, () => this.arithmeticFrom(this.primary(), UNARY)),
        token,
      };
    }
    if (this.takeSign("(")) {
      const inner = this.nested(token, () => this.arithmetic());
      if (!this.takeSign(")")) this.unexpected('")" or an operator');
      return inner;
    }
    const protocol = token.kind === "word" ? PROTOCOL_WORDS.get(token.text) : undefined;
    if (protocol === undefined) return this.unexpected("a number, len, or bytes such as ip[8]");
    this.next();
    if (!this.takeSign("[")) this.unexpected('"["');
    const offset = this.nested(token, () => this.arithmetic());
    const size = this.takeSign(":") ? this.number("1, 2 or 4 bytes") : 1;
    if (!this.takeSign("]")) this.unexpected('"]", ":" or an operator');
    return { type: "load", protocol, offset, size, token };
  }
}
