/** TcpListener: what bind refuses and why, what it shares and hands on, and how accept lives through shortages. */
import assert from "node:assert/strict";
import { type AsyncHook, createHook } from "node:async_hooks";
import { spawnSync } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { IPV6, SO, SocketAddr, SysError, TCP, TcpListener, TcpStream, WOULD_BLOCK } from "../../src/index.ts";
import { fdCount } from "../_fds.ts";
import {
  closedPort,
  isolated,
  noIpv6,
  noRoot,
  noSs,
  stateOf,
  sysError,
  test,
  turn,
  turns,
  until,
  utf8,
} from "./_helpers.ts";

test("EADDRINUSE names the address and says who to ask", () => {
  using first = TcpListener.bind("127.0.0.1:0");
  const address = first.localAddr.toString();
  assert.throws(
    () => TcpListener.bind(address),
    (error) => {
      assert.ok(error instanceof SysError);
      assert.equal(error.code, "EADDRINUSE");
      assert.equal(error.errno, 98);
      assert.equal(error.address, address);
      assert.match(
        error.message,
        new RegExp(`^(bind|listen) ${address}: Address already in use \\(EADDRINUSE\\): .*ss -ltnp`),
      );
      return true;
    },
  );
  // An address that no other test connects from: tests run side by side, and their ports are taken.
  using other = TcpListener.bind(`127.83.71.5:${first.localAddr.port}`);
  assert.equal(other.localAddr.port, first.localAddr.port, "another address of this host is free");
});

test("EADDRNOTAVAIL for an address that no interface has", () => {
  assert.throws(() => TcpListener.bind("192.0.2.1:0"), sysError("EADDRNOTAVAIL", "bind"));
  assert.throws(() => TcpListener.bind("192.0.2.1:0"), {
    address: "192.0.2.1:0",
    message: /no network interface/,
  });
});

isolated(
  import.meta.url,
  "EACCES on port 80 names the capability that is missing",
  { skip: noRoot },
  async () => {
    const start = Number(readFileSync("/proc/sys/net/ipv4/ip_unprivileged_port_start", "utf8"));
    assert.ok(start > 80, `here every user may bind port 80 (ip_unprivileged_port_start is ${start})`);
    process.setgroups?.([]);
    process.setgid?.(65534);
    process.setuid?.(65534); // and with it every capability
    for (const address of ["127.0.0.1:80", "[::1]:80", SocketAddr.parse("0.0.0.0:1"), 80]) {
      assert.throws(
        () => TcpListener.bind(address),
        (error) => {
          sysError("EACCES", "bind")(error);
          assert.match((error as Error).message, /port (80|1) .*CAP_NET_BIND_SERVICE/);
          return true;
        },
      );
    }
    using allowed = TcpListener.bind("127.0.0.1:0");
    assert.ok(allowed.localAddr.port >= start);
  },
);

test("wrong arguments are refused by name, and no fd stays open", () => {
  const fds = fdCount();
  for (const text of [
    "127.0.0.1",
    "localhost:80",
    ":80",
    "",
    "[::1]",
    "127.0.0.1:65536",
    "127.0.0.1:-1",
    "01.2.3.4:80",
  ]) {
    assert.throws(() => TcpListener.bind(text), { name: "AddressError" }, text);
  }
  for (const port of [-1, 65536, 1.5, Number.NaN]) assert.throws(() => TcpListener.bind(port), RangeError);
  for (const backlog of [-1, 1.5, Number.NaN, 2 ** 31]) {
    assert.throws(() => TcpListener.bind("127.0.0.1:0", { backlog }), {
      name: "RangeError",
      message: /backlog/,
    });
  }
  for (const value of [null, undefined, {}, true, 5n] as unknown[]) {
    assert.throws(() => TcpListener.bind(value as string), { name: "TypeError" }, String(value));
  }
  for (const key of ["reuseAddr", "reusePort", "ipv6Only"] as const) {
    if (key === "ipv6Only" && noIpv6) continue;
    const address = key === "ipv6Only" ? "[::1]:0" : "127.0.0.1:0";
    for (const value of [1, "yes"] as unknown[]) {
      assert.throws(() => TcpListener.bind(address, { [key]: value as boolean }), { name: "TypeError" }, key);
    }
  }
  assert.equal(fdCount(), fds);
});

/** Leaves a connection in TIME_WAIT on the port of the listener, which is closed. */
async function timeWait(): Promise<SocketAddr> {
  const listener = TcpListener.bind("127.0.0.1:0");
  const client = await TcpStream.connect(listener.localAddr);
  const server = await listener.accept();
  const { localAddr } = listener;
  listener.close();
  server.close(); // who closes first waits
  assert.equal(await client.read(new Uint8Array(1)), 0);
  client.close();
  const TIME_WAIT = "06"; // include/net/tcp_states.h, as /proc/net/tcp shows it
  const port = localAddr.port.toString(16).toUpperCase().padStart(4, "0");
  const line = new RegExp(`^\\s*\\d+: 0100007F:${port} \\S+ ${TIME_WAIT} `, "m");
  await until(() => line.test(readFileSync("/proc/net/tcp", "utf8")));
  return localAddr;
}

