/** Which addresses are shown: the words of `ip addr show`. */
import type { IpPrefix } from "../../ip/index.ts";
import {
  type Address,
  type AddressFlag,
  type Family,
  type Link,
  scopeNumber,
} from "../../netlink/route/index.ts";
import { familyOfPrefix, glob, namedWord, prefixWord, readWords } from "./ip_words.ts";
import { LINK_WORDS, type LinkWords } from "./link_select.ts";
import { scopeOf } from "./netlink_names.ts";

/** Flags as words of ip(8); with `-` before it a flag is to be missing. */
const FLAGS: Readonly<Record<string, AddressFlag>> = {
  secondary: "secondary",
  temporary: "secondary",
  nodad: "nodad",
  optimistic: "optimistic",
  dadfailed: "dadfailed",
  home: "home",
  deprecated: "deprecated",
  tentative: "tentative",
  permanent: "permanent",
  mngtmpaddr: "managetempaddr",
  noprefixroute: "noprefixroute",
  autojoin: "mcautojoin",
  "stable-privacy": "stablePrivacy",
};
/** Words for a flag that is missing. */
const MISSING: Readonly<Record<string, AddressFlag>> = { dynamic: "permanent", primary: "secondary" };

interface FlagWord {
  readonly flag: AddressFlag;
  readonly set: boolean;
}

function flagWord(word: string): FlagWord | undefined {
  if (Object.hasOwn(MISSING, word)) return { flag: MISSING[word] as AddressFlag, set: false };
  const name = word.startsWith("-") ? word.slice(1) : word;
  return Object.hasOwn(FLAGS, name) ? { flag: FLAGS[name] as AddressFlag, set: name === word } : undefined;
}

export interface AddressSelection {
  readonly links: LinkWords;
  readonly family: Family | undefined;
  /** Whether links that have no address at all are there too. */
  readonly orNone: boolean;
  /** Whether an address is one of those. */
  readonly has: (address: Address, link: Link) => boolean;
}

/** @throws {UsageError} @throws {AddressError} */
export function readAddressWords(words: readonly string[], asked: Family | undefined): AddressSelection {
  const flags: FlagWord[] = [];
  const rest = words.filter((word, at) => {
    // A name or value behind a keyword is no flag.
    const before = words[at - 1];
    const flag = before !== undefined && takesWord(before) ? undefined : flagWord(word);
    if (flag !== undefined) flags.push(flag);
    return flag === undefined;
  });
  const given = readWords(
    rest,
    { ...LINK_WORDS, to: "word", scope: "word", label: "word" } as const,
    "a name",
  );
  const prefix = given.to === undefined ? undefined : prefixWord(given.to, asked);
  const scope =
    given.scope === undefined || given.scope === "all" ? undefined : namedWord(given.scope, "scope", scopeOf);
  const label = given.label === undefined ? undefined : glob(given.label);
  const family = asked ?? (prefix === undefined ? undefined : familyOfPrefix(prefix));
  return {
    links: given,
    family,
    orNone: family === undefined && label === undefined,
    has: (it, link) =>
      (family === undefined || it.family === family) &&
      (scope === undefined || scopeNumber(it.scope) === scope) &&
      (label === undefined || label(it.label ?? link.name)) &&
      (prefix === undefined || within(prefix, it)) &&
      flags.every(({ flag, set }) => it.flags.includes(flag) === set),
  };
}

function takesWord(word: string): boolean {
  return ["dev", "master", "vrf", "type", "group", "to", "scope", "label"].includes(word);
}

function within(prefix: IpPrefix, { address }: Address): boolean {
  return address.version === prefix.addr.version && prefix.contains(address);
}
