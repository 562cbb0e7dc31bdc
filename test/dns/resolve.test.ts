/** DnsResolver.resolve and reverse: what is asked for which host, and what comes of it. */
import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { DnsError, DnsResolver, type DnsResolverOptions } from "../../src/dns/index.ts";
import { ResolveError } from "../../src/names/index.ts";
import { a, FakeServer, type Query, reply } from "./_fake.ts";

const LONG = 60_000;
const folder = mkdtempSync(join(tmpdir(), "windsock-dns-"));
after(() => rmSync(folder, { recursive: true }));

let files = 0;

/** A file with this text. */
function file(text: string): string {
  const path = join(folder, `file${files++}`);
  writeFileSync(path, text);
  return path;
}

const NO_HOSTS = file("");
const SOA = {
  type: "SOA",
  name: "test",
  data: { mname: "ns.test", rname: "a.test", serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 1 },
};

const aaaa = (name: string, address: string): unknown => ({ type: "AAAA", name, ttl: 60, data: address });
const cname = (name: string, target: string): unknown => ({ type: "CNAME", name, ttl: 60, data: target });
const ptr = (name: string, target: string): unknown => ({ type: "PTR", name, ttl: 60, data: target });

/** What a server says to a name and a type. */
type Answers = (query: Query) => Buffer | undefined;

async function answering(answers: Answers): Promise<FakeServer> {
  return FakeServer.start({
    udp: (query, send) => {
      const answer = answers(query);
      if (answer !== undefined) send(answer);
    },
  });
}

const resolverOf = (fake: FakeServer, options: Partial<DnsResolverOptions> = {}): DnsResolver =>
  new DnsResolver({ servers: [fake.server], timeoutMs: LONG, hostsFile: NO_HOSTS, ...options });

/** What was asked for, as "name type". */
const askedOf = (fake: FakeServer): string[] => fake.queries.map(({ name, type }) => `${name} ${type}`);

const never = (): Promise<FakeServer> => answering((query) => assert.fail(`${query.name} was asked for`));

// Without a server

for (const [host, service, family, expected] of [
  ["192.0.2.1", 80, undefined, ["192.0.2.1:80"]],
  ["192.0.2.1", "http", undefined, ["192.0.2.1:80"]],
  ["::1", "80", undefined, ["[::1]:80"]],
  ["fe80::1%eth7", 80, "ipv6", ["[fe80::1%eth7]:80"]],
  ["fe80::1%7", 80, undefined, ["[fe80::1%7]:80"]],
  ["localhost", 80, undefined, ["127.0.0.1:80", "[::1]:80"]],
  ["LOCALHOST.", 80, "ipv4", ["127.0.0.1:80"]],
  ["my.dev.localhost", 80, "ipv6", ["[::1]:80"]],
  ["localhost", "domain", "ipv4", ["127.0.0.1:53"]],
] as const) {
  test(`nobody is asked for ${host} ${service} ${family ?? ""}`, async () => {
    await using fake = await never();
    const found = await resolverOf(fake).resolve(host, service, { family });
    assert.deepEqual(found.map(String).sort(), expected);
  });
}

for (const [host, service, family, code] of [
  ["192.0.2.1", 80, "ipv6", "EAI_ADDRFAMILY"],
  ["::1", 80, "ipv4", "EAI_ADDRFAMILY"],
  ["127.1", 80, undefined, "EAI_NONAME"],
  ["192.0.2.256", 80, undefined, "EAI_NONAME"],
  ["0x7f.1", 80, undefined, "EAI_NONAME"],
  ["fe80::1%", 80, undefined, "EAI_NONAME"],
  ["::g", 80, undefined, "EAI_NONAME"],
  ["", 80, undefined, "EAI_NONAME"],
  ["a b", 80, undefined, "EAI_NONAME"],
  ["a..b", 80, undefined, "EAI_NONAME"],
  ["x".repeat(64), 80, undefined, "EAI_NONAME"],
  [`${"x".repeat(60)}.`.repeat(5), 80, undefined, "EAI_NONAME"],
  ["a\\.b", 80, undefined, "EAI_NONAME"],
  ["nothing.invalid", 80, undefined, "EAI_NONAME"],
  ["hidden.onion", 80, undefined, "EAI_NONAME"],
  ["host.test", "no-such-service", undefined, "EAI_SERVICE"],
] as const) {
  test(`nobody is asked for ${JSON.stringify(host.slice(0, 20))} ${service} ${family ?? ""}: ${code}`, async () => {
    await using fake = await never();
    await assert.rejects(resolverOf(fake).resolve(host, service, { family }), (error) => {
      assert.ok(error instanceof ResolveError, String(error));
      assert.deepEqual([error.code, error.host, error.service], [code, host, String(service)]);
      return true;
    });
  });
}

