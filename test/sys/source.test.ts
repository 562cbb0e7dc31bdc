/** Source and the reactor: waiting operations, their order, their ends, and one epoll set for thousands of sockets. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { openSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { AF_UNIX } from "../../src/sys/constants.ts";
import * as C from "../../src/sys/index.ts";
import { Source, TimeoutError, WOULD_BLOCK, YIELD } from "../../src/sys/index.ts";
import { IMPORT_SYS, runNode } from "./_child.ts";
import { unixPair, unixPairs } from "./_sockets.ts";

const OWNER = {};
const ONE = Uint8Array.of(1);
/** Long enough that it only ends a test which has failed. */
const NEVER_MS = 2 ** 31 - 1;

/** An attempt that takes one byte, and gives its value. */
function takeByte(source: Source): () => number | C.WouldBlock {
  const byte = new Uint8Array(1);
  return () => {
    const count = C.recv(source.fd, byte, 0);
    if (count === -C.errno.EAGAIN) return WOULD_BLOCK;
    C.check(count, "recv");
    return count === 0 ? -1 : (byte[0] as number);
  };
}

const readByte = (source: Source, options?: C.WaitOptions, undo?: () => void): Promise<number> =>
  source.run("read", "recv", OWNER, takeByte(source), options, undo);

const write = (fd: number, ...bytes: number[]): void => {
  assert.equal(C.send(fd, Uint8Array.from(bytes), C.MSG_NOSIGNAL), bytes.length);
};

/** A new socket whose number is that of an fd just closed: the kernel gives the lowest that is free. */
function socketNumbered(number: number): number {
  const lower: number[] = [];
  for (;;) {
    const fd = C.check(C.socket(AF_UNIX, C.SOCK_STREAM | C.SOCK_NONBLOCK | C.SOCK_CLOEXEC, 0), "socket");
    if (fd < number) lower.push(fd);
    else {
      for (const each of lower) C.close(each);
      assert.equal(fd, number);
      return fd;
    }
  }
}

/** Runs a test with one Source and the fd of its peer, and closes both. */
function withPair(name: string, run: (source: Source, peer: number) => Promise<void>): void {
  // The timeout ends a test that hangs; none comes near it otherwise.
  test(name, { timeout: 10_000 }, async () => {
    const [ours, peer] = unixPair();
    const source = new Source(ours, "TestSocket");
    try {
      await run(source, peer);
    } finally {
      source.close();
      C.close(peer);
    }
  });
}

/** Waits until the reactor has handed out every event that is due now: a socket of its own comes last in the line. */
async function settled(): Promise<void> {
  const [ours, peer] = unixPair();
  const source = new Source(ours, "sentinel");
  const pending = readByte(source);
  write(peer, 1);
  await pending;
  source.close();
  C.close(peer);
}

withPair("what can be done at once is done at once, without the event loop", async (source, peer) => {
  write(peer, 7);
  let value: number | undefined;
  readByte(source).then((got) => {
    value = got;
  });
  await null;
  await null;
  assert.equal(value, 7);
});

withPair("WOULD_BLOCK waits for the event, and the attempt runs again then", async (source, peer) => {
  let attempts = 0;
  const take = takeByte(source);
  const pending = source.run("read", "recv", OWNER, () => {
    attempts++;
    return take();
  });
  assert.equal(attempts, 1);
  await settled();
  assert.equal(attempts, 1); // the first event says that the socket is writable
  write(peer, 9);
  assert.equal(await pending, 9);
  assert.equal(attempts, 2);
});

withPair("operations of one direction end in the order in which they were called", async (source, peer) => {
  const order: string[] = [];
  const all = ["a", "b", "c", "d"].map((name) =>
    readByte(source).then((value) => order.push(`${name}${value}`)),
  );
  write(peer, 1);
  await all[0];
  assert.deepEqual(order, ["a1"]);
  write(peer, 2, 3, 4);
  await Promise.all(all);
  assert.deepEqual(order, ["a1", "b2", "c3", "d4"]);
});

withPair(
  "a later call does not overtake one that waits, though data has come meanwhile",
  async (source, peer) => {
    const first = readByte(source);
    write(peer, 1, 2);
    const second = readByte(source); // the data is there, but it is not its turn
    assert.deepEqual(await Promise.all([first, second]), [1, 2]);
  },
);

