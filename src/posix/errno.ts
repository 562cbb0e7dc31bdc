/** errno as the calls of this folder leave it, and its texts: strerror, perror. */
import * as C from "../sys/index.ts";
import { int } from "./_check.ts";

/**
 * Why the last call failed that gave -1 (or `null`, or 0 where C says so). It follows every call: an import of it always
 * reads the present value. As in C, a call that succeeds leaves it as it was.
 * @see man 3 errno
 */
export let errno = 0;

/** @internal Sets errno. @returns -1 */
export function fail(number: number): -1 {
  errno = number;
  return -1;
}

/** @internal What C returns for a result of `sys/`, which is `-errno` where the call has failed. */
export function answer(result: number): number {
  if (result >= 0) return result;
  errno = -result;
  return -1;
}

/**
 * `char *strerror(int errnum)`
 * @returns the text in the C locale, such as `"Connection refused"`
 * @see man 3 strerror
 */
export function strerror(errnum: number): string {
  return int("errnum", errnum) === 0 ? "Success" : C.errnoText(errnum);
}

/**
 * `void perror(const char *s)`: writes `s`, a colon and the text of {@link errno} to standard error, before it returns.
 * @param s `null` and `""` leave the text alone
 * @see man 3 perror
 */
export function perror(s: string | null): void {
  if (s !== null && typeof s !== "string")
    throw new TypeError(`s: expected a string or null, got ${typeof s}`);
  const line = new TextEncoder().encode(`${s ? `${s}: ` : ""}${strerror(errno)}\n`);
  for (let done = 0; done < line.length; ) {
    const count = C.write(2, line.subarray(done));
    if (count >= 0) done += count;
    else if (count === -C.errno.EAGAIN) C.pollOne(2, C.POLLOUT, -1);
    else if (count !== -C.errno.EINTR) return;
  }
}
