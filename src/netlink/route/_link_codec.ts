/** Links from messages: what the kernel tells of a network interface. */
import { u8 as field8, u16 as field16, u32 as field32, i32, struct } from "../../bytes/index.ts";
import { AF_BRIDGE } from "../../sys/index.ts";
import { defined, type LinkLayerAddr } from "../_values.ts";
import { type Attribute, get16, get32 } from "../attributes.ts";
import type { Message } from "../message.ts";
import { type LinkInfo, linkInfo, type PortInfo } from "./_link_info.ts";
import { LINK, rtnl_link_stats64 } from "./_link_tables.ts";
import {
  ADDR_GEN_MODE,
  LINK_FLAGS,
  LINK_MODE,
  LINK_TYPE,
  type LinkFlag,
  type LinkType,
  OPER_STATE,
  type OperState,
} from "./_link_words.ts";

/** A network interface. */
export interface Link {
  readonly index: number;
  readonly name: string;
  readonly alternativeNames?: readonly string[];
  readonly alias?: string;
  /** Of the hardware, or of what plays it: `"ether"`, `"loopback"` … */
  readonly type: LinkType;
  /** As ip(8) has them: `"UP"`, `"LOWER_UP"`, `"BROADCAST"` … */
  readonly flags: readonly LinkFlag[];
  /** Whether it is set up; whether it works, `state` and the flag LOWER_UP say. */
  readonly up: boolean;
  readonly state?: OperState;
  readonly mode?: "default" | "dormant" | number;
  readonly carrier?: boolean;
  readonly mtu?: number;
  readonly minMtu?: number;
  readonly maxMtu?: number;
  readonly address?: LinkLayerAddr;
  readonly broadcast?: LinkLayerAddr;
  readonly permanentAddress?: LinkLayerAddr;
  /** The link below it, or at its other end; in another namespace where `linkNamespaceId` is there. */
  readonly link?: number;
  readonly linkNamespaceId?: number;
  /** The bridge, bond or VRF that it is a port of. */
  readonly master?: number;
  readonly group?: number;
  readonly queueDiscipline?: string;
  readonly transmitQueueLength?: number;
  readonly transmitQueues?: number;
  readonly receiveQueues?: number;
  readonly promiscuity?: number;
  readonly allMulticast?: number;
  readonly gsoMaxSize?: number;
  readonly gsoMaxSegments?: number;
  readonly tsoMaxSize?: number;
  readonly tsoMaxSegments?: number;
  readonly groMaxSize?: number;
  readonly gsoIpv4MaxSize?: number;
  readonly groIpv4MaxSize?: number;
  readonly carrierChanges?: number;
  readonly protocolDown?: boolean;
  readonly parentDevice?: string;
  readonly parentBus?: string;
  /** How IPv6 makes addresses of its own here. */
  readonly ipv6AddressGeneration?: "eui64" | "none" | "stablePrivacy" | "random" | number;
  readonly ipv6Token?: string;
  /** The kind of a virtual link, and what it has of its own. */
  readonly info?: LinkInfo;
  /** What it has as a port of its master. */
  readonly port?: PortInfo;
  /** Counters; only where they were asked for. */
  readonly statistics?: LinkStatistics;
  /** Attributes that are not known here. */
  readonly unknown?: readonly Attribute[];
}

/** Counters since the link was made. */
export interface LinkStatistics {
  readonly rx: LinkCounters;
  readonly tx: LinkCounters;
  readonly multicast: bigint;
  readonly collisions: bigint;
  /** Of `rx.errors` and `rx.dropped`. */
  readonly rxErrors: Readonly<Record<"length" | "over" | "crc" | "frame" | "fifo" | "missed", bigint>>;
  /** Of `tx.errors`. */
  readonly txErrors: Readonly<Record<"aborted" | "carrier" | "fifo" | "heartbeat" | "window", bigint>>;
  readonly rxCompressed: bigint;
  readonly txCompressed: bigint;
  /** Received by a port that was not to take it. */
  readonly rxNoHandler: bigint;
}

export interface LinkCounters {
  readonly packets: bigint;
  readonly bytes: bigint;
  readonly errors: bigint;
  readonly dropped: bigint;
}

/** `struct ifinfomsg` */
export const ifinfomsg = struct("ifinfomsg", {
  ifi_family: field8,
  ifi_pad: field8,
  ifi_type: field16,
  ifi_index: i32,
  ifi_flags: field32,
  ifi_change: field32,
});
export const IFINFOMSG_LEN = 16;
export const IFF_UP = 0x1;

