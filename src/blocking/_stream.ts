/** What every blocking stream socket can do: read, write, and their helpers, in the kernel's semantics. */
import { concatBytes } from "../bytes/index.ts";
import {
  type BufferState,
  checkBytes,
  decodeUtf8,
  EndOfStreamError,
  type ShutdownHow,
  TooLargeError,
  wrongBuffer,
} from "../socket/index.ts";
import * as C from "../sys/index.ts";
import { Socket } from "./_socket.ts";
import { deadlineOf, insist, NEVER, pollUntil, receiveUntil, tryUntil, type WaitOptions } from "./_wait.ts";

const FIRST_CHUNK = 16 * 1024;
const MAX_CHUNK = 1024 * 1024;

/** Options of the calls that read to the end of the stream. */
export interface ReadToEndOptions extends WaitOptions {
  /** Throws {@link TooLargeError} where more comes; no limit by default. */
  readonly maxBytes?: number | undefined;
}

const HOW: Readonly<Record<ShutdownHow, number>> = { read: C.SHUT_RD, write: C.SHUT_WR, both: C.SHUT_RDWR };

/** A connected stream. Not made directly: see `TcpStream`, `UnixStream`. */
export abstract class StreamSocket<A extends C.AnyAddr = C.AnyAddr> extends Socket<A> {
  /** What a call that failed had taken from the kernel, to be read before anything else. */
  #givenBack: Uint8Array | undefined;
  #bytesRead = 0;
  #bytesWritten = 0;
  /** How many bytes one call may give to the kernel; a local socket would wait a slice for each part of them. */
  protected readonly mostPerSend: number = Number.POSITIVE_INFINITY;

  /** How many bytes this program has read from the stream. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  /** How many bytes the kernel has taken from this program: after a `writeAll` that failed, this tells how far it came. */
  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  /**
   * Reads what is there, at most `buffer.length` bytes, and blocks the thread where nothing is.
   * @returns how many bytes were read into `buffer`; 0 is the end of the stream: the peer has closed its side
   * @throws {RangeError} for an empty buffer
   * @throws {SysError} `ECONNRESET`, `ETIMEDOUT` …
   * @throws {TimeoutError} nothing has been taken from the stream then
   * @see man 2 recv
   */
  read(buffer: Uint8Array, options?: WaitOptions): number {
    checkBuffer(buffer);
    return this.#receive(buffer, 0, deadlineOf(options), options);
  }

