/** MessageVector: an array of `struct mmsghdr` with all that it points to, for sendmsg, recvmsg, sendmmsg and recvmmsg. */
import { addressOf, libc, negativeErrno } from "./ffi.ts";
import { checkFd } from "./io_calls.ts";
import { iovec, mmsghdr, msghdr, SOCKADDR_STORAGE_LEN } from "./structs.ts";

const c_sendmsg = libc<(fd: number, msg: Uint8Array, flags: number) => number>(
  "int sendmsg(int, const void *, int)",
);
const c_recvmsg = libc<(fd: number, msg: Uint8Array, flags: number) => number>(
  "int recvmsg(int, void *, int)",
);
const c_sendmmsg = libc<(fd: number, msgs: Uint8Array, count: number, flags: number) => number>(
  "int sendmmsg(int, void *, unsigned int, int)",
);
const c_recvmmsg = libc<
  (fd: number, msgs: Uint8Array, count: number, flags: number, timeout: null) => number
>("int recvmmsg(int, void *, unsigned int, int, void *)");

// Offsets in 32-bit words: the fields are written for every message of every call.
const HEADER = mmsghdr.size / 4;
const NAME = msghdr.offsetOf("msg_name") / 4;
const NAMELEN = msghdr.offsetOf("msg_namelen") / 4;
const IOV = msghdr.offsetOf("msg_iov") / 4;
const IOVLEN = msghdr.offsetOf("msg_iovlen") / 4;
const CONTROL = msghdr.offsetOf("msg_control") / 4;
const CONTROLLEN = msghdr.offsetOf("msg_controllen") / 4;
const FLAGS = msghdr.offsetOf("msg_flags") / 4;
const LEN = mmsghdr.offsetOf("msg_len") / 4;
const IOVEC = iovec.size / 4;
const IOV_BASE = iovec.offsetOf("iov_base") / 4;
const IOV_LEN = iovec.offsetOf("iov_len") / 4;

const TWO_32 = 2 ** 32;

/**
 * Up to `capacity` messages. Headers, names and control data lie in one buffer of its own, which nobody else gets to
 * see: a buffer that is detached while the kernel has its address would be written to after it is freed.
 * What the messages carry lies where the caller says, by {@link setData}; the caller holds it until the call is made.
 */
export class MessageVector {
  readonly capacity: number;
  /** Bytes of room for the control data of each message. */
  readonly controlRoom: number;
  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;
  readonly #address: number;
  readonly #iovAt: number;
  readonly #namesAt: number;
  readonly #controlAt: number;

  constructor(capacity: number, controlRoom: number) {
    this.capacity = capacity;
    this.controlRoom = (controlRoom + 7) & ~7;
    this.#iovAt = capacity * mmsghdr.size;
    this.#namesAt = this.#iovAt + capacity * iovec.size;
    this.#controlAt = this.#namesAt + capacity * SOCKADDR_STORAGE_LEN;
    this.#bytes = new Uint8Array(new ArrayBuffer(this.#controlAt + capacity * this.controlRoom));
    this.#words = new Uint32Array(this.#bytes.buffer);
    this.#address = addressOf(this.#bytes);
    for (let i = 0; i < capacity; i++) {
      this.#setPointer(i * HEADER + IOV, this.#address + this.#iovAt + i * iovec.size);
      this.#words[i * HEADER + IOVLEN] = 1;
    }
  }

