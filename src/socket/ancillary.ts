/** Ancillary data, typed, both ways: what travels beside a message in control messages, cmsg(3). */
import { IpAddr, Ipv4Addr, Ipv6Addr, type SocketAddr } from "../ip/index.ts";
import * as C from "../sys/index.ts";
import { type PacketInfo, packetInfoOf } from "./_packet_info.ts";
import { OwnedFd } from "./owned_fd.ts";

/** Where a datagram was sent to: IP_PKTINFO, IPV6_RECVPKTINFO. */
export interface Destination {
  /** The destination address in the packet's header: one of this host's, a multicast group, or a broadcast address. */
  readonly ip: IpAddr;
  /** The address of this host to answer from: `ip` itself, unless that is a group or a broadcast address; IPv4 only. */
  readonly localIp: IpAddr | undefined;
  /** The interface that it came in by. */
  readonly interfaceIndex: number;
}

/** Who is on the other side of a local socket, as the kernel vouches for it. */
export interface Credentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** Times of SO_TIMESTAMPING, in nanoseconds since 1970; undefined where the kernel or the device gave none. */
export interface Timestamps {
  readonly softwareNs: bigint | undefined;
  readonly hardwareNs: bigint | undefined;
}

/** What came beside a message. Only what was asked for, by an option, is there; the rest is `undefined`. */
export interface Ancillary {
  /** Needs IP.PKTINFO, IPV6.RECVPKTINFO. */
  readonly destination?: Destination;
  /** The time to live, or hop limit, that was left: IP.RECVTTL, IPV6.RECVHOPLIMIT. */
  readonly ttl?: number;
  /** The TOS octet or traffic class, whose low 2 bits are ECN: IP.RECVTOS, IPV6.RECVTCLASS. */
  readonly tos?: number;
  /** When the kernel received it, in nanoseconds since 1970: SO.TIMESTAMPNS. */
  readonly timestampNs?: bigint;
  /** SO.TIMESTAMPING. */
  readonly timestamps?: Timestamps;
  /** The message is several datagrams of so many bytes, of which the last may be shorter: UDP.GRO. */
  readonly segmentBytes?: number;
  /** How many datagrams this socket has dropped for want of room so far, modulo 2^32: SO.RXQ_OVFL. Absent until the first. */
  readonly drops?: number;
  /** What else is known of a packet: length, VLAN tag, checksum: PACKET.AUXDATA. */
  readonly packet?: PacketInfo;
  /** Files that were passed (SCM_RIGHTS), to be closed by whoever takes the message. */
  readonly fds?: readonly OwnedFd[];
  /** SO.PASSCRED. */
  readonly credentials?: Credentials;
  /** The process that sent it, as pidfd_open(2) gives it, to be closed by whoever takes the message: SO.PASSPIDFD. */
  readonly pidfd?: OwnedFd;
  /** What else came, as it is. */
  readonly others?: readonly C.ControlMessage[];
}

/** What goes beside a message. */
export interface AncillaryRequest {
  /** The address of this host to send from. IP only. */
  readonly source?: IpAddr | string | undefined;
  /** The interface to send by, by name or index. IP only. */
  readonly interface?: string | number | undefined;
  /** The time to live, or hop limit, 1 to 255. IP only. */
  readonly ttl?: number | undefined;
  /** The TOS octet or traffic class, 0 to 255. IP only. */
  readonly tos?: number | undefined;
  /** Sent as datagrams of so many bytes each (UDP_SEGMENT), at most 64 of them. UDP only. */
  readonly segmentBytes?: number | undefined;
  /** Open files that the other process gets too; they stay open here. Local sockets only. */
  readonly fds?: readonly (number | { readonly fd: number })[] | undefined;
  /** Who sends; others than one's own need privileges. Local sockets only. */
  readonly credentials?: Credentials | undefined;
  /** Control messages as they are. */
  readonly others?: readonly C.ControlMessage[] | undefined;
}

/** What kind of socket a message goes out by. */
export type MessageKind = "udp" | "ip" | "unix" | "packet";

const KNOWN: Readonly<Record<keyof AncillaryRequest, readonly MessageKind[]>> = {
  source: ["udp", "ip"],
  interface: ["udp", "ip"],
  ttl: ["udp", "ip"],
  tos: ["udp", "ip"],
  segmentBytes: ["udp"],
  fds: ["unix"],
  credentials: ["unix"],
  others: ["udp", "ip", "unix", "packet"],
};

