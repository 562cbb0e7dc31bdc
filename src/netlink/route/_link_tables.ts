/** The attributes of links: include/uapi/linux/if_link.h, v6.12. */
import { u32 as field32, u64 as field64, struct } from "../../bytes/index.ts";
import { attributeTable } from "../attribute_table.ts";
import {
  type AttributeType,
  be16,
  binary,
  flag,
  ip,
  repeated,
  s32,
  structure,
  text,
  u8,
  u16,
  u32,
  u64,
} from "../attribute_types.ts";
import { camelTable } from "./_camel.ts";
import { linkLayer } from "./_common.ts";

/** IFLA_BR_… */
export const BRIDGE = camelTable(
  "IFLA_BR_",
  {
    FORWARD_DELAY: [1, u32],
    HELLO_TIME: [2, u32],
    MAX_AGE: [3, u32],
    AGEING_TIME: [4, u32],
    STP_STATE: [5, u32],
    PRIORITY: [6, u16],
    VLAN_FILTERING: [7, u8],
    VLAN_PROTOCOL: [8, be16],
    GROUP_FWD_MASK: [9, u16],
    ROOT_ID: [10, binary],
    BRIDGE_ID: [11, binary],
    ROOT_PORT: [12, u16],
    ROOT_PATH_COST: [13, u32],
    TOPOLOGY_CHANGE: [14, u8],
    TOPOLOGY_CHANGE_DETECTED: [15, u8],
    HELLO_TIMER: [16, u64],
    TCN_TIMER: [17, u64],
    TOPOLOGY_CHANGE_TIMER: [18, u64],
    GC_TIMER: [19, u64],
    GROUP_ADDR: [20, linkLayer],
    FDB_FLUSH: [21, flag],
    MCAST_ROUTER: [22, u8],
    MCAST_SNOOPING: [23, u8],
    MCAST_QUERY_USE_IFADDR: [24, u8],
    MCAST_QUERIER: [25, u8],
    MCAST_HASH_ELASTICITY: [26, u32],
    MCAST_HASH_MAX: [27, u32],
    MCAST_LAST_MEMBER_CNT: [28, u32],
    MCAST_STARTUP_QUERY_CNT: [29, u32],
    MCAST_LAST_MEMBER_INTVL: [30, u64],
    MCAST_MEMBERSHIP_INTVL: [31, u64],
    MCAST_QUERIER_INTVL: [32, u64],
    MCAST_QUERY_INTVL: [33, u64],
    MCAST_QUERY_RESPONSE_INTVL: [34, u64],
    MCAST_STARTUP_QUERY_INTVL: [35, u64],
    NF_CALL_IPTABLES: [36, u8],
    NF_CALL_IP6TABLES: [37, u8],
    NF_CALL_ARPTABLES: [38, u8],
    VLAN_DEFAULT_PVID: [39, u16],
    VLAN_STATS_ENABLED: [41, u8],
    MCAST_STATS_ENABLED: [42, u8],
    MCAST_IGMP_VERSION: [43, u8],
    MCAST_MLD_VERSION: [44, u8],
    VLAN_STATS_PER_PORT: [45, u8],
    MULTI_BOOLOPT: [46, binary],
    MCAST_QUERIER_STATE: [47, binary],
  },
  40,
);

