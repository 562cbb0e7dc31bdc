/** How the values of socket options lie in the kernel's bytes: structs, addresses, interfaces, and what reads oddly. */
import { Ipv4Addr, type SocketAddr } from "../ip/index.ts";
import * as C from "../sys/index.ts";
import {
  type Codec,
  checkWhole,
  type Decoder,
  flags,
  INT_MAX,
  named,
  readInt,
  viewOf,
  writeInt,
  wrongType,
} from "./_option_codecs.ts";
import type { Credentials } from "./ancillary.ts";

export const linger: Codec<number | undefined> = {
  size: C.linger.size,
  values: "seconds; or undefined",
  decode(bytes) {
    const { l_onoff, l_linger } = C.linger.decode(bytes);
    return l_onoff === 0 ? undefined : l_linger;
  },
  encode(value, name) {
    if (value === undefined) return C.linger.encode({ l_onoff: 0, l_linger: 0 });
    return C.linger.encode({ l_onoff: 1, l_linger: checkWhole(name, value, 0, INT_MAX, "seconds") });
  },
};

/** A struct timeval, as milliseconds. The kernel keeps it in ticks, which may be no whole milliseconds. */
export const timeout: Codec<number> = {
  size: C.timeval.size,
  values: "milliseconds",
  decode(bytes) {
    const { tv_sec, tv_usec } = C.timeval.decode(bytes);
    return Number(tv_sec) * 1000 + Number(tv_usec) / 1000;
  },
  encode(value, name) {
    const ms = checkWhole(name, value, 0, INT_MAX, "milliseconds");
    return C.timeval.encode({ tv_sec: Math.floor(ms / 1000), tv_usec: (ms % 1000) * 1000 });
  },
};

const NO_LIMIT = 0xffff_ffff_ffff_ffffn;

/** An unsigned long of bytes per second. Before Linux 4.20 it is an unsigned int, whose greatest is no limit, too. */
export const rate: Codec<number | undefined> = {
  size: 8,
  values: "bytes per second; or undefined",
  decode(bytes) {
    const value = bytes.length < 8 ? readInt(bytes) >>> 0 : viewOf(bytes).getBigUint64(0, true);
    return value === NO_LIMIT || (bytes.length < 8 && value === 0xffffffff) ? undefined : Number(value);
  },
  encode(value, name) {
    const max = Number.MAX_SAFE_INTEGER;
    const limit =
      value === undefined ? NO_LIMIT : BigInt(checkWhole(name, value, 0, max, "bytes per second"));
    const bytes = new Uint8Array(8);
    viewOf(bytes).setBigUint64(0, limit, true);
    return bytes;
  },
};

/**
 * The index of an interface that is given by name or index.
 * @param name the option's, for the messages
 * @throws {TypeError | RangeError}
 * @throws {SysError} `ENODEV` where this host has no interface of that name
 */
export function interfaceIndex(value: unknown, name: string): number {
  if (typeof value === "number") return checkWhole(name, value, 0, INT_MAX, "an interface index");
  if (typeof value !== "string") throw wrongType(name, "the name or the index of an interface", value);
  if (value === "") throw new RangeError(`${name}: expected the name of an interface, got ""; 0 is none`);
  const index = C.if_nametoindex(value);
  if (index < 0) {
    const hint = index === -C.errno.ENODEV ? `this host has no network interface named ${value}` : undefined;
    throw new C.SysError(index, "if_nametoindex", { address: name, hint });
  }
  return index;
}

/** An interface: its index when it is read, 0 for none; its name or its index when it is written. */
export const networkInterface: Codec<number, string | number> = {
  size: 4,
  values: "interface index; takes a name, too",
  decode: readInt,
  encode: (value, name) => writeInt(interfaceIndex(value, name)),
};

const swap = (index: number): number => viewOf(writeInt(index)).getInt32(0, false);

