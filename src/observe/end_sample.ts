/** One end of a connection at one moment: its quantities, and what its sender waits for. */
import type { TcpState } from "../netlink/diag/index.ts";
import type { Quantities } from "./quantities.ts";
import type { WaitReason } from "./waiting.ts";

/** A process that has the socket open. */
export interface Holder {
  readonly pid: number;
  readonly command: string;
}

/** One end of a connection, as one sample has it. All of it is JSON. */
export interface EndSample extends Quantities {
  /** The kernel's number of the socket (SO_COOKIE), which no other socket is ever given, not even with the same addresses. */
  readonly id: string;
  /** `"127.0.0.1:2000"` */
  readonly local: string;
  readonly peer: string;
  /** A number where it is of a later kernel. */
  readonly state: TcpState | number;
  /** What its sender waits for. */
  readonly waiting: WaitReason;
  /**
   * How long it has waited for that, in milliseconds, as far as this observer has seen it: it was so in every sample of that
   * time. 0 where it is seen for the first time.
   */
  readonly waitingMs: number;
  /** The id of the other end, where that is on this machine and is observed too. */
  readonly pairedWith?: string | undefined;
  /** Who has it open; `undefined` where nobody asked, or as long as it is not known. None: it is the kernel's alone. */
  readonly holders?: readonly Holder[] | undefined;
  /** Whether `writtenBytes` and `readBytes` are the program's own counts. */
  readonly ours?: boolean | undefined;
}
