/** SocketDuplex: a stream socket as Node's Duplex, with what libraries look for in a net.Socket. */
import type { AddressInfo } from "node:net";
import { SocketAddr } from "../ip/index.ts";
import { after, checkDelay, errno, SysError } from "../sys/index.ts";
import type { ByteStream } from "./_byte_stream.ts";
import { type DuplexOptions, StreamDuplex } from "./_duplex.ts";
import { SO, TCP } from "./options.ts";

// What setKeepAlive sets beside the delay, as documented for net.Socket.
const KEEPALIVE_PROBES = 10;
const KEEPALIVE_INTERVAL_SECONDS = 1;

const textOf = ({ ip, zone }: SocketAddr): string => (zone === undefined ? `${ip}` : `${ip}%${zone}`);
const familyOf = ({ ip }: SocketAddr): "IPv4" | "IPv6" => (ip.version === 4 ? "IPv4" : "IPv6");

/**
 * Whether `node:tls` or `node:http2` runs on it. Their wrapper of a Duplex ends it itself, perhaps long after the peer
 * has: when what was encrypted is read, and what they have to say is written. All that would be lost if the Duplex
 * ended by itself. Nothing public tells that it is there, but what it does at the end of a stream.
 * @see lib/internal/js_stream_socket.js of Node
 */
function isWrapped(duplex: StreamDuplex): boolean {
  return duplex.listeners("end").some((listener) => String(listener).includes("emitEOF"));
}

/**
 * A connection as one of Node's streams, made by `toDuplex()`. Where nothing else is said it behaves as a `net.Socket`
 * does, so that `node:http`, `node:tls` and libraries that expect a socket run on it. What concerns IP and TCP does
 * nothing, or is undefined, on a socket of another family.
 * @see https://nodejs.org/api/net.html#class-netsocket
 */
export class SocketDuplex extends StreamDuplex {
  /** The IP address of this side; undefined once closed. */
  declare readonly localAddress?: string;
  declare readonly localPort?: number;
  /** `"IPv4"` or `"IPv6"`. */
  declare readonly localFamily?: string;
  /** What {@link setTimeout} was told, in milliseconds. */
  declare timeout?: number;
  #hadError = false;
  #timer: NodeJS.Timeout | undefined;
  /** How far the writing had come when the timer last looked. */
  #seenWritten = 0;

  /** @internal */
  constructor(stream: ByteStream | undefined, options: DuplexOptions = {}) {
    super(stream, options);
    if (options.noDelay !== false) this.setNoDelay();
    if (!this.allowHalfOpen) this.once("end", this.#onEnd);
  }

  #onEnd(): void {
    // Read by TLS from its own beginning on as false, so that what runs on TLS ends with its peer.
    if (isWrapped(this)) this.allowHalfOpen = true;
    else this.#refuseWrites();
  }

