/** A stream socket as Node's Duplex and as a pair of web streams. */
import { Duplex } from "node:stream";
import { SysError, type WaitOptions } from "../sys/index.ts";

const CHUNK = 64 * 1024;

/** What an adapter needs of a stream socket, which it then owns. */
interface ByteStream {
  readonly closed: boolean;
  read(buffer: Uint8Array, options?: WaitOptions): Promise<number>;
  writeAll(bytes: Uint8Array, options?: WaitOptions): Promise<void>;
  shutdown(how: "write"): void;
  close(): void;
}

/** A pair of web streams over one connection. */
export interface WebStreams {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}

/** Half-closes; a connection that the peer has reset has no half left to close. */
function endWriting(stream: ByteStream): void {
  try {
    if (!stream.closed) stream.shutdown("write");
  } catch (error) {
    if (!(error instanceof SysError && error.code === "ENOTCONN")) throw error;
  }
}

class SocketDuplex extends Duplex {
  readonly #stream: ByteStream;
  /** Made when the first data is wanted; what is pushed is a copy, so one buffer serves for all. */
  #buffer: Uint8Array | undefined;

  constructor(stream: ByteStream) {
    super({ allowHalfOpen: true });
    this.#stream = stream;
  }

  override _read(): void {
    this.#buffer ??= new Uint8Array(CHUNK);
    const buffer = this.#buffer;
    this.#stream.read(buffer).then(
      (count) => this.push(count === 0 ? null : Buffer.from(buffer.subarray(0, count))),
      (error) => this.destroy(error),
    );
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.#stream.writeAll(chunk).then(() => done(), done);
  }

  override _writev(chunks: { chunk: Uint8Array }[], done: (error?: Error | null) => void): void {
    this.#stream.writeAll(Buffer.concat(chunks.map(({ chunk }) => chunk))).then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    endWriting(this.#stream);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#stream.close(); // what waits on it rejects, and is not heard any more
    done(error);
  }
}

/** @see StreamSocket.toDuplex */
export function toDuplex(stream: ByteStream): Duplex {
  return new SocketDuplex(stream);
}

/** @see StreamSocket.toWeb */
export function toWeb(stream: ByteStream): WebStreams {
  let halves = 2;
  const halfEnded = (): void => {
    if (--halves === 0) stream.close();
  };
  const reading = new AbortController();
  const writing = new AbortController();
  const readable = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const buffer = new Uint8Array(CHUNK);
        const count = await stream.read(buffer, { signal: reading.signal });
        if (count > 0) return controller.enqueue(buffer.slice(0, count));
        controller.close();
        halfEnded();
      },
      cancel(reason) {
        reading.abort(reason);
        halfEnded();
      },
    },
    { highWaterMark: 0 }, // nothing is taken from the kernel before it is wanted: its window is the backpressure
  );
  const writable = new WritableStream<Uint8Array>({
    start(controller) {
      controller.signal.addEventListener("abort", () => writing.abort(controller.signal.reason), {
        once: true,
      });
    },
    write: (chunk) => stream.writeAll(chunk, { signal: writing.signal }),
    close() {
      endWriting(stream);
      halfEnded();
    },
    abort() {
      stream.close(); // the peer must not take a part for the whole
    },
  });
  return { readable, writable };
}
