/** `windsock listen`: where it listens, one connection or many, echo, and standard input handed out. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createConnection, type Socket } from "node:net";
import { describe, test } from "node:test";
import { SocketAddr } from "../../src/index.ts";
import { pattern } from "../socket/_helpers.ts";
import { inNamespace, noIpv6, noNamespaces, start, startListen } from "./_cli.ts";

const sha = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

async function connect(port: number, host = "127.0.0.1"): Promise<Socket> {
  const socket = createConnection({ port, host, allowHalfOpen: true });
  await once(socket, "connect");
  return socket;
}

async function readToEnd(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Whether a connect to the address is taken. */
async function answers(port: number, host: string): Promise<boolean> {
  try {
    (await connect(port, host)).destroy();
    return true;
  } catch {
    return false;
  }
}

describe("the first line on standard error says where it listens", () => {
  const cases: readonly [args: string[], address: RegExp][] = [
    [["127.0.0.1", "0"], /^127\.0\.0\.1$/],
    [["localhost", "0"], /^(127\.0\.0\.1|::1)$/],
    [["-4", "localhost", "0"], /^127\.0\.0\.1$/],
    [["-4", "0"], /^0\.0\.0\.0$/],
    [["0"], /^(::|0\.0\.0\.0)$/],
  ];
  const six: readonly [args: string[], address: RegExp][] = [
    [["::1", "0"], /^::1$/],
    [["[::1]", "0"], /^::1$/],
    [["-6", "0"], /^::$/],
    [["-6", "::1", "0"], /^::1$/],
  ];
  for (const [args, address] of [...cases, ...six]) {
    const skip = six.some((row) => row[0] === args) && noIpv6;
    test(`listen ${args.join(" ")}`, { skip }, async () => {
      using listen = await startListen(args, { input: "open" });
      const [first = "", ...others] = listen.stderrSoFar.split("\n");
      const told = SocketAddr.parse(first.slice("listening on ".length));
      assert.match(told.ip.toString(), address);
      assert.equal(told.port, listen.port);
      assert.ok(told.port > 0);
      assert.deepEqual(others, [""]);
    });
  }

  test("a service's name is a port too", { skip: noNamespaces() }, async () => {
    using listen = inNamespace(`exec "$NODE" "$CLI" listen localhost echo`, {}, { input: "open" });
    await listen.saysOnStderr(/^listening on 127\.0\.0\.1:7\n/);
  });
});

describe("which families it takes", { skip: noIpv6 }, () => {
  for (const [args, four, six] of [
    [["0"], true, true],
    [["-4", "0"], true, false],
    [["-6", "0"], false, true],
    [["-6", "::", "0"], false, true],
    [["::", "0"], true, true],
    [["0.0.0.0", "0"], true, false],
  ] as const) {
    test(`listen -k ${args.join(" ")}: IPv4 ${four}, IPv6 ${six}`, async () => {
      using listen = await startListen(["-k", "--echo", ...args]);
      assert.deepEqual(
        [await answers(listen.port, "127.0.0.1"), await answers(listen.port, "::1")],
        [four, six],
      );
    });
  }
});

