/** What structs and unions share: slots in a layout, from which they are encoded, decoded and viewed. */
import { checkBytes, checkNumber, describe, unfit } from "./_check.ts";
import type { Decoded, FieldName, StructDefinition, ViewOf } from "./_definition.ts";
import type { FieldType } from "./_field_type.ts";
import { layOut, type StructOptions } from "./_layout.ts";
import { NO_CODE, writePrimitive } from "./_primitive.ts";
import { reader } from "./_reader.ts";
import { fieldOf, paddingOf, rememberSlots, type Slot, type StructField, slotsOf } from "./_slots.ts";
import { bytesOfView, type LiveView, viewClass } from "./_views.ts";
import { nativeEndian } from "./byte_order.ts";

/** A struct or union of C; also a field type, so that they nest. */
export interface Aggregate<D extends StructDefinition, Input> extends FieldType<Decoded<D>, Input> {
  readonly kind: "struct" | "union";
  /** As it was declared: `true` for `__attribute__((packed))`, `n` for `#pragma pack(n)`. */
  readonly packed: boolean | number;
  /** As it was declared. */
  readonly byteOrder: "big" | "little" | "native";
  /** The fields that have a name, in order; those of anonymous members among them. */
  readonly fields: readonly StructField<FieldName<D>>[];
  /** The runs of bytes that no field lies in, in order. Padding within nested structs is theirs. */
  readonly padding: readonly { readonly offset: number; readonly size: number }[];
  /**
   * `offsetof`, in bytes. C refuses it for a bit field; here it is the first byte that it lies in.
   * @throws {TypeError} for a name that the struct does not have
   */
  offsetOf(field: FieldName<D>): number;
  /**
   * The struct as `size` new bytes. As with C's designated initialisers, fields left out are zero; so is the padding.
   * Of a union at most one member can be given. A live view of the same struct is taken too, and copied.
   * @throws {TypeError} for a name that the struct does not have, or a value of a wrong type (`undefined` is one)
   * @throws {RangeError} for a value that does not fit; either names the struct and the field
   */
  encode(values: Input): Uint8Array;
  /**
   * Encodes into the `size` bytes of `target` from `offset` on, padding included. If it throws, nothing is written.
   * @throws {TypeError | RangeError} as {@link Aggregate.encode}; RangeError also if there are fewer than `size` bytes
   */
  encodeInto(values: Input, target: Uint8Array, offset?: number): void;
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
  /**
   * A live view of the `size` bytes from `offset` on: an object whose fields read the bytes when they are read, and write
   * them when they are assigned to. Nested structs and unions are views too, arrays are {@link ArrayView}s, byte arrays
   * are Uint8Arrays on the same memory; 64-bit integers are bigint. Assigning to a nested struct or an array replaces it
   * whole, by values or by a view, and if a value does not fit, nothing is written.
   *
   * Nothing is copied: `bytes` must not be detached or shrunk while the view is used.
   * @throws {RangeError} if there are fewer than `size` bytes; when assigning, {TypeError | RangeError} that name the field
   */
  view(bytes: Uint8Array, offset?: number): ViewOf<D>;
  live(view: DataView, at: number, where: string): ViewOf<D>;
}

/** Numbers as keys would change their order in a JavaScript object, and `__proto__` would not be a key. */
function checkFieldName(struct: string, name: string): void {
  if (/^[A-Za-z_][A-Za-z_0-9]*$/.test(name) && name !== "__proto__") return;
  throw new TypeError(`${struct}: expected a C identifier as field name, got ${describe(name)}`);
}

/** A view of `bytes` from `offset` on, in which there are at least `size` bytes. */
function dataViewOf(where: string, size: number, bytes: Uint8Array, offset: number): DataView {
  checkBytes(where, bytes);
  checkNumber(`${where}: offset`, offset, 0, Number.MAX_SAFE_INTEGER);
  const left = bytes.length - offset;
  if (left < size) {
    const from = offset === 0 ? "" : ` from offset ${offset}`;
    throw new RangeError(`${where}: expected ${size} bytes${from}, got ${Math.max(0, left)}`);
  }
  return new DataView(bytes.buffer, bytes.byteOffset + offset, left);
}

type Values = Record<string, unknown>;

/** Of a struct, how many lengths of a prefix are remembered. */
const PREFIXES = 64;

/**
 * Lays out and checks a definition once; what the functions of the result need is computed here.
 * @throws {TypeError | RangeError} for a definition or options that are not such
 */
