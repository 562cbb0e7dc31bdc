/** Who gets the page of `windsock watch --web`, and who gets nothing. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { after, before, test } from "node:test";
import type { WebServer } from "../../src/cli/web/server.ts";
import { PAGE, Reader, raw, serve } from "./_web.ts";

let server: WebServer;
before(async () => {
  server = await serve();
});
after(() => server.close());

/** A request that is answered, but for what is changed about it. */
function request({
  method = "GET",
  path = `/${server.token}/`,
  version = "1.1",
  host = `127.0.0.1:${server.port}`,
  more = [],
}: {
  readonly method?: string;
  readonly path?: string;
  readonly version?: string;
  readonly host?: string | undefined | null;
  readonly more?: readonly string[];
} = {}): string {
  const hosts = host === null ? [] : [`Host: ${host}`];
  return [`${method} ${path} HTTP/${version}`, ...hosts, ...more, "Connection: close", "", ""].join("\r\n");
}

/** The whole of what everybody gets who is to get nothing. */
const NOTHING = "HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

test("the page, with a policy that lets only its own script and style run", async () => {
  const answer = await raw(server.port, request());
  const [head = "", body] = answer.split("\r\n\r\n");
  const headers = new Map(
    head
      .split("\r\n")
      .slice(1)
      .map((line) => line.split(": ", 2) as [string, string]),
  );
  assert.match(head, /^HTTP\/1\.1 200 /);
  assert.ok(body?.includes(PAGE));
  const hash = (text: string): string => createHash("sha256").update(text).digest("base64");
  const policy = headers.get("content-security-policy")?.split("; ");
  assert.deepEqual(policy?.slice(0, 8), [
    "default-src 'none'",
    `script-src 'sha256-${hash("1")}'`,
    `style-src 'sha256-${hash("p{color:red}")}'`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ]);
  const wanted = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
  };
  for (const [name, value] of Object.entries(wanted)) assert.equal(headers.get(name), value, name);
  assert.ok(![...headers.keys()].some((name) => name.startsWith("access-control")));
});

test("names of this machine, and a browser that was told the address by a person, are let in", async () => {
  const { port } = server;
  const rows = {
    localhost: request({ host: `localhost:${port}` }),
    "IPv6 loopback": request({ host: `[::1]:${port}` }),
    typed: request({
      more: ["Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"],
    }),
    reloaded: request({ more: ["Sec-Fetch-Site: same-origin", "Sec-Fetch-Dest: document"] }),
    "own origin": request({ more: [`Origin: http://127.0.0.1:${port}`] }),
    "HTTP/1.0 with a host": request({ version: "1.0" }),
  };
  for (const [name, text] of Object.entries(rows)) {
    assert.match(await raw(port, text), /^HTTP\/1\.1 200 /, name);
  }
});

test("tokens have 128 bits, and no two are the same", async () => {
  const tokens = new Set<string>();
  for (let index = 0; index < 5; index++) {
    const other = await serve();
    assert.match(other.token, /^[\w-]{22}$/);
    tokens.add(other.token);
    await other.close();
  }
  assert.equal(tokens.size, 5);
});

