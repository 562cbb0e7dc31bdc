/** inet_pton, inet_ntop, inet_aton, inet_addr, inet_ntoa: addresses between text and struct, as libc reads and writes them. */
import * as C from "../sys/index.ts";
import { bytes, fillable, int, isBytes, show, text, whole } from "./_check.ts";
import { in_addr_layout, in6_addr_layout } from "./_layouts.ts";
import { INADDR_NONE, INET6_ADDRSTRLEN } from "./constants.ts";
import { fail } from "./errno.ts";
import type { in_addr, in6_addr } from "./sockaddr.ts";

/** Either struct of an address without a port, or its bytes. */
type AnyInAddr = in_addr | in6_addr | Uint8Array;

/** Its bytes, as many as an address of the family has. */
function encode(name: string, addr: AnyInAddr, size: number): Uint8Array {
  if (isBytes(addr)) return bytes(name, addr, size);
  const isObject = typeof addr === "object" && addr !== null;
  if (size === 4 && isObject && "s_addr" in addr) return in_addr_layout.encode({ s_addr: addr.s_addr });
  if (size === 16 && isObject && "s6_addr" in addr) return in6_addr_layout.encode({ s6_addr: addr.s6_addr });
  throw new TypeError(
    `${name}: expected { ${size === 4 ? "s_addr" : "s6_addr"} } or a Uint8Array, got ${show(addr)}`,
  );
}

function sizeOf(af: number): number | undefined {
  return af === C.AF_INET ? 4 : af === C.AF_INET6 ? 16 : undefined;
}

/**
 * `int inet_pton(int af, const char *src, void *dst)`
 * @param dst `sin_addr` or `sin6_addr` of an address, or bytes; filled
 * @returns 1, 0 where `src` is no address of the family, or -1 for another family than AF_INET and AF_INET6
 * @see man 3 inet_pton
 */
export function inet_pton(af: number, src: string, dst: AnyInAddr): number {
  const [family, from] = [int("af", af), text("src", src)];
  const size = sizeOf(family);
  if (size === undefined) return fail(C.errno.EAFNOSUPPORT);
  encode("dst", dst, size);
  if (!isBytes(dst)) fillable("dst", dst, (size === 4 ? ["s_addr"] : ["s6_addr"]) as never[]);
  const found = new Uint8Array(16);
  if (C.inet_pton(family, from, found) !== 1) return 0;
  store(dst, found.subarray(0, size));
  return 1;
}

function store(dst: AnyInAddr, found: Uint8Array): void {
  if (isBytes(dst)) bytes("dst", dst).set(found);
  else if ("s_addr" in dst) dst.s_addr = in_addr_layout.decode(found).s_addr;
  else dst.s6_addr = found.slice();
}

/**
 * `const char *inet_ntop(int af, const void *src, char *dst, socklen_t size)`
 * @param size the room that C would have for the text and its NUL
 * @returns the text; `null` where the family is not known or the room is too little
 * @see man 3 inet_ntop
 */
export function inet_ntop(af: number, src: AnyInAddr, size: number = INET6_ADDRSTRLEN): string | null {
  const [family, room] = [int("af", af), whole("size", size, 0, 2 ** 32 - 1)];
  const from = new Uint8Array(16);
  const length = sizeOf(family);
  if (length !== undefined) from.set(encode("src", src, length));
  const found = C.inet_ntop(family, from, room);
  if (typeof found === "string") return found;
  fail(-found);
  return null;
}

/**
 * `int inet_aton(const char *cp, struct in_addr *inp)`. It takes more than is good: `0x7f.1` and `127.0.0.1 and so on`.
 * @returns 1, or 0 where `cp` is no address
 * @see man 3 inet_aton
 */
export function inet_aton(cp: string, inp: in_addr | Uint8Array): number {
  const from = text("cp", cp);
  encode("inp", inp, 4);
  if (!isBytes(inp)) fillable("inp", inp, ["s_addr"]);
  const found = new Uint8Array(4);
  if (C.inet_aton(from, found) === 0) return 0;
  store(inp, found);
  return 1;
}

/**
 * `in_addr_t inet_addr(const char *cp)`, which reads as {@link inet_aton}.
 * @returns the address in network byte order; INADDR_NONE where `cp` is none, and for 255.255.255.255
 * @see man 3 inet_addr
 */
export function inet_addr(cp: string): number {
  const found: in_addr = { s_addr: 0 };
  return inet_aton(cp, found) === 0 ? INADDR_NONE : found.s_addr;
}

/**
 * `char *inet_ntoa(struct in_addr in)`
 * @see man 3 inet_ntoa
 */
export function inet_ntoa(in_: in_addr | Uint8Array): string {
  return encode("in", in_, 4).join(".");
}
