/**
 * The kernel's little programs that choose sockets: INET_DIAG_REQ_BYTECODE. Each instruction is a test that goes on
 * behind itself, or jumps forward; who comes to the end is chosen, and who jumps four bytes beyond it is not.
 * include/uapi/linux/inet_diag.h and net/ipv4/inet_diag.c, v6.18
 */
import { IpAddr, IpPrefix } from "../../ip/index.ts";
import { AF_INET, AF_INET6 } from "./_inet_constants.ts";
import type { HostTest, OtherHostTest, PortTest, SocketFilter } from "./socket_filter.ts";

const JMP = 1;
const S_GE = 2;
const S_LE = 3;
const D_GE = 4;
const D_LE = 5;
const AUTO = 6;
const S_COND = 7;
const D_COND = 8;
const DEV_COND = 9;
const MARK_COND = 10;
const CGROUP_COND = 13;

const OP_LEN = 4;
/** A jump has 16 bits, and may go four bytes beyond the end. */
const MAX_PROGRAM = 0xffff - OP_LEN - 3;
const ANY_PORT = 0xffff_ffff;
/** A nest of objects deeper than this is one by mistake, or hostile. */
const MAX_DEPTH = 500;

/** What names in a filter stand for. */
export interface FilterNames {
  /** The number of an interface. @throws {SysError} */
  deviceIndex(name: string): number;
  /** The number of a cgroup. @throws {SysError} */
  cgroupId(path: string): bigint;
}

/** Where a jump goes to, as soon as that is known. */
interface Label {
  at: number;
}

interface Op {
  readonly at: number;
  readonly code: number;
  readonly operand: Uint8Array;
  readonly no: Label;
}

/**
 * The program of a filter; empty where it lets everything through.
 * @throws {TypeError} for what is no filter
 * @throws {RangeError} for a port, a mark or a length out of range
 */
export function compileSocketFilter(filter: SocketFilter, names: FilterNames): Uint8Array {
  const program = new Program(names);
  const reject: Label = { at: -1 };
  program.add(filter, reject, "filter", 0);
  reject.at = program.length + OP_LEN;
  return program.bytes();
}

class Program {
  readonly #names: FilterNames;
  readonly #ops: Op[] = [];
  length = 0;

  constructor(names: FilterNames) {
    this.#names = names;
  }

  /** Code that goes on behind itself where the filter fits, and to `no` where it does not. */
  add(filter: SocketFilter, no: Label, where: string, depth: number): void {
    if (typeof filter !== "object" || filter === null) throw unfit(where, "an object", filter);
    if (depth > MAX_DEPTH)
      throw new RangeError(`filter: expected at most ${MAX_DEPTH} filters in each other`);
    const [key, ...more] = Object.keys(filter).filter((name) => name !== "mask");
    if (key === undefined || more.length > 0) {
      throw unfit(where, "an object with one test", `{ ${Object.keys(filter).join(", ")} }`);
    }
    const at = `${where}.${key}`;
    if ("and" in filter) {
      for (const [i, one] of listOf(filter.and, at).entries()) this.add(one, no, `${at}[${i}]`, depth + 1);
    } else if ("or" in filter) this.#or(listOf(filter.or, at), no, at, depth);
    else if ("not" in filter) {
      const otherwise: Label = { at: -1 };
      this.add(filter.not, otherwise, at, depth + 1);
      this.#op(JMP, NOTHING, no);
      otherwise.at = this.length;
    } else if ("src" in filter) this.#host(S_COND, filter.src, no, at);
    else if ("dst" in filter) this.#host(D_COND, filter.dst, no, at);
    else if ("sport" in filter) this.#port(S_COND, S_GE, S_LE, filter.sport, no, at);
    else if ("dport" in filter) this.#port(D_COND, D_GE, D_LE, filter.dport, no, at);
    else if ("device" in filter) {
      const { device } = filter;
      const index = typeof device === "string" ? this.#names.deviceIndex(device) : device;
      this.#op(DEV_COND, words(u32(index, at)), no);
    } else if ("mark" in filter) {
      const { mark, mask = 0xffff_ffff } = filter;
      this.#op(MARK_COND, words(u32(mark, at), u32(mask, `${where}.mask`)), no);
    } else if ("cgroup" in filter) {
      const { cgroup } = filter;
      const id = typeof cgroup === "string" ? this.#names.cgroupId(cgroup) : cgroup;
      if (typeof id !== "bigint" || id < 0n || id >= 1n << 64n)
        throw unfit(at, "a path, or a bigint of 64 bits", id);
      this.#op(CGROUP_COND, words(Number(id & 0xffff_ffffn), Number(id >> 32n)), no);
    } else if ("autobound" in filter) {
      if (filter.autobound !== true) throw unfit(at, "true", filter.autobound);
      this.#op(AUTO, NOTHING, no);
    } else throw unfit(where, "and, or, not, src, dst, sport, dport, device, mark, cgroup or autobound", key);
  }

