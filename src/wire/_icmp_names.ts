/** Names of ICMP and ICMPv6 types and codes: IANA "ICMP Parameters" and "ICMPv6 Parameters". */

type Names = Readonly<Record<number, string>>;

const ICMP_TYPES: Names = {
  0: "Echo Reply",
  3: "Destination Unreachable",
  4: "Source Quench",
  5: "Redirect",
  6: "Alternate Host Address",
  8: "Echo Request",
  9: "Router Advertisement",
  10: "Router Solicitation",
  11: "Time Exceeded",
  12: "Parameter Problem",
  13: "Timestamp",
  14: "Timestamp Reply",
  15: "Information Request",
  16: "Information Reply",
  17: "Address Mask Request",
  18: "Address Mask Reply",
  30: "Traceroute",
  31: "Datagram Conversion Error",
  32: "Mobile Host Redirect",
  33: "IPv6 Where-Are-You",
  34: "IPv6 I-Am-Here",
  35: "Mobile Registration Request",
  36: "Mobile Registration Reply",
  37: "Domain Name Request",
  38: "Domain Name Reply",
  39: "SKIP",
  40: "Photuris",
  41: "Experimental Mobility",
  42: "Extended Echo Request",
  43: "Extended Echo Reply",
};

const ICMP_CODES: Readonly<Record<number, Names>> = {
  3: {
    0: "net unreachable",
    1: "host unreachable",
    2: "protocol unreachable",
    3: "port unreachable",
    4: "fragmentation needed",
    5: "source route failed",
    6: "destination network unknown",
    7: "destination host unknown",
    8: "source host isolated",
    9: "destination network prohibited",
    10: "destination host prohibited",
    11: "network unreachable for type of service",
    12: "host unreachable for type of service",
    13: "communication prohibited",
    14: "host precedence violation",
    15: "precedence cutoff in effect",
  },
  5: {
    0: "for the network",
    1: "for the host",
    2: "for the type of service and network",
    3: "for the type of service and host",
  },
  9: { 0: "normal", 16: "does not route common traffic" },
  11: { 0: "time to live exceeded in transit", 1: "fragment reassembly time exceeded" },
  12: { 0: "pointer indicates the error", 1: "missing a required option", 2: "bad length" },
  43: {
    0: "no error",
    1: "malformed query",
    2: "no such interface",
    3: "no such table entry",
    4: "multiple interfaces satisfy query",
  },
};

const ICMPV6_TYPES: Names = {
  1: "Destination Unreachable",
  2: "Packet Too Big",
  3: "Time Exceeded",
  4: "Parameter Problem",
  128: "Echo Request",
  129: "Echo Reply",
  130: "Multicast Listener Query",
  131: "Multicast Listener Report",
  132: "Multicast Listener Done",
  133: "Router Solicitation",
  134: "Router Advertisement",
  135: "Neighbor Solicitation",
  136: "Neighbor Advertisement",
  137: "Redirect",
  138: "Router Renumbering",
  139: "Node Information Query",
  140: "Node Information Response",
  141: "Inverse Neighbor Solicitation",
  142: "Inverse Neighbor Advertisement",
  143: "Multicast Listener Report Version 2",
  144: "Home Agent Address Discovery Request",
  145: "Home Agent Address Discovery Reply",
  146: "Mobile Prefix Solicitation",
  147: "Mobile Prefix Advertisement",
  148: "Certification Path Solicitation",
  149: "Certification Path Advertisement",
  151: "Multicast Router Advertisement",
  152: "Multicast Router Solicitation",
  153: "Multicast Router Termination",
  154: "FMIPv6",
  155: "RPL Control",
  156: "ILNPv6 Locator Update",
  157: "Duplicate Address Request",
  158: "Duplicate Address Confirmation",
  159: "MPL Control",
  160: "Extended Echo Request",
  161: "Extended Echo Reply",
};

const ICMPV6_CODES: Readonly<Record<number, Names>> = {
  1: {
    0: "no route to destination",
    1: "administratively prohibited",
    2: "beyond scope of source address",
    3: "address unreachable",
    4: "port unreachable",
    5: "source address failed policy",
    6: "reject route to destination",
    7: "error in source routing header",
    8: "headers too long",
  },
  3: { 0: "hop limit exceeded in transit", 1: "fragment reassembly time exceeded" },
  4: {
    0: "erroneous header field",
    1: "unrecognized next header",
    2: "unrecognized option",
    3: "incomplete header chain in first fragment",
    4: "upper-layer header error",
    5: "unrecognized next header by intermediate node",
    6: "extension header too big",
    7: "extension header chain too long",
    8: "too many extension headers",
    9: "too many options in extension header",
    10: "option too big",
  },
};

/** `"Echo Request"`; of a number without a name, the number. */
export function icmpTypeName(type: number): string {
  return ICMP_TYPES[type] ?? String(type);
}

/** `"port unreachable"`, or undefined. */
export function icmpCodeName(type: number, code: number): string | undefined {
  return ICMP_CODES[type]?.[code];
}

/** `"Neighbor Solicitation"`; of a number without a name, the number. */
export function icmpv6TypeName(type: number): string {
  return ICMPV6_TYPES[type] ?? String(type);
}

/** `"port unreachable"`, or undefined. */
export function icmpv6CodeName(type: number, code: number): string | undefined {
  return ICMPV6_CODES[type]?.[code];
}
