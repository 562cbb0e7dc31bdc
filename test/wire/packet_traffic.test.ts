/** Packets of real programs: what we read of each is what tshark reads, and our line is tcpdump's. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { toHex } from "../../src/bytes/index.ts";
import {
  CaptureReader,
  decodePacket,
  encodePacket,
  type Layer,
  type LayerFields,
  type LayerName,
  type LayerOf,
  type LinkTypeName,
  type Packet,
} from "../../src/wire/index.ts";
import { askEverything } from "./_codec.ts";
import { type Captured, captureTraffic, needsTraffic } from "./_traffic.ts";
import { LINK, needsTshark, tsharkFields } from "./_tshark.ts";

const skip = needsTraffic.skip || needsTshark.skip;

/** How a layer's values are told by tshark's field of that name; it tells of quoted packets as well. */
type Rows = { readonly [Name in LayerName]?: Readonly<Record<string, (layer: LayerOf<Name>) => unknown>> };

const FIELDS = {
  ethernet: {
    "eth.dst": ({ dst }) => `${dst}`,
    "eth.src": ({ src }) => `${src}`,
  },
  sll2: {
    "sll.pkttype": ({ packetType }) => packetType,
    "sll.hatype": ({ hardwareType }) => hardwareType,
    "sll.ifindex": ({ interfaceIndex }) => interfaceIndex,
    "sll.halen": ({ addressLength }) => addressLength,
  },
  arp: {
    "arp.opcode": ({ operation }) => operation,
    "arp.src.hw_mac": ({ senderHardware }) => `${senderHardware}`,
    "arp.src.proto_ipv4": ({ senderProtocol }) => `${senderProtocol}`,
    "arp.dst.hw_mac": ({ targetHardware }) => `${targetHardware}`,
    "arp.dst.proto_ipv4": ({ targetProtocol }) => `${targetProtocol}`,
  },
  ipv4: {
    "ip.hdr_len": ({ headerLength }) => headerLength,
    "ip.dsfield.dscp": ({ dscp }) => dscp,
    "ip.dsfield.ecn": ({ ecn }) => ecn,
    "ip.len": ({ totalLength }) => totalLength,
    "ip.id": ({ identification }) => identification,
    "ip.flags.df": ({ dontFragment }) => Number(dontFragment),
    "ip.flags.mf": ({ moreFragments }) => Number(moreFragments),
    "ip.frag_offset": ({ fragmentOffset }) => fragmentOffset / 8,
    "ip.ttl": ({ ttl }) => ttl,
    "ip.proto": ({ protocolNumber }) => protocolNumber,
    "ip.checksum": ({ checksum }) => checksum,
    "ip.src": ({ src }) => `${src}`,
    "ip.dst": ({ dst }) => `${dst}`,
  },
  ipv6: {
    "ipv6.tclass": ({ trafficClass }) => trafficClass,
    "ipv6.flow": ({ flowLabel }) => flowLabel,
    "ipv6.plen": ({ payloadLength }) => payloadLength,
    "ipv6.nxt": ({ nextHeader }) => nextHeader,
    "ipv6.hlim": ({ hopLimit }) => hopLimit,
    "ipv6.src": ({ src }) => `${src}`,
    "ipv6.dst": ({ dst }) => `${dst}`,
  },
  icmp: {
    "icmp.type": ({ typeNumber }) => typeNumber,
    "icmp.code": ({ code }) => code,
    "icmp.checksum": ({ checksum }) => checksum,
  },
  icmpv6: {
    "icmpv6.type": ({ typeNumber }) => typeNumber,
    "icmpv6.code": ({ code }) => code,
    "icmpv6.checksum": ({ checksum }) => checksum,
  },
  tcp: {
    "tcp.srcport": ({ srcPort }) => srcPort,
    "tcp.dstport": ({ dstPort }) => dstPort,
    "tcp.seq": ({ sequenceNumber }) => sequenceNumber,
    "tcp.ack": ({ acknowledgmentNumber }) => acknowledgmentNumber,
    "tcp.hdr_len": ({ headerLength }) => headerLength,
    "tcp.flags": ({ flags }) => flags,
    "tcp.window_size_value": ({ window }) => window,
    "tcp.checksum": ({ checksum }) => checksum,
    "tcp.urgent_pointer": ({ urgentPointer }) => urgentPointer,
  },
  udp: {
    "udp.srcport": ({ srcPort }) => srcPort,
    "udp.dstport": ({ dstPort }) => dstPort,
    "udp.length": ({ length }) => length,
    "udp.checksum": ({ checksum }) => checksum,
  },
} as const satisfies Rows;

/** tshark's numbers for what became of a checksum. */
const STATES = { right: 1, wrong: 0, unknown: 2, absent: 3 } as const;
const STATUS: Partial<Record<LayerName, string>> = {
  icmp: "icmp.checksum.status",
  icmpv6: "icmpv6.checksum.status",
  tcp: "tcp.checksum.status",
  udp: "udp.checksum.status",
};
const NAMES = [...Object.values(FIELDS).flatMap((rows) => Object.keys(rows)), ...Object.values(STATUS)];

