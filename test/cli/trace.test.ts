/** `windsock trace`, line by line against traceroute(8); names, JSON, privilege and usage. */
import assert from "node:assert/strict";
import type { IcmpExtensions } from "../../src/wire/index.ts";
import { chain, FAMILIES, FAR, FIRST, noNft, noTraceroute, rules, SECOND } from "../probe/_chain.ts";
import { FakeRouter } from "../probe/_fake_router.ts";
import { isolated, test } from "../socket/_helpers.ts";
import { assertOneLine, CLI, inNamespace, noNamespaces, Program, windsock } from "./_cli.ts";

const UP = "ip link set lo up";
const trace = (...args: readonly string[]) => windsock(["trace", ...args]);
/** Lines with their times made equal. */
const timeless = (output: string): string => output.replace(/ \d+\.\d{3} ms/g, " T ms").trimEnd();

async function theirs(...args: readonly string[]): Promise<string> {
  const env = { PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  using program = new Program("traceroute", [...args], { env });
  return timeless((await program.ended).stdout.toString());
}

for (const { family, skip } of FAMILIES) {
  const [first, second, far] = [FIRST[family], SECOND[family], FAR[family]];

  isolated(
    import.meta.url,
    `${family}: the lines are traceroute's`,
    { netns: UP, skip: skip || noTraceroute },
    async () => {
      chain();
      const rows: readonly (readonly string[])[] = [
        ["-n"],
        ["-I", "-n"],
        ["-T", "-n", "-p", "7"],
        ["-U", "-n", "-f", "2", "-q", "2"],
        [
          "-n",
          "-m",
          "2",
          "-N",
          "1",
          "-t",
          "0x10",
          "-z",
          "11",
          "-s",
          family === "ipv4" ? "192.0.2.1" : "2001:db8::1",
        ],
        ["-n", "-i", "near0", family === "ipv4" ? "-4" : "-6"],
        ["-n", "--mtu"],
      ];
      for (const row of rows) {
        const args = ["-w", "2", ...row, far];
        const { code, stdout, stderr } = await trace(...args);
        assert.deepEqual([code, stderr], [0, ""], row.join(" "));
        assert.equal(timeless(stdout.toString()), await theirs(...args), row.join(" "));
      }
      const long = ["-n", "-w", "2", far, "200"];
      assert.equal(timeless((await trace(...long)).stdout.toString()), await theirs(...long));
    },
  );

  isolated(
    import.meta.url,
    `${family}: the lines are traceroute's where probes are refused and lost, too`,
    { netns: UP, skip: skip || noNft || noTraceroute },
    async () => {
      const { second: router } = chain();
      const [filter, type] = family === "ipv4" ? ["icmp", "icmp type"] : ["icmpv6", "icmpv6 type"];
      const forbid = `meta l4proto udp meta nfproto ${family} reject with ${filter} type admin-prohibited`;
      rules(router, "forward", forbid);
      const forbidden = ["-n", "-w", "2", far];
      const { code, stdout } = await trace(...forbidden);
      assert.equal(code, 0, "not reached is no failure");
      assert.equal(timeless(stdout.toString()), await theirs(...forbidden));
      const bytes = family === "ipv4" ? 60 : 80;
      assert.equal(
        timeless(stdout.toString()),
        [
          `traceroute to ${far} (${far}), 30 hops max, ${bytes} byte packets`,
          ` 1  ${first}  T ms  T ms  T ms`,
          ` 2  ${second}  T ms  T ms  T ms`,
          ` 3  ${second}  T ms !X  T ms !X  T ms !X`,
        ].join("\n"),
      );
      const lose = (): void => rules(router, "output", `${type} time-exceeded numgen inc mod 2 0 drop`);
      lose();
      const args = ["-n", "-w", "1", far];
      const lossy = timeless((await trace(...args)).stdout.toString());
      assert.ok(lossy.includes(` 2  * ${second}  T ms *`), lossy);
      lose();
      assert.equal(lossy, await theirs(...args));
    },
  );
}

isolated(
  import.meta.url,
  "-e shows what routers add, in traceroute's words",
  { netns: UP, skip: noNft || noTraceroute },
  async () => {
    const { first } = chain();
    using router = new FakeRouter(first, "a0", "ipv4", 1);
    const labels = [
      { label: 16001, trafficClass: 5, bottomOfStack: false, ttl: 1 },
      { label: 24, trafficClass: 0, bottomOfStack: true, ttl: 254 },
    ];
    const other = { name: "unknown", classNumber: 77, cType: 3, data: Uint8Array.of(1, 2, 0xab, 4) } as const;
    const extensions: IcmpExtensions = { objects: [{ name: "mpls", labels }, other] };
    const answering = (async () => {
      for (let i = 0; i < 3; i++) await router.say((await router.next()).packet, { extensions });
    })();
    const args = ["-n", "-q", "1", "-m", "1", "-w", "5", FAR.ipv4];
    const shown = timeless((await trace("-e", ...args)).stdout.toString());
    assert.equal(shown, await theirs("-e", ...args));
    assert.match(shown, /<MPLS:L=16001,E=5,S=0,T=1\/L=24,E=0,S=1,T=254;77\/3:0102ab04>/);
    assert.doesNotMatch((await trace(...args)).stdout.toString(), /MPLS/);
    await answering;
  },
);

isolated(
  import.meta.url,
  "--json: a line for the start, for each hop and for the end",
  { netns: UP, skip: noNft },
  async () => {
    const { first } = chain();
    rules(first, "output", "icmp type time-exceeded drop");
    const { code, stdout } = await trace("--json", "-n", "-q", "1", "-w", "1", FAR.ipv4);
    assert.equal(code, 0);
    const lines = stdout.toString().trimEnd().split("\n");
    const [start, one, two, three, end] = lines.map((line) => JSON.parse(line));
    assert.deepEqual(start, {
      kind: "start",
      name: FAR.ipv4,
      target: FAR.ipv4,
      localIp: "192.0.2.1",
      method: "udp",
      socket: "udp",
      packetBytes: 60,
      maxTtl: 30,
    });
    assert.deepEqual(one, { kind: "hop", ttl: 1, probes: [{ reply: null }] });
    const { rttMs, ...probe } = two.probes[0];
    assert.ok(rttMs > 0);
    assert.deepEqual(probe, {
      reply: "timeExceeded",
      from: SECOND.ipv4,
      ttl: 63,
      reached: false,
      icmp: { type: 11, code: 0 },
      extensions: [],
    });
    assert.deepEqual(
      [three.ttl, three.probes[0].reply, three.probes[0].reached],
      [3, "portUnreachable", true],
    );
    assert.deepEqual([end, lines.length], [{ kind: "end", end: "reached", reached: true }, 5]);
  },
);

isolated(
  import.meta.url,
  "anybody may send UDP probes and connect; of -I one line says what is missing",
  { netns: UP, skip: process.getuid?.() !== 0 ? "needs root" : false },
  async () => {
    chain();
    const nobody = (...args: readonly string[]): Program =>
      new Program("setpriv", [
        ...["--reuid=65534", "--regid=65534", "--clear-groups", "--", process.execPath, CLI, "trace"],
        ...args,
      ]);
    for (const flags of [["-n"], ["-n", "-T"]]) {
      using program = nobody(...flags, FAR.ipv4);
      const { code, stdout, stderr } = await program.ended;
      assert.deepEqual([code, stderr], [0, ""]);
      assert.match(stdout.toString(), new RegExp(`^ 3 {2}${FAR.ipv4.replaceAll(".", "\\.")} {2}`, "m"));
    }
    using program = nobody("-I", FAR.ipv4);
    assertOneLine(await program.ended, 1, /^windsock trace: socket: .*ping_group_range.*CAP_NET_RAW/);
  },
);

test("names stand before addresses, unless -n; who has none is an address twice", {
  skip: noNamespaces(),
}, async () => {
  const script =
    'for target in here 192.0.2.1 127.0.0.1; do "$NODE" "$CLI" trace -q 1 $target; done; "$NODE" "$CLI" trace -n -q 1 here';
  using program = inNamespace(script, { hosts: "192.0.2.1 here\n", resolvConf: "nameserver 127.0.0.1\n" });
  const { stdout, stderr } = await program.ended;
  assert.equal(stderr, "");
  const rows = timeless(stdout.toString()).split("\n");
  assert.deepEqual(rows, [
    "traceroute to here (192.0.2.1), 30 hops max, 60 byte packets",
    " 1  here (192.0.2.1)  T ms",
    "traceroute to 192.0.2.1 (192.0.2.1), 30 hops max, 60 byte packets",
    " 1  here (192.0.2.1)  T ms",
    "traceroute to 127.0.0.1 (127.0.0.1), 30 hops max, 60 byte packets",
    " 1  127.0.0.1 (127.0.0.1)  T ms",
    "traceroute to here (192.0.2.1), 30 hops max, 60 byte packets",
    " 1  192.0.2.1  T ms",
  ]);
});

test("a name server that never answers does not hold up the lines, nor the end", {
  skip: noNamespaces(),
}, async () => {
  // It is asked twice for five seconds each by default; with these options it would be for two minutes.
  const resolvConf = "nameserver 192.0.2.53\noptions timeout:30 attempts:4\n";
  using program = inNamespace(
    '"$NODE" "$CLI" trace -q 1 192.0.2.1',
    { hosts: "", resolvConf },
    { limitMs: 60_000 },
  );
  const { code, stdout, stderr } = await program.ended;
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout.toString(), /^ 1 {2}192\.0\.2\.1 \(192\.0\.2\.1\) {2}\d/m);
});

