/** `windsock connect`: exactly the message and its first answer; netcat in both directions; the time line. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { describe, test } from "node:test";
import { pattern } from "../socket/_helpers.ts";
import {
  CLI,
  freePort,
  inNamespace,
  missing,
  noIpv6,
  noNamespaces,
  Program,
  shell,
  start,
  windsock,
} from "./_cli.ts";

/** A connection that the server has taken: it collects what comes, and knows when the peer's side has ended. */
interface Taken {
  readonly socket: Socket;
  readonly all: Promise<Buffer>;
  /** Waits for so many bytes, and gives all that came. */
  came(bytes: number): Promise<Buffer>;
}

interface Server extends Disposable {
  readonly port: string;
  take(): Promise<Taken>;
}

async function server(host = "127.0.0.1"): Promise<Server> {
  const taken: Taken[] = [];
  const waiting: ((taken: Taken) => void)[] = [];
  const listener = createServer({ allowHalfOpen: true }, (socket) => {
    const chunks: Buffer[] = [];
    socket.on("error", () => {});
    socket.on("data", (chunk) => chunks.push(chunk));
    const it: Taken = {
      socket,
      all: once(socket, "end").then(() => Buffer.concat(chunks)),
      async came(bytes) {
        while (Buffer.concat(chunks).length < bytes) await once(socket, "data");
        return Buffer.concat(chunks);
      },
    };
    it.all.catch(() => {});
    const next = waiting.shift();
    if (next === undefined) taken.push(it);
    else next(it);
  });
  listener.listen(0, host);
  await once(listener, "listening");
  const all = new Set<Socket>();
  listener.on("connection", (socket) => all.add(socket));
  return {
    port: String((listener.address() as AddressInfo).port),
    take: async () => taken.shift() ?? (await new Promise<Taken>((resolve) => waiting.push(resolve))),
    [Symbol.dispose]() {
      for (const socket of all) socket.destroy();
      listener.close();
    },
  };
}

const sha = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

