/** A filter's answer for the sockets that the kernel cannot filter: local, packet and netlink ones, and raw ones of /proc. */
import { type IpAddr, IpPrefix } from "../../ip/index.ts";
import type { Comparison, HostTest, OtherHostTest, SocketFilter } from "../../netlink/diag/index.ts";
import {
  cgroupPath,
  deviceName,
  isEphemeral,
  linkProtocolNumber,
  netlinkNumber,
  netlinkProtocolText,
} from "./names.ts";
import { type AnySocket, unixName } from "./rows.ts";

export function matches(filter: SocketFilter, socket: AnySocket): boolean {
  if ("and" in filter) return filter.and.every((one) => matches(one, socket));
  if ("or" in filter) return filter.or.some((one) => matches(one, socket));
  if ("not" in filter) return !matches(filter.not, socket);
  if ("src" in filter) return hasEnd(filter.src, socket, "local");
  if ("dst" in filter) return hasEnd(filter.dst, socket, "peer");
  if ("sport" in filter) return "localPort" in socket && compare(socket.localPort, filter.sport);
  if ("dport" in filter) return "peerPort" in socket && compare(socket.peerPort, filter.dport);
  if ("device" in filter) return isOn(socket, filter.device);
  if ("autobound" in filter) return isAutobound(socket);
  if ("mark" in filter)
    return "mark" in socket && ((socket.mark ?? 0) & (filter.mask ?? -1)) >>> 0 === filter.mark;
  if (!("cgroup" in socket) || socket.cgroup === undefined) return false;
  if (typeof filter.cgroup === "bigint") return socket.cgroup === filter.cgroup;
  const bare = (path: string | undefined): string | undefined => path?.replace(/^\/+|\/+$/g, "");
  return bare(cgroupPath(socket.cgroup)) === bare(filter.cgroup);
}

/** Whether ports that the kernel chose are asked for: it takes those of accepted connections for such, and ss(8) does not. */
export function asksAutobound(filter: SocketFilter): boolean {
  if ("not" in filter) return asksAutobound(filter.not);
  const parts = "and" in filter ? filter.and : "or" in filter ? filter.or : undefined;
  return parts === undefined ? "autobound" in filter : parts.some(asksAutobound);
}

function compare(
  port: number,
  { is, port: than }: { readonly is: Comparison; readonly port: number },
): boolean {
  switch (is) {
    case "=":
      return port === than;
    case "!=":
      return port !== than;
    case "<":
      return port < than;
    case "<=":
      return port <= than;
    case ">":
      return port > than;
    default:
      return port >= than;
  }
}

function hasEnd(test: HostTest | OtherHostTest, socket: AnySocket, end: "local" | "peer"): boolean {
  if (!("family" in test)) {
    if (!("localPort" in socket)) return false;
    const addr = end === "local" ? socket.localAddr : socket.peerAddr;
    return (test.port === undefined || test.port === addr.port) && isIn(addr.ip, test.ip);
  }
  const { address, port } = test;
  switch (socket.family) {
    case "unix":
      if (test.family !== "unix") return false;
      // Nobody is told what a peer is bound to.
      return address === undefined || glob(address).test(end === "local" ? (unixName(socket) ?? "") : "");
    case "packet":
      if (test.family !== "link") return false;
      if (end === "peer") return address === undefined && port === undefined;
      return (
        (address === undefined || linkProtocolNumber(address) === socket.protocol) &&
        (port === undefined || isOn(socket, port))
      );
    case "netlink":
      if (test.family !== "netlink") return false;
      if (end === "peer") return address === undefined && port === undefined;
      return (
        (address === undefined || isNetlink(address, socket.protocol)) &&
        (port === undefined || (port === "kernel" ? 0 : Number(port)) === (socket.portId | 0))
      );
    default:
      return false;
  }
}

function isNetlink(word: string, protocol: string | number): boolean {
  return word === netlinkProtocolText(protocol, false) || Number(word) === netlinkNumber(protocol);
}

/** An IPv4 network also holds the IPv4-mapped addresses of IPv6 sockets. */
function isIn(ip: IpAddr, wanted: HostTest["ip"]): boolean {
  if (wanted === undefined) return true;
  const prefix = wanted instanceof IpPrefix ? wanted : IpPrefix.of(wanted, wanted.bitLength);
  const same = ip.version === 6 && prefix.addr.version === 4 ? ip.toIpv4Mapped() : ip;
  return same !== undefined && same.version === prefix.addr.version && prefix.contains(same);
}

function isOn(socket: AnySocket, device: string | number): boolean {
  if (!("device" in socket) || socket.device === undefined) return false;
  if (typeof device === "number") return socket.device === device;
  return deviceName(socket.device) === device || `${socket.device}` === device;
}

/** The kernel's own choice of a name for a local socket: five hexadecimal digits. man 7 unix, "Autobind feature" */
const AUTOBIND = /^@[\da-f]{5}$/;

function isAutobound(socket: AnySocket): boolean {
  switch (socket.family) {
    case "unix": {
      const name = unixName(socket);
      return name === undefined || AUTOBIND.test(name);
    }
    case "packet":
      return (socket.device ?? 0) === 0 && socket.protocol === 0;
    case "netlink":
      return (socket.portId | 0) < 0;
    default:
      return isEphemeral(socket.localPort);
  }
}

/** A pattern of fnmatch(3), whatever the letters' case. */
function glob(pattern: string): RegExp {
  let text = "";
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at] as string;
    const end = char === "[" ? pattern.indexOf("]", at + 2) : -1;
    if (char === "*") text += ".*";
    else if (char === "?") text += ".";
    else if (end > 0) {
      const inner = pattern
        .slice(at + 1, end)
        .replace(/[\\\]^]/g, "\\$&")
        .replace(/^(?:!|\\\^)/, "^");
      text += `[${inner}]`;
      at = end;
    } else {
      const plain = char === "\\" && at + 1 < pattern.length ? (pattern[++at] as string) : char;
      text += plain.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
    }
  }
  return new RegExp(`^${text}$`, "is");
}