withPair("a read that waits does not hold up a write", async (source, peer) => {
  const reading = readByte(source);
  assert.equal(await source.run("write", "send", OWNER, () => C.send(source.fd, ONE, 0)), 1);
  write(peer, 5);
  assert.equal(await reading, 5);
});

withPair(
  "a write waits while the peer's buffer is full, and goes on when there is room",
  async (source, peer) => {
    const chunk = new Uint8Array(65536);
    let sent = 0;
    for (let count = C.send(source.fd, chunk, 0); count > 0; count = C.send(source.fd, chunk, 0))
      sent += count;
    const pending = source.run("write", "send", OWNER, () => {
      const count = C.send(source.fd, ONE, 0);
      return count === -C.errno.EAGAIN ? WOULD_BLOCK : C.check(count, "send");
    });
    let done = false;
    pending.then(() => {
      done = true;
    });
    for (let i = 0; i < 5; i++) await turn();
    assert.equal(done, false);
    for (let got = 0; got < sent; ) got += C.check(C.recv(peer, chunk, 0), "recv");
    assert.equal(await pending, 1);
  },
);

withPair("YIELD lets the event loop have its turn, then goes on without an event", async (source) => {
  const order: string[] = [];
  setImmediate(() => order.push("loop"));
  let attempts = 0;
  const value = await source.run("read", "recv", OWNER, () => {
    attempts++;
    order.push(`attempt ${attempts}`);
    return attempts < 3 ? YIELD : "done";
  });
  assert.equal(value, "done");
  assert.equal(attempts, 3);
  assert.equal(order[0], "attempt 1");
  assert.ok(order.indexOf("loop") < order.indexOf("attempt 3"), order.join(", "));
});

withPair("an operation that yields keeps its place before the next one", async (source) => {
  const order: string[] = [];
  let left = 3;
  const first = source
    .run("read", "recv", OWNER, () => (left-- > 0 ? YIELD : "first"))
    .then((value) => order.push(value));
  const second = source.run("read", "recv", OWNER, () => "second").then((value) => order.push(value));
  await Promise.all([first, second]);
  assert.deepEqual(order, ["first", "second"]);
});

withPair("a YIELD that is cancelled is not attempted again", async (source) => {
  const controller = new AbortController();
  let attempts = 0;
  const pending = source.run(
    "read",
    "recv",
    OWNER,
    () => {
      attempts++;
      return YIELD;
    },
    { signal: controller.signal },
  );
  controller.abort("enough");
  await assert.rejects(pending, (reason) => reason === "enough");
  const before = attempts;
  for (let i = 0; i < 5; i++) await turn();
  assert.equal(attempts, before);
});

// How an operation can end, and whether it then gives back what its attempts have taken.

interface End {
  readonly name: string;
  readonly undone: number;
  readonly run: (source: Source, peer: number, undo: () => void) => Promise<unknown>;
}

const ENDS: readonly End[] = [
  {
    name: "success at once",
    undone: 0,
    run: (source, _peer, undo) => source.run("read", "recv", OWNER, () => 1, { timeoutMs: NEVER_MS }, undo),
  },
  {
    name: "success after waiting",
    undone: 0,
    run: async (source, peer, undo) => {
      const pending = readByte(source, { timeoutMs: NEVER_MS }, undo);
      write(peer, 1);
      assert.equal(await pending, 1);
      source.close(); // nor later
    },
  },
  {
    name: "a throw in the first attempt",
    undone: 1,
    run: (source, _peer, undo) =>
      assert.rejects(
        source.run("read", "recv", OWNER, () => assert.fail("thrown"), undefined, undo),
        /thrown/,
      ),
  },
  {
    name: "a throw in a later attempt",
    undone: 1,
    run: async (source, peer, undo) => {
      let attempts = 0;
      const attempt = (): C.WouldBlock => (attempts++ === 0 ? WOULD_BLOCK : assert.fail("thrown"));
      const pending = source.run("read", "recv", OWNER, attempt, { timeoutMs: NEVER_MS }, undo);
      write(peer, 1);
      await assert.rejects(pending, /thrown/);
      source.close();
    },
  },
  {
    name: "a signal while it waits",
    undone: 1,
    run: async (source, _peer, undo) => {
      const controller = new AbortController();
      const pending = readByte(source, { signal: controller.signal }, undo);
      const reason = new Error("the user left");
      controller.abort(reason);
      await assert.rejects(pending, (got) => got === reason);
      source.close();
    },
  },
  {
    name: "a signal that is aborted already",
    undone: 1,
    run: (source, _peer, undo) =>
      assert.rejects(
        readByte(source, { signal: AbortSignal.abort("before") }, undo),
        (got) => got === "before",
      ),
  },
  {
    name: "a timeout",
    undone: 1,
    run: (source, _peer, undo) => assert.rejects(readByte(source, { timeoutMs: 1 }, undo), TimeoutError),
  },
  {
    name: "close",
    undone: 1,
    run: async (source, _peer, undo) => {
      const pending = readByte(source, undefined, undo);
      source.close();
      source.close();
      await assert.rejects(pending, { name: "SysError", code: "ECANCELED", syscall: "recv" });
    },
  },
  {
    name: "a socket that was closed before",
    undone: 1,
    run: async (source, _peer, undo) => {
      source.close();
      await assert.rejects(readByte(source, undefined, undo), { name: "SysError", code: "EBADF" });
    },
  },
  {
    name: "options that are refused",
    undone: 1,
    run: (source, _peer, undo) => assert.rejects(readByte(source, { timeoutMs: -1 }, undo), RangeError),
  },
];

