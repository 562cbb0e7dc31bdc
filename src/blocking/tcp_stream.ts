/** TcpStream, blocking: a TCP connection, from a name to bytes and back. */
import type { SocketAddr } from "../ip/index.ts";
import { type Family, splitTarget, type Target } from "../names/index.ts";
import {
  addressOf,
  bindFd,
  type ConnectAttempt,
  ConnectError,
  familyOf,
  fdNumber,
  type OptionSetting,
  type OwnedFd,
  SO,
  TCP,
} from "../socket/index.ts";
import * as C from "../sys/index.ts";
import { race } from "./_race.ts";
import { openSocket } from "./_socket.ts";
import { StreamSocket } from "./_stream.ts";
import { deadlineOf, type WaitOptions } from "./_wait.ts";
import { type Resolver, resolveTarget } from "./resolver.ts";

/** RFC 8305 §8 recommends 250 ms. */
const ATTEMPT_DELAY_MS = 250;

export interface ConnectOptions extends WaitOptions {
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
  /** Called when an attempt starts and when it ends. What it throws ends the connect. */
  readonly onAttempt?: ((attempt: ConnectAttempt) => void) | undefined;
}

function peerBytesOf(fd: number, details?: { readonly address: string }): Uint8Array {
  const bytes = C.getpeername(fd);
  if (typeof bytes === "number") throw new C.SysError(bytes, "getpeername", details);
  return bytes;
}

/** A TCP connection. */
export class TcpStream extends StreamSocket<SocketAddr> {
  #peerAddr: SocketAddr | undefined;

  /** @internal Takes ownership of a connected, blocking fd. */
  static fromConnected(fd: number, peerBytes: Uint8Array): TcpStream {
    return new TcpStream(new C.Source(fd, "TcpStream"), peerBytes);
  }

  private constructor(source: C.Source, peerBytes: Uint8Array) {
    super(source);
    source.peer = peerBytes;
  }

  /**
   * Takes over a connected TCP socket from elsewhere: an fd from another thread, inherited from a parent process, or
   * given away by {@link intoFd}. It becomes blocking, and closing it is this object's from now on.
   * @throws {TypeError} where it is no TCP socket; the fd stays the caller's then
   * @throws {SysError} `ENOTCONN` where it is not connected; `EBADF`, `ENOTSOCK`
   */
  static fromFd(fd: number | OwnedFd): TcpStream {
    const number = fdNumber(fd);
    const peer = peerBytesOf(number, { address: `fd ${number}` });
    const make = (own: number): TcpStream => TcpStream.fromConnected(own, peer);
    return TcpStream.adopt(fd, [C.AF_INET, C.AF_INET6], C.SOCK_STREAM, "a TCP socket", make);
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
   * @throws {TimeoutError} the lookup and all attempts have not ended in time; everything is closed then
   */
  static connect(target: Target, options: ConnectOptions = {}): TcpStream {
    const startedAt = performance.now();
    const deadline = deadlineOf(options);
    const { attemptDelayMs = ATTEMPT_DELAY_MS, onAttempt } = options;
    C.checkDelay("attemptDelayMs", attemptDelayMs);
    const split = splitTarget(target);
    const label = "host" in split ? `${split.host}:${split.service}` : split.toString();
    const late = (): C.TimeoutError => new C.TimeoutError("connect", options.timeoutMs ?? 0, label);
    let addresses: SocketAddr[];
    try {
      addresses = resolveTarget(split, options, deadline);
    } catch (error) {
      throw error instanceof C.TimeoutError ? late() : error;
    }
    try {
      const begin = (address: SocketAddr): C.Source => TcpStream.#begin(address, options);
      const winner = race({
        target: label,
        addresses,
        attemptDelayMs,
        startedAt,
        deadline,
        onAttempt,
        begin,
        confirm,
      });
      if (winner === undefined) throw late();
      return TcpStream.#connected(winner);
    } catch (error) {
      // An address that was given as such has one attempt, and its own error says it all.
      throw !("host" in split) && error instanceof ConnectError ? error.errors[0] : error;
    }
  }

  /** Begins a handshake: non-blocking, so that poll(2) can wait for it, and for others beside it. */
  static #begin(address: SocketAddr, options: ConnectOptions): C.Source {
    const details = { address: address.toString() };
    const bytes = C.encodeSockaddr(address);
    const type = C.SOCK_STREAM | C.SOCK_NONBLOCK;
    return openSocket("TcpStream", familyOf(address), type, options.options ?? [], (fd) => {
      if (options.localAddr !== undefined) bindFd(fd, options.localAddr);
      const begun = C.connect(fd, bytes);
      if (begun !== -C.errno.EINPROGRESS && begun !== -C.errno.EINTR) C.check(begun, "connect", details);
    });
  }

  static #connected(source: C.Source): TcpStream {
    try {
      C.check(C.fcntl(source.fd, C.F_SETFL, 0), "fcntl"); // O_NONBLOCK was all that was set
      return new TcpStream(source, peerBytesOf(source.fd));
    } catch (error) {
      source.close();
      throw error;
    }
  }

  /** The address of the other side. It stays known after close. */
  get peerAddr(): SocketAddr {
    this.#peerAddr ??= addressOf<SocketAddr>(this.source.peer as Uint8Array, "getpeername");
    return this.#peerAddr;
  }

  protected override describe(): string {
    return `${this.localAddr} → ${this.peerAddr}`;
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

/**
 * A connect to a port of this host that nobody listens on may be given that very port as its own, and TCP then
 * connects the socket to itself (RFC 9293 §3.5, simultaneous open). Nobody wants that.
 */
function confirm(fd: number, address: SocketAddr): void {
  if (address.port < 1024) return; // never an ephemeral port
  const [local, peer] = [C.getsockname(fd), C.getpeername(fd)];
  if (typeof local === "number" || typeof peer === "number") return;
  // Family, port and address agree; the scope id and the flow information do not matter.
  const length = address.ip.version === 4 ? 8 : 24;
  for (let i = 0; i < length; i++) if (local[i] !== peer[i] && (length === 8 || i < 4 || i >= 8)) return;
  const { level, optname, bytes } = SO.LINGER.to(0); // or the port would stay in TIME_WAIT, connected to itself
  C.setsockopt(fd, level, optname, bytes);
  throw new C.SysError(C.errno.ECONNREFUSED, "connect", { address: address.toString() });
}
