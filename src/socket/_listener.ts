/** What every listening socket can do: accept connections, and outlast shortages of files. */
import * as C from "../sys/index.ts";
import { fdNumber, Socket } from "./_socket.ts";
import type { OwnedFd } from "./owned_fd.ts";

export interface AcceptOptions {
  /** How many finished handshakes may wait for accept; the kernel caps it at net.core.somaxconn. 4096 by default. */
  readonly backlog?: number | undefined;
  /**
   * Told when accepting has to pause because the process or the system is out of files or memory. Accepting goes on
   * by itself, and connections wait in the backlog. Without it, a warning is emitted once for each such time.
   */
  readonly onPause?: ((error: C.SysError) => void) | undefined;
}

const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 1000;

/** Out of files or memory: it passes, and trying again at once would only spin. */
const SHORTAGES: readonly number[] = [C.errno.EMFILE, C.errno.ENFILE, C.errno.ENOBUFS, C.errno.ENOMEM];

/** The connection failed before it was accepted: man 2 accept, "Error handling". The next one may be fine. */
export const PASSED_ON: readonly number[] = [
  C.errno.ECONNABORTED,
  C.errno.EINTR,
  C.errno.ENETDOWN,
  C.errno.EPROTO,
  C.errno.ENOPROTOOPT,
  C.errno.EHOSTDOWN,
  C.errno.ENONET,
  C.errno.EHOSTUNREACH,
  C.errno.EOPNOTSUPP,
  C.errno.ENETUNREACH,
  C.errno.EPERM, // firewall rules
];

/** @throws {RangeError} */
export function checkBacklog(backlog: number): void {
  if (!Number.isInteger(backlog) || backlog < 0 || backlog > 0x7fffffff) {
    throw new RangeError(`backlog: expected a whole number from 0 to 2147483647, got ${String(backlog)}`);
  }
}

/** @throws {TypeError} where an fd to be adopted is no socket that listens */
export function checkListening(fd: number | OwnedFd, what: string): void {
  const number = fdNumber(fd);
  const listening = C.getsockoptInt(number, C.SOL_SOCKET, C.SO_ACCEPTCONN);
  if (C.check(listening, "getsockopt", { address: `fd ${number}` }) === 0) {
    throw new TypeError(`fd: expected ${what}, got a socket that does not listen (fd ${number})`);
  }
}

/** A socket that listens, and accepts connections of type `S`. Not made directly: see `TcpListener`, `UnixListener`. */
export abstract class Listener<S, A extends C.AnyAddr> extends Socket<A> {
  readonly #onPause: ((error: C.SysError) => void) | undefined;
  #pauseMs = 0;
  #pauseTimer: NodeJS.Timeout | undefined;

  /** @internal */
  protected constructor(source: C.Source, onPause: ((error: C.SysError) => void) | undefined) {
    super(source);
    this.#onPause = onPause;
  }

  /** @internal Takes ownership of an accepted, non-blocking fd. */
  protected abstract accepted(fd: number, peerBytes: Uint8Array): S;

  /**
   * The next connection. Connections that failed before they were accepted are passed over; where the process or the
   * system is out of files or memory, it waits and goes on (see {@link ListenOptions.onPause}).
   * @throws {SysError} `ECANCELED` where the listener is closed meanwhile
   * @throws the signal's reason, or {@link TimeoutError}; no connection is lost then
   * @see man 2 accept
   */
  accept(options?: C.WaitOptions): Promise<S> {
    return this.source.run("read", "accept", this, () => this.#accept(), options);
  }

  /** The next connection that waits now, or {@link WOULD_BLOCK}. */
  tryAccept(): S | C.WouldBlock {
    this.source.open("accept");
    return this.source.read.first !== undefined ? C.WOULD_BLOCK : this.#accept();
  }

  #accept(): S | C.WouldBlock {
    for (;;) {
      const fd = C.accept4(this.source.fd, C.SOCK_NONBLOCK | C.SOCK_CLOEXEC);
      if (fd >= 0) {
        this.#pauseMs = 0;
        return this.accepted(fd, C.acceptedAddress());
      }
      if (fd === -C.errno.EAGAIN) return C.WOULD_BLOCK;
      if (SHORTAGES.includes(-fd)) {
        this.#pause(new C.SysError(fd, "accept", { address: this.localAddr.toString() }));
        return C.WOULD_BLOCK;
      }
      if (!PASSED_ON.includes(-fd))
        throw new C.SysError(fd, "accept", { address: this.localAddr.toString() });
    }
  }

  /** The kernel will not tell when there are files again: try again later, and later still. */
  #pause(error: C.SysError): void {
    if (this.#pauseMs === 0) {
      if (this.#onPause !== undefined) this.#onPause(error);
      else
        process.emitWarning(`${error.message}; accepting goes on when it can`, {
          type: "WindsockWarning",
          code: error.code,
        });
    }
    if (this.#pauseTimer !== undefined) return; // an event has come, and is no better
    this.#pauseMs = Math.min(Math.max(FIRST_PAUSE_MS, this.#pauseMs * 2), LONGEST_PAUSE_MS);
    this.#pauseTimer = setTimeout(() => {
      this.#pauseTimer = undefined;
      this.source.wake("read");
    }, this.#pauseMs).unref();
  }

  /** Connection after connection, until the listener is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<S, void, undefined> {
    while (!this.closed) {
      let stream: S;
      try {
        stream = await this.accept();
      } catch (error) {
        if (this.closed) return;
        throw error;
      }
      yield stream;
    }
  }
}
