/** node:http unchanged on our sockets: the client on one end, the server on the other, or both. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { Agent, createServer, type IncomingMessage, request, type Server } from "node:http";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { TcpListener, TcpStream, UnixListener, UnixStream } from "../../src/index.ts";
import { Program, ROOT } from "../cli/_cli.ts";
import { pattern, turns, until } from "../socket/_helpers.ts";
import { ask, feed, NODE_CLIENT, OUR_SERVER, SIDES, TCP_DUPLEX_CLIENT, whole } from "./_http.ts";

const MIB = 1024 * 1024;
const CHUNK = pattern(64 * 1024);
const sha = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** The same 64 KiB again and again: a large body that takes no memory of its own. */
function* repeated(totalBytes: number): Generator<Uint8Array> {
  for (let left = totalBytes; left > 0; left -= CHUNK.length) yield CHUNK.subarray(0, left);
}

const hashOfRepeated = (totalBytes: number): string => {
  const hash = createHash("sha256");
  for (const chunk of repeated(totalBytes)) hash.update(chunk);
  return hash.digest("hex");
};

/** Waits until `count` stands still: nothing moves any more, in both ends and in the kernel. */
async function standstill(count: () => number): Promise<void> {
  for (let [before, same] = [-1, 0]; same < 5; ) {
    await turns(30);
    same = count() === before ? same + 1 : 0;
    before = count();
  }
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

for (const { name, client, server: kind } of SIDES) {
  test(`1000 requests over one kept connection: ${name}`, async () => {
    await using running = await kind.start((request, response) => {
      whole(request).then(({ body }) => response.end(`${request.url} ${body}`));
    });
    const agent = client.agent({ keepAlive: true, maxSockets: 1 });
    for (let i = 0; i < 1000; i++) {
      const { status, body } = await ask(
        { agent, port: running.port, path: `/${i}`, method: "POST" },
        `body ${i}`,
      );
      assert.deepEqual([status, body.toString()], [200, `/${i} body ${i}`]);
    }
    assert.equal(running.connections(), 1);
    agent.destroy();
  });

  test(`100 requests at once: ${name}`, async () => {
    let [now, most] = [0, 0];
    const all: (() => void)[] = [];
    await using running = await kind.start((request, response) => {
      most = Math.max(most, ++now);
      all.push(() => response.end(request.url));
      if (all.length === 100) for (const answer of all) answer();
      response.on("close", () => now--);
    });
    const agent = client.agent();
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) => ask({ agent, port: running.port, path: `/${i}` })),
    );
    assert.deepEqual(
      answers.map(({ body }) => body.toString()),
      Array.from({ length: 100 }, (_, i) => `/${i}`),
    );
    assert.deepEqual([most, running.connections()], [100, 100]);
  });

  test(`chunks and trailers, both ways; answers without a body: ${name}`, async () => {
    await using running = await kind.start((request, response) => {
      whole(request).then(({ body, trailers }) => {
        if (request.method === "HEAD" || request.url === "/none") {
          response.writeHead(request.method === "HEAD" ? 200 : 204, { "x-seen": "yes" }).end();
          return;
        }
        response.writeHead(200, { trailer: "x-sum" });
        for (let at = 0; at < body.length; at += 1000) response.write(body.subarray(at, at + 1000));
        response.addTrailers({ "x-sum": `${trailers["x-sum"]}` });
        response.end();
      });
    });
    const agent = client.agent({ keepAlive: true, maxSockets: 1 });
    const text = pattern(250_000);
    const headers = { trailer: "x-sum" };
    const sent = request({ agent, host: "127.0.0.1", port: running.port, method: "POST", headers });
    await pipeline(
      Readable.from([text.subarray(0, 1), text.subarray(1, 100_000), text.subarray(100_000)]),
      async (parts) => {
        for await (const part of parts) sent.write(part);
      },
    );
    sent.addTrailers({ "x-sum": sha(text) });
    sent.end();
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    const { body, trailers } = await whole(response);
    assert.equal(response.headers["transfer-encoding"], "chunked");
    assert.equal(sha(body), sha(text));
    assert.equal(trailers["x-sum"], sha(text));
    for (const options of [{ method: "HEAD" }, { path: "/none" }]) {
      const answer = await ask({ agent, port: running.port, ...options });
      assert.deepEqual([answer.body.length, answer.headers["x-seen"]], [0, "yes"]);
    }
    agent.destroy();
  });

  test(`64 MiB up, after 100-continue, to a server that does not read at first: ${name}`, async () => {
    const total = 64 * MIB;
    let read: (() => void) | undefined;
    await using running = await kind.start(undefined, (server: Server) => {
      server.on("checkContinue", async (request, response) => {
        response.writeContinue();
        await new Promise<void>((resolve) => {
          read = resolve;
        });
        const hash = createHash("sha256");
        for await (const chunk of request) hash.update(chunk as Buffer);
        response.end(hash.digest("hex"));
      });
    });
    const sent = request({
      agent: client.agent(),
      port: running.port,
      method: "PUT",
      headers: { expect: "100-continue", "content-length": total },
    });
    sent.flushHeaders();
    await once(sent, "continue");
    const { rss, arrayBuffers } = process.memoryUsage();
    const sending = pipeline(Readable.from(repeated(total)), sent);
    await until(() => read !== undefined);
    await standstill(() => sent.socket?.bytesWritten ?? 0);
    const now = process.memoryUsage();
    assert.ok((sent.socket?.bytesWritten ?? total) < total / 2, "the kernel has had to say stop");
    assert.ok(sent.writableLength <= 4 * CHUNK.length, `${sent.writableLength} bytes wait in the request`);
    assert.ok(
      (sent.socket?.writableLength ?? total) <= 4 * CHUNK.length,
      `${sent.socket?.writableLength} in the socket`,
    );
    assert.ok(
      now.arrayBuffers - arrayBuffers < 16 * MIB,
      `${now.arrayBuffers - arrayBuffers} bytes more in buffers`,
    );
    assert.ok(now.rss - rss < 16 * MIB, `${now.rss - rss} bytes more in memory`);
    read?.();
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    await sending;
    assert.equal((await whole(response)).body.toString(), hashOfRepeated(total));
  });

  test(`64 MiB down, to a client that does not read at first: ${name}`, async () => {
    const total = 64 * MIB;
    let answering: Socket | undefined;
    await using running = await kind.start((request, response) => {
      answering = request.socket;
      pipeline(Readable.from(repeated(total)), response).catch(() => {});
    });
    const sent = request({ agent: client.agent(), port: running.port });
    sent.end();
    const { rss, arrayBuffers } = process.memoryUsage();
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    await standstill(() => answering?.bytesWritten ?? 0);
    const now = process.memoryUsage();
    assert.ok((answering?.bytesWritten ?? total) < total / 2);
    assert.ok(
      (answering?.writableLength ?? total) <= 4 * CHUNK.length,
      `${answering?.writableLength} in the server's socket`,
    );
    assert.ok(response.readableLength + response.socket.readableLength <= 4 * CHUNK.length);
    assert.ok(
      now.arrayBuffers - arrayBuffers < 16 * MIB,
      `${now.arrayBuffers - arrayBuffers} bytes more in buffers`,
    );
    assert.ok(now.rss - rss < 16 * MIB, `${now.rss - rss} bytes more in memory`);
    const hash = createHash("sha256");
    for await (const chunk of response) hash.update(chunk as Buffer);
    assert.equal(hash.digest("hex"), hashOfRepeated(total));
  });

  test(`Upgrade hands over both sockets, with what came behind the headers: ${name}`, async () => {
    await using running = await kind.start(undefined, (server) => {
      server.on("upgrade", (_request, socket, head) => {
        socket.write(
          "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\nwelcome ",
        );
        socket.write(head);
        socket.pipe(socket);
      });
    });
    const headers = { connection: "upgrade", upgrade: "echo" };
    const sent = request({ agent: client.agent(), port: running.port, headers });
    sent.end();
    const [response, socket, head] = (await once(sent, "upgrade")) as [IncomingMessage, Socket, Buffer];
    assert.equal(response.statusCode, 101);
    const text = pattern(2 * MIB);
    const parts = [head];
    socket.on("data", (part: Buffer) => parts.push(part));
    socket.end(text);
    await once(socket, "close");
    const heard = Buffer.concat(parts);
    assert.equal(heard.subarray(0, 8).toString(), "welcome ");
    assert.equal(sha(heard.subarray(8)), sha(text));
  });

  test(`CONNECT makes a tunnel to a third party: ${name}`, async () => {
    await using third = await OUR_SERVER.start((request, response) => response.end(`third ${request.url}`));
    await using running = await kind.start(undefined, (server) => {
      server.on("connect", async ({ url = "" }, socket, head) => {
        const onward = (await TcpStream.connect(url)).toDuplex();
        socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
        onward.write(head);
        pipeline(socket, onward, socket).catch(() => {});
      });
    });
    const path = `127.0.0.1:${third.port}`;
    const sent = request({ agent: client.agent(), port: running.port, method: "CONNECT", path });
    sent.end();
    const [, tunnel] = (await once(sent, "connect")) as [IncomingMessage, Socket, Buffer];
    const { body } = await ask({
      createConnection: () => tunnel,
      path: "/through",
      headers: { connection: "close" },
    });
    assert.equal(body.toString(), "third /through");
  });

  test(`a request that is given up in the middle ends on the other side: ${name}`, async () => {
    let ended: Promise<boolean> | undefined;
    await using running = await kind.start((request) => {
      request.resume().on("error", () => {});
      ended = new Promise((resolve) => request.on("close", () => resolve(request.complete)));
    });
    const sent = request({ agent: client.agent(), port: running.port, method: "PUT" });
    const failed = new Promise<Error>((resolve) => sent.on("error", resolve));
    sent.write(CHUNK);
    await until(() => ended !== undefined);
    sent.destroy(new Error("changed my mind"));
    assert.equal((await failed).message, "changed my mind");
    assert.equal(await ended, false);
  });

  test(`an answer that breaks off in the middle is an error: ${name}`, async () => {
    await using running = await kind.start((request, response) => {
      response.writeHead(200, { "content-length": 1000 });
      response.write("some", () => {
        if (request.url === "/reset") request.socket.resetAndDestroy();
        else request.socket.destroy();
      });
    });
    for (const path of ["/close", "/reset"]) {
      const sent = request({ agent: client.agent(), port: running.port, path });
      sent.on("error", () => {});
      sent.end();
      const [response] = (await once(sent, "response")) as [IncomingMessage];
      await assert.rejects(whole(response), (error) => codeOf(error) === "ECONNRESET");
    }
  });

  test(`no answer at all is an error, and a server gone is too: ${name}`, async () => {
    const running = await kind.start((request) => request.socket.destroy());
    const { port } = running;
    await assert.rejects(ask({ agent: client.agent(), port }), (error) => codeOf(error) === "ECONNRESET");
    await running[Symbol.asyncDispose]();
    await assert.rejects(ask({ agent: client.agent(), port }), (error) => codeOf(error) === "ECONNREFUSED");
  });

  test(`a kept connection that the server has ended meanwhile is not used again: ${name}`, async () => {
    await using running = await kind.start((_request, response) => response.end("fine"));
    const agent = client.agent({ keepAlive: true, maxSockets: 1 });
    const idle = (): number => Object.values(agent.freeSockets).flat().length;
    for (let i = 1; i <= 3; i++) {
      assert.equal((await ask({ agent, port: running.port })).body.toString(), "fine");
      await until(() => idle() === 1);
      running.server.closeIdleConnections();
      await until(() => idle() === 0); // the end of the connection, which has the agent throw its own away
      assert.equal(running.connections(), i);
    }
    agent.destroy();
  });

  test(`a server that is closed lets its idle connections go: ${name}`, async () => {
    await using running = await kind.start((_request, response) => response.end("fine"));
    const agent = client.agent({ keepAlive: true });
    await ask({ agent, port: running.port });
    const [idle] = Object.values(agent.freeSockets).flat() as Socket[];
    assert.ok(idle);
    running.server.close(() => {});
    await until(() => idle.closed);
    agent.destroy();
  });

  test(`timeouts of the client: ${name}`, async () => {
    await using running = await kind.start(() => {});
    const sent = request({ agent: client.agent(), port: running.port, timeout: 40 });
    sent.end();
    await once(sent, "timeout");
    assert.equal(sent.destroyed, false);
    sent.destroy();
    await assert.rejects(once(sent, "close"), (error) => codeOf(error) === "ECONNRESET");
    const { signal } = { signal: AbortSignal.timeout(40) };
    await assert.rejects(ask({ agent: client.agent(), port: running.port, signal }), { name: "AbortError" });
  });

  test(`timeouts of the server: ${name}`, async () => {
    await using running = await kind.start(
      (request, response) => {
        request.on("error", () => {});
        response.on("error", () => {});
      },
      (server) => {
        Object.assign(server, { headersTimeout: 100, requestTimeout: 100, connectionsCheckingInterval: 20 });
        server.emit("listening"); // for the interval of the checks, which is read there
      },
    );
    const slow = connect(running.port, "127.0.0.1");
    slow.write("POST / HTTP/1.1\r\nhost: slow\r\n");
    const [chunk] = await once(slow, "data");
    assert.match(String(chunk), /^HTTP\/1\.1 408 Request Timeout\r\n/);
    slow.destroy();

    running.server.setTimeout(50);
    await assert.rejects(
      ask({ agent: client.agent(), port: running.port }),
      (error) => codeOf(error) === "ECONNRESET",
    );
  });
}

