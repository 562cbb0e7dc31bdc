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
  /** In nanoseconds since 1970. */
  readonly timestampNs: bigint;
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
    const { data, direction, dropped } = packet;
    if (!(data instanceof Uint8Array)) throw new TypeError("data: expected a Uint8Array");
    const body = new DataView(new ArrayBuffer(20));
    body.setUint32(0, this.#checkId(packet.interfaceId ?? 0), true);
    setTime(body, 4, packet.timestampNs);
    body.setUint32(12, data.length, true);
    body.setUint32(16, uint("lengthBytes", packet.lengthBytes ?? data.length, 32), true);
    const options: Piece[] = text(OPT_COMMENT, packet.comment);
    if (direction !== undefined) options.push([EPB_FLAGS, little32(direction === "inbound" ? 1 : 2)]);
    if (dropped !== undefined) options.push([EPB_DROPCOUNT, little64("dropped", dropped)]);
    return block(ENHANCED_PACKET, body, data, options);
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

function block(type: number, body: DataView, data: Uint8Array, options: readonly Piece[]): Uint8Array {
  let optionBytes = options.length === 0 ? 0 : 4; // the end of the options
  for (const [code, value] of options) {
    if (value.length > MAX_OPTION_BYTES) {
      throw new RangeError(`option ${code}: expected at most ${MAX_OPTION_BYTES} bytes, got ${value.length}`);
    }
    optionBytes += 4 + padded(value.length);
  }
  const total = 12 + body.byteLength + padded(data.length) + optionBytes;
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, total, true);
  bytes.set(new Uint8Array(body.buffer), 8);
  bytes.set(data, 8 + body.byteLength);
  let at = 8 + body.byteLength + padded(data.length);
  for (const [code, value] of options) {
    view.setUint16(at, code, true);
    view.setUint16(at + 2, value.length, true);
    bytes.set(value, at + 4);
    at += 4 + padded(value.length);
  }
  if (options.length > 0) view.setUint32(at, OPT_END, true);
  view.setUint32(total - 4, total, true);
  return bytes;
}