test("a port in TIME_WAIT can be bound again by default, and not without SO_REUSEADDR", async () => {
  const address = await timeWait();
  assert.throws(() => TcpListener.bind(address, { reuseAddr: false }), sysError("EADDRINUSE", "bind"));
  using again = TcpListener.bind(address);
  assert.equal(again.getOption(SO.REUSEADDR), true);
  using without = TcpListener.bind("127.0.0.1:0", { reuseAddr: false });
  assert.equal(without.getOption(SO.REUSEADDR), false);
});

test("reusePort: two listeners share a port and its connections; both have to ask for it", async () => {
  using first = TcpListener.bind("127.0.0.1:0", { reusePort: true });
  assert.throws(() => TcpListener.bind(first.localAddr), sysError("EADDRINUSE"));
  using second = TcpListener.bind(first.localAddr, { reusePort: true });
  const counts = [0, 0];
  // 200 connections that all go to one of two: 2^-199
  for (let i = 0; i < 200; i++) {
    using _ = await TcpStream.connect(first.localAddr);
    for (const [at, listener] of [first, second].entries()) {
      for (let got = listener.tryAccept(); got !== WOULD_BLOCK; got = listener.tryAccept()) {
        got.close();
        counts[at] = (counts[at] as number) + 1;
      }
    }
  }
  assert.equal((counts[0] as number) + (counts[1] as number), 200);
  assert.ok(
    counts.every((count) => count > 0),
    String(counts),
  );
});

test("the backlog is what was asked for", { skip: noSs }, () => {
  for (const backlog of [0, 1, 17, 128]) {
    using listener = TcpListener.bind("127.0.0.1:0", { backlog });
    const { stdout } = spawnSync("ss", ["-Hltn", `sport = :${listener.localAddr.port}`], {
      encoding: "utf8",
    });
    assert.equal(Number(stdout.trim().split(/\s+/)[2]), backlog, stdout); // Send-Q of a listener
    assert.equal(listener.getOption(SO.ACCEPTCONN), true);
  }
});

test("a port alone is every address of both families; ipv6Only and 0.0.0.0 are not", {
  skip: noIpv6,
}, async () => {
  const reach = async (listener: TcpListener, host: string): Promise<boolean> => {
    try {
      using _ = await TcpStream.connect({ host, port: listener.localAddr.port });
      using stream = await listener.accept();
      return !stream.closed;
    } catch (error) {
      sysError("ECONNREFUSED", "connect")(error);
      return false;
    }
  };
  const cases: [TcpListener, v4: boolean, v6: boolean, local: string][] = [
    [TcpListener.bind(0), true, true, "::"],
    [TcpListener.bind("[::]:0"), true, true, "::"],
    [TcpListener.bind(0, { ipv6Only: true }), false, true, "::"],
    [TcpListener.bind("[::]:0", { ipv6Only: true }), false, true, "::"],
    [TcpListener.bind("0.0.0.0:0"), true, false, "0.0.0.0"],
    [TcpListener.bind("[::1]:0"), false, true, "::1"],
  ];
  for (const [listener, v4, v6, local] of cases) {
    using own = listener;
    assert.equal(own.localAddr.ip.toString(), local);
    assert.deepEqual(
      [await reach(own, "127.0.0.1"), await reach(own, "::1")],
      [v4, v6],
      String(own.localAddr),
    );
  }
});

isolated(
  import.meta.url,
  "ipv6Only false means both families, whatever net.ipv6.bindv6only says",
  { netns: "ip link set lo up; echo 1 > /proc/sys/net/ipv6/bindv6only" },
  async () => {
    using listener = TcpListener.bind(0);
    assert.equal(listener.getOption(IPV6.V6ONLY), false);
    using client = await TcpStream.connect(`127.0.0.1:${listener.localAddr.port}`);
    using server = await listener.accept();
    assert.ok(!client.closed && !server.closed);
  },
);

isolated(
  import.meta.url,
  "where the host has no IPv6, a port alone is every IPv4 address",
  { netns: "ip link set lo up; echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6" },
  async () => {
    using listener = TcpListener.bind(0);
    using client = await TcpStream.connect(`127.0.0.1:${listener.localAddr.port}`);
    using server = await listener.accept();
    assert.ok(!client.closed && !server.closed);
  },
);

