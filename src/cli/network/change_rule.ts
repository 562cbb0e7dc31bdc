/** `windsock rule add`, `del` and `flush`: ip-rule(8)'s words. */
import { type Family, type NewRule, RouteSocket } from "../../netlink/route/index.ts";
import { EXIT, UsageError } from "../_command.ts";
import {
  dsfieldNumber,
  groupNumber,
  ipProtocolNumber,
  protocolNumber,
  realmsNumber,
  routeType,
  tableNumber,
} from "./change_names.ts";
import {
  ask,
  familyOfAddr,
  type Grammar,
  matches,
  type Place,
  placeOf,
  prefixOf,
  Refusal,
  readGrammar,
  unsigned,
  unsigned64,
  Words,
  wrong,
} from "./change_words.ts";
import { linkName, mark, range, readRuleWords, userIds } from "./rule_select.ts";

interface Asked {
  readonly family: Family | undefined;
  from?: Place;
  to?: Place;
  readonly rule: { -readonly [K in keyof NewRule]: NewRule[K] };
  /** Whether the words tell what is done: a table, or an action. */
  decided: boolean;
}

const GRAMMAR: Grammar<Asked> = {
  not: (_, { rule }) => {
    rule.flags = ["invert"];
  },
  from: (words, it) => {
    it.from = placeOf(words.value(), it.family);
  },
  to: (words, it) => {
    it.to = placeOf(words.value(), it.family);
  },
  "preference* order* priority*": (words, { rule }) => {
    rule.priority = words.number("preference value is invalid");
  },
  "tos dsfield*": (words, { rule }) => {
    rule.tos = words.named(dsfieldNumber, "TOS value is invalid");
  },
  fwmark: (words, { rule }) => {
    Object.assign(rule, mark(words.value()));
  },
  "realms*": (words, { rule }) => {
    rule.realms = words.named(realmsNumber, "invalid realms");
  },
  "protocol*": (words, { rule }) => {
    rule.protocol = words.named(protocolNumber, '"protocol" value is invalid');
  },
  "tun_id*": (words, { rule }) => {
    rule.tunnelId = words.named(unsigned64, '"tun_id" value is invalid');
  },
  "table* lookup": (words, it) => {
    it.rule.table = words.named(tableNumber, "invalid table ID") as NewRule["table"];
    it.decided = true;
  },
  "suppress_prefixlength* sup_pl": (words, { rule }) => {
    const read = (word: string): number | undefined => unsigned(word, 0x7fff_ffff);
    rule.suppressPrefixLength = words.named(read, "suppress_prefixlength value is invalid");
  },
  "suppress_ifgroup* sup_group": (words, { rule }) => {
    rule.suppressLinkGroup = words.named(groupNumber, 'Invalid "suppress_ifgroup" value');
  },
  "dev iif": (words, { rule }) => {
    rule.inputDevice = linkName(words, '"iif"/"dev"');
  },
  oif: (words, { rule }) => {
    rule.outputDevice = linkName(words, '"oif"');
  },
  l3mdev: (_, it) => {
    it.rule.l3mdev = true;
    it.decided = true;
  },
  uidrange: (words, { rule }) => {
    rule.userIds = words.named(userIds, "invalid UID range");
  },
  "nat map-to*": () => {
    throw new UsageError("nat: the kernel has had no NAT of routes for many years");
  },
  ipproto: (words, { rule }) => {
    rule.ipProtocol = words.named(ipProtocolNumber, 'Invalid "ipproto" value');
  },
  sport: (words, { rule }) => {
    rule.sourcePorts = words.named(range, "invalid port range");
  },
  dport: (words, { rule }) => {
    rule.destinationPorts = words.named(range, "invalid dport range");
  },
};

/** An action. */
function readOther(words: Words, it: Asked, keyword: string): void {
  const word = keyword === "type" ? words.value() : keyword;
  it.decided = true;
  if (matches(word, "goto")) {
    it.rule.goto = words.number("invalid target");
    it.rule.action = "goto";
  } else if (matches(word, "nop")) it.rule.action = "nop";
  else {
    const type = routeType(word);
    if (type === undefined) throw wrong(word, "Failed to parse rule type");
    // The numbers of actions are those of routes' types, of which the kernel takes a few.
    const same = { unicast: "table", unspec: "unspec" } as const;
    it.rule.action = (
      typeof type === "string" && Object.hasOwn(same, type) ? same[type as keyof typeof same] : type
    ) as NewRule["action"];
  }
}

async function modify(verb: string, given: readonly string[], family: Family | undefined): Promise<void> {
  const deleting = verb === "delete";
  if (given.length === 0) throw new UsageError(`"ip rule ${deleting ? "del" : "add"}" requires arguments.`);
  const it: Asked = { family, rule: {}, decided: false };
  await readGrammar(new Words(given), GRAMMAR, it, readOther);
  const { rule, from, to } = it;
  if (rule.l3mdev && rule.table) throw new UsageError("table can not be specified for l3mdev rules");
  const of = family ?? "ipv4";
  // Where no family is told it is IPv4's, whatever the prefixes are: the kernel refuses those.
  for (const [place, what] of [
    [from, "source"],
    [to, "dst"],
  ] as const) {
    if (place?.addr !== undefined && familyOfAddr(place.addr) !== of)
      throw new Refusal(`Error: Invalid ${what} address.`);
  }
  rule.family = of;
  if (from?.addr !== undefined) rule.source = prefixOf(from, of);
  if (to?.addr !== undefined) rule.destination = prefixOf(to, of);
  using net = RouteSocket.open();
  if (deleting) await ask(() => net.rules.delete(rule));
  else await ask(() => net.rules.add(rule));
}

async function flush(given: readonly string[], asked: Family | undefined): Promise<void> {
  const family = asked ?? "ipv4";
  const { has } = await readRuleWords(given, family);
  using net = RouteSocket.open();
  for (const rule of await ask(() => net.rules.list({ family }))) {
    // The rule of the local table has no priority, and stays.
    if (rule.priority === 0 || !has(rule)) continue;
    const { unknown: _, flags, ...told } = rule;
    const inverted = flags.includes("invert");
    await ask(() =>
      net.rules.delete({
        ...told,
        table: rule.table || undefined,
        flags: inverted ? ["invert"] : [],
      } as NewRule),
    );
  }
}

/** @returns the exit code */
export async function changeRule(
  verb: string,
  given: readonly string[],
  family: Family | undefined,
): Promise<number> {
  await (verb === "flush" ? flush(given, family) : modify(verb, given, family));
  return EXIT.done;
}
