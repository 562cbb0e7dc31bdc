/** A stream socket as a pair of web streams. */
import { SysError } from "../sys/index.ts";
import { type ByteStream, endWriting } from "./_byte_stream.ts";
import { alone, MAX_READ } from "./_chunk.ts";
import { SO } from "./options.ts";

/** A pair of web streams over one connection. */
export interface WebStreams {
  /** A byte stream: it also reads into buffers that the reader brings, after `getReader({ mode: "byob" })`. */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly writable: WritableStream<Uint8Array>;
}

/** The peer must not take a part for the whole: TCP tells it by a reset. */
function breakOff(stream: ByteStream): void {
  if (stream.closed) return;
  try {
    stream.setOption(SO.LINGER, 0);
  } finally {
    stream.close();
  }
}

/** @see StreamSocket.toWeb */
export function toWeb(stream: ByteStream): WebStreams {
  const open = new Set<"readable" | "writable">(["readable", "writable"]);
  const end = (half: "readable" | "writable"): void => {
    if (open.delete(half) && open.size === 0) stream.close();
  };
  const cancelled = new AbortController();
  const { signal } = cancelled;

  const readable = new ReadableStream({
    type: "bytes", // of which nothing is taken from the kernel before it is wanted: its window is the backpressure
    async pull(controller: ReadableByteStreamController) {
      const request = controller.byobRequest;
      try {
        if (request?.view) {
          const count = await stream.read(request.view as Uint8Array, { signal });
          if (count > 0) return request.respond(count);
        } else {
          const chunk = await stream.readChunk(MAX_READ, { signal });
          if (chunk.length > 0) return controller.enqueue(alone(chunk)); // who enqueues gives the ArrayBuffer away
        }
      } catch (error) {
        end("readable");
        throw error;
      }
      controller.close();
      controller.byobRequest?.respond(0); // or a reader that brought a buffer would wait for ever
      end("readable");
    },
    cancel(reason) {
      cancelled.abort(reason);
      end("readable");
    },
  });

  const writable = new WritableStream<Uint8Array>({
    start(controller) {
      // Without this an abort would wait for the write that is under way.
      controller.signal.addEventListener("abort", () => breakOff(stream), { once: true });
    },
    async write(chunk, { signal }) {
      try {
        await stream.writeAll(chunk);
      } catch (error) {
        if (error instanceof SysError) end("writable");
        else breakOff(stream); // a chunk that is no bytes
        throw signal.aborted ? signal.reason : error;
      }
    },
    close() {
      endWriting(stream);
      end("writable");
    },
    abort() {
      breakOff(stream);
    },
  });
  return { readable, writable };
}
