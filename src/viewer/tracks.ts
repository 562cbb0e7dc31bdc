/** The tracks of the connections that were looked at last, so that they can be looked at again. */
import type { WaitReason } from "../observe/index.ts";
import { Track } from "./track.ts";

const MOST = 6;

export class Tracks {
  readonly #tracks = new Map<string, Track>();

  /** The one of this connection, which is from then on the last that is forgotten. */
  take(id: string, reasons: readonly WaitReason[]): Track {
    const track = this.#tracks.get(id) ?? new Track(id, reasons);
    this.#tracks.delete(id);
    this.#tracks.set(id, track);
    const [oldest] = this.#tracks.keys();
    if (this.#tracks.size > MOST && oldest !== undefined) this.#tracks.delete(oldest);
    return track;
  }

  get sizeBytes(): number {
    return [...this.#tracks.values()].reduce((sum, track) => sum + track.sizeBytes, 0);
  }
}
