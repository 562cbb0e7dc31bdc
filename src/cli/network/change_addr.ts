/** `windsock addr add`, `del`, `change`, `replace` and `flush`: ip-address(8)'s words. */
import type { IpAddr } from "../../ip/index.ts";
import { type AddressFlag, type Family, RouteSocket } from "../../netlink/route/index.ts";
import { EXIT, note, UsageError } from "../_command.ts";
import { flushAddresses } from "./change_addr_flush.ts";
import { scopeNumber } from "./change_names.ts";
import {
  type Addr,
  addrWord,
  ask,
  deviceWord,
  duplicate,
  familyOfAddr,
  type Grammar,
  garbage,
  type Place,
  placeOf,
  prefixOf,
  Refusal,
  readGrammar,
  unsigned,
  Words,
} from "./change_words.ts";

interface Asked {
  readonly deleting: boolean;
  family: Family | undefined;
  local?: Place;
  localWord?: string;
  peer?: Place;
  broadcast?: Addr | "+" | "-" | undefined;
  anycast?: Addr | undefined;
  scope?: number;
  device?: string;
  label?: string;
  valid?: number;
  preferred?: number;
  metric?: number;
  readonly flags: AddressFlag[];
}

/** ip(8) sets no other flags, and says so. */
const FLAGS: Readonly<Record<string, AddressFlag>> = {
  home: "home",
  nodad: "nodad",
  mngtmpaddr: "managetempaddr",
  noprefixroute: "noprefixroute",
  autojoin: "mcautojoin",
};
const FIXED = ["permanent", "dynamic", "secondary", "primary", "temporary"];
const FIXED_6 = ["tentative", "deprecated", "dadfailed"];
const ONLY_IPV6 = ["home", "nodad", "mngtmpaddr"];

function lifetime(words: Words, what: string): number {
  const read = (word: string): number | undefined =>
    word === "forever" ? Number.POSITIVE_INFINITY : unsigned(word);
  const seconds = words.named(read, `${what} value`);
  return seconds === 0xffff_ffff ? Number.POSITIVE_INFINITY : seconds;
}

function once(given: unknown, what: string, word: string): void {
  if (given !== undefined) throw duplicate(what, word);
}

const GRAMMAR: Grammar<Asked> = {
  "peer remote": (words, it) => {
    const word = words.value();
    once(it.peer, "peer", word);
    it.peer = placeOf(word, it.family);
    it.family ??= it.peer.family;
  },
  "broadcast* brd": (words, it) => {
    const word = words.value();
    once(it.broadcast, "broadcast", word);
    it.broadcast = word === "+" || word === "-" ? word : addrWord(word, it.family);
    if (typeof it.broadcast === "object") it.family ??= familyOfAddr(it.broadcast);
  },
  anycast: (words, it) => {
    const word = words.value();
    once(it.anycast, "anycast", word);
    it.anycast = addrWord(word, it.family);
    if (it.anycast !== undefined) it.family ??= familyOfAddr(it.anycast);
  },
  scope: (words, it) => {
    it.scope = words.named(scopeNumber, "invalid scope value.");
  },
  dev: (words, it) => {
    it.device = words.value();
  },
  label: (words, it) => {
    it.label = words.value();
  },
  "metric* priority* preference": (words, it) => {
    it.metric = words.number('"metric" value is invalid');
  },
  "valid_lft*": (words, it, keyword) => {
    once(it.valid, "valid_lft", keyword);
    it.valid = lifetime(words, "valid_lft");
  },
  "preferred_lft*": (words, it, keyword) => {
    once(it.preferred, "preferred_lft", keyword);
    it.preferred = lifetime(words, "preferred_lft");
  },
};

