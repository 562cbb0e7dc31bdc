/** Queries over TCP, and from UDP to TCP where an answer does not fit. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import { DnsError, DnsResolver } from "../../src/dns/index.ts";
import { a, FakeServer, framed, type Query, type ReplyFields, reply } from "./_fake.ts";
import { openSockets, socketsClosed } from "./_fds.ts";

const LONG = 60_000;
const SHORT = 300;
const TC = 0x200;

const addressesOf = (response: { records: readonly { address: unknown }[] }): string[] =>
  response.records.map(({ address }) => String(address));

/** UDP says that it does not fit. */
const truncated = (query: Query, send: (bytes: Buffer) => void): void =>
  send(reply(query, { flags: TC, answers: [a(query.name, "192.0.2.66")] }));

const answering =
  (fields: ReplyFields = {}) =>
  (query: Query, socket: Socket): void => {
    socket.write(framed(reply(query, fields)));
  };

/** Writes a byte at a time, each in a segment of its own. */
async function slowly(socket: Socket, bytes: Buffer): Promise<void> {
  socket.setNoDelay(true);
  for (const byte of bytes) {
    await new Promise((resolve) => socket.write(Buffer.of(byte), resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A TXT record of so many bytes. */
const text = (name: string, length: number): unknown => ({
  type: "TXT",
  name,
  data: Array.from({ length: Math.ceil(length / 250) }, (_, i) =>
    Buffer.alloc(Math.min(250, length - i * 250), 97 + (i % 26)),
  ),
});

test("truncated over UDP, whole over TCP", async () => {
  await using fake = await FakeServer.start({ udp: truncated, tcp: answering() });
  const before = openSockets();
  const response = await new DnsResolver({ servers: [fake.server], timeoutMs: LONG }).query("host.test", "A");
  assert.deepEqual([response.transport, ...addressesOf(response)], ["tcp", "192.0.2.1"]);
  assert.equal(response.flags.truncated, false);
  assert.deepEqual(
    fake.queries.map(({ name, edns }) => [name, edns]),
    [
      ["host.test", 1232],
      ["host.test", 1232],
    ],
  );
  await socketsClosed(before); // on both sides
});

test("transport tcp asks over TCP only", async () => {
  await using fake = await FakeServer.start({
    udp: () => assert.fail("it was asked over UDP"),
    tcp: answering(),
  });
  for (const options of [
    { servers: [{ address: fake.server, transport: "tcp" as const }] },
    { servers: [fake.server], transport: "tcp" as const },
  ]) {
    const response = await new DnsResolver({ ...options, timeoutMs: LONG }).query("host.test", "A");
    assert.deepEqual([response.transport, ...addressesOf(response)], ["tcp", "192.0.2.1"]);
  }
});

test("truncated, and nobody listens on TCP", async () => {
  await using fake = await FakeServer.start({ udp: truncated });
  await using second = await FakeServer.start({ udp: (query, send) => send(reply(query)) });
  const both = new DnsResolver({ servers: [fake.server, second.server], timeoutMs: LONG });
  assert.deepEqual(
    addressesOf(await both.query("host.test", "A")),
    ["192.0.2.1"],
    "the next server is asked",
  );
  const alone = new DnsResolver({ servers: [fake.server], timeoutMs: LONG });
  await assert.rejects(alone.query("host.test", "A"), (error) => {
    assert.ok(error instanceof DnsError);
    assert.equal(error.code, "UNANSWERED");
    assert.match(error.message, /over TCP: .*ECONNREFUSED.*\(the answer over UDP is truncated\)/);
    return true;
  });
});

for (const length of [4000, 65_000]) {
  test(`an answer of ${length} bytes of text`, async () => {
    await using fake = await FakeServer.start({
      udp: (query, send) => send(reply(query, { flags: TC, answers: [] })),
      tcp: (query, socket) => answering({ answers: [text(query.name, length)] })(query, socket),
    });
    const response = await new DnsResolver({ servers: [fake.server], timeoutMs: LONG }).query(
      "host.test",
      "TXT",
    );
    assert.equal(response.transport, "tcp");
    assert.equal(response.records[0]?.text.length, length);
    assert.ok(response.records[0]?.text.startsWith(`${"a".repeat(250)}b`));
  });
}

test("an answer of 4000 bytes that comes in one datagram is taken as it is", async () => {
  await using fake = await FakeServer.start({
    udp: (query, send) => send(reply(query, { answers: [text(query.name, 4000)] })),
  });
  const response = await new DnsResolver({ servers: [fake.server], timeoutMs: LONG }).query(
    "host.test",
    "TXT",
  );
  assert.deepEqual([response.transport, response.records[0]?.text.length], ["udp", 4000]);
});

test("an answer byte by byte", async () => {
  await using fake = await FakeServer.start({
    tcp: (query, socket) => slowly(socket, framed(reply(query))),
  });
  const resolver = new DnsResolver({ servers: [fake.server], transport: "tcp", timeoutMs: LONG });
  assert.deepEqual(addressesOf(await resolver.query("host.test", "A")), ["192.0.2.1"]);
});

test("one that never comes to its end is given up", async () => {
  await using fake = await FakeServer.start({
    tcp: async (query, socket) => {
      // All but the last byte, and then a byte never.
      await slowly(socket, framed(reply(query)).subarray(0, -1));
    },
  });
  const before = openSockets();
  const resolver = new DnsResolver({
    servers: [fake.server],
    transport: "tcp",
    timeoutMs: SHORT,
    attempts: 1,
  });
  await assert.rejects(resolver.query("host.test", "A"), {
    code: "UNANSWERED",
    message: /no answer within 300 ms/,
  });
  await socketsClosed(before); // on both sides
});

for (const cut of [0, 1, 2, 20]) {
  test(`a connection that is closed after ${cut} bytes of the answer`, async () => {
    await using fake = await FakeServer.start({
      tcp: (query, socket) => socket.end(framed(reply(query)).subarray(0, cut)),
    });
    const resolver = new DnsResolver({
      servers: [fake.server],
      transport: "tcp",
      timeoutMs: LONG,
      attempts: 1,
    });
    await assert.rejects(resolver.query("host.test", "A"), {
      code: "UNANSWERED",
      message: /it closed the connection without an answer$/,
    });
  });
}

test("a connection that is reset", async () => {
  await using fake = await FakeServer.start({ tcp: (_query, socket) => socket.resetAndDestroy() });
  const resolver = new DnsResolver({
    servers: [fake.server],
    transport: "tcp",
    timeoutMs: LONG,
    attempts: 1,
  });
  await assert.rejects(resolver.query("host.test", "A"), { code: "UNANSWERED", message: /ECONNRESET/ });
});

test("what is not the answer is passed over on a connection too", async () => {
  await using fake = await FakeServer.start({
    tcp: (query, socket) => {
      const forged = reply(query, { id: query.id ^ 1, answers: [a(query.name, "192.0.2.66")] });
      const garbage = reply(query).subarray(0, -2);
      for (const message of [Buffer.alloc(0), Buffer.alloc(5), forged, garbage, reply(query)]) {
        socket.write(framed(message));
      }
    },
  });
  const resolver = new DnsResolver({ servers: [fake.server], transport: "tcp", timeoutMs: LONG });
  assert.deepEqual(addressesOf(await resolver.query("host.test", "A")), ["192.0.2.1"]);
});

test("messages without end that are not the answer do not outlast the timeout", async () => {
  await using fake = await FakeServer.start({
    tcp: (query, socket) => {
      const forged = framed(reply(query, { id: query.id ^ 1 }));
      const more = (): void => {
        while (!socket.destroyed && socket.write(forged));
      };
      socket.on("drain", more);
      more();
    },
  });
  const resolver = new DnsResolver({
    servers: [fake.server],
    transport: "tcp",
    timeoutMs: SHORT,
    attempts: 1,
  });
  await assert.rejects(resolver.query("host.test", "A"), { code: "UNANSWERED", message: /another id/ });
});

test("an answer over TCP that says that it is truncated is taken as it is", async () => {
  await using fake = await FakeServer.start({ tcp: answering({ flags: TC }) });
  const resolver = new DnsResolver({ servers: [fake.server], transport: "tcp", timeoutMs: LONG });
  const response = await resolver.query("host.test", "A");
  assert.deepEqual([response.flags.truncated, ...addressesOf(response)], [true, "192.0.2.1"]);
});

test("cancelling closes the connection", async () => {
  await using fake = await FakeServer.start({ udp: truncated, tcp: () => {} });
  const before = openSockets();
  const controller = new AbortController();
  const pending = new DnsResolver({ servers: [fake.server], timeoutMs: LONG }).query("host.test", "A", {
    signal: controller.signal,
  });
  const rejected = assert.rejects(pending, (reason) => reason === "enough");
  while (fake.connections === 0) await new Promise((resolve) => setImmediate(resolve));
  controller.abort("enough");
  await rejected;
  await socketsClosed(before); // on both sides
});

// What is asked at the same time shares a connection

test("queries at the same time share a connection, and their answers come in any order", async () => {
  const held: (() => void)[] = [];
  await using fake = await FakeServer.start({
    tcp: (query, socket) => {
      held.push(() =>
        socket.write(framed(reply(query, { answers: [a(query.name, `192.0.2.${query.name.length}`)] }))),
      );
      if (held.length === 5) for (const answer of held.reverse()) answer();
    },
  });
  const before = openSockets();
  const resolver = new DnsResolver({ servers: [fake.server], transport: "tcp", timeoutMs: LONG });
  const names = ["a", "bb", "ccc", "dddd", "eeeee"];
  const responses = await Promise.all(names.map((name) => resolver.query(name, "A")));
  assert.deepEqual(
    responses.flatMap(addressesOf),
    names.map(({ length }) => `192.0.2.${length}`),
  );
  assert.equal(fake.accepted, 1);
  await socketsClosed(before);
  held.length = 0;
  const more = Promise.all(names.map((name) => resolver.query(name, "A")));
  assert.deepEqual(
    (await more).flatMap(addressesOf),
    names.map(({ length }) => `192.0.2.${length}`),
  );
  assert.equal(fake.accepted, 2, "a connection lasts as long as there is something to ask");
});

for (const most of [1, 3]) {
  test(`a server that takes ${most} queries on a connection`, async () => {
    const taken = new Map<Socket, number>();
    await using fake = await FakeServer.start({
      tcp: (query, socket) => {
        const count = (taken.get(socket) ?? 0) + 1;
        taken.set(socket, count);
        if (count > most) return;
        socket.write(framed(reply(query, { answers: [a(query.name, `192.0.2.${query.name.length}`)] })));
        if (count === most) socket.end();
      },
    });
    const resolver = new DnsResolver({
      servers: [fake.server],
      transport: "tcp",
      timeoutMs: LONG,
      attempts: 1,
    });
    const names = Array.from({ length: 20 }, (_, i) => "x".repeat(i + 1));
    const responses = await Promise.all(names.map((name) => resolver.query(name, "A")));
    assert.deepEqual(
      responses.flatMap(addressesOf),
      names.map(({ length }) => `192.0.2.${length}`),
    );
    assert.equal(fake.accepted, Math.ceil(20 / most));
  });
}

test("a thousand at once over one connection: each gets its own answer, though ids would meet", async () => {
  const name = (i: number): string => `h${i}.test`;
  const address = (i: number): string => `10.0.${i >> 8}.${i & 255}`;
  const byName = new Map(Array.from({ length: 1000 }, (_, i) => [name(i), address(i)]));
  await using fake = await FakeServer.start({
    tcp: (query, socket) => {
      socket.write(framed(reply(query, { answers: [a(query.name, byName.get(query.name))] })));
    },
  });
  const resolver = new DnsResolver({
    servers: [fake.server],
    transport: "tcp",
    timeoutMs: LONG,
    attempts: 1,
  });
  const responses = await Promise.all([...byName.keys()].map((asked) => resolver.query(asked, "A")));
  assert.deepEqual(responses.flatMap(addressesOf), [...byName.values()]);
  assert.equal(fake.accepted, 1);
  assert.equal(new Set(fake.queries.map(({ id }) => id)).size, 1000);
});

test("who is cancelled, or has no time left, leaves the connection to the others", async () => {
  let answer: (() => void) | undefined;
  await using fake = await FakeServer.start({
    tcp: (query, socket) => {
      if (query.name === "patient.test") answer = () => socket.write(framed(reply(query)));
    },
  });
  const before = openSockets();
  const resolver = new DnsResolver({
    servers: [fake.server],
    transport: "tcp",
    timeoutMs: LONG,
    attempts: 1,
  });
  const controller = new AbortController();
  const patient = resolver.query("patient.test", "A");
  const cancelled = resolver.query("cancelled.test", "A", { signal: controller.signal });
  const hasty = resolver.query("hasty.test", "A", { timeoutMs: SHORT });
  const rejected = assert.rejects(cancelled, (reason) => reason === "enough");
  await assert.rejects(hasty, { name: "TimeoutError" });
  controller.abort("enough");
  await rejected;
  while (answer === undefined) await new Promise((resolve) => setImmediate(resolve));
  answer();
  assert.deepEqual(addressesOf(await patient), ["192.0.2.1"]);
  assert.equal(fake.accepted, 1);
  await socketsClosed(before);
});

test("a connection that cannot be made fails all that wait for it", async () => {
  const nobody = await FakeServer.start({});
  await nobody[Symbol.asyncDispose]();
  const resolver = new DnsResolver({
    servers: [nobody.server],
    transport: "tcp",
    timeoutMs: LONG,
    attempts: 1,
  });
  for (const pending of ["a.test", "b.test", "c.test"].map((name) => resolver.query(name, "A"))) {
    await assert.rejects(pending, { code: "UNANSWERED", message: /ECONNREFUSED/ });
  }
});
