/** IpPrefix: reading, membership, ranges; and Python's `ipaddress` on random prefixes beside it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { AddressError, IpAddr, IpPrefix, Ipv4Addr, Ipv6Addr } from "../../src/ip/index.ts";
import { needsPython, runPython } from "./_python.ts";
import { Random } from "./_random.ts";

interface Facts {
  readonly network: string;
  readonly netmask: string;
  readonly last: string;
  readonly broadcast: string | undefined;
  readonly count: bigint;
}

const FACTS: readonly [text: string, facts: Facts][] = [
  [
    "10.1.2.3/8",
    {
      network: "10.0.0.0",
      netmask: "255.0.0.0",
      last: "10.255.255.255",
      broadcast: "10.255.255.255",
      count: 1n << 24n,
    },
  ],
  [
    "0.0.0.0/0",
    {
      network: "0.0.0.0",
      netmask: "0.0.0.0",
      last: "255.255.255.255",
      broadcast: "255.255.255.255",
      count: 1n << 32n,
    },
  ],
  // RFC 3021: both addresses of a /31 are hosts
  [
    "192.0.2.5/31",
    { network: "192.0.2.4", netmask: "255.255.255.254", last: "192.0.2.5", broadcast: undefined, count: 2n },
  ],
  [
    "192.0.2.5/32",
    { network: "192.0.2.5", netmask: "255.255.255.255", last: "192.0.2.5", broadcast: undefined, count: 1n },
  ],
  [
    "192.0.2.5/30",
    {
      network: "192.0.2.4",
      netmask: "255.255.255.252",
      last: "192.0.2.7",
      broadcast: "192.0.2.7",
      count: 4n,
    },
  ],
  [
    "2001:db8::1/32",
    {
      network: "2001:db8::",
      netmask: "ffff:ffff::",
      last: "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
      broadcast: undefined,
      count: 1n << 96n,
    },
  ],
  [
    "fe80::1/10",
    {
      network: "fe80::",
      netmask: "ffc0::",
      last: "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
      broadcast: undefined,
      count: 1n << 118n,
    },
  ],
  [
    "::1/128",
    {
      network: "::1",
      netmask: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
      last: "::1",
      broadcast: undefined,
      count: 1n,
    },
  ],
];

for (const [text, facts] of FACTS) {
  test(`parse ${text}`, () => {
    const prefix = IpPrefix.parse(text);
    assert.equal(prefix.toString(), text);
    assert.equal(JSON.stringify(prefix), JSON.stringify(text));
    assert.equal(inspect(prefix), `IpPrefix(${text})`);
    assert.equal(prefix.network.toString(), facts.network);
    assert.equal(prefix.first.toString(), facts.network);
    assert.equal(prefix.netmask.toString(), facts.netmask);
    assert.equal(prefix.last.toString(), facts.last);
    assert.equal(prefix.broadcast?.toString(), facts.broadcast);
    assert.equal(prefix.count, facts.count);
    assert.equal(prefix.masked().toString(), `${facts.network}/${prefix.length}`);
    assert.ok(IpPrefix.of(prefix.addr, prefix.length).equals(prefix));
    assert.ok(IpPrefix.tryParse(text)?.equals(prefix));
    assert.ok(Object.isFrozen(prefix));
  });
}

const REFUSED: readonly [why: string, text: string, reason: RegExp][] = [
  ["nothing", "", /it has no prefix length/],
  ["a bare address", "10.0.0.0", /it has no prefix length/],
  ["no length", "10.0.0.0/", /prefix length is empty/],
  ["no address", "/8", /"" is not an IP address/],
  ["a netmask", "10.0.0.0/255.0.0.0", /a netmask is not a prefix length/],
  ["an IPv6 netmask", "fe80::/ffc0::", /a netmask is not a prefix length/],
  ["a leading zero", "10.0.0.0/08", /"08" is not a plain decimal number/],
  ["a plus", "10.0.0.0/+8", /"\+8" is not a plain decimal number/],
  ["a minus", "10.0.0.0/-8", /"-8" is not a plain decimal number/],
  ["a space", "10.0.0.0/ 8", /" 8" is not a plain decimal number/],
  ["a newline", "10.0.0.0/8\n", /"8\\n" is not a plain decimal number/],
  ["an Arabic digit", "10.0.0.0/٨", /is not a plain decimal number/],
  ["33", "10.0.0.0/33", /33 is more than 32/],
  ["129", "::/129", /129 is more than 128/],
  ["two lengths", "10.0.0.0/8/8", /"8\/8" is not a plain decimal number/],
  ["a short address", "10/8", /"10" is not an IP address/],
  ["a zone", "fe80::1%eth0/64", /a prefix has no zone/],
  ["a leading zero in the address", "010.0.0.0/8", /"010.0.0.0" is not an IP address/],
];

for (const [why, text, reason] of REFUSED) {
  test(`refuse ${why}: ${JSON.stringify(text)}`, () => {
    assert.equal(IpPrefix.tryParse(text), undefined);
    assert.throws(
      () => IpPrefix.parse(text),
      (error) => error instanceof AddressError && error.what === "an IP prefix" && reason.test(error.reason),
    );
  });
}

const p = IpPrefix.parse;
const texts = (prefixes: Iterable<{ toString(): string }>): string[] => Array.from(prefixes, String);

test("wrong types are TypeErrors, lengths out of range RangeErrors", () => {
  assert.throws(() => IpPrefix.parse(8 as never), TypeError);
  assert.throws(() => IpPrefix.of("10.0.0.0", "8" as never), TypeError);
  assert.throws(() => IpPrefix.of(8 as never, 8), TypeError);
  assert.throws(() => IpPrefix.of("10.0.0.0", 33), RangeError);
  assert.throws(() => IpPrefix.of("::", 129), RangeError);
  assert.throws(() => IpPrefix.of("10.0.0.0", -1), RangeError);
  assert.throws(() => IpPrefix.of("10.0.0", 8), AddressError);
  assert.throws(() => p("10.0.0.0/8").contains("10.0.0.1" as never), {
    name: "TypeError",
    message: 'other must be an IpAddr, got "10.0.0.1"',
  });
  assert.throws(() => p("10.0.0.0/8").overlaps("10.0.0.1" as never), TypeError);
  assert.throws(() => p("10.0.0.0/8").subnets(7), RangeError);
  assert.throws(() => p("10.0.0.0/8").subnets(33), RangeError);
  assert.throws(() => p("10.0.0.0/8").supernet(9), RangeError);
  assert.throws(() => p("0.0.0.0/0").supernet(), RangeError);
  assert.throws(() => IpPrefix.collapse([8 as never]), TypeError);
  assert.throws(() => IpPrefix.summarizeRange(Ipv4Addr.LOCALHOST, Ipv6Addr.LOCALHOST), TypeError);
  assert.throws(() => IpPrefix.summarizeRange(Ipv4Addr.LOCALHOST, Ipv4Addr.UNSPECIFIED), RangeError);
  assert.throws(() => IpPrefix.summarizeRange("1.1.1.1" as never, Ipv4Addr.UNSPECIFIED), TypeError);
});

test("contains and overlaps keep the families apart", () => {
  assert.ok(p("0.0.0.0/0").contains(Ipv4Addr.BROADCAST));
  assert.ok(!p("0.0.0.0/0").contains(Ipv6Addr.LOCALHOST));
  assert.ok(!p("::/0").contains(Ipv4Addr.LOCALHOST));
  assert.ok(!p("127.0.0.0/8").contains(Ipv4Addr.LOCALHOST.toIpv6Mapped()));
  assert.ok(p("::ffff:127.0.0.0/104").contains(Ipv4Addr.LOCALHOST.toIpv6Mapped()));
  assert.ok(!p("0.0.0.0/0").overlaps(p("::/0")));
  assert.ok(p("10.1.2.3/8").contains(p("10.9.0.0/16")));
  assert.ok(!p("10.9.0.0/16").contains(p("10.0.0.0/8")));
  assert.ok(p("10.9.0.0/16").overlaps(p("10.0.0.0/8")));
});

test("subnets and addresses are made as they are asked for", () => {
  assert.deepEqual(texts(p("192.0.2.77/24").subnets(26)), [
    "192.0.2.0/26",
    "192.0.2.64/26",
    "192.0.2.128/26",
    "192.0.2.192/26",
  ]);
  assert.deepEqual(texts(p("192.0.2.77/24").subnets(24)), ["192.0.2.0/24"]);
  const all = p("::/0").subnets(128);
  assert.equal(String(all.next().value), "::/128");
  assert.equal(String(all.next().value), "::1/128");
  assert.deepEqual(texts(p("192.0.2.5/30").addresses()), [
    "192.0.2.4",
    "192.0.2.5",
    "192.0.2.6",
    "192.0.2.7",
  ]);
  assert.deepEqual(texts(p("255.255.255.255/31").addresses()), ["255.255.255.254", "255.255.255.255"]);
  assert.deepEqual(texts(p("::1/127").addresses()), ["::", "::1"]);
  assert.equal(String(p("fe80::/10").addresses().next().value), "fe80::");
});

test("supernet", () => {
  assert.equal(p("192.0.2.128/25").supernet().toString(), "192.0.2.0/24");
  assert.equal(p("192.0.2.128/25").supernet(8).toString(), "192.0.0.0/8");
  assert.equal(p("192.0.2.129/25").supernet(25).toString(), "192.0.2.128/25");
  assert.equal(p("192.0.2.128/25").supernet(0).toString(), "0.0.0.0/0");
});

test("equals compares what was given, compare sorts by network first", () => {
  assert.ok(!p("10.0.0.1/8").equals(p("10.0.0.0/8")));
  assert.ok(p("10.0.0.1/8").masked().equals(p("10.0.0.0/8")));
  const sorted = [
    "9.0.0.0/8",
    "10.0.0.0/8",
    "10.0.0.1/8",
    "10.0.0.0/16",
    "10.0.0.1/32",
    "::/0",
    "::/1",
    "1::/16",
  ];
  const back = [...sorted].reverse().map(p);
  assert.deepEqual(texts(back.sort((a, b) => a.compare(b))), sorted);
  assert.equal(p("10.0.0.0/8").compare(p("10.0.0.0/8")), 0);
});

test("summarizeRange and collapse, at the ends of the address space and over both families", () => {
  const { UNSPECIFIED, BROADCAST } = Ipv4Addr;
  assert.deepEqual(texts(IpPrefix.summarizeRange(UNSPECIFIED, BROADCAST)), ["0.0.0.0/0"]);
  assert.deepEqual(texts(IpPrefix.summarizeRange(BROADCAST, BROADCAST)), ["255.255.255.255/32"]);
  assert.deepEqual(texts(IpPrefix.summarizeRange(Ipv6Addr.UNSPECIFIED, p("::/0").last)), ["::/0"]);
  assert.equal(IpPrefix.summarizeRange(Ipv6Addr.LOCALHOST, p("::/0").last).length, 128);
  assert.deepEqual(texts(IpPrefix.collapse([])), []);
  assert.deepEqual(texts(IpPrefix.collapse([p("::/1"), p("0.0.0.0/1"), p("8000::/1"), p("128.0.0.1/1")])), [
    "0.0.0.0/0",
    "::/0",
  ]);
});

/** A prefix among few neighbours, so that many of them touch. */
function randomPrefix(random: Random, version: 4 | 6): IpPrefix {
  if (version === 4) {
    const base = random.pick([0, 0x0a000000, 0xc0000200, 0xffffff00, random.u32()]);
    return IpPrefix.of(
      Ipv4Addr.fromU32((base | random.below(256)) >>> 0),
      random.pick([random.below(33), 24 + random.below(9)]),
    );
  }
  const base = random.pick([0, 0xfe800000, 0xffffffff, random.u32()]);
  const last = random.pick([0, 0xffffff00, random.u32()]) | random.below(256);
  const fill = random.pick([0, 0xffffffff]);
  const addr = Ipv6Addr.fromWords(base, fill, fill, last >>> 0);
  return IpPrefix.of(addr, random.pick([random.below(129), 120 + random.below(9)]));
}

