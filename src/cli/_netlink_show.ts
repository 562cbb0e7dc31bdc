/** What `link`, `addr`, `route`, `neigh` and `rule` show: rows, and how they are printed. */
import { type Link, RouteSocket } from "../netlink/route/index.ts";
import { EXIT, print, toJson } from "./_command.ts";
import { type Json, LinkNames } from "./_link_json.ts";

export interface ShowOptions {
  readonly ipv4?: true;
  readonly ipv6?: true;
  readonly json?: true;
}

/** A channel, and the names of the links at its other end. */
export async function withLinks<T>(
  use: (net: RouteSocket, names: LinkNames, links: Link[]) => Promise<T>,
): Promise<T> {
  using net = RouteSocket.open({ receiveBufferBytes: 1 << 20 });
  const links = await net.links.list();
  return await use(net, new LinkNames(links), links);
}

/** Prints rows: as JSON, or each as `text` has it. */
export async function show(
  rows: readonly Json[],
  text: (row: Json) => string,
  options: ShowOptions,
): Promise<number> {
  if (options.json) await print(`${toJson(rows)}\n`);
  else if (rows.length > 0) await print(`${rows.map(text).join("\n")}\n`);
  return EXIT.done;
}