test("what the network refuses at once is one line and exit code 1", { skip: noNamespaces() }, async () => {
  const rows: readonly (readonly [args: string, pattern: RegExp])[] = [
    ["203.0.113.1", /^windsock trace: connect 203\.0\.113\.1: .*ENETUNREACH/],
    ["no-such-name.invalid", /^windsock trace: .*no-such-name\.invalid/],
    ["-i nodev0 192.0.2.1", /^windsock trace: .*ENODEV/],
    ["-s 198.51.100.9 192.0.2.1", /^windsock trace: .*EADDRNOTAVAIL/],
    ["255.255.255.255", /^windsock trace: .*(EACCES|ENETUNREACH)/],
  ];
  for (const [args, pattern] of rows) {
    using program = inNamespace(`"$NODE" "$CLI" trace ${args}`, { resolvConf: "nameserver 127.0.0.1\n" });
    assertOneLine(await program.ended, 1, pattern);
  }
});

test("a packet that this host does not send is one line and exit code 1, too", {
  skip: noNamespaces(),
}, async () => {
  using program = inNamespace('"$NODE" "$CLI" trace -F 192.0.2.9 2000');
  const { code, stderr, lines } = await program.ended;
  assert.deepEqual([code, lines.length], [1, 1]);
  assert.match(stderr, /^windsock trace: send: .*EMSGSIZE.*2000 bytes.*1500/);
});