  /** As a `net.Socket` words it, where a Duplex of its own would say ERR_STREAM_WRITE_AFTER_END. */
  #refuseWrites(): void {
    const write = this.write;
    this.write = (...args: unknown[]): boolean => {
      if (!this.writableEnded) return Reflect.apply(write, this, args);
      const hint = "the peer has ended the connection, and so has this side";
      const error = new SysError(errno.EPIPE, "send", { hint });
      const done = args.findLast((arg) => typeof arg === "function");
      if (done !== undefined) process.nextTick(done, error);
      this.destroy(error);
      return false;
    };
  }

  /** 'close' tells whether there was an error, as with a net.Socket. */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    return event === "close" ? super.emit(event, this.#hadError) : super.emit(event, ...args);
  }

  #peer(): SocketAddr | undefined {
    const address = this.byteStream?.peerAddr;
    return address instanceof SocketAddr ? address : undefined;
  }

  #local(): SocketAddr | undefined {
    if (this.byteStream === undefined || this.byteStream.closed) return undefined;
    const address = this.byteStream.localAddr;
    return address instanceof SocketAddr ? address : undefined;
  }

  /** The peer's IP address, with its zone where it has one. */
  get remoteAddress(): string | undefined {
    const peer = this.#peer();
    return peer && textOf(peer);
  }

  get remotePort(): number | undefined {
    return this.#peer()?.port;
  }

  /** `"IPv4"` or `"IPv6"`. */
  get remoteFamily(): string | undefined {
    const peer = this.#peer();
    return peer && familyOf(peer);
  }

  static {
    // TypeScript has no optional accessors, and to be taken for a net.Socket these have to be optional.
    const define = (name: string, of: (address: SocketAddr) => unknown): void => {
      const get = function (this: SocketDuplex): unknown {
        const local = this.#local();
        return local && of(local);
      };
      Object.defineProperty(SocketDuplex.prototype, name, { get, configurable: true });
    };
    define("localAddress", textOf);
    define("localPort", ({ port }) => port);
    define("localFamily", familyOf);
  }

  /** The address of this side; an empty object without one. */
  address(): AddressInfo | Record<string, never> {
    const local = this.#local();
    return local === undefined ? {} : { address: textOf(local), family: familyOf(local), port: local.port };
  }

  /** Which addresses were tried, as `address:port`: none where the connection was made before it became a Duplex. */
  get autoSelectFamilyAttemptedAddresses(): string[] {
    return [];
  }

  /** `writableLength` under its old name. */
  get bufferSize(): number {
    return this.writableLength;
  }

  /** Whether there is no connection, or not yet. */
  get pending(): boolean {
    return this.byteStream === undefined || this.destroyed;
  }

  get readyState(): "opening" | "open" | "readOnly" | "writeOnly" | "closed" {
    if (this.connecting) return "opening";
    if (this.readable) return this.writable ? "open" : "readOnly";
    return this.writable ? "writeOnly" : "closed";
  }

  /**
   * TCP_NODELAY: sends small segments at once.
   * @throws {SysError}
   */
  setNoDelay(noDelay = true): this {
    return this.#set((stream) => stream.setOption(TCP.NODELAY, noDelay));
  }

  /**
   * SO_KEEPALIVE, and with a delay how long the connection is idle before the first of 10 probes, one a second.
   * @param initialDelayMs cut to whole seconds; less than 1000 leaves the system's setting
   * @throws {SysError}
   */
  setKeepAlive(enable = false, initialDelayMs = 0): this {
    const seconds = Math.trunc(initialDelayMs / 1000);
    return this.#set((stream) => {
      stream.setOption(SO.KEEPALIVE, enable);
      if (!enable || seconds < 1) return;
      stream.setOption(TCP.KEEPIDLE, seconds);
      stream.setOption(TCP.KEEPINTVL, KEEPALIVE_INTERVAL_SECONDS);
      stream.setOption(TCP.KEEPCNT, KEEPALIVE_PROBES);
    });
  }

  #set(apply: (stream: ByteStream) => void): this {
    if (this.destroyed) return this;
    this.whenConnected((stream) => {
      if (!stream.closed && this.#peer() !== undefined) apply(stream);
    });
    return this;
  }

  /**
   * Emits 'timeout' when no byte has moved for so long, and does nothing else: destroying is the listener's. 0 ends it.
   * It does not keep the process alive.
   * @throws {TypeError | RangeError} for what is not a number, or is negative
   */
  setTimeout(timeoutMs: number, onTimeout?: () => void): this {
    checkDelay("timeoutMs", timeoutMs);
    if (this.destroyed) return this;
    clearTimeout(this.#timer);
    this.timeout = timeoutMs;
    this.#seenWritten = this.byteStream?.bytesWritten ?? 0;
    this.#timer =
      timeoutMs === 0 ? undefined : after(timeoutMs, () => this.enter(this.#onTime, undefined))?.unref();
    if (onTimeout !== undefined) {
      if (timeoutMs === 0) this.removeListener("timeout", onTimeout);
      else this.once("timeout", onTimeout);
    }
    return this;
  }

  protected override onActivity(): void {
    if (this.#timer === undefined) return;
    this.#timer.refresh();
    this.#seenWritten = this.byteStream?.bytesWritten ?? 0;
  }

  #onTime(): void {
    const written = this.byteStream?.bytesWritten ?? 0;
    if (written !== this.#seenWritten) {
      // The kernel has taken a part of a large write meanwhile.
      this.#seenWritten = written;
      this.#timer?.refresh();
    } else this.emit("timeout");
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#hadError = error !== null;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    super._destroy(error, done);
  }

  /** Ends this side, and destroys the stream when all is written. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy());
  }

  /** Destroys the stream and has TCP tell the peer by a reset. */
  resetAndDestroy(): this {
    if (this.connecting) this.once("connect", () => this.resetAndDestroy());
    else {
      this.#set((stream) => stream.setOption(SO.LINGER, 0));
      this.destroy();
    }
    return this;
  }

  /**
   * For libraries that connect what they are given: it is connected, and says so by 'connect' in the next tick. The
   * arguments, besides a listener, are not looked at.
   */
  connect(...args: unknown[]): this {
    const listener = args.findLast((arg) => typeof arg === "function");
    if (listener !== undefined) this.once("connect", listener as () => void);
    process.nextTick(() => {
      if (this.destroyed) return;
      this.emit("connect");
      this.emit("ready");
    });
    return this;
  }
}
