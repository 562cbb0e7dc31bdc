/** `windsock route flush`: the routes that the words of ip-route(8) select are deleted. */
import { writeFileSync } from "node:fs";
import { NetlinkError } from "../../netlink/index.ts";
import { type Family, type NewRoute, type Route, RouteSocket } from "../../netlink/route/index.ts";
import { UsageError } from "../_command.ts";
import { ask, Refusal } from "./change_words.ts";
import { readRouteWords } from "./route_select.ts";

/** What tells a route from all others. */
function told(route: Route): NewRoute {
  const { family, destination, source, tos, table, type, scope, protocol, metric, nexthopId } = route;
  const by =
    nexthopId !== undefined
      ? { nexthopId }
      : { gateway: route.gateway, device: route.device, nexthops: route.nexthops };
  const { preferredSource } = route;
  return { family, destination, source, tos, table, type, scope, protocol, metric, preferredSource, ...by };
}

/** What went with another route is not missed. */
async function gone(request: () => Promise<void>): Promise<void> {
  try {
    await request();
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.code !== "ESRCH") throw error;
  }
}

const CACHE = "/proc/sys/net/ipv4/route/flush";
/** As often a table is read again, until nothing is left to be deleted. */
const ROUNDS = 10;

export async function flushRoutes(given: readonly string[], family: Family | undefined): Promise<void> {
  if (given.length === 0) throw new UsageError('"ip route flush" requires arguments.');
  using net = RouteSocket.open({ receiveBufferBytes: 1 << 20 });
  const { list, has, cached } = await readRouteWords(given, family, net);
  if (cached) {
    if (list.family !== "ipv6") flushCache();
    return; // routes of IPv6 that are only cached are gone by themselves
  }
  for (let round = 0; round < ROUNDS; round++) {
    const found = (await ask(() => net.routes.list(list))).filter(has);
    if (found.length === 0) return;
    for (const route of found) await ask(() => gone(() => net.routes.delete(told(route))));
  }
  throw new Refusal(`*** Flush not completed after ${ROUNDS} rounds ***`);
}

function flushCache(): void {
  try {
    writeFileSync(CACHE, "-1");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Refusal(
      `Cannot open "${CACHE}": ${code === "EACCES" ? "Permission denied: this needs root" : code}`,
    );
  }
}
