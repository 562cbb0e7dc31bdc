/** The server of `windsock watch --web`: one page, and the samples for it, on loopback and for who has the token. */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { History, QUANTITIES, type Sample, WAIT_REASONS, WAIT_TEXTS } from "../../observe/index.ts";
import type { Caption, Hello, TableUpdate } from "../../viewer/index.ts";
import { Follow, thinned } from "./batch.ts";
import { Gate, newToken } from "./gate.ts";
import { WebStream } from "./stream.ts";
import { WebTable } from "./table.ts";

export interface WebServerOptions {
  /** The whole page, with its one script and its one style within. */
  readonly page: string;
  readonly mode: Hello["mode"];
  /** 0, any that is free, unless told. */
  readonly port?: number | undefined;
  /** A new one unless told. */
  readonly token?: string | undefined;
  /** What to look at, at this moment. */
  readonly caption?: (() => string) | undefined;
}

const HEARTBEAT_MS = 5000;
const MAX_STREAMS = 8;
/** Connections that have not shown the token: when there are more, the oldest of them gives way, so that nobody is kept out. */
const MAX_STRANGERS = 24;
const MAX_HEADER_BYTES = 8192;
const MAX_CAPTIONS = 200;
/** How many samples of the past a page is told. */
const MAX_PAST = 4000;
/** How often the table is told, and how often a large one. */
const TABLE_MS = 250;
const LARGE_TABLE_MS = 1000;
const LARGE_TABLE = 1000;

export class WebServer implements AsyncDisposable {
  readonly url: string;
  readonly token: string;
  readonly port: number;
  /** Resolved when the first page looks on. */
  readonly firstPage: Promise<void>;
  readonly #server: Server;
  readonly #gate: Gate;
  readonly #options: WebServerOptions;
  readonly #boot = randomBytes(6).toString("base64url");
  readonly #history = new History();
  readonly #table = new WebTable();
  readonly #streams = new Set<WebStream>();
  /** The oldest first. */
  readonly #strangers = new Set<Socket>();
  readonly #captions: Caption[] = [];
  readonly #pageHeaders: Readonly<Record<string, string>>;
  readonly #heartbeat: NodeJS.Timeout;
  #seen: () => void = () => {};
  #tableAt = Number.NEGATIVE_INFINITY;
  #end: string | undefined;
  #closing: Promise<void> | undefined;

