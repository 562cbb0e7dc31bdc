/** C structs: declared once as a table of fields, then encoded, decoded and asked for their layout. */
import { checkBytes, checkNumber, describe, unfit } from "./_check.ts";
import type { AnyFieldType, FieldType, InputOf, ValueOf } from "./_field_type.ts";
import { isBits, layOut, type Member, type Placed, type StructOptions } from "./_layout.ts";
import { type BitField, bitAccess, type UnnamedBits } from "./bits.ts";

/** The fields of a struct, in C's order. */
export type StructDefinition = Readonly<Record<string, Member>>;

type MemberValue<M> = M extends BitField<infer Value, never> ? Value : ValueOf<M>;
type MemberInput<M> = M extends { named: true; type: infer Type } ? InputOf<Type> : InputOf<M>;

type Decoded<D extends StructDefinition> = {
  readonly [K in keyof D as D[K] extends UnnamedBits ? never : K]: MemberValue<D[K]>;
};

type Encodable<D extends StructDefinition> = {
  readonly [K in keyof D as D[K] extends UnnamedBits ? never : K]?: MemberInput<D[K]>;
};

/** The type of what a struct decodes to: `StructValue<typeof sockaddr_in>`. */
export type StructValue<S extends AnyFieldType> = ValueOf<S>;

/** The type of what a struct encodes: every field may be left out, and 64-bit fields take safe integers too. */
export type StructInput<S extends AnyFieldType> = InputOf<S>;

/** One field of a struct, and where it lies. */
export interface StructField<Name extends string = string> {
  readonly name: Name;
  /** The declared type; of a bit field, the integer type before the colon. */
  readonly type: AnyFieldType;
  /** In bytes from the start of the struct. Of a bit field: the byte that has its lowest bit. */
  readonly offset: number;
  /** In bytes. Of a bit field: the bytes that it lies in, the shared ones too. */
  readonly size: number;
  /** Of a bit field only: its lowest bit in the byte at `offset` (0 … 7, 0 is the byte's lowest), and its width in bits. */
  readonly bits?: { readonly offset: number; readonly width: number };
}

/** A struct; also a field type, so that structs nest. */
export interface Struct<D extends StructDefinition> extends FieldType<Decoded<D>, Encodable<D>> {
  /** As it was declared: `true` for `__attribute__((packed))`, `n` for `#pragma pack(n)`. */
  readonly packed: boolean | number;
  /** The fields that have a name, in order. */
  readonly fields: readonly StructField<keyof Decoded<D> & string>[];
  /** The runs of bytes that no field lies in, in order. Padding within nested structs is theirs. */
  readonly padding: readonly { readonly offset: number; readonly size: number }[];
  /**
   * `offsetof`, in bytes. C refuses it for a bit field; here it is the byte that has its lowest bit.
   * @throws {TypeError} for a name that the struct does not have
   */
  offsetOf(field: keyof Decoded<D> & string): number;
  /**
   * The struct as `size` new bytes. As with C's designated initialisers, fields left out are zero; so is the padding.
   * @throws {TypeError} for a name that the struct does not have, or a value of a wrong type (`undefined` is one)
   * @throws {RangeError} for a value that does not fit; either names the struct and the field
   */
  encode(values: Encodable<D>): Uint8Array;
  /**
   * Encodes into the `size` bytes of `target` from `offset` on, padding included. If it throws, nothing is written.
   * @throws {TypeError | RangeError} as {@link Struct.encode}; RangeError also if there are fewer than `size` bytes
   */
  encodeInto(values: Encodable<D>, target: Uint8Array, offset?: number): void;
  /**
   * The values of the `size` bytes from `offset` on; later bytes are ignored. Byte arrays in it are copies.
   * @throws {RangeError} if there are fewer than `size` bytes: it says how many are needed and how many there are
   */
  decode(bytes: Uint8Array, offset?: number): Decoded<D>;
  /**
   * Decodes the fields that lie wholly within `bytes` and leaves the others out: for structs like `tcp_info`, which
   * grow at their end, and of which an older kernel gives less. Padding at the end may be missing; later bytes are
   * ignored. A nested struct or array that is cut is left out whole.
   */
  decodePrefix(bytes: Uint8Array): Partial<Decoded<D>>;
}

/** A field that is ready to be read and written: `at` is where the struct starts. */
interface Slot extends StructField {
  read(view: DataView, at: number): unknown;
  write(view: DataView, at: number, value: unknown, where: string): void;
}

function slotOf({ name, member, bit }: Placed): Slot {
  const offset = Math.floor(bit / 8);
  if (!isBits(member)) {
    const type = member as FieldType<unknown>;
    return {
      name,
      type,
      offset,
      size: type.size,
      read: (view, at) => type.read(view, at + offset),
      write: (view, at, value, where) => type.write(view, at + offset, value, where),
    };
  }
  const shift = bit % 8;
  const access = bitAccess(member as BitField<number | bigint, unknown>, shift);
  return {
    name,
    type: member.type,
    offset,
    size: Math.ceil((shift + member.width) / 8),
    bits: Object.freeze({ offset: shift, width: member.width }),
    read: (view, at) => access.read(view, at + offset),
    write: (view, at, value, where) => access.write(view, at + offset, value, where),
  };
}

