/** Numbers that have names: of tables, protocols, scopes, groups, realms. /etc/iproute2, and what ip(8) has built in. */
import type { Protocol, RouteType, Scope } from "../../netlink/route/index.ts";
import { matches, unsigned } from "./change_words.ts";
import { namesIn } from "./netlink_names.ts";

function numbered(
  file: string,
  word: string,
  builtIn: Readonly<Record<string, number>>,
  max: number,
): number | undefined {
  for (const [number, name] of namesIn(file)) if (name === word) return number;
  return Object.hasOwn(builtIn, word) ? builtIn[word] : unsigned(word, max);
}

const TABLES = { default: 253, main: 254, local: 255 };
const SCOPES = { global: 0, nowhere: 255, host: 254, link: 253, site: 200 };
const PROTOCOLS = {
  unspec: 0,
  none: 0,
  redirect: 1,
  kernel: 2,
  boot: 3,
  static: 4,
  gated: 8,
  ra: 9,
  mrt: 10,
  zebra: 11,
  bird: 12,
  dnrouted: 13,
  xorp: 14,
  ntk: 15,
  dhcp: 16,
  keepalived: 18,
  babel: 42,
  bgp: 186,
  isis: 187,
  ospf: 188,
  rip: 189,
  eigrp: 192,
};

export function tableNumber(word: string): number | undefined {
  return numbered("rt_tables", word, TABLES, 0xffff_ffff);
}

export function protocolNumber(word: string): (Protocol & number) | undefined {
  return numbered("rt_protos", word, PROTOCOLS, 255);
}

export function scopeNumber(word: string): (Scope & number) | undefined {
  return numbered("rt_scopes", word, SCOPES, 255);
}

export function groupNumber(word: string): number | undefined {
  return numbered("group", word, { default: 0 }, 0x7fff_ffff);
}

/** A number of the TOS field: without a name, hexadecimal. */
export function dsfieldNumber(word: string): number | undefined {
  for (const [number, name] of namesIn("rt_dsfield")) if (name === word) return number;
  const number = /^(?:0x)?[0-9a-f]+$/i.test(word)
    ? Number.parseInt(word.replace(/^0x/i, ""), 16)
    : Number.NaN;
  return number <= 255 ? number : undefined;
}

/** `SOURCE/DESTINATION`, or a destination. */
export function realmsNumber(word: string): number | undefined {
  const parts = word.split("/");
  if (parts.length > 2 || word === "") return undefined;
  const numbers = parts.map((it, at) =>
    it === "" && at > 0 ? 0 : numbered("rt_realms", it, { cosmos: 0 }, 255),
  );
  const [first, second] = numbers;
  if (numbers.includes(undefined) || first === undefined) return undefined;
  return second === undefined ? first : ((first << 16) | second) >>> 0;
}

/** In the order in which ip(8) tries them. */
const ROUTE_TYPES: readonly (readonly [name: string, type: RouteType, short: boolean])[] = [
  ["local", "local", false],
  ["nat", "nat", false],
  ["broadcast", "broadcast", true],
  ["brd", "broadcast", false],
  ["anycast", "anycast", true],
  ["multicast", "multicast", true],
  ["prohibit", "prohibit", true],
  ["unreachable", "unreachable", true],
  ["blackhole", "blackhole", true],
  ["xresolve", "xresolve", true],
  ["unicast", "unicast", true],
  ["throw", "throw", true],
];

export function routeType(word: string): RouteType | undefined {
  const found = ROUTE_TYPES.find(([name, , short]) => (short ? matches(word, name) : word === name));
  return found?.[1] ?? unsigned(word, 255);
}

/** Of /etc/protocols. */
const IP_PROTOCOLS: Readonly<Record<string, number>> = {
  ip: 0,
  icmp: 1,
  igmp: 2,
  ggp: 3,
  ipencap: 4,
  st: 5,
  tcp: 6,
  egp: 8,
  igp: 9,
  pup: 12,
  udp: 17,
  dccp: 33,
  ipv6: 41,
  rsvp: 46,
  gre: 47,
  esp: 50,
  ah: 51,
  "ipv6-icmp": 58,
  ospf: 89,
  ipip: 94,
  pim: 103,
  ipcomp: 108,
  vrrp: 112,
  l2tp: 115,
  sctp: 132,
  udplite: 136,
};

export function ipProtocolNumber(word: string): number | undefined {
  return Object.hasOwn(IP_PROTOCOLS, word) ? IP_PROTOCOLS[word] : unsigned(word, 255);
}

/** Of the Ethernet header, for VLANs. */
export function etherType(word: string): number | undefined {
  if (/^802\.1q$/i.test(word)) return 0x8100;
  if (/^802\.1ad$/i.test(word)) return 0x88a8;
  return unsigned(word, 0xffff);
}
