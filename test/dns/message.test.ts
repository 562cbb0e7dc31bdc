/** Messages and names: what is read, what is refused, and that no bytes do harm. */
import assert from "node:assert/strict";
import { test } from "node:test";
import dnsPacket, { type Answer } from "dns-packet";
import fc from "fast-check";
import { type Codec, loadCodec } from "../../src/dns/_codec.ts";
import { decodeMessage, encodeQuery, followAliases, mismatch } from "../../src/dns/_message.ts";
import { MalformedError, nameFault, readName, reverseName } from "../../src/dns/_name.ts";
import { type DnsRecord, formatData, KNOWN_TYPES } from "../../src/dns/index.ts";
import { typeName, typeNumber } from "../../src/dns/records.ts";
import { IpAddr } from "../../src/ip/index.ts";

const codec: Codec = await loadCodec();
const NAME = "host.example.test";

/** Every type that is read, as dns-packet writes it, and the text that zone files have for it. */
const RECORDS: readonly (readonly [type: string, data: unknown, text: string])[] = [
  ["A", "192.0.2.1", "192.0.2.1"],
  ["AAAA", "2001:db8::1", "2001:db8::1"],
  ["AAAA", "::ffff:c000:201", "::ffff:192.0.2.1"],
  ["CNAME", "other.test", "other.test."],
  ["DNAME", "other.test", "other.test."],
  ["NS", "ns.test", "ns.test."],
  ["PTR", ".", "."],
  ["MX", { preference: 10, exchange: "mail.test" }, "10 mail.test."],
  ["MX", { preference: 0, exchange: "." }, "0 ."],
  ["TXT", ["v=spf1 -all", 'a "quote" \\'], '"v=spf1 -all" "a \\"quote\\" \\\\"'],
  ["TXT", [Buffer.of(0, 255, 65)], '"\\000\\255A"'],
  ["SRV", { priority: 1, weight: 2, port: 443, target: "host.test" }, "1 2 443 host.test."],
  [
    "SOA",
    {
      mname: "ns.test",
      rname: "admin.test",
      serial: 4294967295,
      refresh: 2,
      retry: 3,
      expire: 4,
      minimum: 5,
    },
    "ns.test. admin.test. 4294967295 2 3 4 5",
  ],
  ["CAA", { flags: 128, tag: "issue", value: "ca.test; x=1" }, '128 issue "ca.test; x=1"'],
  [
    "NAPTR",
    { order: 1, preference: 2, flags: "S", services: "SIP+D2U", regexp: "", replacement: "_sip._udp.test" },
    '1 2 "S" "SIP+D2U" "" _sip._udp.test.',
  ],
  ["HINFO", { cpu: "PC", os: "Linux" }, '"PC" "Linux"'],
  ["SSHFP", { algorithm: 4, hash: 2, fingerprint: "AB".repeat(32) }, `4 2 ${"AB".repeat(32)}`],
  ["TLSA", { usage: 3, selector: 1, matchingType: 1, certificate: Buffer.of(1, 0xab) }, "3 1 1 01AB"],
  ["DS", { keyTag: 65535, algorithm: 13, digestType: 2, digest: Buffer.of(1, 0xab) }, "65535 13 2 01AB"],
  ["DNSKEY", { flags: 257, algorithm: 13, key: Buffer.of(1, 2, 3) }, "257 3 13 AQID"],
  ["UNKNOWN_65", Buffer.of(0, 1, 0xff), "\\# 3 0001FF"],
  ["UNKNOWN_65535", Buffer.of(), "\\# 0"],
];

function message(answers: readonly unknown[], more: object = {}): Buffer {
  return dnsPacket.encode({
    type: "response",
    id: 7,
    flags: 0x180,
    questions: [{ name: NAME, type: "A" }],
    answers: answers as Answer[],
    ...more,
  });
}

