/** What every blocking datagram socket can do: send and receive messages that keep their bounds. */
import { concatBytes } from "../bytes/index.ts";
import {
  ANCILLARY_BYTES,
  type AncillaryRequest,
  addressOf,
  checkAncillaryBytes,
  checkBytes,
  checkControl,
  type Datagram,
  decodeAncillary,
  message,
  peerFrom,
  REPORTED,
  REPORTED_TRIES,
  type ReceivedMessage,
  receiveArguments,
} from "../socket/index.ts";
import * as C from "../sys/index.ts";
import { Socket } from "./_socket.ts";
import { deadlineOf, insist, NEVER, pollUntil, receiveUntil, tryUntil, type WaitOptions } from "./_wait.ts";

export interface ReceiveOptions extends WaitOptions {
  /** Leaves the datagram in the queue (MSG_PEEK). */
  readonly peek?: boolean | undefined;
}

export interface ReceiveMessageOptions extends ReceiveOptions {
  /** Where the data goes; room for the largest datagram by default. */
  readonly buffer?: Uint8Array | undefined;
  /** Room for ancillary data, in bytes; 4096 by default, which is enough for whatever the kernel gives. */
  readonly ancillaryBytes?: number | undefined;
}

export interface SendMessageOptions<A extends C.AnyAddr> extends WaitOptions {
  /** Where it goes; the connected peer by default. */
  readonly peer?: A | string | undefined;
  readonly ancillary?: AncillaryRequest | undefined;
}

/** More than the largest datagram of IP; a local one may be larger, and is then received into an array of its own. */
const SCRATCH_BYTES = 64 * 1024;

const NOTHING = new Uint8Array();
const scratch = new Uint8Array(new ArrayBuffer(SCRATCH_BYTES));

const AGAIN = -C.errno.EAGAIN;
const INTR = -C.errno.EINTR;

/** A socket for datagrams. Not made directly: see `UdpSocket`, `UnixDatagram`. */
export abstract class DatagramSocket<A extends C.AnyAddr> extends Socket<A> {
  /** The peer that the socket is connected to, in the kernel's bytes. */
  protected peerBytes: Uint8Array | undefined;
  #peerAddr: A | undefined;

  /** @internal The kernel's bytes of an address that the caller names. @throws before any system call */
  protected abstract encodePeer(peer: A | string): Uint8Array;

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

  /** @internal @throws {TypeError} where this socket's datagrams cannot be received one by one */
  protected checkSingle(): void {}

  /** @internal Whether datagrams may be longer than those of IP, which are 64 KiB at the most. */
  protected readonly unbounded: boolean = false;

