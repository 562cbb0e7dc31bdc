/** What the buttons and the keys of the page do. */
import type { Chooser } from "./chooser.ts";
import { byId, make } from "./dom.ts";
import { type Key, listen } from "./keyboard.ts";
import type { Track } from "./track.ts";
import type { Viewport } from "./viewport.ts";

/** How many samples PageUp and PageDown go. */
const PAGE = 20;

export interface Controlled {
  readonly viewport: Viewport;
  readonly chooser: Chooser;
  /** Of the connection that is shown. */
  track(): Track;
  /** Shows the other direction. */
  turnRound(): void;
  toggleRelative(): void;
  toggleTheme(): void;
  retry(): void;
  /** Called after each. */
  changed(): void;
}

/** Binds all buttons and keys, and lists the keys in the dialog. */
export function bindControls(page: Controlled): void {
  const keys = keysOf(page);
  listen(keys.map((key) => ({ ...key, run: doing(page, key.run) })));
  byId("keys-list").append(
    ...keys.map(({ shown, does }) =>
      make("div", {}, make("dt", {}, make("kbd", {}, shown)), make("dd", {}, does)),
    ),
  );
  const { viewport, chooser } = page;
  const clicks: Readonly<Record<string, () => void>> = {
    back: () => viewport.step(page.track(), -1),
    forward: () => viewport.step(page.track(), 1),
    pause: () => togglePause(page),
    now: () => viewport.now(),
    "zoom-in": () => viewport.in(page.track()),
    "zoom-out": () => viewport.out(page.track()),
    whole: () => viewport.whole(page.track()),
    relative: () => page.toggleRelative(),
    direction: () => page.turnRound(),
    chooser: () => chooser.toggle(),
    retry: () => page.retry(),
    help: toggleHelp,
    "keys-close": toggleHelp,
  };
  for (const [id, action] of Object.entries(clicks)) byId(id).addEventListener("click", doing(page, action));
}

function doing(page: Controlled, action: () => void): () => void {
  return () => {
    action();
    page.changed();
  };
}

function togglePause({ viewport, track }: Controlled): void {
  if (viewport.paused) viewport.now();
  else viewport.pause(track());
}

function toggleHelp(): void {
  const dialog = byId("keys", HTMLDialogElement);
  if (dialog.open) dialog.close();
  else dialog.showModal();
}

function keysOf(page: Controlled): Key[] {
  const { viewport, chooser, track } = page;
  const key = (names: string, shown: string, does: string, run: () => void): Key => ({
    keys: names === " " ? [names] : names.split(" "),
    shown,
    does,
    run,
  });
  return [
    key(" ", "space", "pause; again: go on from now", () => togglePause(page)),
    key("ArrowLeft ,", "← ,", "a sample back", () => viewport.step(track(), -1)),
    key("ArrowRight .", "→ .", "a sample on", () => viewport.step(track(), 1)),
    key("PageUp", "PageUp", "twenty samples back", () => viewport.step(track(), -PAGE)),
    key("PageDown", "PageDown", "twenty samples on", () => viewport.step(track(), PAGE)),
    key("Home", "Home", "the oldest sample", () => viewport.goTo(track(), 0)),
    key("End", "End", "now", () => viewport.now()),
    key("+ =", "+", "closer", () => viewport.in(track())),
    key("-", "−", "wider", () => viewport.out(track())),
    key("0", "0", "all there is", () => viewport.whole(track())),
    key("Shift+ArrowLeft", "Shift ←", "the plots earlier", () => viewport.pan(track(), -0.25)),
    key("Shift+ArrowRight", "Shift →", "the plots later", () => viewport.pan(track(), 0.25)),
    key("d", "d", "the other direction", () => page.turnRound()),
    key("r", "r", "sequence space from what is acknowledged on, or from 0", () => page.toggleRelative()),
    key("j", "j", "the next connection", () => chooser.selectBy(1)),
    key("k", "k", "the connection before", () => chooser.selectBy(-1)),
    key("c", "c", "all connections; there: ↑ ↓ Enter", () => chooser.toggle()),
    key("/", "/", "search the connections", () => chooser.search()),
    key("m", "m", "light or dark", () => page.toggleTheme()),
    key("?", "?", "these keys", toggleHelp),
  ];
}
