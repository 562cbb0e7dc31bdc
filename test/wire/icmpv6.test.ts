/** ICMPv6 messages: what is read, refused and written; against tshark, scapy and tcpdump. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fromHex, toHex } from "../../src/bytes/index.ts";
import { Ipv6Addr, MacAddr } from "../../src/ip/index.ts";
import {
  decodeIcmpv6,
  encodeIcmpv6,
  encodeIpv6,
  encodeTcp,
  encodeUdp,
  type Icmpv6Fields,
  icmpv6CodeName,
  icmpv6TypeName,
  type NdpOption,
  verifyIcmpv6,
} from "../../src/wire/index.ts";
import { type Codec, checkCuts, checkHostile, checkIdentity, refuses } from "./_codec.ts";
import { needsScapy, type ScapyLayer, scapyBuild, scapyDissect } from "./_scapy.ts";
import { type FieldValues, LINK, needsTshark, pcapFile, tsharkFields } from "./_tshark.ts";

const codec: Codec = { decode: decodeIcmpv6, encode: encodeIcmpv6 };
const src = Ipv6Addr.parse("fe80::1");
const dst = Ipv6Addr.parse("2001:db8::2");
const far = Ipv6Addr.parse("2001:db8::9");
const group = Ipv6Addr.parse("ff02::fb");
const mac = MacAddr.parse("02:00:00:00:00:01");
const between = { src, dst };
const of = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);
const packetOf = (payload: Uint8Array): Uint8Array =>
  encodeIpv6({ src, dst, nextHeader: 58, hopLimit: 255, payload });

const udp = encodeUdp(
  { srcPort: 40000, dstPort: 33434, payload: new Uint8Array(32) },
  { src: dst, dst: far },
);
const tcp = encodeTcp({ srcPort: 40000, dstPort: 80, syn: true }, { src: dst, dst: far });
const quote = (nextHeader: number, payload: Uint8Array): Uint8Array =>
  encodeIpv6({ src: dst, dst: far, nextHeader, hopLimit: 1, payload });
const quoted = quote(17, udp);

const FAR = "20010db8000000000000000000000009";
const GROUP = "ff0200000000000000000000000000fb";

/** Of RFC 4443, 4861, 2710 and 3810: bytes as their figures draw them. */
const ACCEPT: readonly (readonly [name: string, hex: string, fields: Icmpv6Fields])[] = [
  [
    "echo request",
    "8000 0000 0001 0005 0102",
    { type: "echoRequest", code: 0, checksum: 0, identifier: 1, sequenceNumber: 5, payload: of(1, 2) },
  ],
  [
    "destination unreachable, with what must be zero",
    "0104 1234 00000001 60",
    { type: "destinationUnreachable", code: 4, checksum: 0x1234, length: 0, unused: 1, quoted: of(0x60) },
  ],
  [
    "packet too big",
    "0200 0000 00000500",
    { type: "packetTooBig", code: 0, checksum: 0, mtu: 1280, quoted: of() },
  ],
  [
    "parameter problem",
    "0401 0000 00000028",
    { type: "parameterProblem", code: 1, checksum: 0, pointer: 40, quoted: of() },
  ],
  [
    "router solicitation",
    "8500 0000 00000000 0101 020000000001",
    {
      type: "routerSolicitation",
      code: 0,
      checksum: 0,
      reserved: 0,
      options: [{ name: "sourceLinkLayerAddress", addr: mac }],
    },
  ],
  [
    "router advertisement, every flag on its own",
    "8600 0000 40 8a 0708 00007530 000003e8 0501 0000 000005dc",
    {
      type: "routerAdvertisement",
      code: 0,
      checksum: 0,
      curHopLimit: 64,
      managed: true,
      otherConfig: false,
      homeAgent: false,
      preference: 1,
      proxy: false,
      reserved: 2,
      routerLifetime: 1800,
      reachableTime: 30000,
      retransTimer: 1000,
      options: [{ name: "mtu", mtu: 1500 }],
    },
  ],
  [
    "router advertisement, the other flags",
    "8600 0000 00 7d 0000 00000000 00000000",
    {
      type: "routerAdvertisement",
      code: 0,
      checksum: 0,
      curHopLimit: 0,
      managed: false,
      otherConfig: true,
      homeAgent: true,
      preference: -1,
      proxy: true,
      reserved: 1,
      routerLifetime: 0,
      reachableTime: 0,
      retransTimer: 0,
      options: [],
    },
  ],
  [
    "neighbor solicitation",
    `8700 0000 00000000 ${FAR}`,
    { type: "neighborSolicitation", code: 0, checksum: 0, reserved: 0, targetAddress: far, options: [] },
  ],
  [
    "neighbor advertisement",
    `8800 0000 a0000001 ${FAR} 0201 020000000001`,
    {
      type: "neighborAdvertisement",
      code: 0,
      checksum: 0,
      router: true,
      solicited: false,
      override: true,
      reserved: 1,
      targetAddress: far,
      options: [{ name: "targetLinkLayerAddress", addr: mac }],
    },
  ],
  [
    "redirect",
    `8900 0000 00000000 ${GROUP} ${FAR}`,
    {
      type: "redirect",
      code: 0,
      checksum: 0,
      reserved: 0,
      targetAddress: group,
      destinationAddress: far,
      options: [],
    },
  ],
  [
    "multicast listener query of version 1",
    `8200 0000 2710 0000 ${GROUP}`,
    {
      type: "multicastListenerQuery",
      code: 0,
      checksum: 0,
      maximumResponseCode: 10000,
      reserved: 0,
      multicastAddress: group,
      payload: of(),
    },
  ],
  [
    "multicast listener query of version 2",
    `8200 0000 2710 0000 ${GROUP} 0a7d 0001 ${FAR} 99`,
    {
      type: "multicastListenerQuery",
      code: 0,
      checksum: 0,
      maximumResponseCode: 10000,
      reserved: 0,
      multicastAddress: group,
      version2: {
        reserved: 0,
        suppress: true,
        robustness: 2,
        queryIntervalCode: 125,
        numberOfSources: 1,
        sources: [far],
      },
      payload: of(0x99),
    },
  ],
  [
    "multicast listener report of version 2, with more records told than there are",
    `8f00 0000 0000 0003 0400 0000 ${GROUP} 0101 0001 ${GROUP} ${FAR} 01020304 0400`,
    {
      type: "multicastListenerReport2",
      code: 0,
      checksum: 0,
      reserved: 0,
      numberOfRecords: 3,
      records: [
        { recordType: 4, multicastAddress: group, sources: [], auxiliaryData: of() },
        { recordType: 1, multicastAddress: group, sources: [far], auxiliaryData: of(1, 2, 3, 4) },
      ],
      payload: of(4, 0),
    },
  ],
  ["a type that we do not know", "9b01 0000 01", { type: 155, code: 1, checksum: 0, body: of(1) }],
];

