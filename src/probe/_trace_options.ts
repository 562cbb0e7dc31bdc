/** The options of a trace, and their checks. */
import type { Family, Resolver } from "../names/index.ts";
import { checkDelay, type HostAddr, IP, IPV6, type OptionSetting, SO } from "../socket/index.ts";
import type { TraceMethod } from "./trace_hop.ts";

export interface TraceOptions {
  /** `"udp"` by default, which needs no privilege. */
  readonly method?: TraceMethod | undefined;
  /**
   * The destination port of UDP probes: 33434 for the first one and then one more each, by default; with `fixedPort` all have
   * it, 53 by default. Of TCP probes, 80 by default. The first sequence number of ICMP probes, 1 by default.
   */
  readonly port?: number | undefined;
  /** UDP probes all go to one port. False by default. */
  readonly fixedPort?: boolean | undefined;
  /**
   * Of TCP: `"raw"` sends single SYNs, to which the target's program sees nothing, and needs CAP_NET_RAW; `"connect"` opens
   * connections, and resets them. Of ICMP: `"ping"` or `"raw"`. By default whichever this process may use; of TCP `"raw"`
   * first, of ICMP `"ping"`.
   */
  readonly socket?: "raw" | "connect" | "ping" | undefined;
  /** The time to live, or hop limit, of the first probes: 1 by default. */
  readonly firstTtl?: number | undefined;
  /** The largest one: 30 by default. */
  readonly maxTtl?: number | undefined;
  /** So many probes with each: 3 by default, at most 10. */
  readonly queries?: number | undefined;
  /** So many probes may be on their way at once: 16 by default. */
  readonly window?: number | undefined;
  /** How long a probe waits for its answer at most: 5000 by default. */
  readonly timeoutMs?: number | undefined;
  /**
   * A probe waits no longer than so many times the round-trip time of an answer of its hop, `here`, or else of the next hop
   * that has answered, `near`; but 100 ms at least, and `timeoutMs` at most. 0 never shortens the wait. 3 and 10 by default.
   */
  readonly patience?: { readonly here: number; readonly near: number } | undefined;
  /** From one probe to the next, at least: 0 by default. */
  readonly sendIntervalMs?: number | undefined;
  /** The length of probes with their IP header: 60 over IPv4 and 80 over IPv6 by default; of TCP it is always that. */
  readonly packetBytes?: number | undefined;
  /** No router may fragment the probes, nor this host. False by default. */
  readonly dontFragment?: boolean | undefined;
  /** Finds the path's MTU: begins with long packets, and shortens them wherever they do not pass. One probe at a time; not of TCP. */
  readonly mtu?: boolean | undefined;
  /** The address to send from. */
  readonly localAddr?: HostAddr | undefined;
  /** The interface to send by. */
  readonly device?: string | undefined;
  /** The TOS octet, or traffic class: 0 to 255. */
  readonly tos?: number | undefined;
  /** Only addresses of this family. */
  readonly family?: Family | undefined;
  /** Who resolves the name; the system by default. */
  readonly resolver?: Resolver | undefined;
  /** Ends the trace: its iteration rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** The options, with their defaults. */
export interface TraceSettings extends TraceOptions {
  readonly method: TraceMethod;
  readonly port: number;
  readonly fixedPort: boolean;
  readonly firstTtl: number;
  readonly maxTtl: number;
  readonly queries: number;
  readonly window: number;
  readonly timeoutMs: number;
  readonly patience: { readonly here: number; readonly near: number };
  readonly sendIntervalMs: number;
  readonly dontFragment: boolean;
  readonly mtu: boolean;
}

const MAX_PACKET = 65535;
/** What a trace for the MTU begins with. */
const LONG_PACKET = 65000;
/** Behind the IP header, where nothing else is asked for. */
const USUAL_BYTES = 40;

export const IP_HEADER = { ipv4: 20, ipv6: 40 } as const;

function checkWhole(name: string, value: unknown, min: number, max: number): void {
  if (value === undefined) return;
  if (typeof value !== "number") throw new TypeError(`${name}: expected a number, got ${typeof value}`);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`${name}: expected a whole number from ${min} to ${max}, got ${value}`);
  }
}

function checkOneOf(name: string, value: unknown, words: readonly string[]): void {
  if (value === undefined || words.includes(value as string)) return;
  const list = words.map((word) => JSON.stringify(word)).join(", ");
  throw new TypeError(`${name}: expected one of ${list}, got ${String(value)}`);
}

function checkFactor(name: string, value: unknown): void {
  if (typeof value !== "number") throw new TypeError(`${name}: expected a number, got ${typeof value}`);
  if (!(value >= 0)) throw new RangeError(`${name}: expected 0 or more, got ${value}`);
}

