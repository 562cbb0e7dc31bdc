/** NetlinkEvents: what the kernel tells of by itself, from the multicast groups that a socket has joined. */
import * as C from "../sys/index.ts";
import { NLMSG_MIN_TYPE } from "./_constants.ts";
import { fromKernel, type NetlinkProtocol, openNetlink } from "./_open.ts";
import { eachMessage, type Message } from "./message.ts";

export interface NetlinkEventsOptions {
  /** The groups' numbers, as RTNLGRP_LINK is 1. */
  readonly groups: readonly number[];
  /** Room for what has not been read, in bytes; the system's default unless told. */
  readonly receiveBufferBytes?: number | undefined;
}

/** Stands among the events where the receive buffer was full (ENOBUFS): some are missing here. */
export const OVERRUN: unique symbol = Symbol("windsock.OVERRUN");

const BUFFER_BYTES = 256 * 1024;

/** A socket that only hears. What is not read waits in its receive buffer; when that is full, events are lost and one {@link OVERRUN} says so. */
export class NetlinkEvents implements Disposable {
  readonly #source: C.Source;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);

  private constructor(source: C.Source) {
    this.#source = source;
    C.closeWhenForgotten(this, source);
  }

  /** @throws {SysError} `EPERM` for a group that is not for everybody, `EINVAL` for one that is not there */
  static open(protocol: NetlinkProtocol, options: NetlinkEventsOptions): NetlinkEvents {
    return new NetlinkEvents(new C.Source(openNetlink(protocol, options), "NetlinkEvents"));
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
    const attempt = (): (T | typeof OVERRUN)[] | C.WouldBlock => {
      const events: (T | typeof OVERRUN)[] = [];
      while (events.length === 0) {
        const count = C.recvfrom(this.#source.fd, this.#buffer, C.MSG_TRUNC);
        if (count === -C.errno.EAGAIN) return C.WOULD_BLOCK;
        if (count === -C.errno.EINTR) continue;
        if (count === -C.errno.ENOBUFS) return [OVERRUN];
        if (count < 0) throw this.#source.error(count, "recvfrom");
        if (!fromKernel()) continue;
        if (count > this.#buffer.length) return [OVERRUN];
        eachMessage(this.#buffer, count, (message) => {
          const event = message.type < NLMSG_MIN_TYPE ? undefined : take(message);
          if (event !== undefined) events.push(event);
        });
      }
      return events;
    };
    return this.#source.run("read", "recvfrom", this, attempt, options);
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
