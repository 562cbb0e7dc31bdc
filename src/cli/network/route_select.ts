/** Which routes are meant: the words that `ip route show` and `ip route flush` share, and what is then not said of each. */
import type { Family, Route, RouteListOptions, RouteSocket } from "../../netlink/route/index.ts";
import {
  dsfieldNumber,
  protocolNumber,
  realmsNumber,
  routeType,
  scopeNumber,
  tableNumber,
} from "./change_names.ts";
import {
  deviceWord,
  familyOfAddr,
  familyWord,
  type Grammar,
  matches,
  type Place,
  placeOf,
  prefixOf,
  readGrammar,
  Words,
  wrong,
} from "./change_words.ts";
import type { Omitted } from "./route_json.ts";

/** Which prefixes are meant: those within `root`, and those that contain `match`. */
interface Within {
  root?: Place | undefined;
  match?: Place | undefined;
}

interface Filter {
  readonly family: Family | undefined;
  table: number | undefined;
  cached?: true;
  tos?: number;
  protocol?: number;
  scope?: number;
  type?: Route["type"];
  device?: string;
  inputDevice?: string;
  mark?: number;
  metric?: number;
  via?: Place;
  src?: Place;
  realms?: readonly [value: number, mask: number];
  readonly to: Within;
  readonly from: Within;
}

function within(words: Words, first: string, it: Within, family: Family | undefined): void {
  // `any` and `all` are those of every family, where none is told; `default` is a prefix.
  const read = (word: string): Place | undefined => {
    const place = placeOf(word, family);
    return place.addr === undefined && place.family === undefined && !place.sized ? undefined : place;
  };
  if (matches(first, "root")) it.root = read(words.value());
  else if (matches(first, "match")) it.match = read(words.value());
  else {
    it.root = read(matches(first, "exact") ? words.value() : first);
    it.match = it.root;
  }
}

/** `all`, or what `read` knows. */
function unlessAll<T>(words: Words, read: (word: string) => T | undefined, why: string): T | undefined {
  const word = words.value();
  const value = read(word);
  if (value === undefined && word !== "all") throw wrong(word, why);
  return value;
}

const GRAMMAR: Grammar<Filter> = {
  "table*": (words, it) => {
    const word = words.value();
    if (word === "cache") {
      it.cached = true;
      return;
    }
    const table = tableNumber(word);
    if (table === undefined && word !== "all") throw wrong(word, "table id value is invalid");
    it.table = table || undefined;
  },
  "cached* cloned*": (_, it) => {
    it.cached = true;
  },
  "tos dsfield*": (words, it) => {
    it.tos = words.named(dsfieldNumber, "TOS value is invalid");
  },
  "protocol*": (words, it) => {
    const protocol = unlessAll(words, protocolNumber, 'invalid "protocol"');
    if (protocol !== undefined) it.protocol = protocol;
  },
  "scope*": (words, it) => {
    const scope = unlessAll(words, scopeNumber, 'invalid "scope"');
    if (scope !== undefined) it.scope = scope;
  },
  "type*": (words, it) => {
    it.type = words.named(routeType, "node type value is invalid");
  },
  "dev oif": (words, it) => {
    it.device = words.value();
  },
  iif: (words, it) => {
    it.inputDevice = words.value();
  },
  mark: (words, it) => {
    it.mark = words.number("invalid mark value");
  },
  "metric* priority* preference": (words, it) => {
    it.metric = words.number('"metric" value is invalid');
  },
  via: (words, it) => {
    const family = familyWord(words.next);
    if (family !== undefined) words.take();
    it.via = placeOf(words.value(), family ?? it.family);
  },
  src: (words, it) => {
    it.src = placeOf(words.value(), it.family);
  },
  "realms*": (words, it) => {
    const word = words.next ?? "";
    const value = words.named(realmsNumber, "invalid realms");
    const source = word.includes("/") && !word.startsWith("/") ? 0xffff_0000 : 0;
    it.realms = [value, (source | (word.endsWith("/") ? 0 : 0xffff)) >>> 0];
  },
  "from*": (words, it) => within(words, words.value(), it.from, it.family),
};

