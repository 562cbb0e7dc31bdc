/** Source: an fd that is owned, with its readiness and the operations that wait for it. */
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDHUP } from "./constants.ts";
import { errno } from "./errno.ts";
import { closeWithThread, keepAfterThread } from "./ffi.ts";
import { close } from "./io_calls.ts";
import {
  keepAlive,
  mayProceed,
  postpone,
  type Registrant,
  type Registration,
  register,
  unregister,
} from "./reactor.ts";
import { addressText, decodeAddress } from "./sockaddr.ts";
import { SysError } from "./sys_error.ts";
import { checkWait, TimeoutError, type WaitOptions, watchWait } from "./wait.ts";

/** What a call that never waits gives where it would have to wait. */
export const WOULD_BLOCK: unique symbol = Symbol("windsock.WOULD_BLOCK");
export type WouldBlock = typeof WOULD_BLOCK;

/** What an attempt gives that could go on without waiting, but lets the event loop have its turn first. */
export const YIELD: unique symbol = Symbol("windsock.YIELD");

/** What an operation waits for: input, room for output, or the error queue (MSG_ERRQUEUE). */
export type Direction = "read" | "write" | "errors";

/** One waiting operation, in the queue of its direction. */
interface Operation {
  readonly syscall: string;
  readonly attempt: () => unknown;
  /** Gives back what the attempts have taken, when the operation ends without a result. */
  readonly undo: (() => void) | undefined;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
  /** Held so that the socket that started it is not collected while it waits. */
  readonly owner: object;
  /** Whether it keeps the process alive. */
  readonly counted: boolean;
  unwatch: (() => void) | undefined;
  next: Operation | undefined;
}

/**
 * One direction: whether it is ready, and who waits for it, in the order of the calls. Operations that the kernel tells
 * nothing of may wait in one of their own, which only {@link Source.wake} wakes.
 */
export class Half {
  /** False once the kernel has said EAGAIN, or a short count has told the same; true again on an event. */
  ready = true;
  #first: Operation | undefined;
  #last: Operation | undefined;

  /** The operation whose turn it is. */
  get first(): Operation | undefined {
    return this.#first;
  }