for (const { name, undone, run } of ENDS) {
  withPair(`an end by ${name} calls undo ${undone === 1 ? "once" : "never"}`, async (source, peer) => {
    let calls = 0;
    await run(source, peer, () => {
      calls++;
    });
    assert.equal(calls, undone);
    source.close(); // finds nothing left that it could undo
    assert.equal(calls, undone);
  });
}

withPair(
  "undo comes before anything else can run: the next operation gets what was given back",
  async (source, peer) => {
    const stash: number[] = [];
    const controller = new AbortController();
    const held: number[] = [];
    const take = takeByte(source);
    // Wants two bytes, and holds the first while it waits for the second.
    const first = source.run(
      "read",
      "recv",
      OWNER,
      () => {
        for (let value = take(); value !== WOULD_BLOCK; value = take()) held.push(value as number);
        return held.length < 2 ? WOULD_BLOCK : held;
      },
      { signal: controller.signal },
      () => {
        stash.push(...held);
        source.read.ready = true; // as the streams do
      },
    );
    const second = source.run("read", "recv", OWNER, () => stash.shift() ?? take());
    write(peer, 42);
    await settled();
    controller.abort("changed my mind");
    await assert.rejects(first, (reason) => reason === "changed my mind");
    assert.equal(await second, 42);
  },
);

withPair(
  "a cancelled operation in the middle of the queue is left out, and the others go on",
  async (source, peer) => {
    const controller = new AbortController();
    const first = readByte(source);
    const second = readByte(source, { signal: controller.signal });
    const third = readByte(source);
    controller.abort("out");
    await assert.rejects(second, (reason) => reason === "out");
    write(peer, 1, 2);
    assert.deepEqual(await Promise.all([first, third]), [1, 2]);
  },
);

withPair(
  "timeoutMs 0 tries once: it gives what is there, and a TimeoutError where nothing is",
  async (source, peer) => {
    write(peer, 3);
    assert.equal(await readByte(source, { timeoutMs: 0 }), 3);
    await assert.rejects(readByte(source, { timeoutMs: 0 }), (error) => {
      assert.ok(error instanceof TimeoutError);
      assert.deepEqual([error.code, error.syscall, error.timeoutMs], ["TIMEOUT", "recv", 0]);
      return true;
    });
  },
);

withPair("before it rejects, a timeout makes one more attempt", async (source, peer) => {
  let attempts = 0;
  const take = takeByte(source);
  const pending = source.run(
    "read",
    "recv",
    OWNER,
    () => {
      attempts++;
      // Arrives while the loop is busy: there is no event for it before the timer.
      if (attempts === 1) return WOULD_BLOCK;
      return take();
    },
    { timeoutMs: 1 },
  );
  await settled();
  // The loop is kept from polling until the timer is due, with the data already there.
  write(peer, 8);
  for (const end = performance.now() + 5; performance.now() < end; );
  assert.equal(await pending, 8);
});

withPair("the last attempt of a timeout serves those before it in the queue first", async (source) => {
  const stash = [1, 2];
  let open = false;
  const attempt = (): number | C.WouldBlock => (open ? (stash.shift() ?? WOULD_BLOCK) : WOULD_BLOCK);
  const first = source.run("read", "recv", OWNER, attempt);
  const second = source.run("read", "recv", OWNER, attempt, { timeoutMs: 1 });
  open = true; // there is no event for this
  assert.deepEqual(await Promise.all([first, second]), [1, 2]);
});

