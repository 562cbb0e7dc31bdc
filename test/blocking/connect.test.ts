/** TcpStream.connect, blocking: targets, names with several addresses, timeouts over all of them, what a failure says. */
import assert from "node:assert/strict";
import {
  type ConnectAttempt,
  ConnectError,
  type ConnectOptions,
  ResolveError,
  type Resolver,
  resolve,
  SO,
  SocketAddr,
  type SysError,
  TcpListener,
  TcpStream,
  type TimeoutError,
} from "../../src/blocking/index.ts";
import * as sys from "../../src/sys/index.ts";
import { fdCount } from "../_fds.ts";
import { noIpv6 } from "../socket/_helpers.ts";
import { cases, isolated } from "./_cases.ts";
import { sysError, timeout } from "./_pair.ts";

const NAME = "many.example:80";

/** A resolver that knows one answer, whatever it is asked. */
const answering = (...addresses: (SocketAddr | string)[]): Resolver => ({
  resolve: () => addresses.map((it) => (typeof it === "string" ? SocketAddr.parse(it) : it)),
});

/** A bound port of loopback that refuses every connect, and that nobody else gets meanwhile. */
function closedPort(): Disposable & { readonly address: SocketAddr } {
  const fd = sys.check(sys.socket(sys.AF_INET, sys.SOCK_STREAM | sys.SOCK_CLOEXEC, 0), "socket");
  sys.check(sys.bind(fd, sys.encodeSockaddr(SocketAddr.parse("127.0.0.1:0"))), "bind");
  const address = sys.decodeSockaddr(sys.getsockname(fd) as Uint8Array) as SocketAddr;
  return { address, [Symbol.dispose]: () => void sys.close(fd) };
}

/** A listener whose backlog is full: the kernel drops further SYNs, so that a connect to it hangs. */
function fullListener(): Disposable & { readonly address: SocketAddr; drain(): void } {
  const listener = TcpListener.bind("127.0.0.1:0", { backlog: 0 });
  const filler = TcpStream.connect(listener.localAddr);
  return {
    address: listener.localAddr,
    drain: () => listener.accept({ timeoutMs: 10_000 }).close(),
    [Symbol.dispose]() {
      filler.close();
      listener.close();
    },
  };
}

/** What onAttempt was told, in short. */
function recorder(): { lines: () => string[]; onAttempt: (it: ConnectAttempt) => void } {
  const attempts: ConnectAttempt[] = [];
  return {
    lines: () => attempts.map((it) => `${it.index} ${it.state} ${it.address}`),
    onAttempt: (attempt) => void attempts.push(attempt),
  };
}

