/** OwnedFd: an open file that nobody has made a socket of yet: received over a local socket, or given away by one. */
import * as C from "../sys/index.ts";

const INSPECT = Symbol.for("nodejs.util.inspect.custom");

/** An open file descriptor with an owner: closed by {@link close}, by `using`, and with a warning where it is forgotten. */
export class OwnedFd implements Disposable {
  readonly #source: C.Source;

  private constructor(source: C.Source) {
    this.#source = source;
    C.closeWhenForgotten(this, source);
  }

  /**
   * Takes ownership of an open fd.
   * @throws {TypeError} for anything but an integer from 0 up
   * @throws {SysError} `EBADF` where no file is open under this number
   */
  static of(fd: number): OwnedFd {
    if (!Number.isInteger(fd) || fd < 0 || fd > 0x7fffffff) {
      throw new TypeError(`fd: expected the number of an open file, got ${String(fd)}`);
    }
    C.check(C.fcntl(fd, C.F_GETFD), "fcntl", { address: `fd ${fd}` });
    return new OwnedFd(new C.Source(fd, "OwnedFd"));
  }

  /**
   * The number, for one call. It stays this object's.
   * @throws {SysError} `EBADF` once closed or given away
   */
  get fd(): number {
    return this.#source.open("fd");
  }

  /** Whether it was closed or given away. */
  get closed(): boolean {
    return this.#source.closed;
  }

  /**
   * Gives the fd away: closing it is the caller's from now on.
   * @throws {SysError} `EBADF` once closed or given away
   */
  release(): number {
    return this.#source.release();
  }

  /** Closes the fd; a second close does nothing. */
  close(): void {
    this.#source.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  [INSPECT](): string {
    return `OwnedFd(${this.closed ? "closed" : this.fd})`;
  }
}
