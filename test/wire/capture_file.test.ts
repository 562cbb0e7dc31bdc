/** Capture files: what we write is read by tshark and tcpdump, what they write by us; and hostile files. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import {
  type CapturedPacket,
  CaptureReader,
  PACKET_HEAD_LEN,
  PcapngWriter,
  PcapWriter,
  WireError,
} from "../../src/wire/index.ts";

const folder = mkdtempSync(join(tmpdir(), "windsock-capture-"));
after(() => rmSync(folder, { recursive: true }));

const has = (program: string): boolean => spawnSync(program, ["-v"]).error === undefined;
const noTshark = has("tshark") ? false : "tshark is not installed";
const noEditcap = has("editcap") ? false : "editcap is not installed";
const noTcpdump =
  spawnSync("tcpdump", ["--version"]).error === undefined ? false : "tcpdump is not installed";

/** An Ethernet frame with a UDP datagram of `length` bytes in an IPv4 packet. */
function frame(length: number): Uint8Array {
  const bytes = new Uint8Array(42 + length).fill(0x61);
  const head = [
    "020000000001 020000000002 0800",
    "4500 0000 0000 4000 4011 0000 0a000001 0a000002",
    "0fa0 0fa1 0000 0000",
  ];
  bytes.set(Buffer.from(head.join("").replaceAll(" ", ""), "hex"));
  const view = new DataView(bytes.buffer);
  view.setUint16(16, 28 + length);
  view.setUint16(38, 8 + length);
  return bytes;
}

const T0 = 1_700_000_000_123_456_789n;

interface Row {
  readonly timestampNs: bigint;
  readonly data: Uint8Array;
  readonly lengthBytes: number;
}

const ROWS: readonly Row[] = [0, 1, 2, 3, 1000].map((length, index) => ({
  timestampNs: T0 + BigInt(index) * 1_000_000_007n,
  data: frame(length),
  lengthBytes: frame(length).length + (index === 4 ? 400 : 0),
}));

function pcapng(): Uint8Array {
  const writer = new PcapngWriter();
  const parts = [writer.section({ application: "test", os: "Linux", comment: "a section" })];
  const eth = writer.interface({ linkType: "ethernet", snapLength: 1500, name: "veth0", filter: "udp" });
  const ip = writer.interface({ linkType: "ip", snapLength: 0, name: "tun0", description: "a tunnel" });
  assert.deepEqual([eth.id, ip.id], [0, 1]);
  parts.push(eth.bytes, ip.bytes);
  for (const row of ROWS) parts.push(writer.packet(row));
  parts.push(
    writer.packet({
      interfaceId: 1,
      timestampNs: T0,
      data: frame(5).subarray(14),
      direction: "outbound",
      dropped: 3n,
      comment: "without Ethernet",
    }),
    writer.statistics(0, { timestampNs: T0, received: 5n, dropped: 0n }),
  );
  return Uint8Array.from(Buffer.concat(parts));
}

function pcap(resolution: "us" | "ns"): Uint8Array {
  const writer = new PcapWriter({ linkType: "ethernet", resolution });
  const parts = [
    writer.header(),
    ...ROWS.map((row) => writer.packet(row.timestampNs, row.data, row.lengthBytes)),
  ];
  return Uint8Array.from(Buffer.concat(parts));
}

/** Reads a file that comes in pieces of `step` bytes. */
function readAll(file: Uint8Array, step: number = file.length): CapturedPacket[] {
  const reader = new CaptureReader();
  const packets: CapturedPacket[] = [];
  for (let at = 0; at < file.length; at += step) packets.push(...reader.push(file.subarray(at, at + step)));
  reader.end();
  return packets;
}

const rowsOf = (packets: readonly CapturedPacket[]): object[] =>
  packets.map(({ timestampNs, data, lengthBytes }) => ({
    timestampNs,
    data: Uint8Array.from(data),
    lengthBytes,
  }));

