/** PacketSocket: whole packets of a device, as they are on the link (AF_PACKET), received and sent. */
import { MacAddr } from "../ip/index.ts";
import * as C from "../sys/index.ts";
import { DatagramSocket, type ReceivedMessage, type ReceiveMessageOptions } from "./_datagram.ts";
import type { ClassicFilter } from "./_filter.ts";
import type { PacketStatistics } from "./_options_packet.ts";
import {
  bindAndJoin,
  changePacketMembership,
  checkFanout,
  deviceIndex,
  ETH_P_ALL,
  type FanoutOptions,
  type Membership,
  type MembershipOptions,
  type PacketProtocol,
  packetSendError,
  protocolNumber,
  splitLate,
} from "./_packet.ts";
import { adoptFd, openSocket } from "./_socket.ts";
import { type AncillaryRequest, encodeAncillary } from "./ancillary.ts";
import { applySetting, type OptionSetting, PACKET, type ReadableOption, SO } from "./options.ts";
import type { OwnedFd } from "./owned_fd.ts";
import { PacketRing, type PacketRingOptions, PacketSource } from "./packet_ring.ts";
import { ReceiveBatch } from "./receive_batch.ts";
import { SendBatch } from "./send_batch.ts";

/** What a socket can be asked to tell beside each packet; see {@link Ancillary}. */
export type PacketAncillaryKind = "timestamp" | "packet" | "drops";

export interface PacketOptions {
  /** The device, by name or index; all of them by default. */
  readonly device?: string | number | undefined;
  /** `"raw"`: packets with their link header, both ways. `"datagram"`: without it. `"raw"` by default. */
  readonly type?: "raw" | "datagram" | undefined;
  /**
   * Only packets of this EtherType. `"all"` by default: packets that go out come only with this one. 0 receives nothing, for
   * sockets that send alone.
   */
  readonly protocol?: PacketProtocol | undefined;
  /** The device receives what is for others, too, while the socket is open. Needs `device`. False by default. */
  readonly promiscuous?: boolean | undefined;
  /** The device receives all groups, while the socket is open. Needs `device`. False by default. */
  readonly allMulticast?: boolean | undefined;
  /** What the kernel lets through: in force before the first packet can come. */
  readonly filter?: ClassicFilter | undefined;
  /** PACKET_IGNORE_OUTGOING: leaves out what this host sends. False by default. */
  readonly ignoreOutgoing?: boolean | undefined;
  /** Shares the packets with other sockets. */
  readonly fanout?: FanoutOptions | undefined;
  /** What is told beside each packet received by `recvMsg`, or by `recvMany` into a batch with room for it. */
  readonly ancillary?: readonly PacketAncillaryKind[] | undefined;
  /** Receives into a ring: see {@link PacketSocket.ring}. */
  readonly ring?: PacketRingOptions | undefined;
  /** What is set before bind, as `SO.RCVBUFFORCE.to(2 ** 24)`. */
  readonly options?: readonly OptionSetting[] | undefined;
}

const TYPES: Readonly<Record<string, number>> = { raw: C.SOCK_RAW, datagram: C.SOCK_DGRAM };

/** So many packets of one batch go before the event loop has its turn. */
const AT_A_STRETCH = 1024;

function settingsFor(kind: PacketAncillaryKind): OptionSetting {
  switch (kind) {
    case "timestamp":
      return SO.TIMESTAMPNS.to(true);
    case "packet":
      return PACKET.AUXDATA.to(true);
    case "drops":
      return SO.RXQ_OVFL.to(true);
    default:
      throw new TypeError(`ancillary: expected "timestamp", "packet" or "drops", got ${String(kind)}`);
  }
}

/** What is set before bind. @throws {TypeError | RangeError} */
function settingsOf(options: PacketOptions): OptionSetting[] {
  const { ancillary = [], ignoreOutgoing = false } = options;
  if (!Array.isArray(ancillary)) throw new TypeError("ancillary: expected an array of what is to be told");
  const outgoing = PACKET.IGNORE_OUTGOING.to(ignoreOutgoing);
  return [
    ...(ignoreOutgoing ? [outgoing] : []),
    ...ancillary.map((kind: PacketAncillaryKind) => settingsFor(kind)),
    ...(options.options ?? []),
  ];
}

function membershipsOf({ promiscuous = false, allMulticast = false }: PacketOptions): Membership[] {
  for (const [name, value] of Object.entries({ promiscuous, allMulticast })) {
    if (typeof value !== "boolean")
      throw new TypeError(`${name}: expected true or false, got ${String(value)}`);
  }
  return [
    ...(promiscuous ? ["promiscuous" as const] : []),
    ...(allMulticast ? ["allMulticast" as const] : []),
  ];
}

/**
 * A packet socket. Needs the capability CAP_NET_RAW in the network namespace.
 *
 * Packets that this host sends to itself, or sends at all, mostly carry unfinished checksums, since a network card would
 * fill them in: {@link PacketInfo.checksum} tells.
 */
