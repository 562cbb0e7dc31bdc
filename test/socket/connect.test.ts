/** TcpStream.connect: what a target may be, what a failure says, and the race of several addresses (RFC 8305). */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  type ConnectAttempt,
  ConnectError,
  ResolveError,
  type Resolver,
  SO,
  SocketAddr,
  SysError,
  TcpListener,
  TcpStream,
  TimeoutError,
} from "../../src/index.ts";
import * as sys from "../../src/sys/index.ts";
import { fdCount } from "../_fds.ts";
import {
  closedPort,
  fullListener,
  isolated,
  noIpv6,
  stateOf,
  sysError,
  test,
  turn,
  turns,
} from "./_helpers.ts";

/** A resolver that knows one answer, whatever it is asked. */
const answering = (...addresses: (SocketAddr | string)[]): Resolver => ({
  resolve: async () => addresses.map((it) => (typeof it === "string" ? SocketAddr.parse(it) : it)),
});
const NAME = "many.example:80";

/** What onAttempt was told, in short: `0 started 127.0.0.1:80`. */
function recorder(): {
  attempts: ConnectAttempt[];
  lines: () => string[];
  onAttempt: (it: ConnectAttempt) => void;
} {
  const attempts: ConnectAttempt[] = [];
  return {
    attempts,
    lines: () => attempts.map((it) => `${it.index} ${it.state} ${it.address}`),
    onAttempt: (attempt) => void attempts.push(attempt),
  };
}

test("a target is an address, a SocketAddr, a name with a port, or { host, port }", async () => {
  using listener = TcpListener.bind("127.0.0.1:0");
  const { port } = listener.localAddr;
  const targets = [
    `127.0.0.1:${port}`,
    listener.localAddr,
    { host: "127.0.0.1", port },
    { host: "127.0.0.1", port: String(port) },
    { host: "localhost", port },
    `localhost:${port}`,
  ];
  for (const target of targets) {
    using client = await TcpStream.connect(target, { family: "ipv4" });
    using server = await listener.accept();
    assert.equal(client.peerAddr.toString(), `127.0.0.1:${port}`);
    assert.ok(server.peerAddr.equals(client.localAddr));
  }
});

test("IPv6 targets, with and without brackets where there is no doubt", { skip: noIpv6 }, async () => {
  using listener = TcpListener.bind("[::1]:0");
  const { port } = listener.localAddr;
  for (const target of [
    `[::1]:${port}`,
    { host: "::1", port },
    { host: "[::1]", port },
    `[0:0::0.0.0.1]:${port}`,
  ]) {
    using client = await TcpStream.connect(target);
    assert.equal(client.peerAddr.toString(), `[::1]:${port}`);
    (await listener.accept()).close();
  }
});

test("a service name is looked up: the resolver gets it as it is, libc knows it", async () => {
  const asked: unknown[] = [];
  const resolver: Resolver = {
    resolve: async (...question) => {
      asked.push(question.slice(0, 2));
      throw new ResolveError(sys.EAI_NONAME, question[0], String(question[1]));
    },
  };
  for (const target of ["web.example:http", { host: "web.example", port: 443 }, "10.0.0.1:http"]) {
    await assert.rejects(TcpStream.connect(target, { resolver }), ResolveError);
  }
  assert.deepEqual(asked, [
    ["web.example", "http"],
    ["web.example", "443"],
    ["10.0.0.1", "http"],
  ]);
});

