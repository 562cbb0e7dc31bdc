/** The words of filter expressions: what they are called, what they stand for, and which ones this compiler leaves out. */

/** Protocols that stand alone, qualify an address or port, or have bytes: by their words, synonyms included. */
export const PROTOCOL_WORDS: ReadonlyMap<string, Protocol> = new Map<string, Protocol>([
  ...(["link", "ether", "ppp", "slip", "fddi", "tr", "wlan"] as const).map((word) => [word, "link"] as const),
  ...(
    "ip ip6 arp rarp tcp udp sctp icmp icmp6 igmp igrp pim vrrp carp ah esp atalk aarp decnet lat sca moprc " +
    "mopdl iso stp ipx netbeui"
  )
    .split(" ")
    .map((word) => [word, word as Protocol] as const),
]);

/** The header that a word speaks of; "link" is the frame's own. */
export type Protocol =
  | "link"
  | NetworkProtocol
  | TransportProtocol
  | "icmp6"
  | "ah"
  | "esp"
  | "aarp"
  | "iso"
  | "stp"
  | "ipx"
  | "netbeui";
export type NetworkProtocol =
  | "ip"
  | "ip6"
  | "arp"
  | "rarp"
  | "atalk"
  | "decnet"
  | "lat"
  | "sca"
  | "moprc"
  | "mopdl";
export type TransportProtocol = "tcp" | "udp" | "sctp" | "icmp" | "igmp" | "igrp" | "pim" | "vrrp" | "carp";

/** What kind of value follows. */
export type Kind = "host" | "net" | "port" | "portrange" | "proto";
export const KIND_WORDS: ReadonlySet<string> = new Set<Kind>(["host", "net", "port", "portrange"]);

/** The other words that mean something. */
export const OTHER_WORDS: ReadonlySet<string> = new Set(
  (
    "src dst proto mask less greater broadcast multicast and or not len length inbound outbound ifindex vlan mpls " +
    "pppoed pppoes"
  ).split(" "),
);

const wireless = "802.11 headers are not among the link types";
const isis = "OSI routing protocols are not supported";
const atm = "ATM is not among the link types";
const ss7 = "SS7 is not among the link types";
const pf = "pf's log is not among the link types";

/** Words of pcap-filter(7) that this compiler does not take, with the reason. They cannot be names either. */
export const UNSUPPORTED_WORDS: ReadonlyMap<string, string> = new Map([
  ["protochain", "it needs jumps back, which the kernel does not take"],
  ["gateway", "it needs /etc/ethers; libpcap leaves it out as well"],
  ["byte", "write ether[OFFSET] instead"],
  ["geneve", "tunnels are not looked into"],
  ["llc", "compare the bytes of the header: ether[14:2]"],
  ["radio", wireless],
  ...words(
    "type subtype direction dir address1 addr1 address2 addr2 address3 addr3 address4 addr4 ra ta",
    wireless,
  ),
  ...words("esis es-is isis is-is clnp l1 l2 iih lsp snp csnp psnp", isis),
  ...words("lane metac bcc oam oamf4 oamf4ec oamf4sc sc ilmic vpi vci connectmsg metaconnect", atm),
  ...words("fisu lssu lsu msu hfisu hlssu hmsu sio opc dpc sls hsio hopc hdpc hsls", ss7),
  ...words("on ifname rset ruleset rnr rulenum srnr subrulenum reason action", pf),
]);

function words(list: string, reason: string): [string, string][] {
  return list.split(" ").map((word) => [word, reason]);
}

/** Every word that a name cannot be without a backslash. */
export const KEYWORDS: ReadonlySet<string> = new Set([
  ...PROTOCOL_WORDS.keys(),
  ...KIND_WORDS,
  ...OTHER_WORDS,
  ...UNSUPPORTED_WORDS.keys(),
]);

/** The words for those that did not find them; what is not supported is not suggested. */
export const SUGGESTED_WORDS: readonly string[] = [...KEYWORDS].filter(
  (word) => !UNSUPPORTED_WORDS.has(word),
);

