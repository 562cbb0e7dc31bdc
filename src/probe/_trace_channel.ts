/** How a trace sends its probes: what UDP, ICMP and TCP have in common. */
import type { SocketAddr } from "../ip/index.ts";
import type { Family } from "../names/index.ts";
import type { WouldBlock } from "../socket/index.ts";
import type { IcmpExtensionObject } from "../wire/index.ts";
import type { Route } from "./_targets.ts";
import { extensionsIn } from "./_trace_extensions.ts";
import type { TraceSettings } from "./_trace_options.ts";
import type { QueuedError } from "./_trace_socket.ts";
import { errorMeaning } from "./_trace_words.ts";
import type { TraceReply, TraceSocket } from "./trace_hop.ts";

/** What a channel is opened for. */
export interface ChannelOptions {
  readonly settings: TraceSettings;
  readonly route: Route;
  readonly family: Family;
}

/** An answer to a probe. */
export interface Heard {
  /** The number that the probe was sent with. */
  readonly id: number;
  readonly reply: TraceReply;
  readonly from: SocketAddr;
  readonly annotation?: string | undefined;
  readonly icmp?: { readonly type: number; readonly code: number } | undefined;
  readonly nextHopMtu?: number | undefined;
  readonly extensions?: readonly IcmpExtensionObject[] | undefined;
  readonly ttl?: number | undefined;
  /** When the kernel received it, since 1970. */
  readonly timestampNs?: bigint | undefined;
  /** The kernel's own measure; null where it cannot be known. */
  readonly rttMs?: number | null | undefined;
}

export type Hear = (heard: Heard) => void;

/** A probe that is to go. */
export interface Outgoing {
  /** Counts what is sent, from 0. */
  readonly id: number;
  readonly ttl: number;
  /** With the IP header. */
  readonly packetBytes: number;
}

/** This host does not send a probe that is as long; one of so many bytes it would. */
export class TooLong {
  readonly mtu: number;

  constructor(mtu: number) {
    this.mtu = mtu;
  }
}

export interface Channel extends Disposable {
  readonly socket: TraceSocket;
  /**
   * Sends a probe. What comes of it is heard later, never within this call.
   * @returns just before it went, as performance.now() counts
   * @throws {SysError}
   */
  send(probe: Outgoing): number | WouldBlock | TooLong;
  /** What comes of this probe is not wanted any more. */
  forget(id: number): void;
}

/** What an ICMP error says of a probe. @param stripped how much of the quoted packet the kernel has kept to itself, in bytes */
export function heardError(id: number, family: Family, error: QueuedError, stripped: number): Heard {
  const { type, code, mtu, from, data, told, ancillary } = error;
  const { reply, annotation } = errorMeaning(family, type, code, mtu);
  return {
    id,
    reply,
    annotation,
    from,
    icmp: { type, code },
    nextHopMtu: reply === "tooBig" ? mtu : undefined,
    extensions: extensionsIn(data, stripped, told),
    ttl: ancillary.ttl,
    timestampNs: ancillary.timestampNs,
  };
}

/** What probes carry, as traceroute(8) fills them. */
export function filler(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => 0x40 + (i & 0x3f));
}
