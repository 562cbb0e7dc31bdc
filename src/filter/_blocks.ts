/** The compiler's intermediate form: blocks of statements that end in a test with two ways out. */
import * as op from "./opcodes.ts";

/** The code of a statement that was struck out. */
export const NOP = -1;

/** An instruction whose place is not known yet. */
export interface Statement {
  code: number;
  k: number;
  /** Where a jump within a block goes; its other way is the next statement. */
  otherwise?: Statement;
}

/** One of the two ways out of a block. */
export interface Edge {
  readonly from: Block;
  /** Undefined in a block that returns. */
  to: Block | undefined;
}

/** Statements that run one after the other, and the test or RET at their end. */
export interface Block {
  statements: Statement[];
  /** A conditional jump or a RET. */
  readonly test: Statement;
  /** Where it goes when the test holds. */
  readonly yes: Edge;
  readonly no: Edge;
}

export function statement(code: number, k = 0): Statement {
  return { code, k };
}

export function block(statements: Statement[], code: number, k: number): Block {
  const made: { -readonly [key in keyof Block]: Block[key] } = {
    statements,
    test: statement(code, k),
    yes: undefined as unknown as Edge,
    no: undefined as unknown as Edge,
  };
  made.yes = { from: made, to: undefined };
  made.no = { from: made, to: undefined };
  return made;
}

/** A block that is left one way when the jump `operation` holds with `k`, and the other when not. */
export function testBlock(statements: Statement[], operation: number, k: number): Condition {
  return condition(block(statements, op.BPF_JMP | operation | op.BPF_K, k));
}

/**
 * Blocks that together decide a question, with the ways out of them that no target is known for yet. In the order in
 * which the questions were asked; `and`, `or` and `not` put them together, and use their arguments up.
 */
export interface Condition {
  readonly head: Block;
  readonly ifTrue: Edge[];
  readonly ifFalse: Edge[];
}

export function condition(only: Block): Condition {
  return { head: only, ifTrue: [only.yes], ifFalse: [only.no] };
}

export function and(first: Condition, second: Condition): Condition {
  connect(first.ifTrue, second.head);
  return { head: first.head, ifTrue: second.ifTrue, ifFalse: join(second.ifFalse, first.ifFalse) };
}

export function or(first: Condition, second: Condition): Condition {
  connect(first.ifFalse, second.head);
  return { head: first.head, ifTrue: join(second.ifTrue, first.ifTrue), ifFalse: second.ifFalse };
}

export function not({ head, ifTrue, ifFalse }: Condition): Condition {
  return { head, ifTrue: ifFalse, ifFalse: ifTrue };
}

export function connect(edges: readonly Edge[], target: Block): void {
  for (const edge of edges) edge.to = target;
}

/** Chains of ten thousand words would copy their lists ten thousand times: the shorter one is added in place. */
function join(a: Edge[], b: Edge[]): Edge[] {
  const [long, short] = a.length < b.length ? [b, a] : [a, b];
  for (const edge of short) long.push(edge);
  return long;
}
