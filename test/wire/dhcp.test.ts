/** DHCP messages: what is read, refused and written; against tshark and scapy. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fromHex, toHex } from "../../src/bytes/index.ts";
import { Ipv4Addr, MacAddr } from "../../src/ip/index.ts";
import {
  type DhcpFields,
  type DhcpOption,
  decodeDhcp,
  encodeDhcp,
  encodeIpv4,
  encodeUdp,
  WireError,
} from "../../src/wire/index.ts";
import { needsScapy, type ScapyLayer, type ScapyValue, scapyBuild, scapyDissect } from "./_scapy.ts";
import { LINK, needsTshark, tsharkFields } from "./_tshark.ts";

const ip = (text: string): Ipv4Addr => Ipv4Addr.parse(text);

const OFFER: DhcpFields = {
  op: "reply",
  xid: 0x3903f326,
  secs: 7,
  broadcast: true,
  ciaddr: ip("0.0.0.0"),
  yiaddr: ip("192.168.1.100"),
  siaddr: ip("192.168.1.1"),
  giaddr: ip("10.9.8.7"),
  chaddr: MacAddr.parse("00:05:3c:04:8d:59"),
  sname: "boot server",
  file: "pxelinux.0",
  options: [
    { name: "messageType", value: "offer" },
    { name: "serverId", value: ip("192.168.1.1") },
    { name: "leaseTime", value: 86_400 },
    { name: "renewalTime", value: 43_200 },
    { name: "rebindingTime", value: 75_600 },
    { name: "subnetMask", value: ip("255.255.255.0") },
    { name: "routers", value: [ip("192.168.1.1"), ip("192.168.1.2")] },
    { name: "dnsServers", value: [ip("192.0.2.53"), ip("198.51.100.53")] },
    { name: "domainName", value: "example.org" },
    { name: "domainSearch", value: ["example.org", "lab.example.org"] },
    { name: "interfaceMtu", value: 1400 },
    { name: "timeOffset", value: -3600 },
    { name: "ipForwarding", value: false },
    { name: "broadcastAddress", value: ip("192.168.1.255") },
    {
      name: "classlessRoutes",
      value: [
        { prefix: ip("0.0.0.0"), prefixLength: 0, router: ip("192.168.1.1") },
        { prefix: ip("10.17.0.0"), prefixLength: 16, router: ip("192.168.1.9") },
        { prefix: ip("10.27.129.0"), prefixLength: 24, router: ip("10.27.129.1") },
      ],
    },
    { name: "unknown", code: 224, data: Uint8Array.of(1, 2, 3) },
  ],
};

/** In an IPv4 packet from server to client, for tshark. */
function packetOf(message: Uint8Array): Uint8Array {
  const between = { src: ip("192.168.1.1"), dst: ip("255.255.255.255") };
  const payload = encodeUdp({ srcPort: 67, dstPort: 68, payload: message }, between);
  return encodeIpv4({ ...between, protocolNumber: 17, payload });
}

