/** `windsock route`: the routing tables, and which route a packet would take. */
import type { Command } from "commander";
import type { Family, Route, RouteGetOptions, RouteSocket } from "../netlink/route/index.ts";
import { familyOf, run, UsageError } from "./_command.ts";
import { changeHelp } from "./network/change_help.ts";
import { dsfieldNumber, ipProtocolNumber } from "./network/change_names.ts";
import { behindShow, change, isGet } from "./network/change_verb.ts";
import {
  ask,
  deviceWord,
  type Grammar,
  type Place,
  placeOf,
  prefixOf,
  readGrammar,
  Words,
} from "./network/change_words.ts";
import { showNumbers } from "./network/netlink_names.ts";
import { addShowOptions, type ShowOptions } from "./network/netlink_options.ts";
import { type Pieces, printed, type Shown, show, withLinks } from "./network/netlink_show.ts";
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
export async function showRoutes(words: readonly string[], options: ShowOptions): Promise<Pieces> {
  if (isGet("route", words[0])) return await get(words.slice(1), options);
  return await withLinks(async (net, names) => {
    const { list, has, omit, cached } = await readRouteWords(
      behindShow("route", words),
      familyOf(options),
      net,
    );
    // The kernel has not remembered routes of IPv4 since 3.6, and does not list those of IPv6.
    // The main table, alone, may not be there yet.
    const wanted = { ...list, tableMustExist: list.table !== 254 };
    const routes = cached ? [] : (await ask(() => net.routes.list(wanted))).filter(has);
    return await written(routes, omit, options, names, net);
  });
}

async function written(
  routes: readonly Route[],
  omit: Omitted,
  options: ShowOptions,
  names: LinkNames,
  net: RouteSocket,
): Promise<Pieces> {
  showNumbers(options.numeric === true);
  const wanted = (options.json || options.details) && routes.some((it) => it.nexthopId !== undefined);
  const view: View = { names, host: String, stats: 0 };
  const nexthops = wanted ? await nexthopObjects(net.netlink, view) : undefined;
  return await show(routes, shownBy(omit), options, names, { nexthops });
}

interface Asked {
  family: Family | undefined;
  to?: Place;
  device?: string;
  inputDevice?: string;
  readonly wanted: { -readonly [K in keyof RouteGetOptions]?: RouteGetOptions[K] };
}

const GET: Grammar<Asked> = {
  "tos dsfield*": (words, { wanted }) => {
    wanted.tos = words.named(dsfieldNumber, "TOS value is invalid");
  },
  "from*": (words, it) => {
    const { addr, family } = placeOf(words.value(), it.family);
    it.family ??= family;
    it.wanted.source = addr;
  },
  iif: (words, it) => {
    it.inputDevice = words.value();
  },
  mark: (words, { wanted }) => {
    wanted.mark = words.number("invalid mark value");
  },
  "oif dev": (words, it) => {
    it.device = words.value();
  },
  uid: (words, { wanted }) => {
    wanted.userId = words.number("invalid UID");
  },
  "fibmatch*": (_, { wanted }) => {
    wanted.match = true;
  },
  sport: (words, { wanted }) => {
    wanted.sourcePort = words.number("invalid sport", 0xffff);
  },
  dport: (words, { wanted }) => {
    wanted.destinationPort = words.number("invalid dport", 0xffff);
  },
  ipproto: (words, { wanted }) => {
    wanted.ipProtocol = words.named(ipProtocolNumber, 'Invalid "ipproto" value');
  },
};

async function get(words: readonly string[], options: ShowOptions): Promise<Pieces> {
  const it: Asked = { family: familyOf(options), wanted: {} };
  await readGrammar(new Words(words), GET, it, (rest, state, keyword) => {
    state.to = placeOf(keyword === "to" ? rest.value() : keyword, state.family);
    state.family ??= state.to.family;
  });
  if (it.to === undefined) throw new UsageError("need at least a destination address");
  return await withLinks(async (net, names) => {
    const { to, device, inputDevice, wanted } = it;
    const family = to?.family ?? "ipv4";
    const route = await ask(async () =>
      net.routes.get(prefixOf(to as Place, family).addr, {
        ...wanted,
        device: device === undefined ? undefined : await deviceWord(net, device),
        inputDevice: inputDevice === undefined ? undefined : await deviceWord(net, inputDevice),
      }),
    );
    return await written([route], {}, options, names, net);
  });
}
