/** Addresses of links: listed, added, replaced and deleted. man 8 ip-address */
import { u8 as field8, u32 as field32, struct } from "../../bytes/index.ts";
import { type IpAddr, IpPrefix } from "../../ip/index.ts";
import type { WaitOptions } from "../../sys/index.ts";
import { NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from "../_constants.ts";
import { addrOf, type Device, defined } from "../_values.ts";
import { flagWords, words } from "../_words.ts";
import { attributeTable } from "../attribute_table.ts";
import { ip, structure, text, u8, u32 } from "../attribute_types.ts";
import { type Attribute, get32 } from "../attributes.ts";
import type { Message } from "../message.ts";
import type { DumpOptions } from "../netlink_socket.ts";
import {
  type Channel,
  dump,
  type Family,
  familyNumber,
  familyOf,
  familyOfAddr,
  payloadOf,
  prefixOf,
} from "./_common.ts";
import { RTM_DELADDR, RTM_GETADDR, RTM_NEWADDR } from "./_message_types.ts";
import { SCOPE, type Scope } from "./_scopes.ts";

/** An address of a link. */
export interface Address {
  readonly family: Family;
  /** The link's number. */
  readonly device: number;
  readonly address: IpAddr;
  /** Of the network that the address is in; of `peer` where there is one. */
  readonly prefixLength: number;
  /** The other end of a point-to-point link. */
  readonly peer?: IpAddr;
  readonly broadcast?: IpAddr;
  readonly anycast?: IpAddr;
  /** Only of IPv4: the link's name, or one that begins with it and a colon. */
  readonly label?: string;
  readonly scope: Scope;
  readonly flags: readonly AddressFlag[];
  /** For how long it is valid, and preferred to others; `Infinity` is for ever. */
  readonly validSeconds?: number;
  readonly preferredSeconds?: number;
  /** When it was made and changed last, in seconds since the machine was started. */
  readonly createdSeconds?: number;
  readonly updatedSeconds?: number;
  /** The metric of the route to its network. */
  readonly routeMetric?: number;
  /** Who made it: the kernel for loopback, for a router's advertisement, or for the link. */
  readonly protocol?: AddressProtocol;
  readonly unknown?: readonly Attribute[];
}

/** An address to be added, replaced or deleted. */
export interface NewAddress {
  readonly device: Device;
  /** With its prefix length, as `"192.0.2.1/24"`; a bare address has the longest. */
  readonly address: IpPrefix | IpAddr | string;
  readonly peer?: IpAddr | string | undefined;
  /** `"+"` makes it from the prefix with its host bits set, `"-"` with them cleared; none is made for the last two lengths. */
  readonly broadcast?: IpAddr | string | undefined;
  readonly anycast?: IpAddr | string | undefined;
  readonly label?: string | undefined;
  /** Host for loopback addresses, else global. */
  readonly scope?: Scope | undefined;
  readonly flags?: readonly AddressFlag[] | undefined;
  readonly validSeconds?: number | undefined;
  readonly preferredSeconds?: number | undefined;
  readonly routeMetric?: number | undefined;
  readonly protocol?: AddressProtocol | undefined;
}

/** What tells the address that is to be deleted. */
export interface OldAddress extends Pick<NewAddress, "device" | "address" | "peer" | "label" | "flags"> {
  /** Of IPv4: whether the prefix length does not matter. */
  readonly anyPrefixLength?: boolean | undefined;
}

export interface AddressListOptions extends DumpOptions {
  readonly family?: Family | undefined;
  readonly device?: Device | undefined;
}

/** IFA_F_…, include/uapi/linux/if_addr.h, v6.12. `secondary` of IPv4 is `temporary` of IPv6. */
const FLAGS = flagWords({
  secondary: 0x01,
  nodad: 0x02,
  optimistic: 0x04,
  dadfailed: 0x08,
  home: 0x10,
  deprecated: 0x20,
  tentative: 0x40,
  permanent: 0x80,
  managetempaddr: 0x100,
  noprefixroute: 0x200,
  mcautojoin: 0x400,
  stablePrivacy: 0x800,
});
export type AddressFlag = ReturnType<(typeof FLAGS)["list"]>[number];

/** IFAPROT_… */
const ADDRESS_PROTOCOL = words({ unspec: 0, kernelLo: 1, kernelRa: 2, kernelLl: 3 }, 255);
export type AddressProtocol = ReturnType<(typeof ADDRESS_PROTOCOL)["word"]>;

const ifaddrmsg = struct("ifaddrmsg", {
  ifa_family: field8,
  ifa_prefixlen: field8,
  ifa_flags: field8,
  ifa_scope: field8,
  ifa_index: field32,
});
const HEADER_LEN = 8;

const cacheinfo = struct("ifa_cacheinfo", {
  ifa_prefered: field32,
  ifa_valid: field32,
  cstamp: field32,
  tstamp: field32,
});

/** IFA_…, include/uapi/linux/if_addr.h, v6.12 */
const ADDRESS = attributeTable("IFA_", {
  ADDRESS: [1, ip],
  LOCAL: [2, ip],
  LABEL: [3, text],
  BROADCAST: [4, ip],
  ANYCAST: [5, ip],
  CACHEINFO: [6, structure(cacheinfo)],
  MULTICAST: [7, ip],
  FLAGS: [8, u32],
  RT_PRIORITY: [9, u32],
  TARGET_NETNSID: [10, u32],
  PROTO: [11, u8],
});

const FOREVER = 0xffff_ffff;
const seconds = (value: number): number => (value === FOREVER ? Number.POSITIVE_INFINITY : value);

/** @throws {WireError} */
export function decodeAddress({ bytes, start, end }: Message): Address | undefined {
  if (end - start < HEADER_LEN) return undefined;
  const family = familyOf(bytes[start] as number);
  const a = ADDRESS.decode(bytes, start + HEADER_LEN, end);
  const address = a.LOCAL ?? a.ADDRESS;
  if (family === undefined || address === undefined) return undefined;
  const { CACHEINFO: cache } = a;
  return {
    family,
    device: get32(bytes, start + 4),
    address,
    prefixLength: bytes[start + 1] as number,
    scope: SCOPE.word(bytes[start + 3] as number),
    flags: FLAGS.list(a.FLAGS ?? (bytes[start + 2] as number)),
    ...defined({
      peer: a.ADDRESS === undefined || a.ADDRESS.equals(address as never) ? undefined : a.ADDRESS,
      broadcast: a.BROADCAST,
      anycast: a.ANYCAST,
      label: a.LABEL,
      validSeconds: cache?.ifa_valid === undefined ? undefined : seconds(cache.ifa_valid),
      preferredSeconds: cache?.ifa_prefered === undefined ? undefined : seconds(cache.ifa_prefered),
      createdSeconds: cache?.cstamp === undefined ? undefined : cache.cstamp / 100,
      updatedSeconds: cache?.tstamp === undefined ? undefined : cache.tstamp / 100,
      routeMetric: a.RT_PRIORITY,
      protocol: a.PROTO === undefined ? undefined : ADDRESS_PROTOCOL.word(a.PROTO),
      unknown: a.unknown,
    }),
  };
}

/** The addresses of the namespace that the socket was opened in. */
export class Addresses {
  readonly #channel: Channel;

  /** @internal */
  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** All addresses, or those of one family or link. @throws {NetlinkError} @throws {DumpInterruptedError} */
  async list(options: AddressListOptions = {}): Promise<Address[]> {
    const family = familyNumber(options.family);
    const index = options.device === undefined ? 0 : await this.#channel.indexOf(options.device, options);
    const payload = ifaddrmsg.encode({ ifa_family: family, ifa_index: index });
    const request = { type: RTM_GETADDR, payload, name: "RTM_GETADDR", headerLength: HEADER_LEN };
    const take = (message: Message): Address | undefined => {
      const address = decodeAddress(message);
      if (address === undefined || (index !== 0 && address.device !== index)) return undefined;
      return options.family === undefined || address.family === options.family ? address : undefined;
    };
    return dump(this.#channel, request, take, options);
  }

  /** @throws {NetlinkError} `EEXIST` where the link has it already, `ENODEV`, `EPERM` */
  add(address: NewAddress, options?: WaitOptions): Promise<void> {
    return this.#request(RTM_NEWADDR, "RTM_NEWADDR", NLM_F_CREATE | NLM_F_EXCL, address, options);
  }

  /** Adds an address, or changes the lifetimes, flags and metric of one that is there. @throws {NetlinkError} */
  replace(address: NewAddress, options?: WaitOptions): Promise<void> {
    return this.#request(RTM_NEWADDR, "RTM_NEWADDR", NLM_F_CREATE | NLM_F_REPLACE, address, options);
  }

  /** As {@link replace} without NLM_F_CREATE, of which kernels take no notice: they add an address that is not there. @throws {NetlinkError} */
  change(address: NewAddress, options?: WaitOptions): Promise<void> {
    return this.#request(RTM_NEWADDR, "RTM_NEWADDR", NLM_F_REPLACE, address, options);
  }

  /** @throws {NetlinkError} `EADDRNOTAVAIL` where the link does not have it, `ENODEV`, `EPERM` */
  delete(address: OldAddress, options?: WaitOptions): Promise<void> {
    return this.#request(RTM_DELADDR, "RTM_DELADDR", 0, address, options);
  }

  async #request(
    type: number,
    name: string,
    flags: number,
    address: NewAddress & OldAddress,
    options: WaitOptions | undefined,
  ): Promise<void> {
    const index = await this.#channel.indexOf(address.device, options);
    const payload = encodeAddress(address, index, type === RTM_NEWADDR);
    await this.#channel.socket.request(
      { type, flags, payload, name, headerLength: HEADER_LEN },
      undefined,
      options,
    );
  }
}

