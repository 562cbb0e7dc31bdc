/** What raw and ping sockets share: how they are opened, named addresses without ports, and what they say when they cannot. */
import { IpAddr, SocketAddr } from "../ip/index.ts";
import * as C from "../sys/index.ts";
import { REPORTED_TRIES } from "./_datagram.ts";
import { attachFilter, type ClassicFilter, detachFilter, filterBytes } from "./_filter.ts";
import { type AncillaryKind, ancillarySettings } from "./_ip_settings.ts";
import { openSocket } from "./_socket.ts";
import { applySetting, IP, IPV6, type OptionSetting, SO } from "./options.ts";

/** How a host is named where there are no ports: `"192.0.2.1"`, `"fe80::1%eth0"`, an IpAddr, or a SocketAddr of port 0. */
export type HostAddr = SocketAddr | IpAddr | string;

/** What raw and ping sockets can be opened with. */
export interface HostSocketOptions {
  /** IPv4 by default, or the family of `localAddr`, or of the protocol where it has one. */
  readonly family?: "ipv4" | "ipv6" | undefined;
  /** The address of this side: what comes for others is not received. Every address by default. */
  readonly localAddr?: HostAddr | undefined;
  /** The interface, by name, that is sent by and received from; any by default. SO_BINDTODEVICE. */
  readonly device?: string | undefined;
  /** A classic BPF program that says what is received; see {@link Socket.attachFilter}. */
  readonly filter?: ClassicFilter | undefined;
  /** SO_BROADCAST: allows sending to broadcast addresses. False by default. */
  readonly broadcast?: boolean | undefined;
  /** IP_RECVERR, IPV6_RECVERR: queues what ICMP reports of what was sent, for `recvError`. False by default. */
  readonly icmpErrors?: boolean | undefined;
  /** What is told beside each message received by `recvMsg`, and beside each error. */
  readonly ancillary?: readonly AncillaryKind[] | undefined;
  /** What is set before bind, as `IP.TTL.to(5)`. */
  readonly options?: readonly OptionSetting[] | undefined;
}

/** @throws {TypeError | AddressError} */
export function hostAddr(name: string, value: HostAddr): SocketAddr {
  const address = readHost(name, value);
  if (address.port !== 0) {
    throw new TypeError(`${name}: expected an address without a port, got ${address}`);
  }
  return address;
}

function readHost(name: string, value: HostAddr): SocketAddr {
  if (value instanceof SocketAddr) return value;
  if (IpAddr.is(value)) return SocketAddr.of(value, 0);
  if (typeof value !== "string") {
    throw new TypeError(`${name}: expected an address, as text, IpAddr or SocketAddr, got ${typeof value}`);
  }
  return SocketAddr.tryParse(value) ?? SocketAddr.of(value, 0);
}

/** So many addresses are remembered before all are forgotten. */
const LIMIT = 4096;
const byText = new Map<string, Uint8Array>();
const byAddress = new WeakMap<SocketAddr | IpAddr, Uint8Array>();

/** The kernel's bytes of a peer, not to be changed. @throws as {@link hostAddr}, and `ENODEV` for a zone that is no interface */
export function hostBytes(peer: HostAddr): Uint8Array {
  const known = typeof peer === "string" ? byText.get(peer) : byAddress.get(peer);
  if (known !== undefined) return known;
  const address = hostAddr("peer", peer);
  const bytes = C.encodeSockaddr(address);
  if (typeof address.zone === "string") return bytes; // the interface of that name may be another one later
  if (typeof peer === "object") byAddress.set(peer, bytes);
  else {
    if (byText.size >= LIMIT) byText.clear();
    byText.set(peer, bytes);
  }
  return bytes;
}

/** The same address of port 0: the kernel keeps a raw socket's protocol where others have their port. */
export function withoutPort(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy.fill(0, 2, 4);
  return copy;
}

/**
 * Connects, or connects anew.
 * @returns the kernel's bytes of the peer, without a port
 * @throws {SysError}
 */
export function connectHost(fd: number, peer: HostAddr): Uint8Array {
  const bytes = hostBytes(peer);
  const asked = bytes.slice();
  asked[3] = 1; // getpeername gives no peer without a port; nothing else looks at it
  C.check(C.connect(fd, asked), "connect", { address: C.addressText(hostAddr("peer", peer)) });
  C.getsockoptInt(fd, C.SOL_SOCKET, C.SO_ERROR); // what was reported of an earlier peer is not this one's
  const connected = C.getpeername(fd);
  return withoutPort(typeof connected === "number" ? bytes : connected);
}

/** AF_INET or AF_INET6. @throws {TypeError} where it is neither, or not that of the address */
export function familyNumber(
  family: unknown,
  localAddr: SocketAddr | undefined,
  usual: "ipv4" | "ipv6",
): number {
  const wanted = family ?? localAddr?.family ?? usual;
  if (wanted !== "ipv4" && wanted !== "ipv6") {
    throw new TypeError(`family: expected "ipv4" or "ipv6", got ${String(wanted)}`);
  }
  if (localAddr !== undefined && localAddr.family !== wanted) {
    throw new TypeError(
      `localAddr: expected an ${wanted === "ipv4" ? "IPv4" : "IPv6"} address, got ${localAddr.ip}`,
    );
  }
  return wanted === "ipv4" ? C.AF_INET : C.AF_INET6;
}

