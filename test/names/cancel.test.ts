/** Lookups at a name server that never answers: cancelled at once, taken back from the queue, and never too many. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inNamespace, type NamespaceFiles, needsNamespace } from "./_namespace.ts";

/** A second, once: libc then has EAI_AGAIN. */
const IMPATIENT = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n";
const PATIENT = "nameserver 127.0.0.1\noptions timeout:30 attempts:1\n";
const HOSTS = `127.0.0.1 localhost\n${[1, 2, 3].map((i) => `192.0.2.${i} many.test\n`).join("")}`;

/** Runs a scenario of _cancel_child.ts, and gives what it reported, by name. */
async function run(
  scenario: string,
  expectedStatus = 0,
  files: NamespaceFiles = {},
  env: Readonly<Record<string, string>> = {},
): Promise<Record<string, unknown>> {
  const { status, signal, stdout, stderr } = await inNamespace(
    `$NODE_TS test/names/_cancel_child.ts ${scenario}`,
    { hosts: HOSTS, resolvConf: IMPATIENT, dns: true, ...files },
    "",
    env,
  );
  assert.deepEqual([status, signal], [expectedStatus, undefined], `${stdout}${stderr}`);
  return Object.fromEntries(
    stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as [string, unknown]),
  );
}

// Most of their time passes in waiting for the name server: a few at a time.
describe("a name server that never answers", { concurrency: 3 }, () => {
  test(
    "a lookup is cancelled by its signal or its time while libc still waits for the name server",
    needsNamespace,
    async () => {
      assert.deepEqual(await run("cancel"), {
        signal: ["changed my mind", 1],
        timeout: ["TIMEOUT", 2],
        getnameinfo: ["TIMEOUT", 1],
        uncancelled: ["EAI_AGAIN", 0],
      });
    },
  );

  test(
    "lookups that had not begun are taken back, and the name server never hears of them",
    needsNamespace,
    async () => {
      assert.deepEqual(await run("queue"), {
        running: 2, // half of libuv's four threads
        queued: ["all of them,2"],
        stuck: ["EAI_AGAIN", "EAI_AGAIN"],
        local: "resolved",
        asked: [],
        heard: true,
      });
    },
  );

  /** How many calls may run at a time for a size of libuv's pool. */
  const POOLS: readonly (readonly [size: string | undefined, most: number])[] = [
    [undefined, 2],
    ["1", 1],
    ["2", 1],
    ["9", 4],
    ["1024", 32], // half were 512: koffi takes 256 in all workers together
  ];

  for (const [size, most] of POOLS) {
    const env = size === undefined ? {} : { UV_THREADPOOL_SIZE: size };
    test(
      `300 lookups at once all end, at most ${most} at a time on ${size ?? "the default number of"} threads`,
      needsNamespace,
      async () => {
        const { ends, left, most: seen } = await run("many", 0, {}, env);
        assert.deepEqual([ends, left], [["resolved"], 0]);
        assert.ok((seen as number) >= 1 && (seen as number) <= most, `${seen} at a time`);
      },
    );
  }

  for (const size of [undefined, "1024"]) {
    const env = size === undefined ? {} : { UV_THREADPOOL_SIZE: size };
    test(
      `300 lookups that nobody answers are cancelled all at once, on ${size ?? "the default number of"} threads`,
      needsNamespace,
      async () => {
        const { running, ends, after } = await run("cancelMany", 0, {}, env);
        assert.ok((running as number) <= (size === undefined ? 2 : 32), `${running} were running`);
        assert.deepEqual([ends, after], [["all"], "resolved"]);
      },
    );
  }

  test(
    "without process.exit, a process ends only when libc's calls have come back, cancelled or not",
    needsNamespace,
    async () => {
      assert.deepEqual(await run("end"), { cancelled: ["TIMEOUT", 1], beforeExit: 0 });
    },
  );

  test("exitNow ends the process while libc still waits", needsNamespace, async () => {
    // Waiting for this name server would take half a minute, which is far more than the child is given.
    assert.deepEqual(await run("exitNow", 7, { resolvConf: PATIENT }), {
      cancelled: ["TIMEOUT", 1],
      running: 1,
    });
  });

  test(
    "a worker may be terminated while libc still waits, and the process lives on",
    needsNamespace,
    async () => {
      assert.deepEqual(await run("worker"), { terminated: true, here: "resolved" });
    },
  );
});
