/** UnixListener: waits at a path or an abstract name and accepts local stream connections. */
import * as C from "../sys/index.ts";
import { type AcceptOptions, checkBacklog, checkListening, Listener } from "./_listener.ts";
import { adoptFd, openSocket } from "./_socket.ts";
import { toUnixAddr, type UnixTarget, unixError } from "./_unix.ts";
import { bindUnix, type SocketFile, type SocketFileOptions } from "./_unix_file.ts";
import type { OptionSetting } from "./options.ts";
import type { OwnedFd } from "./owned_fd.ts";
import { UnixStream } from "./unix_stream.ts";

export interface UnixListenOptions extends AcceptOptions, SocketFileOptions {
  /** What is set before bind, as `SO.PASSCRED.to(true)`, which accepted connections inherit. */
  readonly options?: readonly OptionSetting[] | undefined;
}

/** A local socket that listens. Not made directly: see `UnixListener`, `UnixSeqpacketListener`. */
export abstract class LocalListener<S> extends Listener<S, C.UnixAddr> {
  readonly #file: SocketFile | undefined;

  /** @internal */
  protected constructor(
    source: C.Source,
    onPause: AcceptOptions["onPause"] | undefined,
    file: SocketFile | undefined,
  ) {
    super(source, onPause);
    this.#file = file;
  }

  /**
   * Stops listening, and removes the file that bind has made, unless `unlinkOnClose` is false or another file has taken
   * its place. Connections that nobody has accepted are reset. A second close does nothing.
   */
  override close(): void {
    if (!this.closed) this.#file?.remove();
    super.close();
  }
}

/** A bound socket that listens. @throws {SysError} */
export function listenUnix(
  type: number,
  target: UnixTarget,
  options: UnixListenOptions,
  label: string,
): { readonly source: C.Source; readonly file: SocketFile | undefined } {
  const address = toUnixAddr(target);
  const { backlog = C.SOMAXCONN } = options;
  checkBacklog(backlog);
  let file: SocketFile | undefined;
  const fd = openSocket(C.AF_UNIX, type, options.options ?? [], (fd) => {
    file = bindUnix(fd, address, options);
    const result = C.listen(fd, backlog);
    if (result >= 0) return;
    file?.remove();
    throw unixError(result, "listen", address);
  });
  return { source: new C.Source(fd, label), file };
}

/** Takes over a listening socket. @throws as {@link adoptFd} */
export function adoptListening(fd: number | OwnedFd, type: number, what: string, label: string): C.Source {
  checkListening(fd, what);
  return new C.Source(adoptFd(fd, [C.AF_UNIX], type, what), label);
}

/** A socket that listens for local stream connections. */
export class UnixListener extends LocalListener<UnixStream> {
  /**
   * Binds and listens.
   * @param address a path, `"@name"` for an abstract address, a UnixAddr, or `UnixAddr.UNNAMED`, for which the kernel
   * chooses an abstract name
   * @throws {SysError} `EADDRINUSE` (see `unlinkStale`), `EACCES`, `ENOENT` …
   * @throws {RangeError} a path that is too long for a socket address
   * @see man 7 unix
   */
  static override bind(address: UnixTarget, options: UnixListenOptions = {}): UnixListener {
    const { source, file } = listenUnix(C.SOCK_STREAM, address, options, "UnixListener");
    return new UnixListener(source, options.onPause, file);
  }

  /**
   * Takes over a listening local stream socket from elsewhere, such as one that systemd passes (fd 3). Closing it is this
   * object's from now on; its file stays.
   * @throws {TypeError} where it is no listening local stream socket; the fd stays the caller's then
   * @throws {SysError} `EBADF`, `ENOTSOCK`
   */
  static fromFd(
    fd: number | OwnedFd,
    options: { readonly onPause?: AcceptOptions["onPause"] } = {},
  ): UnixListener {
    const source = adoptListening(fd, C.SOCK_STREAM, "a listening local stream socket", "UnixListener");
    return new UnixListener(source, options.onPause, undefined);
  }

  /** @internal */
  protected override accepted(fd: number, peerBytes: Uint8Array): UnixStream {
    return UnixStream.fromConnected(fd, peerBytes);
  }
}
