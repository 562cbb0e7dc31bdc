/** Whole packets: layers, errors, quotes, checksums and lines; and made from the inside out. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fromHex, toHex } from "../../src/bytes/index.ts";
import { Ipv4Addr, Ipv6Addr, MacAddr } from "../../src/ip/index.ts";
import {
  decodePacket,
  encodePacket,
  type LayerFields,
  type LinkTypeName,
  type Packet,
  type TcpSegment,
  type TreeNode,
} from "../../src/wire/index.ts";
import { askEverything, hostile } from "./_codec.ts";
import { needsScapy, scapyBuild, scapyDissect } from "./_scapy.ts";
import { needsTcpdump, tcpdumpLines } from "./_tcpdump.ts";
import { LINK, needsTshark, tsharkFields } from "./_tshark.ts";

const ethernet = {
  ethernet: { dst: MacAddr.parse("02:00:00:00:00:02"), src: MacAddr.parse("02:00:00:00:00:01") },
};
const [a, b, c] = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map((text) => Ipv4Addr.parse(text)) as [
  Ipv4Addr,
  Ipv4Addr,
  Ipv4Addr,
];
const [six1, six2] = [Ipv6Addr.parse("2001:db8::1"), Ipv6Addr.parse("2001:db8::2")];
const ipv4 = { ipv4: { src: a, dst: b } };
const ipv6 = { ipv6: { src: six1, dst: six2 } };
const udp = { udp: { srcPort: 1000, dstPort: 2000 } };
const tcp = { tcp: { srcPort: 2000, dstPort: 80, sequenceNumber: 1, syn: true } };
const ping = { icmp: { type: "echoRequest", identifier: 1, sequenceNumber: 2 } } as const;
const ping6 = { icmpv6: { type: "echoRequest", identifier: 1, sequenceNumber: 2 } } as const;
const abc = fromHex("616263");

const names = (packet: Packet): string => packet.layers.map(({ protocol }) => protocol).join(" ");
const states = (packet: Packet): string =>
  packet
    .checksums()
    .map(({ layer, state }) => `${layer.protocol} ${state}`)
    .join(", ");

interface Row {
  readonly link: LinkTypeName;
  readonly layers: readonly LayerFields[];
  readonly names: string;
  readonly states: string;
}

const ROWS: readonly Row[] = [
  {
    link: "ethernet",
    layers: [ethernet, ipv4, tcp],
    names: "ethernet ipv4 tcp",
    states: "ipv4 right, tcp right",
  },
  { link: "ethernet", layers: [ethernet, ipv6, udp], names: "ethernet ipv6 udp", states: "udp right" },
  {
    link: "ethernet",
    layers: [ethernet, ipv4, ping],
    names: "ethernet ipv4 icmp",
    states: "ipv4 right, icmp right",
  },
  {
    link: "ethernet",
    layers: [ethernet, ipv6, ping6],
    names: "ethernet ipv6 icmpv6",
    states: "icmpv6 right",
  },
  { link: "ip", layers: [ipv4, udp], names: "ipv4 udp", states: "ipv4 right, udp right" },
  { link: "ip", layers: [ipv6, tcp], names: "ipv6 tcp", states: "tcp right" },
  { link: "ipv4", layers: [ipv4, ipv6, udp], names: "ipv4 ipv6 udp", states: "ipv4 right, udp right" },
  {
    link: "ipv6",
    layers: [ipv6, ipv4, ipv4, tcp],
    names: "ipv6 ipv4 ipv4 tcp",
    states: "ipv4 right, ipv4 right, tcp right",
  },
  {
    link: "linux-sll",
    layers: [{ sll: { packetType: 0 } }, ipv4, udp],
    names: "sll ipv4 udp",
    states: "ipv4 right, udp right",
  },
  {
    link: "linux-sll2",
    layers: [{ sll2: { packetType: 4, interfaceIndex: 2 } }, ipv6, udp],
    names: "sll2 ipv6 udp",
    states: "udp right",
  },
  { link: "null", layers: [{ null: {} }, ipv6, udp], names: "null ipv6 udp", states: "udp right" },
  {
    link: "null",
    layers: [{ null: { byteOrder: "big" } }, ipv4, udp],
    names: "null ipv4 udp",
    states: "ipv4 right, udp right",
  },
  {
    link: "ethernet",
    layers: [
      { ethernet: { ...ethernet.ethernet, tags: [{ tpid: 0x88a8, vlanId: 5 }, { vlanId: 7 }] } },
      ipv4,
      { udp: { ...udp.udp, checksum: 0 } },
    ],
    names: "ethernet ipv4 udp",
    states: "ipv4 right, udp absent",
  },
];

for (const { link, layers, names: expected, states: checksums } of ROWS) {
  test(`made and read: ${expected} of ${link}`, () => {
    const bytes = encodePacket(layers, abc);
    const packet = decodePacket(bytes, link);
    assert.equal(packet.error, undefined);
    assert.equal(names(packet), expected);
    assert.equal(states(packet), checksums);
    const again = encodePacket(
      packet.layers.map((layer) => ({ [layer.protocol]: layer }) as unknown as LayerFields),
    );
    assert.equal(toHex(again), toHex(bytes));
    assert.ok(packet.bytes === bytes && packet.layers.every((layer) => layer.bytes === bytes));
  });
}

test("a layer is found by its name, with its type", () => {
  const packet = decodePacket(encodePacket([ethernet, ipv4, { ipv4: { src: b, dst: c } }, tcp]), "ethernet");
  const segment: TcpSegment | undefined = packet.layer("tcp");
  assert.deepEqual([segment?.dstPort, segment?.syn], [80, true]);
  assert.equal(`${packet.layer("ipv4")?.src}`, "10.0.0.1", "the outermost");
  assert.equal(packet.layer("udp"), undefined);
});

test("what stops the decoding is told, and what was read before stays", () => {
  const row = (
    bytes: Uint8Array,
    expected: string,
    code?: string,
    protocol?: string,
    offset?: number,
  ): Packet => {
    const packet = decodePacket(bytes, "ethernet");
    const { error } = packet;
    assert.equal(names(packet), expected);
    assert.deepEqual([error?.code, error?.protocol, error?.offset], [code, protocol, offset]);
    return packet;
  };
  const bytes = encodePacket([ethernet, ipv4, udp], abc);
  const wrong = (at: number, value: number): Uint8Array => {
    const copy = bytes.slice();
    copy[at] = value;
    return copy;
  };
  row(bytes, "ethernet ipv4 udp");
  row(new Uint8Array(0), "", "TRUNCATED", "ethernet", 0);
  row(bytes.subarray(0, 13), "", "TRUNCATED", "ethernet", 13);
  row(bytes.subarray(0, 30), "ethernet", "TRUNCATED", "ipv4", 30);
  row(wrong(14, 0x65), "ethernet", "BAD_VALUE", "ipv4", 14);
  row(wrong(39, 99), "ethernet ipv4", "BAD_LENGTH", "udp", 38);
  assert.equal(toHex(row(wrong(23, 253), "ethernet ipv4").payload), toHex(bytes.subarray(34)));
  assert.equal(toHex(row(wrong(12, 0x99), "ethernet").payload), toHex(bytes.subarray(14)));
  assert.equal(decodePacket(new Uint8Array(0), "ip").error?.protocol, "ipv4");
  assert.equal(toHex(decodePacket(abc, "ethernet").payload), "616263", "the whole");
});

test("an extension header that is not whole stops the decoding", () => {
  const of = (hex: string, nextHeader: number, wireLength?: number): Packet => {
    const bytes = encodePacket([{ ipv6: { src: six1, dst: six2, nextHeader } }], fromHex(hex));
    return decodePacket(wireLength ? bytes.subarray(0, wireLength) : bytes, "ip", {
      wireLength: bytes.length,
    });
  };
  const told = ({ error }: Packet) => [error?.code, error?.offset];
  assert.deepEqual(told(of("1101 0104 00000000", 60)), ["BAD_LENGTH", 41]);
  assert.deepEqual(told(of("1100 0104", 60)), ["TRUNCATED", 44]);
  assert.deepEqual(told(of("1100 0104 00000000 03e8 07d0 0008 0000", 60, 46)), ["TRUNCATED", 46]);
  assert.equal(names(of("1100 0104 00000000 03e8 07d0 0008 0000", 60)), "ipv6 udp");
  assert.deepEqual(told(of("", 51)), ["TRUNCATED", 40]);
});

test("fragments: above IP only the first is read, and its checksum is unknown", () => {
  const of = (fields: object): Packet =>
    decodePacket(
      encodePacket([{ ipv4: { ...ipv4.ipv4, ...fields } }, { udp: { ...udp.udp, length: 3008 } }], abc),
      "ip",
    );
  assert.equal(names(of({ moreFragments: true })), "ipv4 udp");
  assert.equal(states(of({ moreFragments: true })), "ipv4 right, udp unknown");
  assert.equal(names(of({ fragmentOffset: 8 })), "ipv4");
  assert.equal(of({ fragmentOffset: 8 }).error, undefined);
  const of6 = (fragmentOffset: number, moreFragments: boolean): Packet => {
    const extensions = [{ name: "fragment", fragmentOffset, moreFragments, identification: 1 }] as const;
    const layers = [{ ipv6: { ...ipv6.ipv6, extensions } }, { udp: { ...udp.udp, length: 3008 } }];
    return decodePacket(encodePacket(layers, abc), "ip");
  };
  assert.equal(states(of6(0, true)), "udp unknown");
  assert.equal(names(of6(8, false)), "ipv6");
  assert.equal(of6(8, false).error, undefined);
  assert.equal(of6(8, false).summary(), "IP6 2001:db8::1 > 2001:db8::2: frag (8|11)");
});

test("a packet that was cut: its headers are judged by how long it was", () => {
  const bytes = encodePacket([ethernet, ipv4, tcp], new Uint8Array(100));
  const cut = decodePacket(bytes.subarray(0, 60), "ethernet", { wireLength: bytes.length });
  assert.equal(cut.error, undefined);
  assert.equal(states(cut), "ipv4 right, tcp unknown");
  assert.equal(cut.payload.length, 6);
  assert.equal(cut.summary(), decodePacket(bytes, "ethernet").summary());
  assert.equal(decodePacket(bytes.subarray(0, 60), "ethernet").error?.code, "BAD_LENGTH");
  for (let length = 0; length < bytes.length; length++) {
    const packet = decodePacket(bytes.subarray(0, length), "ethernet", { wireLength: bytes.length });
    const layers = length < 14 ? 0 : length < 34 ? 1 : length < 54 ? 2 : 3;
    assert.equal(packet.layers.length, layers);
    assert.equal(packet.error === undefined, layers === 3);
    askAll(packet);
  }
});

test("Ethernet's padding is a trailer", () => {
  const bytes = encodePacket([ethernet, ipv4, udp], abc);
  const padded = new Uint8Array(60);
  padded.set(bytes);
  const packet = decodePacket(padded, "ethernet");
  assert.deepEqual([toHex(packet.payload), packet.trailer.length], ["616263", 60 - bytes.length]);
  assert.equal(states(packet), "ipv4 right, udp right");
});

const unreachable = (quoted: Uint8Array): Uint8Array =>
  encodePacket([{ ipv4: { src: c, dst: a } }, { icmp: { type: "destinationUnreachable", code: 3, quoted } }]);

test("the packet that an ICMP error quotes", () => {
  const inner = encodePacket([ipv4, udp], new Uint8Array(100));
  const whole = decodePacket(unreachable(inner), "ip");
  const cut = decodePacket(unreachable(inner.subarray(0, 28)), "ip");
  for (const packet of [whole, cut]) {
    const { quoted } = packet;
    assert.equal(quoted?.error, undefined);
    assert.deepEqual([quoted && names(quoted), quoted?.layer("udp")?.dstPort], ["ipv4 udp", 2000]);
    assert.equal(quoted?.layer("ipv4")?.offset, 28, "offsets are those of the whole");
    assert.equal(
      packet.summary(),
      `IP 10.0.0.3 > 10.0.0.1: ICMP 10.0.0.2 udp port 2000 unreachable, length ${packet.bytes.length - 20}`,
    );
  }
  assert.equal(whole.quoted && states(whole.quoted), "ipv4 right, udp right");
  assert.equal(cut.quoted && states(cut.quoted), "ipv4 right, udp unknown");
  assert.equal(cut.quoted?.quoted, undefined);
  const [, , node] = cut.tree();
  assert.deepEqual(
    [node?.name, node?.offset, node?.lengthBytes, node?.children?.map(({ name }) => name)],
    ["quoted", 28, 28, ["ipv4", "udp"]],
  );
  const made = encodePacket([
    { ipv6: { src: six2, dst: six1 } },
    { icmpv6: { type: "packetTooBig", mtu: 1300 } },
    ipv6,
    udp,
  ] as const);
  const packet = decodePacket(made, "ip");
  assert.equal(packet.quoted && names(packet.quoted), "ipv6 udp");
  assert.equal(states(packet), "icmpv6 right");
});

test("errors that quote errors, and IP within IP, end", () => {
  let bytes = encodePacket([ipv4, udp]);
  while (bytes.length < 60_000) bytes = unreachable(bytes);
  const packet = decodePacket(bytes, "ip");
  askAll(packet);
  let depth = 0;
  for (let it: Packet | undefined = packet; it; it = it.quoted) depth++;
  assert.equal(depth, 1 + Math.ceil((60_000 - 28) / 28));
  const nested = decodePacket(encodePacket([...Array.from({ length: 20 }, () => ipv4), udp], abc), "ip");
  assert.equal(nested.layers.length, 8);
  assert.equal(nested.error, undefined);
  askAll(nested);
});

test("DHCP is read by its ports", () => {
  const of = (srcPort: number, dstPort: number, payload?: Uint8Array): Packet => {
    const dhcp = {
      dhcp: { op: "request", xid: 1, chaddr: MacAddr.parse("02:00:00:00:00:01"), options: [] },
    } as const;
    const layers = [ipv4, { udp: { srcPort, dstPort } }, ...(payload ? [] : [dhcp])];
    return decodePacket(encodePacket(layers, payload), "ip");
  };
  assert.equal(names(of(68, 67)), "ipv4 udp dhcp");
  assert.equal(names(of(67, 67)), "ipv4 udp dhcp");
  assert.equal(names(of(1000, 2000)), "ipv4 udp");
  assert.equal(states(of(68, 67)), "ipv4 right, udp right");
  assert.match(
    of(68, 67).summary(),
    /^IP 10\.0\.0\.1\.68 > 10\.0\.0\.2\.67: BOOTP\/DHCP, Request from 02:00:00:00:00:01, length \d+$/,
  );
  const other = of(68, 67, abc);
  assert.deepEqual([names(other), other.error?.protocol], ["ipv4 udp", "dhcp"]);
});

/** Asks a packet for everything. */
function askAll(packet: Packet): void {
  for (const layer of packet.layers) askEverything(layer);
  assert.doesNotMatch(packet.summary(), /undefined|NaN|\[object|\n/);
  const check = ({ offset, lengthBytes, text, children }: TreeNode): void => {
    assert.ok(offset >= 0 && offset + lengthBytes <= packet.bytes.length);
    assert.doesNotMatch(text, /undefined|NaN|\[object/);
    children?.forEach(check);
  };
  packet.tree().forEach(check);
  for (const { state } of packet.checksums()) assert.match(state, /^(right|wrong|absent|unknown)$/);
  assert.ok(packet.payload.length + packet.trailer.length <= packet.bytes.length);
}

test("hostile bytes", () => {
  for (const link of ["ethernet", "ip", "linux-sll", "linux-sll2", "null"] as const) {
    const valid = ROWS.filter((row) => row.link === link).map(({ layers }) => encodePacket(layers, abc));
    if (link === "ip") valid.push(unreachable(encodePacket([ipv4, tcp])));
    fc.assert(
      fc.property(hostile(valid), fc.option(fc.nat(100)), (bytes, more) => {
        askAll(decodePacket(bytes, link, { wireLength: bytes.length + (more ?? 0) }));
      }),
      { numRuns: 2000 },
    );
  }
});

test("arguments are checked", () => {
  assert.throws(
    () => decodePacket("" as unknown as Uint8Array, "ip"),
    /^TypeError: decodePacket: expected a Uint8Array/,
  );
  assert.throws(
    () => decodePacket(abc, "token-ring" as "ip"),
    /^TypeError: linkType: expected one of null, ethernet/,
  );
  assert.throws(
    () => decodePacket(abc, 1 as unknown as "ip"),
    /^TypeError: decodePacket: expected a link type/,
  );
  assert.throws(() => decodePacket(abc, "ip", { wireLength: 2 }), /^RangeError: decodePacket: wireLength: /);
  const wrong = (layers: unknown, message: RegExp): void => {
    assert.throws(() => encodePacket(layers as LayerFields[]), message);
  };
  wrong({}, /^TypeError: layers: expected an array/);
  wrong([{}], /^TypeError: layers\[0\]: expected an object with one of ethernet, .*got /);
  wrong([ipv4, { gre: {} }], /^TypeError: layers\[1\]: .*got gre/);
  wrong([{ ...ipv4, ...udp }], /^TypeError: layers\[0\]: .*got ipv4 and udp/);
  wrong([{ toString: {} }], /^TypeError: layers\[0\]: /);
  wrong([{ ipv4: 7 }], /^TypeError: ipv4: expected an object of fields, got 7/);
  wrong([ipv4, { udp: { srcPort: 1 } }], /^TypeError: udp\.dstPort: /);
  wrong([{ ipv4: { src: a, dst: b } }], /^TypeError: ipv4\.protocolNumber: /);
  wrong([{ ipv4: { src: six1, dst: six2 } }, udp], /^TypeError: ipv4\.src: |^TypeError: .*Ipv4Addr/);
});

test("what is told is taken as it stands", () => {
  const bytes = encodePacket([
    { ethernet: { ...ethernet.ethernet, etherType: 0x88b5 } },
    { ipv4: { src: a, dst: b, protocolNumber: 253, checksum: 1, totalLength: 999 } },
    { udp: { dstPort: 7, checksum: 2, length: 9 } },
  ]);
  assert.deepEqual(
    [12, 16, 23, 24, 38, 40].map((at) => toHex(bytes.subarray(at, at + 2))),
    ["88b5", "03e7", "fd00", "0001", "0009", "0002"],
  );
});

const MACS = "Ether(src='02:00:00:00:00:01', dst='02:00:00:00:00:02')";
const V4 = "IP(src='10.0.0.1', dst='10.0.0.2'";
const V6 = "IPv6(src='2001:db8::1', dst='2001:db8::2'";
const QUOTE = "IP(src='10.0.0.9', dst='10.0.0.8')/UDP(sport=1000, dport=33434)/b'abcdefgh'";
const QUOTE6 = "IPv6(src='2001:db8::9', dst='2001:db8::8')/UDP(sport=1000, dport=33434)/b'abcdefgh'";

/** Packets whose lines are tcpdump's. */
const LINES: readonly string[] = [
  `${V4})/TCP(sport=1, dport=2, seq=1, flags='S', options=[('MSS', 1460), ('SAckOK', b''), ('Timestamp', (1, 0)), ('NOP', None), ('WScale', 7)])`,
  `${V4})/TCP(sport=1, dport=2, seq=4294967295, ack=7, flags='PA', window=1)/b'hello'`,
  `${V6})/TCP(sport=1, dport=2, seq=5, ack=6, flags='FPUEC', urgptr=3)`,
  `${V4})/UDP(sport=1000, dport=2000)/b'abc'`,
  `${V4}, flags='MF')/UDP(sport=1000, dport=2000, len=3000)/(b'x'*64)`,
  `${V4}, frag=10, proto=17)/Raw(b'x'*64)`,
  `${V4})/${QUOTE}`,
  `${V4}, proto=41)/${QUOTE6}`,
  `${V6})/${QUOTE6}`,
  `${V6}, nh=4)/${QUOTE}`,
  `${V6})/IPv6ExtHdrFragment(offset=0, m=1, nh=17)/UDP(sport=1000, dport=2000, len=3000)/(b'x'*64)`,
  `${V6})/IPv6ExtHdrFragment(offset=9, m=0, nh=17)/Raw(b'x'*64)`,
  `${V6})/IPv6ExtHdrHopByHop(options=[RouterAlert()])/UDP(sport=1000, dport=2000)/b'x'`,
  `${V6})/IPv6ExtHdrDestOpt()/TCP(sport=1000, dport=2000)`,
  `${V6})/IPv6ExtHdrRouting(addresses=['2001:db8::5'], segleft=1)/UDP(sport=1000, dport=2000)`,
  `${V6})/IPv6ExtHdrSegmentRouting(addresses=['2001:db8::5', '2001:db8::6'], segleft=1, lastentry=1)/UDP(sport=1000, dport=2000)`,
  `${V6}, nh=59)`,
  `${V6}, nh=51)/AH(spi=1, seq=2, payloadlen=4, nh=17, icv=bytes(range(12)))/UDP(sport=1, dport=2)`,
  `${V4})/ESP(spi=5, seq=6, data=b'x'*20)`,
  `${V6})/ESP(spi=5, seq=6, data=b'x'*20)`,
  "Dot1Q(vlan=7)/IP(src='10.0.0.1', dst='10.0.0.2')/UDP(sport=1000, dport=2000)/b'x'",
  "ARP(op=1, psrc='10.0.0.1', pdst='10.0.0.2', hwsrc='02:00:00:00:00:01', hwdst='00:00:00:00:00:00')/Padding(bytes(18))",
  "ARP(op=1, psrc='10.0.0.1', pdst='10.0.0.2', hwsrc='02:00:00:00:00:01', hwdst='02:00:00:00:00:02')",
  "ARP(op=2, psrc='10.0.0.1', pdst='10.0.0.2', hwsrc='02:00:00:00:00:01', hwdst='02:00:00:00:00:02')",
  "ARP(op=3, psrc='10.0.0.1', pdst='10.0.0.2', hwsrc='02:00:00:00:00:01', hwdst='02:00:00:00:00:02')",
  "ARP(op=4, psrc='10.0.0.1', pdst='10.0.0.2', hwsrc='02:00:00:00:00:01', hwdst='02:00:00:00:00:02')",
  "ARP(op=8, psrc='10.0.0.1', pdst='10.0.0.2', hwsrc='02:00:00:00:00:01', hwdst='02:00:00:00:00:02')",
  "ARP(op=9, psrc='10.0.0.1', pdst='10.0.0.2', hwsrc='02:00:00:00:00:01', hwdst='02:00:00:00:00:02')",
  "ARP(hwtype=32, hwlen=20, hwsrc=bytes(range(20)), hwdst=bytes(range(20)), op=1, psrc='10.0.0.1', pdst='10.0.0.2')",
  `${V4})/UDP(sport=68, dport=67)/BOOTP(chaddr=bytes([2,0,0,0,0,1]))/DHCP(options=[('message-type', 'discover'), 'end'])`,
  `${V4})/UDP(sport=67, dport=68)/BOOTP(op=2)/DHCP(options=[('message-type', 'offer'), 'end'])`,
  ...[0, 3, 5, 8, 11, 12].flatMap((type) =>
    (type === 3
      ? [0, 1, 2, 3, 4, 5, 13]
      : type === 5
        ? [0, 1]
        : type === 11 || type === 12
          ? [0, 1]
          : [0]
    ).map(
      (code) =>
        `${V4})/ICMP(type=${type}, code=${code}, id=1, seq=2, gw='10.0.0.7', nexthopmtu=1300)/Raw(bytes(${QUOTE}))`,
    ),
  ),
  ...[0, 2, 3, 4].map((code) => `${V6})/ICMPv6DestUnreach(code=${code})/Raw(bytes(${QUOTE6}))`),
  `${V6})/ICMPv6PacketTooBig(mtu=1300)/Raw(bytes(${QUOTE6}))`,
  `${V6})/ICMPv6TimeExceeded(code=0)/Raw(bytes(${QUOTE6}))`,
  `${V6})/ICMPv6ParamProblem(code=1, ptr=40)/Raw(bytes(${QUOTE6}))`,
  `${V6})/ICMPv6EchoRequest(id=1, seq=2)/b'abc'`,
  `${V6})/ICMPv6ND_RS()`,
  `${V6})/ICMPv6ND_RA()/ICMPv6NDOptPrefixInfo(prefix='2001:db8::')`,
  `${V6})/ICMPv6ND_NS(tgt='2001:db8::7')`,
  `${V6})/ICMPv6ND_NA(tgt='2001:db8::7')`,
  `${V4}, proto=2)/Raw(bytes([0x16, 0, 0, 0, 239, 1, 1, 1]))`,
  `${V4}, proto=2)/Raw(bytes([0x17, 0, 0, 0, 239, 1, 1, 1]))`,
];

test("our lines are tcpdump's", { skip: needsTcpdump.skip || needsScapy.skip }, () => {
  const packets = scapyBuild(LINES.map((text) => `${MACS}/${text}`));
  const lines = tcpdumpLines(packets, LINK.ethernet).map((line) => line.trimEnd());
  assert.deepEqual(
    packets.map((bytes) => decodePacket(bytes, "ethernet").summary()),
    lines,
  );
});

test("lines of what is not right say what is wrong", () => {
  const bytes = encodePacket([ethernet, ipv4, udp], abc);
  bytes[39] = 99;
  assert.equal(
    decodePacket(bytes, "ethernet").summary(),
    "IP 10.0.0.1 > 10.0.0.2: [udp: expected a Length of 8 … 11, got 99, at byte 38]",
  );
  assert.equal(
    decodePacket(bytes.subarray(0, 20), "ethernet").summary(),
    "02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype IPv4 (0x0800), length 20: [ipv4: expected at least 20 bytes, got 6, at byte 20]",
  );
  assert.equal(
    decodePacket(abc, "ethernet").summary(),
    "[ethernet: expected at least 14 bytes, got 3, at byte 3]",
  );
  const unknown = encodePacket([{ ethernet: { ...ethernet.ethernet, etherType: 0x88b5 } }], abc);
  assert.equal(
    decodePacket(unknown, "ethernet").summary(),
    "02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype Unknown (0x88b5), length 17",
  );
});

test("tshark finds nothing wrong with what we make", needsTshark, () => {
  const packets = ROWS.filter(({ link }) => link === "ethernet").map(({ layers }) =>
    encodePacket(layers, abc),
  );
  const told = tsharkFields(packets, [
    "frame.protocols",
    "ip.checksum.status",
    "tcp.checksum.status",
    "udp.checksum.status",
    "icmp.checksum.status",
    "icmpv6.checksum.status",
    "_ws.malformed",
  ]);
  assert.deepEqual(
    told.map((row) =>
      Object.entries(row).flatMap(([name, values]) => (name.endsWith("status") ? values : [])),
    ),
    [["1", "1"], ["1"], ["1", "1"], ["1"], ["1", "3"]],
  );
  assert.ok(told.every((row) => row["_ws.malformed"].length === 0));
});

test("scapy reads the layers that we make", needsScapy, () => {
  const tables = ROWS.filter(({ link }) => link === "ethernet");
  const scapyNames: Readonly<Record<string, string>> = {
    Ether: "ethernet",
    IP: "ipv4",
    IPv6: "ipv6",
    TCP: "tcp",
    UDP: "udp",
    ICMP: "icmp",
    ICMPv6EchoRequest: "icmpv6",
  };
  const dissected = scapyDissect(tables.map(({ layers }) => encodePacket(layers, abc)));
  for (const [index, layers] of dissected.entries()) {
    const found = layers.map(({ name }) => scapyNames[name]).filter((name) => name !== undefined);
    assert.equal(found.join(" "), tables[index]?.names);
  }
});
