/** The stream of events from the server, which is opened again where it broke, and anew for another connection. */
import type { Batch, Caption, Ending, Hello, TableUpdate } from "./protocol.ts";

export type StreamState = "connecting" | "open" | "lost" | "ended";

export interface StreamHandlers {
  hello(hello: Hello): void;
  samples(batch: Batch): void;
  table(update: TableUpdate): void;
  caption(caption: Caption): void;
  /** No more samples will come. */
  end(ending: Ending): void;
  /** `text` is what the server said when it ended; undefined where it said nothing. */
  state(state: StreamState, text?: string): void;
}

const EVENTS = ["hello", "samples", "table", "caption", "end"] as const;
/** A server that is not there for so long has ended, as far as a reader is concerned; it is still asked for. */
const LOST_MS = 6000;
const RETRY_MS = 2000;

export class Stream {
  readonly #handlers: StreamHandlers;
  #source: EventSource | undefined;
  #follow = "";
  #lostTimer: number | undefined;
  #retryTimer: number | undefined;

  constructor(handlers: StreamHandlers) {
    this.#handlers = handlers;
  }

  /** Opens it anew, for a connection's samples. */
  open(follow: readonly string[]): void {
    this.#follow = follow.join(",");
    this.#source?.close();
    clearTimeout(this.#retryTimer);
    const source = new EventSource(this.#follow === "" ? "events" : `events?follow=${this.#follow}`);
    this.#source = source;
    this.#handlers.state("connecting");
    for (const name of EVENTS) {
      source.addEventListener(name, (event: MessageEvent<string>) => {
        if (source !== this.#source) return;
        if (name === "hello") this.#isOpen();
        this.#handlers[name](JSON.parse(event.data));
      });
    }
    source.addEventListener("bye", (event: MessageEvent<string>) => {
      source.close();
      clearTimeout(this.#lostTimer);
      if (source === this.#source) this.#handlers.state("ended", (JSON.parse(event.data) as Ending).text);
    });
    source.addEventListener("error", () => {
      if (source === this.#source) this.#isLost(source);
    });
  }

  #isOpen(): void {
    clearTimeout(this.#lostTimer);
    this.#lostTimer = undefined;
    this.#handlers.state("open");
  }

  /** A browser tries again by itself, unless what it met was an answer. */
  #isLost(source: EventSource): void {
    if (this.#lostTimer === undefined) {
      this.#handlers.state("lost");
      this.#lostTimer = window.setTimeout(() => this.#handlers.state("ended"), LOST_MS);
    }
    if (source.readyState !== EventSource.CLOSED) return;
    clearTimeout(this.#retryTimer);
    this.#retryTimer = window.setTimeout(() => {
      if (source === this.#source) this.open(this.#follow.split(",").filter((id) => id !== ""));
    }, RETRY_MS);
  }
}
