/** Routes as `ip -j -d route` writes them. iproute2 6.1 */
import type { IpAddr, IpPrefix } from "../../ip/index.ts";
import { type Nexthop, type Route, type RouteFlag, routeTypeNumber } from "../../netlink/route/index.ts";
import { encapJson, NO_ENCAP } from "./encap_json.ts";
import { clean, type Json, type RouteRow } from "./netlink_fields.ts";
import { protocolName, realmName, scopeName, tableName, tosName, wordFor } from "./netlink_names.ts";
import type { View } from "./netlink_view.ts";

/** As ip(8) prints a prefix: an address alone, or by its name, where it is the whole. */
function prefixText(prefix: IpPrefix, view: View): string {
  if (prefix.length === 0) return "default";
  return prefix.length === prefix.addr.bitLength ? view.host(prefix.addr) : `${prefix}`;
}

const METRICS: Readonly<Record<string, string>> = {
  rtoMin: "rto_min",
  ccAlgo: "congestion",
  fastopenNoCookie: "fastopen_no_cookie",
};
/** In milliseconds, but for the kernel in eighths and quarters of them. */
const SCALED: Readonly<Record<string, number>> = { rtt: 8, rttvar: 4 };
/** -1: the link's own. */
const UNTOLD = 0xffff_ffff;
/** RTAX_FEATURE_ECN */
const ECN = 1;

function metrics(route: Route): Json[] | undefined {
  if (route.metrics === undefined) return undefined;
  const { lock: _lock, unknown: _unknown, features, ...rest } = route.metrics;
  const told = Object.entries(rest).filter(([name, value]) => name !== "hoplimit" || value !== UNTOLD);
  const fields = told.map(([name, value]): [string, unknown] => {
    const scaled = SCALED[name] === undefined ? value : Math.floor(Number(value) / SCALED[name]);
    return [METRICS[name] ?? name, scaled];
  });
  if (features !== undefined && features & ECN) fields.push(["ecn", null]);
  if (features !== undefined && features & ~ECN) fields.push(["features", `0x${features.toString(16)}`]);
  return fields.length === 0 ? undefined : [Object.fromEntries(fields)];
}

/** In the order in which ip(8) prints them. */
const FLAGS: readonly (readonly [RouteFlag, string])[] = [
  ["dead", "dead"],
  ["onlink", "onlink"],
  ["pervasive", "pervasive"],
  ["offload", "offload"],
  ["trap", "trap"],
  ["notify", "notify"],
  ["linkdown", "linkdown"],
  ["unresolved", "unresolved"],
  ["rtOffload", "rt_offload"],
  ["rtTrap", "rt_trap"],
  ["offloadFailed", "rt_offload_failed"],
];
const NONE: readonly string[] = [];

export function flagsJson(flags: readonly RouteFlag[]): readonly string[] {
  return flags.length === 0 ? NONE : FLAGS.filter(([flag]) => flags.includes(flag)).map(([, word]) => word);
}

/** RTCF_…, include/uapi/linux/in_route.h: what the cache of IPv4 tells of a route. */
const CACHE_FLAGS: readonly (readonly [number, string])[] = [
  [0x8000_0000, "local"],
  [0x4000_0000, "reject"],
  [0x2000_0000, "mc"],
  [0x1000_0000, "brd"],
  [0x0800_0000, "dst-nat"],
  [0x0080_0000, "src-nat"],
  [0x0040_0000, "masq"],
  [0x0002_0000, "dst-direct"],
  [0x0400_0000, "src-direct"],
  [0x0004_0000, "redirected"],
  [0x0100_0000, "redirect"],
  [0x0020_0000, "fastroute"],
  [0x0001_0000, "notify"],
  [0x0008_0000, "proxy"],
];

function cacheJson(route: Route): string[] {
  if (route.family === "ipv6") return [];
  const bits = route.flags.map((flag) => (flag === "offloadFailed" ? 0x2000_0000 : flag));
  return CACHE_FLAGS.filter(([bit]) => bits.includes(bit)).map(([, word]) => word);
}

const NOWHERE: Json = {};

function gateway(family: Route["family"], addr: IpAddr | undefined, view: View): Json {
  if (addr === undefined) return NOWHERE;
  if ((addr.version === 4) === (family === "ipv4")) return { gateway: view.host(addr) };
  return { via: { family: addr.version === 4 ? "inet" : "inet6", host: view.host(addr) } };
}

