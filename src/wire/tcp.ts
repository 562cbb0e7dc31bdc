/** TCP header codec, RFC 9293. */
import { internetChecksum } from "../bytes/index.ts";
import { bytesOrNone, checkFields, flag, put16, put32, uint } from "./_encode.ts";
import { IPPROTO_TCP } from "./_names.ts";
import { type FieldRow, hex, Pdu, row, type TreeNode, u16, u32 } from "./_pdu.ts";
import { decodeTcpOptions, encodeTcpOptions, placedTcpOptions, type TcpOption } from "./_tcp_options.ts";
import {
  ACK,
  AE,
  CWR,
  ECE,
  FIN,
  PSH,
  RST,
  SYN,
  tcpFlagNames,
  tcpOptionNodes,
  tcpText,
  URG,
} from "./_tcp_text.ts";
import type { Told } from "./_told.ts";
import { type Between, pseudoHeaderSum } from "./pseudo_header.ts";
import { checkLength, WireError } from "./wire_error.ts";

// Byte offsets, RFC 9293 §3.1.
const SRC_PORT = 0;
const DST_PORT = 2;
const SEQUENCE_NUMBER = 4;
const ACKNOWLEDGMENT_NUMBER = 8;
const DATA_OFFSET = 12; // four bits, then three reserved ones, then nine flags
const WINDOW = 14;
const CHECKSUM = 16;
const URGENT_POINTER = 18;

/** Without options, in bytes. */
export const TCP_HEADER_LEN = 20;
const MAX_OPTIONS_LEN = 40;

/** The flags by name, RFC 9293 §3.1. What is left out is false, or as `flags` has it. */
export interface TcpFlags {
  /** No more data from the sender. */
  readonly fin?: boolean | undefined;
  /** Synchronize sequence numbers. */
  readonly syn?: boolean | undefined;
  /** Reset the connection. */
  readonly rst?: boolean | undefined;
  /** Push. */
  readonly psh?: boolean | undefined;
  /** The Acknowledgment Number counts. */
  readonly ack?: boolean | undefined;
  /** The Urgent Pointer counts. */
  readonly urg?: boolean | undefined;
  /** ECN echo, RFC 3168 §6.1. */
  readonly ece?: boolean | undefined;
  /** Congestion window reduced, RFC 3168 §6.1. */
  readonly cwr?: boolean | undefined;
  /** Accurate ECN, RFC 9768 §2; it was NS, the nonce sum, in RFC 3540. */
  readonly ae?: boolean | undefined;
}

const NONE = new Uint8Array(0);

/** What {@link encodeTcp} takes. */
export interface TcpFields extends TcpFlags {
  readonly srcPort: number;
  readonly dstPort: number;
  /** 0 unless told. */
  readonly sequenceNumber?: number | undefined;
  /** 0 unless told. */
  readonly acknowledgmentNumber?: number | undefined;
  /** The three bits before the flags, which must be 0. */
  readonly reserved?: number | undefined;
  /** All nine flags as a number, SYN being 2; a flag that is told by its name as well is as its name has it. */
  readonly flags?: number | undefined;
  /** As in the header, before it is scaled; 65535 unless told. */
  readonly window?: number | undefined;
  /** Computed unless told, where the addresses are known. */
  readonly checksum?: number | undefined;
  /** 0 unless told. */
  readonly urgentPointer?: number | undefined;
  /** None unless told; filled up to a multiple of four bytes. */
  readonly options?: readonly TcpOption[] | undefined;
  readonly payload?: Uint8Array | undefined;
}

type Row<K extends keyof TcpSegment & string> = Parameters<typeof row<TcpSegment, K>>;
const field = <const K extends keyof TcpSegment & string>(...args: Row<K>): FieldRow<TcpSegment> =>
  row<TcpSegment, K>(...args);

const ROWS: readonly FieldRow<TcpSegment>[] = [
  field("srcPort", "Source Port", SRC_PORT, 16),
  field("dstPort", "Destination Port", DST_PORT, 16),
  field("sequenceNumber", "Sequence Number", SEQUENCE_NUMBER, 32),
  field("acknowledgmentNumber", "Acknowledgment Number", ACKNOWLEDGMENT_NUMBER, 32),
  field("headerLength", "Data Offset", DATA_OFFSET, 4, (value) => `${value} bytes`),
  field("reserved", "Reserved", [DATA_OFFSET, 4], 3),
  field("flags", "Flags", [DATA_OFFSET, 7], 9, (value) => `${hex(value, 9)} (${tcpFlagNames(value)})`),
  field("window", "Window", WINDOW, 16),
  field("checksum", "Checksum", CHECKSUM, 16, (value) => hex(value, 16)),
  field("urgentPointer", "Urgent Pointer", URGENT_POINTER, 16),
];

/** A TCP segment: see {@link decodeTcp}. */
export class TcpSegment extends Pdu<Told<Omit<TcpFields, "flags">>> {
  /** @internal */
  constructor(bytes: Uint8Array, offset: number, end: number) {
    super(bytes, offset, end);
  }