  #setPointer(word: number, address: number): void {
    this.#words[word] = address; // modulo 2^32
    this.#words[word + 1] = address / TWO_32;
  }

  /** Where message `i` is sent from or received into: an address of {@link addressOf}, plus an offset, and a length. */
  setData(i: number, address: number, lengthBytes: number): void {
    const word = this.#iovAt / 4 + i * IOVEC;
    this.#setPointer(word + IOV_BASE, address);
    this.#words[word + IOV_LEN] = lengthBytes;
  }

  /** The address that message `i` is sent to; none for the connected peer. */
  setName(i: number, name: Uint8Array | undefined): void {
    const word = i * HEADER;
    if (name === undefined) {
      this.#setPointer(word + NAME, 0);
      this.#words[word + NAMELEN] = 0;
      return;
    }
    const at = this.#namesAt + i * SOCKADDR_STORAGE_LEN;
    this.#bytes.set(name, at);
    this.#setPointer(word + NAME, this.#address + at);
    this.#words[word + NAMELEN] = name.length;
  }

  /** Has message `i` sent to where message `j` goes. */
  shareName(i: number, j: number): void {
    const [to, from] = [i * HEADER, j * HEADER];
    for (let k = 0; k < 2; k++) this.#words[to + NAME + k] = this.#words[from + NAME + k] as number;
    this.#words[to + NAMELEN] = this.#words[from + NAMELEN] as number;
  }

  /** The control data that is sent with message `i`; at most {@link controlRoom} bytes. */
  setControl(i: number, control: Uint8Array | undefined): void {
    const word = i * HEADER;
    if (control === undefined) {
      this.#setPointer(word + CONTROL, 0);
      this.#words[word + CONTROLLEN] = 0;
      return;
    }
    if (control.length > this.controlRoom) {
      throw new RangeError(`control: expected at most ${this.controlRoom} bytes, got ${control.length}`);
    }
    const at = this.#controlAt + i * this.controlRoom;
    this.#bytes.set(control, at);
    this.#setPointer(word + CONTROL, this.#address + at);
    this.#words[word + CONTROLLEN] = control.length;
  }

  /** Gives message `i` its room for an address and control data again, which a receiving call has cut to what came. */
  expect(i: number, controlRoom = this.controlRoom): void {
    const word = i * HEADER;
    this.#setPointer(word + NAME, this.#address + this.#namesAt + i * SOCKADDR_STORAGE_LEN);
    this.#words[word + NAMELEN] = SOCKADDR_STORAGE_LEN;
    this.#setPointer(
      word + CONTROL,
      controlRoom === 0 ? 0 : this.#address + this.#controlAt + i * this.controlRoom,
    );
    this.#words[word + CONTROLLEN] = controlRoom;
    this.#words[word + FLAGS] = 0;
  }

  /** How many bytes message `i` had. */
  length(i: number): number {
    return this.#words[i * HEADER + LEN] as number;
  }

  /** MSG_TRUNC, MSG_CTRUNC … of message `i`. */
  flags(i: number): number {
    return this.#words[i * HEADER + FLAGS] as number;
  }

  /** The kernel's bytes of the address that message `i` came from, as a view: to be decoded at once. */
  name(i: number): Uint8Array {
    const at = this.#namesAt + i * SOCKADDR_STORAGE_LEN;
    const length = Math.min(this.#words[i * HEADER + NAMELEN] as number, SOCKADDR_STORAGE_LEN);
    return this.#bytes.subarray(at, at + length);
  }

  /** The first 8 bytes of {@link name} as two 32-bit words: of IPv4 they are family, port and address. */
  nameWord(i: number, word: 0 | 1): number {
    return this.#words[((this.#namesAt + i * SOCKADDR_STORAGE_LEN) >> 2) + word] as number;
  }

  /** The control data that came with message `i`, as a view: to be decoded at once. */
  control(i: number): Uint8Array {
    const at = this.#controlAt + i * this.controlRoom;
    const length = Math.min(this.#words[i * HEADER + CONTROLLEN] as number, this.controlRoom);
    return this.#bytes.subarray(at, at + length);
  }

  /** {@link control} as 32-bit words. */
  controlWords(i: number): Uint32Array {
    const word = (this.#controlAt + i * this.controlRoom) >> 2;
    const length = Math.min(this.#words[i * HEADER + CONTROLLEN] as number, this.controlRoom);
    return this.#words.subarray(word, word + (length >> 2));
  }

  /** `ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)` of message 0. @returns bytes taken, or `-errno` */
  sendmsg(fd: number, flags: number): number {
    checkFd(fd);
    const count = c_sendmsg(fd, this.#bytes, flags);
    return count < 0 ? negativeErrno() : count;
  }

  /**
   * `ssize_t recvmsg(int fd, struct msghdr *msg, int flags)` into message 0, after {@link expect}.
   * @returns bytes received, or with MSG_TRUNC how long the message was, or `-errno`
   * @see man 2 recvmsg
   */
  recvmsg(fd: number, flags: number): number {
    checkFd(fd);
    const count = c_recvmsg(fd, this.#bytes, flags);
    return count < 0 ? negativeErrno() : count;
  }

  /**
   * `int sendmmsg(int fd, struct mmsghdr *msgs, unsigned int count, int flags)` from message `from` on.
   * @returns how many were sent, at least one, or `-errno` of the first
   * @see man 2 sendmmsg
   */
  sendmmsg(fd: number, from: number, count: number, flags: number): number {
    checkFd(fd);
    const messages = from === 0 ? this.#bytes : this.#bytes.subarray(from * mmsghdr.size);
    const sent = c_sendmmsg(fd, messages, count, flags);
    return sent < 0 ? negativeErrno() : sent;
  }

  /**
   * `int recvmmsg(int fd, struct mmsghdr *msgs, unsigned int count, int flags, NULL)` into the first messages, after
   * {@link expect} of each. With MSG_TRUNC, {@link length} is how long the message was, though less was room.
   * @returns how many came, at least one, or `-errno`; an error behind the first is kept for the next call
   * @see man 2 recvmmsg
   */
  recvmmsg(fd: number, count: number, flags: number): number {
    checkFd(fd);
    const received = c_recvmmsg(fd, this.#bytes, count, flags, null);
    return received < 0 ? negativeErrno() : received;
  }
}