for (const [name, spaced, fields] of ACCEPT) {
  test(`reads and writes: ${name}`, () => {
    const hex = spaced.replaceAll(" ", "");
    const message = decodeIcmpv6(fromHex(hex));
    assert.deepEqual(message.toObject(), fields);
    assert.equal(message.type, fields.type);
    assert.equal(toHex(encodeIcmpv6(fields)), hex);
    assert.equal(toHex(encodeIcmpv6(message)), hex);
  });
}

const PREFIX = "20010db8000000000000000000000000";
const prefix = Ipv6Addr.parse("2001:db8::");

/** Of RFC 4861 §4.6, 4191 §2.3, 8106 §5, 3971 §5.3.2. */
const OPTIONS: readonly (readonly [hex: string, option: NdpOption])[] = [
  ["0101 020000000001", { name: "sourceLinkLayerAddress", addr: mac }],
  ["0201 020000000001", { name: "targetLinkLayerAddress", addr: mac }],
  [
    `0304 40c0 00278d00 ffffffff 00000000 ${PREFIX}`,
    {
      name: "prefixInformation",
      prefix,
      prefixLength: 64,
      onLink: true,
      autonomous: true,
      routerAddress: false,
      validLifetime: 2592000,
      preferredLifetime: 0xffffffff,
    },
  ],
  [
    `0304 8020 00000001 00000000 00000000 ${FAR}`,
    {
      name: "prefixInformation",
      prefix: far,
      prefixLength: 128,
      onLink: false,
      autonomous: false,
      routerAddress: true,
      validLifetime: 1,
      preferredLifetime: 0,
    },
  ],
  ["0402 0000 00000000 6000000000000000", { name: "redirectedHeader", quoted: fromHex("6000000000000000") }],
  ["0501 0000 000005dc", { name: "mtu", mtu: 1500 }],
  ["0e01 010203040506", { name: "nonce", nonce: of(1, 2, 3, 4, 5, 6) }],
  [
    "1801 0000 00000e10",
    {
      name: "routeInformation",
      prefix: Ipv6Addr.UNSPECIFIED,
      prefixLength: 0,
      preference: 0,
      lifetime: 3600,
    },
  ],
  [
    "1802 2008 00000e10 20010db800000000",
    { name: "routeInformation", prefix, prefixLength: 32, preference: 1, lifetime: 3600 },
  ],
  [
    `1803 4018 ffffffff ${PREFIX}`,
    { name: "routeInformation", prefix, prefixLength: 64, preference: -1, lifetime: 0xffffffff, length: 3 },
  ],
  [
    `1905 0000 00000258 ${FAR} ${GROUP}`,
    { name: "recursiveDnsServer", lifetime: 600, servers: [far, group] },
  ],
  [
    "1f04 0000 00000258 076578616d706c65 03636f6d00 03636f6d00 000000000000",
    { name: "dnsSearchList", lifetime: 600, domains: ["example.com", "com"] },
  ],
  ["0801 000000000000", { name: "unknown", type: 8, data: new Uint8Array(6) }],
  ["0501 0001 000005dc", { name: "unknown", type: 5, data: fromHex("0001000005dc") }],
  ["1801 0001 00000e10", { name: "unknown", type: 24, data: fromHex("000100000e10") }],
  [
    "1f02 0000 00000258 03612e6200000000",
    { name: "unknown", type: 31, data: fromHex("00000000025803612e6200000000") },
  ],
  [
    "1f02 0000 00000258 0361ff6200000000",
    { name: "unknown", type: 31, data: fromHex("0000000002580361ff6200000000") },
  ],
  [
    "1f02 0000 00000258 07616161616161ff",
    { name: "unknown", type: 31, data: fromHex("00000000025807616161616161ff") },
  ],
  [
    "1f02 0000 00000258 012e000000000000",
    { name: "unknown", type: 31, data: fromHex("000000000258012e000000000000") },
  ],
  ["0500 0000 000005dc", { name: "malformed", data: fromHex("05000000000005dc") }],
  ["0502 0000 000005dc", { name: "malformed", data: fromHex("05020000000005dc") }],
  ["05", { name: "malformed", data: of(5) }],
];

