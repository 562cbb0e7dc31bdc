/** IANA's IPv4 and IPv6 Special-Purpose Address Registries, row by row, and the longest match in them. */
import { readIpv4 } from "./_ipv4_text.ts";
import { readIpv6 } from "./_ipv6_text.ts";
import { maskWord, packGroups, type Words } from "./_words.ts";

/** What an address is for, in one word; `host-local` is loopback, `private` RFC 1918 and unique local. */
export type AddrKind =
  | "unspecified"
  | "host-local"
  | "link-local"
  | "private"
  | "shared"
  | "multicast"
  | "broadcast"
  | "documentation"
  | "benchmarking"
  | "reserved"
  | "global";

/** One block with a purpose of its own. */
export interface SpecialBlock {
  /** As the registry writes it: `10.0.0.0/8`. */
  readonly block: string;
  readonly name: string;
  readonly rfc: string;
  /** "Globally Reachable", RFC 8190 §2; the registry's "N/A" promises nothing and counts as false. */
  readonly global: boolean;
  readonly kind: AddrKind;
}

const YES = true;
const NO = false;
/** The registry says "N/A", or leaves the cell of a terminated row empty. */
const N_A = false;

type Row = readonly [block: string, name: string, rfc: string, global: boolean, kind: AddrKind];

/** The registry's rows in its order; then the blocks that other registries hold. State of 2025-04 (RFC 9780). */
const IPV4_ROWS: readonly Row[] = [
  ["0.0.0.0/8", '"This network"', "RFC 791 §3.2", NO, "reserved"],
  ["0.0.0.0/32", '"This host on this network"', "RFC 1122 §3.2.1.3", NO, "unspecified"],
  ["10.0.0.0/8", "Private-Use", "RFC 1918", NO, "private"],
  ["100.64.0.0/10", "Shared Address Space", "RFC 6598", NO, "shared"],
  ["127.0.0.0/8", "Loopback", "RFC 1122 §3.2.1.3", NO, "host-local"],
  ["169.254.0.0/16", "Link Local", "RFC 3927", NO, "link-local"],
  ["172.16.0.0/12", "Private-Use", "RFC 1918", NO, "private"],
  ["192.0.0.0/24", "IETF Protocol Assignments", "RFC 6890 §2.1", NO, "reserved"],
  ["192.0.0.0/29", "IPv4 Service Continuity Prefix", "RFC 7335", NO, "reserved"],
  ["192.0.0.8/32", "IPv4 dummy address", "RFC 7600", NO, "reserved"],
  ["192.0.0.9/32", "Port Control Protocol Anycast", "RFC 7723", YES, "global"],
  ["192.0.0.10/32", "Traversal Using Relays around NAT Anycast", "RFC 8155", YES, "global"],
  ["192.0.0.170/32", "NAT64/DNS64 Discovery", "RFC 8880, RFC 7050 §2.2", NO, "reserved"],
  ["192.0.0.171/32", "NAT64/DNS64 Discovery", "RFC 8880, RFC 7050 §2.2", NO, "reserved"],
  ["192.0.2.0/24", "Documentation (TEST-NET-1)", "RFC 5737", NO, "documentation"],
  ["192.31.196.0/24", "AS112-v4", "RFC 7535", YES, "global"],
  ["192.52.193.0/24", "AMT", "RFC 7450", YES, "global"],
  ["192.88.99.0/24", "Deprecated (6to4 Relay Anycast)", "RFC 7526", N_A, "reserved"],
  ["192.88.99.2/32", "6a44-relay anycast address", "RFC 6751", NO, "reserved"],
  ["192.168.0.0/16", "Private-Use", "RFC 1918", NO, "private"],
  ["192.175.48.0/24", "Direct Delegation AS112 Service", "RFC 7534", YES, "global"],
  ["198.18.0.0/15", "Benchmarking", "RFC 2544", NO, "benchmarking"],
  ["198.51.100.0/24", "Documentation (TEST-NET-2)", "RFC 5737", NO, "documentation"],
  ["203.0.113.0/24", "Documentation (TEST-NET-3)", "RFC 5737", NO, "documentation"],
  ["240.0.0.0/4", "Reserved", "RFC 1112 §4", NO, "reserved"],
  ["255.255.255.255/32", "Limited Broadcast", "RFC 8190, RFC 919 §7", NO, "broadcast"],
  // IPv4 Multicast Address Space Registry; how far a group reaches depends on the group, see kind.ts.
  ["224.0.0.0/4", "Multicast", "RFC 5771", YES, "multicast"],
];