/** The part of a slot that is shown. */
function fieldOf({ name, type, offset, size, bits }: Slot): StructField {
  return Object.freeze(bits ? { name, type, offset, size, bits } : { name, type, offset, size });
}

function paddingOf(slots: readonly Slot[], size: number): readonly { offset: number; size: number }[] {
  const runs: { offset: number; size: number }[] = [];
  let end = 0;
  for (const next of [...slots, { offset: size, size: 0 }]) {
    if (next.offset > end) runs.push(Object.freeze({ offset: end, size: next.offset - end }));
    end = Math.max(end, next.offset + next.size);
  }
  return Object.freeze(runs);
}

/** Numbers as keys would change their order in a JavaScript object, and `__proto__` would not be a key. */
function checkFieldName(struct: string, name: string): void {
  if (/^[A-Za-z_][A-Za-z_0-9]*$/.test(name) && name !== "__proto__") return;
  throw new TypeError(`${struct}: expected a C identifier as field name, got ${describe(name)}`);
}

/** A view of `bytes` from `offset` on, in which there are at least `size` bytes. */
function viewOf(where: string, size: number, bytes: Uint8Array, offset: number): DataView {
  checkBytes(where, bytes);
  checkNumber(`${where}: offset`, offset, 0, Number.MAX_SAFE_INTEGER);
  if (bytes.length - offset < size) {
    const from = offset === 0 ? "" : ` from offset ${offset}`;
    throw new RangeError(
      `${where}: expected ${size} bytes${from}, got ${Math.max(0, bytes.length - offset)}`,
    );
  }
  return new DataView(bytes.buffer, bytes.byteOffset + offset, bytes.length - offset);
}

/**
 * Declares a struct and lays it out as gcc does on Linux (LP64, x86-64 and arm64): natural alignment, or packed.
 *
 * ```ts
 * const sockaddr_in = struct("sockaddr_in", {
 *   sin_family: u16, sin_port: be(u16), sin_addr: byteArray(4, 4), sin_zero: byteArray(8),
 * });
 * sockaddr_in.encode({ sin_family: 2, sin_port: 80 }); // 16 bytes
 * ```
 *
 * @param definition field names and types, in order; bit fields are `bits(u32, 3)`, nested structs stand as they are
 * @throws {TypeError} if a field name is not a C identifier
 * @throws {TypeError | RangeError} for options out of range
 * @see System V ABI, AMD64 supplement, §3.1.2 "Aggregates and Unions", "Bit-Fields"; AAPCS64, "Composite Types"
 */
export function struct<const D extends StructDefinition>(
  name: string,
  definition: D,
  options: StructOptions = {},
): Struct<D> {
  const members = Object.entries(definition);
  for (const [field] of members) checkFieldName(name, field);
  const { size, align, placed } = layOut(name, members, options);
  const slots = placed.map(slotOf);
  const slotByName = new Map(slots.map((slot) => [slot.name, slot]));

  const slotNamed = (field: string, where: string): Slot => {
    const slot = slotByName.get(field);
    if (slot) return slot;
    const known = [...slotByName.keys()].join(", ") || "none";
    throw new TypeError(`${where}: no field ${describe(field)}; the fields of ${name} are ${known}`);
  };

  const readSlots = (from: readonly Slot[], view: DataView, at: number): Record<string, unknown> => {
    const value: Record<string, unknown> = {};
    for (const slot of from) value[slot.name] = slot.read(view, at);
    return value;
  };

  const write = (view: DataView, at: number, values: Encodable<D>, where: string): void => {
    if (typeof values !== "object" || values === null)
      throw unfit(where, "an object of fields", values, true);
    const byName = values as Readonly<Record<string, unknown>>;
    for (const field of Object.keys(byName)) {
      slotNamed(field, where).write(view, at, byName[field], `${where}.${field}`);
    }
  };

  const encode = (values: Encodable<D>): Uint8Array => {
    const bytes = new Uint8Array(size);
    write(new DataView(bytes.buffer), 0, values, name);
    return bytes;
  };

  return Object.freeze<Struct<D>>({
    name,
    size,
    align,
    packed: options.packed ?? false,
    fields: Object.freeze(slots.map(fieldOf)) as Struct<D>["fields"],
    padding: paddingOf(slots, size),
    offsetOf: (field) => slotNamed(field, name).offset,
    read: (view, at) => readSlots(slots, view, at) as Decoded<D>,
    write,
    encode,
    encodeInto(values, target, offset = 0) {
      viewOf(name, size, target, offset);
      target.set(encode(values), offset);
    },
    decode: (bytes, offset = 0) => readSlots(slots, viewOf(name, size, bytes, offset), 0) as Decoded<D>,
    decodePrefix(bytes) {
      const view = viewOf(name, 0, bytes, 0);
      const within = slots.filter((slot) => slot.offset + slot.size <= bytes.length);
      return readSlots(within, view, 0) as Partial<Decoded<D>>;
    },
  });
}
