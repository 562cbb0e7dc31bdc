/** Words that addresses and routes share: include/uapi/linux/rtnetlink.h, v6.12. */
import { words } from "../_words.ts";

/** RT_SCOPE_… */
export const SCOPE = words({ global: 0, site: 200, link: 253, host: 254, nowhere: 255 }, 255);
export type Scope = ReturnType<(typeof SCOPE)["word"]>;

/** The word of a scope's number; the number where it has none. */
export function scopeWord(number: number): Scope {
  return SCOPE.word(number);
}

/** The number of a scope. @throws {TypeError | RangeError} */
export function scopeNumber(scope: Scope): number {
  return SCOPE.number(scope, "scope");
}

/** RTPROT_…: who made a route, a rule or a neighbour. */
export const PROTOCOL = words(
  {
    unspec: 0,
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
    mrouted: 17,
    keepalived: 18,
    babel: 42,
    ovn: 84,
    openr: 99,
    bgp: 186,
    isis: 187,
    ospf: 188,
    rip: 189,
    eigrp: 192,
  },
  255,
);
export type Protocol = ReturnType<(typeof PROTOCOL)["word"]>;

/** The word of a protocol's number; the number where it has none. */
export function protocolWord(number: number): Protocol {
  return PROTOCOL.word(number);
}

/** The number of a protocol. @throws {TypeError | RangeError} */
export function protocolNumber(protocol: Protocol): number {
  return PROTOCOL.number(protocol, "protocol");
}

/** RT_TABLE_…, for input: tables come out as numbers. */
export const TABLE = words({ default: 253, main: 254, local: 255 }, 0xffff_ffff);
/** A routing table: its number, or the name of one that the kernel itself has. */
export type Table = number | "default" | "main" | "local";
