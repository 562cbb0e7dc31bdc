/** Links: the network interfaces, listed, made, set and deleted. man 8 ip-link */
import { u8 as field8, u16 as field16, u32 as field32, i32, struct } from "../../bytes/index.ts";
import type { WaitOptions } from "../../sys/index.ts";
import { NLM_F_CREATE, NLM_F_EXCL } from "../_constants.ts";
import type { Attribute } from "../attributes.ts";
import { encodeAttribute, get16, get32 } from "../attributes.ts";
import type { Message } from "../message.ts";
import type { DumpOptions } from "../netlink_socket.ts";
import {
  AF_BRIDGE,
  type Channel,
  type Device,
  defined,
  dump,
  getOne,
  type LinkLayerAddr,
  payloadOf,
} from "./_common.ts";
import {
  encodeKind,
  type KindData,
  type LinkInfo,
  linkInfo,
  type PortData,
  type PortInfo,
} from "./_link_info.ts";
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
import { RTM_DELLINK, RTM_GETLINK, RTM_NEWLINK } from "./_message_types.ts";
import { addTun, type TunData } from "./_tun.ts";

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
}

export interface LinkCounters {
  readonly packets: bigint;
  readonly bytes: bigint;
  readonly errors: bigint;
  readonly dropped: bigint;
}

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
  readonly ipv6AddressGeneration?: "eui64" | "none" | "stablePrivacy" | "random" | number | undefined;
  readonly flags?: {
    readonly arp?: boolean;
    readonly multicast?: boolean;
    readonly promiscuous?: boolean;
    readonly allMulticast?: boolean;
  };
}

export type Namespace = { readonly pid: number } | { readonly fd: number };

/** A link to be made. */
export interface NewLink extends LinkSettings {
  /**
   * `"veth"`, `"bridge"`, `"macvlan"`, `"dummy"`, `"vlan"`, `"ifb"` … what this kernel has. `"tun"` is made by /dev/net/tun, in the
   * namespace of this thread, and stays; its `data.type` is 1 for TUN, 2 for TAP.
   */
  readonly kind: string;
  /** The link below, for kinds that have one. */
  readonly link?: Device | undefined;
  readonly transmitQueues?: number | undefined;
  readonly receiveQueues?: number | undefined;
  /** What the kind has of its own: an object for `bridge macvlan macvtap vlan vxlan`, else encoded attributes. */
  readonly data?: KindData[keyof KindData] | Uint8Array | undefined;
  /** Of a veth: its other end. It cannot be set up before both ends are there. */
  readonly peer?: NewPeer | undefined;
}

/** What of the other end of a veth can be set when it is made. */
export type NewPeer = Omit<LinkSettings, "up"> & {
  readonly transmitQueues?: number | undefined;
  readonly receiveQueues?: number | undefined;
};

export interface LinkListOptions extends DumpOptions {
  readonly kind?: string | undefined;
  readonly master?: Device | undefined;
  /** Whether the counters are wanted. */
  readonly statistics?: boolean | undefined;
}

const ifinfomsg = struct("ifinfomsg", {
  ifi_family: field8,
  ifi_pad: field8,
  ifi_type: field16,
  ifi_index: i32,
  ifi_flags: field32,
  ifi_change: field32,
});
const HEADER_LEN = 16;

const IFF_UP = 0x1;
const FLAG_BITS = { arp: 0x80, multicast: 0x1000, promiscuous: 0x100, allMulticast: 0x200 } as const;
/** Of the address families; those of the link itself come all the same. */
const RTEXT_FILTER_SKIP_STATS = 1 << 3;
const VETH_INFO_PEER = 1;

/** @throws {WireError} */
export function decodeLink({ bytes, start, end }: Message, statistics = false): Link | undefined {
  if (end - start < HEADER_LEN || bytes[start] === AF_BRIDGE) return undefined;
  const flags = get32(bytes, start + 8);
  const a = LINK.decode(bytes, start + HEADER_LEN, end);
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
  const side = (d: "rx" | "tx"): LinkCounters => ({
    packets: s[`${d}_packets`] ?? 0n,
    bytes: s[`${d}_bytes`] ?? 0n,
    errors: s[`${d}_errors`] ?? 0n,
    dropped: s[`${d}_dropped`] ?? 0n,
  });
  return { rx: side("rx"), tx: side("tx"), multicast: s.multicast ?? 0n, collisions: s.collisions ?? 0n };
}

