/** Multicast membership, any-source and source-specific, of both families, by the protocol-independent calls of RFC 3678. */
import { IpAddr, SocketAddr } from "../ip/index.ts";
import * as C from "../sys/index.ts";
import { interfaceIndex } from "./_option_structs.ts";

/** Which interface a group is joined on, and from whom. */
export interface MulticastOptions {
  /** The interface, by name or index; the one that the routing table has for the group by default. */
  readonly interface?: string | number | undefined;
  /** Only what this sender sends (source-specific multicast, RFC 4607); anybody's by default. */
  readonly source?: IpAddr | string | undefined;
}

/** What becomes of a membership. */
export type MembershipChange = "join" | "leave" | "block" | "unblock";

const OF_GROUP = { join: C.MCAST_JOIN_GROUP, leave: C.MCAST_LEAVE_GROUP } as const;
const OF_SOURCE = {
  join: C.MCAST_JOIN_SOURCE_GROUP,
  leave: C.MCAST_LEAVE_SOURCE_GROUP,
  block: C.MCAST_BLOCK_SOURCE,
  unblock: C.MCAST_UNBLOCK_SOURCE,
} as const;

const HINTS: Readonly<Record<number, string>> = {
  [C.errno.ENODEV]:
    "no interface of this host reaches the group: name one, or add a route for 224.0.0.0/4 or ff00::/8",
  [C.errno.EADDRINUSE]: "the socket has joined this group on this interface already",
  [C.errno.EADDRNOTAVAIL]: "the socket has not joined this group on this interface, or not from this source",
  [C.errno.ENOBUFS]: "the socket is in as many groups as net.ipv4.igmp_max_memberships allows",
  [C.errno.EINVAL]: "the group is joined already without, or with, a source filter",
  [C.errno.ENOPROTOOPT]: "the socket and the group are of different families",
};

function addressOf(name: string, value: unknown): IpAddr {
  const ip = typeof value === "string" ? IpAddr.parse(value) : value;
  if (!IpAddr.is(ip)) throw new TypeError(`${name}: expected an IP address, got ${String(value)}`);
  return ip;
}

function storage(ip: IpAddr): Uint8Array {
  const bytes = new Uint8Array(C.SOCKADDR_STORAGE_LEN);
  bytes.set(C.encodeSockaddr(SocketAddr.of(ip, 0)));
  return bytes;
}

/**
 * Changes a membership of the socket.
 * @throws {TypeError | AddressError} for what is no multicast address, or a source of the other family
 * @throws {TypeError | RangeError} for what is no name and no index of an interface
 * @throws {SysError} `ENODEV`, `EADDRINUSE`, `EADDRNOTAVAIL` …
 * @see RFC 3678 §5.1; man 7 ip
 */
export function changeMembership(
  fd: number,
  change: MembershipChange,
  groupAddress: IpAddr | string,
  options: MulticastOptions,
): void {
  const group = addressOf("group", groupAddress);
  if (!group.isMulticast) throw new TypeError(`group: expected a multicast address, got ${group}`);
  const index = options.interface === undefined ? 0 : interfaceIndex(options.interface, "interface");
  let optname: number;
  let value: Uint8Array;
  if (options.source === undefined) {
    if (change === "block" || change === "unblock")
      throw new TypeError(`source: expected an IP address, got none`);
    optname = OF_GROUP[change];
    value = C.group_req.encode({ gr_interface: index, gr_group: storage(group) });
  } else {
    const source = addressOf("source", options.source);
    if (source.version !== group.version) {
      throw new TypeError(`source: expected an IPv${group.version} address as the group is, got ${source}`);
    }
    optname = OF_SOURCE[change];
    value = C.group_source_req.encode({
      gsr_interface: index,
      gsr_group: storage(group),
      gsr_source: storage(source),
    });
  }
  const level = group.version === 4 ? C.IPPROTO_IP : C.IPPROTO_IPV6;
  const result = C.setsockopt(fd, level, optname, value);
  if (result < 0) {
    throw new C.SysError(result, "setsockopt", { address: group.toString(), hint: HINTS[-result] });
  }
}
