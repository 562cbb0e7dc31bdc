/** What does it cost to read and to write a socket option? @module */
import type { Question, Subject } from "./_harness.ts";
import { type Command, c, node } from "./_peers.ts";

const PROGRAMS: Record<Subject, (...args: string[]) => Command> = {
  windsock: (...args) => node("options_windsock.mjs", ...args),
  node: (...args) => node("options_net.mjs", ...args), // setNoDelay() is all that node:net has of these
  c: (...args) => c("options", ...args),
};

export const options: Question = {
  name: "options",
  title: "Socket options, CPU per call",
  subjects: ["windsock", "node", "c"],
  metrics: [
    { key: "writeNoDelay", label: "write TCP_NODELAY, ns", digits: 0 },
    { key: "readNoDelay", label: "read TCP_NODELAY, ns", digits: 0, only: ["windsock", "c"] },
    { key: "writeRcvbuf", label: "write SO_RCVBUF, ns", digits: 0, only: ["windsock", "c"] },
    { key: "readRcvbuf", label: "read SO_RCVBUF, ns", digits: 0, only: ["windsock", "c"] },
    { key: "readInfo", label: "read TCP_INFO, all fields, ns", digits: 0, only: ["windsock", "c"] },
  ],
  async measure(subject, bench) {
    const calls = bench.quick ? 20_000 : 100_000;
    const peer = bench.server(PROGRAMS[subject](String(calls)));
    const keys = this.metrics.filter(({ only }) => !only || only.includes(subject)).map(({ key }) => key);
    await peer.ready();
    peer.go();
    return peer.result(...keys);
  },
};
