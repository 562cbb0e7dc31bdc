/** Lists of options as IPv4 and TCP have them: a kind, mostly a length, a body; 0 ends the list, 1 is a filler. */
import { describe } from "./_encode.ts";
import type { TreeNode } from "./_pdu.ts";

/** Options that every such list has. */
export type PlainOption =
  /** Ends the list. Left out where only the least padding follows. */
  | { readonly name: "end" }
  /** Filler of one byte. */
  | { readonly name: "nop" }
  /** Of a kind that we do not know, or with a body that its kind does not have. */
  | { readonly name: "unknown"; readonly kind: number; readonly data: Uint8Array }
  /** What follows the end of the list, where it is more than zeros up to a multiple of four bytes. */
  | { readonly name: "padding"; readonly data: Uint8Array }
  /** What does not read as options, up to the end of the list: its first byte has no length, or one that cannot be. */
  | { readonly name: "malformed"; readonly data: Uint8Array };

/** An option, and where it stands in the bytes. */
export interface Placed<O> {
  readonly option: O;
  readonly offset: number;
  readonly lengthBytes: number;
}

/** Reads a body from `start` to `end`; undefined where it is not what its kind has. */
export type ReadBody<O> = (bytes: Uint8Array, kind: number, start: number, end: number) => O | undefined;

/** Reads a list. It never throws, and nothing of the bytes is lost. */
export function readOptions<O>(
  bytes: Uint8Array,
  start: number,
  end: number,
  readBody: ReadBody<O>,
): readonly Placed<O | PlainOption>[] {
  const list: Placed<O | PlainOption>[] = [];
  const add = (option: O | PlainOption, offset: number, lengthBytes: number): number => {
    list.push({ option, offset, lengthBytes });
    return offset + lengthBytes;
  };
  let at = start;
  while (at < end) {
    const kind = bytes[at] as number;
    if (kind === 0) {
      if (isLeastPadding(bytes, at, end)) break;
      at = add({ name: "end" }, at, 1);
      if (!isLeastPadding(bytes, at, end)) {
        add({ name: "padding", data: bytes.subarray(at, end) }, at, end - at);
      }
      break;
    }
    if (kind === 1) {
      at = add({ name: "nop" }, at, 1);
      continue;
    }
    const length = at + 1 < end ? (bytes[at + 1] as number) : 0;
    if (length < 2 || at + length > end) {
      at = add({ name: "malformed", data: bytes.subarray(at, end) }, at, end - at);
      break;
    }
    const known = readBody(bytes, kind, at + 2, at + length);
    at = add(known ?? { name: "unknown", kind, data: bytes.subarray(at + 2, at + length) }, at, length);
  }
  return list;
}

function isLeastPadding(bytes: Uint8Array, at: number, end: number): boolean {
  if (end - at > 3) return false;
  for (let i = at; i < end; i++) if (bytes[i] !== 0) return false;
  return true;
}

/** The kind and body of an option, for {@link writeOptions}. */
export interface Body {
  readonly kind: number;
  readonly data: ArrayLike<number>;
}

/** Gives the body of a known option; undefined where its name is not known. `where` names it in errors. */
export type WriteBody<O> = (option: O, where: string) => Body | undefined;

const NONE = new Uint8Array(0);

/**
 * Makes a list, with zeros up to a multiple of four bytes.
 * @param where the field, as `"ipv4.options"`
 * @throws {TypeError | RangeError} that names the option
 */
export function writeOptions<O extends { readonly name: string }>(
  where: string,
  options: readonly (O | PlainOption)[],
  writeBody: WriteBody<O>,
): Uint8Array {
  if (!Array.isArray(options)) throw new TypeError(`${where}: expected an array, got ${describe(options)}`);
  if (options.length === 0) return NONE;
  const bytes: number[] = [];
  for (const [index, option] of options.entries()) {
    writeOption(bytes, `${where}[${index}]`, option, writeBody);
  }
  // A typed array made from an array of numbers costs microseconds.
  const written = new Uint8Array((bytes.length + 3) & ~3);
  for (let at = 0; at < bytes.length; at++) written[at] = bytes[at] as number;
  return written;
}

function writeOption<O extends { readonly name: string }>(
  bytes: number[],
  where: string,
  option: O | PlainOption,
  writeBody: WriteBody<O>,
): void {
  if (typeof option !== "object" || option === null) {
    throw new TypeError(`${where}: expected an option, got ${describe(option)}`);
  }
  const plain = option as PlainOption;
  switch (plain.name) {
    case "end":
      bytes.push(0);
      return;
    case "nop":
      bytes.push(1);
      return;
    case "padding":
    case "malformed":
      bytes.push(...dataOf(where, plain.data));
      return;
    case "unknown":
      if (!Number.isInteger(plain.kind) || plain.kind < 2 || plain.kind > 255) {
        throw new RangeError(`${where}.kind: expected an integer 2 … 255, got ${describe(plain.kind)}`);
      }
      pushBody(bytes, where, { kind: plain.kind, data: dataOf(where, plain.data) });
      return;
    default: {
      const body = writeBody(option as O, where);
      if (!body) throw new TypeError(`${where}: there is no option ${describe((option as O).name)}`);
      pushBody(bytes, where, body);
    }
  }
}

function pushBody(bytes: number[], where: string, { kind, data }: Body): void {
  if (data.length > 253) throw new RangeError(`${where}: expected at most 253 bytes, got ${data.length}`);
  bytes.push(kind, data.length + 2);
  for (let i = 0; i < data.length; i++) bytes.push(data[i] as number);
}

function dataOf(where: string, data: unknown): Uint8Array {
  if (data instanceof Uint8Array) return data;
  throw new TypeError(`${where}.data: expected a Uint8Array, got ${describe(data)}`);
}

/** Nodes for a tree: an option each, its fields as text. */
export function optionNodes<O extends { readonly name: string }>(
  placed: readonly Placed<O>[],
  label: (option: O) => string,
  text: (option: O) => string,
): readonly TreeNode[] {
  return placed.map(({ option, offset, lengthBytes }) => ({
    name: option.name,
    label: label(option),
    text: text(option),
    offset,
    lengthBytes,
  }));
}