for (const step of [1, 7, 4096, 1_000_000]) {
  test(`pcapng: what was written is read, in pieces of ${step} bytes`, () => {
    const packets = readAll(pcapng(), step);
    assert.deepEqual(rowsOf(packets.slice(0, 5)), ROWS);
    assert.deepEqual(packets[0]?.interface, {
      linkType: "ethernet",
      snapLength: 1500,
      name: "veth0",
      filter: "udp",
    });
    const { interface: on, direction, dropped, comment, data } = packets[5] as CapturedPacket;
    assert.deepEqual(on, { linkType: "ip", snapLength: 0, name: "tun0", description: "a tunnel" });
    assert.deepEqual([direction, dropped, comment, data.length], ["outbound", 3n, "without Ethernet", 33]);
  });
}

test("pcap: what was written is read, in nanoseconds and in microseconds", () => {
  assert.deepEqual(rowsOf(readAll(pcap("ns"), 5)), ROWS);
  const us = ROWS.map((row) => ({ ...row, timestampNs: (row.timestampNs / 1000n) * 1000n }));
  assert.deepEqual(rowsOf(readAll(pcap("us"))), us);
});

test("packets are written into a buffer as they are made alone, where there is room, also with the time in two numbers", () => {
  const writer = new PcapngWriter();
  writer.section();
  writer.interface({ linkType: "ethernet", snapLength: 0 });
  for (const timestampNs of [0n, 1n, T0, 4_294_967_295_999_999_999n, 65_536_000_000_000n, 1_999_999_999n]) {
    for (const more of [{}, { direction: "inbound" as const }, { comment: "abcde", dropped: 7n }]) {
      const packet = { timestampNs, data: frame(3), ...more };
      const alone = writer.packet(packet);
      const room = new Uint8Array(alone.length + 13).fill(0xee);
      const time = [Number(timestampNs / 1_000_000_000n), Number(timestampNs % 1_000_000_000n)] as const;
      assert.equal(writer.packetInto(room, 13, { ...packet, timestampNs: time }), alone.length);
      assert.deepEqual(room.subarray(13), alone);
      assert.equal(writer.packetInto(room, 14, packet), 0);
      const around = new Uint8Array(alone.length - packet.data.length + 5).fill(0xee);
      assert.equal(writer.packetFrameInto(around, 5, packet), around.length - 5);
      const [head, tail] = [around.subarray(5, 5 + PACKET_HEAD_LEN), around.subarray(5 + PACKET_HEAD_LEN)];
      assert.deepEqual(Uint8Array.from([...head, ...packet.data, ...tail]), alone);
      assert.equal(writer.packetFrameInto(around, 6, packet), 0);
    }
  }
  assert.throws(
    () => writer.packet({ timestampNs: [1, 1e9], data: frame(0) }),
    /seconds and nanoseconds, got 1 and/,
  );
});

const SECONDS = (ns: bigint): string =>
  `${ns / 1_000_000_000n}.${(ns % 1_000_000_000n).toString().padStart(9, "0")}`;

