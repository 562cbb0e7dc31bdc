/** The reasons why a sender is not sending more. */

/**
 * What holds a sender now.
 *
 * - `nothing-to-send`: all that was written is acknowledged.
 * - `application`: all that was written is sent, and more would be allowed.
 * - `receiver-window`: there is data, but the receiver's window has no room for its next segment.
 * - `congestion-window`: there is data, but as many segments are in flight as the congestion window allows.
 * - `loss-recovery`: segments were lost, and what they carried is sent again.
 * - `send-buffer`: all that the send buffer holds is in flight, and the program waits for room in it.
 * - `small-segment`: less than a segment is left, and waits for an acknowledgement (Nagle's algorithm) or for more (TCP_CORK).
 * - `pacing`: there is data and room for it in both windows: it is being sent, or waits for its turn (pacing, queues below TCP).
 * - `connecting`: there is no connection to send on yet.
 * - `closed`: nothing more can be written or sent; the last of it may still be on its way.
 */
export type WaitReason = (typeof WAIT_REASONS)[number];

export const WAIT_REASONS = [
  "nothing-to-send",
  "application",
  "receiver-window",
  "congestion-window",
  "loss-recovery",
  "send-buffer",
  "small-segment",
  "pacing",
  "connecting",
  "closed",
] as const;

/** A sentence for each. */
export const WAIT_TEXTS: Readonly<Record<WaitReason, string>> = {
  "nothing-to-send": "Nothing to send: all that was written is acknowledged.",
  application: "Waits for the program: all that it wrote is on its way.",
  "receiver-window": "Waits for the receiver: its window has no room for the next segment.",
  "congestion-window": "Waits for acknowledgements: the congestion window is full.",
  "loss-recovery": "Repairs a loss: sends again what did not arrive.",
  "send-buffer": "Waits for room in the send buffer: all that it holds is on its way.",
  "small-segment":
    "Holds a small segment back until what is on its way is acknowledged (Nagle), or for more (cork).",
  pacing: "Is sending, as fast as pacing and the device allow.",
  connecting: "The connection is being made.",
  closed: "Nothing more can be sent.",
};
