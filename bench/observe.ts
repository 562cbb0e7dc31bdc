/** What does it cost to watch connections, and does one that is watched become slower? @module */
import type { Bench, Question } from "./_harness.ts";
import { c, node } from "./_peers.ts";

/** Processor time of one who samples all connections of a port, in percent of a core. */
async function sampling(bench: Bench, port: string, rateHz: number, sockets: number): Promise<number> {
  const samples = Math.round(rateHz * (bench.quick ? 2 : 5));
  const observer = bench.anywhere(node("observe_windsock.mjs", port, String(rateHz), String(samples)));
  await observer.ready();
  observer.go();
  const { ends, missed, percent } = await observer.result("ends", "missed", "percent");
  if (ends !== sockets) throw new Error(`it saw ${ends} sockets instead of ${sockets}`);
  if (missed > samples / 10) throw new Error(`it missed ${missed} samples beside ${samples}`);
  await observer.stop();
  return percent;
}

/** So many connections, of which each was used once. */
async function many(bench: Bench, connections: number, rateHz: number): Promise<number> {
  const server = bench.server(c("echo_epoll"));
  const port = await server.port();
  const load = bench.load(c("load", "idle", port, String(connections)));
  await load.ready();
  load.go();
  await load.result("connections");
  const percent = await sampling(bench, port, rateHz, 2 * connections);
  await load.stop();
  return percent;
}

/** How much slower a transfer is while it is watched, in percent: the median of pairs of quarters of a second. */
async function slower(bench: Bench, rateHz: number): Promise<number> {
  const sink = bench.server(node("flow_windsock.mjs", "sink"));
  const port = await sink.port();
  const sender = bench.load(node("flow_windsock.mjs", "send", port));
  await sender.ready();
  sender.go();
  const pairs = bench.quick ? 16 : 40;
  const observer = bench.anywhere(node("observe_turns.mjs", port, String(rateHz), String(pairs)));
  await observer.ready();
  observer.go();
  const { percent } = await observer.result("percent");
  for (const peer of [observer, sender, sink]) await peer.stop();
  return percent;
}

export const observe: Question<"windsock"> = {
  name: "observe",
  title: "Watching connections on loopback, both ends of each",
  subjects: ["windsock"],
  metrics: [
    { key: "thousand", label: "1,000 connections, 10 samples a second: CPU, % of a core", digits: 2 },
    { key: "tenThousand", label: "10,000 connections, 1 sample a second: CPU, % of a core", digits: 2 },
    { key: "one", label: "one connection, 100 samples a second: CPU, % of a core", digits: 2 },
    { key: "slower", label: "a transfer that is watched 10 times a second is slower by, %", digits: 2 },
    { key: "slower100", label: "a transfer that is watched 100 times a second is slower by, %", digits: 2 },
  ],
  async measure(_subject, bench) {
    return {
      thousand: await many(bench, 1000, 10),
      tenThousand: await many(bench, 10_000, 1),
      one: await many(bench, 1, 100),
      slower: await slower(bench, 10),
      slower100: await slower(bench, 100),
    };
  },
};