test("targets that are none", async (t) => {
  const rows: [target: unknown, expected: { name: string; code?: string; message?: RegExp }][] = [
    ["localhost", { name: "AddressError" }],
    ["", { name: "AddressError" }],
    [":80", { name: "AddressError" }],
    ["localhost:", { name: "AddressError" }],
    ["::1:80", { name: "AddressError", message: /brackets/ }],
    ["[::1]", { name: "AddressError" }],
    ["[::1:80", { name: "AddressError" }],
    ["[localhost]:80", { name: "AddressError" }],
    ["a:b:c", { name: "AddressError" }],
    ["localhost:65536", { name: "RangeError", message: /65536/ }],
    ["127.0.0.1:65536", { name: "RangeError", message: /65536/ }],
    ["127.0.0.1:-1", { name: "RangeError" }],
    ["127.0.0.1:1.5", { name: "RangeError" }],
    ["127.0.0.1:080", { name: "RangeError" }],
    [{ host: "localhost", port: 65536 }, { name: "RangeError" }],
    [{ host: "localhost", port: -1 }, { name: "RangeError" }],
    [{ host: "localhost", port: Number.NaN }, { name: "RangeError" }],
    ["localhost:no-such-service", { name: "ResolveError", code: "EAI_SERVICE" }],
    [`${"a".repeat(300)}:80`, { name: "ResolveError", code: "EAI_NONAME", message: /253/ }],
    ["no.such.host.invalid:80", { name: "ResolveError" }],
    ["sp ace:80", { name: "ResolveError", code: "EAI_NONAME" }],
    ["nul\0:80", { name: "ResolveError", code: "EAI_NONAME" }],
    ["127.1:80", { name: "ResolveError", code: "EAI_NONAME" }],
    ["0x7f.0.0.1:80", { name: "ResolveError", code: "EAI_NONAME" }],
    ["0177.0.0.1:80", { name: "ResolveError", code: "EAI_NONAME" }],
    ["2130706433:80", { name: "ResolveError", code: "EAI_NONAME" }],
    ["127.0.0.256:80", { name: "ResolveError", code: "EAI_NONAME" }],
    ["127.0.0.01:80", { name: "ResolveError", code: "EAI_NONAME" }],
    [undefined, { name: "TypeError", message: /target/ }],
    [null, { name: "TypeError", message: /target/ }],
    [80, { name: "TypeError", message: /target/ }],
    [{ host: "x" }, { name: "TypeError", message: /target/ }],
    [{ port: 80 }, { name: "TypeError", message: /target/ }],
  ];
  const fds = fdCount();
  // No name server is asked: a namespace of its own would be needed for that.
  const resolving = new Set(["no.such.host.invalid:80"]);
  for (const [target, expected] of rows) {
    const name = String(typeof target === "object" ? JSON.stringify(target) : target).slice(0, 40);
    await t.test(JSON.stringify(name), async () => {
      const resolver = answering();
      const options = resolving.has(String(target)) ? { resolver } : {};
      await assert.rejects(TcpStream.connect(target as string, options), expected);
    });
  }
  assert.equal(fdCount(), fds);
});

test("wrong options are refused by name, before anything is begun", async () => {
  using port = closedPort();
  const refuses = (options: object, expected: { name: string; message: RegExp }): Promise<void> =>
    assert.rejects(TcpStream.connect(port.address, options), expected, JSON.stringify(options));
  for (const attemptDelayMs of [-1, Number.NaN]) {
    await refuses({ attemptDelayMs }, { name: "RangeError", message: /attemptDelayMs/ });
  }
  for (const attemptDelayMs of ["250", null, {}]) {
    await refuses({ attemptDelayMs }, { name: "TypeError", message: /attemptDelayMs/ });
  }
  const wrong = { host: "localhost", port: 1 };
  for (const family of ["ipv5", 4, 6]) {
    await assert.rejects(TcpStream.connect(wrong, { family: family as "ipv4" }), {
      name: "TypeError",
      message: /family/,
    });
  }
});

test("a closed port: SysError for an address, ConnectError with its one attempt for a name", async () => {
  using port = closedPort();
  const address = port.address.toString();
  for (const options of [{}, { onAttempt: () => undefined }]) {
    await assert.rejects(TcpStream.connect(address, options), (error) => {
      assert.ok(error instanceof SysError && !(error instanceof AggregateError));
      assert.deepEqual(
        [error.code, error.errno, error.syscall, error.address],
        ["ECONNREFUSED", 111, "connect", address],
      );
      assert.match(
        error.message,
        new RegExp(`^connect ${address}: Connection refused \\(ECONNREFUSED\\): nothing listens`),
      );
      return true;
    });
  }
  await assert.rejects(TcpStream.connect(NAME, { resolver: answering(port.address) }), (error) => {
    assert.ok(error instanceof ConnectError && error instanceof AggregateError);
    assert.equal(error.code, "ECONNREFUSED");
    assert.equal(error.errors.length, 1);
    assert.equal(error.attempts.length, 1);
    assert.equal(error.attempts[0]?.error, error.errors[0]);
    assert.match(error.message, /nothing listens/);
    return true;
  });
});

