/** IPv4 headers with their options: what is read, refused and written; against tshark and scapy. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, toHex } from "../../src/bytes/index.ts";
import { Ipv4Addr } from "../../src/ip/index.ts";
import {
  decodeIpv4,
  encodeIpv4,
  type Ipv4Fields,
  type Ipv4Option,
  verifyIpv4,
} from "../../src/wire/index.ts";
import { type Codec, checkCuts, checkHostile, refuses } from "./_codec.ts";
import { needsScapy, type ScapyLayer, scapyBuild, scapyDissect } from "./_scapy.ts";
import { LINK, needsTshark, tsharkFields } from "./_tshark.ts";

const codec: Codec = { decode: decodeIpv4, encode: encodeIpv4 };
const ip = (text: string) => Ipv4Addr.parse(text);
const [src, dst] = [ip("10.0.0.1"), ip("10.0.0.2")];

/** Its checksum is worked out in RFC 1071's manner in many a textbook: b861. */
const TEXTBOOK = "4500 0073 0000 4000 4011 b861 c0a80001 c0a800c7";

test("a header with its checksum", () => {
  const bytes = new Uint8Array(0x73);
  bytes.set(fromHex(TEXTBOOK));
  const packet = decodeIpv4(bytes);
  assert.ok(verifyIpv4(packet));
  assert.deepEqual(packet.toObject(), {
    dscp: 0,
    ecn: 0,
    totalLength: 115,
    identification: 0,
    reservedFlag: false,
    dontFragment: true,
    moreFragments: false,
    fragmentOffset: 0,
    ttl: 64,
    protocolNumber: 17,
    checksum: 0xb861,
    src: ip("192.168.0.1"),
    dst: ip("192.168.0.199"),
    options: [],
    payload: new Uint8Array(95),
  });
  const { src: from, dst: to } = packet;
  const written = encodeIpv4({
    dontFragment: true,
    protocolNumber: 17,
    src: from,
    dst: to,
    payload: new Uint8Array(95),
  });
  assert.equal(toHex(written), toHex(bytes));
  bytes[8] = 63;
  assert.equal(verifyIpv4(packet), false);
});

test("every bit of the header has its place", () => {
  const packet = decodeIpv4(fromHex("46 b7 001c abcd bfff 01 fd 1234 7f000001 ffffffff 94040000 c0de0000"));
  const { dscp, ecn, totalLength, identification, fragmentOffset, ttl, protocolNumber, checksum } = packet;
  assert.deepEqual(
    [dscp, ecn, totalLength, identification, fragmentOffset, ttl, protocolNumber, checksum],
    [45, 3, 28, 0xabcd, 65_528, 1, 253, 0x1234],
  );
  assert.deepEqual([packet.reservedFlag, packet.dontFragment, packet.moreFragments], [true, false, true]);
  assert.deepEqual([`${packet.src}`, `${packet.dst}`], ["127.0.0.1", "255.255.255.255"]);
  assert.deepEqual(packet.options, [{ name: "routerAlert", value: 0 }]);
  assert.equal(toHex(packet.payload), "c0de0000");
  assert.equal(packet.headerLength, 24);
});

interface OptionRow {
  readonly name: string;
  readonly hex: string;
  readonly options: readonly Ipv4Option[];
}