const record = (type: string, data: unknown): unknown => ({ type, name: NAME, ttl: 60, data });

for (const [type, data, text] of RECORDS) {
  test(`${type} is read: ${text.slice(0, 60)}`, () => {
    const { answers } = decodeMessage(codec, message([record(type, data)]));
    const [got] = answers as [DnsRecord];
    assert.deepEqual(
      [got.name, got.type, got.ttl, formatData(got)],
      [NAME, type.replace("UNKNOWN_", "TYPE"), 60, text],
    );
  });
}

test("every type that is read has its row above", () => {
  assert.deepEqual(
    [...new Set(RECORDS.map(([type]) => type))].filter((type) => !type.startsWith("U")).sort(),
    [...KNOWN_TYPES].sort(),
  );
});

/** What ends in bytes of any number can be cut, and can go on. */
const OPEN = new Set(["CAA", "SSHFP", "TLSA", "DS", "DNSKEY", "UNKNOWN_65", "UNKNOWN_65535"]);

test("data that is a byte shorter or longer than its type has it is refused", () => {
  for (const [type, data] of RECORDS) {
    const whole = message([record(type, data)]);
    const length = dataLength(whole);
    const read = (bytes: Buffer): unknown => {
      bytes.writeUInt16BE(length + bytes.length - whole.length, whole.length - length - 2);
      return decodeMessage(codec, bytes);
    };
    const [shorter, longer] = [Buffer.from(whole.subarray(0, -1)), Buffer.concat([whole, Buffer.of(1)])];
    if (OPEN.has(type)) {
      read(longer);
      if (length > 0) read(shorter);
    } else {
      assert.throws(() => read(longer), MalformedError, `${type} and a byte`);
      assert.throws(() => read(shorter), MalformedError, `${type} without its last byte`);
    }
  }
});

/** The length of the data of the only record. */
function dataLength(whole: Buffer): number {
  const nameEnd = 12 + NAME.length + 2 + 4 + NAME.length + 2;
  return whole.readUInt16BE(nameEnd + 8);
}

test("every valid message that is cut at any length is refused", () => {
  const whole = message(
    RECORDS.map(([type, data]) => record(type, data)),
    { authorities: [record("NS", "ns.test")], additionals: [record("A", "192.0.2.9")] },
  );
  decodeMessage(codec, whole);
  for (let length = 0; length < whole.length; length++) {
    assert.throws(() => decodeMessage(codec, whole.subarray(0, length)), MalformedError, `${length} bytes`);
  }
});

/** Reads, and lets only MalformedError pass. */
function survives(bytes: Uint8Array): void {
  try {
    decodeMessage(codec, bytes);
  } catch (error) {
    assert.ok(error instanceof MalformedError, `${Buffer.from(bytes).toString("hex")}: ${error}`);
  }
}

test("random bytes throw nothing but MalformedError", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), survives), { numRuns: 2000 });
});

test("random data of every type throws nothing but MalformedError", () => {
  const head = message([]);
  head.writeUInt16BE(1, 6);
  const numbers = [...KNOWN_TYPES.map((type) => typeNumber(type)), 41, 46, 47, 50, 65];
  fc.assert(
    fc.property(fc.constantFrom(...numbers), fc.uint8Array({ maxLength: 80 }), (type, data) => {
      const fixed = Buffer.from([0xc0, 12, type >> 8, type & 255, 0, 1, 0, 0, 0, 1, 0, data.length]);
      survives(Buffer.concat([head, fixed, data]));
    }),
    { numRuns: 5000 },
  );
});

test("valid messages with bytes changed throw nothing but MalformedError", () => {
  const whole = message(RECORDS.map(([type, data]) => record(type, data)));
  const change = fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
      const bytes = Buffer.from(whole);
      for (const [at, byte] of changes) bytes[at] = byte;
      survives(bytes);
    }),
    { numRuns: 5000 },
  );
});

