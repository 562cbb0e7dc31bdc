/** UdpSocket, blocking: datagrams, unicast, broadcast and multicast. */
import type { IpAddr, SocketAddr } from "../ip/index.ts";
import { type Family, splitTarget, type Target } from "../names/index.ts";
import {
  type AncillaryRequest,
  type UdpOptions as AsyncUdpOptions,
  changeMembership,
  encodeAncillary,
  ipPeerBytes,
  type MulticastOptions,
  type OwnedFd,
  udpSendError,
  udpSettings,
  type WritableOption,
} from "../socket/index.ts";
import * as C from "../sys/index.ts";
import { DatagramSocket } from "./_datagram.ts";
import { openSocket } from "./_socket.ts";
import { deadlineOf, type WaitOptions } from "./_wait.ts";
import { type Resolver, resolveTarget } from "./resolver.ts";
import { bindTo } from "./tcp_listener.ts";

/** Those of the other socket, but for the error queue, which is not read here. */
export type UdpOptions = Omit<AsyncUdpOptions, "icmpErrors">;

export interface UdpConnectOptions extends UdpOptions, WaitOptions {
  /** Only addresses of this family. */
  readonly family?: Family | undefined;
  /** Who resolves the name; the system by default. */
  readonly resolver?: Resolver | undefined;
  /** The address to send from; the kernel's choice by default. */
  readonly localAddr?: SocketAddr | undefined;
}

/** A UDP socket. */
export class UdpSocket extends DatagramSocket<SocketAddr> {
  /** UDP_GRO is set: what is received may be several datagrams. */
  #merged: boolean;

  private constructor(source: C.Source) {
    super(source);
    this.#merged = isMerged(source.fd);
  }