/** IFLA_BRPORT_… */
export const BRIDGE_PORT = camelTable(
  "IFLA_BRPORT_",
  {
    STATE: [1, u8],
    PRIORITY: [2, u16],
    COST: [3, u32],
    MODE: [4, u8],
    GUARD: [5, u8],
    PROTECT: [6, u8],
    FAST_LEAVE: [7, u8],
    LEARNING: [8, u8],
    UNICAST_FLOOD: [9, u8],
    PROXYARP: [10, u8],
    LEARNING_SYNC: [11, u8],
    PROXYARP_WIFI: [12, u8],
    ROOT_ID: [13, binary],
    BRIDGE_ID: [14, binary],
    DESIGNATED_PORT: [15, u16],
    DESIGNATED_COST: [16, u16],
    ID: [17, u16],
    NO: [18, u16],
    TOPOLOGY_CHANGE_ACK: [19, u8],
    CONFIG_PENDING: [20, u8],
    MESSAGE_AGE_TIMER: [21, u64],
    FORWARD_DELAY_TIMER: [22, u64],
    HOLD_TIMER: [23, u64],
    FLUSH: [24, flag],
    MULTICAST_ROUTER: [25, u8],
    MCAST_FLOOD: [27, u8],
    MCAST_TO_UCAST: [28, u8],
    VLAN_TUNNEL: [29, u8],
    BCAST_FLOOD: [30, u8],
    GROUP_FWD_MASK: [31, u16],
    NEIGH_SUPPRESS: [32, u8],
    ISOLATED: [33, u8],
    BACKUP_PORT: [34, u32],
    MRP_RING_OPEN: [35, u8],
    MRP_IN_OPEN: [36, u8],
    MCAST_EHT_HOSTS_LIMIT: [37, u32],
    MCAST_EHT_HOSTS_CNT: [38, u32],
    LOCKED: [39, u8],
  },
  26,
);

/** IFLA_MACVLAN_… */
export const MACVLAN = camelTable("IFLA_MACVLAN_", {
  MODE: [1, u32],
  FLAGS: [2, u16],
  MACADDR_MODE: [3, u32],
  MACADDR: [4, linkLayer],
  MACADDR_DATA: [5, repeated(4, linkLayer)],
  MACADDR_COUNT: [6, u32],
  BC_QUEUE_LEN: [7, u32],
  BC_QUEUE_LEN_USED: [8, u32],
  BC_CUTOFF: [9, s32],
});

/** `struct ifla_vlan_qos_mapping`: of a packet's priority, and of the one in the VLAN header. */
const qosMapping = structure(struct("ifla_vlan_qos_mapping", { from: field32, to: field32 }));

/** IFLA_VLAN_… */
export const VLAN = camelTable("IFLA_VLAN_", {
  ID: [1, u16],
  FLAGS: [2, binary],
  EGRESS_QOS: [3, repeated(1, qosMapping)],
  INGRESS_QOS: [4, repeated(1, qosMapping)],
  PROTOCOL: [5, be16],
});

/** IFLA_TUN_… */
export const TUN = camelTable("IFLA_TUN_", {
  OWNER: [1, u32],
  GROUP: [2, u32],
  TYPE: [3, u8],
  PI: [4, u8],
  VNET_HDR: [5, u8],
  PERSIST: [6, u8],
  MULTI_QUEUE: [7, u8],
  NUM_QUEUES: [8, u32],
  NUM_DISABLED_QUEUES: [9, u32],
});

/** Set by being there, and told as a byte. */
const given: AttributeType<boolean> = {
  decode: (bytes, start, end) => start === end || bytes[start] !== 0,
  encode: flag.encode,
};

/** IFLA_VXLAN_… */
export const VXLAN = camelTable("IFLA_VXLAN_", {
  ID: [1, u32],
  GROUP: [2, ip],
  LINK: [3, u32],
  LOCAL: [4, ip],
  TTL: [5, u8],
  TOS: [6, u8],
  LEARNING: [7, u8],
  AGEING: [8, u32],
  LIMIT: [9, u32],
  PORT_RANGE: [10, binary],
  PROXY: [11, u8],
  RSC: [12, u8],
  L2MISS: [13, u8],
  L3MISS: [14, u8],
  PORT: [15, be16],
  GROUP6: [16, ip],
  LOCAL6: [17, ip],
  UDP_CSUM: [18, u8],
  UDP_ZERO_CSUM6_TX: [19, u8],
  UDP_ZERO_CSUM6_RX: [20, u8],
  REMCSUM_TX: [21, u8],
  REMCSUM_RX: [22, u8],
  GBP: [23, flag],
  REMCSUM_NOPARTIAL: [24, flag],
  COLLECT_METADATA: [25, u8],
  LABEL: [26, binary],
  GPE: [27, flag],
  TTL_INHERIT: [28, given],
  DF: [29, u8],
  VNIFILTER: [30, u8],
  LOCALBYPASS: [31, u8],
  LABEL_POLICY: [32, u32],
});

