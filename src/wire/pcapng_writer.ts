/** Writing pcapng files: draft-ietf-opsawg-pcapng. The writers give bytes; where they go is the caller's matter. */
import { uint } from "./_encode.ts";
import {
  BYTE_ORDER_MAGIC,
  ENHANCED_PACKET,
  EPB_DROPCOUNT,
  EPB_FLAGS,
  IF_DESCRIPTION,
  IF_FILTER,
  IF_NAME,
  IF_TSRESOL,
  INTERFACE_DESCRIPTION,
  INTERFACE_STATISTICS,
  OPT_COMMENT,
  OPT_END,
  SECTION_HEADER,
} from "./_pcapng_parser.ts";
import type { CaptureInterface } from "./captured_packet.ts";
import { linkTypeNumber } from "./link_type.ts";

const SHB_HARDWARE = 2;
const SHB_OS = 3;
const SHB_USERAPPL = 4;
const ISB_IFRECV = 4;
const ISB_IFDROP = 5;
const NANOSECONDS = 9; // 10^-9 s, §4.2 if_tsresol
const UNKNOWN_LENGTH = -1n;
const encoder = new TextEncoder();

/** What a section's header says of who wrote it. */
export interface SectionOptions {
  readonly hardware?: string | undefined;
  readonly os?: string | undefined;
  readonly application?: string | undefined;
  readonly comment?: string | undefined;
}

/** A packet to be written. */
export interface PacketToWrite {
  /** The number that {@link PcapngWriter.interface} gave; 0 unless told. */
  readonly interfaceId?: number | undefined;
  /** In nanoseconds since 1970; or, which is cheaper, seconds since then and nanoseconds beyond them. */
  readonly timestampNs: bigint | readonly [seconds: number, nanoseconds: number];
  readonly data: Uint8Array;
  /** How long it was on the wire; the length of `data` unless told. */
  readonly lengthBytes?: number | undefined;
  readonly direction?: "inbound" | "outbound" | undefined;
  /** Packets lost since the one before. */
  readonly dropped?: bigint | undefined;
  readonly comment?: string | undefined;
}

/** What an interface has counted, for the end of a file. */
export interface InterfaceCounts {
  readonly timestampNs: bigint;
  readonly received?: bigint | undefined;
  readonly dropped?: bigint | undefined;
}

/** Makes the blocks of a pcapng file, one by one, with timestamps in nanoseconds. */
export class PcapngWriter {
  #interfaces = 0;

  /** The header, with which a file begins. */
  section(options: SectionOptions = {}): Uint8Array {
    const body = new DataView(new ArrayBuffer(16));
    body.setUint32(0, BYTE_ORDER_MAGIC, true);
    body.setUint16(4, 1, true);
    body.setBigInt64(8, UNKNOWN_LENGTH, true);
    this.#interfaces = 0;
    return block(SECTION_HEADER, body, NO_BYTES, [
      ...text(OPT_COMMENT, options.comment),
      ...text(SHB_HARDWARE, options.hardware),
      ...text(SHB_OS, options.os),
      ...text(SHB_USERAPPL, options.application),
    ]);
  }

  /** The description of an interface, which comes before its packets. The first one is number 0, the next number 1. */
  interface(description: CaptureInterface): { readonly id: number; readonly bytes: Uint8Array } {
    const body = new DataView(new ArrayBuffer(8));
    body.setUint16(0, linkTypeNumber(description.linkType), true);
    body.setUint32(4, uint("snapLength", description.snapLength, 32), true);
    const filter: Piece[] =
      description.filter === undefined
        ? []
        : [[IF_FILTER, Uint8Array.of(0, ...encoder.encode(description.filter))]];
    const bytes = block(INTERFACE_DESCRIPTION, body, NO_BYTES, [
      ...text(IF_NAME, description.name),
      ...text(IF_DESCRIPTION, description.description),
      ...filter,
      [IF_TSRESOL, Uint8Array.of(NANOSECONDS)],
    ]);
    return { id: this.#interfaces++, bytes };
  }

  /**
   * A packet.
   * @throws {TypeError | RangeError} for an interface that was not described, or a field that does not fit
   */
  packet(packet: PacketToWrite): Uint8Array {
    const options = packetOptions(packet);
    const bytes = new Uint8Array(packetLength(packet, options));
    this.#write(bytes, 0, packet, options);
    return bytes;
  }

