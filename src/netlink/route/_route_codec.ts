/** Routes from messages, and messages from routes. */
import { concatBytes } from "../../bytes/index.ts";
import { type IpAddr, type IpPrefix, Ipv4Addr, Ipv6Addr } from "../../ip/index.ts";
import { AF_INET, AF_INET6 } from "../../sys/index.ts";
import { addrOf, type Device, defined } from "../_values.ts";
import { type Attribute, get16, get32 } from "../attributes.ts";
import type { Message } from "../message.ts";
import {
  everywhere,
  type Family,
  familyNumber,
  familyOf,
  familyOfAddr,
  payloadOf,
  prefixAt,
  prefixOf,
} from "./_common.ts";
import {
  type METRICS,
  PREFERENCE,
  type Preference,
  ROUTE,
  ROUTE_FLAGS,
  ROUTE_TYPE,
  type RouteFlag,
  type RouteType,
  RTMSG_LEN,
  RTNEXTHOP_LEN,
  rtmsg,
  rtnexthop,
} from "./_route_tables.ts";
import { PROTOCOL, type Protocol, SCOPE, type Scope, TABLE, type Table } from "./_scopes.ts";

/** What is known of the path: linux/rtnetlink.h RTAX_…, in the kernel's units. */
export type RouteMetrics = Exclude<ReturnType<typeof METRICS.decode>, undefined>;

/** One of several ways that a route has. */
export interface Nexthop {
  readonly gateway?: IpAddr;
  /** The link's number. */
  readonly device?: number;
  /** Its share is its weight by the sum of all; at least 1. */
  readonly weight: number;
  readonly flags: readonly RouteFlag[];
  readonly realms?: number;
  readonly encapType?: number;
  readonly encap?: Uint8Array;
  readonly unknown?: readonly Attribute[];
}

/** A route. */
export interface Route {
  readonly family: Family;
  readonly type: RouteType;
  /** Where it leads; of length 0 for the default route. */
  readonly destination: IpPrefix;
  readonly source?: IpPrefix;
  readonly tos: number;
  /** The table's number: main is 254, local 255, default 253. */
  readonly table: number;
  readonly protocol: Protocol;
  readonly scope: Scope;
  readonly flags: readonly RouteFlag[];
  /** Of several routes the one with the smallest counts; 0 where it is not there. */
  readonly metric?: number;
  readonly preferredSource?: IpAddr;
  readonly gateway?: IpAddr;
  /** The number of the link that packets leave by. */
  readonly device?: number;
  readonly inputDevice?: number;
  readonly nexthops?: readonly Nexthop[];
  readonly nexthopId?: number;
  readonly metrics?: RouteMetrics;
  /** Of a router that advertised itself, RFC 4191. */
  readonly preference?: Preference;
  readonly realms?: number;
  readonly mark?: number;
  readonly userId?: number;
  /** How long it still lasts. */
  readonly expiresSeconds?: number;
  /** What sending by it ends with, as a positive errno. */
  readonly error?: number;
  /** How many hold it, how often it was used, and how long ago. */
  readonly references?: number;
  readonly uses?: number;
  readonly usedSeconds?: number;
  readonly ttlPropagate?: boolean;
  readonly encapType?: number;
  readonly encap?: Uint8Array;
  readonly unknown?: readonly Attribute[];
}

export interface NewNexthop {
  readonly gateway?: IpAddr | string | undefined;
  readonly device?: Device | undefined;
  readonly weight?: number | undefined;
  readonly flags?: readonly RouteFlag[] | undefined;
  readonly realms?: number | undefined;
  readonly encapType?: number | undefined;
  readonly encap?: Uint8Array | undefined;
}

/** A route to be added, replaced or deleted. */
export interface NewRoute {
  /** A prefix, an address, or `"default"`. */
  readonly destination: IpPrefix | IpAddr | string;
  /** Needed only for a default route without a gateway: of IPv4 unless told. */
  readonly family?: Family | undefined;
  readonly source?: IpPrefix | IpAddr | string | undefined;
  readonly type?: RouteType | undefined;
  readonly tos?: number | undefined;
  /** main unless told, or local for local routes. */
  readonly table?: Table | undefined;
  /** boot unless told. */
  readonly protocol?: Protocol | undefined;
  readonly scope?: Scope | undefined;
  readonly flags?: readonly RouteFlag[] | undefined;
  readonly metric?: number | undefined;
  readonly preferredSource?: IpAddr | string | undefined;
  readonly gateway?: IpAddr | string | undefined;
  readonly device?: Device | undefined;
  readonly nexthops?: readonly NewNexthop[] | undefined;
  readonly nexthopId?: number | undefined;
  readonly metrics?: Parameters<typeof METRICS.encode>[0] | undefined;
  readonly preference?: Preference | undefined;
  readonly realms?: number | undefined;
  readonly expiresSeconds?: number | undefined;
  readonly ttlPropagate?: boolean | undefined;
  /** LWTUNNEL_ENCAP_…, include/uapi/linux/lwtunnel.h, and its attributes as they stand in RTA_ENCAP. */
  readonly encapType?: number | undefined;
  readonly encap?: Uint8Array | undefined;
}

