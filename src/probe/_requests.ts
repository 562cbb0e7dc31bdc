/** What is known of the requests that were sent: which are still to be answered, and when each went. */

/** A request. */
export interface EchoRequest {
  /** From 1, without end. */
  readonly sequence: number;
  /** As performance.now() counts. */
  readonly sentMs: number;
  /** Since 1970. */
  readonly timeNs: bigint;
  /** Nothing has come of it, and it has not been given up. */
  open: boolean;
  replied: boolean;
  /** Replied to, or come back as an error. */
  answered: boolean;
}

/** The sequence number on the wire has 16 bits: of requests with the same one, the last is known. */
const SEQUENCES = 0x10000;
/** RFC 9293 §3.4.1, the maximum segment lifetime: nothing that was sent longer ago is still on its way. */
const LIFETIME_MS = 120_000;

/** The requests of a session that can still be answered. */
export class EchoRequests {
  readonly #bySequence = new Map<number, EchoRequest>();
  readonly #keepMs: number;
  #last = 0;
  /** Before it none is open. */
  #firstOpen = 1;
  #open = 0;

  /** @param timeoutMs for how long a request is open */
  constructor(timeoutMs: number) {
    this.#keepMs = Math.max(timeoutMs, LIFETIME_MS);
  }

  /** How many were sent. */
  get sent(): number {
    return this.#last;
  }

  /** How many are open. */
  get open(): number {
    return this.#open;
  }

  get last(): EchoRequest | undefined {
    return this.#bySequence.get(this.#last);
  }

  add(sentMs: number, timeNs: bigint): EchoRequest {
    const sequence = ++this.#last;
    const request = { sequence, sentMs, timeNs, open: true, replied: false, answered: false };
    this.#bySequence.set(sequence, request);
    this.#open++;
    this.#forget(sentMs);
    return request;
  }

  /** What nothing can answer any more. */
  #forget(nowMs: number): void {
    for (const request of this.#bySequence.values()) {
      const passed = request.sequence <= this.#last - SEQUENCES;
      if (!passed && (request.open || nowMs - request.sentMs <= this.#keepMs)) return;
      this.settle(request);
      this.#bySequence.delete(request.sequence);
    }
  }

  /** The request that a number of 16 bits stands for; `undefined` where none with it was sent of late. */
  find(sequence16: number): EchoRequest | undefined {
    return this.#bySequence.get(this.#last - ((this.#last - sequence16) & (SEQUENCES - 1)));
  }

  /** Notes that something came of a request. @returns whether it was open */
  settle(request: EchoRequest): boolean {
    if (!request.open) return false;
    request.open = false;
    this.#open--;
    return true;
  }

  /** The one that is open for longest. */
  oldest(): EchoRequest | undefined {
    for (; this.#firstOpen <= this.#last; this.#firstOpen++) {
      const request = this.#bySequence.get(this.#firstOpen);
      if (request?.open) return request;
    }
    return undefined;
  }
}
