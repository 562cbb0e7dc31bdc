/** NetlinkSocket: requests to the kernel, and their answers. */
import * as C from "../sys/index.ts";
import type { Privilege } from "./_capability.ts";
import { NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST } from "./_constants.ts";
import { type Exchange, Exchanges, overrun } from "./_exchange.ts";
import { inNamespaceOf } from "./_namespace.ts";
import { type NetlinkProtocol, openNetlink, portOf, sender } from "./_open.ts";
import { get32 } from "./attributes.ts";
import { eachMessage, encodeMessage, type Message } from "./message.ts";
import type { ExtendedAck } from "./netlink_error.ts";

export interface NetlinkOptions {
  /** Room for answers, in bytes; the system's default (net.core.rmem_default) unless told. */
  readonly receiveBufferBytes?: number | undefined;
  /** Whether the kernel checks requests for dumps strictly, and filters by them; true unless told. */
  readonly strict?: boolean | undefined;
  /** Hears what the kernel says to requests that it grants, as ip(8) prints after `Warning:`. */
  readonly onWarning?: ((told: ExtendedAck, request: string) => void) | undefined;
}

/** A request: what {@link NetlinkSocket.request} and {@link NetlinkSocket.dump} send. */
export interface NetlinkRequest {
  readonly type: number;
  /** NLM_F_CREATE, NLM_F_EXCL …; those of the exchange itself are added. */
  readonly flags?: number | undefined;
  /** The family's header and the attributes. */
  readonly payload: Uint8Array;
  /** How long the family's header in it is: from there on errors look for the attribute that they are about. */
  readonly headerLength?: number | undefined;
  /** For errors, as `"RTM_NEWLINK"`; the number unless told. */
  readonly name?: string | undefined;
  /** What it is about, for errors, as a link's name. */
  readonly subject?: string | undefined;
  /** Where CAP_NET_ADMIN is wanted, for errors: `"network"` unless told. */
  readonly privilege?: Privilege | undefined;
}

export interface DumpOptions extends C.WaitOptions {
  /** How often a dump is made again whose table changed meanwhile; 8 unless told. */
  readonly retries?: number | undefined;
}

/** The table changed in the midst of a dump, as often as it was made again. */
export class DumpInterruptedError extends Error {
  override readonly name = "DumpInterruptedError";
  readonly code = "DUMP_INTERRUPTED";

  constructor(request: string, tries: number) {
    super(
      `${request}: the table changed during each of ${tries} dumps (NLM_F_DUMP_INTR); none is consistent`,
    );
  }
}

/** Larger than any message of the kernel, whose dumps come in at most 32 KiB; one for all sockets of the thread. */
const BUFFER_BYTES = 256 * 1024;
const DEFAULT_RETRIES = 8;
/** So many requests may be in flight before their answers are taken out of the receive buffer. */
const IN_FLIGHT = 8;
/** So many buffers are read before the event loop has its turn. */
const READS_PER_TURN = 16;

/** Undefined while somebody reads with it: what hears an answer may make requests of other sockets. */
let sharedBuffer: Uint8Array | undefined;

/**
 * A channel to the kernel. Any number of requests may be in flight; dumps wait for each other, since the kernel makes one at a
 * time for a socket. For notifications see {@link NetlinkEvents}.
 */
export class NetlinkSocket implements Disposable {
  readonly #source: C.Source;
  readonly #exchanges: Exchanges;
  /** 0 where it is a test that is at the other end. */
  readonly #portId: number;
  readonly #onWarning: NetlinkOptions["onWarning"];
  #sequence = 0;
  #reading = false;
  /** In the midst of handing out answers: whoever hears them may make requests. */
  #receiving = false;
  /** An answer was lost: what is in flight when nothing more is there to read will not be answered. */
  #overrun = false;
  #dumps: Promise<unknown> = Promise.resolve();

  private constructor(source: C.Source, options: NetlinkOptions) {
    this.#source = source;
    this.#portId = portOf(source.fd);
    this.#exchanges = new Exchanges(this.#portId);
    this.#onWarning = options.onWarning;
    C.closeWhenForgotten(this, source);
  }