/** SCM_MAX_FD, include/net/scm.h. */
const MAX_FDS = 253;

function intBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, true);
  return bytes;
}

const readInt = (data: Uint8Array): number =>
  data.length >= 4
    ? new DataView(data.buffer, data.byteOffset, data.length).getInt32(0, true)
    : (data[0] ?? 0); // IP_TOS comes as one byte

function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

function checkWhole(name: string, value: unknown, min: number, max: number): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
    throw new TypeError(
      `ancillary.${name}: expected a whole number from ${min} to ${max}, got ${show(value)}`,
    );
  }
  return value;
}

function sourceAddress(source: unknown): IpAddr {
  if (IpAddr.is(source)) return source;
  const parsed = typeof source === "string" ? IpAddr.tryParse(source) : undefined;
  if (parsed === undefined) {
    throw new TypeError(`ancillary.source: expected an IP address, got ${show(source)}`);
  }
  return parsed;
}

function interfaceIndex(value: unknown): number {
  if (typeof value === "number") return checkWhole("interface", value, 0, 0x7fffffff);
  if (typeof value !== "string" || value === "") {
    throw new TypeError(
      `ancillary.interface: expected the name or index of an interface, got ${show(value)}`,
    );
  }
  const index = C.if_nametoindex(value);
  if (index < 0)
    throw new TypeError(`ancillary.interface: expected an interface of this host, got ${show(value)}`);
  return index;
}

/** The IPv4 address that an IPv4 or mapped address stands for. */
function asIpv4(ip: IpAddr): Ipv4Addr | undefined {
  return ip.version === 4 ? ip : ip.toIpv4Mapped();
}

function packetInfo(request: AncillaryRequest, ipv4: boolean): C.ControlMessage {
  const index = request.interface === undefined ? 0 : interfaceIndex(request.interface);
  const source = request.source === undefined ? undefined : sourceAddress(request.source);
  if (ipv4) {
    const from = source === undefined ? Ipv4Addr.UNSPECIFIED : asIpv4(source);
    if (from === undefined) {
      throw new TypeError(
        `ancillary.source: expected an IPv4 address for an IPv4 destination, got ${source}`,
      );
    }
    const data = C.in_pktinfo.encode({ ipi_ifindex: index, ipi_spec_dst: from.toBytes() });
    return { level: C.IPPROTO_IP, type: C.IP_PKTINFO, data };
  }
  const from = source ?? Ipv6Addr.UNSPECIFIED;
  if (from.version === 4) {
    throw new TypeError(`ancillary.source: expected an IPv6 address for an IPv6 destination, got ${source}`);
  }
  const data = C.in6_pktinfo.encode({ ipi6_ifindex: index, ipi6_addr: from.toBytes() });
  return { level: C.IPPROTO_IPV6, type: C.IPV6_PKTINFO, data };
}

function rights(fds: unknown): C.ControlMessage {
  if (!Array.isArray(fds) || fds.length === 0 || fds.length > MAX_FDS) {
    const got = Array.isArray(fds) ? `${fds.length}` : show(fds);
    throw new TypeError(`ancillary.fds: expected 1 to ${MAX_FDS} open files, got ${got}`);
  }
  const data = new Uint8Array(fds.length * 4);
  const view = new DataView(data.buffer);
  for (const [i, one] of fds.entries()) {
    const fd: unknown = typeof one === "object" && one !== null ? one.fd : one;
    view.setInt32(i * 4, checkWhole(`fds[${i}]`, fd, 0, 0x7fffffff), true);
  }
  return { level: C.SOL_SOCKET, type: C.SCM_RIGHTS, data };
}

function ucred(credentials: unknown): C.ControlMessage {
  if (typeof credentials !== "object" || credentials === null) {
    throw new TypeError(`ancillary.credentials: expected { pid, uid, gid }, got ${show(credentials)}`);
  }
  const { pid, uid, gid } = credentials as Record<string, unknown>;
  const data = C.ucred.encode({
    pid: checkWhole("credentials.pid", pid, 0, 0x7fffffff),
    uid: checkWhole("credentials.uid", uid, 0, 0xffffffff),
    gid: checkWhole("credentials.gid", gid, 0, 0xffffffff),
  });
  return { level: C.SOL_SOCKET, type: C.SCM_CREDENTIALS, data };
}

