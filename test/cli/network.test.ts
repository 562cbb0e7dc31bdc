/** link, addr, route, rule, neigh and monitor as commands, in a namespace of their own. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { assertOneLine, inNamespace, noNamespaces, windsock } from "./_cli.ts";
import { plain, withoutMaker } from "./_netlink_compare.ts";

const skip = noNamespaces();

test("monitor says what comes and goes", { skip }, async () => {
  using program = inNamespace(
    `"$NODE" "$CLI" monitor --json address link & MONITOR=$!
    read -r _; ip addr add 192.0.2.77/24 dev d0; ip addr del 192.0.2.77/24 dev d0; read -r _; kill $MONITOR; wait`,
    {},
    { input: "open" },
  );
  await program.saysOnStderr(/^monitoring address, link$/m);
  program.stdin.write("\n");
  const text = await program.printedMatch(/"removed","table":"address".*\n/);
  program.stdin.end("\n");
  await program.ended;
  const events = text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const told = events.filter((it) => it.table === "address");
  assert.deepEqual(
    told.map((it) => [it.event, it.address.ifname, it.address.local, it.address.prefixlen]),
    [
      ["added", "d0", "192.0.2.77", 24],
      ["removed", "d0", "192.0.2.77", 24],
    ],
  );
});

const CHANGES = `
  ip addr add 192.0.2.77/24 brd + dev d0; ip addr add 192.0.2.78/24 dev d0 label d0:x
  ip addr change 192.0.2.78/24 dev d0 valid_lft 100 preferred_lft 50
  ip route add 10.9.0.0/24 via 192.0.2.9; ip route add 10.10.0.0/24 nexthop via 192.0.2.9 nexthop via 192.0.2.10 weight 3
  ip route replace 10.9.0.0/24 via 192.0.2.8 mtu 1400; ip route add blackhole 10.11.0.0/16 table 77 proto static
  ip neigh add 192.0.2.8 lladdr 02:00:00:00:00:01 dev d0; ip neigh replace 192.0.2.8 lladdr 02:00:00:00:00:02 dev d0
  ip rule add pref 5 table 7; ip -6 rule add pref 6 to 2001:db8::/32 prohibit
  ip addr add 2001:db8:7::1/64 dev d0 nodad; ip -6 route add 2001:db8:5::/48 via 2001:db8::9 pref high
  ip link set d0 mtu 1400; ip link set d1 alias a-word; ip link set d1 promisc on
  ip -6 route del 2001:db8:5::/48; ip rule del pref 5; ip neigh del 192.0.2.8 dev d0; ip route del 10.9.0.0/24
  ip addr del 2001:db8:7::1/64 dev d0; ip addr del 192.0.2.78/24 dev d0`;

test("monitor label: the lines of ip monitor label", { skip }, async () => {
  // Both have begun as soon as they tell of a rule that comes and goes, and told of all when they tell of the last one.
  const both = (pref: number): string => `
    until grep -q "^.RULE.${pref}:" /mnt/theirs && grep -q "^.RULE.${pref}:" /mnt/ours; do
      ip rule add pref ${pref} table 9; ip rule del pref ${pref}; sleep 0.1
    done`;
  using program = inNamespace(`ip link set d0 arp on
    until [ "$(ip -br link show type veth | grep -c " UP ")" = 2 ]; do sleep 0.1; done
    WORDS="label link address route rule neigh"
    stdbuf -oL ip monitor $WORDS > /mnt/theirs & THEIRS=$!
    "$NODE" "$CLI" monitor $WORDS > /mnt/ours 2> /mnt/said & OURS=$!
    touch /mnt/ours
    ${both(1)}
    ${CHANGES}
    ${both(2)}
    kill $THEIRS $OURS; wait
    cat /mnt/theirs; echo ---; cat /mnt/ours`);
  const { stdout, stderr } = await program.ended;
  assert.equal(stderr, "");
  const [theirs = [], ours = []] = stdout
    .toString()
    .split("---\n")
    .map((text) =>
      plain(withoutMaker(text))
        .join("\n")
        .split(/\n(?=\[)/),
    )
    // Between the two rules, which come and go as often as it takes.
    .map((events) => {
      const first = events.findLastIndex((event) => /Deleted 1:/.test(event));
      const all = events.slice(
        first + 1,
        events.findIndex((event) => /^.RULE.2:/.test(event)),
      );
      // What IPv6 does of its own, and tells of again where nothing has changed.
      return all.filter((event) => !/fe80::|ff0[0-9a-f]::|2001:db8::1\/64/.test(event));
    });
  assert.ok(theirs.length > 20, `${theirs.length} events`);
  assert.deepEqual(ours, theirs);
});

test("names of hosts, colours, and what a terminal must not see", { skip }, async () => {
  const commands = [
    "neigh -r show to 192.0.2.7",
    "neigh -rj show to 192.0.2.7",
    "neigh show to 192.0.2.7",
    "neigh -c show to 192.0.2.7",
    "neigh -c=auto show to 192.0.2.7",
    "neigh --color=never show to 192.0.2.7",
    "link -br show type ifb",
    "link show type ifb",
    "link -o -d show type ifb",
    "link -j show type ifb",
    "addr -br show type ifb",
  ];
  using program = inNamespace(
    `NAME=$(printf 'a\\033[31m\\302\\233b')
    ip link add "$NAME" type ifb; ip link set "$NAME" alias "$(printf 'x\\ny\\033]0;t\\007')"
    ip neigh add 192.0.2.7 lladdr 02:00:00:00:00:07 dev d0
    ${commands.map((words) => `"$NODE" "$CLI" ${words}; echo ---`).join("\n")}
    COLORFGBG="15;0" "$NODE" "$CLI" neigh -c=always show to 192.0.2.7; echo ---
    NO_COLOR=1 "$NODE" "$CLI" neigh -c=auto show to 192.0.2.7`,
    { hosts: "127.0.0.1 localhost\n192.0.2.7 seven.example\n" },
    { env: { COLORFGBG: "", NO_COLOR: "" } },
  );
  const { stdout, stderr } = await program.ended;
  assert.equal(stderr, "");
  const [named, namedJson, bare, ...rest] = stdout.toString().split("---\n");
  const [painted, auto, never, brief, link, oneline, json, addr, bold, no] = rest;
  assert.equal(named, "seven.example dev d0 lladdr 02:00:00:00:00:07 PERMANENT\n");
  assert.equal(JSON.parse(namedJson ?? "")[0].dst, "seven.example");
  assert.equal(bare, "192.0.2.7 dev d0 lladdr 02:00:00:00:00:07 PERMANENT\n");
  const paint = (mark: string): string =>
    `\x1b[${mark}35m192.0.2.7\x1b[0m dev \x1b[${mark}36md0\x1b[0m lladdr \x1b[${mark}33m02:00:00:00:00:07\x1b[0m PERMANENT\n`;
  assert.equal(painted, paint(""));
  assert.equal(bold, paint("1;"));
  for (const text of [auto, never, no]) assert.equal(text, bare);
  const name = "a\\x1b[31m\\x9bb";
  for (const text of [brief, addr]) assert.match(text ?? "", /^a\\x1b\[31m\\x9bb +DOWN/);
  assert.ok(link?.includes(`: ${name}: <BROADCAST,NOARP>`), link);
  assert.ok(link?.includes("\n    alias x\\x0ay\\x1b]0;t\\x07\n"), link);
  for (const text of [brief, link, oneline, addr]) assert.doesNotMatch(text ?? "", /(?!\n)\p{Cc}/u);
  assert.equal(oneline?.split("\n").length, 2);
  assert.equal(JSON.parse(json ?? "")[0].ifalias, "x\ny\x1b]0;t\x07");
});

test("wrong words: exit code 2; what the kernel refuses: 1; each in one line", async () => {
  for (const [words, code, says] of [
    ["link show dev", 2, /: Command line is not complete. Try option "help"\n$/],
    ["link show a b", 2, /: Error: either "dev" is duplicate, or "b" is a garbage.\n$/],
    ["link show dev lo dev lo", 2, /: Error: either "dev" is duplicate, or "lo" is a garbage.\n$/],
    ["link lo", 2, /: Command "lo" is unknown, try "ip link help".\n$/],
    ["addr -4 -6", 2, /-4 and -6/],
    ["addr show to 1.2.3.4.5", 2, /: Error: any valid prefix is expected rather than "1.2.3.4.5".\n$/],
    ["route show table nosuch", 2, /: Error: argument "nosuch" is wrong: table id value is invalid\n$/],
    ["route show type nosuch", 2, /: Error: argument "nosuch" is wrong: node type value is invalid\n$/],
    ["route show dev nosuch", 1, /: Cannot find device "nosuch"\n$/],
    ["route get", 2, /: need at least a destination address\n$/],
    ["route get 1.2.3.x", 2, /: Error: any valid prefix is expected rather than "1.2.3.x".\n$/],
    ["route get 127.0.0.1 mark x", 2, /: Error: argument "x" is wrong: invalid mark value\n$/],
    ["rule show x", 2, /: Error: inet prefix is expected rather than "x".\n$/],
    ["neigh show nud x", 2, /: Error: argument "x" is wrong: nud state is bad\n$/],
    ["neigh get", 2, /: Device and address are required arguments.\n$/],
    ["monitor links", 2, /expected link, address.*got links/],
    ["link show dev nosuchlink", 1, /: Device "nosuchlink" does not exist.\n$/],
  ] as const) {
    assertOneLine(await windsock(words.split(" ")), code, says);
  }
});

test("--help has examples", async () => {
  for (const command of ["link", "addr", "route", "rule", "neigh", "monitor"]) {
    const { code, stdout } = await windsock([command, "--help"]);
    assert.equal(code, 0);
    assert.match(stdout.toString(), new RegExp(`Examples:\\n {2}windsock ${command}`));
  }
});