describe("with a message", () => {
  const messages: readonly [name: string, text: string][] = [
    ["a word", "hello"],
    ["one byte", "x"],
    ["spaces around and newlines inside", "  two\n lines\t "],
    ["UTF-8 of one to four bytes", "aäঅ𝄞 — ✓ 👩‍👩‍👧"],
    ["looks like an escape, and is none", "\\n\\x00%s$HOME"],
    ["100 000 bytes", "ö".repeat(50_000)],
    ["as long as one argument may be", "x".repeat(128 * 1024 - 1)],
  ];
  for (const [name, text] of messages) {
    test(`sends exactly the bytes of MESSAGE, prints the first answer and ends: ${name}`, async () => {
      using it = await server();
      using client = start(["connect", "127.0.0.1", it.port, text]);
      const wanted = Buffer.from(text);
      const peer = await it.take();
      await peer.came(wanted.length);
      peer.socket.write("the first answer");
      const { code, stdout, stderr } = await client.ended;
      assert.deepEqual([code, stdout.toString(), stderr], [0, "the first answer", ""]);
      peer.socket.end();
      // It has closed, so nothing can follow.
      assert.equal(sha(await peer.all), sha(wanted));
    });
  }

  test("bytes that are no UTF-8 are sent as they are", async () => {
    using it = await server();
    using client = shell(`exec "$NODE" "$CLI" connect 127.0.0.1 ${it.port} $'a\\xff\\xfeb'`);
    const peer = await it.take();
    await peer.came(4);
    peer.socket.write("ok");
    await client.ended;
    assert.deepEqual([...(await peer.all)], [0x61, 0xff, 0xfe, 0x62]);
  });

  test("does not half-close before the answer: a peer that takes that for a goodbye would not answer", async () => {
    using it = await server();
    using client = start(["connect", "127.0.0.1", it.port, "hello"]);
    const peer = await it.take();
    let ended = false;
    peer.socket.on("end", () => {
      ended = true;
    });
    await peer.came(5);
    assert.equal(ended, false);
    peer.socket.write("answer");
    await client.ended;
  });

  test("takes a message that looks like an option after --", async () => {
    using it = await server();
    using client = start(["connect", "127.0.0.1", it.port, "--", "--help"]);
    const peer = await it.take();
    assert.equal((await peer.came(6)).toString(), "--help");
    peer.socket.end("ok");
    assert.equal((await client.ended).stdout.toString(), "ok");
  });

  test("an answer of every byte value is printed as it is", async () => {
    const answer = Uint8Array.from({ length: 256 }, (_, i) => i);
    using it = await server();
    using client = start(["connect", "--all", "127.0.0.1", it.port, "hello"]);
    (await it.take()).socket.end(answer);
    assert.deepEqual(new Uint8Array((await client.ended).stdout), answer);
  });

  test("an empty message sends nothing and waits for what the peer says first", async () => {
    using it = await server();
    using client = start(["connect", "127.0.0.1", it.port, ""]);
    const peer = await it.take();
    peer.socket.write("220 ready\r\n");
    const { code, stdout, stderr } = await client.ended;
    assert.deepEqual([code, stdout.toString(), stderr], [0, "220 ready\r\n", ""]);
    assert.equal((await peer.all).length, 0);
  });

  for (const flag of ["--all", "-a"]) {
    test(`${flag} half-closes after the message, and prints until the peer closes`, async () => {
      using it = await server();
      using client = start(["connect", flag, "127.0.0.1", it.port, "hello"]);
      const peer = await it.take();
      assert.equal((await peer.all).toString(), "hello");
      peer.socket.write("one ");
      await client.printed(4);
      peer.socket.write("two ");
      await client.printed(8);
      const rest = pattern(3 * 1024 * 1024);
      peer.socket.end(rest);
      const { code, stdout, stderr } = await client.ended;
      assert.deepEqual([code, stderr], [0, ""]);
      assert.equal(stdout.subarray(0, 8).toString(), "one two ");
      assert.equal(sha(stdout.subarray(8)), sha(rest));
    });
  }

  test("does not read standard input", async () => {
    using it = await server();
    using client = start(["connect", "127.0.0.1", it.port, "hello"], { input: "open" });
    const peer = await it.take();
    client.stdin.write("not this");
    await peer.came(5);
    peer.socket.write("answer");
    assert.equal((await client.ended).code, 0);
    assert.equal((await peer.all).toString(), "hello");
  });

  test("a peer that closes without an answer: nothing is printed, one line says so, and it is no error", async () => {
    for (const all of [[], ["--all"]]) {
      using it = await server();
      using client = start(["connect", ...all, "127.0.0.1", it.port, "hello"]);
      const peer = await it.take();
      await peer.came(5);
      peer.socket.end();
      const { code, stdout, lines } = await client.ended;
      assert.deepEqual([code, stdout.length, lines.length], [0, 0, 1]);
      assert.match(lines[0] as string, /^windsock connect: .*without an answer$/);
    }
  });
});

