/** Filters of sockets, which the kernel applies while it dumps: as objects, and from ss's words. */
import type { IpAddr, IpPrefix } from "../../ip/index.ts";
import type { TcpState } from "./tcp_state.ts";

export type Comparison = "=" | "!=" | "<" | "<=" | ">" | ">=";

/** A port that is compared with. */
export interface PortTest {
  readonly is: Comparison;
  readonly port: number;
}

/** An address, or the network that it is in, with a port; what is left out may be any. */
export interface HostTest {
  /** An IPv4 network also holds the IPv4-mapped addresses of IPv6 sockets. */
  readonly ip?: IpPrefix | IpAddr | undefined;
  readonly port?: number | undefined;
}

/** Of sockets that are no internet sockets: ss's `FAMILY:ADDRESS[:PORT]`. No internet socket fits it. */
export interface OtherHostTest {
  readonly family: "unix" | "link" | "netlink" | "vsock";
  /** A pattern of names, for `"unix"`; a protocol, or a number; `undefined` for any. */
  readonly address: string | undefined;
  readonly port: string | undefined;
}

/** Which sockets are wanted. `src` and `sport` are the socket's own side, `dst` and `dport` the peer's. */
export type SocketFilter =
  | { readonly and: readonly SocketFilter[] }
  | { readonly or: readonly SocketFilter[] }
  | { readonly not: SocketFilter }
  | { readonly src: HostTest | OtherHostTest }
  | { readonly dst: HostTest | OtherHostTest }
  | { readonly sport: PortTest }
  | { readonly dport: PortTest }
  /** Bound to this interface, by name or number. */
  | { readonly device: string | number }
  /** SO_MARK, of whose bits only those of the mask count, all unless told. Needs CAP_NET_ADMIN. */
  | { readonly mark: number; readonly mask?: number | undefined }
  /** In this cgroup (v2): its path below /sys/fs/cgroup, or its number. */
  | { readonly cgroup: string | bigint }
  /** The port was chosen by the kernel. */
  | { readonly autobound: true };

/** What ss's filter words say. */
export interface ParsedFilter {
  /** Where states were named. */
  readonly states?: readonly TcpState[];
  /** Where an address was given with `inet:` or `inet6:`, which limits all. */
  readonly family?: "ipv4" | "ipv6";
  readonly filter?: SocketFilter;
}
