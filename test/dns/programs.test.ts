/** DnsResolver against real servers: unbound and dnsmasq, on loopback. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { DnsError, type DnsRecordType, DnsResolver, formatData } from "../../src/dns/index.ts";
import { TcpListener, TcpStream } from "../../src/socket/index.ts";
import { openSockets } from "./_fds.ts";
import { missing, ServerProgram } from "./_programs.ts";

const LARGE = Array.from({ length: 20 }, (_, i) => `"${String(i % 10).repeat(200)}"`).join(" ");

/** In the format of zone files: what unbound reads, and what comes back must be the same. */
const ZONE = `@ SOA ns.example.test. admin\\.mail.example.test. 2024010101 7200 3600 1209600 300
@ NS ns
@ MX 10 mail
@ MX 20 backup.example.org.
@ TXT "v=spf1 -all" "and \\"more\\"" "\\000\\255"
@ CAA 0 issue "ca.test"
ns A 192.0.2.1
host A 192.0.2.7
host A 192.0.2.8
host AAAA 2001:db8::7
www CNAME host
four A 192.0.2.4
here A 127.0.0.1
alias CNAME www
_https._tcp SRV 1 2 443 host
nap NAPTR 100 10 "S" "SIP+D2U" "" _sip._udp.example.test.
host SSHFP 4 2 ${"ab".repeat(32)}
_443._tcp TLSA 3 1 1 ${"cd".repeat(32)}
box HINFO "PC" "Linux"
child DS 12345 13 2 ${"ef".repeat(32)}
child NS ns
svc TYPE65 \\# 3 0001FF
old DNAME new.example.test.
host.new A 192.0.2.30
printer PTR my\\.dotted\\032name.example.test.
large TXT ${LARGE}
`;

/** The text of each record of a type. */
const EXPECTED: readonly (readonly [name: string, type: DnsRecordType, texts: readonly string[]])[] = [
  ["example.test", "SOA", ["ns.example.test. admin\\.mail.example.test. 2024010101 7200 3600 1209600 300"]],
  ["example.test", "NS", ["ns.example.test."]],
  ["example.test", "MX", ["10 mail.example.test.", "20 backup.example.org."]],
  ["example.test", "TXT", ['"v=spf1 -all" "and \\"more\\"" "\\000\\255"']],
  ["example.test", "CAA", ['0 issue "ca.test"']],
  ["host.example.test", "A", ["192.0.2.7", "192.0.2.8"]],
  ["host.example.test", "TYPE1", ["192.0.2.7", "192.0.2.8"]],
  ["HOST.example.test.", "AAAA", ["2001:db8::7"]],
  ["www.example.test", "A", ["192.0.2.7", "192.0.2.8"]],
  ["alias.example.test", "AAAA", ["2001:db8::7"]],
  ["alias.example.test", "CNAME", ["www.example.test."]],
  ["host.old.example.test", "A", ["192.0.2.30"]],
  ["_https._tcp.example.test", "SRV", ["1 2 443 host.example.test."]],
  ["nap.example.test", "NAPTR", ['100 10 "S" "SIP+D2U" "" _sip._udp.example.test.']],
  ["host.example.test", "SSHFP", [`4 2 ${"AB".repeat(32)}`]],
  ["_443._tcp.example.test", "TLSA", [`3 1 1 ${"CD".repeat(32)}`]],
  ["box.example.test", "HINFO", ['"PC" "Linux"']],
  ["child.example.test", "DS", [`12345 13 2 ${"EF".repeat(32)}`]],
  ["svc.example.test", "TYPE65", ["\\# 3 0001FF"]],
  ["printer.example.test", "PTR", ["my\\.dotted\\032name.example.test."]],
  ["four.example.test", "AAAA", []],
  ["four.example.test", "MX", []],
];

