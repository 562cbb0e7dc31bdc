/** The compiler against tcpdump: the same programs, and the same verdicts on ten thousand packets. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { assemble, compileFilter, FilterProgram } from "../../src/filter/index.ts";
import { EXPRESSIONS, METADATA_EXPRESSIONS, NAMED_EXPRESSIONS } from "./_expressions.ts";
import { randomPacket } from "./_packets.ts";
import { Random } from "./_random.ts";
import { randomExpression } from "./_random_expressions.ts";
import {
  captureFile,
  DATA_LINKS,
  type DataLink,
  forEachOf,
  keptByTcpdump,
  noTcpdump,
  tcpdumpLiveProgram,
  tcpdumpProgram,
} from "./_tcpdump.ts";

/** Others than the everyday ones: `FILTER_SEED=7 npm test filter/programs`. */
const SEED = Number(process.env.FILTER_SEED ?? 1);
const PACKETS = 10_000;
const LINKS = Object.keys(DATA_LINKS) as DataLink[];
const skip = noTcpdump;

const packetsOf = (link: DataLink, count: number): Uint8Array[] => {
  const random = new Random(SEED);
  return Array.from({ length: count }, () => randomPacket(random, link));
};
const verdicts = (program: FilterProgram, packets: readonly Uint8Array[]): number[] =>
  packets.flatMap((packet, number) => (program.run(packet) === 0 ? [] : [number]));

/** The program's text, or undefined where the expression is refused. */
function compiled(expression: string, options: Parameters<typeof compileFilter>[1]): string | undefined {
  try {
    return compileFilter(expression, options).toString();
  } catch (error) {
    assert.equal((error as Error).name, "FilterError", `${expression}: ${(error as Error).stack}`);
    return undefined;
  }
}

test("there are at least 300 expressions, each once", () => {
  assert.ok(EXPRESSIONS.length >= 300, String(EXPRESSIONS.length));
  assert.equal(new Set(EXPRESSIONS).size, EXPRESSIONS.length);
});

test("300 expressions: the same verdict on 10 000 packets as the program that tcpdump -d prints", {
  skip,
}, async () => {
  const packets = packetsOf("ethernet", PACKETS);
  let kept = 0;
  await forEachOf(EXPRESSIONS, async (expression) => {
    const theirs = await tcpdumpProgram(expression, "ethernet");
    assert.ok(theirs, `tcpdump refuses ${expression}`);
    const expected = verdicts(assemble(theirs), packets);
    const ours = compileFilter(expression);
    assert.deepEqual(verdicts(ours, packets), expected, expression);
    assert.equal(ours.toString(), theirs, expression);
    kept += expected.length;
  });
  // Filters that keep everything or nothing would say little.
  const share = kept / EXPRESSIONS.length / PACKETS;
  assert.ok(share > 0.1 && share < 0.9, `kept ${share} of the packets`);
});

test("300 expressions: tcpdump -r keeps the same of 10 000 packets", { skip }, async () => {
  const packets = packetsOf("ethernet", PACKETS);
  const file = captureFile(packets, "ethernet");
  await forEachOf(EXPRESSIONS, async (expression) => {
    assert.deepEqual(
      verdicts(compileFilter(expression), packets),
      await keptByTcpdump(file, expression),
      expression,
    );
  });
});

test("the other link types: tcpdump -r keeps the same packets", { skip }, async () => {
  for (const link of LINKS.slice(1)) {
    const packets = packetsOf(link, 2000);
    const file = captureFile(packets, link);
    const some = EXPRESSIONS.filter((_, i) => i % 3 === 0);
    await forEachOf(some, async (expression) => {
      const program = compiled(expression, { linkType: link });
      if (program === undefined) await assert.rejects(keptByTcpdump(file, expression), /tcpdump/, expression);
      else
        assert.deepEqual(
          verdicts(assemble(program), packets),
          await keptByTcpdump(file, expression),
          expression,
        );
    });
  }
});