function asTheyAre(others: unknown): C.ControlMessage[] {
  if (!Array.isArray(others)) {
    throw new TypeError(`ancillary.others: expected an array of { level, type, data }, got ${show(others)}`);
  }
  return others.map((one: Partial<C.ControlMessage> | null, i) => {
    if (!(one?.data instanceof Uint8Array)) {
      throw new TypeError(`ancillary.others[${i}].data: expected a Uint8Array, got ${show(one?.data)}`);
    }
    return {
      level: checkWhole(`others[${i}].level`, one.level, -0x80000000, 0x7fffffff),
      type: checkWhole(`others[${i}].type`, one.type, -0x80000000, 0x7fffffff),
      data: one.data,
    };
  });
}

/** The segment size as UDP_SEGMENT wants it. */
export function segmentMessage(segmentBytes: number): C.ControlMessage {
  const data = new Uint8Array(2);
  new DataView(data.buffer).setUint16(0, segmentBytes, true);
  return { level: C.IPPROTO_UDP, type: C.UDP_SEGMENT, data };
}

/**
 * The control data of a request.
 * @param to where the message goes, whose family decides on the form; `undefined` for local sockets
 * @throws {TypeError} for whatever is malformed or does not belong to this kind of socket, before any system call but
 * the lookup of an interface's name
 */
export function encodeAncillary(
  request: AncillaryRequest,
  kind: MessageKind,
  to: SocketAddr | undefined,
): Uint8Array | undefined {
  if (typeof request !== "object" || request === null) {
    throw new TypeError(`ancillary: expected an object, got ${show(request)}`);
  }
  for (const [key, value] of Object.entries(request)) {
    const kinds = Object.hasOwn(KNOWN, key) ? KNOWN[key as keyof AncillaryRequest] : undefined;
    if (kinds === undefined) {
      throw new TypeError(`ancillary: expected one of ${Object.keys(KNOWN).join(", ")}, got ${show(key)}`);
    }
    if (value !== undefined && !kinds.includes(kind)) {
      throw new TypeError(
        `ancillary.${key}: not for ${kind === "unix" ? "local" : kind === "packet" ? "packet" : "IP"} sockets`,
      );
    }
  }
  const { ttl, tos, segmentBytes, fds, credentials, others } = request;
  const ipv4 = to !== undefined && asIpv4(to.ip) !== undefined;
  const messages: C.ControlMessage[] = [];
  if (request.source !== undefined || request.interface !== undefined) {
    messages.push(packetInfo(request, ipv4));
  }
  if (ttl !== undefined) {
    const data = intBytes(checkWhole("ttl", ttl, 1, 255));
    messages.push(
      ipv4
        ? { level: C.IPPROTO_IP, type: C.IP_TTL, data }
        : { level: C.IPPROTO_IPV6, type: C.IPV6_HOPLIMIT, data },
    );
  }
  if (tos !== undefined) {
    const data = intBytes(checkWhole("tos", tos, 0, 255));
    messages.push(
      ipv4
        ? { level: C.IPPROTO_IP, type: C.IP_TOS, data }
        : { level: C.IPPROTO_IPV6, type: C.IPV6_TCLASS, data },
    );
  }
  if (segmentBytes !== undefined) {
    messages.push(segmentMessage(checkWhole("segmentBytes", segmentBytes, 1, 65535)));
  }
  if (fds !== undefined) messages.push(rights(fds));
  if (credentials !== undefined) messages.push(ucred(credentials));
  if (others !== undefined) messages.push(...asTheyAre(others));
  return messages.length === 0 ? undefined : C.encodeControl(messages);
}

/** Ancillary data being put together. */
type Draft = { -readonly [Key in keyof Ancillary]: Ancillary[Key] };

/** One kind of control message: how it enters the result, unless it was cut to less than `size` (MSG_CTRUNC). */
interface Reader {
  readonly size: number;
  read(data: Uint8Array, draft: Draft): void;
}

function nanoseconds(data: Uint8Array): bigint {
  const { tv_sec, tv_nsec } = C.timespec.decode(data);
  return tv_sec * 1_000_000_000n + tv_nsec;
}

const key = (level: number, type: number): number => level * 65536 + type;

const reader = (size: number, read: Reader["read"]): Reader => ({ size, read });