function readOther(words: Words, it: Asked, keyword: string): void {
  const flag = Object.hasOwn(FLAGS, keyword) ? FLAGS[keyword] : undefined;
  if (flag !== undefined) {
    // Those of IPv6 are left out for IPv4, with a warning, as far as the family is known by now.
    if (it.family === "ipv4" && ONLY_IPV6.includes(keyword)) {
      note(`windsock addr: Warning: ${keyword} option can be set only for IPv6 addresses`);
    } else it.flags.push(flag);
    return;
  }
  if (FIXED.includes(keyword) || FIXED_6.includes(keyword.replace(/^-/, ""))) {
    note(`windsock addr: Warning: ${keyword} option is not mutable from userspace`);
    return;
  }
  const word = keyword === "local" ? words.value() : keyword;
  if (it.local !== undefined && it.local.addr !== undefined) throw garbage("local", word);
  it.local = placeOf(word, it.family);
  it.localWord = word;
  it.family ??= it.local.family;
}

/** Lifetimes and flags that do not go together. @throws {UsageError} */
function check(it: Asked): void {
  const { valid = Number.POSITIVE_INFINITY, preferred = Number.POSITIVE_INFINITY } = it;
  if (it.valid !== undefined || it.preferred !== undefined) {
    if (valid === 0) throw new UsageError("valid_lft is zero");
    if (valid < preferred) throw new UsageError("preferred_lft is greater than valid_lft");
  }
  if (it.flags.includes("mcautojoin") && it.local?.addr?.isMulticast !== true) {
    throw new UsageError("autojoin needs multicast address");
  }
}

async function modify(verb: string, given: readonly string[], family: Family | undefined): Promise<void> {
  const it: Asked = { deleting: verb === "delete", family, flags: [] };
  await readGrammar(new Words(given), GRAMMAR, it, readOther);
  const { local, peer, deleting } = it;
  if (it.device === undefined) {
    throw new UsageError('Not enough information: "dev" argument is required.');
  }
  const wildcard = deleting && peer === undefined && local?.addr?.version === 4 && !local.sized;
  if (wildcard) {
    note("windsock addr: Warning: Executing wildcard deletion to stay compatible with old scripts.");
  }
  const computed = it.broadcast === "+" || it.broadcast === "-";
  if (computed && !deleting && it.family !== "ipv4") {
    throw new UsageError("Broadcast can be set only for IPv4 addresses");
  }
  using net = RouteSocket.open();
  const device = await deviceWord(net, it.device);
  check(it);
  const known = local?.addr;
  if (local === undefined || known === undefined)
    throw new Refusal("RTNETLINK answers: Operation not supported");
  // The length is that of the network at the other end, where there is one.
  const length = peer?.length || local.length;
  const common = {
    device,
    address: prefixOf({ ...local, length: Math.min(length, known.bitLength) }, familyOfAddr(known)),
    peer: peer?.addr,
    label: it.label,
    flags: it.flags,
  };
  if (deleting) {
    await ask(() => net.addresses.delete({ ...common, anyPrefixLength: wildcard }));
    return;
  }
  const address = {
    ...common,
    broadcast: broadcastOf(it),
    anycast: it.anycast,
    scope: it.scope ?? (known.version === 4 && known.isLoopback ? 254 : 0),
    validSeconds: it.valid ?? (it.preferred === undefined ? undefined : Number.POSITIVE_INFINITY),
    preferredSeconds: it.preferred ?? (it.valid === undefined ? undefined : Number.POSITIVE_INFINITY),
    routeMetric: it.metric,
  };
  if (verb === "add") await ask(() => net.addresses.add(address));
  else if (verb === "change") await ask(() => net.addresses.change(address));
  else await ask(() => net.addresses.replace(address));
}

/** Of the other end's network, where there is one. */
function broadcastOf({ broadcast, peer, local }: Asked): IpAddr | undefined {
  if (broadcast !== "+" && broadcast !== "-") return broadcast;
  const of = peer ?? local;
  if (of?.addr === undefined || of.length > 30) return undefined;
  const prefix = prefixOf(of, "ipv4");
  return broadcast === "+" ? prefix.last : prefix.first;
}

/** @returns the exit code */
export async function changeAddr(
  verb: string,
  given: readonly string[],
  family: Family | undefined,
): Promise<number> {
  await (verb === "flush" ? flushAddresses(given, family) : modify(verb, given, family));
  return EXIT.done;
}
