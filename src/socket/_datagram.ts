/** What every datagram socket can do: send and receive messages that keep their bounds. */
import { concatBytes } from "../bytes/index.ts";
import * as C from "../sys/index.ts";
import { checkBytes, detached } from "./_bytes.ts";
import { ANCILLARY_BYTES, checkAncillaryBytes, checkControl, message } from "./_message.ts";
import { peerFrom } from "./_peers.ts";
import { addressOf, Socket } from "./_socket.ts";
import { type Ancillary, type AncillaryRequest, decodeAncillary } from "./ancillary.ts";

/** A datagram that was received. */
export interface Datagram<A extends C.AnyAddr = C.AnyAddr> {
  /** What came: in a new array, or a view of the caller's buffer. Empty for a datagram of no bytes. */
  readonly data: Uint8Array<ArrayBufferLike>;
  /** Who sent it. */
  readonly peer: A;
  /** Whether it was longer than the buffer: the rest is lost. */
  readonly truncated: boolean;
  /** How long it was, in bytes; more than `data.length` where it was truncated. */
  readonly lengthBytes: number;
}

/** A datagram with what came beside it. */
export interface ReceivedMessage<A extends C.AnyAddr = C.AnyAddr> extends Datagram<A> {
  readonly ancillary: Ancillary;
  /** Whether there was too little room for the ancillary data: the rest is lost, and files in it are closed. */
  readonly ancillaryTruncated: boolean;
}

export interface ReceiveOptions extends C.WaitOptions {
  /** Leaves the datagram in the queue (MSG_PEEK). */
  readonly peek?: boolean | undefined;
}

export interface ReceiveMessageOptions extends ReceiveOptions {
  /** Where the data goes; room for the largest datagram by default. */
  readonly buffer?: Uint8Array | undefined;
  /** Room for ancillary data, in bytes; 4096 by default, which is enough for whatever the kernel gives. */
  readonly ancillaryBytes?: number | undefined;
}

export interface SendMessageOptions<A extends C.AnyAddr, P = A | string> extends C.WaitOptions {
  /** Where it goes; the connected peer by default. */
  readonly peer?: P | undefined;
  readonly ancillary?: AncillaryRequest | undefined;
}

/**
 * More than the largest datagram of IP, and than a packet of the loopback interface, whose MTU is 65536, with its link header.
 * A local datagram may be larger, and is then received into an array of its own.
 */
const SCRATCH_BYTES = 64 * 1024 + 512;

const scratch = new Uint8Array(new ArrayBuffer(SCRATCH_BYTES));

/** Errors that ICMP reports of an earlier datagram, maybe to another peer: include/net/icmp.h, icmp_err_convert. */
export const REPORTED: readonly number[] = [
  C.errno.ECONNREFUSED,
  C.errno.EHOSTUNREACH,
  C.errno.ENETUNREACH,
  C.errno.ENOPROTOOPT,
  C.errno.EMSGSIZE,
  C.errno.EOPNOTSUPP,
  C.errno.EHOSTDOWN,
  C.errno.ENONET,
  C.errno.EACCES,
  C.errno.EPROTO,
];

/**
 * A reported error is given once, and is gone then; meanwhile others may have come. A call that fails so often fails for a
 * reason of its own.
 */
export const REPORTED_TRIES = 16;

/** The buffer and the options of a receiving call, either of which may be left out. */
export function receiveArguments<O>(
  bufferOrOptions: Uint8Array | O | undefined,
  options: O | undefined,
): [Uint8Array | undefined, O | undefined] {
  if (bufferOrOptions === undefined) return [undefined, options];
  if (bufferOrOptions instanceof Uint8Array) return [bufferOrOptions, options];
  if (
    typeof bufferOrOptions !== "object" ||
    bufferOrOptions === null ||
    Array.isArray(bufferOrOptions) ||
    bufferOrOptions instanceof ArrayBuffer ||
    ArrayBuffer.isView(bufferOrOptions)
  ) {
    throw new TypeError(`buffer: expected a Uint8Array, got ${typeof bufferOrOptions}`);
  }
  return [undefined, bufferOrOptions];
}

