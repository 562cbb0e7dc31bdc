/** C's integer constant expressions, computed as C does on LP64: 32 and 64 bits, signed and unsigned. */
import type { Token } from "./_c_lexer.ts";

/** An integer and its C type: int, unsigned, long or unsigned long. */
export interface CInteger {
  readonly value: bigint;
  readonly bits: 32 | 64;
  readonly unsigned: boolean;
}

/** Where the tokens come from, and what stands behind words. */
export interface ExpressionSource {
  /** How deeply expressions nest now, those within the types of others too. */
  readonly nesting: { depth: number };
  peek(ahead?: number): Token;
  next(): Token;
  /** @throws {CSyntaxError} always */
  fail(token: Token, reason: string): never;
  /** @throws {CSyntaxError} always: `expected WHAT, got TOKEN` */
  expected(what: string): never;
  /**
   * The value of what begins with a word, or of `(type) …`; undefined if that does not come next. It takes the tokens that
   * it needs.
   * @param unary reads an operand
   */
  special(unary: () => CInteger): CInteger | undefined;
}

const DEEPEST = 100;

/** Brings a value into the range of its type, as C's conversions do. */
export function integer(value: bigint, bits: 32 | 64 = 32, unsigned = false): CInteger {
  return { value: unsigned ? BigInt.asUintN(bits, value) : BigInt.asIntN(bits, value), bits, unsigned };
}

const truth = (value: boolean): CInteger => integer(value ? 1n : 0n);

/** From loosest to tightest, `?:` apart. */
const LEVELS: readonly (readonly string[])[] = [
  ["||"],
  ["&&"],
  ["|"],
  ["^"],
  ["&"],
  ["==", "!="],
  ["<", ">", "<=", ">="],
  ["<<", ">>"],
  ["+", "-"],
  ["*", "/", "%"],
];
const LEVEL_OF = new Map(LEVELS.flatMap((signs, level) => signs.map((sign) => [sign, level] as const)));

/**
 * Reads one constant expression, up to the first token that does not belong to it.
 * @throws {CSyntaxError} if it is none, divides by zero, or nests too deeply
 */