test("the fields of an offer, by tshark", needsTshark, () => {
  const [told] = tsharkFields(
    [packetOf(encodeDhcp(OFFER))],
    [
      "dhcp.type",
      "dhcp.id",
      "dhcp.secs",
      "dhcp.flags.bc",
      "dhcp.ip.your",
      "dhcp.ip.server",
      "dhcp.ip.relay",
      "dhcp.hw.mac_addr",
      "dhcp.server",
      "dhcp.file",
      "dhcp.option.dhcp",
      "dhcp.option.dhcp_server_id",
      "dhcp.option.ip_address_lease_time",
      "dhcp.option.renewal_time_value",
      "dhcp.option.rebinding_time_value",
      "dhcp.option.subnet_mask",
      "dhcp.option.router",
      "dhcp.option.domain_name_server",
      "dhcp.option.domain_name",
      "dhcp.option.dhcp_dns_domain_search_list_fqdn",
      "dhcp.option.interface_mtu",
      "dhcp.option.broadcast_address",
      "dhcp.option.type",
      "_ws.malformed",
    ],
    { linkType: LINK.ipv4 },
  );
  const types = told?.["dhcp.option.type"].slice(0, -1); // of the end option it says 0
  assert.deepEqual(
    { ...told, "dhcp.option.type": types },
    {
      "dhcp.type": ["2"],
      "dhcp.id": ["0x3903f326"],
      "dhcp.secs": ["7"],
      "dhcp.flags.bc": ["1"],
      "dhcp.ip.your": ["192.168.1.100"],
      "dhcp.ip.server": ["192.168.1.1"],
      "dhcp.ip.relay": ["10.9.8.7"],
      "dhcp.hw.mac_addr": ["00:05:3c:04:8d:59"],
      "dhcp.server": ["boot server"],
      "dhcp.file": ["pxelinux.0"],
      "dhcp.option.dhcp": ["2"],
      "dhcp.option.dhcp_server_id": ["192.168.1.1"],
      "dhcp.option.ip_address_lease_time": ["86400"],
      "dhcp.option.renewal_time_value": ["43200"],
      "dhcp.option.rebinding_time_value": ["75600"],
      "dhcp.option.subnet_mask": ["255.255.255.0"],
      "dhcp.option.router": ["192.168.1.1", "192.168.1.2"],
      "dhcp.option.domain_name_server": ["192.0.2.53", "198.51.100.53"],
      "dhcp.option.domain_name": ["example.org"],
      "dhcp.option.dhcp_dns_domain_search_list_fqdn": ["example.org", "lab.example.org"],
      "dhcp.option.interface_mtu": ["1400"],
      "dhcp.option.broadcast_address": ["192.168.1.255"],
      "dhcp.option.type": [53, 54, 51, 58, 59, 1, 3, 6, 15, 119, 26, 2, 19, 28, 121, 224].map(String),
      "_ws.malformed": [],
    },
  );
});

test("scapy's messages are read, and ours by scapy", needsScapy, () => {
  const [built] = scapyBuild([
    "BOOTP(op=1, xid=0x1234, chaddr=b'\\x02\\x00\\x00\\x00\\x00\\x01', hlen=6, flags=0x8000)/DHCP(options=[" +
      "('message-type','request'),('requested_addr','10.0.0.5'),('hostname',b'box'),('param_req_list',[1,3,6])," +
      "('lease_time',99),('client_id',b'\\x01abc'),'end'])",
  ]);
  const message = decodeDhcp(built as Uint8Array);
  assert.deepEqual(message.options, [
    { name: "messageType", value: "request" },
    { name: "requestedAddress", value: ip("10.0.0.5") },
    { name: "hostName", value: "box" },
    { name: "parameterRequestList", value: [1, 3, 6] },
    { name: "leaseTime", value: 99 },
    { name: "clientId", value: fromHex("01616263") },
  ]);
  assert.equal(message.broadcast, true);
  assert.equal(message.clientMac?.toString(), "02:00:00:00:00:01");

  const [bootp, dhcp] = scapyDissect([encodeDhcp(OFFER)], "BOOTP")[0] as readonly ScapyLayer[];
  assert.deepEqual(
    [bootp?.fields.xid, bootp?.fields.secs, bootp?.fields.yiaddr],
    [0x3903f326, 7, "192.168.1.100"],
  );
  const options = new Map(
    ((dhcp as ScapyLayer).fields.options as readonly ScapyValue[])
      .filter((option) => Array.isArray(option))
      .map((option) => [option[0], option.slice(1)]),
  );
  assert.deepEqual(options.get("message-type"), [2]);
  assert.deepEqual(options.get("lease_time"), [86_400]);
  assert.deepEqual(options.get("name_server"), ["192.0.2.53", "198.51.100.53"]);
  assert.deepEqual(options.get("domain"), [{ hex: toHex(new TextEncoder().encode("example.org")) }]);
});

test("an offer is read as it was written, and is 300 bytes at least", () => {
  const bytes = encodeDhcp(OFFER);
  const message = decodeDhcp(bytes);
  const { options, ...fields } = message.toObject();
  assert.deepEqual(options, OFFER.options);
  assert.deepEqual(
    { ...fields, chaddr: toHex(fields.chaddr as Uint8Array) },
    {
      op: "reply",
      htype: 1,
      hlen: 6,
      hops: 0,
      xid: 0x3903f326,
      secs: 7,
      broadcast: true,
      reservedFlags: 0,
      ciaddr: OFFER.ciaddr,
      yiaddr: OFFER.yiaddr,
      siaddr: OFFER.siaddr,
      giaddr: OFFER.giaddr,
      chaddr: `00053c048d59${"00".repeat(10)}`,
      sname: "boot server",
      file: "pxelinux.0",
      hasEnd: true,
      trailing: new Uint8Array(0),
    },
  );
  assert.equal(message.messageType, "offer");
  assert.equal(message.clientMac?.toString(), "00:05:3c:04:8d:59");
  assert.match(message.toString(), /^DHCP offer, client 00:05:3c:04:8d:59, .*0x3903f326.* 192\.168\.1\.100$/);
  assert.equal(encodeDhcp({ op: "request", xid: 1, options: [] }).length, 300);
});

