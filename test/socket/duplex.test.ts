/** toDuplex beside net.Socket: the same peer does the same to each, and what they tell is compared. */
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { PassThrough, Readable } from "node:stream";
import { finished, pipeline } from "node:stream/promises";
import { SO, TcpListener, type TcpStream } from "../../src/index.ts";
import { closed, KINDS, linked, logOf, OURS, TO_DUPLEX } from "./_alike.ts";
import { fill, isolated, pair, pattern, socketFds, sysError, test, turns, until, utf8 } from "./_helpers.ts";

const MIB = 1024 * 1024;
const sha = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

function reset(peer: TcpStream): void {
  peer.setOption(SO.LINGER, 0);
  peer.close();
}

/** What one side does to the other, as a play that every kind of socket is put through. */
interface Play {
  readonly name: string;
  readonly allowHalfOpen?: boolean;
  /** What every kind has to have told in the end. */
  readonly told: readonly string[];
  readonly act: (socket: Socket, peer: TcpStream, say: (text: string) => void) => Promise<void>;
}

const ending = new Error("enough");
Object.assign(ending, { code: "ENOUGH" });

const PLAYS: readonly Play[] = [
  {
    name: "the peer ends first, and this side follows by itself",
    told: ["end", "finish", "close false"],
    async act(socket, peer) {
      socket.resume();
      peer.shutdown("write");
      await closed(socket);
      assert.equal(await peer.read(new Uint8Array(1)), 0);
    },
  },
  {
    name: "the peer ends first, and what was written meanwhile still goes out",
    told: ["end", "finish", "close false"],
    async act(socket, peer) {
      const text = pattern(4 * MIB);
      socket.write(text);
      socket.resume();
      peer.shutdown("write");
      assert.equal(sha(await peer.readToEnd()), sha(text));
      await closed(socket);
    },
  },
  {
    name: "the peer ends first, and this side, half open, writes on",
    allowHalfOpen: true,
    told: ["end", "wrote", "finish", "close false"],
    async act(socket, peer, say) {
      socket.resume();
      peer.shutdown("write");
      await once(socket, "end");
      await turns(3);
      assert.deepEqual([socket.writable, socket.destroyed, socket.readyState], [true, false, "writeOnly"]);
      socket.write("still here", () => {
        say("wrote");
        socket.end();
      });
      assert.equal(await peer.readText(), "still here");
      await closed(socket);
    },
  },
  {
    name: "this side ends first and reads on",
    told: ["finish", "end", "close false"],
    async act(socket, peer) {
      let heard = "";
      socket.setEncoding("utf8").on("data", (text: string) => {
        heard += text;
      });
      socket.end("question");
      assert.equal(await peer.readText(), "question");
      await until(() => socket.writableFinished);
      assert.equal(socket.readyState, "readOnly");
      await peer.writeAll(utf8("answer"));
      peer.close();
      await closed(socket);
      assert.equal(heard, "answer");
    },
  },
  {
    name: "a write after the end",
    told: ["callback ERR_STREAM_WRITE_AFTER_END", "error ERR_STREAM_WRITE_AFTER_END", "close true"],
    async act(socket, _peer, say) {
      socket.end();
      socket.write("late", (error) => say(`callback ${(error as NodeJS.ErrnoException)?.code}`));
      await closed(socket);
    },
  },
  {
    name: "a write after both have ended",
    told: ["end", "callback EPIPE", "error EPIPE", "close true"],
    async act(socket, peer, say) {
      socket.resume();
      peer.shutdown("write");
      // At the end of this very tick it has ended its own side, and is not closed yet.
      socket.once("end", () =>
        process.nextTick(() =>
          process.nextTick(() => {
            if (socket.writableEnded)
              socket.write("late", (error) => say(`callback ${(error as NodeJS.ErrnoException)?.code}`));
          }),
        ),
      );
      await closed(socket);
    },
  },
  {
    name: "a reset while it reads",
    told: ["error ECONNRESET", "close true"],
    async act(socket, peer) {
      socket.resume();
      reset(peer);
      await closed(socket);
    },
  },
  {
    name: "a reset while a write waits, and nobody reads",
    told: ["error", "close true"],
    async act(socket, peer) {
      socket.write(new Uint8Array(32 * MIB));
      await peer.read(new Uint8Array(1));
      reset(peer);
      await closed(socket);
    },
  },
  {
    name: "what came before a reset is read before it is told",
    told: ["hello", "error ECONNRESET", "close true"],
    async act(socket, peer, say) {
      await peer.writeAll(utf8("hello"));
      await until(() => peer.buffers().send.queued === 0);
      socket.on("data", (chunk) => {
        say(chunk.toString());
        reset(peer);
      });
      await closed(socket);
    },
  },
  {
    name: "destroy with an error, while nothing is under way",
    told: ["error ENOUGH", "close true"],
    async act(socket) {
      socket.destroy(ending);
      socket.destroy(new Error("a second one is not heard"));
      await closed(socket);
    },
  },
  {
    name: "destroy without an error, while it reads",
    told: ["close false"],
    async act(socket, peer) {
      socket.resume();
      await turns(2);
      socket.destroy();
      assert.equal(socket.readyState, "closed");
      await closed(socket);
      assert.equal(await peer.read(new Uint8Array(1)), 0);
    },
  },
  {
    name: "destroySoon sends what is written and does not wait for the peer's end",
    told: ["finish", "close false"],
    async act(socket, peer) {
      const text = pattern(4 * MIB);
      socket.write(text);
      socket.destroySoon();
      assert.equal(sha(await peer.readToEnd()), sha(text));
      await closed(socket);
    },
  },
  {
    name: "resetAndDestroy",
    told: ["close false"],
    async act(socket, peer) {
      socket.resetAndDestroy();
      await closed(socket);
      await assert.rejects(peer.read(new Uint8Array(1)), sysError("ECONNRESET"));
    },
  },
  {
    name: "end() before anything is written, both ways",
    told: ["finish", "end", "close false"],
    async act(socket, peer) {
      socket.end();
      assert.equal(await peer.read(new Uint8Array(1)), 0);
      peer.close();
      socket.resume();
      await closed(socket);
    },
  },
];