  /** @internal {@link tryUntil}, for a socket that poll(2) tells when there is room. */
  protected sendUntil(
    fd: number,
    deadline: number,
    _peerBytes: Uint8Array | undefined,
    call: (flags: number) => number,
  ): number {
    return tryUntil(fd, C.POLLOUT, deadline, call);
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

  /** @internal Notes the peer that the kernel has connected the socket to; `undefined` for none. */
  protected setPeer(bytes: Uint8Array | undefined): void {
    this.peerBytes = bytes;
    this.#peerAddr = undefined;
    this.source.peer = bytes;
    this.forgetLocalAddr(); // connect chooses an address of this side
  }

  protected override describe(): string {
    return this.connected ? `${this.localAddr} → ${this.peerAddr}` : this.localAddr.toString();
  }

  /**
   * Sends one datagram to the connected peer, and blocks the thread where the send buffer is full.
   * @returns how many bytes went, always all of them
   * @throws {SysError} `EDESTADDRREQ`, `ENOTCONN` without a peer; `ECONNREFUSED` where an earlier datagram to the peer was
   * refused (this one has not been sent then); `EMSGSIZE`
   * @throws {TimeoutError} it has not been sent then
   * @see man 2 send
   */
  send(bytes: Uint8Array, options?: WaitOptions): number {
    checkBytes("bytes", bytes);
    return this.#sendOne(bytes, undefined, deadlineOf(options), options);
  }

  /**
   * Sends one datagram. An error that is reported of an earlier datagram does not fail this one.
   * @returns how many bytes went, always all of them
   * @throws {SysError} `EMSGSIZE`, `ENETUNREACH`, `EACCES` (a broadcast address without SO.BROADCAST) …
   * @throws {TimeoutError} it has not been sent then
   * @see man 2 sendto
   */
  sendTo(bytes: Uint8Array, peer: A | string, options?: WaitOptions): number {
    checkBytes("bytes", bytes);
    return this.#sendOne(bytes, this.encodePeer(peer), deadlineOf(options), options);
  }

  /** Sends one datagram now. @returns as {@link send}, or {@link WOULD_BLOCK} */
  trySend(bytes: Uint8Array): number | C.WouldBlock {
    checkBytes("bytes", bytes);
    return this.#tryNow(bytes, undefined);
  }

  /** Sends one datagram now. @returns as {@link sendTo}, or {@link WOULD_BLOCK} */
  trySendTo(bytes: Uint8Array, peer: A | string): number | C.WouldBlock {
    checkBytes("bytes", bytes);
    return this.#tryNow(bytes, this.encodePeer(peer));
  }

  #sendOne(
    bytes: Uint8Array,
    peerBytes: Uint8Array | undefined,
    deadline: number,
    options: WaitOptions | undefined,
  ): number {
    const fd = this.source.open("send");
    const now = deadline === NEVER ? 0 : C.MSG_DONTWAIT;
    const count =
      peerBytes === undefined
        ? C.send(fd, bytes, C.MSG_NOSIGNAL | now)
        : C.sendto(fd, bytes, C.MSG_NOSIGNAL | now, peerBytes);
    if (count >= 0) return count;
    const syscall = peerBytes === undefined ? "send" : "sendto";
    return this.#sendAgain(
      count,
      bytes,
      peerBytes,
      deadline,
      options,
      syscall,
      sendCall(fd, bytes, peerBytes),
    );
  }

  #tryNow(bytes: Uint8Array, peerBytes: Uint8Array | undefined): number | C.WouldBlock {
    const call = sendCall(this.source.open("send"), bytes, peerBytes);
    const syscall = peerBytes === undefined ? "send" : "sendto";
    const first = call(C.MSG_DONTWAIT);
    if (first >= 0) return first;
    const again = (result: number): number => (result === AGAIN ? AGAIN : call(C.MSG_DONTWAIT));
    const count = this.#insist(first, peerBytes, again, bytes);
    if (count >= 0) return count;
    if (count === AGAIN) return C.WOULD_BLOCK;
    throw this.sendError(count, syscall, bytes, peerBytes);
  }

  /** Goes on with a sending call that has failed. */
  #sendAgain(
    first: number,
    bytes: Uint8Array,
    peerBytes: Uint8Array | undefined,
    deadline: number,
    options: WaitOptions | undefined,
    syscall: string,
    call: (flags: number) => number,
  ): number {
    const { fd } = this.source;
    const again = (result: number): number => {
      if (deadline !== NEVER) return this.sendUntil(fd, deadline, peerBytes, call);
      return insist(fd, C.POLLOUT, result === AGAIN ? AGAIN : call(0), () => call(0));
    };
    const count = this.#insist(first, peerBytes, again, bytes);
    if (count >= 0) return count;
    if (count === AGAIN) throw this.timedOut(syscall, options);
    throw this.sendError(count, syscall, bytes, peerBytes);
  }

  /**
   * Makes a call again whose error may be that of an earlier datagram.
   * @param again is told what the call gave, and makes it until it neither would block nor was interrupted
   * @param bytes what it sends; none where it receives
   * @returns what it gave; `-EAGAIN` where the time is over
   */
  #insist(
    first: number,
    peerBytes: Uint8Array | undefined,
    again: (result: number) => number,
    bytes?: Uint8Array,
  ): number {
    let count = first;
    for (let tries = 0; count < 0; ) {
      const reported = count !== AGAIN && count !== INTR;
      if (reported && (tries++ >= REPORTED_TRIES || !this.mayBeReported(count, peerBytes, bytes)))
        return count;
      count = again(count);
      if (count === AGAIN) return count;
    }
    return count;
  }

  /** @internal Whether an error may be that of an earlier datagram, and not concern who calls now. */
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
  sendMsg(bytes: Uint8Array | readonly Uint8Array[], options: SendMessageOptions<A> = {}): number {
    const parts: readonly Uint8Array[] = Array.isArray(bytes) ? bytes : [bytes];
    for (const part of parts) checkBytes("bytes", part);
    const whole = parts.length === 1 ? (parts[0] as Uint8Array) : concatBytes(parts);
    const peerBytes = options.peer === undefined ? undefined : this.encodePeer(options.peer);
    const { ancillary } = options;
    const to = peerBytes ?? this.peerBytes;
    const control = ancillary === undefined ? undefined : this.encodeRequest(ancillary, to);
    checkControl(control);
    const deadline = deadlineOf(options);
    const fd = this.source.open("sendmsg");
    const call = (flags: number): number => {
      message.setData(0, C.addressOf(whole), whole.length);
      message.setName(0, peerBytes);
      message.setControl(0, control);
      return message.sendmsg(fd, C.MSG_NOSIGNAL | flags);
    };
    const count = call(deadline === NEVER ? 0 : C.MSG_DONTWAIT);
    if (count >= 0) return count;
    return this.#sendAgain(count, whole, peerBytes, deadline, options, "sendmsg", call);
  }

  /**
   * Receives one datagram, and blocks the thread until there is one.
   * @param buffer where it goes; without one it comes in a new array, whole
   * @throws {SysError} `ECONNREFUSED` … what ICMP reports of the connected peer. An unconnected socket does not fail
   * for what one of its peers reports
   * @throws {TimeoutError} no datagram has been taken then
   * @see man 2 recvfrom
   */
  recvFrom(options?: ReceiveOptions): Datagram<A>;
  recvFrom(buffer: Uint8Array | undefined, options?: ReceiveOptions): Datagram<A>;
  recvFrom(bufferOrOptions?: Uint8Array | ReceiveOptions, rest?: ReceiveOptions): Datagram<A> {
    const [buffer, options] = receiveArguments(bufferOrOptions, rest);
    return this.#receiveOne(buffer, options, deadlineOf(options)) as Datagram<A>;
  }

  /** {@link recvFrom} under the name that is usual on a connected socket. */
  recv(options?: ReceiveOptions): Datagram<A>;
  recv(buffer: Uint8Array | undefined, options?: ReceiveOptions): Datagram<A>;
  recv(bufferOrOptions?: Uint8Array | ReceiveOptions, rest?: ReceiveOptions): Datagram<A> {
    return this.recvFrom(bufferOrOptions as Uint8Array | undefined, rest);
  }

  /** Receives one datagram now. @returns as {@link recvFrom}, or {@link WOULD_BLOCK} */
  tryRecvFrom(buffer?: Uint8Array): Datagram<A> | C.WouldBlock {
    if (buffer !== undefined) checkBytes("buffer", buffer);
    return this.#receiveOne(buffer, undefined, undefined);
  }

  /** {@link tryRecvFrom} under the name that is usual on a connected socket. */
  tryRecv(buffer?: Uint8Array): Datagram<A> | C.WouldBlock {
    return this.tryRecvFrom(buffer);
  }

  /** @param deadline `undefined` for now or never */
  #receiveOne(
    buffer: Uint8Array | undefined,
    options: ReceiveOptions | undefined,
    deadline: number | undefined,
  ): Datagram<A> | C.WouldBlock {
    this.checkSingle();
    const fd = this.source.open("recvfrom");
    const target = buffer ?? this.#roomFor(fd, options, deadline);
    if (target === undefined) return C.WOULD_BLOCK;
    const flags = C.MSG_TRUNC | (options?.peek === true ? C.MSG_PEEK : 0); // MSG_TRUNC: tells the whole length
    let lengthBytes = C.recvfrom(fd, target, deadline === NEVER ? flags : flags | C.MSG_DONTWAIT);
    if (lengthBytes < 0) {
      const call = recvfromCall(fd, target, flags);
      lengthBytes = this.#receiveAgain(lengthBytes, "recvfrom", deadline, options, call);
      if (lengthBytes === AGAIN) return C.WOULD_BLOCK;
    }
    const peer = (peerFrom(C.senderAddress()) ?? this.peerAddr) as A;
    const count = Math.min(lengthBytes, target.length);
    const data = buffer === undefined ? target.slice(0, count) : target.subarray(0, count);
    return { data, peer, truncated: lengthBytes > target.length, lengthBytes };
  }

  /** Room for the next datagram, whatever its length; where that is not known it has to be there for it. */
  #roomFor(
    fd: number,
    options: WaitOptions | undefined,
    deadline: number | undefined,
  ): Uint8Array | undefined {
    if (!this.unbounded) return scratch;
    const flags = C.MSG_PEEK | C.MSG_TRUNC;
    let length = C.recv(fd, NOTHING, deadline === NEVER ? flags : flags | C.MSG_DONTWAIT);
    if (length < 0) {
      const call = (more: number): number => C.recv(fd, NOTHING, flags | more);
      length = this.#receiveAgain(length, "recvfrom", deadline, options, call);
      if (length === AGAIN) return undefined;
    }
    return length <= SCRATCH_BYTES ? scratch : new Uint8Array(length);
  }

  /** Goes on with a receiving call that has failed. @returns a length, or `-EAGAIN` without a deadline */
  #receiveAgain(
    first: number,
    syscall: string,
    deadline: number | undefined,
    options: WaitOptions | undefined,
    call: (flags: number) => number,
  ): number {
    const { fd } = this.source;
    const count = this.#insist(first, undefined, (result) => {
      if (deadline === undefined) return result === AGAIN ? AGAIN : call(C.MSG_DONTWAIT);
      if (deadline !== NEVER) return receiveUntil(fd, deadline, call);
      return insist(fd, C.POLLIN, result === AGAIN ? AGAIN : call(0), () => call(0));
    });
    return count === AGAIN && deadline === undefined ? AGAIN : this.checked(count, syscall, options);
  }

  /**
   * Receives one datagram with its ancillary data: whatever options such as IP.PKTINFO or SO.TIMESTAMPNS ask for. Files
   * among it are the caller's, to be closed.
   * @throws as {@link recvFrom}
   * @see man 2 recvmsg
   */
  recvMsg(options: ReceiveMessageOptions = {}): ReceivedMessage<A> {
    const { buffer, peek = false, ancillaryBytes = ANCILLARY_BYTES } = options;
    if (buffer !== undefined) checkBytes("buffer", buffer);
    checkAncillaryBytes(ancillaryBytes);
    const deadline = deadlineOf(options);
    const fd = this.source.open("recvmsg");
    const target = buffer ?? (this.#roomFor(fd, options, deadline) as Uint8Array);
    const flags = C.MSG_TRUNC | C.MSG_CMSG_CLOEXEC | (peek ? C.MSG_PEEK : 0);
    const call = (more: number): number => {
      message.setData(0, C.addressOf(target), target.length);
      message.expect(0, ancillaryBytes);
      return message.recvmsg(fd, flags | more);
    };
    const until = (): number => tryUntil(fd, C.POLLIN, deadline, call);
    const lengthBytes = this.checked(this.#insist(until(), undefined, until), "recvmsg", options);
    const ancillary = decodeAncillary(message.control(0));
    const peer = (peerFrom(message.name(0)) ?? this.peerAddr) as A;
    const count = Math.min(lengthBytes, target.length);
    return {
      data: buffer === undefined ? target.slice(0, count) : target.subarray(0, count),
      peer,
      truncated: lengthBytes > target.length,
      lengthBytes,
      ancillary,
      ancillaryTruncated: (message.flags(0) & C.MSG_CTRUNC) !== 0,
    };
  }

  /**
   * Blocks until a datagram is there, or an error of the connected peer.
   * @throws {TimeoutError}
   */
  readable(options?: WaitOptions): void {
    this.#poll(C.POLLIN, options);
  }

  /** Blocks until there is room for a datagram in the send buffer. @throws as {@link readable} */
  writable(options?: WaitOptions): void {
    this.#poll(C.POLLOUT, options);
  }

  #poll(events: number, options: WaitOptions | undefined): void {
    const deadline = deadlineOf(options);
    if (pollUntil(this.source.open("poll"), events, deadline) === 0) throw this.timedOut("poll", options);
  }

  /** Datagram after datagram, each in a new array, until the socket is closed. */
  *[Symbol.iterator](): Generator<Datagram<A>, void, undefined> {
    while (!this.closed) yield this.recvFrom();
  }
}

// Closures are made here, where a call has failed: a closure in the function itself would cost every call an allocation.

function sendCall(
  fd: number,
  bytes: Uint8Array,
  peerBytes: Uint8Array | undefined,
): (flags: number) => number {
  return peerBytes === undefined
    ? (flags) => C.send(fd, bytes, C.MSG_NOSIGNAL | flags)
    : (flags) => C.sendto(fd, bytes, C.MSG_NOSIGNAL | flags, peerBytes);
}

function recvfromCall(fd: number, target: Uint8Array, flags: number): (more: number) => number {
  return (more) => C.recvfrom(fd, target, flags | more);
}
