/** Datagrams between standard input, one peer and standard output, as `nc -u` moves them. */
import { once } from "node:events";
import { type Datagram, TimeoutError, type UdpSocket, type UnixDatagram } from "../socket/index.ts";
import { input } from "./_input.ts";

/** A socket that is connected to its peer. */
export type DatagramPeer = UdpSocket | UnixDatagram;

/** The most of standard input that goes as one datagram, as in nc: a line of a terminal, or what a pipe gives at once. */
const MAX_DATAGRAM = 16 * 1024;
/** After the end of standard input, how long to wait for another answer. */
const SILENCE_MS = 1000;

/** Writes to standard output, and waits where it is slow. */
export async function show(data: Uint8Array): Promise<void> {
  if (!process.stdout.write(data)) await once(process.stdout, "drain");
}

/**
 * Standard input to the peer, each piece as a datagram, and the peer's datagrams to standard output. There is no end of a
 * connection to wait for: it ends when the input has ended and nothing has come for a second, or for `idleMs`.
 * @param first a datagram of the peer that has come already
 * @throws {TimeoutError} when nothing has moved for `idleMs`
 */
export async function talk(
  socket: DatagramPeer,
  idleMs: number | undefined,
  first?: Datagram,
): Promise<void> {
  const stop = new AbortController();
  let sending = true;
  let failure: unknown;
  let sent = 0;
  const send = async (): Promise<void> => {
    for (
      let chunk = await input.next(stop.signal);
      chunk !== undefined;
      chunk = await input.next(stop.signal)
    ) {
      for (let from = 0; from < chunk.length; from += MAX_DATAGRAM) {
        await socket.send(chunk.subarray(from, from + MAX_DATAGRAM), stop);
        sent++;
      }
    }
  };
  const sender = send()
    .catch((error) => {
      failure = error;
    })
    .finally(() => {
      sending = false;
    });
  try {
    if (first !== undefined) await show(first.data);
    for (;;) {
      const before = sent;
      const datagram = await receive(socket, () => (sending ? idleMs : (idleMs ?? SILENCE_MS)));
      if (failure !== undefined) throw failure;
      if (datagram !== undefined) await show(datagram.data);
      else if (!sending) return;
      else if (idleMs !== undefined && sent === before) {
        throw new TimeoutError("transfer", idleMs, socket.peerAddr.toString());
      }
    }
  } finally {
    stop.abort();
    await sender;
    process.stdin.pause();
  }
}

/** How often it is looked whether the input has ended meanwhile. */
const LOOK_MS = 100;

/** The next datagram; `undefined` where none has come for as long as `limitMs` says at that moment. */
async function receive(
  socket: DatagramPeer,
  limitMs: () => number | undefined,
): Promise<Datagram | undefined> {
  const since = performance.now();
  for (;;) {
    const left = since + (limitMs() ?? Number.POSITIVE_INFINITY) - performance.now();
    if (left <= 0) return undefined;
    try {
      return await socket.recv({ timeoutMs: Math.min(left, LOOK_MS) });
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error;
    }
  }
}