test("options, known, unknown and malformed, and their bytes", () => {
  for (const [spaced, option] of OPTIONS) {
    const hex = spaced.replaceAll(" ", "");
    const bytes = encodeIcmpv6({ type: "routerSolicitation", options: [option] });
    assert.equal(toHex(bytes.subarray(8)), hex);
    const message = decodeIcmpv6(bytes);
    assert.deepEqual(message.options, [option]);
    const node = message.tree().children?.at(-1);
    assert.deepEqual([node?.name, node?.offset, node?.lengthBytes], [option.name, 8, hex.length / 2]);
  }
});

const MESSAGES: readonly Icmpv6Fields[] = [
  ...ACCEPT.map(([, , { checksum: _, ...fields }]) => fields as Icmpv6Fields),
  ...[0, 1, 2, 3, 4].map((code): Icmpv6Fields => ({ type: "destinationUnreachable", code, quoted })),
  { type: "destinationUnreachable", code: 4, quoted: quote(6, tcp) },
  {
    type: "destinationUnreachable",
    code: 4,
    quoted: quote(60, Uint8Array.from([17, 0, 1, 4, 0, 0, 0, 0, ...udp])),
  },
  { type: "packetTooBig", mtu: 1280, quoted },
  ...[0, 1, 2].map((code): Icmpv6Fields => ({ type: "timeExceeded", code, quoted })),
  ...[0, 1, 2, 3].map((code): Icmpv6Fields => ({ type: "parameterProblem", code, pointer: 40, quoted })),
  { type: "multicastListenerReport", multicastAddress: group },
  { type: "multicastListenerDone", multicastAddress: group },
  {
    type: "routerAdvertisement",
    routerLifetime: 1800,
    options: OPTIONS.slice(0, 12).map(([, option]) => option),
  },
  ...OPTIONS.map(([, option]): Icmpv6Fields => ({ type: "routerSolicitation", options: [option] })),
  {
    type: "timeExceeded",
    quoted,
    extensions: {
      objects: [{ name: "mpls", labels: [{ label: 16001, trafficClass: 3, bottomOfStack: true, ttl: 1 }] }],
    },
  },
];
const ENCODED = MESSAGES.map((fields) => encodeIcmpv6(fields, between));