for (const service of [65536, -1, 1.5, Number.NaN, "65536", "080", "+80"]) {
  test(`port ${JSON.stringify(service)} is a RangeError`, async () => {
    await using fake = await never();
    await assert.rejects(resolverOf(fake).resolve("host.test", service), RangeError);
  });
}

test("a service for datagrams may have another port", async () => {
  await using fake = await answering((query) => reply(query));
  const resolver = resolverOf(fake);
  const of = async (type: "stream" | "datagram"): Promise<string> =>
    String((await resolver.resolve("192.0.2.1", "exec", { type }).catch((error) => error.code)) as unknown);
  assert.equal(await of("stream"), "192.0.2.1:512"); // comsat has the port over UDP
  assert.equal(await of("datagram"), "EAI_SERVICE");
});

// Both families

test("A and AAAA are asked for at once, and the addresses come once each", async () => {
  const held: (() => void)[] = [];
  await using fake = await FakeServer.start({
    udp: (query, send) => {
      const name = query.name;
      const four = [a(name, "192.0.2.1"), a(name, "192.0.2.2"), a(name, "192.0.2.1")];
      held.push(() => send(reply(query, { answers: query.type === "A" ? four : [aaaa(name, "::1")] })));
      if (held.length === 2) for (const answer of held) answer();
    },
  });
  const found = await resolverOf(fake).resolve("host.test", 80);
  assert.deepEqual(found.map(String).sort(), ["192.0.2.1:80", "192.0.2.2:80", "[::1]:80"]);
  assert.deepEqual(askedOf(fake).sort(), ["host.test A", "host.test AAAA"]);
});

for (const [family, type] of [
  ["ipv4", "A"],
  ["ipv6", "AAAA"],
] as const) {
  test(`family ${family} asks for ${type} only`, async () => {
    await using fake = await answering((query) =>
      reply(query, { answers: [query.type === "A" ? a(query.name) : aaaa(query.name, "::1")] }),
    );
    assert.equal((await resolverOf(fake).resolve("host.test", 80, { family })).length, 1);
    assert.deepEqual(askedOf(fake), [`host.test ${type}`]);
  });
}

for (const [what, aaaaAnswer, expected] of [
  ["SERVFAIL", (query: Query) => reply(query, { rcode: 2, answers: [] }), ["192.0.2.1:80"]],
  ["NXDOMAIN, wrongly", (query: Query) => reply(query, { rcode: 3, answers: [] }), ["192.0.2.1:80"]],
  ["nothing", (query: Query) => reply(query, { answers: [] }), ["192.0.2.1:80"]],
  ["silence", () => undefined, ["192.0.2.1:80"]],
] as const) {
  test(`one family is enough where the other one gets ${what}`, async () => {
    await using fake = await answering((query) => (query.type === "A" ? reply(query) : aaaaAnswer(query)));
    const found = await resolverOf(fake, { timeoutMs: 1000, attempts: 1 }).resolve("host.test", 80);
    assert.deepEqual(found.map(String), expected);
  });
}

test("a call that is cancelled gives nothing, though one family has been answered", async () => {
  await using fake = await answering((query) => (query.type === "A" ? reply(query) : undefined));
  const resolver = resolverOf(fake);
  await assert.rejects(resolver.resolve("host.test", 80, { timeoutMs: 100 }), { name: "TimeoutError" });
  const controller = new AbortController();
  const pending = resolver.resolve("host.test", 80, { signal: controller.signal });
  const rejected = assert.rejects(pending, (reason) => reason === "enough");
  while (fake.queries.length < 4) await new Promise((resolve) => fake.udp.once("message", resolve));
  controller.abort("enough");
  await rejected;
});

