/** The option tables as such: their numbers and names are C's, none is missing, and docs/options.md says what they say. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { comments, NO_ROW, page } from "../../scripts/generate-options.ts";
import { ICMP, ICMPV6, IP, IPV6, PACKET, SO, type SocketOption, TCP, UDP } from "../../src/index.ts";
import { fanoutFlags, fanoutMode } from "../../src/socket/_options_packet.ts";
import type { OptionNotes } from "../../src/socket/index.ts";
import * as sys from "../../src/sys/index.ts";
import { needsGcc, preprocess, runC } from "../sys/_gcc.ts";
import { test } from "./_helpers.ts";

interface Row extends OptionNotes {
  readonly name: string;
  readonly level: number;
  readonly optname: number;
  readonly values?: string;
}

/** Level and names of each table; the headers that number its options, and the last number that v6.18 has. */
const TABLES = [
  { key: "SO", rows: SO, level: sys.SOL_SOCKET, header: "asm/socket.h", last: 84 },
  { key: "IP", rows: IP, level: sys.IPPROTO_IP, header: "linux/in.h", last: 52 },
  { key: "IPV6", rows: IPV6, level: sys.IPPROTO_IPV6, header: "linux/in6.h", last: 78 },
  { key: "TCP", rows: TCP, level: sys.IPPROTO_TCP, header: "linux/tcp.h", last: 46 },
  { key: "UDP", rows: UDP, level: sys.IPPROTO_UDP, header: "linux/udp.h", last: 104 },
  { key: "ICMP", rows: ICMP, level: sys.SOL_RAW, header: "linux/icmp.h", last: 1 },
  { key: "PACKET", rows: PACKET, level: sys.SOL_PACKET, header: "linux/if_packet.h", last: 24 },
  { key: "ICMPV6", rows: ICMPV6, level: sys.IPPROTO_ICMPV6, header: "linux/icmpv6.h", last: 1 },
] as const;

const rowsOf = (rows: object): [string, Row][] => Object.entries(rows) as [string, Row][];
const ALL = TABLES.flatMap(({ rows }) => rowsOf(rows).map(([, row]) => row));

test("a row has the C name, number and level of its key, and the rows are in the order of the alphabet", () => {
  const constants: Readonly<Record<string, unknown>> = sys;
  for (const { key: table, rows, level } of TABLES) {
    const keys = rowsOf(rows).map(([key]) => key);
    assert.deepEqual(keys, keys.toSorted());
    for (const [key, row] of rowsOf(rows)) {
      const ofNetfilter = key === "ORIGINAL_DST";
      const name = ofNetfilter ? `${table === "IP" ? "" : "IP6T_"}SO_${key}` : `${table}_${key}`;
      assert.deepEqual([row.name, row.level, row.optname], [name, level, constants[name]]);
      assert.ok(row.values, `${name} does not say what its values are`);
      if (row.since !== undefined) assert.match(row.since, /^[4-9]\.\d+$/);
    }
  }
  assert.equal(new Set(ALL.map((row) => row.name)).size, ALL.length);
});