for (const play of PLAYS) {
  for (const kind of KINDS) {
    test(`${play.name}: ${kind.name}`, async () => {
      const { socket, peer } = await linked(kind, { allowHalfOpen: play.allowHalfOpen ?? false });
      const log = logOf(socket);
      await play.act(socket, peer, (text) => log.push(text));
      await turns(3);
      const told = log
        // Our shutdown is done when it is called, libuv's a turn later.
        .filter((line) => line !== "finish" || play.told.includes(line))
        // Which of the two a write meets after a reset is the kernel's timing.
        .map((line) =>
          play.told.includes("error") ? line.replace(/^error E(PIPE|CONNRESET)$/, "error") : line,
        );
      assert.deepEqual(told, play.told);
      assert.equal(socket.destroyed, true);
      peer.close();
    });
  }
}

for (const kind of KINDS) {
  test(`8 MiB each way at once, a pipeline and 'data': ${kind.name}`, async () => {
    const { socket, peer } = await linked(kind);
    const [there, back] = [randomBytes(8 * MIB), randomBytes(8 * MIB)];
    const answering = peer.writeAll(back).then(() => peer.shutdown("write"));
    const hearing = peer.readToEnd();
    const received: Buffer[] = [];
    const sending = pipeline(
      Readable.from([there.subarray(0, 5), there.subarray(5, MIB), there.subarray(MIB)]),
      socket,
    );
    socket.on("data", (chunk: Buffer) => received.push(chunk)); // a loop would destroy it at its end
    await Promise.all([sending, answering, once(socket, "end")]);
    assert.equal(sha(await hearing), sha(there));
    assert.equal(sha(Buffer.concat(received)), sha(back));
    assert.equal(socket.bytesRead, back.length);
    assert.equal(socket.bytesWritten, there.length);
    peer.close();
  });

  test(`strings in their encodings, cork, and many small writes arrive as written: ${kind.name}`, async () => {
    const { socket, peer } = await linked(kind);
    socket.write("grüß ");
    socket.write("64", "hex");
    socket.write("aWNo", "base64");
    socket.cork();
    for (const word of [" ", "b", "ü"]) socket.write(word, "latin1");
    socket.write("");
    socket.uncork();
    socket.setDefaultEncoding("utf16le");
    socket.end("x");
    const expected = Buffer.concat([
      Buffer.from("grüß dich"),
      Buffer.from(" bü", "latin1"),
      Buffer.from("x\0"),
    ]);
    assert.deepEqual(Buffer.from(await peer.readToEnd()), expected);
    socket.destroy();
    peer.close();
  });

  test(`setEncoding puts characters together that were torn apart: ${kind.name}`, async () => {
    const { socket, peer } = await linked(kind);
    socket.setEncoding("utf8");
    const [first, rest] = [utf8("€uro").subarray(0, 2), utf8("€uro").subarray(2)];
    const heard: string[] = [];
    socket.on("data", (text: string) => heard.push(text));
    await peer.writeAll(first);
    await until(() => socket.bytesRead === 2);
    await peer.writeAll(rest);
    peer.close();
    await once(socket, "end");
    assert.deepEqual(heard, ["€uro"]);
  });

  test(`read(n), unshift and 'readable': ${kind.name}`, async () => {
    const { socket, peer } = await linked(kind);
    const take = async (count: number): Promise<string> => {
      for (;;) {
        const chunk = socket.read(count) as Buffer | null;
        if (chunk !== null) return chunk.toString();
        await once(socket, "readable");
      }
    };
    await peer.writeAll(utf8("headbody"));
    assert.equal(await take(4), "head");
    socket.unshift(Buffer.from("HEAD"));
    assert.equal(await take(8), "HEADbody");
    peer.close();
    socket.destroy();
  });

  test(`a loop over the data that is left early closes the connection: ${kind.name}`, async () => {
    const { socket, peer } = await linked(kind);
    await peer.writeAll(utf8("first"));
    for await (const chunk of socket) {
      assert.equal(chunk.toString(), "first");
      break;
    }
    await closed(socket);
    assert.equal(await peer.read(new Uint8Array(1)), 0);
    peer.close();
  });

  test(`data that nobody takes stays in the kernel, and comes when it is wanted: ${kind.name}`, async () => {
    const { socket, peer } = await linked(kind);
    await peer.writeAll(utf8("x"));
    await once(
      socket.once("data", () => socket.pause()),
      "pause",
    );
    const sent = 1 + (await fill(peer));
    assert.ok(peer.buffers().send.unsent > 0, "the peer's kernel has to keep some");
    // What waited for more when it paused, up to the high-water mark, and what one read may take beyond it.
    assert.ok(socket.readableLength <= 2 * 65536, `${socket.readableLength} bytes wait in the stream`);
    assert.ok(socket.bytesRead <= 3 * 65536, `${socket.bytesRead} bytes were taken`);
    peer.shutdown("write");
    await once(socket.resume(), "end");
    assert.equal(socket.bytesRead, sent);
    peer.close();
  });

  test(`a writer that heeds write() and 'drain' holds no more than a mark and a chunk: ${kind.name}`, async () => {
    const { socket, peer } = await linked(kind);
    const chunk = pattern(40_000);
    let [written, most, drains] = [0, 0, 0];
    const writeOn = (): void => {
      while (written < 24 * MIB) {
        written += chunk.length;
        const more = socket.write(chunk);
        most = Math.max(most, socket.writableLength);
        assert.equal(more, socket.writableLength < socket.writableHighWaterMark);
        if (!more) return;
      }
      socket.end();
    };
    socket.on("drain", () => {
      drains++;
      writeOn();
    });
    writeOn();
    // Nobody reads: it stops when the kernel takes no more, with the rest of one chunk in hand.
    for (let before = -1; before !== written; ) {
      before = written;
      await turns(50);
    }
    assert.ok(socket.writableNeedDrain && written < 24 * MIB);
    const stoppedAt = drains;
    assert.equal(sha(await peer.readToEnd()), sha(repeated(chunk, written)));
    assert.ok(drains > stoppedAt);
    assert.ok(most <= socket.writableHighWaterMark + chunk.length, `${most} bytes waited`);
    assert.equal(socket.bytesWritten, written);
    socket.destroy();
    peer.close();
  });
}

