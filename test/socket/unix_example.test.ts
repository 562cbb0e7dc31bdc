/** examples/pass-connection.ts: who accepts a connection passes it on, and a worker process serves it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { Program } from "../cli/_cli.ts";
import { pattern, test, until } from "./_helpers.ts";

test("pass-connection.ts: connections are served by the workers in turn, and by those that are left", async () => {
  const command = ["--import", "tsx", "examples/pass-connection.ts", "127.0.0.1:0", "2"];
  using server = new Program(process.execPath, command);
  const first = (await server.printed("listening on 127.0.0.1:1\n".length)).toString();
  const port = Number(/^listening on 127\.0\.0\.1:(\d+)\n$/.exec(first)?.[1]);
  const talk = async (seed: number): Promise<number> => {
    const question = pattern(100_000 + seed, seed);
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    const chunks: Buffer[] = [];
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.end(question);
    await once(socket, "end");
    const answer = Buffer.concat(chunks);
    const [greeting, pid] = /^process (\d+)\n/.exec(
      answer.subarray(0, 30).toString("latin1"),
    ) as RegExpExecArray;
    assert.ok(answer.subarray(greeting.length).equals(question));
    return Number(pid);
  };
  const pids = await Promise.all([1, 2, 3, 4].map(talk));
  const workers = [...new Set(pids)] as [number, number];
  assert.deepEqual(
    workers.map((pid) => pids.filter((one) => one === pid).length),
    [2, 2],
  );
  assert.ok(!workers.includes(server.child.pid as number), "who accepts does not serve");

  process.kill(workers[0], "SIGKILL");
  await until(() => !existsSync(`/proc/${workers[0]}`)); // all its threads, and what they had open
  assert.deepEqual([await talk(5), await talk(6)], [workers[1], workers[1]]);

  server.child.kill("SIGTERM");
  const { stderr } = await server.ended; // the worker has its standard output too: it has ended by now
  assert.equal(stderr, "");
});
