/** From the bytes that came to the answer of a query, if they are that. */
import type { Codec } from "./_codec.ts";
import { decodeMessage, type Message, mismatch, type Query } from "./_message.ts";
import { MalformedError } from "./_name.ts";
import type { Deadline } from "./_wait.ts";

/** What a query needs besides its bytes. */
export interface Exchange {
  readonly codec: Codec;
  readonly query: Query;
  /** See `mismatch`. */
  readonly exactCase: boolean;
  readonly deadline: Deadline;
  /** Told of each message that is not the answer, and why. */
  readonly onStray: (reason: string) => void;
}

/** An answer as it came. */
export interface Answer {
  readonly message: Message;
  readonly bytes: Uint8Array;
}

/** @returns the answer, or `undefined` for what is not the answer to this query, or is no message at all */
export function readAnswer(bytes: Uint8Array, what: Exchange): Answer | undefined {
  const reason = mismatch(what.query, bytes, what.exactCase);
  if (reason !== undefined) {
    what.onStray(reason);
    return undefined;
  }
  try {
    return { message: decodeMessage(what.codec, bytes), bytes };
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    what.onStray(`malformed: ${error.message}`);
    return undefined;
  }
}