/** Words for numbers: offsets of fields, types of ICMP and ICMPv6 messages, the flags of TCP. */
export const NUMBER_WORDS: ReadonlyMap<string, number> = new Map([
  ["icmptype", 0],
  ["icmpcode", 1],
  ["icmp6type", 0],
  ["icmp6code", 1],
  ["tcpflags", 13],
  ...numbered("tcp-", "fin:1 syn:2 rst:4 push:8 ack:16 urg:32 ece:64 cwr:128"),
  ...numbered(
    "icmp-",
    "echoreply:0 unreach:3 sourcequench:4 redirect:5 echo:8 routeradvert:9 routersolicit:10 timxceed:11 " +
      "paramprob:12 tstamp:13 tstampreply:14 ireq:15 ireqreply:16 maskreq:17 maskreply:18",
  ),
  ...numbered(
    "icmp6-",
    "destinationunreach:1 packettoobig:2 timeexceeded:3 parameterproblem:4 echo:128 echoreply:129 " +
      "multicastlistenerquery:130 multicastlistenerreportv1:131 multicastlistenerdone:132 routersolicit:133 " +
      "routeradvert:134 neighborsolicit:135 neighboradvert:136 redirect:137 routerrenum:138 " +
      "nodeinformationquery:139 nodeinformationresponse:140 ineighbordiscoverysolicit:141 " +
      "ineighbordiscoveryadvert:142 multicastlistenerreportv2:143 homeagentdiscoveryrequest:144 " +
      "homeagentdiscoveryreply:145 mobileprefixsolicit:146 mobileprefixadvert:147 certpathsolicit:148 " +
      "certpathadvert:149 multicastrouteradvert:151 multicastroutersolicit:152 multicastrouterterm:153",
  ),
]);

function numbered(prefix: string, list: string): [string, number][] {
  return list.split(" ").map((item) => {
    const [word, value] = item.split(":") as [string, string];
    return [prefix + word, Number(value)];
  });
}

/** EtherTypes (above 1500) and LLC service access points, which `ether proto` knows by name. */
export const LINK_PROTOCOLS: ReadonlyMap<string, number> = new Map([
  ["ip", 0x0800],
  ["arp", 0x0806],
  ["mopdl", 0x6001],
  ["moprc", 0x6002],
  ["decnet", 0x6003],
  ["lat", 0x6004],
  ["sca", 0x6007],
  ["rarp", 0x8035],
  ["atalk", 0x809b],
  ["aarp", 0x80f3],
  ["ip6", 0x86dd],
  ["loopback", 0x9000],
  ["stp", 0x42],
  ["ipx", 0xe0],
  ["netbeui", 0xf0],
  ["iso", 0xfe],
]);

/** The numbers of IP protocols by name, as protocols(5) has them. */
export const IP_PROTOCOLS: ReadonlyMap<string, number> = new Map([
  ["ip", 0],
  ...numbered(
    "",
    "hopopt:0 icmp:1 igmp:2 ggp:3 ipencap:4 st:5 tcp:6 egp:8 igp:9 igrp:9 pup:12 udp:17 hmp:20 xns-idp:22 rdp:27 " +
      "iso-tp4:29 dccp:33 xtp:36 ddp:37 idpr-cmtp:38 ipv6:41 ipv6-route:43 ipv6-frag:44 idrp:45 rsvp:46 gre:47 " +
      "esp:50 ah:51 skip:57 ipv6-icmp:58 icmp6:58 ipv6-nonxt:59 ipv6-opts:60 rspf:73 vmtp:81 eigrp:88 ospf:89 " +
      "ax.25:93 ipip:94 etherip:97 encap:98 pim:103 ipcomp:108 vrrp:112 carp:112 l2tp:115 isis:124 sctp:132 fc:133 " +
      "mobility-header:135 udplite:136 mpls-in-ip:137 manet:138 hip:139 shim6:140 wesp:141 rohc:142 ethernet:143",
  ),
]);
