/** BSD loopback headers, LINKTYPE_NULL and LINKTYPE_LOOP: an address family in four bytes. */
import { bytesOrNone, checkFields, describe, put32, uint } from "./_encode.ts";
import { type FieldRow, Pdu, row, u16, u32 } from "./_pdu.ts";
import type { Told } from "./_told.ts";
import { checkLength } from "./wire_error.ts";

/** In bytes. */
export const NULL_HEADER_LEN = 4;

/** Of every system. */
const AF_INET = 2;
/** Of Linux, NetBSD and OpenBSD, FreeBSD, and Darwin. */
const AF_INET6 = [10, 24, 28, 30];

/** What {@link encodeNull} takes. */
export interface NullFields {
  /** An address family, by its number on the machine that captured: 2 is IPv4; 10, 24, 28 or 30 is IPv6. */
  readonly family: number;
  /** That of the machine that captured for LINKTYPE_NULL, `"big"` for LINKTYPE_LOOP; `"little"` unless told. */
  readonly byteOrder?: "big" | "little" | undefined;
  readonly payload?: Uint8Array | undefined;
}

const ROWS: readonly FieldRow<NullHeader>[] = [
  row<NullHeader, "family">("family", "Family", 0, 32, (value, { ipVersion }) =>
    ipVersion ? `IPv${ipVersion} (${value})` : String(value),
  ),
];

/** A loopback header: see {@link decodeNull}. */
export class NullHeader extends Pdu<Told<NullFields>> {
  /** @internal */
  constructor(bytes: Uint8Array, offset: number, end: number) {
    super(bytes, offset, end);
  }

  get protocol(): "null" {
    return "null";
  }

  protected get label(): string {
    return "Loopback";
  }

  get headerLength(): number {
    return NULL_HEADER_LEN;
  }

  /** The order in which {@link family} is below 65536; where it is in neither, `"little"`. */
  get byteOrder(): "big" | "little" {
    return u16(this.bytes, this.offset) === 0 ? "big" : "little";
  }

  /** An address family, by its number on the machine that captured. */
  get family(): number {
    const value = u32(this.bytes, this.offset);
    return this.byteOrder === "big" ? value : swap(value);
  }

  /** What the family stands for, if it is IP's. */
  get ipVersion(): 4 | 6 | undefined {
    const { family } = this;
    if (family === AF_INET) return 4;
    return AF_INET6.includes(family) ? 6 : undefined;
  }

  toObject(): Told<NullFields> {
    const { family, byteOrder, payload } = this;
    return { family, byteOrder, payload };
  }

  override toString(): string {
    const { ipVersion, family } = this;
    return `Loopback ${ipVersion ? `IPv${ipVersion}` : `family ${family}`}, length ${this.end - this.offset}`;
  }

  protected rows(): readonly FieldRow<never>[] {
    return ROWS;
  }
}

function swap(value: number): number {
  return ((value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
}

/**
 * Reads a header.
 * @param start where it starts in `bytes`
 * @param end where what it carries ends
 * @throws {WireError} `TRUNCATED`
 */
export function decodeNull(bytes: Uint8Array, start = 0, end: number = bytes.length): NullHeader {
  checkLength("null", start, end, NULL_HEADER_LEN);
  return new NullHeader(bytes, start, end);
}

/**
 * Makes a header.
 * @returns the header and the payload in new bytes
 * @throws {TypeError | RangeError} that names the field
 */
export function encodeNull(fields: NullFields): Uint8Array {
  checkFields("null", fields);
  const { byteOrder = "little" } = fields;
  if (byteOrder !== "big" && byteOrder !== "little") {
    throw new TypeError(`null.byteOrder: expected "big" or "little", got ${describe(byteOrder)}`);
  }
  const family = uint("null.family", fields.family, 32);
  const payload = bytesOrNone("null.payload", fields.payload);
  const bytes = new Uint8Array(NULL_HEADER_LEN + payload.length);
  put32(bytes, 0, byteOrder === "big" ? family : swap(family));
  bytes.set(payload, NULL_HEADER_LEN);
  return bytes;
}
