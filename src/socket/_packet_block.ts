/** Blocks of a packet ring, and the packets in them, as they lie in the memory that is shared with the kernel. */
import * as C from "../sys/index.ts";
import { type ChecksumState, checksumState, type VlanTag, vlanTag } from "./_packet_info.ts";

// Offsets in 32-bit words: of what a block begins with, and of what a packet begins with.
const wordOf = (layout: { offsetOf(name: never): number }, name: string): number =>
  layout.offsetOf(name as never) / 4;
const BLOCK_STATUS = wordOf(C.tpacket_block_desc, "_block_status");
const BLOCK_PACKETS = wordOf(C.tpacket_block_desc, "_num_pkts");
const BLOCK_FIRST = wordOf(C.tpacket_block_desc, "_offset_to_first_pkt");
const BLOCK_SEQUENCE = wordOf(C.tpacket_block_desc, "_seq_num");
const NEXT = wordOf(C.tpacket3_hdr, "tp_next_offset");
const SECONDS = wordOf(C.tpacket3_hdr, "tp_sec");
const NANOSECONDS = wordOf(C.tpacket3_hdr, "tp_nsec");
const SNAPLEN = wordOf(C.tpacket3_hdr, "tp_snaplen");
const LENGTH = wordOf(C.tpacket3_hdr, "tp_len");
const STATUS = wordOf(C.tpacket3_hdr, "tp_status");
const MAC = wordOf(C.tpacket3_hdr, "tp_mac"); // and tp_net, in its upper half
const VLAN_TCI = wordOf(C.tpacket3_hdr, "_tp_vlan_tci");
const VLAN_TPID = wordOf(C.tpacket3_hdr, "_tp_vlan_tpid");
/** The sender's address stands behind the header: TPACKET_ALIGN(sizeof(struct tpacket3_hdr)). */
const ADDRESS_BYTES = (C.tpacket3_hdr.size + 15) & ~15;
const ADDRESS_WORDS = C.sockaddr_ll.size / 4;
const PACKET_TYPE = ADDRESS_BYTES + C.sockaddr_ll.offsetOf("sll_pkttype");

/** A sender, remembered with its bytes. */
interface Known {
  readonly words: Uint32Array;
  readonly addr: C.LinkAddr;
}

/** The memory of a ring, and which of its blocks are in use. */
export class RingMemory {
  readonly blockBytes: number;
  readonly blockCount: number;
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly #mapped: C.MappedMemory;
  /** The block that the kernel fills next, or has filled. */
  current = 0;
  readonly inUse: Uint8Array;
  /** The last sender of each packet type: mostly the next one, too. */
  readonly #senders: Known[] = [];

  constructor(mapped: C.MappedMemory, blockBytes: number, blockCount: number) {
    this.#mapped = mapped;
    this.blockBytes = blockBytes;
    this.blockCount = blockCount;
    this.bytes = mapped.bytes;
    this.words = new Uint32Array(mapped.bytes.buffer);
    this.inUse = new Uint8Array(blockCount);
  }

  get ended(): boolean {
    return this.#mapped.ended;
  }

  end(): void {
    this.#mapped.end();
  }

  /** The sender of the packet at an offset. */
  sender(at: number): C.LinkAddr {
    const { words } = this;
    const type = this.bytes[at + PACKET_TYPE] as number;
    const from = (at + ADDRESS_BYTES) / 4;
    const known = this.#senders[type];
    if (known !== undefined) {
      let same = true;
      for (let i = 0; i < ADDRESS_WORDS; i++) if (known.words[i] !== words[from + i]) same = false;
      if (same) return known.addr;
    }
    const addr = C.decodeAddress(
      this.bytes.subarray(at + ADDRESS_BYTES, at + ADDRESS_BYTES + 20),
    ) as C.LinkAddr;
    this.#senders[type] = { words: words.slice(from, from + ADDRESS_WORDS), addr };
    return addr;
  }
}

