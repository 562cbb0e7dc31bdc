/** Ipv4Addr: what it reads and refuses, its conversions, its predicates, its errors. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import fc from "fast-check";
import { AddressError, Ipv4Addr, Ipv6Addr } from "../../src/ip/index.ts";
import { slowIpv4 } from "./_slow.ts";

const ACCEPTED: readonly [text: string, u32: number][] = [
  ["0.0.0.0", 0],
  ["127.0.0.1", 0x7f000001],
  ["192.168.140.255", 0xc0a88cff],
  ["255.255.255.255", 0xffffffff],
  ["1.2.3.4", 0x01020304],
  ["10.0.200.1", 0x0a00c801],
];

for (const [text, u32] of ACCEPTED) {
  test(`parse ${text}`, () => {
    const addr = Ipv4Addr.parse(text);
    assert.equal(addr.toU32(), u32);
    assert.equal(addr.toString(), text);
    assert.equal(JSON.stringify({ addr }), `{"addr":"${text}"}`);
    assert.ok(Ipv4Addr.fromOctets(...addr.octets).equals(addr));
    assert.deepEqual(addr.octets, text.split(".").map(Number));
    assert.deepEqual([...addr.toBytes()], text.split(".").map(Number));
    assert.equal(addr.toBigInt(), BigInt(u32));
    assert.ok(Ipv4Addr.fromBytes(addr.toBytes()).equals(addr));
    assert.ok(Ipv4Addr.fromU32(u32).equals(addr));
    assert.equal(addr.toIpv6Mapped().toString(), `::ffff:${text}`);
  });
}

const REFUSED: readonly [why: string, text: string, reason: string][] = [
  ["nothing", "", "it is empty"],
  ["a leading zero, octal to inet_aton", "01.2.3.4", "octet 1 has a leading zero"],
  ["a leading zero at the end", "127.0.0.01", "octet 4 has a leading zero"],
  ["two zeros", "127.0.00.1", "octet 3 has a leading zero"],
  ["three zeros", "000.0.0.0", "octet 1 has a leading zero"],
  ["hexadecimal", "0x7f.0.0.1", 'it has "x" at position 2'],
  ["three parts", "127.0.1", "it has 3 numbers"],
  ["one part", "2130706433", "it has 1 number"],
  ["five parts", "1.2.3.4.5", "it has 5 numbers"],
  ["256", "1.2.3.256", "octet 4 is more than 255"],
  ["300", "300.0.0.1", "octet 1 is more than 255"],
  ["four digits", "1.2.3.1000", "octet 4 is more than 255"],
  ["a number of 40 bits", "1099511627776.1.1.1", "octet 1 is more than 255"],
  ["an empty octet", "1..2.3", "octet 2 is empty"],
  ["a dot at the end", "1.2.3.", "octet 4 is empty"],
  ["a dot at the start", ".1.2.3", "octet 1 is empty"],
  ["a dot after it", "1.2.3.4.", "it has 5 numbers"],
  ["a space before", " 1.2.3.4", 'it has " " at position 1'],
  ["a newline after", "1.2.3.4\n", 'it has "\\n" at position 8'],
  ["a NUL after", "1.2.3.4\0", 'it has "\\u0000" at position 8'],
  ["a sign", "+1.2.3.4", 'it has "+" at position 1'],
  ["a minus", "1.2.3.-4", 'it has "-" at position 7'],
  ["an Arabic digit", "1.2.3.٤", 'it has "٤" at position 7'],
  ["a fullwidth digit", "１.2.3.4", 'it has "１" at position 1'],
  ["an emoji", "1.2.3.😀", 'it has "😀" at position 7'],
  ["a port", "1.2.3.4:80", 'it has ":" at position 8'],
  ["a prefix", "1.2.3.4/24", "it has a prefix length, which IpPrefix reads"],
  ["a zone", "1.2.3.4%eth0", 'it has "%" at position 8'],
  ["IPv6", "::1", 'it has ":" at position 1'],
  ["a name", "localhost", "it looks like a name, and names have to be looked up first"],
  ["an exponent", "1e1.2.3.4", 'it has "e" at position 2'],
];

for (const [why, text, reason] of REFUSED) {
  test(`refuse ${why}: ${JSON.stringify(text)}`, () => {
    assert.equal(Ipv4Addr.tryParse(text), undefined);
    assert.throws(
      () => Ipv4Addr.parse(text),
      (error) => {
        assert.ok(error instanceof AddressError && error instanceof Error);
        assert.equal(error.code, "BAD_ADDRESS");
        assert.equal(error.name, "AddressError");
        assert.equal(error.input, text);
        assert.equal(error.what, "an IPv4 address");
        assert.equal(error.reason, reason);
        return true;
      },
    );
  });
}

test("the message says what came, what is wrong and what was expected", () => {
  assert.throws(() => Ipv4Addr.parse("01.2.3.4"), {
    message:
      '"01.2.3.4" is not an IPv4 address: octet 1 has a leading zero (expected four decimal numbers 0–255 separated by dots)',
  });
  assert.throws(
    () => Ipv4Addr.parse("9".repeat(5000)),
    (error: Error) => error.message.length < 250,
  );
});

test("wrong types are TypeErrors, numbers out of range RangeErrors", () => {
  assert.throws(() => Ipv4Addr.parse(1 as never), {
    name: "TypeError",
    message: "text must be a string, got number 1",
  });
  assert.throws(() => Ipv4Addr.tryParse(undefined as never), TypeError);
  assert.throws(() => Ipv4Addr.fromU32("1" as never), TypeError);
  for (const bad of [-1, 2 ** 32, 1.5, Number.NaN]) assert.throws(() => Ipv4Addr.fromU32(bad), RangeError);
  assert.throws(() => Ipv4Addr.fromOctets(1, 2, 3, 256), {
    name: "RangeError",
    message: "octet 4 must be an integer from 0 to 255, got 256",
  });
  assert.throws(() => Ipv4Addr.fromBytes([1, 2, 3, 4] as never), TypeError);
  assert.throws(() => Ipv4Addr.fromBytes(new Uint8Array(5)), RangeError);
  assert.throws(() => Ipv4Addr.LOCALHOST.word(1), RangeError);
});

test("an address is a value: its bytes are copies, and nothing changes it", () => {
  const bytes = Uint8Array.of(192, 0, 2, 1);
  const addr = Ipv4Addr.fromBytes(bytes);
  bytes[0] = 1;
  addr.toBytes()[1] = 9;
  (addr.octets as unknown as number[])[0] = 9;
  assert.equal(addr.toString(), "192.0.2.1");
  assert.ok(Object.isFrozen(addr));
  assert.equal(inspect(addr), "Ipv4Addr(192.0.2.1)");
  assert.deepEqual(addr, Ipv4Addr.parse("192.0.2.1"));
  assert.notDeepEqual(addr, Ipv4Addr.parse("192.0.2.2"));
});

test("constants", () => {
  assert.equal(Ipv4Addr.LOCALHOST.toString(), "127.0.0.1");
  assert.equal(Ipv4Addr.UNSPECIFIED.toString(), "0.0.0.0");
  assert.equal(Ipv4Addr.BROADCAST.toString(), "255.255.255.255");
  assert.equal(Ipv4Addr.LOCALHOST.version, 4);
  assert.equal(Ipv4Addr.LOCALHOST.bitLength, 32);
});

test("compare sorts by number, and IPv4 before IPv6", () => {
  const texts = ["255.0.0.0", "10.0.0.2", "9.255.255.255", "10.0.0.10", "127.0.0.1"];
  const sorted = texts.map(Ipv4Addr.parse).sort((a, b) => a.compare(b));
  assert.deepEqual(sorted.map(String), ["9.255.255.255", "10.0.0.2", "10.0.0.10", "127.0.0.1", "255.0.0.0"]);
  assert.equal(Ipv4Addr.BROADCAST.compare(Ipv6Addr.UNSPECIFIED), -1);
  assert.equal(Ipv4Addr.UNSPECIFIED.equals(Ipv6Addr.UNSPECIFIED), false);
});

type Predicate = Extract<keyof Ipv4Addr, `is${string}`>;

/** First and last address of each block that a predicate is true for; just outside of them it is false. */
const PREDICATES: readonly [name: Predicate, blocks: readonly [first: string, last: string][]][] = [
  ["isUnspecified", [["0.0.0.0", "0.0.0.0"]]],
  ["isLoopback", [["127.0.0.0", "127.255.255.255"]]],
  [
    "isPrivate",
    [
      ["10.0.0.0", "10.255.255.255"],
      ["172.16.0.0", "172.31.255.255"],
      ["192.168.0.0", "192.168.255.255"],
    ],
  ],
  ["isLinkLocal", [["169.254.0.0", "169.254.255.255"]]],
  ["isShared", [["100.64.0.0", "100.127.255.255"]]],
  ["isMulticast", [["224.0.0.0", "239.255.255.255"]]],
  ["isBroadcast", [["255.255.255.255", "255.255.255.255"]]],
  [
    "isDocumentation",
    [
      ["192.0.2.0", "192.0.2.255"],
      ["198.51.100.0", "198.51.100.255"],
      ["203.0.113.0", "203.0.113.255"],
    ],
  ],
  ["isBenchmarking", [["198.18.0.0", "198.19.255.255"]]],
  ["isReserved", [["240.0.0.0", "255.255.255.254"]]],
];

for (const [name, blocks] of PREDICATES) {
  test(`${name}, at its edges and just outside`, () => {
    for (const [first, last] of blocks) {
      const [low, high] = [Ipv4Addr.parse(first), Ipv4Addr.parse(last)];
      assert.ok(low[name] && high[name], `${first}-${last}`);
      if (low.toU32() > 0) assert.ok(!Ipv4Addr.fromU32(low.toU32() - 1)[name], `before ${first}`);
      if (high.toU32() < 0xffffffff) assert.ok(!Ipv4Addr.fromU32(high.toU32() + 1)[name], `after ${last}`);
    }
  });
}

test("a parser that follows the grammar of RFC 3986 agrees", () => {
  const octet = fc.oneof(fc.nat(300).map(String), fc.constantFrom("00", "01", "0x1", "", " 1", "256"));
  const near = fc.array(octet, { minLength: 3, maxLength: 5 }).map((octets) => octets.join("."));
  fc.assert(
    fc.property(fc.oneof(near, fc.ipV4(), fc.ipV4Extended(), fc.string()), (text) => {
      const addr = Ipv4Addr.tryParse(text);
      assert.deepEqual(addr?.octets, slowIpv4(text));
    }),
    { numRuns: 5000 },
  );
});