function repeated(chunk: Uint8Array, length: number): Uint8Array {
  const whole = new Uint8Array(length);
  for (let at = 0; at < length; at += chunk.length) whole.set(chunk, at);
  return whole;
}

const codeOf = (error: Error | null | undefined): string | undefined =>
  (error as NodeJS.ErrnoException)?.code;

for (const kind of OURS) {
  for (const reason of [ending, undefined]) {
    test(`destroy(${reason?.message ?? ""}) fails the writes that wait, ends the read, and closes: ${kind.name}`, async () => {
      const before = socketFds();
      const { socket, peer } = await linked(kind);
      const log = logOf(socket);
      socket.resume();
      socket.write(new Uint8Array(32 * MIB), (error) => log.push(`first ${codeOf(error)}`));
      socket.write("second", (error) => log.push(`second ${codeOf(error)}`));
      await peer.read(new Uint8Array(1));
      socket.destroy(reason);
      assert.equal(socketFds().length, before.length + 1, "its fd is closed at once");
      await closed(socket);
      await turns(2);
      const events = log.filter((line) => /^(error|close)/.test(line));
      assert.deepEqual(events, reason === undefined ? ["close false"] : ["error ENOUGH", "close true"]);
      // Which of its own codes Node gives a write that it had not begun differs between its versions.
      const callbacks = log
        .filter((line) => !events.includes(line))
        .map((line) => line.replace("ERR_STREAM_DESTROYED", "ECANCELED"));
      const code = reason === undefined ? "ECANCELED" : "ENOUGH";
      assert.deepEqual(callbacks.sort(), [`first ${code}`, `second ${code}`]);
      if (reason !== undefined) assert.ok(log.indexOf("first ENOUGH") < log.indexOf("error ENOUGH"));
      assert.ok(socket.bytesWritten > 0 && socket.bytesWritten < 32 * MIB, "what the kernel took");
      peer.close();
    });
  }
}

