/** What does a connection cost: how many can a client open one after the other, and what does a server pay? @module */
import type { Question, Subject } from "./_harness.ts";
import { type Command, c, node } from "./_peers.ts";
import { ECHO_SERVERS } from "./echo.ts";

const CLIENTS: Record<Subject, (...args: string[]) => Command> = {
  windsock: (...args) => node("connects_windsock.mjs", ...args),
  node: (...args) => node("connects_net.mjs", ...args),
  c: (...args) => c("load", "connects", ...args),
};

export const connects: Question = {
  name: "connects",
  title: "Connections, one after the other",
  subjects: ["windsock", "node", "c"],
  metrics: [
    { key: "perSecond", label: "client: connects per second", digits: 0, moreIsBetter: true },
    { key: "clientCpuUs", label: "client CPU per connection, µs", digits: 1 },
    { key: "serverCpuUs", label: "server CPU per connection, µs", digits: 1 },
  ],
  async measure(subject, bench) {
    const count = bench.quick ? 2_000 : 8_000;

    const sink = bench.server(c("sink"));
    const client = bench.load(CLIENTS[subject](await sink.port(), String(count)));
    await client.ready();
    const clientBefore = client.cpuSeconds();
    client.go();
    const { seconds } = await client.result("seconds");
    const clientCpuUs = ((client.cpuSeconds() - clientBefore) / count) * 1e6;

    const server = bench.server(ECHO_SERVERS[subject]);
    // Each leaves a TIME_WAIT for a minute, and a kernel keeps only so many of them: half as many as above.
    const accepts = count / 2;
    const load = bench.load(c("load", "accepts", await server.port(), String(accepts)));
    await load.ready();
    const serverBefore = server.cpuSeconds();
    load.go();
    await load.result("connections");
    const serverCpuUs = ((server.cpuSeconds() - serverBefore) / accepts) * 1e6;

    return { perSecond: count / seconds, clientCpuUs, serverCpuUs };
  },
};