  #or(filters: readonly SocketFilter[], no: Label, where: string, depth: number): void {
    const end: Label = { at: -1 };
    for (const [i, one] of filters.entries()) {
      const next: Label = i === filters.length - 1 ? no : { at: -1 };
      this.add(one, next, `${where}[${i}]`, depth + 1);
      if (next === no) break;
      this.#op(JMP, NOTHING, end);
      next.at = this.length;
    }
    if (filters.length === 0) this.#op(JMP, NOTHING, no);
    end.at = this.length;
  }

  #host(code: number, host: HostTest | OtherHostTest, no: Label, where: string): void {
    if (typeof host !== "object" || host === null) throw unfit(where, "{ ip, port }", host);
    if ("family" in host) {
      this.#op(JMP, NOTHING, no); // no internet socket is of that family
      return;
    }
    const port = host.port === undefined ? ANY_PORT : checkPort(host.port, `${where}.port`);
    const { ip } = host;
    if (ip !== undefined && !(ip instanceof IpPrefix) && !IpAddr.is(ip)) {
      throw unfit(`${where}.ip`, "an IpPrefix or an IpAddr", ip);
    }
    const prefix = ip === undefined || ip instanceof IpPrefix ? ip : IpPrefix.of(ip, ip.bitLength);
    if (prefix === undefined && port === ANY_PORT) return;
    const address = prefix?.addr.toBytes() ?? NOTHING;
    const operand = new Uint8Array(8 + address.length);
    operand[0] = prefix === undefined ? 0 : address.length === 4 ? AF_INET : AF_INET6;
    operand[1] = prefix?.length ?? 0;
    operand.set(words(port), 4);
    operand.set(address, 8);
    this.#op(code, operand, no);
  }

  #port(equal: number, above: number, below: number, test: PortTest, no: Label, where: string): void {
    if (typeof test !== "object" || test === null) throw unfit(where, "{ is, port }", test);
    const port = checkPort(test.port, `${where}.port`);
    // The kernel has the port in the place of the jump of an instruction that is never run.
    const compare = (code: number, with_: number): void => {
      if (with_ < 0 || with_ > 0xffff) this.#op(JMP, NOTHING, no);
      else this.#op(code, words(with_ * 0x1_0000), no);
    };
    const otherwise: Label = { at: -1 };
    switch (test.is) {
      case "=":
        this.#host(equal, { port }, no, where);
        break;
      case "!=":
        this.#host(equal, { port }, otherwise, where);
        this.#op(JMP, NOTHING, no);
        otherwise.at = this.length;
        break;
      case ">=":
        compare(above, port);
        break;
      case ">":
        compare(above, port + 1);
        break;
      case "<=":
        compare(below, port);
        break;
      case "<":
        compare(below, port - 1);
        break;
      default:
        throw unfit(`${where}.is`, "=, !=, <, <=, > or >=", test.is);
    }
  }

  #op(code: number, operand: Uint8Array, no: Label): void {
    this.#ops.push({ at: this.length, code, operand, no });
    this.length += OP_LEN + operand.length;
    if (this.length > MAX_PROGRAM) {
      throw new RangeError(
        `filter: expected a program of at most ${MAX_PROGRAM} bytes: this one has too many tests`,
      );
    }
  }

  bytes(): Uint8Array {
    const bytes = new Uint8Array(this.length);
    for (const { at, code, operand, no } of this.#ops) {
      const jump = no.at - at;
      bytes[at] = code;
      bytes[at + 1] = OP_LEN + operand.length;
      bytes[at + 2] = jump;
      bytes[at + 3] = jump >>> 8;
      bytes.set(operand, at + OP_LEN);
    }
    return bytes;
  }
}

const NOTHING = new Uint8Array(0);

function words(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) view.setUint32(4 * i, value, true);
  return bytes;
}

function listOf(value: readonly SocketFilter[], where: string): readonly SocketFilter[] {
  if (!Array.isArray(value)) throw unfit(where, "an array of filters", value);
  return value;
}

function u32(value: number, where: string): number {
  if (typeof value !== "number") throw unfit(where, "a number", value);
  if (Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff) return value;
  throw new RangeError(`${where}: expected an integer 0 … ${0xffff_ffff}, got ${value}`);
}

function checkPort(value: number, where: string): number {
  if (typeof value !== "number") throw unfit(where, "a port", value);
  if (Number.isInteger(value) && value >= 0 && value <= 0xffff) return value;
  throw new RangeError(`${where}: expected a port 0 … 65535, got ${value}`);
}

function unfit(where: string, expected: string, value: unknown): TypeError {
  return new TypeError(`${where}: expected ${expected}, got ${String(value)}`);
}
