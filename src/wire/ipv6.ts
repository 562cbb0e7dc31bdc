/** IPv6 header codec with its extension headers, RFC 8200, and jumbograms, RFC 2675. */
import { Ipv6Addr } from "../ip/index.ts";
import { bytesOrNone, checkFields, describe, put16, put32, uint } from "./_encode.ts";
import {
  decodeExtension,
  encodeExtension,
  extensionKind,
  extensionLength,
  extensionNode,
  type Ipv6Extension,
  isExtension,
} from "./_ipv6_extensions.ts";
import { findJumboPayload } from "./_ipv6_options.ts";
import { IPPROTO_FRAGMENT, IPPROTO_HOPOPTS, ipProtocolName, protocolText } from "./_names.ts";
import { type FieldRow, hex, Pdu, row, type TreeNode, u16, u32 } from "./_pdu.ts";
import type { Told } from "./_told.ts";
import type { Between } from "./pseudo_header.ts";
import { checkLength, WireError } from "./wire_error.ts";

// Byte offsets, RFC 8200 §3.
const VERSION_CLASS_LABEL = 0;
const PAYLOAD_LENGTH = 4;
const NEXT_HEADER = 6;
const HOP_LIMIT = 7;
const SRC = 8;
const DST = 24;

/** Without extension headers, in bytes. */
export const IPV6_HEADER_LEN = 40;
const DEFAULT_HOP_LIMIT = 64;
const MAX_PAYLOAD_LENGTH = 0xffff;

/** What {@link encodeIpv6} takes. */
export interface Ipv6Fields {
  /** The upper six bits of the Traffic Class: differentiated services, RFC 2474; 0 unless told. */
  readonly dscp?: number | undefined;
  /** The lower two bits of the Traffic Class: explicit congestion notification, RFC 3168; 0 unless told. */
  readonly ecn?: number | undefined;
  /** 20 bits; 0 unless told. */
  readonly flowLabel?: number | undefined;
  /** Of extensions and payload, in bytes; what it is unless told, 0 where there is a jumbo payload option. */
  readonly payloadLength?: number | undefined;
  /** What follows this header; the first extension, or `upperProtocol`, unless told. */
  readonly nextHeader?: number | undefined;
  /** 64 unless told. */
  readonly hopLimit?: number | undefined;
  readonly src: Ipv6Addr;
  readonly dst: Ipv6Addr;
  /** None unless told. */
  readonly extensions?: readonly Ipv6Extension[] | undefined;
  /** What the payload is: IANA "Protocol Numbers". May be left out where the last `nextHeader` is told. */
  readonly upperProtocol?: number | undefined;
  /** What follows the extensions. */
  readonly payload?: Uint8Array | undefined;
}

const ROWS: readonly FieldRow<Ipv6Packet>[] = [
  row<Ipv6Packet, "version">("version", "Version", VERSION_CLASS_LABEL, 4),
  row<Ipv6Packet, "dscp">("dscp", "DSCP", [VERSION_CLASS_LABEL, 4], 6),
  row<Ipv6Packet, "ecn">("ecn", "ECN", [VERSION_CLASS_LABEL + 1, 2], 2),
  row<Ipv6Packet, "flowLabel">("flowLabel", "Flow Label", [VERSION_CLASS_LABEL + 1, 4], 20, (value) =>
    hex(value, 20),
  ),
  row<Ipv6Packet, "payloadLength">("payloadLength", "Payload Length", PAYLOAD_LENGTH, 16),
  row<Ipv6Packet, "nextHeader">("nextHeader", "Next Header", NEXT_HEADER, 8, (value) => protocolText(value)),
  row<Ipv6Packet, "hopLimit">("hopLimit", "Hop Limit", HOP_LIMIT, 8),
  row<Ipv6Packet, "src">("src", "Source Address", SRC, 128),
  row<Ipv6Packet, "dst">("dst", "Destination Address", DST, 128),
];

/** An extension header's place in a chain. */
interface Link {
  readonly kind: number;
  readonly offset: number;
  readonly lengthBytes: number;
}

