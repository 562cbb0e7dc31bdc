/** What a filter expression is when it has been read: a tree of questions, and of arithmetic on bytes. */
import type { Token } from "./_tokens.ts";
import type { Kind, Protocol } from "./_words.ts";

export type Direction = "src" | "dst" | "src or dst" | "src and dst";

/** The words before a value that say what it is; those after it inherit them. */
export interface Qualifiers {
  readonly protocol?: Protocol;
  readonly direction?: Direction;
  /** `host` where none is given. */
  readonly kind?: Kind;
}

export type Value =
  | { readonly type: "name" | "mac"; readonly text: string }
  | { readonly type: "number"; readonly text: string; readonly value: number }
  | { readonly type: "ipv4"; readonly text: string; readonly prefix?: number; readonly mask?: string }
  | { readonly type: "ipv6"; readonly text: string; readonly prefix?: number };

export type Relation = ">" | ">=" | "=" | "<=" | "<" | "!=";

/** A question about the packet. `token` is the place that errors are about. */
export type Question = { readonly token: Token } & (
  | { readonly type: "chain"; readonly first: Question; readonly rest: readonly Link[] }
  | { readonly type: "not"; readonly of: Question }
  | { readonly type: "value"; readonly qualifiers: Qualifiers; readonly value: Value }
  | { readonly type: "protocol"; readonly protocol: Protocol }
  | { readonly type: "cast"; readonly cast: "broadcast" | "multicast"; readonly protocol?: Protocol }
  | {
      readonly type: "relation";
      readonly relation: Relation;
      readonly left: Arithmetic;
      readonly right: Arithmetic;
    }
  | { readonly type: "size"; readonly size: "less" | "greater"; readonly length: number }
  | { readonly type: "bound"; readonly outbound: boolean }
  | { readonly type: "ifindex"; readonly index: number }
  | { readonly type: "inside"; readonly inside: "vlan" | "mpls" | "pppoes"; readonly id?: number }
  | { readonly type: "pppoed" }
);

/** One more question of a chain: `and` and `or` bind alike, the left ones first. */
export interface Link {
  readonly operator: "and" | "or";
  readonly question: Question;
}

export type Operator = "+" | "-" | "*" | "/" | "%" | "&" | "|" | "^" | "<<" | ">>";

/** A 32-bit unsigned number made of the packet. */
export type Arithmetic = { readonly token: Token } & (
  | { readonly type: "number"; readonly value: number }
  | { readonly type: "length" }
  | { readonly type: "load"; readonly protocol: Protocol; readonly offset: Arithmetic; readonly size: number }
  | {
      readonly type: "binary";
      readonly operator: Operator;
      readonly left: Arithmetic;
      readonly right: Arithmetic;
    }
  | { readonly type: "negate"; readonly of: Arithmetic }
);
