/** examples/raw-ping.ts: an echo request by hand, answered by this host, and by one behind a router. */
import assert from "node:assert/strict";
import { Program } from "../cli/_cli.ts";
import { isolated } from "./_helpers.ts";
import { routed } from "./_wires.ts";

const ping = (...args: string[]): Program =>
  new Program(process.execPath, ["--import", "tsx", "examples/raw-ping.ts", ...args]);

isolated(
  import.meta.url,
  "raw-ping.ts prints who answers, with the hops that were left",
  { netns: "ip link set lo up" },
  async () => {
    routed();
    for (const [args, line] of [
      [[], /^40 bytes from 127\.0\.0\.1: ttl 64, \d+\.\d ms\n$/],
      [["198.51.100.2"], /^40 bytes from 198\.51\.100\.2: ttl 63, \d+\.\d ms\n$/],
    ] as const) {
      using program = ping(...args);
      const { code, stdout, stderr } = await program.ended;
      assert.deepEqual([code, stderr], [0, ""]);
      assert.match(stdout.toString(), line);
    }
    using lost = ping("203.0.113.5"); // nobody is there, and nobody listens to what the router says of it
    const { code, stderr } = await lost.ended;
    assert.equal(code, 1);
    assert.match(stderr, /TimeoutError/);
  },
);
