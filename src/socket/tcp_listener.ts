/** TcpListener: waits on a port and accepts connections. */
import { Ipv4Addr, Ipv6Addr, SocketAddr } from "../ip/index.ts";
import * as C from "../sys/index.ts";
import { openSocket, Socket } from "./_socket.ts";
import { IPV6, type OptionSetting, SO } from "./options.ts";
import { TcpStream } from "./tcp_stream.ts";

export interface ListenOptions {
  /** How many finished handshakes may wait for accept; the kernel caps it at net.core.somaxconn. 4096 by default. */
  readonly backlog?: number | undefined;
  /** SO_REUSEADDR, true by default: binds though connections of an earlier listener are in TIME_WAIT. */
  readonly reuseAddr?: boolean | undefined;
  /** SO_REUSEPORT: several listeners share the port. */
  readonly reusePort?: boolean | undefined;
  /** IPV6_V6ONLY: false by default, so that `[::]` takes IPv4 too, whatever net.ipv6.bindv6only says. */
  readonly ipv6Only?: boolean | undefined;
  /** What is set before bind, as `SO.RCVBUF.to(65536)`; accepted connections inherit it. */
  readonly options?: readonly OptionSetting[] | undefined;
  /**
   * Told when accepting has to pause because the process or the system is out of files or memory. Accepting goes on
   * by itself, and connections wait in the backlog. Without it, a warning is emitted once for each such time.
   */
  readonly onPause?: ((error: C.SysError) => void) | undefined;
}

const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 1000;

/** Out of files or memory: it passes, and trying again at once would only spin. */
const SHORTAGES: readonly number[] = [C.errno.EMFILE, C.errno.ENFILE, C.errno.ENOBUFS, C.errno.ENOMEM];

/** The connection failed before it was accepted: man 2 accept, "Error handling". The next one may be fine. */
const PASSED_ON: readonly number[] = [
  C.errno.ECONNABORTED,
  C.errno.EINTR,
  C.errno.ENETDOWN,
  C.errno.EPROTO,
  C.errno.ENOPROTOOPT,
  C.errno.EHOSTDOWN,
  C.errno.ENONET,
  C.errno.EHOSTUNREACH,
  C.errno.EOPNOTSUPP,
  C.errno.ENETUNREACH,
  C.errno.EPERM, // firewall rules
];

/** A socket that listens for TCP connections. */
export class TcpListener extends Socket {
  readonly #onPause: ((error: C.SysError) => void) | undefined;
  #pauseMs = 0;
  #pauseTimer: NodeJS.Timeout | undefined;

  private constructor(source: C.Source, onPause: ((error: C.SysError) => void) | undefined) {
    super(source);
    this.#onPause = onPause;
  }

  /**
   * Binds and listens.
   * @param address `"127.0.0.1:2000"`, `"[::1]:0"` (0 lets the kernel choose), a SocketAddr, or a port alone: then on
   * every address of both families, or of IPv4 where this host has no IPv6. Names are not looked up here: see `resolve`.
   * @throws {SysError} `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL` …
   * @throws {AddressError} the text is no address with a port
   */
  static override bind(address: string | number | SocketAddr, options: ListenOptions = {}): TcpListener {
    if (typeof address === "string") return TcpListener.#bind(SocketAddr.parse(address), options);
    if (address instanceof SocketAddr) return TcpListener.#bind(address, options);
    if (typeof address !== "number") {
      throw new TypeError(`address: expected "host:port", a SocketAddr, or a port, got ${typeof address}`);
    }
    try {
      return TcpListener.#bind(SocketAddr.of(Ipv6Addr.UNSPECIFIED, address), options);
    } catch (error) {
      const noIpv6 = error instanceof C.SysError && ["EAFNOSUPPORT", "EADDRNOTAVAIL"].includes(error.code);
      if (!noIpv6 || options.ipv6Only === true) throw error;
      return TcpListener.#bind(SocketAddr.of(Ipv4Addr.UNSPECIFIED, address), options);
    }
  }

  static #bind(address: SocketAddr, options: ListenOptions): TcpListener {
    const { backlog = C.SOMAXCONN, reuseAddr = true, reusePort = false, ipv6Only = false } = options;
    if (!Number.isInteger(backlog) || backlog < 0 || backlog > 0x7fffffff) {
      throw new RangeError(`backlog: expected a whole number from 0 to 2147483647, got ${String(backlog)}`);
    }
    const settings = [...(options.options ?? []), SO.REUSEADDR.to(reuseAddr), SO.REUSEPORT.to(reusePort)];
    const v6Only = IPV6.V6ONLY.to(ipv6Only);
    if (address.ip.version === 6) settings.push(v6Only);
    const details = { address: address.toString() };
    const fd = openSocket(address, C.SOCK_STREAM, settings, (fd) => {
      C.check(C.bind(fd, C.encodeSockaddr(address)), "bind", details);
      C.check(C.listen(fd, backlog), "listen", details);
    });
    return new TcpListener(new C.Source(fd, "TcpListener"), options.onPause);
  }

  /**
   * The next connection. Connections that failed before they were accepted are passed over; where the process or the
   * system is out of files or memory, it waits and goes on (see {@link ListenOptions.onPause}).
   * @throws {SysError} `ECANCELED` where the listener is closed meanwhile
   * @throws the signal's reason, or {@link TimeoutError}; no connection is lost then
   * @see man 2 accept
   */
  accept(options?: C.WaitOptions): Promise<TcpStream> {
    return this.source.run("read", "accept", this, () => this.#accept(), options);
  }

  /** The next connection that waits now, or {@link WOULD_BLOCK}. */
  tryAccept(): TcpStream | C.WouldBlock {
    this.source.open("accept");
    return this.source.read.first !== undefined ? C.WOULD_BLOCK : this.#accept();
  }

  #accept(): TcpStream | C.WouldBlock {
    for (;;) {
      const fd = C.accept4(this.source.fd, C.SOCK_NONBLOCK | C.SOCK_CLOEXEC);
      if (fd >= 0) {
        this.#pauseMs = 0;
        return TcpStream.fromConnected(fd, C.acceptedAddress());
      }
      if (fd === -C.errno.EAGAIN) return C.WOULD_BLOCK;
      if (SHORTAGES.includes(-fd)) {
        this.#pause(new C.SysError(fd, "accept", { address: this.localAddr.toString() }));
        return C.WOULD_BLOCK;
      }
      if (!PASSED_ON.includes(-fd))
        throw new C.SysError(fd, "accept", { address: this.localAddr.toString() });
    }
  }

  /** The kernel will not tell when there are files again: try again later, and later still. */
  #pause(error: C.SysError): void {
    if (this.#pauseMs === 0) {
      if (this.#onPause !== undefined) this.#onPause(error);
      else
        process.emitWarning(`${error.message}; accepting goes on when it can`, {
          type: "WindsockWarning",
          code: error.code,
        });
    }
    if (this.#pauseTimer !== undefined) return; // an event has come, and is no better
    this.#pauseMs = Math.min(Math.max(FIRST_PAUSE_MS, this.#pauseMs * 2), LONGEST_PAUSE_MS);
    this.#pauseTimer = setTimeout(() => {
      this.#pauseTimer = undefined;
      this.source.wake("read");
    }, this.#pauseMs).unref();
  }

  /** Connection after connection, until the listener is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<TcpStream, void, undefined> {
    while (!this.closed) {
      let stream: TcpStream;
      try {
        stream = await this.accept();
      } catch (error) {
        if (this.closed) return;
        throw error;
      }
      yield stream;
    }
  }
}
