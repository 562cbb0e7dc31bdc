/** UdpSocket, blocking: datagrams, unicast, broadcast and multicast. */
import type { IpAddr, SocketAddr } from "../ip/index.ts";
import { type Family, splitTarget, type Target } from "../names/index.ts";
import {
  type AncillaryRequest,
  type UdpOptions as AsyncUdpOptions,
  bindFd,
  bindTo,
  changeMembership,
  checkUdpFd,
  connectFirst,
  connectUdp,
  disconnectUdp,
  encodeAncillary,
  familyOf,
  hasGro,
  ipPeerBytes,
  isTooLarge,
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
    this.#merged = hasGro(source.fd);
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
    return connectFirst(addresses, (address) =>
      UdpSocket.#open(familyOf(address), options, (fd) => {
        if (options.localAddr !== undefined) bindFd(fd, options.localAddr);
      }),
    );
  }

  /**
   * Takes over a UDP socket from elsewhere. Closing it is this object's from now on.
   * @throws {TypeError} where it is no UDP socket; the fd stays the caller's then
   * @throws {SysError} `EBADF`, `ENOTSOCK`
   */
  static fromFd(fd: number | OwnedFd): UdpSocket {
    checkUdpFd(fd);
    const make = (own: number): UdpSocket => new UdpSocket(new C.Source(own, "UdpSocket"));
    const socket = UdpSocket.adopt(fd, [C.AF_INET, C.AF_INET6], C.SOCK_DGRAM, "a UDP socket", make);
    const peer = C.getpeername(socket.source.fd);
    if (typeof peer !== "number") socket.setPeer(peer);
    return socket;
  }

  /**
   * Connects, or connects anew: `send` goes there, and nothing more is received from anybody else; what others have sent
   * before is still in the queue. No packet goes out by this.
   * @throws {SysError} `ENETUNREACH`, `EACCES` (a broadcast address without SO.BROADCAST) …
   * @see man 2 connect
   */
  connect(peer: SocketAddr | string): void {
    const bytes = ipPeerBytes(peer);
    this.setPeer(connectUdp(this.source.open("connect"), bytes, peer));
  }

  /**
   * The address of this side; port 0 where it has none yet, which the first datagram that is sent gives it.
   * @throws {SysError} `EBADF` on a closed socket
   * @see man 2 getsockname
   */
  override get localAddr(): SocketAddr {
    const address = super.localAddr;
    if (address.port === 0) this.forgetLocalAddr(); // to be asked for again
    return address;
  }

  /**
   * Undoes {@link connect}: the socket receives from everybody again, at the same port. Not so an IPv6 socket: the kernel
   * (seen in Linux 6.18) goes on to drop what other IPv6 addresses than the last peer's send it. Bind a new one there.
   * @throws {SysError} `EADDRINUSE` where the kernel had chosen the port, and somebody else has taken it in this moment
   * @see man 2 connect, AF_UNSPEC; net/ipv4/udp.c, __udp_disconnect, which leaves sk_v6_daddr as it is
   */
  disconnect(): void {
    disconnectUdp(this.source.open("connect"), () => this.setPeer(undefined));
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
    return udpSendError(this.source.fd, number, syscall, bytes.length, this.#destination(peerBytes));
  }

  #destination(peerBytes: Uint8Array | undefined): SocketAddr | undefined {
    const to = peerBytes ?? this.peerBytes;
    return to === undefined ? undefined : C.decodeSockaddr(to);
  }

  /** @internal */
  protected override mayBeReported(
    number: number,
    peerBytes: Uint8Array | undefined,
    bytes?: Uint8Array,
  ): boolean {
    if (!super.mayBeReported(number, peerBytes)) return false;
    if (bytes === undefined) return true;
    return !isTooLarge(this.source.fd, number, bytes.length, this.#destination(peerBytes));
  }

  override setOption<T>(option: WritableOption<T>, value: NoInfer<T>): void {
    super.setOption(option, value);
    if (option.level === C.IPPROTO_UDP && option.optname === C.UDP_GRO) {
      this.#merged = hasGro(this.source.fd);
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
