/** What ICMP errors say, in the words of ping(8). */
import { Ipv4Addr } from "../ip/index.ts";
import type { Family } from "./_echo_message.ts";

/** RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1: by code. */
const UNREACHABLE: readonly string[] = [
  "Destination Net Unreachable",
  "Destination Host Unreachable",
  "Destination Protocol Unreachable",
  "Destination Port Unreachable",
  "Frag needed and DF set",
  "Source Route Failed",
  "Destination Net Unknown",
  "Destination Host Unknown",
  "Source Host Isolated",
  "Destination Net Prohibited",
  "Destination Host Prohibited",
  "Destination Net Unreachable for Type of Service",
  "Destination Host Unreachable for Type of Service",
  "Packet filtered",
  "Precedence Violation",
  "Precedence Cutoff",
];

/** RFC 792, "Redirect Message": by code. */
const REDIRECT: readonly string[] = [
  "Redirect Network",
  "Redirect Host",
  "Redirect Type of Service and Network",
  "Redirect Type of Service and Host",
];

function ipv4Words(type: number, code: number, info: number | undefined): string {
  switch (type) {
    case 3:
      if (code === 4) return `Frag needed and DF set (mtu = ${info ?? 0})`;
      return UNREACHABLE[code] ?? `Dest Unreachable, Bad Code: ${code}`;
    case 4:
      return "Source Quench";
    case 5:
      return `${REDIRECT[code] ?? `Redirect, Bad Code: ${code}`}(New nexthop: ${Ipv4Addr.fromU32(info ?? 0)})`;
    case 11:
      if (code === 0) return "Time to live exceeded";
      return code === 1 ? "Frag reassembly time exceeded" : `Time exceeded, Bad Code: ${code}`;
    case 12:
      return `Parameter problem${info === undefined ? "" : `: pointer = ${info}`}`;
    default:
      return `Bad ICMP type: ${type}`;
  }
}

/** RFC 4443 §3.1: by code. */
const UNREACHABLE6: readonly string[] = [
  "No route",
  "Administratively prohibited",
  "Beyond scope of source address",
  "Address unreachable",
  "Port unreachable",
  "Source address failed ingress/egress policy",
  "Reject route to destination",
];

/** RFC 4443 §3.4: by code. */
const PARAMETER6: readonly string[] = ["Wrong header field", "Unknown header", "Unknown option"];

function ipv6Words(type: number, code: number, info: number | undefined): string {
  switch (type) {
    case 1:
      return `Destination unreachable: ${UNREACHABLE6[code] ?? `Unknown code ${code}`}`;
    case 2:
      return `Packet too big: mtu=${info ?? 0}${code === 0 ? "" : `, code=${code}`}`;
    case 3: {
      const words = ["Hop limit", "Defragmentation failure"][code];
      return `Time exceeded: ${words ?? `code ${code}`}`;
    }
    case 4:
      return `Parameter problem: ${PARAMETER6[code] ?? `code ${code}`}${info === undefined ? "" : ` at ${info}`}`;
    default:
      return `unknown icmp type: ${type}`;
  }
}

/** @param info what the message says beyond its code: an MTU, a pointer, the address of a router as a number; undefined where it is not known */
export function icmpWords(family: Family, type: number, code: number, info: number | undefined): string {
  return family === "ipv4" ? ipv4Words(type, code, info) : ipv6Words(type, code, info);
}
