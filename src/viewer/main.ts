/** The page: what it is told, what is shown of it, and what the reader does. */
import type { QuantityName } from "../observe/index.ts";
import { Band } from "./band.ts";
import { Chooser } from "./chooser.ts";
import { bindControls } from "./controls.ts";
import { byId, setAttribute, setData } from "./dom.ts";
import { flowAt, isOutwards } from "./flow.ts";
import { Picture } from "./picture.ts";
import { type PlotHandlers, Plots, type PlotView } from "./plots.ts";
import type { Hello, TableUpdate } from "./protocol.ts";
import { Rows } from "./rows.ts";
import { Captions, drawHint, drawMoment, drawNotice, drawRange, endedText } from "./status.ts";
import { Stream, type StreamState } from "./stream.ts";
import { ThemeSwitch } from "./theme.ts";
import { Track } from "./track.ts";
import { Tracks } from "./tracks.ts";
import { Viewport } from "./viewport.ts";

class App {
  readonly #rows = new Rows();
  readonly #tracks = new Tracks();
  readonly #viewport = new Viewport();
  readonly #picture = new Picture();
  readonly #captions = new Captions();
  readonly #plots: Plots;
  readonly #band: Band;
  readonly #chooser: Chooser;
  readonly #stream: Stream;
  readonly #theme: ThemeSwitch;
  #hello: Hello | undefined;
  #names: readonly QuantityName[] = [];
  #track = new Track("", []);
  /** Undefined until that can be told. */
  #outwards: boolean | undefined;
  /** Whether the reader has chosen the direction, or the connection. */
  #directionChosen = false;
  #connectionChosen = false;
  #relative = false;
  #state: StreamState = "connecting";
  #endText: string | undefined;
  #byeText: string | undefined;
  #frame: number | undefined;

