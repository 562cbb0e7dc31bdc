/** IPv4 header codec, RFC 791. */
import { internetChecksum } from "../bytes/index.ts";
import { Ipv4Addr } from "../ip/index.ts";
import { bytesOrNone, checkFields, flag, put16, put32, uint } from "./_encode.ts";
import { decodeIpv4Options, encodeIpv4Options, type Ipv4Option, ipv4OptionNodes } from "./_ipv4_options.ts";
import { ipProtocolName, protocolText } from "./_names.ts";
import { type FieldRow, hex, Pdu, row, type TreeNode, u16, u32 } from "./_pdu.ts";
import type { Told } from "./_told.ts";
import type { Between } from "./pseudo_header.ts";
import { checkLength, WireError } from "./wire_error.ts";

// Byte offsets, RFC 791 §3.1.
const VERSION_IHL = 0;
const TOS = 1;
const TOTAL_LENGTH = 2;
const IDENTIFICATION = 4;
const FLAGS_FRAGMENT = 6;
const TTL = 8;
const PROTOCOL = 9;
const CHECKSUM = 10;
const SRC = 12;
const DST = 16;

/** Without options, in bytes. */
export const IPV4_HEADER_LEN = 20;
const MAX_HEADER_LEN = 60;
const DEFAULT_TTL = 64;

// Bits of the flags' 16-bit word.
const RESERVED_FLAG = 0x8000;
const DONT_FRAGMENT = 0x4000;
const MORE_FRAGMENTS = 0x2000;

/** What {@link encodeIpv4} takes. */
export interface Ipv4Fields {
  /** Differentiated services, RFC 2474; 0 unless told. */
  readonly dscp?: number | undefined;
  /** Explicit congestion notification, RFC 3168; 0 unless told. */
  readonly ecn?: number | undefined;
  /** Of header and payload, in bytes; what it is unless told. */
  readonly totalLength?: number | undefined;
  /** 0 unless told. */
  readonly identification?: number | undefined;
  /** The highest flag, which must be 0 (RFC 791 §3.1). */
  readonly reservedFlag?: boolean | undefined;
  readonly dontFragment?: boolean | undefined;
  readonly moreFragments?: boolean | undefined;
  /** In bytes, a multiple of 8; 0 unless told. */
  readonly fragmentOffset?: number | undefined;
  /** 64 unless told. */
  readonly ttl?: number | undefined;
  /** What the payload is: IANA "Protocol Numbers". */
  readonly protocolNumber: number;
  /** Of the header; computed unless told. */
  readonly checksum?: number | undefined;
  readonly src: Ipv4Addr;
  readonly dst: Ipv4Addr;
  /** None unless told; filled up to a multiple of four bytes. */
  readonly options?: readonly Ipv4Option[] | undefined;
  readonly payload?: Uint8Array | undefined;
}

const ROWS: readonly FieldRow<Ipv4Packet>[] = [
  row<Ipv4Packet, "version">("version", "Version", VERSION_IHL, 4),
  row<Ipv4Packet, "headerLength">("headerLength", "IHL", [0, 4], 4, (value) => `${value} bytes`),
  row<Ipv4Packet, "dscp">("dscp", "DSCP", TOS, 6),
  row<Ipv4Packet, "ecn">("ecn", "ECN", [TOS, 6], 2),
  row<Ipv4Packet, "totalLength">("totalLength", "Total Length", TOTAL_LENGTH, 16),
  row<Ipv4Packet, "identification">("identification", "Identification", IDENTIFICATION, 16, (value) =>
    hex(value, 16),
  ),
  row<Ipv4Packet, "reservedFlag">("reservedFlag", "Reserved", FLAGS_FRAGMENT, 1),
  row<Ipv4Packet, "dontFragment">("dontFragment", "Don't Fragment", [FLAGS_FRAGMENT, 1], 1),
  row<Ipv4Packet, "moreFragments">("moreFragments", "More Fragments", [FLAGS_FRAGMENT, 2], 1),
  row<Ipv4Packet, "fragmentOffset">(
    "fragmentOffset",
    "Fragment Offset",
    [FLAGS_FRAGMENT, 3],
    13,
    (value) => `${value} bytes`,
  ),
  row<Ipv4Packet, "ttl">("ttl", "Time to Live", TTL, 8),
  row<Ipv4Packet, "protocolNumber">("protocolNumber", "Protocol", PROTOCOL, 8, (value) =>
    protocolText(value),
  ),
  row<Ipv4Packet, "checksum">("checksum", "Header Checksum", CHECKSUM, 16, (value) => hex(value, 16)),
  row<Ipv4Packet, "src">("src", "Source Address", SRC, 32),
  row<Ipv4Packet, "dst">("dst", "Destination Address", DST, 32),
];

