/** Simplifies one block after the other: statements whose result is known or not needed, tests that are decided. */
import { type Block, NOP, type Statement } from "./_blocks.ts";
import type { Flow } from "./_flow.ts";
import { A, PLACES, placesRead, placeWritten, UNKNOWN, Values, X } from "./_values.ts";
import * as op from "./opcodes.ts";

export class Simplifier {
  /** What each block's test compares with, as the number of a value. */
  readonly operand: Int32Array;
  private readonly flow: Flow;
  private readonly values: Values;
  /** Called for what a further pass may build upon. */
  private readonly progress: () => void;

  constructor(flow: Flow, progress: () => void) {
    this.flow = flow;
    this.progress = progress;
    this.values = new Values(progress);
    this.operand = new Int32Array(flow.size);
  }

  /** Begins a pass over all blocks, from the root down. */
  begin(): void {
    this.values.clear();
  }

  /** Follows the values through a block, and simplifies its statements and its test. */
  simplify(number: number, rewrite: boolean): void {
    const { flow, values } = this;
    const block = flow.blocks[number] as Block;
    const places = flow.values.subarray(number * PLACES, (number + 1) * PLACES);
    this.inherit(number, places);
    const [a, x] = [places[A] as number, places[X] as number];
    for (const one of block.statements) values.follow(one, places, rewrite);
    const changesNothing =
      flow.readLater[number] === 0 && a !== UNKNOWN && places[A] === a && x !== UNKNOWN && places[X] === x;
    if (rewrite && (changesNothing || op.classOf(block.test.code) === op.BPF_RET)) {
      if (block.statements.length > 0) this.progress();
      block.statements = [];
    } else {
      this.simplifyStatements(number, block, places);
      this.dropUnread(block, flow.readLater[number] as number);
    }
    const { code, k } = block.test;
    this.operand[number] = op.usesX(code) ? (places[X] as number) : values.ofConstant(k);
  }

  /** What the places hold when a block begins: what they hold at the end of all blocks before it. */
  private inherit(number: number, places: Int32Array): void {
    const { flow } = this;
    const edges = flow.incoming[number] as number[];
    if (edges.length === 0) {
      places.fill(UNKNOWN);
      return;
    }
    edges.forEach((edge, i) => {
      const from = flow.from(edge) * PLACES;
      for (let place = 0; place < PLACES; place++) {
        const value = flow.values[from + place] as number;
        if (i === 0) places[place] = value;
        else if (places[place] !== value) places[place] = UNKNOWN;
      }
    });
  }

  private simplifyStatements(number: number, block: Block, places: Int32Array): void {
    const { statements, test } = block;
    if (statements.length === 0) return;
    const last = this.simplifyPairs(number, statements);
    const readsA = (this.flow.readLater[number] as number) & (1 << A);
    if (test.code === (op.BPF_JMP | op.BPF_JEQ | op.BPF_K) && !readsA)
      this.mergeIntoTest(number, test, last, places);
    this.decide(number, test, places);
  }

  /** Looks at each statement and the one after it. @returns the last second one */
  private simplifyPairs(number: number, statements: readonly Statement[]): Statement {
    let last = statements[0] as Statement;
    let i = 0;
    const after = (from: number): number => {
      let at = from;
      while (at < statements.length && (statements[at] as Statement).code === NOP) at++;
      return at;
    };
    for (;;) {
      i = after(i);
      const next = after(i + 1);
      const [first, second] = [statements[i], statements[next]];
      if (first === undefined || second === undefined) return last;
      last = second;
      if (first.code === op.BPF_ST && second.code === (op.BPF_LDX | op.BPF_MEM) && first.k === second.k) {
        second.code = op.BPF_MISC | op.BPF_TAX;
        this.progress();
      }
      if (first.code === (op.BPF_LD | op.BPF_IMM) && second.code === (op.BPF_MISC | op.BPF_TAX)) {
        first.code = op.BPF_LDX | op.BPF_IMM;
        second.code = op.BPF_MISC | op.BPF_TXA;
        this.progress();
      }
      if (first.code === (op.BPF_LD | op.BPF_IMM)) this.foldOffset(number, statements, first, next, after);
      i = next;
    }
  }