/** As large as a message can be: a chain of 8000 pointers, and as many records as fit whose names begin at its far end. */
function chained(): Buffer {
  const header = Buffer.from([0, 7, 0x81, 0x80, 0, 0, 0, 0, 0, 0, 0, 0]);
  const first = Buffer.from([0, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 0]); // of an unknown type, with the chain as its data
  const start = header.length + first.length;
  const chain = Buffer.alloc(0x3fe0);
  chain.set([1, 97, 0, 0]); // the name "a"
  for (let at = 4; at < chain.length; at += 2) {
    chain.writeUInt16BE(0xc000 | (start + (at === 4 ? 0 : at - 2)), at);
  }
  first.writeUInt16BE(chain.length, 9);
  const end = start + chain.length - 2;
  const record = Buffer.from([0xc0 | (end >> 8), end & 255, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4]);
  const count = Math.floor((65_535 - start - chain.length) / record.length);
  header.writeUInt16BE(count + 1, 6);
  return Buffer.concat([header, first, chain, ...Array.from({ length: count }, () => record)]);
}

test("a chain of 8000 pointers is refused; a reader without a limit follows it", () => {
  assert.equal(dnsPacket.decode(chained()).answers?.at(-1)?.name, "a");
  assert.throws(() => decodeMessage(codec, chained()), MalformedError);
});

for (const [what, bytes] of [
  ["names in chains of pointers", chained()],
  [
    "65 535 records of empty strings",
    Buffer.concat([
      Buffer.from([0, 7, 0x81, 0x80, 0, 0, 0xff, 0xff, 0, 0, 0, 0]),
      ...Array.from({ length: 5000 }, () => Buffer.from([0, 0, 16, 0, 1, 0, 0, 0, 0, 0, 2, 0, 0])),
    ]),
  ],
  [
    "a text that runs past its end, over and over",
    Buffer.concat([
      Buffer.from([0, 7, 0x81, 0x80, 0, 0, 0xff, 0xff, 0, 0, 0, 0]),
      Buffer.from([0, 0, 16, 0, 1, 0, 0, 0, 0, 0xff, 0xff]),
      Buffer.alloc(60_000),
    ]),
  ],
  [
    "options without end",
    Buffer.concat([
      Buffer.from([0, 7, 0x81, 0x80, 0, 0, 0, 0, 0, 0, 0xff, 0xff]),
      Buffer.from([0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0xea, 0x60]),
      Buffer.alloc(60_000),
    ]),
  ],
] as const) {
  test(`a hostile message does not keep the thread: ${what}`, () => {
    assert.ok(bytes.length <= 65_535);
    const { user } = process.cpuUsage();
    for (let i = 0; i < 5; i++) survives(bytes);
    const spentMs = (process.cpuUsage().user - user) / 5000;
    assert.ok(spentMs < 100, `${spentMs} ms of CPU for one`); // 1 to 15 ms; chains without a limit take 260
  });
}

// Names

const NAMES: readonly (readonly [what: string, bytes: number[], name: string | undefined, next?: number])[] =
  [
    ["the root", [0], ".", 1],
    ["two labels", [1, 97, 2, 98, 99, 0, 9], "a.bc", 6],
    ["a dot in a label", [3, 97, 46, 98, 0], "a\\.b", 5],
    ["a backslash", [1, 92, 0], "\\\\", 3],
    ["a space, NUL and a byte above ASCII", [3, 32, 0, 255, 0], "\\032\\000\\255", 5],
    ["no end", [1, 97], undefined],
    ["a label that runs past the end", [5, 97, 0], undefined],
    ["a reserved label type", [0x40, 0], undefined],
    ["a pointer to itself", [0xc0, 0], undefined],
    ["a pointer forwards", [0xc0, 2, 0], undefined],
    ["half a pointer", [0xc0], undefined],
  ];

