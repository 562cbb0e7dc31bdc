/** Closing: once, by scope, by the garbage collector; calls on what is closed; what keeps a process alive. */
import assert from "node:assert/strict";
import { inspect } from "node:util";
import { TcpListener, TcpStream } from "../../src/index.ts";
import { SO, TCP } from "../../src/socket/index.ts";
import { fdCount } from "../_fds.ts";
import {
  fill,
  isolated,
  type Pair,
  pair,
  socketFds,
  stateOf,
  sysError,
  test,
  turn,
  turns,
  until,
  utf8,
} from "./_helpers.ts";

test("a second close does nothing, and does not close whoever has the number now", async () => {
  const link = await pair();
  const { client, server } = link;
  assert.equal(client.closed, false);
  client.close();
  assert.equal(client.closed, true);
  const fds = fdCount();
  using next = TcpListener.bind("127.0.0.1:0");
  assert.equal(fdCount(), fds + 1);
  client.close();
  client[Symbol.dispose]();
  await client[Symbol.asyncDispose]();
  assert.equal(fdCount(), fds + 1);
  assert.ok(next.localAddr.port > 0);
  server.close();
});

test("using and await using close at the end of the scope, also where it throws", async () => {
  const before = fdCount();
  let kept: TcpListener | undefined;
  {
    using listener = TcpListener.bind("127.0.0.1:0");
    kept = listener;
    await using client = await TcpStream.connect(listener.localAddr);
    await using server = await listener.accept();
    assert.ok(!client.closed && !server.closed);
  }
  assert.ok(kept.closed);
  assert.throws(() => {
    using _ = TcpListener.bind("127.0.0.1:0");
    throw new Error("out of here");
  }, /out of here/);
  assert.equal(fdCount(), before);
});

const buffer = (): Uint8Array => new Uint8Array(4);

/** Every member of a stream that is a call, with what it does on a closed one. */
const STREAM_CALLS: Readonly<Record<string, [syscall: string, call: (stream: TcpStream) => unknown]>> = {
  read: ["recv", (stream) => stream.read(buffer())],
  tryRead: ["recv", (stream) => stream.tryRead(buffer())],
  peek: ["recv", (stream) => stream.peek(buffer())],
  readExact: ["recv", (stream) => stream.readExact(buffer())],
  readToEnd: ["recv", (stream) => stream.readToEnd()],
  readText: ["recv", (stream) => stream.readText()],
  asyncIterator: ["recv", (stream) => stream[Symbol.asyncIterator]().next()],
  readable: ["poll", (stream) => stream.readable()],
  writable: ["poll", (stream) => stream.writable()],
  write: ["send", (stream) => stream.write(buffer())],
  tryWrite: ["send", (stream) => stream.tryWrite(buffer())],
  writeAll: ["send", (stream) => stream.writeAll(buffer())],
  sendFile: ["sendfile", (stream) => stream.sendFile(0)],
  spliceTo: ["splice", (stream) => stream.spliceTo(stream)],
  writeZeroCopy: ["setsockopt", (stream) => stream.writeZeroCopy(buffer())],
  intoFd: ["release", (stream) => stream.intoFd()],
  shutdown: ["shutdown", (stream) => stream.shutdown("both")],
  buffers: ["ioctl", (stream) => stream.buffers()],
  info: ["getsockopt", (stream) => stream.info()],
  attachFilter: ["setsockopt", (stream) => stream.attachFilter(Uint8Array.of(6, 0, 0, 0, 0, 0, 4, 0))],
  detachFilter: ["setsockopt", (stream) => stream.detachFilter()],
  getOption: ["getsockopt", (stream) => stream.getOption(TCP.NODELAY)],
  setOption: ["setsockopt", (stream) => stream.setOption(SO.KEEPALIVE, true)],
};
const LISTENER_CALLS: Readonly<Record<string, [syscall: string, call: (listener: TcpListener) => unknown]>> =
  {
    accept: ["accept", (listener) => listener.accept()],
    tryAccept: ["accept", (listener) => listener.tryAccept()],
    intoFd: ["release", (listener) => listener.intoFd()],
    attachFilter: ["setsockopt", (listener) => listener.attachFilter(Uint8Array.of(6, 0, 0, 0, 0, 0, 4, 0))],
    detachFilter: ["setsockopt", (listener) => listener.detachFilter()],
    getOption: ["getsockopt", (listener) => listener.getOption(SO.ACCEPTCONN)],
    setOption: ["setsockopt", (listener) => listener.setOption(SO.KEEPALIVE, true)],
    localAddr: ["getsockname", (listener) => listener.localAddr],
  };
