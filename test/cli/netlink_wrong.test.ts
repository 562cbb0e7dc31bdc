/** Wrong requests, made by ip(8) in one namespace and by the command line in another: the same words. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { UsageError } from "../../src/cli/_command.ts";
import { change } from "../../src/cli/network/change_verb.ts";
import { isolated, test } from "../socket/_helpers.ts";
import { CLI, missing, Program, windsock } from "./_cli.ts";
import { assertSame, noTwins, oursOf, Shell, wordsOf } from "./_twins.ts";

const SET_UP = [
  "link add v0 address 02:00:00:00:00:01 type veth peer name v1 address 02:00:00:00:00:02",
  "link add br0 address 02:00:00:00:01:01 type bridge",
  "link set lo up",
  "link set v0 up",
  "link set v1 up",
  "addr add 192.0.2.1/24 dev v0",
  "addr add 2001:db8::1/64 dev v0 nodad",
  "route add 10.99.0.0/16 via 192.0.2.9",
  "neigh add 192.0.2.5 lladdr 02:00:00:00:00:05 dev v0",
  "rule add pref 100 table 5",
];

/** Each line is refused by the kernel: ip(8) ends with 2. */
const REFUSED = [
  "link add v0 type veth",
  "link add x type nope",
  "link add thisnameistoolongforit type bridge",
  "link add x type macvlan mode bridge",
  "link add x type bridge priority 1 max_age 1",
  "link add x type vxlan id 5 dstport 4789 local 2001:db8::9 remote 2001:db8::8 gbp gpe",
  "link add x type tun",
  "link add x mtu 5 type veth",
  "link add x address ff:00:00:00:00:01 type bridge",
  "link add x index 1 type bridge",
  "link add x type veth peer name lo",
  "link add x type veth peer name y up",
  "link set v0 mtu 1",
  "link set v0 mtu 99999",
  "link set v0 master v1",
  "link set v0 name v1",
  "link set v0 address 00:00:00:00:00:00",
  "link set v0 netns 2147483646",
  "link set v0 type bridge_slave cost 5",
  "link set br0 type macvlan mode bridge",
  "link set v0 carrier off",
  "link set v0 protodown on",
  "link del lo",
  "link del group 5",
  "link property add dev v0 altname v1",
  "link property del dev v0 altname nope",
  "addr add 192.0.2.1/24 dev v0",
  "addr add 2001:db8::1/64 dev v0",
  "addr add 2001:db8::5/128 mngtmpaddr dev v0",
  "addr add ff02::1/64 dev v0",
  "addr add ::1/128 dev v0",
  "addr add default dev v0",
  "addr del dev v0",
  "addr del 9.9.9.9/24 dev v0",
  "addr del 2001:db8::77/64 dev v0",
  "addr del 192.0.2.1/25 dev v0",
  "route add 10.0.0.0/8 via 1.2.3.4",
  "route add 10.0.0.0/8 via 1.2.3.4 dev v0",
  "route add 10.0.0.1/8 dev v0",
  "route add 10.99.0.0/16 via 192.0.2.9",
  "route add 10.0.0.0/8 nhid 5",
  "route add default",
  "route add 10.0.0.0/8 nexthop via 1.2.3.4",
  "route add 10.0.0.0/8 via 192.0.2.7 congctl nosuch",
  "route add 10.0.0.0/8 via 192.0.2.7 scope host",
  "route add local 10.0.0.0/8 dev v0 scope 255",
  "route add 10.0.0.0/8 dev br0",
  "route add blackhole 10.0.0.0/8 via 192.0.2.7",
  "route replace 10.0.0.0/8 dev v0 src 1.1.1.1",
  "route change 10.0.0.0/8 dev v0",
  "route del 10.0.0.0/8",
  "route del 10.0.0.1/8",
  "route flush table 77",
  "-6 route add default via fe80::1",
  "route add 2001:db8:9::/48 via 2001:db8:77::1",
  "route del 2001:db8:9::/48",
  "rule add pref 100 table 5",
  "rule add from 2001:db8::/32 table 5",
  "rule add to 2001:db8::/32 table 5",
  "rule add goto 5 pref 10",
  "rule add uidrange 5-4",
  "rule add dport 10-5",
  "rule add tos 0x11",
  "rule add goto 32766 pref 0xffffffff",
  "rule del pref 12345",
  "rule del from 9.9.9.9",
  "-6 rule del table 9",
  "neigh add 192.0.2.5 lladdr 02:00:00:00:00:05 dev v0",
  "neigh add 192.0.2.6 dev v0",
  "neigh add 192.0.2.6 lladdr 1:2 dev v0",
  "neigh change 192.0.2.99 lladdr 02:00:00:00:00:01 dev v0",
  "neigh del 192.0.2.99 dev v0",
  "neigh del proxy 192.0.2.99 dev v0",
];

