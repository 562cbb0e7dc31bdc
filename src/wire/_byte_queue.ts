/** Bytes that come in pieces, and are taken in the lengths that a file format has. */

/** Holds what has come and has not been taken. */
export class ByteQueue {
  #bytes = new Uint8Array(0);
  #start = 0;
  #end = 0;
  #taken = 0;

  /** How many bytes are there. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** How many were taken since the beginning: the place in the file of the next one. */
  get position(): number {
    return this.#taken;
  }

  /** Adds a copy of some bytes. */
  push(bytes: Uint8Array): void {
    if (this.#end + bytes.length > this.#bytes.length) this.#makeRoom(bytes.length);
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** What was handed out is a view of the old array, so the rest moves to a new one. */
  #makeRoom(more: number): void {
    const rest = this.#bytes.subarray(this.#start, this.#end);
    const room = new Uint8Array(Math.max(64 * 1024, 2 * (rest.length + more)));
    room.set(rest);
    this.#bytes = room;
    this.#start = 0;
    this.#end = rest.length;
  }

  /** A view of the next `count` bytes, which are there, without taking them. */
  peek(count: number): DataView {
    return new DataView(this.#bytes.buffer, this.#start, count);
  }

  /** The next `count` bytes, which are there: a view that nothing writes to later. */
  take(count: number): Uint8Array {
    const bytes = this.#bytes.subarray(this.#start, this.#start + count);
    this.#start += count;
    this.#taken += count;
    return bytes;
  }
}