withPair(
  "a timeout ends one operation; the others wait on, and the socket stays usable",
  async (source, peer) => {
    const patient = readByte(source);
    await assert.rejects(readByte(source, { timeoutMs: 1 }), TimeoutError);
    write(peer, 4, 5);
    assert.equal(await patient, 4);
    assert.equal(await readByte(source), 5);
  },
);

for (const [name, options, expected] of [
  ["a negative timeout", { timeoutMs: -1 }, RangeError],
  ["NaN", { timeoutMs: Number.NaN }, RangeError],
  ["a timeout in a text", { timeoutMs: "5" }, TypeError],
  ["a signal that is none", { signal: { aborted: false } }, TypeError],
] as const) {
  withPair(`options: ${name} is refused before anything is begun`, async (source) => {
    let attempts = 0;
    const pending = source.run("read", "recv", OWNER, () => ++attempts, options as C.WaitOptions);
    await assert.rejects(pending, expected);
    assert.equal(attempts, 0);
  });
}

withPair("Infinity and delays that no timer can hold wait, and do not end at once", async (source, peer) => {
  const warnings: unknown[] = [];
  const listen = (warning: unknown): unknown => warnings.push(warning);
  process.on("warning", listen);
  const all = [Number.POSITIVE_INFINITY, 2 ** 31, 2 ** 53].map((timeoutMs) =>
    readByte(source, { timeoutMs }),
  );
  for (let i = 0; i < 5; i++) await turn();
  write(peer, 1, 2, 3);
  assert.deepEqual(await Promise.all(all), [1, 2, 3]);
  process.off("warning", listen);
  assert.deepEqual(warnings, []);
});

withPair("no listener stays on a signal that outlives its operations", async (source, peer) => {
  const controller = new AbortController();
  const { signal } = controller;
  let listeners = 0;
  const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners--;
    remove(...args);
  };
  for (let i = 0; i < 20; i++) {
    const pending = readByte(source, { signal });
    write(peer, i);
    assert.equal(await pending, i);
  }
  assert.equal(listeners, 0);
});

withPair(
  "one signal may serve many operations, as that of a server's end does, without a warning",
  async (source) => {
    const warnings: string[] = [];
    const listen = (warning: Error): unknown => warnings.push(warning.message);
    process.on("warning", listen);
    const controller = new AbortController();
    const all = Array.from({ length: 50 }, () => readByte(source, { signal: controller.signal }));
    await turn(); // warnings come on the next tick
    controller.abort("the end");
    const results = await Promise.allSettled(all);
    process.off("warning", listen);
    assert.deepEqual(
      [...new Set(results.map((result) => (result.status === "rejected" ? result.reason : "resolved")))],
      ["the end"],
    );
    assert.deepEqual(warnings, []);
  },
);

withPair("a signal cancels though another listener stops the event's propagation", async (source) => {
  const controller = new AbortController();
  controller.signal.addEventListener("abort", (event) => event.stopImmediatePropagation());
  const pending = readByte(source, { signal: controller.signal, timeoutMs: 2000 });
  controller.abort("the end");
  await assert.rejects(pending, (reason) => reason === "the end");
});

// An attempt runs code of the program: TcpListener's onPause, for one. It may end operations under the reactor's feet.

withPair(
  "an attempt that cancels its own operation and then has a result takes no other with it",
  async (source, peer) => {
    const controller = new AbortController();
    let attempts = 0;
    const first = source.run(
      "read",
      "recv",
      OWNER,
      () => {
        if (attempts++ === 0) return WOULD_BLOCK;
        controller.abort("from within");
        return "too late";
      },
      { signal: controller.signal },
    );
    const second = readByte(source, { timeoutMs: 2000 });
    const third = readByte(source, { timeoutMs: 2000 });
    first.catch(() => undefined);
    write(peer, 6, 7);
    assert.deepEqual(await Promise.all([second, third]), [6, 7]);
    await first.then(
      (value) => assert.equal(value, "too late"),
      (reason) => assert.equal(reason, "from within"),
    );
  },
);

