/** `windsock neigh`: who has which link-layer address. */
import type { Command } from "commander";
import type { Family, Neighbor } from "../netlink/route/index.ts";
import { familyOf, run, UsageError } from "./_command.ts";
import { changeHelp } from "./network/change_help.ts";
import { behindShow, change, isGet } from "./network/change_verb.ts";
import {
  type Addr,
  addrWord,
  ask,
  deviceWord,
  duplicate,
  type Grammar,
  garbage,
  matches,
  readGrammar,
  Words,
} from "./network/change_words.ts";
import { readNeighborWords } from "./network/neigh_select.ts";
import { neighborJson } from "./network/netlink_json.ts";
import { addShowOptions, type ShowOptions } from "./network/netlink_options.ts";
import { type Pieces, printed, type Shown, show, withLinks } from "./network/netlink_show.ts";
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

/** What is meant unless states are told: all that somebody has asked for. */
const USUAL = ["incomplete", "reachable", "stale", "delay", "probe", "failed", "permanent"];

/** What `ip neigh show` prints. @throws {UsageError} @throws {NetlinkError} */
export async function showNeighbors(words: readonly string[], options: ShowOptions): Promise<Pieces> {
  const family = familyOf(options);
  if (isGet("neigh", words[0])) return await get(words.slice(1), family, options);
  const rest = behindShow("neigh", words);
  return await withLinks(async (net, names) => {
    const { list, has } = await readNeighborWords(rest, family, net, USUAL, [...USUAL, "noarp", "none"]);
    const neighbors = (await ask(() => net.neighbors.list(list))).filter(has);
    return await show(neighbors, shownBy(list.device !== undefined), options, names);
  });
}

interface Asked {
  to?: Addr | undefined;
  device?: string;
  proxy?: true;
}

const GET: Grammar<Asked> = {
  dev: (words, it) => {
    it.device = words.value();
  },
};

async function get(
  words: readonly string[],
  family: Family | undefined,
  options: ShowOptions,
): Promise<Pieces> {
  const it: Asked = {};
  await readGrammar(new Words(words), GET, it, (rest, state, keyword) => {
    const proxy = matches(keyword, "proxy");
    const word = keyword === "to" || proxy ? rest.value() : keyword;
    if (state.to !== undefined) throw proxy ? duplicate("address", word) : garbage("to", word);
    state.to = addrWord(word, family);
    if (proxy) state.proxy = true;
  });
  const { to, device, proxy } = it;
  if (to === undefined || device === undefined) {
    throw new UsageError("Device and address are required arguments.");
  }
  return await withLinks(async (net, names) => {
    const on = await deviceWord(net, device);
    const neighbor = await ask(() =>
      net.neighbors.get({ device: on, address: to, flags: proxy ? ["proxy"] : [] }),
    );
    return await show([neighbor], shownBy(false), options, names);
  });
}

function shownBy(omitDevice: boolean): Shown<Neighbor> {
  return {
    json: (it, view) => neighborJson(it, view, omitDevice),
    text: (it, view, style) => neighborText(visibleIn(neighborJson(it, view, omitDevice)), it, style),
  };
}