test("hostile bytes, and valid ones cut at every length", () => {
  checkHostile(codec, ENCODED);
  checkCuts(codec, ENCODED);
});

test("extensions stand behind 128 bytes, counted in units of eight", () => {
  const bytes = ENCODED.at(-1) as Uint8Array;
  assert.equal(bytes[4], 128 / 8);
  assert.equal(decodeIcmpv6(bytes).quoted?.length, 128);
  assert.equal(decodeIcmpv6(bytes).extensions?.objects[0]?.name, "mpls");
});

test("checksums are right, and a bit that fell over is found", () => {
  for (const bytes of ENCODED) {
    assert.equal(verifyIcmpv6(decodeIcmpv6(bytes), between), true);
    const other = bytes.slice();
    other[1] = (other[1] as number) ^ 1;
    assert.equal(verifyIcmpv6(decodeIcmpv6(other), between), false);
  }
  assert.equal(decodeIcmpv6(encodeIcmpv6({ type: "echoRequest" })).checksum, 0);
});

const REJECT: readonly (readonly [name: string, hex: string, offset: number])[] = [
  ["nothing", "", 0],
  ["three bytes", "800000", 3],
  ["an echo without its sequence number", "80000000000100", 7],
  ["a solicitation without its last byte", `8700000000000000${FAR}`.slice(0, -2), 23],
  ["a query without an address", "8200000027100000", 8],
];

for (const [name, hex, offset] of REJECT) {
  test(`refuses ${name}`, () => refuses(() => decodeIcmpv6(fromHex(hex)), "TRUNCATED", offset));
}

