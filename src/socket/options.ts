/** Socket options as typed rows: level, name, how the kernel's bytes are read, how a value is written. */
import * as C from "../sys/index.ts";

/** A value and the option that it is for, made by an option's `to(value)`: for what is set before connect or listen. */
export interface OptionSetting {
  readonly name: string;
  readonly level: number;
  readonly optname: number;
  readonly bytes: Uint8Array;
}

/** An option that getsockopt(2) reads. */
export interface ReadableOption<T> {
  /** The C name, such as `"TCP_NODELAY"`. */
  readonly name: string;
  readonly level: number;
  readonly optname: number;
  /** Room for the kernel's answer. */
  readonly size: number;
  /** @param bytes as many as the kernel filled */
  decode(bytes: Uint8Array): T;
}

/** An option that setsockopt(2) writes. */
export interface WritableOption<T> {
  readonly name: string;
  readonly level: number;
  readonly optname: number;
  /** @throws {TypeError | RangeError} for a value that does not fit, before any system call */
  readonly to: (value: T) => OptionSetting;
}

/** An option that is read and written. */
export type SocketOption<T, W = T> = ReadableOption<T> & WritableOption<W>;

/** How one type of value lies in the kernel's bytes. */
interface Codec<T, W = T> {
  readonly size: number;
  decode(bytes: Uint8Array): T;
  encode(value: W, name: string): Uint8Array;
}

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** Some options answer an int's question with one byte; bytes that the kernel did not fill are zero. */
function readInt(bytes: Uint8Array): number {
  return bytes.length >= 4 ? view(bytes).getInt32(0, true) : (bytes[0] ?? 0);
}

function writeInt(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  view(bytes).setInt32(0, value, true);
  return bytes;
}

const bool: Codec<boolean> = {
  size: 4,
  decode: (bytes) => readInt(bytes) !== 0,
  encode(value, name) {
    if (typeof value !== "boolean")
      throw new TypeError(`${name}: expected true or false, got ${String(value)}`);
    return writeInt(value ? 1 : 0);
  },
};

function integer(min: number, max: number, unit: string): Codec<number> {
  return {
    size: 4,
    decode: (bytes) => (max > 0x7fffffff ? readInt(bytes) >>> 0 : readInt(bytes)),
    encode(value, name) {
      if (typeof value !== "number")
        throw new TypeError(`${name}: expected a number (${unit}), got ${String(value)}`);
      if (!Number.isInteger(value) || value < min || value > max) {
        throw new RangeError(
          `${name}: expected a whole number from ${min} to ${max} (${unit}), got ${value}`,
        );
      }
      return writeInt(value | 0);
    },
  };
}

const INT_MAX = 0x7fffffff;
const int = integer(-INT_MAX - 1, INT_MAX, "an int");
const bytesCount = integer(0, INT_MAX, "bytes");
const seconds = integer(0, INT_MAX, "seconds");
const milliseconds = integer(0, INT_MAX, "milliseconds");
const count = integer(0, INT_MAX, "a count");
const octet = integer(0, 255, "an octet");
const hops = integer(1, 255, "hops");
const u32 = integer(0, 0xffffffff, "an unsigned int");

const u64: Pick<Codec<bigint>, "size" | "decode"> = {
  size: 8,
  decode: (bytes) => view(bytes).getBigUint64(0, true),
};

const lingerSeconds: Codec<number | undefined> = {
  size: C.linger.size,
  decode(bytes) {
    const { l_onoff, l_linger } = C.linger.decode(bytes);
    return l_onoff === 0 ? undefined : l_linger;
  },
  encode(value, name) {
    if (value === undefined) return C.linger.encode({ l_onoff: 0, l_linger: 0 });
    seconds.encode(value, name); // checks it
    return C.linger.encode({ l_onoff: 1, l_linger: value });
  },
};

function text(size: number): Codec<string> {
  return {
    size,
    decode: (bytes) => new TextDecoder().decode(bytes).replace(/\0.*$/s, ""),
    encode(value, name) {
      if (typeof value !== "string") throw new TypeError(`${name}: expected a string, got ${String(value)}`);
      const bytes = new TextEncoder().encode(value);
      if (bytes.length >= size || value.includes("\0")) {
        throw new RangeError(
          `${name}: expected at most ${size - 1} bytes without NUL, got ${JSON.stringify(value)}`,
        );
      }
      return bytes;
    },
  };
}

