/** The words of bridges and of their ports: `type bridge …`, `type bridge_slave …`. */
import type { KindData, PortData } from "../../netlink/route/index.ts";
import {
  type FieldsOf,
  type KindReader,
  type KindState,
  twoWords,
  U8,
  U16,
  unknownWord,
} from "./change_kind.ts";
import { etherType } from "./change_names.ts";
import {
  findDevice,
  type Grammar,
  lladdrOf,
  type Read,
  readGrammar,
  unsigned64,
  wrong,
} from "./change_words.ts";

type Bridge = KindState<KindData["bridge"]> & { mask: number; value: number };
type Port = KindState<PortData["bridge"]>;

/** A number, complained about as ip(8) does for bridges. */
function bridgeNumber(name: FieldsOf<KindData["bridge"], number>, what: string, max?: number): Read<Bridge> {
  return (words, it) => {
    it.data[name] = words.number(`invalid ${what}`, max) as never;
  };
}

function bridgeTime(name: FieldsOf<KindData["bridge"], bigint>, what: string): Read<Bridge> {
  return (words, it) => {
    it.data[name] = words.named(unsigned64, `invalid ${what}`) as never;
  };
}

/** One of `struct br_boolopt_multi`. */
function bridgeBit(bit: number): Read<Bridge> {
  return (words, it, keyword) => {
    const value = words.number(`invalid ${keyword}`, U8);
    it.mask |= bit;
    it.value = value === 0 ? it.value & ~bit : it.value | bit;
  };
}

const BRIDGE: Grammar<Bridge> = {
  "forward_delay*": bridgeNumber("forwardDelay", "forward_delay"),
  "hello_time*": bridgeNumber("helloTime", "hello_time"),
  "max_age*": bridgeNumber("maxAge", "max_age"),
  "ageing_time*": bridgeNumber("ageingTime", "ageing_time"),
  "stp_state*": bridgeNumber("stpState", "stp_state"),
  "priority*": bridgeNumber("priority", "priority", U16),
  "vlan_filtering*": bridgeNumber("vlanFiltering", "vlan_filtering", U8),
  "vlan_protocol*": (words, it) => {
    it.data.vlanProtocol = words.named(etherType, "invalid vlan_protocol");
  },
  "group_fwd_mask*": bridgeNumber("groupFwdMask", "group_fwd_mask", U16),
  "group_address*": (words, it) => {
    it.data.groupAddr = lladdrOf(words.value());
  },
  no_linklocal_learn: bridgeBit(1),
  "fdb_flush*": (_, it) => {
    it.data.fdbFlush = true;
  },
  "vlan_default_pvid*": bridgeNumber("vlanDefaultPvid", "vlan_default_pvid", U16),
  "vlan_stats_enabled*": bridgeNumber("vlanStatsEnabled", "vlan_stats_enabled", U8),
  "vlan_stats_per_port*": bridgeNumber("vlanStatsPerPort", "vlan_stats_per_port", U8),
  "mcast_router*": bridgeNumber("mcastRouter", "mcast_router", U8),
  "mcast_snooping*": bridgeNumber("mcastSnooping", "mcast_snooping", U8),
  mcast_vlan_snooping: bridgeBit(2),
  "mcast_query_use_ifaddr*": bridgeNumber("mcastQueryUseIfaddr", "mcast_query_use_ifaddr", U8),
  "mcast_querier*": bridgeNumber("mcastQuerier", "mcast_querier", U8),
  "mcast_hash_elasticity*": bridgeNumber("mcastHashElasticity", "mcast_hash_elasticity"),
  "mcast_hash_max*": bridgeNumber("mcastHashMax", "mcast_hash_max"),
  "mcast_last_member_count*": bridgeNumber("mcastLastMemberCnt", "mcast_last_member_count"),
  "mcast_startup_query_count*": bridgeNumber("mcastStartupQueryCnt", "mcast_startup_query_count"),
  "mcast_last_member_interval*": bridgeTime("mcastLastMemberIntvl", "mcast_last_member_interval"),
  "mcast_membership_interval*": bridgeTime("mcastMembershipIntvl", "mcast_membership_interval"),
  "mcast_querier_interval*": bridgeTime("mcastQuerierIntvl", "mcast_querier_interval"),
  "mcast_query_interval*": bridgeTime("mcastQueryIntvl", "mcast_query_interval"),
  "mcast_query_response_interval*": bridgeTime("mcastQueryResponseIntvl", "mcast_query_response_interval"),
  "mcast_startup_query_interval*": bridgeTime("mcastStartupQueryIntvl", "mcast_startup_query_interval"),
  "mcast_stats_enabled*": bridgeNumber("mcastStatsEnabled", "mcast_stats_enabled", U8),
  "mcast_igmp_version*": bridgeNumber("mcastIgmpVersion", "mcast_igmp_version", U8),
  "mcast_mld_version*": bridgeNumber("mcastMldVersion", "mcast_mld_version", U8),
  "nf_call_iptables*": bridgeNumber("nfCallIptables", "nf_call_iptables", U8),
  "nf_call_ip6tables*": bridgeNumber("nfCallIp6tables", "nf_call_ip6tables", U8),
  "nf_call_arptables*": bridgeNumber("nfCallArptables", "nf_call_arptables", U8),
};

