/** Queries over UDP: what counts as their answer, and what does not. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { test } from "node:test";
import { DnsError, DnsResolver } from "../../src/dns/index.ts";
import { TimeoutError } from "../../src/socket/index.ts";
import { a, FakeServer, type Query, reply, withRecord } from "./_fake.ts";
import { openSockets } from "./_fds.ts";

/** So long that a test that needs it hangs visibly. */
const LONG = 60_000;
/** Long enough for an answer of this process, and short enough to be waited for. */
const SHORT = 500;

const addressesOf = (response: { records: readonly { address: unknown }[] }): string[] =>
  response.records.map(({ address }) => String(address));

/** Lets the event loop have its turn, and with it the client, which runs in the same thread. */
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What comes before the right answer, and must not be taken. */
const STRAYS: Record<string, (query: Query) => Buffer> = {
  "another id": (query) => reply(query, { id: query.id ^ 1, answers: [a(query.name, "192.0.2.66")] }),
  "another name": (query) => reply(query, { name: "evil.test", answers: [a("evil.test", "192.0.2.66")] }),
  "a longer name": (query) => reply(query, { name: `${query.name}.test` }),
  "another type": (query) => reply(query, { type: "AAAA", answers: [a(query.name, "192.0.2.66")] }),
  "another class": (query) => reply(query, { class: "CH", answers: [a(query.name, "192.0.2.66")] }),
  "no question": (query) => reply(query, { questions: 0, answers: [a(query.name, "192.0.2.66")] }),
  "no question, NXDOMAIN": (query) => reply(query, { questions: 0, rcode: 3, answers: [] }),
  "a query": (query) => reply(query, { isQuery: true, answers: [a(query.name, "192.0.2.66")] }),
  "another opcode": (query) => reply(query, { flags: 0x2000, answers: [a(query.name, "192.0.2.66")] }),
  "an empty datagram": () => Buffer.alloc(0),
  "one byte": () => Buffer.alloc(1),
  "eleven bytes": (query) => reply(query).subarray(0, 11),
  "an answer cut in its question": (query) => reply(query).subarray(0, 20),
  "an answer cut in its record": (query) => reply(query).subarray(0, -3),
  "an address of five bytes": (query) => withRecord(query, 1, Buffer.from([192, 0, 2, 66, 0])),
  "a loop of pointers": (query) => withRecord(query, 5, Buffer.from([0xc0, query.bytes.length + 1])),
  noise: () => Buffer.from(Array.from({ length: 200 }, (_, i) => (i * 167 + 13) & 255)),
};

for (const [what, stray] of Object.entries(STRAYS)) {
  test(`what is not the answer is passed over: ${what}`, async () => {
    await using fake = await FakeServer.start({
      udp: (query, send) => {
        send(stray(query));
        send(reply(query));
      },
    });
    const resolver = new DnsResolver({ servers: [fake.server], timeoutMs: LONG });
    assert.deepEqual(addressesOf(await resolver.query("host.test", "A")), ["192.0.2.1"]);
    assert.equal(fake.queries.length, 1);
  });
}

test("where nothing else comes, what came is told", async () => {
  const { "another id": stray } = STRAYS as { "another id": (query: Query) => Buffer };
  await using fake = await FakeServer.start({ udp: (query, send) => send(stray(query)) });
  const resolver = new DnsResolver({ servers: [fake.server], timeoutMs: SHORT, attempts: 1 });
  await assert.rejects(resolver.query("host.test", "A"), {
    name: "DnsError",
    code: "UNANSWERED",
    message: /no answer within 500 ms, but 1 that did not belong to the query \(another id\)$/,
  });
});

test("an answer from another port does not come through", async () => {
  const other = createSocket("udp4");
  await using fake = await FakeServer.start({
    udp: (query, send, server) => {
      // The forged one is on its way before the right one is sent.
      other.send(
        reply(query, { answers: [a(query.name, "192.0.2.66")] }),
        query.from?.port,
        query.from?.address,
        () => send(reply(query)),
      );
      assert.notEqual(other.address().port, server.port);
    },
  });
  other.bind(0, fake.address);
  try {
    const resolver = new DnsResolver({ servers: [fake.server], timeoutMs: LONG });
    assert.deepEqual(addressesOf(await resolver.query("host.test", "A")), ["192.0.2.1"]);
  } finally {
    other.close();
  }
});

