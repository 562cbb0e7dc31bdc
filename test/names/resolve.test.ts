/** resolve: targets taken apart, addresses that need no lookup, what is refused, and the order of what comes back. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { AddressError, SocketAddr } from "../../src/ip/index.ts";
import {
  type Family,
  interleaveFamilies,
  ResolveError,
  type Resolver,
  resolve,
  type SplitTarget,
  splitTarget,
  type Target,
} from "../../src/names/index.ts";
import { resolverCallsRunning, TimeoutError } from "../../src/sys/index.ts";
import { type Answer, answer, type ResolveQuestion } from "./_ask.ts";
import { inNamespace, needsNamespace } from "./_namespace.ts";

// splitTarget

const address = SocketAddr.parse("[fe80::1%eth0]:80");

const TARGETS: readonly (readonly [target: Target, expected: string | { host: string; service: string }])[] =
  [
    ["localhost:2000", { host: "localhost", service: "2000" }],
    ["example.org:http", { host: "example.org", service: "http" }],
    ["127.0.0.1:80", "127.0.0.1:80"],
    ["[::1]:80", "[::1]:80"],
    ["[fe80::1%eth0]:80", "[fe80::1%eth0]:80"],
    ["[fe80::1%3]:80", "[fe80::1%3]:80"],
    ["127.0.0.1:http", { host: "127.0.0.1", service: "http" }],
    ["[::1]:http", { host: "::1", service: "http" }],
    ["127.1:80", { host: "127.1", service: "80" }], // resolve refuses it
    ["127.0.0.1:99999", { host: "127.0.0.1", service: "99999" }],
    ["127.0.0.1:080", { host: "127.0.0.1", service: "080" }],
    ["bücher.example:443", { host: "bücher.example", service: "443" }],
    [address, "[fe80::1%eth0]:80"],
    [
      { host: "localhost", port: 2000 },
      { host: "localhost", service: "2000" },
    ],
    [
      { host: "localhost", port: "http" },
      { host: "localhost", service: "http" },
    ],
    [{ host: "127.0.0.1", port: 80 }, "127.0.0.1:80"],
    [{ host: "127.0.0.1", port: "80" }, "127.0.0.1:80"],
    [{ host: "::1", port: 80 }, "[::1]:80"],
    [{ host: "[::1]", port: 80 }, "[::1]:80"],
    [{ host: "fe80::1%eth0.100", port: 80 }, "[fe80::1%eth0.100]:80"],
    [{ host: "::ffff:1.2.3.4", port: 0 }, "[::ffff:1.2.3.4]:0"],
    [
      { host: "::1", port: "http" },
      { host: "::1", service: "http" },
    ],
    [
      { host: "[::1]", port: "http" },
      { host: "::1", service: "http" },
    ], // as "[::1]:http"
    [
      { host: "", port: 80 },
      { host: "", service: "80" },
    ],
  ];

const shown = (split: SplitTarget): unknown =>
  split instanceof SocketAddr ? split.toString() : { ...split };

for (const [target, expected] of TARGETS) {
  const name =
    typeof target === "string"
      ? target
      : target instanceof SocketAddr
        ? `SocketAddr ${target}`
        : JSON.stringify(target);
  test(`splitTarget: ${name}`, () => {
    assert.deepEqual(shown(splitTarget(target)), expected);
  });
}

for (const target of [
  "",
  "localhost",
  "127.0.0.1",
  "::1",
  "::1:80",
  "[::1]",
  "[::1]80",
  "[localhost]:80",
  ":80",
  "localhost:",
]) {
  test(`splitTarget refuses ${JSON.stringify(target)}`, () => {
    assert.throws(() => splitTarget(target), AddressError);
  });
}

for (const target of [
  undefined,
  null,
  80,
  true,
  {},
  { host: "x" },
  { port: 80 },
  { host: 1, port: 80 },
  [],
  () => 0,
]) {
  test(`splitTarget: ${typeof target} ${JSON.stringify(target)} is a TypeError`, () => {
    assert.throws(() => splitTarget(target as Target), {
      name: "TypeError",
      message: /^target(: expected "host:port"|\.port: expected a port)/,
    });
  });
}

// No lookup

const NUMERIC: readonly (readonly [host: string, service: string | number | undefined, expected: string])[] =
  [
    ["127.0.0.1", 80, "127.0.0.1:80"],
    ["127.0.0.1", "80", "127.0.0.1:80"],
    ["127.0.0.1", undefined, "127.0.0.1:0"],
    ["::1", 65535, "[::1]:65535"],
    ["[::1]", 1, "[::1]:1"],
    ["fe80::1%lo", 80, "[fe80::1%lo]:80"],
    ["fe80::1%eth0.100", 80, "[fe80::1%eth0.100]:80"],
    ["::ffff:127.0.0.1", 80, "[::ffff:127.0.0.1]:80"],
    ["255.255.255.255", 0, "255.255.255.255:0"],
  ];

for (const [host, service, expected] of NUMERIC) {
  test(`resolve ${host} ${service ?? "(no service)"} asks nobody`, async () => {
    const never: Resolver = { resolve: () => assert.fail("the resolver was asked") };
    const pending = resolve(host, service, { resolver: never });
    assert.equal(resolverCallsRunning(), 0);
    assert.deepEqual((await pending).map(String), [expected]);
    const system = resolve(host, service);
    assert.equal(resolverCallsRunning(), 0, "nor is the thread pool");
    assert.deepEqual((await system).map(String), [expected]);
  });
}

test("the test would see it: a service by name does ask", async () => {
  const pending = resolve("127.0.0.1", "http");
  assert.equal(resolverCallsRunning(), 1);
  assert.deepEqual((await pending).map(String), ["127.0.0.1:80"]);
  assert.equal(resolverCallsRunning(), 0);
});

test("an IPv6 address in brackets may have a service by name, as it may have a port", async () => {
  assert.deepEqual((await resolve("[::1]", "http")).map(String), ["[::1]:80"]);
});

for (const [host, family, expected] of [
  ["127.0.0.1", "ipv4", "127.0.0.1:80"],
  ["::1", "ipv6", "[::1]:80"],
  ["127.0.0.1", "ipv6", undefined],
  ["::1", "ipv4", undefined],
  ["::ffff:127.0.0.1", "ipv4", undefined],
] as const) {
  test(`family ${family} of ${host} is ${expected ?? "EAI_ADDRFAMILY"}`, async () => {
    const pending = resolve(host, 80, { family });
    if (expected !== undefined) return assert.deepEqual((await pending).map(String), [expected]);
    await assert.rejects(pending, { name: "ResolveError", code: "EAI_ADDRFAMILY", host, service: "80" });
  });
}

// What is refused without a lookup

const never: Resolver = { resolve: (host) => assert.fail(`the resolver was asked for ${host}`) };

const LEGACY = [
  "127.1",
  "127.0.1",
  "0x7f.1",
  "0x7f000001",
  "0X7F.0.0.1",
  "2130706433",
  "017700000001",
  "010.0.0.1",
  "127.0.0.01",
  "127.0.0.0x1",
  "0",
  "1",
  "256.0.0.1",
  "1.2.3.4.5",
  "1.2.3.",
  "127.0.0.1.",
  "..1",
  "example.1",
  "0x",
  "example.0x",
  "99999999999999999999",
];

for (const host of LEGACY) {
  for (const service of [80, "http"]) {
    test(`resolve refuses ${host} ${service}, which libc may take for an IPv4 address`, async () => {
      for (const resolver of [never, undefined]) {
        await assert.rejects(resolve(host, service, { resolver }), {
          name: "ResolveError",
          code: "EAI_NONAME",
          host,
          service: String(service),
          message: /four decimal numbers/,
        });
      }
    });
  }
}

// UTS #46 maps these to ASCII digits and dots, and Node's domainToASCII reads the result as URLs do: 127.0.0.1.
for (const host of [
  "１２７.１",
  "０x7f.１",
  "127。1",
  "２１３０７０６４３３",
  "０１７７.0.0.1",
  "127.0.0．1．",
]) {
  test(`resolve refuses ${host}, a legacy form in other digits or dots`, async () => {
    await assert.rejects(resolve(host, 80), { name: "ResolveError", code: "EAI_NONAME" });
  });
}

// domainToASCII reads a URL's host: it cuts at a slash, decodes percents, and drops tabs and newlines.
for (const host of [
  "localhoſt/path",
  "localhoſt?query",
  "localhoſt#part",
  "localhoſt\\path",
  "ｌocalhos%74",
  "ｌocalhost%2e",
]) {
  test(`resolve refuses ${host}, and does not look up a part of it`, async () => {
    await assert.rejects(resolve(host, 80), { name: "ResolveError", code: "EAI_NONAME", host });
  });
}

const HOSTS: readonly (readonly [name: string, host: string])[] = [
  ["empty", ""],
  ["a space", "local host"],
  ["a space in front", " localhost"],
  ["a space behind", "localhost "],
  ["a tab", "local\thost"],
  ["a newline", "localhost\n"],
  ["NUL", "localhost\0"],
  ["NUL in the middle", "localhost\0.evil.example"],
  ["escape", "\x1b[31mlocalhost"],
  ["delete", "localhost\x7f"],
  ["the terminal's CSI in one character", "localhost\x9b31m"],
  ["text from right to left", "local\u202ehost"],
  ["300 characters", `${"a.".repeat(149)}aa`],
  ["254 characters", `${"a".repeat(60)}.`.repeat(4).concat("b".repeat(10))],
  ["100 000 characters", "a".repeat(100_000)],
  ["a lone surrogate", "\ud800"],
  ["no IDNA form", "ü‍..\u2488"],
  ["a space outside of ASCII", "ü local"],
  ["a control character beside an umlaut", "ü\tb"],
];

for (const [name, host] of HOSTS) {
  test(`resolve refuses a host: ${name}`, async () => {
    const pending = resolve(host, 80);
    assert.equal(resolverCallsRunning(), 0, "the thread pool was asked");
    await assert.rejects(pending, (error) => {
      assert.ok(error instanceof ResolveError, String(error));
      assert.deepEqual([error.code, error.host, error.service], ["EAI_NONAME", host, "80"]);
      assert.ok(error.message.length < 500, `a message of ${error.message.length} characters`);
      assert.doesNotMatch(error.message, /\p{Cc}|\p{Bidi_Control}/u, "a control character in the message");
      return true;
    });
  });
}

for (const service of [65536, -1, 1.5, Number.NaN, "65536", "080", "+80", " 80"]) {
  test(`resolve refuses port ${JSON.stringify(service)}`, async () => {
    for (const host of ["127.0.0.1", "::1", "localhost"]) {
      await assert.rejects(resolve(host, service), RangeError);
    }
  });
}

test("an unknown service is EAI_SERVICE, with what to do", async () => {
  await assert.rejects(resolve("127.0.0.1", "nosuchservice"), {
    name: "ResolveError",
    code: "EAI_SERVICE",
    host: "127.0.0.1",
    service: "nosuchservice",
    message: /^resolve 127\.0\.0\.1 nosuchservice: .*\(EAI_SERVICE\).*port number from 0 to 65535/,
  });
});

// A resolver of one's own

const fixed = (...texts: string[]): Resolver => ({ resolve: async () => texts.map(SocketAddr.parse) });

test("a resolver is asked for names with the options, and its addresses come in turns of the families", async () => {
  const asked: unknown[] = [];
  const { signal } = new AbortController();
  const resolver: Resolver = {
    resolve: async (host, service, options) => {
      asked.push([host, service, options?.family, options?.signal, options?.timeoutMs]);
      return ["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "1.1.1.2:1"].map(SocketAddr.parse);
    },
  };
  const list = await resolve("example.org", "http", { resolver, family: "ipv6", signal, timeoutMs: 50 });
  assert.deepEqual(asked, [["example.org", "http", "ipv6", signal, 50]]);
  assert.deepEqual(list.map(String), ["[::1]:1", "1.1.1.1:1", "[::2]:1", "1.1.1.2:1", "[::3]:1"]);
});

test("a resolver that finds nothing is EAI_NONAME", async () => {
  await assert.rejects(resolve("example.org", 80, { resolver: fixed() }), {
    name: "ResolveError",
    code: "EAI_NONAME",
    host: "example.org",
    service: "80",
  });
});

test("a resolver's own error comes as it is", async () => {
  const error = new Error("my resolver is out of order");
  const resolver: Resolver = { resolve: () => Promise.reject(error) };
  await assert.rejects(resolve("example.org", 80, { resolver }), (got) => got === error);
});

const ORDERS: readonly (readonly [families: string, expected: string])[] = [
  ["", ""],
  ["4a", "4a"],
  ["6a 6b 6c", "6a 6b 6c"],
  ["6a 6b 4a 4b", "6a 4a 6b 4b"],
  ["4a 4b 6a 6b", "4a 6a 4b 6b"],
  ["6a 4a 4b 4c", "6a 4a 4b 4c"],
  ["4a 6a 6b 6c", "4a 6a 6b 6c"],
  ["6a 4a 6b 4b", "6a 4a 6b 4b"],
  ["6a 6b 6c 6d 4a", "6a 4a 6b 6c 6d"],
];

for (const [families, expected] of ORDERS) {
  test(`the families take turns: ${families || "none"}`, () => {
    const entries = families
      .split(" ")
      .filter(Boolean)
      .map((name) => ({ family: name[0] as unknown as Family, name }));
    const names = interleaveFamilies(entries).map(({ name }) => name);
    assert.equal(names.join(" "), expected);
  });
}

// ResolveError

test("a ResolveError has its fields, one line of message, and the errno of EAI_SYSTEM as its cause", () => {
  const error = new ResolveError(-11, "example.org", "80", { errno: 24 });
  assert.deepEqual(
    [error.name, error.code, error.host, error.service],
    ["ResolveError", "EAI_SYSTEM", "example.org", "80"],
  );
  assert.equal((error.cause as { code?: string }).code, "EMFILE");
  assert.match(error.message, /^resolve example\.org 80: .*\(EAI_SYSTEM\): .*EMFILE/);
  assert.ok(
    !("cause" in new ResolveError(-2, "x", undefined, { errno: 24 })),
    "the errno counts for EAI_SYSTEM only",
  );
});

test("an error number without a name stays a number", () => {
  const error = new ResolveError(-105, "x", undefined);
  assert.equal(error.code, "EAI_-105");
  assert.equal(error.service, undefined);
});

test("the options are checked before anybody is asked", async () => {
  await assert.rejects(resolve("localhost", 80, { timeoutMs: -1 }), RangeError);
  await assert.rejects(resolve("localhost", 80, { timeoutMs: "5" as unknown as number }), TypeError);
  await assert.rejects(resolve("localhost", 80, { signal: {} as AbortSignal }), TypeError);
  const signal = AbortSignal.abort("already");
  await assert.rejects(resolve("localhost", 80, { signal }), (reason) => reason === "already");
  assert.equal(resolverCallsRunning(), 0);
  assert.ok(new TimeoutError("getaddrinfo", 5, "localhost").message.includes("localhost"));
});

// The system's resolver, with a hosts file of our own

const FILE = `
127.0.0.1 localhost
::1 localhost
192.0.2.40 twice.test
192.0.2.40 twice.test
192.0.2.40 twice.test other.test
192.0.2.41 twice.test
192.0.2.20 both.test
192.0.2.21 both.test
2001:db8::20 both.test
2001:db8::21 both.test
192.0.2.50 xn--bcher-kva.test
192.0.2.51 xn--fa-hia.test
127.0.0.1 xn--tda
192.0.2.60 a-name.with.digits4
`;

const asks = (host: string, service: string | number = 80, family?: Family): ResolveQuestion => ({
  call: "resolve",
  host,
  service,
  ...(family === undefined ? {} : { family }),
});

type Expected = readonly string[] | string;

const SYSTEM: readonly (readonly [question: ResolveQuestion, expected: Expected])[] = [
  [asks("twice.test"), ["192.0.2.40:80", "192.0.2.41:80"]], // none twice
  [asks("both.test", "http", "ipv4"), ["192.0.2.20:80", "192.0.2.21:80"]],
  [asks("bücher.test"), ["192.0.2.50:80"]],
  [asks("BÜCHER.TEST"), ["192.0.2.50:80"]],
  [asks("bu\u0308cher.test"), ["192.0.2.50:80"]], // NFD
  [asks("bücher。test"), ["192.0.2.50:80"]], // an ideographic full stop
  [asks("faß.test"), ["192.0.2.51:80"]], // not fass: UTS #46 non-transitional
  [asks("ｔwice.test"), ["192.0.2.40:80", "192.0.2.41:80"]],
  [asks("a-name.with.digits4"), ["192.0.2.60:80"]],
  [asks("nosuchhost.test"), "EAI_NONAME"],
  [asks("nosuchhost.test", "http", "ipv6"), "EAI_NONAME"],
  [asks("twice.test", "nosuchservice"), "EAI_SERVICE"],
  [asks("fe80::1%eth0.100", "http"), "[fe80::1%INDEX]:80"],
  [asks("fe80::1%eth0.100", 80), ["[fe80::1%eth0.100]:80"]],
  [asks("ü/evil.test"), "EAI_NONAME"],
  [asks("ü?evil.test"), "EAI_NONAME"],
];

let answers: Promise<Map<ResolveQuestion, Answer>> | undefined;

/** All of them in one namespace, asked once. */
function systemAnswers(): Promise<Map<ResolveQuestion, Answer>> {
  answers ??= (async () => {
    const questions = [...SYSTEM.map(([question]) => question), asks("both.test")];
    const { stdout, stderr } = await inNamespace(
      "$NODE_TS test/names/_ask.ts",
      { hosts: FILE },
      JSON.stringify(questions),
    );
    assert.notEqual(stdout, "", stderr);
    const list = JSON.parse(stdout) as Answer[];
    return new Map([
      ...SYSTEM.map(([question], i) => [question, list[i] as Answer] as const),
      [BOTH, list.at(-1) as Answer],
    ]);
  })();
  return answers;
}