cases(import.meta.url, {
  "a target is an address, a SocketAddr, a name with a port, or { host, port }"() {
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
      using client = TcpStream.connect(target, { family: "ipv4" });
      using server = listener.accept();
      assert.equal(client.peerAddr.toString(), `127.0.0.1:${port}`);
      assert.ok(server.peerAddr.equals(client.localAddr));
    }
  },

  "an IPv6 target": {
    skip: noIpv6,
    body() {
      using listener = TcpListener.bind("[::1]:0");
      using client = TcpStream.connect({ host: "::1", port: listener.localAddr.port });
      assert.ok(client.peerAddr.equals(listener.localAddr));
    },
  },

  "a connect to 0.0.0.0 is one to loopback, and peerAddr says so as the kernel does"() {
    using listener = TcpListener.bind("127.0.0.1:0");
    using client = TcpStream.connect(`0.0.0.0:${listener.localAddr.port}`);
    assert.ok(client.peerAddr.equals(listener.localAddr));
  },

  "targets that are none, before any system call"() {
    const rows: [target: unknown, expected: { name: string; code?: string }][] = [
      ["localhost", { name: "AddressError" }],
      ["::1:80", { name: "AddressError" }],
      ["localhost:65536", { name: "RangeError" }],
      [{ host: "localhost", port: -1 }, { name: "RangeError" }],
      [{ host: "localhost", port: Number.NaN }, { name: "RangeError" }],
      ["localhost:no-such-service", { name: "ResolveError", code: "EAI_SERVICE" }],
      ["sp ace:80", { name: "ResolveError", code: "EAI_NONAME" }],
      ["127.1:80", { name: "ResolveError", code: "EAI_NONAME" }],
      ["0x7f.0.0.1:80", { name: "ResolveError", code: "EAI_NONAME" }],
      [undefined, { name: "TypeError" }],
      [null, { name: "TypeError" }],
      [80, { name: "TypeError" }],
    ];
    const before = fdCount();
    for (const [target, expected] of rows) {
      assert.throws(() => TcpStream.connect(target as string), expected, String(target));
    }
    assert.equal(fdCount(), before);
  },

  "wrong options are refused by name, before anything is begun"() {
    let asked = 0;
    const resolver: Resolver = {
      resolve() {
        asked++;
        return [];
      },
    };
    const rows: [options: object, expected: { name: string; message: RegExp }][] = [
      [{ timeoutMs: -1 }, { name: "RangeError", message: /^timeoutMs: / }],
      [{ timeoutMs: "1" }, { name: "TypeError", message: /^timeoutMs: / }],
      [{ attemptDelayMs: Number.NaN }, { name: "RangeError", message: /^attemptDelayMs: / }],
      [{ signal: AbortSignal.abort() }, { name: "TypeError", message: /^signal: .*cannot be cancelled/ }],
    ];
    for (const [options, expected] of rows) {
      assert.throws(() => TcpStream.connect(NAME, { resolver, ...options }), expected);
    }
    assert.equal(asked, 0);
    const promising = { resolve: async () => [SocketAddr.parse("127.0.0.1:1")] } as unknown as Resolver;
    const expected = { name: "TypeError", message: /^resolver: .*not a promise/ };
    assert.throws(() => TcpStream.connect(NAME, { resolver: promising }), expected);
  },

  "a closed port: SysError for an address, ConnectError with its one attempt for a name"() {
    using closed = closedPort();
    const before = fdCount();
    assert.throws(
      () => TcpStream.connect(closed.address),
      (error) => {
        sysError("ECONNREFUSED", "connect")(error);
        assert.equal((error as SysError).address, closed.address.toString());
        assert.match((error as Error).message, /nothing listens/);
        return true;
      },
    );
    assert.throws(
      () => TcpStream.connect(NAME, { resolver: answering(closed.address) }),
      (error) => {
        assert.ok(error instanceof ConnectError);
        assert.deepEqual([error.code, error.errors.length, error.attempts.length], ["ECONNREFUSED", 1, 1]);
        return true;
      },
    );
    assert.equal(fdCount(), before);
  },

  "the first refuses: the second is tried at once, and both are reported"() {
    using closed = closedPort();
    using listener = TcpListener.bind("127.0.0.1:0");
    const { lines, onAttempt } = recorder();
    const resolver = answering(closed.address, listener.localAddr);
    using client = TcpStream.connect(NAME, { resolver, onAttempt, attemptDelayMs: 3_600_000 });
    assert.ok(client.peerAddr.equals(listener.localAddr));
    assert.deepEqual(lines(), [
      `0 started ${closed.address}`,
      `0 failed ${closed.address}`,
      `1 started ${listener.localAddr}`,
      `1 connected ${listener.localAddr}`,
    ]);
  },

  "the first does not answer: the next starts after the delay and wins; the loser is closed by then"() {
    using full = fullListener();
    using listener = TcpListener.bind("127.0.0.1:0");
    const { lines, onAttempt } = recorder();
    const resolver = answering(full.address, listener.localAddr);
    const before = fdCount();
    using client = TcpStream.connect(NAME, { resolver, onAttempt, attemptDelayMs: 20 });
    assert.equal(fdCount(), before + 1);
    assert.ok(client.peerAddr.equals(listener.localAddr));
    assert.deepEqual(lines(), [
      `0 started ${full.address}`,
      `1 started ${listener.localAddr}`,
      `1 connected ${listener.localAddr}`,
      `0 cancelled ${full.address}`,
    ]);
  },

  "a slow handshake still wins, when another attempt has begun and failed"() {
    using full = fullListener();
    using closed = closedPort();
    const { lines, onAttempt } = recorder();
    using client = TcpStream.connect(NAME, {
      resolver: answering(full.address, closed.address),
      attemptDelayMs: 0,
      timeoutMs: 20_000,
      onAttempt(attempt) {
        onAttempt(attempt);
        if (attempt.state === "failed") full.drain(); // the next SYN is answered
      },
    });
    assert.ok(client.peerAddr.equals(full.address));
    assert.deepEqual(lines().slice(2), [`1 failed ${closed.address}`, `0 connected ${full.address}`]);
  },

  "if all fail, the error holds every attempt with its own error"() {
    using one = closedPort();
    using other = closedPort();
    assert.throws(
      () => TcpStream.connect(NAME, { resolver: answering(one.address, other.address) }),
      (error) => {
        assert.ok(error instanceof ConnectError);
        assert.deepEqual(
          error.attempts.map((it) => [it.address.toString(), it.state, it.error?.code]),
          [one, other].map(({ address }) => [address.toString(), "failed", "ECONNREFUSED"]),
        );
        assert.match(error.message, /none of 2 addresses answered/);
        return true;
      },
    );
  },

  "the time counts for the resolver and all attempts together; everything is closed then"() {
    using full = fullListener();
    using other = fullListener();
    const before = fdCount();
    for (const timeoutMs of [0, 1, 60, 330]) {
      const start = performance.now();
      const resolver = answering(full.address, other.address);
      assert.throws(
        () => TcpStream.connect(NAME, { resolver, timeoutMs, attemptDelayMs: 10 }),
        (error) => {
          timeout("connect", timeoutMs)(error);
          assert.equal((error as TimeoutError).address, NAME);
          return true;
        },
      );
      assert.ok(performance.now() - start >= timeoutMs, "not before its time");
      assert.equal(fdCount(), before);
    }
    const slow: Resolver = {
      resolve(_host, _service, { timeoutMs = Number.NaN } = {}) {
        assert.ok(timeoutMs > 0 && timeoutMs <= 50, `${timeoutMs}`);
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 80);
        return [full.address];
      },
    };
    assert.throws(() => TcpStream.connect(NAME, { resolver: slow, timeoutMs: 50 }), timeout("connect", 50));
    assert.equal(fdCount(), before);
  },

  "timeoutMs: 0 connects where the handshake needs no waiting"() {
    using listener = TcpListener.bind("127.0.0.1:0");
    using client = TcpStream.connect(listener.localAddr, { timeoutMs: 0 });
    assert.ok(client.peerAddr.equals(listener.localAddr));
    client.writeAll(new Uint8Array(1));
  },

  "what onAttempt throws ends the connect, and leaves nothing open"() {
    using full = fullListener();
    using listener = TcpListener.bind("127.0.0.1:0");
    const before = fdCount();
    const mine = new Error("mine");
    for (const state of ["started", "connected"]) {
      const options: ConnectOptions = {
        resolver: answering(full.address, listener.localAddr),
        attemptDelayMs: 0,
        onAttempt(attempt) {
          if (attempt.state === state && attempt.index === 1) throw mine;
        },
      };
      assert.throws(
        () => TcpStream.connect(NAME, options),
        (error) => error === mine,
      );
      assert.equal(fdCount(), before);
    }
  },

  "the families take turns; family leaves out the other one"() {
    const given = ["127.0.0.1:1", "127.0.0.2:1", "[::1]:1"];
    const order = (options: ConnectOptions): string[] => {
      const { lines, onAttempt } = recorder();
      const resolver: Resolver = {
        resolve: (_host, _service, { family } = {}) =>
          given
            .map((it) => SocketAddr.parse(it))
            .filter((it) => family === undefined || it.family === family),
      };
      try {
        TcpStream.connect(NAME, { ...options, resolver, onAttempt, timeoutMs: 5_000 }).close();
      } catch (error) {
        assert.ok(error instanceof ConnectError, String(error));
      }
      return lines()
        .filter((line) => line.includes("started"))
        .map((line) => line.split(" ")[2] as string);
    };
    assert.deepEqual(order({}), ["127.0.0.1:1", "[::1]:1", "127.0.0.2:1"]);
    assert.deepEqual(order({ family: "ipv4" }), ["127.0.0.1:1", "127.0.0.2:1"]);
    const wrong = { name: "ResolveError", code: "EAI_ADDRFAMILY" };
    assert.throws(() => TcpStream.connect("127.0.0.1:80", { family: "ipv6" }), wrong);
  },

  "localAddr and options are set before the handshake"() {
    using listener = TcpListener.bind("127.0.0.1:0");
    const localAddr = SocketAddr.parse("127.0.0.9:0");
    using client = TcpStream.connect(listener.localAddr, { localAddr, options: [SO.RCVBUF.to(65_536)] });
    assert.equal(client.localAddr.ip.toString(), "127.0.0.9");
    assert.equal(client.getOption(SO.RCVBUF), 131_072);
    const before = fdCount();
    const taken = { localAddr: listener.localAddr };
    assert.throws(() => TcpStream.connect(listener.localAddr, taken), sysError("EADDRINUSE", "bind"));
    const foreign = { localAddr: SocketAddr.parse("192.0.2.77:0") };
    assert.throws(() => TcpStream.connect(listener.localAddr, foreign), sysError("EADDRNOTAVAIL", "bind"));
    assert.equal(fdCount(), before);
  },

  "resolve: what the system says, at once"() {
    assert.ok(resolve("localhost", 80).some((it) => it.toString() === "127.0.0.1:80"));
    assert.deepEqual(resolve("127.0.0.1", "http", { timeoutMs: 10_000 }).map(String), ["127.0.0.1:80"]);
    assert.throws(() => resolve("127.1"), { name: "ResolveError", code: "EAI_NONAME" });
    assert.throws(() => resolve("localhost", 65_536), RangeError);
    assert.throws(() => resolve("nothing", 1, { resolver: answering() }), ResolveError);
    const before = fdCount();
    for (let i = 0; i < 200; i++) resolve("localhost");
    assert.equal(fdCount(), before);
  },
});

