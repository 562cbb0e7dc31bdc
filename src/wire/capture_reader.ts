/** Reading capture files, pcapng and classic pcap, a piece at a time. */
import { ByteQueue } from "./_byte_queue.ts";
import { PCAP_MAGICS, PcapParser } from "./_pcap_parser.ts";
import { PcapngParser, SECTION_HEADER } from "./_pcapng_parser.ts";
import type { CapturedPacket, CaptureParser } from "./captured_packet.ts";
import { WireError } from "./wire_error.ts";

/**
 * Reads a capture file that comes in pieces. Memory is bounded by the longest packet, not by the file.
 *
 * ```ts
 * const reader = new CaptureReader();
 * for await (const chunk of createReadStream("some.pcapng"))
 *   for (const packet of reader.push(chunk)) console.log(packet.timestampNs, packet.data);
 * reader.end();
 * ```
 */
export class CaptureReader {
  readonly #queue = new ByteQueue();
  #parser: CaptureParser | undefined;

  /**
   * Adds a piece of the file.
   * @returns the packets that are complete by now; take them all before the next piece
   * @throws {WireError} `BAD_VALUE`, `BAD_LENGTH`; the file cannot be read on then
   */
  *push(chunk: Uint8Array): Generator<CapturedPacket, void, undefined> {
    this.#queue.push(chunk);
    for (;;) {
      this.#parser ??= parserFor(this.#queue);
      const packet = this.#parser?.next(this.#queue);
      if (packet === undefined) return;
      if (packet !== null) yield packet;
    }
  }

  /**
   * Says that the file has ended.
   * @throws {WireError} `TRUNCATED` where it ends in the midst of a packet, or has not begun
   */
  end(): void {
    const { length, position } = this.#queue;
    if (this.#parser !== undefined && length === 0) return;
    const what = this.#parser === undefined ? "a capture file's header" : "the rest of a packet";
    throw new WireError(
      "TRUNCATED",
      "capture file",
      position + length,
      `expected ${what}, but the file ends`,
    );
  }
}

function parserFor(queue: ByteQueue): CaptureParser | undefined {
  if (queue.length < 4) return undefined;
  const magic = queue.peek(4).getUint32(0);
  if (magic === SECTION_HEADER) return new PcapngParser();
  const pcap = PCAP_MAGICS.get(magic);
  if (pcap) return new PcapParser(pcap);
  const found = magic.toString(16).padStart(8, "0");
  throw new WireError(
    "BAD_VALUE",
    "capture file",
    0,
    `expected a pcapng or pcap file, which begin otherwise than ${found}`,
  );
}