/** The next block of a ring, where the kernel has handed it over. */
export function takeBlock(memory: RingMemory, owner: object): PacketBlock | undefined {
  const { words, current, blockBytes, inUse } = memory;
  if (words.length === 0) {
    throw new TypeError("ring: expected its memory to stay its own, but a view of it was transferred");
  }
  if (inUse[current] === 1) {
    throw new TypeError("ring: expected a block to be released first: all of them are in use");
  }
  const at = current * blockBytes;
  // The kernel writes the status last, behind a barrier; it is read before all else.
  const status = Atomics.load(words, at / 4 + BLOCK_STATUS);
  if ((status & C.TP_STATUS_USER) === 0) return undefined;
  inUse[current] = 1;
  memory.current = (current + 1) % memory.blockCount;
  return new PacketBlock(memory, owner, current, status);
}

/** What a packet of a ring is, there and in its copy. */
export interface CapturedPacket {
  /** The packet, from its link header on (`type: "raw"`), or from behind it (`"datagram"`). */
  readonly data: Uint8Array;
  /** How long the packet was, in bytes; more than `data.length` where the filter has cut it, or a block has no room. */
  readonly lengthBytes: number;
  /** When the kernel received it, in nanoseconds since 1970. */
  readonly timestampNs: bigint;
  /** Who sent it, and to whom it is: {@link LinkAddr.packetType}. */
  readonly peer: C.LinkAddr;
  /** The VLAN tag that is not in `data`; see `withVlanTag`. */
  readonly vlan: VlanTag | undefined;
  readonly checksum: ChecksumState;
}

/** A packet in a block: it is read when it is asked for, until its block is released. */
export class RingPacket implements CapturedPacket {
  readonly #block: PacketBlock;
  readonly #memory: RingMemory;
  readonly #at: number;

  /** @internal */
  constructor(block: PacketBlock, memory: RingMemory, at: number) {
    this.#block = block;
    this.#memory = memory;
    this.#at = at;
  }

  #word(index: number): number {
    if (this.#block.released) throw given();
    return this.#memory.words[this.#at / 4 + index] as number;
  }

