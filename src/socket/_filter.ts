/** Classic BPF filters on a socket: SO_ATTACH_FILTER and SO_DETACH_FILTER. */
import * as C from "../sys/index.ts";

/**
 * A classic BPF program: what `compileFilter` and `assemble` of `windsock/filter` make, or the bytes of an array of
 * `struct sock_filter`, 8 bytes each: code (16 bits), jt, jf (8 bits each), k (32 bits), in the byte order of the host.
 */
export type ClassicFilter = { toBytes(): Uint8Array } | Uint8Array;

/** `sizeof(struct sock_filter)`, linux/filter.h. */
const INSTRUCTION_BYTES = 8;
/** BPF_MAXINSNS, linux/bpf_common.h. */
const MAX_INSTRUCTIONS = 4096;

/** What the kernel has the address of, while it has it. */
const held: Uint8Array[] = [];

/**
 * The program's own copy of the bytes, whose number is right. What the instructions are, the kernel checks.
 * @throws {TypeError | RangeError}
 */
export function filterBytes(filter: ClassicFilter): Uint8Array {
  let bytes: unknown = filter;
  if (!(filter instanceof Uint8Array)) {
    if (typeof filter !== "object" || filter === null || typeof filter.toBytes !== "function") {
      throw new TypeError(
        `filter: expected a FilterProgram, or a Uint8Array of instructions, got ${filter === null ? "null" : typeof filter}`,
      );
    }
    bytes = filter.toBytes();
  }
  if (!(bytes instanceof Uint8Array)) {
    throw new TypeError(`filter: expected toBytes() to give a Uint8Array, got ${typeof bytes}`);
  }
  if (bytes.length === 0 || bytes.length % INSTRUCTION_BYTES !== 0) {
    throw new RangeError(
      `filter: expected instructions of ${INSTRUCTION_BYTES} bytes each, at least one, got ${bytes.length} bytes`,
    );
  }
  if (bytes.length > MAX_INSTRUCTIONS * INSTRUCTION_BYTES) {
    throw new RangeError(
      `filter: expected at most ${MAX_INSTRUCTIONS} instructions, got ${bytes.length / INSTRUCTION_BYTES}`,
    );
  }
  const copy = new Uint8Array(new ArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}

/** Why the kernel refused a program: net/core/filter.c, sk_attach_filter and bpf_check_classic. */
const ATTACH_HINTS: Readonly<Record<number, string>> = {
  [C.errno.EINVAL]:
    "the program has an unknown instruction, a jump past its end, or a memory word that is read before it is written, or it " +
    "does not end in a return",
  [C.errno.EPERM]: "the socket's filter is locked (SO_LOCK_FILTER)",
  [C.errno.ENOMEM]: "the program takes more memory than a socket may have for options (net.core.optmem_max)",
};

/** An option that takes a program. */
export interface ProgramOption {
  readonly level: number;
  readonly optname: number;
  readonly name: string;
}

/**
 * Puts a filter on a socket, in place of one that it has. What the kernel has queued before stays.
 * @throws {TypeError | RangeError} for what is no program, before any system call
 * @throws {SysError} `EINVAL` a program that the kernel does not take, `EPERM` a locked filter, `ENOMEM` too long a program
 * @see man 7 socket, SO_ATTACH_FILTER; Documentation/networking/filter.rst
 */
export function attachFilter(
  fd: number,
  filter: ClassicFilter,
  option: ProgramOption = { level: C.SOL_SOCKET, optname: C.SO_ATTACH_FILTER, name: "SO_ATTACH_FILTER" },
): void {
  const bytes = filterBytes(filter);
  held.push(bytes);
  const program = C.sock_fprog.encode({
    len: bytes.length / INSTRUCTION_BYTES,
    filter: BigInt(C.addressOf(bytes)),
  });
  const result = C.setsockopt(fd, option.level, option.optname, program);
  held.pop();
  C.check(result, "setsockopt", { address: option.name, hint: ATTACH_HINTS[-result] });
}

/**
 * Takes the filter off a socket.
 * @throws {SysError} `ENOENT` where it has none, `EPERM` a locked filter
 * @see man 7 socket, SO_DETACH_FILTER
 */
export function detachFilter(fd: number): void {
  const result = C.setsockopt(fd, C.SOL_SOCKET, C.SO_DETACH_FILTER, new Uint8Array(4));
  const hint = result === -C.errno.ENOENT ? "the socket has no filter" : ATTACH_HINTS[-result];
  C.check(result, "setsockopt", { address: "SO_DETACH_FILTER", hint });
}