test("if all fail, the error holds every attempt with its address, its time and its own error", async () => {
  using a = closedPort("127.0.0.1:0");
  using b = closedPort("127.0.0.2:0");
  const broadcast = SocketAddr.parse("255.255.255.255:80"); // the kernel forbids it at once
  const addresses = [a.address, b.address, broadcast];
  await assert.rejects(TcpStream.connect(NAME, { resolver: answering(...addresses) }), (error) => {
    assert.ok(error instanceof ConnectError);
    assert.deepEqual(
      error.attempts.map((it) => it.address),
      addresses,
    );
    assert.deepEqual(
      error.attempts.map((it) => it.index),
      [0, 1, 2],
    );
    assert.deepEqual(
      error.errors.map((it) => it.address),
      addresses.map(String),
    );
    assert.deepEqual(
      error.errors.slice(0, 2).map((it) => it.code),
      ["ECONNREFUSED", "ECONNREFUSED"],
    );
    for (const { state, startMs, endMs } of error.attempts) {
      assert.equal(state, "failed");
      assert.ok(startMs >= 0 && endMs !== undefined && endMs >= startMs);
    }
    for (const part of ["many.example:80", "3 addresses", ...addresses.map(String)]) {
      assert.ok(error.message.includes(part), error.message);
    }
    return true;
  });
});

test("the first refuses: the second is tried at once, not after the delay", async () => {
  using closed = closedPort();
  using listener = TcpListener.bind("127.0.0.1:0");
  const { lines, onAttempt } = recorder();
  const resolver = answering(closed.address, listener.localAddr);
  using stream = await TcpStream.connect(NAME, { resolver, onAttempt, attemptDelayMs: 3_600_000 });
  assert.ok(stream.peerAddr.equals(listener.localAddr));
  assert.deepEqual(lines(), [
    `0 started ${closed.address}`,
    `0 failed ${closed.address}`,
    `1 started ${listener.localAddr}`,
    `1 connected ${listener.localAddr}`,
  ]);
});

test("the first does not answer: the next starts after the delay and wins; the loser is closed by then", async () => {
  using full = await fullListener();
  using listener = TcpListener.bind("127.0.0.1:0");
  await Promise.allSettled([listener.accept({ timeoutMs: 0 })]); // the epoll fd is there
  const before = fdCount();
  const { attempts, lines, onAttempt } = recorder();
  const resolver = answering(full.address, listener.localAddr);
  using stream = await TcpStream.connect(NAME, { resolver, onAttempt, attemptDelayMs: 30 });
  // At most: a socket that an earlier test has forgotten may be collected meanwhile.
  assert.ok(fdCount() <= before + 1, "the winner alone is open when connect comes back");
  assert.ok(stream.peerAddr.equals(listener.localAddr));
  assert.deepEqual(lines(), [
    `0 started ${full.address}`,
    `1 started ${listener.localAddr}`,
    `1 connected ${listener.localAddr}`,
    `0 cancelled ${full.address}`,
  ]);
  const [first, second, connected, cancelled] = attempts as [
    ConnectAttempt,
    ConnectAttempt,
    ConnectAttempt,
    ConnectAttempt,
  ];
  assert.ok(second.startMs - first.startMs >= 29, `${second.startMs - first.startMs} ms`); // timers are whole ms
  assert.equal(first.endMs, undefined);
  assert.equal(connected.startMs, second.startMs);
  assert.ok((connected.endMs as number) >= second.startMs);
  assert.equal(cancelled.startMs, first.startMs);
  assert.equal(cancelled.error, undefined);
});

test("a slow handshake still wins", async () => {
  using slow = await fullListener("127.0.0.1:0");
  using silent = await fullListener("127.0.0.2:0");
  const { lines, onAttempt } = recorder();
  using stream = await TcpStream.connect(NAME, {
    resolver: answering(slow.address, silent.address),
    attemptDelayMs: 10,
    timeoutMs: 12_000,
    onAttempt(attempt) {
      onAttempt(attempt);
      if (attempt.index === 1 && attempt.state === "started") slow.drain(); // the SYN sent again after 1 s is answered
    },
  });
  assert.ok(stream.peerAddr.equals(slow.address));
  assert.deepEqual(lines(), [
    `0 started ${slow.address}`,
    `1 started ${silent.address}`,
    `0 connected ${slow.address}`,
    `1 cancelled ${silent.address}`,
  ]);
});

