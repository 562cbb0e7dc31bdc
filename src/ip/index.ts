/**
 * IP addresses, prefixes, socket addresses, the kinds of address, ports and services. Pure TypeScript: it loads in a
 * browser as well.
 * @module
 */
export type { AddrKind, SpecialBlock } from "./_special_purpose.ts";
export { SPECIAL_BLOCKS } from "./_special_purpose.ts";
export type { MulticastScope } from "./addr.ts";
export { Ipv4Addr, Ipv6Addr } from "./addr.ts";
export { AddressError } from "./errors.ts";
export type { HostPort } from "./host_port.ts";
export { splitHostPort } from "./host_port.ts";
export { IpAddr } from "./ip_addr.ts";
export type { AddrDescription } from "./kind.ts";
export { describe } from "./kind.ts";
export { inetAton } from "./legacy.ts";
export { MacAddr } from "./mac_addr.ts";
export type { PortClass } from "./ports.ts";
export { isPort, parsePort, portClass } from "./ports.ts";
export { IpPrefix } from "./prefix.ts";
export type { Service, ServiceProtocol } from "./services.ts";
export { serviceByName, servicesByPort } from "./services.ts";
export type { SocketAddrOptions } from "./socket_addr.ts";
export { SocketAddr } from "./socket_addr.ts";
export type { PrefixEntry } from "./table.ts";
export { PrefixTable } from "./table.ts";
export type { ScopedAddr, Zone } from "./zone.ts";
export { parseScoped, splitZone } from "./zone.ts";
