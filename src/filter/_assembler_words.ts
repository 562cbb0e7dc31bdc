/** The words of the assembler, and what they stand for. */
import * as op from "./opcodes.ts";

export interface Jump {
  readonly operation: number;
  /** Whether it is the jump of `operation` with its two ways swapped. */
  readonly reversed?: boolean;
}

export const LOADS: ReadonlyMap<string, number> = new Map(
  Object.entries({ ld: op.BPF_W, ldh: op.BPF_H, ldb: op.BPF_B }),
);
export const JUMPS: ReadonlyMap<string, Jump> = new Map(
  Object.entries<Jump>({
    jeq: { operation: op.BPF_JEQ },
    jne: { operation: op.BPF_JEQ, reversed: true },
    jneq: { operation: op.BPF_JEQ, reversed: true },
    jgt: { operation: op.BPF_JGT },
    jle: { operation: op.BPF_JGT, reversed: true },
    jge: { operation: op.BPF_JGE },
    jlt: { operation: op.BPF_JGE, reversed: true },
    jset: { operation: op.BPF_JSET },
  }),
);
export const OPERATIONS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    add: op.BPF_ADD,
    sub: op.BPF_SUB,
    mul: op.BPF_MUL,
    div: op.BPF_DIV,
    mod: op.BPF_MOD,
    and: op.BPF_AND,
    or: op.BPF_OR,
    xor: op.BPF_XOR,
    lsh: op.BPF_LSH,
    rsh: op.BPF_RSH,
  }),
);
/** What can be loaded that is not in the packet, as bpf_asm and as tcpdump call it. */
export const ANCILLARY: ReadonlyMap<string, number> = new Map(
  Object.entries({
    proto: op.SKF_AD_PROTOCOL,
    type: op.SKF_AD_PKTTYPE,
    ifidx: op.SKF_AD_IFINDEX,
    nla: op.SKF_AD_NLATTR,
    nlan: op.SKF_AD_NLATTR_NEST,
    mark: op.SKF_AD_MARK,
    queue: op.SKF_AD_QUEUE,
    hatype: op.SKF_AD_HATYPE,
    rxhash: op.SKF_AD_RXHASH,
    cpu: op.SKF_AD_CPU,
    xor_x: op.SKF_AD_ALU_XOR_X,
    vlan_tci: op.SKF_AD_VLAN_TAG,
    vlan_pr: op.SKF_AD_VLAN_TAG_PRESENT,
    vlan_avail: op.SKF_AD_VLAN_TAG_PRESENT,
    vlanp: op.SKF_AD_VLAN_TAG_PRESENT,
    poff: op.SKF_AD_PAY_OFFSET,
    rand: op.SKF_AD_RANDOM,
    random: op.SKF_AD_RANDOM,
    vlan_tpid: op.SKF_AD_VLAN_TPID,
  }),
);
export const MNEMONICS = [
  ...LOADS.keys(),
  ...JUMPS.keys(),
  ...OPERATIONS.keys(),
  ..."ldi ldx ldxi ldxb st stx jmp ja neg ret tax txa".split(" "),
];
