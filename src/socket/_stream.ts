/** What every stream socket can do: read, write, and their helpers, in the kernel's semantics. */

import { concatBytes } from "../bytes/index.ts";
import * as C from "../sys/index.ts";
import { detached, wrongBuffer } from "./_bytes.ts";
import { room, taken } from "./_chunk.ts";
import type { DuplexOptions } from "./_duplex.ts";
import { Socket } from "./_socket.ts";
import {
  checkAmount,
  fileNumber,
  type OpenFile,
  type SendFileOptions,
  type SpliceOptions,
  sendingFile,
  splice,
} from "./_transfer.ts";
import { decodeUtf8 } from "./_utf8.ts";
import { toWeb, type WebStreams } from "./_web.ts";
import { SocketDuplex } from "./socket_duplex.ts";

/** How many system calls one operation makes before the event loop has its turn. */
const ROUNDS = 16;
/** From here on a read is that of a bulk transfer. */
const LARGE_READ = 16 * 1024;
const FIRST_CHUNK = 16 * 1024;
const MAX_CHUNK = 1024 * 1024;
const DONE = Promise.resolve();

/** The stream ended before all the bytes came that were asked for. Those that came are in the caller's buffer. */
export class EndOfStreamError extends Error {
  override readonly name = "EndOfStreamError";
  readonly code = "END_OF_STREAM";
  /** How many bytes came. */
  readonly bytesRead: number;

  constructor(bytesRead: number, wanted: number) {
    super(`the peer closed its side after ${bytesRead} of ${wanted} bytes`);
    this.bytesRead = bytesRead;
  }
}

/** More bytes came than the caller allows. All of them can still be read. */
export class TooLargeError extends Error {
  override readonly name = "TooLargeError";
  readonly code = "TOO_LARGE";
  readonly maxBytes: number;

  constructor(maxBytes: number) {
    super(`the peer sent more than the ${maxBytes} bytes that are allowed here`);
    this.maxBytes = maxBytes;
  }
}

/** Options of the calls that read to the end of the stream. */
export interface ReadToEndOptions extends C.WaitOptions {
  /** Rejects with {@link TooLargeError} where more comes; no limit by default. */
  readonly maxBytes?: number | undefined;
}

/** What waits in the kernel, in bytes of payload unless said otherwise. */
export interface BufferState {
  readonly send: {
    /** SO_SNDBUF: what the kernel allows itself, which counts its own bookkeeping too. */
    readonly size: number;
    /** SIOCOUTQ: written and not yet acknowledged by the peer's kernel. */
    readonly queued: number;
    /** SIOCOUTQNSD: written and not yet sent at all. */
    readonly unsent: number;
    /** Sent and not yet acknowledged: `queued - unsent`. */
    readonly inFlight: number;
  };
  readonly receive: {
    /** SO_RCVBUF: what the kernel allows itself, which counts its own bookkeeping too. */
    readonly size: number;
    /** SIOCINQ: received and not yet read, including what a cancelled call has given back. */
    readonly queued: number;
  };
}

export type ShutdownHow = "read" | "write" | "both";
const HOW: Readonly<Record<ShutdownHow, number>> = { read: C.SHUT_RD, write: C.SHUT_WR, both: C.SHUT_RDWR };

/** A connected stream. Not made directly: see `TcpStream`. */
export abstract class StreamSocket<A extends C.AnyAddr = C.AnyAddr> extends Socket<A> {
  /** What a cancelled call had taken from the kernel, to be read before anything else. */
  #givenBack: Uint8Array | undefined;
  #bytesRead = 0;
  #bytesWritten = 0;

