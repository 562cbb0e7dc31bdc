/** Lays the blocks of a program out one after the other, and turns the ways between them into jumps. */
import { type Block, NOP, type Statement } from "./_blocks.ts";
import { FilterError } from "./filter_error.ts";
import { type FilterInstruction, usesConstant } from "./instructions.ts";
import * as op from "./opcodes.ts";

/** The longest way that a conditional jump can go; others go by an unconditional one after it. */
const MAX_JUMP = 255;

/** @throws {FilterError} where the program has more instructions than the kernel takes */
export function emit(root: Block): FilterInstruction[] {
  /** How far from the end of the program each block begins. */
  const offsets = new Map<Block, number>();
  const parts: FilterInstruction[][] = [];
  let length = 0;
  for (const block of fromTheEnd(root)) {
    const part = emitBlock(block, length, (target) => offsets.get(target) as number);
    length += part.length;
    if (length > op.BPF_MAXINSNS) {
      throw new FilterError(`the program would have more than ${op.BPF_MAXINSNS} instructions`);
    }
    offsets.set(block, length);
    parts.push(part);
  }
  return parts.reverse().flat();
}

/** Each block after those that it leads to: the last ones of the program first. */
function fromTheEnd(root: Block): Block[] {
  const order: Block[] = [];
  const seen = new Set<Block>();
  const stack: { readonly block: Block; readonly done: boolean }[] = [{ block: root, done: false }];
  for (let top = stack.pop(); top; top = stack.pop()) {
    const { block, done } = top;
    if (done) order.push(block);
    else if (!seen.has(block)) {
      seen.add(block);
      stack.push({ block, done: true });
      if (block.yes.to) stack.push({ block: block.yes.to, done: false });
      if (block.no.to) stack.push({ block: block.no.to, done: false });
    }
  }
  return order;
}

/** @param after how many instructions follow the block */
function emitBlock(block: Block, after: number, fromEnd: (target: Block) => number): FilterInstruction[] {
  const statements = block.statements.filter(({ code }) => code !== NOP);
  const part = statements.map((one, index) => emitStatement(one, index, statements));
  const { code } = block.test;
  const k = usesConstant(code) ? block.test.k : 0;
  const [yes, no] = [block.yes.to, block.no.to];
  if (yes === undefined || no === undefined) return [...part, { code, jt: 0, jf: 0, k }];
  // An extra jump makes the other way longer by one, which may make it too long as well.
  let [longYes, longNo] = [false, false];
  const extra = (): number => (longYes ? 1 : 0) + (longNo ? 1 : 0);
  const distance = (target: Block): number => after + extra() - fromEnd(target);
  for (let again = true; again; ) {
    again = false;
    if (!longYes && distance(yes) > MAX_JUMP) longYes = again = true;
    if (!longNo && distance(no) > MAX_JUMP) longNo = again = true;
  }
  const jump = (way: number): FilterInstruction => ({ code: op.BPF_JMP | op.BPF_JA, jt: 0, jf: 0, k: way });
  const jumps: FilterInstruction[] = [];
  if (longYes) jumps.push(jump(distance(yes) - 1));
  const jt = longYes ? 0 : distance(yes);
  const jf = longNo ? jumps.length : distance(no);
  if (longNo) jumps.push(jump(distance(no) - jumps.length - 1));
  return [...part, { code, jt, jf, k }, ...jumps];
}

function emitStatement(one: Statement, index: number, all: readonly Statement[]): FilterInstruction {
  const { code, otherwise } = one;
  const k = usesConstant(code) ? one.k : 0; // what a statement that was rewritten had is left out
  if (otherwise === undefined) return { code, jt: 0, jf: 0, k };
  const target = all.indexOf(otherwise);
  if (target <= index) throw new FilterError("the expression cannot be simplified"); // its target has been struck out
  return { code, jt: 0, jf: target - index - 1, k };
}
