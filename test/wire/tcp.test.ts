/** TCP segments: what is read, refused and written; against tshark, scapy and tcpdump. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fromHex, toHex } from "../../src/bytes/index.ts";
import { Ipv4Addr, Ipv6Addr } from "../../src/ip/index.ts";
import { tcpText } from "../../src/wire/_tcp_text.ts";
import {
  decodeTcp,
  encodeIpv4,
  encodeTcp,
  type TcpFields,
  type TcpOption,
  type TcpSegment,
  verifyTcp,
} from "../../src/wire/index.ts";
import { type Codec, checkCuts, checkHostile, checkIdentity, refuses } from "./_codec.ts";
import { needsScapy, type ScapyValue, scapyBuild, scapyDissect } from "./_scapy.ts";
import { LINK, needsTshark, pcapFile, tsharkFields } from "./_tshark.ts";

const codec: Codec = { decode: decodeTcp, encode: encodeTcp };
const src = Ipv4Addr.parse("10.0.0.1");
const dst = Ipv4Addr.parse("10.0.0.2");
const between = { src, dst };
const of = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);

const PLAIN: ReturnType<TcpSegment["toObject"]> = {
  srcPort: 40000,
  dstPort: 443,
  sequenceNumber: 0x12345678,
  acknowledgmentNumber: 0x9abcdef0,
  reserved: 0,
  fin: false,
  syn: false,
  rst: false,
  psh: false,
  ack: false,
  urg: false,
  ece: false,
  cwr: false,
  ae: false,
  window: 29200,
  checksum: 0,
  urgentPointer: 0,
  options: [],
  payload: of(),
};

/** The header up to Data Offset, and from Window on, of all rows. */
const HEAD = "9c4001bb123456789abcdef0";
const TAIL = "721000000000";

const ACCEPT: readonly (readonly [name: string, hex: string, fields: Partial<TcpFields>])[] = [
  ["no flag", `${HEAD}5000${TAIL}`, {}],
  ["FIN", `${HEAD}5001${TAIL}`, { fin: true }],
  ["SYN", `${HEAD}5002${TAIL}`, { syn: true }],
  ["RST", `${HEAD}5004${TAIL}`, { rst: true }],
  ["PSH", `${HEAD}5008${TAIL}`, { psh: true }],
  ["ACK", `${HEAD}5010${TAIL}`, { ack: true }],
  ["URG", `${HEAD}5020${TAIL}`, { urg: true }],
  ["ECE", `${HEAD}5040${TAIL}`, { ece: true }],
  ["CWR", `${HEAD}5080${TAIL}`, { cwr: true }],
  ["AE", `${HEAD}5100${TAIL}`, { ae: true }],
  ["the reserved bits", `${HEAD}5e00${TAIL}`, { reserved: 7 }],
  ["data", `${HEAD}5018${TAIL}68656c6c6f`, { psh: true, ack: true, payload: of(104, 101, 108, 108, 111) }],
  [
    "checksum and urgent pointer",
    `${HEAD}50200000fffe8001`,
    { urg: true, window: 0, checksum: 0xfffe, urgentPointer: 0x8001 },
  ],
  [
    "the options of a SYN, as Linux sends them",
    `${HEAD}a002${TAIL}020405b40402080a000000010000000201030307`,
    {
      syn: true,
      options: [
        { name: "mss", value: 1460 },
        { name: "sackPermitted" },
        { name: "timestamps", value: 1, echoReply: 2 },
        { name: "nop" },
        { name: "windowScale", shift: 7 },
      ],
    },
  ],
];

for (const [name, hex, fields] of ACCEPT) {
  test(`reads and writes: ${name}`, () => {
    const segment = decodeTcp(fromHex(hex));
    const expected = { ...PLAIN, ...fields };
    assert.deepEqual(segment.toObject(), expected);
    assert.equal(toHex(encodeTcp(expected)), hex);
    for (const [field, value] of Object.entries(expected)) {
      assert.deepEqual(segment[field as keyof TcpSegment], value, field);
    }
  });
}

