/** Whether a process is still the one that was meant: its number may be another's by now. */
import { readFileSync } from "node:fs";

/** When a process was started, in the kernel's ticks since boot; `undefined` where there is none. man 5 proc, /proc/PID/stat */
export function startOf(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined;
  }
  // Its name stands before that, and may have brackets and spaces in it.
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
}
