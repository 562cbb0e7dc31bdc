/** C declarations, read by recursive descent: specifiers, declarators, and what they declare at file scope. */
import { type Attributes, attributes, noAttributes } from "./_c_attributes.ts";
import type { AnyAggregate, AnyEnum, Context, ParserOptions, Specifiers } from "./_c_context.ts";
import { Cursor } from "./_c_cursor.ts";
import { type Declarator, declarator, QUALIFIERS, typeOf, withAlign } from "./_c_declarator.ts";
import { readEnum } from "./_c_enum.ts";
import { type CInteger, constantExpression, integer } from "./_c_expression.ts";
import { called, type Token } from "./_c_lexer.ts";
import { preprocess } from "./_c_preprocessor.ts";
import { Scope } from "./_c_scope.ts";
import { readAggregate } from "./_c_struct.ts";
import { type CObject, type CType, PLAIN_WORDS, SYSTEM_STRUCTS } from "./_c_types.ts";

const STORAGE = new Set(
  "typedef extern static register auto inline __inline __inline__ _Thread_local __thread _Noreturn".split(
    " ",
  ),
);
const RESERVED = new Set(
  (
    "auto break case char const continue default do double else enum extern float for goto if inline int long register " +
    "restrict return short signed sizeof static struct switch typedef union unsigned void volatile while _Alignas _Alignof " +
    "_Atomic _Bool _Complex _Generic _Imaginary _Noreturn _Static_assert _Thread_local __int128 __attribute__"
  ).split(" "),
);
const UNSUPPORTED = new Set("_Complex _Imaginary typeof __typeof__ _Generic _BitInt".split(" "));

export class Parser implements Context {
  readonly cursor: Cursor;
  readonly scope: Scope;
  readonly options: ParserOptions;
  readonly aggregates = new Map<string, AnyAggregate>();
  readonly enums = new Map<string, AnyEnum>();
  last: AnyAggregate | undefined;
  depth = 0;

  readonly #nesting = { depth: 0 };

  constructor(cursor: Cursor, scope: Scope, options: ParserOptions) {
    this.cursor = cursor;
    this.scope = scope;
    this.options = options;
  }

  /** Reads the whole text. */
  unit(): void {
    while (this.cursor.peek().kind !== "end") {
      if (this.cursor.take(";") || this.staticAssert()) continue;
      this.#declaration();
    }
  }

  #declaration(): void {
    const { cursor } = this;
    const specifiers = this.specifiers();
    if (cursor.is(";") && specifiers.tagged && !specifiers.typedef) {
      cursor.next();
      return;
    }
    do {
      const own = { ...specifiers.attributes };
      this.attributes(own, true);
      const declared = this.declarator();
      this.checkName(declared.name ?? cursor.expected("a name"));
      if (this.#skipAsm()) this.attributes(own, true);
      this.attributes(own, true);
      const type = typeOf(cursor, specifiers.type, declared.modifiers, this.options.chars);
      if (specifiers.typedef) this.#typedef(declared.name as Token, type, own, specifiers);
      else if (cursor.is("=")) this.#skipInitializer();
      else if (type.kind === "function" && cursor.is("{")) {
        cursor.skipBraced();
        return;
      }
    } while (cursor.take(","));
    cursor.need(";", "the declaration");
  }

