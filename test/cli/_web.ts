/** A server of the page's kind with a page of one line, requests byte by byte, and readers of its events. */
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { WebServer, type WebServerOptions } from "../../src/cli/web/server.ts";
import type { Batch, Hello, TableUpdate } from "../../src/viewer/index.ts";

export const PAGE = "<!doctype html><style>p{color:red}</style><p>page</p><script>1</script>";

export function serve(options: Partial<WebServerOptions> = {}): Promise<WebServer> {
  return WebServer.open({ page: PAGE, mode: "live", ...options });
}

/** What comes back for these bytes, until the other side ends; "" where it says nothing. */
export async function raw(port: number, request: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {}); // a reset is an answer too
  let answer = "";
  socket.setEncoding("latin1").on("data", (text: string) => {
    answer += text;
  });
  socket.write(request);
  if (!/connection: keep-alive/i.test(request)) socket.end();
  await once(socket, "close");
  return answer;
}

/** A reader of events. */
export class Reader implements Disposable {
  readonly events: { readonly name: string; readonly data: unknown; readonly id: string }[] = [];
  readonly response: IncomingMessage;
  readonly ended: Promise<void>;
  comments = 0;
  #text = "";
  #wake: () => void = () => {};

  private constructor(response: IncomingMessage) {
    this.response = response;
    response.setEncoding("utf8");
    response.on("data", (text: string) => this.#take(text));
    response.on("error", () => {});
    this.ended = new Promise((resolve) => response.on("close", () => resolve()));
    void this.ended.then(() => this.#wake());
  }

  static async open(url: string, query = "", headers: Record<string, string> = {}): Promise<Reader> {
    const request = get(`${url}events${query}`, { headers, agent: false });
    const [response] = (await once(request, "response")) as [IncomingMessage];
    request.on("error", () => {});
    return new Reader(response);
  }

  #take(text: string): void {
    this.#text += text;
    for (let end = this.#text.indexOf("\n\n"); end >= 0; end = this.#text.indexOf("\n\n")) {
      const lines = this.#text.slice(0, end).split("\n");
      this.#text = this.#text.slice(end + 2);
      const field = (name: string): string =>
        lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? "";
      if (lines[0]?.startsWith(":")) this.comments++;
      else this.events.push({ name: field("event"), data: JSON.parse(field("data")), id: field("id") });
    }
    this.#wake();
  }

  /** The first event that fits, of those that have come or will. */
  async until<T>(find: (reader: this) => T | undefined): Promise<T> {
    for (;;) {
      const found = find(this);
      if (found !== undefined) return found;
      if (this.response.closed)
        throw new Error(`ended after ${this.events.map(({ name }) => name).join(" ")}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  of<T>(name: string): T[] {
    return this.events.filter((event) => event.name === name).map(({ data }) => data as T);
  }

  get hello(): Promise<Hello> {
    return this.until((reader) => reader.of<Hello>("hello")[0]);
  }

  get batches(): Batch[] {
    return this.of<Batch>("samples");
  }

  get tables(): TableUpdate[] {
    return this.of<TableUpdate>("table");
  }

  /** The moments of all samples that it was told. */
  get moments(): number[] {
    return this.batches.flatMap(({ elapsedMs }) => elapsedMs);
  }

  [Symbol.dispose](): void {
    this.response.destroy();
  }
}

/** A client that asks and does not read. */
export async function deaf(port: number, path: string): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1" });
  await once(socket, "connect");
  socket.pause();
  socket.on("error", () => {});
  socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  return socket;
}

/** Does something again and again until what is awaited has come. */
export async function untilCome<T>(wanted: Promise<T>, again: () => void): Promise<T> {
  const state = { come: false };
  const come = (): void => {
    state.come = true;
  };
  wanted.then(come, come);
  while (!state.come) {
    again();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return wanted;
}
