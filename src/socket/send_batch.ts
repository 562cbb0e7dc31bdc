/** SendBatch: many datagrams in one buffer, for one sendmmsg, and with UDP_SEGMENT in few large messages. */
import type { SocketAddr } from "../ip/index.ts";
import * as C from "../sys/index.ts";
import { ipPeerBytes } from "./_peers.ts";
import { segmentMessage } from "./ancillary.ts";

export interface SendBatchOptions {
  /** How many datagrams it holds at most; 64 by default. */
  readonly datagrams?: number | undefined;
  /** How many bytes of data it holds at most; 1500 for each datagram by default. */
  readonly bytes?: number | undefined;
  /**
   * Hands runs of equally long datagrams to one peer to the kernel as one message, which it, or the network card, cuts
   * (UDP_SEGMENT, "GSO"): several times cheaper. Where that is refused they go one by one. False by default.
   */
  readonly segmented?: boolean | undefined;
}

/** The largest payload of UDP over IPv4: 65535 - 20 - 8. */
const MAX_PAYLOAD = 65507;
/** UDP_MAX_SEGMENTS, include/linux/udp.h; 128 since v6.9, which older kernels refuse. */
const MAX_SEGMENTS = 64;

export function checkCount(name: string, value: number, max: number): number {
  if (!Number.isInteger(value) || value < 1 || value > max) {
    throw new RangeError(`${name}: expected a whole number from 1 to ${max}, got ${String(value)}`);
  }
  return value;
}

const peerBytes = (peer: SocketAddr | C.LinkAddr | string): Uint8Array =>
  peer instanceof C.LinkAddr ? C.encodeSockaddrLl(peer) : ipPeerBytes(peer);

const sameBytes = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a === b ||
  (a !== undefined && b !== undefined && a.length === b.length && a.every((byte, i) => byte === b[i]));

/** Datagrams to be sent together, by `UdpSocket.sendMany` or `PacketSocket.sendMany`. What is pushed is copied. To be used again and again. */
export class SendBatch {
  /** How many datagrams there is room for. */
  readonly capacity: number;
  readonly segmented: boolean;
  readonly #arena: Uint8Array;
  readonly #address: number;
  readonly #offsets: Int32Array;
  readonly #lengths: Int32Array;
  readonly #peers: (Uint8Array | undefined)[];
  readonly #vector: C.MessageVector;
  /** The first datagram of each message, and behind the last message the one after. */
  readonly #firsts: Int32Array;
  #size = 0;
  #sent = 0;
  #filled = 0;
  #messages = 0;
  /** Messages before this one have gone. */
  #message = 0;
  #inUse = false;
  /** The datagram before which nothing is put together any more, since the kernel has refused that. */
  #singlyUntil = 0;

  constructor(options: SendBatchOptions = {}) {
    const { datagrams = 64, segmented = false } = options;
    this.capacity = checkCount("datagrams", datagrams, 65536);
    const bytes = checkCount("bytes", options.bytes ?? Math.max(datagrams * 1500, MAX_PAYLOAD), 2 ** 30);
    if (typeof segmented !== "boolean") {
      throw new TypeError(`segmented: expected true or false, got ${String(segmented)}`);
    }
    this.segmented = segmented;
    this.#arena = new Uint8Array(new ArrayBuffer(bytes));
    this.#address = C.addressOf(this.#arena);
    this.#offsets = new Int32Array(datagrams);
    this.#lengths = new Int32Array(datagrams);
    this.#peers = new Array<Uint8Array | undefined>(datagrams).fill(undefined);
    this.#vector = new C.MessageVector(datagrams, C.CMSG_SPACE(2));
    this.#firsts = new Int32Array(datagrams + 1);
  }

  /** How many datagrams are in it. */
  get size(): number {
    return this.#size;
  }

  /** How many of them have been sent: after an error, the next one is the one that failed. */
  get sent(): number {
    return this.#sent;
  }

