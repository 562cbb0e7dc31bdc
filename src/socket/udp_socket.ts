/** UdpSocket: datagrams, one by one or many per call, unicast, broadcast and multicast. */
import { type IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr } from "../ip/index.ts";
import { type Family, type Resolver, resolveTarget, splitTarget, type Target } from "../names/index.ts";
import * as C from "../sys/index.ts";
import { checkBytes } from "./_bytes.ts";
import { DatagramSocket, REPORTED_TRIES } from "./_datagram.ts";
import { readErrorQueue, type SocketError, socketErrorOf } from "./_error_queue.ts";
import { changeMembership, type MulticastOptions } from "./_multicast.ts";
import { ipPeerBytes } from "./_peers.ts";
import { adoptFd, familyOf, openSocket } from "./_socket.ts";
import { udpSendError } from "./_udp_send_error.ts";
import { type AncillaryRequest, encodeAncillary } from "./ancillary.ts";
import { DatagramTooLargeError } from "./datagram_too_large.ts";
import { IP, IPV6, type OptionSetting, SO, UDP, type WritableOption } from "./options.ts";
import type { OwnedFd } from "./owned_fd.ts";
import { ReceiveBatch } from "./receive_batch.ts";
import { SendBatch } from "./send_batch.ts";

/** What a socket can be asked to tell beside each datagram; see {@link Ancillary}. */
export type AncillaryKind = "destination" | "ttl" | "tos" | "timestamp" | "drops";

export interface UdpOptions {
  /** SO_REUSEADDR: several sockets bind the port; of multicast and broadcast each gets a copy. False by default. */
  readonly reuseAddr?: boolean | undefined;
  /** SO_REUSEPORT: several sockets bind the port, and each flow goes to one of them. False by default. */
  readonly reusePort?: boolean | undefined;
  /** IPV6_V6ONLY: false by default, so that `[::]` takes IPv4 too, whatever net.ipv6.bindv6only says. */
  readonly ipv6Only?: boolean | undefined;
  /** SO_BROADCAST: allows sending to broadcast addresses. False by default. */
  readonly broadcast?: boolean | undefined;
  /** IP_RECVERR, IPV6_RECVERR: queues what ICMP reports of datagrams sent, for `recvError`. False by default. */
  readonly icmpErrors?: boolean | undefined;
  /** UDP_GRO: lets the kernel merge datagrams, for `recvMany` into a batch with `merged`. False by default. */
  readonly merged?: boolean | undefined;
  /** What is told beside each datagram received by `recvMsg`, or by `recvMany` into a batch with room for it. */
  readonly ancillary?: readonly AncillaryKind[] | undefined;
  /** What is set before bind, as `SO.RCVBUF.to(65536)`. */
  readonly options?: readonly OptionSetting[] | undefined;
}

export interface UdpConnectOptions extends UdpOptions, C.WaitOptions {
  /** Only addresses of this family. */
  readonly family?: Family | undefined;
  /** Who resolves the name; the system by default. */
  readonly resolver?: Resolver | undefined;
  /** The address to send from; the kernel's choice by default. */
  readonly localAddr?: SocketAddr | undefined;
}

/** One datagram of an array for {@link UdpSocket.sendMany}. */
export interface OutgoingDatagram {
  readonly data: Uint8Array;
  /** Where it goes; the connected peer by default. */
  readonly peer?: SocketAddr | string | undefined;
}

/** The kernel or the device does not cut this message: man 7 udp, UDP_SEGMENT. EIO comes where checksums are not offloaded. */
const SEGMENTATION_REFUSED: readonly number[] = [
  C.errno.EIO,
  C.errno.EINVAL,
  C.errno.EMSGSIZE,
  C.errno.EOPNOTSUPP,
  C.errno.ENOPROTOOPT,
];

/** So many datagrams of one batch go before the event loop has its turn. */
const AT_A_STRETCH = 1024;