  #skipAsm(): boolean {
    if (!this.cursor.take("__asm__") && !this.cursor.take("asm")) return false;
    this.cursor.skipBraced();
    return true;
  }

  #skipInitializer(): void {
    const { cursor } = this;
    while (!cursor.is(",") && !cursor.is(";")) {
      if (cursor.is("{") || cursor.is("(") || cursor.is("[")) cursor.skipBraced();
      else if (cursor.next().kind === "end") cursor.expected('";" after the declaration');
    }
  }

  #typedef(name: Token, type: CType, own: Attributes, { alignas }: Specifiers): void {
    if (alignas) this.cursor.fail(name, "_Alignas cannot stand in a typedef");
    const { scope } = this;
    if (scope.constants.has(name.text))
      this.cursor.fail(name, `${name.text} is declared already, as a constant`);
    if (type.kind === "object" && own.align > 0) {
      // Unlike a member, a typedef may lower the alignment.
      const bits = type.bits && withAlign(type.bits as never, own.align);
      scope.typedefs.set(name.text, {
        ...type,
        type: withAlign(type.type, own.align),
        ...(bits ? { bits } : {}),
      });
    } else scope.typedefs.set(name.text, type);
  }

  declarator(): Declarator {
    const constant = (): bigint => this.constant().value;
    return declarator(this.cursor, constant, () => {
      const found = noAttributes();
      this.attributes(found, true);
      return found.align;
    });
  }

  attributes(into: Attributes, strictest: boolean): boolean {
    const alignOf = (): bigint => {
      if (!this.#startsType(this.cursor.peek())) return this.constant().value;
      const at = this.cursor.peek();
      return BigInt(this.#sized(this.#typeName(), at).type.align);
    };
    return attributes(this.cursor, into, () => this.constant().value, alignOf, strictest);
  }

  checkName(name: Token): void {
    if (RESERVED.has(name.text)) this.cursor.fail(name, `expected a name, got the keyword ${called(name)}`);
    if (name.text === "__proto__" || !/^[A-Za-z_]/.test(name.text)) {
      this.cursor.fail(name, `${called(name)} cannot be a name here`);
    }
  }

  staticAssert(): boolean {
    const { cursor } = this;
    const token = cursor.take("_Static_assert") ?? cursor.take("static_assert");
    if (!token) return false;
    cursor.need("(", token.text);
    const { value } = this.constant();
    const message = cursor.take(",") ? cursor.next().text : "";
    while (cursor.peek().kind === "string") cursor.next();
    cursor.need(")", "the assertion");
    cursor.need(";", "the assertion");
    if (value === 0n) cursor.fail(token, `the assertion does not hold${message && `: ${message}`}`);
    return true;
  }

  specifiers(): Specifiers {
    const { cursor } = this;
    const start = cursor.peek();
    const own = noAttributes();
    const words: string[] = [];
    let spelling: string | undefined;
    let [type, untagged, tagged, typedef, alignas]: [CType | undefined, boolean, boolean, boolean, boolean] =
      [undefined, false, false, false, false];
    for (;;) {
      if (this.attributes(own, true)) alignas = true;
      const token = cursor.peek();
      if (token.kind !== "word") break;
      const { text } = token;
      if (UNSUPPORTED.has(text)) cursor.fail(token, `${text} is not supported`);
      if (STORAGE.has(text)) {
        if (text === "typedef") typedef = true;
        cursor.next();
      } else if (QUALIFIERS.has(text)) cursor.next();
      else if (PLAIN_WORDS.has(text)) {
        if (type) cursor.expected("a name");
        words.push(cursor.next().text);
        if (words.length > 5) cursor.fail(start, `${words.join(" ")} is no type of C`);
      } else if (type || words.length > 0) break;
      else if (text === "struct" || text === "union") {
        tagged = true;
        spelling = tagAfter(cursor, text);
        ({ type, untagged } = readAggregate(this, text));
      } else if (text === "enum") {
        tagged = true;
        spelling = tagAfter(cursor, text);
        type = readEnum(this);
      } else {
        type = this.scope.namedType(text);
        if (!type) return cursor.fail(token, `expected a type, got ${called(token)}`);
        spelling = text;
        cursor.next();
      }
    }
    if (words.length > 0) {
      type = this.scope.plainType(words);
      spelling = words.join(" ");
    }
    if (words.length > 0 && !type) cursor.fail(start, `${words.join(" ")} is no type of C`);
    if (!type) return cursor.expected("a type");
    return { type, spelling, typedef, attributes: own, alignas, untagged, tagged };
  }

  constant(): CInteger {
    const { cursor } = this;
    return constantExpression({
      nesting: this.#nesting,
      peek: (ahead) => cursor.peek(ahead),
      next: () => cursor.next(),
      fail: (token, reason) => cursor.fail(token, reason),
      expected: (what) => cursor.expected(what),
      special: (unary) => this.#special(unary),
    });
  }

  systemStruct(tag: string): CObject | undefined {
    const text = Object.hasOwn(SYSTEM_STRUCTS, tag) ? SYSTEM_STRUCTS[tag] : undefined;
    if (text === undefined) return undefined;
    const known = this.scope.system.get(tag);
    if (known) return known;
    const cursor = new Cursor(text, preprocess(text, {}, { pack: 0, order: "native" }));
    const parser = new Parser(cursor, new Scope(this.scope.abi), { ...this.options, packed: false });
    parser.unit();
    const made = parser.scope.tags.get(tag)?.type as CObject;
    this.scope.system.set(tag, made);
    return made;
  }

  #special(unary: () => CInteger): CInteger | undefined {
    const { cursor } = this;
    const token = cursor.peek();
    if (cursor.is("(") && this.#startsType(cursor.peek(1))) return this.#cast(unary);
    if (token.kind !== "word") return undefined;
    const size = (value: number): CInteger => integer(BigInt(value), 64, true);
    if (/^(sizeof|_Alignof|alignof|__alignof__|__alignof)$/.test(token.text)) {
      cursor.next();
      const sizes = token.text === "sizeof";
      if (!(cursor.is("(") && this.#startsType(cursor.peek(1)))) return size(unary().bits / 8);
      cursor.next();
      const { type } = this.#sized(this.#typeName(), token);
      cursor.need(")", "the type");
      return size(sizes ? type.size : type.align);
    }
    if (token.text === "offsetof" || token.text === "__builtin_offsetof") {
      cursor.next();
      cursor.need("(", token.text);
      const { type } = this.#sized(this.#typeName(), token);
      cursor.need(",", "the type");
      const field = cursor.next();
      const found = (type as Partial<AnyAggregate>).fields?.find(({ name }) => name === field.text);
      if (!found) return cursor.fail(field, `expected a field of ${type.name}, got ${called(field)}`);
      cursor.need(")", "the field");
      return size(found.offset);
    }
    const known = this.scope.constant(token.text);
    if (!known) return cursor.expected("an integer constant expression");
    cursor.next();
    return known;
  }

  #cast(unary: () => CInteger): CInteger {
    const { cursor } = this;
    const open = cursor.next();
    const type = this.#typeName();
    cursor.need(")", "the type");
    const base = type.kind === "object" ? type.bits : undefined;
    if (!base) return cursor.fail(open, "expected an integer type in this cast");
    const { value } = unary();
    if (base.maxBits === 1) return integer(value === 0n ? 0n : 1n);
    const width = base.size * 8;
    const cut = base.signed ? BigInt.asIntN(width, value) : BigInt.asUintN(width, value);
    return width < 32 ? integer(cut) : integer(cut, width === 64 ? 64 : 32, !base.signed);
  }

  #startsType(token: Token): boolean {
    if (token.kind !== "word") return false;
    return (
      PLAIN_WORDS.has(token.text) ||
      QUALIFIERS.has(token.text) ||
      /^(struct|union|enum)$/.test(token.text) ||
      this.scope.namedType(token.text) !== undefined
    );
  }

  #typeName(): CType {
    const { type } = this.specifiers();
    const { name, modifiers } = this.declarator();
    if (name) this.cursor.fail(name, `expected a type without a name, got ${called(name)}`);
    return typeOf(this.cursor, type, modifiers, this.options.chars);
  }

  #sized(type: CType, at: Token): CObject {
    if (type.kind === "object") return type;
    const what = type.kind === "incomplete" ? `${type.tag} is not declared` : `${type.kind} has no size`;
    return this.cursor.fail(at, what);
  }
}

/** `struct point`, of the tag that follows `struct`; attributes may stand in between, and a tag may be missing. */
function tagAfter(cursor: Cursor, keyword: string): string | undefined {
  const { kind, text } = cursor.peek(1);
  return kind === "word" && !text.startsWith("__") ? `${keyword} ${text}` : undefined;
}
