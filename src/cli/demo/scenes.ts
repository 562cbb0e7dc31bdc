/** The scenes of `windsock demo`: what two programs do with a connection, and what to look at. */
import type { Ends, Stage } from "./stage.ts";

export interface Scene {
  readonly name: string;
  readonly title: string;
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

/** Reads for so long, so much at most each time. */
async function readFor(
  { receiver }: Ends,
  stage: Stage,
  forMs: number,
  bytes: number,
  everyMs: number,
): Promise<void> {
  const buffer = new Uint8Array(bytes);
  for (let passed = 0; passed < forMs; passed += everyMs) {
    receiver.tryRead(buffer);
    await stage.sleep(everyMs);
  }
}

const paused: Scene = {
  name: "paused",
  title: "The reader pauses",
  play: (stage) =>
    stage.withConnection(BUFFERS, (ends) =>
      meanwhile(stage, writer(ends, 4 * KIB, 80, stage), async () => {
        stage.say("Both programs keep up: what is written is read at once, and the buffers stay empty.");
        await readFor(ends, stage, 2500, 64 * KIB, 10);
        stage.say(
          "The reader has stopped. Look at the receive buffer: it fills, and the window that the sender sees shrinks with it. " +
            "At 0, data stays in the send buffer, until that is full too, and write() waits.",
        );
        await stage.sleep(7000);
        stage.say("The reader reads again: the window opens, and what has waited flows.");
        await readFor(ends, stage, 2500, 64 * KIB, 10);
      }),
    ),
};

const slow: Scene = {
  name: "slow",
  title: "The reader is slow",
  play: (stage) =>
    stage.withConnection(BUFFERS, (ends) =>
      meanwhile(stage, writer(ends, 16 * KIB, 5, stage), async () => {
        stage.say(
          "The writer is fast, the reader takes 8 KiB every 100 ms. Both buffers are full at once; from then on the sender goes at the " +
            "reader's pace: the window has room only for what was read.",
        );
        await readFor(ends, stage, 8000, 8 * KIB, 100);
      }),
    ),
};

const pieces: Scene = {
  name: "pieces",
  title: "One large write, many small reads",
  play: (stage) =>
    stage.withConnection(BUFFERS, (ends) =>
      meanwhile(
        stage,
        (signal) => ends.sender.writeAll(new Uint8Array(300 * KIB), { signal }),
        async () => {
          stage.say(
            "One write of 300 KiB, more than both buffers hold, and a reader that takes 2,000 bytes at a time. A read gives what is there, " +
              "not what was written at once. The window does not follow each small read: it opens in steps worth a segment.",
          );
          await readFor(ends, stage, 8000, 2000, 50);
        },
      ),
    ),
};

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
    await stage.withConnection(BUFFERS, async (ends) => {
      stage.say(
        "Each question is two small writes. The second one waits in the send buffer (Nagle) until the first is acknowledged, and the receiver " +
          "delays that acknowledgement, since it has nothing to send: 40 ms for nothing.",
      );
      withNagle = await exchanges(ends, stage, stage.scaled(5000));
    });
    await stage.withConnection({ ...BUFFERS, noDelay: true }, async (ends) => {
      stage.say(
        `An answer took ${withNagle.toFixed(1)} ms. The same with TCP_NODELAY: nothing is held back, and nothing is seen to wait.`,
      );
      const without = await exchanges(ends, stage, stage.scaled(4000));
      stage.say(
        `An answer took ${withNagle.toFixed(1)} ms with Nagle's algorithm, and ${without.toFixed(1)} ms without.`,
      );
      await stage.sleep(1500);
    });
  },
};

export const SCENES: readonly Scene[] = [paused, slow, pieces, small];
