/** Ten million random and mutated packets: a WireError or an answer to everything, and never another's bytes. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";

/** WINDSOCK_FUZZ asks for more, or fewer. */
const TOTAL = Number(process.env.WINDSOCK_FUZZ ?? 10_000_000);
const SEEDS = [1, 2];

async function child(
  seed: number,
  count: number,
): Promise<{ refused: number; decoded: number; same: number }> {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const program = new URL("_fuzz_child.ts", import.meta.url).pathname;
  const args = ["--import", "tsx", program, String(seed), String(count)];
  const run = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  run.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const [code] = await once(run, "close");
  assert.equal(code, 0, said);
  return JSON.parse(said);
}

test(`${TOTAL} random and mutated packets`, async () => {
  const all = await Promise.all(SEEDS.map((seed) => child(seed, Math.ceil(TOTAL / SEEDS.length))));
  for (const { refused, decoded, same } of all) {
    // Both ends are met often, or the inputs were not as varied as they should be.
    assert.ok(refused > TOTAL / 20 && decoded > TOTAL / 20, JSON.stringify(all));
    assert.equal(same, decoded);
  }
});
