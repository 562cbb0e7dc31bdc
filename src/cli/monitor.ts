/** `windsock monitor`: what changes in the network's tables, as it changes. */
import type { Command } from "commander";
import { type MonitorEvent, RouteSocket, type TableName } from "../netlink/route/index.ts";
import { EXIT, note, print, run, UsageError } from "./_command.ts";
import { type Json, LinkNames, linkJson } from "./_link_json.ts";
import { addressJson, neighborJson, routeJson, ruleJson } from "./_netlink_json.ts";
import { addressText, linkText, neighborText, routeText, ruleText } from "./_netlink_text.ts";

const EXAMPLES = `
Words: link, address, route, rule, neigh; all of them unless told. It goes on until it is ended. Where changes come
faster than they are read, it says so, reads the tables afresh, and goes on with what is different.
--json: one line for each event, with "event" (added, removed, changed, overrun, synchronized), "table", and under the
table's name the fields of "ip -j -d".

Examples:
  windsock monitor
  windsock monitor address route
  windsock monitor --json link`;

const TABLES: Readonly<Record<string, TableName>> = {
  link: "link",
  address: "address",
  addr: "address",
  route: "route",
  rule: "rule",
  neigh: "neighbor",
};

export function addMonitor(program: Command): void {
  program
    .command("monitor")
    .description("what changes in the network's tables, as ip monitor shows it")
    .argument("[tables...]", "link, address, route, rule, neigh")
    .option("--json", "one line of JSON for each event")
    .addHelpText("after", EXAMPLES)
    .action((words: string[], options: { json?: true }) => run("monitor", () => monitor(words, options)));
}

async function monitor(words: readonly string[], options: { json?: true }): Promise<number> {
  const groups = words.map((word) => {
    const table = Object.hasOwn(TABLES, word) ? TABLES[word] : undefined;
    if (table === undefined) throw new UsageError(`expected ${Object.keys(TABLES).join(", ")}, got ${word}`);
    return table;
  });
  using net = RouteSocket.open();
  const asked = groups.length === 0 ? [...new Set(Object.values(TABLES))] : groups;
  // Links are heard too, for their names.
  const events = await net.monitor({ groups: [...new Set<TableName>(["link", ...asked])] });
  const known = new Map((await net.links.list()).map((link) => [link.index, link]));
  note(`monitoring ${asked.join(", ")}`);
  for await (const it of events) {
    if ("link" in it && it.event !== "removed") known.set(it.link.index, it.link);
    const names = new LinkNames([...known.values()]);
    if (!("table" in it) || asked.includes(it.table)) {
      await print(`${options.json ? JSON.stringify(json(it, names)) : text(it, names)}\n`);
    }
    if ("link" in it && it.event === "removed") known.delete(it.link.index);
  }
  return EXIT.done;
}

function row(it: Extract<MonitorEvent, { table: TableName }>, names: LinkNames): Json {
  switch (it.table) {
    case "link":
      return linkJson(it.link, names, true);
    case "address":
      return {
        ifindex: it.address.device,
        ifname: names.nameOf(it.address.device),
        ...addressJson(it.address),
      };
    case "route":
      return routeJson(it.route, names.nameOf);
    case "rule":
      return ruleJson(it.rule);
    case "neighbor":
      return neighborJson(it.neighbor, names.nameOf);
  }
}

function json(it: MonitorEvent, names: LinkNames): Json {
  return "table" in it ? { event: it.event, table: it.table, [it.table]: row(it, names) } : it;
}

const TEXTS: Readonly<Record<TableName, (row: Json) => string>> = {
  link: linkText,
  address: ({ ifindex, ifname, ...rest }) => `${ifindex}: ${ifname}${addressText(rest).replace(/^ {3}/, "")}`,
  route: routeText,
  rule: ruleText,
  neighbor: neighborText,
};

function text(it: MonitorEvent, names: LinkNames): string {
  if ("table" in it) return `${it.event} ${it.table} ${TEXTS[it.table](row(it, names))}`;
  return it.event === "overrun" ? "overrun: changes were lost; the tables are read afresh" : it.event;
}
