/** `connect -U` and `listen -U`: local sockets at the command line, with each other and with nc and socat. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { assertOneLine, missing, Program, start, windsock } from "./_cli.ts";

const folder = mkdtempSync(join(tmpdir(), "windsock-cli-"));
after(() => rmSync(folder, { recursive: true }));
let next = 0;
const path = (): string => join(folder, `s${next++}`);

async function listenAt(address: string, ...args: string[]): Promise<Program> {
  const server = start(["listen", "-U", ...args, address], { input: "open" });
  await server.saysOnStderr(/^listening on /);
  return server;
}

for (const [kind, address] of [
  ["a path", path()],
  ["an abstract name", `@windsock-test-${process.pid}`],
] as const) {
  test(`a stream at ${kind}: a message there and an answer back`, async () => {
    using _ = await listenAt(address, "-k", "--echo");
    for (const message of ["hello", "grüß dich"]) {
      const { code, stdout, stderr } = await windsock(["connect", "-U", address, message]);
      assert.deepEqual([code, stdout.toString(), stderr], [0, message, ""]);
    }
    const input = "x".repeat(3_000_000);
    const { code, stdout } = await windsock(["connect", "-U", address], { input });
    assert.equal(code, 0);
    assert.ok(stdout.equals(Buffer.from(input)));
  });

  test(`datagrams at ${kind}`, async () => {
    using _ = await listenAt(`${address}d`, "-u", "-k", "--echo");
    const { code, stdout } = await windsock(["connect", "-U", "-u", `${address}d`, "hello"]);
    assert.deepEqual([code, stdout.toString()], [0, "hello"]);
  });
}

test("a file that a killed server left is replaced, and one that is no socket is not", async () => {
  const left = path();
  {
    using _ = await listenAt(left); // SIGKILL at the end of the scope
  }
  while (!existsSync(left)) await new Promise(setImmediate);
  using server = await listenAt(left, "--echo");
  assert.equal((await windsock(["connect", "-U", left, "again"])).stdout.toString(), "again");
  assert.equal((await server.ended).code, 0);
  const file = path();
  writeFileSync(file, "precious");
  assertOneLine(await windsock(["listen", "-U", file]), 1, /EADDRINUSE/);
});

test("a server that listens already is not displaced", async () => {
  const used = path();
  using _ = await listenAt(used, "-k", "--echo");
  assertOneLine(await windsock(["listen", "-U", used]), 1, /EADDRINUSE/);
  assert.equal((await windsock(["connect", "-U", used, "still there"])).stdout.toString(), "still there");
});

test("nobody listens: the error says so", async () => {
  assertOneLine(await windsock(["connect", "-U", path(), "x"]), 1, /ENOENT/);
});

test("with nc -U", { skip: missing("nc") }, async () => {
  const address = path();
  using server = await listenAt(address, "--echo");
  using nc = new Program("nc", ["-U", "-N", address], { input: "to nc and back" });
  assert.equal((await nc.ended).stdout.toString(), "to nc and back");
  assert.equal((await server.ended).code, 0);
});

test("with socat, stream and datagram", { skip: missing("socat") }, async () => {
  const stream = path();
  using echo = new Program("socat", [`UNIX-LISTEN:${stream},fork`, "EXEC:cat"], { input: "open" });
  while (!existsSync(stream)) await new Promise((resolve) => setTimeout(resolve, 5));
  const { stdout } = await windsock(["connect", "-U", stream, "to socat"]);
  assert.equal(stdout.toString(), "to socat");
  assert.equal(echo.stderrSoFar, "");
});