  add(operation: Operation): void {
    if (this.#last === undefined) this.#first = operation;
    else this.#last.next = operation;
    this.#last = operation;
  }

  /** @returns false where it is not here */
  remove(operation: Operation): boolean {
    let before: Operation | undefined;
    for (let one = this.#first; one !== operation; one = one.next) {
      if (one === undefined) return false;
      before = one;
    }
    if (before === undefined) this.#first = operation.next;
    else before.next = operation.next;
    if (this.#last === operation) this.#last = before;
    return true;
  }
}

/**
 * Owns an fd. Registered with the thread's reactor only when an operation has to wait for the first time.
 * Operations of one direction run in the order in which they were called. After {@link close} the fd number is
 * forgotten, so that no later call can touch whoever has it then.
 */
export class Source implements Registrant {
  /** -1 once closed. */
  fd: number;
  readonly label: string;
  /**
   * A short count means that nothing is left, or no room, and that an event will tell of more (man 7 epoll): unless
   * the peer has ended its side, an error is pending, or a read has stopped short at urgent data.
   */
  shortMeansEmpty = true;
  readonly read = new Half();
  readonly write = new Half();
  readonly errors = new Half();
  /** The kernel's bytes of the peer's address, where there is a peer, for messages. */
  peer: Uint8Array | undefined;
  #registration: Registration | undefined;
  /** Halves that are not the kernel's, while something waits in them. */
  #others: Set<Half> | undefined;
  #referenced = true;

  /** @param label the kind of socket, for messages */
  constructor(fd: number, label: string) {
    this.fd = fd;
    this.label = label;
    closeWithThread(fd);
  }

  get closed(): boolean {
    return this.fd < 0;
  }

  /**
   * The fd, for a system call that is made at once.
   * @throws {SysError} `EBADF` on a closed socket, from our own check
   */
  open(syscall: string): number {
    if (this.fd < 0) throw this.error(errno.EBADF, syscall, `this ${this.label} is closed`);
    return this.fd;
  }

  /** An error of a call on this fd, with the peer's address. */
  error(number: number, syscall: string, hint?: string): SysError {
    return new SysError(number, syscall, { hint, address: this.#peerText() });
  }

  #peerText(): string | undefined {
    const peer = this.peer === undefined ? undefined : decodeAddress(this.peer);
    return peer === undefined ? undefined : addressText(peer);
  }

  /** Whether an operation may be attempted at once: nothing waits before it, and the thread is not overdrawn. */
  mayAttempt(direction: Direction | Half): boolean {
    const half = typeof direction === "string" ? this[direction] : direction;
    return this.fd >= 0 && half.ready && half.first === undefined && mayProceed();
  }

  /**
   * Runs `attempt` now if the direction is ready, and again on every event until it gives something else than
   * {@link WOULD_BLOCK}. What it throws rejects. `attempt` runs only while the operation is wanted: after a
   * cancellation it is not called again, so it may take data from the kernel. `undo` is called, before anything
   * else can run, when the operation ends without a result.
   */
  run<T>(
    direction: Direction | Half,
    syscall: string,
    owner: object,
    attempt: () => T | WouldBlock | typeof YIELD,
    options?: WaitOptions,
    undo?: () => void,
  ): Promise<T> {
    const half = typeof direction === "string" ? this[direction] : direction;
    try {
      this.open(syscall);
      checkWait(options);
      if (this.mayAttempt(half)) {
        const result = attempt();
        if (result === WOULD_BLOCK) half.ready = false;
        else if (result !== YIELD) return Promise.resolve(result);
      }
      if (!half.ready) this.#watchFd(); // else it only waits for its turn
    } catch (error) {
      undo?.();
      return Promise.reject(error);
    }
    return new Promise<T>((resolve, reject) => {
      const operation: Operation = {
        syscall,
        attempt,
        undo,
        resolve: resolve as (value: unknown) => void,
        reject,
        owner,
        counted: this.#referenced,
        unwatch: undefined,
        next: undefined,
      };
      if (options !== undefined) this.#watch(half, operation, options);
      if (operation.counted) keepAlive(1);
      half.add(operation);
      if (half !== this.read && half !== this.write && half !== this.errors) {
        this.#others ??= new Set();
        this.#others.add(half);
      }
      if (half.ready && half.first === operation) this.#drainLater(half); // out of budget, not of data
    });
  }

  /** A socket that never waits costs no epoll_ctl, and no wake-up for whatever happens to it. */
  #watchFd(): void {
    this.#registration ??= register(this.fd, this);
  }

  #watch(half: Half, operation: Operation, options: WaitOptions): void {
    operation.unwatch = watchWait(
      options,
      operation.syscall,
      () => this.#peerText(),
      (reason) => {
        // The loop may have been too busy to see what arrived before the timeout: look once more.
        if (reason instanceof TimeoutError) this.#wake(half);
        this.#cancel(half, operation, reason);
      },
      operation.counted,
    );
  }

  /** Called by the reactor. */
  onReady(events: number): void {
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI)) this.shortMeansEmpty = false;
    if (events & (EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) this.#wake(this.read);
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) this.#wake(this.write);
    if (events & EPOLLERR) this.#wake(this.errors);
  }

  /** Marks the direction ready and lets its operations try. */
  wake(direction: Direction | Half): void {
    this.#wake(typeof direction === "string" ? this[direction] : direction);
  }

  #wake(half: Half): void {
    half.ready = true;
    if (half.first !== undefined) this.#drain(half);
  }

  #drainLater(half: Half): void {
    postpone(() => this.#drain(half));
  }

  #drain(half: Half): void {
    for (let operation = half.first; half.ready && operation !== undefined; operation = half.first) {
      let result: unknown;
      try {
        result = operation.attempt();
      } catch (error) {
        this.#fail(half, operation, error);
        continue;
      }
      if (result === YIELD) {
        this.#drainLater(half);
        return;
      }
      if (result === WOULD_BLOCK) {
        half.ready = false;
        break;
      }
      this.#finish(half, operation);
      operation.resolve(result);
    }
    while (!half.ready && half.first !== undefined) {
      try {
        this.#watchFd();
        return;
      } catch (error) {
        this.#fail(half, half.first, error);
      }
    }
  }

  /** @returns false where it has ended before */
  #finish(half: Half, operation: Operation): boolean {
    if (!half.remove(operation)) return false;
    operation.unwatch?.();
    if (operation.counted) keepAlive(-1);
    if (half.first === undefined) this.#others?.delete(half);
    return true;
  }

  #cancel(half: Half, operation: Operation, reason: unknown): void {
    if (!this.#fail(half, operation, reason)) return;
    if (half.ready && half.first !== undefined) this.#drainLater(half); // what it gave back is the next one's
  }

  #fail(half: Half, operation: Operation, reason: unknown): boolean {
    if (!this.#finish(half, operation)) return false;
    operation.reject(reason); // heard in a microtask, when the undoing is done
    operation.undo?.();
    return true;
  }

  /** Makes later waiting operations keep the process alive (the default), or not. */
  setReferenced(referenced: boolean): void {
    this.#referenced = referenced;
  }

  /** Closes the fd and rejects what waits with `ECANCELED`. A second close does nothing. */
  close(): void {
    if (this.fd < 0) return;
    const fd = this.#letGo();
    close(fd);
    this.#rejectAll("closed");
  }

  /**
   * Gives the open fd away: it is no longer closed with this Source. What waits rejects with `ECANCELED`.
   * @throws {SysError} `EBADF` on a closed socket
   */
  release(): number {
    this.open("release");
    const fd = this.#letGo();
    this.#rejectAll("given away");
    return fd;
  }

  #letGo(): number {
    const fd = this.fd;
    if (this.#registration !== undefined) unregister(fd, this.#registration);
    this.#registration = undefined;
    this.fd = -1;
    keepAfterThread(fd);
    forgotten.unregister(this);
    return fd;
  }

  #rejectAll(how: string): void {
    for (const half of [this.read, this.write, this.errors, ...(this.#others ?? [])]) {
      for (let operation = half.first; operation !== undefined; operation = half.first) {
        const hint = `this ${this.label} was ${how} meanwhile`;
        this.#fail(half, operation, this.error(errno.ECANCELED, operation.syscall, hint));
      }
    }
  }
}

let warned = false;
const forgotten = new FinalizationRegistry<Source>((source) => {
  if (source.closed) return;
  const fd = source.fd;
  source.close();
  if (warned) return;
  warned = true;
  process.emitWarning(
    `a ${source.label} (fd ${fd}) was garbage-collected while open; it is closed now. Close sockets with close(), ` +
      `"using" or "await using". Further ones are closed without a word.`,
    { type: "WindsockWarning", code: "WINDSOCK_FORGOTTEN_SOCKET" },
  );
});

/** Closes `source` once `owner` is garbage-collected, and says so once through `process.emitWarning`. */
export function closeWhenForgotten(owner: object, source: Source): void {
  forgotten.register(owner, source, source);
}
