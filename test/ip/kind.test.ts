/** What addresses are for: every registry row at its edges, and Python's `is_global` beside ours. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type AddrKind,
  describe,
  IpAddr,
  IpPrefix,
  Ipv4Addr,
  Ipv6Addr,
  SPECIAL_BLOCKS,
} from "../../src/ip/index.ts";
import { needsPython, runPython } from "./_python.ts";
import { Random } from "./_random.ts";

const KINDS: readonly [text: string, kind: AddrKind, global: boolean, block: string | undefined][] = [
  // the addresses of the chapter "Socket programming basics"
  ["127.0.0.1", "host-local", false, "127.0.0.0/8"],
  ["::1", "host-local", false, "::1/128"],
  ["169.254.17.1", "link-local", false, "169.254.0.0/16"],
  ["fe80::1", "link-local", false, "fe80::/10"],
  ["10.0.0.1", "private", false, "10.0.0.0/8"],
  ["172.16.0.1", "private", false, "172.16.0.0/12"],
  ["192.168.1.1", "private", false, "192.168.0.0/16"],
  ["fc00::1", "private", false, "fc00::/7"],
  ["fd00::1", "private", false, "fc00::/7"],
  ["255.255.255.255", "broadcast", false, "255.255.255.255/32"],
  ["0.0.0.0", "unspecified", false, "0.0.0.0/32"],
  ["::", "unspecified", false, "::/128"],
  // link-local is fe80::/10, not /64
  ["fe80:0:0:1::1", "link-local", false, "fe80::/10"],
  ["febf:ffff::1", "link-local", false, "fe80::/10"],
  // ordinary ones
  ["8.8.8.8", "global", true, undefined],
  ["2606:4700::1111", "global", true, undefined],
  ["1.0.0.0", "global", true, undefined],
  ["223.255.255.255", "global", true, undefined],
  // inside 0.0.0.0/8, 240.0.0.0/4
  ["0.0.0.1", "reserved", false, "0.0.0.0/8"],
  ["240.0.0.1", "reserved", false, "240.0.0.0/4"],
  ["255.255.255.254", "reserved", false, "240.0.0.0/4"],
  ["100.64.0.1", "shared", false, "100.64.0.0/10"],
  // not allocated, or no more
  ["::2", "reserved", false, undefined],
  ["::10.0.0.1", "reserved", false, undefined],
  ["1fff:ffff::", "reserved", false, undefined],
  ["4000::", "reserved", false, undefined],
  ["fe00::1", "reserved", false, undefined],
  ["fec0::1", "reserved", false, "fec0::/10"],
  // protocol blocks that are reachable inside blocks that are not
  ["192.0.0.1", "reserved", false, "192.0.0.0/29"],
  ["192.0.0.9", "global", true, "192.0.0.9/32"],
  ["192.0.0.11", "reserved", false, "192.0.0.0/24"],
  ["64:ff9b::8.8.8.8", "global", true, "64:ff9b::/96"],
  ["64:ff9b:1::1", "reserved", false, "64:ff9b:1::/48"],
  ["2001:20::1", "global", true, "2001:20::/28"],
  ["2001::1", "reserved", false, "2001::/32"],
  ["2002::1", "reserved", false, "2002::/16"],
  // multicast, by its scope
  ["224.0.0.1", "multicast", false, "224.0.0.0/4"],
  ["224.0.1.1", "multicast", true, "224.0.0.0/4"],
  ["232.1.2.3", "multicast", true, "224.0.0.0/4"],
  ["233.252.0.1", "multicast", false, "224.0.0.0/4"],
  ["233.252.1.1", "multicast", true, "224.0.0.0/4"],
  ["239.255.255.250", "multicast", false, "224.0.0.0/4"],
  ["ff02::1", "multicast", false, "ff00::/8"],
  ["ff05::1:3", "multicast", false, "ff00::/8"],
  ["ff0e::1", "multicast", true, "ff00::/8"],
  ["ff1e::1", "multicast", true, "ff00::/8"],
];

for (const [text, kind, global, block] of KINDS) {
  test(`${text} is ${kind}`, () => {
    const addr = IpAddr.parse(text);
    const description = describe(addr);
    assert.deepEqual([description.kind, description.global, description.block], [kind, global, block]);
    assert.equal(description.mapped, false);
    assert.equal("name" in description && "rfc" in description, block !== undefined);
    assert.equal(addr.kind, kind);
    assert.equal(addr.isGlobal, global);
    if (addr.version === 4) {
      const mapped = describe(addr.toIpv6Mapped());
      assert.deepEqual([mapped.kind, mapped.global, mapped.mapped], [kind, global, true], "IPv4-mapped");
      assert.equal(mapped.block, block ?? "::ffff:0:0/96");
    }
  });
}

test("every row at its first and last address, and just outside", () => {
  assert.equal(SPECIAL_BLOCKS.length, 54);
  for (const row of SPECIAL_BLOCKS) {
    const prefix = IpPrefix.parse(row.block);
    assert.ok(prefix.network.equals(prefix.addr), `${row.block} has host bits`);
    const inside = (addr: IpAddr): string => slowBlock(addr) ?? "none";
    for (const addr of [prefix.first, prefix.last]) {
      if (row.block === "::ffff:0:0/96") continue; // looked through
      assert.equal(describe(addr).block ?? "none", inside(addr), `${addr} in ${row.block}`);
    }
    for (const addr of [beside(prefix.first, -1n), beside(prefix.last, 1n)]) {
      if (!addr || (addr.version === 6 && addr.isIpv4Mapped)) continue;
      assert.equal(describe(addr).block ?? "none", inside(addr), `${addr} beside ${row.block}`);
      assert.notEqual(describe(addr).block, row.block);
    }
    const { kind, name, rfc, global } = row;
    if (kind === "multicast" || row.block === "::ffff:0:0/96") continue;
    const own = [prefix.first, prefix.last].find((addr) => describe(addr).block === row.block);
    if (!own) continue; // 192.0.0.0/24 and 2001::/23 begin and end with others
    assert.deepEqual(describe(own), { kind, global, mapped: false, block: row.block, name, rfc });
    assert.match(rfc, /^RFC \d+/);
  }
});

test("the rows that the registries have as globally reachable", () => {
  const reachable = SPECIAL_BLOCKS.filter(({ global, kind }) => global && kind !== "multicast");
  assert.deepEqual(
    reachable.map(({ block }) => block),
    [
      "192.0.0.9/32",
      "192.0.0.10/32",
      "192.31.196.0/24",
      "192.52.193.0/24",
      "192.175.48.0/24",
      "64:ff9b::/96",
      "2001:1::1/128",
      "2001:1::2/128",
      "2001:1::3/128",
      "2001:3::/32",
      "2001:4:112::/48",
      "2001:20::/28",
      "2001:30::/28",
      "2620:4f:8000::/48",
    ],
  );
  for (const { block, kind, global } of SPECIAL_BLOCKS) {
    if (kind !== "multicast") assert.equal(kind === "global", global, block);
  }
});

/** The longest block that holds an address, found with IpPrefix instead. */
function slowBlock(addr: IpAddr): string | undefined {
  const holding = SPECIAL_BLOCKS.map(({ block }) => block).filter((block) =>
    IpPrefix.parse(block).contains(addr),
  );
  return holding.sort((a, b) => IpPrefix.parse(b).length - IpPrefix.parse(a).length)[0];
}

