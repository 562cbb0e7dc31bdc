/** What does it cost to decode and to encode the headers of a TCP segment in an IPv4 packet? @module */
import type { Question } from "./_harness.ts";
import { type Command, installPackage, node, python } from "./_peers.ts";

/** The package with decoders that is downloaded most; it would be compiled for capturing, which is not measured here. */
const PACKAGE = "pcap@3.1.0";
let installed = false;

type Who = "windsock" | "npm" | "struct" | "scapy";

const PROGRAMS: Record<Who, (calls: string) => Command> = {
  windsock: (calls) => node("wire_windsock.mjs", calls),
  npm: (calls) => node("wire_pcap.mjs", calls),
  struct: (calls) => python("scapy", "wire_struct.py", calls),
  scapy: (calls) => python("scapy", "wire_scapy.py", calls),
};

const CALLS: Record<Who, number> = {
  windsock: 1_000_000,
  npm: 1_000_000,
  struct: 100_000,
  scapy: 2_000,
};

export const wire: Question<Who> = {
  name: "wire",
  title: "IPv4 and TCP headers with timestamps, one packet",
  subjects: ["windsock", "npm", "struct", "scapy"],
  metrics: [
    { key: "decode", label: "decode, ns", digits: 0 },
    { key: "read", label: "decode, and read addresses, ports, sequence, flags, ns", digits: 0 },
    { key: "all", label: "decode, and read every field and option, ns", digits: 0 },
    { key: "encode", label: "encode, with checksums, ns", digits: 0, only: ["windsock", "struct", "scapy"] },
  ],
  async measure(subject, bench) {
    if (subject === "npm" && !installed) {
      installPackage(PACKAGE);
      installed = true;
    }
    const calls = CALLS[subject] / (bench.quick ? 4 : 1);
    const peer = bench.server(PROGRAMS[subject](String(calls)));
    const keys = this.metrics.filter(({ only }) => !only || only.includes(subject)).map(({ key }) => key);
    await peer.ready();
    peer.go();
    return peer.result(...keys);
  },
};