/** The same in network byte order. */
export const networkInterfaceBe: Codec<number, string | number> = {
  ...networkInterface,
  decode: (bytes) => swap(readInt(bytes)),
  encode: (value, name) => writeInt(swap(interfaceIndex(value, name))),
};

/** A struct ip_mreqn to write; the kernel answers with its imr_address alone. */
export const multicastInterface: Codec<Ipv4Addr, string | number | Ipv4Addr> = {
  size: 4,
  values: "Ipv4Addr; takes an interface by name or index, too",
  decode: (bytes) => Ipv4Addr.fromBytes(bytes),
  encode(value, name) {
    const address = typeof value === "string" ? Ipv4Addr.tryParse(value) : value;
    if (address instanceof Ipv4Addr) return C.ip_mreqn.encode({ imr_address: address.toBytes() });
    if (typeof value !== "string" && typeof value !== "number") {
      throw wrongType(name, "an IPv4 address, or the name or the index of an interface", value);
    }
    return C.ip_mreqn.encode({ imr_ifindex: interfaceIndex(value, name) });
  },
};

/** The first and the last port, both of them taken; 0 is the system's. */
export interface PortRange {
  readonly low: number;
  readonly high: number;
}

export const portRange: Codec<PortRange> = {
  size: 4,
  values: "{ low, high }",
  decode(bytes) {
    const value = readInt(bytes);
    return { low: value & 0xffff, high: value >>> 16 };
  },
  encode(value, name) {
    if (typeof value !== "object" || value === null) throw wrongType(name, "{ low, high }", value);
    const low = checkWhole(name, value.low, 0, 0xffff, "a port");
    const high = checkWhole(name, value.high, 0, 0xffff, "a port");
    if (low > high && high !== 0) {
      throw new RangeError(`${name}: expected a low port not above the high one, got ${low} and ${high}`);
    }
    return writeInt(low | (high << 16));
  },
};

const clock = named({ realtime: 0, monotonic: 1, boottime: 7, tai: 11 });
const txTimeFlags = flags({ "deadline-mode": 1, "report-errors": 2 });

/** What SO_TXTIME says of the times that go beside datagrams. */
export interface TxTime {
  /** The clock that the times are of, clock_gettime(2). */
  readonly clock: "realtime" | "monotonic" | "boottime" | "tai" | number;
  readonly flags: readonly ("deadline-mode" | "report-errors" | number)[];
}

/** A struct sock_txtime, include/uapi/linux/net_tstamp.h. */
export const txTime: Codec<TxTime, Pick<TxTime, "clock"> & Partial<TxTime>> = {
  size: 8,
  values: `{ clock: ${clock.values}; flags: ${txTimeFlags.values} }`,
  decode: (bytes) => ({
    clock: clock.decode(bytes.subarray(0, 4)),
    flags: txTimeFlags.decode(bytes.subarray(4, 8)),
  }),
  encode(value, name) {
    if (typeof value !== "object" || value === null) throw wrongType(name, "{ clock, flags }", value);
    const bytes = new Uint8Array(8);
    bytes.set(clock.encode(value.clock, name), 0);
    bytes.set(txTimeFlags.encode(value.flags ?? [], name), 4);
    return bytes;
  },
};

/** SO_TXREHASH answers with an octet, in which its -1 is 255. */
const rehashNames = named({ disabled: 0, enabled: 1, default: -1 });
export const rehash: typeof rehashNames = {
  ...rehashNames,
  decode: (bytes) => (readInt(bytes) === 255 ? "default" : rehashNames.decode(bytes)),
};

/** IPV6_ROUTER_ALERT: a number is written, and only whether there is one is answered. */
export const routerAlert: Codec<boolean, number | undefined> = {
  size: 4,
  values: "boolean; takes 0 to 65535, or undefined",
  decode: (bytes) => readInt(bytes) !== 0,
  encode: (value, name) =>
    writeInt(value === undefined ? -1 : checkWhole(name, value, 0, 0xffff, "a router alert")),
};

