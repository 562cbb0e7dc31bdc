/** What the tables share: address families, headers, devices by name, and addresses from texts. */

import { concatBytes, WireError } from "../../bytes/index.ts";
import { type IpAddr, IpPrefix, Ipv4Addr, Ipv6Addr, MacAddr } from "../../ip/index.ts";
import { AF_INET, AF_INET6, AF_UNSPEC, errno, SysError, type WaitOptions } from "../../sys/index.ts";
import { addrOf, type Device, type LinkLayerAddr } from "../_values.ts";
import type { AttributeType } from "../attribute_types.ts";
import type { Message } from "../message.ts";
import type { DumpOptions, NetlinkRequest, NetlinkSocket } from "../netlink_socket.ts";

export type Family = "ipv4" | "ipv6";

/** `undefined` for families that are not IP's. */
export function familyOf(number: number): Family | undefined {
  return number === AF_INET ? "ipv4" : number === AF_INET6 ? "ipv6" : undefined;
}

/** @throws {TypeError} */
export function familyNumber(family: Family | undefined): number {
  if (family === undefined) return AF_UNSPEC;
  if (family === "ipv4") return AF_INET;
  if (family === "ipv6") return AF_INET6;
  throw new TypeError(`family: expected "ipv4" or "ipv6", got ${String(family)}`);
}

export function familyOfAddr(addr: IpAddr): Family {
  return addr.version === 4 ? "ipv4" : "ipv6";
}

/** A header and what follows it. */
export function payloadOf(header: Uint8Array, ...rest: Uint8Array[]): Uint8Array {
  return concatBytes([header, ...rest]);
}

/** A prefix, from a prefix, an address or a text; an address is a prefix of its own. @throws {AddressError} @throws {TypeError} */
export function prefixOf(value: IpPrefix | IpAddr | string, what: string): IpPrefix {
  if (value instanceof IpPrefix) return value;
  if (typeof value === "string" && value.includes("/")) return IpPrefix.parse(value);
  const addr = addrOf(value as IpAddr | string, what);
  return IpPrefix.of(addr, addr.bitLength);
}

/** A link-layer address. */
export const linkLayer: AttributeType<LinkLayerAddr, LinkLayerAddr | string> = {
  decode(bytes, start, end) {
    return end - start === 6 ? MacAddr.fromBytes(bytes.subarray(start, end)) : bytes.slice(start, end);
  },
  encode(value, where) {
    if (typeof value === "string") return MacAddr.parse(value).toBytes();
    if (value instanceof MacAddr) return value.toBytes();
    if (value instanceof Uint8Array) return value;
    throw new TypeError(`${where}: expected a MAC address, got ${String(value)}`);
  },
};

/** What the tables of one socket are made of. */
export interface Channel {
  readonly socket: NetlinkSocket;
  /** The number of a device. @throws {NetlinkError} `ENODEV` */
  indexOf(device: Device, options?: WaitOptions): Promise<number>;
}

/** Asks for a table. What filters it has to do so in `take` too: kernels before 4.20 send all of it. */
export function dump<T>(
  channel: Channel,
  request: NetlinkRequest,
  take: (message: Message) => T | undefined,
  options: DumpOptions | undefined,
): Promise<T[]> {
  return channel.socket.dump(request, take, options);
}

/** The one answer of a request that gets one thing. */
export async function getOne<T>(
  channel: Channel,
  request: NetlinkRequest,
  take: (message: Message) => T | undefined,
  options: WaitOptions | undefined,
): Promise<T> {
  let found: T | undefined;
  await channel.socket.request(
    request,
    (message) => {
      found ??= take(message);
    },
    options,
  );
  if (found === undefined) throw new SysError(errno.ENOENT, request.name ?? "netlink", { hint: "no answer" });
  return found;
}

const DEFAULT = {
  ipv4: IpPrefix.of(Ipv4Addr.UNSPECIFIED, 0),
  ipv6: IpPrefix.of(Ipv6Addr.UNSPECIFIED, 0),
} as const;

/** Every address of a family. */
export function everywhere(family: Family): IpPrefix {
  return DEFAULT[family];
}

/** A prefix whose length stands in a header, and whose address, unless it is zero, in an attribute. @throws {WireError} `BAD_VALUE` */
export function prefixAt(family: Family, addr: IpAddr | undefined, length: number, offset: number): IpPrefix {
  if (addr === undefined && length === 0) return DEFAULT[family];
  const base = addr ?? DEFAULT[family].addr;
  if (length <= base.bitLength) return IpPrefix.of(base, length);
  throw new WireError(
    "BAD_VALUE",
    "netlink",
    offset,
    `expected a prefix length 0 … ${base.bitLength}, got ${length}`,
  );
}
