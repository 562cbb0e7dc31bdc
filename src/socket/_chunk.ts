/** Room for reads whose size nobody knows beforehand: one block per thread, given away when a read has filled most of it. */

/** The most that one read takes. */
export const MAX_READ = 64 * 1024;
/** From here on a copy costs more than a new block. */
const WORTH_GIVING = MAX_READ / 2;

let block: Buffer | undefined;

/** Where the next read goes, at most `limit` bytes. To be used for one system call and not kept. */
export function room(limit: number): Buffer {
  block ??= Buffer.allocUnsafeSlow(MAX_READ);
  return limit < MAX_READ ? block.subarray(0, limit) : block;
}

/** The first `count` bytes of {@link room}, from now on the caller's. */
export function taken(count: number): Buffer {
  const all = block as Buffer;
  if (count < WORTH_GIVING) return Buffer.from(all.subarray(0, count));
  block = undefined;
  return count < MAX_READ ? all.subarray(0, count) : all;
}

/** What {@link taken} gave, in an ArrayBuffer that holds nothing else and may be given away. */
export function alone(chunk: Buffer): Uint8Array<ArrayBuffer> {
  // Small ones lie in the pool that Buffer.from takes from.
  if (chunk.length < WORTH_GIVING) return new Uint8Array(chunk);
  return new Uint8Array(chunk.buffer as ArrayBuffer, chunk.byteOffset, chunk.length);
}
