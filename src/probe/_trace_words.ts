/** What ICMP errors mean to a trace, in the marks of traceroute(8). */
import type { Family } from "../names/index.ts";
import type { TraceReply } from "./trace_hop.ts";

/** By the code of a destination unreachable: RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1. 3 and 4 stand for themselves. */
const UNREACHABLE: readonly (string | undefined)[] = [
  "!N",
  "!H",
  "!P",
  undefined,
  undefined,
  "!S",
  "!N",
  "!H",
  "!N",
  "!X",
  "!X",
  "!N",
  "!H",
  "!X",
  "!V",
  "!C",
];

/** By the code of a destination unreachable of ICMPv6: RFC 4443 §3.1. 4 stands for itself. */
const UNREACHABLE6: readonly (string | undefined)[] = ["!N", "!X", "!H", "!H"];

/** An error's kind and mark. */
export interface ErrorMeaning {
  readonly reply: TraceReply;
  readonly annotation: string | undefined;
}

const EXCEEDED: ErrorMeaning = { reply: "timeExceeded", annotation: undefined };
const PORT: ErrorMeaning = { reply: "portUnreachable", annotation: undefined };

/** @param mtu the largest packet that would have passed, where the error says so */
export function errorMeaning(family: Family, type: number, code: number, mtu: number): ErrorMeaning {
  const ipv4 = family === "ipv4";
  if (type === (ipv4 ? 11 : 3) && code === 0) return EXCEEDED;
  if (ipv4 ? type === 3 && code === 4 : type === 2) return { reply: "tooBig", annotation: `!F-${mtu}` };
  if (type === (ipv4 ? 3 : 1)) {
    if (code === (ipv4 ? 3 : 4)) return PORT;
    const known = (ipv4 ? UNREACHABLE : UNREACHABLE6)[code];
    return { reply: "unreachable", annotation: known ?? `!<${code}>` };
  }
  if (!ipv4 && type === 4 && code === 1) return { reply: "unreachable", annotation: "!P" }; // RFC 4443 §3.4: unknown next header
  return { reply: "error", annotation: `!<${type}-${code}>` };
}
