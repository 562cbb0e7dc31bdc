/** A connection over TCP or TLS that carries all queries to a server that are under way at the same time: RFC 7766 §6.2. */
import { EndOfStreamError, watchWait } from "../socket/index.ts";
import { type Answer, type Exchange, readAnswer } from "./_answer.ts";
import { mismatch } from "./_message.ts";

/** Bytes in order, each way. A call that waits when it is closed rejects. */
export interface Channel {
  writeAll(bytes: Uint8Array): Promise<void>;
  readExact(buffer: Uint8Array): Promise<void>;
  close(): void;
}

/** The server ended the connection after it had answered others: what is left may be asked again over another one. */
class EndedEarlyError extends Error {}

function isClosed(error: unknown): boolean {
  if (error instanceof EndOfStreamError) return true;
  return ["EPIPE", "ECONNRESET"].includes((error as NodeJS.ErrnoException | undefined)?.code ?? "");
}

/** Who waits for an answer. */
interface Waiting {
  readonly what: Exchange;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** One connection, from its first query to its last answer. */
class Pipe {
  /** By the id of the query. */
  readonly #waiting = new Map<number, Waiting>();
  readonly #controller = new AbortController();
  #channel: Channel | undefined;
  #answered = 0;
  #ended = false;

  get ended(): boolean {
    return this.#ended;
  }

  /** Connects, and reads until nobody waits any more. */
  async run(connect: (signal: AbortSignal) => Promise<Channel>): Promise<void> {
    try {
      this.#channel = await connect(this.#controller.signal);
      if (this.#ended) return this.#channel.close();
      for (const { what } of this.#waiting.values()) this.#send(what.query.bytes);
      while (this.#waiting.size > 0) this.#hand(await this.#read(this.#channel));
      this.#end(undefined);
    } catch (error) {
      this.#end(error);
    }
  }

  ask(what: Exchange): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const id = this.#freeId(what.query.bytes);
      const leave = (): void => {
        this.#waiting.delete(id);
        unwatch?.();
      };
      const unwatch = watchWait(
        what.deadline.left,
        "recv",
        () => undefined,
        (reason) => {
          leave();
          reject(reason);
          if (this.#waiting.size === 0) this.#end(undefined);
        },
      );
      this.#waiting.set(id, {
        what,
        resolve: (answer) => {
          leave();
          resolve(answer);
        },
        reject: (error) => {
          leave();
          reject(error);
        },
      });
      if (this.#channel !== undefined) this.#send(what.query.bytes);
    });
  }

  /** The id of a query, which is another one from now on where a query that is under way has the same. */
  #freeId(query: Uint8Array): number {
    const view = new DataView(query.buffer, query.byteOffset);
    let id = view.getUint16(0);
    while (this.#waiting.has(id)) id = crypto.getRandomValues(new Uint16Array(1))[0] as number;
    view.setUint16(0, id);
    return id;
  }

  /** RFC 1035 §4.2.2: each message is preceded by its length; RFC 7766 §8: in the same segment. */
  #send(query: Uint8Array): void {
    const framed = new Uint8Array(2 + query.length);
    framed.set([query.length >> 8, query.length & 0xff]);
    framed.set(query, 2);
    // Where the server has closed the connection, what it had said before is still to be read.
    this.#channel?.writeAll(framed).catch((error) => isClosed(error) || this.#end(error));
  }

  async #read(channel: Channel): Promise<Uint8Array> {
    const head = new Uint8Array(2);
    await channel.readExact(head);
    const message = new Uint8Array(((head[0] as number) << 8) | (head[1] as number));
    if (message.length > 0) await channel.readExact(message);
    return message;
  }

  /** Gives a message to whoever waits for it, in whatever order they come (RFC 7766 §7). */
  #hand(message: Uint8Array): void {
    const id = message.length < 2 ? -1 : ((message[0] as number) << 8) | (message[1] as number);
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) {
      for (const { what } of this.#waiting.values()) what.onStray(mismatch(what.query, message, false) ?? "");
      return;
    }
    const answer = readAnswer(message, waiting.what);
    if (answer === undefined) return;
    this.#answered++;
    waiting.resolve(answer);
  }

  #end(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#channel?.close();
    this.#controller.abort();
    // dnsmasq takes 100 queries on a connection, others one; those that it has not read make the kernel reset it.
    const early = this.#answered > 0 && isClosed(error);
    for (const { reject } of this.#waiting.values()) reject(early ? new EndedEarlyError() : error);
  }
}

/** The way to one server over TCP or TLS: a connection while there are queries, and none else. */
export class Link {
  readonly #connect: (signal: AbortSignal) => Promise<Channel>;
  #pipe: Pipe | undefined;

  constructor(connect: (signal: AbortSignal) => Promise<Channel>) {
    this.#connect = connect;
  }

  /** @throws what connecting or the connection throws */
  async ask(what: Exchange): Promise<Answer> {
    for (;;) {
      const running = this.#pipe !== undefined && !this.#pipe.ended ? this.#pipe : undefined;
      const pipe = running ?? new Pipe();
      this.#pipe = pipe;
      const answer = pipe.ask(what);
      if (running === undefined) void pipe.run(this.#connect);
      try {
        return await answer;
      } catch (error) {
        if (!(error instanceof EndedEarlyError)) throw error;
      }
    }
  }
}
