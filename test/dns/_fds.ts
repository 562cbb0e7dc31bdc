/** Counts the sockets of this process, to see that none is left open. */
import assert from "node:assert/strict";
import { readdirSync, readlinkSync } from "node:fs";

export function openSockets(): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith("socket:");
    } catch {
      return false; // the directory's own
    }
  }).length;
}

/** Waits until no more than so many sockets are open, which those of a server in this process may be for a moment. */
export async function socketsClosed(most: number): Promise<void> {
  for (let i = 0; i < 400 && openSockets() > most; i++)
    await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(openSockets() <= most, `${openSockets()} sockets are open, and not ${most}`);
}
