/** ICMPv6 messages as one line, as tcpdump prints them. */
import { readIpv6Addr } from "./_message.ts";
import {
  IPPROTO_AH,
  IPPROTO_DSTOPTS,
  IPPROTO_FRAGMENT,
  IPPROTO_HOPOPTS,
  IPPROTO_ROUTING,
  IPPROTO_TCP,
  IPPROTO_UDP,
} from "./_names.ts";
import { u16, u32 } from "./_pdu.ts";

/** What the text reads of a message. */
interface Icmpv6Text {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly end: number;
  readonly typeNumber: number;
  readonly code: number;
  readonly quoted: Uint8Array | undefined;
}

const IPV6_HEADER_LEN = 40;

const TYPES: Readonly<Record<number, string>> = {
  1: "destination unreachable",
  2: "packet too big",
  3: "time exceeded in-transit",
  4: "parameter problem",
  128: "echo request",
  129: "echo reply",
  130: "multicast listener query",
  131: "multicast listener report",
  132: "multicast listener done",
  133: "router solicitation",
  134: "router advertisement",
  135: "neighbor solicitation",
  136: "neighbor advertisement",
  137: "redirect",
  138: "router renumbering",
  139: "node information query",
  140: "node information reply",
  141: "inverse neighbor solicitation",
  142: "inverse neighbor advertisement",
  143: "multicast listener report v2",
  144: "ha discovery request",
  145: "ha discovery reply",
  146: "mobile router solicitation",
  147: "mobile router advertisement",
};

const UNREACHABLE: Readonly<Record<number, string>> = {
  0: "unreachable route",
  1: "unreachable prohibited",
  2: "beyond scope",
  3: "unreachable address",
  4: "unreachable port",
};

interface Port {
  readonly protocol: "tcp" | "udp";
  readonly port: number;
}

/** The port to which a quoted packet goes, behind its extension headers. */
function portOf(quoted: Uint8Array): Port | undefined {
  let next = quoted[6];
  let at = IPV6_HEADER_LEN;
  while (at + 4 <= quoted.length) {
    switch (next) {
      case IPPROTO_TCP:
        return { protocol: "tcp", port: u16(quoted, at + 2) };
      case IPPROTO_UDP:
        return { protocol: "udp", port: u16(quoted, at + 2) };
      case IPPROTO_HOPOPTS:
      case IPPROTO_ROUTING:
      case IPPROTO_DSTOPTS:
        next = quoted[at];
        at += ((quoted[at + 1] as number) + 1) * 8;
        break;
      case IPPROTO_AH:
        next = quoted[at];
        at += ((quoted[at + 1] as number) + 2) * 4;
        break;
      case IPPROTO_FRAGMENT:
        if (u16(quoted, at + 2) >>> 3 !== 0) return undefined;
        next = quoted[at];
        at += 8;
        break;
      default:
        return undefined;
    }
  }
  return undefined;
}

function unreachable(code: number, quoted: Uint8Array): string {
  const what = UNREACHABLE[code] ?? `unknown unreach code (${code})`;
  if (quoted.length < IPV6_HEADER_LEN) return what;
  const dst = readIpv6Addr(quoted, 24);
  if (code === 2) return `${what} ${dst}, source address ${readIpv6Addr(quoted, 8)}`;
  if (code !== 4) return code < 4 ? `${what} ${dst}` : what;
  const found = portOf(quoted);
  return `${what}, ${dst}${found ? ` ${found.protocol} port ${found.port}` : ""}`;
}

function timeExceeded(code: number, quoted: Uint8Array): string {
  if (code === 1) return " (reassembly)";
  if (code > 1) return `, unknown code (${code})`;
  return quoted.length < IPV6_HEADER_LEN ? "" : ` for ${readIpv6Addr(quoted, 24)}`;
}

const PROBLEMS = ["erroneous", "next header", "option", "incomplete header chain"];

function listenerQuery(bytes: Uint8Array, offset: number, end: number): string {
  const length = end - offset;
  if (length < 28) return length === 24 ? listener(bytes, offset) : ` unknown-version (len ${length}) `;
  const sources = u16(bytes, offset + 26);
  return ` v2 [gaddr ${readIpv6Addr(bytes, offset + 8)}${sources > 0 ? `, ${sources} source(s)` : ""}]`;
}

function listener(bytes: Uint8Array, offset: number): string {
  return `max resp delay: ${u16(bytes, offset + 4)} addr: ${readIpv6Addr(bytes, offset + 8)}`;
}

/** What follows the type's name. */
function details(message: Icmpv6Text): string {
  const { bytes, offset, end, typeNumber, code, quoted = new Uint8Array(0) } = message;
  switch (typeNumber) {
    case 1:
      return `, ${unreachable(code, quoted)}`;
    case 2:
      return `, mtu ${u32(bytes, offset + 4)}`;
    case 3:
      return timeExceeded(code, quoted);
    case 4:
      return `, ${PROBLEMS[code] ? `${PROBLEMS[code]} - octet ${u32(bytes, offset + 4)}` : `code-#${code}`}`;
    case 128:
    case 129:
      return `, id ${u16(bytes, offset + 4)}, seq ${u16(bytes, offset + 6)}`;
    case 130:
      return listenerQuery(bytes, offset, end);
    case 131:
    case 132:
      return listener(bytes, offset);
    case 135:
      return `, who has ${readIpv6Addr(bytes, offset + 8)}`;
    case 136:
      return `, tgt is ${readIpv6Addr(bytes, offset + 8)}`;
    case 137:
      return `, ${readIpv6Addr(bytes, offset + 24)} to ${readIpv6Addr(bytes, offset + 8)}`;
    case 143:
      return `, ${u16(bytes, offset + 6)} group record(s)`;
    default:
      return "";
  }
}

/**
 * `"ICMP6, neighbor solicitation, who has fe80::1, length 32"`.
 * @param lengthBytes of the message, where more was sent than is at hand
 */
export function icmpv6Text(message: Icmpv6Text, lengthBytes: number = message.end - message.offset): string {
  const type = TYPES[message.typeNumber] ?? `unknown icmp6 type (${message.typeNumber})`;
  return `ICMP6, ${type}${details(message)}, length ${lengthBytes}`;
}
