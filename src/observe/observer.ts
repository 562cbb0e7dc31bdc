/** Observer: follows connections, and samples what the kernel says of them at a chosen rate. */
import { SocketAddr } from "../ip/index.ts";
import { DiagSocket, parseSocketFilter, type SocketFilter } from "../netlink/diag/index.ts";
import { TcpStream } from "../socket/index.ts";
import { checkWait, errno, SysError, type WaitOptions } from "../sys/index.ts";
import { type Followed, FollowedEnds } from "./_followed.ts";
import { Holders } from "./_holders.ts";
import type { Reading } from "./_reading.ts";
import { Reader, type Source } from "./_sources.ts";
import { Tracker } from "./_tracker.ts";
import type { Sample } from "./sample.ts";

/** What to follow. */
export type ObserveTarget =
  /** Every TCP connection of the namespace. */
  | "all"
  /** One of ours: with the program's own counts, and the other end where that is on this machine. */
  | TcpStream
  | ({ /** Connections with this port at either end. */ readonly port: number } & Without<"port">)
  | ({
      /** One connection, and its other end where that is on this machine. */
      readonly local: SocketAddr | string;
      readonly peer: SocketAddr | string;
    } & Without<"local" | "peer">)
  | ({
      /**
       * What a process has open, its own ends alone; what it had open is followed until it is gone, even if the process has ended. One
       * that is not there has nothing open.
       */
      readonly pid: number;
    } & Without<"pid">)
  | ({
      /** What a filter of `windsock/netlink/diag` lets through, as `"dst 10.0.0.0/8"`. */
      readonly filter: SocketFilter | string;
    } & Without<"filter">);

type TargetKey = "port" | "local" | "peer" | "pid" | "filter";
/** A target is of one kind: two of them are two targets. */
type Without<Key extends TargetKey> = { readonly [Other in Exclude<TargetKey, Key>]?: never };

export interface ObserverOptions {
  /** Samples a second, above 0, at most 1000; 10 unless told. */
  readonly rateHz?: number | undefined;
  /** Whether to tell which processes have a socket open; not unless told: it reads all of /proc every second. */
  readonly holders?: boolean | undefined;
}

const DEFAULT_RATE_HZ = 10;
const MAX_RATE_HZ = 1000;
/** No timer waits longer at once: setTimeout cannot. */
const MAX_SLEEP_MS = 2 ** 30;

/** A target, and what it gave for the last sample. */
interface Asked {
  readonly source: Source;
  last: readonly Reading[];
}

/**
 * Samples connections. Each sample is taken when it is asked for: who is slow misses some, and nothing piles up.
 *
 * ```ts
 * using observer = Observer.open({ port: 2000 }, { rateHz: 10 });
 * for await (const { ends } of observer) {
 *   for (const end of ends) console.log(end.local, end.inFlightBytes, end.windowSeenBytes, end.waiting);
 * }
 * ```
 */
export class Observer implements AsyncIterable<Sample>, Disposable {
  readonly rateHz: number;
  readonly #diag: DiagSocket;
  readonly #reader: Reader;
  readonly #targets = new Map<ObserveTarget, Asked>();
  readonly #ends = new FollowedEnds();
  readonly #tracker = new Tracker(this.#ends);
  readonly #holders: Holders | undefined;
  readonly #waiting = new Set<() => void>();
  #closed = false;
  readonly #startMs = performance.now();

  private constructor(diag: DiagSocket, rateHz: number, holders: boolean) {
    this.rateHz = rateHz;
    this.#diag = diag;
    this.#reader = new Reader(diag, this.#ends);
    this.#holders = holders ? new Holders() : undefined;
  }

  /**
   * An observer of the namespace that the calling thread is in.
   * @throws {RangeError | TypeError | AddressError | SocketFilterError} for a rate or a target that is none
   * @throws {SysError} @see man 7 sock_diag
   */
  static open(targets: ObserveTarget | readonly ObserveTarget[], options: ObserverOptions = {}): Observer {
    return Observer.over(DiagSocket.open(), targets, options);
  }

