/** WireError: bytes that are not what a header's format says. */

/** Why bytes cannot be decoded. */
export type WireErrorCode =
  /** There are fewer bytes than the format needs. */
  | "TRUNCATED"
  /** A length that the bytes give of themselves cannot be. */
  | "BAD_LENGTH"
  /** A field has a value that the format does not have, such as version 5 in an IPv4 header. */
  | "BAD_VALUE";

/** Bytes that cannot be decoded. It is all that decoding throws, whatever the bytes are. */
export class WireError extends Error {
  override readonly name = "WireError";
  readonly code: WireErrorCode;
  /** The format that the bytes do not have, as `"ipv4"`. */
  readonly protocol: string;
  /** The byte, from the start of what was given to be decoded, that is wrong or missing. */
  readonly offset: number;

  constructor(code: WireErrorCode, protocol: string, offset: number, what: string) {
    super(`${protocol}: ${what}, at byte ${offset}`);
    this.code = code;
    this.protocol = protocol;
    this.offset = offset;
  }
}
