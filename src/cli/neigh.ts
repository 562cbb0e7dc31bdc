/** `windsock neigh`: who has which link-layer address. */
import type { Command } from "commander";
import type { Neighbor } from "../netlink/route/index.ts";
import { familyOf, run, UsageError } from "./_command.ts";
import { changeHelp } from "./network/change_help.ts";
import { change } from "./network/change_verb.ts";
import { behindShow, familyOfPrefix, prefixWord, readWords } from "./network/ip_words.ts";
import { neighborJson } from "./network/netlink_json.ts";
import { addShowOptions, type ShowOptions } from "./network/netlink_options.ts";
import { printed, type Shown, show, withLinks } from "./network/netlink_show.ts";
import { visibleIn } from "./network/netlink_style.ts";
import { neighborText } from "./network/netlink_text.ts";

const EXAMPLES = `
Words: show [ [to] PREFIX ] [ dev NAME ] [ nud STATE ]... [ proxy ] [ unused ] [ master NAME ] [ nomaster ]; states are
permanent, noarp, stale, reachable, incomplete, delay, probe, failed, none and all. Without nud those that nobody has asked
for, and noarp, are left out. --json has the fields of "ip -j -d neigh".

Examples:
  windsock neigh
  windsock neigh show dev eth0 nud reachable nud stale
  windsock neigh -s -6 --json`;

export function addNeigh(program: Command): void {
  const command = program
    .command("neigh")
    .description("the neighbours on the links, as ip neigh shows them")
    .argument("[words...]", "show, and which of them");
  addShowOptions(command, "the neighbours as a list", { families: true, stats: true, resolve: true })
    .addHelpText("after", EXAMPLES)
    .addHelpText("after", changeHelp("neigh"))
    .action((words: string[], options: ShowOptions) =>
      run(
        "neigh",
        async () => (await change("neigh", words, options)) ?? printed(showNeighbors(words, options)),
      ),
    );
}

const STATES = ["incomplete", "reachable", "stale", "delay", "probe", "failed", "noarp", "permanent"];
/** What is left out where no state is asked for; `none` stands for an entry without any. */
const QUIET = ["noarp", "none"];

function statesOf(nud: readonly string[] | undefined): (neighbor: Neighbor) => boolean {
  const all = [...STATES, "none"];
  for (const word of nud ?? []) {
    if (word !== "all" && !all.includes(word)) {
      throw new UsageError(`nud: expected one of ${all.join(", ")}, all, got ${word}`);
    }
  }
  const wanted =
    nud === undefined ? all.filter((word) => !QUIET.includes(word)) : nud.includes("all") ? all : nud;
  return ({ state, flags }) =>
    // As ip(8): these are there whatever their state.
    flags.includes("proxy") ||
    flags.includes("externLearn") ||
    (state.length === 0 ? wanted.includes("none") : state.some((word) => wanted.includes(`${word}`)));
}

/** What `ip neigh show` prints. @throws {UsageError} @throws {NetlinkError} */
export async function showNeighbors(words: readonly string[], options: ShowOptions): Promise<string> {
  const keywords = {
    dev: "word",
    to: "word",
    nud: "words",
    proxy: "flag",
    unused: "flag",
    master: "word",
    vrf: "=master",
    nomaster: "flag",
  } as const;
  const { dev, to, plain, nud, proxy, unused, master, nomaster } = readWords(
    behindShow(words),
    keywords,
    "a prefix",
  );
  const asked = familyOf(options);
  const text = to ?? plain;
  const prefix = text === undefined ? undefined : prefixWord(text, asked);
  const family = asked ?? (prefix === undefined ? undefined : familyOfPrefix(prefix));
  const hasState = statesOf(nud);
  return await withLinks(async (net, names, links) => {
    const above = master === undefined ? undefined : (await net.links.get(master)).index;
    const masters = new Map(links.map((link) => [link.index, link.master]));
    const all = await net.neighbors.list({ family, device: dev, proxy });
    const wanted = all.filter(
      (it) =>
        hasState(it) &&
        (prefix === undefined || prefix.contains(it.address)) &&
        (unused === undefined || !it.references) &&
        (above === undefined || masters.get(it.device) === above) &&
        (nomaster === undefined || masters.get(it.device) === undefined),
    );
    return await show(wanted, shownBy(dev !== undefined), options, names);
  });
}

function shownBy(omitDevice: boolean): Shown<Neighbor> {
  return {
    json: (it, view) => neighborJson(it, view, omitDevice),
    text: (it, view, style) => neighborText(visibleIn(neighborJson(it, view, omitDevice)), it, style),
  };
}