describe("as netcat", () => {
  test("standard input to the peer, byte for byte, then half-close; the answer comes after that", async () => {
    const question = pattern(5 * 1024 * 1024 + 1, 1);
    const answer = pattern(4 * 1024 * 1024 + 3, 2);
    using it = await server();
    using client = start(["connect", "127.0.0.1", it.port], { input: question });
    const peer = await it.take();
    assert.equal(sha(await peer.all), sha(question));
    peer.socket.end(answer);
    const { code, stdout, stderr } = await client.ended;
    assert.deepEqual([code, stderr], [0, ""]);
    assert.equal(sha(stdout), sha(answer));
  });

  test("both directions go on at once, line by line", async () => {
    using it = await server();
    using client = start(["connect", "127.0.0.1", it.port], { input: "open" });
    const peer = await it.take();
    let [said, heard] = ["", ""];
    for (let i = 0; i < 20; i++) {
      client.stdin.write(`question ${i}\n`);
      said += `question ${i}\n`;
      assert.equal((await peer.came(said.length)).toString(), said);
      peer.socket.write(`answer ${i}\n`);
      heard += `answer ${i}\n`;
      assert.equal((await client.printed(heard.length)).toString(), heard);
    }
    client.stdin.end();
    await peer.all;
    peer.socket.end();
    const { code, stderr } = await client.ended;
    assert.deepEqual([code, stderr], [0, ""]);
  });

  test("the peer's end does not cut off standard input that is still to come", async () => {
    using it = await server();
    using client = start(["connect", "127.0.0.1", it.port], { input: "open" });
    const peer = await it.take();
    peer.socket.end("bye");
    await client.printed(3);
    const rest = pattern(1024 * 1024);
    client.stdin.end(rest);
    assert.equal(sha(await peer.all), sha(rest));
    assert.equal((await client.ended).code, 0);
  });

  test("a file, /dev/null and no standard input at all", async () => {
    for (const [redirect, wanted] of [
      ["< package.json", /"name": "windsock"/],
      ["< /dev/null", /^$/],
      ["<&-", /^$/],
    ] as const) {
      using it = await server();
      using client = shell(`exec "$NODE" "$CLI" connect 127.0.0.1 ${it.port} ${redirect}`);
      const peer = await it.take();
      assert.match((await peer.all).toString(), wanted);
      peer.socket.end("bye");
      const { code, stdout, stderr } = await client.ended;
      assert.deepEqual([code, stdout.toString(), stderr], [0, "bye", ""], redirect);
    }
  });

  test("standard output that is slower than the peer loses nothing", async () => {
    const answer = pattern(8 * 1024 * 1024);
    using it = await server();
    // `wc` starts only once the shell has read a byte of what the peer sends much later.
    using client = shell(
      `"$NODE" "$CLI" connect 127.0.0.1 ${it.port} < /dev/null | { read -r go <&3; sha256sum; } 3<&0`,
      { input: "" },
    );
    const peer = await it.take();
    peer.socket.end(Buffer.concat([Buffer.from("go\n"), answer]));
    const { code, stdout } = await client.ended;
    assert.deepEqual([code, stdout.toString().split(" ")[0]], [0, sha(answer)]);
  });

  test("-w of thousands of years, which no timer can hold, is quiet", async () => {
    using it = await server();
    using client = start(["connect", "-w", "99999999999", "127.0.0.1", it.port], { input: "open" });
    const peer = await it.take();
    // Several turns of whatever looks at the time meanwhile.
    for (let i = 1; i <= 10; i++) {
      client.stdin.write(".");
      await peer.came(i);
    }
    client.stdin.end();
    await peer.all;
    peer.socket.end("done");
    const { code, stdout, stderr } = await client.ended;
    assert.deepEqual([code, stdout.toString(), stderr], [0, "done", ""]);
  });

  test("-w does not end a connection on which something moves", async () => {
    using it = await server();
    using client = start(["connect", "-w", "5", "127.0.0.1", it.port], { input: "open" });
    const peer = await it.take();
    // Longer than -w in all, while the pauses are far below it.
    for (let i = 1; i <= 11; i++) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      client.stdin.write(".");
      await peer.came(i);
    }
    client.stdin.end();
    await peer.all;
    peer.socket.end("done");
    const { code, stdout, stderr } = await client.ended;
    assert.deepEqual([code, stdout.toString(), stderr], [0, "done", ""]);
  });
});

