/** What the code generators share: where headers lie, loads from them, comparisons, and words of scratch memory. */
import type { IpAddr } from "../ip/index.ts";
import {
  and,
  type Block,
  block,
  type Condition,
  condition,
  not,
  type Statement,
  statement,
  testBlock,
} from "./_blocks.ts";
import type { Token } from "./_tokens.ts";
import { FilterError } from "./filter_error.ts";
import * as op from "./opcodes.ts";

/** What the packets begin with. */
export type LinkType = "ethernet" | "raw" | "linux-sll" | "linux-sll2";

/** An offset, part of which may be known only when the program runs: that part is in a word of memory. */
export interface Offset {
  constant: number;
  isVariable: boolean;
  register: number | undefined;
}

/** What an offset in a header counts from. */
export type Base =
  | "link"
  | "link type"
  | "link payload" // what follows the link header, such as an LLC header
  | "network"
  | "mpls" // the last label before the network header
  | "ipv4 transport"
  | "ipv6 transport";

/** Sizes as loads have them. */
export type Size = typeof op.BPF_B | typeof op.BPF_H | typeof op.BPF_W;

export interface GeneratorOptions {
  readonly linkType: LinkType;
  readonly netmask: number;
  readonly live: boolean;
  readonly resolve: ((name: string) => readonly IpAddr[]) | undefined;
}

const fixed = (constant: number): Offset => ({ constant, isVariable: false, register: undefined });

/**
 * Holds what changes while an expression is gone through from left to right: `vlan`, `mpls` and `pppoes` move the
 * headers for all that comes after them, as pcap-filter(7) has it.
 */
export class Generator {
  readonly options: GeneratorOptions;
  /** The link header in front of the network header now; PPP within `pppoes`. */
  linkType: LinkType | "ppp";
  linkHeader: Offset = fixed(0);
  /** Where the protocol's number is; undefined where the link has none. */
  typeField: Offset | undefined;
  /** Where the link's payload begins. */
  payload: Offset;
  /** From there to the network header. */
  networkOffset = 0;
  vlanDepth = 0;
  mplsDepth = 0;
  /** The words of memory that hold how far a VLAN tag has moved the headers. */
  readonly moved = new Set<number>();
  /** The part of the expression that code is being made for. */
  token: Token | undefined;
  private readonly text: string;
  private readonly registers = new Array<boolean>(op.BPF_MEMWORDS).fill(false);
  private register = 0;

  constructor(text: string, options: GeneratorOptions) {
    this.text = text;
    this.options = options;
    this.linkType = options.linkType;
    const layout = {
      ethernet: [12, 14],
      raw: [undefined, 0],
      "linux-sll": [14, 16],
      "linux-sll2": [0, 20],
    } as const;
    const [type, payload] = layout[options.linkType];
    this.typeField = type === undefined ? undefined : fixed(type);
    this.payload = fixed(payload);
  }

  fail(message: string, details: { expected?: string; suggestion?: string } = {}): never {
    const { token } = this;
    throw new FilterError(message, {
      input: this.text,
      ...(token && { position: token.position, length: token.length }),
      ...details,
    });
  }

  /** Takes a free word of memory, the one after the last that was taken. */
  allocate(): number {
    for (let tries = 0; tries < op.BPF_MEMWORDS; tries++) {
      if (!this.registers[this.register]) {
        this.registers[this.register] = true;
        return this.register;
      }
      this.register = (this.register + 1) % op.BPF_MEMWORDS;
    }
    return this.fail("the expression needs more than 16 values at a time");
  }

  free(register: number): void {
    this.registers[register] = false;
  }

  /** Statements that load the variable part of an offset into X; none for an offset that is known. */
  variablePart(offset: Offset): Statement[] {
    if (!offset.isVariable) return [];
    offset.register ??= this.allocate();
    return [statement(op.BPF_LDX | op.BPF_MEM, offset.register)];
  }

  /** Statements that load X with the length of the IPv4 header, and the variable part of its offset. */
  ipv4HeaderLength(): Statement[] {
    const at = this.payload.constant + this.networkOffset;
    const variable = this.variablePart(this.payload);
    if (variable.length === 0) return [statement(op.BPF_LDX | op.BPF_MSH | op.BPF_B, at)];
    return [
      ...variable,
      statement(op.BPF_LD | op.BPF_IND | op.BPF_B, at),
      statement(op.BPF_ALU | op.BPF_AND | op.BPF_K, 0xf),
      statement(op.BPF_ALU | op.BPF_LSH | op.BPF_K, 2),
      statement(op.BPF_ALU | op.BPF_ADD | op.BPF_X),
      statement(op.BPF_MISC | op.BPF_TAX),
    ];
  }

