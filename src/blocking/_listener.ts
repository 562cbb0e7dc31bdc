/** What every blocking listening socket can do: accept connections. */
import { PASSED_ON } from "../socket/index.ts";
import * as C from "../sys/index.ts";
import { Socket } from "./_socket.ts";
import { deadlineOf, pollSlice, type WaitOptions } from "./_wait.ts";

/** A socket that listens, and accepts connections of type `S`. Not made directly: see `TcpListener`, `UnixListener`. */
export abstract class Listener<S, A extends C.AnyAddr> extends Socket<A> {
  /** @internal Takes ownership of an accepted, blocking fd. */
  protected abstract accepted(fd: number, peerBytes: Uint8Array): S;

  /**
   * The next connection. Connections that failed before they were accepted are passed over.
   * @throws {SysError} `EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM` where the process or the system is out of files or memory:
   * the connection stays in the backlog, and may be accepted once something was closed
   * @throws {TimeoutError} no connection is lost then
   * @see man 2 accept
   */
  accept(options?: WaitOptions): S {
    const deadline = deadlineOf(options);
    for (;;) {
      const fd = this.#wait(this.source.open("accept"), deadline);
      if (fd >= 0) return this.#take(fd);
      if (fd === -C.errno.EAGAIN) throw this.timedOut("accept", options);
      this.#refuse(fd);
    }
  }

  /** @returns the new fd, or `-errno`; `-EAGAIN` where the time is over */
  #wait(listening: number, deadline: number): number {
    // poll(2) waits, not accept(2): a connection that came after `worker.terminate()` would be accepted, and stay open.
    for (;;) {
      const leftMs = deadline - performance.now();
      const there = leftMs > 0 ? pollSlice(listening, C.POLLIN, leftMs) : C.pollNow(listening, C.POLLIN);
      // accept(2) has no MSG_DONTWAIT: where another process takes the connection first, this waits, for a slice.
      const fd = there > 0 ? C.accept4(listening, C.SOCK_CLOEXEC) : there || -C.errno.EAGAIN;
      if (fd !== -C.errno.EAGAIN && fd !== -C.errno.EINTR) return fd;
      if (leftMs <= 0) return -C.errno.EAGAIN;
    }
  }

  #take(fd: number): S {
    try {
      return this.accepted(fd, C.acceptedAddress());
    } catch (error) {
      C.close(fd);
      throw error;
    }
  }

  /** @throws for an error that is the listener's, and not that of one connection */
  #refuse(number: number): void {
    if (PASSED_ON.includes(-number)) return;
    throw new C.SysError(number, "accept", { address: this.localAddr.toString() });
  }

  /** The next connection that waits now, or {@link WOULD_BLOCK}. */
  tryAccept(): S | C.WouldBlock {
    for (;;) {
      const fd = this.#wait(this.source.open("accept"), 0);
      if (fd >= 0) return this.#take(fd);
      if (fd === -C.errno.EAGAIN) return C.WOULD_BLOCK;
      this.#refuse(fd);
    }
  }

  /**
   * Connection after connection, until the listener is closed.
   * @param options of every single accept
   * @throws as {@link accept}
   */
  *incoming(options?: WaitOptions): Generator<S, void, undefined> {
    while (!this.closed) yield this.accept(options);
  }

  /** {@link incoming}, for `for (const peer of listener)`. */
  [Symbol.iterator](): Generator<S, void, undefined> {
    return this.incoming();
  }
}
