/** Bytes between standard input, a stream and standard output, as netcat moves them. */
import { once } from "node:events";
import { SysError, type TcpStream, TimeoutError } from "../socket/index.ts";

const CHUNK = 64 * 1024;
/** After the peer's end, how long a pipe on standard input may be silent before it counts as having nothing to say. */
const SILENCE_MS = 1000;

export interface PumpOptions {
  /** Ends with a TimeoutError when nothing has moved for so long. */
  readonly idleMs?: number | undefined;
  /** After the peer's end, end as soon as standard input is silent, though it is open: for a listener, as `nc -l` does. */
  readonly endWithPeer: boolean;
}

/**
 * Standard input to the peer, the peer to standard output. The end of standard input half-closes the stream; the end
 * of the peer's side ends it all, once standard input has been sent: a terminal is not waited for.
 */
export async function pump(stream: TcpStream, options: PumpOptions): Promise<void> {
  const finished = new AbortController();
  let lastMove = performance.now();
  const moved = (): void => {
    lastMove = performance.now();
  };
  const input = sendInput(stream, finished.signal, moved);
  input.catch(() => {}); // met below, or moot
  try {
    await receive(stream, options.idleMs, () => lastMove, moved);
    if (process.stdin.isTTY) return;
    if (options.endWithPeer) await Promise.race([input, silence(() => lastMove)]);
    else await input;
  } finally {
    finished.abort();
    process.stdin.pause();
  }
}

async function sendInput(stream: TcpStream, signal: AbortSignal, moved: () => void): Promise<void> {
  try {
    for await (const chunk of process.stdin as AsyncIterable<Uint8Array>) {
      if (signal.aborted) return;
      await stream.writeAll(chunk, { signal });
      moved();
    }
    if (!stream.closed) stream.shutdown("write");
  } catch (error) {
    if (signal.aborted) return;
    // The peer no longer reads; what it has still to say is worth reading.
    if (error instanceof SysError && (error.code === "EPIPE" || error.code === "ENOTCONN")) return;
    throw error;
  }
}

/** The peer to standard output, as fast as that takes it. */
async function receive(
  stream: TcpStream,
  idleMs: number | undefined,
  lastMove: () => number,
  moved: () => void,
): Promise<void> {
  const buffer = new Uint8Array(CHUNK);
  for (;;) {
    let count: number;
    try {
      count = await stream.read(buffer, idleMs === undefined ? undefined : { timeoutMs: idleMs });
    } catch (error) {
      const busy = error instanceof TimeoutError && performance.now() - lastMove() < (idleMs ?? 0);
      if (busy) continue; // the other direction has moved meanwhile
      throw error;
    }
    if (count === 0) return;
    moved();
    // A copy: standard output may hold on to it until it is written.
    if (!process.stdout.write(buffer.slice(0, count))) await once(process.stdout, "drain");
  }
}

/** Resolves once nothing has moved for a while. */
async function silence(lastMove: () => number): Promise<void> {
  for (;;) {
    const left = lastMove() + SILENCE_MS - performance.now();
    if (left <= 0) return;
    await new Promise((resolve) => setTimeout(resolve, left));
  }
}
