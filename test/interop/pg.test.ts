/** pg unchanged on our sockets, against a real PostgreSQL: in clear, over TLS, over a local socket, alone and pooled. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import pg from "pg";
import { type SocketDuplex, TcpDuplex, TcpStream, UnixStream } from "../../src/index.ts";
import { closedPort, fullListener, until } from "../socket/_helpers.ts";
import { LOCALHOST } from "./_certificates.ts";
import { noPostgres, type Postgres, postgres } from "./_postgres.ts";

const sha = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

let server: Postgres;
const address = () => ({ host: "localhost", port: server.port });

/** How pg gets its stream: connected beforehand, or to be connected by pg. */
const WAYS: Readonly<Record<string, () => Promise<pg.ClientConfig>>> = {
  "a TcpDuplex": async () => ({ stream: () => new TcpDuplex() }),
  "a TcpDuplex with TLS": async () => ({ stream: () => new TcpDuplex(), ssl: { ca: LOCALHOST.cert } }),
  "toDuplex()": async () => {
    const stream = await TcpStream.connect(address());
    return { stream: () => stream.toDuplex() };
  },
  "toDuplex() with TLS": async () => {
    const stream = await TcpStream.connect(address());
    return { stream: () => stream.toDuplex(), ssl: { ca: LOCALHOST.cert } };
  },
  "toDuplex() of a local socket": async () => {
    const stream = await UnixStream.connect(`${server.folder}/.s.PGSQL.${server.port}`);
    return { stream: () => stream.toDuplex() };
  },
};

const login = () => ({ ...address(), user: server.user, password: server.password, database: "postgres" });

async function connected(
  way: () => Promise<pg.ClientConfig>,
  config: pg.ClientConfig = {},
): Promise<pg.Client> {
  const client = new pg.Client({ ...login(), ...(await way()), ...config });
  await client.connect();
  return client;
}

/** The stream that a client runs on, below TLS. */
const WATCHED: SocketDuplex[] = [];
const watched = (): SocketDuplex => {
  const stream = new TcpDuplex();
  WATCHED.push(stream);
  return stream;
};

const codeOf = (error: unknown): string | undefined => (error as { code?: string }).code;

