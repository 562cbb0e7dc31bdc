/** What the words of all kinds of links are read with. */
import type { KindData, PortData, RouteSocket } from "../../netlink/route/index.ts";
import { UsageError } from "../_command.ts";
import type { Read, Words } from "./change_words.ts";

/** What the words of a kind tell. */
export interface KindWords {
  readonly data?: KindData[keyof KindData];
  readonly port?: PortData["bridge"];
}

export type KindReader = (words: Words, net: RouteSocket, creating: boolean) => Promise<KindWords>;

export type Settable<T> = { -readonly [K in keyof T]: T[K] };
/** The fields whose values are of a type. */
export type FieldsOf<T, V> = { [K in keyof T]-?: V extends T[K] ? K : never }[keyof T];

export interface KindState<T> {
  readonly net: RouteSocket;
  readonly creating: boolean;
  readonly data: Settable<T>;
}

export const U8 = 0xff;
export const U16 = 0xffff;

export function oneOf(table: Readonly<Record<string, number>>, word: string): number | undefined {
  return Object.hasOwn(table, word) ? table[word] : undefined;
}

/** Two numbers as the kernel reads them: flags, and which of them count. */
export function twoWords(first: number, second: number): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, first, true);
  view.setUint32(4, second, true);
  return bytes;
}

/** Refuses a word that a kind does not have. */
export const unknownWord =
  (kind: string, what: "command" | "option"): Read<unknown> =>
  (_, __, keyword) => {
    throw new UsageError(`${kind}: unknown ${what} "${keyword}"?`);
  };
