/** Configurations of a namespace that are made by chance, as lines for `ip -batch`. */
import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";

export interface Size {
  /** Pairs of veth, and in proportion to them links of the other kinds. */
  readonly pairs: number;
  readonly addresses: number;
  /** Of each family. */
  readonly routes: number;
  readonly rules: number;
  readonly neighbors: number;
}

export const SMALL: Size = { pairs: 6, addresses: 30, routes: 40, rules: 14, neighbors: 28 };
/** What the project's aim names: 200 links, 500 addresses and 5,000 routes in both families. */
export const LARGE: Size = { pairs: 60, addresses: 560, routes: 2500, rules: 120, neighbors: 400 };

/** Chance that is the same in every run. */
class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** xorshift32 */
  below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  maybe(text: string, one = 2): string {
    return this.below(one) === 0 ? ` ${text}` : "";
  }
}

const mac = (n: number): string =>
  `02:00:00:00:${((n >> 8) & 255).toString(16).padStart(2, "0")}:${(n & 255).toString(16).padStart(2, "0")}`;

const BRIDGE = [
  "mcast_snooping 0",
  "stp_state 1 hello_time 1000",
  "vlan_filtering 1",
  "vlan_default_pvid 7",
  "group_fwd_mask 8",
  "group_address 01:80:c2:00:00:04",
  "nf_call_iptables 1",
  "mcast_querier 1",
  "mcast_igmp_version 3",
  "no_linklocal_learn 1",
  "mcast_hash_max 512",
  "mcast_last_member_interval 200",
  "mcast_router 2",
];
const PORT = [
  "hairpin on",
  "isolated on",
  "learning off",
  "guard on",
  "root_block on",
  "flood off",
  "neigh_suppress on",
  "mcast_router 2",
  "group_fwd_mask 0x4000",
  "group_fwd_mask 0xc008",
  "locked on",
  "vlan_tunnel on",
  "fastleave on",
  "proxy_arp on",
  "mcast_to_unicast on",
];

