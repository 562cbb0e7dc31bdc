/** What kinds of links have of their own, as `ip -j -d link` writes it. iproute2 6.1, ip/iplink_….c */
import type { LinkInfo, PortInfo } from "../../netlink/route/index.ts";
import { accountName } from "../_account_names.ts";
import { clean, hex, type Json, lladdr, type NameOf } from "./netlink_fields.ts";

type DataOf<K extends string> = Extract<LinkInfo, { readonly kind: K; readonly data?: unknown }>["data"];
const on = (value: number | undefined): boolean | undefined =>
  value === undefined ? undefined : value !== 0;
const inHex = (value: number | undefined): string | undefined =>
  value === undefined ? undefined : hex(value);
const seconds = (ticks: bigint | undefined): number | undefined =>
  ticks === undefined ? undefined : Number(ticks) / 100;
const number = (value: bigint | undefined): number | undefined =>
  value === undefined ? undefined : Number(value);

/** What a kind of link has of its own. */
export function infoData(info: LinkInfo, nameOf: NameOf): Json | undefined {
  if (!("data" in info) || info.data === undefined) return undefined;
  const { data } = info;
  switch (info.kind) {
    case "bridge":
      return bridge(data as NonNullable<DataOf<"bridge">>);
    case "macvlan":
    case "macvtap":
      return macvlan(data as NonNullable<DataOf<"macvlan">>);
    case "vlan":
      return vlan(data as NonNullable<DataOf<"vlan">>);
    case "tun":
      return tun(data as NonNullable<DataOf<"tun">>);
    case "vxlan":
      return vxlan(data as NonNullable<DataOf<"vxlan">>, nameOf);
    default:
      return undefined;
  }
}

/** `8000.2:0:0:0:0:1`: as ip(8) has it, without leading zeros. */
function bridgeId(id: Uint8Array | undefined): string | undefined {
  if (id?.length !== 8) return undefined;
  const [high = 0, low = 0] = id;
  const address = Array.from(id.subarray(2), (byte) => byte.toString(16)).join(":");
  return `${((high << 8) | low).toString(16).padStart(4, "0")}.${address}`;
}

/** The bits of `struct br_boolopt_multi` that the kernel says are there. */
function boolOptions(bytes: Uint8Array | undefined): Json {
  if (bytes === undefined || bytes.length < 8) return {};
  const [value = 0, mask] = [bytes[0], bytes[4] ?? 0];
  return clean({
    no_linklocal_learn: mask & 1 ? value & 1 : undefined,
    mcast_vlan_snooping: mask & 2 ? (value >> 1) & 1 : undefined,
  });
}

function bridge(b: NonNullable<DataOf<"bridge">>): Json {
  return clean({
    forward_delay: b.forwardDelay,
    hello_time: b.helloTime,
    max_age: b.maxAge,
    ageing_time: b.ageingTime,
    stp_state: b.stpState,
    priority: b.priority,
    vlan_filtering: b.vlanFiltering,
    vlan_protocol: ethernetType(b.vlanProtocol),
    bridge_id: bridgeId(b.bridgeId),
    root_id: bridgeId(b.rootId),
    root_port: b.rootPort,
    root_path_cost: b.rootPathCost,
    topology_change: b.topologyChange,
    topology_change_detected: b.topologyChangeDetected,
    hello_timer: seconds(b.helloTimer),
    tcn_timer: seconds(b.tcnTimer),
    topology_change_timer: seconds(b.topologyChangeTimer),
    gc_timer: seconds(b.gcTimer),
    vlan_default_pvid: b.vlanDefaultPvid,
    vlan_stats_enabled: b.vlanStatsEnabled,
    vlan_stats_per_port: b.vlanStatsPerPort,
    group_fwd_mask: inHex(b.groupFwdMask),
    group_addr: lladdr(b.groupAddr),
    mcast_snooping: b.mcastSnooping,
    ...boolOptions(b.multiBoolopt),
    mcast_router: b.mcastRouter,
    mcast_query_use_ifaddr: b.mcastQueryUseIfaddr,
    mcast_querier: b.mcastQuerier,
    mcast_hash_elasticity: b.mcastHashElasticity,
    mcast_hash_max: b.mcastHashMax,
    mcast_last_member_cnt: b.mcastLastMemberCnt,
    mcast_startup_query_cnt: b.mcastStartupQueryCnt,
    mcast_last_member_intvl: number(b.mcastLastMemberIntvl),
    mcast_membership_intvl: number(b.mcastMembershipIntvl),
    mcast_querier_intvl: number(b.mcastQuerierIntvl),
    mcast_query_intvl: number(b.mcastQueryIntvl),
    mcast_query_response_intvl: number(b.mcastQueryResponseIntvl),
    mcast_startup_query_intvl: number(b.mcastStartupQueryIntvl),
    mcast_stats_enabled: b.mcastStatsEnabled,
    mcast_igmp_version: b.mcastIgmpVersion,
    mcast_mld_version: b.mcastMldVersion,
    nf_call_iptables: b.nfCallIptables,
    nf_call_ip6tables: b.nfCallIp6tables,
    nf_call_arptables: b.nfCallArptables,
  });
}

