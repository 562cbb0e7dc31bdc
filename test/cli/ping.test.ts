/** `windsock ping` beside ping(8) of iputils, in one network; its exit codes, privileges, signals, names and JSON. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { assertOneLine, type Ended, missing, windsock } from "./_cli.ts";
import { inNetwork, noNetwork } from "./_network.ts";

const HOSTS = `198.51.100.2 far.example
2001:db8:1::2 far6.example
192.0.2.254 router.example
2001:db8::fe router6.example
`;

const noPeer = noNetwork("ping");

/** What a run printed and ended with, without what differs from run to run. */
interface Outcome {
  readonly lines: string[];
  readonly exit: string;
}

/** Times are no matter; nor is what newer versions of ping(8) have changed: the first line over IPv6, words for two codes. */
function normal(text: string): string[] {
  return text
    .replace(/time=[\d.]+ ms/g, "time=T")
    .replace(/time \d+ms/g, "time T")
    .replace(/= [\d.]+\/[\d.]+\/[\d.]+\/[\d.]+ ms/g, "= RTT")
    .replace(/ipg\/ewma [\d.]+\/[\d.]+ ms/g, "ipg/ewma T")
    .replace(/(?:RTT, |^)pipe \d+/gm, (it) => (it.startsWith("RTT") ? "RTT" : ""))
    .replace(/^\[\d{10}\.\d{6}\] /gm, "[T] ")
    .replace(/^(windsock )?ping: /gm, "ping: ")
    .replace(/^PING (\S+?) ?\((?:\S* \()?([^\s()]+)\)+/gm, "PING $1 ($2)")
    .replace(/Unknown code 5$/gm, "Source address failed ingress/egress policy")
    .replace(/Unknown code 6$/gm, "Reject route to destination")
    .split("\n");
}

/** Runs ping(8) and windsock ping with the same arguments, one after the other, on the same network. */
async function both(rows: readonly Row[], setUp: string): Promise<Map<string, [Outcome, Outcome]>> {
  const flush = "ip route flush cache; ip -6 route flush cache";
  const runs = rows.flatMap(({ args, before = "", after = "" }, i) =>
    ["ping", '"$NODE" "$CLI" ping'].map(
      (program, which) =>
        `${flush}; ${before}\necho "@@ ${i} ${which}"; ${program} ${args} 2>&1; echo "@@ exit $?"\n${after}`,
    ),
  );
  using program = inNetwork(`${setUp}\n${runs.join("\n")}`, { hosts: HOSTS, limitMs: 240_000 });
  const { stdout, stderr } = await program.ended;
  assert.equal(stderr, "");
  const found = [...stdout.toString().matchAll(/^@@ (\d+) [01]\n([\s\S]*?)^@@ exit (\d+)$/gm)];
  assert.equal(found.length, rows.length * 2, stdout.toString());
  const outcomes = found.map((it): Outcome => ({ lines: normal(it[2] ?? ""), exit: it[3] ?? "" }));
  return new Map(
    rows.map((row, i) => [row.name, [outcomes[i * 2] as Outcome, outcomes[i * 2 + 1] as Outcome]]),
  );
}

interface Row {
  readonly name: string;
  readonly args: string;
  /** Commands before each run. */
  readonly before?: string;
  /** Commands after each run. */
  readonly after?: string;
  /** A line that has to be among those printed, so that both do not merely fail alike. */
  readonly says: RegExp;
}

/** Rejects in the router's forward chain what goes to these addresses, and drops what goes to one. */
const RULES = (family: "ip" | "ip6", icmp: string, base: string, words: readonly string[]): string =>
  `on R nft add table inet f
   on R nft add chain inet f c '{ type filter hook forward priority 0; }'
   ${words.map((word, i) => `on R nft add rule inet f c ${family} daddr ${base}${i + 10} reject with ${icmp} type ${word}`).join("\n")}
   on R nft add rule inet f c ${family} daddr ${base}99 drop
`;

/** Every third packet to an address is lost, from the first run's first on. */
const lossy = (family: "ip" | "ip6", address: string): Pick<Row, "before" | "after"> => ({
  before: `on R nft add table inet l
    on R nft add chain inet l c '{ type filter hook forward priority 1; }'
    on R nft add rule inet l c ${family} daddr ${address} numgen inc mod 3 == 2 drop`,
  after: "on R nft delete table inet l",
});

/** Replies come twice. */
const DOUBLED: Pick<Row, "before" | "after"> = {
  before: `on R nft add table ip d
    on R nft add chain ip d c '{ type filter hook prerouting priority 0; }'
    on R nft add rule ip d c icmp type echo-reply dup to 192.0.2.1 device r0`,
  after: "on R nft delete table ip d",
};

const V4: readonly Row[] = [
  {
    name: "replies",
    args: "-c 3 -i 0.2 198.51.100.2",
    says: /^64 bytes from 198\.51\.100\.2: icmp_seq=3 ttl=63 time=T$/,
  },
  {
    name: "hops run out",
    args: "-c 2 -i 0.2 -t 1 198.51.100.2",
    says: /^From 192\.0\.2\.254 icmp_seq=2 Time to live exceeded$/,
  },
  ...(
    [
      "Destination Net Unreachable",
      "Destination Host Unreachable",
      "Destination Protocol Unreachable",
      "Destination Port Unreachable",
      "Destination Net Prohibited",
      "Destination Host Prohibited",
      "Packet filtered",
    ] as const
  ).map(
    (text, i): Row => ({
      name: text,
      args: `-c 1 198.51.100.${i + 10}`,
      says: new RegExp(`^From 192.0.2.254 icmp_seq=1 ${text}$`),
    }),
  ),
  {
    name: "too long",
    args: "-c 1 -M do -s 1400 198.51.100.2",
    says: /Frag needed and DF set \(mtu = 1300\)$/,
  },
  {
    name: "too long for this host",
    args: "-c 1 -M do -s 1600 198.51.100.2",
    says: /^ping: local error: message too long, mtu=1500$/,
  },
  { name: "in fragments", args: "-c 2 -i 0.2 -M dont -s 1400 198.51.100.2", says: /^1408 bytes from/ },
  {
    name: "a third is lost",
    args: "-c 9 -i 0.5 198.51.100.2",
    ...lossy("ip", "198.51.100.2"),
    says: /^9 packets transmitted, 6 received, 33\.3333% packet loss, time T$/,
  },
  {
    name: "nothing comes",
    args: "-c 2 -i 0.2 -W 0.5 198.51.100.99",
    says: /^2 packets transmitted, 0 received, 100% packet loss, time T$/,
  },
  {
    name: "what is outstanding",
    args: "-c 3 -i 0.2 -W 0.2 -O 198.51.100.99",
    says: /^no answer yet for icmp_seq=2$/,
  },
  {
    name: "doubled",
    args: "-c 2 -i 0.5 198.51.100.2",
    ...DOUBLED,
    says: /^64 bytes from 198\.51\.100\.2: icmp_seq=1 ttl=6\d time=T \(DUP!\)$/,
  },
  {
    name: "quiet",
    args: "-c 1 -q 198.51.100.2",
    says: /^rtt min\/avg\/max\/mdev = RTT$/,
  },
  { name: "a pattern with half an octet", args: "-c 1 -p ff0 198.51.100.2", says: /^PATTERN: 0xff00$/ },
  { name: "pattern and time", args: "-c 1 -p ff0a -D 198.51.100.2", says: /^\[T\] 64 bytes/ },
  {
    name: "a name, and the names of who answers",
    args: "-c 1 far.example",
    says: /^64 bytes from far\.example \(198\.51\.100\.2\): icmp_seq=1/,
  },
  {
    name: "the name of a router",
    args: "-c 1 -t 1 far.example",
    says: /^From router\.example \(192\.0\.2\.254\) icmp_seq=1/,
  },
  {
    name: "a name, and no others",
    args: "-c 1 -n -t 1 far.example",
    says: /^From 192\.0\.2\.254 icmp_seq=1/,
  },
  {
    name: "from an address",
    args: "-c 1 -I 192.0.2.1 198.51.100.2",
    says: /^PING 198\.51\.100\.2 \(198\.51\.100\.2\) from 192\.0\.2\.1 : 56\(84\) bytes of data\.$/,
  },
  { name: "by an interface", args: "-c 1 -I near0 198.51.100.2", says: /from 192\.0\.2\.1 near0: 56\(84\)/ },
  { name: "this host", args: "-c 1 0.0.0.0", says: /^64 bytes from 127\.0\.0\.1: icmp_seq=1 ttl=64 time=T$/ },
  {
    name: "deadline: too few",
    args: "-c 3 -w 1 198.51.100.2",
    says: /^1 packets transmitted, 1 received, 0% packet loss/,
  },
  {
    name: "deadline: enough",
    args: "-c 2 -i 0.2 -w 20 198.51.100.2",
    says: /^2 packets transmitted, 2 received/,
  },
  {
    name: "deadline: an error",
    args: "-w 20 -t 1 198.51.100.2",
    says: /^1 packets transmitted, 0 received, \+1 errors/,
  },
  { name: "no deadline", args: "-c 1 -w 0 198.51.100.2", says: /^1 packets transmitted, 1 received/ },
  { name: "waits for ever", args: "-c 1 -W 0 198.51.100.2", says: /^1 packets transmitted, 1 received/ },
  {
    name: "flood",
    args: "-f -c 50 198.51.100.2",
    says: /^50 packets transmitted, 50 received, 0% packet loss/,
  },
  { name: "preload", args: "-l 3 -c 4 -i 0.2 198.51.100.2", says: /^4 packets transmitted, 4 received/ },
  { name: "TOS", args: "-Q 0x10 -c 1 198.51.100.2", says: /^1 packets transmitted, 1 received/ },
];

const V6: readonly Row[] = [
  {
    name: "replies",
    args: "-c 3 -i 0.2 2001:db8:1::2",
    says: /^64 bytes from 2001:db8:1::2: icmp_seq=3 ttl=63 time=T$/,
  },
  {
    name: "hops run out",
    args: "-c 2 -i 0.2 -t 1 2001:db8:1::2",
    says: /^From 2001:db8::fe icmp_seq=2 Time exceeded: Hop limit$/,
  },
  ...(
    [
      "No route",
      "Administratively prohibited",
      "Address unreachable",
      "Port unreachable",
      "Source address failed ingress/egress policy",
      "Reject route to destination",
    ] as const
  ).map(
    (text, i): Row => ({
      name: text,
      args: `-c 1 2001:db8:1::${i + 10}`,
      says: new RegExp(`^From 2001:db8::fe icmp_seq=1 Destination unreachable: ${text}$`),
    }),
  ),
  { name: "too long", args: "-c 1 -M do -s 1400 2001:db8:1::2", says: /Packet too big: mtu=1300$/ },
  {
    name: "too long for this host",
    args: "-c 1 -M do -s 1600 2001:db8:1::2",
    says: /^ping: local error: message too long, mtu: 1500$/,
  },
  {
    name: "a third is lost",
    args: "-c 9 -i 0.5 2001:db8:1::2",
    ...lossy("ip6", "2001:db8:1::2"),
    says: /^9 packets transmitted, 6 received, 33\.3333% packet loss, time T$/,
  },
  {
    name: "nothing comes",
    args: "-c 2 -i 0.2 -W 0.5 2001:db8:1::99",
    says: /^2 packets transmitted, 0 received, 100% packet loss, time T$/,
  },
  {
    name: "a neighbour that is not there",
    args: "-c 1 2001:db8::77",
    says: /^From 2001:db8::1 icmp_seq=1 Destination unreachable: Address unreachable$/,
  },
  {
    name: "a link-local address",
    args: "-c 2 -i 0.2 $LL%near0",
    says: /^64 bytes from fe80:\S+%near0: icmp_seq=2 ttl=64 time=T$/,
  },
  {
    name: "a link-local address that is not there",
    args: "-c 1 fe80::1%near0",
    says: /^From fe80::\S+%near0 icmp_seq=1 Destination unreachable: Address unreachable$/,
  },
  {
    name: "a name, and the names of who answers",
    args: "-c 1 far6.example",
    says: /^64 bytes from far6\.example \(2001:db8:1::2\): icmp_seq=1/,
  },
  {
    name: "the name of a router",
    args: "-c 1 -t 1 far6.example",
    says: /^From router6\.example \(2001:db8::fe\) icmp_seq=1/,
  },
  {
    name: "from an address",
    args: "-c 1 -I 2001:db8::1 2001:db8:1::2",
    says: /from 2001:db8::1 : 56 data bytes$/,
  },
  { name: "traffic class", args: "-Q 0x10 -c 1 2001:db8:1::2", says: /^1 packets transmitted, 1 received/ },
];

const words4 = [
  "net-unreachable",
  "host-unreachable",
  "prot-unreachable",
  "port-unreachable",
  "net-prohibited",
  "host-prohibited",
  "admin-prohibited",
];
const words6 = [
  "no-route",
  "admin-prohibited",
  "addr-unreachable",
  "port-unreachable",
  "policy-fail",
  "reject-route",
];
const LINK_LOCAL = `LL=$(ip -n R -6 addr show dev r0 scope link | sed -n 's/.*inet6 \\(fe80[^/]*\\).*/\\1/p')`;

for (const [family, rows, setUp] of [
  ["IPv4", V4, RULES("ip", "icmp", "198.51.100.", words4)],
  ["IPv6", V6, `${RULES("ip6", "icmpv6", "2001:db8:1::", words6)}\n${LINK_LOCAL}`],
] as const) {
  test(`${family}: the lines and the exit code of ping(8)`, { skip: noPeer }, async (t) => {
    const outcomes = await both(rows, setUp);
    for (const { name, args, says } of rows) {
      await t.test(`${name}: ping ${args}`, () => {
        const [theirs, ours] = outcomes.get(name) as [Outcome, Outcome];
        assert.deepEqual(ours, theirs);
        assert.ok(
          ours.lines.some((line) => says.test(line)),
          `${says}: ${JSON.stringify(ours.lines)}`,
        );
      });
    }
  });
}

const noNetworkHere = noNetwork();
const noSetpriv = noNetworkHere || missing("setpriv");
const PING = '"$NODE" "$CLI" ping';
/** As root, who may do nothing special. */
const BARE = "setpriv --bounding-set=-all --inh-caps=-all";
const range = (text: string): string => `echo "${text}" > /proc/sys/net/ipv4/ping_group_range`;

const run = async (script: string, hosts?: string): Promise<Ended> => {
  using program = inNetwork(script, hosts === undefined ? {} : { hosts });
  return await program.ended;
};

for (const [family, address] of [
  ["IPv4", "198.51.100.2"],
  ["IPv6", "2001:db8:1::2"],
] as const) {
  test(`${family}: without CAP_NET_RAW and without a ping group, one line says what is missing`, {
    skip: noSetpriv,
  }, async () => {
    const result = await run(`${range("1 0")}; exec ${BARE} ${PING} -c 1 ${address}`);
    assertOneLine(
      result,
      1,
      /^windsock ping: socket: .*\(EPERM\): .* CAP_NET_RAW \(run as root\), or a group of this process in net\.ipv4\.ping_group_range \(now 1 0\)$/m,
    );
  });

  test(`${family}: with a ping group it needs no privilege`, { skip: noSetpriv }, async () => {
    const { code, stdout, stderr } = await run(
      `${range("0 0")}; ${BARE} ${PING} --json -c 2 -i 0.2 ${address} && exec ${BARE} ${PING} -c 1 -t 1 ${address}`,
    );
    assert.deepEqual([code, stderr], [1, ""]);
    const text = stdout.toString();
    assert.equal(JSON.parse(text.split("\n")[0] ?? "").socket, "ping");
    assert.match(text, /"kind":"reply","sequence":2,.*"ttl":63,/);
    assert.match(
      text,
      family === "IPv4"
        ? /^From 192\.0\.2\.254 icmp_seq=1 Time to live/m
        : /^From 2001:db8::fe icmp_seq=1 Time/m,
    );
  });
}

test("what ping(8) leaves to root, it leaves to root too", { skip: noSetpriv }, async (t) => {
  const user = "setpriv --reuid 65534 --regid 65534 --clear-groups";
  const { stdout, stderr } = await run(
    `${user} "$NODE" -e 0 2>/dev/null || { echo unreadable; exit; }
     ${range("0 2147483647")}
     for args in "-i 0.001" "-i 0" -f "-l 4" "-i 0.002 -l 3"; do
       ${user} ${PING} -c 1 $args 198.51.100.2 > /dev/null; echo "$args: $?"
     done`,
  );
  if (stdout.toString() === "unreadable\n") return t.skip("node can be read by its owner only");
  assert.deepEqual(stdout.toString().trim().split("\n"), [
    "-i 0.001: 2",
    "-i 0: 2",
    "-f: 2",
    "-l 4: 2",
    "-i 0.002 -l 3: 0",
  ]);
  assert.deepEqual(stderr.trim().split("\n"), [
    ...Array.from({ length: 3 }, () => "windsock ping: an interval below 2 ms, or a flood, is for root"),
    "windsock ping: a preload above 3 is for root",
  ]);
});

test("Ctrl-C prints the statistics, and exits by what has come; Ctrl-\\ prints them so far", {
  skip: noNetworkHere,
}, async () => {
  using answered = inNetwork(`exec ${PING} -i 0.05 198.51.100.2`);
  await answered.printedMatch(/icmp_seq=3 /);
  answered.child.kill("SIGQUIT");
  await answered.saysOnStderr(
    /^\r\d+\/\d+ packets, \d+% loss, min\/avg\/ewma\/max = [\d.]+\/[\d.]+\/[\d.]+\/[\d.]+ ms\n/,
  );
  answered.child.kill("SIGINT");
  const { code, signal, stdout } = await answered.ended;
  assert.deepEqual([code, signal], [0, null]);
  assert.match(
    stdout.toString(),
    /\n--- 198\.51\.100\.2 ping statistics ---\n\d+ packets transmitted, \d+ received, .*\nrtt min/,
  );
  using silent = inNetwork(
    `on F sh -c 'echo 1 > /proc/sys/net/ipv4/icmp_echo_ignore_all'; exec ${PING} -i 0.05 -O 198.51.100.2`,
  );
  await silent.printedMatch(/no answer yet for icmp_seq=2/);
  silent.child.kill("SIGINT");
  const end = await silent.ended;
  assert.deepEqual([end.code, end.signal, end.stderr], [1, null, ""]);
  assert.match(
    end.stdout.toString(),
    /\d+ packets transmitted, 0 received, 100% packet loss, time \d+ms\n\n$/,
  );
});

test("a name server that does not answer holds nothing up: addresses come without names", {
  skip: noNetworkHere,
}, async () => {
  // It would be asked for 150 seconds, longer than this test may last.
  const { code, stdout, stderr } = await run(
    `exec ${PING} -c 3 -i 0.1 -t 1 far.example`,
    "198.51.100.2 far.example\n",
  );
  assert.deepEqual([code, stderr], [1, ""]);
  assert.deepEqual(
    stdout.toString().split("\n").slice(1, 4),
    [1, 2, 3].map((i) => `From 192.0.2.254 icmp_seq=${i} Time to live exceeded`),
  );
});

test("--json: a line for the start, each event and the statistics", { skip: noNetworkHere }, async () => {
  const { stdout, stderr } = await run(
    `${PING} --json -c 1 -s 8 198.51.100.2; echo $?
     ${PING} --json -c 1 -t 1 198.51.100.2; echo $?
     on F sh -c 'echo 1 > /proc/sys/net/ipv4/icmp_echo_ignore_all'
     ${PING} --json -c 1 -W 0.1 198.51.100.2; echo $?
     ${PING} --json -c 1 -M do -s 1600 198.51.100.2; echo $?`,
  );
  assert.equal(stderr, "");
  const lines = stdout
    .toString()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    lines.map((it) => it.kind ?? it),
    [
      "start",
      "reply",
      "statistics",
      0,
      "start",
      "error",
      "statistics",
      1,
      "start",
      "timeout",
      "statistics",
      1,
      "start",
      "error",
      "statistics",
      1,
    ],
  );
  const [start, reply, statistics] = lines;
  assert.deepEqual(
    [start.name, start.target, start.localIp, start.sizeBytes, typeof start.identifier, start.socket],
    ["198.51.100.2", "198.51.100.2", "192.0.2.1", 8, "number", "raw"],
  );
  assert.deepEqual(
    [reply.sequence, reply.from, reply.ttl, reply.lengthBytes, reply.duplicate],
    [1, "198.51.100.2", 63, 16, false],
  );
  assert.ok(reply.rttMs > 0 && reply.rttMs === statistics.rttMs.max);
  assert.deepEqual([statistics.transmitted, statistics.received, statistics.loss], [1, 1, 0]);
  assert.deepEqual(
    [lines[5].from, lines[5].type, lines[5].code, lines[5].text],
    ["192.0.2.254", 11, 0, "Time to live exceeded"],
  );
  assert.deepEqual(
    [lines[13].origin, lines[13].mtu, lines[13].text],
    ["local", 1500, "local error: message too long, mtu=1500"],
  );
});

