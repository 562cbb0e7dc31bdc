/** The file of a local socket: made by bind with the permissions asked for, replaced when stale, removed on close. */
import {
  type BigIntStats,
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  lstatSync,
  openSync,
  unlinkSync,
} from "node:fs";
import * as C from "../sys/index.ts";
import { unixError } from "./_unix.ts";

export interface SocketFileOptions {
  /**
   * Replaces a socket file that no socket of this host is bound to any more, as a server leaves it that was killed. A
   * file that is no socket, and one that is in use, stay: that is `EADDRINUSE`. False by default.
   */
  readonly unlinkStale?: boolean | undefined;
  /** Removes the file on close, unless another one has taken its place. True by default. */
  readonly unlinkOnClose?: boolean | undefined;
  /**
   * The permissions of the file, such as 0o600; from the first moment it has no others. Who connects, or sends, needs
   * to be allowed to write. By default 0o777 without the bits of the umask.
   */
  readonly mode?: number | undefined;
}

/** Opens the file itself, not the socket: O_PATH, open(2). */
const O_PATH = 0x200000;
const { O_DIRECTORY, O_NOFOLLOW } = constants;
const PERMISSIONS = 0o777;

/** A file system error of Node's, as this project's. */
function fileError(error: unknown, path: Buffer): unknown {
  if (!(error instanceof Error && "errno" in error && "syscall" in error)) return error;
  return new C.SysError(error.errno as number, error.syscall as string, {
    address: path.toString(),
    cause: error,
  });
}

/** `undefined` where there is no such file, or it cannot be looked at. */
function look(path: Buffer): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true });
  } catch {
    return undefined;
  }
}

/** The path from the root, so that it stays that of the file when the working directory changes. */
function absolute(path: Buffer): Buffer {
  return path[0] === 0x2f ? path : Buffer.concat([Buffer.from(`${process.cwd()}/`), path]);
}

/** The file that a socket was bound to. */
export class SocketFile {
  readonly #path: Buffer;
  readonly #made: BigIntStats;

  private constructor(path: Buffer, made: BigIntStats) {
    this.#path = path;
    this.#made = made;
  }

  /** The file that bind has just made; `undefined` where somebody has removed it already. */
  static at(address: C.UnixAddr): SocketFile | undefined {
    const path = pathOf(address);
    const made = look(path);
    return made?.isSocket() ? new SocketFile(absolute(path), made) : undefined;
  }