/** A message with these bytes as its options. */
function withOptions(options: string, changes: { file?: string; sname?: string } = {}): Uint8Array {
  const bytes = new Uint8Array(240 + fromHex(options).length);
  bytes.set(fromHex("01010600"));
  bytes.set(fromHex("63825363"), 236);
  bytes.set(fromHex(options), 240);
  bytes.set(fromHex(changes.file ?? ""), 108);
  bytes.set(fromHex(changes.sname ?? ""), 44);
  return bytes;
}

const OPTIONS: readonly [why: string, hex: string, options: readonly DhcpOption[], hasEnd: boolean][] = [
  ["none", "ff", [], true],
  ["no end", "", [], false],
  [
    "pads",
    "0000350101ff",
    [{ name: "pad" }, { name: "pad" }, { name: "messageType", value: "discover" }],
    true,
  ],
  ["an empty flag", "5000ff", [{ name: "rapidCommit", value: new Uint8Array(0) }], true],
  ["a mask of three bytes", "0103ffffffff", [{ name: "unknown", code: 1, data: fromHex("ffffff") }], true],
  ["no routers", "0300ff", [{ name: "unknown", code: 3, data: new Uint8Array(0) }], true],
  ["a message type of 99", "350163ff", [{ name: "unknown", code: 53, data: fromHex("63") }], true],
  ["a flag of 2", "130102ff", [{ name: "unknown", code: 19, data: fromHex("02") }], true],
  [
    "a host name that is no UTF-8",
    "0c02c328ff",
    [{ name: "unknown", code: 12, data: fromHex("c328") }],
    true,
  ],
  ["a length past the end", "3504010203", [{ name: "malformed", data: fromHex("3504010203") }], false],
  ["a code without a length", "0035", [{ name: "pad" }, { name: "malformed", data: fromHex("35") }], false],
  [
    "a prefix of 33 bits",
    "7906210a00000001ff",
    [{ name: "unknown", code: 121, data: fromHex("210a00000001") }],
    true,
  ],
  [
    "routes of RFC 3442's lengths",
    "7905000a000001ff",
    [
      {
        name: "classlessRoutes",
        value: [{ prefix: ip("0.0.0.0"), prefixLength: 0, router: ip("10.0.0.1") }],
      },
    ],
    true,
  ],
  [
    "a name that points to itself",
    "7702c000ff",
    [{ name: "unknown", code: 119, data: fromHex("c000") }],
    true,
  ],
];

for (const [why, hex, options, hasEnd] of OPTIONS) {
  test(`options: ${why}`, () => {
    const bytes = withOptions(hex);
    const message = decodeDhcp(bytes);
    assert.deepEqual(message.options, options);
    assert.equal(message.hasEnd, hasEnd);
    assert.deepEqual(encodeDhcp(message.toObject()), bytes);
  });
}

test("an option in parts is put together, RFC 3396", () => {
  const long = "x".repeat(300);
  const bytes = encodeDhcp({ op: "request", xid: 1, options: [{ name: "message", value: long }] });
  const message = decodeDhcp(bytes);
  assert.equal(message.options.length, 2);
  assert.equal(message.option("message"), long);
});

test("overloaded fields hold options too, RFC 2131 §4.1", () => {
  const message = decodeDhcp(withOptions("340103ff", { file: "0c0161ff", sname: "0f0162ff" }));
  assert.equal(message.option("hostName"), "a");
  assert.equal(message.option("domainName"), "b");
  const not = decodeDhcp(withOptions("340101ff", { file: "0c0161ff", sname: "0f0162ff" }));
  assert.equal(not.option("hostName"), "a");
  assert.equal(not.option("domainName"), undefined);
});

