/** The page: what it is told, what is shown of it, and what the reader does. */
import type { QuantityName } from "../observe/index.ts";
import { Band } from "./band.ts";
import { byId, make, setAttribute, setData, setText } from "./dom.ts";
import { type Flow, flowAt, isOutwards } from "./flow.ts";
import { clockText, countText, plural, timeOfDay } from "./format.ts";
import { type Key, listen } from "./keyboard.ts";
import { Picture } from "./picture.ts";
import { type PlotHandlers, Plots, type PlotView } from "./plots.ts";
import type { Caption, Hello } from "./protocol.ts";
import { Rows } from "./rows.ts";
import { Stream, type StreamState } from "./stream.ts";
import { Table } from "./table.ts";
import { ThemeSwitch } from "./theme.ts";
import { Track } from "./track.ts";
import { Tracks } from "./tracks.ts";
import { Viewport } from "./viewport.ts";

const PAGE = 20;
const MAX_CAPTIONS = 200;

class App {
  readonly #rows = new Rows();
  readonly #tracks = new Tracks();
  readonly #viewport = new Viewport();
  readonly #picture = new Picture();
  readonly #plots: Plots;
  readonly #band: Band;
  readonly #table: Table;
  readonly #stream: Stream;
  readonly #theme: ThemeSwitch;
  #captions: Caption[] = [];
  #hello: Hello | undefined;
  #names: readonly QuantityName[] = [];
  #track = new Track("", []);
  #outwards = true;
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
    this.#table = new Table(this.#rows, (id) => {
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
      table: (update) => {
        this.#rows.update(update);
        this.#table.changed();
        this.#chooseByItself();
        this.#changed();
      },
      caption: (caption) => this.#onCaption(caption),
      end: ({ text }) => {
        this.#endText = text;
        this.#changed();
      },
      state: (state, text) => {
        this.#state = state;
        if (state === "ended")
          this.#byeText = text ?? "The server has ended, or does not answer. This page keeps what it has.";
        else if (state === "open") this.#byeText = undefined;
        this.#changed();
      },
    });
    this.#bind();
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
    if (!hello.resumed) this.#captions = [];
    setData(document.documentElement, { mode: hello.mode });
    this.#changed();
  }

  #onCaption(caption: Caption): void {
    if (this.#captions.some(({ elapsedMs }) => elapsedMs === caption.elapsedMs)) return;
    this.#captions.push(caption);
    if (this.#captions.length > MAX_CAPTIONS) this.#captions.shift();
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
    const { first } = this.#table;
    if (first === undefined) return;
    if (this.#rows.size > 1) this.#openChooser(true);
    this.#show(first.id);
  }

  #take(id: string): void {
    this.#track = this.#tracks.take(id, this.#hello?.reasons ?? []);
    this.#directionChosen = false;
    this.#table.chosen = id;
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
    if (!this.#directionChosen) this.#outwards = isOutwards(track, track.length - 1);
    const flow = flowAt(track, index, this.#outwards);
    const { paused } = this.#viewport;
    const ended = this.#endedText(flow);
    const moves = !paused && ended === undefined && this.#state === "open" && this.#endText === undefined;
    this.#picture.draw(track, flow, this.#names, moves);
    const { from, to } = this.#viewport.range(track);
    const view: PlotView = {
      track,
      ends: flow,
      from,
      to,
      index,
      paused,
      relative: this.#relative,
    };
    this.#band.draw(view);
    this.#plots.draw(view);
    this.#drawTop(flow);
    this.#drawNotice(ended);
    this.#drawCaption(index);
    this.#drawChooser(flow);
    setText(
      byId("range"),
      track.length === 0
        ? ""
        : `${clockText(Math.max(0, from))} to ${clockText(to)}, ${plural(track.length, "sample")} kept`,
    );
    setData(byId("plots"), {
      from,
      to,
      live: this.#viewport.live ? "yes" : "no",
      keptBytes: this.#tracks.sizeBytes,
    });
    setText(
      byId("foot"),
      track.missed + track.skipped === 0
        ? ""
        : `${countText(track.missed)} samples came too late, ${countText(track.skipped)} were left out since this page was too slow.`,
    );
  }

  #endedText({ senderId, receiverId }: Flow): string | undefined {
    const track = this.#track;
    const row = this.#rows.get(track.id);
    const because = row?.ended ?? track.endedBecause(track.id);
    const others = [senderId, receiverId].filter((id): id is string => id !== undefined && id !== track.id);
    if (because === undefined) return undefined;
    if (because === "replaced") return "This connection has ended; another one has its addresses now.";
    if (because === "unobserved")
      return "This connection is no longer observed. What was seen of it can still be looked at.";
    const left = others.some(
      (id) => track.endedBecause(id) === undefined && track.end(id, track.length - 1) !== undefined,
    );
    return left
      ? "One end of this connection has gone; the other one is still there."
      : "This connection has ended. What was seen of it can still be looked at.";
  }

  #drawTop({ index }: Flow): void {
    const { paused } = this.#viewport;
    const state = this.#byeText !== undefined || this.#endText !== undefined ? "ended" : this.#state;
    const shown = paused
      ? "paused"
      : state === "open"
        ? this.#hello?.mode === "replay"
          ? "replay"
          : "live"
        : state;
    setAttribute(byId("status"), "data-state", shown);
    setText(byId("status-text"), shown === "lost" ? "connecting again" : shown);
    const pause = byId("pause");
    setAttribute(pause, "aria-pressed", paused ? "true" : "false");
    setAttribute(pause, "aria-label", paused ? "Go on (space)" : "Pause (space)");
    setAttribute(byId("now"), "disabled", !paused && this.#viewport.live);
    setText(byId("clock"), index < 0 ? "" : clockText(this.#track.x(index), 2));
    setText(byId("day"), index < 0 ? "" : `· ${timeOfDay(this.#track.at(index))}`);
    setAttribute(byId("relative"), "aria-pressed", this.#relative ? "true" : "false");
  }

  #drawNotice(ended: string | undefined): void {
    const text =
      this.#byeText ??
      this.#endText ??
      ended ??
      (this.#state === "lost" ? "The connection to the server is lost. Trying again." : "");
    setText(byId("notice-text"), text);
    byId("notice").hidden = text === "";
    byId("retry").hidden = this.#byeText === undefined;
  }

  #drawCaption(index: number): void {
    const elapsedMs = index < 0 ? Number.POSITIVE_INFINITY : this.#track.elapsedMs(index);
    const until = this.#viewport.paused ? elapsedMs : Number.POSITIVE_INFINITY;
    const text = this.#captions.findLast((caption) => caption.elapsedMs <= until)?.text ?? "";
    setText(byId("caption"), text);
    byId("caption").hidden = text === "";
  }

  #drawChooser({ from, to }: Flow): void {
    setText(
      byId("chooser-name"),
      this.#track.id === "" ? "No connection yet" : from === "" ? "…" : `${from} → ${to}`,
    );
    const { size } = this.#rows;
    setText(byId("chooser-count"), plural(size, "connection"));
    setData(byId("connections"), { count: size, ended: this.#rows.endedSize, chosen: this.#track.id });
  }

  #openChooser(open: boolean): void {
    byId("chooser-panel").hidden = !open;
    setAttribute(byId("chooser"), "aria-expanded", open ? "true" : "false");
    if (open) this.#table.changed();
  }

  #toggleChooser(): void {
    const open = byId("chooser-panel").hidden !== false;
    this.#openChooser(open);
    if (open) this.#table.focus();
  }

  #togglePause(): void {
    if (this.#viewport.paused) this.#viewport.now();
    else this.#viewport.pause(this.#track);
  }

  #retry(): void {
    this.#byeText = undefined;
    this.#stream.open(this.#track.id === "" ? [] : [this.#track.id]);
    this.#changed();
  }

  #bind(): void {
    const keys = this.#keys();
    listen(keys.map((key) => ({ ...key, run: () => this.#do(key.run) })));
    byId("keys-list").append(
      ...keys.map(({ shown, does }) =>
        make("div", {}, make("dt", {}, make("kbd", {}, shown)), make("dd", {}, does)),
      ),
    );
    const clicks: Readonly<Record<string, () => void>> = {
      back: () => this.#viewport.step(this.#track, -1),
      forward: () => this.#viewport.step(this.#track, 1),
      pause: () => this.#togglePause(),
      now: () => this.#viewport.now(),
      "zoom-in": () => this.#viewport.in(this.#track),
      "zoom-out": () => this.#viewport.out(this.#track),
      whole: () => this.#viewport.whole(this.#track),
      relative: () => this.#toggleRelative(),
      direction: () => this.#turnRound(),
      chooser: () => this.#toggleChooser(),
      retry: () => this.#retry(),
      help: () => this.#help(),
      "keys-close": () => this.#help(),
    };
    for (const [id, action] of Object.entries(clicks))
      byId(id).addEventListener("click", () => this.#do(action));
    document.addEventListener("visibilitychange", () => this.#changed());
  }

  #toggleRelative(): void {
    this.#relative = !this.#relative;
  }

  #turnRound(): void {
    this.#outwards = !this.#outwards;
    this.#directionChosen = true;
  }

  #help(): void {
    const dialog = byId("keys", HTMLDialogElement);
    if (dialog.open) dialog.close();
    else dialog.showModal();
  }

  #keys(): Key[] {
    const [track, viewport] = [() => this.#track, this.#viewport];
    return [
      { keys: [" "], shown: "space", does: "pause; again: go on from now", run: () => this.#togglePause() },
      {
        keys: ["ArrowLeft", ","],
        shown: "← ,",
        does: "a sample back",
        run: () => viewport.step(track(), -1),
      },
      { keys: ["ArrowRight", "."], shown: "→ .", does: "a sample on", run: () => viewport.step(track(), 1) },
      {
        keys: ["PageUp"],
        shown: "PageUp",
        does: "twenty samples back",
        run: () => viewport.step(track(), -PAGE),
      },
      {
        keys: ["PageDown"],
        shown: "PageDown",
        does: "twenty samples on",
        run: () => viewport.step(track(), PAGE),
      },
      { keys: ["Home"], shown: "Home", does: "the oldest sample", run: () => viewport.goTo(track(), 0) },
      { keys: ["End"], shown: "End", does: "now", run: () => viewport.now() },
      { keys: ["+", "="], shown: "+", does: "closer", run: () => viewport.in(track()) },
      { keys: ["-"], shown: "−", does: "wider", run: () => viewport.out(track()) },
      { keys: ["0"], shown: "0", does: "all there is", run: () => viewport.whole(track()) },
      {
        keys: ["Shift+ArrowLeft"],
        shown: "Shift ←",
        does: "the plots earlier",
        run: () => viewport.pan(track(), -0.25),
      },
      {
        keys: ["Shift+ArrowRight"],
        shown: "Shift →",
        does: "the plots later",
        run: () => viewport.pan(track(), 0.25),
      },
      { keys: ["d"], shown: "d", does: "the other direction", run: () => this.#turnRound() },
      {
        keys: ["r"],
        shown: "r",
        does: "sequence space from what is acknowledged on, or from 0",
        run: () => this.#toggleRelative(),
      },
      { keys: ["j"], shown: "j", does: "the next connection", run: () => this.#selectBy(1) },
      { keys: ["k"], shown: "k", does: "the connection before", run: () => this.#selectBy(-1) },
      {
        keys: ["c"],
        shown: "c",
        does: "all connections; there: ↑ ↓ Enter",
        run: () => this.#toggleChooser(),
      },
      {
        keys: ["/"],
        shown: "/",
        does: "search the connections",
        run: () => {
          this.#openChooser(true);
          this.#table.focusSearch();
        },
      },
      { keys: ["m"], shown: "m", does: "light or dark", run: () => this.#theme.toggle() },
      { keys: ["?"], shown: "?", does: "these keys", run: () => this.#help() },
    ];
  }

  #selectBy(by: number): void {
    this.#table.select(by, true);
  }
}

new App().start();