withPair(
  "an attempt that cancels its own operation and then throws takes no other with it",
  async (source, peer) => {
    const controller = new AbortController();
    let attempts = 0;
    let undone = 0;
    const first = source.run(
      "read",
      "recv",
      OWNER,
      () => {
        if (attempts++ === 0) return WOULD_BLOCK;
        controller.abort("from within");
        throw new Error("and thrown");
      },
      { signal: controller.signal },
      () => {
        undone++;
      },
    );
    const second = readByte(source, { timeoutMs: 2000 });
    first.catch(() => undefined);
    write(peer, 6);
    assert.equal(await second, 6);
    await assert.rejects(first);
    assert.equal(undone, 1, "what was taken is given back once");
  },
);

withPair("an attempt that closes its own socket ends its operations once each", async (source, peer) => {
  let attempts = 0;
  const first = source.run("read", "recv", OWNER, () => {
    if (attempts++ === 0) return WOULD_BLOCK;
    source.close();
    throw new Error("thrown after close");
  });
  const second = readByte(source);
  const results = Promise.allSettled([first, second]);
  write(peer, 1);
  assert.deepEqual(
    (await results).map(({ status }) => status),
    ["rejected", "rejected"],
  );
});

// The reactor: many sockets, one epoll instance.

withPair("an attempt that throws does not drop the rest of the batch", async () => {
  const pairs = unixPairs(20);
  const sources = pairs.map(([fd]) => new Source(fd, "TestSocket"));
  const attempts = sources.map(takeByte);
  let armed = false;
  const pending = sources.map((each, i) =>
    each.run("read", "recv", OWNER, () => {
      if (armed && i % 2 === 0) throw new Error(`thrown by ${i}`);
      return (attempts[i] as () => number | C.WouldBlock)();
    }),
  );
  const results = Promise.allSettled(pending);
  await settled();
  armed = true;
  for (const [i, [, other]] of pairs.entries()) write(other, i); // one batch, edge-triggered: told once only
  for (const [i, result] of (await results).entries()) {
    if (i % 2 === 0)
      assert.match(String((result as PromiseRejectedResult).reason), new RegExp(`thrown by ${i}$`));
    else assert.deepEqual(result, { status: "fulfilled", value: i });
  }
  for (const each of sources) each.close();
  for (const [, other] of pairs) C.close(other);
});

test("an event for a socket that an earlier one of the batch closed reaches nobody, though fd and slot are reused", async () => {
  const [[a, aPeer], [b, bPeer], [c, cPeer]] = unixPairs(3) as [
    readonly [number, number],
    readonly [number, number],
    readonly [number, number],
  ];
  const first = new Source(a, "first");
  const second = new Source(b, "second");
  const opened: { third?: Source; attempts: number; seenInBatch?: number } = { attempts: 0 };
  let thirdRead: Promise<unknown> = Promise.resolve();

  const firstRead = first.run("read", "recv", OWNER, () => {
    const taken = takeByte(first)();
    if (taken === WOULD_BLOCK) return WOULD_BLOCK;
    second.close();
    // The next socket takes the number over, and with it the place in the table.
    const third = new Source(socketNumbered(b), "third");
    opened.third = third;
    thirdRead = third.run("read", "recv", OWNER, () => {
      opened.attempts++;
      return WOULD_BLOCK;
    });
    thirdRead.catch(() => undefined);
    // Microtasks run once the whole batch has been handed out.
    queueMicrotask(() => {
      opened.seenInBatch = opened.attempts;
    });
    return taken;
  });
  const secondRead = readByte(second);
  secondRead.catch(() => undefined);
  await settled();
  write(aPeer, 1);
  write(bPeer, 2); // both are ready now, in this order
  assert.equal(await firstRead, 1);
  await assert.rejects(secondRead, { code: "ECANCELED" });
  // One attempt at once, when it was called. Another one within the batch would come from the second socket's event.
  assert.equal(opened.seenInBatch, 1);
  opened.third?.close();
  await assert.rejects(thirdRead, { code: "ECANCELED" });
  first.close();
  for (const fd of [aPeer, bPeer, c, cPeer]) C.close(fd);
});

test("a socket closed by an earlier event of the batch is not attempted any more", async () => {
  const [[a, aPeer], [b, bPeer]] = unixPairs(2) as [readonly [number, number], readonly [number, number]];
  const first = new Source(a, "first");
  const second = new Source(b, "second");
  const takeFirst = takeByte(first);
  const firstRead = first.run("read", "recv", OWNER, () => {
    const taken = takeFirst();
    if (taken !== WOULD_BLOCK) second.close();
    return taken;
  });
  let attempts = 0;
  const secondRead = second.run("read", "recv", OWNER, () => {
    attempts++;
    return WOULD_BLOCK;
  });
  secondRead.catch(() => undefined);
  await settled();
  const before = attempts;
  write(aPeer, 1);
  write(bPeer, 2);
  assert.equal(await firstRead, 1);
  await assert.rejects(secondRead, { code: "ECANCELED" });
  for (let i = 0; i < 3; i++) await turn();
  assert.equal(attempts, before);
  first.close();
  C.close(aPeer);
  C.close(bPeer);
});

