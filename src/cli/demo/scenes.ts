/** The scenes of `windsock demo`: what two programs do with a connection, and what to look at. */
import type { Ends, Stage } from "./stage.ts";

export interface Scene {
  readonly name: string;
  readonly title: string;
  /** Says what to look at before there is anything, so that no sample has the words of the scene before. */
  play(stage: Stage): Promise<void>;
}

const KIB = 1024;
const BUFFERS = { receiveBufferBytes: 64 * KIB, sendBufferBytes: 96 * KIB };

/** Runs one program while the other one plays, and ends it then. */
async function meanwhile(
  stage: Stage,
  program: (signal: AbortSignal) => Promise<void>,
  play: () => Promise<void>,
): Promise<void> {
  const ending = new AbortController();
  const signal = AbortSignal.any([stage.signal, ending.signal]);
  const running = program(signal).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  try {
    await Promise.race([play(), running.then(() => new Promise<never>(() => {}))]);
  } finally {
    ending.abort();
    await running;
  }
}

/** A program that has so much to write so often. Where the send buffer is full, its write waits. */
function writer({ sender }: Ends, bytes: number, everyMs: number, stage: Stage) {
  return async (signal: AbortSignal): Promise<void> => {
    const data = new Uint8Array(bytes);
    for (;;) {
      await sender.writeAll(data, { signal });
      await stage.sleep(everyMs, signal);
    }
  };
}

/** Reads for so long, so much at most each time. @returns how often it has read something */
async function readFor(
  { receiver }: Ends,
  stage: Stage,
  forMs: number,
  bytes: number,
  everyMs: number,
): Promise<number> {
  const buffer = new Uint8Array(bytes);
  let reads = 0;
  for (const end = performance.now() + stage.scaled(forMs); performance.now() < end; ) {
    const read = receiver.tryRead(buffer);
    if (typeof read === "number" && read > 0) reads++;
    await stage.sleep(everyMs);
  }
  return reads;
}

const kib = (bytes: number): string => `${Math.round(bytes / KIB)} KiB`;

const paused: Scene = {
  name: "paused",
  title: "The reader pauses",
  play: (stage) => {
    stage.say(
      "Both programs keep up. Look at the two buffers: what is written is read at once, and they stay empty.",
    );
    return stage.withConnection(BUFFERS, (ends) =>
      meanwhile(stage, writer(ends, 4 * KIB, 80, stage), async () => {
        await readFor(ends, stage, 4000, 64 * KIB, 10);
        stage.say(
          "The reader has stopped. Look at the receive buffer: it fills, and the window that the sender sees closes. Once that is 0, " +
            "data stays in the send buffer; when that is full too, write() waits.",
        );
        await stage.sleep(9000);
        stage.say("The reader reads again: the window opens, and what has waited flows.");
        await readFor(ends, stage, 4000, 64 * KIB, 10);
      }),
    );
  },
};

const slow: Scene = {
  name: "slow",
  title: "The reader is slow",
  play: (stage) => {
    stage.say(
      "The writer is fast, the reader takes 8 KiB ten times a second. Look at both buffers: they fill in a moment, and from then on the " +
        "writer goes at the reader's pace. Nobody told it to: that is flow control.",
    );
    return stage.withConnection(BUFFERS, async (ends) => {
      await meanwhile(stage, writer(ends, 16 * KIB, 5, stage), async () => {
        await readFor(ends, stage, 10_000, 8 * KIB, 100);
        const [written, read] = [ends.sender.bytesWritten, ends.receiver.bytesRead];
        stage.say(
          `Written ${kib(written)}, read ${kib(read)}: the writer is ahead by the ${kib(written - read)} that are in the buffers, and by no more.`,
        );
        await readFor(ends, stage, 4000, 8 * KIB, 100);
      });
    });
  },
};

/** More than both buffers hold. */
const LARGE = 500 * KIB;

const pieces: Scene = {
  name: "pieces",
  title: "One large write, many small reads",
  play: (stage) => {
    stage.say(
      `One program writes ${kib(LARGE)} at once, more than both buffers hold; the other one reads 4,000 bytes at a time. A read gives what is there, ` +
        "not what was written at once. Look at the window: it does not follow each read, but opens in few and wide steps.",
    );
    return stage.withConnection(BUFFERS, (ends) =>
      meanwhile(
        stage,
        (signal) => ends.sender.writeAll(new Uint8Array(LARGE), { signal }),
        async () => {
          let reads = 0;
          while (ends.receiver.bytesRead < LARGE) reads += await readFor(ends, stage, 50, 4000, 50);
          stage.say(
            `It took ${reads} reads, and the window was seen to open ${times(stage.windowOpenings)}.`,
          );
          await stage.sleep(4000);
        },
      ),
    );
  },
};

const times = (count: number): string => (count === 1 ? "once" : `${count} times`);

/** A client that asks with two small writes, and a server that answers when it has both. @returns the time of one answer, in ms */
async function exchanges({ sender, receiver }: Ends, stage: Stage, forMs: number): Promise<number> {
  const question = new Uint8Array(20);
  const answer = new Uint8Array(1);
  const end = performance.now() + forMs;
  let count = 0;
  let spent = 0;
  while (performance.now() < end) {
    const start = performance.now();
    await sender.writeAll(question);
    await sender.writeAll(question);
    await receiver.readExact(new Uint8Array(40), { signal: stage.signal });
    await receiver.writeAll(answer);
    await sender.readExact(answer, { signal: stage.signal });
    spent += performance.now() - start;
    count++;
    await stage.sleep(100);
  }
  return spent / Math.max(1, count);
}

const small: Scene = {
  name: "small",
  title: "Small writes: Nagle's algorithm and delayed acknowledgements",
  play: async (stage) => {
    let withNagle = 0;
    stage.say(
      "Each question is two small writes. The second one waits (Nagle) until the first is acknowledged, and the receiver delays that " +
        "acknowledgement, as it has nothing to send yet. Look at the 20 bytes in the send buffer, and at the round-trip time: it has the delay in it.",
    );
    await stage.withConnection(BUFFERS, async (ends) => {
      withNagle = await exchanges(ends, stage, stage.scaled(9000));
      stage.say(`An answer took ${withNagle.toFixed(1)} ms. Next: the same with TCP_NODELAY.`);
    });
    stage.say(
      "The same with TCP_NODELAY. Look at the send buffer: both writes go out at once, and nothing is seen to wait.",
    );
    await stage.withConnection({ ...BUFFERS, noDelay: true }, async (ends) => {
      const without = await exchanges(ends, stage, stage.scaled(5000));
      stage.say(
        `An answer took ${withNagle.toFixed(1)} ms with Nagle's algorithm, and ${without.toFixed(1)} ms without. To write both parts at once does as well.`,
      );
      await stage.sleep(4000);
    });
  },
};

export const SCENES: readonly Scene[] = [paused, slow, pieces, small];