/** What is not there: for ip(8) as wrong as wrong words, here a refusal. */
const NOT_THERE = [
  "link set nope up",
  "link del dev nope",
  "link add x link nope type macvlan",
  "link add x type vxlan id 5 dstport 4789 dev nope",
  "addr add 1.2.3.4/24 dev nope",
  "addr flush dev nope",
  "route add 10.0.0.0/8 dev nope",
  "route add 10.0.0.0/8 nexthop dev nope",
  "route flush dev nope",
  "neigh add 1.2.3.4 dev nope",
  "neigh flush dev nope",
];

/** Words that are wrong. */
const WRONG = [
  "link add",
  "link add x",
  "link add x type",
  "link add x type nope foo",
  "link add a/b type bridge",
  "link add x dev y type bridge",
  "link add name x dev y type bridge",
  "link add x type veth peer name y type foo",
  "link add x type bridge foo",
  "link add x type bridge forward_delay x",
  "link add x type bridge stp_state",
  "link add x type bridge vlan_protocol x",
  "link add x type bridge vlan_filtering 256",
  "link add x type bridge group_address x",
  "link add x link v0 type macvlan mode foo",
  "link add x link v0 type macvlan flag foo",
  "link add x link v0 type macvlan mode bridge nopromisc",
  "link add x link v0 type macvlan bcqueuelen x",
  "link add x type vxlan dstport 4789",
  "link add x type vxlan id 16777216 dstport 4789",
  "link add x type vxlan id 5 dstport 4789 foo",
  "link add x type vxlan id 5 dstport x",
  "link add x type vxlan id 5 id 6",
  "link add x type vxlan id 5 dstport 4789 remote x",
  "link add x type vxlan id 5 dstport 4789 remote 239.1.1.1",
  "link add x type vxlan id 5 dstport 4789 group 1.1.1.1",
  "link add x type vxlan id 5 dstport 4789 group 239.1.1.1",
  "link add x type vxlan id 5 dstport 4789 local 239.1.1.1",
  "link add x type vxlan id 5 dstport 4789 remote 1.1.1.1 local 2001:db8::1",
  "link add x type vxlan id 5 dstport 4789 remote 1.1.1.1 group 239.1.1.1 dev v0",
  "link add x type vxlan id 5 dstport 4789 ttl 256",
  "link add x type vxlan id 5 dstport 4789 df x",
  "link add x type vxlan id 5 dstport 4789 external",
  "link add x type vxlan id 5 dstport 4789 srcport 1 x",
  "link add x link v0 type vlan id x",
  "link add x link v0 type vlan foo",
  "link add x mtu 5 mtu 6 type bridge",
  "link add x index 0 type bridge",
  "link add group 5 type bridge",
  "link add x numtxqueues x type bridge",
  "link set",
  "link set v0 foo",
  "link set v0 arp maybe",
  "link set v0 promisc",
  "link set v0 protodown x",
  "link set v0 master nope",
  "link set v0 vrf br0",
  "link set v0 name a/b",
  "link set v0 address 1:2:3",
  "link set v0 address zz",
  "link set v0 txqueuelen x",
  "link set v0 netns nope",
  "link set v0 addrgenmode foo",
  "link set v0 alias",
  "link set v0 type bridge_slave hairpin x",
  "link set v0 type bridge_slave foo on",
  "link set v0 type bridge_slave cost x",
  "link set v0 mode foo",
  "link set v0 state foo",
  "link set v0 gso_max_segs 99999",
  "link set v0 index 7",
  "link set group nope up",
  "link del",
  "link property foo",
  "link property add dev v0 altname",
  "addr add",
  "addr add 1.2.3.4",
  "addr add 1.2.3.4/24 dev",
  "addr add 1.2.3.4/33 dev v0",
  "addr add 1.2.3.4/24 foo dev v0",
  "addr add x dev v0",
  "addr add 1.2.3.4/24 brd x dev v0",
  "addr add 1.2.3.4/24 brd + brd + dev v0",
  "addr add 2001:db8::1/64 brd + dev v0",
  "addr add 1.2.3.4/24 scope x dev v0",
  "addr add 1.2.3.4/24 valid_lft x dev v0",
  "addr add 1.2.3.4/24 valid_lft 0 dev v0",
  "addr add 1.2.3.4/24 valid_lft 10 preferred_lft 20 dev v0",
  "addr add 1.2.3.4/24 valid_lft 10 valid_lft 10 dev v0",
  "addr add 1.2.3.4/24 autojoin dev v0",
  "addr add 1.2.3.4/24 peer 2001:db8::1 dev v0",
  "addr add 1.2.3.4/24 peer 1.1.1.1 peer 1.1.1.2 dev v0",
  "addr add 1.2.3.4/24 metric x dev v0",
  "addr flush",
  "addr flush scope x",
  "addr flush foo bar",
  "route add 10.0.0.0/8 via",
  "route add 10.0.0.0/8 via x",
  "route add 10.0.0.0/8 via 192.0.2.2 via 192.0.2.3",
  "route add 10.0.0.0/33",
  "route add 10.0.0.0/8 10.0.0.0/9",
  "route add blackhole",
  "route add 10.0.0.0/8 via 192.0.2.2 pervasive",
  "route add 10.0.0.0/8 metric x",
  "route add 10.0.0.0/8 nexthop",
  "route add 10.0.0.0/8 nexthop via 192.0.2.2 x",
  "route add 10.0.0.0/8 nexthop via 192.0.2.2 weight 0",
  "route add 10.0.0.0/8 dev v0 features x",
  "route add 10.0.0.0/8 dev v0 quickack 2",
  "route add 10.0.0.0/8 dev v0 rtt x",
  "route add 10.0.0.0/8 dev v0 advmss x",
  "route add 10.0.0.0/8 dev v0 hoplimit 256",
  "route add 10.0.0.0/8 dev v0 pref x",
  "route add 10.0.0.0/8 dev v0 expires x",
  "route add 10.0.0.0/8 dev v0 encap x",
  "route add 10.0.0.0/8 dev v0 nhid x",
  "route add 10.0.0.0/8 dev v0 ttl-propagate x",
  "route add 10.0.0.0/8 dev v0 realms x",
  "route add 10.0.0.0/8 dev v0 scope x",
  "route add 10.0.0.0/8 dev v0 table x",
  "route add 10.0.0.0/8 dev v0 proto x",
  "route add 10.0.0.0/8 dev v0 vrf x",
  "route add 10.0.0.0/8 dev v0 tos zz",
  "-6 route add 10.0.0.0/8 dev v0",
  "-4 route add 2001:db8::/32 dev v0",
  "route flush",
  "route flush table x",
  "route flush proto x",
  "rule add",
  "rule del",
  "rule add table",
  "rule add frm 1.2.3.4",
  "rule add from 10.0.0.0/33 table 5",
  "rule add uidrange x",
  "rule add ipproto nope",
  "rule add sport x",
  "rule add fwmark x/1",
  "rule add fwmark 1/x",
  "rule add table nope",
  "rule add pref x",
  "rule add goto x",
  "rule add tos zz",
  "rule add realms x/y/z",
  "rule add iif thisnameistoolongforit",
  "rule add oif a/b",
  "rule add l3mdev table 5",
  "rule add protocol x",
  "rule add tun_id x",
  "rule add suppress_ifgroup nope",
  "rule add sup_pl x",
  "rule flush foo",
  "rule flush table x",
  "neigh add",
  "neigh add 1.2.3.4",
  "neigh add 192.0.2.5 lladdr x dev v0",
  "neigh add 192.0.2.5 lladdr 2:0:0:0:0:1 lladdr 2:0:0:0:0:1 dev v0",
  "neigh add 192.0.2.6 nud foo dev v0",
  "neigh add 192.0.2.6 nud 3 dev v0",
  "neigh add x dev v0",
  "neigh add 192.0.2.6/24 dev v0",
  "neigh add 192.0.2.6 192.0.2.7 dev v0",
  "neigh add 192.0.2.8 protocol x dev v0",
  "neigh add default dev v0",
  "neigh flush",
  "neigh flush nud x",
  "neigh flush x",
];

