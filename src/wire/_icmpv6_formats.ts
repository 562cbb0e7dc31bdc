/** The messages of ICMPv6: their fields as types, and their formats. */
import type { Ipv6Addr } from "../ip/index.ts";
import type { IcmpExtensions } from "./_icmp_extensions.ts";
import type { IcmpCommon, IcmpEcho, IcmpUnknown } from "./_icmp_formats.ts";
import { QUOTED, quotedWithExtensions } from "./_icmp_quote.ts";
import { type Fixed, Formats, fixed, format } from "./_message.ts";
import { MLD_QUERY, MLD_RECORDS, type MldQueryVersion2, type MldRecord } from "./_mld.ts";
import { NDP_OPTIONS, type NdpOption, preferenceText } from "./_ndp_options.ts";

/** RFC 4443 §3.1 and §3.3. */
export interface Icmpv6Error extends IcmpCommon {
  readonly type: "destinationUnreachable" | "timeExceeded";
  /** Of the quoted packet in units of 8 bytes, where extensions follow it, else 0: RFC 4884 §4.1. What it is unless told. */
  readonly length?: number | undefined;
  /** Must be 0. */
  readonly unused?: number | undefined;
  /** The packet that it is about, from its IPv6 header on, mostly cut. */
  readonly quoted?: Uint8Array | undefined;
  readonly extensions?: IcmpExtensions | undefined;
}

/** RFC 4443 §3.2. */
export interface Icmpv6PacketTooBig extends IcmpCommon {
  readonly type: "packetTooBig";
  /** The largest packet that would have passed. */
  readonly mtu: number;
  readonly quoted?: Uint8Array | undefined;
}

/** RFC 4443 §3.4. */
export interface Icmpv6ParameterProblem extends IcmpCommon {
  readonly type: "parameterProblem";
  /** The byte of the quoted packet that is wrong. */
  readonly pointer?: number | undefined;
  readonly quoted?: Uint8Array | undefined;
}

/** RFC 2710 §3, RFC 3810 §5.1. */
export interface Icmpv6ListenerQuery extends IcmpCommon {
  readonly type: "multicastListenerQuery";
  /** In milliseconds; in version 2 from 32768 on a floating point number, RFC 3810 §5.1.3. */
  readonly maximumResponseCode?: number | undefined;
  /** Must be 0. */
  readonly reserved?: number | undefined;
  /** `::` to ask for every group. */
  readonly multicastAddress: Ipv6Addr;
  readonly version2?: MldQueryVersion2 | undefined;
  readonly payload?: Uint8Array | undefined;
}

/** RFC 2710 §3. */
export interface Icmpv6ListenerReport extends IcmpCommon {
  readonly type: "multicastListenerReport" | "multicastListenerDone";
  /** Must be 0. */
  readonly maximumResponseCode?: number | undefined;
  /** Must be 0. */
  readonly reserved?: number | undefined;
  readonly multicastAddress: Ipv6Addr;
  readonly payload?: Uint8Array | undefined;
}

/** RFC 3810 §5.2. */
export interface Icmpv6ListenerReport2 extends IcmpCommon {
  readonly type: "multicastListenerReport2";
  /** Must be 0. */
  readonly reserved?: number | undefined;
  /** As many as there are unless told. */
  readonly numberOfRecords?: number | undefined;
  readonly records?: readonly MldRecord[] | undefined;
  readonly payload?: Uint8Array | undefined;
}

/** RFC 4861 §4.1. */
export interface Icmpv6RouterSolicitation extends IcmpCommon {
  readonly type: "routerSolicitation";
  /** Must be 0. */
  readonly reserved?: number | undefined;
  readonly options?: readonly NdpOption[] | undefined;
}

/** RFC 4861 §4.2. What is 0 the router leaves to the hosts. */
export interface Icmpv6RouterAdvertisement extends IcmpCommon {
  readonly type: "routerAdvertisement";
  readonly curHopLimit?: number | undefined;
  /** M: addresses come from DHCPv6. */
  readonly managed?: boolean | undefined;
  /** O: the rest of the configuration comes from DHCPv6. */
  readonly otherConfig?: boolean | undefined;
  /** H, RFC 6275 §7.1. */
  readonly homeAgent?: boolean | undefined;
  /** Of this router as the default one: 1 is high, 0 medium, -1 low; -2 is reserved. RFC 4191 §2.2. */
  readonly preference?: number | undefined;
  /** P, RFC 4389 §4.1.3.3. */
  readonly proxy?: boolean | undefined;
  /** The last two of the flags' bits. */
  readonly reserved?: number | undefined;
  /** As a default router, in seconds: 0 for none. */
  readonly routerLifetime?: number | undefined;
  /** In milliseconds. */
  readonly reachableTime?: number | undefined;
  /** In milliseconds. */
  readonly retransTimer?: number | undefined;
  readonly options?: readonly NdpOption[] | undefined;
}

/** RFC 4861 §4.3. */
export interface Icmpv6NeighborSolicitation extends IcmpCommon {
  readonly type: "neighborSolicitation";
  /** Must be 0. */
  readonly reserved?: number | undefined;
  /** Who is looked for. */
  readonly targetAddress: Ipv6Addr;
  readonly options?: readonly NdpOption[] | undefined;
}

/** RFC 4861 §4.4. */
export interface Icmpv6NeighborAdvertisement extends IcmpCommon {
  readonly type: "neighborAdvertisement";
  /** R: the sender is a router. */
  readonly router?: boolean | undefined;
  /** S: it answers a solicitation. */
  readonly solicited?: boolean | undefined;
  /** O: what is known by now is to be replaced. */
  readonly override?: boolean | undefined;
  /** Must be 0. */
  readonly reserved?: number | undefined;
  readonly targetAddress: Ipv6Addr;
  readonly options?: readonly NdpOption[] | undefined;
}

