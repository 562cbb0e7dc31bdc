/** The chapter's session: `nc -l 2000` in one terminal, a client that says hello in another, and a typed answer. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CLI, freePort, listening, missing, Program } from "../cli/_cli.ts";

const CLIENTS: readonly [name: string, command: (port: string) => string[]][] = [
  ["windsock connect", (port) => [CLI, "connect", "localhost", port, "hello"]],
  [
    "examples/simple-client.ts",
    (port) => ["--import", "tsx", "examples/simple-client.ts", `localhost:${port}`, "hello"],
  ],
];

for (const [name, command] of CLIENTS) {
  test(`${name} and nc -l`, { skip: missing("nc") }, async () => {
    const port = String(await freePort());
    using nc = new Program("nc", ["-l", port], { input: "open" });
    await listening(Number(port), nc);
    using client = new Program(process.execPath, command(port));

    assert.equal((await nc.printed(5)).toString(), "hello");
    nc.stdin.write("and hello to you\n");
    const { code, stdout, stderr } = await client.ended;
    assert.equal(code, 0, stderr);
    assert.match(stdout.toString(), /^and hello to you\n+$/);
    assert.equal(stderr, "");

    const { code: ncCode, stdout: shown } = await nc.ended;
    assert.deepEqual([ncCode, shown.toString()], [0, "hello"]);
  });
}
