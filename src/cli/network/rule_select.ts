/** Which rules are shown: the words of `ip rule show`. */
import type { IpPrefix } from "../../ip/index.ts";
import { type Family, protocolNumber, type Range, type Rule } from "../../netlink/route/index.ts";
import { familyOfPrefix, namedWord, numberWord, prefixWord, rangeWord, readWords } from "./ip_words.ts";
import { ipProtocolNumber, protocolOf, tableNumber, tosNumber } from "./netlink_names.ts";

const WORDS = {
  pref: "word",
  priority: "=pref",
  preference: "=pref",
  order: "=pref",
  not: "flag",
  from: "word",
  src: "=from",
  to: "word",
  dst: "=to",
  tos: "word",
  dsfield: "=tos",
  fwmark: "word",
  iif: "word",
  dev: "=iif",
  oif: "word",
  l3mdev: "flag",
  uidrange: "word",
  tun_id: "word",
  table: "word",
  lookup: "=table",
  ipproto: "word",
  sport: "word",
  dport: "word",
  proto: "word",
  protocol: "=proto",
} as const;

/** @throws {UsageError} @throws {AddressError} */
export function readRuleWords(
  words: readonly string[],
  asked: Family | undefined,
): { readonly family: Family; readonly has: (rule: Rule) => boolean } {
  const given = readWords(words, WORDS, "a prefix");
  const read = <T>(word: string | undefined, reader: (word: string) => T): T | undefined =>
    word === undefined ? undefined : reader(word);
  const from = read(given.from, (word) => prefixWord(word, asked));
  const to = read(given.to ?? given.plain, (word) => prefixWord(word, asked));
  const told = from ?? to;
  const family = asked ?? (told === undefined ? "ipv4" : familyOfPrefix(told));
  const priority = read(given.pref, (word) => numberWord(word, "pref"));
  const tos = read(given.tos, (word) => namedWord(word, "tos", tosNumber));
  const [mark, mask] = given.fwmark?.split("/") ?? [];
  const [fwmark, fwmask] = [mark, mask].map((word) => read(word, (it) => numberWord(it, "fwmark")));
  const users = read(given.uidrange, (word) => rangeWord(word, "uidrange", 0xffff_ffff));
  const tunnel = read(given.tun_id, (word) => BigInt(numberWord(word, "tun_id", Number.MAX_SAFE_INTEGER)));
  const table = read(given.table, (word) => namedWord(word, "table", tableNumber));
  const ipProtocol = read(given.ipproto, (word) => namedWord(word, "ipproto", ipProtocolNumber));
  const [sport, dport] = [given.sport, given.dport].map((word) =>
    read(word, (it) => rangeWord(it, "port", 0xffff)),
  );
  const maker = read(given.proto, (word) => namedWord(word, "protocol", protocolOf));
  const same = <T>(wanted: T | undefined, value: T | undefined): boolean =>
    wanted === undefined || wanted === value;
  const has = (it: Rule): boolean =>
    same(priority, it.priority) &&
    (given.not === undefined || it.flags.includes("invert")) &&
    isIn(from, it.source) &&
    isIn(to, it.destination) &&
    same(tos, it.tos) &&
    same(fwmark || undefined, it.mark ?? 0) &&
    same(fwmask || undefined, it.markMask ?? 0) &&
    same(given.iif, it.inputDevice) &&
    same(given.oif, it.outputDevice) &&
    (given.l3mdev === undefined || it.l3mdev === true) &&
    sameRange(users, it.userIds) &&
    same(tunnel, it.tunnelId) &&
    same(table || undefined, it.table) &&
    same(ipProtocol, it.ipProtocol) &&
    sameRange(sport, it.sourcePorts) &&
    sameRange(dport, it.destinationPorts) &&
    (maker === undefined || protocolNumber(it.protocol ?? "unspec") === maker);
  return { family, has };
}

function isIn(wanted: IpPrefix | undefined, prefix: IpPrefix | undefined): boolean {
  if (wanted === undefined) return true;
  if (prefix === undefined) return wanted.length === 0;
  return prefix.addr.version === wanted.addr.version && wanted.contains(prefix);
}

function sameRange(wanted: Range | undefined, range: Range | undefined): boolean {
  return wanted === undefined || (wanted.first === range?.first && wanted.last === range.last);
}
