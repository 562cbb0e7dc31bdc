/** GenericEvents: what a family of generic netlink tells of by itself. */
import type { WaitOptions } from "../../sys/index.ts";
import { NetlinkEvents, type OVERRUN } from "../netlink_events.ts";
import type { NetlinkSocket } from "../netlink_socket.ts";
import { type GenericFamily, type GenericMessage, genericMessage } from "./family.ts";

export interface GenericEventsOptions {
  /** Room for what has not been read, in bytes; the system's default unless told. */
  readonly receiveBufferBytes?: number | undefined;
}

/** A socket that only hears one family. @see NetlinkEvents */
export class GenericEvents implements Disposable {
  readonly family: GenericFamily;
  readonly #events: NetlinkEvents;

  private constructor(family: GenericFamily, events: NetlinkEvents) {
    this.family = family;
    this.#events = events;
  }

  /** @internal {@link GenericSocket.events} */
  static open(
    namespaceOf: NetlinkSocket,
    family: GenericFamily,
    names: readonly string[] = [...family.groups.keys()],
    { receiveBufferBytes }: GenericEventsOptions = {},
  ): GenericEvents {
    if (!Array.isArray(names)) throw new TypeError(`groups: expected an array, got ${String(names)}`);
    const groups = names.map((name: string) => {
      const number = family.groups.get(name);
      if (number !== undefined) return number;
      const expected = `some of ${[...family.groups.keys()].join(", ") || "no groups"}`;
      throw new TypeError(`groups: expected ${expected} for ${family.name}, got ${String(name)}`);
    });
    const events = NetlinkEvents.open("generic", { groups, receiveBufferBytes, namespaceOf });
    return new GenericEvents(family, events);
  }

  get closed(): boolean {
    return this.#events.closed;
  }

  /**
   * Waits for events.
   * @param take gives what is to be kept of a message, whose bytes are only there during the call, or `undefined`
   * @returns at least one of what `take` gave, or OVERRUN, in order
   * @throws the signal's reason, or {@link TimeoutError}; no event is lost by that
   */
  next<T>(
    take: (message: GenericMessage) => T | undefined,
    options?: WaitOptions,
  ): Promise<(T | typeof OVERRUN)[]> {
    return this.#events.next(
      (message) => (message.type === this.family.id ? take(genericMessage(message)) : undefined),
      options,
    );
  }

  /** @see NetlinkSocket.ref */
  ref(): this {
    this.#events.ref();
    return this;
  }

  /** @see NetlinkSocket.unref */
  unref(): this {
    this.#events.unref();
    return this;
  }

  /** Closes the socket; a call that waits rejects with `ECANCELED`. */
  close(): void {
    this.#events.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