const SCRIPT = `
import ipaddress
from itertools import islice
net = lambda t: ipaddress.ip_network(t, strict=False)
def case(c):
    a, b = net(c['a']), net(c['b'])
    many = [net(t) for t in c['many']]
    first, last = sorted([ipaddress.ip_address(c['from']), ipaddress.ip_address(c['to'])])
    return {
        'network': str(a.network_address), 'netmask': str(a.netmask), 'last': str(a.broadcast_address),
        'count': str(a.num_addresses),
        'containsAddr': ipaddress.ip_address(c['from']) in a,
        'contains': b.subnet_of(a), 'overlaps': a.overlaps(b),
        'subnets': [str(s) for s in islice(a.subnets(new_prefix=c['longer']), 5)],
        'supernet': str(a.supernet(new_prefix=c['shorter'])),
        'addresses': [str(x) for x in islice(a, 5)],
        'summary': [str(s) for s in ipaddress.summarize_address_range(first, last)],
        'collapsed': [str(s) for s in ipaddress.collapse_addresses(many)],
        'order': (a.__gt__(b) - a.__lt__(b)),
    }
result = [case(c) for c in data]
`;

interface Answer {
  readonly network: string;
  readonly netmask: string;
  readonly last: string;
  readonly count: string;
  readonly containsAddr: boolean;
  readonly contains: boolean;
  readonly overlaps: boolean;
  readonly subnets: string[];
  readonly supernet: string;
  readonly addresses: string[];
  readonly summary: string[];
  readonly collapsed: string[];
  readonly order: number;
}

