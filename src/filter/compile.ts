/** Compiles the filter expressions of tcpdump and pcap-filter(7) to programs of classic BPF. */
import { IpAddr, Ipv4Addr } from "../ip/index.ts";
import { emit } from "./_emit.ts";
import { generate } from "./_generate.ts";
import type { LinkType } from "./_generator.ts";
import { optimize } from "./_optimizer.ts";
import { parse } from "./_parser.ts";
import { FilterError, quote, show } from "./filter_error.ts";
import { BPF_K, BPF_RET } from "./opcodes.ts";
import { FilterProgram } from "./program.ts";

export interface CompileOptions {
  /** What the packets begin with; "ethernet" where left out. */
  readonly linkType?: LinkType;
  /** How many bytes of a packet that is accepted are kept; 262144 where left out, as in tcpdump. */
  readonly snapLength?: number;
  /**
   * Whether the program is for a packet socket, from whose frames the kernel has taken the outermost VLAN tag: `vlan` then
   * looks for it in the metadata as well, as `tcpdump -i` does. False where left out: for packets of a file.
   */
  readonly live?: boolean;
  /** The netmask of the network, for `ip broadcast`; 0.0.0.0 where left out, as in tcpdump without an interface. */
  readonly netmask?: Ipv4Addr | string;
  /** The addresses of a host's name. Where left out, names are an error. */
  readonly resolve?: (name: string) => Iterable<IpAddr | string>;
  /** Whether to simplify the program; true where left out, as in tcpdump. False is `tcpdump -O`. */
  readonly optimize?: boolean;
}

const LINK_TYPES: readonly LinkType[] = ["ethernet", "raw", "linux-sll", "linux-sll2"];

/**
 * Compiles an expression such as `tcp port 443 and not host 192.0.2.1`. The empty expression accepts every packet.
 * @returns a program that accepts the packets that tcpdump's program for the expression accepts
 * @throws {FilterError} for what is no expression, what is not supported, and what no packet fulfils
 * @see man 7 pcap-filter
 */
export function compileFilter(text: string, options: CompileOptions = {}): FilterProgram {
  if (typeof text !== "string") throw new TypeError(`text must be a string, got ${show(text)}`);
  const { linkType = "ethernet", snapLength = 262_144, live = false, resolve } = options;
  if (!LINK_TYPES.includes(linkType)) {
    throw new TypeError(`linkType must be one of ${LINK_TYPES.join(", ")}, got ${show(linkType)}`);
  }
  if (typeof snapLength !== "number")
    throw new TypeError(`snapLength must be a number, got ${show(snapLength)}`);
  if (!Number.isInteger(snapLength) || snapLength < 1 || snapLength > 0xffff_ffff) {
    throw new RangeError(`snapLength must be an integer from 1 to 4294967295, got ${snapLength}`);
  }
  const netmask = Ipv4Addr.parse(String(options.netmask ?? "0.0.0.0")).toU32();
  const question = parse(text);
  if (question === undefined) return accepting(snapLength);
  let root = generate(text, question, snapLength, {
    linkType,
    netmask,
    live,
    resolve: resolve && ((name) => resolved(name, resolve)),
  });
  if (options.optimize !== false) {
    root = withInput(text, () => optimize(root));
    if (root.test.code === (BPF_RET | BPF_K) && root.test.k === 0) {
      throw new FilterError("no packet can fulfil the expression", {
        input: text,
        position: 0,
        length: text.length,
      });
    }
  }
  return withInput(text, () => FilterProgram.of(emit(root)));
}

function accepting(snapLength: number): FilterProgram {
  return FilterProgram.of([{ code: BPF_RET | BPF_K, jt: 0, jf: 0, k: snapLength }]);
}

function resolved(name: string, resolve: (name: string) => Iterable<IpAddr | string>): IpAddr[] {
  return Array.from(resolve(name), (address) => {
    const read = typeof address === "string" ? IpAddr.tryParse(address) : address;
    if (IpAddr.is(read)) return read;
    throw new TypeError(`resolve must give addresses, got ${show(address)} for ${quote(name)}`);
  });
}

/** Errors of later steps know no place, but the expression. */
function withInput<T>(input: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof FilterError && error.input === undefined) {
      throw new FilterError(error.message, { input, position: 0, length: input.length });
    }
    throw error;
  }
}