/** What this process's epoll instances watch: the fd numbers of each, by the instance's own number. */
function epollSets(): Map<number, number[]> {
  const sets = new Map<number, number[]>();
  for (const name of readdirSync("/proc/self/fd")) {
    try {
      if (readlinkSync(`/proc/self/fd/${name}`) !== "anon_inode:[eventpoll]") continue;
      const info = readFileSync(`/proc/self/fdinfo/${name}`, "utf8");
      sets.set(
        Number(name),
        [...info.matchAll(/^tfd:\s*(\d+)/gm)].map((match) => Number(match[1])),
      );
    } catch {
      // an fd of readdir's own, closed meanwhile
    }
  }
  return sets;
}

/** The reactor's instance: the one that watches `fd`. */
function watcherOf(fd: number): number {
  const found = [...epollSets()].filter(([, watched]) => watched.includes(fd)).map(([number]) => number);
  assert.equal(found.length, 1, `fd ${fd} is watched by ${found.length} epoll instances`);
  return found[0] as number;
}

withPair(
  "2000 sockets: each is watched once, each gets its own byte, and none is left watched",
  async (source) => {
    const waiting = readByte(source);
    const reactor = watcherOf(source.fd);
    const pairs = unixPairs(1000);
    const sources = pairs.flat().map((fd) => new Source(fd, "TestSocket"));
    const fds = sources.map(({ fd }) => fd).sort((a, b) => a - b);
    for (let round = 0; round < 3; round++) {
      const reads = sources.map((each) => readByte(each));
      if (round === 0) {
        await new Promise(setImmediate); // those beyond the budget have their first try in the next turn
        const watched = epollSets().get(reactor) ?? [];
        assert.deepEqual(
          watched.sort((a, b) => a - b),
          [source.fd, ...fds].sort((a, b) => a - b),
        );
      }
      const sent = sources.map((_, i) => (i * 7 + round) % 256);
      for (const [i, each] of sources.entries()) write(each.fd, sent[i] as number);
      const got = await Promise.all(reads);
      for (let i = 0; i < got.length; i += 2) {
        assert.deepEqual([got[i], got[i + 1]], [sent[i + 1], sent[i]], `pair ${i / 2}, round ${round}`);
      }
    }
    for (const each of sources) each.close();
    assert.deepEqual(epollSets().get(reactor), [source.fd]);
    source.close();
    await assert.rejects(waiting, { code: "ECANCELED" });
    assert.deepEqual(epollSets().get(reactor), []);
  },
);

withPair("a socket that never has to wait is never registered", async (source, peer) => {
  const before = [...epollSets().values()].flat();
  write(peer, 1, 2, 3);
  for (const value of [1, 2, 3]) assert.equal(await readByte(source), value);
  assert.deepEqual([...epollSets().values()].flat(), before);
});

withPair("a duplicate of the fd does not keep events coming after close", async (source, peer) => {
  const pending = readByte(source);
  const reactor = watcherOf(source.fd);
  // /dev/fd/N would open a socket anew, which is refused: a child that inherits it holds the duplicate.
  const child = spawn("cat", { stdio: ["pipe", "ignore", "ignore", source.fd] });
  await new Promise((resolve) => child.once("spawn", resolve));
  source.close();
  await assert.rejects(pending, { code: "ECANCELED" });
  assert.ok(!(epollSets().get(reactor) ?? []).includes(source.fd));
  assert.deepEqual(epollSets().get(reactor), []);
  assert.equal(C.send(peer, ONE, C.MSG_NOSIGNAL), 1, "the duplicate is open");
  child.stdin?.end();
  await new Promise((resolve) => child.once("exit", resolve));
});

withPair("a socket that is always ready lets immediates have their turn", async (source) => {
  let fired = false;
  setImmediate(() => {
    fired = true;
  });
  let reads = 0;
  while (!fired && reads < 100_000) {
    await source.run("read", "recv", OWNER, () => 1);
    reads++;
  }
  assert.ok(fired, `${reads} reads went by`);
});

