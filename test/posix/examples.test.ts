/** The programs of examples/posix/ are run: the C client, the daytime server, and the one against the other. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { freePort, listening, missing, Program, ROOT } from "../cli/_cli.ts";

/** As the README runs them: from the sources, against the built package. */
const example = (name: string, ...args: string[]): Program =>
  new Program(process.execPath, ["--import", "tsx", join("examples/posix", name), ...args]);

async function daytimeServer(): Promise<Program & { readonly port: number }> {
  const server = example("daytime-server.ts", "0", "127.0.0.1");
  const line = (await server.printed("daytime on port 1\n".length)).toString();
  const port = Number(/^daytime on port (\d+)\n$/.exec(line)?.[1]);
  assert.ok(port > 0, line);
  return Object.assign(server, { port });
}

/** RFC 867 leaves the form free; this is that of ctime(3). */
const DAYTIME = /^\w{3} \w{3} \d{2} \d{4} \d{2}:\d{2}:\d{2}\r\n$/;

test("each program has its tests here", () => {
  assert.deepEqual(readdirSync(join(ROOT, "examples/posix")).sort(), ["client.ts", "daytime-server.ts"]);
});

test("client.ts sends all of its text and prints the answer", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  using client = example(
    "client.ts",
    "127.0.0.1",
    String((server.address() as AddressInfo).port),
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
});

test("client.ts and nc -l", { skip: missing("nc") }, async () => {
  const port = String(await freePort());
  using nc = new Program("nc", ["-l", port], { input: "open" });
  await listening(Number(port), nc);
  using client = example("client.ts", "localhost", port, "hello");
  assert.equal((await nc.printed(5)).toString(), "hello");
  nc.stdin.write("and hello to you\n");
  const { code, stdout, stderr } = await client.ended;
  assert.deepEqual([code, stdout.toString()], [0, "and hello to you\n\n"], stderr);
  assert.equal((await nc.ended).stdout.toString(), "hello");
});

test("client.ts says why it could not: perror and gai_strerror on standard error, at once", async () => {
  const held = createServer().listen(0, "127.0.0.1");
  await once(held, "listening");
  const { port } = held.address() as AddressInfo;
  held.close();
  await once(held, "close");
  const refused = await example("client.ts", "127.0.0.1", String(port), "x").ended;
  assert.deepEqual([refused.code, refused.stderr], [1, "connect: Connection refused\n"]);
  const unknown = await example("client.ts", "127.0.0.1", "nosuchservice", "x").ended;
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /^Failure in name resolution: \S.*\n$/);
  const usage = await example("client.ts", "127.0.0.1").ended;
  assert.deepEqual([usage.code, usage.stderr], [2, "usage: client.ts NAME SERVICE TEXT\n"]);
});

test("daytime-server.ts tells the time to one peer after the other, and closes", async () => {
  using server = await daytimeServer();
  for (let i = 0; i < 3; i++) {
    const socket = connect({ port: server.port, host: "127.0.0.1" });
    const chunks: Buffer[] = [];
    socket.on("data", (chunk) => chunks.push(chunk));
    const { port } = await once(socket, "connect").then(() => socket.address() as AddressInfo);
    await once(socket, "end");
    assert.match(Buffer.concat(chunks).toString(), DAYTIME);
    const shown = `connection from 127.0.0.1, port ${port}\n`;
    while (!(await server.printed(1)).includes(shown)) await new Promise((resolve) => setTimeout(resolve, 5));
  }
});

test("client.ts asks daytime-server.ts", async () => {
  using server = await daytimeServer();
  const { code, stdout, stderr } = await example(
    "client.ts",
    "127.0.0.1",
    String(server.port),
    "what time is it?",
  ).ended;
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout.toString().replace(/\n$/, ""), DAYTIME);
});

test("daytime-server.ts says what it could not do", async () => {
  using server = await daytimeServer();
  const taken = await example("daytime-server.ts", String(server.port), "127.0.0.1").ended;
  assert.deepEqual([taken.code, taken.stderr], [1, "bind: Address already in use\n"]);
  const foreign = await example("daytime-server.ts", "0", "192.0.2.1").ended;
  assert.deepEqual([foreign.code, foreign.stderr], [1, "bind: Cannot assign requested address\n"]);
  const wrong = await example("daytime-server.ts", "0", "192.0.2").ended;
  assert.deepEqual([wrong.code, wrong.stderr], [2, "not an IPv4 address: 192.0.2\n"]);
});
