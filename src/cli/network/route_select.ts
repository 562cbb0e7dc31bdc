/** Which routes are shown: the words of `ip route show`. */
import type { IpAddr, IpPrefix } from "../../ip/index.ts";
import {
  type Family,
  protocolNumber,
  type Route,
  type RouteListOptions,
  type RouteSocket,
  routeTypeNumber,
  scopeNumber,
} from "../../netlink/route/index.ts";
import { UsageError } from "../_command.ts";
import { familyOfPrefix, namedWord, numberWord, prefixWord, readWords } from "./ip_words.ts";
import { protocolOf, realmNumber, scopeOf, tableNumber, tosNumber } from "./netlink_names.ts";
import type { Omitted } from "./route_json.ts";

const WORDS = {
  table: "word",
  dev: "word",
  oif: "=dev",
  iif: "word",
  proto: "word",
  protocol: "=proto",
  type: "word",
  scope: "word",
  via: "word",
  src: "word",
  tos: "word",
  dsfield: "=tos",
  mark: "word",
  realms: "word",
} as const;

/** Where a route leads to, or what it is for: at least as narrow as `root`, at most as narrow as `match`. */
interface Range {
  root?: IpPrefix;
  match?: IpPrefix;
}

const FAMILIES: Readonly<Record<string, Family>> = { inet: "ipv4", inet6: "ipv6" };

interface Ranges {
  readonly to: Range;
  readonly from: Range;
  /** The words that are left. */
  readonly rest: readonly string[];
  readonly viaFamily: Family | undefined;
}

/** Takes out `[to|from] [root|match|exact] PREFIX`, and the family behind `via`. */
function readRanges(words: readonly string[], asked: Family | undefined): Ranges {
  const [to, from]: [Range, Range] = [{}, {}];
  const rest: string[] = [];
  let viaFamily: Family | undefined;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    if (word === "via" && Object.hasOwn(FAMILIES, words[at + 1] ?? "")) {
      viaFamily = FAMILIES[words[++at] as string];
      rest.push(word, ...words.slice(++at, at + 1));
    } else if (Object.hasOwn(WORDS, word)) {
      rest.push(word, ...words.slice(++at, at + 1));
    } else {
      const range = word === "from" ? from : to;
      if (word === "from" || word === "to") at++;
      const how = words[at];
      if (how === "root" || how === "match" || how === "exact") at++;
      const text = words[at];
      if (text === undefined) throw new UsageError(`${word}: expected a prefix behind it`);
      const prefix = prefixWord(text, asked);
      if (how !== "match") range.root = prefix;
      if (how !== "root") range.match = prefix;
    }
  }
  return { to, from, rest, viaFamily };
}

function inRange(prefix: IpPrefix | undefined, { root, match }: Range, family: Family): boolean {
  if (root === undefined && match === undefined) return true;
  for (const bound of [root, match])
    if (bound !== undefined && familyOfPrefix(bound) !== family) return false;
  if (prefix === undefined) return root === undefined || root.length === 0;
  return (root === undefined || root.contains(prefix)) && (match === undefined || prefix.contains(match));
}

export interface RouteSelection {
  readonly list: RouteListOptions;
  readonly has: (route: Route) => boolean;
  readonly omit: Omitted;
}