/** RFC 4861 §4.5. */
export interface Icmpv6Redirect extends IcmpCommon {
  readonly type: "redirect";
  /** Must be 0. */
  readonly reserved?: number | undefined;
  /** The better first hop, or the destination itself where it is a neighbour. */
  readonly targetAddress: Ipv6Addr;
  readonly destinationAddress: Ipv6Addr;
  readonly options?: readonly NdpOption[] | undefined;
}

/** A message whose type we know. */
export type Icmpv6Known =
  | IcmpEcho
  | Icmpv6Error
  | Icmpv6PacketTooBig
  | Icmpv6ParameterProblem
  | Icmpv6ListenerQuery
  | Icmpv6ListenerReport
  | Icmpv6ListenerReport2
  | Icmpv6RouterSolicitation
  | Icmpv6RouterAdvertisement
  | Icmpv6NeighborSolicitation
  | Icmpv6NeighborAdvertisement
  | Icmpv6Redirect;

/** What an ICMPv6 message consists of; which, its `type` says. */
export type Icmpv6Fields = Icmpv6Known | IcmpUnknown;

/** The types that we know, by name. */
export type Icmpv6Type = Icmpv6Known["type"];

const WITH_EXTENSIONS = quotedWithExtensions(4, 8);
const LENGTH = fixed("length", "Length", 32, 8, { show: (value) => `${value * 8} bytes` });
const UNUSED = fixed("unused", "Unused", 40, 24);
const RESERVED = fixed("reserved", "Reserved", 32, 32);
const FLAG = { kind: "flag" } as const;
const TARGET = fixed("targetAddress", "Target Address", 64, 128, { kind: "ipv6" });
const DELAY: readonly Fixed<"maximumResponseCode" | "reserved" | "multicastAddress">[] = [
  fixed("maximumResponseCode", "Maximum Response Code", 32, 16),
  fixed("reserved", "Reserved", 48, 16),
  fixed("multicastAddress", "Multicast Address", 64, 128, { kind: "ipv6" }),
];

const echo = (type: number, name: IcmpEcho["type"]) =>
  format<IcmpEcho>(type, name, [
    fixed("identifier", "Identifier", 32, 16),
    fixed("sequenceNumber", "Sequence Number", 48, 16),
  ]);

export const ICMPV6_FORMATS: Formats = new Formats([
  format<Icmpv6Error>(1, "destinationUnreachable", [LENGTH, UNUSED], WITH_EXTENSIONS),
  format<Icmpv6PacketTooBig>(2, "packetTooBig", [fixed("mtu", "MTU", 32, 32, { required: true })], QUOTED),
  format<Icmpv6Error>(3, "timeExceeded", [LENGTH, UNUSED], WITH_EXTENSIONS),
  format<Icmpv6ParameterProblem>(4, "parameterProblem", [fixed("pointer", "Pointer", 32, 32)], QUOTED),
  echo(128, "echoRequest"),
  echo(129, "echoReply"),
  format<Icmpv6ListenerQuery>(130, "multicastListenerQuery", DELAY, MLD_QUERY),
  format<Icmpv6ListenerReport>(131, "multicastListenerReport", DELAY),
  format<Icmpv6ListenerReport>(132, "multicastListenerDone", DELAY),
  format<Icmpv6RouterSolicitation>(133, "routerSolicitation", [RESERVED], NDP_OPTIONS),
  format<Icmpv6RouterAdvertisement>(
    134,
    "routerAdvertisement",
    [
      fixed("curHopLimit", "Cur Hop Limit", 32, 8),
      fixed("managed", "Managed address configuration", 40, 1, FLAG),
      fixed("otherConfig", "Other configuration", 41, 1, FLAG),
      fixed("homeAgent", "Home Agent", 42, 1, FLAG),
      fixed("preference", "Default Router Preference", 43, 2, { kind: "int", show: preferenceText }),
      fixed("proxy", "Proxy", 45, 1, FLAG),
      fixed("reserved", "Reserved", 46, 2),
      fixed("routerLifetime", "Router Lifetime", 48, 16, { show: (value) => `${value} s` }),
      fixed("reachableTime", "Reachable Time", 64, 32, { show: (value) => `${value} ms` }),
      fixed("retransTimer", "Retrans Timer", 96, 32, { show: (value) => `${value} ms` }),
    ],
    NDP_OPTIONS,
  ),
  format<Icmpv6NeighborSolicitation>(135, "neighborSolicitation", [RESERVED, TARGET], NDP_OPTIONS),
  format<Icmpv6NeighborAdvertisement>(
    136,
    "neighborAdvertisement",
    [
      fixed("router", "Router", 32, 1, FLAG),
      fixed("solicited", "Solicited", 33, 1, FLAG),
      fixed("override", "Override", 34, 1, FLAG),
      fixed("reserved", "Reserved", 35, 29),
      TARGET,
    ],
    NDP_OPTIONS,
  ),
  format<Icmpv6Redirect>(
    137,
    "redirect",
    [RESERVED, TARGET, fixed("destinationAddress", "Destination Address", 192, 128, { kind: "ipv6" })],
    NDP_OPTIONS,
  ),
  format<Icmpv6ListenerReport2>(
    143,
    "multicastListenerReport2",
    [fixed("reserved", "Reserved", 32, 16), fixed("numberOfRecords", "Number of Records", 48, 16)],
    MLD_RECORDS,
  ),
]);
