/** What TypeScript makes of the definition of a struct or union: the types of its values, its input and its views. */
import type { InputOf, LiveOf, ValueOf } from "./_field_type.ts";
import type { BitField, UnnamedBits } from "./bits.ts";
import type { Adjusted, Anonymous, Member } from "./members.ts";

/** The fields of a struct, in C's order, or the members of a union. */
export type StructDefinition = Readonly<Record<string, Member>>;

type Bare<M> = M extends Adjusted<infer Inner> ? Inner : M;
type BareValue<M> = M extends BitField<infer Value, never> ? Value : ValueOf<M>;
type BareInput<M> = M extends { named: true; type: infer Type } ? InputOf<Type> : InputOf<M>;
type BareLive<M> = M extends BitField<infer Value, never> ? Value : LiveOf<M>;

/** The keys that stand for a field: neither unnamed bits nor anonymous members. */
type FieldKey<D, K extends keyof D> = Bare<D[K]> extends UnnamedBits | Anonymous ? never : K;

/** From a union of functions that take A, B, …: A & B & …, where each of these may itself be a union. */
type AllOf<Functions> = [Functions] extends [never]
  ? unknown
  : [Functions] extends [(taken: infer All) => void]
    ? All
    : never;

type AnonymousValues<D> = AllOf<
  {
    [K in keyof D]: Bare<D[K]> extends Anonymous<infer Type> ? (taken: ValueOf<Type>) => void : never;
  }[keyof D]
>;
type AnonymousInputs<D> = AllOf<
  {
    [K in keyof D]: Bare<D[K]> extends Anonymous<infer Type> ? (taken: InputOf<Type>) => void : never;
  }[keyof D]
>;
type AnonymousViews<D> = AllOf<
  {
    [K in keyof D]: Bare<D[K]> extends Anonymous<infer Type> ? (taken: LiveOf<Type>) => void : never;
  }[keyof D]
>;

/** What decoding gives: a value for every field, and for every member of a union. */
export type Decoded<D extends StructDefinition> = {
  readonly [K in keyof D as FieldKey<D, K>]: BareValue<Bare<D[K]>>;
} & AnonymousValues<D>;

/** Of fields that are only known at run time. */
type Untyped = Readonly<Record<string, unknown>>;

/** What a struct encodes: every field may be left out. */
export type Encodable<D extends StructDefinition> = string extends keyof D
  ? Untyped
  : { readonly [K in keyof D as FieldKey<D, K>]?: BareInput<Bare<D[K]>> } & AnonymousInputs<D>;

type NamesOf<M, K> = Bare<M> extends Anonymous<infer Type> ? keyof ValueOf<Type> : K;
type AllNames<D> = { [K in keyof D]: NamesOf<D[K], K> }[keyof D] & PropertyKey;
type OneInput<M, K extends PropertyKey> =
  Bare<M> extends Anonymous<infer Type> ? InputOf<Type> : { readonly [P in K]?: BareInput<Bare<M>> };

/** What a union encodes: one of its members, or none. */
export type OneOf<D extends StructDefinition> = [keyof D] extends [never]
  ? object
  : string extends keyof D
    ? Untyped
    : {
        [K in keyof D]: OneInput<D[K], K> & {
          readonly [P in Exclude<AllNames<D>, NamesOf<D[K], K>>]?: never;
        };
      }[keyof D];

/** A live view: the fields read and write the bytes. */
export type ViewOf<D extends StructDefinition> = {
  -readonly [K in keyof D as FieldKey<D, K>]: BareLive<Bare<D[K]>>;
} & AnonymousViews<D>;

export type FieldName<D extends StructDefinition> = keyof Decoded<D> & string;
