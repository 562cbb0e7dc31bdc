/** ICMP messages: what is read, refused and written; against tshark, scapy and tcpdump. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fromHex, toHex } from "../../src/bytes/index.ts";
import { Ipv4Addr, Ipv6Addr } from "../../src/ip/index.ts";
import {
  decodeIcmp,
  encodeIcmp,
  encodeIpv4,
  encodeTcp,
  encodeUdp,
  type IcmpExtensionObject,
  type IcmpFields,
  icmpCodeName,
  icmpTypeName,
  verifyIcmp,
} from "../../src/wire/index.ts";
import { type Codec, checkCuts, checkHostile, checkIdentity, refuses } from "./_codec.ts";
import { needsScapy, type ScapyLayer, scapyBuild, scapyDissect } from "./_scapy.ts";
import { LINK, needsTshark, pcapFile, tsharkFields } from "./_tshark.ts";

const codec: Codec = { decode: decodeIcmp, encode: encodeIcmp };
const src = Ipv4Addr.parse("10.0.0.1");
const dst = Ipv4Addr.parse("10.0.0.2");
const far = Ipv4Addr.parse("192.0.2.9");
const of = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);
const packetOf = (payload: Uint8Array): Uint8Array => encodeIpv4({ src, dst, protocolNumber: 1, payload });

const udp = encodeUdp(
  { srcPort: 40000, dstPort: 33434, payload: new Uint8Array(32) },
  { src: dst, dst: far },
);
const tcp = encodeTcp({ srcPort: 40000, dstPort: 80, syn: true }, { src: dst, dst: far });
const quote = (protocolNumber: number, payload: Uint8Array): Uint8Array =>
  encodeIpv4({ src: dst, dst: far, protocolNumber, payload });
const quoted = quote(17, udp);

/** Of RFC 792, 950, 1191 and 1256: bytes as their figures draw them. */
const ACCEPT: readonly (readonly [name: string, hex: string, fields: IcmpFields])[] = [
  [
    "echo request",
    "0800 f7f9 0001 0005 0000",
    { type: "echoRequest", code: 0, checksum: 0xf7f9, identifier: 1, sequenceNumber: 5, payload: of(0, 0) },
  ],
  [
    "echo reply, without data",
    "0000 edc9 1234 0002",
    { type: "echoReply", code: 0, checksum: 0xedc9, identifier: 0x1234, sequenceNumber: 2, payload: of() },
  ],
  [
    "destination unreachable, with a next-hop MTU",
    "0304 f797 0000 0564 aa",
    {
      type: "destinationUnreachable",
      code: 4,
      checksum: 0xf797,
      unused: 0,
      length: 0,
      nextHopMtu: 1380,
      quoted: of(0xaa),
    },
  ],
  [
    "destination unreachable, with what must be zero",
    "0301 0000 ff00 0000",
    {
      type: "destinationUnreachable",
      code: 1,
      checksum: 0,
      unused: 255,
      length: 0,
      nextHopMtu: 0,
      quoted: of(),
    },
  ],
  [
    "time exceeded, with a length of more than there is",
    "0b00 0000 0002 0304 4500",
    { type: "timeExceeded", code: 0, checksum: 0, unused: 0, length: 2, unused2: 0x304, quoted: of(0x45, 0) },
  ],
  [
    "parameter problem",
    "0c00 0000 1400 0000 45",
    { type: "parameterProblem", code: 0, checksum: 0, pointer: 20, length: 0, unused: 0, quoted: of(0x45) },
  ],
  [
    "source quench",
    "0400 fbff 0000 0000",
    { type: "sourceQuench", code: 0, checksum: 0xfbff, unused: 0, quoted: of() },
  ],
  [
    "redirect",
    "0501 0000 c000 0209 45",
    { type: "redirect", code: 1, checksum: 0, gateway: far, quoted: of(0x45) },
  ],
  [
    "router advertisement",
    "0900 0000 0202 0708 0a000001 00000005 0a000002 80000000",
    {
      type: "routerAdvertisement",
      code: 0,
      checksum: 0,
      numberOfAddresses: 2,
      addressEntrySize: 2,
      lifetime: 1800,
      routers: [
        { addr: src, preference: 5 },
        { addr: dst, preference: -2147483648 },
      ],
      payload: of(),
    },
  ],
  [
    "router advertisement, with longer entries, and fewer than it tells of",
    "0900 0000 0203 001e 0a000001 ffffffff 01020304 0a0000",
    {
      type: "routerAdvertisement",
      code: 0,
      checksum: 0,
      numberOfAddresses: 2,
      addressEntrySize: 3,
      lifetime: 30,
      routers: [{ addr: src, preference: -1, more: of(1, 2, 3, 4) }],
      payload: of(10, 0, 0),
    },
  ],
  [
    "router solicitation",
    "0a00 f5ff 0000 0000",
    { type: "routerSolicitation", code: 0, checksum: 0xf5ff, reserved: 0, payload: of() },
  ],
  [
    "timestamp reply",
    "0e00 0000 0003 0004 02357015 00000001 05265bff",
    {
      type: "timestampReply",
      code: 0,
      checksum: 0,
      identifier: 3,
      sequenceNumber: 4,
      originateTimestamp: 37056533,
      receiveTimestamp: 1,
      transmitTimestamp: 86399999,
      payload: of(),
    },
  ],
  [
    "address mask reply",
    "1200 0000 0001 0002 ffff0000",
    {
      type: "addressMaskReply",
      code: 0,
      checksum: 0,
      identifier: 1,
      sequenceNumber: 2,
      addressMask: Ipv4Addr.parse("255.255.0.0"),
      payload: of(),
    },
  ],
  [
    "a type that we do not know",
    "2a00 0000 0001 0201",
    { type: 42, code: 0, checksum: 0, body: of(0, 1, 2, 1) },
  ],
];

