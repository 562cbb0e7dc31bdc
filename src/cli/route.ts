/** `windsock route`: the routing tables, and which route a packet would take. */
import type { Command } from "commander";
import type { RouteGetOptions, RouteListOptions } from "../netlink/route/index.ts";
import { familyOf, run, UsageError } from "./_command.ts";
import { behindShow, numberWord, readWords } from "./_ip_words.ts";
import { routeJson } from "./_netlink_json.ts";
import { tableNumber } from "./_netlink_names.ts";
import { type ShowOptions, show, withLinks } from "./_netlink_show.ts";
import { routeText } from "./_netlink_text.ts";

const EXAMPLES = `
Words: show [ table NAME|all ] [ dev NAME ] [ proto NAME ] [ type TYPE ]: table main unless told, of IPv4 unless -6 is
given, and all tables of both for "table all".
get ADDRESS [ from ADDRESS ] [ iif NAME ] [ oif NAME ] [ mark N ] [ uid N ] [ ipproto N ] [ sport N ] [ dport N ]
[ fibmatch ]: what a packet to that address would take. --json has the fields of "ip -j -d route".

Examples:
  windsock route
  windsock route -6 show table all --json
  windsock route get 192.0.2.1 from 198.51.100.7`;

export function addRoute(program: Command): void {
  program
    .command("route")
    .description("the routing tables, and which route a packet would take")
    .argument("[words...]", "show or get, and which")
    .option("-4, --ipv4", "those of IPv4")
    .option("-6, --ipv6", "those of IPv6")
    .option("--json", "the routes as a list")
    .addHelpText("after", EXAMPLES)
    .action((words: string[], options: ShowOptions) =>
      run("route", () => (words[0] === "get" ? get(words.slice(1), options) : list(words, options))),
    );
}

async function list(words: readonly string[], options: ShowOptions): Promise<number> {
  const keywords = { table: "word", dev: "word", proto: "word", type: "word" } as const;
  const { table = "main", dev, proto, type } = readWords(behindShow(words), keywords);
  const number = table === "all" ? undefined : tableNumber(table);
  if (number === undefined && table !== "all") throw new UsageError(`table: no table has the name ${table}`);
  const family = familyOf(options) ?? (table === "all" ? undefined : "ipv4");
  // Words that are none are refused by the library, with those that it has.
  const protocol = proto !== undefined && /^\d+$/.test(proto) ? Number(proto) : proto;
  const wanted = { family, table: number, device: dev, protocol, type } as RouteListOptions;
  return await withLinks(async (net, names) => {
    const routes = await net.routes.list(wanted);
    return await show(
      // As ip(8): what is the same for all of them is not said.
      routes.map((it) => ({ ...routeJson(it, names.nameOf), ...(table !== "all" && { table: undefined }) })),
      routeText,
      options,
    );
  });
}

async function get(words: readonly string[], options: ShowOptions): Promise<number> {
  const keywords = {
    to: "word",
    from: "word",
    iif: "word",
    oif: "word",
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
  const number = (name: "mark" | "uid" | "ipproto" | "sport" | "dport", max?: number): number | undefined =>
    given[name] === undefined ? undefined : numberWord(given[name], name, max);
  const wanted: RouteGetOptions = {
    source: given.from,
    inputDevice: given.iif,
    device: given.oif,
    mark: number("mark"),
    userId: number("uid"),
    ipProtocol: number("ipproto", 255),
    sourcePort: number("sport", 65535),
    destinationPort: number("dport", 65535),
    match: given.fibmatch,
  };
  return await withLinks(async (net, names) => {
    const route = await net.routes.get(destination, wanted);
    return await show([routeJson(route, names.nameOf)], routeText, options);
  });
}