/** @throws {WireError} */
export function decodeRoute({ bytes, start, end }: Message): Route | undefined {
  if (end - start < RTMSG_LEN) return undefined;
  const family = familyOf(bytes[start] as number);
  if (family === undefined) return undefined;
  const a = ROUTE.decode(bytes, start + RTMSG_LEN, end);
  const route: { -readonly [K in keyof Route]: Route[K] } = {
    family,
    type: ROUTE_TYPE.word(bytes[start + 7] as number),
    destination: prefixAt(family, a.DST, bytes[start + 1] as number, start + 1),
    tos: bytes[start + 3] as number,
    table: a.TABLE ?? (bytes[start + 4] as number),
    protocol: PROTOCOL.word(bytes[start + 5] as number),
    scope: SCOPE.word(bytes[start + 6] as number),
    flags: ROUTE_FLAGS.list(get32(bytes, start + 8)),
  };
  const sourceLength = bytes[start + 2] as number;
  if (a.SRC !== undefined || sourceLength > 0)
    route.source = prefixAt(family, a.SRC, sourceLength, start + 2);
  if (a.PRIORITY !== undefined) route.metric = a.PRIORITY;
  if (a.PREFSRC !== undefined) route.preferredSource = a.PREFSRC;
  if (a.GATEWAY !== undefined) route.gateway = a.GATEWAY;
  else if (a.VIA !== undefined) setIf(route, "gateway", viaAddr(a.VIA));
  if (a.OIF !== undefined) route.device = a.OIF;
  if (a.IIF !== undefined) route.inputDevice = a.IIF;
  if (a.MULTIPATH !== undefined) route.nexthops = decodeNexthops(a.MULTIPATH);
  if (a.NH_ID !== undefined) route.nexthopId = a.NH_ID;
  if (a.METRICS !== undefined) route.metrics = a.METRICS;
  if (a.PREF !== undefined) route.preference = PREFERENCE.word(a.PREF);
  if (a.FLOW !== undefined) route.realms = a.FLOW;
  if (a.MARK !== undefined) route.mark = a.MARK;
  if (a.UID !== undefined) route.userId = a.UID;
  if (a.CACHEINFO?.rta_expires) route.expiresSeconds = a.CACHEINFO.rta_expires / 100;
  if (a.CACHEINFO?.rta_error) route.error = -(a.CACHEINFO.rta_error | 0);
  if (a.CACHEINFO?.rta_clntref) route.references = a.CACHEINFO.rta_clntref;
  if (a.CACHEINFO?.rta_used) route.uses = a.CACHEINFO.rta_used;
  if (a.CACHEINFO?.rta_lastuse) route.usedSeconds = a.CACHEINFO.rta_lastuse / 100;
  if (a.TTL_PROPAGATE !== undefined) route.ttlPropagate = a.TTL_PROPAGATE !== 0;
  if (a.ENCAP_TYPE !== undefined) route.encapType = a.ENCAP_TYPE;
  if (a.ENCAP !== undefined) route.encap = a.ENCAP;
  if (a.unknown !== undefined) route.unknown = a.unknown;
  return route;
}

function setIf<T, K extends keyof T>(target: T, key: K, value: T[K] | undefined): void {
  if (value !== undefined) target[key] = value;
}

/** `struct rtvia`: a family, and an address of it. */
function viaAddr(via: Uint8Array): IpAddr | undefined {
  if (via.length === 6) return Ipv4Addr.fromBytes(via.subarray(2));
  return via.length === 18 ? Ipv6Addr.fromBytes(via.subarray(2)) : undefined;
}

function decodeNexthops(bytes: Uint8Array): Nexthop[] {
  const list: Nexthop[] = [];
  for (let at = 0; at + RTNEXTHOP_LEN <= bytes.length; ) {
    const length = get16(bytes, at);
    if (length < RTNEXTHOP_LEN || at + length > bytes.length) break;
    const a = ROUTE.decode(bytes, at + RTNEXTHOP_LEN, at + length);
    const device = get32(bytes, at + 4);
    list.push({
      weight: (bytes[at + 3] as number) + 1,
      flags: ROUTE_FLAGS.list(bytes[at + 2] as number),
      ...defined({
        gateway: a.GATEWAY ?? (a.VIA === undefined ? undefined : viaAddr(a.VIA)),
        device: device === 0 ? undefined : device,
        realms: a.FLOW,
        encapType: a.ENCAP_TYPE,
        encap: a.ENCAP,
        unknown: a.unknown,
      }),
    });
    at += (length + 3) & ~3;
  }
  return list;
}

/** Numbers of the devices that a route names. */
export type IndexOf = (device: Device) => number;