  /**
   * Reads what is there now.
   * @returns as {@link read}, or {@link WOULD_BLOCK} where nothing is
   * @throws as {@link read}
   */
  tryRead(buffer: Uint8Array): number | C.WouldBlock {
    checkBuffer(buffer);
    const fd = this.source.open("recv");
    if (this.#givenBack !== undefined) return this.#takeBack(this.#givenBack, buffer);
    let count = C.recv(fd, buffer, C.MSG_DONTWAIT);
    while (count === -C.errno.EINTR) count = C.recv(fd, buffer, C.MSG_DONTWAIT);
    if (count === -C.errno.EAGAIN) return C.WOULD_BLOCK;
    if (count < 0) throw this.source.error(count, "recv", this.adviceOn(count));
    this.#bytesRead += count;
    return count;
  }

  /**
   * Like {@link read}, but what was read stays in the stream.
   * @see man 2 recv, MSG_PEEK
   */
  peek(buffer: Uint8Array, options?: WaitOptions): number {
    checkBuffer(buffer);
    const deadline = deadlineOf(options);
    const fd = this.source.open("recv");
    const back = this.#givenBack;
    if (back === undefined) return this.#recv(fd, buffer, C.MSG_PEEK, deadline, options);
    const count = Math.min(back.length, buffer.length);
    buffer.set(back.subarray(0, count));
    return count;
  }

  /**
   * Fills the buffer.
   * @throws {EndOfStreamError} where the stream ends before; what came is in the buffer
   * @throws as {@link read}; what had been read is given back to the stream then
   */
  readExact(buffer: Uint8Array, options?: WaitOptions): void {
    if (!(buffer instanceof Uint8Array)) checkBuffer(buffer);
    const deadline = deadlineOf(options);
    this.source.open("recv");
    const wanted = buffer.length;
    let filled = 0;
    try {
      while (filled < wanted) {
        const rest = filled === 0 ? buffer : buffer.subarray(filled);
        const count = this.#receive(rest, C.MSG_WAITALL, deadline, options);
        if (count === 0) break;
        filled += count;
      }
    } catch (error) {
      this.#giveBack(buffer.slice(0, filled));
      throw error;
    }
    if (filled < wanted) throw new EndOfStreamError(filled, wanted);
  }

  /**
   * Reads until the peer closes its side.
   * @returns all that came, in a new array; empty at the end of the stream
   * @throws {TooLargeError}
   * @throws as {@link read}; all that had been read is given back to the stream then
   */
  readToEnd(options?: ReadToEndOptions): Uint8Array<ArrayBuffer> {
    const maxBytes = options?.maxBytes ?? Number.POSITIVE_INFINITY;
    if (typeof maxBytes !== "number") {
      throw new TypeError(`maxBytes: expected a number of bytes, got ${typeof maxBytes}`);
    }
    if (!(maxBytes >= 0)) throw new RangeError(`maxBytes: expected 0 or more, got ${String(maxBytes)}`);
    const deadline = deadlineOf(options);
    const full: Uint8Array[] = [];
    let total = 0;
    let chunk = new Uint8Array(FIRST_CHUNK);
    let filled = 0;
    const all = (): Uint8Array<ArrayBuffer> => concatBytes([...full, chunk.subarray(0, filled)]);
    try {
      for (;;) {
        const count = this.#receive(chunk.subarray(filled), 0, deadline, options);
        if (count === 0) return all();
        filled += count;
        total += count;
        if (total > maxBytes) throw new TooLargeError(maxBytes);
        if (filled < chunk.length) continue;
        full.push(chunk);
        chunk = new Uint8Array(Math.min(chunk.length * 2, MAX_CHUNK));
        filled = 0;
      }
    } catch (error) {
      this.#giveBack(all());
      throw error;
    }
  }

  /**
   * Reads until the peer closes its side, as UTF-8 text.
   * @throws {EncodingError} for bytes that are not UTF-8; it holds them all
   * @throws as {@link readToEnd}
   */
  readText(options?: ReadToEndOptions): string {
    return decodeUtf8(this.readToEnd(options));
  }

  /** The chunks as they come, each in a new array, to the end of the stream. */
  *[Symbol.iterator](): Generator<Uint8Array<ArrayBuffer>, void, undefined> {
    const buffer = new Uint8Array(64 * 1024);
    for (let count = this.read(buffer); count > 0; count = this.read(buffer)) yield buffer.slice(0, count);
  }

  /**
   * Blocks until a read would not: data, the end of the stream, or an error is there.
   * @throws {TimeoutError}
   */
  readable(options?: WaitOptions): void {
    const deadline = deadlineOf(options);
    const fd = this.source.open("poll");
    if (this.#givenBack !== undefined) return;
    if (pollUntil(fd, C.POLLIN, deadline) === 0) throw this.timedOut("poll", options);
  }

  /** Blocks until a write would not. @throws as {@link readable} */
  writable(options?: WaitOptions): void {
    const deadline = deadlineOf(options);
    if (pollUntil(this.source.open("poll"), C.POLLOUT, deadline) === 0) throw this.timedOut("poll", options);
  }

  /**
   * Gives bytes to the kernel, and blocks the thread where its send buffer is full.
   * @returns how many the kernel took: mostly all, but they may be fewer than `bytes.length`
   * @throws {SysError} `EPIPE`, `ECONNRESET` …
   * @throws {TimeoutError} the kernel has taken nothing then
   * @see man 2 send
   */
  write(bytes: Uint8Array, options?: WaitOptions): number {
    checkBytes("buffer", bytes);
    return this.#send(bytes, deadlineOf(options), options);
  }

  /** Gives the kernel what it takes now. @returns as {@link write}, or {@link WOULD_BLOCK} */
  tryWrite(bytes: Uint8Array): number | C.WouldBlock {
    checkBytes("buffer", bytes);
    const fd = this.source.open("send");
    const flags = C.MSG_NOSIGNAL | C.MSG_DONTWAIT;
    let count = C.send(fd, bytes, flags);
    while (count === -C.errno.EINTR) count = C.send(fd, bytes, flags);
    if (count === -C.errno.EAGAIN) return C.WOULD_BLOCK;
    if (count < 0) throw this.source.error(count, "send");
    this.#bytesWritten += count;
    return count;
  }

  /**
   * Gives all the bytes to the kernel.
   * @throws as {@link write}; {@link bytesWritten} tells how many bytes the kernel has taken
   */
  writeAll(bytes: Uint8Array, options?: WaitOptions): void {
    checkBytes("buffer", bytes);
    const deadline = deadlineOf(options);
    let sent = this.#send(bytes, deadline, options);
    while (sent < bytes.length) sent += this.#send(bytes.subarray(sent), deadline, options);
  }

  /**
   * Ends one half of the connection: after "write" the peer reads to the end, and can still answer.
   * @throws {SysError} `ENOTCONN` where the peer has reset the connection
   * @see man 2 shutdown
   */
  shutdown(how: ShutdownHow): void {
    if (!Object.hasOwn(HOW, how))
      throw new TypeError(`how: expected "read", "write" or "both", got ${String(how)}`);
    const result = C.shutdown(this.source.open("shutdown"), HOW[how]);
    if (result < 0) throw this.source.error(result, "shutdown");
  }

  /**
   * How full the kernel's buffers are, at this moment.
   * @see man 7 tcp, SIOCINQ and SIOCOUTQ; include/uapi/linux/sockios.h, SIOCOUTQNSD
   */
  buffers(): BufferState {
    return this.bufferState();
  }

  /** @internal @param unsent where the kernel does not count it */
  protected bufferState(unsent?: number): BufferState {
    const fd = this.source.open("ioctl");
    const queued = C.check(C.ioctlInt(fd, C.SIOCOUTQ), "ioctl");
    const notYet = unsent ?? C.check(C.ioctlInt(fd, C.SIOCOUTQNSD), "ioctl");
    return {
      send: {
        size: C.check(C.getsockoptInt(fd, C.SOL_SOCKET, C.SO_SNDBUF), "getsockopt"),
        queued,
        unsent: notYet,
        inFlight: queued - notYet,
      },
      receive: {
        size: C.check(C.getsockoptInt(fd, C.SOL_SOCKET, C.SO_RCVBUF), "getsockopt"),
        queued: C.check(C.ioctlInt(fd, C.SIOCINQ), "ioctl") + (this.#givenBack?.length ?? 0),
      },
    };
  }

  /** @internal Reads what a call that failed has given back, before the kernel is asked. @returns 0 where there is nothing */
  protected takeGivenBack(buffer: Uint8Array): number {
    return this.#givenBack === undefined ? 0 : this.#takeBack(this.#givenBack, buffer);
  }

  /** @internal By another call than recv. @returns what it gives, or `-errno`; `-EAGAIN` where the time is over */
  protected receiveBy(deadline: number, call: (flags: number) => number): number {
    const { fd } = this.source;
    const count = tryUntil(fd, C.POLLIN, deadline, call);
    if (count > 0) this.#bytesRead += count;
    return count;
  }

  /** @internal By another call than send. @returns as {@link receiveBy} */
  protected sendBy(deadline: number, call: (flags: number) => number): number {
    const { fd } = this.source;
    const count = tryUntil(fd, C.POLLOUT, deadline, call);
    if (count > 0) this.#bytesWritten += count;
    return count;
  }

  #receive(buffer: Uint8Array, flags: number, deadline: number, options: WaitOptions | undefined): number {
    const fd = this.source.open("recv");
    if (this.#givenBack !== undefined) return this.#takeBack(this.#givenBack, buffer);
    const count = this.#recv(fd, buffer, flags, deadline, options);
    this.#bytesRead += count;
    return count;
  }

  #recv(
    fd: number,
    buffer: Uint8Array,
    flags: number,
    deadline: number,
    options: WaitOptions | undefined,
  ): number {
    if (deadline !== NEVER) return this.#recvUntil(fd, buffer, flags, deadline, options);
    const count = C.recv(fd, buffer, flags);
    return count < 0 ? this.#recvAgain(count, fd, buffer, flags) : count;
  }

  // Closures have functions of their own: in #recv and #send they would cost every call an allocation.

  #recvAgain(count: number, fd: number, buffer: Uint8Array, flags: number): number {
    const call = (): number => C.recv(fd, buffer, flags);
    return this.checked(insist(fd, C.POLLIN, count, call), "recv");
  }

  #recvUntil(
    fd: number,
    buffer: Uint8Array,
    flags: number,
    deadline: number,
    options: WaitOptions | undefined,
  ): number {
    const call = (more: number): number => C.recv(fd, buffer, flags | more);
    return this.checked(receiveUntil(fd, deadline, call), "recv", options);
  }

