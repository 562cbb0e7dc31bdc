/** Socket addresses between the kernel's bytes and the values of `ip/`. */
import { Ipv4Addr, Ipv6Addr, SocketAddr } from "../ip/index.ts";
import {
  AF_INET,
  AF_INET6,
  AF_PACKET,
  AF_UNIX,
  SIOCGIFINDEX,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
} from "./constants.ts";
import { errno } from "./errno.ts";
import { libc } from "./ffi.ts";
import { close, ioctl } from "./io_calls.ts";
import { LinkAddr } from "./link_addr.ts";
import { socket } from "./socket_calls.ts";
import { ifreq, sockaddr_in, sockaddr_in6, sockaddr_ll } from "./structs.ts";
import { SysError } from "./sys_error.ts";
import { UnixAddr } from "./unix_addr.ts";

/** IFNAMSIZ without its NUL. */
const IFNAME_MAX = 15;

const c_if_indextoname = libc<(index: number, name: Uint8Array) => bigint | null>(
  "void *if_indextoname(unsigned int, void *)",
);

/**
 * `unsigned int if_nametoindex(const char *ifname)`
 * @returns the interface's index, from 1 up, or `-errno`; `-ENODEV` where there is no such interface
 * @see man 3 if_nametoindex; man 7 netdevice, SIOCGIFINDEX
 */
export function if_nametoindex(name: string): number {
  // Not libc's: where it cannot open a socket, for want of files, it leaves an errno that has nothing to do with it.
  if (new TextEncoder().encode(name).length > IFNAME_MAX || name.includes("\0")) return -errno.ENODEV;
  const request = ifreq.encode({ ifr_name: name });
  const fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fd;
  const result = ioctl(fd, SIOCGIFINDEX, request);
  close(fd);
  return result < 0 ? result : ifreq.decode(request).ifr_ifindex;
}

/**
 * `char *if_indextoname(unsigned int ifindex, char *ifname)`
 * @returns the interface's name; `undefined` where there is no such interface
 * @see man 3 if_indextoname
 */
export function if_indextoname(index: number): string | undefined {
  const name = new Uint8Array(16); // IF_NAMESIZE
  if (!c_if_indextoname(index, name)) return undefined;
  return new TextDecoder().decode(name.subarray(0, name.indexOf(0)));
}

/** An address that a socket can have. */
export type AnyAddr = SocketAddr | UnixAddr | LinkAddr;

/** An address as messages name it: without its port where that is 0, since raw sockets have none. */
export function addressText(address: AnyAddr): string {
  if (!(address instanceof SocketAddr) || address.port !== 0) return address.toString();
  return `${address.ip}${address.zone === undefined ? "" : `%${address.zone}`}`;
}

/** The kernel's bytes of an address of any family. @throws as {@link encodeSockaddr} */
export function encodeAddress(address: AnyAddr): Uint8Array {
  if (address instanceof UnixAddr) return encodeSockaddrUn(address);
  return address instanceof LinkAddr ? encodeSockaddrLl(address) : encodeSockaddr(address);
}

/** A `struct sockaddr_ll`: 20 bytes, and more for an address of more than 8. */
export function encodeSockaddrLl(address: LinkAddr): Uint8Array {
  const hardware = address.address;
  const fixed = sockaddr_ll.encode({
    sll_family: AF_PACKET,
    sll_protocol: address.protocol,
    sll_ifindex: address.index,
    sll_hatype: address.hardwareType,
    sll_pkttype: address.packetTypeNumber,
    sll_halen: hardware.length,
  });
  const at = sockaddr_ll.offsetOf("sll_addr");
  const bytes = new Uint8Array(Math.max(sockaddr_ll.size, at + hardware.length));
  bytes.set(fixed);
  bytes.set(hardware, at);
  return bytes;
}

/** `struct sockaddr_un` cut to the bytes that count: 2 of the family and those of `sun_path`. */
export function encodeSockaddrUn(address: UnixAddr): Uint8Array {
  const sunPath = address.toSunPath();
  const bytes = new Uint8Array(2 + sunPath.length);
  bytes[0] = AF_UNIX;
  bytes.set(sunPath, 2);
  return bytes;
}

/**
 * The address of any family in the kernel's bytes. No bytes at all are an unnamed local socket's.
 * @returns `undefined` for another family than AF_INET, AF_INET6, AF_UNIX and AF_PACKET
 * @throws as {@link decodeSockaddr}
 */
export function decodeAddress(bytes: Uint8Array): AnyAddr | undefined {
  if (bytes.length < 2) return UnixAddr.UNNAMED;
  const family = sockaddrFamily(bytes);
  if (family === AF_UNIX) return UnixAddr.fromSunPath(bytes.subarray(2));
  if (family === AF_PACKET && bytes.length >= sockaddr_ll.offsetOf("sll_addr"))
    return LinkAddr.fromSockaddr(bytes);
  return decodeSockaddr(bytes);
}

/**
 * The kernel's bytes of an address: a `sockaddr_in` (16 bytes) or a `sockaddr_in6` (28).
 * @throws {SysError} `ENODEV` where the address names a zone that is no interface of this host
 */
export function encodeSockaddr(address: SocketAddr): Uint8Array {
  if (address.ip.version === 4) {
    return sockaddr_in.encode({
      sin_family: AF_INET,
      sin_port: address.port,
      sin_addr: address.ip.toBytes(),
    });
  }
  return sockaddr_in6.encode({
    sin6_family: AF_INET6,
    sin6_port: address.port,
    sin6_flowinfo: address.flowInfo,
    sin6_addr: address.ip.toBytes(),
    sin6_scope_id: zoneIndex(address),
  });
}

function zoneIndex(address: SocketAddr): number {
  if (address.zone === undefined) return 0;
  if (typeof address.zone === "number") return address.zone;
  const index = if_nametoindex(address.zone);
  if (index < 0) {
    throw new SysError(index, "if_nametoindex", {
      address: address.toString(),
      hint: index === -errno.ENODEV ? `this host has no network interface named ${address.zone}` : undefined,
    });
  }
  return index;
}

/**
 * The address in the kernel's bytes. A scope id comes back as a zone by index.
 * @returns `undefined` for another family than AF_INET and AF_INET6, such as the empty address of an unnamed socket
 * @throws {RangeError} where the bytes are shorter than the family's struct
 */
export function decodeSockaddr(bytes: Uint8Array): SocketAddr | undefined {
  if (bytes.length < 2) return undefined;
  const family = sockaddrFamily(bytes);
  if (family === AF_INET) {
    const value = sockaddr_in.decode(bytes);
    return SocketAddr.of(Ipv4Addr.fromBytes(value.sin_addr), value.sin_port);
  }
  if (family === AF_INET6) {
    const value = sockaddr_in6.decode(bytes);
    return SocketAddr.of(Ipv6Addr.fromBytes(value.sin6_addr), value.sin6_port, {
      flowInfo: value.sin6_flowinfo,
      ...(value.sin6_scope_id === 0 ? {} : { zone: value.sin6_scope_id }),
    });
  }
  return undefined;
}

/** `sa_family` of an address in the kernel's bytes. */
export function sockaddrFamily(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, 2).getUint16(0, true); // x86-64 and arm64 Linux are little-endian
}
