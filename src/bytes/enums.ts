/** C's enumerations: integers whose values have names. */
import { describe, unfit } from "./_check.ts";
import type { FieldType } from "./_field_type.ts";
import { type IntegerType, i32, i64, u32, u64 } from "./integers.ts";

/**
 * An `enum`: its values are numbers (of 64 bits, bigint), since C and the wire give unknown ones too. Where one is to be
 * written, its name may stand for it.
 */
export interface EnumType<Names extends string, Value extends number | bigint = number>
  extends FieldType<Value, Value | Names> {
  readonly signed: boolean;
  /** The integer type that gcc stores it as. */
  readonly base: IntegerType<Value, never>;
  /** The value of each name. */
  readonly values: Readonly<Record<Names, Value>>;
  /** The first name that was declared with this value; undefined if there is none. */
  nameOf(value: Value): Names | undefined;
  ordered(littleEndian: boolean): FieldType<Value, Value | Names>;
  toInteger(value: Value | Names, where: string): Value;
  fromInteger(value: number | bigint): Value;
}

/** `number` for 0 | 1, `bigint` for 0n | 1n. */
type Widened<Value> = Value extends bigint ? bigint : number;

/** gcc's choice without `-fshort-enums`: unsigned unless a value is negative, 32 bits unless one needs 64. */
function baseOf(values: readonly (number | bigint)[]): IntegerType<number | bigint, never> {
  const signed = values.some((value) => value < 0);
  const wide = values.some((value) => typeof value === "bigint");
  const type = wide ? (signed ? i64 : u64) : signed ? i32 : u32;
  return type as unknown as IntegerType<number | bigint, never>;
}

/**
 * Declares an `enum`.
 *
 * ```ts
 * const color = enumeration("color", { RED: 0, GREEN: 1 });
 * struct("dot", { color }).encode({ color: "GREEN" }); // 01000000, and decodes to 1
 * ```
 *
 * @param values numbers, or bigints for an enum of 64 bits
 * @param base what it is stored as; unless told what gcc takes: `u32`, or `i32` if a value is negative (`u64`, `i64` for
 *   bigints). `__attribute__((packed))` on an enum makes it the narrowest type that has all values
 * @throws {TypeError | RangeError} for a value that is not one of `base`
 */
export function enumeration<const Names extends string, Given extends number | bigint>(
  name: string,
  values: Readonly<Record<Names, Given>>,
  base: IntegerType<Widened<Given>, never> = baseOf(Object.values(values)) as never,
): EnumType<Names, Widened<Given>> {
  type Value = Widened<Given>;
  const type = base as unknown as IntegerType<Value>;
  const byName = new Map<unknown, Value>();
  const byValue = new Map<Value, Names>();
  const scratch = new DataView(new ArrayBuffer(16));
  for (const [key, value] of Object.entries(values) as [string, Value][]) {
    type.write(scratch, 0, value, `${name}.${key}`);
    byName.set(key, value);
    if (!byValue.has(value)) byValue.set(value, key as Names);
  }
  const toInteger = (value: Value | Names, where: string): Value => {
    if (typeof value !== "string") return value as Value;
    const known = byName.get(value);
    if (known !== undefined) return known;
    const names = [...byName.keys()].slice(0, 20).join(", ");
    throw unfit(
      where,
      `an integer, or a name of ${name} (${names}${byName.size > 20 ? ", …" : ""})`,
      value,
      false,
    );
  };
  const make = (label: string, stored: FieldType<Value>): EnumType<Names, Value> =>
    Object.freeze<EnumType<Names, Value>>({
      name: label,
      size: type.size,
      align: type.align,
      signed: type.signed,
      base,
      values: Object.freeze({ ...values }) as unknown as Readonly<Record<Names, Value>>,
      nameOf: (value) => byValue.get(value),
      read: (view, at) => stored.read(view, at),
      write: (view, at, value, where) => stored.write(view, at, toInteger(value, where), where),
      ordered: (littleEndian) =>
        type.size === 1
          ? make(label, stored)
          : make(`${littleEndian ? "le" : "be"}(${name})`, type.ordered(littleEndian)),
      toInteger,
      fromInteger: (value) => value as Value,
    });
  if (typeof name !== "string") throw new TypeError(`enumeration: expected a name, got ${describe(name)}`);
  return make(name, type);
}
