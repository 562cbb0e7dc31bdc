/** getsockopt and setsockopt: an option's value is an int, or the bytes of its struct. */
import * as C from "../sys/index.ts";
import { bytes, fillable, int, isBytes, type pointer, show, socklen } from "./_check.ts";
import { SO_ATTACH_REUSEPORT_CBPF, SO_GET_FILTER, TCP_ZEROCOPY_RECEIVE } from "./constants.ts";
import { answer, fail } from "./errno.ts";

const SOL_XDP = 283;
const FILTERS: readonly number[] = [C.SO_ATTACH_FILTER, SO_GET_FILTER, SO_ATTACH_REUSEPORT_CBPF];
/** IPT_SO_SET_REPLACE, IP6T_SO_SET_REPLACE; ARPT_SO_SET_REPLACE; EBT_SO_SET_ENTRIES and …_COUNTERS, linux/netfilter*. */
const TABLES: readonly number[] = [64, 96, 128, 129];

/**
 * Options whose structs hold addresses of memory, which nobody here can vouch for: the kernel would read and write there.
 * And SO_GET_FILTER, whose length counts in instructions, so that the kernel would write past the end.
 */
function refusePointers(level: number, optname: number, sets: boolean): void {
  const isPointer =
    level === SOL_XDP ||
    (level === C.IPPROTO_TCP && optname === TCP_ZEROCOPY_RECEIVE) ||
    (level === C.SOL_SOCKET && FILTERS.includes(optname)) ||
    (sets && (level === C.IPPROTO_IP || level === C.IPPROTO_IPV6) && TABLES.includes(optname));
  if (!isPointer) return;
  throw new TypeError(
    `optname: expected an option whose value is bytes and no addresses of memory, got ${optname} of level ${level}`,
  );
}

/**
 * `int setsockopt(int sockfd, int level, int optname, const void *optval, socklen_t optlen)`
 * @param optval a number for `int one = 1; … &one, sizeof one`, or the bytes of the option's struct
 * @param optlen by default that of `optval`
 * @returns 0 or -1
 * @throws {TypeError} also for the few options whose struct holds an address of memory
 * @see man 2 setsockopt
 */
export function setsockopt(
  sockfd: number,
  level: number,
  optname: number,
  optval: number | Uint8Array,
  optlen?: number,
): number {
  const [fd, at, name] = [int("sockfd", sockfd), int("level", level), int("optname", optname)];
  refusePointers(at, name, true);
  const from = isBytes(optval) ? optval : new Uint8Array(Int32Array.of(int("optval", optval)).buffer);
  const value = bytes("optval", from, optlen);
  return fd < 0 ? fail(C.errno.EBADF) : answer(C.setsockopt(fd, at, name, value));
}

/**
 * `int getsockopt(int sockfd, int level, int optname, void *optval, socklen_t *optlen)`
 * @param optval filled: `{ value }` for an int, or bytes for the option's struct
 * @param optlen how much of `optval` may be filled; then how much was. By default all of it may.
 * @returns 0 or -1
 * @throws {TypeError} as {@link setsockopt}
 * @see man 2 getsockopt
 */
export function getsockopt(
  sockfd: number,
  level: number,
  optname: number,
  optval: pointer<number> | Uint8Array,
  optlen?: pointer<number>,
): number {
  const [fd, at, name] = [int("sockfd", sockfd), int("level", level), int("optname", optname)];
  refusePointers(at, name, false);
  const cell = isBytes(optval) ? undefined : intCell(optval);
  const to = cell === undefined ? bytes("optval", optval as Uint8Array) : new Uint8Array(cell.buffer);
  const wanted = optlen && socklen("optlen", fillable("optlen", optlen, ["value"]).value);
  const value = bytes("optval", to, wanted);
  if (fd < 0) return fail(C.errno.EBADF);
  const filled = C.getsockopt(fd, at, name, value);
  if (optlen) optlen.value = C.optionLength();
  if (filled >= 0 && cell !== undefined) (optval as pointer<number>).value = cell[0] as number;
  return Math.min(answer(filled), 0);
}

function intCell(optval: pointer<number>): Int32Array {
  if (typeof optval !== "object" || optval === null) {
    throw new TypeError(`optval: expected { value } or a Uint8Array, got ${show(optval)}`);
  }
  return Int32Array.of(int("optval", fillable("optval", optval, ["value"]).value));
}