for (const [what, first, second, code] of [
  ["nothing and nothing", 0, 0, "EAI_NODATA"],
  ["NXDOMAIN and NXDOMAIN", 3, 3, "EAI_NONAME"],
  ["NXDOMAIN and SERVFAIL", 3, 2, "EAI_NONAME"],
  ["SERVFAIL and nothing", 2, 0, "EAI_AGAIN"],
  ["nothing and SERVFAIL", 0, 2, "EAI_AGAIN"],
  ["REFUSED and REFUSED", 5, 5, "EAI_AGAIN"],
  ["FORMERR and FORMERR", 1, 1, "EAI_FAIL"],
  ["silence and nothing", undefined, 0, "EAI_AGAIN"],
] as const) {
  test(`${what} is ${code}`, async () => {
    await using fake = await answering((query) => {
      const rcode = query.type === "A" ? first : second;
      return rcode === undefined ? undefined : reply(query, { rcode, answers: [] });
    });
    const resolver = resolverOf(fake, { timeoutMs: 1000, attempts: 1 });
    await assert.rejects(resolver.resolve("host.test", "https"), (error) => {
      assert.ok(error instanceof ResolveError, String(error));
      assert.deepEqual([error.code, error.host, error.service], [code, "host.test", "https"]);
      if (code === "EAI_NODATA") assert.match(error.message, /: host\.test has no IPv4 or IPv6 address$/);
      else {
        assert.ok(error.cause instanceof DnsError);
        assert.ok(
          error.message.includes(`(${code}): `) && error.message.includes(fake.server),
          error.message,
        );
        assert.doesNotMatch(error.message, /\n/);
      }
      return true;
    });
  });
}

// Aliases

test("a chain of aliases in one answer", async () => {
  await using fake = await answering((query) =>
    query.type === "A"
      ? reply(query, { answers: [cname("host.test", "b.test"), cname("b.test", "C.test"), a("c.test")] })
      : reply(query, { answers: [cname("host.test", "b.test")], authorities: [SOA] }),
  );
  assert.deepEqual((await resolverOf(fake).resolve("host.test", 80)).map(String), ["192.0.2.1:80"]);
  assert.equal(fake.queries.length, 2);
});

test("an alias that the server does not follow is asked for", async () => {
  await using fake = await answering((query) =>
    query.name === "host.test"
      ? reply(query, { answers: [cname("host.test", "other.test")] })
      : reply(query, { answers: query.type === "A" ? [a(query.name)] : [] }),
  );
  assert.deepEqual((await resolverOf(fake).resolve("host.test", 80)).map(String), ["192.0.2.1:80"]);
  assert.deepEqual(askedOf(fake).sort(), [
    "host.test A",
    "host.test AAAA",
    "other.test A",
    "other.test AAAA",
  ]);
});

test("aliases in a circle come to an end", async () => {
  await using circle = await answering((query) =>
    reply(query, { answers: [cname("host.test", "b.test"), cname("b.test", "host.test")] }),
  );
  await assert.rejects(resolverOf(circle).resolve("host.test", 80), { code: "EAI_NODATA" });
  assert.equal(circle.queries.length, 2);
  await using ring = await answering((query) =>
    reply(query, { answers: [cname(query.name, query.name === "host.test" ? "b.test" : "host.test")] }),
  );
  await assert.rejects(resolverOf(ring).resolve("host.test", 80), { code: "EAI_NODATA" });
  assert.equal(ring.queries.length, 4);
});

test("aliases without end come to an end", async () => {
  await using fake = await answering((query) =>
    reply(query, { answers: [cname(query.name, `x${query.id}.test`)] }),
  );
  await assert.rejects(resolverOf(fake).resolve("host.test", 80, { family: "ipv4" }), { code: "EAI_NODATA" });
  assert.equal(fake.queries.length, 16);
});

test("addresses of other names in an answer do not count", async () => {
  await using fake = await answering((query) => reply(query, { answers: [a("evil.test", "192.0.2.66")] }));
  await assert.rejects(resolverOf(fake).resolve("host.test", 80), { code: "EAI_NODATA" });
});

test("an alias whose name cannot be asked for leads nowhere", async () => {
  await using fake = await answering((query) => {
    const message = reply(query, { answers: [cname("host.test", "aXb.test")] });
    message[message.length - "Xb.test".length - 2] = 0x2e; // a dot in the label
    return message;
  });
  await assert.rejects(resolverOf(fake).resolve("host.test", 80, { family: "ipv4" }), { code: "EAI_NODATA" });
  assert.equal(fake.queries.length, 1);
});

// Names

test("a name outside of ASCII is asked for in its IDNA form", async () => {
  await using fake = await answering((query) => reply(query));
  await resolverOf(fake).resolve("bücher.test", 80, { family: "ipv4" });
  await resolverOf(fake).query("faß.test", "A");
  assert.deepEqual(askedOf(fake), ["xn--bcher-kva.test A", "xn--fa-hia.test A"]);
});

for (const name of ["", "..", "a..b", "x".repeat(64), "a\\.b", `${"x".repeat(60)}.`.repeat(5)]) {
  test(`query refuses the name ${JSON.stringify(name.slice(0, 20))}`, async () => {
    await using fake = await never();
    await assert.rejects(resolverOf(fake).query(name, "A"), {
      name: "RangeError",
      message: /^name: ".* is none: /,
    });
  });
}