const WIRE = `
ip link set lo up
ip link add v0 type veth peer name v1
ip addr add 192.0.2.1/24 dev v0
ip link set v0 up
ip link set v1 up
ip neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 nud permanent dev v0
ip route add unreachable 198.51.100.0/24
`;

isolated(
  import.meta.url,
  "blocking: unreachable networks fail with their own errno, swallowed packets do not hold up the next",
  { netns: WIRE },
  async () => {
    using listener = TcpListener.bind("192.0.2.1:0");
    assert.throws(() => TcpStream.connect("203.0.113.1:80"), sysError("ENETUNREACH", "connect"));
    assert.throws(() => TcpStream.connect("198.51.100.1:80"), sysError("EHOSTUNREACH", "connect"));
    assert.throws(() => TcpStream.connect("192.0.2.9:80", { timeoutMs: 250 }), timeout("connect", 250));
    const resolver = answering("203.0.113.1:80", "192.0.2.9:80", listener.localAddr);
    using client = TcpStream.connect(NAME, { resolver, attemptDelayMs: 30 });
    assert.ok(client.peerAddr.equals(listener.localAddr));
  },
);

isolated(
  import.meta.url,
  "blocking: a connect to a closed ephemeral port is none to itself",
  { netns: 'ip link set lo up; echo "40000 40000" > /proc/sys/net/ipv4/ip_local_port_range' },
  async () => {
    const before = fdCount();
    for (const target of ["127.0.0.1:40000", "[::1]:40000", "0.0.0.0:40000"]) {
      assert.throws(() => TcpStream.connect(target), sysError("ECONNREFUSED", "connect"));
    }
    assert.equal(fdCount(), before);
  },
);
