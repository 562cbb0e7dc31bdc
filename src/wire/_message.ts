/** What ICMP and ICMPv6 messages have in common: a type that says which fields follow, and tables of these. */
import { concatBytes } from "../bytes/index.ts";
import { Ipv4Addr, Ipv6Addr } from "../ip/index.ts";
import { bytesOrNone, checkFields, describe, flag, put16, put32, uint } from "./_encode.ts";
import { type FieldRow, hex, Pdu, row, type TreeNode, u16, u32 } from "./_pdu.ts";

/** A field at a fixed place, in bits from the message's start; none crosses a multiple of 32 bits but an IPv6 address. */
export interface Fixed<N extends string = string> {
  readonly name: N;
  readonly label: string;
  readonly bit: number;
  readonly width: number;
  readonly kind: "uint" | "int" | "flag" | "ipv4" | "ipv6";
  /** Of a number that is not told; 0 where this is left out. */
  readonly initial?: number;
  /** Has to be told. */
  readonly required?: boolean;
  readonly show?: (value: number) => string;
}

type Extras = Partial<Pick<Fixed, "kind" | "initial" | "required" | "show">>;

/** A number, unless `extras` tells another kind. */
export function fixed<const N extends string>(
  name: N,
  label: string,
  bit: number,
  width: number,
  extras: Extras = {},
): Fixed<N> {
  return { name, label, bit, width, kind: "uint", ...extras };
}

/** What follows the fixed fields. */
export interface Tail {
  /** Its properties, from `start` to `end`; the message starts at `base`. It never throws. */
  read(bytes: Uint8Array, start: number, end: number, base: number): object;
  /** Its bytes. Counts and lengths that were not told it puts into `told`, the message's fixed bytes. */
  write(fields: Readonly<Record<string, unknown>>, where: string, told: Uint8Array): Uint8Array;
  nodes(bytes: Uint8Array, start: number, end: number, base: number): readonly TreeNode[];
}

/** Bytes that mean nothing to the message. */
export const PAYLOAD: Tail = {
  read: (bytes, start, end) => ({ payload: bytes.subarray(start, end) }),
  write: (fields, where) => bytesOrNone(`${where}.payload`, fields.payload),
  nodes: () => [],
};

/** The format of one type of message. */
export interface Format {
  readonly type: number;
  readonly name: string;
  readonly fixed: readonly Fixed[];
  /** Up to the end of the fixed fields, in bytes. */
  readonly fixedLength: number;
  readonly tail: Tail;
}

/** Of messages whose fields are `F`; names that `F` does not have are not taken. */
export function format<F extends { readonly type: string }>(
  type: number,
  name: F["type"],
  fields: readonly Fixed<keyof F & string>[],
  tail: Tail = PAYLOAD,
): Format {
  const bits = Math.max(32, ...fields.map(({ bit, width }) => bit + width));
  return { type, name, fixed: fields, fixedLength: bits / 8, tail };
}

/** The formats of a protocol, by number and by name. */
export class Formats {
  readonly #byType = new Map<number, Format>();
  readonly #byName = new Map<string, Format>();

  constructor(formats: readonly Format[]) {
    for (const it of formats) {
      this.#byType.set(it.type, it);
      this.#byName.set(it.name, it);
    }
  }

  ofType(type: number): Format | undefined {
    return this.#byType.get(type);
  }

  ofName(name: string): Format | undefined {
    return this.#byName.get(name);
  }
}

function readFixed(bytes: Uint8Array, base: number, { bit, width, kind }: Fixed): unknown {
  const at = base + (bit >>> 5) * 4;
  const word = u32(bytes, at);
  if (kind === "ipv4") return Ipv4Addr.fromU32(word);
  if (kind === "ipv6") return readIpv6Addr(bytes, at);
  const value = width === 32 ? word : (word >>> (32 - (bit & 31) - width)) & (2 ** width - 1);
  if (kind === "flag") return value === 1;
  if (kind === "int" && value >= 2 ** (width - 1)) return value - 2 ** width;
  return value;
}

