/** What of links can be set, and messages from it. */
import type { WaitOptions } from "../../sys/index.ts";
import type { Device, LinkLayerAddr } from "../_values.ts";
import { encodeAttribute } from "../attributes.ts";
import { type Channel, payloadOf } from "./_common.ts";
import { IFF_UP, ifinfomsg } from "./_link_codec.ts";
import type { KindData, PortData } from "./_link_info.ts";
import { LINK } from "./_link_tables.ts";
import { ADDR_GEN_MODE, LINK_MODE, OPER_STATE, type OperState } from "./_link_words.ts";

/** What of a link can be set, when it is made and later. */
export interface LinkSettings {
  readonly up?: boolean | undefined;
  /** A new name, for `set`; the link's name for `add`. */
  readonly name?: string | undefined;
  readonly alias?: string | undefined;
  readonly mtu?: number | undefined;
  readonly address?: LinkLayerAddr | string | undefined;
  readonly broadcast?: LinkLayerAddr | string | undefined;
  /** `undefined` leaves it; null takes the link out of its master. */
  readonly master?: Device | null | undefined;
  readonly group?: number | undefined;
  readonly transmitQueueLength?: number | undefined;
  /** Moves the link into the network namespace of a process, or of an fd that is open on one. */
  readonly namespace?: Namespace | undefined;
  /** For kinds whose carrier can be set, as macvlan and tun. */
  readonly carrier?: boolean | undefined;
  /** RFC 2863: whether the link is up as soon as it has a carrier, or waits for a program that says so. */
  readonly mode?: "default" | "dormant" | number | undefined;
  readonly state?: OperState | undefined;
  readonly protocolDown?: boolean | undefined;
  readonly gsoMaxSize?: number | undefined;
  readonly gsoMaxSegments?: number | undefined;
  readonly groMaxSize?: number | undefined;
  readonly ipv6AddressGeneration?: "eui64" | "none" | "stablePrivacy" | "random" | number | undefined;
  readonly flags?: {
    readonly arp?: boolean;
    readonly multicast?: boolean;
    readonly promiscuous?: boolean;
    readonly allMulticast?: boolean;
    readonly dynamic?: boolean;
    readonly trailers?: boolean;
  };
}

/** What of a link can be changed. */
export interface LinkChanges extends LinkSettings {
  /** Its number in the namespace that it is moved into; the old one where it is free unless told. */
  readonly newIndex?: number | undefined;
  /** What its kind has of its own. */
  readonly info?:
    | { [K in keyof KindData]: { readonly kind: K; readonly data: KindData[K] } }[keyof KindData]
    | undefined;
  /** What it has as a port of its master. */
  readonly port?:
    | { [K in keyof PortData]: { readonly kind: K; readonly data: PortData[K] } }[keyof PortData]
    | undefined;
}

export type Namespace = { readonly pid: number } | { readonly fd: number };

/** A link to be made. */
export interface NewLink extends LinkSettings {
  /**
   * `"veth"`, `"bridge"`, `"macvlan"`, `"dummy"`, `"vlan"`, `"ifb"` … what this kernel has. `"tun"` is made by /dev/net/tun, in the
   * namespace of this thread, and stays; its `data.type` is 1 for TUN, 2 for TAP.
   */
  readonly kind: string;
  /** Its number; the kernel chooses one unless told. */
  readonly index?: number | undefined;
  /** The link below, for kinds that have one. */
  readonly link?: Device | undefined;
  /** The namespace that the link below is in, by the number that this one has for it. */
  readonly linkNamespaceId?: number | undefined;
  readonly parentDevice?: string | undefined;
  readonly transmitQueues?: number | undefined;
  readonly receiveQueues?: number | undefined;
  /** What the kind has of its own: an object for `bridge macvlan macvtap vlan vxlan`, else encoded attributes. */
  readonly data?: KindData[keyof KindData] | Uint8Array | undefined;
  /** Of a veth: its other end. It cannot be set up before both ends are there. */
  readonly peer?: NewPeer | undefined;
}

/** What the kernel takes no notice of where a link is made. */
type LaterSetting = "alias" | "carrier" | "protocolDown" | "ipv6AddressGeneration";