describe("on a terminal", { skip: missing("script") }, () => {
  /** Runs windsock on a terminal of its own; what it prints there comes back, with the terminal's line ends. */
  const onTerminal = (args: string): Program =>
    new Program("script", ["-qec", `"${process.execPath}" "${CLI}" ${args}`, "/dev/null"], { input: "open" });

  test("an answer without a newline gets one, so that the prompt stands on a line of its own", async () => {
    for (const [answer, printed] of [
      ["no newline", "no newline\r\n"],
      ["a newline\n", "a newline\r\n"],
    ] as const) {
      using it = await server();
      using client = onTerminal(`connect 127.0.0.1 ${it.port} hello`);
      (await it.take()).socket.write(answer);
      const { code, stdout } = await client.ended;
      assert.deepEqual([code, stdout.toString()], [0, printed]);
    }
  });

  test("what is typed goes to the peer, and the peer's end ends it though the terminal is open", async () => {
    using it = await server();
    using client = onTerminal(`connect 127.0.0.1 ${it.port}`);
    const peer = await it.take();
    client.stdin.write("typed\n");
    assert.equal((await peer.came(6)).toString(), "typed\n");
    peer.socket.end("bye\n");
    const { code, stdout } = await client.ended;
    assert.equal(code, 0);
    assert.match(stdout.toString(), /bye\r\n$/);
  });
});

describe("names and addresses", () => {
  test("an IPv6 address, bare and in brackets, with and without a zone", { skip: noIpv6 }, async () => {
    for (const host of ["::1", "[::1]", "0:0:0:0:0:0:0:1", "::1%lo"]) {
      using it = await server("::1");
      using client = start(["connect", host, it.port, "hello"]);
      (await it.take()).socket.end("six");
      const { code, stdout, stderr } = await client.ended;
      assert.deepEqual([code, stdout.toString(), stderr], [0, "six", ""], host);
    }
  });

  test("-4 and -6 choose among a name's addresses", { skip: noNamespaces() }, async () => {
    const hosts = "127.0.0.1 both\n::1 both\n";
    for (const [flag, address] of [
      ["-4", "127.0.0.1"],
      ["-6", "[::1]"],
    ]) {
      using client = inNamespace(
        `exec 3< <(exec "$NODE" "$CLI" listen -k --echo 0 2>&1)
         read -r line <&3
         "$NODE" "$CLI" connect ${flag} --explain both "\${line##*:}" hello
         code=$?; kill $!; exit $code`,
        { hosts },
      );
      const { code, stdout, stderr, lines } = await client.ended;
      assert.deepEqual([code, stdout.toString()], [0, "hello"], stderr);
      assert.equal(lines.length, 2, stderr);
      assert.ok(lines[1]?.startsWith(`connect ${address}:`), stderr);
    }
  });
});

