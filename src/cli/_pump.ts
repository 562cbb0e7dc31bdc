/** Bytes between standard input, a stream and standard output, as netcat moves them. */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { SysError, type TcpStream, TimeoutError, type UnixStream } from "../socket/index.ts";
import { input } from "./_input.ts";

const CHUNK = 64 * 1024;
const NEWLINE = 0x0a;
/** After the peer's end, how long a pipe on standard input may be silent before it counts as having nothing to say. */
const SILENCE_MS = 1000;
/** How often, at least, it is looked whether anything has moved. */
const LONGEST_LOOK_MS = 60_000;

/** What the bytes go to and come from. */
export type StreamPeer = TcpStream | UnixStream;

export interface PumpOptions {
  /** Ends with a TimeoutError when nothing has moved for so long. */
  readonly idleMs?: number | undefined;
  /** After the peer's end, end as soon as standard input is silent, though it is open: for a listener, as `nc -l` does. */
  readonly endWithPeer: boolean;
}

/** One peer's time with standard input and output. */
class Pump {
  readonly #stream: StreamPeer;
  readonly #stop = new AbortController();
  /** Since when standard input has been waited for; `undefined` while its bytes are being sent. */
  #waitingSince: number | undefined;
  #lastByte = NEWLINE;

  constructor(stream: StreamPeer) {
    this.#stream = stream;
  }

  async run(options: PumpOptions): Promise<void> {
    const sending = this.#send();
    sending.catch(() => {}); // met below, or moot
    const { idleMs } = options;
    try {
      const work = this.#work(sending, options.endWithPeer);
      await (idleMs === undefined ? work : Promise.race([work, this.#idle(idleMs)]));
    } finally {
      this.#stop.abort();
      await sending.catch(() => {}); // what it has not sent is given back by then
      process.stdin.pause();
      if (process.stdout.isTTY && this.#lastByte !== NEWLINE) process.stdout.write("\n"); // what follows has its own line
    }
  }

  async #work(sending: Promise<void>, endWithPeer: boolean): Promise<void> {
    await this.#receive();
    if (process.stdin.isTTY)
      await Promise.race([sending, Promise.resolve()]); // tells if sending has failed
    else await (endWithPeer ? Promise.race([sending, this.#silence()]) : sending);
  }

  async #send(): Promise<void> {
    const stream = this.#stream;
    const { signal } = this.#stop;
    for (;;) {
      this.#waitingSince = performance.now();
      const chunk = await input.next(signal);
      this.#waitingSince = undefined;
      const before = stream.bytesWritten;
      try {
        if (chunk === undefined) return stream.shutdown("write");
        await stream.writeAll(chunk, { signal });
      } catch (error) {
        if (chunk !== undefined) input.giveBack(chunk.subarray(stream.bytesWritten - before));
        // The peer no longer reads; what it has still to say is worth reading.
        if (error instanceof SysError && (error.code === "EPIPE" || error.code === "ENOTCONN")) return;
        throw error;
      }
    }
  }

  /** The peer to standard output, as fast as that takes it. */
  async #receive(): Promise<void> {
    const buffer = new Uint8Array(CHUNK);
    const { signal } = this.#stop;
    for (;;) {
      const count = await this.#stream.read(buffer, { signal });
      if (count === 0) return;
      this.#lastByte = buffer[count - 1] as number;
      // A copy: standard output may hold on to it until it is written.
      if (!process.stdout.write(buffer.slice(0, count))) await once(process.stdout, "drain", { signal });
    }
  }

  /** Resolves once standard input has been silent for a while. */
  async #silence(): Promise<void> {
    for (;;) {
      const since = this.#waitingSince ?? performance.now();
      const left = since + SILENCE_MS - performance.now();
      if (left <= 0) return;
      await sleep(left, undefined, this.#stop);
    }
  }

  /** Rejects once nothing has moved in either direction for so long. */
  async #idle(idleMs: number): Promise<never> {
    let moved = -1;
    let since = 0;
    for (;;) {
      const now = this.#stream.bytesRead + this.#stream.bytesWritten;
      if (now !== moved) since = performance.now();
      moved = now;
      const left = since + idleMs - performance.now();
      if (left <= 0) throw new TimeoutError("transfer", idleMs, this.#stream.peerAddr.toString());
      await sleep(Math.min(left, Math.max(10, idleMs / 10), LONGEST_LOOK_MS), undefined, this.#stop);
    }
  }
}

/**
 * Standard input to the peer, the peer to standard output. The end of standard input half-closes the stream; the end
 * of the peer's side ends it all, once standard input has been sent: a terminal is not waited for.
 */
export function pump(stream: StreamPeer, options: PumpOptions): Promise<void> {
  return new Pump(stream).run(options);
}
