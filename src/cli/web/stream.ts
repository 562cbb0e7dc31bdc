/** One page that looks on: what it has not taken yet is bounded, and whoever is slow gets the newest. */
import type { ServerResponse } from "node:http";
import type { Sample } from "../../observe/index.ts";
import type { TableUpdate } from "../../viewer/index.ts";
import { batchOf, type Follow } from "./batch.ts";

/** So often at most a page is told anything: nobody sees more pictures a second. */
const FLUSH_MS = 40;
const MAX_PENDING = 500;
/** A page that has taken nothing for so long is not there any more. */
const STUCK_MS = 60_000;

export class WebStream {
  readonly follow: Follow;
  readonly #response: ServerResponse;
  readonly #boot: string;
  #pending: Sample[] = [];
  #skipped = 0;
  #flushed = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #blockedSince: number | undefined;
  /** The last update of the table that it was told; -1 before. */
  #tableVersion = -1;
  /** Tells the table that it was too slow for. */
  #lateTable: (() => void) | undefined;

  constructor(response: ServerResponse, boot: string, follow: Follow) {
    this.#response = response;
    this.#boot = boot;
    this.follow = follow;
    response.on("drain", () => {
      this.#blockedSince = undefined;
      this.#lateTable?.();
      this.#schedule();
    });
    response.on("close", () => clearTimeout(this.#timer));
  }

  /** Whether it has not taken yet what it was told. */
  get blocked(): boolean {
    return this.#blockedSince !== undefined;
  }

  /** How many samples wait for it. */
  get pending(): number {
    return this.#pending.length;
  }

  /** What it was told and the kernel has not taken. */
  get bufferedBytes(): number {
    return this.#response.writableLength;
  }

  /** One event; nothing is told to who is blocked, unless it must be. */
  send(event: string, data: unknown, id?: number): void {
    const name = id === undefined ? "" : `id: ${this.#boot}:${id}\n`;
    this.#write(`${name}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  #write(text: string): void {
    if (this.#response.writableEnded || this.#response.destroyed) return;
    if (!this.#response.write(text)) this.#blockedSince ??= performance.now();
  }

  /** Tells all that it is to know of the past at once. */
  begin(samples: readonly Sample[], whole: boolean): void {
    const batch = batchOf(samples, this.follow, { whole, skipped: 0 });
    this.send("samples", batch, samples.at(-1)?.elapsedMs);
  }

  /** What there is of the table: the change if it has all that was before, else the whole. */
  table(change: TableUpdate | undefined, version: number, whole: () => TableUpdate): void {
    if (this.#tableVersion === version) return;
    if (this.blocked) {
      this.#lateTable = () => this.table(undefined, version, whole);
      return;
    }
    this.#lateTable = undefined;
    const follows = change !== undefined && this.#tableVersion === version - 1;
    this.#tableVersion = version;
    if (follows && change.rows.length + change.gone.length === 0) return;
    this.send("table", follows ? change : whole());
  }

  push(sample: Sample): void {
    this.#pending.push(sample);
    if (this.#pending.length > MAX_PENDING) {
      // Half at once: to shift one off for every one that comes would copy them all each time.
      this.#skipped += this.#pending.length;
      this.#pending = this.#pending.slice(-MAX_PENDING / 2);
      this.#skipped -= this.#pending.length;
    }
    if (!this.blocked) this.#schedule();
    else if (performance.now() - (this.#blockedSince ?? 0) > STUCK_MS) this.#response.destroy();
  }

  /** Not within `push`, so that the next sample is taken first. */
  #schedule(): void {
    if (this.#timer !== undefined || this.#pending.length === 0) return;
    const wait = Math.max(0, this.#flushed + FLUSH_MS - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.flush();
    }, wait);
  }

  /** Tells what has come since it was told last. */
  flush(): void {
    if (this.#pending.length === 0 || this.blocked) return;
    const samples = this.#pending;
    this.#pending = [];
    this.#flushed = performance.now();
    const batch = batchOf(samples, this.follow, { whole: false, skipped: this.#skipped });
    this.#skipped = 0;
    this.send("samples", batch, samples.at(-1)?.elapsedMs);
  }

  /** So that a page knows that the server is there while nothing is sampled. */
  beat(): void {
    if (!this.blocked) this.#write(":\n\n");
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#response.end();
  }
}