for (const [name, spaced, fields] of ACCEPT) {
  test(`reads and writes: ${name}`, () => {
    const hex = spaced.replaceAll(" ", "");
    const message = decodeIcmp(fromHex(hex));
    assert.deepEqual(message.toObject(), fields);
    assert.equal(message.type, fields.type);
    assert.equal(toHex(encodeIcmp(fields)), hex);
    assert.equal(toHex(encodeIcmp(message)), hex);
  });
}

const OBJECTS: readonly (readonly [hex: string, object: IcmpExtensionObject])[] = [
  [
    "0008 0101 03e81701", // RFC 4950 §3: a label of 20 bits, three of its class, the bottom's bit, its ttl
    { name: "mpls", labels: [{ label: 16001, trafficClass: 3, bottomOfStack: true, ttl: 1 }] },
  ],
  [
    "000c 0101 00000002 fffffeff",
    {
      name: "mpls",
      labels: [
        { label: 0, trafficClass: 0, bottomOfStack: false, ttl: 2 },
        { label: 0xfffff, trafficClass: 7, bottomOfStack: false, ttl: 255 },
      ],
    },
  ],
  // RFC 5837 §4: index, address, name and MTU of the interface that it came in by; then the next hop's address.
  [
    "001c 020f 00000003 00010000 0a000001 08657468 30000000 000005dc",
    { name: "interface", role: 0, index: 3, addr: src, interfaceName: "eth0", mtu: 1500 },
  ],
  [
    "0018 02c4 00020000 20010db8 00000000 00000000 00000001",
    { name: "interface", role: 3, addr: Ipv6Addr.parse("2001:db8::1") },
  ],
  ["0008 0210 00000003", { name: "unknown", classNumber: 2, cType: 0x10, data: of(0, 0, 0, 3) }],
  ["0008 0204 00030000", { name: "unknown", classNumber: 2, cType: 4, data: of(0, 3, 0, 0) }],
  [
    "000c 0202 08657468 30000001",
    { name: "unknown", classNumber: 2, cType: 2, data: fromHex("0865746830000001") },
  ],
  [
    "000c 0202 08ff7468 30000000",
    { name: "unknown", classNumber: 2, cType: 2, data: fromHex("08ff746830000000") },
  ],
  ["0006 0101 0102", { name: "unknown", classNumber: 1, cType: 1, data: of(1, 2) }],
  ["0004 0909", { name: "unknown", classNumber: 9, cType: 9, data: of() }],
  ["0003 0101", { name: "malformed", data: of(0, 3, 1, 1) }],
  ["00ff 0101 01", { name: "malformed", data: of(0, 255, 1, 1, 1) }],
  ["0008", { name: "malformed", data: of(0, 8) }],
];

