/** Counts the sockets of this process, to see that none is left open. */
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