/** An option, and its bytes: RFC 9293, 7323, 2018, 7413, 2385, 5482, 5925 and 8684. */
const OPTIONS: readonly (readonly [hex: string, options: readonly TcpOption[]])[] = [
  ["020405b4", [{ name: "mss", value: 1460 }]],
  ["01030307", [{ name: "nop" }, { name: "windowScale", shift: 7 }]],
  ["03030700", [{ name: "windowScale", shift: 7 }]],
  ["04020000", [{ name: "sackPermitted" }]],
  [
    "0101050a00000001ffffffff",
    [{ name: "nop" }, { name: "nop" }, { name: "sack", blocks: [{ left: 1, right: 0xffffffff }] }],
  ],
  ["05020000", [{ name: "sack", blocks: [] }]],
  ["080affffffff000000000000", [{ name: "timestamps", value: 0xffffffff, echoReply: 0 }]],
  ["22020000", [{ name: "fastOpen", cookie: of() }]],
  ["2206010203040000", [{ name: "fastOpen", cookie: of(1, 2, 3, 4) }]],
  ["fe04f989", [{ name: "fastOpen", cookie: of(), experimental: true }]],
  ["fe08f98901020304", [{ name: "fastOpen", cookie: of(1, 2, 3, 4), experimental: true }]],
  ["fe06f98a01020000", [{ name: "unknown", kind: 254, data: of(0xf9, 0x8a, 1, 2) }]],
  [`1312${"ab".repeat(16)}0000`, [{ name: "md5", digest: new Uint8Array(16).fill(0xab) }]],
  ["1c040005", [{ name: "userTimeout", granularity: "seconds", value: 5 }]],
  ["1c048005", [{ name: "userTimeout", granularity: "minutes", value: 5 }]],
  ["1d08010203040506", [{ name: "authentication", keyId: 1, nextKeyId: 2, mac: of(3, 4, 5, 6) }]],
  ["1e040181", [{ name: "mptcp", subtype: 0, nibble: 1, data: of(0x81) }]],
  ["1e035300", [{ name: "mptcp", subtype: 5, nibble: 3, data: of() }]],
  ["fd05010203000000", [{ name: "unknown", kind: 253, data: of(1, 2, 3) }]],
  ["02030100", [{ name: "unknown", kind: 2, data: of(1) }]],
  ["00000000", [{ name: "end" }]],
  [
    "0101010000000000",
    [
      { name: "nop" },
      { name: "nop" },
      { name: "nop" },
      { name: "end" },
      { name: "padding", data: of(0, 0, 0, 0) },
    ],
  ],
  ["00010203", [{ name: "end" }, { name: "padding", data: of(1, 2, 3) }]],
  ["01020901", [{ name: "nop" }, { name: "malformed", data: of(2, 9, 1) }]],
  ["01010108", [{ name: "nop" }, { name: "nop" }, { name: "nop" }, { name: "malformed", data: of(8) }]],
  ["08000000", [{ name: "malformed", data: of(8, 0, 0, 0) }]],
  ["08010000", [{ name: "malformed", data: of(8, 1, 0, 0) }]],
];

test("options, known, unknown and malformed, and their bytes", () => {
  for (const [hex, options] of OPTIONS) {
    const whole = hex.padEnd(Math.ceil(hex.length / 8) * 8, "0");
    const header = `${HEAD}${(5 + whole.length / 8).toString(16)}002${TAIL}${whole}`;
    const segment = decodeTcp(fromHex(header));
    assert.deepEqual(segment.options, options, hex);
    assert.equal(toHex(encodeTcp(segment.toObject())), header);
    assert.equal(segment.headerLength, header.length / 2);
    const nodes = segment.tree().children?.filter((node) => node.offset >= 20) ?? [];
    assert.deepEqual(
      nodes.map((node) => node.name),
      options.map((option) => option.name),
    );
  }
});

const VALID = [...ACCEPT.map(([, hex]) => fromHex(hex)), ...allOptions()];

/** Every option in a segment with some data. */
function allOptions(): Uint8Array[] {
  return OPTIONS.map(([, options]) => encodeTcp({ ...PLAIN, options, payload: of(1, 2, 3) }));
}

const REJECT: readonly (readonly [name: string, hex: string, code: string, offset: number])[] = [
  ["nothing", "", "TRUNCATED", 0],
  ["a byte less than a header", `${HEAD}5002${TAIL}`.slice(0, -2), "TRUNCATED", 19],
  ["Data Offset 0", `${HEAD}0002${TAIL}`, "BAD_LENGTH", 12],
  ["Data Offset 4", `${HEAD}4002${TAIL}`, "BAD_LENGTH", 12],
  ["Data Offset past the end", `${HEAD}6002${TAIL}010101`, "BAD_LENGTH", 12],
];

