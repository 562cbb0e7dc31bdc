/** Neighbours: who has which link-layer address. man 8 ip-neighbour */
import { u8 as field8, u16 as field16, u32 as field32, i32, struct } from "../../bytes/index.ts";
import type { IpAddr } from "../../ip/index.ts";
import type { WaitOptions } from "../../sys/index.ts";
import { NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from "../_constants.ts";
import { addrOf, type Device, type LinkLayerAddr } from "../_values.ts";
import { flagWords } from "../_words.ts";
import { attributeTable } from "../attribute_table.ts";
import { be16, ip, structure, u8, u16, u32 } from "../attribute_types.ts";
import { type Attribute, get16, get32 } from "../attributes.ts";
import type { Message } from "../message.ts";
import type { DumpOptions } from "../netlink_socket.ts";
import {
  type Channel,
  dump,
  type Family,
  familyNumber,
  familyOf,
  familyOfAddr,
  getOne,
  linkLayer,
  payloadOf,
} from "./_common.ts";
import { RTM_DELNEIGH, RTM_GETNEIGH, RTM_NEWNEIGH } from "./_message_types.ts";
import { PROTOCOL, type Protocol } from "./_scopes.ts";

/** An entry of the neighbour table (ARP, NDP). */
export interface Neighbor {
  readonly family: Family;
  /** The link's number. */
  readonly device: number;
  readonly address: IpAddr;
  readonly linkLayerAddress?: LinkLayerAddr;
  /** Empty where nothing is known yet. */
  readonly state: readonly NeighborState[];
  readonly flags: readonly NeighborFlag[];
  /** RTN_…, as of routes; 1 is unicast. */
  readonly type: number;
  readonly probes?: number;
  /** How long ago it was used, confirmed and changed. */
  readonly usedSeconds?: number;
  readonly confirmedSeconds?: number;
  readonly updatedSeconds?: number;
  readonly references?: number;
  readonly vlan?: number;
  readonly port?: number;
  readonly vni?: number;
  readonly master?: number;
  readonly protocol?: Protocol;
  readonly unknown?: readonly Attribute[];
}

/** An entry to be added, replaced or deleted. */
export interface NewNeighbor {
  readonly device: Device;
  readonly address: IpAddr | string;
  readonly linkLayerAddress?: LinkLayerAddr | string | undefined;
  /** `["permanent"]` unless told. */
  readonly state?: readonly NeighborState[] | undefined;
  readonly flags?: readonly NeighborFlag[] | undefined;
  readonly protocol?: Protocol | undefined;
}

export interface NeighborListOptions extends DumpOptions {
  readonly family?: Family | undefined;
  readonly device?: Device | undefined;
  /** The addresses that this host answers for, instead. */
  readonly proxy?: boolean | undefined;
}

/** NUD_…, include/uapi/linux/neighbour.h, v6.12 */
const STATE = flagWords({
  incomplete: 0x01,
  reachable: 0x02,
  stale: 0x04,
  delay: 0x08,
  probe: 0x10,
  failed: 0x20,
  noarp: 0x40,
  permanent: 0x80,
});
export type NeighborState = ReturnType<(typeof STATE)["list"]>[number];

/** NTF_…, and NTF_EXT_… eight bits higher. */
const FLAGS = flagWords({
  use: 0x01,
  self: 0x02,
  master: 0x04,
  proxy: 0x08,
  externLearn: 0x10,
  offload: 0x20,
  sticky: 0x40,
  router: 0x80,
  managed: 0x100,
  locked: 0x200,
});
export type NeighborFlag = ReturnType<(typeof FLAGS)["list"]>[number];
const NTF_PROXY = 0x08;

const ndmsg = struct("ndmsg", {
  ndm_family: field8,
  ndm_pad1: field8,
  ndm_pad2: field16,
  ndm_ifindex: i32,
  ndm_state: field16,
  ndm_flags: field8,
  ndm_type: field8,
});
const HEADER_LEN = 12;

const cacheinfo = struct("nda_cacheinfo", {
  ndm_confirmed: field32,
  ndm_used: field32,
  ndm_updated: field32,
  ndm_refcnt: field32,
});

/** NDA_…, include/uapi/linux/neighbour.h, v6.12 */
const NEIGHBOR = attributeTable("NDA_", {
  DST: [1, ip],
  LLADDR: [2, linkLayer],
  CACHEINFO: [3, structure(cacheinfo)],
  PROBES: [4, u32],
  VLAN: [5, u16],
  PORT: [6, be16],
  VNI: [7, u32],
  IFINDEX: [8, u32],
  MASTER: [9, u32],
  LINK_NETNSID: [10, u32],
  SRC_VNI: [11, u32],
  PROTOCOL: [12, u8],
  NH_ID: [13, u32],
  FLAGS_EXT: [15, u32],
});

/** @throws {WireError} */
export function decodeNeighbor({ bytes, start, end }: Message): Neighbor | undefined {
  if (end - start < HEADER_LEN) return undefined;
  const family = familyOf(bytes[start] as number);
  const a = NEIGHBOR.decode(bytes, start + HEADER_LEN, end);
  if (family === undefined || a.DST === undefined) return undefined;
  const neighbor: { -readonly [K in keyof Neighbor]: Neighbor[K] } = {
    family,
    device: get32(bytes, start + 4) | 0,
    address: a.DST,
    state: STATE.list(get16(bytes, start + 8)),
    flags: FLAGS.list((bytes[start + 10] as number) | ((a.FLAGS_EXT ?? 0) << 8)),
    type: bytes[start + 11] as number,
  };
  if (a.LLADDR !== undefined) neighbor.linkLayerAddress = a.LLADDR;
  if (a.PROBES !== undefined) neighbor.probes = a.PROBES;
  // The kernel counts in hundredths.
  const cache = a.CACHEINFO;
  if (cache?.ndm_used !== undefined) neighbor.usedSeconds = cache.ndm_used / 100;
  if (cache?.ndm_confirmed !== undefined) neighbor.confirmedSeconds = cache.ndm_confirmed / 100;
  if (cache?.ndm_updated !== undefined) neighbor.updatedSeconds = cache.ndm_updated / 100;
  if (cache?.ndm_refcnt !== undefined) neighbor.references = cache.ndm_refcnt;
  if (a.VLAN !== undefined) neighbor.vlan = a.VLAN;
  if (a.PORT !== undefined) neighbor.port = a.PORT;
  if (a.VNI !== undefined) neighbor.vni = a.VNI;
  if (a.MASTER !== undefined) neighbor.master = a.MASTER;
  if (a.PROTOCOL !== undefined) neighbor.protocol = PROTOCOL.word(a.PROTOCOL);
  if (a.unknown !== undefined) neighbor.unknown = a.unknown;
  return neighbor;
}

/** The neighbours of the namespace that the socket was opened in. */
export class Neighbors {
  readonly #channel: Channel;

  /** @internal */
  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** All entries, or those of one family or link. @throws {NetlinkError} @throws {DumpInterruptedError} */
  async list(options: NeighborListOptions = {}): Promise<Neighbor[]> {
    const index =
      options.device === undefined ? undefined : await this.#channel.indexOf(options.device, options);
    const header = ndmsg.encode({
      ndm_family: familyNumber(options.family),
      ndm_flags: options.proxy ? NTF_PROXY : 0,
    });
    const payload = payloadOf(header, NEIGHBOR.encode({ IFINDEX: index }));
    const request = { type: RTM_GETNEIGH, payload, name: "RTM_GETNEIGH", headerLength: HEADER_LEN };
    const take = (message: Message): Neighbor | undefined => {
      const neighbor = decodeNeighbor(message);
      if (neighbor === undefined || (index !== undefined && neighbor.device !== index)) return undefined;
      return options.family === undefined || neighbor.family === options.family ? neighbor : undefined;
    };
    return dump(this.#channel, request, take, options);
  }

  /** One entry. @throws {NetlinkError} `ENOENT` where it is not there */
  async get(
    neighbor: Pick<NewNeighbor, "device" | "address" | "flags">,
    options?: WaitOptions,
  ): Promise<Neighbor> {
    const address = addrOf(neighbor.address, "address");
    const header = ndmsg.encode({
      ndm_family: familyNumber(familyOfAddr(address)),
      ndm_ifindex: await this.#channel.indexOf(neighbor.device, options),
      ndm_flags: neighbor.flags?.includes("proxy") ? NTF_PROXY : 0,
    });
    const payload = payloadOf(header, NEIGHBOR.encode({ DST: address }));
    const request = { type: RTM_GETNEIGH, payload, name: "RTM_GETNEIGH", headerLength: HEADER_LEN };
    return getOne(this.#channel, request, decodeNeighbor, options);
  }

  /** @throws {NetlinkError} `EEXIST`, `ENODEV`, `EPERM` */
  add(neighbor: NewNeighbor, options?: WaitOptions): Promise<void> {
    return this.#request(RTM_NEWNEIGH, "RTM_NEWNEIGH", NLM_F_CREATE | NLM_F_EXCL, neighbor, options);
  }

  /** Adds an entry, or changes the one of this address. @throws {NetlinkError} */
  replace(neighbor: NewNeighbor, options?: WaitOptions): Promise<void> {
    return this.#request(RTM_NEWNEIGH, "RTM_NEWNEIGH", NLM_F_CREATE | NLM_F_REPLACE, neighbor, options);
  }

  /** Changes an entry that is there. @throws {NetlinkError} `ENOENT` where it is not */
  change(neighbor: NewNeighbor, options?: WaitOptions): Promise<void> {
    return this.#request(RTM_NEWNEIGH, "RTM_NEWNEIGH", NLM_F_REPLACE, neighbor, options);
  }

  /** @throws {NetlinkError} `ENOENT` */
  delete(neighbor: Pick<NewNeighbor, "device" | "address" | "flags">, options?: WaitOptions): Promise<void> {
    return this.#request(RTM_DELNEIGH, "RTM_DELNEIGH", 0, neighbor, options);
  }

  async #request(
    type: number,
    name: string,
    flags: number,
    neighbor: NewNeighbor,
    options: WaitOptions | undefined,
  ): Promise<void> {
    const address = addrOf(neighbor.address, "address");
    const bits = FLAGS.bits(neighbor.flags ?? [], "flags");
    const header = ndmsg.encode({
      ndm_family: familyNumber(familyOfAddr(address)),
      ndm_ifindex: await this.#channel.indexOf(neighbor.device, options),
      ndm_state: type === RTM_DELNEIGH ? 0 : STATE.bits(neighbor.state ?? ["permanent"], "state"),
      ndm_flags: bits & 0xff,
    });
    const { protocol } = neighbor;
    const attributes = NEIGHBOR.encode({
      DST: address,
      LLADDR: neighbor.linkLayerAddress,
      FLAGS_EXT: bits >>> 8 || undefined,
      PROTOCOL: protocol === undefined ? undefined : PROTOCOL.number(protocol, "protocol"),
    });
    const payload = payloadOf(header, attributes);
    await this.#channel.socket.request(
      { type, flags, payload, name, headerLength: HEADER_LEN },
      undefined,
      options,
    );
  }
}
