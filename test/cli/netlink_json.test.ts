/** The tables as JSON against `ip -j -d`, field by field, for configurations that are made by chance. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { type Json, LinkNames, linkJson } from "../../src/cli/_link_json.ts";
import { addressJson, neighborJson, routeJson, ruleJson } from "../../src/cli/_netlink_json.ts";
import { RouteSocket } from "../../src/netlink/route/index.ts";
import { isolated } from "../socket/_helpers.ts";
import { missing } from "./_cli.ts";

/** What differs between two readings by itself, and what ip(8) has that is left out, with the reason. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  expires: "counts down",
  valid_life_time: "counts down, unless it is for ever",
  preferred_life_time: "counts down, unless it is for ever",
  hello_timer: "counts down",
  gc_timer: "counts down",
  tcn_timer: "counts down",
  topology_change_timer: "counts down",
  hold_timer: "counts down",
  message_age_timer: "counts down",
  forward_delay_timer: "counts down",
};
/** ip(8) before 6.3 does not know who made an address. */
const NO_PROTOCOL = /^ip utility, iproute2-(?:[1-5]|6\.[0-2]\b)/.test(
  missing("ip") ? "" : execFileSync("ip", ["-V"], { encoding: "utf8" }),
);
const FOREVER = 4294967295;

function still(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(still);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(
    ([name, it]) => (!(name in LEFT_OUT) && it !== undefined) || it === FOREVER,
  );
  return Object.fromEntries(kept.map(([name, it]) => [name, still(it)]));
}

function ip(...args: string[]): Json[] {
  const text = execFileSync("ip", ["-j", "-d", ...args], { encoding: "utf8", maxBuffer: 1e8 }).trim();
  return text === "" ? [] : (JSON.parse(text) as Json[]).filter((row) => Object.keys(row).length > 0);
}

function same(ours: readonly Json[], theirs: readonly Json[], what: string): void {
  assert.ok(theirs.length > 0, `${what}: nothing to compare`);
  assert.equal(ours.length, theirs.length, what);
  for (const [at, row] of ours.entries()) {
    assert.deepEqual(still(row), still(theirs[at]), difference(what, still(row), still(theirs[at])));
  }
}

/** The first fields that differ, in few words. */
function difference(what: string, ours: unknown, theirs: unknown): string {
  const [a, b] = [ours, theirs] as [Json, Json];
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  const odd = names.filter((name) => JSON.stringify(a[name]) !== JSON.stringify(b[name]));
  const of = (name: string): string =>
    `${name}: ours ${JSON.stringify(a[name])}, theirs ${JSON.stringify(b[name])}`;
  return `${what} ${b.ifname ?? b.dst ?? b.priority}: ${odd.map(of).join("; ")}`;
}

async function compare(): Promise<void> {
  using net = RouteSocket.open();
  const links = await net.links.list();
  const names = new LinkNames(links);
  const { nameOf } = names;
  same(
    links.map((link) => linkJson(link, names, true)),
    ip("link"),
    "link",
  );
  const addresses = await net.addresses.list();
  // ip(8) puts IPv4 before IPv6 for each link, as a dump of all families does.
  const withAddresses = links.map((link) => ({
    ...linkJson(link, names, false),
    addr_info: addresses
      .filter((it) => it.device === link.index)
      .map((it) => ({
        ...addressJson(it),
        ...(NO_PROTOCOL && { protocol: undefined }),
      })),
  }));
  same(withAddresses, ip("addr"), "addr");
  for (const [flag, family] of [
    ["-4", "ipv4"],
    ["-6", "ipv6"],
  ] as const) {
    const routes = await net.routes.list({ family });
    same(
      routes.map((route) => routeJson(route, nameOf)),
      ip(flag, "route", "show", "table", "all"),
      `route ${flag}`,
    );
    const rules = await net.rules.list({ family });
    same(rules.map(ruleJson), ip(flag, "rule"), `rule ${flag}`);
    const neighbors = await net.neighbors.list({ family });
    const shown = neighbors.filter((it) => !it.state.includes("noarp")).filter((it) => it.state.length > 0);
    same(
      shown.map((it) => neighborJson(it, nameOf)),
      ip(flag, "neigh"),
      `neigh ${flag}`,
    );
  }
}

