/**
 * Makes a program small: values that are known already are not loaded again, tests whose outcome is known are left out,
 * equal blocks become one.
 *
 * A load behind the end of a packet rejects the packet. So which loads are left out or come earlier decides about short
 * packets, and a program that is to accept what tcpdump's accepts has to be simplified in the same steps. They are those
 * of libpcap: value numbering, jumps over tests whose outcome an earlier jump tells, and tests of a value that is loaded
 * already moved up to it, until nothing changes.
 * @see McCanne and Jacobson, "The BSD Packet Filter", 1993; Begel, McCanne and Graham, "BPF+", 1999
 */
import { type Block, NOP } from "./_blocks.ts";
import { Flow, NOWHERE, numberBlocks } from "./_flow.ts";
import { Simplifier } from "./_simplifier.ts";
import { A, PLACES } from "./_values.ts";
import { FilterError } from "./filter_error.ts";
import * as op from "./opcodes.ts";

/** Jumps and tests can be moved in circles; after so many passes of nothing else it is one. */
const MAX_IDLE_PASSES = 100;
/** How much work an expression may make, in steps of a few nanoseconds. A program of 4096 instructions makes less. */
const MAX_WORK = 1e9;
/** The sets of dominators of more blocks would take more than 150 MB. */
const MAX_BLOCKS = 16_384;
const TOO_LONG = "the expression is too long to be simplified";

/** @returns the first block of the simplified program */
export function optimize(root: Block): Block {
  return new Optimizer(root).run();
}

class Optimizer {
  private readonly flow: Flow;
  /** Whether a pass has changed anything, and whether that was more than moving jumps. */
  private moved = false;
  private simplified = false;
  private readonly simplifier: Simplifier;
  private work = 0;

  constructor(root: Block) {
    const blocks = numberBlocks(root);
    if (blocks.length > MAX_BLOCKS) throw new FilterError(TOO_LONG);
    this.flow = new Flow(blocks);
    this.simplifier = new Simplifier(this.flow, () => this.progress());
  }

  run(): Block {
    this.repeat(false);
    this.repeat(true);
    this.shareEqualBlocks();
    const root = this.skipIdleRoot();
    this.connectBlocks();
    return root;
  }

  /** Counts work, so that a long expression is refused instead of taking minutes. */
  private spend(steps: number): void {
    this.work += steps;
    if (this.work > MAX_WORK) throw new FilterError(TOO_LONG);
  }

  private progress(): void {
    this.moved = true;
    this.simplified = true;
  }

  private repeat(rewrite: boolean): void {
    const { flow } = this;
    for (let idle = 0; idle < MAX_IDLE_PASSES; ) {
      this.spend(2 * flow.size * (flow.edgeWords + 40));
      this.moved = false;
      this.simplified = false;
      flow.analyze();
      this.pass(rewrite);
      if (!this.moved) return;
      idle = this.simplified ? 0 : idle + 1;
    }
  }

  private pass(rewrite: boolean): void {
    const { flow } = this;
    this.simplifier.begin();
    flow.findIncoming();
    flow.downwards((block) => this.simplifier.simplify(block, rewrite));
    if (rewrite) return;
    flow.upwards((block) => {
      this.shorten(block);
      this.shorten(block + flow.size);
    });
    flow.findIncoming();
    flow.upwards((block) => {
      this.pullUp(block, true);
      this.pullUp(block, false);
    });
  }

  private valueAtEnd(block: number, place: number): number {
    return this.flow.values[block * PLACES + place] as number;
  }

  /** Whether a place that is read after `next` holds there something else than after `block`. */
  private conflicts(block: number, next: number): boolean {
    const read = this.flow.readLater[next] as number;
    for (let place = 0; read >>> place !== 0; place++) {
      if (read & (1 << place) && this.valueAtEnd(block, place) !== this.valueAtEnd(next, place)) return true;
    }
    return false;
  }

  /** Lets an edge lead past blocks whose test is decided by the way that led to it. */
  private shorten(edge: number): void {
    const { flow } = this;
    const from = flow.from(edge);
    const next = flow.target[edge] as number;
    if (flow.returns(next)) return;
    if (flow.yes(next) === flow.no(next) && !this.conflicts(from, flow.yes(next))) {
      this.progress();
      flow.target[edge] = flow.yes(next);
    }
    while (this.skip(edge, from)) {
      if (flow.returns(flow.target[edge] as number)) return;
    }
  }

  /** @returns whether the edge leads further now */
  private skip(edge: number, from: number): boolean {
    const { edgeDominators, edgeWords, target } = this.flow;
    this.spend(edgeWords);
    for (let i = 0; i < edgeWords; i++) {
      let bits = edgeDominators[edge * edgeWords + i] as number;
      while (bits !== 0) {
        const lowest = 31 - Math.clz32(bits & -bits);
        bits &= bits - 1;
        this.spend(8);
        const next = this.decidedBy(target[edge] as number, i * 32 + lowest);
        if (next === NOWHERE || this.conflicts(from, next)) continue;
        this.moved = true;
        target[edge] = next;
        return true;
      }
    }
    return false;
  }