test("whoever else asks gets nothing", async () => {
  const { port, token } = server;
  const events = `/${token}/events`;
  const wrong = `${token.slice(0, -1)}${token.endsWith("A") ? "B" : "A"}`;
  const rows: Record<string, string> = {
    "no token": request({ path: "/" }),
    "wrong token": request({ path: `/${wrong}/` }),
    "wrong token, events": request({ path: `/${wrong}/events` }),
    "part of the token": request({ path: `/${token.slice(0, 21)}/` }),
    "token in other case": request({
      path: `/${token.toUpperCase() === token ? token.toLowerCase() : token.toUpperCase()}/`,
    }),
    "no slash": request({ path: `/${token}` }),
    "another path": request({ path: `/${token}/page.html` }),
    "behind the path": request({ path: `/${token}/events/` }),
    traversal: request({ path: `/${token}/../${token}/` }),
    "traversal, encoded": request({ path: `/${token}/%2e%2e/${token}/` }),
    "traversal to a file": request({ path: `/${token}/../../../../etc/passwd` }),
    "token, encoded": request({ path: `/%${token.charCodeAt(0).toString(16)}${token.slice(1)}/` }),
    "two slashes": request({ path: `//${token}/` }),
    "token in a query": request({ path: `/?${token}` }),
    "very long path": request({ path: `/${"a".repeat(4000)}` }),
    "very long query": request({ path: `${events}?follow=${"1,".repeat(2000)}` }),
    "absolute form": request({ path: `http://127.0.0.1:${port}/${token}/` }),
    "absolute form without a scheme": request({ path: `//127.0.0.1:${port}/${token}/` }),
    "absolute form of another": request({ path: `http://evil.example/${token}/` }),
    "no host": request({ host: null }),
    "no host, HTTP/1.0": request({ host: null, version: "1.0" }),
    "empty host": request({ host: "" }),
    "rebinding name": request({ host: `evil.example:${port}` }),
    "rebinding name, events": request({ host: `evil.example:${port}`, path: events }),
    "rebinding name that looks alike": request({ host: `127.0.0.1.evil.example:${port}` }),
    "name with a dot": request({ host: `localhost.:${port}` }),
    "another loopback address": request({ host: `127.0.0.2:${port}` }),
    "address as a number": request({ host: `2130706433:${port}` }),
    "any address": request({ host: `0.0.0.0:${port}` }),
    "host without port": request({ host: "127.0.0.1" }),
    "host with another port": request({ host: `127.0.0.1:${port === 1 ? 2 : port - 1}` }),
    "host in capitals": request({ host: `LOCALHOST:${port}` }),
    "a name below localhost": request({ host: `x.localhost:${port}` }),
    "a name with the address in it": request({ host: `127.0.0.1.nip.example:${port}` }),
    "IPv6, mapped": request({ host: `[::ffff:127.0.0.1]:${port}` }),
    "IPv6, in full": request({ host: `[0:0:0:0:0:0:0:1]:${port}` }),
    "IPv6 with a zone": request({ host: `[::1%25lo]:${port}` }),
    "IPv6 without brackets": request({ host: `::1:${port}` }),
    "address in octal": request({ host: `0177.0.0.1:${port}` }),
    "address, short": request({ host: `127.1:${port}` }),
    "port with a zero": request({ host: `127.0.0.1:0${port}` }),
    "two names in one host": request({ host: `127.0.0.1:${port}, evil.example` }),
    "the same host twice": request({ more: [`Host: 127.0.0.1:${port}`] }),
    "two origins": request({ more: [`Origin: http://127.0.0.1:${port}`, "Origin: http://evil.example"] }),
    "origin in capitals": request({ more: [`Origin: HTTP://127.0.0.1:${port}`] }),
    "more than the token": request({ path: `/${token}A/` }),
    "a fragment": request({ path: `/${token}/#x` }),
    "another method by a header": request({ method: "POST", more: ["X-HTTP-Method-Override: GET"] }),
    "OPTIONS *": request({ method: "OPTIONS", path: "*" }),
    "host with a user": request({ host: `x@127.0.0.1:${port}` }),
    "two hosts": request({ more: ["Host: evil.example"] }),
    "two hosts, ours last": request({ host: "evil.example", more: [`Host: 127.0.0.1:${port}`] }),
    "forwarded host": request({ host: "evil.example", more: [`X-Forwarded-Host: 127.0.0.1:${port}`] }),
    "another origin": request({ more: ["Origin: http://evil.example"] }),
    "another origin, events": request({ path: events, more: ["Origin: http://evil.example"] }),
    "another port's origin": request({ more: ["Origin: http://127.0.0.1:1"] }),
    "another of our names as origin": request({ more: [`Origin: http://localhost:${port}`] }),
    "https origin": request({ more: [`Origin: https://127.0.0.1:${port}`] }),
    "null origin": request({ more: ["Origin: null"] }),
    "another site": request({ more: ["Sec-Fetch-Site: cross-site"] }),
    "another site's page, events": request({ path: events, more: ["Sec-Fetch-Site: cross-site"] }),
    "same site, another port": request({ more: ["Sec-Fetch-Site: same-site"] }),
    "two sites": request({ more: ["Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site"] }),
    "as a frame": request({ more: ["Sec-Fetch-Dest: iframe"] }),
    "as a script": request({ path: events, more: ["Sec-Fetch-Dest: script"] }),
    HEAD: request({ method: "HEAD" }),
    POST: request({ method: "POST", more: ["Content-Length: 0"] }),
    OPTIONS: request({
      method: "OPTIONS",
      more: ["Origin: http://evil.example", "Access-Control-Request-Method: GET"],
    }),
    TRACE: request({ method: "TRACE" }),
    DELETE: request({ method: "DELETE" }),
    "expects to go on": request({ more: ["Expect: 100-continue"] }),
  };
  for (const [name, text] of Object.entries(rows)) assert.equal(await raw(port, text), NOTHING, name);
});

