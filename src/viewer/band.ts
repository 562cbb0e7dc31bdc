/** The band: what the sender waited for, in colours over time. */
import uPlot from "uplot";
import { byId, colourOf, make, setData } from "./dom.ts";
import {
  clickOf,
  cursorOf,
  describe,
  drawMoment,
  GUTTER,
  type PlotHandlers,
  type PlotView,
  RIGHT,
  selected,
  wheelOf,
} from "./plots.ts";
import { lookOf } from "./reasons.ts";
import { type Stretch, sharesOf, stretchesOf } from "./stretches.ts";

const HEIGHT = 34;
/** A word is written into what is so many pixels wider than it. */
const ROOM = 12;

export class Band {
  readonly #holder = byId("band");
  readonly #shares = byId("shares");
  readonly #handlers: PlotHandlers;
  #plot: uPlot | undefined;
  #view: PlotView | undefined;
  #stretches: readonly Stretch[] = [];
  #said = "";
  #width = 0;

  constructor(handlers: PlotHandlers) {
    this.#handlers = handlers;
    new ResizeObserver(() => {
      const { clientWidth } = this.#holder;
      if (clientWidth === 0 || clientWidth === this.#width) return;
      this.#width = clientWidth;
      this.restyle();
    }).observe(this.#holder);
    wheelOf(this.#holder, () => this.#plot, handlers);
  }

  restyle(): void {
    if (this.#width === 0) return;
    this.#plot?.destroy();
    const cursor = cursorOf(this.#handlers);
    this.#plot = new uPlot(
      {
        width: this.#width,
        height: HEIGHT,
        padding: [0, RIGHT, 0, GUTTER],
        legend: { show: false },
        scales: { x: { time: false, auto: false }, y: { range: [0, 1] } },
        axes: [{ show: false }, { show: false }],
        series: [{}, { show: true, stroke: "transparent", points: { show: false } }],
        cursor: { ...cursor, points: { show: false } },
        hooks: {
          init: [(plot) => clickOf(plot, this.#handlers)],
          draw: [(plot) => this.#paint(plot), (plot) => drawMoment(plot, this.#view)],
          setSelect: [(plot) => selected(plot, this.#handlers)],
        },
      },
      [[], []],
      this.#holder,
    );
    if (this.#view !== undefined) this.draw(this.#view);
  }

  draw(view: PlotView): void {
    this.#view = view;
    const { track, ends, from, to } = view;
    this.#stretches = stretchesOf(track, ends.senderId, from, to);
    const plot = this.#plot;
    if (plot !== undefined) {
      plot.batch(() => {
        plot.setData(
          [
            [from, to],
            [0, 0],
          ],
          false,
        );
        plot.setScale("x", { min: from, max: to });
      });
    }
    this.#tell();
  }

  #paint({ ctx, bbox, valToPos }: uPlot): void {
    const { left, top, width, height } = bbox;
    ctx.save();
    ctx.beginPath();
    ctx.roundRect(left, top, width, height, 4 * devicePixelRatio);
    ctx.clip();
    ctx.fillStyle = colourOf("--empty");
    ctx.fillRect(left, top, width, height);
    ctx.font = `500 ${11 * devicePixelRatio}px Inter, system-ui, sans-serif`;
    ctx.textBaseline = "middle";
    const words = colourOf("--on-reason");
    for (const { reason, from, to } of this.#stretches) {
      const [x, end] = [valToPos(from, "x", true), valToPos(to, "x", true)];
      const { label, colour } = lookOf(reason);
      ctx.fillStyle = colourOf(colour);
      ctx.fillRect(x, top, Math.max(devicePixelRatio, end - x), height);
      const room = ctx.measureText(label).width + ROOM * devicePixelRatio;
      if (end - x < room) continue;
      ctx.fillStyle = words;
      ctx.fillText(label, x + (ROOM / 2) * devicePixelRatio, top + height / 2);
    }
    ctx.restore();
  }

  /** Which share of the time each reason has. */
  #tell(): void {
    const shares = sharesOf(this.#stretches);
    setData(this.#holder, {
      stretches: this.#stretches.length,
      reasons: shares.map(({ reason }) => reason).join(" "),
    });
    const text = shares
      .map(({ reason, share }) => `${lookOf(reason).label} ${Math.round(share * 100)} %`)
      .join(", ");
    if (text === this.#said) return;
    this.#said = text;
    describe(this.#holder, `What the sender waited for, in the range that is shown: ${text || "not known"}`);
    this.#shares.replaceChildren(
      ...shares.map(({ reason, share }) => {
        const { label, colour } = lookOf(reason);
        const swatch = make("i", { class: "swatch", "data-coloured": true });
        swatch.style.setProperty("--colour", `var(${colour})`);
        return make(
          "li",
          { "data-reason": reason, "data-share": share.toFixed(4) },
          swatch,
          `${label} `,
          make("b", {}, `${Math.round(share * 100)} %`),
        );
      }),
    );
  }
}
