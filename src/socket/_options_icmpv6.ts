/** The option of raw ICMPv6 sockets, level IPPROTO_ICMPV6. The comment of a row is its text in docs/options.md. */
import * as C from "../sys/index.ts";
import { rw } from "./_option_row.ts";
import { icmpTypes } from "./_option_structs.ts";

/** The option of raw ICMPv6 sockets, RFC 3542 §3.2, where it is ICMP6_FILTER. */
export const ICMPV6 = {
  /** The types of messages that are let through; undefined is all of them. */
  FILTER: rw("ICMPV6_FILTER", C.IPPROTO_ICMPV6, C.ICMPV6_FILTER, icmpTypes(256), { on: ["raw"] }),
} as const;