  /** Where `block` leads to, for those who have come over an edge: NOWHERE if that does not tell. */
  private decidedBy(block: number, edge: number): number {
    const { flow } = this;
    const { operand } = this.simplifier;
    const from = flow.from(edge);
    const held = edge < flow.size;
    const { code } = (flow.blocks[block] as Block).test;
    if (code !== (flow.blocks[from] as Block).test.code) return NOWHERE;
    if (this.valueAtEnd(block, A) !== this.valueAtEnd(from, A)) return NOWHERE;
    if (operand[block] === operand[from]) return held ? flow.yes(block) : flow.no(block);
    // What equals one constant does not equal another.
    return held && code === (op.BPF_JMP | op.BPF_JEQ | op.BPF_K) ? flow.no(block) : NOWHERE;
  }

  /**
   * In a chain of tests that lead to the same place when they hold (`or`) or fail (`and`), moves a test of the value that
   * is in A before the chain up to its begin, or next to another such test.
   */
  private pullUp(block: number, isOr: boolean): void {
    const { flow } = this;
    const { target } = flow;
    const edges = flow.incoming[block] as number[];
    const first = edges.at(-1);
    if (first === undefined) return;
    const value = this.valueAtEnd(flow.from(first), A);
    if (edges.some((edge) => this.valueAtEnd(flow.from(edge), A) !== value)) return;
    /** The way out of a block that the chain shares, and the way on to its next test. */
    const shared = (at: number): number => (isOr ? flow.yes(at) : flow.no(at));
    const onward = (at: number): number => (isOr ? at + flow.size : at);
    const inChain = (at: number): boolean =>
      at !== NOWHERE && shared(at) === shared(block) && flow.isDominated(at, block);

    // The first test of the chain that is of another value.
    const before = flow.from(first);
    let other = flow.yes(before) === block ? before : before + flow.size;
    let atTop = true;
    for (;;) {
      const at = target[other] as number;
      this.spend(8);
      if (!inChain(at)) return;
      if (this.valueAtEnd(at, A) !== value) break;
      other = onward(at);
      atTop = false;
    }
    // The next one that is of the value again.
    let same = onward(target[other] as number);
    for (;;) {
      const at = target[same] as number;
      this.spend(8);
      if (!inChain(at)) return;
      if (this.valueAtEnd(at, A) === value) break;
      same = onward(at);
    }
    const pulled = target[same] as number;
    target[same] = target[onward(pulled)] as number;
    target[onward(pulled)] = target[other] as number;
    if (!atTop) target[other] = pulled;
    else {
      for (let i = edges.length - 1; i >= 0; i--) {
        const from = flow.from(edges[i] as number);
        target[flow.yes(from) === block ? from : from + flow.size] = pulled;
      }
    }
    this.moved = true;
  }

  /** Blocks that do the same and lead to the same places become one, from the returns upwards. */
  private shareEqualBlocks(): void {
    const { flow } = this;
    for (let changed = true; changed; ) {
      changed = false;
      const first = new Map<string, number>();
      const same = new Map<number, number>();
      for (const number of flow.postorder(false).sort((a, b) => b - a)) {
        const { statements, test } = flow.blocks[number] as Block;
        const body = statements.filter(({ code }) => code !== NOP).map(({ code, k }) => `${code},${k}`);
        const key = [test.code, test.k, flow.yes(number), flow.no(number), ...body].join();
        const equal = first.get(key);
        if (equal === undefined) first.set(key, number);
        else same.set(number, equal);
      }
      flow.target.forEach((to, edge) => {
        const equal = same.get(to);
        if (equal === undefined) return;
        flow.target[edge] = equal;
        changed = true;
      });
    }
  }

  /** A first block whose test decides nothing is left out; what it loads is kept. */
  private skipIdleRoot(): Block {
    const { flow } = this;
    const { statements } = flow.blocks[flow.root] as Block;
    (flow.blocks[flow.root] as Block).statements = [];
    while (!flow.returns(flow.root) && flow.yes(flow.root) === flow.no(flow.root))
      flow.root = flow.yes(flow.root);
    const root = flow.blocks[flow.root] as Block;
    root.statements = flow.returns(flow.root) ? [] : [...statements, ...root.statements];
    return root;
  }

  private connectBlocks(): void {
    const { blocks, target, size } = this.flow;
    blocks.forEach((block, number) => {
      if (target[number] === NOWHERE) return;
      block.yes.to = blocks[target[number] as number];
      block.no.to = blocks[target[number + size] as number];
    });
  }
}