test("a flood of forged answers before the good one", async () => {
  await using fake = await FakeServer.start({
    udp: async (query, send, server) => {
      const forged = reply(query, { answers: [a(query.name, "192.0.2.66")] });
      for (let i = 0; i < 2000; i++) {
        forged.writeUInt16BE((query.id + 1 + i) & 0xffff);
        await new Promise((resolve) =>
          server.udp.send(forged, query.from?.port as number, query.from?.address, resolve),
        );
        if (i % 100 === 99) await breathe(); // or the client's receive buffer would lose the good one as well
      }
      send(reply(query));
    },
  });
  const resolver = new DnsResolver({ servers: [fake.server], timeoutMs: LONG });
  assert.deepEqual(addressesOf(await resolver.query("host.test", "A")), ["192.0.2.1"]);
});

test("a flood that does not end does not outlast the timeout", async () => {
  let flooding = true;
  await using fake = await FakeServer.start({
    udp: async (query, _send, server) => {
      const forged = reply(query, { id: query.id ^ 1 });
      while (flooding) {
        for (let i = 0; i < 50; i++) server.udp.send(forged, query.from?.port, query.from?.address);
        await breathe();
      }
    },
  });
  const resolver = new DnsResolver({ servers: [fake.server], timeoutMs: SHORT, attempts: 1 });
  try {
    await assert.rejects(resolver.query("host.test", "A"), { code: "UNANSWERED" });
  } finally {
    flooding = false;
    await breathe();
  }
});

test("an answer that comes twice", async () => {
  await using fake = await FakeServer.start({
    udp: (query, send) => {
      send(reply(query));
      send(reply(query));
    },
  });
  const resolver = new DnsResolver({ servers: [fake.server], timeoutMs: LONG });
  for (let i = 0; i < 5; i++) {
    assert.deepEqual(addressesOf(await resolver.query("host.test", "A")), ["192.0.2.1"]);
  }
});

test("an answer that comes late is not taken for that of the next query", async () => {
  await using fake = await FakeServer.start({
    udp: (query, send, server) => {
      // The first query is answered when the second one comes.
      const [first] = server.queries as [Query];
      if (server.queries.length === 1) return;
      const late = reply(first, { answers: [a(first.name, "192.0.2.66")] });
      server.udp.send(late, first.from?.port, first.from?.address, () => send(reply(query)));
    },
  });
  const resolver = new DnsResolver({ servers: [fake.server], timeoutMs: SHORT });
  assert.deepEqual(addressesOf(await resolver.query("host.test", "A")), ["192.0.2.1"]);
  const [first, second] = fake.queries as [Query, Query];
  assert.notEqual(first.from?.port, second.from?.port, "each query has a socket of its own");
});

test("the first queries are lost", async () => {
  await using fake = await FakeServer.start({
    udp: (query, send, server) => {
      if (server.queries.length === 4) send(reply(query));
    },
  });
  const resolver = new DnsResolver({ servers: [fake.server], timeoutMs: 300, attempts: 4 });
  assert.deepEqual(addressesOf(await resolver.query("host.test", "A")), ["192.0.2.1"]);
  assert.equal(fake.queries.length, 4);
});

test("ids and ports are not to be guessed", async () => {
  await using fake = await FakeServer.start({ udp: (query, send) => send(reply(query)) });
  const resolver = new DnsResolver({ servers: [fake.server], timeoutMs: LONG });
  const count = 300;
  for (let i = 0; i < count; i++) await resolver.query("host.test", "A");
  const steps = (values: number[]): number[] =>
    values.slice(1).map((value, i) => value - (values[i] as number));
  for (const [what, values] of [
    ["id", fake.queries.map(({ id }) => id)],
    ["port", fake.queries.map(({ from }) => from?.port as number)],
  ] as const) {
    // Of 300 out of 28 232 ports, or 65 536 ids, more than 20 that are there already are as good as impossible.
    assert.ok(new Set(values).size > count - 20, `${what}s: ${values.slice(0, 20)}`);
    assert.ok(new Set(steps(values)).size > count - 20, `steps of ${what}s: ${steps(values).slice(0, 20)}`);
    const rising = steps(values).filter((step) => step > 0).length;
    assert.ok(rising > count / 4 && rising < (count * 3) / 4, `${what}s rise ${rising} times`);
  }
});

