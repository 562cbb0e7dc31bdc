/**
 * Probes: what a network answers. Echo requests to hosts, and round-trip times.
 * @module
 */
export type { Damage } from "./_payload.ts";
export type { PingSessionOptions } from "./_ping_options.ts";
export type { PingStatistics, RttStatistics } from "./_statistics.ts";
export { hostText, targetAddress } from "./_targets.ts";
export type { TraceOptions } from "./_trace_options.ts";
export { type PingSession, type PingStart, ping } from "./ping.ts";
export type {
  PingError,
  PingEvent,
  PingLocalError,
  PingNotice,
  PingOutstanding,
  PingReply,
  PingSent,
  PingTimeout,
} from "./ping_event.ts";
export { type TraceSession, trace } from "./trace.ts";
export type {
  TraceAnswer,
  TraceHop,
  TraceMethod,
  TraceProbe,
  TraceReply,
  TraceResult,
  TraceSilence,
  TraceSocket,
  TraceStart,
} from "./trace_hop.ts";
