/** Samples that were made up, for what shows samples. */
import type { EndSample, Sample } from "../../src/observe/index.ts";

/** Two ends of one connection; the first one sends. */
export function pair(
  sender: Partial<EndSample> = {},
  receiver: Partial<EndSample> = {},
): readonly EndSample[] {
  const [client, server] = ["127.0.0.1:40000", "127.0.0.1:2000"];
  const common = {
    state: "established",
    waitingMs: 0,
    notSentBytes: 0,
    inFlightBytes: 0,
    rttUs: 50,
    rttVarianceUs: 10,
    mssBytes: 1460,
  } as const;
  return [
    {
      ...common,
      id: "11",
      local: client,
      peer: server,
      pairedWith: "12",
      waiting: "receiver-window",
      writtenBytes: 5000,
      windowSeenBytes: 1000,
      ...sender,
    },
    {
      ...common,
      id: "12",
      local: server,
      peer: client,
      pairedWith: "11",
      waiting: "nothing-to-send",
      writtenBytes: 0,
      readBytes: 1000,
      receiveQueueBytes: 4000,
      ...receiver,
    },
  ];
}

/** One end, whose other one is on another machine. */
export function single(id: string, fields: Partial<EndSample> = {}): EndSample {
  const [end] = pair({ id, local: `192.0.2.1:${id}`, peer: "198.51.100.1:443", ...fields });
  const { pairedWith: _, ...alone } = end as EndSample;
  return alone;
}

export function sampleOf(elapsedMs: number, ends: readonly EndSample[], ended: Sample["ended"] = []): Sample {
  return { at: Date.UTC(2026, 0, 1) + elapsedMs, elapsedMs, missed: 0, ends, ended };
}
