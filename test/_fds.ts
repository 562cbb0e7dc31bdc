/** What this process has open, for tests that look for leaks. */
import { readdirSync, readlinkSync } from "node:fs";

/** Number and target of each open fd, other than files: those the module loader opens and closes on threads of its own. */
export function openFds(): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return target.startsWith("/") && !target.startsWith("/dev/") ? [] : [`${fd} ${target}`];
    } catch {
      return []; // closed by now, as the folder's own
    }
  });
}

/** How many fds this process has open, files apart. */
export function fdCount(): number {
  return openFds().length;
}