const OPTIONS: readonly OptionRow[] = [
  { name: "only padding", hex: "00000000", options: [{ name: "end" }] },
  {
    name: "more padding than is needed",
    hex: "01000000 00000000",
    options: [{ name: "nop" }, { name: "end" }, { name: "padding", data: new Uint8Array(6) }],
  },
  {
    name: "padding that is not zero",
    hex: "0100ff00",
    options: [{ name: "nop" }, { name: "end" }, { name: "padding", data: fromHex("ff00") }],
  },
  { name: "fillers", hex: "01010100", options: [{ name: "nop" }, { name: "nop" }, { name: "nop" }] },
  {
    name: "record route",
    hex: "070b08 0a000001 00000000 00",
    options: [{ name: "recordRoute", pointer: 8, addrs: [ip("10.0.0.1"), ip("0.0.0.0")] }],
  },
  {
    name: "loose and strict source route",
    hex: "830704 0a000003 890708 0a000004 0000",
    options: [
      { name: "looseSourceRoute", pointer: 4, addrs: [ip("10.0.0.3")] },
      { name: "strictSourceRoute", pointer: 8, addrs: [ip("10.0.0.4")] },
    ],
  },
  {
    name: "timestamps alone",
    hex: "440c0d 20 00000001 ffffffff",
    options: [
      {
        name: "timestamp",
        pointer: 13,
        overflow: 2,
        flag: 0,
        entries: [{ timestamp: 1 }, { timestamp: 0xffffffff }],
      },
    ],
  },
  {
    name: "timestamps with addresses",
    hex: "440c05 f1 0a000005 00000007",
    options: [
      {
        name: "timestamp",
        pointer: 5,
        overflow: 15,
        flag: 1,
        entries: [{ addr: ip("10.0.0.5"), timestamp: 7 }],
      },
    ],
  },
  {
    name: "security, stream identifier and router alert",
    hex: "820b 0102030405060708 09 8804 abcd 9404 0001 00",
    options: [
      { name: "security", data: fromHex("010203040506070809") },
      { name: "streamId", id: 0xabcd },
      { name: "routerAlert", value: 1 },
    ],
  },
  {
    name: "an unknown kind, and known ones with bodies that they do not have",
    hex: "5e03aa 8803ff 9402 440405 07 0702 0000",
    options: [
      { name: "unknown", kind: 94, data: fromHex("aa") },
      { name: "unknown", kind: 136, data: fromHex("ff") },
      { name: "unknown", kind: 148, data: fromHex("") },
      { name: "unknown", kind: 68, data: fromHex("0507") },
      { name: "unknown", kind: 7, data: fromHex("") },
    ],
  },
  {
    name: "a body that is longer than its kind's",
    hex: "01 94050000 000000",
    options: [{ name: "nop" }, { name: "unknown", kind: 148, data: fromHex("000000") }],
  },
  {
    name: "a length past the end",
    hex: "01 940400",
    options: [{ name: "nop" }, { name: "malformed", data: fromHex("940400") }],
  },
  { name: "a length of one", hex: "94010000", options: [{ name: "malformed", data: fromHex("94010000") }] },
  {
    name: "a kind without a length",
    hex: "01010194",
    options: [{ name: "nop" }, { name: "nop" }, { name: "nop" }, { name: "malformed", data: fromHex("94") }],
  },
];

for (const { name, hex, options } of OPTIONS) {
  test(`options: ${name}`, () => {
    const data = fromHex(hex);
    const header = fromHex("4500 0000 0000 0000 40 fd 0000 0a000001 0a000002");
    header[0] = 0x45 + data.length / 4;
    header[3] = 20 + data.length;
    const packet = decodeIpv4(Uint8Array.from([...header, ...data]));
    assert.deepEqual(packet.options, options);
    const written = encodeIpv4({ protocolNumber: 253, src, dst, options: packet.options, checksum: 0 });
    assert.equal(toHex(written), toHex(packet.bytes));
    assert.equal(packet.tree().children?.length, 15 + packet.options.length);
  });
}

const VALID: readonly Uint8Array[] = [
  fromHex("45 00 0018 0000 0000 40 fd 0000 0a000001 0a000002 01020304"),
  fromHex("46 b7 001c abcd bfff 01 fd 1234 7f000001 ffffffff 94040000 c0de0000"),
  ...OPTIONS.map(({ options }) =>
    encodeIpv4({ protocolNumber: 17, src, dst, options, payload: fromHex("0102") }),
  ),
];

test("refuses what is no IPv4 packet", () => {
  const [bytes] = VALID as [Uint8Array];
  for (let length = 0; length < 20; length++) {
    refuses(() => decodeIpv4(bytes.subarray(0, length)), "TRUNCATED", length);
  }
  const row = (at: number, value: number, code: string, offset: number): void => {
    const wrong = bytes.slice();
    wrong[at] = value;
    refuses(() => decodeIpv4(wrong), code, offset);
  };
  row(0, 0x65, "BAD_VALUE", 0);
  row(0, 0x44, "BAD_LENGTH", 0);
  row(0, 0x40, "BAD_LENGTH", 0);
  row(0, 0x47, "TRUNCATED", 24);
  row(3, 19, "BAD_LENGTH", 2);
  row(3, 25, "BAD_LENGTH", 2);
  row(2, 1, "BAD_LENGTH", 2);
});

test("what follows the packet is not part of it; what was cut is missed", () => {
  const [bytes] = VALID as [Uint8Array];
  const padded = new Uint8Array(46);
  padded.set(bytes);
  assert.equal(toHex(decodeIpv4(padded).payload), "01020304");
  assert.equal(toHex(decodeIpv4(bytes, 0, 22, 24).payload), "0102");
  refuses(() => decodeIpv4(bytes, 0, 22, 23), "BAD_LENGTH", 2);
  const segment = bytes.slice();
  segment[3] = 0; // as a card gets it that cuts segments itself
  assert.equal(decodeIpv4(segment).end, 24);
});

test("the end of a source route is whom the checksum is for", () => {
  const route = (pointer: number): Ipv4Option => ({
    name: "looseSourceRoute",
    pointer,
    addrs: [ip("10.0.0.8"), ip("10.0.0.9")],
  });
  const to = (options: readonly Ipv4Option[]) =>
    `${decodeIpv4(encodeIpv4({ protocolNumber: 6, src, dst, options })).between.dst}`;
  assert.equal(to([]), "10.0.0.2");
  assert.equal(to([{ name: "nop" }, route(4)]), "10.0.0.9");
  assert.equal(to([route(8)]), "10.0.0.9");
  assert.equal(to([route(12)]), "10.0.0.2");
});