test("the callback of a write that a reset breaks gets the error", async () => {
  const { socket, peer } = await linked(TO_DUPLEX);
  socket.on("error", () => {});
  const failed = new Promise<Error | null | undefined>((resolve) => {
    socket.write(new Uint8Array(32 * MIB), resolve);
  });
  await peer.read(new Uint8Array(1));
  reset(peer);
  assert.match(codeOf(await failed) ?? "none", /^(EPIPE|ECONNRESET)$/);
});

test("highWaterMark bounds what one read takes, and when write() says stop", async () => {
  using link = await pair();
  const { client, server } = link;
  const duplex = client.toDuplex({ highWaterMark: 1000 });
  const sizes: number[] = [];
  duplex.on("data", (chunk: Buffer) => sizes.push(chunk.length));
  await server.writeAll(pattern(10_000));
  server.shutdown("write");
  assert.equal(duplex.write(pattern(999)), true);
  assert.equal(duplex.write(pattern(1)), false);
  await once(duplex, "end");
  assert.ok(sizes.every((size) => size <= 1000) && sizes.length >= 10, String(sizes));
  server.close();
});

test("what a writev gathers: small chunks together, large ones as they are", async () => {
  using link = await pair();
  const { client, server } = link;
  const given: Uint8Array[] = [];
  const writeAll = client.writeAll.bind(client);
  client.writeAll = (bytes, options) => {
    given.push(bytes);
    return writeAll(bytes, options);
  };
  const duplex = client.toDuplex();
  const chunks = [100, 200, 300_000, 10, 20_000, 16_384].map((size) => pattern(size, size));
  duplex.cork();
  for (const chunk of chunks) duplex.write(chunk);
  duplex.uncork();
  duplex.end();
  assert.equal(sha(await server.readToEnd()), sha(Buffer.concat(chunks)));
  assert.deepEqual(
    given.map((bytes) => bytes.length),
    [300, 300_000, 10, 20_000, 16_384],
  );
  for (const [i, j] of [
    [1, 2],
    [3, 4],
    [4, 5],
  ] as const) {
    assert.equal(given[i]?.buffer, chunks[j]?.buffer, "not a copy");
  }
  duplex.destroy();
  server.close();
});

test("a thousand small writes in one tick make few system calls", async () => {
  using link = await pair();
  const { client, server } = link;
  let calls = 0;
  const writeAll = client.writeAll.bind(client);
  client.writeAll = (bytes, options) => {
    calls++;
    return writeAll(bytes, options);
  };
  const duplex = client.toDuplex();
  for (let i = 0; i < 1000; i++) duplex.write(`${i}\n`);
  duplex.end();
  assert.equal(await server.readText(), Array.from({ length: 1000 }, (_, i) => `${i}\n`).join(""));
  assert.ok(calls <= 3, `${calls} calls`);
  duplex.destroy();
  server.close();
});

test("a thousand Duplexes that wait for data hold no buffers", async () => {
  using listener = TcpListener.bind("127.0.0.1:0");
  const many = 1000;
  const before = process.memoryUsage().arrayBuffers;
  const sockets: [Socket, TcpStream][] = [];
  for (let i = 0; i < many; i++) {
    const [socket, peer] = await Promise.all([
      TO_DUPLEX.connect(listener.localAddr.port, {}),
      listener.accept(),
    ]);
    sockets.push([socket.resume(), peer]);
  }
  await turns(5);
  const grown = process.memoryUsage().arrayBuffers - before;
  assert.ok(grown < many * 1024, `${grown / many} bytes each`);
  for (const [socket, peer] of sockets) {
    socket.destroy();
    peer.close();
  }
});

