/** Several servers: who is asked when, and whose answer counts. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { DnsError, DnsResolver } from "../../src/dns/index.ts";
import { type ConnectError, TcpListener, TcpStream } from "../../src/socket/index.ts";
import { a, FakeServer, reply } from "./_fake.ts";
import { openSockets } from "./_fds.ts";

const LONG = 60_000;

/** Answers with a code, and an address of its own. */
const server = (rcode: number, address = "192.0.2.1"): Promise<FakeServer> =>
  FakeServer.start({
    udp: (query, send) =>
      send(
        reply(query, { rcode, answers: rcode === 0 && query.type === "A" ? [a(query.name, address)] : [] }),
      ),
  });

const silent = (): Promise<FakeServer> => FakeServer.start({});

const CODES = { SERVFAIL: 2, NOTIMP: 4, REFUSED: 5, YXDOMAIN: 6, NOTAUTH: 9, RCODE15: 15 } as const;

for (const [code, rcode] of Object.entries(CODES)) {
  test(`the server after one that says ${code} is asked`, async () => {
    await using first = await server(rcode);
    await using second = await server(0);
    const resolver = new DnsResolver({
      servers: [first.server, second.server],
      timeoutMs: LONG,
      ednsBytes: 0,
    });
    const response = await resolver.query("host.test", "A");
    assert.equal(response.server.toString(), second.server);
    assert.deepEqual([first.queries.length, second.queries.length], [1, 1]);
  });
}

test("NXDOMAIN and an empty answer are answers: nobody else is asked", async () => {
  await using nowhere = await server(3);
  await using second = await server(0);
  const resolver = new DnsResolver({ servers: [nowhere.server, second.server], timeoutMs: LONG });
  await assert.rejects(resolver.query("host.test", "A"), (error) => {
    assert.ok(error instanceof DnsError);
    assert.deepEqual([error.code, error.host, error.type], ["NXDOMAIN", "host.test", "A"]);
    assert.equal(error.response?.rcode, "NXDOMAIN");
    assert.match(error.message, /^query host\.test A: 127\.\S+ says NXDOMAIN \(there is no such name\)$/);
    return true;
  });
  assert.deepEqual(
    (await new DnsResolver({ servers: [second.server] }).query("host.test", "MX")).records,
    [],
  );
  assert.equal(second.queries.length, 1);
});

test("all fail: SERVFAIL is asked again in each round, REFUSED is not", async () => {
  await using failing = await server(CODES.SERVFAIL);
  await using refusing = await server(CODES.REFUSED);
  const resolver = new DnsResolver({
    servers: [failing.server, refusing.server],
    timeoutMs: LONG,
    attempts: 3,
  });
  await assert.rejects(resolver.query("host.test", "A"), (error) => {
    assert.ok(error instanceof DnsError);
    assert.equal(error.code, "SERVFAIL", "the last answer's");
    assert.deepEqual(
      error.tries.map(({ reason }) => reason),
      ["SERVFAIL", "REFUSED", "SERVFAIL", "SERVFAIL"],
    );
    return true;
  });
  assert.deepEqual([failing.queries.length, refusing.queries.length], [3, 1]);
});

test("silent servers are asked in turns, attempts times, and the time is bounded", async () => {
  await using one = await silent();
  await using two = await silent();
  const resolver = new DnsResolver({ servers: [one.server, two.server], timeoutMs: 50, attempts: 3 });
  const startedAt = performance.now();
  await assert.rejects(resolver.query("host.test", "A"), (error) => {
    assert.ok(error instanceof DnsError);
    assert.deepEqual(
      error.tries.map((each) => each.server.toString()),
      [one.server, two.server, one.server, two.server, one.server, two.server],
    );
    assert.match(
      error.message,
      /no answer within 50 ms \(3 times\); 127\..* no answer within 50 ms \(3 times\)$/,
    );
    return true;
  });
  assert.ok(performance.now() - startedAt >= 6 * 49, "each had its time");
  assert.deepEqual([one.queries.length, two.queries.length], [3, 3]);
});