function portFlag(name: FieldsOf<PortData["bridge"], number>): Read<Port> {
  return (words, it, keyword) => {
    it.data[name] = (words.oneOfOnOff(keyword) ? 1 : 0) as never;
  };
}

function portNumber(name: FieldsOf<PortData["bridge"], number>, why: string, max?: number): Read<Port> {
  return (words, it) => {
    it.data[name] = words.number(why, max) as never;
  };
}

const BRIDGE_PORT: Grammar<Port> = {
  "fdb_flush*": (_, it) => {
    it.data.flush = true;
  },
  "state*": portNumber("state", "state is invalid", U8),
  "priority*": portNumber("priority", "priority is invalid", U16),
  "cost*": portNumber("cost", "cost is invalid"),
  "hairpin*": portFlag("mode"),
  "guard*": portFlag("guard"),
  "root_block*": portFlag("protect"),
  "fastleave*": portFlag("fastLeave"),
  "learning*": portFlag("learning"),
  "flood*": portFlag("unicastFlood"),
  "mcast_flood*": portFlag("mcastFlood"),
  "bcast_flood*": portFlag("bcastFlood"),
  "mcast_to_unicast*": portFlag("mcastToUcast"),
  "proxy_arp*": portFlag("proxyarp"),
  "proxy_arp_wifi*": portFlag("proxyarpWifi"),
  "mcast_router*": portNumber("multicastRouter", "invalid mcast_router", U8),
  "mcast_fast_leave*": portFlag("fastLeave"),
  "group_fwd_mask*": portNumber("groupFwdMask", "invalid group_fwd_mask", U16),
  "neigh_suppress*": portFlag("neighSuppress"),
  "vlan_tunnel*": portFlag("vlanTunnel"),
  "isolated*": portFlag("isolated"),
  "locked*": portFlag("locked"),
  "backup_port*": async (words, it) => {
    const word = words.value();
    const index = await findDevice(it.net, word);
    if (!index) throw wrong(word, "device does not exist");
    it.data.backupPort = index;
  },
  "nobackup_port*": (_, it) => {
    it.data.backupPort = 0;
  },
};

export const readBridge: KindReader = async (words, net, creating) => {
  const it: Bridge = { net, creating, data: {}, mask: 0, value: 0 };
  await readGrammar(words, BRIDGE, it, unknownWord("bridge", "command"));
  if (it.mask !== 0) it.data.multiBoolopt = twoWords(it.value, it.mask);
  return { data: it.data };
};

export const readBridgePort: KindReader = async (words, net, creating) => {
  const it: Port = { net, creating, data: {} };
  await readGrammar(words, BRIDGE_PORT, it, unknownWord("bridge_slave", "option"));
  return { port: it.data };
};
