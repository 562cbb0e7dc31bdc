/** What the kernel gave for one end of a connection, before it is made into quantities. */
import type { InetSocket, TcpState } from "../netlink/diag/index.ts";
import type { SkMemInfo } from "../sys/index.ts";
import type { Followed } from "./_followed.ts";

/** What of TCP_INFO is used. */
export type Counts = Exclude<InetSocket["counts"], undefined>;

export interface Reading {
  readonly of: Followed;
  readonly state: TcpState | number;
  /** Sequence numbers written and not acknowledged, SIOCOUTQ: with those of a SYN and a FIN. */
  readonly sendQueue: number;
  /** Bytes received and not read, SIOCINQ: without a FIN. */
  readonly receiveQueue: number;
  /** Whether the peer's FIN has come, which counts as a byte received. */
  readonly finReceived: boolean;
  /** Whether the timer for probes of a closed window runs. It also runs where the window is open and something else holds. */
  readonly persisting: boolean;
  /** 0 where no process has it. */
  readonly inode: bigint;
  readonly info: Counts | undefined;
  readonly memory: SkMemInfo | undefined;
  /** The program's own counts. */
  readonly writtenBytes: number | undefined;
  readonly readBytes: number | undefined;
}

/** The states in which the peer's FIN has come. In TIME-WAIT it has as well, but nothing is counted any more. */
export function finReceived(state: TcpState | number): boolean {
  return state === "close-wait" || state === "last-ack" || state === "closing";
}
