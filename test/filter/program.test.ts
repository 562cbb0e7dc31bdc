/** FilterProgram: what is a program, how each instruction runs, and what ancillary loads read. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, toHex } from "../../src/bytes/index.ts";
import { assemble, compileFilter, FilterError, FilterProgram } from "../../src/filter/index.ts";

const PACKET = fromHex("0102030405060708f9fafbfcfdfeff45");

/** What A holds after statements, as `ret a` gives it. */
const a = (statements: string, packet: Uint8Array = PACKET, ...rest: [number?, object?]): number =>
  assemble(`${statements}\nret a`).run(packet, ...rest);

/** Statements and A after them; 0 also where a load rejects the packet. */
const RESULTS: Readonly<Record<string, number>> = {
  "ld [0]": 0x01020304,
  "ld [8]": 0xf9fafbfc,
  "ld [12]": 0xfdfeff45,
  "ld [13]": 0,
  "ldh [8]": 0xf9fa,
  "ldh [14]": 0xff45,
  "ldh [15]": 0,
  "ldb [15]": 0x45,
  "ldb [16]": 0,
  "ld [0x7fffffff]": 0,
  "ldx #4\nld [x + 4]": 0xf9fafbfc,
  "ldx #4\nldh [x - 2]": 0x0304,
  "ldx #-4\nldb [x + 12]": 0xf9,
  "ldx #4\nldb [x - 5]": 0,
  "ldx #16\nldb [x]": 0,
  "ldx 4*([15]&0xf)\ntxa": 20,
  "ldx 4*([16]&0xf)\nld #1": 0,
  "ld #5\nadd #-1": 4,
  "ld #5\nsub #6": 0xffff_ffff,
  "ld #0x10001\nmul #0x10001": 0x20001,
  "ld #-1\nmul #-1": 1,
  "ld #-1\ndiv #2": 0x7fff_ffff,
  "ld #-1\nmod #10": 5,
  "ldx #0\nld #7\ndiv x\nld #1": 0,
  "ldx #0\nld #7\nmod x\nld #1": 0,
  "ldx #3\nld #-1\ndiv x": 0x5555_5555,
  "ld #0xff\nand #0xf0\nor #1\nxor #0x10": 0xe1,
  "ld #1\nlsh #31": 0x8000_0000,
  "ld #-1\nrsh #31": 1,
  "ldx #33\nld #1\nlsh x": 2, // by the low five bits of X, as in the kernel
  "ld #1\nneg": 0xffff_ffff,
  "ld #-1\njgt #1, yes\nret #0\nyes: ld #7": 7,
  "ldx #1\nld #-1\njgt x, yes\nret #0\nyes: ld #7": 7,
  "ld #-1\njge #-1, yes\nret #0\nyes: ld #7": 7,
  "ldx #4\nld #6\njset x, yes\nret #0\nyes: ld #7": 7,
  "ldx #-1\nld #-1\njeq x, yes\nret #0\nyes: ld #7": 7,
  "ld #9\nst M[3]\nld #0\nldx M[3]\ntxa": 9,
  "ldx #9\nstx M[15]\nld M[15]": 9,
  "ldx #6\nld #3\nld xor_x": 5,
};

for (const [statements, expected] of Object.entries(RESULTS)) {
  test(statements.replaceAll("\n", "; "), () => assert.equal(a(statements), expected));
}

test("the length is that on the wire, the captured one where none is given", () => {
  assert.equal(a("ld len"), 16);
  assert.equal(a("ld len", PACKET, 1500), 1500);
  assert.equal(a("ldx len\ntxa", PACKET, 1500), 1500);
  const program = compileFilter("greater 100");
  assert.deepEqual([program.run(PACKET), program.run(PACKET, 100)], [0, 262_144]);
});

test("metadata: what is not given rejects the packet", () => {
  const all = {
    protocol: 0x800,
    packetType: 4,
    interfaceIndex: 3,
    hardwareType: 1,
    vlanTci: 5,
    vlanTpid: 0x8100,
    mark: 7,
    queue: 8,
    receiveHash: 0xffff_ffff,
    cpu: 2,
    payloadOffset: 54,
    random: 99,
  };
  const words = "proto type ifidx hatype vlan_tci vlan_tpid mark queue rxhash cpu poff rand".split(" ");
  words.forEach((word, i) => {
    assert.equal(a(`ld ${word}`, PACKET, 16, all), Object.values(all)[i], word);
    assert.equal(a(`ld ${word}\nld #1`), 0, word);
    assert.equal(a(`ld ${word}\nld #1`, PACKET, 16, {}), 0, word);
  });
  assert.equal(a("ld vlan_pr", PACKET, 16, all), 1);
  assert.deepEqual([a("ld vlan_pr\nadd #1", PACKET, 16, { vlanTci: null }), a("ld vlan_pr\nadd #1")], [1, 0]);
  assert.equal(a("ld nla\nld #1", PACKET, 16, all), 0);
});

