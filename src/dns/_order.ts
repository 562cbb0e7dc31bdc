/** The order in which the addresses of a host are tried: RFC 6724 §6. */
import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { type IpAddr, IpPrefix, type Ipv6Addr, PrefixTable, SocketAddr } from "../ip/index.ts";
import { SysError, UdpSocket } from "../socket/index.ts";

/** RFC 6724 §2.1. IPv4 stands in it as `::ffff:0:0/96`. */
const POLICY = new PrefixTable<{ readonly precedence: number; readonly label: number }>(
  (
    [
      ["::1/128", 50, 0],
      ["::/0", 40, 1],
      ["::ffff:0:0/96", 35, 4],
      ["2002::/16", 30, 2],
      ["2001::/32", 5, 5],
      ["fc00::/7", 3, 13],
      ["::/96", 1, 3],
      ["fec0::/10", 1, 11],
      ["3ffe::/16", 1, 12],
    ] as const
  ).map(([prefix, precedence, label]) => [IpPrefix.parse(prefix), { precedence, label }]),
);

// RFC 4291 §2.7, RFC 6724 §3.1
const LINK_LOCAL = 2;
const SITE_LOCAL = 5;
const GLOBAL = 14;

/** The route does not depend on it. */
const ANY_PORT = 9;

/** One destination, and what the rules compare. */
interface Candidate {
  readonly address: SocketAddr;
  /** The address that this host would send from; none where it has no way there. */
  readonly source: IpAddr | undefined;
}

/**
 * Sorts addresses by RFC 6724 §6, but for rules 4 and 7, for which one would have to know of mobile addresses and
 * tunnels. Where the rules do not tell them apart they stay in the order of the answer. Rule 9 counts for IPv6, and for IPv4
 * only with addresses of the own network: elsewhere near in number is not near, and servers change the order to
 * spread the load.
 */
export function sortAddresses(addresses: readonly SocketAddr[]): SocketAddr[] {
  if (addresses.length < 2) return [...addresses];
  const facts = new HostFacts();
  const candidates = withSources(addresses);
  return candidates.sort((a, b) => compare(a, b, facts)).map(({ address }) => address);
}

/** Each rule of the RFC: less than zero where `a` is preferred. */
function compare(a: Candidate, b: Candidate, facts: HostFacts): number {
  const [destA, destB] = [a.address.ip, b.address.ip];
  return (
    // Rule 1: avoid unusable destinations.
    Number(a.source === undefined) - Number(b.source === undefined) ||
    bySource(a, b, facts) ||
    // Rule 6: prefer higher precedence.
    policyOf(destB).precedence - policyOf(destA).precedence ||
    // Rule 8: prefer smaller scope.
    scopeOf(destA) - scopeOf(destB) ||
    // Rule 9: use longest matching prefix.
    (destA.version === destB.version ? nearness(b, facts) - nearness(a, facts) : 0)
  );
}

/** The rules that look at the sources, where both have one. */
function bySource(a: Candidate, b: Candidate, facts: HostFacts): number {
  if (a.source === undefined || b.source === undefined) return 0;
  const scoped = ({ address, source }: Candidate): number =>
    Number(scopeOf(address.ip) === scopeOf(source as IpAddr));
  const labelled = ({ address, source }: Candidate): number =>
    Number(policyOf(address.ip).label === policyOf(source as IpAddr).label);
  return (
    // Rule 2: prefer matching scope.
    scoped(b) - scoped(a) ||
    // Rule 3: avoid deprecated addresses.
    Number(facts.isDeprecated(a.source)) - Number(facts.isDeprecated(b.source)) ||
    // Rule 5: prefer matching label.
    labelled(b) - labelled(a)
  );
}

