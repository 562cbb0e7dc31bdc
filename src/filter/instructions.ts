/** One instruction of classic BPF: its form, the text that tcpdump prints for it, and the rules of the kernel's check. */
import { FilterError } from "./filter_error.ts";
import * as op from "./opcodes.ts";

/** `struct sock_filter` of linux/filter.h. */
export interface FilterInstruction {
  /** What to do, put together of the `BPF_` constants; unsigned, 16 bits. */
  readonly code: number;
  /** How many instructions a conditional jump skips when its test holds; unsigned, 8 bits. */
  readonly jt: number;
  /** How many it skips when the test does not hold. */
  readonly jf: number;
  /** The constant of the instruction; unsigned, 32 bits. */
  readonly k: number;
}

/** How tcpdump and bpf_asm call a code, and how its operand is written. */
interface Form {
  readonly name: string;
  readonly operand: Operand;
}
type Operand = "none" | "#d" | "#x" | "x" | "#pktlen" | "abs" | "ind" | "msh" | "mem" | "jump" | "a";

const forms = new Map<number, Form>();
const add = (code: number, name: string, operand: Operand): void => void forms.set(code, { name, operand });

for (const [size, name] of [
  [op.BPF_W, "ld"],
  [op.BPF_H, "ldh"],
  [op.BPF_B, "ldb"],
] as const) {
  add(op.BPF_LD | size | op.BPF_ABS, name, "abs");
  add(op.BPF_LD | size | op.BPF_IND, name, "ind");
}
add(op.BPF_LD | op.BPF_W | op.BPF_LEN, "ld", "#pktlen");
add(op.BPF_LD | op.BPF_IMM, "ld", "#x");
add(op.BPF_LD | op.BPF_MEM, "ld", "mem");
add(op.BPF_LDX | op.BPF_W | op.BPF_LEN, "ldx", "#pktlen");
add(op.BPF_LDX | op.BPF_IMM, "ldx", "#x");
add(op.BPF_LDX | op.BPF_MEM, "ldx", "mem");
add(op.BPF_LDX | op.BPF_B | op.BPF_MSH, "ldxb", "msh");
add(op.BPF_ST, "st", "mem");
add(op.BPF_STX, "stx", "mem");
add(op.BPF_JMP | op.BPF_JA, "ja", "jump");
for (const [operation, name] of [
  [op.BPF_JEQ, "jeq"],
  [op.BPF_JGT, "jgt"],
  [op.BPF_JGE, "jge"],
  [op.BPF_JSET, "jset"],
] as const) {
  add(op.BPF_JMP | operation | op.BPF_K, name, "#x");
  add(op.BPF_JMP | operation | op.BPF_X, name, "x");
}
for (const [operation, name, operand] of [
  [op.BPF_ADD, "add", "#d"],
  [op.BPF_SUB, "sub", "#d"],
  [op.BPF_MUL, "mul", "#d"],
  [op.BPF_DIV, "div", "#d"],
  [op.BPF_MOD, "mod", "#d"],
  [op.BPF_AND, "and", "#x"],
  [op.BPF_OR, "or", "#x"],
  [op.BPF_XOR, "xor", "#x"],
  [op.BPF_LSH, "lsh", "#d"],
  [op.BPF_RSH, "rsh", "#d"],
] as const) {
  add(op.BPF_ALU | operation | op.BPF_K, name, operand);
  add(op.BPF_ALU | operation | op.BPF_X, name, "x");
}
add(op.BPF_ALU | op.BPF_NEG, "neg", "none");
add(op.BPF_RET | op.BPF_K, "ret", "#d");
add(op.BPF_RET | op.BPF_A, "ret", "a");
add(op.BPF_MISC | op.BPF_TAX, "tax", "none");
add(op.BPF_MISC | op.BPF_TXA, "txa", "none");

/** The ancillary loads by their offset from SKF_AD_OFF, as tcpdump prints them. */
export const ANCILLARY_NAMES: ReadonlyMap<number, string> = new Map([
  [op.SKF_AD_PROTOCOL, "proto"],
  [op.SKF_AD_PKTTYPE, "type"],
  [op.SKF_AD_IFINDEX, "ifidx"],
  [op.SKF_AD_NLATTR, "nla"],
  [op.SKF_AD_NLATTR_NEST, "nlan"],
  [op.SKF_AD_MARK, "mark"],
  [op.SKF_AD_QUEUE, "queue"],
  [op.SKF_AD_HATYPE, "hatype"],
  [op.SKF_AD_RXHASH, "rxhash"],
  [op.SKF_AD_CPU, "cpu"],
  [op.SKF_AD_ALU_XOR_X, "xor_x"],
  [op.SKF_AD_VLAN_TAG, "vlan_tci"],
  [op.SKF_AD_VLAN_TAG_PRESENT, "vlanp"],
  [op.SKF_AD_PAY_OFFSET, "poff"],
  [op.SKF_AD_RANDOM, "random"],
  [op.SKF_AD_VLAN_TPID, "vlan_tpid"],
]);

/** Whether a jump of this code has two targets. */
export function isConditional(code: number): boolean {
  return op.classOf(code) === op.BPF_JMP && op.operationOf(code) !== op.BPF_JA;
}

/** Whether an instruction of this code does anything with its constant. */
export function usesConstant(code: number): boolean {
  const operand = forms.get(code)?.operand;
  return operand !== "none" && operand !== "x" && operand !== "#pktlen" && operand !== "a";
}

