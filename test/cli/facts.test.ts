/** `windsock ip` and `windsock port` against Python's ipaddress, the kernel, and the standards that number them. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { needsPython, runPython } from "../ip/_python.ts";
import { random } from "../socket/_helpers.ts";
import { assertOneLine, windsock } from "./_cli.ts";

async function json(args: readonly string[]): Promise<unknown> {
  const { code, stdout, stderr } = await windsock(args);
  assert.deepEqual([code, stderr], [0, ""]);
  return JSON.parse(stdout.toString());
}

describe("ip", () => {
  /** Addresses and prefixes of both families, every prefix length, host bits and all, from a seed. */
  function texts(count: number): string[] {
    const next = random(20_260_101);
    const four = (): string => Array.from({ length: 4 }, () => next(256)).join(".");
    const six = (): string =>
      Array.from({ length: 8 }, () => (next(3) === 0 ? "0" : next(0x10000).toString(16))).join(":");
    return Array.from({ length: count }, (_, i) => {
      if (i < 33) return `${four()}/${i}`;
      if (i < 33 + 129) return `${six()}/${i - 33}`;
      return next(2) === 0 ? four() : six();
    });
  }

  test("--json says of 250 addresses and prefixes what Python's ipaddress says", needsPython, async () => {
    const wanted = texts(250);
    const { code, stdout, stderr } = await windsock(["ip", "--json", ...wanted]);
    assert.deepEqual([code, stderr], [0, ""]);
    const differences = runPython(
      `import ipaddress
entries = json.loads(data["stdout"])   # whole numbers stay whole, whatever their size
result = []
def compare(text, field, got, expected):
    if got != expected or type(got) != type(expected): result.append([text, field, repr(got), repr(expected)])
compare("*", "length", len(entries), len(data["texts"]))
for text, entry in zip(data["texts"], entries):
    interface = ipaddress.ip_interface(text)
    ip, net = interface.ip, interface.network
    compare(text, "input", entry.get("input"), text)
    compare(text, "version", entry.get("version"), ip.version)
    compare(text, "address", entry.get("address"), str(ip))
    compare(text, "bytes", entry.get("bytes"), list(ip.packed))
    if "/" in text:
        compare(text, "prefixLength", entry.get("prefixLength"), net.prefixlen)
        compare(text, "network", entry.get("network"), str(net.network_address))
        compare(text, "netmask", entry.get("netmask"), str(net.netmask))
        compare(text, "first", entry.get("first"), str(net[0]))
        compare(text, "last", entry.get("last"), str(net[-1]))
        compare(text, "count", entry.get("count"), net.num_addresses)
        broadcast = str(net.broadcast_address) if ip.version == 4 and net.prefixlen < 31 else None
        compare(text, "broadcast", entry.get("broadcast"), broadcast)
    else:
        for field in ("prefixLength", "network", "netmask", "first", "last", "count", "broadcast"):
            compare(text, field, field in entry, False)
`,
      { stdout: stdout.toString(), texts: wanted },
    );
    assert.deepEqual(differences, []);
  });

  test("counts beyond 2^53 stand with all their digits", async () => {
    const { stdout } = await windsock(["ip", "--json", "::/0", "2001:db8::/65"]);
    assert.match(stdout.toString(), /"count": 340282366920938463463374607431768211456\b/);
    assert.match(stdout.toString(), /"count": 9223372036854775808\b/);
  });

  // The types of the chapter's section on addresses, and the others that the design names.
  const KINDS: readonly [text: string, kind: string, global: boolean][] = [
    ["127.0.0.1", "host-local", false],
    ["127.255.255.254", "host-local", false],
    ["::1", "host-local", false],
    ["169.254.0.1", "link-local", false],
    ["169.254.255.254", "link-local", false],
    ["fe80::1", "link-local", false],
    ["fe80::1%eth0", "link-local", false],
    ["10.0.0.0", "private", false],
    ["10.255.255.255", "private", false],
    ["172.16.0.1", "private", false],
    ["172.31.255.255", "private", false],
    ["192.168.0.0", "private", false],
    ["192.168.255.255", "private", false],
    ["fc00::1", "private", false],
    ["fd12:3456:789a::1", "private", false],
    ["9.255.255.255", "global", true],
    ["11.0.0.0", "global", true],
    ["172.15.255.255", "global", true],
    ["172.32.0.0", "global", true],
    ["192.167.255.255", "global", true],
    ["192.169.0.0", "global", true],
    ["8.8.8.8", "global", true],
    ["2606:4700:4700::1111", "global", true],
    ["0.0.0.0", "unspecified", false],
    ["::", "unspecified", false],
    ["100.64.0.1", "shared", false],
    ["224.0.0.1", "multicast", false],
    ["239.255.255.250", "multicast", false],
    ["224.0.1.1", "multicast", true],
    ["ff02::1", "multicast", false],
    ["255.255.255.255", "broadcast", false],
    ["192.0.2.1", "documentation", false],
    ["198.51.100.1", "documentation", false],
    ["203.0.113.1", "documentation", false],
    ["2001:db8::1", "documentation", false],
    ["198.18.0.1", "benchmarking", false],
    ["240.0.0.1", "reserved", false],
    ["::ffff:10.0.0.1", "private", false],
    ["::ffff:8.8.8.8", "global", true],
  ];
  test("--json: the kinds of address", async () => {
    const entries = await json(["ip", "--json", ...KINDS.map(([text]) => text)]);
    assert.deepEqual(
      (entries as { input: string; kind: string; global: boolean }[]).map((entry) => [
        entry.input,
        entry.kind,
        entry.global,
      ]),
      KINDS.map((row) => [...row]),
    );
  });

  test("without --json: each with its kind, its range and its bytes", async () => {
    const { code, stdout, stderr } = await windsock(["ip", "192.168.1.77/26", "fe80::1%eth0", "::/0"]);
    assert.deepEqual([code, stderr], [0, ""]);
    const [four, link, all] = stdout.toString().split("\n\n") as [string, string, string];
    for (const part of ["private", "192.168.1.64", "192.168.1.127", "64", "255.255.255.192", "c0 a8 01 4d"])
      assert.ok(four.includes(part), part);
    assert.ok(link.includes("fe80::1%eth0") && link.includes("link-local"));
    assert.ok(all.includes("340 282 366 920 938 463 463 374 607 431 768 211 456"));
  });

  const BAD = [
    "",
    " ",
    "1.2.3",
    "1.2.3.4.5",
    "256.1.1.1",
    "01.2.3.4",
    "0x7f.0.0.1",
    "127.1",
    "2130706433",
    "1.2.3.4 ",
    "1.2.3.4\n",
    "1.2.3.4/33",
    "1.2.3.4/",
    "1.2.3.4/-1",
    "1.2.3.4/08",
    "1.2.3.4/255.0.0.0",
    "::1/129",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7:8:9",
    "12345::",
    "::1.2.3",
    "[::1]",
    "fe80::1%",
    "1.2.3.4%eth0",
    "localhost",
    "１.2.3.4",
    "/24",
  ];
  for (const text of BAD) {
    test(`refused: ${JSON.stringify(text)}`, async () => {
      assertOneLine(await windsock(["ip", "--", text]), 2, /^windsock ip: /);
    });
  }

  test("one bad text among good ones: nothing is printed but the error", async () => {
    assertOneLine(await windsock(["ip", "--json", "10.0.0.1", "nonsense", "::1"]), 2, /nonsense/);
  });
});