const withOption = (option: object): object => ({ type: "routerSolicitation", options: [option] });
const BAD_FIELDS: readonly (readonly [fields: object, message: RegExp])[] = [
  [{ type: "ping" }, /^icmpv6\.type: there is no type ping$/],
  [{ type: "packetTooBig" }, /^icmpv6\.mtu: expected an integer/],
  [{ type: "neighborSolicitation" }, /^icmpv6\.targetAddress: expected an Ipv6Addr, got undefined$/],
  [
    { type: "neighborAdvertisement", targetAddress: far, router: 1 },
    /^icmpv6\.router: expected true or false/,
  ],
  [{ type: "routerAdvertisement", preference: 2 }, /^icmpv6\.preference: expected an integer -2 … 1, got 2$/],
  [withOption({ name: "mtuu" }), /^icmpv6\.options\[0\]: there is no option mtuu$/],
  [
    withOption({ name: "sourceLinkLayerAddress", addr: "02:…" }),
    /^icmpv6\.options\[0\]\.addr: expected a MacAddr/,
  ],
  [withOption({ name: "dnsSearchList", lifetime: 1, domains: ["a..b"] }), /\.domains\[0\]: expected labels/],
  [
    withOption({ name: "redirectedHeader", quoted: new Uint8Array(2040) }),
    /^icmpv6\.options\[0\]: expected at most/,
  ],
  [{ type: "multicastListenerReport2", records: [{}] }, /^icmpv6\.records\[0\]\.recordType/],
];

test("wrong fields are named", () => {
  for (const [fields, message] of BAD_FIELDS) {
    assert.throws(() => encodeIcmpv6(fields as never), { message });
  }
});

test("names of types and codes", () => {
  assert.equal(icmpv6TypeName(135), "Neighbor Solicitation");
  assert.equal(icmpv6TypeName(250), "250");
  assert.equal(icmpv6CodeName(1, 4), "port unreachable");
  assert.equal(icmpv6CodeName(1, 77), undefined);
});

const TSHARK = [
  "icmpv6.type",
  "icmpv6.code",
  "icmpv6.checksum.status",
  "icmpv6.echo.identifier",
  "icmpv6.echo.sequence_number",
  "icmpv6.mtu",
  "icmpv6.pointer",
  "icmpv6.nd.ra.cur_hop_limit",
  "icmpv6.nd.ra.flag",
  "icmpv6.nd.ra.router_lifetime",
  "icmpv6.nd.ra.reachable_time",
  "icmpv6.nd.ra.retrans_timer",
  "icmpv6.nd.ns.target_address",
  "icmpv6.nd.na.target_address",
  "icmpv6.nd.na.flag.r",
  "icmpv6.nd.na.flag.s",
  "icmpv6.nd.na.flag.o",
  "icmpv6.nd.rd.target_address",
  "icmpv6.rd.na.destination_address",
  "icmpv6.mld.multicast_address",
  "icmpv6.mld.source_address",
  "icmpv6.mldr.nb_mcast_records",
  "icmpv6.mldr.mar.record_type",
  "icmp.mpls.label",
] as const;

test("tshark reads what we write", needsTshark, () => {
  const found = tsharkFields(ENCODED.map(packetOf), TSHARK, { linkType: LINK.raw });
  const bit = (flag: boolean): string => (flag ? "1" : "0");
  for (const [index, bytes] of ENCODED.entries()) {
    const all = found[index] as FieldValues<(typeof TSHARK)[number]>;
    const told = (name: (typeof TSHARK)[number], value: unknown): void =>
      assert.equal(all[name][0], String(value), `message ${index} ${name}`);
    const fields = decodeIcmpv6(bytes).toObject();
    told("icmpv6.type", bytes[0]);
    told("icmpv6.code", fields.code);
    told("icmpv6.checksum.status", 1);
    switch (fields.type) {
      case "echoRequest":
        assert.equal(Number(all["icmpv6.echo.identifier"][0]), fields.identifier);
        told("icmpv6.echo.sequence_number", fields.sequenceNumber);
        break;
      case "packetTooBig":
        told("icmpv6.mtu", fields.mtu);
        break;
      case "parameterProblem":
        told("icmpv6.pointer", fields.pointer);
        break;
      case "routerAdvertisement":
        told("icmpv6.nd.ra.cur_hop_limit", fields.curHopLimit);
        assert.equal(Number(all["icmpv6.nd.ra.flag"][0]), bytes[5]);
        told("icmpv6.nd.ra.router_lifetime", fields.routerLifetime);
        told("icmpv6.nd.ra.reachable_time", fields.reachableTime);
        told("icmpv6.nd.ra.retrans_timer", fields.retransTimer);
        break;
      case "neighborSolicitation":
        told("icmpv6.nd.ns.target_address", fields.targetAddress);
        break;
      case "neighborAdvertisement":
        told("icmpv6.nd.na.target_address", fields.targetAddress);
        told("icmpv6.nd.na.flag.r", bit(fields.router));
        told("icmpv6.nd.na.flag.s", bit(fields.solicited));
        told("icmpv6.nd.na.flag.o", bit(fields.override));
        break;
      case "redirect":
        told("icmpv6.nd.rd.target_address", fields.targetAddress);
        told("icmpv6.rd.na.destination_address", fields.destinationAddress);
        break;
      case "multicastListenerQuery":
        told("icmpv6.mld.multicast_address", fields.multicastAddress);
        if (fields.version2) told("icmpv6.mld.source_address", fields.version2.sources[0]);
        break;
      case "multicastListenerReport2":
        told("icmpv6.mldr.nb_mcast_records", fields.numberOfRecords);
        told("icmpv6.mldr.mar.record_type", fields.records[0]?.recordType);
        break;
      default:
    }
  }
  assert.deepEqual(found.at(-1)?.["icmp.mpls.label"], ["16001"]);
});