test("hostile bytes", () => {
  checkHostile(codec, VALID, 6000);
});

test("cut at every length", () => {
  checkCuts(codec, VALID);
});

test("fields that cannot be are named", () => {
  const row = (wrong: object, message: RegExp): void => {
    assert.throws(() => encodeIpv4({ protocolNumber: 6, src, dst, ...wrong } as Ipv4Fields), message);
  };
  row({ ttl: 256 }, /^RangeError: ipv4\.ttl: expected an integer 0 … 255, got 256/);
  row({ protocolNumber: undefined }, /^TypeError: ipv4\.protocolNumber: /);
  row({ src: "10.0.0.1" }, /^TypeError: ipv4\.src: expected an Ipv4Addr, got 10\.0\.0\.1/);
  row({ fragmentOffset: 7 }, /^RangeError: ipv4\.fragmentOffset: expected a multiple of 8, got 7/);
  row({ dontFragment: 1 }, /^TypeError: ipv4\.dontFragment: expected true or false, got 1/);
  row({ payload: new Uint8Array(65_516) }, /^RangeError: ipv4\.totalLength: .* got 65536/);
  row({ options: {} }, /^TypeError: ipv4\.options: expected an array/);
  row({ options: [{ name: "mss", value: 1 }] }, /^TypeError: ipv4\.options\[0\]: there is no option mss/);
  row(
    { options: [{ name: "nop" }, { name: "streamId", id: 65_536 }] },
    /^RangeError: ipv4\.options\[1\]\.id: /,
  );
  row({ options: [{ name: "unknown", kind: 1, data: new Uint8Array() }] }, /^RangeError: .*\[0\]\.kind: /);
  row({ options: [{ name: "recordRoute", pointer: 4, addrs: ["10.0.0.1"] }] }, /^TypeError: .*addrs\[0\]: /);
  row(
    { options: [{ name: "security", data: new Uint8Array(39) }] },
    /^RangeError: ipv4\.options: .* 40 bytes/,
  );
  row({ options: [null] }, /^TypeError: ipv4\.options\[0\]: expected an option, got null/);
});

/** Fields of all kinds, and scapy's expression for the same packet. */
const SAME: readonly (readonly [fields: Ipv4Fields, scapy: string])[] = [
  [{ protocolNumber: 253, src, dst, identification: 1 }, "proto=253"],
  [
    { protocolNumber: 253, src, dst, dscp: 46, ecn: 2, identification: 0xbeef, dontFragment: true, ttl: 1 },
    "proto=253, tos=0xba, id=0xbeef, flags='DF', ttl=1",
  ],
  [
    { protocolNumber: 253, src, dst, identification: 1, moreFragments: true, fragmentOffset: 1480 },
    "proto=253, flags='MF', frag=185",
  ],
  [
    {
      protocolNumber: 253,
      src,
      dst,
      identification: 1,
      reservedFlag: true,
      fragmentOffset: 65_528,
      ttl: 255,
    },
    "proto=253, flags=4, frag=8191, ttl=255",
  ],
  [
    {
      protocolNumber: 253,
      src,
      dst,
      identification: 1,
      options: [
        { name: "recordRoute", pointer: 4, addrs: [ip("1.2.3.4"), ip("0.0.0.0")] },
        { name: "routerAlert", value: 0 },
      ],
    },
    "proto=253, options=[IPOption_RR(pointer=4, routers=['1.2.3.4', '0.0.0.0']), IPOption_Router_Alert()]",
  ],
  [
    {
      protocolNumber: 253,
      src,
      dst,
      identification: 1,
      options: [
        { name: "nop" },
        { name: "looseSourceRoute", pointer: 4, addrs: [ip("10.0.0.3")] },
        { name: "streamId", id: 7 },
      ],
    },
    "proto=253, options=[IPOption_NOP(), IPOption_LSRR(pointer=4, routers=['10.0.0.3']), IPOption_Stream_Id(security=7)]",
  ],
  [
    {
      protocolNumber: 253,
      src,
      dst,
      identification: 1,
      options: [{ name: "strictSourceRoute", pointer: 8, addrs: [ip("10.0.0.3"), ip("10.0.0.4")] }],
    },
    "proto=253, options=[IPOption_SSRR(pointer=8, routers=['10.0.0.3', '10.0.0.4'])]",
  ],
];
const payload = fromHex("00 01 02 03 04 05 06 07");

