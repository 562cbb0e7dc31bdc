// What sampling costs: `observe_windsock.mjs PORT RATE SAMPLES` follows all connections of a port.
import { Observer } from "../../dist/observe/index.js";
import { report, waitForGo } from "./_control.mjs";

const [port, rateHz, wanted] = process.argv.slice(2).map(Number);
const WARM_UP_MS = 4000;

const observer = Observer.open({ port }, { rateHz });
let ends = 0;
const start = performance.now();
// By both ways: each sample by itself, and one after the other.
while (performance.now() < start + WARM_UP_MS / 4) ends = (await observer.sample()).ends.length;
const quick = Observer.open({ port }, { rateHz: 1000 });
for await (const _ of quick) if (performance.now() > start + WARM_UP_MS) break;
quick.close();
await waitForGo();
const before = process.cpuUsage();
const began = performance.now();
let [samples, missed] = [0, 0];
for await (const sample of observer) {
  missed += sample.missed;
  if (++samples === wanted) break;
}
const { user, system } = process.cpuUsage(before);
const seconds = samples / rateHz; // the last one's period is not over yet
const took = (performance.now() - began) / 1e3;
if (took > seconds * 1.5) throw new Error(`${samples} samples in ${took} s`);
report({ ends, samples, missed, percent: (user + system) / 1e4 / seconds });