  /**
   * Removes the file, if it is still the same one: to be called while the socket is open, since the number of its inode
   * is not given to another file until then. Whoever may not remove it leaves it: the directory may have changed hands.
   */
  remove(): void {
    const now = look(this.#path);
    if (now?.dev !== this.#made.dev || now.ino !== this.#made.ino) return;
    try {
      unlinkSync(this.#path);
    } catch {
      // Stale, then; see unlinkStale.
    }
  }

  /** Gives the file the permissions that the umask has taken from it. @throws {SysError} */
  widen(mode: number): void {
    if ((Number(this.#made.mode) & PERMISSIONS) === mode) return;
    try {
      // By way of an fd: a path could mean another file by now, or lead to one.
      const fd = openSync(this.#path, O_PATH | O_NOFOLLOW);
      try {
        const { dev, ino } = fstatSync(fd, { bigint: true });
        if (dev === this.#made.dev && ino === this.#made.ino) chmodSync(`/proc/self/fd/${fd}`, mode);
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      throw fileError(error, this.#path);
    }
  }
}

function pathOf(address: C.UnixAddr): Buffer {
  return Buffer.from(address.pathBytes as Uint8Array);
}

/** @throws {TypeError | RangeError} */
function checkOptions(address: C.UnixAddr, options: SocketFileOptions): void {
  for (const name of ["unlinkStale", "unlinkOnClose"] as const) {
    const value = options[name];
    if (value !== undefined && typeof value !== "boolean") {
      throw new TypeError(`${name}: expected true or false, got ${String(value)}`);
    }
  }
  const { mode } = options;
  if (mode === undefined) return;
  if (!Number.isInteger(mode) || mode < 0 || mode > PERMISSIONS) {
    throw new RangeError(`mode: expected permissions from 0 to 0o777, got ${String(mode)}`);
  }
  if (address.kind !== "path") {
    throw new TypeError("mode: expected it with a path only: an address without a file has no permissions");
  }
}

/**
 * Binds a socket.
 * @returns the file that is to be removed with it, where there is one
 * @throws {TypeError | RangeError} before any system call
 * @throws {SysError}
 */
export function bindUnix(
  fd: number,
  address: C.UnixAddr,
  options: SocketFileOptions,
): SocketFile | undefined {
  checkOptions(address, options);
  const { unlinkStale = false, unlinkOnClose = true, mode } = options;
  const bytes = C.encodeSockaddrUn(address);
  const isPath = address.kind === "path";
  // bind makes the file with the permissions of the socket itself, as far as the umask allows (net/unix/af_unix.c).
  if (mode !== undefined) setMode(fd, mode, address);
  let result = C.bind(fd, bytes);
  if (isPath && unlinkStale && result === -C.errno.EADDRINUSE) {
    result = locked(pathOf(address), () => (removeStale(address) ? C.bind(fd, bytes) : result));
  }
  if (result < 0) throw unixError(result, "bind", address, unlinkStale);
  if (!isPath || (mode === undefined && !unlinkOnClose)) return undefined;
  const file = SocketFile.at(address);
  try {
    if (mode !== undefined) file?.widen(mode);
  } catch (error) {
    file?.remove();
    throw error;
  }
  return unlinkOnClose ? file : undefined;
}

function setMode(fd: number, mode: number, address: C.UnixAddr): void {
  try {
    fchmodSync(fd, mode);
  } catch (error) {
    throw fileError(error, pathOf(address));
  }
}

/**
 * Whether a socket is bound to a file, of whatever kind and whether it listens or not: a datagram socket that connects
 * disturbs nobody, and only where there is none at all it is refused.
 */
function probe(bytes: Uint8Array): "bound" | "stale" | "gone" {
  const type = C.SOCK_DGRAM | C.SOCK_NONBLOCK | C.SOCK_CLOEXEC;
  const fd = C.check(C.socket(C.AF_UNIX, type, 0), "socket");
  const result = C.connect(fd, bytes);
  C.close(fd);
  if (result === -C.errno.ECONNREFUSED) return "stale";
  return result === -C.errno.ENOENT ? "gone" : "bound"; // EACCES: nobody can tell
}

/**
 * Removes a socket file that no socket is bound to; to be called under {@link locked}.
 * @returns whether there may be none by now
 * @throws {SysError} where it may not be removed
 */
function removeStale(address: C.UnixAddr): boolean {
  const path = pathOf(address);
  const file = look(path);
  if (file === undefined) return true;
  if (!file.isSocket()) return false;
  const state = probe(C.encodeSockaddrUn(address));
  if (state !== "stale") return state === "gone";
  try {
    unlinkSync(path);
  } catch (error) {
    throw fileError(error, path);
  }
  return true;
}

/** How long a lock is waited for, in milliseconds; whoever replaces a file holds it for less than one. */
const LOCK_TRIES = 500;

/**
 * Several processes may find the same stale file at once, and who is last must not remove what the first has bound by
 * then: one after the other, by a lock on the directory. Where it cannot be had, because the directory is not readable,
 * its file system has no locks, or somebody keeps it, that is left to chance.
 */
function locked<T>(path: Buffer, call: () => T): T {
  const slash = path.lastIndexOf(0x2f);
  let fd: number;
  try {
    fd = openSync(slash < 0 ? "." : path.subarray(0, slash + 1), O_DIRECTORY);
  } catch {
    return call();
  }
  try {
    const pause = new Int32Array(new SharedArrayBuffer(4));
    for (let i = 0; i < LOCK_TRIES && C.flock(fd, C.LOCK_EX | C.LOCK_NB) === -C.errno.EWOULDBLOCK; i++) {
      Atomics.wait(pause, 0, 0, 1);
    }
    return call();
  } finally {
    closeSync(fd); // and the lock is gone
  }
}