test("scapy makes the same packets, and reads ours", needsScapy, () => {
  const built = scapyBuild(
    SAME.map(([, text]) => `IP(src='10.0.0.1', dst='10.0.0.2', ${text})/Raw(bytes(range(8)))`),
  );
  const ours = SAME.map(([fields]) => encodeIpv4({ ...fields, payload }));
  assert.deepEqual(
    built.map((bytes) => toHex(bytes)),
    ours.map((bytes) => toHex(bytes)),
  );
  for (const [index, layers] of scapyDissect(ours, "IP").entries()) {
    const { fields } = layers[0] as ScapyLayer;
    const packet = decodeIpv4(ours[index] as Uint8Array);
    const flags =
      Number(packet.moreFragments) + Number(packet.dontFragment) * 2 + Number(packet.reservedFlag) * 4;
    assert.deepEqual(
      { ...fields, options: undefined },
      {
        version: 4,
        ihl: packet.headerLength / 4,
        tos: packet.dscp * 4 + packet.ecn,
        len: packet.totalLength,
        id: packet.identification,
        flags,
        frag: packet.fragmentOffset / 8,
        ttl: packet.ttl,
        proto: packet.protocolNumber,
        chksum: packet.checksum,
        src: `${packet.src}`,
        dst: `${packet.dst}`,
        options: undefined,
      },
    );
  }
});

test("tshark reads what we write", needsTshark, () => {
  const ours = SAME.map(([fields]) => encodeIpv4({ ...fields, payload }));
  const told = tsharkFields(
    ours,
    [
      "ip.version",
      "ip.hdr_len",
      "ip.dsfield.dscp",
      "ip.dsfield.ecn",
      "ip.len",
      "ip.id",
      "ip.flags.rb",
      "ip.flags.df",
      "ip.flags.mf",
      "ip.frag_offset",
      "ip.ttl",
      "ip.proto",
      "ip.checksum",
      "ip.checksum.status",
      "ip.src",
      "ip.opt.type",
    ],
    { linkType: LINK.ipv4 },
  );
  const types: Readonly<Record<string, number>> = {
    nop: 1,
    recordRoute: 7,
    looseSourceRoute: 131,
    streamId: 136,
    strictSourceRoute: 137,
    routerAlert: 148,
  };
  for (const [index, bytes] of ours.entries()) {
    const row = told[index] as (typeof told)[number];
    const packet = decodeIpv4(bytes);
    const numbers = (...names: (keyof typeof row)[]) => names.flatMap((name) => row[name].map(Number));
    assert.deepEqual(
      numbers("ip.version", "ip.hdr_len", "ip.dsfield.dscp", "ip.dsfield.ecn", "ip.len", "ip.id"),
      [4, packet.headerLength, packet.dscp, packet.ecn, packet.totalLength, packet.identification],
    );
    assert.deepEqual(numbers("ip.flags.rb", "ip.flags.df", "ip.flags.mf"), [
      Number(packet.reservedFlag),
      Number(packet.dontFragment),
      Number(packet.moreFragments),
    ]);
    assert.deepEqual(numbers("ip.frag_offset", "ip.ttl", "ip.proto", "ip.checksum", "ip.checksum.status"), [
      packet.fragmentOffset / 8, // in units of eight bytes, as it stands in the header
      packet.ttl,
      packet.protocolNumber,
      packet.checksum,
      1,
    ]);
    // The zeros at the end of the list are an option to tshark.
    const kinds = packet.options.map(({ name }) => types[name] as number);
    assert.deepEqual(numbers("ip.opt.type").slice(0, kinds.length), kinds);
  }
});

test("tshark reads timestamps as we do", needsTshark, () => {
  const options: readonly Ipv4Option[] = [
    {
      name: "timestamp",
      pointer: 13,
      overflow: 2,
      flag: 1,
      entries: [{ addr: ip("10.0.0.5"), timestamp: 7 }],
    },
  ];
  const [row] = tsharkFields(
    [encodeIpv4({ protocolNumber: 253, src, dst, options })],
    [
      "ip.opt.type",
      "ip.opt.len",
      "ip.opt.ptr",
      "ip.opt.overflow",
      "ip.opt.flag",
      "ip.opt.time_stamp_addr",
      "ip.opt.time_stamp",
    ],
    { linkType: LINK.ipv4 },
  );
  assert.deepEqual(row?.["ip.opt.type"].map(Number), [68]); // of others it has no fields
  assert.deepEqual(row?.["ip.opt.len"], ["12"]);
  assert.deepEqual(
    [row?.["ip.opt.ptr"], row?.["ip.opt.overflow"], row?.["ip.opt.flag"].map(Number)],
    [["13"], ["2"], [1]],
  );
  assert.deepEqual([row?.["ip.opt.time_stamp_addr"], row?.["ip.opt.time_stamp"]], [["10.0.0.5"], ["7"]]);
});
