/** TcpListener: waits on a port and accepts connections. */
import type { SocketAddr } from "../ip/index.ts";
import * as C from "../sys/index.ts";
import { bindFd, bindTo } from "./_bind.ts";
import { type AcceptOptions, checkBacklog, checkListening, Listener } from "./_listener.ts";
import { adoptFd, familyOf, openSocket } from "./_socket.ts";
import { IPV6, type OptionSetting, SO } from "./options.ts";
import type { OwnedFd } from "./owned_fd.ts";
import { TcpStream } from "./tcp_stream.ts";

export interface ListenOptions extends AcceptOptions {
  /** SO_REUSEADDR, true by default: binds though connections of an earlier listener are in TIME_WAIT. */
  readonly reuseAddr?: boolean | undefined;
  /** SO_REUSEPORT: several listeners share the port. */
  readonly reusePort?: boolean | undefined;
  /** IPV6_V6ONLY: false by default, so that `[::]` takes IPv4 too, whatever net.ipv6.bindv6only says. */
  readonly ipv6Only?: boolean | undefined;
  /** What is set before bind, as `SO.RCVBUF.to(65536)`; accepted connections inherit it. */
  readonly options?: readonly OptionSetting[] | undefined;
}

/** A socket that listens for TCP connections. */
export class TcpListener extends Listener<TcpStream, SocketAddr> {
  private constructor(source: C.Source, onPause: ((error: C.SysError) => void) | undefined) {
    super(source, onPause);
  }

  /**
   * Binds and listens.
   * @param address `"127.0.0.1:2000"`, `"[::1]:0"` (0 lets the kernel choose), a SocketAddr, or a port alone: then on
   * every address of both families, or of IPv4 where this host has no IPv6. Names are not looked up here: see `resolve`.
   * @throws {SysError} `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL` …
   * @throws {AddressError} the text is no address with a port
   */
  static override bind(address: string | number | SocketAddr, options: ListenOptions = {}): TcpListener {
    return bindTo(address, options.ipv6Only === true, (one) => TcpListener.#bind(one, options));
  }

  static #bind(address: SocketAddr, options: ListenOptions): TcpListener {
    const { backlog = C.SOMAXCONN, reuseAddr = true, reusePort = false, ipv6Only = false } = options;
    checkBacklog(backlog);
    const settings = [...(options.options ?? []), SO.REUSEADDR.to(reuseAddr), SO.REUSEPORT.to(reusePort)];
    const v6Only = IPV6.V6ONLY.to(ipv6Only);
    if (address.ip.version === 6) settings.push(v6Only);
    const fd = openSocket(familyOf(address), C.SOCK_STREAM, settings, (fd) => {
      bindFd(fd, address);
      C.check(C.listen(fd, backlog), "listen", { address: address.toString() });
    });
    return new TcpListener(new C.Source(fd, "TcpListener"), options.onPause);
  }

  /**
   * Takes over a listening TCP socket from elsewhere, such as one that systemd passes (fd 3). Closing it is this object's
   * from now on.
   * @throws {TypeError} where it is no listening TCP socket; the fd stays the caller's then
   * @throws {SysError} `EBADF`, `ENOTSOCK`
   */
  static fromFd(
    fd: number | OwnedFd,
    options: { readonly onPause?: ListenOptions["onPause"] } = {},
  ): TcpListener {
    const what = "a listening TCP socket";
    checkListening(fd, what);
    const number = adoptFd(fd, [C.AF_INET, C.AF_INET6], C.SOCK_STREAM, what);
    return new TcpListener(new C.Source(number, "TcpListener"), options.onPause);
  }

  /** @internal */
  protected override accepted(fd: number, peerBytes: Uint8Array): TcpStream {
    return TcpStream.fromConnected(fd, peerBytes);
  }
}