/** The numbers of names, with the C constants that they stand for. */
const NAMED: readonly (readonly [names: Readonly<Record<string, number>>, toC: (name: string) => string])[] =
  [
    [IP.MTU_DISCOVER.names ?? {}, (name) => `IP_PMTUDISC_${name}`],
    [IPV6.MTU_DISCOVER.names ?? {}, (name) => `IPV6_PMTUDISC_${name}`],
    [IPV6.ADDR_PREFERENCES.names ?? {}, (name) => `IPV6_PREFER_SRC_${name}`],
    [SO.TIMESTAMPING.names ?? {}, (name) => `SOF_TIMESTAMPING_${name}`],
    [SO.TXREHASH.names ?? {}, (name) => `(signed char)SOCK_TXREHASH_${name}`], // an octet, of which -1 is written
    [SO.BUF_LOCK.names ?? {}, (name) => `SOCK_${name}_LOCK`],
    [PACKET.VERSION.names ?? {}, (name) => `TPACKET_${name}`],
    [fanoutMode.names ?? {}, (name) => `PACKET_FANOUT_${name}`],
    [
      fanoutFlags.names ?? {},
      (name) => (name === "IGNORE_OUTGOING" ? "0x4000" : `PACKET_FANOUT_FLAG_${name}`), // Linux 6.2
    ],
    [PACKET.TIMESTAMP.names ?? {}, (name) => `SOF_TIMESTAMPING_${name}`],
    [UDP.ENCAP.names ?? {}, (name) => (name === "NONE" ? "0" : `UDP_ENCAP_${name}`)],
    [SO.TYPE.names ?? {}, (name) => `SOCK_${name === "DATAGRAM" ? "DGRAM" : name}`],
    [
      SO.DOMAIN.names ?? {},
      (name) => `AF_${{ UNSPECIFIED: "UNSPEC", IPV4: "INET", IPV6: "INET6" }[name] ?? name}`,
    ],
    [numbers("clock", ["realtime", "monotonic", "boottime", "tai"]), (name) => `CLOCK_${name}`],
    [numbers("flags", ["deadline-mode", "report-errors"]), (name) => `SOF_TXTIME_${name}`],
  ];

/** What the parts of SO_TXTIME become: the clock is in front, and the flags are behind it. */
function numbers(part: "clock" | "flags", names: readonly string[]): Record<string, number> {
  const { to } = SO.TXTIME as unknown as SocketOption<{ clock: string; flags: string[] }>;
  const number = (name: string): number => {
    const clock = part === "clock" ? name : "realtime";
    const { bytes } = to({ clock, flags: part === "flags" ? [name] : [] });
    return new DataView(bytes.buffer).getUint32(part === "clock" ? 0 : 4, true);
  };
  return Object.fromEntries(names.map((name) => [name, number(name)]));
}

test("names stand for the numbers of C", needsGcc, () => {
  const headers = [
    "sys/socket.h",
    "time.h",
    "linux/in6.h",
    "linux/udp.h",
    "linux/if_packet.h",
    "linux/net_tstamp.h",
    "linux/socket.h",
  ];
  // IP_PMTUDISC_… are in both of these, which exclude each other.
  const include = [...headers, "linux/in.h"].map((header) => `#include <${header}>`).join("\n");
  const text = preprocess(include) + preprocess(include, "-dM");
  const wanted = NAMED.flatMap(([names, toC]) =>
    Object.entries(names).map(
      ([name, number]) => [toC(name.toUpperCase().replaceAll("-", "_")), number] as const,
    ),
  );
  assert.ok(wanted.length > 50);
  // The newest are not in every distribution's headers.
  const known = wanted.filter(
    ([name]) => name === "0" || new RegExp(`\\b${name.replace("(signed char)", "")}\\b`).test(text),
  );
  assert.ok(known.length > wanted.length - 8, "most of them are");
  const answers = runC(`
#include <stdio.h>
${include}
int main(void) {
${known.map(([name]) => `  printf("${name} %d\\n", (int)(${name}));`).join("\n")}
  return 0;
}
`);
  assert.deepEqual(
    answers,
    known.map(([name, number]) => `${name} ${number}`),
  );
});

/** Names of the headers that are no options: values of options, and bounds. */
const NO_OPTION =
  /^(IP_(PMTUDISC|DEFAULT)_|IP_MAX_|IPV6_(FL|PRIORITY|TLV|PMTUDISC|PREFER_SRC|SRCRT|RTHDR_(TYPE|LOOSE|STRICT|BIT)|FLOWINFO_(FLOWLABEL|PRIORITY))|ICMP_(?!FILTER)|ICMPV6_(?!FILTER$)|TCP_(MSS|REPAIR_(ON|OFF)|CM_INQ|MD5SIG_(MAX|FLAG)|ENCAP_|RECEIVE_ZEROCOPY)|UDP_ENCAP_|PACKET_(HOST|BROADCAST|MULTICAST|OTHERHOST|OUTGOING|LOOPBACK|USER|KERNEL|FASTROUTE|MR_\w+|FANOUT_(HASH|LB|CPU|ROLLOVER|RND|QM|CBPF|EBPF))$)/;