test("pipelined requests are answered in order", async () => {
  await using running = await OUR_SERVER.start((request, response) => {
    const number = Number(request.url?.slice(1));
    setTimeout(() => response.end(`<${number}>`), number % 2 === 0 ? 5 : 0);
  });
  const stream = await TcpStream.connect(`127.0.0.1:${running.port}`);
  const requests = Array.from(
    { length: 50 },
    (_, i) => `GET /${i} HTTP/1.1\r\nhost: x\r\n${i === 49 ? "connection: close\r\n" : ""}\r\n`,
  );
  await stream.writeAll(new TextEncoder().encode(requests.join("")));
  const answers = await stream.readText();
  assert.deepEqual(
    [...answers.matchAll(/<(\d+)>/g)].map(([, number]) => Number(number)),
    requests.map((_, i) => i),
  );
  stream.close();
});

test("what a handler asks of its socket: addresses, bytes, encryption", async () => {
  let asked: Record<string, unknown> = {};
  await using running = await OUR_SERVER.start(({ socket }, response) => {
    const { remoteAddress, remotePort, localPort, remoteFamily, bytesRead } = socket;
    asked = {
      remoteAddress,
      remotePort,
      localPort,
      remoteFamily,
      read: bytesRead > 0,
      encrypted: "encrypted" in socket,
    };
    response.end();
  });
  const sent = request({ agent: TCP_DUPLEX_CLIENT.agent(), port: running.port });
  sent.end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  const { localPort } = response.socket;
  response.resume();
  assert.deepEqual(asked, {
    remoteAddress: "127.0.0.1",
    remotePort: localPort,
    localPort: running.port,
    remoteFamily: "IPv4",
    read: true,
    encrypted: false,
  });
});