/** CommonPrefixLen(S, D): how many bits are the same, no more than belong to the network of the source. */
function nearness({ address: { ip }, source }: Candidate, facts: HostFacts): number {
  if (source === undefined) return 0;
  const most = facts.prefixLength(source);
  const [a, b] = [ip.toBytes(), source.toBytes()];
  let same = 0;
  for (let i = 0; i < a.length && same === i * 8; i++)
    same += Math.clz32((a[i] as number) ^ (b[i] as number)) - 24;
  if (ip.version === 4) return same < most ? 0 : most;
  return Math.min(same, most);
}

function mapped(ip: IpAddr): Ipv6Addr {
  return ip.version === 4 ? ip.toIpv6Mapped() : ip;
}

function policyOf(ip: IpAddr): { readonly precedence: number; readonly label: number } {
  return POLICY.lookup(mapped(ip))?.value ?? { precedence: 40, label: 1 };
}

/** RFC 6724 §3.1 and §3.2. */
function scopeOf(ip: IpAddr): number {
  if (ip.version === 4) return ip.isLoopback || ip.isLinkLocal ? LINK_LOCAL : GLOBAL;
  const head = ip.word(0) >>> 16;
  if (ip.isMulticast) return head & 0xf;
  if (ip.isLoopback || (head & 0xffc0) === 0xfe80) return LINK_LOCAL;
  return (head & 0xffc0) === 0xfec0 ? SITE_LOCAL : GLOBAL;
}

/** Asks the kernel which address it would send from, by connecting a UDP socket; no packet goes out by that. */
function withSources(addresses: readonly SocketAddr[]): Candidate[] {
  const sockets = new Map<string, UdpSocket>();
  const socketFor = ({ family }: SocketAddr): UdpSocket => {
    const socket = sockets.get(family) ?? UdpSocket.bind(family === "ipv4" ? "0.0.0.0:0" : "[::]:0");
    sockets.set(family, socket);
    return socket;
  };
  const sourceOf = (address: SocketAddr): IpAddr | undefined => {
    const { ip, zone } = address;
    try {
      const socket = socketFor(address);
      socket.connect(SocketAddr.of(ip, ANY_PORT, { zone }));
      const source = socket.localAddr.ip;
      socket.disconnect(); // or the next connect would keep this source
      return source;
    } catch (error) {
      if (error instanceof SysError) return undefined;
      throw error;
    }
  };
  try {
    return addresses.map((address) => ({ address, source: sourceOf(address) }));
  } finally {
    for (const socket of sockets.values()) socket.close();
  }
}

/** include/uapi/linux/if_addr.h */
const IFA_F_DEPRECATED = 0x20;

/** What is known of this host's own addresses, read when a rule needs it. */
class HostFacts {
  #lengths: Map<string, number> | undefined;
  #deprecated: Set<string> | undefined;

  /** The length of the network's prefix; all of the address where it is not known. */
  prefixLength(source: IpAddr): number {
    this.#lengths ??= new Map(
      Object.values(networkInterfaces())
        .flatMap((list) => list ?? [])
        .map(({ address, cidr }) => [address, Number(cidr?.split("/")[1] ?? Number.NaN)]),
    );
    const length = this.#lengths.get(source.toString());
    return length === undefined || Number.isNaN(length) ? source.bitLength : length;
  }

  /** @see man 5 proc, /proc/net/if_inet6 */
  isDeprecated(source: IpAddr): boolean {
    if (source.version === 4) return false;
    this.#deprecated ??= new Set(
      readLines("/proc/net/if_inet6").flatMap((line) => {
        const [digits = "", , , , flags = ""] = line.split(/\s+/);
        return Number.parseInt(flags, 16) & IFA_F_DEPRECATED ? digits : [];
      }),
    );
    return this.#deprecated.has(Buffer.from(source.toBytes()).toString("hex"));
  }
}

/** The lines of a file; none where it is not there, as where the kernel has no IPv6. */
function readLines(path: string): string[] {
  try {
    return readFileSync(path, "utf8").split("\n");
  } catch {
    return [];
  }
}
