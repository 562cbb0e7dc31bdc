/** What every decoded header is: a view of bytes, which reads a field when it is asked for, and can show itself. */
import { describe } from "./_encode.ts";
import { fieldsToJson, type Json } from "./_to_json.ts";

const INSPECT = Symbol.for("nodejs.util.inspect.custom");

/** A field, or a whole header, for people: with the bytes that it stands in. */
export interface TreeNode {
  /** As the property is called: `"ttl"`. */
  readonly name: string;
  /** As the RFC calls it: `"Time to Live"`. */
  readonly label: string;
  /** The value for people: `"64"`, `"0x1c46 (7238)"`, `"0x12 (SYN, ACK)"`. */
  readonly text: string;
  /** The first byte, from the start of what was decoded. */
  readonly offset: number;
  /** How many bytes it takes part in. */
  readonly lengthBytes: number;
  /** Of a field that is not whole bytes: its first bit, counted from the highest bit of the byte at `offset`, and its width. */
  readonly bits?: { readonly offset: number; readonly width: number };
  readonly children?: readonly TreeNode[];
}

/** A row of the table that a header's tree is drawn from: where the field is, in bits from the header's start. */
export interface FieldRow<P> {
  readonly name: keyof P & string;
  readonly label: string;
  readonly bit: number;
  readonly width: number;
  /** How its value is shown; as decimal, or as itself, unless told. */
  readonly show?: (value: never, pdu: P) => string;
}

/** A row: `at` is a byte offset, or `byte.bit` as a pair. */
export function row<P, const K extends keyof P & string>(
  name: K,
  label: string,
  at: number | readonly [byte: number, bit: number],
  width: number,
  show?: (value: P[K], pdu: P) => string,
): FieldRow<P> {
  const bit = typeof at === "number" ? at * 8 : at[0] * 8 + at[1];
  return { name, label, bit, width, ...(show && { show }) };
}

/**
 * A decoded header with what it carries. It is a view: it copies nothing, and shows other values when the bytes under it
 * change. A socket that reads into the same buffer again wants a copy first.
 *
 * @typeParam Fields what {@link Pdu.toObject} gives, and the encoder takes
 */
export abstract class Pdu<Fields extends object> {
  // Declared, not defined, and no private method: either would double the time in which an object is made.
  /** What it was decoded from, whole. */
  declare readonly bytes: Uint8Array;
  /** Where it starts in {@link bytes}. */
  declare readonly offset: number;
  /** Where it ends: behind its payload, and before what is only padding. */
  declare readonly end: number;

  protected constructor(bytes: Uint8Array, offset: number, end: number) {
    this.bytes = bytes;
    this.offset = offset;
    this.end = end;
  }

  /** The protocol's name, in lower case: `"ipv4"`. */
  abstract get protocol(): string;
  /** The length of the header with its options, in bytes. */
  abstract get headerLength(): number;
  /** All fields as a plain object, from which the encoder makes the same bytes again. Byte arrays in it are views. */
  abstract toObject(): Fields;
  /** One line for people, without what is carried. */
  abstract toString(): string;
  /** The rows of the header's tree. */
  protected abstract rows(): readonly FieldRow<never>[];
  /** The name for people: `"Internet Protocol Version 4"`. */
  protected abstract get label(): string;

  /** What the header carries: a view, empty where it carries nothing. */
  get payload(): Uint8Array {
    return this.bytes.subarray(this.offset + this.headerLength, this.end);
  }

  /** The header's own bytes, with its options: a view. */
  get header(): Uint8Array {
    return this.bytes.subarray(this.offset, this.offset + this.headerLength);
  }

  /** Every field with its place and meaning. */
  tree(): TreeNode {
    const children = this.rows().map((field) => fieldNode(this, field));
    return {
      name: this.protocol,
      label: this.label,
      text: this.toString(),
      offset: this.offset,
      lengthBytes: this.headerLength,
      children: [...children, ...this.moreNodes()],
    };
  }

  /** Nodes that no table can tell of: options, lists. */
  protected moreNodes(): readonly TreeNode[] {
    return [];
  }

  /** What {@link toObject} gives, as JSON can hold it: bytes as `"0x…"`, addresses as text. */
  toJSON(): Json {
    return fieldsToJson(this.toObject());
  }

  [INSPECT](_depth: number, options: object, inspect: (value: unknown, options: object) => string): string {
    return `${this.constructor.name} ${inspect(this.toObject(), options)}`;
  }
}

function fieldNode(pdu: Pdu<object>, { name, label, bit, width, show }: FieldRow<never>): TreeNode {
  const value = (pdu as unknown as Readonly<Record<string, unknown>>)[name];
  const whole = bit % 8 === 0 && width % 8 === 0;
  const first = Math.floor(bit / 8);
  return {
    name,
    label,
    text: show ? show(value as never, pdu as never) : describe(value),
    offset: pdu.offset + first,
    lengthBytes: Math.ceil((bit + width) / 8) - first,
    ...(!whole && { bits: { offset: bit % 8, width } }),
  };
}

/** `0x1c46`, with as many digits as `width` bits have. */
export function hex(value: number, width: number): string {
  return `0x${value.toString(16).padStart(Math.ceil(width / 4), "0")}`;
}

/** A big-endian 16-bit field. */
export function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

/** A big-endian 32-bit field, never negative. */
export function u32(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  );
}
