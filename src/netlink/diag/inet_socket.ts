/** InetSocket: one TCP, UDP or raw socket as the kernel tells of it, decoded field by field as it is read. */
import { WireError } from "../../bytes/index.ts";
import { Ipv4Addr, Ipv6Addr, SocketAddr } from "../../ip/index.ts";
import type { SkMemInfo, TcpInfo } from "../../sys/index.ts";
import { NLA_TYPE_MASK } from "../_constants.ts";
import { type Attribute, attributeOf, eachAttribute, get16, get32 } from "../attributes.ts";
import {
  CONGESTION_TYPES,
  type CongestionInfo,
  congestionInfo,
  congestionLength,
  type Md5Key,
  type MemoryUse,
  type MptcpInfo,
  md5Keys,
  memoryUse,
  mptcpInfo,
  type SocketFlag,
  sctpAddresses,
  socketFlags,
  socketMemoryAt,
  type UpperProtocol,
  upperProtocol,
} from "./_inet_attributes.ts";
import * as D from "./_inet_constants.ts";
import { type TcpCounts, tcpCountsAt, tcpInfoAt } from "./tcp_info.ts";
import { stateOf, type TcpState } from "./tcp_state.ts";

/** The protocol that a socket was asked for with. */
export type InetProtocol = "tcp" | "udp" | "udplite" | "raw" | "sctp" | "dccp" | "mptcp";

/** What a socket waits for until. */
export interface SocketTimer {
  /**
   * `"on"`: for an acknowledgement, before it sends again. `"persist"`: before it probes a closed window. A number: one of
   * a later kernel.
   */
  readonly kind: "on" | "keepalive" | "timewait" | "persist" | number;
  readonly expiresMs: number;
  /** How often it has run down since something was heard. */
  readonly retransmits: number;
}

const TIMERS = ["on", "keepalive", "timewait", "persist"] as const;

const CONGESTION_BITS = CONGESTION_TYPES.reduce((bits, type) => bits | (1 << type), 0);
/** Attributes whose data are good whatever they are. */
const ALWAYS_KNOWN = (1 << D.INET_DIAG_PAD) | (1 << D.INET_DIAG_CONG) | (1 << D.INET_DIAG_SKMEMINFO);

/**
 * One socket of a dump. What is asked for is decoded when it is read, from the bytes of the answer, which are kept for
 * as long as any of its sockets. What the kernel did not tell is `undefined`; some is only told on request (`with`), some only
 * with CAP_NET_ADMIN. {@link toJSON} gives all at once.
 */
export class InetSocket {
  readonly protocol: InetProtocol;
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #end: number;
  /** Which attributes there are: a bit for each type, bit 0 for all from 32 on. */
  readonly #present: number;

  private constructor(
    protocol: InetProtocol,
    bytes: Uint8Array,
    start: number,
    end: number,
    present: number,
  ) {
    this.protocol = protocol;
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.#present = present;
  }

  /** @internal See {@link decodeInetSocket}. */
  static at(protocol: InetProtocol, bytes: Uint8Array, start: number, end: number): InetSocket {
    if (end - start < D.MSG_LEN) {
      const expected = `expected an inet_diag_msg of ${D.MSG_LEN} bytes, got ${end - start}`;
      throw new WireError("TRUNCATED", "inet_diag", end, expected);
    }
    const family = bytes[start];
    if (family !== D.AF_INET && family !== D.AF_INET6) {
      throw new WireError("BAD_VALUE", "inet_diag", start, `expected AF_INET or AF_INET6, got ${family}`);
    }
    // Checked once: after that nothing that reads an attribute leaves the message.
    let present = 0;
    for (let at = start + D.MSG_LEN; at + 4 <= end; ) {
      const length = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
      if (length < 4 || at + length > end) {
        const expected = `expected an attribute of 4 … ${end - at} bytes, got ${length}`;
        throw new WireError("BAD_LENGTH", "inet_diag", at, expected);
      }
      const type = (bytes[at + 2] as number) | (((bytes[at + 3] as number) & 0x3f) << 8);
      present |= type < 32 ? 1 << type : 1;
      at += (length + 3) & ~3;
    }
    return new InetSocket(protocol, bytes, start, end, present);
  }

  get family(): "ipv4" | "ipv6" {
    return this.#bytes[this.#start] === D.AF_INET ? "ipv4" : "ipv6";
  }

