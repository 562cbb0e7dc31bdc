/** System calls that move bytes without bringing them into the program: sendfile, splice, and the pipe between. */
import { libc, negativeErrno } from "./ffi.ts";
import { checkFd } from "./io_calls.ts";

const c_sendfile = libc<(out: number, from: number, offset: Uint8Array, count: number) => number>(
  "intptr_t sendfile(int, int, void *, size_t)",
);
const c_splice = libc<
  (from: number, offIn: null, to: number, offOut: null, count: number, flags: number) => number
>("intptr_t splice(int, void *, int, void *, size_t, unsigned int)");
const c_pipe2 = libc<(fds: Uint8Array, flags: number) => number>("int pipe2(void *, int)");

const offsetCell = new BigInt64Array(1);
const offsetBytes = new Uint8Array(offsetCell.buffer);

/**
 * `ssize_t sendfile(int out_fd, int in_fd, off_t *offset, size_t count)`; the file's own position stays as it is.
 * @returns bytes moved, 0 at the end of the file, or `-errno`
 * @see man 2 sendfile
 */
export function sendfile(outFd: number, inFd: number, offset: number, count: number): number {
  checkFd(outFd);
  checkFd(inFd);
  offsetCell[0] = BigInt(offset);
  const moved = c_sendfile(outFd, inFd, offsetBytes, count);
  return moved < 0 ? negativeErrno() : moved;
}

/**
 * `ssize_t splice(int fd_in, NULL, int fd_out, NULL, size_t len, unsigned int flags)`; one of the two is a pipe.
 * @returns bytes moved, 0 at the end of the input, or `-errno`
 * @see man 2 splice
 */
export function splice(fdIn: number, fdOut: number, count: number, flags: number): number {
  checkFd(fdIn);
  checkFd(fdOut);
  const moved = c_splice(fdIn, null, fdOut, null, count, flags);
  return moved < 0 ? negativeErrno() : moved;
}

const pipeCell = new Int32Array(2);
const pipeBytes = new Uint8Array(pipeCell.buffer);

/**
 * `int pipe2(int pipefd[2], int flags)`
 * @returns the end to read from and the end to write to, or `-errno`
 * @see man 2 pipe
 */
export function pipe2(flags: number): [number, number] | number {
  const result = c_pipe2(pipeBytes, flags);
  return result < 0 ? negativeErrno() : [pipeCell[0] as number, pipeCell[1] as number];
}