withPair("a socket that is always ready lets timers have their turn", async (source) => {
  let fired = false;
  setTimeout(() => {
    fired = true;
  }, 0);
  // Many more than a millisecond has room for; without a budget not even all of them would let the timer through.
  let reads = 0;
  while (!fired && reads < 5_000_000) {
    await source.run("read", "recv", OWNER, () => 1);
    reads++;
  }
  assert.ok(fired, `${reads} reads went by`);
});

withPair("two sockets that are always ready do not starve a third", async (source, peer) => {
  const pairs = unixPairs(2);
  const busy = pairs.map(([fd]) => new Source(fd, "TestSocket"));
  let stop = false;
  const loops = busy.map(async (each) => {
    for (let i = 0; !stop && i < 2_000_000; i++) await each.run("read", "recv", OWNER, () => 1);
    return stop;
  });
  const pending = readByte(source);
  write(peer, 1);
  assert.equal(await pending, 1);
  stop = true;
  assert.deepEqual(await Promise.all(loops), [true, true]);
  for (const each of busy) each.close();
  for (const [, other] of pairs) C.close(other);
});

withPair("the end of the peer's side is an event for readers", async (source, peer) => {
  const pending = readByte(source);
  C.shutdown(peer, C.SHUT_WR);
  assert.equal(await pending, -1);
});

test("a closed Source forgets its fd: no later call reaches whoever has the number then", async () => {
  const [ours, peer] = unixPair();
  const source = new Source(ours, "TestSocket");
  source.close();
  assert.equal(source.closed, true);
  const successor = socketNumbered(ours);
  source.close();
  assert.ok(C.getsockname(successor) instanceof Uint8Array, "the successor is still open");
  assert.throws(() => source.open("recv"), /recv: Bad file descriptor \(EBADF\): this TestSocket is closed/);
  await assert.rejects(readByte(source), { code: "EBADF", syscall: "recv" });
  C.close(successor);
  C.close(peer);
});

test("an fd that cannot be watched is an error of epoll_ctl, and undo is called", async () => {
  const source = new Source(openSync("/etc/passwd", "r"), "file"); // epoll takes no regular files: EPERM
  let undone = 0;
  await assert.rejects(
    source.run(
      "read",
      "recv",
      OWNER,
      () => WOULD_BLOCK,
      undefined,
      () => {
        undone++;
      },
    ),
    { name: "SysError", code: "EPERM", syscall: "epoll_ctl" },
  );
  assert.equal(undone, 1);
  source.close();
  // The place in the table that it did not get is not lost, nor given to two.
  const pairs = unixPairs(2);
  const sources = pairs.map(([fd]) => new Source(fd, "TestSocket"));
  const reads = sources.map((each) => readByte(each));
  for (const [i, [, other]] of pairs.entries()) write(other, i + 1);
  assert.deepEqual(await Promise.all(reads), [1, 2]);
  for (const each of sources) each.close();
  for (const [, other] of pairs) C.close(other);
});

// How long a process lives: each of these is a process of its own, which must end by itself.

const LIVES: readonly (readonly [name: string, expected: string, code: string])[] = [
  [
    "a socket that nobody waits for lets the process end",
    "read 1",
    `const pending = read(source); write(peer); console.log("read", await pending);`,
  ],
  [
    "a call that waits keeps it alive",
    "read 1",
    `setTimeout(() => write(peer), 30).unref(); read(source).then((value) => console.log("read", value));`,
  ],
  [
    "a call of a socket without a reference does not",
    "ended",
    `source.setReferenced(false); read(source).then(() => console.log("read"));
     process.on("exit", () => console.log("ended"));`,
  ],
  [
    "what waits without a reference is heard while something else keeps it alive",
    "read 1",
    `source.setReferenced(false); read(source).then((value) => console.log("read", value));
     setTimeout(() => write(peer), 30); setTimeout(() => undefined, 200);`,
  ],
  [
    "a reference counts from the call on: taking it back later changes nothing",
    "read 1",
    `const pending = read(source); source.setReferenced(false);
     setTimeout(() => write(peer), 30).unref(); pending.then((value) => console.log("read", value));`,
  ],
  [
    "an event that nobody has seen yet does not stop it, nor bring it down",
    "ended",
    `const pending = read(source); write(peer); await pending;
     process.on("exit", () => { write(peer); console.log("ended"); });
     write(peer);`,
  ],
  [
    "process.exit with a call that waits, and its event due",
    "ended",
    `read(source); write(peer); console.log("ended"); process.exit(0);`,
  ],
  [
    "calls that were cancelled, closed, timed out or thrown out of count no more",
    "ended",
    `const controller = new AbortController();
     const all = [
       read(source, { signal: controller.signal }), read(source, { timeoutMs: 1 }), read(source),
       source.run("write", "send", source, () => { if (count++ > 0) throw new Error("thrown"); return C.WOULD_BLOCK; }),
     ];
     setTimeout(() => { controller.abort(); source.close(); }, 30);
     await Promise.allSettled(all);
     process.on("exit", () => console.log("ended"));`,
  ],
  [
    "a call that ended itself from within its attempt counts once: the next one still keeps it alive",
    "read 1",
    `const controller = new AbortController();
     const first = source.run("read", "recv", source, () => {
       if (count++ === 0) return C.WOULD_BLOCK;
       controller.abort();
       throw new Error("thrown");
     }, { signal: controller.signal });
     write(peer);
     await first.catch(() => undefined);
     const [other, otherPeer] = unixPair();
     setTimeout(() => write(otherPeer), 30).unref();
     read(new C.Source(other, "TestSocket")).then((value) => console.log("read", value));`,
  ],
];

