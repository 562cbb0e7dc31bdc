/** IPv6 headers with their extensions: what is read, refused and written; against tshark and scapy. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fromHex, toHex } from "../../src/bytes/index.ts";
import { Ipv6Addr } from "../../src/ip/index.ts";
import {
  decodeIpv6,
  encodeIpv6,
  type Ipv6Extension,
  type Ipv6Fields,
  type Ipv6Option,
} from "../../src/wire/index.ts";
import { askEverything, type Codec, checkCuts, checkHostile, checkIdentity, refuses } from "./_codec.ts";
import { needsScapy, type ScapyLayer, scapyBuild, scapyDissect } from "./_scapy.ts";
import { LINK, needsTshark, tsharkFields } from "./_tshark.ts";

const codec: Codec = { decode: decodeIpv6, encode: encodeIpv6 };
const ip = (text: string) => Ipv6Addr.parse(text);
const [src, dst] = [ip("2001:db8::1"), ip("2001:db8::2")];
const ADDRS = "20010db8000000000000000000000001 20010db8000000000000000000000002";
const [A, B] = ["20010db8000000000000000000000005", "20010db8000000000000000000000006"];

test("every bit of the header has its place", () => {
  const packet = decodeIpv6(fromHex(`6b7a bcde 0003 11 ff ${ADDRS} 010203 ffff`));
  assert.deepEqual(packet.toObject(), {
    dscp: 0x2d,
    ecn: 3,
    flowLabel: 0xabcde,
    payloadLength: 3,
    nextHeader: 17,
    hopLimit: 255,
    src,
    dst,
    extensions: [],
    upperProtocol: 17,
    payload: fromHex("010203"),
  });
  assert.deepEqual([packet.version, packet.trafficClass, packet.headerLength], [6, 0xb7, 40]);
  assert.equal(
    toHex(encodeIpv6({ src, dst, nextHeader: 59 })),
    toHex(fromHex(`60000000 0000 3b 40 ${ADDRS}`)),
  );
});

interface Chain {
  readonly name: string;
  /** The first Next Header, and what follows the first 40 bytes. */
  readonly first: number;
  readonly hex: string;
  readonly extensions: readonly Ipv6Extension[];
  readonly upperProtocol: number;
  readonly payload?: string;
}

const options = (
  name: "hopByHop" | "destinationOptions",
  nextHeader: number,
  ...list: readonly Ipv6Option[]
) => ({
  name,
  nextHeader,
  options: list,
});

