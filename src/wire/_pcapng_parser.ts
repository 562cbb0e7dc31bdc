/** Reading pcapng files: draft-ietf-opsawg-pcapng. */
import type { ByteQueue } from "./_byte_queue.ts";
import { MAX_PACKET_BYTES } from "./_pcap_parser.ts";
import type { CapturedPacket, CaptureInterface, CaptureParser } from "./captured_packet.ts";
import { linkTypeName } from "./link_type.ts";
import { WireError } from "./wire_error.ts";

/** Block types, §4 and §10.1 */
export const SECTION_HEADER = 0x0a0d0d0a;
export const INTERFACE_DESCRIPTION = 1;
const OBSOLETE_PACKET = 2;
const SIMPLE_PACKET = 3;
export const INTERFACE_STATISTICS = 5;
export const ENHANCED_PACKET = 6;

export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

/** Option codes, §3.5, §4.2, §4.3 */
export const OPT_END = 0;
export const OPT_COMMENT = 1;
export const IF_NAME = 2;
export const IF_DESCRIPTION = 3;
export const IF_TSRESOL = 9;
export const IF_FILTER = 11;
export const IF_TSOFFSET = 14;
export const EPB_FLAGS = 2;
export const EPB_DROPCOUNT = 4;

/** Type, length, and the length once more at the end. */
const FRAME_LEN = 12;
/** A packet with its header and options. */
const MAX_BLOCK_BYTES = MAX_PACKET_BYTES + 1024 * 1024;
/** More than any capture has; a hostile file could otherwise fill the memory with them. */
const MAX_INTERFACES = 65_536;
const NO_LIMIT = 0xffff_ffff;

interface Described {
  readonly shown: CaptureInterface;
  /** Units of the timestamps in a second. */
  readonly perSecond: bigint;
  readonly offsetSeconds: bigint;
}

/** The body of a block, and where it stands in the file. */
interface Block {
  readonly type: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly position: number;
}

interface Option {
  readonly code: number;
  readonly data: Uint8Array;
}

const decoder = new TextDecoder();

export class PcapngParser implements CaptureParser {
  #little = false;
  #interfaces: Described[] = [];

  next(queue: ByteQueue): CapturedPacket | null | undefined {
    const block = this.#block(queue);
    if (block === undefined) return undefined;
    switch (block.type) {
      case SECTION_HEADER:
        return this.#section(block);
      case INTERFACE_DESCRIPTION:
        return this.#describe(block);
      case ENHANCED_PACKET:
        return this.#enhanced(block);
      case SIMPLE_PACKET:
        return this.#simple(block);
      case OBSOLETE_PACKET:
        return this.#obsolete(block);
      default:
        return null; // to be skipped, §3.1
    }
  }

  #block(queue: ByteQueue): Block | undefined {
    if (queue.length < FRAME_LEN) return undefined;
    const head = queue.peek(FRAME_LEN);
    const type = head.getUint32(0, this.#little);
    if (type === SECTION_HEADER) this.#setOrder(head, queue.position);
    const length = head.getUint32(4, this.#little);
    if (length < FRAME_LEN || length % 4 !== 0 || length > MAX_BLOCK_BYTES) {
      const expected = `expected a block of ${FRAME_LEN} … ${MAX_BLOCK_BYTES} bytes, a multiple of 4, got ${length}`;
      throw new WireError("BAD_LENGTH", "pcapng", queue.position + 4, expected);
    }
    if (queue.length < length) return undefined;
    const { position } = queue;
    const whole = queue.take(length);
    const all = new DataView(whole.buffer, whole.byteOffset, length);
    const again = all.getUint32(length - 4, this.#little);
    if (again !== length) {
      const expected = `expected the block's length of ${length} again, got ${again}`;
      throw new WireError("BAD_LENGTH", "pcapng", position + length - 4, expected);
    }
    const bytes = whole.subarray(8, length - 4);
    return {
      type,
      bytes,
      view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
      position: position + 8,
    };
  }

  /** The type of a section's header reads the same in either order; the magic after the length tells which it is. */
  #setOrder(head: DataView, position: number): void {
    if (head.getUint32(8) === BYTE_ORDER_MAGIC) this.#little = false;
    else if (head.getUint32(8, true) === BYTE_ORDER_MAGIC) this.#little = true;
    else throw new WireError("BAD_VALUE", "pcapng", position + 8, "expected the byte-order magic 1a2b3c4d");
  }

  #need(block: Block, bytes: number): void {
    if (block.bytes.length >= bytes) return;
    const expected = `expected a block of type ${block.type} to have ${bytes} bytes, got ${block.bytes.length}`;
    throw new WireError("BAD_LENGTH", "pcapng", block.position, expected);
  }

  #section(block: Block): null {
    this.#need(block, 16);
    const major = block.view.getUint16(4, this.#little);
    if (major !== 1)
      throw new WireError("BAD_VALUE", "pcapng", block.position + 4, `expected version 1, got ${major}`);
    this.#interfaces = [];
    return null;
  }