const IPV6_ROWS: readonly Row[] = [
  ["::1/128", "Loopback Address", "RFC 4291 §2.5.3", NO, "host-local"],
  ["::/128", "Unspecified Address", "RFC 4291 §2.5.2", NO, "unspecified"],
  ["::ffff:0:0/96", "IPv4-mapped Address", "RFC 4291 §2.5.5.2", NO, "reserved"],
  ["64:ff9b::/96", "IPv4-IPv6 Translat.", "RFC 6052", YES, "global"],
  ["64:ff9b:1::/48", "IPv4-IPv6 Translat.", "RFC 8215", NO, "reserved"],
  ["100::/64", "Discard-Only Address Block", "RFC 6666", NO, "reserved"],
  ["100:0:0:1::/64", "Dummy IPv6 Prefix", "RFC 9780", NO, "reserved"],
  ["2001::/23", "IETF Protocol Assignments", "RFC 2928", NO, "reserved"],
  ["2001::/32", "TEREDO", "RFC 4380, RFC 8190", N_A, "reserved"],
  ["2001:1::1/128", "Port Control Protocol Anycast", "RFC 7723", YES, "global"],
  ["2001:1::2/128", "Traversal Using Relays around NAT Anycast", "RFC 8155", YES, "global"],
  ["2001:1::3/128", "DNS-SD Service Registration Protocol Anycast", "RFC 9665", YES, "global"],
  ["2001:2::/48", "Benchmarking", "RFC 5180, RFC Errata 1752", NO, "benchmarking"],
  ["2001:3::/32", "AMT", "RFC 7450", YES, "global"],
  ["2001:4:112::/48", "AS112-v6", "RFC 7535", YES, "global"],
  ["2001:10::/28", "Deprecated (previously ORCHID)", "RFC 4843", N_A, "reserved"],
  ["2001:20::/28", "ORCHIDv2", "RFC 7343", YES, "global"],
  ["2001:30::/28", "Drone Remote ID Protocol Entity Tags (DETs) Prefix", "RFC 9374", YES, "global"],
  ["2001:db8::/32", "Documentation", "RFC 3849", NO, "documentation"],
  ["2002::/16", "6to4", "RFC 3056", N_A, "reserved"],
  ["2620:4f:8000::/48", "Direct Delegation AS112 Service", "RFC 7534", YES, "global"],
  ["3fff::/20", "Documentation", "RFC 9637", NO, "documentation"],
  ["5f00::/16", "Segment Routing (SRv6) SIDs", "RFC 9602", NO, "reserved"],
  ["fc00::/7", "Unique-Local", "RFC 4193, RFC 8190", NO, "private"],
  ["fe80::/10", "Link-Local Unicast", "RFC 4291 §2.5.6", NO, "link-local"],
  // IPv6 Address Space Registry.
  ["fec0::/10", "Deprecated (previously Site-Local Unicast)", "RFC 3879", NO, "reserved"],
  ["ff00::/8", "Multicast", "RFC 4291 §2.7", YES, "multicast"],
];

/** A row with its block as 32-bit words, to compare with. */
interface Entry extends SpecialBlock {
  readonly length: number;
  readonly words: readonly number[];
  readonly masks: readonly number[];
}

function readRow([block, name, rfc, global, kind]: Row): Entry {
  const slash = block.indexOf("/");
  const text = block.slice(0, slash);
  const length = Number(block.slice(slash + 1));
  const groups = readIpv6(text);
  const words = groups ? packGroups(groups) : [readIpv4(text)];
  return { block, name, rfc, global, kind, length, words, masks: words.map((_, i) => maskWord(length, i)) };
}

function longestFirst(rows: readonly Row[]): readonly Entry[] {
  return rows.map(readRow).sort((a, b) => b.length - a.length);
}

const IPV4_ENTRIES = longestFirst(IPV4_ROWS);
const IPV6_ENTRIES = longestFirst(IPV6_ROWS);

/** Every block of both families, in the registries' order. */
export const SPECIAL_BLOCKS: readonly SpecialBlock[] = [...IPV4_ROWS, ...IPV6_ROWS].map(
  ([block, name, rfc, global, kind]) => Object.freeze({ block, name, rfc, global, kind }),
);

/** The longest block that holds the address. */
export function specialBlock(addr: Words): SpecialBlock | undefined {
  const entries = addr.bitLength === 32 ? IPV4_ENTRIES : IPV6_ENTRIES;
  next: for (const entry of entries) {
    for (let i = 0; i * 32 < entry.length; i++) {
      if (((addr.word(i) ^ (entry.words[i] as number)) & (entry.masks[i] as number)) !== 0) continue next;
    }
    return entry;
  }
  return undefined;
}
