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

/** How much slower a transfer of C is while it is watched, in percent: the median of pairs of turns, and how near that is known. */
async function slower(bench: Bench, rateHz: number): Promise<{ percent: number; spread: number }> {
  const sink = bench.server(c("flow", "sink"));
  const port = await sink.port();
  // On one core: on two, who wakes whom when makes a tenth of a second differ from the next by a third.
  const sender = bench.server(c("flow", "send", port));
  await sender.ready();
  sender.go();
  const pairs = bench.quick ? 40 : 250; // of a fifth of a second each
  const observer = bench.anywhere(node("observe_turns.mjs", port, String(rateHz), String(pairs)));
  await observer.ready();
  observer.go();
  const { percent, spread } = await observer.result("percent", "spread");
  for (const peer of [observer, sender, sink]) await peer.stop();
  return { percent, spread };
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
    { key: "slowerSpread", label: "  known to within ±, %", digits: 2 },
    { key: "slower100", label: "a transfer that is watched 100 times a second is slower by, %", digits: 2 },
    { key: "slower100Spread", label: "  known to within ±, %", digits: 2 },
  ],
  async measure(_subject, bench) {
    const [at10, at100] = [await slower(bench, 10), await slower(bench, 100)];
    return {
      thousand: await many(bench, 1000, 10),
      tenThousand: await many(bench, 10_000, 1),
      one: await many(bench, 1, 100),
      slower: at10.percent,
      slowerSpread: at10.spread,
      slower100: at100.percent,
      slower100Spread: at100.spread,
    };
  },
};