test("what the network and the kernel refuse is one line, and exit code 1", {
  skip: noNetworkHere,
}, async (t) => {
  const rows: readonly (readonly [args: string, says: RegExp])[] = [
    ["192.0.2.255", /connect 192\.0\.2\.255: Permission denied \(EACCES\): a broadcast address needs .*-b/],
    ["203.0.113.1", /connect 203\.0\.113\.1: Network is unreachable \(ENETUNREACH\)/],
    ["2001:db8:9::1", /connect 2001:db8:9::1: Network is unreachable \(ENETUNREACH\)/],
    ["fe80::1", /connect fe80::1: Invalid argument \(EINVAL\): .*zone, as in fe80::1%eth0/],
    [
      "-I nosuch 198.51.100.2",
      /SO_BINDTODEVICE nosuch: No such device \(ENODEV\): there is no such interface/,
    ],
    [
      "-I 203.0.113.9 198.51.100.2",
      /bind 203\.0\.113\.9\S*: Cannot assign requested address \(EADDRNOTAVAIL\)/,
    ],
    ["-4 ::1", /resolve ::1: .*EAI_ADDRFAMILY/],
    ["no..name", /resolve no\.\.name: .*EAI_/],
  ];
  const script = rows.map(([args]) => `${PING} -c 1 ${args} 2>&1; echo "@@ $?"`).join("\n");
  const { stdout, stderr } = await run(`ip route del default; ip -6 route del default\n${script}`);
  assert.equal(stderr, "");
  const outcomes = stdout.toString().split(/(?<=@@ \d+\n)/);
  for (const [i, [args, says]] of rows.entries()) {
    await t.test(args, () => {
      assert.match(outcomes[i] ?? "", /^windsock ping: .*\n@@ 1\n$/);
      assert.match(outcomes[i] ?? "", says);
    });
  }
});

