/** Prints the routers on the way to a host: `trace-route.ts [HOST]`. Needs no privilege. */
import { trace } from "windsock/probe";

const [host = "127.0.0.1"] = process.argv.slice(2);
const session = trace(host, { queries: 1, timeoutMs: 1000 });
for await (const { ttl, probes } of session) {
  const [probe] = probes;
  if (probe?.reply === undefined) console.log(`${ttl} ?`);
  else
    console.log(`${ttl} ${probe.from.ip} ${probe.rttMs?.toFixed(1)} ms ${probe.annotation ?? ""}`.trimEnd());
}
console.log(session.result?.end); // "reached", "unreachable" or "maxTtl"
