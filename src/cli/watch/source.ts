/** Where `windsock watch` has its samples from: the kernel, or a recording; and the recording that it makes. */
import { existsSync } from "node:fs";
import { SocketAddr } from "../../ip/index.ts";
import { CONNECTED_STATES, parseSocketFilter, SocketFilterError } from "../../netlink/diag/index.ts";
import {
  Observer,
  type ObserveTarget,
  replayRecording,
  type Sample,
  SampleRecorder,
} from "../../observe/index.ts";
import { UsageError } from "../_command.ts";

export interface SourceOptions {
  readonly rate?: number;
  readonly pid?: number;
  readonly record?: string;
  readonly replay?: string;
  readonly speed?: number;
  readonly count?: number;
}

const RATE_HZ = 10;

/** What the words behind `watch` mean. @throws {UsageError} */
export function targetOf(words: readonly string[], pid: number | undefined): ObserveTarget {
  if (pid !== undefined) {
    if (words.length > 0) throw new UsageError("--pid and a target exclude each other");
    if (!existsSync(`/proc/${pid}`)) throw new Error(`no process ${pid}`);
    return { pid };
  }
  const [first, second] = words;
  if (first === undefined) return "all";
  const port = /^:?(\d{1,5})$/.exec(first)?.[1];
  if (words.length === 1 && port !== undefined) {
    if (Number(port) < 1 || Number(port) > 65535)
      throw new UsageError(`port: expected 1 … 65535, got ${port}`);
    return { port: Number(port) };
  }
  if (words.length === 2 && isAddress(first) && isAddress(second as string)) {
    return { local: first, peer: second as string };
  }
  return { filter: filterOf(words.join(" ")) };
}

/** Read now, and not with the first sample. */
function filterOf(text: string): string {
  try {
    const { states } = parseSocketFilter(text);
    if (states?.every((state) => !CONNECTED_STATES.includes(state))) {
      throw new UsageError(`expected a state of a connection, got ${states.join(", ")}`);
    }
    return text;
  } catch (error) {
    if (error instanceof SocketFilterError) {
      throw new UsageError(
        `TARGET: expected a port, two addresses with ports (names are not resolved), or a filter: ${error.message}`,
      );
    }
    throw error;
  }
}

function isAddress(text: string): boolean {
  try {
    return SocketAddr.parse(text).port > 0;
  } catch {
    return false;
  }
}

/** The samples that are asked for, and a way to end them. */
export interface SampleSource {
  readonly samples: AsyncIterable<Sample>;
  close(): void;
}

/** @throws {UsageError | TypeError | RangeError} for options that do not fit @throws {SysError} */
export function openSource(words: readonly string[], options: SourceOptions): SampleSource {
  const { replay, record, rate = RATE_HZ, speed, count, pid } = options;
  if (replay === undefined) {
    if (speed !== undefined) throw new UsageError("--speed is for --replay");
    const observer = Observer.open(targetOf(words, pid), { rateHz: rate, holders: true });
    const recorded = record === undefined ? observer : recording(observer, record, rate);
    return { samples: limited(recorded, count), close: () => observer.close() };
  }
  if (words.length > 0 || pid !== undefined || record !== undefined || options.rate !== undefined) {
    throw new UsageError("--replay goes without a target, --pid, --rate and --record");
  }
  const closing = new AbortController();
  const samples = until(replayRecording(replay, speed), closing.signal);
  return { samples: limited(samples, count), close: () => closing.abort() };
}

async function* recording(
  samples: AsyncIterable<Sample>,
  path: string,
  rateHz: number,
): AsyncGenerator<Sample> {
  await using recorder = await SampleRecorder.create(path, { rateHz });
  for await (const sample of samples) {
    await recorder.write(sample);
    yield sample;
  }
}

async function* limited(samples: AsyncIterable<Sample>, count: number | undefined): AsyncGenerator<Sample> {
  let left = count ?? Number.POSITIVE_INFINITY;
  for await (const sample of samples) {
    yield sample;
    if (--left <= 0) return;
  }
}

async function* until(samples: AsyncIterable<Sample>, signal: AbortSignal): AsyncGenerator<Sample> {
  for await (const sample of samples) {
    if (signal.aborted) return;
    yield sample;
  }
}
