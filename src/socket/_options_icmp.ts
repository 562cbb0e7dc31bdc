/** The option of raw ICMP sockets, level SOL_RAW. The comment of a row is its text in docs/options.md. */
import * as C from "../sys/index.ts";
import { rw } from "./_option_row.ts";
import { icmpTypes } from "./_option_structs.ts";

/** The option of raw ICMP sockets over IPv4, man 7 raw. */
export const ICMP = {
  /**
   * The types of messages that are let through, of those from 0 to 31; undefined is all of them. Types from 32 on
   * are always let through.
   */
  FILTER: rw("ICMP_FILTER", C.SOL_RAW, C.ICMP_FILTER, icmpTypes(32), { on: ["raw"] }),
} as const;
