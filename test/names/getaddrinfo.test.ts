/** getaddrinfo against Python's, which asks the same libc: in a namespace with a hosts file and addresses of its own. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { type AddressHints, type AddressInfo, getaddrinfo, ResolveError } from "../../src/names/index.ts";
import { needsPython } from "../ip/_python.ts";
import { type AddrQuestion, type Answer, answer } from "./_ask.ts";
import { inNamespace, needsNamespace } from "./_namespace.ts";
import { PYTHON, type PythonAnswer, title } from "./_python_names.ts";

const HOSTS = `
127.0.0.1 localhost
::1 localhost ip6-localhost ip6-loopback
192.0.2.10 four.test
2001:db8::10 six.test
192.0.2.20 both.test alias.test
2001:db8::20 both.test alias.test
192.0.2.31 many.test
192.0.2.32 many.test
192.0.2.33 many.test
2001:db8::31 many.test
2001:db8::32 many.test
fd00::33 many.test
198.51.100.7 many.test
fe80::77 linklocal.test
192.0.2.40 twice.test
192.0.2.40 twice.test
192.0.2.50 xn--bcher-kva.test
192.0.2.60 UPPER.test
192.0.2.70 canonical.long.test short
::ffff:192.0.2.80 mapped.test
192.0.2.90 under_score.test
`;

const q = (
  host: string | null,
  service: string | number | null = null,
  hints: AddressHints = {},
): AddrQuestion => ({ call: "getaddrinfo", host, service, hints });

/** libc looks nothing up for these. */
const NUMERIC: readonly AddrQuestion[] = [
  q("127.0.0.1"),
  q("127.0.0.1", 80),
  q("127.0.0.1", "80"),
  q("127.0.0.1", 0),
  q("127.0.0.1", 65535),
  q("127.0.0.1", "http", { type: "stream" }),
  q("127.0.0.1", "domain"),
  q("127.0.0.1", "ssh"),
  q("127.0.0.1", "http", { type: "datagram" }),
  q("127.0.0.1", "tftp", { type: "stream" }),
  q("127.0.0.1", "tftp", { type: "datagram" }),
  q("127.0.0.1", "tftp"),
  q("127.0.0.1", "nosuchservice"),
  q("127.0.0.1", "nosuchservice", { type: "stream" }),
  q("127.0.0.1", "HTTP", { type: "stream" }),
  q("127.0.0.1", "www", { type: "stream" }),
  q("127.0.0.1", 80, { type: "stream" }),
  q("127.0.0.1", 80, { type: "datagram" }),
  q("127.0.0.1", 80, { type: "raw" }),
  q("127.0.0.1", 0, { type: "raw" }),
  q("127.0.0.1", "http", { type: "raw" }),
  q("127.0.0.1", 80, { protocol: 6 }),
  q("127.0.0.1", 80, { protocol: 17 }),
  q("127.0.0.1", 0, { protocol: 1 }),
  q("127.0.0.1", 80, { protocol: 1, type: "raw" }),
  q("127.0.0.1", 80, { type: "stream", protocol: 17 }),
  q("127.0.0.1", 80, { type: "datagram", protocol: 6 }),
  q("127.0.0.1", 80, { type: "datagram", protocol: 136 }),
  q("127.0.0.1", "domain", { protocol: 17 }),
  q("127.0.0.1", 80, { type: "stream", protocol: 132 }),
  q("127.0.0.1", 80, { type: "raw", protocol: 255 }),
  q("127.0.0.1", 80, { family: "ipv4" }),
  q("127.0.0.1", 80, { family: "ipv6" }),
  q("127.0.0.1", 80, { family: "ipv6", v4Mapped: true }),
  q("127.0.0.1", 80, { family: "ipv6", v4Mapped: true, all: true }),
  q("127.0.0.1", 80, { v4Mapped: true }),
  q("127.0.0.1", 80, { numericHost: true }),
  q("127.0.0.1", "http", { numericService: true }),
  q("127.0.0.1", "http", { numericService: true, type: "stream" }),
  q("127.0.0.1", "80", { numericHost: true, numericService: true }),
  q("127.0.0.1", 80, { canonicalName: true }),
  q("127.0.0.1", 80, { addressConfig: true }),
  q("::1"),
  q("::1", 80),
  q("::1", 80, { family: "ipv4" }),
  q("::1", 80, { family: "ipv6", type: "stream" }),
  q("::1", 80, { canonicalName: true, numericHost: true }),
  q("::1", 80, { family: "ipv6", v4Mapped: true }),
  q("::1", 80, { passive: true }),
  q("::ffff:127.0.0.1", 80),
  q("::ffff:127.0.0.1", 80, { family: "ipv4" }),
  q("::"),
  q("0.0.0.0", 80),
  q("255.255.255.255", 80),
  q("2001:DB8::00A", 80, { type: "stream" }),
  q("fe80::1%lo", 80),
  q("fe80::1%1", 80, { type: "stream" }),
  q("fe80::1%0", 80, { type: "stream" }),
  q("fe80::1%99", 80, { type: "stream" }),
  q("fe80::1%4294967295", 80, { type: "stream" }),
  q("fe80::1%4294967296", 80, { type: "stream", numericHost: true }),
  q("fe80::1%nosuch0", 80, { numericHost: true }),
  q("fe80::1%", 80, { numericHost: true }),
  q("2001:db8::1%1", 80, { type: "stream" }),
  q("2001:db8::1%lo", 80, { type: "stream", numericHost: true }),
  q("ff02::1%lo", 5353, { type: "datagram" }),
  q("127.0.0.1%lo", 80, { numericHost: true }),
  q("127.1", 80, { type: "stream" }), // inet_aton's forms: libc takes them
  q("2130706433", 80, { type: "stream" }),
  q("0x7f.1", 80, { type: "stream" }),
  q("0177.0.0.1", 80, { type: "stream" }),
  q("127.0.0.1", 80, { numericHost: true, family: "ipv6" }),
  q("not-a-number", 80, { numericHost: true }),
  q("1.2.3.4.5", 80, { numericHost: true }),
  q("256.0.0.1", 80, { numericHost: true }),
  q("[::1]", 80, { numericHost: true }),
  q(":::", 80, { numericHost: true }),
  q(null, 80),
  q(null, 80, { passive: true }),
  q(null, 80, { passive: true, type: "stream" }),
  q(null, "http", { passive: true, type: "stream", family: "ipv6" }),
  q(null, "domain", { family: "ipv4" }),
  q(null, 0),
  q(null, 80, { canonicalName: true }),
  q(null, "nosuchservice"),
  q(null, 80, { addressConfig: true, type: "stream" }),
  q(null, 80, { family: "ipv6", v4Mapped: true, all: true, type: "stream" }),
];

