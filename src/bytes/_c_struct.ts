/** C's `struct { … }` and `union { … }`: members as they are declared, made into our structs and unions. */
import { type Attributes, noAttributes } from "./_c_attributes.ts";
import type { AnyAggregate, Context, ParserOptions, Specifiers } from "./_c_context.ts";
import { nested, typeOf } from "./_c_declarator.ts";
import { called, type Token } from "./_c_lexer.ts";
import type { ParsedToken } from "./_c_preprocessor.ts";
import { noteSpellings, spell, spellingsOf } from "./_c_spelling.ts";
import { type CObject, type CType, object } from "./_c_types.ts";
import type { StructOptions } from "./_layout.ts";
import { bits, unnamedBits } from "./bits.ts";
import { aligned, anonymous, type Member, packed } from "./members.ts";
import { struct } from "./struct.ts";
import { union } from "./union.ts";

const DEEPEST = 60;

/** A member, and what it needs to be checked. */
interface Declared {
  /** Undefined for unnamed bits and anonymous members. */
  readonly name: string | undefined;
  readonly member: Member;
  readonly within: CObject;
}

/** The body of a struct or union while it is read. */
interface Body {
  readonly kind: "struct" | "union";
  readonly members: Declared[];
  /** With those of anonymous members. */
  readonly names: Set<string>;
  /** How the members' types are written. */
  readonly spellings: Map<string, string>;
  /** A flexible array, after which nothing may come. */
  flexible: Token | undefined;
}

/**
 * Reads a struct or union from its keyword on: declared here, or by its tag.
 * @throws {CSyntaxError} for what gcc refuses too
 */
export function readAggregate(
  context: Context,
  kind: "struct" | "union",
): { type: CType; untagged: boolean } {
  const { cursor, scope } = context;
  const keyword = cursor.next();
  const own = noAttributes();
  context.attributes(own, false);
  const tag = cursor.peek().kind === "word" ? cursor.next() : undefined;
  if (tag) context.checkName(tag);
  const known = tag && scope.tags.get(tag.text);
  if (known && known.kind !== kind) {
    cursor.fail(
      tag,
      `${tag.text} is declared already, as ${known.kind === "enum" ? "an enum" : `a ${known.kind}`}`,
    );
  }
  if (!cursor.is("{")) {
    if (!tag) return cursor.expected(`a tag or "{" after ${kind}`);
    const system = kind === "struct" ? context.systemStruct(tag.text) : undefined;
    return {
      type: known?.type ?? system ?? { kind: "incomplete", tag: `${kind} ${tag.text}` },
      untagged: false,
    };
  }
  if (known && known.type.kind !== "incomplete") cursor.fail(tag, `${kind} ${tag.text} is declared already`);
  if (context.depth >= DEEPEST) cursor.fail(keyword, `structs nest deeper than ${DEEPEST} levels`);
  // Until it ends, it is known by its tag only: members can point to it.
  if (tag) scope.tags.set(tag.text, { kind, type: { kind: "incomplete", tag: `${kind} ${tag.text}` } });
  context.depth++;
  const body = readBody(context, kind);
  context.depth--;
  const close = cursor.need("}", "the members") as ParsedToken;
  context.attributes(own, false);
  const name = tag?.text ?? nameAfter(context);
  const made = build(context, body, own, close, name ?? kind);
  noteSpellings(made, body.spellings);
  const within = body.members.map((one) => one.within);
  const weight = within.reduce((sum, one) => sum + one.weight, 1);
  const type = nested(cursor, keyword, within, object(made, { weight }));
  if (tag) scope.tags.set(tag.text, { kind, type });
  if (name !== undefined && (tag || context.depth === 0)) context.aggregates.set(name, made);
  if (context.depth === 0) context.last = made;
  return { type, untagged: !tag };
}

/** A struct without a tag is called what it is declared with: `typedef struct { … } name;` */
function nameAfter({ cursor }: Context): string | undefined {
  const token = cursor.peek();
  return token.kind === "word" && cursor.peek(1).kind === "sign" ? token.text : undefined;
}

function readBody(context: Context, kind: "struct" | "union"): Body {
  const { cursor } = context;
  const body: Body = { kind, members: [], names: new Set(), spellings: new Map(), flexible: undefined };
  cursor.need("{");
  while (!cursor.is("}")) {
    if (cursor.peek().kind === "end") cursor.expected(`"}" at the end of this ${kind}`);
    if (cursor.take(";") || context.staticAssert()) continue;
    readMembers(context, body);
  }
  return body;
}