export function constantExpression(source: ExpressionSource): CInteger {
  const { nesting } = source;
  /** Over 0 in an operand that C does not evaluate, where a division by zero is none. */
  let idle = 0;

  const nested = <T>(read: () => T): T => {
    if (++nesting.depth > DEEPEST)
      source.fail(source.peek(), `the expression nests deeper than ${DEEPEST} levels`);
    const value = read();
    nesting.depth--;
    return value;
  };
  const unevaluated = <T>(when: boolean, read: () => T): T => {
    if (when) idle++;
    const value = read();
    if (when) idle--;
    return value;
  };

  const conditional = (): CInteger => {
    const condition = binary(0);
    if (source.peek().text !== "?") return condition;
    source.next();
    return nested(() => {
      const yes = unevaluated(condition.value === 0n, conditional);
      if (source.peek().text !== ":") source.expected('":"');
      source.next();
      const no = unevaluated(condition.value !== 0n, conditional);
      const { bits, unsigned } = common(yes, no);
      return integer((condition.value === 0n ? no : yes).value, bits, unsigned);
    });
  };

  const binary = (least: number): CInteger => {
    let left = unary();
    for (;;) {
      const operator = source.peek();
      const level = operator.kind === "sign" ? LEVEL_OF.get(operator.text) : undefined;
      if (level === undefined || level < least) return left;
      source.next();
      const skips =
        (operator.text === "&&" && left.value === 0n) || (operator.text === "||" && left.value !== 0n);
      const right = unevaluated(skips, () => binary(level + 1));
      left = apply(operator, left, right);
    }
  };

  const apply = (operator: Token, left: CInteger, right: CInteger): CInteger => {
    const { text } = operator;
    const [l, r] = [left.value, right.value];
    if (text === "&&") return truth(l !== 0n && r !== 0n);
    if (text === "||") return truth(l !== 0n || r !== 0n);
    if (text === "<<" || text === ">>") {
      if (r < 0n || r >= left.bits) {
        if (idle > 0) return left;
        source.fail(operator, `expected a shift by 0 … ${left.bits - 1} bits, got ${r}`);
      }
      return integer(text === "<<" ? l << r : l >> r, left.bits, left.unsigned);
    }
    const { bits, unsigned } = common(left, right);
    const a = integer(l, bits, unsigned).value;
    const b = integer(r, bits, unsigned).value;
    const compared: Record<string, boolean> = {
      "==": a === b,
      "!=": a !== b,
      "<": a < b,
      ">": a > b,
      "<=": a <= b,
      ">=": a >= b,
    };
    const answer = compared[text];
    if (answer !== undefined) return truth(answer);
    if ((text === "/" || text === "%") && b === 0n) {
      if (idle > 0) return integer(0n, bits, unsigned);
      source.fail(operator, "the expression divides by zero");
    }
    return integer(compute(text, a, b), bits, unsigned);
  };

  const unary = (): CInteger =>
    nested(() => {
      const token = source.peek();
      if (token.kind === "sign" && "+-~!".includes(token.text)) {
        source.next();
        const { value, bits, unsigned } = unary();
        if (token.text === "!") return truth(value === 0n);
        return integer(token.text === "-" ? -value : token.text === "~" ? ~value : value, bits, unsigned);
      }
      const special = source.special(unary);
      if (special) return special;
      if (token.text === "(" && token.kind === "sign") {
        source.next();
        const inner = conditional();
        if (source.peek().text !== ")") source.expected('")"');
        source.next();
        return inner;
      }
      if (token.kind === "number") return number(source.next());
      if (token.kind === "char") return character(source.next());
      return source.expected("an integer constant expression");
    });

  const number = (token: Token): CInteger => {
    const match = /^(0[xX][0-9a-fA-F]+|0[bB][01]+|0[0-7]*|[1-9][0-9]*)(?:([uU])|([lL]|ll|LL))*$/.exec(
      token.text.length > 70 ? "" : token.text,
    );
    const suffix = match ? token.text.slice((match[1] as string).length).toLowerCase() : "";
    if (!match || !/^(u?(ll?)?|ll?u)$/.test(suffix)) {
      source.fail(token, `expected an integer, got ${JSON.stringify(token.text.slice(0, 40))}`);
    }
    const digits = match[1] as string;
    const decimal = !digits.startsWith("0");
    const value = BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits);
    if (value >> 64n) source.fail(token, `expected an integer of at most 64 bits, got ${token.text}`);
    const unsigned = suffix.includes("u");
    const bits = suffix.includes("l") || value >> (unsigned || !decimal ? 32n : 31n) ? 64 : 32;
    // A hexadecimal or octal constant that is too great for a signed type has the unsigned one.
    return integer(value, bits, unsigned || value >> BigInt(bits - 1) !== 0n);
  };

  const character = (token: Token): CInteger => {
    const inner = token.text.slice(1, -1);
    const simple: Record<string, number> = { n: 10, t: 9, r: 13, a: 7, b: 8, f: 12, v: 11 };
    const escaped = /^\\(?:([ntrabfv])|(["'\\?])|([0-7]{1,3})|x([0-9a-fA-F]{1,2}))$/.exec(inner);
    let code: number | undefined;
    if (escaped?.[1]) code = simple[escaped[1]];
    else if (escaped?.[2]) code = escaped[2].charCodeAt(0);
    else if (escaped) code = Number.parseInt(escaped[3] ?? escaped[4] ?? "", escaped[3] ? 8 : 16);
    else if (/^[\x20-\x7e]$/.test(inner) && inner !== "\\") code = inner.charCodeAt(0);
    if (code === undefined || code > 255)
      source.fail(token, `expected one ASCII character, got ${token.text.slice(0, 40)}`);
    return integer(BigInt.asIntN(8, BigInt(code)));
  };

  return conditional();
}

/** C's usual arithmetic conversions, of types that are int or wider. */
function common(a: CInteger, b: CInteger): { bits: 32 | 64; unsigned: boolean } {
  if (a.bits === b.bits) return { bits: a.bits, unsigned: a.unsigned || b.unsigned };
  const wider = a.bits > b.bits ? a : b;
  return { bits: 64, unsigned: wider.unsigned };
}

function compute(operator: string, a: bigint, b: bigint): bigint {
  switch (operator) {
    case "|":
      return a | b;
    case "^":
      return a ^ b;
    case "&":
      return a & b;
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "/":
      return a / b;
    default:
      return a % b;
  }
}