/** The links of the namespace that the socket was opened in. */
export class Links {
  readonly #channel: Channel;

  /** @internal */
  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /**
   * All links, or those of one kind or master, in the order of their numbers.
   * @throws {NetlinkError} @throws {DumpInterruptedError}
   */
  async list(options: LinkListOptions = {}): Promise<Link[]> {
    const { kind, master, statistics } = options;
    const header = ifinfomsg.encode({});
    const masterIndex = master === undefined ? undefined : await this.#channel.indexOf(master, options);
    const attributes = LINK.encode({
      EXT_MASK: RTEXT_FILTER_SKIP_STATS,
      MASTER: masterIndex,
      LINKINFO: kind === undefined ? undefined : { KIND: kind },
    });
    const request = {
      type: RTM_GETLINK,
      payload: payloadOf(header, attributes),
      name: "RTM_GETLINK",
      headerLength: HEADER_LEN,
    };
    const take = (message: Message): Link | undefined => {
      const link = decodeLink(message, statistics);
      if (link === undefined || (masterIndex !== undefined && link.master !== masterIndex)) return undefined;
      return kind === undefined || link.info?.kind === kind ? link : undefined;
    };
    return dump(this.#channel, request, take, options);
  }

  /** One link. @throws {NetlinkError} `ENODEV` where it is not there */
  get(device: Device, options: WaitOptions & { readonly statistics?: boolean } = {}): Promise<Link> {
    const named = typeof device === "string";
    const attributes = LINK.encode({
      ...(named && (device.length < 16 ? { IFNAME: device } : { ALT_IFNAME: device })),
      EXT_MASK: RTEXT_FILTER_SKIP_STATS,
    });
    const payload = payloadOf(ifinfomsg.encode({ ifi_index: named ? 0 : device }), attributes);
    const request = {
      type: RTM_GETLINK,
      payload,
      name: "RTM_GETLINK",
      subject: named ? device : `link ${device}`,
      headerLength: HEADER_LEN,
    };
    return getOne(this.#channel, request, (it) => decodeLink(it, options.statistics), options);
  }

  /**
   * Makes a link.
   * @throws {NetlinkError} `EEXIST`, `EOPNOTSUPP` for a kind that this kernel does not have, `EPERM`
   */
  async add(link: NewLink, options?: WaitOptions): Promise<void> {
    const { kind, data, peer } = link;
    if (kind === "tun") return await this.#tun(link, options);
    const ownData = peer === undefined ? encodeKind(kind, data) : await this.#peer(kind, peer, options);
    const attributes = LINK.encode({
      ...(await this.#attributes(link, options)),
      IFNAME: link.name,
      LINK: link.link === undefined ? undefined : await this.#channel.indexOf(link.link, options),
      NUM_TX_QUEUES: link.transmitQueues,
      NUM_RX_QUEUES: link.receiveQueues,
      LINKINFO: { KIND: kind, DATA: ownData },
    });
    await this.#request(NLM_F_CREATE | NLM_F_EXCL, payloadOf(header(0, link), attributes), options);
  }

  async #tun(link: NewLink, options: WaitOptions | undefined): Promise<void> {
    const { kind: _, data, peer, link: below, transmitQueues, receiveQueues, name, ...settings } = link;
    if (name === undefined || [peer, below, transmitQueues, receiveQueues].some((it) => it !== undefined)) {
      throw new TypeError("tun: expected a name, and no peer, link or queues");
    }
    if (data === undefined || data instanceof Uint8Array)
      throw new TypeError("data: expected an object with a type");
    addTun(name, data as TunData);
    if (Object.keys(settings).length > 0) await this.set(name, settings, options);
  }

  /** Changes a link. @throws {NetlinkError} `ENODEV`, `EPERM`, `EBUSY` … */
  async set(
    device: Device,
    settings: LinkSettings & {
      /** What its kind has of its own. */
      readonly info?: {
        [K in keyof KindData]: { readonly kind: K; readonly data: KindData[K] };
      }[keyof KindData];
      /** What it has as a port of its master. */
      readonly port?: {
        [K in keyof PortData]: { readonly kind: K; readonly data: PortData[K] };
      }[keyof PortData];
    },
    options?: WaitOptions,
  ): Promise<void> {
    const index = await this.#channel.indexOf(device, options);
    const { info, port, name } = settings;
    const kind = info && { KIND: info.kind, DATA: encodeKind(info.kind, info.data) };
    const slave = port && { SLAVE_KIND: port.kind, SLAVE_DATA: encodeKind(port.kind, port.data, true) };
    const attributes = {
      ...(await this.#attributes(settings, options)),
      IFNAME: name,
    };
    // What a port has the kernel only takes once it is one.
    const both = slave !== undefined && typeof attributes.MASTER === "number";
    const together = both ? kind : kind || slave ? { ...kind, ...slave } : undefined;
    const first = LINK.encode({ ...attributes, LINKINFO: together });
    await this.#request(0, payloadOf(header(index, settings), first), options);
    if (both) await this.#request(0, payloadOf(header(index, {}), LINK.encode({ LINKINFO: slave })), options);
  }

  /** Deletes a link. @throws {NetlinkError} `ENODEV`, `EOPNOTSUPP` for one that is real hardware, `EPERM` */
  async delete(device: Device, options?: WaitOptions): Promise<void> {
    const index = await this.#channel.indexOf(device, options);
    const payload = ifinfomsg.encode({ ifi_index: index });
    await this.#channel.socket.request(
      { type: RTM_DELLINK, payload, name: "RTM_DELLINK", headerLength: HEADER_LEN },
      undefined,
      options,
    );
  }

  async #request(flags: number, payload: Uint8Array, options: WaitOptions | undefined): Promise<void> {
    const request = { type: RTM_NEWLINK, flags, payload, name: "RTM_NEWLINK", headerLength: HEADER_LEN };
    await this.#channel.socket.request(request, undefined, options);
  }

  async #attributes(
    settings: LinkSettings,
    options: WaitOptions | undefined,
  ): Promise<Parameters<typeof LINK.encode>[0]> {
    const { master, namespace, ipv6AddressGeneration: generation } = settings;
    return {
      ADDRESS: settings.address,
      BROADCAST: settings.broadcast,
      MTU: settings.mtu,
      IFALIAS: settings.alias,
      GROUP: settings.group,
      TXQLEN: settings.transmitQueueLength,
      MASTER:
        master === undefined ? undefined : master === null ? 0 : await this.#channel.indexOf(master, options),
      NET_NS_PID: namespace !== undefined && "pid" in namespace ? namespace.pid : undefined,
      NET_NS_FD: namespace !== undefined && "fd" in namespace ? namespace.fd : undefined,
      AF_SPEC:
        generation === undefined
          ? undefined
          : { INET6: { ADDR_GEN_MODE: ADDR_GEN_MODE.number(generation, "ipv6AddressGeneration") } },
    };
  }

