/** What every call that takes or gives bytes needs: checks of buffers, and parts made one. */

export function checkBytes(name: string, bytes: unknown): asserts bytes is Uint8Array {
  if (!(bytes instanceof Uint8Array))
    throw new TypeError(`${name}: expected a Uint8Array, got ${typeof bytes}`);
}

/** What is wrong with a buffer to be read into, where anything is. */
export function wrongBuffer(buffer: unknown): Error | undefined {
  if (!(buffer instanceof Uint8Array))
    return new TypeError(`buffer: expected a Uint8Array, got ${typeof buffer}`);
  if (buffer.length === 0)
    return new RangeError("buffer: expected room for at least 1 byte, since 0 means end of stream");
  return undefined;
}

/** The caller has transferred a buffer to another thread, or shrunk it, while the call was waiting. */
export function detached(name: string): TypeError {
  return new TypeError(
    `${name}: expected it to stay as it is while the call waits, but it was detached or resized`,
  );
}