test("accepted sockets inherit options, and those of the listener are set before bind", async () => {
  const options = [SO.RCVBUF.to(40_000), SO.KEEPALIVE.to(true), TCP.NODELAY.to(true), TCP.KEEPIDLE.to(77)];
  using listener = TcpListener.bind("127.0.0.1:0", { options });
  using client = await TcpStream.connect(listener.localAddr, { options: [TCP.NODELAY.to(true)] });
  using server = await listener.accept();
  assert.equal(listener.getOption(SO.RCVBUF), 80_000); // doubled, man 7 socket
  assert.equal(server.getOption(SO.RCVBUF), 80_000);
  assert.equal(server.getOption(SO.KEEPALIVE), true);
  assert.equal(server.getOption(TCP.NODELAY), true);
  assert.equal(server.getOption(TCP.KEEPIDLE), 77);
  assert.equal(client.getOption(TCP.NODELAY), true);
  assert.equal(client.getOption(SO.KEEPALIVE), false);
});

test("an option that the kernel refuses fails bind, and no fd stays open", () => {
  const fds = fdCount();
  const wrong = { ...TCP.CONGESTION.to("nosuchalgo") };
  assert.throws(
    () => TcpListener.bind("127.0.0.1:0", { options: [wrong] }),
    sysError("ENOENT", "setsockopt"),
  );
  assert.equal(fdCount(), fds);
});

test("connections that were reset before they are accepted do not end the accepting", async () => {
  using listener = TcpListener.bind("127.0.0.1:0");
  for (let i = 0; i < 5; i++) {
    const gone = await TcpStream.connect(listener.localAddr);
    gone.setOption(SO.LINGER, 0);
    gone.close();
  }
  const client = await TcpStream.connect(listener.localAddr);
  await client.writeAll(utf8("I am here"));
  client.close();
  for await (const stream of listener) {
    using own = stream;
    const text = await own.readText().catch((error) => {
      sysError("ECONNRESET", "recv")(error);
      return "";
    });
    if (text === "I am here") break;
  }
});

test("tryAccept never waits, and never overtakes an accept that waits", async () => {
  using listener = TcpListener.bind("127.0.0.1:0");
  assert.equal(listener.tryAccept(), WOULD_BLOCK);
  using first = await TcpStream.connect(listener.localAddr);
  const got = listener.tryAccept();
  assert.ok(got instanceof TcpStream);
  assert.ok(got.peerAddr.equals(first.localAddr));
  got.close();
  const waiting = listener.accept();
  using second = await TcpStream.connect(listener.localAddr);
  assert.equal(listener.tryAccept(), WOULD_BLOCK);
  using accepted = await waiting;
  assert.ok(accepted.peerAddr.equals(second.localAddr));
});

test("accepts that wait are served in the order of the calls", async () => {
  using listener = TcpListener.bind("127.0.0.1:0");
  const accepts = Array.from({ length: 5 }, () => listener.accept());
  const clients: TcpStream[] = [];
  for (let i = 0; i < 5; i++) clients.push(await TcpStream.connect(listener.localAddr));
  for (const [i, accept] of accepts.entries()) {
    using server = await accept;
    assert.ok(server.peerAddr.equals((clients[i] as TcpStream).localAddr));
    clients[i]?.close();
  }
});

/** Opens /dev/null until the process is out of fds. */
function exhaust(): number[] {
  const fds: number[] = [];
  for (;;) {
    try {
      fds.push(openSync("/dev/null", "r"));
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, "EMFILE");
      return fds;
    }
  }
}

/** Few, though enough for Node to load the modules, which it does all at once. */
const FEW_FILES = { shell: "ulimit -n 400" };

/** Connections that wait in the backlog of a listener of a process that has no fds left. */
async function starve(
  listener: TcpListener,
  count: number,
): Promise<{ clients: TcpStream[]; hoard: number[] }> {
  const clients: TcpStream[] = [];
  for (let i = 0; i < count; i++) clients.push(await TcpStream.connect(listener.localAddr));
  return { clients, hoard: exhaust() };
}

isolated(
  import.meta.url,
  "EMFILE: accept pauses without spinning, tells once, and serves all when there are fds again",
  FEW_FILES,
  async () => {
    const told: SysError[] = [];
    using listener = TcpListener.bind("127.0.0.1:0", { onPause: (error) => told.push(error) });
    const { clients, hoard } = await starve(listener, 10);
    const served = (async () => {
      const streams: TcpStream[] = [];
      while (streams.length < 10) streams.push(await listener.accept());
      return streams;
    })();
    await until(() => told.length > 0);
    const before = process.cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, 1000)); // the time in which it would spin
    const { user, system } = process.cpuUsage(before);
    assert.ok(user + system < 300_000, `${user + system} µs of CPU in a second of pause`);
    assert.equal(told.length, 1, "onPause is told once");
    assert.equal(told[0]?.code, "EMFILE");
    assert.equal(told[0]?.syscall, "accept");
    assert.match(told[0]?.message ?? "", /ulimit -n/);
    assert.equal(await stateOf(served), "pending");
    for (const fd of hoard) closeSync(fd);
    const streams = await served;
    const ports = (list: (SocketAddr | undefined)[]): number[] => list.map((it) => it?.port ?? 0).sort();
    assert.deepEqual(ports(streams.map((it) => it.peerAddr)), ports(clients.map((it) => it.localAddr)));
    for (const stream of [...streams, ...clients]) stream.close();
  },
);

