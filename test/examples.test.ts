/** Every program of examples/ is run, with a real peer; one without a case here fails. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { Program, ROOT } from "./cli/_cli.ts";
import { pattern } from "./socket/_helpers.ts";

/** As the README runs them: from the sources, against the built package. */
const example = (name: string, ...args: string[]): Program =>
  new Program(process.execPath, ["--import", "tsx", join("examples", name), ...args]);

const CASES: Readonly<Record<string, () => Promise<void>>> = {
  async "simple-client.ts"() {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    using client = example(
      "simple-client.ts",
      `127.0.0.1:${(server.address() as AddressInfo).port}`,
      "grüß dich",
    );
    const [socket] = await once(server, "connection");
    const [heard] = await once(socket, "data");
    assert.equal(heard.toString(), "grüß dich");
    socket.write("und ich dich");
    const { code, stdout, stderr } = await client.ended;
    server.close();
    socket.destroy();
    assert.deepEqual([code, stdout.toString(), stderr], [0, "und ich dich\n", ""]);
  },

  async "echo-server.ts"() {
    using server = example("echo-server.ts", "127.0.0.1:0");
    const first = (await server.printed("echo on 127.0.0.1:1\n".length)).toString();
    const port = Number(/^echo on 127\.0\.0\.1:(\d+)\n$/.exec(first)?.[1]);
    const talk = async (seed: number): Promise<void> => {
      const question = pattern(300_000 + seed, seed);
      const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
      const chunks: Buffer[] = [];
      socket.on("data", (chunk) => chunks.push(chunk));
      socket.end(question);
      await once(socket, "end");
      assert.deepEqual(new Uint8Array(Buffer.concat(chunks)), question);
    };
    await Promise.all([1, 2, 3, 4, 5].map(talk));
    // A peer that resets its connection is not the server's end.
    const rude = connect({ port, host: "127.0.0.1" });
    rude.write("x");
    await once(rude, "data");
    rude.resetAndDestroy();
    await server.saysOnStderr(/ECONNRESET.*\n/);
    await talk(6);
  },
};

for (const name of readdirSync(join(ROOT, "examples")).filter((file) => /\.[cm]?[jt]s$/.test(file))) {
  test(`examples/${name}`, async () => {
    const run = CASES[name];
    assert.ok(run, `examples/${name} has no case in ${import.meta.filename ?? "test/examples.test.ts"}`);
    await run();
  });
}