const ttl = reader(4, (data, draft) => {
  draft.ttl = readInt(data);
});
const tos = reader(1, (data, draft) => {
  draft.tos = readInt(data);
});

const READERS: ReadonlyMap<number, Reader> = new Map<number, Reader>([
  [
    key(C.IPPROTO_IP, C.IP_PKTINFO),
    reader(C.in_pktinfo.size, (data, draft) => {
      const { ipi_addr, ipi_spec_dst, ipi_ifindex } = C.in_pktinfo.decode(data);
      draft.destination = {
        ip: Ipv4Addr.fromBytes(ipi_addr),
        localIp: Ipv4Addr.fromBytes(ipi_spec_dst),
        interfaceIndex: ipi_ifindex,
      };
    }),
  ],
  [
    key(C.IPPROTO_IPV6, C.IPV6_PKTINFO),
    reader(C.in6_pktinfo.size, (data, draft) => {
      const { ipi6_addr, ipi6_ifindex } = C.in6_pktinfo.decode(data);
      draft.destination = {
        ip: Ipv6Addr.fromBytes(ipi6_addr),
        localIp: undefined,
        interfaceIndex: ipi6_ifindex,
      };
    }),
  ],
  [key(C.IPPROTO_IP, C.IP_TTL), ttl],
  [key(C.IPPROTO_IPV6, C.IPV6_HOPLIMIT), ttl],
  [key(C.IPPROTO_IP, C.IP_TOS), tos],
  [key(C.IPPROTO_IPV6, C.IPV6_TCLASS), tos],
  [
    key(C.SOL_SOCKET, C.SO_TIMESTAMPNS),
    reader(C.timespec.size, (data, draft) => {
      draft.timestampNs = nanoseconds(data);
    }),
  ],
  [
    key(C.SOL_SOCKET, C.SO_TIMESTAMPING),
    reader(3 * C.timespec.size, (data, draft) => {
      const size = C.timespec.size;
      const [software, , hardware] = [0, 1, 2].map((i) =>
        nanoseconds(data.subarray(i * size, (i + 1) * size)),
      );
      draft.timestamps = { softwareNs: software || undefined, hardwareNs: hardware || undefined };
    }),
  ],
  [
    key(C.IPPROTO_UDP, C.UDP_GRO),
    reader(4, (data, draft) => {
      draft.segmentBytes = readInt(data);
    }),
  ],
  [
    key(C.SOL_SOCKET, C.SO_RXQ_OVFL),
    reader(4, (data, draft) => {
      draft.drops = readInt(data) >>> 0;
    }),
  ],
  [
    key(C.SOL_PACKET, C.PACKET_AUXDATA),
    reader(C.tpacket_auxdata.size, (data, draft) => {
      draft.packet = packetInfoOf(data);
    }),
  ],
  [
    key(C.SOL_SOCKET, C.SCM_CREDENTIALS),
    reader(C.ucred.size, (data, draft) => {
      draft.credentials = C.ucred.decode(data);
    }),
  ],
]);

/** The numbers in an SCM_RIGHTS message. */
function passedFds(data: Uint8Array): number[] {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  return Array.from({ length: data.length >> 2 }, (_, i) => view.getInt32(i * 4, true));
}

/** The typed form of control data that was received. Every fd in it has an owner when this returns. */
export function decodeAncillary(control: Uint8Array): Ancillary {
  const draft: Draft = {};
  if (control.length === 0) return draft;
  const fds: OwnedFd[] = [];
  const others: C.ControlMessage[] = [];
  for (const message of C.decodeControl(control)) {
    const { level, type, data } = message;
    if (level === C.SOL_SOCKET && type === C.SCM_RIGHTS) {
      for (const fd of passedFds(data)) fds.push(OwnedFd.of(fd));
      continue;
    }
    if (level === C.SOL_SOCKET && type === C.SCM_PIDFD) {
      for (const fd of passedFds(data)) if (fd >= 0) draft.pidfd = OwnedFd.of(fd); // -ESRCH where the process is gone
      continue;
    }
    const known = READERS.get(key(level, type));
    if (known === undefined || data.length < known.size) others.push({ level, type, data: data.slice() });
    else known.read(data, draft);
  }
  if (fds.length > 0) draft.fds = fds;
  if (others.length > 0) draft.others = others;
  return draft;
}
