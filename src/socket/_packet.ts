/** What packet sockets are told, as the kernel wants it: protocols, devices, memberships, groups; and its refusals. */
import { MacAddr } from "../ip/index.ts";
import * as C from "../sys/index.ts";
import { attachFilter, type ClassicFilter, detachFilter } from "./_filter.ts";
import { interfaceIndex } from "./_option_structs.ts";
import { type FanoutFlag, type FanoutMode, fanoutFlags, PACKET } from "./_options_packet.ts";

/** EtherTypes by name, linux/if_ether.h: `"all"` is ETH_P_ALL. */
const PROTOCOLS = {
  all: 0x0003,
  ipv4: 0x0800,
  arp: 0x0806,
  vlan: 0x8100,
  ipv6: 0x86dd,
  lldp: 0x88cc,
} as const;

/** An EtherType, by name or number; `"all"` takes every one, and 0 none. */
export type PacketProtocol = keyof typeof PROTOCOLS | number;

export const ETH_P_ALL = PROTOCOLS.all;

/** @throws {TypeError | RangeError} */
export function protocolNumber(protocol: PacketProtocol): number {
  if (typeof protocol === "string" && Object.hasOwn(PROTOCOLS, protocol)) return PROTOCOLS[protocol];
  if (typeof protocol !== "number") {
    const names = Object.keys(PROTOCOLS).map((name) => `"${name}"`);
    throw new TypeError(
      `protocol: expected ${names.join(", ")} or an EtherType, got ${JSON.stringify(protocol)}`,
    );
  }
  if (!Number.isInteger(protocol) || protocol < 0 || protocol > 0xffff) {
    throw new RangeError(`protocol: expected an EtherType, 0 to 65535, got ${protocol}`);
  }
  return protocol;
}

/**
 * The index of a device; 0 for none.
 * @throws {TypeError | RangeError}
 * @throws {SysError} `ENODEV`
 */
export function deviceIndex(device: string | number | undefined): number {
  return device === undefined ? 0 : interfaceIndex(device, "device");
}

/** Such as `near0`, or `device 7` where it has gone. */
export function deviceName(index: number): string {
  return C.if_indextoname(index) ?? `device ${index}`;
}

/**
 * Binds a socket to a protocol and a device, from when on packets come.
 * @throws {SysError} `ENODEV`, `ENETDOWN` where the device is down
 */
export function bindPacket(fd: number, protocol: number, index: number): void {
  const address = index === 0 ? "all devices" : deviceName(index);
  const bytes = C.encodeSockaddrLl(C.LinkAddr.of({ protocol, index }));
  C.check(C.bind(fd, bytes), "bind", { address });
  // The kernel binds to a device that is down, and reports it with the next call.
  const pending = C.getsockoptInt(fd, C.SOL_SOCKET, C.SO_ERROR);
  if (pending > 0) throw new C.SysError(pending, "bind", { address, hint: PENDING_HINTS[pending] });
}

const PENDING_HINTS: Readonly<Record<number, string>> = {
  [C.errno.ENETDOWN]: "the device is down (see ip link set … up)",
};

/** PACKET_MR_… of include/uapi/linux/if_packet.h. */
const MEMBERSHIPS = {
  multicast: C.PACKET_MR_MULTICAST,
  promiscuous: C.PACKET_MR_PROMISC,
  allMulticast: C.PACKET_MR_ALLMULTI,
  unicast: C.PACKET_MR_UNICAST,
} as const;

/** What a device is to receive beside what is for this host. */
export type Membership = keyof typeof MEMBERSHIPS;

export interface MembershipOptions {
  /** By name or index; the one that the socket is bound to by default. */
  readonly device?: string | number | undefined;
  /** The hardware address of a `"multicast"` or `"unicast"` membership. */
  readonly address?: MacAddr | Uint8Array | string | undefined;
}

const MAX_ADDRESS_BYTES = 32;

function hardwareAddress(kind: Membership, address: MembershipOptions["address"]): Uint8Array {
  const wanted = kind === "multicast" || kind === "unicast";
  if (!wanted) {
    if (address !== undefined) throw new TypeError(`address: expected none for ${kind}`);
    return new Uint8Array();
  }
  if (typeof address === "string") return MacAddr.parse(address).toBytes();
  if (address instanceof MacAddr) return address.toBytes();
  if (!(address instanceof Uint8Array) || address.length === 0 || address.length > MAX_ADDRESS_BYTES) {
    throw new TypeError("address: expected a MacAddr, its text, or the bytes of a hardware address");
  }
  return address;
}

/**
 * Adds or drops a membership.
 * @param bound the index of the device that the socket is bound to; 0 for none
 * @throws {TypeError} for what does not belong together
 * @throws {SysError} `ENODEV`; one to drop that was not added is no error
 */
export function changePacketMembership(
  fd: number,
  how: "add" | "drop",
  kind: Membership,
  bound: number,
  options: MembershipOptions = {},
): void {
  if (!Object.hasOwn(MEMBERSHIPS, kind)) {
    const names = Object.keys(MEMBERSHIPS).map((name) => `"${name}"`);
    throw new TypeError(`membership: expected ${names.join(", ")}, got ${String(kind)}`);
  }
  const address = hardwareAddress(kind, options.address);
  const index = options.device === undefined ? bound : deviceIndex(options.device);
  if (index <= 0) throw new TypeError(`device: expected one for ${kind}, since the socket is bound to none`);
  const fixed = C.packet_mreq.encode({
    mr_ifindex: index,
    mr_type: MEMBERSHIPS[kind],
    mr_alen: address.length,
  });
  const at = C.packet_mreq.offsetOf("mr_address");
  const bytes = new Uint8Array(Math.max(fixed.length, at + address.length));
  bytes.set(fixed);
  bytes.set(address, at);
  const name = how === "add" ? C.PACKET_ADD_MEMBERSHIP : C.PACKET_DROP_MEMBERSHIP;
  const result = C.setsockopt(fd, C.SOL_PACKET, name, bytes);
  if (result === 0) return;
  throw new C.SysError(result, "setsockopt", {
    address: `PACKET_${how.toUpperCase()}_MEMBERSHIP ${deviceName(index)}`,
  });
}

