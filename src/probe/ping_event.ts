/** What a ping session tells, event by event. */
import type { SocketAddr } from "../ip/index.ts";
import type { SysError } from "../socket/index.ts";
import type { Damage } from "./_payload.ts";

interface Common {
  /** Of the request that it is about: 1 for the first, without end; on the wire it has 16 bits. */
  readonly sequence: number;
  /** When it was, in milliseconds since 1970, with the fraction. Of what is received the kernel tells. */
  readonly unixMs: number;
}

/** An echo reply. Also one that comes after its request's {@link PingTimeout}. */
export interface PingReply extends Common {
  readonly kind: "reply";
  /** Who replied, with port 0; with a zone where the address needs one. */
  readonly from: SocketAddr;
  /** Whether it is another address than the one that was asked, and that is neither a group nor a broadcast address. */
  readonly differentAddress: boolean;
  /** The time to live, or hop limit, that was left; undefined where the kernel did not tell. */
  readonly ttl: number | undefined;
  /** From the call that sent the request to the kernel's receiving the reply. */
  readonly rttMs: number;
  /** Of the ICMP message: 8 more than its payload. */
  readonly lengthBytes: number;
  /** Whether the request had been replied to already. */
  readonly duplicate: boolean;
  /** Whether less came back than was sent. */
  readonly truncated: boolean;
  /** The first byte that is not what was sent; undefined where all are. */
  readonly damage: Damage | undefined;
  /** Whether its ICMP checksum is right. A reply with a wrong one is not counted as received. */
  readonly intact: boolean;
}

/** An ICMP error that a router or a host returned for a request. */
export interface PingError extends Common {
  readonly kind: "error";
  readonly origin: "icmp";
  /** Who sent it, with port 0; undefined where the kernel does not tell. */
  readonly from: SocketAddr | undefined;
  /** Of ICMP, RFC 792, or of ICMPv6, RFC 4443. */
  readonly type: number;
  readonly code: number;
  /** The largest packet that would pass, where the error says so. */
  readonly mtu: number | undefined;
  /** In the words of ping(8): `"Destination Host Unreachable"`, `"Frag needed and DF set (mtu = 1400)"`. */
  readonly text: string;
}

/** This host did not send a request. */
export interface PingLocalError extends Common {
  readonly kind: "error";
  readonly origin: "local";
  readonly from: undefined;
  readonly type: undefined;
  readonly code: undefined;
  /** The largest packet that would pass, where it was too long. */
  readonly mtu: number | undefined;
  /** `"local error: message too long, mtu=1300"`. */
  readonly text: string;
  readonly error: SysError;
}

/** A redirect, or a source quench: the request goes its way all the same. */
export interface PingNotice extends Common {
  readonly kind: "notice";
  readonly from: SocketAddr | undefined;
  readonly type: number;
  readonly code: number;
  readonly text: string;
}

/** Nothing came within `timeoutMs`, or before the session gave up waiting. */
export interface PingTimeout extends Common {
  readonly kind: "timeout";
}

/** A request has gone; only where `report` asks for it. */
export interface PingSent extends Common {
  readonly kind: "sent";
}

/** A request has no reply yet, and the next one is about to go; only where `report` asks for it. */
export interface PingOutstanding extends Common {
  readonly kind: "outstanding";
}

export type PingEvent =
  | PingReply
  | PingError
  | PingLocalError
  | PingNotice
  | PingTimeout
  | PingSent
  | PingOutstanding;
