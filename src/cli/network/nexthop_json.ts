/** Nexthop objects, which routes may share, as `ip -j -d route` writes them under `nh_info`. include/uapi/linux/nexthop.h, v6.12 */
import {
  attributeTable,
  binary,
  flag,
  ip,
  type Message,
  NetlinkError,
  type NetlinkSocket,
  u16,
  u32,
  u64,
} from "../../netlink/index.ts";
import { protocolWord, scopeWord } from "../../netlink/route/index.ts";
import { encapJson } from "./encap_json.ts";
import { clean, type Json, type RouteRow } from "./netlink_fields.ts";
import { protocolName, scopeName } from "./netlink_names.ts";
import type { View } from "./netlink_view.ts";

const RTM_NEWNEXTHOP = 104;
const RTM_GETNEXTHOP = 106;

/** NHA_… */
const NEXTHOP = attributeTable("NHA_", {
  ID: [1, u32],
  GROUP: [2, binary],
  GROUP_TYPE: [3, u16],
  BLACKHOLE: [4, flag],
  OIF: [5, u32],
  GATEWAY: [6, ip],
  ENCAP_TYPE: [7, u16],
  ENCAP: [8, { ...binary, nested: true }],
  FDB: [11, flag],
  RES_GROUP: [12, { ...binary, nested: true }],
});

/** USER_HZ: what clock_t counts. */
const CLOCK_TICKS = 100;
/** NHA_RES_GROUP_…, of a resilient group; its times are clock_t. */
const RESILIENT = attributeTable("NHA_RES_GROUP_", {
  BUCKETS: [1, u16],
  IDLE_TIMER: [2, u32],
  UNBALANCED_TIMER: [3, u32],
  UNBALANCED_TIME: [4, u64],
});

/** `struct nhmsg`: family, scope, protocol, a byte, flags. */
const NHMSG_LEN = 8;
/** RTNH_F_… */
const FLAGS: readonly (readonly [number, string])[] = [
  [0x01, "dead"],
  [0x04, "onlink"],
  [0x02, "pervasive"],
  [0x08, "offload"],
  [0x40, "trap"],
  [0x10, "linkdown"],
  [0x20, "unresolved"],
];
const GROUP_TYPES = ["mpath", "resilient"];

/** The nexthop objects of the namespace, by their numbers; none where the kernel has no such thing. */
export async function nexthopObjects(netlink: NetlinkSocket, view: View): Promise<Map<number, RouteRow>> {
  const objects = new Map<number, RouteRow>();
  const take = (message: Message): undefined => {
    if (message.type !== RTM_NEWNEXTHOP) return;
    const { id, row } = nexthopJson(message, view);
    if (id !== undefined) objects.set(id, row);
  };
  const request = { type: RTM_GETNEXTHOP, payload: new Uint8Array(NHMSG_LEN), name: "RTM_GETNEXTHOP" };
  try {
    await netlink.dump(request, take);
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error; // kernels before 5.3 do not know the request
  }
  return objects;
}

function nexthopJson({ bytes, start, end }: Message, view: View): { id: number | undefined; row: RouteRow } {
  const a = NEXTHOP.decode(bytes, start + NHMSG_LEN, end);
  const flags = new DataView(bytes.buffer, bytes.byteOffset).getUint32(start + 4, true);
  const type = a.GROUP_TYPE ?? 0;
  const row = clean({
    id: a.ID,
    group: a.GROUP === undefined ? undefined : groupJson(a.GROUP),
    type: a.GROUP === undefined || type === 0 ? undefined : (GROUP_TYPES[type] ?? `${type}`),
    resilient_args: a.RES_GROUP === undefined ? undefined : resilientJson(a.RES_GROUP),
    gateway: a.GATEWAY === undefined ? undefined : view.host(a.GATEWAY),
    dev: a.OIF === undefined ? undefined : view.names.nameOf(a.OIF),
    scope: scopeName(scopeWord(bytes[start + 1] as number)),
    blackhole: a.BLACKHOLE ? null : undefined,
    protocol: protocolName(protocolWord(bytes[start + 2] as number)),
    flags: FLAGS.filter(([bit]) => flags & bit).map(([, word]) => word),
    fdb: a.FDB ? null : undefined,
  });
  return { id: a.ID, row: { row, encap: encapJson(a.ENCAP_TYPE, a.ENCAP, view.names.nameOf) } };
}

function resilientJson(bytes: Uint8Array): Json {
  const a = RESILIENT.decode(bytes, 0, bytes.length);
  const seconds = (ticks: number | bigint | undefined): number | undefined =>
    ticks === undefined ? undefined : Number(ticks) / CLOCK_TICKS;
  return clean({
    buckets: a.BUCKETS,
    idle_timer: seconds(a.IDLE_TIMER),
    unbalanced_timer: seconds(a.UNBALANCED_TIMER),
    unbalanced_time: seconds(a.UNBALANCED_TIME),
  });
}

/** `struct nexthop_grp`: the nexthop's number, its weight less one, and since v6.12 eight bits more of it. */
function groupJson(bytes: Uint8Array): Json[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: Math.floor(bytes.length / 8) }, (_, at) => {
    const weight = view.getUint8(8 * at + 4) | (view.getUint8(8 * at + 5) << 8);
    return clean({ id: view.getUint32(8 * at, true), weight: weight === 0 ? undefined : weight + 1 });
  });
}
