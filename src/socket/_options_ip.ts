/** The options of IPv4, level IPPROTO_IP. The comment of a row is its text in docs/options.md. */
import * as C from "../sys/index.ts";
import {
  bool,
  byteString,
  bytesCount,
  hops,
  int,
  integer,
  octet,
  pathMtuDiscovery,
} from "./_option_codecs.ts";
import { ro, rw } from "./_option_row.ts";
import { address, multicastInterface, networkInterfaceBe, portRange } from "./_option_structs.ts";

/** Options of IPv4, man 7 ip; an IPv6 socket has them for the IPv4 that it carries. */
export const IP = {
  /** Leaves the choice of the local port to connect, so that a bound address costs no port. */
  BIND_ADDRESS_NO_PORT: rw("IP_BIND_ADDRESS_NO_PORT", C.IPPROTO_IP, C.IP_BIND_ADDRESS_NO_PORT, bool),
  /** Tells with each datagram the checksum of its bytes, as a control message of type IP_CHECKSUM. */
  CHECKSUM: rw("IP_CHECKSUM", C.IPPROTO_IP, C.IP_CHECKSUM, bool, { on: ["udp"] }),
  /** Allows binding to an address that this host does not have (yet). */
  FREEBIND: rw("IP_FREEBIND", C.IPPROTO_IP, C.IP_FREEBIND, bool),
  /** Whoever sends writes the IP header, too. */
  HDRINCL: rw("IP_HDRINCL", C.IPPROTO_IP, C.IP_HDRINCL, bool, { on: ["raw"] }),
  /**
   * Where connect takes the local port from, within the system's range; 0 leaves an end as the system has it.
   */
  LOCAL_PORT_RANGE: rw("IP_LOCAL_PORT_RANGE", C.IPPROTO_IP, C.IP_LOCAL_PORT_RANGE, portRange, {
    since: "6.3",
  }),
  /** Packets with fewer hops left are dropped; 0 is off. */
  MINTTL: rw("IP_MINTTL", C.IPPROTO_IP, C.IP_MINTTL, octet),
  /** The known path MTU of a connected socket, in bytes; `ENOTCONN` on others. */
  MTU: ro("IP_MTU", C.IPPROTO_IP, C.IP_MTU, bytesCount),
  /**
   * Path MTU discovery. "dont" never sets DF, so that routers may fragment; "want" sets it as the route says,
   * and fragments datagrams that are too long here; "do" always sets it, so that datagrams that are too long
   * are `EMSGSIZE`; "probe" sets it, whatever the path MTU; "interface" and "omit" go by the interface's MTU
   * and do not believe ICMP, and "omit" fragments what is longer.
   */
  MTU_DISCOVER: rw("IP_MTU_DISCOVER", C.IPPROTO_IP, C.IP_MTU_DISCOVER, pathMtuDiscovery),
  /**
   * Takes the datagrams of every group that any socket of this host has joined, as it does at first, and not
   * only of its own groups.
   */
  MULTICAST_ALL: rw("IP_MULTICAST_ALL", C.IPPROTO_IP, C.IP_MULTICAST_ALL, bool),
  /**
   * The interface for sent multicast, by name, index or address; 0 and 0.0.0.0 leave it to the routes. The
   * kernel answers with the address alone: 0.0.0.0 after a name or an index.
   */
  MULTICAST_IF: rw("IP_MULTICAST_IF", C.IPPROTO_IP, C.IP_MULTICAST_IF, multicastInterface, {
    on: ["udp", "raw"],
  }),
  /** Gives sent multicast also to the sockets of this host, as it does at first. */
  MULTICAST_LOOP: rw("IP_MULTICAST_LOOP", C.IPPROTO_IP, C.IP_MULTICAST_LOOP, bool),
  /**
   * The time to live of sent multicast; 1, as it is at first, stays in the local network, and 0 in this host.
   */
  MULTICAST_TTL: rw("IP_MULTICAST_TTL", C.IPPROTO_IP, C.IP_MULTICAST_TTL, integer(0, 255, "hops"), {
    on: ["udp", "raw"],
  }),
  /** Lets fragments pass unassembled where this host is the sender and netfilter would put them together. */
  NODEFRAG: rw("IP_NODEFRAG", C.IPPROTO_IP, C.IP_NODEFRAG, bool, { on: ["raw"] }),
  /** The IP options of sent packets, RFC 791 §3.1, at most 40 bytes; none are no bytes. */
  OPTIONS: rw("IP_OPTIONS", C.IPPROTO_IP, C.IP_OPTIONS, byteString(40)),
  /**
   * The address that the connection had before NAT redirected it to this socket; `ENOENT` where nothing did.
   */
  ORIGINAL_DST: ro("SO_ORIGINAL_DST", C.IPPROTO_IP, C.SO_ORIGINAL_DST, address(C.sockaddr_in.size), {
    on: ["tcp"],
  }),
  /** Tells with each datagram the security label of its sender, as a control message of type SCM_SECURITY. */
  PASSSEC: rw("IP_PASSSEC", C.IPPROTO_IP, C.IP_PASSSEC, bool, { on: ["udp"] }),
  /**
   * Tells with each datagram where it was sent to and which interface it came by: `destination` of the
   * ancillary data.
   */
  PKTINFO: rw("IP_PKTINFO", C.IPPROTO_IP, C.IP_PKTINFO, bool),
  /** The protocol number of a raw socket. */
  PROTOCOL: ro("IP_PROTOCOL", C.IPPROTO_IP, C.IP_PROTOCOL, int, { since: "6.4", on: ["raw"] }),
  /** Queues ICMP errors for the error queue, and passes them on to unconnected UDP sockets, too. */
  RECVERR: rw("IP_RECVERR", C.IPPROTO_IP, C.IP_RECVERR, bool),
  /** Tells with an error where in the ICMP message the extensions of RFC 4884 start. */
  RECVERR_RFC4884: rw("IP_RECVERR_RFC4884", C.IPPROTO_IP, C.IP_RECVERR_RFC4884, bool, {
    since: "5.9",
    on: ["udp", "raw"],
  }),
  /** Tells with each datagram that came in fragments how long the longest was, as a control message. */
  RECVFRAGSIZE: rw("IP_RECVFRAGSIZE", C.IPPROTO_IP, C.IP_RECVFRAGSIZE, bool, { on: ["udp", "raw"] }),
  /** Tells with each datagram its IP options as they are, as a control message of type IP_RECVOPTS. */
  RECVOPTS: rw("IP_RECVOPTS", C.IPPROTO_IP, C.IP_RECVOPTS, bool, { on: ["udp", "raw"] }),
  /**
   * Tells with each datagram its original destination and port, where TPROXY redirected it, as a control
   * message.
   */
  RECVORIGDSTADDR: rw("IP_RECVORIGDSTADDR", C.IPPROTO_IP, C.IP_RECVORIGDSTADDR, bool, {
    on: ["udp", "raw"],
  }),
  /** Tells with each datagram its TOS octet: `tos` of the ancillary data. */
  RECVTOS: rw("IP_RECVTOS", C.IPPROTO_IP, C.IP_RECVTOS, bool),
  /** Tells with each datagram the time to live that was left: `ttl` of the ancillary data. */
  RECVTTL: rw("IP_RECVTTL", C.IPPROTO_IP, C.IP_RECVTTL, bool),
  /** As RECVOPTS, with the options as an answer would have them: routes turned round. */
  RETOPTS: rw("IP_RETOPTS", C.IPPROTO_IP, C.IP_RETOPTS, bool, { on: ["udp", "raw"] }),
  /** Takes the packets with a router alert (RFC 2113) that this host would forward. */
  ROUTER_ALERT: rw("IP_ROUTER_ALERT", C.IPPROTO_IP, C.IP_ROUTER_ALERT, bool, { on: ["raw"] }),
  /** The TOS octet of sent packets: DSCP and, in the low 2 bits, ECN. TCP keeps the ECN bits to itself. */
  TOS: rw("IP_TOS", C.IPPROTO_IP, C.IP_TOS, octet),
  /**
   * Allows addresses that are not this host's, both to bind and in what TPROXY redirects. Only setting it to
   * true is privileged.
   */
  TRANSPARENT: rw("IP_TRANSPARENT", C.IPPROTO_IP, C.IP_TRANSPARENT, bool, {
    needs: "CAP_NET_ADMIN or CAP_NET_RAW",
  }),
  /** The time to live of sent packets, in hops. */
  TTL: rw("IP_TTL", C.IPPROTO_IP, C.IP_TTL, hops),
  /**
   * The interface for sent unicast, by name or index; 0 leaves it to the routes. What comes by others is
   * still taken.
   */
  UNICAST_IF: rw("IP_UNICAST_IF", C.IPPROTO_IP, C.IP_UNICAST_IF, networkInterfaceBe),
} as const;
