// What the netlink peers share: the commands that answer the same questions, and how calls and whole commands are timed.
import { execFile, execFileSync } from "node:child_process";
import { join } from "node:path";

const RUN = join(import.meta.dirname, "../out/run");

/** What a program would otherwise spawn, as the issue of each question has it. */
export const THEIRS = {
  routes: ["ip", "-j", "route"],
  neighbors: ["ip", "-j", "neigh"],
  sockets: ["ss", "-tinma"],
};

/** A command's output. */
export function output([program, ...args]) {
  return new Promise((resolve, reject) => {
    execFile(program, args, { maxBuffer: 1 << 30 }, (error, stdout) =>
      error ? reject(error) : resolve(stdout),
    );
  });
}

const WARM_UPS = 4;

/** The first call, and the median of those after some more, in milliseconds of wall time. */
export async function timed(call, rounds) {
  const times = [];
  for (let round = 0; round < rounds + WARM_UPS; round++) {
    const began = performance.now();
    await call();
    times.push(performance.now() - began);
  }
  return { first: times[0], warm: median(times.slice(WARM_UPS)) };
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** A command as a whole: milliseconds of wall time, and peak memory in MiB. */
function whole(command) {
  const [seconds, kib] = execFileSync(RUN, command, { encoding: "utf8" }).split(" ").map(Number);
  return { ms: seconds * 1e3, mib: kib / 1024 };
}

/** Several commands in turn, round by round: of each the medians, and how far each is behind the first one. */
export function wholes(commands, rounds) {
  const runs = commands.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [at, command] of commands.entries()) runs[at].push(whole(command));
  }
  return runs.map((all) => ({
    ms: median(all.map(({ ms }) => ms)),
    mib: median(all.map(({ mib }) => mib)),
    behindMs: median(all.map(({ ms }, round) => ms - runs[0][round].ms)),
  }));
}