/** A socket for datagrams, whose peers are named by a `P`. Not made directly: see `UdpSocket`, `UnixDatagram`. */
export abstract class DatagramSocket<A extends C.AnyAddr, P = A | string> extends Socket<A> {
  /** The peer that the socket is connected to, in the kernel's bytes. */
  protected peerBytes: Uint8Array | undefined;
  #peerAddr: A | undefined;

  /** @internal The kernel's bytes of an address that the caller names. @throws before any system call */
  protected abstract encodePeer(peer: P): Uint8Array;

  /** @internal @throws {TypeError} where this socket's datagrams cannot be received one by one */
  protected abstract checkSingle(): void;

  /** @internal The control data of a request. @throws {TypeError} */
  protected abstract encodeRequest(
    request: AncillaryRequest,
    peerBytes: Uint8Array | undefined,
  ): Uint8Array | undefined;

  /** @internal The error of a send that failed for good. */
  protected abstract sendError(
    number: number,
    syscall: string,
    bytes: Uint8Array,
    peerBytes: Uint8Array | undefined,
  ): Error;

  /** @internal What is checked before the first attempt to send. @throws {SysError} where the kernel would refuse it */
  protected checkOutgoing(_bytes: Uint8Array, _peerBytes: Uint8Array | undefined): void {}

  /** @internal Makes a sending call, and again when there is room: of which the kernel tells, unless a kind of socket knows better. */
  protected runSend(
    _peerBytes: Uint8Array | undefined,
    syscall: string,
    attempt: () => number | C.WouldBlock,
    options: C.WaitOptions | undefined,
  ): Promise<number> {
    return this.source.run("write", syscall, this, attempt, options);
  }

  /** @internal Whether an earlier send still waits, which a later one must not overtake. */
  protected sendWaits(_peerBytes: Uint8Array | undefined): boolean {
    return this.source.write.first !== undefined;
  }

  /**
   * The peer that the socket is connected to.
   * @throws {SysError} `ENOTCONN` where there is none
   */
  get peerAddr(): A {
    if (this.peerBytes === undefined) {
      this.source.open("getpeername");
      throw new C.SysError(C.errno.ENOTCONN, "getpeername");
    }
    this.#peerAddr ??= addressOf<A>(this.peerBytes, "getpeername");
    return this.#peerAddr;
  }

  /** Whether the socket is connected to a peer. */
  get connected(): boolean {
    return this.peerBytes !== undefined;
  }

  /** @internal Connects, or with `undefined` only notes that there is no peer. */
  protected setPeer(bytes: Uint8Array | undefined): void {
    this.peerBytes = bytes;
    this.#peerAddr = undefined;
    this.source.peer = bytes;
    this.localBytes = undefined; // connect chooses an address of this side
  }

  protected override describe(): string {
    return this.connected ? `${this.localAddr} → ${this.peerAddr}` : this.localAddr.toString();
  }

  /**
   * Sends one datagram to the connected peer.
   * @returns how many bytes went, always all of them
   * @throws {SysError} `EDESTADDRREQ`, `ENOTCONN` without a peer; `ECONNREFUSED` where an earlier datagram to the peer was refused (this
   * one has not been sent then); `EMSGSIZE`
   * @throws the signal's reason, or {@link TimeoutError}; it has not been sent then
   * @see man 2 send
   */
  send(bytes: Uint8Array, options?: C.WaitOptions): Promise<number> {
    return this.#sendOne(bytes, undefined, options);
  }

