/** The plots: uPlot, with one time for all of them. */
import uPlot from "uplot";
import { secondSteps, stepsOf, textOf, tickText } from "./axis.ts";
import { colourOf, make, setAttribute, setData, setText } from "./dom.ts";
import { clockText } from "./format.ts";
import { type Ends, linesOf, PLOTS, type PlotLook, SEQUENCE } from "./plot_lines.ts";
import { isStill } from "./theme.ts";
import type { Track } from "./track.ts";

/** The axis at the left, the same in all, so that their times stand below each other. */
export const GUTTER = 68;
export const RIGHT = 12;

/** What the reader does in a plot. */
export interface PlotHandlers {
  /** Drawn over from here to there. */
  zoomTo(from: number, to: number): void;
  zoomAbout(x: number, factor: number): void;
  panBy(share: number): void;
  goTo(x: number): void;
  whole(): void;
}

export interface PlotView {
  readonly track: Track;
  readonly ends: Ends;
  readonly from: number;
  readonly to: number;
  /** The sample that the picture is of. */
  readonly index: number;
  readonly paused: boolean;
  /** The sequence space from what is acknowledged on. */
  readonly relative: boolean;
}

class Plot {
  readonly #look: PlotLook;
  readonly #holder: HTMLElement;
  readonly #values = new Map<string, HTMLElement>();
  readonly #handlers: PlotHandlers;
  #plot: uPlot | undefined;
  #view: PlotView | undefined;
  #width = 0;

