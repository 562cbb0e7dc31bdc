/** Sockets for the option tests: of every kind, in their first state or connected, and what this host can do. */
import { readFileSync } from "node:fs";
import { release } from "node:os";
import {
  type OptionSocket,
  type ReadableOption,
  SysError,
  TcpListener,
  type WritableOption,
} from "../../src/index.ts";
import { readOption, writeOption } from "../../src/socket/options.ts";
import * as sys from "../../src/sys/index.ts";
import { noIpv6, pair } from "./_helpers.ts";

/** What getOption and setOption are called on. */
export interface Optioned extends Disposable {
  getOption<T>(option: ReadableOption<T>): T;
  setOption<T>(option: WritableOption<T>, value: T): void;
}

/** An fd with the two calls and nothing between, and its number. */
export interface BareSocket extends Optioned {
  readonly fd: number;
}

function optioned(fd: number, dispose = (): void => void sys.close(fd)): BareSocket {
  return {
    fd,
    getOption: (option) => readOption(fd, option),
    setOption: (option, value) => writeOption(fd, option, value),
    [Symbol.dispose]: dispose,
  };
}

/** A socket in its first state. */
export function bare(family: number, type: number, protocol = 0): BareSocket {
  return optioned(sys.check(sys.socket(family, type | sys.SOCK_CLOEXEC, protocol), "socket"));
}

/** Both ends of a local stream. */
export function unixPair(): { readonly ends: readonly [BareSocket, BareSocket] } & Disposable {
  const fds = sys.socketpair(sys.AF_UNIX, sys.SOCK_STREAM | sys.SOCK_CLOEXEC, 0);
  if (typeof fds === "number") throw new SysError(fds, "socketpair");
  return {
    ends: [optioned(fds[0]), optioned(fds[1])],
    [Symbol.dispose]: () => {
      for (const fd of fds) sys.close(fd);
    },
  };
}

async function connected(at: string): Promise<Optioned> {
  const { client, server } = await pair({ at });
  return {
    getOption: (option) => client.getOption(option),
    setOption: (option, value) => client.setOption(option, value),
    [Symbol.dispose]() {
      client.close();
      server.close();
    },
  };
}

/** htons(ETH_P_802_EX1), IEEE 802.1 local experimental Ethertype 1: nobody sends it. */
const EXPERIMENTAL_ETHERTYPE = 0xb588;
const IPPROTO_RAW = 255;
/** For experiments, RFC 3692: nobody sends it. */
const EXPERIMENT = 253;

/** A new socket of each kind. */
export const KINDS = {
  tcp: async (): Promise<Optioned> => bare(sys.AF_INET, sys.SOCK_STREAM),
  tcp6: async (): Promise<Optioned> => bare(sys.AF_INET6, sys.SOCK_STREAM),
  stream: (): Promise<Optioned> => connected("127.0.0.1:0"),
  stream6: (): Promise<Optioned> => connected("[::1]:0"),
  listener: async (): Promise<Optioned> => TcpListener.bind("127.0.0.1:0"),
  udp: async (): Promise<Optioned> => bare(sys.AF_INET, sys.SOCK_DGRAM),
  udp6: async (): Promise<Optioned> => bare(sys.AF_INET6, sys.SOCK_DGRAM),
  raw: async (): Promise<Optioned> => bare(sys.AF_INET, sys.SOCK_RAW, sys.IPPROTO_ICMP),
  raw6: async (): Promise<Optioned> => bare(sys.AF_INET6, sys.SOCK_RAW, EXPERIMENT),
  icmpv6: async (): Promise<Optioned> => bare(sys.AF_INET6, sys.SOCK_RAW, sys.IPPROTO_ICMPV6),
  rawraw6: async (): Promise<Optioned> => bare(sys.AF_INET6, sys.SOCK_RAW, IPPROTO_RAW),
  unix: async (): Promise<Optioned> => {
    const both = unixPair();
    return Object.assign(both.ends[0], { [Symbol.dispose]: () => both[Symbol.dispose]() });
  },
  packet: async (): Promise<Optioned> => bare(sys.AF_PACKET, sys.SOCK_RAW),
  boundpacket: async (): Promise<Optioned> => bare(sys.AF_PACKET, sys.SOCK_RAW, EXPERIMENTAL_ETHERTYPE),
} as const;

export type Kind = keyof typeof KINDS;

/** What the rows call each kind. */
export const SOCKET_OF: Readonly<Record<Kind, OptionSocket>> = {
  tcp: "tcp",
  tcp6: "tcp",
  stream: "tcp",
  stream6: "tcp",
  listener: "tcp",
  udp: "udp",
  udp6: "udp",
  raw: "raw",
  raw6: "raw",
  icmpv6: "raw",
  rawraw6: "raw",
  unix: "unix",
  packet: "packet",
  boundpacket: "packet",
};

/** Why there are no sockets of this kind here, or false. */
export function kindSkip(kind: Kind): string | false {
  if (/raw|packet|icmp/.test(kind)) {
    const skip = capabilitySkip("CAP_NET_RAW");
    if (skip !== false) return skip;
  }
  return kind.endsWith("6") && noIpv6;
}

/** Bits of /proc/self/status, include/uapi/linux/capability.h. */
const CAPABILITIES: Readonly<Record<string, number>> = { CAP_NET_ADMIN: 12, CAP_NET_RAW: 13 };

const effective = BigInt(
  `0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0"}`,
);

/** Why `needs` of an option's row is not there, or false. */
export function capabilitySkip(needs: string | undefined): string | false {
  const any = (needs ?? "").split(" or ").some((name) => {
    const bit = CAPABILITIES[name];
    return bit !== undefined && ((effective >> BigInt(bit)) & 1n) === 1n;
  });
  return needs === undefined || any ? false : `needs ${needs}`;
}

const [major = 0, minor = 0] = release().split(".").map(Number);

/** Whether `since` of an option's row is later than this kernel. */
export function kernelSkip(since: string | undefined): string | false {
  if (since === undefined) return false;
  const [a = 0, b = 0] = since.split(".").map(Number);
  return major > a || (major === a && minor >= b) ? false : `needs Linux ${since}, this is ${release()}`;
}
