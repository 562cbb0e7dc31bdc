/** C's `enum { … }`: constants, and an integer type of the size that gcc chooses. */
import { noAttributes } from "./_c_attributes.ts";
import type { AnyEnum, Context } from "./_c_context.ts";
import { type CInteger, integer } from "./_c_expression.ts";
import { called } from "./_c_lexer.ts";
import { type CType, scalar } from "./_c_types.ts";
import { enumeration } from "./enums.ts";
import { type IntegerType, i8, i16, i32, i64, u8, u16, u32, u64 } from "./integers.ts";

const SIGNED = [i8, i16, i32, i64] as unknown as readonly IntegerType<number | bigint>[];
const UNSIGNED = [u8, u16, u32, u64] as unknown as readonly IntegerType<number | bigint>[];

/**
 * Reads an enum from its keyword on: declared here, or by its tag.
 * @throws {CSyntaxError} for what gcc refuses too
 */
export function readEnum(parser: Context): CType {
  const { cursor, scope } = parser;
  const own = noAttributes();
  const keyword = cursor.next();
  parser.attributes(own, false);
  const tag = cursor.peek().kind === "word" ? cursor.next() : undefined;
  if (tag) parser.checkName(tag);
  const base = cursor.is(":") ? declaredBase(parser) : undefined;
  if (!cursor.is("{")) {
    if (!tag) return cursor.expected('a tag or "{" after enum');
    const known = scope.tags.get(tag.text);
    if (known?.kind === "enum") return known.type;
    if (known) return cursor.fail(tag, `${tag.text} is declared already, as a ${known.kind}`);
    return { kind: "incomplete", tag: `enum ${tag.text}` };
  }
  if (tag && scope.tags.has(tag.text)) cursor.fail(tag, `${tag.text} is declared already`);
  const values = readConstants(parser);
  parser.attributes(own, false);
  const type = base ?? storedAs([...values.values()], own.packed);
  const fits = [...values].find(([, value]) => value < type.min || value > type.max);
  if (fits) cursor.fail(keyword, `${fits[0]} is ${fits[1]}, which does not fit ${type.name}`);
  const after = cursor.peek();
  const name = tag?.text ?? (after.kind === "word" && !scope.namedType(after.text) ? after.text : "enum");
  const entries = [...values].map(([key, value]) => [key, type.size > 4 ? value : Number(value)] as const);
  const made = enumeration(
    name,
    Object.fromEntries(entries) as Record<string, number | bigint>,
    type as IntegerType<number | bigint, never>,
  ) as AnyEnum;
  const object = scalar(made);
  if (tag) scope.tags.set(tag.text, { kind: "enum", type: object });
  if (name !== "enum") parser.enums.set(name, made);
  return object;
}

/** C23's `enum name : uint8_t`. */
function declaredBase(parser: Context): IntegerType<number | bigint> {
  const { cursor } = parser;
  cursor.next();
  const at = cursor.peek();
  const { type } = parser.specifiers();
  const base = type.kind === "object" ? type.bits : undefined;
  if (!base || base.maxBits !== undefined || !("min" in base)) {
    return cursor.fail(at, "expected an integer type after enum …:");
  }
  return base as unknown as IntegerType<number | bigint>;
}

function readConstants(parser: Context): Map<string, bigint> {
  const { cursor, scope } = parser;
  const values = new Map<string, bigint>();
  cursor.need("{");
  let next = 0n;
  while (!cursor.is("}")) {
    const name = cursor.peek();
    if (name.kind !== "word") cursor.expected("the name of a constant");
    cursor.next();
    parser.checkName(name);
    if (scope.constants.has(name.text) || scope.typedefs.has(name.text)) {
      cursor.fail(name, `${called(name)} is declared already`);
    }
    parser.attributes(noAttributes(), true);
    if (cursor.take("=")) next = parser.constant().value;
    values.set(name.text, next);
    scope.constants.set(name.text, constantOf(next));
    next++;
    if (!cursor.take(",")) break;
  }
  cursor.need("}", "the constants of the enum");
  if (values.size === 0) cursor.fail(cursor.peek(), "expected at least one constant in an enum");
  return values;
}

/** A constant of an enum is an int if it fits one. */
function constantOf(value: bigint): CInteger {
  if (BigInt.asIntN(32, value) === value) return integer(value);
  if (BigInt.asUintN(32, value) === value) return integer(value, 32, true);
  return integer(value, 64, value > 0n && BigInt.asIntN(64, value) !== value);
}

/** gcc's choice: unsigned unless a value is negative, of 32 bits unless one needs more, or the narrowest if packed. */
function storedAs(values: readonly bigint[], packed: boolean): IntegerType<number | bigint> {
  const candidates = values.some((value) => value < 0n) ? SIGNED : UNSIGNED;
  const found = candidates.find(
    (type) => (packed || type.size >= 4) && values.every((value) => value >= type.min && value <= type.max),
  );
  return found ?? (candidates[3] as IntegerType<number | bigint>);
}
