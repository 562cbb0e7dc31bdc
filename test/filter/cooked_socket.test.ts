/** Filters for sockets without a header: the same verdicts as on the packet behind the header that files have. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { compileFilter, FilterError, FilterProgram, forCookedSocket } from "../../src/filter/index.ts";
import { randomPacket } from "./_packets.ts";
import { Random } from "./_random.ts";
import { randomExpression } from "./_random_expressions.ts";

const HEADER = 20;

test("expressions without the header give the verdicts that they give with it", () => {
  const random = new Random(5);
  const counts = { expressions: 0, kept: 0, rejected: 0 };
  while (counts.expressions < 300) {
    const expression = randomExpression(random);
    let whole: FilterProgram;
    try {
      whole = compileFilter(expression, { linkType: "linux-sll2" });
    } catch (error) {
      assert.ok(error instanceof FilterError);
      continue; // what this header cannot be asked
    }
    const program = forCookedSocket(whole);
    if (program === undefined) continue;
    counts.expressions++;
    for (let i = 0; i < 40; i++) {
      const packet = randomPacket(random, "linux-sll2");
      if (packet.length < HEADER) continue;
      const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
      const kept: number = program.run(packet.subarray(HEADER), packet.length - HEADER, {
        protocol: view.getUint16(0),
        interfaceIndex: view.getUint32(4),
        hardwareType: view.getUint16(8),
        packetType: view.getUint8(10),
      });
      assert.equal(kept > 0, whole.run(packet) > 0, `${expression}: ${packet}`);
      counts[kept > 0 ? "kept" : "rejected"]++;
    }
  }
  assert.ok(counts.kept > 500 && counts.rejected > 500, JSON.stringify(counts));
});

test("what the kernel cannot give of the header has no program", () => {
  const program = compileFilter("ether[12] = 2", { linkType: "ethernet" });
  assert.equal(forCookedSocket(program), undefined);
  assert.equal(forCookedSocket(compileFilter("len > 100", { linkType: "linux-sll2" })), undefined);
});

test("what is kept of a packet is counted without the header, and is never nothing", () => {
  const keeping = (k: number): FilterProgram => FilterProgram.of([{ code: 0x06, jt: 0, jf: 0, k }]);
  const kept = (k: number): number | undefined => forCookedSocket(keeping(k))?.instructions[0]?.k;
  assert.deepEqual([0, 1, 20, 21, 120, 0x40000].map(kept), [0, 1, 1, 1, 100, 0x40000 - HEADER]);
});
