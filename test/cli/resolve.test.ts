/** `windsock resolve` against Python's getaddrinfo, on this host and with a hosts file of the test's own. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { needsPython } from "../ip/_python.ts";
import { inNamespace, noNamespaces, type Program, shell } from "./_cli.ts";

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
