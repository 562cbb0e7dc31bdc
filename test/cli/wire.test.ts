/** `windsock decode` and `windsock encode`: what they print, take back, and refuse. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fromHex, hexDump } from "../../src/bytes/index.ts";
import { assertOneLine, type Ended, windsock } from "./_cli.ts";

/** scapy's IP(src="10.0.0.1", dst="10.0.0.2")/TCP(sport=2000, dport=80, seq=1, flags="S", options=…). */
const SYN =
  "4500003c00010000400666b90a0000010a00000207d000500000000100000000a00220000bdc0000" +
  "020405b40402080a000000010000000001030307";
/** scapy's Ether(…)/IP(…)/UDP(sport=4000, dport=53)/b"x", filled up to 60 bytes. */
const PADDED = `02000000000202000000000108004500001d00010000401166cd0a0000010a0000020fa000350009640478${"00".repeat(17)}`;

const text = (result: Ended): string => result.stdout.toString();
const json = (result: Ended): unknown => JSON.parse(text(result));

test("decode draws every field of every header, with its place", async () => {
  const result = await windsock(["decode", "ipv4", SYN]);
  assert.equal(result.code, 0, result.stderr);
  const lines = text(result).split("\n");
  const shown = (pattern: RegExp): void =>
    assert.ok(
      lines.some((line) => pattern.test(line)),
      `${pattern}\n${text(result)}`,
    );
  shown(/^Internet Protocol Version 4: /);
  shown(/^ {2}0000 {2}0100\.\.\.\. +Version +4$/);
  shown(/^ {2}0000 {2}\.\.\.\.0101 +IHL +20 bytes$/);
  shown(/^ {2}0006 {2}\.\.\.00000 00000000 +Fragment Offset +0 bytes$/);
  shown(/^ {2}000c {2}0a 00 00 01 +Source Address +10\.0\.0\.1$/);
  shown(/^ {2}0014 {2}07 d0 +Source Port +2000$/);
  shown(/1460/);
  shown(/^Checksum of ipv4: right$/);
  shown(/^Checksum of tcp: right$/);
});

test("decode --summary is tcpdump's line", async () => {
  const result = await windsock(["decode", "ipv4", "--summary", SYN]);
  assert.equal(
    text(result),
    "IP 10.0.0.1.2000 > 10.0.0.2.80: Flags [S], seq 1, win 8192, options [mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7], length 0\n",
  );
});

for (const [what, protocol, hex] of [
  ["a segment", "ipv4", SYN],
  ["a frame with padding", "ethernet", PADDED],
  ["a header alone", "tcp", SYN.slice(40)],
  ["an ICMP message of an unknown type", "icmp", "fe07123401020304aabb"],
] as const) {
  test(`what decode --json prints, encode makes the same bytes of: ${what}`, async () => {
    const decoded = await windsock(["decode", protocol, "--json", "-"], { input: hex });
    assert.equal(decoded.code, 0, decoded.stderr);
    const encoded = await windsock(["encode", protocol, "-"], { input: text(decoded) });
    assert.equal(text(encoded), `${hex}\n`, encoded.stderr);
  });
}

test("decode --json: bytes, addresses, verdicts", async () => {
  const wrong = SYN.replace("66b9", "66ba");
  const [ip, tcp] = json(await windsock(["decode", "ip", "--json", wrong])) as [
    { ipv4: Record<string, unknown>; checksum: string },
    { tcp: Record<string, unknown>; checksum: string },
  ];
  assert.deepEqual([ip.checksum, tcp.checksum], ["wrong", "right"]);
  assert.deepEqual([ip.ipv4.src, ip.ipv4.ttl, ip.ipv4.payload], ["10.0.0.1", 64, undefined]);
  assert.deepEqual([tcp.tcp.syn, tcp.tcp.window, tcp.tcp.payload], [true, 8192, "0x"]);
});

