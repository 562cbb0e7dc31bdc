/** Random programs of classic BPF from a seed; some of them the kernel refuses. */
import type { FilterInstruction } from "../../src/filter/index.ts";
import * as op from "../../src/filter/opcodes.ts";
import type { Random } from "./_random.ts";

const LOADS = [0x00, 0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0x60, 0x80, 0x01, 0x61, 0x81, 0xb1];
const JUMPS = [0x15, 0x25, 0x35, 0x45, 0x1d, 0x2d, 0x3d, 0x4d];
const OPERATIONS = [0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x90, 0xa0].flatMap((code) => [
  code | 4,
  code | 12,
]);
/** The ancillary loads whose result on a local datagram socket is known: see METADATA in kernel.test.ts. */
const ANCILLARY = [
  op.SKF_AD_PROTOCOL,
  op.SKF_AD_PKTTYPE,
  op.SKF_AD_MARK,
  op.SKF_AD_ALU_XOR_X,
  op.SKF_AD_VLAN_TAG_PRESENT,
];

/** One that mostly keeps to the rules. */
export function randomProgram(random: Random): FilterInstruction[] {
  const length = random.integer(1, 24);
  const program = Array.from({ length }, (_, i) => instruction(random, length - i - 1));
  program[length - 1] = {
    code: random.pick([0x06, 0x16]),
    jt: 0,
    jf: 0,
    k: random.pick([0, 1, 7, 65_535, 0xffff_ffff]),
  };
  for (const k of random.pick([[], [0], [0, 1, 2, 3]]))
    program.unshift({ code: random.pick([2, 3]), jt: 0, jf: 0, k });
  return program;
}

/** One in which a number was changed to any other. */
export function brokenProgram(random: Random): FilterInstruction[] {
  const program = randomProgram(random);
  const at = random.integer(0, program.length - 1);
  const one = program[at] as FilterInstruction;
  switch (random.integer(0, 5)) {
    case 0:
      program[at] = { ...one, code: random.next() & random.pick([0xff, 0xffff]) };
      break;
    case 1:
      program[at] = { ...one, jt: random.next() & 0xff };
      break;
    case 2:
      program[at] = { ...one, jf: random.next() & 0xff };
      break;
    case 3:
      program[at] = {
        ...one,
        k: random.pick([0, 15, 16, 31, 32, random.next(), 0xffff_f000, 0xffff_efff, 0xffff_f03f]),
      };
      break;
    case 4:
      program.splice(at, 1);
      break;
    default:
      program.push(one);
  }
  return program;
}

function instruction(random: Random, after: number): FilterInstruction {
  const plain = (code: number, k = 0): FilterInstruction => ({ code, jt: 0, jf: 0, k });
  const number = (): number =>
    random.pick([0, 1, 2, 3, 4, 8, 14, 20, 31, 0xff, 0xffff, 0x8000_0000, random.next()]);
  const roll = random.integer(0, 19);
  if (roll < 7) {
    const code = random.pick(LOADS);
    if (code === 0x60 || code === 0x61) return plain(code, random.integer(0, 4));
    if ((code & 0xe0) === 0x20 && random.integer(0, 4) === 0)
      return plain(code, op.SKF_AD_OFF + random.pick(ANCILLARY));
    const negative = (code & 0xe0) === 0x40 && random.integer(0, 3) === 0;
    if (code === 0x00 || code === 0x01) return plain(code, number());
    return plain(code, negative ? -random.integer(1, 20) >>> 0 : random.integer(0, 70));
  }
  if (roll < 9) return plain(random.pick([0x02, 0x03]), random.integer(0, 4));
  if (roll < 14) {
    const code = random.pick(OPERATIONS);
    const shift = (code & 0xf0) === 0x60 || (code & 0xf0) === 0x70;
    return plain(code, (code & 8) !== 0 ? 0 : shift ? random.integer(0, 31) : number() || 1);
  }
  if (roll === 14) return plain(random.pick([0x07, 0x87, 0x84]));
  if (roll === 15) return plain(random.pick([0x06, 0x16]), number());
  if (roll === 16 && after > 0) return plain(0x05, random.integer(0, Math.min(after - 1, 3)));
  const way = (): number => (after > 0 ? random.integer(0, Math.min(after - 1, 4)) : 0);
  return { code: random.pick(JUMPS), jt: way(), jf: way(), k: number() };
}
