/** How long is one round trip, when both ends are written with the same thing? @module */
import type { Question, Subject } from "./_harness.ts";
import { type Command, c, node, type Peer } from "./_peers.ts";
import { ECHO_SERVERS } from "./echo.ts";

const SIZE = 64;

const CLIENTS: Record<Subject, (...args: string[]) => Command> = {
  windsock: (...args) => node("rtt_windsock.mjs", ...args),
  net: (...args) => node("rtt_net.mjs", ...args),
  c: (...args) => c("load", "rtt", ...args), // blocking calls: C at its fastest
};

async function times(client: Peer): Promise<{ p50Us: number; meanUs: number }> {
  await client.ready();
  client.go();
  return client.result("p50Us", "meanUs");
}

export const rtt: Question = {
  name: "rtt",
  title: `Round trip, ${SIZE} B, one connection, both ends alike`,
  subjects: ["windsock", "net", "c"],
  metrics: [
    { key: "p50Us", label: "p50, µs", digits: 1 },
    { key: "meanUs", label: "mean, µs", digits: 1 },
    { key: "oneCoreP50Us", label: "both ends on one core: p50, µs", digits: 1, needsPinning: true },
    { key: "oneCoreMeanUs", label: "both ends on one core: mean, µs", digits: 1, needsPinning: true },
  ],
  async measure(subject, bench) {
    const count = bench.quick ? 5_000 : 20_000;
    const server = bench.server(ECHO_SERVERS[subject]);
    const client = CLIENTS[subject](await server.port(), String(count), String(SIZE));
    const apart = await times(bench.load(client));
    if (!bench.pinned) return apart;
    const together = await times(bench.server(client));
    return { ...apart, oneCoreP50Us: together.p50Us, oneCoreMeanUs: together.meanUs };
  },
};
