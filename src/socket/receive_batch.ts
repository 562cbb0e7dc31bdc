/** ReceiveBatch: room for many datagrams, filled by one recvmmsg, and with UDP_GRO by few large messages. */
import { SocketAddr } from "../ip/index.ts";
import * as C from "../sys/index.ts";
import { peerFrom } from "./_peers.ts";
import { type Ancillary, decodeAncillary } from "./ancillary.ts";
import { checkCount } from "./send_batch.ts";

export interface ReceiveBatchOptions {
  /** How many messages one call takes at most; 64 by default, 16 with `merged`. */
  readonly datagrams?: number | undefined;
  /** Room for each datagram; what is longer is truncated. 2048 by default; always 65535 with `merged`. */
  readonly maxBytes?: number | undefined;
  /**
   * Takes messages that the kernel has merged of several datagrams (UDP_GRO), and gives their parts as datagrams. For
   * sockets with `UDP.GRO` set. False by default.
   */
  readonly merged?: boolean | undefined;
  /** Room for the ancillary data of each message; 0 by default, or what UDP_GRO needs. */
  readonly ancillaryBytes?: number | undefined;
}

/** One datagram of a batch. */
export interface BatchDatagram<A extends C.AnyAddr = SocketAddr> {
  /** A view into the batch, valid until the next receive. */
  readonly data: Uint8Array;
  readonly peer: A;
  readonly truncated: boolean;
}

const MERGED_BYTES = 65535;
/**
 * Room for UDP_GRO's control message, and for all that the kernel puts before it (net/ipv4/udp.c, udp_recvmsg):
 * timestamps of both kinds, SO_RXQ_OVFL, SO_WIFI_STATUS, SO_RCVMARK, SO_RCVPRIORITY. Where it is cut off, nobody knows
 * any more where one datagram ends.
 */
const MERGED_ANCILLARY = 512;
const MAX_BYTES = 2 ** 30;
const WORD_LEVEL = 2; // struct cmsghdr in 32-bit words: len, level, type, data
const WORD_TYPE = 3;
const WORD_DATA = 4;

/**
 * Datagrams received together, by `UdpSocket.recvMany`, or packets, by `PacketSocket.recvMany`. Its memory is used again
 * and again: the data of a datagram is a view, valid until the next receive into the same batch.
 * @typeParam A the addresses of its senders: `SocketAddr`, or `LinkAddr` for a packet socket
 */
export class ReceiveBatch<A extends C.AnyAddr = SocketAddr> {
  /** How many messages one call takes at most. */
  readonly capacity: number;
  /** Room for each message, in bytes. */
  readonly maxBytes: number;
  readonly merged: boolean;
  readonly #arena: Uint8Array;
  readonly #address: number;
  readonly #vector: C.MessageVector;
  /** From one message's room to the next one's. */
  readonly #stride: number;
  #messages = 0;
  #size = 0;
  /** Of each datagram: its message, where it lies, how long it is. Grown where merged messages have many parts. */
  #messageOf: Int32Array;
  #offsets: Int32Array;
  #lengths: Int32Array;
  /** The views handed out, kept: the next batch mostly has datagrams of the same lengths in the same places. */
  readonly #views: Uint8Array[] = [];
  #inUse = false;
  #lastFirst = -1;
  #lastSecond = -1;
  #lastPeer: A | undefined;

  constructor(options: ReceiveBatchOptions = {}) {
    const { merged = false } = options;
    if (typeof merged !== "boolean") {
      throw new TypeError(`merged: expected true or false, got ${String(merged)}`);
    }
    if (merged && options.maxBytes !== undefined && options.maxBytes !== MERGED_BYTES) {
      throw new RangeError(`maxBytes: expected none with merged, which needs ${MERGED_BYTES}`);
    }
    this.merged = merged;
    this.capacity = checkCount("datagrams", options.datagrams ?? (merged ? 16 : 64), 4096);
    this.maxBytes = merged ? MERGED_BYTES : checkCount("maxBytes", options.maxBytes ?? 2048, 2 ** 20);
    const ancillaryBytes = options.ancillaryBytes ?? 0;
    if (!Number.isInteger(ancillaryBytes) || ancillaryBytes < 0 || ancillaryBytes > 65536) {
      throw new RangeError(`ancillaryBytes: expected a whole number from 0 to 65536, got ${ancillaryBytes}`);
    }
    this.#vector = new C.MessageVector(this.capacity, ancillaryBytes + (merged ? MERGED_ANCILLARY : 0));
    const stride = (this.maxBytes + 63) & ~63;
    if (this.capacity * stride > MAX_BYTES) {
      throw new RangeError(
        `maxBytes: expected at most ${MAX_BYTES} bytes in all, got ${this.capacity} messages of ${this.maxBytes}`,
      );
    }
    this.#arena = new Uint8Array(new ArrayBuffer(this.capacity * stride));
    this.#address = C.addressOf(this.#arena);
    this.#messageOf = new Int32Array(this.capacity);
    this.#offsets = new Int32Array(this.capacity);
    this.#lengths = new Int32Array(this.capacity);
    for (let i = 0; i < this.capacity; i++) {
      this.#vector.setData(i, this.#address + i * stride, this.maxBytes);
      this.#vector.expect(i);
    }
    this.#stride = stride;
  }

  /** How many datagrams the last receive has put into it. */
  get size(): number {
    return this.#size;
  }