  /**
   * Adds a datagram.
   * @param peer where it goes; the connected peer by default, or the device of a packet socket, which takes a LinkAddr
   * @returns false where there is no room: send first
   * @throws {RangeError} more bytes than a datagram, or than the whole batch, can have
   * @throws {TypeError} while the batch is being sent
   */
  push(bytes: Uint8Array, peer?: SocketAddr | C.LinkAddr | string): boolean {
    if (!(bytes instanceof Uint8Array)) {
      throw new TypeError(`bytes: expected a Uint8Array, got ${typeof bytes}`);
    }
    this.#checkFree();
    const length = bytes.length;
    const most = Math.min(65527, this.#arena.length);
    if (length > most) throw new RangeError(`bytes: expected at most ${most} bytes, got ${length}`);
    const i = this.#size;
    if (i === this.capacity || this.#filled + length > this.#arena.length) return false;
    this.#peers[i] = peer === undefined ? undefined : peerBytes(peer);
    this.#arena.set(bytes, this.#filled);
    this.#offsets[i] = this.#filled;
    this.#lengths[i] = length;
    this.#filled += length;
    this.#size = i + 1;
    return true;
  }

  /** Forgets all datagrams, sent or not. @throws {TypeError} while the batch is being sent */
  clear(): void {
    this.#checkFree();
    this.#size = 0;
    this.#sent = 0;
    this.#filled = 0;
    this.#messages = 0;
    this.#message = 0;
    this.#singlyUntil = 0;
  }

  /** Passes over the datagram that failed, so that the rest can be sent. */
  skip(): void {
    this.#checkFree();
    if (this.#sent < this.#size) this.#sent++;
  }

  #checkFree(): void {
    if (this.#inUse) throw new TypeError("batch: expected one that is not being sent at this moment");
  }

  /** @internal */
  begin(): void {
    this.#checkFree();
    this.#inUse = true;
    this.#build();
  }

  /** @internal */
  end(): void {
    this.#inUse = false;
  }

  /** Lays out the messages of what is not sent yet. */
  #build(): void {
    const vector = this.#vector;
    let count = 0;
    let segmentBytes = -1;
    let control: Uint8Array | undefined;
    for (let i = this.#sent; i < this.#size; count++) {
      const run = this.#runFrom(i);
      const length = this.#lengths[i] as number;
      vector.setData(count, this.#address + (this.#offsets[i] as number), this.#bytesOf(i, run));
      const peer = this.#peers[i];
      if (count > 0 && peer === this.#peers[this.#firsts[count - 1] as number]) {
        vector.shareName(count, count - 1);
      } else vector.setName(count, peer);
      if (run > 1 && length !== segmentBytes) {
        control = C.encodeControl([segmentMessage(length)]);
        segmentBytes = length;
      }
      vector.setControl(count, run > 1 ? control : undefined);
      this.#firsts[count] = i;
      i += run;
    }
    this.#firsts[count] = this.#size;
    this.#messages = count;
    this.#message = 0;
  }

  /** How many datagrams from `i` on go as one message: equally long, but for a shorter last one, and to one peer. */
  #runFrom(i: number): number {
    const length = this.#lengths[i] as number;
    if (!this.segmented || length === 0 || i < this.#singlyUntil) return 1;
    const peer = this.#peers[i];
    const most = Math.min(MAX_SEGMENTS, Math.floor(MAX_PAYLOAD / length), this.#size - i);
    let run = 1;
    while (run < most && sameBytes(this.#peers[i + run], peer)) {
      const next = this.#lengths[i + run] as number;
      if (next === 0 || next > length) break;
      run++;
      if (next < length) break;
    }
    return run;
  }

  #bytesOf(i: number, run: number): number {
    const last = i + run - 1;
    return (this.#offsets[last] as number) + (this.#lengths[last] as number) - (this.#offsets[i] as number);
  }

  /** @internal Whether all has gone. */
  get done(): boolean {
    return this.#sent === this.#size;
  }

  /** How many of the next messages have `most` datagrams together, the last of them maybe more. */
  #messagesOf(most: number): number {
    const left = this.#messages - this.#message;
    if (this.#size - this.#sent <= most) return left;
    let count = 1;
    while (count < left && (this.#firsts[this.#message + count] as number) - this.#sent < most) count++;
    return count;
  }

  /**
   * @internal Hands what is left to the kernel, or about `most` datagrams of it.
   * @returns how many messages it took, or `-errno` of the first
   */
  sendmmsg(fd: number, most: number): number {
    if (this.#message > 0 && this.#firsts[this.#message] !== this.#sent) this.#build(); // after skip()
    const count = this.#vector.sendmmsg(fd, this.#message, this.#messagesOf(most), C.MSG_NOSIGNAL);
    if (count > 0) {
      this.#message += count;
      this.#sent = this.#firsts[this.#message] as number;
    }
    return count;
  }

  /** @internal What the message that is next consists of. */
  get next(): {
    readonly datagrams: number;
    readonly bytes: Uint8Array;
    readonly peer: Uint8Array | undefined;
  } {
    const i = this.#sent;
    const datagrams = (this.#firsts[this.#message + 1] as number) - i;
    const from = this.#offsets[i] as number;
    const bytes = this.#arena.subarray(from, from + (this.#lengths[i] as number));
    return { datagrams, bytes, peer: this.#peers[i] };
  }

  /** @internal Has the datagrams of the next message sent one by one. */
  splitNext(): void {
    this.#singlyUntil = this.#firsts[this.#message + 1] as number;
    this.#build();
  }

  /** @internal Has all that is left sent one by one. */
  splitAll(): void {
    this.#singlyUntil = this.#size;
    this.#build();
  }
}
