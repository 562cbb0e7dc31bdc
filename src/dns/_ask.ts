/** One question to all servers: who is asked when, and what counts as an answer. */
import { EndOfStreamError, SysError, TimeoutError } from "../socket/index.ts";
import type { Answer } from "./_answer.ts";
import { type Codec, loadCodec } from "./_codec.ts";
import { exchange, TruncatedError } from "./_exchange.ts";
import { encodeQuery, followAliases } from "./_message.ts";
import type { DnsTransport, Server } from "./_server.ts";
import { Deadline } from "./_wait.ts";
import { DnsError, type DnsTry } from "./dns_error.ts";
import { type DnsRecord, type DnsRecordType, typeName, typeNumber } from "./records.ts";
import type { DnsResponse } from "./response.ts";

/** How the servers are asked. */
export interface AskSettings {
  readonly servers: readonly Server[];
  /** How long each server has for one answer, over each transport. */
  readonly timeoutMs: number;
  /** How many times all servers are gone through. */
  readonly attempts: number;
  /** Which server is the first, counted from the first of the list. */
  readonly first: number;
  readonly ednsBytes: number;
  readonly randomizeCase: boolean;
  readonly trustAd: boolean;
}

/** How servers answer that do not know EDNS, RFC 6891 §7. */
const NO_EDNS = ["FORMERR", "NOTIMP", "BADVERS"];
/** Codes that the same server will not take back a moment later. */
const FINAL = ["FORMERR", "NOTIMP", "REFUSED", "BADVERS"];
/** Errors that are this process's or this host's, whatever server is asked. */
const OUR_OWN = ["EMFILE", "ENFILE", "ENOMEM", "ENOBUFS"];

/**
 * Asks one server after the other until one answers with records, with the lack of them, or with NXDOMAIN.
 * @param name one that `nameFault` finds nothing wrong with, without its last dot
 * @throws {DnsError} where none does
 * @throws {SysError} where this process has no files or memory left
 * @throws the signal's reason
 */
export async function ask<T extends DnsRecordType>(
  name: string,
  type: T,
  settings: AskSettings,
  signal: AbortSignal,
): Promise<DnsResponse<T>> {
  const codec = await loadCodec();
  const asking = new Asking(codec, name, type, settings, signal);
  const { servers, first } = settings;
  const left = servers.map((_, i) => servers[(first + i) % servers.length] as Server);
  for (let round = 0; round < settings.attempts; round++) {
    for (const server of [...left]) {
      const response = await asking.server(server);
      if (response === undefined) continue;
      if (response.rcode === "NOERROR") return response;
      asking.failed = response;
      if (response.rcode === "NXDOMAIN") throw asking.error();
      if (FINAL.includes(response.rcode)) left.splice(left.indexOf(server), 1);
    }
  }
  throw asking.error();
}

/** The course of one question. */
class Asking<T extends DnsRecordType> {
  /** The last answer that does not help. */
  failed: DnsResponse<T> | undefined;
  readonly #tries: DnsTry[] = [];
  readonly #codec: Codec;
  readonly #name: string;
  readonly #type: T;
  readonly #settings: AskSettings;
  readonly #signal: AbortSignal;

  constructor(codec: Codec, name: string, type: T, settings: AskSettings, signal: AbortSignal) {
    this.#codec = codec;
    this.#name = name;
    this.#type = type;
    this.#settings = settings;
    this.#signal = signal;
  }

