/** Listing, finding and ending internet sockets, and hearing of their end. */
import { type IpAddr, SocketAddr } from "../../ip/index.ts";
import { checkWait, errno, type WaitOptions } from "../../sys/index.ts";
import type { Device } from "../_values.ts";
import type { Message } from "../message.ts";
import { NetlinkError } from "../netlink_error.ts";
import { NetlinkEvents, type OVERRUN } from "../netlink_events.ts";
import type { DumpOptions, NetlinkSocket } from "../netlink_socket.ts";
import type { DiagModule } from "./_families.ts";
import { PROTOCOLS, SOCK_DIAG_BY_FAMILY } from "./_inet_constants.ts";
import {
  addrOf,
  destroyRequest,
  deviceIndexOf,
  dumpRequests,
  type Extension,
  exactRequest,
} from "./_inet_request.ts";
import { decodeInetSocket, type InetProtocol, type InetSocket } from "./inet_socket.ts";
import type { SocketFilter } from "./socket_filter.ts";
import type { TcpState } from "./tcp_state.ts";

export interface InetListOptions extends DumpOptions {
  /** All unless told. */
  readonly states?: readonly TcpState[] | undefined;
  /** Both unless told. */
  readonly family?: "ipv4" | "ipv6" | undefined;
  /** Applied by the kernel: an object, or ss's words, as `"dport = :443 and src 10.0.0.0/8"`. */
  readonly filter?: SocketFilter | string | undefined;
  /** What is to be told besides what always is; all unless told. */
  readonly with?: readonly Extension[] | undefined;
}

/** Which socket {@link DiagSocket.find} looks for. */
export interface FindOptions extends WaitOptions {
  /** `"tcp"` unless told. */
  readonly protocol?: InetProtocol | undefined;
  readonly local: SocketAddr | string;
  /** Left out: the socket that would hear a stranger's packet to `local`. */
  readonly peer?: SocketAddr | string | undefined;
  /**
   * The interface that the packet comes in by, by name or number, which matters for sockets that are bound to one; the zone
   * of a link-local address unless told.
   */
  readonly device?: Device | undefined;
  readonly with?: readonly Extension[] | undefined;
}

export interface DestroyedOptions extends WaitOptions {
  /** Both unless told. */
  readonly protocol?: "tcp" | "udp" | undefined;
  /** Room for what has not been read, in bytes; the system's default unless told. */
  readonly receiveBufferBytes?: number | undefined;
}

/** Sockets that have ended, each as it was at last. */
export type Destroyed = AsyncGenerator<InetSocket | typeof OVERRUN, never, void>;

const FIRST_CHUNK = 4096;
const CHUNK = 256 * 1024;

/** Copies of messages, one behind the other in a few large arrays: a small array of its own for each costs more. */
class Keep {
  #chunk = new Uint8Array(0);
  #used = 0;
  /** Where the last one is. */
  start = 0;

  /** @returns what the message lies in now, from `start` on */
  add({ bytes, start, end }: Message): Uint8Array {
    const length = end - start;
    if (this.#used + length > this.#chunk.length) {
      const size = this.#chunk.length === 0 ? FIRST_CHUNK : Math.min(this.#chunk.length * 4, CHUNK);
      this.#chunk = new Uint8Array(Math.max(size, length));
      this.#used = 0;
    }
    this.#chunk.set(bytes.subarray(start, end), this.#used);
    this.start = this.#used;
    this.#used += (length + 7) & ~7;
    return this.#chunk;
  }
}

export async function listInet(
  netlink: NetlinkSocket,
  protocol: InetProtocol,
  options: InetListOptions = {},
): Promise<InetSocket[]> {
  const lists: InetSocket[][] = [];
  for (const request of dumpRequests(netlink, protocol, options)) {
    const keep = new Keep();
    const take = (message: Message): InetSocket => {
      const bytes = keep.add(message);
      return decodeInetSocket(bytes, protocol, keep.start, keep.start + message.end - message.start);
    };
    lists.push(await explained(protocol, netlink.dump(request, take, options)));
  }
  return lists.length === 1 ? (lists[0] as InetSocket[]) : lists.flat();
}

export async function findInet(
  netlink: NetlinkSocket,
  options: FindOptions,
): Promise<InetSocket | undefined> {
  const { protocol = "tcp" } = options;
  const local = addrOf(options.local, "local");
  const none = SocketAddr.of(local.family === "ipv4" ? "0.0.0.0" : "::", 0);
  const peer = options.peer === undefined ? none : addrOf(options.peer, "peer");
  const device = deviceIndexOf(netlink, options.device ?? local.zone ?? peer.zone ?? 0);
  const request = exactRequest(protocol, { local, peer, device, cookie: undefined }, options.with);
  let found: InetSocket | undefined;
  const take = ({ bytes, start, end }: Message): void => {
    found = decodeInetSocket(bytes.slice(start, end), protocol);
  };
  try {
    await netlink.request(request, take, options);
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.errno !== errno.ENOENT) throw error;
    // So does the kernel answer for a protocol, too, of whose sockets it cannot tell.
    if (protocol !== "tcp") await listInet(netlink, protocol, { states: [], signal: options.signal });
    return undefined;
  }
  // Where no connection has these ends, the kernel gives whoever listens at the local one.
  if (found === undefined || options.peer === undefined) return found;
  return sameEnd(found.localAddr, local) && sameEnd(found.peerAddr, peer) ? found : undefined;
}