  /**
   * Puts a packet into `target` from `at` on, for who writes many into one buffer.
   * @returns how many bytes it takes, or 0 where there is no room for it
   * @throws as {@link packet}
   */
  packetInto(target: Uint8Array, at: number, packet: PacketToWrite): number {
    const options = packetOptions(packet);
    if (at + packetLength(packet, options) > target.length) return 0;
    return this.#write(target, at, packet, options);
  }

  /**
   * Puts into `target` only what stands before a packet's data, {@link PACKET_HEAD_LEN} bytes, and behind them what stands
   * behind the data: for who writes the data from where they are.
   * @returns how many bytes it takes in all, or 0 where there is no room for it
   * @throws as {@link packet}
   */
  packetFrameInto(target: Uint8Array, at: number, packet: PacketToWrite): number {
    const options = packetOptions(packet);
    const tail = packetLength(packet, options) - PACKET_HEAD_LEN - packet.data.length;
    if (at + PACKET_HEAD_LEN + tail > target.length) return 0;
    this.#head(target, at, packet, options);
    putTail(target, at + PACKET_HEAD_LEN, packet, options);
    return PACKET_HEAD_LEN + tail;
  }

  #write(target: Uint8Array, start: number, packet: PacketToWrite, options: readonly Piece[]): number {
    this.#head(target, start, packet, options);
    target.set(packet.data, start + PACKET_HEAD_LEN);
    putTail(target, start + PACKET_HEAD_LEN + packet.data.length, packet, options);
    return packetLength(packet, options);
  }

  /** Without a DataView: the many packets of a capture are written here. */
  #head(target: Uint8Array, start: number, packet: PacketToWrite, options: readonly Piece[]): void {
    const { data, interfaceId = 0, lengthBytes = data.length } = packet;
    little(target, start, ENHANCED_PACKET);
    little(target, start + 4, packetLength(packet, options));
    little(target, start + 8, this.#checkId(interfaceId));
    const [high, low] = timeWords(packet.timestampNs);
    little(target, start + 12, high);
    little(target, start + 16, low);
    little(target, start + 20, data.length);
    little(target, start + 24, uint("lengthBytes", lengthBytes, 32));
  }

  /** What an interface has counted. @throws as {@link packet} */
  statistics(interfaceId: number, counts: InterfaceCounts): Uint8Array {
    const body = new DataView(new ArrayBuffer(12));
    body.setUint32(0, this.#checkId(interfaceId), true);
    setTime(body, 4, counts.timestampNs);
    const options: Piece[] = [];
    if (counts.received !== undefined) options.push([ISB_IFRECV, little64("received", counts.received)]);
    if (counts.dropped !== undefined) options.push([ISB_IFDROP, little64("dropped", counts.dropped)]);
    return block(INTERFACE_STATISTICS, body, NO_BYTES, options);
  }

  #checkId(id: number): number {
    if (Number.isInteger(id) && id >= 0 && id < this.#interfaces) return id;
    throw new RangeError(
      `interfaceId: expected one of the ${this.#interfaces} interfaces described, got ${id}`,
    );
  }
}

type Piece = readonly [code: number, data: Uint8Array];

const NO_BYTES = new Uint8Array(0);
const MAX_OPTION_BYTES = 0xffff;

/** An option with a text; none where it is left out. */
function text(code: number, value: string | undefined): Piece[] {
  return value === undefined ? [] : [[code, encoder.encode(value)]];
}

function little32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

function little64(where: string, value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, checkUint64(where, value), true);
  return bytes;
}

function checkUint64(where: string, value: bigint): bigint {
  if (typeof value !== "bigint") throw new TypeError(`${where}: expected a bigint, got ${typeof value}`);
  if (value < 0n || value >= 1n << 64n) {
    throw new RangeError(`${where}: expected a bigint 0n … 2n ** 64n - 1n, got ${value}n`);
  }
  return value;
}

function setTime(view: DataView, at: number, timestampNs: bigint): void {
  checkUint64("timestampNs", timestampNs);
  view.setUint32(at, Number(timestampNs >> 32n), true);
  view.setUint32(at + 4, Number(timestampNs & 0xffff_ffffn), true);
}

const padded = (length: number): number => Math.ceil(length / 4) * 4;