test(
  "every option of the C headers has a row, or a reason in docs/options.md for having none",
  needsGcc,
  () => {
    const patterns = NO_ROW.flatMap(([names]) => names.split(" ")).map(
      (name) => new RegExp(`^${name.replaceAll("*", ".*")}$`),
    );
    const missing: string[] = [];
    for (const { key, rows, header, last } of TABLES) {
      const text = preprocess(`#include <${header}>`, "-dM");
      const found = [...text.matchAll(new RegExp(`^#define (${key}_\\w+)\\s+(\\d+)$`, "gm"))];
      assert.ok(found.length > 5, header);
      for (const [, name, number] of found as unknown as [string, string, string][]) {
        if (Number(number) > last || NO_OPTION.test(name)) continue;
        const has = rowsOf(rows).some(([, row]) => row.name === name);
        const excused = patterns.some((pattern) => pattern.test(name));
        assert.ok(!(has && excused), `${name} has both`);
        if (!has && !excused) missing.push(name);
      }
    }
    assert.deepEqual(missing, []);
  },
);

/** The options that Rust's socket2 reads or writes on Linux, but for memberships, filters, and DCCP's. */
const SOCKET2 = `
  SO_ACCEPTCONN SO_BINDTODEVICE SO_BROADCAST SO_COOKIE SO_DOMAIN SO_ERROR SO_INCOMING_CPU SO_KEEPALIVE SO_LINGER SO_MARK
  SO_OOBINLINE SO_ORIGINAL_DST SO_PASSCRED SO_PRIORITY SO_PROTOCOL SO_RCVBUF SO_RCVTIMEO SO_REUSEADDR SO_REUSEPORT SO_SNDBUF
  SO_SNDTIMEO SO_TYPE IP6T_SO_ORIGINAL_DST IP_FREEBIND IP_HDRINCL IP_MULTICAST_ALL IP_MULTICAST_IF IP_MULTICAST_LOOP
  IP_MULTICAST_TTL IP_RECVTOS IP_TOS IP_TRANSPARENT IP_TTL IPV6_FREEBIND IPV6_HDRINCL IPV6_MULTICAST_ALL IPV6_MULTICAST_HOPS
  IPV6_MULTICAST_IF IPV6_MULTICAST_LOOP IPV6_RECVHOPLIMIT IPV6_RECVTCLASS IPV6_TCLASS IPV6_UNICAST_HOPS IPV6_V6ONLY
  TCP_CONGESTION TCP_CORK TCP_KEEPCNT TCP_KEEPIDLE TCP_KEEPINTVL TCP_MAXSEG TCP_NODELAY TCP_QUICKACK
  TCP_THIN_LINEAR_TIMEOUTS TCP_USER_TIMEOUT`;

test("every option that socket2 has on Linux has a row", () => {
  const names = new Set(ALL.map((row) => row.name));
  const missing = SOCKET2.trim()
    .split(/\s+/)
    .filter((name) => !names.has(name));
  assert.deepEqual(missing, []);
});

test("docs/options.md is what scripts/generate-options.ts writes", () => {
  const found = readFileSync(new URL("../../docs/options.md", import.meta.url), "utf8");
  assert.equal(found, page(), "run npx tsx scripts/generate-options.ts");
  for (const row of ALL) {
    const key = row.name.replace(/^(IP6T_)?(SO|IP|IPV6|ICMP|ICMPV6|TCP|UDP|PACKET)_/, "");
    assert.match(found, new RegExp(`^\\| \`${key}\` \\| \\S.* \\| \\S.*\\. \\|`, "m"));
  }
});

test("the generator joins the lines of a comment, and refuses a row without one", () => {
  const row = '  A: rw("SO_A", 1, 2, bool),\n';
  assert.deepEqual([...comments(`  /** One. */\n${row}`)], [["A", "One."]]);
  assert.deepEqual([...comments(`  /**\n   * One\n   * two.\n   */\n${row}`)], [["A", "One two."]]);
  assert.throws(() => comments(row), /A has no comment/);
  assert.throws(() => comments(`  /** One. */\n${row}${row.replaceAll("A", "B")}`), /B has no comment/);
});
