/** TcpListener, blocking: waits on a port and accepts connections. */
import type { SocketAddr } from "../ip/index.ts";
import {
  type ListenOptions as AsyncListenOptions,
  bindFd,
  bindTo,
  checkBacklog,
  checkListening,
  familyOf,
  IPV6,
  type OwnedFd,
  SO,
} from "../socket/index.ts";
import * as C from "../sys/index.ts";
import { Listener } from "./_listener.ts";
import { openSocket } from "./_socket.ts";
import { TcpStream } from "./tcp_stream.ts";

/** Those of the other listener; running out of files is an error of `accept` here, and no pause. */
export type ListenOptions = Omit<AsyncListenOptions, "onPause">;

/** A socket that listens for TCP connections. */
export class TcpListener extends Listener<TcpStream, SocketAddr> {
  private constructor(source: C.Source) {
    super(source);
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
    const source = openSocket("TcpListener", familyOf(address), C.SOCK_STREAM, settings, (fd) => {
      bindFd(fd, address);
      C.check(C.listen(fd, backlog), "listen", { address: address.toString() });
    });
    return new TcpListener(source);
  }

  /**
   * Takes over a listening TCP socket from elsewhere, such as one that systemd passes (fd 3). Closing it is this object's
   * from now on.
   * @throws {TypeError} where it is no listening TCP socket; the fd stays the caller's then
   * @throws {SysError} `EBADF`, `ENOTSOCK`
   */
  static fromFd(fd: number | OwnedFd): TcpListener {
    const what = "a listening TCP socket";
    checkListening(fd, what);
    const make = (own: number): TcpListener => new TcpListener(new C.Source(own, "TcpListener"));
    return TcpListener.adopt(fd, [C.AF_INET, C.AF_INET6], C.SOCK_STREAM, what, make);
  }

  /** @internal */
  protected override accepted(fd: number, peerBytes: Uint8Array): TcpStream {
    return TcpStream.fromConnected(fd, peerBytes); // its SO_RCVTIMEO and SO_SNDTIMEO are those of the listener
  }
}
