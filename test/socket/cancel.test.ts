/** Cancelling: signals and timeouts of every waiting call, and that not one byte is lost or doubled by them. */
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { TcpListener, TcpStream, TimeoutError, TooLargeError, type WaitOptions } from "../../src/index.ts";
import { fdCount } from "../_fds.ts";
import {
  closedPort,
  fill,
  fullListener,
  isolated,
  pair,
  pattern,
  random,
  stateOf,
  sysError,
  test,
  textOf,
  turn,
  turns,
  utf8,
} from "./_helpers.ts";

/** One situation in which a call waits. */
interface Scene {
  start(options: WaitOptions): Promise<unknown>;
  /** Brings about what the call waits for, on another call of the same kind; proves that the socket still works. */
  proceed(): Promise<void>;
  end(): void;
}

async function reading(call: (stream: TcpStream, options: WaitOptions) => Promise<unknown>): Promise<Scene> {
  const { client, server } = await pair();
  return {
    start: (options) => call(client, options),
    async proceed() {
      await server.writeAll(utf8("hello"));
      server.shutdown("write");
      assert.equal(await client.readText({ timeoutMs: 10_000 }), "hello");
    },
    end() {
      client.close();
      server.close();
    },
  };
}

async function writing(call: (stream: TcpStream, options: WaitOptions) => Promise<unknown>): Promise<Scene> {
  const { client, server } = await pair();
  const filled = await fill(client);
  return {
    start: (options) => call(client, options),
    async proceed() {
      await server.readExact(new Uint8Array(filled));
      await client.writeAll(utf8("after"));
      client.shutdown("write");
      assert.equal(await server.readText(), "after", "a cancelled write has sent nothing");
    },
    end() {
      client.close();
      server.close();
    },
  };
}

async function accepting(): Promise<Scene> {
  const listener = TcpListener.bind("127.0.0.1:0");
  return {
    start: (options) => listener.accept(options),
    async proceed() {
      using client = await TcpStream.connect(listener.localAddr);
      using server = await listener.accept();
      assert.ok(server.peerAddr.equals(client.localAddr));
    },
    end: () => listener.close(),
  };
}

/** @param onAttempt with it, even an address goes through the race */
async function connecting(target: "address" | "race" | "name"): Promise<Scene> {
  const full = await fullListener();
  const { port } = full.address;
  const fds = fdCount();
  return {
    start: (options) =>
      TcpStream.connect(target === "name" ? { host: "hanging.example", port } : full.address, {
        ...options,
        ...(target === "race" ? { onAttempt: () => undefined } : {}),
        resolver: { resolve: async () => [full.address] },
      }),
    async proceed() {
      await turn();
      assert.equal(fdCount(), fds, "a cancelled connect closes its socket");
      using listener = TcpListener.bind("127.0.0.1:0");
      using client = await TcpStream.connect(listener.localAddr);
      assert.equal(client.closed, false);
    },
    end: () => full[Symbol.dispose](),
  };
}

const buffer = (): Uint8Array => new Uint8Array(16);
const SCENES: Readonly<Record<string, () => Promise<Scene>>> = {
  read: () => reading((stream, options) => stream.read(buffer(), options)),
  readExact: () => reading((stream, options) => stream.readExact(buffer(), options)),
  readToEnd: () => reading((stream, options) => stream.readToEnd(options)),
  readText: () => reading((stream, options) => stream.readText(options)),
  peek: () => reading((stream, options) => stream.peek(buffer(), options)),
  readable: () => reading((stream, options) => stream.readable(options)),
  write: () => writing((stream, options) => stream.write(buffer(), options)),
  writeAll: () => writing((stream, options) => stream.writeAll(buffer(), options)),
  writable: () => writing((stream, options) => stream.writable(options)),
  accept: accepting,
  "connect to an address": () => connecting("address"),
  "connect to an address with onAttempt": () => connecting("race"),
  "connect to a name": () => connecting("name"),
};

/** What a promise is rejected with. */
async function reasonOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => assert.fail(`resolved with ${String(value)}`),
    (reason: unknown) => reason,
  );
}