/** Reads sixteen bytes. */
export function readIpv6Addr(bytes: Uint8Array, at: number): Ipv6Addr {
  return Ipv6Addr.fromWords(u32(bytes, at), u32(bytes, at + 4), u32(bytes, at + 8), u32(bytes, at + 12));
}

/** Passes an address' four bytes on. @throws {TypeError} */
export function ipv4Bytes(where: string, value: unknown): Uint8Array {
  if (value instanceof Ipv4Addr) return value.toBytes();
  throw new TypeError(`${where}: expected an Ipv4Addr, got ${describe(value)}`);
}

/** Passes an address' sixteen bytes on. @throws {TypeError} */
export function ipv6Bytes(where: string, value: unknown): Uint8Array {
  if (value instanceof Ipv6Addr) return value.toBytes();
  throw new TypeError(`${where}: expected an Ipv6Addr, got ${describe(value)}`);
}

/** Passes a list on; an empty one where it is left out. @throws {TypeError} */
export function listOrNone(where: string, value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return value;
  throw new TypeError(`${where}: expected an array, got ${describe(value)}`);
}

/** Passes a signed integer on, as its two's complement. @throws {TypeError | RangeError} */
export function int(where: string, value: unknown, width: number): number {
  const half = 2 ** (width - 1);
  if (typeof value === "number" && Number.isInteger(value) && value >= -half && value < half) {
    return value < 0 ? value + 2 * half : value;
  }
  const message = `${where}: expected an integer ${-half} … ${half - 1}, got ${describe(value)}`;
  throw typeof value === "number" ? new RangeError(message) : new TypeError(message);
}

function writeFixed(bytes: Uint8Array, where: string, spec: Fixed, value: unknown): void {
  const { bit, width, kind, required } = spec;
  const initial = required ? undefined : (spec.initial ?? 0);
  const at = (bit >>> 5) * 4;
  const put = (number: number) => put32(bytes, at, u32(bytes, at) + number * 2 ** (32 - (bit & 31) - width));
  if (kind === "ipv4") bytes.set(ipv4Bytes(where, value), at);
  else if (kind === "ipv6") bytes.set(ipv6Bytes(where, value), at);
  else if (kind === "flag") put(flag(where, value) ? 1 : 0);
  else if (kind === "int") put(int(where, value ?? initial, width));
  else put(uint(where, value ?? initial, width));
}

/** Whether a fixed field was left out, so that a tail is to fill it in. */
export function untold(fields: Readonly<Record<string, unknown>>, name: string): boolean {
  return fields[name] === undefined;
}

const TYPE = 0;
const CODE = 1;
const CHECKSUM = 2;
const BODY = 4;

type Common = Message<object>;

/** A decoded message. */
export abstract class Message<F extends object> extends Pdu<F> {
  /** The names of types and codes, and the formats. */
  protected abstract get formats(): Formats;
  protected abstract typeText(): string;
  protected abstract codeText(): string;

  /** The type as a number. */
  get typeNumber(): number {
    return this.bytes[this.offset + TYPE] as number;
  }

  get code(): number {
    return this.bytes[this.offset + CODE] as number;
  }

  /** As received; it is not judged. */
  get checksum(): number {
    return u16(this.bytes, this.offset + CHECKSUM);
  }

  protected get format(): Format | undefined {
    return this.formats.ofType(this.typeNumber);
  }

  get headerLength(): number {
    const { format } = this;
    if (!format) return BODY;
    if (format.tail === PAYLOAD) return format.fixedLength;
    const { payload, quoted } = tailOf(this, format) as { payload?: Uint8Array; quoted?: Uint8Array };
    if (quoted) return format.fixedLength;
    return this.end - this.offset - (payload?.length ?? 0);
  }