test("a port that nobody has is passed over at once", async () => {
  await using fake = await FakeServer.start({ udp: (query, send) => send(reply(query)) });
  const nobody = await FakeServer.start({});
  const closed = nobody.server;
  await nobody[Symbol.asyncDispose]();
  const resolver = new DnsResolver({ servers: [closed, fake.server], timeoutMs: LONG });
  const response = await resolver.query("host.test", "A");
  assert.equal(response.server.toString(), fake.server);
  const alone = new DnsResolver({ servers: [closed], timeoutMs: LONG });
  await assert.rejects(alone.query("host.test", "A"), (error) => {
    assert.ok(error instanceof DnsError);
    assert.deepEqual(
      error.tries.map((each) => [
        each.server.toString(),
        each.transport,
        (each.error as { code?: string })?.code,
      ]),
      [
        [closed, "udp", "ECONNREFUSED"],
        [closed, "udp", "ECONNREFUSED"],
      ],
    );
    assert.match(error.message, /^query host\.test A: no server answered: .*ECONNREFUSED.*\(2 times\)$/);
    return true;
  });
});

test("0x20: the name goes out in random case, and comes back in the same", async () => {
  const name = "an-exceedingly-long-host-name-of-many-letters.example.test";
  await using fake = await FakeServer.start({ udp: (query, send) => send(reply(query)) });
  const resolver = new DnsResolver({ servers: [fake.server], timeoutMs: LONG, randomizeCase: true });
  for (let i = 0; i < 4; i++) {
    const response = await resolver.query(name, "A");
    assert.deepEqual([response.name, ...addressesOf(response)], [name, "192.0.2.1"]);
  }
  const names = fake.queries.map((query) => query.name);
  assert.equal(new Set(names).size, 4, names.join(" "));
  for (const asked of names) assert.equal(asked.toLowerCase(), name);
});

test("0x20: another case is another question; without it, it is not", async () => {
  await using fake = await FakeServer.start({
    udp: (query, send) => send(reply(query, { name: query.name.toUpperCase() })),
  });
  const options = { servers: [fake.server], timeoutMs: SHORT, attempts: 1 };
  const strict = new DnsResolver({ ...options, randomizeCase: true });
  await assert.rejects(strict.query("host.example.test", "A"), {
    code: "UNANSWERED",
    message: /another question/,
  });
  const lax = new DnsResolver(options);
  assert.deepEqual(addressesOf(await lax.query("Host.example.test", "A")), ["192.0.2.1"]);
  assert.equal(fake.queries.at(-1)?.name, "Host.example.test", "the name goes out as it was given");
});

test("EDNS: 1232 by default, as told, or not at all", async () => {
  await using fake = await FakeServer.start({ udp: (query, send) => send(reply(query)) });
  for (const [options, expected] of [
    [{}, 1232],
    [{ ednsBytes: 4096 }, 4096],
    [{ ednsBytes: 0 }, undefined],
  ] as const) {
    await new DnsResolver({ servers: [fake.server], timeoutMs: LONG, ...options }).query("host.test", "A");
    assert.equal(fake.queries.at(-1)?.edns, expected);
    assert.equal(fake.queries.at(-1)?.packet.flag_rd, true);
    assert.equal(fake.queries.at(-1)?.packet.flag_ad, false);
  }
});

for (const [code, rcode, questions] of [
  ["FORMERR", 1, 1],
  ["FORMERR", 1, 0],
  ["NOTIMP", 4, 1],
] as const) {
  test(`EDNS: a server that answers it with ${code} (${questions} questions) is asked without`, async () => {
    await using fake = await FakeServer.start({
      udp: (query, send) =>
        send(query.edns === undefined ? reply(query) : reply(query, { rcode, questions, answers: [] })),
    });
    const resolver = new DnsResolver({ servers: [fake.server], timeoutMs: LONG });
    assert.deepEqual(addressesOf(await resolver.query("host.test", "A")), ["192.0.2.1"]);
    assert.deepEqual(
      fake.queries.map(({ edns }) => edns),
      [1232, undefined],
    );
  });
}

