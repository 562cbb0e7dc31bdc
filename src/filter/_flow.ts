/** The flow graph of a program, by numbers: levels, dominators, and which places are read later on. */
import type { Block } from "./_blocks.ts";
import { PLACES, placesRead, placeWritten } from "./_values.ts";
import { BPF_JMP, classOf } from "./opcodes.ts";

/** What an edge of a block that returns leads to. */
export const NOWHERE = -1;

/**
 * Block `b` of `size` has the edges `b`, taken when its test holds, and `b + size`. A graph without circles: the
 * *level* of a block is the length of the longest way from it to a return.
 */
export class Flow {
  readonly size: number;
  readonly blocks: readonly Block[];
  root = 0;
  /** Where each edge leads to. */
  readonly target: Int32Array;
  readonly level: Int32Array;
  /** The blocks that can be reached, by level, the last found first. */
  levels: number[][] = [];
  /** The edges that lead to each block, the last found first. */
  incoming: number[][] = [];
  /** What each place holds at the end of each block, {@link PLACES} numbers of values a block. */
  readonly values: Int32Array;
  /** The places whose values at a block's end are read later on, as bits. */
  readonly readLater: Int32Array;
  readonly nodeWords: number;
  readonly edgeWords: number;
  private readonly readFirst: Int32Array;
  private readonly written: Int32Array;
  private readonly dominators: Uint32Array;
  readonly edgeDominators: Uint32Array;

  /** @param blocks all that can be reached, the first one being the root: see {@link numberBlocks} */
  constructor(blocks: readonly Block[]) {
    this.blocks = blocks;
    const size = this.blocks.length;
    this.size = size;
    const numbers = new Map(this.blocks.map((block, number) => [block, number]));
    const at = (block: Block | undefined): number => (block ? (numbers.get(block) as number) : NOWHERE);
    this.target = new Int32Array(2 * size);
    this.blocks.forEach((block, number) => {
      this.target[number] = at(block.yes.to);
      this.target[number + size] = at(block.no.to);
    });
    this.level = new Int32Array(size);
    this.values = new Int32Array(size * PLACES);
    [this.readLater, this.readFirst, this.written] = [0, 0, 0].map(() => new Int32Array(size)) as [
      Int32Array,
      Int32Array,
      Int32Array,
    ];
    this.nodeWords = (size >>> 5) + 1;
    this.edgeWords = ((2 * size) >>> 5) + 1;
    this.dominators = new Uint32Array(size * this.nodeWords);
    this.edgeDominators = new Uint32Array(2 * size * this.edgeWords);
  }

  yes(block: number): number {
    return this.target[block] as number;
  }

  no(block: number): number {
    return this.target[block + this.size] as number;
  }

  /** The block that an edge leaves. */
  from(edge: number): number {
    return edge < this.size ? edge : edge - this.size;
  }

  returns(block: number): boolean {
    return this.yes(block) === NOWHERE;
  }

  /** Calls back for each block that can be reached, those that are nearest to the root (by level) first. */
  downwards(visit: (block: number) => void): void {
    for (let level = this.level[this.root] as number; level >= 0; level--) this.eachOf(level, visit);
  }

  /** The other way round, without the returns. */
  upwards(visit: (block: number) => void): void {
    const top = this.level[this.root] as number;
    for (let level = 1; level <= top; level++) this.eachOf(level, visit);
  }

  private eachOf(level: number, visit: (block: number) => void): void {
    const blocks = this.levels[level] as number[];
    for (let i = blocks.length - 1; i >= 0; i--) visit(blocks[i] as number);
  }

  /** Finds everything out anew after edges have been moved or statements changed. */
  analyze(): void {
    this.findLevels();
    this.findDominators();
    this.findEdgeDominators();
    this.findReads();
  }

  /** Whether every way to `block` goes through `by`. */
  isDominated(block: number, by: number): boolean {
    return ((this.dominators[block * this.nodeWords + (by >>> 5)] as number) & (1 << (by & 31))) !== 0;
  }