function readOther(words: Words, it: Filter, keyword: string): void {
  within(words, matches(keyword, "to") ? words.value() : keyword, it.to, it.family);
}

function inPlace(place: Place | undefined, addr: Route["gateway"]): boolean {
  if (place?.addr === undefined) return true;
  return addr !== undefined && prefixOf(place, familyOfAddr(place.addr)).contains(addr);
}

function fits({ root, match }: Within, prefix: Route["destination"] | undefined, family: Family): boolean {
  const length = prefix?.length ?? 0;
  if (root !== undefined) {
    if (root.addr !== undefined && familyOfAddr(root.addr) !== family) return false;
    if (length < root.length) return false;
    if (prefix !== undefined && !inPlace(root, prefix.addr)) return false;
  }
  if (match !== undefined) {
    if (match.addr !== undefined && familyOfAddr(match.addr) !== family) return false;
    if (length > match.length) return false;
    if (prefix !== undefined && match.addr !== undefined && !prefix.contains(match.addr)) return false;
  }
  return true;
}

function selected(route: Route, it: Filter): boolean {
  const { realms = [0, 0] } = it;
  const same = <T>(wanted: T | undefined, value: T | undefined): boolean =>
    wanted === undefined || wanted === value;
  // The kernel's last resort, which is not in any table that people see.
  if (route.family === "ipv6" && route.type === "unreachable" && route.metric === 0xffff_ffff) return false;
  return (
    same(it.tos, route.tos) &&
    (it.protocol === undefined || it.protocol === protocolNumber(`${route.protocol}`)) &&
    (it.scope === undefined || it.scope === scopeNumber(`${route.scope}`)) &&
    same(it.type, route.type) &&
    same(it.mark, route.mark ?? 0) &&
    same(it.metric, route.metric ?? 0) &&
    (((route.realms ?? 0) ^ realms[0]) & realms[1]) === 0 &&
    inPlace(it.via, route.gateway) &&
    inPlace(it.src, route.preferredSource) &&
    fits(it.to, route.destination, route.family) &&
    fits(it.from, route.source, route.family)
  );
}

export interface RouteSelection {
  readonly list: RouteListOptions;
  readonly has: (route: Route) => boolean;
  readonly omit: Omitted;
  /** Whether those are meant that are only remembered. */
  readonly cached: boolean;
}

/** @throws {UsageError} @throws {Refusal} for a device that is not there */
export async function readRouteWords(
  words: readonly string[],
  asked: Family | undefined,
  net: RouteSocket,
): Promise<RouteSelection> {
  const it: Filter = { family: asked, table: 254, to: {}, from: {} };
  await readGrammar(new Words(words), GRAMMAR, it, readOther);
  const input = it.inputDevice === undefined ? undefined : await deviceWord(net, it.inputDevice);
  const device = it.device === undefined ? undefined : await deviceWord(net, it.device);
  const told = [it.to.root, it.to.match, it.from.root, it.from.match].find((place) => place?.addr);
  const family = asked ?? told?.family ?? (it.table === undefined ? undefined : "ipv4");
  return {
    list: { family, table: it.table, device, tableMustExist: true },
    has: (route) =>
      // As ip(8): a route with several nexthops has no device and no gateway itself.
      (device === undefined || route.device === device) &&
      (input === undefined || route.inputDevice === input) &&
      selected(route, it),
    omit: {
      ...(it.table !== undefined && { table: true }),
      ...(device !== undefined && { dev: true }),
      ...(input !== undefined && { iif: true }),
      ...(it.protocol !== undefined && { protocol: true }),
      ...(it.scope !== undefined && { scope: true }),
      ...(it.tos !== undefined && { tos: true }),
      ...(it.metric !== undefined && { metric: true }),
      ...(isHost(it.via) && { gateway: true }),
      ...(isHost(it.src) && { prefsrc: true }),
      ...(it.realms?.[1] === 0xffff_ffff && { flow: true }),
    } as Omitted,
    cached: it.cached === true,
  };
}

function isHost(place: Place | undefined): boolean {
  return place?.addr !== undefined && place.length === place.addr.bitLength;
}