describe("--explain", () => {
  interface Row {
    readonly what: string;
    readonly bar: string;
    readonly from: number;
    readonly to: number;
    readonly mark: string;
    readonly outcome: string;
  }

  /** Reads the time line as a person would. */
  function rows(lines: readonly string[]): Row[] {
    return lines.map((line) => {
      const found = /^(\S+ \S+) *│([ ━]+)│ *(\d+\.\d) – *(\d+\.\d) ms {2}(\S) (.+)$/.exec(line);
      assert.ok(found, `not a row of the time line: ${line}`);
      const [, what, bar, from, to, mark, outcome] = found as unknown as string[];
      return {
        what: what as string,
        bar: bar as string,
        from: Number(from),
        to: Number(to),
        mark: mark as string,
        outcome: outcome as string,
      };
    });
  }

  /** Bars have one width, and stand where their times say. */
  function assertBars(table: readonly Row[]): void {
    const end = Math.max(...table.map((row) => row.to));
    for (const { what, bar, from, to } of table) {
      assert.equal(bar.length, (table[0] as Row).bar.length, what);
      assert.ok(from <= to, what);
      const start = bar.indexOf("━");
      const stop = bar.lastIndexOf("━") + 1;
      assert.ok(start >= 0 && !bar.slice(start, stop).includes(" "), what);
      const cell = end / bar.length;
      // Times are rounded to 0.1 ms.
      assert.ok(Math.abs(start * cell - from) <= cell + 0.2, `${what}: starts at ${start}, ${from} ms`);
      assert.ok(Math.abs(stop * cell - to) <= cell + 0.2, `${what}: ends at ${stop}, ${to} ms`);
    }
  }

  test("an address: one attempt, on standard error, while the answer is on standard output", async () => {
    using it = await server();
    using client = start(["connect", "--explain", "127.0.0.1", it.port, "hello"]);
    (await it.take()).socket.end("answer");
    const { code, stdout, lines } = await client.ended;
    assert.deepEqual([code, stdout.toString()], [0, "answer"]);
    const table = rows(lines);
    assert.deepEqual(
      table.map(({ what, mark, outcome }) => [what, mark, outcome]),
      [[`connect 127.0.0.1:${it.port}`, "✓", "connected"]],
    );
    assertBars(table);
  });

  test("a name that is not known: the lookup's row, and then the error", async () => {
    const { code, lines, stdout } = await windsock(["connect", "--explain", "nosuch.invalid", "80", "hello"]);
    assert.deepEqual([code, lines.length, stdout.length], [1, 2, 0]);
    const [row] = rows(lines.slice(0, 1));
    assert.equal(row?.what, "resolve nosuch.invalid");
    assert.match(row?.outcome as string, /^EAI_/);
    assert.match(lines[1] as string, /^windsock connect: .*nosuch\.invalid/);
  });

  test("a refused connect", async () => {
    const port = await freePort();
    const { code, lines } = await windsock(["connect", "--explain", "127.0.0.1", String(port), "hello"]);
    assert.deepEqual([code, lines.length], [1, 2]);
    const [row] = rows(lines.slice(0, 1));
    assert.deepEqual(
      [row?.what, row?.mark, row?.outcome],
      [`connect 127.0.0.1:${port}`, "✗", "ECONNREFUSED"],
    );
  });

  test("a name with two addresses, of which one is silent", { skip: noNamespaces() }, async () => {
    using client: Program = inNamespace(
      `exec 3< <(exec "$NODE" "$CLI" listen -k --echo 192.0.2.1 0 2>&1)
       read -r line <&3
       "$NODE" "$CLI" connect --explain two "\${line##*:}" hello
       code=$?; kill $!; exit $code`,
      { hosts: "2001:db8::99 two\n192.0.2.1 two\n" },
    );
    const { code, stdout, stderr, lines } = await client.ended;
    assert.deepEqual([code, stdout.toString()], [0, "hello"], stderr);
    const table = rows(lines);
    assert.deepEqual(
      table.map(({ what, mark, outcome }) => [what.replace(/:\d+$/, ""), mark, outcome]),
      [
        ["resolve two", "·", "2001:db8::99, 192.0.2.1"],
        ["connect [2001:db8::99]", "–", "cancelled"],
        ["connect 192.0.2.1", "✓", "connected"],
      ],
    );
    assertBars(table);
    const [lookup, silent, answered] = table as [Row, Row, Row];
    assert.ok(silent.from >= lookup.to - 0.1, "the first attempt follows the lookup");
    // RFC 8305 §8: 250 ms; Node's timers may be early by the part of a millisecond that they do not count.
    assert.ok(answered.from - silent.from >= 249, `attempt delay: ${answered.from - silent.from}`);
    assert.ok(silent.to >= answered.to - 0.1, "it is cancelled when the other has connected");
  });

  test("every address refuses: a row and a code for each, and one line of error", {
    skip: noNamespaces(),
  }, async () => {
    using client = inNamespace(`exec "$NODE" "$CLI" connect --explain both 9 hello`, {
      hosts: "127.0.0.1 both\n127.0.0.2 both\n::1 both\n",
    });
    const { code, lines, stderr } = await client.ended;
    assert.deepEqual([code, lines.length], [1, 5], stderr);
    const table = rows(lines.slice(0, 4));
    assert.deepEqual(
      table.slice(1).map(({ mark, outcome }) => [mark, outcome]),
      Array(3).fill(["✗", "ECONNREFUSED"]),
    );
    for (const address of ["127.0.0.1:9", "127.0.0.2:9", "[::1]:9"]) assert.ok(lines[4]?.includes(address));
  });
});
