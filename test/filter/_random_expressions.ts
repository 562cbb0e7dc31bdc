/** Random filter expressions from a seed: addresses, ports and bytes that {@link ./_packets.ts} also uses. */
import type { Random } from "./_random.ts";

export const HOSTS4 = ["10.0.0.1", "10.0.0.2", "192.168.1.7", "224.0.0.5", "255.255.255.255"];
export const HOSTS6 = ["::1", "2001:db8::1", "2001:db8::2", "fe80::1", "ff02::1"];
export const PORTS = [20, 22, 53, 80, 443, 8080];
export const MACS = ["02:00:00:00:00:01", "02:00:00:00:00:02", "ff:ff:ff:ff:ff:ff"];
const DIRECTIONS = ["", "", "", "src ", "dst ", "src or dst ", "src and dst "];

/** An expression, of which depth 0 is one question. */
export function randomExpression(random: Random, depth = 2): string {
  const parts = random.integer(1, depth === 0 ? 1 : 4);
  let text = randomQuestion(random, depth);
  for (let i = 1; i < parts; i++)
    text += ` ${random.pick(["and", "or", "&&", "||"])} ${randomQuestion(random, depth)}`;
  return text;
}

function randomQuestion(random: Random, depth: number): string {
  const roll = random.integer(0, 9);
  if (depth > 0 && roll < 2) return `(${randomExpression(random, depth - 1)})`;
  if (depth > 0 && roll < 4) return `${random.pick(["not", "!"])} ${randomQuestion(random, depth - 1)}`;
  return random.pick([
    host,
    host,
    port,
    port,
    port,
    protocol,
    protocol,
    bytes,
    bytes,
    network,
    inside,
    special,
  ])(random);
}

function list(random: Random, one: () => string): string {
  switch (random.integer(0, 7)) {
    case 0:
      return `(${one()} or ${one()})`;
    case 1:
      return `${one()} or ${one()} or not ${one()}`;
    case 2:
      return `not ${one()}`;
    default:
      return one();
  }
}

function host(random: Random): string {
  const direction = random.pick(DIRECTIONS);
  const kind = direction === "" || random.integer(0, 1) === 0 ? "host " : "";
  switch (random.integer(0, 4)) {
    case 0:
      return random.pick(["", "ip6 "]) + direction + kind + list(random, () => random.pick(HOSTS6));
    case 1:
      return `ether ${direction}${kind}${random.pick(MACS)}`;
    default:
      return (
        random.pick(["", "", "ip ", "arp ", "rarp "]) +
        direction +
        kind +
        list(random, () => random.pick(HOSTS4))
      );
  }
}

function network(random: Random): string {
  const direction = random.pick(DIRECTIONS);
  const net = random.pick([
    "10",
    "192.168",
    "10.0.0.0/8",
    "10.0.0.0/30",
    "192.168.0.0 mask 255.255.0.0",
    "0.0.0.0/0",
    "2001:db8::/32",
    "fe80::/10",
    "2001:db8::/127",
  ]);
  return `${direction}net ${net}`;
}

function port(random: Random): string {
  const prefix = random.pick(["", "", "tcp ", "udp ", "sctp "]) + random.pick(DIRECTIONS);
  if (random.integer(0, 3) === 0) {
    const [a, b] = [random.pick(PORTS), random.pick(PORTS)];
    return `${prefix}portrange ${a}-${b}`;
  }
  return `${prefix}port ${list(random, () => String(random.pick(PORTS)))}`;
}

function protocol(random: Random): string {
  return random.pick([
    ..."ip ip6 arp rarp tcp udp icmp icmp6 igmp sctp ah esp pim vrrp stp ipx atalk aarp netbeui iso decnet".split(
      " ",
    ),
    "ip proto 6",
    "ip6 proto 44",
    "ip proto \\udp",
    "proto 47",
    "proto gre",
    "ether proto 0x88cc",
    "ether proto \\ip6",
    "ether proto 0x42",
    "ether proto \\loopback",
  ]);
}

function inside(random: Random): string {
  if (random.integer(0, 2) > 0) return protocol(random);
  return random.pick(["vlan", "vlan 5", "vlan 100", "mpls", "mpls 16", "pppoed", "pppoes", "pppoes 7"]);
}

function special(random: Random): string {
  return random.pick([
    "broadcast",
    "multicast",
    "ether broadcast",
    "ether multicast",
    "ip broadcast",
    "ip multicast",
    "ip6 multicast",
    `less ${random.integer(14, 100)}`,
    `greater ${random.integer(14, 100)}`,
  ]);
}

function bytes(random: Random): string {
  const relation = random.pick(["=", "==", "!=", "<", "<=", ">", ">="]);
  if (random.integer(0, 2) === 0) {
    return random.pick([
      `tcp[tcpflags] & (tcp-syn|tcp-fin) ${relation} 0`,
      `icmp[icmptype] ${relation} icmp-echo`,
      `ip[6:2] & 0x1fff ${relation} 0`,
      `len ${relation} ${random.integer(20, 90)}`,
      `ip[2:2] - ((ip[0] & 0xf) << 2) - ((tcp[12] & 0xf0) >> 2) ${relation} 0`,
      `tcp[((tcp[12:1] & 0xf0) >> 2):4] ${relation} 0x47455420`,
      "ip[0] & 0xf != 5",
      "icmp6[0] = 135",
    ]);
  }
  return `${arithmetic(random, 2)} ${relation} ${arithmetic(random, 1)}`;
}

function arithmetic(random: Random, depth: number): string {
  const roll = random.integer(0, 11);
  if (depth > 0 && roll < 4) {
    const operator = random.pick(["+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>"]);
    const right = "/%<<>>".includes(operator) ? String(random.integer(1, 9)) : arithmetic(random, depth - 1);
    const text = `${arithmetic(random, depth - 1)} ${operator} ${right}`;
    return random.integer(0, 1) === 0 ? `(${text})` : text;
  }
  if (depth > 0 && roll === 4) return `-(${arithmetic(random, depth - 1)})`;
  if (roll < 7) return String(random.pick([0, 1, 5, 6, 17, 0x45, 80, 0x800, 0x86dd, 0xffff]));
  if (roll === 7) return "len";
  const header = random.pick([
    "ether",
    "ether",
    "ip",
    "ip",
    "tcp",
    "udp",
    "icmp",
    "ip6",
    "arp",
    "icmp6",
    "sctp",
  ]);
  const size = random.pick(["", "", ":1", ":2", ":4"]);
  const offset =
    random.integer(0, 5) === 0 && depth > 0 ? arithmetic(random, 0) : String(random.integer(0, 40));
  return `${header}[${offset}${size}]`;
}
