/** What the network and the kernel refuse: exit code 1 and one line that says what, and what to do about it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { test } from "node:test";
import {
  assertOneLine,
  CLI,
  freePort,
  inNamespace,
  missing,
  noNamespaces,
  Program,
  shell,
  start,
  startListen,
  windsock,
} from "./_cli.ts";

const skipNamespaces = noNamespaces();

const UNKNOWN: readonly [args: string[], says: RegExp][] = [
  [["connect", "nosuch.invalid", "80"], /nosuch\.invalid.*EAI_/],
  [["listen", "nosuch.invalid", "0"], /nosuch\.invalid.*EAI_/],
  [["resolve", "nosuch.invalid"], /nosuch\.invalid.*EAI_/],
  [["connect", "localhost", "nosuchservice"], /nosuchservice.*EAI_SERVICE/],
  [["connect", "127.0.0.1", "nosuchservice"], /nosuchservice.*EAI_SERVICE/],
  [["listen", "nosuchservice"], /nosuchservice.*EAI_SERVICE/],
  [["listen", "localhost", "nosuchservice"], /nosuchservice.*EAI_SERVICE/],
  [["resolve", "localhost", "nosuchservice"], /nosuchservice.*EAI_SERVICE/],
  [["port", "nosuchservice"], /nosuchservice.*EAI_SERVICE/],
  // A service's name may begin with a digit, as 9pfs does: this is one that nobody knows, for every command.
  [["connect", "localhost", "80x"], /80x.*EAI_SERVICE/],
  [["connect", "127.0.0.1", "80x"], /80x.*EAI_SERVICE/],
  [["listen", "80x"], /80x.*EAI_SERVICE/],
  [["resolve", "localhost", "80x"], /80x.*EAI_SERVICE/],
  [["port", "80x"], /80x.*EAI_SERVICE/],
  [["connect", "x".repeat(300), "80"], /253 characters/],
  [["resolve", "x".repeat(300)], /253 characters/],
  [["connect", `${"x".repeat(64)}.invalid`, "80"], /EAI_/],
  [["connect", "", "80"], /empty/],
  [["connect", "two words", "80"], /spaces/],
  [["connect", "new\nline", "80"], /spaces/],
  [["connect", "localhost", "x".repeat(300)], /EAI_SERVICE/],
  [["connect", "localhost", ""], /EAI_SERVICE/],
  [["connect", "127.1", "80"], /four decimal numbers/],
  [["connect", "0x7f000001", "80"], /four decimal numbers/],
  [["resolve", "127.1"], /four decimal numbers/],
  [["resolve", "0x7f000001"], /four decimal numbers/],
  [["connect", "-6", "127.0.0.1", "80"], /EAI_/],
  [["connect", "-4", "::1", "80"], /EAI_/],
  [["resolve", "-6", "127.0.0.1"], /EAI_/],
  [["listen", "-4", "::1", "0"], /EAI_/],
];

for (const [args, says] of UNKNOWN) {
  const name = args.map((arg) => (arg.length > 40 ? `${arg.slice(0, 5)}…` : JSON.stringify(arg))).join(" ");
  test(`unknown: windsock ${name}`, async () => {
    const result = await windsock(args);
    assertOneLine(result, 1, says);
    assert.ok(result.stderr.length < 500, `a line for a person, not ${result.stderr.length} characters`);
  });
}

test("a closed port is refused, and the line says that nothing listens", async () => {
  const port = await freePort();
  for (const args of [
    ["127.0.0.1", String(port)],
    ["127.0.0.1", String(port), "hello"],
    ["localhost", String(port), "hello"],
  ]) {
    assertOneLine(await windsock(["connect", ...args]), 1, /ECONNREFUSED.*nothing listens/);
  }
});

test("an address that is no address of this host cannot be listened on", async () => {
  assertOneLine(await windsock(["listen", "192.0.2.77", "0"]), 1, /EADDRNOTAVAIL.*no network interface/);
});

test("an address in use cannot be listened on again", async () => {
  using first = await startListen(["127.0.0.1", "0"], { input: "open" });
  const second = await windsock(["listen", "127.0.0.1", String(first.port)]);
  assertOneLine(second, 1, new RegExp(`127\\.0\\.0\\.1:${first.port}.*EADDRINUSE`));
});

const UNPRIVILEGED = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
const NOBODY =
  process.getuid?.() === 0
    ? [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "--inh-caps=-all",
        "--bounding-set=-all",
      ]
    : [];

test("a port below 1024 names the capability that is missing", async (t) => {
  if (Number(readFileSync(UNPRIVILEGED, "utf8")) <= 7) return t.skip(`${UNPRIVILEGED} lets everybody`);
  const gone = NOBODY.length > 0 && missing("setpriv");
  if (gone) return t.skip(gone);
  const asNobody = (args: string[]): Program => {
    const [command, ...rest] = [...NOBODY, process.execPath, CLI, ...args] as [string, ...string[]];
    return new Program(command, rest);
  };
  using version = asNobody(["--version"]);
  const { code, stderr } = await version.ended;
  if (code !== 0) return t.skip(`another user cannot read this checkout: ${stderr.split("\n")[0]}`);
  using listen = asNobody(["listen", "127.0.0.1", "7"]);
  assertOneLine(await listen.ended, 1, /127\.0\.0\.1:7\b.*EACCES.*CAP_NET_BIND_SERVICE/);
});

/** A server that does with its only connection what it is told. */
async function serve(handle: (socket: Socket) => void): Promise<{ port: number; close(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    handle(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

test("a reset instead of an answer is an error", async () => {
  const server = await serve((socket) => {
    socket.once("data", () => socket.resetAndDestroy());
    socket.resume();
  });
  try {
    const result = await windsock(["connect", "127.0.0.1", String(server.port), "hello"]);
    assertOneLine(result, 1, /ECONNRESET.*abruptly/);
  } finally {
    server.close();
  }
});

test("a reset in the middle of an answer: what came is printed, and it is an error", async () => {
  for (const args of [["--all"], []]) {
    let peer: Socket | undefined;
    const server = await serve((socket) => {
      peer = socket;
      socket.write("half an ans");
    });
    try {
      const message = args.length > 0 ? ["hello"] : [];
      using client = start(["connect", ...args, "127.0.0.1", String(server.port), ...message], {
        input: message.length > 0 ? "" : "open",
      });
      await client.printed("half an ans".length);
      peer?.resetAndDestroy();
      const { code, stdout, lines } = await client.ended;
      assert.deepEqual([code, stdout.toString(), lines.length], [1, "half an ans", 1], lines.join("\n"));
      assert.match(lines[0] as string, /ECONNRESET/);
    } finally {
      server.close();
    }
  }
});

test("a reset while sending is an error, and names it", async () => {
  const server = await serve((socket) => {
    socket.once("data", () => socket.resetAndDestroy());
    socket.resume();
  });
  try {
    const result = await windsock(["connect", "127.0.0.1", String(server.port)], {
      input: new Uint8Array(32 * 1024 * 1024),
    });
    assertOneLine(result, 1, /ECONNRESET|EPIPE/);
  } finally {
    server.close();
  }
});

test("listen: a reset ends it with an error, and with -k it goes on", async () => {
  for (const keep of [false, true]) {
    using listen = await startListen([...(keep ? ["-k"] : []), "127.0.0.1", "0"], { input: "open" });
    const connectAndReset = async (): Promise<void> => {
      using client = shell(
        `exec python3 -c 'import socket, struct, sys
s = socket.create_connection(("127.0.0.1", ${listen.port}))
s.sendall(b"x")
sys.stdin.read()
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
s.close()'`,
        { input: "open" },
      );
      const before = (await listen.printed(1)).length;
      assert.ok(before >= 1);
      client.stdin.end();
      assert.equal((await client.ended).code, 0);
    };
    await connectAndReset();
    await listen.saysOnStderr(/ECONNRESET.*\n/);
    if (!keep) {
      const { code, lines } = await listen.ended;
      assert.equal(code, 1);
      assert.match(lines.at(-1) as string, /^windsock listen: .*ECONNRESET/);
    } else {
      using _client = start(["connect", "127.0.0.1", String(listen.port)], { input: "again" });
      const printed = await listen.printed("xagain".length);
      assert.equal(printed.toString(), "xagain");
    }
  }
});

test("-w: a peer that never answers is given up", async () => {
  const server = await serve(() => {});
  try {
    const result = await windsock(["connect", "-w", "0.2", "127.0.0.1", String(server.port), "hello"]);
    assertOneLine(result, 1, /not done within 200 ms/);
  } finally {
    server.close();
  }
});

test("-w: a peer that never reads is given up", async () => {
  const server = await serve(() => {});
  try {
    const result = await windsock(["connect", "-w", "0.5", "127.0.0.1", String(server.port)], {
      input: new Uint8Array(64 * 1024 * 1024),
    });
    assertOneLine(result, 1, /within 500 ms/);
  } finally {
    server.close();
  }
});

test("-w: a peer that has closed its side and never reads is given up", async () => {
  const server = await serve((socket) => socket.end());
  try {
    using client = start(["connect", "-w", "0.5", "127.0.0.1", String(server.port)], {
      input: new Uint8Array(64 * 1024 * 1024),
      limitMs: 15_000,
    });
    assertOneLine(await client.ended, 1, /within 500 ms/);
  } finally {
    server.close();
  }
});

test("-w: a peer that has closed its side is given up, though standard input is open and silent", async () => {
  const server = await serve((socket) => socket.end());
  try {
    using client = start(["connect", "-w", "0.5", "127.0.0.1", String(server.port)], {
      input: "open",
      limitMs: 15_000,
    });
    assertOneLine(await client.ended, 1, /within 500 ms/);
  } finally {
    server.close();
  }
});

test("-w: a peer that neither sends nor reads is given up by listen too", async () => {
  for (const args of [[], ["--echo"]]) {
    using listen = await startListen(["-w", "0.3", ...args, "127.0.0.1", "0"], { input: "open" });
    using client = start(["connect", "127.0.0.1", String(listen.port)], { input: "open" });
    const { code, lines } = await listen.ended;
    assert.equal(code, 1, lines.join("\n"));
    assert.match(lines.at(-1) as string, /^windsock listen: .*within 300 ms/);
    client.stdin.end();
    assert.equal((await client.ended).code, 0);
  }
});

test("-w: an address that answers nothing is given up", { skip: skipNamespaces }, async () => {
  using connect = inNamespace('exec "$NODE" "$CLI" connect -w 0.5 192.0.2.99 80 hello');
  assertOneLine(await connect.ended, 1, /192\.0\.2\.99:80.*within 500 ms/);
});

// The name server would be asked 5 times, 30 seconds each: who waits for it is killed before.
const SILENT = { resolvConf: "nameserver 192.0.2.53\noptions timeout:30 attempts:5\n" };
for (const command of ["connect -w 1 nosuch.invalid 80 hello", "resolve -w 1 nosuch.invalid"]) {
  test(`-w: a name server that never answers is given up: ${command}`, { skip: skipNamespaces }, async () => {
    using client = inNamespace(`exec "$NODE" "$CLI" ${command}`, SILENT, { limitMs: 25_000 });
    assertOneLine(await client.ended, 1, /nosuch\.invalid.*within 1000 ms/);
  });
}

test("a name server that is not there is an error of one line", { skip: skipNamespaces }, async () => {
  using client = inNamespace('exec "$NODE" "$CLI" connect nosuch.invalid 80', {
    resolvConf: "nameserver 127.0.0.1\n",
  });
  assertOneLine(await client.ended, 1, /nosuch\.invalid.*EAI_AGAIN/);
});

test("a host without a route is an error of one line", { skip: skipNamespaces }, async () => {
  using client = inNamespace('exec "$NODE" "$CLI" connect 198.51.100.1 80');
  assertOneLine(await client.ended, 1, /198\.51\.100\.1:80.*ENETUNREACH.*no route/);
});

/**
 * Uses up all files once the command line is loaded: Node's own loader needs more of them than a connection does, so
 * that a small limit alone would meet the loader. This program's own place in the stack has its whole text in it, and is left out.
 */
const EXHAUST = `data:text/javascript,${encodeURIComponent(`
  import { openSync } from "node:fs";
  const { argv } = process;
  let left = true;
  Object.defineProperty(process, "argv", { get() {
    if (left && new Error().stack.split("\\n").slice(2).join().includes("parseAsync")) {
      left = false;
      try { for (;;) openSync("/dev/null"); } catch {}
    }
    return argv;
  } });
`)}`;

// Not by name: glibc, which then cannot open /etc/hosts, says that there is no such name.
for (const args of ["connect 127.0.0.1 1", "connect ::1 1 hello", "listen 127.0.0.1 0", "listen 0"]) {
  test(`out of files: ${args}`, async () => {
    using program = shell(`ulimit -n 300; exec "$NODE" --import '${EXHAUST}' "$CLI" ${args}`);
    assertOneLine(await program.ended, 1, /^windsock (connect|listen): .*EMFILE.*ulimit -n/);
  });
}

test("listen -k out of files says so in one line of its own, and goes on when there are files again", async () => {
  const script = `ulimit -n 300; exec "$NODE" "$CLI" listen -k --echo 127.0.0.1 0`;
  using listen = shell(script, { input: "open" });
  const [, port] = await listen.saysOnStderr(/^listening on \S+:(\d+)\n/);
  using clients = shell(
    `exec python3 -c 'import socket, sys
many = [socket.create_connection(("127.0.0.1", ${port})) for _ in range(400)]
sys.stdin.read()
for s in many[:399]: s.close()
many[399].sendall(b"still there?")
sys.stdout.write(many[399].recv(100).decode())'`,
    { input: "open" },
  );
  await listen.saysOnStderr(/EMFILE[^\n]*\n/);
  clients.stdin.end();
  const { code, stdout } = await clients.ended;
  assert.deepEqual([code, stdout.toString()], [0, "still there?"]);
  const about = listen.stderrSoFar.split("\n").filter((line) => !/^(listening|connection)|^$/.test(line));
  assert.equal(about.length, 1, about.join("\n"));
  assert.match(about[0] as string, /^windsock listen: .*EMFILE.*ulimit -n/);
});

const EARLY: readonly string[] = [
  "ip --json 10.0.0.0/8 ::1",
  "port 22",
  "resolve --json localhost",
  "connect --help",
];
for (const args of EARLY) {
  test(`standard output that is closed ends it without a word: ${args}`, async () => {
    // `true` ends without reading; the pipe is closed before anything is printed.
    using program = shell(`exec 3> >(exec true); wait $!; "$NODE" "$CLI" ${args} >&3; echo "code $?" >&2`);
    const { stdout, stderr } = await program.ended;
    assert.equal(stdout.toString(), "");
    assert.match(stderr, /^code \d+\n$/);
  });
}

test("standard output that is closed in the middle ends connect and listen without a word", async () => {
  using listen = await startListen(["127.0.0.1", "0"], { input: new Uint8Array(16 * 1024 * 1024) });
  using program = shell(`"$NODE" "$CLI" connect 127.0.0.1 ${listen.port} < /dev/null | head -c 1 | wc -c`);
  const { code, stdout, stderr } = await program.ended;
  assert.deepEqual([code, stdout.toString().trim(), stderr], [0, "1", ""]);
  await listen.ended;
});

for (const args of ["ip 10.0.0.1", "port 22", "resolve localhost"]) {
  test(`a full disk is an error of one line: ${args}`, async () => {
    using program = shell(`exec "$NODE" "$CLI" ${args} > /dev/full`);
    assertOneLine(await program.ended, 1, /^windsock \w+: .*ENOSPC/);
  });
}

test("a full disk is an error of one line: connect", async () => {
  using listen = await startListen(["-k", "--echo", "127.0.0.1", "0"]);
  for (const message of ["hello", ""]) {
    using client = shell(`exec "$NODE" "$CLI" connect 127.0.0.1 ${listen.port} ${message} > /dev/full`, {
      input: "hello",
    });
    assertOneLine(await client.ended, 1, /^windsock connect: .*ENOSPC/);
  }
});
