/** Tables of attributes: which number has which name and type, and objects from attributes and back. */

import { concatBytes } from "../bytes/index.ts";
import { NLA_TYPE_MASK } from "./_constants.ts";
import type { AttributeType } from "./attribute_types.ts";
import {
  ATTRIBUTE_HEADER_LEN,
  type Attribute,
  align,
  attributeLength,
  attributeOf,
  encodeAttribute,
  get16,
} from "./attributes.ts";

type Rows = Readonly<Record<string, readonly [number: number, type: AttributeType<unknown, never>]>>;

type ValueOf<Type> = Type extends { decode(...args: never[]): infer T } ? Exclude<T, undefined> : never;
type InputOf<Type> = Type extends { encode(value: infer Input, where: string): Uint8Array } ? Input : never;

/** What a table decodes to: each attribute that was there, under the kernel's name without its prefix. */
export type AttributesOf<R extends Rows> = { readonly [K in keyof R]?: ValueOf<R[K][1]> } & WithUnknown;
/** What a table encodes from. `undefined` leaves an attribute out. */
export type AttributesInput<R extends Rows> = {
  readonly [K in keyof R]?: InputOf<R[K][1]> | undefined;
} & WithUnknown;

interface WithUnknown {
  /** Attributes that the table does not have, or whose data are not of their type: they come out as they went in. */
  readonly unknown?: readonly Attribute[] | undefined;
}

/** A table is the type of a nested attribute too. */
export interface AttributeTable<R extends Rows> extends AttributeType<AttributesOf<R>, AttributesInput<R>> {
  readonly name: string;
  /**
   * The attributes from `start` to `end`. Of one that stands there twice the last counts, as in the kernel.
   * @throws {WireError} `BAD_LENGTH`
   */
  decode(bytes: Uint8Array, start?: number, end?: number): AttributesOf<R>;
  /** @throws {TypeError} for a name that the table does not have @throws {TypeError | RangeError} for a value */
  encode(values: AttributesInput<R>, where?: string): Uint8Array;
  /** The name of an attribute, for messages: `"IFLA_MTU"`. */
  nameOf(type: number): string | undefined;
}

/**
 * Declares a table.
 * @param prefix the kernel's, as `"IFLA_"`
 * @param padding the number of the attribute that only fills up to eight bytes, where there is one
 */
export function attributeTable<const R extends Rows>(
  prefix: string,
  rows: R,
  padding?: number,
): AttributeTable<R> {
  const byNumber: (readonly [name: string, type: AttributeType<unknown, unknown>] | undefined)[] = [];
  for (const [name, [number, type]] of Object.entries(rows)) {
    byNumber[number] = [name, type as unknown as AttributeType<unknown, unknown>];
  }
  return {
    name: prefix,
    nested: true,
    nameOf(type) {
      const row = byNumber[type];
      return row === undefined ? undefined : prefix + row[0];
    },
    decode(bytes, start = 0, end = bytes.length) {
      const values: Record<string, unknown> = {};
      let unknown: Attribute[] | undefined;
      // Not by eachAttribute(): a function made for each message takes longer than what it does.
      for (let at = start; at + ATTRIBUTE_HEADER_LEN <= end; ) {
        const length = attributeLength(bytes, at, end);
        const flagged = get16(bytes, at + 2);
        const from = at + ATTRIBUTE_HEADER_LEN;
        const to = at + length;
        at += align(length);
        const number = flagged & NLA_TYPE_MASK;
        if (number === padding) continue;
        const row = byNumber[number];
        const value = row === undefined ? undefined : attempt(row[1], bytes, from, to);
        if (row !== undefined && value !== undefined) values[row[0]] = value;
        else {
          unknown ??= [];
          unknown.push(attributeOf(flagged, bytes.subarray(from, to)));
        }
      }
      if (unknown !== undefined) values.unknown = unknown;
      return values as AttributesOf<R>;
    },
    encode(values, where = prefix) {
      if (typeof values !== "object" || values === null) {
        throw new TypeError(`${where}: expected an object of attributes, got ${String(values)}`);
      }
      const parts: Uint8Array[] = [];
      for (const [name, value] of Object.entries(values)) {
        if (value === undefined) continue;
        if (name === "unknown") {
          if (!Array.isArray(value)) {
            throw new TypeError(`${where}.unknown: expected an array of attributes, got ${String(value)}`);
          }
          parts.push(...(value as readonly Attribute[]).map(encodeAttribute));
          continue;
        }
        const row = Object.hasOwn(rows, name) ? rows[name] : undefined;
        if (row === undefined) {
          throw new TypeError(
            `${where}: no attribute ${name}; the attributes are ${Object.keys(rows).join(", ")}`,
          );
        }
        const type = row[1] as unknown as AttributeType<unknown, unknown>;
        const data = type.encode(value, `${where}${where === prefix ? "" : "."}${name}`);
        parts.push(encodeAttribute({ type: row[0], data, ...(type.nested && { nested: true }) }));
      }
      return concatBytes(parts);
    },
  };
}

/** `undefined` also where attributes were expected within, and the data are none. */
function attempt<T>(
  type: AttributeType<T, unknown>,
  bytes: Uint8Array,
  from: number,
  to: number,
): T | undefined {
  if (type.nested !== true) return type.decode(bytes, from, to);
  try {
    return type.decode(bytes, from, to);
  } catch {
    return undefined;
  }
}
