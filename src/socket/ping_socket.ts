/** PingSocket: ICMP and ICMPv6 echo without privilege, where net.ipv4.ping_group_range allows it. */
import { readFileSync } from "node:fs";
import { Ipv4Addr, Ipv6Addr, SocketAddr } from "../ip/index.ts";
import * as C from "../sys/index.ts";
import { checkBytes } from "./_bytes.ts";
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
import { disconnectUdp } from "./_udp_calls.ts";
import { type AncillaryRequest, encodeAncillary } from "./ancillary.ts";
import { DatagramTooLargeError, type KernelHeaders, maxPayload } from "./datagram_too_large.ts";
import { SO } from "./options.ts";
import type { OwnedFd } from "./owned_fd.ts";

export interface PingOptions extends HostSocketOptions {
  /** The identifier of this socket's messages, 1 to 65535; the kernel's choice by default. */
  readonly identifier?: number | undefined;
}

/** RFC 792 and RFC 4443 §4.1: type, code, checksum, identifier, sequence number. */
const ECHO_HEADER = 8;
const ECHO_REQUEST = { ipv4: 8, ipv6: 128 } as const;

const RANGE = "/proc/sys/net/ipv4/ping_group_range";

function groupRange(): string {
  try {
    return ` (now ${readFileSync(RANGE, "utf8").trim().replace(/\s+/, " ")})`;
  } catch {
    return "";
  }
}

function adviceOnOpen(number: number, syscall: string): string | undefined {
  const { errno } = C;
  if (syscall === "bind") {
    if (number === errno.EADDRINUSE) return "another ping socket has this identifier";
    return number === errno.EADDRNOTAVAIL ? "no network interface of this host has this address" : undefined;
  }
  if (number === errno.EACCES) {
    return (
      `a ping socket needs a group of this process in net.ipv4.ping_group_range${groupRange()}; ` +
      "without one a RawSocket, which needs the capability CAP_NET_RAW, does the same"
    );
  }
  if (number === errno.EAFNOSUPPORT || number === errno.EPROTONOSUPPORT) {
    return "this kernel does not have ping sockets of this family";
  }
  return undefined;
}

function checkIdentifier(identifier: unknown): number {
  if (identifier === undefined) return 0;
  if (typeof identifier !== "number") {
    throw new TypeError(`identifier: expected a number, got ${typeof identifier}`);
  }
  if (!Number.isInteger(identifier) || identifier < 1 || identifier > 0xffff) {
    throw new RangeError(`identifier: expected a whole number from 1 to 65535, got ${identifier}`);
  }
  return identifier;
}

/**
 * A datagram socket of ICMP or ICMPv6: sends echo requests, and receives the replies to them, without privilege. Messages begin
 * with the ICMP header, in which the kernel writes identifier and checksum. The identifier is the port of {@link localAddr}; peers
 * have port 0.
 */
export class PingSocket extends IpDatagramSocket<HostAddr> {
  readonly family: "ipv4" | "ipv6";

  private constructor(source: C.Source) {
    super(source);
    this.family = C.getsockoptInt(source.fd, C.SOL_SOCKET, C.SO_DOMAIN) === C.AF_INET ? "ipv4" : "ipv6";
  }

  /**
   * Opens a ping socket, and binds it to an identifier of its own.
   * @throws {SysError} `EACCES` where net.ipv4.ping_group_range has no group of this process, which holds for root too;
   * `EADDRINUSE`, `EADDRNOTAVAIL`, `ENODEV` …
   * @throws {TypeError | RangeError} for options that do not fit
   * @see man 7 icmp, ping_group_range
   */
  static open(options: PingOptions = {}): PingSocket {
    const local = options.localAddr === undefined ? undefined : hostAddr("localAddr", options.localAddr);
    const family = familyNumber(options.family, local, "ipv4");
    const identifier = checkIdentifier(options.identifier);
    const ip = local?.ip ?? (family === C.AF_INET ? Ipv4Addr.UNSPECIFIED : Ipv6Addr.UNSPECIFIED);
    const fd = openHostSocket({
      family,
      type: C.SOCK_DGRAM,
      protocol: family === C.AF_INET ? C.IPPROTO_ICMP : C.IPPROTO_ICMPV6,
      settings: [SO.REUSEADDR.to(false), ...hostSettings(options, family)], // else others could take its replies
      bind: SocketAddr.of(ip, identifier, { zone: local?.zone }),
      filter: options.filter,
      receivesAtOnce: false,
      hint: adviceOnOpen,
    });
    return new PingSocket(new C.Source(fd, "PingSocket"));
  }