const SOCKETS: Readonly<Record<TraceMethod, readonly string[]>> = {
  udp: [],
  icmp: ["ping", "raw"],
  tcp: ["raw", "connect"],
};

const PORTS: Readonly<Record<TraceMethod, number>> = { udp: 33434, icmp: 1, tcp: 80 };
const FIXED_UDP_PORT = 53;

/** @throws {TypeError | RangeError} that names the option */
export function checkTraceOptions(options: TraceOptions): TraceSettings {
  const { method = "udp", fixedPort = false, mtu = false, dontFragment = mtu } = options;
  const { firstTtl = 1, maxTtl = 30, queries = 3, window = mtu ? 1 : 16 } = options;
  const { timeoutMs = 5000, sendIntervalMs = 0, patience = { here: 3, near: 10 } } = options;
  checkOneOf("method", method, ["udp", "icmp", "tcp"]);
  const { socket, port = fixedPort ? FIXED_UDP_PORT : PORTS[method] } = options;
  checkWhole("port", port, method === "icmp" ? 0 : 1, 0xffff);
  if (fixedPort && method !== "udp")
    throw new TypeError(`fixedPort: expected the method "udp", got ${method}`);
  if (socket !== undefined && !SOCKETS[method].includes(socket)) {
    const words = SOCKETS[method].map((word) => JSON.stringify(word)).join(" or ");
    throw new TypeError(`socket: expected ${words || "none"} with ${method}, got ${String(socket)}`);
  }
  checkWhole("maxTtl", maxTtl, 1, 255);
  checkWhole("firstTtl", firstTtl, 1, 255);
  if (firstTtl > maxTtl)
    throw new RangeError(`firstTtl: expected at most maxTtl, ${maxTtl}, got ${firstTtl}`);
  checkWhole("queries", queries, 1, 10);
  checkWhole("window", window, 1, 1024);
  checkDelay("timeoutMs", timeoutMs);
  checkDelay("sendIntervalMs", sendIntervalMs);
  checkFactor("patience.here", patience.here);
  checkFactor("patience.near", patience.near);
  checkWhole("packetBytes", options.packetBytes, 0, MAX_PACKET);
  checkWhole("tos", options.tos, 0, 255);
  checkOneOf("family", options.family, ["ipv4", "ipv6"]);
  if (mtu) {
    if (method === "tcp") throw new TypeError("mtu: not of TCP, whose probes have one length");
    if (window !== 1) throw new RangeError(`window: expected 1 with mtu, got ${window}`);
    if (!dontFragment) throw new TypeError("dontFragment: expected true with mtu");
  }
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal)) {
    throw new TypeError("signal: expected an AbortSignal");
  }
  const defaults = { method, port, fixedPort, firstTtl, maxTtl, queries, window, timeoutMs, sendIntervalMs };
  return { ...options, ...defaults, patience, dontFragment, mtu };
}

/** The length of the first probe with its IP header: at least its headers. */
export function packetBytesOf(settings: TraceSettings, family: Family): number {
  const header = IP_HEADER[family];
  const usual = settings.mtu ? LONG_PACKET : header + USUAL_BYTES;
  if (settings.method === "tcp") return usual;
  return Math.max(settings.packetBytes ?? usual, header + 8);
}

/** The setting that limits a probe's way. */
export function hopLimit(family: Family, ttl: number): OptionSetting {
  return family === "ipv4" ? IP.TTL.to(ttl) : IPV6.UNICAST_HOPS.to(ttl);
}

/** What every socket of a trace is set to, beside its hop limit. */
export function traceSettings(settings: TraceSettings, family: Family): OptionSetting[] {
  const { tos, dontFragment } = settings;
  const all: OptionSetting[] = [SO.TIMESTAMPNS.to(true)];
  const discover = dontFragment ? "probe" : "dont"; // "probe" looks at no MTU that is remembered
  if (family === "ipv4") {
    all.push(IP.RECVERR.to(true), IP.RECVTTL.to(true), IP.MTU_DISCOVER.to(discover));
    if (tos !== undefined) all.push(IP.TOS.to(tos));
  } else {
    all.push(IPV6.RECVERR.to(true), IPV6.RECVHOPLIMIT.to(true), IPV6.MTU_DISCOVER.to(discover));
    if (tos !== undefined) all.push(IPV6.TCLASS.to(tos));
  }
  return all;
}

/** What is set where the kernel has it, as of Linux 5.9: to be told where the extensions of an ICMP error begin. */
export function extensionSetting(family: Family): OptionSetting {
  return family === "ipv4" ? IP.RECVERR_RFC4884.to(true) : IPV6.RECVERR_RFC4884.to(true);
}
