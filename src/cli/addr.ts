/** `windsock addr`: the addresses of the network interfaces. */
import type { Command } from "commander";
import { familyOf, run } from "./_command.ts";
import { behindShow, readWords } from "./_ip_words.ts";
import { type Json, linkJson } from "./_link_json.ts";
import { addressJson } from "./_netlink_json.ts";
import { type ShowOptions, show, withLinks } from "./_netlink_show.ts";
import { addressText, linkText } from "./_netlink_text.ts";

const EXAMPLES = `
Words: show [ [dev] NAME ] [ up ]. --json has the fields of "ip -j -d addr".

Examples:
  windsock addr
  windsock addr -4 show dev eth0
  windsock addr --json`;

export function addAddr(program: Command): void {
  program
    .command("addr")
    .description("the addresses of the network interfaces, as ip addr shows them")
    .argument("[words...]", "show, and which of them")
    .option("-4, --ipv4", "those of IPv4")
    .option("-6, --ipv6", "those of IPv6")
    .option("--json", "the links as a list, each with its addr_info")
    .addHelpText("after", EXAMPLES)
    .action((words: string[], options: ShowOptions) => run("addr", () => addr(words, options)));
}

async function addr(words: readonly string[], options: ShowOptions): Promise<number> {
  const family = familyOf(options);
  const { dev, plain, up } = readWords(behindShow(words), { dev: "word", up: "flag" } as const, "a name");
  const device = dev ?? plain;
  return await withLinks(async (net, names, all) => {
    const links = device === undefined ? all : [await net.links.get(device)];
    const addresses = await net.addresses.list({
      family,
      device: device === undefined ? undefined : links[0]?.index,
    });
    const rows = links
      .filter((link) => up === undefined || link.up)
      .map((link) => ({
        ...linkJson(link, names, false),
        addr_info: addresses.filter((it) => it.device === link.index).map(addressJson),
      }))
      .filter((row) => family === undefined || row.addr_info.length > 0);
    return await show(rows, text, options);
  });
}

function text(row: Json): string {
  return [linkText(row), ...(row.addr_info as Json[]).map(addressText)].join("\n");
}
