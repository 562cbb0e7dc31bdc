/** What the adapters need of a stream socket. */
import { SysError, type WaitOptions } from "../sys/index.ts";
import type { WritableOption } from "./options.ts";

/** A connected stream socket, which its adapter then owns. */
export interface ByteStream {
  readonly closed: boolean;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Throws on a closed socket. */
  readonly localAddr: unknown;
  readonly peerAddr?: unknown;
  read(buffer: Uint8Array, options?: WaitOptions): Promise<number>;
  /** What is there, at most `limit` bytes; empty at the end of the stream. */
  readChunk(limit: number, options?: WaitOptions): Promise<Buffer>;
  writeAll(bytes: Uint8Array): Promise<void>;
  shutdown(how: "write"): void;
  setOption<T>(option: WritableOption<T>, value: NoInfer<T>): void;
  unref(): unknown;
  close(): void;
}

/** Half-closes; a connection that the peer has reset has no half left to close. */
export function endWriting(stream: ByteStream): void {
  try {
    if (!stream.closed) stream.shutdown("write");
  } catch (error) {
    if (!(error instanceof SysError && error.code === "ENOTCONN")) throw error;
  }
}