test("a request through createConnection alone, without an agent", async () => {
  await using running = await OUR_SERVER.start((request, response) => response.end(request.url));
  const stream = await TcpStream.connect(`127.0.0.1:${running.port}`);
  const { body, headers } = await ask({ path: "/once", createConnection: () => stream.toDuplex() });
  assert.deepEqual([body.toString(), headers.connection], ["/once", "close"]);
  await until(() => stream.closed);
});

test("answers in two writes on a kept connection", async () => {
  await using running = await OUR_SERVER.start((_request, response) => {
    response.write("one, ");
    setImmediate(() => response.end("two"));
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let i = 0; i < 50; i++)
    assert.equal((await ask({ agent, port: running.port })).body.toString(), "one, two");
  agent.destroy();
});

test("a listener feeds a server until it is closed", async () => {
  const listener = TcpListener.bind("127.0.0.1:0");
  const server = createServer((_request, response) => response.end("fine"));
  const feeding = feed(listener, server);
  assert.equal(
    (await ask({ agent: NODE_CLIENT.agent(), port: listener.localAddr.port })).body.toString(),
    "fine",
  );
  listener.close();
  await feeding;
  server.close();
});

test("over a local socket, both ends ours; what is of IP is undefined", async () => {
  const name = `@windsock-http-${process.pid}`;
  const listener = UnixListener.bind(name);
  let seen: unknown[] = [];
  const server = createServer(({ socket }, response) => {
    socket.setNoDelay(true).setKeepAlive(true, 1000); // of TCP: nothing happens
    seen = [
      socket.remoteAddress,
      socket.remotePort,
      socket.remoteFamily,
      socket.localAddress,
      socket.address(),
    ];
    response.end("local");
  });
  const accepting = (async () => {
    for await (const peer of listener) server.emit("connection", peer.toDuplex());
  })();
  const stream = await UnixStream.connect(name);
  const { body } = await ask({ path: "/", createConnection: () => stream.toDuplex() });
  assert.equal(body.toString(), "local");
  assert.deepEqual(seen, [undefined, undefined, undefined, undefined, {}]);
  listener.close();
  await accepting;
});

test("examples/http-over-windsock.ts", async () => {
  const args = ["--import", "tsx", join(ROOT, "examples/http-over-windsock.ts"), "/one", "/two"];
  using program = new Program(process.execPath, args);
  const { code, stdout, stderr } = await program.ended;
  assert.deepEqual([code, stderr], [0, ""]);
  const lines = stdout.toString().trimEnd().split("\n");
  const shown = lines.map((line) => line.replace(/\d+ bytes, round trip \d+/, "N bytes, round trip N"));
  assert.deepEqual(
    shown,
    ["/one", "/two"].flatMap((path) => [
      `${path} after N bytes, round trip N µs`,
      `hello 127.0.0.1, you asked for ${path}`,
    ]),
  );
  const [first, second] = [lines[0], lines[2]].map((line) => Number(/after (\d+)/.exec(line ?? "")?.[1]));
  assert.ok((first ?? 0) > 0 && (second ?? 0) > (first ?? 0), "both over one connection");
});
