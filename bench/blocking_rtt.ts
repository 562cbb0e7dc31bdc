/** How long is one round trip with calls that block, in two processes? @module */
import type { Question } from "./_harness.ts";
import { c, node } from "./_peers.ts";
import { ROUND_TRIP_METRICS, roundTrips } from "./rtt.ts";

export const blockingRtt: Question = {
  name: "blocking-rtt",
  title: "Round trip, 64 B, blocking calls, both ends alike",
  subjects: ["windsock", "c"], // Node's sockets cannot block
  metrics: ROUND_TRIP_METRICS,
  measure: (subject, bench) =>
    subject === "c"
      ? roundTrips(c("echo_blocking"), (...args) => c("load", "rtt", ...args), bench)
      : roundTrips(
          node("echo_blocking.mjs", bench.pinned ? "2" : "1"),
          (...args) => node("rtt_blocking.mjs", ...args),
          bench,
        ),
};
