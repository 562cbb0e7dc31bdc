/** node:tls, node:https and node:http2 unchanged on our sockets, at both ends. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import * as http2 from "node:http2";
import * as https from "node:https";
import { createServer as createNetServer, connect as netConnect, type Socket } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { describe, test } from "node:test";
import * as tls from "node:tls";
import { SO, TcpDuplex, TcpListener, TcpStream } from "../../src/index.ts";
import { pattern, turns, until } from "../socket/_helpers.ts";
import { LOCALHOST, noOpenssl, SOMEBODY_ELSE } from "./_certificates.ts";
import { ask, OUR_SERVER, whole } from "./_http.ts";

const MIB = 1024 * 1024;
const CHUNK = pattern(64 * 1024);
const sha = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** The end of a TLS connection that runs on something that was connected before. */
type Wrap = (port: number) => Promise<Socket>;

const CLIENTS: Readonly<Record<string, Wrap>> = {
  "node:net": async (port) => netConnect(port, "127.0.0.1"),
  "toDuplex()": async (port) => (await TcpStream.connect(`127.0.0.1:${port}`)).toDuplex(),
  TcpDuplex: async (port) => new TcpDuplex().connect(port, "127.0.0.1"),
};

interface Listening extends AsyncDisposable {
  readonly port: number;
}