test("attemptDelayMs 0 starts all; Infinity, and what a timer cannot count, never starts a second beside the first", async () => {
  using full = await fullListener();
  using listener = TcpListener.bind("127.0.0.1:0");
  const resolver = answering(full.address, full.address, listener.localAddr);
  using stream = await TcpStream.connect(NAME, { resolver, attemptDelayMs: 0 });
  assert.ok(stream.peerAddr.equals(listener.localAddr));
  for (const attemptDelayMs of [Number.POSITIVE_INFINITY, 2 ** 31, Number.MAX_VALUE]) {
    const stop = new AbortController();
    const { lines, onAttempt } = recorder();
    const waiting = TcpStream.connect(NAME, { resolver, attemptDelayMs, onAttempt, signal: stop.signal });
    waiting.catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 5)); // a delay that overflows fires after 1 ms
    assert.deepEqual(lines(), [`0 started ${full.address}`], `attemptDelayMs ${attemptDelayMs}`);
    stop.abort(new Error("stop"));
    await assert.rejects(waiting, { message: "stop" });
  }
});

test("the families take turns, beginning with the resolver's first", { skip: noIpv6 }, async () => {
  using v4 = closedPort("127.0.0.1:0");
  using v6 = closedPort("[::1]:0");
  const at = (host: string, of: { address: SocketAddr }): string => `${host}:${of.address.port}`;
  const four = ["127.0.0.1", "127.0.0.2", "127.0.0.3"].map((host) => at(host, v4));
  const six = [at("[::1]", v6), at("[::ffff:127.0.0.1]", v4)];
  const cases = [
    { given: [...six, ...four], tried: [six[0], four[0], six[1], four[1], four[2]] },
    { given: [...four, ...six], tried: [four[0], six[0], four[1], six[1], four[2]] },
    { given: four, tried: four },
    { given: [four[0], four[1], six[0]], tried: [four[0], six[0], four[1]] },
  ];
  for (const { given, tried } of cases) {
    await assert.rejects(
      TcpStream.connect(NAME, { resolver: answering(...(given as string[])) }),
      (error) => {
        assert.ok(error instanceof ConnectError);
        assert.deepEqual(
          error.attempts.map((it) => it.address.toString()),
          tried,
        );
        return true;
      },
    );
  }
});

test("what onAttempt throws is reported as uncaught, and the race goes on", async () => {
  using closed = closedPort();
  using listener = TcpListener.bind("127.0.0.1:0");
  const uncaught: unknown[] = [];
  const others = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", (error) => uncaught.push(error));
  try {
    using stream = await TcpStream.connect(NAME, {
      resolver: answering(closed.address, listener.localAddr),
      onAttempt: ({ index, state }) => {
        throw new Error(`${index} ${state}`);
      },
    });
    assert.ok(stream.peerAddr.equals(listener.localAddr));
    await turn();
  } finally {
    process.removeAllListeners("uncaughtException");
    for (const other of others) process.on("uncaughtException", other);
  }
  assert.deepEqual(
    uncaught.map((it) => (it as Error).message),
    ["0 started", "0 failed", "1 started", "1 connected"],
  );
});

for (const when of ["started", "failed", "connected"] as const) {
  test(`an abort from within onAttempt, at "${when}": the reason, nothing more is tried, nothing stays open`, async () => {
    using closed = closedPort();
    using full = await fullListener();
    using listener = TcpListener.bind("127.0.0.1:0");
    await Promise.allSettled([listener.accept({ timeoutMs: 0 })]);
    const fds = fdCount();
    const stop = new AbortController();
    const { lines, attempts, onAttempt } = recorder();
    const first = when === "started" ? full.address : when === "failed" ? closed.address : listener.localAddr;
    const connecting = TcpStream.connect(NAME, {
      resolver: answering(first, listener.localAddr, listener.localAddr),
      attemptDelayMs: 5,
      signal: stop.signal,
      onAttempt(attempt) {
        onAttempt(attempt);
        if (attempt.state === when) stop.abort(new Error("enough"));
      },
    });
    await assert.rejects(connecting, { message: "enough" });
    const told = lines().length;
    await new Promise((resolve) => setTimeout(resolve, 30)); // the time in which further attempts would start
    await turns(5);
    assert.deepEqual(lines().slice(told), [], "attempts go on after the end");
    assert.ok(
      attempts.every((it) => it.index === 0),
      String(lines()),
    );
    assert.equal(fdCount(), fds, "the connection of an aborted connect is open");
  });
}