const PORT_STATES = ["disabled", "listening", "learning", "forwarding", "blocking"];

/** What a link has of its own as a port. */
export function portData(port: PortInfo): Json | undefined {
  if (port.kind !== "bridge" || !("data" in port) || port.data === undefined) return undefined;
  const p = port.data;
  return clean({
    state: p.state === undefined ? undefined : (PORT_STATES[p.state] ?? p.state),
    priority: p.priority,
    cost: p.cost,
    hairpin: on(p.mode),
    guard: on(p.guard),
    root_block: on(p.protect),
    fastleave: on(p.fastLeave),
    learning: on(p.learning),
    flood: on(p.unicastFlood),
    id: inHex(p.id),
    no: inHex(p.no),
    designated_port: p.designatedPort,
    designated_cost: p.designatedCost,
    bridge_id: bridgeId(p.bridgeId),
    root_id: bridgeId(p.rootId),
    hold_timer: seconds(p.holdTimer),
    message_age_timer: seconds(p.messageAgeTimer),
    forward_delay_timer: seconds(p.forwardDelayTimer),
    topology_change_ack: p.topologyChangeAck,
    config_pending: p.configPending,
    proxy_arp: on(p.proxyarp),
    proxy_arp_wifi: on(p.proxyarpWifi),
    multicast_router: p.multicastRouter,
    mcast_flood: on(p.mcastFlood),
    bcast_flood: on(p.bcastFlood),
    mcast_to_unicast: on(p.mcastToUcast),
    neigh_suppress: on(p.neighSuppress),
    group_fwd_mask: inHex(p.groupFwdMask),
    group_fwd_mask_str: forwardMask(p.groupFwdMask),
    vlan_tunnel: on(p.vlanTunnel),
    isolated: on(p.isolated),
    locked: on(p.locked),
  });
}

/** Groups of IEEE 802.1D, 01:80:c2:00:00:00 to …0f, that ip(8) has a name for. */
const FORWARDED: Readonly<Record<number, string>> = { 0: "stp", 2: "lacp", 14: "lldp" };

function forwardMask(mask: number | undefined): string | undefined {
  if (mask === undefined || mask === 0) return mask === undefined ? undefined : "0x0";
  const bits = Array.from({ length: 16 }, (_, bit) => bit).filter((bit) => mask & (1 << bit));
  return bits.map((bit) => FORWARDED[bit] ?? `0x${(1 << bit).toString(16)}`).join(",");
}

const SOURCE = 16;
const MACVLAN_MODES = new Map([
  [1, "private"],
  [2, "vepa"],
  [4, "bridge"],
  [8, "passthru"],
  [SOURCE, "source"],
]);

