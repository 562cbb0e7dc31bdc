/** Addresses, routes, rules and neighbours as `ip -j -d` writes them. iproute2 6.1 */
import type { IpAddr, IpPrefix } from "../ip/index.ts";
import type { Address, Neighbor, Nexthop, Route, Rule } from "../netlink/route/index.ts";
import { clean, type Json, lladdr, type NameOf } from "./_link_json.ts";
import {
  groupName,
  ipProtocolName,
  protocolName,
  realmName,
  scopeName,
  tableName,
  tosName,
} from "./_netlink_names.ts";

const FOREVER = 0xffff_ffff;
const FAMILY = { ipv4: "inet", ipv6: "inet6" } as const;

const ADDRESS_FLAGS: Readonly<Record<string, string>> = {
  managetempaddr: "mngtmpaddr",
  mcautojoin: "autojoin",
  stablePrivacy: "stable-privacy",
};

const ADDRESS_PROTOCOLS: Readonly<Record<string, string>> = {
  kernelLo: "kernel_lo",
  kernelRa: "kernel_ra",
  kernelLl: "kernel_ll",
};

/** An element of `addr_info`. */
export function addressJson(address: Address): Json {
  const flags = address.flags.filter((flag) => flag !== "permanent");
  const words = flags.map((flag) => {
    if (flag === "secondary" && address.family === "ipv6") return "temporary";
    return typeof flag === "number" ? "ifa_flags" : (ADDRESS_FLAGS[flag] ?? flag);
  });
  const dynamic = address.flags.includes("permanent") ? [] : ["dynamic"];
  return clean({
    family: FAMILY[address.family],
    local: `${address.address}`,
    address: address.peer === undefined ? undefined : `${address.peer}`,
    prefixlen: address.prefixLength,
    metric: address.routeMetric || undefined,
    broadcast: text(address.broadcast),
    anycast: text(address.anycast),
    scope: scopeName(address.scope),
    ...Object.fromEntries([...words, ...dynamic].map((word) => [word, true])),
    protocol: ADDRESS_PROTOCOLS[address.protocol ?? ""] ?? address.protocol?.toString(),
    label: address.label,
    valid_life_time: lifetime(address.validSeconds),
    preferred_life_time: lifetime(address.preferredSeconds),
  });
}

function text(addr: IpAddr | undefined): string | undefined {
  return addr === undefined ? undefined : `${addr}`;
}

function lifetime(seconds: number | undefined): number | undefined {
  return seconds === Number.POSITIVE_INFINITY ? FOREVER : seconds;
}

/** As ip(8) prints a prefix: an address alone where it is the whole. */
function prefixText(prefix: IpPrefix): string {
  if (prefix.length === 0) return "default";
  return prefix.length === prefix.addr.bitLength ? `${prefix.addr}` : `${prefix}`;
}

const METRICS: Readonly<Record<string, string>> = {
  ssthresh: "ssthresh",
  rtoMin: "rto_min",
  ccAlgo: "congestion",
  fastopenNoCookie: "fastopen_no_cookie",
};
/** In milliseconds, but for the kernel in eighths and quarters of them. */
const SCALED: Readonly<Record<string, number>> = { rtt: 8, rttvar: 4 };

function metrics(route: Route): Json[] | undefined {
  if (route.metrics === undefined) return undefined;
  const { lock: _lock, unknown: _unknown, ...rest } = route.metrics;
  const fields = Object.entries(rest).map(([name, value]) => {
    const scaled = SCALED[name] === undefined ? value : Math.floor(Number(value) / SCALED[name]);
    return [METRICS[name] ?? name, scaled];
  });
  return fields.length === 0 ? undefined : [Object.fromEntries(fields)];
}

const ROUTE_FLAGS = ["dead", "onlink", "pervasive", "offload", "trap", "notify", "linkdown", "unresolved"];

function flags(row: Route | Nexthop): string[] {
  const words = row.flags.map((flag) =>
    flag === "rtOffload" ? "rt_offload" : flag === "rtTrap" ? "rt_trap" : `${flag}`,
  );
  return words.filter((word) => ROUTE_FLAGS.includes(word) || word.startsWith("rt_"));
}

function gateway(family: Route["family"], addr: IpAddr | undefined): Json {
  if (addr === undefined) return {};
  if ((addr.version === 4) === (family === "ipv4")) return { gateway: `${addr}` };
  return { via: { family: addr.version === 4 ? "inet" : "inet6", host: `${addr}` } };
}

