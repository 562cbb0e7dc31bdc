/** DnsResolver.fromSystem beside libc: the same questions to the server, the same answers, the same order of addresses. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inNamespace, needsNamespace } from "../names/_namespace.ts";
import type { LibcInput, LibcOutput, LibcQuestion, Zone } from "./_libc_child.ts";

/** Without more to say, whom libc asks, and no domain of this host's own. */
const SERVER = "nameserver 127.0.0.1\noptions timeout:10";

async function ask(input: LibcInput, files: { hosts?: string; before?: string } = {}): Promise<LibcOutput[]> {
  const script = `${files.before ?? ""}
    until ip link show eth0.100 | grep -q "state \${STATE:-UP}"; do sleep 0.01; done
    $NODE_TS test/dns/_libc_child.ts`;
  const hosts = files.hosts ?? "127.0.0.1 localhost\n";
  const { stdout, stderr } = await inNamespace(script, { dns: true, hosts }, JSON.stringify(input));
  assert.notEqual(stdout, "", stderr);
  return JSON.parse(stdout) as LibcOutput[];
}

const ZONE: Zone = {
  "here.test": ["192.0.2.10"],
  "both.test": ["192.0.2.11", "2001:db8::11"],
  "empty.test": [],
  "short.corp.test": ["192.0.2.12"],
  "short.lab.test": ["192.0.2.13"],
  "only.lab.test": ["192.0.2.14"],
  "a.b.corp.test": ["192.0.2.15"],
  "a.b": ["192.0.2.16"],
  "hollow.corp.test": [],
  "hollow.lab.test": ["192.0.2.17"],
  "vain.corp.test": [],
  "broken.corp.test": 2,
  "broken.lab.test": ["192.0.2.18"],
  "sick.corp.test": 2,
  "alias.test": ["here.test"],
  "chain.test": ["alias.test"],
  "refused.test": 5,
  "failing.test": 2,
  "faß.test": ["192.0.2.20"],
  "xn--fa-hia.test": ["192.0.2.21"],
};

const SEARCH = `${SERVER}\nsearch corp.test lab.test\n`;

/** Each is a question to both; the text of resolv.conf behind it. */
const QUESTIONS: readonly (readonly [host: string, resolvConf: string, family?: "ipv4" | "ipv6"])[] = [
  ["here.test", SERVER],
  ["here.test.", SERVER],
  ["HERE.Test", SERVER],
  ["here.test", SERVER, "ipv4"],
  ["here.test", SERVER, "ipv6"],
  ["both.test", SERVER, "ipv6"],
  ["empty.test", SERVER],
  ["nowhere.test", SERVER],
  ["alias.test", SERVER],
  ["chain.test", SERVER],
  ["faß.test", SERVER],
  ["refused.test", SERVER],
  ["failing.test", SERVER],
  ["short", SEARCH],
  ["short.", SEARCH],
  ["only", SEARCH],
  ["nowhere", SEARCH],
  ["a.b", SEARCH],
  ["a.b", `${SEARCH}options ndots:2\n`],
  ["a.b", `${SEARCH}options ndots:3\n`],
  ["c.d", SEARCH],
  ["c.d.e", `${SEARCH}options ndots:15\n`],
  ["c.d.e.", `${SEARCH}options ndots:15\n`],
  ["hollow", SEARCH],
  ["vain", SEARCH],
  ["broken", SEARCH],
  ["sick", SEARCH],
  ["here.test", SEARCH],
  ["nowhere.test", SEARCH],
  ["empty.test", SEARCH],
  ["short", `${SERVER}\ndomain lab.test\n`],
  ["short", `${SERVER}\nsearch corp.test\ndomain lab.test\n`],
  ["short", `${SERVER}\ndomain lab.test\nsearch corp.test\n`],
  ["short", `${SERVER}\nsearch .\n`],
  ["short", `; search lab.test\n# search lab.test\n search lab.test\n${SERVER}\nsearch\tcorp.test. \n`],
];

describe("the search list and what becomes of it", needsNamespace, () => {
  let outputs: Promise<LibcOutput[]> | undefined;
  const questions = QUESTIONS.map(([host, resolvConf, family]): LibcQuestion => {
    return { host, resolvConf, ...(family === undefined ? {} : { family }) };
  });
  QUESTIONS.forEach(([host, resolvConf, family], i) => {
    const title = `${host} ${family ?? ""} ${JSON.stringify(resolvConf.replace(SERVER, "…").slice(0, 60))}`;
    test(title, async () => {
      outputs ??= ask({ zone: ZONE, questions });
      const { libc, ours } = (await outputs)[i] as LibcOutput;
      assert.deepEqual(ours, libc);
    });
  });
});

/** RFC 6724 §2.1, which libc does not have by default. */
const GAI_CONF = `
precedence ::1/128 50
precedence ::/0 40
precedence ::ffff:0:0/96 35
precedence 2002::/16 30
precedence 2001::/32 5
precedence fc00::/7 3
precedence ::/96 1
precedence fec0::/10 1
precedence 3ffe::/16 1
label ::1/128 0
label ::/0 1
label ::ffff:0:0/96 4
label 2002::/16 2
label 2001::/32 5
label fc00::/7 13
label ::/96 3
label fec0::/10 11
label 3ffe::/16 12
`;

