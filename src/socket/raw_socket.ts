/** RawSocket: whole messages of one IP protocol, over IPv4 or IPv6, with or without the IP header of one's own. */
import type { SocketAddr } from "../ip/index.ts";
import * as C from "../sys/index.ts";
import { IpDatagramSocket } from "./_ip_datagram.ts";
import {
  adviceOnSend,
  connectHost,
  familyNumber,
  type HostAddr,
  type HostSocketOptions,
  hostAddr,
  hostBytes,
  hostSettings,
  openHostSocket,
  withoutPort,
} from "./_raw.ts";
import { adoptFd, fdNumber } from "./_socket.ts";
import { type AncillaryRequest, encodeAncillary } from "./ancillary.ts";
import { DatagramTooLargeError, type KernelHeaders, maxPayload } from "./datagram_too_large.ts";
import {
  ICMP,
  ICMPV6,
  IP,
  IPV6,
  type OptionSetting,
  type SocketOption,
  type WritableOption,
} from "./options.ts";
import type { OwnedFd } from "./owned_fd.ts";

/** Protocols by name; the numbers are IANA's. */
const PROTOCOLS = {
  icmp: C.IPPROTO_ICMP,
  igmp: C.IPPROTO_IGMP,
  tcp: C.IPPROTO_TCP,
  udp: C.IPPROTO_UDP,
  icmpv6: C.IPPROTO_ICMPV6,
  sctp: C.IPPROTO_SCTP,
  udplite: C.IPPROTO_UDPLITE,
  raw: C.IPPROTO_RAW,
} as const;

/** A protocol of IP: by name, or by its number from 0 to 255. */
export type RawProtocol = keyof typeof PROTOCOLS | number;

export interface RawOptions extends HostSocketOptions {
  /**
   * What is sent begins with its IP header: IP_HDRINCL, IPV6_HDRINCL. False by default, but of the protocol `"raw"`, where it is
   * always so over IPv6.
   */
  readonly headerIncluded?: boolean | undefined;
  /**
   * The types of ICMP messages that are received: ICMP_FILTER, ICMPV6_FILTER. All by default. Over IPv4 types from 32 on are
   * always received.
   */
  readonly icmpTypes?: readonly number[] | undefined;
  /**
   * Where in a message the kernel writes the checksum of an IPv6 protocol, in bytes, an even number; messages that come with a
   * wrong one are dropped. IPV6_CHECKSUM. Of ICMPv6 it is always 2.
   */
  readonly checksumOffset?: number | undefined;
}

const IPV4_HEADER = 20;
const IPV6_HEADER = 40;

function protocolNumber(protocol: unknown): number {
  if (typeof protocol === "string" && Object.hasOwn(PROTOCOLS, protocol)) {
    return PROTOCOLS[protocol as keyof typeof PROTOCOLS];
  }
  if (typeof protocol !== "number") {
    const names = Object.keys(PROTOCOLS).map((name) => JSON.stringify(name));
    const got = typeof protocol === "string" ? JSON.stringify(protocol) : String(protocol);
    throw new TypeError(`protocol: expected ${names.join(", ")}, or a number, got ${got}`);
  }
  if (!Number.isInteger(protocol) || protocol < 0 || protocol > 255) {
    throw new RangeError(`protocol: expected a whole number from 0 to 255, got ${protocol}`);
  }
  return protocol;
}

function protocolText(protocol: number): string {
  const named = Object.entries(PROTOCOLS).find(([, number]) => number === protocol);
  return named === undefined ? `protocol ${protocol}` : named[0];
}

/** What a raw socket is set to beyond what all have. @throws {TypeError | RangeError} */
function rawSettings(options: RawOptions, family: number, protocol: number): OptionSetting[] {
  const { headerIncluded, icmpTypes, checksumOffset } = options;
  const ipv6 = family === C.AF_INET6;
  const settings: OptionSetting[] = [];
  if (headerIncluded !== undefined) settings.push((ipv6 ? IPV6 : IP).HDRINCL.to(headerIncluded));
  if (icmpTypes !== undefined) {
    if (protocol !== (ipv6 ? C.IPPROTO_ICMPV6 : C.IPPROTO_ICMP)) {
      throw new TypeError(`icmpTypes: expected a socket of ${ipv6 ? "ICMPv6" : "ICMP"}`);
    }
    settings.push((ipv6 ? ICMPV6 : ICMP).FILTER.to(icmpTypes));
  }
  if (checksumOffset !== undefined) {
    if (!ipv6) throw new TypeError("checksumOffset: expected an IPv6 socket; the kernel has none over IPv4");
    if (protocol === C.IPPROTO_ICMPV6) {
      if (checksumOffset !== 2) throw new RangeError("checksumOffset: ICMPv6 has its checksum at 2");
    } else settings.push(IPV6.CHECKSUM.to(checksumOffset));
  }
  return settings;
}