/** One declaration in a struct: `int a, *b, c : 3;` */
function readMembers(context: Context, body: Body): void {
  const { cursor } = context;
  const start = cursor.peek();
  const specifiers = context.specifiers();
  if (specifiers.typedef) cursor.fail(start, "typedef cannot stand in a struct");
  if (cursor.is(";")) {
    const at = cursor.next();
    if (specifiers.untagged && specifiers.type.kind === "object") addAnonymous(context, body, specifiers, at);
    else if (!specifiers.tagged) cursor.fail(at, 'expected the name of a member, got ";"');
    return;
  }
  do {
    const own = { ...specifiers.attributes };
    context.attributes(own, true);
    const at = cursor.peek();
    const { name, modifiers } = cursor.is(":") ? { name: undefined, modifiers: [] } : context.declarator();
    const type = typeOf(cursor, specifiers.type, modifiers, context.options.chars);
    if (name && specifiers.spelling) body.spellings.set(name.text, spell(specifiers.spelling, modifiers));
    const colon = cursor.take(":");
    if (colon) {
      const width = context.constant().value;
      context.attributes(own, true);
      if (specifiers.alignas) cursor.fail(at, "_Alignas cannot stand at a bit field");
      addBits(context, body, name, type, width, own, colon);
    } else {
      context.attributes(own, true);
      addField(context, body, name ?? cursor.expected("the name of a member"), type, own, specifiers);
    }
  } while (cursor.take(","));
  cursor.need(";", "the member");
}

function addName({ cursor }: Context, body: Body, name: string, at: Token): void {
  if (body.flexible && body.kind === "struct") {
    cursor.fail(body.flexible, "an array without a length must be the last member");
  }
  if (body.names.has(name)) cursor.fail(at, `two members are called ${JSON.stringify(name)}`);
  body.names.add(name);
}

function adjusted(member: Member, own: Attributes, options: ParserOptions): Member {
  const one = own.packed && options.packed !== "never" ? packed(member) : member;
  return own.align > 0 ? aligned(one, own.align) : one;
}

function addField(
  context: Context,
  body: Body,
  name: Token,
  type: CType,
  own: Attributes,
  { alignas, attributes }: Specifiers,
): undefined {
  const { cursor } = context;
  context.checkName(name);
  if (type.kind === "incomplete")
    return cursor.fail(name, `${type.tag} is not declared, so ${name.text} has no size`);
  if (type.kind !== "object") return cursor.fail(name, `a member cannot be of type ${type.kind}`);
  if (alignas && attributes.align < type.type.align && attributes.align > 0) {
    cursor.fail(
      name,
      `_Alignas(${attributes.align}) is less than the alignment of ${name.text}, ${type.type.align}`,
    );
  }
  addName(context, body, name.text, name);
  if (type.flexible) body.flexible = name;
  body.members.push({ name: name.text, member: adjusted(type.type, own, context.options), within: type });
}

function addBits(
  context: Context,
  body: Body,
  name: Token | undefined,
  type: CType,
  width: bigint,
  own: Attributes,
  at: Token,
): undefined {
  const { cursor } = context;
  const base = type.kind === "object" ? type.bits : undefined;
  if (!base || type.kind !== "object") return cursor.fail(at, "a bit field must have an integer type");
  const most = base.maxBits ?? base.size * 8;
  const least = name ? 1 : 0;
  if (width < least || width > most) {
    cursor.fail(at, `expected a width of ${least} … ${most} bits, got ${width}`);
  }
  if (name) {
    context.checkName(name);
    addName(context, body, name.text, name);
  }
  const member = name ? bits(base, Number(width)) : unnamedBits(base, Number(width));
  body.members.push({ name: name?.text, member: adjusted(member, own, context.options), within: type });
}

function addAnonymous(context: Context, body: Body, { type, attributes }: Specifiers, at: Token): void {
  const inner = (type as CObject).type as unknown as AnyAggregate;
  for (const { name } of inner.fields) addName(context, body, name, at);
  for (const [name, spelling] of spellingsOf(inner)) body.spellings.set(name, spelling);
  const member = adjusted(anonymous(inner as never), attributes, context.options);
  body.members.push({ name: undefined, member, within: type as CObject });
}

function build(
  { cursor, options }: Context,
  body: Body,
  own: Attributes,
  close: ParsedToken,
  name: string,
): AnyAggregate {
  const never = options.packed === "never";
  const isPacked = !never && (own.packed || options.packed === true);
  const pack = never ? 0 : close.pack;
  let unnamed = 0;
  const placeholder = (): string => {
    let key: string;
    do key = `_${unnamed++}`;
    while (body.names.has(key));
    return key;
  };
  // gcc's packed is an attribute of every member, and #pragma pack holds besides.
  const both = isPacked && pack > 0;
  const members = body.members.map(
    (one) => [one.name ?? placeholder(), both ? packed(one.member) : one.member] as const,
  );
  const order = own.order ?? close.order;
  const laidOut: StructOptions = {
    packed: pack === 0 ? isPacked : pack,
    byteOrder: order,
    abi: options.abi,
    ...(own.align > 0 ? { align: own.align } : {}),
  };
  const make = body.kind === "struct" ? struct : union;
  const made = make(name, Object.fromEntries(members), laidOut) as unknown as AnyAggregate;
  if (!Number.isSafeInteger(made.size)) cursor.fail(close, `the type is too large, at ${called(close)}`);
  return made;
}
