/** What the words and options of ip(8) select and how it is laid out: link, addr, route, rule and neigh beside ip(8). */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Command } from "commander";
import { MISSING, showAddresses } from "../../src/cli/addr.ts";
import { showLinks } from "../../src/cli/link.ts";
import { showNeighbors } from "../../src/cli/neigh.ts";
import { addShowOptions, type ShowOptions } from "../../src/cli/network/netlink_options.ts";
import { showRoutes } from "../../src/cli/route.ts";
import { showRules } from "../../src/cli/rule.ts";
import { isolated } from "../socket/_helpers.ts";
import { type Json, parseIpJson, plain, withoutLeftOut, withoutMaker } from "./_netlink_compare.ts";
import { make, settled } from "./_netlink_configuration.ts";

const SET_UP = `link set lo up
link add v0 address 02:00:00:00:00:10 type veth peer name w0 address 02:00:00:00:00:11
link add br0 address 02:00:00:00:00:20 type bridge
link set w0 master br0
link set v0 up
link set w0 up
link set br0 up alias some-words group 7
link add vx0 address 02:00:00:00:00:30 type vxlan id 5 dstport 4789 group 239.1.1.1 dev v0 ttl 5
link add mac0 link v0 address 02:00:00:00:00:40 type macvlan mode bridge
link property add dev v0 altname longer-name-than-fifteen
link property add dev br0 altname other0
tuntap add mode tun tun0 user 5
tuntap add mode tap tap0 multi_queue group 5
link set mac0 type macvlan mode source
link set mac0 type macvlan macaddr add 02:00:00:00:00:77
link set mac0 type macvlan macaddr add 02:00:00:00:00:78
link add vx1 address 02:00:00:00:00:31 type vxlan id 6 dstport 4790 local 2001:db8::1 remote 2001:db8::9 nolearning tos inherit df set gbp ageing 0 maxaddress 7 proxy l3miss noudpcsum udp6zerocsumrx
link add vx2 address 02:00:00:00:00:32 type vxlan external dstport 4791 ttl inherit
addr add 10.0.0.1/24 brd + dev v0
addr add 10.0.0.5 peer 10.0.0.6/32 dev v0 label v0:x valid_lft 100 preferred_lft 50
addr add 10.0.0.7/24 dev v0
addr add 10.1.0.5 peer 10.1.0.6/24 dev tun0
addr add 10.2.0.1/24 dev br0 scope link metric 55
addr add 2001:db8::1/64 dev v0 nodad
addr add 2001:db8::2/128 dev v0 nodad preferred_lft 0
neigh add 10.0.0.9 lladdr 02:00:00:00:00:01 dev v0 router
neigh add 10.0.0.10 dev v0 nud none
neigh add 10.0.0.11 lladdr 02:00:00:00:00:02 dev v0 nud noarp
neigh add proxy 10.0.0.12 dev v0
neigh add 10.0.0.13 dev v0 nud failed
neigh add 10.0.0.14 lladdr 02:00:00:00:00:04 dev v0 nud stale protocol bgp extern_learn
neigh add 10.2.0.15 lladdr 02:00:00:00:00:05 dev br0 nud permanent
neigh add 2001:db8::9 lladdr 02:00:00:00:00:06 dev v0
neigh add proxy 2001:db8::44 dev v0
rule add from 10.0.0.0/8 to 1.2.3.4 tos 0x10 fwmark 5/0xff iif v0 oif nosuch table 77 pref 5
rule add not from all uidrange 1-5 ipproto tcp sport 5-9 dport 80 lookup 1000000 suppress_prefixlength 3 suppress_ifgroup 7 pref 6
rule add pref 7 goto 32766
rule add pref 8 goto 40000
rule add pref 9 realms 4/5 table main
rule add pref 10 blackhole protocol static
rule add pref 11 nop
rule add pref 12 l3mdev
rule add pref 13 tun_id 77 prohibit
rule add pref 14 to 10.0.0.0/9 unreachable
rule add pref 16 from 10.9.9.9 realms 7 table 99
-6 rule add pref 7 from 2001:db8::1 table 77
-6 rule add pref 8 to 2001:db8::/32 fwmark 7 prohibit
route add 100.0.0.0/24 via 10.0.0.2 realms 4/5
route add 100.0.1.0/24 via 10.0.0.2 realms 5
route add 100.0.2.0/24 encap ip id 30 dst 10.0.0.9 ttl 7 tos 4 via 10.0.0.3
nexthop add id 1 via 10.0.0.2 dev v0
nexthop add id 2 via 10.0.0.3 dev v0
nexthop add id 3 group 1,3/2,5
nexthop add id 4 group 1/2 type resilient buckets 8 idle_timer 60
nexthop add id 8 encap ip id 5 dst 10.0.0.3 via 10.0.0.4 dev v0
route add 100.0.5.0/24 nhid 1
route add 100.0.6.0/24 nhid 3
route add 100.0.11.0/24 nhid 8
route add 100.0.9.0/24 nhid 4
route add 100.0.8.0/24 mtu lock 1400 rtt 300ms rttvar 2s rto_min 20ms features ecn window 70 hoplimit 3 quickack 1 congctl lock reno advmss lock 900 via 10.0.0.2
route add 100.0.12.0/24 nexthop via 10.0.0.2 weight 3 realms 4/9 nexthop via inet6 2001:db8::9 dev v0 onlink nexthop encap ip id 9 dst 10.0.0.7 via 10.0.0.3 dev v0
route add 100.0.13.0/24 via 10.5.5.5 dev v0 onlink
route add local 100.0.15.0/24 dev lo
route add 100.0.18.0/24 proto 99 scope 77 table 8 dev v0
route add 100.0.19.0/24 tos 0x10 dev v0
route add 100.0.20.0/24 via inet6 2001:db8::9 dev v0 src 10.0.0.1
route add unreachable 100.0.21.0/24 metric 7
route add prohibit 100.0.22.0/24 table 77
route add default metric 9 via 10.0.0.2 proto static
-6 route add default via 2001:db8::77 metric 3 mtu 1400 hoplimit 9
-6 route add unreachable 2001:db8:20::/48
-6 route add 2001:db8:24::/48 from 2001:db8::/64 via 2001:db8::4 src 2001:db8::1
-6 route add 2001:db8:25::/48 nexthop via 2001:db8::4 weight 3 nexthop via 2001:db8::5
-6 route add 2001:db8:26::/48 expires 500 via 2001:db8::4 pref low
-6 route add 2001:db8:7::/64 encap seg6 mode encap segs 2001:db8::8,2001:db8::9 dev v0
-6 route add 2001:db8:9:3::/64 encap seg6local action End.B6.Encaps srh segs 2001:db8::8 dev v0
-6 route add 2001:db8:9:6::/64 encap seg6local action End.T table 77 dev v0`;

