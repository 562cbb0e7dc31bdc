/** libc's small calls on texts and names: inet_pton, inet_ntop, inet_aton, if_indextoname, gethostname. */
import { libc, negativeErrno } from "./ffi.ts";

const c_inet_pton = libc<(af: number, src: string, dst: Uint8Array) => number>(
  "int inet_pton(int, const char *, void *)",
);
const c_inet_ntop = libc<(af: number, src: Uint8Array, dst: Uint8Array, size: number) => bigint | null>(
  "void *inet_ntop(int, const void *, void *, unsigned int)",
);
const c_inet_aton = libc<(src: string, dst: Uint8Array) => number>("int inet_aton(const char *, void *)");
const c_if_indextoname = libc<(index: number, name: Uint8Array) => bigint | null>(
  "void *if_indextoname(unsigned int, void *)",
);
const c_gethostname = libc<(name: Uint8Array, size: number) => number>("int gethostname(void *, size_t)");

const cText = (bytes: Uint8Array): string => {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
};

/**
 * `int inet_pton(int af, const char *src, void *dst)`
 * @param dst at least 16 bytes, of which 4 or 16 are filled
 * @returns 1, 0 where the text is no address, or `-EAFNOSUPPORT`
 * @see man 3 inet_pton
 */
export function inet_pton(af: number, src: string, dst: Uint8Array): number {
  if (dst.length < 16) throw new RangeError(`dst: expected 16 bytes, got ${dst.length}`);
  const result = c_inet_pton(af, src, dst);
  return result < 0 ? negativeErrno() : result;
}

/**
 * `const char *inet_ntop(int af, const void *src, char *dst, socklen_t size)`
 * @param src at least 16 bytes, of which 4 or 16 are read
 * @param size room for the text and its NUL; more than 64 is never used
 * @returns the text, or `-EAFNOSUPPORT`, or `-ENOSPC`
 * @see man 3 inet_ntop
 */
export function inet_ntop(af: number, src: Uint8Array, size: number): string | number {
  if (src.length < 16) throw new RangeError(`src: expected 16 bytes, got ${src.length}`);
  const text = new Uint8Array(64); // INET6_ADDRSTRLEN is 46
  if (!c_inet_ntop(af, src, text, Math.min(size, text.length))) return negativeErrno();
  return cText(text);
}

/**
 * `int inet_aton(const char *cp, struct in_addr *inp)`
 * @param dst at least 4 bytes
 * @returns 1, or 0 where the text is no address
 * @see man 3 inet_aton
 */
export function inet_aton(src: string, dst: Uint8Array): number {
  if (dst.length < 4) throw new RangeError(`dst: expected 4 bytes, got ${dst.length}`);
  return c_inet_aton(src, dst);
}

/**
 * `char *if_indextoname(unsigned int ifindex, char *ifname)`
 * @returns the interface's name, or `-errno`; `-ENXIO` where there is no such interface
 * @see man 3 if_indextoname
 */
export function interfaceName(index: number): string | number {
  const name = new Uint8Array(16); // IF_NAMESIZE
  return c_if_indextoname(index, name) ? cText(name) : negativeErrno();
}

/**
 * `int gethostname(char *name, size_t len)`
 * @param size room for the name and its NUL; more than 256 is never used
 * @returns the name, or `-errno`; `-ENAMETOOLONG` where the room is too little
 * @see man 2 gethostname
 */
export function gethostname(size: number): string | number {
  const name = new Uint8Array(Math.min(size, 256)); // HOST_NAME_MAX is 64
  return c_gethostname(name, name.length) < 0 ? negativeErrno() : cText(name);
}
