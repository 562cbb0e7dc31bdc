/** The layout of a struct as the object that --json prints. */
import { type AnyFieldType, cTypeOf, toHex } from "../../bytes/index.ts";
import { type AnyStruct, innermost, isArray, isStruct } from "./pieces.ts";
import type { BytesOf } from "./words.ts";

/** A run of bytes that no field uses. */
interface Run {
  readonly offset: number;
  readonly size: number;
}

export interface FieldFacts {
  readonly name: string;
  readonly type: string;
  readonly offset: number;
  readonly size: number;
  readonly bits?: { readonly offset: number; readonly width: number; readonly highestFirst?: true };
  /** Of a struct, a union or an array of them; offsets from the start of one of these. */
  readonly fields?: readonly FieldFacts[];
  readonly padding?: readonly Run[];
}

export interface LayoutFacts {
  readonly name: string;
  readonly size: number;
  readonly align: number;
  readonly packed: boolean | number;
  readonly fields: readonly FieldFacts[];
  readonly padding: readonly Run[];
  readonly bytes?: { readonly little?: string; readonly big?: string };
}

/** How C spells the types that this project calls otherwise. */
const C_NAMES: Record<string, string> = {
  ...Object.fromEntries(
    [8, 16, 32, 64].flatMap((bits) => [
      [`i${bits}`, `int${bits}_t`],
      [`u${bits}`, `uint${bits}_t`],
      [`be(u${bits})`, `__be${bits}`],
      [`le(u${bits})`, `__le${bits}`],
    ]),
  ),
  i128: "__int128",
  u128: "unsigned __int128",
  f32: "float",
  f64: "double",
  pointer: "void *",
};

/** `uint32_t[4]`, `struct point`. */
export function typeName(type: AnyFieldType): string {
  if (isArray(type)) {
    let lengths = "";
    for (let one: AnyFieldType = type; isArray(one); one = one.element as AnyFieldType)
      lengths += `[${one.length}]`;
    return `${typeName(innermost(type))}${lengths}`;
  }
  if (isStruct(type)) return type.name === type.kind ? type.kind : `${type.kind} ${type.name}`.trimEnd();
  if ("nameOf" in type) return `enum ${type.name}`;
  const [, name = type.name, length = ""] = /^(.*?)((?:\[\d+\])*)$/.exec(type.name) ?? [];
  return `${C_NAMES[name] ?? name}${length}`;
}

function fieldsOf(type: AnyStruct): FieldFacts[] {
  return type.fields.map((field) => {
    const { name, offset, size, bits } = field;
    const facts = { name, type: cTypeOf(type, name) ?? typeName(field.type), offset, size };
    const inner = innermost(field.type);
    return {
      ...facts,
      ...(bits ? { bits } : {}),
      ...(isStruct(inner) ? { fields: fieldsOf(inner), padding: inner.padding } : {}),
    };
  });
}

export function layoutFacts(type: AnyStruct, bytes: BytesOf): LayoutFacts {
  const { name, size, align, packed, padding } = type;
  const hex = Object.fromEntries(Object.entries(bytes).map(([order, one]) => [order, toHex(one)]));
  return {
    name,
    size,
    align,
    packed,
    fields: fieldsOf(type),
    padding,
    ...(Object.keys(hex).length > 0 ? { bytes: hex } : {}),
  };
}