for (const [name, hex, code, offset] of REJECT) {
  test(`refuses ${name}`, () => refuses(() => decodeTcp(fromHex(hex)), code, offset));
}

test("options that the capture has cut off are truncated, not a bad length", () => {
  const bytes = fromHex(`${HEAD}6002${TAIL}02040500`);
  refuses(() => decodeTcp(bytes, 0, 22, 24), "TRUNCATED", 22);
});

test("hostile bytes, and valid ones cut at every length", () => {
  checkHostile(codec, VALID);
  checkCuts(codec, VALID);
});

test("flags by number, by name, and a name before the number", () => {
  const encoded = (fields: object) => decodeTcp(encodeTcp({ srcPort: 1, dstPort: 2, ...fields }));
  const { window }: { window: number } = encoded({ flags: 0x12 }).toObject(); // told: never undefined, for the types too
  assert.equal(window, 0xffff);
  assert.equal(encoded({ flags: 0x1ff }).flags, 0x1ff);
  assert.equal(encoded({ flags: 0x12, syn: false, psh: true }).flags, 0x18);
  assert.equal(encoded({ ae: true, cwr: true, ece: true, syn: true }).flags, 0x1c2);
  const flags = encoded({ flags: 0x12 })
    .tree()
    .children?.find((node) => node.name === "flags");
  assert.deepEqual(flags, {
    name: "flags",
    label: "Flags",
    text: "0x012 (SYN, ACK)",
    offset: 12,
    lengthBytes: 2,
    bits: { offset: 7, width: 9 },
  });
});

const BAD_FIELDS: readonly (readonly [fields: object, message: RegExp])[] = [
  [{ srcPort: 65536 }, /^tcp\.srcPort: expected an integer 0 … 65535, got 65536$/],
  [{ dstPort: undefined }, /^tcp\.dstPort: expected an integer/],
  [{ window: 70000 }, /^tcp\.window: expected an integer 0 … 65535, got 70000$/],
  [{ flags: 512 }, /^tcp\.flags/],
  [{ syn: 1 }, /^tcp\.syn: expected true or false, got 1$/],
  [{ options: [{ name: "mss", value: -1 }] }, /^tcp\.options\[0\]\.value/],
  [{ options: [{ name: "msss" }] }, /^tcp\.options\[0\]: there is no option msss$/],
  [{ options: [{ name: "md5", digest: of(1) }] }, /^tcp\.options\[0\]\.digest: expected 16 bytes, got 1$/],
  [{ options: [{ name: "sack", blocks: [{ left: 1 }] }] }, /^tcp\.options\[0\]\.blocks\[0\]\.right/],
  [{ options: [{ name: "userTimeout", granularity: "hours", value: 1 }] }, /granularity/],
  [{ options: [{ name: "unknown", kind: 99, data: new Uint8Array(39) }] }, /at most 40 bytes, got 44$/],
  [{ payload: "text" }, /^tcp\.payload: expected a Uint8Array/],
];

test("wrong fields are named", () => {
  for (const [fields, message] of BAD_FIELDS) {
    assert.throws(() => encodeTcp({ srcPort: 1, dstPort: 2, ...fields } as never), { message });
  }
});

test("checksums over IPv4 and IPv6, and a bit that fell over", () => {
  const betweens = [between, { src: Ipv6Addr.parse("fe80::1"), dst: Ipv6Addr.parse("2001:db8::2") }];
  for (const it of betweens) {
    const bytes = encodeTcp({ srcPort: 1, dstPort: 2, payload: of(1, 2, 3) }, it);
    assert.equal(verifyTcp(decodeTcp(bytes), it), true);
    bytes[21] = 3;
    assert.equal(verifyTcp(decodeTcp(bytes), it), false);
  }
  assert.equal(decodeTcp(encodeTcp({ srcPort: 1, dstPort: 2 })).checksum, 0);
});

/** Segments with every flag and every option, and their packets. */
const SEGMENTS = OPTIONS.map(([, options], index) =>
  encodeTcp(
    {
      srcPort: 1000 + index,
      dstPort: 2000,
      sequenceNumber: 4294967290,
      acknowledgmentNumber: 7 + index,
      flags: (index * 37 + 2) & 0x1ff,
      window: 100 + index,
      urgentPointer: index,
      options,
      payload: new Uint8Array((index % 3) * 5).fill(0x61),
    },
    between,
  ),
);
const packetOf = (payload: Uint8Array): Uint8Array => encodeIpv4({ src, dst, protocolNumber: 6, payload });

