/** Writing classic pcap files: draft-ietf-opsawg-pcap, with timestamps in nanoseconds or microseconds. */
import { uint } from "./_encode.ts";
import { type LinkTypeName, linkTypeNumber } from "./link_type.ts";

export interface PcapOptions {
  /** What every packet begins with; a pcap file has one link type. */
  readonly linkType: LinkTypeName | number;
  /** The most bytes of a packet that are kept; 262144 unless told, as tcpdump has it. */
  readonly snapLength?: number | undefined;
  /** The unit of timestamps; nanoseconds unless told. */
  readonly resolution?: "us" | "ns" | undefined;
}

const SNAP_LENGTH = 262_144;
const MAGIC_US = 0xa1b2c3d4;
const MAGIC_NS = 0xa1b23c4d;
const SECOND = 1_000_000_000n;

/** Makes the header and the records of a pcap file. */
export class PcapWriter {
  readonly #options: PcapOptions;

  constructor(options: PcapOptions) {
    this.#options = options;
  }

  /** With which the file begins: 24 bytes. @throws {TypeError | RangeError} */
  header(): Uint8Array {
    const { linkType, snapLength = SNAP_LENGTH, resolution = "ns" } = this.#options;
    const view = new DataView(new ArrayBuffer(24));
    view.setUint32(0, resolution === "ns" ? MAGIC_NS : MAGIC_US, true);
    view.setUint16(4, 2, true);
    view.setUint16(6, 4, true);
    view.setUint32(16, uint("snapLength", snapLength, 32), true);
    view.setUint32(20, linkTypeNumber(linkType), true);
    return new Uint8Array(view.buffer);
  }

  /**
   * One packet.
   * @param lengthBytes how long it was on the wire; the length of `data` unless told
   * @throws {TypeError | RangeError} for a time before 1970 or after 2106
   */
  packet(timestampNs: bigint, data: Uint8Array, lengthBytes: number = data.length): Uint8Array {
    if (typeof timestampNs !== "bigint" || timestampNs < 0n || timestampNs >= SECOND << 32n) {
      throw new RangeError(`timestampNs: expected a bigint from 1970 to 2106, got ${String(timestampNs)}`);
    }
    const fraction = Number(timestampNs % SECOND);
    const bytes = new Uint8Array(16 + data.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, Number(timestampNs / SECOND), true);
    view.setUint32(4, this.#options.resolution === "us" ? Math.floor(fraction / 1000) : fraction, true);
    view.setUint32(8, data.length, true);
    view.setUint32(12, uint("lengthBytes", lengthBytes, 32), true);
    bytes.set(data, 16);
    return bytes;
  }
}