/** An IPv6 packet: see {@link decodeIpv6}. */
export class Ipv6Packet extends Pdu<Told<Ipv6Fields>> {
  /** @internal */
  constructor(bytes: Uint8Array, offset: number, end: number) {
    super(bytes, offset, end);
  }

  get protocol(): "ipv6" {
    return "ipv6";
  }

  protected get label(): string {
    return "Internet Protocol Version 6";
  }

  get version(): 6 {
    return 6;
  }

  /** With the extension headers: 40 and more. */
  get headerLength(): number {
    return this.upperOffset - this.offset;
  }

  /** `dscp` and `ecn` as one byte. */
  get trafficClass(): number {
    return (u16(this.bytes, this.offset) >>> 4) & 0xff;
  }

  /** Differentiated services code point, 0 … 63, RFC 2474. */
  get dscp(): number {
    return this.trafficClass >>> 2;
  }

  /** Explicit congestion notification, 0 … 3, RFC 3168 §5. */
  get ecn(): number {
    return this.trafficClass & 3;
  }

  /** 20 bits: the same for all packets of a flow; 0 where the sender has set none. RFC 6437. */
  get flowLabel(): number {
    return u32(this.bytes, this.offset) & 0xfffff;
  }

  /** Of extensions and payload, in bytes, as it stands in the header: 0 in a jumbogram. */
  get payloadLength(): number {
    return u16(this.bytes, this.offset + PAYLOAD_LENGTH);
  }

  /** What follows the first 40 bytes: an extension, or the payload. */
  get nextHeader(): number {
    return this.bytes[this.offset + NEXT_HEADER] as number;
  }

  get hopLimit(): number {
    return this.bytes[this.offset + HOP_LIMIT] as number;
  }

  get src(): Ipv6Addr {
    return address(this.bytes, this.offset + SRC);
  }

  /** Where it goes next: with a routing header that may be a stop on the way, see {@link between}. */
  get dst(): Ipv6Addr {
    return address(this.bytes, this.offset + DST);
  }

  /** Who sent it, and who is to get it in the end, as checksums have it. RFC 8200 §8.1. */
  get between(): Between {
    return ipv6Between(this);
  }

  /**
   * The extension headers in order. The chain ends before ESP, which hides what follows, behind a fragment header that
   * is not the first fragment's, and before a header that is not whole: that is the payload then.
   */
  get extensions(): readonly Ipv6Extension[] {
    const { bytes } = this;
    return this.links().map(({ kind, offset, lengthBytes }) =>
      decodeExtension(bytes, kind, offset, offset + lengthBytes),
    );
  }

  /**
   * Where it ends in `bytes`, or would, had it not been cut.
   * @internal
   */
  wireEnd(): number {
    const at = this.offset + IPV6_HEADER_LEN;
    const { bytes, end, payloadLength } = this;
    if (payloadLength > 0 || end === at) return at + payloadLength;
    const optionsEnd = at + extensionLength(bytes, IPPROTO_HOPOPTS, at, end);
    return at + (findJumboPayload(bytes, at + 2, optionsEnd)?.length ?? 0);
  }

  /** What the {@link payload} is: IANA "Protocol Numbers". */
  get upperProtocol(): number {
    const last = this.lastLink();
    return last ? (this.bytes[last.offset] as number) : this.nextHeader;
  }

  /** Where the {@link payload} starts in `bytes`. */
  get upperOffset(): number {
    const last = this.lastLink();
    return last ? last.offset + last.lengthBytes : this.offset + IPV6_HEADER_LEN;
  }

  private lastLink(): Link | undefined {
    if (!isExtension(this.nextHeader)) return undefined;
    return this.links().at(-1);
  }

  /** Every header takes 8 bytes at least, so that the chain is done when the bytes are. */
  private links(): readonly Link[] {
    const { bytes, offset: start, end } = this;
    const links: Link[] = [];
    let kind = this.nextHeader;
    let offset = start + IPV6_HEADER_LEN;
    while (isExtension(kind)) {
      const lengthBytes = extensionLength(bytes, kind, offset, end);
      if (lengthBytes === 0) break;
      links.push({ kind, offset, lengthBytes });
      // What follows in later fragments is not a header.
      if (kind === IPPROTO_FRAGMENT && (u16(bytes, offset + 2) & 0xfff8) !== 0) break;
      kind = bytes[offset] as number;
      offset += lengthBytes;
    }
    return links;
  }