test("EDNS: BADVERS stands in the extended code", async () => {
  const opt = {
    type: "OPT",
    name: ".",
    udpPayloadSize: 1232,
    extendedRcode: 1,
    ednsVersion: 0,
    flags: 0,
    options: [],
  };
  await using fake = await FakeServer.start({
    udp: (query, send) =>
      send(query.edns === undefined ? reply(query) : reply(query, { answers: [], additionals: [opt] })),
  });
  const resolver = new DnsResolver({ servers: [fake.server], timeoutMs: LONG });
  assert.deepEqual(addressesOf(await resolver.query("host.test", "A")), ["192.0.2.1"]);
  assert.equal(fake.queries.length, 2);
});

test("trustAd asks for the AD bit, and only then it is believed", async () => {
  await using fake = await FakeServer.start({ udp: (query, send) => send(reply(query, { flags: 0x20 })) });
  for (const trustAd of [true, false]) {
    const resolver = new DnsResolver({ servers: [fake.server], timeoutMs: LONG, trustAd });
    assert.equal((await resolver.query("host.test", "A")).flags.authenticData, trustAd);
    assert.equal(fake.queries.at(-1)?.packet.flag_ad, trustAd);
  }
});

test("why a server failed is in the message, RFC 8914", async () => {
  const text = Buffer.concat([Buffer.from([0, 6]), Buffer.from("no valid signature")]);
  const options = [{ code: 15, data: text }];
  const opt = {
    type: "OPT",
    name: ".",
    udpPayloadSize: 1232,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    options,
  };
  await using fake = await FakeServer.start({
    udp: (query, send) => send(reply(query, { rcode: 2, answers: [], additionals: [opt] })),
  });
  const resolver = new DnsResolver({ servers: [fake.server], timeoutMs: LONG });
  await assert.rejects(resolver.query("host.test", "A"), (error) => {
    assert.ok(error instanceof DnsError);
    assert.equal(error.code, "SERVFAIL");
    assert.deepEqual(error.response?.extendedErrors, [{ code: 6, text: "no valid signature" }]);
    assert.match(error.message, /says SERVFAIL \(the server failed\); no valid signature$/);
    return true;
  });
});

test("cancelling closes the socket and gives the reason", async () => {
  await using fake = await FakeServer.start({});
  const before = openSockets();
  const resolver = new DnsResolver({ servers: [fake.server], timeoutMs: LONG });
  const controller = new AbortController();
  const reason = new Error("enough");
  const pending = [
    resolver.query("host.test", "A", { signal: controller.signal }),
    resolver.resolve("host.test", 80, { signal: controller.signal }),
    resolver.reverse("192.0.2.1", { signal: controller.signal }),
  ].map((promise) => assert.rejects(promise, (error) => error === reason));
  while (fake.queries.length < 4) await new Promise((resolve) => fake.udp.once("message", resolve));
  assert.equal(openSockets(), before + 4, "A; A and AAAA; PTR");
  controller.abort(reason);
  await Promise.all(pending);
  assert.equal(openSockets(), before);
});

test("timeoutMs of a call is the whole call's", async () => {
  await using fake = await FakeServer.start({});
  const before = openSockets();
  const resolver = new DnsResolver({ servers: [fake.server, fake.server], timeoutMs: LONG });
  for (const pending of [
    resolver.query("host.test", "A", { timeoutMs: 100 }),
    resolver.resolve("host.test", 80, { timeoutMs: 100 }),
  ]) {
    await assert.rejects(pending, (error) => {
      assert.ok(error instanceof TimeoutError);
      assert.deepEqual([error.timeoutMs, error.address], [100, "host.test"]);
      return true;
    });
  }
  assert.equal(openSockets(), before);
});

test("an aborted signal asks nobody", async () => {
  await using fake = await FakeServer.start({ udp: (query, send) => send(reply(query)) });
  const resolver = new DnsResolver({ servers: [fake.server] });
  const signal = AbortSignal.abort("already");
  for (const pending of [
    resolver.query("host.test", "A", { signal }),
    resolver.resolve("host.test", 80, { signal }),
    resolver.reverse("192.0.2.1", { signal }),
  ]) {
    await assert.rejects(pending, (reason) => reason === "already");
  }
  await resolver.query("host.test", "A");
  assert.equal(fake.queries.length, 1);
});