test("what is no use of ping is exit code 2, and nothing is sent", async (t) => {
  const rows: readonly (readonly [args: string, says: RegExp])[] = [
    ["", /missing required argument 'host'/],
    ["-c 0 ::1", /'-c, --count <count>' argument '0' is invalid\. Expected a whole number from 1 up/],
    ["-c 1.5 ::1", /'1\.5' is invalid/],
    ["-i -1 ::1", /'-1' is invalid|unknown option/],
    ["-i 1s ::1", /Expected a number of seconds/],
    ["-W x ::1", /Expected a number of seconds/],
    ["-t 0 ::1", /whole number from 1 to 255/],
    ["-t 256 ::1", /whole number from 1 to 255/],
    ["-s 65528 ::1", /whole number from 0 to 65527/],
    ["-s 65508 127.0.0.1", /windsock ping: sizeBytes: expected at most 65507/],
    ["-4 -6 ::1", /windsock ping: -4 and -6 exclude each other/],
    ["-M never ::1", /Expected one of do, dont, want, probe/],
    ["-p xyz ::1", /Expected 1 to 32 hexadecimal digits/],
    ["-F 1 127.0.0.1", /windsock ping: flowLabel: IPv4 has none/],
    ["-Q 256 ::1", /whole number from 0 to 255/],
    ["127.0.0.1%lo", /windsock ping: "127\.0\.0\.1%lo" is not an IP address/],
  ];
  for (const [args, says] of rows) {
    await t.test(args || "(no host)", async () => {
      const { code, stdout, stderr } = await windsock(["ping", ...args.split(" ").filter(Boolean)]);
      assert.match(stderr, says);
      assert.deepEqual([code, stdout.toString()], [2, ""]);
    });
  }
});
