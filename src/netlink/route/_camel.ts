/** Attribute tables whose objects have camelCase names, as everything has that programs see. */
import { type AttributeTable, attributeTable } from "../attribute_table.ts";
import type { AttributeType } from "../attribute_types.ts";
import type { Attribute } from "../attributes.ts";

type Rows = Readonly<Record<string, readonly [number: number, type: AttributeType<unknown, never>]>>;

type Camel<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? `${Lowercase<Head>}${Capitalize<Camel<Tail>>}`
  : Lowercase<S>;
type ValueOf<Type> = Type extends { decode(...args: never[]): infer T } ? Exclude<T, undefined> : never;
type InputOf<Type> = Type extends { encode(value: infer Input, where: string): Uint8Array } ? Input : never;

/** What it decodes to: `FORWARD_DELAY` is `forwardDelay`. */
export type CamelOf<R extends Rows> = {
  readonly [K in keyof R & string as Camel<K>]?: ValueOf<R[K][1]>;
} & { readonly unknown?: readonly Attribute[] | undefined };
/** What it encodes from. */
export type CamelInput<R extends Rows> = {
  readonly [K in keyof R & string as Camel<K>]?: InputOf<R[K][1]> | undefined;
} & { readonly unknown?: readonly Attribute[] | undefined };

function camel(name: string): string {
  return name.toLowerCase().replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}

/** As {@link attributeTable}, with the kernel's names in camelCase. */
export function camelTable<const R extends Rows>(
  prefix: string,
  rows: R,
  padding?: number,
): AttributeType<CamelOf<R>, CamelInput<R>> & Pick<AttributeTable<Rows>, "name"> {
  const renamed = Object.fromEntries(Object.entries(rows).map(([name, row]) => [camel(name), row]));
  const table = attributeTable(prefix, renamed, padding);
  return table as unknown as AttributeType<CamelOf<R>, CamelInput<R>> & Pick<AttributeTable<Rows>, "name">;
}
