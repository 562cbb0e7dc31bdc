/** DiagSocket: every socket of the namespace, as the kernel knows it. */
import type { SocketAddr } from "../../ip/index.ts";
import type { WaitOptions } from "../../sys/index.ts";
import { type NetlinkOptions, NetlinkSocket } from "../netlink_socket.ts";
import {
  type Destroyed,
  type DestroyedOptions,
  destroyedInet,
  destroyInet,
  type FindOptions,
  findInet,
  type InetListOptions,
  listInet,
} from "./_inet_list.ts";
import { deviceIndexOf, type Extension, exactRequest } from "./_inet_request.ts";
import { TcpLookup, TcpScan } from "./_tcp_again.ts";
import type { InetProtocol, InetSocket } from "./inet_socket.ts";
import { listNetlink, type NetlinkListOptions, type NetlinkSocketInfo } from "./netlink_socket_info.ts";
import { listPacket, type PacketListOptions, type PacketSocketInfo } from "./packet_socket_info.ts";
import { findUnix, listUnix, type UnixListOptions, type UnixSocketInfo } from "./unix_socket_info.ts";

/**
 * A channel to the part of the kernel that knows all sockets, those of the namespace that it is opened in.
 *
 * ```ts
 * using diag = DiagSocket.open();
 * for (const socket of await diag.tcp({ states: ["established"], with: ["info"] })) {
 *   console.log(String(socket.peerAddr), socket.info?.tcpi_rtt);
 * }
 * ```
 */
export class DiagSocket implements Disposable {
  /** For messages that are not here. */
  readonly netlink: NetlinkSocket;

  private constructor(netlink: NetlinkSocket) {
    this.netlink = netlink;
  }

  /** @throws {SysError} @see man 7 sock_diag */
  static open(options?: NetlinkOptions): DiagSocket {
    return new DiagSocket(NetlinkSocket.open("sockDiag", options));
  }

  /** @internal Over a socket at whose other end something else may play the kernel. */
  static over(netlink: NetlinkSocket): DiagSocket {
    return new DiagSocket(netlink);
  }

  get closed(): boolean {
    return this.netlink.closed;
  }

  /**
   * TCP sockets, IPv4's before IPv6's. IPv6's include those that speak IPv4 with IPv4-mapped addresses.
   * @throws {NetlinkError}
   * @throws {SocketFilterError | TypeError | RangeError} for a filter that is none, or too long for the kernel
   */
  tcp(options?: InetListOptions): Promise<InetSocket[]> {
    return listInet(this.netlink, "tcp", options);
  }

  /** UDP sockets: `"established"` with a peer, `"closed"` without. @throws as {@link tcp} */
  udp(options?: InetListOptions): Promise<InetSocket[]> {
    return listInet(this.netlink, "udp", options);
  }

  /** Raw sockets. @throws as {@link tcp}; `ENOENT` where this kernel cannot tell of them */
  raw(options?: InetListOptions): Promise<InetSocket[]> {
    return listInet(this.netlink, "raw", options);
  }

  /** Sockets of any of the internet's protocols. @throws as {@link raw} */
  inet(protocol: InetProtocol, options?: InetListOptions): Promise<InetSocket[]> {
    return listInet(this.netlink, protocol, options);
  }

  /**
   * One socket by its ends, without a look at the others.
   *
   * With a `peer`: the connection between the two, and nothing else. Without: the socket that would hear the first packet
   * of a stranger to `local`, which may listen on that address, or on all; of several that share the port (SO_REUSEPORT) the
   * one that the kernel chooses. A socket that is bound to an interface is only found with this `device`.
   * @returns `undefined` where there is none
   * @throws {NetlinkError} as {@link raw}
   * @throws {AddressError} for a text that is no address with a port
   * @throws {TypeError} for two ends of different families
   */
  find(options: FindOptions): Promise<InetSocket | undefined> {
    return findInet(this.netlink, options);
  }

  /** @internal A dump of TCP that is made again and again. @param few so many are found again without a dump */
  scan(wishes: InetListOptions, few: number): TcpScan {
    return new TcpScan(this.netlink, wishes, few);
  }

  /** @internal Connections of TCP that are looked for again and again, by their ends. @throws {TypeError} as {@link find} */
  lookup(
    ends: readonly { readonly local: SocketAddr; readonly peer: SocketAddr }[],
    wanted: readonly Extension[],
  ): TcpLookup {
    const requests = ends.map(({ local, peer }) => {
      const device = deviceIndexOf(this.netlink, local.zone ?? peer.zone ?? 0);
      return exactRequest("tcp", { local, peer, device, cookie: undefined }, wanted);
    });
    return new TcpLookup(this.netlink, requests);
  }

  /**
   * Ends a socket from outside: its owner's next call fails with `ECONNABORTED`, and a TCP peer hears a reset. A listener is
   * closed. TIME-WAIT is cut short, by kernels that do that.
   * @throws {NetlinkError} `EPERM` without CAP_NET_ADMIN; `ENOENT` where there is no such socket any more, by its cookie;
   * `EOPNOTSUPP` where the kernel cannot end it
   */
  destroy(socket: InetSocket, options?: WaitOptions): Promise<void> {
    return destroyInet(this.netlink, socket, options);
  }

  /**
   * Sockets as they end, from now on: TCP and UDP, with their last TCP_INFO. Connections that end in TIME-WAIT are told of
   * as they come into it. {@link OVERRUN} stands where some are missing. This channel may be closed meanwhile.
   * @throws {SysError}
   */
  destroyed(options: DestroyedOptions = {}): Destroyed {
    return destroyedInet(this.netlink, options);
  }

  /** Local sockets. @throws {NetlinkError} `ENOENT` where this kernel cannot tell of them @throws {TypeError} for a word that is none */
  unix(options?: UnixListOptions): Promise<UnixSocketInfo[]> {
    return listUnix(this.netlink, options);
  }

  /**
   * The local socket with an inode, without a look at the others.
   * @returns `undefined` where there is none
   * @throws {NetlinkError} as {@link unix}; `EMSGSIZE` for a listener that about 900 wait for, if `"pending"` is asked for
   * @throws {RangeError} for an inode that is none
   */
  findUnix(
    inode: bigint | number,
    options?: WaitOptions & Pick<UnixListOptions, "with">,
  ): Promise<UnixSocketInfo | undefined> {
    return findUnix(this.netlink, inode, options);
  }

  /** Packet sockets. @throws as {@link unix} */
  packet(options?: PacketListOptions): Promise<PacketSocketInfo[]> {
    return listPacket(this.netlink, options);
  }

  /** Netlink sockets, this channel's own among them. @throws as {@link unix} */
  netlinkSockets(options?: NetlinkListOptions): Promise<NetlinkSocketInfo[]> {
    return listNetlink(this.netlink, options);
  }

  /** Closes the channel; what waits rejects with `ECANCELED`. */
  close(): void {
    this.netlink.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
