/** Requests of inet_diag: a dump, one socket, or its end. */
import { statSync } from "node:fs";
import { concatBytes } from "../../bytes/index.ts";
import { SocketAddr } from "../../ip/index.ts";
import { errno, if_nametoindex, SysError } from "../../sys/index.ts";
import type { Device } from "../_values.ts";
import { encodeAttribute } from "../attributes.ts";
import type { NetlinkRequest, NetlinkSocket } from "../netlink_socket.ts";
import { compileSocketFilter, type FilterNames } from "./_bytecode.ts";
import { wantedBits } from "./_families.ts";
import * as D from "./_inet_constants.ts";
import { parseSocketFilter } from "./_inet_filter_words.ts";
import type { InetProtocol, InetSocket } from "./inet_socket.ts";
import type { ParsedFilter, SocketFilter } from "./socket_filter.ts";
import { stateMask, type TcpState } from "./tcp_state.ts";

/** What is only told on request, by the name of the field that has it: bits of idiag_ext. */
const EXTENSIONS = {
  memoryUse: 1 << (D.INET_DIAG_MEMINFO - 1),
  info: 1 << (D.INET_DIAG_INFO - 1),
  congestionInfo: 1 << (D.INET_DIAG_VEGASINFO - 1),
  congestionControl: 1 << (D.INET_DIAG_CONG - 1),
  tos: 1 << (D.INET_DIAG_TOS - 1),
  trafficClass: 1 << (D.INET_DIAG_TCLASS - 1),
  memory: 1 << (D.INET_DIAG_SKMEMINFO - 1),
} as const;

/** What is only told on request: the name of the field that has it. */
export type Extension = keyof typeof EXTENSIONS;

/** All that can be asked for. */
export const EXTENSION_NAMES = Object.keys(EXTENSIONS) as readonly Extension[];

interface DumpWishes {
  readonly states?: readonly TcpState[] | undefined;
  readonly family?: "ipv4" | "ipv6" | undefined;
  readonly filter?: SocketFilter | string | undefined;
  readonly with?: readonly Extension[] | undefined;
}

const FAMILIES = { ipv4: D.AF_INET, ipv6: D.AF_INET6 } as const;
/** Where the kernel looks for cgroups (v2): as systemd mounts them, alone or beside those of v1. */
const CGROUP_ROOTS = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];

/** One request for each family. @throws {TypeError | RangeError | SysError} */
export function dumpRequests(
  netlink: NetlinkSocket,
  protocol: InetProtocol,
  wishes: DumpWishes,
  names: FilterNames = namesOf(netlink),
): NetlinkRequest[] {
  const { families, states, extensions, attributes } = compiled(protocol, wishes, names);
  return families.map((family) => {
    const header = headerOf(FAMILIES[family], protocol, states);
    header[2] = extensions;
    return requestOf(D.SOCK_DIAG_BY_FAMILY, protocol, header, attributes);
  });
}

/**
 * TCP of both families in one request, by which the kernel goes through its table once: in the form of before Linux 3.3.
 * `undefined` where one family is wanted.
 * @throws as {@link dumpRequests}
 */
export function dumpRequestOfBoth(wishes: DumpWishes, names: FilterNames): NetlinkRequest | undefined {
  const { families, states, extensions, attributes } = compiled("tcp", wishes, names);
  if (families.length < 2) return undefined;
  const header = new Uint8Array(D.OLD_REQ_LEN);
  header[D.OLD_REQ_EXT] = extensions;
  new DataView(header.buffer).setUint32(D.OLD_REQ_STATES, states, true);
  return {
    type: D.TCPDIAG_GETSOCK,
    payload: concatBytes([header, ...attributes]),
    headerLength: D.OLD_REQ_LEN,
    name: "TCPDIAG_GETSOCK",
    subject: "tcp",
  };
}

interface Compiled {
  readonly families: readonly (keyof typeof FAMILIES)[];
  readonly states: number;
  readonly extensions: number;
  readonly attributes: readonly Uint8Array[];
}

function compiled(protocol: InetProtocol, wishes: DumpWishes, names: FilterNames): Compiled {
  const said = filterOf(protocol, wishes.filter);
  const mask = stateMask(wishes.states) & stateMask(said.states);
  const program = said.filter === undefined ? undefined : compileSocketFilter(said.filter, names);
  const attributes =
    program === undefined || program.length === 0
      ? []
      : [encodeAttribute({ type: D.INET_DIAG_REQ_BYTECODE, data: program })];
  return {
    families: familiesOf(wishes.family, said.family),
    states: mask >>> 0,
    extensions: wantedBits(EXTENSIONS, wishes.with),
    attributes,
  };
}

function filterOf(protocol: InetProtocol, filter: SocketFilter | string | undefined): ParsedFilter {
  if (filter === undefined) return {};
  if (typeof filter !== "string") return { filter };
  return parseSocketFilter(filter, { protocol: protocol.startsWith("udp") ? "udp" : "tcp" });
}

function familiesOf(...wanted: readonly (keyof typeof FAMILIES | undefined)[]): (keyof typeof FAMILIES)[] {
  for (const family of wanted) {
    if (family !== undefined && !Object.hasOwn(FAMILIES, family)) {
      throw new TypeError(`family: expected "ipv4" or "ipv6", got ${String(family)}`);
    }
  }
  return (["ipv4", "ipv6"] as const).filter((family) =>
    wanted.every((one) => one === undefined || one === family),
  );
}

/** Which socket is meant: both ends, the interface, and its cookie where it is known. */
export interface Identity {
  readonly local: SocketAddr;
  readonly peer: SocketAddr;
  readonly device: number;
  readonly cookie: bigint | undefined;
}