  /**
   * Sends one datagram. An error that is reported of an earlier datagram does not fail this one.
   * @returns how many bytes went, always all of them
   * @throws {SysError} `EMSGSIZE`, `ENETUNREACH`, `EACCES` (a broadcast address without SO.BROADCAST) …
   * @throws the signal's reason, or {@link TimeoutError}; it has not been sent then
   * @see man 2 sendto
   */
  sendTo(bytes: Uint8Array, peer: P, options?: C.WaitOptions): Promise<number> {
    let peerBytes: Uint8Array;
    try {
      peerBytes = this.encodePeer(peer);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#sendOne(bytes, peerBytes, options);
  }

  #sendOne(
    bytes: Uint8Array,
    peerBytes: Uint8Array | undefined,
    options: C.WaitOptions | undefined,
  ): Promise<number> {
    try {
      checkBytes("bytes", bytes);
      this.checkOutgoing(bytes, peerBytes);
    } catch (error) {
      return Promise.reject(error);
    }
    const total = bytes.length;
    const attempt = (): number | C.WouldBlock => {
      if (bytes.length !== total) throw detached("bytes");
      return this.sendNow(bytes, peerBytes);
    };
    return this.runSend(peerBytes, "send", attempt, options);
  }

  /** Sends one datagram now. @returns as {@link send}, or {@link WOULD_BLOCK} */
  trySend(bytes: Uint8Array): number | C.WouldBlock {
    checkBytes("bytes", bytes);
    return this.#tryNow(bytes, undefined);
  }

  /** Sends one datagram now. @returns as {@link sendTo}, or {@link WOULD_BLOCK} */
  trySendTo(bytes: Uint8Array, peer: P): number | C.WouldBlock {
    checkBytes("bytes", bytes);
    return this.#tryNow(bytes, this.encodePeer(peer));
  }

