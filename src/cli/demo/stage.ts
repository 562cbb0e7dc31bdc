/** What the scenes of `windsock demo` are played with: a connection on loopback, two programs, and what is said of them. */
import { setTimeout as delay } from "node:timers/promises";
import type { EndSample, Observer, ObserveTarget, Sample } from "../../observe/index.ts";
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
/** So long it is told that a connection has ended, before the next thing begins. */
const ENDED_MS = 2000;

/** A connection that is played with. */
interface Played {
  /** Of its sender: local and peer. */
  readonly addresses: readonly [local: string, peer: string];
  windowBytes: number;
  windowOpenings: number;
  /** Which of its ends were told as ended. */
  readonly ended: Set<string>;
  /** Set once both programs have closed it: hears that a sample has told so. */
  told: (() => void) | undefined;
}

export class Stage {
  /** What is to be looked at, at this moment. */
  caption = "";
  /** What the scene is called; stands before all that is said. */
  title = "";
  readonly signal: AbortSignal;
  readonly #observer: Observer;
  readonly #scale: number;
  #played: Played | undefined;

  /** @param scale what times are multiplied by: 1, or less for who is in a hurry */
  constructor(observer: Observer, signal: AbortSignal, scale: number) {
    this.#observer = observer;
    this.signal = signal;
    this.#scale = scale;
  }

  say(text: string): void {
    this.caption = `${this.title}. ${text}`;
  }

  scaled(ms: number): number {
    return ms * this.#scale;
  }

  /** @throws the signal's reason */
  async sleep(ms: number, signal = this.signal): Promise<void> {
    await delay(this.scaled(ms), undefined, { signal });
  }

  /** How often the window that the sender sees was larger than in the sample before. */
  get windowOpenings(): number {
    return this.#played?.windowOpenings ?? 0;
  }

  /**
   * The observer's samples. A connection that both programs have closed has ended in them: the TIME_WAIT that the kernel keeps of it for
   * a minute belongs to no program, and would stand there beside the next scenes.
   */
  async *samples(): AsyncGenerator<Sample, void, undefined> {
    for await (const sample of this.#observer) {
      const played = this.#played;
      if (played === undefined) yield sample;
      else if (played.told === undefined) {
        noteWindow(played, sample);
        yield sample;
      } else {
        yield closedIn(sample, played);
        played.told();
      }
    }
  }

  /** Runs what a scene does with a connection that is observed, closes it, and lets that be seen. */
  async withConnection(options: ConnectionOptions, play: (ends: Ends) => Promise<void>): Promise<void> {
    const { sender, receiver } = await connect(options, this.signal);
    const targets: readonly ObserveTarget[] = [sender, receiver];
    const played: Played = {
      addresses: [String(sender.localAddr), String(sender.peerAddr)],
      windowBytes: Number.POSITIVE_INFINITY,
      windowOpenings: 0,
      ended: new Set(),
      told: undefined,
    };
    this.#played = played;
    for (const target of targets) this.#observer.add(target);
    try {
      await play({ sender, receiver });
      const told = new Promise<void>((resolve) => {
        played.told = resolve;
      });
      sender.close();
      receiver.close();
      await Promise.race([told, aborted(this.signal)]);
      await this.sleep(ENDED_MS);
    } finally {
      sender.close();
      receiver.close();
      for (const target of targets) this.#observer.delete(target);
      this.#played = undefined;
    }
  }
}

function isOf({ local, peer }: EndSample, { addresses: [near, far] }: Played): boolean {
  return (local === near && peer === far) || (local === far && peer === near);
}

function noteWindow(played: Played, { ends }: Sample): void {
  const sender = ends.find(({ local }) => local === played.addresses[0]);
  const bytes = sender?.windowSeenBytes;
  if (bytes === undefined) return;
  if (bytes > played.windowBytes) played.windowOpenings++;
  played.windowBytes = bytes;
}

/** A sample in which none of its ends is there, and each has ended once. */
function closedIn(sample: Sample, played: Played): Sample {
  const gone = sample.ends.filter((end) => isOf(end, played));
  const ended = [
    ...sample.ended,
    ...gone.map(({ id, local, peer }) => ({ id, local, peer, because: "gone" as const })),
  ].filter(({ id }) => !played.ended.has(id));
  for (const { id } of ended) played.ended.add(id);
  return { ...sample, ends: sample.ends.filter((end) => !gone.includes(end)), ended };
}

/** @throws the signal's reason */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
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
