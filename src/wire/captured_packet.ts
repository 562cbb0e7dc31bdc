/** What a capture file holds: packets, and the interfaces on which they were captured. */
import type { ByteQueue } from "./_byte_queue.ts";
import type { LinkTypeName } from "./link_type.ts";

/** An interface on which packets were captured, as a pcapng file describes it. */
export interface CaptureInterface {
  /** What its packets begin with; a number where it has no name here. */
  readonly linkType: LinkTypeName | number;
  /** The most bytes of a packet that were kept; 0 for no limit. */
  readonly snapLength: number;
  readonly name?: string;
  readonly description?: string;
  /** The filter that was in force, as text. */
  readonly filter?: string;
}

/** One packet of a capture file. */
export interface CapturedPacket {
  /** When it was captured, in nanoseconds since 1970; `undefined` where the file does not say. */
  readonly timestampNs: bigint | undefined;
  /** The bytes that were kept: a view that stays as it is. */
  readonly data: Uint8Array;
  /** How long it was on the wire, in bytes; more than `data.length` where it was cut. */
  readonly lengthBytes: number;
  readonly interface: CaptureInterface;
  readonly direction?: "inbound" | "outbound";
  /** Packets that were lost since the one before it, as far as the file tells. */
  readonly dropped?: bigint;
  readonly comment?: string;
}

/** What both formats are read by: takes one block or record from the queue, if it is there whole. */
export interface CaptureParser {
  /** @returns a packet, `null` for a block that is none, `undefined` until more bytes have come. @throws {WireError} */
  next(queue: ByteQueue): CapturedPacket | null | undefined;
}