  findIncoming(): void {
    this.incoming = Array.from({ length: this.size }, () => []);
    this.downwards((block) => {
      if (this.returns(block)) return;
      (this.incoming[this.yes(block)] as number[]).push(block);
      (this.incoming[this.no(block)] as number[]).push(block + this.size);
    });
  }

  /** Blocks that can be reached, each after all that it leads to; what its test leads to when it fails comes first or last. */
  postorder(noFirst: boolean): number[] {
    const order: number[] = [];
    const seen = new Uint8Array(this.size);
    const stack: number[] = [this.root];
    while (stack.length > 0) {
      const top = stack.pop() as number;
      if (top < 0) order.push(~top);
      else if (!seen[top]) {
        seen[top] = 1;
        stack.push(~top);
        if (this.returns(top)) continue;
        if (noFirst) stack.push(this.yes(top), this.no(top));
        else stack.push(this.no(top), this.yes(top));
      }
    }
    return order;
  }

  private findLevels(): void {
    this.levels = [];
    for (const block of this.postorder(false)) {
      const level = this.returns(block)
        ? 0
        : Math.max(this.level[this.yes(block)] as number, this.level[this.no(block)] as number) + 1;
      this.level[block] = level;
      this.levels[level] ??= [];
      this.levels[level].push(block);
    }
  }

  private findDominators(): void {
    const { dominators, nodeWords } = this;
    dominators.fill(0xffff_ffff);
    dominators.fill(0, this.root * nodeWords, (this.root + 1) * nodeWords);
    this.downwards((block) => {
      insert(dominators, block * nodeWords, block);
      if (this.returns(block)) return;
      intersect(dominators, this.yes(block) * nodeWords, block * nodeWords, nodeWords);
      intersect(dominators, this.no(block) * nodeWords, block * nodeWords, nodeWords);
    });
  }

  private findEdgeDominators(): void {
    const { edgeDominators, edgeWords, size, root } = this;
    edgeDominators.fill(0xffff_ffff);
    for (const edge of [root, root + size]) edgeDominators.fill(0, edge * edgeWords, (edge + 1) * edgeWords);
    this.downwards((block) => {
      for (const edge of [block, block + size]) {
        insert(edgeDominators, edge * edgeWords, edge);
        const next = this.target[edge] as number;
        if (next === NOWHERE) continue;
        intersect(edgeDominators, next * edgeWords, edge * edgeWords, edgeWords);
        intersect(edgeDominators, (next + size) * edgeWords, edge * edgeWords, edgeWords);
      }
    });
  }

  private findReads(): void {
    this.downwards((number) => {
      const { statements, test } = this.blocks[number] as Block;
      let [written, read, writtenFirst] = [0, 0, 0];
      for (const one of statements) {
        read |= placesRead(one) & ~written;
        const place = placeWritten(one);
        if (place === undefined) continue;
        if ((read & (1 << place)) === 0) writtenFirst |= 1 << place;
        written |= 1 << place;
      }
      if (classOf(test.code) === BPF_JMP) read |= placesRead(test) & ~written;
      this.written[number] = writtenFirst;
      this.readFirst[number] = read;
      this.readLater[number] = 0;
    });
    this.upwards((block) => {
      const later = (this.readFirst[this.yes(block)] as number) | (this.readFirst[this.no(block)] as number);
      this.readLater[block] = later;
      this.readFirst[block] = (this.readFirst[block] as number) | (later & ~(this.written[block] as number));
    });
  }
}

function insert(sets: Uint32Array, at: number, member: number): void {
  const word = at + (member >>> 5);
  sets[word] = (sets[word] as number) | (1 << (member & 31));
}

function intersect(sets: Uint32Array, into: number, from: number, words: number): void {
  for (let i = 0; i < words; i++) sets[into + i] = (sets[into + i] as number) & (sets[from + i] as number);
}

/** The blocks, each before what it leads to when its test holds, and that before the rest. */
export function numberBlocks(root: Block): Block[] {
  const numbered = new Set<Block>();
  const stack: (Block | undefined)[] = [root];
  while (stack.length > 0) {
    const block = stack.pop();
    if (block === undefined || numbered.has(block)) continue;
    numbered.add(block);
    stack.push(block.no.to, block.yes.to);
  }
  return [...numbered];
}