const pendingError = {
  size: 4,
  decode(bytes: Uint8Array): C.SysError | undefined {
    const number = readInt(bytes);
    return number === 0 ? undefined : new C.SysError(number, "SO_ERROR");
  },
};

const memInfo = {
  size: C.sk_meminfo.size,
  decode: (bytes: Uint8Array): C.SkMemInfo => C.sk_meminfo.decodePrefix(bytes),
};

const tcpInfo = {
  size: C.tcp_info.size,
  decode: (bytes: Uint8Array): C.TcpInfo => C.tcp_info.decodePrefix(bytes),
};

function ro<T>(
  name: string,
  level: number,
  optname: number,
  codec: Pick<Codec<T>, "size" | "decode">,
): ReadableOption<T> {
  return { name, level, optname, size: codec.size, decode: codec.decode };
}

function rw<T, W = T>(name: string, level: number, optname: number, codec: Codec<T, W>): SocketOption<T, W> {
  return {
    ...ro(name, level, optname, codec),
    to: (value) => ({ name, level, optname, bytes: codec.encode(value, name) }),
  };
}

/** Options of every socket, man 7 socket. */
export const SO = {
  /** Whether it listens. */
  ACCEPTCONN: ro("SO_ACCEPTCONN", C.SOL_SOCKET, C.SO_ACCEPTCONN, bool),
  /** The interface that the socket is bound to; "" is none. Needs no privilege while it is none. */
  BINDTODEVICE: rw("SO_BINDTODEVICE", C.SOL_SOCKET, C.SO_BINDTODEVICE, text(16)),
  /** Allows sending to broadcast addresses. */
  BROADCAST: rw("SO_BROADCAST", C.SOL_SOCKET, C.SO_BROADCAST, bool),
  /** A number that no other socket of this boot has. */
  COOKIE: ro("SO_COOKIE", C.SOL_SOCKET, C.SO_COOKIE, u64),
  /** The address family, AF_INET or AF_INET6. */
  DOMAIN: ro("SO_DOMAIN", C.SOL_SOCKET, C.SO_DOMAIN, int),
  /** Sends only to directly connected networks. */
  DONTROUTE: rw("SO_DONTROUTE", C.SOL_SOCKET, C.SO_DONTROUTE, bool),
  /** The pending error, which reading clears. */
  ERROR: ro("SO_ERROR", C.SOL_SOCKET, C.SO_ERROR, pendingError),
  /** The CPU that handles the packets of this socket; -1 is unknown. */
  INCOMING_CPU: rw("SO_INCOMING_CPU", C.SOL_SOCKET, C.SO_INCOMING_CPU, int),
  /** Asks a silent peer whether it is still there; see TCP.KEEPIDLE. */
  KEEPALIVE: rw("SO_KEEPALIVE", C.SOL_SOCKET, C.SO_KEEPALIVE, bool),
  /** How long close waits for data to be sent, in seconds; `undefined` is off; 0 resets the connection. */
  LINGER: rw("SO_LINGER", C.SOL_SOCKET, C.SO_LINGER, lingerSeconds),
  /** The packet mark for routing and firewalls; needs CAP_NET_ADMIN or CAP_NET_RAW. */
  MARK: rw("SO_MARK", C.SOL_SOCKET, C.SO_MARK, u32),
  /** The most bytes per second that the socket is paced at; 0xffffffff is no limit. */
  MAX_PACING_RATE: rw("SO_MAX_PACING_RATE", C.SOL_SOCKET, C.SO_MAX_PACING_RATE, u32),
  /** The socket's memory, in bytes of truesize, which exceeds the payload. */
  MEMINFO: ro("SO_MEMINFO", C.SOL_SOCKET, C.SO_MEMINFO, memInfo),
  /** Puts urgent data into the stream. */
  OOBINLINE: rw("SO_OOBINLINE", C.SOL_SOCKET, C.SO_OOBINLINE, bool),
  /** The priority for queueing, 0 to 6 without CAP_NET_ADMIN. */
  PRIORITY: rw("SO_PRIORITY", C.SOL_SOCKET, C.SO_PRIORITY, count),
  /** The protocol, such as IPPROTO_TCP. */
  PROTOCOL: ro("SO_PROTOCOL", C.SOL_SOCKET, C.SO_PROTOCOL, int),
  /** The receive buffer in bytes. The kernel doubles what is set, for its own bookkeeping, and then no longer tunes it. */
  RCVBUF: rw("SO_RCVBUF", C.SOL_SOCKET, C.SO_RCVBUF, bytesCount),
  /** How many bytes must have come before the socket counts as readable. */
  RCVLOWAT: rw("SO_RCVLOWAT", C.SOL_SOCKET, C.SO_RCVLOWAT, bytesCount),
  /** Lets bind take an address that is still in TIME_WAIT. */
  REUSEADDR: rw("SO_REUSEADDR", C.SOL_SOCKET, C.SO_REUSEADDR, bool),
  /** Lets several sockets of one user bind the same address and share its traffic. */
  REUSEPORT: rw("SO_REUSEPORT", C.SOL_SOCKET, C.SO_REUSEPORT, bool),
  /** The send buffer in bytes, doubled as RCVBUF is. */
  SNDBUF: rw("SO_SNDBUF", C.SOL_SOCKET, C.SO_SNDBUF, bytesCount),
  /** SOCK_STREAM, SOCK_DGRAM … */
  TYPE: ro("SO_TYPE", C.SOL_SOCKET, C.SO_TYPE, int),
} as const;

