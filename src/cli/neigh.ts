/** `windsock neigh`: who has which link-layer address. */
import type { Command } from "commander";
import { familyOf, run } from "./_command.ts";
import { behindShow, readWords } from "./_ip_words.ts";
import { neighborJson } from "./_netlink_json.ts";
import { type ShowOptions, show, withLinks } from "./_netlink_show.ts";
import { neighborText } from "./_netlink_text.ts";

const EXAMPLES = `
Words: show [ [dev] NAME ] [ nud STATE ]; states are permanent, noarp, stale, reachable, incomplete, delay, probe,
failed and all. Without nud those that nobody has asked for, and noarp, are left out. --json has the fields of
"ip -j -d neigh".

Examples:
  windsock neigh
  windsock neigh show dev eth0 nud reachable
  windsock neigh -6 --json`;

export function addNeigh(program: Command): void {
  program
    .command("neigh")
    .description("the neighbours on the links, as ip neigh shows them")
    .argument("[words...]", "show, and which of them")
    .option("-4, --ipv4", "those of IPv4")
    .option("-6, --ipv6", "those of IPv6")
    .option("--json", "the neighbours as a list")
    .addHelpText("after", EXAMPLES)
    .action((words: string[], options: ShowOptions) => run("neigh", () => neigh(words, options)));
}

async function neigh(words: readonly string[], options: ShowOptions): Promise<number> {
  const family = familyOf(options);
  const { dev, plain, nud } = readWords(behindShow(words), { dev: "word", nud: "word" } as const, "a name");
  return await withLinks(async (net, names) => {
    const all = await net.neighbors.list({ family, device: dev ?? plain });
    const wanted = all.filter(({ state }) => {
      if (nud === undefined) return state.length > 0 && !state.includes("noarp");
      return nud === "all" || state.some((word) => word === nud);
    });
    return await show(
      wanted.map((it) => neighborJson(it, names.nameOf)),
      neighborText,
      options,
    );
  });
}
