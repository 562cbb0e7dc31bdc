/** `windsock monitor`: what changes in the network's tables, as it changes. */
import type { Command } from "commander";
import { type MonitorEvent, RouteSocket, type TableName } from "../netlink/route/index.ts";
import { EXIT, familyOf, note, print, run, toJson, UsageError } from "./_command.ts";
import { addressText } from "./network/addr_text.ts";
import { linkJson } from "./network/link_json.ts";
import { linkText } from "./network/link_text.ts";
import type { Json } from "./network/netlink_fields.ts";
import { addressJson, neighborJson, ruleJson } from "./network/netlink_json.ts";
import { showNumbers } from "./network/netlink_names.ts";
import { addShowOptions, type ShowOptions } from "./network/netlink_options.ts";
import { type Style, styleOf, visible, visibleIn } from "./network/netlink_style.ts";
import { neighborText, ruleText } from "./network/netlink_text.ts";
import { LinkNames, plainView, type View } from "./network/netlink_view.ts";
import { routeJson, routeRow } from "./network/route_json.ts";
import { routeText } from "./network/route_text.ts";

const EXAMPLES = `
Words: link, address, route, rule, neigh, or all; all of them unless told. label, and all, put the table's name before each
line; dev NAME leaves out what is about other links. It goes on until it is ended. Where changes come faster than they are
read, it says so, reads the tables afresh, and goes on with what is different.
--json: one line for each event, with "event" (added, removed, changed, overrun, synchronized), "table", and under the
table's name the fields of "ip -j -d"; with -t its "timestamp" in seconds.

Examples:
  windsock monitor
  windsock monitor -ts label address route
  windsock monitor --json link`;

const TABLES: Readonly<Record<string, TableName>> = {
  link: "link",
  address: "address",
  addr: "address",
  route: "route",
  rule: "rule",
  neigh: "neighbor",
  neighbor: "neighbor",
  neighbour: "neighbor",
};
/** As `ip monitor label` has them. */
const LABELS: Readonly<Record<TableName, string>> = {
  link: "[LINK]",
  address: "[ADDR]",
  route: "[ROUTE]",
  rule: "[RULE]",
  neighbor: "[NEIGH]",
};

interface MonitorOptions extends ShowOptions {
  readonly timestamp?: true;
  readonly tshort?: true;
}

export function addMonitor(program: Command): void {
  const command = program
    .command("monitor")
    .description("what changes in the network's tables, as ip monitor shows it")
    .argument("[tables...]", "link, address, route, rule, neigh, all; label; dev NAME");
  addShowOptions(command, "one line of JSON for each event", { families: true })
    .option("-t, --timestamp", "the time before each event")
    .option("--tshort", "the time in short on the event's own line (-ts)")
    .addHelpText("after", EXAMPLES)
    .action((words: string[], options: MonitorOptions) => run("monitor", () => monitor(words, options)));
}

interface Asked {
  readonly tables: readonly TableName[];
  readonly label: boolean;
  readonly dev: string | undefined;
}

function readAsked(words: readonly string[]): Asked {
  const tables = new Set<TableName>();
  let label = false;
  let dev: string | undefined;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    if (word === "label") label = true;
    else if (word === "dev") {
      dev = words[++at];
      if (dev === undefined) throw new UsageError("dev: expected a word behind it");
    } else if (word === "all") {
      label = true;
      for (const table of Object.values(TABLES)) tables.add(table);
    } else {
      const table = Object.hasOwn(TABLES, word) ? TABLES[word] : undefined;
      if (table === undefined) {
        throw new UsageError(`expected ${Object.keys(TABLES).join(", ")}, all, label, dev, got ${word}`);
      }
      tables.add(table);
    }
  }
  const all = [...new Set(Object.values(TABLES))];
  return { tables: tables.size === 0 ? all : [...tables], label, dev };
}

