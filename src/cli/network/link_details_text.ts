/** What `ip -d` tells of a link beside the rest, in its words. */
import type { Json } from "./netlink_fields.ts";
import { line } from "./netlink_style.ts";

/** A field of JSON, and its word in text where that is another. */
type Field = string | readonly [field: string, word: string];

function fieldsText(row: Json, fields: readonly Field[]): string {
  const texts = fields.map((field) => {
    const [name, word] = typeof field === "string" ? [field, field] : field;
    const value = row[name];
    return value === undefined ? undefined : `${word} ${valueText(name, value)}`;
  });
  return line(...texts);
}

function valueText(name: string, value: unknown): string {
  if (typeof value === "boolean") return value ? "on" : "off";
  return name.endsWith("_timer") ? Number(value).toFixed(2) : `${value}`;
}

/** @param whole as `ip link` has it, not `ip addr` */
export function detailsText(row: Json, whole: boolean): string {
  const info = row.linkinfo as Json | undefined;
  const kinds =
    info === undefined
      ? ""
      : `\n    ${[kindText(info), portText(info)].filter((text) => text !== "").join("\n    ")}`;
  const head = fieldsText(row, ["promiscuity", "allmulti", ["min_mtu", "minmtu"], ["max_mtu", "maxmtu"]]);
  const tail = fieldsText(row, [
    ...(whole ? ([["inet6_addr_gen_mode", "addrgenmode"]] as const) : []),
    ["num_tx_queues", "numtxqueues"],
    ["num_rx_queues", "numrxqueues"],
    "gso_max_size",
    "gso_max_segs",
    "tso_max_size",
    "tso_max_segs",
    "gro_max_size",
    "gso_ipv4_max_size",
    "gro_ipv4_max_size",
    "parentbus",
    "parentdev",
  ]);
  return line(`${head}${kinds}`, tail);
}

const BRIDGE: readonly Field[] = [
  "forward_delay",
  "hello_time",
  "max_age",
  "ageing_time",
  "stp_state",
  "priority",
  "vlan_filtering",
  "vlan_protocol",
  "bridge_id",
  ["root_id", "designated_root"],
  "root_port",
  "root_path_cost",
  "topology_change",
  "topology_change_detected",
  "hello_timer",
  "tcn_timer",
  "topology_change_timer",
  "gc_timer",
  "vlan_default_pvid",
  "vlan_stats_enabled",
  "vlan_stats_per_port",
  "group_fwd_mask",
  ["group_addr", "group_address"],
  "mcast_snooping",
  "no_linklocal_learn",
  "mcast_vlan_snooping",
  "mcast_router",
  "mcast_query_use_ifaddr",
  "mcast_querier",
  "mcast_hash_elasticity",
  "mcast_hash_max",
  ["mcast_last_member_cnt", "mcast_last_member_count"],
  ["mcast_startup_query_cnt", "mcast_startup_query_count"],
  ["mcast_last_member_intvl", "mcast_last_member_interval"],
  ["mcast_membership_intvl", "mcast_membership_interval"],
  ["mcast_querier_intvl", "mcast_querier_interval"],
  ["mcast_query_intvl", "mcast_query_interval"],
  ["mcast_query_response_intvl", "mcast_query_response_interval"],
  ["mcast_startup_query_intvl", "mcast_startup_query_interval"],
  "mcast_stats_enabled",
  "mcast_igmp_version",
  "mcast_mld_version",
  "nf_call_iptables",
  "nf_call_ip6tables",
  "nf_call_arptables",
];

const BRIDGE_PORT: readonly Field[] = [
  "state",
  "priority",
  "cost",
  "hairpin",
  "guard",
  "root_block",
  "fastleave",
  "learning",
  "flood",
  ["id", "port_id"],
  ["no", "port_no"],
  "designated_port",
  "designated_cost",
  ["bridge_id", "designated_bridge"],
  ["root_id", "designated_root"],
  "hold_timer",
  "message_age_timer",
  "forward_delay_timer",
  "topology_change_ack",
  "config_pending",
  "proxy_arp",
  "proxy_arp_wifi",
  ["multicast_router", "mcast_router"],
  ["fastleave", "mcast_fast_leave"],
  "mcast_flood",
  "bcast_flood",
  "mcast_to_unicast",
  "neigh_suppress",
  "group_fwd_mask",
  "group_fwd_mask_str",
  "vlan_tunnel",
  "isolated",
  "locked",
  "backup_port",
];