  constructor(parent: HTMLElement, look: PlotLook, handlers: PlotHandlers) {
    this.#look = look;
    this.#handlers = handlers;
    const legend = make("ul", { class: "legend" });
    for (const { label, name, colour, dashed } of look.lines) {
      if (label === "") continue;
      const value = make("b");
      const swatch = make("i", { class: dashed ? "swatch line dashed" : "swatch line" });
      swatch.style.setProperty("--colour", `var(${colour})`);
      legend.append(make("li", {}, swatch, `${label} `, value));
      this.#values.set(name, value);
    }
    this.#holder = make("div", { class: "plot-area", role: "img", "aria-label": look.title });
    const head = make("div", { class: "plot-head" }, make("h3", {}, look.title), legend);
    parent.append(
      make("div", { class: look.wide ? "plot wide" : "plot", id: `plot-${look.id}` }, head, this.#holder),
    );
    new ResizeObserver(() => this.#resize()).observe(this.#holder);
    wheelOf(this.#holder, () => this.#plot, handlers);
  }

  #resize(): void {
    const { clientWidth: width } = this.#holder;
    if (width === 0 || width === this.#width) return;
    this.#width = width;
    if (this.#plot === undefined) this.remake();
    else this.#plot.setSize({ width, height: this.#height });
  }

  get #height(): number {
    return this.#look.wide && this.#width > 500 ? 260 : 190;
  }

  /** After a change of the theme: uPlot keeps the colours that it was made with. */
  remake(): void {
    if (this.#width === 0) return;
    this.#plot?.destroy();
    this.#plot = new uPlot(this.#options(), [[], ...this.#look.lines.map(() => [])], this.#holder);
    if (this.#view !== undefined) this.draw(this.#view);
  }

  #options(): uPlot.Options {
    const { unit, lines, between, stepped } = this.#look;
    const axis = {
      stroke: colourOf("--quiet"),
      font: FONT,
      ticks: { show: false },
      grid: { stroke: colourOf("--grid"), width: 1 },
    };
    const stepPath = uPlot.paths.stepped?.({ align: 1 });
    const bands = between?.map((name) => lines.findIndex((line) => line.name === name) + 1);
    return {
      width: this.#width,
      height: this.#height,
      padding: [8, RIGHT, 0, 0],
      legend: { show: false },
      scales: {
        x: { time: false, auto: false },
        y: { range: (_plot, _low, high) => [this.#low(), Math.max(high ?? 1, 1) * 1.06] },
      },
      axes: [
        {
          ...axis,
          incrs: secondSteps(),
          values: (_plot, splits, _axis, _space, step) =>
            splits.map((x) => clockText(x, step < 1 ? (step < 0.1 ? 2 : 1) : 0)),
          size: 26,
          space: 64,
        },
        {
          ...axis,
          incrs: stepsOf(unit),
          values: (_plot, splits) => splits.map((y) => tickText(unit, y)),
          size: GUTTER,
          gap: 6,
          space: 34,
        },
      ],
      series: [
        {},
        ...lines.map(
          ({ colour, dashed, label }): uPlot.Series => ({
            stroke: label === "" ? "transparent" : colourOf(colour),
            width: dashed ? 1.25 : 2,
            points: { show: false },
            ...(dashed ? { dash: [4, 4] } : {}),
            ...(stepped && stepPath !== undefined ? { paths: stepPath } : {}),
          }),
        ),
      ],
      ...(bands === undefined
        ? {}
        : { bands: [{ series: [bands[0] ?? 1, bands[1] ?? 2], fill: colourOf("--in-flight-soft") }] }),
      cursor: cursorOf(this.#handlers),
      hooks: {
        init: [(plot) => clickOf(plot, this.#handlers)],
        setCursor: [() => this.#drawValues()],
        draw: [(plot) => drawMoment(plot, this.#view)],
        setSelect: [(plot) => selected(plot, this.#handlers)],
      },
    };
  }

  /** Sequence numbers and counts may begin anywhere; the others begin at 0. */
  #low(): number {
    if (this.#look !== SEQUENCE || this.#plot === undefined) return 0;
    let least = Number.POSITIVE_INFINITY;
    for (const ys of this.#plot.data.slice(1))
      for (const y of ys) if (y !== null && y !== undefined && y < least) least = y;
    return Number.isFinite(least) ? least : 0;
  }

  draw(view: PlotView): void {
    this.#view = view;
    const plot = this.#plot;
    if (plot === undefined) return;
    const { track, ends, from, to } = view;
    const { xs, ys } = linesOf(track, this.#look, ends, from, to, this.#base(view));
    plot.batch(() => {
      plot.setData([[...xs], ...ys.map((line) => [...line])], false);
      plot.setScale("x", { min: from, max: to });
    });
    setData(this.#holder, { points: xs.length, from, to });
    this.#drawValues();
  }

  /** What the numbers of a sample are counted from, where that is not 0. */
  #base({ track, ends, relative }: PlotView): ((index: number) => number) | undefined {
    if (this.#look !== SEQUENCE || !relative) return undefined;
    return (index) => track.value(ends.senderId, "ackedBytes", index);
  }

  /** The numbers beside the lines' names: at the pointer, or else at the moment of the picture. */
  #drawValues(): void {
    const view = this.#view;
    if (view === undefined) return;
    const { index, track, ends } = view;
    const pointed = this.#plot?.cursor.idx;
    const x = pointed === null || pointed === undefined ? undefined : this.#plot?.data[0][pointed];
    const at = x === undefined ? index : track.indexAt(x);
    const base = this.#base(view)?.(at) ?? 0;
    for (const { name, value } of this.#look.lines) {
      const place = this.#values.get(name);
      if (place === undefined) continue;
      const y = value(track, ends, at) - base;
      setText(place, textOf(this.#look.unit, y));
      setData(place, { name, value: Number.isNaN(y) ? undefined : y });
    }
  }
}

const FONT = "11px Inter, system-ui, sans-serif";

/** The line at the moment of the picture, while that is not the newest one. */
export function drawMoment(plot: uPlot, view: PlotView | undefined): void {
  if (view === undefined || !view.paused || view.index < 0) return;
  const x = Math.round(plot.valToPos(view.track.x(view.index), "x", true));
  const { left, top, width, height } = plot.bbox;
  if (x < left || x > left + width) return;
  const { ctx } = plot;
  ctx.save();
  ctx.strokeStyle = colourOf("--text");
  ctx.setLineDash([]); // that of a line may be left over
  ctx.lineWidth = devicePixelRatio;
  ctx.beginPath();
  ctx.moveTo(x, top);
  ctx.lineTo(x, top + height);
  ctx.stroke();
  ctx.restore();
}

/** Below so many pixels it was a click. */
const LEAST_DRAG = 6;

export function cursorOf(handlers: PlotHandlers): uPlot.Cursor {
  return {
    y: false,
    sync: { key: "time" },
    points: { show: !isStill(), size: 7 },
    drag: { x: true, y: false, setScale: false, dist: LEAST_DRAG },
    bind: {
      dblclick: () => () => {
        handlers.whole();
        return null;
      },
    },
  };
}

/** A press and a release in the same place. */
export function clickOf(plot: uPlot, handlers: PlotHandlers): void {
  let pressedX = 0;
  plot.over.addEventListener("mousedown", ({ clientX }) => {
    pressedX = clientX;
  });
  plot.over.addEventListener("click", ({ clientX }) => {
    if (Math.abs(clientX - pressedX) >= LEAST_DRAG) return;
    handlers.goTo(plot.posToVal(clientX - plot.over.getBoundingClientRect().left, "x"));
  });
}

export function selected(plot: uPlot, handlers: PlotHandlers): void {
  const { left, width } = plot.select;
  if (width < LEAST_DRAG) return;
  const [from, to] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  handlers.zoomTo(from, to);
}

const ZOOM_PER_PIXEL = 1.0015;

/** With Ctrl the wheel zooms, as two fingers do; sideways or with Shift it moves. Else it is the page that scrolls. */
export function wheelOf(element: HTMLElement, plotOf: () => uPlot | undefined, handlers: PlotHandlers): void {
  element.addEventListener(
    "wheel",
    (event) => {
      const plot = plotOf();
      if (plot === undefined) return;
      const { left, width } = plot.over.getBoundingClientRect();
      const { ctrlKey, metaKey, shiftKey, deltaX, deltaY } = event;
      const sideways = shiftKey || Math.abs(deltaX) > Math.abs(deltaY);
      if (!sideways && !ctrlKey && !metaKey) return;
      event.preventDefault();
      if (sideways) handlers.panBy((deltaX || deltaY) / Math.max(1, width));
      else handlers.zoomAbout(plot.posToVal(event.clientX - left, "x"), ZOOM_PER_PIXEL ** deltaY);
    },
    { passive: false },
  );
}

export class Plots {
  readonly #plots: readonly Plot[];

  constructor(parent: HTMLElement, handlers: PlotHandlers) {
    this.#plots = PLOTS.map((look) => new Plot(parent, look, handlers));
  }

  draw(view: PlotView): void {
    for (const plot of this.#plots) plot.draw(view);
  }

  restyle(): void {
    for (const plot of this.#plots) plot.remake();
  }
}

/** Says in words what a picture of lines shows. */
export function describe(element: Element, text: string): void {
  setAttribute(element, "aria-label", text);
}
