/** What the scenes of `windsock demo` are played with: a connection on loopback, two programs, and what is said of them. */
import { setTimeout as delay } from "node:timers/promises";
import type { Observer, ObserveTarget } from "../../observe/index.ts";
import { SO, TCP, TcpListener, TcpStream } from "../../socket/index.ts";

/** How the scene's connection is to be. */
export interface ConnectionOptions {
  readonly receiveBufferBytes: number;
  readonly sendBufferBytes: number;
  /** TCP_NODELAY of the sender; off unless told, so that Nagle's algorithm is at work. */
  readonly noDelay?: boolean;
}

export interface Ends {
  readonly sender: TcpStream;
  readonly receiver: TcpStream;
}

/** As on an Ethernet: loopback itself would carry 32 KiB and more in a segment. */
const SEGMENT_BYTES = 1460;

export class Stage {
  /** What is to be looked at, at this moment. */
  caption = "";
  readonly signal: AbortSignal;
  readonly #observer: Observer;
  readonly #scale: number;

  /** @param scale what times are multiplied by: 1, or less for who is in a hurry */
  constructor(observer: Observer, signal: AbortSignal, scale: number) {
    this.#observer = observer;
    this.signal = signal;
    this.#scale = scale;
  }

  say(text: string): void {
    this.caption = text;
  }

  scaled(ms: number): number {
    return ms * this.#scale;
  }

  /** @throws the signal's reason */
  async sleep(ms: number, signal = this.signal): Promise<void> {
    await delay(this.scaled(ms), undefined, { signal });
  }

  /** Runs what a scene does with a connection that is observed, and closes it. */
  async withConnection(options: ConnectionOptions, play: (ends: Ends) => Promise<void>): Promise<void> {
    const { sender, receiver } = await connect(options, this.signal);
    const targets: readonly ObserveTarget[] = [sender, receiver];
    for (const target of targets) this.#observer.add(target);
    try {
      await play({ sender, receiver });
    } finally {
      for (const target of targets) this.#observer.delete(target);
      sender.close();
      receiver.close();
    }
  }
}

async function connect(options: ConnectionOptions, signal: AbortSignal): Promise<Ends> {
  // Before the connection is made, since the window's scale is settled then.
  using listener = TcpListener.bind("127.0.0.1:0", {
    options: [SO.RCVBUF.to(options.receiveBufferBytes), TCP.MAXSEG.to(SEGMENT_BYTES)],
  });
  const [sender, receiver] = await Promise.all([
    TcpStream.connect(listener.localAddr, {
      signal,
      options: [
        SO.SNDBUF.to(options.sendBufferBytes),
        TCP.MAXSEG.to(SEGMENT_BYTES),
        TCP.CONGESTION.to("reno"), // every kernel has it, and anybody may use it
        TCP.NODELAY.to(options.noDelay ?? false),
      ],
    }),
    listener.accept({ signal }),
  ]);
  return { sender, receiver };
}
