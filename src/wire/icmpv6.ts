/** ICMPv6 codec, RFC 4443, with neighbour discovery (RFC 4861) and multicast listener discovery (RFC 2710, RFC 3810). */
import { internetChecksum } from "../bytes/index.ts";
import { put16, uint } from "./_encode.ts";
import type { IcmpExtensions } from "./_icmp_extensions.ts";
import { icmpv6CodeName, icmpv6TypeName } from "./_icmp_names.ts";
import { ICMPV6_FORMATS, type Icmpv6Fields, type Icmpv6Type } from "./_icmpv6_formats.ts";
import { icmpv6Text } from "./_icmpv6_text.ts";
import { encodeMessage, type Formats, Message } from "./_message.ts";
import { IPPROTO_ICMPV6 } from "./_names.ts";
import type { NdpOption } from "./_ndp_options.ts";
import type { Told } from "./_told.ts";
import { type Between, pseudoHeaderSum } from "./pseudo_header.ts";
import { checkLength } from "./wire_error.ts";

const CHECKSUM = 2;
/** Of every message, RFC 4443 §2.1: type, code and checksum. */
const LEAST_LEN = 4;

/** An ICMPv6 message: see {@link decodeIcmpv6}. {@link Icmpv6Message.toObject} gives its fields by its type. */
export class Icmpv6Message extends Message<Told<Icmpv6Fields>> {
  /** @internal */
  constructor(bytes: Uint8Array, offset: number, end: number) {
    super(bytes, offset, end);
  }

  get protocol(): "icmpv6" {
    return "icmpv6";
  }

  protected get label(): string {
    return "Internet Control Message Protocol v6";
  }

  protected get formats(): Formats {
    return ICMPV6_FORMATS;
  }

  /** `"echoReply"`; a type that we do not know is a number. */
  get type(): Icmpv6Type | number {
    return (this.format?.name as Icmpv6Type | undefined) ?? this.typeNumber;
  }

  /** Of an echo; else undefined. */
  get identifier(): number | undefined {
    return this.field("identifier") as number | undefined;
  }

  /** Of an echo; else undefined. */
  get sequenceNumber(): number | undefined {
    return this.field("sequenceNumber") as number | undefined;
  }

  /** Of an error: the packet that it is about, from its IPv6 header on, mostly cut. A view. Else undefined. */
  get quoted(): Uint8Array | undefined {
    return this.field("quoted") as Uint8Array | undefined;
  }

  /** Of an error: what the router adds, such as MPLS labels. Undefined where there is nothing. */
  get extensions(): IcmpExtensions | undefined {
    return this.field("extensions") as IcmpExtensions | undefined;
  }

  /** Of neighbour discovery; else undefined. */
  get options(): readonly NdpOption[] | undefined {
    return this.field("options") as readonly NdpOption[] | undefined;
  }

  /** As tcpdump prints it: `ICMP6, neighbor solicitation, who has fe80::1, length 32`. */
  override toString(): string {
    return icmpv6Text(this);
  }

  protected typeText(): string {
    const name = icmpv6TypeName(this.typeNumber);
    return name === String(this.typeNumber) ? name : `${name} (${this.typeNumber})`;
  }

  protected codeText(): string {
    const name = icmpv6CodeName(this.typeNumber, this.code);
    return name ? `${name} (${this.code})` : String(this.code);
  }
}

/**
 * Reads one message. The checksum is given, not judged; options are read when they are asked for.
 * @param start where it starts in `bytes`
 * @param end where it ends
 * @param _wireEnd where it ended before it was cut: ICMPv6 has no length that it could be judged by
 * @throws {WireError} `TRUNCATED` where there are less than 4 bytes, or than its type has
 */
export function decodeIcmpv6(
  bytes: Uint8Array,
  start = 0,
  end: number = bytes.length,
  _wireEnd: number = end,
): Icmpv6Message {
  checkLength("icmpv6", start, end, LEAST_LEN);
  const format = ICMPV6_FORMATS.ofType(bytes[start] as number);
  if (format) checkLength("icmpv6", start, end, format.fixedLength);
  return new Icmpv6Message(bytes, start, end);
}

/**
 * Makes a message. With `between`, a checksum that is not told is computed; without, it is 0, which a raw socket's kernel fills in.
 * @returns new bytes
 * @throws {TypeError | RangeError} that names the field
 */
export function encodeIcmpv6(fields: Icmpv6Fields | Icmpv6Message, between?: Between): Uint8Array {
  const bytes = encodeMessage("icmpv6", ICMPV6_FORMATS, fields);
  const checksum = fields.checksum ?? (between ? icmpv6Checksum(bytes, between) : 0);
  put16(bytes, CHECKSUM, uint("icmpv6.checksum", checksum, 16));
  return bytes;
}

/** RFC 4443 §2.3. 0 over bytes that hold their right checksum. */
function icmpv6Checksum(bytes: Uint8Array, between: Between): number {
  return internetChecksum(bytes, pseudoHeaderSum(between, IPPROTO_ICMPV6, bytes.length));
}

/** Whether the checksum is right. A message that was cut has none that could be. */
export function verifyIcmpv6(message: Icmpv6Message, between: Between): boolean {
  return icmpv6Checksum(message.bytes.subarray(message.offset, message.end), between) === 0;
}