/** Each: what is done to the host of the names test (192.0.2.1/24, 2001:db8::1/64, fd00::1/64), and the addresses to sort. */
const ORDERS: Record<string, readonly [setUp: string, addresses: readonly string[]]> = {
  "families without a default route": ["", ["198.51.100.1", "192.0.2.9", "2001:db8::9", "2001:db9::9"]],
  "families with default routes": [
    "ip route add default dev eth0.100; ip -6 route add default dev eth0.100",
    ["198.51.100.1", "192.0.2.9", "2001:db8::9", "2001:db9::9", "203.0.113.5"],
  ],
  "labels: local addresses, 6to4, Teredo, the old 6bone": [
    "ip route add default dev eth0.100; ip -6 route add default dev eth0.100",
    ["fd00::9", "2002:c000:201::1", "2001:0:1::1", "3ffe::1", "2001:db8::9", "::1", "127.0.0.1", "192.0.2.9"],
  ],
  "labels with sources of their own": [
    "ip -6 route add default dev eth0.100; ip addr add 2002:c000:201::1/64 dev eth0.100 nodad",
    ["2001:db9::1", "2002:c000:201::9", "2002:c000:202::9", "fd00::9", "192.0.2.9"],
  ],
  "only a local address of IPv6": [
    "ip addr del 2001:db8::1/64 dev eth0.100; ip -6 route add default dev eth0.100; ip route add default dev eth0.100",
    ["2001:db8::9", "198.51.100.1", "fd00::9", "fd01::9"],
  ],
  "scopes: link-local and private": [
    "ip route add default dev eth0.100; ip addr add 169.254.1.1/16 dev eth0.100",
    ["198.51.100.1", "169.254.7.7", "10.0.0.1"],
  ],
  "scopes: no address of this host's own has that of the destination": [
    "ip route add default dev eth0.100",
    ["169.254.7.7", "198.51.100.1"],
  ],
  "a deprecated source": [
    `ip addr change 2001:db8::1/64 dev eth0.100 preferred_lft 0 valid_lft forever
     ip -6 route add 2001:db9::/32 dev eth0.100 src 2001:db8::1`,
    ["2001:db9::1", "fd00::9"],
  ],
  "prefixes: near and far": [
    `ip -6 route add default dev eth0.100; ip addr add 2001:db8:8000::1/48 dev eth0.100 nodad
     ip -6 route add 2001:db8:8000:5::/64 dev eth0.100 src 2001:db8:8000::1`,
    ["2001:db9::1", "2001:db8:1::1", "2001:db8:0:1::1", "2001:db8:8000:5::1", "2001:db8::9"],
  ],
  "no IPv6 at all": [
    "sysctl -qw net.ipv6.conf.all.disable_ipv6=1; ip route add default dev eth0.100",
    ["2001:db8::9", "198.51.100.1", "::1", "203.0.113.1"],
  ],
  "nothing but loopback": [
    "ip link set eth0.100 down; STATE=DOWN",
    ["2001:db8::9", "198.51.100.1", "127.0.0.1", "::1", "203.0.113.1"],
  ],
};

describe("the order of addresses, RFC 6724", needsNamespace, () => {
  for (const [what, [setUp, addresses]] of Object.entries(ORDERS)) {
    test(what, async () => {
      const rotations = addresses.map((_, i) => [...addresses.slice(i), ...addresses.slice(0, i)]);
      const zone = Object.fromEntries(rotations.map((list, i) => [`h${i}.test`, list]));
      const questions = rotations.map((_, i) => ({ host: `h${i}.test`, resolvConf: SERVER }));
      const before = `printf '%s' '${GAI_CONF}' > $FOLDER/gai.conf\nmount --bind $FOLDER/gai.conf /etc/gai.conf\n${setUp}`;
      for (const { libc, ours } of await ask({ zone, questions }, { before })) {
        assert.deepEqual(ours.found, libc.found);
        assert.equal(ours.found?.length, addresses.length);
      }
    });
  }

  test("prefixes count as far as the own network's goes: within it the order is the answer's, which libc's is not", async () => {
    const addresses = ["2001:db8::9000:1", "2001:db8::9", "2001:db8::5:1"];
    const zone = { "a.test": addresses, "b.test": [...addresses].reverse() };
    const questions = ["a.test", "b.test"].map((host) => ({ host, resolvConf: SERVER }));
    const [one, two] = await ask({ zone, questions });
    assert.deepEqual(
      one?.ours.found,
      addresses.map((address) => `[${address}]:80`),
    );
    assert.deepEqual(two?.ours.found, addresses.map((address) => `[${address}]:80`).reverse());
  });

  test("the hosts file: all lines of a name, in the same order", async () => {
    const hosts =
      "192.0.2.40 h.test\n2001:db8::40 h.test other # h.test\n192.0.2.40 h.test\n127.0.0.7 H.TEST.\n192.0.2.41\tx h.test\n";
    const [both, four] = await ask(
      {
        zone: {},
        questions: [
          { host: "h.test", resolvConf: SERVER },
          { host: "h.test", resolvConf: SERVER, family: "ipv4" },
        ],
      },
      { hosts },
    );
    assert.deepEqual(both?.ours, both?.libc);
    assert.deepEqual(four?.ours, four?.libc);
  });
});