/** Where a packet comes from and where it goes to, for accounting. */
export function realmsJson(realms: number | undefined): Json | undefined {
  if (realms === undefined) return undefined;
  const from = realms >>> 16;
  return clean({ from: from === 0 ? undefined : realmName(from), to: realmName(realms & 0xffff) });
}

function hopJson(hop: Nexthop, family: Route["family"], view: View): Json {
  const encap = encapJson(hop.encapType, hop.encap, view.names.nameOf);
  const row = clean({
    ...gateway(family, hop.gateway, view),
    flow: realmsJson(hop.realms),
    dev: hop.device === undefined ? undefined : view.names.nameOf(hop.device),
    weight: hop.weight,
    flags: flagsJson(hop.flags),
  });
  return withEncap({ row, encap });
}

/** Which fields ip(8) leaves out, since all routes that were asked for have the same. */
export type Omitted = Readonly<
  Partial<
    Record<
      "table" | "dev" | "protocol" | "scope" | "tos" | "gateway" | "prefsrc" | "metric" | "iif" | "flow",
      true
    >
  >
>;

/**
 * One object of both, as in ip(8). A field that the row has itself is called `encap_…` there: ip(8) writes it a second
 * time under the same name, so that whoever parses it loses one of both.
 */
export function withEncap({ row, encap }: RouteRow): Json {
  if (encap === NO_ENCAP) return row;
  const renamed = Object.entries(encap).map(([name, value]) => [name in row ? `encap_${name}` : name, value]);
  return renamed.length === 0 ? row : { ...row, ...Object.fromEntries(renamed) };
}

export function routeJson(route: Route, view: View, omit?: Omitted): Json {
  return withEncap(routeRow(route, view, omit));
}

export function routeRow(route: Route, view: View, omit: Omitted = {}): RouteRow {
  const cached = route.flags.includes("cloned"); // as `ip route get` gets it
  const { device, source, nexthopId } = route;
  const { nameOf } = view.names;
  const object = nexthopId === undefined ? undefined : view.nexthops?.get(nexthopId);
  const type = typeof route.type === "number" ? `${route.type}` : route.type;
  const told = omit.gateway && route.gateway?.version === (route.family === "ipv4" ? 4 : 6);
  const next = told ? NOWHERE : gateway(route.family, route.gateway, view);
  const row: Json = {
    type: wordFor(routeTypeNumber(route.type), type),
    dst: prefixText(route.destination, view),
    from: source === undefined ? undefined : prefixText(source, view),
    tos: route.tos === 0 || omit.tos ? undefined : tosName(route.tos),
    nhid: nexthopId,
    gateway: next.gateway,
    via: next.via,
    dev: device === undefined || omit.dev ? undefined : nameOf(device),
    table: route.table === 0 || omit.table ? undefined : tableName(route.table),
    protocol: cached || omit.protocol ? undefined : protocolName(route.protocol),
    scope: cached || omit.scope ? undefined : scopeName(route.scope),
    prefsrc: omit.prefsrc ? undefined : route.preferredSource?.toString(),
    metric: omit.metric ? undefined : route.metric,
    flags: flagsJson(route.flags),
    mark: route.mark || undefined,
    flow: omit.flow ? undefined : realmsJson(route.realms),
    uid: route.userId,
    cache: cached ? cacheJson(route) : undefined,
    expires: route.expiresSeconds === undefined ? undefined : Math.floor(route.expiresSeconds),
    error: route.error === undefined ? undefined : -route.error,
    users: view.stats > 0 ? route.references : undefined,
    used: view.stats > 0 ? route.uses : undefined,
    age: view.stats > 0 && route.usedSeconds !== undefined ? Math.floor(route.usedSeconds) : undefined,
    metrics: metrics(route),
    iif: route.inputDevice === undefined || omit.iif ? undefined : nameOf(route.inputDevice),
    pref: route.preference === undefined ? undefined : `${route.preference}`,
    "ttl-propogate": route.ttlPropagate, // as ip(8) spells it
    nh_info: object === undefined ? undefined : withEncap(object),
    nexthops: route.nexthops?.map((hop) => hopJson(hop, route.family, view)),
  };
  return { row: clean(row), encap: encapJson(route.encapType, route.encap, nameOf) };
}