function beside(addr: IpAddr, step: bigint): IpAddr | undefined {
  const value = addr.toBigInt() + step;
  if (value < 0n || value >= 1n << BigInt(addr.bitLength)) return undefined;
  return addr.version === 4 ? Ipv4Addr.fromU32(Number(value)) : Ipv6Addr.fromBigInt(value);
}

test("describe takes addresses only", () => {
  assert.throws(() => describe("127.0.0.1" as never), {
    name: "TypeError",
    message: 'addr must be an Ipv4Addr or Ipv6Addr, got "127.0.0.1"',
  });
  assert.throws(() => describe(undefined as never), TypeError);
});

/**
 * Blocks in which Python's `is_global` may say something else. Its tables are those of its version: 3.11.10 and 3.12.4
 * brought the exceptions of RFC 8190, 3.13 brought 3fff::/20.
 */
const PYTHON_DIFFERS: readonly [block: string, why: string][] = [
  [
    "192.0.0.0/24",
    "RFC 6890 §2.2.2: not reachable, but for the rows of RFC 7723 and RFC 8155; Python had the /29 only",
  ],
  ["192.88.99.0/24", "RFC 7526: deprecated, the registry promises nothing; Python has no such row"],
  [
    "224.0.0.0/4",
    "RFC 5771, RFC 2365: link-local and scoped groups are not global; Python calls all multicast global",
  ],
  [
    "::ffff:0:0/96",
    "RFC 4291 §2.5.5.2: what the IPv4 address inside is; Python says false, or forgets 100.64.0.0/10",
  ],
  ["64:ff9b:1::/48", "RFC 8215: local-use translation; in Python from 3.11.10 on"],
  ["100::/8", "RFC 9780 (100:0:0:1::/64), and RFC 4291 §2.4: outside 2000::/3 nothing is allocated"],
  [
    "2001::/23",
    "RFC 7723, 8155, 9665, 7450, 7535, 7343, 9374: reachable rows; in Python from 3.11.10 on, 9665 not yet",
  ],
  ["2002::/16", "RFC 3056: the registry promises nothing; Python agrees from 3.11.10 on"],
  ["3fff::/20", "RFC 9637: documentation; in Python from 3.13 on"],
  ["ff00::/8", "RFC 7346 §2: global scope alone is global; Python calls all multicast global"],
  ["::/3", "RFC 4291 §2.4: not allocated; Python calls what it has no row for global"],
  ["4000::/2", "as ::/3, and 5f00::/16, RFC 9602"],
  ["8000::/1", "as ::/3, and fec0::/10, RFC 3879"],
];

test("globally reachable, as Python's is_global has it", needsPython, () => {
  const random = new Random(6890);
  const edges = SPECIAL_BLOCKS.map(({ block }) => IpPrefix.parse(block)).flatMap((prefix) => {
    return [
      beside(prefix.first, -1n),
      prefix.first,
      beside(prefix.first, 1n),
      prefix.last,
      beside(prefix.last, 1n),
    ];
  });
  const addrs = [
    ...edges.filter((addr) => addr !== undefined),
    ...random.times(20_000, () => Ipv4Addr.fromU32(random.u32())),
    ...random.times(20_000, () => {
      const first = random.pick([
        random.u32(),
        0x20000000 | (random.u32() >>> 3),
        0x20010000 | (random.u32() >>> 16),
      ]);
      return Ipv6Addr.fromWords(first >>> 0, random.u32(), random.u32(), random.u32());
    }),
  ];
  const script = "import ipaddress\nresult = [ipaddress.ip_address(t).is_global for t in data]";
  const theirs = runPython(script, addrs) as boolean[];
  const listed = PYTHON_DIFFERS.map(([block]) => IpPrefix.parse(block));
  let agreed = 0;
  addrs.forEach((addr, i) => {
    if (addr.isGlobal === theirs[i]) agreed++;
    else
      assert.ok(
        listed.some((block) => block.contains(addr)),
        `${addr}: ours ${addr.isGlobal}, Python ${theirs[i]}`,
      );
  });
  assert.ok(agreed > 30_000, `${agreed} agreed`);
});
