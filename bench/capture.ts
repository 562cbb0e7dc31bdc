/** What does it cost to write the packets of a loaded loopback to a file, and how many are lost? @module */
import { join } from "node:path";
import type { Question } from "./_harness.ts";

const SCRIPT = join(import.meta.dirname, "peers/capture.sh");
/** tcpdump's own buffer size, for both. */
const BUFFER_KIB = "2048";
const SNAP_LENGTH = "96";

export const capture: Question<"windsock" | "tcpdump"> = {
  name: "capture",
  title: "Capture of iperf3's load on loopback to a file, 96 B of each packet, 2 MiB of buffer",
  subjects: ["windsock", "tcpdump"],
  metrics: [
    { key: "dropped", label: "packets dropped, %", digits: 3 },
    { key: "cpu", label: "CPU per packet, µs", digits: 2 },
    { key: "rate", label: "packets on the wire, thousands a second", digits: 0, moreIsBetter: true },
  ],
  async measure(subject, bench) {
    const seconds = bench.quick ? "2" : "5";
    // In a network namespace of its own, with no core of its own: iperf3 takes both.
    const peer = bench.anywhere(["unshare", "-n", SCRIPT, subject, seconds, BUFFER_KIB, SNAP_LENGTH]);
    await peer.ready();
    peer.go();
    return peer.result("dropped", "cpu", "rate");
  },
};