describe("pg", { skip: noPostgres }, () => {
  before(async () => {
    server = await postgres();
  });
  after(() => server[Symbol.asyncDispose]());

  for (const [name, way] of Object.entries(WAYS)) {
    test(`parameters and types: ${name}`, async () => {
      const client = await connected(way);
      const { rows } = await client.query(
        "select $1::int + 1 as sum, $2::text as text, $3::jsonb as json, $4::timestamptz as time, $5::bytea as bytes, null as nothing",
        [41, "grüß dich 🙂", { a: [1, "ü"] }, "2000-01-01T00:00:00Z", Buffer.from([0, 255])],
      );
      assert.deepEqual(rows, [
        {
          sum: 42,
          text: "grüß dich 🙂",
          json: { a: [1, "ü"] },
          time: new Date("2000-01-01T00:00:00Z"),
          bytes: Buffer.from([0, 255]),
          nothing: null,
        },
      ]);
      const { rows: how } = await client.query(
        "select ssl, inet_server_port() as port from pg_stat_ssl where pid = pg_backend_pid()",
      );
      assert.deepEqual(how, [
        { ssl: name.includes("TLS"), port: name.includes("local") ? null : server.port },
      ]);
      await client.end();
    });

    test(`20 MB there and back: ${name}`, async () => {
      const client = await connected(way);
      const bytes = randomBytes(20_000_000);
      const { rows } = await client.query(
        "select $1::bytea as bytes, encode(sha256($1::bytea), 'hex') as sha",
        [bytes],
      );
      assert.equal(rows[0].sha, sha(bytes));
      assert.equal(sha(rows[0].bytes), sha(bytes));
      await client.end();
    });

    test(`100 000 rows, one by one: ${name}`, async () => {
      const client = await connected(way);
      const query = client.query(
        new pg.Query("select i, repeat('x', i % 100) as text from generate_series(1, 100000) i"),
      );
      let [count, sum, letters] = [0, 0, 0];
      query.on("row", (row: { i: number; text: string }) => {
        count++;
        sum += row.i;
        letters += row.text.length;
      });
      await once(query, "end");
      assert.deepEqual([count, sum, letters], [100_000, 5_000_050_000, 4_950_000]);
      await client.end();
    });

    test(`an error of the server leaves the connection usable: ${name}`, async () => {
      const client = await connected(way);
      await assert.rejects(client.query("select 1 / 0"), (error) => codeOf(error) === "22012");
      await assert.rejects(client.query("selec"), (error) => codeOf(error) === "42601");
      await client.query("begin");
      await assert.rejects(client.query("select * from nothing"), (error) => codeOf(error) === "42P01");
      await client.query("rollback");
      assert.equal((await client.query("select 7 as seven")).rows[0].seven, 7);
      await client.end();
    });

    test(`a prepared statement, 200 times: ${name}`, async () => {
      const client = await connected(way);
      for (let i = 0; i < 200; i++) {
        const { rows } = await client.query({
          name: "double",
          text: "select $1::int * 2 as twice",
          values: [i],
        });
        assert.equal(rows[0].twice, i * 2);
      }
      await client.end();
    });

    test(`LISTEN and NOTIFY: ${name}`, async () => {
      const [one, other] = [await connected(way), await connected(way)];
      await one.query("listen news");
      const told = once(one, "notification");
      await other.query("select pg_notify('news', $1)", ["grüß dich"]);
      const [{ channel, payload }] = await told;
      assert.deepEqual([channel, payload], ["news", "grüß dich"]);
      await Promise.all([one.end(), other.end()]);
    });

    test(`a query is cancelled, and one takes too long: ${name}`, async () => {
      const [one, other] = [await connected(way), await connected(way)];
      const { pid } = (await one.query("select pg_backend_pid() as pid")).rows[0];
      const sleeping = one.query("select pg_sleep(600)");
      const cancelled = assert.rejects(sleeping, (error) => codeOf(error) === "57014");
      await until(async () => {
        const { rows } = await other.query(
          "select pg_cancel_backend(pid) as sent from pg_stat_activity where pid = $1 and query like '%pg_sleep(600)%' and state = 'active'",
          [pid],
        );
        return rows[0]?.sent === true;
      });
      await cancelled;
      await one.query("set statement_timeout = 20");
      await assert.rejects(one.query("select pg_sleep(600)"), (error) => codeOf(error) === "57014");
      assert.equal((await one.query("select 1 as one")).rows[0].one, 1);
      await Promise.all([one.end(), other.end()]);
    });

    test(`the server ends the connection: an error, and everything is closed: ${name}`, async () => {
      const [one, other] = [await connected(way), await connected(way)];
      const { pid } = (await one.query("select pg_backend_pid() as pid")).rows[0];
      const errors: (string | undefined)[] = [];
      one.on("error", (error) => errors.push(codeOf(error)));
      const ended = new Promise<void>((resolve) => one.once("end", () => resolve()));
      await other.query("select pg_terminate_backend($1)", [pid]);
      await ended; // pg tells it when the stream is closed
      assert.equal(errors[0], "57P01");
      await assert.rejects(one.query("select 1"), /not queryable|connection error|terminated/);
      await Promise.all([one.end().catch(() => {}), other.end()]);
    });
  }

  for (const ssl of [undefined, { ca: LOCALHOST.cert }]) {
    const how = ssl === undefined ? "in clear" : "with TLS";
    test(`a pool of ten serves 300 queries, replaces what breaks, and closes all: ${how}`, async () => {
      WATCHED.length = 0;
      const pool = new pg.Pool({ ...login(), stream: watched, max: 10, ...(ssl && { ssl }) });
      pool.on("error", () => {});
      const all = await Promise.all(
        Array.from({ length: 300 }, (_, i) => pool.query("select $1::int as i, pg_sleep(0.001)", [i])),
      );
      assert.deepEqual(
        all.map(({ rows }) => rows[0].i),
        all.map((_, i) => i),
      );
      assert.equal(WATCHED.length, 10);
      await pool.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and usename = $1",
        [server.user],
      );
      await until(() => WATCHED.filter((stream) => stream.closed).length === 9);
      await until(() => pool.totalCount === 1);
      await Promise.all(Array.from({ length: 50 }, () => pool.query("select 1")));
      await pool.end();
      await until(() => WATCHED.every((stream) => stream.closed));
    });

    test(`a wrong password, and a port where nobody listens: ${how}`, async () => {
      const refused = new pg.Client({
        ...login(),
        stream: () => new TcpDuplex(),
        password: "wrong",
        ...(ssl && { ssl }),
      });
      await assert.rejects(refused.connect(), (error) => codeOf(error) === "28P01");
      using nobody = closedPort();
      const { port } = nobody.address;
      const lost = new pg.Client({
        ...login(),
        host: "127.0.0.1",
        port,
        stream: () => new TcpDuplex(),
        ...(ssl && { ssl }),
      });
      await assert.rejects(lost.connect(), (error) => codeOf(error) === "ECONNREFUSED");
    });

    test(`connectionTimeoutMillis ends an attempt that hangs, and its socket: ${how}`, async () => {
      using full = await fullListener();
      const stream = watched();
      const client = new pg.Client({
        ...login(),
        host: "127.0.0.1",
        port: full.address.port,
        stream: () => stream,
        connectionTimeoutMillis: 50,
        ...(ssl && { ssl }),
      });
      await assert.rejects(client.connect(), /timeout expired/);
      await until(() => stream.closed);
    });
  }

  test("TLS refuses a certificate that nobody vouches for, and a name that is not in it", async () => {
    const unknown = new pg.Client({ ...login(), stream: () => new TcpDuplex(), ssl: true });
    await assert.rejects(unknown.connect(), (error) => codeOf(error) === "DEPTH_ZERO_SELF_SIGNED_CERT");
    const stream = await TcpStream.connect(address());
    const misnamed = new pg.Client({
      ...login(),
      host: "other.test",
      stream: () => stream.toDuplex(),
      ssl: { ca: LOCALHOST.cert },
    });
    await assert.rejects(misnamed.connect(), (error) => codeOf(error) === "ERR_TLS_CERT_ALTNAME_INVALID");
    await until(() => stream.closed);
  });
});
