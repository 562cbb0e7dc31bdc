/** What every blocking socket has: an fd that it owns, its own address, options, close. */
import {
  addressOf,
  applySetting,
  type OptionSetting,
  OwnedFd,
  prepareFd,
  type ReadableOption,
  readOption,
  type WritableOption,
  writeOption,
} from "../socket/index.ts";
import * as C from "../sys/index.ts";
import {
  checkOption,
  NO_TIMEOUTS,
  setTimeouts,
  sliceCalls,
  type Timeouts,
  timeoutsOf,
  type WaitOptions,
} from "./_wait.ts";

const INSPECT = Symbol.for("nodejs.util.inspect.custom");

/** The base of all sockets, whose addresses are of type `A`. Not made directly: see `TcpStream`, `UdpSocket` … */
export abstract class Socket<A extends C.AnyAddr = C.AnyAddr> implements Disposable {
  /** @internal */
  protected readonly source: C.Source;
  #localAddr: A | undefined;
  /** What SO_RCVTIMEO and SO_SNDTIMEO were before this module set them, for who gets the fd next. */
  #timeouts: Timeouts = NO_TIMEOUTS;

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
    this.#localAddr ??= addressOf<A>(C.getsockname(this.source.open("getsockname")), "getsockname");
    return this.#localAddr;
  }

  /** @internal Has {@link localAddr} ask the kernel again. */
  protected forgetLocalAddr(): void {
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
   * @throws {TypeError | RangeError} for a value that does not fit, and for SO_RCVTIMEO and SO_SNDTIMEO
   * @throws {SysError} such as `EPERM` or `ENOPROTOOPT`
   * @see man 2 setsockopt
   */
  setOption<T>(option: WritableOption<T>, value: NoInfer<T>): void {
    const fd = this.source.open("setsockopt");
    checkOption(option);
    writeOption(fd, option, value);
  }

  /**
   * @internal Takes over an fd from elsewhere, after a look at what it is; makes it blocking and close-on-exec.
   * @param domains the families that will do
   * @throws {TypeError} where it is no such socket; the fd stays the caller's then
   * @throws {SysError} `EBADF`, `ENOTSOCK`
   */
  protected static adopt<S extends Socket>(
    fd: number | OwnedFd,
    domains: readonly number[],
    type: number,
    what: string,
    make: (fd: number) => S,
  ): S {
    const number = prepareFd(fd, domains, type, what, true);
    const timeouts = timeoutsOf(number);
    sliceCalls(number);
    const socket = make(fd instanceof OwnedFd ? fd.release() : number);
    socket.#timeouts = timeouts;
    return socket;
  }

  /**
   * Gives the fd away, open and blocking, with SO_RCVTIMEO and SO_SNDTIMEO as they were before: this socket counts as
   * closed from now on. Its number can be sent to another thread of the process, which takes it over by `fromFd`.
   * @throws {SysError} `EBADF` on a closed socket
   */
  intoFd(): OwnedFd {
    setTimeouts(this.source.open("release"), this.#timeouts);
    return OwnedFd.of(this.source.release());
  }

  /**
   * Closes the fd; a second close does nothing. Data that the kernel took but has not sent goes on its way; data that
   * was received but not read makes TCP reset the connection. With SO.LINGER of some seconds it blocks so
   * long, while there is data to send.
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

  /** @internal The error of a call whose time is over. */
  protected timedOut(syscall: string, options: WaitOptions | undefined): C.TimeoutError {
    const { peer } = this.source;
    const address = peer === undefined ? undefined : C.decodeAddress(peer)?.toString();
    return new C.TimeoutError(syscall, options?.timeoutMs ?? 0, address);
  }

  /** @internal What a call gave, or the error that it means. */
  protected checked(result: number, syscall: string, options?: WaitOptions): number {
    if (result >= 0) return result;
    if (result === -C.errno.EAGAIN) throw this.timedOut(syscall, options);
    throw this.source.error(result, syscall, this.adviceOn(result));
  }

  /** @internal What to do about an error, where the table of `sys/` does not know what kind of socket it is. */
  protected adviceOn(_number: number): string | undefined {
    return undefined;
  }
}

/**
 * Makes a socket, applies the settings, and hands it to `prepare`; closed again where anything throws. It is owned from
 * the first moment: a worker may end while `prepare` waits.
 * @param label the kind of socket, for messages
 * @throws {SysError}
 */
export function openSocket(
  label: string,
  family: number,
  type: number,
  settings: readonly OptionSetting[],
  prepare: (fd: number) => void,
): C.Source {
  for (const setting of settings) checkOption(setting);
  const fd = C.check(C.socket(family, type | C.SOCK_CLOEXEC, 0), "socket");
  const source = new C.Source(fd, label);
  try {
    sliceCalls(fd);
    for (const setting of settings) applySetting(fd, setting);
    prepare(fd);
    return source;
  } catch (error) {
    source.close();
    throw error;
  }
}
