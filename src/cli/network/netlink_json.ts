/** Addresses, rules and neighbours as `ip -j -d` writes them. iproute2 6.1 */
import type { IpPrefix } from "../../ip/index.ts";
import {
  type Address,
  type Neighbor,
  type RouteType,
  type Rule,
  routeTypeNumber,
} from "../../netlink/route/index.ts";
import { clean, exact, hex, type Json, lladdr } from "./netlink_fields.ts";
import {
  groupName,
  ipProtocolName,
  protocolName,
  realmName,
  scopeName,
  tableName,
  tosName,
  wordFor,
} from "./netlink_names.ts";
import type { View } from "./netlink_view.ts";

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

/** Bits that have no word, in hexadecimal. */
function unknownFlags(flags: Address["flags"]): string | undefined {
  const bits = flags.filter((flag) => typeof flag === "number").reduce((sum, bit) => sum | bit, 0);
  return bits === 0 ? undefined : (bits >>> 0).toString(16).padStart(2, "0");
}

/** An element of `addr_info`. */
export function addressJson(address: Address, view: View): Json {
  const { host } = view;
  const words = address.flags
    .filter((flag) => flag !== "permanent" && typeof flag !== "number")
    .map((flag) => {
      if (flag === "secondary" && address.family === "ipv6") return "temporary";
      return ADDRESS_FLAGS[flag] ?? flag;
    });
  const dynamic = address.flags.includes("permanent") ? [] : ["dynamic"];
  return clean({
    family: FAMILY[address.family],
    local: host(address.address),
    address: address.peer === undefined ? undefined : host(address.peer),
    prefixlen: address.prefixLength,
    metric: address.routeMetric || undefined,
    broadcast: address.broadcast === undefined ? undefined : host(address.broadcast),
    anycast: address.anycast === undefined ? undefined : host(address.anycast),
    scope: scopeName(address.scope),
    ...Object.fromEntries([...words, ...dynamic].map((word) => [word, true])),
    ifa_flags: unknownFlags(address.flags),
    protocol: ADDRESS_PROTOCOLS[address.protocol ?? ""] ?? address.protocol?.toString(),
    label: address.label,
    valid_life_time: lifetime(address.validSeconds),
    preferred_life_time: lifetime(address.preferredSeconds),
  });
}

function lifetime(seconds: number | undefined): number | undefined {
  return seconds === Number.POSITIVE_INFINITY ? FOREVER : seconds;
}

export function ruleJson(rule: Rule, view: View): Json {
  const { source, destination, sourcePorts, destinationPorts, userIds } = rule;
  const text = (prefix: IpPrefix): string => (whole(prefix) ? view.host(prefix.addr) : `${prefix.addr}`);
  const mask = rule.markMask;
  return clean({
    priority: rule.priority,
    not: rule.flags.includes("invert") ? null : undefined,
    src: source === undefined ? "all" : text(source),
    srclen: source === undefined || whole(source) ? undefined : source.length,
    dst: destination === undefined ? undefined : text(destination),
    dstlen: destination === undefined || whole(destination) ? undefined : destination.length,
    tos: rule.tos === 0 ? undefined : tosName(rule.tos),
    fwmark: rule.mark === undefined && mask === undefined ? undefined : hex(rule.mark ?? 0),
    fwmask: mask === undefined || mask === 0xffff_ffff ? undefined : hex(mask),
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
    tun_id: rule.tunnelId === undefined ? undefined : exact(rule.tunnelId),
    ...lookup(rule),
    ...realms(rule.realms),
    ...action(rule),
    protocol: rule.protocol === undefined ? undefined : protocolName(rule.protocol),
  });
}

function whole(prefix: IpPrefix): boolean {
  return prefix.length === prefix.addr.bitLength;
}

function lookup(rule: Rule): Json {
  if (rule.table === 0) return {};
  const group = rule.suppressLinkGroup;
  return {
    table: tableName(rule.table),
    suppress_prefixlen: rule.suppressPrefixLength,
    suppress_ifgroup: group === undefined ? undefined : groupName(group),
  };
}

function realms(realms: number | undefined): Json {
  if (realms === undefined) return {};
  const from = realms >>> 16;
  return { flow_from: from === 0 ? undefined : realmName(from), flow_to: realmName(realms & 0xffff) };
}

function ports(name: string, range: Rule["sourcePorts"]): Json {
  if (range === undefined) return {};
  return range.first === range.last
    ? { [name]: range.first }
    : { [`${name}_start`]: range.first, [`${name}_end`]: range.last };
}

/** RTN_NAT: of kernels before 2.6.9. The words of ip(8) for it stand in what newer kernels keep of such a rule. */
const NAT = 10;

function action(rule: Rule): Json {
  if (rule.action === "table") return {};
  if (rule.action === "nop") return { nop: null };
  if (rule.action === NAT) return { masquerade: null };
  if (rule.action === "goto") {
    const to = rule.goto === undefined || rule.goto === 0 ? "none" : rule.goto;
    return rule.flags.includes("unresolved") ? { goto: to, unresolved: null } : { goto: to };
  }
  // The other actions have the numbers and names of routes' types.
  const type = rule.action as RouteType;
  return { action: wordFor(routeTypeNumber(type), `${type}`) };
}

/** NTF_… and NTF_EXT_…, in the order in which ip(8) prints them. */
const NEIGHBOR_FLAGS: readonly (readonly [Neighbor["flags"][number], string])[] = [
  ["router", "router"],
  ["proxy", "proxy"],
  ["externLearn", "extern_learn"],
  ["offload", "offload"],
  ["managed", "managed"],
];

/** @param omitDevice as where the neighbours of one link are asked for */
export function neighborJson(neighbor: Neighbor, view: View, omitDevice = false): Json {
  const { state, flags, device, protocol } = neighbor;
  const row: Record<string, unknown> = { dst: view.host(neighbor.address) };
  if (!omitDevice && device !== 0) row.dev = view.names.nameOf(device);
  const address = lladdr(neighbor.linkLayerAddress);
  if (address !== undefined) row.lladdr = address;
  if (flags.length > 0) {
    for (const [flag, mark] of NEIGHBOR_FLAGS) if (flags.includes(flag)) row[mark] = null;
  }
  if (view.stats > 0) Object.assign(row, clean(ages(neighbor)));
  if (state.length > 0) row.state = state.map((word) => `${word}`.toUpperCase());
  if (protocol !== undefined) row.protocol = protocolName(protocol);
  return row;
}

function ages({ references, usedSeconds, confirmedSeconds, updatedSeconds, probes }: Neighbor): Json {
  const whole = (seconds: number | undefined): number | undefined =>
    seconds === undefined ? undefined : Math.floor(seconds);
  return {
    refcnt: references || undefined,
    used: whole(usedSeconds),
    confirmed: whole(confirmedSeconds),
    updated: whole(updatedSeconds),
    probes,
  };
}