/** An IPv4 packet: see {@link decodeIpv4}. */
export class Ipv4Packet extends Pdu<Told<Ipv4Fields>> {
  /** @internal */
  constructor(bytes: Uint8Array, offset: number, end: number) {
    super(bytes, offset, end);
  }

  get protocol(): "ipv4" {
    return "ipv4";
  }

  protected get label(): string {
    return "Internet Protocol Version 4";
  }

  get version(): 4 {
    return 4;
  }

  /** Four times the IHL field: 20 … 60. */
  get headerLength(): number {
    return ((this.bytes[this.offset] as number) & 0x0f) * 4;
  }

  /** Differentiated services code point, 0 … 63, RFC 2474. */
  get dscp(): number {
    return (this.bytes[this.offset + TOS] as number) >>> 2;
  }

  /** Explicit congestion notification, 0 … 3, RFC 3168 §5. */
  get ecn(): number {
    return (this.bytes[this.offset + TOS] as number) & 3;
  }

  /** Of header and payload, in bytes, as it stands in the header: 0 where the card was to cut a larger one (TSO). */
  get totalLength(): number {
    return u16(this.bytes, this.offset + TOTAL_LENGTH);
  }

  get identification(): number {
    return u16(this.bytes, this.offset + IDENTIFICATION);
  }

  /** The highest flag, which must be 0. */
  get reservedFlag(): boolean {
    return (u16(this.bytes, this.offset + FLAGS_FRAGMENT) & RESERVED_FLAG) !== 0;
  }

  get dontFragment(): boolean {
    return (u16(this.bytes, this.offset + FLAGS_FRAGMENT) & DONT_FRAGMENT) !== 0;
  }

  get moreFragments(): boolean {
    return (u16(this.bytes, this.offset + FLAGS_FRAGMENT) & MORE_FRAGMENTS) !== 0;
  }

  /** Where the payload belongs in the whole, in bytes. */
  get fragmentOffset(): number {
    return (u16(this.bytes, this.offset + FLAGS_FRAGMENT) & 0x1fff) * 8;
  }

  get ttl(): number {
    return this.bytes[this.offset + TTL] as number;
  }

  /** What the payload is: IANA "Protocol Numbers". */
  get protocolNumber(): number {
    return this.bytes[this.offset + PROTOCOL] as number;
  }

  /** Of the header, as received: see {@link verifyIpv4}. */
  get checksum(): number {
    return u16(this.bytes, this.offset + CHECKSUM);
  }

  get src(): Ipv4Addr {
    return Ipv4Addr.fromU32(u32(this.bytes, this.offset + SRC));
  }

  get dst(): Ipv4Addr {
    return Ipv4Addr.fromU32(u32(this.bytes, this.offset + DST));
  }

  /** Who sent it, and who is to get it in the end, as checksums have it. RFC 1122 §3.2.1.8. */
  get between(): Between {
    if (this.headerLength === IPV4_HEADER_LEN) return { src: this.src, dst: this.dst };
    return ipv4Between(this);
  }

  /** In order. What does not read as an option is kept as it is: nothing is thrown. */
  get options(): readonly Ipv4Option[] {
    return decodeIpv4Options(this.bytes, this.offset + IPV4_HEADER_LEN, this.offset + this.headerLength);
  }

  toObject(): Told<Ipv4Fields> {
    const { dscp, ecn, totalLength, identification, reservedFlag, dontFragment, moreFragments } = this;
    const { fragmentOffset, ttl, protocolNumber, checksum, src, dst, options, payload } = this;
    return {
      dscp,
      ecn,
      totalLength,
      identification,
      reservedFlag,
      dontFragment,
      moreFragments,
      fragmentOffset,
      ttl,
      protocolNumber,
      checksum,
      src,
      dst,
      options,
      payload,
    };
  }

  override toString(): string {
    const { src, dst, ttl, protocolNumber, fragmentOffset, moreFragments } = this;
    const fragment = moreFragments || fragmentOffset > 0 ? `, fragment at ${fragmentOffset}` : "";
    return `IPv4 ${src} > ${dst}, ${ipProtocolName(protocolNumber)}, ttl ${ttl}${fragment}, length ${this.end - this.offset}`;
  }

  protected rows(): readonly FieldRow<never>[] {
    return ROWS;
  }

  protected override moreNodes(): readonly TreeNode[] {
    return ipv4OptionNodes(this.bytes, this.offset + IPV4_HEADER_LEN, this.offset + this.headerLength);
  }
}

/**
 * Reads one packet. Bytes past its Total Length (Ethernet's padding) are not part of it; the checksum is given, not judged;
 * options are read when they are asked for.
 * @param start where it starts in `bytes`
 * @param end where what may belong to it ends
 * @param wireEnd where it ended before it was cut, by a capture's snap length or in the quote of an ICMP error
 * @throws {WireError} `TRUNCATED`, `BAD_LENGTH`, `BAD_VALUE` for another version
 */