/** IFLA_INFO_…; what DATA holds depends on KIND. */
export const INFO = attributeTable("IFLA_INFO_", {
  KIND: [1, text],
  DATA: [2, { ...binary, nested: true }],
  SLAVE_KIND: [4, text],
  SLAVE_DATA: [5, { ...binary, nested: true }],
});

/** IFLA_INET6_…, the part of IPv6 in IFLA_AF_SPEC. */
const INET6 = attributeTable("IFLA_INET6_", {
  FLAGS: [1, u32],
  TOKEN: [7, ip],
  ADDR_GEN_MODE: [8, u8],
});

/** IFLA_AF_SPEC: one nest for each address family, whose number is the type. */
const AF_SPEC = attributeTable("AF_", { INET6: [10, INET6] });

/** `struct rtnl_link_stats64` to its first 24 counters. */
export const rtnl_link_stats64 = struct("rtnl_link_stats64", {
  rx_packets: field64,
  tx_packets: field64,
  rx_bytes: field64,
  tx_bytes: field64,
  rx_errors: field64,
  tx_errors: field64,
  rx_dropped: field64,
  tx_dropped: field64,
  multicast: field64,
  collisions: field64,
  rx_length_errors: field64,
  rx_over_errors: field64,
  rx_crc_errors: field64,
  rx_frame_errors: field64,
  rx_fifo_errors: field64,
  rx_missed_errors: field64,
  tx_aborted_errors: field64,
  tx_carrier_errors: field64,
  tx_fifo_errors: field64,
  tx_heartbeat_errors: field64,
  tx_window_errors: field64,
  rx_compressed: field64,
  tx_compressed: field64,
  rx_nohandler: field64,
});

/** The same as in another attribute, in an older form. */
const unread: AttributeType<true, never> = {
  decode: () => true,
  encode(_value, where) {
    throw new TypeError(`${where}: cannot be set`);
  },
};

/** IFLA_… */
export const LINK = attributeTable(
  "IFLA_",
  {
    ADDRESS: [1, linkLayer],
    BROADCAST: [2, linkLayer],
    IFNAME: [3, text],
    MTU: [4, u32],
    LINK: [5, u32],
    QDISC: [6, text],
    STATS: [7, unread],
    MASTER: [10, u32],
    TXQLEN: [13, u32],
    MAP: [14, unread],
    OPERSTATE: [16, u8],
    LINKMODE: [17, u8],
    LINKINFO: [18, INFO],
    NET_NS_PID: [19, u32],
    IFALIAS: [20, text],
    NUM_VF: [21, u32],
    STATS64: [23, binary],
    AF_SPEC: [26, AF_SPEC],
    GROUP: [27, u32],
    NET_NS_FD: [28, u32],
    EXT_MASK: [29, u32],
    PROMISCUITY: [30, u32],
    NUM_TX_QUEUES: [31, u32],
    NUM_RX_QUEUES: [32, u32],
    CARRIER: [33, u8],
    CARRIER_CHANGES: [35, u32],
    LINK_NETNSID: [37, s32],
    PHYS_PORT_NAME: [38, text],
    PROTO_DOWN: [39, u8],
    GSO_MAX_SEGS: [40, u32],
    GSO_MAX_SIZE: [41, u32],
    XDP: [43, { ...binary, nested: true }],
    EVENT: [44, u32],
    NEW_NETNSID: [45, s32],
    TARGET_NETNSID: [46, s32],
    CARRIER_UP_COUNT: [47, u32],
    CARRIER_DOWN_COUNT: [48, u32],
    NEW_IFINDEX: [49, s32],
    MIN_MTU: [50, u32],
    MAX_MTU: [51, u32],
    PROP_LIST: [52, repeated(53, text)],
    ALT_IFNAME: [53, text],
    PERM_ADDRESS: [54, linkLayer],
    PARENT_DEV_NAME: [56, text],
    PARENT_DEV_BUS_NAME: [57, text],
    GRO_MAX_SIZE: [58, u32],
    TSO_MAX_SIZE: [59, u32],
    TSO_MAX_SEGS: [60, u32],
    ALLMULTI: [61, u32],
    GSO_IPV4_MAX_SIZE: [63, u32],
    GRO_IPV4_MAX_SIZE: [64, u32],
  },
  42,
);
