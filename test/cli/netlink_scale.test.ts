/** 200 links, 500 addresses and 5,000 routes: what the commands print as JSON against `ip -j -d`, entry by entry, in order. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { isolated } from "../socket/_helpers.ts";
import { CLI } from "./_cli.ts";
import { assertSame, ipJson, type Json, LEFT_OUT, withoutLeftOut } from "./_netlink_compare.ts";
import { generate, LARGE, make, settled } from "./_netlink_configuration.ts";

function ours(words: readonly string[]): Json[] {
  const options = { encoding: "utf8", maxBuffer: 1e9 } as const;
  return JSON.parse(execFileSync(process.execPath, [CLI, ...words, "--json"], options)) as Json[];
}

/** Words of a command, options of ip(8) before them, and how many entries there are at least. */
const TABLES: readonly (readonly [words: string, options: string, least: number])[] = [
  ["link show", "", 200],
  ["addr show", "", 200],
  ["route show table all", "-4", 2000],
  ["route show table all", "-6", 2000],
  ["rule show", "-4", 40],
  ["rule show", "-6", 40],
  ["neigh show nud all", "-4", 100],
  ["neigh show nud all", "-6", 100],
  ["neigh show proxy", "", 20],
];

for (const seed of [11, 12]) {
  isolated(
    import.meta.url,
    `configuration ${seed} of 200 links, 500 addresses and 5,000 routes`,
    { netns: "true", limitMs: 120_000 },
    async () => {
      const lines = generate(seed * 7_654_321, LARGE);
      const refused = make(lines);
      if (process.env.WINDSOCK_SAY) console.error(refused.join("\n"));
      assert.ok(refused.length < lines.length / 20, `${refused.length} of ${lines.length} lines refused`);
      await settled();
      let addresses = 0;
      for (const [words, options, least] of TABLES) {
        const [noun = "", ...rest] = words.split(" ");
        const before = options === "" ? [] : [options];
        const theirs = (): Json[] => ipJson(["-d", ...before, noun, ...rest]);
        const mine = (): Json[] => withoutLeftOut(noun, ours([noun, ...before, ...rest]));
        const count = await assertSame(`${options} ${words}`, theirs, mine);
        assert.ok(count >= least, `${options} ${words}: ${count} entries are too few to compare`);
        if (noun === "addr") addresses = theirs().flatMap((row) => row.addr_info).length;
      }
      assert.ok(addresses >= 500, `${addresses} addresses`);
      if (process.env.WINDSOCK_SAY) console.error(LEFT_OUT);
    },
  );
}