/** @throws {UsageError} @throws {AddressError} @throws {NetlinkError} `ENODEV` */
export async function readRouteWords(
  words: readonly string[],
  asked: Family | undefined,
  net: RouteSocket,
): Promise<RouteSelection> {
  const { to, from, rest, viaFamily } = readRanges(words, asked);
  const {
    table = "main",
    dev,
    iif,
    proto,
    type,
    scope,
    via,
    src,
    tos,
    mark,
    realms,
  } = readWords(rest, WORDS, "a prefix");
  const all = table === "all";
  const told = [to.root, to.match, from.root, from.match].find((prefix) => prefix !== undefined);
  const family = asked ?? (told === undefined ? (all ? undefined : "ipv4") : familyOfPrefix(told));
  const number = all ? undefined : namedWord(table, "table", tableNumber);
  const index = async (name: string | undefined): Promise<number | undefined> =>
    name === undefined ? undefined : (await net.links.get(name)).index;
  const [output, input] = [await index(dev), await index(iif)];
  const maker = proto === undefined || proto === "all" ? undefined : namedWord(proto, "protocol", protocolOf);
  const reach = scope === undefined || scope === "all" ? undefined : namedWord(scope, "scope", scopeOf);
  const kind = type === undefined ? undefined : typeWord(type);
  const service = tos === undefined ? undefined : namedWord(tos, "tos", tosNumber);
  const fwmark = mark === undefined ? undefined : numberWord(mark, "mark");
  const gateway = via === undefined ? undefined : prefixWord(via, viaFamily ?? family);
  const source = src === undefined ? undefined : prefixWord(src, family);
  const flow = realms === undefined ? undefined : realmsWord(realms);
  return {
    list: { family, table: number, device: output },
    has: (it) =>
      inRange(it.destination, to, it.family) &&
      inRange(it.source, from, it.family) &&
      // As ip(8): a route with several nexthops has no device and no gateway itself.
      (output === undefined || it.device === output) &&
      (input === undefined || it.inputDevice === input) &&
      (maker === undefined || protocolNumber(it.protocol) === maker) &&
      (reach === undefined || scopeNumber(it.scope) === reach) &&
      (kind === undefined || routeTypeNumber(it.type) === kind) &&
      (service === undefined || it.tos === service) &&
      (fwmark === undefined || (it.mark ?? 0) === fwmark) &&
      isIn(gateway, it.gateway, it.family) &&
      isIn(source, it.preferredSource, it.family) &&
      (flow === undefined || ((it.realms ?? 0) & flow.mask) >>> 0 === flow.realms),
    omit: {
      ...(!all && { table: true }),
      ...(output !== undefined && { dev: true }),
      ...(input !== undefined && { iif: true }),
      ...(maker !== undefined && { protocol: true }),
      ...(reach !== undefined && { scope: true }),
      ...(service !== undefined && { tos: true }),
      ...(isHost(gateway) && { gateway: true }),
      ...(isHost(source) && { prefsrc: true }),
      ...(flow?.mask === 0xffff_ffff && { flow: true }),
    } as Omitted,
  };
}

function isHost(prefix: IpPrefix | undefined): boolean {
  return prefix !== undefined && prefix.length === prefix.addr.bitLength;
}

/** An address that is not there counts as the unspecified one, as in ip(8). */
function isIn(prefix: IpPrefix | undefined, addr: IpAddr | undefined, family: Family): boolean {
  if (prefix === undefined) return true;
  if (addr === undefined) return prefix.length === 0 && familyOfPrefix(prefix) === family;
  return addr.version === prefix.addr.version && prefix.contains(addr);
}

function typeWord(word: string): number {
  if (/^\d+$/.test(word)) return numberWord(word, "type", 255);
  return routeTypeNumber(word as Route["type"]); // refused with the words that there are
}

/** `TO`, `FROM/TO`, or `FROM/`: of the half that is not told any will do. */
function realmsWord(word: string): { readonly realms: number; readonly mask: number } {
  const [first = "", second] = word.split("/");
  const half = (text: string): number => (text === "" ? 0 : namedWord(text, "realm", realmNumber));
  const [from, to] = second === undefined ? [0, half(first)] : [half(first), half(second)];
  const anyTo = to === 0 && word.endsWith("/");
  const anyFrom = from === 0 && (second === undefined || word.startsWith("/"));
  const mask = ((anyFrom ? 0 : 0xffff_0000) | (anyTo ? 0 : 0xffff)) >>> 0;
  return { realms: ((from << 16) | to) >>> 0, mask };
}