test("query takes the root, services, and spaces", async () => {
  await using fake = await answering((query) => reply(query, { answers: [] }));
  for (const name of [".", "_443._tcp.test.", "my printer._ipp._tcp.test"])
    await resolverOf(fake).query(name, "ANY");
  assert.deepEqual(askedOf(fake), [". ANY", "_443._tcp.test ANY", "my printer._ipp._tcp.test ANY"]);
});

test("silence ends the search, a failure of the server does not", async () => {
  const search = ["one.test", "two.test"];
  await using silent = await answering(() => undefined);
  const quiet = resolverOf(silent, { search, timeoutMs: 100, attempts: 1 });
  await assert.rejects(quiet.resolve("host", 80, { family: "ipv4" }), { code: "EAI_AGAIN" });
  assert.deepEqual(askedOf(silent), ["host.one.test A"]);
  await using failing = await answering((query) =>
    query.name === "host.two.test" ? reply(query) : reply(query, { rcode: 2, answers: [] }),
  );
  const sick = resolverOf(failing, { search, attempts: 1 });
  assert.deepEqual((await sick.resolve("host", 80, { family: "ipv4" })).map(String), ["192.0.2.1:80"]);
  assert.deepEqual(askedOf(failing), ["host.one.test A", "host.two.test A"]);
});

test("what is too long with a domain of the search list is tried without it", async () => {
  await using fake = await answering((query) => reply(query, { rcode: 3, answers: [] }));
  const resolver = resolverOf(fake, { search: [`${"x".repeat(60)}.`.repeat(4), "short.test."] });
  await assert.rejects(resolver.resolve("a-host", 80, { family: "ipv4" }), { code: "EAI_NONAME" });
  await assert.rejects(resolver.resolve(`a-host-${"y".repeat(40)}`, 80, { family: "ipv4" }), {
    code: "EAI_NONAME",
  });
  assert.deepEqual(
    askedOf(fake).map((asked) => asked.length > 100),
    [true, false, false, false, false],
  );
});

// The hosts file

test("the hosts file comes before the servers, and before localhost", async () => {
  await using fake = await answering((query) => reply(query));
  const hostsFile = file(
    "192.0.2.7 host.test # 192.0.2.8 host.test\n127.0.0.9 localhost\nfe80::1%lo linked\nnonsense x\n",
  );
  const resolver = resolverOf(fake, { hostsFile });
  const found = async (host: string): Promise<string[]> => (await resolver.resolve(host, 80)).map(String);
  assert.deepEqual(await found("HOST.test."), ["192.0.2.7:80"]);
  assert.deepEqual(await found("localhost"), ["127.0.0.9:80"]);
  assert.deepEqual(await found("linked"), ["[fe80::1%lo]:80"]);
  assert.deepEqual(askedOf(fake), []);
  assert.deepEqual(await found("x"), ["192.0.2.1:80"]);
  assert.deepEqual(
    (await resolver.resolve("host.test", 80, { family: "ipv6" }).catch(({ code }) => code)) as string,
    "EAI_NODATA",
  );
  assert.deepEqual(
    (await resolverOf(fake, { hostsFile, useHosts: false }).resolve("host.test", 80)).map(String),
    ["192.0.2.1:80"],
  );
});

test("the hosts file is read again when it has changed, has gone, or comes", async () => {
  await using fake = await answering((query) => reply(query));
  const hostsFile = join(folder, "hosts");
  const resolver = resolverOf(fake, { hostsFile });
  const found = async (): Promise<string> =>
    String(await resolver.resolve("host.test", 80, { family: "ipv4" }));
  assert.equal(await found(), "192.0.2.1:80");
  writeFileSync(hostsFile, "192.0.2.7 host.test\n");
  assert.equal(await found(), "192.0.2.7:80");
  renameSync(file("192.0.2.8 host.test\n"), hostsFile); // of the same length
  assert.equal(await found(), "192.0.2.8:80");
  unlinkSync(hostsFile);
  assert.equal(await found(), "192.0.2.1:80");
});

// reverse