/** One line of `tcpdump -d`: the instruction that stands at `index`. */
export function instructionText({ code, jt, jf, k }: FilterInstruction, index: number): string {
  const form = forms.get(code);
  const name = form?.name ?? "unimp";
  const operand = form === undefined ? `0x${code.toString(16)}` : operandText(form.operand, k, index);
  const line = `(${String(index).padStart(3, "0")}) ${name.padEnd(8)} `;
  return isConditional(code)
    ? `${line}${operand.padEnd(16)} jt ${index + 1 + jt}\tjf ${index + 1 + jf}`
    : line + operand;
}

function operandText(operand: Operand, k: number, index: number): string {
  const signed = k | 0; // C prints it with %d
  switch (operand) {
    case "none":
    case "a":
      return "";
    case "#d":
      return `#${signed}`;
    case "#x":
      return `#0x${k.toString(16)}`;
    case "x":
    case "#pktlen":
      return operand;
    case "abs":
      return `[${k >= op.SKF_AD_OFF ? (ANCILLARY_NAMES.get(k - op.SKF_AD_OFF) ?? signed) : signed}]`;
    case "ind":
      return `[x + ${signed}]`;
    case "msh":
      return `4*([${signed}]&0xf)`;
    case "mem":
      return `M[${signed}]`;
    case "jump":
      return String((index + 1 + k) | 0);
  }
}

/**
 * Checks a program by the rules of the kernel, so that SO_ATTACH_FILTER takes what passes here: known codes, jumps
 * forward and inside, no constant division by zero, no memory that was not written, a RET at the end.
 * @throws {FilterError} with the number of the instruction
 * @see net/core/filter.c, `bpf_check_classic`
 */
export function checkInstructions(instructions: readonly FilterInstruction[]): void {
  const { length } = instructions;
  if (length === 0) throw new FilterError("a filter program has at least one instruction, got none");
  if (length > op.BPF_MAXINSNS) {
    throw new FilterError(`a filter program has at most ${op.BPF_MAXINSNS} instructions, got ${length}`);
  }
  for (let index = 0; index < length; index++) {
    const wrong = wrongIn(instructions[index] as FilterInstruction, length - index - 1);
    if (wrong) throw new FilterError(`instruction ${index} ${wrong}`, { position: index });
  }
  const last = instructions[length - 1] as FilterInstruction;
  if (op.classOf(last.code) !== op.BPF_RET) {
    throw new FilterError(`instruction ${length - 1} is the last one and no RET`, { position: length - 1 });
  }
  checkMemory(instructions);
}

/** @param after how many instructions follow */
function wrongIn({ code, jt, jf, k }: FilterInstruction, after: number): string | undefined {
  if (
    !isUnsigned(code, 0xffff) ||
    !isUnsigned(jt, 0xff) ||
    !isUnsigned(jf, 0xff) ||
    !isUnsigned(k, 0xffff_ffff)
  ) {
    return "has a field that is no integer of its width (code 16 bits, jt and jf 8, k 32)";
  }
  const form = forms.get(code);
  if (form === undefined) return `has the unknown code 0x${code.toString(16)}`;
  if (form.operand === "mem" && k >= op.BPF_MEMWORDS) return `uses M[${k}]; there are M[0] to M[15]`;
  if (code === (op.BPF_JMP | op.BPF_JA)) return k < after ? undefined : "jumps out of the program";
  if (op.classOf(code) === op.BPF_JMP) {
    return jt < after && jf < after ? undefined : "jumps out of the program";
  }
  if (op.classOf(code) === op.BPF_ALU && !op.usesX(code)) {
    const operation = op.operationOf(code);
    if ((operation === op.BPF_DIV || operation === op.BPF_MOD) && k === 0) return "divides by zero";
    if ((operation === op.BPF_LSH || operation === op.BPF_RSH) && k > 31) return `shifts by ${k} bits`;
  }
  if (form.operand === "abs" && k >= op.SKF_AD_OFF && !ANCILLARY_NAMES.has(k - op.SKF_AD_OFF)) {
    return `loads from ${k | 0}, where the kernel keeps nothing`;
  }
  return undefined;
}

/** @throws {FilterError} where a word of memory may be read before it was written */
function checkMemory(instructions: readonly FilterInstruction[]): void {
  /** Which words are written on every way to each instruction, as bits. */
  const written = new Uint16Array(instructions.length).fill(0xffff);
  let now = 0;
  instructions.forEach(({ code, jt, jf, k }, index) => {
    now &= written[index] as number;
    const reach = (target: number): void => {
      written[target] = (written[target] as number) & now;
    };
    if (code === op.BPF_ST || code === op.BPF_STX) now |= 1 << k;
    else if (code === (op.BPF_LD | op.BPF_MEM) || code === (op.BPF_LDX | op.BPF_MEM)) {
      if ((now & (1 << k)) === 0) {
        throw new FilterError(`instruction ${index} reads M[${k}], which may not have been written`, {
          position: index,
        });
      }
    } else if (code === (op.BPF_JMP | op.BPF_JA)) {
      reach(index + 1 + k);
      now = 0xffff;
    } else if (op.classOf(code) === op.BPF_JMP) {
      reach(index + 1 + jt);
      reach(index + 1 + jf);
      now = 0xffff;
    }
  });
}

function isUnsigned(value: unknown, max: number): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= max;
}
