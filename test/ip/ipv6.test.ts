/** Ipv6Addr: what it reads and refuses, RFC 5952 output, conversions, predicates, errors. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import fc from "fast-check";
import { AddressError, IpAddr, Ipv4Addr, Ipv6Addr, type MulticastScope } from "../../src/ip/index.ts";
import { slowIpv6 } from "./_slow.ts";

const ACCEPTED: readonly [text: string, canonical: string][] = [
  ["::", "::"],
  ["::1", "::1"],
  ["1::", "1::"],
  ["0:0:0:0:0:0:0:0", "::"],
  ["fd7a:115c:a1e0:ab12:4843:cd96:626b:430b", "fd7a:115c:a1e0:ab12:4843:cd96:626b:430b"],
  ["FF02::1", "ff02::1"],
  ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
  ["::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"],
  ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
  ["1::3:4:5:6:7:8", "1:0:3:4:5:6:7:8"],
  ["::ffff:192.168.140.255", "::ffff:192.168.140.255"],
  ["::ffff:c0a8:8cff", "::ffff:192.168.140.255"],
  ["0:0:0:0:0:FFFF:129.144.52.38", "::ffff:129.144.52.38"],
  ["1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"],
  ["::1.2.3.4", "::102:304"],
  ["::0.0.0.1", "::1"],
  ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
  ["0000:0000:0000:0000:0000:0000:255.255.255.255", "::ffff:ffff"],
  ["::ffff:0:1.2.3.4", "::ffff:0:102:304"],
  // RFC 5952 §2.2 and §4, and RFC 4291 §2.2
  ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["2001:0db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["2001:db8::1:0:0:1", "2001:db8::1:0:0:1"],
  ["2001:db8::0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["2001:0db8::1:0:0:1", "2001:db8::1:0:0:1"],
  ["2001:db8:0:0:1::1", "2001:db8::1:0:0:1"],
  ["2001:db8:0000:0:1::1", "2001:db8::1:0:0:1"],
  ["2001:DB8:0:0:1::1", "2001:db8::1:0:0:1"],
  ["2001:db8:aaaa:bbbb:cccc:dddd:eeee:0001", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:1"],
  ["2001:db8:aaaa:bbbb:cccc:dddd::1", "2001:db8:aaaa:bbbb:cccc:dddd:0:1"],
  ["2001:db8:0:0:0:0:2:1", "2001:db8::2:1"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
  ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["1:0:0:2:0:0:3:4", "1::2:0:0:3:4"],
  ["0:0:1:0:0:0:0:0", "0:0:1::"],
  ["ABCD:EF01:2345:6789:ABCD:EF01:2345:6789", "abcd:ef01:2345:6789:abcd:ef01:2345:6789"],
  ["2001:DB8::8:800:200C:417A", "2001:db8::8:800:200c:417a"],
];

for (const [text, canonical] of ACCEPTED) {
  test(`parse ${text}`, () => {
    const addr = Ipv6Addr.parse(text);
    assert.equal(addr.toString(), canonical);
    assert.equal(JSON.stringify(addr), `"${canonical}"`);
    assert.deepEqual([...addr.toBytes()], slowIpv6(text));
    for (const same of [
      Ipv6Addr.parse(canonical),
      Ipv6Addr.fromBytes(addr.toBytes()),
      Ipv6Addr.fromSegments(addr.segments),
      Ipv6Addr.fromBigInt(addr.toBigInt()),
      Ipv6Addr.fromWords(addr.word(0), addr.word(1), addr.word(2), addr.word(3)),
    ]) {
      assert.ok(same.equals(addr));
      assert.equal(same.compare(addr), 0);
    }
  });
}

const REFUSED: readonly [why: string, text: string, reason: RegExp][] = [
  ["nothing", "", /empty/],
  ["a colon", ":", /begins with a single colon|ends with a single colon|groups/],
  ["three colons", ":::", /three colons/],
  ["three colons inside", "1:::2", /three colons/],
  ["two gaps", "1::2::3", /more than one ::/],
  ["a colon at the start", ":1:2:3:4:5:6:7:8", /begins with a single colon/],
  ["a colon at the start, with a gap", ":1::2", /begins with a single colon/],
  ["a colon at the end", "1:2:3:4:5:6:7:8:", /ends with a single colon/],
  ["a colon at the end, with a gap", "1::2:", /ends with a single colon/],
  ["seven groups", "1:2:3:4:5:6:7", /7 groups and no ::/],
  ["nine groups", "1:2:3:4:5:6:7:8:9", /9 groups/],
  ["eight groups and a gap", "1:2:3:4::5:6:7:8", /8 groups and a ::/],
  ["eight groups and a gap at the end", "1:2:3:4:5:6:7:8::", /8 groups and a ::/],
  ["eight groups and a gap at the start", "::1:2:3:4:5:6:7:8", /8 groups and a ::/],
  ["five digits", "12345::", /"12345" has more than 4/],
  ["five zeros", "00000::", /"00000" has more than 4/],
  ["a letter", "g::1", /"g" at position 1/],
  ["no colon", "1234", /no colon/],
  ["a space", "::1 ", /" " at position 4/],
  ["a newline", "::1\n", /position 4/],
  ["a zone", "fe80::1%eth0", /zone/],
  ["an empty zone", "fe80::1%", /zone/],
  ["brackets", "[::1]", /brackets/],
  ["a prefix", "::1/128", /prefix length/],
  ["an IPv4 address", "1.2.3.4", /no colon/],
  ["a short IPv4 end", "::1.2.3", /"1.2.3" is not an IPv4 address, it has 3 numbers/],
  ["an IPv4 end with a leading zero", "::ffff:192.168.0.01", /octet 4 has a leading zero/],
  ["an IPv4 end of hex", "::ffff:0xa.1.1.1", /"x" at position 9/],
  ["an IPv4 end of 256", "::1.2.3.256", /octet 4 is more than 255/],
  ["IPv4 in the middle", "::1.2.3.4:5", /only its end can be an IPv4 address/],
  ["IPv4 and a gap", "1.2.3.4::", /only its end can be an IPv4 address/],
  ["seven groups and IPv4", "1:2:3:4:5:6:7:1.2.3.4", /9 groups/],
  ["five groups and IPv4", "1:2:3:4:5:1.2.3.4", /7 groups and no ::/],
  ["six groups, a gap and IPv4", "1:2:3:4:5:6::1.2.3.4", /8 groups and a ::/],
  ["an Arabic digit", "::١", /"١" at position 3/],
  ["a fullwidth letter", "::ａ", /"ａ" at position 3/],
  ["a NUL", "::1\0", /position 4/],
  ["a book", "1:".repeat(10_000), /ends with a single colon/],
];

for (const [why, text, reason] of REFUSED) {
  test(`refuse ${why}: ${JSON.stringify(text.slice(0, 60))}`, () => {
    assert.equal(Ipv6Addr.tryParse(text), undefined);
    assert.throws(
      () => Ipv6Addr.parse(text),
      (error) => {
        assert.ok(error instanceof AddressError);
        assert.equal(error.input, text);
        assert.match(error.reason, reason);
        assert.match(error.message, /is not an IPv6 address: .* \(expected eight groups/);
        return true;
      },
    );
  });
}

test("wrong types are TypeErrors, numbers out of range RangeErrors", () => {
  assert.throws(() => Ipv6Addr.parse(null as never), {
    name: "TypeError",
    message: "text must be a string, got null",
  });
  assert.throws(() => Ipv6Addr.fromBigInt(1 as never), TypeError);
  assert.throws(() => Ipv6Addr.fromBigInt(-1n), RangeError);
  assert.throws(() => Ipv6Addr.fromBigInt(1n << 128n), RangeError);
  assert.throws(() => Ipv6Addr.fromSegments("1" as never), TypeError);
  assert.throws(() => Ipv6Addr.fromSegments([1, 2]), RangeError);
  assert.throws(() => Ipv6Addr.fromSegments([0, 0, 0, 0, 0, 0, 0, 0x10000]), {
    name: "RangeError",
    message: "segment 8 must be an integer from 0 to 65535, got 65536",
  });
  assert.throws(() => Ipv6Addr.fromBytes(new Uint8Array(4)), {
    name: "RangeError",
    message: "bytes must hold 16 bytes, got 4",
  });
  assert.throws(() => Ipv6Addr.fromBytes("" as never), TypeError);
  assert.throws(() => Ipv6Addr.fromWords(0, 0, 0, -1), RangeError);
  assert.throws(() => Ipv6Addr.LOCALHOST.word(4), RangeError);
});

test("constants, mapped addresses, values", () => {
  assert.equal(Ipv6Addr.LOCALHOST.toString(), "::1");
  assert.equal(Ipv6Addr.UNSPECIFIED.toString(), "::");
  assert.equal(Ipv6Addr.LOCALHOST.version, 6);
  assert.equal(Ipv6Addr.LOCALHOST.bitLength, 128);
  assert.equal(Ipv6Addr.LOCALHOST.toBigInt(), 1n);
  assert.equal(Ipv6Addr.parse("::ffff:10.0.0.1").toIpv4Mapped()?.toString(), "10.0.0.1");
  assert.equal(Ipv6Addr.parse("::10.0.0.1").toIpv4Mapped(), undefined);
  assert.ok(Ipv4Addr.LOCALHOST.toIpv6Mapped().toIpv4Mapped()?.equals(Ipv4Addr.LOCALHOST));
  assert.ok(Object.isFrozen(Ipv6Addr.parse("::2")));
  assert.equal(inspect(Ipv6Addr.parse("::2")), "Ipv6Addr(::2)");
  assert.notDeepEqual(Ipv6Addr.parse("::2"), Ipv6Addr.parse("::3"));
});

test("compare sorts by number", () => {
  const texts = ["ffff::", "::1", "1::", "::ffff:ffff", "1:0:0:1::", "::"];
  const sorted = texts.map(Ipv6Addr.parse).sort((a, b) => a.compare(b));
  assert.deepEqual(sorted.map(String), ["::", "::1", "::ffff:ffff", "1::", "1:0:0:1::", "ffff::"]);
});

type Predicate = Exclude<Extract<keyof Ipv6Addr, `is${string}`>, "isGlobal">;

const PREDICATES: Readonly<Record<Predicate, readonly [first: string, last: string][]>> = {
  isUnspecified: [["::", "::"]],
  isLoopback: [["::1", "::1"]],
  isIpv4Mapped: [["::ffff:0:0", "::ffff:ffff:ffff"]],
  isUnicastLinkLocal: [["fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]],
  isUniqueLocal: [["fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]],
  isMulticast: [["ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]],
  isDocumentation: [
    ["2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"],
    ["3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ],
  isBenchmarking: [["2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff"]],
};

for (const [name, blocks] of Object.entries(PREDICATES) as [Predicate, [string, string][]][]) {
  test(`${name}, at its edges and just outside`, () => {
    for (const [first, last] of blocks) {
      const [low, high] = [Ipv6Addr.parse(first), Ipv6Addr.parse(last)];
      assert.ok(low[name] && high[name], `${first}-${last}`);
      if (low.toBigInt() > 0n) assert.ok(!Ipv6Addr.fromBigInt(low.toBigInt() - 1n)[name], `before ${first}`);
      if (high.toBigInt() < 2n ** 128n - 1n) {
        assert.ok(!Ipv6Addr.fromBigInt(high.toBigInt() + 1n)[name], `after ${last}`);
      }
    }
  });
}

test("multicast scopes, RFC 7346 §2", () => {
  const scopes: [digits: string, scope: MulticastScope][] = [
    ["0f", "reserved"],
    ["1", "interface-local"],
    ["2", "link-local"],
    ["3", "realm-local"],
    ["4", "admin-local"],
    ["5", "site-local"],
    ["679abcd", "unassigned"],
    ["8", "organization-local"],
    ["e", "global"],
  ];
  for (const [digits, scope] of scopes) {
    for (const digit of digits) assert.equal(Ipv6Addr.parse(`ff1${digit}::1`).multicastScope, scope);
  }
  assert.equal(Ipv6Addr.parse("fe80::1").multicastScope, undefined);
});

test("IpAddr reads either family", () => {
  assert.ok(IpAddr.parse("1.2.3.4") instanceof Ipv4Addr);
  assert.ok(IpAddr.parse("::1.2.3.4") instanceof Ipv6Addr);
  assert.equal(IpAddr.tryParse("1.2.3"), undefined);
  assert.equal(IpAddr.tryParse("::g"), undefined);
  assert.throws(() => IpAddr.parse("1.2.3"), /"1.2.3" is not an IP address: it has 3 numbers \(expected/);
  assert.throws(() => IpAddr.parse("::g"), /"::g" is not an IP address: it has "g" at position 3 \(expected/);
  assert.throws(() => IpAddr.parse(5 as never), TypeError);
  assert.equal(IpAddr.fromBytes(Uint8Array.of(1, 2, 3, 4)).toString(), "1.2.3.4");
  assert.equal(IpAddr.fromBytes(Ipv6Addr.LOCALHOST.toBytes()).toString(), "::1");
  assert.throws(() => IpAddr.fromBytes(new Uint8Array(6)), RangeError);
  assert.throws(() => IpAddr.fromBytes("1.2.3.4" as never), TypeError);
  const mixed = ["::", "255.255.255.255", "::1", "1.1.1.1"].map(IpAddr.parse).sort(IpAddr.compare);
  assert.deepEqual(mixed.map(String), ["1.1.1.1", "255.255.255.255", "::", "::1"]);
  assert.deepEqual([Ipv4Addr.LOCALHOST, Ipv6Addr.LOCALHOST, "::1", undefined].map(IpAddr.is), [
    true,
    true,
    false,
    false,
  ]);
});

test("a parser that follows the grammar of RFC 3986 agrees", () => {
  const group = fc.oneof(
    fc.nat(0xffff).map((value) => value.toString(16)),
    fc.constantFrom("0", "0", "0000", "", "", "12345", "g", "1.2.3.4", "1.2.3", "FFFF"),
  );
  const near = fc.array(group, { minLength: 2, maxLength: 9 }).map((groups) => groups.join(":"));
  fc.assert(
    fc.property(fc.oneof(near, fc.ipV6(), fc.string()), (text) => {
      const addr = Ipv6Addr.tryParse(text);
      assert.deepEqual(addr && [...addr.toBytes()], slowIpv6(text));
    }),
    { numRuns: 5000 },
  );
});

test("what is written is read again as the same address", () => {
  const groups = fc.array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(groups, (segments) => {
      const addr = Ipv6Addr.fromSegments(segments);
      assert.deepEqual(Ipv6Addr.parse(addr.toString()).segments, segments);
    }),
    { numRuns: 2000 },
  );
});