/** Feeds raw connections of one kind to a TLS server, or to whoever wraps them. */
const SERVERS: Readonly<Record<string, (take: (socket: Socket) => void) => Promise<Listening>>> = {
  "node:net": async (take) => {
    const open = new Set<Socket>();
    const server = createNetServer((socket) => {
      open.add(socket);
      take(socket);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address() as { port: number };
    return {
      port: address.port,
      async [Symbol.asyncDispose]() {
        server.close();
        for (const socket of open) socket.destroy();
      },
    };
  },
  "a TcpListener": async (take) => {
    const open = new Set<Socket>();
    const listener = TcpListener.bind("127.0.0.1:0");
    const feeding = (async () => {
      for await (const peer of listener) {
        const duplex = peer.toDuplex();
        open.add(duplex);
        take(duplex);
      }
    })();
    return {
      port: listener.localAddr.port,
      async [Symbol.asyncDispose]() {
        listener.close();
        for (const socket of open) socket.destroy();
        await feeding;
      },
    };
  },
};

/** What an end that TLS broke says, whatever side it is. */
const errorOf = (socket: tls.TLSSocket): Promise<Error> =>
  new Promise((resolve) => socket.once("error", resolve));

const TRUSTING = { ca: LOCALHOST.cert, servername: "localhost" };

describe("node:tls, node:https, node:http2", { skip: noOpenssl }, () => {
  for (const [clientName, wrap] of Object.entries(CLIENTS)) {
    for (const [serverName, serve] of Object.entries(SERVERS)) {
      const names = `${clientName} to ${serverName}`;
      /** A TLS server over raw connections of that kind. */
      const start = async (options: tls.TlsOptions, take: (socket: tls.TLSSocket) => void) => {
        const server = tls.createServer({ ...LOCALHOST, ...options }, take);
        server.on("tlsClientError", () => {});
        const listening = await serve((socket) => server.emit("connection", socket));
        return Object.assign(listening, { server });
      };

      test(`8 MiB each way at once, and both ends close: ${names}`, async () => {
        const [there, back] = [pattern(8 * MIB, 3), pattern(8 * MIB, 7)];
        const heard: Buffer[] = [];
        let ended = false;
        await using listening = await start({}, (socket) => {
          socket.on("data", (part: Buffer) => heard.push(part));
          socket.on("end", () => {
            ended = true;
          });
          socket.end(back);
        });
        const raw = await wrap(listening.port);
        const socket = tls.connect({ socket: raw, ...TRUSTING });
        await once(socket, "secureConnect");
        assert.deepEqual(
          [socket.authorized, socket.getProtocol(), socket.encrypted],
          [true, "TLSv1.3", true],
        );
        const parts: Buffer[] = [];
        socket.on("data", (part: Buffer) => parts.push(part));
        const closed = once(socket, "close");
        socket.end(there);
        await closed;
        await until(() => raw.closed && ended);
        assert.equal(sha(Buffer.concat(parts)), sha(back));
        assert.equal(sha(Buffer.concat(heard)), sha(there));
      });

      test(`a wrapped connection without a server, new TLSSocket(…): ${names}`, async () => {
        await using listening = await serve((raw) => {
          const socket = new tls.TLSSocket(raw, { isServer: true, ...LOCALHOST });
          socket.on("secure", () => socket.write(`hello ${socket.getCipher().version} `));
          socket.pipe(socket);
        });
        const socket = tls.connect({ socket: await wrap(listening.port), ...TRUSTING });
        socket.setEncoding("utf8").end("echo");
        let text = "";
        for await (const part of socket) text += part;
        assert.equal(text, "hello TLSv1.3 echo");
      });

      test(`ALPN, SNI and the peer's certificate: ${names}`, async () => {
        const seen: unknown[] = [];
        await using listening = await start({ ALPNProtocols: ["http/1.1", "acme"] }, (socket) => {
          seen.push(socket.alpnProtocol, socket.servername);
          socket.end();
        });
        const raw = await wrap(listening.port);
        const socket = tls.connect({ socket: raw, ...TRUSTING, ALPNProtocols: ["acme"] });
        await once(socket, "secureConnect");
        assert.equal(socket.alpnProtocol, "acme");
        assert.equal(socket.getPeerCertificate().subject.CN, "localhost");
        await once(socket.resume(), "close");
        assert.deepEqual(seen, ["acme", "localhost"]);
      });

      test(`a session is resumed: ${names}`, async () => {
        await using listening = await start({}, (socket) => socket.end("x"));
        let session: Buffer | undefined;
        for (const reused of [false, true]) {
          const socket = tls.connect({
            socket: await wrap(listening.port),
            ...TRUSTING,
            ...(session && { session }),
          });
          socket.once("session", (fresh) => {
            session = fresh;
          });
          await once(socket, "secureConnect");
          assert.equal(socket.isSessionReused(), reused);
          await once(socket.resume(), "close");
        }
      });

      test(`a certificate that nobody vouches for, and one of somebody else, are refused: ${names}`, async () => {
        await using own = await start({}, (socket) => socket.on("error", () => {}).end());
        const stranger = tls.connect({ socket: await wrap(own.port), servername: "localhost" });
        assert.equal(codeOf(await errorOf(stranger)), "DEPTH_ZERO_SELF_SIGNED_CERT");
        await using others = await start(SOMEBODY_ELSE, (socket) => socket.on("error", () => {}).end());
        const raw = await wrap(others.port);
        const wrong = tls.connect({ socket: raw, ca: SOMEBODY_ELSE.cert, servername: "localhost" });
        assert.equal(codeOf(await errorOf(wrong)), "ERR_TLS_CERT_ALTNAME_INVALID");
        await until(() => raw.closed);
      });

      test(`a peer that speaks no TLS: ${names}`, async () => {
        await using listening = await serve((socket) => socket.on("error", () => {}).end("SMTP ready\r\n"));
        const socket = tls.connect({ socket: await wrap(listening.port), ...TRUSTING });
        assert.match(codeOf(await errorOf(socket)) ?? "", /^ERR_SSL_/);
      });

      test(`the connection breaks in the handshake, and later without close_notify: ${names}`, async () => {
        await using never = await serve((socket) => {
          socket.once("data", () => socket.destroy());
        });
        const early = tls.connect({ socket: await wrap(never.port), ...TRUSTING });
        assert.equal(codeOf(await errorOf(early)), "ECONNRESET");

        const raws: Socket[] = [];
        const server = tls.createServer(LOCALHOST, (socket) => {
          socket.on("error", () => {});
          socket.write("part", () => raws.at(-1)?.destroy());
        });
        await using cutting = await serve((socket) => {
          raws.push(socket);
          server.emit("connection", socket);
        });
        const raw = await wrap(cutting.port);
        const socket = tls.connect({ socket: raw, ...TRUSTING });
        let heard = "";
        socket.on("data", (part) => {
          heard += part;
        });
        socket.on("error", () => {});
        await new Promise((resolve) => socket.once("close", resolve));
        assert.equal(heard, "part");
        await until(() => raw.closed);
      });

      test(`a reset breaks both: ${names}`, async () => {
        const raws: Socket[] = [];
        const server = tls.createServer(LOCALHOST, (socket) => {
          socket.on("error", () => {});
          socket.write("part");
        });
        await using listening = await serve((socket) => {
          socket.on("error", () => {});
          raws.push(socket);
          server.emit("connection", socket);
        });
        const socket = tls.connect({ socket: await wrap(listening.port), ...TRUSTING });
        await once(socket, "data");
        const failed = errorOf(socket);
        raws[0]?.resetAndDestroy();
        assert.equal(codeOf(await failed), "ECONNRESET");
      });

      test(`a writer is held back by a peer that does not read: ${names}`, async () => {
        let reading: tls.TLSSocket | undefined;
        await using listening = await start({}, (socket) => {
          reading = socket;
        });
        const raw = await wrap(listening.port);
        const socket = tls.connect({ socket: raw, ...TRUSTING });
        await once(socket, "secureConnect");
        const before = process.memoryUsage().arrayBuffers;
        const total = 64 * MIB;
        const hash = createHash("sha256");
        const sending = pipeline(
          Readable.from(
            (function* () {
              for (let sent = 0; sent < total; sent += CHUNK.length) {
                hash.update(CHUNK);
                yield CHUNK;
              }
            })(),
          ),
          socket,
        );
        for (let [last, same] = [-1, 0]; same < 5; ) {
          await turns(30);
          same = raw.bytesWritten === last ? same + 1 : 0;
          last = raw.bytesWritten;
        }
        assert.ok(raw.bytesWritten < total / 2, `${raw.bytesWritten} bytes went out`);
        assert.ok(socket.writableLength + raw.writableLength < MIB, `${raw.writableLength} bytes wait`);
        assert.ok(process.memoryUsage().arrayBuffers - before < 16 * MIB);
        const heard = createHash("sha256");
        reading?.on("data", (part: Buffer) => heard.update(part));
        await sending;
        await until(() => reading?.readableEnded === true);
        assert.equal(heard.digest("hex"), hash.digest("hex"));
      });

      test(`what came before the end is read after it, and answered: ${names}`, async () => {
        const text = pattern(40_000);
        let answered = "";
        let ended = false;
        await using listening = await start({ allowHalfOpen: true }, (socket) => {
          socket.setEncoding("utf8").on("data", (part: string) => {
            answered += part;
          });
          socket.on("end", () => {
            ended = true;
          });
          socket.end(text);
        });
        const raw = await wrap(listening.port);
        const socket = tls.connect({ socket: raw, ...TRUSTING });
        await once(socket, "secureConnect");
        // All of it has come, and its end, before anybody reads.
        await until(() => socket.bytesRead >= text.length || socket.readableLength >= text.length);
        await turns(20);
        const parts: Buffer[] = [];
        socket.on("data", (part: Buffer) => parts.push(part));
        socket.write("thanks");
        await once(socket, "close");
        assert.equal(sha(Buffer.concat(parts)), sha(text));
        await until(() => ended && raw.closed);
        assert.equal(answered, "thanks");
      });

      test(`https, kept alive, 200 requests: ${names}`, async () => {
        let connections = 0;
        const server = https.createServer(LOCALHOST, (request, response) => response.end(request.url));
        await using listening = await serve((socket) => {
          connections++;
          server.emit("connection", socket);
        });
        const raw = await wrap(listening.port);
        const agent = Object.assign(new https.Agent({ keepAlive: true, maxSockets: 1 }), {
          createConnection: () => tls.connect({ socket: raw, ...TRUSTING }),
        });
        for (let i = 0; i < 200; i++) {
          const sent = https.request({ agent, host: "localhost", path: `/${i}` }).end();
          const [response] = await once(sent, "response");
          assert.equal((await whole(response)).body.toString(), `/${i}`);
        }
        assert.equal(connections, 1);
        agent.destroy();
        await until(() => raw.closed);
      });

      for (const secure of [true, false]) {
        test(`http2 ${secure ? "over TLS" : "in clear"}, 100 streams at once and 8 MiB each way: ${names}`, async () => {
          const answer = (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders): void => {
            stream.on("error", () => {});
            stream.respond({ ":status": 200 });
            if (headers[":path"] === "/echo") stream.pipe(stream);
            else stream.resume().end(`you asked for ${headers[":path"]}`);
          };
          const server = secure
            ? http2.createSecureServer(LOCALHOST).on("stream", answer)
            : http2.createServer().on("stream", answer);
          await using listening = await serve((socket) => server.emit("connection", socket));
          const raw = await wrap(listening.port);
          const session = http2.connect(`${secure ? "https" : "http"}://localhost:${listening.port}`, {
            createConnection: () =>
              secure ? tls.connect({ socket: raw, ...TRUSTING, ALPNProtocols: ["h2"] }) : raw,
          });
          const talk = async (path: string, body: Uint8Array): Promise<Buffer> => {
            const stream = session.request({ ":path": path, ":method": "POST" });
            stream.end(body);
            return Buffer.concat((await stream.toArray()) as Buffer[]);
          };
          const texts = await Promise.all(
            Array.from({ length: 100 }, (_, i) => talk(`/${i}`, Buffer.from("x"))),
          );
          assert.deepEqual(
            texts.map(String),
            texts.map((_, i) => `you asked for /${i}`),
          );
          const body = pattern(8 * MIB);
          assert.equal(sha(await talk("/echo", body)), sha(body));
          await new Promise((resolve) => session.ping(resolve));
          await new Promise<void>((resolve) => session.close(resolve));
          await until(() => raw.closed);
        });
      }
    }
  }

  test("https through an HTTP proxy: TLS over a CONNECT tunnel, all on our sockets", async () => {
    const site = https.createServer(LOCALHOST, (request, response) => response.end(`site ${request.url}`));
    const serve = SERVERS["a TcpListener"];
    assert.ok(serve);
    await using there = await serve((socket) => site.emit("connection", socket));
    await using proxy = await OUR_SERVER.start(undefined, (server) => {
      server.on("connect", async ({ url = "" }, socket, head) => {
        const onward = (await TcpStream.connect(url)).toDuplex();
        socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
        onward.write(head);
        pipeline(socket, onward, socket).catch(() => {});
      });
    });
    const raw = new TcpDuplex().connect(proxy.port, "127.0.0.1");
    raw.write(`CONNECT 127.0.0.1:${there.port} HTTP/1.1\r\nhost: site\r\n\r\n`);
    const [established] = await once(raw, "data");
    assert.match(String(established), /^HTTP\/1\.1 200 /);
    const { body } = await ask({
      path: "/within",
      createConnection: () => tls.connect({ socket: raw, ...TRUSTING }),
    });
    assert.equal(body.toString(), "site /within");
  });

  test("the options of the TcpStream stay within reach while TLS runs on it", async () => {
    const serve = SERVERS["a TcpListener"];
    assert.ok(serve);
    const server = tls.createServer(LOCALHOST, (socket) => socket.pipe(socket));
    await using listening = await serve((socket) => server.emit("connection", socket));
    const stream = await TcpStream.connect(`127.0.0.1:${listening.port}`);
    const socket = tls.connect({ socket: stream.toDuplex(), ...TRUSTING });
    await once(socket, "secureConnect");
    stream.setOption(SO.PRIORITY, 3);
    assert.equal(stream.getOption(SO.PRIORITY), 3);
    assert.ok((stream.info().tcpi_segs_out ?? 0) > 2);
    socket.destroy();
    await until(() => stream.closed);
  });
});
