/** Linux cooked and BSD loopback headers: what is read, refused and written; against tshark and scapy. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, toHex } from "../../src/bytes/index.ts";
import { MacAddr } from "../../src/ip/index.ts";
import {
  decodeNull,
  decodeSll,
  decodeSll2,
  encodeNull,
  encodeSll,
  encodeSll2,
  type Sll2Fields,
  type SllFields,
} from "../../src/wire/index.ts";
import { type Codec, checkCuts, checkHostile, refuses } from "./_codec.ts";
import { needsScapy, scapyBuild } from "./_scapy.ts";
import { LINK, needsTshark, tsharkFields } from "./_tshark.ts";

const sll: Codec = { decode: decodeSll, encode: encodeSll };
const sll2: Codec = { decode: decodeSll2, encode: encodeSll2 };
const loopback: Codec = { decode: decodeNull, encode: encodeNull };
const mac = MacAddr.parse("02:00:00:00:00:01");
const none = new Uint8Array(0);
const tags = [
  { tpid: 0x88a8, priority: 1, dropEligible: false, vlanId: 5 },
  { tpid: 0x8100, priority: 0, dropEligible: true, vlanId: 7 },
];

const SLL: readonly (readonly [name: string, hex: string, fields: Required<SllFields>])[] = [
  [
    "to us, of an Ethernet device",
    "0000 0001 0006 020000000001 0000 0800 45",
    {
      packetType: 0,
      hardwareType: 1,
      addressLength: 6,
      address: mac,
      unused: fromHex("0000"),
      tags: [],
      protocolType: 0x0800,
      payload: fromHex("45"),
    },
  ],
  [
    "from us, of a device without addresses, whose bytes are not zero",
    "0004 fffe 0000 a1a2a3a4a5a6a7a8 86dd",
    {
      packetType: 4,
      hardwareType: 0xfffe,
      addressLength: 0,
      address: none,
      unused: fromHex("a1a2a3a4a5a6a7a8"),
      tags: [],
      protocolType: 0x86dd,
      payload: none,
    },
  ],
  [
    "an address of more than the eight bytes that have room, and VLAN tags",
    "0001 0020 0014 0102030405060708 88a8 2005 8100 1007 0800 45",
    {
      packetType: 1,
      hardwareType: 32,
      addressLength: 20,
      address: fromHex("0102030405060708"),
      unused: none,
      tags,
      protocolType: 0x0800,
      payload: fromHex("45"),
    },
  ],
];

const SLL2: readonly (readonly [name: string, hex: string, fields: Required<Sll2Fields>])[] = [
  [
    "loopback",
    "0800 0000 00000001 0304 00 06 000000000000 0000 45",
    {
      packetType: 0,
      hardwareType: 772,
      addressLength: 6,
      address: MacAddr.UNSPECIFIED,
      unused: fromHex("0000"),
      tags: [],
      protocolType: 0x0800,
      reserved: 0,
      interfaceIndex: 1,
      payload: fromHex("45"),
    },
  ],
  [
    "VLAN tags, a large index, and reserved bytes that are not zero",
    "88a8 0102 ffffffff 0001 03 06 020000000001 0304 2005 8100 1007 86dd",
    {
      packetType: 3,
      hardwareType: 1,
      addressLength: 6,
      address: mac,
      unused: fromHex("0304"),
      tags,
      protocolType: 0x86dd,
      reserved: 0x0102,
      interfaceIndex: 0xffffffff,
      payload: none,
    },
  ],
];

for (const [name, hex, fields] of SLL) {
  test(`SLL, reads and writes: ${name}`, () => {
    assert.deepEqual(decodeSll(fromHex(hex)).toObject(), fields);
    assert.equal(toHex(encodeSll(fields)), toHex(fromHex(hex)));
  });
}

for (const [name, hex, fields] of SLL2) {
  test(`SLL2, reads and writes: ${name}`, () => {
    assert.deepEqual(decodeSll2(fromHex(hex)).toObject(), fields);
    assert.equal(toHex(encodeSll2(fields)), toHex(fromHex(hex)));
  });
}

test("a loopback header in either byte order", () => {
  const rows = [
    ["02000000", 2, "little", 4],
    ["00000002", 2, "big", 4],
    ["0a000000", 10, "little", 6],
    ["1e000000", 30, "little", 6],
    ["0000001c", 28, "big", 6],
    ["00000000", 0, "big", undefined],
    ["01020304", 0x04030201, "little", undefined],
  ] as const;
  for (const [hex, family, byteOrder, version] of rows) {
    const header = decodeNull(fromHex(`${hex}45`));
    assert.deepEqual(header.toObject(), { family, byteOrder, payload: fromHex("45") });
    assert.equal(header.ipVersion, version);
    assert.equal(toHex(encodeNull(header.toObject())), `${hex}45`);
  }
});

test("refuses what is cut", () => {
  for (let length = 0; length < 16; length++)
    refuses(() => decodeSll(new Uint8Array(length)), "TRUNCATED", length);
  for (let length = 0; length < 20; length++)
    refuses(() => decodeSll2(new Uint8Array(length)), "TRUNCATED", length);
  for (let length = 0; length < 4; length++)
    refuses(() => decodeNull(new Uint8Array(length)), "TRUNCATED", length);
  const tagged = fromHex(SLL[2]?.[1] as string);
  for (const length of [16, 19, 20, 23]) {
    refuses(() => decodeSll(tagged.subarray(0, length)), "TRUNCATED", length);
  }
});

test("hostile bytes", () => {
  checkHostile(
    sll,
    SLL.map(([, hex]) => fromHex(hex)),
  );
  checkHostile(
    sll2,
    SLL2.map(([, hex]) => fromHex(hex)),
  );
  checkHostile(loopback, [fromHex("0200000045")], 500);
});

test("cut at every length", () => {
  checkCuts(
    sll,
    SLL.map(([, hex]) => fromHex(hex)),
  );
  checkCuts(
    sll2,
    SLL2.map(([, hex]) => fromHex(hex)),
  );
  checkCuts(loopback, [fromHex("0200000045")]);
});

test("fields that cannot be are named", () => {
  const fields = { packetType: 0, protocolType: 0x0800, interfaceIndex: 1 };
  assert.equal(encodeSll(fields).length, 16);
  const row = (wrong: object, message: RegExp): void => {
    assert.throws(() => encodeSll2({ ...fields, ...wrong } as Sll2Fields), message);
  };
  row({ packetType: 256 }, /^RangeError: sll2\.packetType: /);
  row({ interfaceIndex: undefined }, /^TypeError: sll2\.interfaceIndex: expected an integer/);
  row({ address: new Uint8Array(9) }, /^RangeError: sll2\.address: expected at most 8 bytes/);
  row({ address: mac, unused: new Uint8Array(3) }, /^RangeError: sll2\.address: .*got 9/);
  row({ address: "02:00:00:00:00:01" }, /^TypeError: sll2\.address: /);
  assert.throws(
    () => encodeNull({ family: 2, byteOrder: "middle" as "big" }),
    /^TypeError: null\.byteOrder: /,
  );
});

test("tshark reads what we write", needsTshark, () => {
  const [first] = tsharkFields(
    [encodeSll((SLL[0] as (typeof SLL)[0])[2])],
    ["sll.pkttype", "sll.hatype", "sll.halen", "sll.src.eth", "sll.etype"],
    { linkType: LINK.linuxSll },
  );
  assert.deepEqual(Object.values(first ?? {}).flat(), ["0", "1", "6", "02:00:00:00:00:01", "0x0800"]);
  const [second] = tsharkFields(
    [encodeSll2((SLL2[1] as (typeof SLL2)[0])[2])],
    [
      "sll.pkttype",
      "sll.hatype",
      "sll.halen",
      "sll.src.eth",
      "sll.ifindex",
      "ieee8021ad.id",
      "vlan.id",
      "vlan.etype",
    ],
    { linkType: LINK.linuxSll2 },
  );
  assert.deepEqual(Object.values(second ?? {}).flat(), [
    "3",
    "1",
    "6",
    "02:00:00:00:00:01",
    "4294967295",
    "5",
    "7",
    "0x86dd",
  ]);
  const [third] = tsharkFields([encodeNull({ family: 2 })], ["null.family"], { linkType: LINK.null });
  assert.deepEqual(third?.["null.family"], ["2"]);
});

test("scapy's headers are read", needsScapy, () => {
  const [first, second] = scapyBuild([
    "CookedLinux(pkttype=4, lladdrtype=1, lladdrlen=6, src=b'\\x02\\0\\0\\0\\0\\1\\0\\0', proto=0x86dd)",
    "CookedLinuxV2(pkttype=4, lladdrtype=1, lladdrlen=6, src=b'\\x02\\0\\0\\0\\0\\1\\0\\0', proto=0x86dd, ifindex=7)",
  ]) as [Uint8Array, Uint8Array];
  const { packetType, address, protocolType } = decodeSll(first);
  assert.deepEqual([packetType, `${address}`, protocolType], [4, `${mac}`, 0x86dd]);
  const header = decodeSll2(second);
  assert.deepEqual(
    [header.packetType, `${header.address}`, header.protocolType, header.interfaceIndex],
    [4, `${mac}`, 0x86dd, 7],
  );
});