/** Options of ip(8), which are ours too, and the words of a command. */
type Case = readonly [options: string, words: string];

const WORDS: readonly Case[] = [
  ["", "link"],
  ["", "link show dev v0"],
  ["", "link show longer-name-than-fifteen"],
  ["", "link ls up"],
  ["", "link show type bridge"],
  ["", "link show type bridge_slave"],
  ["", "link show master br0"],
  ["", "link show group 7"],
  ["", "link show up type veth"],
  ["", "addr"],
  ["-4", "addr"],
  ["", "addr show dev v0"],
  ["-4", "addr show up"],
  ["", "addr show to 10.0.0.0/24"],
  ["", "addr show scope link"],
  ["-4", "addr show scope global dev v0"],
  ["-4", "addr show permanent"],
  ["-4", "addr show dynamic"],
  ["-4", "addr show secondary"],
  ["-4", "addr show primary dev v0"],
  ["", "addr show deprecated"],
  ["", "addr show -deprecated"],
  ["", "addr show -dynamic dev v0"],
  ["", "addr show dynamic permanent"],
  ["-4", "addr show to 10/8"],
  ["-f inet", "addr ls up up"],
  ["", "addr show type bridge"],
  ["", "addr show master br0"],
  ["", "route"],
  ["-6", "route"],
  ["", "route list table 77"],
  ["", "route show table all"],
  ["-6", "route show table local"],
  ["", "route show dev v0"],
  ["", "route show default"],
  ["-6", "route show default"],
  ["", "route show root 100.0.0.0/16"],
  ["", "route show match 100.0.5.7"],
  ["", "route show exact 100.0.5.0/24"],
  ["", "route show 100.0.5.0/24"],
  ["", "route show to root 10.0.0.0/8"],
  ["-6", "route show root 2001:db8::/32"],
  ["-6", "route show from 2001:db8::/64"],
  ["", "route show via 10.0.0.2"],
  ["", "route show via 10.0.0.0/24"],
  ["", "route show via inet6 2001:db8::9"],
  ["", "route show src 10.0.0.1"],
  ["", "route show table all proto kernel"],
  ["", "route show proto static"],
  ["", "route show scope link"],
  ["", "route show table all type local"],
  ["", "route show type unreachable"],
  ["", "route show tos 0x10"],
  ["", "route show realms 4/5"],
  ["", "route show realms 5"],
  ["", "route show root 100/8"],
  ["", "route ls match 100.0.5"],
  ["", "route ls any"],
  ["", "route show tab 77 sco link"],
  ["", "route show table 0"],
  ["", "route show metric 7"],
  ["", "route show dev lo dev v0"],
  ["", "route g 100.0.9"],
  ["", "route get 100.0.0.9"],
  ["", "route get 127.0.0.1"],
  ["", "route get 100.0.12.7 from 10.0.0.1 mark 5"],
  ["", "route get fibmatch 100.0.8.9"],
  ["", "route get 2001:db8:24::1"],
  ["", "route get 2001:db8:7::1"],
  ["", "rule"],
  ["-6", "rule show"],
  ["", "rule show pref 9"],
  ["", "rule show from 10.0.0.0/8"],
  ["", "rule show to 10.0.0.0/9"],
  ["", "rule show from 10/7"],
  ["", "rule show prio 9"],
  ["", "rule show table 77"],
  ["", "rule show lookup main"],
  ["", "rule show iif v0"],
  ["", "rule show oif nosuch"],
  ["", "rule show fwmark 5"],
  ["", "rule show tos 0x10"],
  ["", "rule show not"],
  ["", "rule show uidrange 1-5"],
  ["", "rule show l3mdev"],
  ["", "neigh"],
  ["-6", "neigh"],
  ["", "neigh show dev br0"],
  ["", "neigh show nud permanent nud noarp"],
  ["", "neigh show nud none"],
  ["", "neigh show nud all"],
  ["", "neigh show to 10.0.0.0/28"],
  ["", "neigh show 10.2/16"],
  ["", "neigh show nud 128"],
  ["", "neigh show protocol bgp"],
  ["", "neigh show 10.2.0.15"],
  ["", "neigh show proxy"],
  ["", "neigh show unused"],
];

