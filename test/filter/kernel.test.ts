/** Programs against the kernel: it takes what passes our check and nothing else, and its verdicts are ours. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  compileFilter,
  type FilterInstruction,
  FilterProgram,
  type PacketMetadata,
} from "../../src/filter/index.ts";
import { EXPRESSIONS, METADATA_EXPRESSIONS } from "./_expressions.ts";
import { askKernel, noKernel } from "./_kernel.ts";
import { randomPacket } from "./_packets.ts";
import { Random } from "./_random.ts";
import { brokenProgram, randomProgram } from "./_random_programs.ts";

const SEED = Number(process.env.FILTER_SEED ?? 1);
const EINVAL = 22;
const skip = noKernel;

/** What the kernel knows of a local datagram. */
const METADATA: PacketMetadata = { protocol: 0, packetType: 0, mark: 0, vlanTci: null };

const packetsOf = (count: number): Uint8Array[] => {
  const random = new Random(SEED);
  return Array.from({ length: count }, () => randomPacket(random)).filter(({ length }) => length > 0);
};

/** How many bytes get through. */
const kept = (program: FilterProgram, packet: Uint8Array): number =>
  Math.min(packet.length, program.run(packet, packet.length, METADATA));

/** The program, or undefined where ours does not take it. */
function checked(instructions: readonly FilterInstruction[]): FilterProgram | undefined {
  try {
    return FilterProgram.of(instructions);
  } catch (error) {
    assert.equal((error as Error).name, "FilterError");
    return undefined;
  }
}

/** What FilterProgram.toBytes makes, for what it would refuse. */
function bytesOf(instructions: readonly FilterInstruction[]): Uint8Array {
  const words = instructions.flatMap(({ code, jt, jf, k }) => [code | (jt << 16) | (jf << 24), k]);
  return new Uint8Array(Uint32Array.from(words).buffer);
}

test("the kernel takes the program of each expression, and keeps the same packets", { skip }, () => {
  const packets = packetsOf(1500);
  for (const live of [false, true]) {
    const expressions = [...EXPRESSIONS, ...METADATA_EXPRESSIONS].filter((text) => !/ifindex/.test(text)); // has none
    const programs = expressions.map((expression) => compileFilter(expression, { live }));
    const answers = askKernel(
      programs.map((program) => program.toBytes()),
      live ? packets.slice(0, 200) : packets,
    );
    answers.forEach((answer, i) => {
      const program = programs[i] as FilterProgram;
      const ours = packets.slice(0, (answer as number[]).length).map((packet) => kept(program, packet));
      assert.deepEqual(ours, answer, `${expressions[i]}\n${program}`);
    });
  }
});

test("a shorter snapLength cuts the packets", { skip }, () => {
  const packets = packetsOf(200);
  const program = compileFilter("ip", { snapLength: 20 });
  const [answer] = askKernel([program.toBytes()], packets);
  assert.ok((answer as number[]).includes(20));
  assert.deepEqual(
    packets.map((packet) => kept(program, packet)),
    answer,
  );
});

test("3000 random programs: taken or refused as by the kernel, with the same verdicts", { skip }, () => {
  const random = new Random(SEED);
  const programs = Array.from({ length: 3000 }, (_, i) =>
    i % 2 === 0 ? randomProgram(random) : brokenProgram(random),
  );
  const packets = packetsOf(40);
  const answers = askKernel(programs.map(bytesOf), packets);
  let taken = 0;
  programs.forEach((instructions, i) => {
    const [program, answer] = [checked(instructions), answers[i]];
    const text = JSON.stringify(instructions);
    if (typeof answer === "number") {
      assert.equal(answer, EINVAL);
      assert.equal(program, undefined, `the kernel refuses ${text}\n${program}`);
      return;
    }
    taken++;
    assert.ok(program, `the kernel takes ${text}`);
    packets.forEach((packet, number) => {
      assert.equal(kept(program, packet), answer?.[number], `packet ${number}:\n${program}`);
    });
  });
  assert.ok(taken > 500 && taken < 2500, `${taken} of 3000 were taken`);
});

test("programs of 4096 instructions are taken, longer ones are not", { skip }, () => {
  const one = { code: 0x00, jt: 0, jf: 0, k: 1 };
  const end = { code: 0x16, jt: 0, jf: 0, k: 0 };
  for (const length of [1, 4096, 4097]) {
    const program = [...new Array<FilterInstruction>(length - 1).fill(one), end];
    const [answer] = askKernel([bytesOf(program)], []);
    assert.equal(checked(program) !== undefined, typeof answer !== "number", `${length} instructions`);
  }
});
