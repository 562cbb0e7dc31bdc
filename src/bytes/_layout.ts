/** Where C puts the members of a struct or union: the System V x86-64 and AAPCS64 rules, as gcc on Linux applies them. */
import { describe } from "./_check.ts";
import type { AnyFieldType } from "./_field_type.ts";
import type { BitField, UnnamedBits } from "./bits.ts";
import { checkAlign, type Member, type PlainMember } from "./members.ts";

/** How a struct or union is laid out, if not plainly. */
export interface StructOptions {
  /**
   * `true` is `__attribute__((packed))`: no padding between fields, alignment 1. A number is `#pragma pack(n)`: no field
   * is aligned to more than `n` bytes (1, 2, 4, 8 or 16). Either way bit fields follow each other without a gap.
   */
  readonly packed?: boolean | 1 | 2 | 4 | 8 | 16;
  /** `__attribute__((aligned(n)))`: the struct is aligned to at least `n` bytes, a power of two. */
  readonly align?: number;
  /**
   * Whose rules hold, `"x86-64"` unless told. They differ in one thing: on arm64 a bit field without a name (one of
   * width 0 too) aligns the struct as one with a name does (AAPCS64, "Bit-fields"); on x86-64 it does not.
   */
  readonly abi?: "x86-64" | "arm64";
  /**
   * The byte order of its numbers and of arrays of them, `"native"` (this machine's) unless told: gcc's
   * `__attribute__((scalar_storage_order("big-endian")))`. A field's own `be()` or `le()` goes before. As with gcc, nested
   * structs and unions (anonymous ones too) and pointers keep the order that they have.
   *
   * In a struct whose order is big, bit fields are given out from the highest bit of the first byte down, so that a
   * packet header can be written in the order in which an RFC draws it.
   */
  readonly byteOrder?: "big" | "little" | "native";
}

/** A member with a name and its place, in bits from the start of the struct. */
export interface Placed {
  readonly name: string;
  readonly member: AnyFieldType | BitField<unknown, never>;
  readonly bit: number;
  /** Its fields stand for it. */
  readonly anonymous: boolean;
}

/** Sizes in bytes. */
export interface Layout {
  readonly size: number;
  readonly align: number;
  readonly placed: readonly Placed[];
}

const roundUp = (value: number, step: number): number => Math.ceil(value / step) * step;

const PACK_VALUES: readonly unknown[] = [1, 2, 4, 8, 16];
const ABIS: readonly unknown[] = ["x86-64", "arm64"];
const BYTE_ORDERS: readonly unknown[] = ["big", "little", "native"];

function checkOptions(name: string, options: StructOptions): void {
  const { packed = false, align = 1, abi = "x86-64", byteOrder = "native" } = options;
  if (typeof packed !== "boolean" && !PACK_VALUES.includes(packed)) {
    throw new RangeError(`${name}: packed: expected true, false, 1, 2, 4, 8 or 16, got ${describe(packed)}`);
  }
  checkAlign(`${name}: align`, align);
  if (!ABIS.includes(abi)) {
    throw new RangeError(`${name}: abi: expected "x86-64" or "arm64", got ${describe(abi)}`);
  }
  if (!BYTE_ORDERS.includes(byteOrder)) {
    throw new RangeError(
      `${name}: byteOrder: expected "big", "little" or "native", got ${describe(byteOrder)}`,
    );
  }
}

export function isBits(member: PlainMember): member is BitField<unknown, never> | UnnamedBits {
  return "width" in member;
}

/** A member and its own attributes. */
interface Described {
  readonly plain: PlainMember;
  /** 0 if it has none of its own. */
  readonly ownAlign: number;
  readonly packed: boolean;
  readonly anonymous: boolean;
}

function describeMember(member: Member, packed: boolean): Described {
  const bare = "adjusts" in member ? member.adjusts : member;
  const anonymous = "anonymous" in bare;
  return {
    plain: anonymous ? bare.anonymous : bare,
    ownAlign: "adjusts" in member ? member.align : 0,
    packed: packed || ("adjusts" in member && member.packed),
    anonymous,
  };
}

/** A type's alignment does not hold in a packed struct; a member's own does. */
function fieldAlign({ plain, ownAlign, packed }: Described & { plain: AnyFieldType }, most: number): number {
  if (packed) return Math.min(ownAlign || 1, most);
  return Math.min(Math.max(plain.align, ownAlign), most);
}

/** What a bit field's declared type does to the struct's alignment. */
function bitsAlign(typeAlign: number, width: number, packed: boolean, most: number): number {
  if (width === 0) return typeAlign; // packing leaves width 0 alone: it always ends the unit
  if (most < Number.POSITIVE_INFINITY) return Math.min(typeAlign, most);
  return packed ? 1 : typeAlign;
}

/** Whether bits from `bit` on lie in more units of the type's alignment than the type itself (gcc's excess_unit_span). */
function straddles(bit: number, width: number, { size, align }: { size: number; align: number }): boolean {
  const unit = align * 8;
  return Math.ceil(((bit % unit) + width) / unit) > Math.floor((size * 8) / unit);
}

/**
 * Lays members out in the order in which they stand; those of a union all at 0.
 * @throws {TypeError | RangeError} for options out of range
 */
export function layOut(
  kind: "struct" | "union",
  name: string,
  members: readonly (readonly [string, Member])[],
  options: StructOptions,
): Layout {
  checkOptions(name, options);
  const { packed: packing = false, abi = "x86-64" } = options;
  const most = typeof packing === "number" ? packing : Number.POSITIVE_INFINITY;
  const placed: Placed[] = [];
  let bit = 0;
  let end = 0;
  let align = options.align ?? 1;
  for (const [field, member] of members) {
    if (kind === "union") bit = 0;
    const described = describeMember(member, packing === true);
    const { plain, ownAlign, packed, anonymous } = described;
    if (!isBits(plain)) {
      const least = fieldAlign({ ...described, plain }, most);
      align = Math.max(align, least);
      bit = roundUp(bit, least * 8);
      placed.push({ name: field, member: plain, bit, anonymous });
      bit += plain.size * 8;
    } else {
      const { type, width } = plain;
      const own = width === 0 ? Math.max(type.align, ownAlign) : Math.min(ownAlign, most);
      if (own > 0) bit = roundUp(bit, own * 8);
      if (width > 0 && !packed && packing === false && straddles(bit, width, type)) {
        bit = roundUp(bit, type.align * 8);
      }
      if (plain.named || abi === "arm64") {
        align = Math.max(align, own, bitsAlign(type.align, width, packed, most));
      }
      if (plain.named) placed.push({ name: field, member: plain, bit, anonymous: false });
      bit += width;
    }
    end = Math.max(end, bit);
  }
  return { size: roundUp(end, align * 8) / 8, align, placed };
}