/** These ask the hosts file. */
const NAMES: readonly AddrQuestion[] = [
  q("localhost"),
  q("localhost", 80),
  q("localhost", "http", { type: "stream" }),
  q("localhost", "domain"),
  q("localhost", 80, { family: "ipv4" }),
  q("localhost", 80, { family: "ipv6" }),
  q("localhost", 80, { canonicalName: true, type: "stream" }),
  q("localhost", 80, { addressConfig: true }),
  q("localhost", 80, { passive: true, type: "stream" }),
  q("LOCALHOST", 80, { type: "stream" }),
  q("localhost.", 80, { type: "stream" }),
  q("ip6-localhost", 80),
  q("ip6-localhost", 80, { family: "ipv4" }),
  q("four.test", 80),
  q("four.test", 80, { family: "ipv6" }),
  q("four.test", 80, { family: "ipv6", v4Mapped: true }),
  q("four.test", 80, { family: "ipv6", v4Mapped: true, all: true }),
  q("four.test", 80, { family: "ipv6", all: true }),
  q("six.test", 80),
  q("six.test", 80, { family: "ipv4" }),
  q("six.test", 80, { family: "ipv6", v4Mapped: true, all: true }),
  q("both.test", 80),
  q("both.test", 80, { type: "stream" }),
  q("both.test", 80, { family: "ipv6", v4Mapped: true }),
  q("both.test", 80, { family: "ipv6", v4Mapped: true, all: true, type: "stream" }),
  q("both.test", "http", { canonicalName: true, type: "stream" }),
  q("alias.test", 80, { canonicalName: true, type: "stream" }),
  q("alias.test", 80, { canonicalName: true, family: "ipv6" }),
  q("many.test", 80, { type: "stream" }),
  q("many.test", 80),
  q("many.test", 80, { type: "datagram", addressConfig: true }),
  q("many.test", 80, { family: "ipv4", type: "stream" }),
  q("many.test", 80, { family: "ipv6", type: "stream" }),
  q("linklocal.test", 80, { type: "stream" }),
  q("twice.test", 80, { type: "stream" }),
  q("bücher.test", 80, { type: "stream" }),
  q("BÜCHER.test", 80, { type: "stream" }),
  q("xn--bcher-kva.test", 80, { type: "stream", canonicalName: true }),
  q("upper.test", 80, { type: "stream", canonicalName: true }),
  q("short", 80, { type: "stream", canonicalName: true }),
  q("mapped.test", 80, { type: "stream" }),
  q("mapped.test", 80, { type: "stream", family: "ipv4" }),
  q("under_score.test", 80, { type: "stream" }),
  q("fe80::1%eth0.100", 80, { type: "stream" }),
  q("nosuchhost.test", 80),
  q("nosuchhost.test", 80, { family: "ipv6" }),
  q("nosuchhost.test", "nosuchservice"),
  q("localhost", "nosuchservice"),
  q("localhost", "http", { numericService: true }),
  q("localhost", 80, { numericHost: true }),
  q("localhost", "http", { type: "raw" }),
  q("-", 80),
  q("a..b", 80),
  q(".", 80),
  q(`${"a".repeat(64)}.test`, 80),
];

