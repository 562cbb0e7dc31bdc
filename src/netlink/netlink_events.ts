/** NetlinkEvents: what the kernel tells of by itself, from the multicast groups that a socket has joined. */
import * as C from "../sys/index.ts";
import { NLMSG_MIN_TYPE } from "./_constants.ts";
import { type NetlinkProtocol, openNetlink, sender } from "./_open.ts";
import { eachMessage, type Message } from "./message.ts";
import { NetlinkSocket } from "./netlink_socket.ts";

export interface NetlinkEventsOptions {
  /** The groups' numbers, as RTNLGRP_LINK is 1. */
  readonly groups: readonly number[];
  /** Room for what has not been read, in bytes; the system's default unless told. */
  readonly receiveBufferBytes?: number | undefined;
  /** Hears the network namespace of this socket; that of the thread unless told. */
  readonly namespaceOf?: NetlinkSocket | undefined;
}

/** Stands among the events where the receive buffer was full (ENOBUFS): some are missing here. */
export const OVERRUN: unique symbol = Symbol("windsock.OVERRUN");

const BUFFER_BYTES = 256 * 1024;
/** So many buffers are read at once, and before the event loop has its turn. */
const READS_PER_TURN = 64;

/** A socket that only hears. What is not read waits in its receive buffer; when that is full, events are lost and one {@link OVERRUN} says so. */
export class NetlinkEvents implements Disposable {
  readonly #source: C.Source;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #failure: { readonly reason: unknown } | undefined;

  private constructor(source: C.Source) {
    this.#source = source;
    C.closeWhenForgotten(this, source);
  }

  /**
   * @throws {TypeError | RangeError} for groups that are no numbers
   * @throws {SysError} `EPERM` for a group that is not for everybody, or a namespace that this thread may not go to and come
   * back from; `EINVAL` for a group that is not there
   */
  static open(protocol: NetlinkProtocol, options: NetlinkEventsOptions): NetlinkEvents {
    const { namespaceOf } = options;
    if (namespaceOf !== undefined && !(namespaceOf instanceof NetlinkSocket)) {
      throw new TypeError(`namespaceOf: expected a NetlinkSocket, got ${String(namespaceOf)}`);
    }
    const make = (): number => openNetlink(protocol, options);
    const fd = namespaceOf === undefined ? make() : namespaceOf.inNamespace(make);
    return new NetlinkEvents(new C.Source(fd, "NetlinkEvents"));
  }

  get closed(): boolean {
    return this.#source.closed;
  }

  /**
   * Waits for events.
   * @param take gives what is to be kept of a message, whose bytes are only there during the call, or `undefined`
   * @returns at least one of what `take` gave, or OVERRUN, in order
   * @throws {WireError} for messages that cannot be told apart
   * @throws the signal's reason, or {@link TimeoutError}; no event is lost by that
   */
  next<T>(
    take: (message: Message) => T | undefined,
    options?: C.WaitOptions,
  ): Promise<(T | typeof OVERRUN)[]> {
    const attempt = (): (T | typeof OVERRUN)[] | C.WouldBlock | typeof C.YIELD => {
      const events: (T | typeof OVERRUN)[] = [];
      for (let reads = 0; reads < READS_PER_TURN; reads++) {
        const count = this.#failure === undefined ? this.#receive(take, events) : -C.errno.EAGAIN;
        if (this.#failure !== undefined && events.length === 0) {
          const { reason } = this.#failure;
          this.#failure = undefined;
          throw reason;
        }
        if (count === -C.errno.EAGAIN) return events.length > 0 ? events : C.WOULD_BLOCK;
        if (events.at(-1) === OVERRUN) break;
      }
      return events.length > 0 ? events : C.YIELD;
    };
    return this.#source.run("read", "recvfrom", this, attempt, options);
  }

  /**
   * Throws away what is there to be heard, until nothing is.
   * @returns whether there was anything
   * @throws the signal's reason
   */
  discard(options?: C.WaitOptions): Promise<boolean> {
    let found = false;
    const attempt = (): boolean | typeof C.YIELD => {
      for (let reads = 0; reads < READS_PER_TURN; reads++) {
        const count = C.recvfrom(this.#source.fd, this.#buffer, C.MSG_TRUNC);
        if (count === -C.errno.EAGAIN) return found;
        if (count < 0 && count !== -C.errno.EINTR && count !== -C.errno.ENOBUFS) {
          throw this.#source.error(count, "recvfrom");
        }
        found ||= count !== -C.errno.EINTR && sender() !== "stranger";
      }
      return C.YIELD;
    };
    this.#failure = undefined;
    return this.#source.run("read", "recvfrom", this, attempt, options);
  }

  /** Reads once. What goes wrong waits until the events before it have been handed out. @returns as recvfrom(2) */
  #receive<T>(take: (message: Message) => T | undefined, events: (T | typeof OVERRUN)[]): number {
    const count = C.recvfrom(this.#source.fd, this.#buffer, C.MSG_TRUNC);
    if (count === -C.errno.EAGAIN || count === -C.errno.EINTR) return count;
    if (count === -C.errno.ENOBUFS) events.push(OVERRUN);
    else if (count < 0) this.#failure = { reason: this.#source.error(count, "recvfrom") };
    else if (sender() === "stranger") return count;
    else if (count > this.#buffer.length) events.push(OVERRUN);
    else {
      try {
        eachMessage(this.#buffer, count, (message) => {
          const event = message.type < NLMSG_MIN_TYPE ? undefined : take(message);
          if (event !== undefined) events.push(event);
        });
      } catch (reason) {
        this.#failure = { reason };
      }
    }
    return count;
  }

  /** @see NetlinkSocket.ref */
  ref(): this {
    this.#source.setReferenced(true);
    return this;
  }

  /** @see NetlinkSocket.unref */
  unref(): this {
    this.#source.setReferenced(false);
    return this;
  }

  /** Closes the socket; a call that waits rejects with `ECANCELED`. */
  close(): void {
    this.#source.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
