/** Questions about addresses, ports and protocols above the link header. */
import type { Ipv6Addr } from "../ip/index.ts";
import { and, type Condition, not, or } from "./_blocks.ts";
import type { Base, Generator } from "./_generator.ts";
import { ETHERTYPE_IP, ETHERTYPE_IPV6, inDirection, isLinkProtocol, isNamedLinkProtocol } from "./_link.ts";
import type { Direction } from "./_syntax.ts";
import { IP_PROTOCOLS, LINK_PROTOCOLS, type Protocol } from "./_words.ts";
import * as op from "./opcodes.ts";

const IPPROTO_FRAGMENT = 44;

/** Whether a packet of IP, ARP or RARP has an IPv4 address of a network. */
export function isIpv4Address(
  g: Generator,
  address: number,
  mask: number,
  protocol: Protocol | undefined,
  direction: Direction | undefined,
): Condition {
  const inHeader = (name: "ip" | "arp" | "rarp", source: number, destination: number): Condition => {
    const at = (offset: number) => (): Condition =>
      and(isNamedLinkProtocol(g, name), g.equals("network", offset, op.BPF_W, address, mask));
    return inDirection(direction, at(source), at(destination));
  };
  switch (protocol) {
    case undefined: {
      const ip = inHeader("ip", 12, 16);
      if (g.mplsDepth > 0) return ip;
      const arp = or(ip, inHeader("arp", 14, 24));
      return or(arp, inHeader("rarp", 14, 24));
    }
    case "ip":
      return inHeader(protocol, 12, 16);
    case "arp":
    case "rarp":
      return inHeader(protocol, 14, 24);
    default:
      return g.fail(`"${protocol}" does not go with an IPv4 address`, { expected: '"ip", "arp" or "rarp"' });
  }
}

/** Whether a packet of IPv6 has an address of a network. */
export function isIpv6Address(
  g: Generator,
  address: Ipv6Addr,
  mask: readonly number[],
  protocol: Protocol | undefined,
  direction: Direction | undefined,
): Condition {
  if (protocol !== undefined && protocol !== "ip6") {
    return g.fail(`"${protocol}" does not go with an IPv6 address`, { expected: '"ip6"' });
  }
  const at = (offset: number) => (): Condition => {
    const words = [0, 1, 2, 3].map((i) =>
      g.equals("network", offset + 4 * i, op.BPF_W, address.word(i), mask[i] as number),
    );
    return words.reduceRight((last, word) => and(word, last));
  };
  const withType = (of: () => Condition) => (): Condition => and(isLinkProtocol(g, ETHERTYPE_IPV6), of());
  return inDirection(direction, withType(at(8)), withType(at(24)));
}

/** Whether a packet is of an IP protocol: of IPv4, of IPv6 (behind a fragment header too), or of either. */
export function isIpProtocol(g: Generator, number: number, version: "ip" | "ip6" | undefined): Condition {
  if (version === undefined) return or(isIpProtocol(g, number, "ip"), isIpProtocol(g, number, "ip6"));
  if (version === "ip") {
    return and(isLinkProtocol(g, ETHERTYPE_IP), g.equals("network", 9, op.BPF_B, number));
  }
  const behind = and(
    g.equals("network", 6, op.BPF_B, IPPROTO_FRAGMENT),
    g.equals("network", 40, op.BPF_B, number),
  );
  const direct = g.equals("network", 6, op.BPF_B, number);
  return and(isLinkProtocol(g, ETHERTYPE_IPV6), or(direct, behind));
}

/** Protocols that one version of IP has for itself. */
const VERSION: Partial<Record<Protocol, "ip" | "ip6">> = {
  icmp: "ip",
  igmp: "ip",
  igrp: "ip",
  vrrp: "ip",
  carp: "ip",
  icmp6: "ip6",
};

/** Whether a word for a protocol applies to the packet. */
export function isProtocol(g: Generator, protocol: Protocol): Condition {
  if (LINK_PROTOCOLS.has(protocol)) return isNamedLinkProtocol(g, protocol);
  return isIpProtocol(g, IP_PROTOCOLS.get(protocol) as number, VERSION[protocol]);
}

/** Whether a packet of IPv4 is no fragment, or the first one. */
export function isFirstFragment(g: Generator): Condition {
  return not(g.compare(op.BPF_JSET, "network", 6, op.BPF_H, 0x1fff));
}

const PORT_PROTOCOLS = { tcp: 6, udp: 17, sctp: 132 } as const;
export type PortProtocol = keyof typeof PORT_PROTOCOLS;

/** Whether a packet of TCP, UDP or SCTP has a port from `low` to `high`. IPv6's has to follow the IPv6 header at once. */
export function isPort(
  g: Generator,
  low: number,
  high: number,
  isRange: boolean,
  protocol: PortProtocol | undefined,
  direction: Direction | undefined,
): Condition {
  const port = (base: Base, offset: number) => (): Condition => {
    if (!isRange) return g.equals(base, offset, op.BPF_H, low);
    return and(
      g.compare(op.BPF_JGE, base, offset, op.BPF_H, Math.min(low, high)),
      g.notAbove(base, offset, op.BPF_H, Math.max(low, high)),
    );
  };
  const ipv4 = (number: number): Condition => {
    const carried = and(g.equals("network", 9, op.BPF_B, number), isFirstFragment(g));
    return and(carried, inDirection(direction, port("ipv4 transport", 0), port("ipv4 transport", 2)));
  };
  const ipv6 = (number: number): Condition => {
    const carried = g.equals("network", 6, op.BPF_B, number);
    return and(carried, inDirection(direction, port("ipv6 transport", 0), port("ipv6 transport", 2)));
  };
  const any = (of: (number: number) => Condition): Condition => {
    if (protocol !== undefined) return of(PORT_PROTOCOLS[protocol]);
    const tcpOrUdp = or(of(PORT_PROTOCOLS.tcp), of(PORT_PROTOCOLS.udp));
    return or(of(PORT_PROTOCOLS.sctp), tcpOrUdp);
  };
  const first = and(isLinkProtocol(g, ETHERTYPE_IP), any(ipv4));
  return or(and(isLinkProtocol(g, ETHERTYPE_IPV6), any(ipv6)), first);
}

/** Whether a packet goes to all hosts of its network. */
export function isIpv4Broadcast(g: Generator): Condition {
  const hosts = ~g.options.netmask >>> 0;
  const zeros = g.equals("network", 16, op.BPF_W, 0, hosts);
  const ones = g.equals("network", 16, op.BPF_W, hosts, hosts);
  return and(isLinkProtocol(g, ETHERTYPE_IP), or(zeros, ones));
}

export function isIpMulticast(g: Generator, version: "ip" | "ip6"): Condition {
  return version === "ip"
    ? and(isLinkProtocol(g, ETHERTYPE_IP), g.compare(op.BPF_JGE, "network", 16, op.BPF_B, 224))
    : and(isLinkProtocol(g, ETHERTYPE_IPV6), g.equals("network", 24, op.BPF_B, 255));
}

/** The words of an IPv6 netmask. */
export function ipv6Mask(length: number): number[] {
  return [0, 1, 2, 3].map((i) => ipv4Mask(Math.max(0, Math.min(32, length - 32 * i))));
}

/** An IPv4 netmask, or one word of IPv6's. */
export function ipv4Mask(length: number): number {
  return length === 0 ? 0 : (0xffff_ffff << (32 - length)) >>> 0;
}