  /** Where the payload belongs in the whole, in bytes; 0 where the packet is no fragment, or the first. */
  get fragmentOffset(): number {
    return this.fragmentWord() & 0xfff8;
  }

  /** More fragments follow. */
  get moreFragments(): boolean {
    return (this.fragmentWord() & 1) !== 0;
  }

  private fragmentWord(): number {
    if (!isExtension(this.nextHeader)) return 0;
    const link = this.links().find(({ kind }) => kind === IPPROTO_FRAGMENT);
    return link ? u16(this.bytes, link.offset + 2) : 0;
  }

  toObject(): Told<Ipv6Fields> {
    const { dscp, ecn, flowLabel, payloadLength, nextHeader, hopLimit, src, dst } = this;
    const { extensions, upperProtocol, payload } = this;
    return {
      dscp,
      ecn,
      flowLabel,
      payloadLength,
      nextHeader,
      hopLimit,
      src,
      dst,
      extensions,
      upperProtocol,
      payload,
    };
  }

  override toString(): string {
    const { src, dst, hopLimit, upperProtocol, fragmentOffset, moreFragments } = this;
    const fragment = moreFragments || fragmentOffset > 0 ? `, fragment at ${fragmentOffset}` : "";
    const name = ipProtocolName(upperProtocol);
    return `IPv6 ${src} > ${dst}, ${name}, hop limit ${hopLimit}${fragment}, length ${this.end - this.offset}`;
  }

  protected rows(): readonly FieldRow<never>[] {
    return ROWS;
  }

  protected override moreNodes(): readonly TreeNode[] {
    const { bytes } = this;
    return this.links().map(({ kind, offset, lengthBytes }) =>
      extensionNode(decodeExtension(bytes, kind, offset, offset + lengthBytes), offset, lengthBytes),
    );
  }
}

function address(bytes: Uint8Array, at: number): Ipv6Addr {
  return Ipv6Addr.fromWords(u32(bytes, at), u32(bytes, at + 4), u32(bytes, at + 8), u32(bytes, at + 12));
}

/** Where the bytes behind the first 40 end. @throws {WireError} `BAD_LENGTH` */
function payloadEnd(bytes: Uint8Array, start: number, end: number, wireEnd: number): number {
  const length = u16(bytes, start + PAYLOAD_LENGTH);
  const at = start + IPV6_HEADER_LEN;
  if (length === 0 && bytes[start + NEXT_HEADER] === IPPROTO_HOPOPTS) {
    const optionsEnd = at + extensionLength(bytes, IPPROTO_HOPOPTS, at, end);
    const jumbo = findJumboPayload(bytes, at + 2, optionsEnd);
    if (jumbo) {
      if (jumbo.length > MAX_PAYLOAD_LENGTH && at + jumbo.length <= wireEnd) return at + jumbo.length;
      const expected = `expected a Jumbo Payload Length of 65536 … ${wireEnd - at}, got ${jumbo.length}`;
      throw new WireError("BAD_LENGTH", "ipv6", jumbo.at, expected);
    }
  }
  if (at + length <= wireEnd) return at + length;
  const expected = `expected a Payload Length of 0 … ${wireEnd - at}, got ${length}`;
  throw new WireError("BAD_LENGTH", "ipv6", start + PAYLOAD_LENGTH, expected);
}

/**
 * Reads one packet. Bytes past its Payload Length (Ethernet's padding) are not part of it; extension headers are read
 * when they are asked for.
 * @param start where it starts in `bytes`
 * @param end where what may belong to it ends
 * @param wireEnd where it ended before it was cut, by a capture's snap length or in the quote of an ICMP error
 * @throws {WireError} `TRUNCATED`, `BAD_LENGTH`, `BAD_VALUE` for another version
 */
export function decodeIpv6(
  bytes: Uint8Array,
  start = 0,
  end: number = bytes.length,
  wireEnd: number = end,
): Ipv6Packet {
  checkLength("ipv6", start, end, IPV6_HEADER_LEN);
  const version = (bytes[start] as number) >>> 4;
  if (version !== 6) throw new WireError("BAD_VALUE", "ipv6", start, `expected version 6, got ${version}`);
  return new Ipv6Packet(bytes, start, Math.min(payloadEnd(bytes, start, end, wireEnd), end));
}

