/** The options of IPv6, level IPPROTO_IPV6. The comment of a row is its text in docs/options.md. */
import * as C from "../sys/index.ts";
import {
  bool,
  byteString,
  bytesCount,
  flags,
  hops,
  integer,
  octet,
  optional,
  pathMtuDiscovery,
} from "./_option_codecs.ts";
import { ro, rw } from "./_option_row.ts";
import { address, networkInterface, networkInterfaceBe, pathMtu, routerAlert } from "./_option_structs.ts";

/** IPV6_PREFER_SRC_… of include/uapi/linux/in6.h, RFC 5014 §5. */
const preferences = flags({
  tmp: 0x0001,
  public: 0x0002,
  coa: 0x0004,
  cga: 0x0008,
  "pubtmp-default": 0x0100,
  home: 0x0400,
  noncga: 0x0800,
});

/** The longest extension header, RFC 8200 §4.3: a length octet of units of 8, not counting the first. */
const extensionHeader = byteString(2048);

/** Options of IPv6, man 7 ipv6 and RFC 3542. */
export const IPV6 = {
  /**
   * Which kind of source address is preferred, RFC 5014: "tmp" or "public" or "pubtmp-default", "coa" or
   * "home", "cga" or "noncga". What is read has one of the first three and one of the next two.
   */
  ADDR_PREFERENCES: rw("IPV6_ADDR_PREFERENCES", C.IPPROTO_IPV6, C.IPV6_ADDR_PREFERENCES, preferences),
  /**
   * Lets the kernel give each flow a flow label, RFC 6438; /proc/sys/net/ipv6/auto_flowlabels says what it is
   * at first.
   */
  AUTOFLOWLABEL: rw("IPV6_AUTOFLOWLABEL", C.IPPROTO_IPV6, C.IPV6_AUTOFLOWLABEL, bool),
  /**
   * Where in a sent packet the kernel puts its checksum, in bytes from the start of the payload, an even
   * number; undefined is nowhere. What comes with a wrong one is dropped. ICMPv6 has it at 2, for good.
   */
  CHECKSUM: rw("IPV6_CHECKSUM", C.IPPROTO_IPV6, C.IPV6_CHECKSUM, optional(integer(0, 0xfffe, "bytes"), -1), {
    on: ["raw"],
  }),
  /**
   * Does not fragment what is too long for the path: to send it is `EMSGSIZE`, and RECVPATHMTU tells the MTU.
   */
  DONTFRAG: rw("IPV6_DONTFRAG", C.IPPROTO_IPV6, C.IPV6_DONTFRAG, bool, { on: ["udp", "raw"] }),
  /** The destination options header of sent packets, RFC 3542 §9.2, whole; none is no bytes. */
  DSTOPTS: rw("IPV6_DSTOPTS", C.IPPROTO_IPV6, C.IPV6_DSTOPTS, extensionHeader, {
    needs: "CAP_NET_RAW",
  }),
  /**
   * Tells with each datagram its flow label and traffic class, as a control message of type IPV6_FLOWINFO.
   */
  FLOWINFO: rw("IPV6_FLOWINFO", C.IPPROTO_IPV6, C.IPV6_FLOWINFO, bool),
  /** Sends with the flow information (`flowInfo`) of the address that is connected or sent to. */
  FLOWINFO_SEND: rw("IPV6_FLOWINFO_SEND", C.IPPROTO_IPV6, C.IPV6_FLOWINFO_SEND, bool),
  /** Allows binding to an address that this host does not have (yet). */
  FREEBIND: rw("IPV6_FREEBIND", C.IPPROTO_IPV6, C.IPV6_FREEBIND, bool),
  /** Whoever sends writes the IP header, too. */
  HDRINCL: rw("IPV6_HDRINCL", C.IPPROTO_IPV6, C.IPV6_HDRINCL, bool, { on: ["raw"] }),
  /** The hop-by-hop options header of sent packets, RFC 3542 §8, whole; none is no bytes. */
  HOPOPTS: rw("IPV6_HOPOPTS", C.IPPROTO_IPV6, C.IPV6_HOPOPTS, extensionHeader, {
    needs: "CAP_NET_RAW",
  }),
  /** Packets with fewer hops left are dropped; 0 is off. */
  MINHOPCOUNT: rw("IPV6_MINHOPCOUNT", C.IPPROTO_IPV6, C.IPV6_MINHOPCOUNT, octet),
  /**
   * Read: the known path MTU of a connected socket, in bytes; `ENOTCONN` on others. Written: the longest
   * packet that this socket sends in one piece, from 1280 on; 0 is no limit of its own. What is written is
   * not what is read.
   */
  MTU: rw("IPV6_MTU", C.IPPROTO_IPV6, C.IPV6_MTU, bytesCount),
  /** Path MTU discovery, with the words of IP.MTU_DISCOVER. Only senders fragment in IPv6. */
  MTU_DISCOVER: rw("IPV6_MTU_DISCOVER", C.IPPROTO_IPV6, C.IPV6_MTU_DISCOVER, pathMtuDiscovery),
  /**
   * Takes the datagrams of every group that any socket of this host has joined, as it does at first, and not
   * only of its own groups.
   */
  MULTICAST_ALL: rw("IPV6_MULTICAST_ALL", C.IPPROTO_IPV6, C.IPV6_MULTICAST_ALL, bool, {
    since: "4.20",
  }),
  /**
   * The hop limit of sent multicast; 1, as it is at first, stays in the local network, and 0 in this host.
   */
  MULTICAST_HOPS: rw("IPV6_MULTICAST_HOPS", C.IPPROTO_IPV6, C.IPV6_MULTICAST_HOPS, integer(0, 255, "hops"), {
    on: ["udp", "raw"],
  }),
  /** The interface for sent multicast, by name or index; 0 leaves it to the routes. */
  MULTICAST_IF: rw("IPV6_MULTICAST_IF", C.IPPROTO_IPV6, C.IPV6_MULTICAST_IF, networkInterface, {
    on: ["udp", "raw"],
  }),
  /** Gives sent multicast also to the sockets of this host, as it does at first. */
  MULTICAST_LOOP: rw("IPV6_MULTICAST_LOOP", C.IPPROTO_IPV6, C.IPV6_MULTICAST_LOOP, bool),
  /**
   * The address that the connection had before NAT redirected it to this socket; `ENOENT` where nothing did.
   */
  ORIGINAL_DST: ro(
    "IP6T_SO_ORIGINAL_DST",
    C.IPPROTO_IPV6,
    C.IP6T_SO_ORIGINAL_DST,
    address(C.sockaddr_in6.size),
    { on: ["tcp"] },
  ),
  /** The known path MTU of a connected socket, in bytes, RFC 3542 §11.3; `ENOTCONN` on others. */
  PATHMTU: ro("IPV6_PATHMTU", C.IPPROTO_IPV6, C.IPV6_PATHMTU, pathMtu),
  /** Tells with each datagram its destination options, as a control message of type IPV6_DSTOPTS. */
  RECVDSTOPTS: rw("IPV6_RECVDSTOPTS", C.IPPROTO_IPV6, C.IPV6_RECVDSTOPTS, bool),
  /** Queues ICMPv6 errors for the error queue, and passes them on to unconnected UDP sockets, too. */
  RECVERR: rw("IPV6_RECVERR", C.IPPROTO_IPV6, C.IPV6_RECVERR, bool),
  /** Tells with an error where in the ICMPv6 message the extensions of RFC 4884 start. */
  RECVERR_RFC4884: rw("IPV6_RECVERR_RFC4884", C.IPPROTO_IPV6, C.IPV6_RECVERR_RFC4884, bool, {
    since: "5.9",
  }),
  /** Tells with each datagram that came in fragments how long the longest was, as a control message. */
  RECVFRAGSIZE: rw("IPV6_RECVFRAGSIZE", C.IPPROTO_IPV6, C.IPV6_RECVFRAGSIZE, bool),
  /** Tells with each datagram the hop limit that was left: `ttl` of the ancillary data. */
  RECVHOPLIMIT: rw("IPV6_RECVHOPLIMIT", C.IPPROTO_IPV6, C.IPV6_RECVHOPLIMIT, bool),
  /** Tells with each datagram its hop-by-hop options, as a control message of type IPV6_HOPOPTS. */
  RECVHOPOPTS: rw("IPV6_RECVHOPOPTS", C.IPPROTO_IPV6, C.IPV6_RECVHOPOPTS, bool),
  /**
   * Tells with each datagram its original destination and port, where TPROXY redirected it, as a control
   * message.
   */
  RECVORIGDSTADDR: rw("IPV6_RECVORIGDSTADDR", C.IPPROTO_IPV6, C.IPV6_RECVORIGDSTADDR, bool),
  /** Tells the path MTU when a datagram was too long for it, as a control message of type IPV6_PATHMTU. */
  RECVPATHMTU: rw("IPV6_RECVPATHMTU", C.IPPROTO_IPV6, C.IPV6_RECVPATHMTU, bool),
  /**
   * Tells with each datagram where it was sent to and which interface it came by: `destination` of the
   * ancillary data.
   */
  RECVPKTINFO: rw("IPV6_RECVPKTINFO", C.IPPROTO_IPV6, C.IPV6_RECVPKTINFO, bool),
  /** Tells with each datagram its routing header, as a control message of type IPV6_RTHDR. */
  RECVRTHDR: rw("IPV6_RECVRTHDR", C.IPPROTO_IPV6, C.IPV6_RECVRTHDR, bool),
  /** Tells with each datagram its traffic class: `tos` of the ancillary data. */
  RECVTCLASS: rw("IPV6_RECVTCLASS", C.IPPROTO_IPV6, C.IPV6_RECVTCLASS, bool),
  /**
   * Takes the packets with this router alert (RFC 2711) that this host would forward; undefined is off. Read,
   * it is whether there is one. Only on raw sockets of protocol IPPROTO_RAW.
   */
  ROUTER_ALERT: rw("IPV6_ROUTER_ALERT", C.IPPROTO_IPV6, C.IPV6_ROUTER_ALERT, routerAlert, {
    on: ["raw"],
  }),
  /** Takes the router alerts of its own network namespace only. */
  ROUTER_ALERT_ISOLATE: rw("IPV6_ROUTER_ALERT_ISOLATE", C.IPPROTO_IPV6, C.IPV6_ROUTER_ALERT_ISOLATE, bool, {
    since: "5.1",
  }),
  /** The routing header of sent packets, RFC 3542 §7, whole; none is no bytes. */
  RTHDR: rw("IPV6_RTHDR", C.IPPROTO_IPV6, C.IPV6_RTHDR, extensionHeader, { needs: "CAP_NET_RAW" }),
  /** The destination options header before the routing header of sent packets, whole; none is no bytes. */
  RTHDRDSTOPTS: rw("IPV6_RTHDRDSTOPTS", C.IPPROTO_IPV6, C.IPV6_RTHDRDSTOPTS, extensionHeader, {
    needs: "CAP_NET_RAW",
  }),
  /**
   * The traffic class of sent packets: DSCP and, in the low 2 bits, ECN. TCP keeps the ECN bits to itself.
   */
  TCLASS: rw("IPV6_TCLASS", C.IPPROTO_IPV6, C.IPV6_TCLASS, octet),
  /**
   * Allows addresses that are not this host's, both to bind and in what TPROXY redirects. Only setting it to
   * true is privileged.
   */
  TRANSPARENT: rw("IPV6_TRANSPARENT", C.IPPROTO_IPV6, C.IPV6_TRANSPARENT, bool, {
    needs: "CAP_NET_ADMIN or CAP_NET_RAW",
  }),
  /** The hop limit of sent packets. */
  UNICAST_HOPS: rw("IPV6_UNICAST_HOPS", C.IPPROTO_IPV6, C.IPV6_UNICAST_HOPS, hops),
  /**
   * The interface for sent unicast, by name or index; 0 leaves it to the routes. What comes by others is
   * still taken.
   */
  UNICAST_IF: rw("IPV6_UNICAST_IF", C.IPPROTO_IPV6, C.IPV6_UNICAST_IF, networkInterfaceBe),
  /** Whether an IPv6 socket leaves IPv4 alone. To be set before bind. */
  V6ONLY: rw("IPV6_V6ONLY", C.IPPROTO_IPV6, C.IPV6_V6ONLY, bool),
} as const;