/** Ours, as Python would have it. */
function asPython({ value, error }: Answer): PythonAnswer | { readonly refused: string } {
  if (error === undefined) return { value };
  return error.name === "ResolveError"
    ? { code: error.code ?? "" }
    : { refused: `${error.name}: ${error.message}` };
}

function compare(
  questions: readonly AddrQuestion[],
  ours: readonly Answer[],
  theirs: readonly PythonAnswer[],
): void {
  assert.deepEqual([ours.length, theirs.length], [questions.length, questions.length]);
  const wrong = questions.flatMap((question, i) => {
    const [mine, other] = [asPython(ours[i] as Answer), theirs[i]];
    try {
      assert.deepEqual(mine, other);
      return [];
    } catch {
      return [`${title(question)}\n  ours   ${JSON.stringify(mine)}\n  Python ${JSON.stringify(other)}`];
    }
  });
  assert.deepEqual(wrong, []);
  const found = theirs.filter(({ value }) => value !== undefined).length;
  assert.ok(found > questions.length / 2 && found < questions.length, `${found} of them have addresses`);
}

test(`${NUMERIC.length} questions without a name: the same as Python's`, needsPython, async () => {
  const input = JSON.stringify(NUMERIC);
  const { stdout, stderr } = spawnSync("python3", ["-c", PYTHON], { input, encoding: "utf8" });
  assert.notEqual(stdout, "", stderr);
  compare(NUMERIC, await answer(NUMERIC), JSON.parse(stdout) as PythonAnswer[]);
});

const both = { skip: needsNamespace.skip || needsPython.skip };
const ALL = [...NAMES, ...NUMERIC];

test(
  `${ALL.length} questions to a hosts file, in the order of RFC 6724: the same as Python's`,
  both,
  async () => {
    const script = `cat > "$FOLDER/in"; python3 -c "$PYTHON" < "$FOLDER/in"; $NODE_TS test/names/_ask.ts < "$FOLDER/in"`;
    const { stdout, stderr } = await inNamespace(script, { hosts: HOSTS }, JSON.stringify(ALL), { PYTHON });
    const [theirs, ours] = stdout.trim().split("\n");
    assert.ok(theirs !== undefined && ours !== undefined, stderr);
    compare(ALL, JSON.parse(ours) as Answer[], JSON.parse(theirs) as PythonAnswer[]);
  },
);

