/** Standard input, which outlives the peers that it is handed to: what one has not taken is the next one's. */

class Input {
  #chunks: AsyncIterator<Uint8Array> | undefined;
  /** A chunk that was asked for and has not come yet. */
  #asked: Promise<IteratorResult<Uint8Array>> | undefined;
  #givenBack: Uint8Array | undefined;

  /**
   * The next bytes; `undefined` at the end of the input.
   * @throws the signal's reason; nothing is lost then
   */
  async next(signal: AbortSignal): Promise<Uint8Array | undefined> {
    const back = this.#givenBack;
    if (back !== undefined) {
      this.#givenBack = undefined;
      return back;
    }
    this.#chunks ??= (process.stdin as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
    this.#asked ??= this.#chunks.next();
    const asked = this.#asked;
    let onAbort: (() => void) | undefined;
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => reject(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
    });
    try {
      signal.throwIfAborted();
      const result = await Promise.race([asked, aborted]);
      this.#asked = undefined;
      return result.done ? undefined : result.value;
    } finally {
      if (onAbort !== undefined) signal.removeEventListener("abort", onAbort);
    }
  }

  /** Takes back what could not be sent. */
  giveBack(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#givenBack = bytes;
  }
}

/** The one standard input of the process. */
export const input = new Input();

const MOST_TEXT = 16 * 1024 * 1024;

/** All of standard input as text, 16 MiB at most. @throws {RangeError} for more */
export async function textOfInput(): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of process.stdin as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > MOST_TEXT) throw new RangeError(`standard input: expected at most ${MOST_TEXT} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
