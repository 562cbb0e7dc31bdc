/** Filters for a socket whose packets have no link-layer header, from those for the header that files have in its place. */
import type { FilterInstruction } from "./instructions.ts";
import * as op from "./opcodes.ts";
import { FilterProgram } from "./program.ts";

/** Of a header of type `linux-sll2`, https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html */
const SLL2_HEADER_LEN = 20;

/** What the kernel gives in place of a field of that header, by offset and size. */
const FIELDS: ReadonlyMap<string, number> = new Map([
  [`0/${op.BPF_H}`, op.SKF_AD_PROTOCOL],
  [`4/${op.BPF_W}`, op.SKF_AD_IFINDEX],
  [`8/${op.BPF_H}`, op.SKF_AD_HATYPE],
  [`10/${op.BPF_B}`, op.SKF_AD_PKTTYPE],
]);

const CLASS = 0x07;
const SIZE = 0x18;
const MODE = 0xe0;

/**
 * The program for a datagram `PacketSocket`, made from one for `linux-sll2`: loads of the header become loads of what the
 * kernel knows, and all others move by its length, as libpcap does it.
 * @returns `undefined` where it reads what the kernel cannot give: such a program runs on the packet with its header only
 */
export function forCookedSocket(program: FilterProgram): FilterProgram | undefined {
  const moved: FilterInstruction[] = [];
  for (const one of program.instructions) {
    const instruction = movedInstruction(one);
    if (instruction === undefined) return undefined;
    moved.push(instruction);
  }
  return FilterProgram.of(moved);
}

function movedInstruction(one: FilterInstruction): FilterInstruction | undefined {
  const kind = one.code & CLASS;
  const mode = one.code & MODE;
  // Of what is kept, the header is not the kernel's to keep.
  if (kind === op.BPF_RET) return one.k > 0 ? { ...one, k: Math.max(1, one.k - SLL2_HEADER_LEN) } : one;
  if (kind !== op.BPF_LD && kind !== op.BPF_LDX) return one;
  if (mode === op.BPF_LEN) return undefined;
  const reads = kind === op.BPF_LD ? mode === op.BPF_ABS || mode === op.BPF_IND : mode === op.BPF_MSH;
  if (!reads || one.k >= op.SKF_AD_OFF) return one;
  if (one.k >= SLL2_HEADER_LEN) return { ...one, k: one.k - SLL2_HEADER_LEN };
  const field = mode === op.BPF_ABS ? FIELDS.get(`${one.k}/${one.code & SIZE}`) : undefined;
  if (field === undefined) return undefined;
  return { code: op.BPF_LD | op.BPF_W | op.BPF_ABS, jt: 0, jf: 0, k: op.SKF_AD_OFF + field };
}