export const credentials: Decoder<Credentials | undefined> = {
  size: C.ucred.size,
  values: "{ pid, uid, gid }; or undefined",
  decode(bytes) {
    const { pid, uid, gid } = C.ucred.decode(bytes);
    return pid === 0 && uid === 0xffffffff ? undefined : { pid, uid, gid };
  },
};

/** NGROUPS_MAX of include/uapi/linux/limits.h: how many a process can have. */
const MAX_GROUPS = 65536;

export const groups: Decoder<readonly number[]> = {
  size: MAX_GROUPS * 4,
  values: "array of gids",
  decode(bytes) {
    const view = viewOf(bytes);
    return Array.from({ length: bytes.length >> 2 }, (_, i) => view.getUint32(i * 4, true));
  },
};

export const pendingError: Decoder<C.SysError | undefined> = {
  size: 4,
  values: "SysError; or undefined",
  decode(bytes) {
    const number = readInt(bytes);
    return number === 0 ? undefined : new C.SysError(number, "SO_ERROR");
  },
};

export const memInfo: Decoder<C.SkMemInfo> = {
  size: C.sk_meminfo.size,
  values: "SkMemInfo: bytes",
  decode: (bytes) => C.sk_meminfo.decodePrefix(bytes),
};

export const tcpInfo: Decoder<C.TcpInfo> = {
  size: C.tcp_info.size,
  values: "TcpInfo",
  decode: (bytes) => C.tcp_info.decodePrefix(bytes),
};

/**
 * The types of ICMP messages that are let through. The kernel has a bit for each that is not: a `struct icmp_filter`,
 * linux/icmp.h, of 32, or a `struct icmp6_filter`, RFC 3542 §3.2, of 256.
 */
export function icmpTypes(count: 32 | 256): Codec<readonly number[] | undefined> {
  const unit = count === 256 ? "an ICMPv6 type" : "an ICMP type; those from 32 on are always let through";
  return {
    size: count / 8,
    values: `array of types, 0 to ${count - 1}; or undefined`,
    decode(bytes) {
      const through: number[] = [];
      for (let type = 0; type < count; type++) {
        if ((((bytes[type >> 3] as number) >> (type & 7)) & 1) === 0) through.push(type);
      }
      return through.length === count ? undefined : through;
    },
    encode(value, name) {
      const bytes = new Uint8Array(count / 8);
      if (value === undefined) return bytes;
      if (!Array.isArray(value)) throw wrongType(name, "an array of ICMP types, or undefined", value);
      bytes.fill(0xff);
      for (const one of value as readonly unknown[]) {
        const type = checkWhole(name, one, 0, count - 1, unit);
        bytes[type >> 3] = (bytes[type >> 3] as number) & ~(1 << (type & 7));
      }
      return bytes;
    },
  };
}

/** No bytes are no value. */
export const savedHeaders: Decoder<Uint8Array | undefined> = {
  size: 4096,
  values: "Uint8Array; or undefined",
  decode: (bytes) => (bytes.length === 0 ? undefined : bytes.slice()),
};

/** The ip6m_mtu of a struct ip6_mtuinfo, RFC 3542 §11.3; its address is not filled for a question. */
export const pathMtu: Decoder<number> = {
  size: C.sockaddr_in6.size + 4,
  values: "bytes",
  decode: (bytes) => viewOf(bytes).getUint32(C.sockaddr_in6.size, true),
};

/** A sockaddr_in or a sockaddr_in6, as `size` says. */
export function address(size: number): Decoder<SocketAddr> {
  return {
    size,
    values: "SocketAddr",
    decode(bytes) {
      const decoded = C.decodeSockaddr(bytes);
      if (decoded === undefined) throw new TypeError("getsockopt: expected an IPv4 or IPv6 address");
      return decoded;
    },
  };
}