  #describe(block: Block): null {
    this.#need(block, 8);
    if (this.#interfaces.length >= MAX_INTERFACES) {
      throw new WireError(
        "BAD_VALUE",
        "pcapng",
        block.position,
        `expected at most ${MAX_INTERFACES} interfaces`,
      );
    }
    const linkType = block.view.getUint16(0, this.#little);
    let perSecond = 1_000_000n;
    let offsetSeconds = 0n;
    const texts: { name?: string; description?: string; filter?: string } = {};
    for (const { code, data } of this.#options(block, 8)) {
      if (code === IF_NAME) texts.name = decoder.decode(data);
      else if (code === IF_DESCRIPTION) texts.description = decoder.decode(data);
      else if (code === IF_FILTER && data[0] === 0) texts.filter = decoder.decode(data.subarray(1));
      else if (code === IF_TSRESOL && data.length === 1) perSecond = resolution(data[0] as number);
      else if (code === IF_TSOFFSET && data.length === 8) {
        offsetSeconds = new DataView(data.buffer, data.byteOffset, 8).getBigInt64(0, this.#little);
      }
    }
    const shown = {
      linkType: linkTypeName(linkType) ?? linkType,
      snapLength: block.view.getUint32(4, this.#little),
      ...texts,
    };
    this.#interfaces.push({ shown, perSecond, offsetSeconds });
    return null;
  }

  #interface(index: number, block: Block): Described {
    const found = this.#interfaces[index];
    if (found) return found;
    const expected = `expected an interface that was described before, of which there are ${this.#interfaces.length}, got number ${index}`;
    throw new WireError("BAD_VALUE", "pcapng", block.position, expected);
  }

  #time(block: Block, at: number, { perSecond, offsetSeconds }: Described): bigint {
    const units =
      (BigInt(block.view.getUint32(at, this.#little)) << 32n) |
      BigInt(block.view.getUint32(at + 4, this.#little));
    return (units * 1_000_000_000n) / perSecond + offsetSeconds * 1_000_000_000n;
  }

  #data(block: Block, at: number, kept: number): Uint8Array {
    this.#need(block, at + kept);
    return block.bytes.subarray(at, at + kept);
  }

  #enhanced(block: Block): CapturedPacket {
    this.#need(block, 20);
    const on = this.#interface(block.view.getUint32(0, this.#little), block);
    const kept = block.view.getUint32(12, this.#little);
    const data = this.#data(block, 20, kept);
    const more: { direction?: "inbound" | "outbound"; dropped?: bigint; comment?: string } = {};
    for (const { code, data: value } of this.#options(block, 20 + Math.ceil(kept / 4) * 4)) {
      const view = new DataView(value.buffer, value.byteOffset, value.length);
      if (code === OPT_COMMENT) more.comment ??= decoder.decode(value);
      else if (code === EPB_FLAGS && value.length === 4) {
        const direction = view.getUint32(0, this.#little) & 3;
        if (direction === 1 || direction === 2) more.direction = direction === 1 ? "inbound" : "outbound";
      } else if (code === EPB_DROPCOUNT && value.length === 8) {
        more.dropped = view.getBigUint64(0, this.#little);
      }
    }
    return {
      timestampNs: this.#time(block, 4, on),
      data,
      lengthBytes: block.view.getUint32(16, this.#little),
      interface: on.shown,
      ...more,
    };
  }

  #simple(block: Block): CapturedPacket {
    this.#need(block, 4);
    const { shown } = this.#interface(0, block);
    const lengthBytes = block.view.getUint32(0, this.#little);
    const limit = shown.snapLength === 0 ? NO_LIMIT : shown.snapLength;
    return {
      timestampNs: undefined,
      data: this.#data(block, 4, Math.min(lengthBytes, limit)),
      lengthBytes,
      interface: shown,
    };
  }

  #obsolete(block: Block): CapturedPacket {
    this.#need(block, 20);
    const on = this.#interface(block.view.getUint16(0, this.#little), block);
    const dropped = block.view.getUint16(2, this.#little);
    return {
      timestampNs: this.#time(block, 4, on),
      data: this.#data(block, 20, block.view.getUint32(12, this.#little)),
      lengthBytes: block.view.getUint32(16, this.#little),
      interface: on.shown,
      ...(dropped !== 0xffff && dropped > 0 && { dropped: BigInt(dropped) }), // 0xffff: not known
    };
  }

  *#options(block: Block, start: number): Generator<Option, void, undefined> {
    let at = start;
    while (at + 4 <= block.bytes.length) {
      const code = block.view.getUint16(at, this.#little);
      const length = block.view.getUint16(at + 2, this.#little);
      if (code === OPT_END) return;
      if (at + 4 + length > block.bytes.length) {
        const expected = `expected an option of at most ${block.bytes.length - at - 4} bytes, got ${length}`;
        throw new WireError("BAD_LENGTH", "pcapng", block.position + at + 2, expected);
      }
      yield { code, data: block.bytes.subarray(at + 4, at + 4 + length) };
      at += 4 + Math.ceil(length / 4) * 4;
    }
  }
}

/** Units in a second: a negative power of ten or, with the highest bit set, of two, §4.2. */
function resolution(exponent: number): bigint {
  return (exponent & 0x80 ? 2n : 10n) ** BigInt(exponent & 0x7f);
}
