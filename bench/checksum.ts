/** How many bytes of an Internet checksum are summed in a second? @module */
import type { Question } from "./_harness.ts";
import { c, node } from "./_peers.ts";

export const checksum: Question = {
  name: "checksum",
  title: "Internet checksum, GB/s",
  subjects: ["windsock", "c"],
  metrics: [20, 64, 1480, 65_535].map((size) => ({
    key: `of${size}`,
    label: `${size.toLocaleString("en-US")} bytes`,
    digits: 2,
    moreIsBetter: true,
  })),
  async measure(subject, bench) {
    const total = String(bench.quick ? 50_000_000 : 200_000_000);
    const peer = bench.server(subject === "c" ? c("checksum", total) : node("checksum_windsock.mjs", total));
    await peer.ready();
    peer.go();
    return peer.result(...this.metrics.map(({ key }) => key));
  },
};
