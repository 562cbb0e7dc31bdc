/** Samples of the two ends of a connection, taken while something happens to it. */
import type { TcpStream } from "../../src/index.ts";
import type { Observer } from "../../src/observe/index.ts";
import type { Taken } from "./_compare.ts";

const RATE_MS = 10;

/** For `isolated`: on two cores, packets may be captured in another order than that in which TCP gets them. */
export const ONE_CORE = 'taskset -cp "$(taskset -cp $$ | sed "s/.* //; s/[^0-9].*//")" $$ >/dev/null || true';

const now = (): number => performance.timeOrigin + performance.now();

/** An end, as its own program sees it, and as anybody does who asks where it is. */
export class Seen {
  readonly stream: TcpStream;
  readonly local: string;
  readonly own: Taken[] = [];
  readonly foreign: Taken[] = [];

  constructor(stream: TcpStream) {
    this.stream = stream;
    this.local = String(stream.localAddr);
  }

  get port(): number {
    return this.stream.localAddr.port;
  }
}

export class Sampling {
  readonly #streams: Observer;
  /** Where each end is. */
  readonly #places: readonly Observer[];
  readonly #ends: readonly Seen[];
  readonly #done: Promise<void>;
  #over = false;
  #count = 0;

  constructor(streams: Observer, places: readonly Observer[], ends: readonly Seen[]) {
    this.#streams = streams;
    this.#places = places;
    this.#ends = ends;
    this.#done = this.#run();
  }

  async #run(): Promise<void> {
    for (let due = performance.now(); !this.#over; due = Math.max(due + RATE_MS, performance.now())) {
      while (performance.now() < due) await new Promise((resolve) => setTimeout(resolve, 1));
      await this.#take();
      this.#count++;
    }
  }

  async #take(): Promise<void> {
    const before = this.#ends.map(({ stream }) => [stream.bytesWritten, stream.bytesRead] as const);
    const from = now();
    const own = await this.#streams.sample();
    const foreign = await Promise.all(this.#places.map((place) => place.sample()));
    const to = now();
    for (const [index, { stream, local, ...seen }] of this.#ends.entries()) {
      const [written, read] = before[index] as readonly [number, number];
      const both = { written: [written, stream.bytesWritten], read: [read, stream.bytesRead] } as const;
      seen.own.push({ from, to, ...both, end: own.ends.find((end) => end.local === local) });
      const ends = foreign.flatMap(({ ends }) => ends);
      seen.foreign.push({ from, to, ...both, end: ends.find((end) => end.local === local) });
    }
  }

  /** Until so many more samples are there. */
  async more(samples = 3): Promise<void> {
    const wanted = this.#count + samples;
    while (this.#count < wanted) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  async end(): Promise<void> {
    this.#over = true;
    await this.#done;
  }
}
