/** UDP headers: what is read, refused and written; against tshark and scapy. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, toHex } from "../../src/bytes/index.ts";
import { IpAddr, type Ipv4Addr, type Ipv6Addr } from "../../src/ip/index.ts";
import {
  type Between,
  decodeUdp,
  encodePacket,
  encodeUdp,
  type UdpFields,
  verifyUdp,
} from "../../src/wire/index.ts";
import { type Codec, checkCuts, checkHostile, refuses } from "./_codec.ts";
import { needsScapy, scapyBuild, scapyDissect } from "./_scapy.ts";
import { LINK, needsTshark, tsharkFields } from "./_tshark.ts";

const codec: Codec = { decode: decodeUdp, encode: encodeUdp };
const between = (src: string, dst: string): Between => ({ src: IpAddr.parse(src), dst: IpAddr.parse(dst) });
const four = between("10.0.0.1", "10.0.0.2");
const six = between("2001:db8::1", "2001:db8::2");

const ACCEPT: readonly (readonly [hex: string, fields: Required<UdpFields>])[] = [
  ["04d2 0035 000b abcd 616263", fields(1234, 53, 11, 0xabcd, "616263")],
  ["0000 ffff 0008 0000", fields(0, 65_535, 8, 0, "")],
  ["ffff 0001 000a 0000 6162 000000", fields(65_535, 1, 10, 0, "6162")],
  ["0007 0008 0000 ffff 616263", fields(7, 8, 0, 0xffff, "616263")],
];

function fields(srcPort: number, dstPort: number, length: number, checksum: number, payload: string) {
  return { srcPort, dstPort, length, checksum, payload: fromHex(payload) };
}

for (const [hex, expected] of ACCEPT) {
  test(`reads and writes ${hex}`, () => {
    const datagram = decodeUdp(fromHex(hex));
    assert.deepEqual(datagram.toObject(), expected);
    assert.equal(toHex(encodeUdp(expected)), toHex(fromHex(hex).subarray(0, datagram.end)));
  });
}

test("refuses what is no datagram", () => {
  const bytes = fromHex("04d2 0035 000b abcd 616263");
  for (let length = 0; length < 8; length++) {
    refuses(() => decodeUdp(bytes.subarray(0, length)), "TRUNCATED", length);
  }
  for (const length of [1, 7, 12, 255]) {
    const wrong = bytes.slice();
    wrong[5] = length;
    refuses(() => decodeUdp(wrong), "BAD_LENGTH", 4);
  }
  refuses(() => decodeUdp(bytes, 0, 10), "BAD_LENGTH", 4);
  assert.equal(toHex(decodeUdp(bytes, 0, 10, 11).payload), "6162");
});

test("hostile bytes", () => {
  checkHostile(
    codec,
    ACCEPT.map(([hex]) => fromHex(hex)),
  );
});

test("cut at every length", () => {
  checkCuts(codec, [fromHex("04d2 0035 000b abcd 616263"), fromHex("0000 ffff 0008 0000")]);
});

test("checksums: made, verified, absent, and never 0", () => {
  const payload = fromHex("616263");
  for (const addrs of [four, six]) {
    const datagram = decodeUdp(encodeUdp({ srcPort: 1, dstPort: 2, payload }, addrs));
    assert.equal(verifyUdp(datagram, addrs), true);
    assert.equal(verifyUdp(datagram, { src: addrs.src, dst: addrs.src }), false);
    const wrong = decodeUdp(encodeUdp({ ...datagram.toObject(), checksum: datagram.checksum ^ 1 }));
    assert.equal(verifyUdp(wrong, addrs), false);
  }
  assert.equal(verifyUdp(decodeUdp(encodeUdp({ dstPort: 2, payload })), four), undefined);
  // The two bytes make the sum all ones, of which the complement is 0: it is sent as ffff.
  const unsummed = decodeUdp(encodeUdp({ dstPort: 0, payload: fromHex("0000"), checksum: 0 }));
  for (let word = 0; word <= 0xffff; word++) {
    unsummed.payload.set([word >>> 8, word & 0xff]);
    const { checksum } = decodeUdp(encodeUdp({ dstPort: 0, payload: unsummed.payload }, four));
    assert.notEqual(checksum, 0);
    if (checksum === 0xffff) return;
  }
  assert.fail("no payload has the checksum ffff");
});

test("a jumbogram has no length", () => {
  const payload = new Uint8Array(70_000);
  const datagram = decodeUdp(encodeUdp({ srcPort: 1, dstPort: 2, payload }, six));
  assert.deepEqual([datagram.length, datagram.payload.length], [0, 70_000]);
  assert.equal(verifyUdp(datagram, six), true);
});

test("fields that cannot be are named", () => {
  const row = (wrong: object, message: RegExp): void => {
    assert.throws(() => encodeUdp({ dstPort: 1, ...wrong } as UdpFields), message);
  };
  row({ dstPort: undefined }, /^TypeError: udp\.dstPort: expected an integer 0 … 65535, got undefined/);
  row({ srcPort: 65_536 }, /^RangeError: udp\.srcPort: /);
  row({ length: -1 }, /^RangeError: udp\.length: /);
  row({ checksum: 0x10000 }, /^RangeError: udp\.checksum: /);
  row({ payload: "abc" }, /^TypeError: udp\.payload: /);
  assert.throws(() => encodeUdp(null as unknown as UdpFields), /^TypeError: udp: expected an object/);
  const mixed = { src: four.src, dst: six.dst };
  assert.throws(
    () => encodeUdp({ dstPort: 1 }, mixed),
    /^TypeError: src and dst: expected addresses of one family/,
  );
});

const PAIRS = [
  [0, 1],
  [1234, 60_000],
  [65_535, 65_535],
] as const;

test("tshark reads what we write, and finds the checksums good", needsTshark, () => {
  const packets = PAIRS.flatMap(([srcPort, dstPort], length) => {
    const udp = { srcPort, dstPort };
    const payload = Uint8Array.from({ length: length * 3 }, (_, at) => at);
    const [src, dst] = [four.src as Ipv4Addr, four.dst as Ipv4Addr];
    return [
      encodePacket([{ ipv4: { src, dst } }, { udp }], payload),
      encodePacket([{ ipv6: { src: six.src as Ipv6Addr, dst: six.dst as Ipv6Addr } }, { udp }], payload),
    ];
  });
  const told = tsharkFields(
    packets,
    ["udp.srcport", "udp.dstport", "udp.length", "udp.checksum.status", "udp.payload"],
    { linkType: LINK.raw },
  );
  for (const [index, row] of told.entries()) {
    const length = index >> 1;
    const [srcPort, dstPort] = PAIRS[length] as (typeof PAIRS)[number];
    const payload = Array.from({ length: length * 3 }, (_, at) => `0${at}`).join("");
    assert.deepEqual(
      Object.values(row).flat(),
      [`${srcPort}`, `${dstPort}`, `${8 + length * 3}`, "1", payload].filter((text) => text !== ""),
    );
  }
});

test("scapy's datagrams are read, and ours by scapy", needsScapy, () => {
  const built = scapyBuild([
    "IP(src='10.0.0.1', dst='10.0.0.2')/UDP(sport=1234, dport=53)/Raw(b'abc')",
    "IPv6(src='2001:db8::1', dst='2001:db8::2')/UDP(sport=1234, dport=60000)/Raw(b'abcd')",
  ]) as [Uint8Array, Uint8Array];
  const [first, second] = [decodeUdp(built[0], 20), decodeUdp(built[1], 40)];
  assert.deepEqual(
    [first.srcPort, first.dstPort, first.length, verifyUdp(first, four)],
    [1234, 53, 11, true],
  );
  assert.deepEqual([second.srcPort, second.dstPort, second.length], [1234, 60_000, 12]);
  assert.equal(verifyUdp(second, six), true);
  const ours = encodeUdp({ srcPort: 9, dstPort: 60_001, payload: fromHex("6162") }, four);
  const [layers] = scapyDissect([ours], "UDP");
  assert.deepEqual(layers?.[0]?.fields, {
    sport: 9,
    dport: 60_001,
    len: 10,
    chksum: decodeUdp(ours).checksum,
  });
});