  /** Statements that load A from a header. */
  load(base: Base, offset: number, size: Size): Statement[] {
    switch (base) {
      case "link":
        return this.loadFrom(this.linkHeader, offset, size);
      case "link type":
        return this.loadFrom(this.typeField ?? fixed(-1), offset, size);
      case "link payload":
        return this.loadFrom(this.payload, offset, size);
      case "network":
        return this.loadFrom(this.payload, this.networkOffset + offset, size);
      case "mpls":
        return this.loadFrom(this.payload, this.networkOffset - 4 + offset, size);
      case "ipv6 transport":
        return this.loadFrom(this.payload, this.networkOffset + 40 + offset, size);
      case "ipv4 transport": {
        const at = this.payload.constant + this.networkOffset + offset;
        return [...this.ipv4HeaderLength(), statement(op.BPF_LD | op.BPF_IND | size, at)];
      }
    }
  }

  private loadFrom(start: Offset, offset: number, size: Size): Statement[] {
    const at = (start.constant + offset) >>> 0;
    const variable = this.variablePart(start);
    const mode = variable.length > 0 ? op.BPF_IND : op.BPF_ABS;
    return [...variable, statement(op.BPF_LD | mode | size, at)];
  }

  /** Whether a field, of which `mask` is looked at, equals a value. */
  equals(base: Base, offset: number, size: Size, value: number, mask = 0xffff_ffff): Condition {
    return this.compare(op.BPF_JEQ, base, offset, size, value, mask);
  }

  /** Whether a field is above (BPF_JGT) or not below (BPF_JGE) a value, or has bits of it (BPF_JSET). */
  compare(
    operation: number,
    base: Base,
    offset: number,
    size: Size,
    value: number,
    mask = 0xffff_ffff,
  ): Condition {
    const statements = this.load(base, offset, size);
    if (mask !== 0xffff_ffff) statements.push(statement(op.BPF_ALU | op.BPF_AND | op.BPF_K, mask));
    return testBlock(statements, operation, value);
  }

  /** Whether bytes are in the packet: the last four first, as libpcap looks for them. */
  equalsBytes(base: Base, offset: number, bytes: Uint8Array): Condition {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let all: Condition | undefined;
    let left = bytes.length;
    const test = (size: Size, length: number, value: number): void => {
      const one = this.equals(base, offset + left - length, size, value);
      all = all ? and(all, one) : one;
      left -= length;
    };
    while (left >= 4) test(op.BPF_W, 4, view.getUint32(left - 4));
    while (left >= 2) test(op.BPF_H, 2, view.getUint16(left - 2));
    if (left === 1) test(op.BPF_B, 1, view.getUint8(0));
    return all as unknown as Condition;
  }

  /** A block whose answer is known. */
  constant(answer: boolean): Condition {
    return testBlock([statement(op.BPF_LD | op.BPF_IMM, answer ? 0 : 1)], op.BPF_JEQ, 0);
  }

  /** Completes the graph: what is accepted returns `keep`, the rest 0. */
  finish(all: Condition, keep: number): Block {
    const { head } = all;
    if (this.moved.size > 0) {
      const zero = [...this.moved].map((register) => statement(op.BPF_ST, register));
      head.statements.unshift(statement(op.BPF_LD | op.BPF_IMM, 0), ...zero);
    }
    const [accept, reject] = [keep, 0].map((k) => block([], op.BPF_RET | op.BPF_K, k)) as [Block, Block];
    for (const edge of all.ifTrue) edge.to = accept;
    for (const edge of all.ifFalse) edge.to = reject;
    return head;
  }

  /** A test that compares A with X. */
  compareWithX(statements: Statement[], operation: number): Condition {
    return condition(block(statements, op.BPF_JMP | operation | op.BPF_X, 0));
  }

  /** Whether a field is above a value, and its opposite. */
  above(base: Base, offset: number, size: Size, value: number): Condition {
    return this.compare(op.BPF_JGT, base, offset, size, value);
  }

  notAbove(base: Base, offset: number, size: Size, value: number): Condition {
    return not(this.above(base, offset, size, value));
  }
}
