/** A child of the tests: asks a server while this process can open no more files. */
import { closeSync, openSync } from "node:fs";
import { DnsResolver } from "../../src/dns/index.ts";

const resolver = new DnsResolver({ servers: [process.argv[2] as string] });
await resolver.resolve("host.test", 80); // loads what it needs

const fds: number[] = [];
try {
  for (;;) fds.push(openSync("/dev/null", "r"));
} catch {
  // EMFILE
}
const failure = (error: { name: string; code: string; cause?: { code: string } }): unknown => [
  error.name,
  error.code,
  error.cause?.code,
];
const failures = [
  await resolver.query("host.test", "A").catch(failure),
  await resolver.resolve("host.test", 80).catch(failure),
  await resolver.reverse("192.0.2.1").catch(failure),
];
for (const fd of fds) closeSync(fd);
const found = await resolver.resolve("host.test", 80);
console.log(JSON.stringify([...failures, String(found)]));
