/** UnixAddr: the address of a local socket: a path, a name in Linux's abstract namespace, or none. */
const INSPECT = Symbol.for("nodejs.util.inspect.custom");

/** `sizeof sun_path`, sys/un.h. */
const SUN_PATH_LEN = 108;
/** Without the NUL that ends a path. */
const PATH_MAX_BYTES = SUN_PATH_LEN - 1;
/** An abstract name needs no NUL at its end, but has one in front. */
const NAME_MAX_BYTES = SUN_PATH_LEN - 1;

function bytesOf(what: string, text: unknown): Uint8Array {
  if (typeof text === "string") return new TextEncoder().encode(text);
  if (text instanceof Uint8Array) return new Uint8Array(text); // a copy, and no Buffer
  throw new TypeError(`${what}: expected a string or a Uint8Array, got ${typeof text}`);
}

/** What `struct sockaddr_un` holds. */
export class UnixAddr {
  /** The address of a socket that is bound to nothing, such as both ends of a socketpair. */
  static readonly UNNAMED: UnixAddr = new UnixAddr("unnamed", new Uint8Array());

  readonly kind: "path" | "abstract" | "unnamed";
  readonly #bytes: Uint8Array;

  private constructor(kind: UnixAddr["kind"], bytes: Uint8Array) {
    this.kind = kind;
    this.#bytes = bytes;
    Object.freeze(this);
  }

  /**
   * A path in the file system, relative or absolute.
   * @param path a string is taken as UTF-8; the bytes of a path need not be UTF-8
   * @throws {RangeError} an empty path, one with a NUL, or one of more than 107 bytes
   * @see man 7 unix, "Pathname sockets"
   */
  static path(path: string | Uint8Array): UnixAddr {
    const address = new UnixAddr("path", bytesOf("path", path));
    const bytes = address.#bytes;
    if (bytes.length === 0) throw new RangeError('path: expected at least one character, got ""');
    if (bytes.includes(0)) throw new RangeError(`path: expected no NUL in it, got ${address}`);
    if (bytes.length > PATH_MAX_BYTES) {
      throw new RangeError(
        `path: expected at most ${PATH_MAX_BYTES} bytes, which is all that a socket address has room for, got ` +
          `${bytes.length}: ${address}; a path relative to the working directory may be shorter`,
      );
    }
    return address;
  }

  /**
   * A name in the abstract namespace, which no file stands for and which ends with the last socket that has it.
   * @param name any bytes, NUL too; a string is taken as UTF-8
   * @throws {RangeError} more than 107 bytes
   * @see man 7 unix, "Abstract sockets"
   */
  static abstract(name: string | Uint8Array): UnixAddr {
    const bytes = bytesOf("name", name);
    if (bytes.length > NAME_MAX_BYTES) {
      throw new RangeError(`name: expected at most ${NAME_MAX_BYTES} bytes, got ${bytes.length}`);
    }
    return new UnixAddr("abstract", bytes);
  }

  /**
   * Reads what {@link toString} writes for paths and names that can be printed: `@name` is abstract, as `ss` and `socat` write it;
   * anything else is a path (`./@name` for a file whose name begins with `@`).
   * @throws {RangeError} as {@link path} and {@link abstract}
   */
  static parse(text: string): UnixAddr {
    if (typeof text !== "string") throw new TypeError(`text: expected a string, got ${typeof text}`);
    return text.startsWith("@") ? UnixAddr.abstract(text.slice(1)) : UnixAddr.path(text);
  }

  /** @internal From `sun_path`, whose length the kernel gives: no byte of it is none, a NUL in front is abstract. */
  static fromSunPath(sunPath: Uint8Array): UnixAddr {
    if (sunPath.length === 0) return UnixAddr.UNNAMED;
    if (sunPath[0] === 0) return new UnixAddr("abstract", sunPath.slice(1));
    const end = sunPath.indexOf(0);
    return new UnixAddr("path", sunPath.slice(0, end < 0 ? sunPath.length : end));
  }

  /** @internal `sun_path` with as many bytes as count. */
  toSunPath(): Uint8Array {
    const { length } = this.#bytes;
    // Another program may have bound a path that fills it: there is no room for the NUL then, and no need of it.
    const [before, after] = this.kind === "abstract" ? [1, 0] : [0, this.kind === "path" ? 1 : 0];
    const sunPath = new Uint8Array(Math.min(before + length + after, SUN_PATH_LEN));
    sunPath.set(this.#bytes, before);
    return sunPath;
  }

  /** The path; `undefined` for the other kinds. What is not UTF-8 in it becomes U+FFFD. */
  get path(): string | undefined {
    return this.kind === "path" ? new TextDecoder().decode(this.#bytes) : undefined;
  }

  /** The bytes of the path (a copy); `undefined` for the other kinds. */
  get pathBytes(): Uint8Array | undefined {
    return this.kind === "path" ? this.#bytes.slice() : undefined;
  }

  /** The abstract name (a copy); `undefined` for the other kinds. */
  get name(): Uint8Array | undefined {
    return this.kind === "abstract" ? this.#bytes.slice() : undefined;
  }

  equals(other: UnixAddr): boolean {
    return (
      other instanceof UnixAddr &&
      this.kind === other.kind &&
      this.#bytes.length === other.#bytes.length &&
      this.#bytes.every((byte, i) => byte === other.#bytes[i])
    );
  }

  /**
   * The path, `@name` for an abstract name, with `\x00` for what cannot be printed, or `(unnamed)`. A path that begins
   * with `@` gets a `./` before it.
   */
  toString(): string {
    if (this.kind === "unnamed") return "(unnamed)";
    const text = new TextDecoder().decode(this.#bytes);
    const printable = text.replace(/\p{Cc}/gu, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`);
    if (this.kind === "abstract") return `@${printable}`;
    return printable.startsWith("@") ? `./${printable}` : printable;
  }

  toJSON(): string {
    return this.toString();
  }

  [INSPECT](): string {
    return `UnixAddr(${this.toString()})`;
  }
}