  async #peer(kind: string, peer: NewPeer, options: WaitOptions | undefined): Promise<Uint8Array> {
    if (kind !== "veth") throw new TypeError(`peer: only a veth has one, not a ${kind}`);
    if ("up" in peer && peer.up === true) {
      throw new TypeError(
        "peer: the kernel does not set it up before both ends are there; set it afterwards",
      );
    }
    const attributes = LINK.encode({
      ...(await this.#attributes(peer, options)),
      IFNAME: peer.name,
      NUM_TX_QUEUES: peer.transmitQueues,
      NUM_RX_QUEUES: peer.receiveQueues,
    });
    return encodeAttribute({ type: VETH_INFO_PEER, data: payloadOf(header(0, peer), attributes) });
  }
}

/** `struct ifinfomsg` with the flags that are to be changed. */
function header(index: number, { up, flags = {} }: LinkSettings): Uint8Array {
  let [set, change] = [up === true ? IFF_UP : 0, up === undefined ? 0 : IFF_UP];
  for (const [name, bit] of Object.entries(FLAG_BITS) as [keyof typeof FLAG_BITS, number][]) {
    const wanted = flags[name];
    if (wanted === undefined) continue;
    change |= bit;
    // The kernel's flag is NOARP.
    if (wanted !== (name === "arp")) set |= bit;
  }
  return ifinfomsg.encode({ ifi_index: index, ifi_flags: set, ifi_change: change });
}
