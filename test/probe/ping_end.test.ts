/** How a ping session ends: counts, answers, deadlines, timeouts, stop, signals; and that it leaves nothing behind. */
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { SocketAddr } from "../../src/index.ts";
import { type PingEvent, ping } from "../../src/probe/index.ts";
import { isolated, socketFds, stateOf, sysError, turns, until } from "../socket/_helpers.ts";
import { twoHosts } from "../socket/_wires.ts";
import { all, FAMILIES, FAR, FOREVER, only, Responder, SOCKETS, take } from "./_peers.ts";

/** How many sockets are open beyond those that were open when this was called. */
function socketsSince(): () => number {
  const before = socketFds().length;
  return () => socketFds().length - before;
}

const kinds = (events: readonly PingEvent[]): string[] => events.map((it) => `${it.kind} ${it.sequence}`);

for (const family of FAMILIES) {
  isolated(
    import.meta.url,
    `${family}: nothing comes: each request is given up after its timeout, and the session ends with the last`,
    { netns: SOCKETS.raw },
    async () => {
      const { far } = twoHosts();
      const open = socketsSince();
      using _ = new Responder(far, family);
      const session = ping(FAR[family], { count: 3, intervalMs: 5, timeoutMs: 20 });
      const events = await all(session);
      assert.deepEqual(kinds(events), ["timeout 1", "timeout 2", "timeout 3"]);
      const { transmitted, received, loss, rttMs, errors } = session.statistics();
      assert.deepEqual([transmitted, received, loss, rttMs, errors], [3, 0, 1, undefined, 0]);
      assert.equal(open(), 1, "the responder's");
    },
  );

  isolated(
    import.meta.url,
    `${family}: a reply after its timeout counts, with its round-trip time; the second one is a duplicate`,
    { netns: SOCKETS.ping },
    async () => {
      const { far } = twoHosts();
      using responder = new Responder(far, family);
      const session = ping(FAR[family], { intervalMs: 60_000, timeoutMs: 10 });
      const early = await take(session, "timeout", 1);
      assert.deepEqual(kinds(early), ["timeout 1"]);
      const asked = await responder.asked();
      for (let i = 0; i < 3; i++) await responder.send(responder.reply(asked), asked);
      const replies = only(await take(session, "reply", 3), "reply");
      assert.deepEqual(
        replies.map((it) => [it.sequence, it.duplicate]),
        [
          [1, false],
          [1, true],
          [1, true],
        ],
      );
      for (const { rttMs } of replies) assert.ok(rttMs >= 10, `${rttMs}`);
      session.stop();
      const { received, duplicates, loss } = session.statistics();
      assert.deepEqual([received, duplicates, loss], [1, 2, 0]);
    },
  );
}

isolated(
  import.meta.url,
  "linger: as ping(8), twice the longest time and at least an interval",
  { netns: SOCKETS.raw },
  async () => {
    const { far } = twoHosts();
    using responder = new Responder(far, "ipv4");
    const session = ping(FAR.ipv4, { count: 3, intervalMs: 10, linger: "rtt", ...FOREVER });
    const answered = responder.each(async (asked) => {
      if (asked.sequence === 2) await responder.send(responder.reply(asked), asked);
    });
    // It ends though requests 1 and 3 would wait for ever.
    assert.deepEqual(kinds(await all(session)).sort(), ["reply 2", "timeout 1", "timeout 3"]);
    responder[Symbol.dispose]();
    await answered;
  },
);

isolated(
  import.meta.url,
  "linger: once a reply has come, those that were given up are waited for too, and late replies are answers",
  { netns: SOCKETS.raw },
  async () => {
    const { far } = twoHosts();
    using responder = new Responder(far, "ipv4");
    const many = { preload: 2, intervalMs: 60_000, timeoutMs: 10 };
    for (const end of [{ count: 2, linger: "rtt" }, { answers: 2 }] as const) {
      const session = ping(FAR.ipv4, { ...many, ...end });
      const first = session.next();
      const [one, two] = [await responder.asked(), await responder.asked()];
      await responder.send(responder.reply(one), one);
      const told: PingEvent[] = [(await first).value as PingEvent];
      while (told.filter((it) => it.kind === "timeout" && it.sequence === 2).length === 0) {
        told.push((await session.next()).value as PingEvent);
      }
      if (!told.some((it) => it.kind === "reply")) told.push(...(await take(session, "reply", 1)));
      const next = session.next();
      assert.equal(await stateOf(next), "pending");
      await responder.send(responder.reply(two), two);
      const { value } = await next;
      assert.deepEqual([value?.kind, value?.sequence], ["reply", 2]);
      assert.deepEqual(await session.next(), { done: true, value: undefined });
      assert.equal(session.statistics().received, 2);
    }
  },
);

