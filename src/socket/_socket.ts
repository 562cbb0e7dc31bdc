/** What every socket has: an fd that it owns, its own address, options, close. */
import type { SocketAddr } from "../ip/index.ts";
import * as C from "../sys/index.ts";
import type { OptionSetting, ReadableOption, WritableOption } from "./options.ts";

const INSPECT = Symbol.for("nodejs.util.inspect.custom");

/** The base of all sockets. Not made directly: see `TcpStream`, `TcpListener`. */
export abstract class Socket implements Disposable, AsyncDisposable {
  /** @internal */
  protected readonly source: C.Source;
  #localBytes: Uint8Array | undefined;
  #localAddr: SocketAddr | undefined;

  /** @internal */
  protected constructor(source: C.Source) {
    this.source = source;
    C.closeWhenForgotten(this, source);
  }

  /** Whether {@link close} was called. */
  get closed(): boolean {
    return this.source.closed;
  }

  /**
   * The address of this side. It stays known after close, if it was asked for before.
   * @throws {SysError} `EBADF` on a closed socket
   * @see man 2 getsockname
   */
  get localAddr(): SocketAddr {
    this.#localAddr ??= addressOf(
      this.#localBytes ?? C.getsockname(this.source.open("getsockname")),
      "getsockname",
    );
    return this.#localAddr;
  }

  /** @internal The kernel's bytes of the address of this side, where they were read anyway. */
  protected set localBytes(bytes: Uint8Array) {
    this.#localBytes = bytes;
  }

  /**
   * What the kernel says of an option.
   * @throws {SysError} such as `ENOPROTOOPT` where this kernel or socket does not have it
   * @see man 2 getsockopt
   */
  getOption<T>(option: ReadableOption<T>): T {
    const bytes = new Uint8Array(option.size);
    const fd = this.source.open("getsockopt");
    const length = C.check(C.getsockopt(fd, option.level, option.optname, bytes), "getsockopt", {
      address: option.name,
    });
    return option.decode(bytes.subarray(0, length));
  }

  /**
   * Sets an option.
   * @throws {TypeError | RangeError} for a value that does not fit
   * @throws {SysError} such as `EPERM` or `ENOPROTOOPT`
   * @see man 2 setsockopt
   */
  setOption<T>(option: WritableOption<T>, value: NoInfer<T>): void {
    applySetting(this.source.open("setsockopt"), option.to(value));
  }

  /** Makes the calls that wait from now on keep the process alive, as they do by default. */
  ref(): this {
    this.source.setReferenced(true);
    return this;
  }

  /** Lets the process end though calls of this socket that are made from now on still wait. */
  unref(): this {
    this.source.setReferenced(false);
    return this;
  }

  /**
   * Closes the fd; a second close does nothing. Calls that still wait reject with `ECANCELED`. Data that the kernel
   * took but has not sent goes on its way; data that was received but not read makes TCP reset the connection.
   */
  close(): void {
    this.source.close();
  }

  /** Such as `TcpStream(127.0.0.1:40000 → 127.0.0.1:2000)`, for console.log. */
  [INSPECT](): string {
    return `${this.source.label}(${this.closed ? "closed" : this.describe()})`;
  }

  /** What {@link INSPECT} says of an open socket. */
  protected describe(): string {
    return this.localAddr.toString();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}

/** @throws {SysError} where a call for an address failed */
export function addressOf(bytes: Uint8Array | number, syscall: string): SocketAddr {
  if (typeof bytes === "number") throw new C.SysError(bytes, syscall);
  const address = C.decodeSockaddr(bytes);
  if (address === undefined) throw new TypeError(`${syscall}: expected an IPv4 or IPv6 address`);
  return address;
}

/** Sets one option on an fd. */
function applySetting(fd: number, setting: OptionSetting): void {
  C.check(C.setsockopt(fd, setting.level, setting.optname, setting.bytes), "setsockopt", {
    address: setting.name,
  });
}

/**
 * Makes a socket, applies the settings, and hands it to `prepare`; closed again where anything throws.
 * @throws {SysError}
 */
export function openSocket(
  address: SocketAddr,
  type: number,
  settings: readonly OptionSetting[],
  prepare: (fd: number) => void,
): number {
  C.startReactor();
  const family = address.ip.version === 4 ? C.AF_INET : C.AF_INET6;
  const fd = C.check(C.socket(family, type | C.SOCK_NONBLOCK | C.SOCK_CLOEXEC, 0), "socket");
  try {
    for (const setting of settings) applySetting(fd, setting);
    prepare(fd);
    return fd;
  } catch (error) {
    C.close(fd);
    throw error;
  }
}
