/** What the boxes of the picture hold, in bytes: parts of a whole that add up to it. */

import type { Flow } from "./flow.ts";
import { greatestAt } from "./flow.ts";
import type { Track } from "./track.ts";

/** The send buffer: data that is in flight, data that is not sent, what the kernel's structures take beyond both, and room. */
export interface SendBuffer {
  readonly inFlightBytes: number;
  readonly notSentBytes: number;
  readonly overheadBytes: number;
  readonly freeBytes: number;
  /** What the bar is drawn against. */
  readonly totalBytes: number;
}

export function sendBufferOf({ sender }: Flow): SendBuffer | undefined {
  if (sender === undefined) return undefined;
  const inFlightBytes = sender.get("inFlightBytes") ?? 0;
  const notSentBytes = sender.get("notSentBytes") ?? 0;
  const payload = inFlightBytes + notSentBytes;
  const memory = Math.max(payload, sender.get("sendMemoryBytes") ?? payload);
  const totalBytes = Math.max(memory, sender.get("sendMemoryTotalBytes") ?? memory);
  return {
    inFlightBytes,
    notSentBytes,
    overheadBytes: memory - payload,
    freeBytes: totalBytes - memory,
    totalBytes,
  };
}

/** The receive buffer: data that is not read, what the kernel's structures take beyond it, and room, of which a part is advertised. */
export interface ReceiveBuffer {
  readonly notReadBytes: number;
  readonly overheadBytes: number;
  readonly freeBytes: number;
  readonly windowBytes: number;
  readonly totalBytes: number;
}

export function receiveBufferOf({ receiver }: Flow): ReceiveBuffer | undefined {
  if (receiver === undefined) return undefined;
  const notReadBytes = receiver.get("receiveQueueBytes") ?? 0;
  const memory = Math.max(notReadBytes, receiver.get("receiveMemoryBytes") ?? notReadBytes);
  const totalBytes = Math.max(memory, receiver.get("receiveMemoryTotalBytes") ?? memory);
  const windowBytes = receiver.get("windowAdvertisedBytes") ?? 0;
  return {
    notReadBytes,
    overheadBytes: memory - notReadBytes,
    freeBytes: totalBytes - memory,
    windowBytes,
    totalBytes,
  };
}

/** What the sender may have in flight: the receiver's window, how much of it is used, and the congestion window beside it. */
export interface Allowance {
  readonly windowBytes: number;
  readonly usedBytes: number;
  readonly leftBytes: number;
  readonly congestionWindowBytes: number | undefined;
  readonly scaleBytes: number;
}

export function allowanceOf(flow: Flow, track: Track): Allowance | undefined {
  const { sender, receiver, index } = flow;
  const windowBytes = sender?.get("windowSeenBytes") ?? receiver?.get("windowAdvertisedBytes");
  if (windowBytes === undefined) return undefined;
  const usedBytes = Math.min(windowBytes, sender?.get("inFlightBytes") ?? 0);
  const greatest = Math.max(
    greatestAt(track, flow.senderId, "windowSeenBytes", index),
    greatestAt(track, flow.receiverId, "windowAdvertisedBytes", index),
  );
  return {
    windowBytes,
    usedBytes,
    leftBytes: windowBytes - usedBytes,
    congestionWindowBytes: sender?.get("congestionWindowBytes"),
    scaleBytes: Math.max(windowBytes, greatest, 1),
  };
}
