/** Reading the text of an IPv6 address (RFC 4291 §2.2) as eight groups, and writing it as RFC 5952 has it. */
import { readIpv4, whyNotIpv4, writeIpv4 } from "./_ipv4_text.ts";

const COLON = 0x3a;
const DOT = 0x2e;

/** The end of every message about an IPv6 address. */
export const IPV6_EXPECTED =
  'eight groups of 1–4 hex digits separated by colons, of which :: may replace some, as in "2001:db8::1"';

function hexDigit(char: number): number {
  if (char >= 0x30 && char <= 0x39) return char - 0x30;
  const letter = char | 0x20; // lower case
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/**
 * Reads exactly what `inet_pton(AF_INET6)` reads: no zone, no brackets, nothing around it.
 * @returns the eight 16-bit groups, or undefined
 */
export function readIpv6(text: string): number[] | undefined {
  const end = text.length;
  if (end < 2 || end > 45) return undefined; // 45 is INET6_ADDRSTRLEN without its NUL
  const groups: number[] = [];
  let gap = -1; // where the :: stands, counted in groups
  let i = 0;
  if (text.charCodeAt(0) === COLON) {
    if (text.charCodeAt(1) !== COLON) return undefined;
    gap = 0;
    i = 2;
  }
  while (i < end) {
    const start = i;
    let group = 0;
    for (let digit = 0; i < end; i++) {
      digit = hexDigit(text.charCodeAt(i));
      if (digit < 0) break;
      if (i - start === 4) return undefined;
      group = (group << 4) | digit;
    }
    if (i < end && text.charCodeAt(i) === DOT) {
      const ipv4 = readIpv4(text, start);
      if (ipv4 < 0) return undefined;
      groups.push(ipv4 >>> 16, ipv4 & 0xffff);
      break;
    }
    if (i === start || groups.push(group) > 8) return undefined;
    if (i === end) break;
    if (text.charCodeAt(i) !== COLON || ++i === end) return undefined;
    if (text.charCodeAt(i) === COLON) {
      if (gap >= 0) return undefined;
      gap = groups.length;
      i++;
    }
  }
  if (gap < 0) return groups.length === 8 ? groups : undefined;
  if (groups.length > 7) return undefined; // :: stands for one group at least
  const zeros = new Array<number>(8 - groups.length).fill(0);
  return [...groups.slice(0, gap), ...zeros, ...groups.slice(gap)];
}

/** Says what {@link readIpv6} did not like; only for a text that it refused. */
export function whyNotIpv6(text: string): string {
  if (text === "") return "it is empty";
  if (text.startsWith("[")) return "brackets belong to an address with a port, which SocketAddr reads";
  if (text.includes("%"))
    return "a zone is not part of the address itself; SocketAddr and parseScoped read it";
  if (text.includes("/")) return "it has a prefix length, which IpPrefix reads";
  const stranger = /[^0-9a-fA-F:.]/u.exec(text);
  if (stranger) return `it has ${JSON.stringify(stranger[0])} at position ${stranger.index + 1}`;
  if (!text.includes(":")) return "it has no colon";
  if (text.includes(":::")) return "it has three colons in a row";
  const halves = text.split("::");
  if (halves.length > 2) return "it has more than one ::";
  if (/^:[^:]/.test(text)) return "it begins with a single colon";
  if (/[^:]:$/.test(text)) return "it ends with a single colon";
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")));
  const dotted = groups.findIndex((group) => group.includes("."));
  if (dotted >= 0) {
    const last = groups[dotted] as string;
    if (dotted < groups.length - 1 || text.endsWith("::")) return "only its end can be an IPv4 address";
    if (readIpv4(last) < 0) {
      return `its end ${JSON.stringify(last)} is not an IPv4 address, ${whyNotIpv4(last)}`;
    }
  }
  const long = groups.findIndex((group) => group.length > 4 && !group.includes("."));
  if (long >= 0) return `group ${JSON.stringify(groups[long])} has more than 4 hex digits`;
  const count = groups.length + (dotted >= 0 ? 1 : 0);
  const short = halves.length === 1 && count < 8;
  return `it has ${count} groups${short ? " and no ::" : halves.length === 2 ? " and a ::" : ""}`;
}

/**
 * Writes the groups as RFC 5952 §4 and §5 have it: lower case, no leading zeros, the longest run of two or more
 * zero groups as `::` (the first one, of equals), and `::ffff:0:0/96` with its IPv4 address as dotted decimal.
 */
export function writeIpv6(groups: readonly number[]): string {
  let from = -9; // so that from + length is no group
  let length = 1; // a single zero group is not shortened, RFC 5952 §4.2.2
  for (let i = 0; i < 8; ) {
    let zeros = 0;
    while (i + zeros < 8 && groups[i + zeros] === 0) zeros++;
    if (zeros > length) {
      from = i;
      length = zeros;
    }
    i += zeros + 1;
  }
  if (from === 0 && length === 5 && groups[5] === 0xffff) {
    return `::ffff:${writeIpv4(((groups[6] as number) << 16) | (groups[7] as number))}`;
  }
  let text = "";
  for (let i = 0; i < 8; i++) {
    if (i === from) {
      text += "::";
      i += length - 1;
    } else {
      text += i === 0 || i === from + length ? hex(groups[i]) : `:${hex(groups[i])}`;
    }
  }
  return text;
}

function hex(group: number | undefined): string {
  return (group as number).toString(16);
}