function links(c: Chance, { pairs }: Size): string[] {
  const lines = ["link set lo up"];
  for (let at = 0; at < pairs; at++) {
    lines.push(
      `link add v${at} mtu ${1300 + c.below(8000)}${c.maybe(`address ${mac(at + 256)}`)}${c.maybe("txqueuelen 55")}${c.maybe("numtxqueues 3 numrxqueues 2", 5)} type veth peer name w${at}`,
      `link set w${at} ${at < 2 ? "up" : c.pick(["up", "down"])}${c.maybe(`alias ${c.pick(["words", "two,three", "ünïcode"])}`)}${c.maybe(`group ${c.pick(["7", "default", "70"])}`)}`,
      `link set v${at} up${c.maybe("multicast off")}${c.maybe("arp off", 4)}${c.maybe("promisc on")}${c.maybe("allmulticast on", 4)}${c.maybe("xdp none", 6)}`,
    );
    if (c.below(4) === 0)
      lines.push(`link property add dev w${at} altname other-name-of-w${at}${c.maybe(`altname third${at}`)}`);
    if (c.below(6) === 0) lines.push(`link set w${at} addrgenmode ${c.pick(["none", "random", "eui64"])}`);
    if (c.below(8) === 0)
      lines.push(
        `link set v${at} ${c.pick(["gso_max_size 30000", "gso_max_segs 9", "gro_max_size 20000", "txqueuelen 0"])}`,
      );
    if (c.below(9) === 0)
      lines.push(`link set w${at} ${c.pick(["mode dormant", "state dormant", "brd ff:ff:ff:ff:ff:00"])}`);
  }
  const share = (count: number): number => Math.max(1, Math.round((pairs * count) / 60));
  const bridges = Math.max(2, share(20));
  for (let at = 0; at < bridges; at++) {
    const made = `forward_delay ${200 + c.below(2000)} priority ${c.below(16) * 4096} ageing_time ${20000 + c.below(30000)}`;
    lines.push(`link add br${at} type bridge ${made}`);
    // One by one: what this kernel has not does not take the others with it.
    for (const option of BRIDGE) if (c.below(4) === 0) lines.push(`link set br${at} type bridge ${option}`);
    if (c.below(3) > 0) lines.push(`link set br${at} up`);
  }
  for (let at = 0; at < share(40); at++) {
    lines.push(
      `link set w${at} master br${c.below(bridges)}`,
      `link set w${at} type bridge_slave cost ${1 + c.below(60000)} priority ${c.below(64)}`,
    );
    for (const option of PORT)
      if (c.below(4) === 0) lines.push(`link set w${at} type bridge_slave ${option}`);
  }
  for (let at = 0; at < share(20); at++) {
    lines.push(
      `link add link v${at} mac${at}${c.maybe("mtu 1290", 3)} type macvlan mode ${c.pick(["bridge", "vepa", "private", "source"])}${c.maybe("bcqueuelen 77", 3)}`,
    );
    if (c.below(3) === 0) lines.push(`link set mac${at} type macvlan macaddr add ${mac(at)}`);
    if (c.below(2) === 0) lines.push(`link set mac${at} up`);
  }
  for (let at = 0; at < share(5); at++)
    lines.push(`link add link v${at} tap${at} type macvtap mode ${c.pick(["bridge", "vepa"])}`);
  for (let at = 0; at < share(15); at++)
    lines.push(
      `link add ifb${at}${c.maybe("txqueuelen 9")} type ifb`,
      `link set ifb${at} ${c.pick(["up", "down"])}`,
    );
  for (let at = 0; at < share(15); at++) {
    const far = c.pick([
      "remote 192.0.2.9",
      `group 239.1.1.${at} dev v1`,
      "local 192.0.2.1",
      "remote 2001:db8::9",
      "local 2001:db8::1 group ff05::9 dev v1",
      "external",
    ]);
    const id = far === "external" ? "" : ` id ${c.below(1 << 24)}`;
    lines.push(
      `link add vx${at} type vxlan${id} dstport ${4789 + at}${c.maybe("nolearning")} ${far} ttl ${c.pick(["7", "255", "auto", "inherit"])} df ${c.pick(["set", "unset", "inherit"])}${c.pick(["", "", " tos inherit", " tos 0x10"])}${c.maybe("srcport 4000 5000", 3)}${c.maybe("proxy", 4)}${c.maybe("rsc", 4)}${c.maybe("l2miss", 4)}${c.maybe("l3miss", 4)}${c.maybe("ageing 77", 3)}${c.maybe("maxaddress 99", 3)}${c.maybe("noudpcsum", 3)}${c.maybe("udp6zerocsumtx", 4)}${c.maybe("udp6zerocsumrx", 4)}${c.maybe("gbp", 6)}${c.maybe("remcsumtx", 8)}`,
    );
  }
  for (let at = 0; at < share(5); at++) {
    lines.push(
      `tuntap add mode ${c.pick(["tap", "tun"])} tun${at}${c.maybe(`user ${c.below(9)}`)}${c.maybe("group 5")}${c.maybe("pi", 3)}${c.maybe("vnet_hdr", 3)}${c.maybe("multi_queue", 3)}`,
    );
  }
  return lines;
}

