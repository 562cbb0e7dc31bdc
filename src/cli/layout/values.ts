/** Values for a struct, given as JSON, and the bytes that they are in either byte order. */
import { type AnyFieldType, type FieldType, pointer, toHex } from "../../bytes/index.ts";
import { UsageError } from "../_command.ts";
import { type AnyStruct, isArray, isStruct } from "./pieces.ts";
import type { ByteOrder, BytesOf } from "./words.ts";

/** Beyond this the bytes of a struct are not made. */
const MOST_BYTES = 1 << 20;

/** A string or a number of valid JSON. Strings come first, so that digits in them are not taken for numbers. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/**
 * JSON in which whole numbers keep all their digits: a bigint where a number would not be exact.
 * @throws {UsageError} if it is not JSON
 */
export function parseExact(text: string): unknown {
  try {
    JSON.parse(text);
  } catch (error) {
    throw new UsageError(`--values: ${(error as Error).message}`);
  }
  // Numbers become strings too, told apart by their first letter.
  const marked = text.replace(TOKEN, (token) =>
    token.startsWith('"') ? `"s${token.slice(1)}` : `"n${token}"`,
  );
  return unmark(JSON.parse(marked));
}

function unmark(value: unknown): unknown {
  if (typeof value === "string") return value.startsWith("s") ? value.slice(1) : exactNumber(value.slice(1));
  if (Array.isArray(value)) return value.map(unmark);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key.slice(1), unmark(one)]));
}

function exactNumber(digits: string): number | bigint {
  const number = Number(digits);
  return Number.isSafeInteger(number) || !/^-?\d+$/.test(digits) ? number : BigInt(digits);
}

/** Turns what JSON has into what the type takes: bytes come as a list of numbers. */
function fitted(type: AnyFieldType, value: unknown, where: string): unknown {
  if (isStruct(type)) {
    if (Array.isArray(value)) throw new UsageError(`${where}: expected an object of fields, got a list`);
    if (typeof value !== "object" || value === null) return value;
    const types = new Map(type.fields.map((field) => [field.name as string, field]));
    return Object.fromEntries(
      Object.entries(value).map(([name, one]) => {
        const field = types.get(name);
        const plain = field === undefined || field.bits !== undefined;
        return [name, plain ? one : fitted(field.type, one, `${where}.${name}`)];
      }),
    );
  }
  if (!Array.isArray(value)) return value;
  if (isArray(type)) {
    const element = type.element as AnyFieldType;
    return value.map((one, i) => fitted(element, one, `${where}[${i}]`));
  }
  for (const [i, byte] of value.entries()) {
    if (!Number.isInteger(byte) || byte < 0 || byte > 255) {
      throw new UsageError(`${where}[${i}]: expected a byte 0 … 255, got ${String(byte)}`);
    }
  }
  return Uint8Array.from(value);
}

/** Whether a scalar stands in the order of the machine, as numbers and pointers do; `be(…)`, `le(…)`, bytes and text do not. */
function followsMachine(type: AnyFieldType): boolean {
  return type === pointer || (type.ordered !== undefined && !/^[bl]e\(/.test(type.name));
}

/** What a little-endian machine has in memory, turned into what a big-endian one has there. */
class Turner {
  readonly #from: Uint8Array;
  readonly #to: Uint8Array;

  constructor(from: Uint8Array, to: Uint8Array) {
    this.#from = from;
    this.#to = to;
  }

  turn(type: AnyFieldType, at: number, value: unknown): void {
    if (isStruct(type)) this.#members(type, at, value);
    else if (isArray(type)) {
      const element = type.element as AnyFieldType;
      for (let i = 0; i < type.length && element.size > 0; i++) {
        this.turn(element, at + i * element.size, (value as unknown[] | undefined)?.[i]);
      }
    } else {
      const bytes = this.#from.slice(at, at + type.size);
      this.#to.set(followsMachine(type) ? bytes.reverse() : bytes, at);
    }
  }

  #members(type: AnyStruct, at: number, value: unknown): void {
    const given = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
    for (const { name, type: inner, offset, bits } of type.fields) {
      // What was not given is zero. Of a union, the bytes are those of the member that was given.
      if (!Object.hasOwn(given, name)) continue;
      if (bits?.highestFirst) this.#copyBits((at + offset) * 8 + bits.offset, bits.width);
      else if (bits) this.#turnBits((at + offset) * 8 + bits.offset, bits.width);
      else this.turn(inner, at + offset, given[name]);
    }
  }

  /** Big-endian ABIs give bit fields the same places, but count the bits of a byte from the high end. */
  #turnBits(first: number, width: number): void {
    for (let i = 0; i < width; i++) {
      const from = first + i;
      if (((this.#from[from >> 3] ?? 0) >> (from & 7)) & 1) {
        const to = first + width - 1 - i;
        this.#to[to >> 3] = (this.#to[to >> 3] ?? 0) | (0x80 >> (to & 7));
      }
    }
  }

  /** The bits of a struct that is big-endian on either machine. */
  #copyBits(first: number, width: number): void {
    for (let bit = first; bit < first + width; bit++) {
      const mask = 0x80 >> (bit & 7);
      this.#to[bit >> 3] = (this.#to[bit >> 3] ?? 0) | ((this.#from[bit >> 3] ?? 0) & mask);
    }
  }
}

/**
 * The struct with these values, in each of the byte orders. Fields that are left out are zero, and so is padding.
 * @throws {TypeError | RangeError | UsageError} for what does not fit; it names the field
 */
export function bytesOfValues(type: AnyStruct, values: unknown, orders: readonly ByteOrder[]): BytesOf {
  if (type.size > MOST_BYTES) {
    throw new UsageError(`--values: ${type.name} has ${type.size} bytes, more than ${MOST_BYTES}`);
  }
  const input = fitted(type, values, type.name);
  const little = new Uint8Array(type.size); // x86-64 and arm64, where this runs, are little-endian
  (type as FieldType<unknown>).write(new DataView(little.buffer), 0, input, type.name);
  const big = new Uint8Array(type.size);
  new Turner(little, big).turn(type, 0, input);
  const both = { little, big };
  return Object.fromEntries(orders.map((order) => [order, both[order]]));
}

/** Bytes in a line of hexadecimal text, and how many lines there are at most. */
const PER_LINE = 16;
const MOST_LINES = 16;

/** `00 01 …`, in lines. */
function hexLines(bytes: Uint8Array): string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length && lines.length < MOST_LINES; at += PER_LINE) {
    lines.push(toHex(bytes.subarray(at, at + PER_LINE), " "));
  }
  const left = bytes.length - MOST_LINES * PER_LINE;
  if (left > 0) lines.push(`… ${left} more bytes; --json has them all`);
  return lines;
}

/** The bytes of several forms of a struct as text, each with its form and its byte order before it. */
export function hexTable(forms: readonly { readonly form: string; readonly bytes: BytesOf }[]): string[] {
  const rows = forms.flatMap(({ form, bytes }) =>
    Object.entries(bytes).map(([order, one]) => ({
      heading: `${form}, ${order}-endian:`,
      lines: hexLines(one),
    })),
  );
  const width = Math.max(0, ...rows.map(({ heading }) => heading.length));
  return rows.flatMap(({ heading, lines }) =>
    lines.map((line, i) => `${(i === 0 ? heading : "").padEnd(width)}  ${line}`),
  );
}