  /**
   * Opens a channel.
   * @param protocol which part of the kernel is at the other end
   * @throws {SysError} `EPROTONOSUPPORT` where this kernel does not have it
   * @see man 7 netlink
   */
  static open(protocol: NetlinkProtocol, options: NetlinkOptions = {}): NetlinkSocket {
    return new NetlinkSocket(new C.Source(openNetlink(protocol, options), "NetlinkSocket"), options);
  }

  /** @internal Over an fd at whose other end something else plays the kernel. */
  static over(fd: number, options: NetlinkOptions = {}): NetlinkSocket {
    C.startReactor();
    return new NetlinkSocket(new C.Source(fd, "NetlinkSocket"), options);
  }

  /** @internal Calls `make` in the network namespace of this socket. @throws {SysError} */
  inNamespace<T>(make: () => T): T {
    return inNamespaceOf(this.#source.open("setns"), make);
  }

  /** @internal Not where a test plays the kernel. */
  get isKernel(): boolean {
    return this.#portId !== 0;
  }

  get closed(): boolean {
    return this.#source.closed;
  }

  /**
   * Sends a request, and hears its answers until it is acknowledged.
   * @param take is called with each answer, whose bytes are only there during the call
   * @throws {NetlinkError} what the kernel refuses, with its reason
   * @throws {TypeError | RangeError} for a request that is none
   * @throws the signal's reason, or {@link TimeoutError}: the kernel may have done it all the same
   */
  request(
    request: NetlinkRequest,
    take: (message: Message) => void = () => {},
    options?: C.WaitOptions,
  ): Promise<void> {
    return this.#watched(request, take, options, async (watch) => {
      await this.#exchange(request, NLM_F_REQUEST | NLM_F_ACK, false, take, watch);
    });
  }

  /**
   * @internal Sends requests without NLM_F_ACK that the kernel answers with one message each, and takes the answers, which are there
   * before send(2) returns: nothing waits.
   * @param messages one behind the other; their sequence numbers are set here
   * @param take hears each answer, which may be an error, and which request it is for
   * @returns false where not all were answered, or where it cannot be done so now: each is to be asked by {@link request} then
   * @throws what `take` throws
   */
  requestNow(messages: Uint8Array, count: number, take: (index: number, message: Message) => void): boolean {
    const fd = this.#source.open("send");
    if (count === 0) return true;
    if (!this.isKernel || this.#reading || this.#exchanges.size > 0) return false;
    if (this.#sequence + count > 0xffff_ffff) this.#sequence = 0;
    const first = this.#sequence + 1;
    const view = new DataView(messages.buffer, messages.byteOffset, messages.length);
    for (let at = 0; at < messages.length; at += get32(messages, at))
      view.setUint32(at + 8, ++this.#sequence, true);
    if (send(fd, messages) < 0) return false;
    const buffer = sharedBuffer ?? new Uint8Array(BUFFER_BYTES);
    sharedBuffer = undefined;
    try {
      for (let left = count; left > 0; ) {
        const length = C.recvfrom(fd, buffer, C.MSG_TRUNC);
        if (length === -C.errno.EINTR) continue;
        if (length <= 0 || length > buffer.length) return false;
        if (sender() !== "kernel") continue;
        eachMessage(buffer, length, (message) => {
          const index = message.sequence - first;
          if (index < 0 || index >= count) return; // an answer that nobody waits for any more
          left--;
          take(index, message);
        });
      }
      return true;
    } finally {
      sharedBuffer = buffer;
    }
  }

  /**
   * Asks for a whole table. One that changes meanwhile is asked for again.
   * @param take gives the entry of a message, whose bytes are only there during the call, or `undefined` for one that is not wanted
   * @throws {DumpInterruptedError} where it changed in the first try and in each of `retries` more
   * @throws {RangeError} for `retries` below 0
   * @throws as {@link request}
   */
  dump<T>(
    request: NetlinkRequest,
    take: (message: Message) => T | undefined,
    options: DumpOptions = {},
  ): Promise<T[]> {
    return this.#watched(request, take, options, (watch) => {
      const { retries = DEFAULT_RETRIES } = options;
      if (!(retries >= 0)) throw new RangeError(`retries: expected 0 or more, got ${retries}`);
      this.#source.open(nameOf(request));
      const turn = this.#dumps.then(() => {
        if (this.closed) throw this.#source.error(C.errno.ECANCELED, nameOf(request));
        return this.#dump(request, take, retries, watch);
      });
      this.#dumps = turn.then(
        () => {},
        () => {},
      );
      return turn;
    });
  }

  async #dump<T>(
    request: NetlinkRequest,
    take: (message: Message) => T | undefined,
    retries: number,
    watch: Watch,
  ): Promise<T[]> {
    for (let tries = 0; tries <= retries && !watch.ended; tries++) {
      const entries: T[] = [];
      const hear = (message: Message): void => {
        const entry = take(message);
        if (entry !== undefined) entries.push(entry);
      };
      const { interrupted } = await this.#exchange(request, NLM_F_REQUEST | NLM_F_DUMP, true, hear, watch);
      if (!interrupted) return entries;
    }
    throw new DumpInterruptedError(nameOf(request), retries + 1);
  }

  #exchange(
    request: NetlinkRequest,
    flags: number,
    dump: boolean,
    take: (message: Message) => void,
    watch: Watch,
  ): Promise<Exchange> {
    const name = nameOf(request);
    this.#sequence = (this.#sequence % 0xffff_ffff) + 1; // 0 is for what nobody asked for
    const sequence = this.#sequence;
    const header = { type: request.type, flags: flags | (request.flags ?? 0), sequence };
    const bytes = encodeMessage(header, request.payload);
    return new Promise<Exchange>((resolve, reject) => {
      C.check(send(this.#source.open(name), bytes), name);
      const exchange: Exchange = {
        name,
        bytes,
        headerLength: request.headerLength,
        subject: request.subject,
        privilege: request.privilege ?? "network",
        warn: this.#onWarning && ((told) => this.#onWarning?.(told, name)),
        dump,
        take,
        interrupted: false,
        failure: undefined,
        resolve: () => resolve(exchange),
        reject,
      };
      this.#exchanges.add(sequence, exchange);
      watch.abandon = () => this.#exchanges.abandon(sequence);
      this.#read();
    });
  }

  /** Reads while anything is in flight. */
  #read(): void {
    if (this.#reading) {
      if (!this.#receiving && this.#exchanges.size >= IN_FLIGHT) this.#readNow();
      return;
    }
    this.#reading = true;
    const stop = (reason?: unknown): void => {
      this.#reading = false;
      if (reason !== undefined) this.#exchanges.failAll(reason);
      if (this.#exchanges.size > 0) this.#read(); // begun since the last one ended
    };
    this.#source.run("read", "recvfrom", this, () => this.#receive(), undefined).then(() => stop(), stop);
  }

  /** The kernel has answered before send(2) returns: what is taken out now leaves room for the next answers. */
  #readNow(): void {
    try {
      this.#receive();
    } catch (reason) {
      this.#exchanges.failAll(reason);
    }
    this.#source.wake("read"); // whoever waits may have nothing more to wait for
  }

  /** @returns once nothing is in flight */
  #receive(): undefined | C.WouldBlock | typeof C.YIELD {
    const buffer = sharedBuffer ?? new Uint8Array(BUFFER_BYTES);
    sharedBuffer = undefined;
    this.#receiving = true;
    try {
      for (let reads = 0; this.#exchanges.size > 0; reads++) {
        if (reads === READS_PER_TURN) return C.YIELD;
        const count = this.#receiveOnce(buffer);
        if (count === -C.errno.EAGAIN) return C.WOULD_BLOCK;
      }
      return undefined;
    } finally {
      sharedBuffer = buffer;
      this.#receiving = false;
    }
  }

  /** @returns the number of bytes, or -EAGAIN where there are none and something is still in flight */
  #receiveOnce(buffer: Uint8Array): number {
    if (this.#source.closed) throw this.#source.error(C.errno.ECANCELED, "recvfrom");
    const count = C.recvfrom(this.#source.fd, buffer, C.MSG_TRUNC);
    if (count === -C.errno.EINTR) return count;
    if (count === -C.errno.ENOBUFS) {
      // Which answers are missing nobody can tell. The parts of a dump are made as they are read, and never lost.
      this.#overrun = true;
      this.#exchanges.failRequests(overrun("recvfrom"));
    } else if (count === -C.errno.EAGAIN && this.#overrun) {
      // The kernel has answered before send(2) returns, and continues a dump while it is read: no more will come.
      this.#overrun = false;
      this.#exchanges.failAll(overrun("recvfrom"));
      return 0;
    } else if (count === -C.errno.EAGAIN) return count;
    else if (count < 0) throw this.#source.error(count, "recvfrom");
    else if (sender() !== "stranger") {
      if (count === 0 && sender() === undefined) throw this.#source.error(C.errno.ECONNRESET, "recvfrom");
      if (count > buffer.length) throw this.#source.error(C.errno.EMSGSIZE, "recvfrom");
      this.#exchanges.receive(buffer, count);
    }
    return count;
  }

  /** Runs an exchange that a signal or a timeout may end. */
  #watched<T>(
    request: NetlinkRequest,
    take: (message: Message) => unknown,
    options: C.WaitOptions | undefined,
    start: (watch: Watch) => Promise<T>,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      checkRequest(request, take);
      C.checkWait(options);
      const watch: Watch = { ended: false, abandon: undefined };
      const end = (reason: unknown): void => {
        watch.ended = true;
        watch.abandon?.();
        reject(reason);
      };
      const cancel = (reason: unknown): void => {
        if (reason instanceof C.TimeoutError && !this.closed) {
          // The loop may have been too busy to see what arrived before the timeout: look once more, and let it settle.
          this.#source.wake("read");
          setImmediate(end, reason);
        } else end(reason);
      };
      const unwatch = C.watchWait(options, nameOf(request), () => undefined, cancel);
      start(watch)
        .then(resolve, reject)
        .finally(() => unwatch?.());
    });
  }

  /** Makes what waits from now on keep the process alive, as it does by default. */
  ref(): this {
    this.#source.setReferenced(true);
    return this;
  }

  /** Lets the process end though a request is in flight. */
  unref(): this {
    this.#source.setReferenced(false);
    return this;
  }

  /** Closes the channel; requests in flight reject with `ECANCELED`. */
  close(): void {
    this.#source.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** What a waiting call is told to do when it is cancelled. */
interface Watch {
  ended: boolean;
  abandon: (() => void) | undefined;
}

function nameOf({ name, type }: NetlinkRequest): string {
  return name ?? `netlink request ${type}`;
}

/** @throws {TypeError | RangeError} */
function checkRequest(request: NetlinkRequest, take: unknown): void {
  if (typeof request !== "object" || request === null) {
    throw new TypeError(`request: expected an object, got ${String(request)}`);
  }
  const { type, flags = 0, payload } = request;
  for (const [name, value] of [
    ["type", type],
    ["flags", flags],
  ] as const) {
    if (Number.isInteger(value) && value >= 0 && value <= 0xffff) continue;
    throw new RangeError(`${name}: expected an integer 0 … 65535, got ${String(value)}`);
  }
  if (!(payload instanceof Uint8Array)) {
    throw new TypeError(`payload: expected a Uint8Array, got ${String(payload)}`);
  }
  if (typeof take !== "function") throw new TypeError(`take: expected a function, got ${String(take)}`);
}

/** The kernel works on a request while it is sent: the call never waits. */
function send(fd: number, bytes: Uint8Array): number {
  for (;;) {
    const count = C.send(fd, bytes, 0);
    if (count !== -C.errno.EINTR) return count;
  }
}