function adviceOnOpen(number: number, syscall: string): string | undefined {
  const { errno } = C;
  if (syscall === "bind") {
    return number === errno.EADDRNOTAVAIL ? "no network interface of this host has this address" : undefined;
  }
  if (number === errno.EPERM) return "a raw socket needs the capability CAP_NET_RAW (run as root)";
  if (number === errno.EPROTONOSUPPORT) return "there are no raw sockets of this protocol";
  if (number === errno.EAFNOSUPPORT) return "this kernel does not have this family";
  return undefined;
}

/** The IPv4 header's length as it says itself, in bytes. */
const headerLength = (packet: Uint8Array): number => ((packet[0] ?? 0) & 0x0f) * 4;

/** Why the kernel would not take a packet with its header, or `undefined`: net/ipv4/raw.c, raw_send_hdrinc. */
function wrongHeader(packet: Uint8Array, ipv6: boolean): string | undefined {
  const [name, least] = ipv6 ? ["IPv6", IPV6_HEADER] : ["IPv4", IPV4_HEADER];
  if (packet.length < least) {
    return `expected an ${name} header of at least ${least} bytes, got a packet of ${packet.length}`;
  }
  const said = ipv6 ? least : headerLength(packet);
  if (said < least) return `the header says that it has ${said} bytes; it has at least ${least}`;
  if (said > packet.length) {
    return `the header says that it has ${said} bytes, and the packet has ${packet.length}`;
  }
  return undefined;
}

/**
 * A raw socket: receives every message of its protocol that comes to this host, beside whoever else does, and sends messages of
 * that protocol. Its addresses have port 0.
 *
 * Over IPv4 what is received begins with the IP header, over IPv6 it does not: {@link payloadOf} tells them alike.
 */
export class RawSocket extends IpDatagramSocket<HostAddr> {
  /** The protocol's number. */
  readonly protocol: number;
  readonly family: "ipv4" | "ipv6";
  #headerIncluded: boolean;

  private constructor(source: C.Source, protocol: number) {
    super(source);
    this.protocol = protocol;
    this.family = C.getsockoptInt(source.fd, C.SOL_SOCKET, C.SO_DOMAIN) === C.AF_INET ? "ipv4" : "ipv6";
    this.#headerIncluded = this.getOption(this.#hdrincl);
    this.#noteLocal();
  }

  /**
   * Opens a raw socket. What comes from the moment on in which this returns is received, if `localAddr`, `device`, `icmpTypes`
   * and `filter` let it; of what another CPU delivers in that very moment, a packet may come that they would not let.
   *
   * @param protocol `"raw"` sends packets of any protocol with their headers, and receives next to nothing; Linux has no
   * raw sockets of protocol 0
   * @throws {SysError} `EPERM` without CAP_NET_RAW, `EADDRNOTAVAIL`, `ENODEV`, `EPROTONOSUPPORT` …
   * @throws {TypeError | RangeError} for options that do not fit
   * @see man 7 raw
   */
  static open(protocol: RawProtocol, options: RawOptions = {}): RawSocket {
    const number = protocolNumber(protocol);
    const bind = options.localAddr === undefined ? undefined : hostAddr("localAddr", options.localAddr);
    const family = familyNumber(options.family, bind, number === C.IPPROTO_ICMPV6 ? "ipv6" : "ipv4");
    const { filter, device, icmpTypes, checksumOffset } = options;
    const fd = openHostSocket({
      family,
      type: C.SOCK_RAW,
      protocol: number,
      settings: [...rawSettings(options, family, number), ...hostSettings(options, family)],
      bind,
      filter,
      receivesAtOnce: [bind, filter, device, icmpTypes, checksumOffset].some((it) => it !== undefined),
      hint: adviceOnOpen,
    });
    return new RawSocket(new C.Source(fd, "RawSocket"), number);
  }