test("reverse: PTR records, aliases of RFC 2317 included, and the hosts file first", async () => {
  await using fake = await answering((query) => {
    const zone = "0-63.2.0.192.in-addr.arpa";
    if (query.name === "9.2.0.192.in-addr.arpa") {
      const alias = `9.${zone}`;
      return reply(query, {
        answers: [cname(query.name, alias), ptr(alias, "one.test"), ptr(alias, "two.test")],
      });
    }
    if (query.name.endsWith("ip6.arpa")) return reply(query, { answers: [ptr(query.name, "six.test")] });
    return query.name === "8.2.0.192.in-addr.arpa"
      ? reply(query, { answers: [], authorities: [SOA] })
      : reply(query, { rcode: 3, answers: [] });
  });
  const resolver = resolverOf(fake, { hostsFile: file("192.0.2.5 five.test alias.test\n::5 five6.test\n") });
  assert.deepEqual(await resolver.reverse("192.0.2.9"), ["one.test", "two.test"]);
  assert.deepEqual(await resolver.reverse("2001:db8::1"), ["six.test"]);
  assert.deepEqual(await resolver.reverse("192.0.2.5"), ["five.test", "alias.test"]);
  assert.deepEqual(await resolver.reverse("0:0::5"), ["five6.test"]);
  await assert.rejects(resolver.reverse("192.0.2.8"), { name: "ResolveError", code: "EAI_NODATA" });
  await assert.rejects(resolver.reverse("192.0.2.7"), {
    name: "ResolveError",
    code: "EAI_NONAME",
    host: "192.0.2.7",
  });
  await assert.rejects(resolver.reverse("host.test"), { name: "AddressError" });
});

// Options

for (const [what, options, error] of [
  ["none", undefined, TypeError],
  ["no servers", {}, TypeError],
  ["an empty list", { servers: [] }, RangeError],
  [
    "a name as a server",
    { servers: ["dns.example"] },
    { name: "AddressError", message: /"dns\.example" is not the address of a server/ },
  ],
  ["a legacy address", { servers: ["127.1"] }, { name: "AddressError" }],
  ["brackets around IPv4", { servers: ["[127.0.0.1]"] }, { name: "AddressError" }],
  ["a port out of range", { servers: ["127.0.0.1:65536"] }, { name: "AddressError" }],
  ["a port out of range as a number", { servers: [{ address: "127.0.0.1", port: 65536 }] }, RangeError],
  ["a number", { servers: [53] }, TypeError],
  ["a transport", { servers: ["::1"], transport: "quic" }, TypeError],
  ["a timeout", { servers: ["::1"], timeoutMs: -1 }, RangeError],
  ["attempts", { servers: ["::1"], attempts: 0 }, RangeError],
  ["EDNS", { servers: ["::1"], ednsBytes: 511 }, RangeError],
  ["ndots", { servers: ["::1"], ndots: -1 }, RangeError],
  ["a search domain", { servers: ["::1"], search: ["a..b"] }, RangeError],
] as const) {
  test(`options that cannot be: ${what}`, () => {
    assert.throws(() => new DnsResolver(options as unknown as DnsResolverOptions), error);
  });
}

test("servers in all their forms", () => {
  const resolver = new DnsResolver({
    servers: [
      "127.0.0.1",
      "127.0.0.1:5353",
      "::1",
      "[::1]",
      "[::1]:5353",
      "fe80::1%eth0",
      "[fe80::1%eth0]:5353",
      { address: "::1", transport: "tls" },
      { address: "::1", port: 5353 },
    ],
  });
  assert.deepEqual(resolver.servers.map(String), [
    "127.0.0.1:53",
    "127.0.0.1:5353",
    "[::1]:53",
    "[::1]:53",
    "[::1]:5353",
    "[fe80::1%eth0]:53",
    "[fe80::1%eth0]:5353",
    "[::1]:853",
    "[::1]:5353",
  ]);
});

test("fromSystem reads resolv.conf again when it has changed; what is said beside it counts more", () => {
  const resolvConf = file("nameserver 192.0.2.1\n");
  const resolver = DnsResolver.fromSystem({ resolvConf });
  assert.deepEqual(resolver.servers.map(String), ["192.0.2.1:53"]);
  assert.deepEqual(DnsResolver.fromSystem({ resolvConf, transport: "tls" }).servers.map(String), [
    "192.0.2.1:853",
  ]);
  writeFileSync(resolvConf, "nameserver 192.0.2.1\nnameserver 2001:db8::1\n");
  assert.deepEqual(resolver.servers.map(String), ["192.0.2.1:53", "[2001:db8::1]:53"]);
  assert.deepEqual(DnsResolver.fromSystem({ resolvConf: join(folder, "none") }).servers.map(String), [
    "127.0.0.1:53",
  ]);
  assert.throws(() => DnsResolver.fromSystem({ resolvConf, attempts: 0 }), RangeError);
});
