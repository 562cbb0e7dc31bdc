/** The fields of a struct, ready to be read and written; those of anonymous members among them. */
import { describe } from "./_check.ts";
import type { AnyFieldType, FieldType } from "./_field_type.ts";
import { isBits, type Placed } from "./_layout.ts";
import { NO_CODE, primitiveOf } from "./_primitive.ts";
import { type BitField, bitAccess } from "./bits.ts";

/** One field of a struct or union, and where it lies. */
export interface StructField<Name extends string = string> {
  readonly name: Name;
  /** The declared type, in the byte order that it has there; of a bit field, the type before the colon. */
  readonly type: AnyFieldType;
  /** In bytes from the start of the struct. Of a bit field: the first byte that it lies in. */
  readonly offset: number;
  /** In bytes. Of a bit field: the bytes that it lies in, the shared ones too. */
  readonly size: number;
  /**
   * Of a bit field only: the bits before it in the byte at `offset` (0 … 7), and its width in bits. They count from the
   * byte's lowest bit; with `highestFirst`, which is there in a big-endian struct only, from its highest.
   */
  readonly bits?: { readonly offset: number; readonly width: number; readonly highestFirst?: true };
}

/** One of several things that lie in the same place: at most one of them can be written. */
export interface Choice {
  /** The union; the same for all that exclude each other. */
  readonly union: object;
  /** Which of its members. */
  readonly option: number;
}

/** A field that is ready to be read and written: `at` is where the struct starts. */
export interface Slot extends StructField {
  /** What an error calls it in a struct that stands for itself: `sockaddr_in.sin_port`. */
  readonly where: string;
  /** Of a number: how to read and write it without calling `read` and `write`. */
  readonly code: number;
  readonly little: boolean;
  readonly choices: readonly Choice[];
  read(view: DataView, at: number): unknown;
  write(view: DataView, at: number, value: unknown, where: string): void;
}

/** What `slotsOf` knows of every struct and union. */
const known = new WeakMap<object, readonly Slot[]>();

export function rememberSlots(aggregate: object, slots: readonly Slot[]): void {
  known.set(aggregate, slots);
}

/** Moves a slot of an anonymous member to its place in the outer struct. */
function moved(slot: Slot, outer: string, by: number, choices: readonly Choice[]): Slot {
  return {
    ...slot,
    where: `${outer}.${slot.name}`,
    offset: slot.offset + by,
    choices: [...choices, ...slot.choices],
    read: (view, at) => slot.read(view, at + by),
    write: (view, at, value, where) => slot.write(view, at + by, value, where),
  };
}

/** In a struct of its own byte order, the type that a number or an array of numbers has. */
function inOrder(type: AnyFieldType, order: "big" | "little" | "native"): AnyFieldType {
  return order === "native" ? type : ((type as FieldType<unknown>).ordered?.(order === "little") ?? type);
}

/**
 * The slots of one placed member: one, but of an anonymous member those of its fields.
 * @param highestFirst how bit fields lie in their bytes
 * @throws {TypeError} for an anonymous member that is neither struct nor union
 */
export function slotsOf(
  struct: string,
  { name, member, bit, anonymous }: Placed,
  order: "big" | "little" | "native",
  highestFirst: boolean,
  choices: readonly Choice[],
): readonly Slot[] {
  const offset = Math.floor(bit / 8);
  const where = `${struct}.${name}`;
  if (anonymous) {
    const inner = known.get(member);
    if (!inner)
      throw new TypeError(`${where}: anonymous: expected a struct or union, got ${describe(member)}`);
    return inner.map((slot) => moved(slot, struct, offset, choices));
  }
  if (!isBits(member)) {
    const type = inOrder(member, order) as FieldType<unknown>;
    const { code, little } = primitiveOf(type);
    return [
      {
        name,
        where,
        type,
        offset,
        size: type.size,
        code,
        little,
        choices,
        read: (view, at) => type.read(view, at + offset),
        write: (view, at, value, path) => type.write(view, at + offset, value, path),
      },
    ];
  }
  const shift = bit % 8;
  const access = bitAccess(member as BitField<unknown, unknown>, shift, highestFirst);
  const { width } = member;
  return [
    {
      name,
      where,
      type: member.type,
      offset,
      size: Math.ceil((shift + width) / 8),
      bits: Object.freeze(
        highestFirst ? { offset: shift, width, highestFirst: true } : { offset: shift, width },
      ),
      code: NO_CODE,
      little: true,
      choices,
      read: (view, at) => access.read(view, at + offset),
      write: (view, at, value, path) => access.write(view, at + offset, value, path),
    },
  ];
}

/** The part of a slot that is shown. */
export function fieldOf({ name, type, offset, size, bits }: Slot): StructField {
  return Object.freeze(bits ? { name, type, offset, size, bits } : { name, type, offset, size });
}

/** The bytes that no slot lies in. */
export function paddingOf(slots: readonly Slot[], size: number): readonly { offset: number; size: number }[] {
  const runs: { offset: number; size: number }[] = [];
  let end = 0;
  for (const next of [...slots]
    .sort((a, b) => a.offset - b.offset)
    .concat({ offset: size, size: 0 } as Slot)) {
    if (next.offset > end) runs.push(Object.freeze({ offset: end, size: next.offset - end }));
    end = Math.max(end, next.offset + next.size);
  }
  return Object.freeze(runs);
}