/** Members that are of use on a closed socket too, and the adapters to other streams, which have their own tests. */
const ALWAYS = [
  "constructor",
  "close",
  "closed",
  "ref",
  "unref",
  "dispose",
  "asyncDispose",
  "custom",
  "describe",
];
const STREAM_ALWAYS = [...ALWAYS, "bytesRead", "bytesWritten", "peerAddr", "localAddr", "toDuplex", "toWeb"];

/** For the project's own use. */
const INTERNAL = [
  "localBytes",
  "readChunk",
  "countWritten",
  "countRead",
  "takeGivenBack",
  "givenBackBytes",
  "accepted",
];

/** The public members of a class and those it inherits; symbols by their last word. */
function membersOf(prototype: object): string[] {
  const names: string[] = [];
  for (let at = prototype; at !== Object.prototype; at = Object.getPrototypeOf(at) as object) {
    for (const key of Reflect.ownKeys(at)) {
      names.push(typeof key === "string" ? key : (key.description ?? "").replace(/.*\./, ""));
    }
  }
  return [...new Set(names)].filter((name) => !INTERNAL.includes(name));
}

test("every call of a TcpStream and a TcpListener is in the tables here", () => {
  const streams = membersOf(TcpStream.prototype).filter((name) => !STREAM_ALWAYS.includes(name));
  assert.deepEqual(streams.sort(), Object.keys(STREAM_CALLS).sort());
  const listeners = membersOf(TcpListener.prototype).filter((name) => !ALWAYS.includes(name));
  const own = [...Object.keys(LISTENER_CALLS), "asyncIterator"];
  assert.deepEqual(listeners.sort(), own.sort());
});

/** A promise and a throw alike. */
async function outcome(call: () => unknown): Promise<unknown> {
  return call();
}

/** Two streams and the fd numbers that they have: `link.client`'s first. */
async function numbered(): Promise<{ link: Pair; fds: number[] }> {
  const before = socketFds();
  const link = await pair();
  return { link, fds: socketFds().filter((fd) => !before.includes(fd)) };
}

for (const [name, [syscall, call]] of Object.entries(STREAM_CALLS)) {
  test(`${name} on a closed stream: EBADF from our own check; who has the fd now is not touched`, async () => {
    await using warm = await pair().then((it) => ({
      [Symbol.asyncDispose]: async () => it[Symbol.dispose](),
    }));
    void warm;
    const { link, fds } = await numbered();
    for (const used of [false, true]) {
      const old = used ? link.client : link.server;
      if (used) await Promise.allSettled([old.read(buffer(), { timeoutMs: 0 })]); // registered with epoll
      old.close();
    }
    const again = await numbered();
    using reused = again.link;
    assert.ok(
      again.fds.some((fd) => fds.includes(fd)),
      "the kernel gives the lowest free numbers again",
    );
    await reused.server.writeAll(utf8("data"));
    await reused.client.writeAll(utf8("data"));
    for (const old of [link.client, link.server]) {
      await assert.rejects(
        outcome(() => call(old)),
        (error) => {
          sysError("EBADF", syscall)(error);
          assert.match((error as Error).message, /this TcpStream is closed/);
          return true;
        },
      );
    }
    await turns(3);
    for (const stream of [reused.client, reused.server]) {
      assert.equal(stream.getOption(SO.KEEPALIVE), false);
      assert.equal(stream.buffers().receive.queued, 4);
    }
    for (const stream of [reused.client, reused.server]) assert.equal(await stream.write(utf8("more")), 4);
  });
}

for (const [name, [syscall, call]] of Object.entries(LISTENER_CALLS)) {
  test(`${name} on a closed listener: EBADF from our own check`, async () => {
    const old = TcpListener.bind("127.0.0.1:0");
    old.close();
    using next = TcpListener.bind("127.0.0.1:0");
    using client = await TcpStream.connect(next.localAddr);
    await assert.rejects(
      outcome(() => call(old)),
      sysError("EBADF", syscall),
    );
    using server = await next.accept();
    assert.ok(server.peerAddr.equals(client.localAddr));
  });
}

