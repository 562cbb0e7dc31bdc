/** When a ping session sends, when it gives a request up, and when it ends. */
import type { SocketAddr } from "../ip/index.ts";
import { SysError } from "../socket/index.ts";
import { errno, realtimeNs } from "../sys/index.ts";
import { unixMsOf } from "./_clock.ts";
import type { EchoChannel, Heard } from "./_echo.ts";
import type { PingAccount } from "./_ping_account.ts";
import type { PingSettings } from "./_ping_options.ts";

/** How long a request waits where the kernel has no room for it, and the longest silence of a flood. */
const PAUSE_MS = 10;
/** So many tries to send a request that there was no room for, and it has failed. */
const MAX_PAUSES = 100;
/** So many requests go before the event loop has its turn. */
const AT_A_STRETCH = 64;
/** More than 24 days make setTimeout fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

const inTwoTurns = (call: () => void): void => {
  setImmediate(() => setImmediate(call));
};

/** What a run tells its session. */
export interface PingRunner {
  /** Whether so many events wait to be taken that nothing is sent; {@link PingRun.step} goes on. */
  isHeld(): boolean;
  /** It is over. */
  finished(): void;
  /** It is over for a reason that is no answer. */
  failed(reason: unknown): void;
}

/** The course of a session. */
export class PingRun {
  readonly #settings: PingSettings;
  readonly #channel: EchoChannel;
  readonly #to: SocketAddr;
  readonly #account: PingAccount;
  readonly #runner: PingRunner;
  readonly #startMs = performance.now();
  #nextMs: number;
  /** When the session ends for want of replies, once its last request has gone. */
  #lingerMs: number | undefined;
  #pauses = 0;
  #timer: NodeJS.Timeout | undefined;
  #looking = false;
  #ended = false;

  constructor(
    settings: PingSettings,
    channel: EchoChannel,
    to: SocketAddr,
    account: PingAccount,
    runner: PingRunner,
  ) {
    const { preload, intervalMs } = settings;
    this.#settings = settings;
    this.#channel = channel;
    this.#to = to;
    this.#account = account;
    this.#runner = runner;
    this.#nextMs = this.#startMs - (preload - 1) * intervalMs;
    channel.listen(
      (heard) => this.#hear(heard),
      (error) => this.#runner.failed(error),
    );
  }