  /**
   * Takes over a raw socket of IP from elsewhere. Closing it is this object's from now on. That it is connected is known
   * where it was connected with a port, as {@link connect} does.
   * @throws {TypeError} where it is no raw socket of IP; the fd stays the caller's then
   * @throws {SysError} `EBADF`, `ENOTSOCK`
   */
  static fromFd(fd: number | OwnedFd): RawSocket {
    const protocol = C.getsockoptInt(fdNumber(fd), C.SOL_SOCKET, C.SO_PROTOCOL);
    const number = adoptFd(fd, [C.AF_INET, C.AF_INET6], C.SOCK_RAW, "a raw socket of IP");
    const socket = new RawSocket(new C.Source(number, "RawSocket"), protocol);
    const peer = C.getpeername(number);
    if (typeof peer !== "number") socket.setPeer(withoutPort(peer));
    return socket;
  }

  /** Whether what is sent begins with its IP header; IP.HDRINCL and IPV6.HDRINCL change it. */
  get headerIncluded(): boolean {
    return this.#headerIncluded;
  }

  /**
   * Connects, or connects anew: `send` goes there, and nothing more is received from anybody else; what others have sent
   * before is still in the queue. There is no way back: Linux takes a raw socket that is disconnected out of those
   * that receive.
   * @throws {SysError} `ENETUNREACH`, `EACCES` (a broadcast address without SO.BROADCAST) …
   * @see man 2 connect
   */
  connect(peer: HostAddr): void {
    this.setPeer(connectHost(this.source.open("connect"), peer));
  }

  /** What is behind the IP header of what was received: over IPv6, which has none there, all of it. A view. */
  payloadOf(data: Uint8Array): Uint8Array {
    return this.family === "ipv6" ? data : data.subarray(Math.min(headerLength(data), data.length));
  }

  override setOption<T>(option: WritableOption<T>, value: NoInfer<T>): void {
    super.setOption(option, value);
    const { level, optname } = this.#hdrincl;
    if (option.level === level && option.optname === optname)
      this.#headerIncluded = this.getOption(this.#hdrincl);
  }

  get #hdrincl(): SocketOption<boolean> {
    return this.family === "ipv6" ? IPV6.HDRINCL : IP.HDRINCL;
  }

  #noteLocal(): void {
    const local = C.getsockname(this.source.fd);
    this.localBytes = typeof local === "number" ? undefined : withoutPort(local);
  }

  /** @internal */
  protected override setPeer(bytes: Uint8Array | undefined): void {
    super.setPeer(bytes);
    this.#noteLocal();
  }

  protected override describe(): string {
    const peer = this.connected ? ` → ${C.addressText(this.peerAddr)}` : "";
    return `${protocolText(this.protocol)} ${C.addressText(this.localAddr)}${peer}`;
  }

  /** @internal */
  protected override encodePeer(peer: HostAddr): Uint8Array {
    return hostBytes(peer);
  }

  /** @internal */
  protected override encodeRequest(
    request: AncillaryRequest,
    peerBytes: Uint8Array | undefined,
  ): Uint8Array | undefined {
    return encodeAncillary(request, "ip", peerBytes === undefined ? undefined : C.decodeSockaddr(peerBytes));
  }

  /** @internal */
  protected override checkSingle(): void {}

  /** @internal */
  protected override checkOutgoing(bytes: Uint8Array, peerBytes: Uint8Array | undefined): void {
    if (!this.#headerIncluded) return;
    const hint = wrongHeader(bytes, this.family === "ipv6");
    if (hint === undefined) return;
    this.source.open("send");
    throw new C.SysError(C.errno.EINVAL, "send", { address: this.#peerText(peerBytes), hint });
  }

  #peerText(peerBytes: Uint8Array | undefined): string | undefined {
    const peer = this.destination(peerBytes);
    return peer === undefined ? undefined : C.addressText(peer);
  }

  /** @internal */
  protected override get kernelHeaders(): KernelHeaders {
    return this.#headerIncluded ? "none" : "ip";
  }

  /** @internal */
  protected override sendError(
    number: number,
    syscall: string,
    bytes: Uint8Array,
    peerBytes: Uint8Array | undefined,
  ): Error {
    const { fd } = this.source;
    const peer: SocketAddr | undefined = this.destination(peerBytes);
    if (number === -C.errno.EMSGSIZE && peer !== undefined) {
      const most = maxPayload(fd, peer, this.kernelHeaders);
      if (bytes.length > most) return new DatagramTooLargeError(syscall, peer, bytes.length, most);
    }
    const hint = adviceOnSend(fd, -number, peer);
    return new C.SysError(number, syscall, { address: this.#peerText(peerBytes), hint });
  }
}
