/** Pings several hosts at once, and prints for each how many replies came, and how fast. `ping-hosts.ts HOST…` */
import { ping } from "windsock/probe";

const hosts = process.argv.slice(2);
const lines = hosts.map(async (host) => {
  const session = ping(host, { count: 5, intervalMs: 200, timeoutMs: 2000 });
  try {
    for await (const event of session) if (event.kind === "error") console.error(`${host}: ${event.text}`);
    const { received, transmitted, rttMs } = session.statistics();
    return `${host}: ${received} of ${transmitted}${rttMs ? `, ${rttMs.avg.toFixed(3)} ms` : ""}`;
  } catch (error) {
    return `${host}: ${(error as Error).message}`; // the name is not known, there is no route …
  }
});
for await (const line of lines) console.log(line);