  static #open(family: number, options: UdpOptions, prepare: (fd: number) => void): UdpSocket {
    return new UdpSocket(
      openSocket("UdpSocket", family, C.SOCK_DGRAM, udpSettings(options, family), prepare),
    );
  }

  /**
   * Binds to an address.
   * @param address `"127.0.0.1:2000"`, `"[::1]:0"` (0 lets the kernel choose), a SocketAddr, or a port alone: then on every
   * address of both families, or of IPv4 where this host has no IPv6
   * @throws {SysError} `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL` …
   * @throws {AddressError} the text is no address with a port
   * @see man 2 bind, man 7 udp
   */
  static override bind(address: string | number | SocketAddr, options: UdpOptions = {}): UdpSocket {
    return bindTo(address, options.ipv6Only === true, (one) =>
      UdpSocket.#open(familyOf(one), options, (fd) => bindFd(fd, one)),
    );
  }

  /**
   * A socket that is connected to the first address of the target that can be reached at all: it sends there, and
   * receives from nobody else. No packet goes out by this.
   *
   * @param target `"localhost:2000"`, `"[::1]:53"`, a SocketAddr, or `{ host, port }`
   * @throws {SysError} `ENETUNREACH` … of the last address
   * @throws {ResolveError} the name or the service is not known
   * @throws {TimeoutError} of the lookup
   */
  static connect(target: Target, options: UdpConnectOptions = {}): UdpSocket {
    const asked = { family: options.family, resolver: options.resolver, type: "datagram" } as const;
    const addresses = resolveTarget(splitTarget(target), asked, deadlineOf(options));
    let failure: unknown;
    for (const address of addresses) {
      let socket: UdpSocket | undefined;
      try {
        socket = UdpSocket.#open(familyOf(address), options, (fd) => {
          if (options.localAddr !== undefined) bindFd(fd, options.localAddr);
        });
        socket.connect(address);
        return socket;
      } catch (error) {
        socket?.close();
        failure = error;
      }
    }
    throw failure;
  }

  /**
   * Takes over a UDP socket from elsewhere. Closing it is this object's from now on.
   * @throws {TypeError} where it is no UDP socket; the fd stays the caller's then
   * @throws {SysError} `EBADF`, `ENOTSOCK`
   */
  static fromFd(fd: number | OwnedFd): UdpSocket {
    const make = (own: number): UdpSocket => new UdpSocket(new C.Source(own, "UdpSocket"));
    const socket = UdpSocket.adopt(fd, [C.AF_INET, C.AF_INET6], C.SOCK_DGRAM, "a UDP socket", make);
    const peer = C.getpeername(socket.source.fd);
    if (typeof peer !== "number") socket.setPeer(peer);
    return socket;
  }

  /**
   * Connects, or connects anew: `send` goes there, and nothing is received from anybody else. No packet goes out by this.
   * @throws {SysError} `ENETUNREACH`, `EACCES` (a broadcast address without SO.BROADCAST) …
   * @see man 2 connect
   */
  connect(peer: SocketAddr | string): void {
    const bytes = ipPeerBytes(peer);
    const fd = this.source.open("connect");
    C.check(C.connect(fd, bytes), "connect", { address: peer.toString() });
    C.getsockoptInt(fd, C.SOL_SOCKET, C.SO_ERROR); // what was reported of an earlier peer is not this one's
    this.setPeer(bytes);
  }

  /** Undoes {@link connect}: the socket receives from everybody again. @see man 2 connect, AF_UNSPEC */
  disconnect(): void {
    const fd = this.source.open("connect");
    C.check(C.connect(fd, new Uint8Array(16)), "connect");
    this.setPeer(undefined);
  }

  /** @internal */
  protected override encodePeer(peer: SocketAddr | string): Uint8Array {
    return ipPeerBytes(peer);
  }

  /** @internal */
  protected override encodeRequest(
    request: AncillaryRequest,
    peerBytes: Uint8Array | undefined,
  ): Uint8Array | undefined {
    return encodeAncillary(request, "udp", peerBytes === undefined ? undefined : C.decodeSockaddr(peerBytes));
  }

  /** @internal */
  protected override checkSingle(): void {
    if (!this.#merged) return;
    throw new TypeError(
      "recvFrom: expected a socket without UDP_GRO, since one message may be several datagrams here: use recvMsg, and its " +
        "ancillary.segmentBytes",
    );
  }

  /** @internal */
  protected override sendError(
    number: number,
    syscall: string,
    bytes: Uint8Array,
    peerBytes: Uint8Array | undefined,
  ): Error {
    const to = peerBytes ?? this.peerBytes;
    const peer = to === undefined ? undefined : C.decodeSockaddr(to);
    return udpSendError(this.source.fd, number, syscall, bytes.length, peer);
  }

  override setOption<T>(option: WritableOption<T>, value: NoInfer<T>): void {
    super.setOption(option, value);
    if (option.level === C.IPPROTO_UDP && option.optname === C.UDP_GRO) {
      this.#merged = isMerged(this.source.fd);
    }
  }

  /**
   * Joins a multicast group: any-source, or with `source` source-specific.
   * @throws {SysError} `ENODEV`, `EADDRINUSE` …
   * @see RFC 3678 §5.1, RFC 4607
   */
  joinMulticast(group: IpAddr | string, options: MulticastOptions = {}): void {
    changeMembership(this.source.open("setsockopt"), "join", group, options);
  }

  /** Leaves a group, as it was joined. @throws {SysError} `EADDRNOTAVAIL` where it was not */
  leaveMulticast(group: IpAddr | string, options: MulticastOptions = {}): void {
    changeMembership(this.source.open("setsockopt"), "leave", group, options);
  }

  /** Stops receiving from one sender of a group that was joined any-source. */
  blockSource(
    group: IpAddr | string,
    options: MulticastOptions & { readonly source: IpAddr | string },
  ): void {
    changeMembership(this.source.open("setsockopt"), "block", group, options);
  }

  /** Undoes {@link blockSource}. */
  unblockSource(
    group: IpAddr | string,
    options: MulticastOptions & { readonly source: IpAddr | string },
  ): void {
    changeMembership(this.source.open("setsockopt"), "unblock", group, options);
  }
}

function familyOf(address: SocketAddr): number {
  return address.ip.version === 4 ? C.AF_INET : C.AF_INET6;
}

function bindFd(fd: number, address: SocketAddr): void {
  C.check(C.bind(fd, C.encodeSockaddr(address)), "bind", { address: address.toString() });
}

function isMerged(fd: number): boolean {
  return C.getsockoptInt(fd, C.IPPROTO_UDP, C.UDP_GRO) > 0;
}