describe("unbound", { skip: missing("unbound") }, () => {
  let unbound: ServerProgram;
  let resolver: DnsResolver;

  before(async () => {
    unbound = await ServerProgram.unbound(
      ZONE,
      `  local-zone: "alone.test." static
  local-data: "alone.test. CNAME host.example.test."
  local-zone: "refused.test." refuse
  local-data-ptr: "192.0.2.7 host.example.test"
  local-data-ptr: "2001:db8::7 host.example.test"`,
    );
    resolver = new DnsResolver({ servers: [unbound.server], useHosts: false });
  });
  after(() => unbound[Symbol.asyncDispose]());

  for (const [name, type, texts] of EXPECTED) {
    test(`${name} ${type}`, async () => {
      const response = await resolver.query(name, type);
      assert.deepEqual(response.records.map(formatData).sort(), [...texts].sort());
      assert.deepEqual(
        [response.rcode, response.transport, response.server.toString()],
        ["NOERROR", "udp", unbound.server],
      );
      if (texts.length > 0 && type !== "TYPE1") {
        assert.ok(response.records.every((record) => record.type === type && record.ttl === 300));
      }
      if (texts.length === 0) assert.equal(response.authorities[0]?.type, "SOA");
    });
  }

  test("0x20: unbound keeps the case, along aliases too", async () => {
    const random = new DnsResolver({ servers: [unbound.server], randomizeCase: true, attempts: 1 });
    for (let i = 0; i < 10; i++) {
      assert.equal((await random.query("alias.example.test", "A")).records.length, 2);
    }
  });

  test("4000 bytes of text come over TCP, or over UDP where EDNS allows", async () => {
    const small = await resolver.query("large.example.test", "TXT");
    assert.deepEqual([small.transport, small.records[0]?.text.length], ["tcp", 4000]);
    const large = new DnsResolver({ servers: [unbound.server], ednsBytes: 4096 });
    const response = await large.query("large.example.test", "TXT");
    assert.equal(response.records[0]?.text.length, 4000);
    const without = new DnsResolver({ servers: [unbound.server], ednsBytes: 0 });
    assert.equal((await without.query("large.example.test", "TXT")).transport, "tcp");
  });

  test("transport tcp", async () => {
    const tcp = new DnsResolver({ servers: [unbound.server], transport: "tcp" });
    const response = await tcp.query("host.example.test", "A");
    assert.deepEqual([response.transport, response.records.length], ["tcp", 2]);
  });

  test("names that do not exist, and that are refused", async () => {
    await assert.rejects(resolver.query("nowhere.example.test", "A"), (error) => {
      assert.ok(error instanceof DnsError);
      assert.deepEqual([error.code, error.response?.authorities[0]?.type], ["NXDOMAIN", "SOA"]);
      return true;
    });
    await assert.rejects(resolver.query("refused.test", "A"), { code: "REFUSED" });
    await assert.rejects(resolver.resolve("nowhere.example.test", 80), {
      name: "ResolveError",
      code: "EAI_NONAME",
    });
    await assert.rejects(resolver.resolve("refused.test", 80), { name: "ResolveError", code: "EAI_AGAIN" });
    await assert.rejects(resolver.resolve("four.example.test", 80, { family: "ipv6" }), {
      code: "EAI_NODATA",
    });
  });

  test("resolve: both families, aliases that unbound follows, and one that it does not", async () => {
    for (const host of ["host.example.test", "alias.example.test", "alone.test"]) {
      const found = await resolver.resolve(host, "https");
      assert.deepEqual(
        found.map(String).sort(),
        ["192.0.2.7:443", "192.0.2.8:443", "[2001:db8::7]:443"],
        host,
      );
    }
  });

  test("reverse", async () => {
    assert.deepEqual(await resolver.reverse("192.0.2.7"), ["host.example.test"]);
    assert.deepEqual(await resolver.reverse("2001:db8::7"), ["host.example.test"]);
  });

  test("a thousand lookups at once, and nothing is left open", async () => {
    const sockets = openSockets();
    const all = await Promise.all(
      Array.from({ length: 1000 }, (_, i) =>
        resolver.resolve(i % 2 ? "host.example.test" : "alias.example.test", 80),
      ),
    );
    assert.equal(all.filter((found) => found.length === 3).length, 1000);
    assert.equal(openSockets(), sockets);
  });

  test("TcpStream.connect by its answer", async () => {
    using listener = TcpListener.bind("127.0.0.1:0");
    using stream = await TcpStream.connect(`here.example.test:${listener.localAddr.port}`, { resolver });
    assert.equal(stream.peerAddr.toString(), listener.localAddr.toString());
  });
});

describe("dnsmasq", { skip: missing("dnsmasq") }, () => {
  let dnsmasq: ServerProgram;
  let resolver: DnsResolver;

  before(async () => {
    const strings = Array.from({ length: 20 }, (_, i) => String(i % 10).repeat(200));
    dnsmasq = await ServerProgram.dnsmasq(
      "--address=/host.test/192.0.2.7",
      "--address=/host.test/2001:db8::7",
      "--address=/gone.test/",
      "--mx-host=mail.test,mx.test,10",
      "--srv-host=_ldap._tcp.test,ldap.test,389,1,2",
      "--txt-record=text.test,one,two",
      `--txt-record=large.test,${strings.join(",")}`,
      "--host-record=named.test,192.0.2.9,2001:db8::9",
      "--cname=alias.test,named.test",
      "--caa-record=caa.test,0,issue,ca.test",
      "--local=/test/",
    );
    resolver = new DnsResolver({ servers: [dnsmasq.server], useHosts: false });
  });
  after(() => dnsmasq[Symbol.asyncDispose]());

  for (const [name, type, texts] of [
    ["host.test", "A", ["192.0.2.7"]],
    ["host.test", "AAAA", ["2001:db8::7"]],
    ["mail.test", "MX", ["10 mx.test."]],
    ["_ldap._tcp.test", "SRV", ["1 2 389 ldap.test."]],
    ["text.test", "TXT", ['"one" "two"']],
    ["caa.test", "CAA", ['0 issue "ca.test"']],
    ["alias.test", "A", ["192.0.2.9"]],
    ["named.test", "MX", []],
  ] as const) {
    test(`${name} ${type}`, async () => {
      assert.deepEqual((await resolver.query(name, type)).records.map(formatData), texts);
    });
  }

  test("4000 bytes of text come over TCP", async () => {
    const response = await resolver.query("large.test", "TXT");
    assert.deepEqual([response.transport, response.records[0]?.text.length], ["tcp", 4000]);
  });

  test("resolve and reverse", async () => {
    assert.deepEqual((await resolver.resolve("alias.test", 80)).map(String).sort(), [
      "192.0.2.9:80",
      "[2001:db8::9]:80",
    ]);
    assert.deepEqual(await resolver.reverse("192.0.2.9"), ["named.test"]);
    assert.deepEqual(await resolver.reverse("2001:db8::9"), ["named.test"]);
    await assert.rejects(resolver.resolve("gone.test", 80), { code: "EAI_NONAME" });
    await assert.rejects(resolver.resolve("nowhere.test", 80), { code: "EAI_NONAME" });
  });

  for (const transport of ["udp", "tcp"] as const) {
    test(`a thousand lookups at once over ${transport}`, async () => {
      // dnsmasq takes 100 queries on a connection.
      const many = new DnsResolver({ servers: [dnsmasq.server], transport, useHosts: false });
      const all = await Promise.all(Array.from({ length: 1000 }, () => many.resolve("named.test", 80)));
      assert.equal(all.filter((found) => found.length === 2).length, 1000);
    });
  }
});
