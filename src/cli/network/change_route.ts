/** `windsock route add`, `del`, `change`, `replace`, `prepend`, `append` and `test`: ip-route(8)'s words. */
import type { IpAddr } from "../../ip/index.ts";
import type {
  Device,
  Family,
  NewNexthop,
  NewRoute,
  Preference,
  RouteType,
} from "../../netlink/route/index.ts";
import { RouteSocket } from "../../netlink/route/index.ts";
import { EXIT, UsageError } from "../_command.ts";
import {
  dsfieldNumber,
  protocolNumber,
  realmsNumber,
  routeType,
  scopeNumber,
  tableNumber,
} from "./change_names.ts";
import { flushRoutes } from "./change_route_flush.ts";
import { LAST_METRICS, METRICS, type MetricsAsked } from "./change_route_metrics.ts";
import {
  addrWord,
  ask,
  deviceWord,
  familyOfAddr,
  familyWord,
  type Grammar,
  garbage,
  matches,
  noDevice,
  type Place,
  placeOf,
  prefixOf,
  Refusal,
  readGrammar,
  STOP,
  unsigned,
  Words,
  wrong,
} from "./change_words.ts";

interface Asked extends MetricsAsked {
  readonly net: RouteSocket;
  family: Family | undefined;
  to?: Place;
  from?: Place;
  type?: RouteType;
  via?: IpAddr;
  src?: IpAddr;
  device?: string;
  tos?: number;
  metric?: number;
  table?: number;
  protocol?: number;
  scope?: number;
  realms?: number;
  expires?: number;
  nexthopId?: number;
  preference?: Preference;
  onlink?: true;
  ttlPropagate?: boolean;
  nexthops?: NewNexthop[];
}

/** An address, which tells the family where nothing has yet. */
function addr(words: Words, it: Asked, family = it.family): IpAddr | undefined {
  const value = addrWord(words.value(), family);
  if (value !== undefined) it.family ??= familyOfAddr(value);
  return value;
}

/** A gateway, whose family may stand in front of it. */
function gateway(words: Words, it: Asked): IpAddr | undefined {
  const family = familyWord(words.next);
  if (family !== undefined) words.take();
  return addr(words, it, family ?? it.family);
}

function realms(words: Words): number {
  return words.named(realmsNumber, '"realm" value is invalid');
}

function encap(words: Words): never {
  const word = words.value();
  if (!/^(?:mpls|ip6?|ila|seg6|seg6local|rpl|ioam6|xfrm|bpf)$/.test(word)) {
    throw wrong(word, '"encap type" value is invalid');
  }
  throw new UsageError(`encap ${word}: routes with an encapsulation are not made here`);
}

const GRAMMAR: Grammar<Asked> = {
  src: (words, it) => {
    const value = addr(words, it);
    if (value !== undefined) it.src = value;
  },
  as: () => {
    throw new UsageError("as: routes of MPLS are not made here");
  },
  via: (words, it, keyword) => {
    if (it.via !== undefined) throw wrong(keyword, "use nexthop syntax to specify multiple via");
    const value = gateway(words, it);
    if (value !== undefined) it.via = value;
  },
  from: (words, it) => {
    it.from = placeOf(words.value(), it.family);
    it.family ??= it.from.family;
  },
  "tos dsfield*": (words, it) => {
    it.tos = words.named(dsfieldNumber, '"tos" value is invalid');
  },
  expires: (words, it) => {
    it.expires = words.number('"expires" value is invalid');
  },
  "metric* priority* preference": (words, it) => {
    it.metric = words.number('"metric" value is invalid');
  },
  scope: (words, it) => {
    it.scope = words.named(scopeNumber, 'invalid "scope" value');
  },
  ...METRICS,
  "realms*": (words, it) => {
    it.realms = realms(words);
  },
  onlink: (_, it) => {
    it.onlink = true;
  },
  nexthop: async (words, it) => {
    // What a device is called is only looked up in these once the words before are known to be good.
    it.nexthops = [];
    await checkDevice(it);
    await readNexthops(words, it, it.nexthops);
    return STOP;
  },
  nhid: (words, it) => {
    it.nexthopId = words.number('"id" value is invalid');
  },
  "protocol*": (words, it) => {
    it.protocol = words.named(protocolNumber, '"protocol" value is invalid');
  },
  "table*": (words, it) => {
    it.table = words.named(tableNumber, '"table" value is invalid');
  },
  "vrf*": async (words, it) => {
    const name = words.value();
    it.table = await vrfTable(it.net, name);
  },
  "dev oif": (words, it) => {
    it.device = words.value();
  },
  "pref*": (words, it) => {
    const levels = { low: "low", medium: "medium", high: "high" } as const;
    const read = (word: string): Preference | undefined =>
      Object.hasOwn(levels, word) ? levels[word as keyof typeof levels] : unsigned(word, 255);
    it.preference = words.named(read, '"pref" value is invalid');
  },
  encap,
  "ttl-propagate": (words, it) => {
    const read = (word: string): boolean | undefined =>
      matches(word, "enabled") ? true : matches(word, "disabled") ? false : undefined;
    it.ttlPropagate = words.named(read, '"ttl-propagate" value is invalid');
  },
  ...LAST_METRICS,
};