test("what is no request that a browser would make is cut off without a word", async () => {
  const { port, token } = server;
  const rows: Record<string, string> = {
    CONNECT: `CONNECT 127.0.0.1:${port} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`,
    "an upgrade": request({ more: ["Upgrade: websocket", "Sec-WebSocket-Key: x"] }).replace(
      "Connection: close",
      "Connection: Upgrade",
    ),
    "HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    TLS: "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
    "HTTP/0.9": `GET /${token}/\r\n\r\n`,
    "headers too large": request({ more: [`X: ${"a".repeat(9000)}`] }),
    "a path that is too large": request({ path: `/${"a".repeat(9000)}` }),
    "a line that is no header": request({ more: ["nonsense"] }),
    "a space before the colon": request({ more: ["Host : evil.example"] }),
    "two lengths": request({ method: "POST", more: ["Content-Length: 1", "Transfer-Encoding: chunked"] }),
    "control characters": request({ path: "/\x01\x02" }),
    "a backslash": request({ path: `\\${token}\\` }),
    nonsense: "\0\0\0\0\r\n\r\n",
  };
  for (const [name, text] of Object.entries(rows)) {
    const answer = await raw(port, text);
    assert.ok(answer === "" || answer === NOTHING, `${name}: ${answer.slice(0, 80)}`);
  }
  using reader = await Reader.open(server.url);
  assert.equal((await reader.hello).mode, "live", "and the server is none the worse for it");
});

test("it listens on 127.0.0.1 only", async () => {
  const others = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .map(({ address, scopeid, family }) => (family === "IPv6" && scopeid ? undefined : address))
    .filter((address) => address !== undefined && address !== "127.0.0.1");
  for (const host of [...others, "127.0.0.2"] as string[]) {
    const code = await new Promise<string | undefined>((resolve) => {
      const socket = connect({ host, port: server.port });
      socket.on("connect", () => {
        socket.destroy();
        resolve("connected");
      });
      socket.on("error", ({ code }: NodeJS.ErrnoException) => resolve(code));
    });
    assert.notEqual(code, "connected", host);
  }
});

/** A connection that says so much, and no more. */
async function dial(port: number, says: string): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write(says);
  return socket.resume();
}

test("who holds connections open without the token keeps nobody out: the oldest of them give way", async () => {
  await using other = await serve();
  using reader = await Reader.open(other.url);
  await reader.hello;
  const open = new Set<Socket>();
  try {
    for (let index = 0; index < 200; index++) {
      // Nothing, a part of a request, or headers that never end.
      const says = ["", "GET / HT", `GET /${other.token}/ HTTP/1.1\r\nHost: 127.0.0.1:${other.port}\r\nX: `];
      const socket = await dial(other.port, says[index % 3] ?? "");
      open.add(socket);
      socket.on("close", () => open.delete(socket));
    }
    const path = `/${other.token}/`;
    const answer = await raw(other.port, request({ path, host: `127.0.0.1:${other.port}` }));
    assert.match(answer, /^HTTP\/1\.1 200 /);
    while (open.size > 24) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(reader.response.closed, false, "who looks on is none of them");
    using second = await Reader.open(other.url);
    await second.hello;
  } finally {
    for (const socket of open) socket.destroy();
  }
});

test("a request that never ends is cut off", async () => {
  await using other = await serve();
  const socket = await dial(other.port, `GET /${other.token}/ HTTP/1.1\r\nHost: 127.0.0.1:${other.port}\r\n`);
  const drip = setInterval(() => socket.write("X: y\r\n"), 100);
  await once(socket, "close");
  clearInterval(drip);
});

test("of requests in one piece each is judged by itself, and a refusal is the last word", async () => {
  const { port, token } = server;
  const good = `GET /${token}/ HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
  const bad = `GET /${token}/ HTTP/1.1\r\nHost: evil.example:${port}\r\n\r\n`;
  const chunked = bad.replace("\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  const statuses = async (text: string): Promise<string[]> =>
    (await raw(port, text)).match(/HTTP\/1\.1 \d+/g)?.map((line) => line.slice(9)) ?? [];
  assert.deepEqual(await statuses(good + good + bad + good), ["200", "200", "404"]);
  assert.deepEqual(await statuses(bad + good), ["404"]);
  assert.deepEqual(await statuses(chunked + good), ["404"], "nor is one hidden in another's body");
});

test("at most eight look on at once", async () => {
  const other = await serve();
  const readers: Reader[] = [];
  try {
    for (let index = 0; index < 9; index++) readers.push(await Reader.open(other.url));
    assert.deepEqual(
      readers.map(({ response }) => response.statusCode),
      [...new Array(8).fill(200), 503],
    );
    readers[0]?.[Symbol.dispose]();
    while (other.pages === 8) await new Promise((resolve) => setImmediate(resolve));
    using again = await Reader.open(other.url);
    assert.equal(again.response.statusCode, 200);
  } finally {
    for (const reader of readers) reader[Symbol.dispose]();
    await other.close();
  }
});
