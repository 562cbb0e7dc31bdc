/** Which processes have which sockets, looked up in the background while sampling goes on. */
import { socketOwnersAsync } from "../netlink/diag/index.ts";
import type { Reading } from "./_reading.ts";
import type { Holder } from "./end_sample.ts";

/** All of /proc is read at most so often. */
const INTERVAL_MS = 1000;
const NOBODY: readonly Holder[] = [];

export class Holders {
  #found: ReadonlyMap<bigint, readonly Holder[]> = new Map();
  #lookedMs = Number.NEGATIVE_INFINITY;
  #looking = false;
  #closed = false;

  /** Looks again where it is time to. @returns what is known by now; `undefined` of what was not looked for yet */
  lookAt(
    lists: readonly (readonly Reading[])[],
    now: number,
  ): (inode: bigint) => readonly Holder[] | undefined {
    if (!this.#looking && now - this.#lookedMs >= INTERVAL_MS) {
      this.#lookedMs = now;
      void this.#look(new Set(lists.flatMap((list) => list.map(({ inode }) => inode))));
    }
    const found = this.#found;
    return (inode) => (inode === 0n ? NOBODY : found.get(inode));
  }

  async #look(wanted: ReadonlySet<bigint>): Promise<void> {
    try {
      this.#looking = true;
      const owners = await socketOwnersAsync();
      if (this.#closed) return;
      const found = new Map<bigint, readonly Holder[]>();
      for (const inode of wanted) {
        const holders = owners.get(inode) ?? [];
        found.set(
          inode,
          // A process may have it under several numbers.
          [...new Map(holders.map(({ pid, command }) => [pid, { pid, command }])).values()],
        );
      }
      this.#found = found;
    } catch {
      // Without /proc nobody can be named.
    } finally {
      this.#looking = false;
    }
  }

  close(): void {
    this.#closed = true;
  }
}