describe("port", () => {
  interface PortFacts {
    readonly port: number;
    readonly class: string;
    readonly services: readonly { name: string; protocol: string; description?: string }[];
    readonly ephemeral: { first: number; last: number; contains: boolean };
  }
  const port = (text: string): Promise<PortFacts> => json(["port", "--json", text]) as Promise<PortFacts>;

  // RFC 6335 §6
  const CLASSES: readonly [number, string][] = [
    [0, "well-known"],
    [1, "well-known"],
    [1023, "well-known"],
    [1024, "registered"],
    [49151, "registered"],
    [49152, "dynamic"],
    [65535, "dynamic"],
  ];
  for (const [number, name] of CLASSES) {
    test(`${number} is ${name}`, async () => {
      const facts = await port(String(number));
      assert.deepEqual([facts.port, facts.class], [number, name]);
    });
  }

  // https://www.iana.org/assignments/service-names-port-numbers
  for (const [number, name] of [
    [22, "ssh"],
    [80, "http"],
    [443, "https"],
    [5432, "postgresql"],
    [53, "domain"],
    [564, "9pfs"],
    [106, "3com-tsmux"],
    [211, "914c-g"],
  ] as const) {
    test(`${number} is ${name}, and ${name} is ${number}`, async () => {
      const facts = await port(String(number));
      assert.ok(facts.services.some((service) => service.name === name && service.protocol === "tcp"));
      assert.deepEqual(await port(name), facts);
    });
  }

  test("aliases in daily use, and any case", async () => {
    for (const [alias, number] of [
      ["www", 80],
      ["postgres", 5432],
      ["HTTPS", 443],
    ] as const) {
      assert.equal((await port(alias)).port, number, alias);
    }
  });

  test("the ephemeral range is the kernel's", async () => {
    const [first, last] = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8")
      .trim()
      .split(/\s+/)
      .map(Number) as [number, number];
    for (const number of [first - 1, first, last, last + 1].filter((it) => it >= 0 && it <= 65535)) {
      const contains = number >= first && number <= last;
      assert.deepEqual((await port(String(number))).ephemeral, { first, last, contains });
    }
  });

  test("a port without a service has an empty list, and says so to a person", async () => {
    assert.deepEqual((await port("65535")).services, []);
    assert.match((await windsock(["port", "65535"])).stdout.toString(), /no service/);
  });

  test("without --json: the port, its class and its services", async () => {
    const { code, stdout, stderr } = await windsock(["port", "https"]);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout.toString(), /^443 {2}well-known\n {2}tcp +https/);
  });
});