function encodeAddress(address: NewAddress & OldAddress, index: number, whole: boolean): Uint8Array {
  const { addr, length } = prefixOf(address.address, "address");
  const { broadcast, anycast, peer, validSeconds, preferredSeconds, protocol } = address;
  const bits = FLAGS.bits(address.flags ?? [], "flags");
  const scope = SCOPE.number(address.scope ?? (addr.isLoopback ? "host" : "global"), "scope");
  const lifetimes = validSeconds !== undefined || preferredSeconds !== undefined;
  const header = ifaddrmsg.encode({
    ifa_family: familyNumber(familyOfAddr(addr)),
    ifa_prefixlen: length,
    ifa_flags: bits & 0xff,
    ifa_scope: whole ? scope : 0,
    ifa_index: index,
  });
  const attributes = ADDRESS.encode({
    LOCAL: addr,
    ADDRESS: peer !== undefined ? addrOf(peer, "peer") : address.anyPrefixLength ? undefined : addr,
    BROADCAST: broadcast === undefined ? undefined : broadcastOf(broadcast, addr, length),
    ANYCAST: anycast === undefined ? undefined : addrOf(anycast, "anycast"),
    LABEL: address.label,
    FLAGS: bits === 0 ? undefined : bits,
    CACHEINFO: lifetimes
      ? {
          ifa_valid: lifetime(validSeconds, "validSeconds"),
          ifa_prefered: lifetime(preferredSeconds ?? validSeconds, "preferredSeconds"),
        }
      : undefined,
    RT_PRIORITY: address.routeMetric,
    PROTO: protocol === undefined ? undefined : ADDRESS_PROTOCOL.number(protocol, "protocol"),
  });
  return payloadOf(header, attributes);
}

function lifetime(value: number | undefined, what: string): number {
  if (value === undefined || value === Number.POSITIVE_INFINITY) return FOREVER;
  if (Number.isInteger(value) && value >= 0 && value < FOREVER) return value;
  throw new RangeError(`${what}: expected a whole number of seconds, or Infinity, got ${value}`);
}

function broadcastOf(broadcast: IpAddr | string, addr: IpAddr, length: number): IpAddr | undefined {
  if (broadcast !== "+" && broadcast !== "-") return addrOf(broadcast, "broadcast");
  if (length > addr.bitLength - 2) return undefined;
  const prefix = IpPrefix.of(addr, length);
  return broadcast === "+" ? prefix.last : prefix.first;
}
