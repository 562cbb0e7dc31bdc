/** Decodes random and mutated packets, and asks whatever was decoded for everything: `_fuzz_child.ts SEED COUNT`. */
import assert from "node:assert/strict";
import { Ipv4Addr, Ipv6Addr, MacAddr } from "../../src/ip/index.ts";
import {
  decodeHeader,
  decodePacket,
  encodeHeader,
  encodePacket,
  fieldsToJson,
  type Icmpv6Fields,
  type Layer,
  type LinkTypeName,
  PROTOCOL_NAMES,
  type ProtocolName,
  verifyIcmp,
  verifyIcmpv6,
  verifyIpv4,
  verifyTcp,
  verifyUdp,
  WireError,
} from "../../src/wire/index.ts";

let [state, rounds] = process.argv.slice(2).map(Number) as [number, number];

/** Mulberry32, whole numbers below `below`. */
function random(below: number): number {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
}

const pick = <T>(from: readonly T[]): T => from[random(from.length)] as T;

const four = { src: Ipv4Addr.parse("10.0.0.1"), dst: Ipv4Addr.parse("10.0.0.2") };
const six = { src: Ipv6Addr.parse("fe80::1"), dst: Ipv6Addr.parse("ff02::1") };
const [a, b] = [MacAddr.parse("02:00:00:00:00:01"), MacAddr.parse("02:00:00:00:00:02")];
const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));

/** Valid packets, which mutations begin from; what each begins with. */
const ethernet = { ethernet: { src: a, dst: b } };
const ipv4 = { ipv4: four };
const ipv6 = { ipv6: six };
const syn = {
  tcp: {
    srcPort: 1,
    dstPort: 2,
    syn: true,
    options: [
      { name: "mss", value: 1460 },
      { name: "sackPermitted" },
      { name: "timestamps", value: 1, echoReply: 2 },
      { name: "nop" },
      { name: "windowScale", shift: 7 },
      { name: "unknown", kind: 253, data: hex("0102") },
    ],
  },
} as const;
const dhcp = {
  dhcp: {
    op: "request",
    xid: 7,
    chaddr: a,
    options: [
      { name: "messageType", value: "request" },
      { name: "routers", value: [four.src, four.dst] },
      { name: "domainSearch", value: ["example.org", "a.example.org"] },
      { name: "classlessRoutes", value: [{ prefix: four.src, prefixLength: 24, router: four.dst }] },
      { name: "overload", value: 3 },
    ],
  },
} as const;
const data = hex("68656c6c6f20776f726c64");
const quoted = encodePacket([ipv4, { udp: { srcPort: 1, dstPort: 2 } }], data);
const advertisement: Icmpv6Fields = {
  type: "neighborAdvertisement",
  targetAddress: Ipv6Addr.parse("fe80::1"),
  options: [{ name: "targetLinkLayerAddress", addr: a }],
};

const SEEDS: readonly (readonly [ProtocolName, Uint8Array])[] = [
  ["ethernet", encodePacket([ethernet, ipv4, syn])],
  ["ethernet", encodePacket([ethernet, ipv6, { udp: { srcPort: 1, dstPort: 2 } }], data)],
  ["ethernet", encodePacket([ethernet, ipv4, { udp: { srcPort: 68, dstPort: 67 } }, dhcp])],
  [
    "ethernet",
    hex(
      "020000000002 020000000001 8100 2064 88a8 3001 0806 0001 0800 06 04 0001 020000000001 0a000001 000000000000 0a000002",
    ),
  ],
  [
    "ethernet",
    encodePacket([ethernet, ipv4, { icmp: { type: "destinationUnreachable", code: 3, quoted } as never }]),
  ],
  ["arp", hex("0001 0800 06 04 0002 020000000001 0a000001 020000000002 0a000002")],
  [
    "ipv4",
    hex(
      "4b000034000140004001 0000 0a000001 0a000002 07 0b 08 0a000003 0a000004 44 08 05 01 00000001 01 01 08001234 00010002 61626364",
    ),
  ],
  ["ipv4", encodePacket([ipv4, ipv4, syn])],
  [
    "ipv6",
    hex(
      "60000000 0038 00 40 fe800000000000000000000000000001 ff020000000000000000000000000001 2b00 0502 0000 0100 0602 0200 00000000 2001 0db8 0000000000000000 0000 0001 2c00 00000000 0000 0600 0001 0000 0001 1100 0102 0000 0000 0001 0002 0008 0000",
    ),
  ],
  ["ipv6", encodePacket([ipv6, { icmpv6: advertisement }])],
  ["tcp", encodePacket([syn])],
  ["tcp", hex("00010002000000010000000290180fff00000000 0101050a 0000000100000002 00 000000")],
  ["udp", encodePacket([{ udp: { srcPort: 1, dstPort: 2 } }], data)],
  [
    "icmp",
    hex(
      "0b00 0000 0011 0000 45000054000040004001000 00a0000010a000002 0800 0000 00010001".replaceAll(" ", ""),
    ),
  ],
  ["icmp", hex("0800 0000 0001 0002 61626364")],
  ["icmpv6", encodePacket([{ icmpv6: advertisement }])],
  [
    "icmpv6",
    hex(
      "8600 0000 40 c0 0708 00000000 00000000 0101 020000000001 0501 0000 000005dc 0304 40c0 00278d00 00093a80 00000000 20010db8000000000000000000000000 1903 0000 0000003c 20010db8000000000000000000000035 1f02 0000 0000003c 03 6c616200 00000000",
    ),
  ],
  [
    "icmpv6",
    hex(
      "8f00 0000 0000 0001 04 01 0002 ff020000000000000000000000000016 20010db8000000000000000000000001 20010db8000000000000000000000002 00000000",
    ),
  ],
  ["dhcp", encodePacket([dhcp])],
  [
    "sll",
    hex(
      "0004 0001 0006 020000000001 0000 0800 4500001c000100004011 0000 0a000001 0a000002 0001 0002 0008 0000",
    ),
  ],
  [
    "sll2",
    hex(
      "0800 0000 00000002 0001 04 06 0200000000010000 4500001c000100004011 0000 0a000001 0a000002 0001 0002 0008 0000",
    ),
  ],
  ["null", hex("02000000 4500001c000100004011 0000 0a000001 0a000002 0001 0002 0008 0000")],
];