/** An IPv6 socket may receive IPv4 too. */
function settingsFor(kind: AncillaryKind, ipv6: boolean): OptionSetting[] {
  switch (kind) {
    case "destination":
      return [IP.PKTINFO.to(true), ...(ipv6 ? [IPV6.RECVPKTINFO.to(true)] : [])];
    case "ttl":
      return [IP.RECVTTL.to(true), ...(ipv6 ? [IPV6.RECVHOPLIMIT.to(true)] : [])];
    case "tos":
      return [IP.RECVTOS.to(true), ...(ipv6 ? [IPV6.RECVTCLASS.to(true)] : [])];
    case "timestamp":
      return [SO.TIMESTAMPNS.to(true)];
    case "drops":
      return [SO.RXQ_OVFL.to(true)];
    default:
      throw new TypeError(
        `ancillary: expected "destination", "ttl", "tos", "timestamp" or "drops", got ${String(kind)}`,
      );
  }
}

/** What is set before bind. @throws {TypeError | RangeError} */
export function settingsOf(options: UdpOptions, family: number): OptionSetting[] {
  const { reuseAddr = false, reusePort = false, ipv6Only = false, broadcast = false } = options;
  const { icmpErrors = false, merged = false, ancillary = [] } = options;
  const ipv6 = family === C.AF_INET6;
  if (!Array.isArray(ancillary)) throw new TypeError("ancillary: expected an array of what is to be told");
  const switches: [WritableOption<boolean>, boolean][] = [
    [SO.REUSEADDR, reuseAddr],
    [SO.REUSEPORT, reusePort],
    [SO.BROADCAST, broadcast],
    [IP.RECVERR, icmpErrors],
    [UDP.GRO, merged],
  ];
  if (ipv6) switches.push([IPV6.RECVERR, icmpErrors]);
  const on = switches.map(([option, value]) => option.to(value)).filter((_, i) => switches[i]?.[1]); // all are off in a new socket
  const only = ipv6 ? [IPV6.V6ONLY.to(ipv6Only)] : [];
  const told = ancillary.flatMap((kind: AncillaryKind) => settingsFor(kind, ipv6));
  return [...only, ...on, ...told, ...(options.options ?? [])]; // what is named by itself has the last word
}

/** Whether what is received may be several datagrams. */
function hasGro(fd: number): boolean {
  return C.getsockoptInt(fd, C.IPPROTO_UDP, C.UDP_GRO) > 0;
}

/** A UDP socket. */
export class UdpSocket extends DatagramSocket<SocketAddr> {
  /** UDP_GRO is set: what is received may be several datagrams. */
  #merged: boolean;
  /** A device has refused UDP_SEGMENT: do not try again. */
  #segmentation = true;

  private constructor(source: C.Source, merged: boolean) {
    super(source);
    this.#merged = merged;
  }

  static #open(family: number, options: UdpOptions, prepare: (fd: number) => void): UdpSocket {
    const fd = openSocket(family, C.SOCK_DGRAM, settingsOf(options, family), prepare);
    return new UdpSocket(
      new C.Source(fd, "UdpSocket"),
      options.options?.length ? hasGro(fd) : options.merged === true,
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
    if (typeof address === "string") return UdpSocket.#bind(SocketAddr.parse(address), options);
    if (address instanceof SocketAddr) return UdpSocket.#bind(address, options);
    if (typeof address !== "number") {
      throw new TypeError(`address: expected "host:port", a SocketAddr, or a port, got ${typeof address}`);
    }
    try {
      return UdpSocket.#bind(SocketAddr.of(Ipv6Addr.UNSPECIFIED, address), options);
    } catch (error) {
      const noIpv6 = error instanceof C.SysError && ["EAFNOSUPPORT", "EADDRNOTAVAIL"].includes(error.code);
      if (!noIpv6 || options.ipv6Only === true) throw error;
      return UdpSocket.#bind(SocketAddr.of(Ipv4Addr.UNSPECIFIED, address), options);
    }
  }

