/** How long is one round trip, when both ends are written with the same thing? @module */
import type { Bench, Metric, Question, Subject } from "./_harness.ts";
import { type Command, c, node, type Peer } from "./_peers.ts";
import { ECHO_SERVERS } from "./echo.ts";

const SIZE = 64;

const CLIENTS: Record<Subject, (...args: string[]) => Command> = {
  windsock: (...args) => node("rtt_windsock.mjs", ...args),
  node: (...args) => node("rtt_net.mjs", ...args),
  c: (...args) => c("load", "rtt", ...args), // blocking calls: C at its fastest
};

export const ROUND_TRIP_METRICS: readonly Metric[] = [
  { key: "p50Us", label: "p50, µs", digits: 1 },
  { key: "meanUs", label: "mean, µs", digits: 1 },
  { key: "oneCoreP50Us", label: "both ends on one core: p50, µs", digits: 1, needsPinning: true },
  { key: "oneCoreMeanUs", label: "both ends on one core: mean, µs", digits: 1, needsPinning: true },
];

async function times(client: Peer): Promise<{ p50Us: number; meanUs: number }> {
  await client.ready();
  client.go();
  return client.result("p50Us", "meanUs");
}

/** From another core than the server's, then from the same one. */
export async function roundTrips(
  server: Command,
  client: (port: string, count: string, size: string) => Command,
  bench: Bench,
): Promise<Record<string, number>> {
  const count = bench.quick ? 5_000 : 20_000;
  const command = client(await bench.server(server).port(), String(count), String(SIZE));
  const far = bench.load(command);
  const apart = await times(far);
  await far.stop();
  if (!bench.pinned) return apart;
  const together = await times(bench.server(command));
  return { ...apart, oneCoreP50Us: together.p50Us, oneCoreMeanUs: together.meanUs };
}

export const rtt: Question = {
  name: "rtt",
  title: `Round trip, ${SIZE} B, one connection, both ends alike`,
  subjects: ["windsock", "node", "c"],
  metrics: ROUND_TRIP_METRICS,
  measure: (subject, bench) => roundTrips(ECHO_SERVERS[subject], CLIENTS[subject], bench),
};
