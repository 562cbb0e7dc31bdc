/** The part of an adapter that moves bytes: a stream socket as Node's Duplex. */
import { AsyncResource } from "node:async_hooks";
import { Duplex } from "node:stream";
import { errno, keepAlive, SysError } from "../sys/index.ts";
import { type ByteStream, endWriting } from "./_byte_stream.ts";
import { MAX_READ } from "./_chunk.ts";
import { type Chunks, writeChunks } from "./_gather.ts";

/** How a connection becomes a Duplex. */
export interface DuplexOptions {
  /**
   * Whether this side stays open when the peer has ended its own. False by default, as in `node:net`: once what the peer
   * sent has been read, this side ends too, after all that was written to it.
   */
  readonly allowHalfOpen?: boolean | undefined;
  /**
   * How many bytes may wait in the Duplex, each way, before it stops reading or tells its writer to stop; 65536 by
   * default. One read takes no more than this, and no more than 65536.
   */
  readonly highWaterMark?: number | undefined;
  /**
   * TCP_NODELAY, true by default: `node:http` and others set it on sockets that they open themselves, and cannot on one
   * that they are given. Where false, the option is left as it is.
   */
  readonly noDelay?: boolean | undefined;
}

type Done = (error?: Error | null) => void;

/** What a listener throws is an uncaught exception, as with every stream of Node's; not a rejected promise. */
function throwUncaught(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}

/** Reads when Readable asks, writes what Writable gives, and closes the connection when both have ended. */
export class StreamDuplex extends Duplex {
  #stream: ByteStream | undefined;
  #cancelConnecting: (() => void) | undefined;
  /** What was asked for before there was a connection. */
  readonly #asked: ((stream: ByteStream) => void)[] = [];
  /** The callback of the write that is under way. */
  #writing: Done | undefined;
  #writingBytes = 0;
  /** Bytes of the writes that are done, and what the connection had sent before it became a Duplex. */
  #written = 0;
  #reading = false;
  #referenced = true;
  #keepsAlive = false;
  /** Listeners run in the async context in which the Duplex was made, whoever has read or resumed it. */
  readonly #context = new AsyncResource("WINDSOCKDUPLEX");

  /** @internal */
  constructor(stream: ByteStream | undefined, options: DuplexOptions = {}) {
    const { allowHalfOpen = false, highWaterMark = MAX_READ } = options;
    super({ allowHalfOpen, highWaterMark });
    if (stream !== undefined) this.#attach(stream);
  }

  /** Whether there is no connection yet, but one is being made. */
  get connecting(): boolean {
    return this.#cancelConnecting !== undefined;
  }

  /** How many bytes were read from the connection. */
  get bytesRead(): number {
    return this.#stream?.bytesRead ?? 0;
  }

  /** How many bytes were written to the connection: what waits here counts too, unless it was destroyed. */
  get bytesWritten(): number {
    if (this.#stream === undefined) return this.destroyed ? 0 : this.writableLength;
    return this.destroyed ? this.#stream.bytesWritten : this.#written + this.writableLength;
  }

  /** Keeps the process alive while it reads, as it does by default. */
  ref(): this {
    this.#referenced = true;
    this.#holdProcess();
    return this;
  }

  /** Lets the process end though it reads. A write that is under way still keeps it. */
  unref(): this {
    this.#referenced = false;
    this.#holdProcess();
    return this;
  }

  /** @internal The connection, where there is one. */
  protected get byteStream(): ByteStream | undefined {
    return this.#stream;
  }

  /** @internal Called when bytes have moved, or are about to. */
  protected onActivity(): void {}

  #attach(stream: ByteStream): void {
    this.#stream = stream;
    this.#written = stream.bytesWritten;
    stream.unref(); // what keeps the process alive is counted here: unref() has to work on a read that waits
  }