  /**
   * The packet, as a view of the ring: valid until the block is released. Afterwards other packets lie there, or zeros.
   * @throws {TypeError} where the block was released; so do all the others
   */
  get data(): Uint8Array {
    const offset = this.#at + (this.#word(MAC) & 0xffff);
    return new Uint8Array(this.#memory.bytes.buffer, offset, this.#word(SNAPLEN));
  }

  get lengthBytes(): number {
    return this.#word(LENGTH);
  }

  /** How many bytes of it are here: `data.length`. */
  get capturedBytes(): number {
    return this.#word(SNAPLEN);
  }

  /** Whether less of it is here than it had. */
  get truncated(): boolean {
    return this.#word(SNAPLEN) < this.#word(LENGTH);
  }

  get timestampNs(): bigint {
    return BigInt(this.#word(SECONDS)) * 1_000_000_000n + BigInt(this.#word(NANOSECONDS));
  }

  /** {@link timestampNs} in two numbers, which are cheaper: seconds since 1970 … */
  get seconds(): number {
    return this.#word(SECONDS);
  }

  /** … and the nanoseconds beyond them. */
  get nanoseconds(): number {
    return this.#word(NANOSECONDS);
  }

  get peer(): C.LinkAddr {
    if (this.#block.released) throw given();
    return this.#memory.sender(this.#at);
  }

  /** `peer.packetType`, which is cheaper. */
  get packetType(): C.PacketType {
    if (this.#block.released) throw given();
    return C.packetTypeOf(this.#memory.bytes[this.#at + PACKET_TYPE] as number);
  }

  /** Where the network header begins in `data`, in bytes. */
  get networkOffset(): number {
    const offsets = this.#word(MAC);
    return (offsets >>> 16) - (offsets & 0xffff);
  }

  get vlan(): VlanTag | undefined {
    return vlanTag(this.#word(STATUS), this.#word(VLAN_TCI) & 0xffff, this.#word(VLAN_TPID) & 0xffff);
  }

  get checksum(): ChecksumState {
    return checksumState(this.#word(STATUS));
  }

  /** Whether packets have been dropped since the statistics were last read. */
  get losing(): boolean {
    return (this.#word(STATUS) & C.TP_STATUS_LOSING) !== 0;
  }

  /** TP_STATUS_… of linux/if_packet.h, all bits. */
  get status(): number {
    return this.#word(STATUS);
  }

  /** The packet as an object of its own, which the block's end does not concern. */
  copy(): CapturedPacket {
    return {
      data: this.data.slice(),
      lengthBytes: this.lengthBytes,
      timestampNs: this.timestampNs,
      peer: this.peer,
      vlan: this.vlan,
      checksum: this.checksum,
    };
  }
}

const given = (): TypeError =>
  new TypeError("packet: its block was released, or its socket closed; copy() what is needed longer");

/** The packets of one block, in the order in which they came. */
export class PacketBlock implements Disposable, Iterable<RingPacket> {
  /** How many packets are in it. */
  readonly size: number;
  /** Whether it was handed over by the timeout, and not because it was full. */
  readonly timedOut: boolean;
  /** The number of the block since the ring was made, from 1 up. One that is left out had no packets. */
  readonly sequence: number;
  readonly #memory: RingMemory;
  /** @internal Held, so that the socket is not closed as forgotten while its blocks are in use. */
  readonly owner: object;
  readonly #index: number;
  #released = false;

  /** @internal */
  constructor(memory: RingMemory, owner: object, index: number, status: number) {
    const word = (index * memory.blockBytes) / 4;
    this.#memory = memory;
    this.owner = owner;
    this.#index = index;
    this.size = memory.words[word + BLOCK_PACKETS] as number;
    this.timedOut = (status & C.TP_STATUS_BLK_TMO) !== 0;
    this.sequence =
      (memory.words[word + BLOCK_SEQUENCE] as number) +
      (memory.words[word + BLOCK_SEQUENCE + 1] as number) * 2 ** 32;
  }

  /** Whether it was given back to the kernel, or went with its socket. */
  get released(): boolean {
    return this.#released || this.#memory.ended;
  }

  /** Gives the block back to the kernel, which puts other packets there. A second time it does nothing. */
  release(): void {
    if (this.released) return;
    this.#released = true;
    const { words, blockBytes, inUse } = this.#memory;
    inUse[this.#index] = 0;
    // All reads are done by now; the kernel looks at the status before it writes anything.
    Atomics.store(words, (this.#index * blockBytes) / 4 + BLOCK_STATUS, C.TP_STATUS_KERNEL);
  }

  [Symbol.dispose](): void {
    this.release();
  }

  [Symbol.iterator](): Iterator<RingPacket> {
    return new Packets(this, this.#memory, this.#index * this.#memory.blockBytes);
  }
}

/** Not a generator: that would cost as much as the rest. */
class Packets implements Iterator<RingPacket> {
  readonly #block: PacketBlock;
  readonly #memory: RingMemory;
  #at: number;
  #left: number;

  constructor(block: PacketBlock, memory: RingMemory, start: number) {
    if (block.released) throw given();
    this.#block = block;
    this.#memory = memory;
    this.#at = start + (memory.words[start / 4 + BLOCK_FIRST] as number);
    this.#left = block.size;
  }

  next(): IteratorResult<RingPacket, undefined> {
    if (this.#left === 0) return { done: true, value: undefined };
    if (this.#block.released) throw given();
    const at = this.#at;
    this.#left--;
    this.#at = at + (this.#memory.words[at / 4 + NEXT] as number);
    return { done: false, value: new RingPacket(this.#block, this.#memory, at) };
  }

  [Symbol.iterator](): this {
    return this;
  }
}