/** A request for one socket. @throws {TypeError} where the ends are of different families */
export function exactRequest(
  protocol: InetProtocol,
  { local, peer, device, cookie }: Identity,
  wanted: readonly Extension[] | undefined,
): NetlinkRequest {
  if (local.family !== peer.family) {
    throw new TypeError(`peer: expected an address of the family of ${local}, got ${peer}`);
  }
  const header = headerOf(FAMILIES[local.family], protocol, 0xffff_ffff);
  header[2] = wantedBits(EXTENSIONS, wanted);
  // udp_diag looks with the two ends exchanged, "for historical reasons" (net/ipv4/udp_diag.c).
  const [src, dst] = protocol === "udp" || protocol === "udplite" ? [peer, local] : [local, peer];
  putIdentity(header, src, dst, device, cookie);
  return requestOf(D.SOCK_DIAG_BY_FAMILY, protocol, header, []);
}

/** A request to end a socket. */
export function destroyRequest({
  protocol,
  localAddr,
  peerAddr,
  device,
  cookie,
}: InetSocket): NetlinkRequest {
  const header = headerOf(FAMILIES[localAddr.family], protocol, 0xffff_ffff);
  putIdentity(header, localAddr, peerAddr, device, cookie);
  return {
    ...requestOf(D.SOCK_DESTROY, protocol, header, []),
    name: "SOCK_DESTROY",
    subject: `${protocol} ${localAddr} ${peerAddr}`,
  };
}

function headerOf(family: number, protocol: InetProtocol, states: number): Uint8Array {
  if (!Object.hasOwn(D.PROTOCOLS, protocol)) {
    throw new TypeError(`protocol: expected ${Object.keys(D.PROTOCOLS).join(", ")}, got ${String(protocol)}`);
  }
  const header = new Uint8Array(D.REQ_LEN);
  header[0] = family;
  header[1] = protocol === "mptcp" ? 0 : D.PROTOCOLS[protocol]; // does not fit: an attribute has it
  new DataView(header.buffer).setUint32(4, states, true);
  return header;
}

function putIdentity(
  header: Uint8Array,
  src: SocketAddr,
  dst: SocketAddr,
  device: number,
  cookie: bigint | undefined,
): void {
  const view = new DataView(header.buffer, D.REQ_ID);
  view.setUint16(D.ID_SPORT, src.port);
  view.setUint16(D.ID_DPORT, dst.port);
  header.set(src.ip.toBytes(), D.REQ_ID + D.ID_SRC);
  header.set(dst.ip.toBytes(), D.REQ_ID + D.ID_DST);
  view.setUint32(D.ID_IF, device, true);
  view.setBigUint64(D.ID_COOKIE, cookie ?? 0xffff_ffff_ffff_ffffn, true); // INET_DIAG_NOCOOKIE
}

function requestOf(
  type: number,
  protocol: InetProtocol,
  header: Uint8Array,
  attributes: readonly Uint8Array[],
): NetlinkRequest {
  const number = D.PROTOCOLS[protocol];
  const beyond =
    number <= 0xff
      ? []
      : [
          encodeAttribute({
            type: D.INET_DIAG_REQ_PROTOCOL,
            data: new Uint8Array(Uint32Array.of(number).buffer),
          }),
        ];
  return {
    type,
    payload: concatBytes([header, ...beyond, ...attributes]),
    headerLength: D.REQ_LEN,
    name: "SOCK_DIAG_BY_FAMILY",
    subject: protocol,
  };
}

/** @throws {TypeError | AddressError} */
export function addrOf(value: SocketAddr | string, where: string): SocketAddr {
  if (value instanceof SocketAddr) return value;
  if (typeof value === "string") return SocketAddr.parse(value);
  throw new TypeError(`${where}: expected a SocketAddr or a string, got ${String(value)}`);
}

/** The number of an interface. @throws {TypeError | RangeError | SysError} */
export function deviceIndexOf(netlink: NetlinkSocket, device: Device): number {
  if (typeof device === "string") return namesOf(netlink).deviceIndex(device);
  if (typeof device !== "number") {
    throw new TypeError(`device: expected an interface's name or number, got ${String(device)}`);
  }
  if (Number.isInteger(device) && device >= 0 && device <= 0x7fff_ffff) return device;
  throw new RangeError(`device: expected an integer 0 … ${0x7fff_ffff}, got ${device}`);
}

/** What filters name, as it is in the namespace of a socket. */
export function namesOf(netlink: NetlinkSocket): FilterNames {
  return {
    deviceIndex: (name) => {
      const index = netlink.inNamespace(() => if_nametoindex(name));
      if (index > 0) return index;
      if (/^(0[xX][0-9a-fA-F]{1,8}|\d{1,9})$/.test(name)) return Number(name); // no name: a number, as ss takes it
      throw new SysError(index, "if_nametoindex", {
        address: name,
        hint: `there is no network interface named ${JSON.stringify(name)}`,
      });
    },
    cgroupId,
  };
}

/** The number of a cgroup is the inode of its folder. */
function cgroupId(path: string): bigint {
  for (const root of path.startsWith("/") ? [""] : CGROUP_ROOTS) {
    const found = statSync(root === "" ? path : `${root}/${path}`, { bigint: true, throwIfNoEntry: false });
    if (found !== undefined) return found.ino;
  }
  throw new SysError(errno.ENOENT, "stat", {
    address: path,
    hint: `there is no cgroup (v2) ${JSON.stringify(path)}`,
  });
}
