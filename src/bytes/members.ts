/** What a member of a struct can be besides a type: one with its own alignment, a packed one, an anonymous struct or union. */
import { checkNumber, describe } from "./_check.ts";
import type { AnyFieldType } from "./_field_type.ts";
import type { BitField, UnnamedBits } from "./bits.ts";

/** A member as it is declared, without attributes of its own. */
export type PlainMember = AnyFieldType | BitField<unknown, never> | UnnamedBits;

/** A member with attributes of its own. */
export interface Adjusted<M extends PlainMember | Anonymous = PlainMember | Anonymous> {
  readonly adjusts: M;
  /** `_Alignas(n)` or `__attribute__((aligned(n)))`, in bytes; 0 if there is none. */
  readonly align: number;
  /** `__attribute__((packed))`. */
  readonly packed: boolean;
}

/** C11's anonymous struct or union: its fields are fields of the one that holds it. */
export interface Anonymous<Type extends AnyFieldType = AnyFieldType> {
  readonly anonymous: Type;
}

/** What may stand in the definition of a struct or union. */
export type Member = PlainMember | Adjusted | Anonymous;

/** A power of two up to gcc's greatest alignment, 2^28. */
export function checkAlign(where: string, align: number): number {
  checkNumber(where, align, 1, 2 ** 28);
  if (Number.isInteger(Math.log2(align))) return align;
  throw new RangeError(`${where}: expected a power of two, got ${align}`);
}

type Bare<M extends Member> = M extends Adjusted<infer Inner> ? Inner : Exclude<M, Adjusted>;

function adjust<M extends Member>(
  name: string,
  member: M,
  change: { readonly align?: number; readonly packed?: boolean },
): Adjusted<Bare<M>> {
  if (typeof member !== "object" || member === null) {
    throw new TypeError(
      `${name}: expected a type, a bit field or an anonymous member, got ${describe(member)}`,
    );
  }
  const before: Omit<Adjusted, "adjusts"> & { adjusts: unknown } =
    "adjusts" in member ? member : { adjusts: member, align: 0, packed: false };
  return Object.freeze({ ...before, ...change }) as Adjusted<Bare<M>>;
}

/**
 * A member that is aligned to at least `align` bytes, a power of two: `_Alignas(n)` and, with attributes of gcc,
 * `__attribute__((aligned(n)))`. Unlike a type's own alignment it holds in a packed struct too; `#pragma pack(n)`
 * limits it.
 * @throws {TypeError | RangeError} for another alignment
 */
export function aligned<M extends Member>(member: M, align: number): Adjusted<Bare<M>> {
  checkAlign("aligned: align", align);
  const adjusted = adjust("aligned", member, {});
  return Object.freeze({ ...adjusted, align: Math.max(align, adjusted.align) }); // of two, gcc takes the greater
}

/** A member with `__attribute__((packed))`: it follows the one before without padding, as if its alignment were 1. */
export function packed<M extends Member>(member: M): Adjusted<Bare<M>> {
  return adjust("packed", member, { packed: true });
}

/**
 * An anonymous struct or union, C11's `struct { … };` within another: its fields become fields of the outer one. The key
 * under which it stands in the definition only keeps its place.
 *
 * ```ts
 * const event = struct("event", { kind: u8, _: anonymous(union("", { code: u32, text: cString(8) })) });
 * event.encode({ kind: 1, code: 7 });
 * ```
 *
 * @param type a struct or union; `struct()` refuses others
 */
export function anonymous<Type extends AnyFieldType>(type: Type): Anonymous<Type> {
  return Object.freeze<Anonymous<Type>>({ anonymous: type });
}