test("wrong usage is exit code 2 and says what was expected", async () => {
  const rows: readonly (readonly [args: string[], pattern: RegExp])[] = [
    [[], /missing required argument 'host'/],
    [["-q", "11", "127.0.0.1"], /from 1 to 10/],
    [["-m", "0", "127.0.0.1"], /from 1 to 255/],
    [["-f", "5", "-m", "4", "127.0.0.1"], /firstTtl: expected at most maxTtl, 4, got 5/],
    [["-w", "1,2,3,4", "127.0.0.1"], /5,3,10/],
    [["-w", "soon", "127.0.0.1"], /Expected a number/],
    [["-I", "-T", "127.0.0.1"], /-I, -T and -U exclude each other/],
    [["-4", "-6", "localhost"], /-4 and -6 exclude each other/],
    [["--mtu", "-T", "127.0.0.1"], /mtu/],
    [["--mtu", "-N", "2", "127.0.0.1"], /window: expected 1 with mtu, got 2/],
    [["127.0.0.1", "65536"], /from 0 to 65535/],
    [["-p", "http", "127.0.0.1"], /from 0 to 65535/],
    [["224.0.0.1"], /expected the address of a host|ENETUNREACH/],
  ];
  for (const [args, pattern] of rows) {
    const { code, stdout, stderr } = await trace(...args);
    assert.match(stderr, pattern);
    assert.equal(stdout.toString(), "");
    if (!stderr.includes("ENETUNREACH")) assert.equal(code, 2, args.join(" "));
  }
});