  private constructor(server: Server, options: WebServerOptions) {
    const { page, token = newToken() } = options;
    this.#server = server;
    this.#options = options;
    this.token = token;
    this.port = (server.address() as AddressInfo).port;
    this.url = `http://127.0.0.1:${this.port}/${token}/`;
    this.#gate = new Gate(token, this.port);
    this.#pageHeaders = { ...COMMON_HEADERS, "content-security-policy": policyOf(page) };
    this.firstPage = new Promise((resolve) => {
      this.#seen = resolve;
    });
    server.on("connection", (socket) => this.#onConnection(socket));
    server.on("request", (request, response) => this.#answer(request, response));
    this.#heartbeat = setInterval(() => {
      for (const stream of this.#streams) stream.beat();
    }, HEARTBEAT_MS);
  }

  /** Listens on 127.0.0.1. @throws what `node:net` says, as `EADDRINUSE` */
  static async open(options: WebServerOptions): Promise<WebServer> {
    const server = createServer({
      maxHeaderSize: MAX_HEADER_BYTES,
      requireHostHeader: false, // the gate refuses with the same nothing as for all else
      keepAliveTimeout: 5000,
      headersTimeout: 5000,
      requestTimeout: 5000,
      connectionsCheckingInterval: 1000,
    });
    server.maxHeadersCount = 100;
    server.maxRequestsPerSocket = 100;
    // Whatever is no plain request is cut off without a word.
    server.on("clientError", (_error, socket) => socket.destroy());
    server.on("connect", (_request, socket) => socket.destroy());
    server.on("upgrade", (_request, socket) => socket.destroy());
    server.on("checkContinue", (_request, response) => refuse(response));
    server.on("checkExpectation", (_request, response) => refuse(response));
    server.listen({ host: "127.0.0.1", port: options.port ?? 0, exclusive: true });
    await once(server, "listening");
    return new WebServer(server, options);
  }

  /** How many pages look on. */
  get pages(): number {
    return this.#streams.size;
  }

  /** How many of them have not taken yet what they were told. */
  get blocked(): number {
    return [...this.#streams].filter(({ blocked }) => blocked).length;
  }

  /** The most samples that wait for any page. */
  get pending(): number {
    return Math.max(0, ...[...this.#streams].map(({ pending }) => pending));
  }

  /** How many bytes wait for any page, beyond what the kernel has taken. */
  get bufferedBytes(): number {
    return Math.max(0, ...[...this.#streams].map(({ bufferedBytes }) => bufferedBytes));
  }

  #onConnection(socket: Socket): void {
    this.#strangers.add(socket);
    socket.on("close", () => this.#strangers.delete(socket));
    const [oldest] = this.#strangers;
    if (this.#strangers.size > MAX_STRANGERS) oldest?.destroy();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const asked = this.#gate.admit(request);
    if (asked === undefined) {
      refuse(response);
      return;
    }
    response.sendDate = false;
    if (asked.what === "page") {
      response.writeHead(200, this.#pageHeaders);
      response.end(this.#options.page);
    } else this.#stream(request, response, asked.query);
  }

  #stream(request: IncomingMessage, response: ServerResponse, query: URLSearchParams): void {
    if (this.#streams.size >= MAX_STREAMS) {
      response.writeHead(503, { ...COMMON_HEADERS, connection: "close", "content-length": "0" });
      response.end();
      return;
    }
    this.#strangers.delete(request.socket); // of those who look on there are few
    response.writeHead(200, STREAM_HEADERS);
    request.socket.setNoDelay(true);
    const follow = new Follow((query.get("follow") ?? "").split(",").filter((id) => /^\d{1,20}$/.test(id)));
    const stream = new WebStream(response, this.#boot, follow);
    const after = this.#lastSeen(request.headers["last-event-id"]);
    this.#begin(stream, after);
    this.#streams.add(stream);
    response.on("close", () => this.#streams.delete(stream));
    response.on("error", () => this.#streams.delete(stream));
    this.#seen();
  }

  /** The moment of the last sample that a page has had from this server. */
  #lastSeen(header: string | string[] | undefined): number | undefined {
    const [boot, elapsed] = String(header ?? "").split(":");
    const elapsedMs = Number(elapsed);
    return boot === this.#boot && elapsed && Number.isFinite(elapsedMs) ? elapsedMs : undefined;
  }

  #begin(stream: WebStream, after: number | undefined): void {
    const { samples, latest } = this.#history;
    const resumed = after !== undefined;
    const hello: Hello = {
      boot: this.#boot,
      mode: this.#options.mode,
      resumed,
      quantities: QUANTITIES,
      reasons: WAIT_REASONS,
      texts: WAIT_TEXTS,
    };
    stream.send("hello", hello);
    for (const caption of this.#captions) stream.send("caption", caption);
    if (latest !== undefined && this.#streams.size === 0) this.#table.update(latest);
    stream.table(undefined, this.#table.version, () => this.#table.whole());
    const past = resumed ? samples.filter(({ elapsedMs }) => elapsedMs > after) : samples;
    stream.begin(thinned(past, MAX_PAST), !resumed);
    if (this.#end !== undefined) stream.send("end", { text: this.#end });
  }

  /** Takes a sample, for the pages that look on and those that will. */
  push(sample: Sample): void {
    this.#history.add(sample);
    this.#table.note(sample);
    const text = this.#options.caption?.() ?? "";
    if (text !== (this.#captions.at(-1)?.text ?? "")) {
      const caption = { elapsedMs: sample.elapsedMs, text };
      this.#captions.push(caption);
      if (this.#captions.length > MAX_CAPTIONS) this.#captions.shift();
      for (const stream of this.#streams) stream.send("caption", caption);
    }
    for (const stream of this.#streams) stream.push(sample);
    this.#pushTable(sample, false);
  }

  #pushTable(sample: Sample, now: boolean): void {
    const period = sample.ends.length > LARGE_TABLE ? LARGE_TABLE_MS : TABLE_MS;
    if (this.#streams.size === 0 || (!now && performance.now() - this.#tableAt < period)) return;
    this.#tableAt = performance.now();
    const change: TableUpdate = this.#table.update(sample);
    for (const stream of this.#streams) {
      stream.table(change, this.#table.version, () => this.#table.whole());
    }
  }

  /** No more samples will come; what there is can still be looked at. */
  end(text: string): void {
    this.#end = text;
    const { latest } = this.#history;
    if (latest !== undefined) this.#pushTable(latest, true);
    for (const stream of this.#streams) {
      stream.flush();
      stream.send("end", { text });
    }
  }

  /** Ends the server, and tells its pages why; without a text they are cut off, as where the process is killed. */
  close(text?: string): Promise<void> {
    this.#closing ??= this.#close(text);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(text: string | undefined): Promise<void> {
    clearInterval(this.#heartbeat);
    const closed = once(this.#server, "close");
    this.#server.close();
    if (text !== undefined) {
      for (const stream of this.#streams) {
        stream.flush();
        stream.send("bye", { text });
        stream.end();
      }
      // Who does not take it does not hold us.
      const timer = setTimeout(() => this.#server.closeAllConnections(), 500);
      this.#server.closeIdleConnections();
      await closed;
      clearTimeout(timer);
    } else {
      this.#server.closeAllConnections();
      await closed;
    }
  }
}

const COMMON_HEADERS = {
  "cache-control": "no-store",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "content-type": "text/html; charset=utf-8",
} as const;

const STREAM_HEADERS = { ...COMMON_HEADERS, "content-type": "text/event-stream; charset=utf-8" } as const;

/** Nothing, and the same nothing for whatever reason. */
function refuse(response: ServerResponse): void {
  response.sendDate = false;
  response.writeHead(404, { connection: "close", "content-length": "0" });
  response.end();
}

/** The page may run its own script and style, and ask this server; nothing else. */
function policyOf(page: string): string {
  const hashOf = (element: string): string => {
    const [, text = ""] = new RegExp(`<${element}>([\\s\\S]*?)</${element}>`).exec(page) ?? [];
    return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  };
  return [
    "default-src 'none'",
    `script-src ${hashOf("script")}`,
    `style-src ${hashOf("style")}`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");
}