/** Options of IPv4, man 7 ip. */
export const IP = {
  /** Leaves the choice of the local port to connect, so that a bound address costs no port. */
  BIND_ADDRESS_NO_PORT: rw("IP_BIND_ADDRESS_NO_PORT", C.IPPROTO_IP, C.IP_BIND_ADDRESS_NO_PORT, bool),
  /** Allows binding to an address that this host does not have (yet). */
  FREEBIND: rw("IP_FREEBIND", C.IPPROTO_IP, C.IP_FREEBIND, bool),
  /** Packets with fewer hops left are dropped; 0 is off. */
  MINTTL: rw("IP_MINTTL", C.IPPROTO_IP, C.IP_MINTTL, octet),
  /** The known path MTU of a connected socket, in bytes. */
  MTU: ro("IP_MTU", C.IPPROTO_IP, C.IP_MTU, int),
  /** Path MTU discovery: 0 never (IP_PMTUDISC_DONT) … 5. */
  MTU_DISCOVER: rw("IP_MTU_DISCOVER", C.IPPROTO_IP, C.IP_MTU_DISCOVER, integer(0, 5, "IP_PMTUDISC_…")),
  /** Queues ICMP errors for the error queue. */
  RECVERR: rw("IP_RECVERR", C.IPPROTO_IP, C.IP_RECVERR, bool),
  /** The TOS octet of outgoing packets: DSCP and ECN. TCP keeps the ECN bits to itself. */
  TOS: rw("IP_TOS", C.IPPROTO_IP, C.IP_TOS, octet),
  /** The time to live of outgoing packets, in hops. */
  TTL: rw("IP_TTL", C.IPPROTO_IP, C.IP_TTL, hops),
} as const;

/** Options of IPv6, man 7 ipv6. */
export const IPV6 = {
  /** Allows binding to an address that this host does not have (yet). */
  FREEBIND: rw("IPV6_FREEBIND", C.IPPROTO_IPV6, C.IPV6_FREEBIND, bool),
  /** Packets with fewer hops left are dropped; 0 is off. */
  MINHOPCOUNT: rw("IPV6_MINHOPCOUNT", C.IPPROTO_IPV6, C.IPV6_MINHOPCOUNT, octet),
  /** The known path MTU of a connected socket, in bytes. */
  MTU: ro("IPV6_MTU", C.IPPROTO_IPV6, C.IPV6_MTU, int),
  /** Path MTU discovery: 0 never (IPV6_PMTUDISC_DONT) … 5. */
  MTU_DISCOVER: rw(
    "IPV6_MTU_DISCOVER",
    C.IPPROTO_IPV6,
    C.IPV6_MTU_DISCOVER,
    integer(0, 5, "IPV6_PMTUDISC_…"),
  ),
  /** Queues ICMP errors for the error queue. */
  RECVERR: rw("IPV6_RECVERR", C.IPPROTO_IPV6, C.IPV6_RECVERR, bool),
  /** The traffic class of outgoing packets. TCP keeps the ECN bits to itself. */
  TCLASS: rw("IPV6_TCLASS", C.IPPROTO_IPV6, C.IPV6_TCLASS, octet),
  /** The hop limit of outgoing packets. */
  UNICAST_HOPS: rw("IPV6_UNICAST_HOPS", C.IPPROTO_IPV6, C.IPV6_UNICAST_HOPS, hops),
  /** Whether an IPv6 socket leaves IPv4 alone. To be set before bind. */
  V6ONLY: rw("IPV6_V6ONLY", C.IPPROTO_IPV6, C.IPV6_V6ONLY, bool),
} as const;