test("a packet that cannot be decoded whole shows what can, and is exit code 1", async () => {
  const cut = await windsock(["decode", "ipv4", "--json", SYN.slice(0, 60)]);
  assertOneLine({ ...cut, stdout: Buffer.alloc(0) }, 1, /ipv4: expected a Total Length of 20 … 30, got 60/);
  assert.deepEqual(json(cut), [
    { payload: `0x${SYN.slice(0, 60)}` },
    { error: { code: "BAD_LENGTH", protocol: "ipv4", offset: 2 } },
  ]);
  assertOneLine(await windsock(["decode", "tcp", "0102"]), 1, /tcp: expected at least 20 bytes, got 2/);
});

test("dumps are read as tcpdump -xx, hexdump -C and xxd print them", async () => {
  const bytes = fromHex(PADDED);
  const pairs = PADDED.match(/.{1,32}/g) as string[];
  const groups = (line: string): string => (line.match(/.{1,4}/g) as string[]).join(" ");
  const place = (index: number, width: number): string => (index * 16).toString(16).padStart(width, "0");
  const dumps = [
    pairs.map((line, index) => `\t0x${place(index, 4)}:  ${groups(line)}`).join("\n"),
    pairs
      .map((line, index) => `\t0x${place(index, 4)}:  ${groups(line).padEnd(41)}  ..E..ef..ab......`)
      .join("\n"),
    hexDump(bytes),
    pairs.map((line, index) => `${place(index, 8)}: ${groups(line).padEnd(39)}  ......ab. 12 cd`).join("\n"),
    PADDED.replace(/(..)/g, "$1:").slice(0, -1),
    PADDED.replace(/(..)/g, "0x$1, "),
    `  ${groups(PADDED)}\n`,
  ];
  for (const dump of dumps) {
    const result = await windsock(["decode", "ethernet", "--summary"], { input: dump });
    assert.match(text(result), /^IP 10\.0\.0\.1\.4000 > 10\.0\.0\.2\.53: /, `${dump}\n${result.stderr}`);
  }
});

test("decode --src --dst judges a checksum", async () => {
  const args = ["decode", "tcp", SYN.slice(40), "--src", "10.0.0.1", "--dst"];
  assert.match(text(await windsock([...args, "10.0.0.2"])), /^Checksum: right$/m);
  assert.match(text(await windsock([...args, "10.0.0.3"])), /^Checksum: wrong$/m);
});

test("encode fills in what is left out, as scapy does", async () => {
  const layers = JSON.stringify([
    { ipv4: { src: "10.0.0.1", dst: "10.0.0.2", identification: 1 } },
    {
      tcp: {
        srcPort: 2000,
        dstPort: 80,
        sequenceNumber: 1,
        syn: true,
        window: 8192,
        options: [
          { name: "mss", value: 1460 },
          { name: "sackPermitted" },
          { name: "timestamps", value: 1, echoReply: 0 },
          { name: "nop" },
          { name: "windowScale", shift: 7 },
        ],
      },
    },
  ]);
  const result = await windsock(["encode", "ipv4", layers]);
  assert.equal(text(result), `${SYN}\n`, result.stderr);
  const raw = await windsock(["encode", "ipv4", "--raw", layers]);
  assert.equal(raw.stdout.toString("hex"), SYN);
  assert.equal(text(await windsock(["encode", "ipv4", "--dump", layers])), `${hexDump(fromHex(SYN))}\n`);
});

test("encode --src --dst computes the checksum", async () => {
  const udp = '{"srcPort": 4000, "dstPort": 53, "payload": "0x78"}';
  const result = await windsock(["encode", "udp", udp, "--src", "10.0.0.1", "--dst", "10.0.0.2"]);
  assert.equal(text(result), `${PADDED.slice(68, 86)}\n`);
});

test("a DHCP message goes through JSON, and its texts stay texts", async () => {
  const fields = {
    op: "request",
    xid: 7,
    chaddr: "02:00:00:00:00:01",
    sname: "10.0.0.9",
    options: [
      { name: "messageType", value: "request" },
      { name: "hostName", value: "10.0.0.1" },
      { name: "requestedAddress", value: "10.0.0.1" },
    ],
  };
  const encoded = await windsock(["encode", "dhcp", JSON.stringify(fields)]);
  assert.equal(encoded.code, 0, encoded.stderr);
  const [{ dhcp }] = json(await windsock(["decode", "dhcp", "--json", text(encoded).trim()])) as [
    { dhcp: { sname: string; options: unknown } },
  ];
  assert.deepEqual([dhcp.sname, dhcp.options], ["10.0.0.9", fields.options]);
});

