/** The requests that are in flight on one socket, and what becomes of them as messages arrive. Knows no socket. */
import { WireError } from "../bytes/index.ts";
import { errno, SysError } from "../sys/index.ts";
import { capabilityHint, type Privilege } from "./_capability.ts";
import { NLM_F_ACK_TLVS, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, NLMSG_MIN_TYPE } from "./_constants.ts";
import { get32 } from "./attributes.ts";
import { eachMessage, type Message } from "./message.ts";
import { type ExtendedAck, NetlinkError, readExtendedAck } from "./netlink_error.ts";

/** One request that waits for its answer. */
export interface Exchange {
  /** For errors, as `"RTM_GETLINK"`. */
  readonly name: string;
  /** What it is about, for errors. */
  readonly subject: string | undefined;
  /** What was sent. */
  readonly bytes: Uint8Array;
  /** Of the family's header, where it is known. */
  readonly headerLength: number | undefined;
  /** What it takes. */
  readonly privilege: Privilege;
  /** Hears what the kernel says though it did what was asked. */
  readonly warn: ((told: ExtendedAck) => void) | undefined;
  readonly dump: boolean;
  /** Hears each answer; what it throws ends the request. `undefined` once nobody wants them any more. */
  take: ((message: Message) => void) | undefined;
  /** A part of the dump said that the table changed under it. */
  interrupted: boolean;
  /** What ended a dump that is still read to its end. */
  failure: { readonly reason: unknown } | undefined;
  resolve(): void;
  reject(reason: unknown): void;
}

export class Exchanges {
  readonly #bySequence = new Map<number, Exchange>();
  readonly #portId: number;

  /** @param portId the socket's own; 0 where it is not known */
  constructor(portId: number) {
    this.#portId = portId;
  }

  get size(): number {
    return this.#bySequence.size;
  }

  add(sequence: number, exchange: Exchange): void {
    this.#bySequence.set(sequence, exchange);
  }

  /** Forgets a request whose answer nobody waits for. A dump goes on in the kernel, and is read to its end. */
  abandon(sequence: number): void {
    const exchange = this.#bySequence.get(sequence);
    if (exchange === undefined) return;
    if (exchange.dump) exchange.take = undefined;
    else this.#bySequence.delete(sequence);
  }

  /**
   * Hands out the messages of a buffer.
   * @throws {WireError} where they cannot be told apart: nothing that comes later can be trusted then
   */
  receive(bytes: Uint8Array, length: number): void {
    eachMessage(bytes, length, (message) => this.#one(message));
  }

  /** Ends what is in flight with an error, but for dumps. */
  failRequests(reason: unknown): void {
    for (const [sequence, exchange] of [...this.#bySequence]) {
      if (exchange.dump) continue;
      this.#bySequence.delete(sequence);
      exchange.reject(reason);
    }
  }

  /** Ends whatever is in flight with an error. */
  failAll(reason: unknown): void {
    const all = [...this.#bySequence.values()];
    this.#bySequence.clear();
    for (const exchange of all) exchange.reject(reason);
  }

  #one(message: Message): void {
    const { type, sequence, portId } = message;
    if (portId !== 0 && this.#portId !== 0 && portId !== this.#portId) return; // for another socket
    const exchange = this.#bySequence.get(sequence);
    if (exchange === undefined) return; // an answer that nobody waits for any more
    if ((message.flags & NLM_F_DUMP_INTR) !== 0) exchange.interrupted = true;
    if (type === NLMSG_ERROR || type === NLMSG_DONE) {
      this.#bySequence.delete(sequence);
      this.#end(exchange, message);
    } else if (type >= NLMSG_MIN_TYPE && exchange.take !== undefined) {
      try {
        exchange.take(message);
      } catch (reason) {
        exchange.failure = { reason };
        if (!exchange.dump) exchange.reject(reason);
        this.abandon(sequence);
      }
    }
  }

  #end(exchange: Exchange, { type, flags, bytes, start, end }: Message): void {
    if (exchange.failure !== undefined) {
      exchange.reject(exchange.failure.reason);
      return;
    }
    if (end - start < 4 && type === NLMSG_ERROR) {
      const expected = `expected an errno of 4 bytes, got ${end - start}`;
      exchange.reject(new WireError("TRUNCATED", "netlink", end, expected));
      return;
    }
    // An acknowledgement has the errno, negative, or 0. So has the end of a dump, but older kernels leave it out.
    const number = end - start < 4 ? 0 : get32(bytes, start) | 0;
    if (number !== 0) {
      const hint = -number === errno.EPERM ? capabilityHint(exchange.privilege) : undefined;
      exchange.reject(new NetlinkError(number, exchange.name, told(), hint, exchange.subject));
      return;
    }
    try {
      const { warn } = exchange;
      const warning = warn !== undefined && (flags & NLM_F_ACK_TLVS) !== 0 ? told() : {};
      if (Object.keys(warning).length > 0) warn?.(warning);
      exchange.resolve();
    } catch (reason) {
      exchange.reject(reason);
    }

    function told(): ExtendedAck {
      try {
        return readExtendedAck(bytes, start + 4, end, flags, type === NLMSG_ERROR, exchange);
      } catch {
        return {}; // the errno counts, whatever is behind it
      }
    }
  }
}

/** The kernel had no room to queue what it had to say: an answer may be missing. */
export function overrun(name: string): SysError {
  return new SysError(errno.ENOBUFS, name, {
    hint: "the socket's receive buffer was full, and messages are lost; a larger one helps (receiveBufferBytes)",
  });
}