/** What is set before bind. @throws {TypeError | RangeError} */
export function hostSettings(options: HostSocketOptions, family: number): OptionSetting[] {
  const { device, broadcast = false, icmpErrors = false, ancillary = [] } = options;
  const ipv6 = family === C.AF_INET6;
  return [
    ...(device === undefined ? [] : [SO.BINDTODEVICE.to(device)]),
    ...(broadcast ? [SO.BROADCAST.to(broadcast)] : []),
    ...(icmpErrors ? [(ipv6 ? IPV6 : IP).RECVERR.to(icmpErrors)] : []),
    ...ancillarySettings(ancillary, ipv6 ? "ipv6" : "ipv4"),
    ...(options.options ?? []), // what is named by itself has the last word
  ];
}

/** `BPF_RET | BPF_K` of 0, linux/filter.h: nothing is received. */
const NOTHING = Uint8Array.of(6, 0, 0, 0, 0, 0, 0, 0);
const scratch = new Uint8Array(new ArrayBuffer(1));

/** Forgets what is queued, which is finite once {@link NOTHING} is received. */
function drain(fd: number): void {
  for (let failures = 0; failures < REPORTED_TRIES; ) {
    const count = C.recv(fd, scratch, C.MSG_TRUNC);
    if (count === -C.errno.EAGAIN) return;
    if (count < 0) failures++; // what ICMP reported is given once
  }
}

/** How a socket is opened that says by its protocol, its addresses and its filters what it receives. */
export interface Opening {
  readonly family: number;
  readonly type: number;
  readonly protocol: number;
  readonly settings: readonly OptionSetting[];
  /** What it is bound to; not bound without one. */
  readonly bind: SocketAddr | undefined;
  readonly filter: ClassicFilter | undefined;
  /** It receives from the moment on in which it is made, more than it is asked for. */
  readonly receivesAtOnce: boolean;
  /** What to say of a call that failed. */
  readonly hint: (number: number, syscall: string) => string | undefined;
}

/**
 * Opens a socket; what came before this returns, and would not come afterwards, is not received: but for a packet that another CPU has
 * let pass and not queued yet, for which only an RCU grace period would wait, some ten milliseconds.
 * @throws {SysError}
 */
export function openHostSocket(opening: Opening): number {
  const { family, type, protocol, settings, bind, receivesAtOnce, hint } = opening;
  const filter = opening.filter === undefined ? undefined : filterBytes(opening.filter);
  const locks = (it: OptionSetting): boolean => it.level === C.SOL_SOCKET && it.optname === C.SO_LOCK_FILTER;
  const explained = (result: number, syscall: string, address?: string): number => {
    return C.check(result, syscall, { address, hint: result < 0 ? hint(-result, syscall) : undefined });
  };
  const prepare = (fd: number): void => {
    if (receivesAtOnce) attachFilter(fd, NOTHING);
    else if (filter !== undefined) attachFilter(fd, filter);
    for (const setting of settings) if (!locks(setting)) applySetting(fd, setting);
    if (bind !== undefined) explained(C.bind(fd, C.encodeSockaddr(bind)), "bind", C.addressText(bind));
    if (receivesAtOnce) {
      drain(fd);
      if (filter === undefined) detachFilter(fd);
      else attachFilter(fd, filter);
    }
    for (const setting of settings) if (locks(setting)) applySetting(fd, setting);
  };
  try {
    return openSocket(family, type, [], prepare, protocol);
  } catch (error) {
    if (!(error instanceof C.SysError) || error.syscall !== "socket") throw error;
    throw new C.SysError(error.errno, "socket", { hint: hint(error.errno, "socket"), cause: error });
  }
}

/** What to say of a send that failed for good, where its kind of socket knows no more of it. */
export function adviceOnSend(fd: number, number: number, peer: SocketAddr | undefined): string | undefined {
  const { errno } = C;
  const family = C.getsockoptInt(fd, C.SOL_SOCKET, C.SO_DOMAIN);
  const other = peer !== undefined && (peer.ip.version === 4) !== (family === C.AF_INET);
  if (other && (number === errno.EINVAL || number === errno.EAFNOSUPPORT)) {
    return "the socket and the address are of different families";
  }
  switch (number) {
    case errno.EACCES:
      return peer?.ip.version === 4 && C.getsockoptInt(fd, C.SOL_SOCKET, C.SO_BROADCAST) === 0
        ? "sending to a broadcast address needs the option SO.BROADCAST (SO_BROADCAST)"
        : undefined;
    case errno.EPERM:
      return "a firewall rule of this host (nftables, iptables) forbids it";
    case errno.ENOBUFS:
      return "the queue of the interface is full, and the packet was dropped";
    case errno.EDESTADDRREQ:
    case errno.ENOTCONN:
      return "this socket is not connected: use sendTo, or connect first";
    case errno.ENETUNREACH:
      return "this host has no route to that network";
    case errno.EMSGSIZE:
      return "it would fit: an earlier one was longer than the path's MTU";
    default:
      return undefined;
  }
}