const REFUSED: readonly [args: readonly string[], says: RegExp][] = [
  [["decode", "tpc", "00"], /protocol: expected one of ethernet, .*, got tpc/],
  [["decode", "toString", "00"], /protocol: expected one of/],
  [["decode", "tcp", "0g"], /hex: expected the second hex digit of a byte at position 1, got "g"/],
  [["decode", "tcp", "012"], /hex: expected the second hex digit of a byte at position 3, got the end/],
  [["decode", "tcp", "00", "--src", "10.0.0.1"], /--src and --dst go together/],
  [
    ["decode", "arp", "00", "--src", "10.0.0.1", "--dst", "10.0.0.2"],
    /for tcp, udp and icmpv6; arp does without/,
  ],
  [
    ["encode", "udp", "{}", "--src", "10.0.0.1", "--dst", "::1"],
    /addresses of one family, got 10\.0\.0\.1 and ::1/,
  ],
  [["decode", "tcp", "00", "--src", "10.0.0.1", "--dst", "::1"], /addresses of one family/],
  [["decode", "ipv4", "00", "--src", "10.0.0.1", "--dst", "10.0.0.2"], /for tcp, udp and icmpv6/],
  [["encode", "tpc", "{}"], /protocol: expected one of/],
  [["encode", "tcp", "{"], /json: /],
  [["encode", "tcp", "7"], /tcp: expected an object of fields, got 7/],
  [["encode", "tcp", "{}"], /tcp\.srcPort: expected an integer 0 … 65535, got undefined/],
  [
    ["encode", "tcp", '{"srcPort": 1, "dstPort": 70000}'],
    /tcp\.dstPort: expected an integer 0 … 65535, got 70000/,
  ],
  [
    ["encode", "tcp", '{"srcPort": 1, "dstPort": 2, "widnow": 3}'],
    /tcp: no field widnow; the fields are .*window/,
  ],
  [["encode", "udp", '{"dstPort": 2, "payload": "0x1"}'], /fromHex: expected the second hex digit/],
  [
    ["encode", "ipv4", '[{"tcp": {"srcPort": 1, "dstPort": 2}}]'],
    /expected ipv4 as the outermost header, got tcp/,
  ],
  [["encode", "ipv4", '[{"ipv4": {"src": "::1"}}, {"ipx": {}}]'], /expected an object with one of ethernet/],
  [
    ["encode", "ipv4", '[{"ipv4": {"src": "10.0.0.1", "protocolNumber": 6}}]'],
    /ipv4\.dst: expected an Ipv4Addr, got undefined/,
  ],
  [["encode", "tcp", "{}", "--dump", "--raw"], /--dump and --raw exclude each other/],
];

for (const [args, says] of REFUSED) {
  test(`refused: ${args.join(" ")}`, async () => {
    assertOneLine(await windsock(args), 2, says);
  });
}

test("tcpdump reads what encode makes", {
  skip: spawnSync("tcpdump", ["--version"]).error ? "tcpdump is not installed" : false,
}, async () => {
  const layers =
    '[{"ipv6": {"src": "::1", "dst": "::2"}}, {"udp": {"srcPort": 1, "dstPort": 2, "payload": "0x616263"}}]';
  const { stdout } = await windsock(["encode", "ipv6", "--raw", layers]);
  const header = Buffer.from("d4c3b2a1020004000000000000000000ffff000065000000", "hex");
  const record = Buffer.alloc(16);
  record.writeUInt32LE(stdout.length, 8);
  record.writeUInt32LE(stdout.length, 12);
  const run = spawnSync("tcpdump", ["-nvr", "-"], {
    input: Buffer.concat([header, record, stdout]),
    encoding: "utf8",
  });
  assert.match(run.stdout, /::1\.1 > ::2\.2: \[udp sum ok\] UDP, length 3/, run.stderr);
});