test("1000 random prefixes of each family, as Python's ipaddress has them", needsPython, () => {
  const random = new Random(4632);
  const cases = random.times(2000, (i) => {
    const version = i % 2 === 0 ? 4 : 6;
    const [a, b] = [randomPrefix(random, version), randomPrefix(random, version)];
    const many = random.times(random.below(12), () => randomPrefix(random, version));
    const [from, to] = [randomPrefix(random, version).addr, randomPrefix(random, version).addr];
    const longer = a.length + random.below(a.addr.bitLength - a.length + 1);
    return { a, b, many, from, to, longer, shorter: random.below(a.length + 1) };
  });
  const answers = runPython(SCRIPT, cases) as Answer[];
  /** Python before 3.13 writes IPv4-mapped addresses without the dots. */
  const canonical = (text: string): string => {
    const [addr = "", length] = text.split("/");
    return length === undefined ? String(IpAddr.parse(addr)) : String(IpPrefix.of(addr, Number(length)));
  };
  const list = (items: string[]): string[] => items.map(canonical);
  let overlapping = 0;
  cases.forEach(({ a, b, many, from, to, longer, shorter }, i) => {
    const theirs = answers[i] as Answer;
    const where = `${a} ${b} ${from} ${to} ${many}`;
    const take = <T>(items: Iterable<T>): string[] => {
      const taken: string[] = [];
      for (const item of items) if (taken.push(String(item)) === 5) break;
      return taken;
    };
    const [first, last] = [from, to].sort((x, y) => x.compare(y)) as [IpAddr, IpAddr];
    assert.equal(a.network.toString(), canonical(theirs.network), where);
    assert.equal(a.netmask.toString(), canonical(theirs.netmask), where);
    assert.equal(a.last.toString(), canonical(theirs.last), where);
    assert.equal(String(a.count), theirs.count, where);
    assert.equal(a.contains(from), theirs.containsAddr, where);
    assert.equal(a.contains(b), theirs.contains, where);
    assert.equal(a.overlaps(b), theirs.overlaps, where);
    assert.equal(b.overlaps(a), theirs.overlaps, where);
    assert.deepEqual(take(a.subnets(longer)), list(theirs.subnets), where);
    assert.equal(a.supernet(shorter).toString(), canonical(theirs.supernet), where);
    assert.deepEqual(take(a.addresses()), list(theirs.addresses), where);
    assert.deepEqual(texts(IpPrefix.summarizeRange(first, last)), list(theirs.summary), where);
    assert.deepEqual(texts(IpPrefix.collapse(many)), list(theirs.collapsed), where);
    assert.equal(a.masked().compare(b.masked()), theirs.order, where);
    if (a.overlaps(b)) overlapping++;
  });
  assert.ok(overlapping > 200, `${overlapping} overlapping`);
});
