/** UdpSocket: datagrams, one by one or many per call, unicast, broadcast and multicast. */
import type { SocketAddr } from "../ip/index.ts";
import { type Family, type Resolver, resolveTarget, splitTarget, type Target } from "../names/index.ts";
import * as C from "../sys/index.ts";
import { bindFd, bindTo } from "./_bind.ts";
import { checkBytes } from "./_bytes.ts";
import { REPORTED_TRIES } from "./_datagram.ts";
import { IpDatagramSocket } from "./_ip_datagram.ts";
import { type AncillaryKind, ancillarySettings } from "./_ip_settings.ts";
import { ipPeerBytes } from "./_peers.ts";
import { adoptFd, familyOf, openSocket } from "./_socket.ts";
import { checkUdpFd, connectFirst, connectUdp, disconnectUdp, hasGro } from "./_udp_calls.ts";
import { udpSendError } from "./_udp_send_error.ts";
import { type AncillaryRequest, encodeAncillary } from "./ancillary.ts";
import type { KernelHeaders } from "./datagram_too_large.ts";
import { IP, IPV6, type OptionSetting, SO, UDP, type WritableOption } from "./options.ts";
import type { OwnedFd } from "./owned_fd.ts";
import { ReceiveBatch } from "./receive_batch.ts";
import { SendBatch } from "./send_batch.ts";

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

/** What is set before bind. @throws {TypeError | RangeError} */
export function settingsOf(options: UdpOptions, family: number): OptionSetting[] {
  const { reuseAddr = false, reusePort = false, ipv6Only = false, broadcast = false } = options;
  const { icmpErrors = false, merged = false, ancillary = [] } = options;
  const ipv6 = family === C.AF_INET6;
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
  const told = ancillarySettings(ancillary, ipv6 ? "both" : "ipv4");
  return [...only, ...on, ...told, ...(options.options ?? [])]; // what is named by itself has the last word
}

/** A UDP socket. */
export class UdpSocket extends IpDatagramSocket {
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
   * @throws {TimeoutError} or the signal's reason
   */
  static async connect(target: Target, options: UdpConnectOptions = {}): Promise<UdpSocket> {
    C.checkWait(options);
    const asked = { ...options, type: "datagram" as const };
    const addresses = await resolveTarget(splitTarget(target), asked);
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
    this.setPeer(connectUdp(this.source.open("connect"), bytes, peer));
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
    return udpSendError(this.source.fd, number, syscall, bytes.length, this.destination(peerBytes));
  }

  /** @internal */
  protected override get kernelHeaders(): KernelHeaders {
    return "udp";
  }

  override setOption<T>(option: WritableOption<T>, value: NoInfer<T>): void {
    super.setOption(option, value);
    if (option.level === C.IPPROTO_UDP && option.optname === C.UDP_GRO) {
      this.#merged = hasGro(this.source.fd);
    }
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
}
