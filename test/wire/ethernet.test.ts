/** Ethernet frames: what is read, refused and written; against tshark and scapy. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, toHex } from "../../src/bytes/index.ts";
import { MacAddr } from "../../src/ip/index.ts";
import { decodeEthernet, type EthernetFields, encodeEthernet } from "../../src/wire/index.ts";
import { type Codec, checkCuts, checkHostile, refuses } from "./_codec.ts";
import { needsScapy, scapyBuild, scapyDissect } from "./_scapy.ts";
import { needsTshark, tsharkFields } from "./_tshark.ts";

const codec: Codec = { decode: decodeEthernet, encode: encodeEthernet };
const dst = MacAddr.parse("02:00:00:00:00:02");
const src = MacAddr.parse("02:00:00:00:00:01");
const MACS = "020000000002 020000000001";

interface Accept {
  readonly name: string;
  readonly hex: string;
  readonly fields: Omit<EthernetFields, "dst" | "src" | "payload">;
  readonly payload: string;
}

const tag = (vlanId: number, priority = 0, dropEligible = false, tpid = 0x8100) => ({
  tpid,
  priority,
  dropEligible,
  vlanId,
});

const ACCEPT: readonly Accept[] = [
  {
    name: "Ethernet II",
    hex: `${MACS} 0800 4500`,
    fields: { tags: [], etherType: 0x0800, length: undefined },
    payload: "4500",
  },
  {
    name: "nothing behind the header",
    hex: `${MACS} 88b5`,
    fields: { tags: [], etherType: 0x88b5, length: undefined },
    payload: "",
  },
  {
    name: "the least EtherType",
    hex: `${MACS} 0600 00`,
    fields: { tags: [], etherType: 0x0600, length: undefined },
    payload: "00",
  },
  {
    name: "802.1Q",
    hex: `${MACS} 8100 b007 86dd 60`,
    fields: { tags: [tag(7, 5, true)], etherType: 0x86dd, length: undefined },
    payload: "60",
  },
  {
    name: "802.1ad around 802.1Q",
    hex: `${MACS} 88a8 0064 8100 efff 0806 01`,
    fields: { tags: [tag(100, 0, false, 0x88a8), tag(4095, 7)], etherType: 0x0806, length: undefined },
    payload: "01",
  },
  {
    name: "802.3 with a length, and padding behind it",
    hex: `${MACS} 0003 424203 000000`,
    fields: { tags: [], etherType: undefined, length: 3 },
    payload: "424203",
  },
  {
    name: "802.3 within a tag",
    hex: `${MACS} 8100 0001 0002 4242 00`,
    fields: { tags: [tag(1)], etherType: undefined, length: 2 },
    payload: "4242",
  },
];

for (const { name, hex, fields, payload } of ACCEPT) {
  test(`reads and writes: ${name}`, () => {
    const bytes = fromHex(hex);
    const frame = decodeEthernet(bytes);
    assert.deepEqual(frame.toObject(), { dst, src, ...fields, payload: fromHex(payload) });
    assert.equal(toHex(encodeEthernet(frame.toObject())), toHex(bytes.subarray(0, frame.end)));
  });
}

test("refuses what is cut, and a length that is too long", () => {
  for (let length = 0; length < 14; length++) {
    refuses(() => decodeEthernet(new Uint8Array(length)), "TRUNCATED", length);
  }
  refuses(() => decodeEthernet(fromHex(`${MACS} 8100 0001`)), "TRUNCATED", 16);
  refuses(() => decodeEthernet(fromHex(`${MACS} 88a8 0001 8100 0001 08`)), "TRUNCATED", 21);
  refuses(() => decodeEthernet(fromHex(`${MACS} 0004 424203`)), "BAD_LENGTH", 12);
  refuses(() => decodeEthernet(fromHex(`${MACS} 8100 0001 0002 42`)), "BAD_LENGTH", 16);
});

test("a frame that was cut is as long as is there", () => {
  const bytes = fromHex(`${MACS} 0004 424203`);
  assert.equal(toHex(decodeEthernet(bytes, 0, bytes.length, 18).payload), "424203");
});

test("LLC and SNAP", () => {
  const of = (hex: string) => decodeEthernet(fromHex(`${MACS} ${hex}`)).llc;
  assert.deepEqual(of("0003 424203"), { dsap: 0x42, ssap: 0x42, control: 3 });
  assert.deepEqual(of("0004 0e0e 0102"), { dsap: 14, ssap: 14, control: 0x0102 });
  assert.deepEqual(of("0008 aaaa03 00000c 2000"), {
    dsap: 0xaa,
    ssap: 0xaa,
    control: 3,
    oui: 12,
    protocolId: 0x2000,
  });
  assert.equal(of("0002 4242"), undefined);
  assert.equal(of("0800 424203"), undefined);
});

test("hostile bytes", () => {
  checkHostile(
    codec,
    ACCEPT.map(({ hex }) => fromHex(hex)),
  );
});

test("cut at every length", () => {
  checkCuts(codec, [
    fromHex(`${MACS} 0800 45000000`),
    fromHex(`${MACS} 88a8 0064 8100 efff 0806 0102`),
    fromHex(`${MACS} 8100 0001 0002 4242`),
  ]);
});

test("fields that cannot be are named", () => {
  const row = (fields: object, message: RegExp): void => {
    assert.throws(
      () => encodeEthernet({ dst, src, etherType: 0x0800, ...fields } as EthernetFields),
      message,
    );
  };
  row({ dst: "02:00:00:00:00:02" }, /^TypeError: ethernet\.dst: expected a MacAddr/);
  row({ etherType: 0x05ff }, /^RangeError: ethernet\.etherType: expected at least 1536, got 1535/);
  row({ etherType: 0x10000 }, /^RangeError: ethernet\.etherType: /);
  row({ length: 3 }, /^TypeError: ethernet: expected either etherType or length/);
  row({ etherType: undefined, length: 1536 }, /^RangeError: ethernet\.length: expected at most 1535/);
  row({ etherType: undefined, payload: new Uint8Array(1536) }, /^RangeError: ethernet\.length: /);
  row({ tags: [{ vlanId: 4096 }] }, /^RangeError: ethernet\.tags\[0\]\.vlanId: expected an integer 0 … 4095/);
  row({ tags: [{ vlanId: 1, priority: 8 }] }, /^RangeError: ethernet\.tags\[0\]\.priority: /);
  row({ tags: 7 }, /^TypeError: ethernet\.tags: expected an array/);
  row({ payload: [1] }, /^TypeError: ethernet\.payload: /);
});

test("tshark reads what we write", needsTshark, () => {
  const frames = ACCEPT.map(({ hex }) => decodeEthernet(fromHex(hex)));
  // 802.1ad's tags have fields of their own.
  const told = tsharkFields(
    frames.map((frame) => encodeEthernet(frame.toObject())),
    [
      "eth.dst",
      "eth.src",
      "eth.type",
      "eth.len",
      "ieee8021ad.id",
      "ieee8021ad.priority",
      "ieee8021ad.dei",
      "ieee8021ah.etype",
      "vlan.id",
      "vlan.priority",
      "vlan.dei",
      "vlan.etype",
      "vlan.len",
    ],
  );
  for (const [index, frame] of frames.entries()) {
    const row = told[index] as (typeof told)[number];
    const numbers = (...names: (keyof typeof row)[]) => names.flatMap((name) => row[name].map(Number));
    assert.deepEqual([row["eth.dst"], row["eth.src"]], [[`${frame.dst}`], [`${frame.src}`]]);
    const types = [...frame.tags.map(({ tpid }) => tpid), ...(frame.etherType ? [frame.etherType] : [])];
    assert.deepEqual(numbers("eth.type", "ieee8021ah.etype", "vlan.etype"), types);
    assert.deepEqual(
      numbers("ieee8021ad.id", "vlan.id"),
      frame.tags.map(({ vlanId }) => vlanId),
    );
    assert.deepEqual(
      numbers("ieee8021ad.priority", "vlan.priority"),
      frame.tags.map(({ priority }) => priority),
    );
    assert.deepEqual(
      numbers("ieee8021ad.dei", "vlan.dei"),
      frame.tags.map(({ dropEligible }) => Number(dropEligible)),
    );
    assert.deepEqual(numbers("eth.len", "vlan.len"), frame.length === undefined ? [] : [frame.length]);
  }
});

test("scapy's frames are read, and ours by scapy", needsScapy, () => {
  const macs = "src='02:00:00:00:00:01', dst='02:00:00:00:00:02'";
  const built = scapyBuild([
    `Ether(${macs}, type=0x88b5)/Raw(b'abc')`,
    `Ether(${macs})/Dot1Q(vlan=7, prio=5, id=1, type=0x88b5)/Raw(b'abc')`,
    `Ether(${macs})/Dot1AD(vlan=100, prio=1)/Dot1Q(vlan=4095, prio=7, type=0x88b5)/Raw(b'abc')`,
  ]);
  const tags = built.map((bytes) => decodeEthernet(bytes).tags);
  assert.deepEqual(tags, [[], [tag(7, 5, true)], [tag(100, 1, false, 0x88a8), tag(4095, 7)]]);
  for (const bytes of built) {
    const frame = decodeEthernet(bytes);
    assert.deepEqual([frame.etherType, toHex(frame.payload)], [0x88b5, "616263"]);
  }
  const [layers] = scapyDissect([
    encodeEthernet({ dst, src, tags: [tag(9, 3, true, 0x88a8), tag(10, 2)], etherType: 0x88b5 }),
  ]);
  assert.deepEqual(
    layers?.map(({ name, fields: { prio, vlan, type } }) => [name, prio, vlan, type]),
    [
      ["Ether", undefined, undefined, 0x88a8],
      ["Dot1AD", 3, 9, 0x8100],
      ["Dot1Q", 2, 10, 0x88b5],
    ],
  );
});