function portText(info: Json): string {
  if (info.info_slave_kind === undefined) return "";
  const data = info.info_slave_data as Json | undefined;
  return line(
    `${info.info_slave_kind}_slave`,
    data === undefined ? undefined : fieldsText(data, BRIDGE_PORT),
  );
}

function kindText(info: Json): string {
  const kind = info.info_kind as string | undefined;
  if (kind === undefined) return "";
  const data = info.info_data as Json | undefined;
  const texts: Readonly<Record<string, (data: Json) => string>> = {
    bridge: (it) => fieldsText(it, BRIDGE),
    macvlan,
    macvtap: macvlan,
    tun,
    vlan,
    vxlan,
  };
  const text = data !== undefined && Object.hasOwn(texts, kind) ? texts[kind]?.(data) : undefined;
  return line(kind, text);
}

function macvlan(data: Json): string {
  return line(
    fieldsText(data, ["mode"]),
    data.nopromisc ? "nopromisc" : undefined,
    fieldsText(data, ["bcqueuelen", "usedbcqueuelen"]),
    data.macaddr_count === undefined ? undefined : `remotes (${data.macaddr_count})`,
    (data.macaddr_data as string[] | undefined)?.join(" "),
  );
}

function tun(data: Json): string {
  const queues = data.multi_queue
    ? `multi_queue ${fieldsText(data, ["numqueues", "numdisabled"])}`
    : undefined;
  return line(
    fieldsText(data, ["type", "pi", "vnet_hdr"]),
    queues,
    fieldsText(data, ["persist", "user", "group"]),
  );
}

function vlan(data: Json): string {
  const flags = (data.flags as string[] | undefined) ?? [];
  return line(fieldsText(data, ["protocol", "id"]), flags.length === 0 ? undefined : `<${flags.join(",")}>`);
}

/** `word` where it is set, `noword` where it is not, nothing where nothing is told. */
function onOff(word: string, value: unknown): string | undefined {
  return value === undefined ? undefined : value ? word : `no${word}`;
}

function vxlan(data: Json): string {
  const ports = data.port_range as { readonly low: number; readonly high: number } | undefined;
  return line(
    data.external ? "external" : undefined,
    fieldsText(data, [
      "id",
      "group",
      ["group6", "group"],
      "remote",
      ["remote6", "remote"],
      "local",
      ["local6", "local"],
      ["link", "dev"],
    ]),
    ports === undefined ? undefined : `srcport ${ports.low} ${ports.high}`,
    fieldsText(data, [["port", "dstport"]]),
    data.learning === false ? "nolearning" : undefined,
    ...["proxy", "rsc", "l2miss", "l3miss"].map((word) => (data[word] ? word : undefined)),
    data.tos === "0x1" ? "tos inherit" : fieldsText(data, ["tos"]),
    `ttl ${data.ttl === 0 ? "auto" : (data.ttl ?? "inherit")}`,
    data.df === undefined || data.df === "unset" ? undefined : `df ${data.df}`,
    fieldsText(data, [["label", "flowlabel"]]),
    data.ageing === 0 ? "ageing none" : fieldsText(data, ["ageing"]),
    fieldsText(data, [["limit", "maxaddr"]]),
    onOff("udpcsum", data.udp_csum),
    onOff("udp6zerocsumtx", data.udp_zero_csum6_tx),
    onOff("udp6zerocsumrx", data.udp_zero_csum6_rx),
    data.remcsum_tx ? "remcsumtx" : undefined,
    data.remcsum_rx ? "remcsumrx" : undefined,
    data.gbp ? "gbp" : undefined,
    data.gpe ? "gpe" : undefined,
  );
}