test("calls that wait reject with ECANCELED on close, all of them, in both directions", async () => {
  using link = await pair();
  const { client, server } = link;
  await fill(client);
  const waiting = {
    recv: [
      client.read(buffer()),
      client.readExact(buffer()),
      client.peek(buffer()),
      client.readToEnd(),
      client.readText(),
    ],
    poll: [client.readable(), client.writable()],
    send: [client.write(buffer()), client.writeAll(buffer())],
  };
  await turn();
  client.close();
  for (const [syscall, promises] of Object.entries(waiting)) {
    for (const promise of promises) await assert.rejects(promise, sysError("ECANCELED", syscall));
  }
  const listener = TcpListener.bind("127.0.0.1:0");
  const accepts = [listener.accept(), listener.accept({ timeoutMs: 60_000 })];
  listener.close();
  for (const accept of accepts) await assert.rejects(accept, sysError("ECANCELED", "accept"));
  assert.ok(!server.closed);
});

test("a call made in the same turn as close finds nobody else's data", async () => {
  using link = await pair();
  const waiting = link.client.read(buffer());
  waiting.catch(() => undefined); // it rejects before it is awaited
  await turn();
  await link.server.writeAll(utf8("abcd")); // the event is on its way
  link.client.close();
  using reused = await pair();
  await reused.server.writeAll(utf8("wxyz"));
  await assert.rejects(waiting, sysError("ECANCELED"));
  await turns(3);
  assert.equal(await reused.client.read(buffer()), 4);
});

test("closing one socket while the events of a batch are handed out leaves the others alone", async () => {
  const links = await Promise.all(Array.from({ length: 40 }, () => pair()));
  const got: number[] = [];
  const reads = links.map((link, i) =>
    link.client.read(buffer()).then(
      () => {
        got.push(i);
        links[39 - i]?.client.close(); // closes those whose event is still to come, or does nothing
      },
      (error) => sysError("ECANCELED")(error),
    ),
  );
  await turn();
  for (const link of links) link.server.tryWrite(utf8("x"));
  await Promise.all(reads);
  assert.ok(got.length >= 20);
  for (const link of links) link[Symbol.dispose]();
});

test("for await over a listener ends quietly on close: waiting, between two, and before it began", async () => {
  const waiting = TcpListener.bind("127.0.0.1:0");
  const loop = (async () => {
    for await (const _ of waiting) assert.fail("nobody connected");
  })();
  assert.equal(await stateOf(loop), "pending");
  waiting.close();
  await loop;
  for await (const _ of waiting) assert.fail("it is closed");

  const between = TcpListener.bind("127.0.0.1:0");
  const client = await TcpStream.connect(between.localAddr);
  let count = 0;
  for await (const stream of between) {
    count++;
    stream.close();
    between.close();
  }
  client.close();
  assert.equal(count, 1);
});

test("leaving a for await over a listener leaves it open", async () => {
  using listener = TcpListener.bind("127.0.0.1:0");
  for (let i = 0; i < 2; i++) {
    using client = await TcpStream.connect(listener.localAddr);
    for await (const stream of listener) {
      assert.ok(stream.peerAddr.equals(client.localAddr));
      stream.close();
      break;
    }
  }
});

declare const gc: () => void;

isolated(
  import.meta.url,
  "a socket that is garbage-collected open is closed; one warning tells of the first",
  { nodeFlags: ["--expose-gc"] },
  async () => {
    const warnings: (Error & { code?: string })[] = [];
    process.on("warning", (warning) => warnings.push(warning));
    using keep = await pair(); // opens what stays open: the epoll fd
    await Promise.allSettled([keep.client.read(buffer(), { timeoutMs: 0 })]);
    const before = fdCount();
    await (async () => {
      for (let i = 0; i < 5; i++) {
        const { client, server } = await pair();
        await server.writeAll(utf8("x"));
        await client.readExact(new Uint8Array(1));
        const stop = new AbortController();
        const waiting = client.read(buffer(), { signal: stop.signal }); // registered with epoll
        stop.abort();
        await waiting.catch(() => undefined);
        TcpListener.bind("127.0.0.1:0");
      }
    })();
    assert.equal(fdCount(), before + 15);
    await until(() => {
      gc();
      return fdCount() === before;
    });
    await turn();
    assert.equal(warnings.length, 1, String(warnings));
    assert.equal(warnings[0]?.name, "WindsockWarning");
    assert.match(warnings[0]?.message ?? "", /Tcp(Stream|Listener).*garbage-collected.*close\(\)/);
    assert.ok(!keep.client.closed);
  },
);

isolated(
  import.meta.url,
  "a socket that only a waiting call still knows is not collected",
  { nodeFlags: ["--expose-gc"] },
  async () => {
    process.on("warning", (warning) => assert.fail(warning));
    using listener = TcpListener.bind("127.0.0.1:0");
    const waiting = TcpStream.connect(listener.localAddr).then((stream) => stream.readText());
    using server = await listener.accept();
    for (let i = 0; i < 10; i++) {
      gc();
      await turns(3);
    }
    await server.writeAll(utf8("still there"));
    server.shutdown("write");
    assert.equal(await waiting, "still there");
  },
);