/** ip(8) asks IPv6 for its own table of links here, which has fewer fields than ours: those that it has are the same. */
const FEWER: readonly Case[] = [
  ["-6", "addr"],
  ["-6", "addr show dev v0"],
  ["-6", "addr show deprecated"],
];

/** For text alone: how it is laid out, and what it tells more of. */
const LAYOUTS: readonly Case[] = [
  ["-d", "link"],
  ["-d", "addr show dev vx0"],
  ["-d -6", "addr show dev v0"],
  ["-s", "link show dev v0"],
  ["-s -s", "link show dev br0"],
  ["-s", "addr show dev v0"],
  ["-o", "link"],
  ["-o", "addr"],
  ["-o -4", "addr"],
  ["-o", "route"],
  ["-br", "link"],
  ["-br", "addr"],
  ["-br -4", "addr"],
  ["-d", "route show table all"],
  ["-N", "route show table all"],
  ["-d", "rule"],
  ["-N", "rule"],
  ["-s", "neigh"],
  ["-N", "neigh"],
  ["-N -d", "addr show dev v0"],
  ["-c=always", "link"],
  ["-c=always -d", "link show dev vx0"],
  ["-c=always", "addr"],
  ["-c=always -br", "link"],
  ["-c=always -br", "addr"],
  ["-c=always", "route show table all"],
  ["-c=always -6", "route"],
  ["-c=always", "rule"],
  ["-c=always -6", "rule"],
  ["-c=always", "neigh"],
  ["-c=always", "neigh show proxy"],
];

/** For JSON alone. */
const COUNTED: readonly Case[] = [
  ["-det -stat", "link show dev v0"],
  ["-s", "link show dev v0"],
  ["-s -s", "link show dev br0"],
  ["-s", "addr show dev v0"],
  ["-s", "neigh"],
  ["-br", "link"],
  ["-br", "addr"],
  ["-o", "addr show dev v0"],
  ["-N", "link"],
  ["-N", "addr"],
  ["-N", "route show table all"],
  ["-N", "rule"],
];

const execute = promisify(execFile);

async function run(program: string, args: readonly string[]): Promise<string> {
  const env = { ...process.env, COLORFGBG: "", NO_COLOR: "" };
  return (await execute(program, args, { encoding: "utf8", maxBuffer: 1e8, env })).stdout;
}

/** ip(8) has its options before the noun. */
function ipWords(options: string, words: string): string[] {
  return [...options.split(" "), ...words.split(" ")].filter((word) => word !== "");
}

const SHOWN: Readonly<
  Record<string, (words: readonly string[], options: ShowOptions) => Promise<Iterable<string>>>
> = {
  link: showLinks,
  addr: showAddresses,
  route: showRoutes,
  rule: showRules,
  neigh: showNeighbors,
};