  static #bind(address: SocketAddr, options: UdpOptions): UdpSocket {
    return UdpSocket.#open(familyOf(address), options, (fd) => bindTo(fd, address));
  }

  /**
   * A socket that is connected to the first address of the target that can be reached at all: it sends there, and
   * receives from nobody else. No packet goes out by this.
   *
   * @param target `"localhost:2000"`, `"[::1]:53"`, a SocketAddr, or `{ host, port }`
   * @throws {SysError} `ENETUNREACH` … of the last address
   * @throws {ResolveError} the name or the service is not known
   * @throws {TimeoutError} or the signal's reason
   */
  static async connect(target: Target, options: UdpConnectOptions = {}): Promise<UdpSocket> {
    C.checkWait(options);
    const asked = { ...options, type: "datagram" as const };
    const addresses = await resolveTarget(splitTarget(target), asked);
    let failure: unknown;
    for (const address of addresses) {
      let socket: UdpSocket | undefined;
      try {
        socket = UdpSocket.#open(familyOf(address), options, (fd) => {
          if (options.localAddr !== undefined) bindTo(fd, options.localAddr);
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
    const given = typeof fd === "number" ? fd : fd?.fd;
    const protocol =
      Number.isInteger(given) && given >= 0 ? C.getsockoptInt(given, C.SOL_SOCKET, C.SO_PROTOCOL) : -1;
    if (protocol >= 0 && protocol !== C.IPPROTO_UDP) {
      // a ping socket, of ICMP, is a datagram socket of IP too
      throw new TypeError(`fd: expected a UDP socket, got a socket of protocol ${protocol} (fd ${given})`);
    }
    const number = adoptFd(fd, [C.AF_INET, C.AF_INET6], C.SOCK_DGRAM, "a UDP socket");
    const socket = new UdpSocket(new C.Source(number, "UdpSocket"), hasGro(number));
    const peer = C.getpeername(number);
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
    const fd = this.source.open("connect");
    C.check(C.connect(fd, bytes), "connect", { address: peer.toString() });
    C.getsockoptInt(fd, C.SOL_SOCKET, C.SO_ERROR); // what was reported of an earlier peer is not this one's
    const connected = C.getpeername(fd); // not always what was asked for: 0.0.0.0 is 127.0.0.1
    this.setPeer(typeof connected === "number" ? bytes : connected);
  }

  /**
   * The address of this side; port 0 where it has none yet, which the first datagram that is sent gives it.
   * @throws {SysError} `EBADF` on a closed socket
   * @see man 2 getsockname
   */
  override get localAddr(): SocketAddr {
    const address = super.localAddr;
    if (address.port === 0) this.localBytes = undefined; // to be asked again
    return address;
  }

  /**
   * Undoes {@link connect}: the socket receives from everybody again, at the same port. Not so an IPv6 socket: the kernel
   * (seen in Linux 6.18) goes on to drop what other IPv6 addresses than the last peer's send it. Bind a new one there.
   * @throws {SysError} `EADDRINUSE` where the kernel had chosen the port, and somebody else has taken it in this moment
   * @see man 2 connect, AF_UNSPEC; net/ipv4/udp.c, __udp_disconnect, which leaves sk_v6_daddr as it is
   */
  disconnect(): void {
    const fd = this.source.open("connect");
    const before = C.getsockname(fd);
    C.check(C.connect(fd, new Uint8Array(16)), "connect");
    this.setPeer(undefined);
    const after = C.getsockname(fd);
    if (typeof before === "number" || typeof after === "number" || after[2] !== 0 || after[3] !== 0) return;
    after.set(before.subarray(2, 4), 2); // the kernel has given up a port that it had chosen itself
    C.check(C.bind(fd, after), "bind", { address: C.decodeSockaddr(after)?.toString() });
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
      "recvFrom: expected a socket without UDP_GRO, since one message may be several datagrams here: use recvMany with a " +
        "ReceiveBatch({ merged: true }), or recvMsg and its ancillary.segmentBytes",
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

  /** @internal */
  protected override mayBeReported(
    number: number,
    peerBytes: Uint8Array | undefined,
    bytes?: Uint8Array,
  ): boolean {
    if (!super.mayBeReported(number, peerBytes)) return false;
    if (number !== -C.errno.EMSGSIZE || bytes === undefined) return true;
    // Its own where it does not fit: another try would put the same into the error queue once more.
    return !(this.sendError(number, "send", bytes, peerBytes) instanceof DatagramTooLargeError);
  }

  override setOption<T>(option: WritableOption<T>, value: NoInfer<T>): void {
    super.setOption(option, value);
    if (option.level === C.IPPROTO_UDP && option.optname === C.UDP_GRO) {
      this.#merged = C.getsockoptInt(this.source.fd, C.IPPROTO_UDP, C.UDP_GRO) > 0;
    }
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
   * Sends the datagrams of a batch, or of an array, in order. A batch is empty afterwards.
   * @returns how many were sent
   * @throws {SysError} of the datagram at `batch.sent`; those before it have gone, it and those behind it have not: call
   * again, or `skip()` it
   * @throws the signal's reason, or {@link TimeoutError}; `batch.sent` tells how far it came
   * @see man 2 sendmmsg; man 7 udp, UDP_SEGMENT
   */
  async sendMany(batch: SendBatch | readonly OutgoingDatagram[], options?: C.WaitOptions): Promise<number> {
    if (!(batch instanceof SendBatch)) return this.#sendArray(batch, options);
    const before = batch.sent;
    batch.begin();
    try {
      await this.source.run("write", "sendmmsg", this, () => this.#sendBatch(batch), options);
    } finally {
      batch.end();
    }
    const count = batch.sent - before;
    batch.clear();
    return count;
  }

  #sendBatch(batch: SendBatch): true | C.WouldBlock | typeof C.YIELD {
    if (!this.#segmentation) batch.splitAll();
    const before = batch.sent;
    for (let tries = 0; !batch.done; ) {
      if (batch.sent - before >= AT_A_STRETCH) return C.YIELD;
      const count = batch.sendmmsg(this.source.fd, AT_A_STRETCH);
      if (count > 0) tries = 0;
      if (count > 0 || count === -C.errno.EINTR) continue;
      if (count === -C.errno.EAGAIN) return C.WOULD_BLOCK;
      const { datagrams, bytes, peer } = batch.next;
      if (datagrams > 1 && SEGMENTATION_REFUSED.includes(-count)) {
        if (count === -C.errno.EIO) this.#segmentation = false;
        if (this.#segmentation) batch.splitNext();
        else batch.splitAll();
        continue;
      }
      if (tries++ < REPORTED_TRIES && this.mayBeReported(count, peer, bytes)) continue;
      throw this.sendError(count, "sendmmsg", bytes, peer);
    }
    return true;
  }

  async #sendArray(datagrams: readonly OutgoingDatagram[], options?: C.WaitOptions): Promise<number> {
    if (!Array.isArray(datagrams)) {
      throw new TypeError(`batch: expected a SendBatch or an array of datagrams, got ${typeof datagrams}`);
    }
    for (const [i, one] of datagrams.entries()) checkBytes(`batch[${i}].data`, one?.data);
    const bytes = datagrams.reduce((sum, { data }) => sum + data.length, 0);
    const batch = new SendBatch({ datagrams: Math.max(datagrams.length, 1), bytes: Math.max(bytes, 65536) });
    for (const { data, peer } of datagrams) batch.push(data, peer);
    return this.sendMany(batch, options);
  }

  /**
   * Receives as many datagrams as are there, at least one, at most as many as the batch has room for.
   * @returns how many are in the batch now
   * @throws as {@link recvFrom}; what was in the batch is gone
   * @see man 2 recvmmsg; man 7 udp, UDP_GRO
   */
  async recvMany(batch: ReceiveBatch, options?: C.WaitOptions): Promise<number> {
    this.#checkBatch(batch);
    batch.begin();
    try {
      return await this.source.run("read", "recvmmsg", this, () => this.#receiveBatch(batch), options);
    } finally {
      batch.end();
    }
  }

  /** Receives as many datagrams as are there now. @returns as {@link recvMany}, or {@link WOULD_BLOCK} */
  tryRecvMany(batch: ReceiveBatch): number | C.WouldBlock {
    this.#checkBatch(batch);
    this.source.open("recvmmsg");
    if (this.source.read.first !== undefined) return C.WOULD_BLOCK;
    batch.begin();
    try {
      return this.#receiveBatch(batch);
    } finally {
      batch.end();
    }
  }

  #checkBatch(batch: ReceiveBatch): void {
    if (!(batch instanceof ReceiveBatch)) {
      throw new TypeError(`batch: expected a ReceiveBatch, got ${typeof batch}`);
    }
    if (this.#merged && !batch.merged) {
      throw new TypeError(
        "batch: expected a ReceiveBatch({ merged: true }), since this socket has UDP_GRO set",
      );
    }
  }

  #receiveBatch(batch: ReceiveBatch): number | C.WouldBlock {
    const count = this.receiveNow(() => batch.recvmmsg(this.source.fd), "recvmmsg");
    return count === C.WOULD_BLOCK ? C.WOULD_BLOCK : batch.size;
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

function bindTo(fd: number, address: SocketAddr): void {
  C.check(C.bind(fd, C.encodeSockaddr(address)), "bind", { address: address.toString() });
}