for (const [name, make] of Object.entries(SCENES)) {
  test(`${name}: signals`, async (t) => {
    const scene = await make();
    t.after(() => scene.end());
    const reasons = [
      new Error("enough"),
      "a text",
      null,
      0,
      new AggregateError([new Error("inner")], "many"),
    ];
    for (const reason of reasons) {
      assert.equal(await reasonOf(scene.start({ signal: AbortSignal.abort(reason) })), reason, "before");

      const during = new AbortController();
      const waiting = scene.start({ signal: during.signal });
      assert.equal(await stateOf(waiting), "pending");
      during.abort(reason);
      assert.equal(await reasonOf(waiting), reason, "during");
      assert.equal(getEventListeners(during.signal, "abort").length, 0, "its listener is removed");

      const atOnce = new AbortController();
      const started = scene.start({ signal: atOnce.signal, timeoutMs: 60_000 });
      atOnce.abort(reason);
      assert.equal(await reasonOf(started), reason, "in the same turn");
      assert.equal(getEventListeners(atOnce.signal, "abort").length, 0);
    }
    const plain = new AbortController();
    const waiting = scene.start({ signal: plain.signal });
    plain.abort();
    assert.equal(await reasonOf(waiting), plain.signal.reason);
    assert.equal(plain.signal.reason.name, "AbortError");
    await scene.proceed();
  });

  test(`${name}: timeouts`, async (t) => {
    const scene = await make();
    t.after(() => scene.end());
    for (const timeoutMs of [0, 1, 5.5]) {
      const error = await reasonOf(scene.start({ timeoutMs }));
      assert.ok(error instanceof TimeoutError, String(error));
      assert.equal(error.code, "TIMEOUT");
      assert.equal(error.timeoutMs, timeoutMs);
      assert.match(error.message, new RegExp(`^${error.syscall}.*${timeoutMs} ms`));
    }
    const controller = new AbortController();
    const { signal } = controller;
    await reasonOf(scene.start({ timeoutMs: 1, signal }));
    assert.equal(getEventListeners(signal, "abort").length, 0, "a timeout removes the listener too");
    for (const timeoutMs of [Number.POSITIVE_INFINITY, 2 ** 31, 2 ** 40, Number.MAX_VALUE]) {
      const waiting = scene.start({ timeoutMs, signal });
      waiting.catch(() => undefined);
      await turns(5);
      await new Promise((resolve) => setTimeout(resolve, 3)); // a delay that overflows fires after 1 ms
      assert.equal(await stateOf(waiting), "pending", `timeoutMs ${timeoutMs} is longer than this`);
    }
    controller.abort();
    await scene.proceed();
  });

  test(`${name}: wrong options are refused before anything is begun`, async (t) => {
    const scene = await make();
    t.after(() => scene.end());
    const fds = fdCount();
    for (const timeoutMs of [-1, -0.001, Number.NEGATIVE_INFINITY, Number.NaN]) {
      await assert.rejects(scene.start({ timeoutMs }), { name: "RangeError", message: /timeoutMs/ });
    }
    for (const timeoutMs of ["5", "", null, {}, [], true, 5n] as unknown[] as number[]) {
      await assert.rejects(scene.start({ timeoutMs }), { name: "TypeError", message: /timeoutMs/ });
    }
    for (const signal of ["x", null, {}, new EventTarget(), new AbortController()] as unknown[]) {
      const options = { signal: signal as AbortSignal };
      await assert.rejects(scene.start(options), { name: "TypeError", message: /signal/ });
    }
    assert.equal(fdCount(), fds);
    await scene.proceed();
  });
}

test("a call that succeeds leaves no listener on its signal", async () => {
  using link = await pair();
  const { client, server } = link;
  const { signal } = new AbortController();
  const options = { signal, timeoutMs: 60_000 };
  const listeners = (): number => getEventListeners(signal, "abort").length;
  const waiting = client.readExact(new Uint8Array(4), options);
  assert.equal(listeners(), 1);
  await server.writeAll(utf8("four"), options);
  await waiting;
  assert.equal(listeners(), 0);
  using listener = TcpListener.bind("127.0.0.1:0");
  const accepting = listener.accept(options);
  using connected = await TcpStream.connect(listener.localAddr, options);
  using _ = await accepting;
  using named = await TcpStream.connect(`localhost:${listener.localAddr.port}`, {
    ...options,
    family: "ipv4",
  });
  using port = closedPort();
  await assert.rejects(TcpStream.connect(port.address, options), sysError("ECONNREFUSED"));
  assert.equal(listeners(), 0);
  assert.ok(!connected.closed && !named.closed);
});