export function decodeIpv4(
  bytes: Uint8Array,
  start = 0,
  end: number = bytes.length,
  wireEnd: number = end,
): Ipv4Packet {
  checkLength("ipv4", start, end, IPV4_HEADER_LEN);
  const first = bytes[start] as number;
  if (first >>> 4 !== 4) {
    throw new WireError("BAD_VALUE", "ipv4", start, `expected version 4, got ${first >>> 4}`);
  }
  const headerLength = (first & 0x0f) * 4;
  if (headerLength < IPV4_HEADER_LEN) {
    throw new WireError("BAD_LENGTH", "ipv4", start, `expected an IHL of 5 … 15, got ${first & 0x0f}`);
  }
  checkLength("ipv4", start, end, headerLength);
  const totalLength = u16(bytes, start + TOTAL_LENGTH);
  if (totalLength === 0) return new Ipv4Packet(bytes, start, end); // left to the card: it cuts the segment (TSO)
  if (totalLength < headerLength || start + totalLength > wireEnd) {
    const expected = `expected a Total Length of ${headerLength} … ${wireEnd - start}, got ${totalLength}`;
    throw new WireError("BAD_LENGTH", "ipv4", start + TOTAL_LENGTH, expected);
  }
  return new Ipv4Packet(bytes, start, Math.min(start + totalLength, end));
}

/** The addresses of the pseudo header: with a source route that has a way to go, its last stop. RFC 1122 §3.2.1.8. */
export function ipv4Between({ src, dst, options }: Pick<Ipv4Fields, "src" | "dst" | "options">): Between {
  for (const option of options ?? []) {
    if (option.name !== "looseSourceRoute" && option.name !== "strictSourceRoute") continue;
    const left = option.pointer <= option.addrs.length * 4;
    return { src, dst: (left && option.addrs.at(-1)) || dst };
  }
  return { src, dst };
}

function address(where: string, value: unknown): number {
  if (value instanceof Ipv4Addr) return value.toU32();
  throw new TypeError(`${where}: expected an Ipv4Addr, got ${String(value)}`);
}

/**
 * Makes a packet.
 * @returns the header and the payload in new bytes
 * @throws {TypeError | RangeError} that names the field
 */
export function encodeIpv4(fields: Ipv4Fields): Uint8Array {
  checkFields("ipv4", fields);
  const options = encodeIpv4Options(fields.options ?? []);
  const payload = bytesOrNone("ipv4.payload", fields.payload);
  const headerLength = IPV4_HEADER_LEN + options.length;
  if (headerLength > MAX_HEADER_LEN) {
    throw new RangeError(`ipv4.options: expected at most 40 bytes, got ${options.length}`);
  }
  const total = headerLength + payload.length;
  const fragmentOffset = uint("ipv4.fragmentOffset", fields.fragmentOffset ?? 0, 16);
  if (fragmentOffset % 8 !== 0) {
    throw new RangeError(`ipv4.fragmentOffset: expected a multiple of 8, got ${fragmentOffset}`);
  }
  const bytes = new Uint8Array(total);
  bytes[VERSION_IHL] = 0x40 | (headerLength / 4);
  bytes[TOS] = (uint("ipv4.dscp", fields.dscp ?? 0, 6) << 2) | uint("ipv4.ecn", fields.ecn ?? 0, 2);
  put16(bytes, TOTAL_LENGTH, uint("ipv4.totalLength", fields.totalLength ?? total, 16));
  put16(bytes, IDENTIFICATION, uint("ipv4.identification", fields.identification ?? 0, 16));
  const flags =
    (flag("ipv4.reservedFlag", fields.reservedFlag) ? RESERVED_FLAG : 0) |
    (flag("ipv4.dontFragment", fields.dontFragment) ? DONT_FRAGMENT : 0) |
    (flag("ipv4.moreFragments", fields.moreFragments) ? MORE_FRAGMENTS : 0);
  put16(bytes, FLAGS_FRAGMENT, flags | (fragmentOffset / 8));
  bytes[TTL] = uint("ipv4.ttl", fields.ttl ?? DEFAULT_TTL, 8);
  bytes[PROTOCOL] = uint("ipv4.protocolNumber", fields.protocolNumber, 8);
  put32(bytes, SRC, address("ipv4.src", fields.src));
  put32(bytes, DST, address("ipv4.dst", fields.dst));
  if (options.length > 0) bytes.set(options, IPV4_HEADER_LEN);
  if (payload.length > 0) bytes.set(payload, headerLength);
  const checksum = fields.checksum ?? internetChecksum(bytes.subarray(0, headerLength));
  put16(bytes, CHECKSUM, uint("ipv4.checksum", checksum, 16));
  return bytes;
}

/** Whether the header's checksum is right. */
export function verifyIpv4(packet: Ipv4Packet): boolean {
  return internetChecksum(packet.header) === 0;
}