/** A time exceeded with this object as its extension, behind 128 bytes. */
function withObject(object: IcmpExtensionObject): Uint8Array {
  return encodeIcmp({ type: "timeExceeded", quoted, extensions: { objects: [object] } });
}

test("extensions, known, unknown and malformed, and their bytes", () => {
  for (const [spaced, object] of OBJECTS) {
    const hex = spaced.replaceAll(" ", "");
    const bytes = withObject(object);
    assert.equal(toHex(bytes.subarray(8 + 128 + 4)), hex);
    const message = decodeIcmp(bytes);
    assert.deepEqual(message.extensions?.objects, [object], hex);
    assert.equal(bytes[5], 128 / 4);
    assert.equal(toHex(message.quoted ?? of()), toHex(quoted).padEnd(256, "0"));
    const node = message.tree().children?.find(({ name }) => name === "extensions");
    assert.equal(node?.children?.[0]?.name, object.name);
    assert.equal(node?.children?.[0]?.offset, 8 + 128 + 4);
  }
});

test("extensions from before RFC 4884 stand behind 128 bytes, where their checksum is right", () => {
  const bytes = withObject(OBJECTS[0]?.[1] as IcmpExtensionObject);
  bytes[5] = 0; // as those routers left it
  assert.equal(decodeIcmp(bytes).extensions?.objects.length, 1);
  assert.equal(decodeIcmp(bytes).quoted?.length, 128);
  checkIdentity(codec, decodeIcmp(bytes));
  bytes[8 + 128 + 11] = 99;
  assert.equal(decodeIcmp(bytes).extensions, undefined);
  assert.equal(decodeIcmp(bytes).quoted?.length, 128 + 12);
});

test("what is not of version 2 behind the quote is part of it, and comes back", () => {
  const bytes = withObject({ name: "mpls", labels: [] });
  bytes[8 + 128] = 0x10;
  assert.equal(decodeIcmp(bytes).extensions, undefined);
  checkIdentity(codec, decodeIcmp(bytes));
});

const MESSAGES: readonly IcmpFields[] = [
  ...ACCEPT.map(([, , { checksum: _, ...fields }]) => fields as IcmpFields),
  { type: "echoRequest", identifier: 1, sequenceNumber: 2, payload: new Uint8Array(56).fill(7) },
  { type: "echoReply", identifier: 65535, sequenceNumber: 65535 },
  ...Array.from({ length: 17 }, (_, code): IcmpFields => ({ type: "destinationUnreachable", code, quoted })),
  { type: "destinationUnreachable", code: 3, quoted: quote(6, tcp) },
  { type: "destinationUnreachable", code: 3, quoted: quote(132, tcp) },
  { type: "destinationUnreachable", code: 4, nextHopMtu: 1400, quoted },
  ...[0, 1, 2, 3, 4].map((code): IcmpFields => ({ type: "redirect", code, gateway: src, quoted })),
  ...[0, 1, 2].map((code): IcmpFields => ({ type: "timeExceeded", code, quoted })),
  { type: "parameterProblem", pointer: 9, quoted },
  { type: "parameterProblem", code: 1, quoted },
  { type: "sourceQuench", quoted },
  { type: "routerAdvertisement", lifetime: 7265, routers: [{ addr: src, preference: 1 }] },
  { type: "timestampRequest", identifier: 3, sequenceNumber: 4, originateTimestamp: 37056789 },
  { type: "informationRequest", identifier: 3 },
  { type: "informationReply", identifier: 3 },
  { type: "addressMaskRequest", addressMask: Ipv4Addr.UNSPECIFIED },
  { type: 30, body: new Uint8Array(16) },
  ...OBJECTS.map(
    ([, object]): IcmpFields => ({
      type: "destinationUnreachable",
      code: 3,
      quoted,
      extensions: { objects: [object] },
    }),
  ),
];
const ENCODED = MESSAGES.map((fields) => encodeIcmp(fields));

test("hostile bytes, and valid ones cut at every length", () => {
  checkHostile(codec, ENCODED);
  checkCuts(codec, ENCODED);
});

test("checksums are right, and a bit that fell over is found", () => {
  for (const bytes of ENCODED) {
    assert.equal(verifyIcmp(decodeIcmp(bytes)), true);
    const other = bytes.slice();
    other[1] = (other[1] as number) ^ 1;
    assert.equal(verifyIcmp(decodeIcmp(other)), false);
  }
});

