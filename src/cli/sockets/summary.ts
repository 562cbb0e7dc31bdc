/** `sockets -s`: how many sockets of each kind there are, as /proc/net/sockstat counts them. */
import { readFileSync } from "node:fs";

/** Counters by `TCP.inuse`, and `Tcp.CurrEstab` of /proc/net/snmp. */
function counters(): Map<string, number> {
  const found = new Map<string, number>();
  for (const file of ["/proc/net/sockstat", "/proc/net/sockstat6"]) {
    for (const line of textOf(file).split("\n")) {
      const [name = "", ...words] = line.split(/[: ]+/);
      for (let at = 0; at + 1 < words.length; at += 2)
        found.set(`${name}.${words[at]}`, Number(words[at + 1]));
    }
  }
  const [names, values] = textOf("/proc/net/snmp")
    .split("\n")
    .filter((line) => line.startsWith("Tcp:"))
    .map((line) => line.split(" "));
  for (const [at, name] of (names ?? []).entries()) found.set(`Tcp.${name}`, Number(values?.[at]));
  return found;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return ""; // a kernel without IPv6
  }
}

export interface Summary {
  /** Of all families. */
  readonly total: number;
  readonly tcp: {
    readonly total: number;
    readonly established: number;
    readonly closed: number;
    readonly orphaned: number;
    readonly timeWait: number;
  };
  readonly transports: Readonly<Record<"raw" | "udp" | "tcp" | "inet" | "frag", PerFamily>>;
}

interface PerFamily {
  readonly total: number;
  readonly ipv4: number;
  readonly ipv6: number;
}

export function summary(): Summary {
  const all = counters();
  const of = (name: string): number => all.get(name) ?? 0;
  const both = (ipv4: number, ipv6: number): PerFamily => ({ total: ipv4 + ipv6, ipv4, ipv6 });
  const raw = both(of("RAW.inuse"), of("RAW6.inuse"));
  const udp = both(of("UDP.inuse"), of("UDP6.inuse"));
  const tcp = both(of("TCP.inuse"), of("TCP6.inuse"));
  const timeWait = of("TCP.tw");
  return {
    total: of("sockets.used"),
    tcp: {
      total: of("TCP.alloc") + timeWait,
      established: of("Tcp.CurrEstab"),
      closed: of("TCP.alloc") - (tcp.total - timeWait),
      orphaned: of("TCP.orphan"),
      timeWait,
    },
    transports: {
      raw,
      udp,
      tcp,
      inet: both(raw.ipv4 + udp.ipv4 + tcp.ipv4, raw.ipv6 + udp.ipv6 + tcp.ipv6),
      frag: both(of("FRAG.inuse"), of("FRAG6.inuse")),
    },
  };
}

export function summaryText({ total, tcp, transports }: Summary): string {
  const column = (number: number): string => `${number}`.padEnd(9);
  const rows = Object.entries(transports).map(
    ([name, { total: both, ipv4, ipv6 }]) =>
      `${name.toUpperCase()}\t  ${column(both)} ${column(ipv4)} ${column(ipv6)}\n`,
  );
  return (
    `Total: ${total}\n` +
    `TCP:   ${tcp.total} (estab ${tcp.established}, closed ${tcp.closed}, orphaned ${tcp.orphaned}, timewait ${tcp.timeWait})\n` +
    `\nTransport Total     IP        IPv6\n${rows.join("")}\n`
  );
}