function addresses(c: Chance, { pairs, addresses: count }: Size): string[] {
  const lines: string[] = [];
  for (let at = 0; at < pairs; at++) {
    lines.push(
      `addr add 10.${at}.0.1/24 dev v${at}${c.maybe("broadcast +")}${c.maybe(`label v${at}:x`)}`,
      `addr add 2001:db8:${at}::1/64 dev v${at} nodad${c.maybe("preferred_lft 0", 5)}`,
    );
  }
  for (let at = 2 * pairs; at < count; at++) {
    const dev = c.below(pairs);
    const host = 2 + (at % 250);
    lines.push(
      c.pick([
        () =>
          `addr add 10.${dev}.${at >> 8}.${at & 255}/${c.pick([24, 25, 32])} dev v${dev}${c.maybe("scope link", 3)}${c.maybe("metric 77", 3)}${c.maybe("noprefixroute", 3)}${c.maybe("valid_lft 1000 preferred_lft 500", 3)}`,
        () => `addr add 172.16.${dev}.${host} peer 172.17.${dev}.${host}${c.pick(["", "/24"])} dev v${dev}`,
        () =>
          `addr add 2001:db8:${dev}::${(0x100 + at).toString(16)}/${c.pick([64, 128, 96])} dev v${dev} nodad${c.maybe("noprefixroute")}${c.pick(["", "", " preferred_lft 0", " valid_lft 4000 preferred_lft 3000"])}${c.maybe("metric 99", 5)}${c.maybe("home", 6)}`,
        () =>
          `addr add fd00:${dev}::${at.toString(16)} peer fd00:${dev}:1::${at.toString(16)}/128 dev v${dev}${c.maybe("nodad")}`,
        () => `addr add 198.18.${at >> 8}.${at & 255}/32 dev lo${c.maybe("scope host")}`,
      ])(),
    );
  }
  return lines;
}

/** Nexthop objects, 1 to 7. */
const NEXTHOPS = [
  "nexthop add id 1 via 10.0.0.2 dev v0",
  "nexthop add id 2 via 10.1.0.3 dev v1 proto static",
  "nexthop add id 3 group 1,3/2,5",
  "nexthop add id 4 blackhole",
  "nexthop add id 5 via 2001:db8:1::3 dev v1",
  "nexthop add id 6 via 2001:db8::4 dev v0 onlink",
  "nexthop add id 7 group 5,2/6",
];

const TYPES = ["blackhole", "unreachable", "prohibit", "throw"];

function common(c: Chance): string {
  return `${c.maybe(`metric ${1 + c.below(999)}`)}${c.maybe(`table ${c.pick([5, 77, 1000, "default", 123456, "local"])}`, 3)}${c.maybe(`proto ${c.pick(["static", "dhcp", "bgp", "ra", "zebra", 200])}`)}`;
}

function metrics(c: Chance, six: boolean): string {
  const lock = (): string => c.maybe("lock", 4);
  return `${c.maybe(`mtu${lock()} 1300`, 4)}${c.maybe(`advmss${lock()} 900`, 4)}${c.maybe(`rtt ${c.pick(["300ms", "2s", "40"])}`, 8)}${c.maybe("rttvar 30ms", 9)}${c.maybe("rto_min 20ms", 9)}${c.maybe(`hoplimit${lock()} 9`, 6)}${c.maybe("initcwnd 20", 5)}${c.maybe("initrwnd 30", 9)}${c.maybe("window 70", 9)}${c.maybe("cwnd 7", 9)}${c.maybe("ssthresh 8", 9)}${c.maybe("reordering 4", 9)}${c.maybe("quickack 1", 6)}${c.maybe("features ecn", 7)}${c.maybe("fastopen_no_cookie 1", 9)}${six ? "" : c.maybe("congctl reno", 6)}`;
}

function route4(c: Chance, at: number, pairs: number): string {
  const dev = c.below(pairs);
  const via = `via 10.${dev}.0.${2 + c.below(200)}`;
  const to = `100.${at >> 8}.${at & 255}.0/${c.pick([24, 25, 28, 32])}`;
  const rest = common(c);
  return c.pick([
    () =>
      `route add ${to} ${via}${rest}${c.maybe(`tos ${c.pick(["0x10", "0x08", "0x04"])}`, 5)}${metrics(c, false)}${c.maybe(`src 10.${dev}.0.1`, 4)}${c.maybe(`realms ${c.pick(["4", "3/9"])}`, 6)}`,
    () => `route add ${to} ${via} dev v${dev} onlink${rest}`,
    () => `route add ${to} dev v${dev} scope ${c.pick(["link", "host", "77"])}${rest}`,
    () => `route add ${c.pick(TYPES)} ${to}${rest}`,
    () =>
      `route add ${to}${rest} nexthop ${via} weight ${1 + c.below(200)}${c.maybe("realms 5", 4)} nexthop via 10.${(dev + 1) % pairs}.0.9 dev v${(dev + 1) % pairs} onlink${c.maybe("weight 2")}`,
    () => `route add ${to}${rest} nexthop ${via} nexthop via inet6 2001:db8:${dev}::9 dev v${dev}`,
    () => `route add ${to} via inet6 2001:db8:${dev}::9 dev v${dev}${rest}`,
    () => `route add ${to}${rest} nhid ${c.pick([1, 2, 3, 4, 5])}`,
    () =>
      `route add ${to} encap ip id ${1 + c.below(9)} dst 192.0.2.9${c.maybe("src 192.0.2.8")}${c.maybe("ttl 9")}${c.maybe("tos 4")}${c.maybe("key")} ${via}${rest}`,
    () =>
      `route add ${c.pick(["local", "broadcast", "multicast"])} ${to} dev ${c.pick(["lo", `v${dev}`])}${rest}`,
  ])();
}