for (const [what, options, flags] of [
  ["-d", {}, []],
  ["-d -O, not simplified", { optimize: false }, ["-O"]],
] as const) {
  test(`the programs are tcpdump ${what}, instruction for instruction, on each link type`, {
    skip,
  }, async () => {
    const cases = [...EXPRESSIONS, ...METADATA_EXPRESSIONS].flatMap((expression, i) =>
      LINKS.filter((_, j) => (i + j) % 4 === 0).map((linkType) => ({ expression, linkType })),
    );
    await forEachOf(cases, async ({ expression, linkType }) => {
      const ours = compiled(expression, { ...options, linkType });
      assert.equal(ours, await tcpdumpProgram(expression, linkType, ...flags), `${linkType}: ${expression}`);
    });
  });
}

test("300 random expressions compile to tcpdump's programs", { skip }, async () => {
  const random = new Random(SEED);
  const cases = Array.from({ length: 300 }, () => {
    return { expression: randomExpression(random, random.integer(0, 3)), linkType: random.pick(LINKS) };
  });
  let accepted = 0;
  await forEachOf(cases, async ({ expression, linkType }) => {
    const ours = compiled(expression, { linkType });
    if (ours !== undefined) accepted++;
    assert.equal(ours, await tcpdumpProgram(expression, linkType), `${linkType}: ${expression}`);
  });
  assert.ok(accepted > 150, `only ${accepted} were accepted`);
});

const noNames =
  noTcpdump || (existsSync("/etc/services") && existsSync("/etc/protocols") ? false : "no /etc/services");

test("names of services and protocols", { skip: noNames }, async () => {
  await forEachOf(NAMED_EXPRESSIONS, async (expression) => {
    assert.equal(compiled(expression, {}), await tcpdumpProgram(expression, "ethernet"), expression);
  });
});

const noLive = noTcpdump || (process.getuid?.() === 0 ? false : "tcpdump -i needs root");

test("live: VLAN tags are looked for in the metadata, as tcpdump -i does", { skip: noLive }, async (t) => {
  if ((await tcpdumpLiveProgram("ip", "lo")) === undefined) return t.skip("tcpdump -i lo does not work here");
  const random = new Random(SEED);
  const some = Array.from(
    { length: 60 },
    () => `vlan ${random.pick(["", "5", "100"])} and ${randomExpression(random, 1)}`,
  );
  const hand = EXPRESSIONS.filter((expression) => /vlan|mpls|port 80/.test(expression));
  // tcpdump takes the netmask of `ip broadcast` from lo. Its program for a session of PPPoE within a VLAN reads memory that
  // was never written, which the kernel refuses; ours writes it.
  const cases = [...hand, ...some].filter((expression) => !/ip broadcast|pppoes/.test(expression));
  await forEachOf(cases, async (expression) => {
    const theirs = await tcpdumpLiveProgram(expression, "lo");
    assert.equal(compiled(expression, { live: true }), theirs, expression);
  });
});

test("300 hosts: jumps that are too long for 8 bits", { skip }, async () => {
  for (const word of ["host 10.0.", "not src host 10.0."]) {
    const joined = word.startsWith("not") ? " and " : " or ";
    const hosts = Array.from({ length: 300 }, (_, i) => `${word}${i >> 6}.${i & 63}`).join(joined);
    const program = compileFilter(hosts);
    assert.ok(
      program.instructions.some(({ code }) => code === 0x05),
      "no unconditional jump",
    );
    assert.equal(program.toString(), await tcpdumpProgram(hosts, "ethernet"));
  }
});

test("every program survives its text, its decimal form and its bytes", () => {
  for (const expression of EXPRESSIONS) {
    const program = compileFilter(expression);
    assert.deepEqual(assemble(program.toString()).instructions, program.instructions, expression);
    assert.deepEqual(FilterProgram.parseDecimal(program.toDecimal()).instructions, program.instructions);
    assert.deepEqual(FilterProgram.fromBytes(program.toBytes()).instructions, program.instructions);
  }
});