/** xorshift32: the same configurations in every run. */
function chance(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Lines for `ip -batch`. */
function generate(seed: number): string[] {
  const below = chance(seed);
  const maybe = (text: string, one = 2): string => (below(one) === 0 ? ` ${text}` : "");
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  const lines: string[] = ["link set lo up"];
  const pairs = 6;
  for (let at = 0; at < pairs; at++) {
    lines.push(
      `link add v${at} mtu ${1300 + below(8000)}${maybe(`address 02:00:00:00:01:0${at}`)}${maybe("txqueuelen 55")} type veth peer name w${at}`,
      `link set w${at} ${pick(["up", "down"])}${maybe("alias some-words")}${maybe("group 7")}`,
      `link set v${at} up${maybe("multicast off")}${maybe("arp off", 4)}${maybe("promisc on")}`,
    );
  }
  lines.push(
    `link add br0 type bridge forward_delay ${200 + below(2000)} priority ${below(16) * 4096}${maybe("mcast_snooping 0")}`,
    `link add br1 type bridge stp_state 1 ageing_time ${below(5000)} group_fwd_mask 8`,
    "link set br0 up",
    `link set w0 master br0 up`,
    `link set w0 type bridge_slave cost ${1 + below(60000)}${maybe("hairpin on")}${maybe("isolated on")}${maybe("learning off")}${maybe("guard on")}`,
    "link set w1 master br0",
    `link add mac0 link v1 type macvlan mode ${pick(["bridge", "vepa", "private"])}`,
    "link add ifb3 type ifb",
    "link property add dev ifb3 altname another-name-of-it",
    "link set ifb3 addrgenmode none",
    `link add vx0 type vxlan id ${below(1 << 24)} dstport 4789${maybe("nolearning")} ${pick(["remote 192.0.2.9", "group 239.1.1.1 dev v1", "local 192.0.2.1"])} ttl ${below(255)} df ${pick(["set", "unset"])}`,
    "tuntap add mode tap tap9",
    "link set v5 mtu 1280",
  );
  for (let at = 0; at < pairs; at++) {
    lines.push(
      `addr add 10.${at}.0.1/24 dev v${at}${maybe("broadcast +")}${maybe(`label v${at}:x`)}${maybe("valid_lft 1000 preferred_lft 500")}`,
      `addr add 10.${at}.0.2/${pick([24, 32])} dev v${at}${maybe("scope link")}${maybe("metric 77")}${maybe("noprefixroute")}`,
      `addr add 2001:db8:${at}::1/64 dev v${at} nodad${maybe("noprefixroute")}${maybe("preferred_lft 0", 3)}`,
      `addr add 172.16.${at}.1 peer 172.16.${at}.2 dev v${at}`,
    );
  }
  for (let at = 0; at < 40; at++) {
    const dev = below(pairs);
    const via = `via 10.${dev}.0.${2 + below(200)}`;
    const common = `${maybe(`metric ${1 + below(999)}`)}${maybe(`table ${pick([5, 77, 1000, "default", 123456])}`, 3)}${maybe(`proto ${pick(["static", "dhcp", "bgp", 200])}`)}`;
    const metrics = `${maybe("mtu 1300", 4)}${maybe("advmss 900", 4)}${maybe("rtt 300ms", 6)}${maybe("hoplimit 9", 6)}${maybe("initcwnd 20", 5)}${maybe("congctl reno", 6)}${maybe("quickack 1", 6)}`;
    const v4 = `100.${at}.0.0/${16 + below(17)}`.replace(/0\.0\/(\d+)/, "0.0/$1");
    const kind = below(8);
    if (kind < 4)
      lines.push(
        `route add ${v4} ${via}${common}${maybe("tos 0x10", 5)}${metrics}${maybe(`src 10.${dev}.0.1`, 4)}`,
      );
    else if (kind === 4) lines.push(`route add ${v4} dev v${dev} scope ${pick(["link", "host"])}${common}`);
    else if (kind === 5)
      lines.push(`route add ${pick(["blackhole", "unreachable", "prohibit", "throw"])} ${v4}${common}`);
    else if (kind === 6)
      lines.push(
        `route add ${v4}${common} nexthop ${via} weight ${1 + below(9)} nexthop via 10.${(dev + 1) % pairs}.0.9 weight 2`,
      );
    else lines.push(`route add ${v4} via inet6 2001:db8:${dev}::9 dev v${dev}${common}`);
    const v6 = `2001:db8:${(0x100 + at).toString(16)}::/${48 + below(17)}`;
    const via6 = `via 2001:db8:${dev}::${(2 + below(200)).toString(16)}`;
    const kind6 = below(6);
    if (kind6 < 3)
      lines.push(
        `route add ${v6} ${via6}${common}${metrics.replace(/congctl reno/, "")}${maybe("pref high", 4)}${maybe("expires 700", 4)}`,
      );
    else if (kind6 === 3)
      lines.push(`route add ${pick(["blackhole", "unreachable", "prohibit"])} ${v6}${common}`);
    else if (kind6 === 4)
      lines.push(
        `route add ${v6}${common} nexthop ${via6} weight ${1 + below(9)} nexthop via 2001:db8:${(dev + 1) % pairs}::9`,
      );
    else lines.push(`route add ${v6} from 2001:db8::/32 dev v${dev}${common}`);
    if (at % 3 === 0) {
      lines.push(
        `neigh add 10.${dev}.0.${100 + at} lladdr 02:00:00:00:02:${(10 + at).toString(16)} dev v${dev} nud ${pick(["permanent", "reachable", "stale"])}${maybe("extern_learn", 4)}`,
        `neigh add 2001:db8:${dev}::${(500 + at).toString(16)} lladdr 02:00:00:00:02:${(10 + at).toString(16)} dev v${dev} nud permanent${maybe("router")}`,
      );
      const six = below(2) === 0;
      const net = six ? "2001:db8:5::/48" : "10.0.0.0/8";
      lines.push(
        `${six ? "-6 " : ""}rule add${maybe("not", 5)}${maybe(`from ${net}`)}${maybe(`to ${six ? "2001:db8::7" : "192.0.2.7"}`)}${maybe("tos 0x10", 5)}${maybe(`fwmark ${1 + below(255)}${pick(["", "/0xff"])}`)}${maybe(`iif v${dev}`)}${maybe("oif nosuch")}${maybe("uidrange 0-99", 4)}${maybe(`ipproto ${pick(["tcp", "udp"])} dport ${pick(["80", "100-200"])}`, 4)} priority ${1000 + at * 3} ${pick(["table 77", "table main suppress_prefixlength 0", "lookup 123456", "blackhole", "prohibit", "goto 32766", "goto 31000"])}`,
      );
    }
  }
  return lines.map((line) =>
    line.startsWith("route add 2001") || /^route add \w+ 2001/.test(line) ? `-6 ${line}` : line,
  );
}

for (const seed of [1, 2, 3, 4]) {
  isolated(
    import.meta.url,
    `configuration ${seed}: link, addr, route, rule and neigh are those of ip -j -d`,
    { netns: "true" },
    async () => {
      let refused = 0;
      const lines = generate(seed * 1_234_567);
      for (const line of lines) {
        try {
          execFileSync(
            "ip",
            line.split(" ").filter((word) => word !== ""),
            { stdio: "pipe" },
          );
        } catch (error) {
          refused++;
          if (process.env.WINDSOCK_SAY) console.error(line, String((error as { stderr: unknown }).stderr));
        }
      }
      assert.ok(refused < lines.length / 5, `${refused} of ${lines.length} lines refused`);
      await compare();
    },
  );
}