/** The addresses of the pseudo header: with a routing header that has a way to go, its last stop. RFC 8200 §8.1. */
export function ipv6Between({
  src,
  dst,
  extensions,
}: Pick<Ipv6Fields, "src" | "dst" | "extensions">): Between {
  for (const extension of extensions ?? []) {
    if (extension.name === "sourceRoute" && extension.segmentsLeft > 0) {
      return { src, dst: extension.addrs.at(-1) ?? dst };
    }
    if (extension.name === "segmentRouting" && extension.segmentsLeft > 0) {
      return { src, dst: extension.segments[0] ?? dst };
    }
  }
  return { src, dst };
}

function addressBytes(where: string, value: unknown): Uint8Array {
  if (value instanceof Ipv6Addr) return value.toBytes();
  throw new TypeError(`${where}: expected an Ipv6Addr, got ${describe(value)}`);
}

function encodeChain(fields: Ipv6Fields): { readonly first: number; readonly parts: readonly Uint8Array[] } {
  const extensions = fields.extensions ?? [];
  if (!Array.isArray(extensions)) {
    throw new TypeError(`ipv6.extensions: expected an array, got ${describe(extensions)}`);
  }
  const list: readonly Ipv6Extension[] = extensions;
  const kinds = list.map((extension, index) => extensionKind(`ipv6.extensions[${index}]`, extension));
  const told = list.length === 0 ? fields.nextHeader : list.at(-1)?.nextHeader;
  const upper = uint("ipv6.upperProtocol", fields.upperProtocol ?? told, 8);
  const parts = list.map((extension, index) =>
    encodeExtension(`ipv6.extensions[${index}]`, extension, kinds[index + 1] ?? upper),
  );
  return { first: uint("ipv6.nextHeader", fields.nextHeader ?? kinds[0] ?? upper, 8), parts };
}

function payloadLengthOf({ payloadLength, extensions }: Ipv6Fields, length: number): number {
  if (payloadLength !== undefined) return uint("ipv6.payloadLength", payloadLength, 16);
  if (length <= MAX_PAYLOAD_LENGTH) return length;
  const first = extensions?.[0];
  if (first?.name === "hopByHop" && first.options.some(({ name }) => name === "jumboPayload")) return 0;
  const expected = "expected at most 65535 bytes with the extensions, or a jumboPayload option";
  throw new RangeError(`ipv6.payload: ${expected}, got ${length} bytes`);
}

/**
 * Makes a packet. What follows what is filled in where a `nextHeader` is left out.
 * @returns the header with its extensions, and the payload, in new bytes
 * @throws {TypeError | RangeError} that names the field
 */
export function encodeIpv6(fields: Ipv6Fields): Uint8Array {
  checkFields("ipv6", fields);
  const payload = bytesOrNone("ipv6.payload", fields.payload);
  const { first, parts } = encodeChain(fields);
  const length = parts.reduce((sum, part) => sum + part.length, payload.length);
  const bytes = new Uint8Array(IPV6_HEADER_LEN + length);
  const trafficClass = (uint("ipv6.dscp", fields.dscp ?? 0, 6) << 2) | uint("ipv6.ecn", fields.ecn ?? 0, 2);
  const flowLabel = uint("ipv6.flowLabel", fields.flowLabel ?? 0, 20);
  put32(bytes, VERSION_CLASS_LABEL, (6 << 28) | (trafficClass << 20) | flowLabel);
  put16(bytes, PAYLOAD_LENGTH, payloadLengthOf(fields, length));
  bytes[NEXT_HEADER] = first;
  bytes[HOP_LIMIT] = uint("ipv6.hopLimit", fields.hopLimit ?? DEFAULT_HOP_LIMIT, 8);
  bytes.set(addressBytes("ipv6.src", fields.src), SRC);
  bytes.set(addressBytes("ipv6.dst", fields.dst), DST);
  let at = IPV6_HEADER_LEN;
  for (const part of [...parts, payload]) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
