/** resolv.conf(5) and hosts(5): what is read of them. */
import assert from "node:assert/strict";
import { hostname } from "node:os";
import { test } from "node:test";
import { Hosts, parseResolvConf } from "../../src/dns/index.ts";

/** What an empty file means. The search list is this host's own domain, which the rows below do not depend on. */
const EMPTY = {
  servers: ["127.0.0.1:53"],
  search: [] as string[],
  ndots: 1,
  timeoutMs: 5000,
  attempts: 2,
  rotate: false,
  useTcp: false,
  trustAd: false,
  noAaaa: false,
};

const ROWS: readonly (readonly [what: string, text: string, expected: Partial<typeof EMPTY>])[] = [
  ["one server", "nameserver 192.0.2.1", { servers: ["192.0.2.1:53"] }],
  ["white space of both kinds", "nameserver \t 192.0.2.1  \t", { servers: ["192.0.2.1:53"] }],
  [
    "no more than three",
    "nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\nnameserver 192.0.2.4",
    { servers: ["192.0.2.1:53", "192.0.2.2:53", "192.0.2.3:53"] },
  ],
  ["IPv6", "nameserver 2001:db8::1", { servers: ["[2001:db8::1]:53"] }],
  ["a zone", "nameserver fe80::1%eth0", { servers: ["[fe80::1%eth0]:53"] }],
  ["a word behind the address", "nameserver 192.0.2.1 # mine", { servers: ["192.0.2.1:53"] }],
  [
    "what is no address is passed over",
    "nameserver dns.test\nnameserver\nnameserver 192.0.2.1",
    { servers: ["192.0.2.1:53"] },
  ],
  [
    "a legacy address is passed over",
    "nameserver 127.1\nnameserver 010.0.0.1\nnameserver ::1",
    { servers: ["[::1]:53"] },
  ],
  ["comments", "#nameserver 192.0.2.1\n;nameserver 192.0.2.2\n# search a.test", {}],
  ["a keyword that does not begin its line", " nameserver 192.0.2.1\n\tsearch a.test", {}],
  ["a keyword that goes on", "nameservers 192.0.2.1\nnameserver:192.0.2.1", {}],
  ["search", "search a.test b.test.\t.", { search: ["a.test", "b.test", "."] }],
  ["domain", "domain a.test b.test", { search: ["a.test"] }],
  ["the last of both", "search a.test\ndomain b.test\n", { search: ["b.test"] }],
  ["the last of several", "search a.test\nsearch b.test c.test\n", { search: ["b.test", "c.test"] }],
  [
    "options",
    "options ndots:3 timeout:7 attempts:4 rotate use-vc trust-ad no-aaaa edns0 inet6",
    {
      ndots: 3,
      timeoutMs: 7000,
      attempts: 4,
      rotate: true,
      useTcp: true,
      trustAd: true,
      noAaaa: true,
    },
  ],
  ["options on several lines", "options ndots:3\noptions timeout:1 ndots:2", { ndots: 2, timeoutMs: 1000 }],
  [
    "options beyond their limits",
    "options ndots:99 timeout:99 attempts:99",
    { ndots: 15, timeoutMs: 30_000, attempts: 5 },
  ],
  ["options of zero", "options ndots:0 timeout:0 attempts:0", { ndots: 0, timeoutMs: 1000, attempts: 1 }],
  ["options that are none", "options ndots timeout: attempts:x ndots:-1 rotated", {}],
  [
    "ends of lines of other systems",
    "nameserver 192.0.2.1\r\nsearch a.test\r\n",
    { servers: ["192.0.2.1:53"], search: ["a.test"] },
  ],
];

for (const [what, text, expected] of ROWS) {
  test(`resolv.conf: ${what}`, () => {
    const withSearch = /^(search|domain)/m.test(text) ? text : `search\n${text}`;
    const conf = parseResolvConf(withSearch);
    assert.deepEqual({ ...conf, servers: conf.servers.map(String) }, { ...EMPTY, ...expected });
  });
}

test("resolv.conf: the environment has the last word", () => {
  const text = "search a.test\noptions ndots:3 attempts:4";
  const conf = parseResolvConf(text, { LOCALDOMAIN: "b.test c.test", RES_OPTIONS: "ndots:2 rotate" });
  assert.deepEqual([conf.search, conf.ndots, conf.attempts, conf.rotate], [["b.test", "c.test"], 2, 4, true]);
});

test("resolv.conf: without a search list it is this host's domain", () => {
  const [, ...domain] = hostname().split(".");
  assert.deepEqual(parseResolvConf("").search, domain.length === 0 ? [] : [domain.join(".")]);
});

test("hosts: names, aliases, several lines, both families, zones, comments", () => {
  const hosts = Hosts.parse(
    "127.0.0.1\tlocalhost  four # comment\n::1 localhost\n#192.0.2.1 hidden\nnonsense name\n127.1 legacy\n\nfe80::1%eth0 linked\r\n192.0.2.9\n",
  );
  const of = (name: string): string[] =>
    hosts.addresses(name).map(({ ip, zone }) => (zone ? `${ip}%${zone}` : `${ip}`));
  assert.deepEqual(of("localhost"), ["127.0.0.1", "::1"]);
  assert.deepEqual(of("LocalHost."), ["127.0.0.1", "::1"]);
  assert.deepEqual(of("four"), ["127.0.0.1"]);
  assert.deepEqual(of("linked"), ["fe80::1%eth0"]);
  for (const name of ["hidden", "name", "legacy", "comment", "constructor", ""])
    assert.deepEqual(of(name), [], name);
  assert.deepEqual(hosts.names("127.0.0.1"), ["localhost", "four"]);
  assert.deepEqual(hosts.names("192.0.2.9"), []);
});
