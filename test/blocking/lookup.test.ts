/** Names, blocking, at a name server that never answers: given up in time, and no obstacle to the end of a worker. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inNamespace, needsNamespace } from "../names/_namespace.ts";

async function run(scenario: string, resolvConf: string): Promise<Record<string, unknown>> {
  const script = `$NODE_TS test/blocking/_lookup_child.ts ${scenario}`;
  const { status, signal, stdout, stderr } = await inNamespace(script, { resolvConf, dns: true });
  assert.deepEqual([status, signal], [0, undefined], `${stdout}${stderr}`);
  const lines = stdout.trim().split("\n");
  return Object.fromEntries(lines.map((line) => JSON.parse(line) as [string, unknown]));
}

test(
  "a lookup is given up when its time is over, and cleaned up after when it has ended",
  needsNamespace,
  async () => {
    assert.deepEqual(await run("timeout", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"), {
      connect: "TimeoutError TIMEOUT: connect a.test:80: not done within 150 ms",
      resolve: "TimeoutError TIMEOUT: getaddrinfo b.test: not done within 0 ms",
      asked: true,
      local: ["127.0.0.1:80"],
      waited: "ResolveError EAI_AGAIN",
      open: 0,
    });
  },
);

test("a worker ends though its lookup waits for a name server", needsNamespace, async () => {
  const ended = await run("terminate", "nameserver 127.0.0.1\noptions timeout:30 attempts:1\n");
  assert.deepEqual(ended, { asked: true, ended: [1] });
});
