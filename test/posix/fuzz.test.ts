/** Whatever is passed: a result, a TypeError or a RangeError, no write outside of a buffer, and no crash. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { Program } from "../cli/_cli.ts";

/** The calls may reach any address: they are made where there is none but loopback. */
const unshare = process.getuid?.() === 0 ? "-n" : "-rn";
const { status } = spawnSync("unshare", [unshare, "true"]);
const skip = status === 0 ? false : "needs unshare, and the right to make a network namespace";

for (const seed of [1, 2, 3]) {
  test(`20 000 calls with anything, seed ${seed}`, { skip }, async () => {
    const node = [process.execPath, "--import", "tsx", "test/posix/_fuzz_child.ts"];
    using child = new Program("unshare", [unshare, ...node, String(seed), "20000"], { limitMs: 180_000 });
    const { code, signal, stdout, stderr } = await child.ended;
    assert.deepEqual([code, signal, stderr], [0, null, ""], stdout.toString());
    const { returned, failed, refused } = JSON.parse(stdout.toString());
    // All three kinds of end are met often, or the calls were not as varied as they should be.
    assert.ok(Math.min(returned, failed, refused) > 2_000, stdout.toString());
  });
}