test("tshark reads what we write", needsTshark, () => {
  const names = [
    "tcp.srcport",
    "tcp.dstport",
    "tcp.seq_raw",
    "tcp.ack_raw",
    "tcp.hdr_len",
    "tcp.flags",
    "tcp.window_size_value",
    "tcp.checksum.status",
    "tcp.urgent_pointer",
    "tcp.options",
    "tcp.len",
  ] as const;
  const found = tsharkFields(SEGMENTS.map(packetOf), names, { linkType: LINK.raw });
  for (const [index, segment] of SEGMENTS.map((bytes) => decodeTcp(bytes)).entries()) {
    const { header, payload, flags, reserved } = segment;
    assert.deepEqual(found[index], {
      "tcp.srcport": [String(segment.srcPort)],
      "tcp.dstport": [String(segment.dstPort)],
      "tcp.seq_raw": [String(segment.sequenceNumber)],
      "tcp.ack_raw": [String(segment.acknowledgmentNumber)],
      "tcp.hdr_len": [String(segment.headerLength)],
      "tcp.flags": [`0x${(flags | (reserved << 9)).toString(16).padStart(4, "0")}`],
      "tcp.window_size_value": [String(segment.window)],
      "tcp.checksum.status": ["1"],
      "tcp.urgent_pointer": [String(segment.urgentPointer)],
      "tcp.options": [toHex(header.subarray(20))],
      "tcp.len": [String(payload.length)],
    });
  }
});

/** What tshark names of an option that it has looked into. */
const OPTION_FIELDS: readonly (readonly [option: TcpOption, fields: Readonly<Record<string, string>>])[] = [
  [{ name: "mss", value: 1460 }, { "tcp.options.mss_val": "1460" }],
  [{ name: "windowScale", shift: 9 }, { "tcp.options.wscale.shift": "9" }],
  [
    { name: "sack", blocks: [{ left: 17, right: 4000000000 }] },
    { "tcp.options.sack_le": "17", "tcp.options.sack_re": "4000000000" },
  ],
  [
    { name: "timestamps", value: 3000000000, echoReply: 5 },
    { "tcp.options.timestamp.tsval": "3000000000", "tcp.options.timestamp.tsecr": "5" },
  ],
  [{ name: "md5", digest: new Uint8Array(16).fill(1) }, { "tcp.options.md5.digest": "01".repeat(16) }],
  [
    { name: "authentication", keyId: 7, nextKeyId: 8, mac: of(1, 2, 3, 4) },
    { "tcp.options.ao.keyid": "7", "tcp.options.ao.rnextkeyid": "8", "tcp.options.ao.mac": "01020304" },
  ],
  [
    { name: "userTimeout", granularity: "minutes", value: 300 },
    { "tcp.options.user_to_granularity": "1", "tcp.options.user_to_val": "300" },
  ],
  [{ name: "fastOpen", cookie: of(1, 2, 3, 4) }, { "tcp.options.tfo.cookie": "01020304" }],
  [
    { name: "fastOpen", cookie: of(5, 6, 7, 8), experimental: true },
    { "tcp.options.experimental.exid": "0xf989", "tcp.options.tfo.cookie": "05060708" },
  ],
  [
    { name: "mptcp", subtype: 1, nibble: 1, data: of(2, 0, 0, 0, 9, 0, 0, 0, 8) },
    {
      "tcp.options.mptcp.subtype": "1",
      "tcp.options.mptcp.backup.flag": "1",
      "tcp.options.mptcp.addrid": "2",
    },
  ],
];

test("tshark finds in each option what we have put there", needsTshark, () => {
  const names = [...new Set(OPTION_FIELDS.flatMap(([, fields]) => Object.keys(fields)))];
  const packets = OPTION_FIELDS.map(([option]) =>
    packetOf(encodeTcp({ srcPort: 1, dstPort: 2, syn: true, options: [option] }, between)),
  );
  const found = tsharkFields(packets, names, { linkType: LINK.raw });
  for (const [index, [option, fields]] of OPTION_FIELDS.entries()) {
    for (const [name, value] of Object.entries(fields)) {
      assert.deepEqual(found[index]?.[name], [value], `${option.name} ${name}`);
    }
  }
});

