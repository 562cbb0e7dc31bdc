/** The reasons for waiting as the page shows them: a word, and a colour of the theme. */
import type { WaitReason } from "../observe/index.ts";

export interface ReasonLook {
  readonly label: string;
  /** The name of a custom property of the style. */
  readonly colour: string;
}

export const REASON_LOOKS: Readonly<Record<WaitReason, ReasonLook>> = {
  "nothing-to-send": { label: "nothing to send", colour: "--reason-idle" },
  application: { label: "the program", colour: "--reason-program" },
  "receiver-window": { label: "receiver's window", colour: "--reason-window" },
  "congestion-window": { label: "congestion window", colour: "--reason-congestion" },
  "loss-recovery": { label: "repairing a loss", colour: "--reason-loss" },
  "send-buffer": { label: "send buffer", colour: "--reason-buffer" },
  "small-segment": { label: "small segment (Nagle)", colour: "--reason-small" },
  pacing: { label: "sending", colour: "--reason-sending" },
  connecting: { label: "connecting", colour: "--reason-connecting" },
  closed: { label: "closed", colour: "--reason-closed" },
};

/** A reason that this page does not know is shown under its own name. */
export function lookOf(reason: string): ReasonLook {
  return (
    (REASON_LOOKS as Readonly<Record<string, ReasonLook>>)[reason] ?? {
      label: reason,
      colour: "--reason-idle",
    }
  );
}