async function monitor(words: readonly string[], options: MonitorOptions): Promise<number> {
  const { tables, label, dev } = readAsked(words);
  const family = familyOf(options);
  showNumbers(options.numeric === true);
  const style = styleOf(options);
  using net = RouteSocket.open();
  const device = dev === undefined ? undefined : (await net.links.get(dev)).index;
  // Links are heard too, for their names.
  const events = await net.monitor({ groups: [...new Set<TableName>(["link", ...tables])] });
  const names = new LinkNames(await net.links.list());
  const view = plainView(names);
  note(`monitoring ${tables.join(", ")}`);
  for await (const it of events) {
    if ("link" in it) names.set(it.link);
    if (isWanted(it, tables, family, device)) {
      const time = options.timestamp || options.tshort ? new Date() : undefined;
      const text = options.json
        ? lineJson({ ...(time && { timestamp: time.getTime() / 1000 }), ...json(it, view) })
        : `${timeText(time, options)}${label && "table" in it ? LABELS[it.table] : ""}${textOf(it, view, style)}`;
      await print(`${options.oneline ? text.replaceAll("\n", "\\") : text}\n`);
    }
  }
  return EXIT.done;
}

function isWanted(
  it: MonitorEvent,
  tables: readonly TableName[],
  family: "ipv4" | "ipv6" | undefined,
  device: number | undefined,
): boolean {
  if (!("table" in it)) return true;
  if (!tables.includes(it.table)) return false;
  if ("link" in it) return device === undefined || it.link.index === device;
  const entry = entryOf(it);
  if (family !== undefined && entry.family !== family) return false;
  return device === undefined || it.table === "rule" || ("device" in entry && entry.device === device);
}

function entryOf(it: Exclude<Extract<MonitorEvent, { table: TableName }>, { table: "link" }>) {
  switch (it.table) {
    case "address":
      return it.address;
    case "route":
      return it.route;
    case "rule":
      return it.rule;
    case "neighbor":
      return it.neighbor;
  }
}

/** As `ip -t` and `ip -ts` have it; the kernel does not say when it was. */
function timeText(time: Date | undefined, options: MonitorOptions): string {
  if (time === undefined) return "";
  const micros = `${time.getMilliseconds()}`.padStart(3, "0");
  const two = (value: number): string => `${value}`.padStart(2, "0");
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(":");
  if (options.tshort) {
    const day = [time.getFullYear(), time.getMonth() + 1, time.getDate()].map(two).join("-");
    return `[${day}T${clock}.${micros}000] `;
  }
  const [weekday, month] = time.toDateString().split(" ");
  const day = `${time.getDate()}`.padStart(2);
  return `Timestamp: ${weekday} ${month} ${day} ${clock} ${time.getFullYear()} ${Number(micros) * 1000} usec\n`;
}

function row(it: Extract<MonitorEvent, { table: TableName }>, view: View): Json {
  switch (it.table) {
    case "link":
      return linkJson(it.link, view, true);
    case "address": {
      const { device } = it.address;
      return { ifindex: device, ifname: view.names.nameOf(device), ...addressJson(it.address, view) };
    }
    case "route":
      return routeJson(it.route, view);
    case "rule":
      return ruleJson(it.rule, view);
    case "neighbor":
      return neighborJson(it.neighbor, view);
  }
}

function json(it: MonitorEvent, view: View): Json {
  if (!("table" in it)) return it;
  const entry = row(it, view);
  // As ip(8) marks it.
  const marked = it.event === "removed" ? { deleted: true, ...entry } : entry;
  return { event: it.event, table: it.table, [it.table]: marked };
}

/** On one line, where a bigint stands with all its digits. */
function lineJson(value: Json): string {
  try {
    return JSON.stringify(value);
  } catch {
    return toJson(value).replace(/\n */g, "");
  }
}

function textOf(it: MonitorEvent, view: View, style: Style): string {
  if ("table" in it) return `${it.event === "removed" ? "Deleted " : ""}${entryText(it, view, style)}`;
  return it.event === "overrun" ? "overrun: changes were lost; the tables are read afresh" : it.event;
}

const LINK_LAYOUT = { whole: false, layer: true, queue: false };

function entryText(it: Extract<MonitorEvent, { table: TableName }>, view: View, style: Style): string {
  switch (it.table) {
    case "link":
      return linkText(visibleIn(row(it, view)), it.link, style, LINK_LAYOUT);
    case "address": {
      const { device } = it.address;
      const text = addressText(visibleIn(addressJson(it.address, view)), style);
      return `${device}: ${visible(view.names.nameOf(device))}    ${text}`;
    }
    case "route":
      return routeText(visibleIn(routeRow(it.route, view)), it.route, style);
    case "rule":
      return ruleText(visibleIn(row(it, view)), it.rule, style);
    case "neighbor":
      return neighborText(visibleIn(row(it, view)), it.neighbor, style);
  }
}
