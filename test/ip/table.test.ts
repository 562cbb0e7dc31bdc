/** PrefixTable against a linear scan over the same rows. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { IpAddr, IpPrefix, Ipv4Addr, Ipv6Addr, PrefixTable } from "../../src/ip/index.ts";
import { Random } from "./_random.ts";

/** What a table should be, the slow way. */
class LinearTable {
  private readonly rows = new Map<string, { prefix: IpPrefix; value: number }>();

  insert(prefix: IpPrefix, value: number): void {
    this.rows.set(prefix.masked().toString(), { prefix: prefix.masked(), value });
  }

  delete(prefix: IpPrefix): boolean {
    return this.rows.delete(prefix.masked().toString());
  }

  get(prefix: IpPrefix): number | undefined {
    return this.rows.get(prefix.masked().toString())?.value;
  }

  lookup(addr: IpAddr): { prefix: IpPrefix; value: number } | undefined {
    const holding = [...this.rows.values()].filter(({ prefix }) => prefix.contains(addr));
    return holding.sort((a, b) => b.prefix.length - a.prefix.length)[0];
  }

  sorted(): string[] {
    const rows = [...this.rows.values()].sort((a, b) => a.prefix.compare(b.prefix));
    return rows.map(({ prefix, value }) => `${prefix}=${value}`);
  }
}

/** Addresses that share many leading bits with each other, at every depth. */
function randomAddr(random: Random): IpAddr {
  const bits = (): number => (random.pick([0, 0xffffffff, 0xaaaaaaaa]) ^ (1 << random.below(32))) >>> 0;
  if (random.below(2) === 0) return Ipv4Addr.fromU32(random.below(3) === 0 ? random.u32() : bits());
  return Ipv6Addr.fromWords(bits(), random.pick([0, bits()]), random.pick([0, 0xffffffff]), bits());
}

function randomPrefix(random: Random): IpPrefix {
  const addr = randomAddr(random);
  return IpPrefix.of(addr, random.below(addr.bitLength + 1));
}

for (const seed of [1, 2, 3, 4]) {
  test(`inserting, deleting and looking up at random, seed ${seed}`, () => {
    const random = new Random(seed);
    const [ours, theirs] = [new PrefixTable<number>(), new LinearTable()];
    const used: IpPrefix[] = [];
    let found = 0;
    for (let step = 0; step < 3000; step++) {
      const old = used[random.below(used.length + 1)];
      const prefix = old !== undefined && random.below(3) > 0 ? old : randomPrefix(random);
      if (random.below(5) < 2) {
        ours.insert(prefix, step);
        theirs.insert(prefix, step);
        used.push(prefix);
      } else if (random.below(2) === 0) {
        assert.equal(ours.delete(prefix), theirs.delete(prefix), `delete ${prefix}`);
      }
      assert.equal(ours.get(prefix), theirs.get(prefix), `get ${prefix}`);
      const addr = random.below(2) === 0 ? prefix.last : randomAddr(random);
      const expected = theirs.lookup(addr);
      assert.deepEqual(ours.lookup(addr), expected, `lookup ${addr}`);
      if (expected) found++;
      if (step % 500 === 499) {
        assert.deepEqual(
          Array.from(ours, ({ prefix, value }) => `${prefix}=${value}`),
          theirs.sorted(),
        );
        assert.equal(ours.size, theirs.sorted().length);
      }
    }
    assert.ok(found > 1000, `${found} found`);
    for (const prefix of used) {
      ours.delete(prefix);
      assert.equal(ours.get(prefix), undefined);
    }
    assert.equal(ours.size, 0);
    assert.deepEqual([...ours], []);
    assert.equal(ours.lookup(Ipv4Addr.LOCALHOST), undefined);
  });
}

test("a routing table", () => {
  const table = new PrefixTable<string>([
    [IpPrefix.parse("0.0.0.0/0"), "default"],
    [IpPrefix.parse("10.1.2.3/8"), "private"],
    [IpPrefix.parse("10.1.0.0/16"), "site"],
    [IpPrefix.parse("::/0"), "default6"],
    [IpPrefix.parse("::1/128"), "lo"],
  ]);
  const via = (text: string): string | undefined => table.lookup(IpAddr.parse(text))?.value;
  assert.deepEqual(["10.1.9.9", "10.2.0.1", "11.0.0.1", "::1", "::2"].map(via), [
    "site",
    "private",
    "default",
    "lo",
    "default6",
  ]);
  assert.equal(String(table.lookup(IpAddr.parse("10.2.0.1"))?.prefix), "10.0.0.0/8");
  assert.equal(table.insert(IpPrefix.parse("10.0.0.0/8"), "changed"), table);
  assert.equal(table.size, 5);
  assert.equal(table.get(IpPrefix.parse("10.9.9.9/8")), "changed");
  assert.equal(table.get(IpPrefix.parse("10.0.0.0/9")), undefined);
  assert.equal(table.delete(IpPrefix.parse("0.0.0.0/1")), false);
  assert.equal(table.delete(IpPrefix.parse("0.0.0.0/0")), true);
  assert.equal(via("11.0.0.1"), undefined);
  assert.equal(via("::ffff:10.1.2.3"), "default6");
});

test("a value may be undefined", () => {
  const table = new PrefixTable<undefined>([[IpPrefix.parse("10.0.0.0/8"), undefined]]);
  assert.equal(table.size, 1);
  assert.ok(table.lookup(IpAddr.parse("10.0.0.1")));
  assert.equal(table.delete(IpPrefix.parse("10.0.0.0/8")), true);
});

test("wrong types are TypeErrors", () => {
  const table = new PrefixTable<number>();
  assert.throws(() => table.insert("10.0.0.0/8" as never, 1), TypeError);
  assert.throws(() => table.get("10.0.0.0/8" as never), TypeError);
  assert.throws(() => table.delete(Ipv4Addr.LOCALHOST as never), TypeError);
  assert.throws(() => table.lookup("10.0.0.1" as never), {
    name: "TypeError",
    message: 'addr must be an IpAddr, got "10.0.0.1"',
  });
});
