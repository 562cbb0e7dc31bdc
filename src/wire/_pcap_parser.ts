/** Reading classic pcap files: draft-ietf-opsawg-pcap. */
import type { ByteQueue } from "./_byte_queue.ts";
import type { CapturedPacket, CaptureInterface, CaptureParser } from "./captured_packet.ts";
import { linkTypeName } from "./link_type.ts";
import { WireError } from "./wire_error.ts";

const FILE_HEADER_LEN = 24;
const RECORD_HEADER_LEN = 16;
/** As Wireshark has it: no record of a sane file is longer. */
export const MAX_PACKET_BYTES = 16 * 1024 * 1024;

/** How the numbers of a file are written, which its first four bytes tell. */
export interface PcapFormat {
  readonly littleEndian: boolean;
  /** Nanoseconds in a unit of the timestamps' second half. */
  readonly unitNs: bigint;
}

/** The first four bytes, read as a big-endian number. */
export const PCAP_MAGICS: ReadonlyMap<number, PcapFormat> = new Map([
  [0xa1b2c3d4, { littleEndian: false, unitNs: 1000n }],
  [0xd4c3b2a1, { littleEndian: true, unitNs: 1000n }],
  [0xa1b23c4d, { littleEndian: false, unitNs: 1n }],
  [0x4d3cb2a1, { littleEndian: true, unitNs: 1n }],
]);

export class PcapParser implements CaptureParser {
  readonly #format: PcapFormat;
  #interface: CaptureInterface | undefined;

  constructor(format: PcapFormat) {
    this.#format = format;
  }

  next(queue: ByteQueue): CapturedPacket | null | undefined {
    return this.#interface === undefined ? this.#fileHeader(queue) : this.#record(queue, this.#interface);
  }

  #fileHeader(queue: ByteQueue): null | undefined {
    if (queue.length < FILE_HEADER_LEN) return undefined;
    const view = queue.peek(FILE_HEADER_LEN);
    const little = this.#format.littleEndian;
    const version = view.getUint16(4, little);
    if (version !== 2) throw new WireError("BAD_VALUE", "pcap", 4, `expected version 2, got ${version}`);
    const linkType = view.getUint32(20, little) & 0xffff; // the upper half tells of frame check sequences
    this.#interface = {
      linkType: linkTypeName(linkType) ?? linkType,
      snapLength: view.getUint32(16, little),
    };
    queue.take(FILE_HEADER_LEN);
    return null;
  }

  #record(queue: ByteQueue, captured: CaptureInterface): CapturedPacket | undefined {
    if (queue.length < RECORD_HEADER_LEN) return undefined;
    const view = queue.peek(RECORD_HEADER_LEN);
    const { littleEndian, unitNs } = this.#format;
    const kept = view.getUint32(8, littleEndian);
    if (kept > MAX_PACKET_BYTES) {
      const expected = `expected a packet of at most ${MAX_PACKET_BYTES} bytes, got ${kept}`;
      throw new WireError("BAD_LENGTH", "pcap", queue.position + 8, expected);
    }
    if (queue.length < RECORD_HEADER_LEN + kept) return undefined;
    const seconds = BigInt(view.getUint32(0, littleEndian));
    const timestampNs = seconds * 1_000_000_000n + BigInt(view.getUint32(4, littleEndian)) * unitNs;
    const lengthBytes = view.getUint32(12, littleEndian);
    queue.take(RECORD_HEADER_LEN);
    return { timestampNs, data: queue.take(kept), lengthBytes, interface: captured };
  }
}