  /** One of the fields that the message's type has; undefined where it has none of this name. */
  protected field(name: string): unknown {
    const { format } = this;
    const spec = format?.fixed.find((it) => it.name === name);
    if (spec) return readFixed(this.bytes, this.offset, spec);
    return format && (tailOf(this, format) as Readonly<Record<string, unknown>>)[name];
  }

  toObject(): F {
    const { format, code, checksum } = this;
    if (!format) {
      const body = this.bytes.subarray(this.offset + BODY, this.end);
      return { type: this.typeNumber, code, checksum, body } as unknown as F;
    }
    const fields = format.fixed.map((spec) => [spec.name, readFixed(this.bytes, this.offset, spec)] as const);
    const told = {
      type: format.name,
      code,
      checksum,
      ...Object.fromEntries(fields),
      ...tailOf(this, format),
    };
    return told as unknown as F;
  }

  protected rows(): readonly FieldRow<never>[] {
    return [
      row<Common, "typeNumber">("typeNumber", "Type", TYPE, 8, () => this.typeText()),
      row<Common, "code">("code", "Code", CODE, 8, () => this.codeText()),
      row<Common, "checksum">("checksum", "Checksum", CHECKSUM, 16, (value) => hex(value, 16)),
    ];
  }

  protected override moreNodes(): readonly TreeNode[] {
    const { bytes, offset, end, format } = this;
    if (!format) return [bytesNode("body", "Body", bytes, offset + BODY, end)];
    const nodes = format.fixed.map((spec) => fixedNode(bytes, offset, spec));
    return [...nodes, ...format.tail.nodes(bytes, offset + format.fixedLength, end, offset)];
  }
}

function tailOf({ bytes, offset, end }: Message<object>, { tail, fixedLength }: Format): object {
  return tail.read(bytes, offset + fixedLength, end, offset);
}

function fixedNode(bytes: Uint8Array, base: number, spec: Fixed): TreeNode {
  const { name, label, bit, width, show } = spec;
  const value = readFixed(bytes, base, spec);
  const whole = bit % 8 === 0 && width % 8 === 0;
  const first = Math.floor(bit / 8);
  return {
    name,
    label,
    text: show ? show(value as number) : describe(value),
    offset: base + first,
    lengthBytes: Math.ceil((bit + width) / 8) - first,
    ...(!whole && { bits: { offset: bit % 8, width } }),
  };
}

/** A node of bytes that are not looked into. */
export function bytesNode(
  name: string,
  label: string,
  bytes: Uint8Array,
  start: number,
  end: number,
): TreeNode {
  const text = describe(bytes.subarray(start, end));
  return { name, label, text, offset: start, lengthBytes: end - start };
}

/**
 * Makes a message; its checksum is 0 where it is not told.
 * @param protocol for errors: `"icmp"`
 * @throws {TypeError | RangeError} that names the field
 */
export function encodeMessage(protocol: string, formats: Formats, fields: object): Uint8Array {
  checkFields(protocol, fields);
  const values = (fields instanceof Message ? fields.toObject() : fields) as Readonly<
    Record<string, unknown>
  >;
  const { type, code, checksum } = values;
  const format = typeof type === "string" ? formats.ofName(type) : undefined;
  let bytes: Uint8Array;
  if (format) {
    const told = new Uint8Array(format.fixedLength);
    for (const spec of format.fixed) writeFixed(told, `${protocol}.${spec.name}`, spec, values[spec.name]);
    const tail = format.tail.write(values, protocol, told);
    bytes = concatBytes([told, tail]);
    bytes[TYPE] = format.type;
  } else {
    if (typeof type === "string") throw new TypeError(`${protocol}.type: there is no type ${describe(type)}`);
    bytes = concatBytes([new Uint8Array(BODY), bytesOrNone(`${protocol}.body`, values.body)]);
    bytes[TYPE] = uint(`${protocol}.type`, type, 8);
  }
  bytes[CODE] = uint(`${protocol}.code`, code ?? 0, 8);
  put16(bytes, CHECKSUM, uint(`${protocol}.checksum`, checksum ?? 0, 16));
  return bytes;
}
