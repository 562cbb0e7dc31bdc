/** C structs: declared once as a table of fields, then encoded, decoded, viewed and asked for their layout. */
import { type Aggregate, aggregate } from "./_aggregate.ts";
import type { Encodable, StructDefinition } from "./_definition.ts";
import type { AnyFieldType, InputOf, LiveOf, ValueOf } from "./_field_type.ts";
import type { StructOptions } from "./_layout.ts";

/** The type of what a struct or union decodes to: `StructValue<typeof sockaddr_in>`. */
export type StructValue<S extends AnyFieldType> = ValueOf<S>;

/** The type of what a struct or union encodes: every field may be left out, and 64-bit fields take safe integers too. */
export type StructInput<S extends AnyFieldType> = InputOf<S>;

/** The type of a live view of a struct or union. */
export type StructView<S extends AnyFieldType> = LiveOf<S>;

/** A struct; also a field type, so that structs nest. */
export interface Struct<D extends StructDefinition> extends Aggregate<D, Encodable<D>> {
  readonly kind: "struct";
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
 * @param definition field names and types, in order; bit fields are `bits(u32, 3)`, nested structs stand as they are,
 *   `aligned()`, `packed()` and `anonymous()` adjust a member
 * @throws {TypeError} if a field name is not a C identifier, or is there twice through an anonymous member
 * @throws {TypeError | RangeError} for options out of range
 * @see System V ABI, AMD64 supplement, §3.1.2 "Aggregates and Unions", "Bit-Fields"; AAPCS64, "Composite Types"
 */
export function struct<const D extends StructDefinition>(
  name: string,
  definition: D,
  options: StructOptions = {},
): Struct<D> {
  return aggregate<D, Encodable<D>>("struct", name, definition, options) as Struct<D>;
}