/** What tshark names of an option. */
const OPTION_FIELDS: Readonly<Record<string, readonly string[]>> = {
  "icmpv6.opt.src_linkaddr": ["02:00:00:00:00:01"],
  "icmpv6.opt.target_linkaddr": ["02:00:00:00:00:01"],
  "icmpv6.opt.prefix.flag.l": ["1", "0"],
  "icmpv6.opt.prefix.flag.a": ["1", "0"],
  "icmpv6.opt.prefix.flag.r": ["0", "1"],
  "icmpv6.opt.prefix.valid_lifetime": ["2592000", "1"],
  "icmpv6.opt.prefix.preferred_lifetime": ["4294967295", "0"],
  "icmpv6.opt.mtu": ["1500"],
  "icmpv6.opt.nonce": ["010203040506"],
  "icmpv6.opt.route_info.flag.route_preference": ["0", "1", "3"],
  "icmpv6.opt.route_lifetime": ["3600", "3600", "4294967295"],
  "icmpv6.opt.rdnss.lifetime": ["600"],
  "icmpv6.opt.rdnss": ["2001:db8::9", "ff02::fb"],
  "icmpv6.opt.dnssl": ["example.com", "com"],
  "icmpv6.opt.dnssl.lifetime": ["600"],
};

test("tshark finds in the options what we have put there", needsTshark, () => {
  const all = MESSAGES.findIndex(
    ({ type, ...fields }) => "options" in fields && (fields.options?.length ?? 0) > 3,
  );
  const names = Object.keys(OPTION_FIELDS);
  const [found] = tsharkFields([packetOf(ENCODED[all] as Uint8Array)], names, { linkType: LINK.raw });
  assert.deepEqual(found, OPTION_FIELDS);
});