  /**
   * What datagram `i` brought: a view, valid until the next receive into this batch.
   * @throws {RangeError} where there is no such datagram
   */
  data(i: number): Uint8Array {
    if (i >>> 0 !== i || i >= this.#size) this.#outside(i);
    const offset = this.#offsets[i] as number;
    const length = this.#lengths[i] as number;
    const known = this.#views[i];
    if (known !== undefined && known.byteOffset === offset && known.length === length) return known;
    const view = new Uint8Array(this.#arena.buffer, offset, length);
    this.#views[i] = view;
    return view;
  }

  /** Who sent datagram `i`. @throws {RangeError} where there is no such datagram */
  peer(i: number): A {
    const message = this.#message(i);
    const first = this.#vector.nameWord(message, 0);
    const second = this.#vector.nameWord(message, 1);
    // Mostly the same as the one before; of IPv4 the two words are all of it.
    if (first === this.#lastFirst && second === this.#lastSecond) return this.#lastPeer as A;
    const peer = peerFrom(this.#vector.name(message)) as A;
    if (peer instanceof SocketAddr && peer.ip.version === 4) {
      this.#lastFirst = first;
      this.#lastSecond = second;
      this.#lastPeer = peer;
    }
    return peer;
  }

  /** Whether datagram `i` was longer than there was room for: the rest is lost. */
  truncated(i: number): boolean {
    return this.#vector.length(this.#message(i)) > this.maxBytes;
  }

  /** How long datagram `i` was, in bytes, though less of it may be here. */
  lengthBytes(i: number): number {
    const whole = this.#vector.length(this.#message(i));
    return whole > this.maxBytes ? whole : (this.#lengths[i] as number);
  }

  /** The ancillary data of datagram `i`, which the parts of a merged message share. Needs `ancillaryBytes`. */
  ancillary(i: number): Ancillary {
    return decodeAncillary(this.#vector.control(this.#message(i)));
  }

  /** Whether there was too little room for the ancillary data of datagram `i`. */
  ancillaryTruncated(i: number): boolean {
    return (this.#vector.flags(this.#message(i)) & C.MSG_CTRUNC) !== 0;
  }

  /** The datagrams in the order in which they came. */
  *[Symbol.iterator](): Generator<BatchDatagram<A>, void, undefined> {
    for (let i = 0; i < this.#size; i++) {
      yield { data: this.data(i), peer: this.peer(i), truncated: this.truncated(i) };
    }
  }

  #message(i: number): number {
    if (i >>> 0 !== i || i >= this.#size) this.#outside(i);
    return this.#messageOf[i] as number;
  }

  #outside(i: number): never {
    throw new RangeError(
      `index: expected 0 to ${this.#size - 1}, got ${String(i)} (the batch has ${this.#size})`,
    );
  }

  /** @internal */
  begin(): void {
    if (this.#inUse) throw new TypeError("batch: expected one that no other call is filling");
    this.#inUse = true;
  }

  /** @internal */
  end(): void {
    this.#inUse = false;
  }

  /** @internal @returns how many messages came, or `-errno` */
  recvmmsg(fd: number): number {
    if (this.#arena.length === 0) {
      throw new TypeError("batch: expected its memory to stay its own, but a view of it was transferred");
    }
    for (let i = 0; i < this.#messages; i++) this.#vector.expect(i);
    this.#messages = 0;
    this.#size = 0;
    const count = this.#vector.recvmmsg(fd, this.capacity, C.MSG_TRUNC);
    if (count > 0) {
      this.#messages = count;
      if (this.merged) this.#takeApart(count);
      else this.#take(count);
    }
    return count;
  }

  #take(count: number): void {
    for (let i = 0; i < count; i++) {
      this.#messageOf[i] = i;
      this.#offsets[i] = i * this.#stride;
      this.#lengths[i] = Math.min(this.#vector.length(i), this.maxBytes);
    }
    this.#size = count;
  }

  #takeApart(count: number): void {
    let size = 0;
    for (let message = 0; message < count; message++) {
      const whole = Math.min(this.#vector.length(message), this.maxBytes);
      const segment = this.#segmentBytes(message) || whole;
      const start = message * this.#stride;
      let offset = 0;
      do {
        if (size === this.#offsets.length) this.#grow();
        this.#messageOf[size] = message;
        this.#offsets[size] = start + offset;
        this.#lengths[size] = Math.min(segment, whole - offset);
        size++;
        offset += segment;
      } while (offset < whole);
    }
    this.#size = size;
  }

  /** What UDP_GRO says of a message; 0 where it is one datagram. */
  #segmentBytes(message: number): number {
    const words = this.#vector.controlWords(message);
    for (let at = 0; at + WORD_DATA < words.length; ) {
      if (words[at + WORD_LEVEL] === C.IPPROTO_UDP && words[at + WORD_TYPE] === C.UDP_GRO) {
        return words[at + WORD_DATA] as number;
      }
      const length = words[at] as number;
      if (length < WORD_DATA * 4) break;
      at += ((length + 7) & ~7) / 4;
    }
    return 0;
  }

  #grow(): void {
    const grown = (array: Int32Array): Int32Array => {
      const larger = new Int32Array(array.length * 2);
      larger.set(array);
      return larger;
    };
    this.#messageOf = grown(this.#messageOf);
    this.#offsets = grown(this.#offsets);
    this.#lengths = grown(this.#lengths);
  }
}
