/** Who may have the page: the right token, asked for by the page itself or by a person, under a name of this machine. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";

/** 128 bits, as 22 characters. */
export function newToken(): string {
  return randomBytes(16).toString("base64url");
}

export type Asked = { readonly what: "page" } | { readonly what: "events"; readonly query: URLSearchParams };

/** No request of the page is longer. */
const MAX_URL_LENGTH = 512;

export class Gate {
  readonly #page: Buffer;
  readonly #events: Buffer;
  readonly #hosts: ReadonlySet<string>;

  constructor(token: string, port: number) {
    this.#page = digest(`/${token}/`);
    this.#events = digest(`/${token}/events`);
    const names = ["127.0.0.1", "localhost", "[::1]"];
    this.#hosts = new Set(
      names.flatMap((name) => (port === 80 ? [name, `${name}:80`] : [`${name}:${port}`])),
    );
  }

  /** What a request asks for; `undefined` for who is to get nothing, whatever the reason. */
  admit(request: IncomingMessage): Asked | undefined {
    const { method, url = "", headers } = request;
    if (method !== "GET" || url.length > MAX_URL_LENGTH) return undefined;
    if (!this.#isFromHere(request)) return undefined;
    const [path = "", query = ""] = url.split("?", 2);
    // Both are compared whatever comes of the first, and by their digests: how long that takes tells nothing of the token.
    const asked = digest(path);
    const isPage = timingSafeEqual(asked, this.#page);
    const isEvents = timingSafeEqual(asked, this.#events);
    const purpose = headers["sec-fetch-dest"] ?? "";
    if (isPage && ["", "document"].includes(one(purpose))) return { what: "page" };
    if (isEvents && ["", "empty"].includes(one(purpose))) {
      return { what: "events", query: new URLSearchParams(query) };
    }
    return undefined;
  }

  /**
   * Another site's page can make a browser ask us, under a name of its own that leads to 127.0.0.1, or under ours: the first has
   * another Host, the second another origin.
   */
  #isFromHere({ rawHeaders, headers }: IncomingMessage): boolean {
    const hosts = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === "host");
    const { host = "", origin } = headers;
    if (hosts.length !== 1 || !this.#hosts.has(host)) return false;
    if (origin !== undefined && origin !== `http://${host}`) return false;
    return ["", "same-origin", "none"].includes(one(headers["sec-fetch-site"] ?? ""));
  }
}

function one(header: string | string[]): string {
  return typeof header === "string" ? header : header.join();
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