/** Of so many lines one goes through the command line itself; all go through what it calls. */
const REAL = 4;

for (const [what, lines, code] of [
  ["refused by the kernel", REFUSED, 1],
  ["not there", NOT_THERE, 1],
  ["wrong words", WRONG, 2],
] as const) {
  const name = `${what}: ${lines.length} requests have ip's words, and exit code ${code}`;
  isolated(import.meta.url, name, { netns: "true", skip: noTwins }, async () => {
    const [theirs, ours] = await Promise.all([Shell.open(true, SET_UP), Shell.open(false, SET_UP)]);
    using _theirs = theirs;
    using _ours = ours;
    const odd: string[] = [];
    for (const line of lines) {
      const said = await theirs.ip(wordsOf(line));
      if (said.code === 0 || (said.code === 2) !== (lines === REFUSED)) {
        odd.push(`${line}: ip ends with ${said.code}: ${said.text}`);
      }
      const { noun, words, options } = oursOf(line);
      const mine = await change(noun, words, options).then(
        () => [0, ""],
        (error: Error) => [error instanceof UsageError ? 2 : 1, error.message.split("\n", 1)[0]],
      );
      if (JSON.stringify(mine) !== JSON.stringify([code, said.line])) {
        odd.push(`${line}: ${JSON.stringify({ mine, said })}`);
      }
    }
    assert.deepEqual(odd, []);
    await assertSame(theirs, ours, "nothing is changed");
  });

  test(`the command line itself, ${what}: in one line, with nothing on standard output`, {
    skip: noTwins,
  }, async () => {
    const [theirs, ours] = await Promise.all([Shell.open(true, SET_UP), Shell.open(true, SET_UP)]);
    using _theirs = theirs;
    using _ours = ours;
    for (const line of lines.filter((_, at) => at % REAL === 0 || lines === NOT_THERE)) {
      const { noun, all } = oursOf(line);
      const [program = "", ...args] = [...ours.enter, process.execPath, CLI, ...all];
      using started = new Program(program, args);
      const [said, mine] = await Promise.all([theirs.ip(wordsOf(line)), started.ended]);
      const told = { code: mine.code, stdout: mine.stdout.toString(), stderr: mine.stderr };
      assert.deepEqual(told, { code, stdout: "", stderr: `windsock ${noun}: ${said.line}\n` }, line);
    }
    await assertSame(theirs, ours, "nothing is changed");
  });
}

const NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"];

/** Why a user without privilege cannot run this program here, or false. */
function noNobody(): string | false {
  const gone = noTwins || missing("setpriv");
  if (gone) return gone;
  accessSync(CLI, constants.R_OK);
  const { status } = spawnSync("setpriv", [...NOBODY.slice(1), process.execPath, CLI, "--version"]);
  return status === 0 ? false : "uid 65534 may not run this program here";
}

test("without privilege the words of ip, and the capability that is missing", {
  skip: noNobody(),
}, async () => {
  using space = await Shell.open(true, SET_UP);
  for (const line of [
    "link add x type bridge",
    "link set v0 mtu 1400",
    "link del v0",
    "addr add 192.0.2.2/24 dev v0",
    "addr del 192.0.2.1/24 dev v0",
    "route add 10.0.0.0/8 via 192.0.2.2",
    "route del 10.99.0.0/16",
    "rule add pref 7 table 7",
    "rule del pref 100",
    "neigh add 192.0.2.6 lladdr 02:00:00:00:00:06 dev v0",
    "neigh del 192.0.2.5 dev v0",
    "addr flush dev v0",
  ]) {
    const { noun, all } = oursOf(line);
    const theirs = await space.run(`${NOBODY.join(" ")} ip ${line}`);
    const [program = "", ...args] = [...space.enter, ...NOBODY, process.execPath, CLI, ...all];
    using started = new Program(program, args);
    const mine = await started.ended;
    const says = `windsock ${noun}: RTNETLINK answers: Operation not permitted`;
    if (!line.includes("flush")) assert.equal(theirs.line, "RTNETLINK answers: Operation not permitted");
    assert.deepEqual([mine.code, mine.stdout.toString()], [1, ""], line);
    assert.ok(mine.stderr.startsWith(says), mine.stderr);
    assert.match(mine.stderr, /^[^\n]*CAP_NET_ADMIN[^\n]*\n$/, line);
  }
});

test("without a namespace: what can be known to be wrong before the kernel is asked", async () => {
  for (const [words, says] of [
    ["route add", /^windsock route: expected the destination: a prefix, an address or default$/],
    ["route add 10.0.0.0/8 encap mpls 5", /^windsock route: encap mpls: .* not made here$/],
    ["link set lo xdp off", /^windsock link: xdp: not among the words that are known here$/],
    ["link add x type tun pi", /^windsock link: You failed to specify a tunnel mode$/],
    ["link add x type tun mode both", /^windsock link: Unknown tunnel mode "both"$/],
    ["link add x type veth foo", /^windsock link: Usage: ip link <options> type veth \[peer <options>\]$/],
    ["rule add nat 1.2.3.4", /^windsock rule: nat: /],
    ["addr -4 -6 add 1.2.3.4/8 dev lo", /^windsock addr: -4 and -6 exclude each other$/],
  ] as const) {
    const { code, stdout, lines } = await windsock(words.split(" "));
    assert.deepEqual([code, stdout.toString(), lines.length], [2, "", 1], words);
    assert.match(lines[0] ?? "", says);
  }
});

for (const noun of ["link", "addr", "route", "rule", "neigh"]) {
  test(`${noun} --help has the words of changes, and says that exit codes differ from ip's`, async () => {
    const { code, stdout } = await windsock([noun, "--help"]);
    assert.equal(code, 0);
    assert.match(stdout.toString(), /\nChanges, in the words of ip-\w+\(8\):\n/);
    assert.match(stdout.toString(), /exit codes differ/);
  });
}