  /**
   * Takes over a ping socket from elsewhere. Closing it is this object's from now on. That it is connected is known
   * where it was connected with a port, as {@link connect} does.
   * @throws {TypeError} where it is no ping socket; the fd stays the caller's then
   * @throws {SysError} `EBADF`, `ENOTSOCK`
   */
  static fromFd(fd: number | OwnedFd): PingSocket {
    const protocol = C.getsockoptInt(fdNumber(fd), C.SOL_SOCKET, C.SO_PROTOCOL);
    if (protocol >= 0 && protocol !== C.IPPROTO_ICMP && protocol !== C.IPPROTO_ICMPV6) {
      throw new TypeError(
        `fd: expected a ping socket, got a socket of protocol ${protocol} (fd ${fdNumber(fd)})`,
      );
    }
    const number = adoptFd(fd, [C.AF_INET, C.AF_INET6], C.SOCK_DGRAM, "a ping socket");
    const socket = new PingSocket(new C.Source(number, "PingSocket"));
    const peer = C.getpeername(number);
    if (typeof peer !== "number") socket.setPeer(withoutPort(peer));
    return socket;
  }

  /** What the kernel writes into the messages that are sent, and knows this socket's replies by. */
  get identifier(): number {
    return this.localAddr.port;
  }

  /** {@link SocketAddr} with the identifier as its port. @throws {SysError} `EBADF` on a closed socket */
  override get localAddr(): SocketAddr {
    const address = super.localAddr;
    if (address.port === 0) this.localBytes = undefined; // a socket from elsewhere that has sent nothing yet
    return address;
  }

  /**
   * An echo request for this family, with identifier and checksum 0, which the kernel fills in when it is sent.
   * @param sequence 0 to 65535
   */
  echoRequest(sequence: number, payload: Uint8Array = new Uint8Array()): Uint8Array {
    checkBytes("payload", payload);
    if (!Number.isInteger(sequence) || sequence < 0 || sequence > 0xffff) {
      throw new RangeError(`sequence: expected a whole number from 0 to 65535, got ${sequence}`);
    }
    const message = new Uint8Array(ECHO_HEADER + payload.length);
    message[0] = ECHO_REQUEST[this.family];
    message[6] = sequence >> 8;
    message[7] = sequence & 0xff;
    message.set(payload, ECHO_HEADER);
    return message;
  }

  /**
   * Connects, or connects anew: `send` goes there.
   * @throws {SysError} `ENETUNREACH`, `EACCES` (a broadcast address without SO.BROADCAST) …
   * @see man 2 connect
   */
  connect(peer: HostAddr): void {
    this.setPeer(connectHost(this.source.open("connect"), peer));
  }

  /**
   * Undoes {@link connect}, with the same identifier.
   * @throws {SysError} `EADDRINUSE` where the kernel had chosen the identifier, and somebody else has taken it in this moment
   */
  disconnect(): void {
    disconnectUdp(this.source.open("connect"), () => this.setPeer(undefined));
  }

  protected override describe(): string {
    const peer = this.connected ? ` → ${C.addressText(this.peerAddr)}` : "";
    return `${C.addressText(SocketAddr.of(this.localAddr.ip, 0))} identifier ${this.identifier}${peer}`;
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
  protected override get kernelHeaders(): KernelHeaders {
    return "ip";
  }

  /** @internal */
  protected override sendError(
    number: number,
    syscall: string,
    bytes: Uint8Array,
    peerBytes: Uint8Array | undefined,
  ): Error {
    const { fd } = this.source;
    const peer = this.destination(peerBytes);
    if (number === -C.errno.EMSGSIZE && peer !== undefined) {
      const most = maxPayload(fd, peer, this.kernelHeaders);
      if (bytes.length > most) return new DatagramTooLargeError(syscall, peer, bytes.length, most);
    }
    const hint =
      adviceOnSend(fd, -number, peer) ?? (number === -C.errno.EINVAL ? this.#wrong(bytes) : undefined);
    return new C.SysError(number, syscall, { address: peer && C.addressText(peer), hint });
  }

  /** Why the kernel does not take a message: net/ipv4/ping.c, ping_supported. */
  #wrong(bytes: Uint8Array): string | undefined {
    if (bytes.length < ECHO_HEADER) {
      return `expected an ICMP message of at least ${ECHO_HEADER} bytes, got ${bytes.length}`;
    }
    const type = ECHO_REQUEST[this.family];
    if (bytes[0] === type && bytes[1] === 0) return undefined;
    return `a ping socket sends echo requests only, type ${type} and code 0, got type ${bytes[0]} and code ${bytes[1]}`;
  }
}