test("rotate begins with another server each time", async () => {
  await using one = await server(0, "192.0.2.1");
  await using two = await server(0, "192.0.2.2");
  for (const [rotate, expected] of [
    [true, [one, two, one, two]],
    [false, [one, one, one, one]],
  ] as const) {
    const resolver = new DnsResolver({ servers: [one.server, two.server], timeoutMs: LONG, rotate });
    const asked: string[] = [];
    for (let i = 0; i < 4; i++) asked.push((await resolver.query("host.test", "A")).server.toString());
    assert.deepEqual(
      asked,
      expected.map(({ server }) => server),
    );
  }
});

test("a thousand lookups at once", async () => {
  await using fake = await server(0);
  // The server runs in the same thread: where that is busy, some datagrams may be lost, and asked for again.
  const resolver = new DnsResolver({ servers: [fake.server], timeoutMs: 2000, attempts: 10 });
  const all = await Promise.all(Array.from({ length: 1000 }, (_, i) => resolver.resolve(`h${i}.test`, 80)));
  assert.deepEqual(
    all.map((list) => list.map(String)),
    Array.from({ length: 1000 }, () => ["192.0.2.1:80"]),
  );
  assert.equal(new Set(fake.queries.map(({ name, type }) => `${name} ${type}`)).size, 2000);
});

test("a silent server holds up nobody for long: its queries follow each other though none is answered", async () => {
  await using fake = await FakeServer.start({
    udp: (query, send) => {
      if (query.name === "last.test") send(reply(query));
    },
  });
  const resolver = new DnsResolver({ servers: [fake.server], timeoutMs: LONG, attempts: 1 });
  const controller = new AbortController();
  const stuck = Array.from({ length: 300 }, (_, i) =>
    resolver.query(`h${i}.test`, "A", { signal: controller.signal }).catch((reason) => reason),
  );
  const last = resolver.query("last.test", "A");
  assert.equal(fake.queries.length, 0);
  assert.equal((await last).records.length, 1);
  assert.equal(fake.queries.length, 301);
  controller.abort("enough");
  assert.deepEqual(new Set(await Promise.all(stuck)), new Set(["enough"]));
});

test("who is cancelled while its turn has not come is not sent at all, and leaves its place to others", async () => {
  await using fake = await FakeServer.start({
    udp: (query, send) => {
      if (query.name === "last.test") send(reply(query));
    },
  });
  const before = openSockets();
  const resolver = new DnsResolver({ servers: [fake.server], timeoutMs: LONG, attempts: 1 });
  const controller = new AbortController();
  const stuck = Array.from({ length: 300 }, (_, i) =>
    resolver.query(`h${i}.test`, "A", { signal: controller.signal }).catch((reason) => reason),
  );
  while (fake.queries.length < 100) await new Promise((resolve) => fake.udp.once("message", resolve));
  controller.abort("enough");
  assert.deepEqual(new Set(await Promise.all(stuck)), new Set(["enough"]));
  assert.equal(openSockets(), before);
  assert.ok(fake.queries.length < 300, `${fake.queries.length} were sent`);
  for (let i = 0; i < 300; i++) await resolver.query("last.test", "A", { timeoutMs: 5000 });
});

test("out of files is this process's fault, and not the server's", async () => {
  await using fake = await server(0);
  const command = 'ulimit -n 80; exec "$0" --import tsx test/dns/_files_child.ts "$1"';
  const cwd = fileURLToPath(new URL("../..", import.meta.url));
  const child = spawn("bash", ["-c", command, process.execPath, fake.server], {
    cwd,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    printed += text;
  });
  await once(child, "close");
  assert.deepEqual(JSON.parse(printed), [
    ["SysError", "EMFILE", null],
    ["ResolveError", "EAI_SYSTEM", "EMFILE"],
    ["ResolveError", "EAI_SYSTEM", "EMFILE"],
    "192.0.2.1:80",
  ]);
});

test("TcpStream.connect takes a DnsResolver", async () => {
  await using fake = await server(0, "127.0.0.1");
  const resolver = new DnsResolver({ servers: [fake.server], timeoutMs: LONG });
  using listener = TcpListener.bind("127.0.0.1:0");
  using stream = await TcpStream.connect(`host.test:${listener.localAddr.port}`, { resolver });
  assert.equal(stream.peerAddr.toString(), listener.localAddr.toString());
  listener.close();
  stream.close();
  await assert.rejects(
    TcpStream.connect({ host: "host.test", port: 1 }, { resolver }),
    (error: ConnectError) => error.attempts[0]?.address.toString() === "127.0.0.1:1",
  );
});
