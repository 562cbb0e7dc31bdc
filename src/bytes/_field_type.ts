/** What a type must know to stand in a struct: its C size and alignment, and how it reads and writes itself. */

/**
 * A type of a C object. The integers, arrays, texts and structs of this folder all are one; so is anything else with
 * these members.
 *
 * @typeParam Value what `read` gives
 * @typeParam Input what `write` takes
 */
export interface FieldType<Value, Input = Value> {
  /** As it is written in a layout: `"u16"`, `"be(u16)"`, `"u32[4]"`, `"in6_addr"`. */
  readonly name: string;
  /** `sizeof`, in bytes. */
  readonly size: number;
  /** `_Alignof`, in bytes: a power of two. */
  readonly align: number;
  /** Reads the value at byte `at` of `view`; `size` bytes are there. Nothing in what it gives is a view of them. */
  read(view: DataView, at: number): Value;
  /**
   * Writes the value at byte `at` of `view`, where `size` bytes are there and are zero.
   * @param where what an error calls this place, such as `"sockaddr_in.sin_port"`
   * @throws {TypeError | RangeError} if the value does not fit
   */
  write(view: DataView, at: number, value: Input, where: string): void;
  /** The same type with its integers in this byte order. What has none of its own (bytes, text, pointers, structs) lacks this. */
  ordered?(littleEndian: boolean): FieldType<Value, Input>;
  /** A view of the bytes at `at`, which reads and writes them. Without it, a live view of a struct has the values. */
  live?(view: DataView, at: number, where: string): unknown;
}

/** Any field type, where only its layout matters. */
export type AnyFieldType = FieldType<unknown, never>;

/** The type of the values that a field type reads. */
export type ValueOf<Type> = Type extends { read(view: DataView, at: number): infer Value } ? Value : never;

/** The type of the values that a field type writes. */
export type InputOf<Type> = Type extends {
  write(view: DataView, at: number, value: infer Input, where: string): void;
}
  ? Input
  : never;

/** The type under which a live view has a field of a type: a view where the type has one, else the value. */
export type LiveOf<Type> = Type extends { live(view: DataView, at: number, where: string): infer Live }
  ? Live
  : ValueOf<Type>;