  get protocol(): "tcp" {
    return "tcp";
  }

  protected get label(): string {
    return "Transmission Control Protocol";
  }

  get srcPort(): number {
    return u16(this.bytes, this.offset + SRC_PORT);
  }

  get dstPort(): number {
    return u16(this.bytes, this.offset + DST_PORT);
  }

  /** Of the first byte of the payload, or of the SYN itself. */
  get sequenceNumber(): number {
    return u32(this.bytes, this.offset + SEQUENCE_NUMBER);
  }

  /** The next byte that the sender expects, where {@link ack} is set. */
  get acknowledgmentNumber(): number {
    return u32(this.bytes, this.offset + ACKNOWLEDGMENT_NUMBER);
  }

  /** Four times the Data Offset field: 20 … 60. */
  get headerLength(): number {
    return ((this.bytes[this.offset + DATA_OFFSET] as number) >>> 4) * 4;
  }

  /** The three bits before the flags, which must be 0. */
  get reserved(): number {
    return ((this.bytes[this.offset + DATA_OFFSET] as number) >>> 1) & 7;
  }

  /** All nine flags as a number, SYN being 2. */
  get flags(): number {
    return u16(this.bytes, this.offset + DATA_OFFSET) & 0x1ff;
  }

  /** No more data from the sender. */
  get fin(): boolean {
    return (this.flags & FIN) !== 0;
  }

  /** Synchronize sequence numbers. */
  get syn(): boolean {
    return (this.flags & SYN) !== 0;
  }

  /** Reset the connection. */
  get rst(): boolean {
    return (this.flags & RST) !== 0;
  }

  /** Push. */
  get psh(): boolean {
    return (this.flags & PSH) !== 0;
  }

  /** The {@link acknowledgmentNumber} counts. */
  get ack(): boolean {
    return (this.flags & ACK) !== 0;
  }

  /** The {@link urgentPointer} counts. */
  get urg(): boolean {
    return (this.flags & URG) !== 0;
  }

  /** ECN echo, RFC 3168 §6.1. */
  get ece(): boolean {
    return (this.flags & ECE) !== 0;
  }

  /** Congestion window reduced, RFC 3168 §6.1. */
  get cwr(): boolean {
    return (this.flags & CWR) !== 0;
  }

  /** Accurate ECN, RFC 9768 §2; it was NS, the nonce sum, in RFC 3540. */
  get ae(): boolean {
    return (this.flags & AE) !== 0;
  }

  /** As in the header: but for a SYN it is to be shifted by the window scale that the SYN told (RFC 7323 §2.2). */
  get window(): number {
    return u16(this.bytes, this.offset + WINDOW);
  }

  /** As received: see {@link verifyTcp}. */
  get checksum(): number {
    return u16(this.bytes, this.offset + CHECKSUM);
  }

  /** Where the urgent data ends, from the {@link sequenceNumber} on, where {@link urg} is set. */
  get urgentPointer(): number {
    return u16(this.bytes, this.offset + URGENT_POINTER);
  }

  /** In order. What does not read as an option is kept as it is: nothing is thrown. */
  get options(): readonly TcpOption[] {
    return decodeTcpOptions(this.bytes, this.offset + TCP_HEADER_LEN, this.offset + this.headerLength);
  }

  toObject(): Told<Omit<TcpFields, "flags">> {
    const { bytes, offset, flags, headerLength } = this;
    const optionsEnd = offset + headerLength;
    return {
      srcPort: u16(bytes, offset + SRC_PORT),
      dstPort: u16(bytes, offset + DST_PORT),
      sequenceNumber: u32(bytes, offset + SEQUENCE_NUMBER),
      acknowledgmentNumber: u32(bytes, offset + ACKNOWLEDGMENT_NUMBER),
      reserved: this.reserved,
      fin: (flags & FIN) !== 0,
      syn: (flags & SYN) !== 0,
      rst: (flags & RST) !== 0,
      psh: (flags & PSH) !== 0,
      ack: (flags & ACK) !== 0,
      urg: (flags & URG) !== 0,
      ece: (flags & ECE) !== 0,
      cwr: (flags & CWR) !== 0,
      ae: (flags & AE) !== 0,
      window: u16(bytes, offset + WINDOW),
      checksum: u16(bytes, offset + CHECKSUM),
      urgentPointer: u16(bytes, offset + URGENT_POINTER),
      options: decodeTcpOptions(bytes, offset + TCP_HEADER_LEN, optionsEnd),
      payload: bytes.subarray(optionsEnd, this.end),
    };
  }

  /** As tcpdump prints it, with the numbers that the header has: `TCP 5432 > 80, Flags [S], seq 1, …`. */
  override toString(): string {
    return `TCP ${this.srcPort} > ${this.dstPort}, ${tcpText(this)}`;
  }

  protected rows(): readonly FieldRow<never>[] {
    return ROWS;
  }