const CHAINS: readonly Chain[] = [
  {
    name: "router alert with the least padding, as MLD sends it",
    first: 0,
    hex: "3a00 05020000 0100",
    extensions: [options("hopByHop", 58, { name: "routerAlert", value: 0 })],
    upperProtocol: 58,
  },
  {
    name: "only padding",
    first: 60,
    hex: "1100 0104 00000000",
    extensions: [options("destinationOptions", 17)],
    upperProtocol: 17,
    payload: "0102",
  },
  {
    name: "padding of more bytes than is needed, or not of zeros, or in pieces",
    first: 60,
    hex: "3c01 010c 000000000000000000000000  3c00 0104 00000001  1100 000000000000",
    extensions: [
      options("destinationOptions", 60, { name: "padN", data: new Uint8Array(12) }),
      options("destinationOptions", 60, { name: "padN", data: fromHex("00000001") }),
      options("destinationOptions", 17, ...Array.from({ length: 5 }, () => ({ name: "pad1" as const }))),
    ],
    upperProtocol: 17,
  },
  {
    name: "an unknown option, and known ones with bodies that they do not have",
    first: 0,
    hex: "1101 1e03 aabbcc c201 ff 0501 00 00 00 05",
    extensions: [
      options(
        "hopByHop",
        17,
        { name: "unknown", kind: 0x1e, data: fromHex("aabbcc") },
        { name: "unknown", kind: 0xc2, data: fromHex("ff") },
        { name: "unknown", kind: 5, data: fromHex("00") },
        { name: "pad1" },
        { name: "pad1" },
        { name: "malformed", data: fromHex("05") },
      ),
    ],
    upperProtocol: 17,
  },
  {
    name: "an option that goes past the end of its header",
    first: 0,
    hex: "1100 05020000 1e01",
    extensions: [
      options(
        "hopByHop",
        17,
        { name: "routerAlert", value: 0 },
        { name: "malformed", data: fromHex("1e01") },
      ),
    ],
    upperProtocol: 17,
    payload: "ff",
  },
  {
    name: "a source route, RFC 2460 §4.4",
    first: 43,
    hex: `1104 0001 00000000 ${A} ${B}`,
    extensions: [
      {
        name: "sourceRoute",
        nextHeader: 17,
        segmentsLeft: 1,
        reserved: 0,
        addrs: [ip("2001:db8::5"), ip("2001:db8::6")],
      },
    ],
    upperProtocol: 17,
  },
  {
    name: "segment routing with a TLV, RFC 8754 §2",
    first: 43,
    hex: `1103 0400 00 20 abcd ${A} 0406 000000000000`,
    extensions: [
      {
        name: "segmentRouting",
        nextHeader: 17,
        segmentsLeft: 0,
        lastEntry: 0,
        flags: 0x20,
        tag: 0xabcd,
        segments: [ip("2001:db8::5")],
        tlvs: fromHex("0406000000000000"),
      },
    ],
    upperProtocol: 17,
  },
  {
    name: "routing of types and lengths that are kept as bytes",
    first: 43,
    hex: "2b00 fd07 01020304  2b01 0001 00000000 0102030405060708  1100 0400 01000000",
    extensions: [
      { name: "routing", nextHeader: 43, routingType: 253, segmentsLeft: 7, data: fromHex("01020304") },
      {
        name: "routing",
        nextHeader: 43,
        routingType: 0,
        segmentsLeft: 1,
        data: fromHex("000000000102030405060708"),
      },
      { name: "routing", nextHeader: 17, routingType: 4, segmentsLeft: 0, data: fromHex("01000000") },
    ],
    upperProtocol: 17,
  },
  {
    name: "segment routing that tells of one segment more than it has",
    first: 43,
    hex: `1102 0401 01 00 0000 ${A}`,
    extensions: [
      { name: "routing", nextHeader: 17, routingType: 4, segmentsLeft: 1, data: fromHex(`01000000${A}`) },
    ],
    upperProtocol: 17,
  },
  {
    name: "the first fragment, behind which the chain goes on",
    first: 44,
    hex: "3c ff 0007 deadbeef  1100 0104 00000000",
    extensions: [
      {
        name: "fragment",
        nextHeader: 60,
        reserved: 255,
        fragmentOffset: 0,
        reservedBits: 3,
        moreFragments: true,
        identification: 0xdeadbeef,
      },
      options("destinationOptions", 17),
    ],
    upperProtocol: 17,
    payload: "01",
  },
  {
    name: "another fragment, behind which there are no headers",
    first: 44,
    hex: "3c 00 fff8 00000001",
    extensions: [
      {
        name: "fragment",
        nextHeader: 60,
        reserved: 0,
        fragmentOffset: 65_528,
        reservedBits: 0,
        moreFragments: false,
        identification: 1,
      },
    ],
    upperProtocol: 60,
    payload: "1100010400000000",
  },
  {
    name: "an Authentication Header, RFC 4302 §2",
    first: 51,
    hex: "3b 04 0000 00000001 00000002 0102030405060708090a0b0c",
    extensions: [
      {
        name: "authentication",
        nextHeader: 59,
        reserved: 0,
        securityParametersIndex: 1,
        sequenceNumber: 2,
        integrityCheckValue: fromHex("0102030405060708090a0b0c"),
      },
    ],
    upperProtocol: 59,
  },
  {
    name: "ESP ends the chain",
    first: 60,
    hex: "3200 0104 00000000",
    extensions: [options("destinationOptions", 50)],
    upperProtocol: 50,
    payload: "00000001000000020102030405060708",
  },
  { name: "no next header", first: 59, hex: "", extensions: [], upperProtocol: 59, payload: "ffff" },
  {
    name: "a header that is not whole is the payload",
    first: 60,
    hex: "3c00 0104 00000000",
    extensions: [options("destinationOptions", 60)],
    upperProtocol: 60,
    payload: "1101010400000000",
  },
  {
    name: "an Authentication Header that is too short for itself is the payload",
    first: 51,
    hex: "",
    extensions: [],
    upperProtocol: 51,
    payload: "11000000000000010000000200000000",
  },
  {
    name: "all of them",
    first: 0,
    hex: `3c00 01040000 0000  2b00 01040000 0000  2c02 0001 00000000 ${A}  33 00 0001 00000007  3c 02 0000 00000001 00000002 01020304  0600 0104 00000000`,
    extensions: [
      options("hopByHop", 60),
      options("destinationOptions", 43),
      { name: "sourceRoute", nextHeader: 44, segmentsLeft: 1, reserved: 0, addrs: [ip("2001:db8::5")] },
      {
        name: "fragment",
        nextHeader: 51,
        reserved: 0,
        fragmentOffset: 0,
        reservedBits: 0,
        moreFragments: true,
        identification: 7,
      },
      {
        name: "authentication",
        nextHeader: 60,
        reserved: 0,
        securityParametersIndex: 1,
        sequenceNumber: 2,
        integrityCheckValue: fromHex("01020304"),
      },
      options("destinationOptions", 6),
    ],
    upperProtocol: 6,
    payload: "0102030405",
  },
];

