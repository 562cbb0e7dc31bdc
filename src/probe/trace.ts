/** trace: the routers on the way to a host, hop by hop, as an asynchronous iteration. */
import type { SocketAddr } from "../ip/index.ts";
import { type HostAddr, SysError, watchWait } from "../socket/index.ts";
import { errno } from "../sys/index.ts";
import { receivedAt } from "./_clock.ts";
import { EventQueue } from "./_event_queue.ts";
import { findRoute, type Route, type TargetOptions, targetAddress } from "./_targets.ts";
import { type Channel, type ChannelOptions, type Hear, type Heard, TooLong } from "./_trace_channel.ts";
import { ConnectChannel } from "./_trace_connect.ts";
import { IcmpChannel } from "./_trace_icmp.ts";
import { checkTraceOptions, packetBytesOf, type TraceOptions, type TraceSettings } from "./_trace_options.ts";
import { endOf, type Pending, TracePlan } from "./_trace_plan.ts";
import { SynChannel } from "./_trace_syn.ts";
import { UdpChannel } from "./_trace_udp.ts";
import type { TraceAnswer, TraceHop, TraceResult, TraceStart } from "./trace_hop.ts";

/** How long a probe waits where the kernel has no room for it. */
const PAUSE_MS = 10;
/** So many times; then it has failed. */
const MAX_PAUSES = 500;

const inTwoTurns = (call: () => void): void => {
  setImmediate(() => setImmediate(call));
};

function openTcp(options: ChannelOptions, hear: Hear): Channel {
  const { socket } = options.settings;
  if (socket !== "connect") {
    try {
      return new SynChannel(options, hear);
    } catch (error) {
      if (socket === "raw" || !(error instanceof SysError) || error.errno !== errno.EPERM) throw error;
    }
  }
  return new ConnectChannel(options, hear);
}

function openChannel(options: ChannelOptions, hear: Hear): Channel {
  const { method } = options.settings;
  if (method === "tcp") return openTcp(options, hear);
  return method === "icmp" ? new IcmpChannel(options, hear) : new UdpChannel(options, hear);
}

/**
 * A trace of the way to one host, which starts when it is iterated over, once. It may be ended at any time, by leaving the
 * loop, or by its signal.
 */