/** Runs `later` from a timer that keeps nothing alive: only what the case waits for does. */
function inTime(later: () => void): void {
  setTimeout(later, 50).unref();
}

const ALIVE: Readonly<Record<string, () => Promise<void>>> = {
  read: async () => {
    const { client, server } = await pair();
    inTime(() => server.tryWrite(utf8("x")));
    await client.read(buffer());
  },
  "a second read, after the first has ended": async () => {
    const { client, server } = await pair();
    inTime(() => server.tryWrite(utf8("x")));
    await client.read(buffer());
    inTime(() => server.tryWrite(utf8("x")));
    await client.read(buffer());
  },
  writable: async () => {
    const { client, server } = await pair();
    const filled = await fill(client);
    const into = new Uint8Array(filled);
    inTime(() => {
      while (typeof server.tryRead(into) === "number");
    });
    await client.writable();
  },
  accept: async () => {
    const listener = TcpListener.bind("127.0.0.1:0");
    inTime(() => void TcpStream.connect(listener.localAddr));
    await listener.accept();
  },
  "read after unref and ref": async () => {
    const { client, server } = await pair();
    inTime(() => server.tryWrite(utf8("x")));
    await client.unref().ref().read(buffer());
  },
  "a call from before unref": async () => {
    const { client, server } = await pair();
    inTime(() => server.tryWrite(utf8("x")));
    const waiting = client.read(buffer());
    client.unref();
    await waiting;
  },
  "one of two that wait, when the other is cancelled": async () => {
    const { client, server } = await pair();
    const stop = new AbortController();
    const cancelled = client.read(buffer(), { signal: stop.signal });
    const waiting = client.read(buffer());
    await turn();
    stop.abort();
    await assert.rejects(cancelled);
    inTime(() => server.tryWrite(utf8("x")));
    await waiting;
  },
};
isolated(import.meta.url, "a call that waits keeps the process alive", {}, async () => {
  for (const [name, body] of Object.entries(ALIVE)) {
    console.log(name); // the last one shown is the one in which the process ended
    await body();
  }
});

/** Holds the sockets of a case, so that no garbage collection closes them and ends what waits. */
const held: Pair[] = [];
async function kept(): Promise<Pair> {
  const link = await pair();
  held.push(link);
  return link;
}

const ENDS: Readonly<Record<string, () => Promise<unknown>>> = {
  "open sockets that nobody waits for": async () => {
    const { client, server } = await kept();
    await Promise.allSettled([client.read(buffer(), { timeoutMs: 0 })]);
    return { client, server, listener: TcpListener.bind("127.0.0.1:0") };
  },
  "a read of an unref'd stream": async () => {
    const { client } = await kept();
    void client.unref().read(buffer());
    await turn();
  },
  "an accept of an unref'd listener": async () => {
    void TcpListener.bind("127.0.0.1:0").unref().accept();
    await turn();
  },
  "a read with a long timeout of an unref'd stream": async () => {
    const { client } = await kept();
    client
      .unref()
      .read(buffer(), { timeoutMs: 3_600_000 })
      .catch(() => undefined);
    await turn();
  },
  "readiness that nobody has looked at yet": async () => {
    const { client, server } = await kept();
    client
      .unref()
      .read(buffer())
      .catch(() => undefined); // registers the fd with epoll, which is writable at once
    server.tryWrite(utf8("x"));
  },
  "process.exit() with readiness that nobody has looked at yet": async () => {
    const { client, server } = await kept();
    process.on("exit", () => void server.tryWrite(utf8("x")));
    client.read(buffer()).catch(() => undefined);
    setImmediate(() => setImmediate(() => process.exit(0)));
  },
  "a read that was closed away": async () => {
    const { client } = await kept();
    const waiting = client.read(buffer());
    await turn();
    client.close();
    await assert.rejects(waiting);
  },
};
for (const [name, body] of Object.entries(ENDS)) {
  isolated(import.meta.url, `lets the process end: ${name}`, {}, async () => {
    await body();
  });
}

test("console.log says which socket it is, also when it is closed", async () => {
  using link = await pair();
  const { client } = link;
  assert.equal(inspect(client), `TcpStream(${client.localAddr} → ${client.peerAddr})`);
  client.close();
  assert.equal(inspect(client), "TcpStream(closed)");
});