test("loads from the network and the link header", () => {
  const where = { networkOffset: 4, linkOffset: 2 };
  for (const [load, expected] of [
    ["ld [-0x100000]", 0x05060708],
    ["ldh [-0xffffe]", 0x0708],
    ["ldb [-0x200000]", 0x03],
    ["ldh [-0x1fffff]", 0x0405],
    ["ldx #-1048576\nldb [x + 1]", 0x06],
    ["ldx #-2097152\nld [x + 6]", 0xf9fafbfc],
    ["ld [-0xffff4]\nld #1", 0], // behind the end
  ] as const) {
    assert.equal(a(load, PACKET, 16, where), expected, load);
    assert.equal(a(`${load}\nld #1`), 0, load);
  }
});

test("live: a VLAN tag is in the metadata or in the frame", () => {
  const program = compileFilter("vlan 5 and ip", { live: true });
  const [plain, tagged] = ["0200000000010200000000020800", "020000000001020000000002810000050800"].map(
    (hex) => fromHex(`${hex}${"45".padEnd(40, "0")}`),
  ) as [Uint8Array, Uint8Array];
  const accepts = (packet: Uint8Array, vlanTci: number | null): boolean =>
    program.run(packet, packet.length, { vlanTci }) > 0;
  assert.deepEqual(
    [accepts(plain, 5), accepts(plain, 6), accepts(plain, null), accepts(tagged, null), program.run(tagged)],
    [true, false, false, true, 0],
  );
});

test("the bytes are struct sock_filter[] in this machine's order, and a new copy each time", () => {
  const program = FilterProgram.of([
    { code: 0x15, jt: 1, jf: 0, k: 0x800 },
    { code: 0x06, jt: 0, jf: 0, k: 0xffff_ffff },
    { code: 0x06, jt: 0, jf: 0, k: 0 },
  ]);
  const bytes = program.toBytes();
  const little = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
  if (little) assert.equal(toHex(bytes), "1500010000080000" + "06000000ffffffff" + "0600000000000000");
  bytes.fill(0xff);
  assert.notDeepEqual(program.toBytes(), bytes);
});

test("a program cannot be changed", () => {
  const given = [{ code: 0x06, jt: 0, jf: 0, k: 1 }];
  const program = FilterProgram.of(given);
  (given[0] as { k: number }).k = 0;
  assert.equal(program.run(PACKET), 1);
  assert.throws(() => (program.instructions as unknown[]).push(given[0]), TypeError);
  assert.throws(() => ((program.instructions[0] as { k: number }).k = 0), TypeError);
});

test("what is no program, with the number of the instruction", () => {
  const end = { code: 0x06, jt: 0, jf: 0, k: 0 };
  const cases: readonly (readonly [readonly unknown[], number | undefined])[] = [
    [[], undefined],
    [[{ code: 0x20, jt: 0, jf: 0, k: 0 }], 0],
    [[{ code: 0x0e, jt: 0, jf: 0, k: 0 }], 0],
    [[end, { code: 0xff, jt: 0, jf: 0, k: 0 }, end], 1],
    [[{ code: 0x15, jt: 1, jf: 0, k: 0 }, end], 0],
    [[{ code: 0x15, jt: 0, jf: 1, k: 0 }, end], 0],
    [[{ code: 0x05, jt: 0, jf: 0, k: 0xffff_ffff }, end], 0],
    [[end, { code: 0x60, jt: 0, jf: 0, k: 0 }, end], 1],
    [[{ code: 0x06, jt: 256, jf: 0, k: 0 }], 0],
    [[{ code: 0x06, jt: 0, jf: 0, k: -1 }], 0],
    [[{ code: 0x06, jt: 0, jf: 0, k: 0.5 }], 0],
    [[{ code: 0x06, jt: 0, jf: 0, k: 2 ** 32 }], 0],
    [[{ code: "6", jt: 0, jf: 0, k: 0 }], 0],
    [[{}], 0],
    [[null], 0],
    [[undefined], 0],
    [new Array(4097).fill(end), undefined],
  ];
  for (const [instructions, position] of cases) {
    assert.throws(
      () => FilterProgram.of(instructions as never),
      (error) => error instanceof FilterError && error.position === position,
      JSON.stringify(instructions.slice(0, 3)),
    );
  }
});

test("arguments of other types are TypeErrors", () => {
  const program = compileFilter("ip");
  for (const wrong of [undefined, null, "ip", 5, [1, 2], new ArrayBuffer(4)]) {
    assert.throws(() => program.run(wrong as never), TypeError);
    assert.throws(() => FilterProgram.fromBytes(wrong as never), TypeError);
  }
  for (const wrong of [undefined, null, 5, {}]) {
    assert.throws(() => compileFilter(wrong as never), TypeError);
    assert.throws(() => assemble(wrong as never), TypeError);
    assert.throws(() => FilterProgram.of(wrong as never), TypeError);
    assert.throws(() => FilterProgram.parseDecimal(wrong as never), TypeError);
  }
  assert.throws(() => FilterProgram.fromBytes(new Uint8Array(7)), FilterError);
  assert.throws(() => FilterProgram.fromBytes(new Uint8Array(8 * 4097)), FilterError);
});
