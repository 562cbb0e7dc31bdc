/** `windsock resolve` against Python's getaddrinfo, on this host and with a hosts file of the test's own. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { after, before, describe, test } from "node:test";
import { type Certificate, selfSigned } from "../dns/_certificate.ts";
import { ServerProgram } from "../dns/_programs.ts";
import { needsPython } from "../ip/_python.ts";
import {
  assertOneLine,
  type Ended,
  inNamespace,
  missing,
  noNamespaces,
  type Program,
  shell,
  windsock,
} from "./_cli.ts";

/**
 * Prints what Python's getaddrinfo says as `resolve --json` should: its entries, where the families of the addresses
 * take turns (RFC 8305 §4), and each address keeps its entries together.
 */
const ORACLE = `
import json, socket, sys
name, service, family = sys.argv[1], sys.argv[2] or None, int(sys.argv[3])
found = socket.getaddrinfo(name, service, family, 0, 0, socket.AI_CANONNAME)
groups = {}
for fam, type, protocol, canonical, address in found:
    groups.setdefault((fam, address), []).append(dict(
        family={socket.AF_INET: "ipv4", socket.AF_INET6: "ipv6"}[fam],
        type={socket.SOCK_STREAM: "stream", socket.SOCK_DGRAM: "datagram", socket.SOCK_RAW: "raw"}[type],
        protocol=protocol, address=address[0] + (f"%{address[3]}" if address[3:] and address[3] else ""), port=address[1], **({"canonicalName": canonical} if canonical else {})))
first = found[0][0]
sides = [[g for key, g in groups.items() if (key[0] == first) == same] for same in (True, False)]
order = [side[i] for i in range(max(map(len, sides))) for side in sides if i < len(side)]
print(json.dumps([entry for group in order for entry in group]))
`;

const HOSTS = `
127.0.0.1 localhost four
::1 six
127.0.0.2 many
192.0.2.7 many canonical.example alias
192.0.2.8 many
2001:db8::7 many
2001:db8::8 many canonical.example alias
fe80::7%d0 linked
`;

/** Windsock's answer and Python's, each on a line. */
function both(name: string, service: string, flag: string): string {
  const family = flag === "-4" ? 2 : flag === "-6" ? 10 : 0;
  return `"$NODE" "$CLI" resolve ${flag} --json '${name}' ${service} | python3 -c 'import json,sys; print(json.dumps(json.load(sys.stdin)))'
    python3 -c "$ORACLE" '${name}' '${service}' ${family}`;
}

async function assertSame(program: Program): Promise<void> {
  using _program = program;
  const { stdout, stderr } = await program.ended;
  assert.equal(stderr, "");
  const [ours, python] = stdout.toString().trim().split("\n");
  assert.deepEqual(JSON.parse(ours ?? ""), JSON.parse(python ?? ""));
}

const env = { ORACLE };

describe("on this host", needsPython, () => {
  for (const [name, service, flag] of [
    ["localhost", "", ""],
    ["localhost", "http", ""],
    ["localhost", "22", ""],
    ["localhost", "", "-4"],
    ["127.0.0.1", "", ""],
    ["127.0.0.1", "domain", ""],
    ["::1", "", ""],
    ["::1", "0", "-6"],
    ["::1", "https", ""],
    ["2001:db8:0:0:0:0:0:1", "65535", ""],
    ["fe80::1%lo", "", ""],
  ] as const) {
    test(`resolve ${flag} ${name} ${service}`, () => assertSame(shell(both(name, service, flag), { env })));
  }
});

describe("with a hosts file of its own", { skip: needsPython.skip || noNamespaces() }, () => {
  for (const [name, service, flag] of [
    ["four", "", ""],
    ["six", "", ""],
    ["many", "", ""],
    ["many", "http", ""],
    ["many", "53", ""],
    ["many", "", "-4"],
    ["many", "", "-6"],
    ["many", "https", "-4"],
    ["alias", "", ""],
    ["canonical.example", "443", "-6"],
  ] as const) {
    test(`resolve ${flag} ${name} ${service}`, () =>
      assertSame(inNamespace(both(name, service, flag), { hosts: HOSTS }, { env })));
  }

  test("for people: each address once, in the order in which connect tries them", async () => {
    // Every address refuses, so that connect tries them all, one after the other.
    using program = inNamespace(
      `"$NODE" "$CLI" resolve mine 9; "$NODE" "$CLI" connect --explain mine 9 hello 2>&1 | grep '^connect' | cut -d' ' -f2`,
      { hosts: "127.0.0.1 mine\n127.0.0.2 mine\n::1 mine\n192.0.2.1 mine\n2001:db8::1 mine\n" },
    );
    const { stdout, stderr } = await program.ended;
    const lines = stdout.toString().trim().split("\n");
    assert.equal(lines.length, 10, stderr);
    assert.deepEqual(lines.slice(0, 5), lines.slice(5));
    assert.deepEqual(
      [...lines.slice(0, 5)].sort(),
      ["127.0.0.1:9", "127.0.0.2:9", "192.0.2.1:9", "[2001:db8::1]:9", "[::1]:9"].sort(),
    );
  });

  test("for people: without a service an address stands alone", async () => {
    using program = inNamespace(`"$NODE" "$CLI" resolve six`, { hosts: HOSTS });
    assert.equal((await program.ended).stdout.toString(), "::1\n");
  });
});

