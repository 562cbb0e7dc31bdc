/** Ten million datagrams by batches: every one that the kernel did not drop comes, once and in order. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { Program, ROOT } from "../cli/_cli.ts";

const COUNT = 10_000_000;

for (const mode of ["plain", "merged"]) {
  test(`${COUNT} datagrams, ${mode}: received and dropped are what was sent`, async () => {
    const args = ["--import", "tsx", join(ROOT, "test/interop/_ten_million.ts"), String(COUNT), mode];
    using program = new Program(process.execPath, args, { limitMs: 900_000 });
    const { code, stdout, stderr } = await program.ended;
    assert.deepEqual([code, stderr], [0, ""]);
    const found = JSON.parse(stdout.toString()) as Record<string, number>;
    const { sent = 0, received = 0, drops = 0, groupsMissing = 0 } = found;
    assert.ok(sent >= COUNT, `${sent}`);
    assert.deepEqual([found.corrupted, found.disordered, found.groupsCut], [0, 0, 0], stdout.toString());
    assert.ok(received > sent / 1000, stdout.toString());
    // The kernel counts messages, of which each is one datagram, or a group of merged ones.
    assert.equal(groupsMissing, drops, stdout.toString());
    if (mode === "plain") assert.equal(received + drops, sent, stdout.toString());
  });
}
