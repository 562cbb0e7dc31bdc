/** What is between the two ends: segments that travel one way, acknowledgements the other way. */
import { colourOf, setData } from "./dom.ts";

/** What has happened on the wire since the sample before. */
export interface Traffic {
  readonly segments: number;
  readonly retransmitted: number;
  readonly acked: boolean;
  /** Whether the window that the last acknowledgement told has no room. */
  readonly closed: boolean;
  /** How long that took. */
  readonly seconds: number;
}

interface Traveller {
  readonly kind: "segment" | "again" | "ack" | "closed";
  readonly startMs: number;
}

const TRAVEL_MS = 900;
/** So many are drawn of what one sample tells. */
const MOST_PER_SAMPLE = 6;
const MOST = 60;
const APART_MS = 60;
const LATEST_MS = 600;

export class Wire {
  readonly #canvas: HTMLCanvasElement;
  readonly #root: HTMLElement;
  #travellers: Traveller[] = [];
  #frame: number | undefined;
  #standing = 0;
  #lastMs = 0;
  #colours: Readonly<Record<string, string>> = {};

  constructor(root: HTMLElement, canvas: HTMLCanvasElement) {
    this.#root = root;
    this.#canvas = canvas;
    new ResizeObserver(() => this.#draw()).observe(canvas);
  }

  /** After a change of the theme. */
  restyle(): void {
    this.#colours = {
      segment: colourOf("--in-flight"),
      again: colourOf("--reason-loss"),
      ack: colourOf("--window"),
      closed: colourOf("--reason-window"),
      lane: colourOf("--line"),
    };
    this.#draw();
  }

  /** Sends off what a sample tells. */
  send({ segments, retransmitted, acked, closed, seconds }: Traffic): void {
    if (document.hidden) return;
    const now = performance.now();
    const spreadMs = Math.min(500, seconds * 1000);
    const count = Math.min(MOST_PER_SAMPLE, segments);
    const again = Math.ceil((retransmitted / Math.max(1, segments)) * count);
    for (let index = 0; index < count && this.#travellers.length < MOST; index++) {
      // One behind the other, however quickly they were sent.
      const startMs = Math.max(now + (index / count) * spreadMs, this.#lastMs + APART_MS);
      if (startMs > now + LATEST_MS) break;
      this.#lastMs = startMs;
      this.#travellers.push({ kind: index < again ? "again" : "segment", startMs });
    }
    if (acked) this.#travellers.push({ kind: closed ? "closed" : "ack", startMs: now + spreadMs / 2 });
    this.#animate();
  }

  /** Nothing travels: so many segments stand where they are, in flight. */
  stand(segments: number): void {
    this.#travellers = [];
    this.#standing = segments;
    this.#draw();
  }

  #animate(): void {
    this.#standing = 0;
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined;
      this.#draw();
      if (this.#travellers.length > 0) this.#animate();
    });
  }

  #draw(): void {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const scale = devicePixelRatio;
    if (
      this.#canvas.width !== Math.round(width * scale) ||
      this.#canvas.height !== Math.round(height * scale)
    ) {
      this.#canvas.width = Math.round(width * scale);
      this.#canvas.height = Math.round(height * scale);
    }
    const context = this.#canvas.getContext("2d");
    if (context === null) return;
    const now = performance.now();
    this.#travellers = this.#travellers.filter(({ startMs }) => now - startMs < TRAVEL_MS);
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    const [out, back] = [height * 0.3, height * 0.7];
    context.strokeStyle = this.#colours.lane ?? "grey";
    context.lineWidth = 1;
    context.setLineDash([2, 4]);
    for (const y of [out, back]) {
      context.beginPath();
      context.moveTo(0, y);
      context.lineTo(width, y);
      context.stroke();
    }
    context.setLineDash([]);
    for (const { kind, startMs } of this.#travellers) {
      if (now < startMs) continue;
      const share = (now - startMs) / TRAVEL_MS;
      if (kind === "ack" || kind === "closed") this.#ack(context, kind, width * (1 - share), back);
      else this.#segment(context, kind, width * share, out);
    }
    const standing = Math.min(this.#standing, 12);
    for (let index = 0; index < standing; index++) {
      this.#segment(context, "segment", (width * (index + 1)) / (standing + 1), out);
    }
    setData(this.#root, { moving: this.#travellers.length, standing: this.#standing });
  }

  #segment(context: CanvasRenderingContext2D, kind: string, x: number, y: number): void {
    context.fillStyle = this.#colours[kind] ?? "grey";
    context.beginPath();
    context.roundRect(x - 9, y - 6, 18, 12, 3);
    context.fill();
  }

  /** A ring: it is small, and carries no data. */
  #ack(context: CanvasRenderingContext2D, kind: string, x: number, y: number): void {
    context.strokeStyle = this.#colours[kind] ?? "grey";
    context.lineWidth = 2.5;
    context.beginPath();
    context.arc(x, y, 4.5, 0, 2 * Math.PI);
    context.stroke();
  }
}