describe("the life of a process", { concurrency: 2 }, () => {
  for (const [name, expected, code] of LIVES) {
    test(name, async () => {
      const { status, stdout, stderr } = await runNode(`${IMPORT_SYS}
      const [fd, peer] = unixPair();
      const source = new C.Source(fd, "TestSocket");
      const write = (to) => C.send(to, Uint8Array.of(1), C.MSG_NOSIGNAL);
      let count = 0;
      const read = (from, options) => from.run("read", "recv", from, () => {
        const got = C.recv(from.fd, new Uint8Array(1), 0);
        return got === -C.errno.EAGAIN ? C.WOULD_BLOCK : got;
      }, options);
      ${code}`);
      assert.deepEqual([stdout, status], [expected, 0], stderr);
    });
  }

  test("a socket that is garbage-collected open is closed, with one warning for all of them", async () => {
    const { status, stdout, stderr } = await runNode(
      `${IMPORT_SYS}
      import { readdirSync } from "node:fs";
      const warnings = [];
      process.on("warning", (warning) => warnings.push(warning.code));
      const peers = [];
      const open = () => {
        const [fd, peer] = unixPair();
        peers.push(peer);
        const source = new C.Source(fd, "TestSocket");
        C.closeWhenForgotten({ source }, source);
      };
      for (let i = 0; i < 20; i++) open();
      const atEnd = (peer) => C.recv(peer, new Uint8Array(1), 0) === 0;
      // Collection is asked for until it has come; a peer reads the end of the stream once its socket is closed.
      while (!peers.every(atEnd)) { gc(); await new Promise((resolve) => setTimeout(resolve, 1)); }
      await new Promise((resolve) => setImmediate(resolve));
      console.log(warnings.join());`,
      [],
      ["--expose-gc"],
    );
    assert.deepEqual([stdout, status], ["WINDSOCK_FORGOTTEN_SOCKET", 0], stderr);
  });

  test("a socket is not collected while a call of it waits, and a closed one is not warned of", async () => {
    const { status, stdout, stderr } = await runNode(
      `${IMPORT_SYS}
      const warnings = [];
      process.on("warning", (warning) => warnings.push(warning.code));
      const [fd, peer] = unixPair();
      const start = () => {
        const source = new C.Source(fd, "TestSocket");
        const owner = { source };
        C.closeWhenForgotten(owner, source);
        return source.run("read", "recv", owner, () => {
          const got = C.recv(source.fd, new Uint8Array(1), 0);
          return got === -C.errno.EAGAIN ? C.WOULD_BLOCK : got;
        }).finally(() => source.close());
      };
      const pending = start();
      for (let i = 0; i < 20; i++) { gc(); await new Promise((resolve) => setTimeout(resolve, 1)); }
      C.send(peer, Uint8Array.of(1), C.MSG_NOSIGNAL);
      const value = await pending;
      for (let i = 0; i < 20; i++) { gc(); await new Promise((resolve) => setTimeout(resolve, 1)); }
      console.log(value, warnings.length);`,
      [],
      ["--expose-gc"],
    );
    assert.deepEqual([stdout, status], ["1 0", 0], stderr);
  });
});
