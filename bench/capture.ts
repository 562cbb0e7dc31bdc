/** What does it cost to write the packets of a loaded loopback to a file, and how many are lost? @module */
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Question } from "./_harness.ts";

const SCRIPT = join(import.meta.dirname, "peers/capture.sh");
/** tcpdump's own buffer size, for both. */
const BUFFER_KIB = "2048";

function question(title: string, snapLength: string, file: string): Question<"windsock" | "tcpdump"> {
  return {
    name: "capture",
    title: `Capture of iperf3's load on loopback, ${title}, 2 MiB of buffer`,
    subjects: ["windsock", "tcpdump"],
    metrics: [
      { key: "dropped", label: "packets dropped, %", digits: 2 },
      { key: "cpu", label: "CPU per packet on the wire, µs", digits: 2 },
      { key: "rate", label: "packets on the wire, thousands a second", digits: 0, moreIsBetter: true },
    ],
    async measure(subject, bench) {
      const seconds = bench.quick ? "2" : "5";
      // In a network namespace of its own, and with no core of its own: iperf3 takes both.
      const args = [subject, seconds, BUFFER_KIB, snapLength, file];
      const peer = bench.anywhere(["unshare", "-n", SCRIPT, ...args]);
      await peer.ready();
      peer.go();
      return peer.result("dropped", "cpu", "rate");
    },
  };
}

/** The kernel passes on up to 64 KiB as one packet here. */
export const capture: readonly Question<"windsock" | "tcpdump">[] = [
  question("96 B of each packet to a file", "96", join(tmpdir(), `windsock-bench-${process.pid}.pcapng`)),
  question("whole packets to /dev/null", "262144", "/dev/null"),
];