  /** A number where it is of a later kernel. Half-open connections are `"syn-recv"`. */
  get state(): TcpState | number {
    return stateOf(this.#bytes[this.#start + D.MSG_STATE] as number);
  }

  /** A raw socket's "port" is its protocol's number. */
  get localAddr(): SocketAddr {
    return this.#addr(D.ID_SRC, this.localPort);
  }

  /** Unspecified, with port 0, where there is no peer. */
  get peerAddr(): SocketAddr {
    return this.#addr(D.ID_DST, this.peerPort);
  }

  get localPort(): number {
    return this.#port(D.ID_SPORT);
  }

  get peerPort(): number {
    return this.#port(D.ID_DPORT);
  }

  /** The interface that it is bound to; 0 for none. */
  get device(): number {
    return this.#u32(D.MSG_ID + D.ID_IF);
  }

  /** Bytes that the program has not read yet; of a listener, the connections that it has not accepted yet. */
  get receiveQueue(): number {
    return this.#u32(D.MSG_RQUEUE);
  }

  /** Bytes that the peer has not acknowledged yet; of a listener, how many connections may wait. */
  get sendQueue(): number {
    return this.#u32(D.MSG_WQUEUE);
  }

  get userId(): number {
    return this.#u32(D.MSG_UID);
  }

  /** As `socket:[…]` of /proc/PID/fd has it; 0 where no process has it (any more, or not yet). */
  get inode(): bigint {
    return BigInt(this.#u32(D.MSG_INODE));
  }

  /** The kernel's number of the socket, which no other is ever given. SO_COOKIE */
  get cookie(): bigint {
    const low = this.#u32(D.MSG_ID + D.ID_COOKIE);
    const high = this.#u32(D.MSG_ID + D.ID_COOKIE + 4);
    return high === 0 ? BigInt(low) : BigInt(low) | (BigInt(high) << 32n);
  }

  /** @internal As {@link cookie}: a number where it fits, which a Map finds faster. */
  get cookieKey(): number | bigint {
    return this.#u32(D.MSG_ID + D.ID_COOKIE + 4) === 0 ? this.#u32(D.MSG_ID + D.ID_COOKIE) : this.cookie;
  }

  get timer(): SocketTimer | undefined {
    const kind = this.#bytes[this.#start + D.MSG_TIMER] as number;
    if (kind === 0) return undefined;
    return {
      kind: TIMERS[kind - 1] ?? kind,
      expiresMs: this.#u32(D.MSG_EXPIRES),
      retransmits: this.#bytes[this.#start + D.MSG_RETRANS] as number,
    };
  }

  /** Whether an unconnected IPv6 socket takes no IPv4. */
  get v6Only(): boolean | undefined {
    const value = this.#octet(D.INET_DIAG_SKV6ONLY);
    return value === undefined ? undefined : value !== 0;
  }

  /** Of a raw socket: its protocol's number. */
  get ipProtocol(): number | undefined {
    return this.#octet(D.INET_DIAG_PROTOCOL);
  }

  /** With `"memory"`. */
  get memory(): SkMemInfo | undefined {
    const at = this.#find(D.INET_DIAG_SKMEMINFO);
    return at < 0 ? undefined : socketMemoryAt(this.#bytes, at + 4, at + this.#length(at));
  }

  /** With `"memoryUse"`. */
  get memoryUse(): MemoryUse | undefined {
    return this.#as(D.INET_DIAG_MEMINFO, memoryUse);
  }

  /** With `"info"`, of TCP: as `TcpStream.info()`. What the kernel lacks is `undefined`. */
  get info(): TcpInfo | undefined {
    if (this.protocol !== "tcp") return undefined;
    const at = this.#find(D.INET_DIAG_INFO);
    return at < 0 ? undefined : tcpInfoAt(this.#bytes, at + 4, at + this.#length(at));
  }

  /** @internal What of {@link info} tells how a connection does. */
  get counts(): TcpCounts | undefined {
    const at = this.#find(D.INET_DIAG_INFO);
    return at < 0 ? undefined : tcpCountsAt(this.#bytes, at + 4, at + this.#length(at));
  }

  /** With `"info"`, of MPTCP. */
  get mptcp(): MptcpInfo | undefined {
    return this.protocol === "mptcp" ? this.#as(D.INET_DIAG_INFO, mptcpInfo) : undefined;
  }

  /** With `"congestionControl"`: the algorithm's name. */
  get congestionControl(): string | undefined {
    const at = this.#find(D.INET_DIAG_CONG);
    return at < 0 ? undefined : textOf(this.#bytes, at + 4, at + this.#length(at));
  }

  /** With `"congestionInfo"`: what some algorithms tell of themselves. */
  get congestionInfo(): CongestionInfo | undefined {
    if ((this.#present & CONGESTION_BITS) === 0) return undefined;
    for (const type of CONGESTION_TYPES) {
      const at = this.#find(type);
      const info = at < 0 ? undefined : congestionInfo(type, this.#bytes, at + 4, at + this.#length(at));
      if (info !== undefined) return info;
    }
    return undefined;
  }

  /** With `"tos"`: IP_TOS, 0 … 255. */
  get tos(): number | undefined {
    return this.#octet(D.INET_DIAG_TOS);
  }

  /** With `"trafficClass"`: IPV6_TCLASS, 0 … 255. */
  get trafficClass(): number | undefined {
    return this.#octet(D.INET_DIAG_TCLASS);
  }

  /** With `"trafficClass"`: the net_cls cgroup's number, or SO_PRIORITY. */
  get classId(): number | undefined {
    return this.#word(D.INET_DIAG_CLASS_ID);
  }

  /** Which directions are shut down. */
  get shutdown(): { readonly read: boolean; readonly write: boolean } | undefined {
    const bits = this.#octet(D.INET_DIAG_SHUTDOWN);
    return bits === undefined ? undefined : { read: (bits & 1) !== 0, write: (bits & 2) !== 0 };
  }

  /** SO_MARK. Only told with CAP_NET_ADMIN. */
  get mark(): number | undefined {
    return this.#word(D.INET_DIAG_MARK);
  }

  /** The number of its cgroup (v2), which is the inode of the cgroup's folder. */
  get cgroup(): bigint | undefined {
    const at = this.#find(D.INET_DIAG_CGROUP_ID);
    if (at < 0 || this.#length(at) !== 12) return undefined;
    const high = get32(this.#bytes, at + 8);
    const low = BigInt(get32(this.#bytes, at + 4));
    return high === 0 ? low : low | (BigInt(high) << 32n);
  }

  /** Which of some socket options are on. */
  get options(): readonly SocketFlag[] | undefined {
    return this.#as(D.INET_DIAG_SOCKOPT, socketFlags);
  }

  /** What stands upon TCP in the kernel, as TLS, or MPTCP whose subflow this is. TLS is only told with CAP_NET_ADMIN. */
  get upperProtocol(): UpperProtocol | undefined {
    return this.#as(D.INET_DIAG_ULP_INFO, upperProtocol);
  }

  /** The keys of TCP MD5 (RFC 2385). Only told with CAP_NET_ADMIN. */
  get md5Keys(): readonly Md5Key[] | undefined {
    return this.#as(D.INET_DIAG_MD5SIG, md5Keys);
  }

  /** All addresses of an SCTP socket. */
  get localAddrs(): readonly SocketAddr[] | undefined {
    return this.#as(D.INET_DIAG_LOCALS, sctpAddresses);
  }

  /** All addresses of an SCTP socket's peer. */
  get peerAddrs(): readonly SocketAddr[] | undefined {
    return this.#as(D.INET_DIAG_PEERS, sctpAddresses);
  }

  /** Attributes that are not known here, or whose data are not what they should be. */
  get unknown(): readonly Attribute[] | undefined {
    if ((this.#present & ~ALWAYS_KNOWN) === 0) return undefined;
    let unknown: Attribute[] | undefined;
    eachAttribute(this.#bytes, this.#start + D.MSG_LEN, this.#end, (flagged, from, to) => {
      if (this.#knows(flagged & NLA_TYPE_MASK, to - from)) return;
      unknown ??= [];
      unknown.push(attributeOf(flagged, this.#bytes.subarray(from, to)));
    });
    return unknown;
  }

  /** Everything that is told, as a plain object that keeps nothing of the answer. */
  toJSON(): InetSocketFields {
    const fields: { -readonly [K in keyof InetSocketFields]: InetSocketFields[K] } = {
      protocol: this.protocol,
      family: this.family,
      state: this.state,
      localAddr: this.localAddr,
      peerAddr: this.peerAddr,
      device: this.device,
      receiveQueue: this.receiveQueue,
      sendQueue: this.sendQueue,
      userId: this.userId,
      inode: this.inode,
      cookie: this.cookie,
    };
    const timer = this.timer;
    if (timer !== undefined) fields.timer = timer;
    if (this.#present === 0) return fields; // half-open, or in TIME-WAIT
    for (const name of TOLD) {
      const value = this[name];
      if (value !== undefined) fields[name] = value as never;
    }
    return fields;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return `InetSocket(${this.protocol} ${this.state} ${this.localAddr} ${this.peerAddr})`;
  }

  #u32(at: number): number {
    return get32(this.#bytes, this.#start + at);
  }

  #port(at: number): number {
    const from = this.#start + D.MSG_ID + at;
    return ((this.#bytes[from] as number) << 8) | (this.#bytes[from + 1] as number);
  }

  #addr(at: number, port: number): SocketAddr {
    const from = this.#start + D.MSG_ID + at;
    const bytes = this.#bytes;
    if (bytes[this.#start] === D.AF_INET) {
      const [a, b, c, d] = [bytes[from], bytes[from + 1], bytes[from + 2], bytes[from + 3]] as [
        number,
        number,
        number,
        number,
      ];
      return SocketAddr.of(Ipv4Addr.fromU32(((a << 24) | (b << 16) | (c << 8) | d) >>> 0), port);
    }
    const ip = Ipv6Addr.fromBytes(bytes.subarray(from, from + 16));
    const zone = ip.isUnicastLinkLocal ? this.device : 0;
    return zone === 0 ? SocketAddr.of(ip, port) : SocketAddr.of(ip, port, { zone });
  }

  /** Where the attribute of a type begins; -1 where there is none. Of one that stands there twice the last counts. */
  #find(type: number): number {
    if ((this.#present & (1 << type)) === 0) return -1;
    const bytes = this.#bytes;
    const end = this.#end;
    let found = -1;
    for (let at = this.#start + D.MSG_LEN; at + 4 <= end; ) {
      const low = bytes[at + 2] as number;
      if (low === type && ((bytes[at + 3] as number) & 0x3f) === 0) found = at;
      at += (((bytes[at] as number) | ((bytes[at + 1] as number) << 8)) + 3) & ~3;
    }
    return found;
  }

  #length(at: number): number {
    return get16(this.#bytes, at);
  }

  #as<T>(
    type: number,
    decode: (bytes: Uint8Array, start: number, end: number) => T | undefined,
  ): T | undefined {
    const at = this.#find(type);
    return at < 0 ? undefined : decode(this.#bytes, at + 4, at + this.#length(at));
  }

  #octet(type: number): number | undefined {
    const at = this.#find(type);
    return at < 0 || this.#length(at) !== 5 ? undefined : this.#bytes[at + 4];
  }

  #word(type: number): number | undefined {
    const at = this.#find(type);
    return at < 0 || this.#length(at) !== 8 ? undefined : get32(this.#bytes, at + 4);
  }

  #knows(type: number, length: number): boolean {
    switch (type) {
      case D.INET_DIAG_PAD:
      case D.INET_DIAG_CONG:
      case D.INET_DIAG_SKMEMINFO:
        return true;
      case D.INET_DIAG_INFO:
        return this.protocol === "tcp" || this.protocol === "mptcp";
      case D.INET_DIAG_TOS:
      case D.INET_DIAG_TCLASS:
      case D.INET_DIAG_SHUTDOWN:
      case D.INET_DIAG_PROTOCOL:
      case D.INET_DIAG_SKV6ONLY:
        return length === 1;
      case D.INET_DIAG_MARK:
      case D.INET_DIAG_CLASS_ID:
        return length === 4;
      case D.INET_DIAG_CGROUP_ID:
        return length === 8;
      case D.INET_DIAG_MEMINFO:
        return length >= 16;
      case D.INET_DIAG_VEGASINFO:
      case D.INET_DIAG_DCTCPINFO:
      case D.INET_DIAG_BBRINFO:
        return length >= congestionLength(type);
      case D.INET_DIAG_SOCKOPT:
        return length >= 2;
      case D.INET_DIAG_ULP_INFO:
        return this.upperProtocol !== undefined;
      case D.INET_DIAG_MD5SIG:
        return this.md5Keys !== undefined;
      case D.INET_DIAG_LOCALS:
        return this.localAddrs !== undefined;
      case D.INET_DIAG_PEERS:
        return this.peerAddrs !== undefined;
      default:
        return false;
    }
  }
}

/** What attributes tell. */
const TOLD = [
  "v6Only",
  "ipProtocol",
  "memory",
  "memoryUse",
  "info",
  "mptcp",
  "congestionControl",
  "congestionInfo",
  "tos",
  "trafficClass",
  "classId",
  "shutdown",
  "mark",
  "cgroup",
  "options",
  "upperProtocol",
  "md5Keys",
  "localAddrs",
  "peerAddrs",
  "unknown",
] as const;

type Always =
  | "protocol"
  | "family"
  | "state"
  | "localAddr"
  | "peerAddr"
  | "device"
  | "receiveQueue"
  | "sendQueue"
  | "userId"
  | "inode"
  | "cookie";

/** An {@link InetSocket} as a plain object; what was not told is not there. */
export type InetSocketFields = Pick<InetSocket, Always> & {
  readonly [K in "timer" | (typeof TOLD)[number]]?: Exclude<InetSocket[K], undefined>;
};

/**
 * One socket from a `struct inet_diag_msg` and its attributes. The bytes are kept, not copied.
 * @throws {WireError} where they are none; nothing that is read of the socket later throws
 */
export function decodeInetSocket(
  bytes: Uint8Array,
  protocol: InetProtocol,
  start = 0,
  end: number = bytes.length,
): InetSocket {
  return InetSocket.at(protocol, bytes, start, end);
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let at = start; at < end && bytes[at] !== 0; at++) text += String.fromCharCode(bytes[at] as number);
  return text;
}
