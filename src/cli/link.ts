/** `windsock link`: the network interfaces. */
import type { Command } from "commander";
import type { Link } from "../netlink/route/index.ts";
import { run } from "./_command.ts";
import { readAddressWords } from "./network/addr_select.ts";
import { changeHelp } from "./network/change_help.ts";
import { behindShow, change } from "./network/change_verb.ts";
import { briefLinkJson, linkJson } from "./network/link_json.ts";
import { briefText, linkText } from "./network/link_text.ts";
import { addShowOptions, type ShowOptions } from "./network/netlink_options.ts";
import { type Pieces, printed, type Shown, show, withLinks } from "./network/netlink_show.ts";
import { visibleIn } from "./network/netlink_style.ts";

const EXAMPLES = `
Words: show [ [dev] NAME ] [ up ] [ master NAME ] [ nomaster ] [ type KIND ] [ group GROUP ]; a KIND with _slave behind it
is that of a port's master. --json has the fields of "ip -j -d link".

Examples:
  windsock link
  windsock link show dev eth0 --json
  windsock link -s -c show type bridge`;

export function addLink(program: Command): void {
  const command = program
    .command("link")
    .description("the network interfaces, as ip link shows them")
    .argument("[words...]", "show, and which of them");
  addShowOptions(command, "the links as a list, with all their fields", { brief: true, stats: true })
    .addHelpText("after", EXAMPLES)
    .addHelpText("after", changeHelp("link"))
    .action((words: string[], options: ShowOptions) =>
      run("link", async () => (await change("link", words, options)) ?? printed(showLinks(words, options))),
    );
}

const WHOLE = { whole: true, layer: true, queue: true };
const LINK: Shown<Link> = {
  json: (it, view) => linkJson(it, view, true),
  text: (it, view, style) => linkText(visibleIn(linkJson(it, view, true)), it, style, WHOLE),
};
const BRIEF: Shown<Link> = {
  json: (it, view) => briefLinkJson(linkJson(it, view, true), true),
  text: (it, view, style) => briefText(visibleIn(linkJson(it, view, true)), style),
};

/** What `ip link show` prints. @throws {UsageError} @throws {NetlinkError} */
export async function showLinks(words: readonly string[], options: ShowOptions): Promise<Pieces> {
  const rest = behindShow("link", words);
  const statistics = (options.stats ?? 0) > 0;
  return await withLinks(
    async (net, names, all) => {
      const { links } = await readAddressWords(rest, undefined, net, false);
      return await show(links(all), options.brief ? BRIEF : LINK, options, names);
    },
    { statistics },
  );
}
