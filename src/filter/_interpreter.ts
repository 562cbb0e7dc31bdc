/** Runs a checked program on a packet, with the meaning that Linux gives to each instruction. */
import { indirect, loadSpecial, type PacketMetadata } from "./_metadata.ts";
import type { FilterInstruction } from "./instructions.ts";
import * as op from "./opcodes.ts";

/** What the loop switches on: numbers without gaps, which become a jump table. */
const codes = [
  op.BPF_LD | op.BPF_W | op.BPF_ABS, // 0
  op.BPF_LD | op.BPF_H | op.BPF_ABS,
  op.BPF_LD | op.BPF_B | op.BPF_ABS,
  op.BPF_LD | op.BPF_W | op.BPF_IND,
  op.BPF_LD | op.BPF_H | op.BPF_IND,
  op.BPF_LD | op.BPF_B | op.BPF_IND, // 5
  op.BPF_LDX | op.BPF_B | op.BPF_MSH,
  op.BPF_LD | op.BPF_IMM,
  op.BPF_LDX | op.BPF_IMM,
  op.BPF_LD | op.BPF_W | op.BPF_LEN,
  op.BPF_LDX | op.BPF_W | op.BPF_LEN, // 10
  op.BPF_LD | op.BPF_MEM,
  op.BPF_LDX | op.BPF_MEM,
  op.BPF_ST,
  op.BPF_STX,
  op.BPF_JMP | op.BPF_JA, // 15
  op.BPF_JMP | op.BPF_JEQ | op.BPF_K,
  op.BPF_JMP | op.BPF_JGT | op.BPF_K,
  op.BPF_JMP | op.BPF_JGE | op.BPF_K,
  op.BPF_JMP | op.BPF_JSET | op.BPF_K,
  op.BPF_JMP | op.BPF_JEQ | op.BPF_X, // 20
  op.BPF_JMP | op.BPF_JGT | op.BPF_X,
  op.BPF_JMP | op.BPF_JGE | op.BPF_X,
  op.BPF_JMP | op.BPF_JSET | op.BPF_X,
  op.BPF_RET | op.BPF_K,
  op.BPF_RET | op.BPF_A, // 25
  op.BPF_MISC | op.BPF_TAX,
  op.BPF_MISC | op.BPF_TXA,
  op.BPF_ALU | op.BPF_NEG,
  op.BPF_ALU | op.BPF_ADD | op.BPF_K,
  op.BPF_ALU | op.BPF_SUB | op.BPF_K, // 30
  op.BPF_ALU | op.BPF_MUL | op.BPF_K,
  op.BPF_ALU | op.BPF_DIV | op.BPF_K,
  op.BPF_ALU | op.BPF_MOD | op.BPF_K,
  op.BPF_ALU | op.BPF_AND | op.BPF_K,
  op.BPF_ALU | op.BPF_OR | op.BPF_K, // 35
  op.BPF_ALU | op.BPF_XOR | op.BPF_K,
  op.BPF_ALU | op.BPF_LSH | op.BPF_K,
  op.BPF_ALU | op.BPF_RSH | op.BPF_K,
  op.BPF_ALU | op.BPF_ADD | op.BPF_X,
  op.BPF_ALU | op.BPF_SUB | op.BPF_X, // 40
  op.BPF_ALU | op.BPF_MUL | op.BPF_X,
  op.BPF_ALU | op.BPF_DIV | op.BPF_X,
  op.BPF_ALU | op.BPF_MOD | op.BPF_X,
  op.BPF_ALU | op.BPF_AND | op.BPF_X,
  op.BPF_ALU | op.BPF_OR | op.BPF_X, // 45
  op.BPF_ALU | op.BPF_XOR | op.BPF_X,
  op.BPF_ALU | op.BPF_LSH | op.BPF_X,
  op.BPF_ALU | op.BPF_RSH | op.BPF_X,
];
/** From here on, in the order of the first three: absolute loads from below zero. */
const SPECIAL = codes.length;
const SIZES = [4, 2, 1];

const denseCodes = new Map(codes.map((code, index) => [code, index]));

/** A program as the loop reads it. */
export interface Decoded {
  readonly ops: Uint8Array;
  readonly jt: Uint8Array;
  readonly jf: Uint8Array;
  readonly k: Int32Array;
  readonly memory: Int32Array;
}

/** Prepares instructions that have passed `checkInstructions`. */
export function decode(instructions: readonly FilterInstruction[]): Decoded {
  const { length } = instructions;
  const ops = new Uint8Array(length);
  const [jt, jf, k] = [new Uint8Array(length), new Uint8Array(length), new Int32Array(length)];
  instructions.forEach((instruction, i) => {
    const dense = denseCodes.get(instruction.code) as number;
    ops[i] = dense <= 2 && instruction.k > 0x7fff_ffff ? SPECIAL + dense : dense;
    jt[i] = instruction.jt;
    jf[i] = instruction.jf;
    k[i] = instruction.k;
  });
  return { ops, jt, jf, k, memory: new Int32Array(op.BPF_MEMWORDS) };
}

/**
 * @returns what the program returns, unsigned: how many bytes to keep, 0 for none. A load from outside the packet and a
 * division by zero return 0.
 */