function route6(c: Chance, at: number, pairs: number): string {
  const dev = c.below(pairs);
  const via = `via 2001:db8:${dev}::${(2 + c.below(200)).toString(16)}`;
  const to = `2001:db9:${at.toString(16)}::/${c.pick([48, 56, 64, 128])}`;
  const rest = common(c);
  return `-6 ${c.pick([
    () =>
      `route add ${to} ${via}${rest}${metrics(c, true)}${c.maybe(`pref ${c.pick(["high", "low", "medium"])}`, 4)}${c.maybe("expires 700", 4)}${c.maybe(`src 2001:db8:${dev}::1`, 5)}`,
    () => `route add ${to} via fe80::${at.toString(16)} dev v${dev}${rest}`,
    () => `route add ${c.pick(TYPES)} ${to}${rest}`,
    () =>
      `route add ${to}${rest} nexthop ${via} weight ${1 + c.below(9)} nexthop via 2001:db8:${(dev + 1) % pairs}::9`,
    () => `route add ${to} from 2001:db8::/${c.pick([32, 64])} dev v${dev}${rest}`,
    () => `route add ${to}${rest} nhid ${c.pick([5, 6, 7])}`,
    () => `route add ${to} encap ip6 id 5 dst 2001:db8::9 hoplimit 7 dev v${dev}${rest}`,
    () =>
      `route add ${to} encap seg6 mode ${c.pick(["encap", "inline"])} segs 2001:db8::8,2001:db8::9 dev v${dev}${rest}`,
    () =>
      `route add ${to} encap seg6local action ${c.pick(["End", "End.X nh6 2001:db8::7", "End.DT6 table 77", "End.DX2 oif v0", "End.DX4 nh4 10.0.0.5", "End.B6.Encaps srh segs 2001:db8::8"])} dev v${dev}${rest}`,
    () => `route add ${c.pick(["local", "anycast"])} ${to} dev ${c.pick(["lo", `v${dev}`])}${rest}`,
  ])()}`;
}

function neighbors(c: Chance, { pairs, neighbors: count }: Size): string[] {
  return Array.from({ length: count }, (_, at) => {
    const dev = c.below(pairs);
    const address =
      at % 2 === 0 ? `10.${dev}.${1 + (at >> 8)}.${at & 255}` : `2001:db8:${dev}:1::${at.toString(16)}`;
    if (c.below(6) === 0) return `neigh add proxy ${address} dev v${dev}${c.maybe("protocol bgp", 3)}`;
    const state = c.pick(["permanent", "permanent", "noarp", "reachable", "stale"]);
    return `neigh add ${address} lladdr ${mac(at)} dev v${dev} nud ${state}${c.maybe("extern_learn", 4)}${c.maybe("router", 4)}${c.maybe("protocol static", 4)}`;
  });
}

const ACTIONS = [
  "table 77",
  "table main suppress_prefixlength 0",
  "table 99 suppress_ifgroup 7",
  "lookup 123456",
  "blackhole",
  "prohibit",
  "unreachable",
  "nop",
  "goto 32766",
  "goto 31000",
  "table main realms 3/4",
  "table 5 realms 6",
];