/** What has to be set once a link is there; `undefined` where that is nothing. */
export function laterSettings(settings: LinkSettings): Pick<LinkSettings, LaterSetting> | undefined {
  const { alias, carrier, protocolDown, ipv6AddressGeneration } = settings;
  const later = { alias, carrier, protocolDown, ipv6AddressGeneration };
  return Object.values(later).some((it) => it !== undefined) ? later : undefined;
}

/** What of the other end of a veth can be set when it is made. */
export type NewPeer = Omit<LinkSettings, "up" | "master" | LaterSetting> & {
  readonly index?: number | undefined;
  readonly transmitQueues?: number | undefined;
  readonly receiveQueues?: number | undefined;
};

type LinkAttributes = Parameters<typeof LINK.encode>[0];

const FLAG_BITS = {
  arp: 0x80,
  multicast: 0x1000,
  promiscuous: 0x100,
  allMulticast: 0x200,
  dynamic: 0x8000,
  trailers: 0x20,
} as const;
const VETH_INFO_PEER = 1;

/** The attributes of what can be set. @throws {NetlinkError} `ENODEV` for the master */
export async function settingsOf(
  channel: Channel,
  settings: LinkSettings,
  options: WaitOptions | undefined,
): Promise<LinkAttributes> {
  const { master, namespace, mode, state, ipv6AddressGeneration: generation } = settings;
  return {
    ADDRESS: settings.address,
    BROADCAST: settings.broadcast,
    IFNAME: settings.name,
    MTU: settings.mtu,
    IFALIAS: settings.alias,
    GROUP: settings.group,
    TXQLEN: settings.transmitQueueLength,
    MASTER: master === undefined ? undefined : master === null ? 0 : await channel.indexOf(master, options),
    NET_NS_PID: namespace !== undefined && "pid" in namespace ? namespace.pid : undefined,
    NET_NS_FD: namespace !== undefined && "fd" in namespace ? namespace.fd : undefined,
    CARRIER: bit(settings.carrier),
    LINKMODE: mode === undefined ? undefined : LINK_MODE.number(mode, "mode"),
    OPERSTATE: state === undefined ? undefined : OPER_STATE.number(state, "state"),
    PROTO_DOWN: bit(settings.protocolDown),
    GSO_MAX_SIZE: settings.gsoMaxSize,
    GSO_MAX_SEGS: settings.gsoMaxSegments,
    GRO_MAX_SIZE: settings.groMaxSize,
    AF_SPEC:
      generation === undefined
        ? undefined
        : { INET6: { ADDR_GEN_MODE: ADDR_GEN_MODE.number(generation, "ipv6AddressGeneration") } },
  };
}

function bit(value: boolean | undefined): number | undefined {
  return value === undefined ? undefined : value ? 1 : 0;
}

/** The data of a veth: its other end. @throws {TypeError} */
export async function peerOf(
  channel: Channel,
  kind: string,
  peer: NewPeer,
  options: WaitOptions | undefined,
): Promise<Uint8Array> {
  if (kind !== "veth") throw new TypeError(`peer: only a veth has one, not a ${kind}`);
  if ("up" in peer && peer.up === true) {
    throw new TypeError("peer: the kernel does not set it up before both ends are there; set it afterwards");
  }
  const attributes = LINK.encode({
    ...(await settingsOf(channel, peer, options)),
    NUM_TX_QUEUES: peer.transmitQueues,
    NUM_RX_QUEUES: peer.receiveQueues,
  });
  return encodeAttribute({
    type: VETH_INFO_PEER,
    data: payloadOf(linkHeader(peer.index ?? 0, peer), attributes),
  });
}

/** `struct ifinfomsg` with the flags that are to be changed. */
export function linkHeader(index: number, { up, flags = {} }: LinkSettings): Uint8Array {
  let [set, change] = [up === true ? IFF_UP : 0, up === undefined ? 0 : IFF_UP];
  for (const [name, bit] of Object.entries(FLAG_BITS) as [keyof typeof FLAG_BITS, number][]) {
    const wanted = flags[name];
    if (wanted === undefined) continue;
    change |= bit;
    // The kernel's flags are NOARP and NOTRAILERS.
    if (wanted !== (name === "arp" || name === "trailers")) set |= bit;
  }
  return ifinfomsg.encode({ ifi_index: index, ifi_flags: set, ifi_change: change });
}
