/** ioredis unchanged on our sockets, against a real Redis: over TCP and over a local socket. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { AbstractConnector, Redis as Client, type RedisOptions } from "ioredis";
import { TcpDuplex, TcpStream, UnixStream } from "../../src/index.ts";
import { closedPort, fullListener, until } from "../socket/_helpers.ts";
import { noRedis, type Redis, redis } from "./_redis.ts";

const sha = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

let server: Redis;

/** What ioredis calls whenever it wants a connection. */
function connector(connect: () => Socket | Promise<Socket>): NonNullable<RedisOptions["Connector"]> {
  return class extends AbstractConnector {
    constructor() {
      super(2000);
    }
    override async connect(): Promise<Socket> {
      this.stream = await connect();
      return this.stream;
    }
  };
}

const WAYS: Readonly<Record<string, () => Socket | Promise<Socket>>> = {
  "a TcpDuplex": () => new TcpDuplex().connect(server.port, "127.0.0.1"),
  "toDuplex()": async () => (await TcpStream.connect(`127.0.0.1:${server.port}`)).toDuplex(),
  "toDuplex() of a local socket": async () => (await UnixStream.connect(server.path)).toDuplex(),
};

const clientOf = (connect: () => Socket | Promise<Socket>, options: RedisOptions = {}): Client => {
  const client = new Client({ Connector: connector(connect), retryStrategy: () => 10, ...options });
  client.on("error", () => {});
  return client;
};

describe("ioredis", { skip: noRedis }, () => {
  before(async () => {
    server = await redis();
  });
  after(() => server[Symbol.asyncDispose]());

  for (const [name, connect] of Object.entries(WAYS)) {
    test(`a pipeline of 10 000 commands, and as many without one: ${name}`, async () => {
      const client = clientOf(connect);
      const pipeline = client.pipeline();
      for (let i = 0; i < 5000; i++) pipeline.set(`key ${i}`, `grüß ${i}`).get(`key ${i}`);
      const answers = await pipeline.exec();
      assert.equal(answers?.length, 10_000);
      assert.ok(
        answers?.every(
          ([error, value], i) => error === null && value === (i % 2 === 0 ? "OK" : `grüß ${(i - 1) / 2}`),
        ),
      );
      const single = await Promise.all(
        Array.from({ length: 10_000 }, (_, i) => client.incrby(`count ${name}`, i)),
      );
      assert.equal(single.at(-1), 49_995_000);
      await client.quit();
    });

    test(`autopipelining: ${name}`, async () => {
      const client = clientOf(connect, { enableAutoPipelining: true });
      const all = await Promise.all(
        Array.from({ length: 1000 }, (_, i) =>
          client.set(`auto ${i}`, i).then(() => client.get(`auto ${i}`)),
        ),
      );
      assert.deepEqual(
        all,
        all.map((_, i) => String(i)),
      );
      await client.quit();
    });

    test(`a value of 20 MB: ${name}`, async () => {
      const client = clientOf(connect);
      const bytes = randomBytes(20_000_000);
      assert.equal(await client.set("large", bytes), "OK");
      assert.equal(await client.strlen("large"), bytes.length);
      assert.equal(sha((await client.getBuffer("large")) ?? Buffer.alloc(0)), sha(bytes));
      await client.del("large");
      await client.quit();
    });

    test(`MULTI, EXEC and an error inside: ${name}`, async () => {
      const client = clientOf(connect);
      const answers = await client.multi().set("word", "x").incr("word").get("word").exec();
      assert.deepEqual(
        [answers?.[0], answers?.[2]],
        [
          [null, "OK"],
          [null, "x"],
        ],
      );
      assert.match(String(answers?.[1]?.[0]), /not an integer/);
      await client.quit();
    });

    test(`publish and subscribe, 1000 messages in order: ${name}`, async () => {
      const [hearing, telling] = [clientOf(connect), clientOf(connect)];
      const heard: string[] = [];
      hearing.on("message", (_channel, message) => heard.push(message));
      await hearing.subscribe("news");
      for (let i = 0; i < 1000; i++) telling.publish("news", `${i}`);
      await until(() => heard.length === 1000);
      assert.deepEqual(
        heard,
        heard.map((_, i) => `${i}`),
      );
      await Promise.all([hearing.quit(), telling.quit()]);
    });

    test(`BLPOP waits, and is answered: ${name}`, async () => {
      const [waiting, pushing] = [clientOf(connect), clientOf(connect)];
      const popped = waiting.blpop("queue", 0);
      await until(async () => /blocked_clients:1/.test(await pushing.info("clients")));
      await pushing.rpush("queue", "job");
      assert.deepEqual(await popped, ["queue", "job"]);
      assert.equal(await waiting.blpop("queue", 0.01), null);
      await Promise.all([waiting.quit(), pushing.quit()]);
    });

    test(`CLIENT KILL: it connects again, and goes on: ${name}`, async () => {
      const [client, killer] = [clientOf(connect), clientOf(connect)];
      await client.set("kept", "yes");
      for (let i = 0; i < 3; i++) {
        const id = await client.client("ID");
        const [first] = await Promise.all([once(client, "close"), killer.client("KILL", "ID", id)]);
        assert.ok(first);
        assert.equal(await client.get("kept"), "yes"); // waits for the new connection
        assert.notEqual(await client.client("ID"), id);
      }
      await Promise.all([client.quit(), killer.quit()]);
    });

    test(`disconnect() and quit() close the socket: ${name}`, async () => {
      const sockets: Socket[] = [];
      const recorded = async (): Promise<Socket> => {
        const socket = await connect();
        sockets.push(socket);
        return socket;
      };
      const [one, other] = [clientOf(recorded), clientOf(recorded)];
      await Promise.all([one.ping(), other.ping()]);
      one.disconnect();
      await other.quit();
      await until(() => sockets.length === 2 && sockets.every((socket) => socket.closed));
      assert.deepEqual([one.status, other.status], ["end", "end"]);
    });
  }

  test("a server that is not there yet is tried again until it is", async () => {
    let port: number;
    {
      using nobody = closedPort();
      port = nobody.address.port;
    }
    let attempts = 0;
    const client = clientOf(() => {
      attempts++;
      return new TcpDuplex().connect(port, "127.0.0.1");
    });
    const [error] = await new Promise<[NodeJS.ErrnoException]>((resolve) =>
      client.once("error", (error) => resolve([error])),
    );
    assert.equal(error.code, "ECONNREFUSED");
    await until(() => attempts >= 3);
    await using late = await redis(port);
    assert.equal(await client.ping(), "PONG");
    await client.quit();
    void late;
  });

  test("connectTimeout ends an attempt that hangs", async () => {
    using full = await fullListener();
    const client = clientOf(() => new TcpDuplex().connect(full.address.port, "127.0.0.1"), {
      connectTimeout: 50,
      retryStrategy: () => null,
    });
    const [error] = await new Promise<[NodeJS.ErrnoException]>((resolve) =>
      client.once("error", (error) => resolve([error])),
    );
    assert.equal(error.code, "ETIMEDOUT");
    await until(() => client.status === "end");
  });

  test("the addresses of a client are those of its socket", async () => {
    const client = clientOf(WAYS["a TcpDuplex"] as () => Socket);
    const list = String(await client.client("LIST"));
    const id = await client.client("ID");
    const { localAddress, localPort } = client.stream as Socket;
    assert.match(
      list,
      new RegExp(`id=${id} addr=${localAddress}:${localPort} laddr=127.0.0.1:${server.port} `),
    );
    await client.quit();
  });
});