function bytesOf({ first, hex, payload = "" }: Chain): Uint8Array {
  const rest = fromHex(hex + payload);
  const bytes = Uint8Array.from([...fromHex(`60000000 0000 00 40 ${ADDRS}`), ...rest]);
  bytes[5] = rest.length;
  bytes[6] = first;
  return bytes;
}

for (const chain of CHAINS) {
  const { name, extensions, upperProtocol, payload = "" } = chain;
  test(`extensions: ${name}`, () => {
    const bytes = bytesOf(chain);
    const packet = decodeIpv6(bytes);
    assert.deepEqual(packet.extensions, extensions);
    assert.deepEqual([packet.upperProtocol, toHex(packet.payload)], [upperProtocol, payload]);
    assert.equal(packet.upperOffset, bytes.length - payload.length / 2);
    checkIdentity(codec, packet);
    askEverything(packet);
    assert.equal(packet.tree().children?.length, 9 + extensions.length);
  });
}

test("what follows what is filled in", () => {
  const packet = decodeIpv6(
    encodeIpv6({
      src,
      dst,
      extensions: [
        { name: "hopByHop", options: [{ name: "routerAlert", value: 0 }] },
        { name: "fragment", fragmentOffset: 0, moreFragments: true, identification: 1 },
      ],
      upperProtocol: 17,
    }),
  );
  assert.deepEqual([packet.nextHeader, packet.upperProtocol, packet.payloadLength], [0, 17, 16]);
  assert.equal(packet.extensions[0]?.nextHeader, 44);
});

test("the last stop of a route is whom the checksum is for", () => {
  const to = (extension: Ipv6Extension): string =>
    `${decodeIpv6(encodeIpv6({ src, dst, extensions: [extension], upperProtocol: 6 })).between.dst}`;
  const [five, six] = [ip("2001:db8::5"), ip("2001:db8::6")];
  assert.equal(to({ name: "sourceRoute", segmentsLeft: 1, addrs: [five, six] }), "2001:db8::6");
  assert.equal(to({ name: "sourceRoute", segmentsLeft: 0, addrs: [five, six] }), "2001:db8::2");
  const segments = { name: "segmentRouting", lastEntry: 1, segments: [five, six] } as const;
  assert.equal(to({ ...segments, segmentsLeft: 1 }), "2001:db8::5");
  assert.equal(to({ ...segments, segmentsLeft: 0 }), "2001:db8::2");
});