/** The layers with those of the packets that they quote. */
function allLayers(packet: Packet): readonly Layer[] {
  const { quoted } = packet;
  return quoted ? [...packet.layers, ...allLayers(quoted)] : packet.layers;
}

function checkFields(packet: Packet, told: Readonly<Record<string, readonly string[]>>): number {
  const layers = allLayers(packet);
  let compared = 0;
  for (const [protocol, rows] of Object.entries(FIELDS)) {
    for (const [name, read] of Object.entries(rows)) {
      const ours = layers
        .filter((layer) => layer.protocol === protocol)
        .map((layer) => (read as (layer: Layer) => unknown)(layer));
      const theirs = (told[name] as readonly string[]).map((text, index) =>
        typeof ours[index] === "number" ? Number(text) : text,
      );
      assert.deepEqual(ours, theirs, `${name} of ${packet}`);
      compared += ours.length;
    }
  }
  return compared;
}

function checkChecksums(packet: Packet, told: Readonly<Record<string, readonly string[]>>): void {
  for (const { layer, state } of packet.checksums()) {
    const name = STATUS[layer.protocol];
    if (name) assert.equal(STATES[state], Number(told[name]?.[0]), `${name} of ${packet}`);
  }
}

/** All that was read makes the same packet again. */
function checkEncoding(packet: Packet): void {
  const layers = packet.layers.map((layer) => ({ [layer.protocol]: layer }) as unknown as LayerFields);
  const last = packet.layers.at(-1);
  // What an ICMP message carries is a field of its own.
  const payload = last && "typeNumber" in last ? undefined : packet.payload;
  const bytes = encodePacket(layers, payload);
  assert.equal(toHex(bytes) + toHex(packet.trailer), toHex(packet.bytes), `${packet}`);
}

const LINKS: readonly (readonly [name: "near" | "any", link: LinkTypeName, linkType: number])[] = [
  ["near", "ethernet", LINK.ethernet],
  ["any", "linux-sll2", LINK.linuxSll2],
];

describe("traffic of real programs", { skip }, () => {
  let traffic: Readonly<Record<"near" | "any", Captured>>;
  before(() => {
    traffic = captureTraffic();
  });

  for (const [name, link, linkType] of LINKS) {
    /** Each packet with tcpdump's line for it. */
    const packets = (): readonly Packet[] =>
      [...new CaptureReader().push(traffic[name].file)].map(
        ({ data, lengthBytes, interface: { linkType } }) => {
          assert.equal(linkType, link);
          return decodePacket(data, link, { wireLength: lengthBytes });
        },
      );

    test(`${link}: every packet is read to its end, as tshark reads it`, (t) => {
      const all = packets();
      const told = tsharkFields(
        all.map(({ bytes }) => bytes),
        NAMES,
        { linkType },
      );
      let compared = 0;
      for (const [index, packet] of all.entries()) {
        assert.equal(packet.error, undefined, `${packet}: ${packet.error?.message}`);
        assert.ok(packet.layers.length >= 2, `${packet}`);
        for (const layer of packet.layers) askEverything(layer);
        compared += checkFields(packet, told[index] as (typeof told)[number]);
        checkChecksums(packet, told[index] as (typeof told)[number]);
        checkEncoding(packet);
      }
      t.diagnostic(`${all.length} packets, ${compared} fields`);
      const seen = new Set(all.flatMap(allLayers).map(({ protocol }) => protocol));
      for (const protocol of ["arp", "ipv4", "ipv6", "icmp", "icmpv6", "tcp", "udp"] as const) {
        assert.ok(seen.has(protocol), `no ${protocol} in the traffic`);
      }
      assert.ok(
        all.some(({ quoted }) => quoted?.layer("udp")),
        "no quoted datagram in the traffic",
      );
      assert.ok(
        all.some((it) => it.layer("ipv4")?.moreFragments),
        "no IPv4 fragment in the traffic",
      );
      assert.ok(
        all.some((it) => it.layer("ipv6")?.moreFragments),
        "no IPv6 fragment in the traffic",
      );
    });

    test(`${link}: our lines are tcpdump's`, (t) => {
      const { lines } = traffic[name];
      const all = packets();
      assert.equal(lines.length, all.length);
      let equal = 0;
      for (const [index, packet] of all.entries()) {
        // For SLL2, tcpdump begins with the device and the direction.
        const line = (lines[index] as string).replace(/^\S+ +(?:In|Out|B|M|P) +/, "");
        assert.equal(packet.summary(), line.trimEnd());
        equal++;
      }
      t.diagnostic(`${equal} of ${lines.length} lines are equal`);
    });
  }
});