  /** A constant that is added to X for a load, such as that of tcp[13], becomes the load's own. */
  private foldOffset(
    number: number,
    statements: readonly Statement[],
    constant: Statement,
    next: number,
    after: (from: number) => number,
  ): void {
    if ((this.flow.readLater[number] as number) & (1 << X)) return;
    const second = statements[next] as Statement;
    const atAdd = second.code === (op.BPF_LDX | op.BPF_MSH | op.BPF_B) ? after(next + 1) : next;
    const atMove = after(atAdd + 1);
    const [add, move, load] = [statements[atAdd], statements[atMove], statements[after(atMove + 1)]];
    if (add?.code !== (op.BPF_ALU | op.BPF_ADD | op.BPF_X) || move?.code !== (op.BPF_MISC | op.BPF_TAX))
      return;
    if (load === undefined || load.code === NOP) return;
    if (op.classOf(load.code) !== op.BPF_LD || op.modeOf(load.code) !== op.BPF_IND) return;
    load.k = (load.k + constant.k) >>> 0;
    constant.code = NOP;
    add.code = NOP;
    move.code = NOP;
    this.progress();
  }

  /** A subtraction or an AND before a comparison whose result nobody else needs. */
  private mergeIntoTest(number: number, test: Statement, last: Statement, places: Int32Array): void {
    if (last.code === (op.BPF_ALU | op.BPF_SUB | op.BPF_X)) {
      const x = this.values.constant(places[X] as number);
      if (x !== undefined) test.k = (test.k + x) >>> 0;
      else if (test.k === 0) test.code = op.BPF_JMP | op.BPF_JEQ | op.BPF_X;
      else return;
    } else if (last.code === (op.BPF_ALU | op.BPF_SUB | op.BPF_K)) {
      test.k = (test.k + last.k) >>> 0;
    } else if (last.code === (op.BPF_ALU | op.BPF_AND | op.BPF_K) && test.k === 0) {
      test.k = last.k;
      test.code = op.BPF_JMP | op.BPF_JSET | op.BPF_K;
      this.direct(number, this.flow.no(number), this.flow.yes(number));
    } else return;
    last.code = NOP;
    this.progress();
  }

  /** Tests whose outcome is the same for all packets. */
  private decide(number: number, test: Statement, places: Int32Array): void {
    const { flow, values } = this;
    if (test.code === (op.BPF_JMP | op.BPF_JSET | op.BPF_K)) {
      if (test.k === 0) this.direct(number, flow.no(number), flow.no(number));
      if (test.k === 0xffff_ffff) this.direct(number, flow.yes(number), flow.yes(number));
    }
    const x = values.constant(places[X] as number);
    if (x !== undefined && op.usesX(test.code)) {
      test.code &= ~op.BPF_X;
      test.k = x;
    }
    const a = values.constant(places[A] as number);
    if (a === undefined || op.usesX(test.code)) return;
    if (flow.yes(number) !== flow.no(number)) this.progress();
    const target = holds(test, a) ? flow.yes(number) : flow.no(number);
    this.direct(number, target, target);
  }

  private direct(block: number, yes: number, no: number): void {
    this.flow.target[block] = yes;
    this.flow.target[block + this.flow.size] = no;
  }

  /** Strikes out statements whose result is overwritten or read by nobody. */
  private dropUnread(block: Block, readLater: number): void {
    const unread: (Statement | undefined)[] = new Array(PLACES).fill(undefined);
    const look = (one: Statement): void => {
      const read = placesRead(one);
      for (let place = 0; read >>> place !== 0; place++) if (read & (1 << place)) unread[place] = undefined;
      const written = placeWritten(one);
      if (written === undefined) return;
      this.strikeOut(unread[written]);
      unread[written] = one;
    };
    for (const one of block.statements) look(one);
    look(block.test);
    unread.forEach((one, place) => {
      if ((readLater & (1 << place)) === 0) this.strikeOut(one);
    });
  }

  private strikeOut(one: Statement | undefined): void {
    if (one === undefined) return;
    one.code = NOP;
    this.progress();
  }
}

function holds({ code, k }: Statement, a: number): boolean {
  switch (op.operationOf(code)) {
    case op.BPF_JEQ:
      return a === k;
    case op.BPF_JGT:
      return a > k;
    case op.BPF_JGE:
      return a >= k;
    default:
      return (a & k) !== 0;
  }
}
