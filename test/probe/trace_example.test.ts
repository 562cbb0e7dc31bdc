/** examples/trace-route.ts: the routers of the chain, and this host alone. */
import assert from "node:assert/strict";
import { Program } from "../cli/_cli.ts";
import { isolated } from "../socket/_helpers.ts";
import { chain, FAR, FIRST, SECOND } from "./_chain.ts";

isolated(
  import.meta.url,
  "trace-route.ts prints each hop, and how it ended",
  { netns: "ip link set lo up" },
  async () => {
    chain();
    const line = (ttl: number, address: string): string =>
      `${ttl} ${address.replaceAll(".", "\\.")} \\d+\\.\\d ms\n`;
    for (const [args, lines] of [
      [[], line(1, "127.0.0.1")],
      [[FAR.ipv4], line(1, FIRST.ipv4) + line(2, SECOND.ipv4) + line(3, FAR.ipv4)],
      [[FAR.ipv6], line(1, FIRST.ipv6) + line(2, SECOND.ipv6) + line(3, FAR.ipv6)],
    ] as const) {
      using program = new Program(process.execPath, ["--import", "tsx", "examples/trace-route.ts", ...args]);
      const { code, stdout, stderr } = await program.ended;
      assert.deepEqual([code, stderr], [0, ""]);
      assert.match(stdout.toString(), new RegExp(`^${lines}reached\n$`));
    }
  },
);