test("an abort after the end of a call does nothing", async () => {
  using link = await pair();
  const controller = new AbortController();
  await link.server.writeAll(utf8("ab"));
  await link.client.read(new Uint8Array(1), { signal: controller.signal });
  controller.abort();
  assert.equal(await link.client.read(new Uint8Array(1)), 1);
});

test("timeoutMs: 0 takes what is there already", async () => {
  using link = await pair();
  await link.server.writeAll(utf8("abc"));
  assert.equal(await link.client.read(new Uint8Array(1), { timeoutMs: 0 }), 1);
  await link.client.readExact(new Uint8Array(2), { timeoutMs: 0 });
  // The thread is busy while data comes: the timer is due before the readiness is seen.
  const late = link.client.read(new Uint8Array(1), { timeoutMs: 1 });
  link.server.tryWrite(utf8("d"));
  const start = performance.now();
  while (performance.now() - start < 5);
  assert.equal(await late, 1);
});

for (const call of ["readExact", "readToEnd", "readText"] as const) {
  const start = (stream: TcpStream, signal: AbortSignal): Promise<unknown> =>
    call === "readExact" ? stream.readExact(new Uint8Array(100), { signal }) : stream[call]({ signal });

  test(`a cancelled ${call} gives back what it had, seen first by whatever reads next`, async () => {
    const next: Readonly<Record<string, (stream: TcpStream, into: Uint8Array) => Promise<number> | number>> =
      {
        tryRead: (stream, into) => stream.tryRead(into) as number,
        read: (stream, into) => stream.read(into),
        peek: (stream, into) => stream.peek(into),
        "readable, tryRead": async (stream, into) => {
          await stream.readable();
          return stream.tryRead(into) as number;
        },
      };
    for (const [name, take] of Object.entries(next)) {
      using link = await pair();
      const { client, server } = link;
      const controller = new AbortController();
      const waiting = start(client, controller.signal);
      for (const part of ["ab", "cd", "ef"]) {
        await server.writeAll(utf8(part));
        await turns(3);
      }
      assert.equal(client.bytesRead, 6, "they were taken from the kernel");
      await server.writeAll(utf8("gh")); // these are still the kernel's
      controller.abort(new Error(name));
      await assert.rejects(waiting, { message: name });
      assert.equal(client.bytesRead, 0);
      assert.equal(client.buffers().receive.queued, 8);
      const into = new Uint8Array(4);
      assert.equal(await take(client, into), 4, name);
      assert.equal(textOf(into), "abcd");
      if (name === "peek") await client.readExact(into);
      assert.equal(client.bytesRead, 4);
      server.shutdown("write");
      assert.equal(await client.readText(), "efgh");
      assert.equal(client.bytesRead, 8);
    }
  });

  test(`a read queued behind a cancelled ${call} gets what it gave back, without new data`, async () => {
    using link = await pair();
    const { client, server } = link;
    const controller = new AbortController();
    const waiting = start(client, controller.signal);
    const [a, b, c] = [new Uint8Array(2), new Uint8Array(2), new Uint8Array(9)];
    const behind = [client.read(a), client.readExact(b), client.read(c)];
    await server.writeAll(utf8("012345"));
    await turns(5);
    controller.abort(new Error("stop"));
    await assert.rejects(waiting, { message: "stop" });
    await Promise.all(behind);
    assert.deepEqual([textOf(a), textOf(b), textOf(c.subarray(0, 2))], ["01", "23", "45"]);
  });

  test(`cancelling ${call} twice in a row keeps the order of the bytes`, async () => {
    using link = await pair();
    const { client, server } = link;
    for (const part of ["abc", "def", "ghi"]) {
      const controller = new AbortController();
      const waiting = start(client, controller.signal);
      await server.writeAll(utf8(part));
      await turns(3);
      controller.abort(new Error("stop"));
      await assert.rejects(waiting, { message: "stop" });
    }
    server.shutdown("write");
    assert.equal(await client.readText(), "abcdefghi");
  });
}

