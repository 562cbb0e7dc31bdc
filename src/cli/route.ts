/** `windsock route`: the routing tables, and which route a packet would take. */
import type { Command } from "commander";
import type { Route, RouteGetOptions, RouteSocket } from "../netlink/route/index.ts";
import { familyOf, run, UsageError } from "./_command.ts";
import { changeHelp } from "./network/change_help.ts";
import { change } from "./network/change_verb.ts";
import { behindShow, namedWord, numberWord, readWords } from "./network/ip_words.ts";
import { ipProtocolNumber, tosNumber } from "./network/netlink_names.ts";
import { addShowOptions, type ShowOptions } from "./network/netlink_options.ts";
import { printed, type Shown, show, withLinks } from "./network/netlink_show.ts";
import { visibleIn } from "./network/netlink_style.ts";
import type { LinkNames, View } from "./network/netlink_view.ts";
import { nexthopObjects } from "./network/nexthop_json.ts";
import { type Omitted, routeJson, routeRow } from "./network/route_json.ts";
import { readRouteWords } from "./network/route_select.ts";
import { routeText } from "./network/route_text.ts";

const EXAMPLES = `
Words: show [ [to] [root|match|exact] PREFIX ] [ from [root|match|exact] PREFIX ] [ table NAME|all ] [ dev NAME ]
[ iif NAME ] [ proto NAME ] [ type TYPE ] [ scope SCOPE ] [ via [inet|inet6] PREFIX ] [ src PREFIX ] [ tos TOS ]
[ mark N ] [ realms REALMS ]: table main unless told, of IPv4 unless -6 or a prefix tells otherwise, and all tables of
both for "table all".
get ADDRESS [ from ADDRESS ] [ iif NAME ] [ oif NAME ] [ tos TOS ] [ mark N ] [ uid N ] [ ipproto NAME ] [ sport N ]
[ dport N ] [ fibmatch ]: what a packet to that address would take. --json has the fields of "ip -j -d route"; what all
routes that were asked for have in common is not said, as in ip.

Examples:
  windsock route
  windsock route -6 show table all --json
  windsock route show root 10.0.0.0/8 proto static
  windsock route get 192.0.2.1 from 198.51.100.7`;

export function addRoute(program: Command): void {
  const command = program
    .command("route")
    .description("the routing tables, and which route a packet would take")
    .argument("[words...]", "show or get, and which");
  const has = { families: true, stats: true, resolve: true } as const;
  addShowOptions(command, "the routes as a list", has)
    .addHelpText("after", EXAMPLES)
    .addHelpText("after", changeHelp("route"))
    .action((words: string[], options: ShowOptions) =>
      run(
        "route",
        async () => (await change("route", words, options)) ?? printed(showRoutes(words, options)),
      ),
    );
}

function shownBy(omit: Omitted): Shown<Route> {
  return {
    json: (it, view) => routeJson(it, view, omit),
    text(it, view, style) {
      const object = it.nexthopId === undefined ? undefined : view.nexthops?.get(it.nexthopId);
      return routeText(visibleIn(routeRow(it, view, omit)), it, style, visibleIn(object));
    },
  };
}

/** What `ip route show`, or `get`, prints. @throws {UsageError} @throws {NetlinkError} */
export async function showRoutes(words: readonly string[], options: ShowOptions): Promise<string> {
  if (words[0] === "get") return await get(words.slice(1), options);
  return await withLinks(async (net, names) => {
    const { list, has, omit } = await readRouteWords(behindShow(words), familyOf(options), net);
    const routes = (await net.routes.list(list)).filter(has);
    return await written(routes, omit, options, names, net);
  });
}

async function written(
  routes: readonly Route[],
  omit: Omitted,
  options: ShowOptions,
  names: LinkNames,
  net: RouteSocket,
): Promise<string> {
  const wanted = (options.json || options.details) && routes.some((it) => it.nexthopId !== undefined);
  const view: View = { names, host: String, stats: 0 };
  const nexthops = wanted ? await nexthopObjects(net.netlink, view) : undefined;
  return await show(routes, shownBy(omit), options, names, { nexthops });
}

async function get(words: readonly string[], options: ShowOptions): Promise<string> {
  const keywords = {
    to: "word",
    from: "word",
    iif: "word",
    oif: "word",
    dev: "=oif",
    tos: "word",
    dsfield: "=tos",
    mark: "word",
    uid: "word",
    ipproto: "word",
    sport: "word",
    dport: "word",
    fibmatch: "flag",
  } as const;
  const given = readWords(words, keywords, "an address");
  const destination = given.to ?? given.plain;
  if (destination === undefined) throw new UsageError("get: expected an address");
  const number = (name: "mark" | "uid" | "sport" | "dport", max?: number): number | undefined =>
    given[name] === undefined ? undefined : numberWord(given[name], name, max);
  const wanted: RouteGetOptions = {
    source: given.from,
    inputDevice: given.iif,
    device: given.oif,
    tos: given.tos === undefined ? undefined : namedWord(given.tos, "tos", tosNumber),
    mark: number("mark"),
    userId: number("uid"),
    ipProtocol:
      given.ipproto === undefined ? undefined : namedWord(given.ipproto, "ipproto", ipProtocolNumber),
    sourcePort: number("sport", 65535),
    destinationPort: number("dport", 65535),
    match: given.fibmatch,
  };
  return await withLinks(async (net, names) => {
    const route = await net.routes.get(destination, wanted);
    return await written([route], {}, options, names, net);
  });
}
