/** UDP header codec, RFC 768. */
import { internetChecksum } from "../bytes/index.ts";
import { bytesOrNone, checkFields, put16, uint } from "./_encode.ts";
import { type FieldRow, hex, Pdu, row, u16 } from "./_pdu.ts";
import type { Told } from "./_told.ts";
import { type Between, pseudoHeaderSum } from "./pseudo_header.ts";
import { checkLength, WireError } from "./wire_error.ts";

// Byte offsets, RFC 768 "Format".
const SRC_PORT = 0;
const DST_PORT = 2;
const LENGTH = 4;
const CHECKSUM = 6;

/** In bytes. */
export const UDP_HEADER_LEN = 8;
/** UDP in IPv4's Protocol field. */
const IPPROTO_UDP = 17;

/** What {@link encodeUdp} takes. */
export interface UdpFields {
  /** 0 when the sender wants no reply; 0 unless told. */
  readonly srcPort?: number | undefined;
  readonly dstPort: number;
  /** Of header and data, in bytes; what it is unless told. */
  readonly length?: number | undefined;
  /** 0 for none, which IPv6 forbids (RFC 8200 §8.1). Computed unless told. */
  readonly checksum?: number | undefined;
  readonly payload?: Uint8Array | undefined;
}

const ROWS: readonly FieldRow<UdpDatagram>[] = [
  row<UdpDatagram, "srcPort">("srcPort", "Source Port", SRC_PORT, 16),
  row<UdpDatagram, "dstPort">("dstPort", "Destination Port", DST_PORT, 16),
  row<UdpDatagram, "length">("length", "Length", LENGTH, 16),
  row<UdpDatagram, "checksum">("checksum", "Checksum", CHECKSUM, 16, (value) => hex(value, 16)),
];

/** A UDP datagram: see {@link decodeUdp}. */
export class UdpDatagram extends Pdu<Told<UdpFields>> {
  /** @internal */
  constructor(bytes: Uint8Array, offset: number, end: number) {
    super(bytes, offset, end);
  }

  get protocol(): "udp" {
    return "udp";
  }

  protected get label(): string {
    return "User Datagram Protocol";
  }

  get headerLength(): number {
    return UDP_HEADER_LEN;
  }

  /** 0 when the sender wants no reply. */
  get srcPort(): number {
    return u16(this.bytes, this.offset + SRC_PORT);
  }

  get dstPort(): number {
    return u16(this.bytes, this.offset + DST_PORT);
  }

  /** Of header and data, in bytes, as it stands in the header: 0 in a jumbogram (RFC 2675 §4). */
  get length(): number {
    return u16(this.bytes, this.offset + LENGTH);
  }

  /** As received; 0 means that the sender made none. See {@link verifyUdp}. */
  get checksum(): number {
    return u16(this.bytes, this.offset + CHECKSUM);
  }

  toObject(): Told<UdpFields> {
    const { srcPort, dstPort, length, checksum, payload } = this;
    return { srcPort, dstPort, length, checksum, payload };
  }

  override toString(): string {
    return `UDP ${this.srcPort} > ${this.dstPort}, length ${this.end - this.offset - UDP_HEADER_LEN}`;
  }

  protected rows(): readonly FieldRow<never>[] {
    return ROWS;
  }
}

/**
 * Reads one datagram. Bytes past its Length (Ethernet's padding) are not part of it; the checksum is given, not judged.
 * @param start where it starts in `bytes`
 * @param end where what may belong to it ends
 * @param wireEnd where it ended before it was cut, by a capture's snap length or in the quote of an ICMP error
 * @throws {WireError} `TRUNCATED`, `BAD_LENGTH` where Length is below 8 or more than there is
 */
export function decodeUdp(
  bytes: Uint8Array,
  start = 0,
  end: number = bytes.length,
  wireEnd: number = end,
): UdpDatagram {
  checkLength("udp", start, end, UDP_HEADER_LEN);
  const length = u16(bytes, start + LENGTH);
  if (length === 0) return new UdpDatagram(bytes, start, end); // a jumbogram, RFC 2675 §4
  if (length < UDP_HEADER_LEN || start + length > wireEnd) {
    const expected = `expected a Length of 8 … ${wireEnd - start}, got ${length}`;
    throw new WireError("BAD_LENGTH", "udp", start + LENGTH, expected);
  }
  return new UdpDatagram(bytes, start, Math.min(start + length, end));
}

/**
 * Makes a datagram. With `between`, a checksum that is not told is computed; without, it is 0, which stands for none.
 * @returns the header and the payload in new bytes
 * @throws {TypeError | RangeError} that names the field
 */
export function encodeUdp(fields: UdpFields, between?: Between): Uint8Array {
  checkFields("udp", fields);
  const payload = bytesOrNone("udp.payload", fields.payload);
  const total = UDP_HEADER_LEN + payload.length;
  const bytes = new Uint8Array(total);
  put16(bytes, SRC_PORT, uint("udp.srcPort", fields.srcPort ?? 0, 16));
  put16(bytes, DST_PORT, uint("udp.dstPort", fields.dstPort, 16));
  // More than 65535 bytes are a jumbogram's, whose Length is 0.
  put16(bytes, LENGTH, uint("udp.length", fields.length ?? (total > 0xffff ? 0 : total), 16));
  bytes.set(payload, UDP_HEADER_LEN);
  const told = fields.checksum ?? (between ? udpChecksum(bytes, between) : 0);
  put16(bytes, CHECKSUM, uint("udp.checksum", told, 16));
  return bytes;
}

/**
 * The checksum of a datagram whose checksum field is 0 (or left out of account: it is counted as it stands).
 * @returns 1 … 65535: a sum of 0 is sent as 65535
 * @see RFC 768 "Fields", RFC 8200 §8.1
 */
function udpChecksum(bytes: Uint8Array, between: Between): number {
  return internetChecksum(bytes, pseudoHeaderSum(between, IPPROTO_UDP, bytes.length)) || 0xffff;
}

/** Whether the checksum is right. `undefined` where the sender made none. */
export function verifyUdp(datagram: UdpDatagram, between: Between): boolean | undefined {
  if (datagram.checksum === 0) return undefined;
  const bytes = datagram.bytes.subarray(datagram.offset, datagram.end);
  return internetChecksum(bytes, pseudoHeaderSum(between, IPPROTO_UDP, bytes.length)) === 0;
}