/** @throws {WireError} */
export function decodeLink({ bytes, start, end }: Message, statistics = false): Link | undefined {
  if (end - start < IFINFOMSG_LEN || bytes[start] === AF_BRIDGE) return undefined;
  const flags = get32(bytes, start + 8);
  const a = LINK.decode(bytes, start + IFINFOMSG_LEN, end);
  const v6 = a.AF_SPEC?.INET6;
  return {
    index: get32(bytes, start + 4) | 0,
    name: a.IFNAME ?? "",
    type: LINK_TYPE.word(get16(bytes, start + 2)),
    flags: LINK_FLAGS.list(flags),
    up: (flags & IFF_UP) !== 0,
    ...defined({
      alternativeNames: a.PROP_LIST,
      alias: a.IFALIAS,
      state: a.OPERSTATE === undefined ? undefined : OPER_STATE.word(a.OPERSTATE),
      mode: a.LINKMODE === undefined ? undefined : LINK_MODE.word(a.LINKMODE),
      carrier: a.CARRIER === undefined ? undefined : a.CARRIER !== 0,
      mtu: a.MTU,
      minMtu: a.MIN_MTU,
      maxMtu: a.MAX_MTU,
      address: a.ADDRESS,
      broadcast: a.BROADCAST,
      permanentAddress: a.PERM_ADDRESS,
      link: a.LINK,
      linkNamespaceId: a.LINK_NETNSID,
      master: a.MASTER,
      group: a.GROUP,
      queueDiscipline: a.QDISC,
      transmitQueueLength: a.TXQLEN,
      transmitQueues: a.NUM_TX_QUEUES,
      receiveQueues: a.NUM_RX_QUEUES,
      promiscuity: a.PROMISCUITY,
      allMulticast: a.ALLMULTI,
      gsoMaxSize: a.GSO_MAX_SIZE,
      gsoMaxSegments: a.GSO_MAX_SEGS,
      tsoMaxSize: a.TSO_MAX_SIZE,
      tsoMaxSegments: a.TSO_MAX_SEGS,
      groMaxSize: a.GRO_MAX_SIZE,
      gsoIpv4MaxSize: a.GSO_IPV4_MAX_SIZE,
      groIpv4MaxSize: a.GRO_IPV4_MAX_SIZE,
      carrierChanges: a.CARRIER_CHANGES,
      protocolDown: a.PROTO_DOWN === undefined ? undefined : a.PROTO_DOWN !== 0,
      parentDevice: a.PARENT_DEV_NAME,
      parentBus: a.PARENT_DEV_BUS_NAME,
      ipv6AddressGeneration:
        v6?.ADDR_GEN_MODE === undefined ? undefined : ADDR_GEN_MODE.word(v6.ADDR_GEN_MODE),
      ipv6Token: v6?.TOKEN === undefined || v6.TOKEN.isUnspecified ? undefined : v6.TOKEN.toString(),
      statistics: a.STATS64 === undefined || !statistics ? undefined : statisticsOf(a.STATS64),
      unknown: a.unknown,
    }),
    ...linkInfo(a.LINKINFO),
  };
}

function statisticsOf(bytes: Uint8Array): LinkStatistics {
  const s: Partial<Record<string, bigint>> = rtnl_link_stats64.decodePrefix(bytes);
  const n = (name: string): bigint => s[name] ?? 0n;
  const side = (d: "rx" | "tx"): LinkCounters => ({
    packets: n(`${d}_packets`),
    bytes: n(`${d}_bytes`),
    errors: n(`${d}_errors`),
    dropped: n(`${d}_dropped`),
  });
  return {
    rx: side("rx"),
    tx: side("tx"),
    multicast: n("multicast"),
    collisions: n("collisions"),
    rxErrors: {
      length: n("rx_length_errors"),
      over: n("rx_over_errors"),
      crc: n("rx_crc_errors"),
      frame: n("rx_frame_errors"),
      fifo: n("rx_fifo_errors"),
      missed: n("rx_missed_errors"),
    },
    txErrors: {
      aborted: n("tx_aborted_errors"),
      carrier: n("tx_carrier_errors"),
      fifo: n("tx_fifo_errors"),
      heartbeat: n("tx_heartbeat_errors"),
      window: n("tx_window_errors"),
    },
    rxCompressed: n("rx_compressed"),
    txCompressed: n("tx_compressed"),
    rxNoHandler: n("rx_nohandler"),
  };
}