test("jumbograms", () => {
  const jumbo = (length: number): Ipv6Extension => ({
    name: "hopByHop",
    options: [{ name: "jumboPayload", length }],
  });
  const payload = new Uint8Array(70_000);
  const bytes = encodeIpv6({ src, dst, extensions: [jumbo(70_008)], upperProtocol: 17, payload });
  const packet = decodeIpv6(Uint8Array.from([...bytes, 1, 2, 3]));
  assert.deepEqual([packet.payloadLength, packet.payload.length, packet.end], [0, 70_000, 70_048]);
  checkIdentity(codec, packet);
  assert.equal(decodeIpv6(bytes, 0, 100, bytes.length).payload.length, 52);
  refuses(() => decodeIpv6(bytes.subarray(0, 70_047)), "BAD_LENGTH", 44);
  const small = encodeIpv6({
    src,
    dst,
    extensions: [jumbo(65_535)],
    upperProtocol: 17,
    payloadLength: 0,
    payload,
  });
  refuses(() => decodeIpv6(small), "BAD_LENGTH", 44);
  // A length in the header itself counts before the option's.
  const both = encodeIpv6({
    src,
    dst,
    extensions: [jumbo(70_008)],
    upperProtocol: 17,
    payloadLength: 9,
    payload,
  });
  assert.equal(decodeIpv6(both).payload.length, 1);
  assert.throws(
    () => encodeIpv6({ src, dst, upperProtocol: 17, payload }),
    /^RangeError: ipv6\.payload: .*jumboPayload/,
  );
});

test("refuses what is no IPv6 packet", () => {
  const bytes = fromHex(`60000000 0003 11 40 ${ADDRS} 010203`);
  for (let length = 0; length < 40; length++) {
    refuses(() => decodeIpv6(bytes.subarray(0, length)), "TRUNCATED", length);
  }
  refuses(() => decodeIpv6(bytes.subarray(0, 42)), "BAD_LENGTH", 4);
  refuses(() => decodeIpv6(fromHex(`45000000 0003 11 40 ${ADDRS} 010203`)), "BAD_VALUE", 0);
  assert.equal(toHex(decodeIpv6(bytes, 0, 42, 43).payload), "0102");
  assert.equal(decodeIpv6(fromHex(`60000000 0000 11 40 ${ADDRS} 010203`)).payload.length, 0);
});

test("a chain as long as the packet", () => {
  // Headers of eight bytes, each of which says that another one follows: a walk per header would take minutes.
  const bytes = Uint8Array.from([...fromHex(`60000000 fff0 3c 40 ${ADDRS}`), ...new Uint8Array(65_520)]);
  for (let at = 40; at < bytes.length; at += 8) bytes.set([60, 0, 1, 4], at);
  const packet = decodeIpv6(bytes);
  assert.equal(packet.extensions.length, 8190);
  assert.deepEqual([packet.upperProtocol, packet.payload.length], [60, 0]);
  askEverything(packet);
  checkIdentity(codec, packet);
});

const VALID = CHAINS.map(bytesOf);

test("hostile bytes", () => {
  checkHostile(codec, VALID, 6000);
});

test("chains at random", () => {
  const header = fc.tuple(
    fc.constantFrom(0, 43, 44, 51, 60, 17),
    fc.nat(3),
    fc.uint8Array({ minLength: 30, maxLength: 30 }),
  );
  fc.assert(
    fc.property(fc.array(header, { maxLength: 6 }), fc.constantFrom(0, 43, 44, 51, 60), (headers, first) => {
      const chain = headers.flatMap(([next, steps, body]) =>
        [next, steps, ...body].slice(0, (steps + 1) * 8),
      );
      const bytes = Uint8Array.from([...fromHex(`60000000 0000 00 40 ${ADDRS}`), ...chain]);
      bytes[5] = chain.length;
      bytes[6] = first;
      const packet = decodeIpv6(bytes);
      askEverything(packet);
      checkIdentity(codec, packet);
    }),
    { numRuns: 3000 },
  );
});

test("cut at every length", () => {
  // Where an extension is cut, it is payload: only what has none is as long as before.
  checkCuts(codec, [fromHex(`60000000 0003 11 40 ${ADDRS} 010203`), fromHex(`60000000 0000 3b 40 ${ADDRS}`)]);
  for (const bytes of VALID) {
    for (let length = 40; length < bytes.length; length++) {
      const packet = decodeIpv6(bytes, 0, length, bytes.length);
      askEverything(packet);
      assert.ok(packet.payload.byteOffset + packet.payload.length === length);
    }
  }
});