/** A group of sockets that share the packets, each of which one of them gets. */
export interface FanoutOptions {
  /** The group, 0 to 65535; without one the kernel makes a new one: `socket.getOption(PACKET.FANOUT).group` tells its number. */
  readonly group?: number | undefined;
  /**
   * `"hash"` by the flow, in both directions the same; `"lb"` in turn; `"cpu"` by the CPU that a packet came in on;
   * `"rollover"` the first socket until it is full; `"rnd"` at random; `"qm"` by the queue of the network card;
   * `"cbpf"` by what `program` returns, modulo the number of sockets. `"hash"` by default.
   */
  readonly mode?: FanoutMode | undefined;
  /** `"defrag"` puts fragments together first; `"rollover"` passes on what a full socket has no room for. */
  readonly flags?: readonly FanoutFlag[] | undefined;
  /** For `"cbpf"`: says which socket. */
  readonly program?: ClassicFilter | undefined;
}

/** Takes nothing: `ret #0`. */
const REJECT_ALL = Uint8Array.of(6, 0, 0, 0, 0, 0, 0, 0);

const FANOUT_HINTS: Readonly<Record<number, string>> = {
  [C.errno.EINVAL]:
    "a group is of one device, one protocol and one mode with its flags, and a socket of protocol 0 cannot join one",
  [C.errno.ENOSPC]: "the group has as many sockets as it can have",
  [C.errno.EALREADY]: "the socket is in a group already",
};

const FANOUT_PROGRAM = { level: C.SOL_PACKET, optname: C.PACKET_FANOUT_DATA, name: "PACKET_FANOUT_DATA" };

/**
 * Joins a group, after bind. @throws {TypeError | RangeError} @throws {SysError} `EINVAL`, `ENOSPC`
 */
export function joinFanout(fd: number, options: FanoutOptions): void {
  const { group, mode = "hash", flags = [], program } = options;
  if ((mode === "cbpf") !== (program !== undefined)) {
    throw new TypeError('fanout.program: expected one with mode "cbpf", and with no other mode');
  }
  const all: readonly FanoutFlag[] = group === undefined ? [...flags, "uniqueid"] : flags;
  const setting = PACKET.FANOUT.to({ group: group ?? 0, mode, flags: all });
  const result = C.setsockopt(fd, setting.level, setting.optname, setting.bytes);
  C.check(result, "setsockopt", { address: "PACKET_FANOUT", hint: FANOUT_HINTS[-result] });
  if (program !== undefined) attachFilter(fd, program, FANOUT_PROGRAM);
}

/** @throws {TypeError} for what is no group at all, before any system call */
export function checkFanout(options: FanoutOptions | undefined): void {
  if (options === undefined) return;
  if (typeof options !== "object" || options === null)
    throw new TypeError(`fanout: expected { group, mode }, got ${String(options)}`);
  fanoutFlags.encode(options.flags ?? [], "fanout.flags");
}

/**
 * Binds a socket and joins its group. Between the two the socket would get packets that are another's of the group;
 * so it takes none meanwhile.
 */
export function bindAndJoin(
  fd: number,
  protocol: number,
  index: number,
  fanout: FanoutOptions | undefined,
  filter: ClassicFilter | undefined,
): void {
  if (fanout === undefined) {
    if (filter !== undefined) attachFilter(fd, filter);
    bindPacket(fd, protocol, index);
    return;
  }
  attachFilter(fd, REJECT_ALL);
  bindPacket(fd, protocol, index);
  joinFanout(fd, fanout);
  if (filter === undefined) detachFilter(fd);
  else attachFilter(fd, filter);
}

const SEND_HINTS: Readonly<Record<number, string>> = {
  [C.errno.EMSGSIZE]: "it is longer than the device's MTU and its link header allow",
  [C.errno.ENETDOWN]: "the device is down (see ip link set … up)",
  [C.errno.ENOBUFS]: "the device's queue is full, and the packet is lost",
  [C.errno.ENXIO]:
    "there is no such device: name one with the address, or open the socket with { device } to use send",
  [C.errno.EINVAL]:
    'it is shorter than the link header; or the socket is of type "datagram" and has no address to send to',
};

/** The error of a packet that could not be sent. */
export function packetSendError(number: number, syscall: string, peer: C.LinkAddr | undefined): C.SysError {
  return new C.SysError(number, syscall, { address: peer?.toString(), hint: SEND_HINTS[Math.abs(number)] });
}

/** What may only be set when everything else is: a filter cannot be attached any more. */
export function splitLate<S extends { readonly level: number; readonly optname: number }>(
  settings: readonly S[],
): readonly [early: readonly S[], late: readonly S[]] {
  const isLate = (one: S): boolean => one.level === C.SOL_SOCKET && one.optname === C.SO_LOCK_FILTER;
  return [settings.filter((one) => !isLate(one)), settings.filter(isLate)];
}
