/** What does a connection cost as one of Node's streams: Windsock's toDuplex() against node:net's own sockets? @module */

import type { Question } from "./_harness.ts";
import { node } from "./_peers.ts";
import { BULK_METRICS, measureBulk } from "./bulk.ts";
import { ECHO_SERVERS, measureEcho } from "./echo.ts";

const DUPLEX_ECHO_SERVER = node("echo_duplex.mjs");

export const duplex: Question = {
  name: "duplex",
  title: "Node's streams: toDuplex() against net.Socket",
  subjects: ["windsock", "node"],
  metrics: [
    { key: "cpuUs", label: "echo server, 500 connections, 64 B: CPU per request, µs", digits: 2 },
    ...BULK_METRICS.map((metric) => ({ ...metric, label: `bulk: ${metric.label}` })),
  ],
  async measure(subject, bench) {
    const ours = subject === "windsock";
    const { cpuUs } = await measureEcho(ours ? DUPLEX_ECHO_SERVER : ECHO_SERVERS.node, bench);
    const program = ours ? "bulk_duplex.mjs" : "bulk_net.mjs";
    return { cpuUs: cpuUs!, ...(await measureBulk((...args) => node(program, ...args), bench)) };
  },
};