test("chunks share no memory that is written to later", async () => {
  const links = await Promise.all(Array.from({ length: 20 }, () => linked(TO_DUPLEX)));
  const received = links.map(() => [] as Buffer[]);
  const sent = links.map((_, i) => pattern(300_000 + i, i));
  await Promise.all(
    links.map(async ({ socket, peer }, i) => {
      socket.on("data", (chunk: Buffer) => received[i]?.push(chunk));
      for (let at = 0; at < 300_000; at += 7000 + i * 997) {
        await peer.writeAll((sent[i] as Uint8Array).subarray(at, at + 7000 + i * 997));
        await turns(1);
      }
      await peer.writeAll((sent[i] as Uint8Array).subarray(peer.bytesWritten));
      peer.shutdown("write");
      await once(socket, "end");
    }),
  );
  for (const [i, chunks] of received.entries())
    assert.equal(sha(Buffer.concat(chunks)), sha(sent[i] as Uint8Array));
  for (const { peer } of links) peer.close();
});

test("what a cancelled call has given back comes first", async () => {
  using link = await pair();
  const { client, server } = link;
  await server.writeAll(utf8("abc"));
  await assert.rejects(client.readExact(new Uint8Array(10), { timeoutMs: 20 }), { code: "TIMEOUT" });
  await server.writeAll(utf8("def"));
  server.close();
  const duplex = client.toDuplex({ highWaterMark: 2 });
  let heard = "";
  for await (const chunk of duplex) heard += String(chunk);
  assert.equal(heard, "abcdef");
});

test("a connection that is closed under its Duplex destroys it with ECANCELED; one closed before, with EBADF", async () => {
  using link = await pair();
  const { client, server } = link;
  const duplex = client.toDuplex().resume();
  await turns(2);
  client.close();
  const [error] = await once(duplex, "error");
  sysError("ECANCELED", "recv")(error);
  const [late] = await once(client.toDuplex().resume(), "error");
  sysError("EBADF", "recv")(late);
  server.close();
});

test("finished() and pipeline() see the end, a reset, and a premature close", async () => {
  const one = await linked(TO_DUPLEX);
  one.peer.close();
  await finished(one.socket.resume());
  const two = await linked(TO_DUPLEX);
  const waiting = finished(two.socket.resume());
  reset(two.peer);
  await assert.rejects(waiting, sysError("ECONNRESET"));
  const three = await linked(TO_DUPLEX);
  const broken = pipeline(three.socket, new PassThrough().resume());
  three.socket.destroy();
  await assert.rejects(broken, { code: "ERR_STREAM_PREMATURE_CLOSE" });
  three.peer.close();
});

for (const kind of KINDS) {
  test(`listeners run in the async context in which the socket was made: ${kind.name}`, async () => {
    const storage = new AsyncLocalStorage<string>();
    const { socket, peer } = await storage.run("maker", () => linked(kind));
    const seen: (string | undefined)[] = [];
    socket.on("data", () => {
      seen.push(storage.getStore());
      socket.pause();
    });
    for (const who of ["first", "second"]) {
      await peer.writeAll(utf8(who));
      storage.run(who, () => socket.resume());
      await once(socket, "pause");
    }
    assert.deepEqual(seen, ["maker", "maker"]);
    socket.destroy();
    peer.close();
  });

  test(`the callback of a write runs in the context of the write: ${kind.name}`, async () => {
    const storage = new AsyncLocalStorage<string>();
    const { socket, peer } = await storage.run("maker", () => linked(kind));
    const seen = await storage.run(
      "writer",
      () => new Promise((resolve) => socket.write("x", () => resolve(storage.getStore()))),
    );
    assert.equal(seen, "writer");
    socket.destroy();
    peer.close();
  });

  isolated(
    import.meta.url,
    `an exception in a listener is uncaught, and the stream goes on: ${kind.name}`,
    {},
    async () => {
      const { socket, peer } = await linked(kind);
      const caught: string[] = [];
      process.on("uncaughtException", (error, origin) => caught.push(`${origin} ${error.message}`));
      let heard = "";
      socket.on("data", (chunk: Buffer) => {
        heard += chunk;
        if (heard.length === 1) throw new Error("in data");
      });
      await peer.writeAll(utf8("a"));
      await until(() => caught.length === 1);
      await peer.writeAll(utf8("b"));
      await until(() => heard === "ab");
      socket.write("x", () => {
        throw new Error("in a callback");
      });
      await until(() => caught.length === 2);
      assert.deepEqual(caught, ["uncaughtException in data", "uncaughtException in a callback"]);
      socket.destroy();
      peer.close();
    },
  );
}
