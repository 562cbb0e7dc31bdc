/** TcpStream: a TCP connection, from a name to bytes and back. */
import type { SocketAddr } from "../ip/index.ts";
import { type Family, type Resolver, resolveTarget, splitTarget, type Target } from "../names/index.ts";
import * as C from "../sys/index.ts";
import { bindFd } from "./_bind.ts";
import { type ConnectAttempt, ConnectError, race } from "./_race.ts";
import { addressOf, adoptFd, familyOf, fdNumber, openSocket } from "./_socket.ts";
import { StreamSocket } from "./_stream.ts";
import { ZeroCopy, type ZeroCopyResult } from "./_zero_copy.ts";
import { type OptionSetting, SO, TCP } from "./options.ts";
import type { OwnedFd } from "./owned_fd.ts";

/** RFC 8305 §8 recommends 250 ms. */
const ATTEMPT_DELAY_MS = 250;

export interface ConnectOptions extends C.WaitOptions {
  /** Only addresses of this family. */
  readonly family?: Family | undefined;
  /** Who resolves the name; the system by default. */
  readonly resolver?: Resolver | undefined;
  /** How long an attempt may take before the next one starts beside it, RFC 8305 §5; 250 by default. */
  readonly attemptDelayMs?: number | undefined;
  /** The address, and with a port not 0 the port, to connect from. */
  readonly localAddr?: SocketAddr | undefined;
  /** What is set before connecting, as `SO.RCVBUF.to(65536)`. */
  readonly options?: readonly OptionSetting[] | undefined;
  /** Called when an attempt starts and when it ends. */
  readonly onAttempt?: ((attempt: ConnectAttempt) => void) | undefined;
}

/** A resolver may be deaf to its signal; who waits for it is not. */
function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

function peerBytes(fd: number): Uint8Array {
  const bytes = C.getpeername(fd);
  if (typeof bytes === "number") throw new C.SysError(bytes, "getpeername");
  return bytes;
}

/** A TCP connection. */
export class TcpStream extends StreamSocket<SocketAddr> {
  #peerAddr: SocketAddr | undefined;
  #zeroCopy: ZeroCopy | undefined;

  /** @internal Takes ownership of a connected, non-blocking fd. */
  static fromConnected(fd: number, peerBytes: Uint8Array): TcpStream {
    return new TcpStream(new C.Source(fd, "TcpStream"), peerBytes);
  }

  private constructor(source: C.Source, peerBytes: Uint8Array) {
    super(source);
    source.peer = peerBytes;
  }

  /**
   * Takes over a connected TCP socket from elsewhere: an fd that was passed over a local socket, inherited from a parent
   * process, or given away by {@link intoFd}. Closing it is this object's from now on.
   * @throws {TypeError} where it is no TCP socket; the fd stays the caller's then
   * @throws {SysError} `ENOTCONN` where it is not connected; `EBADF`, `ENOTSOCK`
   */
  static fromFd(fd: number | OwnedFd): TcpStream {
    const what = "a TCP socket";
    const number = fdNumber(fd);
    const peer = C.getpeername(number);
    if (typeof peer === "number") throw new C.SysError(peer, "getpeername", { address: `fd ${number}` });
    return TcpStream.fromConnected(adoptFd(fd, [C.AF_INET, C.AF_INET6], C.SOCK_STREAM, what), peer);
  }

  /**
   * Resolves the name and tries its addresses, staggered and with the families in turn, until one answers (RFC 8305).
   * An address with a port needs no resolver.
   *
   * @param target `"localhost:2000"`, `"example.org:http"`, `"[::1]:80"`, a SocketAddr, or `{ host, port }`
   * @throws {ConnectError} a name, none of whose addresses answered: it holds every attempt
   * @throws {SysError} an address that did not answer: `ECONNREFUSED`, `ETIMEDOUT`, `ENETUNREACH` …
   * @throws {ResolveError} the name or the service is not known
   * @throws {AddressError} the target is not of the form above
   * @throws {TimeoutError} or the signal's reason; everything is closed then
   */
  static async connect(target: Target, options: ConnectOptions = {}): Promise<TcpStream> {
    C.checkWait(options);
    const { attemptDelayMs = ATTEMPT_DELAY_MS } = options;
    C.checkDelay("attemptDelayMs", attemptDelayMs);
    const startedAt = performance.now();
    const split = splitTarget(target);
    const label = "host" in split ? `${split.host}:${split.service}` : split.toString();
    const controller = new AbortController();
    const unwatch = C.watchWait(
      options,
      "connect",
      () => label,
      (reason) => controller.abort(reason),
    );
    const { signal } = controller;
    try {
      const asked = { family: options.family, resolver: options.resolver, signal };
      const addresses = await unlessAborted(signal, resolveTarget(split, asked));
      if (!("host" in split) && options.onAttempt === undefined) {
        return await TcpStream.#attempt(split, options, signal);
      }
      return await race({
        target: label,
        addresses,
        attemptDelayMs,
        startedAt,
        onAttempt: options.onAttempt,
        signal,
        connect: (address, losing) => TcpStream.#attempt(address, options, losing),
      }).catch((error) => {
        // An address that was given as such has one attempt, and its own error says it all.
        throw !("host" in split) && error instanceof ConnectError ? error.errors[0] : error;
      });
    } finally {
      unwatch?.();
    }
  }