const REJECT: readonly (readonly [name: string, hex: string, offset: number])[] = [
  ["nothing", "", 0],
  ["seven bytes", "08000000000100", 7],
  ["a timestamp without its last byte", `0d00${"00".repeat(17)}`, 19],
  ["an address mask that is not there", "1100000000010002", 8],
];

for (const [name, hex, offset] of REJECT) {
  test(`refuses ${name}`, () => refuses(() => decodeIcmp(fromHex(hex)), "TRUNCATED", offset));
}

const BAD_FIELDS: readonly (readonly [fields: object, message: RegExp])[] = [
  [{ type: "ping" }, /^icmp\.type: there is no type ping$/],
  [{ type: 256 }, /^icmp\.type: expected an integer 0 … 255, got 256$/],
  [{}, /^icmp\.type: expected an integer/],
  [{ type: "echoRequest", identifier: -1 }, /^icmp\.identifier: expected an integer 0 … 65535, got -1$/],
  [{ type: "redirect" }, /^icmp\.gateway: expected an Ipv4Addr, got undefined$/],
  [{ type: "routerAdvertisement", routers: [{}] }, /^icmp\.routers\[0\]\.addr/],
  [{ type: "routerAdvertisement", routers: [{ addr: src, preference: 2 ** 31 }] }, /\.preference/],
  [{ type: "timeExceeded", extensions: { objects: [{ name: "mlps" }] } }, /there is no object mlps$/],
  [
    { type: "timeExceeded", extensions: { objects: [{ name: "mpls", labels: [{ label: 2 ** 20 }] }] } },
    /^icmp\.extensions\.objects\[0\]\.labels\[0\]\.label: /,
  ],
  [{ type: "timeExceeded", quoted: new Uint8Array(1100), extensions: { objects: [] } }, /at most 1020 bytes/],
];

test("wrong fields are named", () => {
  for (const [fields, message] of BAD_FIELDS) {
    assert.throws(() => encodeIcmp(fields as never), { message });
  }
});

test("names of types and codes", () => {
  assert.equal(icmpTypeName(3), "Destination Unreachable");
  assert.equal(icmpTypeName(250), "250");
  assert.equal(icmpCodeName(3, 3), "port unreachable");
  assert.equal(icmpCodeName(3, 77), undefined);
});

test("tshark reads what we write", needsTshark, () => {
  const names = [
    "icmp.type",
    "icmp.code",
    "icmp.checksum.status",
    "icmp.ident",
    "icmp.seq",
    "icmp.mtu",
    "icmp.pointer",
    "icmp.redir_gw",
    "icmp.num_addrs",
    "icmp.router_address",
    "icmp.pref_level",
    "icmp.lifetime",
    "icmp.originate_timestamp",
    "icmp.address_mask",
    "icmp.mpls.label",
    "icmp.mpls.exp",
    "icmp.mpls.s",
    "icmp.mpls.ttl",
    "icmp.int_info.index",
    "icmp.int_info.ipv4",
    "icmp.int_info.name",
    "icmp.int_info.mtu",
    "udp.dstport",
  ] as const;
  const found = tsharkFields(ENCODED.map(packetOf), names, { linkType: LINK.raw });
  const at = (index: number, name: (typeof names)[number]): string | undefined => found[index]?.[name][0];
  for (const [index, bytes] of ENCODED.entries()) {
    const fields = decodeIcmp(bytes).toObject();
    const told = (name: (typeof names)[number], value: unknown): void =>
      assert.equal(at(index, name), String(value), `${fields.type} ${name}`);
    told("icmp.type", bytes[0]);
    told("icmp.code", fields.code);
    told("icmp.checksum.status", 1);
    if ("identifier" in fields) {
      told("icmp.ident", fields.identifier);
      told("icmp.seq", fields.sequenceNumber);
    }
    if (fields.type === "redirect") told("icmp.redir_gw", fields.gateway);
    if (fields.type === "parameterProblem" && fields.code === 0) told("icmp.pointer", fields.pointer);
    if (fields.type === "destinationUnreachable" && fields.code === 4) told("icmp.mtu", fields.nextHopMtu);
    if (fields.type === "timestampRequest") told("icmp.originate_timestamp", fields.originateTimestamp);
    if (fields.type === "addressMaskReply") told("icmp.address_mask", fields.addressMask);
    if (fields.type === "routerAdvertisement" && fields.addressEntrySize === 2) {
      told("icmp.num_addrs", fields.routers.length);
      told("icmp.router_address", fields.routers[0]?.addr);
      told("icmp.pref_level", fields.routers[0]?.preference);
    }
    const object = "extensions" in fields ? fields.extensions?.objects[0] : undefined;
    if (object?.name === "mpls") {
      told("icmp.mpls.label", object.labels[0]?.label);
      told("icmp.mpls.exp", object.labels[0]?.trafficClass);
      told("icmp.mpls.s", object.labels[0]?.bottomOfStack ? 1 : 0);
      told("icmp.mpls.ttl", object.labels[0]?.ttl);
    }
    if (object?.name === "interface" && object.index !== undefined) {
      told("icmp.int_info.index", object.index);
      told("icmp.int_info.ipv4", object.addr);
      assert.match(at(index, "icmp.int_info.name") ?? "", /^eth0\0*$/);
      told("icmp.int_info.mtu", object.mtu);
    }
  }
  assert.equal(at(MESSAGES.length - 1, "udp.dstport"), "33434");
});

