/** Why a sender waits, from what the kernel says of it. */
import type { Reading } from "./_reading.ts";
import type { EndSample } from "./end_sample.ts";
import type { WaitReason } from "./waiting.ts";

/** TCP_CA_Recovery, include/net/tcp.h: from here on a loss is being repaired. */
const RECOVERY = 3;

/** @param sendBufferHolds whether the program waits for room, if all that was written is on its way */
export function waitReason(
  now: EndSample,
  { persisting, info, sendQueue }: Reading,
  sendBufferHolds: boolean,
): WaitReason {
  switch (now.state) {
    case "syn-sent":
    case "syn-recv":
    case "new-syn-recv":
      return "connecting";
    case "established":
    case "close-wait":
      break;
    case "fin-wait-1":
    case "closing":
    case "last-ack":
      // The program has ended its side; what it wrote before may still wait for its turn.
      if ((now.notSentBytes ?? 0) === 0) return "closed";
      break;
    default:
      return "closed";
  }
  // Before Linux 4.6 nobody tells how much of the queue was sent.
  const { notSentBytes = 0, inFlightBytes = sendQueue, mssBytes = 1 } = now;
  if (inFlightBytes > 0) {
    if ((info?.tcpi_ca_state ?? 0) >= RECOVERY || (info?.tcpi_retransmits ?? 0) > 0) return "loss-recovery";
  } else if (notSentBytes === 0) return "nothing-to-send";
  if (notSentBytes === 0) return sendBufferHolds ? "send-buffer" : "application";
  const { windowSeenBytes, inFlightSegments, congestionWindowSegments } = now;
  // In tcp_write_xmit()'s order, net/ipv4/tcp_output.c.
  if (
    inFlightSegments !== undefined &&
    congestionWindowSegments !== undefined &&
    inFlightSegments >= congestionWindowSegments
  ) {
    return "congestion-window";
  }
  const next = Math.min(mssBytes, notSentBytes);
  // The timer alone tells little: it also runs for a segment that is held back, if nothing is in flight.
  if (windowSeenBytes === undefined ? persisting : inFlightBytes + next > windowSeenBytes) {
    return "receiver-window";
  }
  return notSentBytes < mssBytes ? "small-segment" : "pacing";
}

/**
 * Who found the send buffer full is woken when a third of it is free: sk_stream_write_space(), net/core/stream.c.
 * @returns `"full"`, `"mostly"` where whether somebody waits depends on what came before, or `"roomy"`
 */
export function sendBufferOf({
  sendMemoryBytes,
  sendMemoryTotalBytes,
}: EndSample): "full" | "mostly" | "roomy" {
  if (sendMemoryBytes === undefined || sendMemoryTotalBytes === undefined) return "roomy";
  if (sendMemoryBytes >= sendMemoryTotalBytes) return "full";
  return sendMemoryBytes * 3 > sendMemoryTotalBytes * 2 ? "mostly" : "roomy";
}
