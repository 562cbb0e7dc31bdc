/** Happy Eyeballs: connection attempts to several addresses, staggered; the first that succeeds wins. RFC 8305. */
import type { SocketAddr } from "../ip/index.ts";
import { after, type SysError } from "../sys/index.ts";

/** One attempt to connect, as it stands when it is reported. Times are milliseconds since the connect was called. */
export interface ConnectAttempt {
  readonly address: SocketAddr;
  /** Which attempt it is, from 0. */
  readonly index: number;
  readonly state: "started" | "connected" | "failed" | "cancelled";
  readonly startMs: number;
  /** When it ended; absent while it is under way. */
  readonly endMs?: number;
  /** Why it failed. */
  readonly error?: SysError;
}

/** A connect to a name failed: every attempt with its address, its time and its own error. */
export class ConnectError extends AggregateError {
  override readonly name = "ConnectError";
  /** The errno name that all attempts share, or that of the first. */
  readonly code: string;
  declare readonly errors: SysError[];
  declare readonly attempts: readonly ConnectAttempt[];

  constructor(target: string, attempts: readonly ConnectAttempt[]) {
    const errors = attempts.flatMap((attempt) => attempt.error ?? []);
    const lines = attempts.map((attempt) => `${attempt.address} ${attempt.error?.code ?? attempt.state}`);
    const first = errors[0];
    super(
      errors,
      attempts.length === 1 && first !== undefined
        ? first.message
        : `connect ${target}: none of ${attempts.length} addresses answered (${lines.join(", ")})`,
    );
    this.code = first?.code ?? "ECONNABORTED";
    // Out of the way when the error is printed: `errors` has it all.
    Object.defineProperty(this, "attempts", { value: attempts, enumerable: false });
  }
}

/** A connection that can be closed. */
interface Closable {
  close(): void;
}

export interface RaceOptions<T extends Closable> {
  readonly target: string;
  /** At least one, in the order in which they are tried. */
  readonly addresses: readonly SocketAddr[];
  /** RFC 8305 §5, "Connection Attempt Delay". */
  readonly attemptDelayMs: number;
  readonly startedAt: number;
  readonly onAttempt: ((attempt: ConnectAttempt) => void) | undefined;
  /** Ends the race: what is under way is cancelled. */
  readonly signal: AbortSignal;
  /** Starts one attempt; it rejects with a SysError, or with the signal's reason after having closed what it opened. */
  readonly connect: (address: SocketAddr, signal: AbortSignal) => Promise<T>;
}

/**
 * The next attempt starts when the last one has failed, or after the delay; attempts under way go on, so that a slow
 * handshake still wins. Losers are cancelled and closed before this comes back.
 * @throws {ConnectError} where all have failed
 * @throws the signal's reason
 */
export function race<T extends Closable>(options: RaceOptions<T>): Promise<T> {
  const { signal, addresses } = options;
  const attempts: ConnectAttempt[] = [];
  const underWay = new Map<number, AbortController>();
  const now = (): number => performance.now() - options.startedAt;

  const report = (attempt: ConnectAttempt): void => {
    attempts[attempt.index] = attempt;
    try {
      options.onAttempt?.(attempt);
    } catch (error) {
      queueMicrotask(() => {
        throw error; // the caller's own mistake: reported as uncaught, while the race goes on
      });
    }
  };

  return new Promise<T>((resolve, reject) => {
    let next = 0;
    let settled = false;
    let timer: NodeJS.Timeout | undefined;

    const settle = (): void => {
      settled = true;
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      for (const [index, controller] of underWay) {
        controller.abort();
        report({ ...(attempts[index] as ConnectAttempt), state: "cancelled", endMs: now() });
      }
    };
    const onAbort = (): void => {
      settle();
      reject(signal.reason);
    };

    const startNext = (): void => {
      clearTimeout(timer);
      const index = next++;
      const started: ConnectAttempt = {
        address: addresses[index] as SocketAddr,
        index,
        state: "started",
        startMs: now(),
      };
      const controller = new AbortController();
      underWay.set(index, controller);
      report(started);
      if (settled) return; // by what onAttempt has done
      options.connect(started.address, controller.signal).then(
        (connection) => {
          if (settled) return connection.close();
          underWay.delete(index);
          report({ ...started, state: "connected", endMs: now() });
          if (settled) return connection.close();
          settle();
          resolve(connection);
        },
        (error) => {
          if (settled) return;
          underWay.delete(index);
          report({ ...started, state: "failed", endMs: now(), error });
          if (settled) return;
          if (next < addresses.length) return startNext();
          if (underWay.size > 0) return;
          settle();
          reject(new ConnectError(options.target, attempts));
        },
      );
      if (next < addresses.length) timer = after(options.attemptDelayMs, startNext);
    };

    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    startNext();
  });
}