const LINKS: Partial<Record<ProtocolName, LinkTypeName>> = {
  ethernet: "ethernet",
  sll: "linux-sll",
  sll2: "linux-sll2",
  null: "null",
  ipv4: "ipv4",
  ipv6: "ipv6",
};

const INTERESTING = [0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 192, 240, 254, 255];

/** Where packets lie: with other bytes around them, which must not be seen. */
const room = new Uint8Array(2048);

function fill(): [protocol: ProtocolName, start: number, end: number] {
  const start = random(9);
  if (random(5) === 0) {
    const length = random(120);
    for (let at = start; at < start + length; at++) room[at] = random(256);
    return [pick(PROTOCOL_NAMES), start, start + length];
  }
  const [protocol, seed] = pick(SEEDS);
  room.set(seed, start);
  let { length } = seed;
  for (let changes = random(6); changes > 0 && length > 0; changes--) {
    const at = start + random(length);
    switch (random(6)) {
      case 0:
        room[at] = (room[at] as number) ^ (1 << random(8));
        break;
      case 1:
        room[at] = random(256);
        break;
      case 2:
        room[at] = pick(INTERESTING);
        break;
      case 3:
        length = random(length);
        break;
      case 4:
        room.copyWithin(at, at + random(8), start + length);
        break;
      case 5:
        for (let more = random(24); more > 0; more--) room[start + length++] = pick(INTERESTING);
        break;
    }
  }
  return [random(20) === 0 ? pick(PROTOCOL_NAMES) : protocol, start, start + length];
}

function verify(layer: Layer): void {
  if (layer.protocol === "ipv4") verifyIpv4(layer);
  if (layer.protocol === "icmp") verifyIcmp(layer);
  if (layer.protocol === "tcp") verifyTcp(layer, four);
  if (layer.protocol === "udp") verifyUdp(layer, six);
  if (layer.protocol === "icmpv6") verifyIcmpv6(layer, six);
}

/** Traces of millions of errors would take most of the time. What fails is printed, and can be decoded by hand. */
Error.stackTraceLimit = 0;

const counts = { refused: 0, decoded: 0, same: 0 };

/** One header: everything that it can be asked, and that it is written as it was. */
function header(protocol: ProtocolName, bytes: Uint8Array): void {
  const layer = decodeHeader(protocol, bytes);
  counts.decoded++;
  const fields = layer.toObject();
  layer.toString();
  verify(layer);
  if (random(4) === 0) {
    layer.tree();
    JSON.stringify(fieldsToJson(fields));
  }
  const again = encodeHeader(protocol, fields);
  const same = Buffer.compare(again, bytes.subarray(layer.offset, layer.end)) === 0;
  assert.ok(same, `was written as ${Buffer.from(again).toString("hex")}`);
  counts.same++;
}

/** A packet, from its link inwards. */
function packet(link: LinkTypeName, bytes: Uint8Array, wireLength: number): void {
  const whole = decodePacket(bytes, link, { wireLength });
  for (const layer of whole.layers) layer.toObject();
  whole.summary();
  whole.checksums();
  if (random(4) === 0) whole.tree();
}

while (rounds-- > 0) {
  const [protocol, start, end] = fill();
  // A view with other bytes around it, and the same bytes alone: they must decode alike.
  const view = room.subarray(start, end);
  const bytes = random(2) === 0 ? view : view.slice();
  try {
    const link = LINKS[protocol];
    if (link !== undefined && random(2) === 0) packet(link, bytes, bytes.length + random(3) * random(100));
    header(protocol, bytes);
  } catch (error) {
    if (error instanceof WireError && error.offset >= 0 && error.offset <= bytes.length) counts.refused++;
    else {
      const told = error instanceof Error ? error.stack : String(error);
      process.stdout.write(`${protocol} ${Buffer.from(bytes).toString("hex")}\n${told}\n`);
      process.exit(1);
    }
  }
}

process.stdout.write(`${JSON.stringify(counts)}\n`);