  /** Stops; the channel stays open. */
  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  /** Whether all requests have gone that are to go. */
  get #allSent(): boolean {
    const { count } = this.#settings;
    return count !== undefined && this.#account.requests.sent >= count;
  }

  /** Enough has come. */
  get #enough(): boolean {
    const { answers, endOnError } = this.#settings;
    if (endOnError && this.#account.tally.errors > 0) return true;
    return answers !== undefined && this.#account.answers >= answers;
  }

  /** Nothing more can come of the requests. */
  get #settled(): boolean {
    const { requests, answers } = this.#account;
    if (requests.open > 0 || !(this.#allSent || this.#enough)) return false;
    return !this.#lingers || this.#enough || answers === requests.sent;
  }

  /** Once a reply has come, the session waits as long for the others as that one took, whatever the timeout of each is. */
  get #lingers(): boolean {
    return this.#allSent && this.#settings.linger === "rtt" && this.#account.tally.maxRttMs !== undefined;
  }

  /** When it ends, whatever is still on its way. */
  get #endMs(): number {
    const { deadlineMs } = this.#settings;
    return deadlineMs === undefined ? Number.POSITIVE_INFINITY : this.#startMs + deadlineMs;
  }

  /** Does what is due, and sets the timer for what comes next. */
  step(): void {
    if (this.#ended) return;
    const { intervalMs, preload } = this.#settings;
    const late = Math.max((preload - 1) * intervalMs, PAUSE_MS); // what was not sent in time, is made up for so far
    let now = performance.now();
    for (let burst = 0; this.#maySend(now) && burst < AT_A_STRETCH; burst++) {
      if (!this.#send()) break;
      now = performance.now();
      this.#nextMs = intervalMs === 0 ? now + PAUSE_MS : Math.max(this.#nextMs + intervalMs, now - late);
    }
    if (this.#ended) return;
    if (this.#settled) {
      this.#finish();
      return;
    }
    // What has come together is heard first: errors of several requests that waited for one address, mostly.
    if (this.#enough) inTwoTurns(() => this.#finish());
    if (this.#dueMs(now) <= now) this.#lookOnce();
    this.#arm(now);
  }

  /** A flood sends the next request as soon as fewer than `preload` are on their way. */
  #maySend(now: number): boolean {
    const { intervalMs, preload } = this.#settings;
    if (this.#allSent || this.#enough || now >= this.#endMs || this.#runner.isHeld()) return false;
    if (this.#nextMs <= now) return true;
    return intervalMs === 0 && this.#pauses === 0 && this.#account.requests.open < preload;
  }

  /** When the oldest request has waited for long enough, or the session has. */
  #dueMs(now: number): number {
    const { timeoutMs, intervalMs } = this.#settings;
    const { requests, tally } = this.#account;
    const oldest = requests.oldest();
    let due = Math.min(
      this.#endMs,
      oldest === undefined ? Number.POSITIVE_INFINITY : oldest.sentMs + timeoutMs,
    );
    if (this.#lingers) {
      this.#lingerMs ??= now + Math.max(2 * (tally.maxRttMs ?? 0), intervalMs);
      due = Math.min(due, this.#lingerMs);
    }
    return due;
  }

  /** A loop that was busy runs its timers before it looks at its sockets: what has come by now is heard first. */
  #lookOnce(): void {
    if (this.#looking) return;
    this.#looking = true;
    inTwoTurns(() => {
      this.#looking = false;
      if (this.#ended) return;
      const now = performance.now();
      if (this.#endMs <= now || (this.#lingerMs !== undefined && this.#lingerMs <= now)) this.#finish();
      else {
        this.#giveUp(now - this.#settings.timeoutMs);
        this.step();
      }
    });
  }

  /** Gives up what was sent until then. */
  #giveUp(untilMs: number): void {
    const { requests } = this.#account;
    for (let one = requests.oldest(); one !== undefined && one.sentMs <= untilMs; one = requests.oldest()) {
      this.#account.giveUp(one);
    }
  }

  /** Ends for want of more to come: what is open has been given up. */
  #finish(): void {
    if (this.#ended) return;
    this.#giveUp(Number.POSITIVE_INFINITY);
    this.#runner.finished();
  }

  #arm(now: number): void {
    clearTimeout(this.#timer);
    const sends = !this.#allSent && !this.#enough && !this.#runner.isHeld();
    const sendMs = sends ? this.#nextMs : Number.POSITIVE_INFINITY;
    const wait = Math.min(sendMs, this.#looking ? Number.POSITIVE_INFINITY : this.#dueMs(now)) - now;
    // Where it is longer, only the socket keeps the process alive.
    if (wait <= MAX_DELAY_MS) this.#timer = setTimeout(() => this.step(), Math.max(wait, 0));
  }

  /** @returns false where there is no room for it now */
  #send(): boolean {
    const { requests, payload, tally } = this.#account;
    const timeNs = realtimeNs();
    if (this.#pauses === 0) this.#account.beforeSending(unixMsOf(timeNs));
    let refused: SysError | undefined;
    let sentMs = performance.now();
    try {
      const result = this.#channel.send((requests.sent + 1) & 0xffff, payload.at(timeNs), this.#to);
      if (typeof result === "number") sentMs = result;
      else if (this.#pause(sentMs)) return false;
      else refused = new SysError(errno.EAGAIN, "send");
    } catch (error) {
      if (!(error instanceof SysError)) {
        this.#runner.failed(error);
        return false;
      }
      if (error.errno === errno.ENOBUFS && this.#pause(sentMs)) return false;
      refused = error;
    }
    this.#pauses = 0;
    tally.timeMs = sentMs - this.#startMs;
    this.#account.sent(sentMs, timeNs, refused);
    return true;
  }

  /** There is no room in the kernel: tries again a little later, but not for ever. */
  #pause(now: number): boolean {
    if (++this.#pauses >= MAX_PAUSES) return false;
    this.#nextMs = now + PAUSE_MS;
    return true;
  }

  #hear(heard: Heard): void {
    if (this.#ended || !this.#account.hear(heard)) return;
    const begins = this.#lingers && this.#lingerMs === undefined;
    if (this.#settled || this.#enough || begins || this.#settings.intervalMs === 0) this.step();
  }
}
