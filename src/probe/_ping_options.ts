/** The options of a ping session, and their checks. */
import type { Family, Resolver } from "../names/index.ts";
import { checkBytes, checkDelay, type HostAddr, IP, IPV6, type OptionSetting, SO } from "../socket/index.ts";

export interface PingSessionOptions {
  /** Only addresses of this family. */
  readonly family?: Family | undefined;
  /** So many requests are sent; for ever by default. */
  readonly count?: number | undefined;
  /** The session ends once so many requests have been replied to or come back as errors; never for that reason by default. */
  readonly answers?: number | undefined;
  /** From one request to the next: 1000 by default, fractions too. 0 sends as soon as a reply comes, and every 10 ms where none does. */
  readonly intervalMs?: number | undefined;
  /** How long a request waits for its reply: 10 000 by default; `Infinity` for ever. */
  readonly timeoutMs?: number | undefined;
  /** The session ends after so long, whatever is still on its way; never by default. */
  readonly deadlineMs?: number | undefined;
  /**
   * How long the session waits when the last request has gone: until all are answered or given up, `"timeout"`, which is the
   * default; or, as ping(8) does, once any reply has come, twice the longest round-trip time, but at least an interval: `"rtt"`.
   */
  readonly linger?: "timeout" | "rtt" | undefined;
  /** Ends the session with the first error that ICMP reports. False by default. */
  readonly endOnError?: boolean | undefined;
  /** The payload's length: 56 by default. The first 16 bytes are the time where there is room for it. */
  readonly sizeBytes?: number | undefined;
  /** What fills the payload, over and over; the numbers from 0 by default. */
  readonly pattern?: Uint8Array | undefined;
  /** The time to live, or hop limit, 1 to 255, of requests; the host's default by default. */
  readonly ttl?: number | undefined;
  /** The address to send from. */
  readonly localAddr?: HostAddr | undefined;
  /** The interface to send by. */
  readonly device?: string | undefined;
  /** The TOS octet, or traffic class: 0 to 255. */
  readonly tos?: number | undefined;
  /** IPv6's flow label: 20 bits. */
  readonly flowLabel?: number | undefined;
  /** Path MTU discovery, IP.MTU_DISCOVER: `"do"` forbids fragmenting, `"dont"` allows it to everybody. The host's default by default. */
  readonly mtuDiscovery?: "do" | "dont" | "want" | "probe" | undefined;
  /** Allows broadcast addresses. False by default. */
  readonly broadcast?: boolean | undefined;
  /** ICMP's identifier, 1 to 65535; one of its own by default. */
  readonly identifier?: number | undefined;
  /** So many requests may go before the first reply: 1 by default. */
  readonly preload?: number | undefined;
  /** What is told beside replies, errors and timeouts. */
  readonly report?: readonly ("sent" | "outstanding")[] | undefined;
  /** A ping socket, or a raw one; by default whichever this process may open, in this order. */
  readonly socket?: "ping" | "raw" | undefined;
  /** Who resolves the name; the system by default. */
  readonly resolver?: Resolver | undefined;
  /** Ends the session: its iteration rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** The options, with their defaults. */
export interface PingSettings extends PingSessionOptions {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly preload: number;
  readonly sizeBytes: number;
  readonly linger: "timeout" | "rtt";
}

/** 65535 bytes of IP, without the headers of IPv4 and ICMP; IPv6 does not count its own header. */
export const MAX_SIZE = { ipv4: 65507, ipv6: 65527 } as const;

function checkWhole(name: string, value: unknown, min: number, max: number): void {
  if (value === undefined) return;
  if (typeof value !== "number") throw new TypeError(`${name}: expected a number, got ${typeof value}`);
  if (!Number.isInteger(value) || value < min || value > max) {
    const range = max === Number.MAX_SAFE_INTEGER ? `from ${min} up` : `from ${min} to ${max}`;
    throw new RangeError(`${name}: expected a whole number ${range}, got ${value}`);
  }
}

function checkOneOf(name: string, value: unknown, words: readonly string[]): void {
  if (value === undefined || words.includes(value as string)) return;
  const list = words.map((word) => JSON.stringify(word)).join(", ");
  throw new TypeError(`${name}: expected one of ${list}, got ${String(value)}`);
}

/** @throws {TypeError | RangeError} that names the option */
export function checkPingOptions(options: PingSessionOptions): PingSettings {
  const { intervalMs = 1000, timeoutMs = 10_000, preload = 1, sizeBytes = 56, linger = "timeout" } = options;
  const many = Number.MAX_SAFE_INTEGER;
  checkOneOf("family", options.family, ["ipv4", "ipv6"]);
  checkWhole("count", options.count, 1, many);
  checkWhole("answers", options.answers, 1, many);
  checkDelay("intervalMs", intervalMs);
  checkDelay("timeoutMs", timeoutMs);
  if (options.deadlineMs !== undefined) checkDelay("deadlineMs", options.deadlineMs);
  checkOneOf("linger", linger, ["timeout", "rtt"]);
  checkWhole("sizeBytes", sizeBytes, 0, MAX_SIZE[options.family ?? "ipv6"]);
  if (options.pattern !== undefined) checkBytes("pattern", options.pattern);
  checkWhole("ttl", options.ttl, 1, 255);
  checkWhole("tos", options.tos, 0, 255);
  checkWhole("flowLabel", options.flowLabel, 0, 0xfffff);
  checkOneOf("mtuDiscovery", options.mtuDiscovery, ["do", "dont", "want", "probe"]);
  checkWhole("identifier", options.identifier, 1, 0xffff);
  checkWhole("preload", preload, 1, 0x10000);
  checkOneOf("socket", options.socket, ["ping", "raw"]);
  for (const word of options.report ?? []) checkOneOf("report", word, ["sent", "outstanding"]);
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal)) {
    throw new TypeError("signal: expected an AbortSignal");
  }
  return { ...options, intervalMs, timeoutMs, preload, sizeBytes, linger };
}

/** What a request takes of a receive buffer, about: include/linux/skbuff.h, SKB_TRUESIZE. */
const memoryOf = (sizeBytes: number): number => sizeBytes + 768 * Math.ceil((sizeBytes + 8) / 512);

/** What the socket is set to. */
export function socketSettings(settings: PingSettings, family: "ipv4" | "ipv6"): OptionSetting[] {
  const { ttl, tos, mtuDiscovery, flowLabel, preload, sizeBytes } = settings;
  const all: OptionSetting[] = [];
  if (family === "ipv4") {
    if (ttl !== undefined) all.push(IP.TTL.to(ttl), IP.MULTICAST_TTL.to(ttl));
    if (tos !== undefined) all.push(IP.TOS.to(tos));
    if (mtuDiscovery !== undefined) all.push(IP.MTU_DISCOVER.to(mtuDiscovery));
  } else {
    if (ttl !== undefined) all.push(IPV6.UNICAST_HOPS.to(ttl), IPV6.MULTICAST_HOPS.to(ttl));
    if (tos !== undefined) all.push(IPV6.TCLASS.to(tos));
    if (mtuDiscovery !== undefined) all.push(IPV6.MTU_DISCOVER.to(mtuDiscovery));
    if (flowLabel !== undefined) all.push(IPV6.FLOWINFO_SEND.to(true));
  }
  const room = preload * memoryOf(sizeBytes);
  if (room > 200_000) all.push(SO.RCVBUF.to(Math.min(room, 0x3fff_ffff))); // the usual one holds that much
  return all;
}