isolated(
  import.meta.url,
  "linger: without any reply it waits for the timeout",
  { netns: SOCKETS.raw },
  async () => {
    const { far } = twoHosts();
    using _ = new Responder(far, "ipv4");
    const session = ping(FAR.ipv4, { count: 2, intervalMs: 1, linger: "rtt", timeoutMs: 30 });
    assert.deepEqual(kinds(await all(session)), ["timeout 1", "timeout 2"]);
  },
);

isolated(
  import.meta.url,
  "deadline: it ends whatever is on its way, and nothing is sent at it or after it",
  { netns: SOCKETS.raw },
  async () => {
    const { far } = twoHosts();
    using _ = new Responder(far, "ipv4");
    for (const [deadlineMs, intervalMs] of [
      [40, 40],
      [40, 50],
      [0, 1],
    ] as const) {
      const session = ping(FAR.ipv4, { deadlineMs, intervalMs, ...FOREVER });
      const events = await all(session);
      const { transmitted } = session.statistics();
      assert.equal(transmitted, deadlineMs === 0 ? 0 : 1, `${deadlineMs} ms`);
      assert.deepEqual(kinds(events), deadlineMs === 0 ? [] : ["timeout 1"]);
    }
  },
);

isolated(
  import.meta.url,
  "answers: it sends until so many have come, however many that takes",
  { netns: SOCKETS.raw },
  async () => {
    const { far } = twoHosts();
    using responder = new Responder(far, "ipv4");
    const answered = responder.each(async (asked) => {
      if (asked.sequence % 4 === 0) await responder.send(responder.reply(asked), asked);
    });
    const session = ping(FAR.ipv4, { answers: 3, intervalMs: 2, ...FOREVER });
    const replies = only(await all(session), "reply");
    assert.deepEqual(
      replies.slice(0, 3).map(({ sequence }) => sequence),
      [4, 8, 12],
    );
    assert.ok(session.statistics().transmitted >= 12);
    responder[Symbol.dispose]();
    await answered;
  },
);

isolated(
  import.meta.url,
  "reports of what is sent, and of what is missing when the next one goes",
  { netns: SOCKETS.raw },
  async () => {
    const { far } = twoHosts();
    using responder = new Responder(far, "ipv4");
    const session = ping(FAR.ipv4, {
      count: 2,
      intervalMs: 0.1,
      report: ["sent", "outstanding"],
      ...FOREVER,
    });
    const first = await take(session, "sent", 2);
    assert.deepEqual(kinds(first), ["sent 1", "outstanding 1", "sent 2"]);
    for (let i = 0; i < 2; i++) {
      const asked = await responder.asked();
      await responder.send(responder.reply(asked), asked);
    }
    assert.deepEqual(kinds(await all(session)), ["reply 1", "reply 2"]);
  },
);

isolated(
  import.meta.url,
  "a flood sends when a reply comes; what nobody takes holds it up, and nothing is lost",
  { netns: SOCKETS.raw },
  async () => {
    const session = ping("127.0.0.1", { intervalMs: 0, ...FOREVER });
    await session.next();
    await until(() => session.statistics().received >= 1024);
    await turns(20);
    const { transmitted } = session.statistics();
    assert.ok(transmitted <= 1100, `${transmitted} sent while nobody took anything`);
    const events = await take(session, "reply", 3000);
    assert.deepEqual(
      events.map(({ sequence }) => sequence),
      Array.from({ length: 3000 }, (_, i) => i + 2),
    );
    session.stop();
  },
);

isolated(import.meta.url, "preload: so many go before the first reply", { netns: SOCKETS.raw }, async () => {
  const { far } = twoHosts();
  using responder = new Responder(far, "ipv4");
  const session = ping(FAR.ipv4, { count: 300, preload: 300, intervalMs: 60_000, ...FOREVER });
  const events = all(session);
  for (let i = 0; i < 300; i++) {
    const asked = await responder.asked();
    assert.equal(asked.sequence, i + 1);
    await responder.send(responder.reply(asked), asked);
  }
  assert.equal(only(await events, "reply").length, 300);
  assert.ok(session.statistics().pipe > 1);
});

