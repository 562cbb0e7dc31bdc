/** ping: echo requests to a host, and what comes of each, as an asynchronous iteration. */
import { type IpAddr, SocketAddr } from "../ip/index.ts";
import { type HostAddr, SysError, watchWait } from "../socket/index.ts";
import { errno } from "../sys/index.ts";
import { EchoChannel } from "./_echo.ts";
import { EventQueue } from "./_event_queue.ts";
import { PingAccount } from "./_ping_account.ts";
import {
  checkPingOptions,
  MAX_SIZE,
  type PingSessionOptions,
  type PingSettings,
  socketSettings,
} from "./_ping_options.ts";
import { PingRun } from "./_ping_run.ts";
import { type PingStatistics, Tally } from "./_statistics.ts";
import { findRoute, targetAddress } from "./_targets.ts";
import type { PingEvent } from "./ping_event.ts";

/** What a session has found out before its first request. */
export interface PingStart {
  /** The address that is pinged, with port 0. */
  readonly target: SocketAddr;
  /** What this host sends from. */
  readonly localIp: IpAddr;
  /** ICMP's identifier. */
  readonly identifier: number;
  /** The kind of socket. */
  readonly socket: "ping" | "raw";
}

const ended = (): SysError => new SysError(errno.ECANCELED, "socket", { hint: "the session has ended" });

/** While so many events wait to be taken, nothing is sent. */
const MAX_WAITING = 1024;

/**
 * A run of echo requests to one host, which starts when it is iterated over, once. It may be ended at any time, by
 * {@link stop}, by leaving the loop, or by its signal; {@link statistics} hold during the run and after it.
 */
export class PingSession implements AsyncIterableIterator<PingEvent, undefined>, AsyncDisposable {
  readonly #target: HostAddr;
  readonly #settings: PingSettings;
  readonly #queue = new EventQueue<PingEvent>();
  readonly #tally = new Tally();
  #opening: Promise<PingStart> | undefined;
  /** Ends the lookup of a name when the session ends. */
  readonly #lookup = new AbortController();
  #channel: EchoChannel | undefined;
  #run: PingRun | undefined;
  #ended = false;
  #forget: (() => void) | undefined;

  /** @internal See {@link ping}. */
  constructor(target: HostAddr, options: PingSessionOptions) {
    targetAddress(target);
    this.#target = target;
    this.#settings = checkPingOptions(options);
  }

  /**
   * Looks the name up and opens the socket, without sending anything. The iteration does it otherwise.
   * @throws {ResolveError} the name is not known
   * @throws {SysError} `ENETUNREACH`, `EACCES`, `EPERM` (this process may open neither kind of socket) …
   * @throws the signal's reason
   */
  open(): Promise<PingStart> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  async #open(): Promise<PingStart> {
    const settings = this.#settings;
    const { identifier, socket, localAddr, device, broadcast, flowLabel, sizeBytes } = settings;
    const { family: wanted, resolver } = settings;
    const signals = [this.#lookup.signal, ...(settings.signal === undefined ? [] : [settings.signal])];
    const signal = AbortSignal.any(signals);
    signal.throwIfAborted();
    const asked = { family: wanted, resolver, signal, localAddr, device, broadcast };
    const { target, localIp } = await findRoute(this.#target, asked);
    signal.throwIfAborted(); // it may have ended just now
    const { family } = target;
    if (sizeBytes > MAX_SIZE[family]) {
      throw new RangeError(
        `sizeBytes: expected at most ${MAX_SIZE[family]} over ${target.ip}, got ${sizeBytes}`,
      );
    }
    if (flowLabel !== undefined && family === "ipv4") throw new TypeError("flowLabel: IPv4 has none");
    const options = socketSettings(settings, family);
    const channel = EchoChannel.open({ family, identifier, socket, localAddr, device, broadcast, options });
    this.#channel = channel;
    return { target, localIp, identifier: channel.identifier, socket: channel.kind };
  }

  /** Counts and times up to now. */
  statistics(): PingStatistics {
    return this.#tally.statistics();
  }

  /** Ends the session: what was told before can still be taken, then the iteration is over. */
  stop(): void {
    this.#end();
    this.#queue.end();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next event. @throws as {@link open}, once; then the iteration is over */
  async next(): Promise<IteratorResult<PingEvent, undefined>> {
    if (this.#run === undefined && !this.#ended) {
      try {
        const { target } = await this.open();
        this.#begin(target);
      } catch (error) {
        const stopped = this.#ended;
        this.stop();
        if (!stopped) throw error;
      }
    }
    const held = this.#isHeld;
    const result = this.#queue.next();
    if (held && !this.#isHeld) this.#run?.step();
    return result;
  }

  get #isHeld(): boolean {
    return this.#queue.length >= MAX_WAITING;
  }

  /** Ends the session, and forgets what was not taken. */
  async return(): Promise<IteratorResult<PingEvent, undefined>> {
    this.#end();
    this.#queue.clear();
    this.#queue.end();
    return { done: true, value: undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #begin(target: SocketAddr): void {
    const channel = this.#channel;
    if (this.#run !== undefined || this.#ended || channel === undefined) return;
    const settings = this.#settings;
    const { signal, flowLabel } = settings;
    const fail = (reason: unknown): void => {
      this.#end();
      this.#queue.fail(reason);
    };
    this.#forget = watchWait({ signal }, "ping", () => undefined, fail);
    const { ip, zone } = target;
    const to = flowLabel === undefined ? target : SocketAddr.of(ip, 0, { zone, flowInfo: flowLabel });
    const account = new PingAccount(settings, target, this.#tally, this.#queue);
    this.#run = new PingRun(settings, channel, to, account, {
      isHeld: () => this.#isHeld,
      finished: () => this.stop(),
      failed: fail,
    });
    this.#run.step();
  }

  #end(): void {
    this.#ended = true;
    if (this.#channel === undefined) this.#lookup.abort(ended());
    this.#run?.end();
    this.#forget?.();
    this.#forget = undefined;
    this.#channel?.close();
  }
}

/**
 * Sends echo requests to a host, and tells what comes of each: `for await (const event of ping("example.org"))`.
 * Nothing happens before the iteration begins.
 *
 * @param target a name, or an address, with its zone where it needs one: `"fe80::1%eth0"`
 * @throws {TypeError | RangeError} for options that do not fit
 * @see RFC 792, RFC 4443 §4, man 8 ping
 */
export function ping(target: HostAddr, options: PingSessionOptions = {}): PingSession {
  return new PingSession(target, options);
}
