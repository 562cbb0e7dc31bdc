/** SocketAddr, zones, and splitting host and port: what is read, written and refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import fc from "fast-check";
import {
  AddressError,
  IpAddr,
  Ipv4Addr,
  Ipv6Addr,
  parseScoped,
  SocketAddr,
  splitHostPort,
  splitZone,
} from "../../src/ip/index.ts";

type Zone = string | number | undefined;

const ACCEPTED: readonly [text: string, ip: string, port: number, zone: Zone, written: string][] = [
  ["127.0.0.1:80", "127.0.0.1", 80, undefined, "127.0.0.1:80"],
  ["0.0.0.0:0", "0.0.0.0", 0, undefined, "0.0.0.0:0"],
  ["1.2.3.4:65535", "1.2.3.4", 65535, undefined, "1.2.3.4:65535"],
  ["[::1]:80", "::1", 80, undefined, "[::1]:80"],
  ["[::]:0", "::", 0, undefined, "[::]:0"],
  ["[2001:DB8:0:0::1]:443", "2001:db8::1", 443, undefined, "[2001:db8::1]:443"],
  ["[::ffff:1.2.3.4]:80", "::ffff:1.2.3.4", 80, undefined, "[::ffff:1.2.3.4]:80"],
  ["[fe80::1%eth0]:80", "fe80::1", 80, "eth0", "[fe80::1%eth0]:80"],
  ["[fe80::1%3]:80", "fe80::1", 80, 3, "[fe80::1%3]:80"],
  ["[fe80::1%4294967295]:80", "fe80::1", 80, 4294967295, "[fe80::1%4294967295]:80"],
  ["[fe80::1%0]:80", "fe80::1", 80, undefined, "[fe80::1]:80"],
  ["[fe80::1%br-lan.7]:80", "fe80::1", 80, "br-lan.7", "[fe80::1%br-lan.7]:80"],
  ["[fe80::1%0eth]:80", "fe80::1", 80, "0eth", "[fe80::1%0eth]:80"],
];

for (const [text, ip, port, zone, written] of ACCEPTED) {
  test(`parse ${text}`, () => {
    const addr = SocketAddr.parse(text);
    assert.ok(addr.ip.equals(IpAddr.parse(ip)));
    assert.equal(addr.port, port);
    assert.equal(addr.zone, zone);
    assert.equal(addr.flowInfo, 0);
    assert.equal(addr.family, ip.includes(":") ? "ipv6" : "ipv4");
    assert.equal(addr.toString(), written);
    assert.equal(JSON.stringify(addr), JSON.stringify(written));
    assert.equal(inspect(addr), `SocketAddr(${written})`);
    assert.ok(SocketAddr.of(ip, port, { zone }).equals(addr));
    assert.ok(SocketAddr.parse(written).equals(addr));
    assert.ok(Object.isFrozen(addr));
  });
}

const REFUSED: readonly [why: string, text: string, reason: RegExp][] = [
  ["nothing", "", /no port/],
  ["no port", "127.0.0.1", /no port/],
  ["an empty port", "127.0.0.1:", /"" is not a port, it is empty/],
  ["no address", ":80", /"" is not an IP address, it is empty/],
  ["a name", "localhost:80", /"localhost" is not an IP address, it looks like a name/],
  ["a port with a leading zero", "1.2.3.4:080", /"080" is not a port, it has a leading zero/],
  ["a port with a plus", "1.2.3.4:+80", /"\+80" is not a port, it has "\+" at position 1/],
  ["a port with a space", "1.2.3.4: 80", /is not a port, it has " "/],
  ["a port of 65536", "1.2.3.4:65536", /more than 65535/],
  ["a long port", `1.2.3.4:${"9".repeat(400)}`, /more than 65535/],
  ["a hexadecimal port", "1.2.3.4:0x50", /"x" at position 2/],
  ["a port with an exponent", "1.2.3.4:1e3", /"e" at position 2/],
  ["a service name", "1.2.3.4:http", /"http" is not a port/],
  ["a port of Arabic digits", "1.2.3.4:٨٠", /is not a port/],
  ["an octet with a leading zero", "01.2.3.4:80", /octet 1 has a leading zero/],
  ["IPv6 without brackets", "::1:80", /brackets/],
  ["IPv6 alone", "::1", /brackets/],
  ["IPv6 in brackets alone", "[::1]", /no port after the \]/],
  ["an open bracket", "[::1:80", /its \[ has no \]/],
  ["something after the bracket", "[::1]x:80", /no port after the \]/],
  ["two ports", "[::1]:80:80", /"80:80" is not a port/],
  ["IPv4 in brackets", "[1.2.3.4]:80", /an IPv4 address has no brackets/],
  ["IPv4 with a zone", "1.2.3.4%eth0:80", /an IPv4 address has no zone/],
  ["an empty zone", "[fe80::1%]:80", /"" is not a zone, it is empty/],
  ["a long zone", "[fe80::1%abcdefghijklmnop]:80", /it has 16 bytes/],
  ["a long zone of few letters", "[fe80::1%éééééééé]:80", /it has 16 bytes/],
  ["a zone with a slash", "[fe80::1%a/b]:80", /byte 0x2f/],
  ["a zone with a space", "[fe80::1%a b]:80", /byte 0x20/],
  ["a zone with a colon", "[fe80::1%a:b]:80", /byte 0x3a/],
  ["a zone with a percent", "[fe80::1%a%b]:80", /byte 0x25/],
  ["a zone with a NUL", "[fe80::1%a\0]:80", /byte 0x00/],
  ["a zone that is a dot", "[fe80::1%.]:80", /no interface can have this name/],
  ["an index with a leading zero", "[fe80::1%03]:80", /leading zero/],
  ["an index of 33 bits", "[fe80::1%4294967296]:80", /more than 32 bits/],
  ["a space before", " 127.0.0.1:80", /" " at position 1/],
];

for (const [why, text, reason] of REFUSED) {
  test(`refuse ${why}: ${JSON.stringify(text.slice(0, 60))}`, () => {
    assert.equal(SocketAddr.tryParse(text), undefined);
    assert.throws(
      () => SocketAddr.parse(text),
      (error) => {
        assert.ok(error instanceof AddressError);
        assert.equal(error.input, text);
        assert.equal(error.what, "a socket address");
        assert.match(error.reason, reason);
        return true;
      },
    );
  });
}

test("of takes addresses, texts, zones and flow information", () => {
  const plain = SocketAddr.of(Ipv6Addr.parse("fe80::1"), 80);
  const named = SocketAddr.of("fe80::1%eth0", 80);
  assert.equal(named.zone, "eth0");
  assert.ok(SocketAddr.of("fe80::1", 80, { zone: "eth0" }).equals(named));
  assert.equal(SocketAddr.of("fe80::1", 80, { zone: "7" }).zone, 7);
  assert.equal(SocketAddr.of("fe80::1", 80, { zone: 7 }).zone, 7);
  assert.ok(SocketAddr.of("fe80::1", 80, { zone: 0 }).equals(plain));
  assert.ok(!named.equals(plain));
  const flow = SocketAddr.of("fe80::1", 80, { flowInfo: 0xfffff });
  assert.equal(flow.flowInfo, 0xfffff);
  assert.ok(!flow.equals(plain));
  assert.ok(!SocketAddr.of("fe80::1", 81).equals(plain));
});

test("of refuses what does not belong together", () => {
  assert.throws(() => SocketAddr.of("localhost", 80), AddressError);
  assert.throws(() => SocketAddr.of("::1", 80, { zone: "a b" }), AddressError);
  assert.throws(() => SocketAddr.of(Ipv4Addr.LOCALHOST, 80, { zone: "eth0" }), {
    name: "TypeError",
    message: 'zone belongs to IPv6 addresses, got "eth0" with 127.0.0.1',
  });
  assert.throws(() => SocketAddr.of("127.0.0.1", 80, { flowInfo: 1 }), TypeError);
  assert.throws(() => SocketAddr.of("fe80::1%eth0", 80, { zone: "eth0" }), TypeError);
  assert.throws(() => SocketAddr.of(undefined as never, 80), {
    name: "TypeError",
    message: "ip must be an IpAddr or a string, got undefined",
  });
  assert.throws(() => SocketAddr.of("::1", "80" as never), {
    name: "TypeError",
    message: 'port must be an integer from 0 to 65535, got "80"',
  });
  for (const port of [-1, 65536, 1.5, Number.NaN])
    assert.throws(() => SocketAddr.of("::1", port), RangeError);
  assert.throws(() => SocketAddr.of("::1", 80, { zone: -1 }), RangeError);
  assert.throws(() => SocketAddr.of("::1", 80, { zone: 2 ** 32 }), RangeError);
  assert.throws(() => SocketAddr.of("::1", 80, { flowInfo: 2 ** 32 }), RangeError);
  assert.throws(() => SocketAddr.parse(80 as never), TypeError);
  assert.throws(() => SocketAddr.tryParse(80 as never), TypeError);
});

test("compare sorts by address, port, zone and flow information", () => {
  const sorted = [
    "9.0.0.0:1",
    "10.0.0.0:1",
    "10.0.0.0:2",
    "[::1]:1",
    "[fe80::1]:80",
    "[fe80::1%2]:80",
    "[fe80::1%10]:80",
    "[fe80::1%a]:80",
    "[fe80::1%b]:80",
    "[fe80::1]:443",
  ];
  const shuffled = [...sorted].reverse().map(SocketAddr.parse);
  assert.deepEqual(shuffled.sort((a, b) => a.compare(b)).map(String), sorted);
  const flow = SocketAddr.of("::1", 1, { flowInfo: 5 });
  assert.equal(flow.compare(SocketAddr.parse("[::1]:1")), 1);
  assert.equal(flow.compare(SocketAddr.of("::1", 1, { flowInfo: 5 })), 0);
});

test("what is written is read again as the same socket address", () => {
  const ip = fc.oneof(fc.ipV4(), fc.ipV6());
  const zone = fc.option(fc.oneof(fc.nat(0xffffffff), fc.stringMatching(/^[a-z][a-z0-9.-]{0,14}$/)), {
    nil: undefined,
  });
  fc.assert(
    fc.property(ip, fc.nat(65535), zone, (text, port, wanted) => {
      const addr = SocketAddr.of(text, port, { zone: text.includes(":") ? wanted : undefined });
      assert.ok(SocketAddr.parse(addr.toString()).equals(addr));
      assert.deepEqual(SocketAddr.parse(addr.toString()), addr);
    }),
    { numRuns: 2000 },
  );
});

test("random texts throw an AddressError or nothing", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[\][0-9a-f:.%]{0,30}$/)), (text) => {
      for (const read of [SocketAddr.parse, splitHostPort, splitZone, parseScoped]) {
        try {
          read(text);
        } catch (error) {
          assert.ok(error instanceof AddressError);
        }
      }
    }),
    { numRuns: 5000 },
  );
});

test("splitZone and parseScoped", () => {
  assert.deepEqual(splitZone("fe80::1%eth0"), { address: "fe80::1", zone: "eth0" });
  assert.deepEqual(splitZone("fe80::1%12"), { address: "fe80::1", zone: 12 });
  assert.deepEqual(splitZone("fe80::1%0"), { address: "fe80::1", zone: undefined });
  assert.deepEqual(splitZone("fe80::1"), { address: "fe80::1", zone: undefined });
  assert.throws(() => splitZone("fe80::1%"), /"" is not a zone: it is empty/);
  assert.deepEqual(parseScoped("fe80::1%eth0"), { ip: Ipv6Addr.parse("fe80::1"), zone: "eth0" });
  assert.deepEqual(parseScoped("127.0.0.1"), { ip: Ipv4Addr.LOCALHOST, zone: undefined });
  assert.throws(() => parseScoped("127.0.0.1%eth0"), /an IPv4 address has no zone/);
  assert.throws(() => parseScoped("127.0.0.1%0"), /an IPv4 address has no zone/);
  assert.throws(() => parseScoped("fe80%eth0"), /"fe80" is not an IP address/);
});

const SPLIT: readonly [text: string, host: string, service: string][] = [
  ["localhost:2000", "localhost", "2000"],
  ["example.org:http", "example.org", "http"],
  ["127.0.0.1:80", "127.0.0.1", "80"],
  ["[::1]:80", "::1", "80"],
  ["[fe80::1%eth0]:ssh", "fe80::1%eth0", "ssh"],
];

for (const [text, host, service] of SPLIT) {
  test(`split ${text}`, () => assert.deepEqual(splitHostPort(text), { host, service }));
}

const NOT_SPLIT: readonly [why: string, text: string, reason: RegExp][] = [
  ["nothing", "", /no :port/],
  ["no port", "localhost", /no :port/],
  ["an empty host", ":80", /its host is empty/],
  ["an empty service", "localhost:", /its service is empty/],
  ["IPv6 without brackets", "::1:80", /too many colons; an IPv6 address needs brackets/],
  ["IPv6 alone", "fe80::1", /too many colons; an IPv6 address needs brackets/],
  ["no port after brackets", "[::1]", /no :port after the \]/],
  ["an empty service after brackets", "[::1]:", /its service is empty/],
  ["two services", "[::1]:80:81", /more than one colon after the \]/],
  ["an open bracket", "[::1:80", /its \[ has no \]/],
  ["empty brackets", "[]:80", /"" in the brackets is not an IPv6 address/],
  ["a name in brackets", "[localhost]:80", /"localhost" in the brackets is not an IPv6 address/],
  ["IPv4 in brackets", "[127.0.0.1]:80", /"127.0.0.1" in the brackets is not an IPv6 address/],
];

for (const [why, text, reason] of NOT_SPLIT) {
  test(`do not split ${why}: ${JSON.stringify(text)}`, () => {
    assert.throws(
      () => splitHostPort(text),
      (error) => error instanceof AddressError && error.input === text && reason.test(error.reason),
    );
  });
}

test("splitHostPort takes strings only", () => {
  assert.throws(() => splitHostPort(80 as never), TypeError);
});