isolated(import.meta.url, "EMFILE without onPause: one warning with the code", FEW_FILES, async () => {
  const warnings: (Error & { code?: string })[] = [];
  process.on("warning", (warning) => warnings.push(warning));
  using listener = TcpListener.bind("127.0.0.1:0");
  const { clients, hoard } = await starve(listener, 1);
  const waiting = listener.accept();
  await until(() => warnings.length > 0);
  for (const fd of hoard) closeSync(fd);
  (await waiting).close();
  assert.equal(warnings.length, 1);
  assert.equal(warnings[0]?.name, "WindsockWarning");
  assert.equal(warnings[0]?.code, "EMFILE");
  for (const client of clients) client.close();
});

isolated(
  import.meta.url,
  "EMFILE: connections that come during the pause do not multiply its timers",
  FEW_FILES,
  async () => {
    const timers = new Set<number>();
    const hook: AsyncHook = createHook({
      init: (id, type) => void (type === "Timeout" && timers.add(id)),
      destroy: (id) => void timers.delete(id),
    });
    let paused = false;
    using listener = TcpListener.bind("127.0.0.1:0", {
      onPause: () => {
        paused = true;
      },
    });
    const { clients, hoard } = await starve(listener, 1);
    const waiting = listener.accept({ signal: AbortSignal.timeout(20_000) });
    await until(() => paused);
    hook.enable();
    for (let i = 0; i < 30; i++) {
      closeSync(hoard.pop() as number);
      const client = await TcpStream.connect(listener.localAddr); // its event wakes the listener
      clients.push(client);
      await turns(3);
      const fresh = exhaust(); // whatever has been freed meanwhile
      hoard.push(...fresh);
    }
    await turn();
    assert.ok(timers.size <= 5, `${timers.size} timers for one listener that pauses`);
    hook.disable();
    for (const fd of hoard) closeSync(fd);
    (await waiting).close();
    for (const client of clients) client.close();
  },
);

isolated(
  import.meta.url,
  "EMFILE: a process that never waited before can still wait for fds",
  FEW_FILES,
  async () => {
    let told = 0;
    using listener = TcpListener.bind("127.0.0.1:0", { onPause: () => told++ });
    const { localAddr } = listener;
    const hoard = exhaust(); // before anything was registered with epoll
    const accepting = listener.accept();
    accepting.catch(() => undefined);
    await turns(3);
    for (const fd of hoard) closeSync(fd);
    using client = await TcpStream.connect(localAddr);
    using server = await accepting;
    assert.ok(server.peerAddr.equals(client.localAddr));
    assert.ok(told <= 1);
  },
);

isolated(
  import.meta.url,
  "EMFILE: connect and bind say so, and the process can go on",
  FEW_FILES,
  async () => {
    using listener = TcpListener.bind("127.0.0.1:0");
    const target = listener.localAddr;
    const hoard = exhaust();
    const emfile = (error: unknown): boolean => {
      sysError("EMFILE", "socket")(error);
      assert.match((error as Error).message, /ulimit -n/);
      return true;
    };
    await assert.rejects(TcpStream.connect(target), emfile);
    assert.throws(() => TcpListener.bind("127.0.0.1:0"), emfile);
    const resolver = { resolve: async () => [target] };
    await assert.rejects(TcpStream.connect("some.example:1", { resolver }), {
      name: "ConnectError",
      code: "EMFILE",
    });
    for (const fd of hoard) closeSync(fd);
    using client = await TcpStream.connect(target);
    assert.ok(!client.closed);
    using port = closedPort();
    await assert.rejects(TcpStream.connect(port.address), sysError("ECONNREFUSED"));
  },
);

isolated(
  import.meta.url,
  "EMFILE: what onPause throws rejects the accept, and the listener goes on",
  FEW_FILES,
  async () => {
    const mistake = new Error("thrown in onPause");
    using listener = TcpListener.bind("127.0.0.1:0", {
      onPause: () => {
        throw mistake;
      },
    });
    const { clients, hoard } = await starve(listener, 1);
    await assert.rejects(listener.accept(), mistake);
    for (const fd of hoard) closeSync(fd);
    (await listener.accept()).close();
    for (const client of clients) client.close();
  },
);
