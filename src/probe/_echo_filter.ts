/** Classic BPF for raw sockets: of all the ICMP messages of a host, those that one identifier's echo requests bring about. */

// linux/bpf_common.h: class, size and mode put together.
const LDB_ABS = 0x30;
const LDH_ABS = 0x28;
const LDB_IND = 0x50;
const LDH_IND = 0x48;
const LDX_MSH = 0xb1; // X = 4 * (byte & 0xf): the length of an IPv4 header
const AND = 0x54;
const LSH = 0x64;
const ADD_X = 0x0c;
const TAX = 0x07;
const JEQ = 0x15;
const RET = 0x06;

/** An instruction, a comparison with the labels where it goes on (the next instruction without one), or a label. */
type Line =
  | readonly [code: number, k: number]
  | readonly [code: number, k: number, yes: string | undefined, no: string | undefined]
  | string;

const WHOLE = 0xffff_ffff;
const VERDICTS: readonly Line[] = ["keep", [RET, WHOLE], "drop", [RET, 0]];

/** The bytes of an array of `struct sock_filter`. A load from past the end of a packet drops it. */
function assemble(lines: readonly Line[]): Uint8Array {
  const instructions: Exclude<Line, string>[] = [];
  const labels = new Map<string, number>();
  for (const line of [...lines, ...VERDICTS]) {
    if (typeof line === "string") labels.set(line, instructions.length);
    else instructions.push(line);
  }
  const bytes = new Uint8Array(instructions.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [at, [code, k, yes, no]] of instructions.entries()) {
    const over = (label: string | undefined): number =>
      label === undefined ? 0 : (labels.get(label) as number) - at - 1;
    view.setUint16(at * 8, code, true);
    view.setUint8(at * 8 + 2, over(yes));
    view.setUint8(at * 8 + 3, over(no));
    view.setUint32(at * 8 + 4, k, true);
  }
  return bytes;
}

/** Over IPv4 a raw socket's packet begins with its IP header: RFC 791, RFC 792. */
const ipv4Lines = (identifier: number): readonly Line[] => [
  [LDX_MSH, 0],
  [LDB_IND, 0],
  [JEQ, 0, undefined, "error"], // echo reply
  [LDH_IND, 4],
  [JEQ, identifier, "keep", "drop"],
  "error",
  [LDB_IND, 8 + 9], // the protocol of the packet that is quoted
  [JEQ, 1, undefined, "drop"],
  [LDB_IND, 8], // how long its header is
  [AND, 0x0f],
  [LSH, 2],
  [ADD_X, 0],
  [TAX, 0],
  [LDB_IND, 8],
  [JEQ, 8, undefined, "drop"], // echo request
  [LDH_IND, 8 + 4],
  [JEQ, identifier, "keep", "drop"],
];

/** Over IPv6 it begins with the ICMPv6 header, RFC 4443; a request that went in fragments has a fragment header, RFC 8200 §4.5. */
const ipv6Lines = (identifier: number): readonly Line[] => [
  [LDB_ABS, 0],
  [JEQ, 129, undefined, "error"], // echo reply
  [LDH_ABS, 4],
  [JEQ, identifier, "keep", "drop"],
  "error",
  [LDB_ABS, 8 + 6], // what follows the IPv6 header of the packet that is quoted
  [JEQ, 44, "fragment", undefined],
  [JEQ, 58, undefined, "drop"],
  [LDB_ABS, 8 + 40],
  [JEQ, 128, undefined, "drop"], // echo request
  [LDH_ABS, 8 + 40 + 4],
  [JEQ, identifier, "keep", "drop"],
  "fragment",
  [LDB_ABS, 8 + 40],
  [JEQ, 58, undefined, "drop"],
  [LDB_ABS, 8 + 48],
  [JEQ, 128, undefined, "drop"],
  [LDH_ABS, 8 + 48 + 4],
  [JEQ, identifier, "keep", "drop"],
];

/** A filter for a raw socket of ICMP or ICMPv6, whose types are narrowed down to replies and errors already. */
export function echoFilter(family: "ipv4" | "ipv6", identifier: number): Uint8Array {
  return assemble(family === "ipv4" ? ipv4Lines(identifier) : ipv6Lines(identifier));
}
