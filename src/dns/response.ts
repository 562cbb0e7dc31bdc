/** DnsResponse: what a server answered. */
import type { SocketAddr } from "../ip/index.ts";
import type { DnsFlags, ExtendedError } from "./_message.ts";
import type { DnsTransport } from "./_server.ts";
import type { DnsRecord, DnsRecordType } from "./records.ts";

export interface DnsResponse<T extends DnsRecordType = DnsRecordType> {
  /** The name that was asked for, in ASCII and without its last dot. */
  readonly name: string;
  readonly type: T;
  /** `"NOERROR"`; in the response that an error holds `"NXDOMAIN"`, `"SERVFAIL"` … */
  readonly rcode: string;
  /**
   * The records of the type that was asked for, of the name or of what its aliases (CNAME) lead to; for `"ANY"` all
   * that came. Empty where there are none.
   */
  readonly records: readonly DnsRecord<T>[];
  /** The three sections as they came, aliases included. */
  readonly answers: readonly DnsRecord[];
  readonly authorities: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
  readonly flags: DnsFlags;
  readonly extendedErrors: readonly ExtendedError[];
  readonly server: SocketAddr;
  /** How the answer came: `"tcp"` too where it did not fit into a datagram. */
  readonly transport: DnsTransport;
  /** From the first packet to this server to its answer. */
  readonly durationMs: number;
  /** The length of the message. */
  readonly sizeBytes: number;
}