/** Whether they are one address and port; an IPv6 socket shows an IPv4 address as a mapped one. */
function sameEnd(a: SocketAddr, b: SocketAddr): boolean {
  return a.port === b.port && plain(a.ip).equals(plain(b.ip));
}

function plain(ip: IpAddr): IpAddr {
  return ip.version === 4 ? ip : (ip.toIpv4Mapped() ?? ip);
}

export async function destroyInet(
  netlink: NetlinkSocket,
  socket: InetSocket,
  options: WaitOptions | undefined,
): Promise<void> {
  if (!(socket?.localAddr instanceof SocketAddr)) {
    throw new TypeError(`socket: expected an InetSocket, got ${String(socket)}`);
  }
  try {
    await netlink.request(destroyRequest(socket), undefined, options);
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    const hint =
      error.errno === errno.EOPNOTSUPP
        ? "this kernel cannot end sockets of this kind or in this state, or is built without CONFIG_INET_DIAG_DESTROY"
        : error.errno === errno.ENOENT
          ? "there is no such socket any more"
          : undefined;
    throw hint === undefined ? error : withHint(error, hint);
  }
}

/** The multicast groups of include/uapi/linux/sock_diag.h: SKNLGRP_INET_TCP_DESTROY … SKNLGRP_INET6_UDP_DESTROY. */
const DESTROY_GROUPS = { tcp: [1, 3], udp: [2, 4] } as const;

export function destroyedInet(netlink: NetlinkSocket, options: DestroyedOptions): Destroyed {
  const { protocol, receiveBufferBytes } = options;
  if (protocol !== undefined && !Object.hasOwn(DESTROY_GROUPS, protocol)) {
    throw new TypeError(`protocol: expected "tcp" or "udp", got ${String(protocol)}`);
  }
  if (options.signal?.aborted !== true) checkWait(options); // else the first look rejects
  const groups = protocol === undefined ? [1, 2, 3, 4] : DESTROY_GROUPS[protocol];
  const events = netlink.inNamespace(() => NetlinkEvents.open("sockDiag", { groups, receiveBufferBytes }));
  const told = follow(events, options);
  // Ended before it is asked for the first time, it does not come to its `finally`; ended while it waits, only after the next event.
  const { return: end } = told;
  told.return = (value) => {
    events.close();
    return end.call(told, value);
  };
  return told;
}

async function* follow(events: NetlinkEvents, options: DestroyedOptions): Destroyed {
  try {
    for (;;) yield* await events.next(lastWords, options);
  } finally {
    events.close();
  }
}

function lastWords({ type, bytes, start, end }: Message): InetSocket | undefined {
  if (type !== SOCK_DIAG_BY_FAMILY) return undefined;
  const socket = decodeInetSocket(bytes.slice(start, end), "tcp");
  return socket.ipProtocol === PROTOCOLS.udp ? decodeInetSocket(bytes.slice(start, end), "udp") : socket;
}

/** Says which part of the kernel is missing where it cannot tell of a protocol. */
export async function explained<T>(protocol: InetProtocol, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.errno !== errno.ENOENT) throw error;
    const module = MODULES[protocol];
    throw withHint(error, `this kernel has no module ${module.name} (${module.config}), or may not load it`);
  }
}

const MODULES: Readonly<Record<InetProtocol, DiagModule>> = {
  tcp: { name: "tcp_diag", config: "CONFIG_INET_TCP_DIAG" },
  udp: { name: "udp_diag", config: "CONFIG_INET_UDP_DIAG" },
  udplite: { name: "udp_diag", config: "CONFIG_INET_UDP_DIAG" },
  raw: { name: "raw_diag", config: "CONFIG_INET_RAW_DIAG" },
  sctp: { name: "sctp_diag", config: "CONFIG_INET_SCTP_DIAG" },
  dccp: { name: "dccp_diag", config: "CONFIG_INET_DCCP_DIAG" },
  mptcp: { name: "mptcp_diag", config: "CONFIG_INET_MPTCP_DIAG" },
};

function withHint(error: NetlinkError, hint: string): NetlinkError {
  return new NetlinkError(error.errno, error.syscall, error.extendedAck, hint, error.address);
}