export function execute(
  program: Decoded,
  packet: Uint8Array,
  wireLength: number,
  metadata: PacketMetadata | undefined,
): number {
  const { ops, jt, jf, k: constants, memory } = program;
  const { length } = packet;
  // Both registers are kept as signed 32-bit integers, which V8 keeps unboxed; what is unsigned says `>>> 0`.
  let a = 0;
  let x = 0;
  // Every jump goes forward and every way ends in a RET: checkInstructions has seen to both.
  for (let pc = 0; ; pc++) {
    const k = constants[pc] as number;
    switch (ops[pc]) {
      case 0:
        if (k + 4 > length) return 0;
        a = word(packet, k);
        break;
      case 1:
        if (k + 2 > length) return 0;
        a = ((packet[k] as number) << 8) | (packet[k + 1] as number);
        break;
      case 2:
        if (k >= length) return 0;
        a = packet[k] as number;
        break;
      case 3: {
        const at = indirect((x + k) | 0, metadata);
        if (at < 0 || at + 4 > length) return 0;
        a = word(packet, at);
        break;
      }
      case 4: {
        const at = indirect((x + k) | 0, metadata);
        if (at < 0 || at + 2 > length) return 0;
        a = ((packet[at] as number) << 8) | (packet[at + 1] as number);
        break;
      }
      case 5: {
        const at = indirect((x + k) | 0, metadata);
        if (at < 0 || at >= length) return 0;
        a = packet[at] as number;
        break;
      }
      case 6: {
        const at = indirect(k, metadata);
        if (at < 0 || at >= length) return 0;
        x = ((packet[at] as number) & 0xf) << 2;
        break;
      }
      case 7:
        a = k;
        break;
      case 8:
        x = k;
        break;
      case 9:
        a = wireLength | 0;
        break;
      case 10:
        x = wireLength | 0;
        break;
      case 11:
        a = memory[k] as number;
        break;
      case 12:
        x = memory[k] as number;
        break;
      case 13:
        memory[k] = a;
        break;
      case 14:
        memory[k] = x;
        break;
      case 15:
        pc += k;
        break;
      case 16:
        pc += (a === k ? jt[pc] : jf[pc]) as number;
        break;
      case 17:
        pc += (a >>> 0 > k >>> 0 ? jt[pc] : jf[pc]) as number;
        break;
      case 18:
        pc += (a >>> 0 >= k >>> 0 ? jt[pc] : jf[pc]) as number;
        break;
      case 19:
        pc += ((a & k) !== 0 ? jt[pc] : jf[pc]) as number;
        break;
      case 20:
        pc += (a === x ? jt[pc] : jf[pc]) as number;
        break;
      case 21:
        pc += (a >>> 0 > x >>> 0 ? jt[pc] : jf[pc]) as number;
        break;
      case 22:
        pc += (a >>> 0 >= x >>> 0 ? jt[pc] : jf[pc]) as number;
        break;
      case 23:
        pc += ((a & x) !== 0 ? jt[pc] : jf[pc]) as number;
        break;
      case 24:
        return k >>> 0;
      case 25:
        return a >>> 0;
      case 26:
        x = a;
        break;
      case 27:
        a = x;
        break;
      case 28:
        a = -a | 0;
        break;
      case 29:
        a = (a + k) | 0;
        break;
      case 30:
        a = (a - k) | 0;
        break;
      case 31:
        a = Math.imul(a, k);
        break;
      case 32:
        a = ((a >>> 0) / (k >>> 0)) | 0;
        break;
      case 33:
        a = ((a >>> 0) % (k >>> 0)) | 0;
        break;
      case 34:
        a &= k;
        break;
      case 35:
        a |= k;
        break;
      case 36:
        a ^= k;
        break;
      case 37:
        a <<= k;
        break;
      case 38:
        a = (a >>> k) | 0;
        break;
      case 39:
        a = (a + x) | 0;
        break;
      case 40:
        a = (a - x) | 0;
        break;
      case 41:
        a = Math.imul(a, x);
        break;
      case 42:
        if (x === 0) return 0;
        a = ((a >>> 0) / (x >>> 0)) | 0;
        break;
      case 43:
        if (x === 0) return 0;
        a = ((a >>> 0) % (x >>> 0)) | 0;
        break;
      case 44:
        a &= x;
        break;
      case 45:
        a |= x;
        break;
      case 46:
        a ^= x;
        break;
      // The kernel shifts by the low five bits of X, as JavaScript does; libpcap's own interpreter shifts all bits out.
      case 47:
        a <<= x;
        break;
      case 48:
        a = (a >>> x) | 0;
        break;
      default: {
        const loaded = loadSpecial(
          k,
          SIZES[(ops[pc] as number) - SPECIAL] as number,
          a ^ x,
          packet,
          metadata,
        );
        if (loaded === undefined) return 0;
        a = loaded | 0;
      }
    }
  }
}

function word(packet: Uint8Array, at: number): number {
  return (
    ((packet[at] as number) << 24) |
    ((packet[at + 1] as number) << 16) |
    ((packet[at + 2] as number) << 8) |
    (packet[at + 3] as number)
  );
}
