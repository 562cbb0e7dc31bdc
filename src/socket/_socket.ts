/** What every socket has: an fd that it owns, its own address, options, close. */
import type { SocketAddr } from "../ip/index.ts";
import * as C from "../sys/index.ts";
import { attachFilter, type ClassicFilter, detachFilter } from "./_filter.ts";
import {
  applySetting,
  type OptionSetting,
  type ReadableOption,
  readOption,
  type WritableOption,
  writeOption,
} from "./options.ts";
import { OwnedFd } from "./owned_fd.ts";

const INSPECT = Symbol.for("nodejs.util.inspect.custom");

/** The base of all sockets, whose addresses are of type `A`. Not made directly: see `TcpStream`, `UdpSocket` … */
export abstract class Socket<A extends C.AnyAddr = C.AnyAddr> implements Disposable, AsyncDisposable {
  /** @internal */
  protected readonly source: C.Source;
  #localBytes: Uint8Array | undefined;
  #localAddr: A | undefined;

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
  get localAddr(): A {
    this.#localAddr ??= addressOf<A>(
      this.#localBytes ?? C.getsockname(this.source.open("getsockname")),
      "getsockname",
    );
    return this.#localAddr;
  }

  /** @internal The kernel's bytes of the address of this side, where they were read anyway; none to ask again. */
  protected set localBytes(bytes: Uint8Array | undefined) {
    this.#localBytes = bytes;
    this.#localAddr = undefined;
  }

  /**
   * What the kernel says of an option.
   * @throws {SysError} such as `ENOPROTOOPT` where this kernel or socket does not have it
   * @see man 2 getsockopt
   */
  getOption<T>(option: ReadableOption<T>): T {
    return readOption(this.source.open("getsockopt"), option);
  }

  /**
   * Sets an option.
   * @throws {TypeError | RangeError} for a value that does not fit
   * @throws {SysError} such as `EPERM` or `ENOPROTOOPT`
   * @see man 2 setsockopt
   */
  setOption<T>(option: WritableOption<T>, value: NoInfer<T>): void {
    writeOption(this.source.open("setsockopt"), option, value);
  }

  /**
   * Puts a classic BPF filter on the socket, in place of one that it has: what it does not take is as if it had never come.
   * What is queued already stays. On TCP it sees segments, and on UDP the UDP header and what follows.
   * @throws {TypeError | RangeError} for what is no program, before any system call
   * @throws {SysError} `EINVAL` a program that the kernel does not take; `EPERM` a locked filter, SO.LOCK_FILTER
   * @see man 7 socket, SO_ATTACH_FILTER
   */
  attachFilter(filter: ClassicFilter): void {
    attachFilter(this.source.open("setsockopt"), filter);
  }

  /**
   * Takes the filter off.
   * @throws {SysError} `ENOENT` where there is none; `EPERM` a locked filter
   * @see man 7 socket, SO_DETACH_FILTER
   */
  detachFilter(): void {
    detachFilter(this.source.open("setsockopt"));
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
   * Gives the fd away, open and non-blocking: this socket counts as closed from now on. Calls that still wait reject
   * with `ECANCELED`.
   * @throws {SysError} `EBADF` on a closed socket
   */
  intoFd(): OwnedFd {
    return OwnedFd.of(this.source.release());
  }

  /**
   * Closes the fd; a second close does nothing. Calls that still wait reject with `ECANCELED`. Data that the kernel
   * took but has not sent goes on its way; data that was received but not read makes TCP reset the connection. With
   * SO.LINGER above 0 the kernel holds up the whole thread until the data is sent, or so many seconds have passed.
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
export function addressOf<A extends C.AnyAddr>(bytes: Uint8Array | number, syscall: string): A {
  if (typeof bytes === "number") throw new C.SysError(bytes, syscall);
  const address = C.decodeAddress(bytes);
  if (address === undefined) throw new TypeError(`${syscall}: expected an IPv4, IPv6 or local address`);
  return address as A; // the family is the socket's
}

/** AF_INET or AF_INET6. */
export function familyOf(address: SocketAddr): number {
  return address.ip.version === 4 ? C.AF_INET : C.AF_INET6;
}

/** The number of an fd from elsewhere. @throws {TypeError} @throws {SysError} `EBADF` for an OwnedFd that is closed */
export function fdNumber(fd: number | OwnedFd): number {
  const number = fd instanceof OwnedFd ? fd.fd : fd;
  if (!Number.isInteger(number) || number < 0 || number > 0x7fffffff) {
    throw new TypeError(`fd: expected an OwnedFd or the number of an open file, got ${String(fd)}`);
  }
  return number;
}

/**
 * Looks at what an fd from elsewhere is, and makes it close-on-exec, and blocking or not. It stays the caller's.
 * @param domains the families that will do
 * @throws {TypeError} where it is no such socket; nothing has changed then
 * @throws {SysError} `EBADF`, `ENOTSOCK`
 */
export function prepareFd(
  fd: number | OwnedFd,
  domains: readonly number[],
  type: number,
  what: string,
  blocking: boolean,
): number {
  const number = fdNumber(fd);
  const ask = (name: number): number =>
    C.check(C.getsockoptInt(number, C.SOL_SOCKET, name), "getsockopt", { address: `fd ${number}` });
  if (!domains.includes(ask(C.SO_DOMAIN)) || ask(C.SO_TYPE) !== type) {
    throw new TypeError(`fd: expected ${what}, got a socket of another kind (fd ${number})`);
  }
  const flags = C.check(C.fcntl(number, C.F_GETFL), "fcntl");
  const wanted = blocking ? flags & ~C.O_NONBLOCK : flags | C.O_NONBLOCK;
  C.check(C.fcntl(number, C.F_SETFL, wanted), "fcntl");
  C.check(C.fcntl(number, C.F_SETFD, C.FD_CLOEXEC), "fcntl");
  return number;
}

/**
 * Takes over an fd from elsewhere, after a look at what it is; makes it non-blocking and close-on-exec.
 * @throws as {@link prepareFd}; the fd stays the caller's then
 */
export function adoptFd(
  fd: number | OwnedFd,
  domains: readonly number[],
  type: number,
  what: string,
): number {
  C.startReactor();
  const number = prepareFd(fd, domains, type, what, false);
  return fd instanceof OwnedFd ? fd.release() : number;
}

/**
 * Makes a socket, applies the settings, and hands it to `prepare`; closed again where anything throws.
 * @throws {SysError}
 */
export function openSocket(
  family: number,
  type: number,
  settings: readonly OptionSetting[],
  prepare: (fd: number) => void,
  protocol = 0,
): number {
  C.startReactor();
  const fd = C.check(C.socket(family, type | C.SOCK_NONBLOCK | C.SOCK_CLOEXEC, protocol), "socket");
  try {
    for (const setting of settings) applySetting(fd, setting);
    prepare(fd);
    return fd;
  } catch (error) {
    C.close(fd);
    throw error;
  }
}
