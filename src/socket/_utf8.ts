/** Text from bytes, where bytes that are no UTF-8 are an error. */

/** Bytes that should have been UTF-8 text are not. The bytes are kept. */
export class EncodingError extends Error {
  override readonly name = "EncodingError";
  readonly code = "INVALID_UTF8";
  /** All the bytes that were read. */
  readonly bytes: Uint8Array;
  /** Where the first byte sequence starts that is not UTF-8. */
  readonly offset: number;

  constructor(bytes: Uint8Array, offset: number) {
    const hex = Array.from(bytes.subarray(offset, offset + 4), (byte) =>
      byte.toString(16).padStart(2, "0"),
    ).join(" ");
    super(
      `the ${bytes.length} bytes received are not UTF-8 text: invalid sequence at offset ${offset} (${hex})`,
    );
    this.bytes = bytes;
    this.offset = offset;
  }
}

/**
 * @returns the text; a byte order mark is kept as U+FEFF
 * @throws {EncodingError} with the offset of the first invalid sequence
 * @see RFC 3629
 */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new EncodingError(bytes, invalidOffset(bytes));
  }
}

/** Where the first ill-formed sequence starts: The Unicode Standard, table 3-7, "Well-Formed UTF-8 Byte Sequences". */
function invalidOffset(bytes: Uint8Array): number {
  let offset = 0;
  while (offset < bytes.length) {
    const lead = bytes[offset] as number;
    const follow =
      lead < 0x80 ? 0 : lead < 0xc2 ? -1 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : lead < 0xf5 ? 3 : -1;
    if (follow < 0) return offset;
    for (let i = 1; i <= follow; i++) {
      const low = i > 1 ? 0x80 : lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
      const high = i > 1 ? 0xbf : lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
      const byte = bytes[offset + i];
      if (byte === undefined || byte < low || byte > high) return offset;
    }
    offset += follow + 1;
  }
  return offset;
}