/** A type, and the destination. */
function readOther(words: Words, it: Asked, keyword: string): void {
  let word = keyword === "to" ? words.value() : keyword;
  const type = /^\d/.test(word) ? undefined : routeType(word);
  if (type !== undefined) {
    it.type = type;
    word = words.value();
  }
  if (it.to !== undefined) throw garbage("to", word);
  it.to = placeOf(word, it.family);
  it.family ??= it.to.family;
}

const NEXTHOP: Grammar<{ readonly it: Asked; hop: { -readonly [K in keyof NewNexthop]: NewNexthop[K] } }> = {
  via: (words, { it, hop }) => {
    hop.gateway = gateway(words, it);
  },
  dev: async (words, { it, hop }) => {
    hop.device = await deviceWord(it.net, words.value());
  },
  weight: (words, { hop }) => {
    const read = (word: string): number | undefined => unsigned(word, 256) || undefined;
    hop.weight = words.named(read, '"weight" is invalid');
  },
  onlink: (_, { hop }) => {
    hop.flags = ["onlink"];
  },
  "realms*": (words, { hop }) => {
    hop.realms = realms(words);
  },
  encap,
};

/** What stands behind the first `nexthop`. */
async function readNexthops(words: Words, it: Asked, hops: NewNexthop[]): Promise<void> {
  for (let more = true; more; ) {
    if (words.next === undefined) throw new UsageError('Error: unexpected end of line after "nexthop"');
    more = false;
    const state = { it, hop: {} };
    await readGrammar(words, NEXTHOP, state, (_words, _state, word) => {
      if (word !== "nexthop") {
        throw new UsageError(`Error: "nexthop" or end of line is expected instead of "${word}"`);
      }
      more = true;
      return STOP;
    });
    hops.push(state.hop);
  }
}

async function checkDevice({ net, device, to }: Asked): Promise<Device | undefined> {
  if (to === undefined) throw new UsageError("expected the destination: a prefix, an address or default");
  return device === undefined ? undefined : await deviceWord(net, device);
}

/** The table of a VRF. @throws {UsageError} */
async function vrfTable(net: RouteSocket, name: string): Promise<number> {
  const link = (await net.links.list({ kind: "vrf" })).find((it) => it.name === name);
  const raw = link?.info !== undefined && "raw" in link.info ? link.info.raw : undefined;
  // IFLA_VRF_TABLE is its only attribute.
  if (raw === undefined || raw.length < 8) throw wrong(name, "Invalid VRF");
  return new DataView(raw.buffer, raw.byteOffset).getUint32(4, true);
}

/** As ip(8) chooses it where none is told. */
function usualScope(it: Asked, family: Family, deleting: boolean): number {
  const { type } = it;
  if (family === "ipv6") return 0;
  if (type === "local" || type === "nat") return 254;
  if (type === "broadcast" || type === "multicast" || type === "anycast") return 253;
  if (deleting) return 255;
  const direct = it.via === undefined && it.nexthops === undefined && !it.nexthopId;
  return (type === undefined || type === "unicast" || type === "unspec" || type === 0) && direct ? 253 : 0;
}

async function modify(verb: string, given: readonly string[], asked: Family | undefined): Promise<void> {
  using net = RouteSocket.open();
  const it: Asked = { net, family: asked, lock: 0, metrics: {} };
  await readGrammar(new Words(given), GRAMMAR, it, readOther);
  const device = await checkDevice(it);
  const { to, from, metrics, family = "ipv4" } = it;
  if (to === undefined) throw noDevice("");
  const deleting = verb === "delete";
  if (it.lock !== 0 && Object.keys(metrics).length > 0) metrics.lock = it.lock;
  const route: NewRoute = {
    family,
    destination: prefixOf(to, family),
    source: from === undefined ? undefined : prefixOf(from, family),
    type: it.type,
    tos: it.tos,
    table: it.table as NewRoute["table"],
    protocol: it.protocol,
    scope: it.scope ?? usualScope(it, family, deleting),
    flags: it.onlink ? ["onlink"] : [],
    metric: it.metric,
    preferredSource: it.src,
    gateway: it.via,
    device,
    nexthops: it.nexthops,
    nexthopId: it.nexthopId,
    metrics: Object.keys(metrics).length > 0 ? metrics : undefined,
    preference: it.preference,
    realms: it.realms,
    expiresSeconds: it.expires,
    ttlPropagate: it.ttlPropagate,
  };
  for (const place of [to, from]) {
    // Told before the family was known from another word.
    if (place?.addr !== undefined && familyOfAddr(place.addr) !== family)
      throw new Refusal("RTNETLINK answers: Invalid argument");
  }
  await ask(() => net.routes[verb as "add"](route));
}

/** @returns the exit code */
export async function changeRoute(
  verb: string,
  given: readonly string[],
  family: Family | undefined,
): Promise<number> {
  await (verb === "flush" ? flushRoutes(given, family) : modify(verb, given, family));
  return EXIT.done;
}