// Where we differ from libc on purpose.

const PORTS: readonly (readonly [service: string | number, why: string])[] = [
  [65536, "libc cuts it to port 0"],
  ["65536", "libc cuts it to port 0"],
  ["65616", "libc cuts it to port 80"],
  ["99999", ""],
  [4294967376, "2^32 + 80"],
  ["18446744073709551616", "2^64"],
  [-1, "libc makes it 65535"],
  ["-1", "libc makes it 65535"],
  ["+80", "strtoul takes a sign"],
  [" 80", "strtoul passes over spaces"],
  ["\t80", "strtoul passes over spaces"],
  ["080", "a leading zero"],
  ["00", ""],
  ["80.0", ""],
  ["8e1", ""],
  [0.5, ""],
  [Number.NaN, ""],
  [Number.POSITIVE_INFINITY, ""],
];

for (const [service, why] of PORTS) {
  test(`port ${JSON.stringify(service)} is a RangeError${why === "" ? "" : `: ${why}`}`, async () => {
    await assert.rejects(getaddrinfo("127.0.0.1", service), (error) => {
      assert.ok(error instanceof RangeError, String(error));
      assert.match(error.message, /^port: expected a whole number from 0 to 65535, got /);
      return true;
    });
  });
}

for (const service of [
  "",
  "80 ",
  "http ",
  "ht tp",
  "http\0",
  "80\0",
  "0x50",
  "a".repeat(65),
  "a".repeat(100_000),
  "\x7f",
]) {
  test(`service ${JSON.stringify(service.slice(0, 20))} of ${service.length} characters is EAI_SERVICE`, async () => {
    await assert.rejects(getaddrinfo("127.0.0.1", service, { type: "stream" }), (error) => {
      assert.ok(error instanceof ResolveError, String(error));
      assert.deepEqual([error.code, error.host, error.service], ["EAI_SERVICE", "127.0.0.1", service]);
      assert.ok(error.message.length < 500 && !error.message.includes("\0"), JSON.stringify(error.message));
      return true;
    });
  });
}

test("neither host nor service is a TypeError, where libc has EAI_NONAME", async () => {
  await assert.rejects(getaddrinfo(undefined, undefined), {
    name: "TypeError",
    message: "getaddrinfo: expected a host, a service, or both",
  });
});

const BAD_HINTS: readonly (readonly [name: string, hints: unknown, expected: RegExp])[] = [
  ["an unknown family", { family: "ipx" }, /^TypeError: family: expected "ipv4" or "ipv6", got ipx/],
  ["a family by number", { family: 4 }, /^TypeError: family: .*got 4/],
  ["a family from Object's prototype", { family: "toString" }, /^TypeError: family: /],
  ["an unknown type", { type: "seqpacket" }, /^TypeError: type: expected "stream", "datagram" or "raw"/],
  ["a protocol by name", { protocol: "tcp" }, /^RangeError: protocol: .*got tcp/],
  ["a negative protocol", { protocol: -1 }, /^RangeError: protocol: /],
  ["a fraction of a protocol", { protocol: 6.5 }, /^RangeError: protocol: /],
  ["a protocol of 33 bits", { protocol: 2 ** 32 + 6 }, /^RangeError: protocol: /],
];

for (const [name, hints, expected] of BAD_HINTS) {
  test(`hints: ${name} is refused`, async () => {
    await assert.rejects(getaddrinfo("127.0.0.1", 80, hints as AddressHints), (error) =>
      expected.test(String(error)),
    );
  });
}

// SCTP and DCCP have types of their own, SOCK_SEQPACKET and SOCK_DCCP, which SocketType has no word for.
for (const [name, protocol] of [
  ["SCTP", 132],
  ["DCCP", 33],
] as const) {
  test(`${name}'s own socket type is not called raw`, async () => {
    const list = await getaddrinfo("127.0.0.1", 80, { protocol }).catch((error: unknown): AddressInfo[] => {
      assert.ok(error instanceof ResolveError, String(error));
      return [];
    });
    assert.deepEqual(
      list.filter(({ type }) => type === "raw"),
      [],
    );
  });
}