  #tryNow(bytes: Uint8Array, peerBytes: Uint8Array | undefined): number | C.WouldBlock {
    this.source.open("send");
    this.checkOutgoing(bytes, peerBytes);
    return this.sendWaits(peerBytes) ? C.WOULD_BLOCK : this.sendNow(bytes, peerBytes);
  }

  /** @internal One datagram by send or sendto. */
  protected sendNow(bytes: Uint8Array, peerBytes: Uint8Array | undefined): number | C.WouldBlock {
    const fd = this.source.fd;
    const call = (): number =>
      peerBytes === undefined
        ? C.send(fd, bytes, C.MSG_NOSIGNAL)
        : C.sendto(fd, bytes, C.MSG_NOSIGNAL, peerBytes);
    return this.#insist(call, peerBytes === undefined ? "send" : "sendto", bytes, peerBytes);
  }

  /** Makes a sending call, and makes it again where its error may be that of an earlier datagram. */
  #insist(
    call: () => number,
    syscall: string,
    bytes: Uint8Array,
    peerBytes: Uint8Array | undefined,
  ): number | C.WouldBlock {
    for (let tries = 0; ; tries++) {
      const count = call();
      if (count >= 0) return count;
      if (count === -C.errno.EINTR) continue;
      if (count === -C.errno.EAGAIN) return C.WOULD_BLOCK;
      if (tries < REPORTED_TRIES && this.mayBeReported(count, peerBytes, bytes)) continue;
      throw this.sendError(count, syscall, bytes, peerBytes);
    }
  }

  /** @internal Whether an error may be that of an earlier datagram, and not concern who sends, or receives, now. */
  protected mayBeReported(number: number, peerBytes: Uint8Array | undefined, _bytes?: Uint8Array): boolean {
    return (peerBytes !== undefined || !this.connected) && REPORTED.includes(-number);
  }

  /**
   * Sends one datagram, of one part or of several that are put together, with ancillary data.
   * @returns how many bytes went, always all of them
   * @throws {TypeError} for ancillary data that is malformed or not for this kind of socket, before any system call
   * @throws as {@link sendTo}
   * @see man 2 sendmsg
   */
  sendMsg(
    bytes: Uint8Array | readonly Uint8Array[],
    options: SendMessageOptions<A, P> = {},
  ): Promise<number> {
    try {
      const parts = Array.isArray(bytes) ? bytes : [bytes];
      for (const part of parts) checkBytes("bytes", part);
      const whole = parts.length === 1 ? (parts[0] as Uint8Array) : concatBytes(parts);
      const peerBytes = options.peer === undefined ? undefined : this.encodePeer(options.peer);
      this.checkOutgoing(whole, peerBytes);
      const { ancillary } = options;
      const encode = (): Uint8Array | undefined =>
        ancillary === undefined ? undefined : this.encodeRequest(ancillary, peerBytes ?? this.peerBytes);
      let control = encode();
      checkControl(control);
      const total = whole.length;
      const attempt = (): number | C.WouldBlock => {
        if (whole.length !== total) throw detached("bytes");
        // A file that was closed while the call waited must not stand for the one that has its number by now.
        if (ancillary?.fds !== undefined) control = encode();
        message.setData(0, C.addressOf(whole), total);
        message.setName(0, peerBytes);
        message.setControl(0, control);
        const call = (): number => message.sendmsg(this.source.fd, C.MSG_NOSIGNAL);
        return this.#insist(call, "sendmsg", whole, peerBytes);
      };
      return this.runSend(peerBytes, "sendmsg", attempt, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Receives one datagram.
   * @param buffer where it goes; without one it comes in a new array, whole
   * @throws {SysError} `ECONNREFUSED` … what ICMP reports of the connected peer. An unconnected socket does not fail
   * for what one of its peers reports
   * @throws the signal's reason, or {@link TimeoutError}; no datagram has been taken then
   * @see man 2 recvfrom
   */
  recvFrom(options?: ReceiveOptions): Promise<Datagram<A>>;
  recvFrom(buffer: Uint8Array | undefined, options?: ReceiveOptions): Promise<Datagram<A>>;
  recvFrom(bufferOrOptions?: Uint8Array | ReceiveOptions, rest?: ReceiveOptions): Promise<Datagram<A>> {
    try {
      const [buffer, options] = receiveArguments(bufferOrOptions, rest);
      this.checkSingle();
      const attempt = this.#receiving(buffer, options?.peek === true);
      return this.source.run("read", "recvfrom", this, attempt, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** {@link recvFrom} under the name that is usual on a connected socket. */
  recv(options?: ReceiveOptions): Promise<Datagram<A>>;
  recv(buffer: Uint8Array | undefined, options?: ReceiveOptions): Promise<Datagram<A>>;
  recv(bufferOrOptions?: Uint8Array | ReceiveOptions, rest?: ReceiveOptions): Promise<Datagram<A>> {
    return this.recvFrom(bufferOrOptions as Uint8Array | undefined, rest);
  }

  /** Receives one datagram now. @returns as {@link recvFrom}, or {@link WOULD_BLOCK} */
  tryRecvFrom(buffer?: Uint8Array): Datagram<A> | C.WouldBlock {
    if (buffer !== undefined) checkBytes("buffer", buffer);
    this.checkSingle();
    this.source.open("recvfrom");
    return this.source.read.first !== undefined ? C.WOULD_BLOCK : this.#receiving(buffer, false)();
  }

  /** {@link tryRecvFrom} under the name that is usual on a connected socket. */
  tryRecv(buffer?: Uint8Array): Datagram<A> | C.WouldBlock {
    return this.tryRecvFrom(buffer);
  }

  #receiving(buffer: Uint8Array | undefined, peek: boolean): () => Datagram<A> | C.WouldBlock {
    const flags = C.MSG_TRUNC | (peek ? C.MSG_PEEK : 0); // MSG_TRUNC: tells the whole length
    const room = buffer?.length ?? 0;
    return () => {
      if (buffer !== undefined && buffer.length !== room) throw detached("buffer");
      const target = buffer ?? this.#scratchFor();
      const lengthBytes = this.receiveNow(() => C.recvfrom(this.source.fd, target, flags), "recvfrom");
      if (lengthBytes === C.WOULD_BLOCK) return C.WOULD_BLOCK;
      const peer = (peerFrom(C.senderAddress()) ?? this.peerAddr) as A;
      const count = Math.min(lengthBytes, target.length);
      const data = target === scratch ? target.slice(0, count) : target.subarray(0, count);
      return { data, peer, truncated: lengthBytes > target.length, lengthBytes };
    };
  }

  /** @internal What recvmsg is told: files that come are not left to child processes. */
  protected messageFlags(): number {
    return C.MSG_CMSG_CLOEXEC;
  }

  /** @internal Room for the largest datagram: of IP 64 KiB, and a little more. */
  protected scratchBytes(): number {
    return SCRATCH_BYTES;
  }

  #scratchFor(): Uint8Array {
    const room = this.scratchBytes();
    return room <= SCRATCH_BYTES ? scratch : new Uint8Array(room);
  }

  /** @internal Makes a receiving call, and makes it again where its error is not this socket's. */
  protected receiveNow(call: () => number, syscall: string): number | C.WouldBlock {
    for (let tries = 0; ; tries++) {
      const count = call();
      if (count >= 0) return count;
      if (count === -C.errno.EAGAIN) return C.WOULD_BLOCK;
      if (count === -C.errno.EINTR) continue;
      if (tries < REPORTED_TRIES && this.mayBeReported(count, undefined)) continue;
      throw this.source.error(count, syscall);
    }
  }

  /**
   * Receives one datagram with its ancillary data: whatever options such as IP.PKTINFO or SO.TIMESTAMPNS ask for. Files
   * among it are the caller's, to be closed.
   * @throws as {@link recvFrom}
   * @see man 2 recvmsg
   */
  recvMsg(options: ReceiveMessageOptions = {}): Promise<ReceivedMessage<A>> {
    try {
      const { buffer, peek = false, ancillaryBytes = ANCILLARY_BYTES } = options;
      if (buffer !== undefined) checkBytes("buffer", buffer);
      checkAncillaryBytes(ancillaryBytes);
      const room = buffer?.length ?? 0;
      const attempt = (): ReceivedMessage<A> | C.WouldBlock => {
        if (buffer !== undefined && buffer.length !== room) throw detached("buffer");
        return this.#receiveMessage(buffer, peek, ancillaryBytes);
      };
      return this.source.run("read", "recvmsg", this, attempt, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #receiveMessage(
    buffer: Uint8Array | undefined,
    peek: boolean,
    ancillaryBytes: number,
  ): ReceivedMessage<A> | C.WouldBlock {
    const target = buffer ?? this.#scratchFor();
    const flags = C.MSG_TRUNC | this.messageFlags() | (peek ? C.MSG_PEEK : 0);
    const call = (): number => {
      message.setData(0, C.addressOf(target), target.length);
      message.expect(0, ancillaryBytes);
      return message.recvmsg(this.source.fd, flags);
    };
    const lengthBytes = this.receiveNow(call, "recvmsg");
    if (lengthBytes === C.WOULD_BLOCK) return C.WOULD_BLOCK;
    const ancillary = decodeAncillary(message.control(0));
    const peer = (peerFrom(message.name(0)) ?? this.peerAddr) as A;
    const count = Math.min(lengthBytes, target.length);
    return {
      data: target === scratch ? target.slice(0, count) : target.subarray(0, count),
      peer,
      truncated: lengthBytes > target.length,
      lengthBytes,
      ancillary,
      ancillaryTruncated: (message.flags(0) & C.MSG_CTRUNC) !== 0,
    };
  }

  /**
   * Waits until a datagram is there, or an error of the connected peer: also one that still lies in the error queue.
   * @throws the signal's reason, or {@link TimeoutError}
   */
  readable(options?: C.WaitOptions): Promise<void> {
    return this.source.run("read", "poll", this, () => this.#poll(C.POLLIN), options);
  }

  /** Waits until there is room for a datagram in the send buffer. @throws as {@link readable} */
  writable(options?: C.WaitOptions): Promise<void> {
    return this.source.run("write", "poll", this, () => this.#poll(C.POLLOUT), options);
  }

  #poll(awaited: number): undefined | C.WouldBlock {
    const events = C.check(C.pollNow(this.source.fd, awaited), "poll");
    const told = this.connected ? events : events & ~C.POLLERR; // else an error is no reason to try
    return told !== 0 ? undefined : C.WOULD_BLOCK;
  }

  /** Datagram after datagram, each in a new array, until the socket is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Datagram<A>, void, undefined> {
    while (!this.closed) {
      let datagram: Datagram<A>;
      try {
        datagram = await this.recvFrom();
      } catch (error) {
        if (this.closed) return;
        throw error;
      }
      yield datagram;
    }
  }
}
