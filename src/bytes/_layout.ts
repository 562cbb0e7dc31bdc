/** Where C puts the members of a struct: the System V x86-64 and AAPCS64 rules, as gcc on Linux applies them. */
import { checkNumber, describe } from "./_check.ts";
import type { AnyFieldType } from "./_field_type.ts";
import type { BitField, UnnamedBits } from "./bits.ts";

/** What may stand in a struct's definition. */
export type Member = AnyFieldType | BitField<number | bigint, never> | UnnamedBits;

/** How a struct is laid out, if not plainly. */
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
}

/** A member with a name and its place, in bits from the start of the struct. */
export interface Placed {
  readonly name: string;
  readonly member: Exclude<Member, UnnamedBits>;
  readonly bit: number;
}

/** Sizes in bytes. */
export interface Layout {
  readonly size: number;
  readonly align: number;
  readonly placed: readonly Placed[];
}

const roundUp = (value: number, step: number): number => Math.ceil(value / step) * step;

const PACK_VALUES: readonly unknown[] = [1, 2, 4, 8, 16];

function checkOptions(name: string, options: StructOptions): void {
  const { packed = false, align = 1, abi = "x86-64" } = options;
  if (typeof packed !== "boolean" && !PACK_VALUES.includes(packed)) {
    throw new RangeError(`${name}: packed: expected true, false, 1, 2, 4, 8 or 16, got ${describe(packed)}`);
  }
  checkNumber(`${name}: align`, align, 1, 2 ** 28); // gcc's greatest
  if (!Number.isInteger(Math.log2(align))) {
    throw new RangeError(`${name}: align: expected a power of two, got ${align}`);
  }
  if (abi !== "x86-64" && abi !== "arm64") {
    throw new RangeError(`${name}: abi: expected "x86-64" or "arm64", got ${describe(abi)}`);
  }
}

export function isBits(member: Member): member is BitField<number | bigint, never> | UnnamedBits {
  return "width" in member;
}

/**
 * Lays members out in the order in which they stand.
 * @throws {TypeError | RangeError} for options out of range
 */
export function layOut(
  name: string,
  members: readonly (readonly [string, Member])[],
  options: StructOptions,
): Layout {
  checkOptions(name, options);
  const { packed = false, abi = "x86-64" } = options;
  const most = packed === false ? Number.POSITIVE_INFINITY : Number(packed); // Number(true) is 1: no alignment
  const placed: Placed[] = [];
  let bit = 0;
  let align = options.align ?? 1;
  for (const [field, member] of members) {
    if (!isBits(member)) {
      const fieldAlign = Math.min(member.align, most);
      align = Math.max(align, fieldAlign);
      bit = roundUp(bit, fieldAlign * 8);
      placed.push({ name: field, member, bit });
      bit += member.size * 8;
      continue;
    }
    const { type, width } = member;
    const unit = type.size * 8; // of these types size and alignment are the same
    const straddles = (bit % unit) + width > unit;
    // Packing leaves width 0 alone: it always ends the unit.
    if (width === 0 || (straddles && packed === false)) bit = roundUp(bit, unit);
    if (member.named || abi === "arm64") {
      align = Math.max(align, width === 0 ? type.align : Math.min(type.align, most));
    }
    if (member.named) placed.push({ name: field, member, bit });
    bit += width;
  }
  return { size: roundUp(bit, align * 8) / 8, align, placed };
}
