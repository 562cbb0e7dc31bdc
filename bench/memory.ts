/** How much memory does a server hold for a connection that has been used once and now idles? @module */
import type { Question } from "./_harness.ts";
import { c, nodeWithGc } from "./_peers.ts";
import { ECHO_SERVERS } from "./echo.ts";

const SERVERS = {
  ...ECHO_SERVERS,
  windsock: nodeWithGc("echo_windsock.mjs"),
  node: nodeWithGc("echo_net.mjs"),
};

export const memory: Question = {
  name: "memory",
  title: "Memory of an echo server, idle connections, after a collection",
  subjects: ["windsock", "node", "c"],
  metrics: [{ key: "kib", label: "resident, per connection, KiB", digits: 2 }],
  async measure(subject, bench) {
    const count = bench.quick ? 2_000 : 10_000;
    const server = bench.server(SERVERS[subject]);
    const port = await server.port();
    // What only the first connections cost is not what the question is about: 200 come and go before.
    const first = bench.load(c("load", "idle", port, "200"));
    await first.ready();
    first.go();
    await first.result("connections");
    await first.stop();
    const load = bench.load(c("load", "idle", port, String(count)));
    await load.ready();
    const before = await server.residentBytes();
    load.go();
    await load.result("connections");
    return { kib: ((await server.residentBytes()) - before) / 1024 / count };
  },
};
