/** What echo requests carry: the time of day as ping(8) writes it, and a pattern; and the check that it came back unchanged. */

/** `struct timeval` of a 64-bit host, at the beginning, where there is room for it. */
const STAMP_BYTES = 16;

/** The first byte of a reply that is not what was sent. */
export interface Damage {
  /** Where in the payload. */
  readonly offset: number;
  readonly expected: number;
  readonly actual: number;
  /** The payload as it came. */
  readonly payload: Uint8Array;
}

/** Makes payloads of one size and pattern, in one buffer. */
export class EchoPayload {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  /** @param pattern what fills it, over and over; the numbers from 0 by default */
  constructor(sizeBytes: number, pattern: Uint8Array | undefined) {
    this.#bytes = new Uint8Array(sizeBytes);
    this.#view = new DataView(this.#bytes.buffer);
    for (let i = 0; i < sizeBytes; i++) {
      this.#bytes[i] = pattern?.length ? (pattern[i % pattern.length] as number) : i & 0xff;
    }
  }

  /** The payload of the request that is sent at this time, until it is asked for another one. */
  at(timeNs: bigint): Uint8Array {
    if (this.#bytes.length >= STAMP_BYTES) {
      this.#view.setBigUint64(0, timeNs / 1_000_000_000n, true);
      this.#view.setBigUint64(8, (timeNs % 1_000_000_000n) / 1000n, true);
    }
    return this.#bytes;
  }

  /** Compares what came back of the request that was sent at this time, as far as it goes. */
  compare(payload: Uint8Array, timeNs: bigint): Damage | undefined {
    const sent = this.at(timeNs);
    const end = Math.min(payload.length, sent.length);
    for (let offset = 0; offset < end; offset++) {
      const [expected, actual] = [sent[offset] as number, payload[offset] as number];
      if (expected !== actual) return { offset, expected, actual, payload: payload.slice() };
    }
    return undefined;
  }
}
