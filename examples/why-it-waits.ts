/** Tells what the senders of all connections with a port wait for, whenever that changes: `why-it-waits.ts PORT`. */
import { Observer, WAIT_TEXTS } from "windsock/observe";

const port = Number(process.argv[2]);
using observer = Observer.open({ port }, { rateHz: 20 });
const before = new Map<string, string>();
for await (const { ends, ended } of observer) {
  for (const { id, local, peer, waiting, notSentBytes, windowSeenBytes } of ends) {
    if (before.get(id) === waiting) continue;
    before.set(id, waiting);
    const numbers = `${notSentBytes ?? "?"} B not sent, the window is ${windowSeenBytes ?? "?"} B`;
    console.log(`${local} -> ${peer}: ${WAIT_TEXTS[waiting]} (${numbers})`);
  }
  for (const { id, local, peer, because } of ended) {
    before.delete(id);
    console.log(`${local} -> ${peer}: ${because}`);
  }
}