/** What the command prints, made in this process. */
async function ours([options, words]: Case, json?: true): Promise<string> {
  const program = new Command();
  let read: { words: string[]; options: ShowOptions } | undefined;
  const command = program.command("x").argument("[words...]");
  addShowOptions(command, "", {
    families: true,
    brief: true,
    stats: true,
    resolve: true,
    missing: MISSING,
  });
  command.action((words, options) => {
    read = { words, options };
  });
  const [noun = "", ...rest] = words.split(" ");
  program.parse(
    ["x", ...options.split(" "), ...(json ? ["--json"] : []), ...rest].filter((word) => word !== ""),
    {
      from: "user",
    },
  );
  return [...((await SHOWN[noun]?.(read?.words ?? [], read?.options ?? {})) ?? [])].join("");
}

const COUNTS = /_timer$|^expires$|_life_time$|^used$|^confirmed$|^updated$/;

function rows(text: string): unknown {
  const sorted = (value: Json): Json =>
    Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  return JSON.parse(JSON.stringify(parseIpJson(text)), (name, value) => {
    if (COUNTS.test(name) && value !== 4294967295) return undefined;
    return typeof value === "object" && value !== null && !Array.isArray(value) ? sorted(value) : value;
  });
}

/** Compares a text of ours with ip's, which is read again where the kernel did something of its own meanwhile. */
async function compare(
  what: string,
  theirs: () => Promise<unknown>,
  mine: () => Promise<unknown>,
): Promise<void> {
  for (let tries = 0; tries < 5; tries++) {
    const before = await theirs();
    const own = await mine();
    const after = await theirs();
    if (JSON.stringify(before) !== JSON.stringify(after)) continue;
    if (JSON.stringify(own) === JSON.stringify(before)) return;
    assert.fail(`${what}:\n${differences(own as unknown[], before as unknown[])}`);
  }
  assert.fail(`${what}: ip's own readings never were the same`);
}

/** The first entries or lines that differ. */
function differences(mine: readonly unknown[], theirs: readonly unknown[]): string {
  const lines = Array.from({ length: Math.max(mine.length, theirs.length) }, (_, at) => [
    mine[at],
    theirs[at],
  ]);
  return lines
    .map(([a, b]) => [JSON.stringify(a), JSON.stringify(b)])
    .filter(([a, b]) => a !== b)
    .slice(0, 4)
    .map(([a, b]) => `  ours   ${a}\n  theirs ${b}`)
    .join("\n");
}

/** All that differ are told. */
async function each(list: readonly Case[], ...uses: ((item: Case) => Promise<void>)[]): Promise<void> {
  const wrong: string[] = [];
  for (const item of list) {
    for (const use of uses) await use(item).catch((error: Error) => wrong.push(error.message));
  }
  assert.equal(wrong.length, 0, wrong.join("\n"));
}

function asJson(one: Case): Promise<void> {
  const [options, words] = one;
  const noun = words.split(" ")[0] ?? "";
  const details = options.includes("-br") ? [] : ["-d"];
  return compare(
    `${options} ${words} as JSON`,
    async () => rows(await run("ip", ["-j", ...details, ...ipWords(options, words)])),
    async () => rows(JSON.stringify(withoutLeftOut(noun, JSON.parse(await ours(one, true)) as Json[]))),
  );
}

/** As {@link asJson}, with the fields of a link alone that ip(8) has. */
async function asFewerJson(one: Case): Promise<void> {
  const theirs = rows(await run("ip", ["-j", "-d", ...ipWords(...one)])) as Json[];
  const mine = rows(
    JSON.stringify(withoutLeftOut("addr", JSON.parse(await ours(one, true)) as Json[])),
  ) as Json[];
  const fewer = mine.map((row, at) =>
    Object.fromEntries(Object.entries(row).filter(([name]) => name in (theirs[at] ?? {}))),
  );
  assert.deepEqual(fewer, theirs, `${one.join(" ")} as JSON`);
}

function asText(one: Case): Promise<void> {
  const [options, words] = one;
  return compare(
    `${options} ${words}`,
    async () => plain(await run("ip", ipWords(options, words))),
    async () => plain(withoutMaker(await ours(one))),
  );
}

isolated(
  import.meta.url,
  "the words of ip select the same, as JSON and as text, and text is laid out as ip's",
  { netns: "true", limitMs: 120_000 },
  async () => {
    assert.deepEqual(make(SET_UP.split("\n")), []);
    await settled();
    await each(WORDS, asJson, asText);
    await each(FEWER, asFewerJson);
    await each(LAYOUTS, asText);
    await each(COUNTED, asJson);
  },
);