const ZONE = `@ SOA ns admin 1 2 3 4 5
@ MX 10 mail
@ TXT "v=spf1 -all" "\\000"
@ CAA 0 issue "ca.test"
host A 192.0.2.7
host AAAA 2001:db8::7
www CNAME host
new TYPE65 \\# 3 0001FF
`;

describe("by name servers of one's choice", { skip: missing("unbound", "openssl") }, () => {
  let unbound: ServerProgram;
  let certificate: Certificate;

  before(async () => {
    certificate = selfSigned("DNS:dns.example.test");
    unbound = await ServerProgram.unbound(
      ZONE,
      `  local-data-ptr: "192.0.2.7 host.example.test"
  interface: $ADDRESS@8853
  tls-port: 8853
  tls-service-key: "${certificate.keyFile}"
  tls-service-pem: "${certificate.certFile}"`,
    );
  });
  after(async () => {
    await unbound[Symbol.asyncDispose]();
    certificate.remove();
  });

  const ask = (...args: readonly string[]): Promise<Ended> =>
    windsock(["resolve", ...args, "--server", unbound.server]);

  for (const [args, expected] of [
    [["host.example.test"], "192.0.2.7\n2001:db8::7\n"],
    [["www.example.test", "https"], "192.0.2.7:443\n[2001:db8::7]:443\n"],
    [["www.example.test", "-6"], "2001:db8::7\n"],
    [["host.example.test", "--tcp", "-4", "22"], "192.0.2.7:22\n"],
    [["host.example.test", "--type", "A"], "host.example.test.  300  A  192.0.2.7\n"],
    [
      ["www.example.test", "-t", "aaaa"],
      "www.example.test.   300  CNAME  host.example.test.\nhost.example.test.  300  AAAA   2001:db8::7\n",
    ],
    [["example.test.", "-t", "MX", "--tcp"], "example.test.  300  MX  10 mail.example.test.\n"],
    [["example.test", "-t", "TXT"], 'example.test.  300  TXT  "v=spf1 -all" "\\000"\n'],
    [["new.example.test", "-t", "TYPE65"], "new.example.test.  300  TYPE65  \\# 3 0001FF\n"],
    [["192.0.2.7", "-t", "PTR"], "7.2.0.192.in-addr.arpa.  3600  PTR  host.example.test.\n"],
    [["7.2.0.192.in-addr.arpa", "-t", "PTR"], "7.2.0.192.in-addr.arpa.  3600  PTR  host.example.test.\n"],
  ] as const) {
    test(`resolve ${args.join(" ")}`, async () => {
      const { code, stdout, stderr } = await ask(...args);
      // Which family comes first is for the routes of this host to say.
      const sorted = (text: string): string[] =>
        args.includes("-t" as never) ? [text] : text.split("\n").sort();
      assert.deepEqual([code, sorted(stdout.toString()), stderr], [0, sorted(expected), ""]);
    });
  }

  test("--json: an entry for each address", async () => {
    const { stdout } = await ask("host.example.test", "https", "--json", "-4");
    assert.deepEqual(JSON.parse(stdout.toString()), [
      { family: "ipv4", type: "stream", protocol: 6, address: "192.0.2.7", port: 443 },
    ]);
  });

  for (const [name, type, expected] of [
    ["host.example.test", "A", [{ name: "host.example.test", address: "192.0.2.7", data: "192.0.2.7" }]],
    [
      "example.test",
      "MX",
      [{ preference: 10, exchange: "mail.example.test", data: "10 mail.example.test." }],
    ],
    [
      "example.test",
      "TXT",
      [{ strings: ["v=spf1 -all", "\0"], text: "v=spf1 -all\0", data: '"v=spf1 -all" "\\000"' }],
    ],
    ["new.example.test", "TYPE65", [{ name: "new.example.test", data: "\\# 3 0001FF" }]],
  ] as const) {
    test(`--json --type ${type}`, async () => {
      const { stdout } = await ask(name, "--type", type, "--json");
      const whole = expected.map((fields) => ({ name, type, ttl: 300, ...fields }));
      assert.deepEqual(JSON.parse(stdout.toString()), whole);
    });
  }

  test("--tls with the server's name and authority", async () => {
    const server = `${unbound.address}:${unbound.tlsPort}`;
    const tls = ["--tls-name", "dns.example.test", "--ca", certificate.certFile, "--server", server];
    for (const args of [["--tls", ...tls], tls]) {
      const { code, stdout, stderr } = await windsock(["resolve", "host.example.test", "-4", ...args]);
      assert.deepEqual([code, stdout.toString(), stderr], [0, "192.0.2.7\n", ""]);
    }
    const other = await windsock(["resolve", "host.example.test", "-t", "A", "--tls", "--server", server]);
    assertOneLine(
      other,
      1,
      /^windsock resolve: query host\.example\.test A: no server answered: .* over TLS: self-signed/,
    );
  });

  test("several servers are asked in turn", async () => {
    const servers = ["--server", `${unbound.address}:1`, "--server", unbound.server];
    const { code, stdout } = await windsock(["resolve", "host.example.test", "-4", ...servers]);
    assert.deepEqual([code, stdout.toString()], [0, "192.0.2.7\n"]);
  });

  for (const [args, code, line] of [
    [
      ["nowhere.example.test"],
      1,
      /^windsock resolve: resolve nowhere\.example\.test: .*\(EAI_NONAME\): \S+ says NXDOMAIN/,
    ],
    [
      ["nowhere.example.test", "-t", "A"],
      1,
      /^windsock resolve: query nowhere\.example\.test A: \S+ says NXDOMAIN/,
    ],
    [
      ["host.example.test", "-t", "MX"],
      1,
      /^windsock resolve: host\.example\.test has no records of type MX$/m,
    ],
    [["host.example.test", "--ca", "/nonexistent"], 1, /ENOENT/],
    [["host.example.test", "-t", "FOO"], 2, /^windsock resolve: type: expected A, .* got FOO$/m],
    [["host.example.test", "-t", "A", "http"], 2, /--type asks for records, which have no service/],
    [["host.example.test", "-t", "A", "-4"], 2, /--type and -4 or -6 exclude each other/],
    [["host.example.test", "--tcp", "--tls"], 2, /--tcp and --tls exclude each other/],
    [["a..b", "-t", "A"], 2, /^windsock resolve: name: "a\.\.b" is none: it has an empty label$/m],
    [["host.example.test", "--server", "dns.test"], 2, /"dns\.test" is not the address of a server/],
    [["host.example.test", "--server", "127.0.0.1:99999"], 2, /is not the address of a server/],
  ] as const) {
    test(`refused: resolve ${args.join(" ")}`, async () => assertOneLine(await ask(...args), code, line));
  }

  test("--timeout and --wait: a server that is silent", async () => {
    const silent = new Promise<string>((resolve) => {
      const socket = createSocket("udp4").bind(0, unbound.address, () =>
        resolve(`${unbound.address}:${socket.address().port}`),
      );
      socket.unref();
    });
    const server = ["--server", await silent];
    const timed = await windsock(["resolve", "h.test", "-t", "A", "--timeout", "0.1", ...server]);
    assertOneLine(timed, 1, /no server answered: \S+ over UDP: no answer within 100 ms \(2 times\)/);
    const waited = await windsock(["resolve", "h.test", "-t", "A", "-w", "0.1", ...server]);
    assertOneLine(waited, 1, /^windsock resolve: query h\.test: not done within 100 ms/);
  });
});

describe("by the servers of resolv.conf", { skip: missing("dnsmasq") || noNamespaces() }, () => {
  test("records, and addresses with the search list and the hosts file", async () => {
    using program = inNamespace(
      `dnsmasq --conf-file=/dev/null --no-resolv --no-hosts --pid-file=/mnt/pid --user=root --address=/host.corp.test/192.0.2.7 --mx-host=corp.test,mx.test,10 --local=/test/
      "$NODE" "$CLI" resolve corp.test --type MX
      "$NODE" "$CLI" resolve host 80 --timeout 5
      "$NODE" "$CLI" resolve mine --tcp
      kill $(cat /mnt/pid)`,
      { hosts: "192.0.2.9 mine\n", resolvConf: "nameserver 127.0.0.1\nsearch corp.test\n" },
    );
    const { stdout, stderr } = await program.ended;
    assert.equal(stderr, "");
    assert.equal(stdout.toString(), "corp.test.  0  MX  10 mx.test.\n192.0.2.7:80\n192.0.2.9\n");
  });
});
