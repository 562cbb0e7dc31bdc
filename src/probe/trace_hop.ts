/** What a trace tells, hop by hop. */
import type { IpAddr, SocketAddr } from "../ip/index.ts";
import type { IcmpExtensionObject } from "../wire/index.ts";

/** By what probes are traced. */
export type TraceMethod = "udp" | "icmp" | "tcp";

/** The kind of socket that probes go by; `"connect"` are ordinary TCP connections. */
export type TraceSocket = "udp" | "ping" | "raw" | "connect";

/**
 * What answered a probe: ICMP errors, as they are called in RFC 792 and RFC 4443, or the target itself by an echo reply, a
 * UDP datagram, a TCP SYN and ACK, or a TCP reset. `"error"` is any other ICMP error.
 */
export type TraceReply =
  | "timeExceeded"
  | "portUnreachable"
  | "unreachable"
  | "tooBig"
  | "error"
  | "echoReply"
  | "datagram"
  | "synAck"
  | "reset";

/** A probe that was answered. */
export interface TraceAnswer {
  readonly reply: TraceReply;
  /** Who answered, with port 0; with a zone where the address needs one. */
  readonly from: SocketAddr;
  /**
   * From the call that sent the probe to the kernel's receiving the answer. Undefined where the kernel has sent a probe's SYN
   * again meanwhile, so that nobody knows which one was answered.
   */
  readonly rttMs: number | undefined;
  /** The time to live, or hop limit, that the answer had left; undefined where the kernel does not tell. */
  readonly ttl: number | undefined;
  /** Whether the target itself has answered. */
  readonly reached: boolean;
  /** As traceroute(8) prints it: `"!H"`, `"!N"`, `"!P"`, `"!S"`, `"!F-1300"`, `"!X"`, `"!V"`, `"!C"`, `"!<7>"`; undefined for a time exceeded and for the target. */
  readonly annotation: string | undefined;
  /** Of ICMP, RFC 792, or of ICMPv6, RFC 4443; undefined where something else answered. */
  readonly icmp: { readonly type: number; readonly code: number } | undefined;
  /** The largest packet that would have passed, of a `"tooBig"`. */
  readonly nextHopMtu: number | undefined;
  /** What the router adds, RFC 4884, such as the MPLS labels with which the probe came, RFC 4950. */
  readonly extensions: readonly IcmpExtensionObject[];
  /** Of a trace with `mtu`: from this probe on the packets are no longer than this. */
  readonly mtu: number | undefined;
}

/** A probe that nothing has come of within its time. */
export interface TraceSilence {
  readonly reply: undefined;
  /** As of {@link TraceAnswer}. */
  readonly mtu: number | undefined;
}

/** What came of a probe. */
export type TraceProbe = TraceAnswer | TraceSilence;

/** All the probes of one time to live. */
export interface TraceHop {
  /** The time to live, or hop limit, that they were sent with. */
  readonly ttl: number;
  /** As many as `queries`, in the order in which they were sent. */
  readonly probes: readonly TraceProbe[];
}

/** How a trace has ended. */
export interface TraceResult {
  /** Whether the target itself has answered. */
  readonly reached: boolean;
  /** The target was reached; somebody said that it cannot be; or the last hop was probed. */
  readonly end: "reached" | "unreachable" | "maxTtl";
  readonly hops: readonly TraceHop[];
}

/** What a trace has found out before its first probe. */
export interface TraceStart {
  /** The address that is traced, with port 0. */
  readonly target: SocketAddr;
  /** What this host sends from. */
  readonly localIp: IpAddr;
  readonly method: TraceMethod;
  readonly socket: TraceSocket;
  /** The length of a probe with its IP header, in bytes; with `mtu`, of the first one. */
  readonly packetBytes: number;
  readonly maxTtl: number;
}
