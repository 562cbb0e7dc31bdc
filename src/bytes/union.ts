/** C unions: all members at offset 0, of which one is written and any can be read. */
import { type Aggregate, aggregate } from "./_aggregate.ts";
import type { OneOf, StructDefinition } from "./_definition.ts";
import type { StructOptions } from "./_layout.ts";

/** A union; also a field type, so that it stands in structs. */
export interface Union<D extends StructDefinition> extends Aggregate<D, OneOf<D>> {
  readonly kind: "union";
}

/**
 * Declares a union and lays it out as gcc does: as large as its largest member, rounded up to the strictest alignment.
 *
 * Decoding gives the value of every member, each read from the same bytes. Encoding takes one member at most, and leaves
 * bytes past it zero; so what was decoded is encoded again by choosing a member.
 *
 * ```ts
 * const word = union("word", { whole: be(u32), bytes: byteArray(4) });
 * word.decode(word.encode({ whole: 0x7f000001 })); // { whole: 2130706433, bytes: 7f 00 00 01 }
 * ```
 *
 * @param definition member names and types; an anonymous struct in it is one member, whose fields go together
 * @throws {TypeError | RangeError} as {@link struct}
 */
export function union<const D extends StructDefinition>(
  name: string,
  definition: D,
  options: StructOptions = {},
): Union<D> {
  return aggregate<D, OneOf<D>>("union", name, definition, options) as Union<D>;
}
