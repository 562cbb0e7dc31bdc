/** What a socket of IP is bound to: an address, or a port alone, which is every address of both families. */
import { Ipv4Addr, Ipv6Addr, SocketAddr } from "../ip/index.ts";
import * as C from "../sys/index.ts";

/** @throws {SysError} `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL` … */
export function bindFd(fd: number, address: SocketAddr): void {
  C.check(C.bind(fd, C.encodeSockaddr(address)), "bind", { address: address.toString() });
}

/**
 * Calls `bind` with the address; of a port alone with that of IPv6, which takes both families, and with that of IPv4 where
 * this host has no IPv6.
 * @param ipv6Only IPv4 will not do
 * @throws {AddressError} the text is no address with a port
 * @throws {TypeError | RangeError} it is nothing of the three
 * @throws whatever `bind` throws
 */
export function bindTo<S>(
  address: string | number | SocketAddr,
  ipv6Only: boolean,
  bind: (address: SocketAddr) => S,
): S {
  if (typeof address === "string") return bind(SocketAddr.parse(address));
  if (address instanceof SocketAddr) return bind(address);
  if (typeof address !== "number") {
    throw new TypeError(`address: expected "host:port", a SocketAddr, or a port, got ${typeof address}`);
  }
  try {
    return bind(SocketAddr.of(Ipv6Addr.UNSPECIFIED, address));
  } catch (error) {
    const noIpv6 = error instanceof C.SysError && ["EAFNOSUPPORT", "EADDRNOTAVAIL"].includes(error.code);
    if (!noIpv6 || ipv6Only) throw error;
    return bind(SocketAddr.of(Ipv4Addr.UNSPECIFIED, address));
  }
}