isolated(
  import.meta.url,
  "stop, return and dispose end it at once, before, while and after it runs; what was told can still be taken",
  { netns: SOCKETS.raw },
  async () => {
    const open = socketsSince();
    const ended = { done: true, value: undefined };
    const never = ping("127.0.0.1");
    never.stop();
    never.stop();
    assert.deepEqual(await never.next(), ended);
    const opened = ping("127.0.0.1");
    await opened.open();
    assert.equal(open(), 1);
    assert.deepEqual(await opened.return(), ended);
    assert.equal(open(), 0);
    assert.deepEqual(await opened.next(), ended);
    const opening = ping("127.0.0.1");
    const first = opening.next();
    opening.stop();
    assert.deepEqual(await first, ended, "stopped while it was opened");
    const looking = ping("host.example", {
      resolver: {
        resolve: (_host, _service, options) =>
          new Promise((_, reject) =>
            options?.signal?.addEventListener("abort", () => reject(options.signal?.reason)),
          ),
      },
    });
    const pending = looking.next();
    await turns(2);
    looking.stop();
    assert.deepEqual(await pending, ended, "stopped while its name was looked up");
    assert.equal(open(), 0);
    const session = ping("127.0.0.1", { intervalMs: 1 });
    await session.next();
    const waiting = Array.from({ length: 3 }, () => session.next());
    await until(() => session.statistics().received >= 8);
    session.stop();
    assert.deepEqual(
      (await Promise.all(waiting)).map((it) => it.value?.sequence),
      [2, 3, 4],
    );
    const rest = await all(session);
    assert.ok(rest.length >= 4, `${rest.length} were told before the end`);
    assert.equal(open(), 0);
    for await (const event of ping("127.0.0.1", { intervalMs: 1 })) if (event.sequence === 3) break;
    assert.equal(open(), 0, "leaving the loop closes");
    {
      await using disposed = ping("127.0.0.1", { intervalMs: 1 });
      await disposed.next();
    }
    assert.equal(open(), 0);
    await assert.rejects(async () => {
      for await (const _ of ping("127.0.0.1", { intervalMs: 1 })) throw new RangeError("mine");
    }, RangeError);
    assert.equal(open(), 0);
  },
);

isolated(
  import.meta.url,
  "a signal: the reason, once, wherever it is; and nothing is left",
  { netns: SOCKETS.raw },
  async () => {
    const open = socketsSince();
    const reason = new Error("enough");
    const isReason = (error: unknown): boolean => error === reason;
    await assert.rejects(all(ping("127.0.0.1", { signal: AbortSignal.abort(reason) })), isReason);
    // While the name is looked up.
    const looking = new AbortController();
    const lookup = ping("host.example", {
      signal: looking.signal,
      resolver: {
        resolve: (_host, _service, options) =>
          new Promise((_, reject) =>
            options?.signal?.addEventListener("abort", () => reject(options.signal?.reason)),
          ),
      },
    });
    const first = lookup.next();
    assert.equal(await stateOf(first), "pending");
    looking.abort(reason);
    await assert.rejects(first, isReason);
    // While it waits, and while events wait.
    for (const waits of [true, false]) {
      const controller = new AbortController();
      const session = ping("127.0.0.1", { signal: controller.signal, intervalMs: waits ? 60_000 : 1 });
      await session.next();
      const next = waits ? session.next() : undefined;
      if (!waits) await until(() => session.statistics().received > 3);
      controller.abort(reason);
      await assert.rejects(next ?? session.next(), isReason);
      assert.deepEqual(await session.next(), { done: true, value: undefined });
      assert.equal(open(), 0);
    }
    // A signal that outlives many sessions has no listeners left.
    const long = new AbortController();
    for (let i = 0; i < 50; i++) await all(ping("127.0.0.1", { count: 1, signal: long.signal, ...FOREVER }));
    assert.equal(getEventListeners(long.signal, "abort").length, 0);
  },
);

isolated(
  import.meta.url,
  "open after the end, and the address of a session that failed",
  { netns: SOCKETS.raw },
  async () => {
    const session = ping(SocketAddr.of("127.0.0.1", 0));
    session.stop();
    await assert.rejects(session.open(), sysError("ECANCELED"));
    const lost = ping("192.0.2.1");
    await assert.rejects(lost.open(), sysError("ENETUNREACH"));
    await assert.rejects(lost.next(), sysError("ENETUNREACH"));
    assert.deepEqual(await lost.next(), { done: true, value: undefined });
  },
);
