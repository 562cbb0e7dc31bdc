/** The attributes of routes: include/uapi/linux/rtnetlink.h, v6.12. */
import { u8 as field8, u16 as field16, u32 as field32, i32, struct } from "../../bytes/index.ts";
import { flagWords, words } from "../_words.ts";
import { attributeTable } from "../attribute_table.ts";
import { be16, be32, binary, ip, structure, text, u8, u16, u32 } from "../attribute_types.ts";
import { camelTable } from "./_camel.ts";

/** `struct rtmsg` */
export const rtmsg = struct("rtmsg", {
  rtm_family: field8,
  rtm_dst_len: field8,
  rtm_src_len: field8,
  rtm_tos: field8,
  rtm_table: field8,
  rtm_protocol: field8,
  rtm_scope: field8,
  rtm_type: field8,
  rtm_flags: field32,
});
export const RTMSG_LEN = 12;

/** `struct rtnexthop` */
export const rtnexthop = struct("rtnexthop", {
  rtnh_len: field16,
  rtnh_flags: field8,
  rtnh_hops: field8,
  rtnh_ifindex: i32,
});
export const RTNEXTHOP_LEN = 8;

const cacheinfo = struct("rta_cacheinfo", {
  rta_clntref: field32,
  rta_lastuse: field32,
  rta_expires: i32,
  rta_error: field32,
  rta_used: field32,
  rta_id: field32,
  rta_ts: field32,
  rta_tsage: field32,
});

/** RTAX_… */
export const METRICS = camelTable("RTAX_", {
  LOCK: [1, u32],
  MTU: [2, u32],
  WINDOW: [3, u32],
  RTT: [4, u32],
  RTTVAR: [5, u32],
  SSTHRESH: [6, u32],
  CWND: [7, u32],
  ADVMSS: [8, u32],
  REORDERING: [9, u32],
  HOPLIMIT: [10, u32],
  INITCWND: [11, u32],
  FEATURES: [12, u32],
  RTO_MIN: [13, u32],
  INITRWND: [14, u32],
  QUICKACK: [15, u32],
  CC_ALGO: [16, text],
  FASTOPEN_NO_COOKIE: [17, u32],
});

/** RTA_… */
export const ROUTE = attributeTable(
  "RTA_",
  {
    DST: [1, ip],
    SRC: [2, ip],
    IIF: [3, u32],
    OIF: [4, u32],
    GATEWAY: [5, ip],
    PRIORITY: [6, u32],
    PREFSRC: [7, ip],
    METRICS: [8, { ...METRICS, nested: true }],
    MULTIPATH: [9, binary],
    FLOW: [11, u32],
    CACHEINFO: [12, structure(cacheinfo)],
    TABLE: [15, u32],
    MARK: [16, u32],
    VIA: [18, binary],
    PREF: [20, u8],
    ENCAP_TYPE: [21, u16],
    ENCAP: [22, { ...binary, nested: true }],
    EXPIRES: [23, u32],
    UID: [25, u32],
    TTL_PROPAGATE: [26, u8],
    IP_PROTO: [27, u8],
    SPORT: [28, be16],
    DPORT: [29, be16],
    NH_ID: [30, u32],
    FLOWLABEL: [31, be32],
  },
  24,
);

/** RTN_… */
export const ROUTE_TYPE = words(
  {
    unspec: 0,
    unicast: 1,
    local: 2,
    broadcast: 3,
    anycast: 4,
    multicast: 5,
    blackhole: 6,
    unreachable: 7,
    prohibit: 8,
    throw: 9,
    nat: 10,
    xresolve: 11,
  },
  255,
);
export type RouteType = ReturnType<(typeof ROUTE_TYPE)["word"]>;

/** The number of a route's type. @throws {TypeError | RangeError} */
export function routeTypeNumber(type: RouteType): number {
  return ROUTE_TYPE.number(type, "type");
}

/** RTNH_F_… and RTM_F_…, which share a field. */
export const ROUTE_FLAGS = flagWords({
  dead: 0x1,
  pervasive: 0x2,
  onlink: 0x4,
  offload: 0x8,
  linkdown: 0x10,
  unresolved: 0x20,
  trap: 0x40,
  notify: 0x100,
  cloned: 0x200,
  equalize: 0x400,
  prefix: 0x800,
  lookupTable: 0x1000,
  fibMatch: 0x2000,
  rtOffload: 0x4000,
  rtTrap: 0x8000,
  offloadFailed: 0x2000_0000,
});
export type RouteFlag = ReturnType<(typeof ROUTE_FLAGS)["list"]>[number];
export const RTM_F_CLONED = 0x200;
export const RTM_F_LOOKUP_TABLE = 0x1000;
export const RTM_F_FIB_MATCH = 0x2000;

/** ICMPV6_ROUTER_PREF_… */
export const PREFERENCE = words({ medium: 0, high: 1, low: 3 }, 255);
export type Preference = ReturnType<(typeof PREFERENCE)["word"]>;
