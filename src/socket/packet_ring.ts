/** PacketRing: packets in memory that is shared with the kernel (TPACKET_V3), block by block, without a copy. */
import * as C from "../sys/index.ts";
import { type PacketBlock, RingMemory, takeBlock } from "./_packet_block.ts";

export interface PacketRingOptions {
  /**
   * The size of a block: a multiple of the page size. A packet that is longer is cut, and one that nearly fills a block
   * comes with the next one only: there should be room for several of the longest. 1 MiB by default.
   */
  readonly blockBytes?: number | undefined;
  /** How many blocks; 16 by default. */
  readonly blockCount?: number | undefined;
  /** What the kernel counts room in: a multiple of 16; packets are packed in a block without regard to it. 2048 by default. */
  readonly frameBytes?: number | undefined;
  /** A block that holds packets is handed over after so long, though it is not full; 50 by default. */
  readonly retireTimeoutMs?: number | undefined;
}

/** Within what the kernel, and a typed array, can count. */
const MAX_BYTES = 2 ** 31;
const PAGE_BYTES = 4096;
const TPACKET_ALIGNMENT = 16;
const MIN_FRAME_BYTES = 128;
const TPACKET_V3 = 2;

function whole(name: string, value: number, min: number, max: number): number {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`${name}: expected a whole number from ${min} to ${max}, got ${String(value)}`);
  }
  return value;
}

function multiple(name: string, value: number, of: number, min: number, max: number): number {
  whole(name, value, min, max);
  if (value % of !== 0) throw new RangeError(`${name}: expected a multiple of ${of}, got ${value}`);
  return value;
}

/** A `struct tpacket_req3`. @throws {TypeError | RangeError} */
export function ringRequest(options: PacketRingOptions): {
  readonly bytes: Uint8Array;
  readonly blockBytes: number;
  readonly blockCount: number;
} {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`ring: expected { blockBytes, blockCount … }, got ${String(options)}`);
  }
  const blockBytes = multiple(
    "ring.blockBytes",
    options.blockBytes ?? 2 ** 20,
    PAGE_BYTES,
    PAGE_BYTES,
    MAX_BYTES,
  );
  const blockCount = whole("ring.blockCount", options.blockCount ?? 16, 1, MAX_BYTES / PAGE_BYTES);
  if (blockBytes * blockCount > MAX_BYTES) {
    throw new RangeError(
      `ring: expected at most ${MAX_BYTES} bytes, got ${blockCount} blocks of ${blockBytes}`,
    );
  }
  const frameBytes = multiple(
    "ring.frameBytes",
    options.frameBytes ?? 2048,
    TPACKET_ALIGNMENT,
    MIN_FRAME_BYTES,
    blockBytes,
  );
  const bytes = C.tpacket_req3.encode({
    tp_block_size: blockBytes,
    tp_block_nr: blockCount,
    tp_frame_size: frameBytes,
    tp_frame_nr: Math.floor(blockBytes / frameBytes) * blockCount,
    tp_retire_blk_tov: whole("ring.retireTimeoutMs", options.retireTimeoutMs ?? 50, 1, 60_000),
  });
  return { bytes, blockBytes, blockCount };
}

/** @throws {SysError} `ENOMEM`, `EINVAL`, `EBUSY` */
function mapRing(fd: number, options: PacketRingOptions): RingMemory {
  const { bytes, blockBytes, blockCount } = ringRequest(options);
  const version = new Uint8Array(Int32Array.of(TPACKET_V3).buffer);
  C.check(C.setsockopt(fd, C.SOL_PACKET, C.PACKET_VERSION, version), "setsockopt", {
    address: "PACKET_VERSION",
  });
  const what = `${blockCount} blocks of ${blockBytes} bytes`;
  C.check(C.setsockopt(fd, C.SOL_PACKET, C.PACKET_RX_RING, bytes), "setsockopt", {
    address: "PACKET_RX_RING",
    hint: `asked for were ${what}`,
  });
  const memory = C.MappedMemory.of(fd, blockBytes * blockCount);
  if (typeof memory !== "number") return new RingMemory(memory, blockBytes, blockCount);
  removeRing(fd);
  throw new C.SysError(memory, "mmap", { hint: `asked for were ${what}` });
}

/** Gives the socket its ordinary queue back. */
function removeRing(fd: number): void {
  C.setsockopt(fd, C.SOL_PACKET, C.PACKET_RX_RING, C.tpacket_req3.encode({}));
}

/** A {@link C.Source} that lets go of its ring with the fd, also where the socket is forgotten. */
export class PacketSource extends C.Source {
  ring: RingMemory | undefined;

  override close(): void {
    this.ring?.end();
    super.close();
  }

  override release(): number {
    const fd = this.open("release");
    if (this.ring !== undefined) {
      this.ring.end();
      removeRing(fd);
    }
    return super.release();
  }
}

/**
 * The packets of a `PacketSocket` in memory that the kernel fills block by block. A block is this side's from when it is
 * full, or `retireTimeoutMs` after its first packet, until it is released. While all blocks are this side's, packets are
 * dropped, and counted by `socket.statistics()`.
 */
export class PacketRing {
  readonly #source: PacketSource;
  readonly #memory: RingMemory;
  /** @internal Held, so that it is not collected, and with it closed, while its ring is in use. */
  readonly owner: object;

  /** @internal */
  constructor(source: PacketSource, owner: object, options: PacketRingOptions) {
    this.#memory = mapRing(source.open("setsockopt"), options);
    this.#source = source;
    this.owner = owner;
    source.ring = this.#memory;
  }

  get blockBytes(): number {
    return this.#memory.blockBytes;
  }

  get blockCount(): number {
    return this.#memory.blockCount;
  }

  /** Whether its socket is closed. */
  get closed(): boolean {
    return this.#memory.ended;
  }

  /**
   * The next block, with at least one packet. It is to be released.
   * @throws {TypeError} where every block is in use
   * @throws {SysError} `ENETDOWN` once the device has gone down; what comes when it is up again is received
   * @throws the signal's reason, or {@link TimeoutError}; no block has been taken then
   */
  next(options?: C.WaitOptions): Promise<PacketBlock> {
    return this.#source.run("read", "poll", this, () => this.#take(), options);
  }

  /** The next block, where there is one now. @returns as {@link next}, or {@link WOULD_BLOCK} */
  tryNext(): PacketBlock | C.WouldBlock {
    this.#source.open("poll");
    return this.#source.read.first !== undefined ? C.WOULD_BLOCK : this.#take();
  }

  #take(): PacketBlock | C.WouldBlock {
    for (let block = this.#takeOne(); block !== undefined; block = this.#takeOne()) {
      if (block.size > 0) return block;
      block.release(); // closed for a packet that is nearly as long as a block, and stands in the next one
    }
    const pending = C.getsockoptInt(this.#source.fd, C.SOL_SOCKET, C.SO_ERROR);
    if (pending <= 0) return C.WOULD_BLOCK;
    const hint = pending === C.errno.ENETDOWN ? "the device has gone down" : undefined;
    throw this.#source.error(pending, "poll", hint);
  }

  #takeOne(): PacketBlock | undefined {
    return takeBlock(this.#memory, this.owner);
  }

  /** Block after block until the socket is closed. Each is released when the next one is asked for. */
  async *[Symbol.asyncIterator](): AsyncGenerator<PacketBlock, void, undefined> {
    while (!this.closed) {
      let block: PacketBlock;
      try {
        block = await this.next();
      } catch (error) {
        if (this.closed) return;
        throw error;
      }
      try {
        yield block;
      } finally {
        block.release();
      }
    }
  }
}
