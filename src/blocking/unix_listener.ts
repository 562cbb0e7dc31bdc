/** UnixListener, blocking: waits at a path or an abstract name and accepts local stream connections. */
import {
  bindUnix,
  checkBacklog,
  checkListening,
  type OptionSetting,
  type OwnedFd,
  type SocketFile,
  type SocketFileOptions,
  toUnixAddr,
  type UnixTarget,
  unixError,
} from "../socket/index.ts";
import * as C from "../sys/index.ts";
import { Listener } from "./_listener.ts";
import { openSocket } from "./_socket.ts";
import { sliceCalls } from "./_wait.ts";
import { UnixStream } from "./unix_stream.ts";

export interface UnixListenOptions extends SocketFileOptions {
  /** How many connections may wait for accept; the kernel caps it at net.core.somaxconn. 4096 by default. */
  readonly backlog?: number | undefined;
  /** What is set before bind, as `SO.PASSCRED.to(true)`, which accepted connections inherit. */
  readonly options?: readonly OptionSetting[] | undefined;
}

/** A socket that listens for local stream connections. */
export class UnixListener extends Listener<UnixStream, C.UnixAddr> {
  readonly #file: SocketFile | undefined;

  private constructor(source: C.Source, file?: SocketFile) {
    super(source);
    this.#file = file;
  }

  /**
   * Binds and listens.
   * @param address a path, `"@name"` for an abstract address, a UnixAddr, or `UnixAddr.UNNAMED`, for which the kernel
   * chooses an abstract name
   * @throws {SysError} `EADDRINUSE` (see `unlinkStale`), `EACCES`, `ENOENT` …
   * @throws {RangeError} a path that is too long for a socket address
   * @see man 7 unix
   */
  static override bind(target: UnixTarget, options: UnixListenOptions = {}): UnixListener {
    const address = toUnixAddr(target);
    const { backlog = C.SOMAXCONN } = options;
    checkBacklog(backlog);
    let file: SocketFile | undefined;
    const source = openSocket("UnixListener", C.AF_UNIX, C.SOCK_STREAM, options.options ?? [], (fd) => {
      file = bindUnix(fd, address, options);
      const result = C.listen(fd, backlog);
      if (result >= 0) return;
      file?.remove();
      throw unixError(result, "listen", address);
    });
    return new UnixListener(source, file);
  }

  /**
   * Takes over a listening local stream socket from elsewhere, such as one that systemd passes (fd 3). Closing it is this
   * object's from now on; its file stays.
   * @throws {TypeError} where it is no listening local stream socket; the fd stays the caller's then
   * @throws {SysError} `EBADF`, `ENOTSOCK`
   */
  static fromFd(fd: number | OwnedFd): UnixListener {
    const what = "a listening local stream socket";
    checkListening(fd, what);
    const make = (own: number): UnixListener => new UnixListener(new C.Source(own, "UnixListener"));
    return UnixListener.adopt(fd, [C.AF_UNIX], C.SOCK_STREAM, what, make);
  }

  /**
   * Stops listening, and removes the file that bind has made, unless `unlinkOnClose` is false or another file has taken
   * its place. Connections that nobody has accepted are reset. A second close does nothing.
   */
  override close(): void {
    if (!this.closed) this.#file?.remove();
    super.close();
  }

  /** @internal */
  protected override accepted(fd: number, peerBytes: Uint8Array): UnixStream {
    sliceCalls(fd); // a local socket inherits no timeouts from its listener
    return UnixStream.fromConnected(fd, peerBytes);
  }
}