  constructor() {
    const handlers: PlotHandlers = {
      zoomTo: (from, to) => this.#do(() => this.#viewport.show(this.#track, from, to)),
      zoomAbout: (x, factor) => this.#do(() => this.#viewport.zoom(this.#track, factor, x)),
      panBy: (share) => this.#do(() => this.#viewport.pan(this.#track, share)),
      goTo: (x) => this.#do(() => this.#viewport.goTo(this.#track, this.#track.indexAt(x))),
      whole: () => this.#do(() => this.#viewport.whole(this.#track)),
    };
    this.#band = new Band(handlers);
    this.#plots = new Plots(byId("plot-grid"), handlers);
    this.#chooser = new Chooser(this.#rows, (id) => {
      this.#connectionChosen = true;
      this.#show(id);
    });
    this.#theme = new ThemeSwitch(byId("theme", HTMLButtonElement), () => this.#restyle());
    this.#stream = new Stream({
      hello: (hello) => this.#onHello(hello),
      samples: (batch) => {
        this.#track.add(batch);
        this.#changed();
      },
      table: (update) => this.#onTable(update),
      caption: (caption) => this.#do(() => this.#captions.add(caption)),
      end: ({ text }) => {
        this.#endText = text;
        this.#changed();
      },
      state: (state, text) => this.#onState(state, text),
    });
    bindControls({
      viewport: this.#viewport,
      chooser: this.#chooser,
      track: () => this.#track,
      turnRound: () => {
        this.#outwards = this.#outwards === false;
        this.#directionChosen = true;
      },
      toggleRelative: () => {
        this.#relative = !this.#relative;
      },
      toggleTheme: () => this.#theme.toggle(),
      retry: () => this.#retry(),
      changed: () => this.#changed(),
    });
    document.addEventListener("visibilitychange", () => this.#changed());
  }

  start(): void {
    const asked = /^#(\d{1,20})$/.exec(location.hash)?.[1];
    if (asked !== undefined) {
      this.#connectionChosen = true;
      this.#take(asked);
    }
    this.#stream.open(asked === undefined ? [] : [asked]);
  }

  #onHello(hello: Hello): void {
    this.#hello = hello;
    this.#names = Object.keys(hello.quantities) as QuantityName[];
    this.#picture.setTexts(hello.texts);
    this.#track.begin(hello.boot, hello.reasons);
    this.#endText = undefined;
    if (!hello.resumed) this.#captions.clear();
    setData(document.documentElement, { mode: hello.mode });
    this.#changed();
  }

  #onTable(update: TableUpdate): void {
    this.#rows.update(update);
    this.#chooser.changed();
    this.#chooseByItself();
    this.#changed();
  }

  #onState(state: StreamState, text: string | undefined): void {
    this.#state = state;
    if (state === "ended")
      this.#byeText = text ?? "The server has ended, or does not answer. This page keeps what it has.";
    else if (state === "open") this.#byeText = undefined;
    this.#changed();
  }

  /** The busiest connection, unless the reader has chosen one; in the demo always the newest. */
  #chooseByItself(): void {
    const isDemo = this.#hello?.mode === "demo";
    if (this.#connectionChosen || this.#viewport.paused) return;
    if (isDemo) {
      const { newest } = this.#rows;
      const current = this.#rows.get(this.#track.id);
      if (newest !== undefined && (current === undefined || current.ended !== undefined))
        this.#show(newest.id);
      return;
    }
    if (this.#track.id !== "") return;
    const { first } = this.#chooser;
    if (first === undefined) return;
    if (this.#rows.size > 1) this.#chooser.open(true);
    this.#show(first);
  }

  #take(id: string): void {
    this.#track = this.#tracks.take(id, this.#hello?.reasons ?? []);
    this.#directionChosen = false;
    this.#outwards = undefined;
    this.#chooser.chosen = id;
  }

  #show(id: string): void {
    if (id === this.#track.id) return;
    this.#take(id);
    this.#viewport.now();
    history.replaceState(null, "", this.#connectionChosen ? `#${id}` : location.pathname);
    // What a server that has ended would have told is what this page has kept.
    if (this.#byeText === undefined) this.#stream.open([id]);
    this.#changed();
  }

  /** Draws with the next frame, once for all that has changed until then. */
  #changed(): void {
    if (document.hidden) {
      // Browsers make no frames for a page that nobody sees; what comes is kept, and drawn when it is seen again.
      return;
    }
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined;
      this.#draw();
    });
  }

  #do(action: () => void): void {
    action();
    this.#changed();
  }

  #restyle(): void {
    // Called by the theme before all is there.
    queueMicrotask(() => {
      this.#picture.restyle();
      this.#plots.restyle();
      this.#band.restyle();
      this.#changed();
    });
  }

  #draw(): void {
    const track = this.#track;
    const index = this.#viewport.index(track);
    if (!this.#directionChosen && track.length > 0)
      this.#outwards = isOutwards(track, track.length - 1, this.#outwards);
    const flow = flowAt(track, index, this.#outwards !== false);
    const { paused } = this.#viewport;
    const ended = endedText(track, this.#rows.get(track.id), flow);
    const moves = !paused && ended === undefined && this.#state === "open" && this.#endText === undefined;
    this.#picture.draw(track, flow, this.#names, moves);
    const { from, to } = this.#viewport.range(track);
    const view: PlotView = { track, ends: flow, from, to, index, paused, relative: this.#relative };
    this.#band.draw(view);
    this.#plots.draw(view);
    const server = {
      mode: this.#hello?.mode,
      stream: this.#state,
      endText: this.#endText,
      byeText: this.#byeText,
    };
    drawMoment(track, flow, this.#viewport, server);
    drawNotice(ended, server);
    drawHint(track, server);
    this.#captions.draw(paused && index >= 0 ? track.elapsedMs(index) : Number.POSITIVE_INFINITY);
    this.#chooser.draw(track.id, flow.from, flow.to);
    drawRange(track, { from, to });
    setAttribute(byId("relative"), "aria-pressed", this.#relative ? "true" : "false");
    setData(byId("plots"), {
      from,
      to,
      live: this.#viewport.live ? "yes" : "no",
      keptBytes: this.#tracks.sizeBytes,
    });
  }

  #retry(): void {
    this.#byeText = undefined;
    this.#stream.open(this.#track.id === "" ? [] : [this.#track.id]);
    this.#changed();
  }
}

new App().start();
