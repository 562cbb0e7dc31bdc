/** What a layout comes to: bytes and bits that no field uses, and fields that are not aligned. */
import type { AnyFieldType } from "../../bytes/index.ts";
import { innermost, isArray, isStruct, join } from "./pieces.ts";
import { sharedPlaces } from "./places.ts";

/** How many bits of a type its fields use, and how many whole bytes none uses, those within nested structs included. */
export function usage(type: AnyFieldType): { readonly usedBits: number; readonly paddingBytes: number } {
  if (isArray(type) && type.length > 0) {
    const one = usage(type.element as AnyFieldType);
    return { usedBits: one.usedBits * type.length, paddingBytes: one.paddingBytes * type.length };
  }
  if (!isStruct(type)) return { usedBits: type.size * 8, paddingBytes: 0 };
  let paddingBytes = type.padding.reduce((sum, run) => sum + run.size, 0);
  if (type.kind === "union") return { usedBits: (type.size - paddingBytes) * 8, paddingBytes };
  let usedBits = 0;
  const places = sharedPlaces(type.fields);
  for (const place of places) {
    // Padding is never within a shared place, save that of nested structs, which is not that of all choices.
    usedBits += place.to - place.from;
  }
  const shared = new Set(places.flatMap((place) => place.fields));
  for (const field of type.fields) {
    if (shared.has(field)) continue;
    const inner = field.bits ? { usedBits: field.bits.width, paddingBytes: 0 } : usage(field.type);
    usedBits += inner.usedBits;
    paddingBytes += inner.paddingBytes;
  }
  return { usedBits, paddingBytes };
}

/** A field whose place is not a multiple of `align`, as its type would have it. */
export interface Unaligned {
  readonly label: string;
  readonly at: number;
  readonly align: number;
}

/** The fields of a type at byte `at` that are not aligned. An array is one field. */
export function unalignedIn(type: AnyFieldType, at = 0, label = ""): Unaligned[] {
  if (type.size === 0) return [];
  if (isStruct(type)) {
    return type.fields.flatMap((field) =>
      field.bits ? [] : unalignedIn(field.type, at + field.offset, join(label, field.name)),
    );
  }
  if (isArray(type)) {
    const element = innermost(type);
    return isStruct(element) ? unalignedIn(element, at, `${label}[0]`) : unalignedIn(element, at, label);
  }
  return at % type.align === 0 ? [] : [{ label, at, align: type.align }];
}
