// Whether a transfer is slower while it is watched: `observe_turns.mjs PORT RATE PAIRS` samples the connection of a port for a tenth of a second,
// leaves it alone for a tenth of a second, and so on, until the median is known well enough, but for no more PAIRS than that.
import { setPriority } from "node:os";
import { Observer } from "../../dist/observe/index.js";
import { report, waitForGo } from "./_control.mjs";

const [port, rateHz, most] = process.argv.slice(2).map(Number);
const TURN_MS = 100;
const WARM_UP_PAIRS = 15;
const LEAST_PAIRS = 20;
const ENOUGH = 0.5; // so near is the median known, in percent

try {
  setPriority(-20); // what else runs is noise
} catch {
  // Only root may.
}
const observer = Observer.open({ port }, { rateHz });
const samples = observer[Symbol.asyncIterator]();
const byAddresses = Observer.open([]);
const { local, peer } = (await observer.sample()).ends.find((end) => end.peer.endsWith(`:${port}`));
byAddresses.add({ local, peer });

/** What it has sent by now, and when that was. */
async function sent() {
  const { ends } = await byAddresses.sample();
  return { bytes: ends.find((end) => end.local === local).ackedBytes, at: performance.now() };
}

async function watch() {
  for (let left = (rateHz * TURN_MS) / 1000; left > 0; left--) await samples.next();
}

/** Bytes a millisecond in a turn. */
async function turn(watched) {
  const from = await sent();
  const end = from.at + TURN_MS;
  if (watched) await watch();
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, end - performance.now())));
  const to = await sent();
  return (to.bytes - from.bytes) / (to.at - from.at);
}

/** How much slower the watched one of two turns is than the other, in percent of both: bounded, whatever else the machine did meanwhile. */
async function pair(watchedFirst) {
  const [first, second] = [await turn(watchedFirst), await turn(!watchedFirst)];
  const difference = watchedFirst ? second - first : first - second;
  return first + second === 0 ? 0 : (200 * difference) / (first + second);
}

/** The median, and half of the range that it is in in 95 of 100 cases: between the ranks n/2 ± 0.98 √n. */
function median(values) {
  const sorted = values.slice().sort((a, b) => a - b);
  const at = (rank) => sorted[Math.min(sorted.length - 1, Math.max(0, Math.round(rank)))];
  const [middle, half] = [(sorted.length - 1) / 2, 0.98 * Math.sqrt(sorted.length)];
  return { percent: at(middle), spread: (at(middle + half) - at(middle - half)) / 2 };
}

for (let i = 0; i < WARM_UP_PAIRS; i++) await pair(true);
await waitForGo();
const slower = [];
let found;
do {
  // Either first, so that what becomes slower by itself is no difference.
  slower.push(await pair(slower.length % 2 === 0));
  found = median(slower);
} while (slower.length < LEAST_PAIRS || (found.spread > ENOUGH && slower.length < most));
report({ ...found, pairs: slower.length, gigabytes: (await sent()).bytes / 1e9 });