const BOTH = asks("both.test");

for (const [question, expected] of SYSTEM) {
  const name = `${question.host} ${question.service}${question.family === undefined ? "" : ` ${question.family}`}`;
  test(`the system resolves ${name} to ${expected}`, needsNamespace, async () => {
    const { value, error } = (await systemAnswers()).get(question) as Answer;
    if (typeof expected !== "string") return assert.deepEqual([value, error], [expected, undefined]);
    if (expected.startsWith("EAI_")) return assert.equal(error?.code, expected, JSON.stringify(value));
    assert.equal(error, undefined);
    const [text] = value as string[];
    assert.equal(text?.replace(/%\d+/, "%INDEX"), expected);
  });
}

test("a host of both families is tried in turns", needsNamespace, async () => {
  const { value } = (await systemAnswers()).get(BOTH) as Answer;
  const families = (value as string[]).map((text) => (text.startsWith("[") ? 6 : 4));
  assert.deepEqual([...families].sort(), [4, 4, 6, 6]);
  assert.notEqual(families[0], families[1]);
  assert.notEqual(families[2], families[3]);
});

test("in this process too, the table of answers is asked through the same code", async () => {
  const [got] = await answer([asks("127.0.0.1")]);
  assert.deepEqual(got, { value: ["127.0.0.1:80"] });
});