/** In bytes: type, length, interface, time, and the two lengths of the data. */
export const PACKET_HEAD_LEN = 28;
const NO_OPTIONS: readonly Piece[] = [];
const INBOUND: readonly Piece[] = [[EPB_FLAGS, little32(1)]];
const OUTBOUND: readonly Piece[] = [[EPB_FLAGS, little32(2)]];

function packetOptions({ comment, direction, dropped }: PacketToWrite): readonly Piece[] {
  const flags = direction === undefined ? NO_OPTIONS : direction === "inbound" ? INBOUND : OUTBOUND;
  if (comment === undefined && dropped === undefined) return flags;
  const counted: readonly Piece[] =
    dropped === undefined ? [] : [[EPB_DROPCOUNT, little64("dropped", dropped)]];
  return [...text(OPT_COMMENT, comment), ...flags, ...counted];
}

function packetLength({ data }: PacketToWrite, options: readonly Piece[]): number {
  if (!(data instanceof Uint8Array)) throw new TypeError("data: expected a Uint8Array");
  return PACKET_HEAD_LEN + padded(data.length) + lengthOf(options) + 4;
}

/** What stands behind the data: padding, options, and the length once more. */
function putTail(target: Uint8Array, start: number, packet: PacketToWrite, options: readonly Piece[]): void {
  const { length } = packet.data;
  let at = start;
  for (const end = start + padded(length) - length; at < end; at++) target[at] = 0;
  putOptions(target, at, options);
  little(target, at + lengthOf(options), packetLength(packet, options));
}

function lengthOf(options: readonly Piece[]): number {
  if (options.length === 0) return 0;
  let length = 4; // the end of the options
  for (const [code, { length: bytes }] of options) {
    if (bytes > MAX_OPTION_BYTES) {
      throw new RangeError(`option ${code}: expected at most ${MAX_OPTION_BYTES} bytes, got ${bytes}`);
    }
    length += 4 + padded(bytes);
  }
  return length;
}

/** Writes options, each filled up with zeros, and their end. */
function putOptions(target: Uint8Array, start: number, options: readonly Piece[]): void {
  if (options.length === 0) return;
  let at = start;
  for (const [code, value] of options) {
    little(target, at, code | (value.length << 16));
    target.set(value, at + 4);
    at += 4 + value.length;
    for (; (at - start) % 4 !== 0; at++) target[at] = 0;
  }
  little(target, at, OPT_END);
}

function block(type: number, body: DataView, data: Uint8Array, options: readonly Piece[]): Uint8Array {
  const dataAt = 8 + body.byteLength;
  const bytes = new Uint8Array(dataAt + padded(data.length) + lengthOf(options) + 4);
  little(bytes, 0, type);
  little(bytes, 4, bytes.length);
  bytes.set(new Uint8Array(body.buffer), 8);
  bytes.set(data, dataAt);
  putOptions(bytes, dataAt + padded(data.length), options);
  little(bytes, bytes.length - 4, bytes.length);
  return bytes;
}

function little(target: Uint8Array, at: number, value: number): void {
  target[at] = value;
  target[at + 1] = value >>> 8;
  target[at + 2] = value >>> 16;
  target[at + 3] = value >>> 24;
}

/** The two halves of a time in nanoseconds. */
function timeWords(time: PacketToWrite["timestampNs"]): [high: number, low: number] {
  if (typeof time === "object") {
    const [seconds, nanoseconds] = time;
    if (!(seconds >= 0 && seconds <= 0xffff_ffff && nanoseconds >= 0 && nanoseconds < 1e9)) {
      throw new RangeError(
        `timestampNs: expected seconds and nanoseconds, got ${seconds} and ${nanoseconds}`,
      );
    }
    // Seconds times 10^9 are more than a double holds: the upper half of the seconds goes by itself.
    const upper = (seconds >>> 16) * 1e9;
    const rest = (upper % 0x1_0000) * 0x1_0000 + (seconds & 0xffff) * 1e9 + nanoseconds;
    return [Math.floor(upper / 0x1_0000) + Math.floor(rest / 0x1_0000_0000), rest % 0x1_0000_0000];
  }
  checkUint64("timestampNs", time);
  return [Number(time >> 32n), Number(time & 0xffff_ffffn)];
}