/** Options of TCP, man 7 tcp. */
export const TCP = {
  /** The congestion control algorithm, such as "cubic". */
  CONGESTION: rw("TCP_CONGESTION", C.IPPROTO_TCP, C.TCP_CONGESTION, text(16)),
  /** Holds back partial segments, for at most 200 ms. */
  CORK: rw("TCP_CORK", C.IPPROTO_TCP, C.TCP_CORK, bool),
  /** Accepts a connection only when data has come, waiting for about so many seconds; read back rounded. */
  DEFER_ACCEPT: rw("TCP_DEFER_ACCEPT", C.IPPROTO_TCP, C.TCP_DEFER_ACCEPT, seconds),
  /** On a listener: how many Fast Open requests may be pending. */
  FASTOPEN: rw("TCP_FASTOPEN", C.IPPROTO_TCP, C.TCP_FASTOPEN, count),
  /** Sends the first data with the SYN, where a cookie is known. */
  FASTOPEN_CONNECT: rw("TCP_FASTOPEN_CONNECT", C.IPPROTO_TCP, C.TCP_FASTOPEN_CONNECT, bool),
  /** The kernel's account of the connection; its length grows with the kernel. */
  INFO: ro("TCP_INFO", C.IPPROTO_TCP, C.TCP_INFO, tcpInfo),
  /** How many keepalive probes without answer end the connection. */
  KEEPCNT: rw("TCP_KEEPCNT", C.IPPROTO_TCP, C.TCP_KEEPCNT, integer(1, 127, "probes")),
  /** Seconds of silence before the first keepalive probe. */
  KEEPIDLE: rw("TCP_KEEPIDLE", C.IPPROTO_TCP, C.TCP_KEEPIDLE, integer(1, 32767, "seconds")),
  /** Seconds between keepalive probes. */
  KEEPINTVL: rw("TCP_KEEPINTVL", C.IPPROTO_TCP, C.TCP_KEEPINTVL, integer(1, 32767, "seconds")),
  /** How long an orphaned connection stays in FIN-WAIT-2, in seconds; -1 is not at all. */
  LINGER2: rw("TCP_LINGER2", C.IPPROTO_TCP, C.TCP_LINGER2, int),
  /** The most payload of a segment in bytes; after connect, what is in use. */
  MAXSEG: rw("TCP_MAXSEG", C.IPPROTO_TCP, C.TCP_MAXSEG, integer(88, 32767, "bytes")),
  /** Sends small segments at once (no Nagle). */
  NODELAY: rw("TCP_NODELAY", C.IPPROTO_TCP, C.TCP_NODELAY, bool),
  /** The socket counts as writable while fewer bytes than this are unsent; 0 is the system's default. */
  NOTSENT_LOWAT: rw("TCP_NOTSENT_LOWAT", C.IPPROTO_TCP, C.TCP_NOTSENT_LOWAT, u32),
  /** Acknowledges at once, until the kernel thinks otherwise. */
  QUICKACK: rw("TCP_QUICKACK", C.IPPROTO_TCP, C.TCP_QUICKACK, bool),
  /** How often a SYN is sent again. */
  SYNCNT: rw("TCP_SYNCNT", C.IPPROTO_TCP, C.TCP_SYNCNT, integer(1, 127, "retransmissions")),
  /** How long data may stay unacknowledged before the connection ends, in milliseconds; 0 is the system's default. */
  USER_TIMEOUT: rw("TCP_USER_TIMEOUT", C.IPPROTO_TCP, C.TCP_USER_TIMEOUT, milliseconds),
  /** The most that the advertised window may grow to, in bytes. */
  WINDOW_CLAMP: rw("TCP_WINDOW_CLAMP", C.IPPROTO_TCP, C.TCP_WINDOW_CLAMP, bytesCount),
} as const;