  #takeBack(back: Uint8Array, buffer: Uint8Array): number {
    const count = Math.min(back.length, buffer.length);
    buffer.set(back.subarray(0, count));
    this.#givenBack = count === back.length ? undefined : back.subarray(count);
    this.#bytesRead += count;
    return count;
  }

  #giveBack(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#givenBack = this.#givenBack === undefined ? bytes : concatBytes([bytes, this.#givenBack]);
    this.#bytesRead -= bytes.length;
  }

  #send(bytes: Uint8Array, deadline: number, options: WaitOptions | undefined): number {
    const fd = this.source.open("send");
    const part = bytes.length > this.mostPerSend ? bytes.subarray(0, this.mostPerSend) : bytes;
    let count: number;
    if (deadline !== NEVER) count = this.#sendUntil(fd, part, deadline, options);
    else {
      count = C.send(fd, part, C.MSG_NOSIGNAL);
      if (count < 0) count = this.#sendAgain(count, fd, part);
    }
    this.#bytesWritten += count;
    return count;
  }

  #sendAgain(count: number, fd: number, bytes: Uint8Array): number {
    const call = (): number => C.send(fd, bytes, C.MSG_NOSIGNAL);
    return this.checked(insist(fd, C.POLLOUT, count, call), "send");
  }

  #sendUntil(fd: number, bytes: Uint8Array, deadline: number, options: WaitOptions | undefined): number {
    const call = (more: number): number => C.send(fd, bytes, C.MSG_NOSIGNAL | more);
    return this.checked(tryUntil(fd, C.POLLOUT, deadline, call), "send", options);
  }
}

function checkBuffer(buffer: unknown): void {
  const wrong = wrongBuffer(buffer);
  if (wrong !== undefined) throw wrong;
}