function rules(c: Chance, { pairs, rules: count }: Size): string[] {
  return Array.from({ length: count }, (_, at) => {
    const six = c.below(2) === 0;
    const net = six ? c.pick(["2001:db8:5::/48", "2001:db8::1"]) : c.pick(["10.0.0.0/8", "192.0.2.1"]);
    const ipProtocol = `ipproto ${c.pick(["tcp", "udp"])}${c.maybe(`sport ${c.pick(["7", "9-11"])}`)}${c.maybe(`dport ${c.pick(["80", "100-200"])}`)}`;
    const selector = `${c.maybe("not", 5)}${c.maybe(`from ${net}`)}${c.maybe(`to ${six ? "2001:db8::7" : "192.0.2.7"}`)}${c.maybe(`tos ${c.pick(["0x10", "0x08"])}`, 5)}${c.maybe(`fwmark ${c.below(255)}${c.pick(["", "/0xff", "/0"])}`)}${c.maybe(`iif v${c.below(pairs)}`)}${c.maybe("oif nosuch")}${c.maybe("uidrange 0-99", 4)}${c.maybe(ipProtocol, 4)}${c.maybe("tun_id 7", 6)}`;
    const action = c.below(12) === 0 ? "l3mdev" : c.pick(ACTIONS);
    return `${six ? "-6 " : ""}rule add${selector} priority ${1000 + at * 3} ${action}${c.maybe("protocol static", 4)}`;
  });
}

/** Lines for `ip -batch`. */
export function generate(seed: number, size: Size): string[] {
  const c = new Chance(seed);
  const { pairs, routes } = size;
  return [
    ...links(c, size),
    ...addresses(c, size),
    ...NEXTHOPS,
    ...Array.from({ length: routes }, (_, at) => [route4(c, at, pairs), route6(c, at, pairs)]).flat(),
    ...neighbors(c, size),
    ...rules(c, size),
  ];
}

const LAST = "link set lo alias the-last-line";

/** Has ip(8) make a configuration in this namespace. @returns the lines that were refused */
export function make(lines: readonly string[]): string[] {
  quiet();
  // A line has no options of its own.
  const six = lines.filter((line) => line.startsWith("-6 "));
  const rest = lines.filter((line) => !line.startsWith("-6 "));
  return [
    ...batch(rest),
    ...batch(
      six.map((line) => line.slice(3)),
      "-6",
    ),
  ];
}

function batch(lines: readonly string[], ...options: string[]): string[] {
  const input = `${[...lines, LAST].join("\n")}\n`;
  execFileSync("ip", ["link", "set", "lo", "alias", "not-yet"]);
  const { stderr } = spawnSync("ip", [...options, "-force", "-batch", "-"], { input, encoding: "utf8" });
  // A word that ip(8) does not know ends it, whatever else there is to do.
  const [lo] = JSON.parse(execFileSync("ip", ["-j", "link", "show", "lo"], { encoding: "utf8" }));
  if (!LAST.endsWith(lo.ifalias)) throw new Error(`ip -batch ended early: ${stderr.slice(-500)}`);
  const refused = [...stderr.matchAll(/^Command failed -:(\d+)$/gm)];
  return refused.map(([, number]) => `${lines[Number(number) - 1]}`);
}

/** No address is doubted, and no link sends of its own accord: what is there stays as it is. */
function quiet(): void {
  for (const link of readdirSync("/proc/sys/net/ipv6/conf")) {
    for (const name of ["accept_dad", "router_solicitations"]) {
      writeFileSync(`/proc/sys/net/ipv6/conf/${link}/${name}`, "0");
    }
  }
}

/** Waits until two readings of the links and routes are the same: the kernel tells of carriers up to a second later. */
export async function settled(): Promise<void> {
  const read = (): string =>
    [["link"], ["addr"], ["-6", "route", "show", "table", "all"]]
      .map((words) => execFileSync("ip", ["-N", ...words], { encoding: "utf8", maxBuffer: 1e8 }))
      .join("");
  for (let before = read(), tries = 0; tries < 20; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 250));
    const now = read();
    if (now === before) return;
    before = now;
  }
}
