/** Samples in a file: JSON lines, of which the first says what the others are. */
import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { SampleParser } from "./_from_json.ts";
import { QUANTITIES } from "./quantities.ts";
import type { Sample } from "./sample.ts";

/** Raised when a reader of an older version would misread a file. */
export const SCHEMA_VERSION = 1;

/** The first line of a recording. */
export interface RecordingHeader {
  readonly format: "windsock samples";
  readonly version: number;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly rateHz?: number | undefined;
  /** The unit of each quantity. */
  readonly units: Readonly<Record<string, string>>;
}

/** A file that is no recording, or a line of it that is no sample. */
export class RecordingError extends Error {
  override readonly name = "RecordingError";
  readonly code = "BAD_RECORDING";
  /** Where in the file, from 1 on. */
  readonly line: number;

  constructor(line: number, message: string) {
    super(`line ${line}: ${message}`);
    this.line = line;
  }
}

/**
 * Writes samples to a file, one after the other. Once that has failed the file ends where it did, perhaps within a line, and nothing
 * more is written: what it has can be read.
 */
export class SampleRecorder implements AsyncDisposable {
  readonly #file: FileHandle;
  #last: Promise<void> = Promise.resolve();

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /**
   * Makes the file, or empties it.
   * @throws what `node:fs` says, as `ENOENT` or `EACCES`
   */
  static async create(
    path: string,
    options: { readonly rateHz?: number | undefined } = {},
  ): Promise<SampleRecorder> {
    const recorder = new SampleRecorder(await open(path, "w"));
    const units = Object.fromEntries(Object.entries(QUANTITIES).map(([name, { unit }]) => [name, unit]));
    const header: RecordingHeader = {
      format: "windsock samples",
      version: SCHEMA_VERSION,
      startedAt: Date.now(),
      ...options,
      units,
    };
    try {
      await recorder.#line(header);
    } catch (error) {
      await recorder.close();
      throw error;
    }
    return recorder;
  }

  /** Writes one; resolved once the file has it. @throws what `node:fs` says, as `ENOSPC`, of this or an earlier sample */
  write(sample: Sample): Promise<void> {
    return this.#line(sample);
  }

  #line(value: object): Promise<void> {
    const line = `${JSON.stringify(value)}\n`;
    this.#last = this.#last.then(() => this.#file.appendFile(line));
    return this.#last;
  }

  /** Once what was written is in the file. */
  async close(): Promise<void> {
    await this.#last.catch(() => {}); // was told to whom wrote
    await this.#file.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Longer than the sample of 50 000 ends. */
const MAX_LINE_LENGTH = 128 * 1024 * 1024;

/**
 * Reads a recording. A last line that was cut off, as by a crash, is left out. What a sample does not have is left out as well, and
 * what stands there in its place is refused: nothing else than samples comes out, whoever wrote the file.
 * @throws {RecordingError} for what is no recording, or one of another version
 * @throws what `node:fs` says, as `ENOENT`
 */
export async function* readRecording(path: string): AsyncGenerator<Sample, void, undefined> {
  const parser = new SampleParser();
  let number = 0;
  for await (const { line, whole } of linesOf(path)) {
    number++;
    if (number === 1) checkHeader(line);
    else if (whole || isWhole(line)) yield sampleOf(line, number, parser);
  }
  if (number === 0) throw new RecordingError(1, "expected a recording, got an empty file");
}

/**
 * Reads a recording in the time in which it was made, `speed` times as fast.
 * @throws {RangeError} for a speed that is none
 * @throws the signal's reason
 * @throws as {@link readRecording}
 */
export async function* replayRecording(
  path: string,
  speed = 1,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<Sample, void, undefined> {
  if (!(speed > 0)) throw new RangeError(`speed: expected a number above 0, got ${String(speed)}`);
  let first: { readonly elapsedMs: number; readonly now: number } | undefined;
  for await (const sample of readRecording(path)) {
    first ??= { elapsedMs: sample.elapsedMs, now: performance.now() };
    const due = first.now + (sample.elapsedMs - first.elapsedMs) / speed;
    for (;;) {
      signal?.throwIfAborted();
      const wait = due - performance.now();
      if (wait <= 1) break;
      await sleep(Math.min(wait, MAX_SLEEP_MS), undefined, { signal }).catch(() => {});
    }
    yield sample;
  }
}

/** setTimeout cannot wait longer at once. */
const MAX_SLEEP_MS = 2 ** 30;

interface Line {
  readonly line: string;
  /** Whether its end was there too. */
  readonly whole: boolean;
}

/** @throws {RecordingError} where a line is longer than any of a recording */
async function* linesOf(path: string): AsyncGenerator<Line, void, undefined> {
  const input = createReadStream(path, { encoding: "utf8", highWaterMark: 256 * 1024 });
  let begun: string[] = [];
  let length = 0;
  let number = 1;
  for await (const chunk of input as AsyncIterable<string>) {
    let start = 0;
    for (let end = chunk.indexOf("\n"); end >= 0; end = chunk.indexOf("\n", start)) {
      begun.push(chunk.slice(start, end));
      yield { line: begun.join(""), whole: true };
      begun = [];
      length = 0;
      number++;
      start = end + 1;
    }
    if (start === chunk.length) continue;
    begun.push(chunk.slice(start));
    length += chunk.length - start;
    if (length > MAX_LINE_LENGTH) {
      throw new RecordingError(number, `expected at most ${MAX_LINE_LENGTH} characters, got more`);
    }
  }
  if (length > 0) yield { line: begun.join(""), whole: false };
}

function parse(line: string, number: number): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new RecordingError(number, `expected JSON, got ${JSON.stringify(line.slice(0, 40))}`);
  }
}

function isWhole(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

function checkHeader(line: string): void {
  const header = parse(line, 1) as Partial<RecordingHeader> | null;
  if (typeof header !== "object" || header?.format !== "windsock samples") {
    throw new RecordingError(1, 'expected a recording, which begins with {"format":"windsock samples"');
  }
  if (header.version !== SCHEMA_VERSION) {
    const got = JSON.stringify(header.version);
    throw new RecordingError(1, `expected version ${SCHEMA_VERSION}, got ${got}`);
  }
}

function sampleOf(line: string, number: number, parser: SampleParser): Sample {
  const sample = parser.sample(parse(line, number));
  if (typeof sample === "string") throw new RecordingError(number, sample);
  return sample;
}