export class PacketSocket extends DatagramSocket<C.LinkAddr, C.LinkAddr | MacAddr | string> {
  readonly #source: PacketSource;
  /** SOCK_DGRAM: the kernel makes the link header. */
  readonly #datagram: boolean;
  #ring: PacketRing | undefined;
  #packets = 0;
  #drops = 0;
  #freezes: number | undefined;

  private constructor(source: PacketSource, datagram: boolean) {
    super(source);
    this.#source = source;
    this.#datagram = datagram;
  }

  /**
   * Opens a socket: with its filter, options, ring and group in force before the first packet comes.
   * @throws {SysError} `EPERM` without CAP_NET_RAW; `ENODEV`; `ENETDOWN` where the device is down; `EINVAL` a filter or a
   * group that does not fit
   * @throws {TypeError | RangeError}
   * @see man 7 packet
   */
  static open(options: PacketOptions = {}): PacketSocket {
    const { type = "raw", filter, fanout } = options;
    const kind = Object.hasOwn(TYPES, type) ? TYPES[type] : undefined;
    if (kind === undefined)
      throw new TypeError(`type: expected "raw" or "datagram", got ${JSON.stringify(type)}`);
    const protocol = protocolNumber(options.protocol ?? "all");
    const memberships = membershipsOf(options);
    checkFanout(fanout);
    const [settings, late] = splitLate(settingsOf(options));
    const index = deviceIndex(options.device);
    const fd = openSocket(C.AF_PACKET, kind, settings, () => {}); // protocol 0: nothing comes yet
    const socket = new PacketSocket(new PacketSource(fd, "PacketSocket"), type === "datagram");
    try {
      if (options.ring !== undefined) socket.openRing(options.ring);
      bindAndJoin(fd, protocol, index, fanout, filter);
      for (const membership of memberships) changePacketMembership(fd, "add", membership, index);
      for (const setting of late) applySetting(fd, setting);
      return socket;
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  /**
   * Takes over a packet socket from elsewhere. Closing it is this object's from now on.
   * @throws {TypeError} where it is no packet socket; the fd stays the caller's then
   * @throws {SysError} `EBADF`, `ENOTSOCK`
   */
  static fromFd(fd: number | OwnedFd): PacketSocket {
    const given = typeof fd === "number" ? fd : fd?.fd;
    const datagram =
      Number.isInteger(given) &&
      given >= 0 &&
      C.getsockoptInt(given, C.SOL_SOCKET, C.SO_TYPE) === C.SOCK_DGRAM;
    const number = adoptFd(fd, [C.AF_PACKET], datagram ? C.SOCK_DGRAM : C.SOCK_RAW, "a packet socket");
    return new PacketSocket(new PacketSource(number, "PacketSocket"), datagram);
  }

  /** The ring that packets are received into; `undefined` where they are received one by one. */
  get ring(): PacketRing | undefined {
    return this.#ring;
  }

  /**
   * Has packets received into a ring from now on: memory that is shared with the kernel, without a system call for a
   * packet, or a copy. The socket's `recv…` are of no use then; sending is as ever.
   * @throws {SysError} `ENOMEM`, `EINVAL`
   * @throws {TypeError} where it has one already
   * @see Documentation/networking/packet_mmap.rst, TPACKET_V3
   */
  openRing(options: PacketRingOptions = {}): PacketRing {
    if (this.#ring !== undefined) throw new TypeError("ring: expected a socket without one");
    this.#ring = new PacketRing(this.#source, this, options);
    return this.#ring;
  }

  /**
   * How many packets came, and how many were dropped, since the socket was opened.
   *
   * The kernel forgets its counts when they are read; they are added up here. So whoever else reads them, such as another
   * process with the same socket, takes them away.
   * @see man 7 packet, PACKET_STATISTICS
   */
  statistics(): PacketStatistics {
    this.getOption(PACKET.STATISTICS);
    return { packets: this.#packets, drops: this.#drops, freezeCount: this.#freezes };
  }

  override getOption<T>(option: ReadableOption<T>): T {
    const value = super.getOption(option);
    if (option.level === C.SOL_PACKET && option.optname === C.PACKET_STATISTICS) {
      const { packets, drops, freezeCount } = value as PacketStatistics;
      this.#packets += packets;
      this.#drops += drops;
      if (freezeCount !== undefined) this.#freezes = (this.#freezes ?? 0) + freezeCount;
    }
    return value;
  }

  /**
   * Has a device receive what is not for this host, too, until it is dropped or the socket closed.
   * @throws {SysError} `ENODEV`; `EINVAL` an address that is longer than the device's are
   * @throws {TypeError} without a device
   * @see man 7 packet, PACKET_ADD_MEMBERSHIP
   */
  addMembership(kind: Membership, options?: MembershipOptions): void {
    const fd = this.source.open("setsockopt");
    changePacketMembership(fd, "add", kind, this.localAddr.index, options);
  }

  /** Undoes {@link addMembership}; does nothing where there is no such membership. */
  dropMembership(kind: Membership, options?: MembershipOptions): void {
    const fd = this.source.open("setsockopt");
    changePacketMembership(fd, "drop", kind, this.localAddr.index, options);
  }

  /** @internal A hardware address alone is one at the device, and of the protocol, that the socket is bound to. */
  protected override encodePeer(peer: C.LinkAddr | MacAddr | string): Uint8Array {
    const own = this.localAddr;
    if (peer instanceof C.LinkAddr) {
      if (peer.index !== 0 || own.index === 0) return C.encodeSockaddrLl(peer);
      const { protocol, address } = peer;
      return C.encodeSockaddrLl(C.LinkAddr.of({ index: own.index, protocol, address }));
    }
    if (typeof peer !== "string" && !(peer instanceof MacAddr)) {
      throw new TypeError(`peer: expected a LinkAddr, or a MAC address, got ${typeof peer}`);
    }
    const { index, protocol } = own;
    if (this.#datagram && (protocol === 0 || protocol === ETH_P_ALL)) {
      throw new TypeError(
        "peer: expected a LinkAddr with a protocol, since the socket is bound to none by which the packet could go",
      );
    }
    return C.encodeSockaddrLl(C.LinkAddr.of({ index, protocol, address: peer }));
  }

  /** @internal */
  protected override encodeRequest(request: AncillaryRequest): Uint8Array | undefined {
    return encodeAncillary(request, "packet", undefined);
  }

  /** @internal */
  protected override sendError(
    number: number,
    syscall: string,
    _bytes: Uint8Array,
    peerBytes: Uint8Array | undefined,
  ): Error {
    const peer = peerBytes === undefined ? undefined : (C.decodeAddress(peerBytes) as C.LinkAddr);
    return packetSendError(number, syscall, peer);
  }

  /** @internal Nobody reports anything of an earlier packet. */
  protected override mayBeReported(): boolean {
    return false;
  }

  /** @internal No files come here, and the flag for them is refused. */
  protected override messageFlags(): number {
    return 0;
  }

  /** @internal */
  protected override checkSingle(): void {
    if (this.#ring === undefined) return;
    throw new TypeError(
      "recvFrom: expected a socket without a ring, into which all packets go: use socket.ring",
    );
  }

  override recvMsg(options: ReceiveMessageOptions = {}): Promise<ReceivedMessage<C.LinkAddr>> {
    try {
      this.checkSingle();
      return super.recvMsg(options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Sends the packets of a batch, in order: to where each was pushed for, or by the device that the socket is bound to. A
   * batch is empty afterwards.
   * @returns how many were sent
   * @throws {SysError} of the packet at `batch.sent`; those before it have gone, it and those behind it have not: call
   * again, or `skip()` it
   * @throws the signal's reason, or {@link TimeoutError}; `batch.sent` tells how far it came
   * @see man 2 sendmmsg
   */
  async sendMany(batch: SendBatch, options?: C.WaitOptions): Promise<number> {
    if (!(batch instanceof SendBatch) || batch.segmented) {
      throw new TypeError("batch: expected a SendBatch without `segmented`");
    }
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
    const before = batch.sent;
    while (!batch.done) {
      if (batch.sent - before >= AT_A_STRETCH) return C.YIELD;
      const count = batch.sendmmsg(this.source.fd, AT_A_STRETCH);
      if (count > 0 || count === -C.errno.EINTR) continue;
      if (count === -C.errno.EAGAIN) return C.WOULD_BLOCK;
      const { bytes, peer } = batch.next;
      throw this.sendError(count, "sendmmsg", bytes, peer);
    }
    return true;
  }

  /**
   * Receives as many packets as are there, at least one, at most as many as the batch has room for.
   * @returns how many are in the batch now
   * @throws as {@link recvFrom}; what was in the batch is gone
   * @see man 2 recvmmsg
   */
  async recvMany(batch: ReceiveBatch<C.LinkAddr>, options?: C.WaitOptions): Promise<number> {
    this.#checkBatch(batch);
    batch.begin();
    try {
      return await this.source.run("read", "recvmmsg", this, () => this.#receiveBatch(batch), options);
    } finally {
      batch.end();
    }
  }

  /** Receives as many packets as are there now. @returns as {@link recvMany}, or {@link WOULD_BLOCK} */
  tryRecvMany(batch: ReceiveBatch<C.LinkAddr>): number | C.WouldBlock {
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

  #checkBatch(batch: ReceiveBatch<C.LinkAddr>): void {
    this.checkSingle();
    if (!(batch instanceof ReceiveBatch) || batch.merged) {
      throw new TypeError("batch: expected a ReceiveBatch without `merged`");
    }
  }

  #receiveBatch(batch: ReceiveBatch<C.LinkAddr>): number | C.WouldBlock {
    return this.receiveNow(() => batch.recvmmsg(this.source.fd), "recvmmsg");
  }
}