for (const [what, bytes, name, next] of NAMES) {
  test(`a name: ${what}`, () => {
    if (name === undefined) assert.throws(() => readName(Uint8Array.from(bytes), 0), MalformedError);
    else assert.deepEqual(readName(Uint8Array.from(bytes), 0), { name, next });
  });
}

test("a name with pointers, and what lies behind it", () => {
  const bytes = Uint8Array.from([4, 116, 101, 115, 116, 0, 1, 97, 0xc0, 0, 1, 98, 0xc0, 6]);
  assert.deepEqual(readName(bytes, 10), { name: "b.a.test", next: 14 });
});

test("a name of 255 bytes is one, of 256 it is not", () => {
  const label = (length: number): number[] => [length, ...Array.from({ length }, () => 97)];
  const of = (last: number): Uint8Array =>
    Uint8Array.from([...label(63), ...label(63), ...label(63), ...label(last), 0]);
  assert.equal(of(61).length, 255);
  assert.equal(readName(of(61), 0).name.length, 253);
  assert.throws(() => readName(of(62), 0), MalformedError);
});

for (const [name, fault] of [
  ["a", undefined],
  ["a.", undefined],
  [".", undefined],
  ["_443._tcp.example.test", undefined],
  ["my printer._ipp._tcp.test", undefined],
  ["x".repeat(63), undefined],
  [`${"x".repeat(63)}.`.repeat(3) + "x".repeat(61), undefined],
  ["", /empty/],
  ["..", /empty label/],
  ["a..b", /empty label/],
  [".a", /empty label/],
  ["x".repeat(64), /at most 63 characters, and one here has 64/],
  [`${"x".repeat(63)}.`.repeat(3) + "x".repeat(62), /254 characters, and at most 253/],
  ["ü.test", /outside of printable ASCII/],
  ["a\nb", /outside of printable ASCII/],
  ["a\\.b", /backslash/],
] as const) {
  test(`${JSON.stringify(name.slice(0, 40))} can${fault ? "not" : ""} be asked for`, () => {
    if (fault === undefined) assert.equal(nameFault(name), undefined);
    else assert.match(nameFault(name) ?? "", fault);
  });
}

for (const [ip, name] of [
  ["192.0.2.1", "1.2.0.192.in-addr.arpa"],
  ["2001:db8::567:89ab", "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"], // RFC 3596 §2.5
] as const) {
  test(`${ip} backwards`, () => assert.equal(reverseName(IpAddr.parse(ip)), name));
}

// Types

test("types by name and by number", () => {
  for (const type of KNOWN_TYPES) assert.equal(typeName(typeNumber(type)), type);
  assert.deepEqual(
    [typeNumber("ANY"), typeNumber("TYPE65"), typeNumber("TYPE1"), typeName(65)],
    [255, 65, 1, "TYPE65"],
  );
});

for (const type of [
  "",
  "a",
  "toString",
  "TYPE",
  "TYPE65536",
  "TYPE01",
  "TYPE0",
  "TYPE41",
  "TYPE252",
  "AXFR",
  "OPT",
  undefined,
  1,
]) {
  test(`${JSON.stringify(type)} is no type to ask for`, () => {
    assert.throws(() => typeNumber(type as string), {
      name: "TypeError",
      message: /^type: expected A, .*TYPE65, got/,
    });
  });
}

// Queries and what belongs to them

const query = (name: string, ednsBytes = 1232): ReturnType<typeof encodeQuery> =>
  encodeQuery(codec, { id: 0xabcd, name, type: 28, ednsBytes, trustAd: false, padded: false });

test("a query is what dns-packet reads of it, and its question ends where it does", () => {
  for (const name of [".", "a", NAME, "x".repeat(63)]) {
    const { bytes, questionEnd } = query(name, 0);
    const packet = dnsPacket.decode(Buffer.from(bytes));
    assert.deepEqual(
      [packet.id, packet.flag_rd, packet.questions],
      [0xabcd, true, [{ name, type: "AAAA", class: "IN" }]],
    );
    assert.equal(questionEnd, bytes.length, name);
  }
});

