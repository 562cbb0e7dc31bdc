/** link, addr, route, rule, neigh and monitor, beside ip(8) in a namespace of their own. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { assertOneLine, inNamespace, noNamespaces, windsock } from "./_cli.ts";

const skip = noNamespaces();

const SET_UP = `
  ip link add br0 type bridge; ip link set br0 up
  ip route add 10.0.0.0/8 via 192.0.2.2 metric 5; ip route add 10.9.0.0/16 nexthop via 192.0.2.3 nexthop via 192.0.2.4 weight 3
  ip -6 route add 2001:db8:5::/48 via 2001:db8::9; ip route add blackhole 10.8.0.0/16 table 77
  ip neigh add 192.0.2.7 lladdr 02:00:00:00:00:07 dev d0; ip neigh add 2001:db8::7 lladdr 02:00:00:00:00:07 dev d0
  ip rule add from 10.0.0.0/8 table 77; ip -6 rule add to 2001:db9::/32 prohibit`;

const SAME: readonly [ours: string, theirs: string][] = [
  ["link", "link"],
  ["link show d0", "link show d0"],
  ["link show type bridge", "link show type bridge"],
  ["link ls up", "link ls up"],
  ["addr", "addr"],
  ["addr -4", "-4 addr"],
  ["addr show dev d0", "addr show dev d0"],
  ["route", "route"],
  ["route -6", "-6 route"],
  ["route list table 77", "route list table 77"],
  ["route show table all", "route show table all"],
  ["route show dev d0", ""],
  ["route get 10.1.2.3", "route get 10.1.2.3"],
  ["route get 2001:db8:5::1", "route get 2001:db8:5::1"],
  ["rule", "rule"],
  ["rule -6 show", "-6 rule show"],
  ["neigh", "neigh"],
  ["neigh -6 show dev d0 nud permanent", ""],
];

test("--json has what ip -j -d has", { skip }, async () => {
  const script = SAME.map(
    ([ours, theirs]) => `"$NODE" "$CLI" ${ours} --json; echo ---
      ${theirs === "" ? "echo" : `ip -j -d ${theirs}`}; echo ---`,
  ).join("\n");
  using program = inNamespace(`${SET_UP}\n${script}`);
  const { stdout, stderr } = await program.ended;
  assert.equal(stderr, "");
  // Timers go on between two commands; of addresses, ip(8) before 6.3 does not tell who made them.
  const still = (name: string, value: unknown): unknown =>
    /_timer$|^expires$/.test(name) ? undefined : value;
  const parts = stdout.toString().split("---\n");
  for (const [at, [ours, theirs]] of SAME.entries()) {
    const [a, b] = [parts[2 * at] ?? "", parts[2 * at + 1] ?? ""];
    assert.ok(JSON.parse(a).length > 0, ours);
    if (theirs === "") continue;
    const made = ours.startsWith("addr")
      ? (text: string) => text.replace(/,?\s*"protocol": ?"kernel_\w+"/g, "")
      : String;
    const rows = (JSON.parse(made(b), still) as object[]).filter((row) => Object.keys(row).length > 0);
    assert.deepEqual(JSON.parse(made(a), still), rows, ours);
  }
});

test("for people: the words of ip", { skip }, async () => {
  using program = inNamespace(`${SET_UP}
    for words in "link show d0" "addr -4 show d0" "route" "route get 10.1.2.3" "rule" "neigh -4"; do "$NODE" "$CLI" $words; done`);
  const { stdout, stderr } = await program.ended;
  assert.equal(stderr, "");
  const text = stdout.toString();
  for (const line of [
    /^\d+: d0@d1: <[A-Z,_-]+> mtu 1500 qdisc \w+ state \w+/m,
    /^ {4}inet 192\.0\.2\.1\/24 scope global d0$/m,
    /^10\.0\.0\.0\/8 via 192\.0\.2\.2 dev d0 metric 5$/m,
    /^\tnexthop via 192\.0\.2\.4 dev d0 weight 3$/m,
    /^10\.1\.2\.3 via 192\.0\.2\.2 dev d0 src 192\.0\.2\.1 uid 0$/m,
    /^\d+:\tfrom 10\.0\.0\.0\/8 lookup 77/m,
    /^192\.0\.2\.7 dev d0 lladdr 02:00:00:00:00:07 PERMANENT$/m,
  ]) {
    assert.match(text, line);
  }
});

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

test("wrong words: exit code 2; what the kernel refuses: 1; each in one line", async () => {
  for (const [words, code, says] of [
    ["link show dev", 2, /dev: expected a word/],
    ["link show a b", 2, /expected .*dev.*got b/],
    ["link show dev lo dev lo", 2, /dev: stands there twice/],
    ["addr -4 -6", 2, /-4 and -6/],
    ["route show table nosuch", 2, /no table has the name nosuch/],
    ["route show type nosuch", 2, /type: expected one of .*blackhole/],
    ["route get", 2, /get: expected an address/],
    ["route get 1.2.3", 2, /1\.2\.3/],
    ["route get 127.0.0.1 mark x", 2, /mark: expected a number/],
    ["rule show x", 2, /got x/],
    ["monitor links", 2, /expected link, address.*got links/],
    ["link show dev nosuchlink", 1, /RTM_GETLINK nosuchlink: No such device \(ENODEV\)/],
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
