/** Filters for tests: words made at random, and what they choose, worked out here from the sockets' fields. */
import { IpPrefix } from "../../../src/ip/index.ts";
import type { HostTest, InetSocket, PortTest, SocketFilter } from "../../../src/netlink/diag/index.ts";

/** What sockets do not tell, or what a name stands for. */
export interface Facts {
  autobound(socket: InetSocket): boolean;
  device(name: string): number;
}

/** Whether a filter chooses a socket: in the plainest way, as a check of the kernel's programs. */
export function chooses(filter: SocketFilter, socket: InetSocket, facts: Facts): boolean {
  if ("and" in filter) return filter.and.every((one) => chooses(one, socket, facts));
  if ("or" in filter) return filter.or.some((one) => chooses(one, socket, facts));
  if ("not" in filter) return !chooses(filter.not, socket, facts);
  if ("src" in filter) return "family" in filter.src ? false : isAt(filter.src, socket.localAddr);
  if ("dst" in filter) return "family" in filter.dst ? false : isAt(filter.dst, socket.peerAddr);
  if ("sport" in filter) return compares(socket.localPort, filter.sport);
  if ("dport" in filter) return compares(socket.peerPort, filter.dport);
  if ("autobound" in filter) return facts.autobound(socket);
  if ("mark" in filter) return ((socket.mark ?? 0) & (filter.mask ?? -1)) >>> 0 === filter.mark;
  if ("cgroup" in filter) return socket.cgroup === filter.cgroup;
  return socket.device === (typeof filter.device === "string" ? facts.device(filter.device) : filter.device);
}

function isAt({ ip, port }: HostTest, address: InetSocket["localAddr"]): boolean {
  if (port !== undefined && port !== address.port) return false;
  if (ip === undefined) return true;
  const prefix = ip instanceof IpPrefix ? ip : IpPrefix.of(ip, ip.bitLength);
  if (prefix.contains(address.ip)) return true;
  const mapped = address.ip.version === 6 ? address.ip.toIpv4Mapped() : undefined;
  return mapped !== undefined && prefix.addr.version === 4 && prefix.contains(mapped);
}

function compares(port: number, test: PortTest): boolean {
  switch (test.is) {
    case "=":
      return port === test.port;
    case "!=":
      return port !== test.port;
    case "<":
      return port < test.port;
    case "<=":
      return port <= test.port;
    case ">":
      return port > test.port;
    case ">=":
      return port >= test.port;
  }
}

const HOSTS = [
  "127.0.0.1",
  "127.0.0.0/8",
  "127/8",
  "127.0.0.1/255.255.0.0",
  "120.0.0.0/5",
  "128.0.0.0/1",
  "10.1.2.3",
  "[::1]",
  "[::ffff:127.0.0.1]",
  "[::ffff:0:0/96]",
  "2001:db8::/32",
  "*",
];
/**
 * ss evaluates a filter once more on what the kernel has chosen, and then does not compare families: `::` is in
 * 0.0.0.0/8, and 127.0.0.1 in ::/1. With it, `not` loses sockets.
 */
const ODD_HOSTS = ["0.0.0.0/0", "0.0.0.0", "10.1.2.3/4", "[::]", "[::/1]", "[::/0]", "any", "default"];
const EQUAL = ["", "= ", "== ", "eq "];
const COMPARISONS = [
  ...EQUAL,
  "!= ",
  "ne ",
  "neq ",
  "< ",
  "lt ",
  "<= ",
  "le ",
  "leq ",
  "> ",
  "gt ",
  ">= ",
  "ge ",
  "geq ",
];

/**
 * Words of a filter that both ss and parseSocketFilter read.
 * @param random integers from 0 to `limit - 1`
 * @param odd whether what ss finds something else for is among them
 */
export function randomWords(
  random: (limit: number) => number,
  ports: readonly number[],
  odd: boolean,
  depth = 0,
): string {
  const hosts = odd ? [...HOSTS, ...ODD_HOSTS] : HOSTS;
  const pick = <T>(...all: readonly T[]): T => all[random(all.length)] as T;
  const port = (): number => (random(4) === 0 ? pick(0, 1, 65535, 32768, random(65536)) : pick(...ports));
  const again = (): string => randomWords(random, ports, odd, depth + 1);
  switch (depth > 4 ? random(6) : random(11)) {
    case 0:
      return `${pick("src", "dst")} ${pick(...EQUAL)}${pick(...hosts)}`;
    case 1:
      return `${pick("src", "dst")} ${pick(...EQUAL)}${pick("", "*", "127.0.0.1", "127.0.0.0/8", "[::1]")}:${pick("*", String(port()), String(port()))}`;
    case 2:
    case 3:
      return `${pick("sport", "dport")} ${pick(...COMPARISONS)}${pick(":", "")}${port()}`;
    case 4:
      return pick(
        "dev lo",
        "dev = 1",
        "dev != lo",
        "fwmark = 0x10/0x3",
        "fwmark 0",
        "fwmark != 17",
        "fwmark 0x10/0xff",
      );
    case 5:
      return pick(odd ? "autobound" : "dport > :0", "sport = :*", "dport = :domain", "sport = :0x2329");
    case 6:
      return `${pick("!", "not")} ${again()}`;
    case 7:
      return `( ${again()} )`;
    case 8:
      return `${again()} ${pick("or", "|", "||")} ${again()}`;
    case 9:
      return `${again()} ${pick("and", "&", "&&")} ${again()}`;
    default:
      return `${again()} ${again()}`;
  }
}
