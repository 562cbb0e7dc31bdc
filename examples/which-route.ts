/** Says which route a packet would take: `which-route.ts ADDRESS [SOURCE]`. Needs no privilege. */
import { RouteSocket } from "windsock/netlink/route";

const [destination = "127.0.0.1", source] = process.argv.slice(2);
using net = RouteSocket.open();
try {
  const route = await net.routes.get(destination, { source });
  const link = await net.links.get(route.device ?? 1);
  const gateway = route.gateway === undefined ? "directly" : `by way of ${route.gateway}`;
  console.log(`${destination}: ${gateway}, out of ${link.name} (${link.state}), as ${route.preferredSource}`);

  // Which entry of which table says so: the kernel has looked it up by its rules.
  const entry = await net.routes.get(destination, { source, match: true });
  console.log(`table ${entry.table}, made by ${entry.protocol}: ${entry.destination}`);
} catch (error) {
  console.error(`${destination}: ${(error as Error).message}`); // no route, or one that forbids it
  process.exitCode = 1;
}
