/** What datagram sockets of IP share: what ICMP reports, multicast groups, and answers from the address that was asked. */
import type { IpAddr, SocketAddr } from "../ip/index.ts";
import * as C from "../sys/index.ts";
import { DatagramSocket } from "./_datagram.ts";
import { readErrorQueue, type SocketError, socketErrorOf } from "./_error_queue.ts";
import { changeMembership, type MulticastOptions } from "./_multicast.ts";
import { type KernelHeaders, maxPayload } from "./datagram_too_large.ts";

/** A datagram socket of IP. @typeParam P how a peer may be named, beside a SocketAddr and a text */
export abstract class IpDatagramSocket<P = never> extends DatagramSocket<
  SocketAddr,
  SocketAddr | string | P
> {
  /** @internal What the kernel puts in front of what is sent. */
  protected abstract get kernelHeaders(): KernelHeaders;

  /** @internal Where a message goes that was sent to this address, or to the connected peer. */
  protected destination(peerBytes: Uint8Array | undefined): SocketAddr | undefined {
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
    if (number !== -C.errno.EMSGSIZE || bytes === undefined) return true;
    // Its own where it does not fit: another try would put the same into the error queue once more.
    const peer = this.destination(peerBytes);
    return peer === undefined || bytes.length <= maxPayload(this.source.fd, peer, this.kernelHeaders);
  }

  /**
   * Answers a message that {@link recvMsg} gave, from the address that it was sent to: on a wildcard socket the kernel
   * would choose by route, and the peer would not know the answer. Needs `ancillary: ["destination"]`.
   * @throws {TypeError} where the message does not say where it was sent to
   * @throws as {@link sendTo}
   */
  reply(
    message: {
      readonly peer: SocketAddr;
      readonly ancillary: {
        readonly destination?: { ip: IpAddr; localIp: IpAddr | undefined; interfaceIndex: number };
      };
    },
    bytes: Uint8Array,
    options?: C.WaitOptions,
  ): Promise<number> {
    const destination = message.ancillary.destination;
    if (destination === undefined) {
      return Promise.reject(
        new TypeError('message: expected one with a destination: bind with { ancillary: ["destination"] }'),
      );
    }
    const own = destination.localIp ?? destination.ip;
    const source = own.isMulticast || own.isUnspecified ? undefined : own;
    const ancillary =
      own.version === 6 && own.isUnicastLinkLocal
        ? { source, interface: destination.interfaceIndex }
        : { source };
    return this.sendMsg(bytes, { ...options, peer: message.peer, ancillary });
  }

  /**
   * The next thing that ICMP, or this host, reports of a datagram that was sent. Needs `icmpErrors`, or IP.RECVERR.
   * @throws the signal's reason, or {@link TimeoutError}; nothing has been taken then
   * @see man 7 ip, IP_RECVERR
   */
  recvError(options?: C.WaitOptions): Promise<SocketError> {
    return this.source.run("errors", "recvmsg", this, () => this.#takeError(), options);
  }

  /** What is reported now. @returns as {@link recvError}, or {@link WOULD_BLOCK} */
  tryRecvError(): SocketError | C.WouldBlock {
    this.source.open("recvmsg");
    return this.source.errors.first !== undefined ? C.WOULD_BLOCK : this.#takeError();
  }

  #takeError(): SocketError | C.WouldBlock {
    const { fd } = this.source;
    for (let entry = readErrorQueue(fd); entry !== undefined; entry = readErrorQueue(fd)) {
      const error = socketErrorOf(entry, this.connected ? this.peerAddr : undefined);
      // The kernel has made the next entry's error pending once more, whoever is the peer by now.
      C.getsockoptInt(fd, C.SOL_SOCKET, C.SO_ERROR);
      if (error !== undefined) return error;
    }
    return C.WOULD_BLOCK;
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