test("an abort while resolving: a resolver that heeds the signal, and one that does not", async () => {
  using listener = TcpListener.bind("127.0.0.1:0");
  for (const heeds of [true, false]) {
    let answer: (addresses: SocketAddr[]) => void = () => undefined;
    let seen: AbortSignal | undefined;
    const resolver: Resolver = {
      resolve: (_host, _service, options) =>
        new Promise((resolve, reject) => {
          answer = resolve;
          seen = options?.signal;
          if (heeds) seen?.addEventListener("abort", () => reject(seen?.reason), { once: true });
        }),
    };
    const fds = fdCount();
    const stop = new AbortController();
    const { lines, onAttempt } = recorder();
    const connecting = TcpStream.connect(NAME, { resolver, onAttempt, signal: stop.signal });
    assert.equal(await stateOf(connecting), "pending");
    const reason = new Error("enough");
    stop.abort(reason);
    await turns(3);
    assert.equal(
      await stateOf(connecting),
      "rejected",
      `the resolver ${heeds ? "heeds" : "ignores"} the signal`,
    );
    await assert.rejects(connecting, reason);
    assert.equal(seen?.aborted, true, "the resolver was told");
    answer([listener.localAddr]);
    await turns(3);
    assert.deepEqual(lines(), []);
    assert.equal(fdCount(), fds);
  }
});

test("timeoutMs counts resolving and all attempts together", async () => {
  using full = await fullListener();
  await Promise.allSettled([full.listener.accept({ timeoutMs: 0 })]).then(([it]) => {
    if (it?.status === "fulfilled") it.value.close();
  });
  using again = await fullListener("127.0.0.3:0");
  const fds = fdCount();
  let resolved = 0;
  const resolver: Resolver = {
    resolve: async () => {
      await new Promise((resolve) => setTimeout(resolve, 30));
      resolved++;
      return [again.address, again.address, again.address];
    },
  };
  const { lines, onAttempt } = recorder();
  const start = performance.now();
  await assert.rejects(
    TcpStream.connect(NAME, { resolver, onAttempt, attemptDelayMs: 20, timeoutMs: 120 }),
    (error) => {
      assert.ok(error instanceof TimeoutError);
      assert.deepEqual([error.code, error.syscall, error.timeoutMs], ["TIMEOUT", "connect", 120]);
      assert.match(error.message, /many\.example:80/);
      return true;
    },
  );
  assert.ok(performance.now() - start >= 119);
  assert.equal(resolved, 1);
  assert.equal(
    lines().filter((it) => it.includes("cancelled")).length,
    lines().filter((it) => it.includes("started")).length,
  );
  assert.equal(fdCount(), fds);
});

test("a resolver that fails, or knows nothing, is heard", async () => {
  const mistake = new Error("the resolver's own");
  const failing: Resolver = { resolve: () => Promise.reject(mistake) };
  await assert.rejects(TcpStream.connect(NAME, { resolver: failing }), mistake);
  const throwing: Resolver = {
    resolve: () => {
      throw mistake;
    },
  };
  await assert.rejects(TcpStream.connect(NAME, { resolver: throwing }), mistake);
  await assert.rejects(TcpStream.connect(NAME, { resolver: answering() }), {
    name: "ResolveError",
    code: "EAI_NONAME",
  });
});

test("family leaves out the other one; an address of the other is refused", async () => {
  using listener = TcpListener.bind("127.0.0.1:0");
  const { port } = listener.localAddr;
  let asked: string | undefined;
  const resolver: Resolver = {
    resolve: async (_host, _service, options) => {
      asked = options?.family;
      return [listener.localAddr];
    },
  };
  using stream = await TcpStream.connect(NAME, { resolver, family: "ipv4" });
  assert.equal(asked, "ipv4");
  assert.ok(!stream.closed);
  for (const target of [`127.0.0.1:${port}`, listener.localAddr, { host: "127.0.0.1", port }]) {
    await assert.rejects(
      TcpStream.connect(target, { family: "ipv6" }),
      (error) => error instanceof Error && /family|EAI_ADDRFAMILY|EAFNOSUPPORT/.test(error.message),
      `family "ipv6" and ${String(target)}`,
    );
  }
});