test("over TLS a query is filled up to blocks of 128 bytes", () => {
  for (let length = 1; length < 64; length++) {
    for (const labels of [1, 2, 3]) {
      const name = Array.from({ length: labels }, () => "x".repeat(length)).join(".");
      const { bytes } = encodeQuery(codec, {
        id: 1,
        name,
        type: 1,
        ednsBytes: 1232,
        trustAd: false,
        padded: true,
      });
      assert.equal(bytes.length % 128, 0, name);
    }
  }
});

test("every bit of the id, the question and QR counts, of the letters all but the case", () => {
  const sent = query(NAME, 0);
  const answer = Uint8Array.from(sent.bytes);
  answer[2] = (answer[2] as number) | 0x80;
  assert.equal(mismatch(sent, answer, true), undefined);
  for (let bit = 0; bit < answer.length * 8; bit++) {
    const byte = bit >> 3;
    if (byte === 2 || byte === 3 || byte >= 6) if (byte < 12) continue; // other flags, and counts
    const changed = Uint8Array.from(answer);
    changed[byte] = (changed[byte] as number) ^ (0x80 >> (bit & 7));
    assert.notEqual(mismatch(sent, changed, true), undefined, `bit ${bit}`);
    const letter = byte >= 12 && byte < sent.questionEnd - 4 && (answer[byte] as number) >= 0x61;
    const caseBit = letter && (bit & 7) === 2;
    assert.equal(mismatch(sent, changed, false) === undefined, caseBit, `bit ${bit}`);
  }
});

// Aliases

const alias = (name: string, target: string): DnsRecord => ({ name, type: "CNAME", ttl: 1, target });
const address = (name: string, text: string): DnsRecord =>
  ({ name, type: "A", ttl: 1, address: IpAddr.parse(text) }) as DnsRecord;

for (const [what, answers, expected] of [
  ["none", [address("a", "192.0.2.1"), address("b", "192.0.2.2")], "a 192.0.2.1"],
  ["a chain in any order", [address("c", "192.0.2.3"), alias("b", "C"), alias("A", "b")], "C 192.0.2.3"],
  ["a chain without end", [alias("a", "b"), alias("b", "c")], "c"],
  ["a circle", [alias("a", "b"), alias("b", "c"), alias("c", "a")], "a"],
  ["an alias of itself", [alias("a", "a")], "a"],
  ["a circle behind a name", [alias("a", "b"), alias("b", "c"), alias("c", "b")], "b"],
  [
    "addresses beside an alias",
    [alias("a", "b"), address("a", "192.0.2.1"), address("b", "192.0.2.2")],
    "a 192.0.2.1",
  ],
  ["records of others", [address("x", "192.0.2.9")], "a"],
] as const) {
  test(`aliases: ${what}`, () => {
    const { name, records } = followAliases<DnsRecord<"A">>(answers, "a", "A");
    assert.equal([name, ...records.map((each) => each.address.toString())].join(" "), expected);
  });
}

test("a TTL with the highest bit counts as 0, RFC 2181 §8", () => {
  const { answers } = decodeMessage(
    codec,
    message([
      { type: "A", name: NAME, ttl: 0x80000000, data: "192.0.2.1" },
      { type: "A", name: NAME, ttl: 0x7fffffff, data: "192.0.2.1" },
    ]),
  );
  assert.deepEqual(
    answers.map(({ ttl }) => ttl),
    [0, 0x7fffffff],
  );
});

test("records of other classes are left out", () => {
  const bytes = message([record("A", "192.0.2.1"), { ...(record("A", "192.0.2.2") as object), class: "CH" }]);
  assert.deepEqual(decodeMessage(codec, bytes).answers.map(formatData), ["192.0.2.1"]);
});