test("what a cancelled call gave back comes before the end of the stream, and before a reset", async () => {
  using link = await pair();
  const { client, server } = link;
  const controller = new AbortController();
  const waiting = client.readExact(new Uint8Array(100), { signal: controller.signal });
  await server.writeAll(utf8("last words"));
  await turns(3);
  controller.abort();
  await assert.rejects(waiting, { name: "AbortError" });
  server.close();
  await turns(3);
  await client.readable();
  assert.equal(await client.readText(), "last words");
});

test("a cancelled writeAll: bytesWritten tells exactly how far it came, and the rest can follow", async () => {
  using link = await pair();
  const { client, server } = link;
  const bytes = pattern(20_000_000);
  const controller = new AbortController();
  const waiting = client.writeAll(bytes, { signal: controller.signal });
  assert.equal(await stateOf(waiting), "pending");
  controller.abort(new Error("stop"));
  await assert.rejects(waiting, { message: "stop" });
  const { bytesWritten } = client;
  assert.ok(bytesWritten > 0 && bytesWritten < bytes.length);
  const rest = client.writeAll(bytes.subarray(bytesWritten)).then(() => client.shutdown("write"));
  const got = await server.readToEnd();
  await rest;
  assert.ok(Buffer.from(got).equals(bytes));
});

test("a cancelled accept loses no connection, also with another behind it", async () => {
  using listener = TcpListener.bind("127.0.0.1:0");
  const controller = new AbortController();
  const first = listener.accept({ signal: controller.signal });
  const second = listener.accept();
  const connecting = TcpStream.connect(listener.localAddr);
  controller.abort(new Error("stop"));
  await assert.rejects(first, { message: "stop" });
  using client = await connecting;
  using server = await second;
  assert.ok(server.peerAddr.equals(client.localAddr));
});

test("cancelling one of ten reads that wait leaves the others their bytes, in order", async () => {
  for (let cancelled = 0; cancelled < 10; cancelled++) {
    using link = await pair();
    const controllers = Array.from({ length: 10 }, () => new AbortController());
    const buffers = controllers.map(() => new Uint8Array(1));
    const reads = controllers.map(({ signal }, i) => link.client.read(buffers[i] as Uint8Array, { signal }));
    await turn();
    controllers[cancelled]?.abort(new Error("stop"));
    await assert.rejects(reads[cancelled] as Promise<number>, { message: "stop" });
    await link.server.writeAll(utf8("123456789"));
    await Promise.all(reads.filter((_, i) => i !== cancelled));
    assert.equal(buffers.map((it) => (it[0] === 0 ? "" : textOf(it))).join(""), "123456789");
  }
});

for (const seed of [1, 2, 3, 4, 5, 6]) {
  test(`1 MiB with random calls and random cancellations, seed ${seed}: every byte once and in order`, async () => {
    using link = await pair();
    const below = random(seed);
    const bytes = pattern(1024 * 1024, seed);
    const sending = (async () => {
      const own = random(seed + 1000);
      for (let at = 0; at < bytes.length; ) {
        const part = bytes.subarray(at, at + 1 + own(own(8) === 0 ? 60_000 : 3000));
        await link.server.writeAll(part);
        at += part.length;
        if (own(2) === 0) await turns(own(4));
      }
      link.server.shutdown("write");
    })();
    let position = 0;
    let cancellations = 0;
    const take = (part: Uint8Array, what: string): void => {
      const expected = bytes.subarray(position, position + part.length);
      assert.ok(Buffer.from(part).equals(expected), `${what} differs at ${position} of seed ${seed}`);
      position += part.length;
    };
    while (position < bytes.length) {
      const batch = Array.from({ length: 1 + below(4) }, () => startRandomCall(link.client, below));
      const alone = batch.length === 1;
      for (const call of batch) {
        const got = await call.result;
        if (got === undefined) cancellations++;
        else if (!call.peeks) take(got, call.name);
        else if (alone) assert.ok(Buffer.from(got).equals(bytes.subarray(position, position + got.length)));
      }
      assert.equal(link.client.bytesRead, position);
    }
    await sending;
    assert.equal(await link.client.read(new Uint8Array(1)), 0);
    assert.ok(cancellations > 50, `only ${cancellations} cancellations`);
  });
}