  error(): DnsError {
    const details = { response: this.failed, tries: this.#tries };
    return new DnsError(this.failed?.rcode ?? "UNANSWERED", this.#name, this.#type, details);
  }

  /** @returns the answer, whatever its code, or `undefined` where none came */
  async server(server: Server): Promise<DnsResponse<T> | undefined> {
    const { ednsBytes } = this.#settings;
    const response = await this.#try(server, server.transport, ednsBytes);
    if (response === undefined || ednsBytes === 0 || !NO_EDNS.includes(response.rcode)) return response;
    return (await this.#try(server, server.transport, 0)) ?? response;
  }

  /** @param truncatedAt when the query over UDP began whose answer did not fit */
  async #try(
    server: Server,
    transport: DnsTransport,
    ednsBytes: number,
    truncatedAt?: number,
  ): Promise<DnsResponse<T> | undefined> {
    const { timeoutMs, randomizeCase, trustAd } = this.#settings;
    const query = encodeQuery(this.#codec, {
      id: crypto.getRandomValues(new Uint16Array(1))[0] as number,
      name: randomizeCase ? inRandomCase(this.#name) : this.#name,
      type: typeNumber(this.#type),
      ednsBytes,
      trustAd,
      padded: transport === "tls",
    });
    const strays = { count: 0, first: "" };
    const leave = transport === "udp" ? await server.bursts.enter(this.#signal) : undefined;
    const startedAt = truncatedAt ?? performance.now();
    const elapsed = (): number => performance.now() - startedAt;
    try {
      const answer = await exchange(server, transport, {
        codec: this.#codec,
        query,
        exactCase: randomizeCase,
        deadline: new Deadline(this.#signal, timeoutMs),
        onStray: (reason) => {
          if (strays.count++ === 0) strays.first = reason;
        },
      });
      return this.#response(server, transport, answer, elapsed());
    } catch (error) {
      if (this.#signal.aborted) throw this.#signal.reason;
      if (error instanceof TruncatedError) return this.#try(server, "tcp", ednsBytes, startedAt);
      if (!isExpected(error)) throw error;
      const also = truncatedAt === undefined ? "" : " (the answer over UDP is truncated)";
      const reason = this.#reason(error, strays) + also;
      this.#tries.push({ server: server.address, transport, reason, durationMs: elapsed(), error });
      return undefined;
    } finally {
      leave?.();
    }
  }

  #response(server: Server, transport: DnsTransport, answer: Answer, durationMs: number): DnsResponse<T> {
    const { message, bytes } = answer;
    const { trustAd } = this.#settings;
    const response: DnsResponse<T> = {
      name: this.#name,
      type: this.#type,
      ...message,
      // RFC 6840 §5.7, resolv.conf(5) "trust-ad": an AD bit is as good as the way to the server.
      flags: { ...message.flags, authenticData: message.flags.authenticData && trustAd },
      records: recordsOf(message.answers, this.#name, this.#type),
      server: server.address,
      transport,
      durationMs,
      sizeBytes: bytes.length,
    };
    if (response.rcode !== "NOERROR" && response.rcode !== "NXDOMAIN") {
      this.#tries.push({ server: server.address, transport, reason: response.rcode, durationMs });
    }
    return response;
  }

  #reason(error: Error, strays: { readonly count: number; readonly first: string }): string {
    const { timeoutMs } = this.#settings;
    const what =
      error instanceof TimeoutError
        ? `no answer within ${timeoutMs} ms`
        : error instanceof EndOfStreamError
          ? "it closed the connection without an answer"
          : error.message;
    if (strays.count === 0) return what;
    return `${what}, but ${strays.count} that did not belong to the query (${strays.first})`;
  }
}

function recordsOf<T extends DnsRecordType>(
  answers: readonly DnsRecord[],
  name: string,
  type: T,
): readonly DnsRecord<T>[] {
  if (type === "ANY") return answers as readonly DnsRecord<T>[];
  const { records } = followAliases(answers, name, typeName(typeNumber(type))); // TYPE1 is A
  return records as readonly DnsRecord<T>[];
}

/** What the network or a server can do to us; the rest is a mistake of the program, or the host's. */
function isExpected(error: unknown): error is Error {
  if (error instanceof SysError) return !OUR_OWN.includes(error.code);
  if (error instanceof TimeoutError || error instanceof EndOfStreamError) return true;
  // What node:tls reports: OpenSSL's errors, those of certificates, and ECONNRESET, all with a code.
  if (error instanceof TypeError || error instanceof RangeError) return false;
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).code === "string";
}

/** Draft "Use of Bit 0x20 in DNS Labels": what a forger has to guess as well. */
function inRandomCase(name: string): string {
  const bits = crypto.getRandomValues(new Uint8Array(name.length));
  return name.replace(/[a-z]/gi, (letter, at: number) =>
    (bits[at] as number) & 1 ? letter.toUpperCase() : letter.toLowerCase(),
  );
}