export function aggregate<D extends StructDefinition, Input>(
  kind: "struct" | "union",
  name: string,
  definition: D,
  options: StructOptions,
): Aggregate<D, Input> {
  const members = Object.entries(definition);
  for (const [field] of members) checkFieldName(name, field);
  const { size, align, placed } = layOut(kind, name, members, options);
  const { byteOrder = "native", packed = false } = options;
  const highestFirst = (byteOrder === "native" ? nativeEndian : byteOrder) === "big";
  const self = {};
  const slots = placed.flatMap((one, option) =>
    slotsOf(name, one, byteOrder, highestFirst, kind === "union" ? [{ union: self, option }] : []),
  );
  const slotByName = new Map(slots.map((slot) => [slot.name, slot]));
  if (slotByName.size < slots.length) {
    const twice = slots.find((slot) => slotByName.get(slot.name) !== slot);
    throw new TypeError(`${name}: two fields are called ${describe(twice?.name)}`);
  }
  const hasChoices = slots.some((slot) => slot.choices.length > 0);
  const read = reader(slots);
  const prefixes = new Map<number, typeof read>();
  let View: ReturnType<typeof viewClass> | undefined;

  const slotNamed = (field: string, where: string): Slot => {
    const slot = slotByName.get(field);
    if (slot) return slot;
    const all = [...slotByName.keys()].join(", ") || "none";
    throw new TypeError(`${where}: no field ${describe(field)}; the fields of ${name} are ${all}`);
  };

  /** Refuses what lies in the place of something else that is given. */
  const checkChoices = (given: readonly string[], where: string): void => {
    const chosen = new Map<object, { readonly option: number; readonly field: string }>();
    for (const field of given) {
      for (const { union, option } of slotNamed(field, where).choices) {
        const other = chosen.get(union);
        if (other && other.option !== option) {
          throw new TypeError(`${where}: expected one member of a union, got ${other.field} and ${field}`);
        }
        chosen.set(union, { option, field });
      }
    }
  };

  const write = (view: DataView, at: number, values: Input, where: string): void => {
    if (typeof values !== "object" || values === null)
      throw unfit(where, "an object of fields", values, true);
    if (View && values instanceof View) {
      new Uint8Array(view.buffer, view.byteOffset + at, size).set(bytesOfView(values as LiveView));
      return;
    }
    const byName = values as Readonly<Values>;
    const given = Object.keys(byName);
    if (hasChoices) checkChoices(given, where);
    let next = 0;
    for (let i = 0; i < given.length; i++) {
      const field = given[i] as string;
      let slot = slots[next];
      if (slot?.name === field) next++;
      else slot = slotNamed(field, where);
      const value = byName[field];
      if (slot.code !== NO_CODE && writePrimitive(slot.code, view, at + slot.offset, value, slot.little))
        continue;
      slot.write(view, at, value, where === name ? slot.where : `${where}.${field}`);
    }
  };

  const encode = (values: Input): Uint8Array => {
    const bytes = new Uint8Array(size);
    write(new DataView(bytes.buffer), 0, values, name);
    return bytes;
  };

  const readerWithin = (length: number): typeof read => {
    if (length >= size) return read;
    let within = prefixes.get(length);
    if (within) return within;
    within = reader(slots.filter((slot) => slot.offset + slot.size <= length));
    if (prefixes.size >= PREFIXES) prefixes.clear();
    prefixes.set(length, within);
    return within;
  };

  const live = (view: DataView, at: number, where: string): ViewOf<D> => {
    View ??= viewClass(name, size, slots, read);
    return new View(view, at, where) as unknown as ViewOf<D>;
  };

  const made = Object.freeze<Aggregate<D, Input>>({
    kind,
    name,
    size,
    align,
    packed,
    byteOrder,
    fields: Object.freeze(slots.map(fieldOf)) as Aggregate<D, Input>["fields"],
    padding: paddingOf(slots, size),
    offsetOf: (field) => slotNamed(field, name).offset,
    read: read as Aggregate<D, Input>["read"],
    write,
    encode,
    encodeInto(values, target, offset = 0) {
      dataViewOf(name, size, target, offset);
      target.set(encode(values), offset);
    },
    decode: (bytes, offset = 0) => read(dataViewOf(name, size, bytes, offset), 0) as Decoded<D>,
    decodePrefix(bytes) {
      const view = dataViewOf(name, 0, bytes, 0);
      return readerWithin(bytes.length)(view, 0) as Partial<Decoded<D>>;
    },
    view: (bytes, offset = 0) => live(dataViewOf(name, size, bytes, offset), 0, name),
    live,
  });
  rememberSlots(made, slots);
  return made;
}