interface RandomCall {
  readonly name: string;
  readonly peeks: boolean;
  /** The bytes that came, or undefined where it was cancelled. */
  readonly result: Promise<Uint8Array | undefined>;
}

/** Starts one reading call that is cancelled sooner or later, and never wants more than there is. */
function startRandomCall(stream: TcpStream, below: (limit: number) => number): RandomCall {
  const controller = new AbortController();
  const into = new Uint8Array(1 + below(below(4) === 0 ? 50_000 : 4000));
  const options: WaitOptions =
    below(4) === 0 ? { signal: controller.signal, timeoutMs: below(2) } : { signal: controller.signal };
  const name = (["read", "readExact", "readToEnd", "maxBytes", "peek", "readable"] as const)[below(6)];
  const peeks = name === "peek" || name === "readable";
  const begin = async (): Promise<Uint8Array> => {
    if (name === "read") return into.subarray(0, await stream.read(into, options));
    if (name === "peek") return into.subarray(0, await stream.peek(into, options));
    if (name === "readToEnd") return stream.readToEnd(options);
    if (name === "maxBytes") return stream.readToEnd({ ...options, maxBytes: into.length });
    if (name === "readable") return stream.readable(options).then(() => new Uint8Array(0));
    await stream.readExact(into, options);
    return into;
  };
  const result = begin().catch((error: unknown) => {
    const expected = error === controller.signal.reason || error instanceof TimeoutError;
    if (expected || error instanceof TooLargeError) return undefined;
    // The end came first: what came is in the buffer.
    const { bytesRead } = error as { bytesRead?: number };
    if (bytesRead !== undefined) return into.subarray(0, bytesRead);
    throw error;
  });
  const when = below(4);
  if (when === 0) controller.abort(new Error("at once"));
  else void turns(when === 1 ? 1 : below(6)).then(() => controller.abort(new Error("later")));
  return { name: name ?? "", peeks, result };
}

isolated(import.meta.url, "calls that ended leave no timer behind: the process ends", {}, async () => {
  const timeoutMs = 3_600_000;
  const { signal } = new AbortController();
  const options = { timeoutMs, signal };
  using link = await pair({ connect: options });
  const waiting = link.client.readExact(new Uint8Array(2), options);
  await link.server.writeAll(utf8("a"), options);
  await turn();
  await link.server.write(utf8("b"), options);
  await waiting;
  const stopped = link.client.read(new Uint8Array(1), { ...options, signal: AbortSignal.abort() });
  await assert.rejects(stopped);
  const controller = new AbortController();
  const aborted = link.client.read(new Uint8Array(1), { timeoutMs, signal: controller.signal });
  controller.abort();
  await assert.rejects(aborted);
  using listener = TcpListener.bind("127.0.0.1:0");
  const accepting = listener.accept(options);
  using named = await TcpStream.connect(`localhost:${listener.localAddr.port}`, {
    ...options,
    family: "ipv4",
  });
  using served = await accepting;
  assert.ok(!named.closed && !served.closed);
  using port = closedPort();
  await assert.rejects(TcpStream.connect(port.address, { ...options, attemptDelayMs: timeoutMs }));
  const closing = listener.accept({ timeoutMs });
  listener.close();
  await assert.rejects(closing, sysError("ECANCELED"));
});

isolated(import.meta.url, "a won race leaves no attempt timer behind: the process ends", {}, async () => {
  using listener = TcpListener.bind("127.0.0.1:0");
  const { localAddr } = listener;
  using stream = await TcpStream.connect(
    { host: "some.example", port: localAddr.port },
    { attemptDelayMs: 3_600_000, resolver: { resolve: async () => [localAddr, localAddr, localAddr] } },
  );
  assert.ok(!stream.closed);
});