test("scapy's messages are read, and come back", needsScapy, () => {
  const rows: readonly (readonly [expression: string, fields: object])[] = [
    ["ICMP(type=8,id=4660,seq=7)/b'hello'", { type: "echoRequest", identifier: 4660, sequenceNumber: 7 }],
    ["ICMP(type=3,code=4,nexthopmtu=1300)/IP()/UDP()", { type: "destinationUnreachable", nextHopMtu: 1300 }],
    ["ICMP(type=5,code=1,gw='192.0.2.9')/IP()", { type: "redirect", code: 1, gateway: far }],
    ["ICMP(type=12,ptr=20)/IP()", { type: "parameterProblem", pointer: 20 }],
    [
      "ICMP(type=14,ts_ori=5,ts_rx=6,ts_tx=4000000000)",
      { type: "timestampReply", originateTimestamp: 5, receiveTimestamp: 6, transmitTimestamp: 4000000000 },
    ],
    [
      "ICMP(type=18,addr_mask='255.0.0.0')",
      { type: "addressMaskReply", addressMask: Ipv4Addr.parse("255.0.0.0") },
    ],
  ];
  const built = scapyBuild(rows.map(([expression]) => expression));
  for (const [index, [expression, fields]] of rows.entries()) {
    const message = decodeIcmp(built[index] as Uint8Array);
    assert.equal(verifyIcmp(message), true, expression);
    checkIdentity(codec, message);
    const read = message.toObject() as unknown as Readonly<Record<string, unknown>>;
    for (const [name, value] of Object.entries(fields))
      assert.deepEqual(read[name], value, `${expression} ${name}`);
  }
});

test("scapy reads what we write", needsScapy, () => {
  const found = scapyDissect(ENCODED, "ICMP");
  for (const [index, bytes] of ENCODED.entries()) {
    const { fields } = (found[index] as readonly ScapyLayer[])[0] as ScapyLayer;
    const message = decodeIcmp(bytes);
    assert.deepEqual(
      [fields.type, fields.code, fields.chksum],
      [message.typeNumber, message.code, message.checksum],
    );
    if (message.identifier !== undefined) {
      assert.deepEqual([fields.id, fields.seq], [message.identifier, message.sequenceNumber]);
    }
  }
});

const hasTcpdump = spawnSync("tcpdump", ["--version"]).status === 0;

test("the line is tcpdump's", { skip: hasTcpdump ? false : "tcpdump is not installed" }, () => {
  // What is quoted has to be a header, or tcpdump says no more than that it is cut.
  const whole = ENCODED.filter((bytes) => (decodeIcmp(bytes).quoted?.length ?? 20) >= 20);
  const input = pcapFile(whole.map(packetOf), LINK.raw);
  const { stdout } = spawnSync("tcpdump", ["-n", "-t", "-r", "-"], { input, encoding: "utf8" });
  const found = stdout.split("\n").filter((line) => line.startsWith("IP"));
  const lines = whole.map((bytes) => `IP 10.0.0.1 > 10.0.0.2: ${decodeIcmp(bytes)}`);
  assert.ok(lines.length > 40);
  assert.deepEqual(lines, found);
});
