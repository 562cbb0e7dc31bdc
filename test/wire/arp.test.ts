/** ARP packets: what is read, refused and written; against tshark and scapy. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, toHex } from "../../src/bytes/index.ts";
import { Ipv4Addr, MacAddr } from "../../src/ip/index.ts";
import { type ArpFields, decodeArp, encodeArp, encodeEthernet } from "../../src/wire/index.ts";
import { type Codec, checkCuts, checkHostile, refuses } from "./_codec.ts";
import { needsScapy, scapyBuild, scapyDissect } from "./_scapy.ts";
import { needsTshark, tsharkFields } from "./_tshark.ts";

const codec: Codec = { decode: decodeArp, encode: encodeArp };
const mac = (text: string) => MacAddr.parse(text);
const ip = (text: string) => Ipv4Addr.parse(text);

interface Accept {
  readonly name: string;
  readonly hex: string;
  readonly fields: Required<ArpFields>;
}

const ACCEPT: readonly Accept[] = [
  {
    name: "a request",
    hex: "0001 0800 06 04 0001 020000000001 0a000001 000000000000 0a000002",
    fields: {
      hardwareType: 1,
      protocolType: 0x0800,
      hardwareLength: 6,
      protocolLength: 4,
      operation: 1,
      senderHardware: mac("02:00:00:00:00:01"),
      senderProtocol: ip("10.0.0.1"),
      targetHardware: MacAddr.UNSPECIFIED,
      targetProtocol: ip("10.0.0.2"),
    },
  },
  {
    name: "a reply with padding behind it",
    hex: "0001 0800 06 04 0002 020000000002 0a000002 020000000001 0a000001 000000000000000000000000000000000000",
    fields: {
      hardwareType: 1,
      protocolType: 0x0800,
      hardwareLength: 6,
      protocolLength: 4,
      operation: 2,
      senderHardware: mac("02:00:00:00:00:02"),
      senderProtocol: ip("10.0.0.2"),
      targetHardware: mac("02:00:00:00:00:01"),
      targetProtocol: ip("10.0.0.1"),
    },
  },
  {
    name: "other hardware and another protocol, as bytes",
    hex: "0020 86dd 02 03 0009 a1a2 b1b2b3 c1c2 d1d2d3",
    fields: {
      hardwareType: 32,
      protocolType: 0x86dd,
      hardwareLength: 2,
      protocolLength: 3,
      operation: 9,
      senderHardware: fromHex("a1a2"),
      senderProtocol: fromHex("b1b2b3"),
      targetHardware: fromHex("c1c2"),
      targetProtocol: fromHex("d1d2d3"),
    },
  },
  {
    name: "no addresses at all",
    hex: "0001 0800 00 00 ffff",
    fields: {
      hardwareType: 1,
      protocolType: 0x0800,
      hardwareLength: 0,
      protocolLength: 0,
      operation: 0xffff,
      senderHardware: new Uint8Array(0),
      senderProtocol: new Uint8Array(0),
      targetHardware: new Uint8Array(0),
      targetProtocol: new Uint8Array(0),
    },
  },
];

for (const { name, hex, fields } of ACCEPT) {
  test(`reads and writes: ${name}`, () => {
    const bytes = fromHex(hex);
    const packet = decodeArp(bytes);
    assert.deepEqual(packet.toObject(), fields);
    assert.equal(toHex(encodeArp(fields)), toHex(bytes.subarray(0, packet.end)));
    assert.equal(packet.payload.length, 0);
  });
}

test("refuses what is cut", () => {
  for (let length = 0; length < 28; length++) {
    const cut = fromHex(ACCEPT[0]?.hex as string).subarray(0, length);
    refuses(() => decodeArp(cut), "TRUNCATED", length);
  }
  refuses(() => decodeArp(fromHex("0001 0800 ff ff 0001 00")), "TRUNCATED", 9);
});

test("what is left out is filled in", () => {
  const asked = encodeArp({
    operation: 1,
    senderHardware: mac("02:00:00:00:00:01"),
    senderProtocol: ip("10.0.0.1"),
    targetProtocol: ip("10.0.0.2"),
  });
  assert.equal(toHex(asked), toHex(fromHex(ACCEPT[0]?.hex as string)));
});

test("hostile bytes", () => {
  checkHostile(
    codec,
    ACCEPT.map(({ hex }) => fromHex(hex)),
  );
});

test("cut at every length", () => {
  checkCuts(
    codec,
    ACCEPT.map(({ hex, fields: { hardwareLength, protocolLength } }) =>
      fromHex(hex).subarray(0, 8 + 2 * ((hardwareLength as number) + (protocolLength as number))),
    ),
  );
});

test("fields that cannot be are named", () => {
  const { fields } = ACCEPT[0] as Accept;
  const row = (wrong: object, message: RegExp): void => {
    assert.throws(() => encodeArp({ ...fields, ...wrong } as ArpFields), message);
  };
  row({ operation: -1 }, /^RangeError: arp\.operation: expected an integer 0 … 65535, got -1/);
  row({ operation: "request" }, /^TypeError: arp\.operation: /);
  row(
    { senderProtocol: "10.0.0.1" },
    /^TypeError: arp\.senderProtocol: expected an Ipv4Addr, or bytes, got 10/,
  );
  row({ targetHardware: 1 }, /^TypeError: arp\.targetHardware: expected a MacAddr/);
  row({ hardwareLength: 256 }, /^RangeError: arp\.hardwareLength: /);
});

test("tshark reads what we write", needsTshark, () => {
  const packets = [0, 1].map((index) => ACCEPT[index]?.fields as Required<ArpFields>);
  const [dst, src] = [MacAddr.BROADCAST, mac("02:00:00:00:00:01")];
  const told = tsharkFields(
    packets.map((fields) => encodeEthernet({ dst, src, etherType: 0x0806, payload: encodeArp(fields) })),
    [
      "arp.hw.type",
      "arp.proto.type",
      "arp.hw.size",
      "arp.proto.size",
      "arp.opcode",
      "arp.src.hw_mac",
      "arp.src.proto_ipv4",
      "arp.dst.hw_mac",
      "arp.dst.proto_ipv4",
    ],
  );
  for (const [index, fields] of packets.entries()) {
    assert.deepEqual(Object.values(told[index] ?? {}).flat(), [
      "1",
      "0x0800",
      "6",
      "4",
      `${fields.operation}`,
      `${fields.senderHardware}`,
      `${fields.senderProtocol}`,
      `${fields.targetHardware}`,
      `${fields.targetProtocol}`,
    ]);
  }
});

test("scapy's packets are read, and ours by scapy", needsScapy, () => {
  const [built] = scapyBuild([
    "ARP(op='is-at', hwsrc='02:00:00:00:00:01', psrc='10.0.0.1', hwdst='02:00:00:00:00:02', pdst='10.0.0.2')",
  ]) as [Uint8Array];
  const packet = decodeArp(built);
  assert.deepEqual(
    [packet.operation, `${packet.senderHardware}`, `${packet.senderProtocol}`, `${packet.targetHardware}`],
    [2, "02:00:00:00:00:01", "10.0.0.1", "02:00:00:00:00:02"],
  );
  assert.equal(`${packet.targetProtocol}`, "10.0.0.2");
  const [layers] = scapyDissect([encodeArp((ACCEPT[0] as Accept).fields)], "ARP");
  assert.deepEqual(layers?.[0]?.fields, {
    hwtype: 1,
    ptype: 0x0800,
    hwlen: 6,
    plen: 4,
    op: 1,
    hwsrc: "02:00:00:00:00:01",
    psrc: "10.0.0.1",
    hwdst: "00:00:00:00:00:00",
    pdst: "10.0.0.2",
  });
});