describe("one connection", () => {
  test("standard input is handed out, what comes is printed, and then it ends", async () => {
    const letter = pattern(3 * 1024 * 1024 + 5, 1);
    const answer = pattern(2 * 1024 * 1024 + 7, 2);
    using listen = await startListen(["127.0.0.1", "0"], { input: letter });
    const socket = await connect(listen.port);
    const { localPort } = socket;
    assert.equal(sha(await readToEnd(socket)), sha(letter));
    socket.end(answer);
    const { code, stdout, lines } = await listen.ended;
    assert.equal(code, 0, lines.join("\n"));
    assert.equal(sha(stdout), sha(answer));
    assert.equal(lines.length, 3);
    assert.match(lines[1] as string, new RegExp(`^connection from 127\\.0\\.0\\.1:${localPort}$`));
    assert.match(lines[2] as string, /2097159 bytes received, 3145733 sent$/);
  });

  test("a second connection is refused while the first is served", async () => {
    using listen = await startListen(["127.0.0.1", "0"], { input: "open" });
    const socket = await connect(listen.port);
    await listen.saysOnStderr(/\nconnection from .*\n/);
    while (await answers(listen.port, "127.0.0.1")); // it is closed in the same turn that says so
    socket.end();
    listen.stdin.end();
    assert.equal((await listen.ended).code, 0);
    socket.destroy();
  });

  test("the peer's end is its end, though standard input is open", async () => {
    using listen = await startListen(["127.0.0.1", "0"], { input: "open" });
    (await connect(listen.port)).end("hello");
    const { code, stdout } = await listen.ended;
    assert.deepEqual([code, stdout.toString()], [0, "hello"]);
  });

  test("a peer that ends its side at once still gets all of standard input, however slowly it reads", async () => {
    const letter = pattern(32 * 1024 * 1024);
    using listen = await startListen(["127.0.0.1", "0"], { input: letter });
    const socket = await connect(listen.port);
    socket.end();
    // A peer that is busy with something else for a while: longer than any silence that could be taken for the end.
    await new Promise((resolve) => setTimeout(resolve, 2500));
    const got = await readToEnd(socket);
    assert.equal(got.length, letter.length);
    assert.equal(sha(got), sha(letter));
    assert.equal((await listen.ended).code, 0);
  });

  test("a peer that ends its side at once still gets standard input that comes slowly", async () => {
    using listen = await startListen(["127.0.0.1", "0"], { input: "open" });
    const socket = await connect(listen.port);
    listen.stdin.write("first ");
    await once(socket, "readable");
    socket.end();
    listen.stdin.end("second");
    assert.equal((await readToEnd(socket)).toString(), "first second");
    assert.equal((await listen.ended).code, 0);
  });

  test("--echo answers with what came, and then it ends", async () => {
    const question = pattern(5 * 1024 * 1024 + 1);
    using listen = await startListen(["--echo", "127.0.0.1", "0"]);
    const socket = await connect(listen.port);
    const answer = readToEnd(socket);
    socket.end(question);
    assert.equal(sha(await answer), sha(question));
    const { code, stdout, lines } = await listen.ended;
    assert.deepEqual([code, stdout.length], [0, 0]);
    assert.match(lines.at(-1) as string, /5242881 bytes received, 5242881 sent$/);
  });
});

describe("-k", () => {
  test("--echo serves 50 peers at once, none of whom gets another's bytes", async () => {
    using listen = await startListen(["-k", "--echo", "127.0.0.1", "0"]);
    const sockets = await Promise.all(Array.from({ length: 50 }, () => connect(listen.port)));
    // All are open, and each has its answer, before the first ends.
    const firsts = await Promise.all(
      sockets.map(async (socket, i) => {
        socket.write(`peer ${i};`);
        const [chunk] = (await once(socket, "data")) as [Buffer];
        socket.pause();
        return chunk.toString();
      }),
    );
    assert.deepEqual(
      firsts,
      sockets.map((_, i) => `peer ${i};`),
    );
    await Promise.all(
      sockets.map(async (socket, i) => {
        const question = pattern(200_000 + i, i + 1);
        const answer = readToEnd(socket);
        socket.end(question);
        assert.equal(sha(await answer), sha(question), `peer ${i}`);
      }),
    );
    assert.equal(await answers(listen.port, "127.0.0.1"), true, "it still listens");
    await listen.linesOnStderr(/^connection from \S+$/, 51);
  });

  test("a peer's reset is not the server's end", async () => {
    using listen = await startListen(["-k", "--echo", "127.0.0.1", "0"]);
    const first = await connect(listen.port);
    first.write("x");
    await once(first, "data");
    first.resetAndDestroy();
    await listen.saysOnStderr(/connection from .* ended/);
    const second = await connect(listen.port);
    second.end("still there?");
    assert.equal((await readToEnd(second)).toString(), "still there?");
    assert.doesNotMatch(listen.stderrSoFar, /^ +at /m);
  });

  test("serves one peer after another, and prints what each sends", async () => {
    using listen = await startListen(["-k", "127.0.0.1", "0"], { input: "open" });
    for (const [i, text] of ["one ", "two ", "three"].entries()) {
      (await connect(listen.port)).end(text);
      await listen.linesOnStderr(/^connection from \S+ ended/, i + 1);
    }
    assert.equal((await listen.printed(13)).toString(), "one two three");
  });

  test("standard input goes to the peer that is there when it comes", async () => {
    using listen = await startListen(["-k", "127.0.0.1", "0"], { input: "open" });
    const first = await connect(listen.port);
    listen.stdin.write("for the first");
    const [one] = (await once(first, "data")) as [Buffer];
    assert.equal(one.toString(), "for the first");
    first.destroy();
    await listen.saysOnStderr(/connection from \S+ ended/);
    for (const text of ["for the second", "for the third"]) {
      const next = start(["connect", "127.0.0.1", String(listen.port)], { input: "open", limitMs: 10_000 });
      using _next = next;
      await listen.saysOnStderr(/connection from \S+\n$/);
      listen.stdin.write(text);
      assert.equal((await next.printed(text.length)).toString(), text);
      next.stdin.end();
      await listen.saysOnStderr(/ended[^\n]*\n$/);
    }
  });
});