test("scapy's segments are read, and come back", needsScapy, () => {
  const expressions = [
    "IP(src='10.0.0.1',dst='10.0.0.2')/TCP(sport=40000,dport=443,seq=305419896,ack=7,flags='SAEC',window=29200,options=[('MSS',1460),('SAckOK',b''),('Timestamp',(1,2)),('NOP',None),('WScale',7)])/b'hello'",
    "IP(src='10.0.0.1',dst='10.0.0.2')/TCP(flags='FPUN',reserved=5,urgptr=9,options=[('SAck',(1,2,3,4)),(253,b'abc')])",
  ];
  const [first, second] = scapyBuild(expressions).map((bytes) => decodeTcp(bytes, 20)) as [
    TcpSegment,
    TcpSegment,
  ];
  for (const segment of [first, second]) {
    checkIdentity(codec, segment);
    assert.equal(verifyTcp(segment, between), true);
  }
  const { srcPort, dstPort, sequenceNumber, acknowledgmentNumber, flags, window, payload } = first;
  assert.deepEqual(
    [srcPort, dstPort, sequenceNumber, acknowledgmentNumber, flags, window, toHex(payload)],
    [40000, 443, 305419896, 7, 0xd2, 29200, toHex(new TextEncoder().encode("hello"))],
  );
  assert.deepEqual(first.options, ACCEPT.at(-1)?.[2].options);
  assert.deepEqual([second.flags, second.reserved, second.urgentPointer], [0x129, 5, 9]);
  assert.deepEqual(second.options, [
    {
      name: "sack",
      blocks: [
        { left: 1, right: 2 },
        { left: 3, right: 4 },
      ],
    },
    { name: "unknown", kind: 253, data: new TextEncoder().encode("abc") },
  ]);
});

test("scapy reads what we write", needsScapy, () => {
  const found = scapyDissect(SEGMENTS, "TCP");
  for (const [index, segment] of SEGMENTS.map((bytes) => decodeTcp(bytes)).entries()) {
    const fields = found[index]?.[0]?.fields as Readonly<Record<string, ScapyValue>>;
    assert.deepEqual(
      [fields.sport, fields.dport, fields.seq, fields.ack, fields.dataofs, fields.reserved],
      [
        segment.srcPort,
        segment.dstPort,
        segment.sequenceNumber,
        segment.acknowledgmentNumber,
        segment.headerLength / 4,
        segment.reserved,
      ],
    );
    assert.deepEqual(
      [fields.flags, fields.window, fields.chksum, fields.urgptr],
      [segment.flags, segment.window, segment.checksum, segment.urgentPointer],
    );
  }
});

const hasTcpdump = spawnSync("tcpdump", ["--version"]).status === 0;
/** What tcpdump shows otherwise: more of these options, and nothing behind a bad one. */
const OWN_WORDS = new Set(["md5", "userTimeout", "mptcp", "malformed"]);

test("the line is tcpdump's", { skip: hasTcpdump ? false : "tcpdump is not installed" }, () => {
  const plain = SEGMENTS.map((bytes) => decodeTcp(bytes)).filter(
    ({ options }) => !options.some((option) => OWN_WORDS.has(option.name) || isOdd(option)),
  );
  const input = pcapFile(
    plain.map(({ bytes }) => packetOf(bytes)),
    LINK.raw,
  );
  const { stdout } = spawnSync("tcpdump", ["-n", "-t", "-S", "-r", "-"], { input, encoding: "utf8" });
  const lines = plain.map(
    (segment) => `IP 10.0.0.1.${segment.srcPort} > 10.0.0.2.2000: ${tcpText(segment)}\n`,
  );
  // tcpdump before 4.99.5 does not know AE.
  const withoutAe = (text: string): string =>
    text.replaceAll(/(Flags \[[^\]]*)e\]/g, "$1]").replaceAll("Flags []", "Flags [none]");
  assert.ok(lines.length > 15);
  assert.equal(withoutAe(lines.join("")), withoutAe(stdout));
});

/** A kind that tcpdump has a name for, but with a length or an identifier that we do not know. */
function isOdd(option: TcpOption): boolean {
  return option.name === "unknown" && [2, 8, 254].includes(option.kind);
}