test("localAddr: the connection comes from there; a taken or foreign one is an error of bind", async () => {
  using listener = TcpListener.bind("127.0.0.1:0");
  using from = await TcpStream.connect(listener.localAddr, { localAddr: SocketAddr.parse("127.0.0.9:0") });
  using server = await listener.accept();
  assert.equal(from.localAddr.ip.toString(), "127.0.0.9");
  assert.equal(server.peerAddr.ip.toString(), "127.0.0.9");
  const fds = fdCount();
  const foreign = SocketAddr.parse("192.0.2.7:0");
  await assert.rejects(TcpStream.connect(listener.localAddr, { localAddr: foreign }), (error) => {
    sysError("EADDRNOTAVAIL", "bind")(error);
    assert.equal((error as SysError).address, foreign.toString());
    return true;
  });
  const taken = { localAddr: listener.localAddr };
  await assert.rejects(TcpStream.connect("127.0.0.1:1", taken), sysError("EADDRINUSE", "bind"));
  assert.equal(fdCount(), fds);
});

test("options are set before the handshake", async () => {
  using listener = TcpListener.bind("127.0.0.1:0");
  using stream = await TcpStream.connect(listener.localAddr, {
    options: [SO.RCVBUF.to(20_000), SO.KEEPALIVE.to(true)],
  });
  assert.equal(stream.getOption(SO.RCVBUF), 40_000);
  assert.equal(stream.getOption(SO.KEEPALIVE), true);
});

test("a connect to itself, bound to the very port, is refused", async () => {
  using port = closedPort();
  const { port: number } = port.address;
  port[Symbol.dispose]();
  const self = SocketAddr.of("127.0.0.1", number);
  await assert.rejects(TcpStream.connect(self, { localAddr: self }), sysError("ECONNREFUSED", "connect"));
});

/** Two ends of a wire in one namespace: v0 has addresses, and what is sent to .9 and ::9 is swallowed by v1. */
const WIRE = `
ip link set lo up
ip link add v0 type veth peer name v1
ip addr add 192.0.2.1/24 dev v0
ip addr add 2001:db8::1/64 dev v0 nodad
ip addr add fe80::1/64 dev v0 nodad
ip link set v0 up
ip link set v1 up
ip neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 nud permanent dev v0
ip neigh add 2001:db8::9 lladdr 02:00:00:00:00:09 nud permanent dev v0
ip route add unreachable 198.51.100.0/24
ip route add prohibit 198.51.101.0/24
`;

isolated(
  import.meta.url,
  "unreachable networks fail with their own errno, and the next wins",
  { netns: WIRE },
  async () => {
    using listener = TcpListener.bind("192.0.2.1:0");
    const rows = [
      ["203.0.113.1:80", "ENETUNREACH"],
      ["198.51.100.1:80", "EHOSTUNREACH"],
      ["198.51.101.1:80", "EACCES"],
      ["[2001:db8:1::1]:80", "ENETUNREACH"],
    ] as const;
    for (const [address, code] of rows) {
      await assert.rejects(TcpStream.connect(address), (error) => {
        sysError(code, "connect")(error);
        assert.equal((error as SysError).address, address);
        return true;
      });
    }
    const addresses = [...rows.map(([address]) => address), listener.localAddr];
    const { attempts, onAttempt } = recorder();
    using stream = await TcpStream.connect(NAME, {
      resolver: answering(...addresses),
      onAttempt,
      attemptDelayMs: 3_600_000,
    });
    assert.ok(stream.peerAddr.equals(listener.localAddr));
    const failed = attempts
      .filter((it) => it.state === "failed")
      .map((it) => `${it.address} ${it.error?.code}`);
    assert.deepEqual(failed.sort(), rows.map((row) => row.join(" ")).sort());
  },
);

