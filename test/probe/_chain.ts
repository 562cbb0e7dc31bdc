/** What the trace tests share: a chain of two routers and a far host, and what traceroute(8) says of it. */
import { execFileSync, spawnSync } from "node:child_process";
import type { TraceHop, TraceOptions, TraceResult } from "../../src/probe/index.ts";
import { trace } from "../../src/probe/index.ts";
import { noIpv6 } from "../socket/_helpers.ts";
import { Host, wire } from "../socket/_wires.ts";

export type Family = "ipv4" | "ipv6";

export const NEAR = { ipv4: "192.0.2.1", ipv6: "2001:db8::1" } as const;
export const FIRST = { ipv4: "192.0.2.254", ipv6: "2001:db8::fe" } as const;
export const SECOND = { ipv4: "198.51.100.2", ipv6: "2001:db8:1::2" } as const;
export const FAR = { ipv4: "203.0.113.2", ipv6: "2001:db8:2::2" } as const;

export const FAMILIES: readonly { readonly family: Family; readonly skip: string | false }[] = [
  { family: "ipv4", skip: false },
  { family: "ipv6", skip: noIpv6 },
];

export interface Chain {
  readonly near: Host;
  readonly first: Host;
  readonly second: Host;
  readonly far: Host;
}

/** This host, two routers, and the far host; nobody limits its ICMP errors. */
export function chain(): Chain {
  const [near, first, second, far] = [Host.home(), Host.create(), Host.create(), Host.create()];
  wire(
    { host: near, name: "near0", addresses: [`${NEAR.ipv4}/24`, `${NEAR.ipv6}/64`] },
    { host: first, name: "a0", addresses: [`${FIRST.ipv4}/24`, `${FIRST.ipv6}/64`] },
  );
  wire(
    { host: first, name: "a1", addresses: ["198.51.100.1/24", "2001:db8:1::1/64"] },
    { host: second, name: "b0", addresses: [`${SECOND.ipv4}/24`, `${SECOND.ipv6}/64`] },
  );
  wire(
    { host: second, name: "b1", addresses: ["203.0.113.254/24", "2001:db8:2::fe/64"] },
    { host: far, name: "far0", addresses: [`${FAR.ipv4}/24`, `${FAR.ipv6}/64`] },
  );
  for (const host of [first, second, far]) {
    host.sh(`
      echo 1 > /proc/sys/net/ipv4/ip_forward
      echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
      echo 0 > /proc/sys/net/ipv4/icmp_ratelimit
      echo 0 > /proc/sys/net/ipv6/icmp/ratelimit
      if [ -w /proc/sys/net/ipv4/icmp_msgs_burst ]; then
        echo 1000000 > /proc/sys/net/ipv4/icmp_msgs_per_sec
        echo 100000 > /proc/sys/net/ipv4/icmp_msgs_burst
      fi`);
  }
  near.sh(`ip route add default via ${FIRST.ipv4}; ip -6 route add default via ${FIRST.ipv6}`);
  first.sh(
    `ip route add 203.0.113.0/24 via ${SECOND.ipv4}; ip -6 route add 2001:db8:2::/64 via ${SECOND.ipv6}`,
  );
  second.sh("ip route add default via 198.51.100.1; ip -6 route add default via 2001:db8:1::1");
  far.sh("ip route add default via 203.0.113.254; ip -6 route add default via 2001:db8:2::fe");
  return { near, first, second, far };
}

/** Gives a host rules of nftables in a chain of this hook, in place of those that it had. */
export function rules(host: Host, hook: string, ...lines: readonly string[]): void {
  host.sh(`
    nft flush ruleset
    nft 'add table inet t'
    nft 'add chain inet t c { type filter hook ${hook} priority -300; }'
    ${lines.map((line) => `nft 'add rule inet t c ${line}'`).join("\n")}`);
}

const has = (program: string): boolean =>
  spawnSync("sh", ["-c", `PATH=$PATH:/usr/sbin:/sbin; command -v ${program}`]).status === 0;

/** For `skip`. */
export const noNft: string | false = has("nft") ? false : "needs nft of nftables";
export const noTraceroute: string | false = has("traceroute") ? false : "needs traceroute";

/** What was said of each probe: the address with its mark, or `*`. */
export type Row = readonly [ttl: number, ...probes: string[]];

/** Reads the lines of `traceroute -n`. */
export function rowsOf(output: string): Row[] {
  const lines = output.split("\n").filter((line) => /^\s*\d+ /.test(line));
  return lines.map((line) => {
    const [ttl, ...words] = line.trim().split(/\s+/);
    const probes: string[] = [];
    let who = "";
    for (const word of words) {
      if (word === "*") probes.push("*");
      else if (word === "ms") probes.push(who);
      else if (word.startsWith("!") || word.startsWith("F=")) probes.push(`${probes.pop()} ${word}`);
      else if (!/^\d+\.\d{3}$/.test(word)) who = word;
    }
    return [Number(ttl), ...probes];
  });
}

/** The same of our hops. */
export function rowsOfHops(hops: readonly TraceHop[]): Row[] {
  return hops.map(({ ttl, probes }) => [
    ttl,
    ...probes.map((probe) => {
      if (probe.reply === undefined) return "*";
      const marks = [probe.annotation, probe.mtu === undefined ? undefined : `F=${probe.mtu}`];
      return [probe.from.ip, ...marks.filter((mark) => mark !== undefined)].join(" ");
    }),
  ]);
}

/** `traceroute -n`, on this host; it waits for two seconds, whatever others have taken. */
export function traceroute(...args: readonly string[]): Row[] {
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  return rowsOf(execFileSync("traceroute", ["-n", "-w", "2", ...args], { encoding: "utf8", env }));
}

/** Traces to the end. */
export async function traced(target: string, options: TraceOptions = {}): Promise<TraceResult> {
  const session = trace(target, options);
  const told: TraceHop[] = [];
  for await (const hop of session) told.push(hop);
  if (session.result === undefined) throw new Error("the trace has no result");
  if (told.some((hop, i) => hop !== session.result?.hops[i]))
    throw new Error("hops differ from the result's");
  return session.result;
}
