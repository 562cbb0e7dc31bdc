/** The structs of options and control messages that hold addresses, to be encoded and decoded. */
import { i32, struct, u32 } from "../bytes/index.ts";
import { in_addr_layout, in6_addr_layout } from "./_layouts.ts";

/** `struct ip_mreq`, man 7 ip: IP_ADD_MEMBERSHIP. */
export const ip_mreq = struct("ip_mreq", { imr_multiaddr: in_addr_layout, imr_interface: in_addr_layout });

/** `struct ip_mreqn`, man 7 ip: IP_ADD_MEMBERSHIP, IP_MULTICAST_IF. */
export const ip_mreqn = struct("ip_mreqn", {
  imr_multiaddr: in_addr_layout,
  imr_address: in_addr_layout,
  imr_ifindex: i32,
});

/** `struct ip_mreq_source`, man 7 ip: IP_ADD_SOURCE_MEMBERSHIP. */
export const ip_mreq_source = struct("ip_mreq_source", {
  imr_multiaddr: in_addr_layout,
  imr_interface: in_addr_layout,
  imr_sourceaddr: in_addr_layout,
});

/** `struct ipv6_mreq`, man 7 ipv6: IPV6_JOIN_GROUP. */
export const ipv6_mreq = struct("ipv6_mreq", { ipv6mr_multiaddr: in6_addr_layout, ipv6mr_interface: u32 });

/** `struct in_pktinfo`, man 7 ip: IP_PKTINFO. */
export const in_pktinfo = struct("in_pktinfo", {
  ipi_ifindex: i32,
  ipi_spec_dst: in_addr_layout,
  ipi_addr: in_addr_layout,
});

/** `struct in6_pktinfo`, RFC 3542 §6: IPV6_PKTINFO. */
export const in6_pktinfo = struct("in6_pktinfo", { ipi6_addr: in6_addr_layout, ipi6_ifindex: u32 });