export function routeJson(route: Route, nameOf: NameOf): Json {
  const cached = route.flags.includes("cloned"); // as `ip route get` gets it
  const { device, nexthops, source } = route;
  return clean({
    type: `${route.type}`,
    dst: prefixText(route.destination),
    from: source === undefined ? undefined : prefixText(source),
    tos: route.tos === 0 ? undefined : tosName(route.tos),
    nhid: route.nexthopId,
    ...gateway(route.family, route.gateway),
    dev: device === undefined ? undefined : nameOf(device),
    table: tableName(route.table),
    protocol: cached && route.protocol === "unspec" ? undefined : protocolName(route.protocol),
    scope: cached ? undefined : scopeName(route.scope),
    prefsrc: text(route.preferredSource),
    metric: route.metric,
    flags: flags(route),
    mark: route.mark || undefined,
    uid: route.userId,
    ...(cached ? { cache: [] } : {}),
    expires: route.expiresSeconds === undefined ? undefined : Math.floor(route.expiresSeconds),
    error: route.error === undefined ? undefined : -route.error,
    metrics: metrics(route),
    iif: route.inputDevice === undefined ? undefined : nameOf(route.inputDevice),
    pref: route.preference === undefined ? undefined : `${route.preference}`,
    nexthops: nexthops?.map((hop) =>
      clean({
        ...gateway(route.family, hop.gateway),
        dev: hop.device === undefined ? undefined : nameOf(hop.device),
        weight: hop.weight,
        flags: flags(hop),
      }),
    ),
  });
}

export function ruleJson(rule: Rule): Json {
  const { source, destination, sourcePorts, destinationPorts, userIds } = rule;
  const whole = (prefix: IpPrefix): boolean => prefix.length === prefix.addr.bitLength;
  const mask = rule.markMask;
  return clean({
    priority: rule.priority,
    not: rule.flags.includes("invert") ? null : undefined,
    src: source === undefined ? "all" : `${source.addr}`,
    srclen: source === undefined || whole(source) ? undefined : source.length,
    dst: destination === undefined ? undefined : `${destination.addr}`,
    dstlen: destination === undefined || whole(destination) ? undefined : destination.length,
    tos: rule.tos === 0 ? undefined : tosName(rule.tos),
    fwmark: rule.mark === undefined && !mask ? undefined : `0x${(rule.mark ?? 0).toString(16)}`,
    fwmask: mask === undefined || mask === 0xffff_ffff ? undefined : `0x${mask.toString(16)}`,
    iif: rule.inputDevice,
    iif_detached: rule.flags.includes("iifDetached") ? null : undefined,
    oif: rule.outputDevice,
    oif_detached: rule.flags.includes("oifDetached") ? null : undefined,
    l3mdev: rule.l3mdev ? null : undefined,
    uid_start: userIds?.first,
    uid_end: userIds?.last,
    ipproto: rule.ipProtocol === undefined ? undefined : ipProtocolName(rule.ipProtocol),
    ...ports("sport", sourcePorts),
    ...ports("dport", destinationPorts),
    tun_id: rule.tunnelId === undefined ? undefined : Number(rule.tunnelId),
    table: rule.table === 0 ? undefined : tableName(rule.table),
    suppress_prefixlen: rule.suppressPrefixLength,
    suppress_ifgroup: rule.suppressLinkGroup === undefined ? undefined : groupName(rule.suppressLinkGroup),
    flow_to: rule.realms === undefined ? undefined : realmName(rule.realms & 0xffff),
    ...action(rule),
    protocol: rule.protocol === undefined ? undefined : protocolName(rule.protocol),
  });
}

function ports(name: string, range: Rule["sourcePorts"]): Json {
  if (range === undefined) return {};
  return range.first === range.last
    ? { [name]: range.first }
    : { [`${name}_start`]: range.first, [`${name}_end`]: range.last };
}

function action(rule: Rule): Json {
  if (rule.action === "goto") {
    const to = rule.goto === undefined || rule.goto === 0 ? "none" : rule.goto;
    return rule.flags.includes("unresolved") ? { goto: to, unresolved: null } : { goto: to };
  }
  return rule.action === "table" ? {} : { action: `${rule.action}` };
}

const NEIGHBOR_FLAGS: Readonly<Record<string, string>> = {
  router: "router",
  proxy: "proxy",
  externLearn: "extern_learn",
  offload: "offload",
  managed: "managed",
};

export function neighborJson(neighbor: Neighbor, nameOf: NameOf): Json {
  const { state } = neighbor;
  const marks = neighbor.flags.map((flag) => NEIGHBOR_FLAGS[flag]).filter((mark) => mark !== undefined);
  return clean({
    dst: `${neighbor.address}`,
    dev: nameOf(neighbor.device),
    lladdr: lladdr(neighbor.linkLayerAddress),
    ...Object.fromEntries(marks.map((mark) => [mark, null])),
    state: state.length === 0 ? ["NONE"] : state.map((word) => `${word}`.toUpperCase()),
    protocol: neighbor.protocol === undefined ? undefined : protocolName(neighbor.protocol),
  });
}