test("fields that cannot be are named", () => {
  const row = (wrong: object, message: RegExp): void => {
    assert.throws(() => encodeIpv6({ upperProtocol: 6, src, dst, ...wrong } as Ipv6Fields), message);
  };
  const extension = (wrong: object, message: RegExp): void => row({ extensions: [wrong] }, message);
  row({ hopLimit: 256 }, /^RangeError: ipv6\.hopLimit: /);
  row({ flowLabel: 0x100000 }, /^RangeError: ipv6\.flowLabel: expected an integer 0 … 1048575/);
  row({ upperProtocol: undefined }, /^TypeError: ipv6\.upperProtocol: /);
  row({ src: "::1" }, /^TypeError: ipv6\.src: expected an Ipv6Addr, got ::1/);
  row({ extensions: 7 }, /^TypeError: ipv6\.extensions: expected an array/);
  extension({ name: "mobility" }, /^TypeError: ipv6\.extensions\[0\]: there is no extension header mobility/);
  extension(
    null as unknown as object,
    /^TypeError: ipv6\.extensions\[0\]: there is no extension header null/,
  );
  extension(
    { name: "fragment", fragmentOffset: 4 },
    /^RangeError: .*\[0\]\.fragmentOffset: expected a multiple/,
  );
  extension(
    { name: "routing", routingType: 1, segmentsLeft: 0, data: new Uint8Array(5) },
    /multiple of 8 bytes/,
  );
  extension({ name: "sourceRoute", segmentsLeft: 0, addrs: ["::1"] }, /^TypeError: .*\[0\]\.addrs\[0\]: /);
  extension({ name: "hopByHop", options: [{ name: "routerAlert", value: 65_536 }] }, /options\[0\]\.value: /);
  extension({ name: "hopByHop", options: [{ name: "mss" }] }, /there is no option mss/);
  extension(
    {
      name: "authentication",
      securityParametersIndex: 1,
      sequenceNumber: 1,
      integrityCheckValue: new Uint8Array(3),
    },
    /integrityCheckValue: expected a multiple of 4 bytes/,
  );
});

const [five, six] = [ip("2001:db8::5"), ip("2001:db8::6")];
const fragment = {
  name: "fragment",
  fragmentOffset: 1448,
  moreFragments: true,
  identification: 0xdeadbeef,
} as const;
/** Fields of all kinds, and scapy's expression for the same packet. */
const SAME: readonly (readonly [fields: Omit<Ipv6Fields, "src" | "dst">, header: string, chain: string])[] = [
  [
    { dscp: 46, ecn: 1, flowLabel: 0xabcde, hopLimit: 1, upperProtocol: 253 },
    "nh=253, tc=0xb9, fl=0xabcde, hlim=1",
    "",
  ],
  [
    { extensions: [{ name: "hopByHop", options: [{ name: "routerAlert", value: 0 }] }], upperProtocol: 253 },
    "",
    "IPv6ExtHdrHopByHop(nh=253, options=[RouterAlert()])",
  ],
  [
    {
      extensions: [
        { name: "destinationOptions", options: [{ name: "unknown", kind: 0x1e, data: fromHex("01020304") }] },
        fragment,
      ],
      upperProtocol: 253,
    },
    "",
    "IPv6ExtHdrDestOpt(options=[HBHOptUnknown(otype=0x1e, optlen=4, optdata=bytes([1, 2, 3, 4]))])/IPv6ExtHdrFragment(nh=253, offset=181, m=1, id=0xdeadbeef)",
  ],
  [
    { extensions: [{ name: "sourceRoute", segmentsLeft: 2, addrs: [five, six] }], upperProtocol: 253 },
    "",
    "IPv6ExtHdrRouting(nh=253, addresses=['2001:db8::5', '2001:db8::6'], segleft=2)",
  ],
  [
    {
      extensions: [{ name: "segmentRouting", segmentsLeft: 1, lastEntry: 1, tag: 7, segments: [five, six] }],
      upperProtocol: 253,
    },
    "",
    "IPv6ExtHdrSegmentRouting(nh=253, addresses=['2001:db8::5', '2001:db8::6'], segleft=1, lastentry=1, tag=7)",
  ],
  [
    {
      extensions: [
        {
          name: "authentication",
          securityParametersIndex: 1,
          sequenceNumber: 2,
          integrityCheckValue: fromHex("0102030405060708090a0b0c"),
        },
      ],
      upperProtocol: 253,
    },
    "nh=51",
    "AH(nh=253, payloadlen=4, spi=1, seq=2, icv=bytes(range(1, 13)))",
  ],
];
const payload = fromHex("0001020304050607");
const OURS = SAME.map(([fields]) => encodeIpv6({ src, dst, ...fields, payload }));

