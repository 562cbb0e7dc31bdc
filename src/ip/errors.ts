/** The error of a text that is not the address, prefix, port or zone that it should be. */

const SHOWN_CHARS = 80;

/** Puts a text in quotes for a message, shortened where somebody passed a book. */
function quote(text: string): string {
  return text.length <= SHOWN_CHARS
    ? JSON.stringify(text)
    : `${JSON.stringify(text.slice(0, SHOWN_CHARS))}… (${text.length} characters)`;
}

/**
 * A text that does not read as what was asked for. The message is a sentence that says what came, what is wrong
 * with it and what was expected.
 */
export class AddressError extends Error {
  override readonly name = "AddressError";
  readonly code = "BAD_ADDRESS";
  /** The text that was to be read, whole. */
  readonly input: string;
  /** What it should have been, with its article: `an IPv4 address`. */
  readonly what: string;
  /** What is wrong with it, as half a sentence: `octet 1 has a leading zero`. */
  readonly reason: string;

  /**
   * @param input the text that was to be read
   * @param what what it should have been, with its article
   * @param reason what is wrong with it, as half a sentence
   * @param expected what would have been right: `four decimal numbers 0–255 separated by dots`
   */
  constructor(input: string, what: string, reason: string, expected: string) {
    super(`${quote(input)} is not ${what}: ${reason} (expected ${expected})`);
    this.input = input;
    this.what = what;
    this.reason = reason;
  }
}