  /** One address: a socket, a handshake. What it opened is closed where it rejects. */
  static async #attempt(
    address: SocketAddr,
    options: ConnectOptions,
    signal: AbortSignal,
  ): Promise<TcpStream> {
    const details = { address: address.toString() };
    const bytes = C.encodeSockaddr(address);
    const fd = openSocket(familyOf(address), C.SOCK_STREAM, options.options ?? [], (fd) => {
      if (options.localAddr !== undefined) bindFd(fd, options.localAddr);
      const begun = C.connect(fd, bytes);
      if (begun !== -C.errno.EINPROGRESS && begun !== -C.errno.EINTR) C.check(begun, "connect", details);
    });
    const stream = TcpStream.fromConnected(fd, bytes);
    const connected = (): true | C.WouldBlock => {
      if (C.check(C.pollNow(fd, C.POLLOUT), "poll") === 0) return C.WOULD_BLOCK;
      const error = C.check(C.getsockoptInt(fd, C.SOL_SOCKET, C.SO_ERROR), "getsockopt");
      if (error !== 0) throw new C.SysError(error, "connect", details);
      return true;
    };
    try {
      await stream.source.run("write", "connect", stream, connected, { signal });
      if (address.ip.isUnspecified) stream.source.peer = peerBytes(fd); // the kernel took it for loopback
      stream.#refuseItself(address);
      return stream;
    } catch (error) {
      stream.close();
      throw error;
    }
  }

  /**
   * A connect to a port of this host that nobody listens on may be given that very port as its own, and TCP then
   * connects the socket to itself (RFC 9293 §3.5, simultaneous open). Nobody wants that.
   */
  #refuseItself(address: SocketAddr): void {
    if (address.port < 1024) return; // never an ephemeral port
    const local = C.getsockname(this.source.fd);
    if (typeof local === "number") return;
    this.localBytes = local;
    const peer = this.source.peer as Uint8Array;
    // Family, port and address agree; the scope id and the flow information do not matter.
    const length = address.ip.version === 4 ? 8 : 24;
    for (let i = 0; i < length; i++) if (local[i] !== peer[i] && (length === 8 || i < 4 || i >= 8)) return;
    this.setOption(SO.LINGER, 0); // or the port would stay in TIME_WAIT, connected to itself
    throw new C.SysError(C.errno.ECONNREFUSED, "connect", { address: address.toString() });
  }

  /** The address of the other side. It stays known after close. */
  get peerAddr(): SocketAddr {
    this.#peerAddr ??= addressOf(this.source.peer as Uint8Array, "getpeername");
    return this.#peerAddr;
  }

  protected override describe(): string {
    return `${this.localAddr} → ${this.peerAddr}`;
  }

  /**
   * Has the kernel send from the caller's memory (MSG_ZEROCOPY): cheaper than {@link writeAll} from some 10 KiB per call up,
   * over a real network. The bytes must not change before it has ended; after a rejection, not before the connection is
   * closed.
   * @returns when the kernel has done with the bytes, which is when the peer's has acknowledged them, and whether it
   * copied them after all
   * @throws as {@link writeAll}
   * @see Documentation/networking/msg_zerocopy.rst of the kernel
   */
  async writeZeroCopy(bytes: Uint8Array, options: C.WaitOptions = {}): Promise<ZeroCopyResult> {
    if (!(bytes instanceof Uint8Array)) {
      throw new TypeError(`bytes: expected a Uint8Array, got ${typeof bytes}`);
    }
    this.#zeroCopy ??= new ZeroCopy(this.source);
    const zeroCopy = this.#zeroCopy;
    const ids: number[] = [];
    let sent = 0;
    let copied = false;
    const attempt = (): true | C.WouldBlock => {
      while (sent < bytes.length) {
        const taken = zeroCopy.send(sent === 0 ? bytes : bytes.subarray(sent));
        if (taken === C.WOULD_BLOCK) return C.WOULD_BLOCK;
        if (taken.id === undefined) copied = true;
        else ids.push(taken.id);
        sent += taken.count;
        this.countWritten(taken.count);
      }
      return true;
    };
    await this.source.run("write", "send", this, attempt, options);
    const result = await zeroCopy.finished(ids, this, options);
    return { copied: copied || result.copied };
  }

  /**
   * The kernel's account of the connection, under the kernel's names: times in
   * microseconds unless the kernel says otherwise, sizes in bytes. A field that this kernel lacks is `undefined`.
   * @see man 7 tcp, TCP_INFO; include/uapi/linux/tcp.h
   */
  info(): C.TcpInfo {
    return this.getOption(TCP.INFO);
  }
}