test("RFC 3397: names that point to the ends of others", () => {
  const names = "03656e67 05 6170706c65 03636f6d 00 09 6d61726b6574696e67 c004".replaceAll(" ", "");
  const length = (names.length / 2).toString(16);
  const message = decodeDhcp(withOptions(`77${length}${names}ff`));
  assert.deepEqual(message.option("domainSearch"), ["eng.apple.com", "marketing.apple.com"]);
  assert.equal(message.options[0]?.name, "unknown"); // we would write it without a pointer
  assert.deepEqual(encodeDhcp(message.toObject()), message.bytes);
});

const REJECTED: readonly [why: string, bytes: Uint8Array, code: string, offset: number][] = [
  ["nothing", new Uint8Array(), "TRUNCATED", 0],
  ["239 bytes", withOptions("").subarray(0, 239), "TRUNCATED", 239],
  ["no magic cookie, as plain BOOTP has none", withOptions("ff").fill(0, 236, 240), "BAD_VALUE", 236],
];

for (const [why, bytes, code, offset] of REJECTED) {
  test(`refuse ${why}`, () => {
    assert.throws(
      () => decodeDhcp(bytes),
      (error) =>
        error instanceof WireError &&
        error.code === code &&
        error.offset === offset &&
        error.protocol === "dhcp",
    );
  });
}

const UNFIT: readonly [fields: object, says: RegExp][] = [
  [{}, /dhcp\.op: expected "request", "reply" or a number/],
  [{ op: "request" }, /dhcp\.xid: expected an integer 0 … 4294967295, got undefined/],
  [{ secs: 65_536 }, /dhcp\.secs: expected an integer 0 … 65535, got 65536/],
  [{ yiaddr: "10.0.0.1" }, /dhcp\.yiaddr: expected an Ipv4Addr, got 10\.0\.0\.1/],
  [{ chaddr: new Uint8Array(17) }, /dhcp\.chaddr: expected at most 16 bytes, got 17/],
  [{ sname: "s".repeat(65) }, /dhcp\.sname: expected at most 64 bytes, got 65/],
  [{ file: "a\0b" }, /dhcp\.file: expected a text without NUL/],
  [{ options: "none" }, /dhcp\.options: expected an array, got none/],
  [{ options: [{ name: "leaseTime", value: -1 }] }, /dhcp\.options\[0\]\.leaseTime: expected an integer 0 …/],
  [{ options: [{ name: "lease", value: 1 }] }, /dhcp\.options\[0\]\.name: expected one of subnetMask/],
  [{ options: [{ name: "constructor", value: 1 }] }, /dhcp\.options\[0\]\.name: expected one of/],
  [{ options: [{ name: "routers", value: [7] }] }, /routers\[0\]: expected an Ipv4Addr, got 7/],
  [{ options: [{ name: "messageType", value: "hello" }] }, /messageType: expected one of discover/],
  [{ options: [{ name: "unknown", code: 255, data: new Uint8Array() }] }, /code: expected 1 … 254, got 255/],
  [{ options: [{ name: "domainSearch", value: ["a..b"] }] }, /labels of 1 … 63 bytes/],
  [{ options: [null] }, /dhcp\.options\[0\]: expected an option, got null/],
];

for (const [changes, says] of UNFIT) {
  test(`does not fit: ${says.source.slice(0, 50)}`, () => {
    const whole = Object.keys(changes).some((key) => key !== "op")
      ? { op: 1, xid: 1, options: [] }
      : { options: [] };
    assert.throws(() => encodeDhcp({ ...whole, ...changes } as never), says);
  });
}

test("any bytes with a cookie are read without an error, and written as they were", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 240, maxLength: 420 }), (bytes) => {
      bytes.set(fromHex("63825363"), 236);
      const message = decodeDhcp(bytes);
      assert.deepEqual(encodeDhcp(message.toObject()), bytes);
      message.toString();
      message.tree();
      for (const name of ["domainSearch", "classlessRoutes", "message"] as const) message.option(name);
    }),
    { numRuns: 2000 },
  );
});

test("an offer cut at any length is read or refused with TRUNCATED", () => {
  const bytes = encodeDhcp(OFFER);
  for (let end = 0; end <= bytes.length; end++) {
    if (end < 240) assert.throws(() => decodeDhcp(bytes, 0, end), /TRUNCATED|at least 240 bytes/);
    else assert.deepEqual(encodeDhcp(decodeDhcp(bytes, 0, end).toObject()), bytes.subarray(0, end));
  }
});
