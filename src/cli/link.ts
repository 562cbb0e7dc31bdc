/** `windsock link`: the network interfaces. */
import type { Command } from "commander";
import { run } from "./_command.ts";
import { behindShow, readWords } from "./_ip_words.ts";
import { linkJson } from "./_link_json.ts";
import { type ShowOptions, show, withLinks } from "./_netlink_show.ts";
import { linkText } from "./_netlink_text.ts";

const EXAMPLES = `
Words: show [ [dev] NAME ] [ up ] [ master NAME ] [ type KIND ]. --json has the fields of "ip -j -d link".

Examples:
  windsock link
  windsock link show dev eth0 --json
  windsock link show type bridge`;

export function addLink(program: Command): void {
  program
    .command("link")
    .description("the network interfaces, as ip link shows them")
    .argument("[words...]", "show, and which of them")
    .option("--json", "the links as a list, with all their fields")
    .addHelpText("after", EXAMPLES)
    .action((words: string[], options: ShowOptions) => run("link", () => link(words, options)));
}

async function link(words: readonly string[], options: ShowOptions): Promise<number> {
  const keywords = { dev: "word", up: "flag", master: "word", type: "word" } as const;
  const { dev, plain, up, master, type } = readWords(behindShow(words), keywords, "a name");
  const device = dev ?? plain;
  return await withLinks(async (net, names, all) => {
    const filtered = master !== undefined || type !== undefined;
    const links =
      device !== undefined
        ? [await net.links.get(device)]
        : filtered
          ? await net.links.list({ master, kind: type })
          : all;
    const wanted = links.filter((it) => up === undefined || it.up);
    return await show(
      wanted.map((it) => linkJson(it, names, true)),
      linkText,
      options,
    );
  });
}
