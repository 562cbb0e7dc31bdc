/** ICMP codec, RFC 792, with the fields that RFC 950, 1191, 1256 and 4884 have added. */
import { internetChecksum } from "../bytes/index.ts";
import { put16, uint } from "./_encode.ts";
import type { IcmpExtensions } from "./_icmp_extensions.ts";
import { ICMP_FORMATS, type IcmpFields, type IcmpType } from "./_icmp_formats.ts";
import { icmpCodeName, icmpTypeName } from "./_icmp_names.ts";
import { icmpText } from "./_icmp_text.ts";
import { encodeMessage, type Formats, Message } from "./_message.ts";
import type { Told } from "./_told.ts";
import { checkLength } from "./wire_error.ts";

const CHECKSUM = 2;
/** Of every message, RFC 792: type, code and checksum. */
const LEAST_LEN = 4;

/** An ICMP message: see {@link decodeIcmp}. {@link IcmpMessage.toObject} gives its fields by its type. */
export class IcmpMessage extends Message<Told<IcmpFields>> {
  /** @internal */
  constructor(bytes: Uint8Array, offset: number, end: number) {
    super(bytes, offset, end);
  }

  get protocol(): "icmp" {
    return "icmp";
  }

  protected get label(): string {
    return "Internet Control Message Protocol";
  }

  protected get formats(): Formats {
    return ICMP_FORMATS;
  }

  /** `"echoReply"`; a type that we do not know is a number. */
  get type(): IcmpType | number {
    return (this.format?.name as IcmpType | undefined) ?? this.typeNumber;
  }

  /** Of an echo, timestamp, information or address mask message; else undefined. */
  get identifier(): number | undefined {
    return this.field("identifier") as number | undefined;
  }

  /** Of an echo, timestamp, information or address mask message; else undefined. */
  get sequenceNumber(): number | undefined {
    return this.field("sequenceNumber") as number | undefined;
  }

  /** Of an error: the packet that it is about, from its IP header on, mostly cut. A view. Else undefined. */
  get quoted(): Uint8Array | undefined {
    return this.field("quoted") as Uint8Array | undefined;
  }

  /** Of an error: what the router adds, such as MPLS labels. Undefined where there is nothing. */
  get extensions(): IcmpExtensions | undefined {
    return this.field("extensions") as IcmpExtensions | undefined;
  }

  /** As tcpdump prints it: `ICMP echo request, id 1, seq 2, length 64`. */
  override toString(): string {
    return icmpText(this);
  }

  protected typeText(): string {
    const name = icmpTypeName(this.typeNumber);
    return name === String(this.typeNumber) ? name : `${name} (${this.typeNumber})`;
  }

  protected codeText(): string {
    const name = icmpCodeName(this.typeNumber, this.code);
    return name ? `${name} (${this.code})` : String(this.code);
  }
}

/**
 * Reads one message. The checksum is given, not judged.
 * @param start where it starts in `bytes`
 * @param end where it ends
 * @param _wireEnd where it ended before it was cut: ICMP has no length that it could be judged by
 * @throws {WireError} `TRUNCATED` where there are less than 4 bytes, or than its type has
 */
export function decodeIcmp(
  bytes: Uint8Array,
  start = 0,
  end: number = bytes.length,
  _wireEnd: number = end,
): IcmpMessage {
  checkLength("icmp", start, end, LEAST_LEN);
  const format = ICMP_FORMATS.ofType(bytes[start] as number);
  if (format) checkLength("icmp", start, end, format.fixedLength);
  return new IcmpMessage(bytes, start, end);
}

/**
 * Makes a message.
 * @returns new bytes
 * @throws {TypeError | RangeError} that names the field
 */
export function encodeIcmp(fields: IcmpFields | IcmpMessage): Uint8Array {
  const bytes = encodeMessage("icmp", ICMP_FORMATS, fields);
  const checksum = fields.checksum ?? internetChecksum(bytes);
  put16(bytes, CHECKSUM, uint("icmp.checksum", checksum, 16));
  return bytes;
}

/** Whether the checksum is right. A message that was cut has none that could be. */
export function verifyIcmp(message: IcmpMessage): boolean {
  return internetChecksum(message.bytes.subarray(message.offset, message.end)) === 0;
}