test("scapy makes the same packets, and reads ours", needsScapy, () => {
  const built = scapyBuild(
    SAME.map(([, header, chain]) => {
      const ends = `src='2001:db8::1', dst='2001:db8::2'${header && `, ${header}`}`;
      return `IPv6(${ends})${chain && `/${chain}`}/Raw(bytes(range(8)))`;
    }),
  );
  assert.deepEqual(
    built.map((bytes) => toHex(bytes)),
    OURS.map((bytes) => toHex(bytes)),
  );
  for (const [index, layers] of scapyDissect(OURS, "IPv6").entries()) {
    const { fields } = layers[0] as ScapyLayer;
    const packet = decodeIpv6(OURS[index] as Uint8Array);
    assert.deepEqual(fields, {
      version: 6,
      tc: packet.trafficClass,
      fl: packet.flowLabel,
      plen: packet.payloadLength,
      nh: packet.nextHeader,
      hlim: packet.hopLimit,
      src: `${packet.src}`,
      dst: `${packet.dst}`,
    });
    assert.equal(layers.length, 2 + packet.extensions.length);
  }
});

test("tshark reads what we write", needsTshark, () => {
  const told = tsharkFields(
    OURS,
    [
      "ipv6.tclass",
      "ipv6.flow",
      "ipv6.plen",
      "ipv6.nxt",
      "ipv6.hlim",
      "ipv6.src",
      "ipv6.dst",
      "ipv6.opt.router_alert",
      "ipv6.opt.type",
      "ipv6.fraghdr.offset",
      "ipv6.fraghdr.more",
      "ipv6.fraghdr.ident",
      "ipv6.routing.type",
      "ipv6.routing.segleft",
      "ipv6.routing.src.addr",
      "ipv6.routing.srh.last_entry",
      "ipv6.routing.srh.tag",
      "ipv6.routing.srh.addr",
      "ah.spi",
      "ah.sequence",
      "ah.icv",
    ],
    { linkType: LINK.ipv6 },
  );
  const rows = OURS.map((bytes, index) => {
    const packet = decodeIpv6(bytes);
    const row = told[index] as (typeof told)[number];
    assert.deepEqual(
      ["ipv6.tclass", "ipv6.flow", "ipv6.plen", "ipv6.nxt", "ipv6.hlim"].map((name) =>
        Number(row[name as "ipv6.plen"][0]),
      ),
      [packet.trafficClass, packet.flowLabel, packet.payloadLength, packet.nextHeader, packet.hopLimit],
    );
    assert.equal(row["ipv6.src"][0], `${packet.src}`);
    return row;
  });
  assert.deepEqual(rows[1]?.["ipv6.opt.router_alert"], ["0"]);
  assert.deepEqual(rows[2]?.["ipv6.opt.type"].map(Number), [0x1e]);
  assert.deepEqual(
    ["ipv6.fraghdr.offset", "ipv6.fraghdr.more", "ipv6.fraghdr.ident"].map((name) =>
      Number(rows[2]?.[name as "ipv6.fraghdr.more"][0]),
    ),
    [181, 1, 0xdeadbeef],
  );
  assert.deepEqual([rows[3]?.["ipv6.routing.type"], rows[3]?.["ipv6.routing.segleft"]], [["0"], ["2"]]);
  assert.deepEqual(rows[3]?.["ipv6.routing.src.addr"], [`${five}`, `${six}`]);
  assert.deepEqual([rows[4]?.["ipv6.routing.type"], rows[4]?.["ipv6.routing.segleft"]], [["4"], ["1"]]);
  assert.deepEqual(rows[4]?.["ipv6.routing.srh.addr"], [`${five}`, `${six}`]);
  assert.deepEqual(rows[4]?.["ipv6.routing.srh.last_entry"], ["1"]);
  assert.deepEqual(rows[4]?.["ipv6.routing.srh.tag"].map(Number), [7]);
  assert.deepEqual([rows[5]?.["ah.spi"].map(Number), rows[5]?.["ah.sequence"]], [[1], ["2"]]);
  assert.deepEqual(rows[5]?.["ah.icv"], ["0102030405060708090a0b0c"]);
});