export class TraceSession
  implements AsyncIterableIterator<TraceHop, TraceResult | undefined>, AsyncDisposable
{
  readonly #target: HostAddr;
  readonly #settings: TraceSettings;
  readonly #plan: TracePlan;
  readonly #queue = new EventQueue<TraceHop>();
  readonly #hops: TraceHop[] = [];
  #opening: Promise<TraceStart> | undefined;
  #channel: Channel | undefined;
  #to: SocketAddr | undefined;
  #state: "new" | "running" | "ended" = "new";
  #result: TraceResult | undefined;
  #ids = 0;
  #packetBytes = 0;
  /** Probes that go once more, since they were too long. */
  #again: Pending[] = [];
  #nextMs = 0;
  #pauses = 0;
  #timer: NodeJS.Timeout | undefined;
  #looking = false;
  #forget: (() => void) | undefined;

  /** @internal See {@link trace}. */
  constructor(target: HostAddr, options: TraceOptions) {
    targetAddress(target);
    this.#target = target;
    this.#settings = checkTraceOptions(options);
    this.#plan = new TracePlan(this.#settings);
  }

  /**
   * Looks the name up and opens the sockets, without sending anything. The iteration does it otherwise.
   * @throws {ResolveError} the name is not known
   * @throws {SysError} `ENETUNREACH`, `EACCES` or `EPERM` (echo probes are not for this process) …
   * @throws the signal's reason
   */
  open(): Promise<TraceStart> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  async #open(): Promise<TraceStart> {
    const settings = this.#settings;
    const { family: wanted, resolver, signal, localAddr, device, method, maxTtl } = settings;
    signal?.throwIfAborted();
    const route = await this.#route({ family: wanted, resolver, signal, localAddr, device });
    if (this.#state === "ended")
      throw new SysError(errno.ECANCELED, "socket", { hint: "the trace has ended" });
    const { target, localIp } = route;
    if (target.ip.isMulticast)
      throw new TypeError(`target: expected the address of a host, got ${target.ip}`);
    const { family } = target;
    this.#channel = openChannel({ settings, route, family }, (heard) => this.#hear(heard));
    this.#to = target;
    this.#packetBytes = packetBytesOf(settings, family);
    const { socket } = this.#channel;
    return { target, localIp, method, socket, packetBytes: this.#packetBytes, maxTtl };
  }

  async #route(options: TargetOptions): Promise<Route> {
    try {
      return await findRoute(this.#target, options);
    } catch (error) {
      if (!(error instanceof SysError) || error.errno !== errno.EACCES) throw error;
      const hint = "a broadcast address cannot be traced; or a firewall rule forbids it";
      throw new SysError(error.errno, "connect", { address: error.address, hint, cause: error });
    }
  }

  /** How the trace has ended; undefined before that, and where it was ended. */
  get result(): TraceResult | undefined {
    return this.#result;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next hop, in order; at the end {@link result}. @throws as {@link open}, once; then the iteration is over */
  async next(): Promise<IteratorResult<TraceHop, TraceResult | undefined>> {
    if (this.#state === "new") {
      try {
        await this.open();
        this.#begin();
      } catch (error) {
        const ended = (this.#state as string) === "ended"; // left meanwhile
        this.#end();
        this.#queue.end();
        if (!ended) throw error;
      }
    }
    const result = await this.#queue.next();
    return result.done === true ? { done: true, value: this.#result } : result;
  }

  /** Ends the trace, and forgets what was not taken. */
  async return(): Promise<IteratorResult<TraceHop, TraceResult | undefined>> {
    this.#end();
    this.#queue.clear();
    this.#queue.end();
    return { done: true, value: this.#result };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #begin(): void {
    if (this.#state !== "new") return;
    this.#state = "running";
    const { signal } = this.#settings;
    this.#forget = watchWait(
      { signal },
      "trace",
      () => undefined,
      (reason) => this.#fail(reason),
    );
    this.#nextMs = performance.now();
    this.#step();
  }

  #end(): void {
    this.#state = "ended";
    clearTimeout(this.#timer);
    this.#forget?.();
    this.#forget = undefined;
    this.#channel?.[Symbol.dispose]();
  }

  #fail(reason: unknown): void {
    if (this.#state === "ended") return;
    this.#end();
    this.#queue.fail(reason);
  }

  /** Does what is due, and sets the timer for what comes next. */
  #step(): void {
    if (this.#state !== "running") return;
    let now = performance.now();
    while (this.#nextMs <= now) {
      const probe = this.#again.shift() ?? this.#plan.next();
      if (probe === undefined) break;
      try {
        if (!this.#send(probe)) break;
      } catch (error) {
        this.#fail(error);
        return;
      }
      now = performance.now();
      if (this.#channel?.socket === "connect") break; // the time of what has no timestamp is told by when it is heard
    }
    this.#tell();
    if ((this.#state as string) === "ended") return;
    if (this.#plan.dueMs() <= now) this.#lookOnce();
    this.#arm(now);
  }

  /** Sends a probe, shorter where this host does not send it as it is. @returns false where there is no room for it now */
  #send(probe: Pending): boolean {
    const channel = this.#channel as Channel;
    const id = this.#ids++;
    const sent = channel.send({ id, ttl: probe.ttl, packetBytes: this.#packetBytes });
    if (sent instanceof TooLong) {
      if (!this.#shorten(probe, sent.mtu)) {
        const hint = `the packet has ${this.#packetBytes} bytes, and the interface takes ${sent.mtu}`;
        throw new SysError(errno.EMSGSIZE, "send", { hint });
      }
      this.#again.unshift(probe);
      return true;
    }
    if (typeof sent !== "number") {
      if (++this.#pauses > MAX_PAUSES) throw new SysError(errno.ENOBUFS, "send");
      this.#again.unshift(probe);
      this.#nextMs = performance.now() + PAUSE_MS;
      return false;
    }
    this.#pauses = 0;
    this.#nextMs = Math.max(this.#nextMs, sent) + this.#settings.sendIntervalMs;
    this.#plan.sent(probe, id, sent);
    return true;
  }

  /** Makes this probe and all later ones shorter. @returns false where that is not asked for, or makes nothing shorter */
  #shorten(probe: Pending, mtu: number): boolean {
    if (!this.#settings.mtu || mtu <= 0 || mtu >= this.#packetBytes) return false;
    this.#packetBytes = mtu;
    probe.mtu = mtu;
    return true;
  }

  /** Tells what is complete. */
  #tell(): void {
    for (let hop = this.#plan.takeHop(); hop !== undefined; hop = this.#plan.takeHop()) {
      this.#hops.push(hop);
      if (this.#plan.done) this.#finish();
      this.#queue.push(hop);
    }
    if (this.#state === "ended") this.#queue.end();
  }

  #finish(): void {
    const end = endOf(this.#hops);
    this.#result = { reached: end === "reached", end, hops: this.#hops };
    this.#end();
  }

  /** A loop that was busy runs its timers before it looks at its sockets: what has come by now is heard first. */
  #lookOnce(): void {
    if (this.#looking) return;
    this.#looking = true;
    inTwoTurns(() => {
      this.#looking = false;
      if (this.#state !== "running") return;
      for (const probe of this.#plan.overdue(performance.now())) {
        this.#channel?.forget(probe.id);
        this.#plan.settle(probe, { reply: undefined, mtu: probe.mtu });
      }
      this.#step();
    });
  }

  #arm(now: number): void {
    clearTimeout(this.#timer);
    const more = this.#again.length > 0 || this.#plan.next() !== undefined;
    const sendMs = more ? this.#nextMs : Number.POSITIVE_INFINITY;
    const wait = Math.min(sendMs, this.#looking ? Number.POSITIVE_INFINITY : this.#plan.dueMs()) - now;
    // Longer than this, 24 days, setTimeout cannot wait; the sockets keep the process alive.
    if (wait < 2 ** 31) this.#timer = setTimeout(() => this.#step(), Math.max(wait, 0));
  }

  #hear(heard: Heard): void {
    if (this.#state !== "running") return;
    const probe = this.#plan.find(heard.id);
    if (probe === undefined) return; // late, or once more
    const { reply, nextHopMtu } = heard;
    this.#channel?.forget(heard.id);
    if (reply === "tooBig" && this.#shorten(probe, nextHopMtu ?? 0)) {
      this.#plan.drop(probe);
      this.#again.push(probe);
    } else {
      for (const { id } of this.#plan.settle(probe, this.#answerOf(heard, probe))) this.#channel?.forget(id);
    }
    this.#step();
  }

  #answerOf(heard: Heard, { sentMs, mtu }: Pending): TraceAnswer {
    const { reply, from, annotation, icmp, nextHopMtu, extensions = [], ttl, timestampNs } = heard;
    const measured = heard.rttMs === undefined ? receivedAt(timestampNs, sentMs).atMs - sentMs : heard.rttMs;
    const rttMs = measured ?? undefined;
    const own = from.ip.compare((this.#to as SocketAddr).ip) === 0;
    const reached = icmp === undefined || (own && (reply === "portUnreachable" || annotation === "!P"));
    return { reply, from, rttMs, ttl, reached, annotation, icmp, nextHopMtu, extensions, mtu };
  }
}

/**
 * Traces the way to a host: `for await (const hop of trace("example.org"))`. Nothing happens before the iteration begins.
 *
 * @param target a name, or an address, with its zone where it needs one: `"fe80::1%eth0"`
 * @throws {TypeError | RangeError} for options that do not fit
 * @see man 8 traceroute; RFC 792, RFC 4443, RFC 4884
 */
export function trace(target: HostAddr, options: TraceOptions = {}): TraceSession {
  return new TraceSession(target, options);
}