  /** @internal Over a channel at whose other end something else may play the kernel. It is closed with the observer. */
  static over(
    diag: DiagSocket,
    targets: ObserveTarget | readonly ObserveTarget[],
    options: ObserverOptions = {},
  ): Observer {
    const { rateHz = DEFAULT_RATE_HZ, holders = false } = options;
    if (typeof rateHz !== "number" || !(rateHz > 0 && rateHz <= MAX_RATE_HZ)) {
      diag.close();
      throw new RangeError(
        `rateHz: expected a number above 0, at most ${MAX_RATE_HZ}, got ${String(rateHz)}`,
      );
    }
    const observer = new Observer(diag, rateHz, holders);
    try {
      for (const target of Array.isArray(targets) ? targets : [targets]) observer.add(target);
    } catch (error) {
      observer.close();
      throw error;
    }
    return observer;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Follows more from the next sample on.
   * @throws {TypeError | RangeError | AddressError | SocketFilterError} for a target that is none
   * @throws {SysError} `EBADF` for a stream that is closed
   */
  add(target: ObserveTarget): this {
    if (!this.#targets.has(target)) this.#targets.set(target, { source: this.#sourceOf(target), last: [] });
    return this;
  }

  /** Follows it no longer; its connections are not told as ended. @returns whether it was followed */
  delete(target: ObserveTarget): boolean {
    const last = this.#targets.get(target)?.last ?? [];
    const was = this.#targets.delete(target);
    const only = new Set<Followed>(last.map(({ of }) => of));
    for (const others of this.#targets.values()) for (const { of } of others.last) only.delete(of);
    this.#tracker.forget(only);
    return was;
  }

  /**
   * One sample, now.
   * @throws the signal's reason, or {@link TimeoutError}
   * @throws {SysError} `ECANCELED` once it is closed; `EACCES` for a process of somebody else
   * @throws {NetlinkError} what the kernel refuses
   * @throws {TypeError | RangeError} for a filter object that is none, or too long for the kernel
   */
  async sample(options: WaitOptions = {}): Promise<Sample> {
    checkWait(options);
    return this.#sample(options, false);
  }

  async #sample(options: WaitOptions, quick: boolean): Promise<Sample> {
    this.#checkOpen();
    const targets = [...this.#targets];
    let lists: (readonly Reading[])[];
    try {
      lists = await Promise.all(targets.map(([, { source }]) => source(options, quick)));
    } catch (error) {
      this.#checkOpen();
      throw error;
    }
    this.#checkOpen();
    for (const [index, [target, one]] of targets.entries()) {
      // What was deleted meanwhile is not told any more.
      if (this.#targets.get(target) === one) one.last = lists[index] as readonly Reading[];
      else lists[index] = [];
    }
    const now = performance.now();
    const holders = this.#holders?.lookAt(lists, now);
    const { ends, ended } = this.#tracker.next(lists, now, holders);
    return { at: Date.now(), elapsedMs: now - this.#startMs, missed: 0, ends, ended };
  }

  #checkOpen(): void {
    if (this.closed) throw new SysError(errno.ECANCELED, "sample", { hint: "this Observer is closed" });
  }

  /**
   * Samples at the observer's rate, until it is closed. New connections are looked for ten times a second at most, what is known is sampled
   * each time. A moment that came while the last sample was still being worked on is left out,
   * and counted in `missed`.
   * @throws as {@link sample}
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Sample, void, undefined> {
    const periodMs = 1000 / this.rateHz;
    let due = performance.now();
    for (;;) {
      const late = performance.now() - due;
      const missed = late < periodMs ? 0 : Math.floor(late / periodMs);
      due += missed * periodMs;
      if (late < 0) {
        await this.#until(due);
        // Timers of long periods come in pieces, and those of short ones up to a millisecond early.
        if (!this.closed && due - performance.now() > 1) continue;
      }
      if (this.closed) return;
      try {
        const sample = await this.#sample({}, true);
        if (this.closed) return;
        yield missed === 0 ? sample : { ...sample, missed };
      } catch (error) {
        if (this.closed) return;
        throw error;
      }
      due += periodMs;
    }
  }

  /** Waits until a moment of `performance.now()`, or until it is closed. A listener of the signal would cost more than the timer. */
  #until(moment: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(end);
        resolve();
      };
      const timer = setTimeout(end, Math.min(MAX_SLEEP_MS, Math.max(0, moment - performance.now())));
      this.#waiting.add(end);
    });
  }

  #sourceOf(target: ObserveTarget): Source {
    if (target === "all") return this.#reader.dump();
    if (target instanceof TcpStream) return this.#reader.stream(target);
    const keys = keysOf(target);
    const one = keys.length === 1 || keys.join(" ") === "local peer";
    if (one && typeof target === "object") {
      if (target.port !== undefined) {
        const { port } = target;
        if (!(Number.isInteger(port) && port >= 1 && port <= 65535)) {
          throw new RangeError(`port: expected an integer 1 … 65535, got ${told(port)}`);
        }
        const [sport, dport] = [{ sport: { is: "=", port } }, { dport: { is: "=", port } }] as const;
        return this.#reader.dump({ filter: { or: [sport, dport] } });
      }
      if (target.pid !== undefined) {
        const { pid } = target;
        if (!(Number.isInteger(pid) && pid >= 1)) {
          throw new RangeError(`pid: expected an integer above 0, got ${told(pid)}`);
        }
        return this.#reader.process(pid);
      }
      if (target.filter !== undefined) {
        const { filter } = target;
        return this.#reader.dump(typeof filter === "string" ? parseSocketFilter(filter) : { filter });
      }
      if (target.local !== undefined && target.peer !== undefined) {
        return this.#reader.connection(addrOf("local", target.local), addrOf("peer", target.peer));
      }
    }
    throw new TypeError(
      `target: expected "all", a TcpStream, or an object with port, pid, filter, or local and peer, got ${keys.join(", ") || told(target)}`,
    );
  }

  /** Ends the sampling; the connections are left alone. */
  close(): void {
    this.#closed = true;
    for (const end of [...this.#waiting]) end();
    this.#holders?.close();
    this.#diag.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

const KEYS: readonly TargetKey[] = ["port", "pid", "filter", "local", "peer"];

/** Which of a target's keys have a value. */
function keysOf(target: ObserveTarget): TargetKey[] {
  if (typeof target !== "object" || target === null) return [];
  return KEYS.filter((key) => (target as { readonly [Key in TargetKey]?: unknown })[key] !== undefined);
}

function told(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  return typeof value === "object" && value !== null
    ? `an object (${value.constructor?.name})`
    : String(value);
}

function addrOf(key: "local" | "peer", address: SocketAddr | string): SocketAddr {
  if (address instanceof SocketAddr) return address;
  if (typeof address === "string") return SocketAddr.parse(address);
  throw new TypeError(`${key}: expected a SocketAddr or a text such as "127.0.0.1:80", got ${told(address)}`);
}
