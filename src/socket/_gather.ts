/** Several chunks in few system calls, without copying the large ones. */
import type { ByteStream } from "./_byte_stream.ts";

export type Chunks = readonly { readonly chunk: Uint8Array }[];

/** What is smaller than this is put together with its neighbours: a system call costs more than the copy. */
const SMALL = 16 * 1024;
const MAX_GATHERED = 64 * 1024;

function* gather(chunks: Chunks): Generator<Uint8Array> {
  let small: Uint8Array[] = [];
  let size = 0;
  const gathered = (): Uint8Array => {
    const whole = small.length === 1 ? (small[0] as Uint8Array) : Buffer.concat(small, size);
    small = [];
    size = 0;
    return whole;
  };
  for (const { chunk } of chunks) {
    const large = chunk.length >= SMALL;
    if (size > 0 && (large || size + chunk.length > MAX_GATHERED)) yield gathered();
    if (large) {
      yield chunk;
      continue;
    }
    small.push(chunk);
    size += chunk.length;
  }
  if (size > 0) yield gathered();
}

/** Gives all the chunks to the kernel, in order. */
export async function writeChunks(stream: ByteStream, chunks: Chunks): Promise<void> {
  for (const piece of gather(chunks)) await stream.writeAll(piece);
}