isolated(
  import.meta.url,
  "packets that are swallowed: the next starts after the delay and wins",
  { netns: WIRE },
  async () => {
    using listener = TcpListener.bind("[2001:db8::1]:0");
    const { lines, onAttempt } = recorder();
    const swallowed = ["[2001:db8::9]:80", "192.0.2.9:80"];
    using stream = await TcpStream.connect(NAME, {
      resolver: answering(...swallowed, listener.localAddr),
      onAttempt,
      attemptDelayMs: 20,
    });
    assert.ok(stream.peerAddr.equals(listener.localAddr));
    assert.deepEqual(lines().slice(0, 4), [
      `0 started ${swallowed[0]}`,
      `1 started ${swallowed[1]}`,
      `2 started ${listener.localAddr}`,
      `2 connected ${listener.localAddr}`,
    ]);
    assert.deepEqual(lines().slice(4).sort(), [`0 cancelled ${swallowed[0]}`, `1 cancelled ${swallowed[1]}`]);
  },
);

isolated(
  import.meta.url,
  "zones: by name, by index, as a SocketAddr; none, or an unknown one, is an error that says so",
  { netns: WIRE },
  async () => {
    using listener = TcpListener.bind("[fe80::1%v0]:0");
    const { port } = listener.localAddr;
    const index = Number(
      execFileSync("ip", ["-o", "link", "show", "v0"], { encoding: "utf8" }).split(":")[0],
    );
    const targets = [
      `[fe80::1%v0]:${port}`,
      `[fe80::1%${index}]:${port}`,
      { host: "fe80::1%v0", port },
      { host: "[fe80::1%v0]", port },
      SocketAddr.of("fe80::1", port, { zone: "v0" }),
    ];
    for (const target of targets) {
      using client = await TcpStream.connect(target);
      using server = await listener.accept();
      assert.equal(client.peerAddr.ip.toString(), "fe80::1");
      assert.equal(client.localAddr.zone, index);
      assert.ok(server.peerAddr.equals(client.localAddr));
    }
    await assert.rejects(TcpStream.connect(`[fe80::1]:${port}`), (error) => {
      sysError("EINVAL", "connect")(error);
      assert.match((error as Error).message, /zone/);
      return true;
    });
    await assert.rejects(TcpStream.connect(`[fe80::1%nope]:${port}`), (error) => {
      sysError("ENODEV")(error);
      assert.match((error as Error).message, /nope/);
      return true;
    });
    await assert.rejects(TcpStream.connect("[fe80::1%lo]:80"), SysError);
  },
);

isolated(
  import.meta.url,
  "a peer that goes silent: connect ends with ETIMEDOUT, as the kernel decides",
  {
    netns: `${WIRE}\necho 0 > /proc/sys/net/ipv4/tcp_syn_retries 2>/dev/null || echo 1 > /proc/sys/net/ipv4/tcp_syn_retries`,
  },
  async () => {
    await assert.rejects(TcpStream.connect("192.0.2.9:80"), (error) => {
      assert.ok(error instanceof SysError);
      // The neighbour is permanent, so that nobody reports it as unreachable.
      assert.deepEqual([error.code, error.syscall, error.address], ["ETIMEDOUT", "connect", "192.0.2.9:80"]);
      return true;
    });
  },
);

const ONE_PORT = 'ip link set lo up; echo "40000 40000" > /proc/sys/net/ipv4/ip_local_port_range';

for (const target of [
  "127.0.0.1:40000",
  "[::1]:40000",
  "0.0.0.0:40000",
  "[::]:40000",
  "[::ffff:127.0.0.1]:40000",
]) {
  isolated(
    import.meta.url,
    `a connect to a closed ephemeral port is none to itself: ${target}`,
    { netns: ONE_PORT },
    async () => {
      // That the kernel does it here: the same two calls without our check.
      const address = SocketAddr.parse(target);
      const family = address.family === "ipv4" ? sys.AF_INET : sys.AF_INET6;
      const fd = sys.check(sys.socket(family, sys.SOCK_STREAM, 0), "socket");
      sys.check(sys.connect(fd, sys.encodeSockaddr(address)), "connect");
      assert.deepEqual(sys.getsockname(fd), sys.getpeername(fd));
      sys.setsockopt(fd, sys.SOL_SOCKET, sys.SO_LINGER, SO.LINGER.to(0).bytes); // no TIME_WAIT
      sys.close(fd);

      await Promise.allSettled([TcpStream.connect("127.0.0.1:1")]); // the epoll fd is there
      const fds = fdCount();
      await assert.rejects(TcpStream.connect(address), sysError("ECONNREFUSED", "connect"));
      assert.equal(fdCount(), fds);
    },
  );
}
