/** Names of IP protocol numbers and EtherTypes. */

/** IANA "Protocol Numbers": those that are met; the registry's keywords, but for IPIP. */
const IP_PROTOCOLS: Readonly<Record<number, string>> = {
  0: "HOPOPT",
  1: "ICMP",
  2: "IGMP",
  4: "IPIP",
  6: "TCP",
  8: "EGP",
  17: "UDP",
  33: "DCCP",
  41: "IPv6",
  43: "IPv6-Route",
  44: "IPv6-Frag",
  46: "RSVP",
  47: "GRE",
  50: "ESP",
  51: "AH",
  58: "ICMPv6",
  59: "IPv6-NoNxt",
  60: "IPv6-Opts",
  88: "EIGRP",
  89: "OSPF",
  94: "IPIP-old",
  97: "EtherIP",
  103: "PIM",
  108: "IPComp",
  112: "VRRP",
  115: "L2TP",
  132: "SCTP",
  135: "Mobility",
  136: "UDPLite",
  137: "MPLS-in-IP",
  139: "HIP",
  140: "Shim6",
  143: "Ethernet",
};

/** IANA "IEEE 802 Numbers", "Ether Types": those that are met. */
const ETHER_TYPES: Readonly<Record<number, string>> = {
  2048: "IPv4",
  2054: "ARP",
  2114: "Wake-on-LAN",
  25944: "TEB", // 0x6558, Ethernet within GRE
  32821: "RARP",
  32923: "AppleTalk",
  33024: "802.1Q",
  33079: "IPX",
  34525: "IPv6",
  34824: "Flow Control",
  34825: "Slow Protocols",
  34887: "MPLS",
  34888: "MPLS multicast",
  34915: "PPPoE Discovery",
  34916: "PPPoE Session",
  34958: "EAPOL",
  34984: "802.1ad",
  34978: "AoE",
  35020: "LLDP",
  35045: "MACsec",
  35063: "PTP",
  35092: "802.1ag",
  36864: "Loopback",
  37120: "802.1QinQ",
};

/** EtherTypes that codecs look at. */
export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_VLAN = 0x8100; // IEEE 802.1Q, customer tag
export const ETHERTYPE_SERVICE_VLAN = 0x88a8; // IEEE 802.1ad, service tag
export const ETHERTYPE_OLD_QINQ = 0x9100; // used for outer tags before 802.1ad
export const ETHERTYPE_IPV6 = 0x86dd;
/** What has a smaller number in its place is the length of an IEEE 802.3 frame. */
export const ETHERTYPE_MIN = 0x0600;

/** IP protocol numbers that codecs look at. */
export const IPPROTO_HOPOPTS = 0;
export const IPPROTO_ICMP = 1;
export const IPPROTO_IGMP = 2;
export const IPPROTO_IPIP = 4;
export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;
export const IPPROTO_IPV6 = 41;
export const IPPROTO_ROUTING = 43;
export const IPPROTO_FRAGMENT = 44;
export const IPPROTO_GRE = 47;
export const IPPROTO_ESP = 50;
export const IPPROTO_AH = 51;
export const IPPROTO_ICMPV6 = 58;
export const IPPROTO_NONE = 59;
export const IPPROTO_DSTOPTS = 60;

/** `"TCP"`; of a number without a name, the number: `"253"`. */
export function ipProtocolName(protocolNumber: number): string {
  return IP_PROTOCOLS[protocolNumber] ?? String(protocolNumber);
}

/** The number of a protocol's name, in whatever case; undefined where there is none. */
export function ipProtocolByName(name: string): number | undefined {
  return byName(IP_PROTOCOLS, name);
}

/** `"IPv4"`; of a number without a name, the number: `"0x88b5"`. */
export function etherTypeName(etherType: number): string {
  return ETHER_TYPES[etherType] ?? `0x${etherType.toString(16).padStart(4, "0")}`;
}

/** The number of an EtherType's name, in whatever case; undefined where there is none. */
export function etherTypeByName(name: string): number | undefined {
  return byName(ETHER_TYPES, name);
}

function byName(names: Readonly<Record<number, string>>, name: string): number | undefined {
  const wanted = name.toLowerCase();
  const found = Object.entries(names).find(([, it]) => it.toLowerCase() === wanted);
  return found && Number(found[0]);
}

/** A tree's text: `"TCP (6)"`, or `"253"`. */
export function protocolText(protocolNumber: number): string {
  const name = IP_PROTOCOLS[protocolNumber];
  return name ? `${name} (${protocolNumber})` : String(protocolNumber);
}

/** A tree's text: `"IPv4 (0x0800)"`, or `"0x88b5"`. */
export function etherTypeText(etherType: number): string {
  const name = ETHER_TYPES[etherType];
  const digits = `0x${etherType.toString(16).padStart(4, "0")}`;
  return name ? `${name} (${digits})` : digits;
}
