/** DnsError: a query that no server answered, or that was answered with an error. */
import type { SocketAddr } from "../ip/index.ts";
import type { DnsTransport } from "./_server.ts";
import type { DnsResponse } from "./response.ts";

/** One server that was asked in vain. */
export interface DnsTry {
  readonly server: SocketAddr;
  readonly transport: DnsTransport;
  /** What came of it, for people: `"SERVFAIL"`, `"no answer within 5000 ms"`, a system error. */
  readonly reason: string;
  readonly durationMs: number;
  /** What was thrown, where it was an error of ours or the system's. */
  readonly error?: Error;
}

/**
 * A query failed. `code` is the response code of the server that counts, such as `"NXDOMAIN"` or `"SERVFAIL"`, or
 * `"UNANSWERED"` where no server gave any answer; `message` names the servers and what each did.
 * @see https://www.iana.org/assignments/dns-parameters (DNS RCODEs)
 */
export class DnsError extends Error {
  override readonly name = "DnsError";
  readonly code: string;
  /** What was asked for. */
  readonly host: string;
  readonly type: string;
  /** The answer that bears the code, where there is one. */
  declare readonly response: DnsResponse | undefined;
  /** The servers that were asked in vain, in order. */
  declare readonly tries: readonly DnsTry[];
  /** Who failed and why, without the question. */
  declare readonly account: string;

  constructor(
    code: string,
    host: string,
    type: string,
    details: { readonly response: DnsResponse | undefined; readonly tries: readonly DnsTry[] },
  ) {
    const account = accountOf(code, details.response, details.tries);
    super(`query ${host} ${type}: ${account}`);
    this.code = code;
    this.host = host;
    this.type = type;
    // Out of the way when the error is printed: the message says it.
    for (const [key, value] of Object.entries({ ...details, account })) {
      Object.defineProperty(this, key, { value, enumerable: false });
    }
  }
}

const MEANING: Readonly<Record<string, string>> = {
  FORMERR: "the server did not understand the query",
  SERVFAIL: "the server failed",
  NXDOMAIN: "there is no such name",
  NOTIMP: "the server does not do this kind of query",
  REFUSED: "the server refuses to answer",
};

function accountOf(code: string, response: DnsResponse | undefined, tries: readonly DnsTry[]): string {
  if (response !== undefined) {
    const meaning = MEANING[code] === undefined ? "" : ` (${MEANING[code]})`;
    const why = response.extendedErrors.map(({ code, text }) => `; ${text || `extended error ${code}`}`);
    return `${response.server} says ${code}${meaning}${why.join("")}`;
  }
  if (tries.length === 0) return "there is no server to ask";
  const seen = new Map<string, number>();
  for (const { server, transport, reason } of tries) {
    const line = `${server} over ${transport.toUpperCase()}: ${reason}`;
    seen.set(line, (seen.get(line) ?? 0) + 1);
  }
  const lines = [...seen].map(([line, count]) => (count === 1 ? line : `${line} (${count} times)`));
  return `no server answered: ${lines.join("; ")}`;
}
