/** Which moments are shown: the newest seconds or a range, and the one moment that the picture is of. */

export interface Moments {
  readonly length: number;
  x(index: number): number;
  indexAt(x: number): number;
}

export interface Range {
  readonly from: number;
  readonly to: number;
}

const DEFAULT_SPAN = 30;
/** As long as there is less than the default to show. */
const FIRST_SPAN = 10;
const LEAST_SPAN = 0.05;
const STEP = 1.5;

export class Viewport {
  /** How many seconds are shown of the newest; undefined until that is chosen. */
  #span: number | undefined;
  /** What is shown instead, while it is not the newest. */
  #held: Range | undefined;
  /** The moment of the picture, while that is not the newest sample. */
  #moment: number | undefined;

  get paused(): boolean {
    return this.#moment !== undefined;
  }

  /** Whether the newest sample is in sight, and moves. */
  get live(): boolean {
    return this.#held === undefined;
  }

  /** The place of the sample that the picture is of; -1 where there is none. */
  index(moments: Moments): number {
    return this.#moment === undefined ? moments.length - 1 : moments.indexAt(this.#moment);
  }

  range(moments: Moments): Range {
    if (this.#held !== undefined) return this.#held;
    const { from: oldest, to: newest } = allOf(moments);
    const span = this.#span ?? Math.min(DEFAULT_SPAN, Math.max(FIRST_SPAN, newest - oldest));
    // As long as all of it has room, it begins at the left.
    const to = Math.max(newest, oldest + span);
    return { from: to - span, to };
  }

  pause(moments: Moments): void {
    if (moments.length === 0) return;
    this.#held = this.range(moments);
    this.#moment ??= moments.x(moments.length - 1);
  }

  /** The newest sample from here on, in the picture and in the plots. */
  now(): void {
    this.#moment = undefined;
    this.#held = undefined;
  }

  /** Pauses at a sample, and moves the range if it is not in it. */
  goTo(moments: Moments, index: number): void {
    if (moments.length === 0) return;
    const x = moments.x(Math.max(0, Math.min(moments.length - 1, index)));
    const { from, to } = this.range(moments);
    const span = to - from;
    const left = x < from ? x - span * 0.1 : x > to ? x - span * 0.9 : from;
    this.#moment = x;
    this.#held = { from: left, to: left + span };
  }

  step(moments: Moments, by: number): void {
    this.goTo(moments, this.index(moments) + by);
  }

  /** Pauses, and shows a range. The picture stays at its moment. */
  show(moments: Moments, from: number, to: number): void {
    if (moments.length === 0) return;
    this.pause(moments);
    const span = Math.max(LEAST_SPAN, to - from);
    this.#held = { from, to: from + span };
  }

  /** Closer for a factor below 1, about a moment, or about the picture's. */
  zoom(moments: Moments, factor: number, about?: number): void {
    const { from, to } = this.range(moments);
    const all = allOf(moments);
    const most = Math.max(DEFAULT_SPAN, (all.to - all.from) * 1.02);
    const span = Math.min(most, Math.max(LEAST_SPAN, (to - from) * factor));
    if (this.#held === undefined) {
      this.#span = span;
      return;
    }
    const index = this.index(moments);
    const centre = about ?? (index >= 0 ? moments.x(index) : to);
    const share = Math.max(0, Math.min(1, (centre - from) / (to - from)));
    this.#held = { from: centre - span * share, to: centre + span * (1 - share) };
  }

  in(moments: Moments): void {
    this.zoom(moments, 1 / STEP);
  }

  out(moments: Moments): void {
    this.zoom(moments, STEP);
  }

  /** Moves the range by a share of itself. At the newest sample it goes on with that, unless it is paused. */
  pan(moments: Moments, share: number): void {
    if (moments.length === 0) return;
    const { from, to } = this.range(moments);
    const all = allOf(moments);
    const span = to - from;
    const next = Math.max(all.from + span * 0.1, Math.min(all.to + span * 0.9, to + share * span));
    this.#held = next >= all.to && share > 0 && !this.paused ? undefined : { from: next - span, to: next };
  }

  /** All that is known. */
  whole(moments: Moments): void {
    if (moments.length < 2) return;
    const { from, to } = allOf(moments);
    const span = Math.max(LEAST_SPAN, (to - from) * 1.02);
    if (this.#held === undefined) this.#span = span;
    else this.#held = { from: to - span, to };
  }
}

function allOf(moments: Moments): Range {
  return moments.length === 0
    ? { from: 0, to: 0 }
    : { from: moments.x(0), to: moments.x(moments.length - 1) };
}
