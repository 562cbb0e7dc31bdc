/** Which rules are meant: the words that `ip rule show` and `ip rule flush` share. */
import type { Family, Range, Rule } from "../../netlink/route/index.ts";
import { dsfieldNumber, ipProtocolNumber, protocolNumber, tableNumber } from "./change_names.ts";
import {
  type Grammar,
  isLinkName,
  matches,
  type Place,
  placeOf,
  prefixOf,
  readGrammar,
  unsigned,
  unsigned64,
  Words,
  wrong,
} from "./change_words.ts";

/** `FIRST-LAST`, or one number. */
export function range(word: string): Range | undefined {
  const [first, last = first, ...more] = word.split("-").map((it) => unsigned(it, 0xffff));
  return first === undefined || last === undefined || more.length > 0 ? undefined : { first, last };
}

export function userIds(word: string): Range | undefined {
  const [, first, last] = /^(\d+)-(\d+)$/.exec(word) ?? [];
  return first === undefined || last === undefined ? undefined : { first: Number(first), last: Number(last) };
}

/** `MARK`, or `MARK/MASK`. */
export function mark(word: string): { mark: number; markMask?: number } {
  const slash = word.indexOf("/");
  const [first, second] = slash < 0 ? [word] : [word.slice(0, slash), word.slice(slash + 1)];
  const value = unsigned(first);
  if (value === undefined) throw wrong(first, "fwmark value is invalid");
  if (second === undefined) return { mark: value };
  const mask = unsigned(second);
  if (mask === undefined) throw wrong(second, "fwmask value is invalid");
  return { mark: value, markMask: mask };
}

export function linkName(words: Words, what: string): string {
  return words.named((word) => (isLinkName(word) ? word : undefined), `${what} not a valid ifname`);
}

interface Filter {
  readonly family: Family;
  from?: Place;
  to?: Place;
  readonly wanted: { -readonly [K in keyof Rule]?: Rule[K] | undefined };
}

const GRAMMAR: Grammar<Filter> = {
  "preference* order* priority*": (words, { wanted }) => {
    wanted.priority = words.number("preference value is invalid");
  },
  not: (_, { wanted }) => {
    wanted.flags = ["invert"];
  },
  "tos dsfield*": (words, { wanted }) => {
    wanted.tos = words.named(dsfieldNumber, "TOS value is invalid");
  },
  fwmark: (words, { wanted }) => {
    const { mark: value, markMask } = mark(words.value());
    wanted.mark = value || undefined;
    wanted.markMask = markMask || undefined;
  },
  "dev iif": (words, { wanted }) => {
    wanted.inputDevice = linkName(words, '"iif"/"dev"');
  },
  oif: (words, { wanted }) => {
    wanted.outputDevice = linkName(words, '"oif"');
  },
  l3mdev: (_, { wanted }) => {
    wanted.l3mdev = true;
  },
  uidrange: (words, { wanted }) => {
    wanted.userIds = words.named(userIds, "invalid UID range");
  },
  "tun_id*": (words, { wanted }) => {
    wanted.tunnelId = words.named(unsigned64, '"tun_id" value is invalid');
  },
  "lookup* table*": (words, { wanted }) => {
    wanted.table = words.named(tableNumber, "table id value is invalid") || undefined;
  },
  "from* src*": (words, it) => {
    it.from = placeOf(words.value(), it.family);
  },
  "protocol*": (words, { wanted }) => {
    const word = words.value();
    const protocol = protocolNumber(word);
    if (protocol === undefined && word !== "all") throw wrong(word, 'invalid "protocol"');
    if (protocol !== undefined) wanted.protocol = protocol;
  },
  ipproto: (words, { wanted }) => {
    wanted.ipProtocol = words.named(ipProtocolNumber, 'Invalid "ipproto" value');
  },
  sport: (words, { wanted }) => {
    wanted.sourcePorts = words.named(range, "invalid port range");
  },
  dport: (words, { wanted }) => {
    wanted.destinationPorts = words.named(range, "invalid dport range");
  },
};

function comparable(key: string, value: unknown): unknown {
  if (key === "protocol") return protocolNumber(`${value ?? "unspec"}`);
  if (key === "flags") return Array.isArray(value) && value.includes("invert");
  return value === undefined || typeof value !== "object"
    ? (value ?? undefined)
    : JSON.stringify(value, ["first", "last"]);
}

function selected(rule: Rule, it: Filter): boolean {
  const same = Object.entries(it.wanted).every(
    ([key, value]) =>
      value === undefined || comparable(key, rule[key as keyof Rule]) === comparable(key, value),
  );
  // As ip(8): rules of narrower prefixes too.
  const at = (place: Place | undefined, prefix: Rule["source"]): boolean => {
    if (place?.addr === undefined || place.length === 0) return true;
    return prefix !== undefined && prefixOf(place, it.family).contains(prefix);
  };
  return same && at(it.from, rule.source) && at(it.to, rule.destination);
}

/** @throws {UsageError} */
export async function readRuleWords(
  words: readonly string[],
  asked: Family | undefined,
): Promise<{ readonly family: Family; readonly has: (rule: Rule) => boolean }> {
  const family = asked ?? "ipv4";
  const it: Filter = { family, wanted: {} };
  await readGrammar(new Words(words), GRAMMAR, it, (rest, state, keyword) => {
    state.to = placeOf(matches(keyword, "dst") || matches(keyword, "to") ? rest.value() : keyword, family);
  });
  return { family, has: (rule) => selected(rule, it) };
}