/** @param whole whether what is not told has its usual value: for deleting it matches any */
export function encodeRoute(route: NewRoute, indexOf: IndexOf, whole: boolean): Uint8Array {
  const gateway = route.gateway === undefined ? undefined : addrOf(route.gateway, "gateway");
  const hops = route.nexthops?.map((hop) => ({
    ...hop,
    gateway: hop.gateway === undefined ? undefined : addrOf(hop.gateway, "nexthops[].gateway"),
  }));
  const anyGateway = gateway ?? hops?.find((hop) => hop.gateway !== undefined)?.gateway;
  const fallback = route.family ?? (anyGateway === undefined ? "ipv4" : familyOfAddr(anyGateway));
  const { destination: to } = route;
  const destination = to === "default" ? everywhere(fallback) : prefixOf(to, "destination");
  const family = familyOfAddr(destination.addr);
  if (route.family !== undefined && route.family !== family) {
    throw new TypeError(`destination: expected one of ${route.family}, got ${destination}`);
  }
  const type = ROUTE_TYPE.number(route.type ?? "unicast", "type");
  const local = type === 2;
  const table = TABLE.number(route.table ?? (local || type === 3 || type === 4 ? "local" : "main"), "table");
  const source = route.source === undefined ? undefined : prefixOf(route.source, "source");
  const direct = anyGateway === undefined && route.nexthopId === undefined;
  const scope = route.scope ?? usualScope(family, type, direct, whole);
  const header = rtmsg.encode({
    rtm_family: familyNumber(family),
    rtm_dst_len: destination.length,
    rtm_src_len: source?.length ?? 0,
    rtm_tos: route.tos ?? 0,
    rtm_table: table > 255 ? 252 : table,
    rtm_protocol: PROTOCOL.number(route.protocol ?? (whole ? "boot" : "unspec"), "protocol"),
    rtm_scope: SCOPE.number(scope, "scope"),
    rtm_type: route.type === undefined && !whole ? 0 : type,
    rtm_flags: ROUTE_FLAGS.bits(route.flags ?? [], "flags"),
  });
  const { preferredSource, preference } = route;
  const attributes = ROUTE.encode({
    DST: destination.length === 0 && destination.addr.isUnspecified ? undefined : destination.addr,
    SRC: source?.addr,
    TABLE: table,
    PRIORITY: route.metric,
    PREFSRC: preferredSource === undefined ? undefined : addrOf(preferredSource, "preferredSource"),
    ...gatewayOf(family, gateway),
    OIF: route.device === undefined ? undefined : indexOf(route.device),
    MULTIPATH: hops === undefined ? undefined : encodeNexthops(family, hops, indexOf),
    NH_ID: route.nexthopId,
    METRICS: route.metrics,
    PREF: preference === undefined ? undefined : PREFERENCE.number(preference, "preference"),
    FLOW: route.realms,
    EXPIRES: route.expiresSeconds,
    TTL_PROPAGATE: route.ttlPropagate === undefined ? undefined : route.ttlPropagate ? 1 : 0,
    ENCAP_TYPE: route.encapType,
    ENCAP: route.encap,
  });
  return payloadOf(header, attributes);
}

/** As ip(8) chooses it. */
function usualScope(family: Family, type: number, direct: boolean, whole: boolean): Scope {
  if (!whole) return "nowhere";
  if (family === "ipv6") return "global";
  if (type === 2 || type === 10) return "host";
  if (type === 3 || type === 5 || type === 4) return "link";
  return (type === 1 || type === 0) && direct ? "link" : "global";
}

/** A gateway of the other family stands in RTA_VIA. */
function gatewayOf(family: Family, gateway: IpAddr | undefined): { GATEWAY?: IpAddr; VIA?: Uint8Array } {
  if (gateway === undefined) return {};
  if (familyOfAddr(gateway) === family) return { GATEWAY: gateway };
  const number = gateway.version === 4 ? AF_INET : AF_INET6;
  return { VIA: concatBytes([Uint8Array.of(number, 0), gateway.toBytes()]) };
}

function encodeNexthops(
  family: Family,
  hops: readonly (NewNexthop & { readonly gateway: IpAddr | undefined })[],
  indexOf: IndexOf,
): Uint8Array {
  return concatBytes(
    hops.map(({ gateway, device, weight = 1, flags = [], realms, encapType, encap }, at) => {
      if (!Number.isInteger(weight) || weight < 1 || weight > 256) {
        throw new RangeError(`nexthops[${at}].weight: expected an integer 1 … 256, got ${weight}`);
      }
      const attributes = ROUTE.encode({
        ...gatewayOf(family, gateway),
        FLOW: realms,
        ENCAP_TYPE: encapType,
        ENCAP: encap,
      });
      const header = rtnexthop.encode({
        rtnh_len: RTNEXTHOP_LEN + attributes.length,
        rtnh_flags: ROUTE_FLAGS.bits(flags, `nexthops[${at}].flags`),
        rtnh_hops: weight - 1,
        rtnh_ifindex: device === undefined ? 0 : indexOf(device),
      });
      return payloadOf(header, attributes);
    }),
  );
}
