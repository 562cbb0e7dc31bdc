/** What stands around the picture: whether it is live, its moment, what has ended, and what to look at. */
import { byId, setAttribute, setText } from "./dom.ts";
import type { Flow } from "./flow.ts";
import { clockText, countText, plural, timeOfDay } from "./format.ts";
import type { Caption, Hello } from "./protocol.ts";
import type { ConnectionRow } from "./rows.ts";
import type { StreamState } from "./stream.ts";
import type { Track } from "./track.ts";
import type { Range, Viewport } from "./viewport.ts";

const MAX_CAPTIONS = 200;

/** What the server has said of itself. */
export interface ServerState {
  readonly mode: Hello["mode"] | undefined;
  readonly stream: StreamState;
  /** No more samples will come, and why. */
  readonly endText: string | undefined;
  /** There is no server any more, and why. */
  readonly byeText: string | undefined;
}

export function drawMoment(track: Track, { index }: Flow, viewport: Viewport, server: ServerState): void {
  const { paused } = viewport;
  const state = server.byeText !== undefined || server.endText !== undefined ? "ended" : server.stream;
  const live = server.mode === "replay" ? "replay" : "live";
  const shown = paused ? "paused" : state === "open" ? live : state;
  setAttribute(byId("status"), "data-state", shown);
  setText(byId("status-text"), shown === "lost" ? "connecting again" : shown);
  const pause = byId("pause");
  setAttribute(pause, "aria-pressed", paused ? "true" : "false");
  setAttribute(pause, "aria-label", paused ? "Go on (space)" : "Pause (space)");
  setAttribute(byId("now"), "disabled", !paused && viewport.live);
  setText(byId("clock"), index < 0 ? "" : clockText(track.x(index), 2));
  setText(byId("day"), index < 0 ? "" : `· ${timeOfDay(track.at(index))}`);
}

export function drawNotice(ended: string | undefined, { byeText, endText, stream, mode }: ServerState): void {
  const lost = stream === "lost" ? "The connection to the server is lost. Trying again." : "";
  const text = byeText ?? endText ?? ended ?? lost;
  setText(byId("notice-text"), text);
  byId("notice").hidden = text === "";
  // A demonstration is not played again at the same address.
  byId("retry").hidden = byeText === undefined || mode === "demo";
}

export function drawRange(track: Track, { from, to }: Range): void {
  const { length, missed, skipped } = track;
  setText(
    byId("range"),
    length === 0
      ? ""
      : `${clockText(Math.max(0, from))} to ${clockText(to)}, ${plural(length, "sample")} kept`,
  );
  setText(
    byId("foot"),
    missed + skipped === 0
      ? ""
      : `${countText(missed)} samples came too late, ${countText(skipped)} were left out since this page was too slow.`,
  );
}

const HINTS: Readonly<Record<Hello["mode"], string>> = {
  live: "The first one is shown by itself, as soon as it is there. To see others, end this and ask for them: windsock watch --web without a target follows all connections of this machine.",
  replay: "There is none so far in what was recorded.",
  demo: "The demonstration is about to begin.",
};

/** What to do while there is no connection at all. */
export function drawHint(track: Track, { mode, byeText }: ServerState): void {
  byId("direction").hidden = track.length === 0;
  const hint = byId("hint");
  hint.hidden = track.id !== "" || byeText !== undefined;
  setText(hint, mode === undefined ? "" : HINTS[mode]);
}

/** What to say of a connection that is not what it was; undefined of one that is. */
export function endedText(
  track: Track,
  row: ConnectionRow | undefined,
  { senderId, receiverId }: Flow,
): string | undefined {
  const last = track.length - 1;
  const there = [senderId, receiverId]
    .map((id) => (id !== undefined && track.endedBecause(id) === undefined ? track.end(id, last) : undefined))
    .filter((end) => end !== undefined);
  const [left] = there;
  if (there.length === 1 && left?.state === "time-wait")
    return "Both programs have closed this connection. One end is kept in TIME_WAIT for a minute, in case something of it is still on its way.";
  const because = row?.ended ?? track.endedBecause(track.id);
  if (because === undefined) return undefined;
  if (because === "replaced") return "This connection has ended; another one has its addresses now.";
  if (because === "unobserved")
    return "This connection is no longer observed. What was seen of it can still be looked at.";
  return left === undefined
    ? "This connection has ended. What was seen of it can still be looked at."
    : "One end of this connection has gone; the other one is still there.";
}

/** What was said to look at, and when. */
export class Captions {
  #captions: Caption[] = [];

  clear(): void {
    this.#captions = [];
  }

  add(caption: Caption): void {
    if (this.#captions.some(({ elapsedMs }) => elapsedMs === caption.elapsedMs)) return;
    this.#captions.push(caption);
    if (this.#captions.length > MAX_CAPTIONS) this.#captions.shift();
  }

  /** @param elapsedMs the moment whose caption is shown */
  draw(elapsedMs: number): void {
    const text = this.#captions.findLast((caption) => caption.elapsedMs <= elapsedMs)?.text ?? "";
    // The title of a scene, which stays while what is said changes.
    const title = /^\d+\/\d+ .*?\. /.exec(text)?.[0] ?? "";
    setText(byId("caption-title"), title);
    setText(byId("caption-text"), text.slice(title.length));
    byId("caption").hidden = text === "";
  }
}
