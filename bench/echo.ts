/** What does a request cost an echo server that has 500 connections? @module */
import type { Bench, Question } from "./_harness.ts";
import { type Command, c, node } from "./_peers.ts";

const CONNECTIONS = 500;
const SIZE = 64;

export const ECHO_SERVERS = {
  windsock: node("echo_windsock.mjs"),
  node: node("echo_net.mjs"),
  c: c("echo_epoll"),
};

/** The same load for every server. */
export async function measureEcho(command: Command, bench: Bench): Promise<Record<string, number>> {
  const requests = bench.quick ? 40_000 : 400_000;
  const server = bench.server(command);
  const load = bench.load(
    c("load", "echo", await server.port(), ...[CONNECTIONS, requests, SIZE].map(String)),
  );
  await load.ready();
  const before = server.cpuSeconds();
  load.go();
  const { seconds, p50Us, p99Us } = await load.result("seconds", "p50Us", "p99Us");
  const cpuUs = ((server.cpuSeconds() - before) / requests) * 1e6;
  return { cpuUs, perSecond: requests / seconds, p50Us, p99Us };
}

export const echo: Question = {
  name: "echo",
  title: `Echo server, ${CONNECTIONS} connections, ${SIZE} B`,
  subjects: ["windsock", "node", "c"],
  metrics: [
    { key: "cpuUs", label: "server CPU per request, µs", digits: 2 },
    { key: "perSecond", label: "requests per second", digits: 0, moreIsBetter: true },
    { key: "p50Us", label: "time to answer, p50, µs", digits: 0 },
    { key: "p99Us", label: "time to answer, p99, µs", digits: 0 },
  ],
  measure: (subject, bench) => measureEcho(ECHO_SERVERS[subject], bench),
};
