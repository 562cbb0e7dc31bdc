/** Bytes from a file to a socket, and from socket to socket, without bringing them into the program. */
import * as C from "../sys/index.ts";

/** Options of `sendFile`. */
export interface SendFileOptions extends C.WaitOptions {
  /** Where in the file to begin, in bytes; 0 by default. */
  readonly offset?: number | undefined;
  /** How many bytes to send at most; to the end of the file by default. */
  readonly length?: number | undefined;
}

/** Options of `spliceTo`. */
export interface SpliceOptions extends C.WaitOptions {
  /** How many bytes to move at most; to the end of the stream by default. */
  readonly length?: number | undefined;
}

/** An open file: Node's FileHandle, or its number. */
export type OpenFile = number | { readonly fd: number };

/** How many system calls one operation makes before the event loop has its turn. */
const ROUNDS = 4;
/** How much one call moves: the thread is busy for as long as the file takes to be read. */
const CHUNK = 256 * 1024;
/** The room of a pipe, where the system allows it (/proc/sys/fs/pipe-max-size). */
const PIPE_BYTES = 256 * 1024;
const F_SETPIPE_SZ = 1031;

export function checkAmount(name: string, value: number): void {
  if (typeof value !== "number")
    throw new TypeError(`${name}: expected a number of bytes, got ${typeof value}`);
  if (value !== Number.POSITIVE_INFINITY && !(Number.isSafeInteger(value) && value >= 0)) {
    throw new RangeError(`${name}: expected a whole number of bytes from 0, got ${value}`);
  }
}

export function fileNumber(file: OpenFile): number {
  const fd = typeof file === "object" && file !== null ? file.fd : file;
  if (!Number.isInteger(fd) || fd < 0) {
    throw new TypeError(`file: expected an open FileHandle or the number of an open file, got ${String(fd)}`);
  }
  return fd;
}

/**
 * The attempts that send a file by sendfile(2).
 * @param count is told of every byte that has gone
 */
export function sendingFile(
  source: C.Source,
  file: OpenFile,
  options: SendFileOptions,
  count: (bytes: number) => void,
): () => number | C.WouldBlock | typeof C.YIELD {
  const { offset = 0, length = Number.POSITIVE_INFINITY } = options;
  checkAmount("offset", offset);
  checkAmount("length", length);
  fileNumber(file);
  let sent = 0;
  return () => {
    for (let round = 0; round < ROUNDS; round++) {
      if (sent === length) return sent;
      if (!source.write.ready) return C.WOULD_BLOCK;
      const moved = C.sendfile(source.fd, fileNumber(file), offset + sent, Math.min(length - sent, CHUNK));
      if (moved === -C.errno.EAGAIN) return C.WOULD_BLOCK;
      if (moved === -C.errno.EINTR) continue;
      if (moved < 0) throw source.error(moved, "sendfile", adviceFor(-moved));
      if (moved === 0) return sent; // the end of the file
      sent += moved;
      count(moved);
    }
    return C.YIELD;
  };
}

function adviceFor(number: number): string | undefined {
  if (number === C.errno.EINVAL) return "the file must be a regular one: for pipes and sockets, see spliceTo";
  if (number === C.errno.EBADF) return "the file is not open for reading";
  return undefined;
}

/** What {@link splice} needs of the two streams. */
export interface SpliceEnd {
  readonly source: C.Source;
  readonly owner: object;
}

/** Who keeps the books of {@link splice}. */
export interface SpliceBooks {
  /** So many bytes have left `from`. */
  taken(bytes: number): void;
  /** So many bytes have reached `to`. */
  moved(bytes: number): void;
  /** These bytes have left `from` and will not reach `to`. */
  giveBack(bytes: Uint8Array): void;
}

/**
 * Moves bytes from socket to socket by way of a pipe, until the end of the stream or `length`.
 * @returns how many bytes reached `to`
 */
export async function splice(
  from: SpliceEnd,
  to: SpliceEnd,
  options: SpliceOptions,
  books: SpliceBooks,
): Promise<number> {
  const { length = Number.POSITIVE_INFINITY } = options;
  const pipe = C.pipe2(C.O_CLOEXEC | C.O_NONBLOCK);
  if (typeof pipe === "number") throw new C.SysError(pipe, "pipe2");
  const [readEnd, writeEnd] = pipe;
  C.fcntl(writeEnd, F_SETPIPE_SZ, PIPE_BYTES); // where it is not allowed, 64 KiB do
  const flags = C.SPLICE_F_MOVE | C.SPLICE_F_NONBLOCK;
  let inPipe = 0;
  let moved = 0;
  const fill = (): number | C.WouldBlock => spliced(from.source, from.source.fd, writeEnd, length - moved);
  const drain = (): number | C.WouldBlock => spliced(to.source, readEnd, to.source.fd, inPipe);
  const spliced = (source: C.Source, fdIn: number, fdOut: number, most: number): number | C.WouldBlock => {
    for (;;) {
      const bytes = C.splice(fdIn, fdOut, Math.min(most, PIPE_BYTES), flags);
      if (bytes === -C.errno.EAGAIN) return C.WOULD_BLOCK;
      if (bytes >= 0) return bytes;
      if (bytes !== -C.errno.EINTR) throw source.error(bytes, "splice");
    }
  };
  try {
    while (moved < length) {
      inPipe = await from.source.run("read", "splice", from.owner, fill, options);
      if (inPipe === 0) break; // the end of the stream
      books.taken(inPipe);
      while (inPipe > 0) {
        const bytes = await to.source.run("write", "splice", to.owner, drain, options);
        inPipe -= bytes;
        moved += bytes;
        books.moved(bytes);
      }
    }
    return moved;
  } finally {
    if (inPipe > 0) {
      const rest = new Uint8Array(inPipe);
      const bytes = C.read(readEnd, rest);
      if (bytes > 0) books.giveBack(rest.subarray(0, bytes));
    }
    C.close(readEnd);
    C.close(writeEnd);
  }
}
