// Whether a transfer is slower while it is watched: `observe_turns.mjs PORT RATE PAIRS` watches the connection of a port for a quarter of a second,
// leaves it alone for a quarter of a second, and so on.
import { Observer } from "../../dist/observe/index.js";
import { report, waitForGo } from "./_control.mjs";

const [port, rateHz, pairs] = process.argv.slice(2).map(Number);
const TURN_MS = 250;

const target = { port };
const observer = Observer.open(target, { rateHz });
const byAddresses = Observer.open([]);
const { local, peer } = (await observer.sample()).ends.find((end) => end.peer.endsWith(`:${port}`));
byAddresses.add({ local, peer });

/** What it has sent by now, and when that was. */
async function sent() {
  const { ends } = await byAddresses.sample();
  return { bytes: ends.find((end) => end.local === local).ackedBytes, at: performance.now() };
}

async function watch() {
  const end = performance.now() + TURN_MS;
  for await (const _ of observer) if (performance.now() >= end) break;
}

const leave = () => new Promise((resolve) => setTimeout(resolve, TURN_MS));

/** Bytes a millisecond meanwhile. */
async function rate(meanwhile) {
  const from = await sent();
  await meanwhile();
  const to = await sent();
  return (to.bytes - from.bytes) / (to.at - from.at);
}

for (let i = 0; i < 8; i++) await watch();
await waitForGo();
const slower = [];
for (let i = 0; i < pairs; i++) {
  // Either first, so that what becomes slower by itself is no difference.
  const first = await rate(i % 2 === 0 ? watch : leave);
  const second = await rate(i % 2 === 0 ? leave : watch);
  const [watched, alone] = i % 2 === 0 ? [first, second] : [second, first];
  slower.push((1 - watched / alone) * 100);
}
slower.sort((a, b) => a - b);
report({ percent: slower[Math.floor(slower.length / 2)], gigabytes: (await sent()).bytes / 1e9 });