test("scapy's messages are read, and come back", needsScapy, () => {
  const ip = "IPv6(src='fe80::1',dst='2001:db8::2')";
  const rows: readonly (readonly [expression: string, fields: object])[] = [
    [
      "ICMPv6EchoRequest(id=4660,seq=7,data=b'hello')",
      { type: "echoRequest", identifier: 4660, sequenceNumber: 7 },
    ],
    ["ICMPv6PacketTooBig(mtu=1400)/IPv6()", { type: "packetTooBig", mtu: 1400 }],
    [
      "ICMPv6ND_NS(tgt='2001:db8::9')/ICMPv6NDOptSrcLLAddr(lladdr='02:00:00:00:00:01')",
      { targetAddress: far, options: [OPTIONS[0]?.[1]] },
    ],
    [
      "ICMPv6ND_NA(R=1,S=0,O=1,tgt='2001:db8::9')/ICMPv6NDOptDstLLAddr(lladdr='02:00:00:00:00:01')",
      { router: true, solicited: false, override: true, options: [OPTIONS[1]?.[1]] },
    ],
    [
      "ICMPv6ND_RA(chlim=64,M=1,O=0,prf=1,routerlifetime=1800)/ICMPv6NDOptPrefixInfo(prefix='2001:db8::',prefixlen=64,validlifetime=2592000,preferredlifetime=0xffffffff)/ICMPv6NDOptMTU(mtu=1500)/ICMPv6NDOptRDNSS(dns=['2001:db8::9','ff02::fb'],lifetime=600)/ICMPv6NDOptDNSSL(searchlist=['example.com','com'],lifetime=600)",
      {
        curHopLimit: 64,
        managed: true,
        preference: 1,
        options: [2, 5, 10, 11].map((index) => OPTIONS[index]?.[1]),
      },
    ],
    [
      "ICMPv6MLReport2(records=[ICMPv6MLDMultAddrRec(rtype=4,dst='ff02::fb')])",
      {
        numberOfRecords: 1,
        records: [{ recordType: 4, multicastAddress: group, sources: [], auxiliaryData: of() }],
      },
    ],
    ["ICMPv6MLQuery(mladdr='ff02::fb',mrd=10000)", { multicastAddress: group, maximumResponseCode: 10000 }],
  ];
  const built = scapyBuild(rows.map(([expression]) => `${ip}/${expression}`));
  for (const [index, [expression, fields]] of rows.entries()) {
    const bytes = built[index] as Uint8Array;
    // Scapy puts Router Alert before multicast listener discovery.
    const message = decodeIcmpv6(bytes, bytes[6] === 0 ? 48 : 40);
    assert.equal(verifyIcmpv6(message, between), true, expression);
    checkIdentity(codec, message);
    const read = message.toObject() as unknown as Readonly<Record<string, unknown>>;
    for (const [name, value] of Object.entries(fields))
      assert.deepEqual(read[name], value, `${expression} ${name}`);
  }
});

test("scapy reads what we write", needsScapy, () => {
  const found = scapyDissect(ENCODED.map(packetOf), "IPv6");
  for (const [index, bytes] of ENCODED.entries()) {
    const { fields } = (found[index] as readonly ScapyLayer[])[1] as ScapyLayer;
    const message = decodeIcmpv6(bytes);
    const told = [fields.type, fields.code ?? fields.res, fields.cksum]; // it calls a report's code so
    assert.deepEqual(told, [message.typeNumber, message.code, message.checksum], `message ${index}`);
    if (message.type === "neighborAdvertisement") assert.deepEqual([fields.R, fields.S, fields.O], [1, 0, 1]);
  }
});

const hasTcpdump = spawnSync("tcpdump", ["--version"]).status === 0;

test("the line is tcpdump's", { skip: hasTcpdump ? false : "tcpdump is not installed" }, () => {
  // What is quoted has to be a header, or tcpdump says no more than that it is cut.
  const whole = ENCODED.filter(
    (bytes) => (decodeIcmpv6(bytes).quoted?.length ?? 40) >= 40 && bytes[0] !== 155,
  );
  const input = pcapFile(whole.map(packetOf), LINK.raw);
  const { stdout } = spawnSync("tcpdump", ["-n", "-t", "-r", "-"], { input, encoding: "utf8" });
  const found = stdout.split("\n").filter((line) => line.startsWith("IP6"));
  const lines = whole.map((bytes) => `IP6 fe80::1 > 2001:db8::2: ${decodeIcmpv6(bytes)}`);
  assert.ok(lines.length > 30);
  // It has two spaces before "unreachable prohibited".
  assert.deepEqual(
    lines,
    found.map((line) => line.replace(",  ", ", ")),
  );
});