  /** @internal Has the Duplex wait for its connection, which `cancel` gives up. */
  protected attachLater(connected: Promise<ByteStream>, cancel: () => void): void {
    this.#cancelConnecting = cancel;
    connected.then(
      (stream) => this.enter(this.#connected, stream),
      (error: Error) => this.enter(this.#failed, error),
    );
  }

  #connected(stream: ByteStream): void {
    this.#cancelConnecting = undefined;
    if (this.destroyed) {
      stream.close();
      return;
    }
    this.#attach(stream);
    this.onActivity();
    try {
      for (const ask of this.#asked.splice(0)) ask(stream);
    } catch (error) {
      this.destroy(error as Error);
      return;
    }
    this.emit("connect");
    this.emit("ready");
  }

  #failed(error: Error): void {
    this.#cancelConnecting = undefined;
    this.destroy(error);
  }

  /** @internal Runs `call` at once, or as soon as there is a connection. */
  protected whenConnected(call: (stream: ByteStream) => void): void {
    if (this.#stream === undefined) this.#asked.push(call);
    else call(this.#stream);
  }

  /** @internal Runs what an event from outside leads to. */
  protected enter<T>(call: (value: T) => void, value: T): void {
    try {
      this.#context.runInAsyncScope(call, this, value);
    } catch (error) {
      throwUncaught(error);
    }
  }

  /** As with libuv's handles, a write that is under way counts even where the socket was unreferenced. */
  #holdProcess(): void {
    const wanted = this.#writing !== undefined || (this.#reading && this.#referenced);
    if (wanted === this.#keepsAlive) return;
    this.#keepsAlive = wanted;
    keepAlive(wanted ? 1 : -1);
  }

  override _read(size: number): void {
    const stream = this.#stream;
    if (stream === undefined) {
      this.#asked.push(() => this._read(size));
      return;
    }
    this.#reading = true;
    this.#holdProcess();
    const limit = size > 0 && size < MAX_READ ? size : MAX_READ;
    stream.readChunk(limit).then(this.#onChunk, this.#onReadError);
  }

  readonly #onChunk = (chunk: Buffer): void => this.enter(this.#take, chunk);
  readonly #onReadError = (error: Error): void => this.enter(this.#failed, error);

  #take(chunk: Buffer): void {
    this.#reading = false;
    this.onActivity();
    try {
      this.push(chunk.length === 0 ? null : chunk);
    } catch (error) {
      process.nextTick(() => this.read(0)); // the exception has kept Readable from asking for more
      throw error;
    } finally {
      this.#holdProcess(); // the next read may be under way by now
    }
  }

  override _write(chunk: Uint8Array, _encoding: string, done: Done): void {
    const stream = this.#beginWrite(chunk.length, done);
    if (stream === undefined) this.#asked.push(() => this._write(chunk, _encoding, done));
    else stream.writeAll(chunk).then(this.#onWritten, this.#onWriteError);
  }

  override _writev(chunks: Chunks, done: Done): void {
    const length = chunks.reduce((sum, { chunk }) => sum + chunk.length, 0);
    const stream = this.#beginWrite(length, done);
    if (stream === undefined) this.#asked.push(() => this._writev(chunks, done));
    else writeChunks(stream, chunks).then(this.#onWritten, this.#onWriteError);
  }

  /** @returns the connection, where there is one already */
  #beginWrite(length: number, done: Done): ByteStream | undefined {
    this.#writing = done;
    this.#writingBytes = length;
    const stream = this.#stream;
    if (stream !== undefined) {
      this.onActivity();
      this.#holdProcess();
    }
    return stream;
  }

  readonly #onWritten = (): void => this.#endWrite(null);
  readonly #onWriteError = (error: Error): void => this.#endWrite(error);

  #endWrite(error: Error | null): void {
    const done = this.#writing;
    if (done === undefined) return; // destroyed meanwhile
    this.#writing = undefined;
    this.onActivity();
    if (error === null) this.#written += this.#writingBytes;
    try {
      done(error); // the next write may be under way after this
    } catch (thrown) {
      throwUncaught(thrown);
    }
    this.#holdProcess();
  }

  override _final(done: Done): void {
    this.whenConnected((stream) => {
      endWriting(stream);
      done();
    });
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#cancelConnecting?.();
    this.#stream?.close();
    this.#asked.length = 0;
    const written = this.#writing;
    this.#writing = undefined;
    this.#reading = false;
    this.#holdProcess();
    // The socket is closed by now. libuv tells so a turn of the loop later, and node:tls counts on it: what it says of
    // its own end has to come before the 'close' of what it runs on.
    setImmediate(() => {
      if (written !== undefined && error !== null) process.nextTick(written, error);
      this.#context.runInAsyncScope(done, undefined, error);
      if (written !== undefined && error === null) {
        // After 'close': it makes the stream an errored one, and whoever hears 'close' has to find that it is none.
        const hint = "the stream was destroyed meanwhile";
        process.nextTick(written, new SysError(errno.ECANCELED, "send", { hint }));
      }
    });
  }
}