  protected override moreNodes(): readonly TreeNode[] {
    const { bytes, offset, headerLength } = this;
    return tcpOptionNodes(placedTcpOptions(bytes, offset + TCP_HEADER_LEN, offset + headerLength));
  }
}

/**
 * Reads one segment, whose payload goes up to `end`. The checksum is given, not judged; options are read when they are
 * asked for.
 * @param start where it starts in `bytes`
 * @param end where it ends
 * @param wireEnd where it ended before it was cut, by a capture's snap length or in the quote of an ICMP error
 * @throws {WireError} `TRUNCATED`, `BAD_LENGTH` where Data Offset is below 5 or more than there was
 */
export function decodeTcp(
  bytes: Uint8Array,
  start = 0,
  end: number = bytes.length,
  wireEnd: number = end,
): TcpSegment {
  checkLength("tcp", start, end, TCP_HEADER_LEN);
  const headerLength = ((bytes[start + DATA_OFFSET] as number) >>> 4) * 4;
  if (headerLength < TCP_HEADER_LEN || start + headerLength > wireEnd) {
    const expected = `expected a Data Offset of 5 … ${Math.min((wireEnd - start) >>> 2, 15)}`;
    throw new WireError("BAD_LENGTH", "tcp", start + DATA_OFFSET, `${expected}, got ${headerLength / 4}`);
  }
  checkLength("tcp", start, end, headerLength);
  return new TcpSegment(bytes, start, end);
}

/** The flags with one of them as it was told, or as they are. */
function withFlag(flags: number, bit: number, where: string, value: boolean | undefined): number {
  if (value === undefined) return flags;
  return flag(where, value) ? flags | bit : flags & ~bit;
}

function flagBits(fields: TcpFields): number {
  let flags = uint("tcp.flags", fields.flags ?? 0, 9);
  flags = withFlag(flags, FIN, "tcp.fin", fields.fin);
  flags = withFlag(flags, SYN, "tcp.syn", fields.syn);
  flags = withFlag(flags, RST, "tcp.rst", fields.rst);
  flags = withFlag(flags, PSH, "tcp.psh", fields.psh);
  flags = withFlag(flags, ACK, "tcp.ack", fields.ack);
  flags = withFlag(flags, URG, "tcp.urg", fields.urg);
  flags = withFlag(flags, ECE, "tcp.ece", fields.ece);
  flags = withFlag(flags, CWR, "tcp.cwr", fields.cwr);
  return withFlag(flags, AE, "tcp.ae", fields.ae);
}

/**
 * Makes a segment. With `between`, a checksum that is not told is computed; without, it is 0.
 * @returns the header and the payload in new bytes
 * @throws {TypeError | RangeError} that names the field
 */
export function encodeTcp(fields: TcpFields, between?: Between): Uint8Array {
  checkFields("tcp", fields);
  const options = fields.options ? encodeTcpOptions(fields.options) : NONE;
  if (options.length > MAX_OPTIONS_LEN) {
    throw new RangeError(`tcp.options: expected at most ${MAX_OPTIONS_LEN} bytes, got ${options.length}`);
  }
  const payload = bytesOrNone("tcp.payload", fields.payload);
  const headerLength = TCP_HEADER_LEN + options.length;
  const bytes = new Uint8Array(headerLength + payload.length);
  put16(bytes, SRC_PORT, uint("tcp.srcPort", fields.srcPort, 16));
  put16(bytes, DST_PORT, uint("tcp.dstPort", fields.dstPort, 16));
  put32(bytes, SEQUENCE_NUMBER, uint("tcp.sequenceNumber", fields.sequenceNumber ?? 0, 32));
  put32(bytes, ACKNOWLEDGMENT_NUMBER, uint("tcp.acknowledgmentNumber", fields.acknowledgmentNumber ?? 0, 32));
  const reserved = uint("tcp.reserved", fields.reserved ?? 0, 3) << 9;
  put16(bytes, DATA_OFFSET, (headerLength << 10) | reserved | flagBits(fields));
  put16(bytes, WINDOW, uint("tcp.window", fields.window ?? 0xffff, 16));
  put16(bytes, URGENT_POINTER, uint("tcp.urgentPointer", fields.urgentPointer ?? 0, 16));
  if (options.length > 0) bytes.set(options, TCP_HEADER_LEN);
  if (payload.length > 0) bytes.set(payload, headerLength);
  const checksum = fields.checksum ?? (between ? tcpChecksum(bytes, between) : 0);
  put16(bytes, CHECKSUM, uint("tcp.checksum", checksum, 16));
  return bytes;
}

/** RFC 9293 §3.1. 0 over bytes that hold their right checksum. */
function tcpChecksum(bytes: Uint8Array, between: Between): number {
  return internetChecksum(bytes, pseudoHeaderSum(between, IPPROTO_TCP, bytes.length));
}

/** Whether the checksum is right. A segment that was cut, or is still to get its checksum from the card, is not. */
export function verifyTcp(segment: TcpSegment, between: Between): boolean {
  return tcpChecksum(segment.bytes.subarray(segment.offset, segment.end), between) === 0;
}
