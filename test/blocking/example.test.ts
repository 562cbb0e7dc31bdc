/** examples/blocking-echo.ts: a worker that serves with blocking calls, and a main thread that hears signals. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { Program } from "../cli/_cli.ts";
import { pattern } from "./_bytes.ts";

test("examples/blocking-echo.ts", async () => {
  const command = ["--import", "tsx", "examples/blocking-echo.ts", "127.0.0.1:0"];
  using server = new Program(process.execPath, command);
  const line = await server.printedMatch(/^echo on .*\n/m);
  const port = Number(/:(\d+)\n/.exec(line)?.[1]);
  const talk = async (seed: number): Promise<void> => {
    const question = pattern(300_000 + seed, seed);
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    const chunks: Buffer[] = [];
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.end(question);
    await once(socket, "end");
    assert.deepEqual(new Uint8Array(Buffer.concat(chunks)), question);
  };
  await Promise.all([1, 2, 3].map(talk));
  // A peer that resets its connection is not the server's end.
  const rude = connect({ port, host: "127.0.0.1" });
  rude.write("x");
  await once(rude, "data");
  rude.resetAndDestroy();
  await server.saysOnStderr(/ECONNRESET.*\n/);
  await talk(4);
  server.child.kill("SIGTERM"); // its handler runs on the main thread, while the worker is blocked
  const { code, signal, stdout } = await server.ended;
  assert.deepEqual([code, signal], [0, null]);
  assert.match(stdout.toString(), /\nended\n$/);
});