  /** How many bytes this program has read from the stream. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  /** How many bytes the kernel has taken from this program: after a cancelled `writeAll`, this tells how far it came. */
  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  /**
   * Reads what is there, at most `buffer.length` bytes, and waits where nothing is.
   * @returns how many bytes were read into `buffer`; 0 is the end of the stream: the peer has closed its side
   * @throws {RangeError} for an empty buffer
   * @throws {SysError} `ECONNRESET`, `ETIMEDOUT` …
   * @throws the signal's reason, or {@link TimeoutError}; nothing has been taken from the stream then
   * @see man 2 recv
   */
  read(buffer: Uint8Array, options?: C.WaitOptions): Promise<number> {
    const wrong = wrongBuffer(buffer);
    if (wrong !== undefined) return Promise.reject(wrong);
    return this.source.run("read", "recv", this, () => this.#receive(buffer), options);
  }

  /** @internal {@link read} into memory that is found when there is something to read; empty at the end of the stream. */
  readChunk(limit: number, options?: C.WaitOptions): Promise<Buffer> {
    const attempt = (): Buffer | C.WouldBlock => {
      const count = this.#receive(room(limit));
      return count === C.WOULD_BLOCK ? count : taken(count);
    };
    return this.source.run("read", "recv", this, attempt, options);
  }

  /**
   * Reads what is there now.
   * @returns as {@link read}, or {@link WOULD_BLOCK} where nothing is, or an earlier `read` is still waiting
   * @throws as {@link read}
   */
  tryRead(buffer: Uint8Array): number | C.WouldBlock {
    const wrong = wrongBuffer(buffer);
    if (wrong !== undefined) throw wrong;
    this.source.open("recv");
    return this.source.read.first !== undefined ? C.WOULD_BLOCK : this.#receive(buffer);
  }

  /**
   * Like {@link read}, but what was read stays in the stream.
   * @see man 2 recv, MSG_PEEK
   */
  peek(buffer: Uint8Array, options?: C.WaitOptions): Promise<number> {
    const wrong = wrongBuffer(buffer);
    if (wrong !== undefined) return Promise.reject(wrong);
    const attempt = (): number | C.WouldBlock => {
      if (buffer.length === 0) throw detached("buffer");
      const back = this.#givenBack;
      if (back !== undefined) {
        const count = Math.min(back.length, buffer.length);
        buffer.set(back.subarray(0, count));
        return count;
      }
      const count = C.recv(this.source.fd, buffer, C.MSG_PEEK);
      return count < 0 ? this.#refused(count, "recv") : count;
    };
    return this.source.run("read", "recv", this, attempt, options);
  }

  /**
   * Fills the buffer.
   * @throws {EndOfStreamError} where the stream ends before; what came is in the buffer
   * @throws as {@link read}; what had been read is given back to the stream then
   */
  readExact(buffer: Uint8Array, options?: C.WaitOptions): Promise<void> {
    if (!(buffer instanceof Uint8Array)) return Promise.reject(wrongBuffer(buffer));
    const wanted = buffer.length;
    let filled = 0;
    const attempt = (): undefined | C.WouldBlock | typeof C.YIELD => {
      for (let round = 0; round < ROUNDS; round++) {
        if (filled === wanted) return undefined;
        if (buffer.length !== wanted) throw detached("buffer");
        if (!this.source.read.ready) return C.WOULD_BLOCK;
        const count = this.#receive(filled === 0 ? buffer : buffer.subarray(filled));
        if (count === C.WOULD_BLOCK) return C.WOULD_BLOCK;
        if (count === 0) {
          const came = filled;
          filled = 0; // the caller has them: nothing to give back
          throw new EndOfStreamError(came, wanted);
        }
        filled += count;
      }
      return C.YIELD;
    };
    const undo = (): void => {
      if (buffer.length === wanted) this.#giveBack(buffer.slice(0, filled)); // else they have gone with the buffer
    };
    return this.source.run("read", "recv", this, attempt, options, undo);
  }

  /**
   * Reads until the peer closes its side.
   * @returns all that came, in a new array; empty at the end of the stream
   * @throws {TooLargeError}
   * @throws as {@link read}; all that had been read is given back to the stream then
   */
  readToEnd(options?: ReadToEndOptions): Promise<Uint8Array<ArrayBuffer>> {
    const maxBytes = options?.maxBytes ?? Number.POSITIVE_INFINITY;
    if (typeof maxBytes !== "number") {
      return Promise.reject(new TypeError(`maxBytes: expected a number of bytes, got ${typeof maxBytes}`));
    }
    if (!(maxBytes >= 0))
      return Promise.reject(new RangeError(`maxBytes: expected 0 or more, got ${String(maxBytes)}`));
    const full: Uint8Array[] = [];
    let total = 0;
    let chunk = new Uint8Array(FIRST_CHUNK);
    let filled = 0;
    const all = (): Uint8Array<ArrayBuffer> => concatBytes([...full, chunk.subarray(0, filled)]);
    const attempt = (): Uint8Array<ArrayBuffer> | C.WouldBlock | typeof C.YIELD => {
      for (let round = 0; round < ROUNDS; round++) {
        if (filled === chunk.length) {
          full.push(chunk);
          chunk = new Uint8Array(Math.min(chunk.length * 2, MAX_CHUNK));
          filled = 0;
        }
        if (!this.source.read.ready) return C.WOULD_BLOCK;
        const count = this.#receive(chunk.subarray(filled));
        if (count === C.WOULD_BLOCK) return C.WOULD_BLOCK;
        if (count === 0) return all();
        filled += count;
        total += count;
        if (total > maxBytes) throw new TooLargeError(maxBytes);
      }
      return C.YIELD;
    };
    return this.source.run("read", "recv", this, attempt, options, () => this.#giveBack(all()));
  }

  /**
   * Reads until the peer closes its side, as UTF-8 text.
   * @throws {EncodingError} for bytes that are not UTF-8; it holds them all
   * @throws as {@link readToEnd}
   */
  readText(options?: ReadToEndOptions): Promise<string> {
    return this.readToEnd(options).then(decodeUtf8);
  }

  /** The chunks as they come, each in a new array, to the end of the stream. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
    const buffer = new Uint8Array(64 * 1024);
    for (let count = await this.read(buffer); count > 0; count = await this.read(buffer))
      yield buffer.slice(0, count);
  }

  /**
   * Waits until a read would not wait: data, the end of the stream, or an error is there.
   * @throws the signal's reason, or {@link TimeoutError}
   */
  readable(options?: C.WaitOptions): Promise<void> {
    const attempt = (): undefined | C.WouldBlock =>
      this.#givenBack !== undefined || this.#polled(C.POLLIN) ? undefined : C.WOULD_BLOCK;
    return this.source.run("read", "poll", this, attempt, options);
  }

  /** Waits until a write would not wait. @throws as {@link readable} */
  writable(options?: C.WaitOptions): Promise<void> {
    const attempt = (): undefined | C.WouldBlock => (this.#polled(C.POLLOUT) ? undefined : C.WOULD_BLOCK);
    return this.source.run("write", "poll", this, attempt, options);
  }

  #polled(events: number): boolean {
    return C.check(C.pollNow(this.source.fd, events), "poll") !== 0;
  }

  /**
   * Gives bytes to the kernel, and waits where its send buffer is full.
   * @returns how many the kernel took; they may be fewer than `bytes.length`
   * @throws {SysError} `EPIPE`, `ECONNRESET` …
   * @throws the signal's reason, or {@link TimeoutError}; the kernel has taken nothing then
   * @see man 2 send
   */
  write(bytes: Uint8Array, options?: C.WaitOptions): Promise<number> {
    if (!(bytes instanceof Uint8Array)) return Promise.reject(wrongBuffer(bytes));
    const total = bytes.length;
    const attempt = (): number | C.WouldBlock => {
      if (bytes.length !== total) throw detached("buffer");
      return this.#send(bytes);
    };
    return this.source.run("write", "send", this, attempt, options);
  }

  /** Gives the kernel what it takes now. @returns as {@link write}, or {@link WOULD_BLOCK} */
  tryWrite(bytes: Uint8Array): number | C.WouldBlock {
    if (!(bytes instanceof Uint8Array)) throw wrongBuffer(bytes);
    this.source.open("send");
    return this.source.write.first !== undefined ? C.WOULD_BLOCK : this.#send(bytes);
  }

  /**
   * Gives all the bytes to the kernel. The bytes must not change before it has ended. Several may be under way at once:
   * they go out whole, in the order of the calls.
   * @throws as {@link write}; {@link bytesWritten} tells how many bytes the kernel has taken
   */
  writeAll(bytes: Uint8Array, options?: C.WaitOptions): Promise<void> {
    if (!(bytes instanceof Uint8Array)) return Promise.reject(wrongBuffer(bytes));
    const total = bytes.length;
    let sent = 0;
    if (options === undefined && this.source.mayAttempt("write")) {
      // Nearly every write: the kernel takes it all at once.
      try {
        const count = this.#send(bytes);
        if (count === total) return DONE;
        if (count === C.WOULD_BLOCK) this.source.write.ready = false;
        else sent = count;
      } catch (error) {
        return Promise.reject(error);
      }
    }
    const attempt = (): undefined | C.WouldBlock | typeof C.YIELD => {
      for (let round = 0; round < ROUNDS; round++) {
        if (sent === total) return undefined;
        if (bytes.length !== total) throw detached("buffer");
        if (!this.source.write.ready) return C.WOULD_BLOCK;
        const count = this.#send(sent === 0 ? bytes : bytes.subarray(sent));
        if (count === C.WOULD_BLOCK) return C.WOULD_BLOCK;
        sent += count;
      }
      return C.YIELD;
    };
    return this.source.run("write", "send", this, attempt, options);
  }

  /**
   * Sends a regular file without bringing its bytes into the program. Reading it from a slow disk keeps the thread busy.
   * @param file a FileHandle or the number of an open file; its position stays as it is
   * @returns how many bytes were sent: fewer than `length` where the file ends before
   * @throws {SysError} `EINVAL` for what is no regular file; as {@link write}
   * @throws the signal's reason, or {@link TimeoutError}; {@link bytesWritten} tells how far it came
   * @see man 2 sendfile
   */
  sendFile(file: OpenFile, options: SendFileOptions = {}): Promise<number> {
    try {
      fileNumber(file);
      const attempt = sendingFile(this.source, file, options, (bytes) => {
        this.#bytesWritten += bytes;
      });
      return this.source.run("write", "sendfile", this, attempt, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Moves what comes in here to another stream, to the end or up to `length` bytes, without bringing it into the program.
   * The other stream's writing half stays open.
   * @returns how many bytes were moved
   * @throws as {@link read} and {@link write}; what had left this stream and did not reach the other one is given back
   * @see man 2 splice
   */
  async spliceTo(to: StreamSocket, options: SpliceOptions = {}): Promise<number> {
    if (!(to instanceof StreamSocket)) throw new TypeError(`to: expected a stream socket, got ${typeof to}`);
    const { length = Number.POSITIVE_INFINITY } = options;
    checkAmount("length", length);
    C.checkWait(options);
    let before = 0;
    while (this.#givenBack !== undefined && before < length) {
      const bytes = this.#givenBack.subarray(0, Math.min(length - before, MAX_CHUNK));
      const count = await to.write(bytes, options);
      this.#receive(new Uint8Array(count)); // now that it has arrived
      before += count;
    }
    const moved = await splice(
      { source: this.source, owner: this },
      { source: to.source, owner: to },
      { ...options, length: length - before },
      {
        taken: (bytes) => {
          this.#bytesRead += bytes;
        },
        moved: (bytes) => {
          to.#bytesWritten += bytes;
        },
        giveBack: (bytes) => this.#giveBack(bytes),
      },
    );
    return before + moved;
  }

  /** @internal For what is sent by another call than send. */
  protected countWritten(bytes: number): void {
    this.#bytesWritten += bytes;
  }

  /** @internal For what is received by another call than recv. */
  protected countRead(bytes: number): void {
    this.#bytesRead += bytes;
  }

  /** @internal Reads what a cancelled call has given back, before the kernel is asked. @returns 0 where there is nothing */
  protected takeGivenBack(buffer: Uint8Array): number {
    const back = this.#givenBack;
    if (back === undefined) return 0;
    const count = Math.min(back.length, buffer.length);
    buffer.set(back.subarray(0, count));
    this.#givenBack = count === back.length ? undefined : back.subarray(count);
    this.#bytesRead += count;
    return count;
  }

  /** @internal How many bytes wait here that a cancelled call has given back. */
  get givenBackBytes(): number {
    return this.#givenBack?.length ?? 0;
  }

  /**
   * Ends one half of the connection: after "write" the peer reads to the end, and can still answer.
   * @throws {SysError} `ENOTCONN` where the peer has reset the connection
   * @see man 2 shutdown
   */
  shutdown(how: ShutdownHow): void {
    shutdownSource(this.source, how);
  }

  /**
   * How full the kernel's buffers are, at this moment.
   * @see man 7 tcp, SIOCINQ and SIOCOUTQ; include/uapi/linux/sockios.h, SIOCOUTQNSD
   */
  buffers(): BufferState {
    const fd = this.source.open("ioctl");
    const queued = C.check(C.ioctlInt(fd, C.SIOCOUTQ), "ioctl");
    const unsent = C.check(C.ioctlInt(fd, C.SIOCOUTQNSD), "ioctl");
    return {
      send: {
        size: C.check(C.getsockoptInt(fd, C.SOL_SOCKET, C.SO_SNDBUF), "getsockopt"),
        queued,
        unsent,
        inFlight: queued - unsent,
      },
      receive: {
        size: C.check(C.getsockoptInt(fd, C.SOL_SOCKET, C.SO_RCVBUF), "getsockopt"),
        queued: C.check(C.ioctlInt(fd, C.SIOCINQ), "ioctl") + this.givenBackBytes,
      },
    };
  }

  /**
   * The connection as a Node Duplex that libraries take for a `net.Socket`, with backpressure both ways: what is not
   * consumed stays in the kernel. Its end half-closes, `destroy` closes; the end of the peer's side ends it too, unless
   * `allowHalfOpen` is set. The Duplex owns the connection from now on.
   */
  toDuplex(options?: DuplexOptions): SocketDuplex {
    return new SocketDuplex(this, options);
  }

  /**
   * The connection as web streams. Closing `writable` half-closes, aborting it resets the connection, and when both
   * streams have ended it is closed. The streams own the connection from now on.
   */
  toWeb(): WebStreams {
    return toWeb(this);
  }

  #receive(buffer: Uint8Array): number | C.WouldBlock {
    if (buffer.length === 0) throw detached("buffer"); // recv would give 0, which means the end of the stream
    if (this.#givenBack !== undefined) return this.takeGivenBack(buffer);
    const source = this.source;
    let count = C.recv(source.fd, buffer, 0);
    while (count === -C.errno.EINTR) count = C.recv(source.fd, buffer, 0);
    if (count < 0) return this.#refused(count, "recv");
    // A short read has emptied the queue: the next event tells of more (man 7 epoll, "edge-triggered").
    if (count < buffer.length && count > 0 && source.shortMeansEmpty) source.read.ready = false;
    if (count >= LARGE_READ) C.stayAwake();
    this.#bytesRead += count;
    return count;
  }

  /** @returns for EAGAIN; @throws for every other error */
  #refused(count: number, syscall: string): C.WouldBlock {
    if (count === -C.errno.EAGAIN) return C.WOULD_BLOCK;
    throw this.source.error(count, syscall);
  }

  #giveBack(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#givenBack = this.#givenBack === undefined ? bytes : concatBytes([bytes, this.#givenBack]);
    this.#bytesRead -= bytes.length;
    this.source.read.ready = true;
  }

  #send(bytes: Uint8Array): number | C.WouldBlock {
    const source = this.source;
    let count = C.send(source.fd, bytes, C.MSG_NOSIGNAL);
    while (count === -C.errno.EINTR) count = C.send(source.fd, bytes, C.MSG_NOSIGNAL);
    if (count < 0) return this.#refused(count, "send");
    if (count < bytes.length && source.shortMeansEmpty) source.write.ready = false; // likewise: the buffer is full
    this.#bytesWritten += count;
    return count;
  }
}

/** @internal Ends one half of a connection. */
export function shutdownSource(source: C.Source, how: ShutdownHow): void {
  if (!Object.hasOwn(HOW, how))
    throw new TypeError(`how: expected "read", "write" or "both", got ${String(how)}`);
  const result = C.shutdown(source.open("shutdown"), HOW[how]);
  if (result < 0) throw source.error(result, "shutdown");
  if (how === "write") return;
  source.wake("read"); // SHUT_RD makes a waiting read end
}