function macvlan(m: NonNullable<DataOf<"macvlan">>): Json {
  return clean({
    mode: m.mode === undefined ? undefined : (MACVLAN_MODES.get(m.mode) ?? "<unknown mode>"),
    nopromisc: m.flags !== undefined && (m.flags & 1) !== 0 ? true : undefined,
    bcqueuelen: m.bcQueueLen,
    usedbcqueuelen: m.bcQueueLenUsed,
    macaddr_count: m.mode === SOURCE ? m.macaddrCount : undefined,
    macaddr_data: m.mode === SOURCE ? m.macaddrData?.map(lladdr) : undefined,
  });
}

function ethernetType(type: number | undefined): string | undefined {
  if (type === undefined) return undefined;
  return type === 0x8100 ? "802.1Q" : type === 0x88a8 ? "802.1ad" : `[${type}]`;
}

const VLAN_FLAGS = ["REORDER_HDR", "GVRP", "LOOSE_BINDING", "MVRP", "BRIDGE_BINDING"];

function vlan(v: NonNullable<DataOf<"vlan">>): Json {
  const bits = v.flags?.[0] ?? 0;
  return clean({
    protocol: ethernetType(v.protocol),
    id: v.id,
    flags: VLAN_FLAGS.filter((_, at) => (bits & (1 << at)) !== 0),
  });
}

function tun(t: NonNullable<DataOf<"tun">>): Json {
  return clean({
    type: t.type === 1 ? "tun" : t.type === 2 ? "tap" : t.type,
    pi: on(t.pi),
    vnet_hdr: on(t.vnetHdr),
    multi_queue: on(t.multiQueue),
    numqueues: t.numQueues,
    numdisabled: t.numDisabledQueues,
    persist: on(t.persist),
    user: t.owner === undefined ? undefined : accountName("passwd", t.owner),
    group: t.group === undefined ? undefined : accountName("group", t.group),
  });
}

const VXLAN_DF = ["unset", "set", "inherit"];

function vxlan(v: NonNullable<DataOf<"vxlan">>, nameOf: NameOf): Json {
  const far = v.group ?? v.group6;
  const near = v.local ?? v.local6;
  const range = v.portRange;
  const label = Array.from(v.label ?? []).reduce((all, byte) => (all << 8) | byte, 0) & 0xfffff;
  return clean({
    external: v.collectMetadata ? true : undefined,
    id: v.id,
    ...(far === undefined || far.isUnspecified
      ? {}
      : { [`${far.isMulticast ? "group" : "remote"}${far.version === 6 ? "6" : ""}`]: `${far}` }),
    ...(near === undefined || near.isUnspecified
      ? {}
      : { [near.version === 6 ? "local6" : "local"]: `${near}` }),
    link: v.link ? nameOf(v.link) : undefined,
    port_range:
      range?.length !== 4
        ? undefined
        : {
            low: ((range[0] ?? 0) << 8) | (range[1] ?? 0),
            high: ((range[2] ?? 0) << 8) | (range[3] ?? 0),
          },
    port: v.port,
    learning: on(v.learning),
    proxy: on(v.proxy) || undefined,
    rsc: on(v.rsc) || undefined,
    l2miss: on(v.l2miss) || undefined,
    l3miss: on(v.l3miss) || undefined,
    tos: v.tos === undefined || v.tos === 0 ? undefined : `0x${v.tos.toString(16)}`,
    ttl: v.ttlInherit ? undefined : v.ttl, // as ip(8): nothing where it is inherited
    df: v.df === undefined ? undefined : VXLAN_DF[v.df],
    label: label === 0 ? undefined : `0x${label.toString(16)}`,
    ageing: v.ageing,
    limit: v.limit || undefined,
    udp_csum: on(v.udpCsum),
    udp_zero_csum6_tx: on(v.udpZeroCsum6Tx),
    udp_zero_csum6_rx: on(v.udpZeroCsum6Rx),
    remcsum_tx: on(v.remcsumTx) || undefined,
    remcsum_rx: on(v.remcsumRx) || undefined,
    gbp: v.gbp ? true : undefined,
    gpe: v.gpe ? true : undefined,
  });
}
