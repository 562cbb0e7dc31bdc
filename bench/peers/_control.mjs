// The lines that a Node peer speaks with the harness: its port, "ready" and "go", its result,
// a report or a collection on demand.
import { createInterface } from "node:readline";

const waiting = [];
let answerRequest;

createInterface({ input: process.stdin })
  .on("line", (line) => {
    if (line === "gc") {
      globalThis.gc();
      say("gc");
    } else if (line === "report") {
      answerRequest();
    } else waiting.shift()?.();
  })
  .on("close", () => process.exit(0));

function say(line) {
  process.stdout.write(`${line}\n`);
}

/** A server's first line. It ends when its stdin does. */
export function announce(port) {
  say(port);
}

/** Warmed up: resolves when the harness says go. */
export function waitForGo() {
  const go = new Promise((resolve) => waiting.push(resolve));
  say("ready");
  return go;
}

/** For a program that serves until it is asked what it has seen: `answer` is to call {@link report}. */
export function onReportRequest(answer) {
  answerRequest = answer;
}

/** Says the result; the process then stays, to be looked at, until its stdin ends. */
export function report(result) {
  say(JSON.stringify(result));
}

/** @param {Float64Array} times in milliseconds, one per request */
export function reportTimes(times, seconds) {
  const meanUs = (times.reduce((sum, time) => sum + time, 0) / times.length) * 1e3;
  times.sort();
  const at = (share) => times[Math.floor(times.length * share)] * 1e3;
  report({ requests: times.length, seconds, p50Us: at(0.5), p99Us: at(0.99), meanUs });
}