for (const [name, file] of [
  ["pcapng", pcapng],
  ["pcap", () => pcap("ns")],
] as const) {
  test(`tshark reads our ${name}`, { skip: noTshark }, () => {
    const path = join(folder, `ours.${name}`);
    writeFileSync(path, file());
    const fields = ["frame.time_epoch", "frame.cap_len", "frame.len", "frame.interface_name", "udp.dstport"];
    const args = ["-r", path, "-T", "fields", ...fields.flatMap((field) => ["-e", field])];
    const lines = execFileSync("tshark", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    const rows = lines
      .trimEnd()
      .split("\n")
      .map((line) => line.split("\t"));
    const expected = ROWS.map((row) => [
      SECONDS(row.timestampNs),
      String(row.data.length),
      String(row.lengthBytes),
      name === "pcapng" ? "veth0" : "",
      "4001",
    ]);
    assert.deepEqual(rows.slice(0, 5), expected);
    assert.equal(rows.length, name === "pcapng" ? 6 : 5);
    if (name === "pcapng") assert.deepEqual(rows[5]?.slice(3), ["tun0", "4001"]);
  });
}

test("tcpdump reads our files", { skip: noTcpdump }, () => {
  // Of a pcapng file only the part with one link type: more than that it does not take.
  const ng = pcapng();
  const second =
    ng.length -
    blockLengths(ng)
      .slice(1 + 2 + ROWS.length)
      .reduce((sum, length) => sum + length, 0);
  const [shb, eth, ip] = blockLengths(ng) as [number, number, number];
  const single = Buffer.concat([ng.subarray(0, shb + eth), ng.subarray(shb + eth + ip, second)]);
  for (const file of [single, pcap("us"), pcap("ns")]) {
    const run = spawnSync("tcpdump", ["-nr", "-"], { input: file, encoding: "utf8" });
    assert.match(run.stdout, /10\.0\.0\.1\.4000 > 10\.0\.0\.2\.4001: UDP, length 1000/, run.stderr);
  }
});

/** The lengths of a file's blocks. */
function blockLengths(file: Uint8Array): number[] {
  const lengths: number[] = [];
  for (let at = 0; at < file.length; at += lengths.at(-1) as number)
    lengths.push(view(file).getUint32(at + 4, true));
  return lengths;
}

test("we read what editcap makes of it: both formats, other resolutions", { skip: noEditcap }, () => {
  const source = join(folder, "source.pcap");
  writeFileSync(source, pcap("ns"));
  for (const format of ["pcap", "nsecpcap", "pcapng"]) {
    const path = join(folder, `editcap.${format}`);
    execFileSync("editcap", ["-F", format, source, path]);
    const coarse = format === "pcap" ? 1000n : 1n;
    const expected = ROWS.map((row) => ({ ...row, timestampNs: (row.timestampNs / coarse) * coarse }));
    assert.deepEqual(rowsOf(readAll(readFileSync(path), 100)), expected, format);
  }
});

/** The blocks of a pcapng file in big-endian order, as `swap` says what its bodies are made of. */
function bigEndian(): Uint8Array {
  const hex = [
    "0a0d0d0a 0000001c 1a2b3c4d 0001 0000 ffffffffffffffff 0000001c", // section
    "00000001 00000030 0001 0000 00000000", // interface
    "0009 0001 83 000000", // 2^-… no: 0x83 is 2^-3
    "000e 0008 0000000000000064", // 100 s later
    "0000 0000 00000030",
    "00000006 00000024 00000000 00000000 00000011 00000002 0000003c abcd 0000 00000024", // 17 eighths of a second
    "00000003 00000014 00000004 01020304 00000014", // a simple packet
    "00000bad 0000000c 0000000c", // unknown: skipped
  ];
  const text = hex.join("").replaceAll(" ", "");
  return Uint8Array.from(Buffer.from(text, "hex"));
}

test("a big-endian file with a resolution of 2^-3 s, an offset, a simple packet and an unknown block", () => {
  const file = bigEndian();
  new DataView(file.buffer).setUint32(32, 0x2c); // the length of the interface's block
  new DataView(file.buffer).setUint32(28 + 0x2c - 4, 0x2c);
  const packets = readAll(file, 3);
  assert.equal(packets.length, 2);
  assert.equal(packets[0]?.timestampNs, 102_125_000_000n);
  assert.deepEqual([...(packets[0]?.data ?? [])], [0xab, 0xcd]);
  assert.equal(packets[0]?.lengthBytes, 60);
  assert.equal(packets[1]?.timestampNs, undefined);
  assert.deepEqual([...(packets[1]?.data ?? [])], [1, 2, 3, 4]);
});

const REJECTED: readonly [
  why: string,
  change: (file: Uint8Array) => Uint8Array,
  code: string,
  says: RegExp,
][] = [
  ["another magic", (f) => f.fill(7, 0, 4), "BAD_VALUE", /pcapng or pcap/],
  ["another byte-order magic", (f) => f.fill(7, 8, 12), "BAD_VALUE", /byte-order magic/],
  ["a block of 8 bytes", (f) => put(f, 4, 8), "BAD_LENGTH", /12 … /],
  ["a block of odd length", (f) => put(f, 4, 61), "BAD_LENGTH", /multiple of 4/],
  ["a block of 4 GiB", (f) => put(f, 4, 0xffff_fffc), "BAD_LENGTH", /got 4294967292/],
  ["the length is not repeated", (f) => put(f, view(f).getUint32(4, true) - 4, 12), "BAD_LENGTH", /again/],
  ["version 2", (f) => put(f, 12, 2), "BAD_VALUE", /version 1, got 2/],
];

const view = (file: Uint8Array): DataView => new DataView(file.buffer, file.byteOffset, file.length);
function put(file: Uint8Array, at: number, value: number): Uint8Array {
  view(file).setUint32(at, value, true);
  return file;
}

for (const [why, change, code, says] of REJECTED) {
  test(`pcapng: ${why}`, () => {
    assert.throws(
      () => readAll(change(pcapng())),
      (error) => error instanceof WireError && error.code === code && says.test(error.message),
    );
  });
}

test("a packet of an interface that was not described, and one that is longer than its block", () => {
  const first = (change: (at: number, file: Uint8Array) => void): (() => void) => {
    const file = pcapng();
    let at = 0;
    while (view(file).getUint32(at, true) !== 6) at += view(file).getUint32(at + 4, true);
    change(at, file);
    return () => readAll(file);
  };
  assert.throws(
    first((at, file) => put(file, at + 8, 2)),
    /described before, of which there are 2, got number 2/,
  );
  assert.throws(
    first((at, file) => put(file, at + 20, 2 ** 31)),
    /BAD_LENGTH|expected a block of type 6/,
  );
});

test("a pcap record of 4 GiB is refused, and nothing is reserved for it", () => {
  const file = pcap("us");
  put(file, 24 + 8, 0xffff_ffff);
  assert.throws(() => readAll(file), /at most 16777216 bytes, got 4294967295/);
});

test("a file that is cut anywhere gives the packets before, and says at its end that it is cut", () => {
  for (const file of [pcapng(), pcap("ns")]) {
    const whole = readAll(file).length;
    const complete = new Set<number>();
    for (let end = 0; end < file.length; end++) {
      const reader = new CaptureReader();
      const packets = [...reader.push(file.subarray(0, end))];
      assert.ok(packets.length <= whole);
      try {
        reader.end();
        complete.add(packets.length);
      } catch (error) {
        assert.ok(
          error instanceof WireError && error.code === "TRUNCATED" && error.offset === end,
          String(error),
        );
      }
    }
    assert.ok(complete.size >= whole - 1); // at the end of each packet the file may end
  }
});

test("random and mutated files throw nothing but WireError", () => {
  const files = [pcapng(), pcap("ns"), bigEndian()];
  fc.assert(
    fc.property(
      fc.constantFrom(...files),
      fc.array(fc.tuple(fc.nat(4000), fc.nat(255)), { maxLength: 8 }),
      fc.integer({ min: 1, max: 2000 }),
      (file, changes, step) => {
        const bytes = Uint8Array.from(file);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        try {
          readAll(bytes, step);
        } catch (error) {
          assert.ok(error instanceof WireError, String(error));
        }
      },
    ),
    { numRuns: 3000 },
  );
});

test("what does not fit is refused with its name", () => {
  const writer = new PcapngWriter();
  writer.section();
  assert.throws(
    () => writer.packet({ timestampNs: 0n, data: frame(0) }),
    /interfaceId: expected one of the 0/,
  );
  assert.throws(
    () => writer.interface({ linkType: "token-ring" as never, snapLength: 0 }),
    /linkType: expected one of/,
  );
  writer.interface({ linkType: "ethernet", snapLength: 0 });
  assert.throws(
    () => writer.packet({ timestampNs: -1n, data: frame(0) }),
    /timestampNs: expected a bigint 0n/,
  );
  assert.throws(
    () => writer.packet({ timestampNs: 5 as never, data: frame(0) }),
    /timestampNs: expected a bigint, got number/,
  );
  assert.throws(() => writer.packet({ timestampNs: 0n, data: "x" as never }), /data: expected a Uint8Array/);
  assert.throws(
    () => writer.packet({ timestampNs: 0n, data: frame(0), comment: "x".repeat(70_000) }),
    /at most 65535 bytes, got 70000/,
  );
  assert.throws(() => new PcapWriter({ linkType: 70_000 }).header(), /linkType: expected/);
  assert.throws(() => new PcapWriter({ linkType: 1 }).packet(2n ** 63n, frame(0)), /timestampNs: expected/);
});
